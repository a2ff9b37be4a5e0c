"""A server of raw sockets: a case writes what it likes, byte by byte, to whoever asks."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass
class Asked:
    """A request as it came in."""

    at: float
    """Seconds, by the monotonic clock."""
    host: str
    path: str
    head: str


@dataclass
class Wire:
    """One request to answer."""

    asked: Asked
    write: Callable[[bytes], None]
    is_open: Callable[[], bool]

    def answer(self, body: bytes = b"", *headers: str, status: str = "200 OK", kind: str = "text/html") -> None:
        """Answer as a server should."""
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers, "", ""]
        self.write("\r\n".join(lines).encode() + body)

    def begin(self, *headers: str, status: str = "200 OK") -> None:
        """Send a head and leave the body to the caller."""
        self.write("\r\n".join([f"HTTP/1.1 {status}", "Content-Type: text/html", *headers, "", ""]).encode("latin-1"))


Answer: TypeAlias = Callable[[Wire], None]


@dataclass
class Server:
    """Serves paths on one loopback address; a path that none names is asked of `otherwise`, else 404."""

    paths: Mapping[str, Answer] = field(default_factory=dict)
    otherwise: Answer | None = None
    address: str = "127.0.0.1"
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> Server:
        served = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = 60

            def handle(self) -> None:
                try:
                    while self.take():
                        pass
                except OSError:  # the client has gone
                    return

            def take(self) -> bool:
                lines = []
                while (line := self.rfile.readline(65537)).strip():
                    lines.append(line.decode("latin-1").strip())
                if not lines:
                    return False
                host = next((each[5:].strip() for each in lines if each.lower().startswith("host:")), "")
                asked = Asked(time.monotonic(), host, lines[0].split(" ")[1], "\n".join(lines))
                served.asked.append(asked)
                answer = served.paths.get(asked.path.partition("?")[0]) or served.otherwise
                wire = Wire(asked, self.request.sendall, lambda: not served.is_stopped)
                if answer is None:
                    wire.answer(b"no such page", status="404 Not Found")
                    return True
                answer(wire)
                return not getattr(answer, "closes", False)

        class Threads(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            block_on_close = False
            request_queue_size = 50

            def handle_error(self, request: object, client_address: object) -> None:
                raise

        self.is_stopped = False
        self._server = Threads((self.address, 0), Handler)
        self.port: int = self._server.server_address[1]
        self.base_url = f"http://{self.address}:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_stopped = True
        self._server.shutdown()
        self._server.server_close()

    def times(self, path: str) -> int:
        return sum(each.path.partition("?")[0] == path for each in self.asked)


def closing(answer: Answer) -> Answer:
    """Let the connection be closed after an answer."""

    def answer_and_close(wire: Wire) -> None:
        answer(wire)

    answer_and_close.closes = True  # type: ignore[attr-defined]
    return answer_and_close
