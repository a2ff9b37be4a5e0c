"""What the sites print for machines: robots.txt, sitemaps and RSS."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import format_datetime
from html import escape

from archiver.demo.stories import SECTIONS
from archiver.demo.styles.base import Masthead, Teaser, iso, utc

FEED_LENGTH = 30


def robots_txt(base_url: str, sitemap_path: str) -> str:
    return f"""User-agent: *
Disallow: /search
Disallow: /print/

Sitemap: {base_url}{sitemap_path}
"""


def sitemap(pages: Iterable[tuple[str, datetime | None]]) -> str:
    """Return a sitemap of addresses and when they last changed."""
    entries = "\n".join(_sitemap_entry("url", address, changed) for address, changed in pages)
    return _urlset("urlset", entries)


def sitemap_index(sitemaps: Iterable[tuple[str, datetime | None]]) -> str:
    entries = "\n".join(_sitemap_entry("sitemap", address, changed) for address, changed in sitemaps)
    return _urlset("sitemapindex", entries)


def _urlset(name: str, entries: str) -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<{name} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
{entries}
</{name}>
"""


def _sitemap_entry(name: str, address: str, changed: datetime | None) -> str:
    lastmod = f"<lastmod>{iso(changed)}</lastmod>" if changed else ""
    return f"<{name}><loc>{escape(address)}</loc>{lastmod}</{name}>"


def rss(site: Masthead, feed_path: str, teasers: Sequence[Teaser]) -> str:
    """Return an RSS 2.0 feed of the first thirty stories."""
    entries = "\n".join(_rss_item(site, teaser) for teaser in teasers[:FEED_LENGTH])
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">
<channel>
<title>{escape(site.title)}</title>
<link>{site.base_url}/</link>
<atom:link href="{site.base_url}{feed_path}" rel="self" type="application/rss+xml"/>
<description>{escape(site.tagline)}</description>
<language>en</language>
{entries}
</channel>
</rss>
"""


def _rss_item(site: Masthead, teaser: Teaser) -> str:
    address = escape(site.base_url + teaser.path)
    summary = f"<description>{escape(teaser.dek)}</description>" if teaser.dek else ""
    date = f"<pubDate>{format_datetime(utc(teaser.posted), usegmt=True)}</pubDate>" if teaser.posted else ""
    return (
        f'<item><title>{escape(teaser.title)}</title><link>{address}</link><guid isPermaLink="true">{address}</guid>'
        f"<category>{escape(SECTIONS[teaser.section])}</category>{summary}{date}</item>"
    )
