"""What the report tells, asked of the views. Each question is answered in as many rows as the page shows."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from archiver.items import NO_TIME
from archiver.loading import connect
from archiver.store.archive import Archive, storage_errors

if TYPE_CHECKING:
    import duckdb

CALENDAR_DAYS = 35
CHART_DAYS = 60
MOST_SITES = 20
MOST_SECTIONS = 12
MOST_PUBLISHERS = 15
MOST_EVENTS = 8
MOST_REWRITES = 6
MOST_REVISIONS = 30
MOST_CRAWLS = 20
WEEK = timedelta(days=7)
MONTH = timedelta(days=30)

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One day of one section: how the crawls went, and how many stories they saw."""

    state: str
    """`complete`, `incomplete`, `nothing` or `none` (no crawl)."""
    seen: int = 0
    failed: int = 0


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """The coverage of one site."""

    site: str
    days: Sequence[date]
    sections: Sequence[tuple[str, Sequence[Cell]]]
    left_out: int
    """Sections that are not shown."""

    @property
    def months(self) -> list[tuple[str, int]]:
        """Each month and how many of its days are shown."""
        counted = Counter(day.replace(day=1) for day in self.days)
        return [(f"{month:%b}", days) for month, days in counted.items()]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All that the page shows."""

    name: str
    manifest: str | None
    """SHA-256 of the manifest: which state of the archive this is."""
    until: date | None
    """The day of the last crawl; where there is none, of the last fetch."""
    totals: Row
    calendars: Sequence[Calendar]
    more_sites: int
    days: Sequence[Row]
    publishers: Sequence[Row]
    events: Sequence[Row]
    """The largest events, each with its `rewrites`."""
    event_count: int
    revisions: Sequence[Row]
    revision_count: int
    failures: Sequence[Row]
    alarms: Sequence[Row]
    crawls: Sequence[Row]
    """Crawls that did not end with 0."""


def collect_figures(archive: Archive) -> Figures:
    """Ask the archive. Raises ImportError where DuckDB is missing, and duckdb.Error where a file cannot be read."""
    with connect(archive.root) as connection:
        asked = _Asker(connection)
        totals = asked.one(_TOTALS)
        until: date | None = totals["last_crawl"] or totals["last_fetch"]
        since = until or date(1970, 1, 1)
        calendars, more_sites = _collect_calendars(asked, since)
        events, event_count = _collect_events(asked)
        week = {"since": since - WEEK, "until": since}
        month = {"since": since - MONTH, "until": since}
        return Figures(
            name=archive.root.resolve().name,
            manifest=_digest_manifest(archive),
            until=until,
            totals=totals,
            calendars=calendars,
            more_sites=more_sites,
            days=_fill_days(asked.all(_DAYS, since=since - timedelta(days=CHART_DAYS - 1), until=since), since),
            publishers=asked.all(_PUBLISHERS, most=MOST_PUBLISHERS),
            events=events,
            event_count=event_count,
            revisions=asked.all(_REVISIONS, **week, most=MOST_REVISIONS),
            revision_count=asked.one(_REVISION_COUNT, **week)["revisions"],
            failures=asked.all(_FAILURES, **month),
            alarms=asked.all(_ALARMS, **month, most=MOST_CRAWLS),
            crawls=asked.all(_CRAWLS, **month, most=MOST_CRAWLS),
        )


@dataclass(frozen=True)
class _Asker:
    connection: duckdb.DuckDBPyConnection

    def all(self, query: str, **given: Any) -> list[Row]:
        relation = self.connection.sql(query, params=given) if given else self.connection.sql(query)
        rows: list[Row] = relation.to_arrow_table().to_pylist()
        return rows

    def one(self, query: str, **given: Any) -> Row:
        (row,) = self.all(query, **given)
        return row


def _digest_manifest(archive: Archive) -> str | None:
    with storage_errors(archive.manifest_file):
        try:
            return hashlib.sha256(archive.manifest_file.read_bytes()).hexdigest()
        except FileNotFoundError:
            return None


_TOTALS = """
SELECT
    count(*) AS stories,
    count(DISTINCT site) AS sites,
    count(DISTINCT section) AS sections,
    count(DISTINCT date) AS days,
    count(*) FILTER (WHERE status = 'gone') AS gone,
    count(*) FILTER (WHERE source_name IS NOT NULL) AS credited,
    CAST(max(fetched_at) AS DATE) AS last_fetch,
    (SELECT count(*) FROM revisions) AS revisions,
    (SELECT count(*) FROM runs) AS crawls,
    (SELECT CAST(max(started_at) AS DATE) FROM runs) AS last_crawl
FROM stories
"""

# Stories dated after the last crawl are wrong, and one of them would stretch the chart to the year 9999.
_DAYS = """
SELECT date, count(*) AS stories FROM stories WHERE date BETWEEN $since AND $until GROUP BY date ORDER BY date
"""

# A page that credits by a link alone names the publisher by its domain: it is the same one all the same.
_PUBLISHERS = """
WITH credited AS (
    SELECT site, date, source_name AS name, source_domain AS domain FROM stories WHERE source_name IS NOT NULL
),
homes AS (
    SELECT name, mode(domain) AS home FROM credited GROUP BY name
),
known AS (
    SELECT site, date, name, coalesce(domain, home) AS domain, coalesce(domain, home, name) AS publisher
    FROM credited JOIN homes USING (name)
)
SELECT
    coalesce(mode(name) FILTER (WHERE name <> publisher), publisher) AS publisher, any_value(domain) AS domain,
    count(*) AS stories, count(DISTINCT site) AS sites, max(date) AS latest
FROM known
GROUP BY known.publisher
ORDER BY stories DESC, publisher
LIMIT $most
"""

_REVISIONS = """
SELECT fetched_at, site, section, url, title, status, revision, changed, words_added, words_removed
FROM revisions
WHERE revision > 1 AND CAST(fetched_at AS DATE) > $since AND CAST(fetched_at AS DATE) <= $until
ORDER BY words_added + words_removed DESC, fetched_at DESC, url
LIMIT $most
"""

_REVISION_COUNT = """
SELECT count(*) AS revisions
FROM revisions
WHERE revision > 1 AND CAST(fetched_at AS DATE) > $since AND CAST(fetched_at AS DATE) <= $until
"""

_FAILURES = """
SELECT kind, CAST(sum(number) AS BIGINT) AS pages, count(*) AS crawls, max(started_at) AS latest
FROM (SELECT started_at, unnest(map_entries(failures), recursive := true) FROM runs) AS each (started_at, kind, number)
WHERE CAST(started_at AS DATE) > $since AND CAST(started_at AS DATE) <= $until
GROUP BY kind
ORDER BY pages DESC, kind
"""

_ALARMS = """
SELECT started_at, run, alarm.kind AS kind, alarm.what AS what, alarm.site AS site, alarm.message AS message, alarm.holds AS holds
FROM (SELECT started_at, run, unnest(alarms) AS alarm FROM runs)
WHERE CAST(started_at AS DATE) > $since AND CAST(started_at AS DATE) <= $until
ORDER BY started_at DESC, run
LIMIT $most
"""

_CRAWLS = """
SELECT started_at, spider, exit_code, pages, archived, failures, coalesce(storage_error, usage_error, errors[1]) AS why
FROM runs
WHERE coalesce(exit_code, -1) <> 0 AND CAST(started_at AS DATE) > $since AND CAST(started_at AS DATE) <= $until
ORDER BY started_at DESC, run
LIMIT $most
"""


def _fill_days(rows: Sequence[Row], until: date) -> list[Row]:
    """A row for each day, also for those without stories, from the first that has some."""
    found = {row["date"]: row["stories"] for row in rows}
    if not found:
        return []
    first = min(found)
    days = [first + timedelta(days=number) for number in range((until - first).days + 1)]
    return [{"date": day, "stories": found.get(day, 0)} for day in days]


_COVERAGE = """
SELECT site, coalesce(section, '') AS section, date, crawls, complete, new + changed + same AS seen, failed
FROM coverage
WHERE date > $since AND date <= $until
ORDER BY site, section, date
"""


def _collect_calendars(asked: _Asker, until: date) -> tuple[list[Calendar], int]:
    days = [until - timedelta(days=back) for back in reversed(range(CALENDAR_DAYS))]
    sites: dict[str, dict[str, dict[date, Cell]]] = {}
    for row in asked.all(_COVERAGE, since=days[0] - timedelta(days=1), until=until):
        sites.setdefault(row["site"], {}).setdefault(row["section"], {})[row["date"]] = _to_cell(row)
    shown = sorted(sites)[:MOST_SITES]
    return [_make_calendar(site, days, sites[site]) for site in shown], len(sites) - len(shown)


def _to_cell(row: Row) -> Cell:
    state = "complete" if row["complete"] == row["crawls"] and not row["failed"] else "incomplete"
    if not row["seen"] and state != "complete":
        state = "nothing"
    return Cell(state=state, seen=row["seen"], failed=row["failed"])


def _make_calendar(site: str, days: Sequence[date], sections: dict[str, dict[date, Cell]]) -> Calendar:
    seen = {name: sum(cell.seen for cell in cells.values()) for name, cells in sections.items()}
    most = sorted(sections, key=lambda name: (-seen[name], name))[:MOST_SECTIONS]
    nothing = Cell(state="none")
    rows = [(name, [sections[name].get(day, nothing) for day in days]) for name in sorted(most)]
    return Calendar(site=site, days=days, sections=rows, left_out=len(sections) - len(most))


# A page that gives a day and no time says nothing of hours: midnight stands for the day, not for the time.
_IS_DAY = f"(stories.published_at IS NOT NULL AND coalesce(stories.provenance['published_at'], '') LIKE '%{NO_TIME}')"

# Where an archive has no lineage yet, the stories of one source address are an event; those with a day alone come last in it.
_BY_LINEAGE = "SELECT event_id, story_id, rank, shared_words, source_url FROM lineage"
_BY_SOURCE = f"""
SELECT
    source_url AS event_id, story_id, CAST(NULL AS DOUBLE) AS shared_words, source_url,
    row_number() OVER (
        PARTITION BY source_url
        ORDER BY coalesce(published_at, first_seen_at) + CASE WHEN {_IS_DAY} THEN INTERVAL 1 DAY ELSE INTERVAL 0 DAY END, story_id
    ) AS rank
FROM stories
WHERE source_url IS NOT NULL
"""  # noqa: S608 - text of ours

_EVENTS = """
SELECT event_id, stories, source_url, count(*) OVER () AS events
FROM (
    SELECT event_id, count(*) AS stories, any_value(source_url) AS source_url FROM ({told}) GROUP BY event_id
)
WHERE stories > 1
ORDER BY stories DESC, event_id
LIMIT $most
"""

_REWRITES = """
WITH told AS (
    SELECT * FROM ({told}) WHERE list_contains($events, event_id) AND rank <= $most
)
SELECT
    told.event_id, told.rank, told.shared_words,
    stories.site, stories.section, stories.url, stories.title, stories.dek, stories.source_name, stories.word_count,
    coalesce(stories.published_at, stories.first_seen_at) AS at, stories.published_at IS NULL AS is_seen, {is_day} AS is_day
FROM told JOIN stories USING (story_id)
ORDER BY told.rank, stories.url
"""


def _collect_events(asked: _Asker) -> tuple[list[Row], int]:
    told = _BY_LINEAGE if asked.one("SELECT count(*) AS rows FROM lineage")["rows"] else _BY_SOURCE
    largest = asked.all(_EVENTS.format(told=told), most=MOST_EVENTS)
    if not largest:
        return [], 0
    chosen = [event["event_id"] for event in largest]
    rewrites = asked.all(_REWRITES.format(told=told, is_day=_IS_DAY), events=chosen, most=MOST_REWRITES)
    for event in largest:
        own = [row for row in rewrites if row["event_id"] == event["event_id"]]  # by rank
        first: datetime | None = min((row["at"] for row in own if not row["is_day"]), default=None)
        event["rewrites"] = [
            row | {"lag": None if row["is_day"] or first is None else row["at"] - first} for row in own
        ]
        event["publisher"] = next((row["source_name"] for row in own if row["source_name"]), None)
    return [event for event in largest if event["rewrites"]], largest[0]["events"]
