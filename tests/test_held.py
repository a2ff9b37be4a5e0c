"""Stories held back: they wait, whatever is published meanwhile, until a person lets them go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from crawls import PROSE, Pages, Project, listing_page
from stories import NOW, fill_inbox, make_story, published_tree

from archiver.alarms.quality import look_at, quality_to_json, tally
from archiver.commands import main
from archiver.items import Story
from archiver.store.archive import Archive
from archiver.store.faults import Checked
from archiver.store.held import NotHeldError, accept, held_file, held_runs, renew
from archiver.store.ledger import Ledger
from archiver.store.publish import publish
from archiver.store.read import read_known
from archiver.store.removal import remove_story
from archiver.store.runs import list_runs, put_run, read_run
from archiver.store.verify import verify

SITE = "wire.example"


def run_name(number: int) -> str:
    return f"202606{number:02}T060000Z-wire-0000"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def make_stories(number: int, day: int, **columns: Any) -> list[Story]:
    at = NOW + timedelta(days=day)
    return [
        make_story(f"d{day}-{n}", dek=f"Dek {day} {n}", body=f"Body {day} {n}", fetched_at=at, **columns)
        for n in range(number)
    ]


def crawl(archive: Archive, day: int, stories: list[Story]) -> dict[str, Any]:
    """What a crawl does at its end: stories in the inbox and in the ledger, published or held, a record."""
    run = run_name(day)
    fill_inbox(archive, run, *stories)
    with Ledger.open(archive, SITE) as ledger:
        for story in stories:
            ledger.note_fetched(
                story.url, at=story.fetched_at, content_hash=story.content_hash, story_id=story.story_id
            )
    report = publish(archive)
    alarms = report.alarms.get(run, [])
    record = {
        "run": run,
        "finished_at": "2026-06-29T00:00:00+00:00",
        "quality": quality_to_json(report.quality[run]),
        "alarms": [alarm.to_json() for alarm in alarms],
        "held": bool(alarms),
    }
    put_run(archive, record)
    return record


@pytest.fixture
def broken(archive: Archive) -> list[Story]:
    """A week of twenty stories a day, then a day whose stories have no dek."""
    for day in range(1, 8):
        assert not crawl(archive, day, make_stories(20, day))["held"]
    stories = [replace(story, dek=None) for story in make_stories(20, 8)]
    assert crawl(archive, 8, stories)["held"]
    return stories


def faults(archive: Archive) -> list[str]:
    return [str(fault) for fault in verify(archive, Checked()) if "raw" not in str(fault)]


def test_what_an_alarm_holds_back_stays_so_whatever_is_published(archive: Archive, broken: list[Story]) -> None:
    before = published_tree(archive)
    assert held_runs(archive) == [run_name(8)]
    assert publish(archive).runs == {}
    assert published_tree(archive) == before
    assert not crawl(archive, 9, make_stories(20, 9))["held"]
    assert held_runs(archive) == [run_name(8)]
    assert len(read_known(archive, SITE)) == 8 * 20


def test_runs_that_are_still_broken_are_held_one_by_one(archive: Archive, broken: list[Story]) -> None:
    for day in (9, 10):
        assert crawl(archive, day, [replace(story, dek=None) for story in make_stories(20, day)])["held"]
    assert held_runs(archive) == [run_name(day) for day in (8, 9, 10)]


def test_what_is_accepted_is_published_and_usual_from_then_on(archive: Archive, broken: list[Story]) -> None:
    accept(archive, run_name(8), NOW)
    accept_again = read_run(archive, run_name(8))
    report = publish(archive)
    assert report.counts.total() == 20
    assert report.alarms == {}
    assert held_runs(archive) == []
    assert len(read_known(archive, SITE)) == 8 * 20
    assert accept_again is not None
    assert accept_again["accepted_at"] == NOW.isoformat()
    assert not crawl(archive, 9, [replace(story, dek=None) for story in make_stories(20, 9)])["held"]
    assert faults(archive) == []


def test_an_acceptance_that_was_killed_midway_is_made_again(archive: Archive, broken: list[Story]) -> None:
    record = read_run(archive, run_name(8))
    assert record is not None
    put_run(archive, record | {"accepted_at": "2026-06-09T00:00:00+00:00"})
    assert publish(archive).runs == {}
    accept(archive, run_name(8), NOW)
    assert publish(archive).counts.total() == 20
    accepted = read_run(archive, run_name(8))
    assert accepted is not None
    assert accepted["accepted_at"] == "2026-06-09T00:00:00+00:00"


def test_a_story_seen_with_another_text_since_is_not_set_back(archive: Archive, broken: list[Story]) -> None:
    later = [
        replace(story, fetched_at=NOW + timedelta(days=9), body="Mended.", content_hash="mended")
        for story in make_stories(3, 8)
    ]
    others = make_stories(20, 9)
    assert not crawl(archive, 9, [*later, *others])["held"]
    accept(archive, run_name(8), NOW)
    report = publish(archive)
    assert (report.superseded, report.counts.total()) == (3, 17)
    hashes = {known.story_id: known.content_hash for known in read_known(archive, SITE)}
    assert len(hashes) == 9 * 20
    assert {hashes[story.story_id] for story in later} == {"mended"}


def test_what_is_held_is_extracted_anew_and_judged_again(archive: Archive, broken: list[Story]) -> None:
    assert renew(archive, run_name(8), lambda story: None, NOW) == (0, 20)
    assert list(publish(archive).alarms) == [run_name(8)]
    assert renew(archive, run_name(8), lambda story: replace(story, dek=f"Dek of {story.url}"), NOW) == (20, 0)
    assert publish(archive).counts.total() == 20
    record = read_run(archive, run_name(8))
    assert record is not None
    assert (record["held"], record["alarms"]) == (False, [])
    assert held_runs(archive) == []


def test_verify_knows_what_is_held_back(archive: Archive, broken: list[Story]) -> None:
    checked = Checked()
    assert [str(fault) for fault in verify(archive, checked) if "raw" not in str(fault)] == []
    assert checked.counts["held_stories"] == 20
    assert any("inbox/held" in note and "20 stories" in note for note in checked.notes)
    with held_file(archive, run_name(8)).open("ab") as file:
        file.write(b"{}\n")
    assert any("line 21" in fault for fault in faults(archive))
    held_file(archive, run_name(8)).unlink()
    assert sum("counts as archived, and is not" in fault for fault in faults(archive)) == 20


def test_a_run_of_which_nothing_is_held_cannot_be_accepted(archive: Archive, broken: list[Story]) -> None:
    for call in (lambda: accept(archive, run_name(3), NOW), lambda: renew(archive, "x", lambda story: None, NOW)):
        with pytest.raises(NotHeldError, match=run_name(8)):
            call()


def test_a_killed_crawl_is_judged_when_its_stories_are_published(archive: Archive, broken: list[Story]) -> None:
    put_run(archive, {"run": run_name(9), "finished_at": None, "exit_code": None})
    fill_inbox(archive, run_name(9), *(replace(story, dek=None) for story in make_stories(20, 9)))
    assert list(publish(archive).alarms) == [run_name(9)]
    record = read_run(archive, run_name(9))
    assert record is not None
    assert (record["held"], record["exit_code"]) == (True, None)
    assert list_runs(archive, "wire")[0] == run_name(9)


def test_a_take_down_takes_the_story_out_of_what_is_held(archive: Archive, broken: list[Story]) -> None:
    remove_story(archive, broken[3].url, "asked for by its author", NOW)
    held = held_file(archive, run_name(8)).read_text()
    assert held.count("\n") == 19
    assert broken[3].url not in held
    accept(archive, run_name(8), NOW)
    assert publish(archive).counts.total() == 19


# Crawls


def page(number: int, *, dek: bool = True, times: int = 1) -> str:
    body = "".join(f"<p>{paragraph} Number {number}.</p>" for paragraph in PROSE * times)
    dek_line = (
        f"<aside><p class='dek'>What bill number {number} means for councils and their budgets</p></aside>"
        if dek
        else ""
    )
    tags = f"<html><head><title>Bill {number}</title></head><body><main><article>"
    return f"{tags}<h1>Bill number {number} goes to a vote at last</h1>{body}</article>{dek_line}</main></body></html>"


@pytest.fixture
def bills(tmp_path: Path) -> Iterator[tuple[Project, Pages]]:
    project = Project(tmp_path)
    with Pages({}) as server:
        more = "    selectors = Selectors(dek='p.dek')\n"
        with (project.folder / "own_sites.py").open("a") as file:
            file.write("from archiver.extract import Selectors\n")
        project.add_site("bills", server.base_url, more)
        yield project, server


def add_bills(server: Pages, first: int, number: int, **how: Any) -> None:
    """Put stories at the top of the site's one listing."""
    for each in range(first, first + number):
        server.pages[f"/article/bill-number-{each}-vote"] = page(each, **how)
    links = {
        path: f"Bill number {path.split('-')[2]} goes to a vote at last"
        for path in reversed(server.pages)
        if path != "/"
    }
    server.pages["/"] = listing_page(links)


@pytest.mark.slow
def test_a_selector_that_breaks_ends_with_5_and_accepting_lets_the_stories_through(
    bills: tuple[Project, Pages],
) -> None:
    project, server = bills
    add_bills(server, 0, 40)
    assert project.crawl("bills").exit_code == 0
    add_bills(server, 40, 20)
    assert project.crawl("bills").exit_code == 0
    add_bills(server, 60, 20, dek=False)
    ran = project.crawl("bills")
    assert ran.exit_code == 5
    assert "ALARM" in ran.log
    record = project.records()[-1]
    assert (record["exit_code"], record["held"], record["fill"]["dek"], record["archived"]) == (5, True, 0.0, 20)
    (alarm,) = record["alarms"]
    assert (alarm["what"], alarm["usual"], alarm["present"], len(alarm["urls"])) == ("dek", 1.0, 0.0, 3)
    assert f"archiver publish --accept {record['run']}" in ran.log
    assert len(project.urls()) == 60
    assert project.crawl("bills").exit_code == 0
    assert len(project.urls()) == 60
    assert project.run("archiver", "verify").exit_code == 0
    accepted = project.run("archiver", "publish", "--accept", record["run"])
    assert (accepted.exit_code, len(project.urls())) == (0, 80), accepted
    assert project.run("archiver", "verify").exit_code == 0
    add_bills(server, 80, 20, dek=False)
    assert project.crawl("bills").exit_code == 0
    assert len(project.urls()) == 100


@pytest.mark.slow
def test_a_mended_selector_is_applied_to_what_is_held(bills: tuple[Project, Pages]) -> None:
    project, server = bills
    add_bills(server, 0, 60)
    assert project.crawl("bills").exit_code == 0
    sites = project.folder / "own_sites.py"
    good = sites.read_text()
    sites.write_text(good.replace("p.dek", "p.standfirst"))
    add_bills(server, 60, 25)
    assert project.crawl("bills").exit_code == 5
    run = project.records()[-1]["run"]
    assert project.run("archiver", "publish", "--reextract", run).exit_code == 5
    sites.write_text(good)
    renewed = project.run("archiver", "publish", "--reextract", run)
    assert renewed.exit_code == 0, renewed
    assert len(project.urls()) == 85
    assert all(row["dek"] for row in project.rows("dek"))
    assert project.run("archiver", "verify").exit_code == 0


def test_publish_names_the_runs_that_are_held(
    archive: Archive, broken: list[Story], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["publish", "--root", str(archive.root), "--accept", "x"]) == 2
    assert run_name(8) in capsys.readouterr().err
    assert main(["publish", "--root", str(archive.root), "--accept", run_name(8)]) == 0
    assert f"{run_name(8)}: accepted" in capsys.readouterr().out
    assert tally(lambda: map(look_at, broken))[SITE]["policy"].filled["dek"] == 0
    assert json.loads((archive.runs_dir / f"{run_name(8)}.json").read_bytes())["accepted_at"]
