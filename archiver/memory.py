"""What a crawl knows of its site from earlier ones, and what it notes for the next. Pure: this one knows and keeps nothing.

`archiver.site_memory` has the one that does. A spider asks it before each request and tells it what came of each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from archiver.items import Found, PrintedStory, Story
from archiver.store.raw_read import RawPlace

if TYPE_CHECKING:
    from scrapy.http import Response

__all__ = ["KnownListing", "LookAlike", "Memory", "RawPlace", "Sifted", "Visit"]

Named: TypeAlias = tuple[str, str | None]
"""What a sitemap names: an address, and its lastmod as printed."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Whether to ask for an address, and with what conditions."""

    skip: str | None = None
    """Why not to ask: `not_due`, `moved`, `no_story` or `removed`; None where the address is to be asked for."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """If-None-Match and If-Modified-Since, where an earlier answer gave what they need."""


@dataclass(frozen=True, slots=True)
class KnownListing:
    """A listing of the site that an earlier crawl has read to its end."""

    url: str
    label: str | None


@dataclass(frozen=True, slots=True)
class Sifted:
    """What a sitemap names, parted by what there is to do."""

    known: list[Named] = field(default_factory=list)
    """Stories met before that are touched or due."""
    unknown: list[Named] = field(default_factory=list)
    """Addresses never met."""
    settled: dict[str, str] = field(default_factory=dict)
    """The others, and why they are not asked for."""


@dataclass(frozen=True, slots=True)
class LookAlike:
    """An archived story that may be the one just fetched from another address."""

    url: str
    headers: Mapping[str, str]
    """As those of a Visit."""


class Memory:
    """The memory of a crawl that leaves no trace: `scrapy shell`, `scrapy parse`."""

    has_failed = False
    """What was to be kept could not be written."""
    has_removed = False
    """Stories of the site were taken down."""

    # Where to look

    def listings(self) -> list[KnownListing]:
        """Return the listings that make the home page's navigation superfluous; none where it should be read anew."""
        return []

    def sitemaps(self, *, is_enough: bool) -> list[str]:
        """Return the sitemaps that tell, with a lastmod, about every story that is archived.

        With `is_enough` those that need no listing beside them: none where the home page should be read anew, or where the
        listings say when stories were published, or their section, and their pages do not.
        """
        return []

    def unread_sitemaps(self) -> list[str]:
        """Return the sitemaps that robots.txt has named and that no crawl has read to the end yet."""
        return []

    def waiting(self, at: datetime) -> dict[str, Found]:
        """Return the stories to ask for though no listing showed them: left over by a crawl that was cut, or due."""
        return {}

    def examples(self) -> list[str]:
        """Return addresses of stories of the site."""
        return []

    def note_listing(self, listing: str, label: str | None) -> None:
        """Keep that the site has a listing."""

    def note_missing_listing(self, listing: str) -> int:
        """Keep that a listing is not there; return at how many crawls in a row."""
        return 1

    def drop_listing(self, listing: str) -> None:
        """Forget a listing that is there no more."""

    def note_sitemaps(self, urls: Iterable[str]) -> None:
        """Keep what robots.txt says."""

    def has_read(self, listing: str) -> bool:
        """Tell whether a pass of a listing has reached its end."""
        return False

    def note_pass(self, listing: str, label: str | None, began_at: datetime, conditions: Mapping[str, str]) -> None:
        """Keep that a pass of a listing has reached its end. `conditions` are those of `note_page`."""

    # What to ask for

    def is_removed(self, url: str) -> bool:
        """Tell whether the story of an address was taken down."""
        return False

    def is_news(self, url: str, listing: str) -> bool:
        """Tell whether a listing's page that shows an address may have something new behind it.

        What the last whole pass of the listing met, or was met before it, hides nothing.
        """
        return True

    def is_known(self, url: str) -> bool:
        """Tell whether an address was met before, as a story or as what proved to be none."""
        return False

    def sift(self, named: Sequence[Named], sections: Collection[str], *, anyway: bool) -> Sifted:
        """Part the addresses of a sitemap by whether there is anything to do; those left alone count as seen.

        `sections` bounds those known to what was met in them. `anyway` asks though a story is not due.
        """
        return Sifted(unknown=list(named))

    def plan_visit(self, url: str, *, anyway: bool = False) -> Visit:
        """Return whether a story is to be asked for; `anyway` asks though it is not due."""
        return Visit()

    def conditions(self, url: str) -> Mapping[str, str]:
        """Return the headers that make the server answer only if a page has changed."""
        return {}

    def note_found(self, url: str, found: Found, lastmod: str | None = None) -> Found:
        """Keep that a story was met: should the crawl be killed now, the next one asks for it. Return all that was ever said.

        A `lastmod` other than what the sitemap said before makes it due.
        """
        return found

    # What came

    def keep_page(self, response: Response, kind: str, found: Found) -> RawPlace | None:
        """Keep a response as it came over the wire. `kind` is `listing`, `feed`, `sitemap`, `story`, `part`, `moved`,
        `doubted`, or `gone`: the answer by which a story counts as gone."""
        return None

    def section_of(self, url: str) -> str | None:
        """Return the slug of a known story's section; None for an address that is not known for a story's."""
        return None

    def find_archived(self, url: str) -> Story | None:
        """Return the newest revision of the story that is archived from an address."""
        return None

    def is_unchanged(self, url: str, response: Response) -> bool:
        """Tell whether a page that was sent again is, byte for byte, the one that the archive has read."""
        return False

    def note_page(self, url: str, kind: str, headers: Mapping[str, str]) -> None:
        """Keep that a `listing`, `feed` or `sitemap` was read whole, or an `other` page that showed nothing, and what makes its
        next request conditional."""

    def note_unchanged(self, url: str, response: Response) -> None:
        """Keep that a page was asked for and has not changed."""

    def note_archived(self, url: str, story: Story) -> None:
        """Keep that a story stands in the inbox."""

    def note_left_out(self, url: str, reason: str, *, may_pass: bool = False) -> None:
        """Keep that a page is no story of the archive, so that it is not asked for again at every crawl; where it `may_pass`,
        not before a second answer."""

    def note_failed(self, url: str, reason: str) -> None:
        """Keep that a page could not be had."""

    # Stories that go and move

    def is_going(self, url: str, status: int) -> bool:
        """Tell whether a story that the archive holds as live counts as gone when its address answers this status now."""
        return False

    def leads_to_another(self, url: str, to_url: str) -> bool:
        """Tell whether the archive holds the story of an address, and another one of the address to which it leads."""
        return False

    def note_gone(self, url: str, status: int) -> None:
        """Keep that a page is not there: once the inbox knows, where it makes a story gone."""

    def note_moved(self, url: str, to_url: str) -> None:
        """Keep that an address leads to another for good."""

    def find_look_alike(self, url: str, printed: PrintedStory) -> LookAlike | None:
        """Return an archived story with the same headline or first words that this crawl has not met, where the archive has
        none at `url`: it may be the same story, moved."""
        return None

    def identify(self, story: Story, asked: str, moved_from: str | None) -> str | None:
        """Return the story_id that a fetched story has already, None for a new one.

        `asked` is the address asked for, `moved_from` one that has led there for good.
        """
        return None

    def doubts(self, url: str, printed: PrintedStory, *, is_led: bool) -> bool:
        """Tell whether a page is unlikely to be the archived story of its address: neither headline nor first words are.
        Without `is_led`, a redirect for the moment, it has to be much shorter, too, and is believed at the fourth answer.
        """
        return False

    def is_another(self, story: Story, asked: str, fetched: str) -> bool:
        """Tell whether the address of a story is that of another archived one: a page copied from it has its canonical link left
        in, or the other one has left the address and a new one stands there. `fetched` is where redirects led."""
        return False

    # Keeping

    def sync_raw(self) -> None:
        """Make the raw pages durable: stories in the inbox point at them."""

    def sync(self) -> None:
        """Make everything durable: stories are about to be published that point at it."""

    def close(self) -> None:
        """Give the site back."""
