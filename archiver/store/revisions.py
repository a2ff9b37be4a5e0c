"""When a visit makes a revision, and which one; pure: rows in, rows out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any, Literal, Protocol, TypeAlias

import pyarrow as pa

from archiver.items import Story
from archiver.schema import Revision, table_to_stories

COMPARED = ("title", "dek", "body", "faq", "source_url", "status")
"""What a revision's column `changed` may name."""

Reread: TypeAlias = Callable[[Story], Story | None]
"""Extracts the raw page of an archived row anew with today's rules; None, never an error, where that page cannot be had.

Only the text of its answer counts: key, address, partition, times and raw place stay those of the row."""


class Seen(Protocol):
    """What tells one visit to a story from the next."""

    @property
    def url(self) -> str: ...
    @property
    def content_hash(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def fetched_at(self) -> datetime: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What one visit makes of a story's rows."""

    kind: Literal["new", "changed", "same"]
    row: Story | None = None
    """What `stories` is to hold of the story from now on; None where its row may stay."""
    revisions: tuple[Revision, ...] = ()
    """Rows of `revisions`, to be added or, where their number stands there, put in the place of that row."""


def judge(story: Story, standing: Story | None, past: Sequence[Revision], reread: Reread | None = None) -> Verdict:
    """Tell what a visit makes of a story: of `standing`, its row in `stories`, and `past`, its rows in `revisions`.

    - A change of content or status is the next revision.
    - A story that is gone brings a status and a time and no text: the last one stays, whatever the visit carries.
    - Where the two are of different extractors, the standing row is first brought to what today's rules make of its raw
      page (`reread`), under its own number and time, in `stories` and `revisions` alike. What still differs is a true
      revision, counted against that text; where nothing does, the story is the same.
    - A story that only moved is the same: its row follows to the new address, its revision tells of the old one.

    `past` is in order, oldest first. It may reach beyond `standing`, where a run was killed between the two files.
    """
    if standing is None:
        revision = make_revision(story, None, past)
        return Verdict(kind="new", row=revision, revisions=(revision,))
    if _is_published(story, standing, past):
        return Verdict(kind="same")
    is_gone = story.status == "gone"
    now = _bring_up_to_date(standing, story, past, None if is_gone else reread)
    if is_gone:
        story = replace(now, status="gone", fetched_at=story.fetched_at)
    restated = restate(now, past) if now is not standing else ()
    if version_of(now) == version_of(story):
        row = _keep_place(story, now) if has_moved(story, now) else now
        return Verdict(kind="same", row=None if row is standing else row, revisions=restated)
    kept = [next((new for new in restated if new.revision == row.revision), row) for row in past]
    revision = make_revision(story, now, kept)
    return Verdict(kind="changed", row=revision, revisions=(*restated, revision))


def version_of(story: Seen) -> tuple[str, str]:
    """What differs between one revision and the next."""
    return story.content_hash, story.status


def has_moved(story: Seen, standing: Seen) -> bool:
    """Tell whether a visit found the story at an address younger than that of its row."""
    return story.url != standing.url and story.fetched_at > standing.fetched_at


def make_revision(story: Story, standing: Story | None, past: Sequence[Story]) -> Revision:
    """Return the story as the next revision after `standing`, its row in `stories`.

    `past` are its rows in `revisions`, oldest first. They reach beyond `standing` where a run was killed between the
    two files: the row it left is numbered and compared as it was then.
    """
    reached = standing.revision if standing else 0
    is_leftover = bool(past) and past[-1].revision > reached and version_of(past[-1]) == version_of(story)
    earlier = past[:-1] if is_leftover else past
    before = max([*earlier, *([standing] if standing else [])], key=lambda row: row.revision, default=None)
    if before is None:
        return _to_revision(replace(story, revision=1), [], None)
    story = replace(_keep_place(story, before), revision=past[-1].revision if is_leftover else before.revision + 1)
    changed = [name for name in COMPARED if getattr(story, name) != getattr(before, name)]
    return _to_revision(story, changed, before)


def table_to_revisions(table: pa.Table, *, date: date, section: str) -> list[Revision]:
    """Return the rows of one partition of `revisions`."""
    own = table.select(["changed", "words_added", "words_removed"]).to_pylist()
    stories = table_to_stories(table, date=date, section=section)
    return [Revision(**_columns(story), **columns) for story, columns in zip(stories, own, strict=True)]


def _is_published(story: Story, standing: Story, past: Iterable[Revision]) -> bool:
    """Tell whether this visit, or one that found the same, was published before a later one: its run is published again.

    What a visit made a revision of may have been extracted anew since; of one that found the story gone, no text counts.
    """
    seen = [row for row in past if row.revision <= standing.revision and row.fetched_at <= story.fetched_at]
    if any(
        (row.fetched_at, row.status) == (story.fetched_at, story.status)
        and (row.content_hash == story.content_hash or row.extractor != story.extractor or row.status == "gone")
        for row in seen
    ):
        return True
    if not seen or seen[-1].revision == standing.revision:
        return False
    return version_of(seen[-1]) == version_of(story) or seen[-1].status == story.status == "gone"


def _bring_up_to_date(standing: Story, story: Story, past: Sequence[Revision], reread: Reread | None) -> Story:
    """Return the standing row with the text that the rules which made `story` find in its raw page."""
    for row in past:
        if row.revision == standing.revision and version_of(row) != version_of(standing):
            return replace(standing, **text_of(row))  # a run that was killed had it in `revisions` already
    if reread is None or standing.extractor == story.extractor or standing.content_hash == story.content_hash:
        return standing
    again = reread(standing)
    if again is None or again.content_hash == standing.content_hash:
        return standing
    return replace(standing, **text_of(again))


_NOT_TEXT = frozenset(
    "story_id url site section date date_source first_seen_at fetched_at revision status raw_file raw_offset raw_sha256"
    .split()
)  # fmt: skip
"""Columns that tell of a row's place and visit: reading its page again leaves them as they are."""


def text_of(story: Story) -> dict[str, Any]:
    return {name: value for name, value in _columns(story).items() if name not in _NOT_TEXT}


def restate(now: Story, past: Iterable[Revision]) -> tuple[Revision, ...]:
    """Return the row of `revisions` that says the same as `now`.

    What changed from the revision before it stays as it was counted then, when both were of the same rules.
    """
    for row in past:
        if row.revision == now.revision:
            words = len(_list_words(now)) if row.revision == 1 else row.words_added
            return (replace(row, **text_of(now), words_added=words),)
    return ()


def _keep_place(story: Story, before: Story) -> Story:
    """Return the story under the number of the row before it, in the partition where that was first published."""
    return replace(
        story,
        revision=before.revision,
        first_seen_at=before.first_seen_at,
        date=before.date,
        section=before.section,
        date_source=before.date_source,
    )


def _to_revision(story: Story, changed: list[str], before: Story | None) -> Revision:
    words = _list_words(story)
    added, removed = len(words), 0
    if before is not None:
        words_before = _list_words(before)
        count, count_before = Counter(words), Counter(words_before)
        kept = sum(min(number, count_before[word]) for word, number in count.items() if word in count_before)
        added, removed = len(words) - kept, len(words_before) - kept
    return Revision(**_columns(story), changed=changed, words_added=added, words_removed=removed)


_COLUMNS = tuple(column.name for column in fields(Story))


def _columns(story: Story) -> dict[str, Any]:
    """The columns of a story, less those that only a revision has."""
    return {name: getattr(story, name) for name in _COLUMNS}


def _list_words(story: Story) -> list[str]:
    faq = [text for pair in story.faq for text in (pair.question, pair.answer)]
    return " ".join([story.title, story.dek or "", story.body, *faq]).split()
