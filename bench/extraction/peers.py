"""The extractors compared. Each is called as its documentation says, for every column that it offers.

Two steps for each: `read` is the extractor's own work and is what is timed; `columns` puts its answer under our columns' names
and is not. Where one call cannot give both plain text and links, the links come from a second call in `columns`, untimed too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

import dateutil.parser
import extruct
import html_text
import lxml.html
import newspaper
import trafilatura
from extruct.utils import parse_html
from goose3 import Goose
from goose3.article import Article as GooseArticle
from readability import Document
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from archiver.extract import extract_story
from archiver.items import PrintedStory, Story
from archiver.normalize import normalize_story
from archiver.pages import read_page
from archiver.schema import story_to_json
from archiver.urls import clean_url

Columns = dict[str, Any]


@dataclass(frozen=True)
class Extractor:
    name: str
    package: str
    """Distribution whose version is shown."""
    read: Callable[[str, str], Any]
    """Page's text and address → the extractor's own answer. Timed."""
    columns: Callable[[Any, str, str], Columns]
    """Answer, page's text and address → our columns. A column that the extractor does not offer is absent."""
    offers: frozenset[str]


def offering(names: str) -> frozenset[str]:
    return frozenset(names.split())


def body_links(hrefs: Iterable[str | None], url: str) -> list[dict[str, str]]:
    links = []
    for href in hrefs:
        try:
            links.append({"url": urljoin(url, href or ""), "kind": "body"})
        except ValueError:  # "http://[" and its like
            continue
    return links


def hrefs_of(markup: str) -> list[str]:
    return [str(href) for href in lxml.html.fromstring(markup).xpath("//a/@href")] if markup.strip() else []


# Ours


def read_printed(page: str, url: str) -> PrintedStory:
    return extract_story(read_page(page.encode()), clean_url(url), now=datetime.now(UTC))


def read_normalized(page: str, url: str) -> Story:
    return normalize_story(read_printed(page, url), fetched_at=datetime.now(UTC))


# trafilatura: the column is `.text`; with include_links it would hold the links as Markdown, amid the words.


def trafilatura_reader(**mode: bool) -> Callable[[str, str], Any]:
    def read(page: str, url: str) -> Any:
        return trafilatura.bare_extraction(page, url=url, with_metadata=True, include_comments=False, **mode)

    return read


def trafilatura_columns(**mode: bool) -> Callable[[Any, str, str], Columns]:
    def columns(found: Any, page: str, url: str) -> Columns:
        if found is None:
            return {}
        linked = trafilatura.bare_extraction(page, url=url, include_comments=False, include_links=True, **mode)
        hrefs = [ref.get("target") for ref in linked.body.iter("ref")] if linked is not None else []
        return {
            "title": found.title,
            "dek": found.description,
            "authors": [found.author] if found.author else [],
            "published_at": found.date,
            "body": found.text,
            "links": body_links(hrefs, url),
        }

    return columns


def trafilatura_extractor(name: str, **mode: bool) -> Extractor:
    offers = offering("title dek authors date body links")
    return Extractor(name, "trafilatura", trafilatura_reader(**mode), trafilatura_columns(**mode), offers)


# readability-lxml


def read_readability(page: str, url: str) -> tuple[str, str, str]:
    document = Document(page, url=url)
    return document.short_title(), document.author(), document.summary()  # summary() last: it changes the document


def readability_columns(found: tuple[str, str, str], page: str, url: str) -> Columns:
    title, author, summary = found
    return {
        "title": title,
        "authors": [] if author == "[no-author]" else [author],
        "body": html_text.extract_text(summary),
        "links": body_links(hrefs_of(summary), url),
    }


# newspaper4k


def read_newspaper(page: str, url: str) -> newspaper.Article:
    return newspaper.article(url, input_html=page, fetch_images=False)


def newspaper_columns(found: newspaper.Article, page: str, url: str) -> Columns:
    return {
        "title": found.title,
        "dek": found.meta_description,
        "authors": found.authors,
        "published_at": found.publish_date.isoformat() if found.publish_date else None,
        "body": found.text,
        "links": body_links(hrefs_of(found.article_html or ""), url),
    }


# goose3

GOOSE = Goose({"enable_image_fetching": False})


def read_goose(page: str, url: str) -> GooseArticle:
    return GOOSE.extract(raw_html=page)


def goose_columns(found: GooseArticle, page: str, url: str) -> Columns:
    when = found.publish_datetime_utc
    return {
        "title": found.title,
        "dek": found.meta_description,
        "authors": texts_of(found.authors),
        "published_at": when.isoformat() if when else found.publish_date,
        "body": found.cleaned_text,
        "links": body_links(found.links or [], url),
    }


# resiliparse: its main text without the comments, image descriptions and bullets that it adds by default scores best.

PLAIN = {"main_content": True, "alt_texts": False, "comments": False, "list_bullets": False}


def read_resiliparse(page: str, url: str) -> tuple[str, str]:
    tree = HTMLTree.parse(page)
    return tree.title, extract_plain_text(tree, preserve_formatting=True, **PLAIN)


def resiliparse_columns(found: tuple[str, str], page: str, url: str) -> Columns:
    title, text = found
    linked = extract_plain_text(page, preserve_formatting="minimal_html", links=True, **PLAIN)
    return {"title": title, "body": text, "links": body_links(hrefs_of(linked), url)}


# Structured data alone: extruct's readers over one parse, and the meta elements that it leaves out.

ARTICLE = re.compile(r"(?:\w*Article|BlogPosting|Report|LiveBlogPosting)$")
WEB_PAGE = re.compile(r"\w*Page$")
META_AUTHORS = ("author", "parsely-author", "dc.creator")
META_DATES = ("article:published_time", "datepublished", "parsely-pub-date", "dc.date", "date", "pubdate")


@dataclass(frozen=True)
class Metadata:
    items: list[dict[str, Any]]
    """JSON-LD and microdata, flat."""
    meta: dict[str, str]
    title: str


def read_structured(page: str, url: str) -> Metadata:
    tree = parse_html(page, encoding=None)
    found = extruct.extract(tree, base_url=url, syntaxes=["json-ld", "microdata", "opengraph"], errors="ignore")
    meta: dict[str, str] = {}
    for graph in found.get("opengraph", []):
        for name, content in graph["properties"]:
            meta.setdefault(name.lower(), content.strip())
    for element in tree.iter("meta"):
        name = (element.get("name") or element.get("property") or element.get("itemprop") or "").lower()
        meta.setdefault(name, (element.get("content") or "").strip())
    items = list(flatten([found.get("json-ld", []), found.get("microdata", [])]))
    return Metadata(items, meta, (tree.findtext(".//title") or "").strip())


def flatten(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for each in value:
            yield from flatten(each)
    elif isinstance(value, dict):
        if isinstance(value.get("properties"), dict):  # microdata, as extruct gives it
            value = value["properties"] | {"@type": value.get("type")}
        yield value
        for each in value.values():
            yield from flatten(each)


def is_of(item: dict[str, Any], kind: re.Pattern[str]) -> bool:
    types = item.get("@type")
    return any(kind.match(str(t).rsplit("/", 1)[-1]) for t in (types if isinstance(types, list) else [types]))


def texts_of(value: Any) -> list[str]:
    """The strings of a property: itself, its items', or its `name`."""
    if isinstance(value, list):
        return [text for each in value for text in texts_of(each)]
    if isinstance(value, dict):
        value = value.get("properties", value)
        return texts_of(value.get("name") or value.get("text"))
    return [value.strip()] if isinstance(value, str) and value.strip() else []


def structured_columns(found: Metadata, page: str, url: str) -> Columns:
    articles = [item for item in found.items if is_of(item, ARTICLE)] or [i for i in found.items if is_of(i, WEB_PAGE)]

    def first(*names: str) -> list[str]:
        return next((texts for item in articles for name in names if (texts := texts_of(item.get(name)))), [])

    def of_meta(*names: str) -> list[str]:
        return [found.meta[name] for name in names if found.meta.get(name)]

    titles = first("headline") + of_meta("og:title", "twitter:title") + [found.title]
    deks = first("description") + of_meta("og:description", "description", "twitter:description")
    dates = first("datePublished") + of_meta(*META_DATES)
    authors = [a for a in of_meta("article:author", *META_AUTHORS) if not a.startswith(("http:", "https:"))]
    return {
        "title": titles[0],
        "dek": next(iter(deks), None),
        "authors": first("author", "creator") or authors[:1],
        "published_at": read_date(dates[0]) if dates else None,
        "faq": structured_faq(found.items),
    }


def read_date(text: str) -> str | None:
    try:
        return str(dateutil.parser.parse(text).isoformat())
    except (ValueError, OverflowError):
        return None


def structured_faq(items: list[dict[str, Any]]) -> list[dict[str, str]]:
    pairs = []
    for item in items:
        question, answer = texts_of(item.get("name")), texts_of(item.get("acceptedAnswer"))
        if is_of(item, re.compile("Question$")) and question and answer:
            pairs.append({"question": question[0], "answer": html_text.extract_text(answer[0])})
    return pairs


EVERY_COLUMN = offering("title dek authors date body links faq")
OURS = (
    Extractor(
        "ours: extract_story",
        "policy-archiver",
        read_printed,
        lambda found, page, url: story_to_json(
            normalize_story(replace(found, url=clean_url(url)), fetched_at=datetime.now(UTC))
        ),
        EVERY_COLUMN,
    ),
    Extractor(
        "ours, with normalize_story",
        "policy-archiver",
        read_normalized,
        lambda found, page, url: story_to_json(found),
        EVERY_COLUMN,
    ),
)
PEERS = (
    trafilatura_extractor("trafilatura"),
    trafilatura_extractor("trafilatura, precision", favor_precision=True),
    trafilatura_extractor("trafilatura, recall", favor_recall=True),
    trafilatura_extractor("trafilatura, fast", fast=True),
    Extractor(
        "readability-lxml",
        "readability-lxml",
        read_readability,
        readability_columns,
        offering("title authors body links"),
    ),
    Extractor(
        "newspaper4k", "newspaper4k", read_newspaper, newspaper_columns, offering("title dek authors date body links")
    ),
    Extractor("goose3", "goose3", read_goose, goose_columns, offering("title dek authors date body links")),
    Extractor("resiliparse", "resiliparse", read_resiliparse, resiliparse_columns, offering("title body links")),
    Extractor(
        "structured data alone", "extruct", read_structured, structured_columns, offering("title dek authors date faq")
    ),
)
