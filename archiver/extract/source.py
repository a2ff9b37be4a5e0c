"""Whom the page credits: the line, link, label or datum that names the publisher of the source story."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from archiver.extract.blocks import CLUTTER, Anchor, Block, Blocks, Region
from archiver.extract.credit_words import is_plain, may_credit, says_credit, split_credit
from archiver.extract.source_list import find_source_lists
from archiver.extract.structured import Structured, texts_of, urls_of
from archiver.extract.trace import Trace
from archiver.text import find_dateline, fold_text, is_publisher_name, normalize_text, split_tail_credit, strip_arrows
from archiver.urls import join_url, registered_domain

_CONTINUE: Final = re.compile(
    r"^\W{0,20}continue\s+reading(?:\s+(?:this\s+(?:story|article)))?(?:\s+(?:at|on|in|via|from)\s+(?P<name>.{2,60}?))?[^\w.]*$",
    re.IGNORECASE,
)
_ORIGINAL: Final = re.compile(
    r"""^\W{0,20}(?:
      (?:read|see|view|visit|find|get)\s+(?:the\s+)?(?:rest\s+of\s+(?:the|this)\s+)?(?:full|original|source|complete|entire|whole)\s*(?:story|article|report|post|piece|text|version|coverage|source|news|here)?(?:\s+here)?(?:\s*(?:,|at|on|in|from|via|by|:|–|—|-)\s*(?P<name>.{2,80}?))?
    | (?:read|see|view)\s+(?:more|it|this|the\s+(?:story|article|rest))?\s*(?:at|on)\s+(?P<name2>.{2,60}?)
    | (?:click\s+here|tap)\s+to\s+(?:read|view|see)\s+(?:the\s+)?(?:full|original|source)\s*(?:story|article|report|post)?
      (?:\s+(?:at|on|from)\s+(?P<name3>.{2,60}?))?
    | (?:original|source)\s+(?:source|article|story|link|post|report|publication)(?:\s*(?:at|on|:)\s*(?P<name4>.{2,80}?))?
    | (?:link\s+to\s+)?(?:the\s+)?original(?:\s+(?:article|story|post|source))?
    | (?:original(?:artikel|text|beitrag|meldung)|quellartikel|ganzen\s+artikel|zum\s+original)
      (?:\s+(?:lesen|ansehen|bei|auf))*(?:\s*:?\s*(?P<name5>.{2,120}?))?
    | (?:lire|voir|consulter)\s+(?:l['’]article|la\s+source)\s*(?:original|complet|d['’]origine)?(?:\s+sur\s+(?P<name6>.{2,60}?))?
    | (?:leer|ver)\s+(?:el\s+|la\s+)?(?:artículo|nota|noticia|original)\s*(?:original|completo|completa)?
      (?:\s+en\s+(?P<name7>.{2,60}?))?
    | (?:leggi|vedi)\s+(?:l['’]articolo|la\s+notizia)\s*(?:originale|completo|completa)?(?:\s+su\s+(?P<name8>.{2,60}?))?
    | (?:ler|leia|ver)\s+(?:o\s+)?(?:artigo|matéria|notícia|original)\s*(?:original|completo|completa)?
      (?:\s+em\s+(?P<name9>.{2,60}?))?
    )\W*$""",
    re.VERBOSE | re.IGNORECASE,
)  # fmt: skip
_LABEL: Final = re.compile(
    r"""^[\W_]{0,20}(?:source|sources|original\s+(?:source|reporting|report|story|article)|via|credit|from|reported\s+by|originally\s+(?:published|reported|posted|appeared)\s+(?:by|on|at|in)|first\s+(?:published|reported|appeared)\s+(?:by|on|at|in)|
        reporting\s+by|based\s+on\s+(?:reporting|a\s+report|a\s+story|an\s+article)\s+(?:by|from|in)|(?:ai[-\s])?(?:summari[sz]ed|adapted|rewritten|condensed|generated)\s+from\s+(?:reporting|a\s+report|an?\s+(?:story|article))\s+(?:by|from|in|at|on)|
        with\s+(?:material|reporting|information)\s+from|quelle|quellen|fuente|fonte|bron|källa|kilde|źródło|источник)\b\s*(?:[:：–—-]\s*|\s+)(?P<name>\S.{0,110}?)[.\s]*$""",
    re.VERBOSE | re.IGNORECASE,
)  # fmt: skip
_LABEL_NEEDS_COLON: Final = re.compile(
    r"^[\W_]{0,20}(?:source|sources|via|credit|from|quelle|quellen|fuente|fonte|bron|källa|kilde|źródło|источник)\s*(?![:：])",
    re.IGNORECASE,
)
_REPRINT: Final = re.compile(
    r"""\b(?:(?:this|the)\s+(?:article|story|piece|post|report|commentary|column|essay|content|analysis)?\s*.{0,80}?\b(?:(?:was|is|has\s+been)\s+)?
        (?:first|originally)\s+(?:published|appeared|posted|ran|aired|reported|produced|written)\s+(?:in|on|at|by|for|with)?
      | (?:is\s+)?(?:re-?published|reprinted|reposted|syndicated|shared)\s+(?:here\s+)?
        (?:with\s+(?:the\s+)?permission\s+(?:of|from)|from|courtesy\s+of|under)
      | originally\s+(?:published|appeared|posted)\s+(?:in|on|at|by))""",
    re.VERBOSE | re.IGNORECASE,
)  # fmt: skip
_REPRINT_STEM: Final = re.compile(r"first|original|re-?publish|reprint|repost|syndicat|shared")
"""What the pattern needs: it is slow, and few blocks have any of them."""
_REPRINT_NAME: Final = re.compile(
    r"(?:[Ff]irst|[Oo]riginally)\s+(?:published|appeared|posted|ran|aired|reported|produced|written)\s+(?:in|on|at|by|for|with)\s+(?P<name>(?:[A-Z0-9][^,;:!?()]{0,60}?))(?=\s+(?:and|on\s+\w+\s+\d|in\s+\d|under|with|as\s+part|is\b|was\b)|[,;:(]|\.?\s*$|\.\s+[A-Z])"
)
_BYLINE_WIRE: Final = re.compile(r"^by\s+[^|]{3,60}\s\|\s(?P<name>[^|]{2,40})$", re.IGNORECASE)
_PIXEL: Final = re.compile(r"republication[-_]pixel|theconversation\.com/content/(?P<id>\d+)/count")
_READS: Final = re.compile(
    r"\b(?:read|see|view|visit|full|click|open|lesen|leer?|lea|lire|leggi|ler|leia)\b", re.IGNORECASE
)
_NOT_A_SOURCE: Final = re.compile(
    r"(?:facebook|twitter|x|linkedin|pinterest|reddit|whatsapp|t|telegram|instagram|youtube|addtoany|tumblr|flipboard|bsky|threads|mastodon)\.(?:com|me|app|net|social)$"
)
_LENGTH: Final = 240
"""Longest block that can be a credit line; reprint notes with a licence run to about 220 characters."""


@dataclass(slots=True)
class SourceFound:
    """The source, the blocks that do nothing but credit it, and the links in them."""

    name: str | None = None
    url: str | None = None
    method: str | None = None
    claimed: set[int] = field(default_factory=set)
    ends: set[int] = field(default_factory=set)
    """Of these, the ones that send the reader away to read on: what follows is no part of the story."""
    links: list[Anchor] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    """All publishers that are credited, the source's too."""


@dataclass(slots=True)
class _Credit:
    method: str
    name: str | None
    url: str | None
    strength: float
    block: Block | None = None
    links: list[Anchor] = field(default_factory=list)


def find_source(
    page: Blocks,
    data: Structured,
    url: str,
    names: list[str],
    canonicals: list[tuple[str, bool]],
    trace: Trace | None = None,
) -> SourceFound:
    """Find the source. A link under a credit line beats what data alone claims; a page that credits itself has none."""
    own = registered_domain(url)
    own_names = {fold_text(n).removeprefix("the ") for n in names}
    credits = [
        *_visible(page, url, own),
        *_listed(page, url, own),
        *_said(data, url, own),
        *_canonical(canonicals, url, own),
        *_pixels(page, own),
    ]
    found = SourceFound()
    for credit in credits:
        if credit.block is not None:
            found.claimed.add(credit.block.index)
    foreign = [c for c in credits if not _credits_itself(c, own, own_names)]
    if trace:
        _explain(trace, credits, foreign)
    if not foreign:
        return found
    found.ends = {
        c.block.index for c in foreign if c.block is not None and c.method in ("continue-reading", "read-original")
    }
    foreign.sort(key=lambda c: -c.strength)
    best = foreign[0]
    found.method = best.method
    found.url = best.url or next((c.url for c in foreign if c.url and _same_publisher(c, best)), None)
    found.name = best.name or next(
        (
            c.name
            for c in foreign
            if c.name
            and (c.url is None or found.url is None or registered_domain(c.url) == registered_domain(found.url))
        ),
        None,
    )
    found.named = [credit.name for credit in foreign if credit.name]
    found.links = list({id(a): a for credit in foreign for a in credit.links}.values())
    return found


def _explain(trace: Trace, credits: list[_Credit], foreign: list[_Credit]) -> None:
    best = max(foreign, key=lambda credit: credit.strength, default=None)
    for credit in credits:
        said = (
            f"{len(credit.links)} links in: {credit.block.text[:80]}"
            if credit.block
            else "said by the page's data or tail"
        )
        why = said if credit in foreign else "credits itself"
        value = " ".join(filter(None, (credit.name, credit.url)))
        if value:
            trace.note(
                "source_url" if credit.url else "source_name",
                value,
                credit.method,
                credit.strength if credit in foreign else 0,
                why,
                won=credit is best,
            )


def _same_publisher(credit: _Credit, best: _Credit) -> bool:
    return credit.name is None or best.name is None or fold_text(credit.name) == fold_text(best.name)


def _credits_itself(credit: _Credit, own: str, own_names: set[str]) -> bool:
    if credit.url and registered_domain(credit.url) == own:
        return True
    return not credit.url and fold_text(credit.name or "").removeprefix("the ") in own_names


def _outbound(block: Block, url: str, own: str) -> list[tuple[Anchor, str]]:
    found = []
    for anchor in block.links:
        address = _outbound_address(anchor, url, own)
        if address:
            found.append((anchor, address))
    return found


def _outbound_address(anchor: Anchor, url: str, own: str) -> str | None:
    """Where a link leads on another site; out of a wrapper on this one (`/out?url=https%3A%2F%2F…`) too."""
    address = join_url(url, anchor.href)
    if address and registered_domain(address) == own:
        wrapped = next((v for _, v in parse_qsl(urlsplit(address).query) if re.match(r"https?://", v)), None)
        address = join_url(url, wrapped) if wrapped else None
    if not address:
        return None
    domain = registered_domain(address)
    return address if domain != own and not _NOT_A_SOURCE.match(domain) else None


def _visible(page: Blocks, url: str, own: str) -> Iterable[_Credit]:
    """Credit lines among the blocks, outside navigation, header, footer and aside."""
    worded: list[_Credit] = []
    unwanted = (CLUTTER | Region.HEADER) & ~(Region.FIGURE | Region.CAPTION | Region.SMALL_BOX)
    for block in page.blocks:
        text = block.text
        if len(text) > 900 or (block.region & Region.CAPTION and block.region & (Region.FIGURE | Region.SMALL_BOX)):
            continue
        if block.region & unwanted and not (
            block.region & Region.ARTICLE
            and not block.region & (Region.NAV | Region.ASIDE | Region.FORM | Region.COMMENT)
        ):
            continue
        lowered = text.lower()
        is_continued = "continue" in lowered
        if is_continued and (linked := list(_linked_credits(block, url, own))):
            yield from linked
            continue
        if len(text) <= _LENGTH and (credit := _credit_line(block, lowered, url, own)):
            yield credit
            continue
        if block.links and len(text) <= _LENGTH and may_credit(lowered) and (credit := _worded(block, url, own)):
            worded.append(credit)
            continue
        # Of a hundred blocks, ninety have none of what a mention needs.
        if not block.heading and (is_continued or "(" in text or "|" in text):
            yield from _mention(block)
    if len({credit.url for credit in worded}) < 3:  # else each of several things has its own
        yield from worded


def _listed(page: Blocks, url: str, own: str) -> Iterable[_Credit]:
    """Several sources: the first is the story's, the links of all are credits."""
    for heading, entries in find_source_lists(page, lambda block: _outbound(block, url, own)):
        if heading is not None:
            yield _Credit("source-list", None, None, 0, heading)
        for place, entry in enumerate(entries):
            yield _Credit(
                "source-list", _clean_name(entry.name), entry.url, 5.5 - 0.01 * place, entry.block, entry.anchors
            )


def _linked_credits(block: Block, url: str, own: str) -> Iterable[_Credit]:
    """Links that are credits by their own words, several in a block or at the end of the last paragraph."""
    if not block.links or (len(block.links) < 2 and block.link_density > 0.9):
        return
    for anchor in block.links[-3:]:
        if "continue" not in anchor.text[:60].lower():
            continue
        text = strip_arrows(anchor.text)
        match = _CONTINUE.match(text)
        if (match and match["name"]) and (address := _outbound_address(anchor, url, own)):
            alone = block.link_density > 0.8
            name = _clean_name(match["name"], is_certain=text != anchor.text)
            yield _Credit("continue-reading", name, address, 10, block if alone else None, [anchor])


def _credit_line(block: Block, lowered: str, url: str, own: str) -> _Credit | None:
    """A block that does nothing but credit the source. Links are resolved only where the words fit: it costs more."""
    text = strip_arrows(block.text)
    if "continue" in lowered and (match := _CONTINUE.match(text)):
        address, anchors = _first_outbound(block, url, own)
        name = _clean_name(match["name"], is_certain=text != block.text)
        return (
            _Credit("continue-reading", name, address, 10 if address else 7, block, anchors)
            if address or name
            else None
        )
    if block.link_density > 0.4 and (match := _ORIGINAL.match(text)):
        address, anchors = _first_outbound(block, url, own)
        if address:
            name = next((n for n in match.groupdict().values() if n), None)
            name = _clean_name(name) if name and is_publisher_name(name) else None
            return _Credit("read-original", name, address, 9, block, anchors)
    if len(text) > 30 and _REPRINT_STEM.search(lowered) and _REPRINT.search(text):
        return _reprint(block, _outbound(block, url, own))
    return None if block.heading else _labelled(block, url, own)


def _labelled(block: Block, url: str, own: str) -> _Credit | None:
    """`Source: X` and its like."""
    if not (match := _LABEL.match(block.text)):
        return None
    if _LABEL_NEEDS_COLON.match(block.text) and not re.match(r"^[\W_]{0,20}\w+\s*[:：]", block.text):
        return None
    address, anchors = _first_outbound(block, url, own)
    if not address and not is_publisher_name(match["name"]):
        return None
    is_named = bool(anchors) and len(anchors[0].text) < 60 and anchors[0].text != block.text
    name = _clean_name(anchors[0].text if is_named else match["name"])
    if name and anchors and not is_publisher_name(name):
        name = None
    return _Credit("label", name, address, 8 if address else 6, block, anchors)


def _worded(block: Block, url: str, own: str) -> _Credit | None:
    """A line of links, and of words that credits alone are made of: `For the full story, visit <a>X</a>.`"""
    if len(block.links) > 3:
        return None
    beside = block.text
    is_whole = len(block.links) == 1 and len(block.links[0].text) == len(block.text)
    for anchor in [] if is_whole else block.links:
        if not is_plain(anchor.text):
            if not is_publisher_name(strip_arrows(anchor.text)):
                return None  # what is read in full may be a ruling
            beside = beside.replace(anchor.text, " ", 1)
    is_credit, name = split_credit(block.text) if is_whole else (says_credit(beside), None)
    links = _outbound(block, url, own) if is_credit else []
    if not links:
        return None
    credit = _reprint(block, links)
    reads = _READS.search(block.text) is not None
    return replace(
        credit,
        method="read-original" if reads else "label",
        name=_clean_name(name) if is_whole else credit.name,
        strength=8.2 if reads else 7.8,
    )


def _first_outbound(block: Block, url: str, own: str) -> tuple[str | None, list[Anchor]]:
    links = _outbound(block, url, own)
    return (links[0][1] if links else None), [anchor for anchor, _ in links]


def _reprint(block: Block, links: list[tuple[Anchor, str]]) -> _Credit:
    """`This <a>article</a> first appeared on <a>Origin</a>`: the first link is the story, the name is the other's text."""
    named = _REPRINT_NAME.search(block.text)
    name = _clean_name(named["name"]) if named else None
    story = next(
        (address for _, address in links if urlsplit(address).path not in ("", "/")), links[0][1] if links else None
    )
    for anchor, address in links:
        generic = re.fullmatch(
            r"(?:this\s+|the\s+)?(?:article|story|piece|post|report|here|original.*|link|commentary|column)",
            anchor.text,
            re.IGNORECASE,
        )
        if (
            not generic
            and story
            and registered_domain(address) == registered_domain(story)
            and is_publisher_name(anchor.text)
            and len(anchor.text) < 60
        ):
            name = _clean_name(anchor.text)
            break
    if not links and not name:
        return _Credit("republished", None, None, 0, block)
    return _Credit(
        "republished",
        name,
        story,
        8.5 if story else 6.5,
        block,
        [a for a, _ in links if "creativecommons" not in a.href],
    )


def _mention(block: Block) -> Iterable[_Credit]:
    """A credit inside a paragraph that stays in the body: a tail sentence, a dateline, a wire's byline."""
    _, name = split_tail_credit(block.text)
    if name:
        yield _Credit("tail-sentence", _clean_name(name), None, 5)
        return
    if wire_name := find_dateline(block.text):
        yield _Credit("dateline", _clean_name(wire_name), None, 2)
    wire = _BYLINE_WIRE.match(block.text) if "|" in block.text else None
    if (
        wire
        and is_publisher_name(wire["name"])
        and not re.search(r"\b(?:staff|reporter|editor|writer|correspondent)\b", wire["name"], re.IGNORECASE)
    ):
        yield _Credit("byline", _clean_name(wire["name"]), None, 1.5)


def _said(data: Structured, url: str, own: str) -> Iterable[_Credit]:
    """What structured data claims: weaker than a visible credit, for templates copy it about."""
    articles = data.articles()
    for key, strength in (("isBasedOn", 4.5), ("isBasedOnUrl", 4.5), ("sourceOrganization", 4.0), ("citation", 2.5)):
        value = next((value for article in articles if (value := article.get(key))), None)
        if not value:
            continue
        address = next((a for u in urls_of(value) if (a := join_url(url, u))), None)
        named = [t for t in texts_of(value) if not re.match(r"https?:|//", t)]
        publisher = value[0] if isinstance(value, list) and value else value
        if isinstance(publisher, dict):
            named = (
                texts_of(publisher.get("publisher"))
                or texts_of(publisher.get("sourceOrganization"))
                or (named if key == "sourceOrganization" else [])
            )
        name = next((n for n in named if is_publisher_name(n)), None)
        if key == "sourceOrganization" and address and urlsplit(address).path in ("", "/"):
            yield _Credit("json-ld", name, address, 3.5)
        elif address or name:
            yield _Credit("json-ld", name, address, strength if address else 3.0)
    for name in ("syndication-source", "original-source"):
        values = [*data.meta.get(name, []), *[href for rel, href, _ in data.links if name in rel.split()]]
        for value in values[:3]:
            address = _complete(value.strip(), url)
            if address and registered_domain(address) != own:
                yield _Credit("meta", None, address, 2.2)


def _complete(value: str, url: str) -> str | None:
    """An address that may lack its scheme."""
    if re.match(r"^[\w.-]+\.[a-z]{2,}(?:/|$)", value, re.IGNORECASE):
        value = f"https://{value}"
    return join_url(url, value)


def _canonical(canonicals: list[tuple[str, bool]], url: str, own: str) -> Iterable[_Credit]:
    for href, _ in canonicals:
        address = join_url(url, href)
        if address and registered_domain(address) != own and urlsplit(address).path not in ("", "/"):
            yield _Credit("canonical", None, address, 4.2)


def _pixels(page: Blocks, own: str) -> Iterable[_Credit]:
    """Counting images of republished stories. Their addresses are read, never fetched."""
    if not page.nodes:
        return
    for image in page.nodes[0].element.iter("img"):
        src = image.get("src") or ""
        match = _PIXEL.search(src) if "publication" in src or "theconversation" in src else None
        if not match:
            continue
        if match["id"]:
            yield _Credit("pixel", "The Conversation", f"https://theconversation.com/{match['id']}", 3.8)
        else:
            address = join_url("https://origin.invalid/", src)
            if address and registered_domain(address) not in (own, "origin.invalid"):
                yield _Credit("pixel", None, join_url(address, "/"), 3.2)


def _clean_name(name: str | None, *, is_certain: bool = False) -> str | None:
    """A publisher's name without what surrounds it; `is_certain` where an arrow follows, so that a dot is the name's own."""
    if not name:
        return None
    text = strip_arrows(normalize_text(name)).strip(" “”\"'‘’<>«»()[]|–—-").rstrip(":")
    text = (
        text[:-1]
        if text.endswith(".") and not is_certain and not re.search(r"\b(?:Inc|Co|Corp|Ltd|U\.S|U\.K|[A-Z])\.$", text)
        else text
    )
    return text or None
