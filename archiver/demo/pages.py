"""What each site answers to which address. Pure: the server adds HTTP."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from archiver.demo.feeds import robots_txt, rss, sitemap, sitemap_index
from archiver.demo.sites import PAGE_SIZE, DemoSite, PlacedStory, expected_story, place_stories
from archiver.demo.stories import SECTIONS, SourceEvent
from archiver.demo.styles.base import Listing, Masthead, Teaser

HTML = "text/html; charset=utf-8"
XML = "application/xml; charset=utf-8"
RSS = "application/rss+xml; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
SVG = "image/svg+xml; charset=utf-8"

FOUNDED = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
"""When the pages were last changed that are not made of stories."""

LATEST = 12
"""Stories on a home page."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    body: bytes
    last_modified: datetime
    location: str | None = None


class SitePages:
    """One edition of one site: every address that it knows, and the truth about its stories."""

    def __init__(
        self,
        site: DemoSite,
        base_url: str,
        *,
        events: Sequence[SourceEvent] | None = None,
        changed: Collection[str] = (),
        at: datetime | None = None,
    ) -> None:
        self.site = site
        self.style = site.style
        self.masthead = Masthead(title=site.title, tagline=site.tagline, base_url=base_url)
        self.stories = place_stories(site, events=events, changed=changed, at=at)
        self._by_path = {placed.story.path: placed for placed in self.stories}
        self._newest = max((placed.last_modified for placed in self.stories), default=FOUNDED)
        self._pages: dict[str, Callable[[], Answer]] = {}
        self._answers: dict[str, Answer] = {}
        self._add_story_pages()
        self._add_listings()
        self._add_fixed_pages()
        self._add_feeds()

    def story_at(self, url: str) -> PlacedStory | None:
        parts = urlsplit(url)
        return self._by_path.get(_address(parts.path, parts.query))

    def expected(self, url: str) -> dict[str, Any]:
        """Return what an archive must hold of the story at this address. Raises KeyError where there is none."""
        if (placed := self.story_at(url)) is None:
            raise KeyError(url)
        return expected_story(placed.story, self.masthead, self.style)

    def answer(self, path: str) -> Answer:
        """Return the answer to a path with its query; clicks that carry a campaign get the page without it."""
        parts = urlsplit(path)
        address = _address(parts.path, parts.query)
        if address not in self._answers:
            page = self._pages.get(address)
            if page is None:
                return self._missing(address)
            self._answers[address] = page()
        return self._answers[address]

    def _missing(self, address: str) -> Answer:
        """Sites whose addresses end in a slash redirect those who forget it."""
        if f"{address}/" in self._pages:
            return Answer(301, HTML, b"", FOUNDED, location=f"{address}/")
        html = self.style.text_page(self.masthead, "Page not found", ["There is nothing at this address."])
        return Answer(404, HTML, html.encode(), FOUNDED)

    def _add(self, path: str, content_type: str, changed: datetime, render: Callable[[], str]) -> None:
        self._pages[path] = lambda: Answer(200, content_type, render().encode(), changed)

    def _add_story_pages(self) -> None:
        for placed in self.stories:
            story = placed.story
            self._add(
                story.path,
                HTML,
                placed.last_modified,
                partial(self.style.story_page, self.masthead, story),
            )

    def _add_listings(self) -> None:
        for section, label in SECTIONS.items():
            teasers = [placed.teaser for placed in self.stories if placed.story.section == section]
            pages = max(1, -(-len(teasers) // PAGE_SIZE))
            self._add_listing(label, [self.style.listing_path(section, page + 1) for page in range(pages)], teasers)
        topics: dict[str, tuple[str, list[Teaser]]] = {}
        for placed in self.stories:
            addresses = [(tag, self.style.tag_path(tag)) for tag in placed.story.tags]
            addresses += [(name, path) for name in placed.story.authors if (path := self.style.author_path(name))]
            for label, path in addresses:
                topics.setdefault(path, (label, []))[1].append(placed.teaser)
        for path, (label, teasers) in topics.items():
            self._add_listing(label, [path], teasers)

    def _add_listing(self, label: str, paths: Sequence[str], teasers: Sequence[Teaser]) -> None:
        for number, path in enumerate(paths, start=1):
            some = teasers if len(paths) == 1 else teasers[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
            listing = Listing(label=label, paths=paths, number=number, teasers=some)
            self._add(path, HTML, self._newest, partial(self.style.listing_page, self.masthead, listing))

    def _add_fixed_pages(self) -> None:
        latest = [placed.teaser for placed in self.stories[:LATEST]]
        self._add("/", HTML, self._newest, lambda: self.style.home_page(self.masthead, latest))
        title = self.site.title
        about = [
            f"{title} is an invented newspaper, one of a network of four that rewrite the same invented stories.",
            "Its people, companies, agencies and rulings do not exist, and nothing that it prints has happened.",
        ]
        self._add(
            self.style.about_path, HTML, FOUNDED, lambda: self.style.text_page(self.masthead, f"About {title}", about)
        )
        search = ["Type a word into the box above."]
        self._add("/search", HTML, FOUNDED, lambda: self.style.text_page(self.masthead, "Search", search))
        for number, section in enumerate(SECTIONS):
            self._add(f"/media/{section}.svg", SVG, FOUNDED, partial(_drawing, section, number))

    def _add_feeds(self) -> None:
        base, style = self.masthead.base_url, self.style
        teasers = [placed.teaser for placed in self.stories]
        stories = [(base + placed.story.path, placed.last_modified) for placed in self.stories]
        others: list[tuple[str, datetime | None]] = [
            (base + path, None) for path in ("/", *map(style.listing_path, SECTIONS), style.about_path)
        ]
        self._add("/robots.txt", TEXT, FOUNDED, lambda: robots_txt(base, style.sitemap_path))
        self._add(style.feed_path, RSS, self._newest, lambda: rss(self.masthead, style.feed_path, teasers))
        if style.sitemap_path == "/sitemap.xml":
            self._add("/sitemap.xml", XML, self._newest, lambda: sitemap([*others, *stories]))
            return
        parts = [(f"{base}/post-sitemap.xml", self._newest), (f"{base}/page-sitemap.xml", FOUNDED)]
        self._add(style.sitemap_path, XML, self._newest, lambda: sitemap_index(parts))
        self._add("/post-sitemap.xml", XML, self._newest, lambda: sitemap(stories))
        self._add("/page-sitemap.xml", XML, FOUNDED, lambda: sitemap(others))


def _address(path: str, query: str) -> str:
    """Return path and query as the site looks them up: `?page=1` is the first page, campaigns are nobody's business."""
    kept = [part for part in query.split("&") if part and not part.startswith("utm_") and part != "page=1"]
    return path + (f"?{'&'.join(kept)}" if kept else "")


def _drawing(section: str, number: int) -> str:
    """Return the picture of a section: three discs whose places and colour follow from its number."""
    hue = number * 45
    discs = "".join(
        f'<circle cx="{120 + 190 * disc + 12 * number}" cy="{140 + (70 * (disc + number)) % 160}" r="{60 + 20 * disc}" '
        f'fill="hsl({hue + 25 * disc} 55% 60%)" fill-opacity=".7"/>'
        for disc in range(3)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 405" role="img" aria-label="{section}">'
        f'<rect width="720" height="405" fill="hsl({hue} 40% 90%)"/>{discs}</svg>'
    )
