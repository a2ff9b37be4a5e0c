"""The inbox: stories that a crawl has extracted and that are not yet published, one JSON line each."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from types import TracebackType
from typing import BinaryIO, Final

from archiver.items import Story
from archiver.schema import SCHEMA_VERSION, story_from_json, story_to_json
from archiver.store.archive import Archive, Partition, create_locked, storage_errors

SYNC_EVERY = 64
"""Lines between two fsyncs. A killed process loses none; a power cut loses at most these."""


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
    if not S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Not a file", str(path))
    with os.fdopen(descriptor, "rb") as file:
        # Shared is enough against the writer's exclusive lock, and NFS gives no other on a file open for reading.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield file


def is_written(path: Path) -> bool:
    """Tell whether a crawl still writes an inbox file."""
    try:
        with taken_inbox(path):
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def read_inbox(path: Path) -> tuple[list[Story], list[str]]:
    """Return the stories of an inbox file, and for each line that is none its number and what is wrong with it."""
    stories, faults = [], []
    for number, line in enumerate(_lines(path), start=1):
        try:
            stories.append(read_line(line))
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


def read_line(line: bytes) -> Story:
    """Return the story of a line. ValueError, or RecursionError for what is nested too deep, where it is none."""
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
