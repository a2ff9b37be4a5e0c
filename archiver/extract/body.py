"""Which blocks are the story's body: the densest container of prose, what belongs to it, and what is amid it but no part."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

from archiver.extract.blocks import Block, Blocks, Node, Region
from archiver.extract.container import find_end, goes_on, weigh_containers, widen
from archiver.extract.phrases import COMMENTS
from archiver.extract.prose import UNWANTED, prose_of
from archiver.extract.selection import Selection
from archiver.extract.trace import Trace


@dataclass(slots=True)
class Body:
    """The body as found, and what was amid it."""

    blocks: list[Block] = field(default_factory=list)
    container: Node | None = None
    interstitials: list[Block] = field(default_factory=list)
    score: float = 0.0


def find_body(
    page: Blocks,
    is_other: Callable[[Block], bool],
    start: int = 0,
    ends: Iterable[int] = (),
    later_ends: Iterable[int] = (),
    likely_ends: Iterable[int] = (),
    is_outbound: Callable[[str], bool] = lambda _: False,
    trace: Trace | None = None,
) -> Body:
    """Find the body among the blocks.

    `is_other` tells blocks that another column has claimed (title, dek, FAQ, source). `start` is the index of the headline:
    prose before it is no part of the story, where there is enough after it. `ends` are blocks after which the story is over
    (the credit, the FAQ), where most of its prose stands before them. `is_outbound` tells links to other sites: a list of
    those is part of the text, a list of links within the site is a menu. `trace` is told of the best containers.
    """
    is_other = cache(is_other)
    weights = page.prose or list(map(prose_of, page.blocks))
    prose = _weigh(page, weights, is_other, UNWANTED)
    if sum(prose) < 200:  # nothing in plain sight: what stands in side boxes or is hidden may be the story after all
        prose = _weigh(page, weights, is_other, Region.NAV | Region.FOOTER | Region.COMMENT)
    if sum(prose[start:]) >= 0.5 * sum(prose):
        prose[:start] = [0.0] * start
    comments = [b.index for b in page.blocks if b.heading and COMMENTS.match(b.text)]
    later_ends = [end for end in later_ends if not goes_on(page, prose, end)]
    # What stands after the end, comments or cards or footers, may be longer than the story.
    last = find_end(prose, start, ends, [*later_ends, *comments], likely_ends)
    prose[last:] = [0.0] * (len(prose) - last)
    scores = weigh_containers(page, prose)
    container = max(scores, key=lambda node: (scores[node], -node.depth), default=None)
    if container is None:
        return Body()
    if trace is not None:
        _note_containers(trace, page, prose, scores, container)
    first, end = widen(container, page, prose, start)
    last = min(last, end) if first < last else end
    selection = Selection(page.blocks, prose, first, last, start, is_other, is_outbound)
    return Body(selection.select(), container, selection.interstitials, scores[container])


def _weigh(page: Blocks, weights: list[float], is_other: Callable[[Block], bool], unwanted: int) -> list[float]:
    """The prose of each block, none for those in unwanted regions and those that another column has."""
    return [
        w if w and not b.region & unwanted and not is_other(b) else 0.0
        for b, w in zip(page.blocks, weights, strict=True)
    ]


def _note_containers(trace: Trace, page: Blocks, prose: list[float], scores: dict[Node, float], winner: Node) -> None:
    """Tell the trace of the five best containers, the winner first."""
    for node in heapq.nlargest(5, scores, key=lambda node: (scores[node], -node.depth)):
        inside = page.blocks[node.first : node.last]
        chars = sum(len(b.text) for b in inside)
        linked = sum(b.link_chars for b in inside)
        paragraphs = sum(w > 60 for w in prose[node.first : node.last])
        why = f"{sum(len(b.text.split()) for b in inside)} words, {paragraphs} paragraphs, links {linked / (chars or 1):.0%}"
        named = [name for bit, name in _NAMED_REGIONS.items() if node.region & bit]
        trace.note(
            "body", _path(node), "densest container", scores[node],
            ", ".join([why, *(f"in {name}" for name in named)]), won=node is winner,
        )  # fmt: skip


_NAMED_REGIONS = {
    Region.CONTENT: "what is called the text", Region.ARTICLE: "an article", Region.MAIN: "main",
    Region.HEADER: "a header", Region.ASIDE: "an aside", Region.FORM: "a form", Region.HIDDEN: "what is hidden",
}  # fmt: skip


def _path(node: Node) -> str:
    """An element and the one around it, each with its first class: `div.article-body > section`."""
    names = [
        ".".join([n.tag, *(n.element.get("class") or "").split()[:1]]) for n in (node.parent, node) if n is not None
    ]
    return " > ".join(names)[:120]
