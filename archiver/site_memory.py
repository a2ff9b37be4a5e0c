"""The memory of a site that lasts: its ledger and its raw pages, held by one crawl at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from itertools import islice
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar

from archiver.asking import Asking, asked_url, read_validators
from archiver.discover.addresses import are_spellings
from archiver.items import LISTED, PIECED, Found, PrintedStory, Story
from archiver.likeness import UNLIKE, lead_key, title_key
from archiver.memory import KnownListing, LookAlike, Memory, Named, RawPlace, Sifted, Visit
from archiver.normalize import normalize_canonical, slug_section
from archiver.pipelines import describe_storage_error
from archiver.schedule import LONGEST
from archiver.store.archive import Archive, StorageError, locked, make_folder
from archiver.store.exchange import Exchange, leads_on_for_good
from archiver.store.known import Kind, Known, Pass, complete, date_of_page, take_missing
from archiver.store.ledger import Ledger
from archiver.store.ledgerfile import site_lock
from archiver.store.no_pandas import leave_pandas_unloaded
from archiver.store.raw import RawWriter
from archiver.store.raw_repair import finish_leftovers
from archiver.store.read import read_story
from archiver.urls import site_of

if TYPE_CHECKING:
    from scrapy.http import Response

TRUSTED = timedelta(days=7)
"""How long listings and sitemaps are taken for all that a site has, before its home page is read again."""
AHEAD = timedelta(hours=1)
"""A daily crawl does not start to the minute: what is due within the hour is due."""
EXAMPLES = 500
"""Stories whose addresses show what a story's address looks like."""
ASKED_ANEW = timedelta(days=30)
"""After which a page that proved to be no story may have become one, and an address that its story has left may have one again,
where they are still named."""
_DOUBTS, _SHORTER = 3, 4
"""So many times in a row, a page this many times shorter than its archived story, and unlike it, is an error page."""
_MANY, _NEARLY_ALL, _SELDOM = 20, 0.9, 0.05
"""Of the stories that a sitemap names: so many, this share of them, and this share of looks that found a change."""

_KINDS: Final[Mapping[str, Kind]] = {"listing": "listing", "feed": "feed", "sitemap": "sitemap", "other": "other"}

P = ParamSpec("P")
T = TypeVar("T")


def guarded(method: Callable[Concatenate[SiteMemory, P], T]) -> Callable[Concatenate[SiteMemory, P], T]:
    """Where storage fails, end the crawl with the exit code that says so; the method of Memory answers instead."""

    @wraps(method)
    def call(memory: SiteMemory, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if not memory.has_failed:
            try:
                return method(memory, *args, **kwargs)
            except StorageError as error:
                memory.fail(error)
        answer: T = getattr(Memory, method.__name__)(memory, *args, **kwargs)
        return answer

    return call


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came for an address that was asked for: kept until its story stands in the inbox."""

    url: str
    """Where redirects led."""
    at: datetime
    status: int
    conditions: Mapping[str, str]
    page: RawPlace
    is_moved: bool


class SiteBusyError(Exception):
    """Another crawl works on the site; raised by `SiteMemory`."""


class SiteMemory(Memory):
    """What the archive knows of one site, for the one crawl that works on it.

    Raises SiteBusyError where another one does, and StorageError where it cannot be opened. After that nothing raises:
    storage that fails ends the crawl.
    """

    def __init__(self, archive: Archive, spider: Asking, site: str) -> None:
        self.archive, self.spider, self.site = archive, spider, site
        leave_pandas_unloaded()
        self._held = ExitStack()
        make_folder(archive.state_dir)
        lock = site_lock(archive, site)
        try:
            self._held.enter_context(locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise SiteBusyError(site) from error
        except OSError as error:
            raise StorageError(error.errno, error.strerror, str(lock)) from error
        try:
            finish_leftovers(archive, site)
            self.raw = RawWriter(archive, site, spider.outcome.run, started_at=spider.outcome.started_at)
            self.ledger = Ledger.open(archive, site, before_commit=self._before_commit)
        except BaseException:
            self._held.close()
            raise
        self.has_removed = self.ledger.has_removed()
        self._has_past = self.ledger.has_stories()
        self._answers: dict[str, _Answer] = {}
        self._going: dict[str, int] = {}
        """Stories that are gone with this crawl's answer, and its status: until the inbox knows."""
        self._moves: dict[str, str] = {}
        """Address asked for → one that led there for good."""
        self._passes: dict[str, Pass] = {}
        """Of the listings that this crawl reads, as the crawls before left them."""
        self._wants_whole = spider.arguments.full and bool(spider.settings.getdict("FEEDS"))
        """Whoever asks for everything in a file of its own (`-a full=1 -O x.jsonl`) wants what has not changed, too."""

    def _before_commit(self) -> None:
        """What the ledger takes for archived must be safe: the raw page first, then the story in the inbox."""
        self.raw.sync()
        self.spider.sync_inbox()

    def fail(self, error: StorageError) -> None:
        self.has_failed = True
        self.spider.outcome.note_storage_error(describe_storage_error(error))
        self.spider.stop("storage_failed")

    # Where to look

    def _is_fresh(self) -> bool:
        """Tell whether the home page was read lately: its sections are known, and what it showed."""
        home = self.spider.home
        read_at = self.ledger.get_pass(home).last_complete if home else None
        return read_at is not None and abs(datetime.now(UTC) - read_at) < TRUSTED

    @guarded
    def listings(self) -> list[KnownListing]:
        if not self._is_fresh():
            return []
        return [KnownListing(each.url, each.label) for each in self.ledger.listings() if each.label]

    @guarded
    def sitemaps(self, *, is_enough: bool) -> list[str]:
        if is_enough and not self._is_fresh():
            return []
        if not self.ledger.is_covered_by_sitemaps() or (is_enough and self.ledger.needs_listings()):
            return []
        return [known.url for known in self.ledger.each("sitemap") if known.last_fetched]

    @guarded
    def unread_sitemaps(self) -> list[str]:
        return [known.url for known in self.ledger.each("sitemap") if not known.last_fetched and not known.failures]

    @guarded
    def waiting(self, at: datetime) -> dict[str, Found]:
        return {known.url: known.found for known in [*self.ledger.pending(at), *self.ledger.due(at + AHEAD)]}

    @guarded
    def examples(self) -> list[str]:
        return [known.url for known in islice(self.ledger.each(), EXAMPLES) if known.content_hash]

    @guarded
    def note_listing(self, listing: str, label: str | None) -> None:
        self._pass_of(listing)
        self.ledger.begin_pass(listing, datetime.now(UTC), label=label)

    @guarded
    def note_missing_listing(self, listing: str) -> int:
        self.ledger.note_failed(listing, at=datetime.now(UTC), reason="gone", kind="listing")
        known = self.ledger.get(listing)
        return known.failures if known else 1

    @guarded
    def drop_listing(self, listing: str) -> None:
        self._passes.pop(listing, None)
        self.ledger.drop_listing(listing)

    @guarded
    def note_sitemaps(self, urls: Iterable[str]) -> None:
        wanted = list(urls)
        for known in list(self.ledger.each("sitemap")) if not wanted else ():
            self.ledger.note_fetched(known.url, at=datetime.now(UTC), kind="other")
        self.ledger.note_found([(url, Found(via="robots")) for url in wanted], datetime.now(UTC), kind="sitemap")

    def _pass_of(self, listing: str) -> Pass:
        if listing not in self._passes:
            self._passes[listing] = self.ledger.get_pass(listing)
        return self._passes[listing]

    @guarded
    def has_read(self, listing: str) -> bool:
        ended = self._pass_of(listing).last_complete
        # Of a clock that ran ahead: what this crawl meets would count as met before, and hide what lies behind it.
        return ended is not None and ended <= datetime.now(UTC)

    @guarded
    def note_pass(self, listing: str, label: str | None, began_at: datetime, conditions: Mapping[str, str]) -> None:
        self._pass_of(listing)
        self.ledger.begin_pass(listing, began_at, label=label)
        self.ledger.complete_pass(listing, datetime.now(UTC))
        known = self.ledger.get(listing)
        if conditions or (known is not None and known.failures):
            self._note_page(listing, "listing", conditions)

    # What to ask for

    @guarded
    def is_removed(self, url: str) -> bool:
        return self.ledger.is_removed(url)

    @guarded
    def is_news(self, url: str, listing: str) -> bool:
        if not self.has_read(listing) or (known := self._met(url)) is None:
            return True
        last = self._pass_of(listing)
        assert last.last_complete is not None  # noqa: S101 - has_read
        if known.first_seen >= last.last_complete:
            return True
        # Met elsewhere while that pass went on: it may have come to this listing when its page had been read.
        began = last.last_began or last.last_complete
        return known.first_seen >= began and known.found.listing_url != listing

    def _met(self, url: str) -> Known | None:
        known = self.ledger.get(url)
        return known if known and known.kind in ("story", "other") else None

    @guarded
    def is_known(self, url: str) -> bool:
        return self._met(url) is not None

    @guarded
    def sift(self, named: Sequence[Named], sections: Collection[str], *, anyway: bool) -> Sifted:
        known, sifted = self.ledger.get_all([url for url, _ in named]), Sifted()
        settled: list[Named] = []
        now = datetime.now(UTC)
        touched = {url for url, lastmod in named if url in known and _is_touched(known[url], lastmod)}
        if self._says_nothing(len(touched), len(known)):
            touched = set()
        for url, lastmod in named:
            place = known.get(url)
            if place is None:
                sifted.unknown.append((url, lastmod))
            elif sections and self._section_of(place) not in sections:
                continue
            elif anyway or not (reason := self._why_not(place, now)) or url in touched:
                sifted.known.append((url, lastmod))
            else:
                settled.append((url, lastmod))
                sifted.settled[url] = reason
        self.ledger.note_named(settled, now)
        return sifted

    def _says_nothing(self, touched: int, known: int) -> bool:
        """Tell whether lastmods are of the sitemap's making and not of the stories': nearly all are other ones than before, and
        looks at the site's stories have seldom found a change."""
        return touched >= max(_MANY, _NEARLY_ALL * known) and self.ledger.site_change_rate < _SELDOM

    @guarded
    def plan_visit(self, url: str, *, anyway: bool = False) -> Visit:
        if self.has_removed and self.ledger.is_removed(url):
            return Visit("removed")
        known = self.ledger.get(url)
        if known is None:
            return Visit()
        if not anyway and (reason := self._why_not(known, datetime.now(UTC))):
            return Visit(reason)
        return Visit(headers={} if self._wants_whole else _conditions(known))

    def _why_not(self, known: Known, now: datetime) -> str | None:
        """Why a story that is known is not to be asked for; None where it is."""
        is_recent = known.last_fetched is not None and now - known.last_fetched < ASKED_ANEW
        if known.moved_to and is_recent:
            place = self.ledger.get(known.moved_to)
            return None if place is not None and place.missing_since else "moved"
        if known.kind == "other" and is_recent:
            return "no_story"
        # A visit further away than any can be was planned by a clock that ran ahead, and has come (as in Ledger.due).
        if known.next_visit and now + AHEAD < known.next_visit <= now + LONGEST:
            return "not_due"
        return None

    @guarded
    def conditions(self, url: str) -> Mapping[str, str]:
        known = self.ledger.get(url)
        return _conditions(known) if known else {}

    @guarded
    def note_found(self, url: str, found: Found, lastmod: str | None = None) -> Found:
        self.ledger.note_found([(url, found)], datetime.now(UTC), lastmods={url: lastmod})
        known = self.ledger.get(url)
        return complete(found, known.found) if known else found

    # What came

    @guarded
    def section_of(self, url: str) -> str | None:
        known = self.ledger.get(url)
        return self._section_of(known) if known and known.kind == "story" else None

    def _section_of(self, known: Known) -> str:
        # A sitemap names no section; once archived, the story has one all the same.
        place = self.ledger.place_of(known.story_id) if known.story_id and not known.found.section_label else None
        return place.section if place else slug_section(known.found.section_label)

    @guarded
    def find_archived(self, url: str) -> Story | None:
        story_id = self.ledger.story_of(url)
        place = self.ledger.place_of(story_id) if story_id else None
        return read_story(self.archive, place, story_id) if place and story_id else None

    @guarded
    def is_unchanged(self, url: str, response: Response) -> bool:
        known, exchange = self.ledger.get(url), exchange_of(response)
        if self._wants_whole or known is None or known.moved_to or exchange is None or exchange.status != 200:
            return False
        is_read = known.content_hash is not None if known.kind == "story" else known.kind == "sitemap"
        return is_read and not known.is_gone and known.payload_sha256 == exchange.sha256

    @guarded
    def note_page(self, url: str, kind: str, headers: Mapping[str, str]) -> None:
        self._note_page(url, kind, headers)

    def _note_page(self, url: str, kind: str, conditions: Mapping[str, str]) -> None:
        answer = self._answers.pop(url, None)
        page = answer.page if answer else None
        self.ledger.note_fetched(
            url,
            at=answer.at if answer else datetime.now(UTC),
            kind=_KINDS[kind],
            etag=conditions.get("If-None-Match"),
            last_modified=conditions.get("If-Modified-Since"),
            payload_sha256=page.sha256 if page else None,
            raw_file=page.file if page else None,
            raw_offset=page.offset if page else None,
        )

    @guarded
    def keep_page(self, response: Response, kind: str, found: Found) -> RawPlace | None:
        exchange = exchange_of(response)
        if exchange is None:
            return None
        asked = asked_url(response)
        about = _describe(found, kind, asked, self.spider.name)
        redirects: Sequence[Exchange] = response.meta.get("redirects", ())
        for redirect in redirects:
            self.raw.write(redirect, about | {"kind": "redirect"})
        place = self.raw.write(exchange, about)
        if kind not in ("part", "moved", "doubted", "gone"):
            is_moved = leads_on_for_good([redirect.status for redirect in redirects])
            self._answers[asked] = _Answer(
                response.url, exchange.fetched_at, exchange.status, read_validators(response), place, is_moved
            )
        return place

    @guarded
    def note_unchanged(self, url: str, response: Response) -> None:
        known, exchange = self.ledger.get(url), exchange_of(response)
        if known is None or exchange is None:
            return
        if known.raw_file is not None and known.raw_offset is not None and known.raw_fetched_at:
            place = RawPlace(known.raw_file, known.raw_offset, known.payload_sha256 or "")
            about = _describe(known.found, known.kind, url, self.spider.name)
            self.raw.write_revisit(exchange, place, known.raw_fetched_at, about)
        said = read_validators(response)
        self.ledger.note_unchanged(
            url,
            at=exchange.fetched_at,
            status=exchange.status,
            etag=said.get("If-None-Match"),
            last_modified=said.get("If-Modified-Since"),
        )

    @guarded
    def note_archived(self, url: str, story: Story) -> None:
        if story.status == "gone":
            self.ledger.note_gone(url, at=story.fetched_at, status=self._going.pop(url, 410))
            return
        answer = self._answers.pop(url, None)
        if answer is None:
            return
        before = self.ledger.get(url)
        if moved_from := self._moves.pop(url, None):
            self.ledger.note_moved(moved_from, url, at=answer.at)
        if answer.is_moved and answer.url != url:
            self.ledger.note_moved(url, answer.url, at=answer.at)
            url = answer.url
        page, conditions = (answer.page, answer.conditions) if PIECED.isdisjoint(story.flags) else (None, {})
        self.ledger.note_fetched(
            url,
            at=answer.at,
            status=answer.status,
            etag=conditions.get("If-None-Match"),
            last_modified=conditions.get("If-Modified-Since"),
            payload_sha256=page.sha256 if page else None,
            raw_file=page.file if page else None,
            raw_offset=page.offset if page else None,
            content_hash=story.content_hash,
            story_id=story.story_id,
            published_at=date_of_page(story.published_at, story.date_source),
            has_section=story.provenance.get("section_label") not in LISTED,
            title_key=title_key(story.title),
            lead_key=lead_key(story.body),
        )
        if before is not None and before.moved_to and self.ledger.story_of(before.moved_to) == story.story_id:
            self.ledger.note_moved(before.moved_to, url, at=answer.at)  # it has come back

    @guarded
    def note_left_out(self, url: str, reason: str, *, may_pass: bool = False) -> None:
        if url in self._going:  # what the archive does not hold cannot go
            self.ledger.note_gone(url, at=datetime.now(UTC), status=self._going.pop(url))
            return
        answer, known = self._answers.pop(url, None), self.ledger.get(url)
        is_archived = known is not None and known.content_hash is not None
        if may_pass and (known is None or known.failure != reason):
            self.ledger.note_failed(url, at=datetime.now(UTC), reason=reason)
        elif reason in ("no_story", "part", "duplicate", "removed") and not is_archived:
            at, status = (answer.at, answer.status) if answer else (datetime.now(UTC), 200)
            self.ledger.note_fetched(url, at=at, status=status, kind="other")
        else:
            self.ledger.note_failed(url, at=datetime.now(UTC), reason=reason)

    @guarded
    def note_failed(self, url: str, reason: str) -> None:
        self._answers.pop(url, None)
        self.ledger.note_failed(url, at=datetime.now(UTC), reason=reason)

    # Stories that go and move

    @guarded
    def is_going(self, url: str, status: int) -> bool:
        known = self.ledger.get(url)
        if known is None or known.content_hash is None or known.is_gone:
            return False
        is_gone = take_missing(known, at=datetime.now(UTC), status=status).is_gone
        if is_gone:
            self._going[url] = status
        return is_gone

    @guarded
    def leads_to_another(self, url: str, to_url: str) -> bool:
        left, place = self.ledger.get(url), self.ledger.get(to_url)
        if left is None or left.content_hash is None or place is None or place.content_hash is None:
            return False
        return None not in (left.story_id, place.story_id) and left.story_id != place.story_id

    @guarded
    def note_gone(self, url: str, status: int) -> None:
        self._answers.pop(url, None)
        self.ledger.note_gone(url, at=datetime.now(UTC), status=status)

    @guarded
    def note_moved(self, url: str, to_url: str) -> None:
        self.ledger.note_moved(url, to_url, at=datetime.now(UTC))

    @guarded
    def find_look_alike(self, url: str, printed: PrintedStory) -> LookAlike | None:
        if not self._has_past:
            return None
        known = self.ledger.get(url)
        if known is not None and known.story_id is not None:
            return None
        keys = title_key(printed.title), lead_key("\n\n".join(printed.body))
        for each in self.ledger.find_look_alikes(*keys, unseen_since=self.spider.outcome.started_at):
            if each.url != url:
                return LookAlike(each.url, _conditions(each))
        return None

    @guarded
    def identify(self, story: Story, asked: str, moved_from: str | None) -> str | None:
        if site_of(story.url) != self.site:
            return None
        if story_id := self.ledger.story_of(story.url):
            return story_id
        if moved_from and site_of(moved_from) == self.site and (story_id := self.ledger.story_of(moved_from)):
            if moved_from != asked:
                self._moves[asked] = moved_from
            return story_id
        known = self.ledger.get(asked)
        if known is None or known.story_id is None:
            return None
        # Another canonical address on the same page: the story's, if it is still the same story.
        return known.story_id if any(now == before for now, before in _pair_keys(story, known)) else None

    @guarded
    def is_another(self, story: Story, asked: str, fetched: str) -> bool:
        if site_of(story.url) != self.site:
            return False
        here = self.ledger.get(asked)
        if here is not None and here.moved_to:
            place = self.ledger.get(here.moved_to)
            return place is not None and not place.missing_since and _are_others(_pair_keys(story, here))
        if fetched == story.url or (here is not None and here.story_id is not None):
            return False
        # Others may claim that address, too, and it itself be that of no story.
        others = [self.ledger.get(story.url), *self.ledger.addresses_of_story(story.story_id)]
        pairs = [_pair_keys(story, other) for other in others if other is not None and other.content_hash is not None]
        return any(map(_are_others, pairs)) and not any(now == before for each in pairs for now, before in each)

    @guarded
    def doubts(self, url: str, printed: PrintedStory, *, is_led: bool) -> bool:
        known = self.ledger.get(url)
        if known is None or known.content_hash is None or (known.title_key, known.lead_key) == (None, None):
            return False
        body = "\n\n".join(printed.body)
        if known.title_key == title_key(printed.title) or known.lead_key == lead_key(body):
            return False
        if not is_led and known.failure == UNLIKE and known.failures >= _DOUBTS:
            return False
        story = self.find_archived(url)
        if story is None:
            return False
        if is_led:  # some addresses always lead elsewhere, and a story may be rewritten there
            return not are_spellings(story.url, normalize_canonical(printed.canonical, printed.url))
        return _SHORTER * len(body.split()) < story.word_count

    # Keeping

    def sync_raw(self) -> None:
        self.raw.sync()

    def sync(self) -> None:
        """Make everything durable; StorageError where that fails."""
        self.raw.close()
        self.ledger.flush()

    def close(self) -> None:
        """Give the site back."""
        try:
            self.raw.close()
            self.ledger.close()
        except StorageError as error:
            self.spider.outcome.note_storage_error(describe_storage_error(error))
        finally:
            self._held.close()


def exchange_of(response: Response) -> Exchange | None:
    exchange: Exchange | None = response.meta.get("exchange") if response.request else None
    return exchange


def _pair_keys(story: Story, known: Known) -> list[tuple[int, int]]:
    """Return the keys of headline and first words, now and as known, of those that both have."""
    pairs = (title_key(story.title), known.title_key), (lead_key(story.body), known.lead_key)
    return [(now, before) for now, before in pairs if now is not None and before is not None]


def _are_others(pairs: list[tuple[int, int]]) -> bool:
    """Tell whether headline and first words are both known, and both others."""
    return len(pairs) == 2 and all(now != before for now, before in pairs)


def _is_touched(known: Known, lastmod: str | None) -> bool:
    return None not in (lastmod, known.lastmod) and lastmod != known.lastmod


def _conditions(known: Known) -> dict[str, str]:
    """A page that is no story, or that was not there the last time, is asked for without conditions."""
    if known.is_gone or known.missing_since or known.moved_to or (known.kind == "story" and not known.content_hash):
        return {}
    said = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in said.items() if value}


def _describe(found: Found, kind: str, asked: str, spider: str) -> dict[str, object]:
    """What a metadata record says of how a page was found: enough to make the same story of it again."""
    described: dict[str, object] = {"kind": kind, "spider": spider, "asked": asked, "via": found.via}
    more = {
        "page": found.listing_url,
        "section_label": found.section_label,
        "published_at": found.published_at,
        "published_raw": found.published_raw,
        "title": found.title,
    }
    return described | {name: value for name, value in more.items() if value is not None}
