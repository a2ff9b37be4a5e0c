"""Pages of one family in markup that the rules were not written for.

`BY_PAGE` names the columns that are not demanded; all others are, of every style and story.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import count

import lxml.html
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml.html import HtmlElement

from archiver.demo.stories import SECTIONS
from tests.unseen_stories import CARDS, STORIES
from tests.unseen_styles import FOOTER, STYLES, extract_columns, find_faults

BY_PAGE = {
    ("amp", "very-short"): "dek body",
    ("credit-in-last-paragraph", "very-short"): "body",
    ("credit-under-label", "very-short"): "body",
    ("described-dek", "dotted-name"): "dek body",
    ("described-dek", "more-in-title"): "dek body",
    ("described-dek", "no-source"): "dek body",
    ("described-dek", "q-and-a-title"): "dek body",
    ("described-dek", "q-and-a-without-faq"): "dek body",
    ("described-dek", "quoted-tail"): "dek body",
    ("described-dek", "two-sources"): "dek body",
    ("described-dek", "very-short"): "dek body",
    ("joomla", "very-short"): "dek body",
    ("newsletter-inside", "very-short"): "body related",
}

PAGES = [(style, story) for style in STYLES for story in STORIES]


def undemanded(style: str, story: str) -> set[str]:
    return set(BY_PAGE.get((style, story), "").split())


@pytest.mark.parametrize(("style", "story"), PAGES, ids=map("-".join, PAGES))
def test_story_comes_out_of_any_markup(style: str, story: str) -> None:
    page, house = STORIES[story], STYLES[style]
    faults = find_faults(extract_columns(house.page(page), page.path), page, house)
    assert {column: fault for column, fault in faults.items() if column not in undemanded(style, story)} == {}


@pytest.mark.parametrize("story", STORIES)
def test_styles_print_the_whole_story(story: str) -> None:
    """A style that leaves out a paragraph would make its test prove nothing."""
    page = STORIES[story]
    for house in STYLES.values():
        printed = _words(lxml.html.fromstring(house.page(page)))
        for part in (page.title, page.dek or "", *(pair.question for pair in page.faq)):
            assert re.sub(r"\W", "", part) in printed, (house.name, part)


def _words(root: HtmlElement) -> str:
    return re.sub(r"\W", "", "".join(node for node in root.itertext() if isinstance(node, str)))


# What a page's own names and surroundings must not change

"""Styles whose comments or teasers only their class names tell from the story."""
TOLD_BY_PLACE = {"old-tables", "shadow-root"}
"""Styles whose dek only its place in a container, or a single line break, tells from the text."""
_LONG_STORIES = sorted(STORIES.keys() - {"very-short"})


def _pages(without: Collection[str]) -> st.SearchStrategy[tuple[str, str]]:
    return st.tuples(st.sampled_from(sorted(STYLES.keys() - without)), st.sampled_from(_LONG_STORIES))


_NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9]{3,7}", fullmatch=True), min_size=1, max_size=6, unique=True)
_REFERENCES = ("for", "aria-controls", "aria-labelledby", "data-testid")


def _parse(style: str, story: str) -> HtmlElement:
    return lxml.html.document_fromstring(STYLES[style].page(STORIES[story]))


def _body(root: HtmlElement) -> HtmlElement:
    (body,) = root.iterchildren("body")
    return body


def _columns(root: HtmlElement, story: str) -> dict[str, object]:
    html = lxml.html.tostring(root, encoding="unicode", doctype="<!DOCTYPE html>")
    return extract_columns(html, STORIES[story].path)


@settings(max_examples=120, deadline=None)
@given(_pages(without=()), _NAMES)
def test_names_of_classes_and_ids_do_not_matter(page: tuple[str, str], names: list[str]) -> None:
    style, story = page
    root = _parse(style, story)
    before = _columns(root, story)
    numbers, renamed = count(), dict[str, str]()

    def rename(name: str) -> str:
        if name not in renamed:
            number = next(numbers)
            renamed[name] = f"{names[number % len(names)]}{number}"
        return renamed[name]

    for element in root.iter("*"):
        for attribute in ("class", "id", *_REFERENCES):
            if names_of := element.get(attribute):
                element.set(attribute, " ".join(map(rename, names_of.split())))
        if (href := element.get("href", "")).startswith("#"):
            element.set("href", f"#{rename(href[1:])}")
    assert _columns(root, story) == before


@settings(max_examples=120, deadline=None)
@given(_pages(without=TOLD_BY_PLACE), st.lists(st.sampled_from(("div", "section")), min_size=1, max_size=8))
def test_containers_around_the_story_do_not_matter(page: tuple[str, str], containers: list[str]) -> None:
    style, story = page
    root = _parse(style, story)
    before = _columns(root, story)
    container = _container(root, story)
    for name in containers:
        box = container.makeelement(name)
        box.text, container.text = container.text, None
        box.extend(list(container))
        container.append(box)
    assert _columns(root, story) == before


def _container(root: HtmlElement, story: str) -> HtmlElement:
    """Return the smallest element that holds both the title and the link to the section, and may hold a div."""
    page = STORIES[story]
    ends = (re.sub(r"\W", "", page.title), re.sub(r"\W", "", f"More in {SECTIONS[page.section]}").lower())
    holders = [
        element
        for element in _body(root).iter("article", "body", "div", "form", "main", "td")
        if ends[0] in _words(element) and ends[1] in _words(element).lower()
    ]
    return holders[-1]


_LINKS = "".join(f'<li><a href="/{slug}">{label}</a></li>' for slug, label in SECTIONS.items())
_TEASERS = "".join(f'<li><a href="{card.path}">{card.title}</a><p>{card.dek}</p></li>' for card in CARDS)
_SURROUNDINGS = {
    "nav": f"<nav><ul>{_LINKS}</ul></nav>",
    "header": f'<header><a href="/">Ledgerleaf</a><ul>{_LINKS}</ul></header>',
    "footer": f"<footer><p>{FOOTER}</p><p>© 2026 Ledgerleaf. All rights reserved.</p></footer>",
    "comments": f"<section><h2>3 Comments</h2><ol><li><b>Jo</b><p>{FOOTER} {FOOTER}</p></li></ol></section>",
    "related": f"<section><h2>Related stories</h2><ul>{_TEASERS}</ul></section>",
    "aside": f"<aside><h3>Most read</h3><ul>{_TEASERS}</ul></aside>",
}


@settings(max_examples=120, deadline=None)
@example(("custom-elements", "no-source"), [], ["footer", "aside", "nav", "comments"])
@given(
    _pages(without={"shadow-root"}),
    st.lists(st.sampled_from(("nav", "header", "aside")), max_size=3, unique=True),
    st.lists(st.sampled_from(("footer", "aside", "nav", "comments", "related")), max_size=4, unique=True),
)
def test_what_stands_around_the_story_does_not_matter(
    page: tuple[str, str], above: list[str], below: list[str]
) -> None:
    style, story = page
    root = _parse(style, story)
    before = _columns(root, story)
    for name in reversed(above):
        _body(root).insert(0, lxml.html.fragment_fromstring(_SURROUNDINGS[name]))
    for name in below:
        _body(root).append(lxml.html.fragment_fromstring(_SURROUNDINGS[name]))
    after = _columns(root, story)
    assert _least(before) <= _least(after)
    assert {**after, "related": None} == {**before, "related": None}


def _least(columns: dict[str, object]) -> set[object]:
    related = columns["related"]
    assert isinstance(related, set)
    return related
