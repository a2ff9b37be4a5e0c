"""What a site offers: stories, next pages and sections read off listings, feeds and sitemaps. Pure.

words       words of the web's furniture in many languages
addresses   what an address says of the page behind it
page        one walk over the tree: every link with its surroundings
stories     story links told from navigation
paging      the pages that follow a listing page
sections    the listings that a site's navigation leads to
kind        listing or story
feeds       RSS, Atom and sitemaps
"""

from archiver.discover.feeds import MAX_SITEMAP_SIZE, Sitemap, parse_feed, parse_sitemap
from archiver.discover.kind import is_listing
from archiver.discover.paging import next_pages
from archiver.discover.sections import Section, find_sections
from archiver.discover.stories import ListedStory, list_stories

__all__ = [
    "MAX_SITEMAP_SIZE",
    "ListedStory",
    "Section",
    "Sitemap",
    "find_sections",
    "is_listing",
    "list_stories",
    "next_pages",
    "parse_feed",
    "parse_sitemap",
]
