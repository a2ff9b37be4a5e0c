"""What a crawl writes to its log: one line for what a person should know, never an item or a body."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scrapy import Spider
from scrapy.http import Request, Response
from scrapy.logformatter import LogFormatter, LogFormatterResult
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from scrapy.settings import Settings


class QuietLogFormatter(LogFormatter):
    """Scrapy's messages without the items, which hold whole stories."""

    def scraped(self, item: Any, response: Response | Failure | None, spider: Spider) -> LogFormatterResult:
        args = {"url": _address(item, response), "event": "story_extracted"}
        return {"level": logging.DEBUG, "msg": "Archived %(url)s", "args": args}

    def dropped(
        self, item: Any, exception: BaseException, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult:
        level = logging.getLevelName(getattr(exception, "log_level", None) or "WARNING")
        args = {"url": _address(item, response), "why": exception, "event": "story_left_out"}
        return {"level": level, "msg": "Not archived: %(url)s: %(why)s", "args": args}

    def item_error(
        self, item: Any, exception: BaseException, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult:
        return {
            "level": logging.ERROR,
            "msg": "Error processing %(url)s",
            "args": {"url": _address(item, response), "event": "story_failed"},
        }

    def download_error(
        self, failure: Failure, request: Request, spider: Spider, errmsg: str | None = None
    ) -> LogFormatterResult:
        # The spider's errback has said that the page is lost; a traceback into Twisted adds nothing.
        return {"level": logging.DEBUG, "msg": "Error downloading %(request)s", "args": {"request": request}}


def _address(item: Any, response: Response | Failure | None) -> str:
    return getattr(item, "url", None) or getattr(response, "url", None) or repr(type(item).__name__)


MAX_MESSAGE = 2_000
MAX_TRACEBACK = 20_000
_ADDRESS = re.compile(r"https?://[^\s<>\"']+")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time` (UTC), `level`, `run`, `site`, `event`, `url`, `message`, `logger`, and `traceback`
    where there is one. `event` is `log` where the message is all there is to tell."""

    def __init__(self, run: str | None = None, site: str | None = None) -> None:
        super().__init__()
        self.run, self.site = run, site

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        args = record.args if isinstance(record.args, dict) else {}
        url = getattr(record, "url", None) or args.get("url")
        if url is None and (match := _ADDRESS.search(message)):
            url = match[0].rstrip(".,:;)")
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "run": self.run,
            "site": self.site,
            "event": getattr(record, "event", None) or args.get("event") or "log",
            "url": url,
            "message": message[:MAX_MESSAGE],
            "logger": record.name,
        }
        told |= getattr(record, "told", {})
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)[-MAX_TRACEBACK:]
        # ASCII: there are line separators besides \n, and readers that split at them.
        return json.dumps(told, default=str)


def take_over_log(settings: Settings) -> logging.Handler:
    """Make the handler that writes JSON lines in the place of Scrapy's, to where that would write.

    Scrapy makes its own anew for each crawl, and would give it its own format again.
    """
    path: str | None = settings["LOG_FILE"]
    mode = "a" if settings.getbool("LOG_FILE_APPEND") else "w"
    handler = logging.FileHandler(path, mode, encoding="utf-8", delay=True) if path else logging.StreamHandler()
    handler.setLevel(settings["LOG_LEVEL"])
    handler.setFormatter(JsonFormatter())
    settings.set("LOG_FILE", None, priority="cmdline")
    settings.set("LOG_ENABLED", False, priority="cmdline")
    return handler


def name_run(run: str, site: str) -> None:
    """Let the lines of a JSON log say from now on of which run they are."""
    for handler in logging.root.handlers:
        if isinstance(handler.formatter, JsonFormatter):
            handler.formatter.run, handler.formatter.site = run, site


class ExpectedFailure(logging.Filter):
    """Makes one warning of an error with traceback that robots.txt of a site that is down ends in."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno == logging.ERROR:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.exc_info = None
        return True


def quieten_robots() -> None:
    """Let the log say in one line that a robots.txt cannot be read."""
    logger = logging.getLogger("scrapy.downloadermiddlewares.robotstxt")
    if not any(isinstance(each, ExpectedFailure) for each in logger.filters):
        logger.addFilter(ExpectedFailure())


def quieten_start() -> None:
    """Leave out the sixty lines of versions, settings and components before the first one about the crawl."""
    for name in ("addons", "crawler", "middleware", "utils.log"):
        # Scrapy resets the level of its loggers when it sets logging up, but not their filters.
        logging.getLogger(f"scrapy.{name}").addFilter(_is_warning)


def _is_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING
