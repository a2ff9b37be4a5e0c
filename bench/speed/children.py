"""Commands run as children, and what each cost: wall and CPU seconds, with its own children's."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.network import plain_environment


@dataclass(frozen=True)
class Cost:
    seconds: float
    cpu: float
    told: str = field(default="", repr=False)
    """What it printed."""


def run(
    command: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    allowed: Collection[int] = (0,),
) -> Cost:
    """Run a command to its end. SystemExit where it fails: a bench of a failure tells nothing."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=folder,
        env={**plain_environment(), **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    told = process.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode not in allowed:
        sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{told[-4000:]}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, told)


def alternate(runs: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, list[Cost]]:
    """Run each in turn, again and again, so that a slow minute of the machine falls on all of them."""
    costs: dict[str, list[Cost]] = {name: [] for name in runs}
    for number in range(rounds):
        for name, each in runs.items():
            costs[name].append(each())
            print(f"  {number + 1}/{rounds} {name}: {costs[name][-1]}", file=sys.stderr, flush=True)
    return costs


def compare(one: Sequence[float], other: Sequence[float]) -> tuple[float, str]:
    """Return the median of the ratios of each round, and their range."""
    each = [a / b for a, b in zip(one, other, strict=True)]
    return statistics.median(each), f"{min(each):.2f} to {max(each):.2f} in {len(each)} rounds"
