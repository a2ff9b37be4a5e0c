"""StorySpider: home page → sections → listings → stories. A site is a subclass of three lines."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias
from urllib.parse import urlsplit

from parsel import Selector
from scrapy import Request, Spider, signals
from scrapy.exceptions import DontCloseSpider, IgnoreRequest
from scrapy.http import JsonResponse, Response, TextResponse
from scrapy.spidermiddlewares.httperror import HttpError
from scrapy.utils.gz import gunzip, gzip_magic_number

from archiver.arguments import SITE_ARGUMENTS, ArgumentError, CrawlArguments, describe_unknown, parse_arguments
from archiver.chain import Chain
from archiver.discover import (
    ListedStory,
    Sitemap,
    find_sections,
    is_listing,
    list_stories,
    next_pages,
    parse_feed,
    parse_sitemap,
)
from archiver.discover.addresses import is_furniture_address, listing_base, read_address
from archiver.extract import Selectors, extract_story
from archiver.extract.parts import (
    find_first_part,
    find_next_part,
    find_single_page,
    is_continued_by,
    is_whole,
    join_parts,
)
from archiver.items import Found, PrintedStory
from archiver.normalize import slug_section
from archiver.outcome import Outcome
from archiver.pages import read_page
from archiver.urls import is_same_site, join_url

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings
    from twisted.python.failure import Failure

STORY_PRIORITY = 10
"""Stories go before further listing pages: a crawl that is cut short then has whole pages, and one with a limit
reads no listing page in vain."""

PART_PRIORITY = STORY_PRIORITY + 1
"""A story that has been begun is read to its end before the next one."""

MAX_PARTS = 20
"""Pages of one story that are read; beyond that it is a trap, or a book."""

PROBES = 5
"""Stories looked at, at most, for a link to a section that neither the navigation nor `/<section>` leads to."""


@dataclass(frozen=True, kw_only=True)
class FetchedStory:
    """What a spider hands to the item pipelines: a story as its page printed it, and how it was come by."""

    printed: PrintedStory
    fetched_at: datetime
    found: Found
    asked_url: str
    """The address asked for, before redirects: the key of `Outcome.awaited`."""


@dataclass
class Reading:
    """A story that is being read page by page."""

    asked_url: str
    found: Found
    fetched_at: datetime
    parts: list[PrintedStory]
    is_cut: bool = False
    """A page is lost: the story ends too early."""


Output: TypeAlias = Iterator[Request | FetchedStory]


class StorySpider(Spider):
    """Crawl one site. A site is a subclass with `name`, with `home` or `start_urls` (listings), and with `selectors`
    where the general rules are not enough."""

    home: ClassVar[str | None] = None
    selectors: ClassVar[Selectors | None] = None
    accepts: ClassVar[tuple[str, ...]] = SITE_ARGUMENTS
    is_scheduled: ClassVar[bool] = True
    """False for spiders that run only when named, never by `archiver crawl --all`."""

    def __init__(self, name: str | None = None, **given: str) -> None:
        super().__init__(name)
        self.arguments: CrawlArguments = parse_arguments(given, self.accepts)
        if self.home is None and not self.start_urls and "url" not in self.accepts:
            raise ArgumentError(f"{type(self).__name__} has neither home nor start_urls")
        now = datetime.now(UTC)
        run = f"{now:%Y%m%dT%H%M%SZ}-{self.name}-{secrets.token_hex(2)}"
        self.outcome = Outcome(run, self.name, self.arguments, now)
        self.leftovers: dict[str, Found] = {}
        """Stories to ask for once the listings are read, unless one of them showed the story: what the home page
        shows, what other stories lead to, and for `full=1` what the archive knows."""
        self.is_crawling = False
        """False in `scrapy shell` and `scrapy parse`, which try a page out and must leave no trace in the archive."""
        self._chains: dict[str, Chain] = {}
        """By what the addresses of all pages of a listing share."""
        self._asked: set[str] = set()
        self._shapes: set[tuple[str, ...]] = set()
        """Forms of the addresses that listings showed for stories: a related link of another form is no story's."""
        self._stopping: asyncio.Future[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.ask_leftovers, signals.spider_idle)
        crawler.signals.connect(spider.request_dropped, signals.request_dropped)
        return spider

    @classmethod
    def handles_request(cls, request: Request) -> bool:
        # Scrapy gives start_urls to each spider, not to the class.
        own = (cls.home, *getattr(cls, "start_urls", ()))
        return any(is_same_site(request.url, each) for each in own if each)

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        contact = " ".join((settings["ARCHIVER_CONTACT"] or "").split())
        agent = settings["USER_AGENT"]
        if contact and agent.startswith("policy-archiver/") and "(" not in agent:
            settings.set("USER_AGENT", f"{agent} (+{contact})", priority="spider")

    def stop(self, reason: str) -> None:
        """End the crawl: pages under way are still taken, no more are asked for."""
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self._close(reason))

    async def _close(self, reason: str) -> None:
        if self.crawler.engine.spider is not None:
            await self.crawler.engine.close_spider_async(reason=reason)

    # Requests

    async def start(self) -> AsyncIterator[Any]:
        self.is_crawling = True
        if self.arguments.url:
            yield self.ask_page(self.arguments.url, self.parse)
        if self.home:
            yield self.ask_page(self.home, self.parse_home)
        wanted = self.arguments.section
        listings = {url: slug_section(urlsplit(url).path.rstrip("/").rpartition("/")[2]) for url in self.start_urls}
        if wanted and not self.home and (unknown := set(wanted) - set(listings.values())):
            self._refuse_section(min(unknown), listings.values())
            return
        for url, slug in listings.items():
            if not wanted or slug in wanted:
                for request in self._start_chain(url, None):
                    yield request

    def ask_page(self, url: str, callback: Callable[..., Any], **kwargs: Any) -> Request:
        # The filter of duplicates knows addresses only. It would drop, in silence, the page that one chain is
        # redirected to when another chain has read it.
        return Request(url, callback, errback=self.listing_failed, cb_kwargs=kwargs, dont_filter=True)

    def _start_chain(self, url: str, label: str | None) -> Iterator[Request]:
        if (base := listing_base(url)) not in self._chains:
            self._chains[base] = chain = Chain(url, label)
            yield self.ask_page(url, self.parse_listing, chain=chain)

    def _ask_story(self, url: str, found: Found, chain: Chain | None = None) -> Iterator[Request]:
        """Ask for a story, once in a crawl, however many listings show it."""
        if url in self._asked:
            return
        self._asked.add(url)
        self.outcome.expect(url, found.section_label)
        yield Request(
            url,
            self.parse_story,
            errback=self.story_failed,
            priority=STORY_PRIORITY,
            cb_kwargs={"asked_url": url, "found": found, "chain": chain},
        )

    def ask_leftovers(self) -> None:
        """Ask, when the listings are read, for the stories that none of them showed."""
        leftovers, self.leftovers = self.leftovers, {}
        requests = [request for url, found in leftovers.items() for request in self._ask_story(url, found)]
        for request in requests:
            self.crawler.engine.crawl(request)
        if requests:
            raise DontCloseSpider

    # Listings

    def parse_home(self, response: Response) -> Output:
        """Find the sections, and the stories that the home page itself shows."""
        page = self._read(response)
        if page is None or not is_same_site(response.url, self.home or ""):
            self._lose(response.url, "moved" if page is not None else "not_html")
            return
        sections = {section.slug: section for section in find_sections(page, response.url)}
        shown = list_stories(page, response.url)
        for slug in self.arguments.section:
            if slug in sections:
                yield from self._start_chain(sections[slug].url, sections[slug].label)
            elif url := join_url(response.url, f"/{slug}"):
                context = {"slug": slug, "probes": [s.url for s in shown[:PROBES]], "known": sorted(sections)}
                yield self.ask_page(url, self.parse_guess, **context)
        if self.arguments.section:
            return
        if not sections:
            yield from self._list(page, Chain(response.url), response.url)
            return
        for section in sections.values():
            yield from self._start_chain(section.url, section.label)
        for story in shown:
            self.leftovers.setdefault(story.url, Chain(response.url).describe_find(story))

    def parse_listing(self, response: Response, chain: Chain) -> Output:
        """Ask for the stories of a listing page and for the page after it."""
        page = self._read(response)
        if page is None or not is_same_site(response.url, chain.url):
            self._lose(response.url, "moved" if page is not None else "not_html", chain.label)
            return
        yield from self._list(page, chain, response.url)

    def _list(self, page: Selector, chain: Chain, url: str) -> Output:
        since, max_pages = self.arguments.since, self.arguments.max_pages
        if chain.is_past(since):
            return
        yield from self._ask_listed(chain.take_page(url, list_stories(page, url)), chain)
        if not chain.met:
            self.logger.warning("no story link on %s", url)
        if following := chain.pick_next(next_pages(page, url), since=since, max_pages=max_pages):
            yield self.ask_page(following, self.parse_listing, chain=chain)

    def _ask_listed(self, stories: list[ListedStory], chain: Chain) -> Iterator[Request]:
        since = self.arguments.since
        for story in stories:
            self.outcome.listed += 1
            self._shapes.add(read_address(story.url).shape)
            if since and story.published_at and story.published_at.astimezone(UTC).date() < since:
                self.outcome.skip(story.url, "before_since")
            else:
                yield from self._ask_story(story.url, chain.describe_find(story), chain)

    def parse_guess(self, response: Response, slug: str, probes: list[str], known: list[str]) -> Output:
        """Take `/<section>` for the section's listing if stories are listed there."""
        page = self._read(response)
        if page is not None and is_same_site(response.url, self.home or "") and list_stories(page, response.url):
            self._chains[listing_base(response.url)] = chain = Chain(response.url, slug)
            yield from self._list(page, chain, response.url)
        else:
            yield from self._probe(slug, probes, known)

    def _probe(self, slug: str, probes: list[str], known: list[str]) -> Iterator[Request]:
        if not probes:
            self._refuse_section(slug, known)
            return
        context = {"slug": slug, "probes": probes[1:], "known": known}
        yield self.ask_page(probes[0], self.parse_probe, **context)

    def parse_probe(self, response: Response, slug: str, probes: list[str], known: list[str]) -> Output:
        """Look for the section's listing on a story page that the home page shows."""
        page = self._read(response)
        printed = extract_story(page, response.url, selectors=self.selectors) if page is not None else None
        label, url = (printed.section_label, printed.section_url) if printed else (None, None)
        if url and is_same_site(url, response.url):
            known = sorted({*known, slug_section(label)})
            if slug_section(label) == slug:
                yield from self._start_chain(url, label)
                return
        yield from self._probe(slug, probes, known)

    def _refuse_section(self, slug: str, known: Any) -> None:
        self.outcome.usage_error = describe_unknown("section", slug, known)
        self.stop("unknown_section")

    def parse(self, response: Response, **kwargs: Any) -> Output:
        """Take any page for what its content shows it to be: feed, sitemap, listing or story."""
        body, url = response.body, response.url
        if gzip_magic_number(response):
            body = gunzip(body, max_size=self.settings.getint("DOWNLOAD_MAXSIZE"))
        if (feed := parse_feed(body, url)) is not None:
            self.outcome.pages += 1
            yield from self._ask_listed(feed, Chain(url, via="feed"))
        elif (sitemap := parse_sitemap(body, url)) is not None:
            self.outcome.pages += 1
            yield from self._read_sitemap(sitemap, url)
        elif (page := self._read(response)) is None:
            self._lose(url, "not_html")
        elif is_listing(page, url, extract_story(page, url, selectors=self.selectors)):
            yield from self._list(page, Chain(url), url)
        else:
            self.outcome.listed += 1
            self.outcome.expect(url, None)
            yield from self._take_story(page, response, url, Found())

    def _read_sitemap(self, sitemap: Sitemap, url: str) -> Iterator[Request]:
        chain = Chain(url, via="sitemap")
        if sitemap.truncated:
            self._lose(url, "sitemap_truncated")
        for child in sitemap.sitemaps:
            if child not in self._asked:
                self._asked.add(child)
                yield self.ask_page(child, self.parse)
        described = {story.url: story for story in sitemap.stories}
        since = self.arguments.since
        for address, lastmod in sitemap.pages:
            # A page last touched before a day was not published after it; touched later, it may be as old as any.
            if since and lastmod and re.match(r"\d{4}-\d\d-\d\d", lastmod) and lastmod[:10] < since.isoformat():
                self.outcome.listed += 1
                self.outcome.skip(address, "before_since")
            elif address not in described and is_furniture_address(address):
                self.outcome.skip(address, "no_story")
            else:
                yield from self._ask_listed([described.get(address) or _name_page(address)], chain)

    # Stories

    def parse_story(self, response: Response, asked_url: str, found: Found, chain: Chain | None = None) -> Output:
        """Extract a story and, where the whole site is crawled, follow what it leads to."""
        page = self._read(response)
        if page is None or (self.home and not is_same_site(response.url, self.home)):
            self.outcome.skip(asked_url, "no_story")
            return
        if response.url != asked_url and self._is_known_listing(response.url):
            self.outcome.skip(asked_url, "gone")
            return
        yield from self._take_story(page, response, asked_url, found, chain)

    def _is_known_listing(self, url: str) -> bool:
        """Tell whether a redirect ended where sites send who asks for a story they have deleted."""
        return listing_base(url) in {*self._chains, listing_base(self.home or "")}

    def _take_story(
        self, page: Selector, response: Response, asked_url: str, found: Found, chain: Chain | None = None
    ) -> Output:
        now = datetime.now(UTC)
        printed = extract_story(page, response.url, selectors=self.selectors, now=now)
        # A sitemap names listings and stories alike.
        if not printed.is_story or (found.via == "sitemap" and is_listing(page, response.url, printed)):
            self.outcome.skip(asked_url, "no_story")
            return
        if first := find_first_part(printed):
            self.outcome.skip(asked_url, "part")
            yield from self._ask_story(first, found, chain)
            return
        if chain and printed.published_at:
            chain.days.append(printed.published_at.astimezone(UTC).date())
        reading = Reading(asked_url, found, now, [_flag_partial(printed, response)])
        following = find_next_part(page, response.url, printed)
        single = find_single_page(page, response.url) if following else None
        if following and single:
            yield self._ask_part(single, reading, self.parse_single_page, self.single_page_failed, following=following)
        elif following:
            yield self._ask_part(following, reading, self.parse_part, self.part_failed)
        else:
            yield from self._finish(reading)

    def _ask_part(self, url: str, reading: Reading, callback: Any, errback: Any, **kwargs: Any) -> Request:
        self._asked.add(url)
        # The filter of duplicates would drop a part that redirects, and with it the story.
        return Request(
            url,
            callback,
            errback=errback,
            priority=PART_PRIORITY,
            cb_kwargs={"asked_url": reading.asked_url, "reading": reading, **kwargs},
            dont_filter=True,
        )

    def parse_part(self, response: Response, asked_url: str, reading: Reading) -> Output:
        """Add a page to its story and go on to the next; a page that does not go on with the story ends it."""
        page = self._read(response)
        if page is None:
            self._lose_part(response.url, reading, "part_not_html")
            yield from self._finish(reading)
            return
        part = self._print(page, response, reading)
        if not is_continued_by(reading.parts, part):
            yield from self._finish(reading)
            return
        reading.parts.append(part)
        following = find_next_part(page, response.url, part, first=reading.parts[0].url)
        if following and len(reading.parts) < MAX_PARTS:
            yield self._ask_part(following, reading, self.parse_part, self.part_failed)
            return
        if following:
            self._lose_part(following, reading, "too_many_parts")
        yield from self._finish(reading)

    def parse_single_page(self, response: Response, asked_url: str, reading: Reading, following: str) -> Output:
        """Take the view that has all pages of a story on one, if it does."""
        page = self._read(response)
        whole = self._print(page, response, reading) if page is not None else None
        first = reading.parts[0]
        if whole is None or not is_whole(first, whole):
            yield self._ask_part(following, reading, self.parse_part, self.part_failed)
            return
        reading.parts = [dataclasses.replace(whole, url=first.url, canonical=first.canonical)]
        yield from self._finish(reading)

    def _print(self, page: Selector, response: Response, reading: Reading) -> PrintedStory:
        printed = extract_story(page, response.url, selectors=self.selectors, now=reading.fetched_at)
        return _flag_partial(printed, response)

    def _finish(self, reading: Reading) -> Output:
        """Hand a story on, and follow what it leads to."""
        printed = join_parts(reading.parts)
        if reading.is_cut:
            printed = dataclasses.replace(printed, flags=(*printed.flags, "truncated"))
        yield FetchedStory(
            printed=printed, fetched_at=reading.fetched_at, found=reading.found, asked_url=reading.asked_url
        )
        if self.home and not self.arguments.is_bounded:
            yield from self._follow(printed)

    def _follow(self, printed: PrintedStory) -> Iterator[Request]:
        """Ask for the section's listing and the related stories: where part of a site was asked for, they would lead
        out of it."""
        if printed.section_url and is_same_site(printed.section_url, printed.url):
            yield from self._start_chain(printed.section_url, printed.section_label)
        for related in printed.related:
            url = join_url(printed.url, related.url)
            if url and is_same_site(url, printed.url) and read_address(url).shape in self._shapes:
                self.leftovers.setdefault(url, Found(via="related", title=related.title))

    # Failures

    def story_failed(self, failure: Failure) -> None:
        """Tell a story that is rightly left out from one that is lost."""
        request: Request = failure.request  # type: ignore[attr-defined]
        reason, is_lost = name_failure(failure.value)
        url = request.cb_kwargs["asked_url"]
        if is_lost:
            self._lose(url, reason)
        else:
            self.outcome.skip(url, reason)

    def part_failed(self, failure: Failure) -> Output:
        """Hand on what there is of a story whose next page cannot be read."""
        request: Request = failure.request  # type: ignore[attr-defined]
        reading: Reading = request.cb_kwargs["reading"]
        reason, is_lost = name_failure(failure.value)
        if is_lost:
            self._lose_part(request.url, reading, f"part_{reason}")
        else:
            self.outcome.skipped[f"part_{reason}"] += 1
            reading.is_cut = True
        yield from self._finish(reading)

    def single_page_failed(self, failure: Failure) -> Output:
        """Read page by page where the single-page view cannot be had: nothing is lost."""
        cb_kwargs = failure.request.cb_kwargs  # type: ignore[attr-defined]
        yield self._ask_part(cb_kwargs["following"], cb_kwargs["reading"], self.parse_part, self.part_failed)

    def _lose_part(self, url: str, reading: Reading, reason: str) -> None:
        self._lose(url, reason, reading.parts[0].section_label or reading.found.section_label)
        reading.is_cut = True

    def listing_failed(self, failure: Failure) -> Output:
        """Count a listing that cannot be read: a dead link in the navigation is no failure, a cut chain is."""
        request: Request = failure.request  # type: ignore[attr-defined]
        reason, is_lost = name_failure(failure.value)
        chain: Chain | None = request.cb_kwargs.get("chain")
        if "probes" in request.cb_kwargs and not is_lost:
            yield from self._probe(**request.cb_kwargs)
        elif is_lost or (reason == "gone" and (chain is None or chain.pages)):
            self._lose(request.url, f"listing_{reason}", chain.label if chain else None)
        else:
            self.logger.warning("listing %s is left out: %s", request.url, reason)
            self.outcome.skip(request.url, reason)

    def request_dropped(self, request: Request) -> None:
        """Account for a story that redirects to one already met: the filter of duplicates drops it without a word."""
        if url := request.cb_kwargs.get("asked_url"):
            self.outcome.skip(url, "duplicate")

    def _lose(self, url: str, reason: str, label: str | None = None) -> None:
        self.logger.warning("%s is lost: %s", url, reason)
        self.outcome.fail(url, reason, label)

    def _read(self, response: Response) -> Selector | None:
        """Count and parse a page; None where it is none (a picture, a PDF, JSON)."""
        self.outcome.pages += 1
        if not isinstance(response, TextResponse) or isinstance(response, JsonResponse):
            return None
        content_type = response.headers.get(b"Content-Type", b"") or b""
        return read_page(response.body, content_type.decode("latin-1"))


def _flag_partial(printed: PrintedStory, response: Response) -> PrintedStory:
    """Flag a story whose page ended amid the transfer."""
    if "partial" not in response.flags:
        return printed
    return dataclasses.replace(printed, flags=(*printed.flags, "truncated"))


def _name_page(url: str) -> ListedStory:
    return ListedStory(url=url, title="", published_at=None, published_raw=None)


def name_failure(error: BaseException | None) -> tuple[str, bool]:
    """Return why a page could not be read, and whether that makes the crawl incomplete.

    >>> name_failure(IgnoreRequest("Forbidden by robots.txt"))
    ('robots', False)
    >>> name_failure(TimeoutError())
    ('timeout', True)
    """
    if isinstance(error, HttpError):
        status = error.response.status
        return ("gone", False) if status in (404, 410) else (f"http_{status}", True)
    if isinstance(error, IgnoreRequest):
        return ("robots", False) if "robots.txt" in str(error) else ("too_many_redirects", True)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__.removesuffix("Error")).lower(), True
