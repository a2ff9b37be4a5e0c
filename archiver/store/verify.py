"""The whole archive checked: each fault is named with its file. Nothing is written, but for lock files.

What is read at a time is one partition, one record of a raw file, one page of a ledger. What it cannot find: a bit of a
ledger that has no seal (one that was killed, or grew large and was only published into) in a value that the archive does
not also have, such as a validator or the time of a visit; and one in the last frame of the WAL that a kill left, which
reads as torn. The next crawl of the site, or `--repair`, closes such a ledger and seals it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from archiver.store.archive import Archive, locked
from archiver.store.check_raw import check_raw
from archiver.store.check_state import check_inbox, check_journals, check_ledgers, check_runs, enter_held
from archiver.store.check_tables import check_tables
from archiver.store.faults import Checked, Fault, open_index


def verify(archive: Archive, checked: Checked) -> Iterator[Fault]:
    """Name every fault of an archive, and count in `checked` what was looked at. Publishing waits meanwhile."""
    with _unpublished(archive):
        yield from check_journals(archive)
        yield from check_inbox(archive, checked)
        with open_index() as index:
            enter_held(archive, index)
            yield from check_tables(archive, index, checked)
            yield from check_ledgers(archive, index, checked)
    yield from check_runs(archive, checked)
    yield from check_raw(archive, checked)


@contextmanager
def _unpublished(archive: Archive) -> Iterator[None]:
    """Keep publishers out: between two of their writes the tables say one thing, and the manifest another."""
    lock = archive.state_dir / "publish.lock"
    if not lock.exists():  # nothing was ever published
        yield
        return
    try:
        context = locked(lock, fcntl.LOCK_SH)
        context.__enter__()
    except PermissionError:  # whoever may only read has to take what comes
        yield
        return
    try:
        yield
    finally:
        context.__exit__(None, None, None)
