"""Reads an archive again and again with plain pandas and DuckDB, while it is written, and tells what they saw.

Orders on standard input: `watch FOLDER`, `stop`. Each `stop` is answered with one line of JSON: reads, and what was wrong.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.dataset

KEYS = ["story_id", "revision"]


def read_pandas(folder: Path) -> list[tuple[str, int, str]]:
    frame = pd.read_parquet(folder)
    return list(zip(frame["story_id"], frame["revision"], frame["body"], strict=True))


def read_duckdb(folder: Path) -> list[tuple[str, int, str]]:
    with duckdb.connect() as connection:
        query = "SELECT story_id, revision, body FROM read_parquet(?, hive_partitioning = true)"
        return connection.execute(query, [f"{folder}/**/*.parquet"]).fetchall()


def read_duckdb_by_pyarrow(folder: Path) -> list[tuple[str, int, str]]:
    """Never has to be asked again: each file is opened once."""
    rows = pyarrow.dataset.dataset(folder, partitioning="hive")
    if not rows.files:
        raise FileNotFoundError(folder)
    with duckdb.connect() as connection:
        connection.register("found", rows)
        return connection.execute("SELECT story_id, revision, body FROM found").fetchall()


def is_allowed(error: Exception, folder: Path) -> bool:
    """Before the first story is published there is no folder, or no file in it: that is all a reader may trip over."""
    return not was_filled.get(folder) and (
        "No files found" in str(error) or isinstance(error, FileNotFoundError | KeyError)
    )


def read_again(read: Callable[[Path], list], folder: Path, report: dict) -> list:
    """Read; with DuckDB's own reader up to three times more.

    DuckDB 2.0 opens a file once for its footer, when it binds the query, and once more for its rows; where it was replaced in
    between, the old footer's offsets do not fit ("Invalid data", "don't know what type", "bytes outside file"), and it is asked
    again. Where both editions are laid out alike it can mix them: bench/archive/races.py counts that. No setting changes
    it. pandas and pyarrow open a file once.
    """
    for _ in range(3 if read is read_duckdb else 0):
        try:
            return read(folder)
        except duckdb.Error:
            if not was_filled.get(folder):
                raise
            report["again"] += 1
            time.sleep(0.02)
    return read(folder)


was_filled: dict[Path, bool] = {}


def look(root: Path, report: dict) -> None:
    for table, read in (("stories", read_pandas), ("stories", read_duckdb), ("revisions", read_duckdb_by_pyarrow)):
        folder = root / table
        was_filled[folder] = was_filled.get(folder, False) or any(folder.rglob("*.parquet"))
        try:
            rows = read_again(read, folder, report)
        except Exception as error:  # noqa: BLE001 - whatever a reader may meet
            if not is_allowed(error, folder):
                report["faults"].append(f"{read.__name__} {table}: {type(error).__name__}: {error}")
            continue
        report["reads"] += 1
        seen = Counter(row[0] if table == "stories" else row[:2] for row in rows)
        if doubled := [key for key, count in seen.items() if count > 1]:
            report["faults"].append(f"{read.__name__} {table}: twice {doubled[:3]}")
        if not all(row[2] for row in rows):
            report["faults"].append(f"{read.__name__} {table}: a story without text")
        if len(rows) < report["rows"].get(table, 0):
            report["faults"].append(f"{read.__name__} {table}: {report['rows'][table]} rows became {len(rows)}")
        report["rows"][table] = len(rows)


def main() -> None:
    orders: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: [orders.put(line) for line in sys.stdin] + [orders.put("end")], daemon=True).start()
    root: Path | None = None
    report: dict = {}
    while True:
        try:
            order = orders.get(block=root is None, timeout=None)
        except queue.Empty:
            order = ""
        if order.startswith("watch "):
            was_filled.clear()
            root, report = Path(order[6:].strip()), {"reads": 0, "again": 0, "faults": [], "rows": {}}
        elif order.startswith("stop"):
            if root:
                look(root, report)
            print(json.dumps(report), flush=True)  # noqa: T201 - the answer
            root = None
        elif order == "end":
            return
        if root:
            look(root, report)
            time.sleep(0.2)


if __name__ == "__main__":
    main()
