"""`archiver crawl`: sites side by side, each in a process of its own; the gravest exit code counts."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from scrapy.spiderloader import get_spider_loader
from scrapy.utils.project import get_project_settings, inside_project

from archiver.arguments import describe_unknown
from archiver.commands import complain
from archiver.crawls import Crawls, crawl_site, crawl_sites, default_jobs
from archiver.outcome import Exit, worst_exit
from archiver.settings import find_root
from archiver.spider import StorySpider
from archiver.store.archive import Archive
from archiver.store.runs import list_runs, read_run

if TYPE_CHECKING:
    from scrapy.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="sites, as `scrapy list` names them")
    parser.add_argument("--all", action="store_true", help="every site, but for those of the bundled network")
    parser.add_argument(
        "--jobs", type=int, default=default_jobs(), metavar="N", help="sites at a time, at most (default: %(default)s)"
    )
    parser.add_argument("--log-json", action="store_true", help="write the log as JSON, one object a line")
    parser.add_argument(
        "-a", dest="arguments", action="append", default=[], metavar="NAME=VALUE",
        help="section=policy,markets · since=2026-06-01 · limit=10 · full=1 · max_pages=3",
    )  # fmt: skip
    parser.add_argument(
        "-s",
        dest="settings",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting, as for `scrapy crawl`",
    )


def run(options: argparse.Namespace) -> int:
    enter_project()
    settings = get_project_settings()
    loader = get_spider_loader(settings)
    known = loader.list()
    names = sorted(find_scheduled(settings)) if options.all else list(dict.fromkeys(options.names))
    if options.all == bool(options.names):
        complain("name one site or more, or say --all")
        return Exit.USAGE
    if options.jobs < 1:
        complain(f"--jobs {options.jobs}: at least one site at a time")
        return Exit.USAGE
    for name in names:
        if name not in known:
            complain(describe_unknown("spider", name, known))
            return Exit.USAGE
    if not names:
        complain("--all: the project has no site that is scheduled")
        return Exit.USAGE
    passed = [*_repeat("-a", options.arguments), *_repeat("-s", options.settings)]
    passed += ["--log-json"] if options.log_json else []
    if len(names) == 1:
        return crawl_site(names[0], passed)
    settings.setdict(dict(each.split("=", 1) for each in options.settings if "=" in each), priority="cmdline")
    is_json = options.log_json or settings.getbool("ARCHIVER_LOG_JSON")
    archive = Archive(find_root(settings))
    before = set(list_runs(archive))
    crawls = Crawls(passed, write=_keep_lines if is_json else _prefix_lines(names))
    codes = crawl_sites(names, crawls, min(options.jobs, len(names)))
    if not is_json:
        records = {
            name: read_run(archive, run) for name in names for run in list_runs(archive, name) if run not in before
        }
        _tell(codes, records)
    return worst_exit(codes.values())


def enter_project() -> None:
    """Outside a Scrapy project, take the archiver's own settings."""
    if not inside_project():
        os.environ["SCRAPY_SETTINGS_MODULE"] = "archiver.settings"


def find_scheduled(settings: Settings) -> dict[str, type[StorySpider]]:
    """Return the sites that `--all` crawls, by name."""
    loader = get_spider_loader(settings)
    spiders = {name: loader.load(name) for name in loader.list()}
    return {name: each for name, each in spiders.items() if issubclass(each, StorySpider) and each.is_scheduled}


def _prefix_lines(names: Sequence[str]) -> Callable[[str, str], None]:
    """Return what writes each line with its site before it, in a column."""
    width = max(map(len, names))
    return lambda name, line: _write_line(f"{name:<{width}} | {line}")


def _keep_lines(name: str, line: str) -> None:
    """Write a line as it is: one that is JSON names its site."""
    _write_line(line)


def _write_line(line: str) -> None:
    """Write a line by one call: `print` writes its end by a second one, and another site's line may come between."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _tell(codes: Mapping[str, int], records: Mapping[str, dict[str, Any] | None]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("site")
    for column in ("exit", "new", "changed", "same", "failed", "alarms", "held", "seconds"):
        table.add_column(column, justify="right")
    for name, code in codes.items():
        record = records.get(name) or {}
        counts = [sum(row[what] for row in record.get("counts", ())) for what in ("new", "changed", "same", "failed")]
        held = record.get("archived", 0) if record.get("held") else 0
        numbers = [*counts, len(record.get("alarms", ())), held, _seconds(record)]
        table.add_row(name, str(code), *(str(number or "·") for number in numbers))
    Console(soft_wrap=True, width=200).print(table)  # a name cut short is no name


def _seconds(record: Mapping[str, Any]) -> int:
    times = [record.get("started_at"), record.get("finished_at")]
    if not all(times):
        return 0
    start, end = (datetime.fromisoformat(str(each)) for each in times)
    return round((end - start).total_seconds())


def _repeat(option: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (option, value)]
