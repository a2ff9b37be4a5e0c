"""A crawl at a time of one's choice: `python -m archiver.demo.clock 2026-06-22T06:00:00+00:00 scrapy crawl ledgerleaf`.

The clock of the archiver's own modules stands still, but for a second with each response; Scrapy's and Twisted's goes on,
for theirs are the delays and time-outs. What is drawn by lot, the names of runs and of WARC records, follows from the time.
"""

from __future__ import annotations

import inspect
import pkgutil
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from importlib import import_module
from itertools import count
from types import ModuleType, SimpleNamespace
from uuid import NAMESPACE_URL, uuid5

from scrapy import cmdline
from warcio.statusandheaders import StatusAndHeadersParser

import archiver

COUNTS_RESPONSES = "archiver.middlewares"
"""The module that asks for the time once a response."""


class _LikeDatetime(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, datetime)


class _SimulatedDatetime(datetime, metaclass=_LikeDatetime):
    current: datetime

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return _SimulatedDatetime.current.astimezone(tz)


class _CountingDatetime(_SimulatedDatetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        _SimulatedDatetime.current += timedelta(seconds=1)
        return _SimulatedDatetime.current.astimezone(tz)


def simulate(at: datetime, lot: str) -> None:
    """Let the archiver's modules take `at` for the time. `lot` is what names drawn by lot follow from."""
    _SimulatedDatetime.current = at
    for module in _modules_with("datetime.now("):
        module.datetime = _CountingDatetime if module.__name__ == COUNTS_RESPONSES else _SimulatedDatetime  # type: ignore[attr-defined]
    numbers = count()
    StatusAndHeadersParser.make_warc_id = staticmethod(
        lambda: f"<{uuid5(NAMESPACE_URL, f'{lot}/{next(numbers)}').urn}>"
    )
    draw = SimpleNamespace(token_hex=lambda size: uuid5(NAMESPACE_URL, lot).hex[: 2 * size])
    for module in _modules_with("secrets.token_hex("):
        module.secrets = draw  # type: ignore[attr-defined]
    for module in _modules_with("monotonic=time.monotonic"):  # by it the record tells how long a site was left alone
        module.time = SimpleNamespace(monotonic=lambda: _SimulatedDatetime.current.timestamp())  # type: ignore[attr-defined]


def _modules_with(call: str) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(archiver.__path__, "archiver."):
        if found.name.endswith("__main__") or found.name == __name__:
            continue
        module = import_module(found.name)
        if call in inspect.getsource(module):
            yield module


def main() -> None:
    """Run a Scrapy command at a time: the time, then the command."""
    at, *words = sys.argv[1:]
    simulate(datetime.fromisoformat(at), f"{at}/{' '.join(words)}")
    sys.argv = words
    cmdline.execute(words)


if __name__ == "__main__":
    main()
