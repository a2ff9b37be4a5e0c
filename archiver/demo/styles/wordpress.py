"""A semantic theme of the kind that WordPress newsrooms buy: blocks, hentry classes, an SEO plugin's JSON-LD graph."""

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
    long_date,
    opening,
    text,
)
from archiver.demo.styles.faq import render_faq
from archiver.demo.styles.seo import graph, open_graph
from archiver.demo.styles.source import body_with_source, render_source

_CSS = """
body{margin:0;font:18px/1.65 Georgia,serif;color:#222;background:#fff}
.site-header{background:#12324f;color:#fff;padding:1rem 2rem}.site-header a{color:#fff}
.main-navigation ul{list-style:none;display:flex;flex-wrap:wrap;gap:1rem}
.main-navigation ul{padding:0;margin:.6rem 0 0;font:15px sans-serif}
.site-content{display:grid;grid-template-columns:minmax(0,2fr) 1fr;gap:2.5rem}
.site-content{max-width:70rem;margin:2rem auto;padding:0 1.5rem}
.entry-title{font-size:2.1rem;line-height:1.2}.entry-summary{font-size:1.2rem;color:#555}
.entry-meta,.cat-links,.tags-links,.wp-caption-text{font:14px sans-serif;color:#666}
.related-inline{border:1px solid #cdd7e0;padding:.6rem 1rem;font:16px sans-serif}
.newsletter-signup,.author-box,.wp-block-advertisement{background:#eef3f7;padding:1rem}
.newsletter-signup,.author-box,.wp-block-advertisement{margin:1.5rem 0;font:15px sans-serif}
.widget-area{font:15px sans-serif}.comments-area{border-top:2px solid #12324f;margin-top:2rem;font-size:16px}
.sharedaddy ul{display:flex;gap:1rem;list-style:none;padding:0;font:14px sans-serif}
.cookie-notice{position:sticky;bottom:0;background:#222;color:#fff;padding:.6rem 2rem;font:14px sans-serif}
img{max-width:100%;height:auto}a{color:#12507f}
.site-footer{background:#eee;padding:1rem 2rem;font:14px sans-serif}
"""

_CLASSES = {
    "faq": "faq-section wp-block-group",
    "faq-title": "wp-block-heading",
    "faq-item": "faq-item",
    "faq-list": "faq-list wp-block-list",
    "question": "faq-question",
    "answer-text": "faq-answer",
    "credit": "source-credit has-small-font-size",
}

_COMMENTS = (
    (
        "Hal P.",
        "June 30, 2026 at 8:14 am",
        "I have read the filing twice and cannot find who is meant to enforce it.",
    ),
    ("riverbend_lou", "July 1, 2026 at 6:02 pm", "Good summary. Would have liked a link to the docket, but thanks."),
)


class WordPress(HouseStyle):
    """Addresses `/2026/06/<slug>/` and `/category/<section>/page/2/`; "Older posts" and page numbers."""

    name = "wordpress"
    feed_path = "/feed/"
    about_path = "/about/"
    sitemap_path = "/sitemap_index.xml"

    def css(self, part: str) -> str:
        return f' class="{_CLASSES[part]}"' if part in _CLASSES else ""

    def story_path(self, slug: str, number: int, posted: datetime) -> str:
        return f"/{posted:%Y/%m}/{slug}/"

    def listing_path(self, section: str, number: int = 1) -> str:
        return f"/category/{section}/" + (f"page/{number}/" if number > 1 else "")

    def tag_path(self, tag: str) -> str:
        return f"/tag/{slugify(tag)}/"

    def author_path(self, name: str) -> str:
        return f"/author/{slugify(name)}/"

    def story_page(self, site: Masthead, story: DemoStory) -> str:
        source = render_source(story, self)
        faq = render_faq(story.faq_form, story.faq, self)
        blocks = [_block(block) for block in body_with_source(story, source)]
        blocks[3:3] = [_NEWSLETTER]
        if story.interstitial:
            blocks.insert(2, _interstitial(story.interstitial))
        blocks.insert(-1, _ADVERT)
        body = "\n".join(blocks)
        tags = ", ".join(link(self.tag_path(tag), tag, ' rel="tag"') for tag in story.tags)
        dek = f'<div class="entry-summary"><p>{text(story.dek)}</p></div>' if story.dek else ""
        main = f"""<main id="primary" class="content-area">
<nav class="breadcrumbs" aria-label="Breadcrumb">{link("/", "Home")} »
{link(self.listing_path(story.section), SECTIONS[story.section])} »
<span class="breadcrumb_last">{text(story.title)}</span></nav>
<article class="post type-post status-publish hentry category-{story.section}">
<header class="entry-header">
<span class="cat-links">{link(self.listing_path(story.section), SECTIONS[story.section], ' rel="category tag"')}</span>
<h1 class="entry-title">{text(story.title)}</h1>
{dek}
<div class="entry-meta">{self._meta(story)}</div>
</header>
{_SHARE}
{_picture(story)}
<div class="entry-content">
{body}
{faq.visible}
{source.line}
</div>
<footer class="entry-footer">{f'<span class="tags-links">Tagged {tags}</span>' if tags else ""}</footer>
{_author_box(site, story)}
</article>
{_related(story)}
{_comments()}
</main>"""
        head = open_graph(site, story, source) + json_ld(graph(site, story, source, faq.data))
        return self._page(
            site,
            title=f"{story.title} - {site.title}",
            description=story.dek or opening(story),
            canonical=source.canonical or site.base_url + story.path,
            head=head,
            main=main,
            body_class="single single-post",
        )

    def listing_page(self, site: Masthead, listing: Listing) -> str:
        entries = "\n".join(self._entry(teaser) for teaser in listing.teasers)
        main = f"""<main id="primary" class="content-area">
<header class="page-header"><h1 class="page-title">Archive: {text(listing.label)}</h1></header>
{entries}
{_pager(listing)}
</main>"""
        return self._page(
            site,
            title=f"{listing.label} Archives - {site.title}",
            description=f"{listing.label}: all posts",
            canonical=site.base_url + listing.path,
            main=main,
            body_class="archive",
        )

    def home_page(self, site: Masthead, latest: Sequence[Teaser]) -> str:
        entries = "\n".join(self._entry(teaser) for teaser in latest)
        return self._page(
            site,
            title=f"{site.title} - {site.tagline}",
            description=site.tagline,
            canonical=f"{site.base_url}/",
            main=f'<main id="primary" class="content-area"><h1 class="page-title">The latest</h1>{entries}</main>',
            body_class="home blog",
        )

    def text_page(self, site: Masthead, title: str, paragraphs: Sequence[str]) -> str:
        prose = "".join(f"<p>{text(paragraph)}</p>" for paragraph in paragraphs)
        main = f"""<main id="primary" class="content-area"><article class="page type-page hentry">
<h1 class="entry-title">{text(title)}</h1><div class="entry-content">{prose}</div></article></main>"""
        return self._page(site, title=f"{title} - {site.title}", description=title, main=main, body_class="page")

    def _entry(self, teaser: Teaser) -> str:
        section = link(self.listing_path(teaser.section), SECTIONS[teaser.section], ' rel="category tag"')
        posted = (
            f'<time class="entry-date published" datetime="{iso(teaser.posted)}">{long_date(teaser.posted)}</time>'
            if teaser.posted
            else ""
        )
        excerpt = f'<div class="entry-summary"><p>{text(teaser.dek)}</p></div>' if teaser.dek else ""
        more = link(teaser.path, "Continue reading", ' class="more-link" aria-hidden="true" tabindex="-1"')
        return f"""<article class="post hentry"><header><span class="cat-links">{section}</span>
<h2 class="entry-title">{link(teaser.path, teaser.title, ' rel="bookmark"')}</h2>
<div class="entry-meta">{posted}</div></header>{excerpt}{more}</article>"""

    def _meta(self, story: DemoStory) -> str:
        parts = []
        if story.authors:
            names = " and ".join(f'<span class="author vcard">{self._author(name)}</span>' for name in story.authors)
            parts.append(f'<span class="byline">by {names}</span>')
        if story.published:
            parts.append(
                f'<span class="posted-on"><time class="entry-date published" datetime="{iso(story.published)}">'
                f"{long_date(story.published)}</time></span>"
            )
        if story.modified:
            parts.append(
                f'<time class="updated" datetime="{iso(story.modified)}">Updated {long_date(story.modified)}</time>'
            )
        return " · ".join(parts)

    def _author(self, name: str) -> str:
        return link(self.author_path(name), name, ' class="url fn n"')

    def _page(
        self,
        site: Masthead,
        *,
        title: str,
        description: str,
        main: str,
        body_class: str,
        canonical: str = "",
        head: str = "",
    ) -> str:
        items = "".join(f"<li>{link(self.listing_path(section), label)}</li>" for section, label in SECTIONS.items())
        canonical_link = f'<link rel="canonical" href="{escape(canonical)}" />' if canonical else ""
        return f"""<!DOCTYPE html>
<html lang="en-US" prefix="og: https://ogp.me/ns#">
<head>
<meta charset="UTF-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="robots" content="index, follow, max-image-preview:large" />
<title>{text(title)}</title>
<meta name="description" content="{escape(description)}" />
{canonical_link}
<link rel="alternate" type="application/rss+xml" title="{escape(site.title)} » Feed" href="{self.feed_path}" />
{head}
<style>{_CSS}</style>
</head>
<body class="{body_class}">
<a class="skip-link screen-reader-text" href="#primary">Skip to content</a>
<header id="masthead" class="site-header"><p class="site-title">{link("/", site.title, ' rel="home"')}</p>
<p class="site-description">{text(site.tagline)}</p>
<nav id="site-navigation" class="main-navigation" aria-label="Primary"><ul>{items}</ul></nav></header>
<div id="content" class="site-content">
{main}
<aside id="secondary" class="widget-area">
<section class="widget widget_search">
<form role="search" action="/search"><label>Search <input name="s"></label></form></section>
<section class="widget"><h2 class="widget-title">Partners</h2><ul>
<li><a href="https://www.gulfcoastjobs.example/" rel="sponsored">Jobs in compliance</a></li>
<li><a href="https://www.tidecast.example/">The Tidecast podcast</a></li></ul></section>
<section class="widget widget_categories"><h2 class="widget-title">Sections</h2><ul>{items}</ul></section>
</aside>
</div>
<footer class="site-footer">
<nav aria-label="Footer">{link(self.about_path, "About us")} · {link(self.feed_path, "Feed")}</nav>
<p>Copyright © 2026 {text(site.title)}. All rights reserved.</p></footer>
<div class="cookie-notice" role="dialog" aria-label="Cookies">
<p>We use cookies to remember that you have seen this notice. <button type="button">Accept</button></p></div>
</body>
</html>
"""


_NEWSLETTER = """<div class="newsletter-signup"><h3>Get the Morning Tide</h3>
<p>Five stories in your inbox before the markets open. No spam, unsubscribe at any time.</p>
<form><input type="email" aria-label="E-mail address"><button>Sign up</button></form></div>"""

_ADVERT = """<div class="wp-block-advertisement ad-slot" aria-label="Advertisement"><span>Advertisement</span>
<p><a href="https://www.quaybank.example/offer" rel="sponsored">Quay Bank: savings, and nothing to hide</a></p></div>"""

_SHARE = """<div class="sharedaddy sd-sharing-enabled"><h3 class="sd-title">Share this:</h3><ul>
<li><a href="https://social.example/share" rel="nofollow noopener">Post</a></li>
<li><a href="https://links.example/share" rel="nofollow noopener">LinkUp</a></li>
<li><a href="mailto:?subject=Read%20this">E-mail</a></li></ul></div>"""


def _block(block: Block) -> str:
    match block:
        case BulletList(items):
            return f'<ul class="wp-block-list">{"".join(f"<li>{inline(item)}</li>" for item in items)}</ul>'
        case Subheading(runs):
            return f'<h2 class="wp-block-heading">{inline(runs)}</h2>'
    return f"<p>{inline(block.runs)}</p>"


def _interstitial(teaser: Teaser) -> str:
    return f'<p class="related-inline"><strong>Related:</strong> {link(teaser.path, teaser.title)}</p>'


def _pager(listing: Listing) -> str:
    if len(listing.paths) == 1:
        return ""
    numbers = " ".join(
        f'<span aria-current="page" class="page-numbers current">{number}</span>'
        if number == listing.number
        else link(path, str(number), ' class="page-numbers"')
        for number, path in enumerate(listing.paths, start=1)
    )
    older = link(listing.next_path, "Older posts", ' class="next page-numbers"') if listing.next_path else ""
    return f"""<nav class="navigation pagination" aria-label="Posts pagination">
<h2 class="screen-reader-text">Posts pagination</h2><div class="nav-links">{numbers} {older}</div></nav>"""


def _picture(story: DemoStory) -> str:
    if not story.picture:
        return ""
    picture = story.picture
    return (
        '<figure class="post-thumbnail wp-caption"><img class="wp-post-image" width="720" height="405" '
        f'src="{picture.path}" alt="{escape(picture.alt)}">'
        f'<figcaption class="wp-caption-text">{text(picture.caption)}</figcaption></figure>'
    )


def _author_box(site: Masthead, story: DemoStory) -> str:
    return "".join(
        f'<div class="author-box"><h4>{text(name)}</h4><p>{text(name)} reports for {text(site.title)} on rules, '
        f"the people who write them and the people who pay for them.</p></div>"
        for name in story.authors
    )


def _related(story: DemoStory) -> str:
    items = "".join(f"<li>{link(teaser.path, teaser.title)}</li>" for teaser in story.more)
    return f'<section class="related-posts"><h2>You may also like</h2><ul>{items}</ul></section>' if items else ""


def _comments() -> str:
    items = "".join(
        '<li class="comment"><article><footer class="comment-meta">'
        f'<b class="fn">{name}</b> <time>{when}</time></footer>'
        f'<div class="comment-content"><p>{words}</p></div></article></li>'
        for name, when, words in _COMMENTS
    )
    return f"""<div id="comments" class="comments-area"><h2 class="comments-title">2 thoughts on this story</h2>
<ol class="comment-list">{items}</ol><div id="respond" class="comment-respond"><h3>Leave a Reply</h3>
<p>Your email address will not be published.</p></div></div>"""
