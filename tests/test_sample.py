"""The sample archive that comes with the project: sound, and with everything in it that the examples show."""

from __future__ import annotations

import filecmp
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

import archiver
from archiver.demo.server import DEMO_PORTS, HOST
from archiver.store.archive import Archive
from archiver.store.faults import Checked
from archiver.store.verify import verify

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "data" / "sample"


@pytest.fixture(scope="module")
def sample() -> Iterator[duckdb.DuckDBPyConnection]:
    with archiver.connect(SAMPLE) as connection:
        yield connection


def test_it_has_no_fault(tmp_path: Path) -> None:
    """In a copy: `verify` takes locks, which the sample in git has not."""
    copy = tmp_path / "sample"
    subprocess.run(["cp", "-r", str(SAMPLE), str(copy)], check=True)
    assert list(map(str, verify(Archive(copy), Checked()))) == []


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 10_000_000


@pytest.mark.parametrize(
    ("query", "least"),
    [
        ("SELECT 1 FROM stories", 200),
        ("SELECT DISTINCT site FROM stories", 4),
        ("SELECT DISTINCT section FROM stories", 8),
        ("SELECT 1 FROM revisions WHERE list_contains(changed, 'body')", 20),
        ("SELECT 1 FROM stories WHERE status = 'gone'", 2),
        ("SELECT source_url FROM stories GROUP BY source_url HAVING count(DISTINCT site) > 2", 20),
        ("SELECT 1 FROM coverage WHERE complete < crawls", 2),
        ("SELECT 1 FROM runs WHERE exit_code = 3", 1),
        ("SELECT 1 FROM runs WHERE exit_code = 4", 1),
        ("SELECT 1 FROM faq", 300),
        ("SELECT 1 FROM links", 100),
    ],
)
def test_it_has_what_the_examples_show(query: str, least: int, sample: duckdb.DuckDBPyConnection) -> None:
    assert len(sample.sql(query).fetchall()) >= least


def test_stories_that_have_not_changed_are_counted_in_their_section(sample: duckdb.DuckDBPyConnection) -> None:
    assert sample.sql("SELECT sum(same) FROM coverage WHERE section = 'unsectioned'").fetchall()[0][0] in (None, 0)


def test_its_times_are_those_of_the_story_not_of_its_making(sample: duckdb.DuckDBPyConnection) -> None:
    ((first, last),) = sample.sql("SELECT min(fetched_at), max(fetched_at) FROM revisions").fetchall()
    assert (first.year, first.month, last.month) == (2026, 6, 7)
    assert last - first > timedelta(days=20)
    lags = "SELECT published_at FROM stories WHERE published_at > first_seen_at"
    assert sample.sql(lags).fetchall() == []


def make(folder: Path, *options: str) -> None:
    """As `make sample` does: run records hold the root as it was given."""
    command = [sys.executable, "-m", "archiver.demo.sample", "data/sample", *options]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1800)
    assert made.returncode == 0, made.stderr


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def assert_same(one: Path, two: Path) -> None:
    assert files(one) == files(two)
    _, differing, unread = filecmp.cmpfiles(one, two, files(one), shallow=False)
    assert (differing, unread) == ([], [])


def are_ports_free() -> bool:
    import socket

    for port in DEMO_PORTS:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return False
    return True


@pytest.mark.slow
def test_its_first_crawls_come_out_as_they_did(tmp_path: Path) -> None:
    if not are_ports_free():
        pytest.skip("the ports of the bundled network are taken")
    make(tmp_path, "--rounds", "1")
    made = tmp_path / "data" / "sample"
    raw = [name for name in files(made) if name.startswith("raw/")]
    assert len(raw) == 8
    assert filecmp.cmpfiles(made, SAMPLE, raw, shallow=False) == (raw, [], [])


@pytest.mark.torture
def test_it_comes_out_the_same_each_time_it_is_made(tmp_path: Path) -> None:
    """Also a check that the sample is not out of date; where it is, `make sample` renews it."""
    if not are_ports_free():
        pytest.skip("the ports of the bundled network are taken")
    make(tmp_path)
    assert_same(tmp_path / "data" / "sample", SAMPLE)
