"""From a page's story to the archive. Each pipeline calls one function and returns its answer."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scrapy.exceptions import DropItem, NotConfigured

from archiver.items import Found, Story
from archiver.normalize import IncompleteStory, normalize_story, validate_story
from archiver.reread import Rereader
from archiver.settings import find_root
from archiver.spider import FetchedStory, GoneStory, StorySpider, load_selectors
from archiver.store.archive import Archive, StorageError
from archiver.store.hashes import ArchivedHashes
from archiver.store.inbox import InboxWriter
from archiver.store.publish import PublishError, PublishReport, publish
from archiver.store.read import read_known
from archiver.store.told import Heard, hear_in_all, is_alive
from archiver.urls import clean_url, site_of

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler

    from archiver.extract import Selectors

logger = logging.getLogger(__name__)

LINGER, LONGEST_LINGER = 0.05, 3.0
"""Of the time that a crawl took, so much it waits at most for others that end about when it does, and so many seconds."""


class LeftOut(DropItem):
    """A story is rightly not archived; raised by the pipelines. `reason` is counted under `Outcome.skipped`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, log_level="DEBUG")
        self.reason = reason


class Lost(DropItem):
    """A story should have been archived and cannot be; raised by the pipelines. `reasons` are counted as failures."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(", ".join(reasons), log_level="WARNING")
        self.reasons = reasons


class Pipeline:
    """What the pipelines share: the spider whose stories they take."""

    def __init__(self, spider: StorySpider) -> None:
        self.spider = spider

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not isinstance(crawler.spider, StorySpider):  # `scrapy shell`, or a spider that is none of ours
            raise NotConfigured
        return cls(crawler.spider)


class NormalizePipeline(Pipeline):
    """Title, dek, body, FAQ, source and links as the archive holds them; of a story that is gone, what it holds already."""

    def process_item(self, item: FetchedStory | GoneStory) -> Story:
        if isinstance(item, GoneStory):
            story = self.spider.memory.find_archived(item.url)
            if story is None:
                raise LeftOut("gone")
            return replace(story, status="gone", fetched_at=item.seen_at)
        story = normalize_story(item.printed, fetched_at=item.fetched_at, found=item.found)
        if item.raw:
            story = replace(story, raw_file=item.raw.file, raw_offset=item.raw.offset, raw_sha256=item.raw.sha256)
        memory = self.spider.memory
        if not item.moved_from and memory.is_another(story, item.asked_url, clean_url(item.printed.url)):
            raise Lost("same_address")
        known_as = memory.identify(story, item.asked_url, item.moved_from)
        return replace(story, story_id=known_as or story.story_id)


class ValidatePipeline(Pipeline):
    """A story without title or body is counted, never archived."""

    def process_item(self, story: Story) -> Story:
        try:
            validate_story(story)
        except IncompleteStory as error:
            raise Lost(*(f"missing_{part}" for part in error.missing)) from error
        return story


class SelectPipeline(Pipeline):
    """Keeps what the crawl was asked for: since a day, a number of new or changed stories, each story once."""

    def __init__(self, spider: StorySpider) -> None:
        super().__init__(spider)
        self.archive = Archive(find_root(spider.settings))
        self.hashes: dict[str, ArchivedHashes] = {}
        self.fresh = 0

    def open_spider(self) -> None:
        if self.spider.arguments.full and self.spider.home:
            wanted = self.spider.arguments.section
            for known in read_known(self.archive, site_of(self.spider.home)):
                if not wanted or known.section in wanted:
                    self.spider.leftovers[known.url] = Found()

    def process_item(self, story: Story) -> Story:
        since, limit = self.spider.arguments.since, self.spider.arguments.limit
        if since and story.published_at and story.published_at.astimezone(UTC).date() < since:
            raise LeftOut("before_since")
        key, title = hash(story.story_id), hash(story.title)
        if (other := self.spider.titles.get(key)) is not None:
            # Two stories under one canonical address: the site's mistake, and one of the two would be lost in silence.
            raise LeftOut("duplicate") if title == other else Lost("same_address")
        if limit and self._is_fresh(story):
            if self.fresh == limit:
                raise LeftOut("over_limit")
            self.fresh += 1
            if self.fresh == limit:
                self.spider.stop("limit")
        self.spider.titles[key] = title
        return story

    def _is_fresh(self, story: Story) -> bool:
        if story.site not in self.hashes:
            self.hashes[story.site] = ArchivedHashes(self.archive, story.site)
        return self.hashes[story.site].get(story.story_id) != story.content_hash


class InboxPipeline(Pipeline):
    """Puts each story into the inbox at once, and publishes the inbox when the crawl ends."""

    def __init__(self, spider: StorySpider) -> None:
        super().__init__(spider)
        self.archive = Archive(find_root(spider.settings))
        self.writer = InboxWriter(self.archive, spider.outcome.run, before_sync=lambda: spider.memory.sync_raw())
        spider.sync_inbox = self.writer.sync
        self.has_failed = False

    def process_item(self, story: Story) -> Story:
        try:
            self.writer.append(story)
        except StorageError as error:
            self._give_up(error)
            self.spider.stop("storage_failed")
            raise Lost("storage") from error
        except ValueError as error:
            raise Lost("unpublishable") from error
        return story

    def close_spider(self) -> None:
        try:
            self.spider.memory.sync()
            self.spider.forget_met()
            self.writer.close()
            if self.spider.is_crawling and not self.has_failed:
                rereader = Rereader(self.archive, self._load_selectors)
                self._note(publish(self.archive, rereader, own=self.spider.outcome.run, linger=self._linger()))
        except PublishError as error:
            self._note(error.report)
            self._give_up(error)
        except StorageError as error:
            self._give_up(error)

    def _linger(self) -> float:
        """Return for how many seconds to wait for other crawls; an interrupted one does not."""
        outcome = self.spider.outcome
        if outcome.interrupted_by is not None:
            return 0
        took = (datetime.now(UTC) - outcome.started_at).total_seconds()
        return min(LINGER * took, LONGEST_LINGER)

    def _load_selectors(self) -> dict[str, Selectors | None]:
        """Of all sites, for the whole inbox is published; asked for only where the rules have changed."""
        return load_selectors(self.spider.settings) | {self.spider.name: self.spider.selectors}

    def _note(self, report: PublishReport) -> None:
        outcome, own = self.spider.outcome, self.spider.outcome.run
        here = None
        if own in report.quality:
            here = Heard(report.runs.pop(own, Counter()), report.quality[own], report.alarms.pop(own, []), 0)
        if found := hear_in_all(self.archive, own, here):
            outcome.published.update(found.counts)
            outcome.quality = found.quality
            outcome.alarms += found.alarms
            if found.unanswered:
                logger.warning("a crawl that published these stories was killed at it: what it did counts as the same")
        elif outcome.archived:
            why = "its stories were published by another crawl, and the damaged run record tells not what came of them"
            outcome.note_storage_error(why)
        for run, alarms in report.alarms.items():
            logger.warning("run %s: its stories are held back: %s", run, "; ".join(map(str, alarms)))
        others = (run for run, counts in sorted(report.runs.items()) if counts)
        outcome.recovered += [run for run in others if not is_alive(self.archive, run, own)]
        outcome.files_written += [str(path.relative_to(self.archive.root)) for path in report.files_written]
        outcome.damaged += [f"{path}: {why}" for path, why in (*report.damaged, *report.unreadable)]

    def _give_up(self, error: StorageError) -> None:
        self.has_failed = True
        kept = "What was extracted stands in the inbox: `archiver publish` publishes it"
        self.spider.outcome.note_storage_error(f"{describe_storage_error(error)}. {kept}")


def describe_storage_error(error: OSError) -> str:
    """Return for a log's reader what failed and where.

    >>> describe_storage_error(OSError(28, "No space left on device", "data/inbox/x.jsonl"))
    'data/inbox/x.jsonl: No space left on device'
    """
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason
