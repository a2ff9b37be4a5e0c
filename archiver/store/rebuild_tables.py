"""The files of a partition had again: from each other, and from the raw pages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, fields, replace
from glob import escape
from pathlib import Path
from sqlite3 import DatabaseError
from sqlite3 import connect as connect_plain
from typing import Any, TypeAlias
from urllib.parse import quote

from archiver.items import Story
from archiver.schema import Revision, encode_parquet, revisions_to_table, stories_to_table
from archiver.store.archive import Archive, DamagedFileError, Partition, StorageError
from archiver.store.check_tables import Content, Entries, compare_rows
from archiver.store.faults import name_of
from archiver.store.raw_read import RawRecord, iter_records, raw_dir, read_record
from archiver.store.revisions import judge, make_revision

FromRaw: TypeAlias = Callable[[Archive, RawRecord], Story | None]
"""Extracts the story of a raw page, its later pages included; None, never an error, where there is none."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What both files of a partition are to hold."""

    stories: list[Story]
    revisions: list[Revision]
    how: str


def rebuild_partition(
    archive: Archive, partition: Partition, content: Content, entries: Entries | None, from_raw: FromRaw | None
) -> Rebuilt | None:
    """Return the best there is to be had of a partition with faults: what gives the bytes of which the manifest tells,
    else what agrees in itself; None where nothing does."""
    first: Rebuilt | None = None
    for candidate in _candidates(archive, partition, content, from_raw):
        if entries is not None and _is_as_told(archive, partition, candidate, entries):
            return candidate
        rows = Content(candidate.stories, candidate.revisions)
        if first is None and (candidate.stories or candidate.revisions):
            first = candidate if not list(compare_rows(archive, partition, rows)) else None
    if first is None and content.revisions is None and content.stories:
        known = [replace(make_revision(story, None, []), revision=story.revision) for story in content.stories]
        return Rebuilt(content.stories, known, "the newest revisions rebuilt from stories, the earlier ones are lost")
    return first


def encode_rows(rebuilt: Rebuilt) -> tuple[bytes, bytes]:
    """Return the two files as publishing writes them."""
    stories = sorted(rebuilt.stories, key=lambda row: (row.site, row.url))
    revisions = sorted(rebuilt.revisions, key=lambda row: (row.site, row.url, row.revision))
    tables = stories_to_table(stories), revisions_to_table(revisions)
    return encode_parquet(tables[0]).to_pybytes(), encode_parquet(tables[1]).to_pybytes()


def _is_as_told(archive: Archive, partition: Partition, candidate: Rebuilt, entries: Entries) -> bool:
    paths = (archive.stories_file(partition), archive.revisions_file(partition))
    told = [(entries.get(name_of(archive, path)) or {}).get("sha256") for path in paths]
    return told == [hashlib.sha256(content).hexdigest() for content in encode_rows(candidate)]


def _candidates(
    archive: Archive, partition: Partition, content: Content, from_raw: FromRaw | None
) -> Iterator[Rebuilt]:
    stories, revisions = content.stories, content.revisions
    if stories is not None and revisions is not None:
        yield Rebuilt(stories, revisions, "written anew with the rows that they hold")
    if revisions is not None:
        yield Rebuilt(_newest(revisions), revisions, "stories rebuilt from revisions")
    if stories is not None and all(story.revision == 1 for story in stories):
        first = [make_revision(story, None, []) for story in stories]
        yield Rebuilt(stories, first, "revisions rebuilt from stories")
    if from_raw is not None and (raw := _from_raw(archive, partition, from_raw)):
        if stories is not None and (mended := _join(stories, raw.revisions)):
            yield mended
        yield raw


def _newest(revisions: Sequence[Revision]) -> list[Story]:
    newest = {row.story_id: row for row in sorted(revisions, key=lambda row: row.revision)}
    return [Story(**{name: getattr(row, name) for name in _STORY}) for row in newest.values()]


_STORY = tuple(column.name for column in fields(Story))


def _join(stories: Sequence[Story], revisions: Sequence[Revision]) -> Rebuilt | None:
    """Return stories whose own rows are whole with the revisions that the raw pages gave."""
    numbers = {(row.story_id, row.revision, row.content_hash) for row in revisions}
    if any((story.story_id, story.revision, story.content_hash) not in numbers for story in stories):
        return None
    return Rebuilt(list(stories), list(revisions), "revisions rebuilt from raw pages")


# From raw pages


def _from_raw(archive: Archive, partition: Partition, from_raw: FromRaw) -> Rebuilt | None:
    """Make the partition's stories and revisions of every raw page of the stories that the ledgers place there.

    That a story was gone for a while, or had moved, no raw page tells.
    """
    standing: dict[str, Story] = {}
    past: dict[str, list[Revision]] = {}
    for path in sorted(archive.state_dir.glob("*.sqlite")):
        addresses = _addresses(path, partition)
        wanted = set(addresses.values())
        visits = [
            replace(story, story_id=story_id)
            for record in _records(archive, path.stem, addresses)
            if (story := _read(archive, record, from_raw))
            and (story_id := addresses.get(record.url) or addresses.get(story.url) or story.story_id) in wanted
        ]
        for story in sorted(visits, key=lambda story: story.fetched_at):
            placed = replace(story, date=partition.date, section=partition.section)
            rows = past.setdefault(story.story_id, [])
            verdict = judge(placed, standing.get(story.story_id), rows)
            rows += verdict.revisions
            if verdict.row is not None:
                standing[story.story_id] = Story(**{name: getattr(verdict.row, name) for name in _STORY})
    revisions = [row for rows in past.values() for row in rows]
    return Rebuilt(list(standing.values()), revisions, "rebuilt from raw pages") if standing else None


def _read(archive: Archive, record: RawRecord, from_raw: FromRaw) -> Story | None:
    story = from_raw(archive, record)
    if story is None or story.raw_file is not None:
        return story
    return replace(story, raw_file=record.file, raw_offset=record.offset, raw_sha256=record.sha256)


def _addresses(path: Path, partition: Partition) -> dict[str, str]:
    """Return which addresses led to the stories of a partition, and to which."""
    select = """
        SELECT url, story_id FROM urls JOIN stories USING (story_id) WHERE (date, section) = (?, ?)
    """
    try:
        with closing(connect_plain(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as connection:
            return dict(connection.execute(select, (partition.date.isoformat(), partition.section)))
    except DatabaseError:
        return {}


def _records(archive: Archive, name: str, addresses: dict[str, str]) -> Iterator[RawRecord]:
    """Read every response at these addresses that is the first page of a story; what is damaged is passed over."""
    if not addresses:
        return
    for path in sorted(raw_dir(archive).glob(f"*/{escape(name)}-*.warc.gz")):
        records = iter_records(path)
        while record := _next(records):
            found: dict[str, Any] = record.found
            is_wanted = record.url in addresses or found.get("asked") in addresses
            if is_wanted and record.type == "response" and found.get("kind") == "story":
                with suppress(StorageError):
                    yield read_record(archive, record.file, record.offset)


def _next(records: Iterator[RawRecord]) -> RawRecord | None:
    try:
        return next(records, None)
    except (DamagedFileError, StorageError):  # it comes when all whole records have been read
        return None
