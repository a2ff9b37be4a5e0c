"""Several sources: a list of publishers and links under a heading, or the entries that `[1]` in the text points to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from archiver.extract.blocks import Anchor, Block, Blocks, Region
from archiver.extract.credit_words import may_credit, says_credit
from archiver.text import is_publisher_name, strip_arrows

_HEADING: Final = re.compile(
    r"[\W_]{0,10}(?:(?:story|article|news|original|our)\s+)?(?:sources?|quellen?|fuentes?|fonti|fontes|bronnen|källor|kilder|źródła|источники)[\W_]{0,10}",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"^(?:\[\d{1,2}\]|\(?\d{1,2}[.)])\s*")
_URL: Final = re.compile(r"https?://\S+|\bwww\.\S+")
_PARTING: Final = re.compile(r"\s*(?:[:|,;(\[–—“\"]|\s-\s)")
_ENTRY: Final = 160
"""Characters of an entry that names a publisher and a link; what is longer is a bibliography's."""
_MOST: Final = 12
"""Entries of a list that credits sources; what has more is a bibliography."""

Outbound = Callable[[Block], list[tuple[Anchor, str]]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One source of several."""

    block: Block
    name: str | None
    url: str
    anchors: list[Anchor]


def find_source_lists(page: Blocks, outbound: Outbound) -> Iterable[tuple[Block | None, list[Entry]]]:
    """Find the lists of sources: each with its heading, if it has one, and its entries in order.

    `outbound` gives a block's links to other sites. A list with an entry that is no short credit is a bibliography and
    passed over.
    """
    for block, following in pairwise(page.blocks):
        if block.links or not following.links or len(block.text) > 40:
            continue
        is_heading = _HEADING.fullmatch(block.text) is not None
        if not (is_heading or _is_label(block)):
            continue
        entries = list(_read_entries(page.blocks[block.index + 1 : block.index + _MOST + 2], outbound))
        if 0 < len(entries) <= _MOST:
            yield block, entries
            if is_heading:
                return
    cited = [i for i, b in enumerate(page.blocks) if b.text.startswith("[1]") and b.links]
    if cited and any("[1]" in b.text[1:] for b in page.blocks[: cited[-1]]):
        entries = list(_read_entries(page.blocks[cited[-1] : cited[-1] + _MOST + 1], outbound))
        if 0 < len(entries) <= _MOST:
            yield None, entries


def _is_label(block: Block) -> bool:
    """Whether a block is a credit that wants a name: `Originally reported by`."""
    elsewhere = block.region & (Region.NAV | Region.FOOTER | Region.ASIDE | Region.COMMENT)
    if elsewhere or not may_credit(block.text.lower()):
        return False
    return not any(map(str.isdigit, block.text)) and says_credit(block.text)


def _read_entries(blocks: Iterable[Block], outbound: Outbound) -> Iterable[Entry]:
    """Read entries until a block is none. Those of one list are set alike."""
    like: tuple[str, bool] | None = None
    for block in blocks:
        is_numbered = bool(_NUMBER.match(block.text))
        links = outbound(block) if len(block.text) <= _ENTRY and not block.heading else []
        if not links or (like is not None and (block.tag, is_numbered) != like) or _is_prose(block):
            return
        like = block.tag, is_numbered
        yield Entry(block, _name_in(block, links[0][0]), links[0][1], [anchor for anchor, _ in links])


def _is_prose(block: Block) -> bool:
    """A sentence with a link in it, not a credit."""
    rest = _URL.sub("", _NUMBER.sub("", block.text))
    return block.link_density < 0.3 and len(rest.split()) > 12


def _name_in(block: Block, anchor: Anchor) -> str | None:
    """The publisher that an entry names: before its link, or as the link's text."""
    text = _URL.sub("", _NUMBER.sub("", strip_arrows(block.text)))
    before = text[: text.find(anchor.text)] if anchor.text and anchor.text in text else text
    for candidate in (before, anchor.text, text):
        name = _PARTING.split(candidate.strip(), maxsplit=1)[0].strip()
        if len(name) < 60 and not _URL.match(name) and is_publisher_name(name) and name.lower() not in ("link", "here"):
            return name
    return None
