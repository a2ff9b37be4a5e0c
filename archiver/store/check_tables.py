"""The published files checked: against the manifest, in themselves, against each other and against the raw pages."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from archiver.items import Story
from archiver.schema import SCHEMA_VERSION, Revision, table_to_stories
from archiver.store.archive import Archive, Partition, StorageError
from archiver.store.check_file import compare_content
from archiver.store.check_lineage import check_events, check_lineage_day
from archiver.store.faults import Checked, Fault, Index, name_of
from archiver.store.manifest import encode_manifest
from archiver.store.raw_read import raw_dir
from archiver.store.revisions import COMPARED, table_to_revisions
from archiver.store.warc import BadRecordError, read_fields
from archiver.urls import site_of

Entries = Mapping[str, Any]
"""What a day's manifest says: file → rows, bytes, sha256, schema_version."""


# The manifest


def read_root(archive: Archive) -> tuple[dict[str, Any] | None, list[Fault]]:
    """Return the digests of the days as the root manifest has them, None where that cannot be told."""
    name, has_days = name_of(archive, archive.manifest_file), any(archive.manifest_dir.glob("date=*.json"))
    try:
        content = archive.manifest_file.read_bytes()
    except FileNotFoundError:
        is_empty = not has_days and not any(archive.stories_dir.glob("*"))
        return ({}, []) if is_empty else (None, [Fault(name, "is not there", "missing")])
    except OSError as error:
        return None, [Fault(name, error.strerror or str(error), "damaged")]
    root = _read_manifest(content, "days")
    return (root, []) if root is not None else (None, [Fault(name, "not as it was written", "damaged")])


def _read_manifest(content: bytes, key: str, **also: str) -> dict[str, Any] | None:
    """Return what a manifest holds under `key`; None where a single byte of the file is not as we write it."""
    try:
        held = json.loads(content)
        if not isinstance(held, dict) or not isinstance(held.get(key), dict):
            return None
        is_ours = encode_manifest(also | {key: dict(sorted(held[key].items()))}) == content
    except (ValueError, RecursionError):
        return None
    return held[key] if is_ours else None


def list_days(archive: Archive, root: Mapping[str, Any] | None) -> list[str]:
    """Return every day that the manifests or the folders of the archive name."""
    days = set(root or ())
    days |= {path.stem.removeprefix("date=") for path in archive.manifest_dir.glob("date=*.json")}
    for folder in (archive.stories_dir, archive.revisions_dir, archive.lineage_dir):
        days |= {path.name.removeprefix("date=") for path in folder.glob("date=*")}
    return sorted(days)


def check_strangers(archive: Archive) -> Iterator[Fault]:
    """Name what stands beside the days, where a reader of the tables would trip over it."""
    for folder in (archive.stories_dir, archive.revisions_dir, archive.lineage_dir):
        for path in sorted(folder.glob("*")):
            if not (path.name.startswith("date=") and path.is_dir()):
                yield Fault(name_of(archive, path), "nothing names this file", "unknown")
    for path in sorted(archive.manifest_dir.glob("*")):
        if not (path.name.startswith("date=") and path.suffix == ".json"):
            yield Fault(name_of(archive, path), "nothing names this file", "unknown")


def read_day(archive: Archive, day: str, root: Mapping[str, Any] | None) -> tuple[Entries | None, list[Fault]]:
    """Return what the manifest says of a day, None where that cannot be told."""
    path = archive.manifest_dir / f"date={day}.json"
    name = name_of(archive, path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None, [Fault(name, "is not there", "missing")]
    except OSError as error:
        return None, [Fault(name, error.strerror or str(error), "damaged")]
    faults = []
    if root is not None and root.get(day) != hashlib.sha256(content).hexdigest():
        what = "not the digest that manifest.json says" if day in root else "manifest.json does not name it"
        faults.append(Fault(name, what, "disagrees"))
    entries = _read_manifest(content, "files", date=day)
    if entries is None or not all(isinstance(entry, dict) for entry in entries.values()):
        return None, [*faults, Fault(name, "not as it was written", "damaged")]
    return entries, faults


# One day


@dataclass(frozen=True, slots=True)
class Day:
    """The files of one day: those that there are, those that the manifest names, and by which partition."""

    partitions: list[Partition]
    faults: list[Fault]


def list_day(archive: Archive, day: str, entries: Entries | None) -> Day:
    """Return the partitions of a day, and what is no file of any of them."""
    there, faults, partitions = set(), [], set()
    for folder, own in ((archive.stories_dir, "stories.parquet"), (archive.revisions_dir, "revisions.parquet")):
        for path in sorted(folder.glob(f"date={day}/**/*")):
            if path.is_dir() and not path.is_symlink():
                continue
            name = name_of(archive, path)
            partition = _partition_of(name, own)
            if partition is None:
                faults.append(Fault(name, "nothing names this file", "unknown"))
                continue
            there.add(name)
            partitions.add(partition)
            if entries is not None and name not in entries:
                faults.append(Fault(name, "the manifest does not name it", "unknown"))
    for path in sorted(archive.lineage_dir.glob(f"date={day}/**/*")):
        name = name_of(archive, path)
        if name != f"lineage/date={day}/lineage.parquet":
            faults.append(Fault(name, "nothing names this file", "unknown"))
            continue
        there.add(name)
        if entries is not None and name not in entries:
            faults.append(Fault(name, "the manifest does not name it", "unknown"))
    for name in sorted((entries or {}).keys() - there):
        faults.append(Fault(name, "the manifest names it, and it is not there", "missing"))
        partition = _partition_of(name, "stories.parquet") or _partition_of(name, "revisions.parquet")
        partitions |= {partition} if partition else set()
    return Day(sorted(partitions), faults)


def read_date(day: str) -> date | None:
    """Return the day that a folder or manifest is named after; None where that is none."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return None
    return found if found.isoformat() == day else None


def _partition_of(name: str, file: str) -> Partition | None:
    parts = name.split("/")
    if len(parts) != 4 or (parts[0], parts[3]) != (file.removesuffix(".parquet"), file):
        return None
    with suppress(ValueError):
        return Partition.at(f"{parts[1]}/{parts[2]}")
    return None


# One partition


@dataclass(slots=True)
class Content:
    """The rows of a partition, as far as they can be read; `faults` says of which file they cannot be trusted."""

    stories: list[Story] | None = None
    revisions: list[Revision] | None = None
    faults: list[Fault] | None = None


def read_partition(archive: Archive, partition: Partition, entries: Entries | None) -> Content:
    """Read both files of a partition, each against its entry and each page against its checksum."""
    content, faults = Content(), []
    for path in (archive.stories_file(partition), archive.revisions_file(partition)):
        name = name_of(archive, path)
        table, found = _read_file(archive, path, name, (entries or {}).get(name))
        faults += found
        if table is None:
            continue
        where = {"date": partition.date, "section": partition.section}
        try:
            if path == archive.stories_file(partition):
                content.stories = table_to_stories(table, **where)  # type: ignore[arg-type]
            else:
                content.revisions = table_to_revisions(table, **where)  # type: ignore[arg-type]
        except (ValueError, TypeError, OverflowError, pa.ArrowException) as error:
            faults.append(Fault(name, f"its rows cannot be read: {error}", "damaged"))
    content.faults = faults
    return content


def _read_file(
    archive: Archive, path: Path, name: str, entry: Mapping[str, Any] | None
) -> tuple[pa.Table | None, list[Fault]]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        # Where the manifest names it, that has been said.
        return None, [] if entry else [Fault(name, "is not there, but its fellow is", "missing")]
    except OSError as error:
        return None, [Fault(name, error.strerror or str(error), "damaged")]
    faults = [Fault(name, what, "damaged") for what in compare_content(content, entry)]
    try:
        version = read_version(content)
        if version < SCHEMA_VERSION:
            return None, [*faults, Fault(name, f"of schema version {version}: `archiver migrate`", "older")]
        is_stories = path.name == "stories.parquet"
        partition = _partition_of(name, path.name)
        if partition is None:  # never: it came from there
            return None, faults
        table = archive.read_stories(partition) if is_stories else archive.read_revisions(partition)
    except StorageError as error:
        return None, [*faults, Fault(name, str(error.strerror), "damaged")]
    except (ValueError, OSError, pa.ArrowException) as error:
        return None, [*faults, Fault(name, f"cannot be read: {error}", "damaged")]
    if entry and (entry.get("rows"), entry.get("schema_version")) != (table.num_rows, version):
        faults.append(Fault(name, "not the rows or schema version that the manifest says", "disagrees"))
    return table, faults


def read_version(content: bytes) -> int:
    """Return the schema version that a Parquet file says it has. ValueError where it says none."""
    metadata = pq.ParquetFile(pa.BufferReader(content)).metadata.metadata or {}
    return int(metadata.get(b"schema_version", b"none"))


def compare_rows(archive: Archive, partition: Partition, content: Content) -> Iterator[Fault]:
    """Name what stories and revisions of a partition say differently, and keys that come twice."""
    name = name_of(archive, archive.stories_file(partition))
    other = name_of(archive, archive.revisions_file(partition))
    history: dict[str, list[Revision]] = {}
    for revision in content.revisions or ():
        history.setdefault(revision.story_id, []).append(revision)
    for story_id, rows in history.items():
        numbers = sorted(row.revision for row in rows)
        if numbers != list(range(1, len(rows) + 1)):
            yield Fault(other, f"revisions {_numbers(numbers)} of story {story_id}", "disagrees")
    for story_id, count in Counter(story.story_id for story in content.stories or ()).items():
        if count > 1:
            yield Fault(name, f"story {story_id} stands there {count} times", "disagrees")
    if content.stories is None or content.revisions is None:
        return
    for story in content.stories:
        newest = max(history.pop(story.story_id, []), key=lambda row: row.revision, default=None)
        if newest is None:
            yield Fault(name, f"story {story.story_id} has no row in revisions", "disagrees")
        elif wrong := _differing(story, newest):
            yield Fault(
                name, f"{', '.join(wrong)} of story {story.story_id} not as in its newest revision", "disagrees"
            )
    for story_id in history:
        yield Fault(other, f"story {story_id} has no row in stories", "disagrees")


def _numbers(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")


_NAMES = tuple(column.name for column in fields(Story))
_LASTING = (*COMPARED, "content_hash", "revision", "site", "first_seen_at", "extractor")


def _differing(story: Story, newest: Revision) -> list[str]:
    # A story that moved has a row of a later visit, and no revision of that.
    names = _NAMES if story.fetched_at <= newest.fetched_at else _LASTING
    return [name for name in names if getattr(story, name) != getattr(newest, name)]


# The raw pages that the rows name


class RawHeads:
    """Compares rows with the heads of their raw records; what stands in these is checked with the raw files."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._files = ExitStack()
        self._open: dict[str, BinaryIO | None] = {}

    def check(self, name: str, rows: list[Story] | list[Revision] | None) -> Iterator[Fault]:
        for story in rows or ():
            if story.raw_file is None:
                if story.raw_offset is not None or story.raw_sha256 is not None:
                    yield Fault(name, f"story {story.story_id}: a place in no raw file", "disagrees")
            elif what := self.compare(story.raw_file, story.raw_offset, story.raw_sha256, story.site):
                yield Fault(name, f"revision {story.revision} of story {story.story_id}: {what}", "disagrees")

    def compare(self, raw_file: str, offset: int | None, sha256: str | None, site: str | None = None) -> str | None:
        """Say what is wrong with the place of a raw record."""
        where = f"raw/{raw_file}, offset {offset}"
        file = self._get(raw_file)
        if file is None:
            return f"{where}: no such file"
        try:
            head = read_fields(file, -1 if offset is None else offset)
        except (BadRecordError, OSError, ValueError) as error:
            return f"{where}: {error}"
        if head.get_header("WARC-Type") not in ("response", "revisit"):
            return f"{where}: no response"
        if head.get_header("WARC-Payload-Digest") != f"sha256:{sha256}":
            return f"{where}: not the SHA-256 that the row says"
        url = str(head.get_header("WARC-Target-URI") or "")
        if site is not None and _site_of(url) != site:
            return f"{where}: a page of another site, {url!r:.200}"
        return None

    def _get(self, raw_file: str) -> BinaryIO | None:
        if raw_file not in self._open:
            if len(self._open) >= 32:
                self.close()
            try:
                path = raw_dir(self._archive) / raw_file
                is_inside = len(Path(raw_file).parts) == 2 and ".." not in Path(raw_file).parts
                self._open[raw_file] = self._files.enter_context(path.open("rb")) if is_inside else None
            except (OSError, ValueError):
                self._open[raw_file] = None
        return self._open[raw_file]

    def close(self) -> None:
        self._files.close()
        self._open.clear()


def _site_of(url: str) -> str | None:
    try:
        return site_of(url)
    except ValueError:
        return None


# All of it


def check_tables(archive: Archive, index: Index, checked: Checked) -> Iterator[Fault]:
    """Check everything published, one partition in memory at a time; enter its stories in the index."""
    root, faults = read_root(archive)
    yield from faults
    yield from check_strangers(archive)
    heads = RawHeads(archive)
    for day in list_days(archive, root):
        entries, faults = read_day(archive, day, root)
        yield from faults
        found = list_day(archive, day, entries)
        yield from found.faults
        for partition in found.partitions:
            yield from _check_partition(archive, partition, entries, index, checked, heads)
        if (which := read_date(day)) is not None:
            yield from check_lineage_day(archive, which, entries, index, checked)
    heads.close()
    yield from check_events(archive, index)


def _check_partition(
    archive: Archive,
    partition: Partition,
    entries: Entries | None,
    index: Index,
    checked: Checked,
    heads: RawHeads,
) -> Iterator[Fault]:
    content = read_partition(archive, partition, entries)
    checked.counts["partitions"] += 1
    checked.counts["stories"] += len(content.stories or ())
    checked.counts["revisions"] += len(content.revisions or ())
    yield from content.faults or ()
    yield from compare_rows(archive, partition, content)
    name = name_of(archive, archive.stories_file(partition))
    if content.stories is None:
        index.add_unread(partition)
    for story_id, place in index.add(content.stories or [], partition):
        if place != partition.path:  # within one partition it has been said
            yield Fault(name, f"story {story_id} stands in {place} too", "disagrees")
    yield from heads.check(name, content.stories)
    yield from heads.check(name_of(archive, archive.revisions_file(partition)), content.revisions)
