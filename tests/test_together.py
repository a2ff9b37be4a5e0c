"""Runs that end together are published together: each crawl hears what came of its stories, whoever published them."""

from __future__ import annotations

import errno
import fcntl
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
from archiver.store import publish as module
from archiver.store.archive import Archive, Partition, StorageError, locked, make_folder
from archiver.store.faults import Checked
from archiver.store.inbox import InboxWriter, is_waited_for, is_written
from archiver.store.publish import PublishError, publish
from archiver.store.runs import put_run
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
    put_run(archive, {"run": run, "finished_at": None, "exit_code": None, "quality": {}, "counts": [], "alarms": []})
    with InboxWriter(archive, run) as writer:
        for story in stories:
            writer.append(story)
        writer.hand_over()
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
    assert report.waiting == set()


SITES = st.sampled_from("abc")
RUNS = st.lists(st.tuples(SITES, st.lists(st.integers(0, 3), unique=True, max_size=3), st.integers(0, 2)), max_size=6)


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


def test_a_crawl_hears_what_another_made_of_its_stories(archive: Archive) -> None:
    sites = of_sites("a", "b")
    with waiting_crawl(archive, "a", *sites["a"]) as one, waiting_crawl(archive, "b", *sites["b"]) as other:
        assert is_waited_for(archive.inbox_dir / f"{one}.jsonl")
        checked = Checked()
        assert list(verify(archive, checked)) == []
        assert len([note for note in checked.notes if "waits" in note]) == 2
        first = publish(archive, run=one)
        assert first.waiting == {one, other}
        second = publish(archive, run=other)
    assert kinds(second.runs[other]) == {"new": 3}
    assert second.quality[other]["b.example"]["policy"].stories == 3
    assert second.files_written == []


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
        heard = publish(archive, run=run)
    assert held.alarms[run]
    assert heard.alarms == held.alarms
    assert kinds(heard.counts) == {}


def test_a_crawl_whose_publisher_failed_counts_what_that_one_had_put_in_place(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    stories = [make_story(str(n), section=f"s{n}") for n in range(4)]
    put = Archive.put_atomic

    def put_until_full(self: Archive, path: Path, write: Any) -> None:
        if "section=s2" in str(path):
            raise StorageError(errno.ENOSPC, "No space left on device", str(path))
        put(self, path, write)

    with waiting_crawl(archive, "wire", *stories) as run:
        monkeypatch.setattr(Archive, "put_atomic", put_until_full)
        with pytest.raises(PublishError):
            publish(archive)
        monkeypatch.undo()
        report = publish(archive, run=run)
    assert kinds(report.runs[run]) == {"new": 4}


def test_a_crawl_whose_publisher_was_killed_says_that_it_counts_too_little(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with waiting_crawl(archive, "wire", make_story()) as run:
        monkeypatch.setattr(module, "update_lineage", die)
        with pytest.raises(Killed):
            publish(archive)
        monkeypatch.undo()
        report = publish(archive, run=run)
    assert kinds(report.runs[run]) == {"same": 1}
    assert "has begun with it and not told" in caplog.text


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


def test_crawls_that_end_while_another_publishes_are_published_by_one_of_them(tmp_path: Path) -> None:
    project, names = Project(tmp_path), ("north", "south", "east")
    links = headlines("tariff", "rail")
    pages: dict[str, str | int] = {"/": listing_page(links)} | {url: story_page(said) for url, said in links.items()}
    archive = Archive(project.root)
    with ExitStack() as served:
        for name in names:
            project.add_site(name, f"{served.enter_context(Pages(pages)).base_url}/")
        make_folder(archive.state_dir)
        with locked(archive.state_dir / "publish.lock", fcntl.LOCK_EX):
            command = served.enter_context(project.start("archiver", "crawl", *names, "--jobs", "3"))
            wait_for(lambda: len(list(archive.inbox_dir.glob("*.jsonl"))) == 3)
            wait_for(lambda: not any(map(is_written, archive.inbox_dir.glob("*.jsonl"))))
        _, log = command.communicate(timeout=60)
    assert command.returncode == 0, log
    records = project.records()
    assert [sum(row["new"] for row in record["counts"]) for record in records] == [2, 2, 2]
    assert [record["recovered"] for record in records] == [[], [], []]
    assert sorted(len(record["files_written"]) > 0 for record in records) == [False, False, True]
    assert all(record["quality"] for record in records)
