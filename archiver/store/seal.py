"""Digests of files that have none in a manifest: a companion for a ledger at rest, and JSON that holds its own."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

from archiver.store.archive import locked, storage_errors, sync_folder

SEAL_UP_TO: Final = 4 << 20
"""Bytes of a ledger that publishing seals: reading more of it would make publishing slower as the archive grows."""


def seal_file(path: Path) -> Path:
    """Return the companion of a ledger at rest: its SHA-256, as `sha256sum -c` reads it."""
    return path.with_name(f"{path.name}.sha256")


def seal_line(path: Path) -> bytes:
    """Return what the companion holds of the file as it is."""
    with path.open("rb") as file:
        return f"{file_digest(file, 'sha256').hexdigest()}  {path.name}\n".encode()


def wal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def is_checkpointed(path: Path) -> bool:
    """Tell whether all that was committed stands in the file itself."""
    try:
        return wal_of(path).stat().st_size == 0
    except FileNotFoundError:
        return True


def lock_file(path: Path) -> Path:
    """Whoever has a ledger open to write holds this lock shared; whoever reads its bytes, alone."""
    return path.with_suffix(".open.lock")


@contextmanager
def at_rest(path: Path) -> Iterator[bool]:
    """Keep a ledger from being opened while the block runs; False where it is open already, here or elsewhere."""
    try:
        with locked(lock_file(path), fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield True
    except BlockingIOError:
        yield False


class SealedConnection(sqlite3.Connection):
    """A connection that takes the seal off its file before it first writes, and puts one on when the last one closes.

    SQLite has no checksums. Killed in between, the file has no seal until it is closed in peace again: a seal that does
    not fit is damage, always.
    """

    path: Path | None = None
    limit: int | None = None
    """A larger file stays without seal; None: of any size."""
    _descriptor: int | None = None
    _identity: tuple[int, int] | None = None
    _is_unsealed = False

    def hold(self, path: Path, limit: int | None) -> None:
        """Begin to be a writer of the file. Waits where its bytes are being read."""
        self.path, self.limit = path, limit
        self._descriptor = os.open(lock_file(path), os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def unseal(self) -> None:
        """Take the seal off, durably; to be called before anything is written."""
        if self.path is None or self._is_unsealed:
            return
        with storage_errors(self.path):
            with suppress(FileNotFoundError):
                seal_file(self.path).unlink()
                sync_folder(self.path.parent)
            status = self.path.stat()
        self._identity = status.st_dev, status.st_ino
        self._is_unsealed = True

    def close(self) -> None:
        """Close, and seal where no other has the file open and nothing of it stands in the WAL."""
        super().close()
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None or self.path is None:
            return
        try:
            with suppress(BlockingIOError, FileNotFoundError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_unsealed or not seal_file(self.path).exists():
                    seal(self.path, self.limit, self._identity)
        except OSError:  # a full disk: the file stays without seal, which is no lie
            with suppress(OSError):
                seal_file(self.path).unlink()
        finally:
            os.close(descriptor)


def seal(path: Path, limit: int | None = None, identity: tuple[int, int] | None = None) -> bool:
    """Write the companion of a ledger that nobody has open. `identity`: unless another file has taken the name."""
    status = path.stat()
    if identity not in (None, (status.st_dev, status.st_ino)) or not is_checkpointed(path):
        return False
    if limit is not None and status.st_size > limit:
        return False
    line = seal_line(path)
    # No put_atomic: half a line would be a seal that does not fit, so it is written beside and renamed; the folder need
    # not be synced, for a file without seal is none the worse.
    beside = path.with_name(f"{path.name}.sha256.new")
    with beside.open("wb") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(seal_file(path))
    return True


_SEAL = "sha256"


def seal_json(record: dict[str, Any]) -> bytes:
    """Return a JSON object that ends in the SHA-256 of what stands before.

    >>> seal_json({"run": "a"}).splitlines()[1:]  # doctest: +ELLIPSIS
    [b'  "run": "a",', b'  "sha256": "..."', b'}']
    >>> check_json(seal_json({"run": "a"}))
    >>> check_json(seal_json({"run": "a"}).replace(b"a", b"b", 1))
    'not as it was written'
    """
    plain = {key: value for key, value in record.items() if key != _SEAL}
    return _encode(plain | {_SEAL: hashlib.sha256(_encode(plain)).hexdigest()})


def check_json(content: bytes) -> str | None:
    """Say what is wrong with a JSON object that `seal_json` made."""
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        return f"no JSON: {error}"
    if not isinstance(record, dict):
        return "no JSON object"
    if _SEAL not in record:
        return "has no digest of its own: damaged, or made by an older archiver, then `archiver migrate` adds it"
    try:
        return None if seal_json(record) == content else "not as it was written"
    except ValueError:  # half a surrogate pair
        return "not as it was written"


def _encode(record: dict[str, Any]) -> bytes:
    return (json.dumps(record, ensure_ascii=False, indent=2) + "\n").encode()
