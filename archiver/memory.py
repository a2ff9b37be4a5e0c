"""What a crawl knows of its site from earlier ones, and what it notes for the next. Pure: this one knows and keeps nothing.

`archiver.recall` has the one that does. A spider asks it before each request and tells it what came of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from archiver.items import Found, Story

if TYPE_CHECKING:
    from scrapy.http import Response


@dataclass(frozen=True, slots=True)
class Visit:
    """Whether to ask for an address, and with what conditions."""

    skip: str | None = None
    """Why not to ask: `not_due` or `removed`; None where the address is to be asked for."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """If-None-Match and If-Modified-Since, where an earlier answer gave what they need."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RawPage:
    """Where the raw page of a story stands, and what its columns `raw_*` say."""

    file: str
    offset: int
    sha256: str


@dataclass(frozen=True, slots=True)
class KnownListing:
    """A listing of the site that an earlier crawl has read to its end."""

    url: str
    label: str | None


class Memory:
    """The memory of a crawl that leaves no trace: `scrapy shell`, `scrapy parse`."""

    has_failed = False
    """What was to be kept could not be written."""

    def listings(self) -> list[KnownListing]:
        """Return the listings that make the home page's navigation superfluous; none where it should be read anew."""
        return []

    def sitemaps(self) -> list[str]:
        """Return the sitemaps that have proved to name every story; none where listings have to be read."""
        return []

    def covering_sitemaps(self) -> list[str]:
        """Return the sitemaps that name, with a lastmod, about every story that is archived."""
        return []

    def section_of(self, url: str) -> str | None:
        """Return the slug of the section in which a known address was met."""
        return None

    def examples(self) -> list[str]:
        """Return addresses of stories of the site."""
        return []

    def note_listing(self, listing: str, label: str | None) -> None:
        """Keep that the site has a listing."""

    def note_sitemaps(self, urls: Iterable[str]) -> None:
        """Keep what robots.txt says."""

    def first_seen(self, url: str) -> datetime | None:
        """Return when an address was first met, before this page of a listing showed it."""
        return None

    def note_found(self, url: str, found: Found, lastmod: str | None = None) -> None:
        """Keep that a story was met: should the crawl be killed now, the next one asks for it.

        A `lastmod` other than what the sitemap said before makes it due.
        """

    def plan_visit(self, url: str, *, anyway: bool = False) -> Visit:
        """Return whether a story is to be asked for; `anyway` asks though it is not due."""
        return Visit()

    def conditions(self, url: str) -> Mapping[str, str]:
        """Return the headers that make the server answer only if a page has changed."""
        return {}

    def waiting(self, at: datetime) -> dict[str, Found]:
        """Return the stories to ask for though no listing showed them: left over by a crawl that was cut, or due."""
        return {}

    def keep_page(self, response: Response, kind: str, found: Found) -> RawPage | None:
        """Keep a response as it came over the wire. `kind` is `listing`, `feed`, `sitemap`, `story` or `part`."""
        return None

    def is_unchanged(self, url: str, response: Response) -> bool:
        """Tell whether a page that was sent again is, byte for byte, the one that the archive has read."""
        return False

    def note_conditions(self, url: str, headers: Mapping[str, str]) -> None:
        """Keep the headers that make the next request for a page conditional on a change."""

    def note_unchanged(self, url: str, response: Response) -> None:
        """Keep that a page was asked for and has not changed."""

    def note_archived(self, url: str, story: Story) -> None:
        """Keep that a story stands in the inbox."""

    def note_left_out(self, url: str, reason: str) -> None:
        """Keep that a page is no story of the archive, so that it is not asked for again at every crawl."""

    def note_gone(self, url: str, status: int) -> bool:
        """Keep that a page is not there; True where the story it was now counts as gone."""
        return False

    def note_failed(self, url: str, reason: str) -> None:
        """Keep that a page could not be had."""

    def began_last_pass(self, listing: str) -> datetime | None:
        """Return when the last pass of a listing began that reached its end."""
        return None

    def note_pass(self, listing: str, label: str | None, began_at: datetime, conditions: Mapping[str, str]) -> None:
        """Keep that a pass of a listing has reached its end. `conditions` are those of `note_conditions`."""

    def identity(self, url: str) -> str | None:
        """Return the story_id under which the archive knows an address."""
        return None

    def sync_raw(self) -> None:
        """Make the raw pages durable: stories in the inbox point at them."""

    def sync(self) -> None:
        """Make everything durable: stories are about to be published that point at it."""

    def close(self) -> None:
        """Give the site back."""
