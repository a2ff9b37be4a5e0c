"""`python -m tests.hostile.table [WORD…]`: crawl each hostile site (whose name holds a word) and print what came of it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.hostile.cases import CASES, Case
from tests.hostile.run import Result, crawl
from tests.hostile.server import Server

MAX_MB = 300


def run_case(case: Case, folder: Path) -> tuple[Result, list[str]]:
    """Crawl one hostile site; return what came of it and what is wrong with that."""
    with Server(address="127.0.0.1") as server, Server(address="127.0.0.2") as secret:
        secret.otherwise = lambda wire: wire.answer(b"<h1>The secret of the inside</h1>")
        server.paths = case.paths(server, secret)
        names = {"localhost": [["127.0.0.1"]], **case.names}
        allowed = [f"127.0.0.1:{server.port}", *(f"n{n}.test:{server.port}" for n in range(30))]
        result = crawl(
            folder,
            f"{server.base_url}/",
            allowed=allowed,
            names=names,
            settings=case.settings,
            arguments=case.arguments,
        )
        faults = [*find_faults(case, result)]
        if secret.asked:
            faults.append(f"{len(secret.asked)} requests reached a server that must not be reached")
        try:
            case.check(result, server)
        except AssertionError as error:
            faults.append(f"check: {error}")
    return result, faults


def find_faults(case: Case, result: Result) -> list[str]:
    faults = []
    if result.exit_code != case.exit_code:
        faults.append(f"exit code {result.exit_code}, not {case.exit_code}")
    if missing := case.archived - result.archived:
        faults.append(f"not archived: {sorted(missing)}")
    if case.archived == frozenset() and case.exit_code == 3 and result.archived:
        faults.append(f"archived all the same: {sorted(result.archived)}")
    if dict(case.refused) != result.refused and not case.failures:
        faults.append(f"refused {result.refused}, not {dict(case.refused)}")
    for reason, number in case.failures.items():
        if result.failures.get(reason, 0) < number:
            faults.append(f"failures {result.failures}, not {dict(case.failures)}")
    if result.peak_mb > MAX_MB:
        faults.append(f"{result.peak_mb:.0f} MB")
    return faults


def tell(result: Result) -> str:
    parts = [f"{len(result.archived)} archived"]
    parts += [f"refused: {number} {reason}" for reason, number in result.refused.items()]
    parts += [f"lost: {number} {reason}" for reason, number in result.failures.items() if reason not in result.refused]
    return ", ".join(parts)


def main(words: list[str]) -> int:
    cases = [case for case in CASES if not words or any(word in case.name for word in words)]
    print("| case | outcome | exit | peak MB | seconds |\n|---|---|---:|---:|---:|")
    failed = 0
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            result, faults = run_case(case, Path(folder))
        failed += bool(faults)
        name = case.name.replace("|", "\\|")
        wrong = f" **{'; '.join(faults)}**".replace("|", "\\|") if faults else ""
        line = f"| {name} | {tell(result)}{wrong} | {result.exit_code} | {result.peak_mb:.0f} | {result.seconds:.1f} |"
        print(line, flush=True)
        if faults:
            print(result.log[-1500:], file=sys.stderr)
    print(f"\n{len(cases) - failed} of {len(cases)} as designed", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
