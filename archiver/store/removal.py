"""Take-downs: a story taken out of the tables and of the raw files, and never fetched again.

What is to be done is written down first (`state/removals/`), then done in this order: no crawl may fetch it again, its
rows go, the manifest follows, its raw records go. Each step may be done again, so that a take-down that was killed is
finished by whoever takes a story down next (`finish_removals`). In between no row points at a wrong record: those of the
story go before its raw records do, and all other records stay where they are (`rewrite_without`).
"""

from __future__ import annotations

import errno
import fcntl
import json
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from archiver.normalize import story_id as make_story_id
from archiver.schema import encode_parquet
from archiver.store.archive import (
    Archive,
    DamagedFileError,
    Partition,
    locked,
    make_folder,
    storage_errors,
    sync_folder,
)
from archiver.store.held import forget_held
from archiver.store.ledger import Ledger
from archiver.store.ledgerfile import removed_file, site_lock
from archiver.store.lineage import update_lineage
from archiver.store.manifest import write_manifest
from archiver.store.publish import publishing
from archiver.store.raw_read import raw_dir
from archiver.store.raw_repair import rewrite_without
from archiver.store.removed import append_removed, read_removed
from archiver.store.search import Removal, Search
from archiver.urls import site_of


class SiteHeldError(Exception):
    """A crawl works on a site that the story is of. Raised before anything is changed."""


def remove_story(archive: Archive, url: str, why: str, at: datetime) -> Removal:
    """Take down the story at a cleaned address, be it the present one or an earlier one; doing it twice changes nothing.

    An address that nothing is known of is remembered all the same. SiteHeldError where a crawl works on the site.
    """
    sites = {site_of(url)}
    while True:
        with _held(archive, sites), publishing(archive):
            archive.sweep_staging()
            found = Search(archive, url, sites)
            if found.sites <= sites:
                removal = found.plan(why, at)
                if removal.is_new:
                    _write_down(archive, removal)
                    _take_out(archive, removal)
                return removal
            sites = found.sites


def finish_removals(archive: Archive) -> list[Removal]:
    """Finish the take-downs that were killed, but for those of sites on which a crawl works; return them."""
    finished = []
    for path in sorted(_removals_dir(archive).glob("*.json")):
        with suppress(SiteHeldError, FileNotFoundError):  # another process was quicker
            removal = _read(path)
            with _held(archive, removal.sites), publishing(archive):
                if path.exists():
                    _take_out(archive, removal)
                    finished.append(removal)
    return finished


@contextmanager
def _held(archive: Archive, sites: Collection[str]) -> Iterator[None]:
    """Keep crawls off some sites while the block runs."""
    make_folder(archive.state_dir)
    with ExitStack() as held:
        for site in sorted(sites):
            path = site_lock(archive, site)
            with storage_errors(path):
                try:
                    held.enter_context(locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB))
                except BlockingIOError as error:
                    raise SiteHeldError(site) from error
        yield


# Taking it out


def _removals_dir(archive: Archive) -> Path:
    return archive.state_dir / "removals"


def _file_of(archive: Archive, removal: Removal) -> Path:
    return _removals_dir(archive) / f"{removal.story_id or make_story_id(removal.url)}.json"


def _write_down(archive: Archive, removal: Removal) -> None:
    kept = asdict(removal) | {"at": removal.at.isoformat()}
    content = json.dumps(kept, ensure_ascii=False).encode(errors="replace")
    archive.put_atomic(_file_of(archive, removal), lambda file: file.write(content))


def _read(path: Path) -> Removal:
    with storage_errors(path):
        content = path.read_bytes()
    try:
        kept = json.loads(content)
        return Removal(**kept | {"at": datetime.fromisoformat(kept["at"])})
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedFileError(errno.EIO, "Damaged, remove it and take its story down again", str(path)) from error


def _take_out(archive: Archive, removal: Removal) -> None:
    _remember(archive, removal)
    forget_held(archive, removal.addresses, removal.story_id)
    partitions = [Partition.at(path) for path in sorted(removal.partitions)]
    for partition in partitions:
        _take_rows(archive, partition, removal.story_id)
    if partitions:
        update_lineage(archive, {partition.date for partition in partitions})
    write_manifest(archive, partitions)
    for name, offsets in removal.raw.items():
        try:
            _take_raw(archive, name, offsets, removal.sites)
        except DamagedFileError as error:
            removal.damaged[name] = str(error)
    path = _file_of(archive, removal)
    with storage_errors(path):
        path.unlink()
        sync_folder(path.parent)


def _remember(archive: Archive, removal: Removal) -> None:
    for site in removal.sites:
        path = removed_file(archive, site)
        with Ledger.open(archive, site) as ledger:
            for url in removal.addresses:
                if all(each.url != url for each in read_removed(path)):  # one may bring others along
                    ledger.remember_removed(url, removal.story_id, removal.why, removal.at)
        append_removed(path, [])  # durable also where a killed attempt had written it


def _take_rows(archive: Archive, partition: Partition, story_id: str | None) -> None:
    """Stories before revisions: killed between the two, each row of `stories` still has its revisions."""
    for table, path in (
        (archive.read_stories(partition), archive.stories_file(partition)),
        (archive.read_revisions(partition), archive.revisions_file(partition)),
    ):
        kept = table.filter(pc.not_equal(table["story_id"], pa.scalar(story_id, pa.string())))
        if kept.num_rows < table.num_rows and kept.num_rows:
            archive.put_atomic(path, lambda file, kept=kept: file.write(encode_parquet(kept)))  # type: ignore[misc]
        elif not kept.num_rows:
            _remove_file(path)


def _remove_file(path: Path) -> None:
    """Remove the file of a partition, and the folders that it leaves empty."""
    with storage_errors(path):
        path.unlink(missing_ok=True)
        for folder in (path.parent, path.parent.parent):
            if folder.exists():
                sync_folder(folder)
                try:
                    folder.rmdir()
                except OSError as error:
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise
                    return


def _take_raw(archive: Archive, name: str, offsets: Collection[int], sites: Collection[str]) -> None:
    path, kept = raw_dir(archive) / name, {}
    if path.exists():
        kept = rewrite_without(archive, path, lambda record: record.offset in offsets)
    for site in sites:
        with Ledger.open(archive, site) as ledger:
            ledger.move_raw(name, kept)
