"""The groups of rules that `ablation.py` leaves out one after the other, and what stands in the place of each rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from archiver.extract.blocks import Block, Blocks, Region

Factory = Callable[[Any], Any]
"""The rule → its stand-in."""

_NEVER: Final = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are left out together."""

    name: str
    rules: Mapping[str, Factory]
    """`module.attribute` under archiver.extract → what makes the stand-in."""


def _never(_: Any) -> Any:
    return _NEVER


def _says(answer: Any) -> Factory:
    """A function that gives one answer; a type as the answer makes a new one each time."""
    make = answer if isinstance(answer, type) else lambda: answer
    return lambda _: lambda *args, **kwargs: make()


def _passes(place: int = 0) -> Factory:
    """A function that gives back one of its arguments."""
    return lambda _: lambda *args, **kwargs: args[place]


def _without(words: str) -> Factory:
    """A table or a set without some of its keys, all of which it must have."""
    keys = set(words.split())

    def stand_in(table: Any) -> Any:
        if missing := keys - set(table):
            raise KeyError(f"no such entries any more: {', '.join(sorted(missing))}")
        if isinstance(table, dict):
            return {key: value for key, value in table.items() if key not in keys}
        return table - keys

    return stand_in


def _weightless(*keys: str) -> Factory:
    def stand_in(weights: dict[str, float]) -> dict[str, float]:
        if missing := set(keys) - set(weights):
            raise KeyError(f"no such weights any more: {', '.join(sorted(missing))}")
        return {key: 0.0 if key in keys else weight for key, weight in weights.items()}

    return stand_in


def _placeless(key: str) -> Factory:
    """The title's table of places, one of which weighs nothing."""
    return lambda places: {**places, key: (0.0, places[key][1])}


def _unlike(method: str, answer: Any) -> Factory:
    """A class one of whose methods gives one answer."""

    def stand_in(cls: type) -> type:
        getattr(cls, method)
        return type(cls.__name__, (cls,), {method: lambda *args, **kwargs: answer})

    return stand_in


def _without_phrase(beginning: str) -> Factory:
    """A pattern of `phrases._lines` without the alternatives of the line that begins so."""

    def stand_in(pattern: re.Pattern[str]) -> re.Pattern[str]:
        at = pattern.pattern.index(beginning)
        end, depth, escaped = at, 0, False
        while end < len(pattern.pattern) and (depth or pattern.pattern[end] not in "|)" or escaped):
            escaped, sign = pattern.pattern[end] == "\\" and not escaped, pattern.pattern[end]
            if not escaped and (end == at or pattern.pattern[end - 1] != "\\"):
                depth += (sign == "(") - (sign == ")")
            end += 1
        return re.compile(f"{pattern.pattern[:at]}(?!){pattern.pattern[end:]}", pattern.flags)

    return stand_in


def _attributes_without(region: int) -> Factory:
    return lambda rule: lambda name, value: rule(name, value) & ~region


def _own_home(_: Any) -> Any:
    return lambda block: (str(id(block.node.parent)), "")


def _unwidened(_: Any) -> Any:
    return lambda container, *args: (container.first, container.last)


def _endless(_: Any) -> Any:
    return lambda prose, *args: len(prose)


def _only_organizations(rule: Any) -> Any:
    return lambda data: ([], rule(data)[1])


def _only_persons(rule: Any) -> Any:
    return lambda data: (rule(data)[0], [])


def _only_equal(_: Any) -> Any:
    return lambda shown, other: float(bool(shown.folded) and shown.folded == other.folded)


def _language_alone(_: Any) -> Any:
    return lambda language, url, data: language


def _no_heading(rule: Any) -> Any:
    def is_set_apart(block: Block, body: list[Block], page: Blocks) -> bool:
        return not block.heading and rule(block, body, page)

    return is_set_apart


_TAGS: Final = "regions.REGION_BY_TAG"
_CHROME: Final = "regions._CHROME_WORDS"
_ATTRIBUTES: Final = "regions.region_of_attribute"
_SELECTION: Final = "selection.Selection"
_DATES: Final = "published._WEIGHTS"

GROUPS: Final = [
    # the walk
    Group("walk: nav, menu and footer by tag", {_TAGS: _without("nav menu footer")}),
    Group("walk: header and aside by tag", {_TAGS: _without("header aside")}),
    Group("walk: form, fieldset and dialog by tag", {_TAGS: _without("form fieldset dialog")}),
    Group("walk: figure and figcaption by tag", {_TAGS: _without("figure figcaption")}),
    Group("walk: regions by role", {"regions._REGION_BY_ROLE": _without("""navigation banner contentinfo complementary
        search dialog alertdialog menu menubar toolbar tablist article main figure form note""")}),
    Group("walk: comments by name", {"regions._COMMENT_WORDS": lambda _: frozenset()}),
    Group("walk: captions by name", {"regions._CAPTION_WORDS": lambda _: frozenset()}),
    Group("walk: content by name", {"regions._CONTENT_NAMES": _never}),
    Group("walk: chrome by name", {_CHROME: lambda _: frozenset()}),
    Group("walk: chrome: other stories", {_CHROME: _without("""related relatedposts recommend recommended recommendation
        recommendations recirc teaser teasers trending popular outbrain taboola readmore onward""")}),
    Group("walk: chrome: sharing", {_CHROME: _without("share sharing sharedaddy shares social socials toolbar")}),
    Group("walk: chrome: signing up", {_CHROME: _without("""newsletter newsletters subscribe subscription signup optin cta
        donate donation feedback""")}),
    Group("walk: chrome: advertisements", {_CHROME: _without("""promo promos promotion advert adverts advertisement adslot
        sponsor sponsored banner""")}),
    Group("walk: chrome: consent", {_CHROME: _without("cookie cookies consent gdpr")}),
    Group("walk: chrome: finding one's way", {_CHROME: _without("""sidebar breadcrumb breadcrumbs pagination pager tags
        taglist""")}),
    Group("walk: chrome: layers", {_CHROME: _without("popup tooltip dropdown snackbar toast popover lightbox")}),
    Group("walk: chrome: about the story", {_CHROME: _without("bio byline copyright disclaimer footnotes")}),
    Group("walk: chrome: polls and slides", {_CHROME: _without("poll quiz carousel slideshow infobox")}),
    Group("walk: hidden parts", {_ATTRIBUTES: _attributes_without(Region.HIDDEN)}),
    Group("walk: headings by role", {"walk._level_of": _says(0)}),
    Group("walk: words for screen readers", {"walk._is_read_aloud": _says(False)}),
    Group("walk: blocks by style", {"walk._is_block_style": _says(False)}),
    Group("walk: menus left out", {"walk._IS_MENU": _says(False)}),
    Group("walk: captions by their box", {"walk._mark_captions": _says(None)}),
    # the body
    Group("body: names that say too much", {"wrappers.clear_wrappers": _says(None)}),
    Group("body: names by their share of prose", {"wrappers._limit": _says(2.0)}),
    Group("body: widening", {"container.widen": _unwidened}),
    Group("body: parts in boxes of one kind", {"container.home": _own_home}),
    Group("body: where the story ends", {"container.find_end": _endless}),
    Group("body: no end amid paragraphs", {"container.goes_on": _says(False)}),
    Group("body: lists of links", {"boxes.link_lists": _says(set)}),
    Group("body: boxes around a button", {"boxes.button_boxes": _says(set)}),
    Group("body: rows of tables", {"boxes.table_rows": _says(dict)}),
    Group("body: loose lines", {_SELECTION: _unlike("_is_loose_line", False)}),
    Group("body: repeated texts", {_SELECTION: _unlike("_is_repeated", False)}),
    Group("body: going on after an end", {_SELECTION: _unlike("_goes_on", False)}),
    Group("body: leads in boxes", {_SELECTION: _unlike("_note_boxed_lead", None)}),
    Group("body: linked sentences", {"selection._is_linked_sentence": _says(False)}),
    Group("body: paragraphs of outbound links", {_SELECTION: _unlike("_is_list_of_links", False)}),
    Group("body: stray headings", {"selection._drop_stray_headings": _passes()}),
    Group("body: interstitials", {"selection.is_interstitial": _says(False)}),
    Group("body: author's lines and biographies", {"story._is_author_line": _says(False), "story._is_biography": _says(False)}),
    Group("body: bylines", {"headline.is_byline": _says(False)}),
    Group("phrases: lead on", {"phrases.LEADS_ON": _never}),
    Group("phrases: boilerplate", {"phrases.BOILERPLATE": _never}),
    Group("phrases: ends", {"phrases.ENDS": _never}),
    Group("phrases: comments", {"phrases.COMMENTS": _never}),
    *(Group(f"phrases: lead on: {name}", {"phrases.LEADS_ON": _without_phrase(begins)}) for name, begins in {
        "read more": r"(?:also\s+|must", "see also": r"(?:see|watch", "you may like": r"you\s+(?:may",
        "more on": r"more\s+(?:on", "related": r"related(?:"}.items()),
    *(Group(f"phrases: boilerplate: {name}", {"phrases.BOILERPLATE": _without_phrase(begins)}) for name, begins in {
        "advertisement": r"advertisements?", "story continues": r"(?:continue\s", "follow us": r"follow\s",
        "sign up": r"(?:sign\s", "get our": r"(?:get|", "got a tip": r"do\s+you", "photo credit": r"(?:photo|",
        "copyright": r"(?:©|", "all rights reserved": r" .{0,80}\ball", "filed under": r"filed"}.items()),
    *(Group(f"phrases: ends: {name}", {"phrases.ENDS": _without_phrase(begins)}) for name, begins in {
        "related": r"related(?:", "more from": r"more\s+(?:from", "read next": r" read\s", "latest": r"(?:latest",
        "mehr": r"mehr\s", "auch interessant": r" auch\s", "about the author": r"about\s"}.items()),
    # title, dek, section
    Group("title: votes of the data", {"title._votes": _says(0.0)}),
    Group("title: rewordings", {"title._likeness": _only_equal}),
    Group("title: site's name", {"title.strip_site_name": _passes()}),
    Group("title: breadcrumb's h1", {"title._under_breadcrumb": _says(list)}),
    Group("title: label in the h1", {"title._parts": _says(list)}),
    Group("title: shown without h1", {"title._printed_data": _says(list)}),
    Group("title: agreed headline", {"title._agreed_headline": _says(None)}),
    Group("title: h1 that no data knows", {"title._PLACES": _placeless("unknown h1")}),
    Group("title: h1 in view", {"title._PLACES": _placeless("in view")}),
    Group("title: spaces of the data", {"title._respaced": _passes()}),
    Group("dek: said", {"headline._said_deks": _says(list)}),
    Group("dek: shown", {"headline._blocks_under_title": _says(list)}),
    Group("dek: set apart", {"headline._is_set_apart": _says(False)}),
    Group("dek: headings", {"headline._is_set_apart": _no_heading}),
    Group("dek: reads as dek", {"headline._reads_as_dek": _says(False)}),
    Group("dek: data of another page", {"headline._describes_this_page": _says(True)}),
    Group("section: data", {"headline._said_sections": _says(list)}),
    Group("section: breadcrumb", {"headline._breadcrumb": _says(list)}),
    Group("section: label over the title", {"headline._label_over_title": _says(None)}),
    Group("section: more in", {"headline._MORE_IN": _never}),
    Group("section: address", {"headline._section_in_url": _says(None)}),
    # authors and dates
    Group("authors: fuller byline", {"people._fuller_byline": _says(list)}),
    Group("authors: people in the data", {"people._said_authors": _only_organizations}),
    Group("authors: organisations in the data", {"people._said_authors": _only_persons}),
    Group("authors: meta", {"people._meta_authors": _says(list)}),
    Group("authors: marked near the title", {"people._marked_authors": _says(list)}),
    Group("authors: byline", {"people._bylines": _says(list)}),
    Group("authors: link to an author's page", {"people._author_links": _says(list)}),
    Group("authors: called so by class", {"people._named_author_blocks": _says(list)}),
    Group("authors: line that is a name", {"people._name_lines": _says(list)}),
    Group("authors: credit", {"people._credits": _says(list)}),
    Group("authors: the one marked", {"people._sole_mark": _says(list)}),
    Group("authors: the site itself weighs less", {"people._weigh": _says((1, ""))}),
    Group("dates: datePublished", {_DATES: _weightless("datePublished")}),
    Group("dates: dateCreated and uploadDate", {_DATES: _weightless("dateCreated", "uploadDate")}),
    Group("dates: meta", {_DATES: _weightless("meta")}),
    Group("dates: vague meta", {_DATES: _weightless("vague meta")}),
    Group("dates: meta by its name", {_DATES: _weightless("meta by its name")}),
    Group("dates: datePublished of the page", {_DATES: _weightless("datePublished of the page")}),
    Group("dates: datePublished of anything", {_DATES: _weightless("datePublished of anything")}),
    Group("dates: time element", {_DATES: _weightless("time")}),
    Group("dates: line", {_DATES: _weightless("line")}),
    Group("dates: address", {_DATES: _weightless("url")}),
    Group("dates: labelled elsewhere", {_DATES: _weightless("labelled elsewhere")}),
    Group("dates: shown as updated", {_DATES: _weightless("shown as updated")}),
    Group("dates: line before later data", {"published._prefer_shown": _says(None)}),
    Group("dates: order of day and month", {"published._settle_order": _says(None)}),
    Group("dates: region of the language", {"published._with_region": _language_alone}),
    Group("dates: names around a date", {"datelines._said_around": _says("")}),
    # FAQ and source
    Group("faq: heading", {"faq._headings": _says(list)}),
    Group("faq: details", {"faq._read_details": _says(list)}),
    Group("faq: accordion", {"faq._read_accordion": _says(list)}),
    Group("faq: microdata", {"faq._read_microdata_blocks": _says(list)}),
    Group("faq: JSON-LD", {"faq.read_said_faq": _says(list)}),
    Group("faq: JSON-LD as shown", {"faq._locate": _says(list)}),
    Group("faq: question and answer in one block", {"faq._split_inline": _says(None)}),
    Group("faq: end of the last answer", {"faq._trim_last": _passes(1)}),
    Group("faq: words that end it", {"faq._QUIT": _never}),
    Group("source: continue reading", {"source._CONTINUE": _never}),
    Group("source: continue reading amid a block", {"source._linked_credits": _says(list)}),
    Group("source: read the original", {"source._ORIGINAL": _never}),
    Group("source: reprint", {"source._REPRINT": _never}),
    Group("source: label", {"source._LABEL": _never}),
    Group("source: list", {"source._listed": _says(list)}),
    Group("source: tail, dateline, wire", {"source._mention": _says(list)}),
    Group("source: data", {"source._said": _says(list)}),
    Group("source: canonical link", {"source._canonical": _says(list)}),
    Group("source: pixel", {"source._pixels": _says(list)}),
    Group("data: microdata", {"structured._read_microdata": _says(list)}),
]  # fmt: skip
