from __future__ import annotations

import errno
import json
import logging
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import NOW, fill_inbox, make_story

from archiver.items import Found
from archiver.normalize import story_id
from archiver.schedule import LONGEST, SHORTEST
from archiver.store import ledger as ledger_module
from archiver.store import sqlite as sqlite_module
from archiver.store.archive import Archive, Partition, StorageError
from archiver.store.known import Known, complete
from archiver.store.ledger import SYNC_EVERY, Ledger, ledger_file, reserve_partitions
from archiver.store.ledgerfile import check_ledger, removed_file
from archiver.store.publish import publish
from archiver.store.seal import SealedConnection
from archiver.store.tables import MIGRATIONS, URL_COLUMNS, url_from_row, url_to_row

SITE = "wire.example"
LISTING = f"https://{SITE}/policy"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "data")


@pytest.fixture
def ledger(archive: Archive) -> Iterator[Ledger]:
    with Ledger.open(archive, SITE) as ledger:
        yield ledger


def address(name: object) -> str:
    return f"https://{SITE}/article/{name}"


def found(*names: object, **what: Any) -> list[tuple[str, Found]]:
    return [(address(name), Found(**{"via": "listing", "listing_url": LISTING} | what)) for name in names]


def fetch(ledger: Ledger, name: object, at: datetime = NOW, **answer: Any) -> None:
    url = address(name)
    ledger.note_fetched(url, at=at, **{"content_hash": "1", "story_id": story_id(url)} | answer)


def known(ledger: Ledger, name: object) -> Known:
    it = ledger.get(address(name))
    assert it is not None
    return it


def names(rows: list[Known]) -> list[str]:
    return [row.url.rpartition("/")[2] for row in rows]


# --- addresses found


def test_only_what_was_unknown_comes_back(ledger: Ledger) -> None:
    assert ledger.note_found(found("a", "b"), NOW) == {address("a"), address("b")}
    assert ledger.note_found(found("b", "c"), NOW + HOUR) == {address("c")}
    ledger.flush()
    assert ledger.note_found(found("a", "c"), NOW + 2 * HOUR) == set()
    assert (known(ledger, "a").first_seen, known(ledger, "a").last_seen) == (NOW, NOW + 2 * HOUR)


def test_what_a_listing_said_first_is_kept(archive: Archive) -> None:
    said = Found(
        via="feed",
        listing_url=f"https://{SITE}/feed",
        section_label="Politik & Recht “漢字”",
        published_at=NOW - HOUR,
        published_raw="Mon, 29 Jun",
        title="A title",
    )
    with Ledger.open(archive, SITE) as ledger:
        ledger.note_found([(address("a"), said)], NOW)
        ledger.note_found(found("a", title="Another"), NOW + HOUR)
    with Ledger.open(archive, SITE) as ledger:
        assert known(ledger, "a").found == said


def test_what_no_listing_said_before_is_added(ledger: Ledger) -> None:
    undated = Found(via="listing", listing_url=f"https://{SITE}/policy", section_label="Policy")
    dated = Found(
        via="feed", listing_url=f"https://{SITE}/feed", section_label="Latest", published_at=NOW, title="A title"
    )
    ledger.note_found([(address("a"), undated)], NOW)
    ledger.note_found([(address("a"), dated)], NOW + HOUR)
    both = replace(dated, section_label="Policy")  # the date comes with the feed that says it, the section stays
    assert known(ledger, "a").found == both
    assert complete(Found(via="sitemap"), both) == both
    assert complete(replace(undated, section_label="Rules"), both) == replace(both, section_label="Rules")


def test_a_story_is_pending_until_the_site_has_answered(ledger: Ledger) -> None:
    ledger.note_found(found("a", "b", "c", "d", "e"), NOW)
    ledger.note_found([(LISTING, Found())], NOW, kind="listing")
    fetch(ledger, "a")
    ledger.note_gone(address("b"), at=NOW, status=404)
    ledger.note_failed(address("c"), at=NOW, reason="timeout")
    ledger.note_fetched(address("d"), at=NOW, kind="other")
    assert names(ledger.pending()) == ["c", "e"]
    assert names(ledger.pending(NOW)) == ["e"]
    assert names(ledger.pending(NOW + HOUR)) == ["c", "e"]
    assert names(ledger.pending(limit=1)) == ["c"]


def test_a_story_that_a_sitemap_calls_touched_is_due_until_it_is_visited(archive: Archive) -> None:
    stories = found("a", "b", "new", via="sitemap")
    with Ledger.open(archive, SITE) as ledger:
        for name in "ab":
            fetch(ledger, name)
        ledger.note_found(stories, NOW, lastmods={address(name): "2026-06-29" for name in "ab"})
        assert ledger.due(NOW) == []
        ledger.note_found(stories, NOW, lastmods={address("a"): "2026-06-30", address("b"): "2026-06-29"})
    with Ledger.open(archive, SITE) as ledger:
        assert names(ledger.due(NOW)) == ["a"]
        ledger.note_unchanged(address("a"), at=NOW)
        assert ledger.due(NOW) == []
        assert names(ledger.pending()) == ["new"]


# --- answers


def test_everything_noted_of_a_page_is_read_back(archive: Archive) -> None:
    at = NOW + timedelta(microseconds=1)
    with Ledger.open(archive, SITE) as ledger:
        ledger.note_found(found("a"), NOW)
        ledger.note_fetched(
            address("a"),
            at=at,
            status=203,
            etag='W/"ä"',
            last_modified="yesterday",
            payload_sha256="ab",
            raw_file="2026-06-29/wire.example-1.warc.gz",
            raw_offset=2**40,
            content_hash="cd",
            story_id="ef",
            published_at=datetime(1, 1, 1, tzinfo=UTC),
        )
        noted = known(ledger, "a")
    with Ledger.open(archive, SITE) as ledger:
        assert known(ledger, "a") == noted
    assert noted == Known(
        url=address("a"),
        found=found("a")[0][1],
        first_seen=NOW,
        last_seen=at,
        last_fetched=at,
        status=203,
        etag='W/"ä"',
        last_modified="yesterday",
        payload_sha256="ab",
        raw_file="2026-06-29/wire.example-1.warc.gz",
        raw_offset=2**40,
        raw_fetched_at=at,
        content_hash="cd",
        story_id="ef",
        published_at=datetime(1, 1, 1, tzinfo=UTC),
        visits=1,
        next_visit=at + LONGEST,
    )


texts = st.none() | st.text(max_size=8) | st.just("half \ud800 a pair")
moments = st.datetimes(timezones=st.just(UTC))
ANY_KNOWN = st.builds(
    Known,
    **{
        field.name: {
            "str": st.text(min_size=1, max_size=8),
            "str | None": texts,
            "bool": st.booleans(),
            "int": st.integers(0, 2**40),
            "int | None": st.none() | st.integers(0, 2**40),
            "datetime": moments,
            "datetime | None": st.none() | moments,
            "Kind": st.just("story"),
            "Found": st.builds(Found, via=st.just("feed"), title=texts, published_at=st.none() | moments),
        }[str(field.type)]
        for field in fields(Known)
    },
)


@given(ANY_KNOWN)
def test_a_row_is_what_was_put_into_it(row: Known) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        marks = ",".join("?" * len(URL_COLUMNS))
        values = connection.execute(f"SELECT {marks}", url_to_row(row)).fetchone()
    read = url_from_row(values)
    assert url_to_row(read) == url_to_row(row)
    if "\\ud" not in repr(row):
        assert read == row


def test_the_table_has_the_columns_of_the_dataclass(ledger: Ledger) -> None:
    with closing(sqlite3.connect(ledger_file(ledger._file._archive, SITE))) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(urls)")]
    assert sorted(columns) == sorted(URL_COLUMNS)


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"content_hash": "1"}, {"content_hash": "1", "payload_sha256": "other"}, 0),
        ({"content_hash": "1"}, {"content_hash": "2"}, 1),
        ({"content_hash": None}, {"content_hash": "2"}, 0),
        ({"content_hash": None, "payload_sha256": "x"}, {"content_hash": None, "payload_sha256": "x"}, 0),
        ({"content_hash": None, "payload_sha256": "x"}, {"content_hash": None, "payload_sha256": "y"}, 1),
    ],
)
def test_a_change_is_one_of_content(
    ledger: Ledger, before: dict[str, Any], after: dict[str, Any], changes: int
) -> None:
    fetch(ledger, "a", **before)
    fetch(ledger, "a", NOW + DAY, **after)
    row = known(ledger, "a")
    assert (row.visits, row.changes, row.last_changed) == (2, changes, NOW + DAY if changes else None)


def test_an_unchanged_page_keeps_what_is_known_of_it(ledger: Ledger) -> None:
    fetch(ledger, "a", etag="1", last_modified="x", raw_file="f", raw_offset=7, payload_sha256="p")
    first = known(ledger, "a")
    ledger.note_unchanged(address("a"), at=NOW + HOUR, etag="2")
    now = known(ledger, "a")
    assert (now.etag, now.last_modified, now.status, now.visits) == ("2", "x", 304, 2)
    for name in ("content_hash", "story_id", "raw_file", "raw_offset", "raw_fetched_at", "payload_sha256", "changes"):
        assert getattr(now, name) == getattr(first, name)


def test_a_validator_too_long_to_send_back_is_dropped_not_cut(ledger: Ledger) -> None:
    fetch(ledger, "a", etag='"' + "x" * 5000 + '"', last_modified="")
    assert (known(ledger, "a").etag, known(ledger, "a").last_modified) == (None, None)


def test_a_410_is_gone_at_once_and_a_404_after_a_day(ledger: Ledger) -> None:
    for name in "ab":
        fetch(ledger, name)
    assert ledger.note_gone(address("a"), at=NOW, status=410)
    assert not ledger.note_gone(address("b"), at=NOW, status=404)
    assert not ledger.note_gone(address("b"), at=NOW + 23 * HOUR, status=404)
    ledger.note_failed(address("b"), at=NOW + 23 * HOUR, reason="timeout")
    assert ledger.note_gone(address("b"), at=NOW + 24 * HOUR, status=404)
    assert known(ledger, "b").gone_at == NOW + 24 * HOUR
    assert ledger.note_gone(address("b"), at=NOW + 25 * HOUR, status=404)
    assert known(ledger, "b").gone_at == NOW + 24 * HOUR


@pytest.mark.parametrize("answer", ["page", "unchanged"])
def test_a_story_that_returns_is_gone_no_more(ledger: Ledger, answer: str) -> None:
    ledger.note_gone(address("a"), at=NOW, status=410)
    if answer == "page":
        fetch(ledger, "a", NOW + DAY)
    else:
        ledger.note_unchanged(address("a"), at=NOW + DAY)
    row = known(ledger, "a")
    assert (row.is_gone, row.missing_since) == (False, None)
    assert not ledger.note_gone(address("a"), at=NOW + 2 * DAY, status=404)


def test_a_gone_story_is_looked_at_again_ever_more_seldom(ledger: Ledger) -> None:
    at, waits = NOW, []
    for _ in range(12):
        ledger.note_gone(address("a"), at=at, status=404)
        then = known(ledger, "a").next_visit
        assert then is not None
        waits.append((then - at).days)
        at = then
    assert waits == [1, 1, 2, 4, 8, 16, 32, 64, 90, 90, 90, 90]


def test_failures_back_off_until_an_answer(ledger: Ledger) -> None:
    fetch(ledger, "a")
    for hours in (1, 2, 4):
        ledger.note_failed(address("a"), at=NOW, reason="503 " * 1000)
        assert known(ledger, "a").next_visit == NOW + hours * HOUR
    assert (known(ledger, "a").failures, len(known(ledger, "a").failure or "")) == (3, 200)
    assert names(ledger.due(NOW + 4 * HOUR)) == ["a"]
    ledger.note_unchanged(address("a"), at=NOW)
    assert (known(ledger, "a").failures, known(ledger, "a").failure) == (0, None)


def test_only_stories_are_ever_due(ledger: Ledger) -> None:
    for kind in ("listing", "feed", "sitemap", "part", "other"):
        ledger.note_fetched(address(kind), at=NOW, kind=kind, etag="1")
        ledger.note_unchanged(address(kind), at=NOW)
        ledger.note_failed(address(kind), at=NOW, reason="x")
        ledger.note_gone(address(kind), at=NOW, status=404)
    assert ledger.due(NOW + 3650 * DAY) == ledger.pending() == []
    assert known(ledger, "feed").etag == "1"


# --- when


def test_the_most_overdue_come_first(ledger: Ledger) -> None:
    for name, age in (("old", 100 * DAY), ("new", HOUR), ("middle", 4 * DAY)):
        fetch(ledger, name, published_at=NOW - age)
    assert ledger.due(NOW) == []
    assert names(ledger.due(NOW + 3 * HOUR)) == ["new"]
    assert names(ledger.due(NOW + 80 * DAY)) == ["new", "middle", "old"]
    assert names(ledger.due(NOW + 80 * DAY, limit=2)) == ["new", "middle"]


def test_the_sites_rate_counts_once_there_are_looks_enough(ledger: Ledger) -> None:
    assert ledger.site_change_rate == pytest.approx(0.1)
    for number in range(200):
        fetch(ledger, number)
        fetch(ledger, number, NOW + DAY, content_hash=str(number % 2))
    assert ledger.site_change_rate == pytest.approx(102 / 220)
    fetch(ledger, "first look")
    ledger.flush()
    assert ledger.site_change_rate == pytest.approx(102 / 220)
    quiet = ledger.get(address("first look"))
    assert quiet is not None
    assert quiet.next_visit == NOW + SHORTEST


def test_after_a_clock_a_year_ahead_each_story_is_visited_once_and_planned_anew(ledger: Ledger) -> None:
    ahead = NOW + 365 * DAY
    fetch(ledger, "known", published_at=NOW - DAY)
    assert names(ledger.due(ahead)) == ["known"]
    ledger.note_found(found("found"), ahead)
    fetch(ledger, "known", ahead, content_hash="2")
    fetch(ledger, "found", ahead)
    ledger.complete_pass(LISTING, ahead)
    assert sorted(names(ledger.due(NOW + HOUR))) == ["found", "known"]
    assert names(ledger.due(NOW + HOUR, limit=1)) == ["found"]
    for name in ("known", "found"):
        ledger.note_unchanged(address(name), at=NOW + HOUR)
        row = known(ledger, name)
        assert row.next_visit is not None
        assert NOW + 3 * HOUR <= row.next_visit <= NOW + HOUR + DAY
        assert max(row.first_seen, row.last_changed or row.first_seen) <= NOW + HOUR
    assert ledger.due(NOW + HOUR) == []


def test_after_a_clock_a_day_back_visits_go_on(ledger: Ledger) -> None:
    fetch(ledger, "a", published_at=NOW - 4 * DAY)
    ledger.note_gone(address("b"), at=NOW, status=404)
    back = NOW - DAY
    assert ledger.due(back) == []
    ledger.note_unchanged(address("a"), at=back)
    then = known(ledger, "a").next_visit
    assert then is not None
    assert 1.5 * DAY <= then - back <= 3 * DAY
    assert not ledger.note_gone(address("b"), at=back, status=404)
    assert known(ledger, "b").missing_since == back
    assert names(ledger.due(NOW + DAY)) == ["b", "a"]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(["page", "same", "gone", "fail"]), st.integers(-400, 400)), max_size=15))
def test_whatever_the_clock_does_every_story_is_due_within_the_longest_interval(steps: list[tuple[str, int]]) -> None:
    at = NOW
    ledger = Ledger(Archive(Path("/nonexistent")), SITE)
    ledger._file._connection = _memory()
    for number, (what, days) in enumerate(steps):
        at += days * DAY
        match what:
            case "page":
                fetch(ledger, "a", at, content_hash=str(number))
            case "same":
                ledger.note_unchanged(address("a"), at=at)
            case "gone":
                ledger.note_gone(address("a"), at=at, status=404)
            case "fail":
                ledger.note_failed(address("a"), at=at, reason="timeout")
        for jump in (-365 * DAY, -DAY, timedelta(0), 365 * DAY):
            now = at + jump
            rows = ledger.due(now) or ledger.due(now + LONGEST) or ledger.pending(now + LONGEST)
            assert names(rows) == ["a"]
        assert not ledger.due(at)


def _memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for migration in MIGRATIONS:
        for statement in migration:
            connection.execute(statement)
    return connection


# --- stories that move


def test_a_story_that_moves_keeps_its_id_and_history(ledger: Ledger) -> None:
    fetch(ledger, "old", published_at=NOW - DAY)
    fetch(ledger, "old", NOW + HOUR, content_hash="2")
    assert ledger.note_moved(address("old"), address("new"), at=NOW + DAY) == story_id(address("old"))
    assert ledger.story_of(address("new")) == ledger.story_of(address("old")) == story_id(address("old"))
    fetch(ledger, "new", NOW + DAY, content_hash="2", story_id=story_id(address("old")))
    row = known(ledger, "new")
    assert (row.visits, row.changes, row.first_seen, row.published_at) == (3, 1, NOW, NOW - DAY)
    assert names(ledger.due(NOW + 400 * DAY)) == ["new"]
    assert ledger.note_moved(address("new"), address("newer"), at=NOW + 2 * DAY) == story_id(address("old"))
    assert ledger.note_moved(address("newer"), address("old"), at=NOW + 3 * DAY) == story_id(address("old"))
    assert known(ledger, "old").moved_to is None


def test_a_story_does_not_take_over_the_place_of_another(ledger: Ledger) -> None:
    fetch(ledger, "a")
    fetch(ledger, "b", content_hash="2")
    assert ledger.note_moved(address("a"), address("b"), at=NOW) == story_id(address("b"))
    assert known(ledger, "b").content_hash == "2"
    assert ledger.story_of(address("a")) == story_id(address("a"))
    assert ledger.note_moved(address("a"), address("a"), at=NOW) == story_id(address("a"))


def test_an_address_never_fetched_leads_to_the_story_it_redirects_to(ledger: Ledger) -> None:
    ledger.note_found(found("short"), NOW)
    ledger.note_moved(address("short"), address("long"), at=NOW)
    assert ledger.story_of(address("short")) is None
    fetch(ledger, "long")
    assert ledger.story_of(address("short")) == story_id(address("long"))
    assert ledger.pending() == []
    ledger.note_moved(address("x"), address("y"), at=NOW)
    ledger.note_moved(address("y"), address("x"), at=NOW)
    assert ledger.story_of(address("x")) is None


# --- listings


def test_a_pass_that_was_cut_is_unfinished_until_one_is_complete(archive: Archive) -> None:
    with Ledger.open(archive, SITE) as ledger:
        assert (ledger.last_complete_pass(LISTING), ledger.unfinished_pass(LISTING)) == (None, None)
        ledger.begin_pass(LISTING, NOW, label="Policy")
        for page in range(1, 8):
            ledger.note_pass(LISTING, f"{LISTING}?page={page}", NOW)
    with Ledger.open(archive, SITE) as ledger:
        assert ledger.unfinished_pass(LISTING) == f"{LISTING}?page=7"
        ledger.begin_pass(LISTING, NOW + DAY)
        ledger.note_pass(LISTING, LISTING, NOW + DAY)
    with Ledger.open(archive, SITE) as ledger:
        assert ledger.unfinished_pass(LISTING) == f"{LISTING}?page=7"
        ledger.note_pass(LISTING, f"{LISTING}?page=7", NOW + DAY)
        ledger.note_pass(LISTING, f"{LISTING}?page=8", NOW + DAY)
        assert ledger.unfinished_pass(LISTING) == f"{LISTING}?page=8"
        assert ledger.counts()["unfinished_listings"] == 1
        ledger.complete_pass(LISTING, NOW + 2 * DAY)
    with Ledger.open(archive, SITE) as ledger:
        assert (ledger.last_complete_pass(LISTING), ledger.unfinished_pass(LISTING)) == (NOW + 2 * DAY, None)


# --- take-downs


def test_what_was_removed_never_comes_back(archive: Archive) -> None:
    wanted = {story_id(address("a")): Partition(date(2026, 6, 29), "policy")}
    reserve_partitions(archive, SITE, wanted)
    with Ledger.open(archive, SITE) as ledger:
        fetch(ledger, "a")
        fetch(ledger, "b")
        ledger.note_moved(address("short"), address("a"), at=NOW)
        fetch(ledger, "alias", story_id=story_id(address("a")))
        ledger.remember_removed(address("a"), story_id(address("a")), "court order", NOW)
        for name in ("a", "short", "alias"):
            assert ledger.is_removed(address(name))
            assert ledger.get(address(name)) is None
        assert ledger.is_removed(address("elsewhere"), story_id(address("a")))
        assert not ledger.is_removed(address("b"))
        assert ledger.note_found(found("a", "alias", "c"), NOW) == {address("c")}
        fetch(ledger, "a")  # by a crawl that does not ask
        ledger.note_moved(address("b"), address("alias"), at=NOW)
    with Ledger.open(archive, SITE) as ledger:
        assert names(ledger.due(NOW + 400 * DAY) + ledger.pending()) == ["c"]
        assert ledger.counts()["removed"] == 3
    with closing(sqlite3.connect(ledger_file(archive, SITE))) as connection:
        assert connection.execute("SELECT * FROM stories").fetchall() == []


def test_a_take_down_during_a_crawl_holds(archive: Archive) -> None:
    with Ledger.open(archive, SITE) as crawl, Ledger.open(archive, SITE) as remove:
        fetch(crawl, "a")
        crawl.flush()
        fetch(crawl, "a", NOW + DAY)
        remove.remember_removed(address("a"), story_id(address("a")), "why", NOW)
        crawl.flush()
        assert crawl.get(address("a")) is None


@pytest.mark.parametrize("loss", ["missing", "junk"])
def test_take_downs_outlive_the_ledger(archive: Archive, loss: str) -> None:
    publish_them(archive, make_story("a"), make_story("b"))
    with Ledger.open(archive, SITE) as ledger:
        ledger.remember_removed(address("a"), story_id(address("a")), "why “”", NOW)
    path, listed = ledger_file(archive, SITE), removed_file(archive, SITE)
    with listed.open("ab") as file:
        file.write(b'{"url": "torn')
    path.unlink() if loss == "missing" else path.write_bytes(b"\x00junk" * 5000)
    with Ledger.open(archive, SITE) as ledger:
        assert ledger.is_removed(address("a"))
        assert names(list(ledger.each())) == ["b"]
        ledger.remember_removed(address("c"), None, "why", NOW)
    urls = [json.loads(line)["url"] for line in listed.read_bytes().splitlines() if line.endswith(b"}")]
    assert urls == [address("a"), address("c")]


def test_a_take_down_that_was_cut_short_is_finished_by_the_next_to_open(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger.open(archive, SITE)
    fetch(ledger, "a")
    fetch(ledger, "alias", story_id=story_id(address("a")))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ledger_module, "forget", interrupt)
        ledger.remember_removed(address("a"), story_id(address("a")), "why", NOW)
    assert ledger.get(address("a")) is not None
    ledger.close()
    with Ledger.open(archive, SITE) as ledger:
        assert ledger.is_removed(address("alias"))
        assert list(ledger.each()) == []


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_rewritten_raw_files_take_their_rows_along(ledger: Ledger) -> None:
    for number, name in enumerate("abc"):
        fetch(ledger, name, raw_file="f", raw_offset=number * 100)
    fetch(ledger, "d", raw_file="g", raw_offset=100)
    ledger.move_raw("f", {0: 0, 200: 100})
    assert [(known(ledger, n).raw_file, known(ledger, n).raw_offset) for n in "abcd"] == [
        ("f", 0), (None, None), ("f", 100), ("g", 100),
    ]  # fmt: skip


# --- the file


def test_each_goes_through_all_stories_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "_PAGE", 3)
    ledger.note_found(found(*range(10)), NOW)
    ledger.note_fetched(LISTING, at=NOW, kind="listing")
    seen = []
    for row in ledger.each():
        seen.append(row.url)
        ledger.note_unchanged(row.url, at=NOW)
    assert seen == [address(number) for number in range(10)]
    assert [row.url for row in ledger.each("listing")] == [LISTING]


def test_counts_for_a_status(ledger: Ledger) -> None:
    ledger.note_found(found("p", "f"), NOW)
    ledger.note_failed(address("f"), at=NOW, reason="timeout")
    fetch(ledger, "a")
    fetch(ledger, "g")
    ledger.note_gone(address("g"), at=NOW, status=410)
    ledger.note_gone(address("m"), at=NOW, status=404)
    ledger.note_fetched(address("o"), at=NOW, kind="other")
    ledger.note_moved(address("x"), address("a"), at=NOW)
    assert ledger.counts(NOW + DAY) == {
        "stories": 2, "pending": 2, "failing": 1, "missing": 1, "gone": 1, "moved": 1, "other": 1, "removed": 0,
        "unfinished_listings": 0, "due": 3,
    }  # fmt: skip


def make_version_1(archive: Archive, *stories: tuple[str, str, str]) -> Path:
    """A ledger as the archiver before this one left it."""
    path = ledger_file(archive, SITE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(MIGRATIONS[0][0])
        connection.executemany("INSERT INTO stories VALUES (?, ?, ?)", stories)
        connection.execute("PRAGMA user_version = 1")
    return path


def publish_them(archive: Archive, *stories: Any) -> None:
    fill_inbox(archive, "1", *stories)
    publish(archive)


@pytest.mark.parametrize("first", ["reserve", "open"])
def test_a_ledger_of_version_1_is_migrated_in_place(archive: Archive, first: str) -> None:
    stories = [make_story(str(number), published_at=NOW - number * DAY) for number in range(50)]
    publish_them(archive, *stories, make_story("elsewhere", site="b.example"))
    ledger_file(archive, SITE).unlink()
    moved = {story.story_id: ("2026-06-28", "markets") for story in stories}  # not what the archive says
    path = make_version_1(archive, *((key, *place) for key, place in moved.items()))
    other = {story.story_id: Partition(date(2026, 7, 1), "world") for story in stories}
    expected = {key: Partition(date.fromisoformat(day), section) for key, (day, section) in moved.items()}
    if first == "reserve":
        assert reserve_partitions(archive, SITE, other) == expected
    with Ledger.open(archive, SITE) as ledger:
        assert {row.story_id for row in ledger.each()} == set(moved)
        row = known(ledger, "3")
        assert (row.content_hash, row.published_at, row.visits) == (stories[3].content_hash, NOW - 3 * DAY, 1)
        assert ledger.due(NOW) == ledger.pending() == []
        assert len(ledger.due(NOW + LONGEST)) == 50
    assert reserve_partitions(archive, SITE, other) == expected
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert not list(path.parent.glob("*.damaged*"))


def test_a_newer_ledger_is_left_as_it_is(archive: Archive) -> None:
    path = make_version_1(archive)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StorageError, match="newer archiver") as caught:
        Ledger.open(archive, SITE)
    assert caught.value.filename == str(path)


def test_a_gone_story_is_known_as_gone_from_the_archive(archive: Archive) -> None:
    publish_them(archive, replace(make_story("a"), status="gone", raw_file="f", raw_offset=3, raw_sha256="x"))
    with Ledger.open(archive, SITE) as ledger:
        row = known(ledger, "a")
        assert ledger.due(NOW + DAY) == [row]
    assert (row.is_gone, row.raw_file, row.raw_offset, row.payload_sha256) == (True, "f", 3, "x")


@pytest.mark.parametrize(
    ("source", "date_found"), [("json-ld", None), ("listing", datetime(2026, 6, 29, 9, tzinfo=UTC))]
)
def test_a_rebuilt_ledger_knows_what_the_listing_had_said(
    archive: Archive, source: str, date_found: datetime | None
) -> None:
    publish_them(archive, make_story("a", date_source=source))
    with Ledger.open(archive, SITE) as ledger:
        said = known(ledger, "a").found
    assert (said.section_label, said.published_at) == ("Policy", date_found)
    assert (said.published_raw is None) == (date_found is None)


@pytest.mark.parametrize("loss", ["missing", "empty", "junk", "torn", "half"])
def test_a_lost_ledger_knows_the_archives_stories(
    archive: Archive, loss: str, caplog: pytest.LogCaptureFixture
) -> None:
    stories = [make_story(str(number)) for number in range(300)]
    publish_them(archive, *stories)
    with Ledger.open(archive, SITE) as ledger:
        ledger.note_found(found(*range(1000, 1300)), NOW)
    path = ledger_file(archive, SITE)
    content = path.read_bytes()
    match loss:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "junk":
            path.write_bytes(b"\x00junk" * 5000)
        case "torn":
            path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
        case "half":
            path.write_bytes(content[: len(content) // 2])
    with Ledger.open(archive, SITE) as ledger:
        assert {row.url for row in ledger.each()} == {story.url for story in stories}
        assert ledger.note_found(found(0, 1000), NOW) == {address(1000)}
    is_damage = loss not in ("missing", "empty")
    assert path.with_name(f"{path.name}.damaged-1").exists() == is_damage
    assert ("was damaged" in caplog.text) == is_damage


@pytest.mark.parametrize("damage", ["none", "missing", "junk", "torn", "index"])
def test_a_check_names_damage_and_mends_nothing(archive: Archive, damage: str) -> None:
    with Ledger.open(archive, SITE) as ledger:
        ledger.note_found(found(*range(3000)), NOW)
    path = ledger_file(archive, SITE)
    content = path.read_bytes()
    match damage:
        case "missing":
            path.unlink()
        case "junk":
            path.write_bytes(b"\x00junk" * 5000)
        case "torn":
            path.write_bytes(content[: len(content) // 2])
        case "index":
            at = content.rindex(b"https://wire.example/article/2999")
            path.write_bytes(content[: at + 30] + b"x" + content[at + 31 :])
    before = path.read_bytes() if path.exists() else None
    faults = check_ledger(archive, SITE)
    assert bool(faults) == (damage not in ("none", "missing"))
    assert all(fault.startswith(f"{path}: ") for fault in faults)
    assert (path.read_bytes() if path.exists() else None) == before


def test_damage_met_in_the_midst_of_a_crawl_costs_no_note(archive: Archive, caplog: pytest.LogCaptureFixture) -> None:
    publish_them(archive, make_story("a"))
    path = ledger_file(archive, SITE)
    with Ledger.open(archive, SITE) as ledger:
        ledger.note_found(found(*range(3000)), NOW)
        ledger.flush()
        fetch(ledger, "noted")
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (path.stat().st_size - 4096))
        assert {row.url for row in ledger.each()} == {address("a"), address("noted")}
    with Ledger.open(archive, SITE) as ledger:
        assert known(ledger, "noted").visits == 1
    assert "was damaged" in caplog.text


@pytest.mark.parametrize("how", ["deleted", "set aside"])
def test_a_ledger_that_goes_during_a_crawl_is_made_anew(archive: Archive, how: str) -> None:
    path = ledger_file(archive, SITE)
    with Ledger.open(archive, SITE) as ledger:
        fetch(ledger, "lost")
        ledger.flush()
        fetch(ledger, "noted")
        if how == "deleted":
            path.unlink()
        else:
            path.rename(path.with_name("aside"))
            reserve_partitions(archive, SITE, {"1": Partition(date(2026, 6, 29), "policy")})
    with Ledger.open(archive, SITE) as ledger:
        assert [row.url for row in ledger.each()] == [address("noted")]
    assert not list(path.parent.glob("*.damaged*"))


def test_notes_are_committed_every_64_answers_after_the_inbox(archive: Archive) -> None:
    """Each time, what the inbox was told to sync is what the ledger then knows."""
    appended: list[str] = []
    synced: list[int] = []

    def committed() -> int:
        with closing(sqlite3.connect(ledger_file(archive, SITE))) as connection:
            return int(connection.execute("SELECT count(*) FROM urls WHERE status = 200").fetchone()[0])

    def sync() -> None:
        assert committed() == (synced[-1] if synced else 0)
        synced.append(len(appended))

    with Ledger.open(archive, SITE, before_commit=sync) as ledger:
        for number in range(2 * SYNC_EVERY + 5):
            appended.append(address(number))
            fetch(ledger, number)
        assert committed() == 2 * SYNC_EVERY
    assert synced == [SYNC_EVERY, 2 * SYNC_EVERY, 2 * SYNC_EVERY + 5]
    assert committed() == 2 * SYNC_EVERY + 5


def test_when_the_inbox_cannot_sync_the_ledger_does_not_commit(archive: Archive) -> None:
    full = StorageError(errno.ENOSPC, "No space", "inbox")

    def sync() -> None:
        raise full

    ledger = Ledger.open(archive, SITE, before_commit=sync)
    fetch(ledger, "a")
    with pytest.raises(StorageError) as caught:
        ledger.close()
    assert caught.value is full
    with Ledger.open(archive, SITE) as again:
        assert again.get(address("a")) is None


def test_a_ledger_holds_no_lock_between_commits(archive: Archive) -> None:
    with Ledger.open(archive, SITE) as ledger:
        fetch(ledger, "a")
        ledger.due(NOW)
        rows = ledger.each()
        next(rows)
        fetch(ledger, "b")
        with closing(sqlite3.connect(ledger_file(archive, SITE), timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            other.execute("COMMIT")


def test_closing_twice_does_nothing(archive: Archive) -> None:
    ledger = Ledger.open(archive, SITE)
    ledger.close()
    ledger.close()


# --- kills


PAGES, PER_PAGE = 4, 6


def crawl(archive: Archive, at: datetime) -> None:
    """A crawl of one listing as the spider makes it; one that goes on where another was killed."""
    inbox = archive.root / "inbox.txt"
    with inbox.open("ab", buffering=0) as file, Ledger.open(archive, SITE, before_commit=file.flush) as ledger:
        is_whole = ledger.last_complete_pass(LISTING) is not None and ledger.unfinished_pass(LISTING) is None
        waiting = [row.url for row in ledger.pending()]
        ledger.begin_pass(LISTING, at)
        for page in range(PAGES):
            listed = range(page * PER_PAGE, (page + 1) * PER_PAGE)
            unknown = ledger.note_found(found(*listed), at)
            ledger.note_pass(LISTING, f"{LISTING}?page={page}", at)
            waiting += sorted(unknown - set(waiting))
            while waiting:
                answer(ledger, waiting.pop(0), at, file.write)
            if is_whole and not unknown:
                break
        ledger.complete_pass(LISTING, at)


def answer(ledger: Ledger, url: str, at: datetime, append: Callable[[bytes], Any]) -> None:
    match int(url.rpartition("/")[2]) % 6:
        case 1:
            ledger.note_gone(url, at=at, status=410)
        case 2:
            ledger.note_moved(url, f"{url}00", at=at)
            append(f"{url}00\n".encode())
            ledger.note_fetched(f"{url}00", at=at, content_hash="1", story_id=story_id(f"{url}00"), etag="1")
        case _:
            append(f"{url}\n".encode())
            ledger.note_fetched(url, at=at, content_hash="1", story_id=story_id(url), etag="1")


class Doomed(SealedConnection):
    """Dies before its n-th statement, those within an executemany and those that begin and commit counted too."""

    left = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.set_trace_callback(self._count)

    @classmethod
    def _count(cls, statement: str) -> None:
        cls.left -= 1
        if cls.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def crawl_and_die(archive: Archive, statement: int) -> None:
    ledger_module.SYNC_EVERY = 5  # type: ignore[misc]
    Doomed.left = statement
    sqlite_module.SealedConnection = Doomed  # type: ignore[misc]
    crawl(archive, NOW)


def start_child(target: Callable[..., None], *arguments: Any) -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["archiver.store.publish", "archiver.store.ledger"])
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


def everything(archive: Archive) -> dict[str, list[Any]]:
    tables = ("urls", "listings", "removed", "stories")
    with closing(sqlite3.connect(ledger_file(archive, SITE))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall()) for table in tables}


def crawl_and_die_writing(archive: Archive, limit: int) -> None:
    """Die in the midst of the write that makes a file, the WAL or the ledger itself, longer than the limit."""
    ledger_module.SYNC_EVERY = 5  # type: ignore[misc]
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    crawl(archive, NOW)


def check_kills(tmp_path: Path, die: Callable[[Archive, int], None], first: int, step: int) -> int:
    whole = Archive(tmp_path / "whole")
    whole.root.mkdir()
    crawl(whole, NOW)
    undisturbed = everything(whole)
    assert len(undisturbed["urls"]) == PAGES * PER_PAGE + PAGES
    point, kills = first, 0
    while True:
        archive = Archive(tmp_path / f"killed-{point}")
        archive.root.mkdir()
        process = start_child(die, archive, point)
        process.join()
        if process.exitcode == 0:
            return kills
        assert process.exitcode in (-signal.SIGKILL, -signal.SIGXFSZ)
        check_after_a_kill(archive)
        crawl(archive, NOW)
        assert everything(archive) == undisturbed, f"killed at {point}"
        appended = (archive.root / "inbox.txt").read_text().split()
        assert len(appended) - len(set(appended)) <= 5
        point, kills = point + step, kills + 1


def check_after_a_kill(archive: Archive) -> None:
    """What a page listed is known where the page counts as read, and what was fetched stands in the inbox."""
    inbox = set((archive.root / "inbox.txt").read_text().split())
    with Ledger.open(archive, SITE) as ledger:
        rows = list(ledger.each())
        assert {row.url for row in rows if row.etag} <= inbox
        if reached := ledger.unfinished_pass(LISTING):
            read = int(reached.rpartition("=")[2]) + 1
            assert {address(number) for number in range(read * PER_PAGE)} <= {row.url for row in rows}


@pytest.mark.parametrize(
    ("die", "first", "step", "kills"),
    [
        pytest.param(crawl_and_die, 3, 23, 6, marks=pytest.mark.slow),
        pytest.param(crawl_and_die_writing, 5000, 33_333, 6, marks=pytest.mark.slow),
        pytest.param(crawl_and_die, 1, 1, 100, marks=pytest.mark.torture),
        pytest.param(crawl_and_die_writing, 0, 1111, 100, marks=pytest.mark.torture),
    ],
)
def test_killed_and_started_again_a_crawl_knows_what_it_would_have_known(
    tmp_path: Path, die: Callable[[Archive, int], None], first: int, step: int, kills: int
) -> None:
    assert check_kills(tmp_path, die, first, step) >= kills


# --- two at once


def note_many(archive: Archive, count: int) -> None:
    with Ledger.open(archive, SITE) as ledger:
        for number in range(count):
            ledger.note_found(found(number), NOW)
            fetch(ledger, number)


def reserve_many(archive: Archive, count: int) -> None:
    for number in range(count):
        reserve_partitions(archive, SITE, {str(number): Partition(date(2026, 6, 29), "policy")})


@pytest.mark.parametrize("start", ["new", "version 1"])
def test_a_crawl_and_a_publisher_work_on_one_ledger(archive: Archive, start: str) -> None:
    if start == "version 1":
        make_version_1(archive, ("x", "2026-06-28", "markets"))
    children = [start_child(note_many, archive, 2000), *[start_child(reserve_many, archive, 150) for _ in range(2)]]
    for child in children:
        child.join()
        assert child.exitcode == 0
    tables = everything(archive)
    assert len(tables["urls"]) == 2000
    assert len(tables["stories"]) == 150 + (start == "version 1")


def open_when_told(archive: Archive, barrier: Any) -> None:
    barrier.wait(60)
    Ledger.open(archive, SITE).close()


@pytest.mark.slow
def test_a_new_ledger_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    for attempt in range(4):
        barrier = multiprocessing.get_context("forkserver").Barrier(4)
        children = [start_child(open_when_told, Archive(tmp_path / str(attempt)), barrier) for _ in range(4)]
        for child in children:
            child.join()
            assert child.exitcode == 0


@pytest.mark.parametrize("keys", [{"title_key": 1}, {"lead_key": 1}, {}])
def test_a_story_can_be_like_one_with_either_key(archive: Archive, keys: dict[str, int]) -> None:
    with Ledger.open(archive, SITE) as ledger:
        assert not ledger.has_stories()
        ledger.note_fetched(f"https://{SITE}/a-story", at=NOW, content_hash="a" * 64, story_id="b" * 16, **keys)
        ledger.flush()
        assert ledger.has_stories() is bool(keys)


# --- disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB. Mounting takes root; without, the limit on a file's size below has to do."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(path)]
    mounted = subprocess.run(mount, capture_output=True, check=False) if shutil.which("mount") else None
    if mounted is None or mounted.returncode:
        pytest.skip("cannot mount")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def test_a_full_disk_keeps_what_was_committed_and_loses_no_note(small_disk: Path) -> None:
    archive = Archive(small_disk / "data")
    noted, committed, failures = 0, 0, 0
    ledger = Ledger.open(archive, SITE)
    while not failures:
        try:
            for number in range(noted, noted + 50):
                ledger.note_found(found(number, title="x" * 100), NOW)
            noted += 50
            ledger.flush()
            committed = noted
        except StorageError as error:
            assert error.errno == errno.ENOSPC
            assert error.filename == str(ledger_file(archive, SITE))
            failures += 1
    with pytest.raises(StorageError):
        ledger.flush()
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"")
    with closing(sqlite3.connect(ledger_file(archive, SITE))) as connection:
        assert connection.execute("SELECT count(*) FROM urls").fetchone() == (committed,)
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    ledger.close()
    tables = everything(archive)
    assert len(tables["urls"]) == noted > committed > 500


def test_a_disk_too_full_for_a_new_ledger_is_named_and_the_next_one_is_whole(small_disk: Path) -> None:
    failures = 0
    for free in range(0, 300_000, 16_384):
        archive = Archive(small_disk / "data")
        shutil.rmtree(archive.root, ignore_errors=True)
        archive.state_dir.mkdir(parents=True)
        ballast = small_disk / "ballast"
        ballast.unlink(missing_ok=True)
        ballast.write_bytes(b"\1" * (shutil.disk_usage(small_disk).free - free))
        try:
            Ledger.open(archive, SITE).close()
        except StorageError as error:
            assert error.errno == errno.ENOSPC
            failures += 1
        ballast.unlink()
        with Ledger.open(archive, SITE) as ledger:
            ledger.note_found(found("a"), NOW)
        assert len(everything(archive)["urls"]) == 1
        assert not list(archive.state_dir.glob("*.damaged*"))
    assert 2 < failures < 18


def note_with_small_files(archive: Archive) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        note_many(archive, 5000)
    except StorageError as error:
        os._exit(error.errno or 1)


def test_a_file_that_may_not_grow_is_an_error_of_storage(archive: Archive) -> None:
    child = start_child(note_with_small_files, archive)
    child.join()
    assert child.exitcode in (errno.ENOSPC, errno.EIO, errno.EFBIG)
    count = len(everything(archive)["urls"])
    assert 0 < count < 5000
    with Ledger.open(archive, SITE) as ledger:
        ledger.note_found(found("new"), NOW)


# --- size


def url_of(number: int, words: random.Random) -> str:
    slug = "-".join(words.choice(("tariff", "relief", "ministers", "court", "parcel", "senate")) for _ in range(7))
    return f"https://{SITE}/2026/{number % 12 + 1:02}/{slug}-{number}"


def fill_ledger(archive: Archive, count: int) -> None:
    words, at = random.Random(1), NOW
    with Ledger.open(archive, SITE) as ledger:
        for start in range(0, count, 1000):
            urls = [url_of(number, words) for number in range(start, start + 1000)]
            ledger.note_found(((url, found(0, section_label="Policy", title="t" * 60)[0][1]) for url in urls), at)
            for url in urls:
                key = story_id(url)
                ledger.note_fetched(
                    url, at=at, etag='"5f3a-61c2bb3a"', last_modified="Mon, 29 Jun 2026 13:05:00 GMT",
                    payload_sha256=key * 4, raw_file="2026-06-29/wire.example-20260629T130500Z-wire-abcd.warc.gz",
                    raw_offset=len(url), content_hash=key * 4, story_id=key, published_at=at - start * HOUR / 100,
                )  # fmt: skip


def memory() -> int:
    """Bytes this process holds in RAM."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def measure(archive: Archive, count: int, report: Path) -> None:
    before, start = memory(), time.perf_counter()
    ledger = Ledger.open(archive, SITE)
    opened, opening = memory(), time.perf_counter() - start
    words = random.Random(1)
    urls = [url_of(number, words) for number in range(count)][:: max(1, count // 5000)]
    start = time.perf_counter()
    assert all(ledger.get(url) for url in urls)
    look = (time.perf_counter() - start) / len(urls)
    start = time.perf_counter()
    for url in urls:
        ledger.note_unchanged(url, at=NOW + DAY)
    ledger.flush()
    note = (time.perf_counter() - start) / len(urls)
    start = time.perf_counter()
    due = ledger.due(NOW + LONGEST, limit=1000)
    asking = time.perf_counter() - start
    del urls
    start = time.perf_counter()
    ledger.counts(NOW)
    counting = time.perf_counter() - start
    report.write_text(
        json.dumps(
            {
                "open_ms": opening * 1e3,
                "open_mb": (opened - before) / 1e6,
                "grown_mb": (memory() - before) / 1e6,
                "get_us": look * 1e6,
                "note_us": note * 1e6,
                "due_1000_ms": asking * 1e3,
                "due": len(due),
                "counts_ms": counting * 1e3,
            }
        )
    )
    ledger.close()


def check_size(archive: Archive, tmp_path: Path, count: int) -> None:
    start = time.perf_counter()
    fill_ledger(archive, count)
    filling = time.perf_counter() - start
    child = start_child(measure, archive, count, tmp_path / "report.json")
    child.join()
    assert child.exitcode == 0
    report = json.loads((tmp_path / "report.json").read_text())
    size = ledger_file(archive, SITE).stat().st_size
    logging.getLogger(__name__).warning(
        "%d URLs: %.0f bytes and %.0f µs each; %s", count, size / count, filling / count * 1e6, report
    )
    assert report["due"] == 1000
    assert report["open_ms"] < 50
    assert report["open_mb"] < 50
    assert size < 1000 * count


@pytest.mark.slow
def test_a_ledger_of_50_000_addresses_opens_at_once(archive: Archive, tmp_path: Path) -> None:
    check_size(archive, tmp_path, 50_000)


@pytest.mark.torture
def test_a_ledger_of_a_million_addresses_opens_at_once(archive: Archive, tmp_path: Path) -> None:
    check_size(archive, tmp_path, 1_000_000)


def test_an_archived_story_has_the_section_it_stands_in(archive: Archive) -> None:
    place = Partition(date(2026, 6, 29), "policy")
    reserve_partitions(archive, SITE, {"0" * 16: place})
    with Ledger.open(archive, SITE) as ledger:
        place = ledger.place_of("0" * 16)
        assert place is not None
        assert place.section == "policy"
        assert ledger.place_of("1" * 16) is None
