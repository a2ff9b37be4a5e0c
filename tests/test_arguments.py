from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.arguments import (
    SITE_ARGUMENTS,
    URL_ARGUMENTS,
    ArgumentError,
    CrawlArguments,
    describe_unknown,
    find_misspelt_settings,
    parse_arguments,
)


def test_no_argument_asks_for_the_whole_site() -> None:
    assert parse_arguments({}) == CrawlArguments()
    assert not parse_arguments({}).is_bounded


def test_every_argument_is_read() -> None:
    given = {"section": "Policy,AI & Education", "since": "2026-06-01", "limit": "10", "full": "1", "max_pages": "3"}
    assert parse_arguments(given) == CrawlArguments(
        section=("policy", "ai-education"), since=date(2026, 6, 1), limit=10, full=True, max_pages=3
    )


@pytest.mark.parametrize(
    ("argument", "value"),
    [("section", "policy"), ("since", "2026-06-01"), ("limit", "1"), ("max_pages", "1")],
)
def test_an_argument_that_asks_for_a_part_bounds_the_crawl(argument: str, value: str) -> None:
    assert parse_arguments({argument: value}).is_bounded


def test_full_does_not_bound_the_crawl() -> None:
    assert not parse_arguments({"full": "1"}).is_bounded


def test_a_section_named_twice_counts_once() -> None:
    assert parse_arguments({"section": "policy, Policy"}).section == ("policy",)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"section": ""}, "section=''"),
        ({"section": "policy,,markets"}, "section='policy,,markets'"),
        ({"since": "20260601"}, "YYYY-MM-DD"),
        ({"since": "2026-W23-1"}, "YYYY-MM-DD"),
        ({"since": "2026-02-30"}, "since='2026-02-30'"),
        ({"since": "yesterday"}, "YYYY-MM-DD"),
        ({"limit": "0"}, "limit='0'"),
        ({"limit": "-3"}, "1 or more"),
        ({"limit": "1e3"}, "limit='1e3'"),
        ({"limit": "٣"}, "limit='٣'"),
        ({"full": "yes"}, "0 or 1"),
        ({"max_pages": ""}, "max_pages=''"),
    ],
)
def test_a_malformed_argument_is_named_with_the_form_wanted(given: dict[str, str], told: str) -> None:
    with pytest.raises(ArgumentError) as error:
        parse_arguments(given)
    assert told in str(error.value)


@pytest.mark.parametrize("name", ["sections", "Limit", "max-pages", "url", "start_urls", "custom_settings"])
def test_an_unknown_argument_is_told_the_valid_ones(name: str) -> None:
    with pytest.raises(ArgumentError) as error:
        parse_arguments({name: "1"})
    assert repr(name) in str(error.value)
    assert all(valid in str(error.value) for valid in SITE_ARGUMENTS)


def test_an_address_is_wanted_for_any_page() -> None:
    with pytest.raises(ArgumentError, match="url= is missing"):
        parse_arguments({"limit": "3"}, URL_ARGUMENTS)
    with pytest.raises(ArgumentError, match="http or https"):
        parse_arguments({"url": "site.example/policy"}, URL_ARGUMENTS)
    assert parse_arguments({"url": "HTTP://A.example/x#y"}, URL_ARGUMENTS).url == "http://a.example/x"


def test_a_close_name_is_suggested() -> None:
    assert "did you mean 'section'" in describe_unknown("argument", "sectoin", SITE_ARGUMENTS)
    assert "did you mean" not in describe_unknown("argument", "zzz", SITE_ARGUMENTS)


@pytest.mark.parametrize(
    ("name", "is_misspelt"),
    [
        ("ARCHIVER_ROOT", False),
        ("ARCHIVER_ROT", True),
        ("archiver_root", True),
        ("ACHIVER_ROOT", True),
        ("JOBDIR", False),
    ],
)
def test_a_misspelt_setting_is_found(name: str, is_misspelt: bool) -> None:
    assert find_misspelt_settings([name], ["ARCHIVER_ROOT"]) == [name] * is_misspelt


@given(st.dictionaries(st.sampled_from(SITE_ARGUMENTS), st.text(max_size=12)))
def test_any_value_is_read_or_refused(given: dict[str, str]) -> None:
    try:
        arguments = parse_arguments(given)
    except ArgumentError as error:
        assert "\n" not in str(error)
    else:
        assert arguments.limit is None or arguments.limit > 0
