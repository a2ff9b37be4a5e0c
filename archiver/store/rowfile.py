"""Rows of a partition that are never in memory all at once: a published file by row group, new rows on the disk."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from archiver.schema import ROWS_A_GROUP
from archiver.store.archive import check_schema, damage_errors, storage_errors

SPOOLED: Final = 1 << 20
"""Bytes of new rows that are kept in memory before a file is made for them."""
_HELD: Final = 2
"""Row groups that are kept decoded: the rows of a partition are asked for about in the order in which they stand."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows that can be had again at any time, as the same table."""

    rows: int
    load: Callable[[], pa.Table]


class StoredRows:
    """A published file, read a row group at a time, every page against its checksum. Made by `open_rows`."""

    def __init__(self, path: Path, schema: pa.Schema, file: pq.ParquetFile) -> None:
        self._path, self._schema, self._file = path, schema, file
        self._held: dict[int, pa.Table] = {}
        self.pieces = [self._piece(number) for number in range(file.metadata.num_row_groups)]

    def _piece(self, number: int) -> Piece:
        return Piece(self._file.metadata.row_group(number).num_rows, lambda: self._load(number))

    def _load(self, number: int) -> pa.Table:
        if (table := self._held.get(number)) is None:
            while len(self._held) >= _HELD:
                del self._held[next(iter(self._held))]
            with damage_errors(self._path):
                table = self._held[number] = self._decode(number)
        return table

    def _decode(self, number: int) -> pa.Table:
        table = self._file.read_row_group(number, use_threads=False)
        table.validate(full=True)
        # The footer has no checksum, and one bit of its row count makes rows vanish; the count stands there three times.
        group = self._file.metadata.row_group(number)
        counts = (table.num_rows, group.num_rows, group.column(0).num_values)
        if len(set(counts)) > 1:
            raise ValueError(f"the footer's counts of rows differ: {counts}")
        # With our own metadata: descriptions may have been reworded since, and reading adds field ids.
        return pa.Table.from_arrays(table.columns, schema=self._schema)

    def close(self) -> None:
        self._held.clear()
        self._file.close()


@contextmanager
def open_rows(path: Path, schema: pa.Schema) -> Iterator[Sequence[Piece]]:
    """Open a published file; one that does not exist has no rows. DamagedFileError where it is none of that schema.

    Opening reads no row: a piece that is damaged says so, with DamagedFileError, when it is loaded.
    """
    with storage_errors(path):
        file = path.open("rb") if path.exists() else None
    if file is None:
        yield ()
        return
    with file:
        with damage_errors(path):
            parquet = pq.ParquetFile(file, page_checksum_verification=True)
            check_schema(parquet.schema_arrow, schema, path)
            groups = sum(parquet.metadata.row_group(number).num_rows for number in range(parquet.num_row_groups))
            if groups != parquet.metadata.num_rows:
                raise ValueError(f"the footer's counts of rows differ: {(groups, parquet.metadata.num_rows)}")
        rows = StoredRows(path, schema, parquet)
        try:
            yield rows.pieces
        finally:
            rows.close()


class NewRows:
    """Tables put by until they are needed. All but the last are on the disk once they are many."""

    def __init__(self, folder: Path) -> None:
        """`folder` takes the file, which has no name there."""
        self._file = SpooledTemporaryFile(SPOOLED, dir=str(folder))  # noqa: SIM115 - `close` closes it
        self._last: tuple[int, pa.Table] | None = None
        self._places: list[tuple[int, int]] = []

    def add(self, table: pa.Table) -> Piece:
        """Put a table by. OSError where the disk is full."""
        if self._last is not None:
            self._places.append(self._write(self._last[1]))
        number = len(self._places)
        self._last = number, table
        return Piece(table.num_rows, lambda: self._load(number))

    def _write(self, table: pa.Table) -> tuple[int, int]:
        start = self._file.seek(0, 2)
        with pa.ipc.new_stream(self._file, table.schema, options=_COMPRESSED) as writer:
            writer.write_table(table)
        return start, self._file.tell() - start

    def _load(self, number: int) -> pa.Table:
        if self._last is not None and self._last[0] == number:
            return self._last[1]
        start, size = self._places[number]
        self._file.seek(start)
        return pa.ipc.open_stream(self._file.read(size)).read_all()

    def close(self) -> None:
        self._last = None
        self._file.close()


_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")


def read_columns(pieces: Iterable[Piece], schema: pa.Schema) -> pa.Table:
    """Return the columns of `schema`, of all rows. Each piece is loaded whole once: damage anywhere in it shows."""
    tables = [pa.Table.from_arrays(piece.load().select(schema.names).columns, schema=schema) for piece in pieces]
    return pa.concat_tables([schema.empty_table(), *tables])


def read_rows(pieces: Sequence[Piece], numbers: Sequence[int]) -> pa.Table:
    """Return rows by their numbers, counted over all pieces, in the order given. There must be one."""
    starts = list(accumulate((piece.rows for piece in pieces), initial=0))
    owners = [bisect_right(starts, number) - 1 for number in numbers]
    touched = sorted(set(owners))
    if len(touched) > _FEW:
        return _read_from_many(pieces, starts, numbers)
    tables = [pieces[owner].load() for owner in touched]
    begins = dict(zip(touched, accumulate((table.num_rows for table in tables), initial=0), strict=False))
    places = [number - starts[owner] + begins[owner] for number, owner in zip(numbers, owners, strict=True)]
    table = pa.concat_tables(tables)
    runs = _find_runs(places)
    if len(runs) > _MOST_RUNS:
        return table.take(places)
    return pa.concat_tables([table.slice(start, length) for start, length in runs])


_FEW: Final = _HELD + 1
"""So many pieces are held whole while rows are cut out of them."""
_MOST_RUNS: Final = 8
"""Up to so many runs of rows are cut out and put together, in a third of the time that picking them takes."""


def _read_from_many(pieces: Sequence[Piece], starts: Sequence[int], numbers: Sequence[int]) -> pa.Table:
    """Copy rows out of one piece after the other: what is cut out would hold each of them whole."""
    taken: dict[int, list[int]] = {}
    for position, number in enumerate(numbers):
        taken.setdefault(bisect_right(starts, number) - 1, []).append(position)
    parts, order = [], []
    for piece, positions in sorted(taken.items()):
        parts.append(pieces[piece].load().take([numbers[position] - starts[piece] for position in positions]))
        order += positions
    table = pa.concat_tables(parts)
    in_order = range(len(order))
    return table if order == list(in_order) else table.take(sorted(in_order, key=order.__getitem__))


def _find_runs(places: Iterable[int]) -> list[tuple[int, int]]:
    """Return start and length of each run of numbers that follow each other."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and sum(runs[-1]) == place:
            runs[-1] = runs[-1][0], runs[-1][1] + 1
        else:
            runs.append((place, 1))
    return runs


def iter_groups(pieces: Sequence[Piece], numbers: pa.Array) -> Iterator[pa.Table]:
    """Return rows as `read_rows` does, as many at a time as make a row group."""
    for start in range(0, len(numbers), ROWS_A_GROUP):
        yield read_rows(pieces, numbers.slice(start, ROWS_A_GROUP).to_pylist())
