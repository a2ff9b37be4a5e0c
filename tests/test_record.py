"""`archiver record`: pages kept as test cases, from an address or a file, and checked."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from crawls import PROSE, Pages, Project, Ran, story_page

from archiver.commands import main
from archiver.demo.server import DemoNetwork
from archiver.items import Story
from archiver.recordings import COLUMNS, PAGE_URL, Recording, RecordingError, find_recordings

slow = pytest.mark.slow
URL = "https://a.example/article/levy-bill"
TITLE = "The levy bill goes to a vote"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "archiver.settings")
    return tmp_path


@pytest.fixture
def page(folder: Path) -> Path:
    page = folder / "saved.html"
    page.write_text(story_page(TITLE))
    return page


def only(folder: Path = Path("tests/pages")) -> Recording:
    (recording,) = find_recordings(folder)
    return recording


def put(recording: Recording, **columns: Any) -> None:
    recording.story.write_text(json.dumps(recording.read_story() | columns))


# What is kept


def test_a_file_is_kept_with_its_story(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", str(page), "--url", URL + "?utm_source=x"]) == 0
    recording = only()
    assert recording.page.parent == Path("tests/pages/a.example")
    assert recording.page.name == f"{recording.day}-levy-bill.html.gz"
    assert recording.read_page() == page.read_bytes()
    story = recording.read_story()
    assert story[PAGE_URL] == URL + "?utm_source=x"
    assert (story["url"], story["title"], story["body"]) == (URL, TITLE, list(PROSE))
    assert list(story) == [PAGE_URL, *COLUMNS]
    told = capsys.readouterr().out
    assert str(recording.page) in told
    assert "Read the JSON against the page" in told


def test_no_column_that_a_visit_determines_is_kept() -> None:
    left_out = set(Story.__dataclass_fields__) - set(COLUMNS)
    assert left_out >= {"first_seen_at", "fetched_at", "raw_file", "raw_offset", "raw_sha256", "revision", "extractor"}
    assert not left_out & {"title", "dek", "body", "faq", "links", "published_at", "source_url", "content_hash"}


def test_the_same_page_gives_the_same_bytes(page: Path, folder: Path) -> None:
    for name in ("one", "two"):
        assert main(["record", str(page), "--url", URL, "--out", name]) == 0
    one, two = only(folder / "one"), only(folder / "two")
    assert one.page.read_bytes() == two.page.read_bytes()
    assert one.page.read_bytes()[4:8] == bytes(4), "a gzip file with a time stamp differs from day to day"
    assert one.story.read_bytes() == two.story.read_bytes()


def test_a_packed_page_that_gives_its_own_address(folder: Path) -> None:
    html = story_page(TITLE).replace("<head>", f"<head><link rel='canonical' href='{URL}'>")
    (folder / "saved.html.gz").write_bytes(gzip.compress(html.encode()))
    assert main(["record", "saved.html.gz"]) == 0
    assert only().read_story()["url"] == URL


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a.example/", "a.example/{}-page"),
        ("https://a.example/story.php?id=17", "a.example/{}-story-id-17"),
        ("https://a.example:8443/../%2e%2e/x%2F..%2Fy", "a.example_8443/{}-y"),
        ("https://a.example/" + "ö" * 300, "a.example/{}-" + "ö" * 50),
    ],
)
def test_names_stay_below_the_folder(page: Path, url: str, name: str) -> None:
    assert main(["record", str(page), "--url", url]) == 0
    recording = only()
    assert str(recording) == name.format(recording.day)


# Recorded again


def test_the_same_page_again_changes_nothing(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", str(page), "--url", URL]) == 0
    recording = only()
    before = recording.story.stat().st_mtime_ns
    capsys.readouterr()
    assert main(["record", str(page), "--url", URL]) == 0
    assert only().story.stat().st_mtime_ns == before
    assert "is as it was" in capsys.readouterr().out


def test_what_comes_out_otherwise_is_shown_and_rewritten(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", str(page), "--url", URL]) == 0
    recording = only()
    right = recording.story.read_bytes()
    recording.story.write_text(recording.story.read_text().replace(TITLE, "What an older version found"))
    capsys.readouterr()
    assert main(["record", str(recording.page)]) == 0
    told = capsys.readouterr().out
    assert '\n-  "title": "What an older version found",\n' in told
    assert f'\n+  "title": "{TITLE}",\n' in told
    assert recording.story.read_bytes() == right


def test_an_older_recording_stays_when_the_page_has_changed(page: Path) -> None:
    assert main(["record", str(page), "--url", URL]) == 0
    first = only()
    kept = (first.page.read_bytes(), first.story.read_bytes())
    page.write_text(story_page(TITLE, more=f"<p>{PROSE[0][::-1]}</p>"))
    assert main(["record", str(page), "--url", URL]) == 0
    assert [str(each) for each in find_recordings(Path())] == [str(first), f"{first}-2"]
    assert (first.page.read_bytes(), first.story.read_bytes()) == kept


def test_a_recording_elsewhere_is_recorded_again_in_place(page: Path) -> None:
    assert main(["record", str(page), "--url", URL, "--out", "mine"]) == 0
    assert main(["record", str(only(Path("mine")).page)]) == 0
    assert not Path("tests/pages").exists()


# What cannot be kept


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ("<title>x</title>", "no title and no body on"),
        (f"<h1>{TITLE}</h1>", "no body on"),
        (story_page(TITLE).replace("<head>", "<head><meta property='og:type' content='profile'>"), "it is no story"),
    ],
)
def test_a_page_that_is_no_story_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], html: str, told: str
) -> None:
    (folder / "saved.html").write_text(html)
    assert main(["record", "saved.html", "--url", URL]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert URL in error
    assert not Path("tests").exists()


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_kept(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("cut.html.gz").write_bytes(gzip.compress(page.read_bytes())[:-20])
    page.write_text(story_page(TITLE).replace("<head>", f"<head><link rel='canonical' href='{URL}'>"))
    assert main(["record", "none.html", "cut.html.gz", str(page)]) == 1
    error = capsys.readouterr().err
    assert "none.html: No such file or directory" in error
    assert "cut.html.gz: " in error
    assert only().read_story()["url"] == URL


def test_a_page_without_an_address_asks_for_one(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", str(page)]) == 1
    assert "say it with --url" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["https://a.example/x", "--url", URL],
        ["https://a.example/x", "https://a.example/y"],
        ["https://a.example/x", "saved.html"],
        ["saved.html", "--url", "a.example"],
        ["saved.html", "other.html", "--url", URL],
        ["http://"],
        ["saved.html", "--check", "tests/pages"],
    ],
)
def test_bad_words_are_refused(page: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(["record", *words]) == 2
    assert capsys.readouterr().err.startswith("archiver: ")
    assert not Path("tests").exists()


def test_a_folder_that_cannot_be_written(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", str(page), "--url", URL, "--out", str(page)]) == 7
    assert str(page) in capsys.readouterr().err


# Checked


def test_check_passes_where_nothing_differs(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", str(page), "--url", URL]) == 0
    assert main(["record", "--check", "."]) == 0
    assert "1 of 1 recordings as recorded" in capsys.readouterr().out


def test_check_names_file_and_column(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", str(page), "--url", URL]) == 0
    put(only(), dek="What the page says", body=[*PROSE[:3], "Else."])
    capsys.readouterr()
    assert main(["record", "--check", "tests/pages"]) == 1
    told = capsys.readouterr().out
    assert f'{only().story}: dek\n-"What the page says"\n+null\n' in told
    assert f'{only().story}: body\n-  "Else."\n+  "{PROSE[3]}"\n' in told
    assert "title" not in told


def test_a_column_that_is_younger_than_the_recording_is_no_difference(page: Path) -> None:
    assert main(["record", str(page), "--url", URL]) == 0
    recording = only()
    story = recording.read_story()
    del story["tags"]
    recording.story.write_text(json.dumps(story))
    assert main(["record", "--check", "tests/pages"]) == 0
    put(recording, no_column_any_more="x")
    assert main(["record", "--check", "tests/pages"]) == 1


def test_check_of_nothing_does_not_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", "--check", "tests/pages"]) == 2
    assert "no recordings below tests/pages" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["{", "[]", "{}", None])
def test_a_damaged_recording_fails_the_check(
    page: Path, capsys: pytest.CaptureFixture[str], damage: str | None
) -> None:
    assert main(["record", str(page), "--url", URL]) == 0
    recording = only()
    if damage is None:
        recording.page.write_bytes(recording.page.read_bytes()[:-9])
        with pytest.raises(RecordingError, match=r"levy-bill\.html\.gz"):
            recording.read_page()
    else:
        recording.story.write_text(damage)
    assert main(["record", "--check", "tests/pages"]) == 1
    assert "levy-bill" in capsys.readouterr().err


# Fetched


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def record(project: Project, *words: str) -> Ran:
    return project.run("archiver", "record", *words)


@slow
def test_a_page_is_fetched_with_one_request_and_robots_txt_before_it(project: Project) -> None:
    with Pages({"/robots.txt": "User-agent: *\nDisallow: /admin", "/article/levy-bill": story_page(TITLE)}) as site:
        ran = record(project, f"{site.base_url}/article/levy-bill")
        assert ran.exit_code == 0, ran.log
        assert ran.log == ""
        assert site.requests == {"/robots.txt": 1, "/article/levy-bill": 1}
        assert record(project, "--check", "tests/pages").exit_code == 0
    story = only(project.folder).read_story()
    assert (story["title"], story["body"]) == (TITLE, list(PROSE))
    assert not project.root.exists()


@slow
@pytest.mark.parametrize(
    ("pages", "told"),
    [
        (
            {"/robots.txt": "User-agent: *\nDisallow: /article", "/article/x": story_page(TITLE)},
            "robots.txt forbids it",
        ),
        ({}, "the server answered 404"),
        ({"/article/x": 503}, "the server answered 503"),
        ({"/article/x": "<p>Nothing</p>"}, "no title"),
    ],
)
def test_a_page_that_cannot_be_had_is_told_in_a_line(project: Project, pages: dict[str, str | int], told: str) -> None:
    with Pages(pages) as site:
        ran = record(project, f"{site.base_url}/article/x")
    assert ran.exit_code == 1
    assert told in ran.log
    assert f"{site.base_url}/article/x" in ran.log
    assert ran.log.count("\n") == 1
    assert site.requests["/article/x"] == (0 if "robots" in told else 1)
    assert not (project.folder / "tests").exists()


@slow
def test_a_server_that_is_down_is_told_in_a_line(project: Project) -> None:
    with Pages({}) as site:
        pass
    ran = record(project, f"{site.base_url}/x")
    assert (ran.exit_code, ran.log.count("\n")) == (1, 1)
    assert "refused" in ran.log


@slow
def test_a_redirect_is_recorded_under_the_address_that_answers(project: Project) -> None:
    with Pages({"/old": "→/article/levy-bill", "/article/levy-bill": story_page(TITLE)}) as site:
        assert record(project, f"{site.base_url}/old").exit_code == 0
        assert only(project.folder).read_story()[PAGE_URL] == f"{site.base_url}/article/levy-bill"


@slow
def test_what_is_no_html_page_is_refused(project: Project) -> None:
    with DemoNetwork() as network:
        site = network.sites[0]
        ran = record(project, f"{site.base_url}/sitemap.xml")
    assert ran.exit_code == 1
    assert "not an HTML page, but" in ran.log


@slow
def test_a_sites_own_selectors_are_used(project: Project) -> None:
    html = story_page(TITLE).replace("<h1>", "<h2 class='t'>The right title of this story</h2><h1>")
    with Pages({"/article/x": html}) as site:
        more = "    from archiver.extract import Selectors\n    selectors = Selectors(title='.t')\n"
        project.add_site("small", site.base_url, more)
        assert record(project, f"{site.base_url}/article/x").exit_code == 0
    recording = only(project.folder)
    assert recording.read_story()["title"] == "The right title of this story"
    assert record(project, "--check", "tests/pages").exit_code == 0
    assert record(project, str(recording.page)).output.endswith("is as it was\n")
