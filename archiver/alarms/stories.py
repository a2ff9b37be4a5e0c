"""Whether the stories of a run may be published, or are held back. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from archiver.alarms.alarm import Alarm, PastRun
from archiver.alarms.columns import judge_column
from archiver.alarms.length import judge_length
from archiver.alarms.quality import COLUMNS, Look, Quality
from archiver.alarms.windows import since_accepted

AGE_DEPENDENT: Final = frozenset({"modified_at"})
"""A story just published has not been modified, one found by a first crawl has: the share tells of the stories' age."""


def judge_stories(past: Sequence[PastRun], quality: Quality, looks_of: Callable[[str], Sequence[Look]]) -> list[Alarm]:
    """Return what of a run's stories is unlike the site's past. `past` is newest first, `quality` the run's own; `looks_of`
    gives the stories of a site, and is asked only where some are to be named."""
    alarms: list[Alarm | None] = []
    for site, sections in quality.items():
        own = partial(looks_of, site)
        before = [(run, run.quality[site]) for run in past if site in run.quality]
        columns = [column for column in COLUMNS if column not in AGE_DEPENDENT]
        alarms += [judge_column(site, each, sections, since_accepted(before, each), own) for each in columns]
        alarms.append(judge_length(site, sections, since_accepted(before, "body length"), own))
    return [alarm for alarm in alarms if alarm]
