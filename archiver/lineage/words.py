"""The words of a story as numbers: terms, names and figures, each in a field of its own."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

WORDS, TITLE, NAMES, NUMBERS = range(4)
FIELDS: Final = 4
"""Words of title and body's beginning; words of the title alone; capitalised names; numbers."""

LEAD: Final = 2_400
"""Characters of a body that are read, some 400 words: news says first what it is about."""
TITLE_WEIGHT: Final = 3
"""How often a word of the title counts among the words."""
_MOST: Final = 65_535

_TOKEN: Final = re.compile(
    r"""[\u3040-\u30ff\u3400-\u9fff]     # in Chinese and Japanese a character is a word
      | (?:[.!?:;"“”„«»\n]\s*)?         # after these a capital says nothing
        [^\W\d_\u3040-\u30ff\u3400-\u9fff]+(?:['’][^\W\d_]+)*
      | \d+(?:[.,]\d+)*
    """,
    re.VERBOSE,
)
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
    """The terms of one story, and how often each stands in it: 1.3 kB, where a dictionary takes 20."""

    terms: array[int]
    """Of 32 bits."""
    times: array[int]
    """Of 16 bits."""


class Vocabulary:
    """Gives each term of each field a number, and remembers in how many stories it stood.

    What a token of the text means is worked out once: nine tokens in ten have been met before.
    """

    def __init__(self) -> None:
        self._terms: dict[tuple[int, str], int] = {}
        self.field: array[int] = array("b")
        """Term → its field."""
        self._tokens: dict[str, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self._terms)

    def count(self, title: str, body: str) -> Counts:
        """Return the terms of a story and how often each stands in it."""
        found: dict[int, int] = {}
        get, known = found.get, self._tokens.get
        for token, times in Counter(_TOKEN.findall("\n" + body[:LEAD])).items():
            terms = known(token)
            if terms is None:
                terms = self._tokens[token] = tuple(self._read(token))
            for term in terms:
                found[term] = get(term, 0) + times
        for token, times in Counter(_TOKEN.findall(title)).items():
            for term in self._read(token):
                if self.field[term] == WORDS:
                    found[term] = get(term, 0) + TITLE_WEIGHT * times
                    of_title = self._number(TITLE, str(term))
                    found[of_title] = get(of_title, 0) + times
                elif self.field[term] == NUMBERS:
                    found[term] = get(term, 0) + times
        return Counts(array("i", found), array("H", (min(times, _MOST) for times in found.values())))

    def _read(self, token: str) -> Iterator[int]:
        """Tell the word, the name and the number that a token stands for, as far as it is one."""
        if token[0].isdigit():
            yield self._number(WORDS, token)
            yield self._number(NUMBERS, token.replace(",", ""))
            return
        printed = token.lstrip(_STARTS)
        plain = printed.lower().replace("’", "'").removesuffix("'s")
        if plain in _COUNTED:
            yield self._number(NUMBERS, _COUNTED[plain])
        if plain not in _SMALL_WORDS:
            yield self._number(WORDS, stem_word(plain))
            if printed == token and token[0].isupper():
                yield self._number(NAMES, plain)

    def _number(self, field: int, text: str) -> int:
        key = (field, text)
        term = self._terms.get(key)
        if term is None:
            term = self._terms[key] = len(self._terms)
            self.field.append(field)
        return term
