"""The network that this archive began with: one plain template, no structured data, the source below the body."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from archiver.demo.stories import SECTIONS, Block, BulletList, Subheading
from archiver.demo.styles.base import (
    DemoStory,
    HouseStyle,
    Listing,
    Masthead,
    Teaser,
    clock_time,
    inline,
    join_names,
    json_ld,
    link,
    long_date,
    opening,
    text,
)
from archiver.demo.styles.faq import render_faq
from archiver.demo.styles.source import body_with_source, render_source

_CSS = """
body{margin:0;font:17px/1.6 system-ui,sans-serif;color:#16202c;background:#fbfaf7}
header,main,footer{max-width:46rem;margin:0 auto;padding:1rem 1.2rem}
header nav a{margin-right:.9rem;color:#46586b;text-decoration:none;font-size:.9rem}
.text-2xl{font-size:1.5rem;font-weight:700;color:#0b4f4a;text-decoration:none}
.uppercase{letter-spacing:.08em;color:#0b7a70;font-size:.85rem}
.text-4xl{font-size:2.2rem;line-height:1.15;margin:.3rem 0}.text-xl{font-size:1.2rem;color:#46586b}
.border-l-4{border-left:4px solid #0b7a70;padding-left:.8rem}
.font-semibold{font-weight:600}.text-sm{font-size:.85rem;color:#687787}.mt-8{margin-top:2rem}
article.card{border-top:1px solid #dcd8cc;padding:.8rem 0}a{color:#0b4f4a}
footer{border-top:1px solid #dcd8cc;color:#687787;font-size:.85rem}
"""

_CLASSES = {
    "faq": "mt-8 space-y-6",
    "faq-title": "text-2xl font-bold mt-8",
    "faq-item": "border-b pb-4",
    "question": "font-semibold",
    "mark": "mr-2 text-teal-700",
    "credit": "mt-8 font-semibold",
}


class Seed(HouseStyle):
    """Addresses `/article/<slug>` and `/<section>`; "Older stories" with rel=next."""

    name = "seed"
    feed_path = "/rss.xml"

    def css(self, part: str) -> str:
        return f' class="{_CLASSES[part]}"' if part in _CLASSES else ""

    def section_label(self, section: str) -> str:
        return SECTIONS[section].lower()

    def story_path(self, slug: str, number: int, posted: datetime) -> str:
        return f"/article/{slug}"

    def listing_path(self, section: str, number: int = 1) -> str:
        return f"/{section}" if number == 1 else f"/{section}?start={(number - 1) * 25}"

    def story_page(self, site: Masthead, story: DemoStory) -> str:
        source = render_source(story, self)
        faq = render_faq(story.faq_form, story.faq, self)
        blocks = [_block(block) for block in body_with_source(story, source)]
        if story.interstitial:
            blocks.insert(2, _interstitial(story.interstitial))
        more = f"More in {self.section_label(story.section)} →"
        work = {"@type": "NewsArticle", "headline": story.title, **source.data} if source.data else None
        body = "\n".join(blocks)
        main = f"""<main><article>
<p class="uppercase">{link(self.listing_path(story.section), self.section_label(story.section))}</p>
<h1 class="text-4xl font-bold">{text(story.title)}</h1>
{f'<p class="text-xl">{text(story.dek)}</p>' if story.dek else ""}
{_byline(story)}
{_picture(story)}
<div class="prose prose-lg">
{body}
</div>
{source.line}
{self._tags(story)}
{faq.visible}
</article>
<p class="mt-8">{link(self.listing_path(story.section), more)}</p></main>"""
        head = "".join((json_ld(faq.data), json_ld(work)))
        return self._page(
            site,
            title=f"{story.title} · {site.title}",
            description=story.dek or opening(story),
            canonical=source.canonical or site.base_url + story.path,
            head=head,
            main=main,
        )

    def listing_page(self, site: Masthead, listing: Listing) -> str:
        older, head = "", ""
        if path := listing.next_path:
            older = f'<p class="mt-8">{link(path, "Older stories", " rel=next")}</p>'
            head = f'<link rel="next" href="{site.base_url}{escape(path)}">'
        cards = "\n".join(self._card(teaser) for teaser in listing.teasers)
        return self._page(
            site,
            title=f"{listing.label} · {site.title}",
            description=f"{listing.label} stories from {site.title}",
            canonical=site.base_url + listing.path,
            head=head,
            main=f'<main><h1 class="text-4xl">{text(listing.label)}</h1>{cards}{older}</main>',
        )

    def home_page(self, site: Masthead, latest: Sequence[Teaser]) -> str:
        cards = "\n".join(self._card(teaser, labelled=True) for teaser in latest)
        return self._page(
            site,
            title=f"{site.title} · {site.tagline}",
            description=site.tagline,
            canonical=f"{site.base_url}/",
            main=f'<main><h1 class="text-4xl">Latest stories</h1>{cards}</main>',
        )

    def text_page(self, site: Masthead, title: str, paragraphs: Sequence[str]) -> str:
        prose = "".join(f"<p>{text(paragraph)}</p>" for paragraph in paragraphs)
        return self._page(
            site,
            title=f"{title} · {site.title}",
            description=title,
            main=f'<main><h1 class="text-4xl">{text(title)}</h1>{prose}</main>',
        )

    def _card(self, teaser: Teaser, labelled: bool = False) -> str:
        label = f'<p class="uppercase">{text(self.section_label(teaser.section))}</p>' if labelled else ""
        dek = f"<p>{text(teaser.dek)}</p>" if teaser.dek else ""
        posted = f'<p class="text-sm">{long_date(teaser.posted)}</p>' if teaser.posted else ""
        return f'<article class="card">{label}<h2>{link(teaser.path, teaser.title)}</h2>{dek}{posted}</article>'

    def _tags(self, story: DemoStory) -> str:
        tags = ", ".join(link(self.tag_path(tag), tag, " rel=tag") for tag in story.tags)
        return f'<p class="text-sm">Topics: {tags}</p>' if tags else ""

    def _page(
        self, site: Masthead, *, title: str, description: str, main: str, canonical: str = "", head: str = ""
    ) -> str:
        nav = " ".join(link(self.listing_path(section), label) for section, label in SECTIONS.items())
        canonical_link = f'<link rel="canonical" href="{escape(canonical)}">' if canonical else ""
        return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{text(title)}</title>
<meta name="description" content="{escape(description)}">
{canonical_link}
<link rel="alternate" type="application/rss+xml" title="{escape(site.title)}" href="{self.feed_path}">
<style>{_CSS}</style>
{head}
</head>
<body>
<header><a class="text-2xl" href="/">{text(site.title)}</a><p class="text-sm">{text(site.tagline)}</p>
<nav>{nav}</nav></header>
{main}
<footer><p>{link(self.about_path, "About")} · {link(self.feed_path, "RSS")}</p>
<p>© 2026 {text(site.title)}. All rights reserved.</p></footer>
</body>
</html>
"""


def _block(block: Block) -> str:
    match block:
        case BulletList(items):
            return f"<ul>{''.join(f'<li>{inline(item)}</li>' for item in items)}</ul>"
        case Subheading(runs):
            return f"<h2>{inline(runs)}</h2>"
    return f"<p>{inline(block.runs)}</p>"


def _interstitial(teaser: Teaser) -> str:
    return f'<p class="border-l-4">{link(teaser.path, f"Read more {teaser.title} →")}</p>'


def _byline(story: DemoStory) -> str:
    parts = [f"By {join_names(story.authors)}"] if story.authors else []
    if story.published:
        parts.append(f"Published {long_date(story.published)}, {clock_time(story.published)} UTC")
    if story.modified:
        parts.append(f"Updated {long_date(story.modified)}, {clock_time(story.modified)} UTC")
    return f'<p class="text-sm">{text(" · ".join(parts))}</p>' if parts else ""


def _picture(story: DemoStory) -> str:
    if not story.picture:
        return ""
    picture = story.picture
    return (
        f'<figure><img src="{picture.path}" alt="{escape(picture.alt)}" width="720" height="405">'
        f'<figcaption class="text-sm">{text(picture.caption)}</figcaption></figure>'
    )
