"""The layout of the archive, and the one way in which a published file is put in place."""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from archiver.schema import LINEAGE, REVISIONS, SCHEMA_VERSION, STORIES


class StorageError(OSError):
    """The disk is full, read-only, forbidden or damaged; raised wherever the archive is read or written.

    It has `errno` and `filename` as every OSError. Nothing is lost: what was not published still stands in the inbox.
    """


class DamagedFileError(StorageError):
    """A published file cannot be read back as it was written; raised before anything is written over it."""


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn any OSError of the block into a StorageError that names its file, by default `path`."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(error.errno or errno.EIO, reason, str(error.filename or path)) from error


@contextmanager
def locked(path: Path, how: int) -> Iterator[None]:
    """Hold an flock on a lock file while the block runs; BlockingIOError with LOCK_NB where another holds it.

    The lock file stays: one that is removed can be locked by two processes at once.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def create_locked(path: Path) -> int:
    """Create a file that one crawl will write and lock it; return its descriptor. FileExistsError where there is one."""
    make_folder(path.parent)
    while True:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Between the two calls another process may have taken the empty file for a leftover and removed it.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    sync_folder(path.parent)
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


_UNSAFE = re.compile(r"[\x00-\x20\x7f/\\%=]|__HIVE_DEFAULT_PARTITION__")
"""Readers take `%2F` for a slash, `=` for the end of a key and Hive's default partition for null."""


@dataclass(frozen=True, order=True, slots=True)
class Partition:
    """One day and section of the archive. ValueError where the section is no slug that can be a folder's name.

    >>> Partition(date(2026, 6, 29), "policy").path
    'date=2026-06-29/section=policy'
    >>> Partition.at("date=2026-06-29/section=policy")
    Partition(date=datetime.date(2026, 6, 29), section='policy')
    >>> Partition(date(2026, 6, 29), "../../etc")
    Traceback (most recent call last):
    ValueError: not a section slug: '../../etc'
    """

    date: date
    section: str

    def __post_init__(self) -> None:
        # 255 bytes is the longest name that file systems take.
        if not self.section or _UNSAFE.search(self.section) or len(f"section={self.section}".encode()) > 255:
            raise ValueError(f"not a section slug: {self.section!r:.80}")

    @classmethod
    def at(cls, path: str) -> Partition:
        """Return the partition whose `path` that is. ValueError where it is that of none."""
        day, _, section = path.partition("/")
        partition = cls(date.fromisoformat(day.removeprefix("date=")), section.removeprefix("section="))
        if partition.path != path:
            raise ValueError(f"not a partition: {path!r:.80}")
        return partition

    @property
    def path(self) -> str:
        return f"date={self.date.isoformat()}/section={self.section}"


@dataclass(frozen=True)
class Archive:
    """Names every place under the root, and puts files there. Making one touches nothing."""

    root: Path

    @property
    def stories_dir(self) -> Path:
        return self.root / "stories"

    @property
    def revisions_dir(self) -> Path:
        return self.root / "revisions"

    @property
    def lineage_dir(self) -> Path:
        return self.root / "lineage"

    @property
    def inbox_dir(self) -> Path:
        return self.root / "inbox"

    @property
    def damaged_dir(self) -> Path:
        return self.inbox_dir / "damaged"

    @property
    def held_dir(self) -> Path:
        return self.inbox_dir / "held"

    @property
    def runs_dir(self) -> Path:
        return self.root / "runs"

    @property
    def manifest_dir(self) -> Path:
        return self.root / "manifest"

    @property
    def manifest_file(self) -> Path:
        return self.root / "manifest.json"

    @property
    def state_dir(self) -> Path:
        return self.root / "state"

    @property
    def staging_dir(self) -> Path:
        """Files being written: under `stories/` a reader would take them for data."""
        return self.state_dir / "staging"

    def stories_file(self, partition: Partition) -> Path:
        return self.stories_dir / partition.path / "stories.parquet"

    def revisions_file(self, partition: Partition) -> Path:
        return self.revisions_dir / partition.path / "revisions.parquet"

    def lineage_file(self, day: date) -> Path:
        return self.lineage_dir / f"date={day.isoformat()}" / "lineage.parquet"

    def read_lineage(self, day: date) -> pa.Table:
        """Return the lineage of a day's stories, none where there is none yet; the partition key is not in it."""
        return _read_parquet(self.lineage_file(day), LINEAGE)

    def read_stories(self, partition: Partition) -> pa.Table:
        """Return the partition's rows, none where it does not exist yet; the partition keys are not in them."""
        return _read_parquet(self.stories_file(partition), STORIES)

    def read_revisions(self, partition: Partition) -> pa.Table:
        """Return the partition's revisions, none where it does not exist yet; the partition keys are not in them."""
        return _read_parquet(self.revisions_file(partition), REVISIONS)

    def check_writable(self) -> None:
        """Make the root and try to write to it; StorageError says what is in the way."""
        if self.root.exists() and not self.root.is_dir():
            raise StorageError(errno.ENOTDIR, "The archive's root is a file, not a folder", str(self.root))
        for folder in (self.inbox_dir, self.staging_dir):
            make_folder(folder)
        probe = self.state_dir / "writable"
        self.put_atomic(probe, lambda file: file.write(b"\0"))
        with storage_errors(probe), suppress(FileNotFoundError):  # two crawls may probe at once
            probe.unlink()
        self.sweep_staging()  # publishing does so too, but not where there is nothing to publish

    def put_atomic(self, path: Path, write: Callable[[BinaryIO], object]) -> None:
        """Put a file in place whole or not at all: every published file comes about here.

        `write` fills a staging file, which is synced and renamed to `path`. When anything fails, what stood at `path`
        still stands there and the staging file is gone.
        """
        with storage_errors(path):
            make_folder(self.staging_dir)
            make_folder(path.parent)
            staged = self.staging_dir / uuid4().hex
            with locked(self.state_dir / "staging.lock", fcntl.LOCK_SH):
                try:
                    with staged.open("xb") as file:
                        write(file)
                        file.flush()
                        os.fsync(file.fileno())
                    staged.replace(path)
                except BaseException:
                    with suppress(OSError):  # the first error is the one to report
                        staged.unlink()
                    raise
            sync_folder(path.parent)

    def sweep_staging(self) -> None:
        """Remove what killed processes left in staging, unless a living one is staging a file right now."""
        with storage_errors(self.staging_dir):
            make_folder(self.staging_dir)
            with suppress(BlockingIOError), locked(self.state_dir / "staging.lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
                for leftover in self.staging_dir.iterdir():
                    leftover.unlink()


def make_folder(path: Path) -> None:
    """Make a folder and those above it, each durably: a synced file in a folder that a power cut forgets is lost."""
    if path.is_dir():
        return
    with storage_errors(path):
        if path.parent != path:
            make_folder(path.parent)
        with suppress(FileExistsError):  # another process was quicker; a file in the way fails at its first use
            path.mkdir()
            sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable: those added, replaced and removed."""
    with storage_errors(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read_parquet(path: Path, schema: pa.Schema) -> pa.Table:
    """Read one published file whole, every page against its checksum."""
    with damage_errors(path):
        try:
            with path.open("rb") as file:
                content = file.read()
        except FileNotFoundError:
            return schema.empty_table()
        table = decode_parquet(content)
        check_schema(table.schema, schema, path)
    # With our own metadata: descriptions may have been reworded since, and reading adds field ids.
    return pa.Table.from_arrays(table.columns, schema=schema)


@contextmanager
def damage_errors(path: Path) -> Iterator[None]:
    """Turn what Arrow says of a file into a DamagedFileError, and what the disk says into another StorageError."""
    try:
        yield
    except StorageError:
        raise
    # ValueError and OSError are the parents of Arrow's own; damaged names of columns are a UnicodeDecodeError
    except (pa.ArrowException, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise StorageError(error.errno, error.strerror, str(path)) from error
        raise DamagedFileError(errno.EIO, f"Damaged, restore it from a copy: {error}", str(path)) from error


def check_schema(found: pa.Schema, schema: pa.Schema, path: Path) -> None:
    """Raise DamagedFileError where a file is of another version, or none of ours."""
    version = (found.metadata or {}).get(b"schema_version", b"").decode()
    if version.isdecimal() and int(version) > SCHEMA_VERSION:
        raise DamagedFileError(errno.EIO, f"Written by a newer archiver (schema {version})", str(path))
    if version.isdecimal() and int(version) < SCHEMA_VERSION:
        why = f"Written by an older archiver (schema {version}): run `archiver migrate`"
        raise DamagedFileError(errno.EIO, why, str(path))
    if not found.equals(schema):
        raise DamagedFileError(errno.EIO, "Not written by archiver: its columns are others", str(path))


def decode_parquet(content: bytes) -> pa.Table:
    """Read a Parquet file whole, every page against its checksum. ValueError or OSError where it is damaged."""
    file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
    table = file.read()
    table.validate(full=True)
    # The footer has no checksum, and one bit of its row count makes rows vanish; the count stands there three times.
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    counts = (
        table.num_rows,
        file.metadata.num_rows,
        sum(group.num_rows for group in groups),
        sum(group.column(0).num_values for group in groups),
    )
    if len(set(counts)) > 1:
        raise ValueError(f"the footer's counts of rows differ: {counts}")
    return table
