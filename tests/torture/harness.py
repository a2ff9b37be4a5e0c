"""Commands run with faults, and an archive compared with one that was left alone."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from crawls import SETTINGS

from archiver.demo.server import DemoNetwork, RunningSite
from archiver.demo.stories import SourceEvent, load_events
from archiver.extract import extract_story
from archiver.normalize import normalize_story
from archiver.pages import read_page
from archiver.schema import PARTITION_KEYS, REVISIONS, STORIES
from archiver.store.archive import Archive
from archiver.store.ledgerfile import ledger_file
from archiver.store.raw_read import raw_dir, read_record
from archiver.store.raw_repair import check_raw_file
from archiver.urls import site_of
from bench.network import plain_environment

HERE = Path(__file__).parent
SITE = "tidewater_review"
TIMES = ("fetched_at", "first_seen_at", "raw_file", "raw_offset", "raw_sha256")
"""Columns that differ from one crawl to another."""


class How(IntEnum):
    """What happens at the n-th call, as faults.c has it."""

    NOTHING = 0
    KILL_BEFORE = 1
    KILL_AFTER = 2
    KILL_AMID = 3
    """Half of the write is done."""
    FAIL_ONCE = 4
    FAIL_FROM = 5
    """This call and all after it: of a full disk those that ask for room."""


@dataclass(frozen=True)
class Fault:
    how: How = How.NOTHING
    point: int = 0
    errno: int = 0

    def __str__(self) -> str:
        return f"{self.how.name}{f' {errno.errorcode[self.errno]}' if self.errno else ''} at {self.point}"


@dataclass(frozen=True)
class Ended:
    code: int
    log: str
    calls: list[str]
    """`number name path` of each call that changed the archive, where they were asked for."""


def build_faults(folder: Path) -> Path | None:
    """Compile faults.c; None where there is no compiler, or another system than Linux."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or sys.platform != "linux":
        return None
    library = folder / "faults.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(HERE / "faults.c"), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library


class Nursery:
    """Runs commands one after another, each in a fork of a process that has imported everything."""

    def __init__(self, library: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "nursery.py")],
            env=plain_environment() | {"LD_PRELOAD": str(library)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        folder: Path,
        *words: str,
        fault: Fault = Fault(),
        clock: timedelta = timedelta(),
        log_calls: bool = False,
    ) -> Ended:
        """Run `scrapy …` or `archiver …` in a project's folder. A clock may be ahead or behind."""
        assert self._process.stdin and self._process.stdout
        output, log = folder / "output.log", folder / "calls.log"
        output.write_text("")
        order = {
            "folder": str(folder),
            "words": words,
            "root": str(folder / "data"),
            "how": int(fault.how),
            "point": fault.point,
            "errno": fault.errno,
            "clock_shift": int(clock.total_seconds()),
            "output": str(output),
            "log": str(log) if log_calls else None,
        }
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        calls = log.read_text().splitlines() if log_calls else []
        return Ended(answer["code"], output.read_text(errors="replace"), calls)

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=10)


def make_project(folder: Path, home: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scrapy.cfg").write_text("[settings]\ndefault = own_settings\n")
    (folder / "own_settings.py").write_text(SETTINGS)
    site = f"class Site(StorySpider):\n    name = 'site'\n    home = {home!r}\n"
    (folder / "own_sites.py").write_text(f"from archiver.spider import StorySpider\n\n{site}")
    return folder


def some_events() -> Sequence[SourceEvent]:
    """Events of three sections, put up within a day: enough for each call to come often, few enough for a quick crawl."""
    chosen = [event for event in load_events() if event.section in ("policy", "markets", "technology", "business")]
    counts: Counter[str] = Counter(event.section for event in chosen)
    sections = [section for section, _ in counts.most_common(3)]
    chosen = [event for event in chosen if event.section in sections]
    first = min(event.published for event in chosen).replace(hour=1, minute=0)
    return [replace(event, published=first + timedelta(minutes=7 * n)) for n, event in enumerate(chosen)][:18]


@contextmanager
def small_site() -> Iterator[tuple[DemoNetwork, RunningSite]]:
    with DemoNetwork(events=some_events()) as network:
        yield network, network[SITE]


# What stands in an archive


def rows(root: Path, table: str) -> list[dict[str, Any]]:
    found = []
    for path in sorted((root / table).rglob("*.parquet")):
        keys = dict(part.split("=") for part in path.parts if "=" in part)
        whole = pq.ParquetFile(path, page_checksum_verification=True).read()
        assert whole.schema.equals(STORIES if table == "stories" else REVISIONS), path
        found += [{**row, **{key: keys[key] for key in PARTITION_KEYS}} for row in whole.to_pylist()]
    return found


def content(root: Path, table: str) -> dict[tuple[str, int], dict[str, Any]]:
    """What is the same in each archive of the same site: story and revision → columns."""
    found = {}
    for row in rows(root, table):
        key = row["story_id"], row["revision"]
        assert key not in found, f"{table}: {row['url']} stands there twice"
        found[key] = {name: value for name, value in row.items() if name not in TIMES}
    return found


def known_addresses(root: Path, site: str) -> dict[str, tuple[Any, ...]]:
    """What the ledger knows of each address: kind, story, content, and whether it is planned to be visited again.

    304 is as good as 200: what the crawl before the fault has read is asked for with conditions.
    """
    with closing(sqlite3.connect(ledger_file(Archive(root), site))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        select = "SELECT url, kind, story_id, content_hash, iif(status = 304, 200, status), failures, next_visit > 0"
        select += " FROM urls WHERE kind != 'sitemap'"  # those are read anew with the home page, at most a week later
        return {row[0]: row[1:] for row in connection.execute(select)}


@dataclass
class State:
    stories: dict[tuple[str, int], dict[str, Any]]
    revisions: dict[tuple[str, int], dict[str, Any]]
    addresses: dict[str, tuple[Any, ...]]

    @classmethod
    def of(cls, root: Path, site: str) -> State:
        return cls(content(root, "stories"), content(root, "revisions"), known_addresses(root, site))


@dataclass
class Faults:
    """What is wrong with an archive, in words."""

    found: list[str] = field(default_factory=list)

    def check(self, is_right: object, what: str) -> None:
        if not is_right:
            self.found.append(what)


def compare(root: Path, site: str, alone: State) -> list[str]:
    """Name all that an archive has otherwise than one that was left alone, and all that is broken in it."""
    faults = Faults()
    try:
        state = State.of(root, site)
    except (AssertionError, OSError, sqlite3.Error, ValueError) as error:
        return [f"{type(error).__name__}: {error}"]
    _compare_rows("stories", state.stories, alone.stories, faults)
    _compare_rows("revisions", state.revisions, alone.revisions, faults)
    for url in sorted({*state.addresses, *alone.addresses}):
        is_, was = state.addresses.get(url), alone.addresses.get(url)
        faults.check(is_ == was, f"ledger: {url} is {is_}, not {was}")
    check_raw(root, faults)
    check_manifest(root, faults)
    check_leftovers(root, faults)
    return faults.found


def _compare_rows(name: str, is_: dict[Any, Any], was: dict[Any, Any], faults: Faults) -> None:
    for key in was.keys() - is_.keys():
        faults.check(False, f"{name}: lost {key} {was[key]['url']}")
    for key in is_.keys() - was.keys():
        faults.check(False, f"{name}: too many {key} {is_[key]['url']}")
    for key in is_.keys() & was.keys():
        differing = [column for column in was[key] if is_[key][column] != was[key][column]]
        faults.check(not differing, f"{name}: {was[key]['url']} differs in {differing}")


def check_raw(root: Path, faults: Faults) -> None:
    """Each raw file is whole, and each row's record is the page of which its text was made."""
    archive = Archive(root)
    for path in sorted(raw_dir(archive).glob("*/*.warc.gz")):
        faults.found += check_raw_file(path)
    for row in rows(root, "stories"):
        try:
            record = read_record(archive, row["raw_file"], row["raw_offset"])
        except (OSError, TypeError) as error:
            faults.found.append(f"{row['url']}: its raw record: {error}")
            continue
        faults.check(record.url == row["url"], f"{row['url']}: its raw record is {record.url}")
        faults.check(record.sha256 == row["raw_sha256"], f"{row['url']}: another digest than its raw record")
        faults.check(record.fetched_at == row["fetched_at"], f"{row['url']}: fetched at another time than its record")
        page = read_page(record.body, record.content_type or "")
        printed = extract_story(page, record.url, now=record.fetched_at)
        again = normalize_story(printed, fetched_at=record.fetched_at)
        same = (again.title, again.body) == (row["title"], row["body"])
        faults.check(same, f"{row['url']}: its raw record tells another story")


def check_manifest(root: Path, faults: Faults) -> None:
    """The manifest names each published file as it is, and no other."""
    archive = Archive(root)
    days, told = {}, {}
    for path in archive.manifest_dir.glob("date=*.json"):
        days[path.stem.removeprefix("date=")] = hashlib.sha256(path.read_bytes()).hexdigest()
        told.update(json.loads(path.read_bytes())["files"])
    faults.check(json.loads(archive.manifest_file.read_bytes())["days"] == days, "manifest.json: wrong digests of days")
    there = {
        path.relative_to(root).as_posix(): path
        for name in ("stories", "revisions", "lineage")
        for path in (root / name).rglob("*.*")
    }
    there = {name: path for name, path in there.items() if path.is_file()}
    faults.check(told.keys() == there.keys(), f"manifest: {sorted(told.keys() ^ there.keys())}")
    for name, path in there.items():
        whole = path.read_bytes()
        is_ = {
            "bytes": len(whole),
            "sha256": hashlib.sha256(whole).hexdigest(),
            "rows": pq.read_metadata(path).num_rows,
        }
        faults.check({key: told.get(name, {}).get(key) for key in is_} == is_, f"manifest: {name} is not as it says")


def check_leftovers(root: Path, faults: Faults) -> None:
    archive = Archive(root)
    left = [*archive.staging_dir.glob("*"), *archive.inbox_dir.glob("*.jsonl"), *archive.state_dir.glob("*.damaged-*")]
    faults.check(not left, f"left over: {[str(path.relative_to(root)) for path in left]}")
    for path in archive.runs_dir.glob("*"):
        try:
            json.loads(path.read_bytes())
        except ValueError:
            faults.check(False, f"{path.name} is no run record")


def site_name_of(site: RunningSite) -> str:
    return site_of(site.base_url + "/")


class Reader:
    """Somebody who reads the archive with pandas and DuckDB all the while, in a process of their own."""

    def __init__(self) -> None:
        command = [sys.executable, str(HERE / "reader.py")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.reads = self.again = 0

    def _say(self, order: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()

    @contextmanager
    def watching(self, root: Path, faults: list[str]) -> Iterator[None]:
        self._say(f"watch {root}")
        try:
            yield
        finally:
            assert self._process.stdout
            self._say("stop")
            report = json.loads(self._process.stdout.readline())
            self.reads += report["reads"]
            self.again += report["again"]
            faults += report["faults"]

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=30)
