"""Figures → one HTML file that needs nothing else: no script, no request, no style but its own."""

from __future__ import annotations

import base64
import hashlib
from datetime import date, datetime, timedelta
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from archiver.report.charts import draw_bar, draw_days
from archiver.report.figures import Figures

STATES = {
    "complete": "complete: all that was listed was seen",
    "incomplete": "incomplete: something was lost",
    "nothing": "nothing was seen",
    "none": "no crawl",
}


def render_page(figures: Figures) -> str:
    """Return the page. All text of the archive is escaped; links lead to http and https addresses alone."""
    style = files("archiver.report").joinpath("report.css").read_text(encoding="utf-8")
    environment = Environment(
        loader=PackageLoader("archiver.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"day": _day, "time": _time, "lag": describe_lag, "address": _address, "number": _number}
    chart = draw_days(
        [(row["date"], row["stories"]) for row in figures.days],
        label=f"Bars: stories by day of publication, {len(figures.days)} days",
    )
    return environment.get_template("report.html.j2").render(
        figures=figures,
        style=Markup(style),  # noqa: S704 - a file of ours
        style_digest=_digest(style),
        chart=chart,
        draw_bar=draw_bar,
        states=STATES,
    )


def _digest(style: str) -> str:
    """What a Content-Security-Policy calls an inline style by: no other one counts, be it smuggled in."""
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _number(number: int) -> str:
    return f"{number:,}"


def describe_lag(lag: timedelta) -> str:
    """Return how long after the first.

    >>> [describe_lag(timedelta(minutes=minutes)) for minutes in (0, 59, 60, 205, 60 * 50)]
    ['first', '59 min later', '1 h later', '3 h 25 min later', '2 d 2 h later']
    """
    minutes = int(lag.total_seconds() // 60)
    if minutes <= 0:
        return "first"
    units = [("d", minutes // 1440), ("h", minutes % 1440 // 60), ("min", minutes % 60)]
    parts = [f"{number} {unit}" for unit, number in units if number][:2]
    return f"{' '.join(parts)} later"


def _address(url: Any) -> str | None:
    """An address that a reader can follow; a `javascript:` one is none."""
    try:
        parts = urlsplit(str(url))
    except ValueError:
        return None
    return str(url) if parts.scheme in ("http", "https") and parts.netloc else None
