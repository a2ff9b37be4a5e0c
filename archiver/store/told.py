"""What comes of a run whose stories another process publishes: its own record tells, for as long as that has no end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from archiver.alarms.alarm import Alarm
from archiver.alarms.quality import Quality, quality_from_json, quality_to_json
from archiver.store.archive import Archive
from archiver.store.ledgerfile import is_crawled, ledger_file
from archiver.store.runs import put_run, read_run

Counts: TypeAlias = Counter[tuple[str, str, str]]
"""Stories by site, section and `new`, `changed` or `same`."""
_KINDS = ("new", "changed", "same")
_UNANSWERED = "publishing"


@dataclass(frozen=True, slots=True)
class Heard:
    """What publishers tell of a run, before its crawl has written the end of its record."""

    counts: Counts
    quality: Quality
    alarms: list[Alarm]
    unanswered: int
    """Publishers that began with the run and have not told what came of it: killed, or at it now."""


def begin_run(
    record: Mapping[str, Any], quality: Quality, alarms: Iterable[Alarm], *, is_own: bool = False
) -> dict[str, Any]:
    """Return the record of a run whose stories a publisher has looked at: they are held back, or it will tell of them, but
    for those of its own crawl."""
    told = [alarm.to_json() for alarm in alarms]
    begun = {**record, "quality": quality_to_json(quality), "alarms": told, "held": bool(told)}
    if not record.get("finished_at"):
        begun[_UNANSWERED] = 0 if told else int(record.get(_UNANSWERED) or 0) + (not is_own)
    return begun


def tell_run(archive: Archive, run: str, counts: Counts) -> None:
    """Note in the record of a run what came of its stories; nothing where its crawl has ended and told of them itself."""
    record = read_run(archive, run)
    if record is not None and not record.get("finished_at"):
        rows: dict[tuple[str, str], dict[str, int]] = {}
        for (site, section, kind), number in join_counts(_read_counts(record), counts).items():
            rows.setdefault((site, section), dict.fromkeys(_KINDS, 0))[kind] += number
        told = [{"site": site, "section": section, **row} for (site, section), row in sorted(rows.items())]
        unanswered = max(0, int(record.get(_UNANSWERED) or 0) - 1)
        put_run(archive, record | {"counts": told, _UNANSWERED: unanswered})


def hear_of_run(archive: Archive, run: str) -> Heard | None:
    """Return what publishers have noted in the record of a run that has not ended; None where it cannot be read."""
    record = read_run(archive, run)
    if record is None:
        return None
    try:
        quality = quality_from_json(record.get("quality") or {})
        alarms = [Alarm(**each | {"urls": tuple(each["urls"])}) for each in record.get("alarms") or ()]
        return Heard(_read_counts(record), quality, alarms, int(record.get(_UNANSWERED) or 0))
    except (ValueError, TypeError, KeyError, AttributeError):  # no record that we wrote
        return None


def hear_in_all(archive: Archive, run: str, here: Heard | None) -> Heard | None:
    """Return what came of a run by us, `here`, and by others; None where we did nothing and its record cannot be read."""
    others = hear_of_run(archive, run)
    if here is None or others is None:
        return here or others
    return replace(here, counts=join_counts(others.counts, here.counts), unanswered=others.unanswered)


def is_alive(archive: Archive, run: str, own: str | None = None) -> bool:
    """Tell whether the crawl of a run is at work still. `own` is the run that asks: where it has the site, no other has."""
    record = read_run(archive, run) or {}
    site = record.get("site")
    if not site or record.get("finished_at") or (own and (read_run(archive, own) or {}).get("site") == site):
        return False
    return is_crawled(ledger_file(archive, str(site)))


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
