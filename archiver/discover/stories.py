"""Story links of a listing, told from navigation by structure: what repeats, what reads as a headline, what stands in a card."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from lxml.etree import _Element
from parsel import Selector

from archiver.discover.addresses import is_furniture_address, is_listing_address, listing_base, page_slot, read_address
from archiver.discover.page import (
    ARTICLE,
    MANY,
    Anchor,
    Node,
    Page,
    count_headline_words,
    is_headline,
    is_inline,
    read_page,
)
from archiver.discover.words import MORE_IN, SIDE_BOX, is_furniture, is_read_more
from archiver.extract.dates import parse_date
from archiver.extract.structured import read_json_ld, types_of
from archiver.text import count_words, fold_text, normalize_text, strip_arrows
from archiver.urls import is_same_site, join_url

_CARD_WORDS: Final = 260
"""A card says less than this; what says more is a page's body around a single link."""
_LEVELS: Final = 40
"""Steps from a link up to the list that it stands in."""
_NEAR: Final = 100
"""Peers that are asked about a doubtful link."""
_SURE: Final = 3.0
"""Evidence that makes a story link wherever it stands: a headline in a heading, or a headline with a story's address."""
_COMMENTS: Final = re.compile(
    r"^\d*\s*(?:comments?|kommentare?|commentaires?|comentarios?|comentários?|commenti|reacties|replies|responses?)\b"
    r"|^(?:leave|add|post) a (?:comment|reply)",
    re.IGNORECASE,
)
_HEADING_TAGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")
_STORED_NAME: Final = re.compile(r"[\d_./-]")


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedStory:
    """One story as a listing or a feed announces it."""

    url: str
    title: str = ""
    """Headline of the link; empty where it has none."""
    published_at: datetime | None = None
    published_raw: str | None = None


@dataclass(slots=True, eq=False)
class Candidate:
    """All links of a listing to one address."""

    url: str
    anchors: list[Anchor]
    best: Anchor
    title: str
    rank: int
    """How sure it is that `title` is a headline: 5 in a heading … 0 no words at all."""
    card: Node
    evidence: float = 0.0
    peers: Sequence[Candidate] = ()
    """The candidates that stand alike in the same list, itself included."""
    score: float = 0.0
    flags: set[str] = field(default_factory=set)


def list_stories(page: Selector, url: str) -> list[ListedStory]:
    """Return the stories that a listing page lists, in page order, each once.

    Links of navigation, side boxes, pagination and the listing itself are left out. A date is filled where the card
    says one that a machine can read or that is written out.
    """
    read = read_page(page, url)
    language = next((root.get("lang") for root in [read.root] if root.get("lang")), None)
    listed = [_list_story(story, language) for story in find_story_links(read)]
    return listed or list(_read_item_list(read, {a.url for a in read.anchors if a.in_furniture}))


def find_story_links(page: Page) -> list[Candidate]:
    """Return the candidates that are stories of the listing, in page order."""
    candidates = _gather(page)
    if not candidates:
        return []
    item_list = {story.url for story in _read_item_list(page, set())}
    _weigh(candidates, item_list)
    _find_peers(candidates)
    _score(candidates)
    chosen = _drop_side_boxes(_choose(candidates))
    _mark_owners(chosen)
    for story in chosen:
        story.card = _card_of(story.best)
    return sorted(chosen, key=lambda c: min(a.order for a in c.anchors))


def _mark_owners(chosen: list[Candidate]) -> None:
    """Say anew which parts of the page belong to one story: the walk could only guess what is one."""
    owners: dict[int, str] = {}
    marked: dict[int, Node] = {}
    for story in chosen:
        for anchor in story.anchors:
            node: Node | None = anchor.node
            while node is not None and owners.get(id(node)) not in (story.url, MANY):
                owners[id(node)] = MANY if id(node) in owners else story.url
                marked[id(node)] = node
                node = node.parent
    for key, node in marked.items():
        node.owner = owners[key]


def _gather(page: Page) -> list[Candidate]:
    """One candidate for each address that may be a story."""
    by_url: dict[str, list[Anchor]] = defaultdict(list)
    in_menu: set[str] = set()
    for anchor in page.anchors:
        if anchor.in_furniture:
            if count_headline_words(anchor.text) <= 3:
                in_menu.add(anchor.url)
        else:
            by_url[anchor.url].append(anchor)
    own = listing_base(page.url)
    slot = page_slot(page.url)
    own_bases = {own, slot.base} if slot and slot.is_sure else {own}
    labels = _repeated_parts(by_url)
    candidates = []
    for url, anchors in by_url.items():
        if url in in_menu or not _may_be_story(url, own_bases, page.url):
            continue
        anchors = [a for a in anchors if not is_inline(a)]
        titled = [(*_title_of(a, labels), a) for a in anchors]
        if not titled:
            continue
        best_rank = max(rank for _, rank, _ in titled)
        title, rank, best = next(t for t in titled if t[1] == best_rank)
        if is_furniture(title) and rank < 5:
            continue
        if rank <= 3 and (MORE_IN.match(title) or _COMMENTS.match(title)) and not read_address(url).looks_like_story:
            continue
        card = _card_of(best)
        if rank <= 2 and (heading := _lone_heading(card)):
            title, rank = heading, 4
        candidates.append(Candidate(url, anchors, best, title, rank, card))
    return candidates


def _repeated_parts(by_url: dict[str, list[Anchor]]) -> set[str]:
    """Texts that stand in the links to several addresses: labels, bylines, "4 min read", never headlines."""
    counts: Counter[str] = Counter()
    for anchors in by_url.values():
        counts.update({part for a in anchors if len(a.parts) > 1 for part in a.parts})
    return {part for part, number in counts.items() if number > 1}


def _may_be_story(url: str, own_bases: set[str], listing: str) -> bool:
    base = listing_base(url)
    if base in own_bases or is_furniture_address(url) or is_listing_address(url):
        return False
    address, here = read_address(url), read_address(listing)
    if address.host == here.host and address.segments == here.segments:
        return address.has_id  # the listing itself in another order, unless stories differ by their query alone
    return not (address.segments == here.segments[: len(address.segments)] and not address.query)


def _title_of(anchor: Anchor, labels: set[str]) -> tuple[str, int]:
    """The headline that a link gives, and how sure it is one."""
    if anchor.heading and not is_read_more(anchor.heading):
        return strip_arrows(anchor.heading), 5
    text = strip_arrows(_main_part(anchor, labels))
    if text and not is_read_more(text) and not _COMMENTS.match(text) and not _is_date(text, anchor):
        if anchor.in_heading:
            return text, 5
        words = count_headline_words(text)
        return text, 4 if 3 <= words <= 40 else 3 if words < 3 else 2
    label = strip_arrows(anchor.label)
    if label and not is_read_more(label) and not is_furniture(label) and count_headline_words(label) >= 2:
        return label, 2
    if anchor.alt and count_headline_words(anchor.alt) >= 3 and not text:
        return normalize_text(anchor.alt), 1
    return "", 0


def _main_part(anchor: Anchor, labels: set[str]) -> str:
    """The part of a link around a whole card that is its headline: the first that reads as one, else the longest.

    A short part before a whole sentence is the headline over its dek.
    """
    parts = [p for p in anchor.parts if p not in labels and not is_read_more(p) and not _is_date(p, anchor)] or list(
        anchor.parts
    )
    if len(parts) <= 1:
        return parts[0] if parts else ""
    at = next((index for index, part in enumerate(parts) if is_headline(part)), None)
    if at is None:
        return max(parts, key=len)
    is_sentence = count_headline_words(parts[at]) > 12 and parts[at][-1] in ".!?…。"
    before = [p for p in parts[:at] if count_headline_words(p) >= 2]
    return before[-1] if is_sentence and before else parts[at]


def _is_date(text: str, anchor: Anchor) -> bool:
    if not any(c.isdigit() for c in text) or len(text) > 40:
        return False
    return (anchor.has_time and len(anchor.parts) == 1) or (len(text.split()) <= 5 and parse_date(text) is not None)


def _card_of(anchor: Anchor) -> Node:
    """The largest part of the page around a link that holds no other story."""
    node = anchor.node
    while (
        (parent := node.parent) is not None
        and parent.owner in ("", anchor.url)
        and parent.tag not in ("body", "html", "main")
        and parent.words <= _CARD_WORDS
        and (not parent.has_h1 or node.has_h1)
    ):
        node = parent
    return node


def _lone_heading(card: Node) -> str:
    """The heading of a card whose link stands beside it: an overlay, a "Read more"."""
    for heading in card.element.iter(*_HEADING_TAGS):
        if heading.find(".//a") is None:
            return normalize_text("".join(heading.itertext()))
    return ""


def _weigh(candidates: list[Candidate], item_list: set[str]) -> None:
    """Give each candidate the evidence of its own."""
    directories = _count_directories(candidates)
    for story in candidates:
        address = read_address(story.url)
        words = count_headline_words(story.title)
        weight = 2.0 if words >= 4 else 1.0 if words >= 3 else 0.0
        weight += {5: 2.0, 4: 0.5}.get(story.rank, 0.0)
        weight += 1.5 if address.looks_like_story else 0.0
        weight += _weigh_card(story)
        weight += 3.0 if story.url in item_list else 0.0
        if directories[address.path] >= 2 or any("tag" in a.rel or "author" in a.rel for a in story.anchors):
            weight -= 4.0
        if len(address.segments) <= 1 and words < 3 and not address.looks_like_story and not address.query:
            weight -= 1.0
        if len(story.anchors) >= 3 and words < 4 and len({id(a.node.parent) for a in story.anchors}) >= 3:
            weight -= 3.0  # a label that many cards bear
        story.evidence = weight


def _count_directories(candidates: list[Candidate]) -> Counter[str]:
    """How many candidates lie beneath each path: sections lie above stories."""
    above: Counter[str] = Counter()
    for story in candidates:
        segments = read_address(story.url).segments[:12]
        for end in range(1, len(segments)):
            above["/" + "/".join(segments[:end])] += 1
    return above


def _weigh_card(story: Candidate) -> float:
    card, weight = story.card, 0.0
    element = card.element
    if card.region & ARTICLE:
        weight += 1.0
    if next(element.iter("time"), None) is not None:
        weight += 1.0
    if next(element.iter("img", "picture", "amp-img"), None) is not None:
        weight += 0.5
    if card.words - count_words(story.title) >= 10:
        weight += 1.0
    elif is_read_more(" ".join(a.text for a in story.anchors if a is not story.best)[:60] or story.best.text):
        weight += 0.5
    return weight


def _find_peers(candidates: list[Candidate]) -> None:
    """Group candidates that hang alike from the same element: the same path of tags beneath it.

    All climb at once, a level at a time, until each has met another: a flat list ends after a step or two.
    """
    nodes: list[Node | None] = [c.best.node for c in candidates]
    paths = [0] * len(candidates)
    alone = len(candidates)
    for _ in range(_LEVELS):
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, node in enumerate(nodes):
            if node is None:
                continue
            paths[index] = hash((paths[index], node.tag))
            nodes[index] = node.parent
            if node.parent is not None:
                groups[id(node.parent), paths[index]].append(index)
        for members in groups.values():
            if len(members) > 1:
                together = [candidates[i] for i in members]
                for story in together:
                    if not story.peers:
                        story.peers = together
                        alone -= 1
        if not alone or not groups:
            break
    for story in candidates:
        story.peers = story.peers or (story,)


def _score(candidates: list[Candidate]) -> None:
    """Temper each one's own evidence by that of its peers and of all addresses of its shape."""
    of_shape: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for story in candidates:
        of_shape[read_address(story.url).shape].append(story.evidence)
    shape_mean = {shape: sum(all_) / len(all_) for shape, all_ in of_shape.items()}
    means: dict[int, float] = {}
    for story in candidates:
        if id(story.peers) not in means:
            means[id(story.peers)] = _mean_evidence(story.peers)
        mean = means[id(story.peers)]
        weight = 0.4 if len(story.peers) >= 3 else 0.2
        shape = 0.2 if len(of_shape[read_address(story.url).shape]) >= 3 else 0.1
        story.score = (
            (1 - weight - shape) * story.evidence + weight * mean + shape * shape_mean[read_address(story.url).shape]
        )


def _mean_evidence(peers: Sequence[Candidate]) -> float:
    return sum(p.evidence for p in peers) / len(peers)


def _choose(candidates: list[Candidate]) -> list[Candidate]:
    """The candidates whose score is a story's, measured by the best that the page has."""
    best = max(
        sum(sorted((p.score for p in c.peers), reverse=True)[:5]) / min(5, len(c.peers))
        for c in _one_of_each_group(candidates)
    )
    if best < _SURE:
        return _choose_bare(candidates)
    needed = max(2.0, min(_SURE, best / 2))
    chosen = {c.url: c for c in candidates if c.score >= needed and (c.title or c.score >= _SURE)}
    leads = Counter(read_address(url).segments[:-1] for url in chosen)
    sure = set(chosen)
    chosen |= {c.url: c for c in candidates if c.url not in sure and _keeps_company(c, sure, leads)}
    shapes = Counter(read_address(url).shape for url in chosen)
    shape, number = shapes.most_common(1)[0] if shapes else ((), 0)
    if number >= 5 and number >= 0.8 * len(chosen) and len(shape) > 1:
        # Where nearly all stories share an address's form, what stands alone under another is a promotion.
        main = {id(c.peers) for c in chosen.values() if read_address(c.url).shape == shape}
        return [
            c
            for c in chosen.values()
            if read_address(c.url).shape[:-1] == shape[:-1] or (id(c.peers) in main and c.evidence >= _SURE)
        ]
    return list(chosen.values())


def _keeps_company(story: Candidate, chosen: set[str], leads: Counter[tuple[str, ...]]) -> bool:
    """Tell whether a link too poor to be chosen for itself stands among stories: a headline of two words in a list."""
    if story.rank < 2 or story.evidence <= -1:
        return False
    near = [p for p in story.peers[:_NEAR] if p is not story]
    with_it = sum(p.url in chosen for p in near)
    lead = read_address(story.url).segments[:-1]
    if lead:
        return leads[lead] >= (1 if with_it else 3)
    return with_it >= 3 and with_it >= 0.6 * len(near)


def _one_of_each_group(candidates: list[Candidate]) -> Iterator[Candidate]:
    seen: set[int] = set()
    for story in candidates:
        if id(story.peers) not in seen:
            seen.add(id(story.peers))
            yield story


def _choose_bare(candidates: list[Candidate]) -> list[Candidate]:
    """Where nothing reads as a headline, the longest list is the listing, if it looks like files and not like a menu."""
    lists = [c.peers for c in _one_of_each_group(candidates)]
    longest = max(lists, key=lambda peers: (len(peers), sum(p.score for p in peers)))
    good = [p for p in longest if p.evidence > -1]
    if not good:
        return []
    told = sum(
        bool(_STORED_NAME.search(p.title))
        or count_headline_words(p.title) >= 2
        or read_address(p.url).looks_like_story
        or "." in read_address(p.url).segments[-1:][0]
        if read_address(p.url).segments
        else False
        for p in good
    )
    return good if 2 * told > len(good) else []


def _drop_side_boxes(chosen: list[Candidate]) -> list[Candidate]:
    """Leave out the lists that repeat other pages' stories: "Most read", and a ranking beside richer cards."""
    if not chosen:
        return []
    groups = list(_one_of_each_group(chosen))
    if len(groups) == 1:
        return chosen
    means = {id(g.peers): _mean_evidence(g.peers) for g in groups}
    rich = max(means.values())
    dropped: set[int] = set()
    for group in groups:
        is_ranking = means[id(group.peers)] <= rich - 2 and len(group.peers) >= 3 and _in_tag(group.card, "ol")
        if is_ranking or SIDE_BOX.search(fold_text(_label_of(group))):
            dropped.add(id(group.peers))
    kept = [c for c in chosen if id(c.peers) not in dropped]
    return kept or chosen


def _in_tag(node: Node | None, tag: str) -> bool:
    for _ in range(6):
        if node is None:
            return False
        if node.tag == tag:
            return True
        node = node.parent
    return False


def _label_of(story: Candidate) -> str:
    """The short text that stands over the list of a candidate's peers."""
    node: Node | None = story.card
    for _ in range(6):
        if node is None or node.tag in ("body", "html", "main"):
            return ""
        if label := node.element.get("aria-label"):
            return label
        before = node.element.getprevious()
        for _ in range(4):
            if before is None:
                break
            if isinstance(before.tag, str) and (text := _short_text(before)):
                if before.find(".//a") is None or before.tag in _HEADING_TAGS:
                    return text
                break
            if isinstance(before.tag, str) and len(before):
                break
            before = before.getprevious()
        node = node.parent
    return ""


def _short_text(element: _Element) -> str:
    text = ""
    for piece in element.itertext():
        text += piece
        if len(text) > 200:
            return ""
    text = normalize_text(text)
    return text if 0 < len(text) <= 60 else ""


def _list_story(story: Candidate, language: str | None) -> ListedStory:
    at, raw = _date_of(story, language)
    return ListedStory(url=story.url, title=story.title, published_at=at, published_raw=raw)


def _date_of(story: Candidate, language: str | None) -> tuple[datetime | None, str | None]:
    """The date that a card says, else the text right behind or before it in a list without cards."""
    for element in _card_and_company(story):
        for each in element.iter("time", "meta", "relative-time", "amp-timeago"):
            if each.get("itemprop") in (None, "datePublished", "dateCreated"):
                raw = (
                    each.get("datetime") or (each.get("content") if each.get("itemprop") else None) or _short_text(each)
                )
                if raw and (at := parse_date(raw, language=language)):
                    return at, raw.strip()
        for raw in _short_texts(element):
            if raw != story.title and (at := parse_date(raw, language=language)):
                return at, raw
    return None, None


def _card_and_company(story: Candidate) -> Iterator[_Element]:
    """The card, and what follows it up to the next story: `dd` behind `dt`, rows of a table, paragraphs of a flat list."""
    card = story.card
    yield card.element
    if card.parent is None or card.parent.owner != MANY:
        return
    heads = _HEADING_TAGS if card.tag in _HEADING_TAGS else (card.tag,)
    for index, sibling in enumerate(card.element.itersiblings()):
        if index >= 4 or sibling.tag in heads or (isinstance(sibling.tag, str) and _links_elsewhere(sibling, story)):
            return
        if isinstance(sibling.tag, str):
            yield sibling


def _links_elsewhere(element: _Element, story: Candidate) -> bool:
    return any(link.get("href") and count_words("".join(link.itertext())) >= 4 for link in element.iter("a"))


def _short_texts(element: _Element) -> Iterator[str]:
    """Texts of an element that can be a date line, the first few."""
    seen = 0
    for each in element.iter():
        if not isinstance(each.tag, str) or each.tag in ("script", "style"):
            continue
        for text in (each.text, each.tail if each is not element else None):
            if text and len(text) <= 200 and any(c.isdigit() for c in text):
                seen += 1
                if seen > 20:
                    return
                short = normalize_text(text)
                if 6 <= len(short) <= 60:
                    yield short


def _read_item_list(page: Page, in_menu: set[str]) -> Iterator[ListedStory]:
    """Stories that JSON-LD names in an ItemList or as parts of a collection or blog."""
    seen = set()
    for item in iterate_items(page.root):
        target = item.get("url") or item.get("@id")
        url = join_url(page.base, target) if isinstance(target, str) else None
        if not url or url in seen or url in in_menu or not is_same_site(url, page.url):
            continue
        if not _may_be_story(url, {listing_base(page.url)}, page.url):
            continue
        seen.add(url)
        name = item.get("headline") or item.get("name")
        raw = item.get("datePublished")
        raw = raw if isinstance(raw, str) else None
        yield ListedStory(
            url=url,
            title=normalize_text(name) if isinstance(name, str) else "",
            published_at=parse_date(raw) if raw else None,
            published_raw=raw,
        )


def iterate_items(root: _Element) -> Iterator[dict[str, Any]]:
    """Yield what the page's JSON-LD lists: items of an ItemList, posts of a blog, parts of a collection."""
    for script in root.iter("script"):
        if "ld+json" not in (script.get("type") or ""):
            continue
        for node in read_json_ld(script.text or ""):
            if "BreadcrumbList" in (kinds := types_of(node)) or "SiteNavigationElement" in kinds:
                continue
            parts = (
                node.get("itemListElement")
                or (node.get("blogPost") if "Blog" in kinds else None)
                or (node.get("hasPart") if "CollectionPage" in kinds else None)
            )
            for part in parts if isinstance(parts, list) else ():
                item = part.get("item", part) if isinstance(part, dict) else part
                if isinstance(item, str):
                    item = {"url": item, **({"name": part.get("name")} if isinstance(part, dict) else {})}
                if isinstance(item, dict) and "SiteNavigationElement" not in types_of(item):
                    yield item
