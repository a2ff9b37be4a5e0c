"""Publishing: the inbox merged into `stories/` and `revisions/`, one file a partition; then the lineage of their days."""

from __future__ import annotations

import fcntl
import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic, sleep

from archiver.alarms.alarm import Alarm
from archiver.alarms.quality import Quality
from archiver.items import Story
from archiver.normalize import story_id as make_story_id
from archiver.store.archive import (
    Archive,
    DamagedFileError,
    Partition,
    StorageError,
    locked,
    make_folder,
    storage_errors,
)
from archiver.store.held import Superseded, hold, is_let_go, judge_inbox
from archiver.store.inbox import is_waited_for, is_written
from archiver.store.inbox_index import InboxIndex
from archiver.store.ledger import reserve_partitions
from archiver.store.ledgerfile import removed_file
from archiver.store.lineage import finish_lineage, has_unfinished_lineage, update_lineage
from archiver.store.manifest import write_manifest
from archiver.store.merge import MOST_TOLD, merge_partition
from archiver.store.moves import finish_moves, has_unfinished_moves
from archiver.store.no_pandas import leave_pandas_unloaded
from archiver.store.removed import removed_keys
from archiver.store.revisions import Reread
from archiver.store.runs import spider_of
from archiver.store.told import Counts, hear_of_run, join_counts, tell_run

logger = logging.getLogger(__name__)

RUNS_AT_ONCE = 32
"""Inbox files that are open at a time."""


@dataclass
class PublishReport:
    """What one call of `publish` did."""

    runs: dict[str, Counts] = field(default_factory=dict)
    """Run → stories by site, section and `new`, `changed` or `same`, of each inbox file published."""
    waiting: set[str] = field(default_factory=set)
    """Those of them whose crawls waited for their turn meanwhile: they hear of it, and tell it themselves."""
    files_written: list[Path] = field(default_factory=list)
    """Published files in the order written: Parquet and manifest."""
    restated: int = 0
    """Stories, counted as `same`, whose row was replaced without a revision: extracted anew by today's rules, or found
    at another address."""
    damaged: list[tuple[Path, str]] = field(default_factory=list)
    """Inbox files with lines that are no story: where each was moved, and the first such lines with their reasons.
    The good lines are published."""
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    """Inbox files that could not be opened, and why. They were left where they are."""
    removed: int = 0
    """Stories that were taken down while they waited in the inbox: they are dropped."""
    running: list[Path] = field(default_factory=list)
    """Inbox files that a crawl still writes. They were left where they are."""
    alarms: dict[str, list[Alarm]] = field(default_factory=dict)
    """Run → why its stories are held back: its inbox file was moved to `inbox/held/`."""
    quality: dict[str, Quality] = field(default_factory=dict)
    """Run → what its stories look like, of each inbox file that was read."""
    superseded: int = 0
    """Stories that were held back and are of no use now: a later crawl has seen another text."""
    failures: list[DamagedFileError] = field(default_factory=list)
    """Published files that cannot be read back. They are left as they are, and so are the inbox files that hold
    stories for them; all other stories of those are published."""

    @property
    def counts(self) -> Counts:
        """Stories of all runs by site, section and `new`, `changed` or `same`."""
        return sum(self.runs.values(), Counter())


class PublishError(StorageError):
    """Publishing met storage that failed. `report` says what was published all the same; the rest is in the inbox."""

    def __init__(self, error: StorageError, report: PublishReport) -> None:
        super().__init__(error.errno, error.strerror, error.filename)
        self.report = report


def publish(
    archive: Archive, reread: Reread | None = None, *, run: str | None = None, linger: float = 0.0
) -> PublishReport:
    """Merge every inbox file into the archive, in the order of the runs, and remove it; or hold it back, where its
    stories are unlike those that its spider brought before.

    A story keeps the partition it was first published in. One whose `content_hash` and `status` stand there already is
    not touched; else it gets the next revision, `judge` in revisions.py says when. `reread` extracts the raw page of an
    archived row anew, so that a new version of the extractor makes no revision; without it, the texts are compared as
    they stand. Killed at any point and called again, it leaves the same archive as a call that was never disturbed.
    Waits for another publisher, who may publish the stories of `run`, our own, meanwhile: the report tells what came of
    them all the same. While crawls still run, waits up to `linger` seconds for them, to publish their stories too: what is
    published together takes less time than one after the other. Raises PublishError when storage fails.
    """
    report = PublishReport()
    try:
        if _waiting(archive) or has_unfinished_moves(archive) or has_unfinished_lineage(archive):
            leave_pandas_unloaded()
            with publishing(archive) as finished:
                report.files_written += finished
                archive.sweep_staging()
                if run is not None:
                    _hear(archive, run, report)
                _linger(archive, linger)
                ours, tried = set(_waiting(archive)), set[Path]()
                while ours & set(_waiting(archive)) - tried:
                    _publish_some(archive, tried, report, reread, run)
        elif run is not None:
            _hear(archive, run, report)
    except StorageError as error:
        raise PublishError(error, report) from error
    if report.failures:
        raise PublishError(report.failures[0], report) from report.failures[0]
    return report


def _hear(archive: Archive, run: str, report: PublishReport) -> None:
    """Take into the report what another publisher has made of our own run. Nobody publishes meanwhile, or it is done."""
    if (heard := hear_of_run(archive, run)) is None:
        return
    report.runs[run], report.quality[run] = heard.counts, heard.quality
    if heard.alarms:
        report.alarms[run] = heard.alarms
    elif not heard.counts:
        logger.warning("%s: another publisher has begun with it and not told what it did: that counts as the same", run)


def _waiting(archive: Archive) -> list[Path]:
    with storage_errors(archive.inbox_dir):
        try:
            return sorted(path for path in archive.inbox_dir.iterdir() if path.suffix == ".jsonl")
        except FileNotFoundError:
            return []


def _linger(archive: Archive, seconds: float) -> None:
    """Wait while crawls run that are not done yet, as databases do that commit for several at once."""
    end = monotonic() + seconds
    while monotonic() < end and any(is_written(path) for path in _waiting(archive)):
        sleep(min(0.05, seconds))


@contextmanager
def publishing(archive: Archive) -> Iterator[list[Path]]:
    """Be the one publisher. Moves that another left unfinished are carried out first; yields the files that it took."""
    make_folder(archive.state_dir)
    lock = archive.state_dir / "publish.lock"
    with storage_errors(lock):
        try:
            with locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
                pass
        except BlockingIOError:
            logger.info("waiting for another process that publishes into %s", archive.root)
    with locked(lock, fcntl.LOCK_EX):
        yield [*finish_moves(archive), *finish_lineage(archive)]


def _publish_some(
    archive: Archive, tried: set[Path], report: PublishReport, reread: Reread | None, own: str | None
) -> None:
    """Publish the first of the inbox files that were not tried before together, as each would be alone, but that partitions
    they share are written once. Of one site, or one story, only the first run is among them."""
    with closing(InboxIndex(archive.inbox_dir)) as index:
        paths = _take(archive, tried, index, report)
        before = {run: report.runs.get(run, Counter()) for run in index.runs}
        now: dict[str, Counts] = {run: Counter() for run in index.runs}
        try:
            failed = _merge(archive, index, report, reread, now)
        except StorageError:
            with suppress(StorageError):
                _count(archive, report, before, now, own)
            raise
        _count(archive, report, before, now, own)
        for path in paths:
            if path.stem not in failed:
                _finish(archive, path, *index.faults(path.stem), report)


def _take(archive: Archive, tried: set[Path], index: InboxIndex, report: PublishReport) -> list[Path]:
    """Take inbox files that can be published together, those too that crawls hand over meanwhile, or hold them back."""
    removed = _Removed(archive)
    spiders: set[str] = set()
    taken: list[Path] = []
    while arrived := [path for path in _waiting(archive) if path not in tried]:
        for path in arrived:
            run, spider = path.stem, spider_of(path.stem)
            if len(taken) == RUNS_AT_ONCE or spider in spiders:
                return taken
            is_waiting = is_waited_for(path)
            dropped: Counter[str] = Counter()
            try:
                with ExitStack() as held:
                    superseded = held.enter_context(closing(Superseded(archive))) if is_let_go(archive, run) else None
                    if not index.take(path, partial(_is_wanted, removed, superseded, dropped)):
                        return taken
            except BlockingIOError:
                logger.info("%s stays in the inbox: its crawl is still running", path.name)
                report.running.append(path)
            except StorageError:  # of what is read beside it
                raise
            except OSError as error:
                logger.warning("%s stays in the inbox: %s", path, error)
                report.unreadable.append((path, error.strerror or str(error)))
            else:
                report.removed += dropped["removed"]
                report.superseded += dropped["superseded"]
                if is_waiting:
                    report.waiting.add(run)
                report.quality[run], alarms = judge_inbox(archive, run, index)
                if alarms:
                    report.alarms[run] = alarms
                    index.drop_run(run)
                    hold(archive, path)
                else:
                    spiders |= {spider} if spider else set()
                    taken.append(path)
            tried.add(path)
    return taken


def _merge(
    archive: Archive, index: InboxIndex, report: PublishReport, reread: Reread | None, counts: Mapping[str, Counts]
) -> set[str]:
    """Merge the stories of all runs that were taken, and count them; return the runs of which some were left out."""
    failed = _place(archive, index, report)
    published: dict[Partition, Collection[str]] = {}
    room = MOST_TOLD
    rows: dict[Path, int] = {}
    for partition in index.partitions():
        try:
            merged = merge_partition(archive, partition, index.batches(partition), reread)
        except DamagedFileError as error:
            runs = index.runs_in(partition)
            logger.error("%s: not published: %s", ", ".join(sorted(runs)), error)
            report.failures.append(error)
            failed |= runs
        else:
            told = merged.told if len(merged.told) <= room else {}
            room -= len(told)
            published[partition] = told or index.story_ids(partition)
            report.files_written += merged.files
            rows |= merged.files
            report.restated += merged.restated
            for (site, kind), number in merged.counts.items():
                counts[index.run_of(site)][site, partition.section, kind] += number
    report.files_written += update_lineage(archive, stories=published, is_named=True)
    report.files_written += write_manifest(archive, published, rows=rows)
    return failed


def _count(
    archive: Archive, report: PublishReport, before: Mapping[str, Counts], now: Mapping[str, Counts], own: str | None
) -> None:
    """Report what came of each run, and tell it to the crawls that wait to hear of theirs."""
    for run, counts in now.items():
        report.runs[run] = join_counts(before[run], counts)
        if run != own:
            tell_run(archive, run, counts)


class _Removed(dict[str, frozenset[str]]):
    """Site → keys of the stories that were taken down."""

    def __init__(self, archive: Archive) -> None:
        super().__init__()
        self._archive = archive

    def __missing__(self, site: str) -> frozenset[str]:
        self[site] = keys = frozenset(removed_keys(removed_file(self._archive, site)))
        return keys


def _is_wanted(
    removed: Mapping[str, frozenset[str]],
    superseded: Superseded | None,
    dropped: Counter[str],
    story: Story,
) -> bool:
    """Tell whether a story has not been taken down or seen anew since it was put into the inbox; count it where it has."""
    keys = removed[story.site]
    if keys and not keys.isdisjoint((story.url, story.story_id, make_story_id(story.url))):
        dropped["removed"] += 1
        return False
    if superseded and superseded.has(story):
        dropped["superseded"] += 1
        return False
    return True


def _place(archive: Archive, index: InboxIndex, report: PublishReport) -> set[str]:
    """Find the partition that each story belongs in; return the runs of sites where that cannot be told."""
    failed = set()
    for site, wanted in index.iter_wanted():
        try:
            index.place(site, reserve_partitions(archive, site, wanted))
        except DamagedFileError as error:  # a site with no ledger, and none to be had from a damaged archive
            logger.error("%s: %s", site, error)
            report.failures.append(error)
            index.drop(site)
            failed.add(index.run_of(site))
    return failed


def _finish(archive: Archive, path: Path, faults: list[str], fault_count: int, report: PublishReport) -> None:
    """Take a published file out of the inbox: away, or where it had faults, to the damaged ones."""
    with storage_errors(path):
        if not faults:
            path.unlink()
            return
        make_folder(archive.damaged_dir)
        number, place = 1, archive.damaged_dir / path.name
        while place.exists():  # a file put back and damaged still: the first one stays too
            number += 1
            place = archive.damaged_dir / f"{path.stem}.{number}{path.suffix}"
        path.replace(place)
    more = fault_count - len(faults)
    why = "; ".join(faults) + (f"; and {more} lines more" if more else "")
    logger.warning("%s is damaged and was moved to %s: %s", path.name, place, why)
    report.damaged.append((place, why))
