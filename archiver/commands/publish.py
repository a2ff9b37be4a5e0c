"""`archiver publish`: what crawls left in the inbox → stories and revisions."""

from __future__ import annotations

import argparse
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from scrapy.utils.project import get_project_settings

from archiver.alarms.alarm import advise
from archiver.commands import complain
from archiver.commands.crawl import enter_project
from archiver.outcome import Exit
from archiver.reread import Rereader
from archiver.settings import find_root
from archiver.spider import load_selectors
from archiver.store.archive import Archive, StorageError
from archiver.store.held import NotHeldError, accept, renew
from archiver.store.publish import PublishError, PublishReport, publish
from archiver.store.runs import spider_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accept",
        nargs="+",
        default=[],
        metavar="RUN",
        help="publish what an alarm of these runs holds back: from now on it is as usual",
    )
    parser.add_argument(
        "--reextract",
        nargs="+",
        default=[],
        metavar="RUN",
        help="extract what is held back of these runs anew from the raw pages, by today's rules, and judge it again",
    )
    add_root(parser)


def add_root(parser: argparse.ArgumentParser) -> None:
    """The option that names the archive, for the commands that read or write it without a crawl."""
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="the archive's folder (default: ARCHIVER_ROOT, else data)"
    )


def open_archive(options: argparse.Namespace) -> Archive:
    """Return the archive that a command is about. Ends the command where there is none: a mistyped root is no empty one."""
    archive = Archive(options.root or find_root(get_project_settings()))
    if not archive.root.exists():
        complain(f"no archive at {archive.root}: a crawl makes one; --root or ARCHIVER_ROOT names another")
        raise SystemExit(Exit.USAGE)
    return archive


def run(options: argparse.Namespace) -> int:
    enter_project()
    archive = open_archive(options)
    rereader = Rereader(archive, lambda: load_selectors(get_project_settings()))
    try:
        now = datetime.now(UTC)
        for run in options.accept:
            accept(archive, run, now)
            print(f"{run}: accepted")
        for run in options.reextract:
            renewed, left = renew(archive, run, rereader.renew, now)
            print(
                f"{run}: {renewed} stories extracted anew"
                + (f", {left} could not be and stay as they are" * bool(left))
            )
        report = publish(archive, rereader)
    except NotHeldError as error:
        complain(error)
        return Exit.USAGE
    except PublishError as error:
        _tell(error.report)
        complain(f"{error}. What is not published stands in {archive.inbox_dir}")
        return Exit.STORAGE
    except StorageError as error:
        complain(error)
        return Exit.STORAGE
    _tell(report)
    if report.alarms:
        return Exit.ALARM
    return 1 if report.damaged or report.unreadable else Exit.DONE


def _tell(report: PublishReport) -> None:
    if report == PublishReport():
        print("The inbox is empty: nothing to publish.")
        return
    rows: dict[tuple[str, str], Counter[str]] = {}
    for (site, section, what), number in report.counts.items():
        rows.setdefault((site, section), Counter())[what] += number
    print_counts(
        [{"site": site, "section": section, **counts} for (site, section), counts in sorted(rows.items())],
        ("new", "changed", "same"),
    )
    for run, alarms in report.alarms.items():
        for alarm in alarms:
            complain(f"ALARM {alarm}. What to do: {advise(alarm, run, spider_of(run) or 'the site')}")
    if report.superseded:
        complain(f"{report.superseded} stories were seen with another text since: the older one is dropped")
    if report.removed:
        complain(f"{report.removed} in the inbox had been taken down since: dropped")
    for path in report.running:
        complain(f"{path} is still being written by a crawl: left for later")
    for path, why in (*report.damaged, *report.unreadable):
        complain(f"{path}: {why}")


def print_counts(rows: list[dict[str, object]], columns: tuple[str, ...]) -> None:
    """Print a table of numbers by site and section, with a line of totals."""
    table = Table(box=None, pad_edge=False, show_footer=True, header_style="bold", footer_style="bold")
    table.add_column("site", footer="all")
    table.add_column("section")
    for column in columns:
        total = sum(int(str(row.get(column, 0))) for row in rows)
        table.add_column(column, justify="right", footer=str(total))
    for row in rows:
        numbers = [str(row.get(column) or "·") for column in columns]
        table.add_row(str(row["site"]), str(row["section"]), *numbers)
    Console(soft_wrap=True).print(table)
