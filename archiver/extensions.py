"""What watches a crawl: the recorder of its outcome, and the line on the terminal."""

from __future__ import annotations

import logging
import platform
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Any

import pyarrow
import scrapy
from rich.console import Console
from rich.progress import Progress as ProgressLine
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from scrapy import Spider, signals
from scrapy.exceptions import NotConfigured
from scrapy.settings import SETTINGS_PRIORITIES
from scrapy.utils.log import get_scrapy_root_handler
from twisted.internet.defer import Deferred

import archiver
from archiver.alarms.alarm import advise
from archiver.alarms.run import judge_run
from archiver.extract import EXTRACTOR
from archiver.logs import name_run, quieten_robots
from archiver.network.handler import pace_of
from archiver.outcome import Exit, Outcome
from archiver.pipelines import LeftOut, Lost, describe_storage_error
from archiver.schema import SCHEMA_VERSION
from archiver.settings import find_root
from archiver.spider import StorySpider
from archiver.store.archive import Archive, StorageError
from archiver.store.runs import put_run, read_run, read_runs
from archiver.urls import TRACKING_VERSION, site_of

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger(__name__)

RECORDED_ERRORS = 20
"""Messages of logged errors that a run record quotes, at most."""

GRACE = 4
"""Seconds that requests under way still have when a crawl is interrupted."""

FEED_LOGGERS = ("archiver.exporters", "scrapy.extensions.feedexport", "scrapy.utils.signal")
"""Where a feed that cannot be written shows: in its exporter, when it is stored, and in the signal that brings it a story.
None of them has to do with the network, whose errors are OSErrors too."""


class RunRecorder:
    """Tells the spider's Outcome what becomes of its stories, and writes `runs/<run>.json` when the crawl has ended."""

    def __init__(self, crawler: Crawler) -> None:
        if not isinstance(crawler.spider, StorySpider):
            raise NotConfigured
        self.crawler = crawler
        self.spider = crawler.spider
        self.outcome: Outcome = crawler.spider.outcome
        self.watch = ErrorWatch(self.outcome)
        self.archive = Archive(find_root(crawler.settings))
        self.site = site_of(self.spider.home or self.spider.arguments.url or self.spider.start_urls[0])
        self.finish_reason = ""
        self.has_begun = False
        quieten_robots()
        name_run(self.outcome.run, self.site)
        logging.root.addHandler(self.watch)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        recorder = cls(crawler)
        for handler, event in (
            (recorder.engine_started, signals.engine_started),
            (recorder.spider_opened, signals.spider_opened),
            (recorder.request_reached_downloader, signals.request_reached_downloader),
            (recorder.item_scraped, signals.item_scraped),
            (recorder.item_dropped, signals.item_dropped),
            (recorder.item_error, signals.item_error),
            (recorder.spider_error, signals.spider_error),
            (recorder.spider_closed, signals.spider_closed),
            (recorder.engine_stopped, signals.engine_stopped),
        ):
            crawler.signals.connect(handler, event)
        return recorder

    def engine_started(self) -> None:
        # Scrapy installs its own handlers when the reactor starts, just before this; they say that a crawl was
        # interrupted, not by what.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                previous = signal.getsignal(number)
                if callable(previous):
                    signal.signal(number, self._note_signal(previous))

    def _note_signal(self, previous: Callable[[int, FrameType | None], Any]) -> Callable[[int, FrameType | None], Any]:
        def handle(number: int, frame: FrameType | None) -> Any:
            if self.outcome.interrupted_by is None:
                reactor = _reactor()
                reactor.callFromThread(reactor.callLater, GRACE, _cut_downloads)
            self.outcome.interrupted_by = number
            return previous(number, frame)

        return handle

    def spider_opened(self, spider: StorySpider) -> None:
        for host, until in find_holds(self.archive, spider.name, self.outcome.run):
            pace_of(self.crawler).hold(host, until)
        if spider.is_scheduled and not spider.settings["ARCHIVER_CONTACT"]:
            logger.warning("ARCHIVER_CONTACT is not set: say in it whom the site's owner may write to about the crawl")

    def request_reached_downloader(self) -> None:
        """Write down that the crawl has begun: where it is killed, that is all that the record will say."""
        if not self.has_begun and self.spider.is_crawling:
            self.has_begun = True
            self._put({**self._record(), "finished_at": None, "exit_code": None})
            logger.info("%s: run %s begins", self.outcome.spider, self.outcome.run, extra={"event": "crawl_began"})

    def item_scraped(self, item: Any, response: Response | None) -> None:
        self.outcome.keep(_asked_url(response))

    def item_dropped(self, item: Any, response: Response | None, exception: Exception) -> None:
        if isinstance(exception, LeftOut):
            self.outcome.skip(_asked_url(response), exception.reason)
        else:
            reasons = exception.reasons if isinstance(exception, Lost) else ("dropped",)
            for reason in reasons:
                self.outcome.fail(_asked_url(response), reason)

    def item_error(self, item: Any, response: Response | None) -> None:
        self.outcome.fail(_asked_url(response), "exception")

    def spider_error(self, response: Response | None) -> None:
        if url := _asked_url(response):  # else the spider failed as it began: no page is lost, none was asked for
            self.outcome.fail(url, "exception")

    def spider_closed(self, spider: Spider, reason: str) -> None:
        self.finish_reason = reason
        if reason == "shutdown" and self.outcome.interrupted_by is None:
            # By a signal in the moment between Scrapy's handlers and ours: which one, nothing tells; schedulers send this one.
            self.outcome.interrupted_by = signal.SIGTERM
        if reason == "finished":
            self.outcome.count_lost()
        for name, number in self.outcome.to_stats().items():
            self.crawler.stats.set_value(f"archiver/{name}", number)

    def engine_stopped(self) -> None:
        """The last signal of all: the feeds are stored, the inbox is published."""
        if self.spider.is_crawling:
            self._write_record()
        logging.root.removeHandler(self.watch)  # not before: what goes wrong until here has to count
        if self.spider.is_crawling:
            self._tell()

    def _write_record(self) -> None:
        record = self._record()
        try:
            past = list(read_runs(self.archive, self.outcome.spider, before=self.outcome.run))
        except StorageError as error:
            self.outcome.note_storage_error(f"the run records cannot be read: {describe_storage_error(error)}")
        else:
            self.outcome.alarms += judge_run(past, record, self.site)
        standing = read_run(self.archive, self.outcome.run) or {}
        kept = {name: standing[name] for name in ("accepted_at", "renewed_at") if standing.get(name)}
        self._put(record | self.outcome.to_record() | kept)

    def _put(self, record: dict[str, Any]) -> None:
        try:
            put_run(self.archive, record)
        except StorageError as error:
            self.outcome.note_storage_error(f"the run record is not written: {describe_storage_error(error)}")

    def _tell(self) -> None:
        for why in (self.outcome.storage_error, self.outcome.usage_error):
            if why:
                logger.error("%s", why)
        for damaged in self.outcome.damaged:
            logger.warning("a damaged inbox file was set aside: %s", damaged)
        for alarm in self.outcome.alarms:
            advice = advise(alarm, self.outcome.run, self.outcome.spider)
            logger.error(
                "ALARM %s. What to do: %s", alarm, advice, extra={"event": "alarm", "url": next(iter(alarm.urls), None)}
            )
        code = self.outcome.exit_code()
        level = logging.INFO if code == Exit.DONE else logging.ERROR
        told = {"exit_code": int(code), "counts": self.outcome.count_by_section()}
        extra = {"event": "crawl_ended", "told": told}
        logger.log(level, "%s: %s", self.outcome.spider, self.outcome.summarize(), extra=extra)

    def _record(self) -> dict[str, Any]:
        finished = datetime.now(UTC)
        settings = self.crawler.settings
        stats = self.crawler.stats.get_stats()
        return {
            "run": self.outcome.run,
            "spider": self.outcome.spider,
            "site": self.site,
            "started_at": self.outcome.started_at.isoformat(),
            "finished_at": finished.isoformat(),
            "finish_reason": self.finish_reason,
            **self.outcome.to_record(),
            "requests": stats.get("downloader/request_count", 0),
            "bytes": stats.get("downloader/response_bytes", 0),
            "hosts": pace_of(self.crawler).to_record(),
            "refused": {
                name.removeprefix("archiver/refused/"): number
                for name, number in sorted(stats.items())
                if name.startswith("archiver/refused/")
            },
            "settings": {
                name: settings[name] for name in ("ARCHIVER_ROOT", "USER_AGENT", "ROBOTSTXT_OBEY", "DOWNLOAD_DELAY")
            },
            "versions": {
                "archiver": archiver.__version__,
                "extractor": EXTRACTOR,
                "schema": SCHEMA_VERSION,
                "tracking": TRACKING_VERSION,
                "scrapy": scrapy.__version__,
                "pyarrow": pyarrow.__version__,
                "python": platform.python_version(),
            },
        }


def find_holds(archive: Archive, spider: str, run: str) -> list[tuple[str, datetime]]:
    """Return the hosts that the last crawl of a spider but `run`, which begins now, left to a later one, and until when;
    what cannot be read holds nothing."""
    try:
        # Not by its name: of two that began in one second, the later may come first.
        last: dict[str, Any] = next(
            (record for record in read_runs(archive, spider, most=2) if record["run"] != run), {}
        )
        hosts = last.get("hosts") or {}
        return [
            (host, datetime.fromisoformat(said["not_before"])) for host, said in hosts.items() if said["not_before"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _reactor() -> Any:
    """Twisted's reactor: to import it any earlier would install one."""
    from twisted.internet import reactor

    return reactor


def _cut_downloads() -> None:
    """Let requests under way time out now: Scrapy would wait for a site that hangs, and whoever stops us will not."""
    for call in _reactor().getDelayedCalls():
        if isinstance(getattr(call.func, "__self__", None), Deferred) and call.func.__name__ == "cancel":
            call.reset(0)


def _asked_url(response: Any) -> str:
    """The address asked for. A failed request comes as a Failure that carries it."""
    request = getattr(response, "request", None)
    if request is None:
        return ""
    asked: str = request.cb_kwargs.get("asked_url", request.url)
    return asked


class ErrorWatch(logging.Handler):
    """Notes what anything logs as an error: a feed that cannot be written ends in a log line and nothing else."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(level=logging.ERROR)
        self.outcome = outcome

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OSError) and record.name in FEED_LOGGERS:
            self.outcome.note_storage_error(f"the feed is not whole: {describe_storage_error(error)}")
        if len(self.outcome.errors) < RECORDED_ERRORS:
            self.outcome.errors.append(f"{record.name}: {record.getMessage()[:300]}")


class Progress:
    """One line on the terminal: stories archived, pages fetched, failures. Elsewhere the log's plain lines do."""

    def __init__(self, crawler: Crawler) -> None:
        console = Console(stderr=True)
        if not isinstance(crawler.spider, StorySpider) or not console.is_terminal or not _logs_to_terminal():
            raise NotConfigured
        if crawler.settings.getbool("ARCHIVER_LOG_JSON"):
            raise NotConfigured
        self.outcome = crawler.spider.outcome
        self.line = ProgressLine(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TextColumn("[green]{task.fields[archived]} archived"),
            TextColumn("{task.fields[pages]} pages"),
            TextColumn("[red]{task.fields[failed]} failed"),
            TimeElapsedColumn(),
            console=console,
        )
        self.task = self.line.add_task(crawler.spider.name, total=None, archived=0, pages=0, failed=0)
        self.level = crawler.settings["LOG_LEVEL"]
        is_chosen = crawler.settings.getpriority("LOG_LEVEL") == SETTINGS_PRIORITIES["cmdline"]
        self.level_below_line = self.level if is_chosen else logging.WARNING

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        progress = cls(crawler)
        crawler.signals.connect(progress.start, signals.spider_opened)
        crawler.signals.connect(progress.update, signals.response_received)
        crawler.signals.connect(progress.update, signals.item_scraped)
        crawler.signals.connect(progress.stop, signals.spider_closed)
        return progress

    def start(self) -> None:
        self.line.start()
        _redirect_log(self.level_below_line)

    def update(self) -> None:
        outcome = self.outcome
        self.line.update(self.task, archived=outcome.archived, pages=outcome.pages, failed=outcome.failures)

    def stop(self) -> None:
        self.update()
        self.line.stop()
        _redirect_log(self.level)


def _redirect_log(level: int | str) -> None:
    """Let the log write to what sys.stderr is now: while the line stands there, it prints the log above itself."""
    handler = get_scrapy_root_handler()
    if isinstance(handler, logging.StreamHandler):
        handler.setStream(sys.stderr)
        handler.setLevel(level)


def _logs_to_terminal() -> bool:
    handler = get_scrapy_root_handler()
    return isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler)
