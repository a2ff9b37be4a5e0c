"""The words of a story as numbers: terms, names and figures, each in a field of its own."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.integer[Any]]

WORDS, TITLE, NAMES, NUMBERS = range(4)
FIELDS: Final = 4
"""Words of title and body's beginning; words of the title alone; capitalised names; numbers."""

LEAD: Final = 2_400
"""Characters of a body that are read, some 400 words: news says first what it is about."""
TITLE_WEIGHT: Final = 3
"""How often a word of the title counts among the words."""
_MOST: Final = 65_535
_BLOCK: Final = 256
"""Stories that wait, at most: 4,096 take 20 MB, and no less time."""
_TITLE_MARK: Final = "\0"

_TOKEN: Final = re.compile(
    r"""[\u3040-\u30ff\u3400-\u9fff]     # in Chinese and Japanese a character is a word
      | (?:[.!?:;"“”„«»\n]\s*)?         # after these a capital says nothing
        [^\W\d_\u3040-\u30ff\u3400-\u9fff]+(?:['’][^\W\d_]+)*
      | \d+(?:[.,]\d+)*
    """,
    re.VERBOSE,
)
_ASCII_TOKEN: Final = re.compile(r"""(?:[.!?:;"\n]\s*)?[A-Za-z]+(?:'[A-Za-z]+)*|[0-9]+(?:[.,][0-9]+)*""")
"""The same of text that is all ASCII, in two thirds of the time."""
_SMALL_WORDS: Final = frozenset(
    """a an the and or but if of to in on at by for from with as is are was were be been being it its this that these
    those he she they his her their them him i we you our your not no nor so than then there here what which who whom
    when where why how all any both each few more most other some such only own same too very can will just should
    would could may might must do does did done has have had having into over after before about against between
    through during up down out off under again further once also said says say new one two it's that's he's she's
    don't didn't doesn't isn't wasn't won't can't couldn't wouldn't i'm we're they're you're there's""".split()
)
_STARTS: Final = '.!?:;"“”„«» \t\r\n\u00a0'
_COUNTED: Final = {
    word: str(number)
    for number, word in enumerate(
        """three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
        nineteen twenty""".split(),
        3,
    )
} | {word: str(number * 10) for number, word in enumerate("thirty forty fifty sixty seventy eighty ninety".split(), 3)}
"""Where one newsroom prints `eleven`, another prints 11."""


def stem_word(word: str) -> str:
    """Return an English word without its commonest endings; the same word always gives the same stem.

    >>> [stem_word(word) for word in ("rules", "ruled", "ruling", "policies", "glass", "stopped")]
    ['rul', 'rul', 'rul', 'polici', 'glass', 'stop']
    """
    if len(word) < 4 or not word.isascii():
        return word
    if word.endswith("ies"):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        stem = word[: -len(ending)]
        if word.endswith(ending) and len(stem) > 2 and any(vowel in stem for vowel in "aeiouy"):
            word = stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "lsz" else stem
            break
    if word.endswith("ly") and len(word) > 5:
        word = word[:-2]
    if len(word) > 3 and word[-1] == "y" and word[-2] not in "aeiou":
        word = word[:-1] + "i"
    return word[:-1] if word[-1] == "e" and len(word) > 3 else word


@dataclass(frozen=True, slots=True)
class Counts:
    """The terms of stories, and how often each stands in each; the terms of one story stand together, in order."""

    starts: Ints
    """Story → where its terms begin; one more than there are stories."""
    terms: Ints
    times: Ints
    fields: Ints
    """Term → its field."""

    def __len__(self) -> int:
        return len(self.starts) - 1


class Texts:
    """Takes stories in, and keeps of each only the numbers of its terms.

    What a token of the text means is worked out once: nine tokens in ten have been met before. A story's tokens are
    turned into terms later, many stories at a time, for numpy does so in a tenth of the time.
    """

    def __init__(self) -> None:
        self._terms: dict[tuple[int, str], int] = {}
        self._fields: array[int] = array("b")
        self._tokens = _Numbers(self._look_up)
        self._meanings: list[array[int]] = [array("q", [0]), array("i"), array("i")]
        """Where the terms of each token begin; the terms; how often each counts."""
        self._waiting: list[tuple[array[int], array[int]]] = []
        self._blocks: list[tuple[Ints, Ints, Ints]] = []

    def add(self, title: str, body: str) -> None:
        """Take a story in; its number is how many there were before."""
        # A title's tokens are others than the same of a body: they begin with what no token of a body holds.
        found = Counter(_find_tokens("\n" + body[:LEAD]))
        found.update([_TITLE_MARK + token for token in _find_tokens(title)])
        self._waiting.append((array("i", map(self._tokens.__getitem__, found)), array("q", found.values())))
        if len(self._waiting) == _BLOCK:
            self._settle()

    def count(self) -> Counts:
        """Return the counts of all stories."""
        self._settle()
        lengths, terms, times = (
            np.concatenate([block[part] for block in self._blocks]) if self._blocks else np.empty(0, np.int32)
            for part in range(3)
        )
        return Counts(np.concatenate([[0], np.cumsum(lengths)]), terms, times, np.array(self._fields, np.int64))

    def _settle(self) -> None:
        """Turn the tokens of the stories that wait into terms; different tokens of one story may mean the same."""
        stories = len(self._waiting)
        if not stories:
            return
        tokens = np.frombuffer(b"".join(ids for ids, _ in self._waiting), np.int32)
        counts = np.frombuffer(b"".join(counts for _, counts in self._waiting), np.int64)
        owners = np.repeat(np.arange(stories), [len(ids) for ids, _ in self._waiting])
        self._waiting = []
        starts, terms, weights = (np.array(part) for part in self._meanings)
        lengths = np.diff(starts)[tokens]
        run = np.repeat(starts[tokens] - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
        size = max(1, len(self._fields))
        keys = np.repeat(owners, lengths) * size + terms[run]
        order = np.argsort(keys)
        keys, times = keys[order], (np.repeat(counts, lengths) * weights[run])[order]
        begins = np.flatnonzero(np.diff(keys, prepend=-1))
        self._blocks.append(
            (
                np.bincount(keys[begins] // size, minlength=stories).astype(np.int32),
                (keys[begins] % size).astype(np.int32),
                np.minimum(np.add.reduceat(times, begins) if len(begins) else times, _MOST).astype(np.uint16),
            )
        )

    def _look_up(self, token: str) -> None:
        """Work out what a token means, the next in number."""
        starts, terms, times = self._meanings
        for term, count in self._read(token):
            terms.append(term)
            times.append(count)
        starts.append(len(terms))

    def _read(self, token: str) -> Iterator[tuple[int, int]]:
        """Tell the terms that a token stands for, and how often it counts as each."""
        is_title, token = token[0] == _TITLE_MARK, token.removeprefix(_TITLE_MARK)
        weight = TITLE_WEIGHT if is_title else 1
        printed = token.lstrip(_STARTS)
        plain = printed.lower().replace("’", "'").removesuffix("'s")
        if printed[0].isdigit():
            yield self._number(NUMBERS, printed.replace(",", "")), 1
        elif plain in _COUNTED:
            yield self._number(NUMBERS, _COUNTED[plain]), 1
        if plain not in _SMALL_WORDS:
            word = stem_word(plain)
            yield self._number(WORDS, word), weight
            if is_title:
                yield self._number(TITLE, word), 1
            elif printed == token and token[0].isupper():
                yield self._number(NAMES, plain), 1

    def _number(self, field: int, text: str) -> int:
        key = (field, text)
        term = self._terms.get(key)
        if term is None:
            term = self._terms[key] = len(self._terms)
            self._fields.append(field)
        return term


def _find_tokens(text: str) -> list[str]:
    return (_ASCII_TOKEN if text.isascii() else _TOKEN).findall(text)


class _Numbers(dict[str, int]):
    """Numbers what it is asked for, and tells of each that is new."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell

    def __missing__(self, token: str) -> int:
        self._tell(token)
        self[token] = number = len(self)
        return number
