"""Reading the archive back: which stories of a site it holds, and one story by its address."""

from __future__ import annotations

import errno
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from archiver.items import Story
from archiver.normalize import story_id
from archiver.schema import table_to_stories
from archiver.store.archive import Archive, DamagedFileError, Partition

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
    table = scan_stories(archive, columns, ds.field("site") == site)
    return [KnownStory(**row) for row in table.to_pylist()]


def find_story(archive: Archive, url: str) -> Story | None:
    """Return the newest revision of the story at a cleaned address."""
    wanted = story_id(url)
    places = scan_stories(archive, ["date", "section"], ds.field("story_id") == wanted).to_pylist()
    for place in places:
        table = archive.read_stories(Partition(place["date"], place["section"]))
        row = table.filter(pc.equal(table["story_id"], wanted))
        if row.num_rows:
            return table_to_stories(row, date=place["date"], section=place["section"])[0]
    return None


def scan_stories(archive: Archive, columns: list[str], rows: ds.Expression) -> pa.Table:
    """Return columns of the rows of `stories/` that a condition picks; the others stay unread.

    Raises DamagedFileError where a file cannot be read back.
    """
    if not archive.stories_dir.is_dir():
        return pa.table({column: pa.array([]) for column in columns})
    checked = ds.ParquetFileFormat(
        default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
    )
    try:
        stories = ds.dataset(archive.stories_dir, format=checked, partitioning=ds.partitioning(_KEYS, flavor="hive"))
        if not stories.files:
            return pa.table({column: pa.array([]) for column in columns})
        return stories.to_table(columns, filter=rows)
    except (pa.ArrowException, OSError) as error:
        code = getattr(error, "errno", None) or errno.EIO
        raise DamagedFileError(
            code, f"Cannot be read, restore it from a copy: {error}", str(archive.stories_dir)
        ) from error
