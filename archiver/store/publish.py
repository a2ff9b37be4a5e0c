"""Publishing: the inbox merged into `stories/` and `revisions/`, one file a partition; then the lineage of their days."""

from __future__ import annotations

import fcntl
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

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
from archiver.store.inbox import InboxIndex, read_index
from archiver.store.ledger import reserve_partitions
from archiver.store.ledgerfile import removed_file
from archiver.store.lineage import finish_lineage, has_unfinished_lineage, update_lineage
from archiver.store.manifest import write_manifest
from archiver.store.merge import MOST_TOLD, merge_partition
from archiver.store.moves import finish_moves, has_unfinished_moves
from archiver.store.no_pandas import leave_pandas_unloaded
from archiver.store.removed import removed_keys
from archiver.store.revisions import Reread

logger = logging.getLogger(__name__)


@dataclass
class PublishReport:
    """What one call of `publish` did."""

    runs: dict[str, Counter[tuple[str, str, str]]] = field(default_factory=dict)
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
    def counts(self) -> Counter[tuple[str, str, str]]:
        """Stories of all runs by site, section and `new`, `changed` or `same`."""
        return sum(self.runs.values(), Counter())


class PublishError(StorageError):
    """Publishing met storage that failed. `report` says what was published all the same; the rest is in the inbox."""

    def __init__(self, error: StorageError, report: PublishReport) -> None:
        super().__init__(error.errno, error.strerror, error.filename)
        self.report = report


def publish(
    archive: Archive, reread: Reread | None = None, *, release: Callable[[], None] = lambda: None
) -> PublishReport:
    """Merge every inbox file into the archive, in the order of the runs, and remove it; or hold it back, where its
    stories are unlike those that its spider brought before.

    A story keeps the partition it was first published in. One whose `content_hash` and `status` stand there already is
    not touched; else it gets the next revision, `judge` in revisions.py says when. `reread` extracts the raw page of an
    archived row anew, so that a new version of the extractor makes no revision; without it, the texts are compared as
    they stand. Killed at any point and called again, it leaves the same archive as a call that was never disturbed.
    Waits for another publisher. `release` is called when it is our turn: a crawl that closes its inbox file then, and not
    before, is the one that publishes it, and can tell what came of its stories. Raises PublishError when storage fails.
    """
    report = PublishReport()
    try:
        if _waiting(archive) or has_unfinished_moves(archive) or has_unfinished_lineage(archive):
            leave_pandas_unloaded()
            with publishing(archive) as finished:
                release()
                report.files_written += finished
                archive.sweep_staging()
                for path in _waiting(archive):
                    _publish_file(archive, path, report, reread)
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


def _publish_file(archive: Archive, path: Path, report: PublishReport, reread: Reread | None) -> None:
    with ExitStack() as held:
        superseded = held.enter_context(closing(Superseded(archive))) if is_let_go(archive, path.stem) else None
        is_wanted = partial(_is_wanted, _Removed(archive), superseded, report)
        try:
            index = held.enter_context(read_index(path, is_wanted))
        except BlockingIOError:
            logger.info("%s stays in the inbox: its crawl is still running", path.name)
            report.running.append(path)
            return
        except StorageError:  # of what is read beside it
            raise
        except OSError as error:
            logger.warning("%s stays in the inbox: %s", path, error)
            report.unreadable.append((path, error.strerror or str(error)))
            return
        report.quality[path.stem], alarms = judge_inbox(archive, path.stem, index)
        if alarms:
            report.alarms[path.stem] = alarms
            hold(archive, path)
            return
        earlier_failures = len(report.failures)
        counts = report.runs.setdefault(path.stem, Counter())
        _place(archive, index, report)
        published: dict[Partition, Collection[str]] = {}
        room = MOST_TOLD
        rows: dict[Path, int] = {}
        for partition in index.partitions():
            try:
                merged = merge_partition(archive, partition, index.batches(partition), reread)
            except DamagedFileError as error:
                logger.error("%s stays in the inbox: %s", path.name, error)
                report.failures.append(error)
            else:
                told = merged.told if len(merged.told) <= room else {}
                room -= len(told)
                published[partition] = told or index.story_ids(partition)
                report.files_written += merged.files
                rows |= merged.files
                report.restated += merged.restated
                counts.update({(site, partition.section, kind): n for (site, kind), n in merged.counts.items()})
        report.files_written += update_lineage(archive, stories=published, is_named=True)
        report.files_written += write_manifest(archive, published, rows=rows)
        if len(report.failures) == earlier_failures:
            _finish(archive, path, index, report)


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
    report: PublishReport,
    story: Story,
) -> bool:
    """Tell whether a story has not been taken down or seen anew since it was put into the inbox."""
    keys = removed[story.site]
    if keys and not keys.isdisjoint((story.url, story.story_id, make_story_id(story.url))):
        report.removed += 1
        return False
    if superseded and superseded.has(story):
        report.superseded += 1
        return False
    return True


def _place(archive: Archive, index: InboxIndex, report: PublishReport) -> None:
    """Find the partition that each story belongs in."""
    for site, wanted in index.iter_wanted():
        try:
            index.place(site, reserve_partitions(archive, site, wanted))
        except DamagedFileError as error:  # a site with no ledger, and none to be had from a damaged archive
            logger.error("%s: %s", site, error)
            report.failures.append(error)
            index.drop(site)


def _finish(archive: Archive, path: Path, index: InboxIndex, report: PublishReport) -> None:
    """Take a published file out of the inbox: away, or where it had faults, to the damaged ones."""
    with storage_errors(path):
        if not index.faults:
            path.unlink()
            return
        make_folder(archive.damaged_dir)
        number, place = 1, archive.damaged_dir / path.name
        while place.exists():  # a file put back and damaged still: the first one stays too
            number += 1
            place = archive.damaged_dir / f"{path.stem}.{number}{path.suffix}"
        path.replace(place)
    more = index.fault_count - len(index.faults)
    why = "; ".join(index.faults) + (f"; and {more} lines more" if more else "")
    logger.warning("%s is damaged and was moved to %s: %s", path.name, place, why)
    report.damaged.append((place, why))
