"""Where a story's text stands: the densest container of prose, what belongs to it, and where it is over."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from typing import Final

from archiver.extract.blocks import Block, Blocks, Node, Region

_DECAY: Final = 0.86
"""What a paragraph's prose still counts one level up: a container wins over the one inside it only when it holds a sixth
more prose. Between 0.80 and 0.90 nothing changes on the pages it was measured on."""
_LEVELS: Final = 8
_PARAGRAPHS: Final = frozenset(("p", "li", "blockquote", "td", "dd", "pre"))


def weigh_containers(page: Blocks, prose: list[float]) -> dict[Node, float]:
    """What each element around prose weighs."""
    held: dict[Node, float] = {}  # most paragraphs stand in one element: the way up from it is gone once
    for block, weight in zip(page.blocks, prose, strict=True):
        if weight > 0:
            around = block.node.parent if block.node.tag in _PARAGRAPHS else None
            around = around or block.node
            held[around] = held.get(around, 0.0) + weight
    scores: dict[Node, float] = {}
    for around, weight in held.items():
        node: Node | None = around
        for _ in range(_LEVELS):
            if node is None or node.tag == "html":
                break
            scores[node] = scores.get(node, 0.0) + weight
            weight *= _DECAY
            node = node.parent
    return scores


def goes_on(page: Blocks, prose: list[float], end: int) -> bool:
    """Whether the text goes on after a block: with paragraphs beside those before it."""
    weighty = [(b.index, b.node.parent) for b, w in zip(page.blocks, prose, strict=True) if w > 60]
    return not {p for i, p in weighty if i < end}.isdisjoint({p for i, p in weighty if i > end})


def find_end(
    prose: list[float], start: int, ends: Iterable[int], later_ends: Iterable[int], likely_ends: Iterable[int]
) -> int:
    """Where the story is over: at the first sure end with any prose before it, the comments after a short story's, or the
    first likely end after most of the page's.
    """
    before = list(accumulate(prose, initial=0.0))
    needed = (
        dict.fromkeys(likely_ends, max(300, 0.6 * before[-1]))
        | dict.fromkeys(later_ends, 300)
        | dict.fromkeys(ends, 80)
    )
    passed = [end for end, least in needed.items() if before[end] - before[min(start, end)] > least]
    return min([*passed, len(prose)])


def widen(container: Node, page: Blocks, prose: list[float], start: int) -> tuple[int, int]:
    """Widen the container to what belongs to it: a lead set apart above it, a body split over siblings."""
    first, last = container.first, container.last
    inside = sum(prose[first:last])
    homes = {home(b) for b, w in zip(page.blocks[first:last], prose[first:last], strict=True) if w > 60}
    node = container
    for _ in range(_LEVELS + 1):
        parent = node.parent
        if parent is None or parent.tag == "html":
            break
        before = _prose_like(page, prose, max(parent.first, start), first)
        after = _prose_like(page, prose, last, parent.last)
        if len(after) < 4 or sum(prose[i] for i in after) < 0.35 * inside:
            after = [i for i in after if home(page.blocks[i]) in homes]
        if before:
            first = before[0]
        needed = 0.5 if node.region & Region.CONTENT else 0.08
        if after and sum(prose[i] for i in after) > needed * inside and len(after) > 1:
            last = after[-1] + 1
        node = parent
        if parent.own & (Region.ARTICLE | Region.MAIN) or parent.tag == "body":
            break
    return first, last


def home(block: Block) -> tuple[str, str]:
    """What a block stands in: element and class of its parent. The parts of a split body stand in boxes of one kind."""
    parent = block.node.parent
    return (parent.tag, parent.element.get("class") or "") if parent else ("", "")


def _prose_like(page: Blocks, prose: list[float], first: int, last: int) -> list[int]:
    """Blocks of real prose in a range: long, ending like sentences, not in a box of links."""
    return [
        i
        for i in range(first, last)
        if prose[i] > 90 and not page.blocks[i].region & Region.HEADER and page.blocks[i].link_density < 0.35
    ]
