"""The file of a ledger: its name, and a connection that outlives damage to the file."""

from __future__ import annotations

import fcntl
import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from archiver.store.archive import Archive, locked
from archiver.store.rebuild import rebuild_urls
from archiver.store.removed import restore_removed
from archiver.store.sqlite import connect, connect_to_read, identify, is_damage, set_aside, sqlite_errors, transaction
from archiver.store.tables import MIGRATIONS

_Result = TypeVar("_Result")


def ledger_file(archive: Archive, site: str) -> Path:
    """Return the file of a site: no two sites share one.

    >>> ledger_file(Archive(Path("data")), "127.0.0.1:8000").name
    '127.0.0.1%3A8000.sqlite'
    """
    name = quote(site, safe="")
    if len(name) > 200:  # file systems take 255 bytes, SQLite's companions need a few; no host has a `~`
        name = f"{name[:150]}~{hashlib.sha256(site.encode()).hexdigest()[:32]}"
    return archive.state_dir / f"{name}.sqlite"


def removed_file(archive: Archive, site: str) -> Path:
    """Return the text file of a site's take-downs."""
    return ledger_file(archive, site).with_suffix(".removed.jsonl")


def site_lock(archive: Archive, site: str) -> Path:
    """Return the lock file that a crawl of a site holds, and whoever takes a story of it down."""
    return ledger_file(archive, site).with_suffix(".lock")


def is_crawled(path: Path) -> bool:
    """Tell whether a crawl works on the site of a ledger."""
    lock = path.with_suffix(".lock")
    if lock.exists():
        try:
            with suppress(PermissionError), locked(lock, fcntl.LOCK_SH | fcntl.LOCK_NB):
                pass
        except BlockingIOError:
            return True
    return False


def survive_damage(path: Path, action: Callable[[], _Result]) -> _Result:
    """Do something with a ledger; where it proves damaged, once more with a new one."""
    seen = identify(path)
    try:
        with sqlite_errors(path):
            return action()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
    except UnicodeDecodeError:  # SQLite's message quotes the damaged schema
        pass
    set_aside(path, seen)
    with sqlite_errors(path):
        return action()


def check_ledger(archive: Archive, site: str) -> list[str]:
    """Return what is wrong with the file of a site, and change nothing; nothing is wrong with one that is not there.

    SQLite tells of broken pages and of indexes that differ from their tables; a value that reads as another is none of
    its business.
    """
    path = ledger_file(archive, site)
    if not path.exists():
        return []
    try:
        with sqlite_errors(path), closing(connect_to_read(path)) as connection:
            faults = [text for (text,) in connection.execute("PRAGMA integrity_check(20)")]
    except sqlite3.DatabaseError as error:
        faults = [str(error)]
    return [f"{path}: {fault}" for fault in faults if fault != "ok"]


class LedgerFile:
    """A connection to the ledger of a site, opened when first used.

    Where the file is new, damaged, deleted or set aside by another process, it is made anew from the archive.
    """

    def __init__(self, archive: Archive, site: str) -> None:
        self.path = ledger_file(archive, site)
        self.removed_file = removed_file(archive, site)
        self._archive, self._site = archive, site
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def run(self, action: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do something with the ledger, perhaps twice: the file may prove damaged at any time."""
        return survive_damage(self.path, lambda: self._attempt(action))

    def _attempt(self, action: Callable[[sqlite3.Connection], _Result]) -> _Result:
        if self._identity != identify(self.path):  # set aside by another process, or deleted
            self.close()
        try:
            return action(self._connection or self._connect())
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        connection = connect(self.path, MIGRATIONS)
        try:
            restore_removed(connection, self.removed_file)
            if _is_empty(connection):
                with transaction(connection):
                    if _is_empty(connection):  # another process may have been quicker
                        rebuild_urls(connection, self._archive, self._site)
        except BaseException:
            connection.close()
            raise
        self._connection, self._identity = connection, identify(self.path)
        return connection

    def close(self) -> None:
        """Close the connection; the next `run` opens another."""
        connection, self._connection = self._connection, None
        self._identity = None
        if connection is not None:
            connection.close()


def _is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM urls LIMIT 1").fetchone() is None
