"""Crawl, normalise and archive syndicated policy stories."""

__version__ = "0.1.0"
