"""What a story is: the columns of the archive, and the story as a page printed it.

The attribute docstrings of `Story` are the data dictionary: the Arrow schema, the
Parquet column descriptions and the README's table are made from them (`archiver.schema`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

NO_TIME: Final = "no time"
"""Ends the rule of a date, in `provenance`, that says a day and no more."""

SEVERAL_PAGES: Final = "several-pages"
"""Flag of a story that was joined from pages."""
TRUNCATED: Final = "truncated"
"""Flag of a story that has lost an end or a page."""
PIECED: Final = frozenset({SEVERAL_PAGES, TRUNCATED})
"""Of a story with one of these flags, that its first page has not changed says nothing: it is no raw page of the whole."""

LISTED: Final = ("feed", "listing")
"""Values of `date_source` where the page itself has no date."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Faq:
    """One question and its answer, without `Q.` and `A:` marks."""

    question: str
    answer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One outbound link of a story."""

    url: str
    text: str
    kind: str
    """`source`, `body` or `faq`."""
    domain: str
    """Registered domain of `url`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Related:
    """One link that the page set amid or after the body to lead the reader on."""

    url: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Story:
    """One story of one site as it stands in the archive: a row of `stories`."""

    story_id: str
    """First 16 hex digits of the SHA-256 of the `url` under which the story was first archived. The key of the archive: a
    story that moves to another address keeps it."""

    url: str
    """Canonical address: the page's own canonical link where it is on the same site, else the address fetched;
    without fragment, credentials or tracking parameters."""

    site: str
    """Host of `url` without `www.`; with the port where it is not the scheme's default."""

    section: str
    """Partition key. Slug of the section (`AI & Education` is `ai-education`); `unsectioned` where none was found.
    A slug that a reader would take for a number, a date or a null begins with `section-`."""

    date: date
    """Partition key. UTC day of `published_at`; where there is none, of `first_seen_at`."""

    section_label: str | None
    """The section as the site prints it."""

    date_source: str
    """Where `date` came from: `json-ld`, `microdata`, `meta`, `time`, `text`, `url`, `feed`, `listing` or
    `first-seen`."""

    title: str
    """The headline as the page shows it, without site name and section label."""

    dek: str | None
    """The summary line under the title; null where the page has none of its own."""

    body: str
    """Paragraphs, list items, quotations, subheadings and rows of data tables (cells parted by ` | `) in reading order,
    parted by one blank line. Without title, dek, byline, date, FAQ, interstitials, captions, comments, share bars and the
    line that names the source."""

    faq: list[Faq]
    """Questions and answers in page order; empty where the page has none."""

    authors: list[str]
    """Names alone, in page order: no `By`, no roles, no credentials."""

    source_name: str | None
    """Publisher to which the page credits the story, as printed. A page that credits itself has none."""

    source_url: str | None
    """Address of the source story."""

    source_domain: str | None
    """Registered domain of `source_url`."""

    source_method: str | None
    """The rule that found the source, for example `continue-reading`, `read-original`, `label`, `republished`,
    `pixel`, `canonical`, `meta`, `json-ld` or `dateline`."""

    links: list[Link]
    """Outbound links of the story, to another registered domain; each address once per kind."""

    related: list[Related]
    """Interstitials (`Read more TITLE`) and "more in" links that were taken out of the body."""

    published_at: datetime | None
    """When the page, its listing or its feed says the story was published, UTC. A date without time is midnight; a
    time without zone is taken as UTC. `provenance` notes both: `json-ld, no time`, `meta, midnight: no time` (a printed
    midnight stands for the day), `time, no zone: taken as UTC`."""

    modified_at: datetime | None
    """When the page says the story was last modified, UTC."""

    published_raw: str | None
    """The publication date as found, before parsing."""

    first_seen_at: datetime
    """When this archive first fetched the story, UTC."""

    fetched_at: datetime
    """When the response that this row was made from was fetched, UTC."""

    language: str | None
    """BCP 47 tag, as the page declares it."""

    tags: list[str]
    """Keywords and topics of the story, in page order."""

    image_url: str | None
    """Address of the lead image; the image itself is not fetched."""

    word_count: int
    """Words in `body`."""

    content_hash: str
    """SHA-256 of title, dek, body, FAQ and source_url after normalisation. A change of it makes a revision."""

    revision: int = 1
    """1, 2, …: one more for each change of `content_hash` or `status`."""

    status: str = "live"
    """`live`, or `gone` once the site no longer serves the story."""

    flags: list[str] = field(default_factory=list)
    """What a reader should know: `noarchive`, `truncated`, `several-pages`, `deep-nesting`,
    `date-out-of-range`, …"""

    provenance: dict[str, str] = field(default_factory=dict)
    """Column → rule that filled it, for example `title: h1`."""

    extractor: str = ""
    """Version of the extraction rules that made this row."""

    raw_file: str | None = None
    """File under `raw/` that holds the raw page; null in rows made before raw pages were kept."""

    raw_offset: int | None = None
    """Byte offset of the record in `raw_file`."""

    raw_sha256: str | None = None
    """SHA-256 of the record's payload, hex."""

    @property
    def has_time(self) -> bool:
        """Whether `published_at` tells the time of day."""
        return self.published_at is not None and not self.provenance.get("published_at", "").endswith(NO_TIME)


@dataclass(frozen=True, kw_only=True)
class PrintedStory:
    """A story as one page prints it: what `archiver.extract` returns and `archiver.normalize` takes.

    Texts are as printed, white space apart; addresses are absolute and not yet cleaned. Anything may be missing: a
    page without title or body is told from a story only when it is validated.
    """

    url: str
    """Address the page was fetched from."""
    canonical: str | None = None
    section_label: str | None = None
    title: str | None = None
    dek: str | None = None
    body: tuple[str, ...] = ()
    """Blocks in reading order."""
    faq: tuple[Faq, ...] = ()
    authors: tuple[str, ...] = ()
    source_name: str | None = None
    source_url: str | None = None
    source_method: str | None = None
    links: tuple[Link, ...] = ()
    """Every link of body, FAQ and source line, outbound or not; `domain` is still empty."""
    related: tuple[Related, ...] = ()
    published_at: datetime | None = None
    published_raw: str | None = None
    date_source: str | None = None
    modified_at: datetime | None = None
    language: str | None = None
    tags: tuple[str, ...] = ()
    image_url: str | None = None
    flags: tuple[str, ...] = ()
    provenance: dict[str, str] = field(default_factory=dict)
    section_url: str | None = None
    """Listing of the story's section, where the page links to it (`More in SECTION →`); not a column."""
    extractor: str = ""
    is_story: bool = True
    """False where the page says or shows that it is something else: a listing, a profile, a search page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """How a crawl came to a story: what listing or feed said of it. Fills what the page itself leaves out."""

    via: str = "start"
    """`listing`, `feed`, `sitemap`, `related` or `start`."""
    listing_url: str | None = None
    section_label: str | None = None
    published_at: datetime | None = None
    published_raw: str | None = None
    title: str | None = None
