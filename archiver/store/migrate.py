"""An archive of an older version brought up to today's: its tables, ledgers and run records.

A version of the tables is one step: a function from a table of the version before. Most only add a column, and need
none: a column that is missing is filled with null, an empty list, or the default that `Story` gives it.
"""

from __future__ import annotations

import errno
import fcntl
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow as pa

from archiver.items import Story
from archiver.schema import LINEAGE, REVISIONS, SCHEMA_VERSION, STORIES, encode_parquet
from archiver.store.archive import (
    Archive,
    DamagedFileError,
    Partition,
    decode_parquet,
    locked,
    make_folder,
    storage_errors,
)
from archiver.store.check_tables import list_day, list_days, read_day, read_root, read_version
from archiver.store.faults import name_of
from archiver.store.lineage import update_lineage
from archiver.store.manifest import write_manifest
from archiver.store.seal import seal_json
from archiver.store.sqlite import connect, read_version_of, sqlite_errors
from archiver.store.tables import MIGRATIONS

Step: TypeAlias = Callable[[pa.Table], pa.Table]
"""Brings `stories` or `revisions` of one partition from one version to the next."""

STEPS: Final[Mapping[int, Step]] = {}
"""Version → the step that leads from it to the next; none where columns were only added."""


def migrate(archive: Archive, steps: Mapping[int, Step] = STEPS) -> Iterator[str]:
    """Bring an archive up to date; name each file that was rewritten.

    Killed at any point and called again, it goes on where it stood; of an archive that is up to date nothing is
    touched. Raises DamagedFileError where a file cannot be read, or a newer archiver has written it.
    """
    make_folder(archive.state_dir)
    with locked(archive.state_dir / "publish.lock", fcntl.LOCK_EX):
        root, _ = read_root(archive)
        for day in list_days(archive, root):
            yield from _migrate_day(archive, day, root, steps)
        yield from (name_of(archive, path) for path in update_lineage(archive, ()))
    yield from _migrate_ledgers(archive)
    yield from _seal_runs(archive)


def _migrate_day(
    archive: Archive, day: str, root: Mapping[str, Any] | None, steps: Mapping[int, Step]
) -> Iterator[str]:
    partitions = list_day(archive, day, None).partitions
    # Killed between the manifest of the day and the root's, the root has the digest before.
    entries, faults = read_day(archive, day, root)
    stale: list[Partition] = partitions[:1] if any(fault.kind == "disagrees" for fault in faults) else []
    for partition in partitions:
        files = [(archive.revisions_file(partition), REVISIONS), (archive.stories_file(partition), STORIES)]
        written = [path for path, schema in files if path.exists() and _migrate_file(archive, path, schema, steps)]
        yield from (name_of(archive, path) for path in written)
        # The same for all partitions of the day, and rewritten with the first.
        lineage = archive.lineage_file(partition.date)
        if lineage.exists() and _migrate_file(archive, lineage, LINEAGE, steps):
            written.append(lineage)
            yield name_of(archive, lineage)
        # Killed between file and manifest, the manifest still says the version before.
        told = [(entries or {}).get(name_of(archive, path), {}).get("schema_version") for path, _ in files]
        if written or any(type(version) is int and version < SCHEMA_VERSION for version in told):
            stale.append(partition)
    yield from (name_of(archive, path) for path in write_manifest(archive, stale))


def _migrate_file(archive: Archive, path: Path, schema: pa.Schema, steps: Mapping[int, Step]) -> bool:
    """Rewrite a file of an older version; say whether it was one."""
    with storage_errors(path):
        content = path.read_bytes()
    try:
        version = read_version(content)
        if version > SCHEMA_VERSION:
            raise DamagedFileError(errno.EIO, f"Written by a newer archiver (schema {version})", str(path))
        if version == SCHEMA_VERSION:
            return False
        table = decode_parquet(content)
        for each in range(version, SCHEMA_VERSION):
            table = steps[each](table) if each in steps else table
        table = fill_columns(table, schema)
    except DamagedFileError:
        raise
    except (pa.ArrowException, ValueError, OSError, KeyError) as error:
        raise DamagedFileError(errno.EIO, f"Cannot be migrated: {error}", str(path)) from error
    archive.put_atomic(path, lambda file: file.write(encode_parquet(table)))
    return True


def fill_columns(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table with the columns of a schema, those that it lacks filled with what `Story` has by default.

    ValueError where a column is missing that has no default, or one is there that the schema has not.
    """
    if unknown := sorted(set(table.column_names) - set(schema.names)):
        raise ValueError(f"no step of the migration takes away column {unknown[0]!r}")
    columns = [
        table[column.name] if column.name in table.column_names else _default(column, table.num_rows)
        for column in schema
    ]
    return pa.table(columns, names=schema.names).cast(schema)


def _default(column: pa.Field, rows: int) -> pa.Array:
    if column.nullable:
        return pa.nulls(rows, column.type)
    if pa.types.is_list(column.type):
        return pa.array([[]] * rows, column.type)
    defaults: dict[str, Any] = {each.name: each.default for each in fields(Story) if each.default is not MISSING}
    if pa.types.is_map(column.type):
        defaults[column.name] = []
    if column.name not in defaults:
        raise ValueError(f"no step of the migration fills column {column.name!r}")
    return pa.array([defaults[column.name]] * rows, column.type)


def _migrate_ledgers(archive: Archive) -> Iterator[str]:
    for path in sorted(archive.state_dir.glob("*.sqlite")):
        with sqlite_errors(path):
            before = read_version_of(path)
            with closing(connect(path, MIGRATIONS)):  # StorageError where it is of a newer version
                pass
        if before < len(MIGRATIONS):
            yield name_of(archive, path)


def _seal_runs(archive: Archive) -> Iterator[str]:
    """Run records of the first version have no digest of their own."""
    for path in sorted(archive.runs_dir.glob("*.json")):
        with storage_errors(path):
            content = path.read_bytes()
        try:
            record = json.loads(content)
        except (ValueError, RecursionError):  # `verify` says so
            continue
        if isinstance(record, dict) and "sha256" not in record:
            sealed = seal_json(record)
            archive.put_atomic(path, lambda file, sealed=sealed: file.write(sealed))  # type: ignore[misc]
            yield name_of(archive, path)
