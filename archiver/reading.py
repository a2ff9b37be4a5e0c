"""A story read page by page: which page it goes on with, and what its pages make together. Pure.

A crawl reads its pages from the site, `archiver.reread` from the archive: the same pages give the same story.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime

from parsel import Selector

from archiver.discover import is_listing
from archiver.extract import Selectors, extract_story
from archiver.extract.parts import (
    find_next_part,
    find_single_page,
    is_continued_by,
    is_whole,
    join_parts,
)
from archiver.extract.story import robots_flags
from archiver.items import TRUNCATED, Found, PrintedStory

MAX_PARTS = 20
"""Pages of one story that are read; beyond that it is a trap, or a book."""


@dataclass
class Reading:
    """A story whose first page has been fetched: `print` that, `begin` with it, then take what `wanted` names until
    nothing is wanted."""

    selectors: Selectors | None
    fetched_at: datetime
    """When the first page came: later dates are not believed, on no page of the story."""
    parts: list[PrintedStory] = field(default_factory=list)
    single: str | None = None
    """The view that has all pages on one, to be tried before the next page."""
    following: str | None = None
    """The page on which the story goes on."""
    is_cut: bool = False
    """A page is lost: the story ends too early."""

    @property
    def wanted(self) -> str | None:
        """The address of the page to read next; None where the story is complete."""
        return self.single or self.following

    def print(self, page: Selector, url: str, *, is_torn: bool, robots: str = "") -> PrintedStory:
        """Return what a page prints, flagged where it ended amid the transfer and by what its X-Robots-Tag says."""
        printed = extract_story(page, url, selectors=self.selectors, now=self.fetched_at)
        told = [flag for flag in robots_flags(robots) if flag not in printed.flags] if robots else []
        flags = (*printed.flags, *told, *([TRUNCATED] if is_torn else ()))
        return printed if flags == printed.flags else dataclasses.replace(printed, flags=flags)

    def begin(self, page: Selector, url: str, printed: PrintedStory) -> None:
        self.parts = [printed]
        self.following = find_next_part(page, url, printed)
        self.single = find_single_page(page, url) if self.following else None

    def take_single(self, page: Selector | None, url: str, *, is_torn: bool) -> bool:
        """Take the view that has all pages of the story on one; False where it has not, and is read page by page."""
        self.single = None
        whole = self.print(page, url, is_torn=is_torn) if page is not None else None
        first = self.parts[0]
        if whole is None or not is_whole(first, whole):
            return False
        self.parts = [dataclasses.replace(whole, url=first.url, canonical=first.canonical)]
        self.following = None
        return True

    def take_part(self, page: Selector | None, url: str, *, is_torn: bool) -> tuple[str, str] | None:
        """Add a page to the story; one that does not go on with it ends it. Return which page is lost, and why."""
        self.following = None
        if page is None:
            return url, "part_not_html"
        part = self.print(page, url, is_torn=is_torn)
        if not is_continued_by(self.parts, part):
            return None
        self.parts.append(part)
        following = find_next_part(page, url, part, first=self.parts[0].url)
        if following and len(self.parts) >= MAX_PARTS:
            return following, "too_many_parts"
        self.following = following
        return None

    def miss(self) -> None:
        """Go on without the page that is wanted: past the view of all pages to the next one, past that to the end."""
        if self.single:
            self.single = None
        elif self.following:
            self.following, self.is_cut = None, True

    def finish(self) -> PrintedStory:
        """Return the story that the pages read so far make."""
        printed = join_parts(self.parts)
        return dataclasses.replace(printed, flags=(*printed.flags, TRUNCATED)) if self.is_cut else printed


def is_no_story(page: Selector, url: str, printed: PrintedStory, found: Found) -> bool:
    """Tell whether a page is something else than a story. A sitemap names listings and stories alike."""
    return not printed.is_story or (found.via == "sitemap" and is_listing(page, url, printed))
