"""Stories had again from the raw pages: every visit that they tell of, judged once more in the order of time.

What no raw page tells: that a story was gone for a while, where its crawl kept no record of that answer; and which visits a
crawl left out on purpose (`-a since`, `-a limit`), or lost to a kill between the raw file and the inbox.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeAlias

from archiver.items import Story
from archiver.schema import Revision
from archiver.store.archive import Archive, DamagedFileError, Partition, StorageError
from archiver.store.exchange import leads_on_for_good
from archiver.store.ledgerfile import ledger_file
from archiver.store.raw_read import RawRecord, iter_records, raw_dir, read_record
from archiver.store.removed import removed_keys
from archiver.store.revisions import judge
from archiver.store.sqlite import address_to_read
from archiver.store.tables import from_stamp, to_stamp
from archiver.urls import site_of

FromRaw: TypeAlias = Callable[[RawRecord], Story | None]
"""Extracts the story of its first raw page, later pages included, and fills in its raw place; None, never an error, where
there is none."""

_TABLES = """
    CREATE TABLE visits (
        asked TEXT, url TEXT, at INTEGER, kind TEXT, is_moved INTEGER, file TEXT, offset INTEGER, story_id TEXT
    );
    CREATE TABLE addresses (url TEXT PRIMARY KEY, story_id TEXT) WITHOUT ROWID;
    CREATE TABLE places (story_id TEXT PRIMARY KEY, date TEXT, section TEXT, is_told INTEGER) WITHOUT ROWID;
    CREATE TABLE gone (story_id TEXT PRIMARY KEY, at INTEGER) WITHOUT ROWID;
    CREATE TABLE removed (key TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_FROM_LEDGER = (
    "INSERT OR IGNORE INTO places SELECT story_id, date, section, 1 FROM ledger.stories",
    "INSERT OR IGNORE INTO addresses SELECT url, story_id FROM ledger.urls WHERE story_id IS NOT NULL",
    """
    INSERT OR IGNORE INTO gone SELECT story_id, gone_at FROM ledger.urls
    WHERE story_id IS NOT NULL AND gone_at IS NOT NULL AND moved_to IS NULL
    """,
    "INSERT OR IGNORE INTO removed SELECT url FROM ledger.removed",
    "INSERT OR IGNORE INTO removed SELECT story_id FROM ledger.removed WHERE story_id IS NOT NULL",
)

_NAME_BY_ADDRESS = """
    UPDATE visits SET story_id = coalesce(
        (SELECT a.story_id FROM addresses a WHERE a.url = visits.asked),
        (SELECT a.story_id FROM addresses a WHERE a.url = visits.url)
    )
    WHERE story_id IS NULL
"""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the raw pages give of a partition."""

    stories: list[Story]
    revisions: list[Revision]
    unread: int
    """Pages in which today's rules find no story, or that are damaged."""


class _Visit(NamedTuple):
    """One page of a story, as it came."""

    story_id: str
    at: int
    kind: str
    file: str
    offset: int


class RawVisits:
    """Every visit that the raw files tell of, by the story that it was to: an SQLite file of its own, gone when closed.

    Nothing is read before something is asked. `is_manifest_whole`: what the manifests and the ledgers do not name was
    never published; else a story that only raw pages know is one that was lost.
    """

    def __init__(self, archive: Archive, from_raw: FromRaw, path: Path, *, is_manifest_whole: bool) -> None:
        self._archive, self._from_raw = archive, from_raw
        self._is_manifest_whole = is_manifest_whole
        self._connection = sqlite3.connect(path, isolation_level=None, uri=True)
        self._connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _TABLES)
        self._ledgers: set[str] = set()
        self._is_read = False

    def close(self) -> None:
        self._connection.close()

    def missing(self, archived: Callable[[str], bool]) -> dict[Partition, list[str]]:
        """Return the stories that should stand in the archive, and do not, by the partition that they belong in."""
        self._read()
        select = "SELECT story_id, date, section FROM places WHERE is_told OR NOT ? ORDER BY date, section"
        found: dict[Partition, list[str]] = {}
        for story_id, day, section in self._connection.execute(select, (self._is_manifest_whole,)):
            if not archived(story_id):
                found.setdefault(Partition(date.fromisoformat(day), section), []).append(story_id)
        return found

    def replay(self, partition: Partition, only: Collection[str] | None = None) -> Replayed:
        """Return the rows that publishing made of all visits to the stories of a partition, as far as pages tell."""
        self._read()
        select = """
            SELECT story_id, at, kind, file, offset FROM visits JOIN places USING (story_id)
            WHERE (date, section) = (?, ?) ORDER BY file, offset
        """
        rows = self._connection.execute(select, (partition.date.isoformat(), partition.section))
        visits = [_Visit(*row) for row in rows if only is None or row[0] in only]
        return self._replay(partition, visits)

    def _replay(self, partition: Partition, visits: Sequence[_Visit]) -> Replayed:
        unread, found = 0, dict[str, list[tuple[_Visit, Story | None]]]()
        for visit in visits:  # in the order in which they stand in the files: later pages are near
            story = self._extract(visit.file, visit.offset) if visit.kind == "story" else None
            unread += visit.kind == "story" and story is None
            if story is not None or visit.kind != "story":
                found.setdefault(visit.story_id, []).append((visit, story))
        stories: list[Story] = []
        revisions: list[Revision] = []
        for story_id, told in found.items():
            row, past = _judge_all(partition, story_id, told, self._gone_at(story_id))
            stories += [row] if row else []
            revisions += past
        return Replayed(stories, revisions, unread)

    def _gone_at(self, story_id: str) -> datetime | None:
        row = self._connection.execute("SELECT at FROM gone WHERE story_id = ?", (story_id,)).fetchone()
        return from_stamp(row[0]) if row else None

    def _extract(self, file: str, offset: int) -> Story | None:
        try:
            return self._from_raw(read_record(self._archive, file, offset))
        except StorageError:
            return None

    # Which visits there are, and to which story

    def _read(self) -> None:
        if self._is_read:
            return
        self._is_read = True
        for path in sorted(self._archive.state_dir.glob("*.sqlite")):
            with suppress(sqlite3.DatabaseError), self._attached(path):
                for statement in _FROM_LEDGER:
                    self._connection.execute(statement)
                self._ledgers.add(path.name)
        self._connection.execute("BEGIN")
        for path in self._archive.state_dir.glob("*.removed.jsonl"):
            self._put("removed", ((key,) for key in removed_keys(path)))
        put = "INSERT INTO visits VALUES (?, ?, ?, ?, ?, ?, ?, NULL)"
        for path in sorted(raw_dir(self._archive).glob("*/*.warc.gz")):
            self._connection.executemany(put, _visits_of(path))
        self._connection.execute("COMMIT")
        if not all(self._has_ledger(url) for (url,) in self._connection.execute("SELECT DISTINCT url FROM visits")):
            self._take_from_tables()
        self._name_stories()

    @contextmanager
    def _attached(self, path: Path) -> Iterator[None]:
        self._connection.execute("ATTACH ? AS ledger", (address_to_read(path),))
        try:
            yield
        finally:
            self._connection.execute("DETACH ledger")

    def _put(self, table: str, rows: Iterable[tuple[str, ...]]) -> None:
        for row in rows:
            self._connection.execute(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608

    def _has_ledger(self, url: str) -> bool:
        try:
            return ledger_file(self._archive, site_of(url)).name in self._ledgers
        except ValueError:
            return False

    def _take_from_tables(self) -> None:
        """Learn from the tables that can be read which stories there are, where no ledger tells."""
        for path in sorted(self._archive.stories_dir.glob("date=*/section=*/stories.parquet")):
            with suppress(DamagedFileError, ValueError):
                partition = Partition.at(path.parent.relative_to(self._archive.stories_dir).as_posix())
                day, section = partition.date.isoformat(), partition.section
                stories = self._archive.read_stories(partition).select(["story_id", "url"]).to_pylist()
                revisions = self._archive.read_revisions(partition).select(["story_id", "url"]).to_pylist()
                self._put("places", ((row["story_id"], day, section, "1") for row in stories))
                self._put("addresses", ((row["url"], row["story_id"]) for row in [*stories, *revisions]))

    def _name_stories(self) -> None:
        """Give each visit the key of its story: as the ledgers have it, else as the page and those before it tell."""
        removed = "DELETE FROM visits WHERE asked IN (SELECT key FROM removed) OR url IN (SELECT key FROM removed)"
        self._connection.execute(removed)
        self._connection.execute(_NAME_BY_ADDRESS)
        select = "SELECT rowid FROM visits WHERE story_id IS NULL AND kind = 'story' ORDER BY at"
        for (rowid,) in self._connection.execute(select).fetchall():
            row = "SELECT asked, url, is_moved, file, offset FROM visits WHERE rowid = ?"
            asked, url, is_moved, file, offset = self._connection.execute(row, (rowid,)).fetchone()
            if (story := self._extract(file, offset)) is None:
                continue
            story_id = self._story_at(story.url) or (self._story_at(asked) if is_moved else None) or story.story_id
            if self._is_known(story_id) or not self._has_ledger(url):
                self._connection.execute("UPDATE visits SET story_id = ? WHERE rowid = ?", (story_id, rowid))
                self._put("addresses", ((each, story_id) for each in {asked, url, story.url}))
                self._put("places", [(story_id, story.date.isoformat(), story.section, "")])
        self._connection.execute(_NAME_BY_ADDRESS)  # of a story that was gone only its address tells
        self._connection.execute("DELETE FROM visits WHERE story_id IS NULL OR story_id IN (SELECT key FROM removed)")

    def _story_at(self, url: str) -> str | None:
        row = self._connection.execute("SELECT story_id FROM addresses WHERE url = ?", (url,)).fetchone()
        return row[0] if row else None

    def _is_known(self, story_id: str) -> bool:
        return self._connection.execute("SELECT 1 FROM places WHERE story_id = ?", (story_id,)).fetchone() is not None


@contextmanager
def open_visits(archive: Archive, from_raw: FromRaw, *, is_manifest_whole: bool) -> Iterator[RawVisits]:
    """Have the visits of an archive's raw files at hand; the index is in a temporary folder."""
    with TemporaryDirectory(prefix="archiver-") as folder:
        path = Path(folder) / "visits.sqlite"
        with closing(RawVisits(archive, from_raw, path, is_manifest_whole=is_manifest_whole)) as visits:
            yield visits


def _visits_of(path: Path) -> Iterator[tuple[object, ...]]:
    """Read which stories a raw file has pages of; what is damaged is passed over."""
    ways: dict[str, set[int]] = {}
    records = iter_records(path)
    while record := _next(records):
        asked, kind = str(record.found.get("asked")), record.found.get("kind")
        if kind == "redirect":
            ways.setdefault(asked, set()).add(record.status)
        elif record.type == "response" and kind in ("story", "gone"):
            statuses = ways.pop(asked, set())
            is_moved = leads_on_for_good(statuses)
            yield asked, record.url, to_stamp(record.fetched_at), kind, is_moved, record.file, record.offset


def _next(records: Iterator[RawRecord]) -> RawRecord | None:
    try:
        return next(records, None)
    except StorageError:  # it comes when all whole records have been read
        return None


_STORY = tuple(column.name for column in fields(Story))


def _judge_all(
    partition: Partition, story_id: str, told: Sequence[tuple[_Visit, Story | None]], gone_at: datetime | None
) -> tuple[Story | None, list[Revision]]:
    """Judge the visits to one story as publishing did: of several in one crawl the first counts."""
    standing: Story | None = None
    past: list[Revision] = []
    crawls: set[str] = set()
    for visit, story in sorted(told, key=lambda each: each[0].at):
        if visit.kind != "story":
            story = replace(standing, status="gone", fetched_at=from_stamp(visit.at)) if standing else None
        elif visit.file in crawls:
            continue
        else:
            crawls.add(visit.file)
        if story is not None:
            standing = _judge(partition, story_id, story, standing, past)
    if standing and gone_at and standing.status != "gone" and gone_at > standing.fetched_at:
        standing = _judge(partition, story_id, replace(standing, status="gone", fetched_at=gone_at), standing, past)
    return standing, past


def _judge(
    partition: Partition, story_id: str, story: Story, standing: Story | None, past: list[Revision]
) -> Story | None:
    placed = replace(story, story_id=story_id, date=partition.date, section=partition.section)
    verdict = judge(placed, standing, past)
    past += verdict.revisions
    return as_story(verdict.row) if verdict.row is not None else standing


def as_story(row: Story) -> Story:
    """Return a row of `revisions` as one of `stories`."""
    return Story(**{name: getattr(row, name) for name in _STORY})
