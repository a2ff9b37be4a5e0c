"""The ledger of a site, one SQLite file. So far it holds one thing: in which partition each story stands.

That much can be had again from the archive, and is, where the file is missing, empty or damaged.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pyarrow.dataset as ds

from archiver.store.archive import Archive, Partition, StorageError, make_folder, storage_errors
from archiver.store.read import scan_stories

logger = logging.getLogger(__name__)

MIGRATIONS = (
    """
    CREATE TABLE stories (
        story_id TEXT NOT NULL PRIMARY KEY,
        date     TEXT NOT NULL,
        section  TEXT NOT NULL
    ) WITHOUT ROWID
    """,
)
"""Each brings a file of the version before to its own; `PRAGMA user_version` counts those that were run."""

_INSERT = "INSERT INTO stories (story_id, date, section) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_SELECT = "SELECT date, section FROM stories WHERE story_id = ?"

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


def ledger_file(archive: Archive, site: str) -> Path:
    """Return the file of a site: no two sites share one.

    >>> ledger_file(Archive(Path("data")), "127.0.0.1:8000").name
    '127.0.0.1%3A8000.sqlite'
    """
    name = quote(site, safe="")
    if len(name) > 200:  # file systems take 255 bytes, SQLite's companions need a few; no host has a `~`
        name = f"{name[:150]}~{hashlib.sha256(site.encode()).hexdigest()[:32]}"
    return archive.state_dir / f"{name}.sqlite"


def reserve_partitions(archive: Archive, site: str, wanted: Mapping[str, Partition]) -> dict[str, Partition]:
    """Return in which partition each story of a site stands, by story_id.

    A story not known so far is given the partition wanted, durably, before this returns: whoever publishes it later,
    with whatever date or section, finds it there.
    """
    path = ledger_file(archive, site)
    make_folder(path.parent)
    try:
        return _reserve(archive, path, site, wanted)
    except sqlite3.DatabaseError as error:
        if _primary_code(error) not in _DAMAGE:
            raise
    damaged = _set_aside(path)
    logger.warning("%s was damaged: it is now %s, and what it held is read from the archive", path, damaged.name)
    return _reserve(archive, path, site, wanted)


def _reserve(archive: Archive, path: Path, site: str, wanted: Mapping[str, Partition]) -> dict[str, Partition]:
    with _sqlite_errors(path), closing(_connect(path)) as ledger:
        ledger.execute("BEGIN IMMEDIATE")
        if ledger.execute("SELECT 1 FROM stories LIMIT 1").fetchone() is None:
            ledger.executemany(_INSERT, _published(archive, site))
        rows = ((story_id, place.date.isoformat(), place.section) for story_id, place in wanted.items())
        ledger.executemany(_INSERT, rows)
        places = {}
        for story_id in wanted:
            day, section = ledger.execute(_SELECT, (story_id,)).fetchone()
            places[story_id] = Partition(date.fromisoformat(day), section)
        ledger.execute("COMMIT")
    return places


def _connect(path: Path) -> sqlite3.Connection:
    """Open the ledger at its newest version."""
    ledger = sqlite3.connect(path, timeout=60, isolation_level=None)
    try:
        ledger.execute("PRAGMA journal_mode = WAL")
        ledger.execute("PRAGMA synchronous = FULL")  # in WAL, NORMAL forgets commits in a power cut
        (version,) = ledger.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise StorageError(errno.EINVAL, f"Written by a newer archiver (ledger version {version})", str(path))
        for number, migration in enumerate(MIGRATIONS[version:], start=version + 1):
            ledger.execute("BEGIN IMMEDIATE")
            ledger.execute(migration)
            ledger.execute(f"PRAGMA user_version = {number}")
            ledger.execute("COMMIT")
    except BaseException:
        ledger.close()
        raise
    return ledger


@contextmanager
def _sqlite_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's troubles with the disk into a StorageError; damage and our own mistakes pass."""
    try:
        yield
    except sqlite3.OperationalError as error:
        details = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
        number = _ERRNO.get(details) or _ERRNO.get(_primary_code(error))
        if number is None:
            raise
        raise StorageError(number, f"SQLite: {error}", str(path)) from error


def _primary_code(error: sqlite3.Error) -> int:
    """The kind of error without its details; errors of the module itself have none."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF


def _set_aside(path: Path) -> Path:
    """Rename a damaged ledger, with the companions that belong to it."""
    number = 1
    while (damaged := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    with storage_errors(path):
        for suffix in ("-wal", "-shm", ""):
            companion = path.with_name(path.name + suffix)
            if companion.exists():
                companion.rename(damaged.with_name(damaged.name + suffix))
    return damaged


def _published(archive: Archive, site: str) -> list[tuple[str, str, str]]:
    """Read story_id, date and section of each story of a site from the archive."""
    table = scan_stories(archive, ["story_id", "date", "section"], ds.field("site") == site)
    return [(row["story_id"], row["date"].isoformat(), row["section"]) for row in table.to_pylist()]
