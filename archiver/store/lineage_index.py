"""Which event each story is in, by story, event and source: kept beside the table, so that a publisher need not read all of it.

A file of its own under `state/` that holds nothing which the archive does not: whatever it lacks, or holds of a file that
has changed since, is read again. A day's file is known by its size, times and number.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

from archiver.lineage.events import Keys, keys_of
from archiver.schema import Lineage
from archiver.store.archive import Archive, DamagedFileError, storage_errors
from archiver.store.lineage_read import Told, iter_stories
from archiver.store.sqlite import connect_to_read

_VERSION: Final = 2
"""Another when the tables, or the keys of addresses, become others: the file is then made anew."""
_TABLES: Final = f"""
    CREATE TABLE days (day TEXT PRIMARY KEY, seen TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE stories (
        story_id TEXT NOT NULL, day TEXT NOT NULL, section TEXT, event_id TEXT NOT NULL, own_key TEXT, source_key TEXT,
        PRIMARY KEY (day, story_id)
    ) WITHOUT ROWID;
    CREATE INDEX stories_event ON stories (event_id);
    CREATE INDEX stories_own ON stories (own_key) WHERE own_key IS NOT NULL;
    CREATE INDEX stories_source ON stories (source_key) WHERE source_key IS NOT NULL;
    PRAGMA user_version = {_VERSION};
"""


class Indexed(NamedTuple):
    """What the index holds of a story."""

    event_id: str
    section: str | None
    """Where it stands; None where no partition with it could be read."""
    keys: Keys


class LineageIndex:
    """The index, brought up to date with the files of `lineage/`. For the one publisher."""

    def __init__(self, archive: Archive, connection: sqlite3.Connection) -> None:
        self._archive, self._connection = archive, connection

    def refresh(self) -> None:
        """Read the days anew whose file has changed."""
        known = dict(self._connection.execute("SELECT day, seen FROM days"))
        there = {day: _see(self._archive.lineage_file(day)) for day in list_lineage_days(self._archive)}
        for text in known.keys() - {day.isoformat() for day in there}:
            self._forget(text)
        for day, seen in there.items():
            if known.get(day.isoformat()) != seen:
                self._read(day, seen)

    def _forget(self, day: str) -> None:
        self._connection.execute("DELETE FROM stories WHERE day = ?", (day,))
        self._connection.execute("DELETE FROM days WHERE day = ?", (day,))

    def _read(self, day: date, seen: str) -> None:
        try:
            table = self._archive.read_lineage(day).select(["story_id", "event_id"])
        except DamagedFileError:
            self._forget(day.isoformat())
            return
        known = {told.story_id: (told.section, told.keys) for told in iter_stories(self._archive, day, with_text=False)}
        rows = []
        for story_id, event_id in zip(*(column.to_pylist() for column in table.columns), strict=True):
            section, keys = known.get(story_id, (None, _NO_KEYS))
            rows.append((story_id, section, event_id, keys.own, keys.source))
        self._put(day, seen, rows)

    def _put(self, day: date, seen: str, rows: Iterable[tuple[str, str | None, str, str | None, str | None]]) -> None:
        """Hold of a day these stories alone: each with its section, its event, its own key and that of its source."""
        text = day.isoformat()
        self._forget(text)
        insert = "INSERT OR REPLACE INTO stories VALUES (?, ?, ?, ?, ?, ?)"
        self._connection.executemany(insert, ((story_id, text, *others) for story_id, *others in rows))
        self._connection.execute("INSERT INTO days VALUES (?, ?)", (text, seen))

    def enter(self, day: date, rows: Iterable[Lineage], told: Mapping[str, Told]) -> None:
        """Enter the rows just written of a day, so that they need not be read again.

        `told` are the stories that the index may not have; a day with others is left to be read.
        """
        select = "SELECT story_id, section, own_key FROM stories WHERE day = ?"
        known = {story_id: place for story_id, *place in self._connection.execute(select, (day.isoformat(),))}
        known |= {story_id: [each.section, each.keys.own] for story_id, each in told.items()}
        rows = list(rows)
        if not rows or any(row.story_id not in known for row in rows):
            return
        values = []
        for row in rows:
            section, own = known[row.story_id]
            values.append((row.story_id, section, row.event_id, own, key_of_address(row.source_url)))
        self._put(day, _see(self._archive.lineage_file(day)), values)

    def put_told(self, day: date, stories: Iterable[Told]) -> None:
        """Enter by what stories of a day can be told now, and where they stand: one may have moved since."""
        rows = [(each.section, each.keys.own, each.keys.source, day.isoformat(), each.story_id) for each in stories]
        put = "UPDATE stories SET section = ?, own_key = ?, source_key = ? WHERE day = ? AND story_id = ?"
        self._connection.executemany(put, rows)

    def stories_on(self, day: date) -> dict[str, Indexed]:
        """Return what is known of the stories of a day."""
        select = "SELECT story_id, event_id, section, own_key, source_key FROM stories WHERE day = ?"
        rows = self._connection.execute(select, (day.isoformat(),))
        return {
            story_id: Indexed(event_id, section, Keys(own=own, source=source))
            for story_id, event_id, section, own, source in rows
        }

    def members_of(self, event_id: str) -> list[tuple[str, date]]:
        select = "SELECT story_id, day FROM stories WHERE event_id = ? ORDER BY day, story_id"
        return [(story_id, date.fromisoformat(day)) for story_id, day in self._connection.execute(select, (event_id,))]

    def has_source(self, event_id: str) -> bool:
        """Tell whether a story of the event links to its source."""
        select = "SELECT 1 FROM stories WHERE event_id = ? AND source_key IS NOT NULL LIMIT 1"
        return self._connection.execute(select, (event_id,)).fetchone() is not None

    def events_with(self, keys: Keys, without: Collection[str]) -> set[str]:
        """Return the events with a story that has the same source, is the source, or has this story as its source.

        `without` are stories of which the index holds what is no more.
        """
        found: list[Any] = []
        if keys.source:
            for column in ("source_key", "own_key"):
                select = f"SELECT story_id, event_id FROM stories WHERE {column} = ?"  # noqa: S608 - names of ours
                found += self._connection.execute(select, (keys.source,))
        if keys.own:
            found += self._connection.execute(
                "SELECT story_id, event_id FROM stories WHERE source_key = ?", (keys.own,)
            )
        return {event_id for story_id, event_id in found if story_id not in without}


_NO_KEYS: Final = keys_of(None, None)


def key_of_address(source_url: str | None) -> str | None:
    """Return the key of the source that a row of lineage names."""
    return source_url.removeprefix("https://") if source_url else None


@contextmanager
def open_lineage_index(archive: Archive, *, refresh: bool = True) -> Iterator[LineageIndex]:
    """Open the index; one of another version is made anew. What is written is kept if the block ends well.

    Raises sqlite3.DatabaseError where the file is damaged: `drop_lineage_index` then.
    """
    path = index_file(archive)
    with closing(_connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        index = LineageIndex(archive, connection)
        if refresh:
            index.refresh()
        yield index
        connection.execute("COMMIT")


def index_file(archive: Archive) -> Path:
    return archive.state_dir / "lineage-index.db"


def drop_lineage_index(archive: Archive) -> None:
    """Remove the index: whoever needs it makes it anew."""
    path = index_file(archive)
    with storage_errors(path):
        for each in (path.with_name(path.name + "-journal"), path):
            each.unlink(missing_ok=True)


def compare_index(archive: Archive) -> str | None:
    """Say what the index holds otherwise than the files of which it says that it has read them as they are."""
    path = index_file(archive)
    if not path.exists():
        return None
    try:
        with closing(connect_to_read(path)) as connection:
            if (found := connection.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
                return str(found)
            for text, seen in connection.execute("SELECT day, seen FROM days").fetchall():
                day = date.fromisoformat(text)
                if not archive.lineage_file(day).exists() or _see(archive.lineage_file(day)) != seen:
                    continue
                select = "SELECT story_id, event_id, source_key FROM stories WHERE day = ? ORDER BY story_id"
                if connection.execute(select, (text,)).fetchall() != _read_day(archive, day):
                    return f"not what lineage says of {text}"
    except (sqlite3.DatabaseError, DamagedFileError, ValueError, TypeError, UnicodeDecodeError) as error:
        return str(error)
    return None


def _read_day(archive: Archive, day: date) -> list[tuple[str, str, str | None]]:
    table = archive.read_lineage(day).select(["story_id", "event_id", "source_url"]).sort_by("story_id")
    return [
        (story_id, event_id, key_of_address(address))
        for story_id, event_id, address in zip(*(column.to_pylist() for column in table.columns), strict=True)
    ]


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                connection.execute(f"DROP TABLE {name}")
            connection.executescript(f"BEGIN; {_TABLES} COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def list_lineage_days(archive: Archive) -> list[date]:
    """Return the days that have a file of lineage."""
    return [day for day in list_days_of(archive.lineage_dir) if archive.lineage_file(day).is_file()]


def list_days_of(folder: Path) -> list[date]:
    """Return the days that have a folder in a table."""
    days = []
    with storage_errors(folder):
        for path in sorted(folder.glob("date=*")):
            try:
                days.append(date.fromisoformat(path.name.removeprefix("date=")))
            except ValueError:
                continue  # `verify` names it
    return days


def _see(path: Path) -> str:
    with storage_errors(path):
        stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"
