"""The table `lineage/`, kept up to date: called with the days that were touched, for the one publisher.

The files of all days that change are written down first, as one file under `state/`. Killed amid them, they are carried
out by whoever publishes next, before anything else: an event that spans days is never left half told.
"""

from __future__ import annotations

import errno
import json
import logging
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from pathlib import Path

import pyarrow as pa

from archiver.schema import LINEAGE, Lineage, encode_parquet, lineage_to_table
from archiver.store.archive import (
    Archive,
    DamagedFileError,
    Partition,
    decode_parquet,
    make_folder,
    storage_errors,
    sync_folder,
)
from archiver.store.lineage_index import (
    drop_lineage_index,
    index_file,
    list_days_of,
    list_lineage_days,
    open_lineage_index,
)
from archiver.store.lineage_plan import Stories, plan_lineage
from archiver.store.lineage_read import Told, list_stories_files
from archiver.store.manifest import write_manifest
from archiver.store.sqlite import is_damage, sqlite_errors

logger = logging.getLogger(__name__)

_DAYS_AT_ONCE = 14
"""Of an archive that has no lineage yet, so many days are read and written at a time."""


def update_lineage(
    archive: Archive,
    touched: Iterable[date] = (),
    stories: Mapping[Partition, Collection[str]] | None = None,
    *,
    whole: Collection[Partition] = (),
    is_named: bool = False,
) -> list[Path]:
    """Bring the lineage of these days up to date with their stories, and of days that have stories and no lineage yet.

    `stories` are those that may have changed, by the partition they stand in, where no other has: nothing else is read of
    their days, and not even they where they are given as a mapping to what their rows tell. In partitions that are `whole`
    no others stand: of a day that has no lineage yet, and no other partitions, nothing is read either. With `is_named` the
    caller writes the manifest of the days asked for, and calls again if it is killed before.

    A story that has a place keeps it, unless its source has become another. Other days change where an event that is
    touched reaches into them. Returns the files written, manifests too. Doing it twice changes nothing. The cost is set by
    the stories within three days of those that are new, and by the events touched.
    """
    files = finish_lineage(archive)
    lacking = set(list_days_of(archive.stories_dir)) - set(list_lineage_days(archive))
    some: dict[date, dict[str, Collection[str]]] = {}
    for partition, story_ids in (stories or {}).items():
        some.setdefault(partition.date, {})[partition.section] = story_ids
    days = set(touched) | set(some)
    wanted = sorted(days | lacking)
    whole_days = set(touched)
    for day in lacking & some.keys():
        known = {archive.stories_file(each) for each in whole if each.date == day}
        if not known.issuperset(list_stories_files(archive, day)):
            whole_days.add(day)
    for day in whole_days:
        some.pop(day, None)
    for low in range(0, len(wanted), _DAYS_AT_ONCE):
        changes, told = _plan(archive, wanted[low : low + _DAYS_AT_ONCE], some)
        if changes:
            tables = {day: lineage_to_table(rows) for day, rows in sorted(changes.items())}
            # One file is put in place at once, and the caller names the files of its days in the manifest.
            if len(tables) > 1 or not tables.keys() <= set(days):
                _write_down(archive, tables)
            files += _carry_out(archive, tables, named=days if is_named else ())
            with sqlite_errors(index_file(archive)), open_lineage_index(archive, refresh=False) as index:
                for day, rows in changes.items():
                    index.enter(day, rows, told)
    return files


def _plan(archive: Archive, days: list[date], some: Stories) -> tuple[dict[date, list[Lineage]], dict[str, Told]]:
    make_folder(archive.state_dir)
    path = index_file(archive)
    with sqlite_errors(path):
        try:
            with open_lineage_index(archive) as index:
                return plan_lineage(archive, index, days, some)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            logger.warning("%s is damaged and made anew: %s", path, error)
        drop_lineage_index(archive)
        with open_lineage_index(archive) as index:
            return plan_lineage(archive, index, days, some)


def has_unfinished_lineage(archive: Archive) -> bool:
    with storage_errors(_journal(archive)):
        return _journal(archive).exists()


def finish_lineage(archive: Archive) -> list[Path]:
    """Write what a killed process has written down and not carried out; return the files written."""
    path = _journal(archive)
    if not has_unfinished_lineage(archive):
        return []
    try:
        with storage_errors(path):
            table = decode_parquet(path.read_bytes())
        days = json.loads((table.schema.metadata or {})[b"days"])
        changes = {date.fromisoformat(day): table.slice(start, rows).select(LINEAGE.names) for day, start, rows in days}
    except (pa.ArrowException, ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(
            errno.EIO, f"Damaged, remove it and run `archiver verify --repair`: {error}", str(path)
        ) from error
    return _carry_out(archive, {day: table.cast(LINEAGE) for day, table in changes.items()})


def _journal(archive: Archive) -> Path:
    return archive.state_dir / "lineage.parquet"


def _write_down(archive: Archive, tables: Mapping[date, pa.Table]) -> None:
    days, start = [], 0
    for day, table in tables.items():
        days.append((day.isoformat(), start, table.num_rows))
        start += table.num_rows
    told = pa.concat_tables(tables.values())
    told = told.replace_schema_metadata({**(told.schema.metadata or {}), b"days": json.dumps(days).encode()})
    archive.put_atomic(_journal(archive), lambda file: file.write(encode_parquet(told)))


def _carry_out(archive: Archive, tables: Mapping[date, pa.Table], named: Collection[date] = ()) -> list[Path]:
    files = []
    for day, table in tables.items():
        path = archive.lineage_file(day)
        if table.num_rows:
            archive.put_atomic(path, lambda file, table=table: file.write(encode_parquet(table)))  # type: ignore[misc]
        else:
            _remove(path)
        files.append(path)
    files += write_manifest(archive, (), lineage=tables.keys() - set(named))
    with storage_errors(_journal(archive)):
        if _journal(archive).exists():
            _journal(archive).unlink()
            sync_folder(archive.state_dir)
    return files


def _remove(path: Path) -> None:
    with storage_errors(path):
        path.unlink(missing_ok=True)
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()
            sync_folder(path.parent.parent)
