"""What an address says of the page behind it: its shape, whether it can be a story, which page of a listing it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote, urlsplit

_MEDIA: Final = re.compile(
    r"""\.(?: jpe?g | png | gif | webp | avif | svg | ico | bmp | tiff? | pdf | epub | docx? | xlsx? | pptx? | odt
    | csv | tsv | json | xml | rss | atom
      | zip | gz | tgz | bz2 | xz | rar | 7z | mp3 | m4a | ogg | wav | flac | aac | mp4 | m4v | mov | avi | webm
      | mkv | m3u8? | css | m?js | woff2? | apk | exe
      | dmg | ics | vcf | txt )$""",
    re.VERBOSE | re.IGNORECASE,
)
_STORED_PAGE: Final = re.compile(r"\.x?html?\.gz$", re.IGNORECASE)

_KINDS: Final = frozenset(
    """tag tags topic topics thema themen theme themes tema temas etiqueta etiquetas schlagwort schlagworte mot-cle
    keyword keywords label labels stichwort
    author authors autor autoren autores auteur auteurs autore autori contributor contributors columnist columnists
    byline people person profile profiles
    user users member members staff reporter reporters journalist journalists writer writers by category categories
    kategorie kategorien categorie categoria
    categorias cat section sections rubrik rubriken rubrique seccion sezione search suche recherche buscar series
    collection collections hashtag""".split()
)
"""A segment after which the next names a listing or a person, never a story."""
_PEOPLE_AND_TAGS: Final = _KINDS - frozenset(
    """category categories kategorie kategorien categorie categoria categorias cat section sections rubrik rubriken
    rubrique seccion sezione
    topic topics thema themen theme themes series collection collections""".split()
)
_FURNITURE: Final = frozenset(
    """about about-us aboutus ueber-uns a-propos acerca-de quienes-somos sobre chi-siamo over-ons om-oss o-nas team
    our-team masthead contact contact-us contacts
    contactus kontakt contacto contato contatti imprint impressum legal legal-notice mentions-legales aviso-legal
    datenschutz datenschutzerklaerung privacy
    privacy-policy privacypolicy privacy-notice privacy-settings privacy-center cookie cookies cookie-policy
    cookie-settings cookie-preferences cookie-notice
    cookie-consent consent gdpr terms terms-of-use terms-of-service terms-and-conditions terms-conditions tos
    conditions disclaimer agb nutzungsbedingungen
    accessibility login log-in signin sign-in signup sign-up logout log-out register registration account my-account
    myaccount auth oauth sso password
    password-reset wp-login wp-admin wp-login.php subscribe subscription subscriptions subscribe-now abo abonnement
    abonnements membership donate donation support-us
    newsletter newsletters email-alerts alerts rss feed feeds atom search suche recherche buscar cart checkout shop
    store basket advertise advertise-with-us
    advertising mediadaten media-kit werbung publicidad jobs careers career karriere press-office investors
    investor-relations sitemap site-map help
    help-center helpcenter faq faqs hilfe feedback corrections corrections-policy editorial-policy
    editorial-standards ethics ethics-policy ethics-statement
    community-guidelines comments comment comment-page respond reply trackback print email share amp-share
    unsubscribe manage-consent do-not-sell ccpa your-privacy-choices
    authors autoren tags topics-a-z cdn-cgi javascript bookmarks notifications preferences settings e-paper epaper
    apps app mobile-apps
    facebook twitter instagram linkedin youtube whatsapp telegram advertise-here write-for-us submit-a-tip
    tips""".split()
)
"""Last segments of pages that every site has and that are no stories."""
_FURNITURE_ROOTS: Final = frozenset(
    """login signin signup account my-account auth user users legal privacy subscribe subscriptions newsletter
    newsletters wp-admin wp-json wp-content cdn-cgi search
    suche feed feeds rss share shop cart help hilfe policies out redirect go goto click intent author authors tag
    tags""".split()
)
MIRROR_QUERY: Final = frozenset(
    "sort order orderby sortby filter filters view display dir layout per_page lang hl replytocom share print".split()
)

PAGE_KEYS: Final = frozenset(
    """page paged p pg pagenum pageno pagenumber page_num page_no pagenr paginate currentpage curpage cpage pnum seite
    pagina página sida sivu strona side str pageindex page_index pn""".split()
)
OFFSET_KEYS: Final = frozenset(
    "start offset from skip startat start_index startindex begin first rowstart limitstart b_start b_start:int o".split()
)
_PAGE_WORDS: Final = (
    "page|seite|pagina|página|sida|side|sivu|strona|strana|stranka|sayfa|halaman|trang|oldal|pag|pagenum|str|страница"
    "|p|pg|pn"
)
_PAIR: Final = re.compile(rf"(?P<before>.*?)/(?:{_PAGE_WORDS})/(?P<n>\d{{1,6}})(?P<after>/?)", re.IGNORECASE)
_GLUED: Final = re.compile(
    rf"(?P<before>.*?)/(?:{_PAGE_WORDS})[-_:=,]?(?P<n>\d{{1,6}})(?P<after>(?:\.\w{{2,5}})?/?)", re.IGNORECASE
)
_SUFFIXED: Final = re.compile(
    r"(?P<before>.*?/[^/]*?)(?:[-_,;.](?:page|seite|pag|p)?[-_=]?|(?<=index)|(?<=page)|(?<=default))"
    r"(?P<n>\d{1,4})(?P<after>\.\w{2,5})",
    re.IGNORECASE,
)
_BARE: Final = re.compile(r"(?P<before>.*?)/(?P<n>\d{1,4})(?P<after>/?)")
_INDEX: Final = re.compile(r"/(?:index|default|home)\.(?:html?|php|aspx?|jsp|cfm|shtml)$", re.IGNORECASE)
_EXTENSION: Final = re.compile(r"\.(?:x?html?|php|aspx?|jsp|cfm|shtml|ece|amp|story|html\.gz)$", re.IGNORECASE)
_DATE_PATH: Final = re.compile(
    r"(?:^|/)(?:19|20)\d\d(?:[/-](?:0?[1-9]|1[0-2]|[a-z]{3})(?:[/-](?:0?[1-9]|[12]\d|3[01]))?)?/?$", re.IGNORECASE
)
_DATE_QUERY: Final = re.compile(r"(?:^|&)(?:date|day|d|month|year|m|y|calendar|cal|archive|yearmonth)=", re.IGNORECASE)
_DATED: Final = re.compile(
    r"/(?:19|20)\d\d(?:[/-]?(?:0?[1-9]|1[0-2])|/[a-z]{3}/)|(?:^|[-_/])20\d\d[-_]?[01]\d[-_]?[0-3]\d(?:\D|$)",
    re.IGNORECASE,
)
_ID: Final = re.compile(r"\d{5,}|(?:^|[-_./])(?:[a-z]{1,4}-?)?\d{4,}(?=$|[-_.])", re.IGNORECASE)
_ID_KEYS: Final = frozenset(
    """id p aid nid sid story article articleid artid newsid storyid postid news_id story_id art a n docid item
    itemid cid uid""".split()
)


@dataclass(frozen=True, slots=True)
class Address:
    """An address taken apart once."""

    url: str
    host: str
    segments: tuple[str, ...]
    """Path segments, decoded, in lower case."""
    query: tuple[tuple[str, str], ...]
    slug_words: int
    """Words of the last segment: `rates-rise-again` has three."""
    is_dated: bool
    has_id: bool

    @property
    def path(self) -> str:
        return "/" + "/".join(self.segments)

    @property
    def looks_like_story(self) -> bool:
        """The address alone tells a story: a slug of three words, a date or a number in the path, an id in the query."""
        return bool(self.segments or self.query) and (self.slug_words >= 3 or self.is_dated or self.has_id)

    @property
    def shape(self) -> tuple[str, ...]:
        """What addresses of one kind of page share."""
        last = ("slug" if self.slug_words >= 3 else "word") + ("#" if self.has_id else "")
        return (*self.folder, last, *sorted(key for key, _ in self.query))

    @property
    def folder(self) -> tuple[str, ...]:
        """The path without its last segment, days and other numbers being alike."""
        return tuple("#" if part.isdigit() else part for part in self.segments[:-1])


@lru_cache(maxsize=4_096)
def read_address(url: str) -> Address:
    """Take a cleaned address apart.

    >>> read_address("https://a.example/2026/06/rates-rise-again.html").slug_words
    3
    """
    parts = urlsplit(url)
    segments = tuple(unquote(part).lower() for part in parts.path.split("/") if part)
    query = tuple(_pair(part) for part in parts.query.split("&") if part)
    last = _EXTENSION.sub("", segments[-1]) if segments else ""
    words = [w for w in re.split(r"[-_+.,\s]+", last) if w]
    wide = sum("\u2e80" <= c <= "\uffdc" for c in last)
    has_id = (
        bool(_ID.search(last))
        or (last.isdigit() and len(last) >= 2)
        or any(key in _ID_KEYS and value.isdigit() for key, value in query)
        or (len(segments) >= 2 and bool(re.fullmatch(r"\d{4,}", segments[-2])) and not _is_year(segments[-2]))
    )
    return Address(
        url, parts.hostname or "", segments, query, len(words) + wide // 3, bool(_DATED.search(parts.path)), has_id
    )


def _pair(part: str) -> tuple[str, str]:
    key, _, value = part.partition("=")
    return unquote(key).lower(), value


def _is_year(text: str) -> bool:
    return len(text) == 4 and text[:2] in ("19", "20") and text.isdigit()


def is_media(url: str) -> bool:
    """Tell whether an address names a file that is no page.

    >>> is_media("https://a.example/report.PDF"), is_media("https://a.example/at.html.gz")
    (True, False)
    """
    path = urlsplit(url).path
    return bool(_MEDIA.search(path)) and not _STORED_PAGE.search(path)


def is_calendar(url: str) -> bool:
    """Tell whether an address is a day, month or year of an archive.

    >>> is_calendar("https://a.example/news/2026/07/"), is_calendar("https://a.example/2026/07/rates-rise")
    (True, False)
    """
    parts = urlsplit(url)
    return bool(_DATE_PATH.search(parts.path.rstrip("/"))) or bool(_DATE_QUERY.search(parts.query))


def is_furniture_address(url: str) -> bool:
    """Tell whether an address is a page that every site has, a person's, a tag's, or a file; such pages are no stories.

    >>> is_furniture_address("https://a.example/author/jane-van-der-berg"), is_furniture_address("https://a.example/jobs/apple-cuts-1000-jobs")
    (True, False)
    """
    address = read_address(url)
    segments = [_EXTENSION.sub("", s) for s in address.segments]
    if is_media(url) or not (segments or address.query):
        return True
    if not segments:
        return False
    if segments[-1] in _FURNITURE or (segments[0] in _FURNITURE_ROOTS and address.slug_words < 4):
        return True
    return any(s in _PEOPLE_AND_TAGS for s in segments[-2:-1]) or segments[-1] in _PEOPLE_AND_TAGS


def is_listing_address(url: str) -> bool:
    """Tell whether an address alone names a listing: home, `/category/x`, a month, a page number, a sort order."""
    address = read_address(url)
    segments = address.segments
    if not segments and not address.query:
        return True
    if (len(segments) > 1 and segments[-2] in _KINDS and not address.is_dated) or (segments and segments[-1] in _KINDS):
        return True
    if is_calendar(url) or any(key in MIRROR_QUERY for key, _ in address.query):
        return True
    slot = page_slot(url)
    return slot is not None and slot.is_sure


@dataclass(frozen=True, slots=True)
class PageSlot:
    """Where an address holds the number of a page of a listing."""

    base: str
    """The address without the number: what all pages of one listing share."""
    number: int
    is_offset: bool
    is_sure: bool
    """The address says in words that it is a page number; a bare trailing number does not."""


@lru_cache(maxsize=4_096)
def page_slot(url: str) -> PageSlot | None:
    """Find the page number in an address.

    >>> page_slot("https://a.example/policy/page/3/")
    PageSlot(base='https://a.example/policy', number=3, is_offset=False, is_sure=True)
    >>> page_slot("https://a.example/policy?start=50&x=1")
    PageSlot(base='https://a.example/policy?x=1', number=50, is_offset=True, is_sure=True)
    >>> page_slot("https://a.example/policy/2026/07/")
    """
    parts = urlsplit(url)
    pairs = [part for part in parts.query.split("&") if part]
    for index, part in enumerate(pairs):
        key, value = _pair(part)
        bare = re.sub(r"^.*\[(\w+)\]$|^.*[_-](?=page)", r"\1", key) or key
        is_offset = bare in OFFSET_KEYS
        if (bare in PAGE_KEYS or is_offset or bare.startswith("pagen_")) and re.fullmatch(r"\d{1,7}", value):
            rest = pairs[:index] + pairs[index + 1 :]
            base = listing_base(parts._replace(query="&".join(rest)).geturl())
            # WordPress names a post by `/?p=612`, and a page of a listing by `/policy/?p=2` only where it is told to.
            return PageSlot(
                base, int(value), is_offset, is_sure=key != "p" or int(value) < (1000 if parts.path.strip("/") else 100)
            )
    if is_calendar(url):
        return None
    for pattern, sure in ((_PAIR, True), (_GLUED, True), (_SUFFIXED, False), (_BARE, False)):
        found = pattern.fullmatch(unquote(parts.path))
        if found and not _is_year(found["n"]):
            after = found["after"] if pattern is _SUFFIXED else ""
            path = found["before"] + after
            return PageSlot(listing_base(parts._replace(path=path or "/").geturl()), int(found["n"]), False, sure)
    return None


def listing_base(url: str) -> str:
    """Return what the addresses of all pages of a listing share: no index file, no closing slash, the query in order.

    >>> listing_base("https://www.a.example/policy/index.html?b=1&a=2")
    'https://www.a.example/policy?a=2&b=1'
    """
    parts = urlsplit(url)
    path = _INDEX.sub("", unquote(parts.path)).rstrip("/")
    query = "&".join(sorted(part for part in parts.query.split("&") if part))
    return parts._replace(path=path, query=query, fragment="").geturl()


def are_spellings(one: str, other: str) -> bool:
    """Tell whether two addresses differ in what servers tell apart and answer alike: case, a closing slash, an index file, an
    ending, `www.`, the scheme, or a query that one of them has.

    >>> are_spellings("https://www.a.example/Policy/Rates-Rise.html", "http://a.example/policy/rates-rise/?ref=home")
    True
    >>> are_spellings("https://a.example/news?id=1", "https://a.example/news?id=2")
    False
    """
    (host, path, query), (other_host, other_path, other_query) = _spell(one), _spell(other)
    return (host, path) == (other_host, other_path) and (query == other_query or not (query and other_query))


def _spell(url: str) -> tuple[str, str, str]:
    parts = urlsplit(listing_base(url).casefold())
    return parts.netloc.removeprefix("www."), _EXTENSION.sub("", parts.path), parts.query
