"""`archiver extract FILE…`: pages on disk → stories, one JSON object a line for each file, in order."""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from archiver.commands import complain
from archiver.extract import extract_story
from archiver.normalize import normalize_story
from archiver.outcome import Exit
from archiver.pages import own_address, read_page, unpack
from archiver.schema import story_to_json
from archiver.urls import clean_url

ENDINGS = (".gz", ".html", ".htm", ".xhtml")
REQUIRED = ("title", "body")
"""Columns that are null, never empty, where the page has none."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="an HTML page, plain or .gz")
    parser.add_argument(
        "--urls",
        type=Path,
        metavar="FILE.jsonl",
        help='addresses of the pages, {"id": …, "url": …} a line; the id is the file name less its ending',
    )


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
        print(json.dumps(extract_page(body, _id_of(path), urls), ensure_ascii=False))
    return exit_code


def extract_page(body: bytes, page_id: str, urls: Mapping[str, str]) -> dict[str, Any]:
    """Return the story's columns, with the page's id before them."""
    page = read_page(body)
    url = urls.get(page_id) or own_address(page) or f"https://unknown.invalid/{quote(page_id)}"
    now = datetime.now(UTC)
    printed = extract_story(page, url, now=now)
    columns = story_to_json(normalize_story(replace(printed, url=url), fetched_at=now))
    return {"id": page_id} | {name: value or None if name in REQUIRED else value for name, value in columns.items()}


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
