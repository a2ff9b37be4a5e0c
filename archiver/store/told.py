"""What comes of a run whose stories another process publishes: its own record tells, for as long as that has no end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from archiver.alarms.alarm import Alarm
from archiver.alarms.quality import Quality, quality_from_json
from archiver.store.archive import Archive
from archiver.store.runs import put_run, read_run

Counts: TypeAlias = Counter[tuple[str, str, str]]
"""Stories by site, section and `new`, `changed` or `same`."""
_KINDS = ("new", "changed", "same")


@dataclass(frozen=True, slots=True)
class Heard:
    """What a run's record tells before its crawl has written the end of it."""

    counts: Counts
    quality: Quality
    alarms: list[Alarm]


def tell_run(archive: Archive, run: str, counts: Counts) -> None:
    """Note in the record of a run what came of its stories; nothing where its crawl has ended and told of them itself."""
    record = read_run(archive, run)
    if record is not None and not record.get("finished_at"):
        rows: dict[tuple[str, str], dict[str, int]] = {}
        for (site, section, kind), number in join_counts(_read_counts(record), counts).items():
            rows.setdefault((site, section), dict.fromkeys(_KINDS, 0))[kind] += number
        told = [{"site": site, "section": section, **row} for (site, section), row in sorted(rows.items())]
        put_run(archive, record | {"counts": told})


def hear_of_run(archive: Archive, run: str) -> Heard | None:
    """Return what other publishers have noted of a run; None where none has begun with it."""
    record = read_run(archive, run) or {}
    try:
        quality = quality_from_json(record.get("quality") or {})
        alarms = [Alarm(**each | {"urls": tuple(each["urls"])}) for each in record.get("alarms") or ()]
        return Heard(_read_counts(record), quality, alarms) if quality else None
    except (ValueError, TypeError, KeyError, AttributeError):  # no record that we wrote
        return None


def join_counts(before: Counts, now: Counts) -> Counts:
    """Return what came of stories that were published in two goes: what the first put in place is the same to the second.

    >>> sorted(join_counts(Counter({("a", "b", "new"): 2}), Counter({("a", "b", "same"): 2, ("a", "b", "new"): 1})).items())
    [(('a', 'b', 'new'), 3)]
    """
    joined = before + now
    for site, section in {key[:2] for key in joined}:
        made = before[site, section, "new"] + before[site, section, "changed"]
        joined[site, section, "same"] = max(now[site, section, "same"] - made, before[site, section, "same"])
    return +joined


def _read_counts(record: Mapping[str, Any]) -> Counts:
    counts: Counts = Counter()
    for row in record.get("counts") or ():
        for kind in _KINDS:
            counts[row["site"], row["section"], kind] += row.get(kind) or 0
    return +counts
