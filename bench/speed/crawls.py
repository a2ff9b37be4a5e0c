"""A whole crawl of the generated site, beside what a user would pick instead; each in a process of its own, on one core.

python -m bench.speed.crawls --stories 1000 --rounds 5
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from bench.network import SETTINGS, SPIDERS
from bench.speed.children import Cost, alternate, median, median_ratio, run
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

    def _fresh(self, name: str, settings: str) -> Path:
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "scrapy.cfg").write_text("[settings]\ndefault = bench_settings\n")
        (folder / "bench_settings.py").write_text(settings)
        return folder

    def project(self, name: str) -> Path:
        """Make a project that crawls the site with ours."""
        folder = self._fresh(name, SETTINGS + SAME)
        (folder / "bench_sites.py").write_text(SPIDERS.format(home=self.site.home))
        return folder

    def ours(self, name: str = "ours") -> Cost:
        folder = self.project(name)
        cost = run([sys.executable, "-m", "scrapy", "crawl", "site"], folder, {"PYTHONPATH": str(folder)})
        files = folder.glob("data/stories/*/*/stories.parquet")
        self._check(name, sum(pq.read_metadata(file).num_rows for file in files))
        return cost

    def all_sites(self, name: str, sites: Mapping[str, Site], jobs: int) -> Cost:
        """Crawl several sites by one command."""
        folder = self._fresh(name, SETTINGS + SAME)
        spiders = (
            f'class {each.title()}(StorySpider):\n    name = "{each}"\n    home = "{site.home}"\n\n'
            for each, site in sites.items()
        )
        (folder / "bench_sites.py").write_text("from archiver.spider import StorySpider\n\n" + "".join(spiders))
        cost = run(
            [sys.executable, "-m", "archiver", "crawl", "--all", "--jobs", str(jobs)],
            folder,
            {"PYTHONPATH": f"{folder}:{HERE.parents[1]}"},
        )
        files = folder.glob("data/stories/*/*/stories.parquet")
        if (found := sum(pq.read_metadata(file).num_rows for file in files)) != sum(s.stories for s in sites.values()):
            sys.exit(f"{name} brought {found} stories")
        return cost

    def bare(self, name: str = "bare", settings: str = BARE_SETTINGS, *, counts: bool = True) -> Cost:
        """`counts` is False where the settings leave out what counts the answers."""
        folder = self._fresh(name, settings)
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
        folder = self._fresh("feed", "")
        command = [self._python("feed"), "-m", "scrapy", "runspider", HERE / "feed_spider.py", "-O", "stories.jsonl"]
        cost = run([*command, "-a", f"home={self.site.home}", "-L", "WARNING"], folder, {"PYTHONPATH": str(HERE)})
        self._check("feed", _count_lines(folder / "stories.jsonl"))
        return cost

    def crawlee_crawl(self) -> Cost:
        folder = self._fresh("crawlee", "")
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
        folder = self._fresh("news-please", "")
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

    def _check(self, name: str, stories: int, *, at_least: bool = False) -> None:
        if stories < self.site.stories or (stories > self.site.stories and not at_least):
            sys.exit(f"{name} brought {stories} of {self.site.stories} stories")


def _count_lines(path: Path) -> int:
    return len(path.read_bytes().splitlines())


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--stories", type=int, default=1000)
    ask.add_argument("--rounds", type=int, default=5)
    ask.add_argument("--only", nargs="*", default=["ours", "bare", "guarded"])
    args = ask.parse_args()
    with generated_site(args.stories) as site, tempfile.TemporaryDirectory() as name:
        crawls = Crawls(site, Path(name))
        runs: dict[str, Callable[[], Cost]] = {
            "ours": crawls.ours,
            "bare": crawls.bare,
            "guarded": crawls.guarded,
            "feed": crawls.feed_crawl,
            "crawlee": crawls.crawlee_crawl,
            "news-please": crawls.news_please_crawl,
        }
        costs = alternate({each: runs[each] for each in args.only}, args.rounds)
    for each, told in costs.items():
        cpu = [1000 * cost.cpu / site.pages for cost in told]
        pages = [site.pages / cost.seconds for cost in told]
        print(
            f"{each}: {median(cpu):.2f} ms CPU a page, {median(pages):.0f} pages/s; "
            f"ours takes {median_ratio([c.cpu for c in costs['ours']], [c.cpu for c in told]):.2f} × its CPU, "
            f"{median_ratio([c.seconds for c in told], [c.seconds for c in costs['ours']]):.2f} × its pages/s"
        )


if __name__ == "__main__":
    main()
