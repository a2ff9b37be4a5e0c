"""Dates as pages write them, in structured data and in words. Pure: the caller says what "now" is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

FIRST_PAGE: Final = datetime(1991, 8, 6, tzinfo=UTC)
"""The first web page. A story that claims to be older is misread or lies."""

_MONTHS_BY_LANGUAGE: Final = """
january february march april may june july august september october november december
jan feb mar apr may jun jul aug sep oct nov dec
- - - - - - - - sept - - -
januar februar märz april mai juni juli august september oktober november dezember
jänner feber mrz apr mai jun jul aug sep okt nov dez
janvier février mars avril mai juin juillet août septembre octobre novembre décembre
janv févr - avr - - juil - - oct - déc
enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
ene - - abr - - - ago setiembre - - dic
janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
- fev mar abr mai jun jul ago set out nov dez
gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
gen - - - mag giu lug - - ott - -
januari februari maart april mei juni juli augustus september oktober november december
- - mrt - mei - - - - okt - -
januari februari mars april maj juni juli augusti september oktober november december
januar februar marts april maj juni juli august september oktober november desember
tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta
stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
sty lut mar kwi maj cze lip sie wrz paź lis gru
ledna února března dubna května června července srpna září října listopadu prosince
января февраля марта апреля мая июня июля августа сентября октября ноября декабря
янв фев мар апр мая июн июл авг сен окт ноя дек
січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня
ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık
ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie
januari februari mac april mei jun julai ogos september oktober november disember
januari pebruari maret april mei juni juli agustus september oktober nopember desember
sausio vasario kovo balandžio gegužės birželio liepos rugpjūčio rugsėjo spalio lapkričio gruodžio
január február március április május június július augusztus szeptember október november december
ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου αυγούστου σεπτεμβρίου οκτωβρίου νοεμβρίου δεκεμβρίου
siječnja veljače ožujka travnja svibnja lipnja srpnja kolovoza rujna listopada studenoga prosinca
"""


def _read_months() -> dict[str, int]:
    months: dict[str, int] = {}
    for line in _MONTHS_BY_LANGUAGE.split("\n"):
        for number, name in enumerate(line.split(), start=1):
            months.setdefault(name, number)  # `listopada` is November in Polish, October in Croatian: first wins
    months.pop("-")
    return months


MONTHS: Final = _read_months()

_ZONES: Final = {
    "utc": 0, "gmt": 0, "z": 0, "ut": 0, "wet": 0, "bst": 60, "west": 60, "cet": 60, "cest": 120, "mez": 60, "mesz": 120,
    "eet": 120, "eest": 180, "msk": 180, "ist": 330, "sgt": 480, "hkt": 480, "jst": 540, "kst": 540, "aest": 600,
    "aedt": 660, "est": -300, "edt": -240, "et": -300, "cst": -360, "cdt": -300, "ct": -360, "mst": -420, "mdt": -360,
    "mt": -420, "pst": -480, "pdt": -420, "pt": -480,
}  # fmt: skip
"""Zone abbreviations in news datelines, minutes east of UTC. `ET`, `CT`, `MT` and `PT` are taken at standard time: the
hour that may be wrong in summer does not change a story's day but around midnight."""

_TIME = r"""(?P<hour>[0-2]?\d)\s?(?:[:.hH]|\s?uhr\s?)\s?(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:[.,](?P<fraction>\d{1,9}))?)?
            \s?(?P<half>[ap]\.?m\b\.?)?"""
_OFFSET = r"(?:(?:GMT|UTC)\s?)?(?P<sign>[+\-−])(?P<zh>\d\d):?(?P<zm>\d\d)?"

_ISO = re.compile(
    rf"""(?<!\d)(?P<year>\d{{4}})(?P<sep>[-/.])(?P<month>[01]?\d)(?P=sep)(?P<day>[0-3]?\d)(?!\d)
         (?:(?:T|\s*,?\s{{0,3}}(?:at|um|à|-|–)?\s?){_TIME}\s?(?:{_OFFSET}|(?P<zone>[A-Za-z]{{1,4}})\b)?)?""",
    re.VERBOSE,
)
_CJK = re.compile(
    r"(?P<year>\d{4})\s?[年년]\s?(?P<month>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})\s?[日일]"
    r"(?:\D{0,6}?(?P<hour>\d{1,2})[:時时시]\s?(?P<minute>\d{2}))?"
)
_NUMERIC = re.compile(
    r"(?<![\d./-])(?P<first>[0-3]?\d)(?P<sep>[./-])(?P<second_>[0-3]?\d)(?P=sep)(?P<year>(?:19|20)\d{2})(?!\d)"
)
_WORD = r"(?P<name>[^\W\d_]{3,14})"
_DAY_FIRST = re.compile(
    rf"(?<!\d)(?P<day>[0-3]?\d)(?:st|nd|rd|th|er|º|ª)?\.?[\s\-–/]{{0,3}}(?:de\s|of\s|ta\s)?{_WORD}\.?,?[\s\-–/]{{0,3}}(?:de\s|del\s)?(?P<year>(?:19|20)\d{{2}})(?!\d)"
)
_MONTH_FIRST = re.compile(
    rf"(?<![^\W\d_]){_WORD}\.?[\s\-–/]{{1,3}}(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\.?,?[\s\-–/]{{1,3}}(?P<year>(?:19|20)\d{{2}})(?!\d)"
)
_YEAR_FIRST = re.compile(rf"(?<!\d)(?P<year>(?:19|20)\d{{2}})\.?\s{_WORD}\.?\s(?P<day>[0-3]?\d)(?!\d)")
_CLOCK = re.compile(
    rf"(?<![\d:]){_TIME}(?!\d)\s?(?:{_OFFSET}|\(?(?P<zone>[A-Za-z]{{1,4}})\b)?", re.VERBOSE | re.IGNORECASE
)
_HOUR = re.compile(r"(?<![\d:])(?P<hour>1?\d)\s?(?P<half>[ap])\.?m\b", re.IGNORECASE)
_COMPACT = re.compile(
    r"(?P<year>(?:19|20)\d{2})(?P<month>[01]\d)(?P<day>[0-3]\d)(?:T?(?P<hour>[0-2]\d)(?P<minute>[0-5]\d)(?P<second>[0-5]\d)?(?P<zone>Z)?)?"
)
_EPOCH = re.compile(r"\d{10}(?:\d{3})?(?:\.\d+)?")
_URL_DATE = re.compile(
    r"""/(?P<year>(?:19|20)\d{2})
        (?: [/-](?P<month>0?[1-9]|1[0-2]|[a-z]{3})[/-](?P<day>0?[1-9]|[12]\d|3[01])(?=[/_.-]|$)
          | (?P<month2>0[1-9]|1[0-2])(?P<day2>0[1-9]|[12]\d|3[01])(?=[/_.-]|$) )""",
    re.VERBOSE | re.IGNORECASE,
)
_EDGE = 160
"""Longest text that is still read as a date line; what is longer is prose."""


@dataclass(frozen=True, slots=True)
class DateReading:
    """A date as read: when, UTC, and what the text left out."""

    at: datetime
    has_time: bool
    has_zone: bool


def parse_date(text: str, *, language: str | None = None) -> datetime | None:
    """Return the first date in a short text as UTC, or None.

    >>> parse_date("Published: 29 June 2026, 3:05 pm EDT")
    datetime.datetime(2026, 6, 29, 19, 5, tzinfo=datetime.timezone.utc)
    >>> parse_date("06/07/2026", language="en-GB")
    datetime.datetime(2026, 7, 6, 0, 0, tzinfo=datetime.timezone.utc)
    """
    reading = read_date(text, language=language)
    return reading.at if reading else None


def read_date(text: str, *, language: str | None = None) -> DateReading | None:
    """Return the first date in a short text with what it left out; None where there is none or it is prose.

    `language` decides `06/07/2026`: month first for `en`, `en-US` and unknown, day first elsewhere.
    """
    text = text.strip()
    if not 6 <= len(text) <= _EDGE:
        return None
    if _EPOCH.fullmatch(text):
        return _from_epoch(text)
    if compact := _COMPACT.fullmatch(text):
        return _build(compact, _int(compact, "month"), _int(compact, "day"), compact)
    if iso := _ISO.search(text):
        clock = iso if iso["hour"] else _HOUR.search(text, iso.end())
        return _build(iso, _int(iso, "month"), _int(iso, "day"), clock)
    if cjk := _CJK.search(text):
        return _build(cjk, _int(cjk, "month"), _int(cjk, "day"), cjk)
    for pattern in (_DAY_FIRST, _MONTH_FIRST, _YEAR_FIRST):
        for words in pattern.finditer(text):
            month = _month(words["name"])
            if month:
                return _build(words, month, _int(words, "day"), _clock(text, words))
    if numeric := _NUMERIC.search(text):
        month, day = _order(numeric, language)
        return _build(numeric, month, day, _clock(text, numeric))
    return None


def read_url_date(url: str) -> DateReading | None:
    """Return the date in an address's path: `/2026/06/29/`, `/2026-06-29-`, `/20260629/`.

    >>> read_url_date("https://a.example/news/2026/06/29/slug").at.day
    29
    """
    found = _URL_DATE.search(url)
    if not found:
        return None
    month = found["month"] or found["month2"]
    number = int(month) if month.isdigit() else MONTHS.get(month.lower(), 0)
    return _build(found, number, int(found["day"] or found["day2"]), None)


def _month(name: str) -> int:
    name = name.lower()
    return MONTHS.get(name) or MONTHS.get(name.removesuffix("a"), 0) if len(name) > 5 else MONTHS.get(name, 0)


def _int(match: re.Match[str], group: str) -> int:
    return int(match[group])


def _order(match: re.Match[str], language: str | None) -> tuple[int, int]:
    first, second = int(match["first"]), int(match["second_"])
    if match["sep"] == "." or first > 12:
        return second, first
    if second > 12:
        return first, second
    tag = (language or "en").lower()
    month_first = tag.split("-")[0] == "en" and tag in ("en", "en-us", "en-ph")
    return (first, second) if month_first else (second, first)


def _clock(text: str, date: re.Match[str]) -> re.Match[str] | None:
    """The clock time next to a date: after it, else before it."""
    return (
        _CLOCK.search(text, date.end())
        or _HOUR.search(text, date.end())
        or _CLOCK.search(text, 0, date.start())
        or _HOUR.search(text, 0, date.start())
    )


def _build(date: re.Match[str], month: int, day: int, clock: re.Match[str] | None) -> DateReading | None:
    parts = clock.groupdict() if clock else {}
    hour = int(parts.get("hour") or 0)
    half = (parts.get("half") or "").lower()
    if half.startswith("p") and hour < 12:
        hour += 12
    elif half.startswith("a") and hour == 12:
        hour = 0
    zone = _zone(parts)
    second = parts.get("second") or "0"
    micro = int((parts.get("fraction") or "0")[:6].ljust(6, "0"))
    try:
        at = datetime(
            int(date["year"]),
            month,
            day,
            hour,
            int(parts.get("minute") or 0),
            int(second),
            micro,
            zone or UTC,
        )
        return DateReading(at.astimezone(UTC), has_time=bool(parts.get("hour")), has_zone=zone is not None)
    except (ValueError, OverflowError):  # 31 June; an hour of 25; year 1 east of Greenwich
        return None


def _zone(parts: dict[str, str | None]) -> timezone | None:
    if parts.get("sign"):
        minutes = int(parts["zh"] or 0) * 60 + int(parts["zm"] or 0)
        if minutes > 14 * 60:
            return None
        return timezone(timedelta(minutes=minutes if parts["sign"] == "+" else -minutes))
    minutes_east = _ZONES.get((parts.get("zone") or "").lower())
    return timezone(timedelta(minutes=minutes_east)) if minutes_east is not None else None


def _from_epoch(text: str) -> DateReading | None:
    seconds = int(text[:10])
    return DateReading(datetime.fromtimestamp(seconds, UTC), has_time=True, has_zone=True)


def in_range(at: datetime, now: datetime | None) -> bool:
    """Tell whether a story can have been published then: since the first web page, and at most a day ahead of `now`
    (zones left out move a date by less).
    """
    return at >= FIRST_PAGE and (now is None or at <= now + timedelta(days=1))
