"""How unlikely a count or a size is after those that came before. Pure: numbers in, probabilities out.

Shares: a beta-binomial whose mean and whose correlation within a run (`rho`) are both learned from the past runs, by
Bayes over a grid, and the tail of its posterior predictive. Stories of one run are more alike than chance (one desk, one
day, one section); a plain binomial would take each such run for a broken selector. With little history the prior counts,
in which runs may differ much, so that an alarm needs more to speak.

Sizes: trimmed means on a logarithmic scale, which one page of a million words does not move. How far those of runs lie
apart beyond chance is learned as well, and shrunk to what is usual where the runs are few.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import Final

_MEANS: Final = tuple(math.sin(math.pi / 2 * (number + 0.5) / 40) ** 2 for number in range(40))
"""Quantiles of Jeffreys' prior Beta(½, ½): of equal weight."""
_RHOS: Final = ((0.002, 8), (0.005, 8), (0.01, 5), (0.02, 3), (0.04, 1.5), (0.08, 0.6), (0.16, 0.15), (0.32, 0.03))
"""Correlation of two stories of one run, and its weight before anything is known."""

TRIMMED: Final = 0.1
"""Share of the smallest, and of the largest, that a centre leaves out."""
_TRIMMED_VARIANCE: Final = 1.07
"""Variance of such a mean as a multiple of that of a whole one, for normal values; of a median it is 1.57."""


@lru_cache(maxsize=1)
def _nodes() -> tuple[tuple[float, float, float, float], ...]:
    """a, b, the log of the prior weight, and what of the beta-binomial does not depend on the data."""
    nodes = []
    for mean in _MEANS:
        for rho, weight in _RHOS:
            size = 1 / rho - 1
            a, b = mean * size, (1 - mean) * size
            nodes.append((a, b, math.log(weight), math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)))
    return tuple(nodes)


def share_tail(past: Iterable[tuple[float, float]], filled: int, stories: int) -> float:
    """Return the probability of `filled` or fewer of `stories`, after runs of (filled, stories).

    Each further full run makes an empty one less likely; runs that differ among themselves make it likelier:

    >>> once, often = [(60, 60)], [(20, 20)] * 30
    >>> share_tail(once, 0, 20) < 1e-4, share_tail(often, 0, 20) < 1e-7
    (True, True)
    >>> share_tail([(0, 20), (20, 20)] * 15, 0, 20) > 0.01
    True
    """
    weights = []
    runs = list(past)
    for a, b, prior, constant in _nodes():
        log = prior
        for k, n in runs:
            log += constant + math.lgamma(k + a) + math.lgamma(n - k + b) - math.lgamma(n + a + b)
        weights.append(log)
    top = max(weights)
    total = tail = 0.0
    for (a, b, _, constant), log in zip(_nodes(), weights, strict=True):
        weight = math.exp(log - top)
        total += weight
        if weight > 1e-12:
            tail += weight * _lower_tail(a, b, constant, filled, stories)
    return min(1.0, tail / total)


def _lower_tail(a: float, b: float, constant: float, filled: int, stories: int) -> float:
    """P(K ≤ filled) of a beta-binomial, summed from the side that has fewer terms."""

    def term(k: int) -> float:
        choose = math.lgamma(stories + 1) - math.lgamma(k + 1) - math.lgamma(stories - k + 1)
        beta = constant + math.lgamma(k + a) + math.lgamma(stories - k + b) - math.lgamma(stories + a + b)
        return math.exp(choose + beta)

    return math.fsum(term(k) for k in range(filled + 1))


def median_of(bins: Mapping[float, float]) -> float:
    """Return the median of weighted values.

    >>> median_of({1.0: 1, 2.0: 5, 9.0: 1})
    2.0
    """
    half, seen = math.fsum(bins.values()) / 2, 0.0
    for value in sorted(bins):
        seen += bins[value]
        if seen >= half:
            return value
    raise ValueError("no value")


def centre_of(bins: Mapping[float, float]) -> float:
    """Return the mean of weighted values, a tenth of them left out at each end.

    >>> centre_of({1.0: 5, 2.0: 4, 900.0: 1})
    1.5
    """
    total = math.fsum(bins.values())
    first, last = total * TRIMMED, total * (1 - TRIMMED)
    seen, parts = 0.0, []
    for value in sorted(bins):
        kept = min(last, seen + bins[value]) - max(first, seen)
        parts.append(value * max(0.0, kept))
        seen += bins[value]
    return math.fsum(parts) / (last - first)


def spread_of(bins: Mapping[float, float], at_least: float) -> float:
    """Return the standard deviation of the middle half of weighted values, as if they were normal."""
    total, seen = math.fsum(bins.values()), 0.0
    quartiles: list[float] = []
    for value in sorted(bins):
        seen += bins[value]
        while len(quartiles) < 2 and seen >= total * (0.25, 0.75)[len(quartiles)]:
            quartiles.append(value)
    return max(at_least, (quartiles[1] - quartiles[0]) / 1.349)


def shift_tail(
    past: Sequence[tuple[float, float]],
    shift: float,
    stories: float,
    *,
    spread: float,
    usual_apart: float,
    trust: float,
) -> float:
    """Return the two-sided probability of a centre that lies `shift` off the usual one.

    `past` holds (shift, stories) of each run before, `spread` is the standard deviation of stories within a run,
    `usual_apart` that of runs beyond chance, where nothing is known, with `trust` runs' worth of weight.

    >>> past = [(0.05, 20), (-0.1, 20), (0.0, 20)]
    >>> usual = {"spread": 0.5, "usual_apart": 0.12, "trust": 5}
    >>> shift_tail(past, 1.0, 20, **usual) < 1e-5, shift_tail(past, 0.2, 20, **usual) > 0.1
    (True, True)
    """
    noise = _TRIMMED_VARIANCE * spread**2
    # A run of few stories says little of what is beyond chance; single terms below zero are part of the estimate.
    weights = [(usual_apart**2 / (usual_apart**2 + noise / n)) ** 2 for _, n in past]
    beyond = [weight * (each**2 - noise / n) for weight, (each, n) in zip(weights, past, strict=True)]
    apart = (trust * usual_apart**2 + math.fsum(beyond)) / (trust + math.fsum(weights))
    apart = max(apart, usual_apart**2 / 10)
    known = math.fsum(n for _, n in past)
    variance = apart * (1 + 1 / len(past)) + noise * (1 / stories + 1 / known)
    return 2 * NormalDist().cdf(-abs(shift) / math.sqrt(variance))
