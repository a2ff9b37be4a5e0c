"""Reading the archive back: the stories of a site, one story and its revisions, columns of the rows that a condition picks."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from archiver.items import Story
from archiver.schema import Revision, table_to_stories
from archiver.store.archive import Archive, DamagedFileError, Partition
from archiver.store.revisions import table_to_revisions

_KEYS = pa.schema([("date", pa.date32()), ("section", pa.string())])


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownStory:
    """What a crawl needs to know of a story that is archived already."""

    story_id: str
    url: str
    section: str
    content_hash: str


def read_known(archive: Archive, site: str) -> list[KnownStory]:
    """Return the published stories of a site; their texts stay unread."""
    columns = ["story_id", "url", "section", "content_hash"]
    table = scan_stories(archive, columns, pc.field("site") == site)
    return [KnownStory(**row) for row in table.to_pylist()]


def read_story(archive: Archive, partition: Partition, story_id: str) -> Story | None:
    """Return the newest revision of a story whose partition is known; no other file is read."""
    table = archive.read_stories(partition)
    row = table.filter(pc.equal(table["story_id"], story_id))
    return table_to_stories(row, date=partition.date, section=partition.section)[0] if row.num_rows else None


def find_revisions(archive: Archive, story: Story) -> list[Revision]:
    """Return every revision of a published story, oldest first."""
    table = archive.read_revisions(Partition(story.date, story.section))
    rows = table.filter(pc.equal(table["story_id"], story.story_id)).sort_by("revision")
    return table_to_revisions(rows, date=story.date, section=story.section)


def scan_stories(archive: Archive, columns: list[str], rows: pc.Expression) -> pa.Table:
    """Return columns of the rows of `stories/` that a condition picks; the others stay unread.

    Raises DamagedFileError where a file cannot be read back.
    """
    return _scan(archive.stories_dir, columns, rows)


def scan_revisions(archive: Archive, columns: list[str], rows: pc.Expression) -> pa.Table:
    """Return columns of the rows of `revisions/` that a condition picks; as `scan_stories`."""
    return _scan(archive.revisions_dir, columns, rows)


def scan_lineage(archive: Archive, columns: list[str], rows: pc.Expression) -> pa.Table:
    """Return columns of the rows of `lineage/` that a condition picks; as `scan_stories`."""
    return _scan(archive.lineage_dir, columns, rows)


def _scan(folder: Path, columns: list[str], rows: pc.Expression) -> pa.Table:
    if not folder.is_dir():
        return pa.table({column: pa.array([]) for column in columns})
    import pyarrow.dataset as ds  # which imports pandas where it is installed: a quarter of what a crawl takes to start

    checked = ds.ParquetFileFormat(
        default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
    )
    try:
        files = ds.dataset(folder, format=checked, partitioning=ds.partitioning(_KEYS, flavor="hive"))
        if not files.files:
            return pa.table({column: pa.array([]) for column in columns})
        return files.to_table(columns, filter=rows)
    except (pa.ArrowException, OSError) as error:
        code = getattr(error, "errno", None) or errno.EIO
        raise DamagedFileError(code, f"Cannot be read, restore it from a copy: {error}", str(folder)) from error
