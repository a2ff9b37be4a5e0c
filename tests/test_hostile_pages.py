"""Broken and hostile pages: whatever a server sends, reading it never raises, and costs bounded time and memory."""

# ruff: noqa: E501 - markup reads best as one line a case
from __future__ import annotations

import copy
import gzip
import html
import json
import random
import signal
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from archiver.discover import find_sections, is_listing, list_stories, next_pages, parse_feed, parse_sitemap
from archiver.extract import Selectors, extract_story
from archiver.extract.dates import in_range, read_date, read_url_date
from archiver.extract.structured import read_json_ld, texts_of, types_of, urls_of
from archiver.items import Faq, Found, Story
from archiver.normalize import normalize_body, normalize_dek, normalize_faq, normalize_story, slug_section
from archiver.pages import read_page
from archiver.schema import stories_to_table, story_to_json
from archiver.text import (
    count_words,
    fold_text,
    is_publisher_name,
    normalize_text,
    split_tail_credit,
    strip_answer_mark,
    strip_arrows,
    strip_question_mark,
)
from archiver.urls import ascii_host, clean_url, is_same_site, join_url, registered_domain, site_of

SHARED = Path(__file__).parent.parent.parent / "shared" / "pages"
URL = "https://a.example/article/levy-passes"
NOW = datetime(2026, 11, 23, tzinfo=UTC)
PROSE = "<p>The council passed the levy on Tuesday after a long debate. Every parcel pays, officials said.</p>"
HEAD = f"<html><head><title>Levy passes</title></head><body><h1>Levy passes</h1>{PROSE * 6}"
LIMIT = 20.0
"""Seconds of CPU for one page, read by everything. Linear work takes one to eight; the square of these sizes, minutes."""
UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck))


@contextmanager
def limited(seconds: float = LIMIT) -> Iterator[None]:
    """Fail what takes longer, amid a pattern too. CPU time of this process, so that a busy machine fails nothing."""

    def stop(*_: object) -> None:
        raise AssertionError(f"not done after {seconds} s of CPU time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def read_everything(body: bytes) -> Story:
    """Put a page through all that reads pages, and check that what comes out can be stored."""
    page = read_page(body)
    printed = extract_story(page, URL, now=NOW)
    story = normalize_story(printed, fetched_at=NOW)
    json.dumps(story_to_json(story), ensure_ascii=False).encode()
    assert stories_to_table([story]).num_rows == 1
    for url in (story.url, story.source_url, story.image_url, *(link.url for link in story.links)):
        assert url is None or clean_url(url) == url
    listed, sections = list_stories(page, URL), find_sections(page, URL)
    for url in (*next_pages(page, URL), *(each.url for each in listed), *(each.url for each in sections)):
        assert clean_url(url) == url
    for text in (*(each.title for each in listed), *(each.label for each in sections)):
        text.encode()
    is_listing(page, URL, printed)
    parse_feed(body, URL)
    parse_sitemap(body, URL)
    return story


def json_ld(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f'<script type="application/ld+json">{text}</script>'


BROKEN: dict[str, str | bytes] = {
    "empty": "",
    "white space": " \n\t ",
    "plain text": "No tag at all.\n" * 50,
    "NUL bytes alone": "\0" * 1000,
    "NUL bytes amid": f"<h1>a\0b</h1>\0{PROSE}",
    "control characters": "".join(map(chr, range(1, 32))) + HEAD + "".join(f"&#{n};" for n in range(160)) + "\x7f\x85",
    "surrogates as entities": f"<h1>&#xD800; x &#xDFFF; &#0; &#x110000; &#99999999999999;</h1>{PROSE}",
    "bytes of no encoding": b"\xff\xfe\xfd" * 1000 + HEAD.encode(),
    "UTF-16": HEAD.encode("utf-16"),
    "UTF-7 declared": b'<meta charset="utf-7">' + HEAD.encode() + b"\xe9\xff",
    "unknown encoding declared": b'<meta charset="nonsense-9">' + HEAD.encode() + b"\xe9\xff",
    "XML declaration": f'<?xml version="1.0" encoding="utf-16"?>{HEAD}',
    "XML document": '<?xml version="1.0"?><rss><channel><item><title>A</title><link>/a</link></item></channel></rss>',
    "foreign namespaces": '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="x"><x:y/><a:b href="x">c</a:b><o:p></o:p>',
    "comment alone": "<!-- only -->",
    "processing instruction alone": "<?x y?>",
    "doctype alone": "<!DOCTYPE html>",
    "script alone": "<script>x",
    "br alone": "<br>",
    "image alone": "<img>",
    "inline root": "<span>a<b>c</b></span>tail",
    "SVG and MathML titles": f"<svg><title>Icon</title><h1>x</h1></svg><math><title>m</title><mi>x</mi></math>{HEAD}",
    "frameset": '<title>F</title><frameset cols="1,2"><frame src="a"><noframes><body><p>No frames</p></noframes></frameset>',
    "unclosed tags": f'<p<h1 <a href=">{HEAD}{"<" * 10_000}',
    "nested forms": f"{'<form>' * 500}{HEAD}",
    "nested tables": f"{'<table><tr><td>' * 500}{HEAD}",
    "nested anchors": f"{'<a href=/x>' * 2000}{HEAD}",
    "one anchor around everything": f'<a href="/rates-rise-again">{HEAD}</a>',
    "one form around everything": f"<form>{HEAD}</form>",
    "details nested": f"{HEAD}{'<details><summary>Who pays?</summary>' * 500}{PROSE}",
    "custom elements as links": f'{HEAD}{"<x-a href=/rates-rise-again>" * 500}<a href="/y-z-w-q">Rates rise again in town</a>',
    "meta without content": f"<meta><meta name><meta content><meta name=description><meta property=og:title content>{HEAD}",
    "no language": f'<html lang="{"en-" * 10_000}">{HEAD}',
    "JSON-LD surrogates": json_ld(
        r'{"@type":"NewsArticle","headline":"a\ud800b","description":"\ud83d","author":"\ud800 Ann Lee","articleSection":"\udfff",'
        r'"keywords":["\ud800xy"],"image":"https://a.example/\ud800.png","isBasedOn":"https://b.example/\ud800/x",'
        r'"datePublished":"2026-01-01\ud800","inLanguage":"\ud800"}'
    )
    + HEAD,
    "JSON-LD FAQ of surrogates and controls": json_ld(
        r'{"@type":"FAQPage","mainEntity":[{"@type":"Question","name":"Who \ud800?","acceptedAnswer":{"text":"<b>\udfff</b>\u0000"}},'
        r'{"@type":"Question","name":"<","acceptedAnswer":{"text":"&"}},'
        r'{"@type":"Question","name":"W<!-- -->","acceptedAnswer":{"text":"<?xml version=\"1.0\" encoding=\"x\"?><p>a"}}]}'
    )
    + HEAD,
    "JSON-LD no numbers": json_ld('{"@type":"NewsArticle","headline":NaN,"datePublished":Infinity,"wordCount":1e999}') + HEAD,
    "JSON-LD number of 10,000 digits": json_ld('{"@type":"NewsArticle","headline":' + "9" * 10_000 + "}") + HEAD,
    "JSON-LD nested as deep as it can be read": json_ld('{"@type":"NewsArticle","author":' * 900 + "1" + "}" * 900) + HEAD,
    "JSON-LD nested too deep": json_ld("[" * 200_000 + "]" * 200_000) + HEAD,
    "JSON-LD circle": json_ld(
        {"@graph": [{"@type": "NewsArticle", "@id": "#a", "author": {"@id": "#a"}}, {"@id": "#b", "parent": {"@id": "#a"}}]}
    )
    + HEAD,
    "microdata nested in itself": '<div itemscope itemtype="https://schema.org/NewsArticle" itemprop=author>' * 300 + HEAD,
    "feed of entities": "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>"
    + "".join(f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]><rss><channel><item><title>&i;</title><link>/&i;</link></item></channel></rss>",
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_page_is_read(name: str) -> None:
    page = BROKEN[name]
    with limited():
        read_everything(page if isinstance(page, bytes) else page.encode())


WRONG_VALUES: list[object] = [
    None, True, 0, -1.5, 10**30, "", "\x00", "\ud800", [], {}, [[]], [{}], [None], [[["x"]]], [1, "a", None, {"name": "b"}],
    {"@type": 5}, {"@type": []}, {"@type": {}}, {"@type": [{}, ["Person"]]}, {"name": {"name": "x"}}, {"name": [1, None, {}]},
    {"@id": "#a"}, {"@id": 5}, {"@id": ["x"]}, {"@id": {"@id": "x"}}, {"@value": []}, {"url": {}}, {"url": [{}]}, {"@list": ["a"]},
]  # fmt: skip
FIELDS = """headline name author creator datePublished dateModified dateCreated uploadDate articleBody image description publisher
    mainEntityOfPage keywords articleSection inLanguage isBasedOn isBasedOnUrl sourceOrganization citation url @id itemListElement
    mainEntity acceptedAnswer suggestedAnswer text blogPost hasPart item @graph""".split()
HOLDERS = ("mainEntity", "itemListElement", "acceptedAnswer", "author", "hasPart")
TYPES: list[object] = [
    "NewsArticle", "FAQPage", "Question", "QAPage", "BreadcrumbList", "ItemList", "WebSite", "CollectionPage", "Blog", "VideoObject",
    ["Question", "NewsArticle"], [None, 1, ["NewsArticle"]],
]  # fmt: skip


@pytest.mark.parametrize("value", WRONG_VALUES, ids=repr)
def test_json_ld_of_wrong_types_is_read(value: object) -> None:
    scripts = [json_ld({"@type": value, "headline": "x"})]
    for kind in TYPES:
        node = dict.fromkeys(FIELDS, value) | {"@type": kind}
        scripts += [json_ld(node), json_ld(node | {name: [node, value] for name in HOLDERS})]
    with limited():
        for script in scripts:
            read_everything((script + HEAD).encode())


DATES = [
    *"""0001-01-01 9999-12-31T23:59:59+14:00 9999-12-31T23:59:59-14:00 0001-01-01T00:00:00+14:00 0000-00-00 -1 -0001-01-01
    2026-02-30 2026-06-29T25:61:61 2026-06-29T12:00:00+99:99 2026-06-29T12:00:00-9999 99999999999 9999999999 0000000000 1e10
    ２０２６-０６-２９ ٢٠٢٦-٠٦-٢٩ ²026-06-29 2026-06-29T12:00:00.123456789Z 20260629T999999Z 00/00/2026 99999999999.999
    2026年13月40日 2026年1月1日99:99 31.31.2026""".split(),
    "June 31, 2026",
    "29 June ２０２６",
    "1 Jan 99999",
    "12:99 2026-01-01",
]


@pytest.mark.parametrize("date", DATES)
def test_absurd_date_is_passed_over(date: str) -> None:
    said = json_ld({"@type": "NewsArticle", "headline": "x", "datePublished": date, "dateModified": date})
    shown = f'<time datetime="{date}">{date}</time><p>Published {date}</p>'
    feed = f"<rss><channel><item><link>/a</link><pubDate>Mon, {date}</pubDate></item></channel></rss>"
    for page in (
        f'<meta name="date" content="{date}">{HEAD}',
        said + HEAD,
        HEAD.replace("</h1>", f"</h1>{shown}"),
        feed,
    ):
        story = read_everything(page.encode())
        assert story.published_at is None or 1991 <= story.published_at.year <= 2026


ADDRESSES = [
    *"""http://[ http://[::1 http://[::1]x/ http://[v1.x]/ http://[fe80::1%25eth0]/ http://a:b/ http://a:99999/ http://a:-1/ http://a:
    http://a.example:８０/ http://a.example:²/ http://a.example:+80/ http://a.example:8_0/ http://xn--/ http://xn--a/ http://../ http://./
    http:/// // /// //// http: http:// http://%zz/ http://a%00b/ http://a%2fb/ http://user:pw@@b/ http://@/ http://a@b@c/ http://a\\b/ \\\\a\\b
    http:\\\\ data:text/html,x javascript:alert(1) JaVaScRiPt:x mailto:a@b tel:+1 http://1.2.3/ http://0x7f.1/ http://2130706433/
    http://*.example/ http://_a_.example/ http://-a-.example/ http://a..b/ http://.a/ http://ß.example/ http://ﬁ.example/ http://İ.example/
    http://a。example/ http://１.2.3.4/ http://א1a.example/ http://💩.example/ http://℀.com/ http://a／b/ http://⒈.com/ http://a․b/ http://a/%
    http://a/%ff%fe # ? HTTP://A/ http:a/b https:/a/b""".split(),
    "https://a b/", "java\nscript:x", "http://\u202eevil.example/", "http://\u0301.example/", "http://a\u200d.example/",
    f"http://{'a' * 70}.example/", f"http://{'a.' * 200}example/", f"http://a.example/{'../' * 5000}", f"http://a/?{'a=b&' * 5000}",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_garbage_address_is_passed_over(address: str) -> None:
    href = html.escape(address)
    links = f"""<nav><a href="{href}">Policy</a></nav><h2><a href="{href}">Rates rise again in the town</a></h2>
      <p>See <a href="{href}">this</a> for more of it today.</p><p><a href="{href}">Read more Levy stalls in town hall →</a></p>
      <p>Source: <a href="{href}">Wire Example</a></p><p><a href="{href}">Continue reading at Example Wire →</a></p>
      <p>This <a href="{href}">article</a> first appeared on <a href="{href}">Origin</a> and is republished here.</p>
      <p><a href="{href}">More in Policy →</a></p><a rel=next href="{href}">Next</a><a href="{href}">2</a>
      <img src="{href}?republication-pixel=true"><img src="{href}republication-pixel">
      <button data-url="{href}">Load more</button><div role=link data-href="{href}">Rates rise again today</div>"""
    head = f"""<html lang="{href[:99]}"><link rel=canonical href="{href}"><link rel=next href="{href}"><link rel=original-source href="{href}">
      <meta property=og:url content="{href}"><meta property=og:image content="{href}"><meta name=original-source content="{href}">"""
    source = {"name": "X Wire", "url": address}
    said = json_ld(
        {"@type": "NewsArticle", "headline": "x", "image": address, "isBasedOn": address, "sourceOrganization": source}
    )
    listed = json_ld({"@type": "ItemList", "itemListElement": [address, {"url": address}, {"item": {"@id": address}}]})
    for base in ("", f'<base href="{href}">'):
        read_everything(f"{head}{base}{said}{listed}{HEAD}{links}".encode())
    item = f"<item><link>{href}</link><guid>{href}</guid></item><entry xml:base='{href}'><link href='{href}'/></entry>"
    read_everything(f"<rss><channel>{item}</channel></rss>".encode())
    read_everything(f"<urlset><url><loc>{href}</loc></url></urlset>".encode())


def each(form: str, number: int) -> str:
    """So many copies; `#` is the number of each."""
    return "".join(form.replace("#", str(n)) for n in range(number))


def numbered_story(n: int) -> str:
    """A name of letters alone: what holds digits is no name."""
    return "".join(chr(97 + n // 26**power % 26) for power in range(4))


HUGE: dict[str, Callable[[], str]] = {
    "divs nested 500,000 deep": lambda: "<div>" * 500_000 + "deep",
    "spans nested 500,000 deep": lambda: HEAD + "<span>" * 500_000 + "deep",
    "lists nested": lambda: HEAD + "<ul><li>Some words here" * 1000,
    "details nested around prose": lambda: HEAD + "<details><summary>Who pays?</summary>" * 230 + PROSE * 20_000,
    "a paragraph of 500 kB": lambda: f"{HEAD}<p>{'The council passed the levy. ' * 18_000}",
    "100,000 line breaks": lambda: HEAD + "<br>" * 100_000,
    "a paragraph of 50,000 lines": lambda: f"{HEAD}<p>{'Some text here.<br>' * 50_000}",
    "150,000 comments": lambda: HEAD + "<!-- x -->" * 150_000,
    "150,000 comments in a link": lambda: f'{HEAD}<a rel="author tag" href=/x>{"<!-- x -->" * 150_000}</a>',
    "500,000 opening brackets": lambda: HEAD + "<" * 500_000,
    "20,000 links in one paragraph": lambda: HEAD + each('<a href="/s/rates-rise-#-x">Rates rise again in town #</a> ', 20_000),
    "15,000 links to 15,000 hosts": lambda: HEAD + each("<p>In town # <a href=https://b#.example/x-y-z>it was</a> said today.</p>", 15_000),
    "links in a flat list": lambda: f"{HEAD}<div>{each('<a href=/rates-rise-again-#><h3>Rates rise again in town #</h3></a>', 5_000)}",
    "20,000 headlines": lambda: "<title>x y z</title>" + each("<h1>Levy passes in town #</h1>", 20_000) + PROSE,
    "30,000 subheadings": lambda: f"{HEAD}<h2>Levy passes on</h2>{'<h3>Levy passes in it</h3>' * 30_000}{PROSE * 10}",
    "30,000 paragraphs": lambda: HEAD + PROSE * 30_000,
    "FAQ headings": lambda: HEAD + "<h2>Frequently Asked Questions</h2>" * 30_000,
    "bold FAQ headings": lambda: HEAD + "<p><b>FAQ</b></p>" * 30_000,
    "FAQ headings before paragraphs": lambda: HEAD + "<div>FAQ</div>" * 15_000 + "<p>Some text of it.</p>" * 15_000,
    "FAQ headings before questions": lambda: HEAD + "<div>FAQ</div>" * 10_000 + "<h3>Who pays?</h3><p>All.</p>" * 10_000,
    "20,000 questions": lambda: f"{HEAD}<h2>FAQ</h2>{each('<p>Q.Who pays #?</p><p>All.</p>', 19_000)}",
    "20,000 questions with answers": lambda: f"{HEAD}<h2>FAQ</h2>{each('<p>Who pays number #? All of them pay, yes.</p>', 20_000)}",
    "one panel of many accordions": lambda: HEAD
    + each("<button aria-controls=p#>Who pays #?</button>", 200)
    + each("<div id=p#>", 200)
    + PROSE * 20_000,
    "JSON-LD FAQ of 12,000 pairs": lambda: json_ld(
        {"@type": "FAQPage", "mainEntity": [
            {"@type": "Question", "name": f"Who pays {n}?", "acceptedAnswer": {"text": "<p>All</p>"}} for n in range(12_000)
        ]}
    ) + HEAD,
    "20,000 scripts of JSON-LD": lambda: json_ld({"@type": "NewsArticle", "headline": "x y", "author": "A B"}) * 20_000 + HEAD,
    "JSON-LD of 600,000 objects": lambda: json_ld("[" + "{}," * 600_000 + "{}]") + HEAD,
    "JSON-LD behind 900,000 semicolons": lambda: json_ld('{"a":1}' + "; " * 900_000 + "x") + HEAD,
    "JSON-LD behind comments": lambda: json_ld("/**/" * 400_000 + "x") + json_ld("/*" * 900_000) + HEAD,
    "JSON-LD before ends of CDATA": lambda: json_ld('{"a":1}' + "]]>" * 600_000 + "x") + HEAD,
    "JSON-LD of commas": lambda: json_ld('{"a":1' + ", " * 900_000 + "x}") + HEAD,
    "microdata without end": lambda: '<div itemscope itemtype="x/NewsArticle">' + "<div>" * 1500 + "<i itemprop=x>y</i>" * 20_000,
    "microdata properties nested": lambda: '<div itemscope itemtype="x/NewsArticle">' + "<div itemprop=x>" * 1500 + PROSE * 1000,
    "100,000 meta elements": lambda: "<meta name=author content=' '><meta name=description content=x>" * 50_000 + HEAD,
    "50,000 bases": lambda: '<base href="http://[">' * 50_000 + HEAD,
    "links in a deep head": lambda: "<div>" * 1500 + "<link rel=canonical href=/x>" * 50_000,
    "15,000 authors": lambda: f'<meta name=author content="{", ".join(f"Ann {numbered_story(n)}" for n in range(15_000))}">{HEAD}'
    + each("<p>Short line of it #.</p>", 10_000),
    "20,000 credit lines": lambda: HEAD + "<p><a href=https://b.example/x>Continue reading at Wire →</a></p>" * 20_000,
    "credit lines of many links": lambda: HEAD + f"<p>Source: {'<a href=https://b.example/x>W</a>' * 90}</p>" * 300,
    "keywords of spaces": lambda: f'<meta name=keywords content="a{" " * 300_000}b">{HEAD}',
    "a class list of 100,000 names": lambda: f'{HEAD}<div class="{each("name# ", 100_000)}">{PROSE}',
    "attributes of 1 MB": lambda: f"""{HEAD}<div class="{"x" * 10**6}" id="{"y" * 10**6}" style="{"display : " * 10**5}" role="{"z" * 10**6}"
        aria-label="{"breadcrum" * 10**5}" itemtype="{"schema.org/" * 10**5}">{PROSE}""",
    "addresses of 1 MB": lambda: f"""{HEAD}<a href="/{"x-" * 500_000}">Rates rise again today</a><a href="?{"page=1&" * 100_000}">2</a>
        <a href="/page/{"9" * 10**6}">2</a><a href="https://{"a." * 100_000}example/">Rates rise again</a><nav><a href="?{"[" * 10**5}=1">2</a>""",
    "addresses that nearly hold a page number": lambda: HEAD
    + each(f"<a href='/?{'_-[' * 1200}#=1'>Rates rise again in town #</a>", 200),
    "numbered links": lambda: f"{HEAD}<div>{each('<span><a href=?page=#>#</a></span>', 9_000)}",
    "buttons nested": lambda: HEAD + '<div role=button data-url="/x?page=2">' * 1000 + PROSE * 1000,
    "images in nested boxes": lambda: HEAD + "<div><img src=x>" * 1500 + PROSE * 5000,
    "named boxes nested": lambda: HEAD + '<div class="entry-content related">' * 1500 + PROSE * 500,
    "times nested": lambda: HEAD.replace("</h1>", "</h1><p>" + "<time>" * 1500 + "<i></i>" * 50_000),
    "sitemap of one address": lambda: f"<urlset>{'<url><loc>https://a.example/1</loc></url>' * 100_000}</urlset>",
    "feed of 20,000 items": lambda: f"<rss><channel>{each('<item><link>/a#</link><title>t &amp;lt;b&amp;gt; #</title></item>', 20_000)}",
    "feed of nested items": lambda: "<rss>" + '<item xml:base="x/"><link>a</link><title>t</title>' * 200,
}  # fmt: skip


def sampled(values: Iterable[str]) -> list[Any]:
    """Every sixth in `make test`, all in `make torture`."""
    marks = (pytest.mark.slow, *[pytest.mark.torture] * 5)
    return [pytest.param(value, marks=marks[number % 6]) for number, value in enumerate(values)]


@pytest.mark.parametrize("name", sampled(HUGE))
def test_huge_page_is_read_in_linear_time(name: str) -> None:
    body = HUGE[name]().encode()
    with limited():
        read_everything(body)


MONOTONOUS = [
    "x", " ", "\xa0", "\n", "\t", "Q.", "A: ", "By ", "(", "Continue reading at ", ". ", "?", "a: ", " | ", "- ", "1", "1 ", "1.1.", '"',
    "&amp;", "&lt;", "→", "…", "May 1 ", "/2026/06", "_", "\u200b", "e\u0301", "\u0301\u0323", "金", "originally published ", "Source: ",
    " ;", " ,", " and", "@", "U.S. ", "FAQ ", "read the full ", "[", "{", "\x1f", "More in ",
]  # fmt: skip
"""What a pattern may try again and again. A letter's two marks out of order take the square of their number to compose."""


@pytest.mark.parametrize("text", sampled(MONOTONOUS), ids=repr)
def test_one_text_without_end_is_read_in_linear_time(text: str) -> None:
    def long(length: int) -> str:
        return text * (length // len(text))

    names = (
        "og:title",
        "description",
        "author",
        "date",
        "article:section",
        "keywords",
        "og:site_name",
        "original-source",
        "og:url",
    )
    said = {
        name: html.unescape(long(100_000))
        for name in ("headline", "author", "keywords", "datePublished", "description", "isBasedOn")
    }
    pages = [
        f"{HEAD}<p>{long(500_000)}</p>",
        f"<title>{long(200_000)}</title><h1>{long(200_000)}</h1>{PROSE * 6}",
        "".join(f"<meta name='{name}' content='{long(100_000)}'>" for name in names) + HEAD,
        json_ld({"@type": "NewsArticle"} | said) + HEAD,
        f"{HEAD}<a href='/x-y-z-w'>{long(100_000)}</a><a href='?page={long(3_000)}'>Next</a><a href='/{long(3_000)}'>Rates rise again</a>",
        f"{HEAD}<h2>FAQ</h2><h3>Who pays?</h3><p>{long(200_000)}</p><p>Q.{long(100_000)}</p>",
        HEAD + "".join(f"<p>{long(length)}</p>" for length in (60, 100, 109, 120, 159, 199, 239, 300, 899) * 40),
    ]
    for page in pages:
        with limited():
            read_everything(page.encode())


@pytest.mark.torture
def test_memory_is_bounded() -> None:
    """50 MB of JSON-LD, a text of 12 MB, 600,000 elements: all in less than 2 GB, the libraries' address space included."""
    code = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from tests.test_hostile_pages import HEAD, json_ld, read_everything
for page in (
    json_ld('{"@type":"NewsArticle","headline":"' + "x" * 50_000_000 + '"}') + HEAD,
    json_ld("[" + "{}," * 16_000_000 + "{}]") + HEAD,
    "x" * 12_000_000,
    HEAD + "<i></i>" * 600_000,
):
    read_everything(page.encode())
print("read")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parent.parent, check=False
    )
    assert done.stdout == "read\n", done.stderr


def test_page_of_data_too_large_is_flagged() -> None:
    story = read_everything((json_ld('{"headline":"' + "x" * 3_000_000 + '"}') + HEAD).encode())
    assert "json-ld-too-large" in story.flags
    assert story.title == "Levy passes"


def test_what_stands_around_json_is_no_json() -> None:
    plain = '{"@type":"A","name":"/* x */ //"}'
    for text in (
        plain,
        f"/* <![CDATA[ */ {plain} /* ]]> */",
        f"//<![CDATA[\n{plain};\n//]]>",
        f"<!-- {plain} -->",
        f"\n;\n{plain}"[2:],
    ):
        assert [(types_of(node), node["name"]) for node in read_json_ld(text)] == [({"A"}, "/* x */ //")]


# Trees of the elements and attributes that extraction asks for.

TAGS = """html head body div p span a b strong i em br img time h1 h2 h3 h4 article main section aside nav header footer form figure
    figcaption ul ol li dl dt dd details summary button table tr td blockquote title meta link base script style template svg address
    label input select iframe noscript x-card pre cite small""".split()
WORDS = [
    "Levy passes", "By Ann Lee", "29 June 2026", "Frequently Asked Questions", "Q.Who pays?", "A: Everyone.", "Who pays?", "Source: Wire",
    "Continue reading at Example Wire.", "Continue reading at Example Wire →", "Read more Levy stalls →", "More in Policy →", "Next", "2",
    "The council passed the levy on Tuesday. Every parcel pays, officials said after a long debate.", "", " ", "\x00", "é", "→", "Policy",
    "This article first appeared on Origin and is republished here.", "Rates rise again in the town", "©", "Share", "Updated 2 June 2026",
]  # fmt: skip
ATTRIBUTES: dict[str, list[str]] = {
    "href": [
        "/policy", "/rates-rise-again-1", "https://b.example/x-y-z", "?page=2", "#x", "//", "http://[", "mailto:a@b", "/policy/page/2/", "", "x",
    ],
    "src": ["/a.png", "https://b.example/?republication-pixel=1", "http://[", "https://counter.theconversation.com/content/1/count.gif"],
    "class": ["share", "entry-content", "comment caption", "hentry", "", "x y", "related-posts"],
    "id": ["a", "p1", "comments", ""],
    "rel": ["author", "tag", "next", "canonical", "original-source", "next canonical", ""],
    "role": ["navigation", "heading", "link", "button", "main", "dialog", "x", ""],
    "itemprop": ["headline", "articleBody", "author", "name", "datePublished", "a b", "", "comment"],
    "itemtype": ["https://schema.org/NewsArticle", "https://schema.org/Question", "schema.org/FAQPage", "x", "https://schema.org/BreadcrumbList"],
    "itemscope": [""],
    "datetime": ["2026-06-29", "9999-12-31T23:59:59-14:00", "", "x"],
    "content": ["2026-06-29", "Levy passes", "noarchive", "article", "", "https://b.example/"],
    "name": ["author", "description", "robots", "keywords", "date"],
    "property": ["og:title", "og:type", "og:url", "article:published_time", "og:site_name", "og:image"],
    "style": ["display:none", "display : none", "x"],
    "aria-controls": ["p1", "a", ""],
    "aria-level": ["1", "9", "", "12", "²"],
    "aria-current": ["page", "true"],
    "aria-label": ["Breadcrumb", "Next", "Page 2", ""],
    "aria-hidden": ["true"],
    "hidden": [""],
    "lang": ["en-GB", "x", ""],
    "type": ["application/ld+json", "text/html", ""],
    "data-url": ["/x?page=2", "http://["],
    "xml:base": ["x", "http://["],
}  # fmt: skip

attributes = st.sampled_from(sorted(ATTRIBUTES)).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(ATTRIBUTES[name]))
)
leaves = st.sampled_from(WORDS) | st.text(max_size=20)


def write_element(tag: str, chosen: list[tuple[str, str]], inside: list[str], closed: bool) -> str:
    written = "".join(f' {name}="{value}"' for name, value in chosen)
    return f"<{tag}{written}>{''.join(inside)}" + (f"</{tag}>" if closed else "")


trees = st.recursive(
    leaves,
    lambda inner: st.builds(
        write_element,
        st.sampled_from(TAGS),
        st.lists(attributes, max_size=4),
        st.lists(inner, max_size=6),
        st.booleans(),
    ),
    max_leaves=40,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.sampled_from(ATTRIBUTES["href"]) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from([*FIELDS, "@type", "@value", "sameAs", "contentUrl"]), inner, max_size=6)
    | st.fixed_dictionaries(
        {"@type": st.sampled_from(TYPES)}, optional=dict.fromkeys(FIELDS, inner)
    ),
    max_leaves=25,
)  # fmt: skip


@settings(UNHURRIED, max_examples=100)
@example(["Levy passes", "Levy passes", "<A>", "<H2>", "Levy passes"])
@given(st.lists(trees, min_size=1, max_size=8))
def test_any_tree_is_read(parts: list[str]) -> None:
    with limited():
        read_everything("".join(parts).encode("utf-8", "surrogatepass"))


@settings(UNHURRIED, max_examples=100)
@given(json_values)
def test_any_json_ld_is_read(value: Any) -> None:
    types_of({"@type": value})
    for text in (*texts_of(value), *urls_of(value)):
        assert text.strip()
    with limited():
        read_everything((json_ld(value) + HEAD).encode())


@settings(UNHURRIED, max_examples=100)
@given(
    st.binary(max_size=400),
    st.sampled_from(
        [b"", b"<rss>", b"<urlset><url><loc>", b"<feed><entry>", b"\xff\xfe", b'<?xml version="1.0" encoding="']
    ),
)
def test_any_bytes_are_read(body: bytes, start: bytes) -> None:
    read_everything(start + body)


@pytest.mark.parametrize(
    "query",
    ["//@href", "//text()", "p", "//p/text()", "//body/node()", "//*", "a::attr(href)", "//comment()", "//nothing"],
)
def test_selectors_of_any_kind_of_result_are_read(query: str) -> None:
    """A site's own selector may find attributes, texts, numbers and comments where it was meant to find elements."""
    page = read_page(f"{HEAD}<!-- c --><a href='http://['>x</a>".encode())
    every = Selectors(title=query, dek=query, body=query, section=query, authors=query, published=query, source=query)
    normalize_story(extract_story(page, URL, selectors=every, now=NOW), fetched_at=NOW)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no real pages beside the clone")
@pytest.mark.parametrize("seed", range(12))
def test_mutilated_real_page_is_read(seed: int) -> None:
    chance = random.Random(seed)
    files = sorted(path for path in SHARED.glob("*/html/*.html.gz") if path.stat().st_size < 60_000)
    body = gzip.decompress(chance.choice(files).read_bytes())
    with limited():
        read_everything(body[: chance.randrange(len(body))])
        read_everything(body[chance.randrange(len(body)) :])
        spoilt = bytearray(body)
        for _ in range(500):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        read_everything(bytes(spoilt))
        read_everything(shuffle_tree(body, chance))


def shuffle_tree(body: bytes, chance: random.Random) -> bytes:
    """The page with a few elements removed and a few set a second time elsewhere."""
    page = read_page(body)
    for _ in range(20):
        elements = [each for each in page.root.iter() if each.getparent() is not None]
        if not elements:
            break
        element = chance.choice(elements)
        if chance.random() < 0.5:
            element.getparent().remove(element)
        elif len(elements) < 10_000:
            chance.choice(elements).addnext(copy.deepcopy(element))
    return page.get().encode()


# Properties of the rules about text, addresses and dates.

MARKS = [
    "Continue reading at ", "continue reading", "Wire", ".", "→", " ", "Q.", "A:", "Q1", "1)", "(1) ", "U.S.", "&", "“", "”", "and", "\u00a0",
    "\u0301", "e", "\u0327", "\u0344", "ᄀ", "ᅡ", "ᆨ", "\ud800", "\u200b", "ǖ", "ﬁ", "İ", "\n", "!?", "—", "|", "…", "2026-06-29", "T12:00", "+99:99",
    "June", "29", "２", "٢", "T", "Z", "0000", "9999", "pm", "12:", "UTC", "年", "月", "日", "/", "-",
]  # fmt: skip
texts = st.lists(st.sampled_from(MARKS), max_size=12).map("".join) | st.text(st.characters(), max_size=40)
hosts = st.lists(
    st.sampled_from(
        ["a", "A", ".", "..", "ß", "ﬁ", "İ", "xn--", "א", "1", "-", "_", "*", "%", "%41", "%ff", "[", "]", "::1", ":", "@", " ", "\u200d", "\u3002",
         "\u0301", "\ud800", "com", "co.uk", "💩", "\u00ad", "℀", "８", "\x85", "www."]
    ),
    max_size=8,
).map("".join)  # fmt: skip
addresses = st.builds(
    lambda *parts: "".join(parts),
    st.sampled_from(
        ["http://", "https://", "HTTP://", "http:", "//", "", "http://[", "https:/", "http://u:p@", "\\\\"]
    ),
    hosts,
    st.sampled_from(["", "/", ":80", ":443/", ":0", ":", "://", ":99999", ":８０"]),
    st.text(alphabet='/a?&=#;%.\\ é\ud800+:@[]{}|^`"<>\t\n~2e\u2028\u0301', max_size=14),
) | st.text(st.characters(), max_size=30)


@settings(UNHURRIED, max_examples=400)
@given(texts)
def test_text_is_normalised_once_for_all(text: str) -> None:
    normalized = normalize_text(text)
    assert normalize_text(normalized) == normalized
    assert unicodedata.is_normalized("NFC", normalized)
    assert len(normalized) <= len(unicodedata.normalize("NFC", text))
    normalized.encode()
    assert fold_text(fold_text(text)) == fold_text(text)
    bare = strip_arrows(text)
    assert strip_arrows(bare) == bare
    assert text.startswith(bare)
    assert normalize_body([normalize_body([text])]) == normalize_body([text])
    assert normalize_dek(text, normalized) is None


plain_texts = st.lists(
    st.sampled_from("aB1_ .-'\t\n\x1c,’–—“”‘…\u00a0") | st.characters(max_codepoint=127), max_size=30
)


@settings(UNHURRIED, max_examples=1000)
@given(plain_texts.map("".join))
def test_ascii_and_printed_punctuation_read_like_any_text(text: str) -> None:
    assert fold_text(f"{text} ü") == f"{fold_text(text)} ü".lstrip()
    assert count_words(f"{text} ü") == count_words(text) + 1
    assert normalize_text(f"{text} ǖ") == f"{normalize_text(text)} ǖ".lstrip()


@settings(UNHURRIED, max_examples=300)
@given(texts)
def test_rules_about_text_never_raise_nor_grow_it(text: str) -> None:
    for strip in (strip_question_mark, strip_answer_mark, strip_arrows):
        assert text.endswith(strip(text)) or text.startswith(strip(text))
    rest, name = split_tail_credit(text)
    assert text.startswith(rest)
    assert name is None or name in text
    assert count_words(text) <= len(text)
    is_publisher_name(text)
    for pair in normalize_faq([Faq(question=text, answer=text)]):
        assert len(pair.question) <= len(unicodedata.normalize("NFC", text))


@settings(UNHURRIED, max_examples=300)
@given(texts)
def test_slug_is_a_folder_name_and_its_own_slug(text: str) -> None:
    slug = slug_section(text)
    assert slug_section(slug) == slug
    assert 0 < len(slug.encode()) <= 140
    assert not set(slug) & set("/\\.=\0")


@settings(UNHURRIED, max_examples=400)
@given(addresses)
def test_address_is_cleaned_once_for_all_or_refused(address: str) -> None:
    try:
        cleaned = clean_url(address)
    except ValueError:
        return
    assert clean_url(cleaned) == cleaned
    assert cleaned.isascii()
    assert registered_domain(cleaned).isascii()
    assert site_of(cleaned) in cleaned
    assert is_same_site(cleaned, cleaned)


@settings(UNHURRIED, max_examples=400)
@given(addresses, addresses)
def test_joined_address_is_clean_or_none(base: str, href: str) -> None:
    joined = join_url(base, href)
    assert joined is None or clean_url(joined) == joined


@settings(UNHURRIED, max_examples=300)
@given(addresses)
def test_site_and_domain_raise_value_error_alone(address: str) -> None:
    for read in (site_of, registered_domain, ascii_host):
        try:
            assert read(address).encode() is not None
        except ValueError:
            continue


@pytest.mark.parametrize(
    "host", ["a b", "a\\b", "*.example", "a..b", ".a", "a%00b", "[::1%25eth0]", "a" * 64, ".", "💩\u200d"]
)
def test_host_that_no_resolver_takes_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        clean_url(f"https://{host}/")


def test_huge_address_is_refused() -> None:
    with pytest.raises(ValueError, match="an address of 5018 characters"):
        clean_url("https://a.example/" + "x" * 5000)
    assert join_url("https://a.example/", "x" * 1_000_000) is None


@settings(UNHURRIED, max_examples=400)
@given(texts, st.sampled_from([None, "", "en", "en-US", "de", "\ud800"]))
def test_date_is_read_the_same_as_it_is_written(text: str, language: str | None) -> None:
    reading = read_date(text, language=language)
    read_url_date(f"/{text}")
    if reading:
        assert reading.at.utcoffset() == timedelta(0)
        again = read_date(reading.at.isoformat())
        assert again is not None
        assert again.at == reading.at
        in_range(reading.at, NOW)


def test_run_of_marks_is_cut_and_letters_keep_theirs() -> None:
    assert normalize_text("Z\u0301\u0323x") == unicodedata.normalize("NFC", "Z\u0301\u0323x")
    assert len(normalize_text("Z" + "\u0301\u0323" * 1000 + "x")) <= 32
    stretch = "\u05c1\u05bc" * 15
    assert normalize_text("ש" + stretch) == unicodedata.normalize("NFC", "ש" + stretch)


GROWING: dict[str, Callable[[str], object]] = {
    "normalize_text": normalize_text,
    "fold_text": fold_text,
    "count_words": count_words,
    "strip_arrows": strip_arrows,
    "split_tail_credit": split_tail_credit,
    "is_publisher_name": is_publisher_name,
    "strip_question_mark": strip_question_mark,
    "strip_answer_mark": strip_answer_mark,
    "slug_section": slug_section,
    "normalize_body": lambda text: normalize_body([text]),
    "normalize_faq": lambda text: normalize_faq([Faq(question=text, answer=text)]),
    "read_date": read_date,
    "read_url_date": read_url_date,
    "join_url": lambda text: join_url("https://a.example/", text),
    "ascii_host": lambda text: _or_none(ascii_host, text),
    "clean_url": lambda text: _or_none(clean_url, f"https://a.example/{text}"),
    "read_json_ld": read_json_ld,
}


def _or_none(read: Callable[[str], str], text: str) -> str | None:
    try:
        return read(text)
    except ValueError:
        return None


@pytest.mark.parametrize("name", GROWING)
def test_twice_the_text_takes_less_than_three_times_as_long(name: str) -> None:
    function = GROWING[name]
    for piece in [*MONOTONOUS, "/", "a-", "1-", "a=1&", "{}", "/**/", "]]>", ";", ",", "//\n", "\u0301\u0323\u0327"]:
        for start, end in (("", ""), ("x", "x"), ("Q.", "?")):
            short, long = (start + piece * (length // len(piece)) + end for length in (40_000, 80_000))
            with limited():
                once = min(_measure(function, short) for _ in range(2))
                twice = min(_measure(function, long) for _ in range(2))
            assert twice < 3 * once + 0.02, (piece, start, once, twice)


def _measure(function: Callable[[str], object], text: str) -> float:
    start = time.process_time()
    function(text)
    return time.process_time() - start


def test_what_a_listing_said_is_stored_too() -> None:
    found = Found(
        via="listing", section_label="\ud800", published_at=NOW, published_raw="\ud800 today \x00", title="\ud800"
    )
    story = normalize_story(extract_story(read_page(HEAD.encode()), URL, now=NOW), fetched_at=NOW, found=found)
    assert story.published_raw == "today"
    assert stories_to_table([story]).num_rows == 1
