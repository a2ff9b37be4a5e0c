"""`archiver sql`: what it prints where, and that a query can read the archive and do nothing else."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stories import fill_inbox, make_story

import archiver
from archiver.commands import main
from archiver.commands.sql import lock
from archiver.output import WRITERS, escape_formula
from archiver.store.archive import Archive
from archiver.store.publish import publish
from archiver.views import views_script


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = Archive(tmp_path_factory.mktemp("sql") / "data")
    stories = (make_story("a", title="=HYPERLINK(1)"), make_story("b", section="markets", dek="-5"))
    fill_inbox(archive, "1", *stories)
    publish(archive)
    return archive.root


def ask(root: Path, query: str, *words: str) -> int:
    return main(["sql", query, "--root", str(root), *words])


def test_a_pipe_gets_csv(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(root, "SELECT section, title, published_at, links FROM stories ORDER BY section DESC") == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == ["section", "title", "published_at", "links"]
    assert rows[1][:3] == ["policy", "'=HYPERLINK(1)", "2026-06-29T09:00:00+00:00"]
    assert json.loads(rows[1][3])[0]["url"] == "https://b.example/"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=1+1", "'=1+1"), ("+1+1", "'+1+1"), ("-1+1", "'-1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"), ("\n=1", "'\n=1"), ("  =1", "'  =1"), ("＝1", "'＝1"), ("\u00a0=1", "'\u00a0=1"),
        ("-5", "-5"), ("+3.25", "+3.25"), ("-", "'-"), ("-5 %", "'-5 %"), ("1=1", "1=1"), ("", ""), (" ", " "), ("'=1", "'=1"),
    ],
)  # fmt: skip
def test_only_text_that_begins_as_a_formula_is_escaped(text: str, expected: str) -> None:
    assert escape_formula(text) == expected


def test_numbers_stay_numbers_and_other_formats_are_as_they_are(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = "SELECT -5 AS n, -0.5 AS d, '=x' AS \"=t\", NULL AS e, true AS b, 1/0 AS f, map{'k': [1, NULL]} AS m"
    assert ask(root, query, "--format", "csv") == 0
    assert capsys.readouterr().out == 'n,d,\'=t,e,b,f,m\n-5,-0.5,\'=x,,true,inf,"{""k"": [1, null]}"\n'
    assert ask(root, query, "--format", "jsonl") == 0
    row = {"n": -5, "d": "-0.5", "=t": "=x", "e": None, "b": True, "f": None, "m": {"k": [1, None]}}
    assert json.loads(capsys.readouterr().out) == row
    assert ask(root, query, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == [row]


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl", "table"])
def test_an_answer_without_rows_is_whole(kind: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(root, "SELECT title FROM stories WHERE false", "--format", kind) == 0
    out = capsys.readouterr().out
    assert {"csv": "title\n", "json": "[\n]\n", "jsonl": ""}.get(kind, out) == out


def run(root: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "archiver", "sql", *words, "--root", str(root)]
    return subprocess.run(command, capture_output=True, timeout=60)


def test_parquet_keeps_rows_and_types(root: Path) -> None:
    told = run(root, "SELECT * FROM stories ORDER BY section", "--format", "parquet")
    assert told.returncode == 0, told.stderr
    table = pq.read_table(pa.BufferReader(told.stdout))
    assert table["title"].to_pylist() == ["Ministers weigh b", "=HYPERLINK(1)"]
    assert (table.schema.field("date").type, table.schema.field("published_at").type) == (
        pa.date32(),
        pa.timestamp("us", tz="UTC"),
    )


def test_a_terminal_gets_a_table(root: Path) -> None:
    """On a real one: the command asks what it writes to."""
    leader, follower = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "archiver",
        "sql",
        "SELECT section, -5 AS n, title FROM stories",
        "--root",
        str(root),
    ]
    with subprocess.Popen(command, stdout=follower, stderr=follower, env=os.environ | {"COLUMNS": "60"}) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                shown += os.read(leader, 4096)
            except OSError:  # the other end is closed
                break
    os.close(leader)
    text = shown.decode()
    assert process.returncode == 0, text
    assert "=HYPERLINK(1)" in text
    assert "'=" not in text
    assert len(text.splitlines()) == 3


def draw(table: pa.Table, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "60")
    out = io.StringIO()
    WRITERS["table"](table.to_reader(), out)
    return out.getvalue()


def test_a_table_says_that_there_are_more_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "first 100 rows" in draw(pa.table({"n": range(101)}), monkeypatch)
    assert "first" not in draw(pa.table({"n": range(100)}), monkeypatch)


def test_more_columns_than_fit_become_a_block_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = draw(pa.table({f"column_{n}": [n, None] for n in range(20)}), monkeypatch)
    assert "column_19  19" in shown
    assert "column_19  ·" in shown


def test_terminal_commands_in_a_text_are_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = draw(pa.table({"t": ["\x1b[2Jgone [bold]x[/bold] \x07"]}), monkeypatch)
    assert "\x1b[2J" not in shown
    assert "\x07" not in shown
    assert "[bold]x[/bold]" in shown


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT titel FROM stories", 'Referenced column "titel" not found'),
        ("SELECT * FROM storys", 'Did you mean "stories"?'),
        ("SELEC 1", "syntax error"),
        ("", "a query is missing"),
        ("SELECT CAST(title AS INTEGER) FROM stories", "Could not convert"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_2(
    query: str, told: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(root, query) == 2
    shown = capsys.readouterr()
    assert shown.out in ("", "CAST(title AS INTEGER)\n")
    assert told in shown.err
    assert len(shown.err.splitlines()) == 1


def test_a_query_can_come_by_standard_input(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT count(*) AS n FROM stories"))
    assert ask(root, "-") == 0
    assert capsys.readouterr().out == "n\n2\n"


def test_a_closed_pipe_is_quiet(root: Path) -> None:
    query = "SELECT repeat('x', 1000) FROM range(100000)"
    command = [sys.executable, "-m", "archiver", "sql", query, "--root", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_damaged_file_is_no_mistake_of_the_query(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = Archive(tmp_path)
    fill_inbox(archive, "1", make_story("a"))
    publish(archive)
    next(archive.stories_dir.rglob("*.parquet")).write_bytes(b"PAR1 no Parquet PAR1")
    assert ask(tmp_path, "SELECT title FROM stories") == 7
    assert "stories.parquet" in capsys.readouterr().err


def test_the_views_are_printed_as_sql(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "--views"]) == 0
    assert capsys.readouterr().out == views_script()


FORBIDDEN = [
    "FROM read_text('{file}')",
    "FROM read_csv('{file}')",
    "FROM '{file}'",
    "FROM read_blob('/proc/self/environ')",
    "FROM glob('/*')",
    "FROM sniff_csv('{file}')",
    "FROM parquet_metadata('{root}/stories/*/*/*.parquet')",
    "FROM read_json('http://127.0.0.1:9/')",
    "ATTACH 'http://127.0.0.1:9/x.db'",
    "COPY (SELECT 1) TO '{new}'",
    "COPY (SELECT 1) TO '{root}/stories/x.parquet'",
    "COPY (SELECT 1) TO '/dev/stdout'",
    "WITH x AS (COPY (SELECT 1) TO '{new}') FROM x",
    "WITH x AS (COPY (SELECT 1) TO '{root}/x.csv') FROM x",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{new}'",
    "EXPORT DATABASE '{new}'",
    "IMPORT DATABASE '{root}'",
    "ATTACH '{new}'",
    "ATTACH '{root}/x.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{file}'",
    "CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'a')",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET temp_directory = '{new}'",
    "RESET enable_external_access",
    "PRAGMA enable_profiling = 'json'",
    "PRAGMA profiling_output = '{new}'",
    "CALL enable_logging(storage = 'file', storage_path = '{new}')",
    "SELECT * FROM root",  # a variable of the program
    "SELECT * FROM connection",
    "DELETE FROM stories",
    "INSERT INTO stories (title) VALUES ('x')",
    "SELECT getenv('HOME')",
]


@pytest.mark.parametrize("query", FORBIDDEN)
def test_a_query_from_a_stranger_reads_only_the_archive_and_writes_nothing(
    query: str, root: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    before = {path: path.stat() for path in [*root.rglob("*"), *tmp_path.rglob("*")]}
    with archiver.connect(root) as connection:
        lock(connection)
        with pytest.raises((duckdb.Error, RuntimeError)):
            connection.sql(query.format(root=root, file=secret, new=tmp_path / "new")).fetchall()
    assert {path: path.stat() for path in [*root.rglob("*"), *tmp_path.rglob("*")]} == before


@pytest.mark.parametrize(
    "query",
    [
        "DESCRIBE stories", "SHOW TABLES", "SUMMARIZE SELECT word_count FROM stories", "EXPLAIN SELECT 1",
        "PIVOT stories ON section USING count(*) GROUP BY site", "FROM stories SELECT title", "VALUES (1)",
        "CREATE TABLE t AS SELECT 1 AS a; SELECT a FROM t",
    ],
)  # fmt: skip
def test_what_only_reads_is_allowed(query: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(root, query) == 0
    assert len(capsys.readouterr().out.splitlines()) > 1
