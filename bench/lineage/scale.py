"""What lineage costs: so many stories put into events, and one more day published into an archive of them.

Made-up stories of 600 words, spread as those of a language are (Zipf), in events of one to three. Each part runs in a
process of its own; CPU time, and the peak of memory. Machines are noisy: a bare loop of Python is timed beside it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

SYLLABLES = (
    """ba co di fe gu ha in jo ka lo mi no or pa qui re su ti un ve wa za sha tre plo ing ed er al ent""".split()
)


def make_texts(stories: int, a_day: int, first: date) -> Iterator[tuple[int, str, str, date]]:
    """Give number, title, body and day of stories, `a_day` of them each day."""
    random = Random(7)
    words = sorted({"".join(random.choices(SYLLABLES, k=random.randint(1, 4))) for _ in range(90_000)})
    random.shuffle(words)
    spread = list(accumulate(1 / (rank + 3) for rank in range(len(words))))
    number = 0
    while number < stories:
        topic, names = random.choices(words, k=60), [word.capitalize() for word in random.choices(words, k=8)]
        figures = [str(random.randint(3, 9_999)) for _ in range(6)]
        for _ in range(random.choice((1, 1, 2, 3))):
            if number == stories:
                return
            body = random.choices(words, cum_weights=spread, k=450) + random.choices(topic, k=120)
            body += random.choices(names, k=30) + random.choices(figures, k=8)
            random.shuffle(body)
            sentences = [" ".join(body[low : low + 18]).capitalize() + "." for low in range(0, len(body), 18)]
            title = " ".join(random.choices(topic, k=6) + random.choices(names, k=2)).capitalize()
            yield number, title, "\n\n".join(sentences), first + timedelta(number // a_day)
            number += 1


def run_cluster(file: Path) -> None:
    from archiver.commands import main

    if main(["lineage", "--stories", str(file)]):
        raise SystemExit("it failed")


def run_publish(root: Path) -> None:
    from archiver.store.archive import Archive
    from archiver.store.lineage import update_lineage

    began = time.process_time()
    changed = update_lineage(Archive(root), [])
    print(f"  {len(changed)} files, {time.process_time() - began:.1f} s of CPU", file=sys.stderr)


def fill_archive(root: Path, texts: Iterator[tuple[int, str, str, date]], run: str) -> None:
    """Put stories into an archive as publishing does, but for their lineage."""
    from archiver.schema import stories_to_table
    from archiver.store.archive import Archive, Partition
    from archiver.store.manifest import write_manifest
    from archiver.store.merge import put_table
    from tests.stories import make_story

    archive = Archive(root)
    days: dict[date, list[object]] = {}
    for number, title, body, day in texts:
        at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        story = make_story(f"{run}-{number}", title=title, body=body, date=day, published_at=at, source_url=None)
        days.setdefault(day, []).append(replace(story, first_seen_at=at, fetched_at=at))
    for day, stories in days.items():
        partition = Partition(day, "policy")
        put_table(archive, archive.stories_file(partition), stories_to_table(stories))  # type: ignore[arg-type]
        write_manifest(archive, [partition])


def measure(*arguments: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "bench.lineage.scale", *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"  {cpu:.1f} s of CPU, {time.perf_counter() - began:.1f} s, {after.ru_maxrss / 1e6:.2f} GB at most so far",
        flush=True,
    )


def time_loop() -> float:
    began, total = time.process_time(), 0
    for number in range(10_000_000):
        total += number
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=100_000)
    parser.add_argument("--a-day", type=int, default=1_000)
    parser.add_argument("--cluster", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--publish", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cluster:
        return run_cluster(options.cluster)
    if options.publish:
        return run_publish(options.publish)
    print(f"ten million additions: {time_loop():.2f} s of CPU")
    first = date(2026, 1, 1)
    with TemporaryDirectory() as folder:
        file, root = Path(folder) / "stories.jsonl", Path(folder) / "data"
        with file.open("w", encoding="utf-8") as out:
            for number, title, body, day in make_texts(options.stories, options.a_day, first):
                story = {"id": number, "title": title, "body": body, "published": day.isoformat()}
                out.write(json.dumps(story) + "\n")
        print(f"archiver lineage --stories, {options.stories} stories:", flush=True)
        measure("--cluster", str(file))
        file.unlink()
        fill_archive(root, make_texts(options.stories, options.a_day, first), "first")
        print(f"the lineage of an archive of {options.stories} stories, from none:", flush=True)
        measure("--publish", str(root))
        after = first + timedelta(options.stories // options.a_day)
        fill_archive(root, make_texts(options.a_day, options.a_day, after), "then")
        print(f"one more day of {options.a_day} stories:", flush=True)
        measure("--publish", str(root))
        return None


if __name__ == "__main__":
    main()
