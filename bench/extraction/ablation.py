"""What each group of extraction rules adds: every measure with all rules, less the measure with one group left out.

Sites, not pages, are dealt into folds: a rule that helps on one site alone helps in one fold alone, and is no rule. The
second judge is pages of the unseen styles (tests/unseen_styles.py): how many of their columns a group keeps right.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import importlib
import importlib.util
import json
import os
import pkgutil
import re
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import archiver.extract
from archiver.extract import extract_story
from archiver.normalize import normalize_story
from archiver.pages import read_page
from archiver.schema import story_to_json
from archiver.urls import clean_url
from bench.extraction.groups import GROUPS, Group
from tests.test_unseen_styles import PAGES, undemanded
from tests.unseen_stories import STORIES
from tests.unseen_styles import STYLES, extract_columns, find_faults

ROOT = Path(__file__).parents[2]
SETS = ("scrapinghub", "fundus", "wcxb", "faq_dom")
MEASURES = {
    "scrapinghub": ("body_shingle",),
    "fundus": ("body_word", "title", "dek", "date", "authors"),
    "wcxb": ("body_word", "title", "date", "authors", "links"),
    "faq_dom": ("faq",),
}
NOW = datetime(2026, 11, 24, tzinfo=UTC)
Score = dict[str, dict[str, float]]
"""`set measure` → fold, or `all` → score."""


@cache
def load_measure(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("score_pages", path)
    if spec is None or spec.loader is None:
        sys.exit(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module)["body_scores"] = cache(module.body_scores)  # most groups leave most bodies as they are
    return module


@contextmanager
def left_out(group: Group | None) -> Iterator[None]:
    """Put a stand-in in the place of each of the group's rules, under every name by which a module knows it."""
    names = [f"archiver.extract.{info.name}" for info in pkgutil.iter_modules(archiver.extract.__path__)]
    modules = [importlib.import_module(name) for name in names]
    undo: list[tuple[ModuleType, str, Any]] = []
    for place, stand_in in (group.rules if group else {}).items():
        home, _, name = place.partition(".")
        rule = getattr(importlib.import_module(f"archiver.extract.{home}"), name)
        new = stand_in(rule)
        for module in modules:
            for known_as, value in list(vars(module).items()):
                if value is rule:
                    undo.append((module, known_as, value))
                    setattr(module, known_as, new)
    for module in modules:
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
    try:
        yield
    finally:
        for module, name, value in undo:
            setattr(module, name, value)


def fold_of(url: str, folds: int) -> str:
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    return str(int(hashlib.sha256(host.encode()).hexdigest(), 16) % folds)


def score_without(name: str, shared: Path, folds: int) -> tuple[Score, int]:
    """Return the scores, and how many columns of the unseen styles come out wrong, without the group of that name."""
    group = next((group for group in GROUPS if group.name == name), None)
    measure = load_measure(shared / "score_pages.py")
    with left_out(group):
        scores: Score = {}
        for name in SETS:
            truth = measure.read_jsonl(shared / "pages" / name / "truth.jsonl")
            told = {page["id"]: extract(shared / "pages" / name / "html", page) for page in truth}
            parts = {"all": truth} | {
                str(fold): [page for page in truth if fold_of(page["url"], folds) == str(fold)] for fold in range(folds)
            }
            for part, pages in parts.items():
                found = measure.score(pages, told)
                for each in MEASURES[name]:
                    if each in found:
                        scores.setdefault(f"{name} {each}", {})[part] = found[each]
        return scores, sum(count_faults(style, story) for style, story in PAGES)


def extract(folder: Path, page: dict[str, Any]) -> dict[str, Any]:
    body = gzip.decompress((folder / f"{page['id']}.html.gz").read_bytes())
    url = clean_url(page["url"])
    printed = extract_story(read_page(body), url, now=NOW)
    return story_to_json(normalize_story(replace(printed, url=url), fetched_at=NOW))


@cache
def print_page(style: str, story: str) -> str:
    return STYLES[style].page(STORIES[story])


def count_faults(style: str, story: str) -> int:
    page, house = STORIES[story], STYLES[style]
    faults = find_faults(extract_columns(print_page(style, story), page.path), page, house)
    return len(set(faults) - undemanded(style, story))


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--pages", type=Path, default=ROOT.parent / "shared", help="folder of score_pages.py and pages/")
    ask.add_argument("--folds", type=int, default=5, help="parts that the sites are dealt into (default: %(default)s)")
    ask.add_argument("--only", metavar="WORD", default="", help="groups whose name holds WORD")
    ask.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (default: %(default)s)")
    ask.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE, too")
    args = ask.parse_args()
    groups = [group for group in GROUPS if args.only in group.name]
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn")) as pool:
        names = ["", *(group.name for group in groups)]
        jobs = [pool.submit(score_without, name, args.pages, args.folds) for name in names]
        (whole, wrong), *others = [finish(name, job) for name, job in zip(names, jobs, strict=True)]
    print("| rules left out | lost, in thousandths, and folds that lose : win | columns of unseen styles lost |")
    print("|---|---|---:|")
    for group, (scores, faults) in zip(groups, others, strict=True):
        print(f"| {group.name} | {', '.join(describe(whole, scores)) or 'nothing'} | {faults - wrong} |")
    if args.json:
        figures = {group.name: {"scores": s, "faults": f} for group, (s, f) in zip(groups, others, strict=True)}
        args.json.write_text(json.dumps({"all rules": {"scores": whole, "faults": wrong}} | figures, indent=1))


def finish(name: str, job: Future[tuple[Score, int]]) -> tuple[Score, int]:
    result = job.result()
    print(f"without {name}" if name else "all rules", file=sys.stderr, flush=True)
    return result


def describe(whole: Score, without: Score) -> Iterator[str]:
    for name, parts in whole.items():
        lost = {part: score - without[name].get(part, 0.0) for part, score in parts.items()}
        overall = lost.pop("all")
        if abs(overall) >= 0.00005 or any(abs(each) > 0.0005 for each in lost.values()):
            helped, harmed = sum(each > 0.0005 for each in lost.values()), sum(each < -0.0005 for each in lost.values())
            yield f"{re.sub('_', ' ', name)} {1000 * overall:+.1f} ({helped} : {harmed})"


if __name__ == "__main__":
    main()
