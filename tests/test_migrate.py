"""`archiver migrate`: an archive of an older version brought up to date, whenever it is killed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from stories import fill_inbox, make_story, published_tree

from archiver.commands import main
from archiver.schema import encode_parquet
from archiver.store import migrate as migrate_module
from archiver.store import sqlite as sqlite_module
from archiver.store.archive import Archive, DamagedFileError, Partition, decode_parquet
from archiver.store.faults import Checked
from archiver.store.ledgerfile import ledger_file
from archiver.store.manifest import write_manifest
from archiver.store.migrate import migrate
from archiver.store.publish import PublishError, publish
from archiver.store.seal import seal_json
from archiver.store.tables import MIGRATIONS
from archiver.store.verify import verify

OLD = {b"project": b"policy-archiver", b"schema_version": b"0"}


def to_version_0(table: pa.Table) -> pa.Table:
    """A version that never was: the title has another name, flags and extractor are not there yet."""
    table = table.drop_columns(["flags", "extractor"])
    names = ["headline" if name == "title" else name for name in table.column_names]
    return table.rename_columns(names).replace_schema_metadata(OLD)


def from_version_0(table: pa.Table) -> pa.Table:
    return table.rename_columns(["title" if name == "headline" else name for name in table.column_names])


STEPS = {0: from_version_0}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An archive of version 0, and what it is to become beside it."""
    archive = Archive(tmp_path / "data")
    stories = [make_story(slug, section=slug[:3], extractor="") for slug in ("abc-1", "abc-2", "xyz-1")]
    fill_inbox(archive, "1", *stories)
    publish(archive)
    archive.put_atomic(archive.runs_dir / "1.json", lambda file: file.write(seal_json({"run": "1"})))
    return archive


def age(archive: Archive) -> None:
    for path in archive.root.glob("*/date=*/*/*.parquet"):
        path.write_bytes(encode_parquet(to_version_0(decode_parquet(path.read_bytes()))).to_pybytes())
    (archive.runs_dir / "1.json").write_text('{"run": "1"}\n')
    for path in archive.root.glob("manifest*/*.json"):
        path.unlink()
    archive.manifest_file.unlink()
    parts = [path.parent for path in archive.stories_dir.glob("*/*/*.parquet")]
    days = [(path.parent.name.removeprefix("date="), path.name.removeprefix("section=")) for path in parts]
    write_manifest(archive, [Partition(date.fromisoformat(day), section) for day, section in days])


def test_an_archive_of_an_older_version_becomes_what_it_would_be_today(archive: Archive) -> None:
    today = published_tree(archive)
    age(archive)
    assert {fault.kind for fault in verify(archive, Checked())} == {"older", "damaged"}
    fill_inbox(archive, "2", make_story("abc-1", body="Another text."))
    with pytest.raises(PublishError, match="archiver migrate"):
        publish(archive)
    (archive.inbox_dir / "2.jsonl").unlink()
    assert len(list(migrate(archive, STEPS))) == 7
    assert published_tree(archive) == today
    assert list(verify(archive, Checked())) == []
    assert list(migrate(archive, STEPS)) == []


def test_killed_at_any_write_and_run_again_it_ends_the_same(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    today = published_tree(archive)
    put, left = Archive.put_atomic, 0

    def put_or_die(self: Archive, *arguments: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt
        put(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Archive, "put_atomic", put_or_die)
    for point in range(1, 8):
        left = 0
        age(archive)
        left = point
        with pytest.raises(KeyboardInterrupt):
            list(migrate(archive, STEPS))
        left = 0
        list(migrate(archive, STEPS))
        assert published_tree(archive) == today, point


def test_what_no_step_fills_or_a_newer_archiver_wrote_is_refused(
    archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    age(archive)
    with pytest.raises(DamagedFileError, match="headline"):
        list(migrate(archive))
    assert main(["migrate", "--root", str(archive.root)]) == 1
    assert "no step of the migration" in capsys.readouterr().err
    list(migrate(archive, STEPS))
    path = next(archive.root.glob("stories/*/*/*.parquet"))
    table = decode_parquet(path.read_bytes()).replace_schema_metadata({b"schema_version": b"99"})
    path.write_bytes(encode_parquet(table).to_pybytes())
    with pytest.raises(DamagedFileError, match="newer archiver"):
        list(migrate(archive, STEPS))


def test_ledgers_are_migrated_too(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = (*MIGRATIONS, ("CREATE TABLE more (x TEXT)",))
    monkeypatch.setattr(migrate_module, "MIGRATIONS", newer)
    assert main(["migrate", "--root", str(archive.root)]) == 0
    assert capsys.readouterr().out == "state/wire.example.sqlite\n1 files brought up to date.\n"
    with closing(sqlite3.connect(ledger_file(archive, "wire.example"))) as ledger:
        assert ledger.execute("SELECT count(*) FROM more").fetchone() == (0,)
    assert main(["migrate", "--root", str(archive.root)]) == 0
    assert capsys.readouterr().out == "Up to date already.\n"


def test_run_records_of_the_first_version_get_their_digest(archive: Archive) -> None:
    path = archive.runs_dir / "1.json"
    path.write_text(json.dumps({"run": "1", "pages": 3}))
    assert [fault.kind for fault in verify(archive, Checked())] == ["damaged"]
    list(migrate(archive))
    assert list(verify(archive, Checked())) == []
    assert json.loads(path.read_bytes())["pages"] == 3


def test_the_version_of_a_ledger_is_read_without_touching_it(archive: Archive) -> None:
    assert sqlite_module.read_version_of(ledger_file(archive, "wire.example")) == len(MIGRATIONS)
