"""Which blocks are the body: each rule on a page of its own, and in both senses."""

from __future__ import annotations

import time
from datetime import date

import pytest
from lxml.html import fromstring

from archiver.extract import extract_story
from archiver.extract.blocks import Blocks
from archiver.extract.body import Body, find_body
from archiver.extract.trace import Trace
from archiver.extract.walk import read_blocks
from archiver.extract.wrappers import clear_wrappers
from archiver.pages import read_page

PARAGRAPHS = [
    "The upper house passed the river levy on Tuesday after a night of talks between the two largest parties.",
    "Farms above the dam will pay from next spring, and the districts below it a year later, the minister said.",
    "Growers have until the end of March to show how much water they draw, and from which of the four canals.",
    "The dam itself is to be raised by two metres, at a cost that the treasury has put at forty million a year.",
    "Whoever draws more than the licence allows loses it for a season, as the law of the neighbouring state has it.",
    "A board of seven, two of them chosen by the growers, will settle what the districts owe to one another.",
]


def paragraphs(first: int = 0, last: int | None = None) -> str:
    return "".join(f"<p>{text}</p>" for text in PARAGRAPHS[first:last])


def read(html: str, trace: Trace | None = None) -> Body:
    page: Blocks = read_blocks(fromstring(f"<html><body>{html}</body></html>"))
    clear_wrappers(page)
    return find_body(
        page, lambda block: False, is_outbound=lambda href: href.startswith("https://other.example"), trace=trace
    )


def amid(html: str) -> list[str]:
    """What is kept of something amid the story's paragraphs."""
    found = read(f"<article><div class=story>{paragraphs(0, 3)}{html}{paragraphs(3)}</div></article>")
    texts = [block.text for block in found.blocks]
    assert set(PARAGRAPHS) <= set(texts)
    return [text for text in texts if text not in PARAGRAPHS]


TABLE = (
    "<table><tr><th>District</th><th>Levy</th></tr>"
    "<tr><td>Upper</td><td>4.2</td></tr><tr><td>Lower</td><td>1.1</td></tr></table>"
)
LINKS = (
    "<table><tr><td><a href=/a>Sport of the week</a></td><td><a href=/b>Weather</a></td></tr>"
    "<tr><td><a href=/c>Puzzles and games</a></td><td><a href=/d>Letters</a></td></tr></table>"
)


@pytest.mark.parametrize("table", [TABLE, f"<figure>{TABLE}</figure>"])
def test_the_rows_of_a_table_of_data_are_kept(table: str) -> None:
    assert amid(table) == ["District | Levy", "Upper | 4.2", "Lower | 1.1"]


@pytest.mark.parametrize("table", [LINKS, f"<aside>{TABLE}</aside>", f"<div class=newsletter>{TABLE}</div>"])
def test_tables_of_links_and_in_side_boxes_are_not(table: str) -> None:
    assert amid(table) == []


def test_a_story_laid_out_in_a_table_is_read_as_paragraphs() -> None:
    rows = "".join(f"<tr><td><p>{text}</p></td><td>&nbsp;</td></tr>" for text in PARAGRAPHS)
    assert [block.text for block in read(f"<table>{rows}</table>").blocks] == PARAGRAPHS


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ("<p>It also <a href=/x>licenses the pumps on both banks of the river</a>.</p>", True),
        ("<p><a href=/x>The pumps on both banks of the river are licensed too</a>.</p>", False),
        ("<p>Read more: <a href=/x>The pumps on both banks of the river are licensed</a>.</p>", False),
    ],
)
def test_a_sentence_of_the_text_may_be_mostly_a_link(html: str, kept: bool) -> None:
    assert bool(amid(html)) is kept


@pytest.mark.parametrize(
    "html",
    [
        "<p>Lesen Sie auch: <a href=/x>Wer am Oberlauf zahlt, und wer nicht</a></p>",
        "<p>Lire aussi : <a href=/x>Qui paiera pour l’eau du fleuve ?</a></p>",
        "<p>Read more <a href=/x>Who pays for the water of the river</a></p>",
        "<p><a href=/x>Who pays for the water of the river</a></p>",
    ],
)
def test_what_leads_to_another_story_is_noted_and_no_text(html: str) -> None:
    found = read(f"<article>{paragraphs(0, 3)}{html}{paragraphs(3)}</article>")
    assert [block.text for block in found.blocks] == PARAGRAPHS
    assert [block.links[0].href for block in found.interstitials] == ["/x"]


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ("<ul><li><a href=https://other.example/a>Canal board</a></li><li>The growers' union</li></ul>", True),
        ("<ul><li><a href=/a>Canal board</a></li><li><a href=/b>Growers' union</a></li></ul>", False),
    ],
)
def test_items_may_be_links_but_menus_are_no_text(html: str, kept: bool) -> None:
    assert bool(amid(html)) is kept


def test_subheadings_may_be_links_but_not_those_of_cards() -> None:
    assert amid("<h3><a href=/x>What the board may ask</a></h3>") == ["What the board may ask"]
    assert amid("<div class=card><h3><a href=/x>What the board may ask</a></h3><p>Little.</p></div>") == ["Little."]


def test_a_region_named_for_its_subject_is_no_box_where_it_holds_the_headline() -> None:
    around = f"<p>{' '.join(PARAGRAPHS)}</p>" * 6
    found = read(f"<article class=newsletter-post><h1>Levy passes</h1>{paragraphs()}</article><div>{around}</div>")
    assert {block.text for block in found.blocks} >= set(PARAGRAPHS)


@pytest.mark.parametrize(
    "line", ["© 2026 The Valley Record", "The Valley Record Ltd. All rights reserved.", "Advertisement"]
)
def test_lines_of_every_story_are_no_text(line: str) -> None:
    assert amid(f"<p>{line}</p>") == []


@pytest.mark.parametrize(
    "said",
    ["Comments close on August 28, 2026.", "He was indicted on March 3, 2024.", "“It ends on 1 May 2026,” she said."],
)
def test_a_sentence_with_a_date_is_text(said: str) -> None:
    page = f"<article><h1>Levy passes</h1>{paragraphs(0, 2)}<p>{said}</p>{paragraphs(2)}</article>"
    story = extract_story(read_page(page.encode()), "https://a.example/x")
    assert said in story.body
    assert story.published_at is None


@pytest.mark.parametrize(
    "line",
    [
        "May 3, 2026",
        "Published on May 3, 2026.",
        "Washington, May 3, 2026.",
        "May 3, 2026 | 9:15 a.m.",
        "Posted 3 May 2026 at 9 p.m.",
    ],
)
def test_a_line_that_gives_a_date_is_no_text(line: str) -> None:
    page = f"<article><h1>Levy passes</h1><p>{line}</p>{paragraphs()}</article>"
    story = extract_story(read_page(page.encode()), "https://a.example/x")
    assert line not in story.body
    assert story.published_at is not None and story.published_at.date() == date(2026, 5, 3)


def test_the_text_ends_at_the_author() -> None:
    about = (
        "<h3>About the author</h3><p>Ada Grower has written of rivers, dams and those who pay for them since 2011.</p>"
    )
    found = read(f"<article>{paragraphs()}{about}</article>")
    assert [block.text for block in found.blocks] == PARAGRAPHS


def test_boxes_around_a_button_are_no_text() -> None:
    consent = "<p>Here stands a film that another company shows.</p><p>It will learn that you came.</p>"
    assert amid(f"<div>{consent}<button>Show it</button></div>") == []


def test_paragraphs_that_each_have_a_button_are_text() -> None:
    each = "".join(f"<div><p>{text}</p><button>Copy link</button></div>" for text in PARAGRAPHS)
    assert [block.text for block in read(f"<main>{each}</main>").blocks] == PARAGRAPHS


def test_a_story_may_repeat_itself_but_not_for_another_width_of_screen() -> None:
    again = "The same ten questions were put to every grower in the two districts that the levy concerns."
    assert amid(f"<p>{again}</p><p>Then came the answers of the boards.</p><p>{again}</p>").count(again) == 2
    assert amid(f"<p>{again}</p><div class=wide><p>{again}</p></div>").count(again) == 1


def test_the_text_goes_on_after_a_box_in_boxes_of_its_kind() -> None:
    lead_on = "<div class=more><h3>Read more</h3></div>"
    parts = [f"<div class=part>{paragraphs(n, n + 1)}</div>" for n in range(len(PARAGRAPHS))]
    found = read(f"<article>{''.join(parts[:5])}{lead_on}{parts[5]}</article>")
    assert [block.text for block in found.blocks] == PARAGRAPHS


def test_the_text_ends_at_related_stories() -> None:
    card = "<p>The lower house votes on Friday, and it is expected to agree with the upper, all parties say.</p>"
    found = read(f"<article>{paragraphs()}<h3>Related stories</h3><div class=card>{card}</div></article>")
    assert [block.text for block in found.blocks] == PARAGRAPHS


def test_labels_beside_paragraphs_are_no_text() -> None:
    assert amid("<div class=badge>Premium members of the growers' union</div>") == []


def test_the_trace_names_the_best_containers_and_the_winner() -> None:
    trace = Trace()
    found = read(f"<main class=page><div class='story wide'>{paragraphs()}</div></main>", trace)
    best, *rest = trace.candidates
    assert (best.column, best.value, best.won) == ("body", "main.page > div.story", True)
    assert best.score == round(found.score, 3)
    assert "6 paragraphs, links 0%, in main" in best.why
    assert 0 < len(rest) <= 4
    assert not any(each.won for each in rest)


@pytest.mark.parametrize(
    "html",
    [
        "<table>" + "<tr><td>a</td><td>b</td></tr>" * 4_000 + "</table>",
        "<table>" * 300 + "<tr><td>a<td>b" * 300,
        "<div>" + "<p>A.</p><button>b</button>" * 4_000 + "</div>",
        f"<p>{'-' * 200_000}</p>" * 2,
        f"<p>A text that says little.{'”' * 200_000}x</p>",
    ],
)
def test_hostile_pages_take_no_longer_than_their_length(html: str) -> None:
    began = time.process_time()
    read(html + paragraphs())
    assert time.process_time() - began < 2.0


# Text whose parts no element of its own holds


def texts(html: str) -> list[str]:
    return [block.text for block in read_blocks(fromstring(f"<html><body>{html}</body></html>")).blocks]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<a href=/p>policy</a><br><b>Levy passes</b><br>It was close.", ["policy", "Levy passes", "It was close."]),
        ("<i>It was close.</i><br>Farms pay.", ["It was close.", "Farms pay."]),
        ("Who pays:<br>• farms<br>• the districts", ["Who pays:", "farms", "the districts"]),
        ("<b>Who pays:</b><br>Farms.", ["Who pays: Farms."]),
        ("<b>One in four</b><br>farms pays.", ["One in four farms pays."]),
        ("<b>Farms</b> pay.<br>It was close.", ["Farms pay. It was close."]),
        ("14 Quay Street<br>Port Amity", ["14 Quay Street Port Amity"]),
    ],
)
def test_a_line_set_apart_is_a_block(html: str, expected: list[str]) -> None:
    assert texts(f"<div>{html}</div>") == expected


def test_a_heading_of_two_lines_is_one() -> None:
    assert texts("<h1><b>Levy passes</b><br>It was close</h1>") == ["Levy passes It was close"]


@pytest.mark.parametrize(("between", "count"), [("", 3), ("\n", 3), (" and ", 1)])
def test_spans_that_say_sentences_are_blocks_where_nothing_stands_between(between: str, count: int) -> None:
    spans = between.join(f"<span class=a>{text}</span>" for text in PARAGRAPHS[:3])
    assert len(texts(f"<div>{spans}</div>")) == count


def test_spans_in_a_paragraph_are_its_words() -> None:
    spans = " ".join(f"<span>{text}</span>" for text in PARAGRAPHS[:3])
    assert texts(f"<p>{spans}</p>") == [" ".join(PARAGRAPHS[:3])]


def test_lines_in_a_box_amid_divs_are_a_list() -> None:
    def divs(parts: list[str]) -> str:
        return "".join(f"<div>{text}</div>" for text in parts)

    box = f"<div>{divs(['farms above the dam', 'districts', 'two ports'])}</div>"
    kept = [b.text for b in read(f"<div>{divs(PARAGRAPHS[:3])}{box}{divs(PARAGRAPHS[3:])}</div>").blocks]
    assert kept == [*PARAGRAPHS[:3], "farms above the dam", "districts", "two ports", *PARAGRAPHS[3:]]


def test_headings_that_lead_to_other_stories_end_the_text() -> None:
    card = "<h3><a href=/{0}>Levy {0} passes</a></h3><p>The vote on it took all of a long night, and it was close.</p>"
    html = paragraphs() + "".join(card.format(number) for number in range(3))
    assert [block.text for block in read(f"<article>{html}</article>").blocks] == PARAGRAPHS
    roundup = html + paragraphs()
    assert "Levy 1 passes" in [block.text for block in read(f"<article>{roundup}</article>").blocks]


def test_short_paragraphs_at_the_edges_are_text() -> None:
    kept = [
        b.text for b in read(f"<article><p>The levy begins.</p>{paragraphs()}<p>It ends in May.</p></article>").blocks
    ]
    assert kept == ["The levy begins.", *PARAGRAPHS, "It ends in May."]


def test_the_page_laid_out_in_tables_keeps_its_subheadings() -> None:
    rows = [*PARAGRAPHS[:3], "<b>Who pays</b>", *PARAGRAPHS[3:]]
    kept = read(f"<table>{''.join(f'<tr><td>{row}</td></tr>' for row in rows)}</table>").blocks
    assert [b.text for b in kept] == [*PARAGRAPHS[:3], "Who pays", *PARAGRAPHS[3:]]
