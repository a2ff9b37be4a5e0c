"""Scores ours and the peers over pages with truth, and times them: see README.md beside this file."""

from __future__ import annotations

import argparse
import functools
import gc
import gzip
import importlib.util
import json
import logging
import os
import platform
import re
import statistics
import sys
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import parsel

from bench.extraction.peers import OURS, PEERS, Extractor
from bench.machine import name_processor

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BLOCK = re.compile(r"(?<=<!-- extraction -->\n).*?(?=<!-- /extraction -->)", re.DOTALL)
SETS = ("scrapinghub", "fundus", "wcxb", "faq_dom")
MEASURES = (
    ("scrapinghub", "body_shingle"),
    ("scrapinghub", "body_word"),
    ("fundus", "body_word"),
    ("fundus", "title"),
    ("fundus", "dek"),
    ("fundus", "date"),
    ("fundus", "authors"),
    ("wcxb", "body_word"),
    ("wcxb", "title"),
    ("wcxb", "date"),
    ("wcxb", "authors"),
    ("wcxb", "links"),
    ("faq_dom", "faq"),
)
PARSE = "parsel.Selector"
Read = Callable[[str, str], Any]


@dataclass(frozen=True)
class Page:
    id: str
    url: str
    text: str


@dataclass(frozen=True)
class PageSet:
    name: str
    truth: list[dict[str, Any]]
    pages: list[Page]


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument(
        "--pages",
        type=Path,
        default=ROOT.parent / "shared",
        help="folder of score_pages.py and pages/ (default: %(default)s)",
    )
    ask.add_argument("--every", type=int, default=4, metavar="N", help="time every Nth page (default: %(default)s)")
    ask.add_argument("--repeat", type=int, default=5, metavar="N", help="times each is timed (default: %(default)s)")
    ask.add_argument("--write", action="store_true", help="put the table between the extraction markers of README.md")
    ask.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE, too")
    args = ask.parse_args()
    if args.every < 1 or args.repeat < 1:
        ask.error("--every and --repeat take a number of 1 or more")
    if not (args.pages / "score_pages.py").is_file():
        sys.exit(
            f"no score_pages.py in {args.pages}: the pages are not part of the project; name their folder with --pages"
        )
    if args.write and not BLOCK.search(README.read_text(encoding="utf-8")):
        sys.exit(f"no <!-- extraction --> and <!-- /extraction --> in {README}")

    forbid_network()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    measure = load_measure(args.pages / "score_pages.py")
    sets = [read_set(args.pages / "pages" / name, measure) for name in SETS]
    scores, failures = score_all(sets, measure)
    timed = [page for each in sets for page in each.pages][:: args.every]
    costs = time_all(timed, args.repeat)
    result = {
        "machine": describe_machine(),
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {name: version(name) for name in ["lxml", "parsel", *(e.package for e in OURS + PEERS)]},
        "timed": {"pages": len(timed), "repetitions": args.repeat},
        "scores": scores,
        "failures": failures,
        "cost": costs,
    }
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    report = format_report(result)
    print(report, end="")
    if args.write:
        README.write_text(BLOCK.sub(lambda _: report, README.read_text(encoding="utf-8")), encoding="utf-8")


def forbid_network() -> None:
    """Let no extractor fetch what a page links to."""

    def refuse(event: str, _: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.getaddrinfo"):
            raise OSError("the bench reads pages from disk alone")

    sys.addaudithook(refuse)


def load_measure(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("score_pages", path)
    if spec is None or spec.loader is None:
        sys.exit(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_set(folder: Path, measure: ModuleType) -> PageSet:
    try:
        truth = measure.read_jsonl(folder / "truth.jsonl")
        return PageSet(folder.name, truth, [read_page(folder, entry) for entry in truth])
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")


def read_page(folder: Path, entry: dict[str, Any]) -> Page:
    packed = (folder / "html" / f"{entry['id']}.html.gz").read_bytes()
    return Page(entry["id"], entry["url"], gzip.decompress(packed).decode())


Scores = dict[str, dict[str, dict[str, float]]]


def score_all(sets: list[PageSet], measure: ModuleType) -> tuple[Scores, dict[str, dict[str, int]]]:
    """Return extractor → set → measure → score, and extractor → set → pages on which it raised."""
    scores: Scores = defaultdict(dict)
    failures: dict[str, dict[str, int]] = {}
    # Normalizing is what puts ours into columns, so the two entries of ours differ in cost alone.
    for extractor in (OURS[0], *PEERS):
        raised: Counter[str] = Counter()
        for each in sets:
            predictions = {}
            for page in each.pages:
                try:
                    answer = extractor.read(page.text, page.url)
                    predictions[page.id] = extractor.columns(answer, page.text, page.url)
                except Exception:  # noqa: BLE001 - a peer may raise anything; the page scores zero and is counted
                    raised[each.name] += 1
            scores[extractor.name][each.name] = measure.score(each.truth, predictions)
        failures[extractor.name] = dict(raised)
        tell(f"scored {extractor.name}" + (f", which raised on {raised.total()} pages" if raised else ""))
    return dict(scores), failures


def time_all(pages: list[Page], repetitions: int) -> dict[str, dict[str, float]]:
    """Return extractor → CPU milliseconds a page, and as a multiple of the parse.

    All take turns on each page, so that what else the machine does falls on all alike; a page's time is the median of its
    repetitions. Caches are emptied before each pass: they help as they would over pages of many sites, and no extractor
    meets a page whose parts it remembers. For the same reason no two modes of one package take part in one pass.
    """
    caches = [c for c in gc.get_objects() if isinstance(c, functools._lru_cache_wrapper)]
    gc.collect()
    gc.freeze()  # so that the collection before each measurement walks little
    seconds: dict[tuple[str, int], list[float]] = defaultdict(list)
    for repetition in range(repetitions):
        for readers in plan_passes():
            for cache in caches:
                cache.cache_clear()
            for read in readers.values():  # fills the caches that hold a library's own tables, not the pages' text
                clock(read, Page("", "https://news.example/", "<title>News</title><h1>News</h1><p>Today.</p>"))
            for index, page in enumerate(pages):
                for name, read in readers.items():
                    seconds[name, index].append(clock(read, page))
        tell(f"timed {len(pages)} pages, {repetition + 1} of {repetitions}")
    names = {name for name, _ in seconds}
    totals = {name: sum(statistics.median(seconds[name, i]) for i in range(len(pages))) for name in names}
    return {
        name: {"ms_per_page": 1000 * total / len(pages), "parses": total / totals[PARSE]}
        for name, total in totals.items()
    }


def plan_passes() -> list[dict[str, Read]]:
    """The first mode of each package, then the second, …; each pass with the parse."""
    passes: list[dict[str, Read]] = []
    modes: Counter[str] = Counter()
    for extractor in OURS + PEERS:
        mode = modes[extractor.package]
        modes[extractor.package] += 1
        if mode == len(passes):
            passes.append({PARSE: lambda page, _: parsel.Selector(text=page, type="html").root})
        passes[mode][extractor.name] = extractor.read
    return passes


def clock(read: Read, page: Page) -> float:
    """CPU seconds of one call, with the freeing of its answer, without the collection of earlier garbage."""
    gc.collect()
    start = time.process_time()
    try:
        answer = read(page.text, page.url)
    except Exception:  # noqa: BLE001 - counted when scoring
        answer = None
    del answer
    return time.process_time() - start


def tell(progress: str) -> None:
    print(progress, file=sys.stderr)


def describe_machine() -> str:
    return f"{name_processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def format_report(result: dict[str, Any]) -> str:
    lines = [*format_table(result), ""]
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    pages = ", ".join(f"{name} {result['scores'][OURS[0].name][name]['pages']}" for name in SETS)
    timed = result["timed"]
    parse = result["cost"][PARSE]["ms_per_page"]
    lines += [
        f"Pages: {pages}. Cost: CPU time in multiples of one `parsel.Selector` parse of the same page ({parse:.1f} ms on the",
        f"mean), that parse included; {timed['pages']} pages, medians of {timed['repetitions']}.",
        "`·`: not offered; `″`: as above." + format_failures(result["failures"]),
        f"{result['date']}, {result['machine']}.",
        f"{versions}.",
    ]
    return "\n".join(lines) + "\n"


def format_failures(failures: dict[str, dict[str, int]]) -> str:
    raised = {name: sum(by_set.values()) for name, by_set in failures.items() if by_set}
    told = ", ".join(f"{name} on {count} page{'s' if count > 1 else ''}" for name, count in raised.items())
    return f" Pages on which an extractor raised score zero: {told}." if told else ""


def format_table(result: dict[str, Any]) -> Iterable[str]:
    """Rows are the extractors; the best of each column is bold, `·` is what an extractor does not offer."""
    shown = OURS + PEERS
    cells = [[format_score(result, extractor, *measure) for measure in MEASURES] for extractor in shown]
    costs = [f"{result['cost'][extractor.name]['parses']:.1f}" for extractor in shown]
    best = [max(row[i] for row in cells if row[i] not in ("·", "″")) for i in range(len(MEASURES))]
    cheapest = min(costs, key=float)
    yield "| | " + " | ".join(f"{name}<br>{measure.replace('_', ' ')}" for name, measure in MEASURES) + " | cost |"
    yield "|---|" + "---:|" * (len(MEASURES) + 1)
    for extractor, row, cost in zip(shown, cells, costs, strict=True):
        marked = [f"**{cell}**" if cell == top else cell for cell, top in zip(row, best, strict=True)]
        yield f"| {extractor.name} | " + " | ".join(marked) + f" | {f'**{cost}**' if cost == cheapest else cost} |"


def format_score(result: dict[str, Any], extractor: Extractor, name: str, measure: str) -> str:
    """`″` is the same as the row above."""
    if extractor.name not in result["scores"]:
        return "″"
    column = "body" if measure.startswith("body") else measure
    return f"{result['scores'][extractor.name][name][measure]:.3f}" if column in extractor.offers else "·"


if __name__ == "__main__":
    main()
