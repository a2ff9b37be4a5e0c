"""Dates as pages write them, in structured data and in words. Pure: the caller says what "now" is."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from archiver.items import NO_TIME

FIRST_PAGE: Final = datetime(1991, 8, 6, tzinfo=UTC)
"""The first web page. A story that claims to be older is misread or lies."""

_MONTHS_BY_LANGUAGE: Final = """
january february march april may june july august september october november december
jan feb mar apr may jun jul aug sep oct nov dec
- - - - - - - - sept - - -
januar februar märz april mai juni juli august september oktober november dezember
jänner feber mrz apr mai jun jul aug sep okt nov dez
jän - mär - - - - - - - - -
janvier février mars avril mai juin juillet août septembre octobre novembre décembre
janv févr - avr - - juil aoû - oct - déc
- fév - - - - - aout - - - -
enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
ene - - abr - - - ago setiembre - - dic
janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
- fev mar abr mai jun jul ago set out nov dez
gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
gen - - - mag giu lug - - ott - -
gener febrer març abril maig juny juliol agost setembre octubre novembre desembre
xaneiro febreiro - - - xuño xullo - - - - decembro
januari februari maart april mei juni juli augustus september oktober november december
- - mrt - mei - - - - okt - -
januari februari mars april maj juni juli augusti september oktober november december
januar februar marts april maj juni juli august september oktober november desember
janúar febrúar mars apríl maí júní júlí ágúst september október nóvember desember
tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta
tammi helmi maalis huhti touko kesä heinä elo syys loka marras joulu
jaanuar veebruar märts aprill mai juuni juuli august september oktoober november detsember
janvāris februāris marts aprīlis maijs jūnijs jūlijs augusts septembris oktobris novembris decembris
janvārī februārī martā aprīlī maijā jūnijā jūlijā augustā septembrī oktobrī novembrī decembrī
sausio vasario kovo balandžio gegužės birželio liepos rugpjūčio rugsėjo spalio lapkričio gruodžio
stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad grudzień
sty lut mar kwi maj cze lip sie wrz paź lis gru
ledna února března dubna května června července srpna září října listopadu prosince
leden únor březen duben květen červen červenec srpen - říjen - prosinec
januára februára marca apríla mája júna júla augusta septembra októbra novembra decembra
január február március április május június július augusztus szeptember október november december
- febr márc ápr máj jún júl - szept - - -
siječnja veljače ožujka travnja svibnja lipnja srpnja kolovoza rujna listopada studenoga prosinca
- - - - - - - - - - studenog -
januar februar mart april maj jun jul avgust septembar oktobar novembar decembar
januarja februarja marca aprila maja junija julija avgusta septembra oktobra novembra decembra
јануар фебруар март април мај јун јул август септембар октобар новембар децембар
януари февруари март април май юни юли август септември октомври ноември декември
января февраля марта апреля мая июня июля августа сентября октября ноября декабря
январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь
янв фев мар апр май июн июл авг сен окт ноя дек
- февр - - - - - - сент - нояб -
січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня
студзеня лютага сакавіка красавіка мая чэрвеня ліпеня жніўня верасня кастрычніка лістапада снежня
қаңтар ақпан наурыз сәуір мамыр маусым шілде тамыз қыркүйек қазан қараша желтоқсан
ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık
oca şub - nis - haz tem ağu eyl eki kas ara
yanvar fevral mart aprel may iyun iyul avqust sentyabr oktyabr noyabr dekabr
ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie
ian - - - - iun iul - - - noi -
ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου αυγούστου σεπτεμβρίου οκτωβρίου νοεμβρίου δεκεμβρίου
ιαν φεβ μαρ απρ μαΐ ιουν ιουλ αυγ σεπ οκτ νοε δεκ
ιανουάριος φεβρουάριος μάρτιος απρίλιος μάιος ιούνιος ιούλιος αύγουστος σεπτέμβριος οκτώβριος νοέμβριος δεκέμβριος
januari februari mac april mei jun julai ogos september oktober november disember
januari pebruari maret april mei juni juli agustus september oktober nopember desember
- - - - - - - agu - - - des
enero pebrero marso abril mayo hunyo hulyo agosto setyembre oktubre nobyembre disyembre
يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر
- شباط آذار نيسان أيار حزيران تموز آب أيلول - - -
جانفي فيفري - أفريل ماي جوان جويلية أوت - - - -
- - - ابريل - - يوليوز اغسطس شتنبر اكتوبر نونبر دجنبر
ژانویه فوریه - آوریل - ژوئن ژوئیه اوت سپتامبر اکتبر نوامبر دسامبر
جنوری فروری مارچ اپریل مئی جون جولائی اگست ستمبر اکتوبر نومبر دسمبر
בינואר בפברואר במרץ באפריל במאי ביוני ביולי באוגוסט בספטמבר באוקטובר בנובמבר בדצמבר
ינואר פברואר מרץ אפריל מאי יוני יולי אוגוסט ספטמבר אוקטובר נובמבר דצמבר
जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर
- फरवरी - - - - - - सितम्बर अक्तूबर नवम्बर दिसम्बर
জানুয়ারি ফেব্রুয়ারি মার্চ এপ্রিল মে জুন জুলাই আগস্ট সেপ্টেম্বর অক্টোবর নভেম্বর ডিসেম্বর
มกราคม กุมภาพันธ์ มีนาคม เมษายน พฤษภาคม มิถุนายน กรกฎาคม สิงหาคม กันยายน ตุลาคม พฤศจิกายน ธันวาคม
"""
"""Names and short forms of the months, in the case in which dates have them. `-` is a name that another line has."""


def _read_months() -> dict[str, int]:
    months: dict[str, int] = {}
    for line in unicodedata.normalize("NFC", _MONTHS_BY_LANGUAGE).split("\n"):
        for number, name in enumerate(line.split(), start=1):
            months.setdefault(name, number)  # `listopada` is November in Polish, October in Croatian: first wins
    months.pop("-")
    return months


MONTHS: Final = _read_months()

_ZONES: Final = {
    "utc": 0, "gmt": 0, "z": 0, "ut": 0, "wet": 0, "bst": 60, "west": 60, "cet": 60, "cest": 120, "mez": 60, "mesz": 120,
    "eet": 120, "eest": 180, "msk": 180, "ist": 330, "sgt": 480, "hkt": 480, "jst": 540, "kst": 540, "aest": 600,
    "aedt": 660, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360, "pst": -480, "pdt": -420,
}  # fmt: skip
"""Zone abbreviations in news datelines, minutes east of UTC."""

_PLACES: Final = {
    "et": "America/New_York", "eastern": "America/New_York", "ct": "America/Chicago", "central": "America/Chicago",
    "mt": "America/Denver", "mountain": "America/Denver", "pt": "America/Los_Angeles", "pacific": "America/Los_Angeles",
}  # fmt: skip
"""Zones whose name leaves it to the day whether it is summer time."""
_US_ZONE: Final = r"(?:Eastern|Central|Mountain|Pacific)\b(?:(?=\s(?:Time|Standard|Daylight)\b)|(?!\s?[\w-]))"
_ZONE: Final = rf"(?P<zone>[A-Za-z]{{1,4}}\b|{_US_ZONE})"

_TIME = r"""(?P<hour>[0-2]?\d)\s?(?:[:.hH]|\s?uhr\s?)\s?(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:[.,](?P<fraction>\d{1,9}))?)?
            \s?(?P<half>[ap]\.?m\b\.?)?"""
_OFFSET = r"(?:(?:GMT|UTC)\s?)?(?P<sign>[+\-−])(?P<zh>\d\d):?(?P<zm>\d\d)?"

_YEAR = r"(?P<year>(?:19|20|25)\d{2})"
_ISO = re.compile(
    rf"""(?<!\d)(?P<year>\d{{4}})(?P<sep>[-/]|\.\s?)(?P<month>[01]?\d)(?P=sep)(?P<day>[0-3]?\d)(?!\d)
         (?:(?:T|\.\s|\s*,?\s{{0,3}}(?:at|um|à|-|–)?\s?){_TIME}\s?(?:{_OFFSET}|{_ZONE})?)?""",
    re.VERBOSE,
)
_CJK = re.compile(
    r"(?P<year>\d{4})\s?[年년]\s?(?P<month>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})\s?[日일]"
    r"(?:\D{0,6}?(?P<hour>\d{1,2})[:時时시]\s?(?P<minute>\d{2}))?"
)
_NUMERIC = re.compile(rf"(?<![\d./-])(?P<first>[0-3]?\d)(?P<sep>[./-])(?P<second_>[0-3]?\d)(?P=sep){_YEAR}(?!\d)")
_NUMERIC_SHORT = re.compile(
    r"(?<![\d./-])(?P<first>[0-3]?\d)(?P<sep>[./])(?P<second_>[0-3]?\d)(?P=sep)(?P<year>\d\d)(?![\d./-])"
)
_WORD = r"(?:d['’])?(?P<name>[^\W\d_][^\s\d.,،;:/|()\[\]·•–—-]{1,14})"
_GAP = r"[\s,،\-–/]{0,3}"
_DAY_FIRST = re.compile(
    rf"(?<!\d)(?P<day>[0-3]?\d)(?:st|nd|rd|th|er|º|ª)?\.?[\s\-–/]{{0,3}}(?:de\s|of\s|ta\s)?{_WORD}\.?(?:\s?/\s?[^\W\d_]{{3,10}})?{_GAP}(?:de\s|del\s)?{_YEAR}(?!\d)"
)
_MONTH_FIRST = re.compile(
    rf"(?<![^\W\d_]){_WORD}(?:\.|[\s\-–/])[\s\-–/]{{0,2}}(?:the\s)?(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\.?[\s,\-–/]{{1,4}}{_YEAR}(?!\d)"
)
_YEAR_FIRST = re.compile(rf"(?<!\d){_YEAR}(?:\.|\sm\.|,)?[\s-]{_WORD}\.?[\s-](?P<day>[0-3]?\d)(?!\d)")
_YEAR_DAY = re.compile(rf"(?<!\d){_YEAR}\.\sgada\s(?P<day>[0-3]?\d)\.\s{_WORD}")
_STAMP = re.compile(rf"{_WORD}\s(?P<day>[0-3]?\d)\s\d\d:\d\d:\d\d\s(?:[A-Z]{{3,4}}\s|[+-]\d{{4}}\s)?{_YEAR}(?!\d)")
_NUMBERED_MONTH = re.compile(
    rf"(?<!\d)(?P<day>[0-3]?\d)\s(?:tháng|thg)\s?(?P<month>[01]?\d),?\s(?:năm\s)?{_YEAR}(?!\d)", re.IGNORECASE
)
_CLOCK = re.compile(rf"(?<![\d:]){_TIME}(?!\d)\s?(?:{_OFFSET}|\(?{_ZONE})?", re.VERBOSE | re.IGNORECASE)
_HOUR = re.compile(rf"(?<![\d:])(?P<hour>1?\d)\s?(?P<half>[ap])\.?m\b(?:\.?\s{_ZONE})?", re.IGNORECASE)
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
_MIDNIGHT: Final = time()
_YEAR_OR_SHORT = re.compile(r"\d{4}|\d[./]\d\d?[./]\d\d")
_BUDDHIST: Final = 543
"""Years by which the Thai calendar is ahead."""
_DIGITS: Final = {ord(c): str(i % 10) for i, c in enumerate("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९০১২৩৪৫৬৭৮৯๐๑๒๓๔๕๖๗๘๙")}
_EDGE = 160
"""Longest text that is still read as a date line; what is longer is prose."""


@dataclass(frozen=True, slots=True)
class DateReading:
    """A date as read: when, UTC, and what the text left out."""

    at: datetime
    day: date
    """As the text has it, in its own zone."""
    has_time: bool
    is_midnight: bool
    """As the text has it, in its own zone; also where it has no time."""
    has_zone: bool
    other: datetime | None = None
    """The same with day and month the other way round, where both are 12 at most: `06/07/2026`, `06.07.2026`."""
    start: int = 0
    end: int = 0
    """Where the day stands in the text, white space around it gone; its time of day may stand elsewhere."""

    @property
    def is_day(self) -> bool:
        """Whether the text tells no time of day. Midnight to the second stands for the day: of the real pages of the tests that
        print a clock, 13 of 359 print that one, and no other full hour more than 4."""
        return not self.has_time or self.is_midnight

    @property
    def left_out(self) -> str:
        """What is to be noted beside the rule that found the date."""
        if self.is_day:
            return f", midnight: {NO_TIME}" if self.has_time else f", {NO_TIME}"
        return "" if self.has_zone else ", no zone: taken as UTC"


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
    if not 6 <= len(text) <= _EDGE or not _YEAR_OR_SHORT.search(text):
        return None
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).translate(_DIGITS)
    if _EPOCH.fullmatch(text):
        return _from_epoch(text)
    if compact := _COMPACT.fullmatch(text):
        return _build(compact, _int(compact, "month"), _int(compact, "day"), compact)
    if iso := _ISO.search(text):
        clock = iso if iso["hour"] else _HOUR.search(text, iso.end())
        return _build(iso, _int(iso, "month"), _int(iso, "day"), clock)
    if cjk := _CJK.search(text):
        return _build(cjk, _int(cjk, "month"), _int(cjk, "day"), cjk)
    for pattern in (_DAY_FIRST, _MONTH_FIRST, _YEAR_FIRST, _YEAR_DAY, _STAMP):
        for words in pattern.finditer(text):
            month = _month(words["name"])
            if month:
                clock = _CLOCK.search(text, words.start()) if pattern is _STAMP else _clock(text, words)
                return _build(words, month, _int(words, "day"), clock)
    if numbered := _NUMBERED_MONTH.search(text):
        return _build(numbered, _int(numbered, "month"), _int(numbered, "day"), _clock(text, numbered))
    return _read_numeric(text, language)


def _read_numeric(text: str, language: str | None) -> DateReading | None:
    """`29.6.2026`, `6/29/2026`; with a year of two digits only where the line says little more."""
    numeric = _NUMERIC.search(text) or (_NUMERIC_SHORT.search(text) if len(text) <= 60 else None)
    if not numeric:
        return None
    month, day = _order(numeric, language)
    clock = _clock(text, numeric)
    reading = _build(numeric, month, day, clock)
    if reading and max(month, day) <= 12 and month != day:
        other = _build(numeric, day, month, clock)
        return replace(reading, other=other.at if other else None)
    return reading


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


def _build(match: re.Match[str], month: int, day: int, clock: re.Match[str] | None) -> DateReading | None:
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
        year = int(match["year"])
        if len(match["year"]) == 2:
            year += 2000
        elif 2500 <= year < 2600:
            year -= _BUDDHIST
        at = datetime(
            year,
            month,
            day,
            hour,
            int(parts.get("minute") or 0),
            int(second),
            micro,
            zone or UTC,
        )
        return DateReading(
            at=at.astimezone(UTC),
            day=at.date(),
            has_time=bool(parts.get("hour")),
            is_midnight=at.time() == _MIDNIGHT,
            has_zone=zone is not None,
            start=match.start(),
            end=match.end(),
        )
    except (ValueError, OverflowError):  # 31 June; an hour of 25; year 1 east of Greenwich
        return None


def _zone(parts: dict[str, str | None]) -> tzinfo | None:
    if parts.get("sign"):
        minutes = int(parts["zh"] or 0) * 60 + int(parts["zm"] or 0)
        if minutes > 14 * 60:
            return None
        return timezone(timedelta(minutes=minutes if parts["sign"] == "+" else -minutes))
    name = (parts.get("zone") or "").lower()
    if name in _PLACES:
        return ZoneInfo(_PLACES[name])
    minutes_east = _ZONES.get(name)
    return timezone(timedelta(minutes=minutes_east)) if minutes_east is not None else None


def _from_epoch(text: str) -> DateReading | None:
    seconds = int(text[:10])
    at = datetime.fromtimestamp(seconds, UTC)
    is_midnight = at.time() == _MIDNIGHT
    return DateReading(at=at, day=at.date(), has_time=True, is_midnight=is_midnight, has_zone=True, end=len(text))


def in_range(at: datetime, now: datetime | None) -> bool:
    """Tell whether a story can have been published then: since the first web page, and at most a day ahead of `now`
    (zones left out move a date by less).
    """
    return at >= FIRST_PAGE and (now is None or at <= now + timedelta(days=1))
