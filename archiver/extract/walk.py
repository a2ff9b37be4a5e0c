"""The one walk over the page that reads its blocks."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from lxml.etree import XPath, _Element, iterwalk

from archiver.extract.blocks import Anchor, Block, Blocks, Mark, Node, short_text
from archiver.extract.regions import (
    LONGEST_NAMES,
    REGION_BY_TAG,
    TELLING,
    Region,
    is_named_menu,
    region_of_attribute,
    region_of_names,
)
from archiver.text import normalize_text

MAX_BLOCKS: Final = 40_000
"""Blocks of one page that are read; the longest real page tried has 11,000."""
MAX_LINKS: Final = 10_000
"""Links of one page that are read."""
MAX_MENUS: Final = 200
"""Elements of one page that are asked whether they are menus; one inside the other, each reads the same again."""
_DEEP: Final = 250
_BREAK: Final = "\x1e"
"""Stands for `<br>` between the pieces of a block: white space that no page can hold."""

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
_READ_ALOUD: Final = re.compile(r"(?:^|\s)(?:sr-only|visually-?hidden|screen-reader-text|screenreader\w*)(?:\s|$)")
"""Text for screen readers alone, as WordPress and Bootstrap call it: `(opens in a new tab)`."""
_BLOCK_STYLE: Final = re.compile(r"display\s*:\s*(?:block|flex|grid)")
_IS_MENU: Final = XPath(
    "descendant::a[6] and (self::footer or not(descendant::p)) and not(descendant::h1 or descendant::article or"
    " descendant::main or ancestor::article or ancestor::main or descendant::p[10]) and not(self::header and descendant::h2)"
)
"""Menus of the site hold a third of a page's elements, and nothing that any column is made of."""

_IS_BLOCK, _IS_BOX, _IS_LANDMARK, _IS_SKIPPED, _IS_BREAK = range(5)
_IS_INLINE, _IS_LINK, _IS_BOLD, _IS_ITALIC, _IS_IMAGE, _IS_TIME = range(5, 11)
_KINDS: Final[dict[Any, int]] = (
    dict.fromkeys(("div", "ul", "section"), _IS_BOX)
    | dict.fromkeys(("nav", "footer", "header", "aside"), _IS_LANDMARK)
    | dict.fromkeys(_SKIPPED, _IS_SKIPPED)
    | dict.fromkeys(_INLINE, _IS_INLINE)
    | {
        "br": _IS_BREAK, "a": _IS_LINK, "b": _IS_BOLD, "strong": _IS_BOLD, "i": _IS_ITALIC,
        "em": _IS_ITALIC, "img": _IS_IMAGE, "time": _IS_TIME,
    }
)  # fmt: skip
"""What an element is to the walk; a block where it is not among these. From `_IS_INLINE` on, inline."""
_LINKED, _BOLD, _ITALIC = 1, 2, 4
"""Bits for how a piece of text is set."""


_SHALLOW: Final = 60
"""Blocks around a span that may still be a block itself: each asks for the text inside."""
_SHORT: Final = 40
"""Pieces of a label, a title or a question, at most."""
_BULLETS: Final = frozenset("•◦▪‣●■")
_PARAGRAPH_PARENTS: Final = frozenset("div section article main body td dd blockquote".split())


class _TooManyBlocks(Exception):  # noqa: N818 - no error: the page is read as far as it goes
    """Raised where a page has MAX_BLOCKS, to end the walk from wherever it is."""


class _Walker:
    """One walk over the page: iterative, and bounded by MAX_BLOCKS and MAX_LINKS, so that no page can exhaust it.

    Shaped by speed. An element gets its Node when the first text in it is read: one in four or five never does. A piece of
    text is only laid beside the others, with its style; what there is to count is counted once a block.
    """

    def __init__(self) -> None:
        self.out = Blocks()
        self.elements: list[_Element] = []
        """The block-level elements around the place of the walk, outermost first."""
        self.nodes: list[Node] = []
        """The nodes of the first of them; the others have none yet."""
        self.pieces: list[str] = []
        self.styles: list[int] = []
        """How each of the pieces is set."""
        self.style = 0
        self.bold = 0
        self.italic = 0
        self.links: list[Anchor] = []
        self.link: _Element | None = None
        self.link_start = 0
        """The piece with which the text of the link begins."""
        self.has_link_text = False
        self.count = 0
        self.asked = 0
        self.sheets: dict[_Element, bool] = {}
        """Of elements that hold spans, whether a style sheet alone can part these."""
        self.images: dict[int, int] = {}
        """Depth of an element around the place of the walk → how many levels further down an image stands."""

    def walk(self, root: _Element) -> None:
        """Read the page. One loop, for it passes each element twice: a call more in it is a tenth of a parse."""
        elements, nodes, pieces, styles = self.elements, self.nodes, self.pieces, self.styles
        blocks, images = self.out.blocks, self.images
        top: _Element | None = None  # the innermost of `elements`
        breaks = 0
        events = iterwalk(root, events=("start", "end", "comment", "pi"))
        for event, element in events:
            if event == "start":
                kind = _KINDS.get(element.tag, _IS_BLOCK)
                if kind >= _IS_INLINE:
                    if top is None or ((style := element.get("style")) and _is_block_style(style)):
                        kind = _IS_BLOCK
                    elif (
                        (name := element.get("class"))
                        and _is_read_aloud(name[:LONGEST_NAMES])
                        and _has_letters(element.text)
                    ):
                        events.skip_subtree()
                        continue
                    elif (
                        kind == _IS_INLINE
                        and element.tag == "span"
                        and len(elements) < _SHALLOW
                        and _is_block_by_siblings(element, self.sheets)
                    ):
                        kind = _IS_BLOCK
                elif kind == _IS_LANDMARK or (
                    kind == _IS_BOX and (name := element.get("class")) and is_named_menu(name[:LONGEST_NAMES])
                ):
                    if self.is_menu(element):
                        self.out.menus.add(len(blocks) + bool(pieces))
                        events.skip_subtree()
                        continue
                    kind = _IS_BLOCK
                elif kind == _IS_SKIPPED:
                    if element.tag != "template" or element.get("shadowrootmode") is None:
                        events.skip_subtree()
                        continue
                    kind = _IS_BLOCK  # browsers show it at once: declarative shadow DOM
                elif kind == _IS_BREAK:
                    breaks += 1
                    if pieces:
                        pieces.append(_BREAK)
                        styles.append(0)
                    continue
                text = element.text
                if kind <= _IS_BOX:
                    if pieces:
                        self.flush()
                    breaks = 0
                    elements.append(element)
                    top = element
                else:
                    if kind > _IS_INLINE:
                        self.open_inline(element, kind)
                    if text and pieces and (text[0].isupper() or text[0] in "“„‘") and pieces[-1][-1].islower():
                        pieces.append(" ")  # only style sets them apart: `<span>by</span><span>Ann</span>`
                        styles.append(0)
            else:
                if element is top:
                    if pieces:
                        self.flush()
                    breaks = 0
                    depth = len(elements)
                    if images and depth in images:
                        self.close_image(depth)
                    elements.pop()
                    if len(nodes) == depth:
                        nodes.pop().last = len(blocks)
                    top = elements[-1] if elements else None
                elif event == "end" and (kind := _KINDS.get(element.tag, _IS_BLOCK)) > _IS_INLINE:
                    self.close_inline(element, kind)
                text = element.tail
            if not text:
                continue
            if text.isspace():
                if pieces:
                    pieces.append(" ")
                    styles.append(0)
                continue
            if breaks:
                if pieces and (breaks > 1 or self.begins_anew(text)):
                    self.flush()
                breaks = 0
            pieces.append(text)
            styles.append(self.style)

    def begins_anew(self, text: str) -> bool:
        """Whether the text after a line break is a block of its own: a list's mark begins it, or all before it is set apart
        as a label, a title or a question is, by a link or by bold or slanted letters that have ended.
        """
        initial = text.lstrip()[:1]
        if initial in _BULLETS:
            return True
        if len(self.pieces) > _SHORT:  # each line of a long block asks anew
            return False
        said = [(piece, style) for piece, style in zip(self.pieces, self.styles, strict=True) if not piece.isspace()]
        if not said or initial.islower() or said[-1][0].rstrip().endswith(":"):
            return False
        shared = ~self.style
        for _, style in said:
            shared &= style
        return bool(shared) and not self.innermost().heading

    def is_menu(self, element: _Element) -> bool:
        """Tell whether an element is a menu of the site. Each question reads all that is in it, so their number is bounded."""
        self.asked += 1
        return self.asked <= MAX_MENUS and bool(_IS_MENU(element))

    def open_inline(self, element: _Element, kind: int) -> None:
        if kind == _IS_LINK:
            self.link, self.link_start, self.has_link_text = element, len(self.pieces), False
            self.style |= _LINKED
            rel = element.get("rel") or ""
            if "author" in rel:
                self.out.authors.append(Mark(element.get("href") or "", element, len(self.out.blocks)))
        elif kind == _IS_BOLD:
            self.bold += 1
            self.style |= _BOLD
        elif kind == _IS_ITALIC:
            self.italic += 1
            self.style |= _ITALIC
        elif kind == _IS_TIME:
            self.out.times.append(Mark(element.get("datetime") or "", element, len(self.out.blocks)))
        else:
            self.images[len(self.elements)] = 0

    def close_inline(self, element: _Element, kind: int) -> None:
        if kind == _IS_LINK:
            if element is self.link:
                self.note_link()
                self.link = None
                self.style &= ~_LINKED
        elif kind == _IS_BOLD:
            self.bold = max(0, self.bold - 1)
            if not self.bold:
                self.style &= ~_BOLD
        elif kind == _IS_ITALIC:
            self.italic = max(0, self.italic - 1)
            if not self.italic:
                self.style &= ~_ITALIC

    def close_image(self, depth: int) -> None:
        """At the end of an element with an image: note the image on its node, or hand it to the element around it."""
        below = self.images.pop(depth)
        if len(self.nodes) == depth:
            self.nodes[-1].image_below = below
        elif below + 1 < _CAPTION_LEVELS and self.elements[-1].tag not in _WHOLE_PAGE:
            self.images[depth - 1] = min(below + 1, self.images.get(depth - 1, below + 1))

    def note_link(self) -> None:
        """Note the link whose text has been read; it may go on in the next block."""
        said = "".join(self.pieces[self.link_start :]).replace(_BREAK, "")
        if self.link is None or not said:
            return
        href = self.link.get("href")
        text = normalize_text(said)
        if href and (text or not self.has_link_text) and self.count < MAX_LINKS:
            self.count += 1
            self.links.append(Anchor(href.strip(), text, self.link))
            self.has_link_text = bool(text)

    def flush(self) -> None:
        """Make a block of the pieces."""
        if self.link is not None:
            self.note_link()  # a link around blocks is a link of each
        joined = "".join(self.pieces)
        if text := normalize_text(joined):
            self.add_block(text, joined)
        self.pieces.clear()
        self.styles.clear()
        self.links = []
        self.link_start = 0

    def add_block(self, text: str, joined: str) -> None:
        lines = [text]
        if _BREAK in joined:
            lines = [line for line in map(normalize_text, joined.split(_BREAK)) if line]
            text = " ".join(lines)
        if text[0] in _BULLETS and len(text) > 2:
            text = text[1:].lstrip()
            lines[0] = lines[0][1:].lstrip()
        linked = bold = italic = 0
        lead = ""
        if any(self.styles):
            linked, bold, italic, lead = self.count_styles(len(text))
        blocks, node = self.out.blocks, self.innermost()
        if (
            node.heading
            and self.links
            and len(text) > len(mark := self.links[-1].text)
            and _is_permalink(self.links[-1])
        ):
            text = text.removesuffix(mark).removeprefix(mark).strip()
            lines = [text]
            self.links = self.links[:-1]
        blocks.append(
            Block(
                len(blocks), text, node, node.heading, self.links, linked, bold, lines, node.region, lead,
                italic >= 0.95 * len(text),
            )
        )  # fmt: skip
        if len(blocks) >= MAX_BLOCKS:
            raise _TooManyBlocks

    def count_styles(self, length: int) -> tuple[int, int, int, str]:
        """Characters of the pieces that are linked, bold and italic, each at most `length`, and the bold ones at the front."""
        if len(self.pieces) == 1:  # a link in an element of its own: two of three blocks with any style
            style = self.styles[0]
            return (
                length if style & _LINKED else 0,
                length if style & _BOLD else 0,
                length if style & _ITALIC else 0,
                normalize_text(self.pieces[0]) if style & _BOLD else "",
            )
        linked = bold = italic = 0
        lead: list[str] = []
        is_lead = True
        for piece, style in zip(self.pieces, self.styles, strict=True):
            if not (chars := len(piece.strip())):
                continue
            if style & _LINKED:
                linked += chars
            if style & _ITALIC:
                italic += chars
            if style & _BOLD:
                bold += chars
                if is_lead:
                    lead.append(piece)
            else:
                is_lead = False
        return min(linked, length), min(bold, length), italic, normalize_text("".join(lead)) if lead else ""

    def innermost(self) -> Node:
        """The node of the innermost element; it and those around it are made where they have none yet."""
        nodes = self.nodes
        for element in self.elements[len(nodes) :]:
            nodes.append(self.make_node(element, nodes[-1] if nodes else None))
        return nodes[-1]

    def make_node(self, element: _Element, parent: Node | None) -> Node:
        out, tag = self.out, str(element.tag)
        own = REGION_BY_TAG.get(tag, 0)
        heading, reach = _HEADINGS.get(tag, 0), 2
        called = 0
        is_item = False
        # Names first, for values cost more to fetch, and half of them are `data-…`.
        for name in element.keys() if tag not in _ROOTS else ():
            if name == "class" or name == "id":
                called |= region_of_names(element.get(name, "")[:LONGEST_NAMES])
            elif name in TELLING:
                value = element.get(name, "")
                if name == "role" and value == "heading":
                    heading = heading or _level_of(element)
                elif name == "aria-controls":
                    out.controls[value] = len(out.blocks)
                elif name == "itemtype":
                    is_item = True
                else:
                    own |= region_of_attribute(name, value)
        own |= Region.CONTENT if called & Region.CONTENT else called
        region = own
        if parent is not None:
            region |= parent.region
            if not heading and parent.heading_reach:
                heading, reach = parent.heading, parent.heading_reach - 1
        depth = len(self.nodes)
        node = Node(element, tag, parent, depth, region, own, heading, reach if heading else 0, len(out.blocks))
        out.nodes.append(node)
        if is_item:
            out.items.append(node)
        return node


def read_blocks(root: _Element) -> Blocks:
    """Read what the page prints."""
    walker = _Walker()
    out = walker.out
    try:
        walker.walk(root)
    except _TooManyBlocks:
        out.flags.append("too-many-blocks")
        for node in walker.nodes:
            node.last = len(out.blocks)
    _mark_captions(out)
    if any(node.depth >= _DEEP for node in out.nodes):
        out.flags.append("deep-nesting")
    return out


@lru_cache(maxsize=1024)
def _is_read_aloud(name: str) -> bool:
    """Tell whether a class is of words for screen readers alone."""
    return _READ_ALOUD.search(name) is not None


def _is_block_by_siblings(element: _Element, known: dict[_Element, bool]) -> bool:
    """Whether a span is one of several side by side that only a style sheet can part: nothing stands between them, and
    two or more say whole sentences. `known` holds what was found of each parent.
    """
    if (tail := element.tail) and not tail.isspace():
        return False
    if (parent := element.getparent()) is None:
        return False
    if (found := known.get(parent)) is None:
        found = known[parent] = _holds_sentences(parent)
    return found


def _holds_sentences(parent: _Element) -> bool:
    if len(parent) < 2 or parent.tag not in _PARAGRAPH_PARENTS or (parent.text and not parent.text.isspace()):
        return False
    sentences = 0
    glued = ""
    for child in parent:
        if (child.tail and not child.tail.isspace()) or child.tag == "br":
            return False
        if child.tag == "span":
            text = short_text(child)
            least = 12 if glued and text[:1].isupper() else 60
            sentences += len(text) >= least and text[-1] in ".!?”"
            glued = "" if child.tail else text[-1:]
    return sentences > 1


def _is_permalink(anchor: Anchor) -> bool:
    """Whether a link is the mark that leads to its own heading: `#`, `¶`, `§`."""
    return len(anchor.text) < 3 and anchor.href[:1] == "#" and not any(map(str.isalnum, anchor.text))


def _has_letters(text: str | None) -> bool:
    """False for a colon for screen readers, which parts a kicker from its headline and is kept."""
    return any(map(str.isalpha, text or ""))


def _is_block_style(style: str) -> bool:
    return "display" in style and _BLOCK_STYLE.search(style) is not None


_ROOTS: Final = frozenset(("html", "body"))
_CAPTION_LEVELS: Final = 4
_WHOLE_PAGE: Final = frozenset(("body", "article", "main", "html"))


def _mark_captions(out: Blocks) -> None:
    """Mark the short text that shares a small box with an image as its caption, whatever the box is made of."""
    for node in out.nodes:
        if node.image_below >= 0:
            _mark_small_box(out, node, blocks=2, chars=280, levels=_CAPTION_LEVELS - node.image_below)


def _mark_small_box(out: Blocks, node: Node, *, blocks: int, chars: int, levels: int) -> None:
    """Mark the largest element around `node` that holds no more than so many blocks and characters."""
    box: Node | None = None
    here: Node | None = node
    for _ in range(levels):
        if here is None or here.tag in _WHOLE_PAGE or here.own & Region.CONTENT:
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


def _level_of(element: _Element) -> int:
    """The level of an element that has the role of a heading."""
    level = element.get("aria-level") or "2"
    return int(level) if level in ("1", "2", "3", "4", "5", "6") else 2
