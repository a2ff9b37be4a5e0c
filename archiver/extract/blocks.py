"""One walk over the page: what it prints, block by block, in reading order, with what surrounds each block.

Every rule about the body, the FAQ, the headline or the source asks these blocks, never the tree again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from lxml.etree import XPath, _Element

from archiver.text import normalize_text


class Region:
    """Bits for what a block stands in, by what the elements around it mean to every site.

    Plain integers: an IntFlag costs more than the rest of the walk together.
    """

    NAV: Final = 1
    HEADER: Final = 2
    FOOTER: Final = 4
    ASIDE: Final = 8
    FORM: Final = 16
    FIGURE: Final = 32
    HIDDEN: Final = 64
    ARTICLE: Final = 128
    MAIN: Final = 256
    TABLE: Final = 512
    ITEM: Final = 1024
    QUOTE: Final = 2048
    COMMENT: Final = 4096
    CHROME: Final = 8192
    """Called by its class or id what is no part of a story on any site: share, related, newsletter, …"""
    CONTENT: Final = 16384
    """Called by its class, id or itemprop the text of the story: `articleBody`, `entry-content`, …"""
    CAPTION: Final = 32768
    DIALOG: Final = 131072
    SMALL_BOX: Final = 262144
    """In a small box with an image or a form: its caption, or its pitch."""


CLUTTER: Final = (
    Region.NAV
    | Region.FOOTER
    | Region.ASIDE
    | Region.FORM
    | Region.FIGURE
    | Region.COMMENT
    | Region.CAPTION
    | Region.DIALOG
    | Region.SMALL_BOX
)
"""Regions that hold no body text."""

_INLINE: Final = frozenset(
    """a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark nobr q s samp small span strike
    strong sub sup time tt u var wbr ruby rb rt rp output meter progress img picture source link meta map area
    slot""".split()
)
_SKIPPED: Final = frozenset(
    """script style template svg math iframe object embed select option datalist textarea canvas audio video head
    noscript noframes applet input""".split()
)
_HEADINGS: Final = {f"h{n}": n for n in range(1, 7)}
_REGION_BY_TAG: Final = {
    "nav": Region.NAV, "menu": Region.NAV, "header": Region.HEADER, "footer": Region.FOOTER, "aside": Region.ASIDE,
    "form": Region.FORM, "figure": Region.FIGURE, "figcaption": Region.CAPTION | Region.FIGURE, "article": Region.ARTICLE,
    "main": Region.MAIN, "td": Region.TABLE, "th": Region.TABLE, "caption": Region.TABLE, "li": Region.ITEM,
    "dd": Region.ITEM, "dt": Region.ITEM, "blockquote": Region.QUOTE, "dialog": Region.DIALOG, "fieldset": Region.FORM,
    "amp-sidebar": Region.NAV, "amp-consent": Region.DIALOG, "address": Region.CHROME,
}  # fmt: skip
_REGION_BY_ROLE: Final = {
    "navigation": Region.NAV, "banner": Region.HEADER, "contentinfo": Region.FOOTER, "complementary": Region.ASIDE,
    "search": Region.FORM, "dialog": Region.DIALOG, "alertdialog": Region.DIALOG, "menu": Region.NAV, "menubar": Region.NAV,
    "toolbar": Region.NAV, "tablist": Region.NAV, "article": Region.ARTICLE, "main": Region.MAIN, "figure": Region.FIGURE,
    "form": Region.FORM, "note": Region.ASIDE,
}  # fmt: skip

_CHROME_WORDS: Final = frozenset(
    """related relatedposts recommend recommended recommendation recommendations recirc share sharing sharedaddy
    shares social socials newsletter newsletters subscribe subscription signup optin promo promos promotion
    advert adverts advertisement adslot sponsor sponsored cookie cookies consent gdpr sidebar breadcrumb
    breadcrumbs pagination pager tags taglist bio teaser teasers trending popular outbrain taboola
    popup copyright toolbar poll quiz carousel slideshow disclaimer donate donation feedback readmore infobox onward
    tooltip dropdown snackbar toast popover lightbox cta banner byline footnotes""".split()
)
_COMMENT_WORDS: Final = frozenset("comment comments disqus respond commentlist replies reply discussion forum".split())
_CAPTION_WORDS: Final = frozenset("caption captions photocredit imagecredit figcaption credit credits".split())
_CONTENT_NAMES: Final = re.compile(
    r"""(?:articlebody|entry-content|post-content|article-?body|article-?content|story-?body|post-?body|
        e-content|story-?content|article__?body|article__?content|articletext|article-text|content__?article-body|
        body-?copy|rich-?text|wysiwyg|node__content|field--name-body|main-?text|news-?text|text-?content)""",
    re.VERBOSE,
)
_READ_ALOUD: Final = re.compile(r"(?:^|\s)(?:sr-only|visually-?hidden|screen-reader-text|screenreader\w*)(?:\s|$)")
"""Text for screen readers alone, as WordPress and Bootstrap call it: `(opens in a new tab)`."""
_HIDING: Final = re.compile(r"display\s*:\s*none")
_BLOCK_STYLE: Final = re.compile(r"display\s*:\s*(?:block|flex|grid)")
_WORDS: Final = re.compile(r"[a-z]+")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def _region_of_names(names: str) -> int:
    """What class and id call an element. Only words that the web shares count, whole words of each name."""
    region = 0
    for name in names.split():
        region |= _region_of_name(name)
    return Region.CONTENT if region & Region.CONTENT else region


@lru_cache(maxsize=32_768)
def _region_of_name(name: str) -> int:
    lowered = name.lower()
    if _CONTENT_NAMES.fullmatch(lowered):
        return Region.CONTENT
    parted = _CAMEL.sub("-", name).lower()
    words = _WORDS.findall(parted)
    if not words or len(words) > 6:
        return 0
    if not _COMMENT_WORDS.isdisjoint(words):
        return Region.COMMENT
    if not _CHROME_WORDS.isdisjoint(words) or parted in _CHROME_WORDS:
        return Region.CHROME
    return 0 if _CAPTION_WORDS.isdisjoint(words) else Region.CAPTION


@dataclass(slots=True, eq=False)
class Node:
    """A block-level element: what holds blocks."""

    element: _Element
    tag: str
    parent: Node | None
    depth: int
    region: int
    """Its own and its ancestors'."""
    own: int
    first: int
    """Index of its first block; `last` is one past its last."""
    last: int = 0
    is_heading: bool = False
    """It has the role of a heading."""
    has_image: bool = False
    """An `<img>` stands directly in it, inline elements aside."""


@dataclass(slots=True)
class Anchor:
    """A link inside a block."""

    href: str
    text: str
    element: _Element


@dataclass(slots=True, eq=False)
class Block:
    """A run of text that a reader sees as one: a paragraph, a heading, a list item, text between two blocks."""

    index: int
    text: str
    node: Node
    heading: int
    """1-6 in a heading, else 0."""
    links: list[Anchor]
    link_chars: int
    bold_chars: int
    lines: list[str]
    """The text parted at line breaks; one line in most blocks."""
    region: int
    bold_lead: str = ""
    """The bold text that the block begins with, if any."""
    is_italic: bool = False
    """All of it is emphasised."""

    @property
    def tag(self) -> str:
        return self.node.tag

    @property
    def is_bold(self) -> bool:
        """All of it is bold."""
        return self.bold_chars >= 0.95 * len(self.text) > 0

    @property
    def link_density(self) -> float:
        return self.link_chars / len(self.text) if self.text else 0.0


@dataclass(slots=True)
class Mark:
    """An inline element that says what it is: `<time>`, `rel=author`."""

    value: str
    """Its `datetime` or `href`."""
    element: _Element
    block: int
    """Index of the block in which it begins."""


@dataclass(slots=True)
class Blocks:
    """All that a page prints."""

    blocks: list[Block] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    times: list[Mark] = field(default_factory=list)
    authors: list[Mark] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    controls: dict[str, int] = field(default_factory=dict)
    """id of an element → index of the block of the button that shows it (`aria-controls`)."""
    menus: set[int] = field(default_factory=set)
    """Indexes of the blocks before which a menu was left out."""


MAX_BLOCKS: Final = 40_000
"""Blocks of one page that are read; the longest real page tried has 11,000."""
MAX_LINKS: Final = 10_000
"""Links of one page that are read."""
_DEEP: Final = 250
_BREAK: Final = "\x1e"
"""Stands for `<br>` between the pieces of a block: white space that no page can hold."""


class _Walker:
    """The block that is being read, and the elements around it."""

    __slots__ = (
        "anchor", "anchor_element", "bold", "bold_chars", "bold_lead", "breaks", "chars", "count", "has_break",
        "has_link_text", "italic", "italic_chars", "lead_open", "link_chars", "links", "out", "pieces", "stack",
    )  # fmt: skip

    def __init__(self) -> None:
        self.out = Blocks()
        self.stack: list[Node] = []
        self.pieces: list[str] = []
        self.links: list[Anchor] = []
        self.anchor: list[str] | None = None
        self.anchor_element: _Element | None = None
        self.has_link_text = False
        self.count = 0
        self.link_chars = 0
        self.bold_chars = 0
        self.bold = 0
        self.italic_chars = 0
        self.italic = 0
        self.bold_lead: list[str] = []
        self.lead_open = True
        self.chars = 0
        self.breaks = 0
        self.has_break = False

    def add(self, text: str) -> None:
        stripped = len(text.strip())
        if not stripped:
            if self.pieces:
                self.pieces.append(" ")
                if self.anchor is not None:
                    self.anchor.append(" ")
            return
        if self.breaks:
            if self.breaks > 1 and self.chars:
                self.flush()
            self.breaks = 0
        self.pieces.append(text)
        self.chars += stripped
        if self.anchor is not None:
            self.anchor.append(text)
            self.link_chars += stripped
        if self.italic:
            self.italic_chars += stripped
        if self.bold:
            self.bold_chars += stripped
            if self.lead_open:
                self.bold_lead.append(text)
        else:
            self.lead_open = False

    def close_link(self) -> None:
        """Note the link whose text has been read; it may go on in the next block."""
        element, pieces = self.anchor_element, self.anchor
        if element is None or not pieces:
            return
        href = element.get("href")
        text = normalize_text("".join(pieces))
        self.anchor = []
        if href and (text or not self.has_link_text) and self.count < MAX_LINKS:
            self.count += 1
            self.links.append(Anchor(href.strip(), text, element))
            self.has_link_text = bool(text)

    def line_break(self) -> None:
        self.breaks += 1
        if self.chars:
            self.pieces.append(_BREAK)
            self.has_break = True

    def flush(self) -> None:
        """End the block that is being read, if there is any."""
        if not self.chars:
            if self.pieces or self.links:
                self.pieces, self.links = [], []
            self.breaks = 0
            return
        if self.anchor_element is not None:
            self.close_link()  # a link around blocks is a link of each
        joined = "".join(self.pieces)
        text = normalize_text(joined)
        if not text:
            self.pieces, self.links, self.chars, self.link_chars = [], [], 0, 0
            return
        lines = [text]
        if self.has_break:
            lines = [line for line in map(normalize_text, joined.split(_BREAK)) if line]
            text = " ".join(lines)
        node = self.stack[-1]
        blocks = self.out.blocks
        blocks.append(
            Block(
                len(blocks), text, node, _heading_level(node), self.links, min(self.link_chars, len(text)),
                min(self.bold_chars, len(text)), lines, node.region,
                normalize_text("".join(self.bold_lead)) if self.bold_lead else "", self.italic_chars >= 0.95 * len(text),
            )
        )  # fmt: skip
        self.has_break = False
        self.pieces, self.links = [], []
        self.link_chars = self.bold_chars = self.italic_chars = self.chars = self.breaks = 0
        if self.bold_lead:
            self.bold_lead = []
        self.lead_open = True

    def open_block(self, element: _Element, tag: str) -> None:
        if self.chars or self.pieces or self.links:
            self.flush()
        self.breaks = 0
        stack, out = self.stack, self.out
        parent = stack[-1] if stack else None
        own = _REGION_BY_TAG.get(tag, 0)
        is_heading = False
        if (attributes := element.items()) and tag != "html" and tag != "body":
            more, is_heading, controls = _read_attributes(attributes)
            own |= more
            if controls:
                out.controls[controls] = len(out.blocks)
        region = own | parent.region if parent else own
        node = Node(element, tag, parent, len(stack), region, own, len(out.blocks), 0, is_heading)
        out.nodes.append(node)
        stack.append(node)
        if text := element.text:
            self.add(text)

    def close_block(self) -> None:
        if self.chars or self.pieces or self.links:
            self.flush()
        self.breaks = 0
        self.stack.pop().last = len(self.out.blocks)

    def open_inline(self, element: _Element, tag: str) -> None:
        if not self.stack:  # a fragment whose root is inline
            self.stack.append(Node(element, "body", None, 0, 0, 0, 0))
            self.out.nodes.append(self.stack[0])
        if tag in _MARKING:
            self.open_mark(element, tag)
        if text := element.text:
            if self.pieces and text[0].isupper() and self.pieces[-1][-1:].islower():
                self.add(" ")  # two elements that only style sets apart: `<span>by</span><span>Ann</span>`
            self.add(text)

    def open_mark(self, element: _Element, tag: str) -> None:
        if tag == "a":
            self.anchor, self.anchor_element, self.has_link_text = [], element, False
            rel = element.get("rel")
            if rel and "author" in rel:
                self.out.authors.append(Mark(element.get("href") or "", element, len(self.out.blocks)))
        elif tag == "img":
            self.stack[-1].has_image = True
        elif tag == "time":
            self.out.times.append(Mark(element.get("datetime") or "", element, len(self.out.blocks)))
        elif tag in ("b", "strong"):
            self.bold += 1
        else:
            self.italic += 1

    def close_mark(self, tag: str) -> None:
        if tag == "a":
            if self.anchor is not None:
                self.close_link()
                self.anchor = self.anchor_element = None
        elif tag in ("b", "strong"):
            self.bold = max(0, self.bold - 1)
        elif tag in ("i", "em"):
            self.italic = max(0, self.italic - 1)


_MARKING: Final = frozenset("a img time b strong i em".split())
"""Inline elements that say something of the text in them."""


def _heading_level(node: Node) -> int:
    """The level of the heading that a block stands in: `<h2>`, `<h2><div>`, or an element with the role."""
    here: Node | None = node
    for _ in range(3):
        if here is None:
            return 0
        if level := _HEADINGS.get(here.tag):
            return level
        if here.is_heading:
            said = here.element.get("aria-level") or "2"
            return int(said) if said in "123456" else 2
        here = here.parent
    return 0


_MENU_TAGS: Final = frozenset(("nav", "footer", "header", "aside"))
_IS_MENU: Final = XPath(
    "count(.//a) > 5 and not(.//h1 or .//article or .//main or ancestor::article or ancestor::main or count(.//p) > 9)"
    " and (self::footer or not(.//p)) and not(self::header and .//h2)"
)
"""Menus of the site hold a third of a page's elements, and nothing that any column is made of."""

_BLOCK, _INLINE_KIND, _SKIP, _LINE_BREAK = range(4)
_KIND: Final[dict[Any, int]] = (
    dict.fromkeys(_INLINE, _INLINE_KIND) | dict.fromkeys(_SKIPPED, _SKIP) | {"br": _LINE_BREAK}
)


def read_blocks(root: _Element) -> Blocks:
    """Read what the page prints. Iterative, and bounded by MAX_BLOCKS: no page can exhaust it."""
    # Iterators of children on a stack of our own: iterwalk makes two events an element, and here most need one.
    walker = _Walker()
    blocks = walker.out.blocks
    iterators: list[Iterator[_Element]] = [iter((root,))]
    opened: list[tuple[_Element, str, bool]] = []
    while iterators:
        for element in iterators[-1]:
            tag: Any = element.tag
            kind = _KIND.get(tag, _BLOCK)
            if kind == _INLINE_KIND:
                if element.attrib:
                    if _is_block_by_style(element):
                        kind = _BLOCK
                    elif _is_read_aloud(element):
                        kind = _SKIP
            elif kind == _SKIP:
                if tag == "template" and _is_shadow(element):
                    kind = _BLOCK
            elif kind == _BLOCK:
                if tag in _MENU_TAGS:
                    if _IS_MENU(element):
                        walker.out.menus.add(len(blocks) + (walker.chars > 0))
                        kind = _SKIP
                elif not isinstance(tag, str):  # a comment or a processing instruction
                    kind = _SKIP
            if kind == _INLINE_KIND:
                walker.open_inline(element, tag)
                if len(element):
                    opened.append((element, tag, False))
                    iterators.append(iter(element))
                    break
                if tag in _MARKING:
                    walker.close_mark(tag)
            elif kind == _BLOCK:
                walker.open_block(element, tag)
                if len(element):
                    opened.append((element, tag, True))
                    iterators.append(iter(element))
                    break
                walker.close_block()
            elif kind == _LINE_BREAK:
                walker.line_break()
            if (tail := element.tail) and walker.stack:
                walker.add(tail)
        else:
            iterators.pop()
            if not opened:
                break
            element, tag, is_block = opened.pop()
            if is_block:
                walker.close_block()
            elif tag in _MARKING:
                walker.close_mark(tag)
            if (tail := element.tail) and walker.stack:
                walker.add(tail)
        if len(blocks) >= MAX_BLOCKS:
            walker.out.flags.append("too-many-blocks")
            break
    out = walker.out
    for node in walker.stack:
        node.last = len(blocks)
    _mark_captions(out)
    _mark_sign_ups(out)
    if any(node.depth >= _DEEP for node in out.nodes):
        out.flags.append("deep-nesting")
    return out


def _is_shadow(element: _Element) -> bool:
    """A template that browsers show at once: declarative shadow DOM."""
    return element.get("shadowrootmode") is not None


def _is_read_aloud(element: _Element) -> bool:
    """Words for screen readers alone; a colon for them parts a kicker from its headline, and is kept."""
    name = element.get("class")
    return name is not None and _READ_ALOUD.search(name) is not None and any(c.isalpha() for c in element.text or "")


def _is_block_by_style(element: _Element) -> bool:
    style = element.get("style")
    return style is not None and "display" in style and _BLOCK_STYLE.search(style) is not None


def _mark_captions(out: Blocks) -> None:
    """Mark the short text that shares a small box with an image as its caption, whatever the box is made of."""
    for node in out.nodes:
        if node.has_image:
            _mark_small_box(out, node, blocks=2, chars=280, levels=4)


def _mark_sign_ups(out: Blocks) -> None:
    """Mark what shares a small box with a form as part of it: the pitch over a newsletter's address field."""
    for node in out.nodes:
        if node.tag == "form":
            _mark_small_box(out, node, blocks=6, chars=420, levels=3)


def _mark_small_box(out: Blocks, node: Node, *, blocks: int, chars: int, levels: int) -> None:
    """Mark the largest element around `node` that holds no more than so many blocks and characters."""
    box: Node | None = None
    here: Node | None = node
    for _ in range(levels):
        if here is None or here.tag in ("body", "article", "main", "html") or here.own & Region.CONTENT:
            break
        inside = out.blocks[here.first : here.last]
        if len(inside) > blocks or sum(len(b.text) for b in inside) > chars:
            break
        box = here
        here = here.parent
    if box is not None:
        for block in out.blocks[box.first : box.last]:
            if not (block.region & Region.QUOTE or (block.tag == "p" and len(block.text) > 140)):
                block.region |= Region.SMALL_BOX


def _read_attributes(attributes: list[tuple[str, str]]) -> tuple[int, bool, str | None]:
    """What an element's attributes say it is, whether it has the role of a heading, and what it shows when pressed."""
    region = 0
    is_heading = False
    controls = None
    names = ""
    for name, value in attributes:
        if name == "class":
            names = f"{value} {names}"
        elif name == "id":
            names += value
        elif name == "role":
            region |= _REGION_BY_ROLE.get(value, 0)
            is_heading = value == "heading"
        elif name == "style":
            if "none" in value and _HIDING.search(value):
                region |= Region.HIDDEN
        elif name == "hidden" or (name == "aria-hidden" and value == "true"):
            region |= Region.HIDDEN
        elif name == "itemprop":
            if "articleBody" in value:
                region |= Region.CONTENT
            elif value == "comment":
                region |= Region.COMMENT
        elif name == "aria-controls":
            controls = value
    if names and len(names) < 500:
        region |= _region_of_names(names)
    return region, is_heading, controls


_STRING: Final = XPath("string()")


def short_text(element: _Element) -> str:
    """The text in an element, one line, 1,000 characters at most. `itertext` takes the square of the number of comments."""
    return " ".join(_STRING(element)[:2_000].split())[:1_000]
