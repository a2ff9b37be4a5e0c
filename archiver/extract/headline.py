"""Title, dek and section label: what stands at the head of a story, and what the page's data says of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from archiver.extract.blocks import CLUTTER, Block, Blocks, Region
from archiver.extract.dates import read_date
from archiver.extract.structured import Structured, texts_of, types_of
from archiver.text import find_dateline, fold_text, normalize_text, strip_arrows
from archiver.urls import registered_domain

_SEPARATOR: Final = re.compile(r"\s+[|\-–—•·»›:/~]+\s+|\s*[|｜»]\s*|(?<=\S):\s+|\s+::\s+")
_MORE_IN: Final = re.compile(
    r"^(?:more\s+(?:in|from)|all\s+(?:stories\s+)?in|back\s+to|mehr\s+(?:aus|in)|plus\s+(?:de|dans)|más\s+en|mais\s+em)\s+(?P<label>[^→»›!?.]{2,40})$",
    re.IGNORECASE,
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


@dataclass(frozen=True, slots=True)
class Choice:
    """A column's value and the rule that found it."""

    text: str
    rule: str
    block: Block | None = None


def site_names(data: Structured, url: str) -> list[str]:
    """Return what the page calls its own site: og:site_name, the publisher, the host."""
    names = [data.first_meta("og:site_name", "application-name", "apple-mobile-web-app-title", "al:ios:app_name") or ""]
    for node in data.of_type("WebSite", "NewsMediaOrganization")[:3]:
        names += texts_of(node.get("name"))[:1]
    article = data.article()
    if article:
        names += texts_of(article.get("publisher"))[:1]
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    domain = registered_domain(url)
    names += [host, domain, domain.split(".")[0]]
    return [name for name in dict.fromkeys(map(normalize_text, names)) if len(name) > 1]


def find_title(page: Blocks, data: Structured, title_tag: str, names: list[str]) -> Choice | None:
    """Find the headline as the page shows it: the h1 on which the page's data agrees; else what most of the data says."""
    said = _said_titles(data, title_tag, names)
    shown = [
        b
        for b in page.blocks
        if b.heading == 1
        and not b.region & (Region.NAV | Region.FOOTER | Region.DIALOG | Region.COMMENT)
        and len(b.text) < 500
    ]
    shown = [b for b in shown if fold_text(b.text) not in {fold_text(n) for n in names}] or shown
    best: tuple[float, Block] | None = None
    for candidate in shown:
        score = _agreement(candidate.text, [text for _, text in said])
        score += 0.1 * (not candidate.region & (Region.HIDDEN | Region.ASIDE)) + 0.05 * (candidate is shown[0])
        if best is None or score > best[0]:
            best = (score, candidate)
    agreed = _agreed_headline(data, said)
    if best and agreed and fold_text(agreed) != fold_text(best[1].text):
        return Choice(agreed, "json-ld+og:title", best[1])
    if best and (best[0] > 0.5 or not said):
        return _trim_label(best[1], said, names)
    if said:
        by_count: dict[str, list[tuple[str, str]]] = {}
        for rule, text in said:
            by_count.setdefault(fold_text(text), []).append((rule, text))
        rule, text = max(by_count.values(), key=len)[0]
        block = _shown_as(page, text)
        if best and block is None and len(set(fold_text(best[1].text).split())) >= 4:
            return Choice(best[1].text, "h1", best[1])
        return Choice(block.text if block else text, rule, block)
    first = next((b for b in page.blocks if b.heading in (2, 3) and not b.region & CLUTTER and len(b.text) > 15), None)
    return Choice(first.text, "heading", first) if first else None


def _agreed_headline(data: Structured, said: list[tuple[str, str]]) -> str | None:
    """The headline on which a news article's JSON-LD and Open Graph agree: editors write both.

    On news pages it was right wherever it differed from the h1 (8 of 8); on other pages, where marketers write both, it was
    wrong in 9 of 12.
    """
    news = any(kind.endswith("NewsArticle") for kind in types_of(data.article() or {}))
    texts = dict(reversed(said))
    headline, shared = texts.get("json-ld"), texts.get("og:title")
    return headline if news and headline and shared and fold_text(headline) == fold_text(shared) else None


def _said_titles(data: Structured, title_tag: str, names: list[str]) -> list[tuple[str, str]]:
    article = data.article() or {}
    raw = [("json-ld", text) for text in texts_of(article.get("headline"))[:1] or texts_of(article.get("name"))[:1]]
    for rule in ("og:title", "twitter:title", "dc.title", "parsely-title", "sailthru.title"):
        value = data.first_meta(rule)
        if value:
            raw.append((rule, value))
    if title_tag:
        raw.append(("title", title_tag))
    said = [(rule, strip_site_name(normalize_text(text), names)) for rule, text in raw]
    return [
        (rule, text) for rule, text in said if len(text) > 2 and fold_text(text) not in {fold_text(n) for n in names}
    ]


def strip_site_name(title: str, names: Iterable[str]) -> str:
    """Drop the site's name from an end of a title.

    >>> strip_site_name("Levy passes | Policy - The Harbor Ledger", ["Harbor Ledger"])
    'Levy passes | Policy'
    """
    folded = [fold_text(name).removeprefix("the ") for name in names]
    for _ in range(2):
        parts = list(_SEPARATOR.finditer(title))
        if not parts:
            break
        head, tail = title[: parts[0].start()], title[parts[-1].end() :]
        if fold_text(tail).removeprefix("the ") in folded:
            title = title[: parts[-1].start()]
        elif fold_text(head).removeprefix("the ") in folded:
            title = title[parts[0].end() :]
        else:
            break
    return title.strip()


def _agreement(shown: str, said: list[str]) -> float:
    """How far the page's data agrees with a headline: 1 for each that is the same or holds it, less for a rewording."""
    folded = fold_text(shown)
    words = set(folded.split())
    total = 0.0
    for text in said:
        other = fold_text(text)
        if not other or not folded:
            continue
        if other == folded:
            total += 1.0
        elif (f" {folded} " in f" {other} " and len(folded) > 10) or (
            f" {other} " in f" {folded} " and len(other) > 10
        ):
            shorter, longer = sorted((len(folded), len(other)))
            total += 0.9 if shorter > 0.4 * longer else 0.2
        else:
            theirs = set(other.split())
            shared = len(words & theirs) / max(1, min(len(words), len(theirs)))
            total += 0.7 * shared if shared >= 0.4 else 0.0
    return total


def _trim_label(block: Block, said: list[tuple[str, str]], names: list[str]) -> Choice:
    """The headline less a label inside it, where the page's data knows it without."""
    text = strip_site_name(block.text, names)
    folded = fold_text(text)
    for rule, other in said:
        theirs = fold_text(other)
        if theirs == folded:
            return Choice(text, "h1", block)
        if (
            rule in ("json-ld", "og:title")
            and folded.endswith(" " + theirs)
            and 15 < len(theirs) < len(folded) < len(theirs) + 40
        ):
            start = _find_folded(text, theirs)
            if start is not None:
                return Choice(text[start:], "h1", block)
    return Choice(text, "h1", block)


def _find_folded(text: str, folded: str) -> int | None:
    for match in re.finditer(r"(?<!\w)\w|[“\"‘'«]", text):
        if fold_text(text[match.start() :]) == folded:
            return match.start()
    return None


def _shown_as(page: Blocks, text: str) -> Block | None:
    """The block that shows a title which is no h1: a styled heading or div."""
    folded = fold_text(text)
    if len(folded) < 8:
        return None
    same = [
        b
        for b in page.blocks
        if len(b.text) < len(text) + 40 and fold_text(b.text) == folded and not b.region & (Region.NAV | Region.FOOTER)
    ]
    return min(same, key=lambda b: (not b.heading, b.link_density > 0.5, b.index)) if same else None


def find_section(
    page: Blocks, data: Structured, url: str, title: Choice | None, names: list[str]
) -> tuple[Choice | None, Block | None]:
    """Find the section label, and the block that prints it over the title, if any.

    Structured data goes first, then the breadcrumb, the label over the title, `More in SECTION →`, the address.
    """
    over = _label_over_title(page, title, names)
    known = {fold_text(n) for n in names} | ({fold_text(title.text)} if title else set())
    for choice in (*_said_sections(data), *_breadcrumb(page, data, title, known)):
        text = normalize_text(choice.text)
        if 1 < len(text) <= 60 and fold_text(text) not in known and not _NO_LABEL.match(text):
            return Choice(text, choice.rule), over
    if over is not None:
        label = _last_crumb(over.text, title)
        if label:
            return Choice(label, "label", over), over
    more = next((_MORE_IN.match(strip_arrows(b.text)) for b in reversed(page.blocks) if is_more_in(b)), None)
    if more and fold_text(more["label"]) not in known:
        return Choice(more["label"].strip(), "more-in"), None
    segment = _section_in_url(url)
    return (Choice(segment, "url") if segment else None), None


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
    return bool(block.links) and len(block.text) < 80 and bool(_MORE_IN.match(strip_arrows(block.text)))


def is_byline(text: str) -> bool:
    """Tell whether a short line names the writer.

    >>> is_byline("By Ann Lee | 3 May 2026"), is_byline("By the time it passed, all had left."), is_byline("Von Jan Ott")
    (True, False, True)
    """
    return len(text) < 160 and bool(_BYLINE.match(text)) and not re.search(r"[.!?]\s+\S+\s+\S+\s+\S+", text)


_SENTENCES: Final = re.compile(r"[.!?]['\"”’)]*\s+(?=[\"'“‘(A-ZÀ-Þ])")


def find_dek(
    page: Blocks, data: Structured, title: Choice | None, body: list[Block], claimed: set[int]
) -> Choice | None:
    """Find the summary line under the title.

    Shown and said by the page's data, or shown apart from the body (another element, another class, parted by byline or
    date), or one sentence before paragraphs of several; else a description that is not the body's own beginning.
    """
    said = _said_deks(data) if _describes_this_page(data, title) else []
    opening = fold_text(" ".join(b.text for b in body[:4]))[:1500]
    title_folded = fold_text(title.text) if title else ""
    under = _blocks_under_title(page, title, body, claimed)
    for block in under:
        folded = fold_text(block.text)
        for rule, text in said:
            theirs = fold_text(text.rstrip("…. "))
            if (
                theirs
                and (
                    folded == theirs
                    or (len(theirs) > 60 and folded.startswith(theirs) and len(folded) < 1.6 * len(theirs) + 20)
                )
                and (_is_set_apart(block, body, page) or (folded == theirs and _reads_as_dek(block, body)))
            ):
                return Choice(block.text, f"shown+{rule}", block)
    for block in under:
        if (
            5 <= len(block.text.split()) <= 75
            and (_is_set_apart(block, body, page) or (not said and _reads_as_dek(block, body)))
            and fold_text(block.text) != title_folded
        ):
            return Choice(block.text, "shown", block)
    for rule, text in said:
        folded = fold_text(text.rstrip("…. "))
        if len(folded) < 15 or folded == title_folded or title_folded.startswith(folded):
            continue
        if (text.rstrip().endswith(("…", "...")) and folded[:60] in opening) or folded[:80] in opening[:1500]:
            continue
        return Choice(text, rule)
    return None


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
        and not is_byline(b.text) and not (len(b.text) < 60 and read_date(b.text)) and b.tag not in ("button", "label", "li")
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
    together = len({id(b.node.parent) for b in prose[:8]}) == 1
    return (style not in rest and not loose) or (together and block.node.parent is not first.node.parent)


def _only_one(block: Block, page: Blocks, first: Block) -> bool:
    """A heading under the headline is a dek if it is the only one before the text and says a sentence."""
    between = [b for b in page.blocks[block.index + 1 : first.index] if b.heading and not b.region & CLUTTER]
    return not between and (block.text.endswith((".", "!", "?", "…", "”", '"')) or len(block.text.split()) >= 9)


def _style(block: Block) -> tuple[str, str, str]:
    """How a block is set: its element and class, and its container's."""
    node, parent = block.node, block.node.parent
    around = f"{parent.tag} {parent.element.get('class') or ''}" if parent else ""
    own = (node.element.get("class"), node.element.get("style"), block.is_bold, block.is_italic)
    return node.tag, repr(own), around


def _reads_as_dek(block: Block, body: list[Block]) -> bool:
    """One sentence of a dek's length, set as the paragraphs after it, which are longer and of several sentences."""
    prose = [b for b in body if not b.heading and b is not block]
    words = len(block.text.split())
    if not prose or _style(block)[:2] != _style(prose[0])[:2] or not 8 <= words <= 38 or _SENTENCES.search(block.text):
        return False
    rest = prose[:6]
    longer = sum(len(b.text.split()) > 1.25 * words and bool(_SENTENCES.search(b.text)) for b in rest)
    return block.index < prose[0].index and len(rest) >= 3 and longer >= len(rest) - 1
