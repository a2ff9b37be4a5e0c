"""What lineage reads of stories: a day at a time, past partitions that cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from archiver.items import NO_TIME, Story
from archiver.lineage.events import Keys, keys_of
from archiver.lineage.words import LEAD
from archiver.store.archive import Archive, Partition, storage_errors

logger = logging.getLogger(__name__)

_COLUMNS = ["story_id", "url", "source_url", "published_at", "first_seen_at"]
_TEXT = ["title", "body"]
_A_DAY = timedelta(days=1)
_QUARTER = 900_000_000
"""Of an hour, in microseconds: zones are whole quarters apart."""
_LAST_DAY = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What lineage takes from a row of `stories`."""

    story_id: str
    day: date
    section: str
    keys: Keys
    published_at: datetime | None
    has_time: bool
    """False where `published_at` is null or stands for a day."""
    first_seen_at: datetime
    title: str = ""
    """Empty, as no title is, where the text was not asked for."""
    body: str = ""
    """As far as it was asked for."""

    @property
    def when(self) -> date:
        """When the story was published: to the minute, or the day, or for want of a date the day under which it stands."""
        if self.published_at is None:
            return self.day
        return self.published_at if self.has_time else self.published_at.date()

    @property
    def order(self) -> tuple[datetime, datetime, str]:
        """By which the stories of an event are ranked.

        A day without a time may be any time of it: it counts as the end of the day, or as when the story was first seen, if
        that was earlier.
        """
        at = self.published_at
        if at is not None and not self.has_time:
            at = min(max(at, self.first_seen_at), at + _A_DAY) if at < _LAST_DAY else at
        return at or self.first_seen_at, self.first_seen_at, self.story_id


def tell(story: Story, partition: Partition) -> Told:
    """Return what is told of a story by the row that stands of it in a partition; of its body, the part by which stories are
    compared."""
    return Told(
        story_id=story.story_id,
        day=partition.date,
        section=partition.section,
        keys=keys_of(story.url, story.source_url),
        published_at=story.published_at,
        has_time=story.has_time,
        first_seen_at=story.first_seen_at,
        title=story.title,
        body=story.body[:LEAD],
    )


def iter_stories(
    archive: Archive,
    day: date,
    *,
    with_text: bool,
    only: Collection[str] | None = None,
    sections: Collection[str] | None = None,
    but: Collection[str] = (),
    keys: Mapping[tuple[str | None, str], Keys] | None = None,
    unread: set[date] | None = None,
) -> Iterator[Told]:
    """Read the stories of a day, `only` some, or some sections, or all `but` some, if given. `keys` are those known
    already, by section and story. A partition that cannot be read is passed over, and its day added to `unread`: a story
    that was not met may stand there all the same."""
    for path in list_stories_files(archive, day, sections):
        section = path.parent.name.removeprefix("section=")
        if section in but:
            continue
        table = _read(path, _COLUMNS + (_TEXT if with_text else []))
        if table is None:
            if unread is not None:
                unread.add(day)
            continue
        if only is not None:
            table = table.filter(pc.is_in(table["story_id"], pa.array(sorted(only), pa.string())))
        for row in table.to_pylist():
            url, source_url = row.pop("url"), row.pop("source_url")
            known = (keys or {}).get((section, row["story_id"])) or keys_of(url, source_url)
            yield Told(day=day, section=section, keys=known, **row)


def list_stories_files(archive: Archive, day: date, sections: Collection[str] | None = None) -> list[Path]:
    """Return the files of the stories of a day, or of some of its sections."""
    if sections is not None:
        return [path for each in sorted(sections) if (path := archive.stories_file(Partition(day, each))).exists()]
    folder = archive.stories_dir / f"date={day.isoformat()}"
    with storage_errors(folder):
        return sorted(folder.glob("section=*/stories.parquet"))


def _read(path: Path, columns: list[str]) -> pa.Table | None:
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        table = file.read(columns)
        if missing := set(columns) - set(table.column_names):
            raise ValueError(f"no column {min(missing)!r}")
        return table.append_column("has_time", _tell_times(file, table["published_at"]))
    except (pa.ArrowException, OSError, ValueError) as error:
        logger.warning("%s is left out of lineage: %s", path, error)
        return None


def _tell_times(file: pq.ParquetFile, published: pa.ChunkedArray) -> pa.ChunkedArray:
    """Tell of which stories the time of day is known; what filled the column is read only where midnight of some zone may
    stand in it."""
    stamps = published.cast(pa.int64())
    is_given, may_be = pc.is_valid(published), pc.equal(pc.multiply(pc.divide(stamps, _QUARTER), _QUARTER), stamps)
    if not pc.any(may_be).as_py():
        return is_given
    rules = pc.map_lookup(file.read(["provenance"])["provenance"], pa.scalar("published_at"), "first")
    return pc.and_not(is_given, pc.fill_null(pc.ends_with(rules, NO_TIME), False))
