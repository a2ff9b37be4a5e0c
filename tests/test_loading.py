"""`archiver.load` and `archiver.connect`: what an analyst gets, and what they are told when they ask for what is not there."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import cycle
from operator import methodcaller
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stories import fill_inbox, make_story

import archiver
from archiver.schema import REVISION_COLUMNS, STORIES, STORY_COLUMNS
from archiver.store.archive import Archive, DamagedFileError, Partition
from archiver.store.publish import publish
from archiver.views import VIEWS

DAY = date(2026, 6, 29)
FIRST = [
    make_story("a"),
    make_story("b", section="markets", site="gazette.example"),
    make_story("c", date=date(2026, 6, 30)),
    make_story("d", date=date(2026, 7, 2), section="markets"),
]
LATER = replace(
    make_story("a", title="Ministers weigh it again"), fetched_at=datetime(2026, 7, 3, tzinfo=UTC)
)  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = Archive(tmp_path_factory.mktemp("loading") / "data")
    for run, stories in (("1", FIRST), ("2", [LATER])):
        fill_inbox(archive, run, *stories)
        publish(archive)
    return archive.root


def slugs(table: pa.Table) -> list[str]:
    return [url.rsplit("/", 1)[1] for url in table["url"].to_pylist()]


def test_everything_comes_in_order_of_date_and_section_with_true_types(root: Path) -> None:
    table = archiver.load(root=root)
    assert slugs(table) == ["b", "a", "c", "d"]
    assert table.schema.equals(STORY_COLUMNS)
    assert table.schema.field("date").type == pa.date32()
    assert table.schema.field("section").type == pa.string()
    assert table["date"].to_pylist()[:2] == [DAY, DAY]
    assert table["title"].to_pylist()[1] == LATER.title


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"since": "2026-06-30"}, "cd"),
        ({"until": date(2026, 6, 30)}, "bac"),
        ({"since": DAY, "until": DAY}, "ba"),
        ({"since": datetime(2026, 6, 30, 1, tzinfo=UTC)}, "cd"),
        ({"section": "policy"}, "ac"),
        ({"section": ["markets", "policy"], "until": "2026-06-29"}, "ba"),
        ({"site": "gazette.example"}, "b"),
        ({"site": ("gazette.example", "wire.example"), "section": "markets"}, "bd"),
        ({"since": "2030-01-01"}, ""),
    ],
)
def test_days_sections_and_sites_are_chosen(root: Path, asked: dict[str, Any], expected: str) -> None:
    assert slugs(archiver.load(root=root, **asked)) == list(expected)


def test_columns_come_in_the_order_asked_for(root: Path) -> None:
    assert archiver.load(root=root, columns=["title", "date"]).column_names == ["title", "date"]
    assert archiver.load(root=root, columns="section")["section"].to_pylist()[0] == "markets"


def test_columns_are_described(root: Path) -> None:
    field = archiver.load(root=root, columns=["title"]).schema.field("title")
    assert b"headline" in field.metadata[b"description"]


def test_revisions_tell_what_changed(root: Path) -> None:
    table = archiver.load(root=root, revisions=True)
    assert table.schema.equals(REVISION_COLUMNS)
    assert sorted(zip(slugs(table), table["revision"].to_pylist(), strict=True)) == [
        ("a", 1), ("a", 2), ("b", 1), ("c", 1), ("d", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"columns": ["titel"]}, "no column 'titel'; the columns are story_id, url"),
        ({"columns": ["changed"]}, "no column 'changed'"),
        ({"section": "politics"}, "no section 'politics' in the archive; its sections are markets, policy"),
        ({"site": "nosuch.example"}, "no site 'nosuch.example' in the archive; its sites are gazette.example, wire"),
        ({"since": "yesterday"}, "since='yesterday' is no day"),
        ({"until": "2026-13-01"}, "until='2026-13-01' is no day"),
        ({"since": "2026-07-01", "until": "2026-06-01"}, "since 2026-07-01 is later than until 2026-06-01"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(root: Path, asked: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        archiver.load(root=root, **asked)


def test_a_known_section_without_stories_in_those_days_is_no_mistake(root: Path) -> None:
    assert archiver.load(root=root, section="markets", since="2026-06-30", until="2026-06-30").num_rows == 0


def test_a_root_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no archive at"):
        archiver.load(root=tmp_path / "nosuch")
    with pytest.raises(FileNotFoundError, match="no archive at"):
        archiver.connect(tmp_path / "nosuch")


def test_the_root_is_that_of_the_environment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVER_ROOT", str(root))
    assert archiver.load(columns=["url"]).num_rows == 4


def test_an_empty_archive_has_no_rows_and_the_right_types(tmp_path: Path) -> None:
    assert archiver.load(root=tmp_path, section="policy", site="a.example").schema.equals(STORY_COLUMNS)
    with archiver.connect(tmp_path) as connection:
        for view in VIEWS:
            assert connection.sql(f"FROM {view.name}").fetchall() == [], view.name
            assert connection.sql(f"FROM {view.name}").columns == view.columns.names


def test_one_day_and_section_opens_one_file(root: Path) -> None:
    """The other files may be damaged, for they are not opened."""
    archive = Archive(root)
    other = archive.stories_file(Partition(DAY, "markets"))
    kept = other.read_bytes()
    try:
        other.write_bytes(b"no Parquet")
        assert slugs(archiver.load(root=root, since=DAY, until=DAY, section="policy")) == ["a"]
        with pytest.raises(DamagedFileError):
            archiver.load(root=root)
    finally:
        other.write_bytes(kept)


def test_a_flipped_bit_is_an_error_not_another_row(root: Path) -> None:
    path = Archive(root).stories_file(Partition(DAY, "policy"))
    kept = path.read_bytes()
    body = pq.ParquetFile(path).metadata.row_group(0).column(STORIES.names.index("body"))
    damaged = bytearray(kept)
    damaged[body.data_page_offset + body.total_compressed_size - 5] ^= 1
    try:
        path.write_bytes(damaged)
        with pytest.raises(DamagedFileError):
            archiver.load(root=root)
    finally:
        path.write_bytes(kept)


@pytest.fixture
def replaced(tmp_path: Path) -> Iterator[Path]:
    """An archive of which one file is replaced without pause; its rows agree on their number."""
    archive = Archive(tmp_path)
    path = archive.stories_file(Partition(DAY, "policy"))
    editions = []
    for number in (3, 40, 200):
        source = Archive(tmp_path / f"edition-{number}")
        fill_inbox(source, "1", *(make_story(f"s{n}", word_count=number) for n in range(number)))
        publish(source)
        editions.append(source.stories_file(Partition(DAY, "policy")).read_bytes())
    done = threading.Event()

    def replace_file() -> None:
        for edition in cycle(editions):
            archive.put_atomic(path, methodcaller("write", edition))
            if done.is_set():
                return

    archive.put_atomic(path, lambda file: file.write(editions[0]))
    thread = threading.Thread(target=replace_file)
    thread.start()
    yield tmp_path
    done.set()
    thread.join()


def test_a_file_that_is_replaced_meanwhile_is_read_whole(replaced: Path) -> None:
    counts = set()
    with archiver.connect(replaced) as connection:
        for _ in range(60):
            counts.add(tuple(archiver.load(root=replaced, columns=["word_count"])["word_count"].to_pylist()))
            rows = connection.sql("SELECT word_count, body FROM stories WHERE word_count > 0").fetchall()
            counts.add(tuple(row[0] for row in rows))
    assert all(set(words) == {len(words)} for words in counts)


def test_a_connection_sees_what_is_published_later(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with archiver.connect(tmp_path) as connection:
        for number in (1, 2, 3):
            fill_inbox(archive, str(number), make_story(f"s{number}"), make_story("t", title=f"Title {number}"))
            publish(archive)
            assert connection.sql("SELECT count(*) FROM stories").fetchall() == [(number + 1,)]
            assert connection.sql("SELECT max(revision) FROM revisions").fetchall() == [(number,)]


def test_a_partition_that_goes_meanwhile_is_listed_anew(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from archiver import loading
    from archiver.store.dataset import list_places

    path = Archive(root).stories_file(Partition(date(2026, 7, 2), "markets"))
    kept = path.read_bytes()

    def list_then_lose(*given: Any, **named: Any) -> Any:
        places = list_places(*given, **named)
        path.unlink(missing_ok=True)
        return places

    monkeypatch.setattr(loading, "list_places", list_then_lose)
    try:
        assert slugs(archiver.load(root=root)) == ["b", "a", "c"]
    finally:
        path.write_bytes(kept)


def test_a_run_record_that_cannot_be_read_is_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "broken.json").write_text("{")
    (tmp_path / "runs" / "list.json").write_text("[]")
    (tmp_path / "runs" / "odd.json").write_text('{"run": 5, "started_at": "2026-06-29T00:00:00+00:00"}')
    with caplog.at_level(logging.WARNING), archiver.connect(tmp_path) as connection:
        assert connection.sql("FROM runs").fetchall() == []
    assert [name in caplog.text for name in ("broken.json", "list.json", "odd.json")] == [True] * 3


def test_times_are_shown_in_utc(root: Path) -> None:
    with archiver.connect(root) as connection:
        (shown,) = connection.sql("SELECT CAST(published_at AS VARCHAR) FROM stories LIMIT 1").fetchall()
        assert shown == ("2026-06-29 09:00:00+00",)
        assert connection.sql("SELECT published_at FROM stories LIMIT 1").fetchall()  # needs pytz


def test_without_duckdb_it_is_told_what_to_install(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ImportError, match="pip install"):
        archiver.connect(root)


def test_the_package_is_imported_without_arrow() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import archiver, sys; print({'pyarrow', 'scrapy', 'duckdb'} & set(sys.modules))"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert told.stdout == "set()\n"
    assert {"load", "connect"} <= set(dir(archiver))
    with pytest.raises(AttributeError, match="nosuch"):
        archiver.nosuch  # noqa: B018 - the look-up is what is tested
