"""What each line of the settings saves: a spider that does nothing, with the line as it is and with Scrapy's value.

python -m bench.speed.lines --stories 1000 --rounds 7
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from functools import partial
from pathlib import Path

from bench.speed.children import alternate, compare
from bench.speed.crawls import GUARDED_SETTINGS, Crawls, generated_site

OTHERWISE = {
    "CONCURRENT_ITEMS = 100": "CONCURRENT_ITEMS = 100",
    "COOKIES_ENABLED = True": "COOKIES_ENABLED = True",
    "LOG_LEVEL = DEBUG": "LOG_LEVEL = 'DEBUG'",
    "without gc.set_threshold": "import gc; gc.set_threshold(700, 10, 10)",
    "Scrapy's HttpCompressionMiddleware": (
        "DOWNLOADER_MIDDLEWARES |= {'archiver.network.decoding.Decoding': None,"
        " 'scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware': 590}"
    ),
    "Scrapy's MetaRefreshMiddleware": (
        "DOWNLOADER_MIDDLEWARES |= {'archiver.network.redirects.Refreshes': None,"
        " 'scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware': 580}"
    ),
    "without HttpAuthMiddleware": (
        "DOWNLOADER_MIDDLEWARES |= {'scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware': None}"
    ),
    "without OffsiteMiddleware": (
        "DOWNLOADER_MIDDLEWARES |= {'scrapy.downloadermiddlewares.offsite.OffsiteMiddleware': None}"
    ),
    "without DownloaderStats": (
        "DOWNLOADER_MIDDLEWARES |= {'scrapy.downloadermiddlewares.stats.DownloaderStats': None}"
    ),
    "without RefererMiddleware": "SPIDER_MIDDLEWARES = {'scrapy.spidermiddlewares.referer.RefererMiddleware': None}",
    "without MetaCopyDetectionMiddleware": (
        "SPIDER_MIDDLEWARES = {'scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware': None}"
    ),
}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--stories", type=int, default=1000)
    ask.add_argument("--rounds", type=int, default=7)
    args = ask.parse_args()
    with generated_site(args.stories) as site, tempfile.TemporaryDirectory() as name:
        crawls = Crawls(site, Path(name))
        runs = {"as they are": crawls.guarded} | {
            each: partial(crawls.bare, f"line-{number}", f"{GUARDED_SETTINGS}\n{line}\n", counts=False)
            for number, (each, line) in enumerate(OTHERWISE.items())
        }
        costs = alternate(runs, args.rounds)
    ours = [cost.cpu for cost in costs["as they are"]]
    print("| settings | ms of CPU a page | × ours |\n|---|---:|---:|")
    for each, told in costs.items():
        cpu = [cost.cpu for cost in told]
        print(f"| {each} | {1000 * statistics.median(cpu) / site.pages:.2f} | {compare(cpu, ours)[0]:.3f} |")


if __name__ == "__main__":
    main()
