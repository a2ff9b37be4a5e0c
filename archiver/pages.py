"""The bytes of a page → the tree that extraction walks. Pure."""

from __future__ import annotations

import gzip
from codecs import BOM_UTF8
from typing import Final
from urllib.parse import urljoin

from lxml.etree import HTMLParser, fromstring
from parsel import Selector
from w3lib.encoding import html_to_unicode

from archiver.urls import clean_url


def read_page(body: bytes, content_type: str | None = None) -> Selector:
    """Parse a page. Valid UTF-8 goes before what header or markup declare: a wrong declaration is commoner than a text
    in another encoding that happens to be valid UTF-8.

    >>> read_page(b"<html><p>A</html><p>B").xpath("//p/text()").getall()
    ['A', 'B']
    >>> read_page('<meta charset="iso-8859-1"><p>Émile'.encode()).xpath("//p/text()").get()
    'Émile'
    >>> read_page('<meta charset="iso-8859-1"><p>Émile'.encode("latin-1")).xpath("//p/text()").get()
    'Émile'
    """
    content = _as_utf8(body, content_type).strip()
    if b"\x00" in content:
        content = content.replace(b"\x00", b"")
    if not content.endswith(b"</html>") or content.rfind(b"</html>", 0, -7) >= 0:
        # libxml2 drops what stands behind `</html>`; browsers show it, and templates put whole stories there.
        content = content.replace(b"</html>", b"").replace(b"</HTML>", b"")
    root = fromstring(content or b"<html/>", parser=_PARSER)
    return Selector(root=fromstring(b"<html/>", parser=_PARSER) if root is None else root, type="html")


def ends_whole(body: bytes) -> bool:
    """Tell whether a page has its end: where a connection ended and no length had been told, nothing else says whether all came.

    >>> ends_whole(b"<html><p>A</p></html> <!-- 0.2 s -->"), ends_whole(b"<html><p>A")
    (True, False)
    """
    return b"</html>" in body[-_END:].lower()


_END: Final = 2_048
"""Bytes: caches and statistics write a few lines behind a page."""
# As parsel parses, but without comments and lxml.html's classes: the same tree of text, a fifth less to walk it. No table
# of ids is kept (6% of the parse), for no rule asks XPath's `id()`; `#name` and `[@id]` need none.
_PARSER: Final = HTMLParser(
    recover=True, encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, collect_ids=False
)


def _as_utf8(body: bytes, content_type: str | None) -> bytes:
    if not body.isascii():
        try:
            body.decode()  # says whether it is UTF-8; the text itself is not wanted
        except UnicodeDecodeError:
            pass
        else:
            return body.removeprefix(BOM_UTF8)
    return decode_page(body, content_type).encode("utf-8", "replace")


def decode_page(body: bytes, content_type: str | None = None) -> str:
    """Return the text of a page; bytes that its encoding does not know become U+FFFD."""
    # Bytes below 128 alone say nothing: ISO-2022-JP and UTF-16 are made of them too.
    if not body.isascii():
        try:
            return body.decode("utf-8-sig")
        except UnicodeDecodeError:
            pass
    return html_to_unicode(content_type, body, default_encoding="cp1252")[1]


def unpack(body: bytes) -> bytes:
    """Return a page's bytes, unpacked where they are gzip. Raises EOFError, OSError or zlib.error where they are damaged.

    >>> unpack(gzip.compress(b"<p>")), unpack(b"<p>")
    (b'<p>', b'<p>')
    """
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


def own_address(page: Selector, url: str = "") -> str | None:
    """Return the address that a page gives itself; where `url`, that of the page, is not told, only a complete one.

    >>> own_address(Selector('<link rel="canonical" href="https://a.example/x#top">'))
    'https://a.example/x'
    """
    for query in ('//link[@rel="canonical"]/@href', '//meta[@property="og:url"]/@content'):
        if address := page.xpath(query).get("").strip():
            try:
                return clean_url(urljoin(url, address))
            except ValueError:
                continue
    return None
