"""`archiver extract FILE…`: pages on disk → stories, one JSON object a line for each file, in order; or why they are so."""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.table import Table
from rich.text import Text

from archiver.commands import complain
from archiver.extract import Trace, extract_story
from archiver.normalize import normalize_story
from archiver.outcome import Exit
from archiver.pages import own_address, read_page, unpack
from archiver.schema import story_to_json
from archiver.urls import clean_url

ENDINGS = (".gz", ".html", ".htm", ".xhtml")
REQUIRED = ("title", "body")
"""Columns that are null, never empty, where the page has none."""
EXPLAINED = (
    "url", "section_label", "title", "dek", "body", "faq", "authors", "source_name", "source_url", "published_at",
    "modified_at", "language", "tags", "image_url",
)  # fmt: skip
"""Columns that a page fills, in the order in which `--explain` shows them."""
_SHOWN = 110
"""Characters of a value that a table shows."""
_PIPED = 180
"""Columns of a table that goes to a file or a pager."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="an HTML page, plain or .gz")
    parser.add_argument(
        "--urls",
        type=Path,
        metavar="FILE.jsonl",
        help='addresses of the pages, {"id": …, "url": …} a line; the id is the file name less its ending',
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="show each column's candidates, their scores and why the winner won, as a table",
    )
    parser.add_argument("--json", action="store_true", help="with --explain: one JSON object a line for each file")


def run(options: argparse.Namespace) -> int:
    try:
        urls = _read_urls(options.urls) if options.urls else {}
    except (OSError, ValueError) as error:
        complain(error)
        return Exit.USAGE
    exit_code = int(Exit.DONE)
    for path in options.files:
        try:
            body = unpack(path.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            complain(f"{path}: {getattr(error, 'strerror', None) or error}")
            exit_code = 1
            continue
        if not options.explain:
            print(json.dumps(extract_page(body, _id_of(path), urls), ensure_ascii=False))
            continue
        explained = explain_page(body, _id_of(path), urls)
        if options.json:
            print(json.dumps(explained, ensure_ascii=False))
        else:
            _print_table(explained)
    return exit_code


def extract_page(body: bytes, page_id: str, urls: Mapping[str, str], trace: Trace | None = None) -> dict[str, Any]:
    """Return the story's columns, with the page's id before them."""
    page = read_page(body)
    url = urls.get(page_id) or own_address(page) or f"https://unknown.invalid/{quote(page_id)}"
    now = datetime.now(UTC)
    printed = extract_story(page, url, now=now, trace=trace)
    columns = story_to_json(normalize_story(replace(printed, url=url), fetched_at=now))
    return {"id": page_id} | {name: value or None if name in REQUIRED else value for name, value in columns.items()}


def explain_page(body: bytes, page_id: str, urls: Mapping[str, str]) -> dict[str, Any]:
    """Return why a page's story is as it is.

    `columns` holds by name each column's `value`, the `rule` that filled it (null where nothing says) and its
    `candidates`, the best first: `value`, `rule`, `score`, `why`, `won`. A score of 0 or less was ruled out.
    """
    trace = Trace()
    story = extract_page(body, page_id, urls, trace)
    columns = {}
    for name in EXPLAINED:
        candidates = sorted((c for c in trace.candidates if c.column == name), key=lambda c: (not c.won, -c.score))
        won = next((c.rule for c in candidates if c.won), None)
        columns[name] = {
            "value": story[name],
            "rule": story["provenance"].get(name) or won,
            "candidates": [
                {key: value for key, value in asdict(candidate).items() if key != "column"} for candidate in candidates
            ],
        }
    return {"id": page_id, "url": story["url"], "extractor": story["extractor"], "flags": story["flags"]} | {
        "columns": columns
    }


def _print_table(explained: Mapping[str, Any]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:  # a file or a pager: nothing says how wide
        console = Console(highlight=False, width=_PIPED)
    console.print(Text(f"{explained['id']}  {explained['url']}", style="bold"))
    if explained["flags"]:
        console.print(Text(f"flags: {', '.join(explained['flags'])}"))
    table = Table(show_edge=False, pad_edge=False, box=None, header_style="bold")
    table.add_column("column", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("rule", no_wrap=True)
    table.add_column("candidate", overflow="fold", ratio=3)
    table.add_column("why", overflow="fold", ratio=2)
    for name, column in explained["columns"].items():
        for cells in _rows(name, column):
            table.add_row(*cells)
    console.print(table)
    console.print()


def _rows(name: str, column: Mapping[str, Any]) -> Iterator[tuple[Text, ...]]:
    """The rows of one column: its candidates, or what it holds where nothing else was weighed."""
    if not column["candidates"]:
        value = column["value"]
        shown = "—" if value in (None, [], "") else value if isinstance(value, str) else json.dumps(value)
        yield Text(name), Text(), Text(), Text(column["rule"] or ""), Text(_shorten(shown)), Text()
    for place, candidate in enumerate(column["candidates"]):
        style = "" if candidate["won"] else "dim"
        yield (
            Text(name if place == 0 else ""),
            Text("✓" if candidate["won"] else "", style="green"),
            Text(f"{candidate['score']:g}", style=style),
            Text(candidate["rule"], style=style),
            Text(_shorten(candidate["value"]), style=style),
            Text(candidate["why"], style=style),
        )


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def _id_of(path: Path) -> str:
    name = path.name
    for ending in ENDINGS:
        name = name.removesuffix(ending)
    return name


def _read_urls(path: Path) -> dict[str, str]:
    urls = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            entry = json.loads(line)
            urls[str(entry["id"])] = clean_url(entry["url"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f'{path}, line {number}: {{"id": …, "url": …}} is wanted: {error!r}') from error
    return urls
