"""StorySpider: home page → sections → listings → stories. A site is a subclass of three lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.exceptions import DontCloseSpider
from scrapy.http import Response
from scrapy.spiderloader import get_spider_loader

from archiver.arguments import ArgumentError
from archiver.asking import FetchedStory, GoneStory, Output, parse_page
from archiver.discover import is_listing
from archiver.extract import Selectors, extract_story
from archiver.items import Found
from archiver.listings import ListingReader
from archiver.normalize import slug_section
from archiver.stories import StoryReader
from archiver.urls import is_same_site

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

__all__ = ["FetchedStory", "GoneStory", "StorySpider", "load_selectors"]


class StorySpider(ListingReader, StoryReader):
    """Crawl one site. A site is a subclass with `name`, with `home` or `start_urls` (listings, feeds or sitemaps), and
    with `selectors` where the general rules are not enough."""

    is_scheduled: ClassVar[bool] = True
    """False for spiders that run only when named, never by `archiver crawl --all`."""

    def __init__(self, name: str | None = None, **given: str) -> None:
        super().__init__(name, **given)
        if self.home is None and not self.start_urls and "url" not in self.accepts:
            raise ArgumentError(f"{type(self).__name__} has neither home nor start_urls")

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

    async def start(self) -> AsyncIterator[Any]:
        self.is_crawling = True
        self.memory = self.recall()
        if self.outcome.is_busy or self.outcome.storage_error:
            return
        if url := self.arguments.url:
            if self.memory.is_removed(url):
                self.outcome.skip(url, "removed")
                self.logger.warning("%s was taken down: it is not fetched again", url)
                return
            yield self.ask_page(url, self.parse)
            return
        if not self.arguments.is_bounded:
            self.leftovers.update(self.memory.waiting(datetime.now(UTC)))
        if self.home:
            for request in self._start_site():
                yield request
        wanted = self.arguments.section
        listings = {url: slug_section(urlsplit(url).path.rstrip("/").rpartition("/")[2]) for url in self.start_urls}
        if wanted and not self.home and (unknown := set(wanted) - set(listings.values())):
            self._refuse_section(min(unknown), listings.values())
            return
        for url, slug in listings.items():
            if not wanted or slug in wanted:
                for request in self.start_chain(url, None):
                    yield request

    def ask_leftovers(self) -> None:
        """Ask, when the listings are read, for the stories that none of them showed, and for what robots.txt names."""
        leftovers, self.leftovers = self.leftovers, {}
        requests = [request for url, found in leftovers.items() for request in self.ask_story(url, found)]
        if not requests:
            requests = self._ask_sitemaps()
        for request in requests:
            self.crawler.engine.crawl(request)
        if requests:
            raise DontCloseSpider

    def parse(self, response: Response, **kwargs: Any) -> Output:
        """Take any page for what its content shows it to be: feed, sitemap, listing or story."""
        url = response.url
        if (found := self._take_xml(response, self._make_chain(url))) is not None:
            yield from found
            return
        page = parse_page(response)
        if self._is_taken_down(page, url):
            self.outcome.pages += 1
            self.outcome.skip(url, "removed")
            return
        if page is None:
            self._keep(response, "story")
            self._lose(url, "not_html")
        elif is_listing(page, url, extract_story(page, url, selectors=self.selectors)):
            self._keep(response, "story")
            yield from self._list(page, self._make_chain(url), response)
        else:
            self.outcome.listed += 1
            self.outcome.expect(url, None)
            self.memory.note_found(url, Found())
            yield from self._take_story(page, response, url, Found())


def load_selectors(settings: BaseSettings) -> dict[str, Selectors | None]:
    """Return the selectors of each site of the project, by the spider's name."""
    loader = get_spider_loader(settings)
    spiders = {name: loader.load(name) for name in loader.list()}
    return {name: each.selectors for name, each in spiders.items() if issubclass(each, StorySpider)}
