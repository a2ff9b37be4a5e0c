"""The bundled network: `archiver demo` crawls it, `archiver demo --serve` serves it on loopback to crawl by hand."""

from __future__ import annotations

import os

from archiver.demo.server import DEMO_PORTS, HOST
from archiver.spider import StorySpider

PORT = int(os.environ.get("ARCHIVER_DEMO_PORT") or DEMO_PORTS[0])


class DemoSpider(StorySpider):
    is_scheduled = False
    # Nobody's machine but our own is asked, so there is nobody to be polite to, and no address to fear.
    custom_settings = {  # noqa: RUF012 - declared by Scrapy
        "DOWNLOAD_DELAY": 0,
        "ARCHIVER_ALLOW_HOSTS": ",".join(f"{HOST}:{PORT + number}" for number in range(len(DEMO_PORTS))),
    }


class LedgerleafSpider(DemoSpider):
    name = "ledgerleaf"
    home = f"http://{HOST}:{PORT}/"


class TidewaterReviewSpider(DemoSpider):
    name = "tidewater_review"
    home = f"http://{HOST}:{PORT + 1}/"


class PlainwireSpider(DemoSpider):
    name = "plainwire"
    home = f"http://{HOST}:{PORT + 2}/"


class OldQuarterGazetteSpider(DemoSpider):
    name = "old_quarter_gazette"
    home = f"http://{HOST}:{PORT + 3}/"
