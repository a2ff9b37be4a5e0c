"""`archiver demo`: the bundled network, served on loopback and crawled into an archive of its own."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archiver.commands import complain
from archiver.commands.publish import print_counts
from archiver.crawls import crawl_site
from archiver.demo.server import DEMO_PORTS, DemoNetwork, RunningSite
from archiver.outcome import Exit, worst_exit
from archiver.store.archive import Archive

STOPPING = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = (Exit.SIGINT, Exit.SIGTERM)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root",
        type=Path,
        default=Path("data/demo"),
        metavar="DIR",
        help="the archive's folder (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=DEMO_PORTS[0],
        metavar="N",
        help="port of the first site, the others take the next ones; part of a story's address (%(default)s)",
    )
    parser.add_argument("--serve", action="store_true", help="serve the sites until Ctrl-C and crawl nothing")


def run(options: argparse.Namespace) -> int:
    if options.serve:
        # Before the sites' threads start, so that none of them takes the signal that is waited for.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        with DemoNetwork(port=options.port) as network:
            if options.serve:
                return _serve(network.sites)
            return _crawl(network.sites, options.root, options.port)
    except OSError as error:
        last = options.port + len(DEMO_PORTS) - 1
        complain(
            f"cannot serve on ports {options.port} to {last}: {error.strerror}. Is another demo running? Try --port"
        )
        return Exit.USAGE


def _serve(sites: Sequence[RunningSite]) -> int:
    for site in sites:
        print(f"{site.name:<20} {site.base_url}/", flush=True)
    print("Ctrl-C stops them.", flush=True)
    signal.sigwait(STOPPING)
    return Exit.DONE


def _crawl(sites: Sequence[RunningSite], root: Path, port: int) -> int:
    archive = Archive(root)
    before = set(archive.runs_dir.glob("*.json"))
    started = time.monotonic()
    print(
        f"Crawling {len(sites)} bundled sites into {root}, with no delay between requests: they are served on loopback."
    )
    passed = ["-L", "WARNING", "-s", f"ARCHIVER_ROOT={root}"]
    environment = {"ARCHIVER_DEMO_PORT": str(port), "SCRAPY_SETTINGS_MODULE": "archiver.settings"}
    codes: list[int] = []
    for site in sites:
        print(f"  {site.name} at {site.base_url}/", flush=True)
        codes.append(crawl_site(site.name, passed, environment))
        if codes[-1] in INTERRUPTED:
            break
    seconds = time.monotonic() - started
    records = [json.loads(path.read_bytes()) for path in sorted(set(archive.runs_dir.glob("*.json")) - before)]
    _report(records, archive, seconds)
    return worst_exit(codes)


def _report(records: Sequence[dict[str, Any]], archive: Archive, seconds: float) -> None:
    print()
    print_counts([row for record in records for row in record["counts"]], ("new", "changed", "same", "failed"))
    if records and not any(record["counts"] for record in records):
        print("Nothing is new: the archive has every story of these sites as it is.")
    written = {path for record in records for path in record["files_written"]}
    print(
        f"\n{len(written)} files written, {sum(record['pages'] for record in records)} pages fetched, {seconds:.0f} s\n"
    )
    stories = archive.stories_dir
    if not stories.exists():  # nothing could be archived, and the log says why
        return
    for script in (
        f"import pandas; print(pandas.read_parquet('{stories}')[['site', 'title', 'source_name']])",
        f"import duckdb; print(duckdb.read_parquet('{stories}/*/*/*.parquet', hive_partitioning=True).value_counts('section'))",
    ):
        print(f'{_tool("python")} -c "{script}"')
    print(
        f"{_tool('archiver')} demo --serve & sleep 3; {_tool('scrapy')} crawl ledgerleaf -a section=policy "
        f"-a since=2026-07-01 -s ARCHIVER_ROOT={archive.root}; kill $!"
    )


def _tool(name: str) -> str:
    """How to call a program of this environment from here."""
    path = Path(sys.executable).parent / name
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
