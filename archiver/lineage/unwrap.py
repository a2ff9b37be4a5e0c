"""Addresses inside addresses: redirects, mail guards, caches and translations, each unwrapped to what it leads to."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

from archiver.discover.addresses import read_address

_DEPTH: Final = 6
"""Wrappers around wrappers: a mail guard around a newsletter's counter around a search engine's redirect."""
_CARRIERS: Final = frozenset(
    """url u q target targeturl dest destination dest_url redirect redirecturl redirect_url redirect_uri redirect_to redir
    rurl ru to link href goto out r z uddg l ued murl urllink lp mpre adurl l_url page_url finalurl final_url exturl
    external external_url story_url article_url original original_url originalurl canonical canonical_url amp_url""".split()
)
"""Names of parameters that hold where a wrapper leads to."""
_NOT_TARGETS: Final = frozenset(
    """ref referrer referer refurl ref_url src source source_url via from origin return returnurl return_url return_to
    returnto callback image img photo thumb thumbnail poster picture media logo icon icon_url css js license
    privacy oembed endpoint api feed rss""".split()
)
"""Names of parameters whose address is not where the reader is led."""
_REDIRECTING: Final = re.compile(
    r"(?:^|[/_.-])(?:out|outbound|outgoing|redirect(?:ion|or)?|redir|click|clk|ck|go|goto|link|links|leave|exit|away|track|"
    r"tracking|jump|forward|external|ext|l|r|sharer?|share|intent|login|signin|consent|translate)(?:\.\w{2,4})?(?=[/_.-]|$)",
    re.IGNORECASE,
)
"""Words of a path that only leads elsewhere."""
_WHOLE: Final = re.compile(r"https?:/{1,2}[^\s/?#]+\.[^\s/?#]+(?:[/?#]\S*)?", re.IGNORECASE)
_IN_PATH: Final = re.compile(r"/(?P<inner>(?:https?(?::|%3a)/{1,2}|https?%3a%2f%2f)[^\s/]+\.\S+)$", re.IGNORECASE)
_RU: Final = re.compile(r"/RU=(?P<inner>https?%3a[^/\s]+)/R[KS]=", re.IGNORECASE)
"""Yahoo's results."""
_PROOFPOINT_3: Final = re.compile(r"/v3/__(?P<inner>https?:/{1,2}.+?)__;", re.IGNORECASE)
_AMP_CACHE: Final = re.compile(r"^/(?:[a-z]{1,2}/)?(?P<s>s/)?(?P<inner>[\w-]+(?:\.[\w-]+)+(?::\d+)?/.*)$")
_AMP_VIEWER: Final = re.compile(r"^/amp/(?P<s>s/)?(?P<inner>[\w-]+(?:\.[\w-]+)+(?::\d+)?/.*)$")
_BASE64: Final = re.compile(r"(?:a1)?(?P<text>aHR0c[\w+/=-]{12,})")
"""`http`, coded; Bing puts `a1` before it."""
_GOOGLE_NEWS: Final = re.compile(r"^/(?:rss/)?(?:__i/rss/rd/)?(?:articles|read)/(?P<text>CBM[\w-]{16,})")


def unwrap_url(url: str) -> str:
    """Return the address that a wrapper leads to, or the address itself where it wraps none.

    Nothing is fetched: a wrapper that does not spell its target, such as a shortener, stays as it is.

    >>> unwrap_url("https://www.google.com/url?sa=t&url=https%3A%2F%2Fa.example%2Fx%3Fid%3D1&usg=9")
    'https://a.example/x?id=1'
    >>> unwrap_url("https://a-example.cdn.ampproject.org/c/s/a.example/rates-rise")
    'https://a.example/rates-rise'
    """
    for _ in range(_DEPTH):
        try:
            inner = next(_inner_urls(url), None)
        except ValueError:  # no address at all
            return url
        if inner is None or inner == url:
            return url
        url = inner
    return url


def _inner_urls(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    host, path = (parts.hostname or "").rstrip("."), parts.path
    yield from _from_caches(host, path, parts.query)
    yield from _from_path(host, path, parts.query)
    is_story = _is_story(url, path)
    for name, value in _pairs(parts.query):
        if name in _NOT_TARGETS or (is_story and not _REDIRECTING.search(path)):
            continue
        if target := _whole(value, is_known=name in _CARRIERS or bool(_REDIRECTING.search(path))):
            yield target


def _from_caches(host: str, path: str, query: str) -> Iterator[str]:
    """AMP caches and viewers, and translations, which spell the host in their own."""
    found = None
    if host.endswith((".ampproject.org", ".ampproject.net")) or host in ("cdn.ampproject.org", "amp.cloudflare.com"):
        found = _AMP_CACHE.match(path)
    elif host.split(".")[-2:-1] in (["google"], ["bing"]) or re.fullmatch(
        r"(?:www\.)?(?:google|bing)\.[a-z.]{2,7}", host
    ):
        found = _AMP_VIEWER.match(path)
    if found:
        yield _put_query(f"http{'s' if found['s'] else ''}://{found['inner']}", query)
    if host.endswith(".translate.goog"):
        name = host.removesuffix(".translate.goog").replace("--", "\0").replace("-", ".").replace("\0", "-")
        kept = "&".join(part for part in query.split("&") if not part.startswith("_x_tr_"))
        yield _put_query(f"https://{name}{path}", kept)


def _from_path(host: str, path: str, query: str) -> Iterator[str]:
    """Archives and readers, which put the address behind their own; mail guards, each in a code of its own."""
    if (host.endswith("urldefense.com") or "proofpoint" in host) and (
        found := _PROOFPOINT_3.search(path + "?" + query)
    ):
        yield _mend(found["inner"].rstrip("_"))
    if "urldefense" in host:
        for name, value in _pairs(query):
            if name == "u" and re.match(r"https?-3A", value, re.IGNORECASE):
                yield unquote(value.replace("-", "%").replace("_", "/"))
    if found := _RU.search(path):
        yield unquote(found["inner"])
    if found := _IN_PATH.search(path):
        inner = found["inner"]
        yield _put_query(_mend(unquote(inner) if "%3a" in inner[:9].lower() else inner), query)
    if host == "news.google.com" and (found := _GOOGLE_NEWS.match(path)):
        yield from _read_google_news(found["text"])
    if _REDIRECTING.search(path) and (found := _BASE64.search(path)) and (target := _decode(found["text"])):
        yield target


def _read_google_news(text: str) -> Iterator[str]:
    """Until 2024 the address stood in a protocol buffer, its length before it; since, it is a number of theirs."""
    try:
        content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return
    if content[:2] != b"\x08\x13" or content[2:3] != b"\x22" or len(content) < 6:
        return
    start, length = 4, content[3]
    if length & 0x80:  # two bytes of seven bits
        start, length = 5, (length & 0x7F) | content[4] << 7
    target = content[start : start + length]
    if len(target) == length and target.isascii() and _WHOLE.fullmatch(target.decode()):
        yield target.decode()


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    """A target that was put in without coding brings its own `&` along: it reaches to the end."""
    parts = query.split("&")
    for number, part in enumerate(parts):
        name, _, value = part.partition("=")
        if value.lower().startswith(("http://", "https://")) and "?" in value:
            value = "&".join([value, *parts[number + 1 :]])
        else:
            value = unquote(value)
        yield unquote(name).lower(), value


def _whole(value: str, *, is_known: bool) -> str | None:
    """The value as an address, where it is a whole one: coded once, twice, or in base64."""
    for _ in range(3):
        if _WHOLE.fullmatch(value.strip()):
            return _mend(value.strip()) if is_known or _has_path(value) else None
        if "%" not in value:
            break
        value = unquote(value)
    if value.startswith("//") and is_known and _WHOLE.fullmatch(f"https:{value}"):
        return f"https:{value}"
    found = _BASE64.fullmatch(value)
    return _decode(found["text"]) if found else None


def _decode(text: str) -> str | None:
    try:
        content = base64.b64decode(
            text.rstrip("=").translate(_URL_SAFE) + "=" * (-len(text.rstrip("=")) % 4), validate=True
        )
        target = content.decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return target if target.isprintable() and _WHOLE.fullmatch(target) else None


_URL_SAFE: Final = str.maketrans("-_", "+/")


def _mend(url: str) -> str:
    """Servers and proxies make one slash of two."""
    return re.sub(r"^(https?):/+", r"\1://", url, flags=re.IGNORECASE)


def _has_path(url: str) -> bool:
    return len(urlsplit(_mend(url)).path) > 1


def _is_story(url: str, path: str) -> bool:
    """A story's own address may name another's in its query, and leads nowhere."""
    address = read_address(url.partition("?")[0])
    return address.slug_words >= 3 or (address.is_dated and len(address.segments) > 2)


def _put_query(url: str, query: str) -> str:
    return f"{url}?{query}" if query and "?" not in url else url
