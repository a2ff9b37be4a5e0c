"""Scrapy's two redirect middlewares, for addresses that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.downloadermiddlewares.redirect import MetaRefreshMiddleware, RedirectMiddleware

from archiver.network.refusal import Refused, count_refusal

if TYPE_CHECKING:
    from scrapy.http import Request, Response


class Redirects(RedirectMiddleware):
    """Refuses a redirect to what is no address; Scrapy's own raises ValueError."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        try:
            return super().process_response(request, response)
        except ValueError as error:
            refused = Refused("bad_address", f"{response.url} leads to what is no address: {error}")
            raise count_refusal(self.crawler.stats, request, refused) from error


class Refreshes(MetaRefreshMiddleware):
    """Takes a page that sends on to what is no address for the page that was wanted."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        try:
            return super().process_response(request, response)
        except ValueError:
            return response
