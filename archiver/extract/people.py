"""Who wrote it: names alone, people told from organisations as far as the page tells them apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, Final

from archiver.extract.blocks import CLUTTER, Block, Blocks, Region, short_text
from archiver.extract.dates import read_date
from archiver.extract.structured import Structured, texts_of, types_of
from archiver.extract.trace import Trace
from archiver.text import fold_text, normalize_text

_BY: Final = re.compile(
    r"^(?:(?:written|posted|reported|story|words|text|report|analysis|opinion|guest\s+post|reviewed|medically\s+reviewed|published|edited|updated)?\s*by|von|par|por|di|da|door|av|af|od|autor(?:en|a|es|in)?|authors?|text|reporter)\s*:?\s+",
    re.IGNORECASE,
)
_BYLINE: Final = re.compile(
    r"""(?:^(?i:(?:(?:written|posted|reported|published|story|words|text)\s+)?by|von|par|por|di|door|av|af|autor(?:en|a|es)?)
        |(?<=\d\s)[Bb]y|(?<=[·•|–-]\s)[Bb]y|(?<=\d)\s?[Bb]y|(?<=,\s)by)
        (?:\s*:\s*|\s+)(?P<names>[^\W\d_a-zà-ÿ][^|•·\n]{2,100})""",
    re.VERBOSE,
)
"""`By NAME` at the beginning of a line or, in English, after its date."""
_CUT: Final = re.compile(
    r"""\s*(?:[|•·(\[]|\s[-–—]\s|\s-|-\s|,?\s+(?i:on|am|le|el|updated|published|posted|in|reading|last)\b|,?\s*\d
        |(?<=[a-z])(?=[A-Z][a-z]+\s\d)|\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tues?|Wed|Thur?s?|Fri|Sat|Sun)[a-z]*\.?,?\s+\d)""",
    re.VERBOSE,
)
_CALLED_AUTHOR: Final = re.compile(
    r"(?:^|[\s_-])(?:(?:p-)?authors?|by-?line|writers?|written-?by|creator|contributors?)(?:$|[\s_-])|author(?:-?name)?\b",
    re.IGNORECASE,
)
_NAME: Final = re.compile(
    r"(?:(?:Dr|Prof|Mr|Mrs|Ms)\.?\s+)?[^\W\d_a-zà-ÿ][\w.'’-]*(?:\s+(?:(?:de|van|von|der|den|del|da|di|bin|al|el|la|le|and|&)|[^\W\d_a-zà-ÿ][\w.'’-]*)){1,5}"
)
_SPLIT: Final = re.compile(
    r"\s*(?:;|\s\|\s|\s/\s|\s&\s|\s\+\s|,?\s+(?:and|und|et|y|e|och|og|en|ja|i|и|with)\s+|\s•\s|\s·\s|、|\n)\s*"
)
_CREDENTIAL: Final = re.compile(
    r"(?:Ph\.?\s?D\.?|M\.?D\.?|M\.?P\.?H\.?|M\.?A\.?|B\.?A\.?|M\.?S\.?(?:c\.?)?|B\.?S\.?(?:c\.?)?|J\.?D\.?|LL\.?[BM]\.?|R\.?N\.?|R\.?D\.?(?:N\.?)?|C\.?P\.?A\.?|C\.?F\.?A\.?|C\.?F\.?P\.?|M\.?B\.?A\.?|Esq\.?|[JS]r\.?|I{2,3}|D\.?O\.?|D\.?D\.?S\.?|D\.?V\.?M\.?|P\.?E\.?|[A-Z]{2,6}(?:-[A-Z]{1,3})?)"
)
_ROLE: Final = re.compile(
    r"\b(?:reporters?|correspondents?|editors?|writers?|staff|columnist|contributors?|journalist|producer|analyst|chief|bureau|senior|redakteur(?:in)?|redaktion|journaliste?|updated|published|min(?:ute)?s?\s+read|ago|am|pm|professor|lecturer|director|fellow|university|news\s?desk|photographer|freelance)\b",
    re.IGNORECASE,
)
_NOT_A_NAME: Final = re.compile(
    r"\b(?:share|e-?mail|tweet|follow|subscribe|print)\b|^(?:image|photo|picture|foto|video)s?\s*[:/]|\bgetty\b|https?:|www\.|@|^\W*$|^(?:admin(?:istrator)?|editor|editorial|staff|guest|author|unknown|anonymous|user|root|webmaster|none|null|undefined|n/?a|redaktion|redaction|la\s+rédaction|redacción|share|comments?|facebook|twitter|by|news|updated.*)$",
    re.IGNORECASE,
)
_ORGANIZATION_TYPES: Final = frozenset(("Organization", "NewsMediaOrganization", "Corporation", "WebSite"))
_HANDLE: Final = re.compile(r"[^\W\d_]*[a-zà-ÿ][A-Z]\w*|\w+[._]\w[\w.]*|[a-z]+\d+")
"""An account's name where a person's should be: `AnnL`, `ann.lee`, `alee2`."""
_AUTHOR_PATH: Final = re.compile(
    r"/(?:authors?|autor(?:en|es)?|auteurs?|autori|people|staff|team|contributors?|writers?|reporters?|journalists?)/[^/]",
    re.IGNORECASE,
)
_CALLED_NAME: Final = re.compile(r"(?:author|creator|byline|writer)[-_]*name", re.IGNORECASE)
_CREDIT: Final = re.compile(
    r"^(?i:(?:this\s+(?:post|article|story|piece)\s+was\s+)?(?:posted|written)\s+by)\s+(?P<names>[^\W\d_a-zà-ÿ][^,:;|]{1,60})"
)
_LABEL: Final = re.compile(
    r"(?:(?:written|posted|published|reported)\s+)?by\s?:?|(?:authors?|autor(?:en|a|es)?|auteurs?|autori|von|par|por|di)\s?:?",
    re.IGNORECASE,
)
_BESIDE_DATE: Final = re.compile(r"\s*[|·•]\s*|,\s+(?:le|am|el)\s")
_NO_NAME_BESIDE_DATE: Final = re.compile(
    r"""\b(?:by|on|le|publi\w+|posted|written|press|releases?|news|blogs?|posts?|reports?|study|opinion|brief(?:s|ing)?|reviews?
        |analysis|guides?|story|stories|features?|interviews?|edition|issue|podcast|read|words|comments?|views)\b""",
    re.VERBOSE | re.IGNORECASE,
)
"""What a line with a date says besides: labels of the story's kind."""
_NOT_NEAR: Final = Region.NAV | Region.FOOTER
_ITSELF: Final = 0.01
_ITS_HOST: Final = 0.001
_AN_ACCOUNT: Final = 0.6
"""What is left of a rule's weight where all that it finds is the site's own name, its host, or an account's name (which
gives way to a byline)."""


def find_authors(
    page: Blocks,
    data: Structured,
    names: list[str],
    title_index: int,
    body_index: int,
    trace: Trace | None = None,
    section: str = "",
) -> tuple[list[str], str | None]:
    """Find the authors and the rule that found them: structured data, then meta, then markup, then the byline.

    An organisation that the data names gives way to a person whom the page shows. The heaviest rule that finds somebody
    wins; the rest are tried only where they could still outweigh it, or where `trace` wants to know.
    """
    persons, organizations = _said_authors(data)
    first, last = max(0, title_index - 8), max(body_index + 3, title_index + 12)
    near = [b for b in page.blocks[first:last] if len(b.text) < 160 and not b.region & (_NOT_NEAR | Region.FIGURE)]
    own = {fold_text(n) for n in names}
    rules: tuple[tuple[float, str, str, Callable[[], list[str]]], ...] = (
        (10, "byline", "names those whom the JSON-LD names, and more", lambda: _fuller_byline(near, persons, names)),
        (9, "json-ld", "the article's author", lambda: persons),
        (8, "meta", "the page's meta data", lambda: _meta_authors(data)),
        (
            7,
            "markup",
            "marked as author near the title",
            lambda: _marked_authors(page, title_index - 6, body_index + 3),
        ),
        (6, "byline", "`By` and a name near the title", lambda: _bylines(near)),
        (5.5, "byline", "`Author` in a block of its own, before a name", lambda: _labelled_names(near)),
        (5, "author link", "links to an author's page near the title", lambda: _author_links(near)),
        (4, "markup", "called the author by its class", lambda: _named_author_blocks(near, title_index, own)),
        (3, "name line", "a line under the title that is but a name", lambda: _name_lines(page, title_index)),
        (2, "credit", "the one `Written by` of the page", lambda: _credits(page, title_index)),
        (1.5, "markup", "the one marked as author on the page", lambda: _sole_mark(page)),
        (1, "json-ld", "an organisation as the article's author", lambda: organizations),
        (
            0.9,
            "date line",
            "stands beside the date",
            lambda: _dated_names(page, title_index, body_index, {*own, fold_text(section)}),
        ),
    )
    best: tuple[float, list[str], str | None] = (0, [], None)
    notes: list[tuple[list[str], str, float, str]] = []
    for weight, rule, why, find in rules:
        if best[0] >= weight and trace is None:
            break
        people = clean_authors(find(), names)
        if not people:
            continue
        score, less = _weigh(people, own)
        notes.append((people, rule, weight * score, f"{why}{less}"))
        if weight * score > best[0]:
            best = (weight * score, people, rule)
    if trace is not None:
        for people, rule, total, why in notes:
            trace.note("authors", ", ".join(people), rule, total, why, won=people is best[1])
    return best[1], best[2]


def _weigh(people: list[str], own: set[str]) -> tuple[float, str]:
    """What is left of a rule's weight, and why."""
    others = [p for p in people if fold_text(p) not in own]
    if not others:
        return (_ITS_HOST, "; the site's host") if all(map(_is_domain, people)) else (_ITSELF, "; the site itself")
    if all(map(_is_domain, others)):
        return _ITS_HOST, "; a host"
    if all(_HANDLE.fullmatch(p) for p in others):
        return _AN_ACCOUNT, "; an account's name"
    return 1, ""


def _is_domain(name: str) -> bool:
    return re.fullmatch(r"[\w-]+(?:\.[a-z]{2,})+", name, re.IGNORECASE) is not None


def _said_authors(data: Structured) -> tuple[list[str], list[str]]:
    """The people and the organisations that structured data names as authors.

    Organisations beside people count with them, in order: an agency whose report it is.
    """
    article = data.article()
    if article is None:
        return [], []
    by_id = {node.get("@id"): node for node in data.nodes if isinstance(node.get("@id"), str) and node.get("name")}
    persons: list[str] = []
    others: list[str] = []
    together: list[str] = []
    for key in ("author", "creator"):
        value: Any = article.get(key)
        for each in value if isinstance(value, list) else [value]:
            reference = each.get("@id") if isinstance(each, dict) and not each.get("name") else None
            each = by_id.get(reference, each) if isinstance(reference, str) else each
            found = texts_of(each)
            together += found
            if isinstance(each, dict) and types_of(each) & _ORGANIZATION_TYPES:
                others += found
            else:
                persons += found
        if persons or others:
            break
    return (together, []) if persons and others else (persons, others)


def _meta_authors(data: Structured) -> list[str]:
    for name in (
        "author",
        "article:author",
        "dc.creator",
        "dcterms.creator",
        "parsely-author",
        "sailthru.author",
        "byl",
        "citation_author",
        "og:article:author",
        "dc.creator.author",
        "authors",
    ):
        values = [v for v in data.meta.get(name, []) if v.strip() and "://" not in v and not v.startswith("/")]
        if values:
            return values
    return []


def _marked_authors(page: Blocks, first: int, last: int) -> list[str]:
    found: list[str] = []
    for mark in page.authors:
        if first <= mark.block <= last:
            text = normalize_text(short_text(mark.element))
            if 3 < len(text) < 80:
                found.append(text)
    return found


def _bylines(near: list[Block]) -> list[str]:
    """The name after `By`, at the beginning of a short line or after its date."""
    for block in near:
        match = None if block.heading or block.text.endswith((".", "?", "!")) else _BYLINE.search(block.text)
        if match:
            return [_CUT.split(match["names"])[0]]
    return []


def _labelled_names(near: list[Block]) -> list[str]:
    """The name in the block after one that says but `Author` or `By`."""
    for block, following in pairwise(near):
        if following.index == block.index + 1 and _LABEL.fullmatch(block.text) and _NAME.fullmatch(following.text):
            return [following.text]
    return []


def _fuller_byline(near: list[Block], persons: list[str], site_names: list[str]) -> list[str]:
    """The byline where it names all whom the data names, and more."""
    said = [fold_text(p) for p in clean_authors(persons, site_names)]
    shown = clean_authors(_bylines(near), site_names) if said else []
    folded = [fold_text(p) for p in shown]
    fuller = len(shown) > len(said) and all(any(f.endswith(s) for f in folded) for s in said)
    return shown if fuller and all(" " in name for name in shown) else []


def _author_links(near: list[Block]) -> list[str]:
    """Names that link to an author's page, in the first line that has one."""
    for block in near:
        found = [a.text for a in block.links if _AUTHOR_PATH.search(a.href) and _NAME.fullmatch(a.text)]
        if found:
            return found
    return []


def _credits(page: Blocks, title_index: int) -> list[str]:
    """Who is named after `Posted by` or `Written by` further down, where it is one alone: comments name many."""
    found: dict[str, str] = {}
    for block in page.blocks[title_index + 1 :]:
        match = _CREDIT.match(block.text) if block.text[:1] in "PpWwTt" and len(block.text) < 300 else None
        if match and not block.region & Region.COMMENT:
            name = re.split(r"\s+(?:on|at|in)\s", match["names"])[0]
            found.setdefault(fold_text(name), name)
    return list(found.values()) if len(found) == 1 else []


def _sole_mark(page: Blocks) -> list[str]:
    """Whom the page marks as author wherever it does: one name, and not in the site's footer."""
    found = {fold_text(t): t for t in _marked_authors(page, 0, len(page.blocks)) if _NAME.fullmatch(t)}
    regions = {page.blocks[m.block].region for m in page.authors if m.block < len(page.blocks)}
    elsewhere = any(region & _NOT_NEAR and not region & Region.ARTICLE for region in regions)
    return list(found.values()) if len(found) == 1 and not elsewhere else []


def _named_author_blocks(near: list[Block], title_index: int, own: set[str]) -> list[str]:
    """A short block that its class or its container's calls the author, and reads as a name."""
    itself: list[str] = []
    for block in sorted(near, key=lambda b: (b.index < title_index, b.index)):
        text = _CUT.split(block.lines[0], maxsplit=1)[0].strip()
        if len(block.links) > 2 or len(text) > 59:
            continue
        node = block.node
        called = " ".join(
            f"{n.element.get('class') or ''} {n.element.get('id') or ''} {n.element.get('itemprop') or ''}"
            for n in (node, node.parent)
            if n is not None
        )
        if _CALLED_AUTHOR.search(called):
            alone = _BY.sub("", text)
            one_word = alone[:1].isupper() and alone.isalpha() and _CALLED_NAME.search(node.element.get("class") or "")
            if fold_text(alone) in own:
                itself = itself or [text]
            elif one_word or _NAME.fullmatch(alone):
                return [text]
    return itself


def _name_lines(page: Blocks, title_index: int) -> list[str]:
    """A line under the headline that is but a name, beside a date line or named again further down."""
    blocks = page.blocks
    for block in blocks[title_index + 1 : title_index + 5]:
        text = block.text
        if (
            block.heading in (1, 2)
            or block.region & Region.NAV
            or not 2 <= len(text.split()) <= 4
            or not _NAME.fullmatch(text)
        ):
            continue
        beside = blocks[max(0, block.index - 1) : block.index + 2]
        dated = any(b is not block and len(b.text) < 60 and read_date(b.text) for b in beside)
        again = any(b.text.startswith(text) and len(b.text) < 400 for b in blocks[block.index + 4 :])
        if dated or again:
            return [text]
    return []


def _dated_names(page: Blocks, title_index: int, body_index: int, own: set[str]) -> list[str]:
    """The one name in a line under the headline that has a date, and what goes with it: `Ann Lee · 5 March 2026 · 3 min`.

    Signs set them apart, for a comma or a dash parts a place from its date.
    """
    for block in page.blocks[title_index + 1 : min(body_index + 1, title_index + 9)]:
        reading = read_date(block.text) if len(block.text) < 120 and not block.region & CLUTTER else None
        if reading is None:
            continue
        line = block.text.strip()
        parts = _BESIDE_DATE.split(f"{line[: reading.start]}\0{line[reading.end :]}")
        linked = {a.text for a in block.links if not _AUTHOR_PATH.search(a.href)}
        found = [p for p in parts if p not in linked and fold_text(p) not in own and _is_name_beside_date(p)]
        if len(found) == 1:
            return found
    return []


def _is_name_beside_date(text: str) -> bool:
    return (
        2 <= len(text.split()) <= 4
        and _NAME.fullmatch(text) is not None
        and not text.isupper()
        and not _ROLE.search(text)
        and not _NO_NAME_BESIDE_DATE.search(text)
    )


def clean_authors(candidates: Iterable[str], site_names: Iterable[str] = ()) -> list[str]:
    """Return names alone: lists split, `By`, roles, credentials and contact data cut off, the site's own name only where no
    one else is named.

    >>> clean_authors(["By Ann Lee, MD, and Jan Ott | Staff Writer"])
    ['Ann Lee', 'Jan Ott']
    """
    own = {fold_text(n) for n in site_names}
    people: dict[str, str] = {}
    organizations: dict[str, str] = {}
    for candidate in candidates:
        text = _BY.sub("", normalize_text(candidate))
        if fold_text(text) in own:  # whole, for it may hold an `&`
            organizations.setdefault(fold_text(text), text)
            continue
        if lines := [line for line in re.split(r"\s\|\s", text) if fold_text(line) not in own]:
            text = " | ".join(lines)  # without whom `NAME | WIRE` writes for
        for part in _SPLIT.split(text):
            parts = _split_commas(part)
            if fold_text(parts[0] if parts else "") in own and not any(" " in p for p in parts[1:]):
                parts = parts[:1]  # the rest is where it has its seat
            for position, name in enumerate(parts):
                name = _BY.sub("", name).strip(' ,.;:|-–—•·()[]"“”')
                name = re.split(r"\s[-–—]\s", name)[0]
                name = re.sub(r"\s*[(\[][^)\]]{0,60}[)\]]?$", "", name)
                name = re.sub(r"^(?:Mr|Mrs|Ms)\.?\s+(?=\S+\s+\S)", "", name)
                if not 2 < len(name) <= 60 or _NOT_A_NAME.search(name) or (position and _CREDENTIAL.fullmatch(name)):
                    continue
                if (position and _ROLE.search(name)) or re.search(r"(?<![^\W\d_])\d{2}", name) or len(name.split()) > 6:
                    continue
                if len(candidate) > 40 and _ROLE.search(name) and people:
                    continue
                folded = fold_text(name)
                itself = folded in own or (position and any(folded.startswith(n + " ") for n in own))
                (organizations if itself else people).setdefault(folded, name)
    return list(people.values()) or list(organizations.values())


def _split_commas(text: str) -> list[str]:
    """Parts of a comma list; `Lee, Ann` is one name the other way round only where that is all there is."""
    return [part for part in re.split(r"\s*,\s*", text) if part]
