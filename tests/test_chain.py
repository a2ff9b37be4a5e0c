from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from archiver.chain import Chain
from archiver.discover import ListedStory

HOME = "https://a.example/policy"
SINCE = date(2026, 6, 1)


def listed(slug: str, published_at: datetime | None = None) -> ListedStory:
    return ListedStory(
        url=f"https://a.example/article/{slug}", title=slug, published_at=published_at, published_raw=None
    )


def page(number: int) -> str:
    return f"{HOME}?page={number}"


def test_a_page_gives_the_stories_that_no_page_before_it_showed() -> None:
    chain = Chain(HOME)
    assert [story.title for story in chain.take_page(HOME, [listed("a"), listed("b")])] == ["a", "b"]
    assert [story.title for story in chain.take_page(page(2), [listed("b"), listed("c")])] == ["c"]


def test_a_page_that_brings_nothing_new_is_the_last() -> None:
    chain = Chain(HOME)
    chain.take_page(HOME, [listed("a")])
    assert chain.pick_next([page(2)], since=None, max_pages=None) == page(2)
    chain.take_page(page(2), [listed("a")])
    assert chain.pick_next([page(3)], since=None, max_pages=None) is None


def test_no_page_is_read_twice() -> None:
    chain = Chain(HOME)
    chain.take_page(HOME, [listed("a")])
    assert chain.pick_next([HOME, page(2)], since=None, max_pages=None) == page(2)
    assert chain.pick_next([HOME, page(2)], since=None, max_pages=None) is None


def test_paging_stays_on_the_site() -> None:
    chain = Chain(HOME)
    chain.take_page(HOME, [listed("a")])
    assert chain.pick_next(["https://b.example/policy?page=2"], since=None, max_pages=None) is None


@pytest.mark.parametrize(("max_pages", "is_last"), [(None, False), (1, True), (2, False)])
def test_max_pages_ends_the_paging(max_pages: int | None, is_last: bool) -> None:
    chain = Chain(HOME)
    chain.take_page(HOME, [listed("a")])
    assert (chain.pick_next([page(2)], since=None, max_pages=max_pages) is None) == is_last


@pytest.mark.parametrize(
    ("dates", "is_last"),
    [
        ([datetime(2026, 5, 31, 23, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)], True),
        ([datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)], False),
        # A story pinned to the top is no end.
        ([datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 6, 2, tzinfo=UTC)], False),
        ([None, None], False),
        ([None, datetime(2026, 5, 2, tzinfo=UTC)], True),
        # 1 June in Tokyo is still 31 May in UTC.
        ([datetime(2026, 6, 1, 3, tzinfo=timezone(timedelta(hours=9)))], True),
    ],
)
def test_a_page_wholly_before_a_day_is_the_last(dates: list[datetime | None], is_last: bool) -> None:
    chain = Chain(HOME)
    chain.take_page(HOME, [listed(str(number), day) for number, day in enumerate(dates)])
    assert (chain.pick_next([page(2)], since=SINCE, max_pages=None) is None) == is_last
    assert chain.pick_next([page(2)], since=None, max_pages=None) == (page(2) if is_last else None)


def test_what_a_listing_says_of_a_story_is_kept() -> None:
    at = datetime(2026, 6, 2, tzinfo=UTC)
    found = Chain(HOME, "Policy").describe_find(listed("a", at))
    assert (found.via, found.listing_url, found.section_label, found.published_at, found.title) == (
        "listing",
        HOME,
        "Policy",
        at,
        "a",
    )
