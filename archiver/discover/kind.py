"""Listing or story? What the page says of itself to machines, and whether its prose is one body or many cards."""

from __future__ import annotations

import re
from typing import Final

from lxml.etree import _Element
from parsel import Selector

from archiver.discover.page import read_page
from archiver.discover.stories import Candidate, find_story_links
from archiver.extract.blocks import short_text
from archiver.extract.structured import Node, read_json_ld, types_of
from archiver.extract.walk import read_blocks
from archiver.items import PrintedStory
from archiver.text import count_words, fold_text
from archiver.urls import join_url

_STORY_TYPES: Final = re.compile(
    r"(?:\w*Article|BlogPosting|LiveBlogPosting|Report|Review|Recipe|PodcastEpisode|VideoObject)$"
)
_LISTING_TYPES: Final = frozenset("CollectionPage SearchResultsPage ProfilePage Blog ItemList".split())
_WHOLE: Final = 4
"""What it counts that a page describes one whole article; nothing counts more."""
_BODY: Final = 100
"""Words of prose outside cards that make a body."""


def says_it_is_a_story(root: _Element) -> bool:
    """Tell whether the page says to machines that it is one story."""
    story, listing = _read_claims(root)
    return story > listing


def _read_claims(root: _Element) -> tuple[int, int]:
    """How strongly the page claims to be one story, and a listing."""
    story = listing = 0
    articles = 0
    for element in root.iter("meta", "script"):
        if element.tag == "script":
            if "ld+json" in (element.get("type") or ""):
                for node in read_json_ld(element.text or ""):
                    kinds = types_of(node)
                    articles += _is_whole_article(node, kinds)
                    listing = max(
                        listing,
                        3 * bool(kinds & {"CollectionPage", "SearchResultsPage", "ProfilePage"}),
                        1 * bool(kinds & _LISTING_TYPES),
                    )
            continue
        name = (element.get("property") or element.get("name") or "").strip().lower()
        content = (element.get("content") or "").strip().lower()
        if name == "og:type" and content:
            story = max(story, 2 * (content in ("article", "news", "newsarticle")))
            listing = max(listing, 1 * (content in ("website", "blog")), 2 * (content in ("object", "profile")) - 1)
        elif (
            name
            in (
                "article:published_time",
                "datepublished",
                "parsely-pub-date",
                "citation_title",
                "og:article:published_time",
            )
            and content
        ):
            story = max(story, 3)
    if articles == 1:
        story = max(story, _WHOLE)
    elif articles > 1:
        story = max(story, 2)
    return story, listing


def _is_whole_article(node: Node, kinds: set[str]) -> bool:
    """An article that is described, not merely named as in a list."""
    return (
        any(_STORY_TYPES.match(kind) for kind in kinds)
        and bool(node.get("headline"))
        and bool(
            node.get("articleBody") or node.get("mainEntityOfPage") or (node.get("author") and node.get("publisher"))
        )
    )


def is_listing(page: Selector, url: str, printed: PrintedStory) -> bool:
    """Tell whether a page lists stories rather than being one.

    Prose that stands in cards, each headed by a link to another story, is no body, however much of it there is; a body
    is one, however many cards stand around it.
    """
    story, listing = _read_claims(page.root)
    if printed.is_story and story >= _WHOLE and not listing and sum(map(count_words, printed.body)) >= _BODY:
        return False  # half of real pages, and to look for cards takes as long as to extract a story
    read = read_page(page, url)
    cards = [story for story in find_story_links(read) if story.url != printed.url]
    if not cards:
        return False
    own = _count_own_words(read.root, read.base, printed, cards)
    if len(cards) == 1:
        return own == 0 or (listing > story and not printed.is_story)
    if own >= _BODY:
        story += 2 + (own >= 2 * _BODY) + (own >= 5 * _BODY)
    elif own < _BODY // 3:
        listing += 2
    headed = sum(bool(card.best.heading or card.best.in_heading) or _has_dek(card) for card in cards)
    if headed >= 5 and own < _BODY:
        listing += 1
    if len(cards) >= 8 and own < 2 * _BODY:
        listing += 1
    if not printed.is_story:
        listing += 2
    return listing >= story


def _has_dek(card: Candidate) -> bool:
    return card.card.words - count_words(card.title) >= 8


def _count_own_words(root: _Element, base: str, printed: PrintedStory, cards: list[Candidate]) -> int:
    """Words of the body but for blocks in cards, and those that hold a link to another story or stand right behind one.

    In a listing each dek does; in a story a paragraph or two, behind an interstitial. What is as long as a story is no
    card: a table's cell may hold the story and its related links.
    """
    listed = {card.url for card in cards}
    small = [card.card.element for card in cards if card.card.words <= _BODY]
    in_cards = "\n".join(fold_text(short_text(element)) for element in small)
    body = {fold_text(block) for block in printed.body}
    words = 0
    is_behind = False
    for block in read_blocks(root).blocks:
        if any(join_url(base, anchor.href) in listed for anchor in block.links):
            is_behind = True
        elif fold_text(block.text) in body:
            words += 0 if is_behind or fold_text(block.text) in in_cards else count_words(block.text)
            is_behind = False
    return words
