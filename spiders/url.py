"""Any page of any site: a listing, a story, a feed or a sitemap. It needs no site of its own and no contact setting."""

from archiver.arguments import URL_ARGUMENTS
from archiver.spider import StorySpider


class UrlSpider(StorySpider):
    name = "url"
    accepts = URL_ARGUMENTS
    is_scheduled = False
