"""Reading stories: page by page, those that have moved, and those that are gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Final

from parsel import Selector
from scrapy import Request
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError

from archiver.asking import (
    STORY_PRIORITY,
    Asking,
    FetchedStory,
    GoneStory,
    Output,
    add_conditions,
    fetched_at,
    is_torn,
    name_failure,
    parse_page,
    redirects_of,
)
from archiver.chain import Chain
from archiver.discover.addresses import are_spellings, listing_base
from archiver.extract.parts import find_first_part
from archiver.items import Found, PrintedStory
from archiver.likeness import UNLIKE, is_other_headline
from archiver.memory import LookAlike, RawPlace
from archiver.network.refusal import NotAsked, Refused, count_refusal
from archiver.reading import Reading, is_no_story
from archiver.store.exchange import leads_on_for_good
from archiver.urls import is_same_site, join_url

if TYPE_CHECKING:
    from twisted.python.failure import Failure

REDIRECTS: Final = (301, 302, 303, 307, 308)
PART_PRIORITY: Final = STORY_PRIORITY + 1
"""A story that has been begun is read to its end before the next one."""


@dataclass
class Fetching:
    """A story whose pages are being fetched."""

    asked_url: str
    found: Found
    reading: Reading
    raw: RawPlace | None
    """Where its page, the first of several, is kept."""
    url: str
    """Where its first page stands: after redirects."""
    moved_from: str | None = None


class StoryReader(Asking):
    """Takes the pages of stories and hands on what they make."""

    def parse_story(self, response: Response, asked_url: str, found: Found, chain: Chain | None = None) -> Output:
        """Extract a story and, where the whole site is crawled, follow what it leads to."""
        is_moved = bool(redirects_of(response)[0])
        if response.request and response.meta.get("dont_redirect"):  # of `_miss_unfollowed`
            yield from self._miss(asked_url, 404, response)
            return
        if response.status == 304 and is_moved:
            # The new address knows the page by the old one's validators: what it says of itself is still to be read.
            yield self._request_story(asked_url, found, chain, is_again=True)
            return
        if response.status == 304 or (not is_moved and self.memory.is_unchanged(asked_url, response)):
            self._note_unchanged(response, asked_url)
            # A sitemap names listings, too: one that has not changed is no story that has not.
            if section := self.memory.section_of(asked_url):
                self.outcome.keep_same(asked_url, section)
            else:
                self.outcome.skip(asked_url, "no_story")
            return
        page = parse_page(response)
        if self._is_taken_down(page, response.url):
            self.outcome.pages += 1
            self._leave_out(asked_url, "removed")
            return
        if page is None or (self.home and not is_same_site(response.url, self.home)):
            self._keep(response, "story", found)
            self._leave_out(asked_url, "no_story", may_pass=True)
        elif response.url != asked_url and self._leads_elsewhere(asked_url, response.url):
            self._keep(response, "story", found)
            yield from self._miss(asked_url, 404, response)
        else:
            yield from self._take_story(page, response, asked_url, found, chain)

    def _leads_elsewhere(self, asked_url: str, url: str) -> bool:
        """Tell whether a redirect ended where sites send who asks for a story they have deleted: at a listing, or at a story
        that the archive has beside this one.
        """
        base = listing_base(url)
        is_listing = base in {*self._chains, listing_base(self.home or "")} or self.memory.has_read(url)
        return is_listing or self.memory.leads_to_another(asked_url, url)

    def _take_story(
        self, page: Selector, response: Response, asked_url: str, found: Found, chain: Chain | None = None
    ) -> Output:
        reading = Reading(self.selectors, fetched_at(response))
        robots = b", ".join(response.headers.getlist("X-Robots-Tag")).decode("latin-1")
        printed = reading.print(page, response.url, is_torn=is_torn(response), robots=robots)
        asked, is_for_good = redirects_of(response)
        is_led = bool(asked) and not is_for_good and not are_spellings(asked_url, response.url)
        is_none = is_no_story(page, response.url, printed, found)
        is_doubted = not is_none and self.memory.doubts(asked_url, printed, is_led=is_led)
        self._keep(response, "doubted" if is_doubted else "story", found)
        if is_none:
            self._leave_out(asked_url, "no_story")
            return
        if is_doubted:
            if is_led:
                yield from self._miss(asked_url, 404, response)
            else:
                self.memory.note_failed(asked_url, UNLIKE)
                self._lose(asked_url, UNLIKE)
            return
        is_other = is_led and is_other_headline(found.title, " ".join((printed.title or "", *printed.body)))
        if is_other and self.memory.find_archived(asked_url) is None:
            self._leave_out(asked_url, "no_story", may_pass=True)  # a wall: log in, consent, come back later
            return
        if first := find_first_part(printed):
            self._leave_out(asked_url, "part")
            yield from self.ask_story(first, found, chain)
            return
        if chain and printed.published_at:
            chain.days.append(printed.published_at.astimezone(UTC).date())
        reading.begin(page, response.url, printed)
        moved_from = asked[0] if is_for_good else None
        yield from self._read_on(Fetching(asked_url, found, reading, self._raw, response.url, moved_from))

    # Stories of several pages

    def _read_on(self, story: Fetching) -> Output:
        """Ask for the page that a story goes on with; hand on one that is complete."""
        url, is_single = story.reading.wanted, story.reading.single is not None
        if url is None:
            yield from self._finish(story)
            return
        self._asked.add(url)
        # The filter of duplicates would drop a part that redirects, and with it the story.
        yield Request(
            url,
            self.parse_single_page if is_single else self.parse_part,
            errback=self.single_page_failed if is_single else self.part_failed,
            priority=PART_PRIORITY,
            cb_kwargs={"asked_url": story.asked_url, "story": story},
            dont_filter=True,
        )

    def parse_part(self, response: Response, asked_url: str, story: Fetching) -> Output:
        """Add a page to its story and go on to the next; a page that does not go on with the story ends it."""
        page = self._read(response, "part", story.found)
        if lost := story.reading.take_part(page, response.url, is_torn=is_torn(response)):
            self._lose_part(*lost, story)
        yield from self._read_on(story)

    def parse_single_page(self, response: Response, asked_url: str, story: Fetching) -> Output:
        """Take the view that has all pages of a story on one, if it does."""
        page = self._read(response, "part", story.found)
        if story.reading.take_single(page, response.url, is_torn=is_torn(response)):
            story.raw = self._raw
        yield from self._read_on(story)

    # Complete stories

    def _finish(self, story: Fetching) -> Output:
        """Hand a story on, unless one that looks like it stood elsewhere: then that address tells first whether it moved."""
        printed = story.reading.finish()
        other = None if story.moved_from else self.memory.find_look_alike(story.asked_url, printed)
        if other is not None and other.url not in self._asked:
            yield self._ask_look_alike(other, story)
        else:
            yield from self._hand_on(story, printed)

    def _hand_on(self, story: Fetching, printed: PrintedStory) -> Output:
        if self.memory.has_failed:
            self._lose(story.asked_url, "storage")
            return
        yield FetchedStory(
            printed=printed,
            fetched_at=story.reading.fetched_at,
            found=story.found,
            asked_url=story.asked_url,
            raw=story.raw,
            moved_from=story.moved_from,
        )
        if self.home:
            yield from self._follow(printed)

    def _follow(self, printed: PrintedStory) -> Iterator[Request]:
        """Ask for the section's listing and the related stories; where part of a site was asked for, they would lead out of
        it, and are kept for a crawl of the whole."""
        if not self.arguments.is_bounded and printed.section_url and is_same_site(printed.section_url, printed.url):
            for request in self.start_chain(printed.section_url, printed.section_label):
                # At once: stories that have not changed will not lead there again, should this pass of it be cut.
                self.memory.note_listing(printed.section_url, printed.section_label)
                yield request
        for related in printed.related:
            url = join_url(printed.url, related.url)
            if not url or not is_same_site(url, printed.url) or not self._has_shape_of_story(url):
                continue
            found = Found(via="related", title=related.title)
            if not self.arguments.is_bounded:
                self.leftovers.setdefault(url, found)
            elif not self.memory.is_known(url):
                self.memory.note_found(url, found)

    # Stories that have moved

    def _ask_look_alike(self, other: LookAlike, story: Fetching) -> Request:
        """Ask where the address of an archived story leads that looks like one just fetched from another address."""
        self._asked.add(other.url)
        request = Request(
            other.url,
            self.parse_look_alike,
            errback=self.look_alike_failed,
            priority=PART_PRIORITY,
            cb_kwargs={"asked_url": story.asked_url, "story": story, "other": other.url},
            dont_filter=True,
        )
        return add_conditions(request, other.headers)

    def parse_look_alike(self, response: Response, asked_url: str, story: Fetching, other: str) -> Output:
        """Take a story for one that has moved if the address of the archived one leads to it, or is another spelling of it."""
        if response.url != other and listing_base(response.url) in {listing_base(story.url), listing_base(asked_url)}:
            self._keep(response, "moved", story.found)
            story.moved_from = other
        elif are_spellings(other, asked_url):
            story.moved_from = other
        yield from self._hand_on(story, story.reading.finish())

    def look_alike_failed(self, failure: Failure) -> Output:
        """Take a story for new: that the other one cannot be had is for its own next visit to tell."""
        story: Fetching = failure.request.cb_kwargs["story"]  # type: ignore[attr-defined]
        yield from self._hand_on(story, story.reading.finish())

    # Failures

    def story_failed(self, failure: Failure) -> Output:
        """Tell a story that is rightly left out from one that is lost, and one that is gone from one never archived."""
        request: Request = failure.request  # type: ignore[attr-defined]
        if isinstance(failure.value, NotAsked):
            return
        reason, is_lost = name_failure(failure.value)
        url = request.cb_kwargs["asked_url"]
        if is_lost:
            self.memory.note_failed(url, reason)
            self._lose(url, reason)
        elif isinstance(failure.value, HttpError):
            yield from self._miss(url, failure.value.response.status, failure.value.response)
        else:
            self._leave_out(url, reason)

    def _miss(self, url: str, status: int, response: Response) -> Output:
        """Account for a story that is not there, now or for good."""
        if self.memory.is_going(url, status):
            # The memory is told when the inbox has it: a crawl killed in between would leave the story live for ever.
            self.memory.keep_page(response, "gone", Found())  # a revision comes of this answer, too
            yield GoneStory(url=url, seen_at=fetched_at(response))
        else:
            self.memory.note_gone(url, status)
        self.outcome.skip(url, "gone")

    def _miss_unfollowed(self, request: Request, url: str) -> None:
        """Account for a story that leads elsewhere, to a page that had been met before and was not asked for again."""
        if not self.memory.is_going(url, 404):
            self.memory.note_gone(url, 404)
            self.outcome.skip(url, "gone")
            return
        # Only an answer can make a story gone: the story is asked for once more, and not followed.
        again = self._request_story(url, request.cb_kwargs["found"], None, is_again=True)
        again.meta.update(dont_redirect=True, handle_httpstatus_list=REDIRECTS)
        self.crawler.engine.crawl(again)

    def _leave_out(self, url: str, reason: str, *, may_pass: bool = False) -> None:
        self.outcome.skip(url, reason)
        self.memory.note_left_out(url, reason, may_pass=may_pass)

    def part_failed(self, failure: Failure) -> Output:
        """Hand on what there is of a story whose next page cannot be read."""
        request: Request = failure.request  # type: ignore[attr-defined]
        story: Fetching = request.cb_kwargs["story"]
        if isinstance(failure.value, NotAsked):
            return
        reason, is_lost = name_failure(failure.value)
        if is_lost:
            self._lose_part(request.url, f"part_{reason}", story)
        else:
            self.outcome.skipped[f"part_{reason}"] += 1
        story.reading.miss()
        yield from self._read_on(story)

    def single_page_failed(self, failure: Failure) -> Output:
        """Read page by page where the single-page view cannot be had: nothing is lost."""
        story: Fetching = failure.request.cb_kwargs["story"]  # type: ignore[attr-defined]
        story.reading.miss()
        yield from self._read_on(story)

    def _lose_part(self, url: str, reason: str, story: Fetching) -> None:
        self._lose(url, reason, story.reading.parts[0].section_label or story.found.section_label)
        story.reading.is_cut = True

    def request_dropped(self, request: Request) -> None:
        """Account for a story that redirects to one already met: the filter of duplicates drops it without a word."""
        asked_url = request.cb_kwargs.get("asked_url")
        if asked_url is None:
            return
        if request.url in request.meta.get("redirect_urls", ()):
            count_refusal(self.crawler.stats, request, Refused("too_many_redirects", asked_url))
            self.memory.note_failed(asked_url, "too_many_redirects")
            self._lose(asked_url, "too_many_redirects")
            return
        if self._leads_elsewhere(asked_url, request.url):
            self._miss_unfollowed(request, asked_url)
            return
        self.outcome.skip(asked_url, "duplicate")
        if leads_on_for_good(request.meta.get("redirect_reasons", [])):
            self.memory.note_moved(asked_url, request.url)
        else:
            self.memory.note_left_out(asked_url, "duplicate", may_pass=True)
