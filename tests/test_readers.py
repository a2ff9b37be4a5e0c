"""What analysts get with plain pandas, polars, DuckDB and pyarrow and no code of ours; and that ours gives the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from stories import fill_inbox, make_story

import archiver
from archiver.items import Faq
from archiver.schema import PARTITION_KEYS, STORIES, stories_to_table
from archiver.store.archive import Archive
from archiver.store.publish import publish

DAY = date(2026, 6, 29)
ODD = "“Naïve” — 漢字 🧾 e\u0301 \u202dRTL\u202c %2F %s {0} \\n 'q' \"q\"\n\n| NULL | nan | ; -- \t #"

EXPECTED = [
    make_story("plain"),
    make_story("second", body=ODD, title=ODD, tags=[ODD, ""], provenance={ODD: ODD, "": ""}),
    make_story("umlaut", section="ökologie"),
    make_story("han", section="政策", body="漢字" * 3000),
    make_story("space", section="ai-education", site="127.0.0.1:8000"),
    # a file in which every column is null or empty that may be
    make_story(
        "bare",
        section="unsectioned",
        date=date(2026, 6, 28),
        section_label=None,
        dek=None,
        faq=[],
        authors=[],
        source_name=None,
        source_url=None,
        source_domain=None,
        source_method=None,
        links=[],
        related=[],
        published_at=None,
        published_raw=None,
        language=None,
        tags=[],
        provenance={},
    ),
    # and one in which none is
    make_story(
        "full",
        section="markets",
        date=date(2026, 7, 1),
        modified_at=datetime(2026, 7, 1, 1, 2, 3, 456789, tzinfo=UTC),
        image_url="https://wire.example/a.jpg",
        flags=["truncated"],
        faq=[Faq(question="Who?", answer=ODD), Faq(question="", answer="")],
        raw_file="raw/2026-07-01/wire.example-1.warc.gz",
        raw_offset=2**40,
        raw_sha256="0" * 64,
    ),
    make_story("first", date=date.min, published_at=datetime.min.replace(tzinfo=UTC), date_source="text"),
    make_story("last", date=date.max, published_at=datetime.max.replace(tzinfo=UTC), date_source="text"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive as it lies on disk; nothing of ours is used after this."""
    archive = Archive(tmp_path_factory.mktemp("readers") / "data")
    fill_inbox(archive, "1", *EXPECTED)
    publish(archive)
    return archive.root


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """Rows in the order of their addresses, partition keys as date and text, maps as dictionaries."""
    rows = []
    for row in table.to_pylist(maps_as_pydicts="strict"):
        row["date"] = row["date"] if isinstance(row["date"], date) else date.fromisoformat(row["date"])
        row["section"] = str(row["section"])
        row["provenance"] = _to_map(row["provenance"])
        rows.append({name: row[name] for name in sorted(row)})
    return sorted(rows, key=lambda row: str(row["url"]))


def _to_map(value: Any) -> dict[str, str]:
    """polars has no maps: it makes them lists of keys and values."""
    return value if isinstance(value, dict) else {pair["key"]: pair["value"] for pair in value}


def expected_rows() -> list[dict[str, Any]]:
    table = stories_to_table(EXPECTED)
    table = table.append_column("date", pa.array([story.date for story in EXPECTED], pa.date32()))
    return rows_of(table.append_column("section", pa.array([story.section for story in EXPECTED])))


def read_pyarrow(root: Path) -> pa.Table:
    return ds.dataset(root / "stories", partitioning="hive").to_table()


def read_pandas(root: Path) -> pa.Table:
    frame = pd.read_parquet(root / "stories", dtype_backend="pyarrow")
    return pa.Table.from_pandas(frame.astype({"section": str, "date": str}), preserve_index=False)


def read_polars(root: Path) -> pa.Table:
    return pl.read_parquet(root / "stories").to_arrow()


def read_polars_glob(root: Path) -> pa.Table:
    return pl.scan_parquet(root / "stories/**/*.parquet", hive_partitioning=True).collect().to_arrow()


def read_duckdb(root: Path) -> pa.Table:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        query = "SELECT * FROM read_parquet(?, hive_partitioning = true)"
        return connection.sql(query, params=[f"{root}/stories/**/*.parquet"]).to_arrow_table()


def read_load(root: Path) -> pa.Table:
    return archiver.load(root=root)


def read_connect(root: Path) -> pa.Table:
    with archiver.connect(root) as connection:
        return connection.sql("FROM stories").to_arrow_table()


READERS = [read_pyarrow, read_pandas, read_polars, read_polars_glob, read_duckdb, read_load, read_connect]


@pytest.mark.parametrize("read", READERS)
def test_every_reader_gives_the_same_rows(root: Path, read: Callable[[Path], pa.Table]) -> None:
    assert rows_of(read(root)) == expected_rows()


def kind_of(kind: pa.DataType) -> str:
    """A type without the reader's own choice between equal representations: large and view strings, names of parts."""
    if pa.types.is_dictionary(kind):
        return kind_of(kind.value_type)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "string"
    if pa.types.is_map(kind):
        return f"list<struct<key: {kind_of(kind.key_type)}, value: {kind_of(kind.item_type)}>>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{part.name}: {kind_of(part.type)}' for part in kind)}>"
    if hasattr(kind, "value_type"):
        return f"list<{kind_of(kind.value_type)}>"
    return str(kind)


@pytest.mark.parametrize("read", READERS)
def test_every_reader_gives_the_same_types(root: Path, read: Callable[[Path], pa.Table]) -> None:
    kinds = {field.name: kind_of(field.type) for field in read(root).schema if field.name not in PARTITION_KEYS}
    assert kinds == {field.name: kind_of(field.type) for field in STORIES}
    assert kinds["published_at"] == "timestamp[us, tz=UTC]"


def test_the_partition_keys_are_what_each_reader_makes_of_them(root: Path) -> None:
    frame = pd.read_parquet(root / "stories")
    assert (frame["date"].dtype.name, frame["section"].dtype.name) == ("category", "category")
    lazy = pl.scan_parquet(root / "stories/**/*.parquet", hive_partitioning=True)
    schema = lazy.collect_schema()
    assert (schema["date"], schema["section"]) == (pl.Date(), pl.String())
    query = "DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning = true)"
    kinds = {name: kind for name, kind, *_ in duckdb.execute(query, [f"{root}/stories/**/*.parquet"]).fetchall()}
    assert (kinds["date"], kinds["section"]) == ("DATE", "VARCHAR")
    inferred = ds.dataset(root / "stories", partitioning="hive").schema
    assert (inferred.field("date").type, inferred.field("section").type) == (pa.string(), pa.string())


def test_the_conversion_of_the_partition_keys(root: Path) -> None:
    frame = pd.read_parquet(root / "stories")
    frame["section"] = frame["section"].astype(str)
    # not pandas.to_datetime alone: it takes year 1 and 9999, too, but only in seconds, as here
    frame["date"] = frame["date"].astype(str).astype("datetime64[s]")
    row = frame.set_index("url").loc[EXPECTED[0].url]
    assert (row["date"], row["section"]) == (pd.Timestamp("2026-06-29"), "policy")
    keys = pa.schema([("date", pa.date32()), ("section", pa.string())])
    typed = ds.dataset(root / "stories", partitioning=ds.partitioning(keys, flavor="hive"))
    assert typed.to_table(filter=ds.field("date") == DAY).num_rows == 5


@pytest.mark.parametrize("section", ["policy", "ökologie", "政策"])
def test_every_reader_finds_a_partition_by_its_key(root: Path, section: str) -> None:
    count = sum(story.section == section and story.date == DAY for story in EXPECTED)
    assert (
        len(pd.read_parquet(root / "stories", filters=[("section", "==", section), ("date", "==", "2026-06-29")]))
        == count
    )
    lazy = pl.scan_parquet(root / "stories/**/*.parquet", hive_partitioning=True)
    assert lazy.filter(pl.col("section") == section, pl.col("date") == DAY).collect().height == count
    query = "SELECT count(*) FROM read_parquet(?, hive_partitioning = true) WHERE section = ? AND date = ?"
    glob = f"{root}/stories/**/*.parquet"
    assert duckdb.execute(query, [glob, section, DAY]).fetchone() == (count,)
    dataset = ds.dataset(root / "stories", partitioning="hive")
    chosen = dataset.to_table(filter=(ds.field("section") == section) & (ds.field("date") == "2026-06-29"))
    assert chosen.num_rows == count


def test_plain_pandas_keeps_times_in_microseconds_even_of_year_1_and_9999(root: Path) -> None:
    frame = pd.read_parquet(root / "stories").set_index("url")
    assert str(frame["published_at"].dtype) == "datetime64[us, UTC]"
    first, last = (frame["published_at"][f"https://wire.example/article/{slug}"] for slug in ("first", "last"))
    assert (first.to_pydatetime(), last.to_pydatetime()) == (
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    )
    with pytest.raises(pd.errors.OutOfBoundsDatetime):
        frame["published_at"].astype("datetime64[ns, UTC]")


def test_plain_pandas_types(root: Path) -> None:
    """What `pd.read_parquet` gives without dtype_backend: as it is, numbers with nulls become floats."""
    kinds = pd.read_parquet(root / "stories").dtypes.astype(str)
    assert kinds[["word_count", "revision", "raw_offset"]].tolist() == ["int32", "int32", "float64"]
    assert kinds[["faq", "links", "provenance"]].tolist() == ["object"] * 3


def test_revisions_are_read_like_stories(root: Path) -> None:
    counts = [
        len(pd.read_parquet(root / "revisions")),
        pl.read_parquet(root / "revisions").height,
        ds.dataset(root / "revisions", partitioning="hive").count_rows(),
        *duckdb.execute("SELECT count(*) FROM read_parquet(?)", [f"{root}/revisions/**/*.parquet"]).fetchall()[0],
    ]
    assert counts == [len(EXPECTED)] * 4


def test_no_file_holds_a_partition_key(root: Path) -> None:
    for path in [*(root / "stories").rglob("*.parquet"), *(root / "revisions").rglob("*.parquet")]:
        assert set(PARTITION_KEYS).isdisjoint(pq.read_schema(path).names)


def test_nothing_but_finished_files_stands_where_readers_look(root: Path) -> None:
    names = {path.name for tree in ("stories", "revisions") for path in (root / tree).rglob("*") if path.is_file()}
    assert names == {"stories.parquet", "revisions.parquet"}
