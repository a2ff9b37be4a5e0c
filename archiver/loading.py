"""The archive in a notebook: `archiver.load` and `archiver.connect`."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from archiver.schema import LINEAGE_COLUMNS, REVISION_COLUMNS, STORY_COLUMNS
from archiver.store.archive import Archive
from archiver.store.dataset import LiveTable, list_places, list_sections, open_dataset, read_steadily
from archiver.store.run_table import read_runs
from archiver.views import BASE_VIEWS, DERIVED_VIEWS, comment_statements, derived_statement

if TYPE_CHECKING:
    import duckdb

Root = str | os.PathLike[str]


def load(
    *,
    since: date | str | None = None,
    until: date | str | None = None,
    section: str | Iterable[str] | None = None,
    site: str | Iterable[str] | None = None,
    columns: str | Iterable[str] | None = None,
    revisions: bool = False,
    root: Root | None = None,
) -> pa.Table:
    """Return stories as a pyarrow Table, in order of date and section.

    `since` and `until` are days of `date`, both included. `section`, `site` and `columns` are one name or several; columns
    come in the order asked for. `revisions` reads each revision instead of the newest. `root` is the archive's folder:
    by default ARCHIVER_ROOT, else `data`. Only the partitions and columns asked for are read, each file whole as it was
    at one moment, also while the archive is being published to.

    Raises FileNotFoundError where there is no archive, ValueError for a column, section or site that it does not have,
    naming those that it has, and DamagedFileError (an OSError) where a file cannot be read back as it was written.
    """
    archive = find_archive(root)
    folder, schema = _table(archive, revisions=revisions)
    first, last = _to_day("since", since), _to_day("until", until)
    if first and last and first > last:
        raise ValueError(f"since {first} is later than until {last}")
    names, sections, sites = _names("columns", columns), _names("section", section), _names("site", site)
    _check_columns(names, schema)

    def read() -> pa.Table:
        places = list_places(folder, since=first, until=last, sections=sections)
        chosen = ds.field("site").isin(sites) if sites is not None else None
        return open_dataset(places, schema).to_table(columns=names, filter=chosen)

    table = read_steadily(folder, read)
    # An empty answer to a mistyped name would be wrong in silence; whether it is one costs nothing where rows came.
    if not table.num_rows:
        _check_sections(sections, folder)
        _check_sites(sites, folder)
    return table


def connect(root: Root | None = None) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB connection with the views `stories`, `revisions`, `lineage`, `runs`, `links`, `faq` and `coverage`.

    View and columns are described: `SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'stories'`. Times
    are shown in UTC. Each query reads what is published by then, each file whole as it was at one moment; `runs` and
    `coverage` are of the moment of connecting. Nothing is locked, and tables of your own can stand beside the views.

    Raises FileNotFoundError where there is no archive, ImportError where DuckDB 2 or later is not installed.
    """
    archive = find_archive(root)
    connection: duckdb.DuckDBPyConnection = import_duckdb().connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name, source in _sources(archive).items():
        connection.from_arrow(source).create_view(name)
    for view in DERIVED_VIEWS:
        connection.execute(derived_statement(view))
    for view in (*BASE_VIEWS, *DERIVED_VIEWS):
        for statement in comment_statements(view):
            connection.execute(statement)
    return connection


def import_duckdb() -> ModuleType:
    """Import DuckDB; ImportError says what to install where it is missing or too old."""
    try:
        import duckdb
    except ImportError as error:
        raise ImportError(f"DuckDB is not installed: {_INSTALL}") from error
    # Version 1 scans what it finds in a LiveTable, which is nothing.
    if int(duckdb.__version__.partition(".")[0]) < 2:
        raise ImportError(f"DuckDB {duckdb.__version__} is too old: {_INSTALL}")
    return duckdb


_INSTALL = "pip install 'policy-archiver[notebook]', or 'duckdb>=2'"


def find_archive(root: Root | None) -> Archive:
    """Return the archive at a folder, by default that of ARCHIVER_ROOT, else `data`. FileNotFoundError where it is not."""
    folder = Path(root if root is not None else os.environ.get("ARCHIVER_ROOT") or "data")
    if not folder.is_dir():
        raise FileNotFoundError(f"no archive at {str(folder)!r}: give root=, or set ARCHIVER_ROOT")
    return Archive(folder)


def _sources(archive: Archive) -> dict[str, ds.Dataset | pa.Table]:
    """View → what it shows; a table that is not there yet has its columns and no rows."""
    return {
        "stories": LiveTable(STORY_COLUMNS, lambda: list_places(archive.stories_dir)),
        "revisions": LiveTable(REVISION_COLUMNS, lambda: list_places(archive.revisions_dir)),
        "lineage": LiveTable(LINEAGE_COLUMNS, lambda: list_places(archive.root / "lineage", by_section=False)),
        "runs": read_runs(archive),
    }


def _table(archive: Archive, *, revisions: bool) -> tuple[Path, pa.Schema]:
    return (archive.revisions_dir, REVISION_COLUMNS) if revisions else (archive.stories_dir, STORY_COLUMNS)


def _to_day(argument: str, value: date | str | None) -> date | None:
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).date()
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{argument}={value!r} is no day: give a date, or text like '2026-06-29'") from error


def _names(argument: str, value: str | Iterable[str] | None) -> list[str] | None:
    if value is None:
        return None
    names = [value] if isinstance(value, str) else list(value)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{argument}: a name is text, not {name!r}")
    return names


def _check_columns(names: Collection[str] | None, schema: pa.Schema) -> None:
    for name in names or ():
        if name not in schema.names:
            raise ValueError(f"no column {name!r}; the columns are {', '.join(schema.names)}")


def _check_sections(sections: Iterable[str] | None, folder: Path) -> None:
    if sections is None or not (known := list_sections(folder)):
        return
    for section in sections:
        if section not in known:
            raise ValueError(f"no section {section!r} in the archive; its sections are {', '.join(known)}")


def _check_sites(sites: Iterable[str] | None, folder: Path) -> None:
    if sites is None:
        return

    def read() -> Any:
        column = open_dataset(list_places(folder), STORY_COLUMNS).to_table(columns=["site"])["site"]
        return pc.unique(column).to_pylist()

    known = sorted(read_steadily(folder, read))
    for site in sites:
        if known and site not in known:
            raise ValueError(f"no site {site!r} in the archive; its sites are {', '.join(known)}")
