"""A column that is suddenly empty. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from archiver.alarms.alarm import Alarm
from archiver.alarms.quality import Look, Tally, find_common, has_column
from archiver.alarms.tails import share_tail
from archiver.alarms.windows import ENOUGH, HEAVIEST, KNOWN, RARE, Before, limit_past, windows

LOST_SHARE: Final = 0.5
"""A column that more of the usual share have than this is not suddenly empty."""
EMPTY_RARE: Final = 3e-4
"""As `windows.RARE`, where none of `ENOUGH` stories has the column: what breaks leaves nothing, chance a few."""
MET: Final = 5
"""Stories that tell what a section is like."""


@dataclass(frozen=True, slots=True)
class _Count:
    filled: float
    stories: float

    def weigh(self) -> tuple[float, float]:
        scale = min(1.0, HEAVIEST / self.stories)
        return self.filled * scale, self.stories * scale


def judge_column(
    site: str, column: str, now: Mapping[str, Tally], before: Before, looks: Callable[[], Sequence[Look]]
) -> Alarm | None:
    """Return an alarm where the stories of a run lack a column that those before had."""
    if column == "section_label":  # without it, all stories are of one section, which never had it
        now, before = _merge(now), [(run, _merge(sections)) for run, sections in before]
    telling, like = _find_telling(column, now, limit_past(before))
    now = {name: tally for name, tally in now.items() if name in telling}
    own = _count(column, [now])
    if not own.stories or own.filled > LOST_SHARE * own.stories:  # no more than all of it is usual
        return None
    before = [(run, picked) for run, sections in before if (picked := _pick(sections, like))]
    for pooled in windows(before, round(own.stories), _usual_share(column, now, limit_past(before))):
        seen = _count(column, [now, *(sections for _, sections in before[:pooled])])
        known = limit_past(before[pooled:])
        usual = _usual_share(column, now, known)
        runs = [_count(column, [sections]).weigh() for _, sections in known]
        share = seen.filled / seen.stories
        if sum(n for _, n in runs) < KNOWN or max(share, own.filled / own.stories) > LOST_SHARE * usual:
            continue
        probability = share_tail(runs, round(seen.filled), round(seen.stories))
        if probability < (EMPTY_RARE if not seen.filled and seen.stories >= ENOUGH else RARE):
            since = before[pooled - 1][0].run if pooled else None
            return _make_alarm(site, column, seen, usual, probability, _name_stories(column, looks(), telling), since)
    return None


def _merge(sections: Mapping[str, Tally]) -> dict[str, Tally]:
    whole = Tally()
    for tally in sections.values():
        whole.add(tally)
    return {"": whole}


def _pick(sections: Mapping[str, Tally], names: Iterable[str]) -> dict[str, Tally]:
    return {name: sections[name] for name in names if name in sections}


def _count(column: str, runs: Iterable[Mapping[str, Tally]]) -> _Count:
    tallies = [tally for sections in runs for tally in sections.values()]
    return _Count(sum(tally.filled[column] for tally in tallies), sum(tally.stories for tally in tallies))


def _find_telling(column: str, now: Mapping[str, Tally], known: Before) -> tuple[set[str], set[str]]:
    """Return the sections of the run whose stories should have the column, and those that tell how many of them.

    They are those that had it at least half as often as the site as a whole. One not met before is taken to be like the
    others, where these are alike.
    """
    met: dict[str, Tally] = {}
    for _, sections in known:
        for name, tally in sections.items():
            met.setdefault(name, Tally()).add(tally)
    whole = _count(column, [met])
    if not whole.stories:
        return set(), set()
    least = LOST_SHARE * whole.filled / whole.stories
    told = {name: tally for name, tally in met.items() if tally.stories >= MET}
    barren = {name for name, tally in told.items() if tally.filled[column] < least * tally.stories}
    telling = {name for name in now if name not in barren and (name in told or not barren)}
    return telling, telling if telling <= set(told) else set(met)


def _usual_share(column: str, now: Mapping[str, Tally], known: Before) -> float:
    """Return the share to be expected of a run with so many stories of each section."""
    counts: dict[str, list[tuple[float, float]]] = {}
    for _, sections in known:
        for name, tally in sections.items():
            counts.setdefault(name, []).append(_Count(tally.filled[column], tally.stories).weigh())
    sums = {name: (sum(k for k, _ in pairs), sum(n for _, n in pairs)) for name, pairs in counts.items()}
    if not sums:
        return 0.0
    told = {name: tally.stories for name, tally in now.items() if sums.get(name, (0.0, 0.0))[1] >= MET}
    if not told:
        return sum(k for k, _ in sums.values()) / sum(n for _, n in sums.values())
    return sum(sums[name][0] / sums[name][1] * stories for name, stories in told.items()) / sum(told.values())


def _name_stories(column: str, looks: Sequence[Look], telling: set[str]) -> list[str]:
    common = {each: text for each, text in find_common(looks).items() if each == column}
    lacking = [look for look in looks if not has_column(look, column, common)]
    return [look.url for look in sorted(lacking, key=lambda look: look.section not in telling)][:3]


def _make_alarm(
    site: str, column: str, seen: _Count, usual: float, probability: float, urls: list[str], since: str | None
) -> Alarm:
    share = seen.filled / seen.stories
    pooled = f", counted since run {since}" if since else ""
    return Alarm(
        kind="column",
        what=column,
        site=site,
        message=(
            f"{site}: column {column} is filled in {seen.filled:.0f} of {seen.stories:.0f} stories ({share:.0%}), "
            f"usually in {usual:.0%}{pooled}: {' '.join(urls)}"
        ),
        usual=round(usual, 4),
        present=round(share, 4),
        stories=round(seen.stories),
        probability=probability,
        urls=tuple(urls),
        holds=True,
        since=since,
    )
