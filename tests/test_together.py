"""Runs that end together are published together: each crawl hears what came of its stories, whoever published them."""

from __future__ import annotations

import errno
import fcntl
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from crawls import Pages, Project, headlines, listing_page, story_page
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import NOW, fill_inbox, make_story, published_tree

from archiver.alarms.quality import quality_to_json
from archiver.items import Story
from archiver.store.archive import Archive, Partition, StorageError, locked, make_folder
from archiver.store.faults import Checked
from archiver.store.held import accept, hold
from archiver.store.inbox import InboxWriter, is_written
from archiver.store.ledgerfile import site_lock
from archiver.store.publish import Publisher, PublishError, PublishReport, publish, publishing
from archiver.store.runs import put_run
from archiver.store.told import Heard, hear_of_run, is_alive, join_counts
from archiver.store.verify import verify


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def run_of(site: str) -> str:
    return f"20260629T060000Z-{site}-0000"


@contextmanager
def waiting_crawl(archive: Archive, site: str, *stories: Story) -> Iterator[str]:
    """A crawl that has written its stories and waits to hear what comes of them."""
    run = run_of(site)
    home = f"{site}.example"
    begun = {"run": run, "site": home, "finished_at": None, "exit_code": None}
    put_run(archive, begun | {"quality": {}, "counts": [], "alarms": []})
    fill_inbox(archive, run, *stories)
    make_folder(archive.state_dir)
    with locked(site_lock(archive, home), fcntl.LOCK_EX):
        yield run


def of_sites(*names: str, number: int = 3) -> dict[str, list[Story]]:
    return {name: [make_story(f"{name}-{n}", site=f"{name}.example") for n in range(number)] for name in names}


def kinds(counts: Counter[tuple[str, str, str]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (_, _, kind), number in counts.items():
        found[kind] += number
    return dict(found)


def test_a_partition_that_runs_share_is_written_once(archive: Archive) -> None:
    for name, stories in of_sites("a", "b", "c").items():
        fill_inbox(archive, run_of(name), *stories)
    report = publish(archive)
    assert [path.name for path in report.files_written].count("stories.parquet") == 1
    assert {run: kinds(counts) for run, counts in report.runs.items()} == {run_of(name): {"new": 3} for name in "abc"}


SITES = st.sampled_from("abc")
RUNS = st.lists(st.tuples(SITES, st.lists(st.integers(0, 3), unique=True, max_size=3), st.integers(0, 2)), max_size=6)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=RUNS)
def test_together_they_leave_what_one_after_the_other_does(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[str, list[int], int]]
) -> None:
    alone, together = (Archive(tmp_path_factory.mktemp(name)) for name in ("alone", "together"))
    counted: Counter[tuple[str, str, str]] = Counter()
    for number, (site, stories, version) in enumerate(runs):
        lines = [
            replace(
                make_story(f"{site}-{n}", site=f"{site}.example", section=f"s{n % 2}", title=f"Title {version}"),
                fetched_at=NOW + timedelta(hours=number),
            )
            for n in stories
        ]
        for archive in (alone, together):
            fill_inbox(archive, f"20260629T06000{number}Z-{site}-0000", *lines)
        counted += publish(alone).counts
    assert publish(together).counts == counted
    ours, theirs = published_tree(together), published_tree(alone)
    assert {name: each for name, each in ours.items() if name.startswith(("stories/", "revisions/"))} == {
        name: each for name, each in theirs.items() if name.startswith(("stories/", "revisions/"))
    }
    for archive in (alone, together):
        assert list(verify(archive, Checked())) == []


def test_runs_of_one_site_or_story_are_published_one_after_the_other(archive: Archive) -> None:
    first = make_story("a", site="a.example")
    fill_inbox(archive, "1", first)
    fill_inbox(archive, "2", replace(make_story("b", site="b.example"), story_id=first.story_id, title="Moved"))
    fill_inbox(archive, "3", make_story("c", site="a.example"))
    report = publish(archive)
    assert [kinds(report.runs[run]) for run in "123"] == [{"new": 1}, {"changed": 1}, {"new": 1}]
    assert len(archive.read_stories(Partition(first.date, first.section))) == 2


def hear(archive: Archive, run: str) -> Heard:
    heard = hear_of_run(archive, run)
    assert heard is not None
    return heard


def test_a_crawl_hears_what_another_made_of_its_stories(archive: Archive) -> None:
    sites = of_sites("a", "b")
    with waiting_crawl(archive, "a", *sites["a"]) as one, waiting_crawl(archive, "b", *sites["b"]) as other:
        checked = Checked()
        assert list(verify(archive, checked)) == []
        assert len([note for note in checked.notes if "waits" in note]) == 2
        report = publish(archive, own=one)
        assert {run: kinds(counts) for run, counts in report.runs.items()} == {one: {"new": 3}, other: {"new": 3}}
        assert (is_alive(archive, other, one), is_alive(archive, one, one)) == (True, False)
        heard = hear(archive, other)
        assert (kinds(heard.counts), heard.alarms, heard.unanswered) == ({"new": 3}, [], 0)
        assert heard.quality["b.example"]["policy"].stories == 3
        assert kinds(hear(archive, one).counts) == {}
    assert not is_alive(archive, other, one)


def test_a_crawl_hears_that_another_held_its_stories_back(archive: Archive) -> None:
    for day in range(1, 9):
        at = NOW + timedelta(days=day)
        stories = [make_story(f"d{day}-{n}", dek=f"Dek {day} {n}", fetched_at=at) for n in range(20)]
        if day < 8:
            fill_inbox(archive, run := f"2026062{day}T060000Z-wire-0000", *stories)
            quality = publish(archive).quality[run]
            put_run(archive, {"run": run, "finished_at": "x", "quality": quality_to_json(quality), "alarms": []})
    with waiting_crawl(archive, "wire", *(replace(story, dek=None) for story in stories)) as run:
        held = publish(archive)
    assert held.alarms[run]
    assert hear(archive, run) == Heard(Counter(), held.quality[run], held.alarms[run], 0)


def fail_for(monkeypatch: pytest.MonkeyPatch, name: str, error: type[BaseException] = StorageError) -> None:
    """Let every write of a path with this in it fail."""
    put = Archive.put_atomic

    def put_some(self: Archive, path: Path, write: Any) -> None:
        if name in str(path):
            raise error(errno.ENOSPC, "No space left on device", str(path))
        put(self, path, write)

    monkeypatch.setattr(Archive, "put_atomic", put_some)


def test_a_crawl_whose_publisher_failed_counts_what_that_one_had_put_in_place(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with waiting_crawl(archive, "wire", *(make_story(str(n), section=f"s{n}") for n in range(4))) as run:
        fail_for(monkeypatch, "section=s2")
        with pytest.raises(PublishError):
            publish(archive)
        monkeypatch.undo()
        heard = hear(archive, run)
        assert (kinds(heard.counts), heard.unanswered) == ({"new": 2}, 0)
        report = publish(archive, own=run)
    assert kinds(join_counts(heard.counts, report.runs[run])) == {"new": 4}


class Killed(BaseException):
    pass


def test_a_crawl_whose_publisher_was_killed_is_told_that_its_counts_are_not_sure(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with waiting_crawl(archive, "wire", make_story()) as run:
        fail_for(monkeypatch, "manifest", Killed)
        with pytest.raises(Killed):
            publish(archive)
        monkeypatch.undo()
        assert hear(archive, run).unanswered == 1
        publish(archive)  # another, who does tell
        heard = hear(archive, run)
    assert (kinds(heard.counts), heard.unanswered) == ({"same": 1}, 1)


@pytest.mark.parametrize("fault", ["section=of-b", "b-0000.json"])
def test_storage_that_fails_for_one_run_keeps_no_other_from_being_published(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    with ExitStack() as crawls:
        runs = {
            name: crawls.enter_context(
                waiting_crawl(archive, name, *(replace(each, section=f"of-{name}") for each in told))
            )
            for name, told in of_sites("a", "b", "c").items()
        }
        fail_for(monkeypatch, fault)
        with pytest.raises(PublishError) as failed:
            publish(archive, own=runs["a"])
        monkeypatch.undo()
    assert kinds(failed.value.report.runs[runs["a"]]) == {"new": 3}
    assert not (archive.inbox_dir / f"{runs['a']}.jsonl").exists()
    assert kinds(publish(archive).counts) in ({"new": 6}, {"new": 3, "same": 3}, {"same": 6})


def test_an_index_for_which_the_disk_has_no_room_is_a_storage_error(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def connect_small(*words: Any, **more: Any) -> sqlite3.Connection:
        connection = connect(*words, **more)
        if words == ("",):
            connection.execute("PRAGMA max_page_count = 20")
        return connection

    fill_inbox(archive, "1", *(make_story(f"{n:0200}") for n in range(300)))
    monkeypatch.setattr(sqlite3, "connect", connect_small)
    with pytest.raises(PublishError):
        publish(archive)
    monkeypatch.undo()
    assert publish(archive).counts.total() == 300


def test_a_publisher_lingers_for_crawls_that_still_run_and_no_longer_than_it_is_told(archive: Archive) -> None:
    fill_inbox(archive, "1", make_story())
    with InboxWriter(archive, "2") as writer:
        writer.append(make_story("b", site="b.example"))
        assert is_written(writer.path)
        begun = time.monotonic()
        assert publish(archive, linger=0.3).running == [writer.path]
        assert time.monotonic() - begun >= 0.3


def wait_for(condition: Any) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


LINKS = headlines("tariff", "rail")
PAGES: dict[str, str | int] = {"/": listing_page(LINKS)} | {url: story_page(said) for url, said in LINKS.items()}


@contextmanager
def crawls_that_wait(project: Project, *names: str) -> Iterator[subprocess.Popen[str]]:
    """Crawls that have written their stories, and wait because the test is the one publisher while the block runs."""
    archive = Archive(project.root)
    with ExitStack() as served:
        for name in names:
            project.add_site(name, f"{served.enter_context(Pages(PAGES)).base_url}/")
        command = served.enter_context(project.start("archiver", "crawl", *names))
        with publishing(archive):
            wait_for(lambda: len(list(archive.inbox_dir.glob("*.jsonl"))) == len(names))
            wait_for(lambda: not any(map(is_written, archive.inbox_dir.glob("*.jsonl"))))
            yield command


@pytest.mark.slow
def test_crawls_that_end_while_another_publishes_are_published_by_one_of_them(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with crawls_that_wait(project, "north", "south", "east") as command:
        pass
    _, log = command.communicate(timeout=60)
    assert command.returncode == 0, log
    records = project.records()
    assert [sum(row["new"] for row in record["counts"]) for record in records] == [2, 2, 2]
    assert [record["recovered"] for record in records] == [[], [], []]
    assert sorted(len(record["files_written"]) > 0 for record in records) == [False, False, True]
    assert all(record["quality"] for record in records)
    assert not any("publishing" in record for record in records)


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_crawl_ends_with_what_another_made_of_its_stories(tmp_path: Path, is_damaged: bool) -> None:
    project, report = Project(tmp_path), PublishReport()
    with crawls_that_wait(project, "north") as command:
        (record,) = project.root.glob("runs/*.json")
        if is_damaged:
            record.write_bytes(b"{")
        Publisher(Archive(project.root), report).publish_all()
    command.communicate(timeout=60)
    (told,) = project.records()
    assert kinds(report.counts) == {"new": 2}
    assert command.returncode == told["exit_code"] == (7 if is_damaged else 0)
    assert ("tells not what came of them" in (told["storage_error"] or "")) is is_damaged
    assert sum(row["new"] for row in told["counts"]) == (0 if is_damaged else 2)


def test_a_run_that_is_accepted_while_its_crawl_waits_stays_accepted(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with crawls_that_wait(project, "north") as command:
        archive = Archive(project.root)
        (path,) = archive.inbox_dir.glob("*.jsonl")
        hold(archive, path)
        accept(archive, path.stem, NOW)
    command.communicate(timeout=60)
    (told,) = project.records()
    assert told["accepted_at"] == NOW.isoformat()
    assert sum(row["new"] for row in told["counts"]) == 2
