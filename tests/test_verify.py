"""`archiver verify`: every flipped bit is found, every disagreement named, and what can be rebuilt is rebuilt."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from stories import NOW, fill_inbox, make_story

from archiver.commands import main
from archiver.items import Found, Story
from archiver.schema import encode_parquet, stories_to_table, table_to_stories
from archiver.store import removal as removal_module
from archiver.store.archive import Archive, Partition
from archiver.store.exchange import Exchange
from archiver.store.faults import Checked, Fault
from archiver.store.inbox import InboxWriter
from archiver.store.ledger import Ledger, reserve_partitions
from archiver.store.ledgerfile import ledger_file, removed_file
from archiver.store.manifest import write_manifest
from archiver.store.publish import publish
from archiver.store.raw import RawWriter
from archiver.store.raw_read import RawRecord
from archiver.store.removal import remove_story
from archiver.store.repair import repair
from archiver.store.seal import seal_file, seal_json, wal_of
from archiver.store.verify import verify

SITES = ("wire.example", "desk.example")
DAY = timedelta(days=1)


def crawl(archive: Archive, run: str, site: str, stories: list[Story]) -> None:
    """What a crawl leaves behind: raw pages, stories in the inbox, the ledger, a run record."""
    with (
        RawWriter(archive, site, run, started_at=NOW) as raw,
        InboxWriter(archive, run) as inbox,
        Ledger.open(archive, site) as ledger,
    ):
        for story in stories:
            body = f"<html><h1>{story.title}</h1>{story.body}</html>".encode()
            headers = (("Content-Type", "text/html"),)
            exchange = Exchange(url=story.url, status=200, headers=headers, body=body, fetched_at=story.fetched_at)
            place = raw.write(exchange, {"kind": "story", "asked": story.url, "spider": "wire"})
            row = replace(story, raw_file=place.file, raw_offset=place.offset, raw_sha256=place.sha256)
            inbox.append(row)
            ledger.note_found([(story.url, Found(via="listing"))], story.fetched_at)
            ledger.note_fetched(
                story.url,
                at=story.fetched_at,
                etag='"1"',
                payload_sha256=place.sha256,
                raw_file=place.file,
                raw_offset=place.offset,
                content_hash=row.content_hash,
                story_id=row.story_id,
            )
    publish(archive)
    archive.put_atomic(archive.runs_dir / f"{run}.json", lambda file: file.write(seal_json({"run": run, "pages": 3})))


def build(root: Path) -> Archive:
    """An archive of two sites, three days and two sections, one story of which has two revisions."""
    archive = Archive(root)
    for site in SITES:
        slugs = {f"{section}-{number}": (section, number) for section in ("policy", "energy") for number in range(3)}
        stories = [
            make_story(slug, site=site, section=section, date=NOW.date() + number * DAY)
            for slug, (section, number) in slugs.items()
        ]
        crawl(archive, f"1-{site}", site, stories)
    again = make_story("policy-0", fetched_at=NOW + DAY, body="Another text.")
    crawl(archive, f"2-{SITES[0]}", SITES[0], [again])
    with Ledger.open(archive, SITES[0]) as ledger:
        ledger.remember_removed("https://wire.example/article/gone", None, "asked by its author", NOW)
    return archive


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("verify") / "data").root


@pytest.fixture
def archive(built: Path, tmp_path: Path) -> Archive:
    shutil.copytree(built, tmp_path / "data")
    return Archive(tmp_path / "data")


def faults_of(archive: Archive) -> list[Fault]:
    return list(verify(archive, Checked()))


def lines(archive: Archive) -> list[str]:
    return [str(fault) for fault in faults_of(archive)]


def files_of(archive: Archive) -> list[Path]:
    """Every file but locks, and the index of lineage: it holds nothing of its own, tests/test_lineage_table.py has its checks."""
    paths = (path for path in archive.root.rglob("*") if path.is_file() and path.suffix not in (".lock", ".db"))
    return sorted(path for path in paths if path.stat().st_size)


def flip(path: Path, at: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))


PARTITION = Partition(NOW.date(), "policy")


# --- what is right


def test_an_archive_that_is_as_it_was_written_has_no_fault(
    archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in files_of(archive)}
    assert main(["verify", "--root", str(archive.root)]) == 0
    captured = capsys.readouterr()
    assert captured.out == (
        "no fault: 6 partitions, 12 stories, 13 revisions, 3 lineage files, 2 ledgers, 13 addresses, 3 run records, "
        "3 raw files checked\n"
    ).replace("13 addresses", "12 addresses")
    assert captured.err == ""
    assert {path: path.read_bytes() for path in files_of(archive)} == before


def test_an_archive_that_was_only_published_into_and_an_empty_one_have_no_fault(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "data")
    archive.check_writable()
    assert faults_of(archive) == []
    fill_inbox(archive, "1", make_story())
    publish(archive)
    assert faults_of(archive) == []


def test_a_crawl_under_way_is_left_alone(archive: Archive) -> None:
    site = SITES[0]
    with (
        RawWriter(archive, site, "3", started_at=NOW) as raw,
        InboxWriter(archive, "3") as inbox,
        Ledger.open(archive, site) as ledger,
    ):
        raw.write(Exchange(url="https://wire.example/x", status=200, headers=(), body=b"x", fetched_at=NOW), {})
        inbox.append(make_story("x"))
        ledger.note_fetched("https://wire.example/x", at=NOW, content_hash="1", story_id="1")
        ledger.flush()
        checked = Checked()
        assert list(verify(archive, checked)) == []
        assert len(checked.notes) == 3


# --- flipped bits


def check_flips(archive: Archive, number: int, seed: int) -> None:
    chance, paths = random.Random(seed), files_of(archive)
    kinds: dict[tuple[str, str], list[Path]] = {}
    for path in paths:
        kinds.setdefault((path.relative_to(archive.root).parts[0], path.suffix), []).append(path)
    assert len(kinds) == 11
    for path in [chance.choice(kinds[sorted(kinds)[count % len(kinds)]]) for count in range(number)]:
        content = path.read_bytes()
        at, bit = chance.randrange(len(content)), chance.randrange(8)
        flip(path, at, bit)
        faults = lines(archive)
        assert any(path.name in fault for fault in faults), f"{path}: bit {bit} of byte {at}: {faults}"
        path.write_bytes(content)
    assert lines(archive) == []


def test_flipped_bits_are_found(archive: Archive) -> None:
    check_flips(archive, 60, seed=1)


def test_flipped_bits_in_what_a_kill_left_are_found(archive: Archive) -> None:
    """Stories that wait in the inbox, and the ledger's log: but for its last frame, which a kill may have torn."""
    subprocess.run([sys.executable, "-c", DIE, str(archive.root)], check=False)
    inbox = fill_inbox(archive, "9", make_story("late"), make_story("later"))
    log = wal_of(ledger_file(archive, SITES[0]))
    last_frame = 24 + 4096
    chance, before = random.Random(3), lines(archive)
    assert len(before) == 1
    for path, end in ((inbox, inbox.stat().st_size), (log, log.stat().st_size - last_frame)):
        assert end > 200
        content = path.read_bytes()
        for _ in range(40):
            at, bit = chance.randrange(end), chance.randrange(8)
            flip(path, at, bit)
            found = [fault for fault in lines(archive) if fault not in before and path.name in fault]
            assert found, f"{path}: bit {bit} of byte {at}"
            path.write_bytes(content)
    assert lines(archive) == before


def test_a_log_torn_by_a_kill_is_no_damage(archive: Archive) -> None:
    subprocess.run([sys.executable, "-c", DIE, str(archive.root)], check=False)
    log = wal_of(ledger_file(archive, SITES[0]))
    content = log.read_bytes()
    for size in (0, 20, 32, 100, len(content) - 4096, len(content) - 1):
        log.write_bytes(content[:size])
        assert lines(archive) == [], size


def test_journals_that_a_kill_left_are_named(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(removal_module, "write_manifest", interrupt)
        remove_story(archive, make_story("policy-1").url, "a test", NOW)
    assert "a take-down half done" in "".join(lines(archive))
    assert any("its take-down was finished" in str(done) for done in list(repair(archive)))
    assert lines(archive) == []


@pytest.mark.torture
def test_every_one_of_many_flipped_bits_is_found(archive: Archive) -> None:
    check_flips(archive, 1000, seed=2)


@pytest.mark.torture
def test_every_bit_of_the_small_files_counts(archive: Archive) -> None:
    for path in [archive.manifest_file, *archive.runs_dir.iterdir(), removed_file(archive, SITES[0])]:
        content = path.read_bytes()
        for at in range(len(content)):
            flip(path, at, at % 8)
            assert any(path.name in fault for fault in lines(archive)), f"{path}: byte {at}"
            path.write_bytes(content)


def test_a_file_cut_short_is_found(archive: Archive) -> None:
    for path in files_of(archive):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        assert any(path.name in fault for fault in lines(archive)), path
        path.write_bytes(content)


# --- what disagrees


def rewrite(archive: Archive, partition: Partition, *, change: dict[str, object]) -> None:
    """Change the first story of a partition, the manifest with it."""
    path = archive.stories_file(partition)
    table = pq.ParquetFile(path).read()
    stories = table_to_stories(archive.read_stories(partition), date=partition.date, section=partition.section)
    assert table.num_rows == len(stories)
    table = stories_to_table([replace(stories[0], **change), *stories[1:]])  # type: ignore[arg-type]
    path.write_bytes(encode_parquet(table).to_pybytes())
    write_manifest(archive, [partition])


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"title": "Another"}, "title of story"),
        ({"revision": 7}, "revision of story"),
        ({"story_id": "0" * 16}, "has no row in revisions"),
        ({"raw_offset": 3}, "offset 3"),
        ({"raw_file": "2026-06-29/none.warc.gz"}, "no such file"),
        ({"raw_file": "../state/x.warc.gz"}, "no such file"),
        ({"raw_sha256": "0" * 64}, "not the SHA-256 that the row says"),
        ({"raw_file": None}, "a place in no raw file"),
    ],
)
def test_rows_that_disagree_are_named(archive: Archive, change: dict[str, object], what: str) -> None:
    rewrite(archive, PARTITION, change=change)
    found = lines(archive)
    assert any(what in line and line.startswith(f"stories/{PARTITION.path}/") for line in found), found


def test_a_story_in_two_partitions_is_named(archive: Archive) -> None:
    other = Partition(NOW.date(), "zoo")
    for path in (archive.stories_file, archive.revisions_file):
        path(other).parent.mkdir(parents=True)
        shutil.copy(path(PARTITION), path(other))
    write_manifest(archive, [other])
    assert sum("stands in date=2026-06-29/section=policy too" in line for line in lines(archive)) == 2


def test_files_that_nothing_names_and_entries_without_a_file_are_named(archive: Archive) -> None:
    for name in ("stories/.hidden", "stories/date=2026-06-29/x.txt", "raw/2026-06-29/x", "runs/x.tmp", "inbox/x"):
        (archive.root / name).write_bytes(b"x")
    stray = archive.stories_file(Partition(NOW.date(), "stray"))
    stray.parent.mkdir()
    shutil.copy(archive.stories_file(PARTITION), stray)
    archive.revisions_file(PARTITION).unlink()
    found = [fault.file for fault in faults_of(archive) if fault.kind in ("unknown", "missing")]
    assert set(found) == {
        "stories/.hidden",
        "stories/date=2026-06-29/x.txt",
        "raw/2026-06-29/x",
        "runs/x.tmp",
        "inbox/x",
        "stories/date=2026-06-29/section=stray/stories.parquet",
        "revisions/date=2026-06-29/section=stray/revisions.parquet",
        "revisions/date=2026-06-29/section=policy/revisions.parquet",
    }


def edit_ledger(archive: Archive, statement: str, site: str = SITES[0]) -> None:
    """As the archiver itself would: the seal fits afterwards."""
    with closing(sqlite3.connect(ledger_file(archive, site))) as connection, connection:
        assert connection.execute(statement).rowcount
    seal_file(ledger_file(archive, site)).unlink()


LEDGER_FAULTS = [
    ("DELETE FROM stories", "has no place"),
    ("UPDATE stories SET section = 'x'", "has its place in date=2026-06-29/section=x"),
    ("INSERT INTO stories VALUES ('1', '2026-06-29', 'policy')", "where no story is"),
    ("DELETE FROM urls WHERE url LIKE '%policy-1'", "has no address here"),
    ("UPDATE urls SET story_id = '1' WHERE url LIKE '%policy-1'", "counts as archived, and is not"),
    ("UPDATE urls SET raw_offset = 5 WHERE url LIKE '%policy-1'", "offset 5"),
]


@pytest.mark.parametrize(("statement", "what"), LEDGER_FAULTS)
def test_a_ledger_that_disagrees_with_the_archive_is_named_and_brought_to_it(
    archive: Archive, statement: str, what: str
) -> None:
    edit_ledger(archive, statement)
    assert any(what in line for line in lines(archive))
    assert list(repair(archive))
    assert lines(archive) == []
    assert seal_file(ledger_file(archive, SITES[0])).exists()


def test_what_a_killed_crawl_left_is_told_apart_and_finished(archive: Archive) -> None:
    (raw,) = archive.root.glob("raw/*/desk*.gz")
    with raw.open("ab") as file:
        file.write(raw.read_bytes()[:100])
    Path(f"{raw}.sha256").unlink()
    fill_inbox(archive, "9", make_story("late"))
    assert [fault.kind for fault in faults_of(archive)] == ["left-over", "left-over"]
    told = [str(done) for done in repair(archive)]
    assert any("closed, as its crawl was killed" in line for line in told)
    assert "inbox/9.jsonl: published: 1 stories" in told
    # The ledger knows nothing of that story's address yet.
    assert lines(archive) == []


# --- repair


def damage(path: Path) -> bytes:
    content = path.read_bytes()
    path.write_bytes(content[:40] + bytes(40) + content[80:])
    return content


@pytest.mark.parametrize("name", ["stories", "revisions"])
def test_a_partition_is_rebuilt_byte_for_byte_from_its_fellow(archive: Archive, name: str) -> None:
    partition = Partition(NOW.date() + DAY, "energy")
    path = archive.stories_file(partition) if name == "stories" else archive.revisions_file(partition)
    content = damage(path)
    assert main(["verify", "--repair", "--root", str(archive.root)]) == 0
    assert path.read_bytes() == content
    (aside,) = (archive.state_dir / "damaged").rglob("*.parquet")
    assert aside.relative_to(archive.state_dir / "damaged") == path.relative_to(archive.root)


def test_a_flip_in_the_footer_that_no_reader_sees_is_mended(archive: Archive) -> None:
    path = archive.stories_file(PARTITION)
    content = path.read_bytes()
    for at in range(len(content) - 1, 0, -1500):
        flip(path, at, 0)
        list(repair(archive))
        assert path.read_bytes() == content
    assert lines(archive) == []


def from_raw(record: RawRecord) -> Story | None:
    title, _, body = record.body.decode().removeprefix("<html><h1>").removesuffix("</html>").partition("</h1>")
    slug = record.url.rpartition("/")[2]
    story = make_story(slug, site=record.url.split("/")[2], title=title, body=body, fetched_at=record.fetched_at)
    return replace(story, raw_file=record.file, raw_offset=record.offset, raw_sha256=record.sha256)


def test_a_partition_of_which_both_files_are_damaged_is_rebuilt_from_raw_pages(archive: Archive) -> None:
    kept = {path: damage(path) for path in (archive.stories_file(PARTITION), archive.revisions_file(PARTITION))}
    assert list(repair(archive)) == []
    assert len(lines(archive)) >= 2
    assert any("rebuilt from raw pages" in str(done) for done in list(repair(archive, from_raw)))
    assert lines(archive) == []
    assert {path: path.read_bytes() for path in kept} == kept


def test_revisions_that_are_lost_are_rebuilt_from_raw_pages_or_stay_named(archive: Archive, tmp_path: Path) -> None:
    path = archive.revisions_file(PARTITION)
    content = damage(path)
    shutil.copytree(archive.root, tmp_path / "other")
    list(repair(archive, from_raw))
    assert path.read_bytes() == content
    assert main(["verify", "--repair", "--root", str(tmp_path / "other")]) == 1
    other = Archive(tmp_path / "other")
    assert [fault.what for fault in faults_of(other)] == [f"revisions 2 of story {make_story('policy-0').story_id}"]
    fill_inbox(other, "9", make_story("policy-0", fetched_at=NOW + 9 * DAY, body="A third text."))
    publish(other)
    assert other.read_revisions(PARTITION).num_rows == 3


@pytest.mark.parametrize("pattern", ["manifest.json", "manifest/*29.json", "manifest*"])
def test_manifests_are_rebuilt(archive: Archive, pattern: str) -> None:
    before = {path: path.read_bytes() for path in files_of(archive)}
    for path in list(archive.root.glob(pattern)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert lines(archive)
    assert list(repair(archive))
    assert lines(archive) == []
    for path in list(archive.root.glob(pattern)):
        if path.is_file():
            damage(path)
    list(repair(archive))
    assert lines(archive) == []
    assert {path: path.read_bytes() for path in before} == before


def test_a_damaged_ledger_is_rebuilt_and_its_take_downs_stay(archive: Archive) -> None:
    path = ledger_file(archive, SITES[0])
    flip(path, 9000, 3)
    assert main(["verify", "--repair", "--root", str(archive.root)]) == 0
    assert list((archive.state_dir / "damaged").rglob("*.sqlite"))
    with Ledger.open(archive, SITES[0]) as ledger:
        assert ledger.is_removed("https://wire.example/article/gone")
        assert ledger.get("https://wire.example/article/policy-1")
    path.unlink()
    assert [fault.kind for fault in faults_of(archive)] == ["missing"]
    list(repair(archive))
    assert lines(archive) == []


def test_damaged_take_downs_are_written_anew_from_the_ledger(archive: Archive) -> None:
    path = removed_file(archive, SITES[0])
    content = path.read_bytes()
    for at in range(0, len(content), 45):
        flip(path, at, 2)
        assert lines(archive)
        list(repair(archive))
        assert path.read_bytes() == content
    assert lines(archive) == []


def test_what_is_lost_is_set_aside_and_named_once(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    record = archive.runs_dir / "1-wire.example.json"
    damage(record)
    assert main(["verify", "--repair", "--json", "--root", str(archive.root)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert "set aside as state/damaged/runs/1-wire.example.json" in told["repaired"][0]
    assert main(["verify", "--root", str(archive.root)]) == 0
    assert "1 files that were set aside" in capsys.readouterr().err


def test_a_damaged_raw_page_stays_named_and_a_damaged_digest_is_renewed(archive: Archive) -> None:
    (raw,) = archive.root.glob("raw/*/desk*.gz")
    digest = Path(f"{raw}.sha256")
    content = digest.read_bytes()
    flip(digest, 3, 1)
    assert main(["verify", "--repair", "--root", str(archive.root)]) == 0
    assert digest.read_bytes() == content
    flip(raw, raw.stat().st_size // 2, 1)
    assert main(["verify", "--repair", "--root", str(archive.root)]) == 1
    assert {fault.file for fault in faults_of(archive)} >= {raw.relative_to(archive.root).as_posix()}


def test_repairing_what_is_whole_changes_nothing(archive: Archive) -> None:
    before = {path: path.read_bytes() for path in files_of(archive)}
    assert list(repair(archive)) == []
    assert {path: path.read_bytes() for path in files_of(archive)} == before


# --- the seal of a ledger


def test_a_ledger_is_sealed_when_the_last_that_has_it_open_closes(archive: Archive) -> None:
    path = ledger_file(archive, SITES[0])
    sealed = seal_file(path).read_bytes()
    with Ledger.open(archive, SITES[0]) as ledger:
        assert ledger.get("https://wire.example/article/policy-1")
        assert seal_file(path).exists()  # reading breaks no seal
        ledger.note_unchanged("https://wire.example/article/policy-1", at=NOW + 3 * DAY)
        ledger.flush()
        assert not seal_file(path).exists()
        reserve_partitions(archive, SITES[0], {})
        assert not seal_file(path).exists()
    assert seal_file(path).read_bytes() != sealed
    assert subprocess.run(["sha256sum", "-c", seal_file(path).name], cwd=path.parent, check=False).returncode == 0


def test_a_large_ledger_is_not_read_whole_by_publishing(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archiver.store.ledger.SEAL_UP_TO", 1000)
    fill_inbox(archive, "9", make_story("late"))
    publish(archive)
    assert not seal_file(ledger_file(archive, SITES[0])).exists()
    with Ledger.open(archive, SITES[0]):
        pass
    assert seal_file(ledger_file(archive, SITES[0])).exists()


DIE = """
import os, sys
from archiver.store.archive import Archive
from archiver.store.ledger import Ledger
from datetime import datetime, UTC
ledger = Ledger.open(Archive(__import__("pathlib").Path(sys.argv[1])), "wire.example")
ledger.note_failed("https://wire.example/article/policy-1", at=datetime.now(UTC), reason="x")
ledger.flush()
os.kill(os.getpid(), 9)
"""


def test_after_a_kill_no_seal_lies(archive: Archive) -> None:
    subprocess.run([sys.executable, "-c", DIE, str(archive.root)], check=False)
    assert not seal_file(ledger_file(archive, SITES[0])).exists()
    assert lines(archive) == []
    assert [str(done) for done in repair(archive)] == ["state/wire.example.sqlite: sealed"]
    with Ledger.open(archive, SITES[0]) as ledger:
        known = ledger.get("https://wire.example/article/policy-1")
        assert known is not None
        assert known.failure == "x"
    assert seal_file(ledger_file(archive, SITES[0])).exists()


def test_verify_of_a_folder_that_may_only_be_read(archive: Archive) -> None:
    paths = [archive.root, *archive.root.rglob("*")]
    with _read_only(paths):
        assert lines(archive) == []


class _read_only:  # noqa: N801
    def __init__(self, paths: list[Path]) -> None:
        self.modes = {path: path.stat().st_mode for path in paths}

    def __enter__(self) -> None:
        for path, mode in self.modes.items():
            path.chmod(mode & 0o555)

    def __exit__(self, *_: object) -> None:
        for path, mode in self.modes.items():
            path.chmod(mode)
