"""`archiver migrate`: an archive of an older version → today's."""

from __future__ import annotations

import argparse
import sqlite3

from archiver.commands import complain
from archiver.commands.publish import add_root, open_archive
from archiver.outcome import Exit
from archiver.store.archive import DamagedFileError, StorageError
from archiver.store.migrate import migrate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_root(parser)


def run(options: argparse.Namespace) -> int:
    archive = open_archive(options)
    number = 0
    try:
        for name in migrate(archive):
            number += 1
            print(name, flush=True)
    except DamagedFileError as error:
        complain(f"{error}. `archiver verify --repair` rebuilds what can be rebuilt; then go on here")
        return 1
    except (StorageError, sqlite3.DatabaseError) as error:
        complain(error)
        return Exit.STORAGE
    print(f"{number} files brought up to date." if number else "Up to date already.")
    return Exit.DONE
