"""Scripted breakages over sixty days of the bundled network: each has to be told on its day, and nothing on the others.

    python -m bench.alarms.sixty_days --days 60 --stories 25

Every page is rendered, damaged as the script says, extracted and normalised as a crawl does; the stories go through the
inbox of an archive, where they are published or held back, and each day leaves its run record.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

from archiver.alarms.quality import quality_to_json
from archiver.demo.pages import SitePages
from archiver.demo.sites import SITES, DemoSite
from archiver.extract import extract_story
from archiver.items import Found, Story
from archiver.normalize import IncompleteStory, normalize_story, validate_story
from archiver.pages import read_page
from archiver.store.archive import Archive
from archiver.store.inbox import InboxWriter
from archiver.store.publish import publish
from archiver.store.runs import put_run
from bench.network import scale_events

FIRST_DAY = datetime(2026, 6, 1, 4, 10, tzinfo=UTC)
FIRST_CRAWL = 60
"""Stories of the first crawl."""

Truth = Mapping[str, Any]
Damage = Callable[[str, Truth], str]


def _without(page: str, *texts: str | None) -> str:
    for text in texts:
        if text:
            for written in {text, escape(text), escape(text, quote=False)}:
                page = page.replace(written, "")
    return page


def _blocks(truth: Truth) -> list[str]:
    return [block for block in str(truth["body"]).split("\n\n") if len(block) > 40]


def _repeat(page: str, truth: Truth) -> str:
    for block in _blocks(truth):
        for written in {escape(block), escape(block, quote=False)}:
            page = page.replace(f">{written}", f">{written} {written}")
    return page


def _halve(page: str, truth: Truth) -> str:
    return _without(page, *_blocks(truth)[1:])


DAMAGES: Mapping[str, Damage] = {
    "dek": lambda page, truth: _without(page, truth["dek"]),
    "authors": lambda page, truth: _without(page, *truth["authors"]),
    "faq": lambda page, truth: _without(page, *(text for pair in truth["faq"] for text in pair.values())),
    "source_name": lambda page, truth: _without(page, truth["source_name"], truth["source_url"]),
    "tags": lambda page, truth: _without(page, *truth["tags"], 'rel="category tag"'),
    "title": lambda page, truth: page.replace(escape(truth["title"]), "Subscribe").replace(truth["title"], "Subscribe"),
    "body × 2": _repeat,
    "body ÷ 2": _halve,
}
"""What is to alarm → the page as it is served that day, for a reader by whom the column cannot be found."""


def extract_page(page: str, url: str, at: datetime) -> Story | None:
    """Return the story of a page, or None where a crawl would count it as lost."""
    parsed = read_page(page.encode(), "text/html; charset=utf-8")
    if parsed is None:
        return None
    story = normalize_story(extract_story(parsed, url), fetched_at=at, found=Found(via="listing", listing_url=url))
    try:
        validate_story(story)
    except IncompleteStory:
        return None
    return story


def script_of(site: DemoSite, days: int) -> dict[int, str]:
    """Return which damage is done on which day: a day each, five days apart. What a site never prints cannot break."""
    kinds = [kind for kind in DAMAGES if site.is_signed or kind not in ("authors", "tags")]
    return dict(zip(range(10, days, 5), kinds, strict=False))


def live(site: DemoSite, root: Path, days: int, stories_a_day: int) -> Iterator[tuple[int, str | None, list[str]]]:
    """Yield each day of a site: its number, the damage done, and what the alarms were about."""
    archive = Archive(root)
    base_url = f"http://127.0.0.1:81{SITES.index(site) + 1:02}"
    pages = SitePages(site, base_url, events=scale_events(round(1.2 * (FIRST_CRAWL + days * stories_a_day))))
    urls = [base_url + placed.story.path for placed in reversed(pages.stories)]
    script = script_of(site, days)
    for day in range(days):
        start = 0 if day == 0 else FIRST_CRAWL + (day - 1) * stories_a_day
        at = FIRST_DAY + timedelta(days=day)
        run = f"{at:%Y%m%dT%H%M%SZ}-{site.name}-0000"
        kind = script.get(day)
        with InboxWriter(archive, run) as writer:
            for url in urls[start : start + (FIRST_CRAWL if day == 0 else stories_a_day)]:
                page = pages.answer(url.removeprefix(base_url)).body.decode()
                if kind:
                    page = DAMAGES[kind](page, pages.expected(url))
                if story := extract_page(page, url, at):
                    writer.append(replace(story, first_seen_at=at))
        report = publish(archive)
        alarms = report.alarms.get(run, [])
        put_run(
            archive,
            {
                "run": run,
                "finished_at": at.isoformat(),
                "quality": quality_to_json(report.quality.get(run, {})),
                "alarms": [alarm.to_json() for alarm in alarms],
                "held": bool(alarms),
            },
        )
        yield day, kind, [alarm.what for alarm in alarms]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--stories", type=int, default=25, help="new stories a day")
    options = parser.parse_args()
    wrong = 0
    for site in SITES:
        with tempfile.TemporaryDirectory() as folder:
            for day, kind, alarms in live(site, Path(folder), options.days, options.stories):
                is_right = bool(alarms) == bool(kind) and (not kind or kind.split()[0] in alarms)
                wrong += not is_right
                if kind or not is_right:
                    verdict = "told" if is_right else "WRONG"
                    print(
                        f"{site.name:<20} day {day:>2}  {kind or 'nothing':<12} {verdict:<6} {', '.join(alarms)}",
                        flush=True,
                    )
    print(f"\n{options.days} days of {len(SITES)} sites, {options.stories} stories a day: {wrong} days told wrongly")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
