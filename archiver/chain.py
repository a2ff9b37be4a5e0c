"""The pages of one listing, read one after another: which of its stories are new to it, and when it ends. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from archiver.discover import ListedStory
from archiver.items import Found
from archiver.urls import AddressSet, is_same_site


@dataclass
class Chain:
    """One listing in one crawl."""

    url: str
    label: str | None = None
    via: str = "listing"
    pages: int = 0
    met: AddressSet = field(default_factory=AddressSet)
    """Addresses of the stories on the pages read so far."""
    visited: set[str] = field(default_factory=set)
    """Addresses of these pages."""
    days: list[date] = field(default_factory=list)
    """Publication days on the newest page, as the listing gives them or as its stories do."""
    is_at_end: bool = False
    """The newest page brought no story that the pages before it had not, or none that is new to the archive."""
    began_at: datetime | None = None
    """When the first page was asked for."""
    heading: frozenset[str] = frozenset()
    """Words of the first page's heading."""
    conditions: dict[str, str] = field(default_factory=dict)
    """Headers that make the next request for the first page conditional on a change."""
    is_known: bool = False
    """An earlier pass has read the listing to its end."""

    def take_page(
        self,
        url: str,
        stories: Iterable[ListedStory],
        is_news: Callable[[str], bool] = lambda _: True,
    ) -> list[ListedStory]:
        """Note a page of the listing and return its stories, without those that an earlier page showed.

        `is_news` tells whether more that is new may stand behind a story's address: where none on a page does, the
        listing ends.
        """
        fresh = [story for story in stories if story.url not in self.met]
        self.met.update(story.url for story in fresh)
        self.visited.add(url)
        self.pages += 1
        self.days = [story.published_at.astimezone(UTC).date() for story in fresh if story.published_at]
        self.is_at_end = not any(is_news(story.url) for story in fresh)
        return fresh

    def is_past(self, since: date | None) -> bool:
        """Tell whether the newest page lies wholly before a day; a page without any date does not tell."""
        return since is not None and bool(self.days) and max(self.days) < since

    def pick_next(self, candidates: Iterable[str], *, since: date | None, max_pages: int | None) -> str | None:
        """Return the page to read next, the first candidate that is new; None where the listing ends.

        >>> chain = Chain("https://a.example/policy")
        >>> story = ListedStory(url="https://a.example/x", title="X", published_at=None, published_raw=None)
        >>> len(chain.take_page("https://a.example/policy", [story]))
        1
        >>> chain.pick_next(["https://a.example/policy?page=2"], since=None, max_pages=None)
        'https://a.example/policy?page=2'
        >>> len(chain.take_page("https://a.example/policy?page=2", [story]))
        0
        >>> chain.pick_next(["https://a.example/policy?page=3"], since=None, max_pages=None)
        """
        if self.is_at_end or self.pages == max_pages or self.is_past(since):
            return None
        for url in candidates:
            if url not in self.visited and is_same_site(url, self.url):
                self.visited.add(url)
                return url
        return None

    def describe_find(self, story: ListedStory) -> Found:
        """Return how a story of this listing was come by."""
        return Found(
            via=self.via,
            listing_url=self.url,
            section_label=self.label,
            published_at=story.published_at,
            published_raw=story.published_raw,
            title=story.title or None,
        )
