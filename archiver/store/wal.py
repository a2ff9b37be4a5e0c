"""The write-ahead log that a killed process left beside its SQLite file, checked: SQLite itself takes damage for its end.

https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_HEADER, _FRAME = struct.Struct(">8I"), struct.Struct(">6I")
_MAGIC = (0x377F0682, 0x377F0683)
"""The checksums of the second are of big-endian words."""


def check_wal(path: Path) -> str | None:
    """Say what is wrong with a log: a frame that is not as it was written, and others of the same writer after it.

    What a kill tore is the last frame, and no damage: nothing was committed with it. Of that one nothing can be told.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return None
        magic, _, page_size, _, *salts, first, second = _HEADER.unpack(header)
        is_page_size = 512 <= page_size <= 65536 and page_size & (page_size - 1) == 0
        if magic not in _MAGIC or _add(magic, (0, 0), header[:24]) != (first, second) or not is_page_size:
            return "the header of its log is not as it was written"
        return _check_frames(file, magic, page_size, salts, (first, second))


def _check_frames(file: BinaryIO, magic: int, page_size: int, salts: list[int], sums: tuple[int, int]) -> str | None:
    broken: int | None = None
    number = 0
    while len(frame := file.read(_FRAME.size + page_size)) == _FRAME.size + page_size:
        number += 1
        _, _, *own_salts, first, second = _FRAME.unpack(frame[: _FRAME.size])
        if broken is not None:
            if own_salts == salts:
                return f"frame {broken} of its log is not as it was written, and what was committed after it is lost"
            continue
        sums = _add(magic, _add(magic, sums, frame[:8]), frame[_FRAME.size :])
        if own_salts != salts or sums != (first, second):  # the rest may be of an earlier round: of other salts
            broken = number
    return None


def _add(magic: int, sums: tuple[int, int], content: bytes) -> tuple[int, int]:
    """Return the checksum of what came before and `content`."""
    first, second = sums
    words = struct.unpack(f"{'>' if magic & 1 else '<'}{len(content) // 4}I", content)
    for one, other in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second
