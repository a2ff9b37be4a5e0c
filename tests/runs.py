"""Run records, as crawls write them: shared by the tests of what reads them."""

from __future__ import annotations

from typing import Any


def make_run(run: str, spider: str, *, at: str, exit_code: int | None = 0, **columns: Any) -> dict[str, Any]:
    """A run record as a crawl writes it."""
    return {
        "run": run, "spider": spider, "started_at": f"{at}+00:00", "finished_at": f"{at}+00:00",
        "finish_reason": "finished", "exit_code": exit_code, "arguments": {"sections": ["policy"], "limit": 5}, "pages": 9,
        "listed": 8, "archived": 2, "unvisited": 0, "counts": [], "failures": {}, "failed_addresses": [], "skipped": {},
        "errors": [], "usage_error": None, "storage_error": None, "files_written": [], "recovered": [], "damaged": [],
        "requests": 9, "bytes": 2**40, "settings": {}, "versions": {"archiver": "0.1.0", "schema": 1},
    } | columns  # fmt: skip


def count(site: str, section: str, *numbers: int) -> dict[str, Any]:
    return {"site": site, "section": section} | dict(
        zip(("new", "changed", "same", "failed"), numbers, strict=True)
    )  # fmt: skip
