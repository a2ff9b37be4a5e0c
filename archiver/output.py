"""The answer to a query, written as a table, CSV, JSON or Parquet: batch by batch, so that no answer is too long."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, time
from itertools import islice
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from rich.text import Text

SHOWN_ROWS = 100
"""Rows that a terminal shows of an answer."""

LEAST_WIDTH = 9
"""Characters below which a column cannot be read."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")


def write_csv(reader: pa.RecordBatchReader, out: IO[str]) -> None:
    """Write CSV with a header. Nulls are empty, times ISO 8601, lists and structs JSON; text is made safe for spreadsheets."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([escape_formula(name) for name in reader.schema.names])
    for row in _rows(reader):
        writer.writerow([_to_cell(value) for value in row])


def escape_formula(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: one that begins as a formula does gets an apostrophe before it.

    A formula begins with `=`, `+`, `-` or `@`, after white space or a control character too (OWASP, "CSV Injection"). Text
    that is a plain number stays.

    >>> [escape_formula(text) for text in ("=cmd|' /C calc'!A0", "-2+3", "-12.5", "\\t=1", " @SUM(A1)", "a=b")]
    ["'=cmd|' /C calc'!A0", "'-2+3", '-12.5', "'\\t=1", "' @SUM(A1)", 'a=b']
    """
    is_risky = text[:1] in ("\t", "\r", "\n") or text.lstrip()[:1] in ("=", "+", "-", "@", "＝", "＋", "－", "＠")
    return f"'{text}" if text and is_risky and not _NUMBER.fullmatch(text) else text


def write_jsonl(reader: pa.RecordBatchReader, out: IO[str]) -> None:
    """Write one JSON object a row."""
    for row in _rows(reader):
        out.write(_to_json(dict(zip(reader.schema.names, row, strict=True))) + "\n")


def write_json(reader: pa.RecordBatchReader, out: IO[str]) -> None:
    """Write one JSON list of objects."""
    out.write("[")
    for number, row in enumerate(_rows(reader)):
        out.write((",\n " if number else "\n ") + _to_json(dict(zip(reader.schema.names, row, strict=True))))
    out.write("\n]\n")


def write_parquet(reader: pa.RecordBatchReader, out: IO[str]) -> None:
    """Write a Parquet file to the bytes below a text stream."""
    out.flush()
    with pq.ParquetWriter(out.buffer, reader.schema, compression="zstd", write_page_checksum=True) as writer:  # type: ignore[attr-defined]
        for batch in reader:
            writer.write_batch(batch)


def write_table(reader: pa.RecordBatchReader, out: IO[str]) -> None:
    """Draw a table of the first rows, or a block a row where the columns are too many; a line below says if there are more."""
    console = Console(file=out, highlight=False)
    rows = list(islice(_rows(reader), SHOWN_ROWS + 1))
    shown = [[Text("·" if value is None else _shorten(_to_text(value))) for value in row] for row in rows[:SHOWN_ROWS]]
    if len(reader.schema) * LEAST_WIDTH > console.width:
        _draw_blocks(console, reader.schema, shown)
    else:
        _draw_table(console, reader.schema, shown)
    if len(rows) > SHOWN_ROWS:
        console.print(
            f"The first {SHOWN_ROWS} rows: LIMIT and OFFSET give others, a pipe or a file gets all.", style="dim"
        )


def _draw_table(console: Console, schema: pa.Schema, rows: Sequence[Sequence[Text]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for field in schema:
        is_number = any(of(field.type) for of in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal))
        table.add_column(Text(field.name), justify="right" if is_number else "left", overflow="fold", min_width=4)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _draw_blocks(console: Console, schema: pa.Schema, rows: Sequence[Sequence[Text]]) -> None:
    for number, row in enumerate(rows, start=1):
        console.rule(Text(str(number), style="dim"), align="left")
        block = Table(box=None, show_header=False, pad_edge=False)
        block.add_column(style="bold", no_wrap=True)
        block.add_column(overflow="fold")
        for name, cell in zip(schema.names, row, strict=True):
            block.add_row(Text(name), cell)
        console.print(block)


WRITERS: dict[str, Callable[[pa.RecordBatchReader, IO[str]], None]] = {
    "table": write_table,
    "csv": write_csv,
    "json": write_json,
    "jsonl": write_jsonl,
    "parquet": write_parquet,
}


def _rows(reader: pa.RecordBatchReader) -> Iterator[tuple[Any, ...]]:
    for batch in reader:
        columns = [column.to_pylist(maps_as_pydicts="lossy") for column in batch.columns]
        yield from zip(*columns, strict=True)


def _shorten(text: str) -> str:
    """A cell of a table is a line or a few, not a body; and no text of a site gives commands to the terminal."""
    shown = _CONTROL.sub("\ufffd", text[:300])
    return shown if len(text) <= 300 else shown[:-1] + "…"


def _to_cell(value: Any) -> Any:
    if isinstance(value, str):
        return escape_formula(value)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else _to_text(value)


def _to_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (bool, list, dict)):
        return _to_json(value)
    return _to_plain(value) if isinstance(value, (date, time, bytes)) else str(value)


def _to_plain(value: Any) -> str:
    """A value that JSON has no kind for, as text."""
    if isinstance(value, (date, time)):  # a datetime is a date too
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)


def _to_json(value: Any) -> str:
    return json.dumps(_without_nan(value), ensure_ascii=False, default=_to_plain)


def _without_nan(value: Any) -> Any:
    """JSON has neither NaN nor infinity, and Python would write them all the same."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _without_nan(part) for key, part in value.items()}
    return value
