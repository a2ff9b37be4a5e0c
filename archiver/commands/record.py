"""`archiver record URL|FILE…`: a page and its story, kept as a test case; `--check DIR` extracts all of them anew."""

from __future__ import annotations

import argparse
import re
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.utils.project import get_project_settings

from archiver.commands import complain
from archiver.commands.crawl import enter_project
from archiver.fetch import NotFetched, fetch_page
from archiver.outcome import Exit
from archiver.pages import own_address, read_page, unpack
from archiver.pipelines import describe_storage_error
from archiver.recordings import (
    PAGE_URL,
    Kept,
    RecordingError,
    find_differences,
    find_recordings,
    find_selectors,
    record_again,
    record_page,
)
from archiver.urls import clean_url

if TYPE_CHECKING:
    from scrapy.settings import Settings

NEXT_STEP = "Read the JSON against the page before you commit it: what it says is what every later check expects."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="URL|FILE",
        help="one address; or HTML files, plain or .gz; a file that is a recording is recorded again in place",
    )
    parser.add_argument("--url", help="address of the page in the FILE (default: the canonical link on the page)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("tests/pages"),
        metavar="DIR",
        help="folder of the recordings (default: %(default)s)",
    )
    parser.add_argument(
        "--check",
        type=Path,
        metavar="DIR",
        help="extract all recordings below DIR anew and print what differs; exit 1 if anything does",
    )


def run(options: argparse.Namespace) -> int:
    if why := _find_misuse(options):
        complain(why)
        return Exit.USAGE
    enter_project()
    settings = get_project_settings()
    if options.check:
        return _check(options.check, settings)
    kept: list[Kept] = []
    exit_code = int(Exit.DONE)
    for target in options.targets:
        try:
            kept.append(_record(target, options, settings))
        except (RecordingError, NotFetched) as error:
            complain(error)
            exit_code = 1
        except ValueError as error:  # of ARCHIVER_ALLOW_HOSTS
            complain(error)
            return Exit.USAGE
        except OSError as error:
            complain(describe_storage_error(error))
            return Exit.STORAGE
    for each in kept:
        _tell(each)
    if any(each.is_new or each.diff for each in kept):
        print(NEXT_STEP)
    return exit_code


def _find_misuse(options: argparse.Namespace) -> str | None:
    if bool(options.check) == bool(options.targets):
        return "name an address or a file to record, or say --check DIR"
    if any(map(_is_address, options.targets)) and (len(options.targets) > 1 or options.url):
        return "one address at a time, and without --url"
    if options.url and len(options.targets) > 1:
        return "--url is the address of one FILE"
    try:
        for address in filter(None, (options.url, *filter(_is_address, options.targets))):
            clean_url(address)
    except ValueError as error:
        return str(error)
    return None


def _is_address(target: str) -> bool:
    return re.match(r"https?://", target, re.IGNORECASE) is not None


def _record(target: str, options: argparse.Namespace, settings: Settings) -> Kept:
    today = datetime.now(UTC).date()
    if _is_address(target):
        page = fetch_page(target, settings)
        return record_page(options.out, page.body, page.url, today, find_selectors(page.url, settings))
    path = Path(target)
    for recording in find_recordings(path.parent):
        if recording.page == path and recording.story.is_file():
            url = options.url or recording.read_story()[PAGE_URL]
            return record_again(recording, url, find_selectors(url, settings))
    try:
        body = unpack(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise RecordingError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    url = options.url or own_address(read_page(body))
    if url is None:
        raise RecordingError(f"{path}: the page does not give its own address, say it with --url")
    return record_page(options.out, body, url, today, find_selectors(url, settings))


def _tell(kept: Kept) -> None:
    if kept.is_new:
        print(f"wrote {kept.recording.page}\nwrote {kept.recording.story}")
    elif kept.diff:
        print(f"{kept.diff}rewrote {kept.recording.story}")
    else:
        print(f"{kept.recording.story} is as it was")


def _check(folder: Path, settings: Settings) -> int:
    recordings = find_recordings(folder)
    if not recordings:
        # A check of nothing must not pass: the folder may be misspelt.
        complain(f"no recordings below {folder}")
        return Exit.USAGE
    faults = 0
    for recording in recordings:
        try:
            selectors = find_selectors(recording.read_story()[PAGE_URL], settings)
            differences = find_differences(recording, selectors)
        except RecordingError as error:
            complain(error)
            faults += 1
            continue
        for column, diff in differences.items():
            print(f"{recording.story}: {column}\n{diff}")
        faults += bool(differences)
    print(f"{len(recordings) - faults} of {len(recordings)} recordings as recorded")
    return 1 if faults else Exit.DONE
