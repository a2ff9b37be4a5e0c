# ruff: noqa: E501
# Markup runs on as sites print it.
"""Which text is the headline, dek and section, and what the trace says of the choice."""

from __future__ import annotations

import json

import pytest
from parsel import Selector

from archiver.extract import extract_story
from archiver.extract.headline import find_dek, find_section
from archiver.extract.structured import read_structured
from archiver.extract.title import Choice, find_title, site_names
from archiver.extract.trace import Trace
from archiver.extract.walk import read_blocks

URL = "https://ledger.example/politics/levy"
PROSE = "<p>Every parcel pays from May on. The vote was close, and the chamber was full until the morning came.</p>" * 5


def choose(body: str, head: str = "", *, title: str = "", trace: Trace | None = None, **article: str) -> Choice | None:
    """The title of a page with this body; `article` is its JSON-LD."""
    data = json.dumps({"@type": "NewsArticle", **article}) if article else "{}"
    root = Selector(
        f"<html><head>{head}<script type='application/ld+json'>{data}</script></head><body>{body}{PROSE}</body></html>"
    ).root
    structured = read_structured(root)
    return find_title(read_blocks(root), structured, title, site_names(structured, URL), trace)


def og(title: str) -> str:
    return f'<meta property="og:title" content="{title}">'


CRUMBS = [
    '<ol class="breadcrumb"><li><a href="/">Home</a></li><li><a href="/p">Politics</a></li><li><h1>{}</h1></li></ol>',
    '<nav><ul><li><a href="/">Home</a></li><li><a href="/p">Politics</a></li><li><h1>{}</h1></li></ul></nav>',
    '<div><a href="/">Home</a> <a href="/p">Politics</a><h1>{}</h1></div>',
    '<div><a href="/">Home</a> &gt; <h1 class="crumb__title">{}</h1></div>',
]


@pytest.mark.parametrize("crumbs", CRUMBS)
def test_an_h1_that_ends_a_breadcrumb_gives_way_to_the_headline_under_it(crumbs: str) -> None:
    seo = "Parcel levy 2026: all that you need to know"
    shown = "What the chamber did not want to hear"
    for heading in (shown, f"<span>Parcel levy</span> {shown}"):
        found = choose(crumbs.format(seo) + f"<h2>{heading}</h2>", og(shown), title=f"{seo} | Ledger", headline=seo)
        assert found and found.text == shown
        assert found.block is not None and found.block.heading == 2


@pytest.mark.parametrize("crumbs", CRUMBS)
def test_it_stays_where_no_other_headline_is_known(crumbs: str) -> None:
    title = "The levy passes the upper house"
    found = choose(crumbs.format(title) + "<h2>What comes next for the levy</h2>", og(title), title=title)
    assert found and found.text == title


def test_a_headline_under_links_that_are_no_breadcrumb_stays() -> None:
    title, other = "The levy passes the upper house", "Parcels: the levy is here"
    found = choose(f'<div><a href="/p">Politics</a></div><h1>{title}</h1><h2>{other}</h2>', og(other), title=title)
    assert found and found.text == title


def test_a_label_in_the_h1_goes_where_most_of_the_data_has_none() -> None:
    page = "<h1><span>Parcel levy - </span>The chamber votes at midnight</h1>"
    bare, whole = "The chamber votes at midnight", "Parcel levy - The chamber votes at midnight"
    twitter = f'<meta name="twitter:title" content="{bare}">'
    assert (found := choose(page, og(bare) + twitter, headline=whole)) and found.text == bare
    assert (found := choose(page, og(bare), title=whole, headline=whole)) and found.text == whole


def test_a_year_before_the_headline_is_no_label() -> None:
    title = "2026 price guide for parcels and letters"
    found = choose(f"<h1>{title}</h1>", og(title + " | Ledger of prices"), headline=title.removeprefix("2026 "))
    assert found and found.text == title


def test_the_data_parts_what_the_markup_glues() -> None:
    found = choose("<h1><span>Live:</span><span>The chamber votes</span></h1>", headline="Live: The chamber votes")
    assert found and found.text == "Live: The chamber votes"


def test_an_h1_of_which_no_data_knows_gives_way_to_a_shown_title() -> None:
    title = "How the chamber came to its vote"
    body = f"<h1>A message from our founder and editor:</h1><h3>{title}</h3>"
    found = choose(body, f'<meta name="twitter:title" content="{title}">' + og("The vote explained in four minutes"))
    assert found and found.text == title


def test_a_heading_that_the_title_tag_holds_goes_before_the_name_of_the_site() -> None:
    body = "<h1>ledger.example</h1><h3>A close vote</h3>"
    found = choose(body, title="ledger.example A close vote")
    assert found and found.text == "A close vote"


def test_the_trace_holds_every_candidate_and_the_highest_won() -> None:
    trace = Trace()
    title, other = "The levy passes the upper house", "Parcels: the levy is here"
    found = choose(
        f"<nav><h1>Menu</h1></nav><h1>{title}</h1><h1>About us</h1>",
        og(other),
        title=title + " | The Ledger",
        trace=trace,
    )
    assert found and found.text == title
    (won,) = [c for c in trace.candidates if c.won]
    assert won.value == title
    assert won.score == max(c.score for c in trace.candidates)
    assert "is the h1" in won.why
    assert "title" in won.why
    assert {c.value for c in trace.candidates} >= {title, other, "Menu", "About us"}
    assert all(c.score > 0 or c.why for c in trace.candidates)
    assert next(c for c in trace.candidates if c.value == "Menu").score == 0


def test_dek_and_section_are_traced() -> None:
    dek = "Every parcel pays a levy from May on, after a vote that was closer than the whips had promised."
    root = Selector(
        f"""<html><head><meta name=description content="{dek}"><meta property="article:section" content="Politics">
        </head><body><div><h1>The levy passes</h1><p class="lead">{dek}</p></div><div>{PROSE}</div></body></html>"""
    ).root
    page, data = read_blocks(root), read_structured(root)
    names = site_names(data, URL)
    title = find_title(page, data, "", names)
    body = [b for b in page.blocks if b.text.startswith("Every parcel pays from")]
    traced = Trace()
    for trace in (None, traced):
        found = find_dek(page, data, title, body, set(), trace)
        section, _ = find_section(page, data, URL, title, names, trace)
        assert found and found.text == dek
        assert section and section.text == "Politics"
    for column in ("dek", "section_label"):
        noted = [c for c in traced.candidates if c.column == column]
        (won,) = [c for c in noted if c.won]
        assert won.score == max(c.score for c in noted)
    assert any(c.rule == "url" and not c.won for c in traced.candidates)


SHARE = "".join(
    f'<li><a href="https://{name}.example/x">{name.title()}</a></li>' for name in ("face", "chirp", "pin", "mail")
)


def section_of(body: str, url: str = "https://ledger.example/article/levy") -> tuple[str, str] | None:
    root = Selector(f"<html><body>{body}</body></html>").root
    page, data = read_blocks(root), read_structured(root)
    names = site_names(data, url)
    found, _ = find_section(page, data, url, find_title(page, data, "", names), names)
    return (found.text, found.rule) if found else None


@pytest.mark.parametrize(
    ("body", "section"),
    [
        (
            f'<h1>The levy passes</h1><p><a href="/c">2 Comments</a> / <a href="/politics" rel="category tag">Politics</a></p>{PROSE}',
            ("Politics", "category"),
        ),
        (
            f'<h1>The levy passes</h1>{PROSE}<p>Filed under <a href="/politics" rel="category tag">Politics</a>.</p>',
            ("Politics", "category"),
        ),
        (
            f'<nav aria-label="Breadcrumb"><ol><li><a href="/">Home</a></li><li><a href="/politics">Politics</a></li><li>The levy passes</li></ol></nav><h1>The levy passes</h1>{PROSE}',
            ("Politics", "breadcrumb"),
        ),
        (
            f'<nav><a href="/">Home</a></nav><ul>{SHARE}</ul><h1>The levy passes</h1>{PROSE}',
            None,
        ),
        (f'<h1>The levy passes</h1>{PROSE}<p><a href="#top">Back to top</a></p>', None),
        (
            f'<h1>The levy passes</h1>{PROSE}<aside><a href="/x" rel="category tag">Sport</a></aside><p><a href="/a">More from the author</a></p>',
            None,
        ),
    ],
)
def test_the_section_is_what_a_category_link_or_a_breadcrumb_says(body: str, section: tuple[str, str] | None) -> None:
    assert section_of(body) == section


def test_a_line_of_two_dates_is_no_dek_and_no_text() -> None:
    line = "Published: 15:56 BST, 27 April 2024 | Updated: 15:57 BST, 27 April 2024"
    dek = "Every parcel pays a levy from May on, after a vote that was closer than the whips had promised."
    page = f'<article><h1>The levy passes</h1><p class="d">{line}</p><p class="s">{dek}</p><div>{PROSE}</div></article>'
    story = extract_story(Selector(page), URL)
    assert story.dek == dek
    assert not any("2024" in paragraph for paragraph in story.body)


def test_words_beside_a_name_and_a_section_are_no_text() -> None:
    under = '<p>Written by</p><div><a href="/author/ann">Ann Lee</a></div><p>in</p><div><a href="/p">Politics</a></div>'
    dek = "Every parcel pays a levy from May on, after a vote that was closer than the whips had promised."
    page = f'<main><div><h1>The levy passes</h1><div class="x"><p class="s">{dek}</p></div><div>{under}</div><div>{PROSE}</div></div></main>'
    story = extract_story(Selector(page), URL)
    assert (story.dek, story.body[0].split()[0]) == (dek, "Every")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("More in US →", "US"),
        ("More from Home & Garden", "Home & Garden"),
        ("Back to Policy", "Policy"),
        ("More from us", None),
        ("More from the author", None),
        ("Back to top", None),
        ("Back to homepage", None),
    ],
)
def test_what_leads_to_more_of_a_section(text: str, label: str | None) -> None:
    root = Selector(f"<html><body><h1>Levy passes at last</h1>{PROSE}<p><a href='/x'>{text}</a></p></body></html>").root
    found, _ = find_section(
        read_blocks(root), read_structured(root), "https://ledger.example/levy-passes", None, set(), None
    )
    assert (found.text if found else None) == label
