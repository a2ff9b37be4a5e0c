"""What is not fetched, and the one reason it is counted under."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scrapy.exceptions import IgnoreRequest

if TYPE_CHECKING:
    from scrapy.http import Request
    from scrapy.statscollectors import StatsCollector

REASONS: Final = {
    "address": "it leads to a loopback, private, link-local, reserved or metadata address",
    "scheme": "neither http nor https",
    "bad_address": "no address that can be asked, or one of more than 4,096 characters",
    "tracker": "it would count a view",
    "depth": "more than ARCHIVER_MAX_DEPTH links away from the start",
    "pages": "more than ARCHIVER_MAX_PAGES requests to its host in one crawl",
    "too_many_redirects": "more than ten in a row, or in a circle",
    "too_large": "more than 10 MB once decoded, or more than 50 MiB where it is a sitemap",
    "too_many_tags": "more markup than memory allows to parse",
    "too_slow": "the response had begun and was not whole within DOWNLOAD_TIMEOUT",
    "bad_head": "more than 128 KiB of headers, a line of more than 16 KiB, or interim responses without end",
    "undecodable": "the body is not in the coding that its headers name",
    "robots": "robots.txt forbids it",
    "robots_unreachable": "robots.txt answers 5xx or 429, or cannot be had, which forbids the whole host",
    "retry_after": "the host asked to be left alone for longer than ARCHIVER_LONGEST_WAIT",
    "crawl_delay": "robots.txt asks for a longer pause than ARCHIVER_LONGEST_WAIT",
    "host_down": "twenty requests in a row brought no answer, 429 or 503",
}
"""Reason → what it means; `archiver/refused/<reason>` counts them, and so do the run record's failures and skips."""

RIGHTLY: Final = frozenset({"robots"})
"""Refusals that the crawl is complete without: the site's own word. All others lose what was asked for."""

PASSING: Final = frozenset({"too_slow", "pages", "robots_unreachable", "retry_after", "host_down"})
"""Refusals of the moment: the next crawl may well get what this one did not."""


class Refused(IgnoreRequest):
    """A request is not made, or its answer not taken; raised by the modules of `archiver.network`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        if reason not in REASONS:
            raise ValueError(f"unknown reason {reason!r}")
        self.reason = reason

    @property
    def is_lost(self) -> bool:
        """Whether the crawl is incomplete without it."""
        return self.reason not in RIGHTLY


class NotAsked(IgnoreRequest):
    """A request still waited for its host's turn when the crawl was ended: it is as those that were never begun."""


def count_refusal(stats: StatsCollector, request: Request, refused: Refused) -> Refused:
    """Count a refusal, once each, and return it. A robots.txt is nothing that was asked for."""
    if not request.meta.get("is_robots"):
        stats.inc_value(f"archiver/refused/{refused.reason}")
    return refused
