"""A site's own selectors, where the general rules are not enough."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lxml.etree import _Element
from parsel import Selector, SelectorList

from archiver.extract.dates import read_date
from archiver.items import PrintedStory
from archiver.text import normalize_text
from archiver.urls import join_url


@dataclass(frozen=True, kw_only=True, slots=True)
class Selectors:
    """CSS or XPath (what begins with `/` or `.//`) for the columns of a site where the general rules are not enough."""

    title: str | None = None
    dek: str | None = None
    body: str | None = None
    """The blocks of the body, in reading order."""
    section: str | None = None
    authors: str | None = None
    published: str | None = None
    source: str | None = None
    """The link to the source story."""


def apply_selectors(page: Selector, printed: PrintedStory, selectors: Selectors, language: str | None) -> PrintedStory:
    """Let a site's own selectors win over the general rules; one that finds nothing changes nothing.

    Raises ValueError where a selector is neither CSS nor XPath.
    """
    changes: dict[str, Any] = {}
    for column, query in (("title", selectors.title), ("dek", selectors.dek), ("section_label", selectors.section)):
        if found := _select_texts(page, query):
            changes[column] = found[0]
    for column, query in (("body", selectors.body), ("authors", selectors.authors)):
        if found := _select_texts(page, query):
            changes[column] = tuple(found)
    found = _select_texts(page, selectors.published)
    reading = read_date(found[0], language=language) if found else None
    if reading:
        changes |= {"published_at": reading.at, "published_raw": found[0], "date_source": "text"}
    if (href := _select_href(page, selectors.source)) and (address := join_url(printed.url, href)):
        changes |= {"source_url": address, "source_method": "selector"}
    rules = dict.fromkeys(changes.keys() - {"published_raw", "date_source", "source_method"}, "selector")
    if reading:
        rules["published_at"] += reading.left_out
    return replace(printed, **changes, provenance=printed.provenance | rules)


def _select(page: Selector, query: str) -> SelectorList[Selector]:
    return page.xpath(query) if query.startswith(("/", "./", "(")) else page.css(query)


def _select_texts(page: Selector, query: str | None) -> list[str]:
    """Texts of what a query finds: elements with all they hold, attributes, text nodes; comments are none."""
    texts = []
    for selected in _select(page, query) if query else ():
        root = selected.root
        if not isinstance(root, _Element):
            texts.append(normalize_text(str(root)))
        elif isinstance(root.tag, str):
            texts.append(normalize_text("".join(map(str, root.itertext(with_tail=False)))))
    return [text for text in texts if text]


def _select_href(page: Selector, query: str | None) -> str | None:
    for selected in _select(page, query) if query else ():
        root = selected.root
        return root.get("href") if isinstance(root, _Element) else str(root)
    return None
