"""Numbers → SVG that stands in a page: colours come from the page's own style, the text can be read by a screen reader."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

_BAR, _GAP = 9, 2
_LEFT, _TOP, _HEIGHT, _BOTTOM = 40, 12, 150, 34


def draw_days(days: Sequence[tuple[date, int]], *, label: str) -> Markup:
    """Return a bar a day; Mondays carry their date.

    >>> "<rect" in draw_days([(date(2026, 6, 29), 3)], label="Stories")
    True
    """
    top = _round_up(max((number for _, number in days), default=1))
    width = _LEFT + len(days) * (_BAR + _GAP) + 30
    parts = [
        Markup(
            '<svg class="chart" role="img" aria-label="{}" width="{}" height="{}" viewBox="0 0 {} {}" '
            'xmlns="http://www.w3.org/2000/svg">'
        ).format(label, width, _TOP + _HEIGHT + _BOTTOM, width, _TOP + _HEIGHT + _BOTTOM)
    ]
    for step in range(3):
        value = top * step // 2
        y = _TOP + _HEIGHT - _HEIGHT * value // top
        parts.append(Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(_LEFT, width, y, y))
        parts.append(Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(_LEFT - 6, y + 4, f"{value:,}"))
    for place, (day, number) in enumerate(days):
        x = _LEFT + place * (_BAR + _GAP)
        height = round(_HEIGHT * number / top, 1)
        parts.append(
            Markup(
                '<rect class="bar" x="{}" y="{}" width="{}" height="{}"><title>{}: {}</title></rect>'
            ).format(x, round(_TOP + _HEIGHT - height, 1), _BAR, height, day.isoformat(), f"{number:,}")
        )  # fmt: skip
        if day.weekday() == 0:
            parts.append(Markup('<line class="tick" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(
                x + _BAR / 2, _TOP + _HEIGHT, _TOP + _HEIGHT + 5
            ))  # fmt: skip
            parts.append(
                Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
                    x + _BAR / 2, _TOP + _HEIGHT + 20, f"{day.day} {day:%b}"
                )
            )
    return Markup("").join([*parts, Markup("</svg>")])


def draw_bar(number: int, most: int) -> Markup:
    """Return a bar as long as the number is to the greatest; the number itself stands beside it, as text."""
    return Markup(
        '<svg class="meter" aria-hidden="true" width="100" height="12" viewBox="0 0 100 12" preserveAspectRatio="none" '
        'xmlns="http://www.w3.org/2000/svg"><rect class="bar" width="{}" height="12"/></svg>'
    ).format(round(100 * number / max(most, 1), 1))


def _round_up(number: int) -> int:
    """Return a round number, even for the mark in the middle, that is not less.

    >>> [_round_up(number) for number in (0, 1, 7, 12, 99, 1234)]
    [2, 2, 8, 20, 100, 2000]
    """
    tenfold = 1
    while 10 * tenfold < number:
        tenfold *= 10
    return next(
        limit for step in (1, 2, 3, 4, 5, 6, 8, 10) if (limit := step * tenfold) >= max(number, 2) and limit % 2 == 0
    )
