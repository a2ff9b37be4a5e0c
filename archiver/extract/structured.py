"""What a page says of itself to machines: JSON-LD, microdata, Open Graph, meta and rel links. Read once, asked often."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from lxml.etree import XPath, _Element

Node = dict[str, Any]

ARTICLE_TYPES: Final = frozenset(
    """Article NewsArticle BlogPosting LiveBlogPosting Report ReportageNewsArticle AnalysisNewsArticle OpinionNewsArticle
    BackgroundNewsArticle ReviewNewsArticle AskPublicNewsArticle SatiricalArticle AdvertiserContentArticle
    SocialMediaPosting DiscussionForumPosting TechArticle ScholarlyArticle CreativeWork MedicalScholarlyArticle Review
    ClaimReview Recipe HowTo""".split()
)
LISTING_TYPES: Final = frozenset("CollectionPage SearchResultsPage ProfilePage ContactPage AboutPage ItemList".split())

_MAX_SCRIPT: Final = 2_000_000
"""Characters of one JSON-LD script that are still read: real ones stay below 300 kB."""
_MAX_NODES: Final = 5_000
_MAX_TEXT: Final = 20_000
"""Characters of one microdata text."""
_MAX_TEXTS: Final = 2_000_000
"""Characters of all microdata texts of a page: properties inside properties say the same text again and again."""
_STRING: Final = XPath("string()")  # `itertext` takes the square of the number of comments
# By way of the attribute: a third of what `//*[@itemscope]` takes.
_ITEMS: Final = XPath("//@itemscope/..")
_PROPERTIES: Final = XPath("//@itemprop/..")
_TRAILING_COMMA: Final = re.compile(r",\s*(?=[\]}])")
_OPENING: Final = re.compile(r"(?:\s+|/\*.*?\*/|//[^\n]*\n|<!--|<!\[CDATA\[)*", re.DOTALL)
"""Comments and CDATA before the JSON. What closes them behind it is no JSON, and ends the reading."""
_BETWEEN: Final = re.compile(r"[ \t\r\n;,]*")


@dataclass(frozen=True)
class Structured:
    """Structured data of one page. Without slots, for what every column asks is answered once."""

    nodes: list[Node]
    """Every JSON-LD object, outer before inner, in page order."""
    meta: dict[str, list[str]]
    """`name`, `property`, `itemprop` or `http-equiv` in lower case → contents in page order."""
    links: list[tuple[str, str, bool]]
    """(rel in lower case, href, stands in head)"""
    items: list[Node] = field(default_factory=list)
    """Microdata items of schema.org: the same shape as JSON-LD."""
    flags: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    """Of `<base>`, in page order."""
    titles: tuple[tuple[str, str], ...] = ()
    """Text of each `<title>` and the element it stands in."""

    def first_meta(self, *names: str) -> str | None:
        """Return the first content that says something, of the first name that has one."""
        for name in names:
            for content in self.meta.get(name, ()):
                if content.strip():
                    return content.strip()
        return None

    @cached_property
    def typed(self) -> list[tuple[Node, set[str]]]:
        """Every object and its types, JSON-LD before microdata."""
        return [(node, types_of(node)) for node in self.nodes + self.items]

    def article(self) -> Node | None:
        """Return the JSON-LD or microdata object that describes the page's story: the one that says most."""
        return self._article

    @cached_property
    def _article(self) -> Node | None:
        best, most = None, 0
        for node, kinds in self.typed:
            if kinds & ARTICLE_TYPES:
                says = sum(
                    bool(node.get(k))
                    for k in ("headline", "datePublished", "author", "articleBody", "image", "description", "publisher")
                )
                said_to_be_main = 3 if node.get("mainEntityOfPage") else 0
                less = 3 if kinds <= {"CreativeWork", "Review", "Recipe", "HowTo", "ClaimReview"} else 0
                if says + said_to_be_main - less > most:
                    best, most = node, says + said_to_be_main - less
        return best

    def articles(self) -> list[Node]:
        """Return every object that can describe the page's story, the one of `article` first."""
        first = self.article()
        others = [node for node, kinds in self.typed if node is not first and kinds & ARTICLE_TYPES]
        return [*([first] if first else []), *others[:5]]

    def of_type(self, *names: str) -> list[Node]:
        """Return every object of one of these types."""
        return [node for node, kinds in self.typed if not kinds.isdisjoint(names)]


def types_of(node: Node) -> set[str]:
    """Return the types of an object without their vocabulary's address."""
    kind = node.get("@type")
    kinds = kind if isinstance(kind, list) else [kind]
    return {k.rsplit("/", 1)[-1].rsplit(":", 1)[-1] for k in kinds if isinstance(k, str)}


def texts_of(value: Any) -> list[str]:
    """Return the texts in a value of JSON-LD: a string, an object with a name, or a list of either, HTML undone.

    >>> texts_of(["A &amp; B", {"@type": "Person", "name": "C"}, None])
    ['A & B', 'C']
    """
    found: list[str] = []
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            each = each.get("name") or each.get("@value") or each.get("text") or each.get("headline")
            if isinstance(each, list):
                each = next((e for e in each if isinstance(e, str)), None)
        if isinstance(each, (int, float)) and not isinstance(each, bool):
            each = str(each)
        if isinstance(each, str) and each.strip():
            found.append(html.unescape(html.unescape(each)).strip())
    return found


def urls_of(value: Any) -> list[str]:
    """Return the addresses in a value of JSON-LD: strings, or `url`, `@id`, `contentUrl` or `sameAs` of objects.

    >>> urls_of([{"@id": "https://a.example/1"}, "https://a.example/2", "not one"])
    ['https://a.example/1', 'https://a.example/2']
    """
    found: list[str] = []
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            named = [each.get(key) for key in ("url", "@id", "contentUrl", "sameAs")]
            flat = [n[0] if isinstance(n, list) and n else n for n in named]
            each = next((n for n in flat if isinstance(n, str) and n.startswith(("http", "/"))), None)
        if isinstance(each, str) and re.match(r"\s*(?:https?:)?//", each):
            found.append(each.strip())
    return found


def read_json_ld(text: str) -> list[Node]:
    """Return every object of a JSON-LD script, outer before inner; mended where the fault is a common one.

    Comments and CDATA around it, raw line breaks in strings, trailing commas, a second object after the first.

    >>> [types_of(n) for n in read_json_ld('<!-- {"@graph": [{"@type": "A"}, {"@type": ["B"]}],} -->')]
    [set(), {'A'}, {'B'}]
    >>> read_json_ld("[" * 100_000)
    []
    """
    if len(text) > _MAX_SCRIPT:
        return []
    opening = _OPENING.match(text)
    nodes: list[Node] = []
    for value in _load(text[opening.end() :].strip() if opening else text):
        nodes += _flatten(value, _MAX_NODES - len(nodes))
    return nodes


def _load(text: str) -> list[Any]:
    decoder = json.JSONDecoder(strict=False)
    for attempt in (text, _TRAILING_COMMA.sub("", text)):
        values: list[Any] = []
        position = 0
        try:
            while position < len(attempt) and len(values) < 100:
                value, position = decoder.raw_decode(attempt, position)
                values.append(value)
                between = _BETWEEN.match(attempt, position)
                position = between.end() if between else position
        except RecursionError:
            return []
        except ValueError:
            if values:
                return values
            continue
        return values
    return []


def _flatten(value: Any, limit: int) -> list[Node]:
    """Every object in a value, outer before inner, in order; iterative, for nesting may be hostile."""
    nodes: list[Node] = []
    stack = [value]
    steps = 0
    while stack and len(nodes) < limit and steps < 20 * _MAX_NODES:
        steps += 1
        here = stack.pop()
        if isinstance(here, dict):
            nodes.append(here)
            stack.extend(reversed([v for v in here.values() if isinstance(v, (dict, list))]))
        elif isinstance(here, list):
            stack.extend(reversed(here[:_MAX_NODES]))
    return nodes


def read_structured(root: _Element) -> Structured:
    """Read the structured data of a page, microdata too."""
    nodes: list[Node] = []
    meta: dict[str, list[str]] = {}
    links: list[tuple[str, str, bool]] = []
    flags: list[str] = []
    bases: list[str] = []
    titles: list[tuple[str, str]] = []
    for element in root.iter("script", "meta", "link", "base", "title"):
        if element.tag == "script":
            if "ld+json" in (element.get("type") or ""):
                text = element.text or ""
                if len(text) > _MAX_SCRIPT:
                    flags.append("json-ld-too-large")
                found = read_json_ld(text)
                if not found and text.strip():
                    flags.append("json-ld-unreadable")
                nodes += found[: _MAX_NODES - len(nodes)]
        elif element.tag == "meta":
            content = element.get("content")
            name = (
                element.get("property") or element.get("name") or element.get("itemprop") or element.get("http-equiv")
            )
            if content is not None and name:
                meta.setdefault(name.strip().lower(), []).append(content)
        elif element.tag == "title":
            parent = element.getparent()
            titles.append((" ".join((element.text or "").split()), str(parent.tag) if parent is not None else ""))
        elif (href := element.get("href")) and element.tag == "base":
            bases.append(href)
        elif href and (rel := element.get("rel")):
            parent = element.getparent()
            is_in_head = parent is not None and (
                parent.tag == "head" or next(element.iterancestors("head"), None) is not None
            )
            links.append((rel.lower(), href.strip(), is_in_head))
    items = list(_read_microdata(root))
    return Structured(
        nodes=nodes,
        meta=meta,
        links=links,
        items=items,
        flags=tuple(dict.fromkeys(flags)),
        bases=tuple(bases),
        titles=tuple(titles),
    )


def _read_microdata(root: _Element) -> Iterator[Node]:
    """Every schema.org item: its properties by name, nested items as objects, as JSON-LD would spell them."""
    nodes: dict[_Element, Node] = {}
    for element in _ITEMS(root):
        kind = (element.get("itemtype") or "").strip()
        nodes[element] = {"@type": kind.rsplit("/", 1)[-1] if kind else ""}
        if len(nodes) >= _MAX_NODES:
            break
    if not nodes:
        return
    owners: dict[_Element, Node | None] = {}
    unread = _MAX_TEXTS
    for element in _PROPERTIES(root):
        owner = _owner_of(element, nodes, owners)
        if owner is None:
            continue
        value: Any = nodes.get(element)
        if value is None:
            value = _value_of(element) if unread > 0 else ""
            unread -= len(value)
        for name in (element.get("itemprop") or "").split():
            have = owner.get(name)
            if have is None:
                owner[name] = value
            elif isinstance(have, list):
                have.append(value)
            else:
                owner[name] = [have, value]
    yield from (node for node in nodes.values() if node["@type"])


def _owner_of(element: _Element, nodes: dict[_Element, Node], owners: dict[_Element, Node | None]) -> Node | None:
    """The item that an element's property belongs to. `owners` keeps the way up, so that none is walked twice."""
    way: list[_Element] = []
    owner: Node | None = None
    for ancestor in element.iterancestors():
        if ancestor in nodes:
            owner = nodes[ancestor]
            break
        if ancestor in owners:
            owner = owners[ancestor]
            break
        way.append(ancestor)
    owners.update(dict.fromkeys(way, owner))
    return owner


def _value_of(element: _Element) -> str:
    for name in ("content", "datetime"):
        if element.get(name):
            return element.get(name, "")
    if element.tag in ("a", "link", "area"):
        return element.get("href") or ""
    if element.tag in ("img", "video", "audio", "source", "iframe", "embed"):
        return element.get("src") or ""
    return " ".join(_STRING(element)[: 2 * _MAX_TEXT].split())[:_MAX_TEXT]
