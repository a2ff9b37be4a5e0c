"""The content hashes of a site's published stories, looked up one at a time: an archive may hold a million."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import closing
from datetime import date
from typing import Final

from archiver.store.archive import Archive, Partition
from archiver.store.ledger import reserve_partitions
from archiver.store.ledgerfile import ledger_file
from archiver.store.sqlite import connect_to_read, sqlite_errors

_HELD: Final = 8
"""Partitions whose hashes are kept: a listing shows the stories of few days."""


class ArchivedHashes:
    """Tells what is published of a site, as it was when first asked. StorageError where it cannot be read."""

    def __init__(self, archive: Archive, site: str) -> None:
        self._archive = archive
        self._ledger = ledger_file(archive, site)
        self._held: OrderedDict[Partition, dict[str, str]] = OrderedDict()
        reserve_partitions(archive, site, {})  # a ledger that is lost is made anew

    def get(self, story_id: str) -> str | None:
        """Return the content hash of a story, None where it is not published."""
        partition = self._find(story_id)
        return self._read(partition).get(story_id) if partition else None

    def _find(self, story_id: str) -> Partition | None:
        with sqlite_errors(self._ledger), closing(connect_to_read(self._ledger)) as ledger:
            row = ledger.execute("SELECT date, section FROM stories WHERE story_id = ?", (story_id,)).fetchone()
        return Partition(date.fromisoformat(row[0]), row[1]) if row else None

    def _read(self, partition: Partition) -> dict[str, str]:
        if partition not in self._held:
            table = self._archive.read_stories(partition)
            self._held[partition] = dict(
                zip(table["story_id"].to_pylist(), table["content_hash"].to_pylist(), strict=True)
            )
            if len(self._held) > _HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(partition)
        return self._held[partition]
