"""Take-downs in the ledger: what is forgotten of a story, and that it is not to be fetched again.

The list also stands in a text file beside the ledger, for it must outlive a ledger that is lost or damaged.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from archiver.normalize import story_id as make_story_id
from archiver.store.archive import make_folder, storage_errors, sync_folder
from archiver.store.sqlite import transaction
from archiver.store.tables import from_stamp, to_stamp


@dataclass(frozen=True, kw_only=True, slots=True)
class Removed:
    """One address that is not to be fetched again."""

    url: str
    story_id: str | None
    why: str
    at: datetime


def append_removed(path: Path, removed: Iterable[Removed]) -> None:
    """Add take-downs, durably; what a full disk cut off is no line and is skipped when read."""
    content = b"".join(map(format_removed, removed))
    make_folder(path.parent)
    with storage_errors(path):
        with path.open("ab") as file:
            if file.tell() and not path.read_bytes().endswith(b"\n"):
                content = b"\n" + content
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)


def format_removed(removed: Removed) -> bytes:
    """Return the line of a take-down."""
    line = json.dumps(asdict(removed) | {"at": removed.at.isoformat()}, ensure_ascii=False)
    return f"{line}\n".encode(errors="replace")


def parse_removed(line: bytes) -> Removed | None:
    """Return the take-down of a line, None where it is none."""
    try:
        fields = json.loads(line)
        return Removed(**fields | {"at": datetime.fromisoformat(fields["at"])})
    except (ValueError, TypeError, KeyError):
        return None


def read_removed(path: Path) -> list[Removed]:
    """Return all take-downs in the order in which they were made; lines that are none are skipped."""
    with storage_errors(path):
        content = path.read_bytes() if path.exists() else b""
    return [removed for removed in map(parse_removed, content.splitlines()) if removed]


def held_removed(connection: sqlite3.Connection) -> list[Removed]:
    """Return the take-downs that a ledger knows, in the order in which they were made."""
    rows = connection.execute("SELECT url, story_id, why, at FROM removed ORDER BY at, url")
    return [Removed(url=url, story_id=story_id, why=why, at=from_stamp(at)) for url, story_id, why, at in rows]


def removed_keys(path: Path) -> set[str]:
    """Return the addresses and the keys of all stories taken down."""
    return {key for each in read_removed(path) for key in (each.url, each.story_id or make_story_id(each.url))}


def restore_removed(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a ledger that is new, or whose last take-down was cut short, up to its text file."""
    removed = read_removed(path)
    (count,) = connection.execute("SELECT count(*) FROM removed").fetchone()
    if count < len({each.url for each in removed}):
        forget(connection, removed)


def find_addresses(connection: sqlite3.Connection, url: str, story_id: str | None) -> set[str]:
    """Return all addresses that lead to a story."""
    found = connection.execute("SELECT url FROM urls WHERE story_id = ? OR moved_to = ?", (story_id, url))
    return {url, *(address for (address,) in found)}


def forget(connection: sqlite3.Connection, removed: list[Removed]) -> None:
    """Enter take-downs, and drop what else is known of their addresses and of where their stories stand."""
    with transaction(connection):
        put = "INSERT INTO removed (url, story_id, why, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        connection.executemany(put, [(each.url, each.story_id, each.why, to_stamp(each.at)) for each in removed])
        connection.executemany("DELETE FROM urls WHERE url = ?", [(each.url,) for each in removed])
        connection.executemany("DELETE FROM stories WHERE story_id = ?", [(each.story_id,) for each in removed])


def move_raw(connection: sqlite3.Connection, raw_file: str, offsets: Mapping[int, int]) -> None:
    """Enter that a raw file was rewritten: old offset → new offset of each record that is still in it."""
    with transaction(connection):
        rows = connection.execute("SELECT rowid, raw_offset FROM urls WHERE raw_file = ?", (raw_file,)).fetchall()
        for rowid, offset in rows:
            place = (raw_file, offsets[offset]) if offset in offsets else (None, None)
            connection.execute("UPDATE urls SET raw_file = ?, raw_offset = ? WHERE rowid = ?", (*place, rowid))
