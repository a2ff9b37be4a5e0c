"""What checks of the archive share: a fault, what was checked, and an index of all stories that is not in memory."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeAlias

from archiver.items import Story
from archiver.store.archive import Archive, Partition

Kind: TypeAlias = Literal["damaged", "missing", "unknown", "disagrees", "left-over", "older"]
"""`unknown`: a file that nothing names. `left-over`: of a process that was killed. `older`: `archiver migrate` helps."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with one file."""

    file: str
    """Under the root."""
    what: str
    kind: Kind

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass
class Checked:
    """What was looked at, and what was left alone."""

    counts: Counter[str] = field(default_factory=Counter)
    """`partitions`, `stories`, `revisions`, `raw_files`, `raw_records`, `ledgers`, `addresses`, `run_records`."""
    notes: list[str] = field(default_factory=list)
    """What could not be checked in full, and is no fault."""


def name_of(archive: Archive, path: Path) -> str:
    """Return a file as faults name it; also one whose name is no Unicode."""
    return os.fsencode(path.relative_to(archive.root)).decode(errors="backslashreplace")


class Index:
    """Each story of the archive and where it stands: an SQLite file of its own, gone when closed."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, uri=True)
        self.connection.execute("PRAGMA journal_mode = OFF")
        self.connection.execute("PRAGMA synchronous = OFF")
        self.connection.execute(
            "CREATE TABLE archived (story_id TEXT PRIMARY KEY, site TEXT, url TEXT, date TEXT, section TEXT) WITHOUT ROWID"
        )
        self.connection.execute("CREATE TABLE held (story_id TEXT PRIMARY KEY)")
        self.connection.execute("CREATE TABLE unread (date TEXT, section TEXT, PRIMARY KEY (date, section))")

    def add(self, stories: list[Story], partition: Partition) -> list[tuple[str, str]]:
        """Enter the stories of a partition; return those that stand in another one too, and which."""
        self.connection.execute("BEGIN")
        elsewhere = []
        for story in stories:
            row = (story.story_id, story.site, story.url, partition.date.isoformat(), partition.section)
            try:
                self.connection.execute("INSERT INTO archived VALUES (?, ?, ?, ?, ?)", row)
            except sqlite3.IntegrityError:
                select = "SELECT date, section FROM archived WHERE story_id = ?"
                day, section = self.connection.execute(select, row[:1]).fetchone()
                elsewhere.append((story.story_id, Partition(date.fromisoformat(day), section).path))
        self.connection.execute("COMMIT")
        return elsewhere

    def add_held(self, stories: list[Story]) -> None:
        """Enter stories that are known, and held back from the archive."""
        rows = [(story.story_id,) for story in stories]
        self.connection.executemany("INSERT OR IGNORE INTO held VALUES (?)", rows)

    def add_unread(self, partition: Partition) -> None:
        """Enter a partition whose stories cannot be told."""
        row = (partition.date.isoformat(), partition.section)
        self.connection.execute("INSERT OR IGNORE INTO unread VALUES (?, ?)", row)

    def has(self, story_id: str) -> bool:
        select = "SELECT 1 FROM archived WHERE story_id = ?"
        return self.connection.execute(select, (story_id,)).fetchone() is not None

    @property
    def unread(self) -> set[Partition]:
        """The partitions whose stories cannot be told."""
        rows = self.connection.execute("SELECT date, section FROM unread")
        return {Partition(date.fromisoformat(day), section) for day, section in rows}

    @property
    def sites(self) -> list[str]:
        return [site for (site,) in self.connection.execute("SELECT DISTINCT site FROM archived ORDER BY site")]


@contextmanager
def open_index() -> Iterator[Index]:
    """Make an empty index in a temporary folder."""
    with TemporaryDirectory(prefix="archiver-") as folder:
        index = Index(Path(folder) / "index.sqlite")
        try:
            yield index
        finally:
            index.connection.close()
