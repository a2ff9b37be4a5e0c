"""What a crawl asks for again, and what it makes of stories that go, return and move: small servers, crawled for days."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.dataset as ds
import pytest
from crawls import listing_page
from torture.harness import Nursery, make_project

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
WORDS = """levy council parcel statute tariff ledger hearing quorum docket filing clause remedy auditor bond trustee grid
ferry orchard harbour viaduct canal lantern meadow copper timber granite saddle anvil kettle bramble""".split()


def prose(topic: str) -> str:
    random = Random(topic)
    sentences = [" ".join(random.choices(WORDS, k=12)).capitalize() + "." for _ in range(16)]
    return "".join(f"<p>{' '.join(sentences[start : start + 4])}</p>" for start in range(0, 16, 4))


def story(topic: str, *, title: str | None = None, more: str = "", head: str = "") -> str:
    title = title or f"The {topic} bill goes to a vote at last"
    head += f'<meta property="article:section" content="{section_of(topic)}">'
    body = f"<article><h1>{title}</h1>{prose(topic)}{more}</article>"
    return f"<html><head><title>{title}</title>{head}</head><body><main>{body}</main></body></html>"


def section_of(topic: str) -> str:
    return {"markets-one": "Markets", "energy-one": "Energy"}.get(topic, "Policy")


def path_of(topic: str) -> str:
    return f"/article/{topic}-bill-goes-to-a-vote"


def cards(*topics: str) -> dict[str, str]:
    return {path_of(topic): f"The {topic} bill goes to a vote at last" for topic in topics}


@dataclass
class Site:
    """A site whose pages a test changes at will: path → page, `→path` (301), `~path` (302) or a status."""

    pages: dict[str, str | bytes | int] = field(default_factory=dict)
    has_validators: bool = True
    has_lengths: bool = True
    kinds: dict[str, str] = field(default_factory=dict)
    """Path → media type, where it is none of a page."""
    stuck: set[str] = field(default_factory=set)
    """Paths whose ETag stays the same, whatever becomes of the page."""
    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)

    def start(self) -> None:
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.requests[self.path] += 1
                page = site.pages.get(self.path, 404)
                headers = {"Content-Type": site.kinds.get(self.path, "text/html; charset=utf-8")}
                body, status = b"", 200
                if isinstance(page, int):
                    status, body = page, b"<p>no such page</p>"
                elif isinstance(page, str) and page.startswith(("→", "~")):
                    status, headers["Location"] = (301 if page[0] == "→" else 302), page[1:]
                else:
                    body = page.encode() if isinstance(page, str) else page
                    if body[:5] in (b"<?xml", b"\x1f\x8b\x08\x00\x00"):
                        headers["Content-Type"] = "application/xml"
                    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                    if site.has_validators:
                        headers["ETag"] = tag
                        if self.headers.get("If-None-Match") == tag or (
                            self.path in site.stuck and "If-None-Match" in self.headers
                        ):
                            status, body = 304, b""
                site.statuses[status] += 1
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if not site.has_lengths:
                    self.send_header("Connection", "close")
                    self.close_connection = True
                elif status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def put(self, *topics: str) -> None:
        """Put up stories, and a home page with two sections that list them, the newest first."""
        for topic in topics:
            self.pages[path_of(topic)] = story(topic)
        self.list_stories(*topics)

    def list_stories(self, *topics: str, more: dict[str, str] | None = None) -> None:
        nav = {"/policy": "Policy", "/markets": "Markets", "/energy": "Energy"}
        shown = cards(*topics) | (more or {})
        self.pages["/"] = listing_page(dict(list(shown.items())[:3]), nav=nav)
        self.pages["/policy"] = listing_page(shown, nav=nav)
        for other in ("markets", "energy"):
            self.pages.setdefault(path_of(other + "-one"), story(other + "-one"))
            self.pages[f"/{other}"] = listing_page(cards(other + "-one"), nav=nav)

    def put_sitemap(self, lastmods: dict[str, str], path: str = "/sitemap.xml") -> None:
        entries = "".join(
            f"<url><loc>{self.url}{each}</loc><lastmod>{lastmod}</lastmod></url>" for each, lastmod in lastmods.items()
        )
        self.pages[path] = (
            f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'
        )
        self.pages["/robots.txt"] = f"User-agent: *\nAllow: /\nSitemap: {self.url}/sitemap.xml\n"


@dataclass
class Crawls:
    """Crawls of one site, each at a time of its own."""

    nursery: Nursery
    folder: Path
    site: Site

    def __call__(self, days: float = 0, *words: str, exit_code: int = 0) -> Counter[str]:
        """Crawl so many days from now; return the requests by path, without robots.txt."""
        self.site.requests.clear()
        self.site.statuses.clear()
        ended = self.nursery.run(self.folder, "scrapy", "crawl", "site", *words, clock=days * DAY)
        assert ended.code == exit_code, ended.log
        assert "Traceback" not in ended.log
        return Counter({path: count for path, count in self.site.requests.items() if path != "/robots.txt"})

    def rows(self, table: str = "stories") -> list[dict[str, Any]]:
        folder = self.folder / "data" / table
        if not folder.is_dir():
            return []
        found = ds.dataset(folder, partitioning="hive").to_table().to_pylist()
        keys = [(row["story_id"], row["revision"]) for row in found]
        assert len(keys) == len(set(keys))
        return found

    def row(self, path: str) -> dict[str, Any]:
        (found,) = [row for row in self.rows() if row["url"] == self.site.url + path]
        return found

    def history(self, story_id: str) -> list[tuple[int, str, str]]:
        rows = [row for row in self.rows("revisions") if row["story_id"] == story_id]
        return sorted((row["revision"], row["status"], row["url"].removeprefix(self.site.url)) for row in rows)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    site.start()
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.fixture
def crawl(nursery: Nursery, site: Site, tmp_path: Path) -> Iterator[Crawls]:
    crawls = Crawls(nursery, make_project(tmp_path, site.url + "/"), site)
    yield crawls
    verified = nursery.run(crawls.folder, "archiver", "verify")
    assert verified.code == 0, verified.log


LISTINGS = {"/policy", "/markets", "/energy"}
TOPICS = ("rail", "water", "harbour", "grain")


# What is asked for


@pytest.mark.parametrize("has_validators", [True, False])
def test_where_nothing_is_new_each_section_is_asked_for_once(crawl: Crawls, site: Site, has_validators: bool) -> None:
    site.has_validators = has_validators
    site.put(*TOPICS)
    crawl()
    before = {path: path.stat().st_mtime_ns for path in (crawl.folder / "data").rglob("*.parquet")}
    for hours in (0.1, 0.2):
        assert crawl(hours / 24) == Counter(LISTINGS)
    assert {path: path.stat().st_mtime_ns for path in (crawl.folder / "data").rglob("*.parquet")} == before
    assert len(crawl.rows()) == 6


def test_a_new_story_costs_one_request_more(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    crawl()
    site.put("tariff", *TOPICS)
    assert crawl(0.02) == Counter([*LISTINGS, path_of("tariff")])


def paged(site: Site, topics: list[str], size: int = 2) -> None:
    """Deal the stories of /policy over pages."""
    site.put(*topics)
    nav = {"/policy": "Policy", "/markets": "Markets", "/energy": "Energy"}
    for number, start in enumerate(range(0, len(topics), size), 1):
        address = "/policy" if number == 1 else f"/policy?page={number}"
        following = f"<a rel='next' href='/policy?page={number + 1}'>Next</a>" if start + size < len(topics) else ""
        site.pages[address] = listing_page(cards(*topics[start : start + size]), nav=nav, more=following)


def test_a_listing_ends_where_nothing_is_new(crawl: Crawls, site: Site) -> None:
    topics = [f"{word}-{number}" for number, word in enumerate(WORDS[:10])]
    paged(site, topics)
    crawl()
    assert len(crawl.rows()) == 12
    paged(site, ["tariff-x", "tariff-y", "tariff-z", *topics])
    asked = crawl(0.02)
    assert asked["/policy?page=2"] == 1
    assert asked["/policy?page=3"] == 1, "page 2 had a new story"
    assert not asked["/policy?page=4"]
    assert len(crawl.rows()) == 15
    assert crawl(0.025) == Counter(LISTINGS)


def test_after_a_pass_that_was_cut_the_listing_is_read_on(crawl: Crawls, site: Site) -> None:
    topics = [f"{word}-{number}" for number, word in enumerate(WORDS[:10])]
    paged(site, topics)
    site.pages["/policy?page=4"] = 503
    crawl(exit_code=4)
    paged(site, topics)
    asked = crawl(0.02)
    assert asked["/policy?page=5"] == 1
    assert len(crawl.rows()) == 12
    assert crawl(0.025) == Counter(LISTINGS)


def headed(page: str, heading: str) -> str:
    return page.replace("<main>", f"<main><h1>{heading}</h1>")


def test_an_error_told_with_status_200_is_not_the_end_of_a_listing(crawl: Crawls, site: Site) -> None:
    topics = [f"{word}-{number}" for number, word in enumerate(WORDS[:10])]

    def put() -> None:
        paged(site, topics)
        for path in [path for path in site.pages if path.startswith("/policy")]:
            site.pages[path] = headed(str(site.pages[path]), "Policy")

    put()
    site.pages["/policy?page=3"] = headed(listing_page({}), "Something went wrong")
    crawl(exit_code=4)
    put()
    crawl(0.02)
    assert len(crawl.rows()) == 12
    assert crawl(0.025) == Counter(LISTINGS)


@pytest.mark.parametrize(
    ("page", "exit_code"),
    [
        (headed(listing_page({}), "Policy, page 4"), 0),
        (headed(listing_page({}), "Nothing here"), 4),
        ("→/", 4),
    ],
)
def test_a_page_that_stays_empty_is_the_end_of_a_listing(crawl: Crawls, site: Site, page: str, exit_code: int) -> None:
    paged(site, list(TOPICS), 2)
    site.pages["/policy"] = headed(str(site.pages["/policy"]), "Policy")
    last = max(path for path in site.pages if path.startswith("/policy?"))
    site.pages[last] = page
    crawl(exit_code=exit_code)
    crawl(0.02)
    assert crawl(0.025) == Counter(LISTINGS)


def test_that_one_listing_ends_at_the_home_page_says_nothing_of_another(crawl: Crawls, site: Site) -> None:
    nav = {"/policy": "Policy", "/markets": "Markets", "/energy": "Energy"}
    site.put(*TOPICS)
    more = "<a rel='next' href='{}?page=2'>Next</a>"
    site.pages["/policy"] = listing_page(cards(*TOPICS), nav=nav, more=more.format("/policy"))
    site.pages["/policy?page=2"] = site.pages["/markets?page=2"] = "→/"
    crawl(exit_code=4)
    crawl(0.02)
    site.pages[path_of("tariff")] = story("tariff")
    site.pages["/markets"] = listing_page(cards("tariff", "markets-one"), nav=nav, more=more.format("/markets"))
    crawl(0.03, exit_code=4)
    crawl(0.04)


@pytest.mark.parametrize("answer", [404, "→/"])
def test_where_a_section_is_gone_the_home_page_tells_what_came_in_its_place(
    crawl: Crawls, site: Site, answer: int | str
) -> None:
    site.put(*TOPICS)
    crawl()
    site.put("tariff", *TOPICS)
    site.pages["/rules"], site.pages["/policy"] = site.pages["/policy"], answer
    for path in ("/", "/rules", "/markets", "/energy"):
        site.pages[path] = str(site.pages[path]).replace("/policy", "/rules").replace("Policy", "Rules")
    asked = crawl(0.02)
    assert (asked["/policy"], asked["/rules"], asked[path_of("tariff")]) == (1, 1, 1)
    assert crawl(0.025) == Counter(["/rules", "/markets", "/energy"])


def test_two_sections_with_one_label_are_both_read(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS, "tariff", "levy")
    nav = {"/us/policy": "Policy", "/eu/policy": "Policy", "/markets": "Markets"}
    site.pages["/"] = listing_page({}, nav=nav)
    site.pages["/us/policy"], site.pages["/eu/policy"] = (
        listing_page(cards(*topics), nav=nav) for topics in (TOPICS, ("tariff", "levy"))
    )
    crawl()
    assert len(crawl.rows()) == 7
    assert crawl(0.02) == Counter(list(nav))
    asked = crawl(0.03, "-a", "section=policy")
    assert asked == Counter(["/us/policy", "/eu/policy"])


@pytest.mark.parametrize("is_cut", [False, True])
def test_a_listing_to_which_only_stories_lead_is_read_at_each_crawl(crawl: Crawls, site: Site, is_cut: bool) -> None:
    """Stories that have not changed lead to it no more."""
    more = "<p><a href='/chronicle'>More in Chronicle →</a></p>"
    rest = [f"{word}-{number}" for number, word in enumerate(WORDS[:5])]
    nav = {"/policy": "Policy", "/markets": "Markets", "/energy": "Energy"}

    def put(*topics: str) -> None:
        following = "<a rel='next' href='/chronicle?page=2'>Next</a>"
        site.pages["/chronicle"] = listing_page(cards(*topics[:3]), nav=nav, more=following)
        site.pages["/chronicle?page=2"] = listing_page(cards(*topics[3:]), nav=nav)

    site.put(*TOPICS, *rest, "tariff")
    site.list_stories(*TOPICS)
    site.pages[path_of("rail")] = story("rail", more=more)
    put(*rest)
    if is_cut:
        site.pages["/chronicle?page=2"] = 503
    crawl(exit_code=4 if is_cut else 0)
    put("tariff", *rest)
    for day, home in ((0.02, 0), (9, 1)):
        asked = crawl(day)
        assert (asked["/"], asked["/chronicle"]) == (home, 1)
        assert len(crawl.rows()) == 6 + 6


@pytest.mark.parametrize("home", ["as it was", 503, "<html><body><main><h1>Back soon</h1></main></body></html>"])
@pytest.mark.parametrize("words", [(), ("-a", "section=policy")])
def test_a_listing_that_is_not_there_once_is_read_at_the_next_crawl(
    crawl: Crawls, site: Site, words: tuple[str, ...], home: int | str
) -> None:
    site.put(*TOPICS)
    crawl()
    kept = dict(site.pages)
    site.pages["/policy"] = 404
    if home != "as it was":
        site.pages["/"] = home
    crawl(0.02, *words, exit_code=3 if words else 4 if home == 503 else 0)
    site.pages.update(kept)
    site.put("tariff", *TOPICS)
    assert path_of("tariff") in crawl(0.03)


def test_a_dead_link_of_the_navigation_is_given_up_until_the_home_page_is_read_again(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    site.pages["/energy"] = 404
    assert crawl()["/energy"] == 1
    assert crawl(0.02) == Counter([*LISTINGS, "/"])
    assert crawl(0.03) == Counter(LISTINGS - {"/energy"})
    assert crawl(8)["/energy"] == 1


def test_an_etag_that_never_changes_hides_no_news_for_longer_than_a_week(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    crawl()
    site.stuck.add("/policy")
    site.put("tariff", *TOPICS)
    assert path_of("tariff") not in crawl(1)
    assert path_of("tariff") in crawl(8)


def test_a_story_is_looked_at_when_it_is_due_and_a_change_is_a_revision(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    crawl()
    site.pages[path_of("rail")] = story("rail", more="<p>On Friday the levy council said that the parcel was void.</p>")
    assert crawl(0.02) == Counter(LISTINGS)
    assert path_of("rail") in crawl(2)
    assert crawl.row(path_of("rail"))["revision"] == 2
    assert site.statuses[304] >= 5


def test_a_change_of_layout_makes_no_revision(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    crawl()
    for topic in TOPICS:
        page = story(topic).replace(
            "<main>", "<header>News <nav><a href='/policy'>Policy</a></nav></header><main class=x>"
        )
        site.pages[path_of(topic)] = page.replace("<p>", "<p class='t'>")
    assert path_of("rail") in crawl(2)
    assert {row["revision"] for row in crawl.rows()} == {1}


def test_a_page_that_is_no_story_is_not_asked_for_at_each_crawl(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    terms = "/article/the-terms-of-our-service"
    site.pages[terms] = story("terms", head='<script type=\'application/ld+json\'>{"@type": "ProfilePage"}</script>')
    site.list_stories(*TOPICS, more={terms: "The terms under which we serve you"})
    assert crawl()[terms] == 1
    assert not crawl(0.02)[terms]
    assert not crawl(3)[terms]
    site.pages[terms] = story("terms")
    site.list_stories("tariff", *TOPICS, more={terms: "The terms under which we serve you"})
    assert crawl(40)[terms] == 1
    assert crawl.row(terms)["revision"] == 1


def test_a_story_that_failed_is_tried_again(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    site.pages[path_of("rail")] = 503
    crawl(exit_code=4)
    site.pages[path_of("rail")] = story("rail")
    assert crawl(0.1)[path_of("rail")] == 1
    assert len(crawl.rows()) == 6


def test_full_asks_for_every_story_with_conditions(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    crawl()
    asked = crawl(0.02, "-a", "full=1")
    assert {path_of(topic) for topic in TOPICS} <= set(asked)
    assert site.statuses[304] >= 6


def test_crawl_url_takes_the_listing_and_no_more(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    site.pages[path_of("rail")] = 503
    crawl(exit_code=4)
    site.pages[path_of("rail")] = story("rail")
    site.requests.clear()
    ended = crawl.nursery.run(crawl.folder, "scrapy", "crawl", "url", "-a", f"url={site.url}/energy", clock=2 * DAY)
    assert ended.code == 0, ended.log
    assert site.requests == Counter(["/robots.txt", "/energy", path_of("energy-one")])


# Sitemaps


def lastmods(*topics: str, day: str = "2026-06-29") -> dict[str, str]:
    return {path_of(topic): day for topic in (*topics, "markets-one", "energy-one")}


@pytest.mark.parametrize("has_validators", [True, False])
@pytest.mark.parametrize("form", ["plain", "gzip", "index"])
def test_a_sitemap_that_has_proved_to_name_all_is_all_that_is_read(
    crawl: Crawls, site: Site, form: str, has_validators: bool
) -> None:
    site.has_validators = has_validators
    sitemaps = ["/sitemap.xml", "/part.xml"] if form == "index" else ["/sitemap.xml"]

    def put(days: dict[str, str]) -> None:
        site.put_sitemap(days, sitemaps[-1])
        if form == "gzip":
            site.pages["/sitemap.xml"] = gzip.compress(str(site.pages["/sitemap.xml"]).encode(), mtime=0)
        if form == "index":
            child = f"<sitemap><loc>{site.url}/part.xml</loc></sitemap>"
            site.pages["/sitemap.xml"] = f'<?xml version="1.0"?><sitemapindex>{child}</sitemapindex>'

    site.put(*TOPICS)
    put(lastmods(*TOPICS))
    crawl()
    assert crawl(0.02) == Counter(sitemaps)
    site.pages[path_of("rail")] = story("rail", more="<p>On Friday the levy council said that the parcel was void.</p>")
    site.put("tariff")
    put(lastmods("tariff", *TOPICS) | {path_of("rail"): "2026-07-02T10:00:00Z"})
    assert crawl(0.025) == Counter([*sitemaps, path_of("rail"), path_of("tariff")])
    assert crawl.row(path_of("rail"))["revision"] == 2
    assert len(crawl.rows()) == 7
    assert crawl(0.03) == Counter(sitemaps)


def test_lastmods_that_are_the_time_of_the_request_are_believed_once(crawl: Crawls, site: Site) -> None:
    topics = [f"rail-{number}" for number in range(30)]
    site.put(*topics)

    def crawl_at(days: float) -> Counter[str]:
        site.put_sitemap(lastmods(*topics, day=f"2026-06-29T{days * 10:02.0f}:00:00Z"))
        return crawl(days)

    crawl_at(0)
    assert len(crawl_at(1)) == 1 + 32
    assert crawl_at(1.1) == Counter(["/sitemap.xml"])
    site.pages[path_of("rail-7")] = story("rail-7", more="<p>On Friday the council said that the parcel was void.</p>")
    site.put_sitemap(lastmods(*topics, day="2026-06-29T11:00:00Z") | {path_of("rail-7"): "2026-07-02"})
    assert crawl(1.2) == Counter(["/sitemap.xml", path_of("rail-7")]), "one alone is still believed"
    assert crawl.row(path_of("rail-7"))["revision"] == 2


def test_a_sitemap_that_stands_for_the_listings_may_name_a_story_by_an_address_of_another_form(
    crawl: Crawls, site: Site
) -> None:
    site.put(*TOPICS)
    site.put_sitemap(lastmods(*TOPICS))
    crawl()
    new = {"/article/what-the-2027-budget-means-for-councils", "/article/tariff-war"}
    site.pages.update(dict.fromkeys(new, story("tariff")))
    site.put_sitemap(
        lastmods(*TOPICS) | dict.fromkeys([*new, "/tag/tariff-war", "/about/our-team-of-editors"], "2026-07-02")
    )
    assert set(crawl(0.02)) == {"/sitemap.xml", *new}


@pytest.mark.parametrize("fault", [404, 410, "<html><body>Not here</body></html>"])
def test_a_sitemap_that_is_lost_gives_way_to_the_listings(crawl: Crawls, site: Site, fault: int | str) -> None:
    site.put(*TOPICS)
    site.put_sitemap(lastmods(*TOPICS))
    crawl()
    site.put("tariff", *TOPICS)
    site.pages["/sitemap.xml"] = fault
    assert path_of("tariff") in crawl(0.02)
    assert crawl.row(path_of("tariff"))["revision"] == 1


def test_a_sitemap_that_fails_once_is_made_good_by_the_listings_and_read_again(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    site.put_sitemap(lastmods(*TOPICS))
    crawl()
    site.put("tariff", *TOPICS)
    site.pages["/sitemap.xml"] = 503
    asked = crawl(0.02, exit_code=4)
    assert asked.keys() == {"/sitemap.xml", path_of("tariff"), *LISTINGS}
    site.put_sitemap(lastmods("tariff", *TOPICS))
    assert crawl(0.025) == Counter(["/sitemap.xml"])


def name_sitemaps(site: Site, *names: str) -> None:
    site.pages["/robots.txt"] = "".join(f"Sitemap: {site.url}/{name}.xml\n" for name in names)


@pytest.fixture
def two_sitemaps(crawl: Crawls, site: Site) -> Crawls:
    """A site crawled once, whose sitemaps `a` and `b` have proved to name every story."""
    site.put(*TOPICS)
    site.put_sitemap({path_of(topic): "2026-06-29" for topic in TOPICS}, "/a.xml")
    site.put_sitemap(lastmods(), "/b.xml")
    name_sitemaps(site, "a", "b")
    crawl()
    assert crawl(0.01) == Counter(["/a.xml", "/b.xml"])
    return crawl


def test_one_of_two_sitemaps_fails_for_a_while(two_sitemaps: Crawls, site: Site) -> None:
    site.pages["/a.xml"] = 503
    for day, topic in [(0.02, "tariff"), (0.03, "salt")]:
        site.put(topic, *TOPICS)
        assert two_sitemaps(day, exit_code=4)[path_of(topic)] == 1
    site.put_sitemap({path_of(topic): "2026-06-29" for topic in ("tariff", "salt", *TOPICS)}, "/a.xml")
    name_sitemaps(site, "a", "b")
    assert two_sitemaps(0.04) == Counter(["/a.xml", "/b.xml"])


def test_one_of_two_sitemaps_is_not_there_once(two_sitemaps: Crawls, site: Site) -> None:
    site.pages["/a.xml"], site.has_validators = 404, False
    two_sitemaps(0.02)
    site.put("tariff", *TOPICS)
    site.put_sitemap({path_of(topic): "2026-06-29" for topic in ("tariff", *TOPICS)}, "/a.xml")
    name_sitemaps(site, "a", "b")
    assert two_sitemaps(0.03)[path_of("tariff")] == 1  # the other is not taken for all that there is


def test_a_sitemap_never_read_that_fails_does_not_bring_the_listings_back(two_sitemaps: Crawls, site: Site) -> None:
    site.pages["/c.xml"] = 503
    name_sitemaps(site, "a", "b", "c")
    for day in (0.02, 0.03):
        assert two_sitemaps(day, exit_code=4).keys() == {"/a.xml", "/b.xml", "/c.xml"}


def test_a_date_that_only_a_listing_says_is_kept_and_read_there_again(crawl: Crawls, site: Site) -> None:
    def put(*topics: str) -> None:
        site.put(*topics)
        for path in ("/", *LISTINGS):
            site.pages[path] = str(site.pages[path]).replace("</h2>", "</h2><time>June 24, 2026</time>")
        site.put_sitemap(lastmods(*topics) | touched)

    touched: dict[str, str] = {}
    put(*TOPICS)
    crawl()
    touched = {path_of("rail"): "2026-07-02T10:00:00Z"}
    put("tariff", *TOPICS[1:])  # `rail` is in no listing any more
    site.pages[path_of("rail")] = story("rail", more="<p>On Friday the levy council said that the parcel was void.</p>")
    assert crawl(0.02) == Counter(["/sitemap.xml", *LISTINGS, path_of("rail"), path_of("tariff")])
    assert crawl.row(path_of("rail"))["revision"] == 2
    dates = {(row["date_source"], str(row["published_at"])[:10], row["published_raw"]) for row in crawl.rows()}
    assert dates == {("listing", "2026-06-24", "June 24, 2026")}
    assert {dict(row["provenance"])["published_at"] for row in crawl.rows()} == {"listing, no time"}


def test_where_only_listings_tell_the_section_sitemaps_do_not_stand_in_for_them(crawl: Crawls, site: Site) -> None:
    def put(*topics: str) -> None:
        site.put(*topics)
        for path in [path for path in site.pages if path.startswith("/article/")]:
            site.pages[path] = str(site.pages[path]).replace("article:section", "unknown")
        site.put_sitemap(lastmods(*topics))

    put(*TOPICS)
    crawl()
    sections = {row["url"]: row["section"] for row in crawl.rows()}
    assert set(sections.values()) == {"policy", "markets", "energy"}
    put("tariff", *TOPICS)
    assert crawl(0.02) == Counter(["/sitemap.xml", *LISTINGS, path_of("tariff")])
    assert crawl.row(path_of("tariff"))["section"] == "policy"


def test_a_dead_sitemap_in_robots_txt_is_no_failure(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    site.pages["/robots.txt"] = f"User-agent: *\nAllow: /\nSitemap: {site.url}/sitemap.xml\n"
    assert crawl()["/sitemap.xml"] == 1
    assert crawl(0.02) == Counter(LISTINGS)


def test_a_crawl_of_a_section_hides_nothing_from_the_next_of_all(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    site.put_sitemap(lastmods(*TOPICS))
    crawl()
    site.put("tariff", *TOPICS)
    site.put_sitemap(lastmods("tariff", *TOPICS))
    site.list_stories(*TOPICS)
    crawl(0.02, "-a", "section=markets")
    assert crawl(0.025)[path_of("tariff")] == 1


def test_a_sitemap_that_no_crawl_has_read_yet_is_read(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    site.put_sitemap(lastmods(*TOPICS, "orphan"))
    site.pages[path_of("orphan")] = story("orphan")
    site.pages["/policy"] = 503
    crawl(0, "-a", "limit=2", exit_code=4)
    site.list_stories(*TOPICS)
    crawl(0.1)
    assert crawl.row(path_of("orphan"))["revision"] == 1


def test_a_feed_may_stand_for_a_listing(crawl: Crawls, site: Site) -> None:
    item = "<item><title>The {0} bill goes to a vote at last</title><link>{1}{2}</link><pubDate>{3}</pubDate></item>"
    day = "Mon, 29 Jun 2026 10:00:00 GMT"
    items = "".join(item.format(topic, site.url, path_of(topic), day) for topic in TOPICS)
    site.put(*TOPICS)
    site.pages["/feed"] = f"<?xml version='1.0'?><rss><channel><title>All</title>{items}</channel></rss>"
    (crawl.folder / "own_sites.py").write_text(
        f"from archiver.spider import StorySpider\n\n"
        f"class Site(StorySpider):\n    name = 'site'\n    start_urls = ['{site.url}/feed']\n"
    )
    crawl()
    assert {(str(row["date"]), row["date_source"]) for row in crawl.rows()} == {("2026-06-29", "feed")}
    assert crawl(0.02) == Counter(["/feed"])
    assert site.statuses[304] == 1


@pytest.mark.parametrize("session", ["?PHPSESSID={}", ";jsessionid={}.node2"])
def test_a_session_in_the_links_makes_no_new_stories(crawl: Crawls, site: Site, session: str) -> None:
    site.put(*TOPICS)
    plain = {path: page for path, page in site.pages.items() if not path.startswith("/article/")}
    for number in (1, 2):
        for path, page in plain.items():
            assert isinstance(page, str)
            site.pages[path] = page.replace("-to-a-vote", "-to-a-vote" + session.format(number))
        crawl(number / 100)
        assert {row["url"].removeprefix(site.url) for row in crawl.rows()} == {
            path_of(topic) for topic in (*TOPICS, "markets-one", "energy-one")
        }


# Answers that are not what was asked for

WALL = """<html><head><title>Log in</title></head><body><main><h1>Log in to continue</h1><p>Please sign in with your account
to keep reading this story and many others on our site.</p><form><input type=password></form></main></body></html>"""


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_a_wall_to_which_stories_lead_for_a_while_is_no_story(crawl: Crawls, site: Site, is_elsewhere: bool) -> None:
    site.put(*TOPICS)
    crawl()
    before = crawl.rows()
    site.put("tariff", *TOPICS)
    other = Site()
    other.start()
    for topic in ("rail", "water", "tariff"):
        site.pages[f"/login?next={topic}"] = other.pages[f"/login?next={topic}"] = WALL
        site.pages[path_of(topic)] = f"~{other.url if is_elsewhere else ''}/login?next={topic}"
    crawl(2)
    other.server.shutdown()
    other.server.server_close()
    assert crawl.rows() == before
    site.put("tariff", *TOPICS)
    site.list_stories(*TOPICS)  # the new one has left the listing meanwhile
    crawl(3.1)
    assert sorted(row["revision"] for row in crawl.rows()) == [1] * 7
    assert {row["status"] for row in crawl.rows()} == {"live"}


@pytest.mark.parametrize("form", ["/go/{}", "{}/"])
def test_a_story_to_which_an_address_always_leads_may_be_written_anew(crawl: Crawls, site: Site, form: str) -> None:
    site.put(*TOPICS)
    asked = form.format(path_of("rail")).replace("/go//", "/go/")
    site.pages[asked] = f"~{path_of('rail')}"
    site.list_stories("water", "harbour", "grain", more={asked: "The rail bill goes to a vote at last"})
    crawl()
    site.pages[path_of("rail")] = story("tariff", title="Margin is wide as the line gets its money")
    for day in (2, 3.1, 4.2):
        crawl(day)
    now = crawl.row(path_of("rail"))
    assert (now["status"], now["revision"], len(crawl.rows())) == ("live", 2, 6)


@pytest.mark.parametrize("answer", ['{"error": "rate limited"}', ""])
def test_a_new_story_that_is_no_page_at_first_is_asked_for_again(crawl: Crawls, site: Site, answer: str) -> None:
    site.put(*TOPICS)
    crawl()
    site.put("tariff", *TOPICS)
    site.pages[path_of("tariff")] = answer
    site.kinds[path_of("tariff")] = "application/json"
    crawl(1)
    site.put("tariff", *TOPICS)
    site.kinds.clear()
    site.list_stories(*TOPICS)
    crawl(1.1)
    assert len(crawl.rows()) == 7


def test_a_page_that_stays_no_page_is_asked_for_twice(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    site.kinds[path_of("rail")] = "application/json"
    assert [crawl(day)[path_of("rail")] for day in (0, 0.1, 0.2, 3, 9)] == [1, 1, 0, 0, 0]


def test_an_error_page_is_no_revision_unless_it_stays(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    crawl()
    before = crawl.rows()
    site.pages[path_of("rail")] = WALL.replace("Log in", "We are down for maintenance today")
    crawl(2, exit_code=4)
    assert crawl.rows() == before
    crawl(3, exit_code=4)
    crawl(4, exit_code=4)
    assert crawl.row(path_of("rail"))["revision"] == 1
    kept = crawl.row(path_of("rail"))
    for table in ("stories", "revisions"):
        shutil.rmtree(crawl.folder / "data" / table)
    crawl.nursery.run(crawl.folder, "archiver", "verify", "--repair")
    assert crawl.row(path_of("rail"))["title"] == kept["title"], "nor is it one of a table that is built anew"
    assert crawl.row(path_of("rail"))["revision"] == 1
    crawl(5)
    assert crawl.row(path_of("rail"))["revision"] == 2


@pytest.mark.parametrize("is_whole", [True, False])
@pytest.mark.parametrize("end", ["</html>", ""])
def test_a_page_whose_length_is_not_told_is_whole_where_it_has_its_end(
    crawl: Crawls, site: Site, is_whole: bool, end: str
) -> None:
    topics = [f"{word}-{number}" for number, word in enumerate(WORDS[:10])]
    paged(site, topics)
    site.pages = {path: str(page).replace("</html>", end) for path, page in site.pages.items()}
    kept = dict(site.pages)
    site.has_lengths = False
    if not is_whole:
        page = str(site.pages["/policy"])
        site.pages["/policy"] = page[: page.index("<a rel='next'") + 12]
    crawl(exit_code=0 if is_whole else 4)
    assert {flag for row in crawl.rows() for flag in row["flags"]} == (set() if end else {"truncated"})
    site.pages.update(kept)
    crawl(0.02)
    assert len(crawl.rows()) == 12


def two_pages(site: Site, second: str | int) -> None:
    path = path_of("rail")
    pager = f"<nav class=pages><span>1</span> <a href='{path}?page=2'>2</a> <a rel=next href='{path}?page=2'>Next page</a></nav>"
    site.pages[path], site.pages[path + "?page=2"] = story("rail", more=pager), second


def test_a_page_of_a_story_that_was_lost_is_read_later_and_a_change_of_it_is_seen(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    second = story("rail").replace(prose("rail"), prose("rail, continued"))
    two_pages(site, 503)
    crawl(exit_code=4)
    assert crawl.row(path_of("rail"))["flags"] == ["truncated"]
    two_pages(site, second)
    crawl(2)
    assert crawl.row(path_of("rail"))["flags"] == ["several-pages"]
    two_pages(site, second.replace("</article>", "<p>On Friday the levy council said that it was void.</p></article>"))
    crawl(9)
    assert crawl.row(path_of("rail"))["body"].endswith("that it was void.")


@pytest.mark.parametrize("spelling", ["{}/", "{}.html", "{}?ref=home", "/Article/Rail-Bill-Goes-To-A-Vote"])
def test_another_spelling_of_an_address_makes_no_second_story(crawl: Crawls, site: Site, spelling: str) -> None:
    site.put(*TOPICS)
    crawl()
    before = sorted(row["story_id"] for row in crawl.rows())
    path = path_of("rail")
    other = spelling.format(path)
    site.pages[other] = site.pages[path]
    site.list_stories("water", "harbour", "grain", more={other: "The rail bill goes to a vote at last"})
    for day in (1, 9, 40):
        crawl(day)
        assert sorted(row["story_id"] for row in crawl.rows()) == before
    assert {row["status"] for row in crawl.rows()} == {"live"}


# Stories that go and return


@pytest.mark.parametrize("answer", [404, "~/", "→/policy"])
def test_a_story_is_gone_when_two_visits_a_day_apart_do_not_find_it(
    crawl: Crawls, site: Site, answer: int | str
) -> None:
    site.put(*TOPICS)
    crawl()
    kept = crawl.row(path_of("rail"))
    site.pages[path_of("rail")] = answer
    assert path_of("rail") in crawl(2)
    assert crawl.row(path_of("rail"))["status"] == "live"
    assert path_of("rail") not in crawl(2.1)
    assert path_of("rail") in crawl(3.1)
    now = crawl.row(path_of("rail"))
    assert (now["status"], now["revision"], now["body"]) == ("gone", 2, kept["body"])
    crawl(6)
    site.pages[path_of("rail")] = story("rail")
    crawl(40)
    back = crawl.row(path_of("rail"))
    assert (back["status"], back["revision"]) == ("live", 3)
    assert [each[:2] for each in crawl.history(back["story_id"])] == [(1, "live"), (2, "gone"), (3, "live")]


@pytest.mark.parametrize("answer", ["~/", "→/", "→/policy", "→/article/water-bill-goes-to-a-vote"])
def test_of_stories_that_lead_to_one_page_each_is_gone(crawl: Crawls, site: Site, answer: str) -> None:
    """Scrapy's filter drops a redirect that another has followed to the same page."""
    site.put(*TOPICS)
    crawl()
    gone = ("rail", "harbour", "grain")
    for topic in gone:
        site.pages[path_of(topic)] = answer
    site.list_stories("water")
    for day in (2, 3.1, 4.2):
        crawl(day)
    told = {topic: crawl.row(path_of(topic))["status"] for topic in (*TOPICS, "markets-one")}
    assert told == dict.fromkeys(gone, "gone") | {"water": "live", "markets-one": "live"}


def test_a_story_that_answers_410_is_gone_at_once(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    crawl()
    site.pages[path_of("rail")] = 410
    crawl(2)
    assert crawl.row(path_of("rail"))["status"] == "gone"
    crawl(40)
    assert crawl.row(path_of("rail"))["revision"] == 2


def test_a_story_that_was_missing_once_is_live(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    crawl()
    site.pages[path_of("rail")] = 404
    crawl(2)
    site.pages[path_of("rail")] = story("rail")
    crawl(4)
    site.pages[path_of("rail")] = 404
    crawl(12)
    assert crawl.row(path_of("rail"))["status"] == "live"
    assert crawl.row(path_of("rail"))["revision"] == 1


# Stories that move

NEW = "/article/rail-bill-passes"


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_story_that_moves_keeps_its_key_and_has_its_next_revision_there(
    crawl: Crawls, site: Site, is_listed: bool
) -> None:
    site.put(*TOPICS)
    crawl()
    story_id = crawl.row(path_of("rail"))["story_id"]
    site.pages[NEW], site.pages[path_of("rail")] = story("rail"), f"→{NEW}"
    more = {NEW: "The rail bill goes to a vote at last"} if is_listed else {}
    site.list_stories("water", "harbour", "grain", more=more)
    crawl(2)
    assert crawl.row(NEW)["story_id"] == story_id
    assert len(crawl.rows()) == 6
    assert crawl.history(story_id) == [(1, "live", path_of("rail"))]
    site.pages[NEW] = story("rail", more="<p>On Friday the levy council said that the parcel was void.</p>")
    assert path_of("rail") not in crawl(9)
    assert [each[0] for each in crawl.history(story_id)] == [1, 2]
    assert len(crawl.rows()) == 6


@pytest.mark.parametrize("title", [None, "The rail bill passes with a wide margin"])
@pytest.mark.parametrize("arrow", ["→", "~"])
def test_a_new_slug_is_the_old_story_where_the_old_address_leads_to_it(
    crawl: Crawls, site: Site, arrow: str, title: str | None
) -> None:
    """The old address is not due: it is asked for because headline or first words are those of the new one."""
    site.put(*TOPICS)
    crawl()
    story_id = crawl.row(path_of("rail"))["story_id"]
    site.pages[NEW], site.pages[path_of("rail")] = story("rail", title=title), f"{arrow}{NEW}"
    site.list_stories("water", "harbour", "grain", more={NEW: title or "The rail bill goes to a vote at last"})
    asked = crawl(0.02)
    assert (asked[NEW] >= 1, asked[path_of("rail")]) == (True, 1)
    assert crawl.row(NEW)["story_id"] == story_id
    assert [each[0] for each in crawl.history(story_id)] == ([1] if title is None else [1, 2])
    assert len(crawl.rows()) == 6
    assert not crawl(0.03)[path_of("rail")]


def test_of_a_story_that_moves_and_is_written_anew_at_once_one_row_is_live(crawl: Crawls, site: Site) -> None:
    """Nothing but the redirect tells that the two are one, and both have been archived when it is met."""
    site.put(*TOPICS)
    crawl()
    site.pages[NEW] = story("tariff", title="Margin is wide as the line gets its money")
    site.pages[path_of("rail")] = f"→{NEW}"
    site.list_stories("water", "harbour", "grain", more={NEW: "Margin is wide as the line gets its money"})
    crawl(0.02)
    assert crawl.row(NEW)["revision"] == 1
    for day in (2, 3.1, 4.2):
        crawl(day)
    assert (crawl.row(path_of("rail"))["status"], crawl.row(NEW)["status"]) == ("gone", "live")
    assert crawl.row(NEW)["revision"] == 1
    assert len(crawl.rows()) == 7


@pytest.mark.parametrize("answer", ["same", 404])
def test_a_look_alike_whose_address_leads_nowhere_else_is_another_story(
    crawl: Crawls, site: Site, answer: str | int
) -> None:
    site.put(*TOPICS)
    crawl()
    site.pages[NEW] = story("rail")
    if isinstance(answer, int):
        site.pages[path_of("rail")] = answer
    site.list_stories("water", "harbour", "grain", more={NEW: "The rail bill goes to a vote at last"})
    assert crawl(0.02)[path_of("rail")] == 1
    assert crawl.row(NEW)["story_id"] != crawl.row(path_of("rail"))["story_id"]
    assert not crawl(0.03)[path_of("rail")]
    assert len(crawl.rows()) == 7


def test_a_story_that_claims_the_address_of_another_takes_nothing_from_it(crawl: Crawls, site: Site) -> None:
    """An editor has copied the old story's page to write a new one, and left the canonical link in."""
    site.put(*TOPICS)
    crawl()
    before = crawl.row(path_of("rail"))
    site.put("tariff", *TOPICS)
    site.pages[path_of("tariff")] = story("tariff", head=f'<link rel=canonical href="{path_of("rail")}">')
    for day in (0.02, 1):
        crawl(day, exit_code=4)
        assert (len(crawl.rows()), crawl.row(path_of("rail"))) == (6, before)
    site.pages[path_of("tariff")] = story("tariff")
    crawl(2)
    assert crawl.row(path_of("tariff"))["revision"] == 1
    assert (len(crawl.rows()), crawl.row(path_of("rail"))) == (7, before)


@pytest.mark.parametrize("canonical", ["/story.php", "/policy", "/latest-policy-story"])
def test_stories_that_name_one_canonical_address_do_not_replace_each_other(
    crawl: Crawls, site: Site, canonical: str
) -> None:
    """One script's address is seen through; any other is believed once, and then the others are lost and told of."""
    site.put(*TOPICS)
    seen: dict[str, str] = {}
    for number, topic in enumerate(("levy", "tariff", "ledger")):
        path = f"/story.php?id={5000 + number}" if canonical == "/story.php" else path_of(topic)
        site.pages[path] = story(topic, head=f"<link rel=canonical href='{canonical}'>")
        seen = {path: f"The {topic} bill goes to a vote at last"} | seen
        site.list_stories(*TOPICS, more=seen)
        is_believed = canonical == "/story.php" or number == 0
        crawl(number / 100, exit_code=0 if is_believed else 4)
    assert {row["revision"] for row in crawl.rows()} == {1}
    assert len(crawl.rows()) == (9 if canonical == "/story.php" else 7)


def test_a_new_slug_with_the_old_canonical_address_is_the_old_story(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    crawl()
    canonical = f"<link rel='canonical' href='{path_of('rail')}'>"
    site.pages[NEW] = story("rail", head=canonical, more="<p>On Friday the levy council said it was void.</p>")
    site.pages[path_of("rail")] = 404
    site.list_stories("water", "harbour", "grain", more={NEW: "The rail bill goes to a vote at last"})
    crawl(0.02)
    assert crawl.row(path_of("rail"))["revision"] == 2
    assert len(crawl.rows()) == 6


def test_a_new_canonical_address_on_the_same_page_makes_no_second_story(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    crawl()
    story_id = crawl.row(path_of("rail"))["story_id"]
    site.pages[path_of("rail")] = story(
        "rail", head=f"<link rel='canonical' href='{site.url}/2026/rail-bill-to-a-vote'>"
    )
    crawl(2)
    assert len(crawl.rows()) == 6
    assert crawl.row("/2026/rail-bill-to-a-vote")["story_id"] == story_id


def test_a_story_that_moves_there_and_back_is_one(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    crawl()
    story_id = crawl.row(path_of("rail"))["story_id"]
    site.pages[NEW], site.pages[path_of("rail")] = story("rail"), f"→{NEW}"
    crawl(2)
    site.pages[NEW], site.pages[path_of("rail")] = f"→{path_of('rail')}", story("rail")
    crawl(9)
    crawl(20)
    assert crawl.row(path_of("rail"))["story_id"] == story_id
    assert len(crawl.rows()) == 6


def test_a_story_that_goes_back_to_its_old_address_without_a_redirect_is_live(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    crawl()
    story_id = crawl.row(path_of("rail"))["story_id"]
    site.pages[NEW], site.pages[path_of("rail")] = story("rail"), f"→{NEW}"
    site.list_stories("water", "harbour", "grain", more={NEW: "The rail bill goes to a vote at last"})
    crawl(2)
    site.pages[NEW], site.pages[path_of("rail")] = 404, story("rail")
    site.list_stories(*TOPICS)
    for day in (5, 6.1, 8, 12, 30):
        crawl(day)
    now = crawl.row(path_of("rail"))
    assert (now["story_id"], now["status"], len(crawl.rows())) == (story_id, "live", 6)


def test_a_new_story_at_an_address_that_another_has_left_does_not_replace_it(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    crawl()
    site.pages[NEW], site.pages[path_of("rail")] = story("rail"), f"→{NEW}"
    site.list_stories("water", "harbour", "grain", more={NEW: "The rail bill goes to a vote at last"})
    crawl(2)
    site.pages[path_of("rail")] = story("tariff", title="Rail bill is back before the council again")
    site.list_stories(*TOPICS, more={NEW: "The rail bill goes to a vote at last"})
    crawl(40, exit_code=4)
    assert crawl.row(NEW)["title"] == "The rail bill goes to a vote at last"
    assert len(crawl.rows()) == 6


# Stories taken down


def test_a_story_taken_down_is_not_kept_under_another_address(crawl: Crawls, site: Site) -> None:
    site.put(*TOPICS)
    crawl()
    removed = crawl.nursery.run(crawl.folder, "archiver", "remove", site.url + path_of("rail"), "--why", "asked to")
    assert removed.code == 0, removed.log
    alias = "/amp/rail-bill-goes-to-a-vote"
    site.pages[alias] = story("rail", head=f"<link rel='canonical' href='{path_of('rail')}'>")
    site.list_stories(*TOPICS, more={alias: "The rail bill goes to a vote, in short"})
    asked = crawl(0.02)
    assert not asked[path_of("rail")]
    assert len(crawl.rows()) == 5
    kept = b"".join(gzip.decompress(path.read_bytes()) for path in (crawl.folder / "data").rglob("*.warc.gz"))
    assert b"<h1>The rail bill goes to a vote at last" not in kept
    assert not crawl(3)[alias]
