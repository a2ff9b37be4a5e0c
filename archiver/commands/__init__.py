"""The `archiver` command.

crawl     crawl sites into the archive, one after another
demo      serve and crawl the bundled network of sites
extract   pages on disk → stories as JSON lines
lineage   the event that a story belongs to; any stories put into events
migrate   an archive of an older version → today's
publish   the inbox → stories and revisions
record    a page and its story as a test case
reextract raw pages → stories, by today's rules
remove    a story out of the archive, never to be fetched again
report    one page on what the archive holds and missed
show      one story of the archive
sql       a query of the archive
verify    every file of the archive against what the others say
overrides what replaces `scrapy`'s own commands

Each module has `add_arguments(parser)` and `run(options) -> exit code`, and is imported when it is asked for: the help
need not wait for Scrapy and pyarrow.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

COMMANDS = {
    "crawl": ("crawl sites into the archive", "archiver crawl novitechfinance_com retvolve_com -a section=policy"),
    "demo": ("crawl the bundled network of sites into data/demo", "archiver demo"),
    "extract": ("print the stories of HTML files as JSON lines", "archiver extract page.html >stories.jsonl"),
    "lineage": (
        "show who else tells the story, and who had it first",
        "archiver lineage https://novitechfinance.com/article/a-slug",
    ),
    "migrate": ("bring an archive of an older version up to date", "archiver migrate"),
    "publish": ("publish what crawls left in the inbox", "archiver publish"),
    "record": (
        "keep a page and its story as a test case",
        "archiver record https://novitechfinance.com/article/a-slug",
    ),
    "reextract": ("extract archived stories anew from their raw pages", "archiver reextract --check"),
    "remove": (
        "take stories out of the archive, for good",
        'archiver remove https://novitechfinance.com/article/a-slug --why "asked for by its author"',
    ),
    "report": ("write one page on what the archive holds and what was missed", "archiver report -o report.html"),
    "show": ("show one story of the archive", "archiver show https://novitechfinance.com/article/a-slug"),
    "sql": (
        "query the archive: a table on a terminal, CSV, JSON or Parquet in a pipe",
        'archiver sql "select site, count(*) as stories from stories group by site"',
    ),
    "verify": ("check every file of the archive", "archiver verify --repair"),
}
"""Name → what it does, and an example."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="archiver",
        description="Crawl, normalise and archive syndicated policy stories.",
        epilog=f"example: {COMMANDS['demo'][1]}",
    )
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    asked = next((each for each in given if not each.startswith("-")), None)
    for name, (purpose, example) in COMMANDS.items():
        command = commands.add_parser(
            name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.", epilog=f"example: {example}"
        )
        if name == asked:
            module = import_module(f"archiver.commands.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    options = parser.parse_args(given)
    try:
        return int(options.run(options))
    except BrokenPipeError:
        # Whoever read our output has seen enough (`archiver extract … | head`); a flush at exit would complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def complain(message: object) -> None:
    """Print a message for the person at the terminal."""
    print(f"archiver: {message}", file=sys.stderr)
