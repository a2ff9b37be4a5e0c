"""Story ↔ Arrow, Story ↔ JSON, and the data dictionary. Pure, but for the command at the end.

Everything is read off `archiver.items.Story`: its fields give the columns, its annotations their types, its attribute
docstrings their descriptions. `python -m archiver.schema README.md` puts the table of columns into a Markdown file,
between `<!-- columns -->` and `<!-- /columns -->`; with `--check` it only tells whether the table stands there.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from archiver.items import Story

SCHEMA_VERSION = 1
"""Raised whenever a column is added. A column is never renamed or retyped in place."""

PARTITION_KEYS = ("date", "section")
"""They stand in the path of a file and nowhere in it: pandas and pyarrow refuse a column that stands in both."""

_WIDE = frozenset({"raw_offset"})
"""Whole numbers that may pass 2 147 483 647; the others are int32."""

# Parquet's defaults make a dictionary of every column and keep the least and the greatest value of each, whole bodies
# too. With these lists a file of 10 stories is a fifth smaller, and readers lose nothing that they filter by.
_REPEATED = (
    "site", "section_label", "date_source", "source_name", "source_domain", "source_method", "language", "status",
    "extractor", "raw_file", "method",
)  # fmt: skip
_FILTERED = (
    "story_id", "url", "site", "source_url", "source_domain", "published_at", "modified_at", "first_seen_at",
    "fetched_at", "word_count", "revision", "status", "event_id", "rank",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Revision(Story):
    """One revision of one story: a row of `revisions`."""

    changed: list[str]
    """Which of `title`, `dek`, `body`, `faq`, `source_url` and `status` differ from the revision before; empty for the
    first."""

    words_added: int
    """Words of title, dek, body and FAQ that the revision before has not, each counted as often as it was added; for
    the first revision all words."""

    words_removed: int
    """Words of title, dek, body and FAQ of the revision before that this one has no more."""


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """The place of one story in its event: a row of `lineage`. Every story has one."""

    date: date
    """Partition key: the `date` of the story."""

    event_id: str
    """The event: the stories, on whatever sites, that rewrite one source story. An event keeps its id as the archive grows;
    where two prove to be one, all their stories have the id of the older. A story that stands alone is an event of one."""

    story_id: str
    """The story, as in `stories`."""

    method: str
    """What put the story into its event: `source` (it links to the source that another of the event links to or is, or is
    that source itself), `words` (by its wording), or `alone`."""

    score: float
    """How sure it is that the story belongs there, from 0 to 1: for `words` the mean likelihood that it tells of the same as
    each other story of the event, as it was placed (over all of them it is at least 0.5); else 1."""

    source_url: str | None
    """Normalised address of the source story to which the story links, the same for all links to one page; null where it
    has none, or links to a home page, a section, a live blog or a newsletter. The link itself stands in `stories`."""

    first_seen_by_us: datetime
    """When this archive first fetched the story, UTC."""

    earliest_published: datetime | None
    """When the earliest story of the event that has a publication time was published, UTC; the same in all its rows."""

    rank: int
    """Place of the story in its event: 1 is the earliest by `published_at` (by `first_seen_at` where there is none), ties
    by `first_seen_at`, then by `story_id`."""

    shared_words: float
    """Share of the different words of title and body that the earliest story of the event has too, from 0 to 1; 1 for the
    earliest itself."""


def _arrow_field(name: str, hint: Any, description: str | None = None) -> pa.Field:
    is_optional = isinstance(hint, UnionType) and NoneType in get_args(hint)
    plain = get_args(hint)[0] if is_optional else hint
    metadata = {b"description": description.encode()} if description else None
    return pa.field(name, _arrow_type(name, plain), nullable=is_optional, metadata=metadata)


def _arrow_type(name: str, hint: Any) -> pa.DataType:
    match get_origin(hint) or hint:
        case origin if origin is list:
            # "element" is the name that the Parquet format prescribes: the schema is the same after reading.
            return pa.list_(_arrow_field("element", *get_args(hint)))
        case origin if origin is dict:
            return pa.map_(pa.string(), _arrow_field("value", get_args(hint)[1]))
        case origin if origin is datetime:
            return pa.timestamp("us", tz="UTC")
        case origin if origin is float:
            return pa.float64()
        case origin if origin is int:
            return pa.int64() if name in _WIDE else pa.int32()
        case origin if is_dataclass(origin):
            return pa.struct([_arrow_field(key, part) for key, part in get_type_hints(origin).items()])
    return pa.string()


def _read_descriptions(row: Any) -> dict[str, str]:
    """Column → attribute docstring, on one line, of `row` and the classes it stands on."""
    found: dict[str, str] = {}
    for cls in reversed(row.__mro__[:-1]):
        statements = ast.parse(inspect.getsource(cls)).body[0].body  # type: ignore[attr-defined]
        for attribute, docstring in pairwise(statements):
            if isinstance(attribute, ast.AnnAssign) and isinstance(docstring, ast.Expr):
                found[ast.unparse(attribute.target)] = " ".join(ast.literal_eval(docstring.value).split())
    return found


def _read_hints(row: Any) -> dict[str, Any]:
    """Field → type, in the order of the fields."""
    hints = get_type_hints(row)
    return {field.name: hints[field.name] for field in fields(row)}


# Assigned, not decorated: mypy takes the class of a dataclass for unhashable where it sees the cache.
_descriptions: Callable[[Any], dict[str, str]] = cache(_read_descriptions)
_hints: Callable[[Any], dict[str, Any]] = cache(_read_hints)


def _arrow_schema(row: Any) -> pa.Schema:
    columns = {name: hint for name, hint in _hints(row).items() if name not in PARTITION_KEYS}
    return pa.schema(
        [_arrow_field(name, hint, _descriptions(row)[name]) for name, hint in columns.items()],
        metadata={b"project": b"policy-archiver", b"schema_version": str(SCHEMA_VERSION).encode()},
    )


STORIES: pa.Schema = _arrow_schema(Story)
REVISIONS: pa.Schema = _arrow_schema(Revision)
LINEAGE: pa.Schema = _arrow_schema(Lineage)


def stories_to_table(stories: Iterable[Story]) -> pa.Table:
    """Return the stories as a table of schema STORIES, in the order given."""
    return _rows_to_table(stories, STORIES)


def revisions_to_table(revisions: Iterable[Revision]) -> pa.Table:
    """Return the revisions as a table of schema REVISIONS, in the order given."""
    return _rows_to_table(revisions, REVISIONS)


def lineage_to_table(rows: Iterable[Lineage]) -> pa.Table:
    """Return the rows as a table of schema LINEAGE, in the order given."""
    return _rows_to_table(rows, LINEAGE)


def table_to_lineage(table: pa.Table, *, date: date) -> list[Lineage]:
    """Return the rows of one day."""
    hints = _hints(Lineage)
    return [
        Lineage(date=date, **{name: _from_arrow(hints[name], value) for name, value in row.items()})
        for row in table.select(LINEAGE.names).to_pylist()
    ]


def _rows_to_table(rows: Iterable[Story | Lineage], schema: pa.Schema) -> pa.Table:
    plain = [{name: _to_arrow(getattr(row, name)) for name in schema.names} for row in rows]
    table = pa.Table.from_pylist(plain, schema=schema)
    for column in schema:
        # Arrow does not look, and the Parquet writer makes an empty list of a null one.
        if not column.nullable and table[column.name].null_count:
            raise ValueError(f"null in column {column.name!r}")
    return table


def _to_arrow(value: Any) -> Any:
    if isinstance(value, list):
        return [_to_arrow(element) for element in value]
    if isinstance(value, dict):
        return sorted(value.items())  # the same row gives the same bytes, whatever the order of its making
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value


def table_to_stories(table: pa.Table, *, date: date, section: str) -> list[Story]:
    """Return the rows of one partition as stories; columns that a story has not are left out."""
    rows = table.select(STORIES.names).to_pylist(maps_as_pydicts="strict")
    hints = _hints(Story)
    return [
        Story(date=date, section=section, **{name: _from_arrow(hints[name], value) for name, value in row.items()})
        for row in rows
    ]


def _from_arrow(hint: Any, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)  # Arrow hands out its own object for UTC
    if isinstance(value, list):
        (element,) = get_args(hint)
        return [part if element is str else element(**part) for part in value]
    return value


def encode_parquet(table: pa.Table) -> pa.Buffer:
    """Return the table as a Parquet file with page checksums; the same rows give the same bytes.

    zstd at level 9: 2,213 bytes and 0.13 ms a row for 232 news stories of 760 words in one file. Level 3 takes 7 %
    more bytes and half the time, level 12 0.7 % fewer and twice the time, level 19 5 % fewer and eight times. All are
    read in about the same time.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.combine_chunks(),
        sink,
        compression="zstd",
        compression_level=9,
        write_page_checksum=True,
        use_dictionary=[name for name in _REPEATED if name in table.column_names],
        write_statistics=[name for name in _FILTERED if name in table.column_names],
    )
    return sink.getvalue()


def story_to_json(story: Story) -> dict[str, Any]:
    """Return the story as `json.dumps` takes it: every column in order, times in ISO 8601 with their offset."""
    return {name: _to_json(getattr(story, name)) for name in _hints(type(story))}


def _to_json(value: Any) -> Any:
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    if isinstance(value, list):
        return [_to_json(element) for element in value]
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value


def story_from_json(data: Any) -> Story:
    """Return the story that `story_to_json` made `data` from; ValueError names the first column that is amiss.

    A column with a default may be missing, for it may be younger than the line.
    """
    return Story(**_read_columns(Story, data))


def revision_from_json(data: Any) -> Revision:
    """Return the revision that `story_to_json` made `data` from; ValueError as `story_from_json`."""
    return Revision(**_read_columns(Revision, data))


def _read_columns(row: Any, data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError(f"not an object: {data!r:.60}")
    hints = _hints(row)
    if unknown := sorted(data.keys() - hints.keys()):
        raise ValueError(f"unknown column {unknown[0]!r:.60}")
    needed = [field.name for field in fields(row) if field.default is field.default_factory is MISSING]
    if missing := [name for name in needed if name not in data]:
        raise ValueError(f"no column {missing[0]!r}")
    columns = {}
    for name, value in data.items():
        try:
            columns[name] = _from_json(name, hints[name], value)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"column {name!r}: {error}") from error
    return columns


def _from_json(name: str, hint: Any, value: Any) -> Any:
    if isinstance(hint, UnionType):
        return None if value is None else _from_json(name, get_args(hint)[0], value)
    match get_origin(hint) or hint, value:
        case origin, str() if origin is str:
            value.encode()  # a lone surrogate is no text, and Arrow refuses it
            return value
        case origin, int() if origin is int and not isinstance(value, bool):
            if not -(limit := 2**63 if name in _WIDE else 2**31) <= value < limit:
                raise ValueError(f"number out of range: {value}")
            return value
        case origin, str() if origin is datetime:
            time = datetime.fromisoformat(value)
            if time.tzinfo is None:
                raise ValueError(f"time without offset: {value!r}")
            return time.astimezone(UTC)
        case origin, str() if origin is date:
            return date.fromisoformat(value)
        case origin, list() if origin is list:
            return [_from_json(name, get_args(hint)[0], element) for element in value]
        case origin, dict() if origin is dict:
            return {_from_json(name, str, key): _from_json(name, str, part) for key, part in value.items()}
        case origin, dict() if isinstance(origin, type) and is_dataclass(origin):
            return origin(**_read_columns(origin, value))
    raise ValueError(f"not of type {_type_name(hint)}: {value!r:.60}")


def describe_columns() -> list[tuple[str, str, str]]:
    """Return name, type and description of each column of `stories`, partition keys too.

    >>> describe_columns()[5]
    ('section_label', 'string?', 'The section as the site prints it.')
    """
    return [(name, _type_name(hint, name), _descriptions(Story)[name]) for name, hint in _hints(Story).items()]


def _type_name(hint: Any, name: str = "") -> str:
    """A type as the data dictionary prints it; `?` marks one that may be null.

    >>> _type_name(str | None), _type_name(dict[str, str]), _type_name(int, "raw_offset")
    ('string?', 'map<string, string>', 'int64')
    """
    if isinstance(hint, UnionType):
        return _type_name(get_args(hint)[0], name) + "?"
    if get_origin(hint) is list:
        return f"list<{_type_name(*get_args(hint))}>"
    if get_origin(hint) is dict:
        return f"map<{', '.join(map(_type_name, get_args(hint)))}>"
    if is_dataclass(hint):
        return f"struct<{', '.join(_hints(hint))}>"
    return "date" if hint is date else str(_arrow_type(name, hint)).replace("tz=", "")


def render_columns() -> str:
    """Return the data dictionary as a Markdown table."""

    def lines() -> Iterator[str]:
        yield "| column | type | what it holds |"
        yield "|---|---|---|"
        for name, kind, description in describe_columns():
            shown = f"`{kind}`, partition key" if name in PARTITION_KEYS else f"`{kind}`"
            yield f"| `{name}` | {shown} | {description.removeprefix('Partition key. ').replace('|', chr(92) + '|')} |"

    return "\n".join(lines()) + "\n"


def place_columns(text: str) -> str:
    """Return a Markdown text with the table of columns between its two marks.

    >>> place_columns("no marks")
    Traceback (most recent call last):
    ValueError: the text needs one line '<!-- columns -->' and below it one line '<!-- /columns -->'
    """
    start, end = "<!-- columns -->\n", "<!-- /columns -->"
    head, _, rest = text.partition(start)
    _, mark, tail = rest.partition(end)
    if not mark or start in tail or end in tail:
        raise ValueError(f"the text needs one line {start.strip()!r} and below it one line {end!r}")
    return f"{head}{start}{render_columns()}{end}{tail}"


def main(arguments: list[str] | None = None) -> int:
    """Put the table of columns into a Markdown file."""
    parser = argparse.ArgumentParser(prog="python -m archiver.schema", description=main.__doc__)
    parser.add_argument("file", help="Markdown file that has the lines <!-- columns --> and <!-- /columns -->")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if the table is out of date")
    options = parser.parse_args(arguments)
    # Plain open(): pathlib and os have no place in a pure module, and this is its one door to a file.
    with open(options.file, encoding="utf-8", newline="") as file:  # noqa: PTH123
        text = file.read()
    try:
        placed = place_columns(text)
    except ValueError as error:
        sys.exit(f"{options.file}: {error}")
    if options.check and placed != text:
        sys.exit(f"{options.file}: the table of columns is out of date; `make columns` renews it")
    if placed != text:
        with open(options.file, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123
            file.write(placed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
