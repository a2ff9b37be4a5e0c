"""`scrapy crawl` with exit codes that tell the truth; Scrapy's own ends with 0 whatever happens."""

from __future__ import annotations

import argparse
import gc
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy.commands import crawl
from scrapy.exceptions import UsageError

import archiver.settings
from archiver.arguments import ArgumentError, describe_unknown, find_misspelt_settings, parse_arguments
from archiver.logs import quieten_start, take_over_log
from archiver.network.addresses import parse_allowed
from archiver.outcome import Exit
from archiver.pipelines import describe_storage_error
from archiver.settings import find_root
from archiver.spider import StorySpider
from archiver.store.archive import Archive, StorageError

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

KNOWN_SETTINGS = tuple(name for name in vars(archiver.settings) if name.startswith("ARCHIVER_"))


logger = logging.getLogger(__name__)


class Command(crawl.Command):
    json_log: logging.Handler | None = None

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--log-json", action="store_true", help="write the log as JSON, one object a line")

    def long_desc(self) -> str:
        return (
            "Crawl one site into the archive. Example: scrapy crawl novitechfinance_com -a section=policy -a limit=10. "
            "Exit codes: 0 done, 2 bad argument or configuration, 3 nothing could be fetched, 4 incomplete, "
            "5 alarm, 6 another crawl works on the site, "
            "7 storage failed, 130 or 143 interrupted."
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        if opts.log_json and self.settings is not None:
            self.settings.set("ARCHIVER_LOG_JSON", "1", priority="cmdline")
        names = [each.partition("=")[0] for each in opts.set]
        for name in find_misspelt_settings(names, KNOWN_SETTINGS):
            raise UsageError(describe_unknown("setting", name, KNOWN_SETTINGS), print_help=False)
        for uri in opts.output or ():
            if Path(uri).suffix == ".parquet" or uri.endswith(":parquet"):
                raise UsageError(f"{uri}: a Parquet file cannot be added to, use -O to write it anew", print_help=False)

        if self.settings is not None and self.settings.getbool("ARCHIVER_LOG_JSON"):
            self.json_log = take_over_log(self.settings)
        if self.settings is not None and self.settings["LOG_LEVEL"] != "DEBUG":
            quieten_start()

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if self.json_log is not None:
            logging.root.addHandler(self.json_log)
        if len(args) == 1 and not self._is_ready(args[0], opts.spargs):
            self.exitcode = Exit.STORAGE
            return
        super().run(args, opts)
        self._set_exit_code()
        # Python looks through all that is alive once more at its end, which takes it along anyhow: 0.25 s of CPU after 1,000
        # stories, a fortieth of such a crawl. All files are closed by now.
        gc.freeze()

    def _is_ready(self, name: str, given: dict[str, str]) -> bool:
        """Check everything that can be checked before the first request."""
        process: Any = self.crawler_process
        if name not in (names := process.spider_loader.list()):
            raise UsageError(describe_unknown("spider", name, names), print_help=False)
        spider = process.spider_loader.load(name)
        if process.settings["JOBDIR"]:
            raise UsageError(
                "JOBDIR is not used: an interrupted crawl is taken up from the site's ledger, and a job's files are "
                "pickles, which run what whoever wrote them put in",
                print_help=False,
            )
        try:
            parse_allowed(process.settings.getlist("ARCHIVER_ALLOW_HOSTS"))
        except ValueError as error:
            raise UsageError(str(error), print_help=False) from error
        if not issubclass(spider, StorySpider):
            return True
        try:
            parse_arguments(given, spider.accepts)
            Archive(find_root(process.settings)).check_writable()
        except ArgumentError as error:
            raise UsageError(str(error), print_help=False) from error
        except StorageError as error:
            logger.error("%s", describe_storage_error(error))
            return False
        return True

    def _create_crawler(self, spidercls: Any) -> Crawler:
        self.crawler = super()._create_crawler(spidercls)
        return self.crawler

    def _set_exit_code(self) -> None:
        spider = self.crawler.spider
        if self.exitcode:  # Scrapy could not even start the crawl: a setting names what does not exist
            self.exitcode = Exit.USAGE
        elif isinstance(spider, StorySpider):
            self.exitcode = spider.outcome.exit_code()
        elif self.crawler.stats.get_value("log_count/ERROR"):
            self.exitcode = Exit.INCOMPLETE
