"""What stands beside the tables checked: ledgers and take-downs, the inbox, the run records."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

from archiver.store.archive import Archive, StorageError
from archiver.store.check_tables import RawHeads
from archiver.store.faults import Checked, Fault, Index, name_of
from archiver.store.inbox import read_inbox, taken_inbox
from archiver.store.ledgerfile import ledger_file
from archiver.store.raw_read import iter_records, raw_dir
from archiver.store.removed import format_removed, parse_removed
from archiver.store.seal import at_rest, check_json, is_checkpointed, seal_file, seal_line, wal_of
from archiver.store.sqlite import address_to_read
from archiver.store.tables import MIGRATIONS, to_stamp
from archiver.store.told import is_alive
from archiver.store.wal import check_wal
from archiver.urls import site_of


def check_inbox(archive: Archive, checked: Checked) -> Iterator[Fault]:
    """Name the inbox files that no crawl is writing: they wait to be published. Their lines are read."""
    for path in sorted(archive.inbox_dir.glob("*")):
        name = name_of(archive, path)
        if path == archive.damaged_dir:
            _note_aside(archive, path, checked)
            continue
        if path == archive.held_dir:
            yield from _check_held_back(archive, checked)
            continue
        if path.suffix != ".jsonl":
            yield Fault(name, "nothing names this file", "unknown")
            continue
        try:
            with taken_inbox(path):
                stories, faults = read_inbox(path)
        except BlockingIOError:
            checked.notes.append(f"{name}: a crawl is writing it")
            continue
        except FileNotFoundError:  # just published
            continue
        except OSError as error:
            yield Fault(name, error.strerror or str(error), "damaged")
            continue
        checked.counts["inbox_files"] += 1
        if is_alive(archive, path.stem):
            checked.notes.append(f"{name}: its crawl waits to publish it")
        else:
            yield Fault(name, f"{len(stories)} stories not published yet: `archiver publish`", "left-over")
        for fault in faults:
            yield Fault(name, fault, "damaged")


def check_journals(archive: Archive) -> Iterator[Fault]:
    """Name what a killed process wrote down of its work, and has not finished. To be called while nobody publishes."""
    moves, removals = archive.state_dir / "moves.jsonl", archive.state_dir / "removals"
    if moves.exists():
        yield Fault(name_of(archive, moves), "stories half moved: `archiver publish` finishes it", "left-over")
    for path in sorted(removals.glob("*.json")):
        what = "a take-down half done: `archiver verify --repair`, or the next `archiver remove`, finishes it"
        yield Fault(name_of(archive, path), what, "left-over")


def _check_held_back(archive: Archive, checked: Checked) -> Iterator[Fault]:
    """Read the stories that an alarm holds back. That they are there is no fault: they wait for a person."""
    for path in sorted(archive.held_dir.glob("*")):
        name = name_of(archive, path)
        if path.suffix != ".jsonl":
            yield Fault(name, "nothing names this file", "unknown")
            continue
        try:
            stories, faults = read_inbox(path)
        except OSError as error:
            yield Fault(name, error.strerror or str(error), "damaged")
            continue
        checked.counts["held_stories"] += len(stories)
        checked.notes.append(f"{name}: {len(stories)} stories are held back by an alarm: `archiver status` says why")
        yield from (Fault(name, fault, "damaged") for fault in faults)


def enter_held(archive: Archive, index: Index) -> None:
    """Enter the stories that are held back into the index: ledgers know them, the archive does not."""
    for path in sorted(archive.held_dir.glob("*.jsonl")):
        with suppress(OSError):  # `check_inbox` says so
            index.add_held(read_inbox(path)[0])


def _note_aside(archive: Archive, folder: Path, checked: Checked) -> None:
    if number := sum(path.is_file() for path in folder.rglob("*")):
        checked.notes.append(f"{name_of(archive, folder)}: {number} files that were set aside")


def check_runs(archive: Archive, checked: Checked) -> Iterator[Fault]:
    """Check every run record against the digest that it holds."""
    for path in sorted(archive.runs_dir.glob("*")):
        name = name_of(archive, path)
        if path.suffix != ".json":
            yield Fault(name, "nothing names this file", "unknown")
            continue
        checked.counts["run_records"] += 1
        try:
            if what := check_json(path.read_bytes()):
                yield Fault(name, what, "damaged")
        except OSError as error:
            yield Fault(name, error.strerror or str(error), "damaged")


def ledgers_of(archive: Archive, index: Index) -> dict[Path, str | None]:
    """Return every ledger that there is or should be, and its site; None where no archived story and no name tells it."""
    ledgers: dict[Path, str | None] = {}
    for path in sorted(archive.state_dir.glob("*.sqlite")):
        site = unquote(path.stem)
        ledgers[path] = site if ledger_file(archive, site) == path else None
    sites = [*index.sites, *_sites_of_raw(archive, [path.stem for path in ledgers])]
    return ledgers | {ledger_file(archive, site): site for site in sites}


def _sites_of_raw(archive: Archive, ledgers: Collection[str]) -> Iterator[str]:
    """Return the sites that have raw pages and no ledger: a crawl makes one before it asks for its first page."""
    for path in sorted(raw_dir(archive).glob("*/*.warc.gz")):
        if not any(path.name.startswith(f"{name}-") for name in ledgers):
            with suppress(StorageError, ValueError):
                yield from (site_of(record.url) for record in islice(iter_records(path), 1))


def check_ledgers(archive: Archive, index: Index, checked: Checked) -> Iterator[Fault]:
    """Check every ledger: its bytes, in itself, and against the stories in the index and the take-downs' text files."""
    if archive.state_dir.is_dir():
        _note_aside(archive, archive.state_dir / "damaged", checked)
    for path, site in sorted(ledgers_of(archive, index).items()):
        yield from check_ledger(archive, path, site, index, checked)


def check_ledger(archive: Archive, path: Path, site: str | None, index: Index, checked: Checked) -> Iterator[Fault]:
    """Check one ledger. While a crawl has it, or stories of its site wait in the inbox, less can be told."""
    name = name_of(archive, path)
    removed = path.with_suffix(".removed.jsonl")
    if removed.exists():
        yield from _check_removed_lines(archive, removed)
    if not path.exists():
        yield Fault(name, f"is not there, but pages of {site} are", "missing")
        return
    checked.counts["ledgers"] += 1
    with ExitStack() as stack:
        is_alone = True
        with suppress(OSError):  # a folder that cannot be written has no writers either
            is_alone = stack.enter_context(at_rest(path))
        if not is_alone:
            checked.notes.append(f"{name}: in use, its bytes and its agreement with the archive were not checked")
        try:
            if is_alone:
                yield from _check_seal(archive, path, checked)
            connection = stack.enter_context(attached(index, path, is_alone=is_alone))
            yield from _check_held(archive, path, site, connection, checked, is_alone)
        except (OSError, sqlite3.DatabaseError, UnicodeDecodeError, OverflowError) as error:
            yield Fault(name, str(error), "damaged")  # UnicodeDecodeError: where SQLite quotes what is damaged


@contextmanager
def attached(index: Index, path: Path, *, is_alone: bool = False) -> Iterator[sqlite3.Connection]:
    """Have a ledger beside the index, as the schema `ledger`, to read only. `is_alone`: nobody else has it open."""
    address = address_to_read(path, is_still=is_alone and is_checkpointed(path))
    index.connection.execute("ATTACH ? AS ledger", (address,))
    try:
        yield index.connection
    finally:
        index.connection.execute("DETACH ledger")


def _check_held(
    archive: Archive, path: Path, site: str | None, connection: sqlite3.Connection, checked: Checked, is_alone: bool
) -> Iterator[Fault]:
    name = name_of(archive, path)
    (version,) = connection.execute("PRAGMA ledger.user_version").fetchone()
    broken = [text for (text,) in connection.execute("PRAGMA ledger.integrity_check(20)") if text != "ok"]
    yield from (Fault(name, what, "damaged") for what in broken)
    if version > len(MIGRATIONS):
        yield Fault(name, f"written by a newer archiver, or damaged (ledger version {version})", "damaged")
    elif version < len(MIGRATIONS):
        yield Fault(name, f"of ledger version {version}: `archiver migrate`", "older")
    elif not broken:
        # A story that waits in the inbox stands in the ledger, and not yet in the archive.
        is_settled = is_alone and not any(archive.inbox_dir.glob("*.jsonl"))
        for what in _compare_ledger(archive, path, site, connection, checked, is_alone, is_settled):
            yield Fault(name, what, "disagrees")


def _check_seal(archive: Archive, path: Path, checked: Checked) -> Iterator[Fault]:
    try:
        line = seal_file(path).read_bytes()
    except FileNotFoundError:
        is_left = not is_checkpointed(path)
        if is_left and (what := check_wal(wal_of(path))):
            yield Fault(name_of(archive, wal_of(path)), what, "damaged")
        why = f"closed by a kill, {wal_of(path).name} is left" if is_left else "not sealed since it was written last"
        checked.notes.append(f"{name_of(archive, path)}: {why}, so not every flipped bit would show")
        return
    checked.counts["sealed"] += 1
    if line != seal_line(path):
        yield Fault(name_of(archive, path), f"not the digest that {seal_file(path).name} says", "damaged")


# Against the archive

_NOT_ARCHIVED = """
    NOT EXISTS (SELECT 1 FROM archived a WHERE a.story_id = l.story_id)
    AND NOT EXISTS (SELECT 1 FROM held h WHERE h.story_id = l.story_id)
"""
PLACELESS = """
    SELECT story_id, date, section FROM archived a
    WHERE site = :site AND NOT EXISTS (SELECT 1 FROM ledger.stories l WHERE l.story_id = a.story_id)
"""
MISPLACED = """
    SELECT l.story_id, l.date, l.section, a.date, a.section FROM ledger.stories l JOIN archived a USING (story_id)
    WHERE (l.date, l.section) != (a.date, a.section)
"""
ADDRESSLESS = """
    SELECT story_id, url FROM archived a
    WHERE site = :site AND EXISTS (SELECT 1 FROM ledger.urls)
    AND NOT EXISTS (SELECT 1 FROM ledger.urls l WHERE l.url = a.url)
    AND NOT EXISTS (SELECT 1 FROM ledger.urls l WHERE l.story_id = a.story_id)
"""
PLACE_OF_NONE = f"""
    SELECT story_id, date, section FROM ledger.stories l
    WHERE {_NOT_ARCHIVED} AND NOT EXISTS (SELECT 1 FROM unread u WHERE (u.date, u.section) = (l.date, l.section))
"""  # noqa: S608 - conditions of ours
LOST = f"""
    SELECT story_id, url FROM ledger.urls l
    WHERE kind = 'story' AND content_hash IS NOT NULL AND story_id IS NOT NULL AND {_NOT_ARCHIVED}
    AND NOT EXISTS (
        SELECT 1 FROM ledger.stories s JOIN unread u ON (u.date, u.section) = (s.date, s.section)
        WHERE s.story_id = l.story_id
    )
"""  # noqa: S608 - conditions of ours
_SETTLED_OR_NOT = {
    "story {} has no place, and stands in date={}/section={}": PLACELESS,
    "story {} has its place in date={}/section={}, and stands in date={}/section={}": MISPLACED,
}
_SETTLED = {
    "story {} at {} has no address here": ADDRESSLESS,
    "story {} has its place in date={}/section={}, where no story is": PLACE_OF_NONE,
    "story {} of {} counts as archived, and is not": LOST,
}


def _compare_ledger(
    archive: Archive,
    path: Path,
    site: str | None,
    connection: sqlite3.Connection,
    checked: Checked,
    is_alone: bool,
    is_settled: bool,
) -> Iterator[str]:
    """Compare an attached ledger with the index. While it is in use, or stories wait in the inbox, less can be told."""
    checked.counts["addresses"] += connection.execute("SELECT count(*) FROM ledger.urls").fetchone()[0]
    for what, select in (_SETTLED_OR_NOT | (_SETTLED if is_settled else {})).items():
        yield from (
            what.format(*row) for row in connection.execute(select, {"site": site} if ":site" in select else ())
        )
    if not is_alone:
        return
    yield from (f"{url}: {what}" for url, what in compare_raw_places(archive, connection))
    yield from _compare_removed(path, connection)


def compare_raw_places(archive: Archive, connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Return the addresses whose raw record does not stand where an attached ledger says, and why."""
    heads = RawHeads(archive)
    raw = "SELECT url, raw_file, raw_offset, payload_sha256 FROM ledger.urls WHERE raw_file IS NOT NULL"
    for url, raw_file, offset, sha256 in connection.execute(f"{raw} ORDER BY raw_file, raw_offset"):
        if what := heads.compare(str(raw_file), offset, sha256):
            yield str(url), what
    heads.close()


def _compare_removed(path: Path, connection: sqlite3.Connection) -> Iterator[str]:
    """The take-downs stand in the ledger and in a text file: each tells of a flipped bit in the other."""
    file = path.with_suffix(".removed.jsonl")
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        lines = []
    parsed = [each for each in map(parse_removed, lines) if each]
    told = {(each.url, each.story_id, each.why, to_stamp(each.at)) for each in parsed}
    held = set(connection.execute("SELECT url, story_id, why, at FROM ledger.removed"))
    for url, *_ in sorted(held - told, key=str):
        yield f"take-down of {url}: not so in {file.name}"
    for url in sorted({row[0] for row in told} - {row[0] for row in held}):
        yield f"take-down of {url}: only in {file.name}"


def _check_removed_lines(archive: Archive, path: Path) -> Iterator[Fault]:
    try:
        content = path.read_bytes()
    except OSError as error:
        yield Fault(name_of(archive, path), error.strerror or str(error), "damaged")
        return
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        removed = parse_removed(line)
        if removed is None or format_removed(removed) != line:
            yield Fault(name_of(archive, path), f"line {number} is not as it was written", "damaged")
