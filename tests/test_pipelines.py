from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import Settings
from stories import fill_inbox, make_story

from archiver.items import Faq, Found, Link, PrintedStory, Story
from archiver.pipelines import InboxPipeline, LeftOut, Lost, NormalizePipeline, SelectPipeline, ValidatePipeline
from archiver.spider import FetchedStory, StorySpider
from archiver.store.archive import Archive, StorageError
from archiver.store.inbox import read_inbox
from archiver.store.publish import publish

NOW = datetime(2026, 6, 29, 13, 5, tzinfo=UTC)


class Site(StorySpider):
    name = "site"
    home = "https://wire.example/"
    stopped: str | None = None

    def stop(self, reason: str) -> None:
        self.stopped = reason


def make_spider(root: Path, **arguments: str) -> Site:
    spider = Site(**arguments)
    spider.is_crawling = True
    spider.settings = Settings({"ARCHIVER_ROOT": str(root)})
    return spider


def fetched(**columns: Any) -> FetchedStory:
    printed = PrintedStory(
        url="https://wire.example/article/tariff?utm_source=feed",
        section_label="AI & Education",
        title="  Tariff relief  ends ",
        dek="The cabinet​ meets.",
        body=("It  ends.", "Nobody objects. Continue reading at Barron's."),
        faq=(Faq(question="Q.Who pays?", answer="A: Every parcel."),),
        source_name="Barron's",
        source_url="https://www.barrons.example/x?utm_medium=m",
        source_method="continue-reading",
        links=(Link(url="https://law.example/bill?fbclid=1", text=" bill ", kind="body", domain=""),),
    )
    return FetchedStory(
        printed=replace(printed, **columns), fetched_at=NOW, found=Found(via="listing"), asked_url=printed.url
    )


def test_title_dek_body_faq_source_and_links_are_normalised(tmp_path: Path) -> None:
    story = NormalizePipeline(make_spider(tmp_path)).process_item(fetched())
    assert story.url == "https://wire.example/article/tariff"
    assert (story.title, story.dek) == ("Tariff relief ends", "The cabinet meets.")
    assert story.body == "It ends.\n\nNobody objects."
    assert story.faq == [Faq(question="Who pays?", answer="Every parcel.")]
    assert (story.source_name, story.source_url) == ("Barron's", "https://www.barrons.example/x")
    assert [(link.url, link.text, link.domain) for link in story.links] == [
        ("https://law.example/bill", "bill", "law.example")
    ]
    assert (story.section, story.fetched_at) == ("ai-education", NOW)


@pytest.mark.parametrize(
    ("columns", "reasons"),
    [
        ({"title": None}, ("missing_title",)),
        ({"body": (" ",)}, ("missing_body",)),
        ({"title": "​", "body": ()}, ("missing_title", "missing_body")),
    ],
)
def test_a_story_without_title_or_body_is_lost_and_says_why(
    tmp_path: Path, columns: dict[str, Any], reasons: tuple[str, ...]
) -> None:
    spider = make_spider(tmp_path)
    story = NormalizePipeline(spider).process_item(fetched(**columns))
    with pytest.raises(Lost) as lost:
        ValidatePipeline(spider).process_item(story)
    assert lost.value.reasons == reasons


def test_a_whole_story_passes_unchanged(tmp_path: Path) -> None:
    story = make_story()
    assert ValidatePipeline(make_spider(tmp_path)).process_item(story) is story
    assert SelectPipeline(make_spider(tmp_path)).process_item(story) is story


@pytest.mark.parametrize(
    ("published", "is_kept"),
    [
        (datetime(2026, 6, 1, tzinfo=UTC), True),
        (datetime(2026, 5, 31, 23, 59, tzinfo=UTC), False),
        (None, True),
    ],
)
def test_since_leaves_out_what_is_older_for_certain(tmp_path: Path, published: datetime | None, is_kept: bool) -> None:
    select = SelectPipeline(make_spider(tmp_path, since="2026-06-01"))
    story = make_story(published_at=published)
    if is_kept:
        assert select.process_item(story) is story
    else:
        with pytest.raises(LeftOut, match="before_since"):
            select.process_item(story)


def test_a_story_met_again_is_a_duplicate_and_another_under_its_address_is_lost(tmp_path: Path) -> None:
    select = SelectPipeline(make_spider(tmp_path))
    select.process_item(make_story())
    with pytest.raises(LeftOut, match="duplicate"):
        select.process_item(make_story())
    with pytest.raises(Lost, match="same_address"):
        select.process_item(make_story(title="Another story altogether"))


def test_limit_counts_new_and_changed_stories_alone(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    known, changed = make_story("known"), make_story("changed")
    fill_inbox(archive, "20260629T000000Z-site-0000", known, changed)
    publish(archive)
    spider = make_spider(tmp_path, limit="2")
    select = SelectPipeline(spider)
    revised = make_story("changed", body="Another body.")
    for story in (known, revised, make_story("new")):
        assert select.process_item(story) is story
    assert spider.stopped == "limit"
    with pytest.raises(LeftOut, match="over_limit"):
        select.process_item(make_story("newer"))


def test_full_asks_for_the_stories_of_the_site_that_are_known(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    stories = [make_story("a"), make_story("b", section="markets"), make_story("c", site="other.example")]
    fill_inbox(archive, "20260629T000000Z-site-0000", *stories)
    publish(archive)
    for arguments, expected in (
        ({"full": "1"}, {stories[0].url, stories[1].url}),
        ({"full": "1", "section": "markets"}, {stories[1].url}),
        ({}, set()),
    ):
        spider = make_spider(tmp_path, **arguments)
        SelectPipeline(spider).open_spider()
        assert set(spider.leftovers) == expected


def test_a_story_stands_in_the_inbox_at_once_and_in_the_archive_at_the_end(tmp_path: Path) -> None:
    spider = make_spider(tmp_path)
    inbox = InboxPipeline(spider)
    story = make_story()
    assert inbox.process_item(story) is story
    (file,) = Archive(tmp_path).inbox_dir.glob("*.jsonl")
    assert read_inbox(file) == ([story], [])
    inbox.close_spider()
    assert not file.exists()
    assert spider.outcome.published == {("wire.example", "policy", "new"): 1}
    assert "stories/date=2026-06-29/section=policy/stories.parquet" in spider.outcome.files_written


def test_a_story_that_no_partition_can_hold_is_lost(tmp_path: Path) -> None:
    inbox = InboxPipeline(make_spider(tmp_path))
    with pytest.raises(Lost, match="unpublishable"):
        inbox.process_item(make_story(section="../../etc"))
    inbox.close_spider()
    assert not (tmp_path / "stories").exists()


def test_a_root_that_cannot_be_written_stops_the_crawl(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the way")
    spider = make_spider(tmp_path / "data")
    inbox = InboxPipeline(spider)
    with pytest.raises(Lost, match="storage"):
        inbox.process_item(make_story())
    assert spider.stopped == "storage_failed"
    inbox.close_spider()
    assert spider.outcome.exit_code() == 7
    assert str(tmp_path / "data") in str(spider.outcome.storage_error)


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Files may not grow beyond 30 kB: the nearest thing to a full disk that needs no disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_is_full_stops_the_crawl_and_loses_nothing(tmp_path: Path, small_disk: None) -> None:
    spider = make_spider(tmp_path)
    inbox = InboxPipeline(spider)
    kept: list[Story] = []
    with pytest.raises(Lost, match="storage") as lost:
        kept.extend(inbox.process_item(make_story(f"story-{number}")) for number in range(100))
    assert isinstance(lost.value.__cause__, StorageError)
    assert lost.value.__cause__.errno == errno.EFBIG
    assert spider.stopped == "storage_failed"
    inbox.close_spider()
    assert spider.outcome.exit_code() == 7
    (file,) = Archive(tmp_path).inbox_dir.glob("*.jsonl")
    assert read_inbox(file) == (kept, [])


def test_undated_stories_are_filed_by_the_day_they_were_first_seen(tmp_path: Path) -> None:
    story = NormalizePipeline(make_spider(tmp_path)).process_item(fetched())
    assert (story.date, story.date_source) == (date(2026, 6, 29), "first-seen")
