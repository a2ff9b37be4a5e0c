"""An app rendered on the server: nested divs, class names from a build step, Open Graph and no other data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2s
from html import escape

from archiver.demo.stories import SECTIONS, Block, BulletList, Paragraph, Subheading
from archiver.demo.styles.base import (
    DemoStory,
    HouseStyle,
    Listing,
    Masthead,
    Teaser,
    clock_time,
    inline,
    iso,
    json_ld,
    link,
    opening,
    text,
    utc,
)
from archiver.demo.styles.faq import render_faq
from archiver.demo.styles.source import SourceMarkup, body_with_source, render_source


def _class(part: str) -> str:
    """Return the name that a CSS-in-JS build would make of a part's name."""
    return f"css-{blake2s(part.encode(), digest_size=3).hexdigest()}"


_RULES = {
    "shell": "max-width:64rem;margin:0 auto;padding:0 1rem",
    "bar": "display:flex;flex-wrap:wrap;gap:1rem;align-items:center;border-bottom:3px solid #e4442e;padding:.8rem 0",
    "logo": "font-size:1.5rem;font-weight:800",
    "columns": "display:flex;gap:2rem;align-items:flex-start",
    "main": "flex:2;min-width:0",
    "side": "flex:1;background:#f4f4f6;padding:1rem;font-size:.9rem",
    "crumb": "font-size:.8rem;text-transform:uppercase;color:#e4442e;margin-top:1rem",
    "title": "font-size:2.2rem;line-height:1.12;margin:.4rem 0",
    "dek": "font-size:1.15rem;color:#555",
    "byline": "font-size:.85rem;color:#777;margin:.7rem 0",
    "text": "margin:0 0 1.1rem",
    "subheading": "font-weight:700;font-size:1.25rem;margin:1.4rem 0 .5rem",
    "box": "background:#fff3f0;border-left:4px solid #e4442e;padding:.7rem 1rem;margin:1.2rem 0",
    "advert": "background:#f4f4f6;color:#777;text-align:center;padding:1rem;font-size:.8rem;margin:1.2rem 0",
    "caption": "font-size:.8rem;color:#777",
    "card": "padding:.9rem 0;border-bottom:1px solid #e2e2e6",
    "headline": "font-size:1.2rem;font-weight:700",
    "pager": "display:flex;gap:.7rem;margin:1.2rem 0",
    "faq-title": "font-size:1.3rem;font-weight:700;margin:1.4rem 0 .5rem",
    "question": "font-weight:700;margin:.8rem 0 .2rem",
    "credit": "font-size:.9rem;margin:1.2rem 0",
    "tags": "display:flex;flex-wrap:wrap;gap:.5rem;font-size:.85rem",
    "foot": "color:#777;font-size:.8rem;margin-top:2rem;padding:1rem 0;border-top:1px solid #e2e2e6",
}

_CSS = (
    "body{margin:0;font:16px/1.6 Helvetica,Arial,sans-serif;color:#1c1c22}a{color:inherit}img{max-width:100%}"
    + "".join(f".{_class(part)}{{{rule}}}" for part, rule in _RULES.items())
)


def _div(part: str, html: str) -> str:
    return f'<div class="{_class(part)}">{html}</div>'


class Soup(HouseStyle):
    """Addresses `/news/<slug>-<number>.html` and `/topics/<section>?page=2`; page numbers alone."""

    name = "soup"
    feed_path = "/feeds/latest.xml"

    def css(self, part: str) -> str:
        return f' class="{_class(part)}"'

    def paragraph(self, html: str, part: str) -> str:
        return _div(part, html)

    def heading(self, html: str, part: str, level: int = 2) -> str:
        return _div(part, html)

    def story_path(self, slug: str, number: int, posted: datetime) -> str:
        return f"/news/{slug}-{40000 + number * 7}.html"

    def listing_path(self, section: str, number: int = 1) -> str:
        return f"/topics/{section}" + (f"?page={number}" if number > 1 else "")

    def story_page(self, site: Masthead, story: DemoStory) -> str:
        source = render_source(story, self)
        faq = render_faq(story.faq_form, story.faq, self)
        label = link(self.listing_path(story.section), SECTIONS[story.section])
        work = {"@type": "NewsArticle", "headline": story.title, **source.data} if source.data else None
        tags = "".join(link(self.tag_path(tag), tag) for tag in story.tags)
        main = "\n".join(
            (
                _div("crumb", label),
                f'<h1 class="{_class("title")}">{text(story.title)}</h1>',
                _div("dek", text(story.dek)) if story.dek else "",
                _div("byline", text(_byline(story))) if _byline(story) else "",
                _picture(story),
                _SHARE,
                _div("story", _body(story, source)),
                source.line,
                _div("faq", faq.visible) if faq.visible else "",
                _div("tags", tags) if tags else "",
                _about_authors(story),
                _more(story),
            )
        )
        return self._page(
            site,
            title=f"{story.title} | {site.title}",
            description=story.dek or opening(story),
            canonical=source.canonical or site.base_url + story.path,
            head=_open_graph(site, story) + json_ld(faq.data) + json_ld(work),
            main=main,
        )

    def listing_page(self, site: Masthead, listing: Listing) -> str:
        numbers = "".join(
            f"<span>{number}</span>" if number == listing.number else link(path, str(number))
            for number, path in enumerate(listing.paths, start=1)
        )
        cards = "".join(self._card(teaser) for teaser in listing.teasers)
        pager = _div("pager", numbers) if len(listing.paths) > 1 else ""
        return self._page(
            site,
            title=f"{listing.label} news | {site.title}",
            description=f"{listing.label} news, explained.",
            canonical=site.base_url + listing.path,
            main=f'<h1 class="{_class("title")}">{text(listing.label)}</h1>{_div("list", cards)}{pager}',
        )

    def home_page(self, site: Masthead, latest: Sequence[Teaser]) -> str:
        cards = "".join(self._card(teaser) for teaser in latest)
        return self._page(
            site,
            title=f"{site.title} | {site.tagline}",
            description=site.tagline,
            canonical=f"{site.base_url}/",
            main=_div("headline", "Right now") + _div("list", cards),
        )

    def text_page(self, site: Masthead, title: str, paragraphs: Sequence[str]) -> str:
        prose = "".join(_div("text", text(paragraph)) for paragraph in paragraphs)
        return self._page(
            site,
            title=f"{title} | {site.title}",
            description=title,
            main=f'<h1 class="{_class("title")}">{text(title)}</h1>{prose}',
        )

    def _card(self, teaser: Teaser) -> str:
        """One link around the whole card, as such themes do."""
        dek = _div("dek", text(teaser.dek)) if teaser.dek else ""
        posted = _div("byline", f"{utc(teaser.posted):%d %b %Y}") if teaser.posted else ""
        inner = _div("crumb", text(SECTIONS[teaser.section])) + _div("headline", text(teaser.title)) + dek + posted
        return _div("card", f'<a href="{escape(teaser.path)}">{inner}</a>')

    def _page(
        self, site: Masthead, *, title: str, description: str, main: str, canonical: str = "", head: str = ""
    ) -> str:
        sections = "".join(link(self.listing_path(section), label) for section, label in SECTIONS.items())
        canonical_link = f'<link rel="canonical" href="{escape(canonical)}"/>' if canonical else ""
        return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"/>
<meta name="viewport" content="width=device-width"/><title>{text(title)}</title>
<meta name="description" content="{escape(description)}"/>{canonical_link}{head}
<link rel="alternate" type="application/rss+xml" href="{self.feed_path}"/>
<style>{_CSS}</style></head>
<body><div id="app"><div class="{_class("shell")}">
<div class="{_class("bar")}"><a href="/" class="{_class("logo")}">{text(site.title)}</a>{sections}</div>
<div class="{_class("columns")}"><div class="{_class("main")}">
{main}
</div>{_SIDE}</div>
<div class="{_class("foot")}"><div>{link(self.about_path, "About")} {link(self.feed_path, "RSS")}</div>
<div>© 2026 {text(site.title)}</div></div>
</div><div class="{_class("consent")}">
<div>This site uses cookies. By using it you agree to our cookie policy.</div><button>OK</button></div>
</div></body></html>
"""


_SHARE = _div(
    "share",
    '<span>Share</span> <a href="https://social.example/share" rel="nofollow">Post</a> '
    '<a href="https://links.example/share" rel="nofollow">LinkUp</a> <a href="mailto:?body=story">E-mail</a>',
)

_NEWSLETTER = _div(
    "box",
    "<div>Never miss a ruling</div><div>The day’s decisions, in your inbox at six.</div>"
    '<form action="/subscribe"><input type="email" placeholder="E-mail address"><button>Subscribe</button></form>',
)

_ADVERT = _div(
    "advert",
    "<div>ADVERTISEMENT</div>"
    '<a href="https://www.brightmeter.example/try" rel="sponsored nofollow">Brightmeter: know your bill</a>',
)

_SIDE = _div(
    "side",
    "<div><b>Most read</b></div>"
    '<div><a href="https://www.plainwireevents.example/autumn">Meet the newsroom: autumn events</a></div>'
    '<div><a href="https://www.plainwirejobs.example/">We are hiring</a></div>',
)


def _body(story: DemoStory, source: SourceMarkup) -> str:
    """The editor's output: opening paragraphs as text parted by line breaks, later ones in divs with a span inside."""
    blocks = body_with_source(story, source)
    plain = 0
    while plain < min(2, len(blocks)) and isinstance(blocks[plain], Paragraph):
        plain += 1
    lead = "<br><br>".join(inline(block.runs) for block in blocks[:plain] if isinstance(block, Paragraph))
    rest = [_block(block) for block in blocks[plain:]]
    rest.insert(1, _ADVERT)
    rest.insert(3, _NEWSLETTER)
    amid = _interstitial(story.interstitial) if story.interstitial else ""
    return _div("lead", lead) + amid + "".join(rest)


def _block(block: Block) -> str:
    match block:
        case BulletList(items):
            return f'<ul class="{_class("list")}">{"".join(f"<li>{inline(item)}</li>" for item in items)}</ul>'
        case Subheading(runs):
            return _div("subheading", inline(runs))
    return _div("text", f"<span>{inline(block.runs)}</span>")


def _interstitial(teaser: Teaser) -> str:
    return _div("box", f"<b>READ MORE:</b> {link(teaser.path, teaser.title)}")


def _byline(story: DemoStory) -> str:
    parts = [f"By {', '.join(story.authors)}"] if story.authors else []
    if story.published:
        parts.append(f"{utc(story.published):%d %b %Y}, {clock_time(story.published)} UTC")
    if story.modified:
        parts.append(f"Updated {utc(story.modified):%d %b %Y}")
    return " · ".join(parts)


def _picture(story: DemoStory) -> str:
    if not story.picture:
        return ""
    image = f'<img src="{story.picture.path}" alt="{escape(story.picture.alt)}" width="720" height="405"/>'
    return _div("picture", image + _div("caption", text(story.picture.caption)))


def _about_authors(story: DemoStory) -> str:
    return "".join(
        _div(
            "box",
            f"<div><b>About the author</b></div><div>{text(name)} explains public decisions in plain words.</div>",
        )
        for name in story.authors
    )


def _more(story: DemoStory) -> str:
    cards = "".join(_div("card", link(teaser.path, teaser.title)) for teaser in story.more)
    return _div("more", f"<div><b>More on {text(SECTIONS[story.section])}</b></div>{cards}") if cards else ""


def _open_graph(site: Masthead, story: DemoStory) -> str:
    properties = [
        ("og:type", "article"),
        ("og:title", story.title),
        ("og:description", story.dek or opening(story)),
        ("og:url", site.base_url + story.path),
        ("og:site_name", site.title),
        ("article:section", SECTIONS[story.section]),
        *(("article:tag", tag) for tag in story.tags),
        *(("article:author", name) for name in story.authors),
    ]
    if story.published:
        properties.append(("article:published_time", iso(story.published, "Z")))
    if story.modified:
        properties.append(("article:modified_time", iso(story.modified, "Z")))
    if story.picture:
        properties.append(("og:image", site.base_url + story.picture.path))
    return "".join(f'<meta property="{name}" content="{escape(value)}"/>' for name, value in properties)
