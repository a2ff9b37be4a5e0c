"""Rules about text alone, shared by extraction and normalisation. Pure: strings in, strings out."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import filterfalse
from typing import Final

_UNPRINTED: Final = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]"
)
"""Soft hyphens, zero-width and bidi control characters, controls that are no white space, and lone surrogates (which JSON
can spell and UTF-8 cannot)."""

_LONG_RUN: Final = re.compile(r"[^\w\s\x00-\x7f]{31,}")
"""Where there can be a run of more than 30 combining marks: ordering a run takes the square of its length (100,000 marks,
half a minute), and Unicode's stream-safe text (UAX 15) has no longer one."""

_PLAIN: Final = re.compile(
    "[ -~\u00a1-\u00ac\u00ae-\u02ff\u0400-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u3041-\u3096\u30a1-\u30fa"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]*"
)
"""Letters, digits and punctuation of the commonest scripts: printed, and NFC as they stand."""
_LETTERS: Final = re.compile(r"[^\W_]+")
_NAME: Final = r"(?P<name>(?=[^\W_])[^\n→»›!?:;]{2,60}?)"
_TAIL_CREDIT: Final = re.compile(
    rf"""(?:^|(?<=[.!?…:;)\]"”’'»])\s+|\s+[-–—|(]\s*)
         continue\s+reading\s+(?:this\s+(?:story|article)\s+)?(?:at|on|in|via|from)\s+{_NAME}\s*[.…]?\s*[→»›>)]*\s*$""",
    re.VERBOSE | re.IGNORECASE,
)
_DATELINE: Final = re.compile(
    r"""^[A-ZÀ-Þ][A-ZÀ-Þ.'’/-]{2,40}(?:[\s,]+[A-ZÀ-Þ][\w.'’/-]{0,30}){0,6}[\s,]*\((?P<name>[A-Z][\w&.’' -]{1,40})\)\s*[–—-]
        |^\((?P<name2>[A-Z][\w&.’' -]{2,40})\)\s*[–—-]""",
    re.VERBOSE,
)
_NEW_WINDOW: Final = re.compile(r"\s?\((?:opens?|öffnet|s['’]ouvre|se\s+abre)\s[^()]{0,60}\)$", re.IGNORECASE)
_ARROWS: Final = "→»›>⟶➔➜↗⇒…"
_QUESTION_MARK: Final = re.compile(
    r"^(?:Q\s?\d{0,3}\s?[.:)]|Q\d{1,3}\s?[.:)\-–]|Question\s?\d{0,3}\s?[.:)])\s*(?!and\b|&)(?=\S)"
)
_ANSWER_MARK: Final = re.compile(r"^(?:A\s?\d{0,3}\s?:|A\d{0,3}\.(?=\s)(?!\s[A-Z]\.)|Answer\s?\d{0,3}\s?[.:])\s*(?=\S)")
_NUMBERING: Final = re.compile(r"^\(?\d{1,2}\s?[.)]\s+(?=\S)")
_NAME_PARTICLES: Final = frozenset("of the and for in on de la le der die das del a e y und et".split())
"""Lower-case words that a publisher's name may hold."""
_CHARACTERS: Final = r"[\u3040-\u30ff\u3400-\u9fff]"
_CHARACTER: Final = re.compile(_CHARACTERS)
WORD: Final = re.compile(_CHARACTERS + r"|[^\W_]+(?:[’'.\-–][^\W_]+)*")
"""One word: letters and digits, joined by apostrophes, dots and hyphens; in Chinese and Japanese, one character."""

# What is ASCII but for printed punctuation, most English text, is told apart by a table and not by patterns: a quarter of
# the time.
_ASCII: Final = [chr(code) for code in range(128)]
_FOLDED: Final = str.maketrans({char: char.lower() if char.isalnum() else " " for char in _ASCII})
_SHAPES: Final = str.maketrans({char: "a" if char.isalnum() else "." if char in "'.-" else " " for char in _ASCII})
"""Character → `a` in a word, `.` where one may join two parts of it, else a space."""
_AS_ASCII: Final = (("’", "'"), ("–", "-"), ("—", " "), ("“", " "), ("”", " "), ("‘", " "), ("…", " "), ("\u00a0", " "))
"""Printed punctuation, and what stands for the same in ASCII, as far as words go."""


def normalize_text(text: str) -> str:
    """Return one line of text as the archive stores it.

    Unicode NFC, runs of white space (no-break spaces too) as one space, nothing unprinted; quotes and dashes stay.

    >>> normalize_text(" Cafe\\u0301\\u00a0 \\u00adau\\u200b lait ")
    'Café au lait'
    """
    # Most text is whole already, and telling so is a tenth of the work of making it so.
    if text.isascii() and text.isprintable() and "  " not in text and text[:1] != " " != text[-1:]:
        return text
    line = " ".join(text.split())
    if (line.isascii() and line.isprintable()) or _PLAIN.fullmatch(line):
        return line
    composed = unicodedata.normalize("NFC", _trim_marks(_UNPRINTED.sub("", text)))
    # Trimmed again, for composing may take a mark off a letter: `ǖ` and a dot below are `ụ` and two marks.
    return " ".join(_trim_marks(composed).split())


def _trim_marks(text: str) -> str:
    """Drop what goes beyond 30 combining marks in a row."""
    return text if text.isascii() else _LONG_RUN.sub(_trim_run, text)


def _trim_run(found: re.Match[str]) -> str:
    kept: list[str] = []
    marks = 0
    for char in found[0]:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= 30:
            kept.append(char)
    return "".join(kept)


def fold_text(text: str) -> str:
    """Return text for comparison: letters and digits alone, case folded, one space between words.

    >>> fold_text("“Don’t”, she said")
    'don t she said'
    """
    # A page asks for its headline twenty times, for a short line three times; of long texts none are kept.
    return _fold_line(text) if len(text) < 200 else _fold(text)


def _fold(text: str) -> str:
    if (plain := _to_ascii(text)) is not None:
        return " ".join(plain.translate(_FOLDED).split())
    return " ".join(_LETTERS.findall(unicodedata.normalize("NFKC", _trim_marks(text)).casefold()))


_fold_line = lru_cache(maxsize=4096)(_fold)


def _to_ascii(text: str) -> str | None:
    """The text with printed punctuation as ASCII has it; None where there is more that ASCII has not."""
    if text.isascii():
        return text
    for printed, plain in _AS_ASCII:
        text = text.replace(printed, plain)
    return text if text.isascii() else None


def count_words(text: str) -> int:
    """Count words.

    >>> count_words("The U.S. doesn’t — 4.5 %")
    4
    """
    if (plain := _to_ascii(text)) is not None:
        # Each begins after a space, or after what joins nothing: another such sign, or a space, stands before it.
        shape = " " + plain.translate(_SHAPES)
        return shape.count(" a") + shape.count(" .a") + shape.count("..a")
    if _CHARACTER.search(text):
        return len(WORD.findall(text))
    # Four words in five are letters alone, which need no pattern: a third of the time.
    words = text.split()
    others = list(filterfalse(str.isalpha, words))
    return len(words) - len(others) + len(WORD.findall(" ".join(others)))


def strip_arrows(text: str) -> str:
    """Drop the arrow at the end of a link's text, and `(opens in a new tab)`.

    >>> strip_arrows("Read more →"), strip_arrows("Read more (opens in a new tab)")
    ('Read more', 'Read more')
    """
    if text[-1:].isalnum() or text.endswith("."):
        return text
    if text.endswith(")") and (found := _NEW_WINDOW.search(text[-100:])):
        text = text[: len(text) - len(found[0])]
    # In steps from the end: a pattern that ends in `$` tries each arrow of the text, and takes the square of its length.
    end = len(text)
    while end and (text[end - 1] in _ARROWS or text[end - 1].isspace()):
        end -= 1
    return text[:end]


def split_tail_credit(text: str, name: str | None = None) -> tuple[str, str | None]:
    """Split `Continue reading at PUBLISHER.` off the end of a paragraph; return the rest and the publisher.

    The name may hold dots, `&` and apostrophes. With `name` given, only a credit to that publisher is split off. A
    mention amid the text stays.

    >>> split_tail_credit("It passed. Continue reading at U.S. News & Co.")
    ('It passed.', 'U.S. News & Co')
    >>> split_tail_credit("“Continue reading at home,” he said.")
    ('“Continue reading at home,” he said.', None)
    """
    tail = text[-160:]
    found = _TAIL_CREDIT.search(tail) if "continue" in tail.lower() else None
    if not found or not is_publisher_name(found["name"]):
        return text, None
    printed = found["name"].strip(' “”"')
    if name and fold_text(name) != fold_text(printed):
        return text, None
    return text[: max(0, len(text) - 160) + found.start()].rstrip(" –—-|("), printed


def find_dateline(text: str) -> str | None:
    """Return the wire that a paragraph's dateline names, if it begins with one.

    >>> find_dateline("SPRINGFIELD, Ill. (AP) — It passed."), find_dateline("(The Center Square) – It passed.")
    ('AP', 'The Center Square')
    >>> find_dateline("It (AP) - passed.")
    """
    found = _DATELINE.match(text) if "(" in text[:300] else None
    return (found["name"] or found["name2"]) if found else None


def is_publisher_name(text: str) -> bool:
    """Tell whether a text can be a publisher's name: up to six words of which the first, and most, are no lower-case prose.

    >>> is_publisher_name("Ledger & Main"), is_publisher_name("home,” he said"), is_publisher_name("wire.example")
    (True, False, True)
    """
    words = text.strip(' “”"').split()
    if not 1 <= len(words) <= 7 or any(w[-1] in ",;:!?”" for w in words):
        return False
    if len(words) == 1 and "." in words[0].strip("."):
        return True
    capital = [w for w in words if not w[0].islower()]
    return (
        (words[0] == "the" or words[0] not in _NAME_PARTICLES)
        and (not words[0][0].islower() or words[0] == "the")
        and all(w in _NAME_PARTICLES for w in words if w[0].islower())
        and bool(capital)
    )


def strip_question_mark(text: str) -> str:
    """Drop the `Q.` before a question, not a word in Q nor a title.

    >>> strip_question_mark("Q.Who pays?"), strip_question_mark("Q1 revenue fell?"), strip_question_mark("Q. and A. days?")
    ('Who pays?', 'Q1 revenue fell?', 'Q. and A. days?')
    >>> strip_question_mark("Q3: Why?"), strip_question_mark("2. Who?")
    ('Why?', 'Who?')
    """
    stripped = _QUESTION_MARK.sub("", text, count=1)
    return _NUMBERING.sub("", stripped, count=1) or text


def strip_answer_mark(text: str) -> str:
    """Drop the `A:` or `A.` before an answer, not the `A.` of an abbreviation nor an article.

    >>> strip_answer_mark("A: Everyone."), strip_answer_mark("A.I. firms."), strip_answer_mark("A. Yes.")
    ('Everyone.', 'A.I. firms.', 'Yes.')
    """
    return _ANSWER_MARK.sub("", text, count=1)
