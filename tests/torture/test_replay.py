"""A replay tool opens stored pages. Skipped where pywb is not at hand; it is no dependency, and wants an environment of its own:

python -m venv pywb && pywb/bin/pip install pywb
PATH=$PWD/pywb/bin:$PATH .venv/bin/pytest -m torture tests/torture/test_replay.py
"""

from __future__ import annotations

import gzip
import shutil
import socket
import subprocess
import time
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import brotli
import pytest

from archiver.store.archive import Archive
from archiver.store.exchange import Exchange
from archiver.store.raw import RawWriter
from archiver.store.raw_read import raw_dir

pytestmark = pytest.mark.torture

WAYBACK, MANAGER = shutil.which("wayback"), shutil.which("wb-manager")
NOW = datetime(2026, 6, 29, 13, 5, tzinfo=UTC)
CODINGS = {"gzip": gzip.compress, "br": brotli.compress, "deflate": zlib.compress}


def page(name: str) -> bytes:
    return f"<html><body><p>The words of {name}.</p></body></html>".encode()


def write_pages(archive: Archive) -> Path:
    """Pages in each coding and in chunks; a day later, one that answered 304 and one that came again."""
    with RawWriter(archive, "wire.example", "run", started_at=NOW) as raw:

        def put(name: str, body: bytes, *headers: tuple[str, str]) -> None:
            given = (("Content-Type", "text/html; charset=utf-8"), *headers)
            first = Exchange(url=f"https://wire.example/{name}", status=200, headers=given, body=body, fetched_at=NOW)
            found = {"kind": "story", "asked": first.url}
            place = raw.write(first, found)
            if name in ("gzip", "same"):
                kept = {"status": 304, "headers": (("ETag", '"1"'),), "body": b""} if name == "gzip" else {}
                values = {"url": first.url, "status": 200, "headers": given, "body": body} | kept
                raw.write_revisit(Exchange(**values, fetched_at=NOW + timedelta(days=1)), place, NOW, found)

        put("plain", page("plain"))
        put("chunked", page("chunked"), ("Transfer-Encoding", "chunked"))
        put("same", page("same"))
        for name, encode in CODINGS.items():
            put(name, encode(page(name)), ("Content-Encoding", name))
    (path,) = raw_dir(archive).glob("*/*.warc.gz")
    return path


@contextmanager
def replaying(folder: Path, warc: Path) -> Iterator[str]:
    assert WAYBACK and MANAGER
    for words in (("init", "archive"), ("add", "archive", str(warc))):
        subprocess.run([MANAGER, *words], cwd=folder, check=True, capture_output=True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [WAYBACK, "--port", str(port), "--bind", "127.0.0.1"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=folder, stdout=quiet, stderr=quiet) as server:
        try:
            for _ in range(300):
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/archive"
        finally:
            server.terminate()


@pytest.mark.skipif(not (WAYBACK and MANAGER), reason="pywb is not on the PATH")
def test_pywb_opens_every_stored_page(tmp_path: Path) -> None:
    warc = write_pages(Archive(tmp_path / "data"))
    later = {"gzip": NOW + timedelta(days=1), "same": NOW + timedelta(days=1)}
    wanted = [(name, NOW) for name in ("plain", "chunked", "same", *CODINGS)] + list(later.items())
    with replaying(tmp_path, warc) as base:
        for name, at in wanted:
            url = f"{base}/{at:%Y%m%d%H%M%S}id_/https://wire.example/{name}"
            with urllib.request.urlopen(url, timeout=30) as answer:
                assert answer.read() == page(name), name
                assert answer.headers["Memento-Datetime"] == f"{at:%a, %d %b %Y %H:%M:%S} GMT"
