"""`archiver status`: each site's last success, what its last crawl brought, and what is wrong; exit 1 where one is late."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from scrapy.spiderloader import get_spider_loader
from scrapy.utils.project import get_project_settings

from archiver.alarms.alarm import Alarm, advise
from archiver.arguments import ArgumentError, describe_unknown, parse_duration
from archiver.commands import complain
from archiver.commands.crawl import enter_project, find_scheduled
from archiver.commands.publish import add_root, open_archive
from archiver.outcome import Exit
from archiver.status import SiteStatus, describe_site, format_metrics, is_success
from archiver.store.archive import Archive, StorageError
from archiver.store.held import held_file, held_runs
from archiver.store.ledgerfile import is_crawled, ledger_file
from archiver.store.runs import list_runs, read_run, read_runs, spider_of

RECORDS = 2_000
"""Run records of a site that are read, at most, to find its last success."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="sites (default: those scheduled, and those crawled)")
    parser.add_argument(
        "--max-age",
        default="26h",
        metavar="TIME",
        help="how old the last success may be: 26h, 90m, 2d (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument(
        "--prometheus", type=Path, metavar="FILE", help="also write metrics for node_exporter's textfile collector"
    )
    add_root(parser)


def run(options: argparse.Namespace) -> int:
    enter_project()
    try:
        max_age = parse_duration(options.max_age)
    except ArgumentError as error:
        complain(f"--max-age {error}")
        return Exit.USAGE
    archive = open_archive(options)
    settings = get_project_settings()
    scheduled = set(find_scheduled(settings))
    crawled = {spider for name in list_runs(archive) if (spider := spider_of(name))}
    project = set(get_spider_loader(settings).list())
    known = {*project, *crawled}
    for name in options.names:
        if name not in known:
            complain(describe_unknown("spider", name, known))
            return Exit.USAGE
    # An archive into which none of them was ever crawled, the demo's say, is not theirs.
    chosen = options.names or {*crawled, *(scheduled if crawled & scheduled else ())} - {"url"} or scheduled
    now = datetime.now(UTC)
    try:
        sites = [_describe(archive, name, now, max_age, is_in_project=name in project) for name in sorted(chosen)]
        if options.prometheus:
            _put_metrics(options.prometheus, format_metrics(sites))
    except OSError as error:
        complain(error)
        return Exit.STORAGE
    if options.json:
        print(json.dumps({"at": now.isoformat(), "sites": [site.to_json() for site in sites]}, ensure_ascii=False))
    else:
        _tell(sites, max_age)
    return 1 if any(site.is_late for site in sites) else Exit.DONE


def _describe(archive: Archive, spider: str, now: datetime, max_age: timedelta, *, is_in_project: bool) -> SiteStatus:
    records: list[dict[str, Any]] = []
    for record in read_runs(archive, spider, most=RECORDS):
        records.append(record)
        if is_success(record):
            break
    site = records[0].get("site") if records else None
    held = {run: _count_lines(held_file(archive, run)) for run in held_runs(archive) if spider_of(run) == spider}
    read = {record.get("run") for record in records}
    older = (read_run(archive, run) for run in sorted(held, reverse=True) if run not in read)
    records += [each for each in older if each is not None]
    return describe_site(
        spider,
        records,
        held=held,
        now=now,
        max_age=max_age,
        is_running=bool(site) and is_crawled(ledger_file(archive, str(site))),
        is_in_project=is_in_project,
    )


def _count_lines(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except FileNotFoundError:  # just accepted
        return 0
    except OSError as error:
        raise StorageError(error.errno, error.strerror, str(path)) from error


def _put_metrics(path: Path, text: str) -> None:
    """Put the file in place whole: its reader may come at any time, and takes only what ends in .prom."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _tell(sites: Sequence[SiteStatus], max_age: timedelta) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("site")
    table.add_column("last success")
    for column in ("age", "exit", "new", "changed", "failed", "alarms", "held"):
        table.add_column(column, justify="right")
    table.add_column("")
    for site in sites:
        held = sum((site.held or {}).values())
        numbers = (site.new, site.changed, site.failed, len(site.alarms), held)
        note = ["late"] * site.is_late + [site.state] * (site.state != "ended")
        success = "never" if site.last_success is None else f"{site.last_success[:16]}Z"
        code = "·" if site.exit_code is None else str(site.exit_code)
        age = _format_age(site.age_seconds)
        table.add_row(site.spider, success, age, code, *(str(each or "·") for each in numbers), ", ".join(note))
    Console(soft_wrap=True, width=200).print(table)  # a name cut short is no name
    for site in sites:
        for line in _advise(site, max_age):
            complain(line)


def _advise(site: SiteStatus, max_age: timedelta) -> list[str]:
    lines = []
    if site.is_late:
        record = f"look at runs/{site.last_run}.json and" if site.last_run else "it was never crawled to its end:"
        limit = _format_age(max_age.total_seconds())
        lines.append(
            f"LATE {site.spider}: no success within {limit}. What to do: {record} run: archiver crawl {site.spider}"
        )
    if site.state == "killed":
        lines.append(
            f"KILLED {site.spider}: its newest crawl never ended. Nothing is lost. What to do: archiver crawl {site.spider}"
        )
    for told in site.alarms:
        kept = {name: value for name, value in told.items() if name in Alarm.__slots__}
        alarm = Alarm(**kept | {"urls": tuple(kept.get("urls") or ())})
        lines.append(f"ALARM {alarm}. What to do: {advise(alarm, str(told['run']), site.spider)}")
    return lines


def _format_age(seconds: float | None) -> str:
    """Return a length of time in its largest unit.

    >>> _format_age(93_600), _format_age(600_000), _format_age(59), _format_age(None)
    ('26 h', '6.9 d', '1 min', '·')
    """
    if seconds is None:
        return "·"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} d"
