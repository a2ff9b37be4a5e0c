"""`archiver reextract`: the raw pages of the archive → its stories, by today's rules."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
from collections import Counter
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date

import pyarrow.compute as pc
from scrapy.utils.project import get_project_settings

from archiver.arguments import describe_unknown
from archiver.commands import complain
from archiver.commands.crawl import enter_project
from archiver.commands.publish import add_root, open_archive
from archiver.items import Story
from archiver.outcome import Exit
from archiver.reextract import Change, Checked, reextract
from archiver.spider import load_selectors
from archiver.store.archive import Archive, Partition, StorageError
from archiver.store.read import scan_stories
from archiver.store.restate import restate_rows

WRITTEN_AT_ONCE = 1_000
"""Changes that are collected before they are written: a partition of many crawls is then rewritten a few times only."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--date", type=date.fromisoformat, metavar="DATE", help="only the stories of a day, as 2026-06-29"
    )
    parser.add_argument("--site", metavar="HOST", help="only the stories of a site, as in the column `site`")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; name the stories that would change, and exit 1 if any"
    )
    parser.add_argument(
        "--jobs", type=_read_jobs, default=os.cpu_count() or 1, metavar="N", help="processes (default: one a core)"
    )
    add_root(parser)


def run(options: argparse.Namespace) -> int:
    enter_project()
    archive = open_archive(options)
    told = _Told(options.check)
    try:
        if options.site and (unknown := _name_unknown(archive, options.site)):
            complain(unknown)
            return Exit.USAGE
        selectors = load_selectors(get_project_settings())
        with make_executor(options.jobs) as executor:
            tasks = reextract(
                archive, executor, selectors, day=options.date, site=options.site, at_once=2 * options.jobs
            )
            for checked in tasks:
                told.take(checked)
                if len(told.waiting) >= WRITTEN_AT_ONCE:
                    told.write(archive)
        told.write(archive)
    except StorageError as error:
        complain(error)
        return Exit.STORAGE
    print(told)
    return 1 if told.has_found else Exit.DONE


def make_executor(jobs: int) -> Executor:
    """Return the pool of processes; for one job a thread of this process."""
    if jobs == 1:
        return ThreadPoolExecutor(1)
    # A fork of this process would have the locks of its threads, Arrow's too, as they happened to be; a process that has
    # none imports once for all.
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["archiver.reextract"])
    # Ctrl-C reaches the whole group; one traceback is enough.
    return ProcessPoolExecutor(jobs, mp_context=server, initializer=signal.signal, initargs=_IGNORED)


_IGNORED = (signal.SIGINT, signal.SIG_IGN)


def _read_jobs(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"not a number of processes: {text!r}")
    return int(text)


def _name_unknown(archive: Archive, site: str) -> str | None:
    sites = set(scan_stories(archive, ["site"], pc.scalar(True))["site"].to_pylist())
    return None if site in sites else describe_unknown("site", site, sorted(sites))


@dataclass
class _Told:
    """What has been found so far, told story by story as it comes."""

    is_check: bool
    same: int = 0
    changed: int = 0
    moved: int = 0
    left: Counter[str] = field(default_factory=Counter)
    waiting: list[Change] = field(default_factory=list)
    has_found: bool = False
    """What makes the exit code 1."""

    def take(self, checked: Checked) -> None:
        self.same += checked.same
        for left in checked.left:
            self._leave(left.url, left.reason, is_fault=left.is_fault)
        self.waiting += checked.changes
        if self.is_check:
            self._tell(self.waiting)

    def write(self, archive: Archive) -> None:
        if self.waiting:
            report = restate_rows(archive, self.waiting)
            passed = {story.story_id for story in report.passed_over}
            self._tell([change for change in self.waiting if change.standing.story_id not in passed])
            for story in report.passed_over:
                self._leave(story.url, "published anew meanwhile", is_fault=True)

    def _leave(self, url: str, reason: str, *, is_fault: bool) -> None:
        print(f"{url}: left as it is: {reason}")
        self.left[reason.partition(":")[0]] += 1
        self.has_found |= is_fault

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            moved = f" (from {_place(change.standing)} to {_place(change.story)})" if change.is_move else ""
            print(f"{change.standing.url}: {', '.join(change.columns)}{moved}")
            self.changed += 1
            self.moved += change.is_move
        self.has_found |= self.is_check and bool(changes)
        self.waiting = []

    def __str__(self) -> str:
        would = "would change" if self.is_check else "changed"
        moved = f", {self.moved} of them in another partition" if self.moved else ""
        left = "".join(f", {number} left: {reason}" for reason, number in sorted(self.left.items()))
        return f"{self.same} stories the same, {self.changed} {would}{moved}{left}"


def _place(story: Story) -> str:
    return Partition(story.date, story.section).path
