"""What a crawl writes to its log: one line for what a person should know, never an item or a body."""

from __future__ import annotations

import logging
from typing import Any

from scrapy import Spider
from scrapy.http import Request, Response
from scrapy.logformatter import LogFormatter, LogFormatterResult
from twisted.python.failure import Failure


class QuietLogFormatter(LogFormatter):
    """Scrapy's messages without the items, which hold whole stories."""

    def scraped(self, item: Any, response: Response | Failure | None, spider: Spider) -> LogFormatterResult:
        return {"level": logging.DEBUG, "msg": "Archived %(url)s", "args": {"url": _address(item, response)}}

    def dropped(
        self, item: Any, exception: BaseException, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult:
        level = logging.getLevelName(getattr(exception, "log_level", None) or "WARNING")
        args = {"url": _address(item, response), "why": exception}
        return {"level": level, "msg": "Not archived: %(url)s: %(why)s", "args": args}

    def item_error(
        self, item: Any, exception: BaseException, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult:
        return {
            "level": logging.ERROR,
            "msg": "Error processing %(url)s",
            "args": {"url": _address(item, response)},
        }

    def download_error(
        self, failure: Failure, request: Request, spider: Spider, errmsg: str | None = None
    ) -> LogFormatterResult:
        # The spider's errback has said that the page is lost; a traceback into Twisted adds nothing.
        return {"level": logging.DEBUG, "msg": "Error downloading %(request)s", "args": {"request": request}}


def _address(item: Any, response: Response | Failure | None) -> str:
    return getattr(item, "url", None) or getattr(response, "url", None) or repr(type(item).__name__)


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
