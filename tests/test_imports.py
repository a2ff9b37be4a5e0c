"""The house's one-way streets: which module may import what."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "archiver"
PURE = [
    "alarms",
    "arguments.py",
    "outcome.py",
    "status.py",
    "chain.py",
    "likeness.py",
    "reading.py",
    "schedule.py",
    "pages.py",
    "items.py",
    "schema.py",
    "views.py",
    "normalize.py",
    "urls.py",
    "text.py",
    "extract",
    "discover",
    "lineage",
    "store/exchange.py",
]
IMPURE = {
    "scrapy",
    "twisted",
    "os",
    "pathlib",
    "io",
    "time",
    "socket",
    "subprocess",
    "sqlite3",
    "tempfile",
    "shutil",
    "random",
}
MAY_IMPORT = {
    "items": set(),
    "text": set(),
    "urls": set(),
    "schema": {"items"},
    "views": {"schema"},
    "normalize": {"extract", "items", "text", "urls"},
    "extract": {"extract", "items", "text", "urls"},
    "discover": {"discover", "extract", "items", "normalize", "text", "urls"},
    "lineage": {"lineage", "discover", "items", "text", "urls"},
    "schedule": set(),
    "likeness": {"text"},
    "alarms": {"alarms", "items"},
    "store": {
        "store",
        "alarms",
        "schema",
        "items",
        "likeness",
        "lineage",
        "normalize",
        "schedule",
        "text",
        "urls",
        "views",
    },
    "middlewares": {"store"},
}


def modules(name: str) -> Iterator[Path]:
    path = ROOT / name
    return iter([path]) if path.suffix == ".py" else path.rglob("*.py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_touch_neither_scrapy_nor_the_system(name: str) -> None:
    for path in modules(name):
        assert not {module.split(".")[0] for module in imported(path)} & IMPURE, path


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_imports_point_one_way(name: str) -> None:
    for path in modules(name if (ROOT / name).is_dir() else f"{name}.py"):
        ours = {module.split(".")[1] for module in imported(path) if module.startswith("archiver.")}
        assert ours <= MAY_IMPORT[name], path


def test_nothing_in_the_package_imports_the_spiders() -> None:
    for path in ROOT.rglob("*.py"):
        assert not any(module.split(".")[0] in ("spiders", "archiver_spiders") for module in imported(path)), path
