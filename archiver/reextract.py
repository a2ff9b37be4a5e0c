"""All stories of an archive extracted anew, by any Executor: which of them today's rules would have otherwise."""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, fields
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from archiver.extract import Selectors
from archiver.items import Story
from archiver.reread import KEPT, Rereader, SelectorsOf, UnreadableError, put_back
from archiver.schema import story_to_json, table_to_stories
from archiver.store.archive import Archive, Partition
from archiver.store.no_pandas import leave_pandas_unloaded
from archiver.store.read import find_revisions, scan_stories
from archiver.store.restate import Restated

AT_ONCE: Final = 50
"""Rows of one task, which is of one raw file. At the end all processes but one wait for the last task: fewer rows, less of
a wait; a task costs as much as a tenth of a row."""

_PARTITIONS: Final = 64
"""Partitions that a process holds in memory: a crawl reads a listing's stories in the order of their days."""

EXTRACTED: Final = tuple(column.name for column in fields(Story) if column.name not in (*KEPT, "extractor"))
"""Columns that the rules fill. A row that differs in the version of the rules alone was made by another version, which
found the same: it stays as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change(Restated):
    """A row that today's rules would have otherwise."""

    columns: tuple[str, ...]

    @property
    def is_move(self) -> bool:
        return (self.story.date, self.story.section) != (self.standing.date, self.standing.section)


@dataclass(frozen=True, slots=True)
class Left:
    """A row that was not extracted anew, and stays as it is."""

    url: str
    reason: str
    is_fault: bool
    """False where that is as it should be: the story is gone, or its page was never kept."""


@dataclass
class Checked:
    """What a task found."""

    same: int = 0
    changes: list[Change] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)


class Key(NamedTuple):
    """A row to extract anew."""

    story_id: str
    partition: Partition


def reextract(
    archive: Archive,
    executor: Executor,
    selectors: SelectorsOf,
    *,
    day: date | None = None,
    site: str | None = None,
    at_once: int = 4,
) -> Iterator[Checked]:
    """Extract the stories of the archive anew, raw file by raw file, and yield what differs; nothing is written.

    `at_once` tasks are given to the executor at a time. StorageError where the archive cannot be read.
    """
    leave_pandas_unloaded()
    rows = _list_rows(archive, day, site)
    left = Checked(left=[*_leave(rows, pc.equal(rows["status"], "gone"), "gone")])
    rows = rows.filter(pc.not_equal(rows["status"], "gone"))
    left.left += _leave(rows, pc.is_null(rows["raw_file"]), "no raw page")
    yield left
    rows = rows.filter(pc.is_valid(rows["raw_file"])).sort_by([("raw_file", "ascending"), ("raw_offset", "ascending")])
    known = tuple(sorted(selectors.items(), key=lambda item: item[0]))
    running: deque[Future[Checked]] = deque()
    try:
        for keys in _deal(rows):
            running.append(executor.submit(check_rows, archive, known, keys))
            if len(running) >= at_once:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for task in running:
            task.cancel()


def _list_rows(archive: Archive, day: date | None, site: str | None) -> pa.Table:
    wanted = pc.scalar(True)
    if day:
        wanted &= pc.field("date") == pa.scalar(day, pa.date32())
    if site:
        wanted &= pc.field("site") == site
    columns = ["story_id", "url", "date", "section", "status", "raw_file", "raw_offset"]
    return scan_stories(archive, columns, wanted)


def _leave(rows: pa.Table, those: pa.ChunkedArray, reason: str) -> Iterator[Left]:
    for url in rows.filter(those)["url"].to_pylist():
        yield Left(url, reason, is_fault=False)


def _deal(rows: pa.Table) -> Iterator[list[Key]]:
    """Deal rows out to tasks: each has rows of one raw file, in the order in which their pages stand there."""
    for file in pc.unique(rows["raw_file"]):
        of_file = rows.filter(pc.equal(rows["raw_file"], file))
        for start in range(0, of_file.num_rows, AT_ONCE):
            dealt = of_file.slice(start, AT_ONCE).select(["story_id", "date", "section"]).to_pylist()
            yield [Key(row["story_id"], Partition(row["date"], row["section"])) for row in dealt]


def check_rows(archive: Archive, selectors: tuple[tuple[str, Selectors | None], ...], keys: Iterable[Key]) -> Checked:
    """Extract rows anew and tell which of them differ. One task of an executor: it takes and returns plain data."""
    rereader, rows, checked = _rereader(archive, selectors), _rows(archive), Checked()
    for key in keys:
        row = rows.get(key)
        if row is None:  # taken down, or moved, since the archive was listed
            continue
        try:
            change = check_row(archive, rereader, row)
        except UnreadableError as error:
            checked.left.append(Left(row.url, str(error), error.is_fault))
            continue
        if change is None:
            checked.same += 1
        else:
            checked.changes.append(change)
    return checked


@lru_cache(maxsize=1)
def _rereader(archive: Archive, selectors: tuple[tuple[str, Selectors | None], ...]) -> Rereader:
    """One for all tasks of a process: it remembers where the pages of a crawl's stories stand."""
    leave_pandas_unloaded()
    return Rereader(archive, dict(selectors))


@lru_cache(maxsize=1)
def _rows(archive: Archive) -> _Rows:
    """One for all tasks of a process: the next one is of the same crawl, and so of about the same partitions."""
    return _Rows(archive)


def check_row(archive: Archive, rereader: Rereader, row: Story) -> Change | None:
    """Extract a row anew; None where it comes out as it stands. Raises UnreadableError."""
    story = rereader.read(row)
    story = put_back(story, row, _find_placed(archive, rereader, row, story))
    if story == row and list(story.provenance) == list(row.provenance):  # a dictionary equals one in another order
        return None
    now, then = story_to_json(story), story_to_json(row)
    columns = tuple(name for name in EXTRACTED if json.dumps(now[name]) != json.dumps(then[name]))
    return Change(standing=row, story=story, columns=columns) if columns else None


def _find_placed(archive: Archive, rereader: Rereader, row: Story, story: Story) -> Story:
    """Return the story that decides the partition: what today's rules make of the first page that was published."""
    if row.revision == 1 and row.fetched_at == row.first_seen_at:
        return story
    first = next((each for each in find_revisions(archive, row) if each.revision == 1), None)
    if first is None or (first.raw_file, first.raw_offset) == (row.raw_file, row.raw_offset):
        return story
    try:
        return rereader.read(first)
    except UnreadableError:
        return row


class _Rows:
    """The rows of an archive, those of a few partitions in memory for as long as their files stay the same."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._held: OrderedDict[Partition, tuple[tuple[int, ...], dict[str, Story]]] = OrderedDict()

    def get(self, key: Key) -> Story | None:
        stamp = _stamp(self._archive.stories_file(key.partition))
        held = self._held.get(key.partition)
        if held is None or held[0] != stamp:
            table = self._archive.read_stories(key.partition)
            rows = table_to_stories(table, date=key.partition.date, section=key.partition.section)
            held = self._held[key.partition] = stamp, {row.story_id: row for row in rows}
            if len(self._held) > _PARTITIONS:
                self._held.popitem(last=False)
        self._held.move_to_end(key.partition)
        return held[1].get(key.story_id)


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what differs once another file is put in the place of this one; nothing where there is none."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_mtime_ns, status.st_size
