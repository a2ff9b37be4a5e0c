"""`archiver sql "select …"`: a query of the archive, which can read nothing else and write nothing at all."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from archiver.commands import complain
from archiver.commands.publish import add_root, open_archive
from archiver.outcome import Exit
from archiver.views import VIEWS, views_script

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    import pyarrow as pa

FORMATS = ("table", "csv", "json", "jsonl", "parquet")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "query",
        nargs="?",
        metavar="QUERY",
        help=f"DuckDB's SQL over the views {', '.join(view.name for view in VIEWS)}; `-` reads it from standard input",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="how to print the answer (default: a table on a terminal, else CSV; in CSV alone, text that a spreadsheet "
        "would take for a formula begins with an apostrophe)",
    )
    parser.add_argument(
        "--views",
        action="store_true",
        help="print the views as SQL, for DuckDB without this program, instead of running a query",
    )
    add_root(parser)


def run(options: argparse.Namespace) -> int:
    if options.views:
        print(views_script(), end="", flush=True)
        return Exit.DONE
    query = sys.stdin.read() if options.query == "-" else options.query
    if not (query or "").strip():
        complain('a query is missing: archiver sql "select site, count(*) from stories group by site"')
        return Exit.USAGE
    from archiver.loading import import_duckdb
    from archiver.output import WRITERS

    kind = options.format or ("table" if sys.stdout.isatty() else "csv")
    if kind == "parquet" and sys.stdout.isatty():
        complain("Parquet is not for a terminal: send it to a file, archiver sql … --format parquet >answer.parquet")
        return Exit.USAGE
    root = open_archive(options).root
    try:
        duckdb = import_duckdb()
    except ImportError as error:
        complain(error)
        return Exit.USAGE
    try:
        if (answer := ask(root, query)) is not None:
            WRITERS[kind](answer, sys.stdout)
            sys.stdout.flush()
    except duckdb.Error as error:
        complain(say_error(error))
        return Exit.STORAGE if is_unreadable(error) else Exit.USAGE
    return Exit.DONE


def ask(root: Path, query: str) -> pa.RecordBatchReader | None:
    """Run a query and return its answer, None where it has none; again where a file of the archive went meanwhile."""
    import duckdb

    from archiver.loading import connect
    from archiver.store.dataset import ATTEMPTS

    for _ in range(ATTEMPTS - 1):
        try:
            return _answer(connect(root), query)
        except duckdb.Error as error:
            if not (is_unreadable(error) and "No such file" in str(error)):
                raise
    return _answer(connect(root), query)


def _answer(connection: duckdb.DuckDBPyConnection, query: str) -> pa.RecordBatchReader | None:
    lock(connection)
    relation = connection.sql(query)
    return None if relation is None else relation.to_arrow_reader(4096)


def lock(connection: duckdb.DuckDBPyConnection) -> None:
    """Take files, network, extensions, settings and Python's variables from a connection: what is left is its views.

    The views stand on Arrow, which reads the archive's files on its own. To forbid statements would not do: DuckDB takes
    `WITH x AS (COPY … TO 'file') FROM x` for a SELECT. Nor are directories allowed, for that allows to write there; the one
    for what does not fit into memory would be one.
    """
    for name, value in (
        ("python_enable_replacements", "false"),
        ("autoinstall_known_extensions", "false"),
        ("autoload_known_extensions", "false"),
        ("temp_directory", "''"),
        ("enable_external_access", "false"),
        ("lock_configuration", "true"),
    ):
        connection.execute(f"SET {name} = {value}")


def is_unreadable(error: duckdb.Error) -> bool:
    """Tell whether a query failed for a file of the archive, not for itself."""
    return "Arrow source failed" in str(error)


def say_error(error: duckdb.Error) -> str:
    """Return an error of DuckDB on one line, without the query that it quotes."""
    return " ".join(str(error).partition("\n\nLINE ")[0].split())
