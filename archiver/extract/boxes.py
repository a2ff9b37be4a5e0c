"""Groups of blocks that stand or fall together: lists of links, boxes around a button, tables of data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from archiver.extract.blocks import Block, Node, Region
from archiver.extract.prose import UNWANTED

_AROUND_TABLES: Final = Region.FIGURE | Region.SMALL_BOX
"""A table may be a figure, and stand beside an image."""


def _closest(node: Node, tags: tuple[str, ...]) -> Node | None:
    """The element itself or the nearest around it that is one of these."""
    here: Node | None = node
    while here is not None and here.tag not in tags:
        here = here.parent
    return here


def list_of(block: Block) -> Node:
    """The list that a block inside an item belongs to."""
    return _closest(block.node, ("ul", "ol", "dl")) or block.node


def link_lists(blocks: Sequence[Block], is_outbound: Callable[[str], bool]) -> set[Node]:
    """Lists that are mostly links within the site, and lists of a few words an item: menus, tags, related stories."""
    lists: dict[Node, list[Block]] = {}
    for block in blocks:
        if block.region & Region.ITEM:
            lists.setdefault(list_of(block), []).append(block)
    found: set[Node] = set()
    for key, items in lists.items():
        chars = sum(len(item.text) for item in items)
        least = 0 if chars < 12 * len(items) else 0.55 * chars
        if sum(item.link_chars for item in items) > least:  # worth asking where they lead
            linked = sum(len(a.text) for item in items for a in item.links if not is_outbound(a.href))
            if linked > least:
                found.add(key)
    return found


def button_boxes(blocks: Sequence[Block], prose: Sequence[float]) -> set[int]:
    """Blocks that share a small box with a button or a field's label: an offer, a request for consent, a poll.

    None where they hold much of the text: then every paragraph has its button.
    """
    found: set[int] = set()
    if not blocks:
        return found
    first = blocks[0].index
    for block in blocks:
        if block.tag not in ("button", "label"):
            continue
        box: Node | None = None
        here = block.node.parent
        for _ in range(3):
            if here is None or here.tag == "body" or here.own & (Region.CONTENT | Region.ARTICLE | Region.MAIN):
                break
            inside = blocks[here.first - first : here.last - first] if here.first >= first else ()
            if not 0 < len(inside) <= 6 or sum(len(b.text) for b in inside) > 700:
                break
            box, here = here, here.parent
        if box is not None:
            found.update(range(box.first, box.last))
    held = sum(prose[index] for index in found)
    return found if held <= 0.4 * sum(prose[first : first + len(blocks)]) else set()


def table_rows(blocks: Sequence[Block], is_outbound: Callable[[str], bool]) -> dict[int, Block | None]:
    """The rows of tables of data, each one block in the place of its first cell; None in the places of the others.

    Tables that hold paragraphs, as old pages' layouts do, and tables of links within the site are left alone.
    """
    tables: dict[Node, dict[Node, list[Block]]] = {}
    for block in blocks:
        if block.region & Region.TABLE:
            row = _closest(block.node, ("tr",))
            table = _closest(row, ("table",)) if row is not None else None
            if row is not None and table is not None:
                tables.setdefault(table, {}).setdefault(row, []).append(block)
    found: dict[int, Block | None] = {}
    for rows in tables.values():
        if _is_data(list(rows.values()), is_outbound):
            for row, cells in rows.items():
                found.update(dict.fromkeys(c.index for c in cells))
                found[cells[0].index] = None if cells[0].region & UNWANTED & ~_AROUND_TABLES else _join(row, cells)
    return found


def _is_data(rows: list[list[Block]], is_outbound: Callable[[str], bool]) -> bool:
    cells = [cell for row in rows for cell in row]
    chars = sum(len(cell.text) for cell in cells)
    linked = sum(len(a.text) for cell in cells for a in cell.links if not is_outbound(a.href))
    columns = sum(len(row) > 1 for row in rows)
    return len(rows) > 1 and columns >= 0.6 * len(rows) and chars <= 120 * len(cells) and linked <= 0.5 * chars


def _join(row: Node, cells: list[Block]) -> Block:
    """One block of a row's cells, parted as they are printed: side by side."""
    return replace(
        cells[0],
        text=" | ".join(cell.text for cell in cells),
        node=row,
        links=[anchor for cell in cells for anchor in cell.links],
        link_chars=sum(cell.link_chars for cell in cells),
    )
