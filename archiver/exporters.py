"""Feeds beside the archive: `-O stories.parquet`, `-O stories.jsonl`."""

from __future__ import annotations

import logging
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from scrapy.exporters import BaseItemExporter, CsvItemExporter, JsonItemExporter, JsonLinesItemExporter

from archiver.items import Story
from archiver.schema import PARTITION_KEYS, STORIES, stories_to_table, story_to_json

logger = logging.getLogger(__name__)

ROWS_A_GROUP = 1000
"""Stories held in memory before they are written."""

FEED: pa.Schema = pa.schema(
    [pa.field("date", pa.date32(), nullable=False), pa.field("section", pa.string(), nullable=False), *STORIES],
    metadata=STORIES.metadata,
)
"""One file stands in no partition: the partition keys are columns."""


class _StoryExporter(BaseItemExporter):
    """Gives Scrapy's exporters the columns of a story as the archive writes them in JSON: times with their offset."""

    def finish_exporting(self) -> None:
        try:
            super().finish_exporting()
        except OSError:
            # Scrapy finishes a feed in a task whose exception nobody asks for.
            logger.exception("a feed is not whole")

    def get_serialized_fields(self, item: Any, default_value: Any = None, include_empty: bool | None = None) -> Any:
        columns = story_to_json(item) if isinstance(item, Story) else item
        return super().get_serialized_fields(columns, default_value, include_empty)


class StoryJsonLinesExporter(_StoryExporter, JsonLinesItemExporter):
    pass


class StoryJsonExporter(_StoryExporter, JsonItemExporter):
    pass


class StoryCsvExporter(_StoryExporter, CsvItemExporter):
    pass


class _ParquetExporter(BaseItemExporter):
    """All stories of a crawl in one Parquet file. It has no footer, and cannot be read, before the crawl has ended."""

    def __init__(self, file: IO[bytes], **options: Any) -> None:
        super().__init__(dont_fail=True, **options)
        if file.tell():
            raise ValueError("a Parquet file cannot be added to: use -O instead of -o")
        self.file = file
        self.stories: list[Story] = []

    def start_exporting(self) -> None:
        self.writer = pq.ParquetWriter(
            self.file, FEED, compression="zstd", compression_level=9, write_page_checksum=True
        )

    def export_item(self, item: Any) -> None:
        self.stories.append(item)
        if len(self.stories) >= ROWS_A_GROUP:
            self._write()

    def finish_exporting(self) -> None:
        self._write()
        self.writer.close()

    def _write(self) -> None:
        stories, self.stories = self.stories, []
        if stories:
            self.writer.write_table(feed_table(stories))


class ParquetExporter(_StoryExporter, _ParquetExporter):
    pass


def feed_table(stories: list[Story]) -> pa.Table:
    """Return the stories as a table of schema FEED."""
    keys = [[getattr(story, name) for story in stories] for name in PARTITION_KEYS]
    return pa.Table.from_arrays([*map(pa.array, keys), *stories_to_table(stories).columns], schema=FEED)
