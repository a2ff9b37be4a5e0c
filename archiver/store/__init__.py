"""What stands on disk.

archive   the layout of the archive, and how a file is put in place
inbox     stories that a crawl extracted and that are not yet published
publish   the inbox merged into `stories/` and `revisions/`
manifest  what was published: rows, bytes and SHA-256 of each file
read      the archive read back: the known stories of a site, one story by its address
ledger    one SQLite file a site: in which partition each story stands
"""
