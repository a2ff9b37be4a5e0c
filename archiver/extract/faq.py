"""Questions and answers of a page: from its markup in every common form, and from its structured data."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from lxml.html import fragment_fromstring

from archiver.extract.blocks import Block, Blocks, Node, Region
from archiver.extract.headline import Choice
from archiver.extract.phrases import BOILERPLATE
from archiver.extract.structured import Structured, texts_of, types_of
from archiver.extract.trace import Trace
from archiver.items import Faq
from archiver.text import fold_text, normalize_text, strip_question_mark

_HEADING: Final = re.compile(
    r"""^[\W_]{0,20}(?:.{0,60}?[\s:–—(-])?(?:
      frequently[\s-]+asked(?:[\s-]+questions?)? | f\.?a\.?q\.?['’]?s?
      | (?:common|top|popular|key|quick|reader)\s+questions | questions?\s*(?:&|and|\+)\s*answers?
      | q\s?(?:&|and|\+)\s?as? | people\s+also\s+ask | your\s+questions,?\s+answered | commonly\s+asked\s+questions
    | häufig(?:e|\s+gestellte)?\s+fragen | fragen\s+und\s+antworten | foire\s+aux\s+questions
    | questions\s+(?:fréquentes|fréquemment\s+posées) | preguntas\s+(?:más\s+)?frecuentes
    | perguntas\s+(?:mais\s+)?frequentes | domande\s+frequenti | veelgestelde\s+vragen
    | vanliga\s+frågor | ofte\s+stil(?:te|lede)\s+spørsmål | ofte\s+stillede\s+spørgsmål | usein\s+kysytyt
    | najczęściej\s+zadawane\s+pytania | часто\s+задаваемые\s+вопросы | вопросы\s+и\s+ответы
    | sık(?:ça)?\s+sorulan\s+sorular | よくある質問 | 常见问题 | 자주\s*묻는\s*질문
    )(?:[\s:–—)-].{0,60})?$""",
    re.VERBOSE | re.IGNORECASE,
)  # fmt: skip
_ABOUT_QUESTIONS: Final = re.compile(
    r"\b(?:questions?|answer(?:s|ed)|ask(?:s|ed|ing)?|fragen|antworten|preguntas|dudas|respuestas|réponses|domande|risposte|perguntas|dúvidas|vragen|antwoorden)\b",
    re.IGNORECASE,
)
"""A heading that may announce a FAQ: only where nothing but questions and answers follows."""
_HEADING_STEM: Final = re.compile(
    r"question|f?\.?a\.?q|q\s?(?:[&+]|and)|ask|frag|pregunta|pergunta|domand|vragen|frågor|spør[sg]|kysyt|pytania|вопрос|sorular"
    r"|質問|问题|질문|answe|antwo|duda|dúvid|respuest|réponse|rispost"
)
"""What the patterns need: they are slow, and few blocks have any of them."""
_ASKS: Final = re.compile(r"""(?:[?？؟]\s*["'”’»)]*\s*[+＋×▾▼▸►⌄∨﹀›→↓–—-]?|;\s*["'”’»)]*)\s*$""")
_SIGN: Final = re.compile(r"(?<=[?？؟])\s*[+＋×▾▼▸►⌄∨﹀›→↓–—-]\s*$")
"""The sign of an accordion, printed after a question: it opens the answer."""
_MARKED: Final = re.compile(r"^(?:Q\s?\d{0,3}\s?[.:)]|Q\d{1,3}\b|Question\s?\d{0,3}\s?[.:])", re.IGNORECASE)
_INLINE: Final = re.compile(
    r"^(?P<question>(?:\(?\d{1,2}\s?[.)]\s*|Q\s?\d{0,2}[.:)]\s*)?[^?？]{8,200}[?？])\s+(?P<answer>\S.{10,})$", re.DOTALL
)
_QUIT: Final = re.compile(
    r"""^[\W_]{0,20}(?:more\s+(?:in|from|on|about)\b.{0,60} | related\b.{0,60} | read\s+(?:more|next|also)\b.{0,120}
    | share\b.{0,40} | tags?\s?:.{0,120} | source\s?:.{0,120} | about\s+the\s+author.{0,40}
    | (?:leave\s+a\s+)?(?:comment|reply)s? .{0,30}| ©.{0,160}
      | copyright\b.{0,160} | continue\s+reading\b.{0,120} | subscribe\b.{0,80} | sign\s+up\b.{0,80}
      | newsletter.{0,40} | (?:still\s+have|have\s+more|got|any\s+more|more)\s+questions.{0,80} | contact\s+us.{0,60}
      | disclaimer.{0,40} | conclusion.{0,40} | the\s+bottom\s+line | final\s+thoughts.{0,40} | references
      | sources)$""",
    re.VERBOSE | re.IGNORECASE,
)  # fmt: skip
_MARK_ALONE: Final = re.compile(r"[\W_]*(?:Q|A|Question|Answer)?\s?\d{0,3}\s?[.:)]?[\W_]*")
"""A mark, a number or a plus sign in an element of its own."""
_MAX_PAIRS: Final = 200
_MAX_SECTIONS: Final = 20
"""FAQ headings of one page that are read: each may read on to the page's end."""
_MAX_ANSWER: Final = 60
"""Blocks of an element that is still one question and its answer."""


@dataclass(slots=True)
class FaqFound:
    """Pairs in page order, and the blocks that they, and their heading, stand in."""

    pairs: list[Faq] = field(default_factory=list)
    claimed: set[int] = field(default_factory=set)
    answers: set[int] = field(default_factory=set)
    """Blocks whose links are links of the FAQ."""
    rule: str | None = None


@dataclass(slots=True)
class _Pair:
    question: str
    answer: list[str] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)
    first: int = 0


def find_faq(page: Blocks, data: Structured, title: Choice | None = None, trace: Trace | None = None) -> FaqFound:
    """Find the page's FAQ. What is shown and what the data says are merged on the question, in the order of the page."""
    said = read_said_faq(data)
    found = FaqFound()
    shown: list[_Pair] = []
    rules: list[str] = []
    for start in _headings(page):
        if start in found.claimed or (title and fold_text(title.text) == fold_text(page.blocks[start].text)):
            continue
        pairs = _read_section(page, start)
        if pairs and (
            _is_faq_heading(page.blocks[start].text) or (len(pairs) > 1 and all(_asks(p.question) for p in pairs))
        ):
            found.claimed.add(start)
            shown += pairs
            found.claimed |= {i for pair in pairs for i in pair.blocks}
            rules.append("heading")
    for name, find in (
        ("microdata", _read_microdata_blocks),
        ("details", _read_details),
        ("accordion", _read_accordion),
    ):
        pairs = [p for p in find(page) if p.first not in found.claimed]
        if pairs:
            shown += pairs
            found.claimed |= {i for pair in pairs for i in pair.blocks}
            rules.append(name)
    if said:
        located = _locate(page, said, found.claimed)
        shown += located
        found.claimed |= {i for pair in located for i in pair.blocks}
        if located:
            rules.append("json-ld+shown")
    shown.sort(key=lambda pair: pair.first)
    kept: dict[str, Faq] = {}
    for pair in shown[:_MAX_PAIRS]:
        question, answer = _SIGN.sub("", normalize_text(pair.question)), " ".join(pair.answer)
        if question and answer:
            kept.setdefault(_key(question), Faq(question=question, answer=normalize_text(answer)))
        found.answers |= set(pair.blocks)
    for each in said:
        if _key(each.question) not in kept:
            kept[_key(each.question)] = each
            rules.append("json-ld")
    found.pairs = list(kept.values())[:_MAX_PAIRS]
    found.rule = "+".join(dict.fromkeys(rules)) or None
    if trace:
        asked = {_key(normalize_text(pair.question)) for pair in shown}
        stated = {_key(pair.question) for pair in said}
        for number, kept_pair in enumerate(found.pairs, start=1):
            question = kept_pair.question
            where = [
                name for name, keys in (("shown", asked), ("said by the page's data", stated)) if _key(question) in keys
            ]
            trace.note("faq", f"{number}. {question}", found.rule or "", len(where), ", ".join(where), won=True)
    return found


def _key(question: str) -> str:
    return fold_text(strip_question_mark(question)) or question


def read_said_faq(data: Structured) -> list[Faq]:
    """Return the pairs that JSON-LD or microdata state, HTML in answers undone."""
    pairs: dict[str, Faq] = {}
    forums = {id(q) for page in data.of_type("QAPage") for q in _as_list(page.get("mainEntity")) if isinstance(q, dict)}
    for node in data.nodes + data.items:
        if "Question" not in types_of(node) or id(node) in forums:
            continue
        question = next(iter(texts_of(node.get("name")) or texts_of(node.get("text"))), "")
        answer = _answer_of(node)
        if question and answer:
            pair = Faq(question=normalize_text(_unmark(question)), answer=answer)
            pairs.setdefault(_key(pair.question), pair)
    return list(pairs.values())[:_MAX_PAIRS]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _answer_of(node: dict[str, Any]) -> str:
    for key in ("acceptedAnswer", "suggestedAnswer"):
        for answer in _as_list(node.get(key)):
            raw = (
                answer.get("text") or answer.get("name") or answer.get("description")
                if isinstance(answer, dict)
                else answer
            )
            if isinstance(raw, list):
                raw = " ".join(str(part) for part in raw if isinstance(part, str))
            if isinstance(raw, str) and raw.strip():
                return normalize_text(_unmark(raw))
    return ""


def _unmark(text: str) -> str:
    """Undo HTML inside a JSON string; plain text passes untouched."""
    if "<" not in text and "&" not in text:
        return text
    if len(text) > 50_000:
        text = text[:50_000]
    element = fragment_fromstring(text, create_parent="div")
    text = " ".join(" ".join(t.split()) for t in element.xpath(".//text()[not(parent::script or parent::style)]"))
    return re.sub(r"\s+([.,;:!?)])", r"\1", text)


def _headings(page: Blocks) -> list[int]:
    """Blocks that announce a FAQ."""
    found = []
    for block in page.blocks:
        text = block.text
        if len(text) > 110 or block.region & (Region.NAV | Region.FOOTER) or block.link_density > 0.5:
            continue
        if not (block.heading or block.is_bold or len(text) < 60) or (
            block.tag in ("li", "a", "label", "td") and not block.heading and not (block.tag == "td" and block.is_bold)
        ):
            continue
        if not _HEADING_STEM.search(text.lower()):
            continue
        is_set_apart = (block.heading > 1 or block.is_bold) and len(text) < 80
        if _is_faq_heading(text) or (is_set_apart and _ABOUT_QUESTIONS.search(text)):
            found.append(block.index)
    return found[:_MAX_SECTIONS]


def _is_faq_heading(text: str) -> bool:
    """Tell whether a text is a heading that FAQs have, and nothing else has."""
    return bool(_HEADING.match(text)) and not (_ASKS.search(text) and len(text) > 40)


def _read_section(page: Blocks, start: int) -> list[_Pair]:
    """Read the pairs under a FAQ heading. The first item shows how questions are set; all that is set alike is one."""
    blocks = page.blocks
    heading = blocks[start]
    end = _section_end(page, start)
    items = [b for b in blocks[start + 1 : end] if not _MARK_ALONE.fullmatch(b.text) and not _is_menu(b, heading)]
    if not items:
        return []
    first = next((b for b in items[:5] if (_is_question_like(b) and _asks(b.text)) or _split_inline(b)), None)
    first = first or next((b for b in items[:4] if _is_question_like(b)), None)
    if first is None:
        return []
    if _split_inline(first) and not _stands_alone(first):
        return _read_inline(items[items.index(first) :])
    is_question = _question_test(first, items)
    pairs = [p for p in _collect(items[items.index(first) :], is_question) if p.answer]
    if len(pairs) > 2 and not _asks(pairs[-1].question) and all(_asks(p.question) for p in pairs[:-1]):
        pairs.pop()  # what follows the questions, set as they are: the writer's name over a biography
    return _trim_last(page, pairs)


def _section_end(page: Blocks, start: int) -> int:
    """One past the section: at a heading of the FAQ heading's level or above that asks nothing, or where the page goes on."""
    blocks = page.blocks
    heading = blocks[start]
    top = _section_node(heading)
    for index in range(start + 1, len(blocks)):
        block = blocks[index]
        if block.heading and heading.heading and block.heading <= heading.heading and not _asks(block.text):
            return index
        if block.region & (Region.FOOTER | Region.COMMENT) and not heading.region & (Region.FOOTER | Region.COMMENT):
            return index
        if _is_menu(block, heading) and index > start + 2:
            return index
        if block.region & Region.ASIDE and not heading.region & Region.ASIDE:
            return index
        if (_QUIT.match(block.text) or BOILERPLATE.match(block.text)) and not _asks(block.text):
            return index
        if index >= top.last and (block.heading or block.link_density > 0.6) and not _asks(block.text):
            return index
    return len(blocks)


def _is_menu(block: Block, heading: Block) -> bool:
    """Links of a navigation; page builders put a FAQ's panels into `<nav>` too, but those hold prose."""
    apart = block.region & ~heading.region & (Region.NAV | Region.FORM)
    return bool(apart) and (block.link_density > 0.5 or bool(apart & Region.FORM))


def _section_node(heading: Block) -> Node:
    """The smallest element around the heading that holds more than it."""
    node: Node = heading.node
    while node.parent is not None and node.last - node.first <= 1:
        node = node.parent
    return node


def _asks(text: str) -> bool:
    return bool(_ASKS.search(text) or _MARKED.match(text))


def _stands_alone(block: Block) -> bool:
    """Whether all of the block is the question."""
    return bool(block.heading or block.tag in ("summary", "dt", "button") or block.is_bold or _ASKS.search(block.text))


def _is_question_like(block: Block) -> bool:
    if len(block.text) > 300:
        return False
    return (
        bool(block.heading)
        or block.tag in ("summary", "dt", "button")
        or _asks(block.text)
        or (block.is_bold and len(block.text) < 200)
    )


def _split_inline(block: Block) -> tuple[str, str] | None:
    """Split a block that holds a question and its answer: by the bold lead, the line break, or the first question mark."""
    if block.heading or block.tag in ("summary", "dt", "button"):
        return None
    lead = block.bold_lead
    if lead and len(lead) < len(block.text) - 8 and (_asks(lead) or block.tag == "li") and block.text.startswith(lead):
        return lead, block.text[len(lead) :].strip()
    if len(block.lines) > 1 and _asks(block.lines[0]):
        return block.lines[0], " ".join(block.lines[1:])
    inline = _INLINE.match(block.text)
    if inline:
        return inline["question"], inline["answer"]
    return None


def _read_inline(items: list[Block]) -> list[_Pair]:
    """Items that hold question and answer in one block; an answer's further paragraphs follow it, set alike."""
    pairs: list[_Pair] = []
    first = items[0]
    for block in items:
        parts = _split_inline(block)
        if parts:
            pairs.append(_Pair(parts[0], [parts[1]], [block.index], block.index))
        elif _stands_alone(block) and _asks(block.text):
            pairs.append(_Pair(block.text, [], [block.index], block.index))
        elif pairs and not block.heading and (not pairs[-1].answer or _is_beside(block, first)):
            pairs[-1].answer.append(block.text)
            pairs[-1].blocks.append(block.index)
        else:
            break
    return [p for p in pairs if p.answer]


def _is_beside(block: Block, first: Block) -> bool:
    """Whether a block is set as the first item is, or stands inside an item of the same list."""
    if block.tag == first.tag and block.node.parent is first.node.parent:
        return True
    item: Node | None = first.node
    while item is not None and item.tag != "li":
        item = item.parent
    here: Node | None = block.node
    while item is not None and here is not None and here is not item.parent:
        here = here.parent
    return item is not None and here is not None


def _question_test(first: Block, items: list[Block]) -> Callable[[Block], bool]:
    """How to tell the questions of this FAQ: set as the first is."""
    if first.tag in ("summary", "dt", "button"):
        return lambda b: b.tag == first.tag
    if first.heading:
        level = first.heading
        return lambda b: b.heading == level
    marked = sum(bool(_MARKED.match(b.text)) for b in items)
    if _MARKED.match(first.text) and marked > 1:
        return lambda b: bool(_MARKED.match(b.text))
    if first.is_bold:
        return lambda b: b.is_bold and len(b.text) < 300
    style = _style_of(first)
    others = [b for b in items if b is not first and _style_of(b) == style]
    asking = sum(_asks(b.text) for b in others)
    if (others and asking == len(others)) or not others:
        return lambda b: b is first or _style_of(b) == style
    return lambda b: _asks(b.text) and _style_of(b) == style


def _style_of(block: Block) -> tuple[str, str, str]:
    node = block.node
    parent = node.parent
    return node.tag, node.element.get("class") or "", (parent.element.get("class") or parent.tag) if parent else ""


def _collect(items: list[Block], is_question: Callable[[Block], bool]) -> list[_Pair]:
    pairs: list[_Pair] = []
    for block in items:
        text = block.text
        if is_question(block):
            pairs.append(_Pair(text, [], [block.index], block.index))
        elif pairs:
            pairs[-1].answer.append(text)
            pairs[-1].blocks.append(block.index)
    return pairs


def _trim_last(page: Blocks, pairs: list[_Pair]) -> list[_Pair]:
    """The last answer has no question after it to end it: keep what stands in its item, or as far as the others go."""
    if not pairs:
        return pairs
    last = pairs[-1]
    answers = [i for i in last.blocks if i != last.first]
    if len(answers) < 2:
        return pairs
    blocks = page.blocks
    item = _common(blocks[last.first].node, blocks[answers[0]].node)
    section = _common(blocks[pairs[0].first].node, blocks[last.first].node) if len(pairs) > 1 else None
    if (
        item is not None
        and (section is None or item is not section)
        and item.last > answers[0]
        and item.tag not in ("body", "html", "main", "article")
    ):
        keep = [i for i in answers if i < item.last]
    else:
        style = _style_of(blocks[answers[0]])
        keep = []
        for count, i in enumerate(answers):
            if count and _style_of(blocks[i]) != style and blocks[i].tag != "li":
                break
            keep.append(i)
    last.answer = [blocks[i].text for i in keep]
    last.blocks = [last.first, *keep]
    return pairs


def _common(a: Node, b: Node) -> Node | None:
    """The smallest element that holds both."""
    above = set()
    node: Node | None = a
    while node is not None:
        above.add(id(node))
        node = node.parent
    node = b
    while node is not None and id(node) not in above:
        node = node.parent
    return node


def _read_details(page: Blocks) -> list[_Pair]:
    """`<details><summary>` pairs, where at least two ask."""
    pairs: list[_Pair] = []
    for node in page.nodes:
        if node.tag == "details" and 2 <= node.last - node.first <= _MAX_ANSWER:
            first, *rest = page.blocks[node.first : node.last]
            if first.tag == "summary" or (first.node.parent is not None and first.node.parent.tag == "summary"):
                pairs.append(_Pair(first.text, [b.text for b in rest], [b.index for b in (first, *rest)], first.index))
    asking = [p for p in pairs if _asks(p.question)]
    return asking if len(asking) >= 2 or (asking and len(pairs) == 1) else []


def _read_microdata_blocks(page: Blocks) -> list[_Pair]:
    """schema.org Question items as shown: the block or heading named `name`, and what follows in the item."""
    pairs: list[_Pair] = []
    for node in page.items:
        if (node.element.get("itemtype") or "").endswith("/Question") and node.last - node.first <= _MAX_ANSWER:
            blocks = page.blocks[node.first : node.last]
            if len(blocks) >= 2 and len(blocks[0].text) < 400:
                question, answer = (
                    blocks[0],
                    [b for b in blocks[1:] if not re.fullmatch(r"[\W_]*(?:A|Answer)?[.:]?[\W_]*", b.text)],
                )
                if re.fullmatch(r"[\W_]*Q?[.:]?[\W_]*", question.text) and len(answer) > 1:
                    question, answer = answer[0], answer[1:]
                pairs.append(_Pair(question.text, [b.text for b in answer], [b.index for b in blocks], question.index))
    return pairs


def _read_accordion(page: Blocks) -> list[_Pair]:
    """Buttons that show a panel (`aria-controls` or `aria-expanded`), where at least two ask."""
    pairs: list[_Pair] = []
    blocks = page.blocks
    if not page.controls:
        return pairs
    panels = {node.element.get("id"): node for node in page.nodes if node.element.get("id") in page.controls}
    for panel_id, index in page.controls.items():
        panel = panels.get(panel_id)
        if (
            panel is None
            or index >= len(blocks)
            or not 0 < panel.last - panel.first <= _MAX_ANSWER
            or not _asks(blocks[index].text)
        ):
            continue
        inside = blocks[panel.first : panel.last]
        pairs.append(_Pair(blocks[index].text, [b.text for b in inside], [index, *(b.index for b in inside)], index))
    return pairs if len(pairs) >= 2 else []


def _locate(page: Blocks, said: list[Faq], claimed: set[int]) -> list[_Pair]:
    """Where the page shows a question that its data states: the block of the question, and its answer after it."""
    wanted = {_key(pair.question): pair for pair in said}
    longest = min(400, 2 * max(len(pair.question) for pair in said) + 20)
    pairs: list[_Pair] = []
    for block in page.blocks:
        if block.index in claimed or len(block.text) > longest:
            continue
        pair = wanted.get(_key(block.text))
        if pair is None:
            continue
        answer = fold_text(pair.answer)
        blocks = [block.index]
        for following in page.blocks[block.index + 1 : block.index + 12]:
            folded = fold_text(following.text)
            if folded and (folded in answer or (answer and folded.startswith(answer))):
                blocks.append(following.index)
            elif len(blocks) > 1 or len(folded) > 40:
                break
        if len(blocks) > 1:
            pairs.append(_Pair(pair.question, [pair.answer], blocks, block.index))
            wanted.pop(_key(pair.question), None)
    return pairs
