"""Stories extracted anew from their raw pages, with today's rules: byte for byte what a crawl that got these pages now
would archive. Knows no spiders: whoever calls brings their `Selectors`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from parsel import Selector
from scrapy.http import Headers, JsonResponse, TextResponse
from scrapy.responsetypes import responsetypes
from w3lib.url import safe_url_string

from archiver.extract import Selectors
from archiver.extract.parts import find_first_part
from archiver.items import Found, Story
from archiver.normalize import IncompleteStory, normalize_story, validate_story
from archiver.pages import ends_whole, read_page
from archiver.reading import Reading, is_no_story
from archiver.store.archive import Archive, StorageError
from archiver.store.raw_read import RawPlace, RawRecord, iter_records, raw_dir, read_record

SelectorsOf: TypeAlias = Mapping[str, Selectors | None]
"""Name of a spider → its own selectors."""

RULED: Final = ("date", "section", "date_source")
"""The place of a story in the archive, and where its date came from: its first revision decides them."""

KEPT: Final = ("story_id", "first_seen_at", "fetched_at", "revision", "status", "raw_file", "raw_offset", "raw_sha256")
"""What the archive knows of a row and no page tells."""


class UnreadableError(Exception):
    """A row cannot be had from its raw page; raised by `Rereader.read`. `is_fault` is False where that is as it should be:
    the site has taken the story down, or no page was kept."""

    def __init__(self, reason: str, *, is_fault: bool = True) -> None:
        super().__init__(reason)
        self.is_fault = is_fault


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page of a story stands in the raw files of one crawl."""

    file: str
    offset: int
    is_first: bool
    urls: tuple[str, ...]
    """Its address, and those that redirected to it."""


@dataclass(frozen=True, slots=True)
class _Pages:
    """The pages of one crawl's stories."""

    places: Mapping[str, tuple[_Place, ...]]
    """By the address that the story was asked for under, in the order in which they came."""
    damage: str | None
    """A stretch that cannot be read."""


class Rereader:
    """Extracts archived rows anew. Reads one page a row; where a story has several, it looks through the files of that
    crawl for them, once for all its stories."""

    def __init__(self, archive: Archive, selectors: SelectorsOf | Callable[[], SelectorsOf]) -> None:
        self._archive = archive
        self._selectors = selectors
        self._scan_once = lru_cache(maxsize=2)(self._scan)

    def __call__(self, row: Story) -> Story | None:
        """Return the row as today's rules have it, its place and visit left as they are; None where that cannot be had.

        For `publish`, see `archiver.store.revisions.Reread`.
        """
        try:
            return put_back(self.read(row), row, row)
        except UnreadableError:
            return None

    def renew(self, story: Story) -> Story | None:
        """Return a story that waits in the inbox as today's rules have it, its place too; None where that cannot be had."""
        try:
            again = self.read(story)
        except UnreadableError:
            return None
        return put_back(again, story, again)

    def read(self, row: Story) -> Story:
        """Return what a crawl would archive now had it got the raw page of a row. Raises UnreadableError."""
        record = self._read_row(row)
        view = record if record.found.get("kind") == "part" else None
        return self._read_story(self._read_first(record) if view else record, view)

    def read_visit(self, record: RawRecord) -> Story | None:
        """Return the story that a crawl archived when it got this first page, its raw place filled in; None where today's
        rules find none.

        For `archiver verify --repair`, see `archiver.store.rebuild_raw.FromRaw`.
        """
        try:
            return self._read_story(record, None)
        except UnreadableError:
            return None

    def _read_story(self, first: RawRecord, view: RawRecord | None) -> Story:
        """Read the story of a first page and its later ones; of `view` alone, where that has all of it."""
        spider = str(first.found.get("spider"))
        selectors = self._get_selectors()
        if spider not in selectors:
            raise UnreadableError(f"there is no spider {spider!r:.60} any more, and with it no selectors")
        found, reading = _read_found(first.found), Reading(selectors[spider], first.fetched_at)
        page = _parse(first)
        if page is None:
            raise UnreadableError("its raw page is no HTML")
        robots = ", ".join(value for name, value in first.headers if name.lower() == "x-robots-tag")
        printed = reading.print(page, first.url, is_torn=_is_torn(first), robots=robots)
        if is_no_story(page, first.url, printed, found) or find_first_part(printed):
            raise UnreadableError("no story by today's rules")
        reading.begin(page, first.url, printed)
        if view:
            reading.take_single(_parse(view), view.url, is_torn=_is_torn(view))
        place = self._read_on(reading, first) or (view or first).place
        story = normalize_story(reading.finish(), fetched_at=first.fetched_at, found=found)
        try:
            validate_story(story)
        except IncompleteStory as error:
            raise UnreadableError(f"no {' and no '.join(error.missing)} by today's rules") from error
        return replace(story, raw_file=place.file, raw_offset=place.offset, raw_sha256=place.sha256)

    def _get_selectors(self) -> SelectorsOf:
        if callable(self._selectors):
            self._selectors = self._selectors()
        return self._selectors

    def _read_row(self, row: Story) -> RawRecord:
        if row.raw_file is None or row.raw_offset is None:
            raise UnreadableError("no raw page", is_fault=False)
        record = self._read_record(row.raw_file, row.raw_offset)
        if record.sha256 != row.raw_sha256:
            raise UnreadableError("another page stands where its raw page should")
        return record

    def _read_record(self, file: str, offset: int) -> RawRecord:
        try:
            return read_record(self._archive, file, offset)
        except StorageError as error:
            raise UnreadableError(f"its raw page cannot be read: {file}: {error.strerror}") from error

    # Several pages

    def _read_on(self, reading: Reading, first: RawRecord) -> RawPlace | None:
        """Read the further pages of a story from the files of the crawl that fetched the first; return where the one
        stands that has them all."""
        if reading.wanted is None:
            return None
        pages = self._find_pages(first.file)
        further = {url: place for place in _after(pages, first) for url in place.urls}
        whole: RawPlace | None = None
        while wanted := reading.wanted:
            if place := further.get(_key(wanted)):
                record = self._read_record(place.file, place.offset)
                whole = record.place if _take(reading, record) else whole
            elif pages.damage:
                raise UnreadableError(f"one of its raw pages cannot be read: {pages.damage}")
            else:
                reading.miss()
        return whole

    def _read_first(self, view: RawRecord) -> RawRecord:
        """Read the page from which the view of all pages was come to."""
        pages = self._find_pages(view.file)
        first = None
        for place in pages.places.get(str(view.found.get("asked")), ()):
            if (place.file, place.offset) == (view.file, view.offset):
                break
            first = place if place.is_first else first
        if first is None:
            raise UnreadableError(f"its first page is not to be found: {pages.damage or 'not kept'}")
        return self._read_record(first.file, first.offset)

    def _find_pages(self, file: str) -> _Pages:
        files = tuple(_files_of(self._archive, file))
        return self._scan_once(files, tuple(_stamp(raw_dir(self._archive) / each) for each in files))

    def _scan(self, files: tuple[str, ...], stamps: tuple[object, ...]) -> _Pages:
        """Look through the files of a crawl. Their stamps are there to notice that they changed."""
        places: dict[str, tuple[_Place, ...]] = {}
        damage: str | None = None
        ways: dict[str, list[str]] = {}
        for file in files:
            records = iter_records(raw_dir(self._archive) / file)
            while True:
                try:
                    record = next(records, None)
                except StorageError as error:  # damage comes up last, when all that is whole has been read
                    damage, record = f"{file}: {error.strerror}", None
                if record is None:
                    break
                asked, kind = str(record.found.get("asked")), record.found.get("kind")
                if kind == "redirect":
                    ways.setdefault(asked, []).append(_key(record.url))
                elif kind in ("story", "part"):
                    urls = (_key(record.url), *ways.pop(asked, ()))
                    place = _Place(record.file, record.offset, kind == "story", urls)
                    # `crawl url` does not know, after a redirect, what it was asked for: its parts name where that led.
                    for name in {asked, record.url} if kind == "story" else {asked}:
                        places[name] = (*places.get(name, ()), place)
        return _Pages(places, damage)


def _take(reading: Reading, record: RawRecord) -> bool:
    """Take a further page; tell whether it is the view that has all of the story."""
    page = _parse(record)
    if reading.single:
        return reading.take_single(page, record.url, is_torn=_is_torn(record))
    if reading.take_part(page, record.url, is_torn=_is_torn(record)):
        reading.is_cut = True
    return False


def put_back(story: Story, row: Story, placed: Story) -> Story:
    """Return a story that was extracted anew with what the archive knows of its row. `placed` has its partition."""
    known = {name: getattr(row, name) for name in KEPT}
    return replace(story, **known, **{name: getattr(placed, name) for name in RULED})


def _after(pages: _Pages, first: RawRecord) -> Iterator[_Place]:
    """The further pages of a story: those that came after its first and before it was asked for again."""
    is_after = False
    names = (str(first.found.get("asked")), first.url)
    for place in dict.fromkeys(place for name in names for place in pages.places.get(name, ())):
        if (place.file, place.offset) == (first.file, first.offset):
            is_after = True
        elif is_after and place.is_first:
            return
        elif is_after:
            yield place


def _parse(record: RawRecord) -> Selector | None:
    """Parse a page as the spider does; None where it is none."""
    try:
        body = record.body
    except ValueError as error:
        raise UnreadableError(f"its raw page cannot be decoded: {error}") from error
    given: dict[str, list[str]] = {}
    for name, value in record.payload_headers:
        if name.lower() != "content-encoding":
            given.setdefault(name, []).append(value)
    headers = Headers(given, encoding="latin-1")
    kind = responsetypes.from_args(headers=headers, url=record.url, body=body)
    if not issubclass(kind, TextResponse) or issubclass(kind, JsonResponse):
        return None
    return read_page(body, (headers.get(b"Content-Type") or b"").decode("latin-1"))


def _is_torn(record: RawRecord) -> bool:
    """Tell whether a page ended amid the transfer, as the spider does."""
    return record.is_torn and not ends_whole(record.body)


def _read_found(told: Mapping[str, Any]) -> Found:
    at = told.get("published_at")
    return Found(
        via=told.get("via") or "start",
        listing_url=told.get("page"),
        section_label=told.get("section_label"),
        published_at=datetime.fromisoformat(at) if at else None,
        published_raw=told.get("published_raw"),
        title=told.get("title"),
    )


def _key(url: str) -> str:
    return safe_url_string(url)


# The files of one crawl: `<name>.warc.gz`, and beyond 1 GiB `<name>-2.warc.gz`, `<name>-3.warc.gz`, …


def _files_of(archive: Archive, file: str) -> Iterator[str]:
    """The raw files of the crawl that one is of, in order."""
    base = re.sub(r"-\d+(?=\.warc\.gz$)", "", file)
    base = base if (raw_dir(archive) / base).exists() else file
    yield base
    number, stem = 2, base.removesuffix(".warc.gz")
    while (raw_dir(archive) / (file := f"{stem}-{number}.warc.gz")).exists():
        yield file
        number += 1


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
