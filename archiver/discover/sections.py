"""The listings of a site: from its navigation, from `More in SECTION →`, breadcrumbs and the labels of its stories."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from parsel import Selector

from archiver.discover.addresses import (
    is_calendar,
    is_furniture_address,
    is_media,
    listing_base,
    page_slot,
    read_address,
)
from archiver.discover.page import (
    ASIDE,
    CRUMB,
    DIALOG,
    FOOTER,
    FURNITURE,
    HEADER,
    NAV,
    Anchor,
    Node,
    Page,
    count_headline_words,
    has_children,
    is_inline,
    read_page,
)
from archiver.discover.stories import find_story_links
from archiver.discover.words import LOAD_MORE, MORE_IN, NEXT, is_furniture, is_read_more
from archiver.normalize import slug_section
from archiver.text import fold_text, normalize_text, strip_arrows

_LABEL_WORDS: Final = 5
_LANGUAGE: Final = re.compile(r"[a-z]{2}(?:[-_][a-z]{2,4})?")
_MORE_PREFIX: Final = re.compile(r"^[\s▾▼⌄+•·|#»›>→]+|[\s▾▼⌄+•·|→»›>⟶]+$")
_SMALL_WORDS: Final = frozenset("and & of the in for to und et y e und der die das de la le les a an on".split())


@dataclass(frozen=True, slots=True)
class Section:
    """A listing of the site as a link names it."""

    label: str
    """As printed."""
    url: str
    slug: str


def find_sections(page: Selector, url: str) -> list[Section]:
    """Return the sections that the page's navigation and labels lead to, in page order, each address once.

    Home, about, legal, account, search, feeds, people, tags and languages are none; neither are stories.
    """
    read = read_page(page, url)
    stories = {story.url for story in find_story_links(read)}
    finder = _Finder(read, stories)
    ranked = [finder.in_menus(), finder.in_breadcrumbs(), finder.named_by_stories(), finder.in_loose_menus()]
    if not ranked[0] and not ranked[3]:
        ranked += [finder.in_footer(), finder.in_loose_menus(behind_stories=True)]
    found: dict[str, tuple[int, Section]] = {}
    for anchor, label in (pair for pairs in ranked for pair in pairs):
        key = listing_base(anchor.url)
        if key not in found:
            found[key] = (anchor.order, Section(label, anchor.url, slug_section(label)))
    return [section for _, section in sorted(found.values(), key=lambda pair: pair[0])]


class _Finder:
    """The places where a page names sections, over one walk."""

    def __init__(self, page: Page, stories: set[str]) -> None:
        self.page = page
        self.stories = stories
        self.story_dirs = _directories(stories | {page.url})
        self.last_story = max((a.order for a in page.anchors if a.url in stories and not a.in_furniture), default=None)
        self.story_leads = _lead_shapes(stories)

    def in_menus(self) -> list[tuple[Anchor, str]]:
        """Links of nav, menus and the page's header; a footer's nav is a footer."""
        menus = [
            a
            for a in self.page.anchors
            if a.region & (NAV | HEADER) and not a.region & (FOOTER | DIALOG | CRUMB | ASIDE)
        ]
        return self._labelled(a for a in menus if not self._in_pager(a))

    def in_breadcrumbs(self) -> list[tuple[Anchor, str]]:
        return self._labelled(a for a in self.page.anchors if a.region & CRUMB)

    def in_footer(self) -> list[tuple[Anchor, str]]:
        return self._labelled(a for a in self.page.anchors if a.region & FOOTER)

    def named_by_stories(self) -> list[tuple[Anchor, str]]:
        """`More in SECTION`, the label over a headline, labels of cards, headings that are links."""
        found = []
        places: dict[str, int] = defaultdict(int)
        content = [a for a in self.page.anchors if not a.region & FURNITURE]
        for anchor in content:
            places[anchor.url] += 1
        before_h1 = self._just_before_h1()
        for anchor in self.page.anchors:
            more = MORE_IN.match(anchor.text)
            if more and not anchor.region & (DIALOG | NAV) and (label := self._label(anchor, more["label"])):
                found.append((anchor, label))
                continue
            if anchor.region & FURNITURE or is_inline(anchor):
                continue
            address = read_address(anchor.url)
            path = (address.host, address.segments)
            is_named = (
                "category" in anchor.rel
                or anchor.order in before_h1
                or (places[anchor.url] >= 2 and self.stories and len(address.segments) <= 2)
                or path in self.story_dirs
                or (anchor.in_heading and len(address.segments) <= 2)
                or anchor.node.element.get("itemprop") == "articleSection"
            )
            if (
                is_named
                and not (anchor.rel & {"tag", "author", "bookmark"} and "category" not in anchor.rel)
                and (label := self._label(anchor))
            ):
                found.append((anchor, label))
        return found

    def in_loose_menus(self, *, behind_stories: bool = False) -> list[tuple[Anchor, str]]:
        """A list of short labels that is no story list: a menu made of divs, a table's left column, a plain list."""
        lists: dict[tuple[int, str], list[Anchor]] = defaultdict(list)
        keep: list[Node] = []
        for anchor in self.page.anchors:
            if anchor.region & FURNITURE or is_inline(anchor):
                continue
            holder, path = _holder(anchor)
            if holder is not None:
                keep.append(holder)
                lists[id(holder), path].append(anchor)
        found: list[tuple[Anchor, str]] = []
        for anchors in lists.values():
            urls = {a.url for a in anchors}
            if (
                len(urls) < 3
                or len(urls & self.stories)
                or any(count_headline_words(a.text) > _LABEL_WORDS + 1 for a in anchors)
            ):
                continue
            if self._follows_stories(anchors[0]) is not behind_stories:
                continue
            labelled = self._labelled(anchors)
            if len(labelled) >= 2 and 2 * len(labelled) >= len([a for a in anchors if not is_furniture(a.text)]):
                found += labelled
        return found

    def _follows_stories(self, first: Anchor) -> bool:
        """A list of labels behind the last story is a footer, whatever its element is called."""
        return self.last_story is not None and first.order > self.last_story

    def _just_before_h1(self) -> set[int]:
        end = self.page.first_h1
        if end is None:
            return set()
        near = [a for a in self.page.anchors[:end] if not a.region & FURNITURE][-2:]
        return {a.order for a in near if len(read_address(a.url).segments) <= 2}

    def _in_pager(self, anchor: Anchor) -> bool:
        says = fold_text(strip_arrows(anchor.text))
        return says in NEXT or says in LOAD_MORE or says.isdigit()

    def _labelled(self, anchors: Iterator[Anchor] | list[Anchor]) -> list[tuple[Anchor, str]]:
        return [(anchor, label) for anchor in anchors if (label := self._label(anchor))]

    def _label(self, anchor: Anchor, printed: str | None = None) -> str:
        """The label of a link to a section; empty where it leads to none."""
        label = _MORE_PREFIX.sub("", normalize_text(printed or (anchor.parts[0] if anchor.parts else anchor.label)))
        words = [w for w in label.split() if w.lower() not in _SMALL_WORDS]
        if not label or len(label) > 40 or len(words) > _LABEL_WORDS or not any(c.isalpha() for c in label):
            return ""
        if is_furniture(label) or is_read_more(label) or fold_text(label) in NEXT or label[-1] in ".?!…":
            return ""
        if (
            anchor.rel
            & {"author", "nofollow", "license", "privacy-policy", "terms-of-service", "alternate", "search", "help"}
            and "category" not in anchor.rel
        ):
            return ""
        return label if self._can_be_section(anchor) else ""

    def _can_be_section(self, anchor: Anchor) -> bool:
        url = anchor.url
        address = read_address(url)
        if (
            url in self.stories
            or is_furniture_address(url)
            or is_media(url)
            or is_calendar(url)
            or not (address.segments or address.query)
        ):
            return False
        if anchor.node.element.get("hreflang") or (address.segments and _is_language(address.segments)):
            return False
        if address.is_dated or len(address.segments) > 4 or address.slug_words > 6:
            return False
        if (slot := page_slot(url)) and slot.is_sure:
            return False
        if listing_base(url) == listing_base(f"{self.page.url}".split("?")[0]) and address.query:
            return False
        return not (address.slug_words >= 3 and address.segments[:-1] in self.story_leads)


def _directories(urls: set[str]) -> set[tuple[str, tuple[str, ...]]]:
    """Paths under which stories lie."""
    found = set()
    for url in urls:
        address = read_address(url)
        for end in range(1, min(len(address.segments), 6)):
            found.add((address.host, address.segments[:end]))
    return found


def _lead_shapes(stories: set[str]) -> set[tuple[str, ...]]:
    """What stands before the slug in the addresses of stories, where there is anything: `/article/`."""
    return {lead for url in stories if (lead := read_address(url).segments[:-1])}


def _holder(anchor: Anchor) -> tuple[Node | None, str]:
    """The element three short steps up at most that holds the list of a link, and the way to it."""
    node: Node | None = anchor.node
    path = ""
    for _ in range(4):
        if node is None:
            return None, ""
        path += f"/{node.tag}"
        node = node.parent
        if node is not None and has_children(node.element, 3):
            return node, path
    return node, path


def _is_language(segments: tuple[str, ...]) -> bool:
    return (
        len(segments) == 1
        and bool(_LANGUAGE.fullmatch(segments[0]))
        and segments[0] not in ("ai", "us", "uk", "eu", "tv", "tech", "pr", "it", "hr", "un")
    )
