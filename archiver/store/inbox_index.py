"""Where in the inbox files of several runs each story stands, so that they are published together."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from archiver.alarms.quality import Look, look_at
from archiver.items import Story
from archiver.store.archive import Partition, StorageError, storage_errors
from archiver.store.inbox import read_line, taken_inbox
from archiver.store.sqlite import sqlite_errors

NAMED_FAULTS = 10
"""Damaged lines that are named; beyond that they are only counted."""
BATCH, BATCH_BYTES = 200, 2 << 20
"""Stories, and bytes of their lines, that are in memory at a time while they are published."""
RESERVED = 5_000
"""Stories whose partitions are reserved at a time."""


@dataclass(slots=True)
class _Taken:
    """An inbox file that is kept from being written."""

    number: int
    path: Path
    file: BinaryIO
    held: ExitStack
    faults: list[str] = field(default_factory=list)
    fault_count: int = 0


class InboxIndex:
    """Where in the inbox files of some runs the newest line of each story stands. The index is on the disk once it is large.

    The runs have no site and no story in common, so that they can be published together: each is judged by what stood before
    any of them, and its site tells whose a story is.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` is named where the disk fails."""
        self._folder = folder
        self._taken: dict[str, _Taken] = {}
        self._runs: dict[str, str] = {}
        self._numbers = count()
        self._rows = sqlite3.connect("", isolation_level=None)  # a file that has no name, made when the cache is full
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.executescript(
            """
            CREATE TABLE stories (
                number INTEGER PRIMARY KEY, run INTEGER, site TEXT, story_id TEXT, url TEXT, start INTEGER, size INTEGER,
                date TEXT, section TEXT, asked TEXT, is_gone INTEGER, filled INTEGER, words INTEGER,
                title INTEGER, dek INTEGER, body INTEGER, UNIQUE (run, site, story_id)
            );
            CREATE INDEX by_story ON stories (story_id);
            """
        )

    @property
    def runs(self) -> list[str]:
        """The runs that are taken, in that order."""
        return list(self._taken)

    def take(self, path: Path, is_wanted: Callable[[Story], bool]) -> bool:
        """Read the file of one more run through, and keep it from being written until it is dropped; of several lines of one
        story the last counts. False, and nothing done, where a run that is taken has a site or a story of it. Errors as
        `taken_inbox`.
        """
        with ExitStack() as held:
            taken = _Taken(next(self._numbers), path, held.enter_context(taken_inbox(path)), held)
            try:
                sites = self._fill(taken, is_wanted)
                is_apart = not self._taken or self._is_apart(taken, sites)
            except BaseException:
                with suppress(sqlite3.Error, StorageError):
                    self._forget(taken)
                raise
            if not is_apart:
                self._forget(taken)
                return False
            taken.held = held.pop_all()
        self._taken[path.stem] = taken
        self._runs |= dict.fromkeys(sites, path.stem)
        return True

    def _is_apart(self, taken: _Taken, sites: list[str]) -> bool:
        return self._runs.keys().isdisjoint(sites) and not self._select(_SHARED, taken.number)

    def _fill(self, taken: _Taken, is_wanted: Callable[[Story], bool]) -> list[str]:
        """Enter the stories of a file, and return their sites."""
        with sqlite_errors(self._folder):
            self._rows.execute("BEGIN")
            try:
                self._rows.executemany(_PUT_STORY, self._read(taken, is_wanted))
            finally:
                if self._rows.in_transaction:  # SQLite ends it itself where the disk is full
                    self._rows.execute("COMMIT")
        return [site for (site,) in self._select("SELECT DISTINCT site FROM stories WHERE run = ?", taken.number)]

    def _read(self, taken: _Taken, is_wanted: Callable[[Story], bool]) -> Iterator[tuple[object, ...]]:
        start = 0
        for number, line in enumerate(taken.file, start=1):
            story = None
            try:
                story = read_line(line)
            # RecursionError: JSON nested deeper than the interpreter goes
            except (ValueError, RecursionError) as error:
                taken.fault_count += 1
                if len(taken.faults) < NAMED_FAULTS:
                    taken.faults.append(f"line {number}: {error}")
            if story and is_wanted(story):
                at = taken.number, story.site, story.story_id, story.url, start, len(line)
                place, look = (story.date.isoformat(), story.section, story.section), look_at(story)
                yield *at, *place, look.is_gone, look.filled, look.words, *look.own
            start += len(line)

    def _forget(self, taken: _Taken) -> None:
        with sqlite_errors(self._folder):
            self._rows.execute("DELETE FROM stories WHERE run = ?", (taken.number,))

    def drop_run(self, run: str) -> None:
        """Let the file of a run go, and forget its stories."""
        taken = self._taken.pop(run)
        taken.held.close()
        self._forget(taken)
        self._runs = {site: of for site, of in self._runs.items() if of != run}

    def faults(self, run: str) -> tuple[list[str], int]:
        """Return the first lines of a run's file that are no story, each with its number and what is wrong with it, and how
        many there are in all.
        """
        return self._taken[run].faults, self._taken[run].fault_count

    def looks(self, run: str, of: str | None = None) -> Iterator[Look]:
        """Yield what the stories of a run look like, by site and the section that they came with; `of` one site, those not
        gone.
        """
        select = "SELECT site, asked, url, is_gone, filled, words, title, dek, body FROM stories WHERE run = ?"
        rest = " AND site = ? AND NOT is_gone ORDER BY number" if of else " ORDER BY site, asked, number"
        with sqlite_errors(self._folder):
            for row in self._rows.execute(select + rest, (self._taken[run].number, *([of] if of else []))):
                site, section, url, is_gone, filled, words, *own = row
                yield Look(site, section, url, bool(is_gone), filled, words, tuple(own))

    def run_of(self, site: str) -> str:
        return self._runs[site]

    def iter_wanted(self) -> Iterator[tuple[str, dict[str, Partition]]]:
        """Yield sites with stories, by story_id, and the partition that each asks for: some at a time."""
        for run, site in self._select("SELECT run, site FROM stories GROUP BY run, site ORDER BY min(number)"):
            last = 0
            while rows := self._select(_SOME_OF_SITE, run, site, last):
                last = rows[-1][0]
                yield (
                    site,
                    {story_id: Partition(date.fromisoformat(day), section) for _, story_id, day, section in rows},
                )

    def place(self, site: str, places: Mapping[str, Partition]) -> None:
        """Note in which partition each story stands."""
        rows = ((at.date.isoformat(), at.section, site, story_id) for story_id, at in places.items())
        with sqlite_errors(self._folder):
            self._rows.executemany("UPDATE stories SET date = ?, section = ? WHERE (site, story_id) = (?, ?)", rows)

    def drop(self, site: str) -> None:
        """Forget the stories of a site."""
        with sqlite_errors(self._folder):
            self._rows.execute("DELETE FROM stories WHERE site = ?", (site,))

    def partitions(self) -> list[Partition]:
        """Return where the stories stand, in order."""
        self._select("CREATE INDEX IF NOT EXISTS by_place ON stories (date, section, site, url, number)")
        rows = self._select("SELECT DISTINCT date, section FROM stories ORDER BY date, section")
        return [Partition(date.fromisoformat(day), section) for day, section in rows]

    def runs_in(self, partition: Partition) -> set[str]:
        """Return the runs with stories in a partition."""
        rows = self._select("SELECT DISTINCT site FROM stories WHERE (date, section) = (?, ?)", *_values(partition))
        return {self._runs[site] for (site,) in rows}

    def story_ids(self, partition: Partition) -> list[str]:
        """Return the stories of a partition."""
        rows = self._select("SELECT story_id FROM stories WHERE (date, section) = (?, ?)", *_values(partition))
        return [story_id for (story_id,) in rows]

    def batches(self, partition: Partition) -> Iterator[list[Story]]:
        """Yield the stories of a partition in the order of their sites and addresses, some at a time."""
        taken = {each.number: each for each in self._taken.values()}
        batch: list[Story] = []
        size = 0
        with sqlite_errors(self._folder):
            for run, start, length in self._rows.execute(_LINES, _values(partition)):
                if batch and (len(batch) == BATCH or size + length > BATCH_BYTES):
                    yield batch
                    batch, size = [], 0
                file = taken[run].file
                with storage_errors(taken[run].path):
                    file.seek(start)
                    batch.append(read_line(file.read(length)))
                size += length
        if batch:
            yield batch

    def _select(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with sqlite_errors(self._folder):
            return self._rows.execute(statement, values).fetchall()

    def close(self) -> None:
        for taken in self._taken.values():
            taken.held.close()
        self._rows.close()


def _values(partition: Partition) -> tuple[str, str]:
    return partition.date.isoformat(), partition.section


_PUT_STORY = """
    INSERT INTO stories (
        run, site, story_id, url, start, size, date, section, asked, is_gone, filled, words, title, dek, body
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (run, site, story_id) DO UPDATE SET
        url = excluded.url, start = excluded.start, size = excluded.size, date = excluded.date, section = excluded.section,
        asked = excluded.asked, is_gone = excluded.is_gone, filled = excluded.filled, words = excluded.words,
        title = excluded.title, dek = excluded.dek, body = excluded.body
"""
_SHARED = """
    SELECT 1 FROM stories JOIN stories AS other USING (story_id) WHERE stories.run = ? AND other.run != stories.run LIMIT 1
"""
_SOME_OF_SITE = f"""
    SELECT number, story_id, date, section FROM stories WHERE run = ? AND site = ? AND number > ?
    ORDER BY number LIMIT {RESERVED}
"""  # noqa: S608 - a number of ours
_LINES = "SELECT run, start, size FROM stories WHERE (date, section) = (?, ?) ORDER BY site, url, number"
