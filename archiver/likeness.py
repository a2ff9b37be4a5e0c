"""What tells a story that has moved from one that is new: its headline and its first words. Pure."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from archiver.text import fold_text

UNLIKE: Final = "unlike"
"""Why a page is not taken for the story that its address has had."""
LEAD_WORDS: Final = 40
_FEWEST_WORDS: Final = 4
"""`Morning briefing` is the headline of many stories."""


def title_key(title: str | None) -> int | None:
    """Return a number that headlines of the same words share; None where there are too few to tell stories apart.

    >>> title_key("The Council votes — again") == title_key("the council votes again"), title_key("Morning briefing")
    (True, None)
    """
    return _key(title or "", _FEWEST_WORDS)


def lead_key(body: str) -> int | None:
    """Return a number that bodies with the same first forty words share; None for a shorter one."""
    return _key(body[: 20 * LEAD_WORDS], LEAD_WORDS)


def is_other_headline(listed: str | None, text: str) -> bool:
    """Tell whether a text has less than a third of the words of a headline under which a listing led to it.

    >>> is_other_headline("The council votes on the levy again", "Log in to read on"), is_other_headline("Briefing", "Log in")
    (True, False)
    """
    words = {word for word in fold_text(listed or "").split() if len(word) > 3}
    return len(words) >= _FEWEST_WORDS and 3 * len(words & set(fold_text(text).split())) < len(words)


def _key(text: str, fewest: int) -> int | None:
    words = fold_text(text).split()[:LEAD_WORDS]
    if len(words) < fewest:
        return None
    # 63 bits: SQLite's integers are signed.
    return int.from_bytes(blake2b(" ".join(words).encode(), digest_size=8).digest()) >> 1
