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
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from functools import cache, partial
from itertools import pairwise
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from archiver.items import Story

SCHEMA_VERSION = 1
"""Raised whenever a column is added. A column is never renamed or retyped in place."""

PARTITION_KEYS = ("date", "section")
"""They stand in the path of a file and nowhere in it: pandas and pyarrow refuse a column that stands in both."""

ROWS_A_GROUP = 500
"""Rows of a row group: as many, and a few times as many, are in memory of a file that is written. Most partitions have
fewer, and one group."""

_WIDE = frozenset({"raw_offset"})
"""Whole numbers that may pass 2 147 483 647; the others are int32."""

# Parquet's defaults make a dictionary of every column and keep the least and the greatest value of each, whole bodies
# too. With these lists a file of 10 stories is a fifth smaller, and readers lose nothing that they filter by.
_REPEATED = (
    "site", "section_label", "date_source", "source_name", "source_domain", "source_method", "language", "status",
    "extractor", "raw_file", "revision", "method",
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
    """When the earliest story of the event was published, UTC: `published_at` of the first by rank that has one; the same in
    all rows of the event."""

    rank: int
    """Place of the story in its event: 1 is the earliest by `published_at` (by `first_seen_at` where there is none), ties by
    `first_seen_at`, then by `story_id`. A day without a time counts as its end, or as `first_seen_at` if that was before."""

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
        case origin if origin is date:
            return pa.date32()
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


def _arrow_schema(row: Any, *, keys: bool = False) -> pa.Schema:
    columns = {name: hint for name, hint in _hints(row).items() if keys or name not in PARTITION_KEYS}
    return pa.schema(
        [_arrow_field(name, hint, _descriptions(row)[name]) for name, hint in columns.items()],
        metadata={b"project": b"policy-archiver", b"schema_version": str(SCHEMA_VERSION).encode()},
    )


STORIES: pa.Schema = _arrow_schema(Story)
REVISIONS: pa.Schema = _arrow_schema(Revision)
STORY_COLUMNS: pa.Schema = _arrow_schema(Story, keys=True)
"""What a reader gets: the columns of a file, and amid them the partition keys of its path."""
REVISION_COLUMNS: pa.Schema = _arrow_schema(Revision, keys=True)
LINEAGE: pa.Schema = _arrow_schema(Lineage)
LINEAGE_COLUMNS: pa.Schema = _arrow_schema(Lineage, keys=True)


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
    rows = list(rows)
    columns = []
    for column in schema:
        values = map(attrgetter(column.name), rows)
        array = pa.array(_to_arrow(column.type, values), column.type)
        # Arrow does not look, and the Parquet writer makes an empty list of a null one.
        if not column.nullable and array.null_count:
            raise ValueError(f"null in column {column.name!r}")
        columns.append(array)
    return pa.Table.from_arrays(columns, schema=schema)


def _to_arrow(kind: pa.DataType, values: Iterable[Any]) -> list[Any]:
    """The values of a column as `pa.array` takes them."""
    if pa.types.is_map(kind):  # the same row gives the same bytes, whatever the order of its making
        return [sorted(value.items()) if value is not None else None for value in values]
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        names = [part.name for part in kind.value_type]
        return [
            [{name: getattr(part, name) for name in names} for part in value] if value is not None else None
            for value in values
        ]
    return list(values)


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
    """Return the table as a Parquet file with page checksums; the same rows give the same bytes."""
    sink = pa.BufferOutputStream()
    groups = (table.slice(start, ROWS_A_GROUP) for start in range(0, max(table.num_rows, 1), ROWS_A_GROUP))
    write_parquet(groups, table.schema, sink)
    return sink.getvalue()


def write_parquet(groups: Iterable[pa.Table], schema: pa.Schema, sink: Any) -> None:
    """Write a Parquet file with page checksums, a row group at a time: each of ROWS_A_GROUP rows but the last."""
    levels = _zstd_levels(schema)
    with pq.ParquetWriter(
        sink,
        schema,
        compression=dict.fromkeys(levels, "zstd"),
        compression_level=levels,
        write_page_checksum=True,
        use_dictionary=[name for name in _REPEATED if name in schema.names],
        write_statistics=[name for name in _FILTERED if name in schema.names],
    ) as writer:
        for group in groups:
            writer.write_table(group.combine_chunks(), ROWS_A_GROUP)


@cache
def _zstd_levels(schema: pa.Schema) -> dict[str, int]:
    """Column, as Parquet names it → level of zstd. Those with a dictionary are left out: they get no smaller by it, and each
    compressed column of each file costs 20 µs to write and to read.

    Level 3 for revisions, which are seldom read and written whole at each change, level 6 for the rest: of 490 real news
    pages, 50 to a file, 3,992 bytes and 0.13 ms a row. Level 3 takes 5 % more bytes and half the time, level 9 1.2 % fewer and
    1.4 times the time, level 12 1.6 % fewer and 2.3 times. All are read in about the same time.
    """
    level = 3 if "changed" in schema.names else 6
    return {
        path: level for field in schema if field.name not in _REPEATED for path in _list_leaves(field.name, field.type)
    }


def _list_leaves(path: str, kind: pa.DataType) -> list[str]:
    """The columns of a field, as Parquet names them."""
    if pa.types.is_map(kind):
        return _list_leaves(f"{path}.key_value.key", kind.key_type) + _list_leaves(
            f"{path}.key_value.value", kind.item_type
        )
    if pa.types.is_list(kind):
        return _list_leaves(f"{path}.list.element", kind.value_type)
    if pa.types.is_struct(kind):
        return [leaf for part in kind for leaf in _list_leaves(f"{path}.{part.name}", part.type)]
    return [path]


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


@dataclass(frozen=True, slots=True)
class _Columns:
    """How the columns of a row are read from JSON."""

    read: Mapping[str, Callable[[Any], Any]]
    needed: frozenset[str]
    """Those without a default."""


def _read_columns(row: Any, data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError(f"not an object: {data!r:.60}")
    columns = _columns_of(row)
    if unknown := data.keys() - columns.read.keys():
        raise ValueError(f"unknown column {min(unknown)!r:.60}")
    if not columns.needed <= data.keys():
        missing = next(name for name in columns.read if name in columns.needed and name not in data)
        raise ValueError(f"no column {missing!r}")
    read = columns.read
    values = {}
    for name, value in data.items():
        try:
            values[name] = read[name](value)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"column {name!r}: {error}") from error
    return values


def _make_columns(row: Any) -> _Columns:
    needed = (field.name for field in fields(row) if field.default is field.default_factory is MISSING)
    return _Columns({name: _reader(name, hint) for name, hint in _hints(row).items()}, frozenset(needed))


_columns_of: Callable[[Any], _Columns] = cache(_make_columns)


def _reader(name: str, hint: Any) -> Callable[[Any], Any]:
    """Return what reads the values of a column from JSON, and raises ValueError where one is amiss."""
    if isinstance(hint, UnionType):
        read_some = _reader(name, get_args(hint)[0])
        return lambda value: None if value is None else read_some(value)
    kind = get_origin(hint) or hint
    if kind is str:
        return _read_text
    if kind is int:
        return partial(_read_number, 2**63 if name in _WIDE else 2**31)
    if kind is datetime:
        return _read_time
    if kind is date:
        return lambda value: date.fromisoformat(_check(value, str, hint))
    if kind is list:
        read_each = _reader(name, get_args(hint)[0])
        return lambda value: [read_each(element) for element in _check(value, list, hint)]
    if kind is dict:
        return lambda value: {_read_text(key): _read_text(part) for key, part in _check(value, dict, hint).items()}
    return lambda value: kind(**_read_columns(kind, _check(value, dict, hint)))


def _check(value: Any, kind: type, hint: Any) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"not of type {_type_name(hint)}: {value!r:.60}")
    return value


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        _check(value, str, str)
    if not value.isascii():
        value.encode()  # a lone surrogate is no text, and Arrow refuses it
    return value  # type: ignore[no-any-return]


def _read_number(limit: int, value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError(f"not of type {_type_name(int)}: {value!r:.60}")
    number: int = _check(value, int, int)
    if not -limit <= number < limit:
        raise ValueError(f"number out of range: {number}")
    return number


def _read_time(value: Any) -> datetime:
    time = datetime.fromisoformat(_check(value, str, datetime))
    if time.tzinfo is None:
        raise ValueError(f"time without offset: {value!r}")
    return time.astimezone(UTC)


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
