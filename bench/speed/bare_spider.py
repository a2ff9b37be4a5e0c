"""A spider that does nothing: it follows the links that ours follows, and yields no item. `scrapy runspider`, `-a home=URL`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import scrapy
from scrapy.http import Response


class BareSpider(scrapy.Spider):
    name = "bare"
    home: str

    async def start(self) -> AsyncIterator[Any]:
        yield scrapy.Request(self.home, self.parse_home)

    def parse_home(self, response: Response) -> Iterator[scrapy.Request]:
        for href in response.css("nav.sections a::attr(href)").getall():
            yield response.follow(href, self.parse_listing)

    def parse_listing(self, response: Response) -> Iterator[scrapy.Request]:
        for href in response.css(".list a.headline::attr(href)").getall():
            yield response.follow(href, self.parse_story)
        if href := response.css("a.next::attr(href)").get():
            yield response.follow(href, self.parse_listing, priority=-1)

    def parse_story(self, response: Response) -> None:
        return None

    def closed(self, reason: str) -> None:
        if file := self.settings.get("BENCH_STATS"):
            Path(file).write_text(json.dumps(self.crawler.stats.get_stats(), default=str))
