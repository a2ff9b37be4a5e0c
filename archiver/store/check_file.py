"""One file against what the manifest says of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def compare_content(content: bytes, entry: Mapping[str, Any] | None) -> Iterator[str]:
    """Say what of a file is not as its entry in the manifest says."""
    if entry is None:
        return
    if entry.get("bytes") != len(content):
        yield f"{len(content)} bytes long, where the manifest says {entry.get('bytes')}"
    elif entry.get("sha256") != hashlib.sha256(content).hexdigest():
        yield "not the SHA-256 that the manifest says"


def compare_bytes(path: Path, entry: Mapping[str, Any] | None) -> Iterator[str]:
    """As `compare_content`, of a file that may not be readable."""
    try:
        content = path.read_bytes()
    except OSError as error:
        yield error.strerror or str(error)
        return
    yield from compare_content(content, entry)
