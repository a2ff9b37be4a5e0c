"""Rows replaced by what today's rules make of their raw pages, under their own revision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from archiver.items import Story
from archiver.schema import Revision
from archiver.store.archive import Archive, Partition
from archiver.store.lineage import update_lineage
from archiver.store.manifest import write_manifest
from archiver.store.merge import open_partition
from archiver.store.moves import Move, move_stories, note_restated
from archiver.store.publish import publishing
from archiver.store.revisions import Verdict, restate


@dataclass(frozen=True, kw_only=True, slots=True)
class Restated:
    """A row of `stories`, and what is to stand in its place: perhaps in another partition."""

    standing: Story
    story: Story


@dataclass
class RestateReport:
    """What one call of `restate_rows` did."""

    files_written: list[Path] = field(default_factory=list)
    passed_over: list[Story] = field(default_factory=list)
    """Rows that are no longer what they were when they were extracted anew: a crawl has published them since."""


def restate_rows(archive: Archive, rows: Iterable[Restated]) -> RestateReport:
    """Put rows in the place of those that stand, and into the history of their stories; no revision is made.

    Killed at any point and called again with what still differs, it leaves the same archive. Waits for publishers.
    StorageError where the disk fails.
    """
    report = RestateReport()
    groups: dict[Partition, list[Restated]] = {}
    for row in rows:
        groups.setdefault(Partition(row.standing.date, row.standing.section), []).append(row)
    with publishing(archive) as finished:
        report.files_written += finished
        archive.sweep_staging()
        moves: list[Move] = []
        touched = []
        for partition, group in sorted(groups.items()):
            leaving, files = _restate_partition(archive, partition, group, report)
            moves += leaving
            report.files_written += files
            touched += [partition] if files else []
        if touched:
            report.files_written += update_lineage(archive, {partition.date for partition in touched})
        report.files_written += write_manifest(archive, touched)
        report.files_written += move_stories(archive, moves)
    return report


def _restate_partition(
    archive: Archive, partition: Partition, group: Sequence[Restated], report: RestateReport
) -> tuple[list[Move], list[Path]]:
    """Replace the rows that stay in their partition; return the moves of those that do not, and the files written."""
    with open_partition(archive, partition) as files:
        keys = [row.standing.story_id for row in group]
        rows, past = files.find_standing(keys), files.find_past(keys)
        verdicts, moves = [], []
        for row in group:
            if rows.get(row.standing.story_id) != row.standing:
                report.passed_over.append(row.standing)
                continue
            revisions = _restate_history(row.story, past.get(row.story.story_id, []))
            if Partition(row.story.date, row.story.section) == partition:
                verdicts.append(Verdict(kind="same", row=row.story, revisions=revisions))
            else:
                moves.append(Move(left=partition, story=row.story, revisions=revisions))
        if not verdicts:
            return moves, []
        note_restated(archive, [verdict.row for verdict in verdicts if verdict.row])
        files.add(verdicts)
        return moves, list(files.put())


def _restate_history(story: Story, past: Sequence[Revision]) -> tuple[Revision, ...]:
    """Return all revisions of a story: the one that tells the same as its row with the row's text, all in its partition."""
    history = []
    for revision in past:
        for now in restate(story, [revision]):
            is_same_page = (now.raw_file, now.raw_offset) == (story.raw_file, story.raw_offset)
            revision = replace(now, url=story.url, site=story.site) if is_same_page else now
        history.append(replace(revision, date=story.date, section=story.section, date_source=story.date_source))
    return tuple(history)
