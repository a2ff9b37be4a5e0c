"""The manifest: what was published. One file a day, and above them one with the digest of each."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from archiver.store.archive import Archive, DamagedFileError, Partition, storage_errors


def write_manifest(archive: Archive, partitions: Iterable[Partition]) -> list[Path]:
    """Bring the manifest up to date with the files of these partitions; return the files written.

    No other file is read, unless the manifest of its day is missing or damaged: that is made anew from all its files.
    """
    touched: dict[date, list[Path]] = {}
    for partition in partitions:
        files = (archive.stories_file(partition), archive.revisions_file(partition))
        touched.setdefault(partition.date, []).extend(files)
    if not touched:
        return []
    written, days = [], {}
    for day, paths in sorted(touched.items()):
        place = _day_file(archive, day)
        known = _read_json(place)
        if known is None:
            known = {"files": {}}
            folders = (archive.stories_dir, archive.revisions_dir)
            paths = [path for folder in folders for path in folder.glob(f"date={day.isoformat()}/*/*.parquet")]
        files = known["files"] | {path.relative_to(archive.root).as_posix(): _describe(path) for path in paths}
        content = _encode({"date": day.isoformat(), "files": dict(sorted(files.items()))})
        written += _put_if_new(archive, place, content)
        days[day.isoformat()] = hashlib.sha256(content).hexdigest()
    known = _read_json(archive.manifest_file) or {"days": _digest_days(archive)}
    content = _encode({"days": dict(sorted((known["days"] | days).items()))})
    return written + _put_if_new(archive, archive.manifest_file, content)


def _day_file(archive: Archive, day: date) -> Path:
    return archive.manifest_dir / f"date={day.isoformat()}.json"


def _describe(path: Path) -> dict[str, Any]:
    with storage_errors(path):
        content = path.read_bytes()
    try:
        metadata = pq.ParquetFile(pa.BufferReader(content)).metadata
    except (pa.ArrowException, OSError) as error:
        raise DamagedFileError(errno.EIO, f"Damaged, restore it from a copy: {error}", str(path)) from error
    return {
        "rows": metadata.num_rows,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "schema_version": int(metadata.metadata[b"schema_version"]),
    }


def _digest_days(archive: Archive) -> dict[str, str]:
    with storage_errors(archive.manifest_dir):
        return {
            path.stem.removeprefix("date="): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in archive.manifest_dir.glob("date=*.json")
        }


def _read_json(path: Path) -> Any:
    """Return what the file holds, or None where it is missing or no JSON object of ours."""
    with storage_errors(path):
        try:
            held = json.loads(path.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
    kept = ("files", "days")
    return held if isinstance(held, dict) and any(isinstance(held.get(key), dict) for key in kept) else None


def _encode(manifest: dict[str, Any]) -> bytes:
    return (json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode()


def _put_if_new(archive: Archive, path: Path, content: bytes) -> list[Path]:
    with storage_errors(path):
        if path.is_file() and path.read_bytes() == content:
            return []
    archive.put_atomic(path, lambda file: file.write(content))
    return [path]
