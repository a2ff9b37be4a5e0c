from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.schedule import LONGEST, LONGEST_BACKOFF, SHORTEST, next_try, next_visit, next_visit_to_missing

NOW = datetime(2026, 6, 29, 13, tzinfo=UTC)
DAY = timedelta(days=1)

moments = st.integers(0, 230 * 365).map(lambda days: datetime(1970, 1, 1, tzinfo=UTC) + days * DAY)
any_moments = st.datetimes(timezones=st.just(UTC))
"""What pages print: from the year 1 to 9999."""
counts = st.integers(0, 1000)
rates = st.none() | st.floats(-1, 2)
histories = st.fixed_dictionaries(
    {
        "published_at": st.none() | any_moments,
        "first_seen": moments,
        "visits": counts,
        "changes": counts,
        "last_changed": st.none() | moments,
        "site_change_rate": rates,
    }
)


def wait(at: datetime = NOW, **history: Any) -> timedelta:
    facts = {"published_at": None, "first_seen": at, "visits": 1, "changes": 0, "last_changed": None} | history
    return next_visit(at=at, **facts) - at


@given(histories, moments)
def test_a_visit_is_never_nearer_or_further_than_may_be(history: dict[str, Any], at: datetime) -> None:
    """Whatever the clock says now, and said when the rest was noted."""
    assert SHORTEST <= wait(at, **history) <= LONGEST


@given(histories, moments, st.timedeltas(timedelta(0), 1000 * DAY))
def test_an_older_story_never_waits_shorter(history: dict[str, Any], at: datetime, more: timedelta) -> None:
    assert wait(at, **history) <= wait(at + more, **history)


@given(histories, moments, any_moments)
def test_a_story_published_earlier_never_waits_shorter(history: dict[str, Any], at: datetime, other: datetime) -> None:
    earlier, later = sorted([other, history["published_at"] or history["first_seen"]])
    assert wait(at, **history | {"published_at": later}) <= wait(at, **history | {"published_at": earlier})


@given(histories, moments, st.integers(1, 100))
def test_a_story_that_changes_more_never_waits_longer(history: dict[str, Any], at: datetime, more: int) -> None:
    assert wait(at, **history | {"changes": history["changes"] + more}) <= wait(at, **history)
    assert wait(at, **history) <= wait(at, **history | {"visits": history["visits"] + more})


@given(histories, moments, st.floats(0, 1), st.floats(0, 1))
def test_stories_of_a_site_that_changes_more_never_wait_longer(
    history: dict[str, Any], at: datetime, one: float, other: float
) -> None:
    seldom, often = sorted([one, other])
    assert wait(at, **history | {"site_change_rate": often}) <= wait(at, **history | {"site_change_rate": seldom})


@given(histories, moments)
def test_a_change_never_makes_a_story_wait_longer(history: dict[str, Any], at: datetime) -> None:
    assert wait(at, **history | {"last_changed": at}) <= wait(at, **history | {"last_changed": None})


@given(histories, moments)
def test_the_plan_is_the_same_each_time(history: dict[str, Any], at: datetime) -> None:
    assert next_visit(at=at, **history) == next_visit(at=at, **history)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ({"first_seen": NOW + 365 * DAY}, SHORTEST),
        ({"published_at": NOW + 9 * DAY, "first_seen": NOW - 8 * DAY}, 4 * DAY),
        ({"published_at": NOW - 8 * DAY, "last_changed": NOW + 365 * DAY, "visits": 9, "changes": 1}, DAY * 2 / 3),
        ({"published_at": datetime.max.replace(tzinfo=UTC), "first_seen": NOW - 8 * DAY}, 4 * DAY),
        ({"published_at": datetime.min.replace(tzinfo=UTC)}, LONGEST),
    ],
)
def test_a_date_that_cannot_be_counts_as_the_latest_that_can(history: dict[str, Any], expected: timedelta) -> None:
    assert wait(**history) == expected


def visits_in(days: int, *, changes: bool) -> list[timedelta]:
    """Ages at which a story is looked at that is found when it is published."""
    ages, at, seen, last = [], NOW, 0, None
    while at < NOW + days * DAY:
        ages.append(at - NOW)
        seen += 1
        if changes and seen > 1:
            last = at
        at += wait(at, first_seen=NOW, visits=seen, changes=(seen - 1) * changes, last_changed=last)
    return ages


def test_a_story_that_never_changes_is_looked_at_a_dozen_times_in_its_first_year() -> None:
    ages = visits_in(365, changes=False)
    assert 10 <= len(ages) <= 16
    assert sum(age <= DAY for age in ages) >= 4


def test_a_page_that_is_another_at_each_look_costs_less_as_it_ages() -> None:
    ages = visits_in(365, changes=True)
    assert len(ages) < 120
    assert sum(age > 180 * DAY for age in ages) < 20


@given(st.integers(-5, 10_000), moments)
def test_failures_back_off_and_never_for_ever(failures: int, at: datetime) -> None:
    assert timedelta(hours=1) <= next_try(failures, at) - at <= LONGEST_BACKOFF
    assert next_try(failures, at) <= next_try(failures + 1, at)


@given(moments, moments)
def test_what_is_missing_is_looked_at_again_after_a_day_and_ever_more_seldom(since: datetime, at: datetime) -> None:
    assert DAY <= next_visit_to_missing(since, at) - at <= LONGEST
