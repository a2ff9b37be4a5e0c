"""The lineage checked against the manifest, the stories and itself; and had again from the stories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from archiver.store.archive import Archive, DamagedFileError
from archiver.store.check_file import compare_bytes
from archiver.store.faults import Checked, Fault, Index, name_of
from archiver.store.lineage_index import compare_index, index_file

_TABLES = """
    CREATE TABLE lineage (
        event_id TEXT, rank INTEGER, published TEXT, file TEXT, PRIMARY KEY (event_id, rank, file)
    ) WITHOUT ROWID
"""


def check_lineage_day(
    archive: Archive, day: date, entries: Mapping[str, Any] | None, index: Index, checked: Checked
) -> Iterator[Fault]:
    """Check the lineage of a day whose stories are in the index."""
    path = archive.lineage_file(day)
    name = name_of(archive, path)
    select = "SELECT story_id FROM archived WHERE date = ?"
    stories = {story_id for (story_id,) in index.connection.execute(select, (day.isoformat(),))}
    if not path.exists():
        if stories and name not in (entries or {}):
            yield Fault(name, "is not there: `archiver migrate`, or the next publish, makes it", "older")
        return
    checked.counts["lineage_files"] += 1
    yield from (Fault(name, what, "damaged") for what in compare_bytes(path, (entries or {}).get(name)))
    try:
        table = archive.read_lineage(day)
    except DamagedFileError as error:
        yield Fault(name, str(error.strerror), "damaged")
        return
    rows = table.select(["story_id", "event_id", "rank", "earliest_published"]).to_pylist()
    held = [row["story_id"] for row in rows]
    is_read = index.connection.execute("SELECT 1 FROM unread WHERE date = ?", (day.isoformat(),)).fetchone() is None
    if len(set(held)) < len(held):
        yield Fault(name, "a story stands there twice", "disagrees")
    for story_id in sorted(stories - set(held)):
        yield Fault(name, f"story {story_id} has no row", "disagrees")
    for story_id in sorted(set(held) - stories) if is_read else ():
        yield Fault(name, f"story {story_id} has no row in stories of that day", "disagrees")
    index.connection.execute(_TABLES.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
    index.connection.executemany(
        "INSERT OR IGNORE INTO lineage VALUES (?, ?, ?, ?)",
        [(row["event_id"], row["rank"], str(row["earliest_published"]), name) for row in rows],
    )


def check_events(archive: Archive, index: Index) -> Iterator[Fault]:
    """Name the files that tell of an event otherwise than others do: after `check_lineage_day` of all days."""
    index.connection.execute(_TABLES.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
    select = """
        SELECT event_id, min(file) FROM lineage GROUP BY event_id
        HAVING count(*) != max(rank) OR min(rank) != 1 OR count(DISTINCT rank) != count(*) OR count(DISTINCT published) > 1
        ORDER BY event_id
    """
    is_whole = index.connection.execute("SELECT 1 FROM unread").fetchone() is None
    for event_id, name in index.connection.execute(select).fetchall() if is_whole else ():
        yield Fault(name, f"the ranks or the earliest time of event {event_id} do not fit together", "disagrees")
    if what := compare_index(archive):
        yield Fault(name_of(archive, index_file(archive)), what, "damaged")
