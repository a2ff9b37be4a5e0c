"""Dek and section label: what stands around the title of a story, and what the page's data says of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

from lxml.etree import _Element

from archiver.extract.blocks import CLUTTER, Block, Blocks, Node, Region
from archiver.extract.datelines import is_date_line
from archiver.extract.dates import read_date
from archiver.extract.structured import Structured, texts_of
from archiver.extract.title import Choice, find_title, site_names
from archiver.extract.trace import Trace
from archiver.text import find_dateline, fold_text, normalize_text, strip_arrows

__all__ = [
    "Choice",
    "find_dek",
    "find_section",
    "find_section_url",
    "find_title",
    "is_byline",
    "is_more_in",
    "site_names",
]

_MORE_IN: Final = re.compile(
    r"""^(?: more\s+in | all\s+(?:stories\s+)?in | mehr\s+(?:aus|in) | plus\s+(?:de|dans) | más\s+en | mais\s+em
        | more\s+from(?!\s+(?:(?-i:us)|(?:the\s+|this\s+)?(?:author|site))\s*$)
        | back\s+to(?!\s+(?:the\s+)?(?:top|home|start|list)(?:\s?page)?\s*$)
    )\s+(?P<label>[^→»›!?.]{2,40})$""",
    re.IGNORECASE | re.VERBOSE,
)
_BYLINE: Final = re.compile(
    r"""^(?i:(?:written|posted|story|text|words|reporting)?\s*by|von|par|por|di|door|av|af|od|autor(?:en|a|es)?|authors?
        |text|reporter)\b\s*:?\s*
        (?:[^\W\d_a-zà-ÿ][\w.'’-]*(?:$|\s*[|,·•/(–—-]|\s+(?:[^\W\d_a-zà-ÿ]|and\b|und\b|et\b|y\b|de\b|van\b|von\b)))""",
    re.VERBOSE,
)
"""`By` and the like before a name: a capital, and another capital, a separator or the end after it."""
_NO_LABEL: Final = re.compile(
    r"""^(?:home(?:page)?|start(?:seite)?|accueil|inicio|news|skip\b.*|menu|search|log\s?in|sign\s?in|subscribe.*|share|print|e-?mail|live|breaking|exclusive|advertisement|
    back(?:\s+to.*)?|zurück|share|follow.*|listen.*|photo|video|opinion:|updated?.*|published.*|\W*)$""",
    re.VERBOSE | re.IGNORECASE,
)
_BREADCRUMB_HOME: Final = frozenset(
    """home homepage start startseite accueil inicio início hem forside etusivu hlavní главная головна ana sayfa anasayfa
    news nachrichten""".split()
)
_NO_SECTION: Final = frozenset(
    """article articles news story stories post posts blog blogs content page pages p a amp en us uk de fr es m www
    archive archives category categories topic topics section sections html index wp node index.php default item items
    read view print public detail details aktuell artikel noticia noticias actualites 20""".split()
)


_SECTION_WEIGHTS: Final = {"breadcrumb": 4.0, "label": 3.0, "category": 2.5, "more-in": 2.0, "url": 1.0}
"""What each place of a section label weighs. Structured data and meta weigh 10, less 0.1 for each named before it."""


def find_section(
    page: Blocks,
    data: Structured,
    url: str,
    title: Choice | None,
    names: list[str],
    trace: Trace | None = None,
) -> tuple[Choice | None, Block | None]:
    """Find the section label, and the block that prints it over the title, if any.

    Structured data goes first, then the breadcrumb, the label over the title, `More in SECTION →`, the address.
    """
    over = _label_over_title(page, title, names)
    known = {fold_text(n) for n in names} | ({fold_text(title.text)} if title else set())
    best: Choice | None = None
    for place, choice in enumerate(_sections(page, data, url, title, known, over)):
        why = _no_section(choice, known)
        if trace is not None:
            score = 0.0 if why else _SECTION_WEIGHTS.get(choice.rule, 10.0 - 0.1 * place)
            won = best is None and not why
            trace.note("section_label", choice.text, choice.rule, score, why or "in the order of evidence", won=won)
        if best is None and not why:
            best = choice
            if trace is None:
                break
    return best, over if best is None or best.rule not in ("more-in", "url") else None


def _sections(
    page: Blocks, data: Structured, url: str, title: Choice | None, known: set[str], over: Block | None
) -> Iterator[Choice]:
    """Every text that could be the section label, the weightiest first."""
    for choice in (*_said_sections(data), *_breadcrumb(page, data, title, known)):
        yield Choice(normalize_text(choice.text), choice.rule)
    if over is not None and (label := _last_crumb(over.text, title)):
        yield Choice(label, "label", over)
    yield from _category_links(page, title)
    yield from _trail_over_title(page, title, known)
    more = next((_MORE_IN.match(strip_arrows(b.text)) for b in reversed(page.blocks) if is_more_in(b)), None)
    if more:
        yield Choice(more["label"].strip(), "more-in")
    segment = _section_in_url(url)
    if segment:
        yield Choice(segment, "url")


def _no_section(choice: Choice, known: set[str]) -> str:
    """Why a text is no section label; empty where it is one."""
    if choice.rule in ("label", "url"):
        return ""
    if fold_text(choice.text) in known:
        return "is the site's name or the title"
    if choice.rule != "more-in" and not (1 < len(choice.text) <= 60 and not _NO_LABEL.match(choice.text)):
        return "is no label"
    return ""


def _said_sections(data: Structured) -> Iterable[Choice]:
    article = data.article() or {}
    for text in texts_of(article.get("articleSection"))[:1]:
        yield Choice(re.split(r"\s*[,;>/|]\s*", text)[0] if len(text) > 40 else text, "json-ld")
    for name in (
        "article:section",
        "og:article:section",
        "parsely-section",
        "section",
        "sailthru.section",
        "dc.subject.section",
    ):
        value = data.first_meta(name)
        if value:
            yield Choice(value, name)


def _breadcrumb(page: Blocks, data: Structured, title: Choice | None, known: set[str]) -> Iterable[Choice]:
    for crumbs in data.of_type("BreadcrumbList")[:2]:
        items = crumbs.get("itemListElement")
        labels: list[str] = []
        for item in items if isinstance(items, list) else [items]:
            if isinstance(item, dict):
                named = texts_of(item.get("name")) or texts_of(item.get("item"))
                labels += [n for n in named[:1] if not n.startswith("http")]
        yield from _pick_crumb(labels, title, known, "breadcrumb")


def _pick_crumb(labels: list[str], title: Choice | None, known: set[str], rule: str) -> Iterable[Choice]:
    wanted = fold_text(title.text) if title else ""
    for label in labels:
        folded = fold_text(label)
        if (
            folded
            and folded not in _BREADCRUMB_HOME
            and folded not in known
            and not (wanted and (folded in wanted or wanted in folded))
            and len(label) <= 40
        ):
            yield Choice(label, rule)
            return


def _category_links(page: Blocks, title: Choice | None) -> Iterable[Choice]:
    """Links that say they lead to a category of the story, as WordPress has them: under the headline, or at the end."""
    start = title.block.index - 3 if title and title.block else 0
    for block in page.blocks[max(0, start) :]:
        for anchor in block.links:
            if "category" in (anchor.element.get("rel") or "") and not block.region & (Region.NAV | Region.ASIDE):
                yield Choice(anchor.text, "category")
                return


def _trail_over_title(page: Blocks, title: Choice | None, known: set[str]) -> Iterable[Choice]:
    """A breadcrumb over the headline, though it stands in a navigation: links of one list, the first to the home page."""
    if title is None or title.block is None:
        return
    over = [b for b in page.blocks[max(0, title.block.index - 8) : title.block.index] if b.link_density > 0.6]
    home = next((b for b in reversed(over) if fold_text(b.text) in _BREADCRUMB_HOME), None)
    if home is not None:
        trail = [b.text.strip(" ›»>/|") for b in over if b.index > home.index and _list_of(b) is _list_of(home)]
        labels = [label for label in trail if fold_text(label) not in _NO_SECTION]
        yield from _pick_crumb(labels, title, known, "breadcrumb")


def _list_of(block: Block) -> Node | None:
    parent = block.node.parent
    return parent.parent if block.node.tag not in ("li", "a") and parent is not None and parent.tag == "li" else parent


def _label_over_title(page: Blocks, title: Choice | None, names: list[str]) -> Block | None:
    """The short line right over the headline, or inside its container: no date, no byline, no menu."""
    if title is None or title.block is None:
        return None
    known = {fold_text(n) for n in names}
    for index in range(title.block.index - 1, max(-1, title.block.index - 4), -1):
        block = page.blocks[index]
        text = strip_arrows(block.text)
        if index + 1 in page.menus:
            break
        if block.region & (Region.NAV | Region.FORM | Region.FIGURE | Region.ASIDE | Region.DIALOG):
            break
        if len(text) > 40 or len(text.split()) > 5 or not re.search(r"[^\W\d_]", text):
            break
        if read_date(text) or _BYLINE.match(text) or _NO_LABEL.match(text) or fold_text(text) in known:
            continue
        if _in_one_list(page, index) or (len(block.links) > 1 and not re.search(r"[›»>/|]", text)):
            break
        return block
    return None


def _last_crumb(text: str, title: Choice | None) -> str:
    """The label in a line over the title: the last part of a breadcrumb, the title aside."""
    parts = [p.strip() for p in re.split(r"\s*[›»>/|→]\s*", text) if p.strip()]
    wanted = fold_text(title.text) if title else ""
    named = [p for p in parts if fold_text(p) not in _BREADCRUMB_HOME and fold_text(p) != wanted]
    return named[-1] if named else (parts[-1] if len(parts) == 1 else "")


def _in_one_list(page: Blocks, index: int) -> bool:
    """Whether the block is one of several short links beside each other: a menu, or a breadcrumb without markup."""
    node = page.blocks[index].node
    parent = node.parent if node.tag in ("li", "span", "dd") else node
    if parent is None:
        return False
    around = page.blocks[parent.first : max(parent.last, parent.first)]
    return node.tag in ("li", "dd") and sum(b.link_density > 0.8 for b in around) >= 4


def _section_in_url(url: str) -> str | None:
    segments = [unquote(s) for s in urlsplit(url).path.split("/") if s]
    for segment in segments[:-1][:3]:
        text = segment.replace("-", " ").replace("_", " ").strip()
        if segment.lower() in _NO_SECTION or not re.fullmatch(r"[^\W\d][\w\s&]{1,30}", text) or len(text.split()) > 3:
            continue
        return text
    return None


def find_section_url(page: Blocks) -> str | None:
    """Return the href of the `More in SECTION →` link, if any."""
    for block in reversed(page.blocks):
        if (
            block.links
            and len(block.text) < 60
            and block.text[:4].lower() == "more"
            and re.match(r"more\s+in\s+\S", strip_arrows(block.text), re.IGNORECASE)
        ):
            return block.links[0].href
    return None


def is_more_in(block: Block) -> bool:
    """Tell whether a block is the `More in SECTION →` link."""
    return (
        bool(block.links)
        and len(block.text) < 80
        and block.text[0] in "mMaAbBpP"
        and bool(_MORE_IN.match(strip_arrows(block.text)))
    )


def is_byline(text: str) -> bool:
    """Tell whether a short line names the writer.

    >>> is_byline("By Ann Lee | 3 May 2026"), is_byline("By the time it passed, all had left."), is_byline("Von Jan Ott")
    (True, False, True)
    """
    return len(text) < 160 and bool(_BYLINE.match(text)) and not re.search(r"[.!?]\s+\S+\s+\S+\s+\S+", text)


_SENTENCES: Final = re.compile(r"[.!?]['\"”’)]*\s+(?=[\"'“‘(A-ZÀ-Þ])")


def find_dek(
    page: Blocks,
    data: Structured,
    title: Choice | None,
    body: list[Block],
    claimed: set[int],
    trace: Trace | None = None,
) -> Choice | None:
    """Find the summary line under the title.

    Shown and said by the page's data, or shown apart from the body (another element, another class, parted by byline or
    date), or one sentence before paragraphs of several; else a description that is not the body's own beginning.
    """
    best: Choice | None = None
    for score, choice, why in _deks(page, data, title, body, claimed):
        won = best is None and score > 0
        if trace is not None:
            trace.note("dek", choice.text, choice.rule, score, why, won=won)
        if won:
            best = choice
            if trace is None:
                break
    return best


def _deks(
    page: Blocks, data: Structured, title: Choice | None, body: list[Block], claimed: set[int]
) -> Iterator[tuple[float, Choice, str]]:
    """Every text that could be the dek, the weightiest first; those ruled out weigh 0."""
    said = _said_deks(data) if _describes_this_page(data, title) else []
    folded_said = [(rule, text, fold_text(text.rstrip("…. "))) for rule, text in said]
    title_folded = fold_text(title.text) if title else ""
    under = _blocks_under_title(page, title, body, claimed)
    for place, block in enumerate(under):
        folded = fold_text(block.text)
        for rule, _, theirs in folded_said:
            if not _shows_description(folded, theirs):
                continue
            if _is_set_apart(block, body, page) or (folded == theirs and _reads_as_dek(block, body)):
                yield 3 - place / 100, Choice(block.text, f"shown+{rule}", block), "under the title, and in the data"
            else:
                yield 0, Choice(block.text, f"shown+{rule}", block), "in the data, but set as the body is"
    for place, block in enumerate(under):
        if not 5 <= len(block.text.split()) <= 75 or fold_text(block.text) == title_folded:
            continue
        if _is_set_apart(block, body, page):
            yield 2 - place / 100, Choice(block.text, "shown", block), "under the title, set apart from the body"
        elif not said and _reads_as_dek(block, body):
            yield 2 - place / 100, Choice(block.text, "shown", block), "one sentence before longer paragraphs"
        else:
            yield 0, Choice(block.text, "shown", block), "set as the body is"
    opening = fold_text(" ".join(b.text for b in body[:4]))[:1500]
    for place, (rule, text, folded) in enumerate(folded_said):
        cut = text.rstrip().endswith(("…", "..."))
        if len(folded) < 15 or folded == title_folded or title_folded.startswith(folded):
            yield 0, Choice(text, rule), "says no more than the title"
        elif (cut and folded[:60] in opening) or folded[:80] in opening:
            yield 0, Choice(text, rule), "is the body's own beginning"
        else:
            yield 1 - place / 100, Choice(text, rule), "in the data alone"


def _shows_description(shown: str, said: str) -> bool:
    """Whether a block is a description of the data, or begins with one that is cut short."""
    if not said:
        return False
    return shown == said or (len(said) > 60 and shown.startswith(said) and len(shown) < 1.6 * len(said) + 20)


def _describes_this_page(data: Structured, title: Choice | None) -> bool:
    """False where the page's own title for sharing has not a word of its headline: a template's data of another page."""
    shared = data.first_meta("og:title", "twitter:title")
    if not shared or title is None or title.block is None:
        return True
    return bool(set(fold_text(shared).split()) & set(fold_text(title.text).split()))


def _said_deks(data: Structured) -> list[tuple[str, str]]:
    article = data.article() or {}
    raw = [("json-ld", t) for t in texts_of(article.get("description"))[:1]]
    raw += [
        (name, v)
        for name in ("og:description", "description", "twitter:description", "dc.description", "sailthru.description")
        if (v := data.first_meta(name))
    ]
    return [(rule, normalize_text(re.sub(r"<[^>]{1,200}>", " ", text))) for rule, text in raw]


def _blocks_under_title(page: Blocks, title: Choice | None, body: list[Block], claimed: set[int]) -> list[Block]:
    """Blocks between the headline and the second block of the body that can be a dek."""
    if title is None or title.block is None:
        return body[:1]
    start = title.block.index + 1
    prose = [b for b in body if not b.heading]
    end = prose[1].index if len(prose) > 1 and prose[1].index > start else start + 12
    unwanted = (CLUTTER & ~Region.ASIDE) | Region.SMALL_BOX
    return [
        b
        for b in page.blocks[start : min(end, start + 25)]
        if not b.region & unwanted and b.index not in claimed and len(b.text) > 20 and b.link_density < 0.4
        and not is_byline(b.text) and not (len(b.text) < 100 and is_date_line(b.text)) and b.tag not in ("button", "label", "li")
        and not find_dateline(b.text)
    ]  # fmt: skip


def _is_set_apart(block: Block, body: list[Block], page: Blocks) -> bool:
    """Tell whether a block under the headline stands apart from the body's paragraphs."""
    prose = [b for b in body if not b.heading and b is not block]
    if not prose:
        return False
    first = prose[0]
    if block.index > first.index:
        return False
    if block.heading:
        return block.index < first.index and len(block.text.split()) >= 6 and _only_one(block, page, first)
    if block.region & Region.HEADER and not first.region & Region.HEADER:
        return True
    if re.search(r"drop-?cap", block.node.element.get("class") or "", re.IGNORECASE):
        return False
    style = _style(block)
    rest = {_style(b) for b in prose[:8]}
    emphasis = (block.is_bold, block.is_italic) == (first.is_bold, first.is_italic)
    # Divs of many classes side by side, or text between two breaks: their styles tell nothing.
    loose = block.tag == first.tag != "p" and block.node.parent is first.node.parent and emphasis
    alike = {_style(b) for b in prose[:8] if b.tag == block.tag}
    loose = loose and (len(alike) > 1 or len(prose) < 3)
    if first.node is not block.node and len(prose) > 1 and prose[1].node is first.node and _is_alone(block):
        return True  # it has an element of its own, and the paragraphs share one
    together = len({id(b.node.parent) for b in prose[:8]}) == 1
    return (style not in rest and not loose) or (together and block.node.parent is not first.node.parent)


def _is_alone(block: Block) -> bool:
    """Whether a block is all that its element holds."""
    return block.node.last - block.node.first == 1


def _only_one(block: Block, page: Blocks, first: Block) -> bool:
    """A heading under the headline is a dek if it is the only one before the text and says a sentence."""
    between = [b for b in page.blocks[block.index + 1 : first.index] if b.heading and not b.region & CLUTTER]
    return not between and (block.text.endswith((".", "!", "?", "…", "”", '"')) or len(block.text.split()) >= 9)


def _style(block: Block) -> tuple[str, str, str]:
    """How a block is set: its element and class, and its container's."""
    node, parent = block.node, block.node.parent
    around = f"{parent.tag} {parent.element.get('class') or ''}" if parent else ""
    own = (
        node.element.get("class"),
        node.element.get("style"),
        block.is_bold,
        block.is_italic,
        _wrapper(node.element),
    )
    return node.tag, repr(own), around


def _wrapper(element: _Element) -> tuple[str, ...]:
    """What a block's text is wrapped in, and how that is set: `<p><span class="lead">`."""
    if len(element) != 1 or (element.text and element.text.strip()):
        return ()
    (inner,) = element
    if inner.tag not in ("font", "span", "big", "small") or (inner.tail and inner.tail.strip()):
        return ()
    return (inner.tag, *(f"{name}={inner.get(name)}" for name in ("class", "size", "color") if inner.get(name)))


def _reads_as_dek(block: Block, body: list[Block]) -> bool:
    """One sentence of a dek's length, set as the paragraphs after it, which are longer and of several sentences."""
    prose = [b for b in body if not b.heading and b is not block]
    words = len(block.text.split())
    if not prose or _style(block)[:2] != _style(prose[0])[:2] or not 8 <= words <= 38 or _SENTENCES.search(block.text):
        return False
    rest = prose[:6]
    longer = sum(len(b.text.split()) > 1.25 * words and bool(_SENTENCES.search(b.text)) for b in rest)
    return block.index < prose[0].index and len(rest) >= 3 and longer >= len(rest) - 1
