"""Run records as a table: what each crawl saw, published and lost."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from archiver.store.archive import Archive
from archiver.views import RUNS

logger = logging.getLogger(__name__)


def read_runs(archive: Archive) -> pa.Table:
    """Return a row a crawl, in order of time. A record that cannot be read is left out, with a warning in the log."""
    records = [record for path in sorted(archive.runs_dir.glob("*.json")) if (record := _read(path)) is not None]
    return pa.Table.from_batches(records, schema=RUNS).combine_chunks() if records else RUNS.empty_table()


def _read(path: Path) -> pa.RecordBatch | None:
    try:
        record = json.loads(path.read_bytes())
        return pa.RecordBatch.from_pylist([{name: _to_arrow(name, record.get(name)) for name in RUNS.names}], RUNS)
    except (OSError, ValueError, TypeError, AttributeError, pa.ArrowException) as error:
        logger.warning("%s is left out, `archiver verify` says more: %s", path, error)
        return None


def _to_arrow(name: str, value: Any) -> Any:
    kind = RUNS.field(name).type
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(value) if value else None
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        return value and [{part.name: each.get(part.name) for part in kind.value_type} for each in value]
    if name == "arguments":
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if pa.types.is_map(kind):
        is_text = pa.types.is_string(kind.item_type)
        return [(key, str(part) if is_text else part) for key, part in (value or {}).items()]
    return value
