"""What a query and the report take of an archive of a year, each in a process of its own: CPU and peak memory.

    python -m bench.archive.loading [--stories 1000000] [--dir DIR]

Builds `stories/` of 2,920 partitions; `make bench PARTS=load` times `archiver.load` on the same.
A million stories take 0.3 GB in DIR and some minutes to make; an archive that stands in DIR already is used again.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

from archiver.schema import encode_parquet, stories_to_table
from archiver.store.archive import Archive
from bench.archive import flat

PARTITIONS = 2_920


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
        run(root, "sql", "select site, count(*) as stories from stories group by site")
        run(root, "report", "-o", str(Path(temporary) / "report.html"))


if __name__ == "__main__":
    main()
