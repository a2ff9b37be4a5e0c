"""What an element means to every site: by its tag, its role, and the words of its class and id."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final


class Region:
    """Bits for what a block stands in, by what the elements around it mean to every site.

    Plain integers: an IntFlag costs more than the rest of the walk together.
    """

    NAV: Final = 1
    HEADER: Final = 2
    FOOTER: Final = 4
    ASIDE: Final = 8
    FORM: Final = 16
    FIGURE: Final = 32
    HIDDEN: Final = 64
    ARTICLE: Final = 128
    MAIN: Final = 256
    TABLE: Final = 512
    ITEM: Final = 1024
    QUOTE: Final = 2048
    COMMENT: Final = 4096
    CHROME: Final = 8192
    """Called by its class or id what is no part of a story on any site: share, related, newsletter, …"""
    CONTENT: Final = 16384
    """Called by its class, id or itemprop the text of the story: `articleBody`, `entry-content`, …"""
    CAPTION: Final = 32768
    DIALOG: Final = 131072
    SMALL_BOX: Final = 262144
    """In a small box with an image or a form: its caption, or its pitch."""


CLUTTER: Final = (
    Region.NAV
    | Region.FOOTER
    | Region.ASIDE
    | Region.FORM
    | Region.FIGURE
    | Region.COMMENT
    | Region.CAPTION
    | Region.DIALOG
    | Region.SMALL_BOX
)
"""Regions that hold no body text."""

REGION_BY_TAG: Final = {
    "nav": Region.NAV, "menu": Region.NAV, "header": Region.HEADER, "footer": Region.FOOTER, "aside": Region.ASIDE,
    "form": Region.FORM, "figure": Region.FIGURE, "figcaption": Region.CAPTION | Region.FIGURE, "article": Region.ARTICLE,
    "main": Region.MAIN, "td": Region.TABLE, "th": Region.TABLE, "caption": Region.TABLE, "li": Region.ITEM,
    "dd": Region.ITEM, "dt": Region.ITEM, "blockquote": Region.QUOTE, "dialog": Region.DIALOG, "fieldset": Region.FORM,
}  # fmt: skip
_REGION_BY_ROLE: Final = {
    "navigation": Region.NAV, "banner": Region.HEADER, "contentinfo": Region.FOOTER, "complementary": Region.ASIDE,
    "search": Region.FORM, "dialog": Region.DIALOG, "alertdialog": Region.DIALOG, "menu": Region.NAV, "menubar": Region.NAV,
    "toolbar": Region.NAV, "article": Region.ARTICLE, "main": Region.MAIN, "figure": Region.FIGURE,
    "form": Region.FORM, "note": Region.ASIDE,
}  # fmt: skip

_CHROME_WORDS: Final = frozenset(
    """related relatedposts recommend recommended recommendation recommendations recirc share sharing sharedaddy
    shares social socials newsletter newsletters subscribe subscription signup optin promo promos promotion
    advert adverts advertisement adslot sponsor sponsored cookie cookies consent gdpr sidebar breadcrumb
    breadcrumbs pagination pager tags taglist bio teaser teasers trending popular outbrain taboola
    popup copyright toolbar poll quiz carousel slideshow disclaimer donate donation feedback readmore infobox onward
    tooltip dropdown snackbar toast popover lightbox cta banner byline footnotes""".split()
)
_MENU_WORDS: Final = frozenset("nav navbar navigation menu menus megamenu submenu footer".split())
_COMMENT_WORDS: Final = frozenset("comment comments disqus respond commentlist replies reply discussion forum".split())
_CAPTION_WORDS: Final = frozenset("caption captions photocredit imagecredit figcaption credit credits".split())
_CONTENT_NAMES: Final = re.compile(
    r"""(?:articlebody|entry-content|post-content|article-?body|article-?content|story-?body|post-?body|
        e-content|story-?content|article__?body|article__?content|articletext|article-text|content__?article-body|
        body-?copy|rich-?text|wysiwyg|node__content|field--name-body|main-?text|news-?text|text-?content)""",
    re.VERBOSE,
)
_HIDING: Final = re.compile(r"display\s*:\s*none")
LONGEST_NAMES: Final = 500
"""Characters of a class or id from which on it says nothing; callers cut it to them, for what is remembered stays small."""
_WORDS: Final = re.compile(r"[a-z]+")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


@lru_cache(maxsize=8192)
def region_of_names(names: str) -> int:
    """What a class or id calls an element. Only words that the web shares count, whole words of each name."""
    if len(names) >= LONGEST_NAMES:
        return 0
    region = 0
    for name in names.split():
        region |= _region_of_name(name)
    return region


@lru_cache(maxsize=32_768)
def _region_of_name(name: str) -> int:
    lowered = name.lower()
    if _CONTENT_NAMES.fullmatch(lowered):
        return Region.CONTENT
    parted = _CAMEL.sub("-", name).lower()
    words = _WORDS.findall(parted)
    if not words or len(words) > 6:
        return 0
    if not _COMMENT_WORDS.isdisjoint(words):
        return Region.COMMENT
    if not _CHROME_WORDS.isdisjoint(words) or parted in _CHROME_WORDS:
        return Region.CHROME
    return 0 if _CAPTION_WORDS.isdisjoint(words) else Region.CAPTION


@lru_cache(maxsize=8192)
def is_named_menu(name: str) -> bool:
    """Tell whether a class calls an element a menu: page builders make them of `<div>` and `<ul>`."""
    return len(name) < LONGEST_NAMES and not _MENU_WORDS.isdisjoint(_WORDS.findall(_CAMEL.sub("-", name).lower()))


TELLING: Final = frozenset(("role", "hidden", "aria-hidden", "style", "itemprop", "itemtype", "aria-controls"))
"""Attributes that say something of an element, besides its class and id."""


def region_of_attribute(name: str, value: str) -> int:
    if name == "role":
        return _REGION_BY_ROLE.get(value, 0)
    if name == "style":
        return Region.HIDDEN if "none" in value and _HIDING.search(value) else 0
    if name == "itemprop":
        return Region.CONTENT if "articleBody" in value else Region.COMMENT if value == "comment" else 0
    return Region.HIDDEN if name == "hidden" or value == "true" else 0
