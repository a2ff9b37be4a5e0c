"""Crawls and publishing killed, and a disk that is full or broken, at every call that changes the disk."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from harness import (
    Ended,
    Fault,
    How,
    Nursery,
    Reader,
    State,
    build_faults,
    compare,
    make_project,
    rows,
    site_name_of,
    small_site,
)

SHARDS = 8
CRAWL, AGAIN, PUBLISH = (
    ("scrapy", "crawl", "site"),
    ("scrapy", "crawl", "site", "-a", "full=1"),
    ("archiver", "publish"),
)
FAULTS: dict[str, Callable[[int], Fault]] = {
    "killed": lambda point: Fault(How.KILL_AFTER, point),
    "killed-amid": lambda point: Fault(How.KILL_AMID, point),
    "full": lambda point: Fault(How.FAIL_FROM, point, errno.ENOSPC),
    "full-once": lambda point: Fault(How.FAIL_ONCE, point, errno.ENOSPC),
    "broken-once": lambda point: Fault(How.FAIL_ONCE, point, errno.EIO),
}


@dataclass
class Scenario:
    """What is run, in what archive, and how that looks when nothing disturbs it."""

    words: tuple[str, ...]
    template: Path
    whole: State
    calls: list[str]

    def points(self, kind: str) -> list[int]:
        amid = kind == "killed-amid"
        return [n for n, call in enumerate(self.calls, start=1) if not amid or call.split()[1] in ("write", "pwrite")]


class Bench:
    """One site, a process that runs commands in forks, a reader, and the scenarios, each made when first asked for."""

    def __init__(self, folder: Path, library: Path) -> None:
        self.folder = folder
        self.nursery, self.reader = Nursery(library), Reader()
        self._served = small_site()
        self.network, self.site = self._served.__enter__()
        self.name = site_name_of(self.site)
        self.empty = make_project(folder / "empty", self.site.base_url + "/")
        self.points = 0

    def close(self) -> None:
        self._served.__exit__(None, None, None)
        self.nursery.close()
        self.reader.close()

    def scenario(self, name: str) -> Scenario:
        scenario: Scenario = getattr(self, name)
        self.network.change(() if name == "first" else self.changed)
        return scenario

    @property
    def changed(self) -> set[str]:
        return {placed.story.event_id for placed in self.site.stories[::3]}

    def _leave_alone(self, template: Path, words: tuple[str, ...]) -> Scenario:
        folder = self.copy(template, f"{words[-1]}-alone")
        ended = self.nursery.run(folder, *words, log_calls=True)
        assert ended.code == 0, ended.log
        return Scenario(words, template, State.of(folder / "data", self.name), ended.calls)

    @cached_property
    def first(self) -> Scenario:
        self.network.change(())
        scenario = self._leave_alone(self.empty, CRAWL)
        assert {revision for _, revision in scenario.whole.revisions} == {1}
        assert len(scenario.whole.stories) == len(self.site.stories) > 12
        return scenario

    @cached_property
    def again(self) -> Scenario:
        self.network.change(())
        template = self.copy(self.empty, "crawled")
        assert self.nursery.run(template, *CRAWL).code == 0
        self.network.change(self.changed)
        scenario = self._leave_alone(template, AGAIN)
        assert sum(revision == 2 for _, revision in scenario.whole.stories) == len(self.changed)
        return scenario

    @cached_property
    def publish(self) -> Scenario:
        again = self.again
        self.network.change(self.changed)
        template = self.copy(again.template, "unpublished")
        begun = next(n for n, call in enumerate(again.calls, start=1) if call.split()[2].startswith("/revisions"))
        assert self.nursery.run(template, *AGAIN, fault=Fault(How.KILL_BEFORE, begun)).code == -9
        return self._leave_alone(template, PUBLISH)

    def copy(self, template: Path, name: str) -> Path:
        folder = self.folder / name
        shutil.copytree(template, folder)
        return folder

    def disturb(self, scenario: Scenario, fault: Fault) -> list[str]:
        """Run the scenario with a fault, and then until it is done; name all that differs from one left alone."""
        folder = self.copy(scenario.template, f"disturbed-{self.points}")
        root, found = folder / "data", []
        self.points += 1
        with self.reader.watching(root, found):
            ended = self.nursery.run(folder, *scenario.words, fault=fault)
            found += _check_end(ended, fault)
            rows(root, "stories"), rows(root, "revisions")
            ended = self.nursery.run(folder, *scenario.words)
            if ended.code != 0:
                found.append(f"started again it ends with {ended.code}: {ended.log[-1500:]}")
        found += compare(root, self.name, scenario.whole)
        if not found or "KEEP" not in os.environ:
            shutil.rmtree(folder)
            call = scenario.calls[fault.point - 1]
        more = [f"and {len(found) - 5} more"] if len(found) > 5 else []
        return [f"{fault} ({call}): {each}" for each in [*found[:5], *more]]


def _check_end(ended: Ended, fault: Fault) -> list[str]:
    is_kill = fault.how in (How.KILL_AFTER, How.KILL_AMID)
    allowed = (-9, 0) if is_kill else (7, 0)
    if ended.code in allowed:
        return []
    return [f"it ended with {ended.code}: {ended.log[-1500:]}"]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("torture")
    library = build_faults(folder)
    if library is None:
        pytest.skip("no compiler, or no Linux")
    bench = Bench(folder, library)
    try:
        yield bench
    finally:
        bench.close()


Record = Callable[[str, object], None]


def check(bench: Bench, record: Record, name: str, kind: str, pick: Callable[[list[int]], list[int]]) -> None:
    scenario = bench.scenario(name)
    points, reads, again = pick(scenario.points(kind)), bench.reader.reads, bench.reader.again
    found = [fault for point in points for fault in bench.disturb(scenario, FAULTS[kind](point))]
    counted = {"points": len(points), "faults": len(found), "reads": bench.reader.reads - reads}
    for what, number in ({"tortured": f"{name} {kind}"} | counted | {"again": bench.reader.again - again}).items():
        record(what, number)
    assert not found, f"{len(found)} faults:\n" + "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "count"),
    [
        ("first", "killed", 6),
        ("first", "killed-amid", 2),
        ("first", "full", 3),
        ("first", "broken-once", 2),
        ("again", "killed", 3),
        ("again", "full", 2),
        ("publish", "killed", 3),
        ("publish", "full-once", 2),
    ],
)
def test_disturbed_and_started_again_it_is_as_if_left_alone(
    bench: Bench, record_property: Record, name: str, kind: str, count: int
) -> None:
    check(
        bench,
        record_property,
        name,
        kind,
        lambda points: points[len(points) // (2 * count) :: len(points) // count][:count],
    )


@pytest.mark.torture
@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("name", ["first", "again", "publish"])
def test_disturbed_at_every_point_it_is_as_if_left_alone(
    bench: Bench, record_property: Record, name: str, kind: str, shard: int
) -> None:
    check(bench, record_property, name, kind, lambda points: points[shard::SHARDS])
