"""The downloader middleware that undoes content codings, at bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.http import Response
from scrapy.responsetypes import responsetypes

from archiver.network.refusal import Refused, count_refusal
from archiver.store.coding import DecodedTooLargeError, decode_body

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler
    from scrapy.http import Request

ACCEPTED = b"gzip, deflate, br, zstd"


class Decoding:
    """Stands in for Scrapy's HttpCompressionMiddleware.

    What is too large, or damaged, is refused under a reason of its own. The decoded response is made anew: Scrapy's
    `replace` asks the compressed one for its encoding, a millisecond a page (of 2.6).
    """

    def __init__(self, crawler: Crawler) -> None:
        self._stats = crawler.stats
        self._max_size = crawler.settings.getint("DOWNLOAD_MAXSIZE")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        request.headers.setdefault(b"Accept-Encoding", ACCEPTED)

    def process_response(self, request: Request, response: Response) -> Response:
        codings = [value.decode("latin-1") for value in response.headers.getlist(b"Content-Encoding")]
        if not codings or not response.body or request.method == "HEAD":
            return response
        cut = request.meta.get("decode_first")
        try:
            body = decode_body(
                response.body, codings, cut or request.meta.get("download_maxsize", self._max_size), cut=bool(cut)
            )
        except DecodedTooLargeError as error:
            raise count_refusal(self._stats, request, Refused("too_large", f"{response.url}: {error}")) from error
        except ValueError as error:
            raise count_refusal(self._stats, request, Refused("undecodable", f"{response.url}: {error}")) from error
        headers = response.headers.copy()
        if body is not response.body:
            del headers[b"Content-Encoding"]
        kind = responsetypes.from_args(headers=headers, url=response.url, body=body)
        return kind(
            response.url,
            status=response.status,
            headers=headers,
            body=body,
            flags=response.flags,
            certificate=response.certificate,
            ip_address=response.ip_address,
            protocol=response.protocol,
        )
