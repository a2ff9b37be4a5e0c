"""What the stories of a run look like, in numbers: how many have each column, how long their bodies are. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
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
    """What is kept of a story until its run is judged: twelve thousand of them are to be had in memory."""

    site: str
    section: str
    story_id: str
    url: str
    is_gone: bool
    """The visit found it gone, and brought no text."""
    filled: frozenset[str]
    """Columns that it has."""
    words: int
    """The bin that its body's length falls into."""
    own: tuple[int, ...]
    """Hashes of title, dek and body."""


@lru_cache(maxsize=1024)
def _keep(columns: frozenset[str]) -> frozenset[str]:
    """Stories of a site have few sets of columns between them."""
    return columns


def look_at(story: Story) -> Look:
    """Return what is to be judged of a story.

    >>> words_of(8 * 9), round(words_of(8 * 9 + 1))
    (512.0, 558)
    """
    return Look(
        story.site,
        story.section,
        story.story_id,
        story.url,
        story.status == "gone",
        _keep(frozenset(column for column in COLUMNS if getattr(story, column))),
        round(_BINS * math.log2(max(story.word_count, 1))),
        tuple(hash(getattr(story, column)) for column in _OWN),
    )


def words_of(place: float) -> float:
    """Return the word count in the middle of a bin."""
    return float(2 ** (place / _BINS))


def doublings(bins: float) -> float:
    """Return a difference of bins as a number of doublings."""
    return bins / _BINS


def tally(looks: Iterable[Look]) -> Quality:
    """Return what the stories of one run look like. Of several visits to one story the last counts, and none that found
    it gone.

    A title, dek or body that half of a section's stories and five or more have in common is none of theirs (the site's
    name, a cookie wall) and counts as empty.
    """
    newest = {look.story_id: look for look in looks if not look.is_gone}
    groups: dict[tuple[str, str], list[Look]] = {}
    for look in newest.values():
        groups.setdefault((look.site, look.section), []).append(look)
    quality: Quality = {}
    for (site, section), group in sorted(groups.items()):
        common = find_common(group)
        filled = Counter({column: sum(has_column(look, column, common) for look in group) for column in COLUMNS})
        quality.setdefault(site, {})[section] = Tally(len(group), filled, Counter(look.words for look in group))
    return quality


def find_common(looks: Sequence[Look]) -> dict[str, int]:
    """Return, by column, the hash of the text that half of the stories share though each should have its own."""
    common = {}
    for place, column in enumerate(_OWN):
        texts = Counter(look.own[place] for look in looks if column in look.filled)
        for text, number in texts.most_common(1):
            if number >= 5 and number * 2 >= len(looks):
                common[column] = text
    return common


def has_column(look: Look, column: str, common: Mapping[str, int]) -> bool:
    """Tell whether a story has a column filled with something of its own."""
    return column in look.filled and not (column in common and common[column] == look.own[_OWN.index(column)])


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
