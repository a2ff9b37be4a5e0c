"""Publishing: the inbox merged into `stories/` and `revisions/`, one file a partition."""

from __future__ import annotations

import fcntl
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from archiver.items import Story
from archiver.schema import Revision, encode_parquet, revisions_to_table, stories_to_table, table_to_stories
from archiver.store.archive import (
    Archive,
    DamagedFileError,
    Partition,
    StorageError,
    locked,
    make_folder,
    storage_errors,
)
from archiver.store.inbox import read_inbox, taken_inbox
from archiver.store.ledger import reserve_partitions
from archiver.store.manifest import write_manifest

logger = logging.getLogger(__name__)

COMPARED = ("title", "dek", "body", "faq", "source_url", "status")
"""What a revision's column `changed` may name."""

_FAULTS_NAMED = 10


@dataclass
class PublishReport:
    """What one call of `publish` did."""

    runs: dict[str, Counter[tuple[str, str, str]]] = field(default_factory=dict)
    """Run → stories by site, section and `new`, `changed` or `same`, of each inbox file published."""
    files_written: list[Path] = field(default_factory=list)
    """Published files in the order written: Parquet and manifest."""
    damaged: list[tuple[Path, str]] = field(default_factory=list)
    """Inbox files with lines that are no story: where each was moved, and the first such lines with their reasons.
    The good lines are published."""
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    """Inbox files that could not be opened, and why. They were left where they are."""
    running: list[Path] = field(default_factory=list)
    """Inbox files that a crawl still writes. They were left where they are."""
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


def publish(archive: Archive) -> PublishReport:
    """Merge every inbox file into the archive, in the order of the runs, and remove it.

    A story keeps the partition it was first published in. One whose `content_hash` and `status` stand there already is
    not touched; else it gets the next revision. Killed at any point and called again, it leaves the same archive as a
    call that was never disturbed. Waits for another publisher. Raises PublishError when storage fails.
    """
    report = PublishReport()
    try:
        if _waiting(archive):
            with _publishing(archive):
                archive.sweep_staging()
                for path in _waiting(archive):
                    _publish_file(archive, path, report)
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
def _publishing(archive: Archive) -> Iterator[None]:
    """Be the one publisher."""
    make_folder(archive.state_dir)
    lock = archive.state_dir / "publish.lock"
    with storage_errors(lock):
        try:
            with locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
                pass
        except BlockingIOError:
            logger.info("waiting for another process that publishes into %s", archive.root)
    with locked(lock, fcntl.LOCK_EX):
        yield


def _publish_file(archive: Archive, path: Path, report: PublishReport) -> None:
    try:
        with taken_inbox(path):
            stories, faults = read_inbox(path)
    except BlockingIOError:
        logger.info("%s stays in the inbox: its crawl is still running", path.name)
        report.running.append(path)
        return
    except OSError as error:
        logger.warning("%s stays in the inbox: %s", path, error)
        report.unreadable.append((path, error.strerror or str(error)))
        return
    earlier_failures = len(report.failures)
    counts = report.runs.setdefault(path.stem, Counter())
    partitions = _place(archive, stories, report)
    published = []
    for partition, group in sorted(partitions.items()):
        try:
            kinds = _merge(archive, partition, group, report)
        except DamagedFileError as error:
            logger.error("%s stays in the inbox: %s", path.name, error)
            report.failures.append(error)
        else:
            published.append(partition)
            counts.update((story.site, partition.section, kinds[story.story_id]) for story in group)
    report.files_written += write_manifest(archive, published)
    if len(report.failures) == earlier_failures:
        _finish(archive, path, faults, report)


def _place(archive: Archive, stories: Iterable[Story], report: PublishReport) -> dict[Partition, list[Story]]:
    """Return the stories by the partition they belong in; of several lines of one story the last counts."""
    by_site: dict[str, dict[str, Story]] = {}
    for story in stories:
        by_site.setdefault(story.site, {})[story.story_id] = story
    partitions: dict[Partition, list[Story]] = {}
    for site, newest in by_site.items():
        wanted = {story_id: Partition(story.date, story.section) for story_id, story in newest.items()}
        try:
            places = reserve_partitions(archive, site, wanted)
        except DamagedFileError as error:  # a site with no ledger, and none to be had from a damaged archive
            logger.error("%s: %s", site, error)
            report.failures.append(error)
            continue
        for story_id, story in newest.items():
            partitions.setdefault(places[story_id], []).append(story)
    return partitions


def _merge(archive: Archive, partition: Partition, stories: list[Story], report: PublishReport) -> dict[str, str]:
    """Merge stories into their partition; return of each, by story_id, whether it was new, changed or the same."""
    stored = archive.read_stories(partition)
    standing = {row.story_id: row for row in _rows(stored, stories, partition)}
    kinds = dict.fromkeys((story.story_id for story in stories), "same")
    differing = [
        story
        for story in stories
        if story.story_id not in standing or _version(standing[story.story_id]) != _version(story)
    ]
    if not differing:
        return kinds
    history = archive.read_revisions(partition)
    past: dict[str, list[Story]] = {}
    for row in _rows(history, differing, partition):
        past.setdefault(row.story_id, []).append(row)
    revisions = []
    for story in differing:
        before = standing.get(story.story_id)
        revision = make_revision(story, before, sorted(past.get(story.story_id, []), key=lambda row: row.revision))
        if revision is not None:
            revisions.append(revision)
            kinds[story.story_id] = "changed" if before else "new"
    if revisions:
        history = _replace_rows(history, revisions_to_table(revisions), "revision")
        stored = _replace_rows(stored, stories_to_table(revisions))
        # Revisions first: killed between the two, the archive has a revision too many, which the next call makes good.
        report.files_written += [
            _put_table(archive, archive.revisions_file(partition), history),
            _put_table(archive, archive.stories_file(partition), stored),
        ]
    return kinds


def _put_table(archive: Archive, path: Path, table: pa.Table) -> Path:
    archive.put_atomic(path, lambda file: file.write(encode_parquet(table)))
    return path


def make_revision(story: Story, standing: Story | None, past: list[Story]) -> Revision | None:
    """Return the story as the next revision after `standing`, its row in `stories`; None where it already was one.

    `past` are its rows in `revisions`, oldest first. They reach beyond `standing` where a run was killed between the
    two files: the row it left is numbered and compared as it was then.
    """
    reached = standing.revision if standing else 0
    if any(row.revision <= reached and _visit(row) == _visit(story) for row in past):
        return None
    is_leftover = bool(past) and past[-1].revision > reached and _version(past[-1]) == _version(story)
    earlier = past[:-1] if is_leftover else past
    before = max([*earlier, *([standing] if standing else [])], key=lambda row: row.revision, default=None)
    if before is None:
        return _to_revision(replace(story, revision=1), [], Counter())
    story = replace(
        story,
        revision=past[-1].revision if is_leftover else before.revision + 1,
        first_seen_at=before.first_seen_at,
        date=before.date,
        section=before.section,
        date_source=before.date_source,
    )
    changed = [name for name in COMPARED if getattr(story, name) != getattr(before, name)]
    return _to_revision(story, changed, _count_words(before))


def _to_revision(story: Story, changed: list[str], words_before: Counter[str]) -> Revision:
    words = _count_words(story)
    return Revision(
        **{column.name: getattr(story, column.name) for column in fields(Story)},
        changed=changed,
        words_added=(words - words_before).total(),
        words_removed=(words_before - words).total(),
    )


def _count_words(story: Story) -> Counter[str]:
    faq = [text for pair in story.faq for text in (pair.question, pair.answer)]
    return Counter(" ".join([story.title, story.dek or "", story.body, *faq]).split())


def _version(story: Story) -> tuple[object, ...]:
    return story.content_hash, story.status


def _visit(story: Story) -> tuple[object, ...]:
    return *_version(story), story.fetched_at


def _rows(table: pa.Table, stories: list[Story], partition: Partition) -> list[Story]:
    """Return the rows of `table` that belong to `stories`."""
    wanted = pc.is_in(table["story_id"], pa.array([story.story_id for story in stories], pa.string()))
    return table_to_stories(table.filter(wanted), date=partition.date, section=partition.section)


def _replace_rows(table: pa.Table, rows: pa.Table, *also: str) -> pa.Table:
    """Put `rows` in the place of those with the same story_id (and the same columns `also`), sorted by address."""
    keys = [rows[name].to_pylist() for name in ("story_id", *also)]
    replaced = set(zip(*keys, strict=True))
    held = [table[name].to_pylist() for name in ("story_id", *also)]
    kept = table.filter(pa.array([key not in replaced for key in zip(*held, strict=True)], pa.bool_()))
    order = [(name, "ascending") for name in ("site", "url", *also)]
    return pa.concat_tables([kept, rows]).sort_by(order)


def _finish(archive: Archive, path: Path, faults: list[str], report: PublishReport) -> None:
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
    more = f"; and {len(faults) - _FAULTS_NAMED} lines more" if len(faults) > _FAULTS_NAMED else ""
    why = "; ".join(faults[:_FAULTS_NAMED]) + more
    logger.warning("%s is damaged and was moved to %s: %s", path.name, place, why)
    report.damaged.append((place, why))
