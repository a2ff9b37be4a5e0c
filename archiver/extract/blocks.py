"""One walk over the page: what it prints, block by block, in reading order, with what surrounds each block.

Every rule about the body, the FAQ, the headline or the source asks these blocks, never the tree again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from lxml.etree import XPath, _Element, iterwalk

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
    breadcrumbs pagination pager tags taglist bio teaser teasers trending popular mostread outbrain taboola
    popup copyright toolbar poll quiz carousel slideshow disclaimer donate donation feedback jumplinks
    readmore morefrom infobox onward onwards upsell nextprev prevnext
    tooltip dropdown snackbar toast popover lightbox""".split()
)
_COMMENT_WORDS: Final = frozenset("comment comments disqus respond commentlist replies reply discussion forum".split())
_CAPTION_WORDS: Final = frozenset("caption captions photocredit imagecredit figcaption credit credits".split())
_CONTENT_NAMES: Final = re.compile(
    r"""(?:^|\s)(?:articlebody|entry-content|post-content|article-?body|article-?content|story-?body|post-?body|
        e-content|story-?content|article__?body|article__?content|articletext|article-text|content__?article-body|
        body-?copy|rich-?text|wysiwyg|node__content|field--name-body|main-?text|news-?text|text-?content)(?:\s|$)""",
    re.VERBOSE,
)
_READ_ALOUD: Final = re.compile(r"(?:^|\s)(?:sr-only|visually-?hidden|screen-reader-text|screenreader\w*)(?:\s|$)")
"""Text for screen readers alone, as WordPress and Bootstrap call it: `(opens in a new tab)`."""
_BLOCK_STYLE: Final = re.compile(r"display\s*:\s*(?:block|flex|grid)")
_WORDS: Final = re.compile(r"[a-z]+")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


@lru_cache(maxsize=8192)
def _region_of_names(names: str) -> int:
    """What class and id call an element. Only words that the web shares count, whole words of each name."""
    lowered = names.lower()
    region = 0
    if _CONTENT_NAMES.search(lowered):
        return Region.CONTENT
    for name in _CAMEL.sub("-", names).lower().split():
        words = _WORDS.findall(name)
        if not words or len(words) > 6:
            continue
        if not _COMMENT_WORDS.isdisjoint(words):
            region |= Region.COMMENT
        elif not _CHROME_WORDS.isdisjoint(words) or name in _CHROME_WORDS:
            region |= Region.CHROME
        elif not _CAPTION_WORDS.isdisjoint(words):
            region |= Region.CAPTION
    return region


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


MAX_BLOCKS: Final = 40_000
"""Blocks of one page that are read; the longest real page tried has 11,000."""
MAX_LINKS: Final = 10_000
"""Links of one page that are read."""
_DEEP: Final = 250
_BREAK: Final = "\x1e"
"""Stands for `<br>` between the pieces of a block: white space that no page can hold."""


class _Walker:
    """State of the walk. A class for speed and clarity: the loop touches a dozen variables."""

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
        if self.anchor_element is not None and self.chars:
            self.close_link()  # a link around blocks is a link of each
        if not self.chars:
            if self.pieces or self.links:
                self.pieces, self.links = [], []
            self.breaks = 0
            return
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
        block = Block(
            len(self.out.blocks), text, node, _HEADINGS.get(node.tag) or _inherited_heading(node), self.links,
            min(self.link_chars, len(text)), min(self.bold_chars, len(text)), lines, node.region,
            normalize_text("".join(self.bold_lead)) if self.bold_lead else "", self.italic_chars >= 0.95 * len(text),
        )  # fmt: skip
        self.out.blocks.append(block)
        self.has_break = False
        self.pieces, self.links = [], []
        self.link_chars = self.bold_chars = self.italic_chars = self.chars = self.breaks = 0
        self.bold_lead, self.lead_open = [], True


def _inherited_heading(node: Node) -> int:
    """The level of the heading that a block stands in: `<h2><div>`, or an element with the role."""
    here: Node | None = node
    for _ in range(3):
        if here is None:
            return 0
        if here.tag in _HEADINGS:
            return _HEADINGS[here.tag]
        if here.is_heading:
            level = here.element.get("aria-level") or "2"
            return int(level) if level in "123456" else 2
        here = here.parent
    return 0


def read_blocks(root: _Element) -> Blocks:
    """Read what the page prints. Iterative, and bounded by MAX_BLOCKS: no page can exhaust it."""
    walker = _Walker()
    walk = iterwalk(root, events=("start", "end", "comment", "pi"))
    out, stack = walker.out, walker.stack
    for event, element in walk:
        if event == "start":
            tag = element.tag
            if tag in _SKIPPED and not _is_shadow(element):
                walk.skip_subtree()
            elif tag in _INLINE and not _is_block_by_style(element):
                if _is_read_aloud(element):
                    walk.skip_subtree()
                    continue
                _start_inline(walker, element, tag)
            elif tag == "br":
                walker.line_break()
            else:
                _start_block(walker, element, tag)
        else:
            if event == "end":
                tag = element.tag
                if (tag in _SKIPPED and not _is_shadow(element)) or tag == "br":
                    pass
                elif tag in _INLINE and not _is_block_by_style(element):
                    _end_inline(walker, element, tag)
                else:
                    walker.flush()
                    node = stack.pop()
                    node.last = len(out.blocks)
            tail = element.tail
            if tail and stack:
                walker.add(tail)
        if len(out.blocks) >= MAX_BLOCKS:
            out.flags.append("too-many-blocks")
            break
    for node in stack:
        node.last = len(out.blocks)
    _mark_captions(out)
    _mark_sign_ups(out)
    if any(node.depth >= _DEEP for node in out.nodes):
        out.flags.append("deep-nesting")
    return out


def _is_shadow(element: _Element) -> bool:
    """A template that browsers show at once: declarative shadow DOM."""
    return element.tag == "template" and element.get("shadowrootmode") is not None


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


def _start_inline(walker: _Walker, element: _Element, tag: str) -> None:
    if not walker.stack:  # a fragment whose root is inline
        walker.stack.append(Node(element, "body", None, 0, 0, 0, 0))
        walker.out.nodes.append(walker.stack[0])
    if tag == "a":
        walker.anchor, walker.anchor_element, walker.has_link_text = [], element, False
        rel = element.get("rel") or ""
        if "author" in rel:
            walker.out.authors.append(Mark(element.get("href") or "", element, len(walker.out.blocks)))
    elif tag in ("b", "strong"):
        walker.bold += 1
    elif tag in ("i", "em"):
        walker.italic += 1
    elif tag == "time":
        walker.out.times.append(Mark(element.get("datetime") or "", element, len(walker.out.blocks)))
    elif tag == "img":
        walker.stack[-1].has_image = True
    text = element.text
    if text:
        if walker.pieces and text[0].isupper() and walker.pieces[-1][-1:].islower():
            walker.add(" ")  # two elements that only style sets apart: `<span>by</span><span>Ann</span>`
        walker.add(text)


def _end_inline(walker: _Walker, element: _Element, tag: str) -> None:
    if tag == "a" and walker.anchor is not None:
        walker.close_link()
        walker.anchor = walker.anchor_element = None
    elif tag in ("b", "strong"):
        walker.bold = max(0, walker.bold - 1)
    elif tag in ("i", "em"):
        walker.italic = max(0, walker.italic - 1)


def _start_block(walker: _Walker, element: _Element, tag: object) -> None:
    walker.flush()
    name = tag if isinstance(tag, str) else ""
    stack = walker.stack
    parent = stack[-1] if stack else None
    own = _REGION_BY_TAG.get(name, 0)
    is_heading = False
    if name != "html" and name != "body" and (attributes := element.items()):
        more, is_heading = _region_of_attributes(dict(attributes))
        own |= more
    region = own | parent.region if parent else own
    node = Node(element, name, parent, len(stack), region, own, len(walker.out.blocks), 0, is_heading)
    walker.out.nodes.append(node)
    stack.append(node)
    controls = element.get("aria-controls")
    if controls:
        walker.out.controls[controls] = len(walker.out.blocks)
    if element.text:
        walker.add(element.text)


def _region_of_attributes(attributes: dict[str, str]) -> tuple[int, bool]:
    """What an element's attributes say it is, and whether it has the role of a heading."""
    region = 0
    role = attributes.get("role")
    if role:
        region |= _REGION_BY_ROLE.get(role, 0)
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        region |= Region.HIDDEN
    style = attributes.get("style")
    if style and "none" in style and re.search(r"display\s*:\s*none", style):
        region |= Region.HIDDEN
    names = f"{attributes.get('class', '')} {attributes.get('id', '')}"
    if 1 < len(names) < 500:
        region |= _region_of_names(names)
    prop = attributes.get("itemprop")
    if prop:
        if "articleBody" in prop:
            region |= Region.CONTENT
        elif prop == "comment":
            region |= Region.COMMENT
    return region, role == "heading"


_STRING: Final = XPath("string()")


def short_text(element: _Element) -> str:
    """The text in an element, one line, 1,000 characters at most. `itertext` takes the square of the number of comments."""
    return " ".join(_STRING(element)[:2_000].split())[:1_000]
