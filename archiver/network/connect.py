"""Connections to public addresses alone, and responses whose heads are of bounded size."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import fail
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IReactorPluggableNameResolver, IStreamClientEndpoint
from twisted.web.client import HTTPConnectionPool
from zope.interface import implementer

from archiver.network.addresses import AllowedHosts, is_public
from archiver.network.refusal import Refused

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

MAX_HEAD: Final = 128 * 1024
"""Bytes of all headers of a response, of interim ones too. Browsers take up to 256 KiB, servers send a few."""
MAX_LINE: Final = 16_384
"""Bytes of one line of them: Twisted drops the connection, without saying why, where one is longer."""
MAX_INTERIM: Final = 16
"""Responses 1xx before the one that counts."""
CONNECT_SECONDS: Final = 20


@implementer(IReactorPluggableNameResolver)
class GuardedReactor:
    """The reactor for one host: connects to its public addresses only.

    What is checked is the address that is connected to, after all resolving: a name that resolves otherwise the next
    time, a number written in octal, a redirect, nothing gets around it. Raises Refused.
    """

    def __init__(self, reactor: Any, host: str, *, is_allowed: bool) -> None:
        self._reactor, self._host, self._is_allowed = reactor, host, is_allowed

    def connectTCP(self, host: str, port: int, *arguments: Any, **options: Any) -> Any:  # noqa: N802 - Twisted's name
        if not (self._is_allowed or is_public(host)):
            raise Refused("address", f"{self._host} is at {host}")
        return self._reactor.connectTCP(host, port, *arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


@implementer(IStreamClientEndpoint)
class GuardedEndpoint:
    """Where a host is connected to. Each connection is given the limit of heads."""

    def __init__(self, inner: Any, on_bad_head: Callable[[], None]) -> None:
        self._inner, self._on_bad_head = inner, on_bad_head

    def connect(self, factory: Any) -> Deferred[Any]:
        build = factory.buildProtocol  # the pool makes a factory for each connection

        def build_limited(address: Any) -> Any:
            protocol = build(address)
            limit_heads(protocol, self._on_bad_head)
            return protocol

        factory.buildProtocol = build_limited
        connected: Deferred[Any] = self._inner.connect(factory)
        return connected


class GuardedPool(HTTPConnectionPool):
    """A pool whose connections lead to public addresses, and to those of the hosts that are allowed by name."""

    def __init__(self, reactor: Any, allowed: AllowedHosts, policy: Any) -> None:
        super().__init__(reactor, persistent=True)  # type: ignore[no-untyped-call]
        self._plain_reactor, self._allowed, self._policy = reactor, allowed, policy
        self.bad_heads: set[tuple[bytes, bytes, int]] = set()
        """Scheme, host and port of connections cut for their heads, until `GuardedHandler` asks."""

    def getConnection(self, key: Any, endpoint: Any) -> Deferred[Any]:  # noqa: N802 - Twisted's name
        """Connect to the host that the key names, whatever endpoint the agent would use."""
        scheme, host, port = key[:3]
        name = host.decode("ascii")
        is_allowed = self._allowed.allow(name, port)
        if not is_allowed and ":" in name and not is_public(name):  # the resolver, of IPv4 only, would not know it
            return fail(Refused("address", f"{name} is no public address"))
        reactor = GuardedReactor(self._plain_reactor, name, is_allowed=is_allowed)
        inner: Any = HostnameEndpoint(reactor, host, port, timeout=CONNECT_SECONDS)
        if scheme == b"https":
            inner = wrapClientTLS(self._policy.creatorForNetloc(host, port), inner)
        guarded: Any = GuardedEndpoint(inner, lambda: self.bad_heads.add((scheme, host, port)))
        connection: Deferred[Any] = super().getConnection(key, guarded)
        return connection


def limit_heads(protocol: Any, on_bad_head: Callable[[], None]) -> None:
    """Let an HTTP client protocol see the head of each response only when it is whole, and is none too large.

    Interim responses (1xx) are left out. Where a head is too large, `on_bad_head` is called and the connection cut.
    """
    ask, receive = protocol.request, protocol.dataReceived

    def request(request: Any) -> Any:
        head = _Head()

        def receive_head(data: bytes) -> None:
            passed = head.feed(data)
            if head.is_bad:
                protocol.dataReceived = _ignore
                on_bad_head()
                protocol.transport.abortConnection()
            elif passed is not None:
                protocol.dataReceived = receive  # what follows is the body, and costs nothing more
                receive(passed)

        protocol.dataReceived = receive_head
        return ask(request)

    protocol.request = request


def _ignore(data: bytes) -> None:
    """What still comes over a connection that is being cut."""


class _Head:
    """What has come of a response before its body."""

    def __init__(self) -> None:
        self._buffer = b""
        self._size = self._interim = 0
        self.is_bad = False

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes; return the head with what follows it once it is whole."""
        self._size += len(data)
        self._buffer += data
        while True:
            if not b"HTTP/".startswith(self._buffer[:5]):
                return self._buffer  # no HTTP; the parser says so
            end = _find_end(self._buffer)
            if end < 0:
                self.is_bad = len(self._buffer) > MAX_HEAD or len(self._buffer) - self._buffer.rfind(b"\n") > MAX_LINE
                return None
            head = self._buffer[:end]
            self.is_bad = end > MAX_HEAD or max(map(len, head.split(b"\n"))) > MAX_LINE
            if self.is_bad:
                return None
            status = head[:16].split(b" ", 2)[1:2]
            if not (status and len(status[0]) == 3 and status[0].startswith(b"1")) or status[0] == b"101":
                return self._buffer
            self._interim += 1
            self._buffer = self._buffer[end:]
            if self._interim > MAX_INTERIM:
                self.is_bad = True
                return None
            if not self._buffer:
                return None


def _find_end(data: bytes) -> int:
    """The length of a head with its empty line; -1 where that has not come."""
    ends = [at + len(mark) for mark in (b"\n\r\n", b"\n\n") if (at := data.find(mark)) >= 0]
    return min(ends, default=-1)
