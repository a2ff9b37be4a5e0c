"""Is `archiver.load` as quick as plain readers on an archive of a year, and what do a query and the report take of it?

    python bench/archive/loading.py [--stories 1000000] [--dir DIR]

Builds `stories/` of 2,920 partitions, then takes turns: title and date of all stories against pyarrow.dataset, one day and
section against pandas on the file itself, each in one process. Prints medians of CPU time and of wall time and their ratios,
and CPU and peak memory of `archiver sql` and `archiver report` in processes of their own. Machines are shared: trust the ratios.
A million stories take 0.3 GB in DIR and some minutes to make; an archive that stands in DIR already is used again.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pandas as pd
import pyarrow.dataset as ds

import archiver
from archiver.schema import encode_parquet, stories_to_table
from archiver.store.archive import Archive

sys.path.insert(0, str(Path(__file__).parent))
import flat

PARTITIONS = 2_920
RUNS = 9


def build(archive: Archive, stories: int) -> None:
    """Write `stories/` alone: one partition's texts under ever new addresses."""
    places = list(islice(flat.list_partitions(), PARTITIONS))
    number = max(1, round(stories / PARTITIONS))
    words = random.Random(1)
    rows = stories_to_table([flat.make_story(str(each), places[0], words) for each in range(number)])
    for day, place in enumerate(places):
        path = archive.stories_file(place)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_parquet(flat._readdress(rows, flat._addresses(day)[:number])))


def compare(name: str, limit: float, **ways: Callable[[], object]) -> None:
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(RUNS + 1):
        for way, read in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            read()
            taken[way].append((time.perf_counter() - wall, time.process_time() - cpu))
    medians = {way: [statistics.median(each[1:]) for each in zip(*runs, strict=True)] for way, runs in taken.items()}
    ours, theirs = medians.values()
    for way, (wall, cpu) in medians.items():
        print(f"{name}: {way} {1000 * cpu:.1f} ms CPU, {1000 * wall:.1f} ms")
    print(
        f"{name}: ours / theirs {ours[1] / theirs[1]:.2f} CPU, {ours[0] / theirs[0]:.2f} wall (wanted: {limit} at most)\n"
    )


MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{used.ru_utime + used.ru_stime:.1f} s CPU, {used.ru_maxrss / 1024:.0f} MB, exit {code}")
"""
"""In a process of its own: a child's peak begins with what its parent holds."""


def run(root: Path, *words: str) -> None:
    command = [sys.executable, "-m", "archiver", *words, "--root", str(root)]
    told = subprocess.run([sys.executable, "-c", MEASURE, *command], capture_output=True, text=True, check=True)
    print(f"archiver {' '.join(words)[:60]}: {told.stdout.strip()}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, default=1_000_000)
    parser.add_argument("--dir", type=Path, help="where to build, and to leave it (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = options.dir or Path(temporary)
        archive = Archive(root)
        build(archive, options.stories)
        place = list(islice(flat.list_partitions(), PARTITIONS // 2))[-1]
        file = archive.stories_file(place)
        compare(
            "one day and section", 1.5,
            ours=lambda: archiver.load(root=root, since=place.date, until=place.date, section=place.section).to_pandas(),
            pandas=lambda: pd.read_parquet(file),
        )  # fmt: skip
        columns = ["title", "date"]
        compare(
            "title and date of all", 1.2,
            ours=lambda: archiver.load(root=root, columns=columns),
            pyarrow=lambda: ds.dataset(root / "stories", partitioning="hive").to_table(columns=columns),
        )  # fmt: skip
        run(root, "sql", "select site, count(*) as stories from stories group by site")
        run(root, "report", "-o", str(Path(temporary) / "report.html"))


if __name__ == "__main__":
    main()
