"""Canonical addresses: cleaning, tracking parameters, sites and registered domains. Pure: no request is ever made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

import idna
from tldextract import TLDExtract
from w3lib.url import safe_url_string

TRACKING_VERSION = 2
"""Raised whenever `clean_url` changes: two archives agree on addresses only when it is the same."""

TRACKING = re.compile(
    r"""(?:
      utm_\w+ | mtm_\w+ | pk_(?:campaign|kwd|source|medium|content) | hsa_\w+ | _hs(?:enc|mi) | hsctatracking
    | fbclid | gclid | gclsrc | dclid | gbraid | wbraid | msclkid | twclid | ttclid | yclid | li_fat_id | igshid | igsh
    | mc_[ce]id | mkt_tok | vero_(?:id|conv) | oly_(?:anon|enc)_id | rb_clickid | s_cid | wickedid | epik | srsltid
    | cmpid | ncid | smid | ns_(?:campaign|mchannel|source|linkname|fee) | at_(?:campaign|medium|custom\d) | ito
    | ref_(?:src|url) | spm | __twitter_impression | guce_referrer(?:_sig)? | guccounter | soc_(?:src|trk)
    | phpsessid | jsessionid | aspsessionid\w* | cfid | cftoken
    )""",
    re.VERBOSE | re.IGNORECASE,
)
"""Names of query parameters that say who clicked, never what is shown. Read off the public lists of Firefox (query
stripping), Brave and ClearURLs; the last line has those by which PHP, Java, ASP and ColdFusion know a visitor who takes no
cookies. Ambiguous ones (`ref`, `src`, `source`, `id`, `sid`) stay, for some sites serve pages by them."""

SESSION = re.compile(r";jsessionid=[^/;]*", re.IGNORECASE)
"""A visitor's session in a path, as servlets write it (Jakarta Servlet 6.0, 7.1.3)."""

TRACKERS = re.compile(
    r"""
      republication[-_]pixel | counter\.theconversation\.com | theconversation\.com/content/\d+/count
    | ://(?:[\w-]+\.)*(?:
          google-analytics\.com | googletagmanager\.com | doubleclick\.net | googlesyndication\.com
        | scorecardresearch\.com | quantserve\.com | chartbeat\.(?:com|net) | parsely\.com | imrworldwide\.com
        | krxd\.net | omtrdc\.net | demdex\.net | adsrvr\.org | outbrain\.com | taboola\.com | hotjar\.com
        | (?:pixel|stats)\.wp\.com | pixel\.[\w.-]+
      )(?::\d+)?/
    | facebook\.com/tr\b | /(?:matomo|piwik)\.php\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Addresses that count who reads what. To fetch one counts a view that nobody had."""

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_LENGTH = 4_096
"""Characters of an address that is still one: servers refuse more than 8 kB, and what is cached by address stays small."""

_suffixes = TLDExtract(
    cache_dir=None, suffix_list_urls=(), fallback_to_snapshot=True, include_psl_private_domains=False
)
_HOST = re.compile(r"(?!.{254})[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
"""A host as resolvers take it. Underscores are no letters of a host name, and yet sites are served under them."""
_ORIGIN = r"(?!.{250})https?://[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+(?::(?!80/|443/)(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}))?"
_CLEAN = re.compile(_ORIGIN + r"/[A-Za-z0-9._~/-]*")
"""An address that there is nothing to clean of: most are such, and the check takes a fiftieth of the cleaning."""
_CLEAN_ORIGIN = re.compile(_ORIGIN + r"(?=/)")
_CLEAN_PATH = re.compile(r"/[A-Za-z0-9_~-][A-Za-z0-9._~/-]{0,2000}")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_STRAY = re.compile(r"[\t\r\n\x00-\x1f\u00ad\u200b-\u200f\u2060\ufeff\u202a-\u202e\u2066-\u2069]")


def clean_url(url: str) -> str:
    """Return the address as the archive stores it.

    No fragment, credentials, tracking parameters, session or default port; scheme and host in lower case, the host in punycode;
    the order of the query kept. Raises ValueError where it is not a complete http or https address, or a huge one.

    >>> clean_url("HTTPS://user:pw@Bücher.Example:443/a b?utm_source=x&id=7#top")
    'https://xn--bcher-kva.example/a%20b?id=7'
    >>> clean_url("https://a.example/caf%c3%a9%2Downers")
    'https://a.example/caf%C3%A9-owners'
    >>> clean_url("https://a.example?fbclid=1"), clean_url("https://a.example/news.do;jsessionid=0A1B.node2?id=7")
    ('https://a.example/', 'https://a.example/news.do?id=7')
    """
    return url if _CLEAN.fullmatch(url) else _clean(url)


@lru_cache(maxsize=256)  # a page's own addresses: each is asked for several times
def _clean(url: str) -> str:
    if len(url) > 4 * MAX_LENGTH:
        raise ValueError(f"an address of {len(url)} characters: {url[:80]!r}…")
    parts = urlsplit(_STRAY.sub("", url).strip())
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"not an http or https address: {url!r}")
    path = SESSION.sub("", parts.path) or "/"
    cleaned = SplitResult(scheme, _netloc(parts, scheme), path, _strip_tracking(parts.query), "")
    address = _ESCAPE.sub(_escape_anew, safe_url_string(urlunsplit(cleaned)))
    if len(address) > MAX_LENGTH:
        raise ValueError(f"an address of {len(address)} characters: {address[:80]!r}…")
    return address


def _escape_anew(escaped: re.Match[str]) -> str:
    """One spelling of an escape, RFC 3986, 6.2.2: none where the character needs none, else with capitals."""
    char = chr(int(escaped[1], 16))
    return char if char.isascii() and (char.isalnum() or char in "-._~") else escaped[0].upper()


def _netloc(parts: SplitResult, scheme: str) -> str:
    host = ascii_host(parts.hostname or "")
    if ":" in host and "%" not in host:  # a zone is of one machine's interfaces
        host = f"[{ip_address(host)}]"
    elif not _HOST.fullmatch(host):
        raise ValueError(f"not a host name: {host!r}")
    port = parts.port
    return host if port in (None, DEFAULT_PORTS[scheme]) else f"{host}:{port}"


def _strip_tracking(query: str) -> str:
    kept = [part for part in query.split("&") if part and not TRACKING.fullmatch(part.split("=", 1)[0])]
    return "&".join(kept)


@lru_cache(maxsize=4096)
def ascii_host(host: str) -> str:
    """Return the host in lower-case punycode. Raises ValueError where IDNA refuses it.

    >>> ascii_host("MÜNCHEN.example.")
    'xn--mnchen-3ya.example'
    """
    host = host.strip().rstrip(".").lower()
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode("ascii").rstrip(".")
    except idna.IDNAError as error:
        raise ValueError(f"not a host name: {host!r}") from error


def join_url(base: str, href: str) -> str | None:
    """Return `href` as a cleaned absolute address, or None where it is none (`mailto:`, `javascript:`, garbage).

    >>> join_url("https://a.example/x/", "../b?utm_medium=m#c")
    'https://a.example/b'
    >>> join_url("https://a.example/", "javascript:void(0)")
    """
    if len(href) > 4 * MAX_LENGTH:
        return None
    if _CLEAN.fullmatch(href):
        return href
    if _CLEAN_PATH.fullmatch(href) and "/." not in href and "//" not in href and (origin := _CLEAN_ORIGIN.match(base)):
        return origin[0] + href
    try:
        return clean_url(urljoin(base, _STRAY.sub("", href).strip()))
    except ValueError:
        return None


def is_tracker(url: str) -> bool:
    """Tell whether an address counts views instead of showing something.

    >>> is_tracker("https://counter.theconversation.com/content/1/count.gif"), is_tracker("https://a.example/pixel-art")
    (True, False)
    """
    return TRACKERS.search(url) is not None


def site_of(url: str) -> str:
    """Return the site of an address: its host without `www.`, with the port where it is not the default.

    Raises ValueError, as all that follow, where the address has no host that can be one.

    >>> site_of("https://www.a.example/x"), site_of("http://127.0.0.1:8000/")
    ('a.example', '127.0.0.1:8000')
    """
    parts = urlsplit(url)
    return _netloc(parts, parts.scheme if parts.scheme in DEFAULT_PORTS else "https").removeprefix("www.")


@lru_cache(maxsize=256)
def registered_domain(url: str) -> str:
    """Return the registered domain of an address, by the Public Suffix List's ICANN section that tldextract bundles.

    Under an unknown suffix it is the last two labels; for an address or a single label, host and port.

    >>> registered_domain("https://news.bbc.co.uk/1"), registered_domain("https://a.b.example/")
    ('bbc.co.uk', 'b.example')
    >>> registered_domain("http://127.0.0.1:8000/x"), registered_domain("http://localhost/")
    ('127.0.0.1:8000', 'localhost')
    """
    parts = urlsplit(url)
    host = ascii_host(parts.hostname or "")
    return _domain_of_host(host) or site_of(url)


@lru_cache(maxsize=16384)
def _domain_of_host(host: str) -> str:
    """The registered domain, or an empty string where the host stands for itself."""
    if "." not in host or _is_ip(host):
        return ""
    found = _suffixes.extract_str(host)
    if found.suffix:
        return f"{found.domain}.{found.suffix}" if found.domain else host
    return ".".join(host.split(".")[-2:])


def _is_ip(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def is_same_site(url: str, other: str) -> bool:
    """Tell whether two addresses belong to one registered domain.

    >>> is_same_site("https://www.a.example/", "https://m.a.example/x")
    True
    """
    return registered_domain(url) == registered_domain(other)


class AddressSet:
    """Addresses of which only the hashes are kept: a third of the memory. That two of 100,000 share one has odds of one in four
    thousand million.

    >>> asked = AddressSet()
    >>> asked.update(["https://a.example/x"])
    >>> "https://a.example/x" in asked, "https://a.example/y" in asked, len(asked)
    (True, False, 1)
    """

    def __init__(self) -> None:
        self._hashes: set[int] = set()

    def add(self, url: str) -> None:
        self._hashes.add(hash(url))

    def update(self, urls: Iterable[str]) -> None:
        self._hashes.update(map(hash, urls))

    def __contains__(self, url: str) -> bool:
        return hash(url) in self._hashes

    def __len__(self) -> int:
        return len(self._hashes)
