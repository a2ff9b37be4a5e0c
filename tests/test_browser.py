"""The report as a reader sees it: in Chromium, on a phone and on a desk, in light and dark.

`ARCHIVER_PICTURES=DIR` keeps a picture of each page there, to be looked at.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CONTRAST, SCHEMES, WIDTHS, Browser, open_browser
from test_report import SCRIPT, archive  # noqa: F401 - a fixture

from archiver.report.figures import collect_figures
from archiver.report.page import render_page
from archiver.store.archive import Archive

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "data" / "sample"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def hostile(archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """The report of an archive full of hostile text."""
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    path.write_text(render_page(collect_figures(archive)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def of_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "report.html"
    path.write_text(render_page(collect_figures(Archive(SAMPLE))), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook executed and made a page, as `make notebooks` does."""
    folder = tmp_path_factory.mktemp("notebook")
    command = [
        sys.executable, "-m", "nbconvert", "--execute", "--to", "html", "--template", "offline",
        "--TemplateExporter.extra_template_basedirs=templates", "--output-dir", str(folder), "2-who-had-it-first.ipynb",
    ]  # fmt: skip
    made = subprocess.run(command, cwd=ROOT / "notebooks", capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stderr
    return folder / "2-who-had-it-first.html"


def keep_picture(browser: Browser, name: str) -> None:
    if folder := os.environ.get("ARCHIVER_PICTURES"):
        browser.save_picture(Path(folder) / f"{name}.png")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("which", ["hostile", "of_sample"])
def test_the_report_is_whole_quiet_and_legible(
    which: str, width: int, scheme: str, browser: Browser, request: pytest.FixtureRequest
) -> None:
    browser.show(request.getfixturevalue(which), width=width, scheme=scheme)
    assert browser.requested() == set()
    assert browser.complaints() == []
    bars = browser.ask(
        "[...document.querySelectorAll('svg.chart rect')].map(bar => bar.getBoundingClientRect().height)"
    )
    assert max(bars) > 50
    assert browser.ask("getComputedStyle(document.querySelector('.bar')).fill") != "rgb(0, 0, 0)"
    # Wide tables scroll in their own frame: the page itself never scrolls sideways.
    assert browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.ask(CONTRAST) == []
    assert browser.ask("getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)" if scheme == "light" else "rgb(13, 17, 23)"
    )
    keep_picture(browser, f"report-{which}-{width}-{scheme}")


def test_a_title_that_is_a_script_is_shown_as_text(hostile: Path, browser: Browser) -> None:
    browser.show(hostile, width=1280, scheme="light")
    titles = browser.ask("[...document.querySelectorAll('.rewrites .title')].map(title => title.innerText)")
    assert SCRIPT in titles
    assert browser.ask("document.scripts.length") == 0


def test_the_keyboard_reaches_the_report_and_what_scrolls(of_sample: Path, browser: Browser) -> None:
    from selenium.webdriver import ActionChains, Keys

    browser.show(of_sample, width=390, scheme="light")
    ActionChains(browser.driver).send_keys(Keys.TAB).perform()
    assert browser.ask("document.activeElement.innerText") == "Skip to the report"
    assert browser.ask("document.activeElement.getBoundingClientRect().left") >= 0
    reached = set()
    for _ in range(12):
        ActionChains(browser.driver).send_keys(Keys.TAB).perform()
        reached.add(
            browser.ask("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText")
        )
    assert "Alarms and failures" in reached
    assert any(name.startswith("Coverage of ") for name in reached)


@pytest.mark.parametrize(
    "name", ["Coverage of 127.0.0.1:8101, by section and day", "Stories that name the publisher as their source"]
)
def test_a_screen_reader_finds_the_tables_by_name(name: str, of_sample: Path, browser: Browser) -> None:
    browser.show(of_sample, width=1280, scheme="light")
    tree = browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    tables = [node["name"]["value"] for node in tree if node.get("role", {}).get("value") == "table" and "name" in node]
    assert name in tables


@pytest.mark.parametrize("width", WIDTHS)
def test_a_notebook_shows_its_charts_and_fetches_nothing(width: int, notebook: Path, browser: Browser) -> None:
    browser.show(notebook, width=width, scheme="light")
    assert browser.requested() == set()
    assert browser.complaints() == []
    drawn = "[...document.images].map(image => image.complete && image.naturalWidth > 500 && image.getBoundingClientRect().width)"
    shown = browser.ask(drawn)
    assert len(shown) == 2
    assert all(shown)
    assert max(shown) <= width
    keep_picture(browser, f"notebook-{width}")


def test_what_a_page_fetches_and_complains_of_would_be_seen(tmp_path: Path, browser: Browser) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        "<img src='http://127.0.0.1:9/x.png'><script>throw new Error('oh')</script><p style='color:#999'>grey"
    )
    browser.show(page, width=390, scheme="light")
    assert browser.requested() == {"http://127.0.0.1:9/x.png"}
    assert any("oh" in complaint for complaint in browser.complaints())
    assert len(browser.ask(CONTRAST)) == 1
