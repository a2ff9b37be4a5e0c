"""Raw files checked and put right: those that a killed crawl left open, and those out of which a story is taken."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from glob import escape
from hashlib import file_digest, sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from archiver.store.archive import Archive, DamagedFileError, StorageError, storage_errors, sync_folder
from archiver.store.raw import put_digest, site_name
from archiver.store.raw_read import (
    RawRecord,
    digest_file,
    digest_line,
    exchanges,
    place_file_of,
    raw_dir,
    to_raw_record,
)
from archiver.store.warc import BadRecordError, Fault, Record, make_blank, payload_digest, read_one, scan

logger = logging.getLogger(__name__)

MAX_BLANK = 1 << 26
"""Bytes of one blank record: it has to be read into the memory like any other."""


def check_raw_file(path: Path) -> list[str]:
    """Name what is wrong with a raw file: its own digest, each gzip member to its end, each record's digests, and that
    each response says how it was found. A file that a crawl still writes has no digest yet, which is a fault as well.
    """
    faults: list[str] = []
    try:
        with path.open("rb") as file:
            if fault := _check_digest(path, file_digest(file, "sha256").hexdigest()):
                faults.append(f"{path}: {fault}")
            file.seek(0)
            faults += [f"{path}: offset {offset}: {reason}" for offset, reason in _check_records(file)]
    except OSError as error:
        faults.append(f"{path}: {error.strerror or error}")
    return faults


def _check_digest(path: Path, digest: str) -> str | None:
    companion = digest_file(path)
    try:
        content = companion.read_bytes()
    except FileNotFoundError:
        return f"not closed: {companion.name} is missing"
    except OSError as error:
        return f"{companion.name}: {error.strerror or error}"
    if content != digest_line(path, digest):
        return f"not the digest that {companion.name} says"
    return None


def _check_records(file: BinaryIO) -> Iterator[tuple[int, str]]:
    try:
        if read_one(file, 0).type != "warcinfo":
            yield 0, "the first record is no warcinfo"
    except BadRecordError:
        pass  # it comes up below
    file.seek(0)
    for _, response, metadata in exchanges(file):
        if isinstance(response, Fault):
            yield response.offset, response.reason
            continue
        if metadata is None:
            yield response.offset, "no record says how it was found"
        try:
            to_raw_record(response, "", metadata)
        except DamagedFileError as error:
            yield response.offset, str(error.strerror)
        if response.type == "revisit" and not payload_digest(response):
            yield response.offset, "a revisit without the digest of its original"


def finish_leftovers(archive: Archive, site: str | None = None) -> list[Path]:
    """Close the files that killed crawls of a site left open, or of all sites; return those that were closed.

    Cuts what follows the last whole exchange, and writes the digest. A file in which no exchange is whole is removed.
    Doing it twice changes nothing; a file that a crawl still writes is left alone.
    """
    folder = raw_dir(archive)
    name = "*" if site is None else f"{escape(site_name(archive, site))}-*"
    paths = sorted(folder.glob(f"*/{name}.warc.gz"))
    return [path for path in paths if not digest_file(path).exists() and _finish(archive, path)]


def _finish(archive: Archive, path: Path) -> bool:
    with _taken(path) as file:
        if file is None or digest_file(path).exists():  # its crawl goes on, or another process was quicker
            return False
        end, size = _end_of_exchanges(file, path), os.fstat(file.fileno()).st_size
        if not end:
            _remove(path)
            return False
        if end < size:
            logger.warning("%s: cut %d bytes after its last whole exchange", path, size - end)
            os.ftruncate(file.fileno(), end)
        os.fsync(file.fileno())
        with path.open("rb") as again:  # the other one may still hold in its buffer what was cut
            put_digest(archive, path, file_digest(again, "sha256").hexdigest())
        return True


@contextmanager
def _taken(path: Path) -> Iterator[BinaryIO | None]:
    """Open a raw file that no crawl writes; None where one does, and where the file went."""
    with storage_errors(path), ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("r+b"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_there = os.path.samestat(os.fstat(file.fileno()), path.stat())
        except (BlockingIOError, FileNotFoundError):
            is_there = False
        yield file if is_there else None


def is_being_written(path: Path) -> bool:
    """Say whether a living crawl holds a raw file; StorageError where it cannot be opened."""
    with storage_errors(path), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _remove(path: Path) -> None:
    path.unlink()
    sync_folder(path.parent)


def _end_of_exchanges(file: BinaryIO, path: Path) -> int:
    """Return where the last whole exchange ends, 0 where there is none."""
    end, damaged = 0, []
    for _, response, metadata in exchanges(file):
        if isinstance(response, Fault):
            damaged.append(response)
        elif metadata is not None:
            end = metadata.end
    for fault in damaged:
        if fault.offset < end:  # what follows is whole: no torn end, but damage, which is not ours to cut
            logger.warning("%s: offset %d: %s", path, fault.offset, fault.reason)
    return end


def rewrite_without(archive: Archive, path: Path, drop: Callable[[RawRecord], bool]) -> dict[int, int]:
    """Take responses out of a raw file, with their requests and what says how they were found.

    What is kept stays at its offset, for blank records fill the gaps: no row of a table, and no revisit, ever points at a
    wrong record, whenever this is killed. Returns for each response kept where it stood and where it stands now. The new
    file is put in place atomically, its digest after it; one out of which everything was taken is removed. Where nothing
    is dropped, nothing is written. StorageError where a crawl still writes the file; DamagedFileError where it is
    damaged: what stands in a damaged stretch cannot be told.
    """
    if not digest_file(path).exists() and not _finish(archive, path):
        raise StorageError(errno.EWOULDBLOCK, "A crawl still writes it, or it is gone", str(path))
    with _taken(path) as file:
        if file is None:
            raise StorageError(errno.EWOULDBLOCK, "Just being rewritten, or gone", str(path))
        if faults := check_raw_file(path):
            raise DamagedFileError(errno.EIO, f"Damaged, restore it from a copy: {faults[0]}", str(path))
        dropped = _dropped(file, path, drop)
        records = [_Kept(each.type, each.offset, each.end) for each in scan(file) if isinstance(each, Record)]
        kept = [each for each in records if each.offset not in dropped]
        if dropped:
            while kept and kept[-1].type == "warcinfo":  # and what fills gaps at the end of the file
                kept.pop()
            _replace(archive, path, file, kept)
        return {each.offset: each.offset for each in kept if each.type in ("response", "revisit")}


class _Kept(NamedTuple):
    type: str
    offset: int
    end: int


def _dropped(file: BinaryIO, path: Path, drop: Callable[[RawRecord], bool]) -> set[int]:
    """Return the offsets of all records of the exchanges to drop."""
    dropped: set[int] = set()
    for request, response, metadata in exchanges(file):
        if isinstance(response, Record) and drop(to_raw_record(response, place_file_of(path), metadata)):
            dropped |= {each.offset for each in (request, response, metadata) if each is not None}
    return dropped


def _replace(archive: Archive, path: Path, file: BinaryIO, kept: list[_Kept]) -> None:
    # Without its digest a file counts as left open: a kill from here on is mended by finish_leftovers.
    digest_file(path).unlink(missing_ok=True)
    sync_folder(path.parent)
    if not kept:
        _remove(path)
        return
    first = read_one(file, 0)
    digest = sha256()

    def copy(target: BinaryIO) -> None:
        end = 0
        for record in kept:
            file.seek(record.offset)
            for content in (*_fill(first, end, record.offset), file.read(record.end - record.offset)):
                digest.update(content)
                target.write(content)
            end = record.end

    archive.put_atomic(path, copy)
    put_digest(archive, path, digest.hexdigest())


def _fill(first: Record, start: int, end: int) -> Iterator[bytes]:
    """Make blank records for a gap; an exchange is always longer than the shortest. The same each time it is done."""
    if end - start > MAX_BLANK:
        middle = (start + end) // 2
        yield from _fill(first, start, middle)
        yield from _fill(first, middle, end)
    elif end > start:
        record_id = f"<{uuid5(NAMESPACE_URL, f'{first.id} {start}').urn}>"
        yield make_blank(end - start, record_id, first.get("WARC-Date"))
