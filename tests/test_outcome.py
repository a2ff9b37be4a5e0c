from __future__ import annotations

import itertools
import signal
from datetime import UTC, datetime
from typing import Any

import pytest

from archiver.arguments import parse_arguments
from archiver.outcome import PRECEDENCE, Exit, Outcome, worst_exit

URL = "https://a.example/article/x"


def make_outcome(**state: Any) -> Outcome:
    outcome = Outcome("run", "a_example", parse_arguments({}), datetime(2026, 6, 29, tzinfo=UTC), pages=3, listed=2)
    for name, value in state.items():
        setattr(outcome, name, value)
    return outcome


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({}, Exit.DONE),
        ({"pages": 0}, Exit.NOTHING_FETCHED),
        ({"listed": 0}, Exit.INCOMPLETE),
        ({"errors": ["scrapy.core.scraper: Spider error"]}, Exit.INCOMPLETE),
        ({"usage_error": "unknown section"}, Exit.USAGE),
        ({"storage_error": "disk full"}, Exit.STORAGE),
        ({"interrupted_by": signal.SIGINT}, Exit.SIGINT),
        ({"interrupted_by": signal.SIGTERM}, Exit.SIGTERM),
        ({"pages": 0, "usage_error": "x"}, Exit.USAGE),
        ({"usage_error": "x", "storage_error": "y", "errors": ["z"]}, Exit.STORAGE),
        ({"storage_error": "y", "interrupted_by": signal.SIGTERM}, Exit.SIGTERM),
    ],
)
def test_exit_code(state: dict[str, Any], code: Exit) -> None:
    assert make_outcome(**state).exit_code() is code


@pytest.mark.parametrize("reason", ["http_500", "missing_title", "exception", "lost"])
def test_a_lost_story_makes_the_crawl_incomplete(reason: str) -> None:
    outcome = make_outcome()
    outcome.expect(URL, "Policy")
    outcome.fail(URL, reason)
    assert outcome.exit_code() is Exit.INCOMPLETE
    assert outcome.count_by_section() == [
        {"site": "a.example", "section": "policy", "new": 0, "changed": 0, "same": 0, "failed": 1}
    ]
    assert outcome.to_stats()[f"story/{reason}"] == 1


@pytest.mark.parametrize("reason", ["gone", "robots", "no_story", "duplicate", "before_since", "over_limit"])
def test_a_story_left_out_is_counted_and_no_failure(reason: str) -> None:
    outcome = make_outcome()
    outcome.expect(URL, "Policy")
    outcome.skip(URL, reason)
    assert outcome.exit_code() is Exit.DONE
    assert not outcome.awaited
    assert outcome.to_stats()[f"story/{reason}"] == 1


def test_a_story_that_nothing_became_of_is_lost() -> None:
    outcome = make_outcome()
    outcome.expect(URL, "Policy")
    outcome.expect(URL + "y", "Policy")
    outcome.keep(URL)
    outcome.count_lost()
    assert outcome.failed_addresses == [(URL + "y", "lost")]
    assert outcome.exit_code() is Exit.INCOMPLETE


@pytest.mark.parametrize(("grave", "mild"), [*itertools.pairwise(PRECEDENCE)])
def test_the_graver_exit_code_counts(grave: int, mild: int) -> None:
    assert worst_exit([mild, grave, mild]) == grave


def test_a_crash_is_the_gravest() -> None:
    assert worst_exit([0, 1, 130]) == 1


def test_a_run_record_holds_only_what_json_can() -> None:
    import json

    arguments = parse_arguments({"since": "2026-06-01", "section": "policy"})
    record = make_outcome(arguments=arguments).to_record()
    assert json.loads(json.dumps(record))["arguments"] == {"section": ["policy"], "since": "2026-06-01"}
