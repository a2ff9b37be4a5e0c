"""The raw files checked, to their last record."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archiver.store.archive import Archive, StorageError
from archiver.store.faults import Checked, Fault, name_of
from archiver.store.raw_read import digest_file, raw_dir
from archiver.store.raw_repair import check_raw_file, is_being_written

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def check_raw(archive: Archive, checked: Checked) -> Iterator[Fault]:
    """Check every raw file that no crawl is writing, and name what is none."""
    for folder in sorted(raw_dir(archive).glob("*")):
        if not (_DAY.fullmatch(folder.name) and folder.is_dir()):
            yield Fault(name_of(archive, folder), "nothing names this file", "unknown")
            continue
        for path in sorted(folder.iterdir()):
            name = name_of(archive, path)
            if path.name.endswith(".warc.gz"):
                yield from _check_file(archive, checked, name)
            elif not path.name.endswith(".warc.gz.sha256"):
                yield Fault(name, "nothing names this file", "unknown")
            elif not path.with_name(path.name.removesuffix(".sha256")).exists():
                yield Fault(name, "its raw file is not there", "missing")


def _check_file(archive: Archive, checked: Checked, name: str) -> Iterator[Fault]:
    path = archive.root / name
    try:
        if is_being_written(path):
            checked.notes.append(f"{name}: a crawl is writing it")
            return
        is_closed = digest_file(path).exists()
    except StorageError as error:
        yield Fault(name, str(error.strerror), "damaged")
        return
    checked.counts["raw_files"] += 1
    if not is_closed:
        what = (
            "left open by a crawl that was killed: the next crawl of its site closes it, or `archiver verify --repair`"
        )
        yield Fault(name, what, "left-over")
        return
    for fault in check_raw_file(path):
        yield Fault(name, fault.removeprefix(f"{path}: "), "damaged")
