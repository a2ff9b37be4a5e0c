"""The sample archive, `make sample`: a month of crawls of the bundled network, at simulated times.

    python -m archiver.demo.sample data/sample

Everything is as in an archive of a scheduled crawl: the sites are served on loopback, each day with the stories that are
out by then, and crawled by `scrapy crawl`. Only the clock is ours, and what is drawn by lot: with the same code and the
same versions of its libraries, the sample comes out the same byte for byte.

What happens in it: from 20 July on stories change (revisions) and are withdrawn (`gone`), one of them for a day; a listing
breaks down on 25 June and a site on 27 June, a story is lost on 30 June; the fourth site is crawled every other time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archiver.demo.server import DEMO_PORTS, DemoNetwork, RunningSite
from archiver.demo.sites import SITES
from archiver.demo.stories import load_events
from archiver.outcome import Exit


@dataclass(frozen=True, kw_only=True)
class Day:
    """One round of crawls: when, of which sites, and what is amiss."""

    at: datetime
    skips: tuple[str, ...] = ()
    """Sites that are not crawled."""
    down: tuple[str, ...] = ()
    """Sites that do not answer."""
    broken: tuple[tuple[str, int, int], ...] = ()
    """Site, number of the story on it (newest first), status of the answer."""
    broken_listing: tuple[str, str] | None = None
    """Site and section of a listing that answers 500."""
    changed: int = 0
    """How many of the newest events' stories are served in their changed edition."""
    is_full: bool = False
    """Whether every known story is asked for."""


def _at(month: int, day: int, hour: int = 6) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


_GAZETTE = ("old_quarter_gazette",)
DAYS = (
    Day(at=_at(6, 22)),
    Day(at=_at(6, 24), skips=_GAZETTE),
    Day(at=_at(6, 25), broken_listing=("plainwire", "policy")),
    Day(at=_at(6, 27), skips=_GAZETTE, down=("tidewater_review",)),
    Day(at=_at(6, 30, 18), broken=(("ledgerleaf", 0, 503),)),
    Day(at=_at(7, 2, 20), skips=_GAZETTE),
    Day(at=_at(7, 9)),
    Day(at=_at(7, 16), skips=_GAZETTE),
    Day(at=_at(7, 20, 12), changed=9, is_full=True, broken=(("plainwire", 2, 410), ("tidewater_review", 5, 404))),
    Day(at=_at(7, 22), changed=14, is_full=True, broken=(("tidewater_review", 5, 404), ("ledgerleaf", 7, 410))),
)

_LEFT = ("writable", "lineage-index.db")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the sample anew; what stands at its place goes first."""
    parser = argparse.ArgumentParser(prog="python -m archiver.demo.sample", description=main.__doc__)
    parser.add_argument("root", type=Path, help="the sample's folder")
    parser.add_argument("--rounds", type=int, default=len(DAYS), metavar="N", help="only the first N rounds of crawls")
    options = parser.parse_args(arguments)
    if options.root.exists() and not (options.root / "manifest.json").exists() and any(options.root.iterdir()):
        parser.error(f"{options.root} is no archive, and would be removed")
    with DemoNetwork(port=DEMO_PORTS[0], at=DAYS[0].at):
        pass  # where its ports are taken, the sample that stands is left as it is
    with suppress(FileNotFoundError):
        shutil.rmtree(options.root)
    for day in DAYS[: options.rounds]:
        codes = _crawl(day, options.root)
        print(f"{day.at:%Y-%m-%d %H:%M}  {'  '.join(f'{name} {code}' for name, code in codes.items())}", flush=True)
    # The index of lineage knows files by their times: made anew by whoever publishes, and never the same.
    for left in (*options.root.glob("state/*.lock"), *(options.root / "state" / name for name in _LEFT)):
        left.unlink(missing_ok=True)
    return 0


def _crawl(day: Day, root: Path) -> dict[str, int]:
    """Serve the network as it is on a day, crawl it, and return the exit codes by site."""
    with DemoNetwork(port=DEMO_PORTS[0], at=day.at) as network:
        network.change([event.id for event in load_events()[-day.changed :]] if day.changed else [])
        for name, number, status in day.broken:
            site = network[name]
            site.fail(site.stories[number].story.path, status)
        if day.broken_listing:
            _break_listing(network[day.broken_listing[0]], day.broken_listing[1])
        for name in day.down:
            network.stop(name)
        names = [site.name for site in SITES if site.name not in day.skips]
        return {name: _crawl_site(name, number, day, root) for number, name in enumerate(names)}


def _break_listing(site: RunningSite, section: str) -> None:
    site.fail(site.site.style.listing_path(section), 500)
    site.fail(site.site.style.sitemap_path, 500)  # or it would tell what the listing cannot


def _crawl_site(name: str, number: int, day: Day, root: Path) -> int:
    at = day.at + timedelta(minutes=10 * number)
    words = ["scrapy", "crawl", name, "-L", "CRITICAL", "-s", f"ARCHIVER_ROOT={root}", "-s", "RETRY_TIMES=0"]
    words += ["-a", "full=1"] if day.is_full else []
    environment = {"ARCHIVER_DEMO_PORT": str(DEMO_PORTS[0]), "SCRAPY_SETTINGS_MODULE": "archiver.settings"}
    command = [sys.executable, "-m", "archiver.demo.clock", at.isoformat(), *words]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ARCHIVER_", "SCRAPY_"))}
    ran = subprocess.run(command, env=kept | environment, check=False)  # noqa: S603
    if ran.returncode not in (Exit.DONE, Exit.NOTHING_FETCHED, Exit.INCOMPLETE):
        raise SystemExit(f"{name} on {day.at:%Y-%m-%d}: exit {ran.returncode}")
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main())
