"""Crawls of sites, each in a process of its own, side by side: one that fails harms no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from archiver.outcome import worst_exit

JOBS_A_PROCESSOR = 4
"""A polite crawl waits nine tenths of its time: so many of them keep a processor busy."""


@dataclass
class Crawls:
    """Runs `scrapy crawl` for each site in a process; whatever comes to `pass_on` reaches all of them once."""

    passed: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    write: Callable[[str, str], None] | None = None
    """Takes each line of a site's log, with the site; None leaves the processes the terminal."""
    interrupted_by: int | None = None
    _children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def crawl(self, name: str) -> int:
        """Crawl one site and return its exit code; after an interruption, nothing but its code."""
        with self._lock:
            if self.interrupted_by is not None:
                return 128 + self.interrupted_by
            child = self._children[name] = self._start(name)
        if child.stdout is not None and self.write is not None:
            for line in child.stdout:
                self.write(name, line.decode(errors="replace").rstrip("\r\n"))
        child.wait()
        with self._lock:
            del self._children[name]
        return worst_exit([child.returncode])

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        # Scrapy takes a second signal for an order to stop at once. In a session of its own the child gets no Ctrl-C
        # from the terminal besides the one that is passed on.
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "scrapy", "crawl", name, *self.passed],
            env={**os.environ, **self.environment},
            start_new_session=True,
            stdout=subprocess.PIPE if self.write else None,
            stderr=subprocess.STDOUT if self.write else None,
        )

    def pass_on(self, number: int, frame: FrameType | None = None) -> None:
        """Send a signal to every crawl that runs; those that have not begun never will."""
        with self._lock:
            self.interrupted_by = number
            for child in self._children.values():
                child.send_signal(number)

    @contextmanager
    def passing_signals(self) -> Iterator[None]:
        """Pass SIGINT and SIGTERM on while the block runs. For the main thread."""
        previous = {number: signal.signal(number, self.pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def crawl_site(name: str, passed: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> int:
    """Run `scrapy crawl` for one site on this terminal and return its exit code; an interruption reaches it once."""
    crawls = Crawls(passed, environment or {})
    with crawls.passing_signals():
        return crawls.crawl(name)


def crawl_sites(names: Sequence[str], crawls: Crawls, jobs: int, executor: Executor | None = None) -> dict[str, int]:
    """Crawl sites side by side, `jobs` at a time, and return each one's exit code."""
    with crawls.passing_signals(), executor or ThreadPoolExecutor(jobs, "crawl") as pool:
        futures: dict[str, Future[int]] = {name: pool.submit(crawls.crawl, name) for name in names}
        return {name: future.result() for name, future in futures.items()}


def default_jobs() -> int:
    return JOBS_A_PROCESSOR * (os.cpu_count() or 1)
