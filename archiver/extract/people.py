"""Who wrote it: names alone, people told from organisations as far as the page tells them apart."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from archiver.extract.blocks import Block, Blocks, Region, short_text
from archiver.extract.dates import read_date
from archiver.extract.structured import Structured, texts_of, types_of
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
        |(?<=[a-z])(?=[A-Z][a-z]+\s\d)|\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tues?|Wed|Thur?s?|Fri|Sat|Sun)[a-z]*\.?\s+\d)""",
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
_ORGANIZATION_TYPES: Final = frozenset(("Organization", "NewsMediaOrganization", "Corporation"))


def find_authors(
    page: Blocks, data: Structured, names: list[str], title_index: int, body_index: int
) -> tuple[list[str], str | None]:
    """Find the authors and the rule that found them: structured data, then meta, then markup, then the byline.

    An organisation that the data names gives way to a person whom the page shows.
    """
    persons, organizations = _said_authors(data)
    first, last = max(0, title_index - 8), max(body_index + 3, title_index + 12)
    near = [
        b
        for b in page.blocks[first:last]
        if len(b.text) < 160 and not b.region & (Region.NAV | Region.FOOTER | Region.FIGURE)
    ]
    meta = _meta_authors(data)
    own = {fold_text(n) for n in names}
    fallback: tuple[list[str], str | None] = ([], None)
    for rule, candidates in (
        ("json-ld", persons),
        ("meta", meta),
        ("markup", _marked_authors(page, title_index, body_index)),
        ("byline", _bylines(near)),
        ("markup", _named_author_blocks(near, title_index)),
        ("name line", _name_lines(page, title_index)),
        ("json-ld", organizations),
    ):
        people = clean_authors(candidates, names)
        if not people:
            continue
        if any(fold_text(p) not in own and not _is_domain(p) for p in people):
            return people, rule
        fallback = fallback if fallback[0] else (people, rule)
    return fallback


def _is_domain(name: str) -> bool:
    return re.fullmatch(r"[\w-]+(?:\.[a-z]{2,})+", name, re.IGNORECASE) is not None


def _said_authors(data: Structured) -> tuple[list[str], list[str]]:
    """The people and the organisations that structured data names as authors."""
    article = data.article()
    if article is None:
        return [], []
    by_id = {node.get("@id"): node for node in data.nodes if isinstance(node.get("@id"), str) and node.get("name")}
    persons: list[str] = []
    others: list[str] = []
    for key in ("author", "creator"):
        value: Any = article.get(key)
        for each in value if isinstance(value, list) else [value]:
            reference = each.get("@id") if isinstance(each, dict) and not each.get("name") else None
            each = by_id.get(reference, each) if isinstance(reference, str) else each
            found = texts_of(each)
            if isinstance(each, dict) and types_of(each) & _ORGANIZATION_TYPES:
                others += found
            else:
                persons += found
        if persons or others:
            break
    return persons, others


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


def _marked_authors(page: Blocks, title_index: int, body_index: int) -> list[str]:
    found: list[str] = []
    for mark in page.authors:
        if title_index - 6 <= mark.block <= body_index + 3:
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


def _named_author_blocks(near: list[Block], title_index: int) -> list[str]:
    """A short block that its class or its container's calls the author, and reads as a name."""
    for block in sorted(near, key=lambda b: (b.index < title_index, b.index)):
        node = block.node
        called = " ".join(
            f"{n.element.get('class') or ''} {n.element.get('id') or ''} {n.element.get('itemprop') or ''}"
            for n in (node, node.parent)
            if n is not None
        )
        text = _CUT.split(block.lines[0])[0].strip()
        if (
            len(block.links) < 3
            and _CALLED_AUTHOR.search(called)
            and len(text) < 60
            and _NAME.fullmatch(_BY.sub("", text))
        ):
            return [text]
    return []


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
        for part in _SPLIT.split(text):
            len(part.split(",")[0].split())
            for position, name in enumerate(_split_commas(part)):
                name = _BY.sub("", name).strip(' ,.;:|-–—•·()[]"“”')
                name = re.split(r"\s[-–—]\s", name)[0]
                name = re.sub(r"\s*[(\[][^)\]]{0,60}[)\]]?$", "", name)
                name = re.sub(r"^(?:Mr|Mrs|Ms)\.?\s+(?=\S+\s+\S)", "", name)
                if not 2 < len(name) <= 60 or _NOT_A_NAME.search(name) or (position and _CREDENTIAL.fullmatch(name)):
                    continue
                if (position and _ROLE.search(name)) or re.search(r"\d{2}", name) or len(name.split()) > 6:
                    continue
                if len(candidate) > 40 and _ROLE.search(name) and people:
                    continue
                shelf = organizations if fold_text(name) in own else people
                shelf.setdefault(fold_text(name), name)
    return list(people.values()) or list(organizations.values())


def _split_commas(text: str) -> list[str]:
    """Parts of a comma list; `Lee, Ann` is one name the other way round only where that is all there is."""
    return [part for part in re.split(r"\s*,\s*", text) if part]
