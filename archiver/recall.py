"""The extension that opens the memory of a site when a crawl of it starts, and closes it at its end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.exceptions import NotConfigured

from archiver.asking import asked_url
from archiver.items import Story
from archiver.memory import Memory
from archiver.pipelines import describe_storage_error
from archiver.settings import find_root
from archiver.site_memory import SiteBusyError, SiteMemory
from archiver.spider import StorySpider
from archiver.store.archive import Archive, StorageError
from archiver.urls import site_of

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger(__name__)


class Recall:
    """Opens the memory of the site that a spider crawls, when the crawl starts, and closes it at its end."""

    def __init__(self, spider: StorySpider) -> None:
        self.spider = spider
        spider.recall = self.open

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not isinstance(crawler.spider, StorySpider):
            raise NotConfigured
        recall = cls(crawler.spider)
        crawler.signals.connect(recall.item_scraped, signals.item_scraped)
        crawler.signals.connect(recall.item_dropped, signals.item_dropped)
        crawler.signals.connect(recall.spider_closed, signals.spider_closed)
        return recall

    def open(self) -> Memory:
        spider = self.spider
        url = spider.home or spider.arguments.url or spider.start_urls[0]
        try:
            return SiteMemory(Archive(find_root(spider.settings)), spider, site_of(url))
        except SiteBusyError:
            spider.outcome.is_busy = True
            logger.error("another crawl works on %s", site_of(url))
            spider.stop("site_busy")
        except StorageError as error:
            spider.outcome.note_storage_error(describe_storage_error(error))
            spider.stop("storage_failed")
        return Memory()

    def item_scraped(self, item: Story, response: Response | None) -> None:
        if response is not None:
            self.spider.memory.note_archived(asked_url(response), item)

    def item_dropped(self, item: object, response: Response | None, exception: Exception) -> None:
        # A story without title or body is not asked for again at once; one left out by `since` or `limit` is.
        reasons = getattr(exception, "reasons", ()) or (getattr(exception, "reason", "dropped"),)
        if response is not None and reasons[0] not in ("before_since", "over_limit", "storage"):
            self.spider.memory.note_left_out(asked_url(response), reasons[0])

    def spider_closed(self) -> None:
        self.spider.memory.close()
