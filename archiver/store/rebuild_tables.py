"""The files of a partition had again: from each other, and from the raw pages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from archiver.items import Story
from archiver.schema import Revision, encode_parquet, revisions_to_table, stories_to_table
from archiver.store.archive import Archive, Partition
from archiver.store.check_tables import Content, Entries, compare_rows
from archiver.store.faults import name_of
from archiver.store.rebuild_raw import RawVisits, Replayed, as_story
from archiver.store.revisions import make_revision, version_of


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What both files of a partition are to hold."""

    stories: list[Story]
    revisions: list[Revision]
    how: str


def rebuild_partition(
    archive: Archive, partition: Partition, content: Content, entries: Entries | None, visits: RawVisits | None
) -> Rebuilt | None:
    """Return the best there is to be had of a partition with faults: what gives the bytes of which the manifest tells,
    else the first that agrees in itself, else all that is left; None where nothing is."""
    first: Rebuilt | None = None
    rest: Rebuilt | None = None
    for candidate in _candidates(archive, partition, content, visits):
        if entries is not None and _is_as_told(archive, partition, candidate, entries):
            return candidate
        rows = Content(candidate.stories, candidate.revisions)
        if not list(compare_rows(archive, partition, rows)):
            first = first or candidate
        else:
            rest = rest or candidate
    if first or content.revisions is not None:  # rows that can be read and disagree stay as they are, and named
        return first
    return rest


def encode_rows(rebuilt: Rebuilt) -> tuple[bytes, bytes]:
    """Return the two files as publishing writes them."""
    stories = sorted(rebuilt.stories, key=lambda row: (row.site, row.url, row.story_id))
    revisions = sorted(rebuilt.revisions, key=lambda row: (row.site, row.url, row.revision, row.story_id))
    tables = stories_to_table(stories), revisions_to_table(revisions)
    return encode_parquet(tables[0]).to_pybytes(), encode_parquet(tables[1]).to_pybytes()


def _is_as_told(archive: Archive, partition: Partition, candidate: Rebuilt, entries: Entries) -> bool:
    paths = (archive.stories_file(partition), archive.revisions_file(partition))
    told = [(entries.get(name_of(archive, path)) or {}).get("sha256") for path in paths]
    return told == [hashlib.sha256(content).hexdigest() for content in encode_rows(candidate)]


def _candidates(
    archive: Archive, partition: Partition, content: Content, visits: RawVisits | None
) -> Iterator[Rebuilt]:
    """Yield what there is to be had, none of it without rows; the raw pages are read only if nothing before fits."""
    stories, revisions = content.stories, content.revisions
    if stories is not None and revisions is not None and (stories or revisions):
        yield Rebuilt(stories, revisions, "written anew with the rows that they hold")
    if revisions:
        yield Rebuilt(_newest(revisions), revisions, "stories rebuilt from revisions")
    if stories and all(story.revision == 1 for story in stories):
        first = [make_revision(story, None, []) for story in stories]
        yield Rebuilt(stories, first, "revisions rebuilt from stories")
    raw = visits.replay(partition) if visits else None
    if raw and stories:
        yield _join_revisions(stories, raw)
    elif raw and revisions:
        yield _join_stories(revisions, raw)
    elif raw and raw.stories:
        yield Rebuilt(raw.stories, raw.revisions, f"rebuilt from raw pages{_but_unread(raw)}")
    if stories:
        yield _join_revisions(stories, Replayed([], [], 0))


def _newest(revisions: Sequence[Revision]) -> list[Story]:
    newest = {row.story_id: row for row in sorted(revisions, key=lambda row: row.revision)}
    return [as_story(row) for row in newest.values()]


def _join_stories(revisions: Sequence[Revision], raw: Replayed) -> Rebuilt:
    """Return revisions that are whole with the newest row of each story; of one that moved since, as its page tells."""
    pages = {story.story_id: story for story in raw.stories}
    stories = []
    for story in _newest(revisions):
        page = pages.get(story.story_id, story)
        is_later = page.revision == story.revision and version_of(page) == version_of(story) and page.url != story.url
        stories.append(replace(page, first_seen_at=story.first_seen_at) if is_later else story)
    return Rebuilt(stories, list(revisions), "stories rebuilt from revisions and raw pages")


def _join_revisions(stories: Sequence[Story], raw: Replayed) -> Rebuilt:
    """Return stories that are whole with the revisions that the raw pages give, the newest with the text of its row."""
    in_order = sorted(raw.revisions, key=lambda row: (row.story_id, row.revision))
    past = {story_id: list(rows) for story_id, rows in groupby(in_order, key=lambda row: row.story_id)}
    revisions: list[Revision] = []
    lost = 0
    for story in stories:
        known = past.get(story.story_id, [])[: story.revision]
        if len(known) == story.revision and known[-1].status == story.status:
            revisions += [*known[:-1], _with_text(known[-1], story)]
        else:
            revisions.append(replace(make_revision(story, None, []), revision=story.revision))
            lost += story.revision > 1
    how = "revisions rebuilt from raw pages" if raw.revisions else "the newest revisions rebuilt from stories"
    return Rebuilt(list(stories), revisions, f"{how}; earlier ones of {lost} stories are lost" if lost else how)


def _with_text(revision: Revision, story: Story) -> Revision:
    """Return the newest revision as its row has it, unless that is of a later visit: the story moved."""
    if story.fetched_at > revision.fetched_at and version_of(story) == version_of(revision):
        return revision
    counted = {name: getattr(revision, name) for name in ("changed", "words_added", "words_removed")}
    return replace(make_revision(story, None, []), revision=story.revision, **counted)


def _but_unread(raw: Replayed) -> str:
    return f"; {raw.unread} pages could not be read to a story" if raw.unread else ""
