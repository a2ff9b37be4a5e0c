"""Bodies that are suddenly longer or shorter. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from archiver.alarms.alarm import Alarm
from archiver.alarms.quality import Look, Tally, doublings, words_of
from archiver.alarms.tails import centre_of, median_of, shift_tail, spread_of
from archiver.alarms.windows import HEAVIEST, KNOWN, RARE, Before, limit_past, windows

TIMES: Final = 1.5
"""Bodies that are less than so many times as long or short as usual are as usual."""
USUAL_APART: Final = 0.12
"""Doublings by which the bodies of two runs differ, beyond chance, where nothing is known of a site."""
TRUST: Final = 5
"""Runs' worth of trust in it."""
LEAST_SPREAD: Final = 0.15
"""Doublings between the stories of a site whose bodies are all of one length: bins are hardly finer."""


def judge_length(
    site: str, now: Mapping[str, Tally], before: Before, looks: Callable[[], Sequence[Look]]
) -> Alarm | None:
    """Return an alarm where the bodies of a run are much longer or shorter than those before."""
    for pooled in windows(before, sum(tally.stories for tally in now.values()), 1.0):
        known = limit_past(before[pooled:])
        centres = _find_centres(sections for _, sections in known)
        if not centres or sum(tally.stories for _, sections in known for tally in sections.values()) < KNOWN:
            continue
        past = [_shift(centres, [sections]) for _, sections in known]
        base = sum(past, Counter[float]())
        middle = centre_of(base)
        seen = _shift(centres, [now, *(sections for _, sections in before[:pooled])])
        shift, own = centre_of(seen) - middle, centre_of(_shift(centres, [now])) - middle
        if min(abs(shift), abs(own)) < math.log2(TIMES) or shift * own < 0:
            continue
        shifts = [(centre_of(each) - middle, min(sum(each.values()), HEAVIEST)) for each in past]
        spread = spread_of(base, LEAST_SPREAD)
        probability = shift_tail(shifts, shift, sum(seen.values()), spread=spread, usual_apart=USUAL_APART, trust=TRUST)
        if probability < RARE:
            usual = median_of(_words(tally for _, sections in known for tally in sections.values()))
            urls = _name_stories(looks(), centres, is_longer=shift > 0)
            since = before[pooled - 1][0].run if pooled else None
            return _make_alarm(site, words_of(usual), shift, round(sum(seen.values())), probability, urls, since)
    return None


def _words(tallies: Iterable[Tally]) -> Counter[float]:
    words: Counter[float] = Counter()
    for tally in tallies:
        words.update(tally.words)
    return words


def _find_centres(runs: Iterable[Mapping[str, Tally]]) -> dict[str, float]:
    """Return the median of each section that is known well enough, in bins; under an empty name that of the site."""
    tallies: dict[str, list[Tally]] = {}
    for sections in runs:
        for name, tally in sections.items():
            tallies.setdefault(name, []).append(tally)
    words = {name: _words(each) for name, each in tallies.items()}
    centres = {name: median_of(bins) for name, bins in words.items() if sum(bins.values()) >= KNOWN}
    whole = _words(tally for each in tallies.values() for tally in each)
    return centres | ({"": median_of(whole)} if whole else {})


def _shift(centres: Mapping[str, float], runs: Iterable[Mapping[str, Tally]]) -> Counter[float]:
    """Return by how many doublings bodies are longer than is usual in their section."""
    shifts: Counter[float] = Counter()
    for sections in runs:
        for name, tally in sections.items():
            centre = centres.get(name, centres[""])
            for place, number in tally.words.items():
                shifts[doublings(place - centre)] += number
    return shifts


def _name_stories(looks: Sequence[Look], centres: Mapping[str, float], *, is_longer: bool) -> list[str]:
    def shift(look: Look) -> float:
        return look.words - centres.get(look.section, centres[""])

    return [look.url for look in sorted(looks, key=shift, reverse=is_longer)[:3]]


def _make_alarm(
    site: str, usual: float, shift: float, stories: int, probability: float, urls: list[str], since: str | None
) -> Alarm:
    times = 2**shift
    how = f"{times:.1f} times" if shift > 0 else f"{times:.0%}"
    pooled = f", counted since run {since}" if since else ""
    return Alarm(
        kind="length",
        what="body",
        site=site,
        message=(
            f"{site}: bodies of {stories} stories are {how} as long as usual, about {usual * times:.0f} words, usually "
            f"{usual:.0f}{pooled}: {' '.join(urls)}"
        ),
        usual=round(usual, 1),
        present=round(usual * times, 1),
        stories=stories,
        probability=probability,
        urls=tuple(urls),
        holds=True,
        since=since,
    )
