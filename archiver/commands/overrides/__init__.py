"""Commands of `scrapy` that are replaced: Scrapy finds them through COMMANDS_MODULE."""
