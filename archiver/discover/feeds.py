"""RSS, Atom and sitemaps. XML from strangers: no entities, no network, no huge trees; mended where it can be."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal

from lxml import etree
from lxml.etree import _Element

from archiver.discover.stories import ListedStory
from archiver.extract.dates import parse_date
from archiver.text import normalize_text
from archiver.urls import join_url

MAX_PAGES: Final = 50_000
"""Addresses that one sitemap may hold by its own standard."""
MAX_SITEMAP_SIZE: Final = 50 * 1024**2
"""Bytes that one sitemap may have, unpacked, by the same standard."""
MAX_ENTRIES: Final = 10_000
"""Stories that are taken from one feed. Feeds show the newest few dozen."""
_CHUNK: Final = 1 << 16
_LOOK: Final = 1 << 16
"""Bytes within which the root element begins."""
_MAX_ENTRY: Final = 1 << 20
"""Bytes of one entry: a story with all its markup is shorter, and a tree takes thirty times as much memory."""
_XML_BASE: Final = "{http://www.w3.org/XML/1998/namespace}base"
_DECLARED: Final = re.compile(rb"""^(\s*<\?xml[^>]*?)\s+encoding\s*=\s*["'][^"']*["']""")
_TAGS: Final = re.compile(r"<[^<>]{0,500}>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sitemap:
    """What one sitemap names: pages, or other sitemaps."""

    pages: list[tuple[str, str | None]] = field(default_factory=list)
    """Address and lastmod as printed: when the page was last touched, never a publication date."""
    stories: list[ListedStory] = field(default_factory=list)
    """Those of the pages that a news sitemap describes, with title and publication date."""
    sitemaps: list[str] = field(default_factory=list)
    truncated: bool = False
    """It held more than 50,000 addresses, or an entry without end; the rest was dropped."""


def parse_feed(body: bytes, url: str) -> list[ListedStory] | None:
    """Return the stories of an RSS or Atom feed in its order, each once, 10,000 at most; None where it is no feed.

    >>> parse_feed(b"<rss><channel><item><title>A</title><link>/a</link></item></channel></rss>", "https://a.example/feed")
    [ListedStory(url='https://a.example/a', title='A', published_at=None, published_raw=None)]
    """
    document = _Document(body)
    if document.root not in ("rss", "rdf", "feed", "channel"):
        return None
    stories: dict[str, ListedStory] = {}
    for entry in document.read("{*}item", "{*}entry"):
        story = _read_entry(entry, url)
        if story is not None:
            stories.setdefault(story.url, story)
            if len(stories) >= MAX_ENTRIES:
                break
    return list(stories.values())


def _read_entry(entry: _Element, url: str) -> ListedStory | None:
    base = _base_of(entry, url)
    title = raw = None
    links: dict[str, str] = {}
    for child in entry:
        name, text = _name(child), (child.text or "").strip()
        if name == "title" and title is None and not _is_media(child):
            title = _read_title(child)
        elif name == "link":
            _read_link(child, url, links)
        elif (
            name == "guid"
            and text
            and (child.get("isPermaLink") or "true").strip().lower() == "true"
            and re.match(r"https?://", text)
        ):
            links.setdefault("guid", text)
        elif name == "origlink" and text:
            links.setdefault("origin", text)
        elif name in ("pubdate", "published", "issued") or (name == "date" and not _is_media(child)):
            raw = raw or text
    target = next((links[k] for k in ("origin", "alternate", "guid", "other") if links.get(k)), None) or _about(entry)
    address = join_url(base, target) if target else None
    if address is None:
        return None
    at = _read_feed_date(raw) if raw else None
    return ListedStory(url=address, title=title or "", published_at=at, published_raw=raw or None)


def _read_link(child: _Element, url: str, links: dict[str, str]) -> None:
    """Atom links name their kind, and those to the story say `alternate` or nothing; RSS has text."""
    href, text = child.get("href"), (child.text or "").strip()
    if href and (child.get("rel") or "alternate").lower() == "alternate":
        is_page = (child.get("type") or "text/html").lower() in ("text/html", "application/xhtml+xml")
        links.setdefault("alternate" if is_page else "other", join_url(_base_of(child, url), href) or "")
    elif text and not href:
        links.setdefault("alternate", text)


def _about(entry: _Element) -> str | None:
    return next((value for key, value in entry.attrib.items() if str(key).endswith("}about")), None)


def _is_media(child: _Element) -> bool:
    return str(child.tag).startswith(("media:", "{http://search.yahoo.com/mrss"))


def _read_title(child: _Element) -> str:
    """A title as text: markup that was escaped into it, or stands in it as XHTML, goes."""
    text = "".join(child.itertext()) if len(child) else child.text or ""
    if "<" in text or "&" in text:
        try:
            text = str(etree.HTML(f"<p>{text}</p>").xpath("string()"))
        except (etree.LxmlError, AttributeError, ValueError):
            text = _TAGS.sub("", text)
    return normalize_text(text)


def _read_feed_date(raw: str) -> datetime | None:
    """RFC 822, as RSS writes dates, else anything that reads as a date; UTC."""
    if re.search(r"\d{1,2}\s+[A-Za-z]{3,}\.?\s+\d{2,4}", raw):
        try:
            at = parsedate_to_datetime(raw)
            if at.tzinfo is None:  # none, or one that RFC 822 does not know: `CEST`
                return parse_date(raw) or at.replace(tzinfo=UTC)
            return at.astimezone(UTC)
        except (ValueError, TypeError, OverflowError):
            pass
    return parse_date(raw)


def parse_sitemap(body: bytes, url: str) -> Sitemap | None:
    """Return what a sitemap or an index of sitemaps names; None where it is neither. The caller undoes gzip.

    >>> parse_sitemap(b"<urlset><url><loc>https://a.example/a</loc></url></urlset>", "https://a.example/sitemap.xml").pages
    [('https://a.example/a', None)]
    """
    document = _Document(body)
    if document.root not in ("urlset", "sitemapindex"):
        return None
    pages: dict[str, str | None] = {}
    stories: dict[str, ListedStory] = {}
    sitemaps: dict[str, None] = {}
    for entry in document.read("{*}url", "{*}sitemap"):
        texts = _read_texts(entry)
        address = join_url(url, texts["loc"]) if texts.get("loc") else None
        if address is None or address in pages or address in sitemaps:
            continue
        if len(pages) + len(sitemaps) >= MAX_PAGES:
            return Sitemap(
                pages=list(pages.items()), stories=list(stories.values()), sitemaps=list(sitemaps), truncated=True
            )
        if _name(entry) == "sitemap":
            sitemaps[address] = None
            continue
        pages[address] = texts.get("lastmod") or None
        raw, title = texts.get("publication_date"), normalize_text(texts.get("title", ""))
        if raw or title:
            at = parse_date(raw) if raw else None
            stories[address] = ListedStory(url=address, title=title, published_at=at, published_raw=raw or None)
    return Sitemap(
        pages=list(pages.items()),
        stories=list(stories.values()),
        sitemaps=list(sitemaps),
        truncated=document.is_cut,
    )


def _read_texts(entry: _Element) -> dict[str, str]:
    """`loc` and `lastmod` of an entry, and what its `news:news` says."""
    texts: dict[str, str] = {}
    for child in entry:
        name = _name(child)
        if name in ("loc", "lastmod"):
            texts.setdefault(name, (child.text or "").strip())
        elif name == "news":
            for each in child:
                if _name(each) in ("title", "publication_date"):
                    texts.setdefault(_name(each), (each.text or "").strip())
    return texts


class _Document:
    """An XML document, mended where lxml can, of which one entry at a time is in memory.

    A declared encoding that the bytes contradict is overruled when they are UTF-8.
    """

    def __init__(self, body: bytes) -> None:
        is_wide = body.startswith((b"\xff\xfe", b"\xfe\xff"))
        skipped = 0 if is_wide else len(body[:_LOOK]) - len(body[:_LOOK].lstrip(b" \t\r\n\x00"))
        self._body = memoryview(body)[skipped:]
        self._encoding = None
        if not is_wide:
            if _is_utf8(self._body):
                self._encoding = "utf-8"
            elif not _DECLARED.search(body[skipped : skipped + 200]):
                self._encoding = "cp1252"
        self.root = self._read_root()
        """Its local name in lower case; empty where there is none."""
        self.is_cut = False
        """One entry was larger than any can be: what follows was not read."""

    def _read_root(self) -> str:
        parser = self._parser("start")
        for at in range(0, min(len(self._body), _LOOK), 4096):
            if not _feed(parser, self._body[at : at + 4096]):
                break
            for _, element in parser.read_events():
                return _name(element)
        return ""

    def read(self, *tags: str) -> Iterator[_Element]:
        """Yield the elements with these tags; each is emptied when the next is asked for."""
        parser, unread = self._parser("end", tags), 0
        for at in range(0, len(self._body), _CHUNK):
            goes_on = _feed(parser, self._body[at : at + _CHUNK])
            unread += _CHUNK
            for _, element in parser.read_events():
                unread = 0
                yield element
                _forget(element)
            if unread > _MAX_ENTRY:
                self.is_cut = True
                return
            if not goes_on:
                return
        try:
            parser.close()
        except (etree.XMLSyntaxError, ValueError, LookupError):
            return
        for _, element in parser.read_events():
            yield element

    def _parser(self, event: Literal["start", "end"], tags: tuple[str, ...] | None = None) -> Any:
        return etree.XMLPullParser(
            events=(event,),
            tag=tags,
            recover=True,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            encoding=self._encoding,
            remove_comments=True,
            remove_pis=True,
        )


def _feed(parser: Any, data: memoryview) -> bool:
    try:
        parser.feed(bytes(data))
    except (etree.XMLSyntaxError, ValueError, LookupError):
        return False
    return True


def _forget(element: _Element) -> None:
    """Empty an element and drop what stands before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _is_utf8(body: memoryview) -> bool:
    decode = getincrementaldecoder("utf-8")().decode
    try:
        for at in range(0, len(body), _CHUNK):
            decode(bytes(body[at : at + _CHUNK]))
        decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _name(element: _Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""


def _base_of(entry: _Element, url: str) -> str:
    """What relative addresses of an entry are relative to: `xml:base` of it and of what holds it."""
    bases = [base for each in (entry, *entry.iterancestors()) if (base := each.get(_XML_BASE))]
    here = url
    for base in reversed(bases):
        here = join_url(here, base) or here
    return here
