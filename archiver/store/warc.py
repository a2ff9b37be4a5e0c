"""The format of raw files: WARC 1.1 records, each a gzip member of its own. Knows bytes and open files, no archive.

warcio writes and reads the fields of a record. The gzip around them is ours: warcio's writer knows neither where a record
begins nor how to squeeze less, and its reader takes a file that ends amid a member for whole (webrecorder/warcio#138).
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from warcio.statusandheaders import StatusAndHeaders, StatusAndHeadersParser, StatusAndHeadersParserException

MAX_RECORD = 1 << 28
"""Bytes of a record. More is refused: a flipped bit must not fill the memory."""

_GZIP_HEAD = b"\x1f\x8b\x08" + bytes(5) + b"\x00\xff"
_END = b"\r\n\r\n"
_CHUNK = 1 << 16
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_HEX_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")

_LEVEL = 6
"""For what is not squeezed yet. 60 real pages, 270 KB each: level 1 1.4 ms and 60.6 KB a page, 4 2.1 ms and 53.5 KB, 6
3.7 ms and 50.8 KB, 9 (warcio's) 5.9 ms and 50.4 KB. Most servers send gzip, and then it hardly counts."""
_LEVEL_CODED = 0
"""For a body that came gzip-coded: any level above costs 0.7 ms a page and saves 0.1 % of the bytes."""


@dataclass(frozen=True, slots=True)
class Record:
    """A whole record: its CRC, its lengths and its digests are right."""

    offset: int
    end: int
    """Where the next member begins."""
    fields: StatusAndHeaders
    content: bytes

    def get(self, name: str) -> str:
        """Return a field of the record's head, empty where there is none."""
        return str(self.fields.get_header(name) or "")

    @property
    def type(self) -> str:
        return self.get("WARC-Type")

    @property
    def id(self) -> str:
        return self.get("WARC-Record-ID")


@dataclass(frozen=True, slots=True)
class Fault:
    """Bytes of a file that are no whole record."""

    offset: int
    end: int
    reason: str


class BadRecordError(ValueError):
    """What stands at an offset is no whole record; raised by `read_one` and turned into a Fault by `scan`."""


def sha256_hex(*parts: bytes | memoryview) -> str:
    """Return the SHA-256 of bytes in a row."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def make_record_id() -> str:
    return str(StatusAndHeadersParser.make_warc_id())


def make_member(kind: str, fields: Iterable[tuple[str, str]], head: bytes, body: bytes, *, is_coded: bool) -> bytes:
    """Return a record as a gzip member. Its content is head and body, told apart only to squeeze them differently."""
    head_fields = [
        ("WARC-Type", kind),
        *((name, _CONTROLS.sub(" ", value)) for name, value in fields),
        ("WARC-Block-Digest", f"sha256:{sha256_hex(head, body)}"),
        ("Content-Length", str(len(head) + len(body))),
    ]
    start = bytes(StatusAndHeaders("", head_fields, protocol="WARC/1.1").to_bytes()) + head
    return _squeeze(start, body, _LEVEL_CODED if is_coded else _LEVEL)


def _squeeze(start: bytes, body: bytes, level: int) -> bytes:
    """Return a gzip member of two deflate streams in a row, which is one: a full flush ends on a byte."""
    first = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    second = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    crc = zlib.crc32(_END, zlib.crc32(body, zlib.crc32(start)))
    size = len(start) + len(body) + len(_END)
    if size > MAX_RECORD:
        raise ValueError(f"a record of {size} bytes: at most {MAX_RECORD} are kept")
    parts = [first.compress(start), first.flush(zlib.Z_FULL_FLUSH)]
    parts += [second.compress(body), second.compress(_END), second.flush()]
    return b"".join((_GZIP_HEAD, *parts, struct.pack("<II", crc, size)))


def make_blank(length: int, record_id: str, date: str) -> bytes:
    """Return a record that says nothing, in a gzip member of exactly so many bytes: what stands in the place of one that
    was taken out, so that all others stay where they are. At least 400 bytes, at most MAX_RECORD.

    A warcinfo, for every tool passes over that. Stored, not squeezed, for the length to be chosen.
    """
    blocks = -(-(length - 18) // (0xFFFF + 5))
    size = length - 18 - 5 * blocks

    def make_head(content_length: str, digest: str) -> bytes:
        fields = [
            ("WARC-Type", "warcinfo"),
            ("WARC-Record-ID", record_id),
            ("WARC-Date", date),
            ("Content-Type", "application/warc-fields"),
            ("WARC-Block-Digest", f"sha256:{digest}"),
            ("Content-Length", content_length),
        ]
        return bytes(StatusAndHeaders("", fields, protocol="WARC/1.1").to_bytes())

    start, end = b"description: What stood here was taken out.\r\npadding:", b"\r\n"
    rest = size - len(make_head("", "0" * 64)) - len(_END)
    digits = len(str(rest))
    padding = rest - digits - len(start) - len(end)
    if padding < 0 or length > MAX_RECORD:
        raise ValueError(f"no blank record has {length} bytes")
    content = start + b" " * padding + end
    member = make_head(str(len(content)).zfill(digits), sha256_hex(content)) + content + _END
    return b"".join((_GZIP_HEAD, *_store(member, blocks), struct.pack("<II", zlib.crc32(member), len(member))))


def _store(content: bytes, blocks: int) -> Iterator[bytes]:
    """Make a deflate stream that holds bytes as they are, in so many blocks; the last ones may be empty."""
    for number in range(blocks):
        block = content[number * 0xFFFF : (number + 1) * 0xFFFF]
        yield struct.pack("<BHH", number + 1 == blocks, len(block), len(block) ^ 0xFFFF) + block


def read_one(file: BinaryIO, offset: int) -> Record:
    """Read the record that begins at an offset. BadRecordError where none does, or where it is not whole."""
    member, end = _inflate(file, offset)
    fields, start = _read_fields(member)
    length = str(fields.get_header("Content-Length") or "")
    if not length.isdecimal() or member[start + int(length) :] != _END:
        raise BadRecordError("its Content-Length is not that of its content")
    record = Record(offset, end, fields, member[start : start + int(length)])
    if record.get("WARC-Block-Digest") != f"sha256:{sha256_hex(record.content)}":
        raise BadRecordError("its content has not the digest that it says")
    if record.type == "response" and payload_digest(record) != sha256_hex(split_http(record.content)[1]):
        raise BadRecordError("its payload has not the digest that it says")
    return record


def read_fields(file: BinaryIO, offset: int) -> StatusAndHeaders:
    """Read the fields of a record without its content. BadRecordError where none begins there."""
    file.seek(offset)
    try:
        return _read_fields(zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(file.read(_CHUNK), _CHUNK))[0]
    except zlib.error as error:
        raise BadRecordError(f"no record begins there: {error}") from error


def _inflate(file: BinaryIO, offset: int) -> tuple[bytes, int]:
    """Return what a gzip member holds and where it ends, its checksum verified."""
    file.seek(offset)
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    parts, size, read = [], 0, 0
    while not inflater.eof:
        chunk = file.read(_CHUNK)
        if not chunk:
            raise BadRecordError("the file ends amid the record")
        read += len(chunk)
        try:
            part = inflater.decompress(chunk)
        except zlib.error as error:
            raise BadRecordError(f"damaged: {error}") from error
        size += len(part)
        if size > MAX_RECORD:
            raise BadRecordError(f"longer than {MAX_RECORD} bytes")
        parts.append(part)
    return b"".join(parts), offset + read - len(inflater.unused_data)


def _read_fields(member: bytes) -> tuple[StatusAndHeaders, int]:
    """Return the fields at the head of a record, and where its content begins."""
    end = member.find(_END)
    if end < 0 or not member.startswith(b"WARC/1."):
        raise BadRecordError("no WARC record")
    try:
        fields = StatusAndHeadersParser(["WARC/1.1", "WARC/1.0"]).parse(BytesIO(member[: end + 4]))
    except (StatusAndHeadersParserException, EOFError) as error:
        raise BadRecordError(f"no WARC record: {error}") from error
    return fields, end + 4


def scan(file: BinaryIO) -> Iterator[Record | Fault]:
    """Read a file from one end to the other: each whole record, and each stretch between two that is none."""
    size, offset = file.seek(0, 2), 0
    while offset < size:
        try:
            record = read_one(file, offset)
        except BadRecordError as error:
            end = _next_record(file, offset + 1, size)
            yield Fault(offset, end, str(error))
            offset = end
        else:
            yield record
            offset = record.end


def _next_record(file: BinaryIO, offset: int, size: int) -> int:
    """Return where the next whole record begins: a flipped bit in one must not hide those behind it."""
    magic = _GZIP_HEAD[:4]
    while offset < size:
        file.seek(offset)
        window = file.read(_CHUNK)
        at = -1
        while (at := window.find(magic, at + 1)) >= 0:
            if _looks_like_record(window[at : at + 256]) and _is_record(file, offset + at):
                return offset + at
        offset += max(len(window) - 255, 1)  # what begins in the last bytes is looked at again
    return size


def _looks_like_record(start: bytes) -> bool:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start, 7) == b"WARC/1."
    except zlib.error:
        return False


def _is_record(file: BinaryIO, offset: int) -> bool:
    try:
        read_one(file, offset)
    except BadRecordError:
        return False
    return True


def payload_digest(record: Record) -> str:
    """Return the SHA-256 that a record gives of its payload, empty where it gives none."""
    match = _HEX_DIGEST.fullmatch(record.get("WARC-Payload-Digest"))
    return match[1] if match else ""


def split_http(content: bytes) -> tuple[bytes, bytes]:
    """Return the head of an HTTP message, less its empty line, and its body."""
    head, _, body = content.partition(_END)
    return head, body


def read_http_head(head: bytes) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Return the status and headers of an HTTP response.

    >>> read_http_head(b"HTTP/1.1 200 OK\\r\\nContent-Type: text/html")
    (200, (('Content-Type', 'text/html'),))
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    status = first.split(" ")[1:2]
    if not status or not status[0].isdecimal():
        raise BadRecordError(f"no HTTP response: {first!r:.80}")
    headers = (line.partition(":") for line in lines)
    return int(status[0]), tuple((name, value.strip(" ")) for name, _, value in headers)


def make_http_head(first: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the head of an HTTP message with its empty line. No header can add another one, or end the head.

    >>> make_http_head("GET / HTTP/1.1", [("Host", "a.example"), ("X", "1\\r\\n\\r\\n2"), ("not a name", "3")])
    b'GET / HTTP/1.1\\r\\nHost: a.example\\r\\nX: 1 2\\r\\n\\r\\n'
    """
    lines = [
        _CONTROLS.sub(" ", first),
        *(f"{name}: {_CONTROLS.sub(' ', value)}" for name, value in headers if is_token(name)),
    ]
    text = "\r\n".join(lines) + "\r\n\r\n"
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:  # not from the wire: a header that somebody made up
        return text.encode("utf-8", "replace")


def is_token(name: str) -> bool:
    """Say whether a text can be the name of a header."""
    return _TOKEN.fullmatch(name) is not None


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
