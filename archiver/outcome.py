"""What came of a crawl: counted while it runs, summed up in an exit code and a run record at its end. Pure."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from enum import IntEnum
from typing import Any

from archiver.alarms.alarm import Alarm
from archiver.alarms.quality import Quality, quality_to_json, share_filled
from archiver.arguments import CrawlArguments
from archiver.normalize import UNSECTIONED, slug_section
from archiver.urls import site_of

KEPT_ADDRESSES = 1000
"""Failed addresses that a run record names; beyond that it only counts them."""


class Exit(IntEnum):
    """Exit codes of a crawl."""

    DONE = 0
    USAGE = 2
    NOTHING_FETCHED = 3
    INCOMPLETE = 4
    ALARM = 5
    BUSY = 6
    STORAGE = 7
    SIGINT = 128 + signal.SIGINT
    SIGTERM = 128 + signal.SIGTERM


PRECEDENCE = (130, 143, 7, 6, 2, 3, 4, 5, 0)
"""Which code counts where several hold."""


def worst_exit(codes: Iterable[int]) -> int:
    """Return the code that takes precedence; one that no crawl ends with (a crash, a kill) goes before all.

    >>> worst_exit([0, 4, 3]), worst_exit([2, 7]), worst_exit([143, -9]), worst_exit([])
    (3, 7, 137, 0)
    """
    ranks = {code: rank for rank, code in enumerate(PRECEDENCE)}
    shell_codes = [128 - code if code < 0 else code for code in codes]
    return min(shell_codes, key=lambda code: ranks.get(code, -1), default=int(Exit.DONE))


@dataclass
class Outcome:
    """The tally of one crawl. Every story asked for is in `awaited` until it is archived, skipped or failed: what is
    still there when a crawl has nothing left to do was lost on the way, and counts as failed."""

    run: str
    spider: str
    arguments: CrawlArguments
    started_at: datetime
    pages: int = 0
    """Pages fetched: listings, feeds, sitemaps and stories."""
    listed: int = 0
    """Story links met, those out of the asked-for range too."""
    listings: dict[str, int] = field(default_factory=dict)
    """Address of a listing, feed or sitemap that was read → story links on its first page."""
    asked: int = 0
    """Stories asked for."""
    awaited: dict[str, str] = field(default_factory=dict)
    """Address of a story asked for → slug of the section it was listed in."""
    archived: int = 0
    """Stories put into the inbox."""
    skipped: Counter[str] = field(default_factory=Counter)
    """What was left out rightly, by reason: `gone`, `robots`, `no_story`, `duplicate`, `before_since`, `over_limit`, `part` (a
    later page of a story), `part_gone` and `part_robots` (the story ends there, flagged)."""
    left_after_fetch: Counter[str] = field(default_factory=Counter)
    """Of those, the stories that were asked for: the others were known before."""
    failed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """What was lost, by site, section and reason."""
    failed_addresses: list[tuple[str, str]] = field(default_factory=list)
    published: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Stories by site, section and `new`, `changed` or `same`."""
    files_written: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    """Inbox files that were set aside or cannot be opened, and why."""
    recovered: list[str] = field(default_factory=list)
    """Runs cut short earlier whose stories were published with this one's."""
    errors: list[str] = field(default_factory=list)
    """What was logged as an error."""
    quality: Quality = field(default_factory=dict)
    """What the stories in the inbox look like."""
    alarms: list[Alarm] = field(default_factory=list)
    """What is unlike the site's past."""
    usage_error: str | None = None
    storage_error: str | None = None
    is_busy: bool = False
    """Another crawl holds the site."""
    interrupted_by: int | None = None
    """The signal that ended the crawl early."""

    def expect(self, url: str, section_label: str | None) -> None:
        """Note that a story has been asked for."""
        self.awaited[url] = slug_section(section_label)
        self.asked += 1

    def skip(self, url: str, reason: str) -> None:
        """Note that a story is left out rightly."""
        if self.awaited.pop(url, None) is not None:
            self.left_after_fetch[reason] += 1
        self.skipped[reason] += 1

    def keep_same(self, url: str, section: str | None) -> None:
        """Note that a story was asked for and its page has not changed."""
        asked_in = self.awaited.pop(url, None)
        self.published[site_of(url), section or asked_in or UNSECTIONED, "same"] += 1

    def fail(self, url: str, reason: str, section_label: str | None = None) -> None:
        """Note that a page is lost: the crawl is incomplete."""
        section = self.awaited.pop(url, None) or slug_section(section_label)
        self.failed[site_of(url), section, reason] += 1
        if len(self.failed_addresses) < KEPT_ADDRESSES:
            self.failed_addresses.append((url, reason))

    def keep(self, url: str) -> None:
        """Note that a story stands in the inbox."""
        self.awaited.pop(url, None)
        self.archived += 1

    def note_storage_error(self, why: str) -> None:
        """Note that something could not be written; the first reason is the one to report."""
        self.storage_error = self.storage_error or why

    def count_lost(self) -> None:
        """Count as failed what is still awaited: to be called when a crawl has nothing left to do."""
        for url in list(self.awaited):
            self.fail(url, "lost")

    @property
    def failures(self) -> int:
        return self.failed.total()

    @property
    def is_held(self) -> bool:
        """Tell whether an alarm holds the stories back."""
        return any(alarm.holds for alarm in self.alarms)

    def exit_code(self) -> Exit:
        """Return the exit code that tells the truth about the crawl."""
        if self.interrupted_by is not None:
            return Exit(128 + self.interrupted_by)
        if self.storage_error:
            return Exit.STORAGE
        if self.is_busy:
            return Exit.BUSY
        if self.usage_error:
            return Exit.USAGE
        if not self.pages:
            return Exit.NOTHING_FETCHED
        # A site on whose pages no story link is found has changed its template, or is not the site we think.
        if self.failed or self.errors or not self.listed:
            return Exit.INCOMPLETE
        return Exit.ALARM if self.alarms else Exit.DONE

    def count_by_section(self) -> list[dict[str, Any]]:
        """Return one row a site and section: new, changed, same, failed."""
        rows: dict[tuple[str, str], Counter[str]] = {}
        for (site, section, what), number in self.published.items():
            rows.setdefault((site, section), Counter())[what] += number
        for (site, section, _), number in self.failed.items():
            rows.setdefault((site, section), Counter())["failed"] += number
        return [
            {"site": site, "section": section} | {what: counts[what] for what in ("new", "changed", "same", "failed")}
            for (site, section), counts in sorted(rows.items())
        ]

    def count_failures(self) -> dict[str, int]:
        """Return the number of failures by reason, the commonest first."""
        reasons: Counter[str] = Counter()
        for (_, _, reason), number in self.failed.items():
            reasons[reason] += number
        return dict(reasons.most_common())

    def to_stats(self) -> dict[str, int]:
        """Return the counts as Scrapy's statistics name them."""
        counts = {"page/fetched": self.pages, "story/listed": self.listed, "story/archived": self.archived}
        reasons = {**self.skipped, **self.count_failures()}
        return counts | {f"story/{reason}": number for reason, number in reasons.items()}

    def to_record(self) -> dict[str, Any]:
        """Return the outcome as a run record holds it."""
        return {
            "exit_code": int(self.exit_code()),
            "arguments": {
                name: value.isoformat() if isinstance(value, date) else value
                for name, value in asdict(self.arguments).items()
                if value not in (None, (), False)
            },
            "pages": self.pages,
            "listed": self.listed,
            "listings": [{"url": url, "stories": number} for url, number in self.listings.items()],
            "asked": self.asked,
            "archived": self.archived,
            "unvisited": len(self.awaited),
            "counts": self.count_by_section(),
            "failures": self.count_failures(),
            "failed_addresses": [{"url": url, "reason": reason} for url, reason in self.failed_addresses],
            "skipped": dict(self.skipped.most_common()),
            "left_after_fetch": dict(self.left_after_fetch.most_common()),
            "fill": share_filled(self.quality),
            "quality": quality_to_json(self.quality),
            "alarms": [alarm.to_json() for alarm in self.alarms],
            "held": self.is_held,
            "accepted_at": None,
            "errors": self.errors,
            "usage_error": self.usage_error,
            "storage_error": self.storage_error,
            "files_written": self.files_written,
            "recovered": self.recovered,
            "damaged": self.damaged,
        }

    def summarize(self) -> str:
        """Return the crawl in one line."""
        totals: Counter[str] = Counter()
        for (_, _, what), number in self.published.items():
            totals[what] += number
        parts = [f"{totals[what]} {what}" for what in ("new", "changed", "same")]
        parts.append(f"{self.failures} failed")
        if self.failed:
            parts[-1] += " (" + ", ".join(f"{n} {reason}" for reason, n in self.count_failures().items()) + ")"
        parts += [f"{number} {reason}" for reason, number in self.skipped.most_common()]
        if self.alarms:
            parts.append(
                f"{len(self.alarms)} alarms" + (f", {self.archived} stories held back" if self.is_held else "")
            )
        if self.interrupted_by is not None:
            parts.append(f"interrupted by {signal.Signals(self.interrupted_by).name}")
        return f"{', '.join(parts)}; {self.pages} pages fetched; exit {int(self.exit_code())}"
