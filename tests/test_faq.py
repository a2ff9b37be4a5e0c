# ruff: noqa: E501
# Markup runs on as sites print it.
"""Questions and answers in the markup of common site generators, and what only looks like them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from parsel import Selector

from archiver.extract import extract_story
from archiver.items import Story
from archiver.normalize import normalize_story

PROSE = [
    f"The council voted on measure {n} after a long debate. Every parcel pays a share of the levy for {n} years."
    for n in range(5)
]
PAIRS = [
    ("Who pays the levy?", "Every parcel pays a share of it."),
    ("When is it due?", "In May of each year, at noon."),
]
PLAIN = "<h3>{q}</h3><p>{a}</p>"


def read(after: str) -> Story:
    prose = "".join(f"<p>{each}</p>" for each in PROSE)
    markup = f"<article><h1>Council passes the parcel levy at last</h1>{prose}{after}</article>"
    printed = extract_story(Selector(markup), "https://me.example/x")
    return normalize_story(printed, fetched_at=datetime(2026, 6, 29, tzinfo=UTC))


def pairs(item: str = PLAIN) -> str:
    return "".join(item.format(q=question, a=answer, n=n) for n, (question, answer) in enumerate(PAIRS))


def faq_of(story: Story) -> list[tuple[str, str]]:
    return [(pair.question, pair.answer) for pair in story.faq]


@pytest.mark.parametrize(
    ("heading", "item"),
    [
        ("<h2>FAQ</h2>", "<details><summary>{q}<span>▾</span></summary><p>{a}</p></details>"),
        (
            "<h2>FAQ</h2>",
            "<div><button aria-controls=p{n}>{q} <i>+</i></button><div id=p{n} hidden><p>{a}</p></div></div>",
        ),
        ("<h2>FAQ</h2>", "<div><h4>{q} –</h4><p>{a}</p></div>"),
        (
            "<h2 id=f>FAQ<a href='#f'>¶</a></h2>",
            "<h3 id=q{n}>{q}<a hidden aria-hidden=true href='#q{n}'>#</a></h3><p>{a}</p>",
        ),
        ("<h1>FAQ</h1>", "<p><strong>{q}</strong><br>{a}</p>"),
        (
            "<h3>FAQ</h3>",
            "<div role=tablist><h4><a role=button href='#c{n}' aria-controls=c{n}>{q}</a></h4><div id=c{n} role=tabpanel><p>{a}</p></div></div>",
        ),
    ],
)
def test_signs_permalinks_and_roles_around_questions_do_not_matter(heading: str, item: str) -> None:
    story = read(heading + pairs(item))
    assert faq_of(story) == PAIRS
    assert story.body == "\n\n".join(PROSE)


@pytest.mark.parametrize(
    "heading",
    [
        "Readers ask",
        "Questions readers are asking",
        "Common questions, answered",
        "Five questions about the levy",
        "Got questions?",
        "Answers to your questions",
        "Dudas frecuentes",
        "Vos questions, nos réponses",
        "Fragen zur Abgabe",
    ],
)
@pytest.mark.parametrize(
    "item", [PLAIN, "<p><b>{q}</b></p><p>{a}</p>", "<p><b>{q}</b> {a}</p>", "<dl><dt>{q}</dt><dd>{a}</dd></dl>"]
)
def test_a_heading_about_questions_announces_them(heading: str, item: str) -> None:
    story = read(f"<h2>{heading}</h2>{pairs(item)}")
    assert faq_of(story) == PAIRS
    assert story.body == "\n\n".join(PROSE)


def test_a_heading_about_questions_over_other_text_is_a_subheading() -> None:
    story = read(f"<h2>Questions for the council</h2><p>{PROSE[0]}</p><h3>The first years</h3><p>{PROSE[1]} Now.</p>")
    assert not story.faq
    assert "Questions for the council" in story.body


def test_one_question_under_such_a_heading_is_a_subheading() -> None:
    story = read(f"<h2>Questions for the council</h2><h3>Who pays?</h3><p>{PROSE[0]} It is so.</p>")
    assert not story.faq


def test_a_story_may_go_on_after_its_questions() -> None:
    closing = "The council meets again in June, and then it will have to say where the money of the first year went."
    after = f"<h2>FAQ</h2>{pairs()}<h2>What comes next</h2><p>{closing}</p>"
    story = read(after)
    assert faq_of(story) == PAIRS
    assert story.body == "\n\n".join([*PROSE, "What comes next", closing])


@pytest.mark.parametrize(
    "after",
    [
        f"<h2>More stories</h2><p>{PROSE[0]} It is so.</p>",
        f'<h2><a href="/other">Ferry fares to rise</a></h2><p>{PROSE[0]} It is so.</p>',
        f"<h2>3 comments</h2><p>{PROSE[0]} It is so.</p>",
        f"<h3>Ann Lee</h3><p>{PROSE[0]} It is so.</p>",
    ],
)
def test_what_leads_on_after_the_questions_is_no_text(after: str) -> None:
    assert read(f"<h2>FAQ</h2>{pairs()}{after}").body == "\n\n".join(PROSE)


@pytest.mark.parametrize(
    "line",
    [
        "Suscríbete a nuestro boletín y recibe las noticias cada mañana.",
        "Abonnez-vous à notre lettre quotidienne pour ne rien manquer.",
        "Jetzt abonnieren: das Wichtigste am Morgen, kostenlos und kurz.",
    ],
)
def test_an_offer_after_the_last_answer_is_no_part_of_it(line: str) -> None:
    story = read(f"<h2>FAQ</h2>{pairs()}<p>{line}</p>")
    assert faq_of(story) == PAIRS
    assert line not in story.body
