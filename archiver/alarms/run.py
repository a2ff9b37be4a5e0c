"""What of a run as a whole is unlike the site's past. Nothing is held back for it. Pure.

Listings and failures are shares like those of columns: of the places that a listing has shown at most, those that show a
story now; of the pages asked for, those that ended in one way. Days without anything new are compared with the longest
time that the site has been silent: of 21 silences and more of which none is unlike the others, the next is three times
the longest less than once in two thousand, and with each silence seen less often.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from archiver.alarms.alarm import Alarm
from archiver.alarms.tails import share_tail

RARE: Final = 1e-5
"""As `windows.RARE`; there are some thirty listings and kinds of failure."""
FEWEST_RUNS: Final = 5
"""Runs without which nothing is usual."""
RUNS: Final = 30
FEWER: Final = 0.25
"""A listing that shows more of the usual number than this is as usual."""
MORE: Final = 3
"""Failures less than so many times as frequent as usual are as usual."""
FEWEST_FAILURES: Final = 5
SILENCES: Final = 21
LONGER: Final = 3
SHORTEST_PAST: Final = timedelta(days=14)
"""Every site is silent at night, and many at the end of the week."""

UNTOLD: Final = frozenset({"storage", "lost"})
"""Failures that are none of the site's."""


def judge_run(past: Sequence[Mapping[str, Any]], record: Mapping[str, Any], site: str) -> list[Alarm]:
    """Return what of a run is unlike those before it, newest first. A run that was cut short tells nothing."""
    if record["exit_code"] not in _WHOLE or record.get("finish_reason") != "finished":
        return []
    before = [each for each in past if each.get("exit_code") in _WHOLE]
    alarms = [*_judge_listings(before, record, site), *_judge_failures(before, record, site)]
    if not _is_bounded(record) and (alarm := _judge_silence(before, record, site)):
        alarms.append(alarm)
    return alarms


_WHOLE: Final = (0, 4, 5)


def _is_bounded(record: Mapping[str, Any]) -> bool:
    """Tell whether a crawl was asked for a part of the site only."""
    return bool(set(record.get("arguments") or ()) - {"full"})


def _since_accepted(before: Sequence[Mapping[str, Any]], what: str) -> Iterator[Mapping[str, Any]]:
    for record in before:
        yield record
        if record.get("accepted_at") and any(each.get("what") == what for each in record.get("alarms") or ()):
            return


def _listed(record: Mapping[str, Any]) -> dict[str, int]:
    return {str(each["url"]): int(each["stories"]) for each in record.get("listings") or ()}


def _judge_listings(before: Sequence[Mapping[str, Any]], record: Mapping[str, Any], site: str) -> Iterator[Alarm]:
    for url, present in sorted(_listed(record).items()):
        counts = [listed[url] for each in _since_accepted(before, url) if url in (listed := _listed(each))][:RUNS]
        if len(counts) < FEWEST_RUNS:
            continue
        usual = sum(counts) / len(counts)
        if present > FEWER * usual:
            continue
        places = max(counts)
        probability = share_tail([(count, places) for count in counts], present, places)
        if probability < RARE:
            yield Alarm(
                kind="listing",
                what=url,
                site=site,
                message=f"{site}: listing {url} shows {present} stories, usually {usual:.0f}",
                usual=round(usual, 2),
                present=present,
                probability=probability,
                urls=(url,),
            )


def _failed(record: Mapping[str, Any]) -> dict[str, int]:
    kinds = {**(record.get("left_after_fetch") or {}), **(record.get("failures") or {})}
    return {str(kind): int(number) for kind, number in kinds.items() if kind not in UNTOLD}


def _judge_failures(before: Sequence[Mapping[str, Any]], record: Mapping[str, Any], site: str) -> Iterator[Alarm]:
    asked = _asked(record)
    for kind, failed in sorted(_failed(record).items()):
        runs = [(_failed(each).get(kind, 0), _asked(each)) for each in _since_accepted(before, kind) if _asked(each)]
        runs = runs[:RUNS]
        if failed < FEWEST_FAILURES or len(runs) < FEWEST_RUNS:
            continue
        usual = sum(k for k, _ in runs) / sum(n for _, n in runs)
        if failed < MORE * usual * asked:
            continue
        probability = share_tail([(n - min(k, n), n) for k, n in runs], asked - min(failed, asked), asked)
        if probability < RARE:
            urls = tuple(str(each["url"]) for each in record.get("failed_addresses") or () if each["reason"] == kind)
            yield Alarm(
                kind="failures",
                what=kind,
                site=site,
                message=(
                    f"{site}: {failed} of {asked} pages ended in {kind} ({failed / asked:.0%}), usually {usual:.1%}"
                    + (f": {' '.join(urls[:3])}" if urls else "")
                ),
                usual=round(usual, 4),
                present=round(failed / asked, 4),
                stories=asked,
                probability=probability,
                urls=urls[:3],
            )


def _asked(record: Mapping[str, Any]) -> int:
    """Return how many stories and listings a run asked for."""
    return int(record.get("asked") or 0) + len(record.get("listings") or ())


def _has_news(record: Mapping[str, Any]) -> bool:
    return any(row.get("new") for row in record.get("counts") or ()) or bool(record.get("held"))


def _judge_silence(before: Sequence[Mapping[str, Any]], record: Mapping[str, Any], site: str) -> Alarm | None:
    if _has_news(record):
        return None
    news: list[datetime] = []
    longest = timedelta(0)
    silences = 0
    for each in before:
        if each.get("accepted_at") and (told := _told_silence(each)):
            longest = max(longest, told)
        if _has_news(each):
            at = datetime.fromisoformat(str(each["started_at"]))
            if news:
                longest = max(longest, news[-1] - at)
                silences += 1
            news.append(at)
    if silences < SILENCES or news[0] - news[-1] < SHORTEST_PAST:
        return None
    now = datetime.fromisoformat(str(record["started_at"])) - news[0]
    if now <= LONGER * longest:
        return None
    day = timedelta(days=1)
    return Alarm(
        kind="silence",
        what=site,
        site=site,
        message=f"{site}: nothing new for {now / day:.1f} days, never more than {longest / day:.1f} before",
        usual=round(longest / day, 2),
        present=round(now / day, 2),
    )


def _told_silence(record: Mapping[str, Any]) -> timedelta | None:
    days: Iterable[float] = (each["present"] for each in record.get("alarms") or () if each.get("kind") == "silence")
    return max((timedelta(days=each) for each in days), default=None)
