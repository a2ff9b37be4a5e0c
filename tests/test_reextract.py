"""Stories had again from their raw pages: the same with the same rules, changed in place with others."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest
from crawls import PROSE, Pages, Project, headlines, listing_page, story_page
from stories import fill_inbox, published_tree, revisions_of

import archiver.commands.reextract
from archiver.commands import main
from archiver.demo.server import DemoNetwork
from archiver.extract import Selectors, story
from archiver.items import Story
from archiver.reread import Rereader, UnreadableError
from archiver.schema import table_to_stories
from archiver.store import moves as moves_module
from archiver.store.archive import Archive, Partition, StorageError
from archiver.store.ledger import Ledger, reserve_partitions
from archiver.store.manifest import write_manifest
from archiver.store.publish import publish
from archiver.store.raw_read import iter_records, raw_dir
from archiver.store.raw_repair import rewrite_without
from archiver.store.read import find_revisions

LEVY = "/article/levy-bill-goes-to-a-vote"
ESSAY = "/article/essay-bill-goes-to-a-vote"
CUT = "/article/cut-bill-goes-to-a-vote"
MORE = (
    "Opponents of the levy have announced that they will take it to the constitutional court before the year is out.",
    "Judges there have struck down two measures of the kind, both because the districts had not been heard in time.",
    "The ministry says that it has learnt from both cases and has asked every district for a statement in writing.",
)


def part(url: str, number: int, *paragraphs: str, more: str = "") -> str:
    links = [str(n) if n == number else f"<a href='{url}?page={n}'>{n}</a>" for n in (1, 2, 3)]
    body = "".join(f"<p>{text}</p>" for text in paragraphs)
    title = f"The {url[9:].partition('-')[0]} bill goes to a vote at last"
    return f"<html><body><main><article><h1>{title}</h1>{body}<div>{' '.join(links)}</div>{more}</article></main></body></html>"


def parts(url: str, more: str = "") -> dict[str, str | int]:
    return {
        url: part(url, 1, *PROSE[:3], more=more),
        f"{url}?page=2": part(url, 2, PROSE[3], *MORE[:2]),
        f"{url}?page=3": part(url, 3, MORE[2], "It ends there, for now, as every such debate has ended so far."),
    }


def small_site() -> dict[str, str | int]:
    """Stories of one page, of several, of several that are also shown on one, and one of which a page is lost."""
    view = f"<p><a href='{ESSAY}?page=all'>View on one page</a></p>"
    links = headlines("levy", "essay", "cut", "tariff", "water", "forest")
    return {
        "/": listing_page(links),
        **{url: story_page(title) for url, title in headlines("tariff", "water", "forest").items()},
        **parts(LEVY),
        **parts(ESSAY, more=view),
        f"{ESSAY}?page=all": part(ESSAY, 1, *PROSE, *MORE, "All of it stands on this page, and nothing is left out."),
        **parts(CUT),
        f"{CUT}?page=2": f"→{CUT}/2",
        f"{CUT}/2": part(CUT, 2, PROSE[3], *MORE[:2]),
        f"{CUT}?page=3": 404,
    }


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("small"))
    with Pages(small_site()) as site:
        project.add_site("small", site.base_url)
        ran = project.crawl("small")
        assert ran.exit_code == 0, ran.log
    return project


@pytest.fixture
def archive(crawled: Project, tmp_path: Path) -> Archive:
    shutil.copytree(crawled.root, tmp_path / "data")
    return Archive(tmp_path / "data")


@pytest.fixture
def run(archive: Archive, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(archive, monkeypatch, capsys)


class Run:
    """`archiver reextract` in this process, where tests may change the rules."""

    def __init__(self, archive: Archive, patch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str]) -> None:
        self.archive, self.patch, self._output = archive, patch, output
        self.use_selectors(None)
        self.complaint = ""

    def use_selectors(self, selectors: Selectors | None) -> None:
        self.patch.setattr(archiver.commands.reextract, "load_selectors", lambda _: {"small": selectors})

    def use_rules(self, change: Callable[[Any], Any], version: str = "next") -> None:
        """From now on, what `change` makes of a printed story is what the rules find."""
        printed = story.extract_story
        self.patch.setattr("archiver.reading.extract_story", lambda *a, **k: change(printed(*a, **k)))
        self.patch.setattr(story, "EXTRACTOR", version)

    def __call__(self, *words: str) -> tuple[int, list[str]]:
        code = main(["reextract", "--root", str(self.archive.root), "--jobs", "1", *words])
        output = self._output.readouterr()
        self.complaint = output.err
        return code, output.out.splitlines()


def rows(archive: Archive) -> dict[str, Story]:
    """Path of the address → row. Each story stands once."""
    found: dict[str, Story] = {}
    for file in archive.stories_dir.rglob("*.parquet"):
        day, section = (each.name.partition("=")[2] for each in (file.parent.parent, file.parent))
        partition = Partition(datetime.fromisoformat(day).date(), section)
        for row in table_to_stories(archive.read_stories(partition), date=partition.date, section=section):
            path = "/" + row.url.split("/", 3)[3]
            assert path not in found
            found[path] = row
    return found


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def retitle(topic: str, title: str = "Another headline by other rules") -> Callable[[Any], Any]:
    return lambda printed: dataclasses.replace(printed, title=title) if topic in printed.url else printed


# The same rules


def test_the_same_rules_make_the_same_stories(run: Run) -> None:
    before = published_tree(run.archive)
    assert len(rows(run.archive)) == 6
    assert run("--check") == (0, ["6 stories the same, 0 would change"])
    assert run() == (0, ["6 stories the same, 0 changed"])
    assert published_tree(run.archive) == before


def test_stories_of_several_pages_are_had_again_whole(archive: Archive) -> None:
    standing = rows(archive)
    rereader = Rereader(archive, {"small": None})
    for path, flags, ending in (
        (LEVY, ["several-pages"], "ended so far."),
        (ESSAY, [], "nothing is left out."),
        (CUT, ["several-pages", "truncated"], MORE[1]),
    ):
        again = rereader(standing[path])
        assert again == standing[path]
        assert again.flags == flags
        assert again.body.endswith(ending)


def test_the_pages_of_a_story_may_stand_in_several_files(crawled: Project, tmp_path: Path) -> None:
    project = Project(tmp_path)
    settings = (
        "import archiver.site_memory as r, functools\nr.RawWriter = functools.partial(r.RawWriter, max_bytes=3000)\n"
    )
    with (tmp_path / "own_sites.py").open("a") as file:
        file.write(settings)
    with Pages(small_site()) as site:
        project.add_site("small", site.base_url)
        assert project.crawl("small").exit_code == 0
    archive = Archive(project.root)
    files = list(raw_dir(archive).glob("*/*.warc.gz"))
    assert len(files) > 4
    rereader = Rereader(archive, {"small": None})
    for row in rows(archive).values():
        assert rereader(row) == row


@pytest.mark.slow
def test_the_bundled_network_is_had_again_to_the_byte(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with DemoNetwork() as network:
        for site in network.sites:
            project.add_site(f"site_{site.name}", site.base_url + "/")
            assert project.crawl(f"site_{site.name}").exit_code == 0
        count = len(project.rows("url"))
        checked = project.run("archiver", "reextract", "--check", "--jobs", "2")
        assert (checked.exit_code, checked.output) == (0, f"{count} stories the same, 0 would change\n"), checked.log
        # Again with revisions of two kinds, and a story that is gone.
        network.change({placed.story.event_id for placed in network.sites[0].stories[:8]})
        lost = network.sites[0].stories[10]
        network.sites[0].fail(lost.story.path, 410)
        for site in network.sites:
            project.crawl(f"site_{site.name}", full=1)
        assert {row["revision"] for row in project.rows("revision")} == {1, 2}
        checked = project.run("archiver", "reextract", "--check", "--jobs", "2")
        gone = f"{network.sites[0].url_of(lost)}: left as it is: gone"
        told = f"{count - 1} stories the same, 0 would change, 1 left: gone"
        assert (checked.exit_code, checked.output.splitlines()) == (0, [gone, told]), checked.log


# Other rules


def test_check_names_stories_and_columns_and_writes_nothing(run: Run) -> None:
    before = published_tree(run.archive)
    run.use_rules(retitle("tariff"))
    code, lines = run("--check")
    assert code == 1
    assert path_of(lines[0]) == f"{next(iter(headlines('tariff')))}: title, content_hash"
    assert lines[1:] == ["5 stories the same, 1 would change"]
    assert published_tree(run.archive) == before


def test_other_rules_rewrite_what_they_change_and_no_more(run: Run) -> None:
    before = rows(run.archive)
    run.use_rules(retitle("tariff"))
    code, lines = run()
    assert (code, lines[1:]) == (0, ["5 stories the same, 1 changed"])
    (tariff,) = headlines("tariff")
    now = rows(run.archive)
    was, changed = before.pop(tariff), now.pop(tariff)
    title, content_hash = "Another headline by other rules", changed.content_hash
    assert content_hash != was.content_hash
    assert changed == dataclasses.replace(was, title=title, content_hash=content_hash, extractor="next")
    assert now == before  # neither do they have the new version of the rules: their text is as old as it was
    (revision,) = find_revisions(run.archive, changed)
    assert (revision.title, revision.extractor, revision.revision) == (changed.title, "next", 1)
    tree = published_tree(run.archive)
    assert run("--check") == (0, ["6 stories the same, 0 would change"])
    assert run() == (0, ["6 stories the same, 0 changed"])
    assert published_tree(run.archive) == tree
    with Ledger.open(run.archive, changed.site) as ledger:
        known = ledger.get(changed.url)
        assert known is not None
        assert known.content_hash == changed.content_hash


def test_a_sites_own_selectors_are_rules_too(run: Run) -> None:
    run.use_selectors(Selectors(title="article p"))
    code, lines = run("--check")
    assert code == 1
    assert len(lines) == 7
    assert all({"title", "content_hash", "provenance"} <= set(re.split("[:,] ", line)) for line in lines[:-1])
    assert run()[0] == 0
    assert {row.provenance["title"] for row in rows(run.archive).values()} == {"selector"}
    assert run("--check") == (0, ["6 stories the same, 0 would change"])


def test_a_rule_for_sections_or_dates_moves_stories(run: Run) -> None:
    before = rows(run.archive)
    (tariff,) = headlines("tariff")
    day = datetime(2026, 2, 3, tzinfo=UTC)
    run.use_rules(
        lambda printed: (
            dataclasses.replace(printed, section_label="Markets", published_at=day, date_source="time")
            if "tariff" in printed.url
            else printed
        )
    )
    code, lines = run()
    assert code == 0
    was = before[tariff]
    assert lines[0].endswith(f"(from date={was.date}/section={was.section} to date=2026-02-03/section=markets)")
    assert lines[1:] == ["5 stories the same, 1 changed, 1 of them in another partition"]
    now = rows(run.archive)
    assert set(now) == set(before)
    assert (now[tariff].section, now[tariff].date, now[tariff].date_source) == ("markets", day.date(), "time")
    assert len(revisions_of(run.archive, was)) == 1
    assert [each.revision for each in find_revisions(run.archive, now[tariff])] == [1]
    place = Partition(was.date, was.section)
    assert reserve_partitions(run.archive, was.site, {was.story_id: place}) == {
        was.story_id: Partition(day.date(), "markets")
    }
    assert run("--check") == (0, ["6 stories the same, 0 would change"])
    assert set(ds.dataset(run.archive.stories_dir, partitioning="hive").to_table()["story_id"].to_pylist()) == {
        row.story_id for row in now.values()
    }


def test_a_story_keeps_the_partition_that_its_first_page_gave_it(run: Run) -> None:
    """A later page names another section: no rule has changed, so the story stays where it was published."""
    (tariff,) = headlines("tariff")
    standing = rows(run.archive)[tariff]
    place = Partition(standing.date, standing.section)
    raw = next(row for path, row in rows(run.archive).items() if path != tariff and row.section == standing.section)
    # The page of another story stands in for a later one of this: all that counts is that it is another page.
    later = dataclasses.replace(
        raw, story_id=standing.story_id, url=raw.url, section="elsewhere", section_label="Elsewhere",
        fetched_at=standing.fetched_at + timedelta(days=1),
    )  # fmt: skip
    fill_inbox(run.archive, "later", later)
    publish(run.archive)
    table = run.archive.read_stories(place)
    (row,) = table_to_stories(
        table.filter(pc.equal(table["story_id"], standing.story_id)), date=place.date, section=place.section
    )
    assert (row.revision, row.section) == (2, standing.section)
    code, lines = run("--check")
    assert (code, len(lines)) == (1, 2)
    assert ": section_label" in lines[0]  # by the page, it is the other story's; its place is its own page's of old
    assert "from" not in lines[0]


@pytest.mark.parametrize("at", range(1, 12))
def test_a_move_that_was_killed_is_finished_by_whoever_publishes_next(
    run: Run, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    before = rows(run.archive)
    run.use_rules(lambda printed: dataclasses.replace(printed, section_label=f"S{len(printed.url) % 2} x"))
    put, calls = Archive.put_atomic, 0

    def fail(archive: Archive, path: Path, write: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            raise StorageError(28, "No space left on device", str(path))
        put(archive, path, write)

    with monkeypatch.context() as patch:
        patch.setattr(Archive, "put_atomic", fail)
        code, _ = run()
        assert code == (7 if calls >= at else 0)
    publish(run.archive)
    now = rows(run.archive)  # each story once
    assert set(now) == set(before)
    assert not moves_module.has_unfinished_moves(run.archive)
    assert run()[0] == 0
    assert run("--check") == (0, ["6 stories the same, 0 would change"])
    now = rows(run.archive)
    assert {row.section for row in now.values()} <= {"s0-x", "s1-x"}
    for row in now.values():
        assert len(revisions_of(run.archive, row)) == 1
    assert write_manifest(run.archive, {Partition(row.date, row.section) for row in now.values()}) == []


def test_a_row_that_was_published_meanwhile_is_passed_over(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (tariff,) = headlines("tariff")
    standing = rows(run.archive)[tariff]
    check = archiver.commands.reextract.restate_rows

    def publish_first(archive: Archive, changes: Any) -> Any:
        fetched_at = standing.fetched_at + timedelta(hours=1)
        fill_inbox(archive, "other", dataclasses.replace(standing, status="gone", fetched_at=fetched_at))
        publish(archive)
        return check(archive, changes)

    monkeypatch.setattr(archiver.commands.reextract, "restate_rows", publish_first)
    run.use_rules(retitle("tariff"))
    code, lines = run()
    assert (code, lines[0]) == (1, f"{standing.url}: left as it is: published anew meanwhile")
    assert (rows(run.archive)[tariff].title, rows(run.archive)[tariff].revision) == (standing.title, 2)


# What cannot be had again


def test_rows_without_raw_page_and_gone_rows_are_named_and_left(run: Run) -> None:
    (tariff,), (water,) = headlines("tariff"), headlines("water")
    standing = rows(run.archive)
    gone = dataclasses.replace(
        standing[tariff], status="gone", fetched_at=standing[tariff].fetched_at + timedelta(days=1)
    )
    bare = dataclasses.replace(
        standing[water], title="Without a page", content_hash="0", raw_file=None, raw_offset=None, raw_sha256=None
    )
    fill_inbox(run.archive, "x", gone, dataclasses.replace(bare, fetched_at=gone.fetched_at))
    publish(run.archive)
    run.use_rules(retitle("/"))
    code, lines = run()
    assert code == 0
    assert lines[:2] == [f"{gone.url}: left as it is: gone", f"{bare.url}: left as it is: no raw page"]
    assert lines[-1] == "0 stories the same, 4 changed, 1 left: gone, 1 left: no raw page"


def test_a_page_that_is_no_story_by_todays_rules_is_left_and_told(run: Run) -> None:
    (tariff,) = headlines("tariff")
    before = rows(run.archive)
    run.use_rules(lambda printed: dataclasses.replace(printed, body=()) if "tariff" in printed.url else printed)
    for words in (("--check",), ()):
        code, lines = run(*words)
        assert code == 1
        assert lines[0] == f"{before[tariff].url}: left as it is: no body by today's rules"
    assert rows(run.archive) == before


def damage_first(archive: Archive) -> None:
    (file,) = raw_dir(archive).glob("*/*.warc.gz")
    offset = min(row.raw_offset or 0 for row in rows(archive).values())
    content = bytearray(file.read_bytes())
    content[offset + 200] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("damage", ["flipped", "missing"])
def test_a_raw_page_that_cannot_be_read_is_named(run: Run, damage: str) -> None:
    before = rows(run.archive)
    if damage == "missing":
        shutil.rmtree(raw_dir(run.archive))
    else:
        damage_first(run.archive)
    code, lines = run()
    assert code == 1
    assert "its raw page cannot be read" in lines[0]
    # Of a story that ends too early, nobody can tell whether its page stood in the damaged stretch.
    assert len(lines) == (7 if damage == "missing" else 3)
    assert rows(run.archive) == before


def test_a_story_of_which_a_page_is_damaged_does_not_get_shorter(run: Run) -> None:
    (file,) = raw_dir(run.archive).glob("*/*.warc.gz")
    (page,) = (record for record in iter_records(file) if record.url.endswith(f"{LEVY}?page=3"))
    content = bytearray(file.read_bytes())
    content[page.offset + 200] ^= 1
    file.write_bytes(content)
    code, lines = run()
    assert code == 1
    assert lines[0].partition(": ")[2].startswith("left as it is: one of its raw pages cannot be read")


def test_a_raw_file_that_was_rewritten_is_looked_through_again(archive: Archive) -> None:
    standing = rows(archive)
    rereader = Rereader(archive, {"small": None})
    assert rereader(standing[LEVY]) == standing[LEVY]
    (file,) = raw_dir(archive).glob("*/*.warc.gz")
    moved = rewrite_without(archive, file, lambda record: record.url == standing[ESSAY].url)
    row = dataclasses.replace(standing[LEVY], raw_offset=moved[standing[LEVY].raw_offset or 0])
    assert rereader(row) == row
    with pytest.raises(UnreadableError, match="first page is not to be found"):
        rereader.read(dataclasses.replace(standing[ESSAY], raw_offset=moved[standing[ESSAY].raw_offset or 0]))


def test_without_its_spider_a_story_is_left(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiver.commands.reextract, "load_selectors", lambda _: {"other": None})
    code, lines = run("--check")
    assert code == 1
    assert lines[0].endswith(": left as it is: there is no spider 'small' any more, and with it no selectors")


def test_any_row_is_read_again_or_not_and_never_raises(archive: Archive) -> None:
    (row, *_) = rows(archive).values()
    rereader = Rereader(archive, {"small": None})
    for columns in (
        {"raw_file": None},
        {"raw_offset": 7},
        {"raw_offset": -1},
        {"raw_offset": 1 << 60},
        {"raw_file": "../../etc/passwd"},
        {"raw_sha256": "0" * 64},
    ):
        assert rereader(dataclasses.replace(row, **columns)) is None


# What is asked for


def test_only_the_day_and_the_site_that_are_asked_for(run: Run) -> None:
    (row, *_) = rows(run.archive).values()
    assert run("--check", "--site", row.site)[1] == ["6 stories the same, 0 would change"]
    assert run("--check", "--date", row.date.isoformat())[1] == ["6 stories the same, 0 would change"]
    assert run("--check", "--date", "2001-01-01")[1] == ["0 stories the same, 0 would change"]
    assert run("--check", "--site", "nowhere.example")[0] == 2
    assert f"Valid: {row.site}" in run.complaint


@pytest.mark.parametrize("words", [("--jobs", "0"), ("--jobs", "x"), ("--date", "yesterday")])
def test_a_malformed_argument_is_a_usage_error(run: Run, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == 2


def test_processes_find_the_same_as_one(run: Run, crawled: Project) -> None:
    run.use_selectors(Selectors(title="article p"))
    one = run("--check")
    assert run("--check", "--jobs", "2") == one


# The next crawl


NEW_RULES = """
import archiver.reading, archiver.extract.story as rules
import dataclasses
_print = archiver.reading.extract_story
def _shout(*given, **named):
    printed = _print(*given, **named)
    return dataclasses.replace(printed, title=printed.title and printed.title.upper())
archiver.reading.extract_story, rules.EXTRACTOR = _shout, "next"
"""


@pytest.fixture
def upgraded(tmp_path: Path) -> Iterator[tuple[Project, Pages]]:
    """A site that was crawled; since then its pages' layout has changed, one text, and the rules."""
    project = Project(tmp_path)
    with Pages(small_site()) as site:
        project.add_site("small", site.base_url)
        assert project.crawl("small").exit_code == 0
        (water,) = headlines("water")
        for path, page in site.pages.items():
            if isinstance(page, str) and path != "/":
                site.pages[path] = page.replace("<body>", "<body><div id='new-layout'></div>")
        site.pages[water] = str(site.pages[water]).replace("forty million", "sixty million")
        with (tmp_path / "own_sites.py").open("a") as file:
            file.write(NEW_RULES)
        yield project, site


def test_a_new_version_of_the_rules_makes_no_revision_at_the_next_crawl(upgraded: tuple[Project, Pages]) -> None:
    project, _ = upgraded
    assert project.crawl("small", full=1).exit_code == 0
    told = {path_of(row["url"]): (row["revision"], row["extractor"], row["title"].isupper()) for row in project.rows()}
    (water,) = headlines("water")
    assert told.pop(water) == (2, "next", True)
    assert set(told.values()) == {(1, "next", True)}
    revisions = ds.dataset(project.root / "revisions", partitioning="hive").to_table().to_pylist()
    assert [row["changed"] for row in revisions if row["revision"] == 2] == [["body"]]
    assert len(revisions) == 7


def test_nor_at_the_next_publish(upgraded: tuple[Project, Pages]) -> None:
    """A crawl leaves its stories in the inbox; `archiver publish` knows the site's spider, too."""
    project, _ = upgraded
    (project.folder / "own_settings.py").open("a").write(
        "import archiver.pipelines as _p\n_p.publish = lambda *_, **__: _p.PublishReport()\n"
    )
    assert project.crawl("small", full=1).exit_code == 0
    settings = (project.folder / "own_settings.py").read_text().rpartition("import archiver.pipelines")[0]
    (project.folder / "own_settings.py").write_text(settings)
    assert project.run("archiver", "publish").exit_code == 0
    assert sorted(row["revision"] for row in project.rows("revision")) == [1, 1, 1, 1, 1, 2]
    assert project.run("archiver", "reextract", "--check", "--jobs", "1").exit_code == 0


def test_the_archive_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["reextract", "--root", str(tmp_path / "none")])
    assert ended.value.code == 2
    assert not any(tmp_path.iterdir())
