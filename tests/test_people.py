"""Who wrote it: which rule finds the names, and what the trace says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from parsel import Selector

from archiver.extract.people import clean_authors, find_authors
from archiver.extract.structured import read_structured
from archiver.extract.trace import Trace
from archiver.extract.walk import read_blocks

PROSE = "<p>Every parcel pays from May on. The vote was close, and the chamber was full until the morning came.</p>"
NAMES = ["The Ledger", "ledger.example", "Ledger"]


def authors(
    under: str = "", end: str = "", *, author: Any = None, meta: str = "", section: str = "", trace: Trace | None = None
) -> list[str]:
    """The authors of a page with this under its title and this at its end; `author` is the JSON-LD's."""
    data = json.dumps({"@type": "NewsArticle", "headline": "The levy passes", "author": author}) if author else "{}"
    root = Selector(
        f"""<html><head>{f'<meta name=author content="{meta}">' if meta else ""}
        <script type="application/ld+json">{data}</script></head>
        <body><h1>The levy passes</h1>{under}<div>{PROSE * 20}{end}</div></body></html>"""
    ).root
    page = read_blocks(root)
    title = next(b.index for b in page.blocks if b.heading == 1)
    body = next(b.index for b in page.blocks if b.text.startswith("Every parcel"))
    return find_authors(page, read_structured(root), NAMES, title, body, trace, section)[0]


def person(name: str) -> dict[str, str]:
    return {"@type": "Person", "name": name}


def organization(name: str) -> dict[str, str]:
    return {"@type": "Organization", "name": name}


def test_an_agency_beside_a_person_is_named_too() -> None:
    assert authors(author=[person("Ann Lee"), organization("Wire Six")]) == ["Ann Lee", "Wire Six"]


def test_the_site_itself_is_named_only_alone() -> None:
    assert authors(author=[person("Ann Lee"), organization("The Ledger")]) == ["Ann Lee"]
    assert authors(author=organization("The Ledger")) == ["The Ledger"]
    assert authors("<p>By Ann Lee</p>", author=organization("The Ledger")) == ["Ann Lee"]


def test_a_name_of_the_site_is_not_split() -> None:
    assert clean_authors(["Lee & Ott"], ["Lee & Ott"]) == ["Lee & Ott"]


def test_the_site_s_department_beside_a_person_is_no_author() -> None:
    assert clean_authors(["von Ann Lee, Ledger Nord"], NAMES) == ["Ann Lee"]


def test_the_seat_of_the_site_is_no_author() -> None:
    assert authors(meta="ledger.example, Berlin, Germany", author=organization("The Ledger")) == ["The Ledger"]


@pytest.mark.parametrize("name", ["Ledger24 Desk", "a1b2c3-d4e5"])
def test_a_name_may_hold_digits(name: str) -> None:
    assert authors(author=person(name)) == [name]


def test_a_date_is_no_name() -> None:
    assert clean_authors(["Ann Lee, 12 May 2026"]) == ["Ann Lee"]
    assert clean_authors(["105092"]) == []


def test_a_byline_of_more_names_goes_before_the_data() -> None:
    byline = "<div>By Dr Ann Lee, Jan Ott and Eva Roy</div>"
    assert authors(byline, author=person("Ann Lee")) == ["Dr Ann Lee", "Jan Ott", "Eva Roy"]


@pytest.mark.parametrize(
    "byline", ["By Ann Lee, Wednesday, 20 May 2026", "By Ann Lee Chief Reporter", "By Jan Ott and Eva Roy"]
)
def test_any_other_byline_does_not(byline: str) -> None:
    assert authors(f"<div>{byline}</div>", author=person("Ann Lee")) == ["Ann Lee"]


@pytest.mark.parametrize("account", ["AnnL", "ann_lee", "annlee2"])
def test_an_account_s_name_gives_way_to_a_byline(account: str) -> None:
    assert authors("<p>by Jan Ott</p>", author=person(account)) == ["Jan Ott"]
    assert authors(author=person(account)) == [account]


def test_a_link_to_an_author_s_page_names_the_author() -> None:
    assert authors('<div>27 May 2026 • <a href="/author/desk/">Ann Lee</a> • 3 minutes</div>') == ["Ann Lee"]
    assert authors('<div>27 May 2026 • <a href="/topics/levy/">Parcel Levy</a> • 3 minutes</div>') == []


def test_the_one_credit_at_the_end_counts_and_those_of_comments_do_not() -> None:
    assert authors(end="<p>Posted by Ann Lee on 27 May 2026 in Politics.</p>") == ["Ann Lee"]
    assert authors(end="<p>This post was written by Ann Lee, Head of Parcels at the chamber.</p>") == ["Ann Lee"]
    assert authors(end="<p>Posted by Ann Lee</p><p>Nonsense.</p><p>Posted by Jan Ott</p>") == []


def test_the_one_mark_of_an_author_counts_and_not_a_footer_s() -> None:
    mark = '<a rel="author" href="/ann">Ann Lee</a>'
    assert authors(end=f"<p>About {mark}</p>") == ["Ann Lee"]
    assert authors(end=f"<footer>Site by {mark}</footer>") == []


def test_one_word_called_the_author_s_name_is_one() -> None:
    assert authors('<div class="creator-name">Newsroom</div>') == ["Newsroom"]
    assert authors('<div class="author-box">Disclosure</div>') == []


@pytest.mark.parametrize(
    "line",
    [
        "Ann Lee · May 27, 2026",
        "May 27, 2026 • 3 min read • Ann Lee",
        "<span>27.05.2026</span>&nbsp;|&nbsp;Ann Lee",
        "Ann Lee, le 27 mai 2026",
    ],
)
def test_the_one_name_in_the_line_of_the_date_is_the_author(line: str) -> None:
    assert authors(f"<div>{line}</div>") == ["Ann Lee"]
    assert authors(f"<div>{line}</div>", author=person("Jan Ott")) == ["Jan Ott"]


@pytest.mark.parametrize(
    "line",
    [
        "Press Release · May 27, 2026",
        "NEW YORK | May 27, 2026",
        "New York, May 27, 2026",
        "Blog Post • May 27, 2026",
        "The Ledger · May 27, 2026",
        "Parcel Levy · May 27, 2026",
        '<a href="/topics/money">Other Money</a> · May 27, 2026',
        "Ann Lee · Jan Ott Photos · May 27, 2026",
    ],
)
def test_what_else_stands_beside_a_date_is_no_author(line: str) -> None:
    assert authors(f"<div>{line}</div>", section="Parcel levy") == []


@pytest.mark.parametrize("label", ["Author", "By", "Written by", "Autor:"])
def test_a_label_before_a_name_says_whose_it_is(label: str) -> None:
    assert authors(f"<dl><dt>{label}</dt><dd>Ann Lee</dd></dl>") == ["Ann Lee"]


def test_the_wire_behind_a_bar_is_no_author() -> None:
    assert clean_authors(["By Ann Lee | Lee & Ott"], ["Lee & Ott"]) == ["Ann Lee"]
    assert clean_authors(["Ann Lee | Jan Ott"]) == ["Ann Lee", "Jan Ott"]


def test_the_trace_holds_every_rule_s_names_and_the_highest_won() -> None:
    trace = Trace()
    assert authors("<p>By Jan Ott</p>", author=organization("The Ledger"), meta="ann.lee", trace=trace) == ["Jan Ott"]
    (won,) = [c for c in trace.candidates if c.won]
    assert won.value == "Jan Ott"
    assert won.score == max(c.score for c in trace.candidates)
    assert any(c.value == "The Ledger" and "the site itself" in c.why for c in trace.candidates)
