"""crawlee-python's Parsel crawler on the bench's site, with our columns by selectors written for it: `URL FILE CONCURRENCY`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from crawlee import ConcurrencySettings, Request
from crawlee.configuration import Configuration
from crawlee.crawlers import ParselCrawler, ParselCrawlingContext
from crawlee.storage_clients import MemoryStorageClient


def read_story(page: Any, url: str) -> dict[str, Any]:
    return {
        "url": page.css("link[rel=canonical]::attr(href)").get() or url,
        "section_label": page.css(".kicker a::text").get(),
        "title": page.css("h1::text").get(),
        "dek": page.css("p.dek::text").get(),
        "authors": page.css(".byline a[rel=author]::text").getall(),
        "published_at": page.css(".byline time::attr(datetime)").get(),
        "body": ["".join(each.css("::text").getall()) for each in page.css(".body > p")],
        "links": page.css(".body a::attr(href)").getall(),
        "source_name": page.css(".source a::text").get(),
        "source_url": page.css(".source a::attr(href)").get(),
        "faq": [
            {"question": "".join(each.css("h3::text").getall()), "answer": "".join(each.css("p ::text").getall())}
            for each in page.css(".faq-item")
        ],
    }


async def main(home: str, file: Path, concurrency: int) -> None:
    crawler = ParselCrawler(
        configuration=Configuration(log_level="ERROR"),
        storage_client=MemoryStorageClient(),
        concurrency_settings=ConcurrencySettings(
            min_concurrency=concurrency, desired_concurrency=concurrency, max_concurrency=concurrency
        ),
        configure_logging=False,
    )
    with file.open("w", encoding="utf-8") as out:

        @crawler.router.default_handler
        async def handle(context: ParselCrawlingContext) -> None:
            page = context.selector
            if context.request.label == "story":
                out.write(json.dumps(read_story(page, context.request.url), ensure_ascii=False) + "\n")
                return
            hrefs = [(href, "story") for href in page.css(".list a.headline::attr(href)").getall()]
            listings = "nav.sections a" if context.request.label == "home" else "a.next"
            hrefs += [(href, "listing") for href in page.css(f"{listings}::attr(href)").getall()]
            await context.add_requests([Request.from_url(base + href, label=label) for href, label in hrefs])

        base = home.removesuffix("/index.html")
        await crawler.run([Request.from_url(home, label="home")])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
