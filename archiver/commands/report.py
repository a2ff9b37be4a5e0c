"""`archiver report`: one page that tells what stands in the archive and what was missed."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from archiver.commands import complain
from archiver.commands.publish import add_root, open_archive
from archiver.commands.sql import say_error
from archiver.outcome import Exit
from archiver.store.archive import StorageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("report.html"),
        metavar="FILE",
        help="the page to write (default: %(default)s)",
    )
    add_root(parser)


def run(options: argparse.Namespace) -> int:
    archive = open_archive(options)
    from archiver.loading import import_duckdb

    try:
        duckdb = import_duckdb()
    except ImportError as error:
        complain(error)
        return Exit.USAGE
    from archiver.report.figures import collect_figures
    from archiver.report.page import render_page

    try:
        page = render_page(collect_figures(archive))
    except duckdb.Error as error:
        complain(say_error(error))
        return Exit.STORAGE
    except StorageError as error:
        complain(error)
        return Exit.STORAGE
    try:
        put_page(options.output, page)
    except OSError as error:
        complain(f"{options.output} cannot be written: {error.strerror}")
        return Exit.STORAGE
    print(f"wrote {options.output}, {len(page.encode()) // 1024:,} kB")
    return Exit.DONE


def put_page(path: Path, page: str) -> None:
    """Write the page whole or not at all: whoever has the last one open keeps a page."""
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
