"""SQLite files: opening them at their newest version, troubles with the disk, and setting damaged ones aside."""

from __future__ import annotations

import errno
import fcntl
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from archiver.store.archive import StorageError, locked, make_folder, storage_errors
from archiver.store.seal import SealedConnection

logger = logging.getLogger(__name__)

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_ERRNO = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR_SHMSIZE: errno.ENOSPC,  # the WAL's index cannot grow
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_BUSY: errno.EBUSY,
}
_KEPT_WAL = 16 << 20
"""Bytes of the WAL that are left standing after a large transaction."""


def connect(path: Path, migrations: Sequence[Sequence[str]], *, seal_up_to: int | None = None) -> sqlite3.Connection:
    """Open a file, made where there is none, at its newest version: `PRAGMA user_version` counts the migrations run.

    When the last connection closes, a file of up to `seal_up_to` bytes is sealed. Raises StorageError where a newer
    archiver has written it.
    """
    make_folder(path.parent)
    connection = sqlite3.connect(path, timeout=60, isolation_level=None, factory=SealedConnection)
    try:
        with storage_errors(path):
            connection.hold(path, seal_up_to)
        # Two processes that make one file at once: SQLite does not wait for a change of journal.
        if _read_version(connection) < len(migrations):
            with storage_errors(path), locked(path.parent / "migrate.lock", fcntl.LOCK_EX):
                connection.execute("PRAGMA journal_mode = WAL")
                _migrate(connection, migrations)
        connection.execute("PRAGMA synchronous = FULL")  # in WAL, NORMAL forgets commits in a power cut
        connection.execute(f"PRAGMA journal_size_limit = {_KEPT_WAL}")
        if (version := _read_version(connection)) > len(migrations):
            raise StorageError(errno.EINVAL, f"Written by a newer archiver (ledger version {version})", str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def read_version_of(path: Path) -> int:
    """Return the version of a file without changing it."""
    with closing(connect_to_read(path)) as connection:
        return _read_version(connection)


def connect_to_read(path: Path, *, is_still: bool = False) -> sqlite3.Connection:
    """Open a file that stands there, to read only.

    `is_still` opens it beside nobody, as it is without its WAL: nothing is made next to it, and whoever writes it meanwhile
    is not seen, or seen half.
    """
    return sqlite3.connect(address_to_read(path, is_still=is_still), uri=True)


def address_to_read(path: Path, *, is_still: bool = False) -> str:
    """Return what SQLite opens or attaches as `connect_to_read` does."""
    return f"file:{quote(str(path.absolute()))}?mode=ro" + ("&immutable=1" if is_still else "")


def _read_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]]) -> None:
    while (version := _read_version(connection)) < len(migrations):
        with transaction(connection):
            for statement in migrations[version]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block writes, durably, or nothing of it."""
    if isinstance(connection, SealedConnection):
        connection.unseal()
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled back already
            connection.execute("ROLLBACK")
        raise


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's troubles with the disk into a StorageError; damage and our own mistakes pass."""
    try:
        yield
    except sqlite3.OperationalError as error:
        details = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
        number = _ERRNO.get(details) or _ERRNO.get(_primary_code(error))
        if number is None:
            raise
        raise StorageError(number, f"SQLite: {error}", str(path)) from error


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether an error says that the file is no longer what SQLite has written."""
    return _primary_code(error) in _DAMAGE


def _primary_code(error: sqlite3.Error) -> int:
    """The kind of error without its details; errors of the module itself have none."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF


def identify(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another that takes its name; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(error.errno, error.strerror, str(path)) from error
    return status.st_dev, status.st_ino


def set_aside(path: Path, damaged: tuple[int, int] | None) -> None:
    """Rename a damaged file, with the companions that belong to it, unless another process was quicker."""
    with storage_errors(path), locked(path.parent / "migrate.lock", fcntl.LOCK_EX):
        if damaged is None or identify(path) != damaged:
            return
        number = 1
        while (target := path.with_name(f"{path.name}.damaged-{number}")).exists():
            number += 1
        for suffix in ("-wal", "-shm", ".sha256", ""):
            companion = path.with_name(path.name + suffix)
            if companion.exists():
                companion.rename(target.with_name(target.name + suffix))
    logger.warning("%s was damaged: it is now %s, and what it held is read from the archive", path, target.name)
