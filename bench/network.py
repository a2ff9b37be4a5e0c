"""The bundled network, as large as a bench wants it: its events told again and again, each time with words of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

from archiver.demo.stories import Paragraph, Rewrite, Run, SourceEvent, load_events

WORDS = """levy council parcel statute tariff ledger hearing quorum docket filing clause remedy auditor bond trustee grid
ferry orchard harbour viaduct canal tariff lantern meadow copper timber granite saddle anvil kettle bramble""".split()

SETTINGS = """
from archiver.settings import *
SPIDER_MODULES = ["bench_sites"]
DOWNLOAD_DELAY = 0
ARCHIVER_ALLOW_HOSTS = "127.0.0.1"
ARCHIVER_MAX_PAGES = 1_000_000
LOG_LEVEL = "WARNING"
"""
"""Settings of a project that crawls one site on loopback."""
SPIDERS = """
from archiver.spider import StorySpider

class Site(StorySpider):
    name = "site"
    home = {home!r}
"""
"""Its one spider."""


def scale_events(stories_per_site: int) -> Sequence[SourceEvent]:
    """Return enough events for about so many stories on each site."""
    bundled = load_events()
    copies = max(1, round(stories_per_site / (0.89 * len(bundled))))
    return sorted(
        (_retell(event, copy) for copy in range(copies) for event in bundled),
        key=lambda event: (event.published, event.id),
    )


def _retell(event: SourceEvent, copy: int) -> SourceEvent:
    if copy == 0:
        return event
    random = Random(f"{event.id}/{copy}")
    return replace(
        event,
        id=f"{event.id}-{copy}",
        published=event.published - timedelta(hours=7 * copy, minutes=random.randrange(300)),
        source_url=f"{event.source_url}-{copy}",
        rewrites=tuple(_reword(rewrite, copy, random) for rewrite in event.rewrites),
    )


def _reword(rewrite: Rewrite, copy: int, random: Random) -> Rewrite:
    sentences = [" ".join(random.choices(WORDS, k=14)).capitalize() + "." for _ in range(6)]
    own = Paragraph((Run(" ".join(sentences)),))
    return replace(rewrite, title=f"{rewrite.title}, part {copy}", body=(*rewrite.body, own))
