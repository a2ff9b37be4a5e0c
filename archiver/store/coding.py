"""Content codings: a body as it came over the wire → the bytes of the page. Pure.

Decodes as Scrapy's HttpCompressionMiddleware does, torn and mislabelled bodies too: what is extracted anew from a stored
page must be what the crawl saw. Scrapy's own functions are private, and what stands here must not change with them.
"""

from __future__ import annotations

import gzip
import importlib
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any, Final

_CHUNK = 1 << 16


MAX_CODINGS: Final = 4
"""Codings on top of each other. Real servers nest two, by mistake."""


class DecodedTooLargeError(ValueError):
    """A body is longer than it may be once decoded; raised by `decode_body`."""


def decode_body(body: bytes, codings: Iterable[str], max_size: int, *, cut: bool = False) -> bytes:
    """Undo the codings of a body, given as the values of its Content-Encoding headers.

    An unknown coding, and those below it, are left as they are. A torn body gives what is there of it. ValueError where
    the body is none of its coding, or has more than four; DecodedTooLargeError where it is longer than `max_size` bytes;
    `cut` returns its first `max_size` bytes then.

    >>> decode_body(gzip.compress(b"<p>"), ["gzip"], 100)
    b'<p>'
    >>> decode_body(gzip.compress(bytes(1000)), ["gzip"], 100)
    Traceback (most recent call last):
    archiver.store.coding.DecodedTooLargeError: more than 100 bytes once decoded
    >>> decode_body(gzip.compress(bytes(1000)), ["gzip"], 3, cut=True)
    b'\\x00\\x00\\x00'
    """
    left = [coding.strip().lower() for value in codings for coding in value.split(",")]
    if len(left) > MAX_CODINGS:
        raise ValueError(f"{len(left)} codings on top of each other")
    while left and (decoder := _DECODERS.get(left.pop())):
        parts, size = [], 0
        for part in _checked(decoder, body):
            size += len(part)
            if size > max_size and not cut:
                raise DecodedTooLargeError(f"more than {max_size} bytes once decoded")
            parts.append(part)
            if size > max_size:
                parts[-1] = part[: len(part) - (size - max_size)]
                break
        body = b"".join(parts)
    return body


def _checked(decode: _Decoder, body: bytes) -> Iterator[bytes]:
    try:
        yield from decode(body)
    except Exception as error:
        raise ValueError(f"not decodable as {decode.__name__[1:]}: {error}") from error


def _gzip(body: bytes) -> Iterator[bytes]:
    file, is_begun = gzip.GzipFile(fileobj=BytesIO(body)), False
    while True:
        try:
            part = file.read1(_CHUNK)
        except (OSError, EOFError, struct.error):
            if is_begun:  # torn, or garbage after it: browsers show what there is
                return
            raise
        if not part:
            return
        is_begun = True
        yield part


def _deflate(body: bytes) -> Iterator[bytes]:
    inflater = zlib.decompressobj()
    try:
        part = inflater.decompress(body, _CHUNK)
    except zlib.error:  # some servers leave the zlib wrapper out
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        part = inflater.decompress(body, _CHUNK)
    yield part
    while inflater.unconsumed_tail and not inflater.eof:
        yield inflater.decompress(inflater.unconsumed_tail, _CHUNK)


def _br(body: bytes) -> Iterator[bytes]:
    inflater = importlib.import_module("brotli").Decompressor()
    part = inflater.process(body, output_buffer_limit=_CHUNK)
    yield part
    while not inflater.is_finished() and (part := inflater.process(b"", output_buffer_limit=_CHUNK)):
        yield part


def _zstd(body: bytes) -> Iterator[bytes]:
    library = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    file: Any = importlib.import_module(library).ZstdFile(BytesIO(body))
    try:
        while part := file.read(_CHUNK):
            yield part
    except EOFError:  # torn
        return


_Decoder = Callable[[bytes], Iterator[bytes]]

_DECODERS: dict[str, _Decoder] = {"gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate, "br": _br, "zstd": _zstd}
"""The libraries of the last two come with Scrapy; without them such a body cannot be decoded, yet is kept."""
