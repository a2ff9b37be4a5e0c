"""What one crawl asks of its site, once each, and how it accounts for what came."""

from __future__ import annotations

import asyncio
import re
import secrets
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from parsel import Selector
from scrapy import Request, Spider
from scrapy.http import JsonResponse, Response, TextResponse
from scrapy.spidermiddlewares.httperror import HttpError

from archiver.arguments import SITE_ARGUMENTS, CrawlArguments, parse_arguments
from archiver.chain import Chain
from archiver.discover import MAX_SITEMAP_SIZE
from archiver.discover.addresses import listing_base, read_address
from archiver.extract import Selectors
from archiver.items import Found, PrintedStory
from archiver.memory import Memory, RawPlace
from archiver.network.markup import is_too_much
from archiver.network.refusal import Refused, count_refusal
from archiver.outcome import Outcome
from archiver.pages import ends_whole, own_address, read_page
from archiver.store.coding import MAX_CODINGS, DecodedTooLargeError, decode_body
from archiver.store.exchange import leads_on_for_good
from archiver.urls import AddressSet

if TYPE_CHECKING:
    from twisted.python.failure import Failure

STORY_PRIORITY = 10
"""Stories go before further listing pages: a crawl that is cut short then has whole pages, and one with a limit
reads no listing page in vain."""


SITEMAP_ADDRESS: Final = re.compile(r"sitemap|\.xml(?:\.gz)?(?:\?|$)", re.IGNORECASE)
SITEMAP_LIMITS: Final = {"may_be_sitemap": True, "download_maxsize": MAX_SITEMAP_SIZE, "download_timeout": 180}
"""A sitemap may be five times as large as a page, and is read piece by piece."""


@dataclass(frozen=True, kw_only=True)
class FetchedStory:
    """What a spider hands to the item pipelines: a story as its page printed it, and how it was come by."""

    printed: PrintedStory
    fetched_at: datetime
    found: Found
    asked_url: str
    """The address asked for, before redirects: the key of `Outcome.awaited`."""
    raw: RawPlace | None = None
    """Where its page, the first of several, is kept."""
    moved_from: str | None = None
    """An address that has led here for good: the story of that address is this one."""


@dataclass(frozen=True, kw_only=True)
class GoneStory:
    """A story of the archive that its site serves no longer."""

    url: str
    seen_at: datetime


Output: TypeAlias = Iterator[Request | FetchedStory | GoneStory]


class Asking(Spider):
    """The state of one crawl, and the requests that its readers of listings and stories make."""

    home: ClassVar[str | None] = None
    selectors: ClassVar[Selectors | None] = None
    accepts: ClassVar[tuple[str, ...]] = SITE_ARGUMENTS

    def __init__(self, name: str | None = None, **given: str) -> None:
        super().__init__(name)
        self.arguments: CrawlArguments = parse_arguments(given, self.accepts)
        now = datetime.now(UTC)
        run = f"{now:%Y%m%dT%H%M%SZ}-{self.name}-{secrets.token_hex(2)}"
        self.outcome = Outcome(run, self.name, self.arguments, now)
        self.recall: Callable[[], Memory] = Memory
        """Opens the memory of the site when the crawl starts."""
        self.memory = Memory()
        self.leftovers: dict[str, Found] = {}
        """Stories to ask for once the listings are read, unless one of them showed the story: what the home page
        shows, what other stories lead to, what an earlier crawl left over, what is due, and for `full=1` what the
        archive knows."""
        self.sync_inbox: Callable[[], None] = lambda: None
        """Makes the stories in the inbox durable."""
        self.is_crawling = False
        """False in `scrapy shell` and `scrapy parse`, which try a page out and must leave no trace in the archive."""
        self._chains: dict[str, Chain] = {}
        """By what the addresses of all pages of a listing share."""
        self._asked = AddressSet()
        """Addresses of stories, their parts and sitemaps that were asked for."""
        self.titles: dict[int, int] = {}
        """Hash of a story's key → hash of its title, of all stories of the crawl: a quarter of what the texts take."""
        self._shapes: set[tuple[str, ...]] = set()
        """Forms of the addresses that listings showed for stories: a related link of another form is no story's."""
        self._folders: set[tuple[str, ...]] = set()
        """Folders in which these addresses stand, where it is not the site's own."""
        self._knows_examples = False
        """`_shapes` holds the forms of the stories of earlier crawls too."""
        self._raw: RawPlace | None = None
        """Where the page that was read last is kept."""
        self._stopping: asyncio.Future[None] | None = None

    # What the readers do with the answers

    @abstractmethod
    def parse_listing(self, response: Response, chain: Chain) -> Output: ...

    @abstractmethod
    def listing_failed(self, failure: Failure) -> Output: ...

    @abstractmethod
    def parse_story(self, response: Response, asked_url: str, found: Found, chain: Chain | None = None) -> Output: ...

    @abstractmethod
    def story_failed(self, failure: Failure) -> Output: ...

    # Ending early

    def stop(self, reason: str) -> None:
        """End the crawl: pages under way are still taken, no more are asked for."""
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self._close(reason))

    async def _close(self, reason: str) -> None:
        if self.crawler.engine.spider is not None:
            await self.crawler.engine.close_spider_async(reason=reason)

    def is_stopping(self) -> bool:
        return self._stopping is not None or self.outcome.interrupted_by is not None

    # Requests

    def ask_page(self, url: str, callback: Callable[..., Any], *, conditions: bool = False, **kwargs: Any) -> Request:
        """Return the request for a listing, a feed or a sitemap; with `conditions`, one that may be answered by a 304."""
        # The filter of duplicates knows addresses only. It would drop, in silence, the page that one chain is
        # redirected to when another chain has read it.
        request = Request(url, callback, errback=self.listing_failed, cb_kwargs=kwargs, dont_filter=True)
        if SITEMAP_ADDRESS.search(url):
            request.meta.update(SITEMAP_LIMITS)
        return add_conditions(request, self.memory.conditions(url)) if conditions else request

    def start_chain(self, url: str, label: str | None, *, conditions: bool = True) -> Iterator[Request]:
        """Ask for the first page of a listing, once in a crawl; with `conditions`, if it has changed."""
        if (base := listing_base(url)) not in self._chains:
            self._chains[base] = chain = self._make_chain(url, label)
            # A page that has not changed shows nothing new: that is where the pass would end.
            yield self.ask_page(url, self.parse_listing, chain=chain, conditions=conditions and chain.is_known)

    def _make_chain(self, url: str, label: str | None = None, via: str = "listing") -> Chain:
        is_known = self.memory.has_read(url)
        return Chain(url, label, via, is_known=is_known, began_at=datetime.now(UTC))

    def ask_story(
        self, url: str, found: Found, chain: Chain | None = None, lastmod: str | None = None
    ) -> Iterator[Request]:
        """Ask for a story, once in a crawl, however many listings show it, if it is due."""
        found = self.memory.note_found(url, found, lastmod)
        if url in self._asked:
            return
        self._asked.add(url)
        visit = self.memory.plan_visit(url, anyway=self.arguments.full)
        if visit.skip:
            self.outcome.skip(url, visit.skip)
            return
        self.outcome.expect(url, found.section_label)
        yield add_conditions(self._request_story(url, found, chain), visit.headers)

    def _request_story(self, url: str, found: Found, chain: Chain | None, *, is_again: bool = False) -> Request:
        return Request(
            url,
            self.parse_story,
            errback=self.story_failed,
            priority=STORY_PRIORITY,
            cb_kwargs={"asked_url": url, "found": found, "chain": chain},
            dont_filter=is_again,
        )

    def _has_shape_of_story(self, url: str) -> bool:
        """Tell whether an address looks like those of the stories met so far, in this crawl and in those before."""
        shape = read_address(url).shape
        if shape not in self._shapes and not self._knows_examples:
            self._knows_examples = True
            for each in self.memory.examples():
                self._note_shape(each)
        return shape in self._shapes

    def _lies_among_stories(self, url: str) -> bool:
        """Tell whether an address looks like those of stories, or stands in a folder with some."""
        return self._has_shape_of_story(url) or read_address(url).folder in self._folders

    def _note_shape(self, url: str) -> None:
        address = read_address(url)
        self._shapes.add(address.shape)
        if address.folder:
            self._folders.add(address.folder)

    def forget_met(self) -> None:
        """Let go of what a crawl that has ended needs no more, for publishing to have the memory."""
        self._asked = AddressSet()
        self._chains.clear()
        self.titles.clear()

    # Answers

    def _read(
        self, response: Response, kind: str, found: Found | None = None, section: str | None = None
    ) -> Selector | None:
        """Keep and parse a page; None where it is none (a picture, a PDF, JSON)."""
        self._keep(response, kind, found, section)
        return parse_page(response)

    def _is_taken_down(self, page: Selector | None, url: str) -> bool:
        """Tell whether a page is, under whatever address, a story that was taken down."""
        if page is None or not self.memory.has_removed:
            return False
        own = own_address(page, url)
        return self.memory.is_removed(url) or (own is not None and self.memory.is_removed(own))

    def _keep(self, response: Response, kind: str, found: Found | None = None, section: str | None = None) -> None:
        self.outcome.pages += 1
        self._raw = self.memory.keep_page(response, kind, found or Found(section_label=section))

    def _note_unchanged(self, response: Response, asked_url: str | None = None) -> None:
        self.outcome.pages += 1
        self.memory.note_unchanged(asked_url or response.url, response)

    def _unpack(self, response: Response) -> bytes | None:
        """The body of a feed or sitemap, which may be a gzip file of its own; None where that is refused."""
        body = response.body
        try:
            for _ in range(MAX_CODINGS):  # there is a gzip file that unpacks to itself
                if not body.startswith(b"\x1f\x8b"):
                    break
                body = decode_body(body, ["gzip"], MAX_SITEMAP_SIZE)
            else:
                raise ValueError("packed too often")
        except ValueError as error:
            self._refuse(response, "too_large" if isinstance(error, DecodedTooLargeError) else "undecodable")
            return None
        return body

    def _refuse(self, response: Response, reason: str) -> None:
        """Count what came and is not read."""
        if response.request is not None:
            count_refusal(self.crawler.stats, response.request, Refused(reason, response.url))
        self._lose(response.url, f"listing_{reason}")

    def _lose(self, url: str, reason: str, label: str | None = None) -> None:
        self.logger.warning("%s is lost: %s", url, reason, extra={"event": "page_lost", "url": url})
        self.outcome.fail(url, reason, label)


def asked_url(response: Response) -> str:
    """The address asked for, before redirects."""
    if response.request is None:
        return response.url
    asked: str | None = response.request.cb_kwargs.get("asked_url")
    redirected: list[str] = response.meta.get("redirect_urls", [])
    return asked or (redirected[0] if redirected else response.request.url)


def add_conditions(request: Request, headers: Mapping[str, str]) -> Request:
    """Return a request that the server may answer by a 304 where nothing has changed."""
    for name, value in headers.items():
        request.headers[name] = value
    if headers:
        request.meta["handle_httpstatus_list"] = [304]
    return request


def parse_page(response: Response) -> Selector | None:
    """Return the tree of a page; None where the answer is no page, or is one only a sitemap may be as large as."""
    if not isinstance(response, TextResponse) or isinstance(response, JsonResponse):
        return None
    if response.request and response.meta.get("may_be_sitemap") and is_too_much(response.body):
        return None  # the gate has looked at all others
    content_type = response.headers.get(b"Content-Type", b"") or b""
    return read_page(response.body, content_type.decode("latin-1"))


def fetched_at(response: Response) -> datetime:
    """Return when an answer came: the raw page is dated alike, so that it can be read again to the same story."""
    exchange = response.meta.get("exchange") if response.request else None
    return exchange.fetched_at if exchange else datetime.now(UTC)


def redirects_of(response: Response) -> tuple[list[str], bool]:
    """Return the addresses that led to an answer, the one asked for first, and whether all led on for good."""
    asked: list[str] = response.meta.get("redirect_urls", []) if response.request else []
    return asked, bool(asked) and leads_on_for_good(response.meta.get("redirect_reasons", []))


def is_torn(response: Response) -> bool:
    """Tell whether a page ended amid the transfer. Scrapy flags each one whose length the server did not tell, too."""
    return not {"partial", "dataloss"}.isdisjoint(response.flags) and not ends_whole(response.body)


def is_cut_off(response: Response) -> bool:
    """Tell whether a listing ended amid the transfer: not where its length was not told and a tag ends it. There are sites that
    print no `</html>`, and to doubt them once would be to doubt them for ever."""
    return is_torn(response) and ("dataloss" in response.flags or not response.body.rstrip().endswith(b">"))


def read_validators(response: Response) -> dict[str, str]:
    """Return the headers that make a later request conditional on a change of this answer."""
    pairs = (("If-None-Match", b"ETag"), ("If-Modified-Since", b"Last-Modified"))
    return {name: value.decode("latin-1") for name, said in pairs if (value := response.headers.get(said))}


def name_failure(error: BaseException | None) -> tuple[str, bool]:
    """Return why a page could not be read, and whether that makes the crawl incomplete.

    >>> name_failure(Refused("robots", "robots.txt forbids it"))
    ('robots', False)
    >>> name_failure(TimeoutError())
    ('timeout', True)
    """
    if isinstance(error, Refused):
        return error.reason, error.is_lost
    if isinstance(error, HttpError):
        status = error.response.status
        return ("gone", False) if status in (404, 410) else (f"http_{status}", True)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__.removesuffix("Error")).lower(), True
