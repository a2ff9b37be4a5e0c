"""An archive of several days' crawls, each kind of its files lost, and had again row for row from the raw pages."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from crawls import Pages, headlines, listing_page, story_page
from harness import Nursery, make_project, rows, small_site

from archiver.schema import table_to_stories
from archiver.store.archive import Archive, Partition
from archiver.store.faults import Checked
from archiver.store.inbox import InboxWriter
from archiver.store.verify import verify

CRAWL = ("scrapy", "crawl", "site", "-a", "full=1")


def crawl(nursery: Nursery, folder: Path, day: int) -> None:
    ended = nursery.run(folder, *CRAWL, clock=timedelta(days=day, minutes=day))
    assert ended.code == 0, ended.log


@pytest.fixture(scope="module")
def crawled(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five days of one bundled site: stories change, go, come back, stay gone; one is taken down."""
    folder = tmp_path_factory.mktemp("crawled")
    with small_site() as (network, site):
        network.change(())
        make_project(folder, site.base_url + "/")
        stories = [placed.story for placed in site.stories]
        crawl(nursery, folder, 0)
        network.change({story.event_id for story in stories[::3]})
        site.fail(stories[1].path, 410)
        site.fail(stories[4].path, 410)
        crawl(nursery, folder, 1)
        del site._faults[stories[1].path]
        network.change({story.event_id for story in stories[::2]})
        crawl(nursery, folder, 3)
        network.change(())
        crawl(nursery, folder, 6)
        address = site.base_url + stories[7].path
        assert nursery.run(folder, "archiver", "remove", address, "--why", "a test").code == 0
        site.heal()
    root = folder / "data"
    statuses = [row["status"] for row in rows(root, "revisions")]
    assert statuses.count("gone") == 2
    assert {row["revision"] for row in rows(root, "stories")} >= {1, 2, 3}
    assert faults(root) == []
    return folder


def faults(root: Path) -> list[str]:
    return [str(fault) for fault in verify(Archive(root), Checked())]


def all_rows(root: Path) -> dict[str, list[dict[str, Any]]]:
    def key(row: dict[str, Any]) -> tuple[str, int]:
        return row["story_id"], row["revision"]

    return {table: sorted(rows(root, table), key=key) for table in ("stories", "revisions")}


def lose(root: Path, *patterns: str) -> None:
    found = [path for pattern in patterns for path in sorted(root.glob(pattern))]
    assert found
    for path in found:
        with suppress(FileNotFoundError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def first_partition(root: Path) -> str:
    """One with a story of several revisions."""
    row = next(row for row in rows(root, "revisions") if row["revision"] == 3)
    return f"date={row['date']}/section={row['section']}"


LOST = {
    "stories of a partition": ["stories/{partition}/*"],
    "revisions of a partition": ["revisions/{partition}/*"],
    "both tables of a partition": ["stories/{partition}", "revisions/{partition}"],
    "all stories": ["stories"],
    "all revisions": ["revisions"],
    "all tables": ["stories", "revisions"],
    "root manifest": ["manifest.json"],
    "all manifests": ["manifest*"],
    "a day of all": ["*/date={day}*"],
    "all tables and manifests": ["stories", "revisions", "manifest*"],
    "ledger": ["state/*.sqlite*"],
    "ledger and its partition": ["state/*.sqlite*", "stories/{partition}", "revisions/{partition}"],
    "all but raw pages and take-downs": [
        "stories",
        "revisions",
        "manifest*",
        "state/*.sqlite*",
        "runs",
        "state/*.lock",
    ],
    "run records": ["runs/*"],
    "raw digests": ["raw/*/*.sha256"],
}


SAMPLE = ("both tables of a partition", "all but raw pages and take-downs")
EACH = [pytest.param(what, marks=pytest.mark.slow if what in SAMPLE else pytest.mark.torture) for what in LOST]


@pytest.mark.parametrize("what", EACH)
def test_what_is_lost_comes_back_row_for_row(nursery: Nursery, crawled: Path, tmp_path: Path, what: str) -> None:
    folder = tmp_path / "project"
    shutil.copytree(crawled, folder)
    root = folder / "data"
    before = all_rows(root)
    manifest = {path.name: path.read_bytes() for path in root.glob("manifest*/*")}
    partition = first_partition(root)
    lose(root, *(pattern.format(partition=partition, day=partition[5:15]) for pattern in LOST[what]))
    ended = nursery.run(folder, "archiver", "verify", "--repair")
    now = all_rows(root)
    for table, was in before.items():
        lost = [row["url"] for row in was if row not in now[table]]
        added = [row["url"] for row in now[table] if row not in was]
        assert (lost, added) == ([], []), ended.log
    assert {path.name: path.read_bytes() for path in root.glob("manifest*/*")} == manifest
    assert faults(root) == [], ended.log
    assert ended.code == 0, ended.log
    again = nursery.run(folder, "archiver", "verify", "--repair")
    assert (again.code, "rebuilt" in again.log) == (0, False), again.log


@pytest.mark.slow
def test_an_inbox_that_waits_does_not_make_new_stories_of_lost_ones(
    nursery: Nursery, crawled: Path, tmp_path: Path
) -> None:
    """A later visit waits in the inbox while its partition is lost: its revisions are had again first."""
    folder = tmp_path / "project"
    shutil.copytree(crawled, folder)
    root = folder / "data"
    before = all_rows(root)
    partition = first_partition(root)
    place = Partition(date.fromisoformat(partition[5:15]), partition.split("section=")[1])
    stories = table_to_stories(Archive(root).read_stories(place), date=place.date, section=place.section)
    with InboxWriter(Archive(root), "9") as inbox:
        for story in stories:
            later = story.fetched_at + timedelta(days=9)
            inbox.append(replace(story, fetched_at=later, title=f"{story.title}, again", content_hash="f" * 64))
    lose(root, f"stories/{partition}", f"revisions/{partition}")
    ended = nursery.run(folder, "archiver", "verify", "--repair")
    now = {(row["story_id"], row["revision"]): row for row in rows(root, "revisions")}
    for row in before["revisions"]:
        assert now.pop((row["story_id"], row["revision"])) == row, ended.log
    assert {row["title"][-7:] for row in now.values()} == {", again"}
    assert len(now) == len(stories)
    assert faults(root) == []


@pytest.mark.slow
def test_a_story_that_moved_comes_back_under_its_first_key(nursery: Nursery, tmp_path: Path) -> None:
    stories = headlines("tax", "water", "trade")
    old, new = next(iter(stories)), "/article/the-tax-bill-renamed"
    with Pages({"/": listing_page(stories)} | {path: story_page(title) for path, title in stories.items()}) as site:
        folder = make_project(tmp_path / "project", site.base_url + "/")
        crawl(nursery, folder, 0)
        site.pages[old], site.pages[new] = f"⇒{new}", f"{site.pages[old]}<!-- moved -->"
        crawl(nursery, folder, 2)
        root = folder / "data"
        before = all_rows(root)
        assert [row["url"].endswith(new) for row in before["stories"]].count(True) == 1
        assert len(before["revisions"]) == len(stories)
        for patterns in (
            ["stories"],
            ["stories", "revisions"],
            ["stories", "revisions", "manifest*", "state/*.sqlite*"],
        ):
            lose(root, *patterns)
            ended = nursery.run(folder, "archiver", "verify", "--repair")
            assert all_rows(root) == before, ended.log
            assert faults(root) == []
