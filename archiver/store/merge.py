"""Merging stories into the two files of one partition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from archiver.items import Story
from archiver.schema import Revision, encode_parquet, revisions_to_table, stories_to_table, table_to_stories
from archiver.store.archive import Archive, Partition
from archiver.store.revisions import Reread, Verdict, has_moved, judge, table_to_revisions, version_of


@dataclass(frozen=True, slots=True)
class Merged:
    """What merging stories into a partition did."""

    kinds: dict[str, str]
    """story_id → `new`, `changed` or `same`."""
    restated: int = 0
    """Rows that were replaced and got no revision: extracted anew by today's rules, or at another address."""
    files: list[Path] = field(default_factory=list)
    """Files written, in that order."""


def merge_partition(
    archive: Archive, partition: Partition, stories: Sequence[Story], reread: Reread | None = None
) -> Merged:
    """Merge stories, each once, into the partition they belong in. DamagedFileError leaves it as it was."""
    stored = archive.read_stories(partition)
    rows = table_to_stories(rows_of(stored, stories), date=partition.date, section=partition.section)
    standing = {row.story_id: row for row in rows}
    differing = [story for story in stories if not _is_same(story, standing.get(story.story_id))]
    if not differing:
        return Merged(dict.fromkeys((story.story_id for story in stories), "same"))
    history = archive.read_revisions(partition)
    past: dict[str, list[Revision]] = {}
    rows_of_history = rows_of(history, differing).sort_by("revision")
    for revision in table_to_revisions(rows_of_history, date=partition.date, section=partition.section):
        past.setdefault(revision.story_id, []).append(revision)
    verdicts = {
        story.story_id: judge(story, standing.get(story.story_id), past.get(story.story_id, []), reread)
        for story in differing
    }
    return Merged(
        {story.story_id: verdicts[story.story_id].kind if story.story_id in verdicts else "same" for story in stories},
        sum(verdict.kind == "same" and verdict.row is not None for verdict in verdicts.values()),
        put_verdicts(archive, partition, stored, history, list(verdicts.values())),
    )


def put_verdicts(
    archive: Archive, partition: Partition, stored: pa.Table, history: pa.Table, verdicts: list[Verdict]
) -> list[Path]:
    """Write what the verdicts change in a partition, which holds `stored` and `history` now.

    Revisions first: killed between the two, the archive has a revision too many, which the next call makes good.
    """
    files = []
    if revisions := [revision for verdict in verdicts for revision in verdict.revisions]:
        history = replace_rows(history, revisions_to_table(revisions), "revision")
        files.append(put_table(archive, archive.revisions_file(partition), history))
    if rows := [verdict.row for verdict in verdicts if verdict.row is not None]:
        stored = replace_rows(stored, stories_to_table(rows))
        files.append(put_table(archive, archive.stories_file(partition), stored))
    return files


def _is_same(story: Story, standing: Story | None) -> bool:
    return standing is not None and version_of(standing) == version_of(story) and not has_moved(story, standing)


def rows_of(table: pa.Table, stories: Sequence[Story]) -> pa.Table:
    return table.filter(pc.is_in(table["story_id"], pa.array([story.story_id for story in stories], pa.string())))


def replace_rows(table: pa.Table, rows: pa.Table, *also: str) -> pa.Table:
    """Put `rows` in the place of those with the same story_id (and the same columns `also`), sorted by address."""
    keys = [rows[name].to_pylist() for name in ("story_id", *also)]
    replaced = set(zip(*keys, strict=True))
    held = [table[name].to_pylist() for name in ("story_id", *also)]
    kept = table.filter(pa.array([key not in replaced for key in zip(*held, strict=True)], pa.bool_()))
    order = [(name, "ascending") for name in ("site", "url", *also)]
    return pa.concat_tables([kept, rows]).sort_by(order)


def put_table(archive: Archive, path: Path, table: pa.Table) -> Path:
    archive.put_atomic(path, lambda file: file.write(encode_parquet(table)))
    return path
