"""`archiver crawl`: each site in a process of its own, one after another; the gravest exit code counts."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from scrapy.spiderloader import get_spider_loader
from scrapy.utils.project import get_project_settings, inside_project

from archiver.arguments import describe_unknown
from archiver.commands import complain
from archiver.outcome import Exit, worst_exit
from archiver.spider import StorySpider

INTERRUPTED = (Exit.SIGINT, Exit.SIGTERM)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="sites, as `scrapy list` names them")
    parser.add_argument("--all", action="store_true", help="every site, but for those of the bundled network")
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
    loader = get_spider_loader(get_project_settings())
    known = loader.list()
    names = sorted(name for name in known if _is_scheduled(loader.load(name))) if options.all else options.names
    if options.all == bool(options.names):
        complain("name one site or more, or say --all")
        return Exit.USAGE
    for name in names:
        if name not in known:
            complain(describe_unknown("spider", name, known))
            return Exit.USAGE
    passed = [*_repeat("-a", options.arguments), *_repeat("-s", options.settings)]
    codes: list[int] = []
    for name in names:
        codes.append(crawl_site(name, passed))
        if codes[-1] in INTERRUPTED:
            break
    return worst_exit(codes)


def enter_project() -> None:
    """Outside a Scrapy project, take the archiver's own settings."""
    if not inside_project():
        os.environ["SCRAPY_SETTINGS_MODULE"] = "archiver.settings"


def crawl_site(name: str, passed: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> int:
    """Run `scrapy crawl` for one site and return its exit code; an interruption reaches it once."""
    # Scrapy takes a second signal for an order to stop at once. In a session of its own the child gets no Ctrl-C
    # from the terminal besides the one that is passed on.
    command = [sys.executable, "-m", "scrapy", "crawl", name, *passed]
    child = subprocess.Popen(command, env={**os.environ, **(environment or {})}, start_new_session=True)  # noqa: S603
    with _pass_signals_to(child):
        child.wait()
    return worst_exit([child.returncode])


@contextmanager
def _pass_signals_to(child: subprocess.Popen[bytes]) -> Iterator[None]:
    def pass_on(number: int, frame: FrameType | None) -> None:
        child.send_signal(number)

    previous = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _is_scheduled(spider: type) -> bool:
    return issubclass(spider, StorySpider) and spider.is_scheduled


def _repeat(option: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (option, value)]
