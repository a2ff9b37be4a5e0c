"""One event of the archive: the story that is asked for, and all that tell the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow.compute as pc

from archiver.items import Story
from archiver.schema import Lineage, table_to_lineage
from archiver.store.archive import Archive, Partition
from archiver.store.places import find_story
from archiver.store.read import read_story, scan_lineage, scan_stories


class NoLineageError(Exception):
    """The story stands in the archive, and its day has no lineage yet. Raised by `find_event`."""


@dataclass(frozen=True, slots=True)
class Member:
    """A story of an event, and its row of lineage."""

    story: Story
    row: Lineage


@dataclass(frozen=True, slots=True)
class Event:
    """An event, its stories by rank."""

    event_id: str
    members: list[Member]

    @property
    def source(self) -> str | None:
        """The source to which most stories link, by its normalised address."""
        named = [member.row.source_url for member in self.members if member.row.source_url]
        return max(named, key=lambda url: (named.count(url), url), default=None)

    @property
    def source_name(self) -> str | None:
        names = [member.story.source_name for member in self.members if member.story.source_name]
        return max(names, key=lambda name: (names.count(name), name), default=None)

    def to_json(self) -> dict[str, Any]:
        return {
            "event_id": self.event_id,
            "source_url": self.source,
            "source_name": self.source_name,
            "stories": [
                {
                    "rank": member.row.rank,
                    "story_id": member.story.story_id,
                    "url": member.story.url,
                    "site": member.story.site,
                    "title": member.story.title,
                    "published_at": member.story.published_at.isoformat() if member.story.published_at else None,
                    "first_seen_at": member.story.first_seen_at.isoformat(),
                    "method": member.row.method,
                    "score": member.row.score,
                    "source_url": member.story.source_url,
                    "shared_words": member.row.shared_words,
                }
                for member in self.members
            ],
        }


def find_event(archive: Archive, url: str) -> Event | None:
    """Return the event of the story at a cleaned address, be it the present one or an earlier one; None if there is none."""
    story = find_story(archive, url)
    if story is None:
        return None
    rows = {row.story_id: row for row in table_to_lineage(archive.read_lineage(story.date), date=story.date)}
    if story.story_id not in rows:
        raise NoLineageError(url)
    event_id = rows[story.story_id].event_id
    days: set[date] = {
        row["date"] for row in scan_lineage(archive, ["date"], pc.field("event_id") == event_id).to_pylist()
    }
    members = []
    for day in sorted(days):
        found = [row for row in table_to_lineage(archive.read_lineage(day), date=day) if row.event_id == event_id]
        is_member = (pc.field("date") == day) & pc.field("story_id").isin([row.story_id for row in found])
        sections = {
            place["story_id"]: place["section"]
            for place in scan_stories(archive, ["story_id", "section"], is_member).to_pylist()
        }
        for row in found:
            partition = Partition(day, sections[row.story_id]) if row.story_id in sections else None
            if partition and (member := read_story(archive, partition, row.story_id)):
                members.append(Member(member, row))
    return Event(event_id, sorted(members, key=lambda member: member.row.rank))
