"""What is told from a site's past, and what is not: the tests of stories and of runs as a whole."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import make_story

from archiver.alarms.alarm import Alarm, PastRun, advise, read_past
from archiver.alarms.quality import (
    COLUMNS,
    Look,
    Quality,
    Tally,
    look_at,
    quality_from_json,
    quality_to_json,
    share_filled,
    tally,
)
from archiver.alarms.run import judge_run
from archiver.alarms.stories import judge_stories
from archiver.alarms.tails import share_tail, shift_tail
from archiver.demo.sites import SITES, DemoSite
from archiver.items import Story
from bench.alarms import sixty_days
from bench.alarms.simulate import KINDS, SimulatedSite, count_false, live

SITE = "wire.example"
DAY = timedelta(days=1)
START = datetime(2026, 6, 1, 6, tzinfo=UTC)


def make_stories(number: int, *, first: int = 0, **columns: Any) -> list[Story]:
    """Stories that differ from one another as stories do."""
    return [
        make_story(
            f"s{each}", **{"dek": f"Dek {each}.", "body": f"Body {each}.", "word_count": 300 + each % 40} | columns
        )
        for each in range(first, first + number)
    ]


def tally_of(stories: Sequence[Story]) -> Quality:
    return tally(lambda: sorted(map(look_at, stories), key=attrgetter("site", "section")))


def none_of(site: str) -> list[Look]:
    return []


def judge(before: Sequence[Sequence[Story]], now: Sequence[Story]) -> list[Alarm]:
    """Judge a run after others, the oldest of them first."""
    past = [PastRun(f"run-{number}", tally_of(stories)) for number, stories in enumerate(before)]
    return judge_stories(
        past[::-1], tally_of(now), lambda site: [look_at(story) for story in now if story.site == site]
    )


WEEK = [make_stories(20, first=20 * number) for number in range(7)]


# Columns


@pytest.mark.parametrize(
    ("column", "empty"),
    [("dek", None), ("faq", []), ("authors", []), ("source_name", None), ("source_url", None), ("links", []),
     ("related", []), ("section_label", None), ("published_at", None), ("language", None), ("tags", [])],
)  # fmt: skip
def test_a_column_that_is_suddenly_empty_alarms_in_the_first_run_of_twenty(column: str, empty: Any) -> None:
    (alarm,) = judge(WEEK, make_stories(20, first=500, **{column: empty}))
    assert (alarm.kind, alarm.what, alarm.holds, alarm.usual, alarm.present) == ("column", column, True, 1.0, 0.0)
    assert alarm.urls == tuple(f"https://{SITE}/article/s{number}" for number in (500, 501, 502))
    assert f"column {column} is filled in 0 of 20 stories (0%), usually in 100%" in alarm.message
    assert all(url in alarm.message for url in alarm.urls)


def test_a_section_that_is_lost_with_its_label_alarms() -> None:
    stray = make_stories(5, first=900, section="unsectioned", section_label=None)
    (alarm,) = judge(
        [[*WEEK[0], *stray], *WEEK[1:]], make_stories(20, first=500, section="unsectioned", section_label=None)
    )
    assert alarm.what == "section_label"


@pytest.mark.parametrize("column", ["title", "dek", "body"])
def test_a_text_that_all_stories_have_in_common_counts_as_empty(column: str) -> None:
    alarms = judge(WEEK, make_stories(20, first=500, **{column: "We value your privacy."}))
    assert [alarm.what for alarm in alarms] == [column]


def test_the_first_run_after_one_big_crawl_alarms_already() -> None:
    assert [alarm.what for alarm in judge([make_stories(200)], make_stories(25, first=500, dek=None))] == ["dek"]


@pytest.mark.parametrize("before", [[], [make_stories(15)]])
def test_without_a_past_nothing_alarms(before: list[list[Story]]) -> None:
    assert judge(before, make_stories(100, first=500, dek=None, faq=[], word_count=5)) == []


def test_a_break_over_runs_of_five_is_seen_before_the_fifth_and_names_the_first() -> None:
    small = [make_stories(5, first=5 * number) for number in range(30)]
    for number in range(1, 6):
        now = make_stories(5, first=500 + 5 * number, dek=None)
        if alarms := judge(small, now):
            break
        small.append(now)
    assert number <= 4
    assert alarms[0].since is not None
    assert "counted since run run-" in alarms[0].message


def test_a_selector_that_was_mended_does_not_alarm_for_what_went_before() -> None:
    broken = [make_stories(5, first=300 + 5 * number, dek=None) for number in range(3)]
    assert judge([*WEEK, *broken], make_stories(5, first=500)) == []


def test_a_column_that_half_of_the_stories_have_alarms_when_none_has() -> None:
    def half(number: int, first: int) -> list[Story]:
        return [*make_stories(number // 2, first=first), *make_stories(number // 2, first=first + number, dek=None)]

    before = [half(24, 100 * number) for number in range(12)]
    assert judge(before, half(24, 5000)) == []
    assert [alarm.what for alarm in judge(before, make_stories(40, first=5000, dek=None))] == ["dek"]


def test_a_section_that_never_had_a_column_does_not_alarm_alone() -> None:
    opinion = {"section": "opinion", "faq": []}
    before = [[*make_stories(15, first=100 * n), *make_stories(15, first=100 * n + 50, **opinion)] for n in range(8)]
    assert judge(before, make_stories(30, first=5000, **opinion)) == []
    assert [each.what for each in judge(before, make_stories(30, first=5000, faq=[]))] == ["faq"]


def test_a_run_of_stories_that_changed_may_lack_what_depends_on_age() -> None:
    before = [make_stories(200, modified_at=START)]
    assert judge(before, make_stories(40, first=500)) == []


@pytest.mark.slow
def test_a_slow_drift_does_not_alarm() -> None:
    days = [
        [*make_stories(99 - n, first=1000 * n), *make_stories(n + 1, first=1000 * n + 500, dek=None)] for n in range(95)
    ]
    assert not any(judge(days[max(0, number - 40) : number], days[number]) for number in range(1, 95))


def test_days_that_differ_wildly_do_not_alarm() -> None:
    days = [make_stories(20, first=20 * n, dek="" if n % 3 == 0 else f"Dek {n}") for n in range(1, 20)]
    assert judge(days, make_stories(20, first=900, dek=None)) == []


def test_what_was_accepted_is_usual_from_then_on() -> None:
    alarm = Alarm(kind="column", what="dek", site=SITE, message="", usual=1, present=0, holds=True).to_json()
    accepted = make_stories(25, first=500, dek=None)
    record = {"run": "b", "quality": quality_to_json(tally_of(accepted)), "alarms": [alarm], "held": True}
    now = make_stories(25, first=900, dek=None)
    earlier = [PastRun("a", tally_of(stories)) for stories in WEEK]
    assert read_past([record]) == []
    past = [*read_past([record | {"accepted_at": "2026-06-29T00:00:00+00:00"}]), *earlier]
    assert judge_stories(past, tally_of(now), none_of) == []
    assert [each.what for each in judge_stories(past, tally_of(make_stories(25, first=900, faq=[])), none_of)] == [
        "faq"
    ]


def test_stories_that_are_gone_tell_nothing() -> None:
    assert judge(WEEK, make_stories(30, first=500, status="gone", dek=None)) == []


# Length


@pytest.mark.parametrize(("times", "how"), [(2.0, "times as long as usual"), (0.5, "% as long as usual")])
def test_bodies_that_suddenly_double_or_halve_alarm(times: float, how: str) -> None:
    now = [make_story(f"t{n}", body=f"Body {n}", dek=f"{n}", word_count=int(times * (300 + n))) for n in range(20)]
    (alarm,) = judge(WEEK, now)
    assert (alarm.kind, alarm.holds, len(alarm.urls)) == ("length", True, 3)
    assert how in alarm.message
    assert alarm.present == pytest.approx(alarm.usual * times, rel=0.15)


def test_one_body_of_a_million_words_does_not_alarm() -> None:
    now = make_stories(19, first=500)
    assert judge(WEEK, [*now, make_story("long", body="Long.", dek="One.", word_count=1_000_000)]) == []


def test_a_section_of_short_stories_does_not_alarm_alone() -> None:
    brief = {"section": "briefs", "word_count": 60}
    before = [[*make_stories(15, first=100 * n), *make_stories(15, first=100 * n + 50, **brief)] for n in range(8)]
    assert judge(before, make_stories(30, first=5000, **brief)) == []


# What a run record keeps


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 10_000)), max_size=20))
def test_tallies_come_back_from_a_record_as_they_were(given_stories: list[tuple[int, bool, int]]) -> None:
    stories = [
        make_story(f"x{n}", section=f"s{n % 3}", dek=str(n) if has else None, word_count=w)
        for n, has, w in given_stories
    ]
    quality = tally_of(stories)
    assert quality_from_json(json.loads(json.dumps(quality_to_json(quality)))) == quality
    assert set(share_filled(quality)) == (set(COLUMNS) if stories else set())


@pytest.mark.parametrize("damaged", [[], "x", {"a": 1}, {"a": {"b": {"stories": 1}}}, {"a": {"b": {"stories": "x"}}}])
def test_a_record_that_holds_no_tallies_is_no_past(damaged: Any) -> None:
    assert read_past([{"run": "a", "quality": damaged}]) == []


# Tails


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=8), st.integers(1, 40))
def test_tails_are_probabilities_and_grow_with_the_share(pairs: list[tuple[int, int]], stories: int) -> None:
    past = [(k, k + rest) for k, rest in pairs]
    tails = [share_tail(past, filled, stories) for filled in range(stories + 1)]
    assert all(0 <= tail <= 1.000001 for tail in tails)
    assert tails == sorted(tails)
    assert tails[-1] == pytest.approx(1, abs=1e-6)


@given(st.floats(0, 5), st.floats(0, 5), st.floats(1, 500))
def test_a_larger_shift_is_never_likelier(one: float, other: float, stories: float) -> None:
    small, large = sorted([one, other])
    usual = {"spread": 0.5, "usual_apart": 0.12, "trust": 5}
    assert shift_tail([(0.0, 20)], large, stories, **usual) <= shift_tail([(0.0, 20)], small, stories, **usual) <= 1


# The run as a whole


def make_record(
    number: float, *, listed: int = 25, new: int = 3, failures: dict[str, int] | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "run": f"run-{number}",
        "started_at": (START + number * DAY).isoformat(),
        "finish_reason": "finished",
        "exit_code": 0,
        "arguments": {},
        "asked": 40,
        "listings": [{"url": "https://wire.example/policy", "stories": listed}],
        "counts": [{"site": SITE, "section": "policy", "new": new, "changed": 0, "same": 0, "failed": 0}],
        "failures": failures or {},
        "failed_addresses": [{"url": "https://wire.example/x", "reason": "http_500"}],
    } | more  # fmt: skip


MONTH = [make_record(number) for number in range(30)][::-1]


@pytest.mark.parametrize(
    ("record", "kinds"),
    [
        (make_record(30), []),
        (make_record(30, listed=24), []),
        (make_record(30, listed=0), ["listing"]),
        (make_record(30, listed=2), ["listing"]),
        (make_record(30, failures={"http_500": 20}, exit_code=4), ["failures"]),
        (make_record(30, left_after_fetch={"no_story": 38}), ["failures"]),
        (make_record(30, failures={"lost": 20}, exit_code=4), []),
        (make_record(30, failures={"http_500": 3}, exit_code=4), []),
        (make_record(31, new=0), []),
        (make_record(34, new=0), ["silence"]),
        (make_record(34, new=0, arguments={"limit": 5}), []),
        (make_record(34, new=0, finish_reason="shutdown", exit_code=143), []),
        (make_record(34, new=3), []),
    ],
)
def test_a_run_is_compared_with_the_month_before(record: dict[str, Any], kinds: list[str]) -> None:
    alarms = judge_run(MONTH, record, SITE)
    assert [alarm.kind for alarm in alarms] == kinds
    assert not any(alarm.holds for alarm in alarms)
    assert judge_run(MONTH[-4:], record, SITE) == []


def test_a_listing_of_varying_length_is_not_taken_for_an_empty_one() -> None:
    before = [make_record(n, listed=n % 5) for n in range(30)][::-1]
    assert judge_run(before, make_record(30, listed=0), SITE) == []


def test_a_site_that_rests_at_the_weekend_may() -> None:
    before = [make_record(n / 4, new=int(n // 4 % 7 < 5 and n % 4 == 2)) for n in range(40 * 4)][::-1]
    assert judge_run(before, make_record(45, new=0), SITE) == []
    assert [each.kind for each in judge_run(before, make_record(50, new=0), SITE)] == ["silence"]


def test_a_silence_that_was_accepted_alarms_only_once_it_is_exceeded() -> None:
    record = make_record(34, new=0)
    told = [alarm.to_json() for alarm in judge_run(MONTH, record, SITE)]
    past = [record | {"alarms": told, "accepted_at": "2026-07-05T00:00:00+00:00"}, *MONTH]
    assert judge_run(past, make_record(35, new=0), SITE) == []
    assert judge_run(past, make_record(60, new=0), SITE) != []


@pytest.mark.parametrize("kind", ["listing", "failures", "silence", "column"])
def test_every_alarm_says_what_to_do(kind: str) -> None:
    alarm = Alarm(kind=kind, what="x", site=SITE, message="", usual=1, present=0, holds=kind == "column")
    advice = advise(alarm, "20260629T101112Z-wire-0f3a", "wire")
    assert "archiver publish --accept 20260629T101112Z-wire-0f3a" in advice
    assert ("--reextract" in advice) == (kind == "column")


# Simulated


def test_steady_sites_do_not_alarm() -> None:
    """A sample of `python -m bench.alarms.simulate`, which counts over 5,000 runs."""
    counts = count_false(runs=len(KINDS) * 12, runs_a_site=12, seed=3)
    assert sum(done for done, _, _ in counts.values()) == len(KINDS) * 12
    assert sum(false for _, false, _ in counts.values()) == 0


@pytest.mark.torture
def test_fewer_than_one_run_in_a_thousand_of_steady_sites_alarms() -> None:
    counts = count_false(runs=5000, runs_a_site=60, seed=1)
    assert sum(false for _, false, _ in counts.values()) < 5


def test_a_simulated_site_is_as_its_kind_says() -> None:
    import random

    site = SimulatedSite(KINDS[3], random.Random(1))
    stories = [sum(tally.stories for tally in site.run(number)["site.example"].values()) for number in (0, 1, 5)]
    assert stories[0] == 200
    assert stories[1] > stories[2]
    assert len(list(live(site, 3))) == 3


def quality_of(sections: dict[str, tuple[int, int]]) -> Quality:
    return {SITE: {name: Tally(n, Counter({"dek": k}), Counter({64: n})) for name, (k, n) in sections.items()}}


def test_a_section_not_met_before_is_like_the_others_where_these_are_alike() -> None:
    alike = [PastRun(str(n), quality_of({"a": (10, 10), "b": (10, 10)})) for n in range(9)]
    unlike = [PastRun(str(n), quality_of({"a": (10, 10), "b": (0, 10)})) for n in range(9)]
    now = quality_of({"new": (0, 25)})
    assert [each.what for each in judge_stories(alike, now, none_of)] == ["dek"]
    assert judge_stories(unlike, now, none_of) == []


# The bundled network


@pytest.mark.slow
@pytest.mark.parametrize("site", SITES[1:2], ids=lambda site: site.name)
def test_each_breakage_of_the_bundled_network_is_told_on_its_day(site: DemoSite, tmp_path: Path) -> None:
    """A sample of `python -m bench.alarms.sixty_days`, which has all sites and sixty days."""
    days = list(sixty_days.live(site, tmp_path, 21, 25))
    assert [kind for _, kind, _ in days if kind] == ["dek", "authors", "faq"]
    for day, kind, alarms in days:
        assert (kind in alarms) if kind else not alarms, day


@pytest.mark.torture
@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_sixty_days_of_the_bundled_network(site: DemoSite, tmp_path: Path) -> None:
    for day, kind, alarms in sixty_days.live(site, tmp_path, 60, 25):
        assert (kind.split()[0] in alarms) if kind else not alarms, day
