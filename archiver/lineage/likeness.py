"""How likely two stories tell of one event, by their words: a sparse index over a window of days, never all pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from archiver.lineage.words import FIELDS, NAMES, NUMBERS, TITLE, WORDS, Counts, Ints

Floats: TypeAlias = npt.NDArray[np.floating[Any]]

WINDOW: Final = 3
"""Days between two stories that are compared by their words. 99 % of the reports of one event lie so close."""
COMMON: Final = 0.1
"""The share of the stories beyond which a word says nothing; a quarter of the words, three quarters of the work."""
COMMON_LEAST: Final = 60
NEIGHBOURS: Final = 24
"""Of how many others a story is compared in full: those most like it."""
SPAN: Final = 16_384
"""Stories in the index at a time."""
SMOOTHING: Final = 100
"""Stories that a small archive is taken to have besides its own, with words of their own: otherwise a word that both of
two stories have would be as common as can be."""

ENOUGH: Final = 16
"""Others that it takes to tell what is usual: `crowd` asks for so many."""

FEATURES: Final = ("words", "numbers", "best", "typical", "crowd", "days", "few")
"""What the likelihood of a pair is made of.

words    log of the cosine of their words, plus 0.02
numbers  root of the cosine of their numbers
best     how much less like each other they are than each is to the story most like it, summed; 0 where neither has a better
typical  how like each is to what is only of the same days, summed
crowd    how like each is to the 9th to 16th most like it, summed: high on a day that is full of one topic
days     between them, up to WINDOW
few      the share of ENOUGH others that are not there: 1 where there are but the two, nearly
"""
WEIGHTS: Final = (4.15, 1.91, 2.81, -11.23, -18.84, -0.95, -1.77)
INTERCEPT: Final = 9.74
"""Fitted by `bench/lineage/fit.py`, which says on what and how well it carries over; not to be tuned by hand."""
THRESHOLD: Final = 0.5
"""The mean likelihood from which stories are one event: more likely than not. The same for every archive."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of stories by their place in the input, each once, and what tells how like they are."""

    first: Ints
    second: Ints
    features: Floats
    """One row a pair, one column for each of FEATURES."""


class Index:
    """Stories in the order of their days, and how much each term weighs among them."""

    def __init__(self, counts: Counts, places: Sequence[int], days: Sequence[float]) -> None:
        """`places` are the stories of `counts` that are to be compared, `days` the day of each."""
        order = np.argsort(np.asarray(days), kind="stable")
        self.places: Ints = np.asarray(places)[order]
        self.days: Floats = np.asarray(days, np.float64)[order]
        self.counts, self.fields = counts, counts.fields
        df = np.zeros(len(self.fields), np.int64)
        for low in range(0, len(self.places), _BLOCK):
            _, terms, _ = self._select(low, low + _BLOCK)
            df += np.bincount(terms, minlength=len(df))
        self.idf: Floats = np.log((len(self.places) + SMOOTHING) / (df + 0.5)).astype(np.float32)
        self.idf[(df > max(COMMON_LEAST, COMMON * len(self.places))) & (self.fields == WORDS)] = 0

    def _select(self, low: int, high: int) -> tuple[Ints, Ints, Ints]:
        """Return how many terms each story from `low` to `high` has, the terms, and how often each stands there."""
        places = self.places[low:high]
        begins = self.counts.starts[places]
        lengths = self.counts.starts[places + 1] - begins
        run = np.repeat(begins - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
        return lengths, self.counts.terms[run], self.counts.times[run]

    def weigh(self, low: int, high: int) -> tuple[Ints, Ints, Floats]:
        """Return where each story from `low` to `high` begins, its terms, and their weights: 1 + log tf, times idf, each
        field of each story of length 1. Terms that weigh nothing are left out."""
        lengths, terms, times = self._select(low, high)
        weights = (1 + np.log(times.astype(np.float32))) * self.idf[terms]
        stories = np.repeat(np.arange(len(lengths)), lengths)
        slots = stories * FIELDS + self.fields[terms]
        norms = np.sqrt(np.bincount(slots, weights * weights, minlength=len(lengths) * FIELDS)).astype(np.float32)
        kept = weights > 0
        starts = np.concatenate([[0], np.cumsum(np.bincount(stories[kept], minlength=len(lengths)))])
        return starts, terms[kept], weights[kept] / norms[slots[kept]]


_BLOCK: Final = 8_192


@dataclass(slots=True)
class _Row:
    """A story against all others of its window."""

    best: float
    typical: float
    """How like it is to what is only of the same days: the mean from the 15th to the 40th in a hundred."""
    crowd: float
    others: Ints
    likeness: Floats
    """FIELDS rows, a column for each of `others`."""


def compare(index: Index) -> Pairs:
    """Return the pairs of stories of one window of days that have most in common."""
    rows = list(_compare_all(index))
    owners = np.repeat(np.arange(len(rows)), [len(row.others) for row in rows])
    others = np.concatenate([row.others for row in rows]) if rows else np.empty(0, np.int64)
    likeness = np.concatenate([row.likeness for row in rows], 1) if rows else np.empty((FIELDS, 0))
    first, second = np.minimum(owners, others), np.maximum(owners, others)
    _, once = np.unique(first * max(1, len(rows)) + second, return_index=True)
    first, second, likeness = first[once], second[once], likeness[:, once]
    best, typical, crowd = (np.array([getattr(row, name) for row in rows]) for name in ("best", "typical", "crowd"))
    days = _days_between(index.days[first], index.days[second])
    roots = np.sqrt(likeness)
    features = [
        np.log(likeness[WORDS] + 0.02),
        roots[NUMBERS],
        2 * _blend(roots, days) - best[first] - best[second],
        typical[first] + typical[second],
        crowd[first] + crowd[second],
        np.minimum(days, WINDOW),
        np.full(len(days), max(0.0, 1 - (len(index.places) - 1) / ENOUGH)),
    ]
    return Pairs(index.places[first], index.places[second], np.column_stack(features))


def rate(pairs: Pairs) -> Floats:
    """Return how likely it is, from 0 to 1, that the stories of each pair tell of one event."""
    likelihood: Floats = 1 / (1 + np.exp(-(pairs.features @ np.array(WEIGHTS) + INTERCEPT)))
    return likelihood


def _blend(roots: Floats, days: Floats) -> Floats:
    """One figure for how like two stories are, by which the most like one is told."""
    likeness: Floats = roots[WORDS] + 0.4 * roots[TITLE] + 0.3 * roots[NAMES] - 0.1 * days
    return likeness


def _days_between(one: Floats, other: Floats) -> Floats:
    """Days and parts of days; whole ones where of either only the day is known."""
    days = np.floor(one), np.floor(other)
    is_day = (days[0] == one) | (days[1] == other)
    apart: Floats = np.where(is_day, np.abs(days[0] - days[1]), np.abs(one - other))
    return apart


def _compare_all(index: Index) -> Iterator[_Row]:
    days = np.floor(index.days)
    bounds = np.flatnonzero(np.diff(days, prepend=np.nan))  # the first story of each day
    ends = np.append(bounds[1:], len(days))
    span: _Span | None = None
    for begin, end in zip(bounds, ends, strict=True):
        low = int(np.searchsorted(days, days[begin] - WINDOW))
        high = int(np.searchsorted(days, days[begin] + WINDOW, side="right"))
        if span is None or high > span.high:
            reach = int(np.searchsorted(days, days[min(len(days) - 1, low + SPAN)], side="right"))
            span = _Span(index, low, max(high, reach))
        span.move(low, high)
        for story in range(begin, end):
            yield span.compare(story)


class _Span:
    """The inverted index of some days: term → the stories that have it."""

    def __init__(self, index: Index, low: int, high: int) -> None:
        self.index, self.low, self.high = index, low, high
        self.starts, self.terms, self.weights = index.weigh(low, high)
        order = np.argsort(self.terms, kind="stable")
        stories = np.repeat(np.arange(low, high, dtype=np.int32), np.diff(self.starts))
        self.listed, self.listed_weights = stories[order], self.weights[order]
        listed = np.bincount(self.terms, minlength=len(index.fields))
        self.first: Ints = np.cumsum(listed) - listed
        self.last = self.first.copy()
        self.begin = self.end = low

    def move(self, low: int, high: int) -> None:
        """Look at the stories from `low` to `high` from now on; both only ever rise."""
        self.first += self._count(self.begin, low)
        self.last += self._count(self.end, high)
        self.begin, self.end = low, high

    def _count(self, begin: int, end: int) -> Ints:
        terms = self.terms[self.starts[begin - self.low] : self.starts[end - self.low]]
        return np.bincount(terms, minlength=len(self.index.fields))

    def compare(self, story: int) -> _Row:
        index, size = self.index, self.end - self.begin
        part = slice(self.starts[story - self.low], self.starts[story - self.low + 1])
        terms = self.terms[part]
        begins = self.first[terms]
        lengths = self.last[terms] - begins
        run = np.repeat(begins - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
        slots = self.listed[run] + np.repeat(index.fields[terms] * size - self.begin, lengths)
        products = self.listed_weights[run] * np.repeat(self.weights[part], lengths)
        likeness = np.bincount(slots, products, minlength=FIELDS * size).reshape(FIELDS, size)
        words = likeness[WORDS].astype(np.float32)
        words[story - self.begin] = -1
        low, high = int((size - 1) * 0.15), int((size - 1) * 0.4) + 1
        ranked = np.sort(words)
        middle = ranked[size - high : size - low] if size > 1 else words[:0]
        # What is not among the likeliest by its words is neither neighbour nor crowd: on a full day, the work is there.
        floor = ranked[size - low - 1] if low > 4 * NEIGHBOURS else 0
        others = np.flatnonzero(words > floor)
        likeness = likeness[:, others]
        days = _days_between(index.days[self.begin + others], index.days[story])
        crowd = _crowd(likeness[WORDS] - 0.03 * days)
        blended = _blend(np.sqrt(likeness), days)
        if len(others) > NEIGHBOURS:
            chosen = np.argpartition(-blended, NEIGHBOURS)[:NEIGHBOURS]
            others, likeness, blended = others[chosen], likeness[:, chosen], blended[chosen]
        return _Row(
            best=float(blended.max(initial=0)),
            typical=float((np.maximum(middle, 0).sum() + _FEW * _USUAL) / (len(middle) + _FEW)),
            crowd=crowd,
            others=others + self.begin,
            likeness=likeness.astype(np.float32),
        )


_FEW: Final = 3
_USUAL: Final = 0.03
"""Where there are but a few others, what is usual counts as much as _FEW of them."""


def _crowd(near: Floats) -> float:
    """How like a story are the 9th to 16th most like it: on a day full of one topic, more than on others."""
    if len(near) > ENOUGH:
        near = -np.partition(-near, ENOUGH)[:ENOUGH]
    near = -np.sort(-near)[8:ENOUGH]
    return float(np.maximum(near, 0).sum() / 8)
