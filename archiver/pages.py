"""The bytes of a page → the tree that extraction walks. Pure."""

from __future__ import annotations

from parsel import Selector
from w3lib.encoding import html_to_unicode


def read_page(body: bytes, content_type: str | None = None) -> Selector:
    """Parse a page. Valid UTF-8 goes before what header or markup declare: a wrong declaration is commoner than a text
    in another encoding that happens to be valid UTF-8.

    >>> read_page('<meta charset="iso-8859-1"><p>Émile'.encode()).xpath("//p/text()").get()
    'Émile'
    >>> read_page('<meta charset="iso-8859-1"><p>Émile'.encode("latin-1")).xpath("//p/text()").get()
    'Émile'
    """
    return Selector(text=decode_page(body, content_type), type="html")


def decode_page(body: bytes, content_type: str | None = None) -> str:
    """Return the text of a page; bytes that its encoding does not know become U+FFFD."""
    # Bytes below 128 alone say nothing: ISO-2022-JP and UTF-16 are made of them too.
    if not body.isascii():
        try:
            return body.decode("utf-8-sig")
        except UnicodeDecodeError:
            pass
    return html_to_unicode(content_type, body, default_encoding="cp1252")[1]
