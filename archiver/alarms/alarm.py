"""One alarm, and what the tests of stories look at: the runs before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from archiver.alarms.quality import Quality, quality_from_json


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """One thing that is unlike the past; numbers are shares, words, counts or days, as `kind` has it."""

    kind: str
    """`column`, `length`, `listing`, `failures` or `silence`."""
    what: str
    """The column, the address of the listing, the kind of failure, the site."""
    site: str
    message: str
    """What is wrong, with the numbers and up to three addresses."""
    usual: float
    present: float
    stories: int = 0
    """Stories that were looked at."""
    probability: float | None = None
    urls: tuple[str, ...] = ()
    """Up to three stories that show it."""
    holds: bool = False
    """Whether the run's stories are held back."""
    since: str | None = None
    """The first run of those that were looked at together, where there are several."""

    def __str__(self) -> str:
        return self.message

    def to_json(self) -> dict[str, Any]:
        """Return the alarm as a run record holds it."""
        return asdict(self) | {"urls": list(self.urls)}


def advise(alarm: Alarm, run: str, spider: str) -> str:
    """Return what to do about an alarm, in one line.

    >>> alarm = Alarm(kind="silence", what="a.example", site="a.example", message="", usual=1, present=9)
    >>> advise(alarm, "20260629T101112Z-a_example-0f3a", "a_example")
    'look at the site; if it is right as it is: archiver publish --accept 20260629T101112Z-a_example-0f3a'
    """
    accept = f"archiver publish --accept {run}"
    if alarm.holds:
        return (
            f"look at these pages; if they are right as extracted: {accept}; if not, mend the selectors of {spider} "
            f"(archiver extract --explain) and: archiver publish --reextract {run}"
        )
    where = {"listing": "the listing", "failures": "the pages under failed_addresses in the run record"}
    return f"look at {where.get(alarm.kind, 'the site')}; if it is right as it is: {accept}"


@dataclass(frozen=True, slots=True)
class PastRun:
    """What a run record tells of a run whose stories were published."""

    run: str
    quality: Quality
    accepted: frozenset[str] = frozenset()
    """Columns, or `body length`, whose alarm was accepted: from this run on they are usual as they are."""


def read_past(records: Iterable[Mapping[str, Any]]) -> list[PastRun]:
    """Return the runs that brought stories, none of them held back, in the order of the records.

    >>> tally = {"policy": {"stories": 1, "filled": {"dek": 1}, "words": {"72": 1}}}
    >>> alarm = {"kind": "column", "what": "dek"}
    >>> records = [{"run": "b", "quality": {"a.example": tally}, "alarms": [alarm], "held": True}, {"run": "a"}]
    >>> read_past(records), [run.accepted for run in read_past([records[0] | {"accepted_at": "2026-06-29"}])]
    ([], [frozenset({'dek'})])
    """
    past = []
    for record in records:
        try:
            quality = quality_from_json(record.get("quality") or {})
        except ValueError:  # of another version, or damaged: `verify` says so
            continue
        is_accepted = bool(record.get("accepted_at"))
        if not quality or (record.get("held") and not is_accepted):
            continue
        accepted = (each for each in record.get("alarms") or () if is_accepted and each.get("holds", True))
        names = frozenset("body length" if each["kind"] == "length" else str(each["what"]) for each in accepted)
        past.append(PastRun(str(record.get("run")), quality, names))
    return past
