"""Stories of several pages: which page comes next, and the pages joined into one story.

A further page of a story has the story's own address plus a page number, and the same headline. Words are asked only for
what addresses cannot tell: whether `/budget-vote-2` is page 2 of `/budget-vote` or another vote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Final, TypeVar
from urllib.parse import unquote, urlsplit

from lxml.etree import _Element
from parsel import Selector

from archiver.items import SEVERAL_PAGES, PrintedStory
from archiver.text import count_words, fold_text, normalize_text
from archiver.urls import join_url

Item = TypeVar("Item")

NEAR: Final = 80
"""Words that may stand between a story's text and its pagination: sharing, tags, a line about the author. The pagination of
comments, or of a list of other stories, stands beyond what it pages."""

_CANDIDATES: Final = 300
"""Links of one page that are looked at, at most."""
_PAGERS: Final = 4
"""Paginations of one page whose place is looked at: above and below the text, twice."""
_TEXT_NODES: Final = 20_000
_EDGE: Final = 4_000
"""Characters of the body's beginning and of its end by which its place on the page is found."""
_PRINT: Final = 25
"""Characters by which a text is known again."""

_KEYS: Final = frozenset(
    """page paged pg p pn pagenum pageno pagenr pagenumber page_num page_no page_number currentpage pagina página seite
    sida side sivu strona strana sayfa halaman""".split()
)
_WORDS: Final = "page|pg|p|seite|pagina|página|sida|side|sivu|strona|strana|stránka|sayfa|halaman|oldal|trang|страница"
_AFTER_OWN: Final = re.compile(
    rf"""(?:
        (?P<sure> / (?: (?:{_WORDS})[-_/=]? | index[-_]? )? | [-_,.;] (?:{_WORDS})[-_]? )   # /2  /page/2  /index-2  -p2
      | [-_,.;]                                                                            # -2, as two stories may differ
    )
    (?P<number>\d{{1,2}}) (?:\.[a-z]{{3,5}})? /?""",
    re.VERBOSE | re.IGNORECASE,
)
_NUMBER_AT_END: Final = re.compile(r"(?<!\d)\d{1,2}(?:\.[a-z]{3,5})?/?(?:[?&#]|$)", re.IGNORECASE)
_EXTENSION: Final = re.compile(r"\.(?:[xs]?html?|php|aspx?|jsp|cfm|ece)$", re.IGNORECASE)
_INDEX: Final = re.compile(r"/(?:index|default)\.\w{3,5}$", re.IGNORECASE)

_PRINTED: Final = (
    re.compile(rf"\W*(?:(?:{_WORDS})\W{{0,3}})?(?P<n>\d{{1,2}})\W*", re.IGNORECASE),  # 2 · [2] · Page 2
    re.compile(rf"\W*(?:{_WORDS})\W{{0,3}}(?P<n>\d{{1,2}})\b(?:\W.*)?", re.IGNORECASE),  # Page 2: The costs
    re.compile(rf".{{0,50}}\b(?:{_WORDS})\W{{0,3}}(?P<n>\d{{1,2}})\W*", re.IGNORECASE),  # Continue on page 2
    re.compile(r"\W*(?P<n>\d{1,2})\s*(?:of|/|von|de|di|sur|av|van|из)\s*\d{1,2}\W*", re.IGNORECASE),  # 2 of 3
    re.compile(r"\W*第?\s*(?P<n>\d{1,2})\s*(?:页|頁|ページ|쪽|페이지)\W*"),
)
_ARROW: Final = re.compile(r"[›»→>⟩▶►⇒➔❯]{1,2}")


def _phrases(text: str) -> frozenset[str]:
    return frozenset(fold_text(phrase) for phrase in text.split("|"))


_NEXT: Final = _phrases(
    "next|next page|continue|continued|continue reading|keep reading|read on|go to next page|continue to next page|weiter"
    "|weiterlesen|nächste|nächste seite|zur nächsten seite|suivant|suivante|page suivante|lire la suite|siguiente"
    "|página siguiente|siguiente página|próxima|próxima página|seguinte|página seguinte|avanti|successiva|pagina successiva"
    "|prossima pagina|volgende|volgende pagina|nästa|nästa sida|neste|neste side|næste|næste side|seuraava|seuraava sivu"
    "|następna|następna strona|další|další stránka|ďalšia|következő|következő oldal|următoarea|pagina următoare|далее"
    "|следующая|следующая страница|наступна|sonraki|sonraki sayfa|berikutnya|selanjutnya|halaman berikutnya|trang sau|下一页"
    "|下一頁|下页|次へ|次のページ|次のページへ|다음|다음 페이지|التالي|הבא"
)
_SINGLE: Final = _phrases(
    "view all|show all|all pages|single page|view as single page|view single page|view on single page|view on one page"
    "|view as one page|read on one page|read as one page|read as single page|one page|on one page|all on one page"
    "|view full article|full article|full story|view full story|auf einer seite|auf einer seite lesen|artikel auf einer seite"
    "|artikel auf einer seite lesen|alles auf einer seite|komplettansicht|gesamter artikel|lire sur une seule page"
    "|sur une seule page|tout sur une page|article complet|ver en una sola página|ver en una página|todo en una página"
    "|artículo completo|tutto in una pagina|leggi su una pagina|in una sola pagina|op één pagina|alles op één pagina"
    "|em uma página|numa só página|på en sida|vis på én side|на одной странице|全文|全文を表示|1ページで表示"
)
_PAGE_WORDS: Final = frozenset(_WORDS.split("|"))
_MARK_WORDS: Final = _PAGE_WORDS | frozenset(
    """next previous prev first last continue continued continues on the to from of von de sur di
    weiter nächste zurück suivant suivante précédent siguiente anterior avanti indietro volgende vorige""".split()
)
_COMMENTS: Final = re.compile(r"comment|kommentar|respond|disqus", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _PagerLink:
    """A link to the story's own address with a page number."""

    url: str
    number: int
    """In the address."""
    printed: int | None
    """In the text."""
    is_next: bool
    """It says that it is the next page, in words, by an arrow or by rel=next."""
    element: _Element


@dataclass(frozen=True, slots=True)
class _Slot:
    number: int
    is_sure: bool
    """The address says in words, or as a segment of its own, that the number is a page's."""


def find_next_part(page: Selector, url: str, printed: PrintedStory, *, first: str | None = None) -> str | None:
    """Return the address of the page on which the story goes on; None where this is its only page, or its last.

    `first` is the address of the story's first page, if this is not the first. Never another story, a listing's next page
    or a page of comments, as far as the page alone can tell: see `is_continued_by`.

    >>> text = "Every parcel of the valley pays from June on, whether or not a house, a barn or a shed stands on it."
    >>> page = Selector(f'<h1>Levy passes</h1><p>{text}</p><a href="?page=2">2</a> <a href="/levy-lost">Next</a>')
    >>> find_next_part(page, "https://a.example/levy", PrintedStory(url="https://a.example/levy", body=(text,)))
    'https://a.example/levy?page=2'
    """
    root = page.root
    if not isinstance(root, _Element):
        return None
    links = list(_pager_links(root, url, first or url))
    shifts = {link.printed - link.number for link in links if link.printed is not None}
    # Some count from zero: the link that prints 2 leads to `?page=1`.
    shift = 1 if shifts == {1} else 0
    here = part_number(url, first or url)
    expected = {here + 1} if here is not None else ({2 - shift} if shifts else {1, 2})
    fitting = [
        link
        for link in links
        if link.number in expected and (link.is_next if link.printed is None else link.printed == link.number + shift)
    ]
    if not fitting or not _is_prose(printed.body):
        return None
    return next((link.url for link in fitting[:_PAGERS] if _is_near(root, link.element, printed.body)), None)


def find_single_page(page: Selector, url: str) -> str | None:
    """Return the address of the view that has all pages of a story on one; None where the page offers none.

    To be asked only of a page that has a next part: elsewhere, "view all" says it of comments or pictures.
    """
    root = page.root
    if not isinstance(root, _Element):
        return None
    base = _base_url(root, url)
    own = _own_path(url)
    for anchor in islice(root.iter("a"), 20 * _CANDIDATES):
        if (href := anchor.get("href")) and any(fold_text(text) in _SINGLE for text in _texts(anchor)):
            target = join_url(base, href)
            if target and target != url and _host(target) == _host(url) and _path(target).startswith(own):
                return target
    return None


def part_number(url: str, first: str) -> int | None:
    """Return the page number in an address that is the story's own plus a page number.

    >>> first = "https://a.example/2026/levy.html"
    >>> [part_number(f"https://a.example/2026/{page}", first) for page in ("levy-2.html", "levy.html?page=3", "levy/4/")]
    [2, 3, 4]
    >>> part_number("https://a.example/2026/levy-lost.html", first)
    """
    slot = _find_slot(url, first)
    return slot.number if slot else None


def find_first_part(printed: PrintedStory) -> str | None:
    """Return the address of a story's first page where this page says that it is a later one of it."""
    first = printed.canonical
    return first if first and (part_number(printed.url, first) or 0) > 1 else None


def is_continued_by(parts: Sequence[PrintedStory], part: PrintedStory) -> bool:
    """Tell whether a page goes on with the story whose pages so far are `parts`: its address, its headline or its
    canonical link, and text that none of them has."""
    first = parts[0]
    if part_number(part.url, first.url) is None:
        return False
    known = {fold_text(text) for each in parts for text in each.body}
    return _is_same_story(first, part) and any(fold_text(text) not in known for text in part.body)


def is_whole(part: PrintedStory, whole: PrintedStory) -> bool:
    """Tell whether the single-page view of a story holds its first page, and more."""
    there = {fold_text(text) for text in whole.body}
    kept = sum(fold_text(text) in there for text in part.body)
    return _is_same_story(part, whole) and 2 * kept >= len(part.body) and len(whole.body) > len(part.body)


def join_parts(parts: Sequence[PrintedStory]) -> PrintedStory:
    """Return one story from its pages, in order: what stands on each of them, once; the rest from the first that has it.

    >>> join_parts([PrintedStory(url=f"https://a.example/x/{n}", body=(n,)) for n in ("One.", "Two.")]).body
    ('One.', 'Two.')
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    # Source name, address and rule belong together, as do date, how it was printed and where.
    source = next((part for part in parts if part.source_url), None) or next(
        (part for part in parts if part.source_name), first
    )
    dated = next((part for part in parts if part.published_at), first)
    labelled = next((part for part in parts if part.section_label), first)
    filled = {name: rule for part in reversed(parts) for name, rule in part.provenance.items()}
    for part in (source, dated, first):
        filled.update(part.provenance)
    filled["body"] = f"{filled.get('body', 'none')}, {len(parts)} pages joined"
    return replace(
        first,
        body=tuple(_join_bodies(parts)),
        faq=_distinct((pair for part in parts for pair in part.faq), lambda pair: fold_text(pair.question)),
        links=_distinct((link for part in parts for link in part.links), lambda link: (link.kind, link.url)),
        related=_distinct((each for part in parts for each in part.related), lambda each: each.url),
        source_name=source.source_name,
        source_url=source.source_url,
        source_method=source.source_method,
        published_at=dated.published_at,
        published_raw=dated.published_raw,
        date_source=dated.date_source,
        section_label=labelled.section_label,
        section_url=labelled.section_url or next((part.section_url for part in parts if part.section_url), None),
        modified_at=max((part.modified_at for part in parts if part.modified_at), default=None),
        authors=next((part.authors for part in parts if part.authors), ()),
        tags=next((part.tags for part in parts if part.tags), ()),
        image_url=next((part.image_url for part in parts if part.image_url), None),
        language=next((part.language for part in parts if part.language), None),
        flags=(*dict.fromkeys(flag for part in parts for flag in part.flags), SEVERAL_PAGES),
        provenance=filled,
    )


# Links


def _pager_links(root: _Element, url: str, first: str) -> Iterator[_PagerLink]:
    base = ""
    numbered = (
        element
        for element in root.iter("a", "link")
        if (href := element.get("href")) and _NUMBER_AT_END.search(href[-200:])
    )
    for element in islice(numbered, _CANDIDATES):
        href = element.get("href", "")
        is_next = "next" in (element.get("rel") or "").lower().split()
        if (element.tag == "link" and not is_next) or _COMMENTS.search(href):
            continue
        base = base or _base_url(root, url)
        target = join_url(base, href)
        slot = _find_slot(target, first) if target else None
        if target is None or slot is None or _is_of_comments(element):
            continue
        texts = _texts(element) if element.tag == "a" else []
        printed = next((number for text in texts if (number := _printed_number(text)) is not None), None)
        is_next = is_next or any(fold_text(text) in _NEXT or _ARROW.fullmatch(text) for text in texts)
        if slot.is_sure or printed == slot.number:
            yield _PagerLink(target, slot.number, printed, is_next, element)


def _texts(element: _Element) -> list[str]:
    """What a link says: its text, its label, its title."""
    text = normalize_text("".join(islice(element.itertext(), 50))[:300])
    said = (text, *(normalize_text(element.get(name) or "")[:300] for name in ("aria-label", "title")))
    return [each for each in said if each]


def _printed_number(text: str) -> int | None:
    for form in _PRINTED:
        if found := form.fullmatch(text):
            return int(found["n"])
    return None


def _is_of_comments(element: _Element) -> bool:
    return any(
        parent.tag == "aside" or _COMMENTS.search(f"{parent.get('class')} {parent.get('id')}")
        for parent in islice(element.iterancestors(), 12)
        if parent.tag not in ("body", "html")
    )


def _base_url(root: _Element, url: str) -> str:
    base = root.find(".//base[@href]")
    return (join_url(url, base.get("href", "")) if base is not None else None) or url


# Place


def _is_prose(body: Sequence[str]) -> bool:
    """Tell a story from a list of products or headlines, whose pages are no parts of a story."""
    words = [count_words(text) for text in body]
    return sum(number for number in words if number >= 15) > 0.3 * sum(words)


def _is_near(root: _Element, element: _Element, body: Sequence[str]) -> bool:
    """Tell whether a link stands by the story's text; one in the head, or beside text that is not found, counts as near."""
    whole = normalize_text("\n".join(body))
    prints = {edge[i : i + _PRINT] for edge in (whole[:_EDGE], whole[-_EDGE:]) for i in range(len(edge) - _PRINT + 1)}
    words, place, last = 0, None, None
    distances: list[int] = []
    for node, owner in _text_nodes(root):
        if place is None and _holds(element, owner):
            place = words
            if last is not None:
                distances.append(place - last)
        text = normalize_text(node)
        if len(text) >= _PRINT and text[:_PRINT] in prints:
            if place is not None:
                distances.append(words - place)
                break
            last = words + count_words(text)
        words += count_words(text)
    return place is None or not distances or min(distances) <= NEAR


def _text_nodes(root: _Element) -> Iterator[tuple[str, _Element]]:
    """Each text of the page, with the element that it stands in or that it follows."""
    found = root.xpath("//body//text()[not(parent::script or parent::style or parent::noscript)]")
    for node in islice(found if isinstance(found, list) else (), _TEXT_NODES):
        owner = node.getparent() if hasattr(node, "getparent") else None
        if owner is not None and not getattr(node, "is_tail", False):
            yield str(node), owner
        elif owner is not None and (parent := owner.getparent()) is not None:
            yield str(node), parent


def _holds(element: _Element, owner: _Element) -> bool:
    return owner is element or any(parent is element for parent in islice(owner.iterancestors(), 4))


# Addresses


@lru_cache(maxsize=4096)
def _find_slot(url: str, first: str) -> _Slot | None:
    if _host(url) != _host(first):
        return None
    own, path, there, here = _own_path(first), _path(url), urlsplit(url), urlsplit(first)
    given = [pair for pair in here.query.split("&") if pair and not _is_first_page(pair)]
    asked = [pair for pair in there.query.split("&") if pair]
    if _own_path(url) == own and (own or given):  # the pages of a home page are those of a listing
        added = [pair for pair in asked if pair not in given]
        if len(added) == 1 and len(asked) == len(given) + 1 and (number := _page_of(added[0])) is not None:
            return _Slot(number, is_sure=True)
        return None
    if not own or sorted(asked) != sorted(given) or not path.startswith(own):
        return None
    extension = _EXTENSION.search(_path(first))
    rest = path[len(own) :]
    found = _AFTER_OWN.fullmatch(rest.removeprefix(extension[0]) if extension else rest)
    return _Slot(int(found["number"]), is_sure=bool(found["sure"])) if found else None


def _page_of(pair: str) -> int | None:
    key, _, value = pair.partition("=")
    is_page = unquote(key).lower() in _KEYS and re.fullmatch(r"\d{1,2}", value)
    return int(value) if is_page else None


def _is_first_page(pair: str) -> bool:
    return _page_of(pair) in (0, 1)


def _host(url: str) -> str:
    return urlsplit(url).netloc.removeprefix("www.")


def _path(url: str) -> str:
    return unquote(urlsplit(url).path)


def _own_path(url: str) -> str:
    """The path that all pages of a story share."""
    return _EXTENSION.sub("", _INDEX.sub("", _path(url)).rstrip("/"))


# Texts


def _is_same_story(first: PrintedStory, part: PrintedStory) -> bool:
    if part.canonical and part.canonical in (first.canonical, first.url):
        return True
    here, there = _headline(first.title), _headline(part.title)
    if not here or not there:
        return False
    shorter, longer = sorted((here, there), key=len)
    # "Levy passes" may go on as "Levy passes: the costs".
    return shorter == longer or (len(shorter.split()) > 2 and longer.startswith(f"{shorter} "))


def _headline(title: str | None) -> str:
    """A headline without the page number that it may end in."""
    ending = (
        rf"\W*(?:\b(?:{_WORDS})\W{{0,3}}\d{{1,2}}(?:\W+(?:of|von|de)?\W*\d{{1,2}})?|[(\[]\d\d?\s?/\s?\d\d?[)\]])\W*$"
    )
    return fold_text(re.sub(ending, "", normalize_text(title or "")[:500], flags=re.IGNORECASE))


def _join_bodies(parts: Sequence[PrintedStory]) -> Iterator[str]:
    known = {fold_text(text) for text in (parts[0].title, parts[0].dek) if text}
    for number, part in enumerate(parts):
        blocks = list(part.body)
        # A later page has no dek of its own: what stands apart under its headline is text.
        if number and part.dek and part.provenance.get("dek", "").startswith("shown"):
            blocks.insert(0, part.dek)
        is_opening = number > 0
        for block in blocks:
            folded = fold_text(block)
            is_known = folded in known
            is_opening = is_opening and is_known
            # A subheading may come again; a paragraph that does belongs to every page, not to the story.
            is_repeated = number > 0 and is_known and (is_opening or count_words(block) >= 8)
            if not is_repeated and not _is_page_mark(folded):
                known.add(folded)
                yield block


def _is_page_mark(folded: str) -> bool:
    """Tell whether a block says nothing but where in the story it stands: `Page 1 of 3`, `Continued on next page`."""
    words = folded.split()
    has_page = any(word.isdigit() or word in _PAGE_WORDS for word in words)
    return has_page and 1 < len(words) <= 12 and all(word.isdigit() or word in _MARK_WORDS for word in words)


def _distinct(items: Iterable[Item], key: Callable[[Item], object]) -> tuple[Item, ...]:
    """The first of each key, in order."""
    kept: dict[object, Item] = {}
    for item in items:
        kept.setdefault(key(item), item)
    return tuple(kept.values())
