"""A Scrapy project of a user's own that crawls sites on loopback as a person would: by command."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds

from bench.network import plain_environment

SETTINGS = """
from archiver.settings import *
SPIDER_MODULES = ["archiver_spiders", "own_sites"]
DOWNLOAD_DELAY = 0
RETRY_TIMES = 1
ARCHIVER_ALLOW_HOSTS = "127.0.0.1"
"""


@dataclass
class Project:
    """Commands are run in `folder`; the archive is `folder/data` unless a setting says otherwise."""

    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "scrapy.cfg").write_text("[settings]\ndefault = own_settings\n")
        (self.folder / "own_settings.py").write_text(SETTINGS)
        (self.folder / "own_sites.py").write_text("from archiver.spider import StorySpider\n")

    @property
    def root(self) -> Path:
        return self.folder / "data"

    def add_site(self, name: str, home: str, more: str = "") -> None:
        """Add a site as the README says: three lines."""
        class_name = name.title().replace("_", "") + "Spider"
        lines = f"\nclass {class_name}(StorySpider):\n    name = {name!r}\n    home = {home!r}\n{more}"
        with (self.folder / "own_sites.py").open("a") as file:
            file.write(lines)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=self.folder,
            env=plain_environment() | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **environment: str) -> Ran:
        """Run `python -m …` in the project."""
        with self.start(*words, **environment) as process:
            output, log = process.communicate(timeout=120)
        return Ran(process.returncode, output, log)

    def crawl(self, name: str, *words: str, **arguments: Any) -> Ran:
        """Run `scrapy crawl`; keyword arguments are passed by -a."""
        given = [word for key, value in arguments.items() for word in ("-a", f"{key}={value}")]
        return self.run("scrapy", "crawl", name, *given, *words)

    def records(self) -> list[dict[str, Any]]:
        """Run records, in the order of the runs."""
        records = [json.loads(path.read_bytes()) for path in self.root.glob("runs/*.json")]
        return sorted(records, key=lambda record: str(record["started_at"]))

    def rows(self, *columns: str) -> list[dict[str, Any]]:
        """Rows of `stories`, as pyarrow reads them."""
        if not (self.root / "stories").is_dir():
            return []
        stories = ds.dataset(self.root / "stories", partitioning="hive")
        return stories.to_table(list(columns) or None).to_pylist()

    def urls(self) -> set[str]:
        rows = [row["url"] for row in self.rows("url")]
        assert len(rows) == len(set(rows))
        return set(rows)


@dataclass
class Ran:
    exit_code: int
    output: str
    log: str


def paths(urls: Iterable[str]) -> list[str]:
    return sorted("/" + url.split("/", 3)[3] for url in urls)


class Pages:
    """A site made of a few pages: path → HTML, a status, `→URL` (302) or `⇒URL` (301). Counts what it is asked for.

    The first request is answered when all sites of `together` have had one: no clock tells whether crawls overlapped.
    """

    def __init__(self, pages: dict[str, str | int], *, together: threading.Barrier | None = None) -> None:
        self.pages = pages
        self.requests: Counter[str] = Counter()
        self.together = together

    def __enter__(self) -> Pages:
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served.requests[self.path] += 1
                if served.together and served.requests.total() == 1:
                    served.together.wait()
                page = served.pages.get(self.path, 404)
                if isinstance(page, str) and page[:1] in ("→", "⇒"):
                    self.send_response(302 if page[0] == "→" else 301)
                    self.send_header("Location", page[1:])
                    self.end_headers()
                    return
                body = page.encode() if isinstance(page, str) else b"no such page"
                self.send_response(200 if isinstance(page, str) else page)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


PROSE = (
    "The ministry put the measure to parliament on Tuesday and asked for a vote before the summer recess begins.",
    "Officials expect the cost to reach forty million in the first year, most of it for inspectors and their training.",
    "Councils that already run a scheme of their own may keep it, provided that it covers at least the same ground.",
    "A review is due after eighteen months, and its findings will be published in full on the department's own site.",
)


def story_page(title: str, *, section: str = "Policy", section_url: str = "", more: str = "") -> str:
    """A story in plain markup, as any site may write it."""
    label = f"<p><a href='{section_url}'>More in {section} →</a></p>" if section_url else ""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in PROSE)
    article = f"<article><h1>{title}</h1>{body}{more}{label}</article>"
    return f"<html><head><title>{title}</title></head><body><main>{article}</main></body></html>"


def listing_page(links: dict[str, str], *, nav: dict[str, str] | None = None, more: str = "") -> str:
    """A listing with the stories' headlines, below a navigation."""
    menu = "".join(f"<li><a href='{url}'>{label}</a></li>" for url, label in (nav or {}).items())
    card = "<article><h2><a href='{}'>{}</a></h2><p>{}</p></article>"
    cards = "".join(card.format(url, title, PROSE[0]) for url, title in links.items())
    return f"<html><body><header><nav><ul>{menu}</ul></nav></header><main>{cards}{more}</main></body></html>"


def headlines(*topics: str) -> dict[str, str]:
    """Story address → headline."""
    return {f"/article/{topic}-bill-goes-to-a-vote": f"The {topic} bill goes to a vote at last" for topic in topics}
