"""The downloader middleware that obeys robots.txt, RFC 9309."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from scrapy import signals
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotConfigured,
    ResponseDataLossError,
    StopDownload,
)
from scrapy.http import Request
from scrapy.http.request import NO_CALLBACK
from scrapy.robotstxt import ProtegoRobotParser
from twisted.internet.error import ConnectError, ConnectionClosed

from archiver.network.handler import host_of, pace_of
from archiver.network.refusal import Refused

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger(__name__)

MAX_SIZE: Final = 500 * 1024
"""Bytes of a robots.txt that are read; RFC 9309, 2.5. What follows is ignored."""
MAX_REDIRECTS: Final = 5
"""RFC 9309, 2.3.1.2."""
QUOTED: Final = 4_000
"""Characters of a robots.txt that the run record quotes."""
UNAVAILABLE: Final = frozenset({429})
"""A 4xx means that there is no robots.txt, but for this one: whoever asks for fewer requests has not allowed any."""

NETWORK_ERRORS: Final = (
    CannotResolveHostError,
    ConnectError,
    ConnectionClosed,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    OSError,
    ResponseDataLossError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the robots.txt of one origin says: rules, or what stands in the way of all its pages."""

    parser: ProtegoRobotParser | None = None
    """None where everything is allowed, or all is refused."""
    refused: Refused | None = None


class Robots:
    """Asks each origin for its robots.txt, once a crawl, and refuses what that forbids.

    Where it answers 4xx, or sends on more than five times, all is allowed; where it answers 5xx or 429, hangs, or cannot be
    had, nothing is. Its Crawl-delay is handed to the pace of the host. Stands in for Scrapy's middleware, which takes
    any answer and any failure for a permission.
    """

    def __init__(self, crawler: Crawler) -> None:
        if not crawler.settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured
        self._crawler = crawler
        self._pace = pace_of(crawler)
        self._rules: dict[str, asyncio.Future[Rules]] = {}
        agent: str = crawler.settings["ROBOTSTXT_USER_AGENT"] or crawler.settings["USER_AGENT"]
        # The product alone: a contact in the user agent may hold the name of another crawler.
        self._agent = agent.split()[0] if agent.split() else "*"
        self._received: dict[Request, int] = {}
        crawler.signals.connect(self._cut, signals.bytes_received)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        if request.meta.get("dont_obey_robotstxt") or not request.url.startswith("http"):
            return
        rules = await self._rules_for(request)
        if rules.refused:
            raise Refused(rules.refused.reason, str(rules.refused).partition(": ")[2])
        if rules.parser and not rules.parser.allowed(request.url, self._agent):
            raise Refused("robots", f"robots.txt forbids {request.url}")

    async def _rules_for(self, request: Request) -> Rules:
        parts = urlsplit(request.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._rules:
            self._rules[origin] = asyncio.ensure_future(self._read(origin, request))
        return await asyncio.shield(self._rules[origin])

    async def _read(self, origin: str, request: Request) -> Rules:
        url = f"{origin}/robots.txt"
        host = self._pace.host(host_of(url))
        asked = Request(
            url,
            callback=NO_CALLBACK,
            priority=1000,
            meta={
                "dont_obey_robotstxt": True,
                "is_robots": True,
                "redirect_ttl": MAX_REDIRECTS,
                "max_retry_times": 1,
                "download_maxsize": 0,  # cut, not refused
                "download_warnsize": 0,
                "decode_first": MAX_SIZE,
            },
        )
        try:
            response = await self._crawler.engine.download_async(asked)
        except Refused as refused:
            host.robots = {"url": url, "refused": refused.reason}
            is_own = refused.reason in (
                "address",
                "host_down",
                "retry_after",
                "pages",
                "scheme",
                "bad_address",
                "tracker",
            )
            return Rules(refused=refused if is_own else self._forbid(url, str(refused)))
        except IgnoreRequest as error:  # more than five redirects
            host.robots = {"url": url, "error": str(error)}
            return Rules()
        except NETWORK_ERRORS as error:
            host.robots = {"url": url, "error": type(error).__name__}
            return Rules(refused=self._forbid(url, f"{type(error).__name__}: {error}"))
        return await self._parse(url, response, request)

    async def _parse(self, url: str, response: Response, request: Request) -> Rules:
        host = self._pace.host(host_of(url))
        body = response.body[:MAX_SIZE]
        host.robots = {
            "url": response.url,
            "status": response.status,
            "bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        if response.status >= 500 or response.status in UNAVAILABLE:
            return Rules(refused=self._forbid(url, f"it answers {response.status}"))
        if response.status >= 300:
            return Rules()
        parser = ProtegoRobotParser.from_crawler(self._crawler, body)
        host.robots["text"] = body[: 4 * QUOTED].decode("utf-8", "replace")[:QUOTED]
        self._pace.obey_crawl_delay(host, parser.crawl_delay(self._agent))
        await self._crawler.signals.send_catch_log_async(
            signal=signals.robots_parsed, robotparser=parser, request=request
        )
        return Rules(parser)

    def _forbid(self, url: str, why: str) -> Refused:
        logger.warning(
            "nothing is asked of %s: its robots.txt cannot be read: %s", url.removesuffix("/robots.txt"), why
        )
        return Refused("robots_unreachable", f"{url}: {why}")

    def _cut(self, data: bytes, request: Request) -> None:
        if not request.meta.get("is_robots"):
            return
        self._received[request] = received = self._received.get(request, 0) + len(data)
        if received >= MAX_SIZE:
            del self._received[request]
            raise StopDownload(fail=False)
