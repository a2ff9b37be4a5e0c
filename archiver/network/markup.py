"""Whether a page can be parsed at bounded cost: asked of its bytes, before any parser sees them. Pure."""

from __future__ import annotations

import re
from typing import Final

MAX_SIZE: Final = 10 * 1024**2
"""Bytes of a page; no story is larger."""
MAX_TAGS: Final = 300_000
"""`<` in a page or feed. libxml2 takes some 250 bytes for an element with text; the largest page of the web platform's
specifications has about 300,000 of them, end tags too."""
MAX_ATTRIBUTES: Final = 2_000
"""Of one tag. libxml2 compares each with all before it: 80,000 take 8 seconds."""
_STRETCH: Final = 16_384
"""Bytes without `>` in which a tag is looked for that holds so many attributes."""
_QUOTED: Final = re.compile(rb"""=\s*(?:"[^"]*"|'[^']*')""")
_BETWEEN: Final = re.compile(rb"[\s/]+")
_OPENING: Final = re.compile(rb"<[A-Za-z]")


def is_too_much(body: bytes) -> bool:
    """Tell whether parsing a page would take more than a page is worth.

    >>> is_too_much(b"<p>" * 1000), is_too_much(b"<p>" * 400_000), is_too_much(b"<i " + b"a1 " * 100_000 + b">")
    (False, True, True)
    """
    return len(body) > MAX_SIZE or body.count(b"<") > MAX_TAGS or _has_giant_tag(body)


def _has_giant_tag(body: bytes) -> bool:
    """Look at the stretches without `>` alone: an ordinary page has none, and a look at every 16 KB tells."""
    at = 0
    while at + _STRETCH < len(body):
        last = body.rfind(b">", at, at + _STRETCH)
        if last >= at:
            at = last + 1
            continue
        end = body.find(b">", at + _STRETCH)
        end = len(body) if end < 0 else end
        if opening := _OPENING.search(body, at, end):
            bare = _QUOTED.sub(b" ", body[opening.start() : end])
            if len(_BETWEEN.findall(bare)) > MAX_ATTRIBUTES:
                return True
        at = end + 1
    return False
