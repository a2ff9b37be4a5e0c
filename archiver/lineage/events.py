"""Events: the stories, on whatever sites, that rewrite one source story."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, TypeAlias

from archiver.lineage.grouping import gather
from archiver.lineage.key import page_key, source_key
from archiver.lineage.likeness import THRESHOLD, Index, compare, rate
from archiver.lineage.words import Texts

Method: TypeAlias = Literal["source", "words", "alone"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A story in its event."""

    id: str
    event: int
    """The same number for all stories of one event, from 0 on in the order of their first stories."""
    method: Method
    score: float
    source_key: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """By what a story can be told without reading it."""

    own: str | None
    """The key of its own page."""
    source: str | None
    """The key of the page that it was made from; None where it credits none, a page of many stories, or itself."""


def keys_of(url: str | None, source_url: str | None) -> Keys:
    """Return the keys of a story."""
    own = _own_key(url) if url else None
    source = source_key(source_url) if source_url else None
    return Keys(own=own, source=None if source == own else source)


def _own_key(url: str) -> str | None:
    try:
        return page_key(url)
    except ValueError:
        return None


def name_event(key: str) -> str:
    """Return the event_id that is made of a key: of the source's, so that two archives name an event alike.

    >>> name_event("wire.example/2026/06/29/rates-rise-again")
    'e1ae540589bf03cf'
    """
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:16]


class Collection:
    """Stories to be put into events. Of each only what is compared is kept, not its text."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.keys: list[Keys] = []
        self.events: list[str | None] = []
        """The event that each is in already."""
        self._days: list[float | None] = []
        self._texts = Texts()

    def add(
        self,
        id: str,
        *,
        title: str,
        body: str,
        published: date | None,
        keys: Keys,
        event: str | None = None,
    ) -> None:
        """Take a story in. `published` is a day, or a time with its zone; `event` is the one that it stays in."""
        self.ids.append(id)
        self.keys.append(keys)
        self.events.append(event)
        self._days.append(None if published is None else _to_days(published))
        self._texts.add(title, body)

    def rate_pairs(self) -> list[tuple[int, int, float]]:
        """Return the pairs that may be of one event, and how likely that is. Of undated ones each is compared with each."""
        pairs = []
        counts = self._texts.count()
        for places in (
            [place for place, day in enumerate(self._days) if day is not None],
            [place for place, day in enumerate(self._days) if day is None],
        ):
            if len(places) < 2:
                continue
            days = [self._days[place] or 0.0 for place in places]
            found = compare(Index(counts, places, days))
            likelihood = rate(found)
            kept = likelihood > _LEAST
            for first, second, likely in zip(found.first[kept], found.second[kept], likelihood[kept], strict=True):
                pairs.append((int(first), int(second), float(likely)))
        return pairs


_LEAST = 0.02
"""Likelihoods below it count as 0."""


def _to_days(published: date) -> float:
    if not isinstance(published, datetime):
        return float(published.toordinal())
    time = published.astimezone(UTC) if published.tzinfo else published
    return time.toordinal() + (time.hour + (time.minute + 0.5) / 60) / 24  # half a minute: midnight is no whole day


def join_keys(keys: Sequence[Keys]) -> list[str | None]:
    """Return the source of each story, the same for those that belong together: it links to the page, or is that page.

    None for a story that neither links to a source nor is linked to as one.

    >>> source, rewrite = Keys(own="a.example/x", source=None), Keys(own="b.example/y", source="a.example/x")
    >>> join_keys([source, rewrite, Keys(own="c.example/z", source=None)])
    ['a.example/x', 'a.example/x', None]
    """
    cited = {each.source for each in keys if each.source}
    roots: dict[str, str] = {}

    def find(key: str) -> str:
        while (above := roots.get(key, key)) != key:
            roots[key] = key = roots.get(above, above)
        return key

    for each in keys:
        if each.source and each.own in cited and each.own:
            # The page is cited itself: its source is that of those who cite it.
            roots[find(each.own)] = find(each.source)
    return [find(key) if (key := each.source or (each.own if each.own in cited else None)) else None for each in keys]


def place_stories(collection: Collection) -> list[Placed]:
    """Put every story into an event: by source where it is known, else by words.

    The outcome does not hang on the order in which the stories were added, but where likelihoods are equal to the last
    digit. Stories of different sources never share an event, however alike they are.
    """
    sources = join_keys(collection.keys)
    groups: list[list[int]] = []
    by_source: dict[str, list[int]] = {}
    for place, source in enumerate(sources):
        if source is None:
            groups.append([place])
        elif source in by_source:
            by_source[source].append(place)
        else:
            groups.append(by_source.setdefault(source, [place]))
    pairs = collection.rate_pairs()
    gathered = gather(groups, pairs, THRESHOLD, keys=[sources[group[0]] for group in groups])
    events = sorted(sorted(place for number in numbers for place in groups[number]) for numbers in gathered)
    scores = mean_likelihoods(pairs, events)
    placed: dict[int, Placed] = {}
    for number, event in enumerate(events):
        for place in event:
            method = tell_method(sources[place], [sources[each] for each in event])
            placed[place] = Placed(
                id=collection.ids[place],
                event=number,
                method=method,
                score=tell_score(method, scores.get(place, 0.0)),
                source_key=collection.keys[place].source,
            )
    return [placed[place] for place in range(len(collection.ids))]


def place_among(
    groups: Sequence[Sequence[int]],
    pairs: Iterable[tuple[int, int, float]],
    *,
    sources: Sequence[str | None],
    settled: Sequence[bool],
) -> list[list[int]]:
    """Return which groups of stories are one event by their words. Two that are settled stay two."""
    return gather(groups, pairs, THRESHOLD, keys=sources, settled=settled)


def tell_method(source: str | None, sources: Sequence[str | None]) -> Method:
    """Return why a story is in its event, whose stories have these `sources`, its own among them."""
    if len(sources) == 1:
        return "alone"
    return "source" if source is not None and sources.count(source) > 1 else "words"


def tell_score(method: Method, likelihood: float) -> float:
    return round(likelihood, 6) if method == "words" else 1.0


def mean_likelihoods(pairs: Iterable[tuple[int, int, float]], events: Iterable[Sequence[int]]) -> dict[int, float]:
    """Return for each story the mean likelihood of its pairs with the others of its event."""
    event_of = {place: number for number, event in enumerate(events) for place in event}
    sizes: dict[int, int] = defaultdict(int)
    for number in event_of.values():
        sizes[number] += 1
    sums: dict[int, float] = defaultdict(float)
    for first, second, likelihood in pairs:
        if event_of[first] == event_of[second]:
            sums[first] += likelihood
            sums[second] += likelihood
    return {place: total / (sizes[event_of[place]] - 1) for place, total in sums.items()}
