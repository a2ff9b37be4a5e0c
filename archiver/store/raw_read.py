"""Raw files read back: one response by its place, or all of a file."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from archiver.store.archive import Archive, DamagedFileError, StorageError, storage_errors
from archiver.store.coding import decode_body
from archiver.store.warc import (
    BadRecordError,
    Fault,
    Record,
    payload_digest,
    read_http_head,
    read_one,
    scan,
    split_http,
)

MAX_BODY = 10 * 1024**2
"""Bytes of a page once decoded, as in DOWNLOAD_MAXSIZE."""


class RawPlace(NamedTuple):
    """Where a response stands."""

    file: str
    """Under `raw/`: `2026-06-29/<site>-<run>.warc.gz`."""
    offset: int
    sha256: str
    """Of the payload: the body as it came over the wire. A revisit has that of what it revisits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RawRecord:
    """A stored response, or a revisit: a response that brought nothing new."""

    file: str
    offset: int
    length: int
    """Bytes in the file, from `offset` on."""
    type: str
    """`response` or `revisit`."""
    url: str
    fetched_at: datetime
    status: int
    headers: tuple[tuple[str, str], ...]
    """As they came, but without Transfer-Encoding, and with the Content-Length of the payload."""
    payload: bytes
    """The body as it came over the wire: still gzip where it came as gzip. Of a revisit what it revisits, if read by
    `read_record`, else empty."""
    payload_headers: tuple[tuple[str, str], ...]
    """The headers that the payload came with. A 304 tells neither coding nor type of what it stands for."""
    sha256: str
    found: dict[str, Any]
    """How the crawl came to the address, as it was given to the writer."""
    is_torn: bool
    """Whether the connection ended amid the body."""
    record_id: str
    refers_to_id: str
    refers_to: RawPlace | None
    """Where the original of a revisit stood when it was written: a file that was rewritten since has it elsewhere."""

    @property
    def place(self) -> RawPlace:
        return RawPlace(self.file, self.offset, self.sha256)

    @property
    def body(self) -> bytes:
        """The page, decoded. ValueError where it is not in the coding it names, or longer than MAX_BODY."""
        return self.decode(MAX_BODY)

    def decode(self, max_size: int) -> bytes:
        """Return the page, decoded as the crawl decoded it. ValueError as `body`."""
        codings = [value for name, value in self.payload_headers if name.lower() == "content-encoding"]
        return decode_body(self.payload, codings, max_size)

    @property
    def content_type(self) -> str | None:
        return next((value for name, value in self.payload_headers if name.lower() == "content-type"), None)


def raw_dir(archive: Archive) -> Path:
    return archive.root / "raw"


def digest_file(path: Path) -> Path:
    """Return the companion of a raw file that is closed: its SHA-256, as `sha256sum -c` reads it."""
    return path.with_name(f"{path.name}.sha256")


def digest_line(path: Path, digest: str) -> bytes:
    return f"{digest}  {path.name}\n".encode()


def read_record(archive: Archive, place_file: str, offset: int) -> RawRecord:
    """Read one response, and of a revisit the payload that it revisits.

    DamagedFileError where no whole response begins there, or the original of a revisit is not to be found.
    """
    path = _path_of(archive, place_file)
    with storage_errors(path), path.open("rb") as file:
        try:
            record = _read_response(file, place_file, offset)
        except BadRecordError as error:
            raise DamagedFileError(errno.EIO, f"offset {offset}: {error}", str(path)) from error
    return _with_payload(archive, record) if record.type == "revisit" else record


def _path_of(archive: Archive, place_file: str) -> Path:
    """Return the path of a raw file: a damaged table must not lead out of the archive."""
    if not _PLACE.fullmatch(place_file):
        raise DamagedFileError(errno.EINVAL, "No name of a raw file", place_file)
    return raw_dir(archive) / place_file


_PLACE = re.compile(r"\d{4}-\d\d-\d\d/[^/\x00]+\.warc\.gz")


def _read_response(file: BinaryIO, place_file: str, offset: int) -> RawRecord:
    record = read_one(file, offset)
    if record.type not in ("response", "revisit"):
        raise BadRecordError(f"no response, but {record.type}")
    try:
        following: Record | None = read_one(file, record.end)
    except BadRecordError:  # found or not: it is the response that was asked for
        following = None
    is_its = following is not None and is_metadata_of(following, record)
    return to_raw_record(record, place_file, following if is_its else None)


def _with_payload(archive: Archive, revisit: RawRecord) -> RawRecord:
    original = _read_original(archive, revisit)
    if original is None:
        refers = revisit.refers_to.file if revisit.refers_to else "nothing"
        raise DamagedFileError(errno.EIO, f"offset {revisit.offset}: its original is not in {refers}", revisit.file)
    return replace(revisit, payload=original.payload, payload_headers=original.headers)


def _read_original(archive: Archive, revisit: RawRecord) -> RawRecord | None:
    """Return the response that a revisit stands for: where it says, or where it went when its file was rewritten."""
    if revisit.refers_to is None:
        return None
    path = _path_of(archive, revisit.refers_to.file)
    try:
        with storage_errors(path), path.open("rb") as file:
            if (original := _try_original(file, revisit.refers_to.offset, revisit)) is not None:
                return original
            status = os.fstat(file.fileno())
            offsets = _offsets(path, status.st_mtime_ns, status.st_size)
            offset = offsets.get(revisit.refers_to_id, offsets.get(revisit.sha256))
            return None if offset is None else _try_original(file, offset, revisit)
    except StorageError as error:
        if error.errno == errno.ENOENT:
            return None
        raise


def _try_original(file: BinaryIO, offset: int, revisit: RawRecord) -> RawRecord | None:
    assert revisit.refers_to is not None  # noqa: S101 - for mypy
    try:
        record = read_one(file, offset)
    except BadRecordError:
        return None
    if record.type != "response" or payload_digest(record) != revisit.sha256:
        return None
    return to_raw_record(record, revisit.refers_to.file, None)


@lru_cache(maxsize=8)
def _offsets(path: Path, mtime: int, size: int) -> dict[str, int]:
    """Return where each response of a file begins, by its id and by the digest of its payload.

    Time and size are there to notice that the file changed.
    """
    with path.open("rb") as file:
        responses = (each for each in scan(file) if isinstance(each, Record) and each.type == "response")
        return {key: each.offset for each in responses for key in (each.id, payload_digest(each))}


def iter_records(path: Path) -> Iterator[RawRecord]:
    """Read each response and revisit of a file, the revisits without payload.

    A damaged stretch is passed over, and ends in a DamagedFileError once all the rest was read.
    """
    damaged: Fault | None = None
    with storage_errors(path), path.open("rb") as file:
        for _, response, metadata in exchanges(file):
            if isinstance(response, Fault):
                damaged = damaged or response
            else:
                yield to_raw_record(response, place_file_of(path), metadata)
    if damaged:
        raise DamagedFileError(errno.EIO, f"offset {damaged.offset}: {damaged.reason}", str(path))


def exchanges(file: BinaryIO) -> Iterator[tuple[Record | None, Record | Fault, Record | None]]:
    """Read request, response and metadata of each exchange; a fault stands in the place of a response."""
    request: Record | None = None
    response: Record | None = None
    for each in scan(file):
        if response is not None:
            is_its = isinstance(each, Record) and is_metadata_of(each, response)
            yield request, response, each if is_its and isinstance(each, Record) else None
            request = response = None
            if is_its:
                continue
        if isinstance(each, Record) and each.type in ("response", "revisit"):
            response = each
            if request is None or request.get("WARC-Concurrent-To") == each.id:
                continue
        if request is not None and isinstance(each, Record):  # a fault there is its response
            yield None, Fault(request.offset, request.end, "a request without its response"), None
        request = None
        if isinstance(each, Fault):
            yield None, each, None
        elif each.type == "request":
            request = each
        elif response is None and each.type != "warcinfo":
            yield None, Fault(each.offset, each.end, f"a record of no response: {each.type!r:.40}"), None
    if response is not None:
        yield request, response, None
    elif request is not None:
        yield None, Fault(request.offset, request.end, "a request without its response"), None


def is_metadata_of(record: Record, response: Record) -> bool:
    return record.type == "metadata" and record.get("WARC-Concurrent-To") == response.id


def place_file_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def to_raw_record(record: Record, place_file: str, metadata: Record | None) -> RawRecord:
    """Read a response or revisit record; `metadata` is the record that says how it was found."""
    head, payload = split_http(record.content)
    try:
        fields = _read_metadata(metadata)
        # The head of a 304 stands with what was found.
        status, headers = read_http_head(head or fields.get("archiver-response", _NOT_MODIFIED).encode("latin-1"))
        fetched_at = datetime.fromisoformat(record.get("WARC-Date"))
        found = fields.get("archiver-found", {})
        refers_to = _read_refers_to(record)
    except ValueError as error:
        raise DamagedFileError(errno.EIO, f"offset {record.offset}: {error}", place_file) from error
    return RawRecord(
        file=place_file,
        offset=record.offset,
        length=record.end - record.offset,
        type=record.type,
        url=record.get("WARC-Target-URI"),
        fetched_at=fetched_at,
        status=status,
        headers=headers,
        payload=payload,
        payload_headers=headers,
        sha256=payload_digest(record),
        found=found,
        is_torn=bool(record.get("WARC-Truncated")),
        record_id=record.id,
        refers_to_id=record.get("WARC-Refers-To"),
        refers_to=refers_to,
    )


_NOT_MODIFIED = "HTTP/1.1 304 Not Modified"


def _read_metadata(metadata: Record | None) -> dict[str, Any]:
    """Return our own fields of a metadata record; ValueError where they are not what we write."""
    lines = metadata.content.decode("utf-8", "replace").split("\r\n") if metadata else []
    fields = {name: json.loads(value) for name, _, value in (line.partition(":") for line in lines) if name in _FIELDS}
    if not all(isinstance(value, _FIELDS[name]) for name, value in fields.items()):
        raise ValueError("its metadata are not ours")
    return fields


_FIELDS = {"archiver-found": dict, "archiver-response": str}


def _read_refers_to(record: Record) -> RawPlace | None:
    offset, _, file = record.get("Archiver-Refers-To-Place").partition(" ")
    return RawPlace(file, int(offset), payload_digest(record)) if file else None
