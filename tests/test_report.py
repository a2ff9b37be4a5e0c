"""The report: what it says of an archive, and that nothing of an archive can act in it."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from runs import count, make_run
from stories import fill_inbox, make_story

from archiver.commands import main
from archiver.report.figures import Calendar, collect_figures
from archiver.report.page import render_page
from archiver.store.archive import Archive
from archiver.store.publish import publish

SCRIPT = "<script>alert(1)</script>"
NEXT_DAY = datetime(2026, 6, 30, 9, 5, tzinfo=UTC)
HOSTILE = "\"><img src=x onerror=alert(1)> {{ 7 * 7 }} &lt;b&gt; '"


def build(root: Path, *stories: Any, runs: Any = ()) -> Archive:
    archive = Archive(root)
    fill_inbox(archive, "1", *stories)
    publish(archive)
    archive.runs_dir.mkdir(exist_ok=True)
    for record in runs:
        (archive.runs_dir / f"{record['run']}.json").write_text(json.dumps(record))
    return archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """One event told by three sites, hostile text wherever text can be, and crawls good and bad."""
    source = "https://origin.example/2026/06/29/parcel-tariffs-to-rise"
    alarm = {"kind": "column", "what": SCRIPT, "site": "a.example", "message": f"no dek {HOSTILE}", "holds": True}
    return build(
        tmp_path_factory.mktemp("report") / HOSTILE[:3],
        make_story("1", site="a.example", title=SCRIPT, dek=HOSTILE, source_url=source, source_name=HOSTILE),
        make_story("2", site="b.example", source_url=source, published_at=datetime(2026, 6, 29, 11, 30, tzinfo=UTC)),
        make_story("3", site="c.example", source_url=source, published_at=None, first_seen_at=NEXT_DAY),
        make_story("4", body="Other words.", source_url="javascript:alert(1)", source_domain=None, source_name="Example Wire"),
        make_story("5", body="Its own words.", source_url="javascript:alert(1)", source_domain=None, source_name="Example Wire"),
        make_story("6", body="Yet another text.", date=date(9999, 12, 31), source_url=None, source_name=None),
        runs=[
            make_run("1", "a", at="2026-06-29T01:00:00", counts=[count("a.example", "policy", 3, 1, 5, 0)]),
            make_run("2", "a", at="2026-06-30T01:00:00", exit_code=4, failures={"http_500": 3, SCRIPT: 1},
                     counts=[count("a.example", "policy", 1, 0, 0, 4), count("a.example", SCRIPT, 0, 0, 0, 1)]),
            make_run("3", "a", at="2026-07-01T01:00:00", exit_code=5, alarms=[alarm],
                     counts=[count("a.example", "policy", 1, 0, 0, 0)]),
            make_run("4", "b", at="2026-07-02T01:00:00", exit_code=3, errors=[HOSTILE]),
            make_run("5", "b", at="2026-07-02T02:00:00", exit_code=None),
        ],
    )  # fmt: skip


@pytest.fixture(scope="module")
def page(archive: Archive) -> str:
    return render_page(collect_figures(archive))


def text_of(page: str, path: str) -> list[str]:
    return [" ".join(" ".join(each.itertext()).split()) for each in lxml.html.fromstring(page).xpath(path)]


def test_hostile_text_is_text(page: str) -> None:
    tree = lxml.html.fromstring(page)
    assert (
        tree.xpath("//script | //img | //iframe | //object | //link | //form | //@onerror | //@onclick | //@style")
        == []
    )
    assert SCRIPT in text_of(page, "//li/p[@class='title']")
    assert "{{ 7 * 7 }}" in tree.text_content()
    assert {url[:4] for url in tree.xpath("//a/@href") if not url.startswith("#")} == {"http"}
    assert tree.xpath("//@src") == []
    assert "url(" not in page


def test_nothing_may_be_fetched_and_no_script_run(page: str) -> None:
    (policy,) = lxml.html.fromstring(page).xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; form-action 'none'", policy
    )


def test_the_page_is_marked_up_for_screen_readers(page: str) -> None:
    tree = lxml.html.fromstring(page)
    assert tree.get("lang") == "en"
    assert len(tree.xpath("//h1")) == 1
    assert tree.xpath("//a[@class='skip']/@href") == ["#main"]
    assert [table for table in tree.xpath("//table") if not table.xpath("caption")] == []
    assert [th for th in tree.xpath("//th") if not th.get("scope")] == []
    assert [svg for svg in tree.xpath("//svg") if not (svg.get("aria-label") or svg.get("aria-hidden"))] == []
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert {target[1:] for target in tree.xpath("//a/@href[starts-with(., '#')]")} <= set(ids)
    # What scrolls can be reached by keyboard.
    assert [div for div in tree.xpath("//div[contains(@class, 'scroll')]") if div.get("tabindex") != "0"] == []
    levels = [int(heading.tag[1]) for heading in tree.xpath("//h1 | //h2 | //h3")]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_an_event_shows_its_rewrites_in_order_of_time(page: str) -> None:
    (event,) = [each for each in lxml.html.fromstring(page).xpath("//ol") if SCRIPT in each.text_content()]
    told = [" ".join(each.text_content().split()) for each in event.xpath("li/p[1]")]
    assert told == ["first · a.example", "2 h 30 min later · b.example", "seen 1 d 5 min later · c.example"]


def test_a_day_without_a_time_is_in_no_race(tmp_path: Path) -> None:
    source = {"source_url": "https://origin.example/2026/06/29/parcel-tariffs-to-rise"}
    midnight, day = datetime(2026, 6, 29, tzinfo=UTC), {"published_at": "time, no time"}
    archive = build(
        tmp_path,
        make_story("day", site="a.example", published_at=midnight, provenance=day, **source),
        make_story("midnight", site="d.example", published_at=midnight, **source),
        make_story("time", site="b.example", published_at=midnight + timedelta(hours=9), **source),
        make_story("later", site="c.example", published_at=midnight + timedelta(hours=10), **source),
    )
    page = render_page(collect_figures(archive))
    assert text_of(page, "//ol/li/p[1]") == [
        "first · d.example",
        "9 h later · b.example",
        "10 h later · c.example",
        "day without time · a.example",
    ]
    assert text_of(page, "//ol/li[4]/p[last()]") == ["2026-06-29 · 9 words · shares 91 % of its words with the first"]


def test_the_calendar_shows_each_day_of_each_section(archive: Archive, page: str) -> None:
    figures = collect_figures(archive)
    first, second = figures.calendars
    assert (first.site, second.site, figures.until) == ("a.example", "b", date(2026, 7, 2))
    states = {name: [(cell.state, cell.seen) for cell in cells][-4:] for name, cells in first.sections}
    assert states["policy"] == [("complete", 9), ("incomplete", 1), ("incomplete", 1), ("none", 0)]
    assert states[SCRIPT][1] == ("nothing", 0)
    assert second.sections[0][1][-1].state == "nothing"
    assert "1! incomplete, 4 lost" in text_of(page, "//table[@class='calendar']//td")


def test_months_are_counted_across_a_year() -> None:
    days = [date(2026, 12, 30) + timedelta(days=number) for number in range(4)]
    calendar = Calendar(site="", days=days, sections=[], left_out=0)
    assert calendar.months == [("Dec", 2), ("Jan", 2)]


def test_failures_and_alarms_are_counted_by_kind(page: str) -> None:
    failed = text_of(page, "//div[@aria-label='Table of failures']//tbody/tr")
    assert [row.rpartition(" 2026")[0] for row in failed] == ["http_500 3 1", f"{SCRIPT} 1 1"]
    (alarm,) = text_of(page, "//div[@aria-label='Table of alarms']//tbody/tr")
    assert f"no dek {' '.join(HOSTILE.split())}" in alarm
    crawls = text_of(page, "//div[@aria-label='Table of crawls']//tbody/tr")
    assert [row.split()[2:4] for row in crawls] == [["b", "none:"], ["b", "3"], ["a", "5"], ["a", "4"]]


def test_a_story_of_the_year_9999_does_not_stretch_the_chart(page: str) -> None:
    assert len(lxml.html.fromstring(page).xpath("//svg[@class='chart']/rect")) == 4


def test_publishers_named_by_their_domain_are_the_same(tmp_path: Path) -> None:
    named = [make_story(str(n), source_name="Origin", source_domain="origin.example") for n in range(2)]
    by_domain = make_story("d", source_name="origin.example", source_domain="origin.example")
    unlinked = make_story("u", source_name="Origin", source_domain=None, source_url=None)
    other = make_story("o", source_name="Quiet", source_domain=None, source_url=None)
    figures = collect_figures(build(tmp_path, *named, by_domain, unlinked, other))
    assert [(row["publisher"], row["stories"]) for row in figures.publishers] == [("Origin", 4), ("Quiet", 1)]


def test_revisions_of_the_last_week_are_shown(tmp_path: Path) -> None:
    archive = build(tmp_path, make_story("a"), make_story("b"))
    for number, at in enumerate((datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 20, tzinfo=UTC)), start=2):
        fill_inbox(archive, str(number), make_story("a", body=f"Words {number} are new here.", fetched_at=at))
        publish(archive)
    page = render_page(collect_figures(archive))
    (row,) = text_of(page, "//div[@aria-label='Table of revisions']//tbody/tr")
    assert row.startswith("2026-07-20 00:00 wire.example Ministers weigh a body +1")


def test_an_empty_archive_has_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out" / "report.html"
    target.parent.mkdir()
    assert main(["report", "-o", str(target), "--root", str(tmp_path / "out")]) == 0
    assert "There is no record of a crawl." in target.read_text(encoding="utf-8")
    assert capsys.readouterr().out.startswith("wrote ")


def test_a_report_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "-o", str(tmp_path / "nosuch" / "report.html"), "--root", str(tmp_path)]) == 7
    assert "cannot be written" in capsys.readouterr().err


def test_the_same_archive_makes_the_same_page(archive: Archive, page: str) -> None:
    assert render_page(collect_figures(archive)) == page


def test_the_report_stays_small(tmp_path: Path) -> None:
    """A hundred sections, publishers, events and crawls more change little."""
    stories = [
        make_story(f"{n}-{m}", site=f"s{m}.example", section=f"section-{n}", source_name=f"Wire {n}",
                   source_url=f"https://o.example/{n}", dek="Word " * 500)
        for n in range(60) for m in range(2)
    ]  # fmt: skip
    runs = [
        make_run(f"{n}", f"s{n}", at="2026-06-29T01:00:00", exit_code=4, failures={f"kind{n % 5}": 1},
                 counts=[count(f"s{n}.example", f"section-{m}", 1, 0, 0, 1) for m in range(30)])
        for n in range(60)
    ]  # fmt: skip
    assert len(render_page(collect_figures(build(tmp_path, *stories, runs=runs)))) < 1_000_000
