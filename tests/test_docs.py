"""What README and CHANGELOG promise: every column, command, argument, setting and exit code stands in them, and they run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from archiver import arguments, commands, schema, settings
from archiver.outcome import Exit
from archiver.store.archive import Archive
from archiver.store.publish import publish
from archiver.views import VIEWS, views_script
from tests.stories import fill_inbox, make_story

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an archive where the README's examples look for one."""
    folder = tmp_path_factory.mktemp("newcomer")
    archive = Archive(folder / "data" / "demo")
    fill_inbox(archive, "run", make_story("a"), make_story("b", section="markets"), make_story("c", source_name=None))
    publish(archive)
    return folder


def test_the_table_of_columns_is_the_one_made_from_the_story() -> None:
    assert schema.place_columns(README) == README


def test_the_file_of_views_is_the_one_that_is_printed() -> None:
    assert (ROOT / "data" / "views.sql").read_text(encoding="utf-8") == views_script(), "`make columns` renews it"


def test_every_view_is_in_the_readme() -> None:
    for view in VIEWS:
        assert f"`{view.name}`" in README, view.name


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_a_python_example_runs(number: int, folder: Path) -> None:
    example = PYTHON[number]
    if "BOT_NAME" in example or "SPIDER_MODULES" in example:
        pytest.skip("settings of a project: tests/test_wheel.py uses them in one")
    ran = subprocess.run([sys.executable, "-c", example], cwd=folder, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr


def test_every_command_is_in_the_readme() -> None:
    for name in commands.COMMANDS:
        assert f"archiver {name}" in README, name


def test_every_argument_is_in_the_readme() -> None:
    for name in {*arguments.SITE_ARGUMENTS, *arguments.URL_ARGUMENTS}:
        assert f"`-a {name}=" in README, name


def test_every_setting_of_ours_is_in_the_readme() -> None:
    for name in vars(settings):
        if name.startswith("ARCHIVER_"):
            assert f"| `{name}` |" in README, name


def test_every_exit_code_is_in_the_readme() -> None:
    table = README[README.index("| code | meaning |") :]
    for code in Exit:
        assert re.search(rf"^\|.*\b{int(code)}\b.*\|", table, re.MULTILINE), code


def test_the_console_examples_name_targets_and_spiders_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^\$ make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    listed = subprocess.run(
        [sys.executable, "-m", "scrapy", "list"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    for name in re.findall(r"scrapy crawl (\w+)", README):
        assert name in listed.stdout.split(), name


def test_the_version_stands_in_the_changelog() -> None:
    from archiver import __version__

    assert f"\n## {__version__}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
