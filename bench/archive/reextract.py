"""How many stored pages `archiver reextract --check` reads a second, with one process and with two.

python -m bench.archive.reextract --stories 1000
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from concurrent.futures import Executor
from pathlib import Path

from archiver.commands.reextract import make_executor
from archiver.demo.server import DemoNetwork
from archiver.reextract import check_rows, reextract
from archiver.store.archive import Archive
from bench.archive.recrawl import crawl, project
from bench.network import scale_events


def measure(root: Path, jobs: int) -> tuple[float, float, int]:
    """Return seconds, CPU seconds of the tasks and rows found the same, without the start of the processes."""
    archive = Archive(root)
    idle = _cpu()
    with make_executor(jobs) as executor:
        _warm_up(executor, archive, jobs)
    before = _cpu()
    with make_executor(jobs) as executor:
        _warm_up(executor, archive, jobs)
        start = time.perf_counter()
        found = list(reextract(archive, executor, {"site": None}, at_once=2 * jobs))
        spent = time.perf_counter() - start
    cpu = _cpu() - before - (before - idle)
    if differing := sum(len(each.changes) + len(each.left) for each in found):
        sys.exit(f"{differing} rows differ")
    return spent, cpu, sum(each.same for each in found)


def _warm_up(executor: Executor, archive: Archive, jobs: int) -> None:
    for task in [executor.submit(check_rows, archive, (), []) for _ in range(4 * jobs)]:
        task.result()


def _cpu() -> float:
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--stories", type=int, default=1000, help="stories of the site (default: %(default)s)")
    ask.add_argument("--site", default="ledgerleaf")
    ask.add_argument("--jobs", type=int, nargs="*", default=[1, 2])
    args = ask.parse_args()
    with DemoNetwork(events=scale_events(args.stories)) as network, project(network[args.site]) as folder:
        crawl(folder)
        print("| processes | rows the same | seconds | pages/s | CPU ms a page |")
        print("|---:|---:|---:|---:|---:|")
        for jobs in args.jobs:
            spent, cpu, rows = min(measure(folder / "data", jobs) for _ in range(3))
            print(f"| {jobs} | {rows} | {spent:.2f} | {rows / spent:.0f} | {1000 * cpu / rows:.1f} |", flush=True)


if __name__ == "__main__":
    main()
