"""The manifest: what was published. One file a day, and above them one with the digest of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date
from hashlib import file_digest
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from archiver.schema import SCHEMA_VERSION
from archiver.store.archive import Archive, Partition, damage_errors, storage_errors, sync_folder


def write_manifest(
    archive: Archive,
    partitions: Iterable[Partition],
    lineage: Iterable[date] = (),
    *,
    rows: Mapping[Path, int] | None = None,
) -> list[Path]:
    """Bring the manifest up to date with the files of these partitions, and the lineage of their days and of the days
    `lineage`; return the files written.

    A file that is not there any more loses its entry, and a day without files its manifest. `rows` are those of files just
    written: these need not be opened for their footers.

    No other file is read, unless the manifest of its day is missing or damaged: that is made anew from all its files.
    """
    touched: dict[date, list[Path]] = {}
    for partition in partitions:
        files = (archive.stories_file(partition), archive.revisions_file(partition))
        touched.setdefault(partition.date, []).extend(files)
    for day in {*touched, *lineage}:
        touched.setdefault(day, []).append(archive.lineage_file(day))
    if not touched:
        return []
    written: list[Path] = []
    days: dict[str, str | None] = {}
    for day, paths in sorted(touched.items()):
        place = _day_file(archive, day)
        known = _read_json(place, "files")
        if known is None:
            known = {"files": {}}
            folders = (archive.stories_dir, archive.revisions_dir)
            paths = [path for folder in folders for path in folder.glob(f"date={day.isoformat()}/*/*.parquet")]
            paths.append(archive.lineage_file(day))
        now = {
            path.relative_to(archive.root).as_posix(): describe_file(path, (rows or {}).get(path))
            if path.exists()
            else None
            for path in paths
        }
        held = _without_none(known["files"] | now)
        if not held:
            _remove(place)
            days[day.isoformat()] = None
            continue
        content = encode_manifest({"date": day.isoformat(), "files": held})
        written += _put_if_new(archive, place, content)
        days[day.isoformat()] = hashlib.sha256(content).hexdigest()
    known = _read_json(archive.manifest_file, "days") or {"days": _digest_days(archive)}
    content = encode_manifest({"days": _without_none(known["days"] | days)})
    return written + _put_if_new(archive, archive.manifest_file, content)


def _without_none(entries: dict[str, Any]) -> dict[str, Any]:
    return {name: entry for name, entry in sorted(entries.items()) if entry is not None}


def _remove(path: Path) -> None:
    with storage_errors(path):
        if path.exists():
            path.unlink()
            sync_folder(path.parent)


def _day_file(archive: Archive, day: date) -> Path:
    return archive.manifest_dir / f"date={day.isoformat()}.json"


def describe_file(path: Path, rows: int | None = None) -> dict[str, Any]:
    """Return the entry of a file, which has so many `rows` where we have just written it."""
    version = SCHEMA_VERSION
    with storage_errors(path), path.open("rb") as file:
        digest, size = file_digest(file, "sha256").hexdigest(), file.tell()
        if rows is None:
            with damage_errors(path):
                metadata = pq.read_metadata(file)
            rows, version = metadata.num_rows, int(metadata.metadata[b"schema_version"])
    return {"rows": rows, "bytes": size, "sha256": digest, "schema_version": version}


def _digest_days(archive: Archive) -> dict[str, str]:
    with storage_errors(archive.manifest_dir):
        return {
            path.stem.removeprefix("date="): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in archive.manifest_dir.glob("date=*.json")
        }


def _read_json(path: Path, key: str) -> Any:
    """Return what the file holds, or None where it is missing or no JSON object with that key."""
    with storage_errors(path):
        try:
            held = json.loads(path.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
    return held if isinstance(held, dict) and isinstance(held.get(key), dict) else None


def encode_manifest(manifest: Mapping[str, Any]) -> bytes:
    """Return a manifest as it is written, byte for byte."""
    return (json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode()


def _put_if_new(archive: Archive, path: Path, content: bytes) -> list[Path]:
    with storage_errors(path):
        if path.is_file() and path.read_bytes() == content:
            return []
    archive.put_atomic(path, lambda file: file.write(content))
    return [path]
