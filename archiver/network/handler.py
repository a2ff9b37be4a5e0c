"""The download handler of http and https: one request after another, at the pace of each host, to public addresses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.exceptions import DownloadCancelledError, DownloadFailedError, DownloadTimeoutError
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.task import deferLater

from archiver.network.addresses import parse_allowed
from archiver.network.connect import GuardedPool
from archiver.network.pace import Host, Pace
from archiver.network.refusal import NotAsked, Refused
from archiver.urls import DEFAULT_PORTS

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Request, Response

SLICE: Final = 1.0
"""Seconds after which a wait looks whether the crawl is being ended."""

_paces: WeakKeyDictionary[Crawler, Pace] = WeakKeyDictionary()


def pace_of(crawler: Crawler) -> Pace:
    """Return the one pace that all parts of a crawl keep to."""
    if crawler not in _paces:
        settings = crawler.settings
        _paces[crawler] = Pace(
            delay=settings.getfloat("DOWNLOAD_DELAY"),
            longest=settings.getfloat("ARCHIVER_LONGEST_WAIT", 120),
            monotonic=time.monotonic,
        )
    return _paces[crawler]


def host_of(url: str) -> str:
    """Return the host of an address as the run record names it: with the port where it is not the scheme's own.

    >>> host_of("https://news.example:443/a"), host_of("http://127.0.0.1:8101/")
    ('news.example', '127.0.0.1:8101')
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    return host if port in (None, DEFAULT_PORTS.get(parts.scheme)) else f"{host}:{port}"


class GuardedHandler(HTTP11DownloadHandler):
    """Scrapy's handler with a pool of its own.

    Raises Refused besides what Scrapy's raises. DOWNLOAD_TIMEOUT is the time for a whole response, the resolving and the
    handshake included; waiting for the host's turn is not.
    """

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        from twisted.internet import reactor  # to import it any earlier would install one

        self._reactor = reactor
        factory = self._pool._factory  # Scrapy's protocol, which forgives lines without a colon
        allowed = parse_allowed(crawler.settings.getlist("ARCHIVER_ALLOW_HOSTS"))
        self._pool = self._guarded_pool = GuardedPool(reactor, allowed, self._contextFactory)
        self._pool.maxPersistentPerHost = crawler.settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")
        self._pool._factory = factory
        self._pace = pace_of(crawler)

    async def download_request(self, request: Request) -> Response:
        host = self._pace.host(host_of(request.url))
        await self._wait(host)
        self._pace.begin(host)
        request.meta.pop("download_latency", None)
        try:
            response = await super().download_request(request)
        except BaseException as error:
            refused = self._name_refusal(request, error)
            if isinstance(error, Refused):
                self._pace.withdraw(host)
            else:
                self._pace.end(host, None, is_cut=refused is not None)
            if refused:
                raise refused from error
            raise
        retry_after = (response.headers.get(b"Retry-After") or b"").decode("latin-1")
        self._pace.end(host, response.status, len(response.body), retry_after)
        return response

    async def _wait(self, host: Host) -> None:
        """Wait for the host's turn. Raises Refused where that is for a later crawl, NotAsked where this one is being ended."""
        while True:
            if reason := self._pace.refusal(host):
                raise Refused(reason, f"{host.name} is not asked again in this crawl")
            left = self._pace.wait_for(host)
            if left <= 0:
                return
            await maybe_deferred_to_future(deferLater(self._reactor, min(left, SLICE)))
            if self._is_ending():
                raise NotAsked("the crawl is being ended")

    def _is_ending(self) -> bool:
        slot = getattr(self._crawler.engine, "_slot", None)
        return slot is not None and slot.closing is not None

    def _name_refusal(self, request: Request, error: BaseException) -> Refused | None:
        if isinstance(error, DownloadCancelledError):
            return Refused("too_large", request.url)
        if isinstance(error, DownloadTimeoutError) and "download_latency" in request.meta:
            return Refused("too_slow", request.url)
        if isinstance(error, DownloadFailedError):
            parts = urlsplit(request.url)
            port = parts.port or DEFAULT_PORTS[parts.scheme]
            place = (parts.scheme.encode(), (parts.hostname or "").encode(), port)
            if place in self._guarded_pool.bad_heads:
                self._guarded_pool.bad_heads.discard(place)
                return Refused("bad_head", request.url)
        return None
