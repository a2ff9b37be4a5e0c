from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import multiprocessing
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dying import die_at
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import NOW, fill_inbox, make_story, published_tree, revisions_of, row_of

from archiver.items import Faq, Story
from archiver.schema import REVISIONS, SCHEMA_VERSION, STORIES
from archiver.store.archive import Archive, DamagedFileError, Partition, StorageError, locked
from archiver.store.inbox import InboxWriter
from archiver.store.ledger import MIGRATIONS, ledger_file
from archiver.store.publish import PublishError, publish
from archiver.store.revisions import make_revision

SITE = "wire.example"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "data")


def later(story: Story, hours: int = 1, **columns: Any) -> Story:
    """The story as a later crawl finds it."""
    seen = story.fetched_at + timedelta(hours=hours)
    names = ("title", "dek", "body", "faq", "source_url")
    kept = {name: getattr(story, name) for name in names}
    fresh = make_story(story.url.rpartition("/")[2], site=story.site, **(kept | columns))
    return replace(fresh, first_seen_at=seen, fetched_at=seen)


def publish_stories(archive: Archive, run: str, *stories: Story) -> Counter[str]:
    """Publish the stories as one run; return how many were new, changed and the same."""
    fill_inbox(archive, run, *stories)
    kinds: Counter[str] = Counter()
    for (_, _, kind), count in publish(archive).counts.items():
        kinds[kind] += count
    return kinds


def test_a_partition_is_one_file_sorted_by_address_without_its_keys(archive: Archive) -> None:
    stories = [make_story(slug, site=site) for slug in "cab" for site in ("z.example", "a.example")]
    other = make_story("d", section="markets", date=date(2026, 6, 28))
    fill_inbox(archive, "1", *stories, other)
    report = publish(archive)
    assert sorted(published_tree(archive)) == [
        "lineage/date=2026-06-28/lineage.parquet",
        "lineage/date=2026-06-29/lineage.parquet",
        "manifest.json",
        "manifest/date=2026-06-28.json",
        "manifest/date=2026-06-29.json",
        "revisions/date=2026-06-28/section=markets/revisions.parquet",
        "revisions/date=2026-06-29/section=policy/revisions.parquet",
        "stories/date=2026-06-28/section=markets/stories.parquet",
        "stories/date=2026-06-29/section=policy/stories.parquet",
    ]
    table = pq.ParquetFile(archive.stories_file(Partition(date(2026, 6, 29), "policy"))).read()
    assert table.schema.equals(STORIES)
    assert table["url"].to_pylist() == [
        f"https://{site}/article/{slug}" for site in ("a.example", "z.example") for slug in "abc"
    ]
    assert report.counts == {
        ("z.example", "policy", "new"): 3,
        ("a.example", "policy", "new"): 3,
        ("wire.example", "markets", "new"): 1,
    }
    assert report.runs == {"1": report.counts}
    assert sorted(path.relative_to(archive.root).as_posix() for path in report.files_written) == sorted(
        published_tree(archive)
    )
    assert list(archive.staging_dir.iterdir()) == []


def test_publishing_nothing_makes_nothing(archive: Archive) -> None:
    assert publish(archive).counts == {}
    assert not archive.root.exists()


def test_a_story_that_has_not_changed_is_not_touched(archive: Archive) -> None:
    story = make_story()
    publish_stories(archive, "1", story)
    before = published_tree(archive)
    inodes = {path: path.stat().st_ino for path in archive.root.rglob("*.parquet")}
    fill_inbox(archive, "2", later(story, title=story.title))
    report = publish(archive)
    assert report.counts == {(SITE, "policy", "same"): 1}
    assert report.files_written == []
    assert published_tree(archive) == before
    assert {path: path.stat().st_ino for path in archive.root.rglob("*.parquet")} == inodes


def test_a_changed_story_gets_the_next_revision_where_it_stands(archive: Archive) -> None:
    story = make_story(body="one two two three", date_source="json-ld")
    publish_stories(archive, "1", story)
    moved = later(story, body="one two four four", faq=[], section="markets", date=date(2026, 7, 1), date_source="text")
    assert publish_stories(archive, "2", moved) == {"changed": 1}
    assert not (archive.stories_dir / "date=2026-07-01").exists()
    row = row_of(archive, story)
    assert (row["revision"], row["body"], row["date_source"]) == (2, "one two four four", "json-ld")
    assert (row["first_seen_at"], row["fetched_at"]) == (NOW, NOW + timedelta(hours=1))
    first, second = revisions_of(archive, story)
    assert (first["revision"], first["changed"], first["words_removed"]) == (1, [], 0)
    # title 3, dek 5, body 4, question and answer 4
    assert first["words_added"] == 16
    assert (second["changed"], second["words_added"], second["words_removed"]) == (["body", "faq"], 2, 6)
    assert {name: second[name] for name in row} == row


def test_a_status_alone_makes_a_revision(archive: Archive) -> None:
    story = make_story()
    gone = replace(later(story), status="gone")
    publish_stories(archive, "1", story)
    assert publish_stories(archive, "2", gone) == {"changed": 1}
    assert publish_stories(archive, "3", replace(later(gone), status="live")) == {"changed": 1}
    assert [(row["status"], row["changed"]) for row in revisions_of(archive, story)] == [
        ("live", []),
        ("gone", ["status"]),
        ("live", ["status"]),
    ]


@pytest.mark.parametrize(
    ("columns", "changed"),
    [
        ({"title": "Another"}, ["title"]),
        ({"dek": None}, ["dek"]),
        ({"faq": [Faq(question="Who pays?", answer="Nobody.")]}, ["faq"]),
        ({"source_url": None}, ["source_url"]),
        ({"title": "Another", "body": "Text.", "source_url": None}, ["title", "body", "source_url"]),
    ],
)
def test_a_revision_names_what_changed(columns: dict[str, Any], changed: list[str]) -> None:
    story = make_story()
    revision = make_revision(later(story, **columns), story, [story])
    assert revision
    assert revision.changed == changed


def test_the_words_of_a_long_story_are_counted_in_linear_time() -> None:
    story = make_story(body=" ".join(str(number) for number in range(300_000)))
    revision = make_revision(later(story, body=" ".join(str(number) for number in range(1, 300_001))), story, [story])
    assert revision
    assert (revision.words_added, revision.words_removed) == (1, 1)


def test_of_two_lines_of_one_story_the_later_wins(archive: Archive) -> None:
    story = make_story()
    assert publish_stories(archive, "1", story, later(story, title="Second"), later(story, 2, title="Third")) == {
        "new": 1
    }
    assert row_of(archive, story)["title"] == "Third"
    assert len(revisions_of(archive, story)) == 1


def test_only_the_partitions_of_the_run_are_touched(archive: Archive) -> None:
    policy, markets = make_story("a"), make_story("b", section="markets")
    publish_stories(archive, "1", policy, markets)
    day = archive.manifest_dir / "date=2026-06-29.json"
    entry = f"stories/{Partition(date(2026, 6, 29), 'markets').path}/stories.parquet"
    manifest = json.loads(day.read_text())
    manifest["files"][entry]["sha256"] = "as it was"
    day.write_text(json.dumps(manifest))
    untouched = archive.root / entry
    untouched.write_bytes(b"not even read")
    assert publish_stories(archive, "2", later(policy, title="Another")) == {"changed": 1}
    assert untouched.read_bytes() == b"not even read"
    assert json.loads(day.read_text())["files"][entry]["sha256"] == "as it was"


def check_manifest(archive: Archive) -> None:
    """Hold every published file against the manifest, and every manifest against the root's."""
    days = json.loads(archive.manifest_file.read_text())["days"]
    described: dict[str, Any] = {}
    for path in archive.manifest_dir.iterdir():
        assert days.pop(path.stem.removeprefix("date=")) == hashlib.sha256(path.read_bytes()).hexdigest()
        described |= json.loads(path.read_text())["files"]
    assert days == {}
    files = {name: content for name, content in published_tree(archive).items() if name.endswith(".parquet")}
    assert described == {
        name: {
            "rows": pq.ParquetFile(pa.BufferReader(content)).metadata.num_rows,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "schema_version": SCHEMA_VERSION,
        }
        for name, content in files.items()
    }


def test_the_manifest_describes_every_published_file(archive: Archive) -> None:
    stories = [make_story(str(number), date=date(2026, 6, 1 + number % 3)) for number in range(9)]
    publish_stories(archive, "1", *stories[:5])
    check_manifest(archive)
    publish_stories(archive, "2", *stories[4:], later(stories[0], title="Another"))
    check_manifest(archive)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"files": 1}', None])
@pytest.mark.parametrize("name", ["manifest.json", "manifest/date=2026-06-29.json"])
def test_a_lost_or_damaged_manifest_is_made_anew(archive: Archive, name: str, damage: bytes | None) -> None:
    stories = [make_story("a"), make_story("b", section="markets"), make_story("c", date=date(2026, 6, 28))]
    publish_stories(archive, "1", *stories)
    if damage is None:
        (archive.root / name).unlink()
    else:
        (archive.root / name).write_bytes(damage)
    publish_stories(archive, "2", later(stories[0], title="Another"))
    check_manifest(archive)


@pytest.mark.parametrize("content", [b'{"files": {}}', b'{"days": []}'])
def test_a_root_that_is_no_root_is_made_anew(archive: Archive, content: bytes) -> None:
    publish_stories(archive, "1", make_story("a"), make_story("c", date=date(2026, 6, 28)))
    archive.manifest_file.write_bytes(content)
    publish_stories(archive, "2", make_story("b"))
    check_manifest(archive)


def test_the_manifests_of_other_days_are_not_read(archive: Archive) -> None:
    publish_stories(archive, "1", make_story("a"), make_story("c", date=date(2026, 6, 28)))
    before = json.loads(archive.manifest_file.read_text())["days"]["2026-06-28"]
    other = archive.manifest_dir / "date=2026-06-28.json"
    other.unlink()
    other.mkdir()  # reading it would fail
    assert publish_stories(archive, "2", make_story("b")) == {"new": 1}
    assert json.loads(archive.manifest_file.read_text())["days"]["2026-06-28"] == before


# --- the inbox as it may be found


def test_a_damaged_file_is_set_aside_and_its_good_lines_are_published(archive: Archive) -> None:
    good, other = make_story("good"), make_story("other")
    path = fill_inbox(archive, "1", good)
    original = path.read_bytes() + b'{"schema": 1, "story": {"title": 7}}\n' + b"\xff\xfe\x00\n" + b'{"schema"'
    path.write_bytes(original)
    fill_inbox(archive, "2", other)
    report = publish(archive)
    place = archive.damaged_dir / "1.jsonl"
    assert report.counts == {(SITE, "policy", "new"): 2}
    ((moved, why),) = report.damaged
    assert moved == place
    assert [fault.split(":")[0] for fault in why.split("; ")] == ["line 2", "line 3", "line 4"]
    assert place.read_bytes() == original
    assert not path.exists()
    assert publish(archive).damaged == []


def test_a_damaged_file_does_not_replace_the_one_set_aside_before(archive: Archive) -> None:
    for content in (b"first\n", b"second\n"):
        archive.inbox_dir.mkdir(parents=True, exist_ok=True)
        (archive.inbox_dir / "1.jsonl").write_bytes(content)
        publish(archive)
    assert {path.name: path.read_bytes() for path in archive.damaged_dir.iterdir()} == {
        "1.jsonl": b"first\n",
        "1.2.jsonl": b"second\n",
    }


def test_a_file_of_binary_junk_is_named_in_a_few_words(archive: Archive) -> None:
    archive.inbox_dir.mkdir(parents=True)
    (archive.inbox_dir / "1.jsonl").write_bytes(bytes(range(256)) * 4000)
    ((_, why),) = publish(archive).damaged
    assert why.endswith("lines more")
    assert len(why) < 2000


def test_an_empty_file_is_removed(archive: Archive) -> None:
    archive.inbox_dir.mkdir(parents=True)
    (archive.inbox_dir / "1.jsonl").touch()
    assert publish(archive).runs == {"1": Counter()}
    assert published_tree(archive) == {}


def test_what_cannot_be_opened_is_named_and_stays(archive: Archive) -> None:
    fill_inbox(archive, "2", make_story())
    folder, pipe, dangling = (archive.inbox_dir / name for name in ("1.jsonl", "3.jsonl", "4.jsonl"))
    folder.mkdir()
    os.mkfifo(pipe)
    dangling.symlink_to("nowhere")
    report = publish(archive)
    assert report.counts == {(SITE, "policy", "new"): 1}
    assert [path for path, _ in report.unreadable] == [folder, pipe, dangling]
    assert sorted(archive.inbox_dir.iterdir()) == [folder, pipe, dangling]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named_and_stays(archive: Archive) -> None:
    path = fill_inbox(archive, "1", make_story())
    path.chmod(0)
    assert [name for name, _ in publish(archive).unreadable] == [path]
    path.chmod(0o600)
    assert publish(archive).counts == {(SITE, "policy", "new"): 1}


def test_the_file_of_a_running_crawl_stays(archive: Archive) -> None:
    fill_inbox(archive, "2", make_story("done"))
    with InboxWriter(archive, "1") as writer:
        writer.append(make_story("running"))
        report = publish(archive)
        assert (report.running, report.counts) == ([writer.path], {(SITE, "policy", "new"): 1})
        writer.append(make_story("still running"))
    assert publish(archive).counts == {(SITE, "policy", "new"): 2}


def test_runs_are_published_in_their_order(archive: Archive) -> None:
    story = make_story()
    fill_inbox(archive, "20260630T000000Z", later(story, title="Second"))
    fill_inbox(archive, "20260629T000000Z", story)
    assert list(publish(archive).runs) == ["20260629T000000Z", "20260630T000000Z"]
    assert [row["title"] for row in revisions_of(archive, story)] == [story.title, "Second"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y", "z"])), max_size=4), max_size=5))
def test_any_visits_give_the_revisions_of_a_plain_list(runs: list[list[tuple[str, str]]]) -> None:
    expected: dict[str, list[str]] = {}
    with TemporaryDirectory() as root:
        archive = Archive(Path(root))
        for number, visits in enumerate(runs):
            stories = [later(make_story(slug), number, title=title) for slug, title in visits]
            publish_stories(archive, str(number), *stories)
            for slug, title in dict(visits).items():
                titles = expected.setdefault(slug, [])
                if titles[-1:] != [title]:
                    titles.append(title)
        for slug, titles in expected.items():
            rows = revisions_of(archive, make_story(slug))
            assert [(row["revision"], row["title"]) for row in rows] == list(enumerate(titles, start=1))
            assert row_of(archive, make_story(slug))["revision"] == len(titles)
        if any(runs):
            check_manifest(archive)


def test_the_way_to_an_archive_does_not_show_in_its_bytes(tmp_path: Path) -> None:
    stories = [make_story(str(number)) for number in range(6)]
    one, many = Archive(tmp_path / "one"), Archive(tmp_path / "many")
    publish_stories(one, "1", *stories)
    for number, story in enumerate(reversed(stories)):
        publish_stories(many, str(number), story)
    assert published_tree(one) == published_tree(many)


# --- several at once


def test_a_second_publisher_waits_and_says_so(archive: Archive) -> None:
    fill_inbox(archive, "1", make_story())
    archive.state_dir.mkdir()
    waits = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "waiting" in record.getMessage():
                waits.set()

    logger = logging.getLogger("archiver.store.publish")
    listener, level = Listener(), logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    try:
        second = threading.Thread(target=publish, args=(archive,))
        with locked(archive.state_dir / "publish.lock", fcntl.LOCK_EX):
            second.start()
            assert waits.wait(20)
            assert not archive.stories_dir.exists()
        second.join(20)
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)
    assert row_of(archive, make_story())["revision"] == 1


def start_child(target: Callable[..., None], *arguments: Any) -> Any:
    """Start a process that shares nothing with this one, but pyarrow already imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["archiver.store.publish"])
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


def publish_quietly(archive: Archive) -> None:
    publish(archive)


def fill_runs(archive: Archive) -> None:
    stories = [make_story(str(number), section=f"s{number % 3}") for number in range(12)]
    for run in range(5):
        fill_inbox(archive, str(run), *(later(story, run, title=f"Title {run // 2}") for story in stories))


def test_publishers_at_once_leave_what_one_would(tmp_path: Path) -> None:
    alone, together = Archive(tmp_path / "alone"), Archive(tmp_path / "together")
    fill_runs(alone)
    fill_runs(together)
    publish(alone)
    children = [start_child(publish_quietly, together) for _ in range(4)]
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 4
    assert published_tree(together) == published_tree(alone)


# --- killed at any point


def reread(row: Story) -> Story:
    return later(row, title="By new rules", extractor="2")


def prepare_faults(archive: Archive) -> None:
    """An archive with something in it, and an inbox with all that may come: new, changed, same, gone, moved, damaged."""
    known = [make_story("a"), make_story("b"), make_story("c", section="markets"), make_story("f"), make_story("g")]
    publish_stories(archive, "1", *known, make_story("h", extractor="1"), make_story("i", extractor="1"))
    fill_inbox(
        archive,
        "2",
        later(known[0], title="Changed"),
        later(known[1]),
        make_story("d"),
        make_story("e", section="ökologie", site="b.example"),
        replace(known[3], status="gone", fetched_at=NOW + timedelta(hours=1)),
        replace(later(known[4]), url=f"https://{SITE}/article/z"),
        later(make_story("h"), title="By new rules", extractor="2"),
        later(make_story("i"), title="By new rules, and new", extractor="2"),
    )
    path = fill_inbox(archive, "3", later(known[0], 2, title="Changed again"), later(known[2], 2, body="Changed."))
    path.write_bytes(path.read_bytes() + b"damaged\n")
    # Published together with run 3.
    fill_inbox(archive, "4", make_story("j", site="c.example"), make_story("k", section="markets", site="c.example"))


def publish_after_a_kill_at(point: int, archive: Archive, undisturbed: dict[str, bytes]) -> bool:
    """Tell whether there was such a point; if so the archive must be sound, and right after publishing again."""
    child = start_child(die_at, point, publish, archive, reread)
    child.join()
    if child.exitcode == 0:
        return False
    assert child.exitcode == -signal.SIGKILL
    for folder, schema in ((archive.stories_dir, STORIES), (archive.revisions_dir, REVISIONS)):
        for path in folder.rglob("*"):
            assert path.is_dir() or path.suffix == ".parquet"
            if path.is_file():
                assert pq.ParquetFile(path, page_checksum_verification=True).read().schema.equals(schema)
    publish(archive, reread)
    assert published_tree(archive) == undisturbed, f"killed at point {point}"
    assert list(archive.staging_dir.iterdir()) == []
    return True


def check_kills(tmp_path: Path, first: int, step: int) -> int:
    template, whole = Archive(tmp_path / "template"), Archive(tmp_path / "whole")
    prepare_faults(template)
    shutil.copytree(template.root, whole.root)
    publish(whole, reread)
    undisturbed = published_tree(whole)
    assert [len(revisions_of(whole, make_story(slug))) for slug in "afghi"] == [3, 2, 1, 1, 2]
    point = first
    while True:
        archive = Archive(tmp_path / f"killed-{point}")
        shutil.copytree(template.root, archive.root)
        if not publish_after_a_kill_at(point, archive, undisturbed):
            return point
        shutil.rmtree(archive.root)
        point += step


def test_killed_and_called_again_the_archive_is_as_if_never_disturbed(tmp_path: Path) -> None:
    assert check_kills(tmp_path, 5, 17) > 80


@pytest.mark.torture
def test_killed_at_every_point_and_called_again_the_archive_is_as_if_never_disturbed(tmp_path: Path) -> None:
    assert check_kills(tmp_path, 1, 1) > 80


def test_what_a_killed_process_left_in_staging_is_removed(archive: Archive) -> None:
    archive.staging_dir.mkdir(parents=True)
    (archive.staging_dir / "0123").write_bytes(b"half a file")
    publish_stories(archive, "1", make_story())
    assert list(archive.staging_dir.iterdir()) == []


def test_a_crawl_that_publishes_nothing_removes_it_too(archive: Archive) -> None:
    archive.staging_dir.mkdir(parents=True)
    (archive.staging_dir / "0123").write_bytes(b"half a run record")
    archive.check_writable()
    assert list(archive.staging_dir.iterdir()) == []


def test_what_a_living_process_has_in_staging_stays(archive: Archive) -> None:
    def write(file: Any) -> None:
        archive.sweep_staging()
        file.write(b"whole")

    archive.put_atomic(archive.runs_dir / "1.json", write)
    assert (archive.runs_dir / "1.json").read_bytes() == b"whole"


def test_a_line_already_published_does_not_come_back_over_a_later_one(archive: Archive) -> None:
    """As when a killed run's file is published again after the file of a later run."""
    story = make_story()
    first, second = later(story, 1, title="First"), later(story, 2, title="Second")
    for run, found in (("1", story), ("2", first), ("3", second)):
        publish_stories(archive, run, found)
    before = published_tree(archive)
    assert publish_stories(archive, "2", first) == {"same": 1}
    assert published_tree(archive) == before


def test_a_revision_left_by_a_killed_run_is_never_overwritten_by_another(archive: Archive) -> None:
    """A run that was slow comes between the kill and the second call: its name is earlier."""
    story = make_story()
    publish_stories(archive, "1", story)
    stories = archive.stories_file(Partition(story.date, story.section))
    as_it_was = stories.read_bytes()
    interrupted, slow = later(story, 2, title="Interrupted"), later(story, 1, title="Slow")
    publish_stories(archive, "3", interrupted)
    stories.write_bytes(as_it_was)
    fill_inbox(archive, "3", interrupted)
    fill_inbox(archive, "2", slow)
    publish(archive)
    assert [row["title"] for row in revisions_of(archive, story)] == [story.title, "Interrupted", "Slow"]


# --- storage that fails


def test_when_put_atomic_fails_the_old_file_stands_and_nothing_is_left(archive: Archive) -> None:
    path = archive.runs_dir / "1.json"
    archive.put_atomic(path, lambda file: file.write(b"old"))

    def write(file: Any) -> None:
        file.write(b"half of the new")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StorageError) as caught:
        archive.put_atomic(path, write)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_bytes() == b"old"
    assert list(archive.staging_dir.iterdir()) == []


def test_published_files_have_the_permissions_of_any_other(archive: Archive) -> None:
    publish_stories(archive, "1", make_story())
    (archive.root / "plain").touch()
    modes = {path.stat().st_mode for path in archive.root.rglob("*.parquet")}
    assert modes == {(archive.root / "plain").stat().st_mode}


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << position % 8
    path.write_bytes(content)


def check_flips(archive: Archive, step: int) -> None:
    partition = Partition(date(2026, 6, 29), "policy")
    publish_stories(archive, "1", *(make_story(str(number)) for number in range(3)))
    path, right = archive.stories_file(partition), archive.read_stories(partition).to_pylist()
    whole = path.read_bytes()
    noticed = 0
    for position in range(0, len(whole), step):
        flip(path, position)
        try:
            assert archive.read_stories(partition).to_pylist() == right, f"a bit of byte {position}"
        except DamagedFileError:
            noticed += 1
        path.write_bytes(whole)
    assert noticed > len(whole) // step // 2


def test_a_flipped_bit_is_noticed_or_means_nothing(archive: Archive) -> None:
    check_flips(archive, 17)


@pytest.mark.torture
def test_flipped_bits_all_over_the_file_are_noticed_or_mean_nothing(archive: Archive) -> None:
    check_flips(archive, 3)


@pytest.mark.parametrize("tree", ["stories", "revisions"])
@pytest.mark.parametrize("damage", ["a bit", "cut off", "empty", "not ours"])
def test_a_damaged_partition_is_left_as_it_is_and_holds_up_nothing_else(
    archive: Archive, tree: str, damage: str
) -> None:
    policy, markets = make_story("a"), make_story("b", section="markets")
    publish_stories(archive, "1", policy, markets)
    path = next((archive.root / tree / Partition(policy.date, "policy").path).iterdir())
    whole = path.read_bytes()
    match damage:
        case "a bit":
            first_column = pq.read_metadata(path).row_group(0).column(0)
            flip(path, first_column.data_page_offset + first_column.total_compressed_size - 1)
        case "cut off":
            path.write_bytes(whole[:-100])
        case "empty":
            path.write_bytes(b"")
        case "not ours":
            pq.write_table(pa.table({"story_id": ["1"]}), path)
    damaged = path.read_bytes()
    changed = [later(policy, title="Changed"), later(markets, title="Changed")]
    waiting = fill_inbox(archive, "2", *changed)
    fill_inbox(archive, "3", make_story("c", section="markets"))
    with pytest.raises(PublishError) as caught:
        publish(archive)
    assert caught.value.filename == str(path)
    assert isinstance(caught.value.__cause__, DamagedFileError)
    assert caught.value.report.runs == {
        "2": {(SITE, "markets", "changed"): 1},
        "3": {(SITE, "markets", "new"): 1},
    }
    assert path.read_bytes() == damaged
    assert list(archive.inbox_dir.iterdir()) == [waiting]
    path.write_bytes(whole)
    assert publish(archive).counts == {(SITE, "policy", "changed"): 1, (SITE, "markets", "same"): 1}
    check_manifest(archive)


def test_a_partition_of_a_newer_archiver_is_left_as_it_is(archive: Archive) -> None:
    story = make_story()
    publish_stories(archive, "1", story)
    path = archive.stories_file(Partition(story.date, story.section))
    table = pq.ParquetFile(path).read()
    newer = table.replace_schema_metadata({b"schema_version": str(SCHEMA_VERSION + 1).encode()})
    pq.write_table(newer, path)
    fill_inbox(archive, "2", later(story, title="Changed"))
    with pytest.raises(PublishError, match="newer archiver"):
        publish(archive)
    assert pq.ParquetFile(path).read().equals(table)


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a small file system, or mounts it again with other options. Takes root: permissions do not stop root."""
    path = tmp_path / "disk"
    path.mkdir()

    def run(*options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(path)]
        mounted = subprocess.run(command, capture_output=True, check=False)
        if mounted.returncode:
            pytest.skip(f"cannot mount: {mounted.stderr.decode().strip()}")
        return path

    yield run
    if path.is_mount():
        subprocess.run(["umount", str(path)], check=True)


def test_a_full_disk_loses_nothing(tmp_path: Path, mount: Callable[..., Path]) -> None:
    template, whole = Archive(tmp_path / "template"), Archive(tmp_path / "whole")
    prepare_faults(template)
    shutil.copytree(template.root, whole.root)
    publish(whole)
    disk = mount("size=2m")
    failures = 0
    for free in range(0, 400_000, 8192):
        archive = Archive(disk / "data")
        shutil.copytree(template.root, archive.root)
        room = shutil.disk_usage(disk).free
        (disk / "ballast").write_bytes(b"\1" * (room - free))
        try:
            publish(archive)
        except PublishError as error:
            failures += 1
            assert error.errno == errno.ENOSPC
            assert any(path.suffix == ".jsonl" for path in archive.inbox_dir.iterdir())
            (disk / "ballast").unlink()
            publish(archive)
        assert published_tree(archive) == published_tree(whole)
        (disk / "ballast").unlink(missing_ok=True)
        shutil.rmtree(archive.root)
    assert 3 < failures < 40


def publish_with_small_files(archive: Archive) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    try:
        publish(archive)
    except PublishError as error:
        os._exit(error.errno or 1)


def test_a_file_that_may_not_grow_loses_nothing(archive: Archive) -> None:
    path = fill_inbox(archive, "1", *(make_story(str(number)) for number in range(20)))
    inbox = path.read_bytes()
    child = start_child(publish_with_small_files, archive)
    child.join()
    # SQLite meets the limit first, or the Parquet file does: both are storage that failed
    assert child.exitcode in (errno.EFBIG, errno.EIO, errno.ENOSPC)
    assert path.read_bytes() == inbox
    assert list(archive.staging_dir.iterdir()) == []
    assert publish(archive).counts == {(SITE, "policy", "new"): 20}


def test_a_read_only_root_loses_nothing(tmp_path: Path, mount: Callable[..., Path]) -> None:
    archive = Archive(mount("size=2m") / "data")
    archive.check_writable()
    story = make_story()
    publish_stories(archive, "1", story)
    path = fill_inbox(archive, "2", later(story, title="Changed"))
    before = published_tree(archive)
    mount("remount", "ro")
    for fails in (lambda: publish(archive), archive.check_writable, lambda: fill_inbox(archive, "3", story)):
        with pytest.raises(StorageError) as caught:
            fails()
        assert caught.value.errno == errno.EROFS
        assert str(archive.root) in str(caught.value)
    assert published_tree(archive) == before
    mount("remount", "rw")
    assert publish(archive).counts == {(SITE, "policy", "changed"): 1}
    assert not path.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_root_without_permission_is_named(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "data")
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError) as caught:
        archive.check_writable()
    tmp_path.chmod(0o700)
    assert (caught.value.errno, caught.value.filename) == (errno.EACCES, str(archive.root))


def test_a_root_that_is_a_file_is_named(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "data")
    archive.root.write_text("not a folder")
    with pytest.raises(StorageError, match="a file, not a folder") as caught:
        archive.check_writable()
    assert caught.value.filename == str(archive.root)
    with pytest.raises(PublishError, match=str(archive.root)):
        publish(archive)
    assert archive.root.read_text() == "not a folder"


def test_check_writable_leaves_no_file(archive: Archive) -> None:
    archive.check_writable()
    assert [path for path in archive.root.rglob("*") if path.is_file()] == [archive.state_dir / "staging.lock"]


# --- the ledger


@pytest.mark.parametrize("loss", ["missing", "empty", "no rows", "junk", "torn"])
def test_a_lost_ledger_is_read_from_the_archive(archive: Archive, loss: str, caplog: pytest.LogCaptureFixture) -> None:
    stories = [make_story(str(number), site=site) for number in range(300) for site in (SITE, "b.example")]
    publish_stories(archive, "1", *stories)
    path = ledger_file(archive, SITE)
    match loss:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "no rows":
            with closing(sqlite3.connect(path)) as ledger, ledger:
                ledger.execute("DELETE FROM stories")
        case "junk":
            path.write_bytes(b"\x00junk" * 5000)
        case "torn":
            content = path.read_bytes()
            path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    moved = later(stories[0], title="Changed", section="markets", date=date(2026, 7, 1))
    assert publish_stories(archive, "2", moved) == {"changed": 1}
    assert row_of(archive, moved)["revision"] == 2
    with closing(sqlite3.connect(path)) as ledger:
        assert ledger.execute("SELECT count(*) FROM stories").fetchone() == (300,)
    is_damage = loss in ("junk", "torn")
    assert path.with_name(f"{path.name}.damaged-1").exists() == is_damage
    assert ("was damaged" in caplog.text) == is_damage


def test_a_lost_ledger_and_a_damaged_archive_double_nothing(archive: Archive) -> None:
    story, elsewhere = make_story(), make_story("x", site="b.example", section="markets")
    publish_stories(archive, "1", story, elsewhere)
    ledger_file(archive, SITE).unlink()
    path = archive.stories_file(Partition(story.date, story.section))
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    waiting = fill_inbox(
        archive, "2", later(story, title="Changed", section="world"), later(elsewhere, title="Changed")
    )
    with pytest.raises(PublishError) as caught:
        publish(archive)
    assert caught.value.report.counts == {("b.example", "markets", "changed"): 1}
    assert waiting.exists()
    path.write_bytes(whole)
    assert publish(archive).counts == {(SITE, "policy", "changed"): 1, ("b.example", "markets", "same"): 1}


def test_a_place_reserved_by_a_killed_run_holds_for_a_later_one(archive: Archive) -> None:
    story = make_story()
    publish_stories(archive, "1", story)
    shutil.rmtree(archive.stories_dir)
    shutil.rmtree(archive.revisions_dir)
    publish_stories(archive, "2", replace(story, section="markets", date=date(2026, 7, 1)), make_story("other"))
    assert archive.read_stories(Partition(story.date, story.section)).num_rows == 2


@pytest.mark.parametrize(
    ("site", "name"),
    [
        ("a.example", "a.example.sqlite"),
        ("127.0.0.1:8000", "127.0.0.1%3A8000.sqlite"),
        ("[::1]:8000", "%5B%3A%3A1%5D%3A8000.sqlite"),
        ("../../etc", "..%2F..%2Fetc.sqlite"),
    ],
)
def test_a_site_is_a_safe_file_name(archive: Archive, site: str, name: str) -> None:
    assert ledger_file(archive, site) == archive.state_dir / name


def test_the_longest_hosts_have_files_of_their_own(archive: Archive) -> None:
    sites = ["a" * 253, "a" * 252 + "b", "a" * 200, "a" * 201]
    stories = [make_story(site=site) for site in sites]
    assert publish_stories(archive, "1", *stories) == {"new": 4}
    assert len(list(archive.state_dir.glob("*.sqlite"))) == 4


def test_a_ledger_of_a_newer_archiver_is_left_as_it_is(archive: Archive) -> None:
    publish_stories(archive, "1", make_story())
    path = ledger_file(archive, SITE)
    with closing(sqlite3.connect(path)) as ledger, ledger:
        assert ledger.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        ledger.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    fill_inbox(archive, "2", make_story("b"))
    with pytest.raises(PublishError, match="newer archiver") as caught:
        publish(archive)
    assert caught.value.filename == str(path)


def test_publishing_loads_no_pandas_and_leaves_it_to_be_had(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "data")
    fill_inbox(archive, "01", make_story("a"))
    code = """
import sys
from pathlib import Path
from archiver.store.archive import Archive
from archiver.store.publish import publish
assert sum(publish(Archive(Path(sys.argv[1]))).counts.values()) == 1
assert "pandas" not in sys.modules
import pyarrow
assert pyarrow.table({"a": [1]}).to_pandas()["a"].tolist() == [1]
"""
    done = subprocess.run([sys.executable, "-c", code, str(archive.root)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
