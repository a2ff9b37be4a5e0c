"""The four sites: what each prints, where, and what an archive of it must therefore hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any

from archiver.demo.stories import (
    REWRITES,
    SECTIONS,
    Block,
    BulletList,
    Pair,
    Paragraph,
    Run,
    Runs,
    SourceEvent,
    Subheading,
    load_events,
    plain_text,
    slugify,
)
from archiver.demo.styles import HOUSE_STYLES
from archiver.demo.styles.base import DemoStory, HouseStyle, Masthead, Picture, Teaser
from archiver.demo.styles.source import LINKLESS, NAMELESS
from archiver.urls import registered_domain

PAGE_SIZE = 25

CHANGED_AT = datetime(2026, 7, 20, 9, 30, tzinfo=UTC)
"""When the changed edition came out: after the last story."""

_UPDATE = " A fuller account of the figures was filed on Monday and has been added to the record."


@dataclass(frozen=True, kw_only=True)
class DemoSite:
    """One site of the network and its habits."""

    name: str
    title: str
    tagline: str
    style: HouseStyle
    faq_forms: tuple[str, ...]
    source_forms: tuple[str, ...]
    is_signed: bool = True
    """Whether story pages print authors, dates, tags and a picture; listings print the date either way."""


_SEED, _WORDPRESS, _SOUP, _TABLES = HOUSE_STYLES

SITES = (
    DemoSite(
        name="ledgerleaf",
        title="Ledgerleaf",
        tagline="Money and rules, in short",
        style=_SEED,
        faq_forms=("a",),
        source_forms=("continue", "continue-apart"),
        is_signed=False,
    ),
    DemoSite(
        name="tidewater_review",
        title="The Tidewater Review",
        tagline="Public affairs for private readers",
        style=_WORDPRESS,
        faq_forms=("b+f", "f", "b", "b-graph", "i"),
        source_forms=("original", "json-ld", "json-ld-work", "reprint", "canonical"),
    ),
    DemoSite(
        name="plainwire",
        title="Plainwire",
        tagline="Decisions, explained",
        style=_SOUP,
        faq_forms=("h", "g", "j", "b"),
        source_forms=("nameless", "label", "canonical", "original"),
    ),
    DemoSite(
        name="old_quarter_gazette",
        title="Old Quarter Gazette",
        tagline="Set by hand since 1999",
        style=_TABLES,
        faq_forms=("d", "e", "c", "c-bare", "i", "c-meta"),
        source_forms=("label", "reprint", "reporting", "continue"),
    ),
)


@dataclass(frozen=True, kw_only=True)
class PlacedStory:
    """A story at its place on a site."""

    story: DemoStory
    """What the story's page shows."""
    rewrite: int
    posted: datetime
    """When the site put it up, whether or not it says so."""
    listed: datetime | None
    """The date that listings and feed give; None where they give none."""
    last_modified: datetime

    @property
    def teaser(self) -> Teaser:
        story = self.story
        return Teaser(story.path, story.title, story.dek, story.section, self.listed)


def rewrite_of(rank: int, site: int, *, is_policy: bool) -> int | None:
    """Return which rewrite of an event a site prints, or None where it passes the event over.

    Three sites share the three rewrites, in another order for each event. The fourth reprints one of them word for
    word, as syndicating sites do, where it is a policy story, and passes over all others. `rank` is the number of the
    event among those that are policy, or among those that are not.
    """
    place = (rank + site) % len(SITES)
    if place < REWRITES:
        return place
    return rank % REWRITES if is_policy else None


def place_stories(
    site: DemoSite,
    *,
    events: Sequence[SourceEvent] | None = None,
    changed: Collection[str] = (),
    at: datetime | None = None,
) -> list[PlacedStory]:
    """Return the site's stories, newest first; those of the events in `changed` in their changed edition.

    Where `at` is given, only the stories that are out by then.

    Raises ValueError where `changed` names an event that does not exist.
    """
    events = load_events() if events is None else events
    if unknown := set(changed) - {event.id for event in events}:
        raise ValueError(f"no event {min(unknown)!r} in the bundled network")
    drafts, ranks = [], Counter[bool]()
    for number, event in enumerate(events):
        is_policy = event.section == "policy"
        rewrite = rewrite_of(ranks[is_policy], SITES.index(site), is_policy=is_policy)
        ranks[is_policy] += 1
        if rewrite is not None:
            drafts.append(_draft(site, event, number, rewrite))
    drafts.sort(key=lambda placed: placed.posted, reverse=True)
    # Whatever is out, a story has the same form: its page does not change because another one came.
    linked = _link_stories([placed for placed in _assign_forms(site, drafts) if at is None or placed.posted <= at])
    return [_change(placed) if placed.story.event_id in changed else placed for placed in linked]


def _chance(site: DemoSite, event: SourceEvent, matter: str, one_in: int) -> int:
    """Return a number below `one_in` that is the same in every run: what a site happens to do with a story."""
    digest = sha256(f"{site.name}/{event.id}/{matter}".encode()).digest()
    return int.from_bytes(digest[:4]) % one_in


def _draft(site: DemoSite, event: SourceEvent, number: int, rewrite: int) -> PlacedStory:
    text = event.rewrites[rewrite]
    posted = event.published + timedelta(minutes=20 + _chance(site, event, "delay", 540))
    is_dated = _chance(site, event, "date", 9) > 0
    revised = posted + timedelta(hours=3) if is_dated and _chance(site, event, "revised", 5) == 0 else None
    story = DemoStory(
        event_id=event.id,
        path=site.style.story_path(slugify(text.title), number, posted),
        section=event.section,
        title=text.title,
        dek=text.dek,
        body=text.body,
        faq=text.faq if _chance(site, event, "faq", 12) else (),
        authors=event.authors if site.is_signed else (),
        published=posted if site.is_signed and is_dated else None,
        modified=revised if site.is_signed else None,
        tags=event.tags if site.is_signed else (),
        publisher=event.publisher,
        source_url=event.source_url,
        source_form=site.source_forms[0] if _chance(site, event, "source", 10) else None,
        picture=_picture(event) if site.is_signed and _chance(site, event, "picture", 3) else None,
    )
    return PlacedStory(
        story=story,
        rewrite=rewrite,
        posted=posted,
        listed=posted if is_dated else None,
        last_modified=revised or posted,
    )


def _picture(event: SourceEvent) -> Picture:
    label = SECTIONS[event.section]
    caption = f"Illustration for the {label} desk. Drawing: staff"
    return Picture(f"/media/{event.section}.svg", f"{label} illustration", caption)


def _assign_forms(site: DemoSite, drafts: Sequence[PlacedStory]) -> list[PlacedStory]:
    """Give the site's forms out in turn, so that it shows each of them whatever its stories are."""
    faqs, sources = count(), count()
    assigned = []
    for placed in drafts:
        story = placed.story
        if story.faq:
            story = replace(story, faq_form=site.faq_forms[next(faqs) % len(site.faq_forms)])
        if story.source_form is not None:
            story = replace(story, source_form=site.source_forms[next(sources) % len(site.source_forms)])
        assigned.append(replace(placed, story=story))
    return assigned


def _link_stories(drafts: Sequence[PlacedStory]) -> list[PlacedStory]:
    """Set a recent story amid each body, and others of the section below it."""
    linked = []
    for position, placed in enumerate(drafts):
        others = [*drafts[position + 1 :], *drafts[:position]]
        amid = others[0].teaser if others else None
        kin = [other.teaser for other in others[1:] if other.story.section == placed.story.section]
        story = replace(placed.story, interstitial=amid, more=tuple(kin[:3]))
        linked.append(replace(placed, story=story))
    return linked


def _change(placed: PlacedStory) -> PlacedStory:
    """Return the story with one paragraph longer and, where its page gives dates, a new date of revision."""
    story = placed.story
    where, paragraph = [(number, block) for number, block in enumerate(story.body) if isinstance(block, Paragraph)][-1]
    longer = Paragraph((*paragraph.runs, Run(_UPDATE)))
    body = (*story.body[:where], longer, *story.body[where + 1 :])
    modified = CHANGED_AT if story.published else None
    return replace(placed, story=replace(story, body=body, modified=modified), last_modified=CHANGED_AT)


def expected_story(story: DemoStory, site: Masthead, style: HouseStyle) -> dict[str, Any]:
    """Return the columns that an archive of the story's page must hold, by name: the truth of the tests.

    `related` is the least that must be found, the story set amid the body; `links` are those of body and FAQ.
    """
    source_name, source_url = _source(story)
    return {
        "url": site.base_url + story.path,
        "section": story.section,
        "section_label": style.section_label(story.section),
        "title": story.title,
        "dek": story.dek,
        "body": "\n\n".join(text for block in story.body for text in _texts(block)),
        "faq": [{"question": pair.question, "answer": _answer(pair)} for pair in story.faq],
        "authors": list(story.authors),
        "source_name": source_name,
        "source_url": source_url,
        "source_domain": registered_domain(source_url) if source_url else None,
        "links": _links(story),
        "related": [site.base_url + story.interstitial.path] if story.interstitial else [],
        "published_at": story.published,
        "modified_at": story.modified,
        "tags": list(story.tags),
        "image_url": site.base_url + story.picture.path if story.picture else None,
    }


def _source(story: DemoStory) -> tuple[str | None, str | None]:
    if story.source_form is None:
        return None, None
    address = None if story.source_form in LINKLESS else story.source_url
    # A link without a name names the publisher by its domain.
    name = registered_domain(story.source_url) if story.source_form in NAMELESS else story.publisher
    return name, address


def _texts(block: Block) -> list[str]:
    match block:
        case BulletList(items):
            return [plain_text(item) for item in items]
        case Paragraph(runs) | Subheading(runs):
            return [plain_text(runs)]


def _answer(pair: Pair) -> str:
    return " ".join(plain_text(paragraph.runs) for paragraph in pair.answer)


def _links(story: DemoStory) -> list[dict[str, str]]:
    links: dict[tuple[str, str], str] = {}
    for kind, runs in _linked_runs(story):
        for run in runs:
            if run.href is not None:
                links.setdefault((kind, run.href), run.text)
    return [{"kind": kind, "url": url, "text": text} for (kind, url), text in links.items()]


def _linked_runs(story: DemoStory) -> list[tuple[str, Runs]]:
    runs: list[tuple[str, Runs]] = []
    for block in story.body:
        runs += [("body", item) for item in block.items] if isinstance(block, BulletList) else [("body", block.runs)]
    return runs + [("faq", paragraph.runs) for pair in story.faq for paragraph in pair.answer]
