"""Which blocks of the text's container are text: all but what leads on, what every story of the site has, and other columns'."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from archiver.extract.blocks import Block, Node, Region
from archiver.extract.boxes import button_boxes, link_lists, list_of, table_rows
from archiver.extract.container import home
from archiver.extract.phrases import BOILERPLATE, ENDS, LEADS_ON
from archiver.extract.prose import UNWANTED, ends_sentence, is_cjk

_CONTROLS: Final = frozenset(("button", "label", "summary", "th", "legend"))
_NO_LINES: Final = frozenset(("button", "label", "li", "td", "summary"))
_PARAGRAPHS: Final = frozenset(("p", "blockquote", "pre"))
_WORD: Final = re.compile(r"\w")


@dataclass(slots=True)
class Selection:
    """The container's blocks, told apart one after the other."""

    blocks: list[Block]
    """The page's."""
    prose: list[float]
    first: int
    last: int
    start: int
    """Index of the headline: before it only prose counts."""
    is_other: Callable[[Block], bool]
    is_outbound: Callable[[str], bool]
    kept: list[Block] = field(default_factory=list)
    interstitials: list[Block] = field(default_factory=list)
    parents: set[Node | None] = field(default_factory=set)
    """What the paragraphs kept so far stand in."""
    homes: set[tuple[str, str]] = field(default_factory=set)
    printed: dict[str, Node | None] = field(default_factory=dict)
    """Long texts kept so far, and what each stands in."""
    around: Counter[Node | None] = field(init=False)
    """What paragraphs of the container stand in, and how many."""
    in_tables: bool = field(init=False)
    """The page is laid out in tables: that a block stands in one says nothing."""
    loose: bool = field(init=False)
    """The text stands in elements that mean nothing: short lines between may be subheadings."""
    menus: set[Node] = field(init=False)
    rows: dict[int, Block | None] = field(init=False)
    boxed: set[int] = field(init=False)
    cards: set[int] = field(init=False)

    def __post_init__(self) -> None:
        inside = self.blocks[self.first : self.last]
        weighty = [b for b, w in zip(inside, self.prose[self.first : self.last], strict=True) if w > 60]
        tags = Counter(b.tag for b in weighty)
        self.around = Counter(b.node.parent for b in weighty)
        self.loose = tags.get("p", 0) < 0.4 * sum(tags.values())
        total = sum(self.prose[b.index] for b in weighty)
        laid_out = sum(self.prose[b.index] for b in weighty if b.region & Region.TABLE)
        self.in_tables = laid_out > 0.7 * total
        self._fit(weighty)
        inside = self.blocks[self.first : self.last]
        self.menus = link_lists(inside, self.is_outbound)
        self.rows = table_rows(inside, self.is_outbound)
        self.boxed = button_boxes(inside, self.prose)
        self.cards = set(self._cards(inside))

    def _fit(self, weighty: list[Block]) -> None:
        """Begin and end where the element does that the text's edge stands in: a paragraph of a few words may be first
        or last, and what stands behind an element of text and line breaks is another box.
        """
        if not weighty:
            return
        node, lines = Counter(b.node for b in weighty).most_common(1)[0]
        if lines > 2 and lines > 0.6 * len(weighty):
            self.last = min(self.last, node.last)
        while self.first > self.start + 1 and self._goes_with(self.blocks[self.first - 1], weighty[0]):
            self.first -= 1
        for index in range(self.last, len(self.blocks)):
            block = self.blocks[index]
            if self._goes_with(block, weighty[-1]):
                self.last = index + 1
            elif not is_interstitial(block):
                break

    def _goes_with(self, block: Block, beside: Block) -> bool:
        """Whether a short paragraph is set as the one beside it."""
        return (
            block.tag == beside.tag == "p"
            and ends_sentence(block.text)
            and not block.links
            and block.region == beside.region
            and (block.node.parent is beside.node.parent or (home(block) == home(beside) and home(block)[1] != ""))
            and not self.is_other(block)
        )

    def select(self) -> list[Block]:
        """The blocks of the text; what led the reader on amid them is in `interstitials`."""
        remaining = sum(self.prose[self.first : self.last])
        total = remaining or 1.0
        for index in range(self.first, self.last):
            block, weight = self.blocks[index], self.prose[index]
            remaining -= weight
            if (index < self.start and weight <= 0) or self.is_other(block):
                continue
            if index in self.rows:
                row = self.rows[index]
                if row is not None:
                    self.kept.append(row)
            elif index in self.boxed:
                continue
            elif self._is_elsewhere(block):
                self._note_boxed_lead(block)
            elif index in self.cards:
                continue
            elif _is_end(block):
                if remaining < 0.25 * total and not self._goes_on(index):
                    break
            elif is_interstitial(block):
                self.interstitials.append(block)
            elif self._is_text(block) and not self._is_repeated(block):
                self._keep(block)
        return list(_drop_stray_headings(self.kept))

    def _keep(self, block: Block) -> None:
        self.kept.append(block)
        if len(block.text) > 60:
            self.printed[block.text] = block.node.parent
        if self.prose[block.index] > 90:
            self.parents.add(block.node.parent)
            self.homes.add(home(block))

    def _goes_on(self, index: int) -> bool:
        """Whether paragraphs follow where those before stood, or in boxes of their kind."""
        return any(
            self.prose[i] > 90 and (self.blocks[i].node.parent in self.parents or home(self.blocks[i]) in self.homes)
            for i in range(index, self.last)
        )

    def _cards(self, inside: list[Block]) -> Iterable[int]:
        """The last blocks of a text, where they are headings that lead to other stories, each over a line or two on its own."""
        found: list[int] = []
        headings = paragraphs = 0
        for block in reversed(inside):
            # The end of a link that was never closed is link text without a link.
            leads_on = block.link_density > 0.9 and block.links and not self.is_outbound(block.links[0].href)
            if block.heading and leads_on:
                found += range(block.index, block.index + paragraphs + 1)
                headings, paragraphs = headings + 1, 0
            elif not block.heading and not paragraphs and len(block.text) < 300 and not block.links:
                paragraphs = 1
            else:
                break
        return found if headings > 2 else ()

    def _is_repeated(self, block: Block) -> bool:
        """The same text again, for another width of screen; a story's own repetition stands beside the first."""
        text = block.text
        return len(text) > 60 and text in self.printed and self.printed[text] is not block.node.parent

    def _is_elsewhere(self, block: Block) -> bool:
        """Tell whether a block stands in a region that keeps it out of the body.

        A quotation in the text counts even in a figure or as an embedded post, a sentence beside paragraphs even if it
        stands beside an image, and so does a paragraph that a paywall hides among visible ones.
        """
        region = block.region & UNWANTED
        if block.region & Region.QUOTE and not block.region & Region.CAPTION:
            region &= ~Region.FIGURE
            if block.region & Region.CONTENT:
                region &= ~Region.CHROME
        if region == Region.SMALL_BOX:
            return block.node.parent not in self.around or not ends_sentence(block.text)
        if region == Region.HIDDEN and "paywall" in (block.node.element.get("class") or ""):
            return block.node.parent not in self.around
        return region != 0

    def _note_boxed_lead(self, block: Block) -> None:
        out_of_text = block.region & UNWANTED & ~(Region.CHROME | Region.ASIDE | Region.SMALL_BOX)
        if block.links and not out_of_text and LEADS_ON.match(block.text):
            self.interstitials.append(block)

    def _is_text(self, block: Block) -> bool:
        text, tag = block.text, block.tag
        if BOILERPLATE.match(text):
            return False
        if block.heading:
            linked = block.link_density >= 0.6  # a card's; one of many beside the story's paragraphs is the story's own
            return len(text) < 300 and (not linked or self.around[block.node.parent] > 2)
        if tag in _CONTROLS:
            return False
        if self.loose and self._is_loose_line(block):
            return True
        if tag == "li" or block.region & Region.ITEM:
            return list_of(block) not in self.menus
        if block.link_density > 0.6:
            return tag == "p" and (_is_linked_sentence(block) or self._is_list_of_links(block))
        if tag in _PARAGRAPHS:
            return _WORD.search(text) is not None
        if block.region & Region.TABLE and not self.in_tables:
            return len(text) > 60 and ends_sentence(text)
        is_long = len(text) >= (12 if is_cjk(text) else 40)
        if self.loose:
            return is_long or ends_sentence(text)
        # where the text stands in paragraphs, what stands in none is a box, or a label beside them
        return is_long and block.node.parent in self.around and (tag != "div" or ends_sentence(text))

    def _is_list_of_links(self, block: Block) -> bool:
        return len(block.links) > 1 and all(self.is_outbound(a.href) for a in block.links)

    def _is_loose_line(self, block: Block) -> bool:
        """Tell whether a short line between two paragraphs belongs to the text by its place alone: beside both, no link in it.

        A subheading set unlike them, or an item of a list that is made of divs.
        """
        if block.links or (block.tag in _NO_LINES and not (self.in_tables and block.tag == "td")):
            return False
        if self._is_item(block):
            return True
        words = len(block.text.split())
        if not 2 <= words <= 14:
            return False
        before, after = self._prose_beside(block, -1), self._prose_beside(block, 1)
        if before is None or after is None:
            return False
        same_style = block.tag == after.tag and all(
            block.node.element.get(name) == after.node.element.get(name) for name in ("class", "style")
        )
        if same_style and not block.is_bold:
            return words > 3
        return not ends_sentence(block.text.rstrip("?")) and not block.text[0].islower()

    def _prose_beside(self, block: Block, step: int) -> Block | None:
        """The nearest paragraph before or after a block with the same parent; boxes and links between them do not count."""
        for index in range(block.index + step, block.index + 5 * step, step):
            if 0 <= index < len(self.blocks) and self.prose[index] > 60:
                beside = self.blocks[index]
                if _row(beside) is _row(block):
                    return beside
        return None

    def _is_item(self, block: Block) -> bool:
        """One of the lines that an element amid the paragraphs holds, and nothing else: a list made of divs."""
        box = block.node.parent
        if box is None or not 2 <= box.last - box.first <= 40 or not self.first < box.first < box.last < self.last:
            return False
        inside = self.blocks[box.first : box.last]
        around = (range(box.first - 1, box.first - 4, -1), range(box.last, box.last + 3))
        return all(
            b.node.parent is box and b.tag == block.tag and not b.links and len(b.text) < 120 for b in inside
        ) and all(
            any(
                self.first <= i < self.last and self.prose[i] > 60 and self.blocks[i].node.parent is box.parent
                for i in beside
            )
            for beside in around
        )


def _row(block: Block) -> Node | None:
    """What the paragraphs beside a block stand in: its parent, or the table whose row it is."""
    parent = block.node.parent
    return parent.parent if block.tag == "td" and parent is not None and parent.last - parent.first == 1 else parent


def is_interstitial(block: Block) -> bool:
    """Tell whether a block leads the reader to another story: `Read more TITLE →`, a paragraph that is but a link."""
    text = block.text
    if block.heading or (not block.links and len(text) > 120):
        return False
    if (block.link_density > 0.3 or len(text) < 60) and LEADS_ON.match(text):
        return True
    if block.region & Region.ITEM or len(text) <= 15:
        return False
    if len(block.links) == 1 and block.link_density > 0.5 and _before_link(block).endswith(":"):
        return True  # `Lesen Sie auch: TITLE`, in any language
    return block.link_density > 0.8 and not _is_linked_sentence(block)


def _is_end(block: Block) -> bool:
    text = block.text
    return len(text) < 90 and (block.heading > 0 or block.link_density < 0.5) and ENDS.match(text) is not None


def _before_link(block: Block) -> str:
    """What a block says before its first link, where that begins as the link's own text does."""
    return block.text.partition(block.links[0].text[:20])[0].rstrip()


def _is_linked_sentence(block: Block) -> bool:
    """A sentence of the text of which most is a link: it begins, and ends, as its own. Titles end without a stop."""
    text = block.text
    if block.tag != "p" or len(text) < 40 or not block.links or text.rstrip("\"'”’»)")[-1:] not in (".", "。"):
        return False
    before = _before_link(block)
    return len(text) - block.link_chars > 3 and before != "" and not before.endswith(":")


def _drop_stray_headings(kept: Sequence[Block]) -> Iterable[Block]:
    """Every block but headings with no text before the next heading of the same or a higher level."""
    for position, block in enumerate(kept):
        if block.heading:
            following = next((b for b in kept[position + 1 :] if not b.heading or b.heading <= block.heading), None)
            if following is None or following.heading:
                continue
        yield block
