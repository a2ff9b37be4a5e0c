"""A table of the archive as one data set: which files hold the days and sections asked for, each opened once.

The files are named before they are read, so that one day and section of a year costs one file, and so that a file that
publishing replaces meanwhile is read whole as it was or whole as it is: Arrow opens each once.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import fs

from archiver.store.archive import DamagedFileError

_T = TypeVar("_T")

ATTEMPTS = 5
"""How often a table is listed anew where a file of it went while it was read: a story was taken down, or moved."""

_FORMAT = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
)
_LOCAL = fs.LocalFileSystem()


@dataclass(frozen=True, slots=True)
class Place:
    """One partition and its file. `section` is None in a table that is partitioned by date alone."""

    date: date
    section: str | None
    file: str


def list_places(
    folder: Path,
    *,
    since: date | None = None,
    until: date | None = None,
    sections: Collection[str] | None = None,
    by_section: bool = True,
) -> list[Place]:
    """Return the partitions of a table, both days included, in order of date and section. No file is opened."""
    name = f"{folder.name}.parquet"
    found: list[Place] = []
    for day, path in _list_keys(folder, "date"):
        try:
            day_date = date.fromisoformat(day)
        except ValueError:  # no folder of ours
            continue
        if (since and day_date < since) or (until and day_date > until):
            continue
        if not by_section:
            found.append(Place(day_date, None, f"{path}/{name}"))
        elif sections is not None:
            found += [Place(day_date, each, f"{path}/section={each}/{name}") for each in sorted(sections)]
        else:
            found += [Place(day_date, section, f"{inner}/{name}") for section, inner in _list_keys(path, "section")]
    return [place for place in found if os.path.isfile(place.file)]  # noqa: PTH113 - a Path for each of 3,000 takes longer


def list_sections(folder: Path) -> list[str]:
    """Return the sections that a table has on any day."""
    return sorted({section for _, path in _list_keys(folder, "date") for section, _ in _list_keys(path, "section")})


def _list_keys(folder: Path | str, key: str) -> list[tuple[str, str]]:
    """Value and path of each `key=value` folder, sorted; none where `folder` is not there."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (entry.name.partition("=")[2], entry.path) for entry in entries if entry.name.startswith(f"{key}=")
            )
    except (FileNotFoundError, NotADirectoryError):
        return []


def open_dataset(places: Collection[Place], schema: pa.Schema) -> ds.Dataset:
    """Return the partitions as one data set of columns `schema`, of which the partition keys come from the path."""
    return ds.FileSystemDataset.from_paths(
        [place.file for place in places],
        schema=schema,
        format=_FORMAT,
        filesystem=_LOCAL,
        partitions=list(_conditions(places)),
    )


class LiveTable(ds.FileSystemDataset):  # type: ignore[misc]  # pyarrow has no types
    """A table as it stands whenever it is scanned: its files are listed and opened anew each time.

    A data set of Arrow's own keeps the footers that it has read, and takes those of a file since replaced for the new one's.
    """

    def __init__(self, schema: pa.Schema, list_now: Callable[[], list[Place]]) -> None:
        super().__init__([], schema, _FORMAT, _LOCAL)
        self._list_now = list_now

    def scanner(self, **how: Any) -> ds.Scanner:
        # Kept, the footers of 2,920 files would take 450 MB.
        return open_dataset(self._list_now(), self.schema).scanner(cache_metadata=False, **how)


def _conditions(places: Collection[Place]) -> Iterator[ds.Expression]:
    day, section = ds.field("date"), ds.field("section")
    sections = {name: section == name for name in {place.section for place in places} if name is not None}
    days = {each: day == pa.scalar(each, pa.date32()) for each in {place.date for place in places}}
    for place in places:
        yield days[place.date] if place.section is None else days[place.date] & sections[place.section]


def read_steadily(folder: Path, read: Callable[[], _T]) -> _T:
    """Read, and list and read again where a file went meanwhile; DamagedFileError where one cannot be read back."""
    for _ in range(ATTEMPTS):
        try:
            return read()
        except FileNotFoundError as error:
            missing = error
        except (pa.ArrowException, OSError) as error:
            code = getattr(error, "errno", None) or errno.EIO
            raise DamagedFileError(code, f"Cannot be read, restore it from a copy: {error}", str(folder)) from error
    raise DamagedFileError(errno.ENOENT, f"Files vanish while they are read: {missing}", str(folder)) from missing
