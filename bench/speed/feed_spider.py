"""What a user would build instead: trafilatura's columns as JSON lines. `scrapy runspider -a home=URL -O stories.jsonl`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import trafilatura
from bare_spider import BareSpider
from scrapy.http import Response

logging.getLogger("trafilatura").setLevel(logging.ERROR)


class FeedSpider(BareSpider):
    name = "feed"

    def parse_story(self, response: Response) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        found = trafilatura.bare_extraction(response.text, url=response.url, include_links=True, with_metadata=True)
        if found is not None:
            told = found.as_dict()
            yield {name: told[name] for name in ("title", "author", "date", "description", "url", "text", "sitename")}
