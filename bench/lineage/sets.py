"""Sets of stories of which it is known which belong together, and how well a clustering agrees with them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

from archiver.demo.stories import BulletList, load_events, plain_text

BLOCKS = 6
"""Blocks of time for cross-validation."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A story whose event is known."""

    title: str
    body: str
    published: date
    event: str
    block: int
    """Of BLOCKS equal ones, in the order of time; all stories of an event are in one."""


def load_reports(file: Path) -> list[Labelled]:
    """Reports of one event by several newsrooms, from a file of JSON lines with `cluster`."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    months = sorted({row["published"][:7] for row in rows})
    return [
        Labelled(
            row["title"],
            row["body"],
            date.fromisoformat(row["published"]),
            str(row["cluster"]),
            months.index(row["published"][:7]) * BLOCKS // len(months),
        )
        for row in rows
    ]


def load_rewrites() -> list[Labelled]:
    """The bundled network's stories: three rewrites each of 72 events, among others on the same topics and days."""
    events = load_events()
    return [
        Labelled(
            rewrite.title,
            "\n\n".join(
                "\n\n".join(map(plain_text, block.items)) if isinstance(block, BulletList) else plain_text(block.runs)
                for block in rewrite.body
            ),
            event.published.date(),
            event.id,
            number * BLOCKS // len(events),
        )
        for number, event in enumerate(events)
        for rewrite in event.rewrites
    ]


def crowd(stories: Iterable[Labelled]) -> list[Labelled]:
    """The stories of all years in one month: as many a day as a whole network has."""
    return [replace(story, published=date(2018, 1, story.published.day)) for story in stories]


def delay(stories: Iterable[Labelled], seed: int) -> list[Labelled]:
    """The stories up to three days later, as sites follow one another."""
    random = Random(seed)
    days = [timedelta(each) for each in range(4)]
    return [replace(story, published=story.published + random.choices(days, (60, 25, 10, 5))[0]) for story in stories]


def halve(stories: Iterable[Labelled]) -> list[Labelled]:
    """Of each story its odd and its even sentences, as two: events of six, half as much to tell them by."""
    halves = []
    for story in stories:
        sentences = re.split(r"(?<=[.”!?])\s+", story.body.replace("\n\n", " "))
        for number, title in enumerate((story.title, sentences[0])):
            halves.append(replace(story, title=title, body=" ".join(sentences[number::2])))
    return halves


def thin(stories: Sequence[Labelled], seed: int, share: float = 0.6) -> list[Labelled]:
    """Three in five of the stories, or another share: some events have one left."""
    random = Random(seed)
    return [story for story in stories if random.random() < share]


def part(stories: Sequence[Labelled], size: int, seed: int) -> list[list[Labelled]]:
    """The stories as many archives of a few events each."""
    events = sorted({story.event for story in stories})
    Random(seed).shuffle(events)
    chosen = [set(events[low : low + size]) for low in range(0, len(events), size)]
    return [[story for story in stories if story.event in few] for few in chosen]


def scatter(stories: Sequence[Labelled], whole: int, days: int, seed: int) -> list[Labelled]:
    """All stories of `whole` events, one of each other, within so many days, each event on one of them."""
    random = Random(seed)
    events = sorted({story.event for story in stories})
    random.shuffle(events)
    day = {event: date(2026, 6, 1) + timedelta(random.randrange(days)) for event in events}
    kept = []
    for story in stories:
        if story.event in events[:whole] or all(other.event != story.event for other in kept):
            kept.append(replace(story, published=day[story.event]))
    return kept


def as_published(stories: Sequence[Labelled], window: int = 3) -> list[list[Labelled]]:
    """Each day with those before it, as a publisher sees them who publishes daily."""
    days: dict[int, list[Labelled]] = {}
    for story in stories:
        days.setdefault(story.published.toordinal(), []).append(story)
    return [[story for day in range(last - window, last + 1) for story in days.get(day, ())] for last in sorted(days)]


def pick_few(stories: Sequence[Labelled], seed: int) -> list[list[Labelled]]:
    """Archives of 2 to 14 stories of two days, each of one block of time; in three of five, no two are of one event."""
    random = Random(seed)
    events: dict[str, list[Labelled]] = {}
    for story in stories:
        events.setdefault(story.event, []).append(story)
    archives = []
    for block in range(BLOCKS):
        within = [each for each in events.values() if each[0].block == block]
        for size in (2, 3, 4, 6, 9, 14) * 4:
            kept: list[Labelled] = []
            if random.random() < 0.4:
                kept += random.choice([each for each in within if len(each) > 1])
            for each in random.sample(within, min(size, len(within))):
                if len(kept) < size and all(other.event != each[0].event for other in kept):
                    kept.append(random.choice(each))
            archives.append(
                [replace(story, published=date(2026, 6, 1) + timedelta(random.choice((0, 0, 1)))) for story in kept]
            )
    return archives


@dataclass(frozen=True, slots=True)
class Score:
    """Agreement of a clustering with the truth: over pairs, and B-cubed."""

    precision: float
    recall: float
    f1: float
    b3: float


def score(truth: Sequence[Hashable], found: Sequence[Hashable]) -> Score:
    true, predicted, both = Counter(truth), Counter(found), Counter(zip(truth, found, strict=True))
    hits, told, wanted = (sum(n * (n - 1) // 2 for n in each.values()) for each in (both, predicted, true))
    precision, recall = hits / told if told else 1.0, hits / wanted if wanted else 1.0
    b3_precision = sum(n * n / predicted[pair[1]] for pair, n in both.items()) / len(truth)
    b3_recall = sum(n * n / true[pair[0]] for pair, n in both.items()) / len(truth)
    return Score(precision, recall, _mean(precision, recall), _mean(b3_precision, b3_recall))


def _mean(one: float, other: float) -> float:
    return 2 * one * other / (one + other) if one + other else 0.0
