"""One story by its address: first where the ledger of its site says that it stands, else by a look through the archive."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date

import pyarrow.compute as pc

from archiver.items import Story
from archiver.normalize import story_id as make_story_id
from archiver.store.archive import Archive, Partition
from archiver.store.ledgerfile import ledger_file
from archiver.store.read import read_story, scan_revisions, scan_stories
from archiver.store.sqlite import connect_to_read
from archiver.urls import site_of

_SELECT = """
    SELECT story_id, date, section FROM stories
    WHERE story_id = ? OR story_id = (SELECT story_id FROM urls WHERE url = ?)
"""


def find_story(archive: Archive, url: str) -> Story | None:
    """Return the newest revision of the story at a cleaned address, be it the present one or an earlier one.

    Where a story has moved away and another stands there now, that one is meant. A story at its present address costs one
    partition; what the ledger does not know costs a column of all. Raises DamagedFileError where a file that is needed cannot
    be read back.
    """
    for story_id, partition in _ask_ledger(archive, url):
        story = read_story(archive, partition, story_id)
        if story and story.url == url:
            return story
    wanted = make_story_id(url)  # the key of a story is its first address
    columns = ["story_id", "url", "date", "section"]
    places = scan_stories(archive, columns, (pc.field("url") == url) | (pc.field("story_id") == wanted)).to_pylist()
    if not places:
        moved = scan_revisions(archive, ["story_id"], pc.field("url") == url)["story_id"]
        if len(moved):
            places = scan_stories(archive, columns, pc.field("story_id") == moved[-1].as_py()).to_pylist()
    for place in sorted(places, key=lambda place: place["url"] != url):
        if story := read_story(archive, Partition(place["date"], place["section"]), place["story_id"]):
            return story
    return None


def _ask_ledger(archive: Archive, url: str) -> Iterator[tuple[str, Partition]]:
    """Yield where the story may stand. A hint: a crawl may be writing the ledger, and nothing waits for it or makes one."""
    try:
        path = ledger_file(archive, site_of(url))
        with closing(connect_to_read(path, is_still=True)) as ledger:
            rows = ledger.execute(_SELECT, (make_story_id(url), url)).fetchall()
        yield from [(story_id, Partition(date.fromisoformat(day), section)) for story_id, day, section in rows]
    except (sqlite3.Error, ValueError, TypeError):
        return
