"""One walk over a page's tree: every link of the site with what stands in and around it. Iterative: pages may be hostile."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from lxml import etree
from lxml.etree import _Element
from parsel import Selector

from archiver.discover.addresses import is_furniture_address, is_listing_address, read_address
from archiver.discover.words import is_furniture, is_read_more
from archiver.text import normalize_text
from archiver.urls import join_url, registered_domain

NAV: Final = 1
FOOTER: Final = 2
HEADER: Final = 4
ASIDE: Final = 8
DIALOG: Final = 16
CRUMB: Final = 32
ARTICLE: Final = 64
MAIN: Final = 128
HEADING: Final = 256
CONTENT: Final = 512
"""Inside an element of which the page's header and footer are none of the page's own: article, section, list item, main."""
FURNITURE: Final = NAV | FOOTER | HEADER | ASIDE | DIALOG | CRUMB
"""Regions that hold no stories of the listing."""

_SKIPPED: Final = frozenset("script style svg math object iframe canvas audio video select textarea head".split())
_INLINE: Final = frozenset(
    """a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark q s samp slot small span
    strike strong sub sup time tt u var wbr""".split()
)
_HEADINGS: Final = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_ROLES: Final = {
    "navigation": NAV, "menu": NAV, "menubar": NAV, "tablist": NAV, "banner": HEADER,
    "contentinfo": FOOTER, "complementary": ASIDE,
    "dialog": DIALOG, "alertdialog": DIALOG, "alert": DIALOG, "article": ARTICLE | CONTENT, "main": MAIN | CONTENT,
    "heading": HEADING, "listitem": CONTENT,
}  # fmt: skip
_TAGS: Final = {
    "nav": NAV, "amp-sidebar": NAV, "aside": ASIDE, "dialog": DIALOG, "article": ARTICLE | CONTENT, "main": MAIN | CONTENT,
    "section": CONTENT, "li": CONTENT, "td": CONTENT,
} | dict.fromkeys(_HEADINGS, HEADING)  # fmt: skip
_ITEM_TYPE: Final = re.compile(
    r"schema\.org/(?:(?P<story>\w*Article|BlogPosting|LiveBlogPosting|Report)|(?P<nav>SiteNavigationElement|WPHeader)|(?P<side>WPSideBar)|(?P<foot>WPFooter)|(?P<crumb>BreadcrumbList))\b"
)
_CRUMB_LABEL: Final = re.compile(
    r"breadcrumb|brotkrumen|fil d.ariane|migas de pan|briciole|kruimel|хлебные крошки|you are here", re.IGNORECASE
)
_COMMENTS: Final = re.compile(
    r"#(?:comment|respond|reply|disqus|discussion|kommentar|comentario|commentaire)", re.IGNORECASE
)
_LETTERS: Final = re.compile(r"[^\W\d_]{2,}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{2}")
_WIDE: Final = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_SOFT: Final = "\x1f"
MAX_LINKS: Final = 10_000
"""Links of one page that are read; the longest real listing measured has a few hundred. What follows is not walked."""
_LONGEST: Final = 600
"""Characters of a link's text that are kept, a block; no headline is longer, and no pattern has to read more."""
_MOST_PARTS: Final = 40
_LONGEST_HREF: Final = 4_000
"""Longer addresses are no pages; patterns over an address may take the square of its length."""
MANY: Final = "*"
"""Owner of a part of the page that holds links to several stories."""


@dataclass(slots=True, eq=False)
class Node:
    """An element on the way from the root to a link."""

    element: _Element
    tag: str
    parent: Node | None
    region: int
    owner: str = ""
    """The one story-like address linked within; MANY; or empty."""
    words: int = 0
    has_h1: bool = False


@dataclass(slots=True, eq=False)
class Anchor:
    """One link to a page of the same site."""

    url: str
    node: Node
    order: int
    region: int
    rel: frozenset[str]
    label: str
    """`aria-label`, else `title`."""
    lead_words: int
    """Words of prose before the link on its line."""
    text: str = ""
    """Visible text."""
    parts: tuple[str, ...] = ()
    """Visible text by blocks: a link around a whole card has several."""
    heading: str = ""
    """Text of the heading within."""
    alt: str = ""
    has_time: bool = False
    is_cut: bool = False
    """Prose goes on behind the link on the same line."""

    @property
    def in_furniture(self) -> bool:
        return bool(self.region & FURNITURE)

    @property
    def in_heading(self) -> bool:
        return bool(self.region & HEADING)


@dataclass(slots=True)
class Page:
    """What the walk brought home."""

    url: str
    base: str
    root: _Element
    anchors: list[Anchor] = field(default_factory=list)
    first_h1: int | None = None
    """Number of links before the first h1 with text; None without one."""


def count_headline_words(text: str) -> float:
    """Count words, a script without spaces at two characters a word.

    >>> count_headline_words("Rates rise again"), count_headline_words("金利が再び上昇")
    (3, 3.5)
    """
    wide = len(_WIDE.findall(text))
    return len(text.split()) if not wide else len(_WIDE.sub(" ", text).split()) + wide / 2


def is_headline(text: str) -> bool:
    """Tell whether a text can be a headline by its length alone."""
    return 4 <= count_headline_words(text) <= 40 and len(text) >= 12


def has_children(element: _Element, number: int) -> bool:
    """Tell whether an element has that many children; `len` counts them all, each time."""
    return next(islice(element, number - 1, None), None) is not None


class _Walker:
    """State of one walk; each method is one event."""

    def __init__(self, root: _Element, url: str, base: str) -> None:
        self.page = Page(url, base, root)
        self.domain = registered_domain(url)
        self.open: Node | None = None
        self.anchor: Anchor | None = None
        self.pieces: list[str | None] = []
        self.heading: list[str] | None = None
        self.line_words = 0
        self.shells = 0
        self.h1_open = False
        self.urls: dict[str, str | None] = {}

    def start(self, element: _Element, tag: str, *, is_skipped: bool) -> None:
        parent = self.open
        region = _region(element, tag, parent.region if parent else 0)
        node = self.open = Node(element, tag, parent, region)
        if tag not in _INLINE:
            self._break()
        elif tag != "a" and tag not in ("b", "strong", "em", "i", "font", "u") and self.anchor:
            self.pieces.append(_SOFT)
        if self.anchor is None:
            self._open_link(element, tag, node)
        elif tag == "img":
            self.anchor.alt = self.anchor.alt or element.get("alt", "")
        elif tag == "time":
            self.anchor.has_time = True
        elif (tag in _HEADINGS or element.get("role") == "heading") and not self.anchor.heading:
            self.heading = self.heading or []
        self.h1_open = self.h1_open or tag == "h1"
        if element.text and not is_skipped:
            self.text(element.text, node)

    def end(self, element: _Element, tag: str) -> None:
        node = self.open
        assert node is not None  # noqa: S101 - every end has its start
        if self.anchor is not None and self.anchor.node is node:
            self._close_link(element, node)
        elif (
            self.anchor is not None
            and self.heading is not None
            and (tag in _HEADINGS or element.get("role") == "heading")
        ):
            self.anchor.heading = normalize_text("".join(self.heading))[:_LONGEST]
            self.heading = None
        if tag == "h1":
            self.h1_open = False
        if tag not in _INLINE:
            self._break()
        elif tag == "span" and self.anchor:
            self.pieces.append(_SOFT)
        parent = self.open = node.parent
        if parent is not None:
            self._hand_up(node, parent)
            if element.tail:
                self.text(element.tail, parent)
        if "-" in tag and self.shells and element.get("href") is not None:
            self.shells -= 1

    def close(self) -> None:
        """Hand up what the open elements know, as their ends would have done."""
        while (node := self.open) is not None:
            parent = self.open = node.parent
            if parent is not None:
                self._hand_up(node, parent)

    @staticmethod
    def _hand_up(node: Node, parent: Node) -> None:
        parent.words += node.words
        parent.has_h1 = parent.has_h1 or node.has_h1
        if node.owner and parent.owner != node.owner:
            parent.owner = MANY if parent.owner else node.owner

    def text(self, text: str, node: Node) -> None:
        if text.isspace():
            if self.anchor is not None:
                self.pieces.append(" ")
                if self.heading is not None:
                    self.heading.append(" ")
            return
        node.words += len(text.split())
        if self.h1_open:
            node.has_h1 = True
            if self.page.first_h1 is None:
                self.page.first_h1 = len(self.page.anchors)
        if self.anchor is not None:
            self.pieces.append(text)
            if self.heading is not None:
                self.heading.append(text)
        else:
            self.line_words += len(_LETTERS.findall(text[:400]))

    def _break(self) -> None:
        self.line_words = 0
        if self.anchor is not None:
            self.pieces.append(None)
            if self.heading is not None:
                self.heading.append(" ")

    def _open_link(self, element: _Element, tag: str, node: Node) -> None:
        href = element.get("href")
        if tag == "a":
            pass
        elif "-" in tag and href is not None and not tag.startswith("amp-"):
            self.shells += 1
            if self.shells > 3 or next(element.iter("a"), None) is not None:
                return  # it is built around links of its own
        elif element.get("role") == "link":
            href = element.get("data-href") or element.get("data-url") or href
        else:
            return
        url = self._resolve(href)
        if url is None:
            return
        label = element.get("aria-label") or element.get("title") or ""
        if tag != "a":
            label = element.get("headline") or element.get("heading") or label
        self.anchor = Anchor(
            url,
            node,
            len(self.page.anchors),
            node.region,
            frozenset((element.get("rel") or "").lower().split()),
            normalize_text(label)[:_LONGEST],
            self.line_words,
        )
        self.pieces, self.heading = [], None

    def _resolve(self, href: str | None) -> str | None:
        """The cleaned address of a page of this site; None for any other, and for a place on this page."""
        href = (href or "").strip()
        if (
            not href
            or len(href) > _LONGEST_HREF
            or href.startswith(("#", "javascript:", "mailto:", "tel:", "data:"))
            or _COMMENTS.search(href)
        ):
            return None
        if href not in self.urls:
            url = join_url(self.page.base, href)
            self.urls[href] = url if url and registered_domain(url) == self.domain else None
        return self.urls[href]

    def _close_link(self, element: _Element, node: Node) -> None:
        anchor, self.anchor = self.anchor, None
        assert anchor is not None  # noqa: S101 - called only while a link is open
        anchor.parts = tuple(part[:_LONGEST] for part in _join_pieces(self.pieces)[:_MOST_PARTS])
        anchor.text = " ".join(anchor.parts)
        if self.heading is not None:
            anchor.heading, self.heading = normalize_text("".join(self.heading))[:_LONGEST], None
        tail = (element.tail or "").lstrip()
        anchor.is_cut = tail[:1].islower() and len(tail.split()) >= 3
        self.page.anchors.append(anchor)
        if is_storylike(anchor):
            node.owner = anchor.url


def is_storylike(anchor: Anchor) -> bool:
    """Tell whether a link can lead to a story as far as itself can show; what says no here is no story anywhere."""
    if anchor.in_furniture or is_inline(anchor) or is_furniture_address(anchor.url) or is_listing_address(anchor.url):
        return False
    text = anchor.heading or anchor.text
    return (
        is_headline(text)
        or ((bool(anchor.heading) or anchor.in_heading) and count_headline_words(text) >= 2 and not is_furniture(text))
        or (read_address(anchor.url).looks_like_story and not is_furniture(text))
        or is_read_more(text)
    )


def is_inline(anchor: Anchor) -> bool:
    """Tell whether a link stands amid prose."""
    return (anchor.lead_words >= 4 or anchor.is_cut) and not anchor.heading and not anchor.in_heading


def _join_pieces(pieces: list[str | None]) -> list[str]:
    """Texts of a link's blocks. Spans part a block only where no text stands beside them: `The <span>FT</span> says` is one."""
    texts: list[str] = []
    block: list[str] = []
    for piece in [*pieces, None]:
        if piece is not None:
            block.append(piece)
            continue
        texts += _split_block(block)
        block = []
    return texts


def _split_block(block: list[str]) -> list[str]:
    depth_marks = block.count(_SOFT)
    if not depth_marks:
        text = normalize_text("".join(block))
        return [text] if text else []
    outside = bool("".join(block[: block.index(_SOFT)]).strip()) or bool(
        "".join(block[len(block) - block[::-1].index(_SOFT) :]).strip()
    )
    if outside:
        text = normalize_text("".join(piece for piece in block if piece != _SOFT))
        return [text] if text else []
    return [text for piece in "".join(block).split(_SOFT) if (text := normalize_text(piece))]


def _region(element: _Element, tag: str, inherited: int) -> int:
    own = _TAGS.get(tag, 0)
    attributes = element.attrib
    if attributes:
        role = attributes.get("role")
        if role:
            own |= _ROLES.get(role.strip().lower(), 0)
        kind = attributes.get("itemtype")
        if kind and (found := _ITEM_TYPE.search(kind)):
            own |= {"story": ARTICLE | CONTENT, "nav": NAV, "side": ASIDE, "foot": FOOTER, "crumb": CRUMB}[
                found.lastgroup or "nav"
            ]
        if "aria-label" in attributes and _CRUMB_LABEL.search(attributes["aria-label"]):
            own |= CRUMB
        if attributes.get("aria-modal") == "true":
            own |= DIALOG
        names = attributes.get("class")
        if names and "hentry" in names.split():
            own |= ARTICLE | CONTENT
    if tag in ("header", "footer"):
        # HTML's own rule: inside an article, section or main they are that part's, not the page's.
        if not inherited & CONTENT:
            own |= HEADER if tag == "header" else FOOTER
        elif tag == "footer" and not inherited & ARTICLE and _stands_last(element):
            own |= FOOTER
    if tag in ("body", "html"):
        own &= ~ARTICLE
    return inherited | own


def _stands_last(element: _Element) -> bool:
    """A footer directly in main closes the page's content."""
    parent = element.getparent()
    return parent is not None and parent.tag == "main" and element.getnext() is None


def read_page(page: Selector, url: str) -> Page:
    """Walk the page once."""
    root: _Element = page.root
    base = next((join_url(url, b.get("href", "")) for b in root.iter("base") if b.get("href")), None) or url
    walker = _Walker(root, url, base)
    events = etree.iterwalk(root, events=("start", "end"))
    for event, element in events:
        tag = str(element.tag)
        if event == "start":
            is_skipped = tag in _SKIPPED or (tag == "template" and element.get("shadowrootmode") is None)
            if is_skipped:
                events.skip_subtree()
            walker.start(element, tag, is_skipped=is_skipped)
        else:
            walker.end(element, tag)
            if len(walker.page.anchors) >= MAX_LINKS:
                walker.close()
                break
    return walker.page
