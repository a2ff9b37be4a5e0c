"""Stories moved from one partition to another: as if at once, though four files change.

The moves are written down first. Killed amid them, they are carried out again by whoever publishes next, before anything
else; doing it twice changes nothing. A reader may miss a story for the moment between the files, and never sees it twice.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from archiver.items import Story
from archiver.schema import Revision, revision_from_json, story_from_json, story_to_json
from archiver.store.archive import Archive, DamagedFileError, Partition, storage_errors, sync_folder
from archiver.store.known import date_of_page
from archiver.store.ledgerfile import ledger_file, survive_damage
from archiver.store.lineage import update_lineage
from archiver.store.manifest import write_manifest
from archiver.store.merge import put_table, put_verdicts
from archiver.store.rebuild import rebuild_places
from archiver.store.revisions import Verdict
from archiver.store.sqlite import connect, transaction
from archiver.store.tables import MIGRATIONS, to_stamp


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A story that leaves its partition for the one that its columns `date` and `section` name."""

    left: Partition
    story: Story
    revisions: tuple[Revision, ...]
    """All of them."""

    @property
    def entered(self) -> Partition:
        return Partition(self.story.date, self.story.section)


def move_stories(archive: Archive, moves: Sequence[Move]) -> list[Path]:
    """Move stories, for the one publisher; return the files written."""
    if not moves:
        return []
    lines = [json.dumps(_to_json(move), ensure_ascii=False) for move in moves]
    archive.put_atomic(_journal(archive), lambda file: file.write("".join(f"{line}\n" for line in lines).encode()))
    return _carry_out(archive, moves)


def has_unfinished_moves(archive: Archive) -> bool:
    with storage_errors(_journal(archive)):
        return _journal(archive).exists()


def finish_moves(archive: Archive) -> list[Path]:
    """Carry out the moves that a killed process left unfinished; return the files written."""
    path = _journal(archive)
    if not has_unfinished_moves(archive):
        return []
    try:
        with storage_errors(path):
            moves = [_from_json(json.loads(line)) for line in path.read_bytes().splitlines()]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(errno.EIO, f"Damaged: {error}", str(path)) from error
    return _carry_out(archive, moves)


def note_restated(archive: Archive, stories: Iterable[Story]) -> None:
    """Enter into the ledgers what stories were replaced by: their partitions, and the hashes and dates of their pages."""
    by_site: dict[str, list[Story]] = {}
    for story in stories:
        by_site.setdefault(story.site, []).append(story)
    for site, group in by_site.items():
        path = ledger_file(archive, site)
        survive_damage(path, lambda path=path, site=site, group=group: _note(archive, path, site, group))  # type: ignore[misc]


def _note(archive: Archive, path: Path, site: str, stories: list[Story]) -> None:
    with closing(connect(path, MIGRATIONS)) as ledger, transaction(ledger):
        if ledger.execute("SELECT 1 FROM stories LIMIT 1").fetchone() is None:
            rebuild_places(ledger, archive, site)
        places = [(story.date.isoformat(), story.section, story.story_id) for story in stories]
        ledger.executemany("UPDATE stories SET date = ?, section = ? WHERE story_id = ?", places)
        dates = [date_of_page(story.published_at, story.date_source) for story in stories]
        pages = [
            (story.content_hash, to_stamp(at) if at else None, story.story_id)
            for story, at in zip(stories, dates, strict=True)
        ]
        put = "UPDATE urls SET content_hash = ?, published_at = ? WHERE story_id = ? AND content_hash IS NOT NULL"
        ledger.executemany(put, pages)


def _journal(archive: Archive) -> Path:
    return archive.state_dir / "moves.jsonl"


def _carry_out(archive: Archive, moves: Sequence[Move]) -> list[Path]:
    note_restated(archive, [move.story for move in moves])
    files: list[Path] = []
    for partition in sorted({move.left for move in moves}):
        files += _take_out(archive, partition, [move.story.story_id for move in moves if move.left == partition])
    for partition in sorted({move.entered for move in moves}):
        entering = [move for move in moves if move.entered == partition]
        verdicts = [Verdict(kind="same", row=move.story, revisions=move.revisions) for move in entering]
        files += put_verdicts(archive, partition, verdicts)
    files += update_lineage(archive, {each.date for move in moves for each in (move.left, move.entered)})
    files += write_manifest(archive, sorted({each for move in moves for each in (move.left, move.entered)}))
    with storage_errors(_journal(archive)):
        _journal(archive).unlink(missing_ok=True)
        sync_folder(archive.state_dir)  # carried out once more some day, it would put back what was published since
    return files


def _take_out(archive: Archive, partition: Partition, story_ids: list[str]) -> list[Path]:
    files = []
    for path, table in (
        (archive.stories_file(partition), archive.read_stories(partition)),
        (archive.revisions_file(partition), archive.read_revisions(partition)),
    ):
        kept = table.filter(pc.invert(pc.is_in(table["story_id"], pa.array(story_ids, pa.string()))))
        if kept.num_rows < table.num_rows:
            files.append(put_table(archive, path, kept))
    return files


def _to_json(move: Move) -> dict[str, object]:
    return {
        "date": move.left.date.isoformat(),
        "section": move.left.section,
        "story": story_to_json(move.story),
        "revisions": [story_to_json(revision) for revision in move.revisions],
    }


def _from_json(data: dict[str, object]) -> Move:
    revisions = data["revisions"]
    if not isinstance(revisions, list):
        raise ValueError("no list of revisions")
    return Move(
        left=Partition(date.fromisoformat(str(data["date"])), str(data["section"])),
        story=story_from_json(data["story"]),
        revisions=tuple(map(revision_from_json, revisions)),
    )
