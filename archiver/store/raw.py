"""Raw files: `raw/<day>/<site>-<run>.warc.gz`, every response that a crawl used, as it came over the wire.

Reading them back is `raw_read`, the format of their records `warc`, the codings of the bodies `coding`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

from archiver import __version__
from archiver.store.archive import Archive, create_locked, make_folder, storage_errors
from archiver.store.exchange import Exchange, digest_field, format_date, lines_of, make_members
from archiver.store.ledgerfile import ledger_file
from archiver.store.raw_read import RawPlace, digest_file, digest_line, place_file_of, raw_dir
from archiver.store.warc import BadRecordError, make_member, make_record_id, read_fields

SYNC_EVERY = 64
"""Exchanges between two fsyncs. A killed process loses none; a power cut loses at most these."""


class RawWriter:
    """Writes the raw file of one crawl of one site.

    An exchange is safe from kill -9 as soon as `write` returns, and stands in the file whole or not at all: its records
    go there in one write, and what a kill leaves of that one is cut by `finish_leftovers`. The file comes with the first
    exchange and is locked until it is closed. A file that has reached `max_bytes` is closed, and the next one begun.
    """

    def __init__(
        self,
        archive: Archive,
        site: str,
        run: str,
        max_bytes: int = 1 << 30,
        *,
        started_at: datetime | None = None,
        robots: str = "obey",
    ) -> None:
        self._archive = archive
        self._run = run
        self._robots = robots
        self._max_bytes = max_bytes
        day: date = (started_at or datetime.now(UTC)).astimezone(UTC).date()
        self._folder = raw_dir(archive) / day.isoformat()
        self._name = f"{site_name(archive, site)}-{run}"
        self._number = 0
        self._file: _OpenFile | None = None
        self._closed: list[Path] = []

    def write(self, exchange: Exchange, found: Mapping[str, Any]) -> RawPlace:
        """Add a response, its request, and how the crawl came to it. Return where the response stands.

        StorageError where it cannot be written: then no part of it stands in the file. ValueError where it is no record:
        a time without zone, `found` that is no JSON, more than 256 MiB.
        """
        sha256 = exchange.sha256
        return self._write(exchange, found, "response", exchange.body, [digest_field(sha256)], sha256)

    def write_revisit(
        self, exchange: Exchange, of: RawPlace, of_fetched_at: datetime, found: Mapping[str, Any]
    ) -> RawPlace:
        """Add a response that brought nothing new: a 304, or the same body again, which is not kept twice.

        Where a body came and the original is not to be found, the response is kept whole. ValueError where the body is
        not that of the original.
        """
        is_not_modified = exchange.status == HTTPStatus.NOT_MODIFIED
        if not is_not_modified and exchange.sha256 != of.sha256:
            raise ValueError(f"another body than that at {of.file}, offset {of.offset}: {exchange.url!r:.200}")
        original = self._find_original(of)
        if original is None and not is_not_modified:
            return self.write(exchange, found)
        profile = "server-not-modified" if is_not_modified else "identical-payload-digest"
        refers = original or {
            "WARC-Refers-To-Target-URI": exchange.url,
            "WARC-Refers-To-Date": format_date(of_fetched_at),
            "Archiver-Refers-To-Place": f"{of.offset} {of.file}",
        }
        fields = [
            ("WARC-Profile", f"http://netpreserve.org/warc/1.1/revisit/{profile}"),
            *refers.items(),
            digest_field(of.sha256),
        ]
        return self._write(exchange, found, "revisit", b"", fields, of.sha256)

    def _find_original(self, of: RawPlace) -> dict[str, str] | None:
        """Return the fields that name a response as the original of a revisit; that of a revisit names its original."""
        try:
            with (raw_dir(self._archive) / of.file).open("rb") as file:
                fields = read_fields(file, of.offset)
        except (OSError, BadRecordError):
            return None
        if fields.get_header("WARC-Payload-Digest") != digest_field(of.sha256)[1]:
            return None
        names = ["WARC-Refers-To", "WARC-Refers-To-Target-URI", "WARC-Refers-To-Date", "Archiver-Refers-To-Place"]
        if fields.get_header("WARC-Type") == "revisit":
            return {name: fields.get_header(name) for name in names if fields.get_header(name)}
        given = [*(fields.get_header(f"WARC-{name}") for name in ("Record-ID", "Target-URI", "Date"))]
        return dict(zip(names, [*given, f"{of.offset} {of.file}"], strict=True))

    def _write(
        self,
        exchange: Exchange,
        found: Mapping[str, Any],
        kind: str,
        body: bytes,
        fields: list[tuple[str, str]],
        sha256: str,
    ) -> RawPlace:
        members, number = make_members(exchange, found, kind, body, fields)
        file = self._file
        if file is not None and file.size + sum(map(len, members)) > self._max_bytes:
            self._close_file()
            file = None
        if file is None:
            file = self._file = self._open_file()
        # The warcinfo comes with the first exchange: no file has one and nothing else.
        before = [] if file.size else [self._make_warcinfo(file.path, exchange.fetched_at)]
        offset = file.size + sum(map(len, [*before, *members[:number]]))
        try:
            file.append(b"".join([*before, *members]))
        except BaseException:
            if file.is_torn or not file.size:
                self._abandon()
            raise
        return RawPlace(place_file_of(file.path), offset, sha256)

    def _open_file(self) -> _OpenFile:
        number = self._number + 1
        path = self._folder / f"{self._name}{'' if number == 1 else f'-{number}'}.warc.gz"
        file = _OpenFile(path)
        self._number = number
        return file

    def _make_warcinfo(self, path: Path, at: datetime) -> bytes:
        lines = [
            f"software: policy-archiver/{__version__} warcio/{version('warcio')}",
            "format: WARC File Format 1.1",
            "conformsTo: https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
            f"isPartOf: {self._run}",
            f"robots: {self._robots}",
        ]
        fields = [
            ("WARC-Record-ID", make_record_id()),
            ("WARC-Date", format_date(at)),
            ("WARC-Filename", path.name),
            ("Content-Type", "application/warc-fields"),
        ]
        return make_member("warcinfo", fields, lines_of(lines), b"", is_coded=False)

    def sync(self) -> None:
        """Make durable what was written: to be called before anything durable points at it."""
        if self._file is not None:
            self._file.sync()

    def close(self) -> list[Path]:
        """Close the file and write its digest beside it. Return all files of this crawl. Closing twice does nothing."""
        self._close_file()
        return list(self._closed)

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        with file:
            file.sync()
            put_digest(self._archive, file.path, file.digest.hexdigest())
        self._closed.append(file.path)

    def _abandon(self) -> None:
        """Leave a file that could not be cut to `finish_leftovers`; one in which nothing stands is removed."""
        file, self._file = self._file, None
        if file is not None:
            with file:
                if not file.size and not file.is_torn:
                    file.path.unlink(missing_ok=True)
                    self._number -= 1

    def __enter__(self) -> RawWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _OpenFile:
    """A raw file being written: locked, never longer than what was written whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.digest = hashlib.sha256()
        self.is_torn = False
        self._unsynced = 0
        make_folder(path.parent)
        with storage_errors(path):
            self._descriptor = create_locked(path)

    def append(self, content: bytes) -> None:
        if self._unsynced >= SYNC_EVERY:
            self.sync()
        with storage_errors(self.path):
            try:
                rest = memoryview(content)
                while rest:  # a disk that is almost full takes a part, and says so only when asked again
                    rest = rest[os.write(self._descriptor, rest) :]
            except BaseException:  # Ctrl-C too: what follows must not stand behind half a record
                self.is_torn = True
                os.ftruncate(self._descriptor, self.size)
                self.is_torn = False
                raise
        self.size += len(content)
        self.digest.update(content)
        self._unsynced += 1

    def sync(self) -> None:
        with storage_errors(self.path):
            if self._unsynced:
                os.fsync(self._descriptor)
            self._unsynced = 0

    def __enter__(self) -> _OpenFile:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._descriptor)


def site_name(archive: Archive, site: str) -> str:
    """Return a site's name in the names of its files: no two sites share one."""
    return ledger_file(archive, site).name.removesuffix(".sqlite")


def put_digest(archive: Archive, path: Path, digest: str) -> None:
    archive.put_atomic(digest_file(path), lambda file: file.write(digest_line(path, digest)))
