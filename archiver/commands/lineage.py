"""`archiver lineage`: the event of one archived story as a tree, or any stories put into events."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from archiver.commands import complain
from archiver.lineage.events import Collection, keys_of, place_stories

if TYPE_CHECKING:
    from archiver.store.event import Event, Member

USAGE, STORAGE = 2, 7
_WIDE = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("url", nargs="?", metavar="URL", help="an archived story: show the event that it belongs to")
    what.add_argument(
        "--stories",
        metavar="FILE",
        help="put the stories of a file into events, one JSON object a line with `id`, `title`, `body`, `published` "
        "and, where known, `source_url` and `url`; `-` reads standard input. Prints `id` and `cluster` a line",
    )
    parser.add_argument("--json", action="store_true", help="with URL: the event as one line of JSON")
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="the archive's folder (default: ARCHIVER_ROOT, else data)"
    )


def run(options: argparse.Namespace) -> int:
    return _cluster(options.stories) if options.stories else _show(options)


# Any stories


class _BadLineError(ValueError):
    """A line of a file of stories is none; says which and why."""


def _cluster(name: str) -> int:
    collection = Collection()
    try:
        with ExitStack() as opened:
            file = sys.stdin if name == "-" else opened.enter_context(Path(name).open(encoding="utf-8"))
            ids = list(_collect(collection, file, name))
    except OSError as error:
        complain(f"{name}: {error.strerror or error}")
        return USAGE
    except ValueError as error:  # UnicodeDecodeError too
        complain(error if isinstance(error, _BadLineError) else f"{name}: {error}")
        return USAGE
    for number, placed in zip(ids, place_stories(collection), strict=True):
        print(json.dumps({"id": number, "cluster": placed.event}, ensure_ascii=False))
    return 0


def _collect(collection: Collection, file: TextIO, name: str) -> Iterator[str | int]:
    seen: dict[str | int, int] = {}
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            story = _read_line(line)
            if story["id"] in seen:
                raise ValueError(f"id {story['id']!r} stands in line {seen[story['id']]} already")
        except (ValueError, RecursionError) as error:
            raise _BadLineError(f"{name}:{number}: {error}") from error
        seen[story["id"]] = number
        collection.add(
            str(story["id"]),
            title=story["title"],
            body=story["body"],
            published=story["published"],
            keys=keys_of(story["url"], story["source_url"]),
        )
        yield story["id"]


def _read_line(line: str) -> dict[str, Any]:
    try:
        given = json.loads(line)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(given, dict):
        raise ValueError(f"not an object: {line.strip()!r:.60}")
    story: dict[str, Any] = {name: given.get(name) for name in ("title", "body", "url", "source_url", "published")}
    for name, value in story.items():
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name!r} is no text: {value!r:.60}")
    if not isinstance(given.get("id"), str | int) or isinstance(given["id"], bool):
        raise ValueError(f"no text or number as 'id': {given.get('id')!r:.60}")
    return story | {
        "id": given["id"],
        "title": story["title"] or "",
        "body": story["body"] or "",
        "published": _read_time(story["published"]),
    }


def _read_time(text: str | None) -> date | None:
    """A day, or a time; one without zone is UTC."""
    if text is None or not text.strip():
        return None
    try:
        text = text.strip()
        if len(text) == 10:
            return date.fromisoformat(text)
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"'published' is neither a day nor a time: {text!r:.60}") from error


# One event of the archive


def _show(options: argparse.Namespace) -> int:
    # Only here: the readers of an archive import Scrapy's settings, which a file of stories has no use for.
    from archiver.commands.publish import open_archive
    from archiver.store.archive import StorageError
    from archiver.store.event import NoLineageError, find_event
    from archiver.urls import clean_url

    archive = open_archive(options)
    try:
        url = clean_url(options.url)
    except ValueError as error:
        complain(error)
        return USAGE
    try:
        event = find_event(archive, url)
    except NoLineageError:
        complain(f"{archive.root} has no lineage of that story yet: `archiver migrate` makes it")
        return 1
    except StorageError as error:
        complain(error)
        return STORAGE
    if event is None:
        complain(f"no story {url} in {archive.root}")
        return 1
    if options.json:
        print(json.dumps(event.to_json(), ensure_ascii=False))
        return 0
    # In a pipe nothing is folded: a line is a story's title or address as it is.
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    console.print(_draw(event, url), highlight=False)
    return 0


def _draw(event: Event, url: str) -> Tree:
    first = next((member.story.published_at for member in event.members if member.story.has_time), None)
    tree = Tree(_describe_source(event))
    for member in event.members:
        asked = "bold" if member.story.url == url else ""
        branch = tree.add(
            Text.assemble(
                (f"{_time_of(member):%Y-%m-%d %H:%M}", "cyan"),
                f"  {_describe_time(member, first)}  ",
                (member.story.site, "green"),
                f"  {_describe_method(member)}",
            )
        )
        branch.add(Text(member.story.title, style=asked))
        branch.add(Text(member.story.url, style="dim"))
    return tree


def _describe_source(event: Event) -> Text:
    number = len(event.members)
    told = f"{number} {'story' if number == 1 else 'stories'}"
    head = event.source or "no source named"
    name = f"{event.source_name}  " if event.source_name else ""
    return Text.assemble(("Source  ", "dim"), name, (head, "bold"), ("  event ", "dim"), event.event_id, f"  {told}")


def _describe_method(member: Member) -> str:
    row = member.row
    how = {"source": "by source link", "alone": "alone"}.get(row.method, f"by words, score {row.score:.2f}")
    return how if row.rank == 1 else f"{how}, {row.shared_words:.0%} of its words in the first"


def _time_of(member: Member) -> datetime:
    return member.story.published_at or member.story.first_seen_at


def _describe_time(member: Member, first: datetime | None) -> str:
    """How long after the first that gives a time; of a day, or of when the story was seen, no lag can be told."""
    at, is_first = member.story.published_at, member.row.rank == 1
    if at is None or not member.story.has_time:
        said = "seen" if at is None else "day without time"
        return f"first, {said}" if is_first else said
    if is_first:
        return "first"
    return "first with a time" if at == first or first is None else _lag(at - first)


def _lag(lag: timedelta) -> str:
    """A time span as a person says it.

    >>> _lag(timedelta(minutes=5)), _lag(timedelta(hours=30)), _lag(timedelta(days=3))
    ('+5 min', '+30 h', '+3 d')
    """
    minutes = round(lag.total_seconds() / 60)
    if minutes < 120:
        return f"+{minutes} min"
    return f"+{round(minutes / 60)} h" if minutes < 48 * 60 else f"+{round(minutes / 1440)} d"
