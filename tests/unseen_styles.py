# ruff: noqa: E501
# Markup and prose run on as sites print them.
"""House styles of the network's kind of page as common site generators print them.

Each style is a function from story to HTML. All of them print the same parts in about the same order: section label,
title, dek, paragraphs with `Read more TITLE →` amid them, `Continue reading at PUBLISHER`, questions, `More in SECTION →`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import count
from typing import Any

from parsel import Selector

from archiver.demo.stories import SECTIONS, BulletList, Paragraph, Subheading
from archiver.demo.styles.base import DemoStory, Teaser, inline, link, text
from archiver.extract import extract_story
from archiver.normalize import normalize_story
from tests.unseen_stories import CARDS, SITE, expected_columns, sources_of

NOW = datetime(2026, 6, 29, 13, 5, tzinfo=UTC)

Tag = Callable[[str], str]
Page = Callable[[DemoStory], str]


@dataclass(frozen=True, kw_only=True)
class UnseenStyle:
    name: str
    page: Page
    label: Callable[[str], str] = str.lower
    """How the style prints a section's name."""


STYLES: dict[str, UnseenStyle] = {}


def style(label: Callable[[str], str] = str.lower) -> Callable[[Page], Page]:
    def register(page: Page) -> Page:
        name = page.__name__.replace("_", "-")
        STYLES[name] = UnseenStyle(name=name, page=page, label=label)
        return page

    return register


def extract_columns(html: str, path: str) -> dict[str, Any]:
    """Return the columns that `expected_columns` speaks of, as extraction and normalisation fill them."""
    printed = extract_story(Selector(text=html), SITE.base_url + path, now=NOW)
    story = normalize_story(printed, fetched_at=NOW)
    return {
        "section_label": story.section_label,
        "title": story.title,
        "dek": story.dek,
        "body": story.body,
        "faq": [(pair.question, pair.answer) for pair in story.faq],
        "source_name": story.source_name,
        "source_url": story.source_url,
        "links": {(each.kind, each.url, "" if each.kind == "source" else each.text) for each in story.links},
        "related": {(each.url, each.title) for each in story.related},
    }


def find_faults(columns: dict[str, Any], story: DemoStory, house: UnseenStyle) -> dict[str, tuple[Any, Any]]:
    """Return what was expected and what was found for each column that is not as it must be."""
    expected = expected_columns(story, house.label(SECTIONS[story.section]))
    return {
        column: (wanted, columns[column])
        for column, wanted in expected.items()
        if not (wanted <= columns[column] if column == "related" else wanted == columns[column])
    }


# The parts of a page


def tag(name: str, attributes: str = "") -> Tag:
    """Return a function that puts HTML into an element.

    >>> tag("p", 'class="a"')("One")
    '<p class="a">One</p>'
    """
    return lambda html: f"<{name}{' ' + attributes if attributes else ''}>{html}</{name}>"


def nest(*tags: Tag) -> Tag:
    """Return a function that puts HTML into elements, the outermost first.

    >>> nest(tag("div"), tag("p"))("One")
    '<div><p>One</p></div>'
    """

    def put(html: str) -> str:
        for each in reversed(tags):
            html = each(html)
        return html

    return put


def bullets(items: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


P, H2 = tag("p"), tag("h2")


def flow(
    story: DemoStory,
    p: Tag = P,
    *,
    h: Tag = H2,
    ul: Callable[[Sequence[str]], str] = bullets,
    more: str | None = None,
    amid: str = "",
) -> list[str]:
    """Return the blocks of a body: after the second paragraph the link to another story, after the third `amid`."""
    blocks: list[str] = []
    paragraphs = count(1)
    sources = sources_of(story)
    tail = f"Continue reading at {text(sources[0][0])}." if sources else ""
    ends_in_tail = story.source_form == "continue" and isinstance(story.body[-1], Paragraph)
    for block in story.body:
        match block:
            case BulletList(items):
                blocks.append(ul([inline(item) for item in items]))
            case Subheading(runs):
                blocks.append(h(inline(runs)))
            case Paragraph(runs):
                closing = f" {tail}" if ends_in_tail and block is story.body[-1] else ""
                blocks.append(p(inline(runs) + closing))
                number = next(paragraphs)
                if number == 2:
                    blocks.append(p(read_more(story)) if more is None else more)
                if number == 3 and amid:
                    blocks.append(amid)
    return blocks if ends_in_tail or not tail else [*blocks, p(tail)]


def read_more(story: DemoStory, attributes: str = "") -> str:
    return (
        link(story.interstitial.path, f"Read more {story.interstitial.title} →", attributes)
        if story.interstitial
        else ""
    )


def read_more_apart(story: DemoStory, box: Tag, words: Tag, title: Tag, arrow: Tag) -> str:
    """Return the link to another story with its words, title and arrow each in an element of its own."""
    if not story.interstitial:
        return ""
    inner = words("Read more") + title(text(story.interstitial.title)) + arrow("→")
    return box(f'<a href="{story.interstitial.path}">{inner}</a>')


def credits(
    story: DemoStory, attributes: str = ' rel="nofollow noopener" target="_blank"', arrow: str = " →"
) -> list[str]:
    """Return the links to the story's sources."""
    return [
        f'<a href="{escape(address)}"{attributes}>Continue reading at {text(name)}{arrow}</a>'
        for name, address in sources_of(story)
    ]


def questions(story: DemoStory, p: Tag = P) -> list[tuple[str, str]]:
    """Return the story's questions and their answers as HTML."""
    return [(text(pair.question), "".join(p(inline(part.runs)) for part in pair.answer)) for pair in story.faq]


def faq(story: DemoStory, box: Tag, heading: Tag, item: Callable[[str, str], str], p: Tag = P) -> str:
    if not story.faq:
        return ""
    items = "".join(item(question, answer) for question, answer in questions(story, p))
    return box(heading("Frequently Asked Questions") + items)


def dek(story: DemoStory, put: Tag) -> str:
    return put(text(story.dek)) if story.dek else ""


def label_link(story: DemoStory, attributes: str = "", label: Callable[[str], str] = str.lower) -> str:
    return link(f"/{story.section}", label(SECTIONS[story.section]), attributes)


def more_in(story: DemoStory, attributes: str = "", label: Callable[[str], str] = str.lower) -> str:
    return link(f"/{story.section}", f"More in {label(SECTIONS[story.section])} →", attributes)


# What stands around the story

NAV = "".join(f"<li>{link(f'/{slug}', label)}</li>" for slug, label in SECTIONS.items())
COOKIES = (
    "We and our 214 partners store and read information on your device, such as unique identifiers in cookies, in order to "
    "serve personalised advertising and content, to measure both, and to learn about the people who read us. You may "
    "accept or manage your choices at any time by clicking below, and your choices will be kept for thirteen months. Some "
    "of our partners do not ask for your consent but rely on their legitimate interest, to which you may object."
)
FOOTER = (
    "Ledgerleaf is an independent digest of public affairs for people who run things. It is written by a desk of six in two "
    "time zones, and nothing in it should be taken as advice on law, tax or investment. Prices are delayed by at least "
    "fifteen minutes. We may earn a commission when you buy through links on this site. Reproduction of any part of it "
    "without written permission is prohibited, save where a statute says otherwise."
)
COMMENTS = (
    (
        "I have driven over that road for thirty years and not once has anybody asked me what I think of it. The people who "
        "make these decisions live elsewhere, and they will not be here when the bill comes due. My neighbor wrote to the "
        "office in March, and what came back was a form letter with somebody else’s name in it."
    ),
    (
        "With respect, the previous writer has it backwards. Somebody has to pay for it, and those who use it most should pay "
        "the most. I worked in the department from 1988 until 2014 and can tell you that the figures were always public. What "
        "was missing, and is missing to this day, is anyone who would take an afternoon to read them."
    ),
    (
        "Could the editors add a chart next time? I tried to follow the sums on the back of an envelope and came out with a "
        "number that is nearly twice what the article says, unless the second year counts only in part. If it does, then the "
        "sentence about the deadline makes no sense to me, since that date falls into the first year and not the second."
    ),
    (
        "Thank you for this. It is the first account I have read that says who voted for what. I shall take it to our meeting "
        "on Thursday, where there will be shouting, and I shall read it aloud until there is none. Then I shall ask for a vote "
        "of our own, which we ought to have had in the autumn, before the surveyors came."
    ),
)
NEWSLETTER = (
    "Get the five stories that matter in your inbox each morning. No spam, and you can leave whenever you like."
)


def cards(teasers: Iterable[Teaser], card: Callable[[Teaser], str]) -> str:
    return "".join(card(teaser) for teaser in teasers)


def document(body: str, *, head: str = "", attributes: str = ' lang="en"') -> str:
    return f'<!DOCTYPE html>\n<html{attributes}><head><meta charset="utf-8">{head}</head>\n<body>{body}</body></html>'


def title_tag(story: DemoStory, site: str = " | Ledgerleaf") -> str:
    return f"<title>{text(story.title)}{site}</title>"


def open_graph(story: DemoStory) -> str:
    described = f'<meta property="og:description" content="{escape(story.dek)}">' if story.dek else ""
    return f'{title_tag(story)}<meta property="og:title" content="{escape(story.title)}">{described}'


# The styles


@style()
def next_tailwind(story: DemoStory) -> str:
    """React's server rendering sets empty comments between text nodes."""
    blocks = flow(
        story,
        tag("p", 'class="text-lg leading-8"'),
        h=tag("h2", 'class="text-2xl font-semibold"'),
        more=read_more_apart(
            story,
            tag("div", 'class="my-8 rounded-xl border p-4"'),
            tag("span", 'class="text-xs uppercase"'),
            lambda html: f"<!-- --> <!-- -->{html}<!-- --> ",
            tag("span", 'aria-hidden="true"'),
        ),
    )
    credit = "".join(
        f'<a class="inline-flex items-center" href="{escape(address)}" target="_blank" rel="noopener">'
        f"Continue reading at<!-- --> <!-- -->{text(name)}<!-- --> <!-- -->→</a>"
        for name, address in sources_of(story)
    )
    asked = faq(
        story,
        tag("section", 'class="mt-12 space-y-6"'),
        tag("h2", 'class="text-2xl"'),
        lambda q, a: f'<div class="border-b pb-4"><h3 class="flex"><span class="mr-2">Q.</span>{q}</h3>{a}</div>',
        tag("p", 'class="mt-2 text-gray-700"'),
    )
    main = f"""<div id="__next"><div class="min-h-screen"><header class="sticky top-0 z-50"><a href="/">Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header>
<main class="mx-auto max-w-3xl px-4"><article><div class="mb-4">{label_link(story, ' class="text-xs font-bold text-teal-600"')}</div>
<h1 class="text-4xl font-bold">{text(story.title)}</h1>{dek(story, tag("p", 'class="mt-4 text-xl text-gray-600"'))}
<div class="prose mt-8">{"".join(blocks)}</div><div class="mt-8">{credit}</div>{asked}</article>
<div class="mt-8">{more_in(story, ' class="underline"')}</div></main>
<footer class="border-t"><p>{FOOTER}</p></footer></div></div>
<script id="__NEXT_DATA__" type="application/json">{{"props":{{"pageProps":{{}}}},"page":"/article/[slug]"}}</script>"""
    return document(main, head=open_graph(story))


@style()
def styled_components(story: DemoStory) -> str:
    """Hashed class names, no element but div, h1, p and button."""
    panels = count(1)

    def panel(q: str, a: str) -> str:
        number = next(panels)
        return (
            f'<div class="sc-gKXOVf"><button type="button" aria-expanded="false" aria-controls="p{number}" class="sc-iBkjds">'
            f'{q}<svg width="8"><path d="M0 0"></path></svg></button><div id="p{number}" class="sc-ftTHYK" hidden="">{a}</div></div>'
        )

    asked = faq(story, tag("div", 'class="sc-jqUVSM"'), tag("h2", 'class="sc-kDDrLX"'), panel)
    credit = "".join(f'<div class="sc-dkrFOg">{each}</div>' for each in credits(story))
    blocks = flow(story, tag("p", 'class="sc-hLBbgP kAbCd"'), more=f'<div class="sc-eDvSVe">{read_more(story)}</div>')
    return document(
        f'<div class="sc-bczRLJ"><div class="sc-gsnTZi"><a href="/" class="sc-dkz">Ledgerleaf</a>{NAV}</div><div class="sc-papXJ">'
        f'<div class="sc-iqcoie fTq">{text(SECTIONS[story.section].lower())}</div><h1 class="sc-crXcEl">{text(story.title)}</h1>'
        f"{dek(story, tag('div', 'class=sc-evZas'))}{''.join(blocks)}{credit}{asked}"
        f'<div class="sc-breuTD">{more_in(story)}</div></div><div class="sc-ksZaOG">{FOOTER}</div></div>',
        head=title_tag(story, ""),
    )


@style(label=str)
def ghost(story: DemoStory) -> str:
    asked = faq(
        story,
        nest(tag("div")),
        tag("h2", 'id="frequently-asked-questions"'),
        lambda q, a: (
            '<div class="kg-card kg-toggle-card" data-kg-toggle-state="close"><div class="kg-toggle-heading">'
            f'<h4 class="kg-toggle-heading-text"><span style="white-space: pre-wrap;">{q}</span></h4><button class="kg-toggle-card-icon" '
            'aria-label="Expand toggle to read content"><svg></svg></button></div>'
            f'<div class="kg-toggle-content">{a}</div></div>'
        ),
        nest(tag("p"), tag("span", 'style="white-space: pre-wrap;"')),
    )
    callout = f'<div class="kg-card kg-callout-card"><div class="kg-callout-emoji">📎</div><div class="kg-callout-text">{read_more(story)}</div></div>'
    credit = "".join(
        f'<div class="kg-card kg-button-card kg-align-center">{each}</div>'
        for each in credits(story, ' class="kg-btn kg-btn-accent"')
    )
    kin = cards(
        CARDS,
        lambda teaser: (
            f'<article class="gh-card post"><a class="gh-card-link" href="{teaser.path}"><figure><img src="/i.jpg" alt=""></figure>'
            f'<div class="gh-card-wrapper"><h3 class="gh-card-title">{text(teaser.title)}</h3>'
            f'<p class="gh-card-excerpt">{text(teaser.dek or "")}</p></div></a></article>'
        ),
    )
    return document(
        f"""<div class="viewport"><header id="gh-navigation"><a href="/">Ledgerleaf</a><ul class="nav">{NAV}</ul></header>
<main id="site-main"><article class="gh-article post"><header class="gh-article-header gh-canvas">
{label_link(story, ' class="gh-article-tag"', str)}<h1 class="gh-article-title is-title">{text(story.title)}</h1>
{dek(story, tag("p", 'class="gh-article-excerpt is-body"'))}
<div class="gh-article-meta"><span class="gh-article-meta-length">3 min read</span></div></header>
<section class="gh-content gh-canvas is-body">{"".join(flow(story, more=callout))}{credit}{asked}</section></article>
<p>{more_in(story, label=str)}</p>
<section class="gh-container"><h2 class="gh-container-title">Read next</h2><div class="gh-feed">{kin}</div></section></main>
<footer class="gh-footer"><p>{FOOTER}</p></footer></div>""",
        head=open_graph(story),
    )


@style()
def squarespace(story: DemoStory) -> str:
    def block(html: str) -> str:
        return f'<div class="sqs-block html-block"><div class="sqs-block-content"><div class="sqs-html-content">{html}</div></div></div>'

    p = tag("p", 'class="" style="white-space:pre-wrap;"')
    asked = faq(
        story,
        lambda html: (
            block("<h2>Frequently Asked Questions</h2>")
            + f'<div class="sqs-block accordion-block"><ul class="accordion-items-container">{html}</ul></div>'
        ),
        lambda heading: "",
        lambda q, a: (
            '<li class="accordion-item"><h4 class="accordion-item__title-wrapper"><button class="accordion-item__click-target" '
            f'aria-expanded="false"><span class="accordion-item__title">{q}</span><div class="accordion-icon-container"></div></button></h4>'
            f'<div class="accordion-item__dropdown" role="region"><div class="accordion-item__description">{a}</div></div></li>'
        ),
        p,
    )
    blocks = flow(story, p, h=tag("h3", 'style="white-space:pre-wrap;"'))
    credit = "".join(
        f'<div class="sqs-block button-block"><div class="sqs-block-button-container">{each}</div></div>'
        for each in credits(story)
    )
    return document(
        f"""<div id="siteWrapper"><header id="header"><a href="/">Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header>
<main id="page" role="main"><article class="h-entry entry"><div class="blog-item-title"><span class="blog-item-category-wrapper">{label_link(story, ' class="blog-item-category"')}</span>
<h1 class="entry-title" data-content-field="title">{text(story.title)}</h1></div>
<div class="sqs-layout sqs-grid-12 columns-12"><div class="row sqs-row"><div class="col sqs-col-12">
{dek(story, lambda html: block(f"<h3 style='white-space:pre-wrap;'><em>{html}</em></h3>"))}
{block("".join(blocks[:2]))}{block("".join(blocks[2:]))}{credit}{asked}</div></div></div>
<div class="blog-item-pager">{more_in(story)}</div></article></main>
<footer><p>{FOOTER}</p></footer></div>""",
        head=open_graph(story),
    )


@style()
def wix(story: DemoStory) -> str:
    """Deep divs, three spans around each text, and between paragraphs one that holds a zero-width space."""
    guard = '<p class="font_8" style="line-height:1.7em;"><span class="wixGuard">&#8203;</span></p>'
    rich = nest(tag("p", 'class="font_8"'), tag("span", 'style="font-size:18px;"'), tag("span", 'style="color:#222;"'))
    asked = faq(
        story,
        lambda html: html,
        nest(tag("h3", 'class="font_3"'), tag("span")),
        lambda q, a: f'<p class="font_8"><span style="font-weight:bold;">Q.{q}</span></p>{a}{guard}',
        rich,
    )
    body = guard.join(flow(story, rich, h=nest(tag("h4", 'class="font_4"'), tag("span"))))
    credit = "".join(f'<div class="wixui-button">{each}</div>' for each in credits(story, ' data-testid="linkElement"'))
    deep = nest(*[tag("div", f'id="comp-k{number}" class="V5AUxf"') for number in range(18)])
    inner = (
        f'<div class="HcOXKn"><p class="font_9"><span>{text(SECTIONS[story.section].lower())}</span></p></div>'
        f'<div class="HcOXKn"><h1 class="font_0"><span class="color_11">{text(story.title)}</span></h1></div>'
        f"{dek(story, nest(tag('div', 'class=HcOXKn'), tag('h2', 'class=font_2'), tag('span')))}"
        f'<div class="HcOXKn" data-testid="richTextElement">{body}</div>{credit}<div class="HcOXKn">{asked}</div>'
        f'<div class="HcOXKn"><p class="font_8">{more_in(story)}</p></div>'
    )
    return document(
        f'<div id="SITE_CONTAINER"><div id="SITE_HEADER"><ul>{NAV}</ul></div>{deep(inner)}'
        f'<div id="SITE_FOOTER"><p class="font_8">{FOOTER}</p></div></div>',
        head=title_tag(story),
    )


@style()
def webflow(story: DemoStory) -> str:
    """Its dropdown component is a div and a nav, whatever it holds."""
    asked = faq(
        story,
        tag("div", 'class="faq-wrapper"'),
        tag("h2"),
        lambda q, a: (
            f'<div class="accordion w-dropdown"><div class="accordion-toggle w-dropdown-toggle"><div class="icon"></div><div>{q}</div></div>'
            f'<nav class="accordion-list w-dropdown-list">{a}</nav></div>'
        ),
    )
    box = tag("div", 'class="inline-link-block w-inline-block"')
    more = read_more_apart(story, box, tag("div"), tag("div"), tag("div"))
    credit = each_source(
        story,
        '<a href="{address}" class="button w-button">Continue reading at {name} →</a>',
    )
    return document(
        f"""<div class="navbar w-nav"><a href="/" class="brand w-nav-brand">Ledgerleaf</a><nav role="navigation" class="w-nav-menu"><ul>{NAV}</ul></nav></div>
<div class="section"><div class="w-container"><div class="category-tag">{text(SECTIONS[story.section].lower())}</div><h1 class="heading-14">{text(story.title)}</h1>
{dek(story, tag("p", 'class="paragraph-lead"'))}<img src="/hero.jpg" alt="">
<div class="rich-text-block w-richtext">{"".join(flow(story, more=more))}</div>{credit}{asked}
<div class="w-layout-grid">{more_in(story)}</div></div></div>
<div class="footer"><div class="w-container"><p>{FOOTER}</p></div></div>""",
        head=open_graph(story),
    )


@style()
def drupal(story: DemoStory) -> str:
    """The title is a block above the article; the questions are fields; the discussion is longer than the story."""
    asked = faq(
        story,
        tag("div", 'class="field field--name-field-faq field--type-entity-reference-revisions"'),
        tag("div", 'class="field__label"'),
        lambda q, a: (
            '<div class="field__item"><div class="paragraph paragraph--type--faq"><div class="field field--name-field-question '
            f'field__item">{q}</div><div class="clearfix text-formatted field field--name-field-answer field__item">{a}</div></div></div>'
        ),
    )
    comments = "".join(
        f'<article class="comment js-comment"><footer class="comment__meta"><p>Submitted by reader {number} on Tue</p></footer>'
        f'<div class="comment__content"><div class="field field--name-comment-body"><p>{comment}</p><p>{comment}</p></div></div></article>'
        for number, comment in enumerate(COMMENTS)
    )
    credit = "".join(f'<div class="field field--name-field-source field__item">{each}</div>' for each in credits(story))
    return document(
        f"""<a href="#main-content" class="visually-hidden">Skip to main content</a><div class="dialog-off-canvas-main-canvas">
<header role="banner"><div class="region region-header"><a href="/" rel="home">Ledgerleaf</a><ul class="menu">{NAV}</ul></div></header>
<main role="main"><a id="main-content"></a><div class="region region-highlighted"><div class="field field--name-field-channel"><div class="field__item">{label_link(story, ' hreflang="en"')}</div></div></div>
<div class="region region-content"><div id="block-page-title" class="block"><h1 class="page-title"><span class="field field--name-title">{text(story.title)}</span>
</h1></div><div id="block-content"><article role="article" class="node node--type-story node--view-mode-full"><div class="node__content">
{dek(story, tag("div", 'class="field field--name-field-summary field--type-string-long field__item"'))}
<div class="clearfix text-formatted field field--name-body field--type-text-with-summary field__item">{"".join(flow(story))}</div>
{credit}{asked}<div class="field field--name-field-more">{more_in(story)}</div></div>
<section class="field field--name-comment comment-wrapper"><h2 class="title">Comments</h2>{comments}
<h2>Add new comment</h2><form><label>Your name</label><input><label>Comment</label><textarea></textarea></form></section>
</article></div></div></main><footer role="contentinfo"><p>{FOOTER}</p></footer></div>""",
        head=title_tag(story),
    )


@style()
def joomla(story: DemoStory) -> str:
    """The title is an h2, the category a term of a list; modules stand left of the story and before it."""
    asked = faq(story, tag("div"), tag("h3"), lambda q, a: f"<dl><dt>Q.{q}</dt><dd>{a}</dd></dl>")
    modules = cards(CARDS, lambda each: f"<li>{link(each.path, each.title)}<p>{text(each.dek or '')}</p></li>")
    credit = "".join(f"<p class='readmore'>{each}</p>" for each in credits(story))
    return document(
        f"""<div class="body"><div class="container"><header class="header"><a class="brand" href="/">Ledgerleaf</a></header>
<nav class="navigation"><ul class="nav menu">{NAV}</ul></nav><div class="row-fluid">
<div id="sidebar" class="span3"><div class="well"><h3 class="page-header">Most Read Posts</h3><ul class="mostread mod-list">{modules}</ul></div></div>
<main id="content" role="main" class="span9"><div class="item-page"><dl class="article-info muted"><dd class="category-name">{label_link(story)}</dd></dl>
<div class="page-header"><h2>{text(story.title)}</h2></div>
<div>{dek(story, nest(tag("p"), tag("strong")))}{"".join(flow(story, h=tag("h3")))}</div>{credit}{asked}
<ul class="pager pagenav"><li class="previous">{link(CARDS[0].path, "Prev")}</li><li class="next">{link(CARDS[1].path, "Next")}</li></ul>
<p>{more_in(story)}</p></div></main></div></div>
<footer class="footer"><p>{FOOTER}</p><p class="pull-right"><a href="#top">Back to Top</a></p></footer></div>""",
        head=title_tag(story, " - Ledgerleaf"),
    )


@style()
def old_tables(story: DemoStory) -> str:
    """One table for the page, fonts for headings, line breaks for paragraphs, tags in capitals."""
    br = "<BR><BR>\n"
    asked = faq(
        story,
        lambda html: html,
        lambda heading: f"<FONT SIZE=4><B>{heading}</B></FONT>{br}",
        lambda q, a: f"<B>Q.{q}</B><BR>{a}{br}",
        lambda html: f"{html} ",
    )
    body = br.join(flow(story, str, h=tag("B")))
    credit = br.join(credits(story, ""))
    return f"""<HTML><HEAD>{title_tag(story)}</HEAD><BODY BGCOLOR=#FFFFFF><TABLE WIDTH=760 ALIGN=CENTER>
<TR><TD COLSPAN=2><A HREF="/"><IMG SRC="/logo.gif" ALT="Ledgerleaf"></A></TD></TR>
<TR><TD WIDTH=160 VALIGN=TOP><FONT SIZE=2>{"<BR>".join(link(f"/{slug}", label) for slug, label in SECTIONS.items())}</FONT></TD>
<TD WIDTH=600 VALIGN=TOP><FONT SIZE=2 COLOR=#990000>{label_link(story)}</FONT><BR>
<FONT SIZE=6><B>{text(story.title)}</B></FONT><BR>
{dek(story, nest(tag("FONT", "SIZE=4"), tag("I")))}{br if story.dek else ""}<FONT SIZE=3>{body}</FONT>{br}
{credit}{br}{asked}{more_in(story)}</TD></TR>
<TR><TD COLSPAN=2><FONT SIZE=1>{FOOTER}</FONT></TD></TR></TABLE></BODY></HTML>"""


@style(label=str.upper)
def amp(story: DemoStory) -> str:
    asked = faq(
        story,
        lambda html: html.replace("</h2>", "</h2><amp-accordion>", 1) + "</amp-accordion>",
        tag("h2"),
        lambda q, a: f"<section><h4>{q}</h4><div>{a}</div></section>",
    )
    advertisement = '<div class="ad-wrap"><span>Advertisement</span><amp-ad width="300" height="250" type="doubleclick"></amp-ad></div>'
    related = cards(
        CARDS,
        lambda each: f'<li><amp-img src="/a.jpg" width="90" height="60"></amp-img>{link(each.path, each.title)}</li>',
    )
    return document(
        f"""<amp-sidebar id="menu" layout="nodisplay" side="left"><ul>{NAV}</ul></amp-sidebar>
<amp-user-notification id="notice" layout="nodisplay"><p>{COOKIES}</p><button on="tap:notice.dismiss">Accept</button></amp-user-notification>
<header class="amp-header"><button on="tap:menu.toggle">☰</button><a href="/">Ledgerleaf</a></header>
<article class="amp-article"><header><div class="kicker">{label_link(story, label=str.upper)}</div><h1>{text(story.title)}</h1>
{dek(story, tag("h2", 'class="standfirst"'))}<amp-social-share type="email"></amp-social-share></header>
<amp-img src="/hero.jpg" width="1200" height="675" layout="responsive"></amp-img>
<div class="amp-content">{"".join(flow(story, amid=advertisement))}</div>{"".join(tag("p")(each) for each in credits(story))}{asked}
<div>{more_in(story, label=str.upper)}</div></article><aside><h3>You might also like</h3><ul>{related}</ul></aside>
<footer><p>{FOOTER}</p></footer>""",
        head=f'{open_graph(story)}<script async src="/v0.js"></script>',
        attributes=' amp lang="en"',
    )


@style()
def custom_elements(story: DemoStory) -> str:
    """Every part is an element of the site's own; headings are so only by name."""
    asked = faq(
        story,
        tag("story-faq"),
        tag("faq-heading"),
        lambda q, a: (
            f"<faq-item><faq-question><q-mark>Q.</q-mark>{q}</faq-question><faq-answer>{a}</faq-answer></faq-item>"
        ),
        tag("faq-text"),
    )
    blocks = flow(
        story,
        tag("story-paragraph"),
        h=tag("story-subhead"),
        more=f"<story-more>{read_more(story)}</story-more>",
        ul=lambda items: tag("story-list")("".join(map(tag("story-item"), items))),
    )
    return document(
        f"""<site-header><a href="/">Ledgerleaf</a><site-nav><ul>{NAV}</ul></site-nav></site-header>
<story-page><story-label>{label_link(story)}</story-label><story-title>{text(story.title)}</story-title>{dek(story, tag("story-dek"))}
<story-body>{"".join(blocks)}</story-body><story-source>{"".join(credits(story))}</story-source>{asked}
<story-next>{more_in(story)}</story-next></story-page><site-footer><footer-text>{FOOTER}</footer-text></site-footer>""",
        head=title_tag(story)
        + "<style>story-title,story-dek,story-paragraph,story-item,faq-question,faq-text{display:block}</style>",
    )


@style()
def all_div(story: DemoStory) -> str:
    """No element but div and a; sizes by inline style."""
    p = tag("div", 'style="margin:0 0 18px"')
    asked = faq(
        story,
        tag("div", 'style="margin-top:40px"'),
        tag("div", 'style="font-size:24px;font-weight:700"'),
        lambda q, a: f'<div><div style="font-weight:700">Q.{q}</div><div>{a}</div></div>',
        p,
    )
    blocks = flow(
        story,
        p,
        h=tag("div", 'style="font-size:22px;font-weight:700"'),
        ul=lambda items: tag("div", 'style="padding-left:20px"')("".join(map(tag("div"), items))),
    )
    menu = "".join(f"<div>{link(f'/{slug}', label)}</div>" for slug, label in SECTIONS.items())
    return document(
        f"""<div><div><div><a href="/">Ledgerleaf</a></div>{menu}</div>
<div style="width:700px"><div style="font-size:12px">{text(SECTIONS[story.section].lower())}</div>
<div style="font-size:40px;font-weight:700">{text(story.title)}</div>{dek(story, tag("div", 'style="font-size:20px;color:#777"'))}
<div>{"".join(blocks)}</div><div>{"".join(map(tag("div"), credits(story)))}</div>{asked}<div>{more_in(story)}</div></div>
<div style="font-size:11px">{FOOTER}</div></div>""",
        head=title_tag(story),
    )


@style()
def all_span(story: DemoStory) -> str:
    """Spans that the style sheet shows as blocks; the body is one span with line breaks."""
    body = "<br><br>".join(flow(story, str, h=tag("b"), ul=lambda items: "<br>".join(f"• {item}" for item in items)))
    asked = faq(
        story,
        lambda html: html,
        tag("span", 'style="display:block"'),
        lambda q, a: f'<span style="display:block"><span>Q.</span>{q}</span><span style="display:block">{a}</span>',
        lambda html: f"{html} ",
    )
    return document(
        f"""<span style="display:block"><a href="/">Ledgerleaf</a> {" | ".join(link(f"/{slug}", label) for slug, label in SECTIONS.items())}</span>
<span style="display:block">{label_link(story)}</span><span style="display:block">{text(story.title)}</span>{dek(story, tag("span", 'style="display:block"'))}
<span style="display:block">{body}</span><span style="display:block">{"<br>".join(credits(story))}</span>{asked}<span style="display:block">{more_in(story)}</span>
<span style="display:block">{FOOTER}</span>""",
        head=title_tag(story),
    )


@style()
def section_per_paragraph(story: DemoStory) -> str:
    """Each paragraph in a section of its own, with advertising slots between."""
    slot = '<section data-type="ad"><div id="gpt-1"><span>ADVERTISEMENT</span></div></section>'
    p = nest(tag("section", 'data-type="paragraph"'), tag("p"))
    asked = faq(
        story,
        lambda html: html,
        nest(tag("section", 'data-type="heading"'), tag("h2")),
        lambda q, a: f'<section data-type="qa"><details><summary>{q}</summary>{a}</details></section>',
    )
    return document(
        f"""<header><a href="/">Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header><main>
<section data-type="kicker"><p>{label_link(story)}</p></section><section data-type="heading"><h1>{text(story.title)}</h1></section>
{dek(story, nest(tag("section", 'data-type="summary"'), tag("p"), tag("em")))}
{slot.join(flow(story, p, h=nest(tag("section"), tag("h2"))))}
{"".join(map(nest(tag("section", 'data-type="button"'), tag("p")), credits(story)))}{asked}
<section data-type="links"><p>{more_in(story)}</p></section></main><footer><section><p>{FOOTER}</p></section></footer>""",
        head=title_tag(story),
    )


@style()
def markdown(story: DemoStory) -> str:
    """What a Markdown converter prints, with nothing around it."""
    asked = faq(story, str, tag("h2"), lambda q, a: f"<h3>Q.{q}</h3>\n{a}\n")
    lines = [
        f"<p>{text(SECTIONS[story.section].lower())}</p>",
        f"<h1>{text(story.title)}</h1>",
        dek(story, nest(tag("p"), tag("em"))),
        *flow(story),
        *map(tag("p"), credits(story, "")),
        asked,
        f"<p>{more_in(story)}</p>",
    ]
    return f"<!DOCTYPE html>\n{title_tag(story, '')}\n" + "\n".join(line for line in lines if line) + "\n"


@style()
def header_outside(story: DemoStory) -> str:
    """Label, title and dek stand in a header before the article and not in it."""
    asked = faq(story, tag("section"), tag("h2"), lambda q, a: f"<h3>{q}</h3>{a}")
    return document(
        f"""<header class="site"><a href="/">Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header>
<header class="hero"><div class="hero-inner"><span class="hero-kicker">{text(SECTIONS[story.section].lower())}</span><h1>{text(story.title)}</h1>
{dek(story, tag("p", 'class="hero-standfirst"'))}</div></header>
<article>{"".join(flow(story))}{"".join(map(tag("p"), credits(story)))}{asked}</article>
<p class="onward">{more_in(story)}</p><footer><p>{FOOTER}</p></footer>""",
        head=title_tag(story),
    )


@style()
def logo_heading(story: DemoStory) -> str:
    """The site's name is the h1 and the title an h2, the dek an h3; the questions are h4."""
    asked = faq(story, tag("div"), tag("h3"), lambda q, a: f"<h4>Q. {q}</h4>{a}")
    return document(
        f"""<div id="top"><h1><a href="/">Ledgerleaf</a></h1><p>Money and rules, in short</p><ul>{NAV}</ul></div>
<div id="middle"><h5>{label_link(story)}</h5><h2>{text(story.title)}</h2>{dek(story, tag("h3"))}
{"".join(flow(story, h=tag("h4")))}{"".join(map(tag("h5"), credits(story)))}{asked}<p>{more_in(story)}</p></div>
<div id="bottom"><p>{FOOTER}</p></div>""",
        head=title_tag(story, " — Ledgerleaf"),
    )


@style()
def server_form(story: DemoStory) -> str:
    """The whole page is one form, as ASP.NET prints it; the title is a span."""
    asked = faq(
        story,
        tag("div", 'id="ctl00_Main_pnlFaq"'),
        tag("span", 'id="ctl00_Main_lblFaq" class="subtitle"'),
        lambda q, a: f'<div class="qa"><div class="q"><span>Q.</span>{q}</div><div class="a">{a}</div></div>',
        lambda html: f"<span>{html}</span><br>",
    )
    state = "dDwtMTA4MzE0MjEwNTs7Pp" * 40
    return document(
        f"""<form method="post" action="./story.aspx" id="aspnetForm"><div><input type="hidden" name="__VIEWSTATE" value="{state}"></div>
<div id="header"><a href="/">Ledgerleaf</a><input type="text" name="ctl00$search"><input type="submit" value="Search"><ul>{NAV}</ul></div>
<div id="main"><div class="crumbs"><span id="ctl00_Main_lblSection">{text(SECTIONS[story.section].lower())}</span></div>
<div class="pagetitle"><span id="ctl00_Main_lblTitle" class="title">{text(story.title)}</span></div>
{dek(story, nest(tag("div", 'class="intro"'), tag("span", 'id="ctl00_Main_lblIntro"')))}
<div id="ctl00_Main_pnlBody">{"".join(flow(story))}</div><div class="out">{"".join(map(tag("div"), credits(story)))}</div>{asked}
<div class="back">{more_in(story)}</div></div><div id="footer"><p>{FOOTER}</p></div></form>""",
        head=title_tag(story, " - Ledgerleaf"),
    )


@style()
def wrong_metadata(story: DemoStory) -> str:
    """An article in a table cell; the metadata is that of another page, the description that of every page."""
    stale = CARDS[1]
    head = (
        f'{title_tag(story)}<meta property="og:title" content="{escape(stale.title)}"><meta property="og:description" '
        f'content="{escape(stale.dek or "")}"><meta name="description" content="Ledgerleaf: money and rules, in short, every working day of the year.">'
        f'<meta property="og:url" content="{SITE.base_url}{stale.path}">'
    )
    asked = faq(
        story,
        tag("div", 'class="questions"'),
        tag("h3"),
        lambda q, a: f"<ul><li><p><strong>Q.</strong>{q}</p>{a}</li></ul>",
    )
    return document(
        f"""<table class="layout"><tbody><tr><td colspan="2"><a href="/">Ledgerleaf</a><ul>{NAV}</ul></td></tr><tr><td class="side">
<h4>Latest</h4>{"".join(f"<p>{link(each.path, each.title)}<br>{text(each.dek or '')}</p>" for each in CARDS)}</td><td class="story"><article>
<p class="label">{label_link(story)}</p><h1>{text(story.title)}</h1>{dek(story, tag("p", 'class="deck"'))}
{"".join(flow(story))}{"".join(map(tag("p"), credits(story)))}{asked}<p>{more_in(story)}</p></article></td></tr>
<tr><td colspan="2"><p>{FOOTER}</p></td></tr></tbody></table>""",
        head=head,
    )


@style()
def described_dek(story: DemoStory) -> str:
    """The dek is a paragraph like any other; only the description tells it from them."""
    described = f'<meta name="description" content="{escape(story.dek)}">' if story.dek else ""
    asked = faq(story, tag("section"), tag("h2"), lambda q, a: f"<h3><span>Q.</span>{q}</h3>{a}")
    return document(
        f"""<header><a href="/">Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header>
<nav aria-label="Breadcrumb"><ol><li><a href="/">Home</a></li><li>{label_link(story)}</li></ol></nav>
<main><article><h1>{text(story.title)}</h1>{dek(story, tag("p"))}{"".join(flow(story))}
{"".join(map(tag("p"), credits(story)))}{asked}</article><p>{more_in(story)}</p></main><footer><p>{FOOTER}</p></footer>""",
        head=title_tag(story) + described,
    )


@style()
def dek_above_picture(story: DemoStory) -> str:
    """Label above the hero picture, dek a plain paragraph between title and share bar."""
    asked = faq(
        story,
        tag("section"),
        tag("h2"),
        lambda q, a: f'<div class="row"><div class="cell">Q.{q}</div><div class="cell">{a}</div></div>',
    )
    return document(
        f"""<header><a href="/">Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header><main><article>
<p class="over">{text(SECTIONS[story.section].lower())}</p><figure><img src="/hero.jpg" alt="A desk"><figcaption>A desk in the ministry’s reading room. Photo: staff</figcaption></figure>
<h1>{text(story.title)}</h1>{dek(story, tag("p"))}
<ul class="share"><li><a href="https://share.example/f">Facebook</a></li><li><a href="https://share.example/x">X</a></li><li><a href="mailto:?subject=x">Email</a></li></ul>
<div class="text">{"".join(flow(story))}</div>{"".join(map(tag("p"), credits(story)))}{asked}</article><p>{more_in(story)}</p></main>
<footer><p>{FOOTER}</p></footer>""",
        head=title_tag(story),
    )


@style()
def faq_before_source(story: DemoStory) -> str:
    """The questions come before the link to the source."""
    asked = faq(
        story,
        tag("div", 'class="faq"'),
        tag("h3"),
        lambda q, a: f'<details open><summary><span class="q">Q.</span>{q}</summary><div>{a}</div></details>',
    )
    return document(
        f"""<header><a href="/">Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header><main><div class="tag">{label_link(story)}</div>
<h1>{text(story.title)}</h1>{dek(story, tag("p", 'class="sub"'))}<div class="copy">{"".join(flow(story))}</div>{asked}
<div class="cta">{"".join(credits(story))}</div><div class="cta">{more_in(story)}</div></main><footer><p>{FOOTER}</p></footer>""",
        head=title_tag(story),
    )


@style()
def notices_first(story: DemoStory) -> str:
    """A cookie dialog opens the document, a sidebar with teasers precedes the story, the footer is an essay."""
    asked = faq(
        story,
        tag("div", 'class="acc"'),
        tag("h2"),
        lambda q, a: (
            f'<div class="acc-item"><div role="button" tabindex="0" aria-expanded="false">{q}</div><div role="region">{a}</div></div>'
        ),
    )
    teasers = cards(
        CARDS, lambda each: f"<div><h4>{link(each.path, each.title)}</h4><p>{text(each.dek or '')}</p></div>"
    )
    return document(
        f"""<div class="consent" role="dialog"><h2>We value your privacy</h2><p>{COOKIES}</p><p>{COOKIES[:200]}</p><button>Accept all</button></div>
<div class="bar">{"".join(link(f"/{slug}", label) for slug, label in SECTIONS.items())}</div><div class="columns"><div class="left"><h3>In other news</h3>{teasers}</div>
<div class="right"><div class="crumb"><a href="/">Home</a> › {label_link(story)}</div><h1>{text(story.title)}</h1>{dek(story, tag("div", 'class="lede"'))}
<div class="content">{"".join(flow(story))}</div><div>{"".join(credits(story))}</div>{asked}<div>{more_in(story)}</div></div></div>
<div class="foot"><h3>About us</h3><p>{FOOTER}</p><p>{FOOTER}</p><p>{COOKIES}</p></div>""",
        head=title_tag(story),
    )


@style()
def newsletter_inside(story: DemoStory) -> str:
    """A box with a form amid the paragraphs, share buttons above and below, a pulled quotation's look for the link."""
    box = (
        f'<div class="subscription-widget-wrap"><div class="preamble"><p class="cta-caption">{NEWSLETTER}</p></div>'
        '<form><input type="email" placeholder="Type your email…"><button type="submit">Subscribe</button></form></div>'
    )
    asked = faq(story, tag("div"), tag("h2"), lambda q, a: f"<p><strong>Q.{q}</strong></p>{a}")
    more = (
        f'<div class="embedded-post-wrap"><blockquote>{read_more(story)}</blockquote></div>'
        if story.interstitial
        else ""
    )
    return document(
        f"""<div id="entry"><div class="topbar"><a href="/">Ledgerleaf</a><button>Subscribe</button><button>Sign in</button></div>
<div class="single-post"><article class="newsletter-post post"><div class="post-header"><div class="post-label">{label_link(story)}</div>
<h1 class="post-title">{text(story.title)}</h1>{dek(story, tag("h3", 'class="subtitle"'))}<div class="post-ufi"><button>Share</button><a href="#comments">12</a></div></div>
<div class="available-content"><div class="body markup" dir="auto">{"".join(flow(story, nest(tag("p"), tag("span")), more=more, amid=box))}
{"".join(f'<p class="button-wrapper">{each}</p>' for each in credits(story))}{asked}</div></div>
<div class="post-footer"><button>Like</button><button>Share</button></div></article>
<p>{more_in(story)}</p></div><div class="footer"><p>{FOOTER}</p></div></div>""",
        head=open_graph(story),
    )


@style()
def cards_after(story: DemoStory) -> str:
    """Cards with pictures and deks follow the story in the same container, as paragraphs like its own."""
    asked = faq(story, str, tag("h2"), lambda q, a: f'<h3 class="flex"><span>Q.</span>{q}</h3>{a}')
    kin = cards(
        (*CARDS, *CARDS),
        lambda each: (
            f'<a href="{each.path}"><img src="/c.jpg" alt=""></a><h3>{link(each.path, each.title)}</h3><p>{text(each.dek or "")}</p>'
        ),
    )
    return document(
        f"""<header><a href="/">Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header><main><p class="label">{label_link(story)}</p>
<h1>{text(story.title)}</h1>{dek(story, tag("p", 'class="dek"'))}{"".join(flow(story))}
{"".join(map(tag("p"), credits(story)))}{asked}<p>{more_in(story)}</p>{kin}</main><footer><p>{FOOTER}</p></footer>""",
        head=title_tag(story),
    )


@style()
def minified(story: DemoStory) -> str:
    """No white space, no quotation marks, no end tags that may be left out."""
    asked = faq(story, tag("section"), tag("h2"), lambda q, a: f"<div><h3><span>Q.</span>{q}</h3>{a}</div>")
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8>{title_tag(story)}<body><header><a href=/>Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header>"
        f"<main><p class=c1>{label_link(story)}</p><h1>{text(story.title)}</h1>{dek(story, tag('p', 'class=c2'))}<div class=c3>{''.join(flow(story))}</div>"
        f"<p class=c4>{''.join(credits(story, ''))}</p>{asked}<p>{more_in(story)}</p></main><footer><p>{FOOTER}</p></footer>"
    )
    return re.sub(r"</(?:p|li)>(?=<(?:p|li|ul|h2|/div|/ul|/section)\b)", "", page)


@style()
def noisy_text(story: DemoStory) -> str:
    """Comments between words, soft hyphens and zero-width characters in them, no-break spaces, wbr, spans, entities."""
    noise = (
        "&nbsp;",
        " <!-- ad --> ",
        "\n   ",
        "&#8203; ",
        " <wbr>",
        "<span> </span>",
        " &#xFEFF;",
        " <!--googleoff: all-->",
        "&#160; ",
    )
    numbers = count()

    def noisy(html: str) -> str:
        """Trouble the text alone: what stands between tags."""
        pieces = re.split(r"(<[^>]*>)", html)
        for at in range(0, len(pieces), 2):
            troubled = re.sub(r" ", lambda _: noise[next(numbers) % len(noise)], pieces[at])
            pieces[at] = re.sub(r"(?<![&\w])([a-z]{4})([a-z]{4,})(?![\w;])", r"\1&shy;\2", troubled)
        return "".join(pieces)

    def p(html: str) -> str:
        return f"<p>\n    {noisy(html)}\n</p>"

    asked = faq(
        story, tag("section"), tag("h2"), lambda q, a: f"<div><h3><span>Q.</span>&nbsp;{noisy(q)}</h3>{a}</div>", p
    )
    return document(
        f"""<header><a href="/">Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header><main><article>
<p class="label">{label_link(story)}</p><h1>{noisy(text(story.title))}</h1>{dek(story, lambda html: tag("p", 'class="dek"')(noisy(html)))}
<div class="text">{"<!-- block -->".join(flow(story, p))}</div>{"".join(p(each) for each in credits(story))}{asked}</article>
{p(more_in(story))}</main><footer><p>{FOOTER}</p></footer>""",
        head=title_tag(story),
    )


@style()
def no_head(story: DemoStory) -> str:
    """Not even a title element."""
    asked = faq(
        story,
        tag("div"),
        tag("h3"),
        lambda q, a: f'<div class="x5"><div class="x6"><b>Q.</b>{q}</div><div class="x7"><b>A.</b> {a}</div></div>',
        lambda html: f"{html} ",
    )
    return f"""<div class="x1"><a href="/">Ledgerleaf</a><ul>{NAV}</ul></div><div class="x2"><div class="x9">{text(SECTIONS[story.section].lower())}</div>
<h1>{text(story.title)}</h1>{dek(story, tag("p", 'class="x3"'))}<div class="x4">{"".join(flow(story))}</div>
<p class="x8">{"<br>".join(credits(story))}</p>{asked}<p class="x8">{more_in(story)}</p></div><div class="x10"><p>{FOOTER}</p></div>"""


@style()
def comments_longer(story: DemoStory) -> str:
    """A discussion in the story's own container that is longer than the story."""
    asked = faq(story, tag("div"), tag("h3"), lambda q, a: f"<p>Q: {q}<br>A: {a}</p>", lambda html: f"{html} ")
    said = "".join(
        f'<div class="c"><div class="by"><b>reader{number}</b> · {number} hours ago</div><p>{comment}</p><a href="#r{number}">Reply</a></div>'
        for number, comment in enumerate(COMMENTS * 2, 1)
    )
    return document(
        f"""<div class="head"><a href="/">Ledgerleaf</a><ul>{NAV}</ul></div><div class="page"><span class="cat">{label_link(story)}</span>
<h1>{text(story.title)}</h1>{dek(story, tag("p", 'class="summary"'))}{"".join(flow(story))}{"".join(map(tag("p"), credits(story)))}
{asked}<p>{more_in(story)}</p><h3>8 Comments</h3>{said}<p>Log in to comment</p></div><div class="foot"><p>{FOOTER}</p></div>""",
        head=title_tag(story),
    )


@style()
def one_paragraph_faq(story: DemoStory) -> str:
    """Question and answer share a paragraph, the question in bold."""
    asked = faq(story, tag("div"), tag("h2"), lambda q, a: f"<p><b>{q}</b> {a}</p>", lambda html: f"{html} ")
    return document(
        f"""<header><a href="/">Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header><article><div><small>{label_link(story)}</small></div>
<h1>{text(story.title)}</h1>{dek(story, nest(tag("p"), tag("i")))}{"".join(flow(story))}
{"".join(map(tag("p"), credits(story)))}{asked}<p>{more_in(story)}</p></article><footer><p>{FOOTER}</p></footer>""",
        head=title_tag(story),
    )


@style()
def listed_faq(story: DemoStory) -> str:
    """Questions are the items of a numbered list."""
    asked = faq(
        story,
        lambda html: html.replace("</h3>", "</h3><ol>", 1) + "</ol>",
        tag("h3"),
        lambda q, a: f"<li><strong>{q}</strong><br>{a}</li>",
        lambda html: f"{html} ",
    )
    return document(
        f"""<header><a href="/">Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header><article><header><p>{label_link(story)}</p>
<h1>{text(story.title)}</h1>{dek(story, tag("p"))}</header>{"".join(flow(story))}
{"".join(map(tag("p"), credits(story)))}{asked}<p>{more_in(story)}</p></article><footer><p>{FOOTER}</p></footer>""",
        head=title_tag(story),
    )


@style()
def checkbox_accordion(story: DemoStory) -> str:
    """An accordion without script: a hidden checkbox, its label, a panel."""
    numbers = count(1)

    def item(q: str, a: str) -> str:
        number = next(numbers)
        return f'<div class="tab"><input type="checkbox" id="c{number}"><label for="c{number}">{q}</label><div class="tab-content">{a}</div></div>'

    asked = faq(story, tag("div", 'class="tabs"'), tag("h2"), item)
    return document(
        f"""<header><a href="/">Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header><div class="wrap"><div class="pill">{label_link(story)}</div>
<h1>{text(story.title)}</h1>{dek(story, tag("p", 'class="lead"'))}{"".join(flow(story, nest(tag("div"), tag("p"))))}
<div class="btn">{"".join(credits(story))}</div>{asked}<div class="btn">{more_in(story)}</div></div><footer><p>{FOOTER}</p></footer>""",
        head=title_tag(story),
    )


@style()
def shadow_root(story: DemoStory) -> str:
    """Server-rendered web components: the story stands in a template that the browser shows."""
    asked = faq(story, tag("section"), tag("h2"), lambda q, a: f"<h3><span>Q.</span>{q}</h3>{a}")
    return document(
        f"""<header><a href="/">Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header><news-story><template shadowroot="open" shadowrootmode="open">
<style>:host{{display:block}}</style><article><p part="label">{label_link(story)}</p><h1>{text(story.title)}</h1>{dek(story, tag("p", 'part="dek"'))}
<div part="body">{"".join(flow(story))}</div><p part="credit">{"".join(credits(story))}</p>{asked}<p>{more_in(story)}</p></article></template></news-story>
<footer><p>{FOOTER}</p></footer>""",
        head=title_tag(story),
    )


@style()
def blogger(story: DemoStory) -> str:
    """The title is an h3; the body is text and line breaks in one div, with divs for some paragraphs."""
    blocks = flow(story, str, h=tag("b"))
    body = "<br />\n<br />\n".join(blocks[:3]) + "".join(f"<div>{block}</div><div><br /></div>" for block in blocks[3:])
    asked = faq(
        story,
        lambda html: f"<div>{html}</div>",
        lambda heading: f"<b>{heading}</b><br /><br />",
        lambda q, a: f"<b>Q. {q}</b><br />A. {a}<br /><br />",
        lambda html: f"{html} ",
    )
    older = cards(
        CARDS,
        lambda each: (
            f"<li><div class='item-title'>{link(each.path, each.title)}</div><div>{text(each.dek or '')}</div></li>"
        ),
    )
    return document(
        f"""<div class="content-outer"><header><div class="titlewrapper"><h1 class="title"><a href="/">Ledgerleaf</a></h1></div></header>
<div class="tabs-outer"><ul>{NAV}</ul></div><div class="main-outer"><div class="column-center-outer"><div class="blog-posts"><div class="post-outer"><div class="post">
<span class="post-labels">{label_link(story, ' rel="tag"')}</span><h3 class="post-title">{text(story.title)}</h3>
<div class="post-body">{dek(story, lambda html: f"<i>{html}</i><br /><br />")}{body}<br />{"<br />".join(credits(story, ""))}<br /><br />{asked}</div>
<div class="post-footer">{more_in(story)}</div></div></div></div></div>
<div class="column-right-outer"><div class="widget"><h2>Popular Posts</h2><ul>{older}</ul></div></div></div>
<div class="footer-outer"><p>{FOOTER}</p></div></div>""",
        head=title_tag(story, ": Ledgerleaf"),
    )


@style()
def page_builder(story: DemoStory) -> str:
    """Each part in a row of its own, four divs deep; the dek is a div."""

    def row(html: str) -> str:
        return f'<section class="elementor-section"><div class="elementor-container"><div class="elementor-column"><div class="elementor-widget-container">{html}</div></div></div></section>'

    numbers = count(1)

    def item(q: str, a: str) -> str:
        number = next(numbers)
        return (
            f'<div class="elementor-accordion-item"><div id="t{number}" class="elementor-tab-title" role="button" aria-controls="x{number}">'
            f'<span class="icon"></span><a class="elementor-accordion-title" tabindex="0">{q}</a></div>'
            f'<div id="x{number}" class="elementor-tab-content" role="region" aria-labelledby="t{number}">{a}</div></div>'
        )

    blocks = flow(story)
    more = (
        f"""<div class="elementor-button-wrapper">{read_more(story, ' class="elementor-button" role="button"')}</div>"""
    )
    blocks = [
        more if "Read more " in block and story.interstitial and story.interstitial.path in block else block
        for block in blocks
    ]
    asked = faq(story, lambda html: html, lambda heading: row(f"<h2>{heading}</h2>"), item)
    return document(
        f"""<div class="elementor-location-header"><a href="/">Ledgerleaf</a><ul>{NAV}</ul></div><div class="elementor">
{row(f'<div class="elementor-icon-list"><span class="elementor-icon-list-text">{text(SECTIONS[story.section].lower())}</span></div>')}
{row(f"<h1>{text(story.title)}</h1>")}{dek(story, lambda html: row(f"<div>{html}</div>"))}
{row("".join(blocks[:3]))}{row("".join(blocks[3:]))}{"".join(row(each) for each in credits(story, ' class="elementor-button-link"'))}
{asked}{row(more_in(story))}</div><div class="elementor-location-footer"><p>{FOOTER}</p></div>""",
        head=open_graph(story),
    )


@style()
def breadcrumbs(story: DemoStory) -> str:
    """The label stands only in a trail that ends in the title; the dek is an h2."""
    asked = faq(
        story,
        tag("dl"),
        lambda heading: "",
        lambda q, a: f"<dt><span>Q.</span>{q}</dt><dd>{a}</dd>",
    )
    heading = "<h2>Frequently Asked Questions</h2>" if story.faq else ""
    return document(
        f"""<header><a href="/">Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header>
<div class="crumbs"><a href="/">Home</a> / {label_link(story)} / <span>{text(story.title)}</span></div>
<main><header><h1>{text(story.title)}</h1>{dek(story, tag("h2"))}</header>{"".join(flow(story, h=tag("h3")))}
{"".join(map(tag("p"), credits(story)))}{heading}{asked}<p>{more_in(story)}</p></main><footer><p>{FOOTER}</p></footer>""",
        head=title_tag(story),
    )


# One plain page, one part of it in another's manner


def plain_page(
    story: DemoStory,
    *,
    blocks: Sequence[str] | None = None,
    credit: str | None = None,
    asked: str | None = None,
    head: str = "",
) -> str:
    if blocks is None:
        blocks = flow(story)
    if credit is None:
        credit = "".join(map(tag("p"), credits(story)))
    if asked is None:
        asked = faq(story, tag("section"), tag("h2"), lambda q, a: f"<h3><span>Q.</span>{q}</h3>{a}")
    return document(
        f"""<header><a href="/">Ledgerleaf</a><nav><ul>{NAV}</ul></nav></header><main><article><p class="kicker">{label_link(story)}</p>
<h1>{text(story.title)}</h1>{dek(story, tag("p", 'class="deck"'))}<div class="prose">{"".join(blocks)}</div>{credit}{asked}</article>
<p>{more_in(story)}</p></main><footer><p>{FOOTER}</p></footer>""",
        head=title_tag(story) + head,
    )


def each_source(story: DemoStory, form: str) -> str:
    """A credit by its form, with `{name}` and `{address}`, for each source of the story."""
    return "".join(form.format(name=text(name), address=escape(address)) for name, address in sources_of(story))


@style()
def credit_in_flex(story: DemoStory) -> str:
    """No white space between the words and the name: the style sheet's gap parts them."""
    credit = each_source(
        story,
        '<a class="flex gap-2" href="{address}"><span>Continue reading at</span><span>{name}</span><span>→</span></a>',
    )
    return plain_page(story, credit=f"<div>{credit}</div>")


@style()
def credit_read_aloud(story: DemoStory) -> str:
    """The link tells screen readers that it opens a new tab; its arrow is a drawing."""
    arrow = '<svg aria-hidden="true" width="9"><title>arrow</title><path d="M0 0"></path></svg><span class="sr-only">(opens in a new tab)</span>'
    return plain_page(story, credit="".join(f"<p>{each}</p>" for each in credits(story, arrow=f" {arrow}")))


@style()
def credit_in_button(story: DemoStory) -> str:
    """The link is a button's frame, the words a heading and a line."""
    credit = each_source(
        story,
        '<div class="source-card"><a href="{address}"><div class="t">Continue reading at {name} →</div></a></div>',
    )
    return plain_page(story, credit=credit)


@style()
def credit_around_name(story: DemoStory) -> str:
    """A sentence credits the source; its link is the name alone."""
    credit = each_source(
        story,
        '<p>For the full story, visit <a href="{address}">{name}</a>.</p>',
    )
    return plain_page(story, credit=credit)


@style()
def credit_under_label(story: DemoStory) -> str:
    """A card: a small line says what the link under it is."""
    credit = each_source(
        story,
        '<div class="rounded border p-4"><p class="text-xs">Originally reported by</p><a class="block" href="{address}">{name}</a></div>',
    )
    return plain_page(story, credit=credit)


@style()
def credit_in_last_paragraph(story: DemoStory) -> str:
    """The link runs on in the last paragraph instead of the sentence."""
    if not isinstance(story.body[-1], Paragraph) or len(sources_of(story)) > 1:
        return plain_page(story)
    *blocks, last = (block for block in flow(story) if not block.startswith("<p>Continue reading at "))
    name = sources_of(story)[0][0] if sources_of(story) else ""
    last = last.removesuffix("</p>").removesuffix(f" Continue reading at {text(name)}.")
    return plain_page(story, blocks=[*blocks, f"{last} {''.join(credits(story))}</p>"], credit="")


@style()
def more_unlinked_words(story: DemoStory) -> str:
    """Only the title of the story amid the body is the link."""
    more = f"<p>Read more {link(story.interstitial.path, story.interstitial.title)} →</p>" if story.interstitial else ""
    return plain_page(story, blocks=flow(story, more=more))


@style()
def more_in_aside(story: DemoStory) -> str:
    """The story amid the body is a card with a picture and a dek."""
    teaser = story.interstitial
    more = (
        f'<aside class="promo"><a href="{teaser.path}"><img src="/p.jpg" alt=""><span>Read more</span><strong>{text(teaser.title)}</strong>'
        f"<span>→</span></a><p>{text(teaser.dek or '')}</p></aside>"
        if teaser
        else ""
    )
    return plain_page(story, blocks=flow(story, more=more))


@style()
def plain_questions(story: DemoStory) -> str:
    """Questions and answers are paragraphs, told by their marks alone; so is the heading above them."""
    asked = faq(
        story,
        tag("div"),
        nest(tag("p"), tag("strong")),
        lambda q, a: f"<p>Q. {q}</p>{a.replace('<p>', '<p>A. ', 1)}",
    )
    return plain_page(story, asked=asked)


@style()
def numbered_questions(story: DemoStory) -> str:
    numbers = count(1)
    asked = faq(
        story,
        tag("section"),
        tag("h2"),
        lambda q, a: (
            f'<div class="item"><span class="no">0{next(numbers)}</span><div><h3>{q}</h3><div>{a}</div></div></div>'
        ),
    )
    return plain_page(story, asked=asked)


@style()
def permalinks(story: DemoStory) -> str:
    """Every heading ends in a link to itself, as Markdown converters print it."""
    numbers = count(1)

    def h(level: str) -> Tag:
        def put(html: str) -> str:
            number = next(numbers)
            return f'<{level} id="h{number}">{html}<a class="headerlink" href="#h{number}" title="Permanent link">¶</a></{level}>'

        return put

    asked = faq(story, tag("section"), h("h2"), lambda q, a: f"{h('h3')(q)}{a}")
    return plain_page(story, blocks=flow(story, h=h("h2")), asked=asked)


@style()
def signs_after_questions(story: DemoStory) -> str:
    """Each question ends in the sign that opens its answer, in a role that tabs have."""
    asked = faq(
        story,
        tag("div", 'role="tablist"'),
        tag("h2"),
        lambda q, a: (
            f'<details><summary class="flex">{q}<span>▾</span></summary><div role="tabpanel">{a}</div></details>'
        ),
    )
    return plain_page(story, asked=asked)


@style()
def questions_twice(story: DemoStory) -> str:
    """The questions stand in the page and again as data, and that of the article names another headline."""
    entities = ",".join(
        f'{{"@type":"Question","name":{json.dumps(pair.question)},"acceptedAnswer":{{"@type":"Answer","text":{json.dumps(answer)}}}}}'
        for pair, (_, answer) in zip(story.faq, questions(story), strict=True)
    )
    head = (
        f'<script type="application/ld+json">{{"@context":"https://schema.org","@graph":[{{"@type":"FAQPage","mainEntity":[{entities}]}},'
        '{"@type":"WebSite","name":"Ledgerleaf","description":"Money and rules, in short"}]}</script>'
        if story.faq
        else ""
    )
    asked = faq(story, tag("section"), tag("h2"), lambda q, a: f"<details><summary>{q}</summary>{a}</details>")
    return plain_page(story, asked=asked, head=head)


@style()
def hidden_extras(story: DemoStory) -> str:
    """A share box, a paywall notice and a player's text that no reader sees, and a picture amid the body."""
    extras = (
        '<figure><img src="/f.jpg" alt="A chart of the last ten years"><figcaption>Ten years at a glance. Chart: staff</figcaption></figure>'
        f'<div hidden><p>{COOKIES}</p></div><p style="display:none">{COMMENTS[0]}</p><div aria-hidden="true" class="player">Listen to this story 4:12</div>'
    )
    return plain_page(story, blocks=flow(story, amid=extras))


# Text whose parts only line breaks, cells, terms or a style sheet hold apart


@style()
def bold_first_line(story: DemoStory) -> str:
    """One div of text and line breaks: a small line, the title in bold, the dek in italics, then the story."""
    asked = faq(
        story,
        lambda html: html,
        lambda heading: f"<b>{heading}</b><br><br>",
        lambda q, a: f"<b>{q}</b><br>{a}<br><br>",
        lambda html: f"{html} ",
    )
    body = "<br><br>\n".join(flow(story, str, h=tag("b"), ul=lambda items: "<br>".join(f"• {item}" for item in items)))
    return document(
        f"""<div id="top"><a href="/">Ledgerleaf</a> {" | ".join(link(f"/{slug}", label) for slug, label in SECTIONS.items())}</div>
<div id="story"><small>{label_link(story)}</small><br><b>{text(story.title)}</b><br>{dek(story, tag("i"))}<br><br>
{body}<br><br>{"<br>".join(credits(story))}<br><br>{asked}{more_in(story)}</div><hr><div id="end">{FOOTER}</div>""",
        head=title_tag(story),
    )


@style()
def definition_layout(story: DemoStory) -> str:
    """The page is a list of terms: the title is one, and each part of the story says something of it."""
    asked = faq(
        story,
        tag("dl"),
        lambda heading: "",
        lambda q, a: f"<dt>{q}</dt><dd>{a}</dd>",
        lambda html: f"{html} ",
    )
    heading = "<dt>Frequently Asked Questions</dt>" if story.faq else ""
    return document(
        f"""<div><a href="/">Ledgerleaf</a><ul>{NAV}</ul></div><p>{label_link(story)}</p><dl class="story"><dt class="head">{text(story.title)}</dt>
{dek(story, tag("dd", 'class="sum"'))}{"".join(flow(story, tag("dd"), h=tag("dt")))}{"".join(map(tag("dd"), credits(story)))}{heading}
{f"<dd>{asked}</dd>" if asked else ""}</dl><p>{more_in(story)}</p><div><p>{FOOTER}</p></div>""",
        head=title_tag(story),
    )


@style()
def nested_tables(story: DemoStory) -> str:
    """A table in a table: each paragraph is a row of one cell, each question a row of two."""
    row = nest(tag("tr"), tag("td", "valign=top"))
    asked = faq(
        story,
        lambda html: html,
        lambda heading: f'<table width="100%"><tr><td colspan=2><b>{heading}</b></td></tr>',
        lambda q, a: f"<tr><td width=30><b>Q.</b></td><td><b>{q}</b></td></tr><tr><td></td><td>{a}</td></tr>",
        lambda html: f"{html} ",
    )
    blocks = flow(story, row, h=nest(tag("tr"), tag("td"), tag("b")), ul=lambda items: row(bullets(items)))
    menu = "".join(f"<tr><td>{link(f'/{slug}', label)}</td></tr>" for slug, label in SECTIONS.items())
    return document(
        f"""<table width=800><tr><td colspan=2><a href="/">Ledgerleaf</a></td></tr><tr><td width=150><table>{menu}</table></td><td>
<table><tr><td>{label_link(story)}</td></tr><tr><td><font size=6><b>{text(story.title)}</b></font></td></tr>
{dek(story, nest(tag("tr"), tag("td"), tag("font", "size=4 color=gray")))}{"".join(blocks)}{"".join(map(row, credits(story)))}</table>
{f"{asked}</table>" if asked else ""}<table><tr><td>{more_in(story)}</td></tr></table></td></tr>
<tr><td colspan=2><font size=1>{FOOTER}</font></td></tr></table>""",
        head=title_tag(story),
    )


@style()
def spans_by_sheet(story: DemoStory) -> str:
    """Spans side by side with classes that a style sheet shows as blocks; nothing in the markup says so."""
    p = tag("span", 'class="t3"')
    asked = faq(
        story,
        tag("div", 'class="t5"'),
        tag("span", 'class="t6"'),
        lambda q, a: f'<span class="t7">{q}</span>{a}',
        tag("span", 'class="t8"'),
    )
    blocks = flow(story, p, h=tag("span", 'class="t4"'))
    return document(
        f"""<div class="t0"><a href="/">Ledgerleaf</a><ul>{NAV}</ul></div><div class="t1"><div><span class="t2">{label_link(story)}</span></div>
<h1>{text(story.title)}</h1><div class="t9">{dek(story, tag("span"))}</div><div>{"".join(blocks)}{"".join(map(p, credits(story)))}</div>{asked}
<div>{more_in(story)}</div></div><div class="t10"><span>{FOOTER}</span></div>""",
        head=title_tag(story) + "<style>span{display:block}</style>",
    )
