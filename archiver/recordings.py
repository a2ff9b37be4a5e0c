"""Recorded pages: a page and its story, kept as a test case.

A recording is two files, `<site>/<day>-<slug>.html.gz` and `.json`: the page, and what every later extraction of it has
to find. The JSON is read against the page by a person before it is committed.
"""

from __future__ import annotations

import difflib
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from scrapy.http import Request
from scrapy.settings import BaseSettings
from scrapy.spiderloader import get_spider_loader

from archiver.extract import Selectors, extract_story
from archiver.items import Story
from archiver.normalize import normalize_story
from archiver.pages import read_page
from archiver.schema import story_to_json
from archiver.spider import StorySpider

UNRECORDED = frozenset(
    "date first_seen_at fetched_at revision status provenance extractor raw_file raw_offset raw_sha256".split()
)
"""Columns that a visit, the archive or the rules determine: nobody can read them off a page. `date` is the day of
`published_at` or that of the first visit."""

COLUMNS = tuple(field.name for field in fields(Story) if field.name not in UNRECORDED)
"""Columns of a recording, in the order of the data dictionary."""

PAGE_URL = "page_url"
"""Key of the address that the page was fetched from: no column, but links and dates cannot be read without it."""

_NAME = re.compile(r"(\d{4}-\d\d-\d\d)-.+\.html\.gz")
_SLUG_LENGTH = 50
"""Characters: a name may have 255 bytes on common file systems, a character four."""


class RecordingError(Exception):
    """A recording that cannot be read, or a page that is no story; raised by this module. The message names it."""


@dataclass(frozen=True)
class Recording:
    """One recorded page."""

    page: Path
    """The `.html.gz` file."""

    @property
    def story(self) -> Path:
        """The `.json` file."""
        return self.page.with_name(self.page.name.removesuffix(".html.gz") + ".json")

    @property
    def day(self) -> date:
        return date.fromisoformat(self.page.name[:10])

    def __str__(self) -> str:
        return f"{self.page.parent.name}/{self.story.stem}"

    def read_page(self) -> bytes:
        """Return the page. Raises RecordingError where it cannot be read."""
        try:
            return gzip.decompress(self.page.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise RecordingError(f"{self.page}: {getattr(error, 'strerror', None) or error}") from error

    def read_story(self) -> dict[str, Any]:
        """Return what was recorded: `page_url` and the columns. Raises RecordingError where it cannot be read."""
        try:
            recorded = json.loads(self.story.read_bytes())
        except OSError as error:
            raise RecordingError(f"{self.story}: {error.strerror or error}") from error
        except ValueError as error:
            raise RecordingError(f"{self.story}: {error}") from error
        if not isinstance(recorded, dict) or not isinstance(recorded.get(PAGE_URL), str):
            raise RecordingError(f"{self.story}: an object with {PAGE_URL!r} is wanted")
        return recorded

    def extract(self, selectors: Selectors | None = None) -> dict[str, Any]:
        """Extract the page anew and return it as `read_story` does. Raises RecordingError where it cannot be read."""
        return extract_columns(self.read_page(), self.read_story()[PAGE_URL], self.day, selectors)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What came of recording a page."""

    recording: Recording
    is_new: bool
    diff: str
    """Unified diff of the JSON; empty where nothing changed."""


def extract_columns(body: bytes, url: str, day: date, selectors: Selectors | None = None) -> dict[str, Any]:
    """Return `page_url` and the story's columns as JSON holds them, the body as a list of its paragraphs.

    `day` stands for the clock: the same page gives the same story on every later day. Raises RecordingError where the
    page says that it is no story: a crawl leaves it out.
    """
    now = datetime.combine(day, time(23, 59, 59), UTC)
    printed = extract_story(read_page(body), url, selectors=selectors, now=now)
    if not printed.is_story:
        raise RecordingError(f"{url} says that it is no story, but a listing, a profile or the like")
    columns = story_to_json(normalize_story(printed, fetched_at=now))
    # A diff of a paragraph can be read, one of a body on a single line cannot.
    columns["body"] = columns["body"].split("\n\n")
    return {PAGE_URL: url} | {name: columns[name] for name in COLUMNS}


def find_recordings(folder: Path) -> list[Recording]:
    """Return the recordings below a folder, in the order of their names."""
    found = (Recording(path) for path in folder.rglob("*.html.gz") if _NAME.fullmatch(path.name))
    return sorted(found, key=lambda recording: (recording.page.parent, recording.story.stem))


def find_differences(recording: Recording, selectors: Selectors | None = None) -> dict[str, str]:
    """Extract a recorded page anew; return column → diff for each recorded column that comes out otherwise.

    A column that is younger than the recording is no difference: recording the page again adds it.
    """
    recorded, found = recording.read_story(), recording.extract(selectors)
    return {
        name: "".join(_diff(_render(value), _render(found.get(name)), 0)).rstrip("\n")
        for name, value in recorded.items()
        if value != found.get(name)
    }


def find_selectors(url: str, settings: BaseSettings) -> Selectors | None:
    """Return the selectors that the project's own spider for this site has; None where it has none."""
    loader = get_spider_loader(settings)
    for name in loader.find_by_request(Request(url)):
        spider = loader.load(name)
        if issubclass(spider, StorySpider) and spider.selectors is not None:
            return spider.selectors
    return None


def record_page(folder: Path, body: bytes, url: str, day: date, selectors: Selectors | None = None) -> Kept:
    """Keep a page and its story below a folder. A page that is there already, to the byte, is recorded again in place.

    Raises RecordingError where the page has no title or no body, OSError where the folder cannot be written.
    """
    columns = _check(body, url, day, selectors)
    site = folder / re.sub(r"[^\w.-]+", "_", columns["site"])
    for recording in find_recordings(site):
        if recording.read_page() == body:
            return record_again(recording, url, selectors)
    recording = _name(site, day, columns["url"])
    site.mkdir(parents=True, exist_ok=True)
    # No time stamp: the same page gives the same file.
    recording.page.write_bytes(gzip.compress(body, mtime=0))
    return _write_story(recording, columns, is_new=True)


def record_again(recording: Recording, url: str | None = None, selectors: Selectors | None = None) -> Kept:
    """Write the story of a recorded page anew, as the rules find it today. Raises as `record_page` does."""
    url = url or recording.read_story()[PAGE_URL]
    return _write_story(recording, _check(recording.read_page(), url, recording.day, selectors), is_new=False)


def _check(body: bytes, url: str, day: date, selectors: Selectors | None) -> dict[str, Any]:
    columns = extract_columns(body, url, day, selectors)
    missing = [part for part in ("title", "body") if not any(columns[part])]
    if missing:
        raise RecordingError(f"no {' and no '.join(missing)} on {url}: nothing is kept")
    return columns


def _write_story(recording: Recording, columns: dict[str, Any], *, is_new: bool) -> Kept:
    text = _render(columns)
    before = recording.story.read_text(encoding="utf-8") if recording.story.is_file() else ""
    if text != before:
        recording.story.write_text(text, encoding="utf-8")
    diff = "" if is_new else "".join(_diff(before, text, 3, str(recording.story)))
    return Kept(recording=recording, is_new=is_new, diff=diff)


def _render(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _diff(before: str, after: str, context: int, name: str = "") -> Iterator[str]:
    """A unified diff; without a name, no more than its lines."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), name, name, n=context
    )
    return lines if name else (line for line in list(lines)[2:] if not line.startswith("@@"))


def _name(site: Path, day: date, url: str) -> Recording:
    """A name that is free: older recordings stay, for they prove that the old template still parses."""
    parts = urlsplit(url)
    last = re.sub(r"\.\w{2,5}$", "", unquote(parts.path).rstrip("/").rpartition("/")[2])
    slug = re.sub(r"[\W_]+", "-", f"{last}-{parts.query}".lower()).strip("-")[:_SLUG_LENGTH].strip("-") or "page"
    number = 1
    while True:
        ending = f"-{number}" if number > 1 else ""
        recording = Recording(site / f"{day}-{slug}{ending}.html.gz")
        if not recording.page.exists() and not recording.story.exists():
            return recording
        number += 1
