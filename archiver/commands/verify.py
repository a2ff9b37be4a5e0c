"""`archiver verify`: is every file of the archive as it was written, and does each say what the others say?"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from archiver.commands import complain
from archiver.commands.publish import add_root, open_archive
from archiver.outcome import Exit
from archiver.store.archive import Archive, StorageError
from archiver.store.faults import Checked, Fault
from archiver.store.verify import verify

if TYPE_CHECKING:
    from archiver.store.repair import Done


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--repair",
        action="store_true",
        help="rebuild what can be rebuilt; damaged files are set aside under state/damaged/",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    add_root(parser)


def run(options: argparse.Namespace) -> int:
    archive = open_archive(options)
    repaired: list[str] = []
    lost: list[Fault] = []
    checked = Checked()
    faults: list[Fault] = []
    try:
        if options.repair:
            for done in _repair(archive):
                repaired.append(str(done))
                lost += [done.fault] if done.fault else []
                if not options.json:
                    print(done, flush=True)
        for fault in verify(archive, checked):
            faults.append(fault)
            if not options.json:
                print(fault, flush=True)
    except StorageError as error:
        complain(error)
        return Exit.STORAGE
    if options.json:
        told = {"faults": [asdict(fault) for fault in faults], "repaired": repaired}
        print(json.dumps(told | {"checked": dict(checked.counts), "notes": checked.notes}, ensure_ascii=False))
    else:
        for note in checked.notes:
            complain(note)
        print(summarize(checked, faults))
    return 1 if faults or lost else Exit.DONE


def _repair(archive: Archive) -> Iterator[Done]:
    # Extraction and Scrapy are not loaded where nothing is to be rebuilt: `verify` alone starts in half the time.
    from scrapy.utils.project import get_project_settings

    from archiver.commands.crawl import enter_project
    from archiver.reread import Rereader
    from archiver.spider import load_selectors
    from archiver.store.repair import repair

    enter_project()
    rereader = Rereader(archive, lambda: load_selectors(get_project_settings()))
    yield from repair(archive, rereader.read_visit)


def summarize(checked: Checked, faults: Sequence[Fault]) -> str:
    """Return in one line what was checked and found."""
    counted = {name.replace("_", " "): f"{number:,}" for name, number in checked.counts.items() if name != "sealed"}
    looked_at = ", ".join(f"{number} {name}" for name, number in counted.items()) or "an empty archive"
    files = len({fault.file for fault in faults})
    result = f"{len(faults)} faults in {files} files" if faults else "no fault"
    return f"{result}: {looked_at} checked"
