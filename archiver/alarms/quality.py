"""What the stories of a run look like, in numbers: how many have each column, how long their bodies are. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, TypeAlias

from archiver.items import Story

COLUMNS: Final = (
    "title",
    "dek",
    "body",
    "faq",
    "authors",
    "source_name",
    "source_url",
    "links",
    "related",
    "section_label",
    "published_at",
    "modified_at",
    "language",
    "tags",
    "image_url",
)
"""Columns of a story that its page may leave empty, and the two without which it is none."""

_BITS: Final = {column: 1 << place for place, column in enumerate(COLUMNS)}
_OWN: Final = ("title", "dek", "body")
"""Columns in which every story says something of its own."""
_BINS: Final = 8
"""Of word counts, to each doubling: an eighth of one is 9 %."""


@dataclass
class Tally:
    """The stories of one section in one run."""

    stories: int = 0
    filled: Counter[str] = field(default_factory=Counter)
    """Column → stories that have it."""
    words: Counter[int] = field(default_factory=Counter)
    """Eight times the binary logarithm of a body's words, rounded → stories."""

    def add(self, other: Tally) -> None:
        self.stories += other.stories
        self.filled.update(other.filled)
        self.words.update(other.words)


Quality: TypeAlias = dict[str, dict[str, Tally]]
"""Site → slug of the section → its stories."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is kept of a story until its run is judged."""

    site: str
    section: str
    url: str
    is_gone: bool
    """The visit found it gone, and brought no text."""
    filled: int
    """A bit for each of COLUMNS that it has."""
    words: int
    """The bin that its body's length falls into."""
    own: tuple[int, ...]
    """Hashes of title, dek and body."""


def look_at(story: Story) -> Look:
    """Return what is to be judged of a story.

    >>> words_of(8 * 9), round(words_of(8 * 9 + 1))
    (512.0, 558)
    """
    return Look(
        story.site,
        story.section,
        story.url,
        story.status == "gone",
        sum(bit for column, bit in _BITS.items() if getattr(story, column)),
        round(_BINS * math.log2(max(story.word_count, 1))),
        tuple(hash(getattr(story, column)) for column in _OWN),
    )


def words_of(place: float) -> float:
    """Return the word count in the middle of a bin."""
    return float(2 ** (place / _BINS))


def doublings(bins: float) -> float:
    """Return a difference of bins as a number of doublings."""
    return bins / _BINS


def tally(read: Callable[[], Iterable[Look]]) -> Quality:
    """Return what the stories of one run look like; `read` gives them by site and section, one of each story, and is called
    twice. A visit that found its story gone does not count.

    A title, dek or body that half of a section's stories and five or more have in common is none of theirs (the site's
    name, a cookie wall) and counts as empty.
    """
    common = {place: find_common(group) for place, group in _by_section(read())}
    quality: Quality = {}
    for (site, section), group in _by_section(read()):
        found = Tally()
        for look in group:
            found.stories += 1
            found.filled.update(column for column in COLUMNS if has_column(look, column, common[site, section]))
            found.words[look.words] += 1
        quality.setdefault(site, {})[section] = found
    return quality


def _by_section(looks: Iterable[Look]) -> Iterator[tuple[tuple[str, str], Iterator[Look]]]:
    return groupby((look for look in looks if not look.is_gone), attrgetter("site", "section"))


def find_common(looks: Iterable[Look]) -> dict[str, int]:
    """Return, by column, the hash of the text that half of the stories share though each should have its own."""
    stories = 0
    texts: dict[str, Counter[int]] = {column: Counter() for column in _OWN}
    for look in looks:
        stories += 1
        for column, text in zip(_OWN, look.own, strict=True):
            if look.filled & _BITS[column]:
                texts[column][text] += 1
    common = {}
    for column, counts in texts.items():
        for text, number in counts.most_common(1):
            if number >= 5 and number * 2 >= stories:
                common[column] = text
    return common


def has_column(look: Look, column: str, common: Mapping[str, int]) -> bool:
    """Tell whether a story has a column filled with something of its own."""
    return bool(look.filled & _BITS[column]) and not (
        column in common and common[column] == look.own[_OWN.index(column)]
    )


def share_filled(quality: Quality) -> dict[str, float]:
    """Return the share of all stories that have each column, 0 to 1; nothing where there is no story."""
    whole = Tally()
    for sections in quality.values():
        for each in sections.values():
            whole.add(each)
    return {column: round(whole.filled[column] / whole.stories, 4) for column in COLUMNS} if whole.stories else {}


def quality_to_json(quality: Quality) -> dict[str, Any]:
    """Return the tallies as a run record holds them."""
    return {
        site: {
            section: {
                "stories": each.stories,
                "filled": {column: each.filled[column] for column in COLUMNS},
                "words": {str(place): each.words[place] for place in sorted(each.words)},
            }
            for section, each in sections.items()
        }
        for site, sections in quality.items()
    }


def quality_from_json(record: object) -> Quality:
    """Read what `quality_to_json` made. ValueError where it is something else.

    >>> quality_from_json({"a.example": {"policy": {"stories": 2, "filled": {"dek": 1}, "words": {"72": 2}}}})
    {'a.example': {'policy': Tally(stories=2, filled=Counter({'dek': 1}), words=Counter({72: 2}))}}
    """
    try:
        return {
            str(site): {
                str(section): Tally(
                    int(told["stories"]),
                    Counter({str(column): int(number) for column, number in told["filled"].items()}),
                    Counter({int(place): int(number) for place, number in told["words"].items()}),
                )
                for section, told in sections.items()
            }
            for site, sections in record.items()  # type: ignore[attr-defined]
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no tallies of stories: {record!r:.80}") from error
