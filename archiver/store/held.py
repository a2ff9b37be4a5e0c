"""Stories held back: inbox files that an alarm has moved to `inbox/held/`, where no publisher takes them.

What a crawl keeps of them stands in raw files and ledger as ever, so that they are not fetched again before they are due.
They are published when a person says so, unless a later crawl has seen another text of a story meanwhile.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial
from pathlib import Path

from archiver.alarms.alarm import Alarm, read_past
from archiver.alarms.quality import Quality, tally
from archiver.alarms.stories import judge_stories
from archiver.items import Story
from archiver.store.archive import Archive, make_folder, storage_errors, sync_folder
from archiver.store.inbox import read_inbox, write_line
from archiver.store.inbox_index import InboxIndex
from archiver.store.ledgerfile import ledger_file
from archiver.store.runs import put_run, read_run, read_runs, spider_of
from archiver.store.sqlite import connect
from archiver.store.tables import MIGRATIONS, to_stamp
from archiver.store.told import begin_run


class NotHeldError(ValueError):
    """No stories of a run are held back; raised by `accept` and `renew`. The message names the runs that are."""


def held_file(archive: Archive, run: str) -> Path:
    return archive.held_dir / f"{run}.jsonl"


def held_runs(archive: Archive) -> list[str]:
    """Return the runs whose stories are held back, oldest first."""
    with storage_errors(archive.held_dir):
        return sorted(path.stem for path in archive.held_dir.glob("*.jsonl"))


def judge_inbox(archive: Archive, run: str, index: InboxIndex, *, is_own: bool = False) -> tuple[Quality, list[Alarm]]:
    """Return what the stories of a run look like, and what of it is unlike the runs of that spider before.

    A run whose alarms were accepted raises none. The record of a run that has not ended, or whose stories were extracted
    anew, gets what is found here. `is_own`: its own crawl publishes it.
    """
    quality = tally(partial(index.looks, run))
    spider = spider_of(run)
    if spider is None:
        return quality, []
    record = read_run(archive, run)
    if record is not None and record.get("accepted_at"):
        return quality, []
    past = read_past(read_runs(archive, spider, before=run))
    alarms = judge_stories(past, quality, lambda site: list(index.looks(run, site)))
    if record is not None and (not record.get("finished_at") or record.get("renewed_at")):
        put_run(archive, begin_run(record, quality, alarms, is_own=is_own))
    return quality, alarms


def hold(archive: Archive, path: Path) -> Path:
    """Move an inbox file to those held back."""
    target = held_file(archive, path.stem)
    _move(path, target)
    return target


def accept(archive: Archive, run: str, at: datetime) -> None:
    """Let the stories of a run go: the next publisher takes them, and what they look like is usual from now on.

    A run that raised alarms and has no stories held is accepted as well. Raises NotHeldError where it is neither.
    """
    record, path = read_run(archive, run), held_file(archive, run)
    if not path.exists() and not (record and record.get("alarms")):
        raise NotHeldError(_describe_unheld(archive, run))
    # First the record: killed between the two, the stories are still held, and accepting them again does the rest.
    if record is not None and not record.get("accepted_at"):
        put_run(archive, record | {"accepted_at": at.isoformat()})
    if path.exists():
        _move(path, archive.inbox_dir / path.name)


def renew(archive: Archive, run: str, extract: Callable[[Story], Story | None], at: datetime) -> tuple[int, int]:
    """Extract the stories of a run anew and hand them back to the inbox, where they are judged again.

    `extract` returns None for a story that it cannot have: it stays as it is. Returns how many are new, and how many stay.
    """
    path = held_file(archive, run)
    if not path.exists():
        raise NotHeldError(_describe_unheld(archive, run))
    with storage_errors(path):
        stories, _ = read_inbox(path)
    renewed = [extract(story) for story in stories]
    kept = [new or story for new, story in zip(renewed, stories, strict=True)]
    archive.put_atomic(path, lambda file: file.writelines(map(write_line, kept)))
    if (record := read_run(archive, run)) is not None:
        put_run(archive, record | {"renewed_at": at.isoformat()})
    _move(path, archive.inbox_dir / path.name)
    return sum(new is not None for new in renewed), sum(new is None for new in renewed)


def forget_held(archive: Archive, addresses: Collection[str], story_id: str | None) -> None:
    """Take the story of some addresses out of what is held back; lines that are no story stay as they are."""
    for run in held_runs(archive):
        path = held_file(archive, run)
        with storage_errors(path):
            lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not _is_of(line, addresses, story_id)]
        if len(kept) < len(lines):
            archive.put_atomic(path, lambda file, kept=kept: file.writelines(kept))  # type: ignore[misc]


def _is_of(line: bytes, addresses: Collection[str], story_id: str | None) -> bool:
    try:
        story = json.loads(line)["story"]
        return story["url"] in addresses or story["story_id"] == story_id
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


class Superseded:
    """Tells of stories that were held back whether a later crawl has seen another text, as the ledgers have it."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._ledgers: dict[str, sqlite3.Connection | None] = {}

    def has(self, story: Story) -> bool:
        if story.site not in self._ledgers:
            path = ledger_file(self._archive, story.site)
            self._ledgers[story.site] = connect(path, MIGRATIONS) if path.exists() else None
        ledger = self._ledgers[story.site]
        values = (story.story_id, to_stamp(story.fetched_at), story.content_hash)
        return ledger is not None and ledger.execute(_SEEN_SINCE, values).fetchone() is not None

    def close(self) -> None:
        for ledger in self._ledgers.values():
            if ledger is not None:
                ledger.close()


_SEEN_SINCE = "SELECT 1 FROM urls WHERE story_id = ? AND last_fetched > ? AND content_hash != ? LIMIT 1"


def is_let_go(archive: Archive, run: str) -> bool:
    """Tell whether the stories of a run were held back once."""
    record = read_run(archive, run) or {}
    return bool(record.get("accepted_at") or record.get("renewed_at"))


def _move(path: Path, target: Path) -> None:
    with storage_errors(path):
        make_folder(target.parent)
        path.replace(target)
        sync_folder(target.parent)
        sync_folder(path.parent)


def _describe_unheld(archive: Archive, run: str) -> str:
    held = ", ".join(held_runs(archive)) or "none"
    return f"nothing of run {run!r} is held back. Runs that are: {held}"
