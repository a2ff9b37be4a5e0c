# ruff: noqa: E501, ISC004
# Markup runs on as sites print it.
"""Every way in which a page names the source of its story, in plain markup that no bundled style uses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from parsel import Selector

from archiver.extract import extract_story
from archiver.items import Story
from archiver.normalize import normalize_story

URL = "https://me.example/x"
WIRE = "https://wire.example/a/1"
POST = "https://post.example/b"
PROSE = [
    f"The council voted on measure {n} after a long debate. Every parcel pays a share of the levy for {n} years."
    for n in range(5)
]


def read(after: str = "", before: str = "", head: str = "") -> Story:
    prose = "".join(f"<p>{each}</p>" for each in PROSE)
    markup = f"<head>{head}</head><body><article><h1>Council passes the parcel levy at last</h1>{before}{prose}{after}</article></body>"
    return normalize_story(extract_story(Selector(markup), URL), fetched_at=datetime(2026, 6, 29, tzinfo=UTC))


@pytest.mark.parametrize(
    ("markup", "name", "url"),
    [
        (f'<p><a href="{WIRE}?utm_source=x">Continue reading at S&amp;P Global →</a></p>', "S&P Global", WIRE),
        (f'<p><a href="{WIRE}">Read on CNBC</a></p>', "CNBC", WIRE),
        (f'<p><a href="{WIRE}">Originalartikel lesen: Der Rat stimmt ab</a></p>', "wire.example", WIRE),
        (f'<p><a href="{WIRE}">&gt;&gt;&gt; Original Source &lt;&lt;&lt;</a></p>', "wire.example", WIRE),
        (f'<p><a href="{WIRE}">Read the Full Article</a></p>', "wire.example", WIRE),
        (f'<p>Source: <a href="{WIRE}">wire.example</a></p>', "wire.example", WIRE),
        ("<p>Original reporting: KEYT</p>", "KEYT", None),
        ("<p><em>AI-summarised from reporting by CoinDesk</em></p>", "CoinDesk", None),
        (
            f'<p>This <a href="{WIRE}">article</a> first appeared on <a href="https://wire.example">Origin</a> and is '
            "republished here under a Creative Commons license.</p>",
            "Origin",
            WIRE,
        ),
        (
            '<img src="https://o.example/?republication-pixel=true&post=123">',
            "o.example",
            "https://o.example/",
        ),
        (
            '<img src="https://counter.theconversation.com/content/123456/count.gif">',
            "The Conversation",
            "https://theconversation.com/123456",
        ),
        (f'<div><link rel="canonical" href="{WIRE}"></div>', "wire.example", WIRE),
    ],
)
def test_a_credit_names_the_source(markup: str, name: str, url: str | None) -> None:
    story = read(markup)
    assert (story.source_name, story.source_url) == (name, url)
    assert story.body == "\n\n".join(PROSE)


@pytest.mark.parametrize(
    "markup",
    [
        f'<h3>Sources</h3><ol><li><a href="{WIRE}">Example Wire</a></li><li><a href="{POST}">The Daily Post</a></li></ol>',
        f'<p>Sources:</p><p>1. Example Wire <a href="{WIRE}">{WIRE}</a></p><p>2. The Daily Post <a href="{POST}">link</a></p>',
        f'<h4>Story sources</h4><ul><li>Example Wire: <a href="{WIRE}">Levy vote</a></li><li>The Daily Post: <a href="{POST}">Levy</a></li></ul>',
        f'<p>[1] <a href="{WIRE}">Example Wire: levy vote</a></p><p>[2] <a href="{POST}">Daily Post</a></p>',
    ],
)
def test_the_first_of_several_sources_is_the_source_and_all_are_links(markup: str) -> None:
    cited = '<p>Not all agreed, and the vote was close in the end.<a href="#1">[1]</a></p>' if "[1]" in markup else ""
    story = read(cited + markup)
    assert (story.source_name, story.source_url, story.source_method) == ("Example Wire", WIRE, "source-list")
    assert [(link.kind, link.url) for link in story.links] == [("source", WIRE), ("source", POST)]
    assert "Daily Post" not in story.body
    assert "Sources" not in story.body


def test_a_bibliography_is_no_list_of_sources() -> None:
    entry = f'Roe, J. “A long title of a paper on levies and parcels,” Journal of Parcels 3 (2026), pp. 1-90, <a href="{WIRE}">doi</a> and more of it'
    story = read(f"<h3>Sources</h3><ol><li>{entry}</li><li>{entry}</li></ol>")
    assert story.source_url is None


@pytest.mark.parametrize(
    ("opening", "name"),
    [
        ("(The Center Square) – The council voted on it late.", "The Center Square"),
        ("SPRINGFIELD, Ill. (AP) — The council voted on it late.", "AP"),
        ("NEW YORK (Reuters) - The council voted on it late.", "Reuters"),
    ],
)
def test_a_dateline_names_the_wire_and_opens_the_body(opening: str, name: str) -> None:
    story = read(before=f"<p>{opening}</p>")
    assert (story.source_name, story.source_url) == (name, None)
    assert story.body.startswith(opening)
    assert story.dek is None


def test_a_byline_names_the_wire() -> None:
    story = read(before="<p>By JANE ROE | Example Wire</p>")
    assert (story.source_name, story.authors) == ("Example Wire", ["JANE ROE"])
    marked = read(before='<p><a rel="author" href="/roe">By Jane Roe | Lee &amp; Ott</a></p>')
    assert (marked.source_name, marked.authors) == ("Lee & Ott", ["Jane Roe"])


@pytest.mark.parametrize(
    "markup",
    [
        "<p>The measure was, according to Example Wire, a close call for all who had opposed it.</p>",
        '<aside><a href="https://wire.example/z">Read the original story</a></aside>',
        '</article><footer>Source: <a href="https://wire.example/z">Example Wire</a></footer>',
        '<p>Source: <a href="https://me.example/z">Me</a></p>',
    ],
)
def test_what_is_no_credit_names_nobody(markup: str) -> None:
    story = read(markup)
    assert (story.source_name, story.source_url) == (None, None)


NAMED = f'<a href="{WIRE}">The Example Wire</a>'


@pytest.mark.parametrize(
    "line",
    [
        f"Read the full story at {NAMED}.",
        f"Read the original article here: {NAMED}",
        f"For the full story, visit {NAMED}.",
        f"You can read the original article at {NAMED}.",
        f"Head over to {NAMED} to read the full story.",
        f"Full story: {NAMED}",
        f"<span>SOURCE</span>{NAMED}",
        f"(via {NAMED})",
        f"Republished from {NAMED}.",
        f"This article is based on reporting by {NAMED}.",
        f"This article was generated with AI assistance based on reporting from {NAMED}. It has been reviewed by our editors.",
        f"The original version of this story was published by {NAMED} on March 4, 2026.",
        f'This <a href="{WIRE}">story</a> was produced by <a href="https://wire.example/">The Example Wire</a> and reviewed and '
        'distributed by <a href="https://stack.example/">Stack</a>.',
        f"Este artículo fue publicado originalmente en {NAMED}.",
        f"Lea el artículo original en {NAMED}",
        f"Dieser Artikel erschien zuerst bei {NAMED}.",
        f"Den vollständigen Artikel lesen Sie bei {NAMED}.",
        f"Cet article a été initialement publié par {NAMED}.",
        f"Lire l’article original sur {NAMED}",
        f'<a href="{WIRE}">Full story at The Example Wire ↗</a>',
        f'<a href="{WIRE}">Read this article on The Example Wire</a>',
        f'<a href="{WIRE}"><span>Source</span><span>The Example Wire</span></a>',
        f'<a href="{WIRE}">Source: The Example Wire</a>',
        f'Originally reported by</p><p><a href="{WIRE}">The Example Wire</a>',
    ],
)
def test_a_line_of_words_that_credits_alone_are_made_of_names_the_source(line: str) -> None:
    story = read(f"<p>{line}</p>")
    assert (story.source_name, story.source_url) == ("The Example Wire", WIRE)
    assert story.body == "\n\n".join(PROSE)


@pytest.mark.parametrize("words", ["View original", "Original story", "Go to source", "Full article here", "Source"])
def test_a_link_of_such_words_leads_to_the_source(words: str) -> None:
    assert read(f'<p><a href="{WIRE}">{words}</a></p>').source_url == WIRE


@pytest.mark.parametrize(
    "line",
    [
        f'Read the full <a href="{WIRE}">ruling of the court</a>.',
        f'See the original <a href="{WIRE}">complaint</a>.',
        f'<a href="{WIRE}">Full moon over Ohio</a>',
        "via " + "</p><p>via ".join(f'<a href="https://p{n}.example/a">Post {n}</a>' for n in "ABC"),
        f'First published: May 3, 2026</p><p><a href="{WIRE}">Add us to your feed</a>',
    ],
)
def test_what_only_begins_like_a_credit_is_none(line: str) -> None:
    assert read(f"<p>{line}</p>").source_url is None
