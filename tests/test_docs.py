"""What README, datasheet, help and CHANGELOG promise: every column, command, argument, setting and exit code stands in them,
and their examples run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import archiver
from archiver import arguments, commands, schema, settings
from archiver.outcome import Exit
from archiver.store.archive import Archive
from archiver.store.publish import publish
from archiver.views import VIEWS, views_script
from tests.stories import fill_inbox, make_story

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "data" / "sample"
DATASHEET = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def find_blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def find_commands(text: str) -> list[str]:
    """What stands behind a prompt and can be run without a network and in no time; further lines belong to it while a quotation
    is open."""
    lines = [
        line for block in find_blocks(text, "console") for line in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    ]
    commands = [line if line.splitlines()[0].count('"') % 2 else line.splitlines()[0] for line in lines]
    return [command for command in commands if re.match(r"\.venv/bin/archiver (sql|report|verify)|sha256sum", command)]


PYTHON = find_blocks(README, "python")
OFFLINE = {
    "extract", "migrate", "publish", "reextract", "remove", "report", "show", "sql", "verify",
}  # fmt: skip
"""Commands whose example in the help needs no site."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what of a clone the examples use: the sample and the views; an archive of their own in data/demo."""
    clone = tmp_path_factory.mktemp("clone")
    shutil.copytree(SAMPLE, clone / "data" / "sample")
    shutil.copytree(SAMPLE, clone / "data" / "demo")
    shutil.copy(ROOT / "data" / "views.sql", clone / "data" / "views.sql")
    return clone


@pytest.mark.parametrize("command", [*find_commands(README), *find_commands(DATASHEET)])
def test_a_console_example_runs(command: str, clone: Path) -> None:
    own = command.replace(".venv/bin/archiver", f"{sys.executable} -m archiver")
    ran = subprocess.run(own, shell=True, cwd=clone, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout or ">" in command


def test_the_question_of_the_readme_is_answered(clone: Path) -> None:
    (command,) = [each for each in find_commands(README) if "hours_ahead" in each]
    own = command.replace(".venv/bin/archiver", f"{sys.executable} -m archiver")
    ran = subprocess.run(own, shell=True, cwd=clone, capture_output=True, text=True, timeout=120)
    rows = [line.split(",") for line in ran.stdout.splitlines()[1:]]
    assert len(rows) >= 2
    assert all(float(hours) > 0 for _, _, hours in rows)


@pytest.mark.parametrize("example", find_blocks(DATASHEET, "python"))
def test_a_python_example_of_the_datasheet_runs(example: str, clone: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", example], cwd=clone, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("query", [*find_blocks(DATASHEET, "sql"), *find_blocks(README, "sql")])
def test_a_query_of_the_datasheet_has_an_answer(query: str) -> None:
    with archiver.connect(SAMPLE) as connection:
        assert connection.sql(query).fetchall()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OFFLINE))
def test_the_example_of_a_commands_help_runs(name: str, clone: Path, tmp_path: Path) -> None:
    """In a copy of the sample, with a story and a page of it for those that the help names."""
    shutil.copytree(clone / "data" / "sample", tmp_path / "data")
    url = archiver.load(root=SAMPLE, columns="url")["url"][0].as_py()
    (tmp_path / "page.html").write_text(
        f"<html><body><h1>A title</h1><p>{'Some words of a story. ' * 30}</p></body></html>"
    )
    _, example = commands.COMMANDS[name]
    own = example.replace("https://novitechfinance.com/article/a-slug", url)
    assert own.startswith(f"archiver {name}")
    own = own.replace("archiver", f"{sys.executable} -m archiver", 1)
    ran = subprocess.run(own, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout or ">" in own


def test_every_command_has_an_example_in_its_help() -> None:
    for name, (_, example) in commands.COMMANDS.items():
        assert example.startswith(f"archiver {name}"), name
    assert set(commands.COMMANDS) > OFFLINE


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
