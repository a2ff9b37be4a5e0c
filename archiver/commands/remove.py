"""`archiver remove URL… --why "…"`: stories taken out of the archive, never to be fetched again."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from archiver.commands import complain
from archiver.commands.publish import add_root, open_archive
from archiver.outcome import Exit
from archiver.store.archive import Archive, StorageError
from archiver.store.removal import SiteHeldError, finish_removals, remove_story
from archiver.store.search import ListingError, Removal
from archiver.urls import clean_url


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "urls",
        metavar="URL",
        nargs="+",
        help="the story's address, now or earlier, with or without tracking parameters",
    )
    parser.add_argument("--why", required=True, help="the reason, kept with the address")
    add_root(parser)


def run(options: argparse.Namespace) -> int:
    archive = open_archive(options)
    why = options.why.strip()
    try:
        urls = list(dict.fromkeys(map(clean_url, options.urls)))
        if not why:
            raise ValueError("--why is empty: say why, for whoever asks in a year")
    except ValueError as error:
        complain(error)
        return Exit.USAGE
    code = int(Exit.DONE)
    try:
        for finished in finish_removals(archive):
            _tell(finished, "the take-down that was interrupted is finished")
        for url in urls:
            code = max(code, _remove(archive, url, why))
    except StorageError as error:
        complain(f"{error}. Once that is mended, the same command finishes the work")
        return Exit.STORAGE
    return code


def _remove(archive: Archive, url: str, why: str) -> int:
    try:
        removal = remove_story(archive, url, why, datetime.now(UTC))
    except SiteHeldError as error:
        complain(f"{url}: a crawl of {error} is running: nothing was changed")
        return Exit.BUSY
    except ListingError as error:
        complain(error)
        return Exit.USAGE
    if not removal.is_known:
        _tell(removal, "not in the archive")
        complain(f"{url} is not in the archive; it will not be fetched")
        return 1
    _tell(removal, "taken down" if removal.is_new else "nothing is left of it: it was taken down before")
    for name, fault in removal.damaged.items():
        complain(f"raw/{name} was not searched whole and stays as it is; once it is restored, run this again: {fault}")
    return Exit.STORAGE if removal.damaged else Exit.DONE


def _tell(removal: Removal, what: str) -> None:
    print(f"{removal.url}: {what}")
    for place, (stories, revisions) in sorted(removal.partitions.items()):
        print(f"  {place}: {stories} in stories, {revisions} in revisions")
    for name, offsets in removal.raw.items():
        if name not in removal.damaged:
            print(f"  raw/{name}: {len(offsets)} responses")
    for address in removal.addresses if removal.is_new else ():
        print(f"  not to be fetched again: {address}")
