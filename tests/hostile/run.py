"""One case: a crawl in a process of its own, whose names, connections and memory are watched.

Names are resolved by a table and nowhere else; a connection to anything but loopback ends the crawl there and then, and
each one is written down, so that a test can say where the crawl did not go.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crawls import Project

WATCHED = '''
import atexit, json, os, socket
from pathlib import Path

HERE = Path(__file__).parent
NAMES = json.loads((HERE / "names.json").read_text())
CONNECTED = (HERE / "connected.txt").open("a", buffering=1)
real_getaddrinfo, real_connect_ex, real_connect = socket.getaddrinfo, socket.socket.connect_ex, socket.socket.connect
asked = {}


def lookup(name):
    """The next answer for a name; a number in whatever notation is the system's business, and needs no network."""
    name = name.decode() if isinstance(name, bytes) else str(name)
    if name.rstrip(".").lower() in NAMES:
        name = name.rstrip(".").lower()
        answers = NAMES[name]
        number = asked[name] = asked.get(name, -1) + 1
        return answers[min(number, len(answers) - 1)]
    try:
        return [real_getaddrinfo(name, 0, flags=0 if name[:1].isdigit() or ":" in name else socket.AI_NUMERICHOST)[0][4][0]]
    except OSError:
        raise socket.gaierror(socket.EAI_NONAME, f"no such name in the table: {name}") from None


def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    found = []
    for address in lookup(host):
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        if family in (0, kind):
            rest = (0, 0) if kind == socket.AF_INET6 else ()
            found.append((kind, socket.SOCK_STREAM, 6, "", (address, int(port or 0), *rest)))
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, "no address of that family")
    return found


def watched(real):
    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            print(f"{address[0]} {address[1]}", file=CONNECTED)
            if not str(address[0]).startswith("127."):
                os._exit(99)
        return real(self, address)
    return connect


socket.getaddrinfo = getaddrinfo
socket.gethostbyname = lambda name: next(each for each in lookup(name) if ":" not in each)
socket.socket.connect_ex, socket.socket.connect = watched(real_connect_ex), watched(real_connect)


@atexit.register
def peak():
    line = next(each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM"))
    (HERE / "peak.txt").write_text(line.split()[1])
'''


@dataclass
class Result:
    """What came of a crawl."""

    exit_code: int
    log: str
    record: dict[str, Any]
    archived: set[str]
    """Paths of the stories in the archive."""
    rows: list[dict[str, Any]]
    peak_mb: float
    seconds: float
    connected: set[tuple[str, int]]
    """Every address and port that the crawl connected to."""
    refused: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)


def crawl(
    folder: Path,
    home: str,
    *,
    allowed: Sequence[str],
    names: Mapping[str, list[list[str]]] | None = None,
    settings: Mapping[str, object] | None = None,
    spider: str = "",
    arguments: Mapping[str, str] | None = None,
) -> Result:
    """Crawl a site as `scrapy crawl` does. `names` has the answers for each name, one list a look-up."""
    folder.mkdir(parents=True, exist_ok=True)
    project = Project(folder)
    (folder / "watched.py").write_text(WATCHED)
    (folder / "names.json").write_text(json.dumps(names or {}))
    own = folder / "own_settings.py"
    if "import watched" not in own.read_text():
        own.write_text(f"import watched\n{own.read_text()}")
        project.add_site("hostile", home)
    words = [word for name, value in (settings or {}).items() for word in ("-s", f"{name}={value}")]
    words += ["-s", f"ARCHIVER_ALLOW_HOSTS={','.join(allowed)}"]
    started = time.monotonic()
    ran = project.crawl(spider or "hostile", *words, **(arguments or {}))
    seconds = time.monotonic() - started
    record = project.records()[-1] if project.records() else {}
    connected = {
        (line.split()[0], int(line.split()[1])) for line in (folder / "connected.txt").read_text().splitlines()
    }
    rows = project.rows()
    return Result(
        exit_code=ran.exit_code,
        log=ran.log,
        record=record,
        archived={"/" + row["url"].split("/", 3)[3] for row in rows},
        rows=rows,
        peak_mb=int((folder / "peak.txt").read_text()) / 1024,
        seconds=seconds,
        connected=connected,
        refused=record.get("refused", {}),
        failures=record.get("failures", {}),
        skipped=record.get("skipped", {}),
    )
