"""What every house style is given to print, and what all of them need to print it."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

from archiver.demo.stories import SECTIONS, Block, Pair, Paragraph, Runs, plain_text, slugify


@dataclass(frozen=True, slots=True)
class Teaser:
    """A story as other pages show it; `posted` is None where the site gives no date for it."""

    path: str
    title: str
    dek: str | None
    section: str
    posted: datetime | None


@dataclass(frozen=True, slots=True)
class Picture:
    path: str
    alt: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class DemoStory:
    """One rewrite as one site prints it: all that a page may show."""

    event_id: str
    path: str
    section: str
    title: str
    dek: str | None
    body: tuple[Block, ...]
    faq: tuple[Pair, ...] = ()
    authors: tuple[str, ...] = ()
    published: datetime | None = None
    modified: datetime | None = None
    tags: tuple[str, ...] = ()
    publisher: str = ""
    source_url: str = ""
    source_form: str | None = None
    """How the page names its source, one of `SOURCE_FORMS`; None where it does not."""
    faq_form: str = "a"
    picture: Picture | None = None
    interstitial: Teaser | None = None
    """The story that is set amid the body."""
    more: tuple[Teaser, ...] = ()
    """The stories that stand below it."""


@dataclass(frozen=True, kw_only=True)
class Masthead:
    """The site that a page belongs to."""

    title: str
    tagline: str
    base_url: str


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One page of the stories of a section, a tag or an author."""

    label: str
    paths: Sequence[str]
    """The addresses of all pages of this listing, in order."""
    number: int
    """Which of the pages this is, from 1."""
    teasers: Sequence[Teaser]

    @property
    def path(self) -> str:
        return self.paths[self.number - 1]

    @property
    def next_path(self) -> str | None:
        return self.paths[self.number] if self.number < len(self.paths) else None


class HouseStyle(ABC):
    """The markup of one site: its pages, their addresses, and how it calls its sections."""

    name: str
    feed_path: str
    about_path = "/about"
    sitemap_path = "/sitemap.xml"

    @abstractmethod
    def story_page(self, site: Masthead, story: DemoStory) -> str: ...

    @abstractmethod
    def listing_page(self, site: Masthead, listing: Listing) -> str: ...

    @abstractmethod
    def home_page(self, site: Masthead, latest: Sequence[Teaser]) -> str: ...

    @abstractmethod
    def text_page(self, site: Masthead, title: str, paragraphs: Sequence[str]) -> str:
        """Return a page that is neither story nor listing: about, not found, search."""

    @abstractmethod
    def story_path(self, slug: str, number: int, posted: datetime) -> str: ...

    @abstractmethod
    def listing_path(self, section: str, number: int = 1) -> str: ...

    def tag_path(self, tag: str) -> str:
        return f"/tag/{slugify(tag)}"

    def author_path(self, name: str) -> str | None:
        """Return the address of an author's stories; None where the style links to none."""
        return None

    def css(self, part: str) -> str:
        """Return the class attribute that this style gives to a part of a page, with a space before it, or nothing."""
        return ""

    def paragraph(self, html: str, part: str) -> str:
        """Return one paragraph of an answer, a credit or the like."""
        return f"<p{self.css(part)}>{html}</p>"

    def heading(self, html: str, part: str, level: int = 2) -> str:
        return f"<h{level}{self.css(part)}>{html}</h{level}>"

    def section_label(self, section: str) -> str:
        return SECTIONS[section]


def inline(runs: Runs) -> str:
    """Return runs as HTML.

    >>> from archiver.demo.stories import parse_runs
    >>> inline(parse_runs("R&D [pays](https://a.example/?b=1&c=2)"))
    'R&amp;D <a href="https://a.example/?b=1&amp;c=2">pays</a>'
    """
    return "".join(escape(run.text, quote=False) if run.href is None else link(run.href, run.text) for run in runs)


def link(href: str, text: str, attributes: str = "") -> str:
    return f'<a href="{escape(href)}"{attributes}>{escape(text, quote=False)}</a>'


def text(value: str) -> str:
    """Escape what stands between tags."""
    return escape(value, quote=False)


def join_names(names: Sequence[str]) -> str:
    """Return names as a sentence lists them.

    >>> join_names(["Ann", "Bo", "Cy"])
    'Ann, Bo and Cy'
    """
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def opening(story: DemoStory) -> str:
    """Return what sites without a summary put into the description: the beginning of the body, cut at a word."""
    first = next(plain_text(block.runs) for block in story.body if isinstance(block, Paragraph))
    return first if len(first) <= 155 else first[:155].rsplit(" ", 1)[0] + "…"


def utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def iso(moment: datetime, suffix: str = "+00:00") -> str:
    return utc(moment).strftime("%Y-%m-%dT%H:%M:%S") + suffix


def long_date(moment: datetime) -> str:
    """Return the date as American papers print it, without a leading zero.

    >>> long_date(datetime(2026, 6, 2, tzinfo=UTC))
    'June 2, 2026'
    """
    return f"{utc(moment):%B} {utc(moment).day}, {utc(moment).year}"


def clock_time(moment: datetime) -> str:
    """Return the time of day on the twelve-hour clock.

    >>> clock_time(datetime(2026, 6, 2, 13, 5, tzinfo=UTC))
    '1:05 PM'
    """
    moment = utc(moment)
    return f"{moment.hour % 12 or 12}:{moment:%M} {moment:%p}"


def json_ld(data: dict[str, Any] | None) -> str:
    """Return a script element, or nothing where there is nothing to say."""
    if not data:
        return ""
    written = json.dumps({"@context": "https://schema.org", **data}, ensure_ascii=False).replace("</", "<\\/")
    return f'<script type="application/ld+json">{written}</script>'
