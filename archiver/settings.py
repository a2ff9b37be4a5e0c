"""Scrapy settings: where the parts are put together.

A value that differs from Scrapy's has a comment that says why, with Scrapy's own. Ours begin with `ARCHIVER_`. A Scrapy
project of your own adds sites to the archiver with two lines in its settings.py:

    from archiver.settings import *
    SPIDER_MODULES = ["archiver_spiders", "my_project.spiders"]
"""

from __future__ import annotations

import gc
import os
from pathlib import Path

from scrapy.settings import BaseSettings, default_settings

from archiver import __version__

# Ours

ARCHIVER_ROOT = os.environ.get("ARCHIVER_ROOT", "data")
"""The archive's folder. `-s ARCHIVER_ROOT=DIR` and a project's own settings go before the environment variable."""

ARCHIVER_CONTACT = os.environ.get("ARCHIVER_CONTACT", "")
"""An e-mail or web address in the user agent: whom to write to about the crawl."""

ARCHIVER_ALLOW_HOSTS = os.environ.get("ARCHIVER_ALLOW_HOSTS", "")
"""Hosts, `host[:port]`, comma-separated, on loopback or private addresses that may be fetched all the same."""

ARCHIVER_LONGEST_WAIT = 120
"""Seconds that a crawl waits where a site asks for it, by Crawl-delay or Retry-After. Past that, it leaves the host to a
later crawl."""

ARCHIVER_MAX_DEPTH = 1_000
"""Links from one page to the next, listing pages mostly: beyond that it is a trap. Scrapy's DEPTH_LIMIT cuts without a word."""

ARCHIVER_MAX_PAGES = 20_000
"""Requests to one host in one crawl."""

# Arrow's own allocator keeps what it once had: 20 to 40 MB more of a crawl that publishes. It is chosen on import; a
# choice of the environment's goes before.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

# Python looks for cycles whenever 700 objects more are alive, and a page makes ten times as many: a tenth of a crawl's CPU,
# start included. Rarer than this gains nothing more.
gc.set_threshold(5_000, 10, 10)

ARCHIVER_LOG_JSON = os.environ.get("ARCHIVER_LOG_JSON", "0")
"""1 writes the log as JSON, one object a line. `--log-json` does the same."""

# The project

BOT_NAME = "policy-archiver"
SPIDER_MODULES = ["archiver_spiders"]
COMMANDS_MODULE = "archiver.commands.overrides"  # `scrapy crawl` with exit codes that tell the truth; ""
ITEM_PIPELINES = {
    "archiver.pipelines.NormalizePipeline": 100,
    "archiver.pipelines.ValidatePipeline": 200,
    "archiver.pipelines.SelectPipeline": 300,
    "archiver.pipelines.InboxPipeline": 400,
}
DOWNLOADER_MIDDLEWARES = {
    "archiver.network.gate.Gate": 10,  # below robots.txt (100): nothing is asked of a host that is refused
    "archiver.network.robots.Robots": 100,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,  # takes any failure for a permission
    "archiver.network.redirects.Refreshes": 580,
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
    "archiver.network.decoding.Decoding": 590,
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
    "archiver.network.redirects.Redirects": 600,
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
    "archiver.middlewares.RawResponses": 610,  # above decoding (590) and redirects (600)
}
DOWNLOAD_HANDLERS = {
    "http": "archiver.network.handler.GuardedHandler",
    "https": "archiver.network.handler.GuardedHandler",
    "data": None,
    "file": None,
    "ftp": None,
    "s3": None,
}
EXTENSIONS = {
    "archiver.recall.Recall": 50,
    "archiver.extensions.RunRecorder": 100,
    "archiver.extensions.Progress": 200,
}
FEED_EXPORTERS = {
    "csv": "archiver.exporters.StoryCsvExporter",
    "jl": "archiver.exporters.StoryJsonLinesExporter",
    "json": "archiver.exporters.StoryJsonExporter",
    "jsonl": "archiver.exporters.StoryJsonLinesExporter",
    "jsonlines": "archiver.exporters.StoryJsonLinesExporter",
    "parquet": "archiver.exporters.ParquetExporter",
}

# Politeness: a site pays with its patience for our haste

USER_AGENT = f"policy-archiver/{__version__}"  # StorySpider adds ARCHIVER_CONTACT; Scrapy's names Scrapy
ROBOTSTXT_OBEY = True  # False
CONCURRENT_REQUESTS_PER_DOMAIN = 1  # one page after another is what a reader does; 8
CONCURRENT_REQUESTS = 1  # more would wait in line all the same, and a limit or Ctrl-C would wait for them; 16
DOWNLOAD_DELAY = 1  # seconds between the end of a request to a host and the start of the next; 0
DOWNLOAD_DELAY_JITTER = 0  # the delay is a promise: no pause is half of it; 0.5
COOKIES_ENABLED = False  # a story needs no session, and huge cookies break the next request; True

# Safety

TELNETCONSOLE_ENABLED = False  # it runs Python for whoever reaches the port; True
REMOTE_CONTROL_ENABLED = False  # it runs posted Python on loopback; True
# Switched off they would be loaded all the same, and aiohttp with them: 8 MB.
EXTENSIONS_BASE = {
    name: order
    for name, order in default_settings.EXTENSIONS_BASE.items()
    if not name.endswith((".TelnetConsole", ".RemoteControl"))
}
DOWNLOAD_VERIFY_CERTIFICATES = True  # an archive must not take an impostor's word; False
DOWNLOAD_MAXSIZE = 10 * 1024**2  # no story is larger, a decompression bomb is; 1 GiB
DOWNLOAD_WARNSIZE = 5 * 1024**2  # must lie below the maximum; 32 MiB
DOWNLOAD_TIMEOUT = 30  # for a whole response; one that takes longer holds up its whole site; 180
REDIRECT_MAX_TIMES = 11  # the gate refuses and counts the eleventh; 20
METAREFRESH_MAXDELAY = (
    5  # seconds; whoever lets a page stand for longer means it to be read, and many reload themselves; 100
)
URLLENGTH_LIMIT = 0  # the gate refuses and counts; this would drop stories without a word; 2083
HTTPPROXY_ENABLED = False  # a proxy connects to whatever a page names, and no address could be checked; True

# Order and speed

SCHEDULER_MEMORY_QUEUE = "scrapy.squeues.FifoMemoryQueue"  # stories as listed, newest first; Lifo
CONCURRENT_ITEMS = 4  # each response starts as many tasks: 1.45 ms a page instead of 2.57; 100
WARN_ON_GENERATOR_RETURN_VALUE = False  # to warn it parses the source of each callback: 0.03 s of a crawl; True

# Feeds

FEED_EXPORT_ENCODING = "utf-8"  # readable text instead of \u escapes; None
FEED_STORE_EMPTY = False  # a run that finds nothing must not empty the file of the run before; True

# Logging

LOG_LEVEL = "INFO"  # DEBUG writes a line a page; DEBUG
LOG_FORMATTER = "archiver.logs.QuietLogFormatter"  # no item in the log
RETRY_GIVE_UP_LOG_LEVEL = "INFO"  # the spider says once that a page is lost; ERROR
STATS_DUMP = False  # the run record holds what happened; True


def find_root(settings: BaseSettings) -> Path:
    """Return the archive's folder; also for a project whose settings do not start from these."""
    return Path(settings.get("ARCHIVER_ROOT") or ARCHIVER_ROOT)
