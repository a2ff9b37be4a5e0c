"""A site that has been edited by hand since 1999: layout tables, unclosed paragraphs, and microdata bolted on since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from archiver.demo.stories import SECTIONS, Block, BulletList, Subheading, slugify
from archiver.demo.styles.base import (
    DemoStory,
    HouseStyle,
    Listing,
    Masthead,
    Teaser,
    inline,
    iso,
    json_ld,
    link,
    opening,
    text,
    utc,
)
from archiver.demo.styles.faq import render_faq
from archiver.demo.styles.source import body_with_source, render_source

_CSS = """
body{background:#f6f1e1;font-family:"Times New Roman",Times,serif;font-size:18px;color:#000}
table.page{background:#fffdf5;border:1px solid #a89a6c;border-collapse:collapse;max-width:62em;margin:0 auto}
td{vertical-align:top;padding:10px}td.nav{background:#efe6c8;width:11em;font-size:.85em}
h1{font-size:1.9em;margin:.2em 0}h2{font-size:1.25em}a{color:#00309c}
.masthead{text-align:center;font-variant:small-caps;font-size:2.4em;border-bottom:3px double #a89a6c}
dt{font-weight:bold;margin-top:.6em}summary{font-weight:bold;margin-top:.6em}
"""


class Tables(HouseStyle):
    """Addresses `/story.php?id=<number>` and `/sections/<section>-2.html`; a "Next" link with an arrow."""

    name = "tables"
    feed_path = "/rss/headlines.xml"
    about_path = "/about.html"

    def story_path(self, slug: str, number: int, posted: datetime) -> str:
        return f"/story.php?id={1000 + number}"

    def listing_path(self, section: str, number: int = 1) -> str:
        return f"/sections/{section}{f'-{number}' if number > 1 else ''}.html"

    def tag_path(self, tag: str) -> str:
        return f"/keyword.php?k={slugify(tag)}"

    def story_page(self, site: Masthead, story: DemoStory) -> str:
        source = render_source(story, self)
        faq = render_faq(story.faq_form, story.faq, self)
        blocks = [_block(block) for block in body_with_source(story, source)]
        if story.interstitial:
            blocks.insert(2, _interstitial(story.interstitial))
        blocks.insert(-1, _NEWSLETTER)
        body = "\n".join(blocks)
        label = link(self.listing_path(story.section), SECTIONS[story.section])
        work = {"@type": "NewsArticle", "headline": story.title, **source.data} if source.data else None
        tags = ", ".join(link(self.tag_path(tag), tag, " rel=tag") for tag in story.tags)
        main = f"""<font size=-1>{link("/", "Home")} &gt; <span itemprop=articleSection>{label}</span></font>
<h1 itemprop=headline>{text(story.title)}</h1>
{f"<p><b itemprop=description>{text(story.dek)}</b>" if story.dek else ""}
{_byline(story)}
<hr size=1>
{_picture(site, story)}
<div itemprop=articleBody>
{body}
</div>
<br clear=all>
{source.line}
{f"<table width=100%><tr><td>{faq.visible}</td></tr></table>" if faq.visible else ""}
{f"<p><font size=-1>Keywords: <span itemprop=keywords>{tags}</span></font>" if tags else ""}
{_about_authors(story)}
{_more(story)}
{_LETTERS}"""
        scope = ' itemscope itemtype="https://schema.org/NewsArticle"'
        return self._page(
            site,
            title=f"{site.title}: {story.title}",
            description=story.dek or opening(story),
            canonical=source.canonical or site.base_url + story.path,
            head=json_ld(faq.data) + json_ld(work),
            main=main,
            scope=scope,
        )

    def listing_page(self, site: Masthead, listing: Listing) -> str:
        following = f"<p align=right>{link(listing.next_path, 'Next →')}" if listing.next_path else ""
        return self._page(
            site,
            title=f"{site.title}: {listing.label}",
            description=f"{listing.label} stories",
            main=f"<h1>{text(listing.label)}</h1>{_rows(listing.teasers)}{following}",
        )

    def home_page(self, site: Masthead, latest: Sequence[Teaser]) -> str:
        return self._page(
            site,
            title=f"{site.title}: {site.tagline}",
            description=site.tagline,
            main=f"<h1>This morning’s headlines</h1>{_rows(latest)}",
        )

    def text_page(self, site: Masthead, title: str, paragraphs: Sequence[str]) -> str:
        prose = "".join(f"<p>{text(paragraph)}" for paragraph in paragraphs)
        return self._page(
            site, title=f"{site.title}: {title}", description=title, main=f"<h1>{text(title)}</h1>{prose}"
        )

    def _page(
        self,
        site: Masthead,
        *,
        title: str,
        description: str,
        main: str,
        canonical: str = "",
        head: str = "",
        scope: str = "",
    ) -> str:
        sections = "<br>".join(link(self.listing_path(section), label) for section, label in SECTIONS.items())
        canonical_link = f'<link rel=canonical href="{escape(canonical)}">' if canonical else ""
        return f"""<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">
<html lang=en>
<head>
<meta http-equiv="Content-Type" content="text/html; charset=utf-8">
<title>{text(title)}</title>
<meta name=description content="{escape(description)}">
{canonical_link}
<link rel=alternate type="application/rss+xml" href="{self.feed_path}">
<style>{_CSS}</style>
{head}
</head>
<body>
<table class=page width="100%" cellspacing=0>
<tr><td colspan=3 class=masthead>{link("/", site.title)}<br><font size=-1>{text(site.tagline)}</font></td></tr>
<tr><td class=nav><b>Sections</b><br>{sections}
<p><b>The paper</b><br>{link(self.about_path, "About us")}<br>{link(self.feed_path, "RSS")}</td>
<td{scope}>
{main}
</td>
<td class=nav><b>Around town</b><p>{_NOTICES}</td></tr>
<tr><td colspan=3 align=center><font size=-1>Copyright &copy; 1999&ndash;2026 {text(site.title)}.
Cookies keep our counter honest; by reading on you accept them.</font></td></tr>
</table>
</body>
</html>
"""


_NOTICES = (
    '<a href="https://www.cornerprint.example/">Corner Print: letterheads while you wait</a>'
    '<p><a href="https://www.mapleferry.example/">Maple Ferry timetable</a>'
)

_NEWSLETTER = """<table border=1 width="100%"><tr><td align=center><b>FREE BY E-MAIL</b><br>
The Gazette’s headlines, every weekday at noon.
<form action="/list.php"><input name=address size=24> <input type=submit value="Subscribe"></form></td></tr></table>"""

_LETTERS = """<hr><h2>Letters to the editor</h2>
<p><b>“Plain language at last,”</b> writes P. Haverling of the Old Quarter. <font size=-1>(June 30, 2026)</font>
<p><b>“Print the vote count next time,”</b> writes a reader who did not sign. <font size=-1>(July 2, 2026)</font>"""


def _block(block: Block) -> str:
    match block:
        case BulletList(items):
            return f"<ul>{''.join(f'<li>{inline(item)}' for item in items)}</ul>"
        case Subheading(runs):
            return f"<h3>{inline(runs)}</h3>"
    return f"<p>{inline(block.runs)}"


def _interstitial(teaser: Teaser) -> str:
    return f"<p><b>See also:</b> <i>{link(teaser.path, teaser.title)}</i>"


def _byline(story: DemoStory) -> str:
    names = ", ".join(
        '<span itemprop=author itemscope itemtype="https://schema.org/Person">'
        f"<span itemprop=name>{text(name)}</span></span>"
        for name in story.authors
    )
    parts = [f"By {names}"] if names else []
    if story.published:
        printed = f"{utc(story.published):%A}, {utc(story.published).day} {utc(story.published):%B %Y}"
        parts.append(f'<meta itemprop=datePublished content="{iso(story.published)}">{printed}')
    if story.modified:
        parts.append(
            f'<meta itemprop=dateModified content="{iso(story.modified)}">revised {utc(story.modified):%d/%m/%Y}'
        )
    return f"<p><i>{' | '.join(parts)}</i>" if parts else ""


def _picture(site: Masthead, story: DemoStory) -> str:
    if not story.picture:
        return ""
    address = site.base_url + story.picture.path
    return f"""<table align=right width=240>
<tr><td><img itemprop=image src="{address}" width=240 alt="{escape(story.picture.alt)}">
<tr><td><font size=-1><i>{text(story.picture.caption)}</i></font></table>"""


def _about_authors(story: DemoStory) -> str:
    return "".join(
        f"<p><small><i>{text(name)} has written for the Gazette since the presses were sold.</i></small>"
        for name in story.authors
    )


def _more(story: DemoStory) -> str:
    items = "".join(f"<li>{link(teaser.path, teaser.title)}" for teaser in story.more)
    return f"<h2>Also in this section</h2><ul>{items}</ul>" if items else ""


def _rows(teasers: Sequence[Teaser]) -> str:
    def row(teaser: Teaser) -> str:
        posted = f"{utc(teaser.posted):%d/%b/%Y}" if teaser.posted else ""
        dek = f"<br><font size=-1>{text(teaser.dek)}</font>" if teaser.dek else ""
        return f"<tr><td nowrap><tt>{posted}</tt></td><td><b>{link(teaser.path, teaser.title)}</b>{dek}</td></tr>"

    return f"<table cellpadding=4>{''.join(row(teaser) for teaser in teasers)}</table>"
