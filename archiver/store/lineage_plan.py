"""What the lineage of some days is to be: their stories placed among those that stand, and every event they touch ranked."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Collection as Several
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain

import numpy as np
import numpy.typing as npt

from archiver.lineage.events import (
    Collection,
    Keys,
    join_keys,
    mean_likelihoods,
    name_event,
    place_among,
    tell_method,
    tell_score,
)
from archiver.lineage.likeness import WINDOW
from archiver.schema import Lineage, table_to_lineage
from archiver.store.archive import Archive, DamagedFileError
from archiver.store.lineage_index import Indexed, LineageIndex
from archiver.store.lineage_read import Told, iter_stories
from archiver.text import fold_text

Rows = dict[str, Lineage]
"""story_id → row, of one day."""
Stories = Mapping[date, Mapping[str, Several[str]]]
"""Day → section → story_ids, which may stand for what their rows tell: those are not read."""


def plan_lineage(
    archive: Archive, index: LineageIndex, days: Iterable[date], stories: Stories | None = None
) -> tuple[dict[date, list[Lineage]], dict[str, Told]]:
    """Return the days whose rows are to be others, with all rows of each, and the stories looked at; nothing is written.

    Of a day in `stories` only those are looked at; what else stands there is taken to be as it was. A day of which a story is
    to get another row, and whose file cannot be read, is looked at whole.
    """
    days = set(days)
    while True:
        plan = _Plan(archive, index, sorted(days), dict(stories or {}))
        try:
            return plan.make(), plan.told
        except _DamagedDayError as error:
            days.add(error.day)


class _DamagedDayError(Exception):
    """The lineage of a day that was not to be looked at cannot be read."""

    def __init__(self, day: date) -> None:
        super().__init__(day)
        self.day = day


@dataclass
class _Plan:
    archive: Archive
    index: LineageIndex
    days: list[date]
    stories: dict[date, Mapping[str, Several[str]]]
    told: dict[str, Told] = field(default_factory=dict)
    """The stories of the days; those that were handed over have the text they are compared by."""
    standing: dict[date, Rows] = field(default_factory=dict)
    """The rows that stand, of each day looked at."""
    events: dict[str, str] = field(default_factory=dict)
    """Story → event, of the stories of the days."""
    renamed: dict[str, str] = field(default_factory=dict)
    """Event → the older one that it has proved to be."""
    likelihoods: dict[str, float] = field(default_factory=dict)
    """Story → mean likelihood with the others of its event, as far as they were compared."""
    damaged: set[date] = field(default_factory=set)
    """Days whose file cannot be read: it is made anew, with all stories of the day."""
    unread: set[date] = field(default_factory=set)
    """Days of which not all stories were read: one that was not met may stand there all the same."""

    def make(self) -> dict[date, list[Lineage]]:
        for day in self.days:
            stories = list(self._look_at(day))
            self.index.put_told(day, stories)
            self.told |= {story.story_id: story for story in stories}
        held = {
            story_id: row
            for day in self.days
            for story_id, row in self._rows(day).items()
            if day not in self.stories or story_id in self.told
        }
        # Also of stories that have moved from one of these days to another.
        self.events = {
            story_id: held[story_id].event_id
            for story_id, story in self.told.items()
            if story_id in held and held[story_id].source_url == _address(story.keys)
        }
        touched = {row.event_id for row in held.values()}
        if new := self.told.keys() - self.events.keys():
            self._place(new, held)
        return self._rank(touched | set(self.events.values()))

    def _look_at(self, day: date) -> Iterable[Told]:
        self._rows(day)  # damaged, they are wanted whole
        if day not in self.stories:
            return iter_stories(self.archive, day, with_text=False, unread=self.unread)
        self.unread.add(day)
        told: list[Told] = []
        to_read: dict[str, Several[str]] = {}
        for section, stories in self.stories[day].items():
            if isinstance(stories, Mapping):
                told += stories.values()
            else:
                to_read[section] = stories
        only = {story_id for each in to_read.values() for story_id in each}
        return chain(told, iter_stories(self.archive, day, with_text=False, only=only, sections=to_read))

    def _rows(self, day: date) -> Rows:
        if day not in self.standing:
            try:
                rows = table_to_lineage(self.archive.read_lineage(day), date=day)
            except DamagedFileError as error:
                if day not in self.days:
                    raise _DamagedDayError(day) from error
                rows = []
                self.damaged.add(day)
                self.stories.pop(day, None)
            self.standing[day] = {row.story_id: row for row in rows}
        return self.standing[day]

    # Placing

    def _place(self, new: Several[str], held: Mapping[str, Lineage]) -> None:
        stale = {story_id for story_id in held if story_id not in self.events}
        collection, stories = self._collect(new, stale)
        places = [place for place, story in enumerate(stories) if story.story_id in new]
        sources = join_keys([stories[place].keys for place in places])
        joined = _Joined()
        for place, source in zip(places, sources, strict=True):
            node = f"source {source}" if source else f"place {place}"
            joined.join(f"place {place}", node)
            for known in self.index.events_with(stories[place].keys, stale):
                joined.join(node, f"event {known}")
        nodes = [f"event {event}" if event else f"place {place}" for place, event in enumerate(collection.events)]
        groups: dict[str, list[int]] = defaultdict(list)
        for place, node in enumerate(nodes):
            groups[joined.find(node)].append(place)
        settled = {root: self._elect(joined, root) for root in groups}
        has_source = {
            root: any(name.startswith("source ") for name in joined.members(root))
            or any(self.index.has_source(name[6:]) for name in joined.members(root) if name.startswith("event "))
            for root in groups
        }
        pairs = collection.rate_pairs()
        gathered = place_among(
            list(groups.values()),
            pairs,
            sources=[root if has_source[root] else None for root in groups],
            settled=[settled[root] is not None for root in groups],
        )
        roots = list(groups)
        final: list[list[int]] = []
        for numbers in gathered:
            members = sorted(place for number in numbers for place in groups[roots[number]])
            final.append(members)
            event = next((name for number in numbers if (name := settled[roots[number]])), None)
            if event is None:
                event = self._found([stories[place] for place in members], joined, [roots[each] for each in numbers])
            self.events |= {stories[place].story_id: event for place in members if stories[place].story_id in new}
        means = mean_likelihoods(pairs, final)
        self.likelihoods = {stories[place].story_id: likelihood for place, likelihood in means.items()}

    def _collect(self, new: Several[str], stale: Several[str]) -> tuple[Collection, list[Told]]:
        """Read the stories within the window of those that are new."""
        days = {self.told[story_id].day for story_id in new}
        numbers = {day.toordinal() + each for day in days for each in range(-WINDOW, WINDOW + 1)}
        around = [date.fromordinal(each) for each in sorted(numbers) if 1 <= each <= date.max.toordinal()]
        collection, stories = Collection(), []
        for day in around:
            known = self.index.stories_on(day)
            for story in self._texts_on(day, known):
                at = self.told.get(story.story_id, story)
                if at.day != day:  # half moved
                    continue
                event = self.events.get(story.story_id)
                if event is None and story.story_id in known and story.story_id not in stale:
                    event = known[story.story_id].event_id
                if event is None and story.story_id not in new:
                    continue
                collection.add(
                    story.story_id,
                    title=story.title,
                    body=story.body,
                    published=story.when,
                    keys=story.keys,
                    event=event,
                )
                stories.append(replace(story, title="", body=""))
        return collection, stories

    def _texts_on(self, day: date, known: Mapping[str, Indexed]) -> Iterator[Told]:
        """Return the stories of a day with their texts: a partition all of whose known stories were handed over is not read."""
        there: dict[str, list[Told]] = defaultdict(list)
        for story in self.told.values():
            if story.day == day:
                there[story.section].append(story)
        others = {each.section for story_id, each in known.items() if story_id not in self.told}
        handed = {
            section
            for section, stories in there.items()
            if others.isdisjoint((section, None)) and all(story.title for story in stories)
        }
        for section in sorted(handed):
            yield from there[section]
        keys = {(each.section, story_id): each.keys for story_id, each in known.items()}
        keys |= {(section, story.story_id): story.keys for section, stories in there.items() for story in stories}
        yield from iter_stories(self.archive, day, with_text=True, but=handed, keys=keys)

    def _elect(self, joined: _Joined, root: str) -> str | None:
        """Return the oldest event of those that prove to be one, and note its new name for the others."""
        events = [name[6:] for name in joined.members(root) if name.startswith("event ")]
        if len(events) < 2:
            return events[0] if events else None
        seen = {event: min((row.first_seen_by_us for row in self._rows_of(event)), default=None) for event in events}
        oldest = min(events, key=lambda event: (seen[event] is None, seen[event], event))
        self.renamed |= {event: oldest for event in events if event != oldest}
        return oldest

    def _rows_of(self, event: str) -> list[Lineage]:
        rows = (self._rows(day).get(story_id) for story_id, day in self.index.members_of(event))
        return [row for row in rows if row is not None]

    def _found(self, stories: list[Told], joined: _Joined, roots: Iterable[str]) -> str:
        """Name a new event: after its source, else after its earliest story's own page."""
        for root in roots:
            for name in sorted(joined.members(root)):
                if name.startswith("source "):
                    return name_event(name.removeprefix("source "))
        founder = min(stories, key=lambda story: (story.first_seen_at, story.order))
        return name_event(founder.keys.own or founder.story_id)

    # Ranking

    def _rank(self, touched: Several[str]) -> dict[date, list[Lineage]]:
        self.events = {story_id: self.renamed.get(event, event) for story_id, event in self.events.items()}
        touched = {self.renamed.get(event, event) for event in touched} | set(self.renamed.values())
        placed: dict[str, set[str]] = defaultdict(set)
        for story_id, event in self.events.items():
            placed[event].add(story_id)
        members = {event: self._members(event, placed.get(event, ())) for event in touched}
        facts = self._read_members(
            # What a story that is alone has told is known, but for one that others have left.
            {place for each in members.values() for place in each if len(each) > 1 or place[0] not in self.told}
        )
        rows: dict[date, Rows] = {day: dict(self._rows(day)) for day in self.days}
        for day in self.days:
            if day not in self.unread:
                rows[day] = {story_id: row for story_id, row in rows[day].items() if story_id in self.told}
            rows[day] = {
                story_id: row
                for story_id, row in rows[day].items()
                if story_id not in self.told or self.told[story_id].day == day
            }
        for event, places in members.items():
            stories = [facts.get(story_id) or (self.told.get(story_id), None) for story_id, _ in places]
            for row in self._make_rows(event, [(told, words) for told, words in stories if told is not None]):
                rows.setdefault(row.date, dict(self._rows(row.date)))[row.story_id] = row
        return {
            day: sorted(held.values(), key=lambda row: (row.event_id, row.rank, row.story_id))
            for day, held in rows.items()
            if held != self._rows(day) or day in self.damaged or not self.archive.lineage_file(day).exists()
        }

    def _members(self, event: str, placed: Iterable[str]) -> list[tuple[str, date]]:
        """Stories of an event with their days: those that stand there, and those of these days that are placed there."""
        names = [event, *(old for old, new in self.renamed.items() if new == event)]
        places = {
            (story_id, day)
            for name in names
            for story_id, day in self.index.members_of(name)
            if story_id not in self.told and (day not in self.days or day in self.unread)
        }
        return sorted(places | {(story_id, self.told[story_id].day) for story_id in placed})

    def _read_members(self, places: Several[tuple[str, date]]) -> dict[str, tuple[Told, Words]]:
        by_day: dict[date, set[str]] = defaultdict(set)
        for story_id, day in places:
            by_day[day].add(story_id)
        return {
            story.story_id: (replace(story, title="", body=""), _words(story))
            for day, only in sorted(by_day.items())
            for story in self._read_some(day, only)
        }

    def _read_some(self, day: date, story_ids: set[str]) -> Iterator[Told]:
        """Read stories of a day: where they are known to stand, and what does not stand there wherever it does."""
        known = {story_id: each.section for story_id, each in self.index.stories_on(day).items()}
        known |= {each.story_id: each.section for each in self.told.values() if each.day == day}
        sections = {section for story_id in story_ids if (section := known.get(story_id))}
        missing = set(story_ids)
        for story in iter_stories(self.archive, day, with_text=True, only=story_ids, sections=sections):
            missing.discard(story.story_id)
            yield story
        if missing:
            yield from iter_stories(self.archive, day, with_text=True, only=missing)

    def _make_rows(self, event: str, stories: list[tuple[Told, Words | None]]) -> Iterable[Lineage]:
        stories.sort(key=lambda each: each[0].order)
        sources = join_keys([told.keys for told, _ in stories])
        earliest = next((told.published_at for told, _ in stories if told.published_at), None)
        first = stories[0][1] if stories else None
        for rank, ((told, words), source) in enumerate(zip(stories, sources, strict=True), 1):
            method = tell_method(source, sources)
            before = self._rows(told.day).get(told.story_id)
            likelihood = self.likelihoods.get(told.story_id, 0.0)
            if before is not None and before.method == method:
                likelihood = before.score
            yield Lineage(
                date=told.day,
                event_id=event,
                story_id=told.story_id,
                method=method,
                score=tell_score(method, likelihood),
                source_url=_address(told.keys),
                first_seen_by_us=told.first_seen_at,
                earliest_published=earliest,
                rank=rank,
                shared_words=1.0 if rank == 1 or words is None or first is None else _share(words, first),
            )


class _Joined:
    """Names that mean one thing."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}
        self._below: dict[str, set[str]] = {}

    def find(self, name: str) -> str:
        while (above := self._above.get(name, name)) != name:
            name = above
        return name

    def join(self, one: str, other: str) -> None:
        low, high = sorted((self.find(one), self.find(other)))
        if low != high:
            self._above[high] = low
            self._below[low] = self.members(low) | self._below.pop(high, {high})

    def members(self, root: str) -> set[str]:
        return self._below.get(root, {root})


Words = npt.NDArray[np.uint32]
"""The different words of a story, each as its CRC-32: a fiftieth of the memory."""


def _words(story: Told) -> Words:
    words = set(fold_text(f"{story.title} {story.body}").split())
    return np.unique(np.fromiter((zlib.crc32(word.encode()) for word in words), np.uint32, len(words)))


def _share(words: Words, first: Words) -> float:
    return round(len(np.intersect1d(words, first, assume_unique=True)) / len(words), 6) if len(words) else 0.0


def _address(keys: Keys) -> str | None:
    return f"https://{keys.source}" if keys.source else None
