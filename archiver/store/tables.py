"""The tables of a ledger, version by version, and its rows as dataclasses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from archiver.items import Found
from archiver.store.known import Known, Pass

# Addresses are keyed by their text. By a 64-bit hash the file would be as large (0.74 kB an address, measured), with no
# rowid a quarter larger and twice as slow to write.
MIGRATIONS: Final = (
    (
        """
        CREATE TABLE stories (
            story_id TEXT NOT NULL PRIMARY KEY,
            date     TEXT NOT NULL,
            section  TEXT NOT NULL
        ) WITHOUT ROWID
        """,
    ),
    (
        """
        CREATE TABLE urls (
            url                 TEXT NOT NULL UNIQUE,
            kind                TEXT NOT NULL,
            lastmod             TEXT,
            first_seen          INTEGER NOT NULL,
            last_seen           INTEGER NOT NULL,
            last_fetched        INTEGER,
            status              INTEGER,
            etag                TEXT,
            last_modified       TEXT,
            payload_sha256      TEXT,
            raw_file            TEXT,
            raw_offset          INTEGER,
            raw_fetched_at      INTEGER,
            content_hash        TEXT,
            story_id            TEXT,
            published_at        INTEGER,
            visits              INTEGER NOT NULL,
            changes             INTEGER NOT NULL,
            last_changed        INTEGER,
            failures            INTEGER NOT NULL,
            failure             TEXT,
            missing_since       INTEGER,
            gone_at             INTEGER,
            next_visit          INTEGER,
            moved_to            TEXT,
            found_via           TEXT NOT NULL,
            found_listing_url   TEXT,
            found_section_label TEXT,
            found_published_at  INTEGER,
            found_published_raw TEXT,
            found_title         TEXT
        )
        """,
        "CREATE INDEX urls_due ON urls (next_visit) WHERE next_visit IS NOT NULL AND status IS NOT NULL",
        """
        CREATE INDEX urls_pending ON urls (first_seen)
        WHERE kind = 'story' AND status IS NULL AND moved_to IS NULL
        """,
        "CREATE INDEX urls_story ON urls (story_id) WHERE story_id IS NOT NULL",
        """
        CREATE TABLE listings (
            url           TEXT NOT NULL PRIMARY KEY,
            label         TEXT,
            last_complete INTEGER,
            began         INTEGER,
            pages         INTEGER NOT NULL,
            reached       TEXT,
            reached_pages INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE removed (
            url      TEXT NOT NULL PRIMARY KEY,
            story_id TEXT,
            why      TEXT NOT NULL,
            at       INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX removed_story ON removed (story_id)",
        # A crawl that is under way while a story is taken down must not bring it back.
        """
        CREATE TRIGGER urls_removed BEFORE INSERT ON urls
        WHEN EXISTS (SELECT 1 FROM removed WHERE url = NEW.url)
        BEGIN SELECT RAISE(IGNORE); END
        """,
        "CREATE TABLE tally (looks INTEGER NOT NULL, changes INTEGER NOT NULL)",
        "INSERT INTO tally VALUES (0, 0)",
    ),
    (
        "ALTER TABLE listings ADD COLUMN last_began INTEGER",
        "ALTER TABLE urls ADD COLUMN title_key INTEGER",
        "ALTER TABLE urls ADD COLUMN lead_key INTEGER",
        "CREATE INDEX urls_title ON urls (title_key) WHERE title_key IS NOT NULL",
        "CREATE INDEX urls_lead ON urls (lead_key) WHERE lead_key IS NOT NULL",
    ),
    ("ALTER TABLE urls ADD COLUMN has_section INTEGER NOT NULL DEFAULT 1",),
)
"""Each brings a file of the version before to its own. Times are microseconds since 1970, UTC."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_stamp(at: datetime) -> int:
    """Return a time as the tables hold it.

    >>> to_stamp(datetime(2026, 6, 29, 13, 5, 0, 1, tzinfo=UTC))
    1782738300000001
    """
    return (at - _EPOCH) // _MICROSECOND


def from_stamp(stamp: int) -> datetime:
    """Return the time that the tables hold.

    >>> from_stamp(1782738300000001).isoformat()
    '2026-06-29T13:05:00.000001+00:00'
    """
    return _EPOCH + stamp * _MICROSECOND


def _times(of: type) -> frozenset[str]:
    return frozenset(field.name for field in fields(of) if str(field.type).startswith("datetime"))


_KNOWN = tuple(field.name for field in fields(Known) if field.name != "found")
_FOUND = tuple(field.name for field in fields(Found))
_PASS = tuple(field.name for field in fields(Pass))
_KNOWN_TIMES, _FOUND_TIMES, _PASS_TIMES = _times(Known), _times(Found), _times(Pass)

URL_COLUMNS: Final = (*_KNOWN, *(f"found_{name}" for name in _FOUND))


def _upsert(table: str, columns: Sequence[str]) -> str:
    values = ", ".join("?" * len(columns))
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns[1:])
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values}) ON CONFLICT (url) DO UPDATE SET {changes}"  # noqa: S608 - names of ours


SELECT_URLS: Final = f"SELECT {', '.join(URL_COLUMNS)} FROM urls"  # noqa: S608 - names of ours
SELECT_PASS: Final = f"SELECT {', '.join(_PASS)} FROM listings WHERE url = ?"  # noqa: S608 - names of ours
SELECT_PASSES: Final = f"SELECT {', '.join(_PASS)} FROM listings ORDER BY url"  # noqa: S608 - names of ours
PUT_URL: Final = _upsert("urls", URL_COLUMNS)
PUT_PASS: Final = _upsert("listings", _PASS)

COUNTS: Final = {
    "stories": "kind = 'story' AND story_id IS NOT NULL AND moved_to IS NULL",
    "pending": "kind = 'story' AND status IS NULL AND moved_to IS NULL",
    "failing": "failures > 0",
    "missing": "missing_since IS NOT NULL AND gone_at IS NULL",
    "gone": "gone_at IS NOT NULL",
    "moved": "moved_to IS NOT NULL",
    "other": "kind = 'other'",
}
# Together: each by itself would read the whole table, half a second for a million addresses.
COUNT_URLS: Final = f"SELECT {', '.join(f'count(*) FILTER (WHERE {each})' for each in COUNTS.values())} FROM urls"  # noqa: S608


def url_to_row(known: Known) -> list[Any]:
    """Return the values of URL_COLUMNS."""
    return _to_row(known, _KNOWN) + _to_row(known.found, _FOUND)


def url_from_row(row: Sequence[Any]) -> Known:
    """Return what stands in the values of URL_COLUMNS."""
    known = _from_row(_KNOWN, _KNOWN_TIMES, row)
    return Known(**known, found=Found(**_from_row(_FOUND, _FOUND_TIMES, row[len(_KNOWN) :])))


def pass_to_row(listing: Pass) -> list[Any]:
    return _to_row(listing, _PASS)


def pass_from_row(row: Sequence[Any]) -> Pass:
    return Pass(**_from_row(_PASS, _PASS_TIMES, row))


def _to_row(source: object, names: tuple[str, ...]) -> list[Any]:
    values = []
    for name in names:
        value = getattr(source, name)
        if isinstance(value, datetime):
            value = to_stamp(value)
        elif isinstance(value, str) and not value.isascii():
            value = value.encode(errors="replace").decode()  # half a surrogate pair is no text to SQLite
        values.append(value)
    return values


def _from_row(names: tuple[str, ...], times: frozenset[str], row: Sequence[Any]) -> dict[str, Any]:
    return {
        name: from_stamp(value) if value is not None and name in times else value
        for name, value in zip(names, row, strict=False)
    }
