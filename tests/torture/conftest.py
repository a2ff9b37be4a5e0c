"""A table of what was tortured: scenario × kind of fault → points, faults found, reads meanwhile."""

from __future__ import annotations

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for each in ("passed", "failed") for report in terminalreporter.stats.get(each, ())]
    told: dict[str, Counter[str]] = {}
    for report in reports:
        counted = dict(report.user_properties)
        if name := counted.pop("tortured", None):
            told.setdefault(name, Counter()).update(counted)
    if told:
        terminalreporter.section("tortured")
        terminalreporter.write_line(f"{'what':30}{'points':>8}{'faults':>8}{'reads':>8}{'DuckDB asked again':>20}")
    for name, counts in [*sorted(told.items()), ("all", sum(told.values(), Counter()))] if told else ():
        numbers = f"{counts['points']:8}{counts['faults']:8}{counts['reads']:8}{counts['again']:20}"
        terminalreporter.write_line(f"{name:30}{numbers}")
