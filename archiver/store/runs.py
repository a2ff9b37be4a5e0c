"""Run records: what came of each crawl, read back newest first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from archiver.store.archive import Archive, storage_errors
from archiver.store.seal import seal_json

_RUN: Final = re.compile(r"\d{8}T\d{6}Z-(.+)-[0-9a-f]{4}")


def spider_of(run: str) -> str | None:
    """Return the spider whose run it was.

    >>> spider_of("20260629T101112Z-old_quarter_gazette-0f3a"), spider_of("run")
    ('old_quarter_gazette', None)
    """
    match = _RUN.fullmatch(run)
    return match[1] if match else None


def run_file(archive: Archive, run: str) -> Path:
    return archive.runs_dir / f"{run}.json"


def list_runs(archive: Archive, spider: str | None = None) -> list[str]:
    """Return the names of all runs, or of those of one spider, newest first."""
    with storage_errors(archive.runs_dir):
        names = [path.stem for path in archive.runs_dir.glob("*.json")]
    return sorted((name for name in names if (own := spider_of(name)) and spider in (None, own)), reverse=True)


def read_run(archive: Archive, run: str) -> dict[str, Any] | None:
    """Return the record of a run; None where there is none that can be read (`archiver verify` says why)."""
    try:
        with storage_errors(run_file(archive, run)):
            record = json.loads(run_file(archive, run).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def read_runs(archive: Archive, spider: str, *, before: str | None = None, most: int = 400) -> Iterator[dict[str, Any]]:
    """Go through the records of a spider's runs, newest first: those before a run, and no more than `most`."""
    names = [name for name in list_runs(archive, spider) if before is None or name < before]
    for name in names[:most]:
        if (record := read_run(archive, name)) is not None:
            yield record


def put_run(archive: Archive, record: Mapping[str, Any]) -> None:
    """Write the record of a run, in the place of what stands there."""
    content = seal_json(dict(record))
    archive.put_atomic(run_file(archive, str(record["run"])), lambda file: file.write(content))
