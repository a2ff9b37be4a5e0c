"""What stands on disk.

archive     the layout of the archive, and how a file is put in place
inbox       stories that a crawl extracted and that are not yet published
publish     the inbox merged into `stories/` and `revisions/`
merge       stories merged into the files of one partition
hashes      which content of a site is published, one story at a time
rowfile     the rows of a partition, a row group at a time
moves       stories moved from one partition to another, as if at once
restate     rows replaced by what today's rules make of their raw pages
revisions   when a visit makes a revision, and which one
removal     a story taken out of tables and raw files, never to be fetched again
search      all that an archive holds of one story, for a take-down
lineage     the table of events kept up to date; lineage_plan works out what is to change, lineage_read reads the stories,
            lineage_index finds events by story and source
event       one event read back
manifest    what was published: rows, bytes and SHA-256 of each file
read        the archive read back: the known stories of a site, one story and its revisions by its address
raw         each response of a crawl as it came over the wire: a WARC file is written
raw_read    a raw file is read back: one response by its place, or all of them
raw_repair  raw files checked, closed after a kill, and rewritten for a take-down
exchange    a request and its response, and the WARC records that keep them
warc        the format: WARC records in gzip members
coding      gzip, deflate, br, zstd: a body as it came → the bytes of the page
ledger      one SQLite file a site: every address known of it, and in which partition each story stands
known       what the ledger knows of an address, and what each answer of the site makes of it
tables      the ledger's tables, version by version, and its rows
ledgerfile, sqlite, rebuild   the ledger's file opened, migrated, set aside when damaged, made anew from the archive
removed     take-downs, in the ledger and in a text file that outlives it
verify      the whole archive checked; its parts are check_tables, check_lineage, check_raw and check_state, what they
            share is faults and check_file
repair      what can be rebuilt is rebuilt, a partition by rebuild_tables, from raw pages by rebuild_raw
seal        digests of ledgers at rest and of run records
migrate     an archive of an older version brought up to date
"""
