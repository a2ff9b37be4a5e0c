"""The table of events in the archive: kept up to date by publishing, whatever happens in between."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archiver.items import Story
from archiver.schema import LINEAGE
from archiver.store.archive import Archive, DamagedFileError, Partition
from archiver.store.faults import Checked
from archiver.store.ledger import Ledger
from archiver.store.lineage import update_lineage
from archiver.store.lineage_index import compare_index, index_file
from archiver.store.migrate import migrate
from archiver.store.moves import Move, move_stories
from archiver.store.publish import publish, publishing
from archiver.store.removal import remove_story
from archiver.store.repair import repair
from archiver.store.revisions import make_revision
from archiver.store.verify import verify
from bench.lineage.sets import load_rewrites
from tests.stories import NOW, fill_inbox, make_story, published_tree

SOURCE = "https://wire.example/2026/06/29/rates-rise-again"
SITES = ("one.example", "two.example", "three.example")


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "data")


def tell(event: int, rewrite: int, *, day: int = 29, source: str | None = None, **columns: Any) -> Story:
    """A rewrite of one of the bundled events, as a site's story."""
    text = load_rewrites()[event * 3 + rewrite]
    at = datetime(2026, 6, day, 9 + rewrite, tzinfo=UTC)
    given = {
        "title": text.title,
        "body": text.body,
        "source_url": source,
        "date": at.date(),
        "published_at": at,
        "first_seen_at": at + timedelta(hours=1),
    }
    return make_story(f"event-{event}-{rewrite}", site=SITES[rewrite], **given | columns)


def publish_run(archive: Archive, run: int, *stories: Story) -> None:
    fill_inbox(archive, f"{run:02}", *stories)
    publish(archive)


def rows(archive: Archive) -> dict[str, dict[str, Any]]:
    """Story → row, with its day."""
    return {
        row["story_id"]: row | {"date": path.parent.name.removeprefix("date=")}
        for path in sorted(archive.lineage_dir.rglob("*.parquet"))
        for row in pq.ParquetFile(path).read().to_pylist()
    }


def events(archive: Archive) -> set[frozenset[str]]:
    found = defaultdict(set)
    for story_id, row in rows(archive).items():
        found[row["event_id"]].add(story_id)
    return {frozenset(each) for each in found.values()}


def faults(archive: Archive) -> list[str]:
    """What `verify` says, but for what these tests do not make: ledgers of crawls."""
    return [str(fault) for fault in verify(archive, Checked()) if "lineage" in fault.file or "manifest" in fault.file]


def test_rewrites_are_told_by_link_and_by_words_and_ranked(archive: Archive) -> None:
    first, second = tell(0, 0, source=SOURCE), tell(0, 1, source=f"{SOURCE}/amp?utm_source=x")
    third, alone = tell(0, 2), tell(9, 0)
    publish_run(archive, 1, second, third, alone, first, *(tell(event, 0) for event in range(20, 40)))
    found = rows(archive)
    assert len({found[story.story_id]["event_id"] for story in (first, second, third)}) == 1
    assert [found[story.story_id]["rank"] for story in (first, second, third)] == [1, 2, 3]
    assert [found[story.story_id]["method"] for story in (first, second, third, alone)] == [
        "source", "source", "words", "alone",
    ]  # fmt: skip
    assert found[first.story_id]["shared_words"] == 1
    assert 0.1 < found[third.story_id]["shared_words"] < 0.7
    assert {found[story.story_id]["source_url"] for story in (first, second)} == {SOURCE}
    assert found[third.story_id]["source_url"] is None
    assert {found[story.story_id]["earliest_published"] for story in (first, third)} == {first.published_at}
    assert found[third.story_id]["first_seen_by_us"] == third.first_seen_at
    assert 0.5 <= found[third.story_id]["score"] < 1
    assert faults(archive) == []


def test_every_story_has_one_row_in_its_day_without_the_partition_key(archive: Archive) -> None:
    stories = [tell(event, 0, day=20 + event) for event in range(5)]
    publish_run(archive, 1, *stories)
    assert {story_id: row["date"] for story_id, row in rows(archive).items()} == {
        story.story_id: story.date.isoformat() for story in stories
    }
    for path in archive.lineage_dir.rglob("*"):
        assert path.is_dir() or pq.read_schema(path).equals(LINEAGE, check_metadata=False)
    assert all(field.metadata[b"description"] for field in LINEAGE)


def test_all_readers_read_the_same_rows(archive: Archive) -> None:
    publish_run(archive, 1, *(tell(event, n, day=20 + event) for event in range(4) for n in range(3)))
    names = ["event_id", "story_id", "rank", "score"]
    folder = archive.lineage_dir
    plain = sorted(tuple(row[name] for name in names) for row in rows(archive).values())
    frame = pandas.read_parquet(folder)
    assert sorted(frame[names].itertuples(index=False, name=None)) == plain
    assert str(frame["first_seen_by_us"].dtype) == "datetime64[us, UTC]"
    lazy = polars.scan_parquet(f"{folder}/**/*.parquet", hive_partitioning=True)
    assert sorted(lazy.select(names).collect().rows()) == plain
    relation = duckdb.sql(
        f"SELECT {', '.join(names)} FROM read_parquet('{folder}/*/*.parquet', hive_partitioning = true)"
    )
    assert sorted(relation.fetchall()) == plain
    table = ds.dataset(folder, partitioning="hive").to_table(names)
    assert sorted(tuple(row.values()) for row in table.to_pylist()) == plain


def test_publishing_the_same_again_writes_nothing(archive: Archive) -> None:
    stories = [tell(event, n) for event in range(3) for n in range(3)]
    publish_run(archive, 1, *stories)
    before = published_tree(archive)
    fill_inbox(archive, "02", *stories)
    assert publish(archive).files_written == []
    assert update_lineage(archive, [date(2026, 6, 29)]) == []
    assert published_tree(archive) == before


def test_midnight_is_a_time_where_the_page_says_so_and_else_a_day(archive: Archive) -> None:
    midnight = datetime(2026, 6, 29, tzinfo=UTC)
    a_day = tell(0, 0, source=SOURCE, published_at=midnight, provenance={"published_at": "time, no time"})
    timed, exact = tell(0, 1, source=SOURCE), tell(0, 2, source=SOURCE, published_at=midnight)
    publish_run(archive, 1, a_day, timed)
    publish_run(archive, 2, exact)  # the others are read from their file
    found = rows(archive)
    assert [found[story.story_id]["rank"] for story in (exact, a_day, timed)] == [1, 2, 3]


# --- as the archive grows


def test_an_event_keeps_its_id_as_the_archive_grows(archive: Archive) -> None:
    publish_run(archive, 1, tell(0, 0), *(tell(event, 0) for event in range(20, 72)))
    event = rows(archive)[tell(0, 0).story_id]["event_id"]
    publish_run(archive, 2, tell(0, 1, day=30))
    publish_run(archive, 3, tell(0, 2, day=28))  # published earlier, seen later
    found = [rows(archive)[tell(0, n).story_id] for n in range(3)]
    assert {row["event_id"] for row in found} == {event}
    assert [row["rank"] for row in found] == [2, 3, 1]
    assert faults(archive) == []


def test_a_link_reaches_beyond_the_window(archive: Archive) -> None:
    publish_run(archive, 1, tell(0, 0, day=1, source=SOURCE))
    publish_run(archive, 2, tell(0, 1, day=29, source=SOURCE))
    found = [rows(archive)[tell(0, n).story_id] for n in range(2)]
    assert len({row["event_id"] for row in found}) == 1
    assert [(row["method"], row["rank"]) for row in found] == [("source", 1), ("source", 2)]
    assert faults(archive) == []


@pytest.mark.parametrize("source_comes_first", [True, False])
def test_the_source_itself_belongs_to_the_event(archive: Archive, source_comes_first: bool) -> None:
    source = make_story(url=SOURCE, site="wire.example", source_url=None)
    rewrite = tell(0, 1, source=f"http://m.{SOURCE.removeprefix('https://')}?fbclid=1")
    for run, story in enumerate([source, rewrite] if source_comes_first else [rewrite, source]):
        publish_run(archive, run, story)
    found = rows(archive)
    assert found[source.story_id]["event_id"] == found[rewrite.story_id]["event_id"]
    assert {found[story.story_id]["method"] for story in (source, rewrite)} == {"source"}


def test_two_events_that_prove_to_be_one_have_the_id_of_the_older(archive: Archive) -> None:
    middle = "https://two.example/2026/06/the-middle-one"
    publish_run(archive, 1, tell(0, 0, day=2, source=SOURCE))
    publish_run(archive, 2, tell(9, 2, day=9, source=middle))
    ids = [rows(archive)[story.story_id]["event_id"] for story in (tell(0, 0), tell(9, 2))]
    assert ids[0] != ids[1]
    publish_run(archive, 3, tell(20, 1, day=20, source=SOURCE, url=middle, story_id="0" * 16))
    assert {row["event_id"] for row in rows(archive).values()} == {ids[0]}
    assert sorted(row["rank"] for row in rows(archive).values()) == [1, 2, 3]
    assert faults(archive) == []


@pytest.mark.parametrize("day", [29, 28])
def test_the_one_story_that_others_have_left_is_alone_in_its_event(archive: Archive, day: int) -> None:
    staying, leaving = tell(0, 0, section="markets"), tell(0, 1, day=day)
    publish_run(archive, 1, staying, leaving)
    publish_run(archive, 2, replace(leaving, source_url=SOURCE, content_hash="other", fetched_at=NOW + timedelta(1)))
    found = [rows(archive)[story.story_id] for story in (staying, leaving)]
    assert len({row["event_id"] for row in found}) == 2
    assert [(row["method"], row["rank"], row["shared_words"]) for row in found] == [("alone", 1, 1.0)] * 2
    assert faults(archive) == []


def test_a_story_whose_source_is_found_out_later_joins_its_event(archive: Archive) -> None:
    first, second = tell(0, 0, source=SOURCE), tell(9, 1)
    publish_run(archive, 1, first, second)
    publish_run(archive, 2, replace(second, source_url=SOURCE, content_hash="other", fetched_at=NOW + timedelta(1)))
    found = rows(archive)
    assert found[first.story_id]["event_id"] == found[second.story_id]["event_id"]
    assert [found[story.story_id]["method"] for story in (first, second)] == ["source", "source"]
    assert faults(archive) == []


@pytest.mark.slow
@settings(max_examples=4, deadline=None)
@given(st.permutations(range(9)), st.integers(1, 9))
def test_in_whatever_order_links_come_the_events_are_the_same(
    tmp_path_factory: Any, order: list[int], size: int
) -> None:
    archive = Archive(tmp_path_factory.mktemp("lineage") / "data")
    stories = [
        tell(number, n, day=1 + 9 * n, source=f"https://wire.example/2026/06/story-number-{number}")
        for number in range(3)
        for n in range(3)
    ]
    for low in range(0, 9, size):
        publish_run(archive, low, *(stories[number] for number in order[low : low + size]))
    assert events(archive) == {frozenset(s.story_id for s in stories[low : low + 3]) for low in (0, 3, 6)}
    assert faults(archive) == []


def test_only_the_days_that_change_are_written(archive: Archive) -> None:
    publish_run(archive, 1, *(tell(event, 0, day=2 + event) for event in range(20)))
    before = {path: path.stat().st_ino for path in archive.lineage_dir.rglob("*.parquet")}
    publish_run(archive, 2, tell(25, 1, day=28))
    after = {path: path.stat().st_ino for path in archive.lineage_dir.rglob("*.parquet")}
    assert {path for path in after if after[path] != before.get(path)} == {archive.lineage_file(date(2026, 6, 28))}


def test_a_damaged_partition_of_the_day_keeps_its_rows(archive: Archive) -> None:
    publish_run(archive, 1, tell(0, 0), tell(0, 1, section="markets"))
    before = rows(archive)
    archive.stories_file(Partition(date(2026, 6, 29), "markets")).write_bytes(b"")
    publish_run(archive, 2, tell(9, 0))
    assert before.items() <= rows(archive).items() or rows(archive).keys() > before.keys()


def test_of_a_partition_that_is_new_nothing_is_read_back(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def open_file(path: Any, **options: Any) -> pq.ParquetFile:
        if hasattr(path, "name"):  # no bytes
            opened.append(Path(path if isinstance(path, Path) else path.name))
        return read(path, **options)

    read = pq.ParquetFile
    monkeypatch.setattr(pq, "ParquetFile", open_file)
    stories = [
        tell(event, 0, section=section, source=f"{SOURCE}-{event}")  # of two sources, never of one event
        for event, section in enumerate(("markets", "politics", "markets", "world"))
    ]
    publish_run(archive, 1, *stories[:2])
    assert opened == []
    publish_run(archive, 2, *stories[2:])
    assert {path.parent.name for path in opened if path.name == "stories.parquet"} == {
        "section=markets",
        "section=politics",
    }


def read_index(archive: Archive) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(index_file(archive))) as connection:
        return sorted(connection.execute("SELECT day, story_id, event_id, own_key, source_key FROM stories"))


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), min_size=1, max_size=4),
        min_size=2,
        max_size=5,
    )
)
def test_looking_at_what_was_published_is_as_good_as_looking_at_whole_days(
    tmp_path_factory: Any, runs: list[list[tuple[int, int, bool]]]
) -> None:
    archive = Archive(tmp_path_factory.mktemp("lineage") / "data")
    for number, run in enumerate(runs):
        told = [
            tell(
                event, n, day=10 + event, source=f"https://wire.example/2026/06/story-number-{event % 2}" if linked else None,
                section="politics" if n else "markets", content_hash=f"{number}", fetched_at=NOW + timedelta(number),
            )
            for event, n, linked in run
        ]  # fmt: skip
        publish_run(archive, number, *told)
    days = {date(2026, 6, 10 + event) for run in runs for event, _, _ in run}
    tree = published_tree(archive)
    assert update_lineage(archive, days) == []
    kept = read_index(archive)
    index_file(archive).unlink()
    assert update_lineage(archive, days) == []
    assert read_index(archive) == kept
    assert published_tree(archive) == tree
    assert faults(archive) == []


def test_a_damaged_file_is_made_anew_with_all_stories_of_its_day(archive: Archive) -> None:
    stories = [tell(event, 0) for event in range(3)]
    publish_run(archive, 1, *stories)
    whole = rows(archive)
    archive.lineage_file(date(2026, 6, 29)).write_bytes(b"")
    publish_run(archive, 2, replace(stories[0], content_hash="other", fetched_at=NOW + timedelta(1)))
    assert rows(archive) == whole


@pytest.mark.parametrize("place", [100, 400])
def test_a_day_that_only_an_event_reaches_into_is_made_anew_too(archive: Archive, place: int) -> None:
    """A bit that fell over on the disk changes no time of the file: what is kept beside it takes it for known."""
    first, second = (tell(0, n, day=28 + n, source=SOURCE) for n in range(2))
    publish_run(archive, 1, first, second, *(tell(event, 0, day=29) for event in range(20, 24)))
    whole = rows(archive)
    path = archive.lineage_file(date(2026, 6, 29))
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(DamagedFileError):
        archive.read_lineage(date(2026, 6, 29))
    publish_run(archive, 2, replace(first, content_hash="other", fetched_at=NOW + timedelta(1)))
    assert rows(archive) == whole
    assert faults(archive) == []


def test_a_damaged_file_of_a_day_without_stories_goes(archive: Archive) -> None:
    publish_run(archive, 1, tell(0, 0, day=28), tell(1, 0, day=29))
    archive.lineage_file(date(2026, 6, 28)).write_bytes(b"PAR1")
    shutil.rmtree(archive.stories_dir / "date=2026-06-28")
    assert archive.lineage_file(date(2026, 6, 28)) in update_lineage(archive, [date(2026, 6, 28)])
    assert not archive.lineage_file(date(2026, 6, 28)).exists()


# --- taken down, moved, lost


def test_a_story_taken_down_leaves_its_event(archive: Archive) -> None:
    publish_run(archive, 1, *(tell(0, n, day=27 + n, source=SOURCE) for n in range(3)))
    remove_story(archive, tell(0, 0).url, "asked for", NOW)
    found = rows(archive)
    assert tell(0, 0).story_id not in found
    assert not archive.lineage_file(date(2026, 6, 27)).exists()
    assert [found[tell(0, n).story_id]["rank"] for n in (1, 2)] == [1, 2]
    assert {row["earliest_published"] for row in found.values()} == {tell(0, 1, day=28).published_at}
    assert faults(archive) == []


def test_a_story_that_moves_takes_its_event_along(archive: Archive) -> None:
    story = tell(0, 1, day=29)
    publish_run(archive, 1, tell(0, 0, day=28), story, *(tell(event, 2, day=28) for event in range(20, 30)))
    event = rows(archive)[story.story_id]["event_id"]
    moved = replace(story, date=date(2026, 6, 12))
    revision = replace(make_revision(story, None, []), date=moved.date)
    with publishing(archive):
        move_stories(archive, [Move(left=Partition(story.date, story.section), story=moved, revisions=(revision,))])
    assert rows(archive)[story.story_id] | {"date": "", "event_id": event} == rows(archive)[story.story_id] | {
        "date": ""
    }
    assert rows(archive)[story.story_id]["date"] == "2026-06-12"
    assert faults(archive) == []


@pytest.mark.slow
def test_an_archive_without_lineage_gets_it(archive: Archive) -> None:
    publish_run(archive, 1, *(tell(event, n, day=1 + event) for event in range(20) for n in range(2)))
    whole = published_tree(archive)
    for way in (lambda: list(migrate(archive)), lambda: publish_run(archive, 2, tell(0, 0, day=1))):
        shutil.rmtree(archive.lineage_dir)
        index_file(archive).unlink()
        assert any("migrate" in fault or "not there" in fault for fault in faults(archive))
        way()
        assert published_tree(archive) == whole
        assert faults(archive) == []
    assert list(migrate(archive)) == []


@pytest.mark.parametrize("damage", ["a bit", "cut off", "gone", "another story", "no rows"])
def test_verify_names_a_damaged_file_and_repair_makes_it_anew(archive: Archive, damage: str) -> None:
    publish_run(archive, 1, *(tell(event, n, day=27 + n) for event in range(20) for n in range(2)))
    for site in SITES:
        Ledger.open(archive, site).close()
    whole = published_tree(archive)
    path = archive.lineage_file(date(2026, 6, 27))
    content = path.read_bytes()
    match damage:
        case "a bit":
            path.write_bytes(content[:200] + bytes([content[200] ^ 4]) + content[201:])
        case "cut off":
            path.write_bytes(content[:-50])
        case "gone":
            path.unlink()
        case "another story":
            path.write_bytes(archive.lineage_file(date(2026, 6, 28)).read_bytes())
        case "no rows":
            path.write_bytes(b"")
    assert any(fault.startswith("lineage/date=2026-06-27/lineage.parquet") for fault in faults(archive))
    done = [str(each) for each in repair(archive)]
    assert any(line.startswith("lineage/date=2026-06-27/lineage.parquet: made anew") for line in done), done
    assert published_tree(archive) == whole
    assert faults(archive) == []


@pytest.mark.parametrize("content", [b"", b"no database at all, but text" * 100, None])
def test_the_index_beside_it_is_made_anew_when_it_is_lost_or_damaged(archive: Archive, content: bytes | None) -> None:
    publish_run(archive, 1, tell(0, 0, day=1, source=SOURCE))
    if content is None:
        index_file(archive).unlink()
    else:
        index_file(archive).write_bytes(content)
    publish_run(archive, 2, tell(0, 1, day=29, source=SOURCE))
    assert len(events(archive)) == 1
    assert compare_index(archive) is None


def test_an_index_that_tells_of_another_event_is_named_and_made_anew(archive: Archive) -> None:
    publish_run(archive, 1, tell(0, 0, source=SOURCE))
    update_lineage(archive, [])  # what was written last is read when it is next needed
    update_lineage(archive, [date(2026, 6, 29)])
    with sqlite3.connect(index_file(archive)) as connection:
        connection.execute("UPDATE stories SET event_id = 'another'")
    connection.close()
    assert any("lineage-index.db" in fault for fault in faults(archive))
    assert any("lineage-index.db" in str(done) for done in repair(archive))
    assert faults(archive) == []


# --- killed


class _Killed(BaseException):
    pass


class _Steps:
    """Counts the files put in place and removed; dies before or after the `fatal`-th, as a kill does: nothing is tidied up."""

    def __init__(self, patched: pytest.MonkeyPatch, fatal: int | None = None, *, after: bool = False) -> None:
        self.count = 0
        self.fatal, self.after = fatal, after
        for name in ("replace", "unlink"):
            patched.setattr(Path, name, self._wrap(getattr(Path, name)))

    def _wrap(self, act: Any) -> Any:
        def step(*arguments: Any, **named: Any) -> Any:
            if self.fatal is not None and self.count >= self.fatal:
                raise _Killed
            self.count += 1
            if self.count == self.fatal and not self.after:
                raise _Killed
            result = act(*arguments, **named)
            if self.count == self.fatal:
                raise _Killed
            return result

        return step


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_write_and_called_again_it_is_as_if_never_disturbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    before = Archive(tmp_path / "before")
    publish_run(before, 1, *(tell(event, 0, day=27, source=SOURCE if event == 0 else None) for event in range(12)))
    publish_run(before, 2, *(tell(event, 1, day=28) for event in range(6)))
    fill_inbox(before, "03", *(tell(event, 2, day=29, source=SOURCE if event == 0 else None) for event in range(12)))
    undisturbed = Archive(tmp_path / "undisturbed")
    shutil.copytree(before.root, undisturbed.root)
    with monkeypatch.context() as patched:
        steps = _Steps(patched)
        publish(undisturbed)
    assert steps.count > 8
    for fatal in range(1, steps.count + 1):
        archive = Archive(tmp_path / f"killed-{fatal}")
        shutil.copytree(before.root, archive.root)
        with monkeypatch.context() as patched:
            _Steps(patched, fatal, after=after)
            with pytest.raises(_Killed):
                publish(archive)
        publish(archive)
        assert published_tree(archive) == published_tree(undisturbed), fatal
        assert faults(archive) == []
