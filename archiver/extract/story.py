"""Page → story as printed: the columns' rules called in the order in which one needs the other."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from lxml.etree import XPath, _Element
from parsel import Selector

from archiver.extract.blocks import Anchor, Block, Blocks, short_text
from archiver.extract.body import Body, find_body
from archiver.extract.datelines import is_date_line
from archiver.extract.faq import FaqFound, find_faq
from archiver.extract.headline import (
    find_dek,
    find_section,
    find_section_url,
    find_title,
    is_byline,
    is_more_in,
    site_names,
)
from archiver.extract.people import find_authors
from archiver.extract.phrases import COMMENTS, ENDS
from archiver.extract.published import find_dates
from archiver.extract.selectors import Selectors, apply_selectors
from archiver.extract.source import SourceFound, find_source
from archiver.extract.structured import (
    ARTICLE_TYPES,
    LISTING_TYPES,
    Structured,
    read_structured,
    texts_of,
    types_of,
    urls_of,
)
from archiver.extract.trace import Trace
from archiver.extract.walk import read_blocks
from archiver.extract.wrappers import clear_wrappers
from archiver.items import Link, PrintedStory, Related
from archiver.text import fold_text, strip_arrows
from archiver.urls import join_url, registered_domain

EXTRACTOR: Final = "2"
"""Version of the rules: raised when a page could come out differently."""

_TAG_LINKS: Final = XPath("//a[contains(@rel, 'tag')]")
_READ_MORE: Final = re.compile(
    r"^\W*(?:(?:also\s+)?read\s+(?:more|also|next)|related|see\s+also|more)\s*(?:[:\-–—]\s*|\s(?=\S)|$)", re.IGNORECASE
)
_FRAGMENT: Final = re.compile(
    r"\W*(?:(?:(?:written|posted|published|filed)\s+)?(?:by|in|on|at|under)|and|von|par|por|di|en|dans)\W*",
    re.IGNORECASE,
)


def extract_story(
    page: Selector,
    url: str,
    *,
    selectors: Selectors | None = None,
    now: datetime | None = None,
    trace: Trace | None = None,
) -> PrintedStory:
    """Return the story that a page prints. Never raises, whatever the page; what could not be read is flagged.

    `page` is the Selector over the whole document and is left as it is. `now` bounds dates: later ones are passed over.
    `trace` takes down what was weighed for each column.

    >>> story = extract_story(Selector("<h1>Levy passes</h1>" + "<p>Every parcel pays. The vote was close.</p>" * 9), "https://a.example/x")
    >>> story.title, len(story.body)
    ('Levy passes', 9)
    """
    root = page.root
    if not isinstance(root, _Element) or not isinstance(root.tag, str):
        return PrintedStory(url=url, flags=("unreadable",), extractor=EXTRACTOR, is_story=False)
    data = read_structured(root)
    base = next((joined for href in data.bases if (joined := join_url(url, href))), url)
    blocks = read_blocks(root)
    clear_wrappers(blocks)
    names = site_names(data, url)
    language = _language(root, data, trace)
    title = find_title(blocks, data, _page_title(data.titles), names, trace)
    faq = find_faq(blocks, data, title, trace)
    canonicals = [(href, in_head) for rel, href, in_head in data.links if "canonical" in rel.split()]
    source = find_source(blocks, data, url, names, canonicals, trace)
    section, label = find_section(blocks, data, url, title, names, trace)
    title_index = title.block.index if title and title.block else 0
    claimed = set(faq.claimed) | set(source.claimed)
    claimed |= {c.index for c in (title.block if title else None, label) if c is not None}
    known = {fold_text(c.text) for c in (title, section) if c}
    more_in = [b.index for b in blocks.blocks if is_more_in(b)]
    claimed |= set(more_in)
    likely_ends = [*source.claimed, *([min(faq.claimed)] if faq.claimed and not _goes_on_after(blocks, faq) else [])]
    own = registered_domain(url)
    body = find_body(
        blocks,
        lambda b: _is_claimed(b, claimed, known, title_index),
        title_index,
        source.ends,
        more_in,
        likely_ends,
        lambda href: (
            href.startswith(("http:", "https:", "//"))
            and (a := join_url(base, href)) is not None
            and registered_domain(a) != own
        ),
        trace,
    )
    dek = find_dek(blocks, data, title, body.blocks, claimed, trace)
    if dek and dek.block is not None:
        body.blocks = [b for b in body.blocks if b is not dek.block]
    elif dek and body.blocks and fold_text(body.blocks[0].text) == fold_text(dek.text) and len(body.blocks) > 2:
        body.blocks = body.blocks[1:]
    authors, author_rule = find_authors(
        blocks,
        data,
        [*names, *source.named],
        title_index,
        body.blocks[0].index if body.blocks else title_index + 12,
        trace,
        section.text if section else "",
    )
    if authors:
        body.blocks = [
            b
            for place, b in enumerate(body.blocks)
            if not _is_author_line(b, authors) and not (2 * place >= len(body.blocks) and _is_biography(b, authors))
        ]
    while len(body.blocks) > 2 and _is_fragment(body.blocks[0]):
        del body.blocks[0]
    body_index = body.blocks[0].index if body.blocks else title_index + 8
    dates = find_dates(blocks, data, url, title_index, body_index, language, now, trace)
    provenance = {
        "title": title.rule if title else None,
        "dek": dek.rule if dek else None,
        "section_label": section.rule if section else None,
        "body": "densest container" if body.blocks else None,
        "faq": faq.rule if faq.pairs else None,
        "authors": author_rule,
        "published_at": dates.rule,
        "source_url": source.method if source.url else None,
        "source_name": source.method if source.name else None,
    }
    printed = PrintedStory(
        url=url,
        canonical=_canonical_link(canonicals, data, base, trace),
        section_label=section.text if section else None,
        title=title.text if title else None,
        dek=dek.text if dek else None,
        body=tuple(b.text for b in body.blocks),
        faq=tuple(faq.pairs),
        authors=tuple(authors),
        source_name=source.name,
        source_url=source.url,
        source_method=source.method,
        links=tuple(_links(base, blocks, body, faq, source)),
        related=tuple(_related(base, blocks, body)),
        published_at=dates.published,
        published_raw=dates.raw,
        date_source=dates.source,
        modified_at=dates.modified,
        language=language,
        tags=tuple(_tags(data, root, trace)),
        image_url=_image(data, base, trace),
        flags=tuple(dict.fromkeys([*blocks.flags, *data.flags, *dates.flags, *_robots_flags(data)])),
        provenance={column: rule for column, rule in provenance.items() if rule},
        section_url=join_url(base, href) if (href := find_section_url(blocks)) else None,
        extractor=EXTRACTOR,
        is_story=_is_story(data, body),
    )
    return apply_selectors(page, printed, selectors, language) if selectors else printed


def _is_claimed(block: Block, claimed: set[int], known: set[str], title_index: int) -> bool:
    """Blocks that another column has, and lines that no column of text keeps: byline, date, `More in SECTION →`."""
    if block.index in claimed:
        return True
    text = block.text
    if len(text) < 200:
        if fold_text(text) in known:
            return True
        near = block.index <= title_index + 15
        if is_byline(text) and (near or block.link_density > 0.3) and len(text) < 120 and not text.endswith("."):
            return True
        if near and len(text) < 100 and is_date_line(text):
            return True
    return False


def _goes_on_after(page: Blocks, faq: FaqFound) -> bool:
    """Whether the story goes on after its FAQ: under a heading set as the FAQ's, with a paragraph beside it."""
    first, last = min(faq.claimed), max(faq.claimed)
    heading, following = page.blocks[first], page.blocks[last + 1 : last + 3]
    if len(following) < 2 or not heading.heading:
        return False
    after, paragraph = following
    return (
        after.heading == heading.heading
        and after.node.parent is heading.node.parent is paragraph.node.parent
        and not after.links
        and not ENDS.match(after.text)
        and not COMMENTS.match(after.text)
        and page.prose[paragraph.index] > 60
    )


def _is_fragment(block: Block) -> bool:
    """A word or two before the text that belong to what stood beside them: `Written by` before a name, `in` a section."""
    return not block.heading and len(block.text) < 20 and _FRAGMENT.fullmatch(block.text) is not None


def _is_author_line(block: Block, authors: list[str]) -> bool:
    if len(block.text) > 100:
        return False
    rest = fold_text(block.text)
    for author in authors[:20]:
        rest = rest.replace(fold_text(author), " ")
    return rest != fold_text(block.text) and len(rest.split()) <= 3


def _is_biography(block: Block, authors: list[str]) -> bool:
    """A paragraph late in a story that begins with its own author's full name."""
    beginning = fold_text(block.text[:160])  # names are shorter; most paragraphs need be folded no further
    return (
        any(len(a.split()) > 1 and beginning.startswith(fold_text(a) + " ") for a in authors[:20])
        and len(fold_text(block.text)) < 500
    )


def _page_title(titles: Iterable[tuple[str, str]]) -> str:
    """The head's title; one outside it where broken pages have it in the body. An SVG's is no title of the page."""
    by_place = [(place, text) for text, place in titles if text]
    return next(
        (text for places in (("head",), ("html", "body", "div")) for place, text in by_place if place in places), ""
    )


def _first(trace: Trace | None, column: str, candidates: Iterable[tuple[str, str | None]]) -> str | None:
    """The first value of an order of evidence; `candidates` are (rule, value)."""
    given = [(rule, value) for rule, value in candidates if value]
    if trace:
        for place, (rule, value) in enumerate(given):
            trace.note(column, value, rule, len(given) - place, "in the order of evidence", won=place == 0)
    return given[0][1] if given else None


def _language(root: _Element, data: Structured, trace: Trace | None) -> str | None:
    article = data.article() or {}
    said = [
        ("lang", root.get("lang")),
        ("xml:lang", root.get("{http://www.w3.org/XML/1998/namespace}lang")),
        *[("json-ld", text) for text in texts_of(article.get("inLanguage"))[:1]],
        ("meta", data.first_meta("content-language", "og:locale", "language", "dc.language")),
    ]
    return _first(trace, "language", [(rule, _language_tag(text or "")) for rule, text in said])


def _language_tag(text: str) -> str | None:
    """BCP 47, as far as pages use it: language, script, region."""
    match = re.fullmatch(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|\d{3}))?", text.strip())
    if not match:
        return None
    language, script, region = match.groups()
    return "-".join(p for p in (language.lower(), script and script.title(), region and region.upper()) if p)


def _canonical_link(canonicals: list[tuple[str, bool]], data: Structured, base: str, trace: Trace | None) -> str | None:
    """The head's canonical link; og:url where there is none."""
    href = _first(
        trace,
        "url",
        [
            *[("canonical in head", h) for h, in_head in canonicals if in_head],
            *[("canonical", h) for h, in_head in canonicals if not in_head],
            ("og:url", data.first_meta("og:url")),
        ],
    )
    return join_url(base, href) if href else None


def _links(base: str, page: Blocks, body: Body, faq: FaqFound, source: SourceFound) -> list[Link]:
    links: list[Link] = []

    def add(anchors: list[Anchor], kind: str) -> None:
        for anchor in anchors:
            address = join_url(base, anchor.href)
            if address:
                links.append(Link(url=address, text=anchor.text, kind=kind, domain=""))

    add(source.links, "source")
    for block in body.blocks:
        add([anchor for anchor in block.links if anchor not in source.links], "body")
    for index in sorted(faq.answers):
        add(page.blocks[index].links, "faq")
    return links


def _related(base: str, page: Blocks, body: Body) -> list[Related]:
    """Links that led the reader on, from amid the body and right after it."""
    blocks = list(body.interstitials)
    if body.blocks:
        blocks += [b for b in page.blocks[body.blocks[-1].index + 1 :] if is_more_in(b)][:3]
    related: list[Related] = []
    for block in blocks:
        for anchor in block.links:
            title = strip_arrows(anchor.text)
            if not is_more_in(block):
                title = _READ_MORE.sub("", title) or _rest_of_link(page, block, anchor)
            address = join_url(base, anchor.href)
            if address and title:
                related.append(Related(url=address, title=title))
    return related


def _rest_of_link(page: Blocks, block: Block, anchor: Anchor) -> str:
    """What a link says in the blocks after this one: `Read more`, `TITLE` and an arrow, each in a box of its own."""
    following = page.blocks[block.index + 1 : block.index + 4]
    texts = [a.text for b in following for a in b.links if a.element is anchor.element]
    return strip_arrows(" ".join(texts))


def _tags(data: Structured, root: _Element, trace: Trace | None) -> list[str]:
    article = data.article() or {}
    said = {
        "json-ld": texts_of(article.get("keywords")),
        "article:tag": data.meta.get("article:tag", []),
        "parsely-tags": data.meta.get("parsely-tags", [])[:1],
        "news_keywords": data.meta.get("news_keywords", [])[:1],
        "keywords": data.meta.get("keywords", [])[:1],
    }
    rule, raw = next(((rule, texts) for rule, texts in said.items() if texts), ("rel=tag", []))
    tags = [part for text in raw for part in (re.split(r"[,;]", text) if len(raw) == 1 or "," in text else [text])]
    if not tags:
        tags = [short_text(a) for a in _TAG_LINKS(root)[:1_000] if "tag" in (a.get("rel") or "").split()]
    if trace and tags:
        trace.note("tags", ", ".join(tags), rule, 1, "the first of the places where tags are named", won=True)
    return [
        tag
        for tag in (re.sub(r"^(?:tag|keyword|topic):", "", t.strip(), flags=re.IGNORECASE) for t in tags)
        if 1 < len(tag) <= 80
    ][:60]


def _image(data: Structured, base: str, trace: Trace | None) -> str | None:
    article = data.article() or {}
    names = ("og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src")
    said = [
        *[("json-ld", href) for href in urls_of(article.get("image"))[:1]],
        *[(name, data.first_meta(name)) for name in names],
    ]
    return _first(trace, "image_url", [(rule, join_url(base, href)) for rule, href in said if href])


def _robots_flags(data: Structured) -> list[str]:
    return robots_flags(" ".join(c for name in ("robots", "googlebot") for c in data.meta.get(name, [])))


def robots_flags(said: str) -> list[str]:
    """Return the flags for what a robots meta element or an X-Robots-Tag header says. What to do about `noarchive` and
    `unavailable_after` is the operator's business.

    >>> robots_flags("googlebot: noarchive, unavailable_after: 25 Jun 2026 15:00:00 GMT")
    ['noarchive', 'unavailable-after']
    """
    said = said.lower()
    return [
        flag for flag, word in (("noarchive", "noarchive"), ("unavailable-after", "unavailable_after")) if word in said
    ]


def _is_story(data: Structured, body: Body) -> bool:
    """False where the page says that it is a listing or a profile and says of no article that it is one."""
    kinds = {kind for node in data.nodes[:200] + data.items[:50] for kind in types_of(node)}
    if kinds & (ARTICLE_TYPES - {"CreativeWork", "Review"}):
        return True
    kind = (data.first_meta("og:type") or "").lower()
    if kind.startswith(("article", "news", "blog")):
        return True
    return not (kinds & (LISTING_TYPES - {"ItemList"}) or kind in ("profile", "product.group"))
