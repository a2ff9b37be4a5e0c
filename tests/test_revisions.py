from __future__ import annotations

import shutil
import threading
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import NOW, fill_inbox, make_story, published_tree, revisions_of, row_of

from archiver.items import Story
from archiver.store.archive import Archive, DamagedFileError, Partition
from archiver.store.places import find_story
from archiver.store.publish import PublishReport, publish
from archiver.store.read import find_revisions, read_story, scan_stories
from archiver.store.revisions import Reread

SITE = "wire.example"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "data")


def visit(story: Story, hours: int = 1, **columns: Any) -> Story:
    """The story as a visit that many hours after the first finds it; a text makes its own content hash."""
    kept = {name: getattr(story, name) for name in ("title", "dek", "body", "faq", "source_url", "extractor")}
    fresh = make_story(story.url.rpartition("/")[2], site=story.site, **(kept | columns))
    seen = NOW + timedelta(hours=hours)
    return replace(fresh, story_id=story.story_id, first_seen_at=seen, fetched_at=seen)


def gone(story: Story, hours: int = 1) -> Story:
    """A copy of the archived row, as a crawl that finds the story gone puts it into the inbox."""
    return replace(story, status="gone", fetched_at=NOW + timedelta(hours=hours))


def publish_as(archive: Archive, run: str, *stories: Story, reread: Reread | None = None) -> PublishReport:
    fill_inbox(archive, run, *stories)
    return publish(archive, reread)


def kinds(report: PublishReport) -> Counter[str]:
    found: Counter[str] = Counter()
    for (_, _, kind), number in report.counts.items():
        found[kind] += number
    return found


def told(archive: Archive, story: Story, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in revisions_of(archive, story)]


# --- gone and back


def test_a_story_that_goes_keeps_its_last_text_whatever_the_copy_holds(archive: Archive) -> None:
    story = make_story()
    publish_as(archive, "1", story)
    publish_as(archive, "2", visit(story, 1, title="Second"))
    assert kinds(publish_as(archive, "3", gone(story, 2))) == {"changed": 1}  # a copy of the row before the last
    assert told(archive, story, "revision", "title", "status", "changed", "words_added", "words_removed") == [
        (1, story.title, "live", [], 21, 0),
        (2, "Second", "live", ["title"], 1, 3),
        (3, "Second", "gone", ["status"], 0, 0),
    ]
    row = row_of(archive, story)
    assert (row["title"], row["status"], row["fetched_at"]) == ("Second", "gone", NOW + timedelta(hours=2))


def test_a_story_that_stays_gone_is_the_same_and_one_that_is_back_is_not(archive: Archive) -> None:
    story = make_story()
    for run, found, kind in (
        ("1", story, "new"),
        ("2", gone(story, 1), "changed"),
        ("3", gone(story, 2), "same"),
        ("4", visit(story, 3), "changed"),
        ("5", gone(visit(story, 3), 4), "changed"),
        ("6", visit(story, 5, body="Rewritten."), "changed"),
    ):
        assert kinds(publish_as(archive, run, found)) == {kind: 1}, run
    assert told(archive, story, "status", "changed") == [
        ("live", []),
        ("gone", ["status"]),
        ("live", ["status"]),
        ("gone", ["status"]),
        ("live", ["body", "status"]),
    ]


def test_a_run_published_again_doubles_nothing(archive: Archive) -> None:
    story = make_story()
    moved = make_story("moved", title=story.title)
    runs = [
        story,
        gone(story, 1),
        visit(story, 2, title="Back"),
        visit(replace(moved, story_id=story.story_id), 3, title="Back", source_url=story.source_url),
        visit(story, 4, title="Third", extractor="2"),
        gone(story, 5),
    ]
    for number, found in enumerate(runs):
        publish_as(archive, str(number), found)
    before = published_tree(archive)
    for number, found in enumerate(runs):
        assert kinds(publish_as(archive, str(number), found)) == {"same": 1}, number
    assert published_tree(archive) == before


# --- another address


def test_a_moved_story_is_the_same_and_its_row_follows(archive: Archive) -> None:
    story, neighbour = make_story("old"), make_story("other")
    publish_as(archive, "1", story, neighbour)
    moved = replace(visit(story, 5), url=f"https://{SITE}/article/new", section="markets", date=date(2026, 7, 1))
    report = publish_as(archive, "2", moved)
    assert (kinds(report), report.restated) == ({"same": 1}, 1)
    row = row_of(archive, story)
    assert (row["url"], row["revision"], row["fetched_at"]) == (moved.url, 1, moved.fetched_at)
    assert row["first_seen_at"] == NOW
    assert told(archive, story, "revision", "url") == [(1, story.url)]
    assert archive.read_stories(Partition(story.date, "policy"))["url"].to_pylist() == [moved.url, neighbour.url]
    before = published_tree(archive)
    assert kinds(publish_as(archive, "1", story)) == {"same": 1}
    assert published_tree(archive) == before


def test_another_story_at_the_old_address_is_the_one_found_there(archive: Archive) -> None:
    story = make_story("old")
    publish_as(archive, "1", story)
    moved = replace(visit(story, 5), url=f"https://{SITE}/article/new")
    other = replace(make_story("old", title="Another story"), story_id="another", section="markets")
    publish_as(archive, "2", moved, other)
    found = [find_story(archive, url) for url in (story.url, moved.url)]
    assert [each and each.story_id for each in found] == ["another", story.story_id]
    assert read_story(archive, Partition(story.date, "policy"), story.story_id) == found[1]
    assert read_story(archive, Partition(story.date, "policy"), "another") is None
    assert [row.url for row in find_revisions(archive, moved)] == [story.url]


def test_a_story_that_moved_and_changed_is_one_revision(archive: Archive) -> None:
    story = make_story("old")
    publish_as(archive, "1", story)
    moved = replace(visit(story, 5, title="New"), url=f"https://{SITE}/article/new")
    assert kinds(publish_as(archive, "2", moved)) == {"changed": 1}
    assert told(archive, story, "revision", "url", "changed") == [(1, story.url, []), (2, moved.url, ["title"])]
    assert row_of(archive, story)["url"] == moved.url


def test_readers_all_the_while_see_each_story_once(archive: Archive) -> None:
    stories = [make_story(str(number), section=f"s{number % 3}", extractor="1") for number in range(30)]
    publish_as(archive, "00", *stories)
    done = threading.Event()
    reads_done = 0

    def publish_runs() -> None:
        try:
            for run in range(1, 16):
                found = [
                    replace(visit(story, run, extractor="2"), url=f"{story.url}-{run}", section=f"s{run % 3}")
                    if number % 3
                    else (gone(story, run) if run % 2 else visit(story, run, title=f"Title {run}"))
                    for number, story in enumerate(stories)
                ]
                publish_as(archive, f"{run:02}", *found)
        finally:
            done.set()

    publisher = threading.Thread(target=publish_runs)
    publisher.start()
    while not done.is_set():
        rows = scan_stories(archive, ["story_id", "body"], ds.field("site") == SITE)
        assert sorted(rows["story_id"].to_pylist()) == sorted(story.story_id for story in stories)
        reads_done += 1
    publisher.join()
    assert reads_done > 5
    assert all(row_of(archive, story)["revision"] == 16 for story in stories[::3])


# --- another extractor


def reads(**columns: Any) -> Reread:
    """A re-extraction by version 2 that finds these columns, and gives all else as a stranger to the archive would."""

    def reread(row: Story) -> Story:
        fresh = visit(row, 99, extractor="2", provenance={"title": "new-rule"}, **columns)
        return replace(fresh, section="elsewhere", raw_file=None, story_id="stranger", revision=7)

    return reread


def test_a_new_extractor_alone_makes_no_revision(archive: Archive) -> None:
    story = make_story(extractor="1", body="old rules text", raw_file="2026/x.warc.gz", raw_offset=5)
    publish_as(archive, "1", story, make_story("other"))
    found = visit(story, 1, extractor="2", body="new rules longer text")
    report = publish_as(archive, "2", found, reread=reads(body="new rules longer text"))
    assert (kinds(report), report.restated) == ({"same": 1}, 1)
    row = row_of(archive, story)
    assert (row["body"], row["extractor"], row["provenance"]) == (found.body, "2", [("title", "new-rule")])
    assert (row["story_id"], row["fetched_at"], row["raw_file"], row["revision"]) == (
        story.story_id,
        NOW,
        "2026/x.warc.gz",
        1,
    )
    (revision,) = revisions_of(archive, story)
    assert {name: revision[name] for name in row} == row
    assert (revision["changed"], revision["words_added"]) == ([], 16)
    before = published_tree(archive)
    again = publish_as(archive, "2", found, reread=reads(body="new rules longer text"))
    assert (kinds(again), again.restated) == ({"same": 1}, 0)
    assert published_tree(archive) == before


def test_what_differs_by_the_same_rules_is_a_revision_counted_against_the_text_read_anew(archive: Archive) -> None:
    story = make_story(extractor="1", body="one two three", dek="A dek of the old rules.")
    publish_as(archive, "1", story)
    found = visit(story, 1, extractor="2", body="one two four", dek=None)
    report = publish_as(archive, "2", found, reread=reads(body="one two three", dek=None))
    assert (kinds(report), report.restated) == ({"changed": 1}, 0)
    assert told(archive, story, "revision", "body", "dek", "extractor", "changed", "words_added", "words_removed") == [
        (1, "one two three", None, "2", [], 10, 0),
        (2, "one two four", None, "2", ["body"], 1, 1),
    ]


def test_a_later_revision_read_anew_keeps_what_it_changed(archive: Archive) -> None:
    story = make_story(extractor="1", body="one two")
    publish_as(archive, "1", story)
    second = visit(story, 1, body="one two three")
    publish_as(archive, "2", second)
    publish_as(archive, "3", visit(second, 2, extractor="2", body="by new rules"), reread=reads(body="by new rules"))
    assert told(archive, story, "body", "changed", "words_added", "words_removed")[1:] == [
        ("by new rules", ["body"], 1, 0)
    ]


@pytest.mark.parametrize("extractor", ["1", "2"])
def test_without_the_raw_page_texts_are_compared_as_they_stand(archive: Archive, extractor: str) -> None:
    asked = []

    def reread(row: Story) -> None:
        asked.append(row.url)

    story = make_story(extractor="1")
    publish_as(archive, "1", story)
    found = visit(story, 1, extractor=extractor, body="Another text.")
    assert kinds(publish_as(archive, "2", found, reread=reread)) == {"changed": 1}
    assert asked == [story.url] * (extractor == "2")


def test_a_raw_page_is_read_only_where_versions_and_texts_differ(archive: Archive) -> None:
    def reread(row: Story) -> None:
        raise AssertionError(row.url)

    stories = [make_story(slug, extractor="1") for slug in "abc"]
    publish_as(archive, "1", *stories)
    visits = [visit(stories[0], extractor="2"), visit(stories[1], title="New"), gone(stories[2])]
    assert kinds(publish_as(archive, "2", *visits, reread=reread)) == {"same": 1, "changed": 2}


def test_a_story_gone_and_back_under_other_rules_is_one_revision_of_status(archive: Archive) -> None:
    story = make_story(extractor="1", body="old rules")
    publish_as(archive, "1", story)
    publish_as(archive, "2", gone(story, 1))
    back = visit(story, 2, extractor="2", body="new rules")
    assert kinds(publish_as(archive, "3", back, reread=reads(body="new rules"))) == {"changed": 1}
    assert told(archive, story, "status", "body", "changed") == [
        ("live", "old rules", []),
        ("gone", "new rules", ["status"]),
        ("live", "new rules", ["status"]),
    ]


@pytest.mark.parametrize("can_still_reread", [True, False])
@pytest.mark.parametrize("found_body", ["by new rules", "a true change"])
def test_killed_between_the_two_files_a_reading_anew_is_made_good(
    archive: Archive, found_body: str, can_still_reread: bool, tmp_path: Path
) -> None:
    story = make_story(extractor="1", body="by old rules")
    publish_as(archive, "1", story)
    fill_inbox(archive, "2", visit(story, 1, extractor="2", body=found_body))
    whole = Archive(tmp_path / "whole")
    shutil.copytree(archive.root, whole.root)
    reread = reads(body="by new rules")
    as_it_was = published_tree(archive)
    publish(whole, reread)
    publish(archive, reread)
    for name, content in as_it_was.items():  # as a kill after the first of the two files leaves it
        if not name.startswith("revisions/"):
            (archive.root / name).write_bytes(content)
    publish(archive, reread if can_still_reread else None)
    assert published_tree(archive) == published_tree(whole)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.booleans(), st.sampled_from("ab"), st.booleans()), max_size=7))
def test_any_visits_under_any_rules_give_the_revisions_of_a_plain_list(
    tmp_path_factory: pytest.TempPathFactory, visits: list[tuple[str, bool, str, bool]]
) -> None:
    """A page holds a letter; rules of version v print it as `letter v`. The truth is a list of (letter, status)."""
    archive = Archive(tmp_path_factory.mktemp("any"))
    first = make_story("a", title="x by 0", extractor="0")
    publish_as(archive, "00", first)
    expected = [("x", "live")]
    version = 0

    def reread(row: Story) -> Story:
        return visit(row, 50, title=f"{row.title[0]} by {version}", extractor=str(version))

    for number, (letter, is_gone, address, has_new_rules) in enumerate(visits, start=1):
        version += has_new_rules
        known = row_of(archive, first)
        if is_gone:
            copy = visit(first, number, title=known["title"], extractor=known["extractor"])
            found = replace(copy, status="gone", url=known["url"])
            truth = (expected[-1][0], "gone")
        else:
            fresh = visit(first, number, title=f"{letter} by {version}", extractor=str(version))
            found = replace(fresh, url=f"https://{SITE}/article/{address}")
            truth = (letter, "live")
        report = publish_as(archive, f"{number:02}", found, reread=reread)
        assert kinds(report) == {"same" if truth == expected[-1] else "changed": 1}
        if truth != expected[-1]:
            expected.append(truth)
        row = row_of(archive, first)
        assert row["url"] == found.url
        assert (row["title"][0], row["status"], row["revision"]) == (*expected[-1], len(expected))
    rows = revisions_of(archive, first)
    assert [(row["title"][0], row["status"], row["revision"]) for row in rows] == [
        (*each, number) for number, each in enumerate(expected, start=1)
    ]
    assert [row["changed"] for row in rows[1:]] == [
        [name for name, before, after in zip(("title", "status"), *pair, strict=True) if before != after]
        for pair in pairwise(expected)
    ]


def test_a_story_that_the_ledger_knows_is_found_without_a_look_through_the_archive(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "data")
    story, other = make_story("a", section="policy"), make_story("b", section="markets")
    fill_inbox(archive, "01", story, other)
    publish(archive)
    archive.stories_file(Partition(other.date, other.section)).write_bytes(b"")  # a look through it would end here
    assert find_story(archive, story.url) == replace(story, revision=1)
    with pytest.raises(DamagedFileError):
        find_story(archive, make_story("c").url)


def test_a_story_is_found_without_a_ledger(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "data")
    story = make_story("a")
    fill_inbox(archive, "01", story)
    publish(archive)
    for path in archive.state_dir.glob("*.sqlite*"):
        path.write_bytes(b"")
    assert find_story(archive, story.url) == replace(story, revision=1)
