"""What a page prints, block by block, in reading order, with what surrounds each block.

Every rule about the body, the FAQ, the headline or the source asks these blocks, never the tree again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from lxml.etree import XPath, _Element

from archiver.extract.regions import CLUTTER as CLUTTER
from archiver.extract.regions import Region as Region


@dataclass(slots=True, eq=False)
class Node:
    """A block-level element that holds text, or is a form."""

    element: _Element
    tag: str
    parent: Node | None
    depth: int
    region: int
    """Its own and its ancestors'."""
    own: int
    heading: int
    """1-6 in a heading, else 0."""
    heading_reach: int
    """How many levels further down an element is still in that heading."""
    first: int
    """Index of its first block; `last` is one past its last."""
    last: int = 0
    image_below: int = -1
    """How many levels further down an `<img>` stands, elements without text counted too; -1 where none is near."""


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
    """1-6 in a heading, else 0: `<h2><div>` is one too."""
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
    items: list[Node] = field(default_factory=list)
    """Elements that microdata calls an item of some type."""
    prose: list[float] = field(default_factory=list)
    """How much prose each block holds; filled by the rules of the body."""
    menus: set[int] = field(default_factory=set)
    """Indexes of the blocks before which a menu was left out."""


_STRING: Final = XPath("string()")


def short_text(element: _Element) -> str:
    """The text in an element, one line, 1,000 characters at most. `itertext` takes the square of the number of comments."""
    return " ".join(_STRING(element)[:2_000].split())[:1_000]
