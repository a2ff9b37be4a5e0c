"""What a reader can query: seven views, their columns, what each means, and the SQL that makes them. Pure.

`stories`, `revisions` and `lineage` are the Parquet tables, `runs` is the run records; `links`, `faq` and `coverage` are
queries over those. `archiver.connect` makes them in DuckDB from Arrow; `views_script` gives the same as plain SQL, for
readers who have DuckDB and none of our code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from archiver.schema import LINEAGE_COLUMNS, REVISION_COLUMNS, STORY_COLUMNS

_TIME = pa.timestamp("us", tz="UTC")


def _column(name: str, kind: pa.DataType, description: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable, {b"description": description.encode()})


_COUNTS = ("new", "changed", "same", "failed")

RUNS = pa.schema(
    [
        _column("run", pa.string(), "Name of the crawl, and of its file in `runs/`."),
        _column("spider", pa.string(), "Which spider crawled."),
        _column("started_at", _TIME, "When the crawl began, UTC."),
        _column(
            "finished_at", _TIME, "When the crawl ended, UTC; null while it runs, and if it was killed.", nullable=True
        ),
        _column("finish_reason", pa.string(), "What Scrapy says ended it.", nullable=True),
        _column(
            "exit_code",
            pa.int32(),
            "0 done, 3 nothing fetched, 4 incomplete; the README lists all. Null while it runs, and if it was killed.",
            nullable=True,
        ),
        _column("arguments", pa.string(), "What the crawl was asked for (section, since, …), as JSON.", nullable=True),
        _column("pages", pa.int32(), "Pages fetched: listings, feeds, sitemaps and stories."),
        _column("listed", pa.int32(), "Links to stories that were met."),
        _column("archived", pa.int32(), "Stories put into the inbox."),
        _column("unvisited", pa.int32(), "Stories asked for that the crawl did not come to."),
        _column("requests", pa.int32(), "Requests sent.", nullable=True),
        _column("bytes", pa.int64(), "Bytes of all answers.", nullable=True),
        _column(
            "counts",
            pa.list_(pa.struct([("site", pa.string()), ("section", pa.string()), *((n, pa.int32()) for n in _COUNTS)])),
            "Stories by site and section: new, changed, same, failed.",
        ),
        _column("failures", pa.map_(pa.string(), pa.int32()), "What was lost, by kind."),
        _column("skipped", pa.map_(pa.string(), pa.int32()), "What was left out rightly, by kind."),
        _column(
            "failed_addresses",
            pa.list_(pa.struct([("url", pa.string()), ("reason", pa.string())])),
            "What was lost, address by address; the first thousand.",
        ),
        _column("errors", pa.list_(pa.string()), "Errors of the log; the first twenty."),
        _column(
            "alarms",
            pa.list_(
                pa.struct(
                    [*((name, pa.string()) for name in ("kind", "what", "site", "message")), ("holds", pa.bool_())]
                )
            ),
            "What is unlike the site's past; `holds` where the stories are held back for it.",
            nullable=True,
        ),
        _column("usage_error", pa.string(), "What was wrong with the arguments or settings.", nullable=True),
        _column("storage_error", pa.string(), "Why something could not be written.", nullable=True),
        _column("files_written", pa.list_(pa.string()), "Files of the archive that publishing wrote."),
        _column("versions", pa.map_(pa.string(), pa.string()), "Versions of the software and its rules."),
    ]
)


@dataclass(frozen=True, kw_only=True)
class View:
    """A view: columns with their descriptions, and where its rows come from."""

    name: str
    description: str
    columns: pa.Schema
    files: str = ""
    """The files of a base view, relative to the root."""
    query: str = ""
    """The query of a derived view."""


BASE_VIEWS = (
    View(
        name="stories",
        description="The newest revision of each story, one row a story.",
        columns=STORY_COLUMNS,
        files="stories/*/*/stories.parquet",
    ),
    View(
        name="revisions",
        description="Every revision of each story, the first too, with what changed.",
        columns=REVISION_COLUMNS,
        files="revisions/*/*/revisions.parquet",
    ),
    View(
        name="lineage",
        description="Which stories are rewrites of one source story (an event), and in what order; one row a story.",
        columns=LINEAGE_COLUMNS,
        files="lineage/*/lineage.parquet",
    ),
    View(
        name="runs",
        description="What came of each crawl, one row a crawl.",
        columns=RUNS,
        files="runs/*.json",
    ),
)

_STORY_KEYS = [STORY_COLUMNS.field(name) for name in ("story_id", "site", "section", "date")]

_LINKS_QUERY = """
SELECT story_id, site, section, date, link.url AS url, link.text AS text, link.kind AS kind, link.domain AS domain
FROM (SELECT story_id, site, section, date, unnest(links) AS link FROM stories)
"""

_FAQ_QUERY = """
SELECT story_id, site, section, date, CAST(number AS INTEGER) AS number, pair.question AS question, pair.answer AS answer
FROM (
    SELECT story_id, site, section, date, unnest(faq) AS pair, generate_subscripts(faq, 1) AS number
    FROM stories
)
"""

_COVERAGE_QUERY = """
WITH counted AS (
    SELECT run, spider, started_at, unnest(counts, recursive := true) FROM runs
),
-- A crawl that got nowhere has no counts: its site is that of the spider's other crawls.
homes AS (
    SELECT spider, mode(site) AS site FROM counted GROUP BY spider
),
-- A crawl of a whole site deals with all its sections, also with those of which no story was new or due: they are the
-- ones in which stories were met in the month before.
whole AS (
    SELECT run, spider, started_at FROM runs
    WHERE (exit_code = 0 OR len(counts) > 0)
        AND NOT regexp_matches(coalesce(arguments, ''), '"(section|since|limit|max_pages|url)":')
),
met AS (
    SELECT spider, site, section, started_at FROM counted WHERE new + changed + same > 0
),
quiet AS (
    SELECT expected.run, expected.site, expected.section
    FROM (
        SELECT whole.*, known.site, known.section
        FROM whole JOIN homes USING (spider) JOIN (SELECT DISTINCT spider, site, section FROM met) AS known USING (spider, site)
    ) AS expected
    ASOF JOIN met ON met.spider = expected.spider AND met.site = expected.site AND met.section = expected.section
        AND expected.started_at > met.started_at
    WHERE expected.started_at <= met.started_at + INTERVAL 31 DAY
        AND (expected.run, expected.site, expected.section) NOT IN (SELECT (run, site, section) FROM counted)
),
told AS (
    SELECT run, site, section, new, changed, same, failed FROM counted
    UNION ALL
    SELECT run, site, section, 0, 0, 0, 0 FROM quiet
),
seen AS (
    SELECT
        CAST(runs.started_at AT TIME ZONE 'UTC' AS DATE) AS date,
        coalesce(told.site, homes.site, runs.spider) AS site,
        told.section AS section,
        runs.run,
        runs.exit_code,
        coalesce(told.new, 0) AS new,
        coalesce(told.changed, 0) AS changed,
        coalesce(told.same, 0) AS same,
        coalesce(told.failed, 0) AS failed
    FROM runs
    LEFT JOIN told ON told.run = runs.run
    LEFT JOIN homes ON homes.spider = runs.spider
)
SELECT
    date, site, section,
    CAST(count(DISTINCT run) AS INTEGER) AS crawls,
    CAST(count(DISTINCT run) FILTER (WHERE exit_code = 0) AS INTEGER) AS complete,
    CAST(sum(new) AS INTEGER) AS new,
    CAST(sum(changed) AS INTEGER) AS changed,
    CAST(sum(same) AS INTEGER) AS same,
    CAST(sum(failed) AS INTEGER) AS failed,
    list_sort(list(DISTINCT exit_code)) AS exit_codes
FROM seen
GROUP BY date, site, section
ORDER BY date, site, section
"""

DERIVED_VIEWS = (
    View(
        name="links",
        description="Outbound links of the stories, one row a link.",
        columns=pa.schema(
            [
                *_STORY_KEYS,
                _column("url", pa.string(), "Where the link leads."),
                _column("text", pa.string(), "What the link says."),
                _column("kind", pa.string(), "`source`, `body` or `faq`."),
                _column("domain", pa.string(), "Registered domain of `url`."),
            ]
        ),
        query=_LINKS_QUERY,
    ),
    View(
        name="faq",
        description="Questions and answers of the stories, one row a pair.",
        columns=pa.schema(
            [
                *_STORY_KEYS,
                _column("number", pa.int32(), "Place of the pair on the page: 1, 2, …"),
                _column("question", pa.string(), "The question, without its mark."),
                _column("answer", pa.string(), "The answer, without its mark."),
            ]
        ),
        query=_FAQ_QUERY,
    ),
    View(
        name="coverage",
        description="What was seen and what was missed: one row a day of crawling, site and section, from the run records.",
        columns=pa.schema(
            [
                _column("date", pa.date32(), "UTC day on which the crawls began; not the day of the stories."),
                _column("site", pa.string(), "The site; the spider's name where no crawl of it ever got to a story."),
                _column("section", pa.string(), "The section; null for crawls that saw no story at all.", nullable=True),
                _column("crawls", pa.int32(), "Crawls of the section, or of a whole site that had stories in it within 31 days."),
                _column("complete", pa.int32(), "Crawls of them that ended with exit code 0: nothing listed was missed."),
                _column("new", pa.int32(), "Stories archived for the first time."),
                _column("changed", pa.int32(), "Stories archived again, for they had changed."),
                _column("same", pa.int32(), "Stories asked for and found as they were."),
                _column("failed", pa.int32(), "Pages lost: `failures` in `runs` says how."),
                _column("exit_codes", pa.list_(pa.int32()), "Exit codes of the crawls; null for one that runs or was killed."),
            ]
        ),
        query=_COVERAGE_QUERY,
    ),
)  # fmt: skip

VIEWS = (*BASE_VIEWS, *DERIVED_VIEWS)


def derived_statement(view: View) -> str:
    """Return the statement that makes a view over others."""
    return f"CREATE OR REPLACE VIEW {view.name} AS{view.query.rstrip()};"


def comment_statements(view: View) -> Iterator[str]:
    """Yield the statements that describe a view and each of its columns."""
    yield f"COMMENT ON VIEW {view.name} IS {_quote(view.description)};"
    for column in view.columns:
        yield f"COMMENT ON COLUMN {view.name}.{_name(column.name)} IS {_quote(describe(column))};"


def describe(column: pa.Field) -> str:
    """Return what a column holds."""
    text: bytes = column.metadata[b"description"]
    return text.decode()


def views_script() -> str:
    """Return the views as SQL for DuckDB 2.0 or later, run in the archive's root. A table that is not there is empty."""
    head = (
        "-- The views of a policy archive, for DuckDB 2.0 or later and none of the archive's own code.\n"
        "-- Run it in the archive's root: duckdb -init views.sql, or connection.execute(open('views.sql').read()).\n"
        "-- Made by `archiver sql --views`.\n"
        "SET TimeZone = 'UTC';\n"
    )
    parts = [head]
    for view in VIEWS:
        parts.append(_base_statement(view) if view.files else derived_statement(view))
        parts.append("\n".join(comment_statements(view)) + "\n")
    return "\n".join(parts)


def _base_statement(view: View) -> str:
    """A view over files. Without files a reader of DuckDB knows no columns, so they are given beforehand."""
    names = ", ".join(_name(column.name) for column in view.columns)
    nulls = ",\n        ".join(
        f"CAST(NULL AS {sql_type(column.type)}) AS {_name(column.name)}" for column in view.columns
    )
    known = f"    SELECT\n        {nulls}\n    WHERE false\n    UNION ALL BY NAME\n    SELECT * FROM {_reader(view)}\n"  # noqa: S608 - names of ours
    return f"CREATE OR REPLACE VIEW {view.name} AS\nSELECT {names}\nFROM (\n{known});"


def _reader(view: View) -> str:
    if view.files.endswith(".json"):
        columns = ", ".join(f"{_quote(column.name)}: {_quote(sql_type(column.type))}" for column in view.columns)
        return f"read_json('{view.files}', allow_empty = true, columns = {{{columns}}})"
    keys = {"date": "DATE", "section": "VARCHAR"} if view.files.count("/") == 3 else {"date": "DATE"}
    types = ", ".join(f"'{key}': {kind}" for key, kind in keys.items())
    return (
        f"read_parquet('{view.files}', allow_empty = true, hive_partitioning = true, hive_types = {{{types}}})"
    )  # fmt: skip


def sql_type(kind: pa.DataType) -> str:
    """Return the name of a type in DuckDB.

    >>> sql_type(pa.list_(pa.struct([("url", pa.string()), ("n", pa.int32())])))
    'STRUCT("url" VARCHAR, "n" INTEGER)[]'
    """
    if pa.types.is_list(kind):
        return f"{sql_type(kind.value_type)}[]"
    if pa.types.is_map(kind):
        return f"MAP({sql_type(kind.key_type)}, {sql_type(kind.item_type)})"
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{_name(part.name)} {sql_type(part.type)}' for part in kind)})"
    return _SQL_TYPES[str(kind)]


_SQL_TYPES = {
    "string": "VARCHAR",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "bool": "BOOLEAN",
    "double": "DOUBLE",
    "date32[day]": "DATE",
    "timestamp[us, tz=UTC]": "TIMESTAMPTZ",
}


def _name(name: str) -> str:
    return f'"{name}"'


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
