"""When the story was published and last modified: every date that the page gives, weighed; the heaviest wins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from archiver.extract.blocks import Blocks
from archiver.extract.datelines import Shown, find_shown, is_sentence
from archiver.extract.dates import FIRST_PAGE, DateReading, in_range, read_date, read_url_date
from archiver.extract.structured import Node, Structured, texts_of
from archiver.extract.trace import Trace
from archiver.urls import registered_domain

_PUBLISHED_META: Final = (
    "article:published_time", "og:article:published_time", "og:published_time", "article:published",
    "datepublished", "parsely-pub-date", "sailthru.date", "publishdate", "publish-date", "publish_date",
    "publication_date", "pubdate", "published_time", "published-date", "article.published", "dc.date.issued",
    "dcterms.created", "dcterms.issued", "dc.date.created", "dc.date.publication", "citation_publication_date",
    "citation_date", "cxenseparse:recs:publishtime", "article_date_original", "originalpublicationdate",
    "article:created", "rnews:datepublished", "creation_date", "shareaholic:article_published_time", "date_published",
    "displaydate", "og:pubdate",
)  # fmt: skip
_VAGUE_META: Final = ("date", "dc.date", "dcterms.date")
_PUBLISHED_NAME: Final = re.compile(
    r"(?<![a-z])(?:publi(?:sh|shed|cation)|pub|release)[^a-z]?(?:date|time|on|at)(?![a-z])"
)
_OTHER_NAME: Final = re.compile(r"modif|updat|last|expir|review")
_MODIFIED_META: Final = (
    "article:modified_time", "og:updated_time", "og:modified_time", "article:modified", "datemodified",
    "dcterms.modified", "dc.date.modified", "lastmod", "last-modified", "last-updated-date", "revised",
)  # fmt: skip

_WEIGHTS: Final = {
    "datePublished": 90.0,
    "dateCreated": 86.0,
    "uploadDate": 85.0,
    "meta": 80.0,
    "vague meta": 72.0,
    "datePublished of the page": 70.0,
    "time": 60.0,
    "line": 56.0,
    "url": 52.0,
    "meta by its name": 48.0,
    "labelled elsewhere": 46.0,
    "datePublished of anything": 40.0,
    "shown as updated": 20.0,
    "amid other words": 0.0,
}
"""What each kind of evidence weighs. The heaviest date in range wins, the first of equals; 0 is no evidence."""
_BEFORE_TITLE: Final = -6.0
_SAYS_PUBLISHED: Final = 3.0
_BEFORE_DATA: Final = 100.0
"""What a date line gains that the data's date contradicts by being later."""
_MODIFIED_WEIGHTS: Final = {"dateModified": 90.0, "meta": 80.0, "shown as updated": 20.0}
_TELLS_TIME: Final = 1.0
_LEAST_TIMED: Final = _WEIGHTS["line"] + _BEFORE_TITLE
"""What evidence must weigh to tell the time of a day that heavier evidence gives without one."""
_FEW_WORDS: Final = 3
_MANY_WORDS: Final = 10
_MAX_BLOCKS: Final = 3_000
"""Blocks that are searched for dates that tell the order of day and month."""
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_NEAR_BEFORE: Final = -2
"""Blocks over the headline at which a date line is still the story's."""

_MONTH_FIRST_DOMAINS: Final = frozenset("us ph ca io co tv ai me fm ly to gg cc so sh ws ms".split())
"""Domains of countries that write the month first, or that anybody may use: they do not say that the day is first."""


@dataclass(slots=True)
class DatesFound:
    """The dates, and where the first came from."""

    published: datetime | None = None
    raw: str | None = None
    source: str | None = None
    rule: str | None = None
    modified: datetime | None = None
    flags: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Candidate:
    source: str
    raw: str
    reading: DateReading
    weight: float
    why: str


def find_dates(
    page: Blocks,
    data: Structured,
    url: str,
    title_index: int,
    body_index: int,
    language: str | None,
    now: datetime | None,
    trace: Trace | None = None,
) -> DatesFound:
    """Find both dates. A date before the first web page or ahead of `now` is passed over and flagged."""
    language = _with_region(language, url, data)
    article = data.article() or {}
    source = "json-ld" if any(article is node for node in data.nodes) else "microdata"

    def lacks(candidates: list[_Candidate], weight: float) -> bool:
        """Whether lesser evidence is wanted: by a reader of the trace, or for want of better."""
        return trace is not None or not any(
            c.weight > weight and in_range(c.reading.at, now) and not c.reading.is_day for c in candidates
        )

    said = list(_said(article, source, data, language))
    if lacks(said, _WEIGHTS["datePublished of the page"]):
        said += _said_of_page(data, language)
    shown = find_shown(page, title_index, body_index, language)
    weighed = [_weigh(s) for s in shown]
    candidates = [*said, *weighed]
    if lacks(candidates, _WEIGHTS["url"]):
        candidates += _elsewhere(data, url, language)
    modified = [*_modified(article, source, data, language), *_shown_as_updated(shown)]
    _settle_order([*candidates, *modified], page, language, now)
    _prefer_shown(said, weighed, shown, now)
    _prefer_timed(candidates, now)
    found = DatesFound()
    winner = _choose("published_at", candidates, now, found, trace)
    if winner:
        found.published, found.raw, found.source = winner.reading.at, winner.raw, winner.source
        found.rule = winner.source + winner.reading.left_out
    winner = _choose("modified_at", modified, now, None, trace)
    found.modified = winner.reading.at if winner else None
    return found


def _choose(
    column: str, candidates: list[_Candidate], now: datetime | None, found: DatesFound | None, trace: Trace | None
) -> _Candidate | None:
    """The heaviest candidate that is in range; that one was passed over for its range is flagged."""
    winner = None
    for c in sorted(candidates, key=lambda c: -c.weight):
        if winner and trace is None:
            break
        fits = in_range(c.reading.at, now)
        won = fits and c.weight > 0 and winner is None
        if won:
            winner = c
        elif not fits and c.weight > 0 and winner is None and found:
            found.flags.append("date-out-of-range")
        if trace is not None:
            wrong = "" if fits else ", before the first web page" if c.reading.at < FIRST_PAGE else ", after now"
            trace.note(column, c.reading.at.isoformat(), c.source, c.weight if fits else 0.0, c.why + wrong, won=won)
    return winner


def _prefer_timed(candidates: list[_Candidate], now: datetime | None) -> None:
    """Where the heaviest gives a day alone, put the heaviest that gives a time of that day before it."""
    in_order = sorted((c for c in candidates if c.weight > 0 and in_range(c.reading.at, now)), key=lambda c: -c.weight)
    if not in_order or not in_order[0].reading.is_day:
        return
    best = in_order[0]
    for c in in_order:
        fits = c.reading.day == best.reading.day or c.reading.at == best.reading.at
        if c.weight >= _LEAST_TIMED and fits and not c.reading.is_day:
            c.weight = best.weight + _TELLS_TIME
            c.why += ", and tells the time of the day that heavier evidence gives"
            return


def _read(source: str, raw: str, language: str | None, weight: float, why: str) -> Iterator[_Candidate]:
    reading = read_date(raw, language=language)
    if reading:
        yield _Candidate(source, raw, reading, weight, why)


def _said(article: Node, source: str, data: Structured, language: str | None) -> Iterator[_Candidate]:
    """What the page's data say of the story."""
    for key in ("datePublished", "dateCreated", "uploadDate"):
        for raw in texts_of(article.get(key))[:1]:
            yield from _read(source, raw, language, _WEIGHTS[key], f"{key} of the article")
    for weight, names in (("meta", _PUBLISHED_META), ("vague meta", _VAGUE_META)):
        for name in names:
            if value := data.first_meta(name):
                yield from _read("meta", value, language, _WEIGHTS[weight], f"meta {name}")


def _said_of_page(data: Structured, language: str | None) -> Iterator[_Candidate]:
    weight = "datePublished of the page"
    for node in data.of_type("WebPage", "VideoObject", "BlogPosting"):
        for raw in texts_of(node.get("datePublished"))[:1]:
            yield from _read("json-ld", raw, language, _WEIGHTS[weight], weight)


def _elsewhere(data: Structured, url: str, language: str | None) -> Iterator[_Candidate]:
    """What stands in for a date that neither the data nor the page say plainly."""
    reading = read_url_date(url)
    if reading:
        yield _Candidate("url", url, reading, _WEIGHTS["url"], "in the address")
    for name, values in data.meta.items():
        if _PUBLISHED_NAME.search(name) and name not in _PUBLISHED_META and not _OTHER_NAME.search(name):
            yield from _read("meta", values[0], language, _WEIGHTS["meta by its name"], f"meta {name[:60]}")
    weight = "datePublished of anything"
    for node in data.nodes[:60]:
        for raw in texts_of(node.get("datePublished"))[:1]:
            yield from _read("json-ld", raw, language, _WEIGHTS[weight], weight)


def _weigh(shown: Shown) -> _Candidate:
    if shown.says == "updated":
        weight, why = _WEIGHTS["shown as updated"], "says updated"
    elif not shown.near:
        weight, why = _WEIGHTS["labelled elsewhere"], "says published, away from the headline"
    elif shown.words > _MANY_WORDS or (shown.source == "text" and is_sentence(shown.raw)):
        weight, why = _WEIGHTS["amid other words"], "amid other words: a caption or a paragraph"
    else:
        weight, why = _WEIGHTS["time" if shown.source == "time" else "line"], "by the headline"
        if shown.distance < 0:
            weight, why = weight + _BEFORE_TITLE, "before the headline"
        if shown.says == "published":
            weight, why = weight + _SAYS_PUBLISHED, f"says published, {why}"
    return _Candidate(shown.source, shown.raw, shown.reading, weight, why)


def _prefer_shown(said: list[_Candidate], weighed: list[_Candidate], shown: list[Shown], now: datetime | None) -> None:
    """Put a date line before data that claim a later publication: theirs is the day on which the page was last put up.

    Not where any shown date agrees with the data. A later one shown is a modification, and leaves the data's be.
    """
    best = max((c for c in said if in_range(c.reading.at, now)), key=lambda c: c.weight, default=None)
    if best is None:
        return
    exact = best.reading.has_time and best.reading.has_zone
    slack = timedelta(hours=14 if exact else 0)  # the page shows the day of some zone
    first = (best.reading.at - slack).date()
    last = (min(best.reading.at, _LAST - slack) + slack).date()
    pairs = list(zip(weighed, shown, strict=True))
    if any(first <= c.reading.at.date() <= last and s.says != "updated" for c, s in pairs):
        return
    for candidate, s in pairs:
        reading = candidate.reading
        plain = s.words <= _FEW_WORDS and s.distance >= _NEAR_BEFORE and reading.other is None
        if plain and reading.at.date() < first and in_range(reading.at, now):
            candidate.weight += _BEFORE_DATA
            candidate.why += ", and the data's date is later"


def _modified(article: Node, source: str, data: Structured, language: str | None) -> Iterator[_Candidate]:
    for raw in texts_of(article.get("dateModified"))[:1]:
        yield from _read(source, raw, language, _MODIFIED_WEIGHTS["dateModified"], "dateModified of the article")
    for name in _MODIFIED_META:
        if value := data.first_meta(name):
            yield from _read("meta", value, language, _MODIFIED_WEIGHTS["meta"], f"meta {name}")


def _shown_as_updated(shown: list[Shown]) -> Iterator[_Candidate]:
    for s in shown:
        if s.says == "updated" and s.words <= _MANY_WORDS:
            weight = _MODIFIED_WEIGHTS["shown as updated"]
            yield _Candidate(s.source, s.raw, s.reading, weight, "says updated, by the headline")


def _with_region(language: str | None, url: str, data: Structured) -> str | None:
    """The page's language with its region, which decides `06/07/2026`: English templates say `en-US` in every country."""
    if (language or "en").lower() not in ("en", "en-us"):
        return language
    domain = (registered_domain(url) or "").rpartition(".")[2].lower()
    if len(domain) == 2 and domain not in _MONTH_FIRST_DOMAINS:
        return f"en-{domain.upper()}"
    locale = (data.first_meta("og:locale") or "").replace("_", "-")
    return locale if language == "en" and locale.lower().startswith("en-") else language


def _settle_order(candidates: list[_Candidate], page: Blocks, language: str | None, now: datetime | None) -> None:
    """Turn day and month round where the page's other dates say so, or where it would be in the future."""
    unsure = [c for c in candidates if c.reading.other]
    if not unsure:
        return
    sure = {c.reading.at.toordinal() for c in candidates if not c.reading.other}
    for block in page.blocks[:_MAX_BLOCKS]:
        if len(block.text) <= 60 and (reading := read_date(block.text, language=language)) and not reading.other:
            sure.add(reading.at.toordinal())
    for c in unsure:
        at, other = c.reading.at, c.reading.other
        if other is None:
            continue
        if _is_near(at, sure):
            c.reading = replace(c.reading, other=None)
        elif _is_near(other, sure) or (in_range(other, now) and not in_range(at, now)):
            c.reading = replace(c.reading, at=other, day=other.date(), other=None)
        elif not (language or "en").startswith("en"):
            c.reading = replace(c.reading, other=None)  # only English has both orders


def _is_near(at: datetime, days: set[int]) -> bool:
    day = at.toordinal()
    return not days.isdisjoint((day - 1, day, day + 1))
