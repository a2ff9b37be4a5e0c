"""How much of a block is prose: what the body is found by."""

from __future__ import annotations

import re
from typing import Final

from archiver.extract.blocks import CLUTTER, Block, Region

UNWANTED: Final = CLUTTER | Region.CHROME | Region.HIDDEN
"""Regions whose prose is not the story's."""

_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_STOPS: Final = frozenset(".!?…:;。！？।؟")
_CLOSING: Final = "\"'”’»)]“"
_STOP: Final = re.compile(r"[.!?…。！？।؟]")
_LABELS: Final = frozenset(("button", "label", "summary", "dt", "th"))


def ends_sentence(text: str) -> bool:
    """Tell whether a text ends as a sentence does.

    >>> ends_sentence('“It passed.”'), ends_sentence("Levy passes")
    (True, False)
    """
    return text.rstrip(_CLOSING)[-1:] in _STOPS


def is_cjk(text: str) -> bool:
    """Tell whether a text is written in characters of which each says as much as a few Latin letters."""
    return not text.isascii() and _CJK.search(text) is not None


def prose_of(block: Block) -> float:
    """How much prose a block holds: characters outside links, less where it does not read as sentences."""
    text = block.text
    loose = len(text) - block.link_chars
    if loose < 20 or block.heading or block.link_chars > 0.6 * len(text) or block.tag in _LABELS:
        return 0.0
    if is_cjk(text):
        loose *= 3
    if ends_sentence(text):
        ends = 1.0 if loose > 60 else 0.6
    elif loose > 200 and _STOP.search(text):
        ends = 0.9
    else:
        ends = 0.25
    return loose * ends * (1.0 if block.tag == "p" else 0.8)
