from __future__ import annotations

import gzip
import json
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from crawls import PROSE, Pages, Project, headlines, listing_page, story_page
from stories import NOW, fill_inbox, make_story

from archiver.commands import COMMANDS, main
from archiver.demo.server import DemoNetwork
from archiver.demo.sites import SITES
from archiver.exporters import FEED
from archiver.items import Story
from archiver.schema import story_from_json
from archiver.store.archive import Archive
from archiver.store.publish import publish

BIN = Path(sys.executable).parent
slow = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def small(project: Project) -> Iterator[Pages]:
    """A site of three stories, whose spider is called `small`."""
    topics = headlines("tariff", "water", "rail")
    pages = {"/": listing_page(topics), **{url: story_page(title) for url, title in topics.items()}}
    with Pages(pages) as server:
        project.add_site("small", server.base_url)
        yield server


# Help


def test_help_names_every_command_and_imports_none() -> None:
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "from archiver.commands import main; main(['--help'])"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert all(name in ran.stdout for name in COMMANDS)
    for heavy in ("scrapy", "pyarrow", "lxml", "rich"):
        assert f" {heavy}\n" not in ran.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"example: archiver {name}" in " ".join(capsys.readouterr().out.split())


def test_an_unknown_command_is_told_the_valid_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["crwal"])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert all(name in told for name in COMMANDS)


# archiver extract


def lines(output: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines()]


def test_extract_prints_a_line_a_file_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b.html").write_text(story_page("The water bill goes to a vote"))
    (tmp_path / "a.html.gz").write_bytes(gzip.compress(story_page("The Tōkyō bill goes to a vote").encode()))
    (tmp_path / "empty.html").write_text("")
    urls = tmp_path / "urls.jsonl"
    urls.write_text('{"id": "a", "url": "https://a.example/x?utm_source=y", "title": "ignored"}\n')
    files = [str(tmp_path / name) for name in ("b.html", "a.html.gz", "empty.html")]
    assert main(["extract", *files, "--urls", str(urls)]) == 0
    first, second, third = lines(capsys.readouterr().out)
    assert [each["id"] for each in (first, second, third)] == ["b", "a", "empty"]
    assert first["url"] == "https://unknown.invalid/b"
    assert (second["url"], second["title"]) == ("https://a.example/x", "The Tōkyō bill goes to a vote")
    assert second["body"] == "\n\n".join(PROSE)
    assert (third["title"], third["body"]) == (None, None)
    del second["id"]
    assert isinstance(story_from_json(second), Story)


def test_extract_does_the_rest_when_a_file_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = tmp_path / "good.html"
    good.write_text(story_page("The water bill goes to a vote"))
    cut = tmp_path / "cut.html.gz"
    cut.write_bytes(gzip.compress(b"<p>cut off" * 100)[:-20])
    assert main(["extract", str(tmp_path / "none.html"), str(cut), str(tmp_path), str(good)]) == 1
    captured = capsys.readouterr()
    assert [line["id"] for line in lines(captured.out)] == ["good"]
    assert "none.html: No such file or directory" in captured.err
    assert "cut.html.gz:" in captured.err
    assert captured.err.count("\n") == 3


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ('<meta charset="iso-8859-1"><h1>Émile votes on water</h1>'.encode(), "Émile votes on water"),
        ('<meta charset="iso-8859-1"><h1>Émile votes on water</h1>'.encode("latin-1"), "Émile votes on water"),
        ("<h1>Émile votes on water</h1>".encode("cp1252"), "Émile votes on water"),
        ('<meta charset="shift_jis"><h1>水道法案が可決された</h1>'.encode("shift_jis"), "水道法案が可決された"),
        ('<meta charset="iso-2022-jp"><h1>水道法案が可決された</h1>'.encode("iso-2022-jp"), "水道法案が可決された"),
        ("\ufeff<h1>Émile votes on water</h1>".encode("utf-16"), "Émile votes on water"),
    ],
)
def test_extract_reads_every_encoding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], body: bytes, title: str
) -> None:
    page = tmp_path / "page.html"
    page.write_bytes(body)
    assert main(["extract", str(page)]) == 0
    assert lines(capsys.readouterr().out)[0]["title"] == title


def test_extract_takes_the_address_that_the_page_gives_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    page.write_text('<head><link rel="canonical" href="https://a.example/x"></head><h1>A title of words</h1>')
    assert main(["extract", str(page)]) == 0
    assert lines(capsys.readouterr().out)[0]["url"] == "https://a.example/x"


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "a"}', '{"id": "a", "url": "nowhere"}'])
def test_extract_names_the_line_of_addresses_that_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    urls = tmp_path / "urls.jsonl"
    urls.write_text('{"id": "x", "url": "https://a.example/"}\n' + line)
    assert main(["extract", str(tmp_path / "page.html"), "--urls", str(urls)]) == 2
    assert "urls.jsonl, line 2" in capsys.readouterr().err


def test_extract_ends_quietly_when_its_reader_has_seen_enough(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(story_page("The water bill goes to a vote"))
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "import sys; from archiver.commands import main; sys.exit(main())"]
    ran = subprocess.run(
        [*command, "extract", *[str(page)] * 300], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_extract_explains_what_it_weighed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<html lang="en"><link rel="canonical" href="https://a.example/x"><meta property="og:image" content="/og.png">'
        '<meta name="twitter:image" content="/tw.png">'
        + story_page("The water bill goes to a vote")
        + '<p><a href="https://wire.example/a">Continue reading at Example Wire →</a></p>'
    )
    assert main(["extract", str(page), "--explain", "--json"]) == 0
    (told,) = lines(capsys.readouterr().out)
    assert main(["extract", str(page)]) == 0
    (story,) = lines(capsys.readouterr().out)
    columns: dict[str, dict[str, Any]] = told["columns"]  # type: ignore[assignment]
    assert {name: column["value"] for name, column in columns.items()} == {name: story[name] for name in columns}
    image = columns["image_url"]
    assert [(c["rule"], c["won"]) for c in image["candidates"]] == [("og:image", True), ("twitter:image", False)]
    assert image["candidates"][0]["score"] > image["candidates"][1]["score"] > 0
    assert [c["value"] for c in columns["source_url"]["candidates"] if c["won"]] == [
        "Example Wire https://wire.example/a"
    ]

    assert main(["extract", str(page), "--explain"]) == 0
    table = capsys.readouterr().out
    assert "continue-reading" in table
    assert all(f"\n{name} " in table for name in columns)


# archiver publish, archiver show


def test_publish_tells_what_became_of_the_inbox(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = Archive(tmp_path)
    fill_inbox(archive, "20260629T000000Z-site-0000", make_story("a"), make_story("b", section="markets"))
    assert main(["publish", "--root", str(tmp_path)]) == 0
    assert "wire.example" in capsys.readouterr().out
    assert main(["publish", "--root", str(tmp_path)]) == 0
    assert "nothing to publish" in capsys.readouterr().out


def test_publish_names_a_damaged_file_and_publishes_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = Archive(tmp_path)
    fill_inbox(archive, "20260629T000000Z-site-0000", make_story("a"))
    (archive.inbox_dir / "20260628T000000Z-site-ffff.jsonl").write_text("{ not a story\n")
    assert main(["publish", "--root", str(tmp_path)]) == 1
    assert "20260628T000000Z-site-ffff" in capsys.readouterr().err
    assert main(["show", make_story("a").url, "--root", str(tmp_path)]) == 0


def test_publish_says_when_the_archive_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = Archive(tmp_path)
    fill_inbox(archive, "20260629T000000Z-site-0000", make_story("a"))
    archive.stories_dir.write_text("a file in the way")
    assert main(["publish", "--root", str(tmp_path)]) == 7
    assert str(archive.stories_dir) in capsys.readouterr().err
    archive.stories_dir.unlink()
    assert main(["publish", "--root", str(tmp_path)]) == 0


def test_show_prints_a_story_as_plain_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = Archive(tmp_path)
    story = make_story(title="Brackets [bold]stay[/bold] as printed")
    fill_inbox(archive, "20260629T000000Z-site-0000", story)
    publish(archive)
    assert main(["show", story.url + "?utm_source=x#top", "--root", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    for text in (story.title, story.body, story.faq[0].answer, str(story.source_url)):
        assert text in shown
    assert "\x1b" not in shown


def publish_three_revisions(root: Path) -> Story:
    """A story that was rewritten, moved and is gone; returned as it was at first."""
    story = make_story(body="One stays.\n\nThe tax rises to five.")
    moved = make_story("moved", title=story.title, body="One stays.\n\nThe tax falls to five.", faq=[], extractor="2")
    moved = replace(moved, story_id=story.story_id, source_url=story.source_url)
    for run, found in enumerate((story, moved, replace(moved, status="gone"))):
        fill_inbox(Archive(root), str(run), replace(found, fetched_at=NOW + timedelta(days=run)))
        publish(Archive(root))
    return story


def test_show_lists_the_revisions_by_either_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = publish_three_revisions(tmp_path)
    shown = []
    for address in (story.url, story.url.replace("tariff-relief", "moved")):
        assert main(["show", address, "--root", str(tmp_path)]) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert shown[0].endswith(
        "\nRevisions\n"
        f"  1  2026-06-29 13:05 UTC  live  first  +19 -0 words  at {story.url}\n"
        "  2  2026-06-30 13:05 UTC  live  body, faq  +1 -5 words\n"
        "  3  2026-07-01 13:05 UTC  gone  status  +0 -0 words\n"
    )


def test_show_finds_a_story_by_an_address_between(tmp_path: Path) -> None:
    story = publish_three_revisions(tmp_path)
    for slug, body in (("third", "Again."), ("fourth", "And again.")):
        place = replace(make_story(slug, body=body), story_id=story.story_id, fetched_at=NOW + timedelta(days=9))
        fill_inbox(Archive(tmp_path), slug, place)
        publish(Archive(tmp_path))
    for slug in ("tariff-relief", "moved", "third", "fourth"):
        assert main(["show", f"https://wire.example/article/{slug}", "--root", str(tmp_path)]) == 0


def test_show_prints_a_story_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = publish_three_revisions(tmp_path)
    assert main(["show", story.url, "--revision", "1", "--root", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "The tax rises to five." in shown
    assert "Revisions" not in shown


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        (
            ["1", "2"],
            (
                "Revision 1 (2026-06-29 13:05 UTC, live) → Revision 2 (2026-06-30 13:05 UTC, live)\n"
                "Extracted by different rules (1 → 2): some of this may be their doing.\n"
                "\nbody\n… 1 paragraph unchanged\nThe tax [-rises-] {+falls+} to five.\n"
                "\nfaq\n[-Who pays?-]\n[-Every parcel.-]\n"
            ),
        ),
        (
            [],
            (
                "Revision 2 (2026-06-30 13:05 UTC, live) → Revision 3 (2026-07-01 13:05 UTC, gone)\n"
                "\nstatus\n[-live-] {+gone+}\n"
            ),
        ),
        (
            ["3", "2"],
            (
                "Revision 3 (2026-07-01 13:05 UTC, gone) → Revision 2 (2026-06-30 13:05 UTC, live)\n"
                "\nstatus\n[-gone-] {+live+}\n"
            ),
        ),
        (
            ["3"],
            "Revision 3 (2026-07-01 13:05 UTC, gone) → Revision 3 (2026-07-01 13:05 UTC, gone)\nNothing differs.\n",
        ),
    ],
)
def test_show_diff_marks_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], numbers: list[str], told: str
) -> None:
    story = publish_three_revisions(tmp_path)
    assert main(["show", story.url, "--diff", *numbers, "--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out == told


@pytest.mark.parametrize("has_colour", [True, False])
def test_show_diff_is_in_colour_on_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, has_colour: bool
) -> None:
    story = publish_three_revisions(tmp_path)
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes anything for a terminal then
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if not has_colour:
        monkeypatch.setenv("NO_COLOR", "1")
    assert main(["show", story.url, "--diff", "1", "2", "--root", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert ("\x1b[32mfalls\x1b[0m" in shown) == has_colour
    assert ("{+falls+}" in shown) == (not has_colour)


def test_show_speaks_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = publish_three_revisions(tmp_path)

    def ask(*words: str) -> dict[str, Any]:
        assert main(["show", story.url, "--json", "--root", str(tmp_path), *words]) == 0
        (line,) = capsys.readouterr().out.splitlines()
        return dict(json.loads(line))

    whole = ask()
    revisions = whole.pop("revisions")
    assert story_from_json(whole).status == "gone"
    assert [(each["revision"], each["status"], each["changed"]) for each in revisions] == [
        (1, "live", []),
        (2, "live", ["body", "faq"]),
        (3, "gone", ["status"]),
    ]
    assert ask("--revision", "1")["body"] == story.body
    compared = ask("--diff", "1", "2")
    assert (compared["from"], compared["to"]) == (1, 2)
    assert compared["columns"]["body"][1] == [
        ["=", "The tax"],
        ["-", "rises"],
        ["+", "falls"],
        ["=", "to five."],
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--revision", "4"], "no revision 4: this story has 1, 2, 3"),
        (["--diff", "0"], "no revision 0"),
        (["--diff", "1", "2", "3"], "two revisions at most"),
    ],
)
def test_show_names_the_revisions_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    story = publish_three_revisions(tmp_path)
    assert main(["show", story.url, *words, "--root", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.out == ""


def test_show_diff_of_a_single_revision(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill_inbox(Archive(tmp_path), "1", make_story())
    publish(Archive(tmp_path))
    assert main(["show", make_story().url, "--diff", "--root", str(tmp_path)]) == 2
    assert "nothing to compare" in capsys.readouterr().err


def test_show_says_when_the_archive_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = publish_three_revisions(tmp_path)
    path = next(Archive(tmp_path).revisions_dir.rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-100])
    assert main(["show", story.url, "--root", str(tmp_path)]) == 7
    assert str(path) in capsys.readouterr().err


def test_show_of_a_story_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "https://wire.example/article/none", "--root", str(tmp_path)]) == 1
    assert "no story https://wire.example/article/none" in capsys.readouterr().err
    assert main(["show", "wire.example", "--root", str(tmp_path)]) == 2


# scrapy crawl


@slow
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["smal"], "unknown spider 'smal', did you mean 'small'?"),
        (["small", "-a", "sectoin=policy"], "did you mean 'section'?"),
        (["small", "-a", "limit=ten"], "limit='ten'"),
        (["small", "-s", "ARCHIVER_ROOTS=x"], "did you mean 'ARCHIVER_ROOT'?"),
        (["small", "-o", "x.parquet"], "use -O"),
        (["url"], "url= is missing"),
        (["small", "url"], "more than one spider"),
    ],
)
def test_bad_input_ends_before_the_first_request(project: Project, small: Pages, words: list[str], told: str) -> None:
    ran = project.run("scrapy", "crawl", *words)
    assert ran.exit_code == 2
    assert told in " ".join((ran.log + ran.output).split())
    assert "Traceback" not in ran.log
    assert not small.requests


@slow
def test_feeds_hold_the_stories_beside_the_archive(project: Project, small: Pages) -> None:
    assert project.crawl("small", "-O", "x.parquet").exit_code == 0
    table = pq.read_table(project.folder / "x.parquet")
    assert table.schema.equals(FEED)
    assert set(table["url"].to_pylist()) == project.urls()
    assert pa.types.is_date(table.schema.field("date").type)

    assert project.crawl("small", "-O", "x.jsonl", full=1).exit_code == 0
    text = (project.folder / "x.jsonl").read_text()
    assert {story_from_json(line).url for line in lines(text)} == project.urls()

    small.pages.clear()
    assert project.crawl("small", "-O", "x.jsonl").exit_code == 3
    assert (project.folder / "x.jsonl").read_text() == text


@slow
@pytest.mark.parametrize(
    "feed",
    ["folder.jsonl", "folder.parquet", "/dev/full:jsonl", "/dev/full:json", "/dev/full:csv", "/dev/full:parquet"],
)
def test_a_feed_that_cannot_be_written_is_a_storage_failure(project: Project, small: Pages, feed: str) -> None:
    if feed.startswith("folder"):
        (project.folder / feed).mkdir()
    ran = project.crawl("small", "-O", feed)
    assert ran.exit_code == 7
    assert len(project.urls()) == 3, "the archive does not depend on the feed"


@slow
def test_a_root_that_cannot_be_written_ends_before_the_first_request(project: Project, small: Pages) -> None:
    project.root.write_text("a file in the way")
    ran = project.crawl("small")
    assert ran.exit_code == 7
    assert "data" in ran.log
    assert "Traceback" not in ran.log
    assert not small.requests


@slow
def test_the_setting_goes_before_the_environment_variable(project: Project, small: Pages) -> None:
    assert project.run("scrapy", "crawl", "small", ARCHIVER_ROOT="elsewhere").exit_code == 0
    assert (project.folder / "elsewhere" / "stories").is_dir()
    assert project.crawl("small", "-s", "ARCHIVER_ROOT=here").exit_code == 0
    assert (project.folder / "here" / "stories").is_dir()
    assert not project.root.exists()


@slow
def test_a_terminal_gets_a_line_of_progress_and_a_pipe_plain_lines(project: Project, small: Pages) -> None:
    terminal, other_end = pty.openpty()
    command = [sys.executable, "-m", "scrapy", "crawl", "small"]
    with subprocess.Popen(
        command, cwd=project.folder, stdout=other_end, stderr=other_end, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(other_end)
        shown = b""
        while chunk := _read(terminal):
            shown += chunk
    assert process.returncode == 0
    assert "3 archived" in shown.decode()
    assert "3 new, 0 changed, 0 same, 0 failed" in shown.decode()

    piped = project.crawl("small").log
    assert "0 new, 0 changed, 0 same, 0 failed, 3 not_due" in piped
    assert "\x1b" not in piped
    assert "archived" not in piped


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""


@slow
def test_a_spider_that_is_none_of_ours_gets_a_true_exit_code_too(project: Project, small: Pages) -> None:
    with (project.folder / "own_sites.py").open("a") as file:
        file.write(
            "import scrapy\n"
            "class PlainSpider(scrapy.Spider):\n"
            "    name = 'plain'\n"
            f"    start_urls = ['{small.base_url}/']\n"
            "    def parse(self, response):\n"
            "        yield {'title': response.css(getattr(self, 'css', 'h2')).get()}\n"
        )
    assert project.crawl("plain").exit_code == 0
    assert project.crawl("plain", css="h2[").exit_code == 4


@slow
@pytest.mark.parametrize(
    "words", [["fetch", "--nolog"], ["shell", "--nolog", "-c", "response.status"], ["parse", "--nolog"]]
)
def test_scrapys_other_commands_work_in_the_project(project: Project, small: Pages, words: list[str]) -> None:
    ran = project.run("scrapy", *words, f"{small.base_url}/")
    assert ran.exit_code == 0, ran.log
    assert "Traceback" not in ran.log
    assert small.requests["/"]
    assert not project.root.exists()


# archiver crawl


@slow
def test_archiver_crawl_ends_with_the_gravest_code(project: Project, small: Pages) -> None:
    with Pages({}) as down:
        project.add_site("down", down.base_url)
    ran = project.run("archiver", "crawl", "small", "down", "-a", "limit=2")
    assert ran.exit_code == 3
    assert len(project.urls()) == 2
    assert project.run("archiver", "crawl", "small").exit_code == 0
    assert len(project.urls()) == 3


@slow
@pytest.mark.parametrize(
    ("words", "told"),
    [(["smal"], "did you mean 'small'?"), ([], "name one site"), (["small", "--all"], "name one site")],
)
def test_archiver_crawl_refuses_bad_input(project: Project, small: Pages, words: list[str], told: str) -> None:
    ran = project.run("archiver", "crawl", *words)
    assert ran.exit_code == 2
    assert told in ran.log
    assert not small.requests


# archiver demo


def free_ports(number: int) -> int:
    """The first of a row of ports that nobody uses."""
    for first in range(20_000 + os.getpid() % 10_000, 32_000, number):
        try:
            for port in range(first, first + number):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no free ports")


@slow
def test_the_demo_archives_all_its_sites_and_again_changes_nothing(tmp_path: Path) -> None:
    port = free_ports(len(SITES))
    command = [str(BIN / "archiver"), "demo", "--root", "archive", "--port", str(port)]
    for is_first in (True, False):
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "no delay between requests" in ran.stdout
        totals = next(line.split() for line in ran.stdout.splitlines() if line.startswith("all "))
        counts = dict(zip(("new", "changed", "same", "failed"), map(int, totals[1:]), strict=True))
        with DemoNetwork() as network:
            stories = sum(len(site.stories) for site in network.sites)
        assert counts == {"new": stories if is_first else 0, "changed": 0, "same": 0, "failed": 0}
        assert ("Nothing is new" in ran.stdout) is not is_first
    copied = ran.stdout.strip().splitlines()[-3:-1]
    for line in copied:
        assert subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, check=False).returncode == 0


@slow
def test_the_demo_is_served_until_it_is_stopped(project: Project) -> None:
    port = free_ports(len(SITES))
    with project.start("archiver", "demo", "--serve", "--port", str(port)) as process:
        assert process.stdout is not None
        shown = [process.stdout.readline() for _ in range(len(SITES) + 1)]
        assert f"http://127.0.0.1:{port}/" in shown[0]
        ran = project.crawl("url", url=f"http://127.0.0.1:{port}/", limit=2)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    assert ran.exit_code == 0
    assert len(project.urls()) == 2


@slow
def test_the_demo_says_when_its_ports_are_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [str(BIN / "archiver"), "demo", "--port", port]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "Try --port" in ran.stderr
    assert "Traceback" not in ran.stderr
