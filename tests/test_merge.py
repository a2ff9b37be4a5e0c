"""Partitions of many row groups and inboxes of many batches: with groups of two rows, a few stories make them."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import NOW, fill_inbox, make_story, published_tree

from archiver import schema
from archiver.items import Story
from archiver.schema import encode_parquet
from archiver.store import inbox_index, rowfile
from archiver.store.archive import Archive, Partition
from archiver.store.publish import PublishError, publish
from archiver.store.rowfile import Piece, read_rows

PLACE = Partition(make_story().date, make_story().section)


def shrink(patch: pytest.MonkeyPatch) -> None:
    for module in (schema, rowfile):
        patch.setattr(module, "ROWS_A_GROUP", 2)
    patch.setattr(rowfile, "_HELD", 1)
    patch.setattr(rowfile, "_FEW", 2)
    patch.setattr(rowfile, "_MOST_RUNS", 2)
    patch.setattr(rowfile, "SPOOLED", 1000)
    patch.setattr(inbox_index, "BATCH", 3)
    patch.setattr(inbox_index, "RESERVED", 4)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink(monkeypatch)


def visit(slug: str, run: int, title: str, status: str, address: str | None) -> Story:
    """A story as the crawl of that number finds it, perhaps gone, perhaps at another address."""
    seen = NOW + timedelta(hours=run)
    story = replace(make_story(slug, title=title), first_seen_at=seen, fetched_at=seen, status=status)
    return replace(story, url=f"https://wire.example/article/{address}") if address else story


def rows_in(archive: Archive) -> dict[str, list[dict[str, object]]]:
    return {
        path.relative_to(archive.root).as_posix(): pq.ParquetFile(path).read().to_pylist()
        for path in sorted(archive.root.rglob("*.parquet"))
    }


visits = st.tuples(
    st.sampled_from("abcdefghijkl"),
    st.sampled_from(["One", "Two", "Three"]),
    st.sampled_from(["live", "live", "live", "gone"]),
    st.sampled_from([None, None, "a", "m", "z"]),
)


def publish_runs(archive: Archive, runs: list[list[Story]]) -> list[dict[tuple[str, str, str], int]]:
    counts = []
    for number, stories in enumerate(runs):
        fill_inbox(archive, str(number), *stories)
        counts.append(dict(publish(archive).counts))
    return counts


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(visits, max_size=14), min_size=1, max_size=4))
def test_a_partition_of_many_groups_holds_the_rows_of_one(runs: list[list[tuple[str, str, str, str | None]]]) -> None:
    found = [[visit(slug, number, *rest) for slug, *rest in run] for number, run in enumerate(runs)]
    with TemporaryDirectory() as one, TemporaryDirectory() as many, pytest.MonkeyPatch.context() as patch:
        whole, dealt = Archive(Path(one)), Archive(Path(many))
        counts = publish_runs(whole, found)
        shrink(patch)
        assert publish_runs(dealt, found) == counts
        assert rows_in(dealt) == rows_in(whole)
        for path in (*dealt.stories_dir.rglob("*.parquet"), *dealt.revisions_dir.rglob("*.parquet")):
            written = pq.ParquetFile(path)
            groups = [written.metadata.row_group(number).num_rows for number in range(written.num_row_groups)]
            assert groups[:-1] == [2] * (len(groups) - 1)
            # as whoever makes the file anew from its rows writes it
            table = (dealt.read_stories if dealt.stories_dir in path.parents else dealt.read_revisions)(PLACE)
            assert path.read_bytes() == encode_parquet(table).to_pybytes()


@pytest.mark.parametrize("numbers", [range(0, 80, 4), [79, 0, 41, 40, 41, 3], [5], range(40, 80), [30, 29, 28, 8]])
def test_rows_are_read_a_few_groups_at_a_time(numbers: Sequence[int]) -> None:
    """Of a large partition a few hundred rows are wanted, from everywhere: it must not be in memory whole."""
    loaded: list[weakref.ref[pa.Table]] = []
    most = 0

    def load(start: int) -> pa.Table:
        nonlocal most
        table = pa.table({"number": list(range(start, start + 8))})
        loaded.append(weakref.ref(table))
        most = max(most, sum(each() is not None for each in loaded))
        return table

    pieces = [Piece(8, partial(load, start)) for start in range(0, 80, 8)]
    assert read_rows(pieces, list(numbers))["number"].to_pylist() == list(numbers)
    assert most <= 3


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("tree", ["stories", "revisions"])
def test_damage_in_the_last_group_leaves_both_files_as_they_are(tmp_path: Path, tree: str) -> None:
    archive = Archive(tmp_path)
    publish_runs(archive, [[make_story(slug) for slug in "abcdef"]])
    path = next((archive.root / tree).rglob("*.parquet"))
    column = pq.read_metadata(path).row_group(2).column(7)
    content = bytearray(path.read_bytes())
    content[column.data_page_offset + column.total_compressed_size - 1] ^= 1
    path.write_bytes(content)
    waiting = fill_inbox(archive, "1", visit("a", 1, "Changed", "live", None))
    before = published_tree(archive)
    with pytest.raises(PublishError) as caught:
        publish(archive)
    assert caught.value.filename == str(path)
    assert published_tree(archive) == before
    assert waiting.exists()


@pytest.mark.usefixtures("small")
def test_new_rows_on_the_disk_leave_nothing_behind(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    stories = [make_story(f"{number:02}", body=f"{number} " * 2000) for number in range(40)]
    assert publish_runs(archive, [stories]) == [{("wire.example", "policy", "new"): 40}]
    assert [row["body"] for row in rows_in(archive)[f"stories/{PLACE.path}/stories.parquet"]] == [
        s.body for s in stories
    ]
    assert list(archive.staging_dir.iterdir()) == []


@pytest.mark.usefixtures("small")
def test_of_stories_at_one_address_the_key_decides_the_order(tmp_path: Path) -> None:
    """Else the way to an archive would show in its bytes."""
    stories = [replace(make_story(slug), url="https://wire.example/article/shared") for slug in "abc"]
    one, other = Archive(tmp_path / "one"), Archive(tmp_path / "other")
    publish_runs(one, [stories])
    publish_runs(other, [[story] for story in reversed(stories)])
    assert {name: content for name, content in published_tree(one).items() if name.endswith(".parquet")} == {
        name: content for name, content in published_tree(other).items() if name.endswith(".parquet")
    }
