"""What the ledger knows of an address or a listing, and what each answer of the site makes of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal, TypeAlias

from archiver.items import LISTED, Found
from archiver.schedule import GONE_AFTER, next_try, next_visit, next_visit_to_missing

Kind: TypeAlias = Literal["story", "listing", "feed", "sitemap", "part", "other"]
"""`part` is a later page of a story, `other` what turned out to be no story."""

MAX_VALIDATOR: Final = 1_024
"""Characters of an ETag or Last-Modified that is kept; a longer one is not sent back."""
MAX_REASON: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """One address: a row of the ledger's table `urls`."""

    url: str
    kind: Kind = "story"
    found: Found = field(default_factory=Found)
    """How it was come by the first time; where that said no date, how it was when one was said."""
    lastmod: str | None = None
    """What a sitemap last said of it, as printed."""
    first_seen: datetime
    last_seen: datetime
    """When a listing, feed or sitemap last named it, or the site last answered for it."""
    last_fetched: datetime | None = None
    """When the site last answered with the page, or that it is unchanged, moved or not there. None: never yet."""
    status: int | None = None
    """Of that answer."""
    etag: str | None = None
    last_modified: str | None = None
    """The header as the server sent it: it is sent back letter by letter."""
    payload_sha256: str | None = None
    raw_file: str | None = None
    raw_offset: int | None = None
    raw_fetched_at: datetime | None = None
    """When the payload that stands there was fetched."""
    content_hash: str | None = None
    story_id: str | None = None
    """Also of an address that a story has left, or that is not its canonical one."""
    published_at: datetime | None = None
    """As the page says."""
    has_section: bool = True
    """False where the page does not say its section, and a listing does."""
    visits: int = 0
    changes: int = 0
    last_changed: datetime | None = None
    failures: int = 0
    """In a row."""
    failure: str | None = None
    missing_since: datetime | None = None
    """The first 404 or 410 since it was last there."""
    gone_at: datetime | None = None
    """When it came to count as gone."""
    next_visit: datetime | None = None
    """Of stories only: listings, feeds and sitemaps are asked for in each crawl."""
    title_key: int | None = None
    """Of its headline and its first words (`archiver.likeness`): by them a story that has moved is found again."""
    lead_key: int | None = None
    moved_to: str | None = None
    """Where its story is now; it is visited no more, but where it is still named when that place is gone, or now and then."""

    @property
    def born(self) -> datetime | None:
        """When its story was published, as far as anything says so."""
        return self.published_at or self.found.published_at

    @property
    def is_gone(self) -> bool:
        return self.gone_at is not None


def date_of_page(published_at: datetime | None, date_source: str) -> datetime | None:
    """Return when the page itself says its story was published."""
    return None if date_source in LISTED else published_at


def complete(found: Found, before: Found) -> Found:
    """Return how a crawl came to a story, with what it leaves out and another time said: the date, the section, the title.

    A date comes with the listing or feed that says it, section and title need not.
    """
    label, title = found.section_label or before.section_label, found.title or before.title
    if found.published_at is None and before.published_at is not None:
        found = before
    is_whole = (label, title) == (found.section_label, found.title)
    return found if is_whole else replace(found, section_label=label, title=title)


def name_again(known: Known, found: Found, at: datetime, lastmod: str | None) -> Known:
    """Return an address that a listing, feed or sitemap has named again, which may say what none has said before.

    A story whose lastmod is another than before is due at once, and stays so until it is visited: a crawl that is
    killed in between forgets nothing.
    """
    found = complete(known.found, found)
    if lastmod is None or lastmod == known.lastmod:
        return replace(known, last_seen=at, found=found)
    is_touched = known.lastmod is not None and known.next_visit is not None
    return replace(known, last_seen=at, found=found, lastmod=lastmod, next_visit=at if is_touched else known.next_visit)


def take_page(
    known: Known,
    *,
    at: datetime,
    status: int,
    kind: Kind,
    etag: str | None,
    last_modified: str | None,
    payload_sha256: str | None,
    raw_file: str | None,
    raw_offset: int | None,
    content_hash: str | None,
    story_id: str | None,
    published_at: datetime | None,
    has_section: bool,
    title_key: int | None,
    lead_key: int | None,
    site_change_rate: float | None,
) -> Known:
    """Return an address whose page was fetched."""
    before, after = (known.content_hash, content_hash) if content_hash else (known.payload_sha256, payload_sha256)
    has_changed = before is not None and before != after
    now = _answered(known, at, status)
    now = replace(
        now,
        kind=kind,
        etag=_keep_validator(etag),
        last_modified=_keep_validator(last_modified),
        payload_sha256=payload_sha256,
        raw_file=raw_file,
        raw_offset=raw_offset,
        raw_fetched_at=at if raw_file else None,
        content_hash=content_hash,
        story_id=story_id or known.story_id,
        published_at=published_at or known.published_at,
        has_section=has_section,
        title_key=title_key,
        lead_key=lead_key,
        visits=known.visits + 1,
        changes=known.changes + has_changed,
        last_changed=at if has_changed else now.last_changed,
    )
    return _plan(now, at, site_change_rate)


def take_unchanged(
    known: Known,
    *,
    at: datetime,
    status: int,
    etag: str | None,
    last_modified: str | None,
    site_change_rate: float | None,
) -> Known:
    """Return an address whose page is as it was: a 304, or the same payload again."""
    now = replace(
        _answered(known, at, status),
        etag=_keep_validator(etag) or known.etag,
        last_modified=_keep_validator(last_modified) or known.last_modified,
        visits=known.visits + 1,
    )
    return _plan(now, at, site_change_rate)


def take_missing(known: Known, *, at: datetime, status: int) -> Known:
    """Return an address that answered 410, from which on it counts as gone, or 404, which has to last a day for that."""
    since = at if known.missing_since is None else min(known.missing_since, at)
    is_gone = status == 410 or known.is_gone or at - since >= GONE_AFTER
    now = replace(_answered(known, at, status), missing_since=since, gone_at=(known.gone_at or at) if is_gone else None)
    return replace(now, next_visit=next_visit_to_missing(since, at) if now.kind == "story" else None)


def take_failure(known: Known, *, at: datetime, reason: str) -> Known:
    """Return an address for which there was no answer, or none that says anything: a timeout, a 503, a guard."""
    failures = known.failures + 1
    then = next_try(failures, at) if known.kind == "story" else None
    return replace(known, failures=failures, failure=reason[:MAX_REASON], next_visit=then)


def move(known: Known, target: Known | None, *, to_url: str, at: datetime) -> tuple[Known, Known]:
    """Return an address whose story stands elsewhere now, and that elsewhere with the story's id and history.

    A place that has a story of its own keeps it.
    """
    left = replace(known, moved_to=to_url, last_seen=at, last_fetched=at, next_visit=None)
    if target is not None and target.story_id not in (None, known.story_id):
        return left, replace(target, moved_to=None)
    place = target or Known(url=to_url, kind=known.kind, found=known.found, first_seen=known.first_seen, last_seen=at)
    inherited = replace(
        place,
        moved_to=None,
        story_id=known.story_id,
        content_hash=place.content_hash or known.content_hash,
        published_at=place.published_at or known.published_at,
        found=complete(place.found, known.found),
        first_seen=min(place.first_seen, known.first_seen),
        visits=place.visits or known.visits,
        changes=place.changes or known.changes,
        last_changed=place.last_changed or known.last_changed,
    )
    return left, inherited


def _answered(known: Known, at: datetime, status: int) -> Known:
    """The site has answered. What a clock that ran ahead has noted is drawn back to now."""
    return replace(
        known,
        status=status,
        last_fetched=at,
        last_seen=at,
        first_seen=min(known.first_seen, at),
        last_changed=min(known.last_changed, at) if known.last_changed else None,
        failures=0,
        failure=None,
        missing_since=None,
        gone_at=None,
        moved_to=None,
    )


def _plan(known: Known, at: datetime, site_change_rate: float | None) -> Known:
    if known.kind != "story":
        return replace(known, next_visit=None)
    then = next_visit(
        published_at=known.born,
        first_seen=known.first_seen,
        visits=known.visits,
        changes=known.changes,
        last_changed=known.last_changed,
        at=at,
        site_change_rate=site_change_rate,
    )
    return replace(known, next_visit=then)


def _keep_validator(value: str | None) -> str | None:
    return value if value and len(value) <= MAX_VALIDATOR else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass:
    """How far a listing has been read: a row of the ledger's table `listings`."""

    url: str
    label: str | None = None
    last_complete: datetime | None = None
    """When the last pass ended that reached the listing's end."""
    last_began: datetime | None = None
    """When that pass began."""
    began: datetime | None = None
    """Of the pass that is not complete yet."""
    pages: int = 0
    """Pages of the listing, from its first, up to the one read last."""
    reached: str | None = None
    """The page furthest from the first that was read since the last complete pass."""
    reached_pages: int = 0

    def begin(self, at: datetime, label: str | None) -> Pass:
        """Return the listing as it is read from its first page again; how far a pass that was cut had come stays known."""
        return replace(self, label=label or self.label, began=at, pages=0)

    def read_page(self, page_url: str, at: datetime) -> Pass:
        """Return the listing with one more page read, the next one or that to which the pass before had come."""
        pages = self.reached_pages if page_url == self.reached else self.pages + 1
        now = replace(self, began=self.began or at, pages=pages)
        return replace(now, reached=page_url, reached_pages=pages) if pages > self.reached_pages else now

    def complete(self, at: datetime) -> Pass:
        """Return the listing read to its end."""
        return Pass(url=self.url, label=self.label, last_complete=at, last_began=self.began)
