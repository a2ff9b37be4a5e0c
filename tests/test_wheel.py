"""The package as a user installs it: a wheel, outside the clone, with a Scrapy project of the user's own beside it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from archiver.demo.server import DemoNetwork

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that holds the wheel, and the clone's dependencies but not the clone."""
    folder = tmp_path_factory.mktemp("wheel")
    built = run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
        "--wheel-dir", str(folder), str(ROOT),
        folder=folder,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    home = folder / "venv"
    assert run(sys.executable, "-m", "venv", str(home), folder=folder).returncode == 0
    site_packages = next(home.glob("lib/python*/site-packages"))
    python = home / "bin" / "python"
    installed = run(
        str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel), folder=folder
    )
    assert installed.returncode == 0, installed.stderr
    # The clone's dependencies, after the wheel and without the clone's own finder: `.pth` files do not nest.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def test_the_commands_find_their_spiders_outside_the_clone(scripts: Path, tmp_path: Path) -> None:
    where = run(str(scripts / "python"), "-c", "import archiver; print(archiver.__file__)", folder=tmp_path)
    assert "venv" in where.stdout, "the clone was imported, not the wheel"
    told = run(str(scripts / "archiver"), "crawl", "nosuch", folder=tmp_path)
    assert told.returncode == 2
    assert "novitechfinance_com" in run(str(scripts / "archiver"), "crawl", "novitechfinance", folder=tmp_path).stderr
    demo = run(
        str(scripts / "archiver"), "demo", "--port", "18101", "--root", str(tmp_path / "archive"), folder=tmp_path
    )
    assert demo.returncode == 0, demo.stderr
    assert list((tmp_path / "archive" / "stories").rglob("*.parquet"))
    reported = run(str(scripts / "archiver"), "report", "--root", str(tmp_path / "archive"), folder=tmp_path)
    assert reported.returncode == 0, reported.stderr
    assert "Ledger" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_scrapy_project_of_ones_own_adds_sites(scripts: Path, tmp_path: Path) -> None:
    started = run(str(scripts / "python"), "-m", "scrapy", "startproject", "my_project", ".", folder=tmp_path)
    assert started.returncode == 0, started.stderr
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in readme.split("```python\n")[1:]]
    (tmp_path / "my_project" / "settings.py").write_text(next(block for block in blocks if "SPIDER_MODULES" in block))
    with DemoNetwork() as network:
        site = network.sites[0]
        spider = next(block for block in blocks if "class ExampleComSpider" in block)
        (tmp_path / "my_project" / "spiders" / "mine.py").write_text(
            spider.replace("https://example.com/", site.base_url)
        )
        listed = run(str(scripts / "python"), "-m", "scrapy", "list", folder=tmp_path)
        assert {"example_com", "url", "ledgerleaf"} <= set(listed.stdout.split()), listed.stderr
        crawled = run(
            str(scripts / "python"), "-m", "scrapy", "crawl", "example_com",
            "-a", "limit=3", "-a", "section=policy", "-s", "DOWNLOAD_DELAY=0", "-s", "ARCHIVER_ALLOW_HOSTS=127.0.0.1",
            folder=tmp_path,
        )  # fmt: skip
    assert crawled.returncode == 0, crawled.stderr
    assert list((tmp_path / "data" / "stories").rglob("*.parquet"))
