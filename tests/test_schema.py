from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from stories import ANY_STORY, make_story

from archiver import schema
from archiver.items import Story
from archiver.schema import (
    PARTITION_KEYS,
    REVISIONS,
    SCHEMA_VERSION,
    STORIES,
    describe_columns,
    encode_parquet,
    place_columns,
    stories_to_table,
    story_from_json,
    story_to_json,
    table_to_stories,
)

TEXT = pa.field("element", pa.string(), nullable=False)


def test_columns_are_the_fields_of_a_story_without_the_partition_keys() -> None:
    assert STORIES.names == [field.name for field in fields(Story) if field.name not in ("date", "section")]
    assert REVISIONS.names == [*STORIES.names, "changed", "words_added", "words_removed"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("story_id", pa.string()),
        ("dek", pa.string()),
        ("published_at", pa.timestamp("us", "UTC")),
        ("fetched_at", pa.timestamp("us", "UTC")),
        ("word_count", pa.int32()),
        ("revision", pa.int32()),
        ("raw_offset", pa.int64()),
        ("tags", pa.list_(TEXT)),
        ("provenance", pa.map_(pa.string(), pa.field("value", pa.string(), nullable=False))),
        (
            "faq",
            pa.list_(
                pa.field(
                    "element",
                    pa.struct([pa.field("question", pa.string(), False), pa.field("answer", pa.string(), False)]),
                    nullable=False,
                )
            ),
        ),
    ],
)
def test_types(column: str, expected: pa.DataType) -> None:
    assert STORIES.field(column).type.equals(expected)


def test_a_column_is_nullable_where_the_story_may_lack_it() -> None:
    nullable = {field.name for field in STORIES if field.nullable}
    assert nullable == {field.name for field in fields(Story) if str(field.type).endswith("| None")}
    assert {"title", "body", "faq", "links", "provenance", "first_seen_at"}.isdisjoint(nullable)


def test_the_file_itself_describes_its_columns() -> None:
    read = pq.ParquetFile(pa.BufferReader(encode_parquet(stories_to_table([make_story()])))).schema_arrow
    assert read.equals(STORIES)
    assert read.metadata[b"schema_version"] == str(SCHEMA_VERSION).encode()
    assert read.metadata[b"project"] == b"policy-archiver"
    descriptions = {name: text for name, _, text in describe_columns()}
    assert {field.name: field.metadata[b"description"].decode() for field in read} == {
        name: text for name, text in descriptions.items() if name not in PARTITION_KEYS
    }
    assert all(field.metadata[b"description"] for field in REVISIONS)


@pytest.mark.parametrize("columns", [{"body": None}, {"faq": None}, {"tags": ["a", None]}, {"first_seen_at": None}])
def test_a_null_where_none_may_be_is_not_written(columns: dict[str, Any]) -> None:
    with pytest.raises((ValueError, OSError), match="null"):
        encode_parquet(stories_to_table([make_story(**columns)]))


def test_equal_rows_give_equal_bytes() -> None:
    one, two = make_story("a", provenance={"a": "1", "b": "2"}), make_story("b")
    other = replace(one, provenance={"b": "2", "a": "1"})
    chunked = pa.concat_tables([stories_to_table([other]), stories_to_table([two])])
    assert encode_parquet(chunked).equals(encode_parquet(stories_to_table([one, two])))


def test_every_changed_byte_of_a_page_is_noticed() -> None:
    content = encode_parquet(stories_to_table([make_story(str(number)) for number in range(20)])).to_pybytes()
    whole = pq.ParquetFile(pa.BufferReader(content))
    body = next(
        whole.metadata.row_group(0).column(number)
        for number in range(whole.metadata.num_columns)
        if whole.metadata.row_group(0).column(number).path_in_schema == "body"
    )
    end = body.data_page_offset + body.total_compressed_size
    for position in range(end - 40, end):  # data: the page's header has no checksum, its damage shows otherwise
        damaged = bytearray(content)
        damaged[position] ^= 1
        with pytest.raises((pa.ArrowException, OSError)):
            pq.ParquetFile(pa.BufferReader(damaged), page_checksum_verification=True).read()


@settings(max_examples=60, deadline=None)
@given(ANY_STORY)
def test_a_story_comes_back_from_json(story: Story) -> None:
    data = json.loads(json.dumps(story_to_json(story)))
    assert story_from_json(data) == story
    assert list(data) == [field.name for field in fields(Story)]


@settings(max_examples=60, deadline=None)
@given(ANY_STORY)
def test_a_story_comes_back_from_parquet(story: Story) -> None:
    read = pq.ParquetFile(pa.BufferReader(encode_parquet(stories_to_table([story])))).read()
    (back,) = table_to_stories(read, date=story.date, section=story.section)
    assert back == story
    assert back.fetched_at.tzinfo is UTC


@pytest.mark.parametrize("time", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_the_first_and_the_last_year_come_back(time: datetime) -> None:
    story = make_story(published_at=time, date=time.date())
    table = stories_to_table([story])
    assert table_to_stories(table, date=story.date, section=story.section) == [story]
    assert story_from_json(story_to_json(story)) == story


def test_a_time_of_another_zone_comes_back_in_utc() -> None:
    time = datetime(2026, 6, 29, 9, tzinfo=timezone(timedelta(hours=2)))
    back = story_from_json(story_to_json(make_story(published_at=time)))
    assert (back.published_at, back.published_at and back.published_at.tzinfo) == (time, UTC)


def test_a_column_younger_than_the_line_takes_its_default() -> None:
    data = story_to_json(make_story())
    del data["flags"], data["raw_offset"]
    assert story_from_json(data) == make_story()


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"title": None}, "column 'title': not of type string: None"),
        ({"word_count": "9"}, "column 'word_count': not of type int32: '9'"),
        ({"word_count": True}, "column 'word_count': not of type int32: True"),
        ({"word_count": 9.0}, "column 'word_count': not of type int32: 9.0"),
        ({"revision": 2**31}, "column 'revision': number out of range: 2147483648"),
        ({"raw_offset": 2**63}, "column 'raw_offset': number out of range"),
        ({"fetched_at": "2026-06-29T09:00:00"}, "column 'fetched_at': time without offset"),
        ({"fetched_at": "yesterday"}, "column 'fetched_at': Invalid isoformat"),
        ({"fetched_at": "0001-01-01T00:00:00+05:00"}, "column 'fetched_at': "),
        ({"date": "2026-13-01"}, "column 'date': "),
        ({"tags": "a"}, "column 'tags': not of type list<string>: 'a'"),
        ({"tags": [None]}, "column 'tags': not of type string: None"),
        ({"faq": [{"question": "Who?"}]}, "column 'faq': no column 'answer'"),
        ({"faq": [["Who?", "We."]]}, "column 'faq': not of type struct<question, answer>"),
        ({"provenance": {"title": 1}}, "column 'provenance': not of type string: 1"),
        ({"body": "\ud800"}, "column 'body': 'utf-8' codec"),
        ({"headline": "x"}, "unknown column 'headline'"),
    ],
)
def test_what_is_no_story_is_refused_by_column(columns: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        story_from_json(story_to_json(make_story()) | columns)
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize(("data", "reason"), [(None, "not an object"), ([], "not an object"), ({}, "no column 'story")])
def test_what_is_no_object_is_refused(data: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        story_from_json(data)


def test_the_types_of_the_data_dictionary() -> None:
    kinds = {name: kind for name, kind, _ in describe_columns()}
    assert list(kinds) == [field.name for field in fields(Story)]
    assert kinds["date"] == "date"
    assert kinds["dek"] == "string?"
    assert kinds["faq"] == "list<struct<question, answer>>"
    assert kinds["published_at"] == "timestamp[us, UTC]?"
    assert (kinds["word_count"], kinds["raw_offset"]) == ("int32", "int64?")


def test_the_table_of_columns_goes_between_its_marks_and_stays() -> None:
    text = "# Title\n\n<!-- columns -->\nthe table of last year\n<!-- /columns -->\n\nThe end.\n"
    placed = place_columns(text)
    assert placed.startswith("# Title\n\n<!-- columns -->\n| column | type | what it holds |\n")
    assert placed.endswith(" |\n<!-- /columns -->\n\nThe end.\n")
    assert "last year" not in placed
    assert "| `section` | `string`, partition key | Slug of the section" in placed
    assert place_columns(placed) == placed
    rows = [line for line in placed.splitlines() if line.startswith("| `")]
    assert len(rows) == len(fields(Story))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<!-- columns -->\n",
        "<!-- /columns -->\n<!-- columns -->\n",
        "<!-- columns -->\n<!-- /columns -->\n<!-- columns -->\n<!-- /columns -->\n",
    ],
)
def test_a_text_without_one_pair_of_marks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="columns"):
        place_columns(text)


def test_the_command_renews_the_table_and_checks_it(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_bytes(b"<!-- columns -->\n<!-- /columns -->\r\n")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "archiver.schema", str(readme), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    stale = run("--check")
    assert (stale.returncode, "out of date" in stale.stderr) == (1, True)
    assert readme.read_bytes() == b"<!-- columns -->\n<!-- /columns -->\r\n"
    assert run().returncode == 0
    assert readme.read_bytes().endswith(b"<!-- /columns -->\r\n")
    assert run("--check").returncode == 0
    readme.write_text("no marks")
    refused = run()
    assert (refused.returncode, str(readme) in refused.stderr) == (1, True)


def test_a_partition_key_is_described_but_stands_in_no_file() -> None:
    assert schema.PARTITION_KEYS == ("date", "section")
    (story,) = table_to_stories(stories_to_table([make_story()]), date=date(2026, 1, 2), section="x")
    assert (story.date, story.section) == (date(2026, 1, 2), "x")
