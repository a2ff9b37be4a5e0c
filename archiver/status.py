"""How the sites of an archive are: from their run records. Pure: the clock is an argument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

COUNTED: Final = ("new", "changed", "same", "failed")


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteStatus:
    """One site, as `archiver status --json` prints it. Counts are those of the last run that ended."""

    spider: str
    site: str | None = None
    is_in_project: bool = True
    """False where the spider is gone: then no crawl is awaited."""
    last_success: str | None = None
    """When the last crawl of the whole site ended that ended well, or with an alarm that was accepted since; UTC."""
    age_seconds: float | None = None
    """Of that success."""
    is_late: bool = False
    """The last success is older than it may be, or there was none."""
    state: str = "never crawled"
    """`ended`, `running`, `killed` or `never crawled`: what became of the newest run."""
    last_run: str | None = None
    exit_code: int | None = None
    """Of the last run that ended."""
    seconds: float | None = None
    new: int = 0
    changed: int = 0
    same: int = 0
    failed: int = 0
    alarms: tuple[Mapping[str, Any], ...] = ()
    """Those of the last run and of the runs held back that no one has accepted, each with its `run`."""
    held: Mapping[str, int] | None = None
    """Run → stories of it that are held back."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"alarms": [dict(alarm) for alarm in self.alarms], "held": dict(self.held or {})}


def describe_site(
    spider: str,
    records: Sequence[Mapping[str, Any]],
    *,
    held: Mapping[str, int],
    now: datetime,
    max_age: timedelta,
    is_running: bool,
    is_in_project: bool,
) -> SiteStatus:
    """Return how a site is. `records` are its run records, newest first; `held` names its runs that are held back."""
    if not records:
        return SiteStatus(spider=spider, is_late=is_in_project, is_in_project=is_in_project, held=held)
    ended = [record for record in records if record.get("finished_at")]
    success = next((record for record in ended if is_success(record)), None)
    age = None if success is None else now - _time(success["finished_at"])
    last = ended[0] if ended else {}
    is_ended = records[0] is last
    counts = {what: sum(row.get(what) or 0 for row in last.get("counts") or ()) for what in COUNTED}
    return SiteStatus(
        spider=spider,
        site=records[0].get("site"),
        is_in_project=is_in_project,
        last_success=None if success is None else str(success["finished_at"]),
        age_seconds=None if age is None else age.total_seconds(),
        is_late=is_in_project and (age is None or age > max_age),
        state="ended" if is_ended else "running" if is_running else "killed",
        last_run=str(last["run"]) if last else None,
        exit_code=last.get("exit_code"),
        seconds=(_time(last["finished_at"]) - _time(last["started_at"])).total_seconds() if last else None,
        **counts,
        alarms=tuple(_open_alarms(records, last, held)),
        held=held,
    )


def _time(text: object) -> datetime:
    return datetime.fromisoformat(str(text))


def is_success(record: Mapping[str, Any]) -> bool:
    """Tell whether a run was a success: a crawl of a part of the site is none, it says nothing of the rest."""
    is_bounded = bool(set(record.get("arguments") or ()) - {"full"})
    is_well = record.get("exit_code") == 0 or (record.get("exit_code") == 5 and bool(record.get("accepted_at")))
    return is_well and not is_bounded


def _open_alarms(
    records: Iterable[Mapping[str, Any]], last: Mapping[str, Any], held: Mapping[str, int]
) -> Iterable[dict[str, Any]]:
    for record in records:
        if (record is last or record.get("run") in held) and not record.get("accepted_at"):
            yield from ({**alarm, "run": record.get("run")} for alarm in record.get("alarms") or ())


# Prometheus

_METRICS: Final = (
    ("last_success_timestamp_seconds", "When the last crawl of the whole site ended that ended well, Unix time."),
    ("late", "1 where the last success is older than it may be, or there was none."),
    ("last_run_exit_code", "Exit code of the last crawl that ended."),
    ("last_run_duration_seconds", "How long the last crawl that ended took."),
    ("last_run_stories", "Stories of the last crawl that ended, by outcome."),
    ("alarms", "Alarms of the last crawl, and of those held back, that no one has accepted."),
    ("held_stories", "Stories that an alarm holds back."),
    ("running", "1 while the site is being crawled."),
)


def format_metrics(sites: Iterable[SiteStatus]) -> str:
    """Return the sites as metrics in Prometheus' text format, for the textfile collector of node_exporter."""
    sites = list(sites)
    lines = []
    for name, help_text in _METRICS:
        lines += [f"# HELP archiver_{name} {help_text}", f"# TYPE archiver_{name} gauge"]
        for site in sites:
            for labels, value in _samples(site, name):
                told = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
                lines.append(f"archiver_{name}{{{told}}} {value}")
    return "\n".join(lines) + "\n"


def _samples(site: SiteStatus, name: str) -> list[tuple[dict[str, str], float | int]]:
    labels = {"spider": site.spider, "site": site.site or ""}
    if name == "last_run_stories":
        return [(labels | {"outcome": what}, getattr(site, what)) for what in COUNTED] if site.last_run else []
    success = None if site.last_success is None else _time(site.last_success).timestamp()
    value = {
        "last_success_timestamp_seconds": success,
        "late": int(site.is_late),
        "last_run_exit_code": site.exit_code,
        "last_run_duration_seconds": site.seconds,
        "alarms": len(site.alarms),
        "held_stories": sum((site.held or {}).values()),
        "running": int(site.state == "running"),
    }[name]
    return [] if value is None else [(labels, value)]


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
