"""The ways in which sites write a FAQ, each as a function of the pairs and of the style that prints them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from archiver.demo.stories import Pair, Paragraph, plain_text
from archiver.demo.styles.base import HouseStyle, inline, text


@dataclass(frozen=True, slots=True)
class FaqMarkup:
    visible: str = ""
    data: dict[str, Any] | None = None
    """JSON-LD for the page's head."""


def render_faq(form: str, faq: Sequence[Pair], style: HouseStyle) -> FaqMarkup:
    """Return the FAQ in one of `FAQ_FORMS`; nothing at all where there are no questions."""
    return FAQ_FORMS[form](faq, style) if faq else FaqMarkup()


def _paragraphs(answer: Sequence[Paragraph], style: HouseStyle) -> str:
    return "".join(style.paragraph(inline(paragraph.runs), "answer-text") for paragraph in answer)


def _broken_lines(answer: Sequence[Paragraph]) -> str:
    return "<br><br>".join(inline(paragraph.runs) for paragraph in answer)


def _plain(answer: Sequence[Paragraph]) -> str:
    return " ".join(plain_text(paragraph.runs) for paragraph in answer)


def _section(title: str, inner: str, style: HouseStyle, attributes: str = "") -> FaqMarkup:
    heading = style.heading(title, "faq-title")
    return FaqMarkup(f"<section{style.css('faq')}{attributes}>{heading}{inner}</section>")


def _marked(faq: Sequence[Pair], style: HouseStyle) -> FaqMarkup:
    items = "".join(
        f"<div{style.css('faq-item')}><h3{style.css('question')}><span{style.css('mark')}>Q.</span>"
        f"{text(pair.question)}</h3>{_paragraphs(pair.answer, style)}</div>"
        for pair in faq
    )
    return FaqMarkup(f"{style.heading('Frequently Asked Questions', 'faq-title')}<div{style.css('faq')}>{items}</div>")


def _question_data(pair: Pair) -> dict[str, Any]:
    """Editors' plugins store the answer as HTML wherever it is more than one line of text."""
    is_plain = len(pair.answer) == 1 and all(run.href is None for run in pair.answer[0].runs)
    html = "".join(f"<p>{inline(paragraph.runs)}</p>" for paragraph in pair.answer)
    answer = {"@type": "Answer", "text": _plain(pair.answer) if is_plain else html}
    return {"@type": "Question", "name": pair.question, "acceptedAnswer": answer}


def _data_only(faq: Sequence[Pair], style: HouseStyle) -> FaqMarkup:
    questions = [_question_data(pair) for pair in faq]
    entity: Any = questions if len(questions) > 1 else questions[0]
    return FaqMarkup(data={"@type": "FAQPage", "mainEntity": entity})


def _data_graph(faq: Sequence[Pair], style: HouseStyle) -> FaqMarkup:
    questions = [{**_question_data(pair), "@id": f"#faq-question-{number}"} for number, pair in enumerate(faq, start=1)]
    page = {"@type": ["WebPage", "FAQPage"], "mainEntity": [{"@id": item["@id"]} for item in questions]}
    return FaqMarkup(data={"@graph": [page, *questions]})


_QUESTION = 'itemscope itemtype="https://schema.org/Question"'
_ANSWER = 'itemprop="acceptedAnswer" itemscope itemtype="https://schema.org/Answer"'


def _microdata(faq: Sequence[Pair], style: HouseStyle) -> FaqMarkup:
    items = "".join(
        f'<div{style.css("faq-item")} itemprop="mainEntity" {_QUESTION}><h3 itemprop="name">{text(pair.question)}</h3>'
        f'<div {_ANSWER}><div itemprop="text">{_paragraphs(pair.answer, style)}</div></div></div>'
        for pair in faq
    )
    return _section("Questions and answers", items, style, ' itemscope itemtype="https://schema.org/FAQPage"')


def _microdata_bare(faq: Sequence[Pair], style: HouseStyle) -> FaqMarkup:
    items = "".join(
        f'<div{style.css("faq-item")} {_QUESTION}><h3 itemprop="name">{text(pair.question)}</h3>'
        f"<div {_ANSWER}>{_paragraphs(pair.answer, style)}</div></div>"
        for pair in faq
    )
    return _section("FAQ", items, style)


def _microdata_hidden(faq: Sequence[Pair], style: HouseStyle) -> FaqMarkup:
    items = "".join(
        f'<div itemprop="mainEntity" {_QUESTION}><meta itemprop="name" content="{escape(pair.question)}">'
        f'<div {_ANSWER}><meta itemprop="text" content="{escape(_plain(pair.answer))}"></div></div>'
        for pair in faq
    )
    return FaqMarkup(f'<div itemscope itemtype="https://schema.org/FAQPage">{items}</div>')


def _details(faq: Sequence[Pair], style: HouseStyle) -> FaqMarkup:
    items = "".join(
        f"<details{style.css('faq-item')}><summary>{text(pair.question)}</summary>"
        f"{_paragraphs(pair.answer, style)}</details>"
        for pair in faq
    )
    return _section("Your questions answered", items, style)


def _definitions(faq: Sequence[Pair], style: HouseStyle) -> FaqMarkup:
    def definition(pair: Pair) -> str:
        answer = _paragraphs(pair.answer, style) if len(pair.answer) > 1 else _broken_lines(pair.answer)
        return f"<dt>{text(pair.question)}</dt><dd>{answer}</dd>"

    items = "".join(definition(pair) for pair in faq)
    return _section("Frequently asked questions", f"<dl{style.css('faq-list')}>{items}</dl>", style)


def _headings(faq: Sequence[Pair], style: HouseStyle) -> FaqMarkup:
    items = "".join(
        f"<h3{style.css('question')}>{text(pair.question)}</h3>{_paragraphs(pair.answer, style)}" for pair in faq
    )
    return FaqMarkup(f"<h2{style.css('faq-title')}>FAQ</h2>{items}")


def _lettered(faq: Sequence[Pair], style: HouseStyle) -> FaqMarkup:
    def entry(pair: Pair) -> str:
        first, *rest = pair.answer
        return (
            f"<p{style.css('faq-item')}><strong>Q: {text(pair.question)}</strong><br>A: {inline(first.runs)}</p>"
            + "".join(f"<p>{inline(paragraph.runs)}</p>" for paragraph in rest)
        )

    return _section("Q&amp;A", "".join(entry(pair) for pair in faq), style)


def _accordion(faq: Sequence[Pair], style: HouseStyle) -> FaqMarkup:
    items = "".join(
        f"<div{style.css('faq-item')}><h3{style.css('question')}>"
        f'<button type="button" aria-expanded="false" aria-controls="panel-{number}" id="tab-{number}">'
        f"{text(pair.question)}</button></h3>"
        f'<div id="panel-{number}" role="region" aria-labelledby="tab-{number}" hidden>'
        f"{_paragraphs(pair.answer, style)}</div></div>"
        for number, pair in enumerate(faq, start=1)
    )
    return _section("Frequently Asked Questions", items, style)


def _list_items(faq: Sequence[Pair], style: HouseStyle) -> FaqMarkup:
    items = "".join(f"<li><strong>{text(pair.question)}</strong><br>{_broken_lines(pair.answer)}</li>" for pair in faq)
    return _section("Frequently asked questions", f"<ul{style.css('faq-list')}>{items}</ul>", style)


def _numbered(faq: Sequence[Pair], style: HouseStyle) -> FaqMarkup:
    items = "".join(
        style.paragraph(f"{number}. {text(pair.question)}", "question") + _paragraphs(pair.answer, style)
        for number, pair in enumerate(faq, start=1)
    )
    return _section("Frequently asked questions", items, style)


def _twice(faq: Sequence[Pair], style: HouseStyle) -> FaqMarkup:
    return FaqMarkup(_headings(faq, style).visible, _data_only(faq, style).data)


FAQ_FORMS: dict[str, Callable[[Sequence[Pair], HouseStyle], FaqMarkup]] = {
    "a": _marked,
    "b": _data_only,
    "b-graph": _data_graph,
    "b+f": _twice,
    "c": _microdata,
    "c-bare": _microdata_bare,
    "c-meta": _microdata_hidden,
    "d": _details,
    "e": _definitions,
    "f": _headings,
    "g": _lettered,
    "h": _accordion,
    "i": _list_items,
    "j": _numbered,
}
"""a: headings with a `Q.` mark · b: JSON-LD alone, as a list or in a graph, or beside headings · c: microdata, whole,
bare or in meta elements · d: details · e: definition list · f: headings · g: `Q:` and `A:` in one paragraph ·
h: accordion with hidden panels · i: list items · j: numbered paragraphs."""
