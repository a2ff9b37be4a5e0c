"""The parts of the bench: each measures one thing beside another and says what was asked of it."""

from __future__ import annotations

import gc
import gzip
import json
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pandas as pd
import parsel
import pyarrow.dataset as ds

import archiver
from archiver.extract import extract_story
from archiver.pages import read_page
from archiver.schema import encode_parquet, stories_to_table, story_to_json, table_to_stories
from archiver.store.archive import Archive, Partition
from archiver.store.dataset import list_places
from bench.archive import loading, reextract
from bench.archive.flat import list_partitions
from bench.speed.children import Cost, alternate, compare, run
from bench.speed.crawls import Crawls, Site, generated_site


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    stories: int = 5_000
    peer_stories: int = 1_000
    rounds: int = 5
    most_stories: int = 50_000
    rows: int = 1_000_000

    @classmethod
    def small(cls) -> Scale:
        return cls(stories=1_000, peer_stories=300, rounds=3, most_stories=5_000, rows=100_000)


@dataclass(frozen=True)
class Figure:
    """One ratio, and what was asked of it."""

    work: str
    against: str
    value: float
    limit: float
    details: str
    unit: str = "×"
    at_least: bool = False
    """The value must reach the limit; else it must not pass it."""

    @property
    def is_reached(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def shown(self) -> str:
        return f"{self.value:.2f} {self.unit}"

    @property
    def asked(self) -> str:
        return f"{self.limit:g} {self.unit} at {'least' if self.at_least else 'most'}"

    def line(self) -> str:
        told = "" if self.is_reached else "  NOT REACHED"
        return f"{self.work} / {self.against}: {self.shown} ({self.asked}){told}\n    {self.details}"


def _told(costs: Sequence[Cost], pages: int) -> str:
    cpu = statistics.median(cost.cpu for cost in costs)
    seconds = statistics.median(cost.seconds for cost in costs)
    return f"{1000 * cpu / pages:.2f} ms of CPU a page, {pages / seconds:.0f} pages/s"


# --- crawls


def crawl_against_bare(scale: Scale, folder: Path) -> list[Figure]:
    with generated_site(scale.stories) as site:
        crawls = Crawls(site, folder)
        costs = alternate({"ours": crawls.ours, "bare": crawls.bare, "guarded": crawls.guarded}, scale.rounds)
    ours = [cost.cpu for cost in costs["ours"]]
    figures = []
    for name, against, limit in (
        ("guarded", "a spider that does nothing on the same settings, guards and all; CPU a page", 2.2),
        ("bare", "a spider that does nothing on Scrapy's own parts; CPU a page", 2.2),
    ):
        ratio, spread = compare(ours, [cost.cpu for cost in costs[name]])
        told = f"{spread}; ours {_told(costs['ours'], site.pages)}; theirs {_told(costs[name], site.pages)}"
        figures.append(Figure("whole crawl", against, ratio, limit, f"{site.pages} pages, starts included; {told}"))
    return figures


def crawl_against_peers(scale: Scale, folder: Path) -> list[Figure]:
    with generated_site(scale.peer_stories) as site:
        crawls = Crawls(site, folder)
        runs: dict[str, Callable[[], Cost]] = {
            "ours": crawls.ours,
            "feed": crawls.feed_crawl,
            "crawlee": crawls.crawlee_crawl,
            "news-please": crawls.news_please_crawl,
        }
        costs = alternate(runs, scale.rounds)
    ours = [cost.seconds for cost in costs["ours"]]
    figures = []
    for name, against, limit in (
        ("feed", "Scrapy by default, trafilatura, JSON lines; pages/s", 2.5),
        ("crawlee", "crawlee-python's Parsel crawler, our columns by selectors; pages/s", 1),
        ("news-please", "news-please; pages/s", 1),
    ):
        ratio, spread = compare([cost.seconds for cost in costs[name]], ours)
        told = f"{spread}; ours {_told(costs['ours'], site.pages)}; theirs {_told(costs[name], site.pages)}"
        figures.append(Figure("whole crawl", against, ratio, limit, f"{site.pages} pages; {told}", at_least=True))
    return figures


def four_sites(scale: Scale, folder: Path) -> list[Figure]:
    """Four sites at once on the cores there are, beside the four one after another."""
    names = ("north", "east", "south", "west")
    with ExitStack() as held:
        sites = [held.enter_context(generated_site(scale.peer_stories, name)) for name in names]
        crawls = Crawls(sites[0], folder)
        places = dict(zip(names, sites, strict=True))
        runs = {
            "one after another": lambda: crawls.all_sites("one", places, jobs=1),
            "two": lambda: crawls.all_sites("two", places, jobs=2),
            "four": lambda: crawls.all_sites("four", places, jobs=4),
        }
        costs = alternate(runs, scale.rounds)
    pages = 4 * sites[0].pages
    alone = costs["one after another"]
    figures = []
    for jobs, name in ((4, "four"), (2, "two")):
        ratio, spread = compare([cost.seconds for cost in alone], [cost.seconds for cost in costs[name]])
        told = f"{spread}; {pages} pages: {_told(costs[name], pages)}, against {_told(alone, pages)}"
        work = f"four sites, `crawl --all --jobs {jobs}` on two cores"
        figures.append(Figure(work, "`--jobs 1`", ratio, 1.8, f"{told}; nginx takes a part too", at_least=True))
    return figures


# --- extraction


def extraction_against_parse(scale: Scale, folder: Path) -> list[Figure]:
    with generated_site(200) as site:
        pages = read_pages(site)
    figures = [compare_extraction("extraction of the generated pages", pages, scale.rounds)]
    real = Path(__file__).parents[3] / "shared" / "pages"
    if real.is_dir():
        pages = [page for name in ("scrapinghub", "fundus", "wcxb") for page in _read_real(real / name)]
        figures.append(
            compare_extraction("extraction of real news pages", pages[:: max(1, len(pages) // 200)], scale.rounds)
        )
    return figures


def read_pages(site: Site) -> list[tuple[str, str]]:
    base = site.home.removesuffix("/index.html")
    files = [file for file in sorted(site.folder.glob("*/*.gz")) if not file.name.startswith(("index.", "page-"))]
    return [
        (f"{base}/{file.relative_to(site.folder)}".removesuffix(".gz"), gzip.decompress(file.read_bytes()).decode())
        for file in files
    ]


def _read_real(folder: Path) -> list[tuple[str, str]]:
    told = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
    return [
        (each["url"], gzip.decompress((folder / "html" / f"{each['id']}.html.gz").read_bytes()).decode())
        for each in told
    ]


def compare_extraction(work: str, pages: Sequence[tuple[str, str]], rounds: int) -> Figure:
    now = datetime(2026, 7, 1, tzinfo=UTC)

    def parse() -> None:
        for _, text in pages:
            parsel.Selector(text).root  # noqa: B018 - it is the parse

    def extract() -> None:
        for url, text in pages:
            extract_story(read_page(text.encode()), url, now=now)

    extract()
    taken: list[tuple[float, float]] = [(_cpu(extract), _cpu(parse)) for _ in range(max(rounds, 5))]
    ratio, spread = compare([each[0] for each in taken], [each[1] for each in taken])
    ours, theirs = (1000 * statistics.median(each) / len(pages) for each in zip(*taken, strict=True))
    size = statistics.mean(len(text) for _, text in pages) / 1000
    return Figure(
        work, "one parsel parse", ratio, 2.5,
        f"{spread}; {len(pages)} pages of {size:.0f} kB: {ours:.2f} ms with the parse, {theirs:.2f} ms the parse alone",
    )  # fmt: skip


def _cpu(work: Callable[[], object]) -> float:
    """CPU seconds, without the search for cycles, as timeit does: it costs by what else the process has loaded."""
    gc.collect()
    gc.disable()
    try:
        start = time.process_time()
        work()
        return time.process_time() - start
    finally:
        gc.enable()


# --- memory


def memory(scale: Scale, folder: Path) -> list[Figure]:
    few = scale.most_stories // 10
    # In a process of its own: a child's peak begins with what its parent holds, and this one has loaded pandas.
    command = [sys.executable, "-m", "bench.archive.crawl_memory", "--stories", str(few), str(scale.most_stories)]
    printed = run(command, Path(__file__).parents[2], allowed=(0, 1)).told
    low, high = (float(each) for each in re.findall(r"(?m)^\| \d+ \| \d+ \| (\d+) MB", printed))
    told = f"{few} stories {low:.0f} MB, {scale.most_stories} stories {high:.0f} MB, publishing included"
    work = f"peak memory of a crawl of {scale.most_stories}"
    return [
        Figure(work, "a bound", high, 250, told, unit="MB"),
        Figure(work, f"that of {few}", high / low, 1.2, told),
    ]


# --- the archive


def reextraction(scale: Scale, folder: Path) -> list[Figure]:
    """`archiver reextract --check` with two processes, beside one, and beside what gunzip and a parse take of the same pages."""
    with generated_site(scale.stories) as site:
        Crawls(site, folder).ours()
        pages = read_pages(site)
    root = folder / "ours" / "data"
    packed = [(url, gzip.compress(text.encode(), 6)) for url, text in pages]

    def limit() -> float:
        start = time.perf_counter()
        for _, each in packed:
            parsel.Selector(gzip.decompress(each).decode()).root  # noqa: B018 - it is the parse
        return time.perf_counter() - start

    taken = [(reextract.measure(root, 1), reextract.measure(root, 2), limit()) for _ in range(scale.rounds)]
    ratio, spread = compare([one[0] for one, _, _ in taken], [two[0] for _, two, _ in taken])
    rows = taken[0][0][2]
    speed = rows / statistics.median(two[0] for _, two, _ in taken)
    bound = 2 * len(packed) / statistics.median(each for _, _, each in taken)
    told = f"{rows} rows, two processes {speed:.0f} pages/s; gunzip and parse alone would do {bound:.0f} on two cores"
    return [
        Figure("re-extraction by two processes", "one", ratio, 1.8, f"{spread}; {told}", at_least=True),
        Figure("re-extraction by two processes", "a second", speed, 400, told, unit="pages", at_least=True),
    ]


def bytes_a_story(scale: Scale, folder: Path) -> list[Figure]:
    """The rows of one crawl, written as so many stories a partition."""
    with generated_site(scale.peer_stories) as site:
        Crawls(site, folder).ours()
    rows = []
    archive = Archive(folder / "ours" / "data")
    for place in list_places(archive.stories_dir):
        if place.section is not None:
            table = archive.read_stories(Partition(place.date, place.section))
            rows += table_to_stories(table, date=place.date, section=place.section)
    rows.sort(key=lambda row: (row.site, row.url))
    lines = "".join(json.dumps(story_to_json(row), ensure_ascii=False) + "\n" for row in rows)
    packed = len(gzip.compress(lines.encode(), 6))
    figures = []
    for size in (10, 100, len(rows)):
        groups = [rows[low : low + size] for low in range(0, len(rows), size)]
        ours = sum(encode_parquet(stories_to_table(group)).size for group in groups)
        figures.append(
            Figure(
                f"bytes in `stories/`, {size} stories a partition", "gzip -6 JSON lines", ours / packed, 0.9,
                f"{ours / len(rows):.0f} bytes a story against {packed / len(rows):.0f}, {len(rows)} stories of about 600 words",
            )
        )  # fmt: skip
    return figures


def _read_in_turns(
    name: str, against: str, limit: float, ours: Callable[[], object], theirs: Callable[[], object]
) -> Figure:
    taken = []
    for number in range(10):
        each = []
        for read in (ours, theirs):
            start = time.perf_counter()
            read()
            each.append(time.perf_counter() - start)
        if number:  # the first finds nothing in the system's cache
            taken.append(each)
    ratio, spread = compare([each[0] for each in taken], [each[1] for each in taken])
    mine, other = (1000 * statistics.median(each) for each in zip(*taken, strict=True))
    return Figure(name, against, ratio, limit, f"{spread}; {mine:.1f} ms against {other:.1f} ms")


def load(scale: Scale, folder: Path) -> list[Figure]:
    archive = Archive(folder)
    loading.build(archive, scale.rows)
    place = next(islice(list_partitions(), loading.PARTITIONS // 2, None))
    columns = ["title", "date"]
    return [
        _read_in_turns(
            "one date and section of a year by `archiver.load`", "pandas on the file itself", 1.5,
            lambda: archiver.load(root=folder, since=place.date, until=place.date, section=place.section).to_pandas(),
            lambda: pd.read_parquet(archive.stories_file(place)),
        ),
        _read_in_turns(
            f"title and date of {scale.rows} stories in {loading.PARTITIONS} partitions by `archiver.load`",
            "pyarrow.dataset", 1.2,
            lambda: archiver.load(root=folder, columns=columns),
            lambda: ds.dataset(folder / "stories", partitioning="hive").to_table(columns=columns),
        ),
    ]  # fmt: skip


def start_up(scale: Scale, folder: Path) -> list[Figure]:
    """Seconds of CPU more than a start of Python."""
    tool = Path(sys.executable).with_name("archiver")
    runs: dict[str, Callable[[], Cost]] = {
        "pass": lambda: run([sys.executable, "-c", "pass"], folder),
        "import": lambda: run([sys.executable, "-c", "import archiver"], folder),
        "help": lambda: run([tool, "--help"], folder),
    }
    costs = alternate(runs, 2 * scale.rounds + 1)
    figures = []
    for name, work, limit in (("help", "`archiver --help`", 0.3), ("import", "`import archiver`", 0.1)):
        more = [one.seconds - other.seconds for one, other in zip(costs[name], costs["pass"], strict=True)]
        cpu = [one.cpu - other.cpu for one, other in zip(costs[name], costs["pass"], strict=True)]
        told = f"{1000 * statistics.median(cpu):.0f} ms of CPU more"
        figures.append(Figure(work, "more than `python -c pass`", statistics.median(more), limit, told, unit="s"))
    return figures
