"""How fast a host may be asked, and what it was asked. Knows no network; the clocks are arguments.

Between the end of one request to a host and the start of the next lies the delay: that of the settings, robots.txt's
Crawl-delay where it is longer, doubled by every 429 for the rest of the crawl. Retry-After goes before all of them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from statistics import median
from typing import Any, Final

SLOWEST_START: Final = 1.0
"""Seconds of delay that a 429 makes of none."""
PATIENCE: Final = 20
"""Requests in a row without an answer, or with 429 or 503, after which a host counts as down."""
BUSY: Final = frozenset({429, 503})
LONGEST_HOLD: Final = 7 * 86_400
"""Seconds after which a host is asked again whatever it said: a Retry-After in the year 9999 is a mistake."""
MAX_GAPS: Final = 100_000


@dataclass
class Host:
    """One host in one crawl: a name or an address, and a port where it is not the scheme's own."""

    name: str
    delay: float
    """Seconds between two requests, as asked for so far."""
    free_at: float = -math.inf
    """When the next request may start, by the monotonic clock."""
    reason: str = "crawl_delay"
    """What `free_at` is owed to, in the words of `refusal.REASONS`."""
    ended_at: float = -math.inf
    in_flight: int = 0
    unanswered: int = 0
    """Requests in a row without an answer, or with 429 or 503."""
    requests: int = 0
    bytes: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    gaps: list[float] = field(default_factory=list)
    """Seconds between the end of a request and the start of the next."""
    crawl_delay: float | None = None
    retry_after: list[float] = field(default_factory=list)
    """Seconds that the host asked for, in order; the first twenty."""
    robots: dict[str, Any] | None = None
    """robots.txt as read."""

    def slow_down(self, longest: float) -> None:
        self.delay = min(max(2 * self.delay, SLOWEST_START), longest)

    def to_record(self, free_at: datetime | None) -> dict[str, Any]:
        """Return what a run record holds of a host; `free_at` where it waits for a later crawl."""
        gaps = sorted(self.gaps)
        pause = {"min": round(gaps[0], 3), "median": round(median(gaps), 3)} if gaps else None
        return {
            "requests": self.requests,
            "bytes": self.bytes,
            "statuses": dict(sorted(self.statuses.items())),
            "delay": self.delay,
            "seconds_between": pause,
            "crawl_delay": self.crawl_delay,
            "retry_after": self.retry_after,
            "not_before": free_at.isoformat() if free_at else None,
            "robots": self.robots,
        }


class Pace:
    """The hosts of one crawl."""

    def __init__(
        self,
        *,
        delay: float,
        longest: float,
        monotonic: Callable[[], float],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.delay, self.longest = delay, longest
        self.hosts: dict[str, Host] = {}
        self._monotonic, self._now = monotonic, now

    def host(self, name: str) -> Host:
        return self.hosts.get(name) or self.hosts.setdefault(name, Host(name, self.delay))

    def wait_for(self, host: Host) -> float:
        """Return the seconds until a host may be asked; more than `longest` means a later crawl."""
        return max(0.0, host.free_at - self._monotonic())

    def refusal(self, host: Host) -> str | None:
        """Return why a host is not asked again in this crawl; None where it may be, now or after a wait."""
        if host.unanswered >= PATIENCE:
            return "host_down"
        return host.reason if self.wait_for(host) > self.longest else None

    def begin(self, host: Host) -> None:
        """Note that a request starts now."""
        started = self._monotonic()
        if host.ended_at > -math.inf and not host.in_flight and len(host.gaps) < MAX_GAPS:
            host.gaps.append(started - host.ended_at)
        host.requests += 1
        host.in_flight += 1
        self._hold(host, started + host.delay, "crawl_delay")

    def withdraw(self, host: Host) -> None:
        """Note that a request that had begun was never sent: its host is at an address that is not asked."""
        host.requests -= 1
        host.in_flight -= 1

    def end(
        self, host: Host, status: int | None, size: int = 0, retry_after: str | None = None, *, is_cut: bool = False
    ) -> None:
        """Note that a request has ended: `status` is None where no answer came, or it was cut for what it was."""
        host.ended_at = self._monotonic()
        host.in_flight -= 1
        host.bytes += size
        host.statuses[str(status or ("cut" if is_cut else "none"))] += 1
        is_silent = status in BUSY or (status is None and not is_cut)
        host.unanswered = host.unanswered + 1 if is_silent else 0
        if status == 429:
            host.slow_down(self.longest)
        self._hold(host, host.ended_at + host.delay, "crawl_delay")
        if status in BUSY and retry_after and (seconds := read_retry_after(retry_after, self._now())) is not None:
            if len(host.retry_after) < 20:
                host.retry_after.append(round(seconds, 3))
            self._hold(host, host.ended_at + min(seconds, LONGEST_HOLD), "retry_after")

    def hold(self, name: str, until: datetime) -> None:
        """Leave a host alone until then: an earlier crawl was asked to."""
        seconds = min((until - self._now()).total_seconds(), LONGEST_HOLD)
        self._hold(self.host(name), self._monotonic() + seconds, "retry_after")

    def obey_crawl_delay(self, host: Host, seconds: float | None) -> None:
        """Take over what robots.txt asks for. The wait begins with the request that read it, unless it is one for a
        later crawl: then that request is not counted, for there would never be another."""
        if seconds is None or not 0 < seconds < math.inf:
            return
        host.crawl_delay = seconds = min(seconds, LONGEST_HOLD)
        host.delay = max(host.delay, seconds)
        if seconds <= self.longest and host.ended_at > -math.inf:
            self._hold(host, host.ended_at + seconds, "crawl_delay")

    def _hold(self, host: Host, until: float, reason: str) -> None:
        if until > host.free_at:
            host.free_at, host.reason = until, reason

    def to_record(self) -> dict[str, Any]:
        """Return the hosts as a run record holds them."""
        return {name: host.to_record(self._not_before(host)) for name, host in sorted(self.hosts.items())}

    def _not_before(self, host: Host) -> datetime | None:
        wait = self.wait_for(host)
        return self._now() + timedelta(seconds=min(wait, 1e9)) if wait > self.longest else None


def read_retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, RFC 9110, 10.2.3; None where it says nothing that counts.

    >>> now = datetime(2026, 6, 29, 12, tzinfo=UTC)
    >>> read_retry_after("120", now), read_retry_after("Mon, 29 Jun 2026 12:00:30 GMT", now), read_retry_after("soon", now)
    (120.0, 30.0, None)
    """
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:12])
    try:
        at = parsedate_to_datetime(value)
        return max(0.0, ((at.replace(tzinfo=UTC) if at.tzinfo is None else at) - now).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
