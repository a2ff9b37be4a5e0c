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
from archiver.store.inbox import is_written
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
from archiver.store.told import Counts, join_counts, tell_run

logger = logging.getLogger(__name__)

RUNS_AT_ONCE = 32
"""Inbox files that are open at a time."""


@dataclass
class PublishReport:
    """What one call of `publish` did."""

    runs: dict[str, Counts] = field(default_factory=dict)
    """Run → stories by site, section and `new`, `changed` or `same`, of each inbox file published."""
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
    archive: Archive, reread: Reread | None = None, *, own: str | None = None, linger: float = 0.0
) -> PublishReport:
    """Merge every inbox file into the archive, in the order of the runs, and remove it; or hold it back, where its
    stories are unlike those that its spider brought before.

    A story keeps the partition it was first published in. One whose `content_hash` and `status` stand there already is
    not touched; else it gets the next revision, `judge` in revisions.py says when. `reread` extracts the raw page of an
    archived row anew, so that a new version of the extractor makes no revision; without it, the texts are compared as
    they stand. Killed at any point and called again, it leaves the same archive as a call that was never disturbed.

    Waits for another publisher, and up to `linger` seconds for crawls that still run, to publish their stories too: together
    they take less time than one after the other. What came of each run is in the report and, but for `own`, the run of
    the crawl that calls, in the run's record: `hear_of_run` in told.py returns what another publisher has made of one. An
    event of lineage that several runs bring at once is named by its earliest story, whichever of them has it.
    Raises PublishError when storage fails.
    """
    report = PublishReport()
    try:
        if _waiting(archive) or has_unfinished_moves(archive) or has_unfinished_lineage(archive):
            leave_pandas_unloaded()
            with publishing(archive) as finished:
                report.files_written += finished
                archive.sweep_staging()
                _linger(archive, linger)
                publish_waiting(archive, report, reread, own)
    except StorageError as error:
        raise PublishError(error, report) from error
    if report.failures:
        raise PublishError(report.failures[0], report) from report.failures[0]
    return report


def _waiting(archive: Archive) -> list[Path]:
    with storage_errors(archive.inbox_dir):
        try:
            return sorted(path for path in archive.inbox_dir.iterdir() if path.suffix == ".jsonl")
        except FileNotFoundError:
            return []


def _linger(archive: Archive, seconds: float) -> None:
    """Wait while crawls run that are not done yet, as databases do that commit for several at once; only where there is
    something to publish."""
    end = monotonic() + seconds
    while monotonic() < end:
        written = [is_written(path) for path in _waiting(archive)]
        if all(written) or not any(written):
            return
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


def publish_waiting(archive: Archive, report: PublishReport, reread: Reread | None, own: str | None) -> None:
    """Publish what waits now, and what comes to wait while that is read. For the one publisher."""
    ours, done, at_once = set(_waiting(archive)), set[Path](), RUNS_AT_ONCE
    while ours & set(_waiting(archive)) - done:
        try:
            _publish_some(archive, done, report, reread, own, at_once)
        except StorageError:
            if at_once == 1 or len(set(_waiting(archive)) - done) < 2:
                raise
            at_once = 1  # those before the one that it fails for are published


def _publish_some(
    archive: Archive, done: set[Path], report: PublishReport, reread: Reread | None, own: str | None, at_once: int
) -> None:
    """Publish the first of the inbox files together, so that a partition they share is written once."""
    with closing(InboxIndex(archive.inbox_dir)) as index:
        paths = _take(archive, done, index, report, own, at_once)
        counts: dict[str, Counts] = {run: Counter() for run in index.runs}
        try:
            failed = _merge(archive, index, report, reread, counts)
        except StorageError:
            with suppress(StorageError):
                _count(archive, report, counts, own)
            raise
        _count(archive, report, counts, own)
        for path in paths:
            if path.stem not in failed:
                _finish(archive, path, *index.faults(path.stem), report)
            done.add(path)


def _take(
    archive: Archive, done: set[Path], index: InboxIndex, report: PublishReport, own: str | None, at_once: int
) -> list[Path]:
    """Take inbox files that can be published together, those too that crawls hand over meanwhile, or hold them back: of one
    site, or one story, the first alone."""
    removed = _Removed(archive)
    spiders: set[str] = set()
    taken: list[Path] = []
    while arrived := [path for path in _waiting(archive) if path not in done and path not in taken]:
        for path in arrived:
            run, spider = path.stem, spider_of(path.stem)
            if len(taken) == at_once or spider in spiders:
                return taken
            try:
                if not _read(archive, path, index, report, removed):
                    return taken
            except BlockingIOError:
                logger.info("%s stays in the inbox: its crawl is still running", path.name)
                report.running.append(path)
                done.add(path)
                continue
            except StorageError:  # of what is read beside it
                raise
            except OSError as error:
                logger.warning("%s stays in the inbox: %s", path, error)
                report.unreadable.append((path, error.strerror or str(error)))
                done.add(path)
                continue
            report.quality[run], alarms = judge_inbox(archive, run, index, is_own=run == own)
            if alarms:
                report.alarms[run] = alarms
                index.drop_run(run)
                hold(archive, path)
                done.add(path)
            else:
                spiders |= {spider} if spider else set()
                taken.append(path)
    return taken


def _read(archive: Archive, path: Path, index: InboxIndex, report: PublishReport, removed: _Removed) -> bool:
    """Enter the stories of an inbox file that are still wanted; False where it has to wait for those taken before."""
    dropped: Counter[str] = Counter()
    with ExitStack() as held:
        superseded = held.enter_context(closing(Superseded(archive))) if is_let_go(archive, path.stem) else None
        is_taken = index.take(path, partial(_is_wanted, removed, superseded, dropped))
    if is_taken:
        report.removed += dropped["removed"]
        report.superseded += dropped["superseded"]
    return is_taken


def _merge(
    archive: Archive, index: InboxIndex, report: PublishReport, reread: Reread | None, counts: Mapping[str, Counts]
) -> set[str]:
    """Merge the stories of all runs that were taken, and count them; return the runs of which some were left out."""
    failed = _place(archive, index, report)
    published: dict[Partition, Collection[str]] = {}
    whole: set[Partition] = set()
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
            if told and len(told) == merged.files[archive.stories_file(partition)]:
                whole.add(partition)
            report.files_written += merged.files
            rows |= merged.files
            report.restated += merged.restated
            for (site, kind), number in merged.counts.items():
                counts[index.run_of(site)][site, partition.section, kind] += number
    report.files_written += update_lineage(archive, stories=published, whole=whole, is_named=True)
    report.files_written += write_manifest(archive, published, rows=rows)
    return failed


def _count(archive: Archive, report: PublishReport, counts: Mapping[str, Counts], own: str | None) -> None:
    """Report what came of each run, and note it in the records of all but our own."""
    for run, found in counts.items():
        report.runs[run] = join_counts(report.runs.get(run, Counter()), found)
    failed: list[StorageError] = []
    for run, found in counts.items():
        if run != own:
            try:
                tell_run(archive, run, found)
            except StorageError as error:
                failed.append(error)
    if failed:
        raise failed[0]


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
