"""`archiver lineage`: what it prints, what it says of faults, and how it ends."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archiver.commands import main
from archiver.store.archive import Archive
from tests.test_lineage_table import SOURCE, publish_run, tell


def write(path: Path, *stories: dict[str, Any] | str) -> str:
    lines = (story if isinstance(story, str) else json.dumps(story) for story in stories)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def story(number: int, **columns: Any) -> dict[str, Any]:
    text = tell(number // 3, number % 3)
    return {"id": f"s{number}", "title": text.title, "body": text.body, "published": "2026-06-29"} | columns


def clusters(capsys: pytest.CaptureFixture[str]) -> dict[Any, Any]:
    return {row["id"]: row["cluster"] for row in map(json.loads, capsys.readouterr().out.splitlines())}


def test_every_story_gets_a_cluster_in_the_order_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "s.jsonl", *(story(number) for number in (2, 5, 0, 3)), "", story(7))
    assert main(["lineage", "--stories", file]) == 0
    found = clusters(capsys)
    assert list(found) == ["s2", "s5", "s0", "s3", "s7"]
    assert found["s0"] == found["s2"] != found["s3"] == found["s5"] != found["s7"]


def test_stories_are_read_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(story(0))))
    assert main(["lineage", "--stories", "-"]) == 0
    assert len(clusters(capsys)) == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"title": None},
        {"body": None},
        {"published": None},
        {"published": "2026-06-29T23:59:59Z"},
        {"published": "2026-06-29T23:59:59.5+02:00"},
        {"published": "2026-06-29 09:00"},
        {"source_url": None, "url": None},
        {"source_url": "no address", "url": ""},
        {"id": 12},
        {"more": {"than": "asked for"}},
    ],
)
def test_parts_may_be_null_or_of_another_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], columns: dict[str, Any]
) -> None:
    assert main(["lineage", "--stories", write(tmp_path / "s.jsonl", story(0, **columns), story(4))]) == 0
    assert len(clusters(capsys)) == 2


def test_parts_may_be_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lineage", "--stories", write(tmp_path / "s.jsonl", {"id": 1}, {"id": 2}, {"id": "1"})]) == 0
    assert clusters(capsys) == {1: 0, 2: 1, "1": 2}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "not JSON"),
        ("[]", "not an object"),
        ("{}", "no text or number as 'id': None"),
        ('{"id": true}', "no text or number as 'id': True"),
        ('{"id": "s0"}', "id 's0' stands in line 1 already"),
        ('{"id": 1, "title": 3}', "'title' is no text: 3"),
        ('{"id": 1, "published": "June"}', "'published' is neither a day nor a time: 'June'"),
        ('{"id": 1, "published": 20260629}', "'published' is no text"),
    ],
)
def test_a_bad_line_is_named_with_its_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, why: str
) -> None:
    file = write(tmp_path / "s.jsonl", story(0), line)
    assert main(["lineage", "--stories", file]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"{file}:2: {why}" in captured.err


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "s.jsonl"
    assert main(["lineage", "--stories", str(path)]) == 2
    path.write_bytes(b"\xff\xfe")
    assert main(["lineage", "--stories", str(path)]) == 2
    assert capsys.readouterr().err.count(str(path)) == 2


def test_a_file_of_stories_needs_neither_scrapy_nor_an_archive(tmp_path: Path) -> None:
    file = write(tmp_path / "s.jsonl", story(0))
    run = f"from archiver.commands import main; main(['lineage', '--stories', {file!r}])"
    code = f"import sys; {run}; assert 'scrapy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path)


# --- one event


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path / "data")
    stories = [tell(0, n, source=SOURCE if n < 2 else None, day=28 + n // 2) for n in range(3)]
    publish_run(archive, 1, *stories, *(tell(event, 0) for event in range(20, 60)))
    return archive


def test_an_event_is_drawn_as_a_tree_by_time(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lineage", f"{tell(0, 2).url}?utm_source=x", "--root", str(archive.root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"Source  Example Wire  {SOURCE}  event ")
    assert lines[0].endswith("3 stories")
    titles = [line for line in lines if any(tell(0, n).title in line for n in range(3))]
    assert [tell(0, n).title in titles[n] for n in range(3)] == [True] * 3
    assert "2026-06-28 09:00  first  one.example  by source link" in lines[1]
    assert any("2026-06-28 10:00  +60 min  two.example  by source link" in line for line in lines)
    assert any("2026-06-29 11:00  +26 h  three.example  by words, score 0." in line for line in lines)
    assert all("\x1b" not in line for line in lines)


def test_no_lag_is_told_of_a_day_or_of_what_was_only_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = Archive(tmp_path / "data")
    day, rule = datetime(2026, 6, 28, tzinfo=UTC), {"published_at": "time, no time"}
    stories = [
        tell(0, 0, source=SOURCE, day=28, published_at=day, provenance=rule, first_seen_at=day + timedelta(days=2)),
        tell(0, 1, source=SOURCE, day=29),
        tell(0, 2, source=SOURCE, day=29),
        tell(1, 0, source=SOURCE, day=29, published_at=None, first_seen_at=day + timedelta(days=3)),
    ]
    publish_run(archive, 1, *stories)
    assert main(["lineage", stories[0].url, "--root", str(archive.root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    times = [line.split("  ")[1] for line in lines if ".example  by source" in line]
    assert times == ["first, day without time", "first with a time", "+60 min", "seen"]


def test_an_event_as_json(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lineage", tell(0, 0).url, "--json", "--root", str(archive.root)]) == 0
    event = json.loads(capsys.readouterr().out)
    assert event["source_url"] == SOURCE
    assert [each["rank"] for each in event["stories"]] == [1, 2, 3]
    assert [each["method"] for each in event["stories"]] == ["source", "source", "words"]


def test_markup_in_a_title_is_printed_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = Archive(tmp_path / "data")
    publish_run(archive, 1, tell(0, 0, title="[bold]Not[/bold] markup [/]"))
    assert main(["lineage", tell(0, 0).url, "--root", str(archive.root)]) == 0
    assert "[bold]Not[/bold] markup [/]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["https://one.example/article/none"], 1, "no story https://one.example/article/none in"),
        (["not an address"], 2, "not an http or https address"),
    ],
)
def test_a_story_that_is_not_there_is_named(
    archive: Archive, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, why: str
) -> None:
    assert main(["lineage", *arguments, "--root", str(archive.root)]) == code
    assert why in capsys.readouterr().err


def test_an_archive_without_lineage_says_what_to_do(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    for path in archive.lineage_dir.rglob("*.parquet"):
        path.unlink()
    assert main(["lineage", tell(0, 0).url, "--root", str(archive.root)]) == 1
    assert "`archiver migrate` makes it" in capsys.readouterr().err
