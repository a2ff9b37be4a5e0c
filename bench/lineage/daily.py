"""How well lineage does as an archive is filled: labelled reports published a day at a time, each day beside what stands there.

python -m bench.lineage.daily
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq

from archiver.store.archive import Archive
from archiver.store.publish import publish
from bench.lineage.sets import Labelled, load_reports, score
from tests.stories import fill_inbox, make_story


def publish_daily(archive: Archive, reports: list[Labelled]) -> dict[str, str]:
    """Publish reports a day at a time; return story_id → the event that it is of in truth."""
    days: dict[date, list[tuple[int, Labelled]]] = defaultdict(list)
    for number, report in enumerate(reports):
        days[report.published].append((number, report))
    events = {}
    for day in sorted(days):
        at = datetime.combine(day, time(), UTC)
        seen = at + timedelta(hours=23)
        stories = [
            make_story(
                f"report-{number}", title=report.title, body=report.body, source_url=None, date=day, published_at=at,
                first_seen_at=seen, fetched_at=seen,
            )
            for number, report in days[day]
        ]  # fmt: skip
        events |= {story.story_id: report.event for story, (_, report) in zip(stories, days[day], strict=True)}
        fill_inbox(archive, day.isoformat(), *stories)
        publish(archive)
    return events


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=Path, default=Path("../shared/lineage/stories.jsonl"), metavar="FILE")
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        archive = Archive(Path(name))
        truth = publish_daily(archive, load_reports(options.reports))
        found = {
            row["story_id"]: row["event_id"]
            for path in archive.lineage_dir.rglob("*.parquet")
            for row in pq.ParquetFile(path).read(["story_id", "event_id"]).to_pylist()
        }
    got = score(list(truth.values()), [found[story_id] for story_id in truth])
    print(f"P {got.precision:.3f}  R {got.recall:.3f}  F1 {got.f1:.3f}  B-cubed {got.b3:.3f}")


if __name__ == "__main__":
    main()
