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
                Publisher(archive, report, reread, own).publish_all()
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


@dataclass
class Publisher:
    """The one publisher at work, while it holds the lock."""

    archive: Archive
    report: PublishReport
    reread: Reread | None = None
    own: str | None = None
    """The run of the crawl that publishes."""
    done: set[Path] = field(default_factory=set)
    """Inbox files that are published, or left where they are."""

    def publish_all(self) -> None:
        """Publish what waits now, and what comes to wait while that is read."""
        ours, at_once = set(_waiting(self.archive)), RUNS_AT_ONCE
        while ours & set(_waiting(self.archive)) - self.done:
            try:
                self._publish_some(at_once)
            except StorageError:
                if at_once == 1 or len(set(_waiting(self.archive)) - self.done) < 2:
                    raise
                at_once = 1  # those before the one that it fails for are published

    def _publish_some(self, at_once: int) -> None:
        """Publish the first of the inbox files together, so that a partition they share is written once."""
        with closing(InboxIndex(self.archive.inbox_dir)) as index:
            paths = self._take(index, at_once)
            counts: dict[str, Counts] = {run: Counter() for run in index.runs}
            try:
                failed = self._merge(index, counts)
            except StorageError:
                with suppress(StorageError):
                    self._count(counts)
                raise
            self._count(counts)
            for path in paths:
                if path.stem not in failed:
                    self._finish(path, *index.faults(path.stem))
                self.done.add(path)

    def _take(self, index: InboxIndex, at_once: int) -> list[Path]:
        """Take inbox files that can be published together, those too that crawls hand over meanwhile, or hold them back: of one
        site, or one story, the first alone."""
        removed = _Removed(self.archive)
        spiders: set[str] = set()
        taken: list[Path] = []
        while arrived := [path for path in _waiting(self.archive) if path not in self.done and path not in taken]:
            for path in arrived:
                run, spider = path.stem, spider_of(path.stem)
                if len(taken) == at_once or spider in spiders:
                    return taken
                try:
                    if not self._read(path, index, removed):
                        return taken
                except BlockingIOError:
                    logger.info("%s stays in the inbox: its crawl is still running", path.name)
                    self.report.running.append(path)
                    self.done.add(path)
                    continue
                except StorageError:  # of what is read beside it
                    raise
                except OSError as error:
                    logger.warning("%s stays in the inbox: %s", path, error)
                    self.report.unreadable.append((path, error.strerror or str(error)))
                    self.done.add(path)
                    continue
                self.report.quality[run], alarms = judge_inbox(self.archive, run, index, is_own=run == self.own)
                if alarms:
                    self.report.alarms[run] = alarms
                    index.drop_run(run)
                    hold(self.archive, path)
                    self.done.add(path)
                else:
                    spiders |= {spider} if spider else set()
                    taken.append(path)
        return taken

    def _read(self, path: Path, index: InboxIndex, removed: _Removed) -> bool:
        """Enter the stories of an inbox file that are still wanted; False where it has to wait for those taken before."""
        dropped: Counter[str] = Counter()
        with ExitStack() as held:
            superseded = (
                held.enter_context(closing(Superseded(self.archive))) if is_let_go(self.archive, path.stem) else None
            )
            is_taken = index.take(path, partial(_is_wanted, removed, superseded, dropped))
        if is_taken:
            self.report.removed += dropped["removed"]
            self.report.superseded += dropped["superseded"]
        return is_taken

    def _merge(self, index: InboxIndex, counts: Mapping[str, Counts]) -> set[str]:
        """Merge the stories of all runs that were taken, and count them; return the runs of which some were left out."""
        failed = self._place(index)
        published: dict[Partition, Collection[str]] = {}
        whole: set[Partition] = set()
        room = MOST_TOLD
        rows: dict[Path, int] = {}
        for partition in index.partitions():
            try:
                merged = merge_partition(self.archive, partition, index.batches(partition), self.reread)
            except DamagedFileError as error:
                runs = index.runs_in(partition)
                logger.error("%s: not published: %s", ", ".join(sorted(runs)), error)
                self.report.failures.append(error)
                failed |= runs
            else:
                told = merged.told if len(merged.told) <= room else {}
                room -= len(told)
                published[partition] = told or index.story_ids(partition)
                if told and len(told) == merged.files[self.archive.stories_file(partition)]:
                    whole.add(partition)
                self.report.files_written += merged.files
                rows |= merged.files
                self.report.restated += merged.restated
                for (site, kind), number in merged.counts.items():
                    counts[index.run_of(site)][site, partition.section, kind] += number
        self.report.files_written += update_lineage(self.archive, stories=published, whole=whole, is_named=True)
        self.report.files_written += write_manifest(self.archive, published, rows=rows)
        return failed

    def _count(self, counts: Mapping[str, Counts]) -> None:
        """Report what came of each run, and note it in the records of all but our own."""
        for run, found in counts.items():
            self.report.runs[run] = join_counts(self.report.runs.get(run, Counter()), found)
        failed: list[StorageError] = []
        for run, found in counts.items():
            if run != self.own:
                try:
                    tell_run(self.archive, run, found)
                except StorageError as error:
                    failed.append(error)
        if failed:
            raise failed[0]

    def _place(self, index: InboxIndex) -> set[str]:
        """Find the partition that each story belongs in; return the runs of sites where that cannot be told."""
        failed = set()
        for site, wanted in index.iter_wanted():
            try:
                index.place(site, reserve_partitions(self.archive, site, wanted))
            except DamagedFileError as error:  # a site with no ledger, and none to be had from a damaged archive
                logger.error("%s: %s", site, error)
                self.report.failures.append(error)
                index.drop(site)
                failed.add(index.run_of(site))
        return failed

    def _finish(self, path: Path, faults: list[str], fault_count: int) -> None:
        """Take a published file out of the inbox: away, or where it had faults, to the damaged ones."""
        with storage_errors(path):
            if not faults:
                path.unlink()
                return
            make_folder(self.archive.damaged_dir)
            number, place = 1, self.archive.damaged_dir / path.name
            while place.exists():  # a file put back and damaged still: the first one stays too
                number += 1
                place = self.archive.damaged_dir / f"{path.stem}.{number}{path.suffix}"
            path.replace(place)
        more = fault_count - len(faults)
        why = "; ".join(faults) + (f"; and {more} lines more" if more else "")
        logger.warning("%s is damaged and was moved to %s: %s", path.name, place, why)
        self.report.damaged.append((place, why))


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
