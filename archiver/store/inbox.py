"""The inbox: stories that a crawl has extracted and that are not yet published, one JSON line each."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from stat import S_ISREG
from types import TracebackType
from typing import Any, BinaryIO, Final

from archiver.alarms.quality import Look, look_at
from archiver.items import Story
from archiver.schema import SCHEMA_VERSION, story_from_json, story_to_json
from archiver.store.archive import Archive, Partition, create_locked, storage_errors
from archiver.store.sqlite import sqlite_errors

SYNC_EVERY = 64
"""Lines between two fsyncs. A killed process loses none; a power cut loses at most these."""
NAMED_FAULTS = 10
"""Damaged lines that are named; beyond that they are only counted."""
BATCH, BATCH_BYTES = 200, 2 << 20
"""Stories, and bytes of their lines, that are in memory at a time while they are published."""
RESERVED = 5_000
"""Stories whose partitions are reserved at a time."""


class InboxWriter:
    """Appends the stories of one run to `inbox/<run>.jsonl`.

    A story is safe from kill -9 as soon as `append` returns. The file comes with the first story, so that an empty run
    leaves none, and is locked until `close`: publishing leaves it alone while the crawl goes on.
    """

    def __init__(self, archive: Archive, run: str, *, before_sync: Callable[[], None] | None = None) -> None:
        self.path = archive.inbox_dir / f"{run}.jsonl"
        self._before_sync = before_sync
        self._descriptor: int | None = None
        self._size = 0
        self._unsynced = 0

    def append(self, story: Story) -> None:
        """Add one story. StorageError where it cannot be written: then no part of it stands in the file.

        ValueError where the story could not be published: a section that is no slug, no site, text that is no Unicode.
        """
        _check_publishable(story)
        content = write_line(story)
        with storage_errors(self.path):
            if self._descriptor is None:
                self._descriptor = create_locked(self.path)
            self._write(self._descriptor, content)
            self._unsynced += 1
            if self._unsynced >= SYNC_EVERY:
                self._sync(self._descriptor)

    def _write(self, descriptor: int, content: bytes) -> None:
        try:
            rest = memoryview(content)
            while rest:  # a disk that is almost full takes a part, and says so only when asked again
                rest = rest[os.write(descriptor, rest) :]
        except OSError:
            os.ftruncate(descriptor, self._size)
            raise
        self._size += len(content)

    def sync(self) -> None:
        """Make what was appended durable, after what it points at (`before_sync`)."""
        with storage_errors(self.path):
            if self._descriptor is not None and self._unsynced:
                self._sync(self._descriptor)

    def _sync(self, descriptor: int) -> None:
        if self._before_sync:
            self._before_sync()
        os.fsync(descriptor)
        self._unsynced = 0

    def close(self) -> None:
        """Make the file durable and hand it over to publishing. Closing twice does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with storage_errors(self.path):
            try:
                if self._size:
                    self._sync(descriptor)
                else:  # the first story already failed
                    self.path.unlink()
            finally:
                os.close(descriptor)

    def __enter__(self) -> InboxWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check_publishable(story: Story) -> None:
    """Raise ValueError where publishing would not know where to put the story."""
    Partition(story.date, story.section)
    if not story.story_id or not story.site:
        raise ValueError(f"story without story_id or site: {story.url!r:.200}")


@contextmanager
def taken_inbox(path: Path) -> Iterator[BinaryIO]:
    """Open an inbox file and keep it from being written while the block runs.

    BlockingIOError where its crawl still writes it; another OSError where it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # NONBLOCK: a named pipe must not hold us up
    with os.fdopen(descriptor, "rb") as file:
        if not S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Not a file", str(path))
        # Shared is enough against the writer's exclusive lock, and NFS gives no other on a file open for reading.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield file


class InboxIndex:
    """Where in an inbox file the newest line of each story stands. The index is on the disk once it is large.

    Made by `read_index`, while the file is taken.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file
        self.faults: list[str] = []
        """The first lines that are no story, each with its number and what is wrong with it."""
        self.fault_count = 0
        self._rows = sqlite3.connect("", isolation_level=None)  # a file that has no name, made when the cache is full
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute(
            """
            CREATE TABLE stories (
                number INTEGER PRIMARY KEY, site TEXT, story_id TEXT, url TEXT, start INTEGER, size INTEGER,
                date TEXT, section TEXT, asked TEXT, is_gone INTEGER, filled INTEGER, words INTEGER,
                title INTEGER, dek INTEGER, body INTEGER, UNIQUE (site, story_id)
            )
            """
        )

    def _read(self, is_wanted: Callable[[Story], bool]) -> Iterator[tuple[object, ...]]:
        start = 0
        for number, line in enumerate(self._file, start=1):
            story = None
            try:
                story = _read_line(line)
            # RecursionError: JSON nested deeper than the interpreter goes
            except (ValueError, RecursionError) as error:
                self.fault_count += 1
                if len(self.faults) < NAMED_FAULTS:
                    self.faults.append(f"line {number}: {error}")
            if story and is_wanted(story):
                place, look = (story.date.isoformat(), story.section, story.section), look_at(story)
                seen = look.is_gone, look.filled, look.words, *look.own
                yield story.site, story.story_id, story.url, start, len(line), *place, *seen
            start += len(line)

    def fill(self, is_wanted: Callable[[Story], bool]) -> None:
        """Read the file through; of several lines of one story the last counts."""
        self._rows.execute("BEGIN")
        with sqlite_errors(self._path):
            self._rows.executemany(_PUT_STORY, self._read(is_wanted))
            self._rows.execute("COMMIT")

    def looks(self, of: str | None = None) -> Iterator[Look]:
        """Yield what the stories look like, by site and the section that they came with; `of` one site, those not gone."""
        select = "SELECT site, asked, url, is_gone, filled, words, title, dek, body FROM stories"
        where = " WHERE site = ? AND NOT is_gone ORDER BY number" if of else " ORDER BY site, asked, number"
        with sqlite_errors(self._path):
            for row in self._rows.execute(select + where, (of,) if of else ()):
                site, section, url, is_gone, filled, words, *own = row
                yield Look(site, section, url, bool(is_gone), filled, words, tuple(own))

    def iter_wanted(self) -> Iterator[tuple[str, dict[str, Partition]]]:
        """Yield sites with stories, by story_id, and the partition that each asks for: some at a time."""
        for (site,) in self._select("SELECT site FROM stories GROUP BY site ORDER BY min(number)"):
            last = 0
            while rows := self._select(_SOME_OF_SITE, site, last):
                last = rows[-1][0]
                yield (
                    site,
                    {story_id: Partition(date.fromisoformat(day), section) for _, story_id, day, section in rows},
                )

    def place(self, site: str, places: Mapping[str, Partition]) -> None:
        """Note in which partition each story stands."""
        rows = ((at.date.isoformat(), at.section, site, story_id) for story_id, at in places.items())
        with sqlite_errors(self._path):
            self._rows.executemany("UPDATE stories SET date = ?, section = ? WHERE (site, story_id) = (?, ?)", rows)

    def drop(self, site: str) -> None:
        """Forget the stories of a site."""
        with sqlite_errors(self._path):
            self._rows.execute("DELETE FROM stories WHERE site = ?", (site,))

    def partitions(self) -> list[Partition]:
        """Return where the stories stand, in order."""
        rows = self._select("SELECT DISTINCT date, section FROM stories ORDER BY date, section")
        return [Partition(date.fromisoformat(day), section) for day, section in rows]

    def story_ids(self, partition: Partition) -> list[str]:
        """Return the stories of a partition."""
        rows = self._select("SELECT story_id FROM stories WHERE (date, section) = (?, ?)", *_values(partition))
        return [story_id for (story_id,) in rows]

    def batches(self, partition: Partition) -> Iterator[list[Story]]:
        """Yield the stories of a partition in the order of their sites and addresses, some at a time."""
        batch: list[Story] = []
        size = 0
        with sqlite_errors(self._path), storage_errors(self._path):
            for start, length in self._rows.execute(_LINES, _values(partition)):
                if batch and (len(batch) == BATCH or size + length > BATCH_BYTES):
                    yield batch
                    batch, size = [], 0
                self._file.seek(start)
                batch.append(_read_line(self._file.read(length)))
                size += length
        if batch:
            yield batch

    def _select(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with sqlite_errors(self._path):
            return self._rows.execute(statement, values).fetchall()

    def close(self) -> None:
        self._rows.close()


def _values(partition: Partition) -> tuple[str, str]:
    return partition.date.isoformat(), partition.section


_PUT_STORY = """
    INSERT INTO stories (
        site, story_id, url, start, size, date, section, asked, is_gone, filled, words, title, dek, body
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (site, story_id) DO UPDATE SET
        url = excluded.url, start = excluded.start, size = excluded.size, date = excluded.date, section = excluded.section,
        asked = excluded.asked, is_gone = excluded.is_gone, filled = excluded.filled, words = excluded.words,
        title = excluded.title, dek = excluded.dek, body = excluded.body
"""
_SOME_OF_SITE = f"""
    SELECT number, story_id, date, section FROM stories WHERE site = ? AND number > ? ORDER BY number LIMIT {RESERVED}
"""  # noqa: S608 - a number of ours
_LINES = "SELECT start, size FROM stories WHERE (date, section) = (?, ?) ORDER BY site, url, number"


@contextmanager
def read_index(path: Path, is_wanted: Callable[[Story], bool]) -> Iterator[InboxIndex]:
    """Read an inbox file through, and keep it from being written while the block runs. Errors as `taken_inbox`."""
    with taken_inbox(path) as file, closing(InboxIndex(path, file)) as index:
        index.fill(is_wanted)
        yield index


def read_inbox(path: Path) -> tuple[list[Story], list[str]]:
    """Return the stories of an inbox file, and for each line that is none its number and what is wrong with it."""
    stories, faults = [], []
    for number, line in enumerate(_lines(path), start=1):
        try:
            stories.append(_read_line(line))
        # RecursionError: JSON nested deeper than the interpreter goes
        except (ValueError, RecursionError) as error:
            faults.append(f"line {number}: {error}")
    return stories, faults


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


_CRC: Final = b', "crc32": '


def write_line(story: Story) -> bytes:
    """Return a line with the CRC of all that stands before it: a flipped bit in a text would still be JSON, and another
    story."""
    record = {"schema": SCHEMA_VERSION, "story": story_to_json(story)}
    content = json.dumps(record, ensure_ascii=False).encode()[:-1]
    return b"%b%b%d}\n" % (content, _CRC, zlib.crc32(content))


def _is_as_written(line: bytes) -> bool:
    """Tell whether a line has the CRC that it was written with; one of an older version has none."""
    content, mark, crc = line.rpartition(_CRC)
    return not mark or crc == b"%d}\n" % zlib.crc32(content)


def _read_line(line: bytes) -> Story:
    if not line.endswith(b"\n"):
        raise ValueError("cut off")
    try:
        record = json.loads(line.decode())
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg} at character {error.pos}") from error
    if not isinstance(record, dict) or type(version := record.get("schema")) is not int:
        raise ValueError(f"not a story: {line!r:.60}")
    if version > SCHEMA_VERSION:
        raise ValueError(f"written by a newer archiver (schema {version})")
    if unknown := sorted(record.keys() - {"schema", "story", "crc32"}):
        raise ValueError(f"unknown key {unknown[0]!r:.60}")
    if "crc32" in record and not _is_as_written(line):
        raise ValueError("not as it was written")
    story = story_from_json(record.get("story"))
    _check_publishable(story)
    return story
