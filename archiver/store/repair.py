"""What can be rebuilt of a damaged archive is rebuilt. Nothing is deleted: damaged files are set aside."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

from archiver.store.archive import Archive, locked, make_folder, storage_errors, sync_folder
from archiver.store.check_raw import check_raw
from archiver.store.check_state import (
    ADDRESSLESS,
    LOST,
    MISPLACED,
    PLACE_OF_NONE,
    PLACELESS,
    attached,
    check_ledger,
    check_runs,
    compare_raw_places,
    enter_held,
    ledgers_of,
)
from archiver.store.check_tables import (
    Entries,
    check_strangers,
    check_tables,
    compare_rows,
    list_day,
    list_days,
    read_date,
    read_day,
    read_partition,
    read_root,
)
from archiver.store.faults import Checked, Fault, Index, name_of, open_index
from archiver.store.ledger import Ledger, reserve_partitions
from archiver.store.ledgerfile import is_crawled, removed_file
from archiver.store.lineage import update_lineage
from archiver.store.lineage_index import compare_index, drop_lineage_index, index_file
from archiver.store.manifest import describe_file, encode_manifest, write_manifest
from archiver.store.publish import PublishError, publish
from archiver.store.raw import put_digest
from archiver.store.raw_read import digest_file
from archiver.store.raw_repair import check_raw_file, finish_leftovers
from archiver.store.rebuild import add_addresses
from archiver.store.rebuild_raw import FromRaw, RawVisits, open_visits
from archiver.store.rebuild_tables import Rebuilt, encode_rows, rebuild_partition
from archiver.store.removal import finish_removals
from archiver.store.removed import format_removed, held_removed, parse_removed
from archiver.store.seal import at_rest, seal, seal_file
from archiver.store.sqlite import connect, transaction
from archiver.store.tables import MIGRATIONS


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that was done; `fault` where something is lost all the same."""

    file: str
    what: str
    fault: Fault | None = None

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


def repair(archive: Archive, from_raw: FromRaw | None = None) -> Iterator[Done]:
    """Rebuild what can be rebuilt, and say what was done; what could not be rebuilt is found by `verify` again.

    Raw files come first, for all else can be made of them; then the tables, what waits in the inbox, and the ledgers.
    `from_raw` extracts the story of a raw page, for what the tables themselves do not give back.
    """
    yield from (Done(removal.url, "its take-down was finished") for removal in finish_removals(archive))
    yield from _repair_raw(archive)
    is_whole = _is_manifest_whole(archive)
    if is_whole and _has_all_files(archive):
        # Else a story whose partition is lost would be published as new: without its revisions, under number one.
        yield from _publish(archive)
    make_folder(archive.state_dir)
    with ExitStack() as stack:
        visits = None
        if from_raw:
            visits = stack.enter_context(open_visits(archive, from_raw, is_manifest_whole=is_whole))
        with locked(archive.state_dir / "publish.lock", fcntl.LOCK_EX):
            yield from _repair_tables(archive, visits)
            yield from _add_missing(archive, visits) if visits else ()
    yield from _publish(archive)
    with locked(archive.state_dir / "publish.lock", fcntl.LOCK_EX):
        yield from _repair_lineage(archive)
        yield from _repair_ledgers(archive)
    yield from _repair_runs(archive)


def _is_manifest_whole(archive: Archive) -> bool:
    """Tell whether the manifests say of every day what was published."""
    root, faults = read_root(archive)
    return not faults and all(read_day(archive, day, root)[0] is not None for day in root) if root else False


def _has_all_files(archive: Archive) -> bool:
    days = ((day, read_day(archive, day, None)[0]) for day in list_days(archive, None))
    return all((archive.root / name).exists() for _, entries in days for name in entries or ())


def set_aside(archive: Archive, path: Path, *, keep: bool = False) -> str:
    """Move a damaged file under `state/damaged/`, or with `keep` copy it there; return where it stands now."""
    inside = path.relative_to(archive.root)
    number, target = 1, archive.state_dir / "damaged" / inside
    while target.exists():
        number += 1
        target = archive.state_dir / "damaged" / inside.with_name(f"{inside.name}.{number}")
    with storage_errors(path):
        make_folder(target.parent)
        if keep:
            with path.open("rb") as source:
                archive.put_atomic(target, lambda file: shutil.copyfileobj(source, file))
        else:
            path.replace(target)
            sync_folder(target.parent)
            sync_folder(path.parent)
    return name_of(archive, target)


# Raw files


def _repair_raw(archive: Archive) -> Iterator[Done]:
    for path in finish_leftovers(archive):
        yield Done(name_of(archive, path), "closed, as its crawl was killed")
    for fault in list(check_raw(archive, Checked())):
        path = archive.root / fault.file
        if fault.kind == "unknown":
            yield Done(fault.file, f"set aside as {set_aside(archive, path)}")
        elif fault.kind == "damaged" and (done := _renew_digest(archive, path)):
            yield done


def _renew_digest(archive: Archive, path: Path) -> Done | None:
    """Write the digest of a raw file anew where every record of it is whole: then it, or a padding bit, is damaged."""
    companion = digest_file(path)
    faults = check_raw_file(path)
    if len(faults) != 1 or companion.name not in faults[0] or not companion.exists():
        return None
    aside = set_aside(archive, companion, keep=True)
    with storage_errors(path), path.open("rb") as file:
        put_digest(archive, path, file_digest(file, "sha256").hexdigest())
    return Done(name_of(archive, companion), f"written anew, for every record is whole; it is kept as {aside}")


# Tables


def _repair_tables(archive: Archive, visits: RawVisits | None) -> Iterator[Done]:
    for fault in list(check_strangers(archive)):
        yield Done(fault.file, f"set aside as {set_aside(archive, archive.root / fault.file)}")
    root, _ = read_root(archive)
    for day in list_days(archive, root):
        yield from _repair_day(archive, day, root, visits)
    yield from _repair_root(archive, root)


def _repair_day(archive: Archive, day: str, root: Mapping[str, Any] | None, visits: RawVisits | None) -> Iterator[Done]:
    # Also of a manifest that is not as the root says: rows that give the bytes it tells of prove it right.
    entries, faults = read_day(archive, day, root)
    found = list_day(archive, day, entries)
    for fault in found.faults:
        if fault.kind == "unknown" and (archive.root / fault.file).exists() and fault.what.startswith("nothing"):
            yield Done(fault.file, f"set aside as {set_aside(archive, archive.root / fault.file)}")
    good: list[Path] = []
    for partition in found.partitions:
        content = read_partition(archive, partition, entries)
        files = [archive.revisions_file(partition), archive.stories_file(partition)]
        if content.faults or list(compare_rows(archive, partition, content)) or not all(map(Path.exists, files)):
            if any(fault.kind == "older" for fault in content.faults or ()):
                continue
            rebuilt = rebuild_partition(archive, partition, content, entries, visits)
            if rebuilt is None:
                continue
            stories, revisions = encode_rows(rebuilt)
            for path, written in zip(files, (revisions, stories), strict=True):
                yield from _replace(archive, path, written, rebuilt.how)
        good += files
    yield from _write_day(archive, day, entries, good, is_whole=not faults)


def _replace(archive: Archive, path: Path, content: bytes, how: str) -> Iterator[Done]:
    with storage_errors(path):
        if path.exists() and path.read_bytes() == content:
            return
    aside = f"; what stood there is {set_aside(archive, path, keep=True)}" if path.exists() else ""
    archive.put_atomic(path, lambda file: file.write(content))
    yield Done(name_of(archive, path), f"{how}{aside}")


def _write_day(
    archive: Archive, day: str, entries: Entries | None, good: list[Path], *, is_whole: bool
) -> Iterator[Done]:
    """Bring the manifest of a day up to date with the files that can be trusted; of others it says what it said."""
    path = archive.manifest_dir / f"date={day}.json"
    files = dict(entries or {}) | {name_of(archive, each): describe_file(each) for each in good}
    if not files:
        return
    content = encode_manifest({"date": day, "files": dict(sorted(files.items()))})
    if entries is None or entries != files:
        yield from _replace(archive, path, content, "rebuilt from the files of the day")


def _repair_root(archive: Archive, root: Mapping[str, Any] | None) -> Iterator[Done]:
    """A day whose manifest is gone, and could not be rebuilt, stays named."""
    days = dict(root or {})
    for path in archive.manifest_dir.glob("date=*.json"):
        with storage_errors(path):
            days[path.stem.removeprefix("date=")] = hashlib.sha256(path.read_bytes()).hexdigest()
    if days and days != root:
        content = encode_manifest({"days": dict(sorted(days.items()))})
        yield from _replace(archive, archive.manifest_file, content, "rebuilt from the manifests of the days")


def _add_missing(archive: Archive, visits: RawVisits) -> Iterator[Done]:
    """Put stories back that should stand in the archive and do not, though nothing of their partitions is damaged."""
    with open_index() as index:
        for _ in check_tables(archive, index, Checked()):
            pass
        missing = visits.missing(index.has)
        unread = index.unread
    for partition, story_ids in missing.items():
        if partition in unread:
            continue
        found, content = visits.replay(partition, set(story_ids)), read_partition(archive, partition, None)
        if not found.stories:
            continue
        held = {(row.story_id, row.revision) for row in content.revisions or ()}
        revisions = [row for row in found.revisions if (row.story_id, row.revision) not in held]
        how = f"{len(found.stories)} stories of {len(story_ids)} that were missing rebuilt from raw pages"
        rebuilt = Rebuilt([*(content.stories or ()), *found.stories], [*(content.revisions or ()), *revisions], how)
        stories, history = encode_rows(rebuilt)
        files = ((archive.revisions_file(partition), history), (archive.stories_file(partition), stories))
        for path, written in files:
            yield from _replace(archive, path, written, how)
        write_manifest(archive, [partition])


def _repair_lineage(archive: Archive) -> Iterator[Done]:
    """Make the lineage of a day anew where it is damaged, lost, or not of its stories: all of it is read off them."""
    if what := compare_index(archive):
        drop_lineage_index(archive)
        yield Done(name_of(archive, index_file(archive)), f"removed, it is made anew: {what}")
    days, aside = set(), {}
    with open_index() as index:
        faults = list(check_tables(archive, index, Checked()))
    for fault in faults:
        parts = fault.file.split("/")
        if parts[0] != "lineage" or len(parts) != 3 or (day := read_date(parts[1].removeprefix("date="))) is None:
            continue
        days.add(day)
        if fault.kind == "damaged" and archive.lineage_file(day).exists():
            aside[fault.file] = set_aside(archive, archive.lineage_file(day))
    files = update_lineage(archive, days) if days else []
    write_manifest(archive, (), lineage=days)
    for path in (path for path in files if path.name == "lineage.parquet"):
        kept = f"; what stood there is {aside[name]}" if (name := name_of(archive, path)) in aside else ""
        yield Done(name, f"made anew from the stories{kept}")


def _publish(archive: Archive) -> Iterator[Done]:
    try:
        report = publish(archive)
    except PublishError as error:
        report = error.report
    for run, counts in report.runs.items():
        yield Done(f"inbox/{run}.jsonl", f"published: {counts.total()} stories")
    for run, alarms in report.alarms.items():
        yield Done(f"inbox/{run}.jsonl", f"held back: {'; '.join(map(str, alarms))}")
    for path, why in report.damaged:
        name = name_of(archive, path)
        yield Done(name, f"set aside: {why}", Fault(name, why, "damaged"))


# Ledgers


def _repair_ledgers(archive: Archive) -> Iterator[Done]:
    with open_index() as index:
        enter_held(archive, index)
        for _ in check_tables(archive, index, Checked()):
            pass
        for path, site in sorted(ledgers_of(archive, index).items()):
            if site is None or is_crawled(path):
                continue
            with locked(path.with_suffix(".lock"), fcntl.LOCK_EX):  # no crawl begins meanwhile
                yield from _repair_ledger(archive, index, path, site)


def _repair_ledger(archive: Archive, index: Index, path: Path, site: str) -> Iterator[Done]:
    name = name_of(archive, path)
    faults = list(check_ledger(archive, path, site, index, Checked()))
    is_damaged = any(fault.file == name and fault.kind == "damaged" for fault in faults)
    yield from _repair_removed(archive, path, site, is_damaged=is_damaged)
    if is_damaged or not path.exists():
        aside = []
        for suffix in ("-wal", "-shm", ".sha256", ""):
            companion = path.with_name(path.name + suffix)
            if companion.exists():
                aside.append(set_aside(archive, companion))
        reserve_partitions(archive, site, {})
        Ledger.open(archive, site).close()
        kept = f"; what stood there is {aside[-1]}" if aside else ""
        yield Done(name, f"rebuilt from the archive, all else is asked of the site anew{kept}")
        faults = list(check_ledger(archive, path, site, index, Checked()))
    if any(fault.kind == "disagrees" for fault in faults):
        yield from _bring_to_archive(archive, index, path, site)
    with at_rest(path) as is_alone:
        if is_alone and not seal_file(path).exists() and seal(path):
            yield Done(name, "sealed")


def _bring_to_archive(archive: Archive, index: Index, path: Path, site: str) -> Iterator[Done]:
    """Make the ledger say of the stories what the archive says."""
    name, found = name_of(archive, path), {}
    with attached(index, path) as connection:
        for select in (PLACELESS, MISPLACED, ADDRESSLESS, PLACE_OF_NONE, LOST):
            found[select] = connection.execute(select, {"site": site} if ":site" in select else {}).fetchall()
        gone = [(url,) for url, _ in compare_raw_places(archive, connection)]
    is_settled = not any(archive.inbox_dir.glob("*.jsonl"))
    with closing(connect(path, MIGRATIONS)) as ledger, transaction(ledger):
        put = "INSERT OR REPLACE INTO stories (story_id, date, section) VALUES (?, ?, ?)"
        ledger.executemany(put, [row[:3] for row in found[PLACELESS]])
        ledger.executemany(put, [(row[0], *row[3:5]) for row in found[MISPLACED]])
        ledger.executemany("UPDATE urls SET raw_file = NULL, raw_offset = NULL WHERE url = ?", gone)
        if is_settled:
            ledger.executemany("DELETE FROM stories WHERE story_id = ?", [row[:1] for row in found[PLACE_OF_NONE]])
            forget = """
                    UPDATE urls SET status = NULL, etag = NULL, last_modified = NULL, payload_sha256 = NULL,
                    raw_file = NULL, raw_offset = NULL, raw_fetched_at = NULL, content_hash = NULL, next_visit = NULL
                    WHERE url = ?
                """
            ledger.executemany(forget, [row[1:2] for row in found[LOST]])
            add_addresses(ledger, archive, site, {row[0] for row in found[ADDRESSLESS]})
    if gone:
        yield Done(name, f"{len(gone)} places of raw pages taken out that are not there")
    for select, what in _SAID.items():
        if found[select] and (is_settled or select in (PLACELESS, MISPLACED)):
            lost = Fault(name, f"{len(found[select])} stories lost", "missing") if select == LOST else None
            yield Done(name, f"{len(found[select])} {what}", lost)


_SAID = {
    PLACELESS: "places entered",
    MISPLACED: "places put right",
    ADDRESSLESS: "addresses entered",
    PLACE_OF_NONE: "places of no story taken out",
    LOST: "stories that the archive has lost are fetched again by the next crawl",
}


def _repair_removed(archive: Archive, path: Path, site: str, *, is_damaged: bool) -> Iterator[Done]:
    """Write the text file of take-downs anew from its good lines and the ledger."""
    file = removed_file(archive, site)
    with storage_errors(file):
        lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
    good = [line for line in lines if (removed := parse_removed(line)) and format_removed(removed) == line]
    held: list[bytes] = []
    if path.exists() and not is_damaged:
        with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as ledger:
            held = [format_removed(each) for each in held_removed(ledger)]
    # The ledger is sealed: where the two differ, it is the one to believe.
    content = b"".join(held or good)
    if content == b"".join(lines) or (held and set(held) == set(lines)):
        return
    lost = None if held else Fault(name_of(archive, file), f"{len(lines) - len(good)} lines lost", "damaged")
    for done in _replace(archive, file, content, "written anew from the ledger" if held else "bad lines taken out"):
        yield Done(done.file, done.what, lost)


# Run records


def _repair_runs(archive: Archive) -> Iterator[Done]:
    for fault in list(check_runs(archive, Checked())):
        path = archive.root / fault.file
        with suppress(OSError, ValueError, RecursionError):
            if isinstance(record := json.loads(path.read_bytes()), dict) and "sha256" not in record:
                continue  # of an older archiver: `migrate` has to be told
        lost = None if fault.kind == "unknown" else fault
        yield Done(fault.file, f"{fault.what}: set aside as {set_aside(archive, path)}", lost)
