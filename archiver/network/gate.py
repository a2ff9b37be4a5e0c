"""The first downloader middleware that a request meets, and the last that a response does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from scrapy.exceptions import NotConfigured
from scrapy.http import TextResponse

from archiver.network.handler import host_of, pace_of
from archiver.network.markup import is_too_much
from archiver.network.refusal import Refused, count_refusal
from archiver.urls import DEFAULT_PORTS, MAX_LENGTH, is_tracker

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler
    from scrapy.http import Request, Response

MAX_REDIRECTS: Final = 10
"""In a row. REDIRECT_MAX_TIMES is one more, so that the refusal is counted here."""


class Gate:
    """Refuses what should not be asked for, and what came that should not be read. Counts every refusal.

    For DOWNLOADER_MIDDLEWARES at a number below all others, robots.txt's too: nothing is asked of a host that is refused.
    A redirect, by status or by meta refresh, is a new request, and comes by here too.
    """

    def __init__(self, crawler: Crawler) -> None:
        if not crawler.settings.get("ARCHIVER_MAX_PAGES"):
            raise NotConfigured
        self._stats = crawler.stats
        self._pace = pace_of(crawler)
        self._max_depth = crawler.settings.getint("ARCHIVER_MAX_DEPTH")
        self._max_pages = crawler.settings.getint("ARCHIVER_MAX_PAGES")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> Request | None:
        url = request.url
        try:
            parts = urlsplit(url)
            host = host_of(url)
        except ValueError as error:
            raise Refused("bad_address", str(error)) from error
        if parts.scheme not in DEFAULT_PORTS:
            raise Refused("scheme", url[:200])
        if len(url) > MAX_LENGTH or not parts.hostname:
            raise Refused("bad_address", f"{url[:200]} ({len(url)} characters)")
        if is_tracker(url):
            raise Refused("tracker", url)
        meta = request.meta
        if meta.get("redirect_times", 0) > MAX_REDIRECTS:
            raise Refused("too_many_redirects", url)
        if self._max_depth and meta.get("depth", 0) > self._max_depth:
            raise Refused("depth", url)
        if self._pace.host(host).requests >= self._max_pages:
            raise Refused("pages", url)
        if "@" in parts.netloc:  # of a redirect: links are cleaned when they are read
            netloc = parts.netloc.rpartition("@")[2]
            return request.replace(url=urlunsplit(parts._replace(netloc=netloc)), dont_filter=True)
        return None

    def process_response(self, request: Request, response: Response) -> Response:
        is_redirect = 300 <= response.status < 400 and response.status != 304 and b"Location" in response.headers
        if is_redirect and not request.meta.get("dont_redirect"):
            # Scrapy leaves redirects to other schemes alone.
            raise count_refusal(self._stats, request, Refused("scheme", f"{response.url} leads elsewhere"))
        if isinstance(response, TextResponse) and not request.meta.get("may_be_sitemap") and is_too_much(response.body):
            raise count_refusal(self._stats, request, Refused("too_many_tags", response.url))
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        if isinstance(exception, Refused):
            count_refusal(self._stats, request, exception)
