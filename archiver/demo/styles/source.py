"""The ways in which sites name the publisher whose story they rewrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from archiver.demo.stories import Block, Paragraph, Run
from archiver.demo.styles.base import DemoStory, HouseStyle, link, text


@dataclass(frozen=True, slots=True)
class SourceMarkup:
    """What naming the source adds to a page, and where."""

    tail: str = ""
    """A sentence at the end of the last paragraph."""
    closing: str = ""
    """A paragraph of its own after the body."""
    line: str = ""
    """The credit below the body."""
    canonical: str | None = None
    data: dict[str, Any] | None = None
    """JSON-LD properties of the article."""


def render_source(story: DemoStory, style: HouseStyle) -> SourceMarkup:
    """Return what the story's source form prints; nothing where the story names no source."""
    return SOURCE_FORMS[story.source_form](story, style) if story.source_form else SourceMarkup()


def body_with_source(story: DemoStory, markup: SourceMarkup) -> tuple[Block, ...]:
    """Return the body with the sentences that lead to the source: at its end, or below it where it ends in a list."""
    body, apart = story.body, markup.closing
    if markup.tail and isinstance(body[-1], Paragraph):
        body = (*body[:-1], Paragraph((*body[-1].runs, Run(f" {markup.tail}"))))
    else:
        apart = apart or markup.tail
    return (*body, Paragraph((Run(apart),))) if apart else body


def _credit(html: str, style: HouseStyle) -> str:
    return style.paragraph(html, "credit")


def _outbound(story: DemoStory, label: str) -> str:
    """Rewriting sites count their clicks and give no search rank away."""
    return link(f"{story.source_url}?utm_source=syndication&utm_medium=referral", label, ' rel="nofollow"')


def _continue(story: DemoStory, style: HouseStyle) -> SourceMarkup:
    line = _credit(_outbound(story, f"Continue reading at {story.publisher} →"), style)
    return SourceMarkup(tail=f"Continue reading at {story.publisher}.", line=line)


def _continue_apart(story: DemoStory, style: HouseStyle) -> SourceMarkup:
    markup = _continue(story, style)
    return SourceMarkup(closing=markup.tail, line=markup.line)


def _original(story: DemoStory, style: HouseStyle) -> SourceMarkup:
    return SourceMarkup(line=_credit(_outbound(story, f"Read the original at {story.publisher}"), style))


def _nameless(story: DemoStory, style: HouseStyle) -> SourceMarkup:
    return SourceMarkup(line=_credit(_outbound(story, "Read the Full Article"), style))


def _label(story: DemoStory, style: HouseStyle) -> SourceMarkup:
    return SourceMarkup(line=_credit(f"Source: {_outbound(story, story.publisher)}", style))


def _reporting(story: DemoStory, style: HouseStyle) -> SourceMarkup:
    return SourceMarkup(line=_credit(f"Original reporting: {text(story.publisher)}", style))


def _reprint(story: DemoStory, style: HouseStyle) -> SourceMarkup:
    home = f"https://{urlsplit(story.source_url).netloc}/"
    line = (
        f"This {link(story.source_url, 'article')} first appeared on {link(home, story.publisher)} "
        "and is republished here under a Creative Commons license."
    )
    return SourceMarkup(line=_credit(line, style))


def _canonical(story: DemoStory, style: HouseStyle) -> SourceMarkup:
    return SourceMarkup(canonical=story.source_url)


def _structured(story: DemoStory, style: HouseStyle) -> SourceMarkup:
    organization = {"@type": "Organization", "name": story.publisher}
    return SourceMarkup(data={"isBasedOn": story.source_url, "sourceOrganization": organization})


def _structured_work(story: DemoStory, style: HouseStyle) -> SourceMarkup:
    publisher = {"@type": "NewsMediaOrganization", "name": story.publisher}
    work = {"@type": "NewsArticle", "url": story.source_url, "publisher": publisher}
    return SourceMarkup(data={"isBasedOn": [work]})


SOURCE_FORMS: dict[str, Callable[[DemoStory, HouseStyle], SourceMarkup]] = {
    "continue": _continue,
    "continue-apart": _continue_apart,
    "original": _original,
    "nameless": _nameless,
    "label": _label,
    "reporting": _reporting,
    "reprint": _reprint,
    "canonical": _canonical,
    "json-ld": _structured,
    "json-ld-work": _structured_work,
}

LINKLESS = frozenset({"reporting"})
"""Forms that name the publisher and give no address."""

NAMELESS = frozenset({"nameless", "canonical"})
"""Forms that give the address and no name."""
