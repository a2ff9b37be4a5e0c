"""Peak memory of a crawl of many stories, served fast from loopback.

    python -m bench.archive.crawl_memory --stories 2000 10000

Each number of stories is a crawl of its own into an archive of its own. Peak is the crawling process's resident set, its
publishing included, and before it the peak until the first file was published. 50,000 stories must stay under 250 MB and
within 1.2 times what 5,000 take. `--undated` serves pages without dates and sections: all stories then stand in one
partition. `--sample FILE` writes the resident set second by second, with the stories in the inbox by then.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.dataset as ds

from bench.network import WORDS, make_project, plain_environment, write_project

LIMIT_MB, LIMIT_GROWTH = 250, 1.2
SECTIONS = ("policy", "markets", "energy", "health", "transport")
PER_PAGE = 50
PER_DAY = 100
"""Stories of a day: 50,000 stories are 500 days of five sections."""
NEWEST = datetime(2026, 6, 29, 12, tzinfo=UTC)


class Pages:
    """Pages of a site of any size, each made when it is asked for."""

    def __init__(self, stories: int, undated: bool = False) -> None:
        self.stories, self.undated = stories, undated

    def make(self, path: str) -> str | None:
        kind, _, rest = path.strip("/").partition("/")
        if not kind:
            return self._page("Home", self._cards(range(min(10, self.stories))))
        if kind == "section":
            section, _, page = rest.partition("/page/")
            return self._listing(section, int(page or 1))
        if kind == "article":
            return self._story(int(rest.rpartition("-")[2]))
        return None

    def _page(self, title: str, content: str) -> str:
        nav = "".join(f"<li><a href='/section/{name}'>{name.title()}</a></li>" for name in SECTIONS)
        return (
            f"<html lang='en'><head><title>{title}</title></head><body><header><nav><ul>{nav}</ul></nav></header>"
            f"<main>{content}</main></body></html>"
        )

    def _cards(self, numbers: Any) -> str:
        return "".join(f"<article><h2><a href='{_path(n)}'>{_title(n)}</a></h2></article>" for n in numbers)

    def _listing(self, section: str, page: int) -> str:
        own = range(SECTIONS.index(section), self.stories, len(SECTIONS))
        shown = own[(page - 1) * PER_PAGE : page * PER_PAGE]
        more = (
            f"<a rel='next' href='/section/{section}/page/{page + 1}'>Older</a>" if page * PER_PAGE < len(own) else ""
        )
        return self._page(section.title(), self._cards(shown) + more)

    def _story(self, number: int) -> str:
        random = Random(number)
        at = NEWEST - timedelta(days=number // PER_DAY, minutes=number % PER_DAY)
        text = "".join("<p>" + " ".join(random.choices(WORDS, k=60)).capitalize() + ".</p>" for _ in range(6))
        section = SECTIONS[number % len(SECTIONS)]
        label = f"<p><a href='/section/{section}'>More in {section.title()} →</a></p>"
        stamp = f"<time datetime='{at.isoformat()}'>{at:%d %B %Y}</time>"
        if self.undated:
            label = stamp = ""
        return self._page(_title(number), f"<article><h1>{_title(number)}</h1>{stamp}{text}{label}</article>")


def _title(number: int) -> str:
    first, second, third = Random(number).choices(WORDS, k=3)
    return f"The {first} {second} and the {third} go to a vote, part {number}"


def _path(number: int) -> str:
    first, second, third = Random(number).choices(WORDS, k=3)
    return f"/article/the-{first}-{second}-and-the-{third}-go-to-a-vote-part-{number}"


def serve(stories: int, undated: bool, ports: Any) -> None:
    pages = Pages(stories, undated)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            page = pages.make(self.path)
            body = (page or "no such page").encode()
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ports.put(server.server_port)
    server.serve_forever()


@dataclass(frozen=True)
class Crawled:
    """What one crawl took."""

    peak_mb: float
    crawling_mb: float
    """Peak before anything was published."""
    seconds: float
    cpu: float
    archived: int


def crawl(stories: int, again: bool, undated: bool, sample: Path | None) -> list[Crawled]:
    """Crawl a site of so many stories, and with `again` once more."""
    ports: Any = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(stories, undated, ports), daemon=True)
    server.start()
    found = []
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            home = f"http://127.0.0.1:{ports.get()}/"
            if undated:
                write_project(folder, UNDATED_SPIDERS.format(home=home))
            else:
                make_project(folder, {"site": home})
            found += [_measure(folder, sample) for _ in range(1 + again)]
    finally:
        server.terminate()
    return found


UNDATED_SPIDERS = """
class Site(StorySpider):
    name = "site"
    start_urls = ["{home}section/policy", "{home}section/markets", "{home}section/energy", "{home}section/health",
                  "{home}section/transport"]
"""
"""Listings that no navigation names, so that their stories have no section either."""


def _measure(folder: Path, sample: Path | None) -> Crawled:
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    begun = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", "scrapy", "crawl", "site"], cwd=folder, env=plain_environment() | {"PYTHONPATH": path}
    )
    watch = threading.Thread(target=_watch, args=(child.pid, folder / "data", peaks := [0], sample))
    watch.start()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    watch.join()
    if child.returncode:
        sys.exit(f"the crawl ended with {child.returncode}")
    archived = ds.dataset(folder / "data/stories", partitioning="hive").count_rows()
    return Crawled(
        used.ru_maxrss / 1024, peaks[0] / 1024, time.monotonic() - begun, used.ru_utime + used.ru_stime, archived
    )


def _watch(pid: int, root: Path, peaks: list[int], sample: Path | None) -> None:
    """Note the peak of a process until it publishes."""
    begun, last = time.monotonic(), 0.0
    was_published = {path.stat().st_mtime_ns for path in root.glob("manifest.json")}
    while True:
        try:
            status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            peak, now = (int(status[name].split()[0]) for name in ("VmHWM", "VmRSS"))
        except (OSError, KeyError):  # it has ended
            return
        if not (root / "state/publish.lock").exists() or was_published:
            peaks[0] = peak
        if sample and time.monotonic() - last > 1:
            last = time.monotonic()
            size = sum(path.stat().st_size for path in root.glob("inbox/*.jsonl"))
            with sample.open("a") as file:
                file.write(f"{last - begun:.0f}\t{now >> 10}\t{size >> 20}\n")
        time.sleep(0.02)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--stories", type=int, nargs="+", default=[2_000, 10_000], help="50000 takes a quarter of an hour")
    ask.add_argument("--again", action="store_true", help="crawl a second time: everything is known")
    ask.add_argument("--undated", action="store_true", help="all stories in one partition")
    ask.add_argument(
        "--sample", type=Path, metavar="FILE", help="seconds, resident MB, MB in the inbox: a line a second"
    )
    args = ask.parse_args()
    print("| stories | archived | peak RSS | before publishing | seconds | CPU s |\n|---:|---:|---:|---:|---:|---:|")
    peaks = []
    for stories in args.stories:
        for number, each in enumerate(crawl(stories, args.again, args.undated, args.sample)):
            print(
                f"| {stories}{', again' if number else ''} | {each.archived} | {each.peak_mb:.0f} MB "
                f"| {each.crawling_mb:.0f} MB | {each.seconds:.0f} | {each.cpu:.1f} |",
                flush=True,
            )
            if number == 0:
                peaks.append((stories, each.peak_mb))
    (few, low), (many, high) = peaks[0], peaks[-1]
    if many > few:
        print(
            f"\n{(high - low) / (many - few) * 1000:.2f} MB a thousand stories; {many} take {high / low:.2f} times {few}"
        )
    if high > LIMIT_MB or (few >= 5_000 and high > LIMIT_GROWTH * low):
        sys.exit(f"more than {LIMIT_MB} MB, or than {LIMIT_GROWTH} times the fewest")


if __name__ == "__main__":
    main()
