"""The pages that follow a listing page: rel=next, links that say so, numbered links, buttons that load more."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lxml.etree import _Element
from parsel import Selector

from archiver.discover.addresses import MIRROR_QUERY, PageSlot, is_calendar, listing_base, page_slot, read_address
from archiver.discover.kind import says_it_is_a_story
from archiver.discover.page import Anchor, Page, has_children, read_page
from archiver.discover.words import LOAD_MORE, NEXT, NUMBER_PREFIX
from archiver.text import fold_text, normalize_text
from archiver.urls import is_same_site, join_url

_ARROW: Final = re.compile(r"[›»→>⟩▶►⇒⟶➔❯]{1,2}")
_ARROWS_AROUND: Final = re.compile(r"^[\s‹«←<›»→>⟨⟩◀▶►⇐⇒⟵⟶➔❮❯|(\[]+|[\s›»→>⟩▶►⇒⟶➔❯|)\].…]+$")
_BACK: Final = re.compile(r"^[\s]*[‹«←<⟨◀❮]")
_DATA_TARGETS: Final = (
    "data-url",
    "data-href",
    "data-next",
    "data-next-url",
    "data-next-page",
    "data-load-more",
    "data-more",
    "data-page-url",
    "data-src",
    "data-endpoint",
    "hx-get",
    "formaction",
)
_LEVELS: Final = 5
"""Steps from a numbered link up to what holds its whole pagination."""


@dataclass(frozen=True, slots=True)
class _Link:
    """A link or button that may lead on, with what it says."""

    url: str
    says: tuple[str, ...]
    """Text and label, folded."""
    number: int | None
    is_arrow: bool
    is_next: bool
    """rel=next."""
    element: _Element


def next_pages(page: Selector, url: str) -> list[str]:
    """Return the addresses of the page that follows this page of a listing, the surest first; usually one or none.

    Nothing that leads back, sorts, filters, or goes to the next story or to a month of a calendar.
    """
    read = read_page(page, url)
    links = [_read_link(anchor) for anchor in read.anchors] + list(_read_buttons(read))
    current = _current_page(read, links)
    is_story = says_it_is_a_story(read.root)
    found: list[str] = []
    ranked = [
        [target for target in _rel_next(read, links) if _leads_on(target, current, is_story=is_story)],
        [link.url for link in links if _says_next(link, read, current, is_story=is_story)],
        [] if is_story and not page_slot(url) else list(_numbered(links, read, current)),
        [link.url for link in links if _is_step(link, current)],
    ]
    for targets in ranked:
        for target in targets:
            if target not in found and listing_base(target) != listing_base(url):
                found.append(target)
    return found


def _read_link(anchor: Anchor) -> _Link:
    return _make_link(
        anchor.url, anchor.text, anchor.label, anchor.node.element, is_next="next" in anchor.rel, alt=anchor.alt
    )


def _make_link(url: str, text: str, label: str, element: _Element, *, is_next: bool, alt: str = "") -> _Link:
    texts = [t for t in (text, label, alt) if t]
    says = tuple(fold_text(_ARROWS_AROUND.sub("", t)) for t in texts if not _BACK.match(t))
    number = next((int(n[1]) for t in texts if (n := NUMBER_PREFIX.fullmatch(t.strip(" []()")))), None)
    return _Link(url, says, number, bool(_ARROW.fullmatch(text.strip())), is_next, element)


def _read_buttons(page: Page) -> Iterator[_Link]:
    """Buttons that fetch more of the listing from an address of the same site."""
    for element in page.root.iter("button", "div", "span", "load-more", "a"):
        if (
            element.tag != "button"
            and element.get("role") != "button"
            and not (element.tag == "a" and element.get("data-next"))
        ):
            continue
        for name in _DATA_TARGETS:
            target = element.get(name)
            url = join_url(page.base, target) if target and re.search(r"[/?]", target) else None
            if url and is_same_site(url, page.url):
                text = normalize_text("".join(element.itertext()))[:80]
                yield _make_link(url, text, element.get("aria-label") or "", element, is_next=False)
                break


@dataclass(frozen=True, slots=True)
class _Current:
    """The page that is being read."""

    url: str
    base: str
    number: int | None
    """The number in the address; None on a first page."""


def _current_page(page: Page, links: list[_Link]) -> _Current:
    slot = page_slot(page.url)
    if slot and not slot.is_sure:
        # `/policy/2` is page 2 only where links of the page say that `/policy` has such pages.
        kin = [
            s
            for link in links
            if (link.number or link.is_next or set(link.says) & (NEXT | LOAD_MORE)) and (s := page_slot(link.url))
        ]
        slot = slot if any(s.base == slot.base for s in kin) else None
    if slot:
        return _Current(page.url, slot.base, slot.number)
    return _Current(page.url, listing_base(page.url), None)


def _same_listing(slot: PageSlot, current: _Current) -> bool:
    return slot.base == current.base


def _leads_on(target: str, current: _Current, *, is_story: bool) -> bool:
    """Tell whether an address that is said to be the next page can be one."""
    slot = page_slot(target)
    if slot and _same_listing(slot, current):
        return slot.number > (current.number if current.number is not None else 0)
    if is_story or listing_base(target) == current.base or (is_calendar(target) and not is_calendar(current.url)):
        return False
    if slot and slot.is_sure:
        return True
    there, here = read_address(target), read_address(current.url)
    if there.segments[: len(here.segments)] == here.segments:
        return bool(there.segments != here.segments or there.query) and not there.has_id
    # Elsewhere on the site it is the next story, unless it reads as no story at all.
    return not there.looks_like_story and there.segments[:-1] == here.segments[:-1] and not here.looks_like_story


def _rel_next(page: Page, links: list[_Link]) -> Iterator[str]:
    for element in page.root.iter("link"):
        if "next" in (element.get("rel") or "").lower().split():
            target = join_url(page.base, element.get("href") or "")
            if target and is_same_site(target, page.url):
                yield target
    for link in links:
        if link.is_next and (
            not link.says
            or any(s in NEXT or s in LOAD_MORE or len(s.split()) <= 3 for s in link.says)
            or page_slot(link.url)
        ):
            yield link.url


def _says_next(link: _Link, page: Page, current: _Current, *, is_story: bool) -> bool:
    if not (link.is_arrow or any(s in NEXT for s in link.says)) or not _leads_on(link.url, current, is_story=is_story):
        return False
    slot = page_slot(link.url)
    if slot and _same_listing(slot, current):
        return True
    address, here = read_address(link.url), read_address(current.url)
    added = {key for key, _ in address.query} - {key for key, _ in here.query}
    if added and added <= MIRROR_QUERY:
        return False
    if link.is_arrow and not any(s in NEXT for s in link.says):
        # A bare arrow says "next" in a pager alone; elsewhere it leads to a story or turns a carousel.
        return address.segments == here.segments and {k for k, _ in address.query} > {k for k, _ in here.query} - {
            "sort"
        }
    return (
        not address.looks_like_story or address.segments[: len(here.segments)] == here.segments or bool(address.query)
    )


def _numbered(links: list[_Link], page: Page, current: _Current) -> Iterator[str]:
    """The link whose number follows the current page's, in a pagination whose links differ by that number alone."""
    for group in _number_groups(links):
        numbers = {link.number: link.url for link in group if link.number is not None}
        slots = {number: page_slot(url) for number, url in numbers.items()}
        fitting = {n: s for n, s in slots.items() if s and _same_listing(s, current)}
        if not fitting:
            here = _marked_number(group[0].element)
            follower = numbers.get((here or 0) + 1) if here else None
            if follower and _is_series(numbers, current) and not is_calendar(follower):
                yield follower
            continue
        here = _marked_number(group[0].element) or _number_by_address(fitting, current)
        if here + 1 in fitting:
            slot = fitting[here + 1]
            if slot.number > (current.number or 0) - (0 if current.number is not None else 1):
                yield numbers[here + 1]


def _number_groups(links: list[_Link]) -> list[list[_Link]]:
    """Numbered links by the element that holds them together."""
    numbered = [link for link in links if link.number is not None]
    groups: dict[_Element, list[_Link]] = defaultdict(list)
    for link in numbered:
        holder = link.element
        for _ in range(_LEVELS):
            parent = holder.getparent()
            if parent is None or parent.tag in ("body", "html", "main", "td"):
                break
            holder = parent
            if holder.tag in ("nav", "ul", "ol"):
                break
        groups[holder].append(link)
    return [group for group in groups.values() if len(group) < 100]


def _marked_number(element: _Element) -> int | None:
    """The number of the current page as its pagination marks it: aria-current, or a number that is no link."""
    holder = element
    for _ in range(_LEVELS):
        parent = holder.getparent()
        if parent is None or parent.tag in ("body", "html"):
            return None
        holder = parent
        if has_children(holder, 61):
            return None
        plain: list[int] = []
        for index, each in enumerate(holder.iter()):
            if index > 300:
                return None
            if not isinstance(each.tag, str):
                continue
            text = normalize_text(each.text or "").strip("[]() ")
            if each.get("aria-current") in ("page", "true", "step", "location"):
                text = normalize_text("".join(each.itertext()))
                if found := re.search(r"\d{1,5}", text):
                    return int(found[0])
            is_link = each.tag == "a" and each.get("href")
            is_bare = each is holder or (next(each.iterancestors("a"), None) is None and not has_children(each, 1))
            if not is_link and is_bare and text.isdigit() and len(text) <= 5:
                plain.append(int(text))
            tail = normalize_text(each.tail or "").strip("[]()|· ,-–—") if each is not holder else ""
            if tail.isdigit() and len(tail) <= 5:
                plain.append(int(tail))
        if len(plain) == 1:
            return plain[0]
    return None


def _number_by_address(fitting: dict[int, PageSlot], current: _Current) -> int:
    """The current page's printed number, from its address and how printed numbers and addresses go together."""
    if current.number is None:
        return 1
    for printed, slot in sorted(fitting.items()):
        if slot.number == current.number:
            return printed
        if not slot.is_offset:
            return current.number + printed - slot.number
        if printed > 1 and slot.number % (printed - 1) == 0 and (step := slot.number // (printed - 1)):
            return current.number // step + 1
    return current.number


def _is_series(numbers: dict[int, str], current: _Current) -> bool:
    """Tell whether addresses under this listing differ by their printed numbers alone, whatever the parameter is called."""
    forms = set()
    for number, url in numbers.items():
        form, replaced = re.subn(rf"(?<!\d){number}(?!\d)(?!.*(?<!\d){number}(?!\d))", "#", url)
        if not replaced:
            return number == 1 and listing_base(url) == current.base
        forms.add(form)
    here = read_address(current.url).segments
    return len(forms) == 1 and all(read_address(u).segments[: len(here) - 1] == here[:-1] for u in numbers.values())


def _is_step(link: _Link, current: _Current) -> bool:
    """Tell whether a link of few words goes one page further by its address."""
    slot = page_slot(link.url)
    if slot is None or not _same_listing(slot, current):
        return False
    if any(len(s.split()) > 4 for s in link.says) or (
        link.number is None and not slot.is_sure and not set(link.says) & LOAD_MORE
    ):
        return False
    if slot.is_offset:
        return bool(set(link.says) & LOAD_MORE) and slot.number > (current.number or 0)
    return slot.number == (current.number if current.number is not None else 1) + 1 and link.number in (
        None,
        slot.number,
    )
