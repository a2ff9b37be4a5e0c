"""Which runs are tested together, and which ones they are compared with. Pure."""

from __future__ import annotations

from typing import Final, TypeAlias

from archiver.alarms.alarm import PastRun
from archiver.alarms.quality import Tally

RARE: Final = 3e-5
"""Probability, after a site's past, below which one test speaks."""
FEWEST: Final = 10
"""Stories that a test needs, those of the runs before that it is pooled with included."""
ENOUGH: Final = 20
"""Stories that are tested without pooling them with earlier runs."""
ENOUGH_FILLED: Final = 15
KNOWN: Final = 20
"""Stories of earlier runs without which nothing is usual."""
RUNS: Final = 30
STORIES: Final = 300
HEAVIEST: Final = 100
"""Stories for which one run counts, at most."""

Before: TypeAlias = list[tuple[PastRun, dict[str, Tally]]]
"""Earlier runs and what they brought of one site, by section; newest first."""


def since_accepted(before: Before, what: str) -> Before:
    """Return the runs up to the newest one whose alarm on this was accepted."""
    for number, (run, _) in enumerate(before):
        if what in run.accepted:
            return before[: number + 1]
    return before


def windows(before: Before, now: int, usual: float) -> list[int]:
    """Return how many of the runs before to pool with this one: as few as make the fewest stories of which anything can be
    told, and as many as make enough of them."""
    found: list[int] = []
    stories, pooled = now, 0
    while True:
        if stories >= FEWEST and not found:
            found.append(pooled)
        is_enough = stories >= ENOUGH and stories * usual >= ENOUGH_FILLED
        if is_enough or pooled == min(len(before), RUNS):
            return sorted({*found, pooled}) if found else []
        stories += sum(tally.stories for tally in before[pooled][1].values())
        pooled += 1


def limit_past(before: Before) -> Before:
    """Return the runs that make up what is usual."""
    stories = 0
    for number, (_, sections) in enumerate(before):
        if number >= RUNS and stories >= STORIES:
            return before[:number]
        stories += sum(tally.stories for tally in sections.values())
    return before
