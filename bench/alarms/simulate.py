"""False alarms of steady sites, and how soon a fault is seen: simulated run records, judged as a crawl judges its own.

    python -m bench.alarms.simulate --runs 5000

A steady site here is not one of independent stories: its sections differ, stories of one run are alike (`alike` is their
correlation), weekends bring a fifth and other sections, first crawls bring hundreds, one kind of site drifts.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from math import exp, log2
from random import Random

from archiver.alarms.alarm import Alarm, PastRun
from archiver.alarms.quality import COLUMNS, Quality, Tally
from archiver.alarms.stories import judge_stories

SITE = "site.example"
SITES = 20
"""Sites on which each fault is tried."""
SHARES = (1.0, 1.0, 0.99, 0.95, 0.9, 0.75, 0.5, 0.5, 0.25, 0.1, 0.02, 0.0)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of site."""

    name: str
    first: int
    """Stories of the first crawl."""
    daily: float
    """Stories of a later one, on average."""
    sections: int
    alike: float = 0.0
    drift: float = 0.0
    """By how much each share falls in a run."""
    is_weekly: bool = True


KINDS = (
    Kind(name="a story a day", first=40, daily=1, sections=1),
    Kind(name="5 a day", first=60, daily=5, sections=3),
    Kind(name="5 a day, alike", first=60, daily=5, sections=3, alike=0.1),
    Kind(name="25 a day", first=200, daily=25, sections=5),
    Kind(name="25 a day, alike", first=200, daily=25, sections=5, alike=0.05),
    Kind(name="25 a day, drifting", first=200, daily=25, sections=5, drift=0.005),
    Kind(name="100 a day", first=500, daily=100, sections=8, alike=0.02),
    Kind(name="new, 25 a day", first=25, daily=25, sections=2, alike=0.02, is_weekly=False),
)


@dataclass
class SimulatedSite:
    """A site whose stories are dice."""

    kind: Kind
    random: Random
    shares: dict[str, dict[str, float]] = field(init=False)
    """Section → column → share of its stories that have it."""
    lengths: dict[str, float] = field(init=False)
    """Section → doublings of the words of its usual body."""

    def __post_init__(self) -> None:
        names = [f"section-{number}" for number in range(self.kind.sections)]
        base = {column: self.random.choice(SHARES) for column in COLUMNS}
        self.shares = {name: {column: self._vary(share) for column, share in base.items()} for name in names}
        for shares in self.shares.values():
            shares |= {"title": 1.0, "body": 1.0}
        self.lengths = {name: self.random.uniform(log2(150), log2(900)) for name in names}
        self.spread = self.random.uniform(0.3, 0.8)

    def _vary(self, share: float) -> float:
        """One section in six has no such column; the others differ a little."""
        if share < 1 and self.kind.sections > 1 and self.random.random() < 1 / 6:
            return 0.0
        return min(1.0, max(0.0, share + self.random.gauss(0, 0.05) * (0 < share < 1)))

    def run(self, number: int, broken: frozenset[str] = frozenset(), times: float = 1.0) -> Quality:
        """Return what the stories of a run look like; `broken` columns are empty, bodies are longer by `times`."""
        is_weekend = self.kind.is_weekly and number % 7 in (5, 6)
        stories = self.kind.first if number == 0 else self._poisson(self.kind.daily / (5 if is_weekend else 1))
        names = list(self.shares)
        mix = [1 / (place + 1) if is_weekend else 1.0 for place in range(len(names))]
        sections: dict[str, Tally] = {}
        today = {name: {column: self._of_the_day(column, name, number) for column in COLUMNS} for name in names}
        off = self.random.gauss(0, 0.05)
        for _ in range(stories):
            name = self.random.choices(names, mix)[0]
            tally = sections.setdefault(name, Tally())
            tally.stories += 1
            tally.filled.update(
                column for column in COLUMNS if column not in broken and self.random.random() < today[name][column]
            )
            length = self.lengths[name] + off + self.random.gauss(0, self.spread) + log2(times)
            tally.words[round(8 * max(0.0, length))] += 1
        return {SITE: sections} if sections else {}

    def _of_the_day(self, column: str, name: str, number: int) -> float:
        share = self.shares[name][column] * (1 - self.kind.drift) ** number
        if not self.kind.alike or not 0 < share < 1:
            return share
        size = 1 / self.kind.alike - 1
        return self.random.betavariate(share * size, (1 - share) * size)

    def _poisson(self, mean: float) -> int:
        number, product, limit = 0, self.random.random(), exp(-mean)
        while product > limit:
            number += 1
            product *= self.random.random()
        return number


def live(site: SimulatedSite, runs: int) -> Iterator[tuple[int, list[Alarm]]]:
    """Let a site live undisturbed; yield the alarms of each run. What alarms is held back and never accepted."""
    past: list[PastRun] = []
    for number in range(runs):
        quality = site.run(number)
        alarms = judge_stories(past, quality, lambda site: [])
        yield number, alarms
        if quality and not alarms:
            past.insert(0, PastRun(f"{number}", quality))


def count_false(runs: int, runs_a_site: int, seed: int) -> dict[str, tuple[int, int, Counter[str]]]:
    """Return, by kind of site, how many runs were simulated, how many of them alarmed, and about what."""
    counts: dict[str, tuple[int, int, Counter[str]]] = {}
    sites = -(-runs // runs_a_site)
    for number, kind in enumerate(islice(cycle(KINDS), max(sites, len(KINDS)))):
        site = SimulatedSite(kind, Random(f"{seed}/{number}"))
        done, false, what = counts.get(kind.name, (0, 0, Counter()))
        for _, alarms in live(site, runs_a_site):
            done += 1
            false += bool(alarms)
            what.update(alarm.what for alarm in alarms)
        counts[kind.name] = done, false, what
    return counts


def runs_until_seen(kind: Kind, share: float, age: int, seed: int, *, times: float = 1.0) -> int | None:
    """Return after how many runs a fault is seen that begins when a site has been crawled `age` times: `dek`, which `share`
    of the stories have, is empty, or with `times` bodies are longer. None: not within 20."""
    site = SimulatedSite(kind, Random(f"{seed}"))
    for shares in site.shares.values():
        shares["dek"] = share
    past = [PastRun(f"{number}", quality) for number in range(age) if (quality := site.run(number))][::-1]
    for number in range(age, age + 20):
        quality = site.run(number, frozenset() if times != 1 else frozenset({"dek"}), times)
        wanted = "body" if times != 1 else "dek"
        if any(alarm.what == wanted for alarm in judge_stories(past, quality, lambda site: [])):
            return number - age + 1
        if quality:
            past.insert(0, PastRun(f"{number}", quality))
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--runs-a-site", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print("Steady sites\n")
    total = wrong = 0
    for name, (done, false, what) in count_false(options.runs, options.runs_a_site, options.seed).items():
        print(f"  {name:<22}{done:>7,} runs  {false} false alarms  {dict(what) or ''}")
        total, wrong = total + done, wrong + false
    print(f"  {'all':<22}{total:>7,} runs  {wrong} false alarms, {1000 * wrong / total:.2f} in a thousand\n")
    print(
        f"A selector that breaks on {SITES} sites: seen in the first run · seen within 20 runs · after how many at the latest\n"
    )
    ages = (1, 3, 10, 30)
    print(f"  {'':<32}" + "".join(f"{f'{age} runs before':>16}" for age in ages))
    for kind in KINDS[1:5]:
        for share in (1.0, 0.9, 0.5, 0.25):
            print(f"  {kind.name:<22}{share:>6.0%}    " + "".join(_describe(kind, share, age, 1.0) for age in ages))
        print(f"  {kind.name:<22}body × 2  " + "".join(_describe(kind, 1.0, age, 2.0) for age in ages))


def _describe(kind: Kind, share: float, age: int, times: float) -> str:
    """How many of the sites told at once, how many at all, and after how many runs the last of them."""
    seen = [runs_until_seen(kind, share, age, seed, times=times) for seed in range(SITES)]
    found = sorted(each for each in seen if each is not None)
    text = f"{found.count(1)}·{len(found)}·{found[-1]}" if found else "·"
    return f"{text:>16}"


if __name__ == "__main__":
    main()
