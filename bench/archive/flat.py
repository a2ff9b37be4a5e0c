"""Is publishing as quick into an archive of a million stories as into one of a thousand? And what does their ledger cost?

    python -m bench.archive.flat [--large 1000000] [--dir DIR] [--only publish|ledger]

Builds two archives whose partitions are alike and of which one has a thousand times as many, publishes 25 new stories
into three partitions of each, in turn, and prints the medians. A million stories take about 3 GB in DIR and some minutes
to make.

Then a ledger of as many addresses, about 0.8 GB: a new process opens it and asks it what a crawl asks. Exit 1 where the
large archive takes 20 % longer, opening takes 50 ms or the ledger adds 50 MB.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path

import pyarrow as pa

from archiver.items import Faq, Found, Story
from archiver.schema import encode_parquet, revisions_to_table, stories_to_table
from archiver.store.archive import Archive, Partition
from archiver.store.inbox import InboxWriter
from archiver.store.ledger import Ledger, reserve_partitions
from archiver.store.ledgerfile import ledger_file
from archiver.store.manifest import write_manifest
from archiver.store.places import find_story
from archiver.store.publish import publish
from archiver.store.revisions import make_revision
from archiver.store.tables import to_stamp

SITE = "flat.example"
SECTIONS = [f"section-{name}" for name in "abcdefgh"]
A_PARTITION = 342
"""Stories of one: a million of them in 2,924 partitions, a year of eight sections."""
WORDS = 200
RUNS = 11


def make_story(slug: str, partition: Partition, words: random.Random) -> Story:
    url = f"https://{SITE}/article/{slug}"
    seen = datetime(2026, 6, 29, 12, tzinfo=UTC)
    body = " ".join(f"w{int(words.paretovariate(0.7)) % 20_000}" for _ in range(WORDS))
    return Story(
        story_id=_key(url), url=url, site=SITE, section=partition.section, date=partition.date,
        section_label="Section", date_source="json-ld", title=f"A title for {slug}", dek="A dek of a few words.",
        body=body, faq=[Faq(question="Who pays?", answer="Every parcel.")], authors=["Ada Quill"],
        source_name="Wire", source_url=f"https://wire.example/{slug}", source_domain="wire.example",
        source_method="label", links=[], related=[], published_at=seen, modified_at=None, published_raw=None,
        first_seen_at=seen, fetched_at=seen, language="en", tags=["tariffs"], image_url=None, word_count=WORDS,
        content_hash=hashlib.sha256(body.encode()).hexdigest(), provenance={"title": "h1"}, extractor="1",
    )  # fmt: skip


def list_partitions() -> Iterator[Partition]:
    """The newest first."""
    day = date(2026, 6, 29)
    while True:
        yield from (Partition(day, section) for section in SECTIONS)
        day -= timedelta(days=1)


def build(archive: Archive, stories: int) -> list[Partition]:
    """Write an archive as publishing would have left it, from one partition's texts under ever new addresses."""
    partitions = list(islice(list_partitions(), round(stories / A_PARTITION)))
    words = random.Random(1)
    texts = [make_story(str(number), partitions[0], words) for number in range(A_PARTITION)]
    rows = stories_to_table([replace(story, revision=1) for story in texts])
    revisions = revisions_to_table([make_revision(story, None, []) for story in texts])
    for first in range(0, len(partitions), 100):  # the ledger first: an empty one would be read from the archive
        wanted = {
            _key(url): place
            for number, place in enumerate(partitions[first : first + 100], first)
            for url in _addresses(number)
        }
        reserve_partitions(archive, SITE, wanted)
    for number, place in enumerate(partitions):
        for table, path in ((rows, archive.stories_file(place)), (revisions, archive.revisions_file(place))):
            path.parent.mkdir(parents=True)
            path.write_bytes(encode_parquet(_readdress(table, _addresses(number))))
    write_manifest(archive, partitions)
    os.sync()  # or the first syncs of publishing wait for gigabytes
    return partitions


def _addresses(number: int) -> list[str]:
    return [f"https://{SITE}/article/{number:05}-{row:04}" for row in range(A_PARTITION)]


def _readdress(table: pa.Table, urls: list[str]) -> pa.Table:
    for name, values in (("url", urls), ("story_id", [_key(url) for url in urls])):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(place), pa.array(values, pa.string()))
    return table


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def time_publish(archive: Archive, run: int, partitions: list[Partition]) -> float:
    words = random.Random(run)
    with InboxWriter(archive, f"{run:02}") as writer:
        for number in range(25):
            writer.append(make_story(f"new-{run:02}-{number:02}", partitions[number % 3], words))
    start = time.perf_counter()
    report = publish(archive)
    elapsed = time.perf_counter() - start
    assert sum(report.counts.values()) == 25, report.counts
    return elapsed


def time_find(archive: Archive, number: int) -> float:
    start = time.perf_counter()
    assert find_story(archive, _addresses(0)[number])
    return time.perf_counter() - start


def build_ledger(archive: Archive, addresses: int) -> None:
    """Note addresses as listings name them; every tenth is pending, the others were fetched and are due some day."""
    seen = datetime(2026, 6, 29, 12, tzinfo=UTC)
    found = Found(via="listing", listing_url=f"https://{SITE}/policy", section_label="Policy")
    with Ledger.open(archive, SITE) as ledger:
        for first in range(0, addresses, 1000):
            urls = [
                f"https://{SITE}/article/a-story-of-some-length-{number:07}" for number in range(first, first + 1000)
            ]
            ledger.note_found([(url, found) for url in urls], seen)
        put = "UPDATE urls SET status = 200, content_hash = ?, story_id = ?, etag = ?, last_fetched = ?, next_visit = ?"
        rows = (
            (hashlib.sha256(b"%d" % number).hexdigest(), f"{number:016x}", f'"{number}"', stamp := to_stamp(seen), stamp
             + number * 10**6, number)
            for number in range(1, addresses + 1) if number % 10
        )  # fmt: skip
    with closing(sqlite3.connect(ledger_file(archive, SITE))) as connection, connection:
        connection.executemany(f"{put} WHERE rowid = ?", rows)


USE_LEDGER = """
import sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from archiver.items import Found
from archiver.store.archive import Archive
from archiver.store.ledger import Ledger

def resident():
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0])

archive, site, addresses = Archive(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
before, begun = resident(), time.perf_counter()
ledger = Ledger.open(archive, site)
opened = time.perf_counter() - begun
at = datetime(2026, 6, 29, 12, tzinfo=UTC) + timedelta(hours=1)
urls = [f"https://{site}/article/a-story-of-some-length-{number:07}" for number in range(0, addresses, addresses // 5000)]
ledger.note_found([(url, Found()) for url in urls], at)
for url in urls[:1000]:
    ledger.note_fetched(url, at=at, content_hash="0" * 64, story_id="0" * 16)
ledger.due(at, limit=1000)
ledger.pending(at, limit=1000)
ledger.flush()
print(opened, resident() - before)
"""
"""Opens a ledger in a process of its own, notes 5,000 addresses and 1,000 answers, and asks for what waits."""


def measure_ledger(archive: Archive, addresses: int) -> tuple[float, float]:
    """Return the seconds that opening takes, and the MB that using it adds: medians of five processes."""
    command = [sys.executable, "-c", USE_LEDGER, str(archive.root), SITE, str(addresses)]
    told = [subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() for _ in range(5)]
    return statistics.median(float(seconds) for seconds, _ in told), statistics.median(
        int(kib) / 1024 for _, kib in told
    )


def compare_ledgers(folder: Path, large: int) -> int:
    start = time.perf_counter()
    archive = Archive(folder / "ledger")
    build_ledger(archive, large)
    print(f"ledger: {large:,} addresses, {ledger_file(archive, SITE).stat().st_size / 1e6:.0f} MB, made in "
          f"{time.perf_counter() - start:.0f} s", flush=True)  # fmt: skip
    opened, added = measure_ledger(archive, large)
    print(f"ledger: opened in {1000 * opened:.1f} ms, adds {added:.1f} MB")
    return int(opened >= 0.05 or added >= 50)


def main() -> int:
    parser = argparse.ArgumentParser(description="Time publishing into a small and into a large archive.")
    parser.add_argument("--large", type=int, default=1_000_000, metavar="STORIES")
    parser.add_argument("--dir", type=Path, help="where to build (default: a temporary folder); removed at the end")
    parser.add_argument("--only", choices=("publish", "ledger"))
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="flat-", dir=options.dir))
    try:
        failed = compare_ledgers(folder, options.large) if options.only != "publish" else 0
        return max(failed, compare(folder, options.large) if options.only != "ledger" else 0)
    finally:
        shutil.rmtree(folder)


def compare(folder: Path, large: int) -> int:
    archives = {name: Archive(folder / name) for name in ("small", "large")}
    partitions = {}
    for name, stories in (("small", 1000), ("large", large)):
        start = time.perf_counter()
        partitions[name] = build(archives[name], stories)
        print(f"{name}: {len(partitions[name]):,} partitions of {A_PARTITION} stories, made in "
              f"{time.perf_counter() - start:.0f} s", flush=True)  # fmt: skip
    times: dict[str, list[float]] = {name: [] for name in archives}
    for run in range(RUNS + 1):
        for name, archive in archives.items():
            times[name].append(time_publish(archive, run, partitions[name]))
    medians = {name: statistics.median(measured[1:]) for name, measured in times.items()}  # the first one warms up
    for name, measured in times.items():
        shown = " ".join(f"{1000 * each:.0f}" for each in measured[1:])
        found = statistics.median(time_find(archives[name], number) for number in range(3))
        print(f"{name}: 25 new stories in {1000 * medians[name]:.0f} ms (median of {shown}); "
              f"one story found by its address in {1000 * found:.0f} ms")  # fmt: skip
    ratio = medians["large"] / medians["small"]
    print(f"large / small: {ratio:.2f}")
    return int(ratio > 1.2)


if __name__ == "__main__":
    sys.exit(main())
