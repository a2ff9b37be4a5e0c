"""One page, fetched as politely as a crawl fetches it: robots.txt, user agent and limits are those of the project."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scrapy.crawler import CrawlerProcess
from scrapy.http import JsonResponse, Request, Response, TextResponse, XmlResponse
from scrapy.spidermiddlewares.httperror import HttpError

from archiver.arguments import URL_ARGUMENTS
from archiver.logs import quieten_robots, quieten_start
from archiver.network.addresses import parse_allowed
from archiver.network.refusal import REASONS, Refused
from archiver.pages import decode_page
from archiver.spider import StorySpider

if TYPE_CHECKING:
    from scrapy.settings import Settings
    from twisted.python.failure import Failure


class NotFetched(Exception):  # noqa: N818 - it is the page that is not fetched
    """A page cannot be had, or is none; raised by `fetch_page`. The message names its address and the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedPage:
    """A page as it was served."""

    url: str
    """The address that answered: after redirects."""
    body: bytes


class PageSpider(StorySpider):
    """Fetches one page and does nothing with it. Never listed: it lives outside SPIDER_MODULES."""

    name = "page"
    accepts = URL_ARGUMENTS
    is_scheduled = False
    custom_settings = {"ITEM_PIPELINES": {}, "EXTENSIONS": {}, "RETRY_ENABLED": False}  # noqa: RUF012 - declared by Scrapy
    response: Response | None = None
    error: BaseException | None = None

    async def start(self) -> AsyncIterator[Any]:
        yield Request(self.arguments.url or "", self.take, errback=self.lose)

    def take(self, response: Response) -> None:
        self.response = response

    def lose(self, failure: Failure) -> None:
        self.error = failure.value


def fetch_page(url: str, settings: Settings) -> FetchedPage:
    """Fetch one page. To be called once in a process: Twisted's reactor cannot be started again.

    Raises NotFetched, and ValueError where ARCHIVER_ALLOW_HOSTS cannot be read.
    """
    parse_allowed(settings.getlist("ARCHIVER_ALLOW_HOSTS"))
    settings.set("LOG_LEVEL", "ERROR", priority="cmdline")
    quieten_start()
    quieten_robots()
    process = CrawlerProcess(settings)
    crawler = process.create_crawler(PageSpider)
    process.crawl(crawler, url=url)
    # Without Scrapy's own handlers Ctrl-C ends the command at once: there is nothing to bring to an end.
    process.start(install_signal_handlers=False)
    spider = crawler.spider
    if not isinstance(spider, PageSpider) or spider.response is None:
        raise NotFetched(f"{url}: {_describe(getattr(spider, 'error', None))}")
    return _read(spider.response)


def _read(response: Response) -> FetchedPage:
    if not isinstance(response, TextResponse) or isinstance(response, JsonResponse | XmlResponse):
        raise NotFetched(f"{response.url}: not an HTML page, but {_content_type(response) or 'of an unknown kind'}")
    if "partial" in response.flags:
        raise NotFetched(f"{response.url}: the connection ended amid the page")
    text = decode_page(response.body, _content_type(response))
    # An encoding that the header alone declares is lost on the disk.
    is_plain = decode_page(response.body) == text
    return FetchedPage(url=response.url, body=response.body if is_plain else text.encode())


def _content_type(response: Response) -> str:
    return (response.headers.get(b"Content-Type") or b"").decode("latin-1")


def _describe(error: BaseException | None) -> str:
    if isinstance(error, HttpError):
        return f"the server answered {error.response.status}"
    if isinstance(error, Refused):
        return f"{REASONS[error.reason]} ({str(error).partition(': ')[2]})"
    return f"{type(error).__name__}: {error}" if error else "it could not be asked for"
