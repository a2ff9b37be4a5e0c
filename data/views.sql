-- The views of a policy archive, for DuckDB 2.0 or later and none of the archive's own code.
-- Run it in the archive's root: duckdb -init views.sql, or connection.execute(open('views.sql').read()).
-- Made by `archiver sql --views`.
SET TimeZone = 'UTC';

CREATE OR REPLACE VIEW stories AS
SELECT "story_id", "url", "site", "section", "date", "section_label", "date_source", "title", "dek", "body", "faq", "authors", "source_name", "source_url", "source_domain", "source_method", "links", "related", "published_at", "modified_at", "published_raw", "first_seen_at", "fetched_at", "language", "tags", "image_url", "word_count", "content_hash", "revision", "status", "flags", "provenance", "extractor", "raw_file", "raw_offset", "raw_sha256"
FROM (
    SELECT
        CAST(NULL AS VARCHAR) AS "story_id",
        CAST(NULL AS VARCHAR) AS "url",
        CAST(NULL AS VARCHAR) AS "site",
        CAST(NULL AS VARCHAR) AS "section",
        CAST(NULL AS DATE) AS "date",
        CAST(NULL AS VARCHAR) AS "section_label",
        CAST(NULL AS VARCHAR) AS "date_source",
        CAST(NULL AS VARCHAR) AS "title",
        CAST(NULL AS VARCHAR) AS "dek",
        CAST(NULL AS VARCHAR) AS "body",
        CAST(NULL AS STRUCT("question" VARCHAR, "answer" VARCHAR)[]) AS "faq",
        CAST(NULL AS VARCHAR[]) AS "authors",
        CAST(NULL AS VARCHAR) AS "source_name",
        CAST(NULL AS VARCHAR) AS "source_url",
        CAST(NULL AS VARCHAR) AS "source_domain",
        CAST(NULL AS VARCHAR) AS "source_method",
        CAST(NULL AS STRUCT("url" VARCHAR, "text" VARCHAR, "kind" VARCHAR, "domain" VARCHAR)[]) AS "links",
        CAST(NULL AS STRUCT("url" VARCHAR, "title" VARCHAR)[]) AS "related",
        CAST(NULL AS TIMESTAMPTZ) AS "published_at",
        CAST(NULL AS TIMESTAMPTZ) AS "modified_at",
        CAST(NULL AS VARCHAR) AS "published_raw",
        CAST(NULL AS TIMESTAMPTZ) AS "first_seen_at",
        CAST(NULL AS TIMESTAMPTZ) AS "fetched_at",
        CAST(NULL AS VARCHAR) AS "language",
        CAST(NULL AS VARCHAR[]) AS "tags",
        CAST(NULL AS VARCHAR) AS "image_url",
        CAST(NULL AS INTEGER) AS "word_count",
        CAST(NULL AS VARCHAR) AS "content_hash",
        CAST(NULL AS INTEGER) AS "revision",
        CAST(NULL AS VARCHAR) AS "status",
        CAST(NULL AS VARCHAR[]) AS "flags",
        CAST(NULL AS MAP(VARCHAR, VARCHAR)) AS "provenance",
        CAST(NULL AS VARCHAR) AS "extractor",
        CAST(NULL AS VARCHAR) AS "raw_file",
        CAST(NULL AS BIGINT) AS "raw_offset",
        CAST(NULL AS VARCHAR) AS "raw_sha256"
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM read_parquet('stories/*/*/stories.parquet', allow_empty = true, hive_partitioning = true, hive_types = {'date': DATE, 'section': VARCHAR})
);
COMMENT ON VIEW stories IS 'The newest revision of each story, one row a story.';
COMMENT ON COLUMN stories."story_id" IS 'First 16 hex digits of the SHA-256 of the `url` under which the story was first archived. The key of the archive: a story that moves to another address keeps it.';
COMMENT ON COLUMN stories."url" IS 'Canonical address: the page''s own canonical link where it is on the same site, else the address fetched; without fragment, credentials or tracking parameters.';
COMMENT ON COLUMN stories."site" IS 'Host of `url` without `www.`; with the port where it is not the scheme''s default.';
COMMENT ON COLUMN stories."section" IS 'Partition key. Slug of the section (`AI & Education` is `ai-education`); `unsectioned` where none was found. A slug that a reader would take for a number, a date or a null begins with `section-`.';
COMMENT ON COLUMN stories."date" IS 'Partition key. UTC day of `published_at`; where there is none, of `first_seen_at`.';
COMMENT ON COLUMN stories."section_label" IS 'The section as the site prints it.';
COMMENT ON COLUMN stories."date_source" IS 'Where `date` came from: `json-ld`, `microdata`, `meta`, `time`, `text`, `url`, `feed`, `listing` or `first-seen`.';
COMMENT ON COLUMN stories."title" IS 'The headline as the page shows it, without site name and section label.';
COMMENT ON COLUMN stories."dek" IS 'The summary line under the title; null where the page has none of its own.';
COMMENT ON COLUMN stories."body" IS 'Paragraphs, list items, quotations, subheadings and rows of data tables (cells parted by ` | `) in reading order, parted by one blank line. Without title, dek, byline, date, FAQ, interstitials, captions, comments, share bars and the line that names the source.';
COMMENT ON COLUMN stories."faq" IS 'Questions and answers in page order; empty where the page has none.';
COMMENT ON COLUMN stories."authors" IS 'Names alone, in page order: no `By`, no roles, no credentials.';
COMMENT ON COLUMN stories."source_name" IS 'Publisher to which the page credits the story, as printed. A page that credits itself has none.';
COMMENT ON COLUMN stories."source_url" IS 'Address of the source story.';
COMMENT ON COLUMN stories."source_domain" IS 'Registered domain of `source_url`.';
COMMENT ON COLUMN stories."source_method" IS 'The rule that found the source, for example `continue-reading`, `read-original`, `label`, `republished`, `pixel`, `canonical`, `meta`, `json-ld` or `dateline`.';
COMMENT ON COLUMN stories."links" IS 'Outbound links of the story, to another registered domain; each address once per kind.';
COMMENT ON COLUMN stories."related" IS 'Interstitials (`Read more TITLE`) and "more in" links that were taken out of the body.';
COMMENT ON COLUMN stories."published_at" IS 'When the page, its listing or its feed says the story was published, UTC. A date without time is midnight; a time without zone is taken as UTC. `provenance` notes both: `json-ld, no time`, `meta, midnight: no time` (a printed midnight stands for the day), `time, no zone: taken as UTC`.';
COMMENT ON COLUMN stories."modified_at" IS 'When the page says the story was last modified, UTC.';
COMMENT ON COLUMN stories."published_raw" IS 'The publication date as found, before parsing.';
COMMENT ON COLUMN stories."first_seen_at" IS 'When this archive first fetched the story, UTC.';
COMMENT ON COLUMN stories."fetched_at" IS 'When the response that this row was made from was fetched, UTC.';
COMMENT ON COLUMN stories."language" IS 'BCP 47 tag, as the page declares it.';
COMMENT ON COLUMN stories."tags" IS 'Keywords and topics of the story, in page order.';
COMMENT ON COLUMN stories."image_url" IS 'Address of the lead image; the image itself is not fetched.';
COMMENT ON COLUMN stories."word_count" IS 'Words in `body`.';
COMMENT ON COLUMN stories."content_hash" IS 'SHA-256 of title, dek, body, FAQ and source_url after normalisation. A change of it makes a revision.';
COMMENT ON COLUMN stories."revision" IS '1, 2, …: one more for each change of `content_hash` or `status`.';
COMMENT ON COLUMN stories."status" IS '`live`, or `gone` once the site no longer serves the story.';
COMMENT ON COLUMN stories."flags" IS 'What a reader should know: `noarchive`, `truncated`, `several-pages`, `deep-nesting`, `date-out-of-range`, …';
COMMENT ON COLUMN stories."provenance" IS 'Column → rule that filled it, for example `title: h1`.';
COMMENT ON COLUMN stories."extractor" IS 'Version of the extraction rules that made this row.';
COMMENT ON COLUMN stories."raw_file" IS 'File under `raw/` that holds the raw page; null in rows made before raw pages were kept.';
COMMENT ON COLUMN stories."raw_offset" IS 'Byte offset of the record in `raw_file`.';
COMMENT ON COLUMN stories."raw_sha256" IS 'SHA-256 of the record''s payload, hex.';

CREATE OR REPLACE VIEW revisions AS
SELECT "story_id", "url", "site", "section", "date", "section_label", "date_source", "title", "dek", "body", "faq", "authors", "source_name", "source_url", "source_domain", "source_method", "links", "related", "published_at", "modified_at", "published_raw", "first_seen_at", "fetched_at", "language", "tags", "image_url", "word_count", "content_hash", "revision", "status", "flags", "provenance", "extractor", "raw_file", "raw_offset", "raw_sha256", "changed", "words_added", "words_removed"
FROM (
    SELECT
        CAST(NULL AS VARCHAR) AS "story_id",
        CAST(NULL AS VARCHAR) AS "url",
        CAST(NULL AS VARCHAR) AS "site",
        CAST(NULL AS VARCHAR) AS "section",
        CAST(NULL AS DATE) AS "date",
        CAST(NULL AS VARCHAR) AS "section_label",
        CAST(NULL AS VARCHAR) AS "date_source",
        CAST(NULL AS VARCHAR) AS "title",
        CAST(NULL AS VARCHAR) AS "dek",
        CAST(NULL AS VARCHAR) AS "body",
        CAST(NULL AS STRUCT("question" VARCHAR, "answer" VARCHAR)[]) AS "faq",
        CAST(NULL AS VARCHAR[]) AS "authors",
        CAST(NULL AS VARCHAR) AS "source_name",
        CAST(NULL AS VARCHAR) AS "source_url",
        CAST(NULL AS VARCHAR) AS "source_domain",
        CAST(NULL AS VARCHAR) AS "source_method",
        CAST(NULL AS STRUCT("url" VARCHAR, "text" VARCHAR, "kind" VARCHAR, "domain" VARCHAR)[]) AS "links",
        CAST(NULL AS STRUCT("url" VARCHAR, "title" VARCHAR)[]) AS "related",
        CAST(NULL AS TIMESTAMPTZ) AS "published_at",
        CAST(NULL AS TIMESTAMPTZ) AS "modified_at",
        CAST(NULL AS VARCHAR) AS "published_raw",
        CAST(NULL AS TIMESTAMPTZ) AS "first_seen_at",
        CAST(NULL AS TIMESTAMPTZ) AS "fetched_at",
        CAST(NULL AS VARCHAR) AS "language",
        CAST(NULL AS VARCHAR[]) AS "tags",
        CAST(NULL AS VARCHAR) AS "image_url",
        CAST(NULL AS INTEGER) AS "word_count",
        CAST(NULL AS VARCHAR) AS "content_hash",
        CAST(NULL AS INTEGER) AS "revision",
        CAST(NULL AS VARCHAR) AS "status",
        CAST(NULL AS VARCHAR[]) AS "flags",
        CAST(NULL AS MAP(VARCHAR, VARCHAR)) AS "provenance",
        CAST(NULL AS VARCHAR) AS "extractor",
        CAST(NULL AS VARCHAR) AS "raw_file",
        CAST(NULL AS BIGINT) AS "raw_offset",
        CAST(NULL AS VARCHAR) AS "raw_sha256",
        CAST(NULL AS VARCHAR[]) AS "changed",
        CAST(NULL AS INTEGER) AS "words_added",
        CAST(NULL AS INTEGER) AS "words_removed"
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM read_parquet('revisions/*/*/revisions.parquet', allow_empty = true, hive_partitioning = true, hive_types = {'date': DATE, 'section': VARCHAR})
);
COMMENT ON VIEW revisions IS 'Every revision of each story, the first too, with what changed.';
COMMENT ON COLUMN revisions."story_id" IS 'First 16 hex digits of the SHA-256 of the `url` under which the story was first archived. The key of the archive: a story that moves to another address keeps it.';
COMMENT ON COLUMN revisions."url" IS 'Canonical address: the page''s own canonical link where it is on the same site, else the address fetched; without fragment, credentials or tracking parameters.';
COMMENT ON COLUMN revisions."site" IS 'Host of `url` without `www.`; with the port where it is not the scheme''s default.';
COMMENT ON COLUMN revisions."section" IS 'Partition key. Slug of the section (`AI & Education` is `ai-education`); `unsectioned` where none was found. A slug that a reader would take for a number, a date or a null begins with `section-`.';
COMMENT ON COLUMN revisions."date" IS 'Partition key. UTC day of `published_at`; where there is none, of `first_seen_at`.';
COMMENT ON COLUMN revisions."section_label" IS 'The section as the site prints it.';
COMMENT ON COLUMN revisions."date_source" IS 'Where `date` came from: `json-ld`, `microdata`, `meta`, `time`, `text`, `url`, `feed`, `listing` or `first-seen`.';
COMMENT ON COLUMN revisions."title" IS 'The headline as the page shows it, without site name and section label.';
COMMENT ON COLUMN revisions."dek" IS 'The summary line under the title; null where the page has none of its own.';
COMMENT ON COLUMN revisions."body" IS 'Paragraphs, list items, quotations, subheadings and rows of data tables (cells parted by ` | `) in reading order, parted by one blank line. Without title, dek, byline, date, FAQ, interstitials, captions, comments, share bars and the line that names the source.';
COMMENT ON COLUMN revisions."faq" IS 'Questions and answers in page order; empty where the page has none.';
COMMENT ON COLUMN revisions."authors" IS 'Names alone, in page order: no `By`, no roles, no credentials.';
COMMENT ON COLUMN revisions."source_name" IS 'Publisher to which the page credits the story, as printed. A page that credits itself has none.';
COMMENT ON COLUMN revisions."source_url" IS 'Address of the source story.';
COMMENT ON COLUMN revisions."source_domain" IS 'Registered domain of `source_url`.';
COMMENT ON COLUMN revisions."source_method" IS 'The rule that found the source, for example `continue-reading`, `read-original`, `label`, `republished`, `pixel`, `canonical`, `meta`, `json-ld` or `dateline`.';
COMMENT ON COLUMN revisions."links" IS 'Outbound links of the story, to another registered domain; each address once per kind.';
COMMENT ON COLUMN revisions."related" IS 'Interstitials (`Read more TITLE`) and "more in" links that were taken out of the body.';
COMMENT ON COLUMN revisions."published_at" IS 'When the page, its listing or its feed says the story was published, UTC. A date without time is midnight; a time without zone is taken as UTC. `provenance` notes both: `json-ld, no time`, `meta, midnight: no time` (a printed midnight stands for the day), `time, no zone: taken as UTC`.';
COMMENT ON COLUMN revisions."modified_at" IS 'When the page says the story was last modified, UTC.';
COMMENT ON COLUMN revisions."published_raw" IS 'The publication date as found, before parsing.';
COMMENT ON COLUMN revisions."first_seen_at" IS 'When this archive first fetched the story, UTC.';
COMMENT ON COLUMN revisions."fetched_at" IS 'When the response that this row was made from was fetched, UTC.';
COMMENT ON COLUMN revisions."language" IS 'BCP 47 tag, as the page declares it.';
COMMENT ON COLUMN revisions."tags" IS 'Keywords and topics of the story, in page order.';
COMMENT ON COLUMN revisions."image_url" IS 'Address of the lead image; the image itself is not fetched.';
COMMENT ON COLUMN revisions."word_count" IS 'Words in `body`.';
COMMENT ON COLUMN revisions."content_hash" IS 'SHA-256 of title, dek, body, FAQ and source_url after normalisation. A change of it makes a revision.';
COMMENT ON COLUMN revisions."revision" IS '1, 2, …: one more for each change of `content_hash` or `status`.';
COMMENT ON COLUMN revisions."status" IS '`live`, or `gone` once the site no longer serves the story.';
COMMENT ON COLUMN revisions."flags" IS 'What a reader should know: `noarchive`, `truncated`, `several-pages`, `deep-nesting`, `date-out-of-range`, …';
COMMENT ON COLUMN revisions."provenance" IS 'Column → rule that filled it, for example `title: h1`.';
COMMENT ON COLUMN revisions."extractor" IS 'Version of the extraction rules that made this row.';
COMMENT ON COLUMN revisions."raw_file" IS 'File under `raw/` that holds the raw page; null in rows made before raw pages were kept.';
COMMENT ON COLUMN revisions."raw_offset" IS 'Byte offset of the record in `raw_file`.';
COMMENT ON COLUMN revisions."raw_sha256" IS 'SHA-256 of the record''s payload, hex.';
COMMENT ON COLUMN revisions."changed" IS 'Which of `title`, `dek`, `body`, `faq`, `source_url` and `status` differ from the revision before; empty for the first.';
COMMENT ON COLUMN revisions."words_added" IS 'Words of title, dek, body and FAQ that the revision before has not, each counted as often as it was added; for the first revision all words.';
COMMENT ON COLUMN revisions."words_removed" IS 'Words of title, dek, body and FAQ of the revision before that this one has no more.';

CREATE OR REPLACE VIEW lineage AS
SELECT "date", "event_id", "story_id", "method", "score", "source_url", "first_seen_by_us", "earliest_published", "rank", "shared_words"
FROM (
    SELECT
        CAST(NULL AS DATE) AS "date",
        CAST(NULL AS VARCHAR) AS "event_id",
        CAST(NULL AS VARCHAR) AS "story_id",
        CAST(NULL AS VARCHAR) AS "method",
        CAST(NULL AS DOUBLE) AS "score",
        CAST(NULL AS VARCHAR) AS "source_url",
        CAST(NULL AS TIMESTAMPTZ) AS "first_seen_by_us",
        CAST(NULL AS TIMESTAMPTZ) AS "earliest_published",
        CAST(NULL AS INTEGER) AS "rank",
        CAST(NULL AS DOUBLE) AS "shared_words"
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM read_parquet('lineage/*/lineage.parquet', allow_empty = true, hive_partitioning = true, hive_types = {'date': DATE})
);
COMMENT ON VIEW lineage IS 'Which stories are rewrites of one source story (an event), and in what order; one row a story.';
COMMENT ON COLUMN lineage."date" IS 'Partition key: the `date` of the story.';
COMMENT ON COLUMN lineage."event_id" IS 'The event: the stories, on whatever sites, that rewrite one source story. An event keeps its id as the archive grows; where two prove to be one, all their stories have the id of the older. A story that stands alone is an event of one.';
COMMENT ON COLUMN lineage."story_id" IS 'The story, as in `stories`.';
COMMENT ON COLUMN lineage."method" IS 'What put the story into its event: `source` (it links to the source that another of the event links to or is, or is that source itself), `words` (by its wording), or `alone`.';
COMMENT ON COLUMN lineage."score" IS 'How sure it is that the story belongs there, from 0 to 1: for `words` the mean likelihood that it tells of the same as each other story of the event, as it was placed (over all of them it is at least 0.5); else 1.';
COMMENT ON COLUMN lineage."source_url" IS 'Normalised address of the source story to which the story links, the same for all links to one page; null where it has none, or links to a home page, a section, a live blog or a newsletter. The link itself stands in `stories`.';
COMMENT ON COLUMN lineage."first_seen_by_us" IS 'When this archive first fetched the story, UTC.';
COMMENT ON COLUMN lineage."earliest_published" IS 'When the earliest story of the event was published, UTC: `published_at` of the first by rank that has one; the same in all rows of the event.';
COMMENT ON COLUMN lineage."rank" IS 'Place of the story in its event: 1 is the earliest by `published_at` (by `first_seen_at` where there is none), ties by `first_seen_at`, then by `story_id`. A day without a time counts as its end, or as `first_seen_at` if that was before.';
COMMENT ON COLUMN lineage."shared_words" IS 'Share of the different words of title and body that the earliest story of the event has too, from 0 to 1; 1 for the earliest itself.';

CREATE OR REPLACE VIEW runs AS
SELECT "run", "spider", "started_at", "finished_at", "finish_reason", "exit_code", "arguments", "pages", "listed", "archived", "unvisited", "requests", "bytes", "counts", "failures", "skipped", "failed_addresses", "errors", "alarms", "usage_error", "storage_error", "files_written", "versions"
FROM (
    SELECT
        CAST(NULL AS VARCHAR) AS "run",
        CAST(NULL AS VARCHAR) AS "spider",
        CAST(NULL AS TIMESTAMPTZ) AS "started_at",
        CAST(NULL AS TIMESTAMPTZ) AS "finished_at",
        CAST(NULL AS VARCHAR) AS "finish_reason",
        CAST(NULL AS INTEGER) AS "exit_code",
        CAST(NULL AS VARCHAR) AS "arguments",
        CAST(NULL AS INTEGER) AS "pages",
        CAST(NULL AS INTEGER) AS "listed",
        CAST(NULL AS INTEGER) AS "archived",
        CAST(NULL AS INTEGER) AS "unvisited",
        CAST(NULL AS INTEGER) AS "requests",
        CAST(NULL AS BIGINT) AS "bytes",
        CAST(NULL AS STRUCT("site" VARCHAR, "section" VARCHAR, "new" INTEGER, "changed" INTEGER, "same" INTEGER, "failed" INTEGER)[]) AS "counts",
        CAST(NULL AS MAP(VARCHAR, INTEGER)) AS "failures",
        CAST(NULL AS MAP(VARCHAR, INTEGER)) AS "skipped",
        CAST(NULL AS STRUCT("url" VARCHAR, "reason" VARCHAR)[]) AS "failed_addresses",
        CAST(NULL AS VARCHAR[]) AS "errors",
        CAST(NULL AS STRUCT("kind" VARCHAR, "what" VARCHAR, "site" VARCHAR, "message" VARCHAR, "holds" BOOLEAN)[]) AS "alarms",
        CAST(NULL AS VARCHAR) AS "usage_error",
        CAST(NULL AS VARCHAR) AS "storage_error",
        CAST(NULL AS VARCHAR[]) AS "files_written",
        CAST(NULL AS MAP(VARCHAR, VARCHAR)) AS "versions"
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM read_json('runs/*.json', allow_empty = true, columns = {'run': 'VARCHAR', 'spider': 'VARCHAR', 'started_at': 'TIMESTAMPTZ', 'finished_at': 'TIMESTAMPTZ', 'finish_reason': 'VARCHAR', 'exit_code': 'INTEGER', 'arguments': 'VARCHAR', 'pages': 'INTEGER', 'listed': 'INTEGER', 'archived': 'INTEGER', 'unvisited': 'INTEGER', 'requests': 'INTEGER', 'bytes': 'BIGINT', 'counts': 'STRUCT("site" VARCHAR, "section" VARCHAR, "new" INTEGER, "changed" INTEGER, "same" INTEGER, "failed" INTEGER)[]', 'failures': 'MAP(VARCHAR, INTEGER)', 'skipped': 'MAP(VARCHAR, INTEGER)', 'failed_addresses': 'STRUCT("url" VARCHAR, "reason" VARCHAR)[]', 'errors': 'VARCHAR[]', 'alarms': 'STRUCT("kind" VARCHAR, "what" VARCHAR, "site" VARCHAR, "message" VARCHAR, "holds" BOOLEAN)[]', 'usage_error': 'VARCHAR', 'storage_error': 'VARCHAR', 'files_written': 'VARCHAR[]', 'versions': 'MAP(VARCHAR, VARCHAR)'})
);
COMMENT ON VIEW runs IS 'What came of each crawl, one row a crawl.';
COMMENT ON COLUMN runs."run" IS 'Name of the crawl, and of its file in `runs/`.';
COMMENT ON COLUMN runs."spider" IS 'Which spider crawled.';
COMMENT ON COLUMN runs."started_at" IS 'When the crawl began, UTC.';
COMMENT ON COLUMN runs."finished_at" IS 'When the crawl ended, UTC; null while it runs, and if it was killed.';
COMMENT ON COLUMN runs."finish_reason" IS 'What Scrapy says ended it.';
COMMENT ON COLUMN runs."exit_code" IS '0 done, 3 nothing fetched, 4 incomplete; the README lists all. Null while it runs, and if it was killed.';
COMMENT ON COLUMN runs."arguments" IS 'What the crawl was asked for (section, since, …), as JSON.';
COMMENT ON COLUMN runs."pages" IS 'Pages fetched: listings, feeds, sitemaps and stories.';
COMMENT ON COLUMN runs."listed" IS 'Links to stories that were met.';
COMMENT ON COLUMN runs."archived" IS 'Stories put into the inbox.';
COMMENT ON COLUMN runs."unvisited" IS 'Stories asked for that the crawl did not come to.';
COMMENT ON COLUMN runs."requests" IS 'Requests sent.';
COMMENT ON COLUMN runs."bytes" IS 'Bytes of all answers.';
COMMENT ON COLUMN runs."counts" IS 'Stories by site and section: new, changed, same, failed.';
COMMENT ON COLUMN runs."failures" IS 'What was lost, by kind.';
COMMENT ON COLUMN runs."skipped" IS 'What was left out rightly, by kind.';
COMMENT ON COLUMN runs."failed_addresses" IS 'What was lost, address by address; the first thousand.';
COMMENT ON COLUMN runs."errors" IS 'Errors of the log; the first twenty.';
COMMENT ON COLUMN runs."alarms" IS 'What is unlike the site''s past; `holds` where the stories are held back for it.';
COMMENT ON COLUMN runs."usage_error" IS 'What was wrong with the arguments or settings.';
COMMENT ON COLUMN runs."storage_error" IS 'Why something could not be written.';
COMMENT ON COLUMN runs."files_written" IS 'Files of the archive that publishing wrote.';
COMMENT ON COLUMN runs."versions" IS 'Versions of the software and its rules.';

CREATE OR REPLACE VIEW links AS
SELECT story_id, site, section, date, link.url AS url, link.text AS text, link.kind AS kind, link.domain AS domain
FROM (SELECT story_id, site, section, date, unnest(links) AS link FROM stories);
COMMENT ON VIEW links IS 'Outbound links of the stories, one row a link.';
COMMENT ON COLUMN links."story_id" IS 'First 16 hex digits of the SHA-256 of the `url` under which the story was first archived. The key of the archive: a story that moves to another address keeps it.';
COMMENT ON COLUMN links."site" IS 'Host of `url` without `www.`; with the port where it is not the scheme''s default.';
COMMENT ON COLUMN links."section" IS 'Partition key. Slug of the section (`AI & Education` is `ai-education`); `unsectioned` where none was found. A slug that a reader would take for a number, a date or a null begins with `section-`.';
COMMENT ON COLUMN links."date" IS 'Partition key. UTC day of `published_at`; where there is none, of `first_seen_at`.';
COMMENT ON COLUMN links."url" IS 'Where the link leads.';
COMMENT ON COLUMN links."text" IS 'What the link says.';
COMMENT ON COLUMN links."kind" IS '`source`, `body` or `faq`.';
COMMENT ON COLUMN links."domain" IS 'Registered domain of `url`.';

CREATE OR REPLACE VIEW faq AS
SELECT story_id, site, section, date, CAST(number AS INTEGER) AS number, pair.question AS question, pair.answer AS answer
FROM (
    SELECT story_id, site, section, date, unnest(faq) AS pair, generate_subscripts(faq, 1) AS number
    FROM stories
);
COMMENT ON VIEW faq IS 'Questions and answers of the stories, one row a pair.';
COMMENT ON COLUMN faq."story_id" IS 'First 16 hex digits of the SHA-256 of the `url` under which the story was first archived. The key of the archive: a story that moves to another address keeps it.';
COMMENT ON COLUMN faq."site" IS 'Host of `url` without `www.`; with the port where it is not the scheme''s default.';
COMMENT ON COLUMN faq."section" IS 'Partition key. Slug of the section (`AI & Education` is `ai-education`); `unsectioned` where none was found. A slug that a reader would take for a number, a date or a null begins with `section-`.';
COMMENT ON COLUMN faq."date" IS 'Partition key. UTC day of `published_at`; where there is none, of `first_seen_at`.';
COMMENT ON COLUMN faq."number" IS 'Place of the pair on the page: 1, 2, …';
COMMENT ON COLUMN faq."question" IS 'The question, without its mark.';
COMMENT ON COLUMN faq."answer" IS 'The answer, without its mark.';

CREATE OR REPLACE VIEW coverage AS
WITH counted AS (
    SELECT run, spider, started_at, unnest(counts, recursive := true) FROM runs
),
-- A crawl that got nowhere has no counts: its site is that of the spider's other crawls.
homes AS (
    SELECT spider, mode(site) AS site FROM counted GROUP BY spider
),
-- A crawl of a whole site deals with all its sections, also with those of which no story was new or due: they are the
-- ones in which stories were met in the month before.
whole AS (
    SELECT run, spider, started_at FROM runs
    WHERE (exit_code = 0 OR len(counts) > 0)
        AND NOT regexp_matches(coalesce(arguments, ''), '"(section|since|limit|max_pages|url)":')
),
met AS (
    SELECT spider, site, section, started_at FROM counted WHERE new + changed + same > 0
),
quiet AS (
    SELECT expected.run, expected.site, expected.section
    FROM (
        SELECT whole.*, known.site, known.section
        FROM whole JOIN homes USING (spider) JOIN (SELECT DISTINCT spider, site, section FROM met) AS known USING (spider, site)
    ) AS expected
    ASOF JOIN met ON met.spider = expected.spider AND met.site = expected.site AND met.section = expected.section
        AND expected.started_at > met.started_at
    WHERE expected.started_at <= met.started_at + INTERVAL 31 DAY
        AND (expected.run, expected.site, expected.section) NOT IN (SELECT (run, site, section) FROM counted)
),
told AS (
    SELECT run, site, section, new, changed, same, failed FROM counted
    UNION ALL
    SELECT run, site, section, 0, 0, 0, 0 FROM quiet
),
seen AS (
    SELECT
        CAST(runs.started_at AT TIME ZONE 'UTC' AS DATE) AS date,
        coalesce(told.site, homes.site, runs.spider) AS site,
        told.section AS section,
        runs.run,
        runs.exit_code,
        coalesce(told.new, 0) AS new,
        coalesce(told.changed, 0) AS changed,
        coalesce(told.same, 0) AS same,
        coalesce(told.failed, 0) AS failed
    FROM runs
    LEFT JOIN told ON told.run = runs.run
    LEFT JOIN homes ON homes.spider = runs.spider
)
SELECT
    date, site, section,
    CAST(count(DISTINCT run) AS INTEGER) AS crawls,
    CAST(count(DISTINCT run) FILTER (WHERE exit_code = 0) AS INTEGER) AS complete,
    CAST(sum(new) AS INTEGER) AS new,
    CAST(sum(changed) AS INTEGER) AS changed,
    CAST(sum(same) AS INTEGER) AS same,
    CAST(sum(failed) AS INTEGER) AS failed,
    list_sort(list(DISTINCT exit_code)) AS exit_codes
FROM seen
GROUP BY date, site, section
ORDER BY date, site, section;
COMMENT ON VIEW coverage IS 'What was seen and what was missed: one row a day of crawling, site and section, from the run records.';
COMMENT ON COLUMN coverage."date" IS 'UTC day on which the crawls began; not the day of the stories.';
COMMENT ON COLUMN coverage."site" IS 'The site; the spider''s name where no crawl of it ever got to a story.';
COMMENT ON COLUMN coverage."section" IS 'The section; null for crawls that saw no story at all.';
COMMENT ON COLUMN coverage."crawls" IS 'Crawls of the section, or of a whole site that had stories in it within 31 days.';
COMMENT ON COLUMN coverage."complete" IS 'Crawls of them that ended with exit code 0: nothing listed was missed.';
COMMENT ON COLUMN coverage."new" IS 'Stories archived for the first time.';
COMMENT ON COLUMN coverage."changed" IS 'Stories archived again, for they had changed.';
COMMENT ON COLUMN coverage."same" IS 'Stories asked for and found as they were.';
COMMENT ON COLUMN coverage."failed" IS 'Pages lost: `failures` in `runs` says how.';
COMMENT ON COLUMN coverage."exit_codes" IS 'Exit codes of the crawls; null for one that runs or was killed.';
