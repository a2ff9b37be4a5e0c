"""The arguments of a crawl (`-a NAME=VALUE`): parsed and checked before the first request. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from archiver.normalize import slug_section
from archiver.urls import clean_url


class ArgumentError(ValueError):
    """An argument or setting that is unknown, malformed or missing. Raised by this module and by `StorySpider`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CrawlArguments:
    """What one crawl was asked for; each attribute is an argument."""

    section: tuple[str, ...] = ()
    """Slugs or labels of the listings to crawl, comma-separated; all where it is left out."""
    since: date | None = None
    """YYYY-MM-DD: nothing published before this day is archived, and paging ends there."""
    limit: int | None = None
    """Exact number of stories to archive, new or changed."""
    full: bool = False
    """1 also fetches every story of the site that the archive knows."""
    max_pages: int | None = None
    """Pages to read of each listing, at most."""
    url: str | None = None
    """Address of a listing, story, feed or sitemap."""

    @property
    def is_bounded(self) -> bool:
        """Tell whether the crawl was asked for a part of the site only."""
        return bool(self.section or self.since or self.limit or self.max_pages)


SITE_ARGUMENTS = ("section", "since", "limit", "full", "max_pages")
URL_ARGUMENTS = ("url", "since", "limit", "max_pages")


def parse_arguments(given: Mapping[str, str], accepted: Iterable[str] = SITE_ARGUMENTS) -> CrawlArguments:
    """Return the arguments as values. Raises ArgumentError, naming the valid ones or the form that is wanted.

    >>> parse_arguments({"section": "policy, AI & Education", "limit": "10"}).section
    ('policy', 'ai-education')
    >>> parse_arguments({"limit": "ten"})
    Traceback (most recent call last):
    archiver.arguments.ArgumentError: limit='ten': a whole number, 1 or more, is wanted, such as limit=10
    """
    accepted = tuple(accepted)
    for name in given:
        if name not in accepted:
            raise ArgumentError(describe_unknown("argument", name, accepted))
    if "url" in accepted and not given.get("url", "").strip():
        raise ArgumentError(
            "url= is missing: the address of a listing, story, feed or sitemap, such as -a url=https://site.example/policy"
        )
    return CrawlArguments(
        section=_sections(given["section"]) if "section" in given else (),
        since=_day("since", given["since"]) if "since" in given else None,
        limit=_count("limit", given["limit"]) if "limit" in given else None,
        full=_switch("full", given["full"]) if "full" in given else False,
        max_pages=_count("max_pages", given["max_pages"]) if "max_pages" in given else None,
        url=_address("url", given["url"]) if "url" in given else None,
    )


def describe_unknown(kind: str, name: str, valid: Iterable[str]) -> str:
    """Return one sentence that names what is unknown, what may have been meant, and what there is.

    >>> describe_unknown("argument", "sections", ["section", "since"])
    "unknown argument 'sections', did you mean 'section'? Valid: section, since"
    """
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.7)
    meant = f", did you mean {close[0]!r}? " if close else ". "
    return f"unknown {kind} {name!r}{meant}Valid: {', '.join(names) or 'none'}"


def find_misspelt_settings(given: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the names among `given` that were meant for a setting of ours and are none.

    >>> find_misspelt_settings(["ARCHIVER_ROOTS", "ARCHVIER_ROOT", "LOG_LEVEL"], ["ARCHIVER_ROOT"])
    ['ARCHIVER_ROOTS', 'ARCHVIER_ROOT']
    """
    known = set(known)
    return [
        name
        for name in given
        if name not in known
        and (name.upper().startswith("ARCHIVER_") or difflib.get_close_matches(name, known, n=1, cutoff=0.8))
    ]


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(value: str) -> timedelta:
    """Return a length of time. Raises ArgumentError where it is none.

    >>> str(parse_duration("26h")), str(parse_duration("1d12h")), str(parse_duration("90m"))
    ('1 day, 2:00:00', '1 day, 12:00:00', '1:30:00')
    >>> parse_duration("26")
    Traceback (most recent call last):
    archiver.arguments.ArgumentError: '26': a length of time is wanted, such as 26h, 90m, 2d or 1d12h
    """
    parts = re.findall(r"(\d{1,6})([smhdw])", value)
    total = sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    if "".join(number + unit for number, unit in parts) != value or not total:
        raise ArgumentError(f"{value!r}: a length of time is wanted, such as 26h, 90m, 2d or 1d12h")
    return total


def _sections(value: str) -> tuple[str, ...]:
    labels = [label.strip() for label in value.split(",")]
    if not all(labels):
        raise ArgumentError(f"section={value!r}: a section or several, comma-separated, are wanted")
    return tuple(dict.fromkeys(slug_section(label) for label in labels))


def _day(name: str, value: str) -> date:
    # fromisoformat also takes 20260601 and 2026-W23-1; the promise is one form.
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = None
    if day is None or day.isoformat() != value:
        raise ArgumentError(f"{name}={value!r}: a day is wanted as YYYY-MM-DD, such as {name}=2026-06-01")
    return day


def _count(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise ArgumentError(f"{name}={value!r}: a whole number, 1 or more, is wanted, such as {name}=10")
    return int(value)


def _switch(name: str, value: str) -> bool:
    if value not in ("0", "1"):
        raise ArgumentError(f"{name}={value!r}: 0 or 1 is wanted")
    return value == "1"


def _address(name: str, value: str) -> str:
    try:
        return clean_url(value)
    except ValueError:
        raise ArgumentError(f"{name}={value!r}: a complete http or https address is wanted") from None
