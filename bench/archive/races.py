"""What do readers get of a file that is replaced without pause: the one or the other edition, an error, or a mix of both?

    python bench/archive/races.py [--seconds 6]

One process replaces a Parquet file by a rename every half millisecond, in turn by five editions of which each row says
which it is of and how many rows that has; this one reads it by each way and counts.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import cycle
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from archiver.store.dataset import LiveTable, list_places

SCHEMA = pa.schema(
    [(name, pa.int64()) for name in ("edition", "rows")] + [("date", pa.date32()), ("section", pa.string())]
)
QUERY = "SELECT edition, rows FROM {}"
Rows = list[tuple[int, int]]


def make_edition(number: int) -> pa.Table:
    rows = 200 + 37 * number
    bodies = [f"{number} text {row} " * (20 + number) for row in range(rows)]
    return pa.table({"edition": [number] * rows, "rows": [rows] * rows, "body": bodies})


def replace_without_pause(folder: Path, place: Path, done: Event) -> None:
    for edition in cycle(sorted(folder.glob("edition-*.parquet"))):
        shutil.copy(edition, folder / "next")
        (folder / "next").replace(place)
        time.sleep(0.0005)
        if done.is_set():
            return


def to_rows(table: pa.Table) -> Rows:
    return list(zip(table["edition"].to_pylist(), table["rows"].to_pylist(), strict=True))


def judge(rows: Rows) -> str:
    return "whole" if len(set(rows)) == 1 and rows[0][1] == len(rows) else "MIX"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6, help="for each way (default: %(default)s)")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tree = folder / "stories"
        place = tree / "date=2026-06-29" / "section=policy" / "stories.parquet"
        place.parent.mkdir(parents=True)
        for number in range(5):
            pq.write_table(make_edition(number), folder / f"edition-{number}.parquet", compression="zstd")
        shutil.copy(folder / "edition-0.parquet", place)
        done = multiprocessing.Event()
        writer = multiprocessing.Process(target=replace_without_pause, args=(folder, place, done))
        writer.start()
        try:
            for way, read in make_ways(tree).items():
                print(f"{way}: {dict(count(read, seconds))}", flush=True)
        finally:
            done.set()
            writer.join()


def count(read: Callable[[], Rows], seconds: float) -> Counter[str]:
    seen: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            seen[judge(read())] += 1
        except (duckdb.Error, pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
            seen["error"] += 1
            del error
    return seen


def make_ways(tree: Path) -> dict[str, Callable[[], Rows]]:
    columns = ["edition", "rows"]
    kept = ds.dataset(tree, partitioning="hive")
    plain, over_kept, over_live = duckdb.connect(), duckdb.connect(), duckdb.connect()
    over_kept.from_arrow(kept).create_view("stories")
    over_live.from_arrow(LiveTable(SCHEMA, partial(list_places, tree))).create_view("stories")
    files = QUERY.format(f"read_parquet('{tree}/*/*/*.parquet')")
    return {
        "pandas": lambda: to_rows(pa.Table.from_pandas(pd.read_parquet(tree, columns=columns))),
        "polars": lambda: to_rows(pl.read_parquet(tree, columns=columns).to_arrow()),
        "pyarrow.dataset, made anew each time": lambda: to_rows(
            ds.dataset(tree, partitioning="hive").to_table(columns)
        ),
        "pyarrow.dataset, one for all": lambda: to_rows(kept.to_table(columns)),
        "DuckDB's own reader": lambda: plain.execute(files).fetchall(),
        "DuckDB over one pyarrow.dataset": lambda: over_kept.sql(QUERY.format("stories")).fetchall(),
        "DuckDB over LiveTable (archiver.connect)": lambda: over_live.sql(QUERY.format("stories")).fetchall(),
    }


if __name__ == "__main__":
    main()
