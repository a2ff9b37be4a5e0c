"""Scrapy's two redirect middlewares, for addresses that are none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from scrapy.downloadermiddlewares.redirect import MetaRefreshMiddleware, RedirectMiddleware

from archiver.network.refusal import Refused, count_refusal

_OTHER_SCHEME: Final = re.compile(rb"(?!https?:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)

if TYPE_CHECKING:
    from scrapy.http import Request, Response


class Redirects(RedirectMiddleware):
    """Refuses a redirect to what is no address; Scrapy's own raises ValueError."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        try:
            return super().process_response(request, response)
        except ValueError as error:
            location = (response.headers.get(b"Location") or b"").strip()
            reason = "scheme" if _OTHER_SCHEME.match(location) else "bad_address"
            refused = Refused(reason, f"{response.url} leads to what is no address: {error}")
            raise count_refusal(self.crawler.stats, request, refused) from error


class Refreshes(MetaRefreshMiddleware):
    """Takes a page that sends on to what is no address for the page that was wanted."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        try:
            return super().process_response(request, response)
        except ValueError:
            return response
