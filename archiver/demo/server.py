"""The bundled network as four HTTP servers on loopback."""

from __future__ import annotations

import gzip
import socket
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Literal, Self, cast

from archiver.demo.pages import Answer, SitePages
from archiver.demo.sites import SITES, DemoSite, PlacedStory
from archiver.demo.stories import SourceEvent

HOST = "127.0.0.1"
DEMO_PORTS = (8101, 8102, 8103, 8104)
"""The ports that the bundled spiders know."""

Fault = int | Literal["drop", "truncate"]
"""A status code, a connection closed without an answer, or one closed amid the body."""

IDLE_SECONDS = 30
"""How long a connection may wait for its next request."""


class RunningSite:
    """One site of the network while it is served."""

    def __init__(
        self, site: DemoSite, port: int, events: Sequence[SourceEvent] | None, at: datetime | None = None
    ) -> None:
        self.site = site
        self.at = at
        """The time that the site says it is; stories of later are not out yet. None: the machine's, and all are."""
        self.name = site.name
        self._events = events
        self._server = _Server(port, self)
        self.port: int = self._server.server_address[1]
        self.base_url = f"http://{HOST}:{self.port}"
        self._pages = SitePages(site, self.base_url, events=events, at=at)
        self._faults: dict[str, Fault] = {}
        self._lock = Lock()
        self.requests: Counter[str] = Counter()
        """Requests by path and query, whatever became of them."""
        self.statuses: Counter[int] = Counter()
        """Answers by status."""
        self._serve()

    @property
    def stories(self) -> list[PlacedStory]:
        """The stories of the edition that is being served, newest first."""
        return self._pages.stories

    def story_at(self, url: str) -> PlacedStory | None:
        return self._pages.story_at(url)

    def expected(self, url: str) -> dict[str, Any]:
        """Return what an archive must hold of the story at this address. Raises KeyError where there is none."""
        return self._pages.expected(url)

    def url_of(self, placed: PlacedStory) -> str:
        return self.base_url + placed.story.path

    def listing_url(self, section: str) -> str:
        return self.base_url + self.site.style.listing_path(section)

    def change(self, changed: Collection[str]) -> None:
        """Serve the changed edition of these events' stories from now on, and the first edition of all others."""
        self._pages = SitePages(self.site, self.base_url, events=self._events, changed=changed, at=self.at)

    def fail(self, path: str, fault: Fault) -> None:
        """Answer every request for this path and query with a fault until `heal`."""
        self._faults[path] = fault

    def heal(self) -> None:
        self._faults.clear()

    def stop(self) -> None:
        """Take the site down: open connections are cut and new ones refused."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server.cut_connections()

    def start(self) -> None:
        """Put a site that was stopped up again, at the port it had."""
        if not self._thread.is_alive():
            self._server = _Server(self.port, self)
            self._serve()

    def _serve(self) -> None:
        # The default polls for a stop twice a second, which is what stopping four sites would then cost.
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), name=self.name, daemon=True)
        self._thread.start()

    def _take(self, path: str) -> tuple[Answer, Fault | None]:
        with self._lock:
            self.requests[path] += 1
        return self._pages.answer(path), self._faults.get(path)

    def _count(self, status: int) -> None:
        with self._lock:
            self.statuses[status] += 1


class DemoNetwork:
    """The four sites, served while the context lasts.

    `port` is that of the first site, the others follow it; 0 takes free ports. `events` are the bundled ones unless
    told otherwise; `changed` names those whose stories are served in their changed edition. `at` is the time that the
    sites say it is; stories of later are not out yet.
    """

    def __init__(
        self,
        changed: Collection[str] = (),
        port: int = 0,
        *,
        events: Sequence[SourceEvent] | None = None,
        at: datetime | None = None,
    ) -> None:
        self._changed = tuple(changed)
        self._port = port
        self._events = events
        self._at = at
        self.sites: list[RunningSite] = []

    def __enter__(self) -> Self:
        try:
            for number, site in enumerate(SITES):
                self.sites.append(RunningSite(site, self._port and self._port + number, self._events, self._at))
            if self._changed:
                self.change(self._changed)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def __getitem__(self, name: str) -> RunningSite:
        return next(site for site in self.sites if site.name == name)

    def change(self, changed: Collection[str]) -> None:
        """Serve the changed edition of these events' stories on all sites."""
        for site in self.sites:
            site.change(changed)

    def stop(self, name: str) -> None:
        self[name].stop()

    def start(self, name: str) -> None:
        self[name].start()

    def site_of(self, url: str) -> RunningSite:
        """Return the site that serves an address. Raises KeyError for an address elsewhere."""
        for site in self.sites:
            if url.startswith(f"{site.base_url}/"):
                return site
        raise KeyError(url)

    def expected(self, url: str) -> dict[str, Any]:
        """Return what an archive must hold of the story at this address. Raises KeyError where there is none."""
        return self.site_of(url).expected(url)

    def _close(self) -> None:
        for site in self.sites:
            site.stop()
        self.sites = []


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a kept-alive connection would hold the stop up until it idles out
    request_queue_size = 128

    def __init__(self, port: int, site: RunningSite) -> None:
        self.site = site
        self._connections: set[socket.socket] = set()
        self._connections_lock = Lock()
        super().__init__((HOST, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: a client that hangs up is no event."""

    def cut_connections(self) -> None:
        with self._connections_lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # the other side was faster
                    continue


@dataclass(frozen=True, slots=True)
class _Representation:
    body: bytes
    headers: dict[str, str]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "demo"
    sys_version = ""
    timeout = IDLE_SECONDS
    # Head and body leave in one packet: sent apart, the body waits 40 ms for the client's delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._respond(with_body=True)

    def do_HEAD(self) -> None:
        self._respond(with_body=False)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent: `RunningSite` counts."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        at = cast(_Server, self.server).site.at
        return format_datetime(at, usegmt=True) if at else super().date_time_string(timestamp)

    def _respond(self, *, with_body: bool) -> None:
        site = cast(_Server, self.server).site
        answer, fault = site._take(self.path)
        if fault == "drop":
            self.close_connection = True
            return
        if isinstance(fault, int):
            answer = Answer(fault, "text/plain; charset=utf-8", f"{fault}\n".encode(), answer.last_modified)
        sent = _represent(answer, self.headers.get("Accept-Encoding", ""))
        status = 304 if answer.status == 200 and self._is_unchanged(answer, sent) else answer.status
        site._count(status)
        self.send_response(status)
        for name, value in sent.headers.items():
            if status != 304 or name in {"ETag", "Last-Modified", "Vary", "Cache-Control"}:
                self.send_header(name, value)
        self.end_headers()
        if with_body and status != 304:
            self.wfile.write(sent.body[: len(sent.body) // 2] if fault == "truncate" else sent.body)
        if fault == "truncate":
            self.close_connection = True

    def _is_unchanged(self, answer: Answer, sent: _Representation) -> bool:
        """If-Modified-Since counts only where there is no If-None-Match (RFC 9110, 13.1.3)."""
        if (known := self.headers.get("If-None-Match")) is not None:
            tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
            return "*" in tags or sent.headers["ETag"] in tags
        since = _parse_http_date(self.headers.get("If-Modified-Since"))
        return since is not None and answer.last_modified.replace(microsecond=0) <= since


def _represent(answer: Answer, accepted: str) -> _Representation:
    """Return the bytes and headers to send, compressed where the client takes it; each coding has its own ETag."""
    body, digest = answer.body, sha256(answer.body).hexdigest()[:20]
    headers = {"Content-Type": answer.content_type, "Vary": "Accept-Encoding", "Cache-Control": "max-age=0"}
    if body and _takes_gzip(accepted):
        body, digest = gzip.compress(body, compresslevel=6, mtime=0), f"{digest}-gzip"
        headers["Content-Encoding"] = "gzip"
    if answer.location:
        headers["Location"] = answer.location
    if answer.status == 200:
        headers["ETag"] = f'"{digest}"'
        headers["Last-Modified"] = format_datetime(answer.last_modified.astimezone(UTC), usegmt=True)
    headers["Content-Length"] = str(len(body))
    return _Representation(body, headers)


def _takes_gzip(accepted: str) -> bool:
    """Tell whether an Accept-Encoding header allows gzip.

    >>> _takes_gzip("br, gzip;q=0.8"), _takes_gzip("gzip;q=0"), _takes_gzip("*"), _takes_gzip("")
    (True, False, True, False)
    """
    for part in accepted.lower().split(","):
        coding, _, parameters = part.strip().partition(";")
        if coding.strip() in {"gzip", "*"}:
            return parameters.replace(" ", "").rstrip("0").rstrip(".") not in {"q=", "q=0"}
    return False


def _parse_http_date(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value) if value else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
