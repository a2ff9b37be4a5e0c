"""The bundled network's content: invented source events, each rewritten three times, read from `stories/*.toml`.

A file's body text knows four marks: a blank line parts paragraphs, `## ` opens a subheading, lines that begin `- `
are a list, and `[text](address)` is a link.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

SECTIONS = {
    "policy": "Policy",
    "markets": "Markets",
    "banking": "Banking",
    "technology": "Technology",
    "business": "Business",
    "energy": "Energy",
    "health": "Health",
    "ai-education": "AI & Education",
}
"""Slug → label, in the order of the sites' navigation."""

REWRITES = 3


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text; a link where it has an address."""

    text: str
    href: str | None = None


Runs = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    runs: Runs


@dataclass(frozen=True, slots=True)
class Subheading:
    runs: Runs


@dataclass(frozen=True, slots=True)
class BulletList:
    items: tuple[Runs, ...]


Block = Paragraph | Subheading | BulletList


@dataclass(frozen=True, slots=True)
class Pair:
    """One question and the paragraphs of its answer."""

    question: str
    answer: tuple[Paragraph, ...]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One telling of an event."""

    title: str
    dek: str | None
    body: tuple[Block, ...]
    faq: tuple[Pair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEvent:
    """One story of an invented publisher, and how three newsrooms rewrote it."""

    id: str
    section: str
    published: datetime
    publisher: str
    source_url: str
    tags: tuple[str, ...]
    authors: tuple[str, ...]
    rewrites: tuple[Rewrite, ...]


@lru_cache(maxsize=4)
def load_events(folder: Traversable | None = None) -> tuple[SourceEvent, ...]:
    """Return the events of every TOML file in `folder` (the bundled ones by default), oldest first.

    Raises ValueError, naming file and event, for an event that breaks the format.
    """
    folder = folder or files("archiver.demo") / "stories"
    events: dict[str, SourceEvent] = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".toml"):
            continue
        for table in tomllib.loads(file.read_text(encoding="utf-8"))["event"]:
            event = _read_event(table, file.name)
            if event.id in events:
                raise ValueError(f"{file.name}: a second event with the id {event.id!r}")
            events[event.id] = event
    return tuple(sorted(events.values(), key=lambda event: (event.published, event.id)))


def _read_event(table: dict[str, Any], file: str) -> SourceEvent:
    place = f"{file}: event {table.get('id')!r}"
    try:
        rewrites = tuple(_read_rewrite(rewrite) for rewrite in table["rewrite"])
        event = SourceEvent(
            id=table["id"],
            section=table["section"],
            published=table["published"],
            publisher=table["publisher"],
            source_url=table["source_url"],
            tags=tuple(table["tags"]),
            authors=tuple(table["authors"]),
            rewrites=rewrites,
        )
    except KeyError as error:
        raise ValueError(f"{place}: {error.args[0]!r} is missing") from error
    if event.section not in SECTIONS:
        raise ValueError(f"{place}: no section {event.section!r}; the sections are {', '.join(SECTIONS)}")
    if len(rewrites) != REWRITES:
        raise ValueError(f"{place}: {len(rewrites)} rewrites instead of {REWRITES}")
    if event.published.tzinfo is None:
        raise ValueError(f"{place}: published has no time zone: {event.published}")
    return event


def _read_rewrite(table: dict[str, Any]) -> Rewrite:
    return Rewrite(
        title=table["title"],
        dek=table.get("dek"),
        body=parse_blocks(table["body"]),
        faq=tuple(Pair(pair["question"], parse_paragraphs(pair["answer"])) for pair in table.get("faq", ())),
    )


def parse_blocks(text: str) -> tuple[Block, ...]:
    """Return the blocks of a body.

    >>> parse_blocks("One.\\n\\n## Two\\n\\n- a\\n- [b](https://b.example/)")[1:] == (
    ...     Subheading((Run("Two"),)),
    ...     BulletList(((Run("a"),), (Run("b", "https://b.example/"),))),
    ... )
    True
    """
    return tuple(_parse_block(lines) for lines in _split_blocks(text))


def parse_paragraphs(text: str) -> tuple[Paragraph, ...]:
    """Return the paragraphs of an answer."""
    return tuple(Paragraph(parse_runs(" ".join(lines))) for lines in _split_blocks(text))


def _split_blocks(text: str) -> Iterator[list[str]]:
    """Lines that belong together: a list ends where its lines do, a subheading is one line."""
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        line = line.strip()
        starts_anew = not line or line.startswith("## ") or _is_item(line) != bool(block and _is_item(block[0]))
        if block and (starts_anew or block[0].startswith("## ")):
            yield block
            block = []
        if line:
            block.append(line)


def _is_item(line: str) -> bool:
    return line.startswith("- ")


def _parse_block(lines: list[str]) -> Block:
    if _is_item(lines[0]):
        return BulletList(tuple(parse_runs(line.removeprefix("- ").strip()) for line in lines))
    if lines[0].startswith("## "):
        return Subheading(parse_runs(lines[0].removeprefix("## ").strip()))
    return Paragraph(parse_runs(" ".join(lines)))


_LINK = re.compile(r"\[([^\[\]]+)\]\((https?://[^\s()]+)\)")


def parse_runs(text: str) -> Runs:
    """Return text and links in order.

    >>> parse_runs("See [the rule](https://a.example/r).")
    (Run(text='See ', href=None), Run(text='the rule', href='https://a.example/r'), Run(text='.', href=None))
    """
    runs: list[Run] = []
    end = 0
    for link in _LINK.finditer(text):
        runs += [Run(text[end : link.start()]), Run(link[1], link[2])]
        end = link.end()
    runs.append(Run(text[end:]))
    return tuple(run for run in runs if run.text)


def slugify(title: str) -> str:
    """Return the title as an address: lower case, each run of other characters one hyphen.

    >>> slugify("Q1 Outlook: Who Pays?")
    'q1-outlook-who-pays'
    """
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def plain_text(runs: Runs) -> str:
    """Return the text of runs without their addresses."""
    return "".join(run.text for run in runs)
