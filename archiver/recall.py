"""The memory of a site that lasts: its ledger and its raw pages, held by one crawl at a time."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from itertools import islice
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from scrapy import signals
from scrapy.exceptions import NotConfigured

from archiver.items import Found, Story
from archiver.memory import KnownListing, Memory, RawPage, Visit
from archiver.normalize import slug_section
from archiver.pipelines import describe_storage_error
from archiver.schedule import LONGEST
from archiver.settings import find_root
from archiver.spider import StorySpider, read_validators
from archiver.store.archive import Archive, StorageError, locked, make_folder
from archiver.store.exchange import Exchange
from archiver.store.known import Known
from archiver.store.ledger import Ledger
from archiver.store.ledgerfile import site_lock
from archiver.store.raw import RawWriter
from archiver.store.raw_read import RawPlace
from archiver.store.raw_repair import finish_leftovers
from archiver.urls import site_of

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger(__name__)

TRUSTED = timedelta(days=7)
"""How long listings and sitemaps are taken for all that a site has, before its home page is read again."""
AHEAD = timedelta(hours=1)
"""A daily crawl does not start to the minute: what is due within the hour is due."""
EXAMPLES = 500
"""Stories whose addresses show what a story's address looks like."""

P = ParamSpec("P")
T = TypeVar("T")


def guarded(method: Callable[Concatenate[SiteMemory, P], T]) -> Callable[Concatenate[SiteMemory, P], T]:
    """Where storage fails, end the crawl with the exit code that says so; the method of Memory answers instead."""

    @wraps(method)
    def call(memory: SiteMemory, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if not memory.has_failed:
            try:
                return method(memory, *args, **kwargs)
            except StorageError as error:
                memory.fail(error)
        answer: T = getattr(Memory, method.__name__)(memory, *args, **kwargs)
        return answer

    return call


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came for an address that was asked for: kept until its story stands in the inbox."""

    url: str
    """Where redirects led."""
    at: datetime
    status: int
    kind: str
    conditions: Mapping[str, str]
    page: RawPage
    is_moved: bool


class SiteBusyError(Exception):
    """Another crawl works on the site; raised by `SiteMemory`."""


class SiteMemory(Memory):
    """What the archive knows of one site, for the one crawl that works on it.

    Raises SiteBusyError where another one does, and StorageError where it cannot be opened. After that nothing raises:
    storage that fails ends the crawl.
    """

    def __init__(self, archive: Archive, spider: StorySpider, site: str) -> None:
        self.archive, self.spider, self.site = archive, spider, site
        self._held = ExitStack()
        make_folder(archive.state_dir)
        try:
            self._held.enter_context(locked(site_lock(archive, site), fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise SiteBusyError(site) from error
        try:
            finish_leftovers(archive, site)
            self.raw = RawWriter(archive, site, spider.outcome.run, started_at=spider.outcome.started_at)
            self.ledger = Ledger.open(archive, site, before_commit=self._before_commit)
        except BaseException:
            self._held.close()
            raise
        self._answers: dict[str, _Answer] = {}
        self._wants_whole = spider.arguments.full and bool(spider.settings.getdict("FEEDS"))
        """Whoever asks for everything in a file of its own (`-a full=1 -O x.jsonl`) wants what has not changed, too."""

    def _before_commit(self) -> None:
        """What the ledger takes for archived must be safe: the raw page first, then the story in the inbox."""
        self.raw.sync()
        self.spider.sync_inbox()

    def fail(self, error: StorageError) -> None:
        self.has_failed = True
        self.spider.outcome.note_storage_error(describe_storage_error(error))
        self.spider.stop("storage_failed")

    # What is known

    def _is_fresh(self) -> bool:
        """Tell whether the home page was read lately: its sections are known, and what it showed."""
        home = self.spider.home
        read_at = self.ledger.last_complete_pass(home) if home else None
        return read_at is not None and abs(datetime.now(UTC) - read_at) < TRUSTED

    @guarded
    def listings(self) -> list[KnownListing]:
        if not self._is_fresh():
            return []
        return [KnownListing(each.url, each.label) for each in self.ledger.listings() if each.label]

    @guarded
    def sitemaps(self) -> list[str]:
        return self.covering_sitemaps() if self._is_fresh() else []

    @guarded
    def covering_sitemaps(self) -> list[str]:
        if not self.ledger.is_covered_by_sitemaps():
            return []
        return [known.url for known in self.ledger.each("sitemap")]

    @guarded
    def section_of(self, url: str) -> str | None:
        known = self.ledger.get(url)
        if known is None:
            return None
        # A sitemap names no section; once archived, the story has one all the same.
        archived = self.ledger.section_of(known.story_id) if known.story_id and not known.found.section_label else None
        return archived or slug_section(known.found.section_label)

    @guarded
    def examples(self) -> list[str]:
        return [known.url for known in islice(self.ledger.each(), EXAMPLES) if known.content_hash]

    @guarded
    def note_sitemaps(self, urls: Iterable[str]) -> None:
        wanted = list(urls)
        for known in list(self.ledger.each("sitemap")) if not wanted else ():
            self.ledger.note_fetched(known.url, at=datetime.now(UTC), kind="other")
        self.ledger.note_found([(url, Found(via="robots")) for url in wanted], datetime.now(UTC), kind="sitemap")

    @guarded
    def first_seen(self, url: str) -> datetime | None:
        known = self.ledger.get(url)
        return known.first_seen if known and known.kind in ("story", "other") else None

    @guarded
    def waiting(self, at: datetime) -> dict[str, Found]:
        return {known.url: known.found for known in [*self.ledger.pending(at), *self.ledger.due(at + AHEAD)]}

    @guarded
    def plan_visit(self, url: str, *, anyway: bool = False) -> Visit:
        if self.ledger.is_removed(url):
            return Visit("removed")
        known = self.ledger.get(url)
        if known is None or anyway:
            return Visit(headers=_conditions(known) if known and not self._wants_whole else {})
        if known.moved_to:
            return Visit("moved")
        if known.kind == "other":
            return Visit("no_story")
        now = datetime.now(UTC)
        # A visit further away than any can be was planned by a clock that ran ahead, and has come (as in Ledger.due).
        if known.next_visit and now + AHEAD < known.next_visit <= now + LONGEST:
            return Visit("not_due")
        return Visit(headers=_conditions(known))

    @guarded
    def conditions(self, url: str) -> Mapping[str, str]:
        known = self.ledger.get(url)
        return _conditions(known) if known else {}

    @guarded
    def is_unchanged(self, url: str, response: Response) -> bool:
        known, exchange = self.ledger.get(url), _exchange_of(response)
        if (
            self._wants_whole
            or known is None
            or not known.content_hash
            or known.is_gone
            or exchange is None
            or exchange.status != 200
        ):
            return False
        return known.payload_sha256 == exchange.sha256

    @guarded
    def began_last_pass(self, listing: str) -> datetime | None:
        began = self.ledger.last_complete_pass(listing)
        # Of a clock that ran ahead: what this crawl meets would count as met before, and hide what lies behind it.
        return began if began and began <= datetime.now(UTC) else None

    @guarded
    def identity(self, url: str) -> str | None:
        return self.ledger.story_of(url) if site_of(url) == self.site else None

    # What is found

    @guarded
    def note_found(self, url: str, found: Found, lastmod: str | None = None) -> None:
        self.ledger.note_found([(url, found)], datetime.now(UTC), lastmods={url: lastmod})

    @guarded
    def note_listing(self, listing: str, label: str | None) -> None:
        self.ledger.begin_pass(listing, datetime.now(UTC), label=label)

    @guarded
    def note_pass(self, listing: str, label: str | None, began_at: datetime, conditions: Mapping[str, str]) -> None:
        self.ledger.begin_pass(listing, began_at, label=label)
        self.ledger.complete_pass(listing, began_at)
        if conditions:
            self._note_page(listing, "listing", conditions)

    @guarded
    def note_conditions(self, url: str, headers: Mapping[str, str]) -> None:
        self._note_page(url, "sitemap", headers)

    def _note_page(self, url: str, kind: str, conditions: Mapping[str, str]) -> None:
        answer = self._answers.pop(url, None)
        page = answer.page if answer else None
        self.ledger.note_fetched(
            url,
            at=answer.at if answer else datetime.now(UTC),
            kind="listing" if kind == "listing" else "sitemap",
            etag=conditions.get("If-None-Match"),
            last_modified=conditions.get("If-Modified-Since"),
            payload_sha256=page.sha256 if page else None,
            raw_file=page.file if page else None,
            raw_offset=page.offset if page else None,
        )

    # What came

    @guarded
    def keep_page(self, response: Response, kind: str, found: Found) -> RawPage | None:
        exchange = _exchange_of(response)
        if exchange is None:
            return None
        asked = _asked_url(response)
        about = _describe(found, kind, asked, self.spider.name)
        redirects: Sequence[Exchange] = response.meta.get("redirects", ())
        for redirect in redirects:
            self.raw.write(redirect, about | {"kind": "redirect"})
        place = self.raw.write(exchange, about)
        page = RawPage(file=place.file, offset=place.offset, sha256=place.sha256)
        if kind != "part":
            is_moved = bool(redirects) and {redirect.status for redirect in redirects} <= {301, 308}
            self._answers[asked] = _Answer(
                response.url, exchange.fetched_at, exchange.status, kind, read_validators(response), page, is_moved
            )
        return page

    @guarded
    def note_unchanged(self, url: str, response: Response) -> None:
        known, exchange = self.ledger.get(url), _exchange_of(response)
        if known is None or exchange is None:
            return
        if known.raw_file is not None and known.raw_offset is not None and known.raw_fetched_at:
            place = RawPlace(known.raw_file, known.raw_offset, known.payload_sha256 or "")
            about = _describe(known.found, known.kind, url, self.spider.name)
            self.raw.write_revisit(exchange, place, known.raw_fetched_at, about)
        said = read_validators(response)
        self.ledger.note_unchanged(
            url,
            at=exchange.fetched_at,
            status=exchange.status,
            etag=said.get("If-None-Match"),
            last_modified=said.get("If-Modified-Since"),
        )

    @guarded
    def note_archived(self, url: str, story: Story) -> None:
        answer = self._answers.pop(url, None)
        if answer is None:
            return
        if answer.is_moved and answer.url != url:
            self.ledger.note_moved(url, answer.url, at=answer.at)
            url = answer.url
        self.ledger.note_fetched(
            url,
            at=answer.at,
            status=answer.status,
            etag=answer.conditions.get("If-None-Match"),
            last_modified=answer.conditions.get("If-Modified-Since"),
            payload_sha256=answer.page.sha256,
            raw_file=answer.page.file,
            raw_offset=answer.page.offset,
            content_hash=story.content_hash,
            story_id=story.story_id,
            published_at=story.published_at,
        )

    @guarded
    def note_left_out(self, url: str, reason: str) -> None:
        answer = self._answers.pop(url, None)
        if answer is not None and reason in ("no_story", "part", "duplicate"):
            self.ledger.note_fetched(url, at=answer.at, status=answer.status, kind="other")
        else:
            self.ledger.note_failed(url, at=datetime.now(UTC), reason=reason)

    @guarded
    def note_failed(self, url: str, reason: str) -> None:
        self._answers.pop(url, None)
        self.ledger.note_failed(url, at=datetime.now(UTC), reason=reason)

    @guarded
    def note_gone(self, url: str, status: int) -> bool:
        known = self.ledger.get(url)
        was_there = known is not None and known.content_hash is not None and not known.is_gone
        return self.ledger.note_gone(url, at=datetime.now(UTC), status=status) and was_there

    def sync_raw(self) -> None:
        self.raw.sync()

    def sync(self) -> None:
        """Make everything durable; StorageError where that fails."""
        self.raw.close()
        self.ledger.flush()

    def close(self) -> None:
        """Give the site back."""
        try:
            self.raw.close()
            self.ledger.close()
        except StorageError as error:
            self.spider.outcome.note_storage_error(describe_storage_error(error))
        finally:
            self._held.close()


def _exchange_of(response: Response) -> Exchange | None:
    exchange: Exchange | None = response.meta.get("exchange") if response.request else None
    return exchange


def _asked_url(response: Response) -> str:
    """The address asked for, before redirects."""
    if response.request is None:
        return response.url
    asked: str | None = response.request.cb_kwargs.get("asked_url")
    redirected: list[str] = response.meta.get("redirect_urls", [])
    return asked or (redirected[0] if redirected else response.request.url)


def _conditions(known: Known) -> dict[str, str]:
    """A page that is no story, or that was not there the last time, is asked for without conditions."""
    if known.is_gone or known.missing_since or (known.kind == "story" and not known.content_hash):
        return {}
    said = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in said.items() if value}


def _describe(found: Found, kind: str, asked: str, spider: str) -> dict[str, object]:
    """What a metadata record says of how a page was found: enough to make the same story of it again."""
    described: dict[str, object] = {"kind": kind, "spider": spider, "asked": asked, "via": found.via}
    more = {
        "page": found.listing_url,
        "section_label": found.section_label,
        "published_at": found.published_at,
        "published_raw": found.published_raw,
        "title": found.title,
    }
    return described | {name: value for name, value in more.items() if value is not None}


class Recall:
    """Opens the memory of the site that a spider crawls, when the crawl starts, and closes it at its end."""

    def __init__(self, spider: StorySpider) -> None:
        self.spider = spider
        spider.recall = self.open

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not isinstance(crawler.spider, StorySpider):
            raise NotConfigured
        recall = cls(crawler.spider)
        crawler.signals.connect(recall.item_scraped, signals.item_scraped)
        crawler.signals.connect(recall.item_dropped, signals.item_dropped)
        crawler.signals.connect(recall.spider_closed, signals.spider_closed)
        return recall

    def open(self) -> Memory:
        spider = self.spider
        url = spider.home or spider.arguments.url or spider.start_urls[0]
        try:
            return SiteMemory(Archive(find_root(spider.settings)), spider, site_of(url))
        except SiteBusyError:
            spider.outcome.is_busy = True
            logger.error("another crawl works on %s", site_of(url))
            spider.stop("site_busy")
        except StorageError as error:
            spider.outcome.note_storage_error(describe_storage_error(error))
            spider.stop("storage_failed")
        return Memory()

    def item_scraped(self, item: Story, response: Response | None) -> None:
        if response is not None:
            self.spider.memory.note_archived(_asked_url(response), item)

    def item_dropped(self, item: object, response: Response | None, exception: Exception) -> None:
        # A story without title or body is not asked for again at once; one left out by `since` or `limit` is.
        reasons = getattr(exception, "reasons", ()) or (getattr(exception, "reason", "dropped"),)
        if response is not None and reasons[0] not in ("before_since", "over_limit", "storage"):
            self.spider.memory.note_left_out(_asked_url(response), reasons[0])

    def spider_closed(self) -> None:
        self.spider.memory.close()
