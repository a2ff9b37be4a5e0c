"""The head that an SEO plugin writes: Open Graph, and one JSON-LD graph of page, article, people and publisher."""

from __future__ import annotations

from html import escape
from typing import Any

from archiver.demo.stories import SECTIONS
from archiver.demo.styles.base import DemoStory, Masthead, iso, opening
from archiver.demo.styles.source import SourceMarkup


def open_graph(site: Masthead, story: DemoStory, source: SourceMarkup) -> str:
    properties = {
        "og:locale": "en_US",
        "og:type": "article",
        "og:title": story.title,
        "og:description": story.dek or opening(story),
        "og:url": source.canonical or site.base_url + story.path,
        "og:site_name": site.title,
    }
    if story.published:
        properties["article:published_time"] = iso(story.published)
    if story.modified:
        properties["article:modified_time"] = iso(story.modified)
    if story.picture:
        properties["og:image"] = site.base_url + story.picture.path
    return "".join(f'<meta property="{name}" content="{escape(value)}" />' for name, value in properties.items())


def graph(site: Masthead, story: DemoStory, source: SourceMarkup, faq: dict[str, Any] | None) -> dict[str, Any]:
    address = site.base_url + story.path
    organization = f"{site.base_url}/#organization"
    article: dict[str, Any] = {
        "@type": "NewsArticle",
        "@id": f"{address}#article",
        "isPartOf": {"@id": address},
        "headline": story.title,
        "mainEntityOfPage": {"@id": address},
        "articleSection": [SECTIONS[story.section]],
        "publisher": {"@id": organization},
        "inLanguage": "en-US",
    }
    people = [
        {"@type": "Person", "@id": f"{site.base_url}/#/schema/person/{number}", "name": name}
        for number, name in enumerate(story.authors, start=1)
    ]
    if people:
        article["author"] = [{"@id": person["@id"], "name": person["name"]} for person in people]
    if story.published:
        article["datePublished"] = iso(story.published)
    if story.modified:
        article["dateModified"] = iso(story.modified)
    if story.tags:
        article["keywords"] = list(story.tags)
    if story.picture:
        article["image"] = {"@type": "ImageObject", "url": site.base_url + story.picture.path}
    article |= source.data or {}
    page = {"@type": "WebPage", "@id": address, "url": address, "name": f"{story.title} - {site.title}"}
    publisher = {"@type": "Organization", "@id": organization, "name": site.title, "url": f"{site.base_url}/"}
    questions = faq.get("@graph", [faq]) if faq else []
    return {"@graph": [article, page, publisher, *people, *questions]}
