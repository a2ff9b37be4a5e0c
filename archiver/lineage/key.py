"""The key of a source story: what all addresses of one page have in common, and no two pages share."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from archiver.discover.addresses import is_furniture_address, is_listing_address, page_slot, read_address
from archiver.lineage.unwrap import unwrap_url
from archiver.urls import TRACKING, clean_url, registered_domain

_VARIANT_HOST: Final = re.compile(r"^(?:www\d?|m|mobile|mobil|amp|wap|touch)$")
_VARIANT_SEGMENTS: Final = frozenset({"amp", "amphtml"})
_TAILS: Final = frozenset("amp amphtml feed print printable embed full all single singlepage comments".split())
"""Last segments that show a story in another dress."""
_INDEX: Final = re.compile(r"(?:index|default|home)\.(?:html?|php\d?|aspx?|jsp|cfm|shtml)", re.IGNORECASE)
_DRESS: Final = re.compile(r"(?:\.amp)?(?:\.(?:x?html?|shtml|amp|print))+$", re.IGNORECASE)
_ENDING: Final = re.compile(r"\.[a-z]{2,5}\d?$")
_SCRIPT: Final = re.compile(r"\.(?:php\d?|aspx?|jsp|cfm|cgi|do|dll|pl)$", re.IGNORECASE)
_SESSION: Final = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;?]*", re.IGNORECASE)
_VARIANT_QUERY: Final = re.compile(
    r"""(?: amp(?:_.*)? | outputtype | output | usqp | noamp | nonamp | m | mobile | mobileview | device | print | printable
      | pageno? | paged? | single(?:page)? | showall | all | replytocom | share | nb | feed
      | lang | hl | format | view | display | theme | layout
    )""",
    re.VERBOSE | re.IGNORECASE,
)
"""Parameters that choose how a story is shown. Dropped only where the path alone names it, or with a value that says so."""
_VARIANT_VALUES: Final = frozenset("amp 1 true yes mobile print all m on full".split()) | {""}
_SHARING: Final = re.compile(
    r"""(?: ref | refer(?:r?er|ral)? | ref_?id | ref_?src | ref_?url | src | source | sourceid | from | via | origin | medium
      | campaign(?:_?id)? | cmp | cmpid | camp | cid_source | ic?mp?id | intcmp | intcid | icid | ocid | xid | xtor | xts | mod
      | sh | smid | smtyp | sr_share | sref | share(?:d|type|_?id|_?token|_?from)? | sharetype | st | reflink | partner | rss
      | trk | trkid | tracking(?:_?id)? | track | click_?id | mibextid | rdt_cid | si | feature | app | platform | taid
      | unlocked_article_code | gift(?:_?code|copy)? | accesstoken | access_token | token | embedded-checkout | lead_?source
      | referring_?source | srnd | in_source | algo | ftag | ftcamp | segmentid | emci | emdi | ceid | mkt_\w+ | _ga | _gl
      | gaa_\w+ | gad_\w+ | wt\.\w+ | __\w+ | _x_tr_\w+ | s_\w+ | hash | guce_\w+ | fb_\w+ | ig_\w+ | twitter_\w+ | tpcc | bxid
      | esrc | cndid | mbid | nl | nlid | newsletter | email | utm | pk_\w+ | piwik_\w+ | matomo_\w+ | at_\w+ | ns_\w+
      | dicbo | obOrigUrl | recommendationid | traffic_?source | reload | cache | nocache | cb | ts | timestamp | rand | v_t
    )""",
    re.VERBOSE | re.IGNORECASE,
)
"""Parameters that nearly always say who shared an address. Not tracking for certain, so `clean_url` keeps them: they make
no difference between two addresses of which all else is equal, where the path names the story."""
_IDS: Final = re.compile(
    r"(?:id|p|aid|nid|a|n|no|idx|idxno|story|art|article|news|post|item|doc|content|guid|uuid|key|slug|title|name|v)"
    r"|\w*(?:story|article|art|news|post|item|doc|content|page|press|entry|record)_?(?:id|no|idx|num|key|seq)",
    re.IGNORECASE,
)
_GENERIC: Final = frozenset(
    """article articles news story stories detail details view show display page read press release releases post posts
    content item full the a of and in for""".split()
)
_LIVE: Final = frozenset(
    """live livestory live-story liveblog live-blog liveblogs live-blogs liveticker live-ticker live-updates
    live-reporting live-coverage live-news newsletter newsletters briefing briefings podcast podcasts""".split()
)
"""Segments of pages that tell of many stories: that two name one of them joins nothing."""
_LIVE_SLUG: Final = re.compile(
    r"(?:^|-)(?:live-?blog|live-updates?|live-coverage|live-?ticker|as-it-happen(?:s|ed))(?:-|$)"
)
_LIVE_HOSTS: Final = frozenset("liveblog newsletter newsletters live-blog".split())
_STORY_PARENTS: Final = frozenset(
    """article articles artikel story stories post posts content contents node a p s n c d t item items id nachricht
    beitrag status statuses release press-release press-releases read news-article""".split()
)
"""Segments after which one word or code names a story."""
_SECTIONS: Final = frozenset(
    """news world us usa uk eu europe asia africa americas china india politics policy business finance financial money
    markets market economy economics economic companies banking banks insurance crypto cryptocurrency bitcoin
    blockchain defi nft tech technology science health climate energy environment education sport sports culture arts
    entertainment style life lifestyle travel food opinion editorial analysis features video videos photos latest
    breaking trending top popular regulation legal law justice real estate personal local national international global
    media ai cybersecurity security investing stocks commodities currencies bonds funds wealth retail tax taxes
    industry industries research reports events press room center community blog blogs magazine weekly daily today
    special report big data public sector social services small capital fixed income""".split()
)
_CODE: Final = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w-]{5,}|[0-9a-fA-F-]{8,}|(?=.*[a-z])(?=.*[A-Z])\w{5,12}")
"""Letters and digits, or capitals amid small ones: no word, but the name of one page."""


@lru_cache(maxsize=2_048)
def source_key(url: str) -> str | None:
    """Return the key of the story that an address leads to; None where it leads to no single story.

    Redirects, caches, AMP, mobile and print variants, index files, endings, tracking and scheme make no difference. No
    key has a home page, a section, a tag, an author, a search, a live blog or a newsletter.

    >>> source_key("http://m.wire.example/2026/06/29/rates-rise-again/amp/?utm_source=x")
    'wire.example/2026/06/29/rates-rise-again'
    >>> source_key("https://wire.example/news.php?id=12"), source_key("https://wire.example/policy/")
    ('wire.example/news.php?id=12', None)
    """
    try:
        cleaned = clean_url(unwrap_url(url.strip()))
        return page_key(cleaned) if _is_story(cleaned) else None
    except ValueError:
        return None


@lru_cache(maxsize=2_048)
def page_key(url: str) -> str:
    """Return the key of a page, whatever it is. ValueError where the address is none.

    >>> page_key("https://www.wire.example/")
    'wire.example/'
    """
    parts = urlsplit(clean_url(url))
    segments = [_tidy(part) for part in _SESSION.sub("", parts.path).split("/") if part not in ("", ".")]
    segments = _strip_dress(segments)
    query = _query(segments, parts.path, parts.query)
    return f"{_host(url, parts.netloc)}/{'/'.join(segments)}{'?' if query else ''}{query}"


def _host(url: str, netloc: str) -> str:
    """The host less what is put before a registered domain for telephones."""
    domain = registered_domain(url)
    if not netloc.endswith("." + domain):
        return netloc
    labels = netloc.removesuffix("." + domain).split(".")
    return ".".join([*(label for label in labels if not _VARIANT_HOST.match(label)), domain])


def _tidy(segment: str) -> str:
    """Percent codes alike: capital digits, and none where a character may stand for itself."""
    return quote(unquote(segment, errors="surrogateescape"), safe="~!$&'()*+,;=:@", errors="surrogateescape")


def _strip_dress(segments: list[str]) -> list[str]:
    kept = [part for part in segments if part.lower() not in _VARIANT_SEGMENTS]
    if kept and _INDEX.fullmatch(kept[-1]):
        kept.pop()
    while len(kept) > 1 and kept[-1].lower() in _TAILS:
        kept.pop()
    if len(kept) > 1 and kept[0].lower() in ("m", "mobile", "print"):
        kept.pop(0)
    if kept:
        kept[-1] = _DRESS.sub("", kept[-1]).rstrip(".,;") or kept[-1]
    return kept


def _query(segments: list[str], path: str, query: str) -> str:
    is_script = not segments or bool(_SCRIPT.search(path)) or not _own_words(segments[-1])
    is_named = not is_script and _names_story(segments)
    kept: set[str] = set()
    sharing: set[str] = set()
    for part in query.split("&"):
        name, _, value = part.partition("=")
        name = unquote(name)
        is_dress = _VARIANT_QUERY.fullmatch(name) and (is_named or unquote(value).lower() in _VARIANT_VALUES)
        if not part or is_dress or TRACKING.fullmatch(name) or (is_named and not (_IDS.fullmatch(name) and value)):
            continue
        whole = f"{_tidy(name)}={_tidy(value.replace('+', '%20'))}" if "=" in part else _tidy(name)
        (sharing if _SHARING.fullmatch(name) else kept).add(whole)
    return "&".join(sorted(kept or (sharing if is_script else ())))


def _names_story(segments: list[str]) -> bool:
    """Tell whether a path names a story by itself, so that a query can only say how it was come by."""
    last = segments[-1]
    is_number = last.isdigit() and (len(last) >= 5 or (segments[-2:-1] and segments[-2].lower() in _STORY_PARENTS))
    return len(_own_words(last)) >= 3 or bool(is_number or _CODE.fullmatch(last))


def _own_words(segment: str) -> list[str]:
    """The words of a segment that are not those of every site's scripts: `press-release-detail` has none."""
    words = re.split(r"[-_+.]+|%20", _ENDING.sub("", segment.lower()))
    return [word for word in words if word and word not in _GENERIC]


def _is_story(url: str) -> bool:
    parts = urlsplit(url)
    key = page_key(url)
    address = read_address(f"{parts.scheme}://{key}")
    segments = address.segments
    if _tells_of_many(address.host, segments):
        return False
    if not segments:  # a short link of WordPress; ?p= elsewhere is a page of a listing
        return any(
            name in ("p", "id", "story", "article", "page_id", "post") and value.isdigit()
            for name, value in address.query
        )
    plain = f"{parts.scheme}://{key.partition('?')[0]}"
    if page_slot(f"{parts.scheme}://{key}") and not _names_story(list(segments)):
        return False
    if is_furniture_address(plain) or is_listing_address(plain):
        return False
    if address.slug_words >= 3 or address.has_id or (address.is_dated and not segments[-1].isdigit()):
        return True
    return _is_short_name(key, segments) or any(_IDS.fullmatch(name) and value for name, value in address.query)


def _is_short_name(key: str, segments: tuple[str, ...]) -> bool:
    """A page of one or two words: a story where what stands above says so, or where the words are no section's."""
    last = key.partition("?")[0].rpartition("/")[2]
    if len(segments) > 1 and segments[-2] in _STORY_PARENTS:
        return True
    if _CODE.fullmatch(last):
        return True
    words = re.split(r"[-_+.]+", segments[-1])
    return len(segments) > 1 and len(words) == 2 and not any(word in _SECTIONS for word in words)


def _tells_of_many(host: str, segments: tuple[str, ...]) -> bool:
    return (
        host.split(".")[0] in _LIVE_HOSTS
        or any(part in _LIVE for part in segments)
        or bool(segments and _LIVE_SLUG.search(segments[-1]))
    )
