from __future__ import annotations

import errno
import fcntl
import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stories import fill_inbox, make_story

from archiver.schema import SCHEMA_VERSION, story_to_json
from archiver.store.archive import Archive, StorageError
from archiver.store.inbox import SYNC_EVERY, InboxWriter, read_inbox, taken_inbox

RUN = "20260629T130500Z-wire.example-abcd"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "data")


def test_stories_come_back_in_order(archive: Archive) -> None:
    stories = [make_story(str(number), title=f"Naïve “{number}” 漢字 \x85   \n\tx") for number in range(3)]
    path = fill_inbox(archive, RUN, *stories)
    assert path == archive.inbox_dir / f"{RUN}.jsonl"
    assert read_inbox(path) == (stories, [])
    assert len(path.read_bytes().split(b"\n")) == 4


def test_an_empty_run_leaves_no_file(archive: Archive) -> None:
    with InboxWriter(archive, RUN):
        pass
    assert not archive.root.exists()


def append_and_die(archive: Archive) -> None:
    writer = InboxWriter(archive, RUN)
    for number in range(SYNC_EVERY + 3):
        writer.append(make_story(str(number)))
    os.kill(os.getpid(), signal.SIGKILL)


def run_child(target: Any, *arguments: Any) -> int | None:
    process = multiprocessing.get_context("forkserver").Process(target=target, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def test_every_story_appended_outlives_kill_9(archive: Archive) -> None:
    assert run_child(append_and_die, archive) == -signal.SIGKILL
    stories, faults = read_inbox(archive.inbox_dir / f"{RUN}.jsonl")
    assert (len(stories), faults) == (SYNC_EVERY + 3, [])


def test_the_file_is_synced_every_64_lines_and_on_close(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    path = archive.inbox_dir / f"{RUN}.jsonl"

    def fsync(descriptor: int) -> None:
        if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
            synced.append(len(path.read_bytes().splitlines()))

    monkeypatch.setattr(os, "fsync", fsync)
    with InboxWriter(archive, RUN) as writer:
        for number in range(130):
            writer.append(make_story(str(number)))
    assert synced == [64, 128, 130]


def test_publishing_cannot_take_the_file_before_the_crawl_closes_it(archive: Archive) -> None:
    with InboxWriter(archive, RUN) as writer:
        writer.append(make_story())
        with pytest.raises(BlockingIOError), taken_inbox(writer.path):
            pass
    with taken_inbox(writer.path):
        pass


def test_a_file_removed_before_it_was_locked_is_made_again(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """A publisher may take a file for empty between its creation and its lock."""
    path, real = archive.inbox_dir / f"{RUN}.jsonl", fcntl.flock
    removed: list[int] = []

    def flock(descriptor: int, how: int) -> None:
        if not removed:
            path.unlink()
            removed.append(descriptor)
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    fill_inbox(archive, RUN, make_story())
    assert removed
    assert read_inbox(path) == ([make_story()], [])


def test_a_run_does_not_write_into_another_ones_file(archive: Archive) -> None:
    path = fill_inbox(archive, RUN, make_story())
    with pytest.raises(StorageError) as caught:
        fill_inbox(archive, RUN, make_story("other"))
    assert (caught.value.errno, caught.value.filename) == (errno.EEXIST, str(path))
    assert read_inbox(path) == ([make_story()], [])


@pytest.mark.parametrize(
    "columns",
    [
        {"section": ""},
        {"section": "../../etc"},
        {"section": "a%2Fb"},
        {"section": "a=b"},
        {"section": "two words"},
        {"section": "a\0b"},
        {"section": "ü" * 124},
        {"section": "__HIVE_DEFAULT_PARTITION__"},
        {"site": ""},
        {"story_id": ""},
        {"body": "a lone surrogate \ud800"},
    ],
)
def test_a_story_that_could_not_be_published_is_refused_and_not_written(
    archive: Archive, columns: dict[str, Any]
) -> None:
    with InboxWriter(archive, RUN) as writer:
        with pytest.raises(ValueError):
            writer.append(make_story(**columns))
        writer.append(make_story())
    assert read_inbox(writer.path) == ([make_story()], [])


@pytest.mark.parametrize("section", ["policy", "ökologie", "政策", "ai-education", "ü" * 123, "section-2026"])
def test_any_slug_is_a_section(archive: Archive, section: str) -> None:
    story = make_story(section=section)
    assert read_inbox(fill_inbox(archive, RUN, story)) == ([story], [])


def test_a_write_cut_short_leaves_no_half_line(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.write, 0

    def write(descriptor: int, content: memoryview) -> int:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, content[:100] if calls == 2 else content)

    one, two, three = make_story("1"), make_story("2"), make_story("3")
    with InboxWriter(archive, RUN) as writer:
        monkeypatch.setattr(os, "write", write)
        writer.append(one)
        with pytest.raises(StorageError) as caught:
            writer.append(two)
        assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(writer.path))
        assert read_inbox(writer.path) == ([one], [])
        writer.append(three)
    assert read_inbox(writer.path) == ([one, three], [])


def append_until_full(archive: Archive, limit: int | None) -> None:
    """Append till storage fails; exit with 28 (ENOSPC) or 27 (EFBIG) if the file then holds whole stories only."""
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    stories = [make_story(str(number), body="word " * 400) for number in range(200)]
    written = 0
    try:
        with InboxWriter(archive, RUN) as writer:
            for story in stories:
                writer.append(story)
                written += 1
    except StorageError as error:
        is_whole = read_inbox(writer.path) == (stories[:written], [])
        os._exit(error.errno or 1 if is_whole and written else 1)


def test_a_file_that_may_not_grow_keeps_whole_stories(archive: Archive) -> None:
    assert run_child(append_until_full, archive, 100_001) == errno.EFBIG


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB. Mounting takes root; without, the limit on a file's size above has to do."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount: {mounted.stderr.decode().strip()}")
    yield path
    subprocess.run(["umount", str(path)], check=True)


@pytest.mark.skipif(not shutil.which("mount"), reason="no mount")
def test_a_full_disk_keeps_whole_stories(small_disk: Path) -> None:
    assert run_child(append_until_full, Archive(small_disk / "data"), None) == errno.ENOSPC


def test_a_first_story_that_fails_leaves_no_file(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(descriptor: int, content: memoryview) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", write)
    with InboxWriter(archive, RUN) as writer, pytest.raises(StorageError):
        writer.append(make_story())
    assert list(archive.inbox_dir.iterdir()) == []


def test_a_root_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(StorageError) as caught:
        fill_inbox(Archive(tmp_path / "data"), RUN, make_story())
    assert caught.value.errno == errno.ENOTDIR
    assert str(tmp_path / "data") in str(caught.value)


def line_of(**record: Any) -> bytes:
    return json.dumps({"schema": SCHEMA_VERSION, "story": story_to_json(make_story())} | record).encode() + b"\n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"\n", "no JSON"),
        (b"{\n", "no JSON"),
        (b"\x00" * 4096 + b"\n", "no JSON"),
        (b"\x89PNG\r\n", "'utf-8' codec can't decode byte 0x89"),
        (b'"\xff"\n', "'utf-8' codec can't decode byte 0xff"),
        (b"[]\n", "not a story: b'[]"),
        (b"{}\n", "not a story"),
        (b"[" * 100_000 + b"\n", ""),
        (line_of(schema="1"), "not a story"),
        (line_of(schema=True), "not a story"),
        (line_of(schema=SCHEMA_VERSION + 1), f"written by a newer archiver (schema {SCHEMA_VERSION + 1})"),
        (line_of(story=None), "not an object: None"),
        (line_of(story=story_to_json(make_story()) | {"title": 7}), "column 'title': not of type string: 7"),
        (line_of(story=story_to_json(replace(make_story(), section="../x"))), "not a section slug: '../x'"),
        (line_of()[:-1], "cut off"),
        (line_of()[:200], "cut off"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_read(archive: Archive, line: bytes, reason: str) -> None:
    one, two = make_story("1"), make_story("2")
    path = fill_inbox(archive, RUN, one, two)
    good = path.read_bytes()
    path.write_bytes(good + line)
    stories, (fault,) = read_inbox(path)
    assert stories == [one, two]
    assert fault.startswith(f"line 3: {reason}")
    if line.endswith(b"\n"):
        path.write_bytes(line + good)
        assert read_inbox(path)[0] == [one, two]


@pytest.mark.parametrize("kind", ["folder", "pipe", "missing", "loop"])
def test_what_is_no_file_cannot_be_taken(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.jsonl"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "loop":
            path.symlink_to(path)
    with pytest.raises(OSError), taken_inbox(path):
        pass
