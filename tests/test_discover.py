"""Listings of invented sites in the markups of thirty years: none of the rules knows any of these class names."""

# ruff: noqa: E501 - markup reads best as one line a card

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parsel import Selector

from archiver.demo.server import DemoNetwork
from archiver.demo.stories import SECTIONS as DEMO_SECTIONS
from archiver.discover import (
    ListedStory,
    find_sections,
    is_listing,
    list_stories,
    next_pages,
    parse_feed,
    parse_sitemap,
)
from archiver.extract import extract_story
from archiver.items import PrintedStory
from archiver.pages import read_page

SITE = "https://www.ledger.example"
TITLES = (
    "Senate panel clears stablecoin reserve bill",
    "Why did regional banks stop lending?",
    "Port fees fall as Rotterdam clears its backlog",
    "Q1 revenue rises 4% at grid operator",
    "AI tutors reach 300 district schools",
    "Regulator fines two brokers over late reports",
    "Court rules on cookie consent banners",
    "More towns close their last bank branch",
    "“No easy way out”: pension funds weigh gilt losses",
    "All lenders must now report climate risk",
    "Copper slides",
    "Hospitals weigh a four-day week",
)
DEK = (
    "Members of the committee voted late on Tuesday after a long hearing in which supervisors, lenders and consumer "
    "groups disagreed about almost every figure that was put before them."
)
SECTIONS = (
    ("Policy", "/policy"),
    ("Markets", "/markets"),
    ("Banking", "/banking"),
    ("AI & Education", "/ai-education"),
)


def slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def article(title: str) -> str:
    return f"/article/{slug(title)}"


@dataclass(frozen=True)
class Listing:
    html: str
    stories: list[str]
    next: list[str]
    sections: list[str]
    url: str = f"{SITE}/policy"
    dates: int = 0


def menu(item: str = "<li><a href='{url}'>{label}</a></li>") -> str:
    return "".join(item.format(url=url, label=escape(label)) for label, url in SECTIONS)


LABELS = [label for label, _ in SECTIONS]
LEGAL = (
    "<a href='/about'>About us</a> <a href='/contact'>Contact</a> <a href='/privacy-policy'>Privacy policy</a> <a href='/terms'>Terms of use</a>"
    "<a href='/newsletter'>Newsletters</a> <a href='https://twitter.com/ledger'>Twitter</a> <a href='/feed.xml'>RSS</a>"
)


def rich_articles() -> Listing:
    """`article` cards with every link that a card can have, a breadcrumb, an aside and a cookie bar."""
    cards = "".join(
        f"""<article class="c-{i}"><a href="{article(t)}" tabindex="-1" aria-hidden="true"><img src="/i/{i}.jpg" alt="A photograph of a building"></a>
        <div><a class="k" href="/policy">Policy</a><h2><a href="{article(t)}?utm_source=home">{escape(t)}</a></h2><p>{DEK}</p>
        <p>By <a href="/author/maya-lindqvist" rel="author">Maya Lindqvist</a> · <time datetime="2026-06-{i + 1:02}T09:00:00Z">{i + 1} June</time>
        · <a href="{article(t)}#comments">{i} comments</a> · <a href="/tag/central-banks-and-reserves">Central banks and reserves</a></p>
        <a href="{article(t)}">Read more<span class="sr"> about {escape(t)}</span></a></div></article>"""
        for i, t in enumerate(TITLES)
    )
    html = f"""<!doctype html><html lang="en"><head><title>Policy</title><link rel="next" href="/policy?page=2"></head><body>
      <a href="#main">Skip to content</a><header><a href="/">The Ledger</a><nav><ul>{menu()}</ul></nav><a href="/login">Log in</a><a href="/subscribe">Subscribe</a></header>
      <nav aria-label="Breadcrumb"><a href="/">Home</a> » <span>Policy</span></nav>
      <main id="main"><h1>Policy</h1><p><a href="/policy?sort=oldest">Oldest first</a> <a href="/policy?sort=newest">Newest first</a></p>{cards}
      <nav><a aria-current="page" href="/policy">1</a><a href="/policy?page=2">2</a><a href="/policy?page=3">3</a> … <a href="/policy?page=40">40</a><a href="/policy?page=2" rel="next">Next</a></nav></main>
      <aside><h3>Most read</h3><ol><li><a href="/article/what-everyone-else-is-reading-today">What everyone else is reading today</a></li>
      <li><a href="/article/another-story-from-some-other-section">Another story from some other section</a></li></ol></aside>
      <footer>{LEGAL}</footer><div role="dialog"><p>We use cookies.</p><a href="/article/how-we-use-cookies-on-this-site">How we use cookies on this site</a><button>OK</button></div></body></html>"""
    return Listing(html, [article(t) for t in TITLES], ["/policy?page=2"], LABELS, dates=len(TITLES))


def bare_list() -> Listing:
    """File names in a list, nothing else."""
    names = [f"at__Presse_2025_06_{i:02}.html" for i in range(1, 31)]
    html = "<html><body><ul>" + "".join(f"<li><a href='{n}'>{n}</a></li>" for n in names) + "</ul></body></html>"
    return Listing(html, [f"/pages/{n}" for n in names], [], [], url=f"{SITE}/pages/index.html")


def table_of_1999() -> Listing:
    """A table layout without one class: menu in the left cell, stories in the middle, a ranking at the right."""
    rows = "".join(
        f"""<tr><td width=90><font size=1>{i + 1:02}.06.2026</font></td><td><a href="news.asp?id={1200 + i}"><b>{escape(t)}</b></a><br><font size=2>{DEK}</font>
        <a href="news.asp?id={1200 + i}">[more]</a></td></tr><tr><td colspan=2><hr></td></tr>"""
        for i, t in enumerate(TITLES)
    )
    left = menu("<a href='{url}'><font face=arial>{label}</font></a><br>")
    html = f"""<html><body bgcolor=white><table><tr><td colspan=3><a href="/"><img src=logo.gif></a></td></tr><tr><td valign=top><a href="/">Home</a><br>{left}<a href="/about.asp">About us</a><br>
      <a href="/contact.asp">Contact</a></td><td><h1>Policy</h1><table>{rows}</table><center>Page 2 of 9 <a href="list.asp?sec=3&amp;pg=1">&lt;&lt; Newer</a> <a href="list.asp?sec=3&amp;pg=3">Older &gt;&gt;</a></center></td>
      <td><b>Most popular</b><br><a href="news.asp?id=77">Ten things you did not know about the mint</a><br><a href="news.asp?id=78">The bank manager who never took a day off</a><br></td></tr>
      <tr><td colspan=3><font size=1>{LEGAL}</font></td></tr></table></body></html>"""
    return Listing(
        html,
        [f"/news.asp?id={1200 + i}" for i in range(len(TITLES))],
        ["/list.asp?sec=3&pg=3"],
        LABELS,
        url=f"{SITE}/list.asp?sec=3&pg=2",
        dates=12,
    )


def definition_list() -> Listing:
    entries = "".join(
        f"<dt><a href='/2026/06/{i + 1:02}/{slug(t)}/'>{escape(t)}</a></dt><dd>{i + 1} June 2026</dd><dd>{DEK}</dd>"
        for i, t in enumerate(TITLES)
    )
    html = f"""<body><div><div><a href="/">Ledger</a></div><div>{menu("<div><a href='{url}'>{label}</a></div>")}</div></div><h1>Policy</h1><dl>{entries}</dl>
      <p><a href="/policy/page/3/">« Newer</a> | <a href="/policy/page/5/">Older »</a></p>
      <h4>Archive</h4><ul><li><a href="/2026/06/">June 2026</a></li><li><a href="/2026/05/">May 2026</a></li><li><a href="/2026/04/">April 2026</a></li></ul><div>{LEGAL}</div></body>"""
    stories = [f"/2026/06/{i + 1:02}/{slug(t)}/" for i, t in enumerate(TITLES)]
    return Listing(html, stories, ["/policy/page/5/"], LABELS, url=f"{SITE}/policy/page/4/", dates=12)


def whole_card_links() -> Listing:
    """One link around each card, headline in a div, no heading at all; a hero marked up unlike the rest."""
    hero = f"""<section><figure><a href="{article(TITLES[0])}"><img src=h.jpg></a></figure><div><h1><a href="{article(TITLES[0])}">{escape(TITLES[0])}</a></h1><p>{DEK}</p></div></section>"""
    cards = "".join(
        f"""<a href="{article(t)}"><div><picture><img src="{i}.webp" alt=""></picture></div><div><span>Policy</span><div>{escape(t)}</div><div>{DEK}</div><div><span>Maya Lindqvist</span> <span>4 min read</span></div></div></a>"""
        for i, t in enumerate(TITLES[1:])
    )
    html = f"""<body><div><button aria-expanded=false>Menu</button><div hidden><a href="/">Home</a>{menu("<a href='{url}'>{label}</a>")}<a href="/login">Log in</a></div></div>
      <div>{hero}<div>{cards}</div><div><button data-href="/policy?offset=12" type=button>Load more stories</button></div></div><footer>{LEGAL}</footer></body>"""
    return Listing(html, [article(t) for t in TITLES], ["/policy?offset=12"], LABELS)


def div_soup() -> Listing:
    """Utility classes, five divs deep, rows of three, two columns; the side box is but another div."""
    card = """<div class="flex p-4"><div class="w-1/3"><div><a href="{url}"><img src="x.jpg" alt=""></a></div></div><div class="flex-1"><div class="text-xs"><a href="/policy">Policy</a></div>
      <div class="text-lg"><a href="{url}" class="hover:underline">{title}</a></div><div class="mt-2">{dek}</div><div><a href="/people/tom-okafor">Tom Okafor</a><span>June {day}, 2026</span></div></div></div>"""
    cards = [card.format(url=article(t), title=escape(t), dek=DEK, day=i + 1) for i, t in enumerate(TITLES)]
    rows = "".join(f"<div class='grid'>{''.join(cards[i : i + 3])}</div>" for i in range(0, len(cards), 3))
    html = f"""<body><div id="__next"><div><div><div><a href="/">L</a></div><div class="flex">{menu("<div><a href='{url}'>{label}</a></div>")}</div><div><a href="/search">Search</a></div></div></div>
      <div class="container"><div class="grid-cols-12"><div class="col-span-8"><div><h1>Policy</h1></div><div>{rows}</div>
      <div class="flex"><div><span>1</span></div><div><a href="/policy/2">2</a></div><div><a href="/policy/3">3</a></div><div><a href="/policy/2" aria-label="Next page"><svg></svg></a></div></div></div>
      <div class="col-span-4"><div><div>Trending now</div><div><div><a href="/article/five-charts-that-explain-the-housing-market">Five charts that explain the housing market</a></div>
      <div><a href="/article/the-quiet-return-of-the-passbook-account">The quiet return of the passbook account</a></div><div><a href="/article/inside-the-vault-below-the-old-exchange">Inside the vault below the old exchange</a></div></div></div>
      <div><div>Get our morning briefing in your inbox</div><a href="/newsletters/morning-briefing">Sign up for the morning briefing</a></div></div></div></div>
      <div><div>{LEGAL}</div></div></div></body>"""
    return Listing(html, [article(t) for t in TITLES], ["/policy/2"], LABELS, dates=12)


def custom_elements() -> Listing:
    """Web components, one with a declarative shadow root, and stories that only attributes name."""
    cards = "".join(
        f"""<ledger-teaser><template shadowrootmode="open"><a href="{article(t)}"><slot name="headline"></slot><h3>{escape(t)}</h3></a><p>{DEK}</p><relative-time datetime="2026-06-{i + 1:02}">x</relative-time></template></ledger-teaser>"""
        for i, t in enumerate(TITLES[:8])
    )
    cards += "".join(f"""<x-card href="{article(t)}" headline="{escape(t)}"></x-card>""" for t in TITLES[8:])
    html = f"""<body><site-shell><site-bar><ul role="menubar">{menu("<li role=none><a role=menuitem href='{url}'>{label}</a></li>")}</ul></site-bar><story-grid>{cards}</story-grid>
      <load-more role="button" data-url="/policy?page=2">Show more</load-more><site-foot role="contentinfo">{LEGAL}</site-foot></site-shell>
      <template><a href="/article/never-shown-template-of-a-card">Never shown template of a card</a></template></body>"""
    return Listing(html, [article(t) for t in TITLES], ["/policy?page=2"], LABELS, dates=8)


def amp() -> Listing:
    cards = "".join(
        f"""<div><amp-img src="{i}.jpg" width=1 height=1></amp-img><h2><a href="https://amp.ledger.example{article(t)}">{escape(t)}</a></h2><p>{DEK}</p></div>"""
        for i, t in enumerate(TITLES)
    )
    html = f"""<html amp><head><link rel="canonical" href="{SITE}/policy"></head><body><amp-sidebar id="s"><ul>{menu()}</ul><a href="/account">My account</a></amp-sidebar>
      <div><h1>Policy</h1>{cards}</div><amp-next-page></amp-next-page><a href="https://amp.ledger.example/policy?page=2">More stories</a><div>{LEGAL}</div></body></html>"""
    return Listing(
        html,
        [f"https://amp.ledger.example{article(t)}" for t in TITLES],
        ["https://amp.ledger.example/policy?page=2"],
        LABELS,
        url="https://amp.ledger.example/policy",
    )


def flat_headings() -> Listing:
    """No cards: headings and paragraphs in one row, plain text dates before the dek, section of the story unlinked."""
    flat = "".join(
        f"<h3><a href='/{4100 + i}-{slug(t)}.html'>{escape(t)}</a></h3><p>Posted on June {i + 1}, 2026</p><p>{DEK} <a href='/{4100 + i}-{slug(t)}.html'>Continue reading →</a></p>"
        for i, t in enumerate(TITLES)
    )
    html = f"""<body><h1>Policy</h1><p>The Ledger covers <a href="/about/what-we-mean-by-policy">what we mean by policy</a> in all its forms and has done so since it was founded in 1921.</p>{flat}
      <p><a href="index2.html">Older articles</a></p><hr>{menu("<a href='{url}'>{label}</a> | ")}<br>{LEGAL}</body>"""
    return Listing(
        html,
        [f"/{4100 + i}-{slug(t)}.html" for i, t in enumerate(TITLES)],
        ["/index2.html"],
        LABELS,
        url=f"{SITE}/index.html",
        dates=12,
    )


def wordpress() -> Listing:
    posts = "".join(
        f"""<div id="post-{i}" class="post-{i} hentry category-policy"><h2 class="entry-title"><a href="/{slug(t)}/" rel="bookmark">{escape(t)}</a></h2>
        <div>Posted on <a href="/{slug(t)}/" rel="bookmark"><time datetime="2026-06-{i + 1:02}T08:00:00+02:00">June {i + 1}, 2026</time></a> by <a href="/author/tom/">Tom Okafor</a></div>
        <div><p>{DEK} <a href="/{slug(t)}/#more-{i}" class="more-link">Continue reading <span>{escape(t)}</span></a></p></div>
        <div>Posted in <a href="/category/policy/" rel="category tag">Policy</a> | Tagged <a href="/tag/reserves/" rel="tag">reserves</a> | <a href="/{slug(t)}/#respond">Leave a comment</a></div></div>"""
        for i, t in enumerate(TITLES)
    )
    side = """<div id="secondary"><div><h3>Recent Comments</h3><ul><li>Ann on <a href="/hello-world-and-a-few-more-words/#comment-1">Hello world and a few more words</a></li></ul></div>
      <div><h3>Archives</h3><ul><li><a href="/2026/06/">June 2026</a></li><li><a href="/2026/05/">May 2026</a></li></ul></div>
      <div><table id="wp-calendar"><caption>June 2026</caption><tr><td><a href="/2026/06/01/">1</a></td><td><a href="/2026/06/02/">2</a></td><td><a href="/2026/06/03/">3</a></td></tr></table></div></div>"""
    top = "".join(f"<li><a href='/category{url}/'>{escape(label)}</a></li>" for label, url in SECTIONS)
    html = f"""<body class="archive category"><header><h1><a href="/" rel="home">The Ledger</a></h1><nav><ul><li><a href="/">Home</a></li>{top}<li><a href="/about/">About</a></li></ul></nav></header>
      <div id="content"><h1>Category Archives: Policy</h1>{posts}<div><div><a href="/category/policy/page/3/">← Older posts</a></div><div><a href="/category/policy/">Newer posts →</a></div></div></div>{side}<footer>{LEGAL}</footer></body>"""
    return Listing(
        html,
        [f"/{slug(t)}/" for t in TITLES],
        ["/category/policy/page/3/"],
        LABELS,
        url=f"{SITE}/category/policy/page/2/",
        dates=12,
    )


def seed_like() -> Listing:
    """Text and structure of a story network: section label, title, dek; no date, no image."""
    cards = "".join(
        f"<div><div><a href='/category/policy'>policy</a></div><div><a href='{article(t)}'>{escape(t)}</a></div><div>{DEK}</div><div><a href='{article(t)}'>Read more →</a></div></div>"
        for t in TITLES
    )
    html = f"""<body><div><a href="/">Ledger</a>{"".join(f"<a href='/category{u}'>{escape(x)}</a>" for x, u in SECTIONS)}</div><div>{cards}</div>
      <div>{"".join(f"<a href='/category/policy?page={n}'>{n}</a>" for n in (1, 2, 4, 5))}<b>3</b></div><div>{LEGAL}</div></body>"""
    return Listing(
        html, [article(t) for t in TITLES], ["/category/policy?page=4"], LABELS, url=f"{SITE}/category/policy?page=3"
    )


def overlay_links() -> Listing:
    """The headline is no link: an empty link lies over the card, or a button-like one stands at its end."""
    cards = "".join(
        f"<li><div><h3>{escape(t)}</h3><p>{DEK}</p><span>{i + 1} juin 2026</span><a href='/actualites/{88000 + i}' aria-label='Lire : {escape(t)}'></a></div></li>"
        if i % 2
        else f"<li><div><h3>{escape(t)}</h3><p>{DEK}</p><span>{i + 1} juin 2026</span><a href='/actualites/{88000 + i}'>Lire la suite</a></div></li>"
        for i, t in enumerate(TITLES)
    )
    html = f"""<html lang=fr><body><nav>{menu("<a href='{url}'>{label}</a>")}<a hreflang=en href="/en/">English</a></nav><main><h1>Actualités</h1><ul>{cards}</ul>
      <ul><li><a href="/actualites?start=0">1</a></li><li class=on>2</li><li><a href="/actualites?start=24">3</a></li><li><a href="/actualites?start=24">Suivant</a></li></ul></main></body></html>"""
    return Listing(
        html,
        [f"/actualites/{88000 + i}" for i in range(12)],
        ["/actualites?start=24"],
        LABELS,
        url=f"{SITE}/actualites?start=12",
        dates=12,
    )


def home_page() -> Listing:
    """Blocks for each section under a heading that links to it, a mega menu twice, bullets beneath the lead."""
    groups = [TITLES[i : i + 3] for i in range(0, 12, 3)]
    blocks = ""
    stories = []
    for (label, url), titles in zip(SECTIONS, groups, strict=True):
        items = "".join(f"<li><a href='{url}/{slug(t)}'>{escape(t)}</a></li>" for t in titles[1:])
        blocks += f"""<section><h2><a href="{url}">{escape(label)}</a></h2><div><h3><a href="{url}/{slug(titles[0])}">{escape(titles[0])}</a></h3><p>{DEK}</p></div><ul>{items}</ul><a href="{url}">More in {escape(label)} →</a></section>"""
        stories += [f"{url}/{slug(t)}" for t in titles]
    mega = "".join(
        f"<li><a href='{u}'>{escape(x)}</a><ul><li><a href='{u}/courts'>Courts</a></li></ul></li>"
        if x == "Policy"
        else f"<li><a href='{u}'>{escape(x)}</a></li>"
        for x, u in SECTIONS
    )
    featured = f"<li><a href='/markets/{slug(TITLES[4])}'>{escape(TITLES[4])}</a></li>"
    html = f"""<body><header><div><ul>{mega}{featured}</ul></div><nav aria-label="Mobile"><ul>{mega}</ul></nav></header><main>{blocks}</main><footer><nav>{LEGAL}</nav></footer></body>"""
    return Listing(html, stories, [], ["Policy", "Courts", "Markets", "Banking", "AI & Education"], url=f"{SITE}/")


def cyrillic() -> Listing:
    titles = [f"Центральный банк повысил ставку до {n} процентов" for n in range(10, 20)]
    cards = "".join(
        f"<div itemscope itemtype='https://schema.org/NewsArticle'><a itemprop='url' href='/news/{70100 + i}'><span itemprop='headline'>{t}</span></a><meta itemprop='datePublished' content='2026-06-0{i + 1 if i < 9 else 9}'></div>"
        for i, t in enumerate(titles)
    )
    html = f"""<html lang=ru><body><div role=navigation><a href="/politika">Политика</a><a href="/rynki">Рынки</a><a href="/o-nas">О нас</a><a href="/login">Вход</a></div><div>{cards}</div><div><a href="/news/page/2">Следующая</a></div>
      <div><h3>Самое читаемое</h3><div><a href="/news/60001">Почему банки закрывают отделения в малых городах</a></div><div><a href="/news/60002">Кому выгодно повышение ставки рефинансирования</a></div></div></body></html>"""
    return Listing(
        html,
        [f"/news/{70100 + i}" for i in range(10)],
        ["/news/page/2"],
        ["Политика", "Рынки"],
        url=f"{SITE}/news",
        dates=10,
    )


def chinese() -> Listing:
    titles = [f"央行宣布第{n}次上调基准利率市场反应平淡" for n in "一二三四五六七八"]
    rows = "".join(
        f"<li><span>2026-06-0{i + 1}</span><a href='/a/{5501 + i}'>{t}</a></li>" for i, t in enumerate(titles)
    )
    html = f"<html lang=zh><body><div><a href='/'>首页</a><a href='/policy'>政策</a><a href='/markets'>市场</a><a href='/tech'>科技</a></div><ul>{rows}</ul><div><a href='/list?p=1'>上一页</a><a href='/list?p=3'>下一页</a></div></body></html>"
    return Listing(
        html,
        [f"/a/{5501 + i}" for i in range(8)],
        ["/list?p=3"],
        ["政策", "市场", "科技"],
        url=f"{SITE}/list?p=2",
        dates=8,
    )


def address_host() -> Listing:
    """On an address the port is part of the site."""
    cards = "".join(
        f"<section><h2><a href='{article(t)}'>{escape(t)}</a></h2><h2><a href='http://127.0.0.1:9{article(t)}'>{escape(t)} elsewhere</a></h2></section>"
        for t in TITLES[:4]
    )
    html = f"<body><nav>{menu()}</nav>{cards}<a rel=next href='/policy/page/2'>2</a></body>"
    return Listing(
        html, [article(t) for t in TITLES[:4]], ["/policy/page/2"], LABELS, url="http://127.0.0.1:8000/policy"
    )


STYLES: tuple[Callable[[], Listing], ...] = (
    rich_articles, bare_list, table_of_1999, definition_list, whole_card_links, div_soup, custom_elements, amp, flat_headings,
    wordpress, seed_like, overlay_links, home_page, cyrillic, chinese, address_host,
)  # fmt: skip


def absolute(listing: Listing, paths: list[str]) -> list[str]:
    root = "/".join(listing.url.split("/")[:3])
    return [p if p.startswith("http") else root + p for p in paths]


@pytest.mark.parametrize("style", STYLES, ids=lambda s: s.__name__)
def test_stories_are_told_from_navigation(style: Callable[[], Listing]) -> None:
    listing = style()
    found = list_stories(Selector(listing.html), listing.url)
    assert [s.url for s in found] == absolute(listing, listing.stories)
    assert sum(s.published_at is not None for s in found) == listing.dates


@pytest.mark.parametrize(
    "style", [s for s in STYLES if s not in (bare_list, cyrillic, chinese, home_page)], ids=lambda s: s.__name__
)
def test_titles_are_headlines(style: Callable[[], Listing]) -> None:
    found = list_stories(Selector(style().html), style().url)
    assert [s.title for s in found] == list(TITLES[: len(found)])


@pytest.mark.parametrize("style", STYLES, ids=lambda s: s.__name__)
def test_next_page_is_found_and_nothing_else(style: Callable[[], Listing]) -> None:
    listing = style()
    assert next_pages(Selector(listing.html), listing.url) == absolute(listing, listing.next)


@pytest.mark.parametrize("style", STYLES, ids=lambda s: s.__name__)
def test_sections_are_the_menu_without_the_furniture(style: Callable[[], Listing]) -> None:
    listing = style()
    assert [s.label for s in find_sections(Selector(listing.html), listing.url)] == listing.sections


def disguised(html: str, salt: str) -> str:
    """The same page with every class and id renamed and a div around every list, card and paragraph."""
    html = re.sub(r'\b(class|id)=("[^"]*"|\'[^\']*\')', lambda m: f'{m[1]}="{salt}{len(m[2]) % 5}"', html)
    for tag in ("article", "section", "ul", "table", "dl", "p"):
        html = re.sub(rf"<{tag}\b", f'<div data-x="{salt}"><{tag}', html)
        html = html.replace(f"</{tag}>", f"</{tag}></div>")
    return html


@pytest.mark.parametrize("style", [s for s in STYLES if s is not flat_headings], ids=lambda s: s.__name__)
@settings(max_examples=5, deadline=None)
@given(salt=st.from_regex(r"(?:nav|story|sidebar|x)[a-z]{3}", fullmatch=True))
def test_names_and_wrappers_change_nothing(style: Callable[[], Listing], salt: str) -> None:
    listing = style()
    page = Selector(disguised(listing.html, salt))
    assert [s.url for s in list_stories(page, listing.url)] == absolute(listing, listing.stories)
    assert next_pages(page, listing.url) == absolute(listing, listing.next)
    assert [s.label for s in find_sections(page, listing.url)] == listing.sections


PAGER = "<body><main><h2><a href='/article/rates-rise-once-more'>Rates rise once more</a></h2>{}</main></body>"


@pytest.mark.parametrize(
    ("url", "pager", "expected"),
    [
        ("/policy", "<a href='/policy?page=2'>2</a><a href='/policy?page=9'>9</a>", ["/policy?page=2"]),
        ("/policy?page=3", "<a href='?page=2'>2</a><b>3</b><a href='?page=4'>4</a>", ["/policy?page=4"]),
        ("/policy?page=2", "<a href='?page=1'>2</a><b>3</b><a href='?page=3'>4</a>", ["/policy?page=3"]),  # counted from 0
        ("/policy", "<b>1</b><a href='?page=1'>2</a><a href='?page=2'>3</a>", ["/policy?page=1"]),
        ("/policy", "<b>1</b><a href='?offset=25'>2</a><a href='?offset=50'>3</a>", ["/policy?offset=25"]),
        ("/policy?offset=25", "<a href='?offset=0'>1</a><b>2</b><a href='?offset=50'>3</a>", ["/policy?offset=50"]),
        ("/policy/p4", "<a href='/policy/p3'>‹</a><a href='/policy/p5'>›</a>", ["/policy/p5"]),
        ("/policy/2/", "<a href='/policy/'>1</a><b>2</b><a href='/policy/3/'>3</a>", ["/policy/3/"]),
        ("/policy", "<a href='/policy?after=b64x'>Older stories »</a>", ["/policy?after=b64x"]),
        ("/policy", "<a href='/policy?seite_x=2'>2</a><a href='/policy?seite_x=3'>3</a><b>1</b>", ["/policy?seite_x=2"]),
        ("/policy", "<a href='/policy?page=2' aria-label='Nächste Seite'><svg/></a>", ["/policy?page=2"]),
        ("/policy", "<a href='/policy?page=2'>次へ</a>", ["/policy?page=2"]),
        ("/policy", "<button data-next='/policy?page=2'>Mehr laden</button>", ["/policy?page=2"]),
        ("/policy", "<button data-next='https://cdn.elsewhere.example/policy?page=2'>Load more</button>", []),
        ("/policy?page=5", "<a href='?page=4'>Newer</a><a rel=next href='?page=4'>Next</a>", []),  # a link back
        ("/policy", "<a href='/policy?sort=asc&page=1'>Oldest</a><a href='/policy?sort=asc'>›</a>", []),
        ("/policy/2026/06/", "<a href='/policy/2026/05/'>5</a><a href='/policy/2026/07/'>7</a>", []),
        ("/policy", "<table><td><a href='/2026/07/01/'>1</a><td><a href='/2026/07/02/'>2</a></table>", []),
        ("/policy", "<a href='/'>Home</a> » <a href='/news'>News</a> » Policy", []),
        ("/article/a-first-long-story", "<a rel=next href='/article/the-second-long-story'>Next</a>", []),
        ("/article/a-first-long-story", "<a href='/article/the-second-long-story'>Next story: the second</a>", []),
        ("/policy", "<a href='#'>Next</a><a href='javascript:more()'>Load more</a>", []),
        ("/policy?page=40", "<a href='?page=39'>Previous</a><a href='?page=1'>First</a>", []),
    ],
)  # fmt: skip
def test_next_page_of_a_pager(url: str, pager: str, expected: list[str]) -> None:
    found = next_pages(Selector(PAGER.format(pager)), SITE + url)
    assert found == [SITE + e for e in expected]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<a href='/category/policy'>More in policy →</a>", [("policy", "/category/policy")]),
        ("<nav><a href='/tag/x'>Gilts</a><a href='/author/y'>Ann Lee</a><a href='/de/'>DE</a><a href='/2026/06'>June</a></nav>", []),
        ("<nav><a href='/world/eu'>EU ▾</a><a href='/world/eu/'>EU</a></nav>", [("EU", "/world/eu")]),
        ("<footer><a href='/policy'>Policy</a><a href='/markets'>Markets</a><a href='/imprint'>Imprint</a></footer>", [("Policy", "/policy"), ("Markets", "/markets")]),
        ("<ol aria-label=breadcrumb><li><a href='/'>Home</a><li><a href='/policy'>Policy</a></ol>", [("Policy", "/policy")]),
    ],
)  # fmt: skip
def test_sections_of_a_fragment(markup: str, expected: list[tuple[str, str]]) -> None:
    found = find_sections(Selector(f"<body>{markup}</body>"), f"{SITE}/article/rates-rise-once-more")
    assert [(s.label, s.url) for s in found] == [(label, SITE + url) for label, url in expected]


def test_section_slug_is_the_partition_key() -> None:
    page = Selector("<nav><a href='/a'>AI &amp; Education</a><a href='/b'>2026 Vote</a></nav>")
    assert [s.slug for s in find_sections(page, SITE)] == ["ai-education", "2026-vote"]


def printed(page: Selector, url: str) -> PrintedStory:
    texts = (" ".join("".join(p.itertext()).split()) for p in page.root.iter("p", "dd"))
    return PrintedStory(url=url, title="A title", body=tuple(t for t in texts if len(t.split()) > 5))


@pytest.mark.parametrize("style", [s for s in STYLES if s is not address_host], ids=lambda s: s.__name__)
def test_a_listing_is_a_listing_however_long_its_deks(style: Callable[[], Listing]) -> None:
    listing = style()
    page = Selector(listing.html)
    assert is_listing(page, listing.url, printed(page, listing.url))


@pytest.mark.parametrize("style", STYLES, ids=lambda s: s.__name__)
def test_a_story_amid_cards_is_a_story(style: Callable[[], Listing]) -> None:
    """The same page with a body above its cards."""
    listing = style()
    body = "<div><h1>Bill clears panel</h1>" + "".join(
        f"<p>Paragraph {n} of a story in which the panel says at some length what it thinks of figure {n} in the bill.</p>"
        for n in range(14)
    )
    page = Selector(listing.html.replace("<body", f"<body><main>{body}</div></main><div", 1))
    assert not is_listing(page, f"{SITE}/article/bill-clears-panel", printed(page, listing.url))


def test_collection_page_that_calls_itself_an_article_is_a_listing() -> None:
    head = '<meta property=og:type content=article><script type=\'application/ld+json\'>{"@type": "CollectionPage"}</script>'
    listing = wordpress()
    page = Selector(f"<head>{head}</head>{listing.html}")
    assert is_listing(page, listing.url, printed(page, listing.url))


def test_item_list_stands_in_for_a_page_that_scripts_render() -> None:
    data = """{"@type":"CollectionPage","mainEntity":{"@type":"ItemList","itemListElement":[
      {"@type":"ListItem","url":"/article/a-b-c"},{"@type":"ListItem","item":{"@id":"https://www.ledger.example/article/d-e-f","name":"D"}}]}}"""
    page = Selector(
        f"<body><nav>{menu()}</nav><div id=app></div><script type='application/ld+json'>{data}</script></body>"
    )
    assert [(s.url, s.title) for s in list_stories(page, f"{SITE}/policy")] == [
        (f"{SITE}/article/a-b-c", ""),
        (f"{SITE}/article/d-e-f", "D"),
    ]


RSS = """<?xml version="1.0" encoding="{encoding}"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"><channel>
<title>Ledger</title><link>https://www.ledger.example/</link><item><media:title>A photograph</media:title><title>Caf&#233;s &amp; banks — &lt;b&gt;bold&lt;/b&gt;</title><link>https://www.ledger.example/a?utm_source=rss</link>
<pubDate>Mon, 29 Jun 2026 09:05:00 -0400</pubDate><content:encoded><![CDATA[<a href="/x">x</a>]]></content:encoded></item>
<item><title>B</title><guid isPermaLink="true">https://www.ledger.example/b</guid><dc:date>2026-06-28</dc:date></item>
<item><title>C</title><guid isPermaLink="false">tag:c</guid></item><item><title>A again</title><link>https://www.ledger.example/a</link></item></channel></rss>"""


def expected_rss() -> list[ListedStory]:
    return [
        ListedStory(
            url=f"{SITE}/a",
            title="Cafés & banks — bold",
            published_at=datetime(2026, 6, 29, 13, 5, tzinfo=UTC),
            published_raw="Mon, 29 Jun 2026 09:05:00 -0400",
        ),
        ListedStory(
            url=f"{SITE}/b", title="B", published_at=datetime(2026, 6, 28, tzinfo=UTC), published_raw="2026-06-28"
        ),
    ]


@pytest.mark.parametrize(
    "body",
    [
        RSS.format(encoding="utf-8").encode(),
        b"\xef\xbb\xbf" + RSS.format(encoding="utf-8").encode(),
        RSS.format(encoding="iso-8859-1").encode(),  # declares another encoding than it has
        RSS.format(encoding="utf-16").encode("utf-16"),
        b"\n\n" + RSS.format(encoding="utf-8").encode().replace(b"</channel></rss>", b""),  # cut short
    ],
)
def test_rss(body: bytes) -> None:
    assert parse_feed(body, f"{SITE}/feed") == expected_rss()


def test_atom_takes_published_alone_and_the_alternate_link() -> None:
    body = b"""<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://www.ledger.example/news/"><entry><title type="html">A &amp;amp; B</title>
      <link rel="self" href="/api/1"/><link rel="alternate" type="application/json" href="1.json"/><link rel="alternate" type="text/html" href="1"/><updated>2026-07-01T00:00:00Z</updated></entry>
      <entry><title>C</title><link href="../c"/><published>2026-06-01T10:00:00+02:00</published></entry></feed>"""
    assert parse_feed(body, "https://feeds.elsewhere.example/x") == [
        ListedStory(url=f"{SITE}/news/1", title="A & B"),
        ListedStory(
            url=f"{SITE}/c",
            title="C",
            published_at=datetime(2026, 6, 1, 8, tzinfo=UTC),
            published_raw="2026-06-01T10:00:00+02:00",
        ),
    ]


def test_a_feed_with_html_entities_and_a_stray_ampersand_is_mended() -> None:
    body = b"<rss><channel><item><title>Q&A: rates&nbsp;rise</title><link>/a</link></item><item><link>/b</link></item></channel></rss>"
    found = parse_feed(body, SITE)
    assert found is not None
    assert [s.url for s in found] == [f"{SITE}/a", f"{SITE}/b"]
    assert "rise" in found[0].title


def test_rdf_feed() -> None:
    body = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><channel/>
      <item rdf:about="https://www.ledger.example/a"><title>A</title></item></rdf:RDF>"""
    assert parse_feed(body, SITE) == [ListedStory(url=f"{SITE}/a", title="A")]


@pytest.mark.parametrize(
    "body", [b"", b"\x00\xff", b"<html><body>no</body></html>", b'{"a": 1}', b"<urlset/>", b"<rss"]
)
def test_what_is_no_feed(body: bytes) -> None:
    assert not parse_feed(body, SITE)


@pytest.mark.parametrize(("zone", "hour"), [("CEST", "22"), ("BST", "23"), ("EDT", "04"), ("+0200", "22"), ("", "00")])
def test_a_feed_says_its_zone_in_whatever_letters(zone: str, hour: str) -> None:
    item = f"<item><title>A</title><link>/a</link><pubDate>Tue, 30 Jun 2026 00:30:00 {zone}</pubDate></item>"
    (found,) = parse_feed(f"<rss><channel>{item}</channel></rss>".encode(), SITE) or []
    assert found.published_at is not None
    assert f"{found.published_at:%H:%M}" == f"{hour}:30"


def test_a_number_is_no_page_of_the_home_page() -> None:
    posts = {f"/?p={number}": f"The {number}th levy of the council goes to a vote" for number in (612, 640, 871)}
    rows = "".join(f"<li><h3><a href='{path}'>{title}</a></h3>" for path, title in posts.items())
    listed = read_page(f"<html><body><main><h1>Policy</h1><ul>{rows}</ul></main></body></html>".encode())
    assert {story.url for story in list_stories(listed, f"{SITE}/policy")} == {SITE + path for path in posts}


def test_entities_are_never_expanded_nor_fetched() -> None:
    bomb = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "lol"}">' for i in range(10))
    body = f'<!DOCTYPE rss [{bomb}<!ENTITY f SYSTEM "file:///etc/hostname">]><rss><channel><item><title>x&e9;&f;</title><link>/a</link></item></channel></rss>'
    started = time.perf_counter()
    found = parse_feed(body.encode(), SITE)
    assert time.perf_counter() - started < 2
    assert found is not None
    assert all(len(s.title) < 20 for s in found)


def test_sitemap_keeps_lastmod_apart_from_publication() -> None:
    body = b"""<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"><url><loc> https://www.ledger.example/a </loc><lastmod>2026-07-01</lastmod>
      <news:news><news:publication_date>2026-06-29T08:00:00Z</news:publication_date><news:title>A</news:title></news:news></url><url><loc>/b</loc></url></urlset>"""
    sitemap = parse_sitemap(body, f"{SITE}/sitemap.xml")
    assert sitemap is not None
    assert sitemap.pages == [(f"{SITE}/a", "2026-07-01"), (f"{SITE}/b", None)]
    assert [(s.url, s.title, s.published_raw) for s in sitemap.stories] == [(f"{SITE}/a", "A", "2026-06-29T08:00:00Z")]
    assert not sitemap.truncated


def test_sitemap_index_without_namespace() -> None:
    body = b"<sitemapindex><sitemap><loc>https://www.ledger.example/s1.xml.gz</loc></sitemap></sitemapindex>"
    sitemap = parse_sitemap(body, SITE)
    assert sitemap is not None
    assert (sitemap.sitemaps, sitemap.pages) == ([f"{SITE}/s1.xml.gz"], [])


def test_sitemap_stops_at_fifty_thousand() -> None:
    body = "<urlset>" + "".join(f"<url><loc>/p{i}</loc></url>" for i in range(50_001)) + "</urlset>"
    sitemap = parse_sitemap(body.encode(), SITE)
    assert sitemap is not None
    assert (len(sitemap.pages), sitemap.truncated) == (50_000, True)
    assert parse_sitemap(b"<rss/>", SITE) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "html",
    [
        "".join(f"<p><a href='/a/some-long-slug-{i}'>Headline of the story {i}</a></p>" for i in range(200_000)),
        "<div>" * 1_000_000 + "<a href='/a/b-c-d'>Headline of the story</a>",
        "".join(f"<x-a href='/s{i}'>" for i in range(2_000)) + "<a href='/q'>t</a>" * 20_000,
        "<h2><a href='/a-b-c-d'>" * 50_000,
        "<nav>" + "".join(f"<a href='?page={i}'>{i}</a>" for i in range(100_000)),
        "<a href='/x-y-z'>" + "›" * 500_000 + " x</a>",
        "".join(f"<a href='{'/' * 3_900}{i}'>{i}</a>" for i in range(20)) + f"<a href='{'/1' * 500_000}'>2</a>",
    ],
    ids=["links", "divs", "shells", "headings", "numbers", "arrows", "slashes"],
)
def test_hostile_pages_take_bounded_time(html: str) -> None:
    page = Selector(f"<body>{html}")
    started = time.process_time()
    list_stories(page, f"{SITE}/policy")
    next_pages(page, f"{SITE}/policy")
    find_sections(page, f"{SITE}/policy")
    is_listing(page, f"{SITE}/policy", PrintedStory(url=SITE, body=("word " * 50,) * 20))
    assert time.process_time() - started < 30


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=300)
    | st.lists(
        st.sampled_from(
            [
                "<a href='",
                "/x",
                "'>",
                "</a>",
                "<h2>",
                "<nav>",
                "</li>",
                "<li>",
                "2",
                "Next",
                "<time datetime='",
                "[",
                "%zz",
                "//",
            ]
        ),
        max_size=60,
    ).map("".join)
)
def test_no_page_raises(html: str) -> None:
    page = Selector(html or "x")
    for read in (list_stories, next_pages, find_sections):
        read(page, f"{SITE}/policy")
    is_listing(page, f"{SITE}/policy", PrintedStory(url=SITE))
    parse_feed(html.encode("utf-8", "surrogatepass"), SITE)
    parse_sitemap(html.encode("utf-8", "surrogatepass"), SITE)


def test_the_bundled_networks_pages_are_told_apart() -> None:
    """Every story a story, every listing a listing, whatever the markup; a table's cell may hold either."""
    with DemoNetwork() as network:
        for site in network.sites:
            listings = ["/", *(site.site.style.listing_path(section) for section in DEMO_SECTIONS)]
            for path in [*listings, *(placed.story.path for placed in site.stories)]:
                url = site.base_url + path
                page = read_page(site._pages.answer(path).body)
                assert is_listing(page, url, extract_story(page, url)) == (path in listings), url


def test_a_link_that_loads_more_is_followed_on_every_page() -> None:
    def page(offset: int) -> Selector:
        cards = "".join(
            f'<article><h2><a href="/article/vote-{n}-in-the-town-hall">Vote {n} in the town hall today</a></h2></article>'
            for n in range(offset, offset + 5)
        )
        more = f'<div><a href="/policy?offset={offset + 5}">Load more stories</a></div>'
        return Selector(f"<html><body><main>{cards}{more}</main></body></html>")

    assert next_pages(page(0), "https://a.example/policy") == ["https://a.example/policy?offset=5"]
    assert next_pages(page(5), "https://a.example/policy?offset=5") == ["https://a.example/policy?offset=10"]
