"""Fit the weights of `archiver.lineage.likeness`, and say how well they do on what they were not fitted on.

A logistic regression over pairs of stories, by Newton's method, on several sets at once: each set counts by its weight
below, whatever its size. Cross-validated over blocks of time: fitted on five sixths of each set's time and measured on
the rest, with the one threshold of the code. `--without` leaves out one feature at a time, in the same way.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from archiver.lineage.grouping import gather
from archiver.lineage.likeness import FEATURES, INTERCEPT, THRESHOLD, WEIGHTS, Floats, Index, Pairs, compare
from archiver.lineage.words import Texts
from bench.lineage.sets import (
    BLOCKS,
    Labelled,
    Score,
    as_published,
    crowd,
    delay,
    halve,
    load_reports,
    load_rewrites,
    part,
    pick_few,
    scatter,
    score,
    thin,
)

EXPECTED = 0.35
"""The likelihood that the fit gives to pairs at the threshold. Below one half: of the pairs that the index offers few are
one event's, while the mean over a whole event is what counts. The intercept is shifted, so that the code compares with 0.5."""
RIDGE = 0.02


@dataclass
class Set:
    """Stories with their truth, and the pairs that the index offers."""

    name: str
    weight: float
    stories: list[Labelled]
    pairs: Pairs

    def __post_init__(self) -> None:
        self.blocks = np.array([story.block for story in self.stories])
        self.truth = [story.event for story in self.stories]
        events = np.unique(self.truth, return_inverse=True)[1]
        self.is_one = (events[self.pairs.first] == events[self.pairs.second]).astype(float)

    def within(self, blocks: Floats) -> Floats:
        return np.isin(self.blocks[self.pairs.first], blocks) & np.isin(self.blocks[self.pairs.second], blocks)


def make_set(name: str, weight: float, archives: Sequence[list[Labelled]]) -> Set:
    firsts, seconds, features, stories = [], [], [], []
    for number, archive in enumerate(archives):
        texts = Texts()
        for story in archive:
            texts.add(story.title, story.body)
        days = [float(story.published.toordinal()) for story in archive]
        found = compare(Index(texts.count(), range(len(archive)), days))
        firsts.append(found.first + len(stories))
        seconds.append(found.second + len(stories))
        features.append(found.features)
        stories += [replace(story, event=f"{number} {story.event}") for story in archive]
    return Set(name, weight, stories, Pairs(*map(np.concatenate, (firsts, seconds, features))))


def make_sets(reports: list[Labelled] | None) -> list[Set]:
    rewrites = load_rewrites()
    late = delay(rewrites, 1)
    sets = [
        make_set("rewrites", 0.2, [rewrites]),
        make_set("rewrites, up to 3 days apart", 0.15, [late]),
        make_set("halves of rewrites", 0.15, [delay(halve(rewrites), 2)]),
        make_set("rewrites, archives of 18 stories", 0.15, part(late, 6, 3)),
        make_set("rewrites, some alone", 0.15, [thin(late, 5)]),
        make_set("rewrites, few and mostly alone", 0.15, part(thin(late, 6, 0.4), 10, 7)),
    ]
    for whole, days in ((12, 1), (12, 4), (12, 20), (40, 1), (40, 20)):
        archives = [scatter(rewrites, whole, days, seed) for seed in range(4)]
        sets.append(make_set(f"{whole} events, {72 - whole} alone, {days} days", 0.1, archives))
    tiny = [scatter(few, 3, 2, number) for number, few in enumerate(part(rewrites, 12, 8) + part(rewrites, 12, 9))]
    sets += [
        make_set("3 events, 9 alone, 2 days", 0.2, tiny),
        make_set("rewrites, as published", 0.125, as_published(late)),
        make_set("rewrites, 2 to 14 stories", 0.05, pick_few(rewrites, 1)),
    ]
    if reports:
        sets = [
            make_set("reports", 1, [reports]),
            make_set("reports, crowded", 0.3, [crowd(reports)]),
            make_set("reports, as published", 0.5, as_published(reports)),
            make_set("reports, 2 to 14 stories", 0.017, pick_few(reports, 2)),
            *sets,
        ]
    return sets


def fit(sets: Sequence[Set], blocks: Floats, columns: Sequence[int]) -> tuple[Floats, float]:
    """Return weights and intercept, fitted on these blocks of time."""
    rows, targets, weights = [], [], []
    for each in sets:
        chosen = each.within(blocks)
        rows.append(each.pairs.features[chosen][:, columns])
        targets.append(each.is_one[chosen])
        weights.append(np.full(chosen.sum(), each.weight * 800 / each.is_one[chosen].sum()))
    matrix, target, weight = np.concatenate(rows), np.concatenate(targets), np.concatenate(weights)
    matrix = np.column_stack([matrix, np.ones(len(matrix))])
    found, penalty = np.zeros(matrix.shape[1]), np.full(matrix.shape[1], RIDGE)
    penalty[-1] = 0
    for _ in range(50):
        expected = 1 / (1 + np.exp(-np.clip(matrix @ found, -30, 30)))
        slope = matrix.T @ (weight * (expected - target)) + penalty * found
        curve = (matrix * (weight * expected * (1 - expected))[:, None]).T @ matrix + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        found -= step
        if np.abs(step).max() < 1e-7:
            break
    return found[:-1], float(found[-1] - np.log(EXPECTED / (1 - EXPECTED)))


def cluster(each: Set, chosen: Floats, columns: Sequence[int], weights: Floats, intercept: float) -> Floats:
    logits = each.pairs.features[chosen][:, columns] @ weights + intercept
    likelihood = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    pairs = zip(each.pairs.first[chosen].tolist(), each.pairs.second[chosen].tolist(), likelihood.tolist(), strict=True)
    label = np.zeros(len(each.stories), int)
    for number, group in enumerate(gather([[n] for n in range(len(label))], pairs, THRESHOLD)):
        label[group] = number
    return label


def cross_validate(sets: Sequence[Set], columns: Sequence[int]) -> list[Score]:
    labels = [np.zeros(len(each.stories), int) for each in sets]
    for block in range(BLOCKS):
        weights = fit(sets, np.array([other for other in range(BLOCKS) if other != block]), columns)
        for each, label in zip(sets, labels, strict=True):
            found = cluster(each, each.within(np.array([block])), columns, *weights)
            label[each.blocks == block] = found[each.blocks == block] + block * len(label)
    return [score(each.truth, label.tolist()) for each, label in zip(sets, labels, strict=True)]


def show(sets: Sequence[Set], what: str, scores: Sequence[Score]) -> None:
    print(f"\n{what}")
    for each, found in zip(sets, scores, strict=True):
        numbers = f"P {found.precision:.3f}  R {found.recall:.3f}  F1 {found.f1:.3f}  B-cubed {found.b3:.3f}"
        print(f"  {each.name:34}{numbers}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=Path, default=Path("../shared/lineage/stories.jsonl"), metavar="FILE")
    parser.add_argument("--without", action="store_true", help="leave out each feature in turn")
    options = parser.parse_args()
    reports = load_reports(options.reports) if options.reports.exists() else None
    if reports is None:
        print(f"no {options.reports}: rewrites alone")
    sets = make_sets(reports)
    columns = list(range(len(FEATURES)))
    everything = np.arange(BLOCKS)

    def whole(weights: Floats, intercept: float) -> list[Score]:
        found = [cluster(each, each.within(everything), columns, weights, intercept) for each in sets]
        return [score(each.truth, label.tolist()) for each, label in zip(sets, found, strict=True)]

    show(sets, "weights of the code", whole(np.array(WEIGHTS), INTERCEPT))
    show(sets, "cross-validated over time", cross_validate(sets, columns))
    weights, intercept = fit(sets, everything, columns)
    show(sets, "fitted on all", whole(weights, intercept))
    print("\n ", dict(zip(FEATURES, weights.round(2).tolist(), strict=True)), "intercept", round(intercept, 2))
    for number, name in enumerate(FEATURES if options.without else ()):
        show(
            sets, f"without {name}, cross-validated", cross_validate(sets, [each for each in columns if each != number])
        )


if __name__ == "__main__":
    main()
