"""JSON logs: one object a line, whatever is logged."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from crawls import PROSE, Pages, Project, headlines, listing_page, story_page

from archiver.logs import JsonFormatter

slow = pytest.mark.slow


def format_record(message: str, *args: Any, **more: Any) -> dict[str, Any]:
    record = logging.LogRecord("a.logger", logging.WARNING, "x.py", 1, message, args, more.pop("exc_info", None))
    for name, value in more.items():
        setattr(record, name, value)
    line = JsonFormatter("run", "a.example").format(record)
    assert len(line.splitlines()) == 1
    told: dict[str, Any] = json.loads(line)
    return told


def test_a_line_says_when_where_and_what() -> None:
    told = format_record(
        "%s is lost: %s", "https://a.example/x", "timeout", event="page_lost", url="https://a.example/x"
    )
    assert list(told) == ["time", "level", "run", "site", "event", "url", "message", "logger"]
    assert datetime.fromisoformat(told["time"]).tzinfo is not None
    assert (told["level"], told["run"], told["site"], told["event"]) == ("WARNING", "run", "a.example", "page_lost")


@pytest.mark.parametrize(
    ("message", "url"),
    [
        ("Crawled (200) <GET https://a.example/x?y=1> (referer: None)", "https://a.example/x?y=1"),
        ("no story link on https://a.example/policy.", "https://a.example/policy"),
        ("nothing", None),
    ],
)
def test_an_address_is_taken_from_the_message_where_there_is_no_other(message: str, url: str | None) -> None:
    assert format_record(message)["url"] == url


@pytest.mark.parametrize("text", ["two\nlines", "\r\x85\u2028\u2029", "half a pair \ud800", "x" * 100_000])
def test_no_text_breaks_a_line(text: str) -> None:
    assert len(format_record("%s", text)["message"]) <= 2_000


def test_a_traceback_stays_one_line() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        told = format_record("failed", exc_info=sys.exc_info())
    assert "ValueError: first\nsecond" in told["traceback"]


def lines(log: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines()]


@slow
@pytest.mark.parametrize("words", [("scrapy", "crawl"), ("archiver", "crawl")])
def test_every_line_of_a_crawl_is_an_object(tmp_path: Path, words: tuple[str, str]) -> None:
    project = Project(tmp_path)
    topics = headlines("tariff", "water", "rail")
    pages: dict[str, str | int] = {
        "/": listing_page(topics),
        **{url: story_page(title) for url, title in topics.items()},
    }
    pages["/article/rail-bill-goes-to-a-vote"] = 500
    with Pages(pages) as server:
        broken = (
            "    def parse_story(self, response, **more):\n        yield from super().parse_story(response, **more)\n"
        )
        project.add_site("small", server.base_url, f"{broken}        raise ValueError('two\\nlines')\n")
        ran = project.run(*words, "small", "--log-json", "-s", "LOG_LEVEL=DEBUG")
    told = lines(ran.log)
    events = [line["event"] for line in told]
    assert {"crawl_began", "story_extracted", "page_lost", "crawl_ended"} <= set(events)
    assert PROSE[0] not in ran.log
    assert any("traceback" in line for line in told)
    (ended,) = (line for line in told if line["event"] == "crawl_ended")
    (record,) = project.records()
    assert (ended["run"], ended["exit_code"], ended["site"]) == (record["run"], ran.exit_code, record["site"])


# Several sites at once


def start_sites(project: Project, server: Pages, *names: str) -> None:
    for name in names:
        project.add_site(name, f"{server.base_url}/{name}/", "    custom_settings = {'ROBOTSTXT_OBEY': False}\n")


@slow
def test_sites_are_crawled_side_by_side_and_one_that_fails_harms_no_other(tmp_path: Path) -> None:
    project = Project(tmp_path)
    topics = headlines("tariff", "water")
    pages = {"/": listing_page(topics), **{url: story_page(title) for url, title in topics.items()}}
    together = threading.Barrier(3, timeout=60)
    one, other, down = (Pages(site, together=together) for site in (pages, pages, {"/": 500}))
    with one, other, down:
        project.add_site("one", one.base_url)
        project.add_site("other", other.base_url)
        project.add_site("down", down.base_url)
        ran = project.run("archiver", "crawl", "one", "down", "other", "--jobs", "3")
        assert ran.exit_code == 3
        assert len(project.urls()) == 4
        assert {line.partition(" | ")[0].strip() for line in ran.log.splitlines()} == {"one", "other", "down"}
        rows = {line.split()[0]: line.split()[1:] for line in ran.output.splitlines()[1:]}
        assert (rows["one"][:2], rows["other"][:2], rows["down"][0]) == (["0", "2"], ["0", "2"], "3")
        assert not together.broken
        ran = project.run("archiver", "crawl", "one", "other", "--log-json")
        assert ran.exit_code == 0
        assert {line["site"] for line in lines(ran.log)} >= {record["site"] for record in project.records()[-2:]}
        assert ran.output == ""


@slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_sites_within_ten_seconds(tmp_path: Path, number: signal.Signals) -> None:
    project = Project(tmp_path)
    topics = headlines(*(f"topic{n}" for n in range(200)))
    pages = {"/": listing_page(topics), **{url: story_page(title) for url, title in topics.items()}}
    with Pages(pages) as one, Pages(pages) as other, Pages(pages) as third:
        for name, server in (("one", one), ("other", other), ("third", third)):
            project.add_site(name, server.base_url)
        slowly = ("-s", "DOWNLOAD_DELAY=0.3")
        process = project.start("archiver", "crawl", "one", "other", "third", "--jobs", "2", *slowly)
        deadline = time.monotonic() + 60
        while min(sum(each.requests.values()) for each in (one, other)) < 5:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(number)
        sent = time.monotonic()
        _, log = process.communicate(timeout=60)
        assert time.monotonic() - sent < 10
    assert process.returncode == 128 + number, log
    assert [record["exit_code"] for record in project.records()] == [128 + number] * 2
    assert third.requests.total() == 0
    assert len(project.urls()) > 0
    assert "Traceback" not in log
