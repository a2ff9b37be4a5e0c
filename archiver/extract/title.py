"""The title: every text that could be the headline, weighed by where the page shows it and what its data says of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from archiver.extract.blocks import CLUTTER, Block, Blocks, Region
from archiver.extract.structured import Structured, texts_of, types_of
from archiver.extract.trace import Trace
from archiver.text import fold_text, normalize_text
from archiver.urls import registered_domain

_SEPARATOR: Final = re.compile(r"\s+[|\-–—•·»›:/~]+\s+|\s*[|｜»]\s*|(?<=\S):\s+|\s+::\s+")
_CRUMB: Final = re.compile("crumb", re.IGNORECASE)
_ELSEWHERE: Final = Region.NAV | Region.FOOTER | Region.DIALOG | Region.COMMENT
"""Where no headline stands."""
_MAX_HEADINGS: Final = 500

_SAID: Final = {"json-ld": 1.0, "og:title": 1.0, "title": 1.0, "twitter:title": 0.5}
"""What one place of the page's data weighs, `_SAID_ELSE` the others: most sites copy them from the first."""
_SAID_ELSE: Final = 0.25
_PLACES: Final = {
    "agreed": (24.0, "JSON-LD of a news article and og:title agree on it"),
    "h1": (20.0, "is the h1"),
    "part": (20.0, "is the h1 less a label before it"),
    "under breadcrumb": (20.0, "is shown under a breadcrumb that ends in the h1"),
    "heading": (6.0, "is shown as a heading"),
    "unknown h1": (5.0, "is the h1, though no data knows it"),
    "shown": (4.5, "is shown"),
    "short h1": (0.4, "is the h1, of few words that no data knows"),
    "in view": (0.1, "stands among the text"),
    "first": (0.05, "is the first h1"),
}
"""Where a text stands → its weight and what that is in words. Each line outweighs all that the data can say (4.25), but for
the last three: what the page shows goes first, and the data decides between two that are shown alike. The one exception is a
headline on which a news article's JSON-LD and Open Graph agree. Editors write both: where it differed from the h1 it was
right on 8 of 8 news pages; on other pages, where marketers write both, wrong on 9 of 12.

og:title alone against the h1 was right on 12 pages of articles and wrong on 31, JSON-LD alone on 4 and 12: the h1 stays. Where
another headline stands under the h1 of a breadcrumb, and the data knows it, it was right on 7 of 7 pages of 5 sites."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A column's value and the rule that found it."""

    text: str
    rule: str
    block: Block | None = None


@dataclass(slots=True, eq=False)
class _Candidate:
    """A text that could be the headline, and what speaks for it."""

    text: str
    rule: str
    block: Block | None = None
    places: list[str] = field(default_factory=list)
    folded: str = ""
    words: frozenset[str] = frozenset()
    votes: float = 0.0

    def __post_init__(self) -> None:
        self.folded = fold_text(self.text)
        self.words = frozenset(self.folded.split())

    @property
    def score(self) -> float:
        return self.votes + sum(_PLACES[place][0] for place in self.places)


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


def find_title(
    page: Blocks, data: Structured, title_tag: str, names: list[str], trace: Trace | None = None
) -> Choice | None:
    """Find the headline as the page shows it: the h1 on which the page's data agrees; else what most of the data says.

    An h1 that ends a breadcrumb is a title for search engines where the page shows another, of which its data knows.
    """
    known = {fold_text(n) for n in names}
    said = [_Candidate(text, rule) for rule, text in _said_titles(data, title_tag, names, known)]
    headings = [b for b in page.blocks if b.heading == 1 and len(b.text) < 500][:_MAX_HEADINGS]
    candidates, passed = _shown_titles(page, headings, said, names, known)
    if said and not any("h1" in c.places or "under breadcrumb" in c.places for c in candidates):
        candidates += _printed_data(page, said, known)
    agreed = _agreed_headline(data, said)
    if agreed:
        candidates.append(_Candidate(agreed.text, "json-ld+og:title", None, ["agreed"]))
    merged = _merge([*candidates, *said])
    for each in merged:
        each.votes = _votes(each, said)
    best = max(merged, key=lambda c: c.score, default=None)
    if best is not None:
        best.text = _respaced(best.text, said)
    if trace is not None:
        _note(trace, merged, best, said)
        for heading, why in passed:
            trace.note("title", heading.text, "h1", 0, why)
    if best is None:
        first = next(
            (b for b in page.blocks if b.heading in (2, 3) and not b.region & CLUTTER and len(b.text) > 15), None
        )
        if first and trace is not None:
            trace.note("title", first.text, "heading", 1, "no h1 and no data: the first heading", won=True)
        return Choice(first.text, "heading", first) if first else None
    block = best.block
    if block is None and "agreed" in best.places:
        block = next((c.block for c in merged if "h1" in c.places), None)
    return Choice(best.text, best.rule, block)


def _said_titles(data: Structured, title_tag: str, names: list[str], known: set[str]) -> list[tuple[str, str]]:
    article = data.article() or {}
    raw = [("json-ld", text) for text in texts_of(article.get("headline"))[:1] or texts_of(article.get("name"))[:1]]
    for rule in ("og:title", "twitter:title", "dc.title", "parsely-title", "sailthru.title"):
        value = data.first_meta(rule)
        if value:
            raw.append((rule, value))
    if title_tag:
        raw.append(("title", title_tag))
    said = [(rule, strip_site_name(normalize_text(text), names)) for rule, text in raw]
    return [(rule, text) for rule, text in said if len(text) > 2 and fold_text(text) not in known]


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


def _shown_titles(
    page: Blocks, headings: list[Block], said: list[_Candidate], names: list[str], known: set[str]
) -> tuple[list[_Candidate], list[tuple[Block, str]]]:
    """The headlines that the page shows as such, and the h1 passed over with the reason."""
    found: list[_Candidate] = []
    passed: list[tuple[Block, str]] = []
    shown: list[Block] = []
    for block in headings:
        under = _under_breadcrumb(page, block, said)
        if under:
            found += under
            passed.append((block, "ends a breadcrumb, and another headline stands under it"))
        elif block.region & _ELSEWHERE:
            passed.append((block, "stands in navigation, footer, dialogue or comments"))
        else:
            shown.append(block)
    proper = [b for b in shown if fold_text(b.text) not in known] or shown
    tried = [_Candidate(strip_site_name(b.text, names), "h1", b) for b in proper]
    for each in tried:
        each.votes = _votes(each, said)
        if each.block is not None and not each.block.region & (Region.HIDDEN | Region.ASIDE):
            each.places.append("in view")
    if tried:
        tried[0].places.append("first")
    best = max(tried, key=lambda c: c.score, default=None)
    for each in tried:
        if each is not best:
            passed += [(each.block, f"weighs {each.score:.2f}, less than the best h1")] if each.block else []
            continue
        if not said or (each.score > 0.5 and each.folded not in known):
            each.places.append("h1")
            found += [each, *_parts(each, said)]
        else:
            each.places.append("unknown h1" if len(each.words) >= 4 else "short h1")
            found.append(each)
    return found, passed


def _parts(shown: _Candidate, said: list[_Candidate]) -> Iterator[_Candidate]:
    """The h1 less a label inside it, where the page's data knows it without."""
    for other in said:
        before = len(shown.folded) - len(other.folded)
        if other.rule not in ("json-ld", "og:title") or len(other.folded) <= 15 or not 0 < before < 40:
            continue
        label = shown.folded[:before]
        start = _find_folded(shown.text, other.folded) if shown.folded.endswith(" " + other.folded) else None
        if start is not None and re.search(r"[^\W\d_]", label):
            places = ["part", *(place for place in shown.places if place != "h1")]
            yield _Candidate(shown.text[start:], "h1", shown.block, places)


def _find_folded(text: str, folded: str) -> int | None:
    for match in re.finditer(r"(?<!\w)\w|[“\"‘'«]", text):
        if fold_text(text[match.start() :]) == folded:
            return match.start()
    return None


def _under_breadcrumb(page: Blocks, h1: Block, said: list[_Candidate]) -> list[_Candidate]:
    """The titles of the data that the first headline under a breadcrumb's h1 shows, whole or after a label."""
    if not said or not _ends_breadcrumb(page, h1):
        return []
    for block in page.blocks[h1.index + 1 : h1.index + 16]:
        if block.heading not in (1, 2) or len(block.text) > 300 or block.region & Region.NAV:
            continue
        folded = " " + fold_text(block.text)
        shown = [c for c in said if len(c.folded) > 10 and folded.endswith(" " + c.folded)]
        if shown:
            return [_Candidate(c.text, f"shown+{c.rule}", block, ["under breadcrumb"]) for c in shown]
    return []


def _ends_breadcrumb(page: Blocks, h1: Block) -> bool:
    """Whether an h1 is the last of a breadcrumb: called one, or beside the links to the sections above."""
    node = h1.node.parent
    called = [h1.node.element.get("class"), *([node.element.get("class")] if node else [])]
    if any(name and _CRUMB.search(name) for name in called):
        return True
    before = page.blocks[h1.index - 1] if h1.index else None
    if before is None or node is None or before.link_density <= 0.7:
        return False
    if before.node is node:
        return len(before.links) > 1
    item = h1.node if h1.node.tag == "li" else node
    return item.tag == "li" and before.node.tag == "li" and before.node.parent is item.parent


def _printed_data(page: Blocks, said: list[_Candidate], known: set[str]) -> list[_Candidate]:
    """Where no h1 can be trusted: the titles of the data that a block shows, and headings that they hold."""
    wanted = {c.folded: c for c in reversed(said) if len(c.folded) >= 8}
    longest = max((len(c.text) for c in said), default=0) + 40
    prose = next((b.index for b in page.blocks if len(b.text) > 150 and not b.region & CLUTTER), None)
    found: dict[str, _Candidate] = {}
    for block in page.blocks:
        if len(block.text) > longest or block.region & (Region.NAV | Region.FOOTER):
            continue
        folded = fold_text(block.text)
        same = wanted.get(folded)
        if same is None and (
            block.heading not in (1, 2, 3)
            or len(folded) < 8
            or folded in known
            or not any(_holds(c.folded, folded) for c in said)
        ):
            continue
        # A heading that is not all of the title, behind the text's first paragraph, is no place for the text to begin after.
        under = same is None and prose is not None and block.index > prose
        places = ["heading" if block.heading else "shown"]
        each = _Candidate(block.text, same.rule if same else "heading", None if under else block, places)
        first = found.setdefault(folded, each)
        if first.block is not None and each.block is not None and _rank(block) < _rank(first.block):
            found[folded] = each
    return list(found.values())


def _rank(block: Block) -> tuple[bool, bool]:
    return not block.heading, block.link_density > 0.5


def _holds(title: str, part: str) -> bool:
    """Whether a text is the greater part of a title, at one of its ends."""
    return 2 * len(part) >= len(title) - 4 and (title.startswith(part + " ") or title.endswith(" " + part))


def _agreed_headline(data: Structured, said: list[_Candidate]) -> _Candidate | None:
    """The headline on which a news article's JSON-LD and Open Graph agree."""
    if not any(kind.endswith("NewsArticle") for kind in types_of(data.article() or {})):
        return None
    by_rule = {c.rule: c for c in reversed(said)}
    headline, shared = by_rule.get("json-ld"), by_rule.get("og:title")
    return headline if headline and shared and headline.folded == shared.folded else None


def _merge(candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """One candidate for each text, with all the places in which it stands; spelled as the first of them."""
    merged: dict[str, _Candidate] = {}
    for each in candidates:
        first = merged.setdefault(each.folded, each)
        if first is not each:
            first.places += [place for place in each.places if place not in first.places]
            first.block = first.block or each.block
    return list(merged.values())


def _votes(candidate: _Candidate, said: list[_Candidate]) -> float:
    """What the page's data gives a text: the whole weight of each place that says it, a part for a rewording."""
    return sum(_SAID.get(other.rule, _SAID_ELSE) * _likeness(candidate, other) for other in said)


def _likeness(shown: _Candidate, other: _Candidate) -> float:
    """1 for the same words, 0.9 where one holds the other, less for a rewording.

    >>> _likeness(_Candidate("Levy passes", ""), _Candidate("The levy passes, again", ""))
    0.9
    """
    if not shown.folded or not other.folded:
        return 0.0
    if other.folded == shown.folded:
        return 1.0
    shorter, longer = sorted((shown.folded, other.folded), key=len)
    if len(shorter) > 10 and f" {shorter} " in f" {longer} ":
        return 0.9 if len(shorter) > 0.4 * len(longer) else 0.2
    shared = len(shown.words & other.words) / max(1, min(len(shown.words), len(other.words)))
    return 0.7 * shared if shared >= 0.4 else 0.0


def _respaced(text: str, said: list[_Candidate]) -> str:
    """The text as shown; with the data's spaces where elements without any part it: `Live:Levy passes`."""
    letters = "".join(text.split())
    same = [c.text for c in said if len(c.text) > len(text) and "".join(c.text.split()) == letters]
    return same[0] if same else text


def _note(trace: Trace, candidates: list[_Candidate], best: _Candidate | None, said: list[_Candidate]) -> None:
    for each in candidates:
        why = [_PLACES[place][1] for place in each.places]
        for label, least, most in (("same in", 1.0, 1.0), ("like", 0.01, 0.99)):
            rules = [c.rule for c in said if least <= _likeness(each, c) <= most]
            why += [f"{label} {', '.join(rules)}"] if rules else []
        trace.note("title", each.text, each.rule, each.score, "; ".join(why), won=each is best)
