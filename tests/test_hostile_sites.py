"""Whole crawls of hostile and of busy sites: what is bad costs itself alone, is counted, and is told in the exit code."""

from __future__ import annotations

import hashlib
import itertools
import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from archiver.extensions import find_holds
from archiver.store.archive import Archive
from archiver.store.runs import put_run
from tests.crawls import Project, headlines, listing_page, paths, story_page
from tests.hostile.cases import CASES, GOOD, serve_page, site
from tests.hostile.run import crawl
from tests.hostile.server import Answer, Server, Wire
from tests.hostile.table import run_case

SAMPLE = [case for case in CASES if case.is_sample]
REST = [case for case in CASES if not case.is_sample]


def check(case: Any, folder: Path) -> None:
    result, faults = run_case(case, folder)
    assert not faults, (faults, result.log[-2000:])


@pytest.mark.slow
@pytest.mark.parametrize("case", SAMPLE[::3], ids=lambda case: case.name)
def test_a_hostile_site_costs_what_is_hostile_alone(case: Any, tmp_path: Path) -> None:
    check(case, tmp_path)


@pytest.mark.torture
@pytest.mark.parametrize(
    "case", [*REST, *(case for case in SAMPLE if case not in SAMPLE[::3])], ids=lambda case: case.name
)
def test_every_hostile_site_costs_what_is_hostile_alone(case: Any, tmp_path: Path) -> None:
    check(case, tmp_path)


def test_cases_have_names_of_their_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def plain(text: str) -> Answer:
    return lambda wire: wire.answer(text.encode(), kind="text/plain")


def pauses(server: Server) -> list[float]:
    at = [each.at for each in server.asked]
    return [later - earlier for earlier, later in itertools.pairwise(at)]


@pytest.mark.slow
def test_a_site_sees_one_request_a_second_and_the_run_record_proves_it(tmp_path: Path) -> None:
    rules = "User-agent: *\nCrawl-delay: 2\n\nUser-agent: policy-archiver\nCrawl-delay: 1.5\nDisallow: /article/rent"
    with Server() as server:
        server.paths = site({"/robots.txt": plain(rules)}, {})
        result = crawl(
            tmp_path, f"{server.base_url}/", allowed=[f"127.0.0.1:{server.port}"], settings={"DOWNLOAD_DELAY": 1}
        )
    assert result.exit_code == 0
    assert min(pauses(server)) >= 1.5
    assert result.archived == set(GOOD) - {"/article/rent-bill-goes-to-a-vote"}
    assert result.skipped["robots"] == result.refused["robots"] == 1
    host = result.record["hosts"][f"127.0.0.1:{server.port}"]
    assert host["requests"] == len(server.asked)
    assert host["seconds_between"]["min"] >= 1.5
    assert host["crawl_delay"] == 1.5
    assert (host["robots"]["status"], host["robots"]["text"]) == (200, rules)
    assert host["robots"]["sha256"] == hashlib.sha256(rules.encode()).hexdigest()
    assert host["not_before"] is None


@pytest.mark.slow
def test_one_request_at_a_time_without_a_crawl_delay(tmp_path: Path) -> None:
    with Server() as server:
        server.paths = site({}, {})
        result = crawl(
            tmp_path, f"{server.base_url}/", allowed=[f"127.0.0.1:{server.port}"], settings={"DOWNLOAD_DELAY": 1}
        )
    assert min(pauses(server)) >= 1
    assert result.record["hosts"][f"127.0.0.1:{server.port}"]["statuses"] == {"200": 5, "404": 1}


@pytest.mark.slow
def test_a_host_of_another_name_has_its_own_robots_txt(tmp_path: Path) -> None:
    moved = "/article/moved-bill-goes-to-a-vote"
    with Server() as server, Server(address="127.0.0.2") as other:
        other.paths = {"/robots.txt": plain("User-agent: *\nDisallow: /"), moved: serve_page(story_page("Moved"))}
        target = f"http://other.test:{other.port}{moved}"
        server.paths = site({"/article/x-bill-goes-to-a-vote": lambda w: w.answer(b"", f"Location: {target}", status="302 F")},
                            headlines("x"))  # fmt: skip
        result = crawl(
            tmp_path,
            f"{server.base_url}/",
            allowed=[f"127.0.0.1:{server.port}", f"other.test:{other.port}"],
            names={"other.test": [["127.0.0.2"]]},
        )
    assert [each.path for each in other.asked] == ["/robots.txt"]
    assert (result.exit_code, result.skipped["robots"]) == (0, 1)


@pytest.mark.slow
def test_x_robots_tag_is_kept_as_flags(tmp_path: Path) -> None:
    path = next(iter(GOOD))
    with Server() as server:
        tag = "X-Robots-Tag: noarchive, unavailable_after: 25 Jun 2030 15:00:00 GMT"
        server.paths = site({path: serve_page(story_page(GOOD[path]), tag)}, {})
        result = crawl(tmp_path, f"{server.base_url}/", allowed=[f"127.0.0.1:{server.port}"])
    flags = {row["url"].rpartition("/")[2]: row["flags"] for row in result.rows}
    assert set(flags[path.rpartition("/")[2]]) == {"noarchive", "unavailable-after"}
    assert sum(map(bool, flags.values())) == 1
    project = Project(tmp_path)
    project.add_site("hostile", "http://127.0.0.1/")
    ran = project.run("archiver", "reextract", "--check")
    assert ran.exit_code == 0, "extracted anew, the header counts too"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("ARCHIVER_ALLOW_HOSTS=http://127.0.0.1/", "'http://127.0.0.1/' is no host[:port], such as 127.0.0.1:8101"),
        ("JOBDIR=job", "JOBDIR is not used"),
    ],
)
def test_a_setting_that_cannot_be_ends_before_the_first_request(tmp_path: Path, setting: str, told: str) -> None:
    project = Project(tmp_path)
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "spider.state").write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    with Server() as server:
        server.paths = site({}, {})
        project.add_site("plain", f"{server.base_url}/")
        ran = project.crawl("plain", "-s", setting)
    assert (ran.exit_code, server.asked) == (2, [])
    assert told in ran.output + ran.log
    assert not (tmp_path / "ran").exists()


class Bomb:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.slow
def test_a_pickle_where_state_is_read_is_never_loaded(tmp_path: Path) -> None:
    project = Project(tmp_path)
    pickled = pickle.dumps(Bomb(tmp_path / "ran"))
    with Server() as server:
        site_name = f"127.0.0.1%3A{server.port}"
        for path in ("data/inbox/20260101T000000Z-plain-0000.jsonl", f"data/state/{site_name}.sqlite",
                     f"data/state/{site_name}.removed.jsonl", "data/runs/20260101T000000Z-plain-0000.json"):  # fmt: skip
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(pickled)
        server.paths = site({}, {})
        project.add_site("plain", f"{server.base_url}/")
        ran = project.crawl("plain")
    assert not (tmp_path / "ran").exists()
    assert paths(project.urls()) == sorted(GOOD), ran.log


@pytest.mark.slow
def test_a_crawl_that_is_to_end_does_not_wait_for_a_host(tmp_path: Path) -> None:
    def busy(wire: Wire) -> None:
        wire.answer(b"", "Retry-After: 60", status="503 Busy")

    with Server() as server:
        server.paths = site(dict.fromkeys(GOOD, busy), {})
        result = crawl(
            tmp_path, f"{server.base_url}/", allowed=[f"127.0.0.1:{server.port}"], settings={"CLOSESPIDER_TIMEOUT": 3}
        )
    assert result.seconds < 40
    assert result.record["finish_reason"] == "closespider_timeout"


@pytest.mark.slow
def test_a_limit_is_no_failure_though_the_next_story_waits_for_its_turn(tmp_path: Path) -> None:
    with Server() as server:
        server.paths = site({}, {})
        result = crawl(
            tmp_path,
            f"{server.base_url}/",
            allowed=[f"127.0.0.1:{server.port}"],
            settings={"DOWNLOAD_DELAY": 1.5},
            arguments={"limit": "1"},
        )
    assert (result.exit_code, result.failures, len(result.archived)) == (0, {}, 1)


@pytest.mark.parametrize("own", ["0001", "ffff"])
def test_a_hold_is_found_by_a_crawl_that_begins_in_the_same_second(tmp_path: Path, own: str) -> None:
    archive = Archive(tmp_path)
    hold = datetime(2026, 6, 29, 13, tzinfo=UTC)
    hosts = {"a.example": {"not_before": hold.isoformat()}}
    put_run(archive, {"run": "20260629T120000Z-a-8888", "hosts": hosts})
    put_run(archive, {"run": f"20260629T120000Z-a-{own}"})
    assert find_holds(archive, "a", f"20260629T120000Z-a-{own}") == [("a.example", hold)]


@pytest.mark.slow
def test_a_host_that_asked_to_be_left_alone_is_left_alone_by_the_next_crawl(tmp_path: Path) -> None:
    with Server() as server:
        server.paths = site(
            {path: lambda wire: wire.answer(b"", "Retry-After: 3600", status="429 Slow") for path in GOOD}, {}
        )
        first = crawl(tmp_path, f"{server.base_url}/", allowed=[f"127.0.0.1:{server.port}"])
        asked = len(server.asked)
        second = crawl(tmp_path, f"{server.base_url}/", allowed=[f"127.0.0.1:{server.port}"])
    assert (first.exit_code, first.failures) == (4, {"retry_after": 3})
    assert (second.exit_code, len(server.asked)) == (3, asked), "not even its robots.txt is asked for"
    assert second.record["hosts"][f"127.0.0.1:{server.port}"]["not_before"]


@pytest.mark.slow
def test_the_listing_of_a_site_at_a_private_address_is_refused(tmp_path: Path) -> None:
    with Server() as server:
        server.otherwise = serve_page(listing_page(GOOD))
        result = crawl(tmp_path, f"{server.base_url}/", allowed=[])
    assert (result.exit_code, result.refused, server.asked) == (3, {"address": 1}, [])
    assert result.record["hosts"][f"127.0.0.1:{server.port}"]["requests"] == 0
    assert result.connected == set()
