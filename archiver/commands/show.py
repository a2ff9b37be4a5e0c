"""`archiver show URL`: one story of the archive, its revisions, and what differs between two of them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from archiver.commands import complain
from archiver.commands.publish import add_root, open_archive
from archiver.diff import Span, diff_words
from archiver.items import Story
from archiver.outcome import Exit
from archiver.schema import Revision, story_to_json
from archiver.store.archive import StorageError
from archiver.store.places import find_story
from archiver.store.read import find_revisions
from archiver.store.revisions import COMPARED
from archiver.urls import clean_url


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "url", metavar="URL", help="the story's address, now or earlier, with or without tracking parameters"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--revision", type=int, metavar="N", help="the story as it was in this revision")
    which.add_argument(
        "--diff",
        type=int,
        nargs="*",
        metavar="N",
        help="the words that differ between two revisions, by default the last two; one number: from it to the last",
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    add_root(parser)


class _NotThereError(Exception):
    """The story has no such revision; says which it has."""


def run(options: argparse.Namespace) -> int:
    archive = open_archive(options)
    try:
        url = clean_url(options.url)
    except ValueError as error:
        complain(error)
        return Exit.USAGE
    try:
        story = find_story(archive, url)
        revisions = find_revisions(archive, story) if story else []
    except StorageError as error:
        complain(error)
        return Exit.STORAGE
    if story is None:
        complain(f"no story {url} in {archive.root}")
        return 1
    try:
        _show(options, story, revisions)
    except _NotThereError as error:
        complain(error)
        return Exit.USAGE
    return Exit.DONE


def _show(options: argparse.Namespace, story: Story, revisions: Sequence[Revision]) -> None:
    console = Console(soft_wrap=True)
    data: dict[str, Any]
    if options.diff is not None:
        found = _compare(*_choose_two(options.diff, revisions))
        data, lines = found.to_json(), found.lines(is_coloured=console.is_terminal and not console.no_color)
    elif options.revision is not None:
        revision = _pick(options.revision, revisions)
        data, lines = story_to_json(revision), _lines(revision)
    else:
        rows = [_revision_to_json(revision) for revision in revisions]
        data, lines = story_to_json(story) | {"revisions": rows}, _lines(story, revisions)
    if options.json:
        print(json.dumps(data, ensure_ascii=False))
        return
    for line in lines:
        console.print(line, markup=False, highlight=False)


def _pick(number: int, revisions: Sequence[Revision]) -> Revision:
    for revision in revisions:
        if revision.revision == number:
            return revision
    raise _NotThereError(f"no revision {number}: this story has {', '.join(str(each.revision) for each in revisions)}")


def _choose_two(numbers: Sequence[int], revisions: Sequence[Revision]) -> tuple[Revision, Revision]:
    if len(numbers) > 2:
        raise _NotThereError("--diff takes two revisions at most; the address goes before it")
    if not numbers and len(revisions) < 2:
        raise _NotThereError("this story has one revision: there is nothing to compare")
    first, *second = numbers or [revisions[-2].revision]
    return _pick(first, revisions), _pick(second[0], revisions) if second else revisions[-1]


@dataclass(frozen=True, slots=True)
class _Comparison:
    before: Revision
    after: Revision
    columns: dict[str, list[list[Span]]]

    def to_json(self) -> dict[str, Any]:
        return {
            "story_id": self.after.story_id,
            "url": self.after.url,
            "from": self.before.revision,
            "to": self.after.revision,
            "columns": self.columns,
        }

    def lines(self, *, is_coloured: bool) -> Iterator[Text]:
        yield Text(f"{_describe_visit(self.before)} → {_describe_visit(self.after)}", style="dim")
        if self.before.extractor != self.after.extractor:
            rules = f"{self.before.extractor} → {self.after.extractor}"
            yield Text(f"Extracted by different rules ({rules}): some of this may be their doing.", style="dim")
        for name, paragraphs in self.columns.items():
            yield Text()
            yield Text(name, style="bold")
            yield from _fold(paragraphs, is_coloured=is_coloured)
        if not self.columns:
            yield Text("Nothing differs.")


def _compare(before: Revision, after: Revision) -> _Comparison:
    texts = [(name, _to_text(getattr(before, name)), _to_text(getattr(after, name))) for name in COMPARED]
    return _Comparison(before, after, {name: diff_words(old, new) for name, old, new in texts if old != new})


def _to_text(value: Any) -> str:
    if isinstance(value, list):
        return "\n\n".join(f"{pair.question}\n\n{pair.answer}" for pair in value)
    return value or ""


def _fold(paragraphs: list[list[Span]], *, is_coloured: bool) -> Iterator[Text]:
    """The paragraphs that changed; how many did not, in their place."""
    same = 0
    for paragraph in [*paragraphs, []]:
        if len(paragraph) == 1 and paragraph[0].mark == "=":
            same += 1
            continue
        if same:
            yield Text(f"… {same} paragraph{'s' * (same > 1)} unchanged", style="dim")
            same = 0
        if paragraph:
            yield Text(" ").join(_render_span(span, is_coloured=is_coloured) for span in paragraph)


def _render_span(span: Span, *, is_coloured: bool) -> Text:
    """As `git diff --word-diff` does; in colour without brackets."""
    match span.mark:
        case "-":
            return Text(span.text, style="red strike") if is_coloured else Text(f"[-{span.text}-]")
        case "+":
            return Text(span.text, style="green") if is_coloured else Text(f"{{+{span.text}+}}")
    return Text(span.text)


def _lines(story: Story, revisions: Sequence[Revision] = ()) -> Iterator[Text]:
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
    for heading, lines in (
        ("Links", [f"{link.text} {link.url}" for link in story.links if link.kind != "source"]),
        ("Related", [f"{related.title} {related.url}" for related in story.related]),
        ("Revisions", [_describe_revision(revision, story) for revision in revisions]),
    ):
        if lines:
            yield Text()
            yield Text(heading, style="bold")
            yield from map(Text, lines)


def _describe_revision(revision: Revision, story: Story) -> str:
    what = ", ".join(revision.changed) or ("first" if revision.revision == 1 else "nothing")
    words = f"+{revision.words_added} -{revision.words_removed} words"
    where = [] if revision.url == story.url else [f"at {revision.url}"]
    when = f"{revision.fetched_at:%Y-%m-%d %H:%M} UTC"
    return "  ".join([f"{revision.revision:>3}", when, revision.status, what, words, *where])


def _describe_visit(revision: Revision) -> str:
    return f"Revision {revision.revision} ({revision.fetched_at:%Y-%m-%d %H:%M} UTC, {revision.status})"


_OF_A_REVISION = "revision url status fetched_at changed words_added words_removed content_hash extractor".split()


def _revision_to_json(revision: Revision) -> dict[str, Any]:
    """A revision less its texts: `--revision N` has those."""
    columns = story_to_json(revision)
    return {name: columns[name] for name in _OF_A_REVISION}


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
