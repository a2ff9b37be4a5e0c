"""Raw files: what is written is read back, by us and by the field's own tools, and damage is found."""

import gzip
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import brotli
import pytest
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.http import Request, Response
from scrapy.utils.test import get_crawler

from archiver import settings
from archiver.store.archive import Archive, DamagedFileError, StorageError
from archiver.store.coding import decode_body
from archiver.store.exchange import Exchange
from archiver.store.raw import RawWriter
from archiver.store.raw_read import MAX_BODY, RawPlace, digest_file, iter_records, raw_dir, read_record
from archiver.store.raw_repair import check_raw_file, finish_leftovers, is_being_written, rewrite_without
from archiver.store.warc import Record, scan

SITE = "news.example:8000"
RUN = "20260629T101112Z-news_example-abcd"
AT = datetime(2026, 6, 29, 10, 11, 12, 345678, tzinfo=UTC)
PAGE = b"<html><title>Budget</title>" + b"<p>The council voted on Tuesday.</p>" * 40
FOUND = {"via": "listing", "page": "https://news.example/policy", "section": "Policy – 政策", "date": "2026-06-29"}


def exchange(number: int = 1, *, body: bytes | None = None, coding: str = "gzip", **more: object) -> Exchange:
    """A response as a server sends it; each with a body of its own."""
    page = PAGE + b"<p>%d %s</p>" % (number, random.Random(number).randbytes(200).hex().encode())
    values: dict[str, object] = {
        "url": f"https://news.example/article/{number}",
        "status": 200,
        "headers": (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Encoding", coding),
            ("Etag", f'"{number}"'),
        ),
        "body": gzip.compress(page, mtime=0) if body is None else body,
        "fetched_at": AT + timedelta(seconds=number),
        "request_headers": (("User-Agent", "policy-archiver"), ("Accept-Encoding", "gzip")),
        "protocol": "HTTP/1.1",
        "ip": "127.0.0.1",
    }
    return Exchange(**{**values, **more})  # type: ignore[arg-type]


def not_modified(number: int = 1) -> Exchange:
    headers = (("Etag", f'"{number}"'),)
    return exchange(number, status=304, body=b"", headers=headers, fetched_at=AT + timedelta(days=1))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def writer(archive: Archive, run: str = RUN, **more: int) -> RawWriter:
    return RawWriter(archive, SITE, run, started_at=AT, **more)  # type: ignore[arg-type]


def written(archive: Archive, count: int = 3, run: str = RUN) -> tuple[Path, list[RawPlace]]:
    raw = writer(archive, run)
    places = [raw.write(exchange(number), FOUND) for number in range(count)]
    (path,) = raw.close()
    return path, places


def path_of(archive: Archive, place: RawPlace) -> Path:
    return raw_dir(archive) / place.file


def warcio(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "warcio.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


# Writing and reading back


def test_what_was_written_is_read_back(archive: Archive) -> None:
    given = exchange()
    with writer(archive) as raw:
        place = raw.write(given, FOUND)
    record = read_record(archive, place.file, place.offset)
    assert place.file == "2026-06-29/news.example%3A8000-20260629T101112Z-news_example-abcd.warc.gz"
    assert (record.url, record.fetched_at, record.status, record.type) == (given.url, given.fetched_at, 200, "response")
    assert record.headers == (*given.headers, ("Content-Length", str(len(given.body))))
    assert (record.payload, record.body) == (given.body, gzip.decompress(given.body))
    assert record.place == place
    assert place.sha256 == hashlib.sha256(given.body).hexdigest() == given.sha256
    assert record.found == FOUND
    assert record.content_type == "text/html; charset=utf-8"
    assert not record.is_torn


def test_records_come_in_the_order_they_were_written(archive: Archive) -> None:
    path, places = written(archive, 5)
    records = list(iter_records(path))
    assert [record.place for record in records] == places
    assert [record.found for record in records] == [FOUND] * 5
    assert records == [read_record(archive, place.file, place.offset) for place in places]


def test_each_exchange_is_request_response_and_metadata(archive: Archive) -> None:
    path, _ = written(archive, 2)
    with path.open("rb") as file:
        records = [each for each in scan(file) if isinstance(each, Record)]
    assert [each.type for each in records] == ["warcinfo", *["request", "response", "metadata"] * 2]
    assert [each.get("WARC-Concurrent-To") for each in records[1:4]] == [records[2].id, "", records[2].id]
    assert records[3].get("WARC-Refers-To") == records[2].id
    assert len({each.id for each in records}) == len(records)
    assert records[1].content.startswith(
        b"GET /article/0 HTTP/1.1\r\nHost: news.example\r\nUser-Agent: policy-archiver\r\n"
    )
    assert records[3].content.startswith(b"via: https://news.example/policy\r\narchiver-found: {")
    assert b"robots: obey" in records[0].content
    assert b"operator" not in records[0].content.lower()


def test_a_file_is_a_row_of_gzip_members(archive: Archive) -> None:
    path, _ = written(archive)
    text = gzip.decompress(path.read_bytes())
    assert text.count(b"WARC/1.1\r\n") == 1 + 3 * 3
    assert subprocess.run(["gzip", "-t", path], check=False).returncode == 0


def test_the_digest_is_what_sha256sum_reads(archive: Archive) -> None:
    path, _ = written(archive)
    check = subprocess.run(
        ["sha256sum", "-c", digest_file(path).name], cwd=path.parent, capture_output=True, check=False
    )
    assert check.returncode == 0, check


def test_warcio_reads_the_file(archive: Archive) -> None:
    path, places = written(archive)
    with writer(archive, "second") as raw:
        revisit = raw.write_revisit(not_modified(), places[1], AT, FOUND)
        raw.write(exchange(7, body=b"", headers=(), status=404), {})
        raw.write(exchange(8, body=PAGE, headers=(("Content-Type", "text/html"),)), {})
    for file in (path, path_of(archive, revisit)):
        check = warcio("check", "-v", str(file))
        assert check.returncode == 0, check
        assert "failed" not in check.stdout
    index = warcio("index", "-f", "offset,warc-type,warc-target-uri,http:status,http:content-type", str(path))
    lines = [json.loads(line) for line in index.stdout.splitlines()]
    responses = [line for line in lines if line["warc-type"] == "response"]
    assert [int(line["offset"]) for line in responses] == [place.offset for place in places]
    assert {line["http:status"] for line in responses} == {"200"}


def test_warcio_finds_a_wrong_digest(archive: Archive) -> None:
    """So that `warcio check` passing above says something: it does verify SHA-256 in hex."""
    path, _ = written(archive, 1)
    text = gzip.decompress(path.read_bytes())
    digest = hashlib.sha256(exchange(0).body).hexdigest().encode()
    records = text.replace(digest, digest[::-1]).split(b"WARC/1.1\r\n")[1:]
    path.write_bytes(b"".join(gzip.compress(b"WARC/1.1\r\n" + each) for each in records))
    assert warcio("check", str(path)).returncode == 1
    assert any("its payload has not the digest that it says" in fault for fault in check_raw_file(path))


@pytest.mark.parametrize(
    "given",
    [
        exchange(url="https://news.example/a?b=c d\r\nX: y"),
        exchange(url="https://münchen.example/straße"),
        exchange(status=999),
        exchange(status=404, body=b"", headers=()),
        exchange(request_headers=()),
        exchange(protocol="h2", ip=None),
        exchange(protocol=None, ip="::1"),
        exchange(headers=(("X", "a\r\n\r\nb"), ("", "c"), ("no name", "d"), ("Latin", "\xe9\xff"))),
        exchange(headers=(("Transfer-Encoding", "chunked"), ("Content-Length", "3"), ("Content-Length", "4"))),
        exchange(body=b"\r\n\r\nWARC/1.1\r\n\r\n\r\n"),
        exchange(body=bytes(300_000)),
        exchange(method="HEAD", body=b"", headers=(("Content-Length", "1234"),)),
        exchange(fetched_at=datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_odd_exchanges_make_whole_records(archive: Archive, given: Exchange) -> None:
    with writer(archive) as raw:
        raw.write(exchange(1), FOUND)
        place = raw.write(given, {"odd": "é\ud800\n"})
        raw.write(exchange(2), FOUND)
    record = read_record(archive, place.file, place.offset)
    assert (record.payload, record.status, record.fetched_at) == (given.body, given.status, given.fetched_at)
    assert record.found == {"odd": "é\ud800\n"}
    names = [name.lower() for name, _ in record.headers]
    assert "transfer-encoding" not in names
    assert [value for name, value in record.headers if name.lower() == "content-length"] in (
        [str(len(given.body))],
        [],
    )
    assert warcio("check", str(path_of(archive, place))).returncode == 0
    assert check_raw_file(path_of(archive, place)) == []


def test_header_bytes_beyond_ascii_are_kept_as_they_came(archive: Archive) -> None:
    with writer(archive) as raw:
        place = raw.write(exchange(headers=(("X", "\xc3\xa9\xff"),)), {})
    assert ("X", "\xc3\xa9\xff") in read_record(archive, place.file, place.offset).headers


def test_a_torn_body_is_told(archive: Archive) -> None:
    with writer(archive) as raw:
        place = raw.write(exchange(body=exchange().body[:-50], flags=("partial",)), {})
    record = read_record(archive, place.file, place.offset)
    assert record.is_torn
    assert PAGE.startswith(record.body[:1000])


@pytest.mark.parametrize(
    ("given", "found"),
    [(exchange(fetched_at=AT.replace(tzinfo=None)), {}), (exchange(), {"a": object()}), (exchange(url="\ud800"), {})],
)
def test_what_is_no_record_is_refused_and_leaves_nothing(
    archive: Archive, given: Exchange, found: dict[str, object]
) -> None:
    raw = writer(archive)
    with pytest.raises(ValueError):
        raw.write(given, found)
    assert raw.close() == []
    assert not raw_dir(archive).exists()


def test_times_in_what_was_found_come_back_as_text(archive: Archive) -> None:
    with writer(archive) as raw:
        place = raw.write(exchange(), {"date": AT})
    assert read_record(archive, place.file, place.offset).found == {"date": AT.isoformat()}


def test_a_full_file_is_followed_by_the_next(archive: Archive) -> None:
    raw = writer(archive, max_bytes=3000)
    places = [raw.write(exchange(number), FOUND) for number in range(6)]
    paths = raw.close()
    assert len(paths) > 1
    assert [path.name.removeprefix(f"news.example%3A8000-{RUN}") for path in paths[:2]] == [".warc.gz", "-2.warc.gz"]
    assert sorted({place.file for place in places}) == sorted(f"2026-06-29/{path.name}" for path in paths)
    assert [check_raw_file(path) for path in paths] == [[]] * len(paths)
    assert [read_record(archive, place.file, place.offset).payload for place in places] == [
        exchange(number).body for number in range(6)
    ]


def test_a_crawl_that_wrote_nothing_leaves_nothing(archive: Archive) -> None:
    assert writer(archive).close() == []
    assert not raw_dir(archive).exists()


def test_two_crawls_never_share_a_file(archive: Archive) -> None:
    first, second = writer(archive), writer(archive)
    first.write(exchange(1), {})
    with pytest.raises(StorageError):
        second.write(exchange(2), {})
    (path,) = first.close()
    assert (second.close(), len(list(iter_records(path)))) == ([], 1)


# Revisits


@pytest.mark.parametrize("run", [RUN, "later"])
def test_a_revisit_reads_back_its_original(archive: Archive, run: str) -> None:
    raw = writer(archive)
    of = raw.write(exchange(1), FOUND)
    if run != RUN:
        raw.close()
        raw = writer(archive, run)
    again = replace(exchange(1), fetched_at=AT + timedelta(days=2))
    places = [raw.write_revisit(each, of, AT, {"via": "due"}) for each in (not_modified(), again)]
    places.append(raw.write_revisit(not_modified(), places[0], AT, {}))
    for place, status in zip(places, (304, 200, 304), strict=True):
        record = read_record(archive, place.file, place.offset)
        assert (record.type, record.status, record.payload) == ("revisit", status, exchange(1).body)
        assert record.body == gzip.decompress(exchange(1).body)
        assert record.content_type == "text/html; charset=utf-8"
        assert record.refers_to == of
        assert place.sha256 == of.sha256
        assert place != of
    raw.close()
    records = list(iter_records(path_of(archive, places[0])))
    assert [each.payload for each in records if each.type == "revisit"] == [b""] * 3
    assert check_raw_file(path_of(archive, places[0])) == []


def test_a_revisit_names_its_profile_and_what_replay_looks_for(archive: Archive) -> None:
    with writer(archive) as raw:
        of = raw.write(exchange(1), FOUND)
        raw.write_revisit(not_modified(), of, AT, {})
        raw.write_revisit(exchange(1, url="https://news.example/print/1"), of, AT, {})
    with path_of(archive, of).open("rb") as file:
        revisits = [each for each in scan(file) if isinstance(each, Record) and each.type == "revisit"]
    assert [each.get("WARC-Profile").rpartition("/")[2] for each in revisits] == [
        "server-not-modified",
        "identical-payload-digest",
    ]
    for each in revisits:
        assert each.get("WARC-Refers-To-Target-URI") == "https://news.example/article/1"
        assert each.get("WARC-Refers-To-Date") == "2026-06-29T10:11:13.345678Z"
        assert each.get("WARC-Payload-Digest") == f"sha256:{of.sha256}"


def test_a_304_keeps_its_headers_though_its_record_has_no_head(archive: Archive) -> None:
    """pywb replays the head of a revisit: a 304 would show as an empty page."""
    with writer(archive) as raw:
        of = raw.write(exchange(1), FOUND)
        place = raw.write_revisit(not_modified(), of, AT, FOUND)
    with path_of(archive, place).open("rb") as file:
        assert [each.content for each in scan(file) if isinstance(each, Record) and each.type == "revisit"] == [b""]
    record = read_record(archive, place.file, place.offset)
    assert (record.status, record.headers, record.found) == (304, not_modified().headers, FOUND)


def test_a_body_whose_original_is_gone_is_kept_whole(archive: Archive) -> None:
    path, (of, *_) = written(archive)
    path.unlink()
    with writer(archive, "later") as raw:
        whole = raw.write_revisit(exchange(0), of, AT, {})
        lost = raw.write_revisit(not_modified(0), of, AT, {})
    assert read_record(archive, whole.file, whole.offset).payload == exchange(0).body
    with pytest.raises(DamagedFileError, match="its original is not in"):
        read_record(archive, lost.file, lost.offset)


def test_another_body_is_no_revisit(archive: Archive) -> None:
    with writer(archive) as raw:
        of = raw.write(exchange(1), {})
        with pytest.raises(ValueError, match="another body"):
            raw.write_revisit(exchange(2), of, AT, {})


# Damage


@pytest.mark.parametrize("file", ["../../etc/passwd", "2026-06-29/../x.warc.gz", "/x.warc.gz", "2026-06-29/x", "a\x00"])
def test_a_place_never_leads_out_of_the_archive(archive: Archive, file: str) -> None:
    with pytest.raises(DamagedFileError, match="No name of a raw file"):
        read_record(archive, file, 0)


def test_a_wrong_offset_is_told(archive: Archive) -> None:
    path, (place, *_) = written(archive)
    for offset in (0, 1, place.offset + 1, path.stat().st_size, 10**9):
        with pytest.raises(DamagedFileError):
            read_record(archive, place.file, offset)
    with pytest.raises(StorageError, match="No such file"):
        read_record(archive, "2026-06-29/none.warc.gz", 0)


def test_each_flipped_bit_is_found(archive: Archive) -> None:
    path, _ = written(archive, 4)
    content, chance = path.read_bytes(), random.Random(4)
    assert check_raw_file(path) == []
    for _ in range(200):
        damaged = bytearray(content)
        damaged[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        faults = check_raw_file(path)
        assert faults
        assert all(str(path) in fault for fault in faults)


def test_each_flipped_bit_of_the_digest_is_found(archive: Archive) -> None:
    path, _ = written(archive, 1)
    content = digest_file(path).read_bytes()
    for number in range(0, len(content) * 8, 5):
        damaged = bytearray(content)
        damaged[number // 8] ^= 1 << number % 8
        digest_file(path).write_bytes(damaged)
        assert check_raw_file(path)


def test_a_flipped_bit_costs_one_response_only(archive: Archive) -> None:
    path, places = written(archive, 4)
    content = bytearray(path.read_bytes())
    content[places[1].offset + 700] ^= 1
    path.write_bytes(content)
    read: list[RawPlace] = []
    with pytest.raises(DamagedFileError, match=f"offset {places[1].offset}"):
        for each in iter_records(path):
            read.append(each.place)  # noqa: PERF401 - what came before the error counts
    assert read == [places[0], *places[2:]]
    assert any(f"offset {places[1].offset}: " in fault for fault in check_raw_file(path))


@pytest.mark.parametrize("step", [23, pytest.param(1, marks=pytest.mark.torture)])
def test_each_truncation_is_found_and_finished(archive: Archive, step: int) -> None:
    path, places = written(archive, 3)
    content = path.read_bytes()
    ends = [*(_request_offset(path, place) for place in places[1:]), len(content)]
    digest_file(path).unlink()
    near_ends = {end + by for end in ends for by in (-2, -1, 0, 1, 2)}
    for size in sorted({*near_ends, *range(0, len(content), step)} & {*range(len(content))}):
        path.write_bytes(content[:size])
        assert check_raw_file(path)
        whole = max((end for end in ends if end <= size), default=0)
        assert finish_leftovers(archive, SITE) == ([path] if whole else [])
        if whole:
            assert path.read_bytes() == content[:whole]
            assert check_raw_file(path) == []
            digest_file(path).unlink()
        else:
            assert not path.exists()


def _request_offset(path: Path, place: RawPlace) -> int:
    with path.open("rb") as file:
        records = [each for each in scan(file) if isinstance(each, Record)]
    return next(each.offset for each in records if each.end == place.offset)


def test_a_file_that_was_cut_is_found_without_its_digest_too(archive: Archive) -> None:
    path, places = written(archive, 2)
    content, end = path.read_bytes(), _request_offset(path, places[1])
    for size in range(end + 1, len(content)):
        path.write_bytes(content[:size])
        digest_file(path).write_text(f"{hashlib.sha256(content[:size]).hexdigest()}  {path.name}\n")
        assert check_raw_file(path), size
    path.unlink()
    assert check_raw_file(path)


def test_finishing_cuts_no_damage_amid_a_file(archive: Archive, caplog: pytest.LogCaptureFixture) -> None:
    path, places = written(archive, 3)
    content = bytearray(path.read_bytes())
    content[places[1].offset + 700] ^= 1
    path.write_bytes(content + b"\x1f\x8b\x08torn")
    digest_file(path).unlink()
    assert finish_leftovers(archive) == [path]
    assert path.read_bytes() == content
    assert f"offset {places[1].offset}" in caplog.text
    assert "cut 7 bytes" in caplog.text
    assert check_raw_file(path)


def test_finishing_twice_changes_nothing(archive: Archive) -> None:
    path, _ = written(archive)
    digest_file(path).unlink()
    assert finish_leftovers(archive, SITE) == [path]
    assert finish_leftovers(archive, SITE) == []
    assert check_raw_file(path) == []


def test_finishing_leaves_a_file_alone_that_is_being_written(archive: Archive) -> None:
    with writer(archive) as raw:
        place = raw.write(exchange(1), {})
        assert is_being_written(path_of(archive, place))
        assert finish_leftovers(archive, SITE) == []
        assert finish_leftovers(archive) == []
        assert check_raw_file(path_of(archive, place)) == [
            f"{path_of(archive, place)}: not closed: {digest_file(path_of(archive, place)).name} is missing"
        ]
    assert not is_being_written(path_of(archive, place))


def test_finishing_is_for_one_site(archive: Archive) -> None:
    path, _ = written(archive)
    digest_file(path).unlink()
    assert finish_leftovers(archive, "other.example") == []
    assert finish_leftovers(archive, SITE) == [path]


# Faults while writing


class Failing:
    """Stands in for a function of `os` and fails at its n-th call."""

    def __init__(self, real: Callable[..., int], at: int, fail: Callable[..., int]) -> None:
        self.real, self.left, self.fail = real, at, fail

    def __call__(self, *arguments: object) -> int:
        self.left -= 1
        return self.fail(self.real, *arguments) if self.left == 0 else self.real(*arguments)


def no_space(real: Callable[..., int], *arguments: object) -> int:
    raise OSError(28, "No space left on device")


def interrupted(real: Callable[..., int], *arguments: object) -> int:
    raise KeyboardInterrupt


def half(real: Callable[..., int], descriptor: int, content: memoryview) -> int:
    return real(descriptor, content[: len(content) // 2])


@pytest.mark.parametrize("fail", [no_space, interrupted])
@pytest.mark.parametrize("at", range(1, 8))
def test_a_failed_write_leaves_no_part(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, at: int, fail: Callable[..., int]
) -> None:
    """Each write fails in turn, the second half of one among them; then the disk has room again."""
    raw, kept = writer(archive), []
    # The third write is cut in two, so that the fourth is its rest.
    monkeypatch.setattr(os, "write", Failing(Failing(os.write, 3, half), at, fail))
    for number in range(6):
        with suppress(StorageError, KeyboardInterrupt):
            kept.append(raw.write(exchange(number), FOUND))
    (path,) = raw.close()
    assert len(kept) == 5
    assert [each.place for each in iter_records(path)] == kept
    assert check_raw_file(path) == []


def test_a_write_that_cannot_be_taken_back_ends_the_file(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = writer(archive)
    places = [raw.write(exchange(1), {})]
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", Failing(Failing(os.write, 1, half), 2, no_space))
        patch.setattr(os, "ftruncate", lambda *_: no_space(os.write))
        with pytest.raises(StorageError):
            raw.write(exchange(2), {})
    places.append(raw.write(exchange(3), {}))
    (second,) = raw.close()
    (first,) = finish_leftovers(archive, SITE)
    assert [each.place for path in (first, second) for each in iter_records(path)] == places
    assert check_raw_file(first) + check_raw_file(second) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip("only root can mount a small disk")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=False)


def test_a_full_disk(small_disk: Path) -> None:
    archive = Archive(small_disk)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(16384))
    raw, places = writer(archive), []
    with pytest.raises(StorageError, match="No space left") as caught:
        for number in range(1000):
            places.append(raw.write(exchange(number, body=random.Random(number).randbytes(3000)), {}))  # noqa: PERF401
    assert caught.value.filename == str(path_of(archive, places[0]))
    try:
        raw.close()
    except StorageError:
        assert not digest_file(path_of(archive, places[0])).exists()
    filler.unlink()
    finish_leftovers(archive, SITE)
    assert [each.place for each in iter_records(path_of(archive, places[0]))] == places


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_raw import Archive, FOUND, exchange, writer

left = int(sys.argv[2])
def counted(name):
    real = getattr(os, name)
    def call(*arguments, **more):
        global left
        left -= 1
        if left == 0:
            if name == "write" and len(arguments[1]) > 200:
                real(arguments[0], arguments[1][: len(arguments[1]) // 3])
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **more)
    setattr(os, name, call)
for name in ("write", "fsync", "replace", "open"):
    counted(name)
out = sys.__stdout__.fileno()
real_write = os.write
raw = writer(Archive(Path(sys.argv[1])), max_bytes=5000)
for number in range(5):
    place = raw.write(exchange(number), FOUND)
    print(place.file, place.offset, place.sha256, flush=True)
raw.close()
print("done", flush=True)
"""


def kill_at(archive: Archive, number: int) -> tuple[list[RawPlace], bool]:
    script = KILLED.format(tests=str(Path(__file__).parent))
    command = [sys.executable, "-c", script, str(archive.root), str(number)]
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parent.parent
    )
    assert run.returncode in (0, -signal.SIGKILL), run.stderr
    lines = [line.split() for line in run.stdout.splitlines() if line != "done"]
    return [RawPlace(file, int(offset), sha256) for file, offset, sha256 in lines], run.stdout.endswith("done\n")


@pytest.mark.parametrize(
    "step", [pytest.param(7, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.torture)], ids=["sample", "all"]
)
def test_a_killed_crawl_loses_nothing_that_was_written(tmp_path: Path, step: int) -> None:
    """Killed at each write, fsync, replace and open in turn, a third of a record written."""
    for number in range(1, 200, step):
        archive = Archive(tmp_path / str(number))
        places, is_done = kill_at(archive, number)
        finish_leftovers(archive, SITE)
        paths = sorted(raw_dir(archive).glob("*/*.warc.gz"))
        assert [check_raw_file(path) for path in paths] == [[]] * len(paths), number
        stored = [record.place for path in paths for record in iter_records(path)]
        assert set(places) <= set(stored), number
        assert len(stored) - len(places) <= 1
        for place in places:
            assert read_record(archive, place.file, place.offset).sha256 == place.sha256
        if is_done:
            break
    assert is_done
    assert number > 15


# Take-downs


def test_a_story_is_taken_out(archive: Archive) -> None:
    path, places = written(archive, 4)
    moved = rewrite_without(archive, path, lambda record: record.url.endswith("/1"))
    assert moved == {place.offset: place.offset for place in (places[0], places[2], places[3])}
    for number, place in zip((0, 2, 3), (places[0], *places[2:]), strict=True):
        record = read_record(archive, place.file, moved[place.offset])
        assert (record.payload, record.found) == (exchange(number).body, FOUND)
    text = gzip.decompress(path.read_bytes())
    assert b"/article/1" not in text
    assert exchange(1).sha256.encode() not in text
    assert exchange(1).body not in text
    assert check_raw_file(path) == []
    assert warcio("check", str(path)).returncode == 0


def test_a_revisit_finds_its_original_where_it_was_moved_to(archive: Archive) -> None:
    path, places = written(archive, 3)
    with writer(archive, "later") as raw:
        revisit = raw.write_revisit(not_modified(2), places[2], AT, {})
    rewrite_without(archive, path, lambda record: record.url.endswith("/0"))
    assert read_record(archive, revisit.file, revisit.offset).payload == exchange(2).body
    rewrite_without(archive, path, lambda record: record.url.endswith("/2"))
    with pytest.raises(DamagedFileError, match="its original is not in"):
        read_record(archive, revisit.file, revisit.offset)


def test_a_304_that_was_given_an_old_place_finds_its_original(archive: Archive) -> None:
    path, places = written(archive, 3)
    rewrite_without(archive, path, lambda record: record.url.endswith("/0"))
    with writer(archive, "later") as raw:
        revisit = raw.write_revisit(not_modified(2), places[2], AT, {})
    assert read_record(archive, revisit.file, revisit.offset).payload == exchange(2).body


def test_taking_out_nothing_writes_nothing(archive: Archive) -> None:
    path, places = written(archive)
    before = path.stat()
    assert rewrite_without(archive, path, lambda _: False) == {place.offset: place.offset for place in places}
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_file_out_of_which_all_is_taken_goes(archive: Archive) -> None:
    path, _ = written(archive)
    assert rewrite_without(archive, path, lambda _: True) == {}
    assert not path.exists()
    assert not digest_file(path).exists()


def test_a_damaged_file_and_one_being_written_are_not_rewritten(archive: Archive) -> None:
    path, places = written(archive)
    content = bytearray(path.read_bytes())
    content[places[1].offset + 700] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFileError):
        rewrite_without(archive, path, lambda _: True)
    assert path.read_bytes() == content
    with writer(archive, "later") as raw:
        place = raw.write(exchange(1), {})
        with pytest.raises(StorageError, match="still writes it"):
            rewrite_without(archive, path_of(archive, place), lambda _: True)


@pytest.mark.parametrize("name", ["unlink", "replace", "fsync"])
@pytest.mark.parametrize("at", range(1, 8))
def test_a_take_down_that_was_cut_short_is_mended(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, name: str, at: int
) -> None:
    """Whatever fails: the old file or the new one, each whole, and then it can be done again."""
    path, places = written(archive, 4)

    def is_dropped(record: object) -> bool:
        return record.url.endswith("/1")  # type: ignore[attr-defined, no-any-return]

    with monkeypatch.context() as patch:
        patch.setattr(os, name, Failing(getattr(os, name), at, interrupted))
        with suppress(KeyboardInterrupt):
            rewrite_without(archive, path, is_dropped)
    finish_leftovers(archive, SITE)
    assert check_raw_file(path) == []
    assert len(list(iter_records(path))) in (3, 4)
    rewrite_without(archive, path, is_dropped)
    assert [each.sha256 for each in iter_records(path)] == [places[0].sha256, places[2].sha256, places[3].sha256]
    assert check_raw_file(path) == []


# Codings

TEXT = PAGE * 50
CODED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT),
    "GZIP ": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "br": brotli.compress(TEXT),
    "identity": TEXT,
    "nonsense": TEXT,
    "gzip, br": brotli.compress(gzip.compress(TEXT)),
    "nonsense, gzip": gzip.compress(TEXT),
    "gzip, nonsense": gzip.compress(TEXT),
}


def scrapy_decodes(body: bytes, coding: str) -> bytes | None:
    crawler = get_crawler(settings_dict={"DOWNLOAD_MAXSIZE": MAX_BODY, "DOWNLOAD_WARNSIZE": MAX_BODY})
    response = Response("https://news.example/", headers={"Content-Encoding": coding}, body=body)
    try:
        decoded = HttpCompressionMiddleware.from_crawler(crawler).process_response(Request(response.url), response)
    except Exception:  # noqa: BLE001 - whatever it is, the page is lost
        return None
    assert isinstance(decoded, Response)
    return decoded.body


@pytest.mark.parametrize("coding", CODED)
def test_bodies_are_decoded_as_scrapy_decodes_them(coding: str) -> None:
    body = CODED[coding]
    raw_deflate = zlib.compressobj(wbits=-15)
    variants = [body, body[:-1], body[:-9], body[: len(body) // 2], body[:5], b"", body + b"rest", TEXT, body * 2]
    variants += [raw_deflate.compress(TEXT) + raw_deflate.flush(), body[:100] + b"\xff" + body[101:]]
    for variant in variants:
        try:
            decoded: bytes | None = decode_body(variant, [coding], MAX_BODY)
        except ValueError:
            decoded = None
        assert decoded == scrapy_decodes(variant, coding), variant[:20]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_a_bomb_is_not_unpacked(coding: str) -> None:
    bomb = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}[coding](bytes(MAX_BODY + 1))
    with pytest.raises(ValueError, match="more than"):
        decode_body(bomb, [coding], MAX_BODY)


def test_pages_are_unpacked_to_the_size_that_crawls_take() -> None:
    assert MAX_BODY == settings.DOWNLOAD_MAXSIZE
