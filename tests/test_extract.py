"""Extraction over the bundled network: every story of every site, and one story in every style and form."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from parsel import Selector

from archiver.demo.server import DemoNetwork
from archiver.demo.sites import SITES, expected_story, place_stories
from archiver.demo.styles import FAQ_FORMS, HOUSE_STYLES, SAMPLE, SOURCE_FORMS, render
from archiver.extract import Selectors, extract_story
from archiver.items import Story
from archiver.normalize import normalize_story
from archiver.urls import clean_url

NOW = datetime(2026, 11, 23, tzinfo=UTC)
EXACT = (
    "url", "section", "section_label", "title", "dek", "body", "authors", "source_name", "source_url", "source_domain",
    "published_at", "modified_at", "tags", "image_url",
)  # fmt: skip


def read(html: str, url: str, **options: Any) -> Story:
    return normalize_story(extract_story(Selector(text=html), url, now=NOW, **options), fetched_at=NOW)


def differences(story: Story, expected: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Columns that are not as expected: what was found, what is right."""
    found = {name: getattr(story, name) for name in EXACT}
    found["faq"] = [{"question": pair.question, "answer": pair.answer} for pair in story.faq]
    found["links"] = sorted((link.kind, link.url) for link in story.links if link.kind != "source")
    found["related"] = sorted({related.url for related in story.related} & set(expected["related"]))
    right = expected | {
        "links": sorted((link["kind"], clean_url(link["url"])) for link in expected["links"]),
        "related": sorted(expected["related"]),
    }
    return {name: (found[name], right[name]) for name in found if found[name] != right[name]}


@pytest.fixture(scope="module")
def network() -> Iterator[DemoNetwork]:
    with DemoNetwork() as network:
        yield network


@pytest.mark.parametrize("site", [site.name for site in SITES])
def test_every_column_of_every_story_is_exact(site: str, network: DemoNetwork) -> None:
    running = network[site]
    assert len(running.stories) >= 60
    for placed in running.stories:
        url = running.url_of(placed)
        html = running._pages.answer(placed.story.path).body.decode()
        assert differences(read(html, url), running.expected(url)) == {}, url


@pytest.mark.parametrize("style", HOUSE_STYLES, ids=lambda style: type(style).__name__)
@pytest.mark.parametrize("faq_form", FAQ_FORMS)
def test_a_faq_in_any_form_comes_out_the_same(style: Any, faq_form: str) -> None:
    placed = next(p for p in place_stories(SITES[0]) if len(p.story.faq) == 3 and p.story.dek)
    page = render(placed.story, style, faq_form=faq_form)
    story = read(page, SAMPLE.base_url + placed.story.path)
    expected = expected_story(placed.story, SAMPLE, style)
    assert [(pair.question, pair.answer) for pair in story.faq] == [
        (pair["question"], pair["answer"]) for pair in expected["faq"]
    ]
    assert (story.title, story.dek, story.body) == (expected["title"], expected["dek"], expected["body"])


@pytest.mark.parametrize("source_form", [*SOURCE_FORMS, None])
def test_one_story_comes_out_the_same_in_every_style(source_form: str | None) -> None:
    placed = next(p for p in place_stories(SITES[0]) if len(p.story.faq) == 3 and p.story.dek)
    stories = []
    for style in HOUSE_STYLES:
        html = render(placed.story, style, source_form=source_form)
        stories.append(read(html, SAMPLE.base_url + placed.story.path))
    first = stories[0]
    for other in stories[1:]:
        for column in (
            "story_id",
            "title",
            "dek",
            "body",
            "faq",
            "source_name",
            "source_url",
            "source_domain",
            "content_hash",
        ):
            assert getattr(other, column) == getattr(first, column), (source_form, column)
    assert first.source_name is not None or source_form is None


def test_a_sites_own_selectors_win_over_the_general_rules() -> None:
    html = """<html lang="en"><h1>General title</h1><p class="s">The dek.</p><h2 id="t">Right title</h2>
    <div id="b"><p>One paragraph of some length, with a full stop.</p><p>Another.</p></div>
    <a id="o" href="https://wire.example/1">there</a><i>3 May 2026</i><b class="w">Ann Lee</b><u>Rules</u></html>"""
    selectors = Selectors(
        title="#t", dek="//p[@class='s']", body="#b p", section="u", authors="b.w", published="i", source="#o"
    )
    story = read(html, "https://a.example/x", selectors=selectors)
    assert (story.title, story.dek, story.section, story.authors) == ("Right title", "The dek.", "rules", ["Ann Lee"])
    assert story.body == "One paragraph of some length, with a full stop.\n\nAnother."
    assert (story.source_url, story.source_method) == ("https://wire.example/1", "selector")
    assert story.published_at == datetime(2026, 5, 3, tzinfo=UTC)
    assert (story.provenance["title"], story.provenance["published_at"]) == ("selector", "selector, no time")


@pytest.mark.parametrize(
    ("said", "shown", "flags"),
    [
        ("9999-12-31", None, ["date-out-of-range"]),
        ("1990-01-01", None, ["date-out-of-range"]),
        ("2026-11-23T08:00:00Z", datetime(2026, 11, 23, 8, tzinfo=UTC), []),
    ],
)
def test_a_date_before_the_web_or_in_the_future_is_passed_over(
    said: str, shown: datetime | None, flags: list[str]
) -> None:
    html = f'<meta property="article:published_time" content="{said}"><h1>Title</h1><p>Text.</p>'
    story = read(html, "https://a.example/x")
    assert (story.published_at, story.flags) == (shown, flags)
