"""Regions whose name says too much: what is called a sidebar or a form, and holds the story."""

from __future__ import annotations

from itertools import accumulate
from typing import Final

from archiver.extract.blocks import Blocks, Node, Region
from archiver.extract.prose import UNWANTED, prose_of

_SUSPICIOUS: Final = UNWANTED | Region.HEADER | Region.TABLE
_LEAST: Final = 300
"""Prose that a part must hold before its name is doubted."""


def clear_wrappers(page: Blocks) -> None:
    """Forget what a region is called where it holds the page's prose: a `<form>` around everything, a theme whose
    main column has "sidebar" in its class.
    """
    page.prose = list(map(prose_of, page.blocks))
    running = list(accumulate(page.prose, initial=0.0))
    total = running[-1]
    headlines = [block.index for block in page.blocks if block.heading == 1][:5]
    cleared: set[Node] = set()
    for node in page.nodes:
        if not node.own & (_SUSPICIOUS | Region.CONTENT):
            continue
        held = running[node.last] - running[node.first]
        if held <= _LEAST:
            continue
        if node.own & Region.CONTENT:  # what holds a part that is called the text of the story is no clutter itself
            above = node.parent
            while above is not None:
                if above.own & _SUSPICIOUS:
                    cleared.add(above)
                above = above.parent
        if node.own & _SUSPICIOUS and node.tag not in ("li", "td"):
            titled = node.own & Region.CHROME and any(node.first <= index < node.last for index in headlines)
            if titled or held > _limit(node) * total:
                cleared.add(node)
    if not cleared:
        return
    for node in page.nodes:
        if node in cleared:
            node.own &= ~_SUSPICIOUS
        node.region = node.own | (node.parent.region if node.parent else 0)
    for block in page.blocks:
        block.region = block.node.region | block.region & Region.SMALL_BOX


def _limit(node: Node) -> float:
    """The share of the page's prose above which a part cannot be what it is called."""
    if node.own & (Region.COMMENT | Region.CAPTION):
        return 0.8
    return 0.25 if node.own & Region.CHROME or node.tag == "form" else 0.6
