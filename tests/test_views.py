"""The views: the same by `archiver.connect` and by plain DuckDB with the `.sql` file, described, and true to the archive."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from runs import count, make_run
from stories import fill_inbox, make_story

import archiver
from archiver.items import Faq, Link
from archiver.schema import describe_columns
from archiver.store.archive import Archive
from archiver.store.publish import publish
from archiver.views import VIEWS, views_script

SEEN = datetime(2026, 6, 29, 13, tzinfo=UTC)


RECORDS = [
    make_run("1", "wire", at="2026-06-28T23:50:00", counts=[count("wire.example", "policy", 2, 0, 0, 0)]),
    make_run("2", "wire", at="2026-06-29T01:00:00", exit_code=4, failures={"http_500": 1, "lost": 2},
             failed_addresses=[{"url": "https://wire.example/x", "reason": "http_500"}],
             counts=[count("wire.example", "policy", 1, 1, 5, 3), count("wire.example", "markets", 0, 0, 1, 0)]),
    make_run("3", "wire", at="2026-06-29T09:00:00", counts=[count("wire.example", "policy", 0, 0, 9, 0)]),
    make_run("4", "wire", at="2026-06-29T12:00:00", exit_code=3),
    make_run("5", "elsewhere", at="2026-06-29T12:00:00", exit_code=3),
    make_run("6", "wire", at="2026-06-30T12:00:00", exit_code=None, finished_at=None),  # killed
    make_run("7", "wire", at="2026-07-01T12:00:00", exit_code=5, counts=[count("wire.example", "policy", 1, 0, 0, 0)],
             alarms=[{"kind": "column", "what": "dek", "site": "wire.example", "message": "no dek", "holds": True, "more": 1}]),
]  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with every table that a view reads."""
    archive = Archive(tmp_path_factory.mktemp("views") / "data")
    pairs = [Faq(question="Who?", answer="=SUM(A1)"), Faq(question="When?", answer="“Soon” 漢字")]
    links = [Link(url="https://b.example/", text="b", kind=kind, domain="b.example") for kind in ("body", "source")]
    bare = make_story("c", section="markets", faq=[], links=[], dek=None, published_at=None, provenance={})
    fill_inbox(archive, "1", make_story("a", faq=pairs, links=links), make_story("b", date=date(2026, 7, 1)), bare)
    publish(archive)
    archive.runs_dir.mkdir()
    for record in RECORDS:
        (archive.runs_dir / f"{record['run']}.json").write_text(json.dumps(record, indent=2))
    return archive.root


@pytest.fixture(params=["as it is", "empty", "without runs", "without revisions"])
def some_root(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> Path:
    kept = {
        "as it is": ["stories", "revisions", "lineage", "runs"],
        "empty": [],
        "without runs": ["stories", "revisions"],
        "without revisions": ["stories", "runs"],
    }[request.param]
    for name in kept:
        (tmp_path / name).symlink_to(root / name)
    return tmp_path


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return sorted(map(repr, connection.sql(query).fetchall()))


def test_plain_duckdb_gives_the_same_as_connect(some_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    described = "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal"
    views = "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"
    monkeypatch.chdir(some_root)  # the script's paths are relative to the root
    with archiver.connect(some_root) as ours, duckdb.connect() as plain:
        plain.execute(views_script())
        assert rows(plain, described) == rows(ours, described)
        assert rows(plain, views) == rows(ours, views)
        for view in VIEWS:
            assert rows(plain, f"FROM {view.name}") == rows(ours, f"FROM {view.name}"), view.name


def test_each_view_and_column_is_described(root: Path) -> None:
    with archiver.connect(root) as connection:
        comments = dict(connection.sql("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall())
        assert comments == {view.name: view.description for view in VIEWS}
        for view in VIEWS:
            query = f"SELECT column_name, comment FROM duckdb_columns() WHERE table_name = '{view.name}'"
            told = connection.sql(query).fetchall()
            assert [name for name, _ in told] == view.columns.names
            assert all(comment for _, comment in told), view.name
        told = dict(
            connection.sql("SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'stories'").fetchall()
        )
    assert told == {name: description for name, _, description in describe_columns()}


def test_links_and_faq_have_a_row_each(root: Path) -> None:
    with archiver.connect(root) as connection:
        story = make_story("a").story_id
        links = connection.sql(f"SELECT kind, url, domain FROM links WHERE story_id = '{story}'").fetchall()
        assert sorted(links) == [(kind, "https://b.example/", "b.example") for kind in ("body", "source")]
        pairs = connection.sql(f"SELECT number, question, answer FROM faq WHERE story_id = '{story}' ORDER BY number")
        assert pairs.fetchall() == [(1, "Who?", "=SUM(A1)"), (2, "When?", "“Soon” 漢字")]


def test_coverage_counts_what_was_seen_and_missed_by_day_site_and_section(root: Path) -> None:
    with archiver.connect(root) as connection:
        told = connection.sql(
            "SELECT CAST(date AS VARCHAR), site, section, crawls, complete, new, changed, same, failed, exit_codes FROM coverage"
        ).fetchall()
    assert sorted(told, key=repr) == [
        ("2026-06-28", "wire.example", "policy", 1, 1, 2, 0, 0, 0, [0]),
        ("2026-06-29", "elsewhere", None, 1, 0, 0, 0, 0, 0, [3]),
        ("2026-06-29", "wire.example", "markets", 1, 0, 0, 0, 1, 0, [4]),
        ("2026-06-29", "wire.example", "policy", 2, 1, 1, 1, 14, 3, [0, 4]),
        ("2026-06-29", "wire.example", None, 1, 0, 0, 0, 0, 0, [3]),
        ("2026-06-30", "wire.example", None, 1, 0, 0, 0, 0, 0, [None]),
        ("2026-07-01", "wire.example", "policy", 1, 0, 1, 0, 0, 0, [5]),
    ]


def test_a_crawl_of_a_whole_site_covers_its_sections_though_nothing_was_due(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "data")
    archive.runs_dir.mkdir(parents=True)
    both = [count("wire.example", "policy", 2, 0, 0, 0), count("wire.example", "markets", 1, 0, 0, 1)]
    policy = both[:1]
    days: list[tuple[str, dict[str, Any]]] = [
        ("01", {"counts": both}),
        ("02", {"counts": policy, "exit_code": 4}),
        ("03", {"arguments": {"full": True}}),
        ("04", {"counts": policy, "arguments": {"section": ["policy"]}}),
        ("05", {"counts": policy, "arguments": {"limit": 2}}),
        ("06", {"exit_code": 3}),  # it got nowhere: of no section more is known
        ("30", {"counts": policy}),
    ]
    for day, columns in days:
        record = make_run(day, "wire", at=f"2026-06-{day}T01:00:00", **{"arguments": {}} | columns)
        (archive.runs_dir / f"{day}.json").write_text(json.dumps(record))
    late = make_run("31", "wire", at="2026-07-03T01:00:00", arguments={})
    (archive.runs_dir / "31.json").write_text(json.dumps(late))
    with archiver.connect(archive.root) as connection:
        told = connection.sql(
            "SELECT day(date), section, complete, new, failed FROM coverage ORDER BY date, section"
        ).fetchall()
    assert told == [
        (1, "markets", 1, 1, 1), (1, "policy", 1, 2, 0),
        (2, "markets", 0, 0, 0), (2, "policy", 0, 2, 0),
        (3, "markets", 1, 0, 0), (3, "policy", 1, 0, 0),
        (4, "policy", 1, 2, 0),
        (5, "policy", 1, 2, 0),
        (6, None, 0, 0, 0),
        (30, "markets", 1, 0, 0), (30, "policy", 1, 2, 0),
        (3, "policy", 1, 0, 0),
    ]  # fmt: skip


def test_a_run_has_its_failures_by_kind(root: Path) -> None:
    with archiver.connect(root) as connection:
        told = connection.sql("SELECT failures['lost'], bytes, arguments, versions['schema'] FROM runs WHERE run = '2'")
        assert told.fetchall() == [(2, 2**40, '{"sections":["policy"],"limit":5}', "1")]
        alarms = connection.sql("SELECT alarms FROM runs WHERE run IN ('6', '7') ORDER BY run").fetchall()
    assert alarms == [
        (None,),
        ([{"kind": "column", "what": "dek", "site": "wire.example", "message": "no dek", "holds": True}],),
    ]
