"""What the archive gives back of a ledger that is new or lost: its stories, and where each stands."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from archiver.items import LISTED, PIECED, Found
from archiver.likeness import title_key
from archiver.schedule import next_visit, next_visit_to_missing
from archiver.store.archive import Archive
from archiver.store.known import Known, date_of_page
from archiver.store.read import scan_stories
from archiver.store.tables import PUT_URL, url_to_row

PUT_PLACE = "INSERT INTO stories (story_id, date, section) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

_COLUMNS = [
    "story_id", "url", "content_hash", "status", "published_at", "first_seen_at", "fetched_at",
    "raw_file", "raw_offset", "raw_sha256", "section_label", "date_source", "published_raw", "title", "flags",
]  # fmt: skip


def rebuild_places(ledger: sqlite3.Connection, archive: Archive, site: str) -> None:
    """Fill the table `stories` from the archive."""
    batches = _scan(archive, site, ["story_id", "date", "section"])
    rows = (row for batch in batches for row in batch.to_pylist())
    places = ((row["story_id"], row["date"].isoformat(), row["section"]) for row in rows)
    ledger.executemany(PUT_PLACE, places)


def rebuild_urls(ledger: sqlite3.Connection, archive: Archive, site: str) -> None:
    """Fill the table `urls` from the archive, as if each story had been fetched once."""
    ledger.executemany(PUT_URL, (url_to_row(_known(row)) for row in _scan_pages(archive, site)))


def add_addresses(ledger: sqlite3.Connection, archive: Archive, site: str, story_ids: Collection[str]) -> None:
    """Add the addresses of these stories to the table `urls`, as if each had been fetched once."""
    if story_ids:
        rows = (row for row in _scan_pages(archive, site) if row["story_id"] in story_ids)
        ledger.executemany(PUT_URL, (url_to_row(_known(row)) for row in rows))


def _scan(archive: Archive, site: str, columns: list[str]) -> list[pa.RecordBatch]:
    """Rows in batches, to be gone through one at a time: a row as a dictionary is many times its size."""
    batches: list[pa.RecordBatch] = scan_stories(archive, columns, pc.field("site") == site).to_batches()
    return batches


def _scan_pages(archive: Archive, site: str) -> Iterator[dict[str, Any]]:
    """Rows with the rule that found the section in the place of all rules."""
    for batch in _scan(archive, site, [*_COLUMNS, "provenance"]):
        rules = pc.map_lookup(batch["provenance"], pa.scalar("section_label"), "first").to_pylist()
        for row, rule in zip(batch.select(_COLUMNS).to_pylist(), rules, strict=True):
            yield row | {"section_rule": rule}


def _known(row: dict[str, Any]) -> Known:
    fetched_at, is_gone = row["fetched_at"], row["status"] == "gone"
    first_seen = min(row["first_seen_at"], fetched_at)
    then = next_visit(
        published_at=row["published_at"], first_seen=first_seen, visits=1, changes=0, last_changed=None, at=fetched_at
    )
    found = Found(section_label=row["section_label"])
    if row["date_source"] in LISTED:
        dates = {"published_at": row["published_at"], "published_raw": row["published_raw"]}
        found = replace(found, via=row["date_source"], **dates)
    raw = {
        name: row[f"raw_{name}"] if PIECED.isdisjoint(row["flags"]) else None for name in ("file", "offset", "sha256")
    }
    return Known(
        url=row["url"],
        found=found,
        first_seen=first_seen,
        last_seen=fetched_at,
        last_fetched=fetched_at,
        status=404 if is_gone else 200,
        payload_sha256=raw["sha256"],
        raw_file=raw["file"],
        raw_offset=raw["offset"],
        raw_fetched_at=fetched_at if raw["file"] else None,
        content_hash=row["content_hash"],
        story_id=row["story_id"],
        published_at=date_of_page(row["published_at"], row["date_source"]),
        has_section=row["section_rule"] not in LISTED,
        title_key=title_key(row["title"]),
        visits=1,
        missing_since=fetched_at if is_gone else None,
        gone_at=fetched_at if is_gone else None,
        next_visit=next_visit_to_missing(fetched_at, fetched_at) if is_gone else then,
    )
