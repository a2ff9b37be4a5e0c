"""The bundled network, as large as a bench wants it: its events told again and again, each time with words of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
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


def plain_environment() -> dict[str, str]:
    """Return the environment without settings of ours or Scrapy's: what runs a project takes the project's alone."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("ARCHIVER_", "SCRAPY_"))}


def make_project(folder: Path, homes: Mapping[str, str], settings: str = SETTINGS) -> None:
    """Make a Scrapy project of sites, by name, and their home pages."""
    spiders = (
        f"class {name.title()}(StorySpider):\n    name = {name!r}\n    home = {home!r}\n"
        for name, home in homes.items()
    )
    write_project(folder, "\n\n".join(spiders), settings)


def write_project(folder: Path, spiders: str, settings: str = SETTINGS) -> None:
    """Write the files of a Scrapy project: `spiders` are classes on StorySpider."""
    (folder / "scrapy.cfg").write_text("[settings]\ndefault = bench_settings\n")
    (folder / "bench_settings.py").write_text(settings)
    (folder / "bench_sites.py").write_text(f"from archiver.spider import StorySpider\n\n\n{spiders}")


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
