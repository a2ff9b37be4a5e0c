"""Merging stories into the two files of one partition, however many it holds: a row group at a time is in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from archiver.items import Story
from archiver.schema import (
    REVISIONS,
    STORIES,
    Revision,
    encode_parquet,
    revisions_to_table,
    stories_to_table,
    table_to_stories,
    write_parquet,
)
from archiver.store.archive import Archive, Partition, make_folder, storage_errors
from archiver.store.lineage_read import Told, tell
from archiver.store.revisions import Reread, Verdict, has_moved, judge, table_to_revisions, version_of
from archiver.store.rowfile import NewRows, Piece, iter_groups, open_rows, read_columns, read_rows


@dataclass(frozen=True, slots=True)
class Merged:
    """What merging stories into a partition did."""

    counts: Counter[tuple[str, str]]
    """Stories by site and `new`, `changed` or `same`."""
    restated: int = 0
    """Rows that were replaced and got no revision: extracted anew by today's rules, or at another address."""
    files: dict[Path, int] = field(default_factory=dict)
    """Files written, in that order, and the rows of each."""
    told: dict[str, Told] = field(default_factory=dict)
    """story_id → what lineage takes from its row; empty where not each of the stories got one, or they are too many."""


MOST_TOLD: Final = 5_000
"""Of so many stories lineage is told what it would read anew; more take 3 kB each."""


def merge_partition(
    archive: Archive, partition: Partition, batches: Iterable[Sequence[Story]], reread: Reread | None = None
) -> Merged:
    """Merge stories, each once, into the partition they belong in. DamagedFileError leaves it as it was.

    A batch is in memory at a time; it is quickest where they come in the order of their sites and addresses.
    """
    counts: Counter[tuple[str, str]] = Counter()
    restated = 0
    told: dict[str, Told] = {}
    with open_partition(archive, partition) as files:
        for stories in batches:
            seen = files.find_seen([story.story_id for story in stories])
            differing = [story for story in stories if not _is_same(story, seen.get(story.story_id))]
            counts.update((story.site, "same") for story in stories)
            if not differing:
                continue
            keys = [story.story_id for story in differing]
            standing, past = files.find_standing(keys), files.find_past(keys)
            verdicts = []
            for story in differing:
                verdict = judge(story, standing.get(story.story_id), past.get(story.story_id, []), reread)
                counts[story.site, "same"] -= 1
                counts[story.site, verdict.kind] += 1
                restated += verdict.kind == "same" and verdict.row is not None
                verdicts.append(verdict)
            files.add(verdicts)
            if len(told) <= MOST_TOLD:
                told |= {verdict.row.story_id: tell(verdict.row, partition) for verdict in verdicts if verdict.row}
        is_told = len(told) == counts.total() <= MOST_TOLD
        return Merged(+counts, restated, files.put(), told if is_told else {})


class _Seen(NamedTuple):
    story_id: str
    url: str
    content_hash: str
    status: str
    fetched_at: datetime


def _is_same(story: Story, standing: _Seen | None) -> bool:
    return standing is not None and version_of(standing) == version_of(story) and not has_moved(story, standing)


class _File:
    """One file of a partition, and what is to be changed in it."""

    def __init__(
        self, pieces: Sequence[Piece], schema: pa.Schema, order: tuple[str, ...], also: tuple[str, ...] = ()
    ) -> None:
        """`order` are the columns by which rows are sorted, the key among them; `also` are read with them."""
        self._schema, self._order = schema, order
        self._pieces = list(pieces)
        self._keys = read_columns(pieces, pa.schema([schema.field(name) for name in (*order, *also)]))
        self._new_keys: list[pa.Table] = []

    def find(self, story_ids: Collection[str]) -> tuple[pa.Table, list[int]]:
        """Return keys and numbers of the rows that stand there of some stories."""
        mask = pc.is_in(self._keys["story_id"], pa.array(story_ids, pa.string()))
        return self._keys.filter(mask), pc.indices_nonzero(mask).to_pylist()

    def read(self, story_ids: Collection[str]) -> pa.Table | None:
        """Return the rows that stand there of some stories; None where there are none, for an empty table takes 0.5 ms."""
        _, numbers = self.find(story_ids)
        return read_rows(self._pieces, numbers) if numbers else None

    def add(self, piece: Piece, table: pa.Table) -> None:
        """Put rows, of which `table` has at least the keys, in the place of those with the same key."""
        self._pieces.append(piece)
        self._new_keys.append(table.select(self._order).replace_schema_metadata())

    def put(self, archive: Archive, path: Path) -> dict[Path, int]:
        """Write the file, sorted by address, if anything was added; return it and its rows."""
        if not self._new_keys:
            return {}
        new = pa.concat_tables(self._new_keys)
        kept = pc.invert(pc.is_in(self._identify(self._keys), self._identify(new)))
        added = pa.array(range(len(kept), len(kept) + new.num_rows), pa.uint64())
        numbers = pa.concat_arrays([pc.indices_nonzero(kept), added])
        keys = pa.concat_tables([self._keys.filter(kept).select(self._order), new])
        order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in self._order])
        groups = iter_groups(self._pieces, numbers.take(order))
        archive.put_atomic(path, lambda file: write_parquet(groups, self._schema, file))
        return {path: len(order)}

    def _identify(self, keys: pa.Table) -> pa.ChunkedArray:
        names = [name for name in self._order if name not in ("site", "url")]
        return pc.binary_join_element_wise(*(keys[name].cast(pa.string()) for name in names), " ")


class PartitionFiles:
    """The two files of a partition as they stand, and as verdicts change them: nothing is written before `put`."""

    def __init__(self, archive: Archive, partition: Partition, held: ExitStack) -> None:
        self._archive, self._partition, self._held = archive, partition, held
        pieces = held.enter_context(open_rows(archive.stories_file(partition), STORIES))
        self._stories = _File(pieces, STORIES, ("site", "url", "story_id"), ("content_hash", "status", "fetched_at"))
        self._history: _File | None = None
        self._new: NewRows | None = None

    def _open_history(self) -> _File:
        if self._history is None:
            pieces = self._held.enter_context(open_rows(self._archive.revisions_file(self._partition), REVISIONS))
            self._history = _File(pieces, REVISIONS, ("site", "url", "revision", "story_id"))
        return self._history

    def _put_by(self, table: pa.Table) -> Piece:
        if self._new is None:
            make_folder(self._archive.staging_dir)
            self._new = NewRows(self._archive.staging_dir)
            self._held.callback(self._new.close)
        with storage_errors(self._archive.staging_dir):
            return self._new.add(table)

    def find_seen(self, story_ids: Collection[str]) -> dict[str, _Seen]:
        """Return by story_id what tells whether a story is as it was."""
        keys, _ = self._stories.find(story_ids)
        return {row["story_id"]: _Seen(**row) for row in keys.select(_Seen._fields).to_pylist()}

    def find_standing(self, story_ids: Collection[str]) -> dict[str, Story]:
        """Return the rows of some stories, by story_id."""
        if (rows := self._stories.read(story_ids)) is None:
            return {}
        found = table_to_stories(rows, date=self._partition.date, section=self._partition.section)
        return {row.story_id: row for row in found}

    def find_past(self, story_ids: Collection[str]) -> dict[str, list[Revision]]:
        """Return the revisions of some stories, by story_id and oldest first."""
        past: dict[str, list[Revision]] = {}
        if (rows := self._open_history().read(story_ids)) is None:
            return past
        for revision in table_to_revisions(
            rows.sort_by("revision"), date=self._partition.date, section=self._partition.section
        ):
            past.setdefault(revision.story_id, []).append(revision)
        return past

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Note what verdicts change; each story may be in one of them only."""
        verdicts = list(verdicts)
        revisions = [revision for verdict in verdicts for revision in verdict.revisions]
        rows = [verdict.row for verdict in verdicts if verdict.row is not None]
        places = {id(revision): place for place, revision in enumerate(revisions)}
        shared = [places[id(row)] for row in rows if id(row) in places]
        others = [row for row in rows if id(row) not in places]
        if revisions:
            table = revisions_to_table(revisions)
            piece = self._put_by(table)
            self._open_history().add(piece, table)
            if shared:  # most rows of `stories` are the revision just made: they are kept once
                picked = Piece(len(shared), lambda: _pick_stories(piece.load(), shared))
                self._stories.add(picked, _pick_stories(table, shared))
        if others:
            table = stories_to_table(others)
            self._stories.add(self._put_by(table), table)

    def put(self) -> dict[Path, int]:
        """Write what was changed; return the files written and the rows of each.

        Revisions first: killed between the two, the archive has a revision too many, which the next call makes good.
        """
        files = self._history.put(self._archive, self._archive.revisions_file(self._partition)) if self._history else {}
        return files | self._stories.put(self._archive, self._archive.stories_file(self._partition))


@contextmanager
def open_partition(archive: Archive, partition: Partition) -> Iterator[PartitionFiles]:
    """Open the files of a partition, for the one publisher. DamagedFileError where they cannot be read back."""
    with ExitStack() as held:
        yield PartitionFiles(archive, partition, held)


def put_verdicts(archive: Archive, partition: Partition, verdicts: Iterable[Verdict]) -> list[Path]:
    """Write what verdicts change in a partition; return the files written."""
    with open_partition(archive, partition) as files:
        files.add(verdicts)
        return list(files.put())


def _pick_stories(table: pa.Table, numbers: list[int]) -> pa.Table:
    """Return rows of revisions as rows of stories."""
    rows = table.select(STORIES.names)
    if len(numbers) < table.num_rows:
        rows = rows.take(numbers)
    return pa.Table.from_arrays(rows.columns, schema=STORIES)


def put_table(archive: Archive, path: Path, table: pa.Table) -> Path:
    archive.put_atomic(path, lambda file: file.write(encode_parquet(table)))
    return path
