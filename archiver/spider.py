"""StorySpider: home page → sections → listings → stories. A site is a subclass of three lines."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias
from urllib.parse import urlsplit

from parsel import Selector
from scrapy import Request, Spider, signals
from scrapy.exceptions import DontCloseSpider, IgnoreRequest
from scrapy.http import JsonResponse, Response, TextResponse
from scrapy.spiderloader import get_spider_loader
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
from archiver.extract.parts import find_first_part
from archiver.items import Found, PrintedStory
from archiver.memory import Memory, RawPage
from archiver.normalize import slug_section
from archiver.outcome import Outcome
from archiver.pages import read_page
from archiver.reading import Reading, is_no_story
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

MAX_SITEMAPS = 50
"""Sitemaps of one site that are read; one that is dealt into more is for search engines."""

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
    raw: RawPage | None = None
    """Where its page, the first of several, is kept."""
    story_id: str | None = None
    """The key that the story has already, where it moved to another address."""


@dataclass(frozen=True, kw_only=True)
class GoneStory:
    """A story of the archive that its site serves no longer."""

    url: str
    seen_at: datetime


@dataclass
class Fetching:
    """A story whose pages are being fetched."""

    asked_url: str
    found: Found
    reading: Reading
    raw: RawPage | None
    """Where its page, the first of several, is kept."""
    story_id: str | None = None


Output: TypeAlias = Iterator[Request | FetchedStory | GoneStory]


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
        self.recall: Callable[[], Memory] = Memory
        """Opens the memory of the site when the crawl starts."""
        self.memory = Memory()
        self.leftovers: dict[str, Found] = {}
        """Stories to ask for once the listings are read, unless one of them showed the story: what the home page
        shows, what other stories lead to, what an earlier crawl left over, what is due, and for `full=1` what the
        archive knows."""
        self.sync_inbox: Callable[[], None] = lambda: None
        """Makes the stories in the inbox durable."""
        self._sitemaps: list[str] = []
        """Sitemaps that robots.txt names and that are still to be read."""
        self._has_read_home = False
        self._raw: RawPage | None = None
        """Where the page that was read last is kept."""
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
        crawler.signals.connect(spider.note_robots, signals.robots_parsed)
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
        self.memory = self.recall()
        if self.outcome.is_busy or self.outcome.storage_error:
            return
        if not self.arguments.is_bounded:
            self.leftovers.update(self.memory.waiting(datetime.now(UTC)))
        if url := self.arguments.url:
            if self.memory.plan_visit(url, anyway=True).skip == "removed":
                self.outcome.skip(url, "removed")
                self.logger.warning("%s was taken down: it is not fetched again", url)
                return
            yield self.ask_page(url, self.parse)
        if self.home:
            for request in self._start_site(self.home):
                yield request
        wanted = self.arguments.section
        listings = {url: slug_section(urlsplit(url).path.rstrip("/").rpartition("/")[2]) for url in self.start_urls}
        if wanted and not self.home and (unknown := set(wanted) - set(listings.values())):
            self._refuse_section(min(unknown), listings.values())
            return
        for url, slug in listings.items():
            if not wanted or slug in wanted:
                for request in self._start_chain(url, None):
                    yield request

    def _start_site(self, home: str) -> Iterator[Request]:
        """Ask for what has proved to show all that is new: the sitemaps, else the listings, else the home page."""
        wanted, bounded = self.arguments.section, self.arguments.is_bounded
        if not self.arguments.full:
            if not bounded and (sitemaps := self.memory.sitemaps()):
                self._asked.update(sitemaps)
                self._shapes = {read_address(url).shape for url in self.memory.examples()}
                for url in sitemaps:
                    yield self.ask_page(url, self.parse_sitemap, conditions=True)
                return
            known = {slug_section(each.label): each for each in self.memory.listings()}
            if known and set(wanted) <= set(known):
                for slug, listing in known.items():
                    if not wanted or slug in wanted:
                        yield from self._start_chain(listing.url, listing.label)
                return
        yield self.ask_page(home, self.parse_home)

    def ask_page(self, url: str, callback: Callable[..., Any], *, conditions: bool = False, **kwargs: Any) -> Request:
        # The filter of duplicates knows addresses only. It would drop, in silence, the page that one chain is
        # redirected to when another chain has read it.
        request = Request(url, callback, errback=self.listing_failed, cb_kwargs=kwargs, dont_filter=True)
        return self._add_conditions(request, self.memory.conditions(url)) if conditions else request

    def _add_conditions(self, request: Request, headers: Mapping[str, str]) -> Request:
        """Let the server answer 304 where nothing has changed."""
        for name, value in headers.items():
            request.headers[name] = value
        if headers:
            request.meta["handle_httpstatus_list"] = [304]
        return request

    def _start_chain(self, url: str, label: str | None) -> Iterator[Request]:
        if (base := listing_base(url)) not in self._chains:
            self._chains[base] = chain = self._chain(url, label)
            # A page that has not changed shows nothing new: that is where the pass would end.
            is_known = chain.known_before is not None
            yield self.ask_page(url, self.parse_listing, chain=chain, conditions=is_known)

    def _ask_story(
        self, url: str, found: Found, chain: Chain | None = None, lastmod: str | None = None
    ) -> Iterator[Request]:
        """Ask for a story, once in a crawl, however many listings show it, if it is due."""
        self.memory.note_found(url, found, lastmod)
        if url in self._asked:
            return
        self._asked.add(url)
        visit = self.memory.plan_visit(url, anyway=self.arguments.full)
        if visit.skip:
            self.outcome.skip(url, visit.skip)
            return
        self.outcome.expect(url, found.section_label)
        request = Request(
            url,
            self.parse_story,
            errback=self.story_failed,
            priority=STORY_PRIORITY,
            cb_kwargs={"asked_url": url, "found": found, "chain": chain},
        )
        yield self._add_conditions(request, visit.headers)

    def ask_leftovers(self) -> None:
        """Ask, when the listings are read, for the stories that none of them showed, and for what robots.txt names."""
        leftovers, self.leftovers = self.leftovers, {}
        requests = [request for url, found in leftovers.items() for request in self._ask_story(url, found)]
        if not requests:
            requests = self._ask_sitemaps()
        for request in requests:
            self.crawler.engine.crawl(request)
        if requests:
            raise DontCloseSpider

    def _ask_sitemaps(self) -> list[Request]:
        """Ask, at the end, for the sitemaps that tell which stories were touched: those that proved to, and new ones."""
        if not self.home or self.arguments.limit or self.arguments.max_pages:
            return []
        urls = dict.fromkeys([*self.memory.covering_sitemaps(), *(self._sitemaps if self._has_read_home else ())])
        asked = [url for url in urls if url not in self._asked]
        self._asked.update(asked)
        return [self.ask_page(url, self.parse_sitemap, conditions=True) for url in asked]

    # Listings

    def parse_home(self, response: Response) -> Output:
        """Find the sections, and the stories that the home page itself shows."""
        page = self._read(response, "listing")
        if page is None or not is_same_site(response.url, self.home or ""):
            self._lose(response.url, "moved" if page is not None else "not_html")
            return
        self._has_read_home = True
        sections = {section.slug: section for section in find_sections(page, response.url)}
        shown = list_stories(page, response.url)
        for slug in self.arguments.section:
            if slug in sections:
                yield from self._start_chain(sections[slug].url, sections[slug].label)
            elif url := join_url(response.url, f"/{slug}"):
                context: dict[str, Any] = {
                    "slug": slug,
                    "probes": [s.url for s in shown[:PROBES]],
                    "known": sorted(sections),
                }
                yield self.ask_page(url, self.parse_guess, **context)
        if self.arguments.section:
            return
        if not sections:
            yield from self._list(page, self._chain(response.url), response)
            return
        for section in sections.values():
            self.memory.note_listing(section.url, section.label)
        if self.home and not self.arguments.is_bounded:
            self.memory.note_pass(self.home, None, datetime.now(UTC), {})
        for section in sections.values():
            yield from self._start_chain(section.url, section.label)
        for story in shown:
            self.leftovers.setdefault(story.url, Chain(response.url).describe_find(story))

    def parse_listing(self, response: Response, chain: Chain) -> Output:
        """Ask for the stories of a listing page and for the page after it."""
        if response.status == 304:
            self._note_unchanged(response)
            self.outcome.listed += 1  # what it showed when it was read is known
            self._end_pass(chain)
            return
        page = self._read(response, "listing", section=chain.label)
        if page is None or not is_same_site(response.url, chain.url):
            self._lose(response.url, "moved" if page is not None else "not_html", chain.label)
            return
        yield from self._list(page, chain, response)

    def _chain(self, url: str, label: str | None = None, via: str = "listing") -> Chain:
        before = self.memory.began_last_pass(url)
        return Chain(url, label, via, known_before=before, began_at=datetime.now(UTC))

    def _list(self, page: Selector, chain: Chain, response: Response) -> Output:
        since, max_pages, url = self.arguments.since, self.arguments.max_pages, response.url
        if chain.is_past(since):
            return
        if not chain.pages:
            chain.conditions = read_validators(response)
        listed = chain.take_page(url, list_stories(page, url), self.memory.first_seen)
        yield from self._ask_listed(listed, chain)
        if not chain.met:
            self.logger.warning("no story link on %s", url)
        following = chain.pick_next(next_pages(page, url), since=since, max_pages=max_pages)
        if following:
            yield self.ask_page(following, self.parse_listing, chain=chain)
        elif chain.met and not (chain.is_past(since) or chain.pages == max_pages):
            self._end_pass(chain)

    def _end_pass(self, chain: Chain) -> None:
        """Remember that the listing has been read to where everything is known, or to its end."""
        if chain.began_at and not self._is_stopping():
            self.memory.note_pass(chain.url, chain.label, chain.began_at, chain.conditions)

    def _is_stopping(self) -> bool:
        return self._stopping is not None or self.outcome.interrupted_by is not None

    def _ask_listed(self, stories: list[ListedStory], chain: Chain, lastmod: str | None = None) -> Iterator[Request]:
        since = self.arguments.since
        for story in stories:
            self.outcome.listed += 1
            self._shapes.add(read_address(story.url).shape)
            if since and story.published_at and story.published_at.astimezone(UTC).date() < since:
                self.outcome.skip(story.url, "before_since")
            else:
                yield from self._ask_story(story.url, chain.describe_find(story), chain, lastmod)

    def parse_guess(self, response: Response, slug: str, probes: list[str], known: list[str]) -> Output:
        """Take `/<section>` for the section's listing if stories are listed there."""
        page = self._read(response, "listing")
        if page is not None and is_same_site(response.url, self.home or "") and list_stories(page, response.url):
            self._chains[listing_base(response.url)] = chain = self._chain(response.url, slug)
            yield from self._list(page, chain, response)
        else:
            yield from self._probe(slug, probes, known)

    def _probe(self, slug: str, probes: list[str], known: list[str]) -> Iterator[Request]:
        if not probes:
            self._refuse_section(slug, known)
            return
        context: dict[str, Any] = {"slug": slug, "probes": probes[1:], "known": known}
        yield self.ask_page(probes[0], self.parse_probe, **context)

    def parse_probe(self, response: Response, slug: str, probes: list[str], known: list[str]) -> Output:
        """Look for the section's listing on a story page that the home page shows."""
        page = self._read(response, "story")
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
        body, url = self._unpack(response), response.url
        if (feed := parse_feed(body, url)) is not None:
            self._keep(response, "feed")
            yield from self._ask_listed(feed, self._chain(url, via="feed"))
        elif (sitemap := parse_sitemap(body, url)) is not None:
            self._keep(response, "sitemap")
            yield from self._read_sitemap(sitemap, url)
        elif (page := self._read(response, "story")) is None:
            self._lose(url, "not_html")
        elif is_listing(page, url, extract_story(page, url, selectors=self.selectors)):
            yield from self._list(page, self._chain(url), response)
        else:
            self.outcome.listed += 1
            self.outcome.expect(url, None)
            self.memory.note_found(url, Found())
            yield from self._take_story(page, response, url, Found())

    def _unpack(self, response: Response) -> bytes:
        """The body of a feed or sitemap, which may be a gzip file of its own."""
        if not gzip_magic_number(response):
            return response.body
        return gunzip(response.body, max_size=self.settings.getint("DOWNLOAD_MAXSIZE"))

    def parse_sitemap(self, response: Response) -> Output:
        """Ask for what a sitemap of the site names that is new or was touched since it was last read."""
        if response.status == 304:
            self._note_unchanged(response)
            self.outcome.listed += 1
            return
        sitemap = parse_sitemap(self._unpack(response), response.url)
        self._keep(response, "sitemap")
        if sitemap is None or sitemap.truncated or len(sitemap.sitemaps) > MAX_SITEMAPS:
            self.logger.warning("%s is no sitemap to go by: listings are read instead", response.url)
            self.memory.note_sitemaps([])
            return
        yield from self._read_sitemap(sitemap, response.url, self.parse_sitemap)
        # Not before all that it names is noted: a crawl killed amid it has to get it again, not a 304.
        self.memory.note_conditions(response.url, read_validators(response))

    def _read_sitemap(
        self, sitemap: Sitemap, url: str, callback: Callable[..., Any] | None = None
    ) -> Iterator[Request]:
        chain = Chain(url, via="sitemap")
        if sitemap.truncated:
            self._lose(url, "sitemap_truncated")
        for child in sitemap.sitemaps:
            if child not in self._asked:
                self._asked.add(child)
                yield self.ask_page(child, callback or self.parse, conditions=callback is not None)
        described = {story.url: story for story in sitemap.stories}
        since = self.arguments.since
        for address, lastmod in sitemap.pages:
            # A page last touched before a day was not published after it; touched later, it may be as old as any.
            if since and lastmod and re.match(r"\d{4}-\d\d-\d\d", lastmod) and lastmod[:10] < since.isoformat():
                self.outcome.listed += 1
                self.outcome.skip(address, "before_since")
            elif not self._may_be_story(address):
                continue
            elif address not in described and is_furniture_address(address):
                self.outcome.skip(address, "no_story")
            else:
                yield from self._ask_listed([described.get(address) or _name_page(address)], chain, lastmod)

    def _may_be_story(self, address: str) -> bool:
        """Where a whole site is crawled, its stories have shown what their addresses look like; where sections are, only
        the stories that were met in them are told."""
        if not self.home:
            return True
        if self.arguments.section:
            return self.memory.section_of(address) in self.arguments.section
        return self.memory.first_seen(address) is not None or read_address(address).shape in self._shapes

    # Stories

    def note_robots(self, robotparser: Any, request: Request) -> None:
        """Keep the sitemaps that the site's robots.txt names."""
        if self.home and is_same_site(request.url, self.home):
            # Scrapy's interface to robots.txt does not offer them, the parser under it does.
            named = getattr(getattr(robotparser, "rp", None), "sitemaps", ())
            urls = [url for each in named if (url := join_url(request.url, each))]
            self._sitemaps = [url for url in urls if is_same_site(url, self.home)][:MAX_SITEMAPS]
            self.memory.note_sitemaps(self._sitemaps)

    def parse_story(
        self,
        response: Response,
        asked_url: str,
        found: Found,
        chain: Chain | None = None,
    ) -> Output:
        """Extract a story and, where the whole site is crawled, follow what it leads to."""
        if response.status == 304 or self.memory.is_unchanged(asked_url, response):
            self._note_unchanged(response, asked_url)
            self.outcome.keep_same(asked_url, self.memory.section_of(asked_url))
            return
        page = self._read(response, "story", found)
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
        reading = Reading(self.selectors, self._fetched_at(response))
        printed = reading.print(page, response.url, is_torn=_is_torn(response))
        if is_no_story(page, response.url, printed, found):
            self.outcome.skip(asked_url, "no_story")
            return
        if first := find_first_part(printed):
            self.outcome.skip(asked_url, "part")
            yield from self._ask_story(first, found, chain)
            return
        if chain and printed.published_at:
            chain.days.append(printed.published_at.astimezone(UTC).date())
        reading.begin(page, response.url, printed)
        yield from self._read_on(Fetching(asked_url, found, reading, self._raw, self._known_as(response)))

    def _read_on(self, story: Fetching) -> Output:
        """Ask for the page that a story goes on with; hand on one that is complete."""
        url, is_single = story.reading.wanted, story.reading.single is not None
        if url is None:
            yield from self._finish(story)
            return
        self._asked.add(url)
        # The filter of duplicates would drop a part that redirects, and with it the story.
        yield Request(
            url,
            self.parse_single_page if is_single else self.parse_part,
            errback=self.single_page_failed if is_single else self.part_failed,
            priority=PART_PRIORITY,
            cb_kwargs={"asked_url": story.asked_url, "story": story},
            dont_filter=True,
        )

    def parse_part(self, response: Response, asked_url: str, story: Fetching) -> Output:
        """Add a page to its story and go on to the next; a page that does not go on with the story ends it."""
        page = self._read(response, "part", story.found)
        if lost := story.reading.take_part(page, response.url, is_torn=_is_torn(response)):
            self._lose_part(*lost, story)
        yield from self._read_on(story)

    def parse_single_page(self, response: Response, asked_url: str, story: Fetching) -> Output:
        """Take the view that has all pages of a story on one, if it does."""
        page = self._read(response, "part", story.found)
        if story.reading.take_single(page, response.url, is_torn=_is_torn(response)):
            story.raw = self._raw
        yield from self._read_on(story)

    def _finish(self, story: Fetching) -> Output:
        """Hand a story on, and follow what it leads to."""
        printed = story.reading.finish()
        if self.memory.has_failed:
            self._lose(story.asked_url, "storage")
            return
        yield FetchedStory(
            printed=printed,
            fetched_at=story.reading.fetched_at,
            found=story.found,
            asked_url=story.asked_url,
            raw=story.raw,
            story_id=story.story_id,
        )
        if self.home:
            yield from self._follow(printed)

    def _follow(self, printed: PrintedStory) -> Iterator[Request]:
        """Ask for the section's listing and the related stories; where part of a site was asked for, they would lead out of
        it, and are kept for a crawl of the whole."""
        if not self.arguments.is_bounded and printed.section_url and is_same_site(printed.section_url, printed.url):
            yield from self._start_chain(printed.section_url, printed.section_label)
        for related in printed.related:
            url = join_url(printed.url, related.url)
            if not url or not is_same_site(url, printed.url) or read_address(url).shape not in self._shapes:
                continue
            found = Found(via="related", title=related.title)
            if not self.arguments.is_bounded:
                self.leftovers.setdefault(url, found)
            elif self.memory.first_seen(url) is None:
                self.memory.note_found(url, found)

    # Failures

    def story_failed(self, failure: Failure) -> Output:
        """Tell a story that is rightly left out from one that is lost, and one that is gone from one never archived."""
        request: Request = failure.request  # type: ignore[attr-defined]
        reason, is_lost = name_failure(failure.value)
        url = request.cb_kwargs["asked_url"]
        if is_lost:
            self.memory.note_failed(url, reason)
            self._lose(url, reason)
            return
        self.outcome.skip(url, reason)
        if not isinstance(failure.value, HttpError):
            self.memory.note_left_out(url, reason)
        elif self.memory.note_gone(url, failure.value.response.status):
            yield GoneStory(url=url, seen_at=self._fetched_at(failure.value.response))

    def part_failed(self, failure: Failure) -> Output:
        """Hand on what there is of a story whose next page cannot be read."""
        request: Request = failure.request  # type: ignore[attr-defined]
        story: Fetching = request.cb_kwargs["story"]
        reason, is_lost = name_failure(failure.value)
        if is_lost:
            self._lose_part(request.url, f"part_{reason}", story)
        else:
            self.outcome.skipped[f"part_{reason}"] += 1
        story.reading.miss()
        yield from self._read_on(story)

    def single_page_failed(self, failure: Failure) -> Output:
        """Read page by page where the single-page view cannot be had: nothing is lost."""
        story: Fetching = failure.request.cb_kwargs["story"]  # type: ignore[attr-defined]
        story.reading.miss()
        yield from self._read_on(story)

    def _lose_part(self, url: str, reason: str, story: Fetching) -> None:
        self._lose(url, reason, story.reading.parts[0].section_label or story.found.section_label)
        story.reading.is_cut = True

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

    def _read(
        self, response: Response, kind: str, found: Found | None = None, section: str | None = None
    ) -> Selector | None:
        """Count, keep and parse a page; None where it is none (a picture, a PDF, JSON)."""
        self._keep(response, kind, found, section)
        if not isinstance(response, TextResponse) or isinstance(response, JsonResponse):
            return None
        content_type = response.headers.get(b"Content-Type", b"") or b""
        return read_page(response.body, content_type.decode("latin-1"))

    def _keep(self, response: Response, kind: str, found: Found | None = None, section: str | None = None) -> None:
        self.outcome.pages += 1
        self._raw = self.memory.keep_page(response, kind, found or Found(section_label=section))

    def _note_unchanged(self, response: Response, asked_url: str | None = None) -> None:
        self.outcome.pages += 1
        self.memory.note_unchanged(asked_url or response.url, response)

    def _fetched_at(self, response: Response) -> datetime:
        """When the answer came: the raw page is dated alike, so that it can be read again to the same story."""
        exchange = response.meta.get("exchange") if response.request else None
        return exchange.fetched_at if exchange else datetime.now(UTC)

    def _known_as(self, response: Response) -> str | None:
        """The key of the story that a permanent redirect has led on from."""
        asked: list[str] = response.meta.get("redirect_urls", []) if response.request else []
        reasons = response.meta.get("redirect_reasons", []) if asked else []
        return self.memory.identity(asked[0]) if asked and set(reasons) <= {301, 308} else None


def load_selectors(settings: BaseSettings) -> dict[str, Selectors | None]:
    """Return the selectors of each site of the project, by the spider's name."""
    loader = get_spider_loader(settings)
    spiders = {name: loader.load(name) for name in loader.list()}
    return {name: each.selectors for name, each in spiders.items() if issubclass(each, StorySpider)}


def _is_torn(response: Response) -> bool:
    """Tell whether a page ended amid the transfer."""
    return not {"partial", "dataloss"}.isdisjoint(response.flags)


def read_validators(response: Response) -> dict[str, str]:
    """Return the headers that make a later request conditional on a change of this answer."""
    pairs = (("If-None-Match", b"ETag"), ("If-Modified-Since", b"Last-Modified"))
    return {name: value.decode("latin-1") for name, said in pairs if (value := response.headers.get(said))}


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
