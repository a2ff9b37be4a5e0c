import gzip
import json
import re
import socket
import threading
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import BadStatusLine, HTTPConnection, HTTPResponse, IncompleteRead, RemoteDisconnected
from itertools import combinations

import lxml.etree
import lxml.html
import pytest

from archiver.demo.pages import SitePages
from archiver.demo.server import HOST, DemoNetwork
from archiver.demo.sites import CHANGED_AT, PAGE_SIZE, SITES, expected_story, place_stories
from archiver.demo.stories import (
    SECTIONS,
    BulletList,
    Pair,
    Paragraph,
    Subheading,
    load_events,
    parse_blocks,
    plain_text,
)
from archiver.demo.styles import FAQ_FORMS, HOUSE_STYLES, SAMPLE, SOURCE_FORMS, render
from archiver.demo.styles.base import DemoStory, Picture, Teaser

EVENT = """
[[event]]
id = "{id}"
section = "{section}"
published = 2026-06-0{day}T13:05:00Z
publisher = "Ledger & Main"
source_url = "https://ledgerandmain.example/{id}"
tags = ["tolls", "Québec roads"]
authors = ["Maya Lindqvist"]
"""
REWRITE = """
[[event.rewrite]]
title = "{title}"
dek = "A dek about {title}."
body = '''
{title} begins “here” & now.

## What changed

- first point
- second point with [a link](https://docket.example/{id}?a=1&b=2)

Ends here.
'''
  [[event.rewrite.faq]]
  question = "Q1 or Q2?"
  answer = '''Neither.

Both, says [the rule](https://rule.example/{id}).'''
"""


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stories")
    toml = ""
    for day, (name, section) in enumerate([("bridge-toll", "policy"), ("ferry-bond", "ai-education")], start=1):
        toml += EVENT.format(id=name, section=section, day=day)
        toml += "".join(REWRITE.format(id=name, title=f"{name.title()} {word}?") for word in ("One", "Two", "Three"))
    (folder / "small.toml").write_text(toml, encoding="utf-8")
    return load_events(folder)


@pytest.fixture(scope="module")
def network():
    with DemoNetwork() as network:
        yield network


@pytest.fixture
def small(events):
    with DemoNetwork(events=events) as network:
        yield network


def fetch(site, path, *, method="GET", **headers) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(HOST, site.port, timeout=10)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def words_of(html: str) -> str:
    """All that the page prints and all that it says to machines, white space apart."""
    tree = lxml.html.document_fromstring(html)
    data = [json.loads(script) for script in tree.xpath("//script[@type='application/ld+json']/text()")]
    spoken = [tree.text_content(), *tree.xpath("//meta/@content"), json.dumps(data, ensure_ascii=False)]
    return " ".join(" ".join(spoken).split())


# The content


def test_events_are_read_with_their_blocks_links_and_answers(events):
    rewrite = events[0].rewrites[0]
    first, heading, points, last = rewrite.body
    assert plain_text(first.runs) == "Bridge-Toll One? begins “here” & now."
    assert isinstance(heading, Subheading)
    assert plain_text(heading.runs) == "What changed"
    assert isinstance(points, BulletList)
    assert [plain_text(item) for item in points.items] == ["first point", "second point with a link"]
    assert points.items[1][1].href == "https://docket.example/bridge-toll?a=1&b=2"
    assert isinstance(last, Paragraph)
    assert [plain_text(paragraph.runs) for paragraph in rewrite.faq[0].answer] == ["Neither.", "Both, says the rule."]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (EVENT.format(id="x", section="policy", day=1) + "[[event.rewrite]]\ntitle = 'a'\nbody = 'b'", "1 rewrites"),
        (EVENT.format(id="x", section="gardening", day=1) + "rewrite = []", "no section 'gardening'"),
        (EVENT.format(id="x", section="policy", day=1), "'rewrite' is missing"),
        (
            EVENT.format(id="x", section="policy", day=1).replace("00Z", "00") + REWRITE.format(id="x", title="T") * 3,
            "published has no time zone",
        ),
    ],
)
def test_a_broken_event_is_named_with_its_file(tmp_path, broken, message):
    (tmp_path / "bad.toml").write_text(broken, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as error:
        load_events(tmp_path)
    assert "bad.toml: event 'x'" in str(error.value)


def test_two_events_with_one_id_are_refused(tmp_path):
    event = EVENT.format(id="x", section="policy", day=1) + REWRITE.format(id="x", title="T") * 3
    (tmp_path / "a.toml").write_text(event, encoding="utf-8")
    (tmp_path / "b.toml").write_text(event, encoding="utf-8")
    with pytest.raises(ValueError, match=r"b\.toml: a second event with the id 'x'"):
        load_events(tmp_path)


def test_rewrites_of_one_event_share_hardly_a_phrase():
    def shingles(body):
        words = " ".join(text for block in body for text in block_texts(block)).lower().split()
        return {tuple(words[at : at + 5]) for at in range(len(words) - 4)}

    for event in load_events():
        for one, other in combinations([shingles(rewrite.body) for rewrite in event.rewrites], 2):
            assert len(one & other) / len(one | other) < 0.06, event.id


def block_texts(block):
    runs = block.items if isinstance(block, BulletList) else [block.runs]
    return [plain_text(item) for item in runs]


# What stands on which site


def test_every_site_has_all_sections_and_policy_is_by_far_the_largest():
    for site in SITES:
        sections = Counter(placed.story.section for placed in place_stories(site))
        assert sections.total() >= 60
        assert set(sections) == set(SECTIONS)
        assert sections["policy"] >= 36
        assert sections["policy"] > 3 * max(count for name, count in sections.items() if name != "policy")


def test_an_event_stands_on_three_sites_in_three_rewrites_and_on_a_fourth_as_a_reprint():
    printed = defaultdict(list)
    for site in SITES:
        for placed in place_stories(site):
            printed[placed.story.event_id].append(placed.rewrite)
    assert len(printed) == len(load_events())
    for rewrites in printed.values():
        assert set(rewrites) == {0, 1, 2}
        assert len(rewrites) in {3, 4}


def test_the_sites_together_show_every_form_and_every_gap():
    stories = [placed for site in SITES for placed in place_stories(site)]
    assert {placed.story.faq_form for placed in stories if placed.story.faq} == set(FAQ_FORMS)
    assert {placed.story.source_form for placed in stories} == {None, *SOURCE_FORMS}
    for site in SITES:
        own = place_stories(site)
        assert any(placed.story.dek is None for placed in own)
        assert any(not placed.story.faq for placed in own)
        assert any(placed.story.source_form is None for placed in own)
        assert any(placed.listed is None for placed in own)
        assert all(placed.story.published in {None, placed.posted} for placed in own)


def test_addresses_are_unique_and_of_another_form_on_each_site():
    forms = (r"/article/[a-z0-9-]+", r"/2026/0[67]/[a-z0-9-]+/", r"/news/[a-z0-9-]+-\d+\.html", r"/story\.php\?id=\d+")
    for site, form in zip(SITES, forms, strict=True):
        paths = [placed.story.path for placed in place_stories(site)]
        assert len(set(paths)) == len(paths)
        assert all(re.fullmatch(form, path) for path in paths)


def test_placing_stories_is_the_same_in_every_run():
    assert place_stories(SITES[1]) == place_stories(SITES[1])


def test_an_unknown_event_cannot_be_changed():
    with pytest.raises(ValueError, match="no event 'nowhere'"):
        place_stories(SITES[0], changed=["nowhere"])


# House styles

FULL = DemoStory(
    event_id="e",
    path="/full",
    section="ai-education",
    title="Who Pays for “R&D” <Labs>?",
    dek="The dek says in eighteen words or so what the story below it is going to say.",
    body=parse_blocks(
        "First & foremost, one paragraph.\n\nA second with [a link](https://docket.example/7).\n\n## A subheading\n\n"
        "- point one\n- point two\n\nA fourth block, of 5 < 6 words.\n\nThe last paragraph ends."
    ),
    faq=(
        Pair("Who pays?", parse_blocks("Every parcel.\n\nTwice, by [the rule](https://rule.example/).")),  # type: ignore[arg-type]
        Pair("A.I. or not A.I.?", parse_blocks("A.I., mostly.")),  # type: ignore[arg-type]
    ),
    authors=("Maya Lindqvist", "Tom Okafor"),
    published=datetime(2026, 6, 29, 13, 5, tzinfo=UTC),
    modified=datetime(2026, 6, 30, 7, 45, tzinfo=UTC),
    tags=("tolls", "roads"),
    publisher="Barnaby's",
    source_url="https://www.barnabys.example/labs",
    picture=Picture("/media/policy.svg", "A bridge", "The bridge at dawn"),
    interstitial=Teaser("/amid", "A Story Amid the Body", None, "policy", None),
    more=(Teaser("/more", "A Story Below the Body", None, "policy", None),),
)


@pytest.mark.parametrize("style", HOUSE_STYLES, ids=lambda style: style.name)
@pytest.mark.parametrize("source_form", [None, *SOURCE_FORMS])
@pytest.mark.parametrize("faq_form", FAQ_FORMS)
def test_every_style_prints_every_column_in_every_form(style, faq_form, source_form):
    html = render(FULL, style, faq_form=faq_form, source_form=source_form)
    page = lxml.html.document_fromstring(html)
    words = words_of(html)
    truth = expected_story(replace(FULL, source_form=source_form), SAMPLE, style)
    assert page.xpath("string(//h1)").strip() == truth["title"]
    for text in (truth["dek"], *truth["body"].split("\n\n"), *truth["authors"], *truth["tags"]):
        assert text in words
    for pair in FULL.faq:
        assert pair.question in words
        assert all(plain_text(paragraph.runs) in words for paragraph in pair.answer if len(paragraph.runs) == 1)
    hrefs = {href.split("?utm_")[0] for href in page.xpath("//@href")}
    assert {"https://docket.example/7", "/amid"} <= hrefs
    assert (truth["source_url"] in hrefs or truth["source_url"] in words) if truth["source_url"] else True
    assert (FULL.publisher in words) == (source_form not in {None, "nameless", "canonical"})
    assert (FULL.source_url in html) == (source_form not in {None, "reporting"})


@pytest.mark.parametrize("style", HOUSE_STYLES, ids=lambda style: style.name)
def test_a_story_without_extras_prints_none(style):
    bare = DemoStory(event_id="e", path="/bare", section="policy", title="Bare", dek=None, body=FULL.body)
    html = style.story_page(SAMPLE, bare)
    page = lxml.html.document_fromstring(html)
    assert "None" not in html
    assert not re.search(r"(?i)question|\bfaq\b|acceptedAnswer", page.text_content())
    assert not page.xpath("//*[contains(@itemprop, 'date') or contains(@property, 'time')]")
    assert not page.xpath("//main//img | //td//img")


@pytest.mark.parametrize("style", HOUSE_STYLES, ids=lambda style: style.name)
def test_pages_load_nothing_from_elsewhere_and_run_nothing(style):
    page = lxml.html.document_fromstring(render(FULL, style, site=SAMPLE))
    loaded = page.xpath("//@src | //link[not(@rel='canonical' or @rel='next' or @rel='alternate')]/@href")
    assert all(address.startswith(("/media/", SAMPLE.base_url)) for address in loaded)
    assert not page.xpath("//script[not(@type='application/ld+json')] | //iframe | //@onclick")


@pytest.mark.parametrize("style", HOUSE_STYLES, ids=lambda style: style.name)
def test_text_cannot_end_the_script_that_quotes_it(style):
    story = replace(FULL, title="What </script> does", faq=(replace(FULL.faq[0], question="And </script>?"),))
    page = lxml.html.document_fromstring(render(story, style, faq_form="b", source_form="json-ld"))
    data = json.dumps([json.loads(script) for script in page.xpath("//script/text()")])
    assert "And </script>?" in data
    assert "What </script> does" in data
    assert page.xpath("string(//h1)") == "What </script> does"


def test_each_site_has_structured_data_of_its_own_kind():
    pages = [lxml.html.document_fromstring(style.story_page(SAMPLE, replace(FULL, faq=()))) for style in HOUSE_STYLES]
    kinds = [
        (bool(p.xpath("//script")), bool(p.xpath("//@itemprop")), bool(p.xpath("//meta/@property"))) for p in pages
    ]
    assert kinds == [(False, False, False), (True, False, True), (False, False, True), (False, True, False)]


# Truth


def test_truth_says_what_the_page_shows():
    truth = expected_story(replace(FULL, source_form="label"), SAMPLE, HOUSE_STYLES[0])
    assert truth == {
        "url": f"{SAMPLE.base_url}/full",
        "section": "ai-education",
        "section_label": "ai & education",
        "title": FULL.title,
        "dek": FULL.dek,
        "body": "First & foremost, one paragraph.\n\nA second with a link.\n\nA subheading\n\npoint one\n\n"
        "point two\n\nA fourth block, of 5 < 6 words.\n\nThe last paragraph ends.",
        "faq": [
            {"question": "Who pays?", "answer": "Every parcel. Twice, by the rule."},
            {"question": "A.I. or not A.I.?", "answer": "A.I., mostly."},
        ],
        "authors": ["Maya Lindqvist", "Tom Okafor"],
        "source_name": "Barnaby's",
        "source_url": "https://www.barnabys.example/labs",
        "source_domain": "barnabys.example",
        "links": [
            {"kind": "body", "url": "https://docket.example/7", "text": "a link"},
            {"kind": "faq", "url": "https://rule.example/", "text": "the rule"},
        ],
        "related": [f"{SAMPLE.base_url}/amid"],
        "published_at": FULL.published,
        "modified_at": FULL.modified,
        "tags": ["tolls", "roads"],
        "image_url": f"{SAMPLE.base_url}/media/policy.svg",
    }


@pytest.mark.parametrize(
    ("form", "name", "url"),
    [
        (None, None, None),
        ("reporting", "Barnaby's", None),
        ("nameless", "barnabys.example", FULL.source_url),
        ("canonical", "barnabys.example", FULL.source_url),
        ("reprint", "Barnaby's", FULL.source_url),
    ],
)
def test_truth_of_the_source_follows_its_form(form, name, url):
    truth = expected_story(replace(FULL, source_form=form), SAMPLE, HOUSE_STYLES[0])
    assert (truth["source_name"], truth["source_url"]) == (name, url)


# Following the sites as a reader would


def test_every_story_is_reached_by_the_pagers_25_a_page(network):
    for site in network.sites:
        for section in SECTIONS:
            found, path, pages = [], site.site.style.listing_path(section), 0
            while path:
                page = lxml.html.document_fromstring(fetch(site, path)[1])
                on_page = [href for href in dict.fromkeys(page.xpath("//@href")) if site.story_at(site.base_url + href)]
                assert len(on_page) <= PAGE_SIZE
                found += on_page
                pages += 1
                path = next(iter(page.xpath(NEXT[site.site.style.name])), None)
            due = [placed.story.path for placed in site.stories if placed.story.section == section]
            assert found == due
            assert pages == -(-len(due) // PAGE_SIZE)
            assert fetch(site, site.site.style.listing_path(section, pages + 1))[0].status == 404


NEXT = {
    "seed": "//a[@rel='next' and .='Older stories']/@href",
    "wordpress": "//a[.='Older posts']/@href",
    "soup": "//span[following-sibling::a[1][number(.) > 1] and number(.) > 0]/following-sibling::a[1]/@href",
    "tables": "//a[.='Next →']/@href",
}


def test_no_link_within_the_network_is_dead(network):
    for site in network.sites:
        seen, queue = set(), ["/", "/robots.txt"]
        while queue:
            path = queue.pop()
            response, body = fetch(site, path)
            assert response.status == 200, path
            if "text/html" in response.headers["Content-Type"]:
                page = lxml.html.document_fromstring(body.decode())
                hrefs = {href.removeprefix(site.base_url) for href in page.xpath("//@href | //@src")}
                new = {href for href in hrefs if href.startswith("/")} - seen
                seen |= new
                queue += new
        assert {placed.story.path for placed in site.stories} <= seen


def test_home_pages_link_to_all_sections_and_the_latest_stories(network):
    for site in network.sites:
        page = lxml.html.document_fromstring(fetch(site, "/")[1].decode())
        hrefs = page.xpath("//a/@href")
        assert {site.site.style.listing_path(section) for section in SECTIONS} <= set(hrefs)
        assert {placed.story.path for placed in site.stories[:10]} <= set(hrefs)


def test_seed_pages_keep_the_order_of_the_template(network):
    site = network["ledgerleaf"]
    placed = next(p for p in site.stories if p.story.faq and p.story.dek and p.story.source_form == "continue")
    story = placed.story
    page = lxml.html.document_fromstring(fetch(site, story.path)[1].decode())
    text = " ".join(page.xpath("//main")[0].text_content().split())
    marks = (
        "policy" if story.section == "policy" else site.site.style.section_label(story.section),
        story.title,
        story.dek,
        plain_text(story.body[0].runs),
        f"Read more {story.interstitial.title} →",
        f"Continue reading at {story.publisher}.",
        f"Continue reading at {story.publisher} →",
        "Frequently Asked Questions",
        f"Q.{story.faq[0].question}",
        f"More in {site.site.style.section_label(story.section)} →",
    )
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)


def test_sitemaps_list_every_story_with_its_last_change(network):
    for site in network.sites:
        robots = fetch(site, "/robots.txt")[1].decode()
        queue = re.findall(r"^Sitemap: (.+)$", robots, re.MULTILINE)
        listed = {}
        while queue:
            response, body = fetch(site, queue.pop().removeprefix(site.base_url))
            assert response.status == 200
            for entry in lxml.etree.fromstring(body):
                address, *changed = (child.text for child in entry)
                if entry.tag.endswith("}sitemap"):
                    queue.append(address)
                else:
                    listed[address] = changed
        for placed in site.stories:
            assert datetime.fromisoformat(listed[site.url_of(placed)][0]) == placed.last_modified


def test_feeds_give_the_dates_that_the_site_gives(network):
    for site in network.sites:
        response, body = fetch(site, site.site.style.feed_path)
        assert response.headers["Content-Type"] == "application/rss+xml; charset=utf-8"
        items = lxml.etree.fromstring(body).findall("channel/item")
        assert [item.findtext("link") for item in items] == [site.url_of(placed) for placed in site.stories[:30]]
        for item, placed in zip(items, site.stories, strict=False):
            date = item.findtext("pubDate")
            assert (parsedate_to_datetime(date) if date else None) == placed.listed


# HTTP


def test_pages_are_revalidated_by_etag_and_by_date(small):
    site = small.sites[0]
    path = site.stories[0].story.path
    first, body = fetch(site, path)
    assert (first.status, first.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for headers in (
        {"If_None_Match": first.headers["ETag"]},
        {"If_None_Match": f'"other", W/{first.headers["ETag"]}'},
        {"If_Modified_Since": first.headers["Last-Modified"]},
    ):
        again, nothing = fetch(site, path, **headers)
        assert (again.status, nothing, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    for headers in (
        {"If_None_Match": '"other"', "If_Modified_Since": first.headers["Last-Modified"]},
        {"If_Modified_Since": "Mon, 01 Jun 2020 00:00:00 GMT"},
        {"If_Modified_Since": "no date"},
    ):
        assert fetch(site, path, **headers)[1] == body
    assert site.statuses == {200: 4, 304: 3}
    assert site.requests[path] == 7


def test_pages_are_compressed_for_those_who_ask(small):
    site = small.sites[1]
    path = site.stories[0].story.path
    plain, body = fetch(site, path)
    packed, compressed = fetch(site, path, Accept_Encoding="br, gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(compressed) == body
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert "Content-Encoding" not in plain.headers


def test_head_answers_as_get_without_a_body(small):
    site = small.sites[0]
    got, body = fetch(site, "/")
    head, nothing = fetch(site, "/", method="HEAD")
    assert nothing == b""
    assert head.headers["Content-Length"] == str(len(body))
    assert head.headers["ETag"] == got.headers["ETag"]


def test_one_connection_serves_many_requests(small):
    site = small.sites[3]
    connection = HTTPConnection(HOST, site.port, timeout=10)
    connection.connect()
    port = connection.sock.getsockname()
    for path in ("/", "/nothing", "/robots.txt"):
        connection.request("GET", path)
        connection.getresponse().read()
        assert connection.sock.getsockname() == port
    connection.close()


def test_unknown_addresses_are_404_and_a_forgotten_slash_is_a_redirect(small):
    tidewater = small["tidewater_review"]
    story = tidewater.stories[0].story
    response, body = fetch(tidewater, story.path.rstrip("/"))
    assert (response.status, response.headers["Location"]) == (301, story.path)
    for site in small.sites:
        response, body = fetch(site, "/no-such-page")
        assert response.status == 404
        assert b"<h1" in body
        assert "ETag" not in response.headers


def test_campaigns_do_not_change_the_page(small):
    gazette = small["old_quarter_gazette"]
    path = gazette.stories[0].story.path
    assert fetch(gazette, f"{path}&utm_source=mail")[1] == fetch(gazette, path)[1]


# Editions, faults, stops


def test_the_changed_edition_changes_the_chosen_stories_alone(small):
    before = {}
    for site in small.sites:
        for placed in site.stories:
            before[site.url_of(placed)] = (fetch(site, placed.story.path)[1], site.expected(site.url_of(placed)))
    small.change(["bridge-toll"])
    changed = 0
    for site in small.sites:
        for placed in site.stories:
            page, truth = before[site.url_of(placed)]
            body, now = fetch(site, placed.story.path)[1], site.expected(site.url_of(placed))
            if placed.story.event_id != "bridge-toll":
                assert (body, now) == (page, truth)
                continue
            changed += 1
            assert body != page
            assert {name for name in truth if truth[name] != now[name]} <= {"body", "modified_at"}
            assert now["body"].startswith(truth["body"])
            assert placed.last_modified == CHANGED_AT
    assert changed == 4
    small.change([])
    for url, (page, _) in before.items():
        site = small.site_of(url)
        assert fetch(site, url.removeprefix(site.base_url))[1] == page


def test_a_network_can_start_with_its_changed_edition(events):
    with DemoNetwork(["ferry-bond"], events=events) as network:
        stories = [placed for site in network.sites for placed in site.stories]
    assert {p.story.event_id for p in stories if p.last_modified == CHANGED_AT} == {"ferry-bond"}


def test_faults_last_until_healed(small):
    site = small.sites[0]
    site.fail("/policy", 503)
    site.fail("/about", "drop")
    site.fail("/", "truncate")
    assert fetch(site, "/policy")[0].status == 503
    with pytest.raises((RemoteDisconnected, BadStatusLine)):
        fetch(site, "/about")
    with pytest.raises(IncompleteRead):
        fetch(site, "/")
    assert site.requests == {"/policy": 1, "/about": 1, "/": 1}
    site.heal()
    assert [fetch(site, path)[0].status for path in ("/policy", "/about", "/")] == [200, 200, 200]


def test_a_stopped_site_refuses_also_those_who_kept_their_connection(small):
    site = small["plainwire"]
    connection = HTTPConnection(HOST, site.port, timeout=10)
    connection.request("GET", "/")
    connection.getresponse().read()
    small.stop("plainwire")
    with pytest.raises(OSError):
        connection.request("GET", "/")
        connection.getresponse()
    with pytest.raises(ConnectionRefusedError):
        fetch(site, "/")
    assert fetch(small["ledgerleaf"], "/")[0].status == 200
    small.start("plainwire")
    assert fetch(site, "/")[0].status == 200


def test_a_taken_port_is_an_error_and_leaves_no_site_running(events):
    before = set(threading.enumerate())
    with socket.create_server((HOST, 0)) as taken:
        network = DemoNetwork(port=taken.getsockname()[1] - 1, events=events)
        with pytest.raises(OSError, match="in use"), network:
            pass
    assert network.sites == []
    assert set(threading.enumerate()) <= before


def test_pages_need_no_server(events):
    pages = SitePages(SITES[2], "http://127.0.0.1:8103", events=events)
    placed = pages.stories[0]
    answer = pages.answer(placed.story.path)
    assert answer.status == 200
    assert pages.expected(f"http://127.0.0.1:8103{placed.story.path}")["title"] == placed.story.title
    with pytest.raises(KeyError):
        pages.expected("http://127.0.0.1:8103/news/other.html")
