"""A whole crawl of the generated site, and what a user would pick instead; each in a process of its own, on one core."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.dataset as ds

from bench.network import SETTINGS, make_project, write_project
from bench.speed.children import Cost, run
from bench.speed.server import PLAIN, free_port, serving
from bench.speed.site import write_site

HERE = Path(__file__).parent
PEERS = HERE.parent / "peers"
CONCURRENCY = 8
SAME = f"CONCURRENT_REQUESTS = {CONCURRENCY}\nCONCURRENT_REQUESTS_PER_DOMAIN = {CONCURRENCY}\n"
BARE_SETTINGS = f"""
{SAME}
DOWNLOAD_DELAY = 0
CONCURRENT_ITEMS = 4
COOKIES_ENABLED = False
DOWNLOAD_TIMEOUT = 30
LOG_LEVEL = "WARNING"
REMOTE_CONTROL_ENABLED = False
ROBOTSTXT_OBEY = True
SCHEDULER_MEMORY_QUEUE = "scrapy.squeues.FifoMemoryQueue"
STATS_DUMP = False
TELNETCONSOLE_ENABLED = False
"""
"""The values of ours, on parts of Scrapy's alone."""
GUARDED_SETTINGS = f"""
{SETTINGS}
{SAME}
SPIDER_MODULES = []
ITEM_PIPELINES = {{}}
EXTENSIONS = {{}}
DOWNLOADER_MIDDLEWARES = {{k: v for k, v in DOWNLOADER_MIDDLEWARES.items() if k != "archiver.middlewares.RawResponses"}}
"""
"""Ours as they are, guards and all, but for what archives."""


@dataclass(frozen=True)
class Site:
    home: str
    stories: int
    pages: int
    folder: Path
    """The pages, gzipped."""


@contextmanager
def generated_site(stories: int, name: str = "") -> Iterator[Site]:
    """Generate a site and serve it by nginx while the block runs."""
    with tempfile.TemporaryDirectory(prefix="bench-site-") as place:
        folder, port = Path(place), free_port()
        base = f"http://127.0.0.1:{port}"
        folder.chmod(0o755)  # nginx's worker is another user
        pages = write_site(folder / "pages", stories, base, name)
        with serving(folder / "pages", folder / "nginx", port):
            yield Site(f"{base}/index.html", stories, pages, folder / "pages")


@dataclass
class Crawls:
    """Each method runs one crawl in a fresh folder, and ends the bench where it did not bring every story."""

    site: Site
    folder: Path
    peers: Path = PEERS
    """Folder of the environments of the peers, one each."""

    def _fresh(self, name: str) -> Path:
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def project(self, name: str = "ours") -> Path:
        """Make a project that crawls the site with ours."""
        folder = self._fresh(name)
        make_project(folder, {"site": self.site.home}, SETTINGS + SAME)
        return folder

    def ours(self) -> Cost:
        folder = self.project()
        cost = run([sys.executable, "-m", "scrapy", "crawl", "site"], folder, {"PYTHONPATH": str(folder)})
        self._check("ours", _count_stories(folder))
        return cost

    def all_sites(self, name: str, sites: Mapping[str, Site], jobs: int) -> Cost:
        """Crawl several sites by one command."""
        folder = self._fresh(name)
        make_project(folder, {each: site.home for each, site in sites.items()}, SETTINGS + SAME)
        command = [sys.executable, "-m", "archiver", "crawl", "--all", "--jobs", str(jobs)]
        cost = run(command, folder, {"PYTHONPATH": f"{folder}:{HERE.parents[1]}"})
        self._check(name, _count_stories(folder), sum(site.stories for site in sites.values()))
        return cost

    def bare(self, name: str = "bare", settings: str = BARE_SETTINGS, *, counts: bool = True) -> Cost:
        """`counts` is False where the settings leave out what counts the answers."""
        folder = self._fresh(name)
        write_project(folder, "", settings)
        command = [sys.executable, "-m", "scrapy", "runspider", HERE / "bare_spider.py", "-a", f"home={self.site.home}"]
        stats = ["-s", f"BENCH_STATS={folder / 'stats.json'}"]
        cost = run([*command, *stats], folder, {"PYTHONPATH": str(folder)})
        told = json.loads((folder / "stats.json").read_text())
        if counts and told["downloader/response_status_count/200"] != self.site.pages + 1:  # and robots.txt
            sys.exit(f"{name} has not asked for the same pages as ours: {told}")
        return cost

    def guarded(self) -> Cost:
        return self.bare("guarded", GUARDED_SETTINGS)

    def feed_crawl(self) -> Cost:
        """Scrapy's default settings, trafilatura, JSON lines."""
        folder = self._fresh("feed")
        command = [self._python("feed"), "-m", "scrapy", "runspider", HERE / "feed_spider.py", "-O", "stories.jsonl"]
        cost = run([*command, "-a", f"home={self.site.home}", "-L", "WARNING"], folder, {"PYTHONPATH": str(HERE)})
        self._check("feed", _count_lines(folder / "stories.jsonl"))
        return cost

    def crawlee_crawl(self) -> Cost:
        folder = self._fresh("crawlee")
        command = [
            self._python("crawlee"),
            HERE / "crawlee_crawl.py",
            self.site.home,
            "stories.jsonl",
            str(CONCURRENCY),
        ]
        cost = run(command, folder)
        self._check("crawlee", _count_lines(folder / "stories.jsonl"))
        return cost

    def news_please_crawl(self) -> Cost:
        folder = self._fresh("news-please")
        python = self._python("news-please")
        found = run([python, "-c", "import newsplease, os; print(os.path.dirname(newsplease.__file__))"], folder)
        installed = Path(found.told.strip()) / "config" / "config.cfg"
        values = {"working_path": f"{folder}/found/", "check_certificate": "False", "number_of_parallel_crawlers": "1"}
        config = installed.read_text()
        for name, value in values.items():
            config = re.sub(rf"(?m)^{name} *=.*$", f"{name} = {value}", config)
        config = re.sub(
            r"(?m)^CONCURRENT_REQUESTS_PER_DOMAIN.*$", f"CONCURRENT_REQUESTS_PER_DOMAIN={CONCURRENCY}", config
        )
        (folder / "config.cfg").write_text(config)
        site = {
            "url": f"http://{PLAIN}/index.html",
            "crawler": "RecursiveCrawler",
            "overwrite_heuristics": {"og_type": True, "linked_headlines": False, "self_linked_headlines": False},
            "pass_heuristics_condition": "og_type",
        }
        (folder / "sitelist.hjson").write_text(json.dumps({"base_urls": [site]}))
        cost = run([python.with_name("news-please"), "-c", folder], folder)
        self._check("news-please", len(list(folder.glob("found/**/*.json"))), at_least=True)
        return cost

    def _python(self, peer: str) -> Path:
        python = self.peers / peer / "bin" / "python"
        if not python.exists():
            sys.exit(f"no environment of {peer}: `make bench-peers` makes it")
        return python

    def _check(self, name: str, stories: int, wanted: int | None = None, *, at_least: bool = False) -> None:
        """End the bench where not as many stories came as the site has, or all sites have."""
        wanted = self.site.stories if wanted is None else wanted
        if stories < wanted or (stories > wanted and not at_least):
            sys.exit(f"{name} brought {stories} of {wanted} stories")


def _count_stories(folder: Path) -> int:
    return int(ds.dataset(folder / "data/stories", partitioning="hive").count_rows())


def _count_lines(path: Path) -> int:
    return len(path.read_bytes().splitlines())
