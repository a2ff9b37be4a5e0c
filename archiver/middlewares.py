"""Downloader middlewares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archiver.store.exchange import Exchange

if TYPE_CHECKING:
    from scrapy.http import Headers, Request, Response

_SECRET = frozenset({"authorization", "cookie", "proxy-authorization"})
"""Headers of a request that an archive must not give away."""


class RawResponses:
    """Keeps each response as it came over the wire in `request.meta["exchange"]`, before anything decodes it.

    For DOWNLOADER_MIDDLEWARES at a number above 600: nearer to the network than HttpCompressionMiddleware (590), and than
    RedirectMiddleware (600), which makes a new request of a redirect. Those that led to a response are in
    `request.meta["redirects"]`, the first one first; answers that were asked for again (a 503) are not.
    """

    def process_response(self, request: Request, response: Response) -> Response:
        if not response.url.lower().startswith(("http:", "https:")):
            return response
        previous, redirects = request.meta.get("exchange"), request.meta.get("redirects", ())
        # Both lists come with the copy of the request that follows a redirect, and that tries again. Only in the first
        # case Scrapy has noted one more address than there are redirects.
        if previous is not None and len(redirects) < len(request.meta.get("redirect_urls", ())):
            request.meta["redirects"] = [*redirects, previous]
        request.meta["exchange"] = to_exchange(request, response, datetime.now(UTC))
        return response


def to_exchange(request: Request, response: Response, fetched_at: datetime) -> Exchange:
    """Return what went over the wire, as far as Scrapy tells. The body is the response's own, no copy."""
    return Exchange(
        url=response.url,
        status=response.status,
        headers=_read_headers(response.headers),
        body=response.body,
        fetched_at=fetched_at,
        method=request.method,
        request_headers=tuple(each for each in _read_headers(request.headers) if each[0].lower() not in _SECRET),
        protocol=response.protocol,
        flags=tuple(response.flags),
        ip=None if response.ip_address is None else str(response.ip_address),
    )


def _read_headers(headers: Headers) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, values in headers.items() for value in values or ()
    )
