"""Reading what leads to stories: the home page, listings, feeds, sitemaps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from parsel import Selector
from scrapy import Request
from scrapy.http import Response

from archiver.arguments import describe_unknown
from archiver.asking import Asking, Output, asked_url, is_cut_off, name_failure, read_validators
from archiver.chain import Chain
from archiver.discover import (
    ListedStory,
    Sitemap,
    find_sections,
    list_stories,
    next_pages,
    parse_feed,
    parse_sitemap,
)
from archiver.discover.addresses import is_furniture_address, listing_base
from archiver.extract import extract_story
from archiver.network.refusal import PASSING, NotAsked, Refused
from archiver.normalize import slug_section
from archiver.text import fold_text
from archiver.urls import clean_url, is_same_site, join_url

if TYPE_CHECKING:
    from twisted.python.failure import Failure

MAX_SITEMAPS: Final = 50
"""Sitemaps of one site that are read; one that is dealt into more is for search engines."""

PROBES: Final = 5
"""Stories looked at, at most, for a link to a section that neither the navigation nor `/<section>` leads to."""

_SIFTED: Final = 1_000
"""Addresses of a sitemap that are looked up at once."""
_XML: Final = re.compile(rb"\s*<(?:\?xml|rss|feed|rdf|urlset|sitemapindex)|\x1f\x8b", re.IGNORECASE)


class ListingReader(Asking):
    """Follows listings page by page, and reads sitemaps in their place where they have proved to name every story."""

    def __init__(self, name: str | None = None, **given: str) -> None:
        super().__init__(name, **given)
        self._sitemaps: list[str] = []
        """Sitemaps that robots.txt names."""
        self._relied_on: set[str] = set()
        """Sitemaps that this crawl reads in place of the listings."""
        self._named_by_them: set[str] = set()
        """Sitemaps met for the first time in one of those."""
        self._wants_listings = False
        """A sitemap that was to stand in for the listings did not."""
        self._has_given_up_sitemaps = False
        self._has_read_home = False
        self._missed: dict[str, int] = {}
        """Listing that is not there → at how many crawls in a row."""
        self._sections: frozenset[str] = frozenset()
        """What the addresses of the listings that the home page names are based on, where the whole site is crawled."""

    # Where a crawl begins

    def _start_site(self) -> Iterator[Request]:
        """Ask for what has proved to show all that is new: the sitemaps, else the listings, else the home page."""
        wanted, is_bounded = self.arguments.section, self.arguments.is_bounded
        if not self.arguments.full:
            may_rely = not is_bounded and not self._wants_listings
            if may_rely and (sitemaps := self.memory.sitemaps(is_enough=True)):
                self._asked.update(sitemaps)
                self._relied_on.update(sitemaps)
                for url in sitemaps:
                    yield self.ask_page(url, self.parse_sitemap, conditions=True)
                return
            known = [(slug_section(each.label), each) for each in self.memory.listings()]
            if known and set(wanted) <= {slug for slug, _ in known}:
                for slug, listing in known:
                    if not wanted or slug in wanted:
                        yield from self.start_chain(listing.url, listing.label)
                return
        yield from self._ask_home()

    def _ask_home(self) -> Iterator[Request]:
        if self.home and self.home not in self._asked:
            self._asked.add(self.home)
            yield self.ask_page(self.home, self.parse_home)

    def parse_home(self, response: Response) -> Output:
        """Find the sections, and the stories that the home page itself shows."""
        page = self._read(response, "listing")
        if page is None or not is_same_site(response.url, self.home or ""):
            self._lose(response.url, "moved" if page is not None else "not_html")
            return
        self._has_read_home = not is_cut_off(response)
        if not self._has_read_home:
            self._lose(response.url, "listing_torn")
        sections = find_sections(page, response.url)
        shown = list_stories(page, response.url)
        for slug in self.arguments.section:
            if named := [section for section in sections if section.slug == slug]:
                for section in named:
                    yield from self.start_chain(section.url, section.label)
            elif url := join_url(response.url, f"/{slug}"):
                context: dict[str, Any] = {
                    "slug": slug,
                    "probes": [s.url for s in shown[:PROBES]],
                    "known": sorted({section.slug for section in sections}),
                }
                yield self.ask_page(url, self.parse_guess, **context)
        if self.arguments.section:
            return
        if not sections:
            yield from self._list(page, self._make_chain(response.url), response)
            return
        for section in sections:
            self.memory.note_listing(section.url, section.label)
        if self._has_read_home and not self.arguments.is_bounded:
            self._sections = frozenset(listing_base(section.url) for section in sections)
            self._forget_missed()
            if self.home:
                self.memory.note_pass(self.home, None, datetime.now(UTC), {})
        for section in sections:
            # Whatever its validators say: a server whose ETag never changes would hide all that is new.
            yield from self.start_chain(section.url, section.label, conditions=False)
        for listing in self.memory.listings():  # those to which only stories have led
            yield from self.start_chain(listing.url, listing.label, conditions=False)
        for story in shown:
            self.leftovers.setdefault(story.url, Chain(response.url).describe_find(story))

    # Listings

    def parse_listing(self, response: Response, chain: Chain) -> Output:
        """Ask for the stories of a listing page and for the page after it. A feed or a sitemap may stand for a listing."""
        if response.status == 304:
            self._note_unchanged(response)
            self.outcome.listed += 1  # what it showed when it was read is known
            self._end_pass(chain)
            return
        if _XML.match(response.body) and (found := self._take_xml(response, chain)) is not None:
            yield from found
            return
        if self._is_home(response.url) and not self._is_home(chain.url):
            if not chain.pages:
                yield from self._miss_listing(chain)
            elif self._is_end(asked_url(response), "listing_moved", chain):
                self._end_pass(chain)
            return
        page = self._read(response, "listing", section=chain.label)
        if page is None or not is_same_site(response.url, chain.url):
            self._lose(response.url, "moved" if page is not None else "not_html", chain.label)
            return
        yield from self._list(page, chain, response)

    def _list(self, page: Selector, chain: Chain, response: Response) -> Output:
        since, max_pages, url = self.arguments.since, self.arguments.max_pages, response.url
        if chain.is_past(since):
            return
        stories = list_stories(page, url)
        if not chain.pages:
            chain.conditions, chain.heading = read_validators(response), _heading_words(page)
        elif (
            not stories
            and chain.heading.isdisjoint(_heading_words(page))
            and not self._is_end(url, "listing_empty", chain)
        ):
            return
        listed = chain.take_page(url, stories, lambda story: self.memory.is_news(story, chain.url))
        self.outcome.listings.setdefault(chain.url, len(listed))
        yield from self._ask_listed(listed, chain)
        if not chain.met:
            self.logger.warning("no story link on %s", url)
        following = chain.pick_next(next_pages(page, url), since=since, max_pages=max_pages)
        if is_cut_off(response):
            # The pass has not reached its end: the next crawl reads the listing again.
            self._lose(url, "listing_torn", chain.label)
            return
        if following:
            yield self.ask_page(following, self.parse_listing, chain=chain)
        elif chain.met and not (chain.is_past(since) or chain.pages == max_pages):
            self._end_pass(chain)

    def _is_home(self, url: str) -> bool:
        return self.home is not None and clean_url(url) == clean_url(self.home)

    def _is_end(self, url: str, reason: str, chain: Chain) -> bool:
        """Tell whether a later page of a listing that shows none of it is how the listing ends, for it was so at a crawl before;
        the first time it is lost, as an error told with status 200 would be."""
        if self.memory.is_known(url):
            return True
        self.memory.note_page(url, "other", {})
        self._lose(url, reason, chain.label)
        return False

    def _end_pass(self, chain: Chain) -> None:
        """Remember that the listing has been read to where everything is known, or to its end."""
        if chain.began_at and not self.is_stopping():
            self.memory.note_pass(chain.url, chain.label, chain.began_at, chain.conditions)

    def _miss_listing(self, chain: Chain) -> Iterator[Request]:
        """Leave out a listing that is there no more, or leads to the home page; that one may name others in its place."""
        self.logger.warning("listing %s is left out: gone", chain.url)
        self.outcome.skip(chain.url, "gone")
        self._missed[chain.url] = self.memory.note_missing_listing(chain.url)
        self._forget_missed()
        if not self.arguments.section:
            yield from self._ask_home()

    def _forget_missed(self) -> None:
        """Forget the listings that are not there, once the home page has been read: those that it does not name, and those
        that were not there at the crawl before either."""
        for url, times in self._missed.items() if self._sections else ():
            if times > 1 or listing_base(url) not in self._sections:
                self.memory.drop_listing(url)

    def _ask_listed(self, stories: list[ListedStory], chain: Chain, lastmod: str | None = None) -> Iterator[Request]:
        since = self.arguments.since
        for story in stories:
            self.outcome.listed += 1
            self._note_shape(story.url)
            if since and story.published_at and story.published_at.astimezone(UTC).date() < since:
                self.outcome.skip(story.url, "before_since")
            else:
                yield from self.ask_story(story.url, chain.describe_find(story), chain, lastmod)

    # A section that the navigation does not name

    def parse_guess(self, response: Response, slug: str, probes: list[str], known: list[str]) -> Output:
        """Take `/<section>` for the section's listing if stories are listed there."""
        page = self._read(response, "listing")
        if page is not None and is_same_site(response.url, self.home or "") and list_stories(page, response.url):
            self._chains[listing_base(response.url)] = chain = self._make_chain(response.url, slug)
            yield from self._list(page, chain, response)
        else:
            yield from self._probe(slug, probes, known)

    def _probe(self, slug: str, probes: list[str], known: list[str]) -> Iterator[Request]:
        if not probes:
            self._refuse_section(slug, known)
            return
        context: dict[str, Any] = {"slug": slug, "probes": probes[1:], "known": known}
        yield self.ask_page(probes[0], self.parse_probe, **context)

    def parse_probe(self, response: Response, slug: str, probes: list[str], known: list[str]) -> Output:
        """Look for the section's listing on a story page that the home page shows."""
        page = self._read(response, "story")
        printed = extract_story(page, response.url, selectors=self.selectors) if page is not None else None
        label, url = (printed.section_label, printed.section_url) if printed else (None, None)
        if url and is_same_site(url, response.url):
            known = sorted({*known, slug_section(label)})
            if slug_section(label) == slug:
                yield from self.start_chain(url, label)
                return
        yield from self._probe(slug, probes, known)

    def _refuse_section(self, slug: str, known: Any) -> None:
        self.outcome.usage_error = describe_unknown("section", slug, known)
        self.stop("unknown_section")

    # Feeds and sitemaps

    def _take_xml(self, response: Response, chain: Chain) -> Output | None:
        """Read a feed or a sitemap, whatever address it has; None where it is neither."""
        body, url = self._unpack(response), response.url
        if body is None:
            return iter(())
        if (feed := parse_feed(body, url)) is not None:
            return self._take_feed(feed, chain, response)
        if (sitemap := parse_sitemap(body, url)) is not None:
            self._keep(response, "sitemap")
            if sitemap.truncated:
                self._refuse(response, "too_large")
            return self._read_sitemap(sitemap, url)
        return None

    def _take_feed(self, feed: list[ListedStory], chain: Chain, response: Response) -> Output:
        self._keep(response, "feed")
        chain.via, chain.conditions = "feed", read_validators(response)
        self.outcome.listings.setdefault(response.url, len(feed))
        yield from self._ask_listed(chain.take_page(response.url, feed), chain)
        if not self.arguments.is_bounded:
            self._end_pass(chain)

    def note_robots(self, robotparser: Any, request: Request) -> None:
        """Keep the sitemaps that the site's robots.txt names."""
        if self.home and is_same_site(request.url, self.home):
            # Scrapy's interface to robots.txt does not offer them, the parser under it does.
            named = getattr(getattr(robotparser, "rp", None), "sitemaps", ())
            urls = [url for each in named if (url := join_url(request.url, each))]
            self._sitemaps = [url for url in urls if is_same_site(url, self.home)][:MAX_SITEMAPS]
            self.memory.note_sitemaps(self._sitemaps)

    def _ask_sitemaps(self) -> list[Request]:
        """Ask, at the end, for the sitemaps that tell which stories were touched: those that proved to, and new ones."""
        if not self.home or self.arguments.limit or self.arguments.max_pages:
            return []
        telling, unread = self.memory.sitemaps(is_enough=False), self.memory.unread_sitemaps()
        urls = dict.fromkeys([*telling, *unread, *(self._sitemaps if self._has_read_home else ())])
        asked = [url for url in urls if url not in self._asked]
        self._asked.update(asked)
        return [self.ask_page(url, self.parse_sitemap, conditions=True) for url in asked]

    def parse_sitemap(self, response: Response) -> Output:
        """Ask for what a sitemap of the site names that is new or was touched since it was last read."""
        if response.status == 304 or self.memory.is_unchanged(response.url, response):
            self._note_unchanged(response)
            self.outcome.listed += 1
            return
        body = self._unpack(response)
        sitemap = None if body is None else parse_sitemap(body, response.url)
        self._keep(response, "sitemap")
        if sitemap and sitemap.truncated:
            self._refuse(response, "too_large")
        if sitemap is None or sitemap.truncated or len(sitemap.sitemaps) > MAX_SITEMAPS:
            yield from self._do_without_sitemaps(f"{response.url} is no sitemap to go by", for_good=True)
            return
        yield from self._read_sitemap(sitemap, response.url, is_own=True)
        # Not before all that it names is noted: a crawl killed amid it has to get it again, not a 304. Nor where a part of
        # what it names was left alone.
        if not self.arguments.is_bounded and not self._has_given_up_sitemaps:
            self.memory.note_page(response.url, "sitemap", read_validators(response))

    def _do_without_sitemaps(self, why: str, *, for_good: bool) -> Iterator[Request]:
        """Read the listings in this crawl; where it is `for_good`, in the next ones too, until the home page is read again."""
        self.logger.warning("%s: listings are read instead", why)
        self._wants_listings = True
        if for_good:
            self._has_given_up_sitemaps = True
            self.memory.note_sitemaps([])
        if self.home and not self.is_stopping():
            yield from self._start_site()

    def _read_sitemap(self, sitemap: Sitemap, url: str, *, is_own: bool = False) -> Iterator[Request]:
        """Ask for what a sitemap names. `is_own` tells one of the site that is crawled from one named by a user."""
        for child in sitemap.sitemaps:
            if child not in self._asked:
                self._asked.add(child)
                if url in self._relied_on:
                    self._named_by_them.add(child)
                yield self.ask_page(child, self.parse_sitemap if is_own else self.parse, conditions=is_own)
        self.outcome.listings.setdefault(url, len(sitemap.pages))
        described = {story.url: story for story in sitemap.stories}
        chain = Chain(url, via="sitemap")
        recent = [each for each in sitemap.pages if not self._is_before_since(*each)]
        for start in range(0, len(recent), _SIFTED):
            sifted = self.memory.sift(
                recent[start : start + _SIFTED], self.arguments.section if self.home else (), anyway=self.arguments.full
            )
            for address, reason in sifted.settled.items():
                if address not in self._asked:
                    self.outcome.listed += 1
                    self.outcome.skip(address, reason)
            new = [(address, lastmod) for address, lastmod in sifted.unknown if self._may_be_story(address, described)]
            for address, lastmod in [*sifted.known, *new]:
                listed = described.get(address) or ListedStory(
                    url=address, title="", published_at=None, published_raw=None
                )
                yield from self._ask_listed([listed], chain, lastmod)

    def _is_before_since(self, address: str, lastmod: str | None) -> bool:
        """Tell by a sitemap's lastmod that a page was published before the days asked for: it was last touched then. One
        touched later may be as old as any."""
        since = self.arguments.since
        if since and lastmod and re.match(r"\d{4}-\d\d-\d\d", lastmod) and lastmod[:10] < since.isoformat():
            self.outcome.listed += 1
            self.outcome.skip(address, "before_since")
            return True
        return False

    def _may_be_story(self, address: str, described: dict[str, ListedStory]) -> bool:
        """Tell whether an address never met is to be asked for: where a whole site is crawled, its stories have shown what
        their addresses look like; where sections are, only the stories that were met in them are told."""
        if self.home and (self.arguments.section or not (address in described or self._lies_among_stories(address))):
            return False
        if address not in described and is_furniture_address(address):
            self.outcome.skip(address, "no_story")
            return False
        return True

    # Failures

    def listing_failed(self, failure: Failure) -> Output:
        """Count a listing that cannot be read: a dead link in the navigation is no failure, a cut chain is."""
        request: Request = failure.request  # type: ignore[attr-defined]
        if isinstance(failure.value, NotAsked):
            return
        reason, is_lost = name_failure(failure.value)
        chain: Chain | None = request.cb_kwargs.get("chain")
        is_sitemap = request.callback == self.parse_sitemap
        if "probes" in request.cb_kwargs and not is_lost:
            yield from self._probe(**request.cb_kwargs)
        elif reason == "gone" and chain is not None and not chain.pages:
            yield from self._miss_listing(chain)
        elif is_lost or (reason == "gone" and not is_sitemap):
            self._lose(request.url, f"listing_{reason}", chain.label if chain else None)
            if request.url in self._relied_on | self._named_by_them:
                is_lasting = isinstance(failure.value, Refused) and reason not in PASSING
                yield from self._do_without_sitemaps(f"{request.url} is lost", for_good=is_lasting)
        else:
            self.logger.warning("listing %s is left out: %s", request.url, reason)
            self.outcome.skip(request.url, reason)
            if is_sitemap:
                self.memory.note_failed(request.url, reason)
            if request.url in self._relied_on:
                yield from self._do_without_sitemaps(f"{request.url} is not there", for_good=True)


def _heading_words(page: Selector) -> frozenset[str]:
    """The words of a page's first heading, else of its title."""
    for query in ("//h1", "//title"):
        for element in page.xpath(query)[:1]:
            if words := fold_text(" ".join(element.xpath(".//text()").getall())).split():
                return frozenset(words)
    return frozenset()
