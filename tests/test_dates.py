"""Dates as pages write them, and which of a page's dates is the publication."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from lxml import html as lxml_html

from archiver.extract.dates import parse_date, read_date
from archiver.extract.published import DatesFound, find_dates
from archiver.extract.structured import read_structured
from archiver.extract.trace import Trace
from archiver.extract.walk import read_blocks

NOW = datetime(2026, 11, 23, tzinfo=UTC)
URL = "https://a.example/levy"
PROSE = "<p>Every parcel pays from the first of the month, and the vote was close.</p>" * 9


def find(
    head: str, byline: str, *, url: str = URL, language: str | None = "en", after: str = "", trace: Trace | None = None
) -> DatesFound:
    page = f"<html><head>{head}</head><body><h1>Levy passes</h1>{byline}<main>{PROSE}</main>{after}</body></html>"
    root = lxml_html.document_fromstring(page)
    blocks = read_blocks(root)
    body = next(b.index for b in blocks.blocks if b.text.startswith("Every parcel"))
    return find_dates(blocks, read_structured(root), url, 0, body, language, NOW, trace)


def json_ld(**dates: str) -> str:
    said = "".join(f', "{name}": "{at}"' for name, at in dates.items())
    return f'<script type="application/ld+json">{{"@type": "NewsArticle", "headline": "Levy passes"{said}}}</script>'


def day(found: DatesFound) -> str | None:
    return found.published.date().isoformat() if found.published else None


@pytest.mark.parametrize(
    "text",
    [
        "29 June 2026", "June 29,2026", "Jun.29, 2026", "June the 29th, 2026", "Monday, June 29th 2026", "29-Jun-2026",
        "29/Jun/2026", "29.06.26", "06/29/26", "2026. 06. 29.", "2026. június 29.", "2026 m. birželio 29 d.",
        "2026. gada 29. jūnijs", "29 tháng 6, 2026", "29 de juny de 2026", "29. června 2026", "29 ביוני 2026",
        "29 يونيو 2026", "٢٩ يونيو ٢٠٢٦", "29 حزيران/يونيو 2026", "29 जून 2026", "२९ जून २०२६", "29 มิถุนายน 2569",
        "29 Ιουν 2026", "29 Haz 2026", "29 haziran 2026", "Pubblicato il 29 giugno 2026", "29 juni 2026", "29. júní 2026",
        "2026年6月29日", "2026년 6월 29일", "29 червня 2026", "29 юни 2026", "Mon Jun 29 10:00:00 UTC 2026", "1782730800",
    ],
)  # fmt: skip
def test_a_date_is_read_in_many_ways_of_writing(text: str) -> None:
    found = parse_date(text)
    assert found is not None
    assert found.date() == date(2026, 6, 29)


@pytest.mark.parametrize("text", ["Version 10.15.21", "June 2026", "31 June 2026", "call 555 2026", "10.15.21.4"])
def test_what_is_no_date_is_not_read(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("June 29, 2026 at 4pm ET", datetime(2026, 6, 29, 20, tzinfo=UTC)),
        ("Jan. 29, 2026 at 4 p.m. ET", datetime(2026, 1, 29, 21, tzinfo=UTC)),
        ("June 29, 2026 10:05 a.m. (PT)", datetime(2026, 6, 29, 17, 5, tzinfo=UTC)),
        ("2026-06-29 4:15 pm Eastern", datetime(2026, 6, 29, 20, 15, tzinfo=UTC)),
        ("June 29, 2026, 4:15 pm Eastern", datetime(2026, 6, 29, 20, 15, tzinfo=UTC)),
        ("4 p.m. Central Time, March 7, 2026", datetime(2026, 3, 7, 22, tzinfo=UTC)),
        ("4 p.m. Central Daylight Time, March 9, 2026", datetime(2026, 3, 9, 21, tzinfo=UTC)),
        ("June 29, 2026 16:15 Central Bank", datetime(2026, 6, 29, 16, 15, tzinfo=UTC)),
        ("June 29, 2026 16:15 Pacific-wide", datetime(2026, 6, 29, 16, 15, tzinfo=UTC)),
        ("Mon Jun 29 10:00:00 UTC 2026", datetime(2026, 6, 29, 10, tzinfo=UTC)),
        ("2026. 06. 29. 14:05", datetime(2026, 6, 29, 14, 5, tzinfo=UTC)),
    ],
)
def test_the_time_of_day_is_read_with_its_zone(text: str, at: datetime) -> None:
    assert parse_date(text) == at


def test_a_date_tells_whether_its_order_is_open() -> None:
    for text, other in [
        ("06/07/2026", (2026, 7, 6)),
        ("06/06/2026", None),
        ("06/29/2026", None),
        ("6 July 2026", None),
    ]:
        reading = read_date(text)
        assert reading is not None
        assert reading.other == (datetime(*other, tzinfo=UTC) if other else None)


@pytest.mark.parametrize(
    ("head", "byline", "expected"),
    [
        # The data's date is to the minute; the page shows its day, in some zone.
        (json_ld(datePublished="2026-06-30T02:00:00Z"), "<div>June 29, 2026</div>", "2026-06-30"),
        # A later date shown is a modification, said or not.
        (json_ld(datePublished="2026-05-01T10:00:00Z"), "<div>June 29, 2026</div>", "2026-05-01"),
        (json_ld(datePublished="2026-05-01T10:00:00Z"), "<div>Updated June 29, 2026</div>", "2026-05-01"),
        # An earlier one is the publication: the data have the day on which the page was last put up.
        (json_ld(datePublished="2026-09-01T10:00:00Z"), "<div>June 29, 2026</div>", "2026-06-29"),
        (json_ld(datePublished="2026-09-01T10:00:00Z"), "<time datetime=2026-06-29>29 June</time>", "2026-06-29"),
        ('<meta property="article:published_time" content="2026-09-01">', "<div>June 29, 2026</div>", "2026-06-29"),
        # But for a caption, and where another date that is shown agrees with the data.
        (
            json_ld(datePublished="2026-09-01T10:00:00Z"),
            "<div>The minister speaks to members of the press in the capital city, 29 June 2026</div>",
            "2026-09-01",
        ),
        (json_ld(datePublished="2026-09-01T10:00:00Z"), "<p>29 June 2026</p><p>1 September 2026</p>", "2026-09-01"),
        # Without data, what the page shows: first what is no modification.
        ("", "<div>Updated 3 July 2026 | Published 29 June 2026</div>", "2026-06-29"),
        ("", "<div>Posted 29 June 2026, updated 3 July 2026</div>", "2026-06-29"),
        ("", "<div class=date-modified>3 July 2026</div><div class=date>29 June 2026</div>", "2026-06-29"),
        ("", "<div>Last updated:</div><div>3 July 2026</div><div>29 June 2026</div>", "2026-06-29"),
        ("", "<div>Updated 3 July 2026</div>", "2026-07-03"),
        ("", "<time>29 June 2026</time>", "2026-06-29"),
        ("", "<time class=updated datetime=2026-07-03>3 July</time><time datetime=2026-06-29>29 June</time>", "2026-06-29"),
        ("", "<div>The minister speaks to members of the press in the capital city, 29 June 2026</div>", None),
        # Names of meta elements that say what they hold.
        ('<meta name="w-published-date" content="2026-06-29T06:03:43Z">', "", "2026-06-29"),
        ('<meta name="last-published-date" content="2026-06-29T06:03:43Z">', "", None),
    ],
)  # fmt: skip
def test_the_publication_is_told_from_other_dates(head: str, byline: str, expected: str | None) -> None:
    assert day(find(head, byline)) == expected


@pytest.mark.parametrize(
    ("said", "byline", "at", "rule"),
    [
        ("2026-06-29", "", "2026-06-29T00:00", "json-ld, no time"),
        # A time of the same day, in its own zone, goes before the day alone; of another day, or away from the story, not.
        ("2026-06-29", "<time datetime=2026-06-29T14:05:00Z>29 June</time>", "2026-06-29T14:05", "time"),
        ("2026-06-29", "<div>June 29, 2026, 10:30 p.m. ET</div>", "2026-06-30T02:30", "text"),
        ("2026-06-29", "<time datetime=2026-06-30T14:05:00Z>30 June</time>", "2026-06-29T00:00", "json-ld, no time"),
        ("2026-06-29", "<div>Updated June 29, 2026 14:05</div>", "2026-06-29T00:00", "json-ld, no time"),
        # Midnight stands for the day, wherever that begins; a time that is midnight elsewhere is a time.
        ("2026-06-29T00:00:00Z", "", "2026-06-29T00:00", "json-ld, midnight: no time"),
        ("2026-06-29T00:00:00.000-04:00", "", "2026-06-29T04:00", "json-ld, midnight: no time"),
        ("2026-06-29T00:00:00Z", "<div>June 29, 2026 14:05 UTC</div>", "2026-06-29T14:05", "text"),
        ("2026-06-28T20:00:00-04:00", "", "2026-06-29T00:00", "json-ld"),
        ("2026-06-29T00:00:07Z", "", "2026-06-29T00:00", "json-ld"),
        ("2026-06-29T00:00:00Z", "<div>June 28, 2026, 8:00 p.m. ET</div>", "2026-06-29T00:00", "text"),
        # Which of the two is the day is settled by the data's.
        ("2026-07-06", "<div>06/07/2026 14:05</div>", "2026-07-06T14:05", "text, no zone: taken as UTC"),
    ],
)
def test_a_time_of_day_goes_before_a_day_alone(said: str, byline: str, at: str, rule: str) -> None:
    found = find(json_ld(datePublished=said), byline)
    assert found.published is not None
    assert (found.published.isoformat()[:16], found.rule) == (at, rule)


def test_a_time_is_found_wherever_the_trace_would_find_it() -> None:
    head = json_ld(datePublished="2026-06-29") + (
        '<script type="application/ld+json">{"@type": "WebPage", "datePublished": "2026-06-29T14:05:00Z"}</script>'
    )
    found = find(head, "")
    assert found == find(head, "", trace=Trace())
    assert found.published == datetime(2026, 6, 29, 14, 5, tzinfo=UTC)


def test_a_labelled_date_counts_wherever_it_stands() -> None:
    assert day(find("", "", after="<p>Published 29 June 2026</p>")) == "2026-06-29"
    assert day(find("", "", after="<p>29 June 2026</p>")) is None
    assert day(find("", "", after="<aside>Published 29 June 2026</aside>")) is None


def test_an_update_shown_is_the_modification_where_the_data_have_none() -> None:
    found = find("", "<div>Updated 3 July 2026 | Published 29 June 2026</div>")
    assert found.modified == datetime(2026, 7, 3, tzinfo=UTC)
    said = find(json_ld(dateModified="2026-07-04"), "<div>Updated 3 July 2026</div>")
    assert said.modified == datetime(2026, 7, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("byline", "url", "language", "after", "expected"),
    [
        ("02-03-2026", URL, "en", "", "2026-02-03"),
        ("02-03-2026", URL, "de", "", "2026-03-02"),
        ("02-03-2026", "https://a.co.uk/x", "en-US", "", "2026-03-02"),
        ("02-03-2026", "https://a.io/x", "en-US", "", "2026-02-03"),
        # Another date on the page has the same day, and its month in words.
        ("02-03-2026", URL, "en", "<aside>March 2, 2026</aside>", "2026-03-02"),
        ("02.03.2026", URL, "en", "<aside>February 3, 2026</aside>", "2026-02-03"),
        # The one order would be in the future.
        ("01/12/2026", URL, "de", "", "2026-01-12"),
    ],
)
def test_the_order_of_day_and_month_is_the_pages(
    byline: str, url: str, language: str, after: str, expected: str
) -> None:
    assert day(find("", f"<div>{byline}</div>", url=url, language=language, after=after)) == expected


def test_the_region_of_the_page_decides_the_order() -> None:
    assert day(find('<meta property="og:locale" content="en_GB">', "<div>02/03/2026</div>")) == "2026-03-02"


def test_the_trace_has_every_candidate_and_why() -> None:
    trace = Trace()
    head = json_ld(datePublished="2027-09-01") + '<meta name="article:published_time" content="2026-06-29T10:00:00Z">'
    found = find(head, "<div>Updated July 3, 2026</div>", url=f"{URL}/2026/06/29/x", trace=trace)
    noted = [(c.rule, c.value[:10], c.score > 0, c.won, c.why) for c in trace.candidates if c.column == "published_at"]
    assert noted == [
        ("json-ld", "2027-09-01", False, False, "datePublished of the article, after now"),
        ("meta", "2026-06-29", True, True, "meta article:published_time"),
        ("url", "2026-06-29", True, False, "in the address"),
        ("json-ld", "2027-09-01", False, False, "datePublished of anything, after now"),
        ("text", "2026-07-03", True, False, "says updated"),
    ]
    assert [c.value[:10] for c in trace.candidates if c.column == "modified_at" and c.won] == ["2026-07-03"]
    assert found == find(head, "<div>Updated July 3, 2026</div>", url=f"{URL}/2026/06/29/x")
    scores = [c.score for c in trace.candidates if c.column == "published_at"]
    assert max(scores) == next(c.score for c in trace.candidates if c.won)
