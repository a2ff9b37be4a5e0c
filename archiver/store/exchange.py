"""One request and its response, as they went over the wire, and the records that keep them. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from archiver.store.warc import make_http_head, make_member, make_record_id, sha256_hex

PERMANENT: Final = frozenset({301, 308})
"""Redirects by which an address leads to another for good: RFC 9110, 15.4."""
_NO_BODY = frozenset({204, 304})
"""What these answers say of a length is not that of their own content."""


def leads_on_for_good(statuses: Collection[object]) -> bool:
    """Tell by the redirects on the way to an answer whether all of them are permanent; where there was none, it is not.

    >>> leads_on_for_good([301, 308]), leads_on_for_good([301, 302]), leads_on_for_good([])
    (True, False, False)
    """
    return bool(statuses) and PERMANENT.issuperset(statuses)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One request and its response, as they went over the wire."""

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    """Still gzip where it came as gzip."""
    fetched_at: datetime
    method: str = "GET"
    request_headers: tuple[tuple[str, str], ...] = ()
    protocol: str | None = None
    flags: tuple[str, ...] = ()
    """Scrapy's: `partial` and `dataloss` say that the connection ended amid the body."""
    ip: str | None = None

    @property
    def sha256(self) -> str:
        """The digest of the body, in hex; computed anew each time."""
        return sha256_hex(self.body)


def make_members(
    exchange: Exchange, found: Mapping[str, Any], kind: str, body: bytes, fields: list[tuple[str, str]]
) -> tuple[list[bytes], int]:
    """Return request, response and metadata as gzip members, and which of them is the response."""
    response_id, at = make_record_id(), format_date(exchange.fetched_at)
    common = [("WARC-Target-URI", exchange.url), ("WARC-Date", at)]
    about = [*common, ("WARC-Record-ID", make_record_id()), ("WARC-Concurrent-To", response_id)]
    members = []
    if exchange.request_headers:
        request = [*about, ("Content-Type", "application/http; msgtype=request")]
        members.append(make_member("request", request, _request_head(exchange), b"", is_coded=False))
    response = [
        *common,
        ("WARC-Record-ID", response_id),
        *([("WARC-IP-Address", exchange.ip)] if exchange.ip else []),
        *([("WARC-Truncated", "disconnect")] if {"partial", "dataloss"} & set(exchange.flags) else []),
        *fields,
        ("Content-Type", "application/http; msgtype=response"),
    ]
    head, is_bare = _response_head(exchange), kind == "revisit" and exchange.status == HTTPStatus.NOT_MODIFIED
    # pywb shows a 304 as an empty page, but under a revisit without a head the page that it stands for. So it has none,
    # as Heritrix's, and what came is kept with what was found.
    members.append(make_member(kind, response, b"" if is_bare else head, body, is_coded=_is_coded(exchange)))
    metadata = [*common, ("WARC-Record-ID", make_record_id()), ("WARC-Concurrent-To", response_id)]
    metadata += [("WARC-Refers-To", response_id), ("Content-Type", "application/warc-fields")]
    members.append(
        make_member(
            "metadata",
            metadata,
            _metadata_lines(found, head.removesuffix(b"\r\n\r\n") if is_bare else b""),
            b"",
            is_coded=False,
        )
    )
    return members, len(members) - 2


def _request_head(exchange: Exchange) -> bytes:
    parts = urlsplit(exchange.url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = exchange.request_headers
    if not any(name.lower() == "host" for name, _ in headers):
        headers = (("Host", parts.netloc.rpartition("@")[2]), *headers)
    return make_http_head(f"{exchange.method} {path} HTTP/1.1", headers)


def _response_head(exchange: Exchange) -> bytes:
    """Return the head of a response; its body stands there without the transfer coding that it came in."""
    protocol = exchange.protocol if exchange.protocol in ("HTTP/1.0", "HTTP/1.1") else "HTTP/1.1"
    try:
        reason = HTTPStatus(exchange.status).phrase
    except ValueError:
        reason = ""
    headers = [each for each in exchange.headers if each[0].lower() not in ("transfer-encoding", "content-length")]
    if exchange.status not in _NO_BODY and exchange.method != "HEAD":
        headers.append(("Content-Length", str(len(exchange.body))))
    return make_http_head(f"{protocol} {exchange.status} {reason}", headers)


def _is_coded(exchange: Exchange) -> bool:
    has_coding = any(name.lower() == "content-encoding" for name, _ in exchange.headers)
    return (has_coding or exchange.body.startswith(b"\x1f\x8b")) and len(exchange.body) > 0


def _metadata_lines(found: Mapping[str, Any], head: bytes) -> bytes:
    addresses = [value for name in ("page", "via") if isinstance(value := found.get(name), str)]
    via = [f"via: {value}" for value in addresses if value.startswith(("http:", "https:")) and value.isprintable()]
    kept = [f"archiver-response: {json.dumps(head.decode('latin-1'))}"] if head else []
    return lines_of([*via[:1], f"archiver-found: {json.dumps(dict(found), default=_to_json)}", *kept])


def _to_json(value: object) -> str:
    if isinstance(value, date):  # a datetime is one
        return value.isoformat()
    raise ValueError(f"neither JSON nor a time: {value!r:.80}")


def lines_of(lines: list[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


def digest_field(sha256: str) -> tuple[str, str]:
    # In hex, as Browsertrix writes it and `sha256sum` prints it; `warcio check` takes it as well as base32.
    return "WARC-Payload-Digest", f"sha256:{sha256}"


def format_date(at: datetime) -> str:
    """Return a WARC-Date, to the microsecond.

    >>> format_date(datetime(2026, 6, 29, 10, 11, 12, tzinfo=UTC))
    '2026-06-29T10:11:12.000000Z'
    """
    if at.tzinfo is None:
        raise ValueError(f"a time without zone: {at!r}")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
