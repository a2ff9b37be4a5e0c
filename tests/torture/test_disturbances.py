"""SIGTERM at any moment, two at once, and clocks that jump."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pytest
from crawls import headlines, listing_page, story_page
from harness import (
    Fault,
    How,
    Nursery,
    State,
    compare,
    make_project,
    rows,
    site_name_of,
    small_site,
)

from archiver.demo.server import DemoNetwork, RunningSite
from archiver.store.archive import Archive
from archiver.store.ledger import Ledger
from bench.network import plain_environment

CRAWL = ("scrapy", "crawl", "site")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[DemoNetwork, RunningSite]]:
    with small_site() as served:
        yield served


@pytest.fixture
def site(served: tuple[DemoNetwork, RunningSite]) -> RunningSite:
    served[0].change(())
    return served[1]


@pytest.fixture
def project(tmp_path: Path, site: RunningSite) -> Path:
    return make_project(tmp_path / "project", site.base_url + "/")


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", *words]
    return subprocess.Popen(
        command, cwd=folder, env=plain_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def left_alone(tmp_path: Path, site: RunningSite, name: str = "alone") -> State:
    folder = make_project(tmp_path / name, site.base_url + "/")
    with start(folder, *CRAWL) as process:
        log = process.communicate(timeout=120)[0]
    assert process.returncode == 0, log
    return State.of(folder / "data", site_name_of(site))


# --- SIGTERM


def terminate_after(folder: Path, seconds: float, *words: str) -> tuple[int, float, str]:
    """Return the exit code, how long it took to end, and the log."""
    with start(folder, *CRAWL, *words) as process:
        try:
            log = process.communicate(timeout=seconds)[0]
            return process.returncode, 0, log
        except subprocess.TimeoutExpired:
            pass
        process.send_signal(signal.SIGTERM)
        sent = time.monotonic()
        log = process.communicate(timeout=60)[0]
    return process.returncode, time.monotonic() - sent, log


def check_sigterm(tmp_path: Path, site: RunningSite, moments: list[float]) -> None:
    alone = left_alone(tmp_path, site)
    slow = ("-s", "DOWNLOAD_DELAY=0.05")
    for number, moment in enumerate(moments):
        folder = make_project(tmp_path / f"ended-{number}", site.base_url + "/")
        code, seconds, log = terminate_after(folder, moment, *slow)
        # Before Scrapy listens, it is the system that ends the process: for a shell that is 143 as well.
        assert code in (143, -signal.SIGTERM, 0), log
        assert seconds < 10, f"{seconds:.1f} s after SIGTERM at {moment:.2f} s: {log}"
        with start(folder, *CRAWL) as process:
            log = process.communicate(timeout=120)[0]
        assert process.returncode == 0, log
        assert not compare(folder / "data", site_name_of(site), alone), f"SIGTERM after {moment:.2f} s"


@pytest.mark.slow
def test_a_crawl_ended_by_sigterm_goes_on_where_it_stood(tmp_path: Path, site: RunningSite) -> None:
    check_sigterm(tmp_path, site, [2.2])


@pytest.mark.torture
def test_a_crawl_ended_by_sigterm_at_any_moment_goes_on_where_it_stood(tmp_path: Path, site: RunningSite) -> None:
    random = Random(4)
    check_sigterm(tmp_path, site, [random.uniform(0.3, 6) for _ in range(25)])


@pytest.mark.slow
def test_sigterm_does_not_wait_for_a_site_that_hangs(tmp_path: Path) -> None:
    asked = threading.Event()
    stories = headlines("tax", "trade", "water")
    page = story_page("The tax bill goes to a vote at last")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "water" in self.path:
                asked.set()
                time.sleep(25)
                return
            body = page if "article" in self.path else listing_page(stories)
            self.send_response(404 if "robots" in self.path else 200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    folder = make_project(tmp_path / "project", f"http://127.0.0.1:{server.server_port}/")
    with start(folder, *CRAWL) as process:
        assert asked.wait(30)
        process.send_signal(signal.SIGTERM)
        sent = time.monotonic()
        log = process.communicate(timeout=60)[0]
    server.shutdown()
    assert process.returncode == 143, log
    assert time.monotonic() - sent < 10


# --- two at once


@pytest.mark.slow
def test_of_two_crawls_of_one_site_the_second_ends_with_6_and_harms_nothing(tmp_path: Path, site: RunningSite) -> None:
    alone = left_alone(tmp_path, site)
    folder = make_project(tmp_path / "project", site.base_url + "/")
    with start(folder, *CRAWL, "-s", "DOWNLOAD_DELAY=0.5") as first:
        while not list((folder / "data/inbox").glob("*.jsonl")):
            time.sleep(0.02)
        with start(folder, *CRAWL) as second:
            log = second.communicate(timeout=60)[0]
        assert second.returncode == 6, log
        assert first.poll() is None
        log = first.communicate(timeout=60)[0]
    assert first.returncode == 0, log
    assert not compare(folder / "data", site_name_of(site), alone)


@pytest.mark.slow
@pytest.mark.parametrize("publishers", [2, pytest.param(6, marks=pytest.mark.torture)])
def test_publishers_at_once_publish_each_story_once(
    tmp_path: Path, site: RunningSite, nursery: Nursery, publishers: int
) -> None:
    alone = left_alone(tmp_path, site)
    folder = make_project(tmp_path / "project", site.base_url + "/")
    calls = nursery.run(make_project(tmp_path / "counted", site.base_url + "/"), *CRAWL, log_calls=True).calls
    begun = next(n for n, call in enumerate(calls, start=1) if "/revisions" in call)
    assert nursery.run(folder, *CRAWL, fault=Fault(How.KILL_BEFORE, begun)).code == -9
    processes = [start(folder, "archiver", "publish") for _ in range(publishers)]
    for process in processes:
        with process:
            log = process.communicate(timeout=60)[0]
        assert process.returncode == 0, log
    assert not compare(folder / "data", site_name_of(site), alone)


# --- clocks


@pytest.mark.slow
@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(days=365)], ids=["back", "ahead"])
@pytest.mark.parametrize("words", [(), ("-a", "full=1")], ids=["due", "full"])
def test_a_clock_that_jumps_stops_no_visits(
    tmp_path: Path, served: tuple[DemoNetwork, RunningSite], nursery: Nursery, jump: timedelta, words: tuple[str, ...]
) -> None:
    """First crawl, one with the clock wrong while stories change, one with it right, and one when all must have come due."""
    network, site = served
    network.change(())
    folder = make_project(tmp_path / "project", site.base_url + "/")
    site.fail("/robots.txt", 404)  # a sitemap would tell what changed
    try:
        everything = {placed.story.event_id for placed in site.stories}
        changed = set(sorted(everything)[::2])

        def crawl(clock: timedelta, *words: str) -> dict[str, int]:
            ended = nursery.run(folder, *CRAWL, *words, clock=clock)
            assert ended.code == 0, ended.log
            return {row["url"]: row["revision"] for row in rows(folder / "data", "stories")}

        hour = timedelta(hours=1)
        assert set(crawl(timedelta()).values()) == {1}
        network.change(changed)
        revisions = crawl(jump, *words)
        if words:
            assert sum(number == 2 for number in revisions.values()) == len(changed)
        revisions = crawl(3 * hour, *words)
        if words:
            assert sum(number == 2 for number in revisions.values()) == len(changed)
        with Ledger.open(Archive(folder / "data"), site_name_of(site)) as ledger:
            visits = {known.url: known.visits for known in ledger.each()}
        network.change(everything)
        revisions = crawl(timedelta(days=95))
        with Ledger.open(Archive(folder / "data"), site_name_of(site)) as ledger:
            assert [known for known in ledger.each() if known.visits <= visits[known.url]] == []
        assert min(revisions.values()) == 2
        assert len(revisions) == len(site.stories)
        numbers = [(row["url"], row["revision"]) for row in rows(folder / "data", "revisions")]
        assert len(set(numbers)) == len(numbers) == sum(revisions.values())
    finally:
        site.heal()
