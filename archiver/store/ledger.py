"""The ledger of a site, one SQLite file: every address known of it, and in which partition each story stands.

Where the file is missing, empty or damaged, the archive gives back the stories and their places, and a text file the
take-downs. The rest (validators, visits, how far listings were read) is asked of the site anew.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archiver.items import Found
from archiver.normalize import story_id as id_of
from archiver.schedule import LONGEST, USUAL_RATE
from archiver.store.archive import Archive, Partition
from archiver.store.known import (
    Kind,
    Known,
    Pass,
    move,
    name_again,
    take_failure,
    take_missing,
    take_page,
    take_unchanged,
)
from archiver.store.ledgerfile import LedgerFile, ledger_file, survive_damage
from archiver.store.rebuild import PUT_PLACE, rebuild_places
from archiver.store.removed import Removed, append_removed, find_addresses, forget, move_raw
from archiver.store.seal import SEAL_UP_TO
from archiver.store.sqlite import connect, transaction
from archiver.store.tables import (
    COUNT_URLS,
    COUNTS,
    MIGRATIONS,
    PUT_PASS,
    PUT_URL,
    SELECT_PASS,
    SELECT_PASSES,
    SELECT_URLS,
    pass_from_row,
    pass_to_row,
    to_stamp,
    url_from_row,
    url_to_row,
)

if TYPE_CHECKING:
    from typing import Self

SYNC_EVERY: Final = 64
"""Answers of the site between two commits: what is asked again, at most, after a kill."""
MAX_UNWRITTEN: Final = 2_000
"""Rows that wait for a commit, at most."""
_SITE_LOOKS: Final = 20
"""Looks' worth of trust in USUAL_RATE before a site's own rate counts."""
_PAGE: Final = 500
_THERE: Final = "urls WHERE kind = 'story' AND content_hash IS NOT NULL AND gone_at IS NULL AND moved_to IS NULL"
"""The stories that are archived and that the site serves."""
_MAX_HOPS: Final = 5


def reserve_partitions(archive: Archive, site: str, wanted: Mapping[str, Partition]) -> dict[str, Partition]:
    """Return in which partition each story of a site stands, by story_id.

    A story not known so far is given the partition wanted, durably, before this returns: whoever publishes it later,
    with whatever date or section, finds it there.
    """
    path = ledger_file(archive, site)
    return survive_damage(path, lambda: _reserve(archive, path, site, wanted))


def _reserve(archive: Archive, path: Path, site: str, wanted: Mapping[str, Partition]) -> dict[str, Partition]:
    places = {}
    with closing(connect(path, MIGRATIONS, seal_up_to=SEAL_UP_TO)) as ledger, transaction(ledger):
        if ledger.execute("SELECT 1 FROM stories LIMIT 1").fetchone() is None:
            rebuild_places(ledger, archive, site)
        rows = ((story_id, place.date.isoformat(), place.section) for story_id, place in wanted.items())
        ledger.executemany(PUT_PLACE, rows)
        for story_id in wanted:
            select = "SELECT date, section FROM stories WHERE story_id = ?"
            day, section = ledger.execute(select, (story_id,)).fetchone()
            places[story_id] = Partition(date.fromisoformat(day), section)
    return places


class Ledger:
    """What is known of a site's addresses, for the one crawl that works on the site; others may reserve and remove.

    Notes are collected and committed together, durably: every 64 answers, before a question that looks at many
    addresses, at `flush` and at `close`; between commits nothing is locked. kill -9 loses the notes since the last
    commit, so their addresses count as not yet asked, or found, and are asked for again: the same answer then is the same
    story. What is committed is never half of a note or out of order: a listing page counts as read only together with the
    stories found on it.

    A story may be noted as fetched only when the inbox has it, and must not be known here before it is safe there:
    a site would be asked whether it has changed since, and a story lost in a power cut would stay lost. So
    `before_commit`, the inbox's sync, is called before each commit.

    Times must be aware. Every method raises StorageError where the disk fails; the notes then wait for the next commit.
    """

    def __init__(self, archive: Archive, site: str, *, before_commit: Callable[[], None] | None = None) -> None:
        self._file = LedgerFile(archive, site)
        self._before_commit = before_commit
        self._unwritten: dict[str, Known] = {}
        self._passes: dict[str, Pass] = {}
        self._answers = 0
        self._looks = self._changes = 0
        """Looks at stories fetched before, and how many of them found a change, since the last commit."""

    @classmethod
    def open(cls, archive: Archive, site: str, *, before_commit: Callable[[], None] | None = None) -> Self:
        """Open the ledger of a site, made where there is none. StorageError where it cannot be read or written."""
        ledger = cls(archive, site, before_commit=before_commit)
        ledger._file.run(lambda connection: None)
        return ledger

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Commit and close. Closing twice does nothing."""
        try:
            self.flush()
        finally:
            self._file.close()

    def flush(self) -> None:
        """Commit what was noted, durably."""
        if self._unwritten or self._passes:
            if self._before_commit:
                self._before_commit()
            self._file.run(self._write)
            self._unwritten.clear()
            self._passes.clear()
            self._answers = self._looks = self._changes = 0

    # Finding addresses

    def note_found(
        self,
        stories: Iterable[tuple[str, Found]],
        at: datetime,
        *,
        kind: Kind = "story",
        lastmods: Mapping[str, str | None] | None = None,
    ) -> set[str]:
        """Note what a listing, feed or sitemap named; return which of the addresses were unknown.

        Those taken down are neither noted nor returned. `lastmods` are a sitemap's, as printed: a story known with
        another one becomes due.
        """
        unknown = set()
        for url, found in stories:
            lastmod = lastmods.get(url) if lastmods else None
            if known := self.get(url):
                self._note(name_again(known, found, at, lastmod))
            elif not self.is_removed(url):
                unknown.add(url)
                self._note(Known(url=url, kind=kind, found=found, lastmod=lastmod, first_seen=at, last_seen=at))
        return unknown

    def get(self, url: str) -> Known | None:
        """Return what is known of an address."""
        if url in self._unwritten:
            return self._unwritten[url]
        rows = self._select("WHERE url = ?", url)
        return rows[0] if rows else None

    def get_all(self, urls: Sequence[str]) -> dict[str, Known]:
        """Return what is known of these addresses, a few hundred at a time asked for together."""
        self.flush()
        known: dict[str, Known] = {}
        for start in range(0, len(urls), _PAGE):
            wanted = json.dumps(urls[start : start + _PAGE])
            rows = self._select("WHERE url IN (SELECT value FROM json_each(?))", wanted)
            known.update((row.url, row) for row in rows)
        return known

    def note_named(self, named: Sequence[tuple[str, str | None]], at: datetime) -> None:
        """Note that a sitemap has named known addresses again, and with what lastmod; none becomes due. Durable at once."""
        if named:
            self.flush()
            rows = [(to_stamp(at), lastmod, url) for url, lastmod in named]
            put = "UPDATE urls SET last_seen = ?, lastmod = coalesce(?, lastmod) WHERE url = ?"
            self._file.run(partial(_put_all, put, rows))

    def has_stories(self) -> bool:
        """Tell whether there is a story that another can be like."""
        keys = ("title_key", "lead_key")
        select = " UNION ALL ".join(f"SELECT 1 FROM urls WHERE {key} IS NOT NULL" for key in keys)  # noqa: S608 - names of ours
        return self._file.run(lambda connection: connection.execute(f"{select} LIMIT 1").fetchone()) is not None

    def find_look_alikes(self, title_key: int | None, lead_key: int | None, *, unseen_since: datetime) -> list[Known]:
        """Return the live archived stories with one of these keys whose address nothing has named since, a few at most."""
        alike = "WHERE {} = ? AND content_hash IS NOT NULL AND moved_to IS NULL AND gone_at IS NULL LIMIT 10"
        found = {
            known.url: known
            for column, key in (("title_key", title_key), ("lead_key", lead_key))
            if key is not None
            for known in self._select(alike.format(column), key)
        }
        now = [self._unwritten.get(url, known) for url, known in found.items()]
        return [known for known in now if known.last_seen < unseen_since and not known.moved_to and not known.is_gone]

    def addresses_of_story(self, story_id: str) -> list[Known]:
        """Return what is known of the addresses of a story, a few at most."""
        return [self._unwritten.get(each.url, each) for each in self._select("WHERE story_id = ? LIMIT 10", story_id)]

    def due(self, at: datetime, *, limit: int | None = None) -> list[Known]:
        """Return the stories, fetched before, whose next visit has come, the most overdue first.

        A visit further away than any can be was planned by a clock that ran ahead: it has come too. A daily crawl should
        ask for what is due in the hour after it starts, else every second one comes a minute too early.
        """
        self.flush()
        now, never = to_stamp(at), to_stamp(at + LONGEST)
        overdue = "WHERE status IS NOT NULL AND next_visit {} ? ORDER BY next_visit, url LIMIT ?"
        rows = self._select(overdue.format("<="), now, -1 if limit is None else limit)
        rest = -1 if limit is None else limit - len(rows)
        return rows + self._select(overdue.format(">"), never, rest)

    def pending(self, at: datetime | None = None, *, limit: int | None = None) -> list[Known]:
        """Return the stories that were found and never fetched with an answer, those found first first.

        With `at`, without those whose failures are too recent to try again. A story that was fetched once and failed
        later comes back through `due`.
        """
        self.flush()
        unanswered = "WHERE kind = 'story' AND status IS NULL AND moved_to IS NULL"
        if at is None:
            return self._select(f"{unanswered} ORDER BY first_seen, url LIMIT ?", -1 if limit is None else limit)
        waiting = f"{unanswered} AND (next_visit IS NULL OR next_visit <= ? OR next_visit > ?)"
        stamps = to_stamp(at), to_stamp(at + LONGEST)
        return self._select(f"{waiting} ORDER BY first_seen, url LIMIT ?", *stamps, -1 if limit is None else limit)

    def each(self, kind: Kind = "story") -> Iterator[Known]:
        """Go through all addresses of a kind, in the order in which they became known; a few at a time are in memory.

        What is noted meanwhile may or may not come.
        """
        last = 0
        while True:
            self.flush()
            select = SELECT_URLS.replace("SELECT ", "SELECT rowid, ", 1)
            page = f"{select} WHERE rowid > ? AND kind = ? ORDER BY rowid LIMIT ?"
            rows = self._file.run(partial(_fetch, page, (last, kind, _PAGE)))
            if not rows:
                return
            for row in rows:
                yield url_from_row(row[1:])
            last = rows[-1][0]

    # The site's answers

    def note_fetched(
        self,
        url: str,
        *,
        at: datetime,
        status: int = 200,
        kind: Kind = "story",
        etag: str | None = None,
        last_modified: str | None = None,
        payload_sha256: str | None = None,
        raw_file: str | None = None,
        raw_offset: int | None = None,
        content_hash: str | None = None,
        story_id: str | None = None,
        published_at: datetime | None = None,
        has_section: bool = True,
        title_key: int | None = None,
        lead_key: int | None = None,
    ) -> None:
        """Note a page that was fetched, and plan the next visit to it.

        It counts as changed where `content_hash` differs from that before, or for a page that is no story its payload.
        `kind` says what the page proved to be: `other` is never due or pending.
        """
        known = self._get_or_make(url, kind, at)
        now = take_page(
            known,
            at=at,
            status=status,
            kind=kind,
            etag=etag,
            last_modified=last_modified,
            payload_sha256=payload_sha256,
            raw_file=raw_file,
            raw_offset=raw_offset,
            content_hash=content_hash,
            story_id=story_id,
            published_at=published_at,
            has_section=has_section,
            title_key=title_key,
            lead_key=lead_key,
            site_change_rate=self.site_change_rate,
        )
        self._note_look(known, now)

    def note_unchanged(
        self, url: str, *, at: datetime, status: int = 304, etag: str | None = None, last_modified: str | None = None
    ) -> None:
        """Note a 304, or the same payload again, and plan the next visit; validators that came with it are kept."""
        known = self._get_or_make(url, "story", at)
        rate = self.site_change_rate
        now = take_unchanged(known, at=at, status=status, etag=etag, last_modified=last_modified, site_change_rate=rate)
        self._note_look(known, now)

    def note_gone(self, url: str, *, at: datetime, status: int) -> bool:
        """Note a 404 or 410; return whether the story now counts as gone.

        A 410 is enough; a 404 has to be met again a day later or more, with no page in between.
        """
        now = take_missing(self._get_or_make(url, "story", at), at=at, status=status)
        self._note(now, is_answer=True)
        return now.is_gone

    def note_failed(self, url: str, *, at: datetime, reason: str, kind: Kind = "story") -> None:
        """Note that no answer came, or none that says anything of the page; it is tried again, ever more seldom. `kind` is of
        an address never met before.
        """
        self._note(take_failure(self._get_or_make(url, kind, at), at=at, reason=reason), is_answer=True)

    def note_moved(self, url: str, to_url: str, *, at: datetime) -> str | None:
        """Note that the story of `url` stands at `to_url` now; return the story_id that holds there.

        It is that of `url`, unless a story of its own stands at `to_url` already. The old address is not visited again.
        """
        if url == to_url:
            return self.story_of(url)
        left, place = move(self._get_or_make(url, "story", at), self.get(to_url), to_url=to_url, at=at)
        self._note(left)
        self._note(place)
        return place.story_id

    def story_of(self, url: str) -> str | None:
        """Return the story_id under which the story of an address is archived, wherever it has moved since."""
        for _ in range(_MAX_HOPS):
            known = self.get(url)
            if known is None or known.story_id or known.moved_to is None:
                return known.story_id if known else None
            url = known.moved_to
        return None

    def place_of(self, story_id: str) -> Partition | None:
        """Return the partition in which a story is archived; None for one that is not published yet."""
        select = "SELECT date, section FROM stories WHERE story_id = ?"
        row = self._file.run(lambda connection: connection.execute(select, (story_id,)).fetchone())
        return Partition(date.fromisoformat(row[0]), row[1]) if row else None

    def move_raw(self, raw_file: str, offsets: Mapping[int, int]) -> None:
        """Note that a raw file was rewritten: old offset → new offset of each record that is still in it."""
        self.flush()
        self._file.run(lambda connection: move_raw(connection, raw_file, offsets))

    @property
    def site_change_rate(self) -> float:
        """The share of looks at this site's stories that found a change; from few looks, what is usual."""
        select = "SELECT looks + ?, changes + ? FROM tally"
        looks, changes = self._file.run(lambda c: c.execute(select, (self._looks, self._changes)).fetchone())
        return float((changes + USUAL_RATE * _SITE_LOOKS) / (looks + _SITE_LOOKS))

    # Listings

    def begin_pass(self, listing_url: str, at: datetime, *, label: str | None = None) -> None:
        """Note that a listing is being read from its first page; how far a pass that was cut had come stays known."""
        self._passes[listing_url] = self.get_pass(listing_url).begin(at, label)

    def note_pass(self, listing_url: str, page_url: str, at: datetime) -> None:
        """Note that a page of a listing was read; to be called when what it named has been noted."""
        self._passes[listing_url] = self.get_pass(listing_url).read_page(page_url, at)

    def complete_pass(self, listing_url: str, at: datetime) -> None:
        """Note that a listing was read to its end, or to where nothing was new after a pass that was complete."""
        self._passes[listing_url] = self.get_pass(listing_url).complete(at)

    def drop_listing(self, listing_url: str) -> None:
        """Forget a listing."""
        self.flush()
        self._file.run(lambda connection: connection.execute("DELETE FROM listings WHERE url = ?", (listing_url,)))

    def last_complete_pass(self, listing_url: str) -> datetime | None:
        """Return when a listing was last read to its end."""
        return self.get_pass(listing_url).last_complete

    def unfinished_pass(self, listing_url: str) -> str | None:
        """Return the furthest page read by a pass that was cut, None where the last one was complete or there is none."""
        return self.get_pass(listing_url).reached

    def listings(self) -> list[Pass]:
        """Return the listings of the site, in the order of their addresses."""
        self.flush()
        rows = self._file.run(partial(_fetch, SELECT_PASSES, ()))
        return [pass_from_row(row) for row in rows]

    def is_covered_by_sitemaps(self) -> bool:
        """Tell whether sitemaps name, with a lastmod, all but a hundredth of the stories that are archived and there, and
        that were known when the sitemaps were last read: one that failed since may well name what came later."""
        self.flush()
        read = "(SELECT min(last_fetched) FROM urls WHERE kind = 'sitemap')"
        stories = self._count(f"{_THERE} AND first_seen <= {read}")
        return stories > 0 and 100 * self._count(f"{_THERE} AND first_seen <= {read} AND lastmod IS NULL") <= stories

    def needs_listings(self) -> bool:
        """Tell whether listings or feeds say of more than a hundredth of the stories what their pages do not: when they were
        published, or in what section."""
        self.flush()
        dated = "published_at IS NULL AND found_published_at IS NOT NULL AND found_via <> 'sitemap'"
        return 100 * self._count(f"{_THERE} AND ({dated} OR NOT has_section)") > self._count(_THERE)

    # Take-downs

    def remember_removed(self, url: str, story_id: str | None, why: str, at: datetime) -> None:
        """Forget all addresses of a story but that they are never to be fetched again; durable when this returns."""
        self.flush()
        urls = self._file.run(lambda connection: find_addresses(connection, url, story_id))
        removed = [Removed(url=each, story_id=story_id, why=why, at=at) for each in sorted(urls)]
        append_removed(self._file.removed_file, removed)
        self._file.run(lambda connection: forget(connection, removed))

    def addresses_of(self, url: str, story_id: str | None) -> set[str]:
        """Return all addresses that are known to lead to a story, `url` among them."""
        self.flush()
        return self._file.run(lambda connection: find_addresses(connection, url, story_id))

    def is_removed(self, url: str, story_id: str | None = None) -> bool:
        """Tell whether an address, or the story that was found there, has been taken down."""
        sought = "SELECT 1 FROM removed WHERE url = ? OR story_id = ? LIMIT 1"
        return self._file.run(lambda c: c.execute(sought, (url, story_id or id_of(url))).fetchone()) is not None

    def has_removed(self) -> bool:
        """Tell whether any story of the site has been taken down."""
        return self._file.run(lambda c: c.execute("SELECT 1 FROM removed LIMIT 1").fetchone()) is not None

    def counts(self, at: datetime | None = None) -> dict[str, int]:
        """Return how many addresses there are of each sort, for `archiver status`; with `at` also how many are due."""
        self.flush()
        rows = self._file.run(partial(_fetch, COUNT_URLS, ()))
        counts = dict(zip(COUNTS, rows[0], strict=True))
        counts["removed"] = self._count("removed")
        counts["unfinished_listings"] = self._count("listings WHERE reached IS NOT NULL")
        if at is not None:
            due = "urls WHERE status IS NOT NULL AND (next_visit <= ? OR next_visit > ?)"
            counts["due"] = self._count(due, to_stamp(at), to_stamp(at + LONGEST))
        return counts

    # Within

    def _note(self, known: Known, *, is_answer: bool = False) -> None:
        self._unwritten[known.url] = known
        self._answers += is_answer
        if self._answers >= SYNC_EVERY or len(self._unwritten) >= MAX_UNWRITTEN:
            self.flush()

    def _note_look(self, before: Known, now: Known) -> None:
        if before.visits and now.kind == "story":
            self._looks += 1
            self._changes += now.changes - before.changes
        self._note(now, is_answer=True)

    def _get_or_make(self, url: str, kind: Kind, at: datetime) -> Known:
        return self.get(url) or Known(url=url, kind=kind, first_seen=at, last_seen=at)

    def get_pass(self, listing_url: str) -> Pass:
        """Return how far a listing has been read."""
        if listing_url in self._passes:
            return self._passes[listing_url]
        row = self._file.run(lambda connection: connection.execute(SELECT_PASS, (listing_url,)).fetchone())
        return pass_from_row(row) if row else Pass(url=listing_url)

    def _select(self, condition: str, *values: Any) -> list[Known]:
        return self._file.run(
            lambda connection: [url_from_row(row) for row in connection.execute(f"{SELECT_URLS} {condition}", values)]
        )

    def _count(self, what: str, *values: Any) -> int:
        select = f"SELECT count(*) FROM {what}"  # noqa: S608 - conditions of ours
        return int(self._file.run(lambda connection: connection.execute(select, values).fetchone()[0]))

    def _write(self, connection: sqlite3.Connection) -> None:
        with transaction(connection):
            connection.executemany(PUT_URL, map(url_to_row, self._unwritten.values()))
            connection.executemany(PUT_PASS, map(pass_to_row, self._passes.values()))
            added = "UPDATE tally SET looks = looks + ?, changes = changes + ?"
            connection.execute(added, (self._looks, self._changes))


def _put_all(statement: str, rows: Sequence[tuple[Any, ...]], connection: sqlite3.Connection) -> None:
    with transaction(connection):
        connection.executemany(statement, rows)


def _fetch(statement: str, values: tuple[Any, ...], connection: sqlite3.Connection) -> list[Any]:
    return connection.execute(statement, values).fetchall()
