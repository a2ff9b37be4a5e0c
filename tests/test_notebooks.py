"""The notebooks: stripped of outputs in git, and executed on the sample without an error or a warning."""

from __future__ import annotations

import base64
import os
import struct
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def execute(path: Path) -> Any:
    """Run a notebook where it stands, in a kernel of its own that listens on a file, not on a port."""
    from nbclient import NotebookClient

    notebook = read(path)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
    ).execute()
    return notebook


def pictures(notebook: Any) -> list[bytes]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [base64.b64decode(output.data["image/png"]) for output in outputs if "image/png" in output.get("data", {})]


def test_there_is_one_for_each_question() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["1-quick-start", "2-who-had-it-first", "3-what-changed", "4-coverage"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_has_no_outputs_in_git(path: Path) -> None:
    for cell in read(path).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_on_the_sample(path: Path) -> None:
    notebook = execute(path)
    told = [output for cell in notebook.cells for output in cell.get("outputs", ()) if output.get("name") == "stderr"]
    assert told == []
    drawn = pictures(notebook)
    assert len(drawn) >= 2
    for number, picture in enumerate(drawn):
        width, height = struct.unpack(">II", picture[16:24])
        assert width > 500
        assert height > 150
        if folder := os.environ.get("ARCHIVER_PICTURES"):
            (Path(folder) / f"notebook-{path.stem}-{number}.png").write_bytes(picture)
