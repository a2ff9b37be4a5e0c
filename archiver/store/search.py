"""All that an archive holds of one story: its rows, its addresses, its raw records."""

from __future__ import annotations

import errno
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from glob import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pyarrow.compute as pc

from archiver.normalize import story_id as make_story_id
from archiver.store.archive import Archive, DamagedFileError, Partition, StorageError
from archiver.store.exchange import PERMANENT
from archiver.store.ledger import Ledger
from archiver.store.ledgerfile import ledger_file, removed_file
from archiver.store.raw import site_name
from archiver.store.raw_read import RawRecord, digest_file, iter_records, place_file_of, raw_dir, read_record
from archiver.store.raw_repair import finish_leftovers, is_being_written
from archiver.store.read import scan_revisions, scan_stories
from archiver.store.removed import read_removed
from archiver.urls import clean_url, site_of

_LISTING_KINDS: Final = ("listing", "feed", "sitemap")
_ROW = ["story_id", "url", "site", "date", "section", "raw_file", "raw_offset"]


class ListingError(ValueError):
    """The address is that of a listing, feed, sitemap or home page: no story's. Raised before anything is changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """What one take-down takes out, and where."""

    url: str
    story_id: str | None
    """None where the archive has no such story."""
    why: str
    at: datetime
    sites: list[str]
    """Those whose raw files and ledgers tell of it, in order."""
    addresses: list[str]
    """All that lead to the story: none of them is fetched again."""
    partitions: dict[str, tuple[int, int]] = field(default_factory=dict)
    """`date=…/section=…` → its rows in `stories` and in `revisions`."""
    raw: dict[str, list[int]] = field(default_factory=dict)
    """Raw file → offsets of its responses."""
    is_known: bool = True
    """Whether anything was known of it: rows, raw pages, a take-down before this one."""
    is_new: bool = True
    """Whether there was anything left to do."""
    damaged: dict[str, str] = field(default_factory=dict)
    """Raw file → what is wrong with it: whether the story stands there cannot be told, and it stays as it is."""


class Search:
    """What the archive holds of a story. Reads only, but for raw files that killed crawls left open."""

    def __init__(self, archive: Archive, url: str, held: Collection[str]) -> None:
        self.archive, self.url = archive, url
        self.sites = {site_of(url)}
        self._check_kind()
        self.removed = [each for site in held for each in read_removed(removed_file(archive, site))]
        self.story_id = self._find_story_id()
        self.stories, self.revisions = self._rows(scan_stories), self._rows(scan_revisions)
        self.sites |= {row["site"] for row in [*self.stories, *self.revisions]}
        self.addresses = self._find_addresses()
        self.raw: dict[str, list[int]] = {}
        self.damaged: dict[str, str] = {}
        self._read_own_pages()

    def plan(self, why: str, at: datetime) -> Removal:
        for site in self.sites:
            finish_leftovers(self.archive, site)
        self._find_raw()
        partitions: dict[str, tuple[int, int]] = {}
        for row in self.stories:
            place, (stories, revisions) = _place(row), partitions.get(_place(row), (0, 0))
            partitions[place] = stories + 1, revisions
        for row in self.revisions:
            place, (stories, revisions) = _place(row), partitions.get(_place(row), (0, 0))
            partitions[place] = stories, revisions + 1
        before = {each.url for each in self.removed}
        return Removal(
            url=self.url,
            story_id=self.story_id,
            why=why,
            at=at,
            sites=sorted(self.sites),
            addresses=sorted(self.addresses),
            partitions=partitions,
            raw=self.raw,
            is_known=bool(self.story_id or self.raw or self.url in before),
            is_new=bool(partitions or self.raw or self.addresses - before),
            damaged=self.damaged,
        )

    def _check_kind(self) -> None:
        with Ledger.open(self.archive, site_of(self.url)) as ledger:
            known = ledger.get(self.url)
            if (known and known.kind in _LISTING_KINDS) or ledger.last_complete_pass(self.url):
                raise ListingError(f"{self.url} is no story: listings and what they show stay")

    def _find_story_id(self) -> str | None:
        """As `find_story`: where a story has moved away and another stands there now, that one is meant."""
        key = make_story_id(self.url)
        is_wanted = (pc.field("url") == self.url) | (pc.field("story_id") == key)
        for scan in (scan_stories, scan_revisions):
            rows = scan(self.archive, ["story_id", "url"], is_wanted).to_pylist()
            for row in sorted(rows, key=lambda row: row["url"] != self.url):
                return str(row["story_id"])
        with Ledger.open(self.archive, site_of(self.url)) as ledger:
            known = ledger.story_of(self.url)
        before = [each.story_id for each in self.removed if each.url == self.url]
        return known or next(filter(None, before), None)

    def _rows(self, scan: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = scan(self.archive, _ROW, pc.field("story_id") == self.story_id).to_pylist()
        return rows if self.story_id else []

    def _find_addresses(self) -> set[str]:
        found = {self.url, *(row["url"] for row in [*self.stories, *self.revisions])}
        if self.story_id:
            found |= {each.url for each in self.removed if each.story_id == self.story_id}
        for site in self.sites:
            with Ledger.open(self.archive, site) as ledger:
                unseen = set(found)
                while unseen:
                    more = ledger.addresses_of(unseen.pop(), self.story_id) - found
                    found |= more
                    unseen |= more
        return self._without_others(found)

    def _without_others(self, addresses: set[str]) -> set[str]:
        """Leave out addresses at which another story stands now."""
        if not addresses:
            return set()
        is_other = pc.field("url").isin(sorted(addresses)) & (pc.field("story_id") != (self.story_id or ""))
        return addresses - {row["url"] for row in scan_stories(self.archive, ["url"], is_other).to_pylist()} | {
            self.url
        }

    def _read_own_pages(self) -> None:
        """Learn from the raw pages that rows point at under which addresses the story was asked for, and by whom."""
        found: set[str] = set()
        for place in {(row["raw_file"], row["raw_offset"]) for row in [*self.stories, *self.revisions]}:
            if place[0] is None:
                continue
            self.sites |= _sites_of(self.archive, place[0])
            try:
                record = read_record(self.archive, *place)
            except StorageError as error:
                if not isinstance(error, DamagedFileError) and error.errno != errno.ENOENT:
                    raise
                continue  # what can be read of its file is searched all the same
            found |= {record.url, str(record.found.get("asked", record.url))}
            self.raw.setdefault(place[0], []).append(place[1])
        self.addresses |= self._without_others({_clean(url) for url in found})

    def _find_raw(self) -> None:
        files = {
            place_file_of(path): path
            for site in self.sites
            for path in raw_dir(self.archive).glob(f"*/{escape(site_name(self.archive, site))}-*.warc.gz")
        }
        files |= {name: raw_dir(self.archive) / name for name in self.raw}
        own = {(name, offset) for name, offsets in self.raw.items() for offset in offsets}
        known = -1
        while known < len(self.addresses):  # a page may tell of an address under which another was asked for
            known = len(self.addresses)
            places, more = set(own), set()
            for name, path in sorted(files.items()):
                for record in self._records(name, path):
                    if self._is_its(record):
                        places.add((name, record.offset))
                        more |= self._addresses_in(record)
            self.addresses |= self._without_others(more)
        if places:
            places -= self._places_of_others({name for name, _ in places})
        self.raw = {}
        for name, offset in sorted(places):
            self.raw.setdefault(name, []).append(offset)

    def _records(self, name: str, path: Path) -> Iterator[RawRecord]:
        if not digest_file(path).exists() and is_being_written(path):
            return  # by a crawl of a site whose name begins alike
        try:
            yield from iter_records(path)
        except DamagedFileError as error:
            self.damaged[name] = str(error)

    def _is_its(self, record: RawRecord) -> bool:
        kind = record.found.get("kind")
        if kind in _LISTING_KINDS:
            return False
        is_asked = _clean(str(record.found.get("asked", ""))) in self.addresses
        return is_asked or (kind != "redirect" and _clean(record.url) in self.addresses)

    def _addresses_in(self, record: RawRecord) -> set[str]:
        """Return the address of a redirect for good, and of a part that stands below the story.

        What else a redirect may lead to (a home page, a consent page), and what a page names as its next one, may be
        others' as well.
        """
        url, kind = _clean(record.url), record.found.get("kind")
        if kind == "redirect" and record.status in PERMANENT and urlsplit(url).path.strip("/"):
            return {url}
        if kind == "part" and any(_stem(url).startswith(_stem(each)) for each in self.addresses):
            return {url}
        return set()

    def _places_of_others(self, files: Collection[str]) -> set[tuple[str, int]]:
        is_other = pc.field("raw_file").isin(sorted(files)) & (pc.field("story_id") != (self.story_id or ""))
        columns = ["raw_file", "raw_offset"]
        rows = [
            row for scan in (scan_stories, scan_revisions) for row in scan(self.archive, columns, is_other).to_pylist()
        ]
        return {(row["raw_file"], row["raw_offset"]) for row in rows}


def _place(row: dict[str, Any]) -> str:
    return Partition(row["date"], row["section"]).path


def _stem(url: str) -> str:
    return url.partition("?")[0].rstrip("/")


def _clean(url: str) -> str:
    try:
        return clean_url(url)
    except ValueError:
        return url


def _sites_of(archive: Archive, raw_file: str) -> set[str]:
    """Return the site whose crawl wrote a raw file, read from its name."""
    name, run, _ = re.split(r"(-\d{8}T\d{6}Z-|$)", raw_file.rpartition("/")[2], maxsplit=1)
    return {unquote(name)} if run and ledger_file(archive, unquote(name)).stem == name else set()
