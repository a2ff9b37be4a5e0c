"""What a re-crawl costs beside the first crawl: CPU and bytes, by sitemap and by listings, where 3 % of the stories changed.

    python -m bench.archive.recrawl --stories 2000

CPU is that of the crawling process, less that of a start of Python with the same imports; bytes are those of the answers.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pyarrow.dataset as ds

from archiver.demo.server import DemoNetwork, RunningSite
from bench.network import make_project, plain_environment, scale_events


@dataclass(frozen=True)
class Cost:
    cpu: float
    bytes: int
    requests: int
    files: int
    archived: int


def crawl(folder: Path, *words: str) -> Cost:
    """Crawl once; return CPU seconds and what the run record says."""
    before = set(folder.glob("data/runs/*.json"))
    cpu = run_child(folder, [sys.executable, "-m", "scrapy", "crawl", "site", *words])
    (record,) = set(folder.glob("data/runs/*.json")) - before
    told = json.loads(record.read_text())
    if told["exit_code"]:
        sys.exit(f"the crawl ended with {told['exit_code']}: {told}")
    return Cost(cpu, told["bytes"], told["requests"], len(told["files_written"]), told["archived"])


def run_child(folder: Path, command: Sequence[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command,
        cwd=folder,
        check=False,
        env=plain_environment()
        | {"PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def start_up(folder: Path) -> float:
    """CPU of a start of Python that imports what a crawl imports."""
    code = "import scrapy.cmdline, archiver.pipelines, archiver.extensions, archiver.recall, archiver.middlewares"
    return min(run_child(folder, [sys.executable, "-c", code]) for _ in range(3))


@contextmanager
def project(site: RunningSite) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_project(folder, {"site": site.base_url + "/"})
        yield folder


def measure(stories: int, name: str, share: float, *, sitemap: bool) -> None:
    events = scale_events(stories)
    with DemoNetwork(events=events) as network:
        site = network[name]
        if not sitemap:
            site.fail("/robots.txt", 404)
        with project(site) as folder:
            start = start_up(folder)
            first = crawl(folder)
            known = len(site.stories)
            changed = {placed.story.event_id for placed in Random(1).sample(site.stories, round(share * known))}
            words = () if sitemap else ("-a", "full=1")
            nothing = crawl(folder)
            network.change(changed)
            again = crawl(folder, *words)
            rows = ds.dataset(folder / "data/stories", partitioning="hive").to_table(columns=["revision"])
            found = sum(revision.as_py() == 2 for revision in rows["revision"])
    how = "sitemap" if sitemap else "listings and conditional GET"
    cpu = (again.cpu - start) / (first.cpu - start)
    idle = (nothing.cpu - start) / (first.cpu - start)
    print(
        f"| {name} | {how} | {known} | {first.cpu - start:.2f} s, {first.bytes} B | {100 * cpu:.1f} % | "
        f"{100 * again.bytes / first.bytes:.1f} % | {found} of {len(changed)} | "
        f"{nothing.requests} requests, {nothing.files} files, {100 * idle:.1f} % |",
        flush=True,
    )


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--stories", type=int, default=2000, help="stories of the site (default: %(default)s)")
    ask.add_argument("--site", default="tidewater_review")
    ask.add_argument("--changed", type=float, default=0.03, help="share of stories changed (default: %(default)s)")
    args = ask.parse_args()
    print("| site | re-crawl by | stories | first crawl | CPU | bytes | changes found | nothing changed |")
    print("|---|---|---:|---|---:|---:|---:|---|")
    for sitemap in (True, False):
        measure(args.stories, args.site, args.changed, sitemap=sitemap)


if __name__ == "__main__":
    main()
