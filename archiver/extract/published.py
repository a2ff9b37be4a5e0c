"""When the story was published and last modified, by what the page says, the surest first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from archiver.extract.blocks import Blocks, Region, short_text
from archiver.extract.dates import DateReading, in_range, read_date, read_url_date
from archiver.extract.structured import Structured, texts_of

_PUBLISHED_META: Final = (
    "article:published_time", "og:article:published_time", "og:published_time", "article:published",
    "datepublished", "parsely-pub-date", "sailthru.date", "publishdate", "publish-date", "publish_date",
    "publication_date", "pubdate", "published_time", "published-date", "article.published", "dc.date.issued",
    "dcterms.created", "dcterms.issued", "dc.date.created", "dc.date.publication", "citation_publication_date",
    "citation_date", "cxenseparse:recs:publishtime", "date", "dc.date", "dcterms.date", "article_date_original",
    "originalpublicationdate", "article:created", "rnews:datepublished", "creation_date",
    "shareaholic:article_published_time", "date_published", "displaydate", "og:pubdate", "last-updated-date",
)  # fmt: skip
_MODIFIED_META: Final = (
    "article:modified_time", "og:updated_time", "og:modified_time", "article:modified", "datemodified",
    "dcterms.modified", "dc.date.modified", "lastmod", "last-modified", "revised",
)  # fmt: skip
_MODIFIED_WORDS: Final = re.compile(
    r"\b(?:updated?|modified|aktualisiert|update|mis\s+à\s+jour|actualizado|atualizado|aggiornat[oa]|bijgewerkt|oppdatert|uppdaterad|opdateret|päivitetty|обновлено|zaktualizowano)\b",
    re.IGNORECASE,
)


@dataclass(slots=True)
class DatesFound:
    """The dates, and where the first came from."""

    published: datetime | None = None
    raw: str | None = None
    source: str | None = None
    rule: str | None = None
    modified: datetime | None = None
    flags: list[str] = field(default_factory=list)


def find_dates(
    page: Blocks,
    data: Structured,
    url: str,
    title_index: int,
    body_index: int,
    language: str | None,
    now: datetime | None,
) -> DatesFound:
    """Find both dates. A date before the first web page or ahead of `now` is passed over and flagged."""
    found = DatesFound()
    for source, raw, reading in _published(page, data, url, title_index, body_index, language):
        if reading is None:
            continue
        if not in_range(reading.at, now):
            found.flags.append("date-out-of-range")
            continue
        found.published, found.raw, found.source = reading.at, raw, source
        found.rule = (
            source
            + ("" if reading.has_time else ", no time")
            + ("" if reading.has_zone or not reading.has_time else ", no zone: taken as UTC")
        )
        break
    for raw in _modified(data):
        reading = read_date(raw, language=language)
        if reading and in_range(reading.at, now):
            found.modified = reading.at
            break
    return found


def _published(
    page: Blocks, data: Structured, url: str, title_index: int, body_index: int, language: str | None
) -> Iterable[tuple[str, str, DateReading | None]]:
    article = data.article()
    if article:
        source = "json-ld" if any(article is node for node in data.nodes) else "microdata"
        for key in ("datePublished", "dateCreated", "uploadDate"):
            for raw in texts_of(article.get(key))[:1]:
                yield source, raw, read_date(raw, language=language)
    for name in _PUBLISHED_META:
        value = data.first_meta(name)
        if value:
            yield "meta", value, read_date(value, language=language)
    for node in data.of_type("WebPage", "VideoObject", "BlogPosting"):
        for raw in texts_of(node.get("datePublished"))[:1]:
            yield "json-ld", raw, read_date(raw, language=language)
    yield from _shown(page, title_index, body_index, language)
    reading = read_url_date(url)
    if reading:
        yield "url", url, reading
    for node in data.nodes[:60]:
        for raw in texts_of(node.get("datePublished"))[:1]:
            yield "json-ld", raw, read_date(raw, language=language)


def _shown(
    page: Blocks, title_index: int, body_index: int, language: str | None
) -> Iterable[tuple[str, str, DateReading | None]]:
    """Dates near the headline: `<time>` elements, then date lines; what says "updated" comes last."""
    first, last = max(0, title_index - 5), body_index + 3
    late: list[tuple[str, str, DateReading | None]] = []
    for mark in page.times:
        if first <= mark.block <= last:
            text = short_text(mark.element)
            raw = mark.value or text
            reading = read_date(raw, language=language)
            around = page.blocks[mark.block].text if mark.block < len(page.blocks) else ""
            entry = ("time", raw, reading or read_date(text, language=language))
            if _MODIFIED_WORDS.search(around[:160]) and not re.search(r"publish|posted", around[:160], re.IGNORECASE):
                late.append(entry)
            else:
                yield entry
    for block in page.blocks[first:last]:
        if len(block.text) <= 160 and not block.region & (Region.NAV | Region.FOOTER | Region.ASIDE | Region.COMMENT):
            reading = read_date(block.text, language=language)
            if reading:
                entry = ("text", block.text, reading)
                if _MODIFIED_WORDS.search(block.text) and not re.search(r"publish|posted", block.text, re.IGNORECASE):
                    late.append(entry)
                else:
                    yield entry
    yield from late


def _modified(data: Structured) -> Iterable[str]:
    article = data.article() or {}
    yield from texts_of(article.get("dateModified"))[:1]
    for name in _MODIFIED_META:
        value = data.first_meta(name)
        if value:
            yield value
