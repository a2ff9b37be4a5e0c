"""What a whole crawl spends its CPU on, by share: a sample of the stack at each tick of its CPU clock.

python -m bench.speed.shares --stories 1000
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import re
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType

from bench.speed.children import run
from bench.speed.crawls import Crawls, generated_site

PARTS = {
    "import": r"<frozen importlib",
    "publish": r"archiver/store/publish",
    "extract": r"archiver/(extract/|reading)",
    "parse": r"archiver/pages|lxml/|parsel/",
    "WARC": r"archiver/store/(raw|exchange|warc|coding)",
    "ledger": r"archiver/(store/ledger|site_memory|recall)",
    "inbox": r"archiver/store/inbox",
    "normalize": r"archiver/(normalize|pipelines)",
    "listings": r"archiver/(listings|discover/)",
    "our requests": r"archiver/(stories|asking|spider)",
    "guards": r"archiver/(network/|middlewares)",
    "scheduler": r"scrapy/core/scheduler|scrapy/(squeues|dupefilters|pqueues)",
    "spider middlewares, scraper": r"scrapy/(core/(spidermw|scraper)|spidermiddlewares)",
    "downloader middlewares": r"scrapy/(core/downloader/middleware|downloadermiddlewares)",
    "download": r"scrapy/core/(downloader|engine)|twisted/",
}
"""Part → files of which one is in the stack; the first part that fits counts."""


def sample() -> None:
    """Count the parts in this process until it ends; the file BENCH_SHARES takes the counts."""
    counts: Counter[str] = Counter()
    patterns = {part: re.compile(files) for part, files in PARTS.items()}

    def note(_: int, frame: FrameType | None) -> None:
        files = set()
        while frame is not None:
            files.add(frame.f_code.co_filename)
            frame = frame.f_back
        stack = "\n".join(files)
        counts[next((part for part, files in patterns.items() if files.search(stack)), "the rest")] += 1

    signal.signal(signal.SIGPROF, note)
    signal.setitimer(signal.ITIMER_PROF, 0.002, 0.002)

    def tell() -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)  # a signal that comes as Python ends would kill it
        Path(os.environ["BENCH_SHARES"]).write_text(json.dumps(counts))

    atexit.register(tell)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--stories", type=int, default=1000)
    args = ask.parse_args()
    with generated_site(args.stories) as site, tempfile.TemporaryDirectory() as name:
        crawls = Crawls(site, Path(name))
        folder = crawls.project("ours")
        code = "from bench.speed.shares import sample; sample(); import sys, scrapy.cmdline; scrapy.cmdline.execute()"
        told = folder / "shares.json"
        paths = f"{folder}{os.pathsep}{Path(__file__).parents[2]}"
        cost = run(
            [sys.executable, "-c", code, "crawl", "site"], folder, {"PYTHONPATH": paths, "BENCH_SHARES": str(told)}
        )
        counts = Counter(json.loads(told.read_text()))
    print("| part | share of CPU | ms a page |\n|---|---:|---:|")
    for part, count in counts.most_common():
        print(
            f"| {part} | {100 * count / counts.total():.1f} % | {1000 * cost.cpu * count / counts.total() / site.pages:.2f} |"
        )


if __name__ == "__main__":
    main()
