"""Every figure of speed and memory, each as a ratio of two things run in turns; writes bench/RESULTS.md and the README's table.

    make bench                            all parts: 45 minutes of a quiet machine
    make bench PARTS="extraction start"   some of them; the others keep the figures of their last run
    make bench PARTS=crawl ARGS=--small   fewer stories and rounds, nothing written

Parts: see PARTS below. The peers run in environments of their own, which `make bench-peers` makes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.machine import name_processor
from bench.speed import figures
from bench.speed.figures import Figure, Scale

HERE = Path(__file__).parent
RESULTS, KEPT, README = HERE / "RESULTS.md", HERE / "results.json", HERE.parent / "README.md"
BLOCK = re.compile(r"(?<=<!-- speed -->\n).*?(?=<!-- /speed -->)", re.DOTALL)
PARTS = {
    "crawl": figures.crawl_against_bare,
    "peers": figures.crawl_against_peers,
    "extraction": figures.extraction_against_parse,
    "memory": figures.memory,
    "sites": figures.four_sites,
    "reextract": figures.reextraction,
    "size": figures.bytes_a_story,
    "load": figures.load,
    "start": figures.start_up,
}


@dataclass(frozen=True)
class Measured:
    """The figures of one part, and when and on what they were measured."""

    part: str
    at: str
    commit: str
    machine: str
    figures: list[Figure]


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    ask.add_argument("--small", action="store_true", help="a quick look: nothing is written")
    args = ask.parse_args()
    if unknown := [part for part in args.parts if part not in PARTS]:
        ask.error(f"no part {unknown[0]!r}; there are: {', '.join(PARTS)}")
    kept = {} if args.small else _read_kept()
    for part in args.parts or PARTS:
        print(f"{part} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix=f"bench-{part}-") as name:
            Path(name).chmod(0o755)  # nginx's worker is another user
            found = PARTS[part](Scale.small() if args.small else Scale(), Path(name))
        for figure in found:
            print(figure.line(), flush=True)
        kept[part] = Measured(part, datetime.now(UTC).date().isoformat(), _commit(), describe_machine(), found)
        if not args.small:
            _write(kept)


def _read_kept() -> dict[str, Measured]:
    if not KEPT.exists():
        return {}
    told = json.loads(KEPT.read_text())
    return {each["part"]: Measured(**{**each, "figures": [Figure(**f) for f in each["figures"]]}) for each in told}


def _write(kept: dict[str, Measured]) -> None:
    in_order = [kept[part] for part in PARTS if part in kept]
    KEPT.write_text(json.dumps([asdict(each) for each in in_order], indent=1) + "\n")
    RESULTS.write_text(format_results(in_order))
    README.write_text(BLOCK.sub(lambda _: format_summary(in_order), README.read_text()))


def format_summary(kept: list[Measured]) -> str:
    """Return the README's table."""
    lines = ["| work | against | measured | aim |", "|---|---|---:|---:|"]
    lines += [f"| {f.work} | {f.against} | {f.shown} | {f.asked} |" for each in kept for f in each.figures]
    return "\n".join(lines) + "\n"


def format_results(kept: list[Measured]) -> str:
    """Return RESULTS.md."""
    lines = [
        "# What it costs, side by side",
        "",
        "Written by `make bench`; do not edit. Each figure is the median of the ratios of two things run in turns, so that a",
        "slow minute of the machine falls on both. Machines are shared: trust the ratios. `make bench PARTS=NAME` repeats a",
        "part.",
        "",
        "| part | work | against | measured | asked | |",
        "|---|---|---|---:|---:|---|",
    ]
    for each in kept:
        lines += [
            f"| `{each.part}` | {f.work} | {f.against} | {f.shown} | {f.asked} | {'' if f.is_reached else 'not reached'} |"
            for f in each.figures
        ]
    lines += ["", "## In detail", ""]
    for each in kept:
        lines += [f"`{each.part}`, {each.at}, at {each.commit}, {each.machine}:", ""]
        lines += [f"- {f.work}, against {f.against}: {f.details}" for f in each.figures]
        lines.append("")
    names = ("scrapy", "parsel", "lxml", "pyarrow", "pandas")
    told = ", ".join(f"{name} {version(name)}" for name in names)
    lines.append(f"Versions: Python {platform.python_version()}, {told}; peers as in bench/speed/peers/*.lock.")
    return "\n".join(lines) + "\n"


def describe_machine() -> str:
    """Name processor, cores and memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{name_processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def _commit() -> str:
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or "an unknown commit"


if __name__ == "__main__":
    main()
