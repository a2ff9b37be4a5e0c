"""`archiver show URL`: one story of the archive."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from archiver.commands import complain
from archiver.commands.publish import add_root, open_archive
from archiver.items import Story
from archiver.outcome import Exit
from archiver.store.archive import StorageError
from archiver.store.read import find_story
from archiver.urls import clean_url


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "url", metavar="URL", help="the story's address, as the column `url` has it or with tracking parameters"
    )
    add_root(parser)


def run(options: argparse.Namespace) -> int:
    archive = open_archive(options)
    try:
        url = clean_url(options.url)
    except ValueError as error:
        complain(error)
        return Exit.USAGE
    try:
        story = find_story(archive, url)
    except StorageError as error:
        complain(error)
        return Exit.STORAGE
    if story is None:
        complain(f"no story {url} in {archive.root}")
        return 1
    console = Console(soft_wrap=True)
    for line in _lines(story):
        console.print(line, markup=False, highlight=False)
    return Exit.DONE


def _lines(story: Story) -> Iterator[Text]:
    yield Text(story.title, style="bold")
    if story.dek:
        yield Text(story.dek, style="italic")
    yield Text()
    for name, value in _facts(story).items():
        if value:
            yield Text.assemble((f"{name:<11}", "dim"), value)
    yield Text()
    yield Text(story.body)
    for pair in story.faq:
        yield Text()
        yield Text(pair.question, style="bold")
        yield Text(pair.answer)
    for heading, links in (
        ("Links", [f"{link.text} {link.url}" for link in story.links if link.kind != "source"]),
        ("Related", [f"{related.title} {related.url}" for related in story.related]),
    ):
        if links:
            yield Text()
            yield Text(heading, style="bold")
            yield from map(Text, links)


def _facts(story: Story) -> dict[str, str]:
    revision = f"{story.revision}, {story.status}" + (f", {', '.join(story.flags)}" if story.flags else "")
    return {
        "url": story.url,
        "section": story.section + (f" ({story.section_label})" if story.section_label else ""),
        "authors": ", ".join(story.authors),
        "published": f"{story.published_at:%Y-%m-%d %H:%M} UTC" if story.published_at else "",
        "modified": f"{story.modified_at:%Y-%m-%d %H:%M} UTC" if story.modified_at else "",
        "first seen": f"{story.first_seen_at:%Y-%m-%d %H:%M} UTC",
        "fetched": f"{story.fetched_at:%Y-%m-%d %H:%M} UTC",
        "source": " ".join(filter(None, (story.source_name, story.source_url))),
        "tags": ", ".join(story.tags),
        "revision": revision,
        "words": str(story.word_count),
    }
