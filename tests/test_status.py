"""How the sites are, told from their run records."""

from __future__ import annotations

import fcntl
import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from crawls import Pages, Project, headlines, listing_page, story_page
from prometheus_client.parser import text_string_to_metric_families
from stories import fill_inbox, make_story

from archiver.alarms.alarm import Alarm
from archiver.commands import main
from archiver.status import SiteStatus, describe_site, format_metrics
from archiver.store.archive import Archive, locked
from archiver.store.held import hold
from archiver.store.ledgerfile import site_lock
from archiver.store.runs import put_run

NOW = datetime(2026, 6, 29, 12, tzinfo=UTC)
RUN = "20260629T060000Z-wire-0000"


def make_record(hours_ago: float, exit_code: int | None = 0, **more: Any) -> dict[str, Any]:
    at = NOW - timedelta(hours=hours_ago)
    return {
        "run": f"{at:%Y%m%dT%H%M%SZ}-wire-0000",
        "site": "wire.example",
        "started_at": (at - timedelta(minutes=5)).isoformat(),
        "finished_at": None if exit_code is None else at.isoformat(),
        "exit_code": exit_code,
        "arguments": {},
        "counts": [{"site": "wire.example", "section": "policy", "new": 3, "changed": 2, "same": 1, "failed": 4}],
        "alarms": [],
    } | more


def describe(
    *records: dict[str, Any], max_age: float = 26, is_running: bool = False, held: dict[str, int] | None = None
) -> SiteStatus:
    return describe_site(
        "wire",
        records,
        held=held or {},
        now=NOW,
        max_age=timedelta(hours=max_age),
        is_running=is_running,
        is_in_project=True,
    )


@pytest.mark.parametrize(
    ("records", "is_late", "age"),
    [
        ([], True, None),
        ([make_record(2)], False, 2),
        ([make_record(25.9)], False, 25.9),
        ([make_record(26.1)], True, 26.1),
        ([make_record(2, 4), make_record(20)], False, 20),
        ([make_record(2, 4), make_record(27)], True, 27),
        ([make_record(2, 4), make_record(20, 3)], True, None),
        ([make_record(2, 5)], True, None),
        ([make_record(2, 5, accepted_at="2026-06-29T11:00:00+00:00")], False, 2),
        ([make_record(2, 0, arguments={"limit": 5}), make_record(30)], True, 30),
        ([make_record(2, 0, arguments={"full": True})], False, 2),
        ([make_record(0, None), make_record(3)], False, 3),
    ],
)
def test_a_site_is_late_without_a_recent_success(
    records: list[dict[str, Any]], is_late: bool, age: float | None
) -> None:
    status = describe(*records)
    assert (status.is_late, status.age_seconds) == (is_late, None if age is None else pytest.approx(age * 3600))


@pytest.mark.parametrize(
    ("records", "is_running", "state"),
    [
        ([], False, "never crawled"),
        ([make_record(2)], False, "ended"),
        ([make_record(0, None), make_record(20)], True, "running"),
        ([make_record(0, None), make_record(20)], False, "killed"),
        ([make_record(0, None)], False, "killed"),
    ],
)
def test_the_newest_run_has_ended_or_runs_or_was_killed(
    records: list[dict[str, Any]], is_running: bool, state: str
) -> None:
    assert describe(*records, is_running=is_running).state == state


def test_counts_are_those_of_the_last_run_that_ended() -> None:
    status = describe(make_record(0, None, counts=[]), make_record(3, 4))
    assert (status.new, status.changed, status.same, status.failed, status.exit_code, status.seconds) == (
        3,
        2,
        1,
        4,
        4,
        300,
    )


def test_alarms_of_held_runs_stay_until_they_are_accepted() -> None:
    alarm = Alarm(kind="column", what="dek", site="wire.example", message="x", usual=1, present=0, holds=True).to_json()
    held = make_record(20, 5, alarms=[alarm])
    status = describe(make_record(2), held, held={held["run"]: 20})
    assert [each["run"] for each in status.alarms] == [held["run"]]
    assert describe(make_record(2), held).alarms == ()
    assert describe(make_record(2), held | {"accepted_at": "x"}, held={held["run"]: 20}).alarms == ()


# Metrics


def test_metrics_are_read_by_prometheus() -> None:
    odd = SiteStatus(spider='a"b\\c', site="wire.example\n", is_late=True)
    families = {
        each.name: each for each in text_string_to_metric_families(format_metrics([describe(make_record(2)), odd]))
    }
    assert all(each.type == "gauge" and each.documentation for each in families.values())
    values = {
        (s.name, s.labels["spider"], s.labels.get("outcome")): s.value for f in families.values() for s in f.samples
    }
    assert values["archiver_last_success_timestamp_seconds", "wire", None] == (NOW - timedelta(hours=2)).timestamp()
    assert values["archiver_last_run_stories", "wire", "new"] == 3
    assert (values["archiver_late", "wire", None], values["archiver_late", 'a"b\\c', None]) == (0, 1)
    assert ("archiver_last_success_timestamp_seconds", 'a"b\\c', None) not in values
    assert not any(math.isnan(value) for value in values.values())


# The command


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    monkeypatch.chdir(tmp_path)
    archive = Archive(tmp_path / "data")
    put_run(archive, make_record(2) | {"run": RUN})
    return archive


@pytest.mark.parametrize("max_age", ["", "26", "h", "1.5h", "-2h", "26 h", "0h", "yesterday"])
def test_a_max_age_that_is_none_ends_the_command(
    archive: Archive, max_age: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--root", str(archive.root), f"--max-age={max_age}"]) == 2
    assert "such as 26h, 90m, 2d" in capsys.readouterr().err


def test_an_archive_of_other_sites_does_not_wait_for_those_scheduled(archive: Archive) -> None:
    assert main(["status", "--root", str(archive.root)]) == 0
    assert main(["status", "--root", str(archive.root), "novitechfinance_com"]) == 1
    put_run(archive, make_record(2) | {"run": RUN.replace("wire", "novitechfinance_com")})
    assert main(["status", "--root", str(archive.root)]) == 1


def test_every_site_of_the_project_that_was_crawled_may_be_late(archive: Archive) -> None:
    for name in ("ledgerleaf", "wire"):  # of the bundled network, and one whose spider is gone
        put_run(archive, make_record(2) | {"run": RUN.replace("wire", name)})
        assert main(["status", "--root", str(archive.root), name]) == int(name == "ledgerleaf")


def test_an_unknown_name_is_told_the_valid_ones(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--root", str(archive.root), "wirr"]) == 2
    assert "did you mean 'wire'" in capsys.readouterr().err


def test_metrics_are_put_in_place_whole_and_readable(archive: Archive, tmp_path: Path) -> None:
    path = tmp_path / "archiver.prom"
    path.write_text("old")
    assert main(["status", "--root", str(archive.root), "--prometheus", str(path)]) == 0
    assert list(text_string_to_metric_families(path.read_text()))
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["archiver.prom"]
    assert main(["status", "--root", str(archive.root), "--prometheus", str(tmp_path / "none" / "x.prom")]) == 7


def test_what_is_held_and_killed_says_what_to_do(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    alarm = Alarm(
        kind="column", what="dek", site="wire.example", message="no dek", usual=1, present=0, holds=True
    ).to_json()
    put_run(archive, make_record(2, 5, alarms=[alarm]) | {"run": RUN, "held": True})
    put_run(archive, make_record(0, None) | {"run": RUN.replace("T06", "T09")})
    hold(archive, fill_inbox(archive, RUN, make_story("a"), make_story("b")))
    main(["status", "--root", str(archive.root)])
    told = capsys.readouterr()
    assert "killed" in told.out
    assert f"archiver publish --accept {RUN}" in told.err
    assert "archiver crawl wire" in told.err
    main(["status", "--root", str(archive.root), "--json"])
    (site,) = json.loads(capsys.readouterr().out)["sites"]
    assert (site["held"], site["state"], site["alarms"][0]["what"]) == ({RUN: 2}, "killed", "dek")
    with locked(site_lock(archive, "wire.example"), fcntl.LOCK_EX):
        main(["status", "--root", str(archive.root), "--json"])
    assert json.loads(capsys.readouterr().out)["sites"][0]["state"] == "running"


@pytest.mark.slow
def test_status_of_a_site_that_was_just_crawled(tmp_path: Path) -> None:
    project = Project(tmp_path)
    topics = headlines("tariff", "water")
    with Pages({"/": listing_page(topics), **{url: story_page(title) for url, title in topics.items()}}) as server:
        project.add_site("small", server.base_url)
        assert project.crawl("small").exit_code == 0
        ran = project.run("archiver", "status", "small", "--json")
        (site,) = json.loads(ran.output)["sites"]
        assert (ran.exit_code, site["new"], site["is_late"], site["state"]) == (0, 2, False, "ended")
        ran = project.run("archiver", "status", "small", "--max-age", "1s")
        assert ran.exit_code == 1
        assert "LATE small" in ran.log
