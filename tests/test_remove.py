from __future__ import annotations

import errno
import fcntl
import gzip
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from crawls import Pages, Project, headlines, listing_page, paths, story_page
from dying import CALLS, die_at
from hypothesis import given
from hypothesis import strategies as st
from stories import NOW, fill_inbox, make_story, published_tree, revisions_of, row_of

from archiver.commands import main
from archiver.items import Found, Story
from archiver.schema import REVISIONS, STORIES
from archiver.store import ledger as ledger_module
from archiver.store import removal as removal_module
from archiver.store.archive import Archive, StorageError, locked
from archiver.store.exchange import Exchange
from archiver.store.ledger import Ledger
from archiver.store.ledgerfile import removed_file, site_lock
from archiver.store.publish import publish
from archiver.store.raw import RawWriter
from archiver.store.raw_read import RawPlace, digest_file, iter_records, raw_dir, read_record
from archiver.store.raw_repair import check_raw_file
from archiver.store.removal import SiteHeldError, finish_removals, remove_story
from archiver.store.removed import Removed, append_removed
from archiver.store.search import ListingError
from archiver.store.warc import make_blank, read_one

SITE = "wire.example"
HOME = f"https://{SITE}/"
RUNS = ("20260629T130500Z-wire-0001", "20260630T130500Z-wire-0002")
WORD = b"unmistakable"
"""On each page of the story that is taken down, and on no other's."""
WHY = "asked for by its author"


def address(slug: str) -> str:
    return f"https://{SITE}/article/{slug}"


def exchange(url: str, at: datetime, *, text: bytes = b"", status: int = 200, **more: Any) -> Exchange:
    noise = random.Random(url + at.isoformat()).randbytes(300).hex().encode()
    body = b"" if status in (301, 304) else gzip.compress(b"<p>" + text + noise, mtime=0)
    values = {"request_headers": (("User-Agent", "policy-archiver"),), "headers": (("Content-Encoding", "gzip"),)}
    return Exchange(url=url, status=status, body=body, fetched_at=at, **(values | more))


class Crawl:
    """Writes what a crawl would have written: raw pages, the inbox and the ledger."""

    def __init__(self, archive: Archive, run: str, at: datetime) -> None:
        self.archive, self.run, self.at = archive, run, at
        self.raw = RawWriter(archive, SITE, run, started_at=at)
        self.ledger = Ledger.open(archive, SITE)
        self.stories: list[Story] = []

    def keep(self, url: str, kind: str, *, asked: str = "", text: bytes = b"", status: int = 200) -> RawPlace:
        self.at += timedelta(seconds=1)
        found = {"kind": kind, "spider": "wire", "asked": asked or url, "via": "listing"}
        return self.raw.write(exchange(url, self.at, text=text, status=status), found)

    def add(self, story: Story, *, asked: str = "", text: bytes = b"") -> RawPlace:
        place = self.keep(story.url, "story", asked=asked, text=text)
        row = replace(story, raw_file=place.file, raw_offset=place.offset, raw_sha256=place.sha256)
        self.stories.append(replace(row, fetched_at=self.at, first_seen_at=self.at))
        asked = asked or story.url
        self.ledger.note_found([(asked, Found(title=story.title))], self.at)
        if asked != story.url:
            self.ledger.note_moved(asked, story.url, at=self.at)
        self.ledger.note_fetched(
            story.url,
            at=self.at,
            payload_sha256=place.sha256,
            raw_file=place.file,
            raw_offset=place.offset,
            content_hash=story.content_hash,
            story_id=story.story_id,
        )
        return place

    def unchanged(self, url: str, of: RawPlace, of_at: datetime) -> RawPlace:
        self.at += timedelta(seconds=1)
        found = {"kind": "story", "spider": "wire", "asked": url, "via": "listing"}
        return self.raw.write_revisit(exchange(url, self.at, status=304), of, of_at, found)

    def close(self) -> None:
        self.raw.close()
        self.ledger.close()
        fill_inbox(self.archive, self.run, *self.stories)


GONE = make_story("gone", title="An unmistakable title", section="markets")
"""The story to take down: two revisions, the second at another address, in a partition of its own, of two pages."""
MOVED = replace(GONE, url=address("moved"), title="An unmistakable title again", content_hash="2")
KEPT = [make_story(slug) for slug in "abcd"]
ALSO = make_story("also", section="markets", date=date(2026, 6, 28))


def fill(archive: Archive, *, shares_partition: bool = False) -> None:
    """Two crawls. What is the story's own lies between what is others', in both raw files."""
    story, moved = GONE, MOVED
    if shares_partition:
        story, moved = replace(story, section="policy"), replace(moved, section="policy")
    first = Crawl(archive, RUNS[0], NOW)
    first.keep(HOME, "listing", text=b"links to the story: " + story.url.encode())
    first.ledger.note_fetched(HOME, at=NOW, kind="listing")
    place = first.add(KEPT[0])
    first.add(story, text=WORD)
    first.keep(address("gone/2"), "part", asked=story.url, text=WORD)
    first.add(KEPT[1])
    first.add(ALSO)
    first.add(KEPT[2])
    first.close()
    publish(archive)
    second = Crawl(archive, RUNS[1], NOW + timedelta(days=1))
    second.keep(HOME, "listing", text=b"links to the story: " + moved.url.encode())
    second.keep(story.url, "redirect", asked=story.url, status=301)
    second.keep(address("between"), "redirect", asked=story.url, status=301)
    own = second.add(moved, asked=story.url, text=WORD)
    second.unchanged(KEPT[0].url, place, NOW)
    second.unchanged(moved.url, own, second.at)
    second.add(KEPT[3])
    second.close()
    publish(archive)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path / "data")
    fill(archive)
    return archive


def take_down(archive: Archive, url: str = MOVED.url) -> None:
    finish_removals(archive)
    remove_story(archive, url, WHY, NOW + timedelta(days=2))


def ledger_rows(archive: Archive) -> list[list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(archive.state_dir / f"{SITE}.sqlite")) as connection:
        queries = ("url, story_id, raw_file, raw_offset FROM urls", "* FROM removed", "* FROM stories")
        return [connection.execute(f"SELECT {query} ORDER BY 1").fetchall() for query in queries]


def all_rows(archive: Archive) -> list[dict[str, Any]]:
    files = [*archive.stories_dir.rglob("*.parquet"), *archive.revisions_dir.rglob("*.parquet")]
    return [row for path in files for row in pq.ParquetFile(path).read().to_pylist()]


def raw_files(archive: Archive) -> list[Path]:
    return sorted(raw_dir(archive).rglob("*.warc.gz"))


def snapshot(archive: Archive) -> tuple[Any, ...]:
    lines = removed_file(archive, SITE).read_text().splitlines()
    taken_down = sorted((json.loads(line) for line in lines), key=lambda each: str(each["url"]))
    return published_tree(archive), ledger_rows(archive), taken_down


def check_rows(archive: Archive) -> None:
    """Each row that there is points at its own page, in the tables and in the ledger."""
    for row in all_rows(archive):
        record = read_record(archive, row["raw_file"], row["raw_offset"])
        assert (record.url, record.sha256) == (row["url"], row["raw_sha256"])
    for url, _, raw_file, offset in ledger_rows(archive)[0]:
        if raw_file:
            record = read_record(archive, raw_file, offset)
            assert url in (record.url, record.found["asked"])


def check_manifest(archive: Archive) -> None:
    days = json.loads(archive.manifest_file.read_bytes())["days"]
    files: dict[str, str] = {}
    for path in archive.manifest_dir.glob("*.json"):
        content = path.read_bytes()
        assert days.pop(path.stem.removeprefix("date=")) == sha256(content).hexdigest()
        files |= {name: entry["sha256"] for name, entry in json.loads(content)["files"].items()}
    assert days == {}
    there = {name: content for name, content in published_tree(archive).items() if name.endswith(".parquet")}
    assert files == {name: sha256(content).hexdigest() for name, content in there.items()}


def check_taken_down(archive: Archive) -> None:
    assert {row["url"] for row in all_rows(archive)} == {each.url for each in [*KEPT, ALSO]}
    check_rows(archive)
    check_manifest(archive)
    for path in raw_files(archive):
        assert check_raw_file(path) == []
        assert not any(WORD in record.body for record in iter_records(path) if record.type == "response")
    urls = [record.url for path in raw_files(archive) for record in iter_records(path)]
    kept = [HOME, KEPT[0].url, KEPT[1].url, ALSO.url, KEPT[2].url, HOME, KEPT[0].url, KEPT[3].url]
    assert urls == kept
    with Ledger.open(archive, SITE) as ledger:
        for slug in ("gone", "moved", "between", "gone/2"):
            assert ledger.is_removed(address(slug)), slug
            assert ledger.get(address(slug)) is None
        assert not any(ledger.is_removed(each.url) for each in [*KEPT, ALSO])
    assert list((archive.state_dir / "removals").iterdir()) == []


@pytest.mark.parametrize("url", [GONE.url, MOVED.url])
@pytest.mark.parametrize("shares_partition", [False, True])
def test_a_story_is_taken_out_of_everything(tmp_path: Path, url: str, shares_partition: bool) -> None:
    archive = Archive(tmp_path)
    fill(archive, shares_partition=shares_partition)
    removal = remove_story(archive, url, WHY, NOW)
    check_taken_down(archive)
    section = "policy" if shares_partition else "markets"
    assert removal.partitions == {f"date=2026-06-29/section={section}": (1, 2)}
    assert [len(offsets) for offsets in removal.raw.values()] == [2, 4]
    assert not list(archive.stories_dir.glob("date=2026-06-29/section=markets"))
    again = snapshot(archive)
    assert not remove_story(archive, url, WHY, NOW).is_new
    assert snapshot(archive) == again


def test_its_bytes_are_in_no_raw_file_and_the_others_stay_where_they_are(archive: Archive) -> None:
    before = {(r.file, r.offset): r.sha256 for path in raw_files(archive) for r in iter_records(path)}
    take_down(archive)
    after = {(r.file, r.offset): r.sha256 for path in raw_files(archive) for r in iter_records(path)}
    assert after.items() <= before.items()
    assert len(before) - len(after) == 6
    for path in raw_files(archive):
        text = gzip.decompress(path.read_bytes())
        for slug in ("gone/2", "between"):  # the listing's page names the others
            assert address(slug).encode() not in text
        script = str(Path(sys.executable).with_name("warcio"))
        for command in ("check", "index"):
            ran = subprocess.run([script, command, str(path)], capture_output=True, text=True, timeout=60)
            assert (ran.returncode, ran.stderr) == (0, "")
        subprocess.run(["sha256sum", "-c", digest_file(path).name], cwd=path.parent, check=True, capture_output=True)


def test_a_day_without_stories_goes_with_its_manifest(archive: Archive) -> None:
    remove_story(archive, ALSO.url, WHY, NOW)
    check_manifest(archive)
    assert not list(archive.root.glob("*/date=2026-06-28*"))
    assert "2026-06-28" not in json.loads(archive.manifest_file.read_bytes())["days"]


def test_a_story_that_waits_in_the_inbox_is_dropped_when_it_is_published(archive: Archive) -> None:
    seen = NOW + timedelta(days=1, hours=1)
    waiting = [replace(each, body="Other.", content_hash="3", fetched_at=seen) for each in (MOVED, KEPT[0])]
    fill_inbox(archive, "3", *waiting)
    remove_story(archive, GONE.url, WHY, NOW)
    report = publish(archive)
    assert (report.removed, report.counts) == (1, {(SITE, "policy", "changed"): 1})
    assert row_of(archive, KEPT[0])["revision"] == 2
    assert revisions_of(archive, GONE) == []
    assert not list(archive.inbox_dir.glob("*.jsonl"))


def test_a_story_that_only_waits_in_the_inbox_can_be_taken_down(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    crawl = Crawl(archive, RUNS[0], NOW)
    crawl.add(GONE, text=WORD)
    crawl.close()
    assert remove_story(archive, GONE.url, WHY, NOW).is_known
    assert raw_files(archive) == []
    publish(archive)
    assert not archive.stories_dir.exists()


def test_another_story_at_an_earlier_address_stays(archive: Archive) -> None:
    """And what is known of it: its raw page, and that it may be fetched."""
    crawl = Crawl(archive, "20260702T130500Z-wire-0003", NOW + timedelta(days=3))
    there = replace(make_story("new-tenant"), url=GONE.url)
    crawl.add(there)
    crawl.close()
    publish(archive)
    remove_story(archive, MOVED.url, WHY, NOW)
    assert row_of(archive, there)["url"] == GONE.url
    check_rows(archive)
    lines = removed_file(archive, SITE).read_text().splitlines()
    assert GONE.url not in {json.loads(line)["url"] for line in lines}


def test_a_listing_and_a_home_page_are_no_stories(archive: Archive) -> None:
    before = snapshot_without_removed(archive)
    with pytest.raises(ListingError):
        remove_story(archive, HOME, WHY, NOW)
    assert snapshot_without_removed(archive) == before


def snapshot_without_removed(archive: Archive) -> tuple[Any, ...]:
    return published_tree(archive), ledger_rows(archive)


def test_a_site_that_a_crawl_holds_is_left_alone(archive: Archive) -> None:
    before = snapshot_without_removed(archive)
    with locked(site_lock(archive, SITE), fcntl.LOCK_EX), pytest.raises(SiteHeldError):
        remove_story(archive, GONE.url, WHY, NOW)
    assert snapshot_without_removed(archive) == before


def test_of_a_damaged_raw_file_only_what_is_sound_can_be_searched(archive: Archive) -> None:
    path, whole = raw_files(archive)[0], raw_files(archive)[0].read_bytes()
    record = list(iter_records(path))[1]
    content = bytearray(whole)
    content[record.offset + record.length // 2] ^= 1
    path.write_bytes(content)
    removal = remove_story(archive, GONE.url, WHY, NOW)
    assert list(removal.damaged) == [record.file]
    assert path.read_bytes() == content
    assert row_of(archive, KEPT[0])
    assert revisions_of(archive, GONE) == []
    path.write_bytes(whole)
    assert remove_story(archive, GONE.url, WHY, NOW).damaged == {}
    check_taken_down(archive)


# --- the command


def run(*words: str, archive: Archive) -> int:
    return main(["remove", *words, "--root", str(archive.root)])


def test_the_command_says_what_it_took_and_where(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"{MOVED.url}?utm_source=x#top", "--why", WHY, archive=archive) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        f"{MOVED.url}: taken down",
        "  date=2026-06-29/section=markets: 1 in stories, 2 in revisions",
        f"  raw/2026-06-29/{SITE}-{RUNS[0]}.warc.gz: 2 responses",
        f"  raw/2026-06-30/{SITE}-{RUNS[1]}.warc.gz: 4 responses",
    ]
    assert f"  not to be fetched again: {address('between')}" in lines
    check_taken_down(archive)
    assert run(GONE.url, "--why", WHY, archive=archive) == 0
    assert capsys.readouterr().out == f"{GONE.url}: nothing is left of it: it was taken down before\n"
    assert main(["show", GONE.url, "--root", str(archive.root)]) == 1


def test_an_unknown_address_is_remembered_all_the_same(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    before = published_tree(archive)
    assert run(address("unheard-of"), "--why", WHY, archive=archive) == 1
    assert "not in the archive" in capsys.readouterr().err
    assert published_tree(archive) == before
    with Ledger.open(archive, SITE) as ledger:
        assert ledger.is_removed(address("unheard-of"))
    assert run(address("unheard-of"), "--why", WHY, archive=archive) == 0


@pytest.mark.parametrize("words", [("no address", "--why", WHY), (GONE.url, "--why", " "), (HOME, "--why", WHY)])
def test_a_wrong_word_changes_nothing(archive: Archive, words: tuple[str, ...]) -> None:
    before = snapshot_without_removed(archive)
    assert run(*words, archive=archive) == 2
    assert snapshot_without_removed(archive) == before


def test_a_crawl_that_runs_makes_exit_code_6(archive: Archive) -> None:
    with locked(site_lock(archive, SITE), fcntl.LOCK_EX):
        assert run(GONE.url, "--why", WHY, archive=archive) == 6


# --- a real crawl


def test_no_crawl_asks_for_it_again(tmp_path: Path) -> None:
    project, stories = Project(tmp_path), headlines("water", "energy", "transport", "housing")
    served: dict[str, str | int] = {url: story_page(title) for url, title in stories.items()}
    with Pages({"/": listing_page(stories)} | served) as site:  # type: ignore[arg-type]
        project.add_site("own", f"{site.base_url}/")
        assert project.crawl("own").exit_code == 0
        assert paths(project.urls()) == sorted(stories)
        gone, *kept = sorted(stories)
        ran = project.run("archiver", "remove", site.base_url + gone, "--why", WHY)
        assert ran.exit_code == 0, ran.log
        assert paths(project.urls()) == kept
        site.requests.clear()
        again = project.crawl("own", full=1)
        assert again.exit_code == 0, again.log
        assert site.requests[gone] == 0
        assert min(site.requests[path] for path in kept) == 1
        asked = project.crawl("url", url=site.base_url + gone)
        assert site.requests[gone] == 0
        assert (asked.exit_code, "was taken down" in asked.log) == (3, True)
        assert paths(project.urls()) == kept


# --- blank records


@given(st.integers(400, 3_000) | st.integers(65_000, 67_000) | st.integers(400, 400_000))
def test_a_blank_record_is_as_long_as_is_asked_for(length: int) -> None:
    blank = make_blank(length, "<urn:uuid:12345678-1234-5678-1234-567812345678>", "2026-06-29T10:11:12.345678Z")
    assert len(blank) == length
    record = read_one(BytesIO(blank + b"more"), 0)
    assert (record.end, record.type) == (length, "warcinfo")


# --- killed at any point, and failing there


def start(target: Callable[..., None], *arguments: Any) -> Any:
    child = multiprocessing.get_context("fork").Process(target=target, args=arguments)
    child.start()
    return child


def templates(tmp_path: Path) -> tuple[Archive, tuple[Any, ...]]:
    template, whole = Archive(tmp_path / "template"), Archive(tmp_path / "whole")
    fill(template)
    shutil.copytree(template.root, whole.root)
    take_down(whole)
    check_taken_down(whole)
    return template, snapshot(whole)


def check_kills(tmp_path: Path, first: int, step: int) -> int:
    template, undisturbed = templates(tmp_path)
    point = first
    while True:
        archive = Archive(tmp_path / f"killed-{point}")
        shutil.copytree(template.root, archive.root)
        child = start(die_at, point, take_down, archive)
        child.join()
        if child.exitcode == 0:
            return point
        assert child.exitcode == -signal.SIGKILL
        check_rows(archive)
        take_down(archive)
        assert snapshot(archive) == undisturbed, f"killed at point {point}"
        assert list(archive.staging_dir.iterdir()) == []
        shutil.rmtree(archive.root)
        point += step


def test_killed_and_called_again_it_is_as_if_never_disturbed(tmp_path: Path) -> None:
    assert check_kills(tmp_path, 3, 11) > 80


@pytest.mark.torture
def test_killed_at_every_point_and_called_again_it_is_as_if_never_disturbed(tmp_path: Path) -> None:
    assert check_kills(tmp_path, 1, 1) > 80


def check_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, step: int) -> int:
    """Let the n-th call of a function fail, for every n; then the disk has room again."""
    template, undisturbed = templates(tmp_path)
    point = 1
    while True:
        archive, left, real = Archive(tmp_path / f"failed-{point}"), point, getattr(os, name)
        shutil.copytree(template.root, archive.root)

        def fail(*arguments: Any, real: Callable[..., Any] = real, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail)
            with suppress(StorageError):
                take_down(archive)
        if left > 0:
            return point
        check_rows(archive)
        take_down(archive)
        assert snapshot(archive) == undisturbed, f"{name} failed at call {point}"
        shutil.rmtree(archive.root)
        point += step


@pytest.mark.parametrize(("name", "step"), [("fsync", 5), ("replace", 3), ("unlink", 3), ("rmdir", 1)])
def test_when_a_call_fails_it_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, step: int
) -> None:
    assert check_failures(tmp_path, monkeypatch, name, step) > 1


@pytest.mark.torture
@pytest.mark.parametrize("name", CALLS)
def test_whenever_a_call_fails_it_can_be_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    check_failures(tmp_path, monkeypatch, name, 1)


def test_whoever_takes_a_story_down_finishes_what_was_killed(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(removal_module, "write_manifest", interrupt)
        with suppress(KeyboardInterrupt):
            remove_story(archive, GONE.url, WHY, NOW)
    assert run(address("unheard-of"), "--why", WHY, archive=archive) == 1
    check_taken_down(archive)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_half_a_line_in_the_list_of_take_downs_is_made_good(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_half(path: Path, removed: list[Removed]) -> None:
        append_removed(path, removed)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ledger_module, "append_removed", write_half)
        with suppress(KeyboardInterrupt):
            remove_story(archive, GONE.url, WHY, NOW)
    assert len(finish_removals(archive)) == 1
    check_taken_down(archive)


# --- readers


def read_for_ever(archive: Archive, ready: Any, faults: Any) -> None:
    """Read tables and raw pages over and over: each file whole, each row's page its own."""
    ready.set()
    while True:
        for folder, schema in ((archive.stories_dir, STORIES), (archive.revisions_dir, REVISIONS)):
            for path in sorted(folder.rglob("*.parquet")):
                with suppress(FileNotFoundError):
                    table = pq.ParquetFile(path, page_checksum_verification=True).read()
                    if not table.schema.equals(schema):
                        faults.put(f"{path} has another schema")
                    faults_of = [_read_page(archive, row) for row in table.to_pylist()]
                    for fault in filter(None, faults_of):
                        faults.put(fault)


def _read_page(archive: Archive, row: dict[str, Any]) -> str | None:
    try:
        record = read_record(archive, row["raw_file"], row["raw_offset"])
    except StorageError as error:
        return None if row["story_id"] == GONE.story_id else f"{row['url']}: {error}"
    return None if record.sha256 == row["raw_sha256"] else f"{row['url']}: the page of {record.url}"


def test_readers_meanwhile_see_whole_files_and_right_pages(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    template = Archive(tmp_path / "template")
    fill(template, shares_partition=True)
    for number in range(3):
        archive = Archive(tmp_path / f"data-{number}")
        shutil.copytree(template.root, archive.root)
        ready, faults = context.Event(), context.Queue()
        readers = [start(read_for_ever, archive, ready, faults) for _ in range(2)]
        assert ready.wait(30)
        take_down(archive)
        assert all(reader.is_alive() for reader in readers)
        for reader in readers:
            reader.terminate()
            reader.join()
        assert faults.empty()
        check_taken_down(archive)
