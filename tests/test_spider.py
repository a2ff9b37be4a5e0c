from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from crawls import Pages, Project, headlines, listing_page, paths, story_page
from scrapy.http import HtmlResponse
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader
from scrapy.utils.misc import walk_modules_iter

from archiver import settings as archiver_settings
from archiver.arguments import ArgumentError
from archiver.demo.server import DemoNetwork, RunningSite
from archiver.spider import StorySpider

SITES = sorted(
    {
        value
        for module in walk_modules_iter("archiver_spiders")
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, StorySpider) and getattr(value, "name", None)
    },
    key=lambda spider: spider.name,
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(scope="module")
def shared_network() -> Iterator[DemoNetwork]:
    with DemoNetwork() as network:
        yield network


@pytest.fixture
def site(shared_network: DemoNetwork, project: Project) -> RunningSite:
    """The site in the manner of the network that the archive began with; its own spider is called `leaf`."""
    site = shared_network["ledgerleaf"]
    site.heal()
    site.requests.clear()
    project.add_site("leaf", site.base_url + "/")
    return site


def stories_of(site: RunningSite, section: str | None = None) -> set[str]:
    return {site.url_of(placed) for placed in site.stories if section in (None, placed.story.section)}


def path_of(site: RunningSite, section: str, number: int = 0) -> str:
    return [placed.story.path for placed in site.stories if placed.story.section == section][number]


# Every site, offline


@pytest.mark.parametrize("spider", SITES, ids=lambda spider: str(spider.name))
def test_every_site_starts_with_nothing_but_its_three_lines(spider: type[StorySpider]) -> None:
    given = {"url": "http://a.example/"} if spider.name == "url" else {}
    made = spider(**given)
    assert made.name == spider.name
    assert spider.name == "url" or made.home
    assert made.outcome.run.endswith(made.outcome.run[-4:])


def test_the_network_the_archive_began_with_is_there() -> None:
    listed = SpiderLoader.from_settings(Settings({"SPIDER_MODULES": archiver_settings.SPIDER_MODULES})).list()
    hosts = "novitechfinance.com finteretica.com fintretica.com navartafintech.com fintechomax.com debtreliefnexus.com"
    for host in f"{hosts} retvolve.com indatacloud.ai".split():
        assert host.replace(".", "_") in listed


def test_all_means_the_sites_and_neither_the_bundled_network_nor_any_page() -> None:
    scheduled = {spider.name for spider in SITES if spider.is_scheduled}
    assert scheduled == {spider.name for spider in SITES if spider.__module__ == "archiver_spiders.novitech"}


def test_a_site_needs_a_home_or_listings() -> None:
    class Nowhere(StorySpider):
        name = "nowhere"

    with pytest.raises(ArgumentError, match="neither home nor start_urls"):
        Nowhere()


@pytest.mark.parametrize(
    ("contact", "agent"),
    [
        ("", "policy-archiver/1"),
        ("mail@a.example", "policy-archiver/1 (+mail@a.example)"),
        ("a\r\nX: b", "policy-archiver/1 (+a X: b)"),
    ],
)
def test_the_user_agent_names_the_contact(contact: str, agent: str) -> None:
    settings = Settings({"ARCHIVER_CONTACT": contact, "USER_AGENT": "policy-archiver/1"})
    StorySpider.update_settings(settings)
    assert settings["USER_AGENT"] == agent


def test_a_user_agent_of_ones_own_stays() -> None:
    settings = Settings({"ARCHIVER_CONTACT": "mail@a.example", "USER_AGENT": "other/2"})
    StorySpider.update_settings(settings)
    assert settings["USER_AGENT"] == "other/2"


def test_a_response_that_is_no_page_is_no_story() -> None:
    class Site(StorySpider):
        name = "site"
        home = "http://a.example/"

    from scrapy.http import JsonResponse, Response

    from archiver.items import Found

    spider = Site()
    for kind in (Response, JsonResponse):
        url = f"http://a.example/{kind.__name__}"
        spider.outcome.expect(url, None)
        assert list(spider.parse_story(kind(url, body=b"{}"), asked_url=url, found=Found())) == []
    assert spider.outcome.skipped["no_story"] == 2
    assert not spider.outcome.awaited
    page = HtmlResponse("http://elsewhere.example/x", body=story_page("Elsewhere a vote was lost today").encode())
    assert list(spider.parse_story(page, asked_url="http://a.example/x", found=Found())) == []


# Whole crawls

slow = pytest.mark.slow


@slow
def test_a_whole_site_is_archived_once_and_again_changes_nothing(project: Project, site: RunningSite) -> None:
    assert project.crawl("leaf").exit_code == 0
    assert project.urls() == stories_of(site)
    # The sitemap names listings, too, which were read just before: pages that have not changed, but no stories.
    assert sum(row["same"] for row in project.records()[0]["counts"]) == 0
    stories_asked = [path for path in site.requests if site.story_at(site.base_url + path)]
    assert {site.requests[path] for path in stories_asked} == {1}
    before = project.rows()

    assert project.crawl("leaf").exit_code == 0
    assert project.rows() == before
    totals = [sum(row[what] for row in project.records()[1]["counts"]) for what in ("new", "changed", "same", "failed")]
    assert totals == [0, 0, 0, 0]
    assert not [path for path in site.requests if site.story_at(site.base_url + path) and site.requests[path] > 1]


@slow
def test_a_crawl_loads_no_package_that_it_has_no_use_for(project: Project, shared_network: DemoNetwork) -> None:
    heavy = ("aiohttp", "duckdb", "IPython", "pandas", "polars", "pyarrow.dataset")
    more = f"""
    def closed(self, reason):
        import sys
        print([name for name in {heavy} if name in sys.modules])
"""
    project.add_site("frugal", shared_network["ledgerleaf"].base_url + "/", more)
    for _ in range(2):
        ran = project.crawl("frugal")
        assert (ran.exit_code, ran.output) == (0, "[]\n"), ran.log


@slow
def test_only_the_sections_asked_for_are_crawled(project: Project, site: RunningSite) -> None:
    assert project.crawl("leaf", section="Energy,health").exit_code == 0
    assert project.urls() == stories_of(site, "energy") | stories_of(site, "health")
    assert not any(path.startswith("/policy") for path in site.requests)


@slow
def test_a_listing_is_read_page_by_page(project: Project, site: RunningSite) -> None:
    assert project.crawl("leaf", section="policy").exit_code == 0
    assert project.urls() == stories_of(site, "policy")
    assert len(stories_of(site, "policy")) > 25


@slow
def test_max_pages_ends_the_paging(project: Project, site: RunningSite) -> None:
    assert project.crawl("leaf", section="policy", max_pages=1).exit_code == 0
    assert len(project.urls()) == 25


@slow
@pytest.mark.parametrize("words", [(), ("-s", "CONCURRENT_REQUESTS=16", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=8")])
def test_limit_is_exact_and_counts_what_is_new_or_changed(
    project: Project, site: RunningSite, words: tuple[str, ...]
) -> None:
    for expected in (7, 14):
        assert project.crawl("leaf", *words, section="policy", limit=7).exit_code == 0
        assert len(project.urls()) == expected
    if not words:
        pages = project.records()[0]["pages"]
        assert pages <= 1 + 1 + 7 + 1, "a crawl with a limit fetches little beyond it"


@slow
@pytest.mark.parametrize("limit", [3, 4])
def test_a_limit_that_a_site_just_reaches_or_does_not(project: Project, limit: int) -> None:
    topics = headlines("tariff", "water", "rail")
    with Pages({"/": listing_page(topics), **{url: story_page(title) for url, title in topics.items()}}) as server:
        project.add_site("small", server.base_url)
        assert project.crawl("small", limit=limit).exit_code == 0
    assert paths(project.urls()) == sorted(topics)


@slow
def test_since_leaves_older_stories_out_and_ends_the_paging(project: Project, shared_network: DemoNetwork) -> None:
    site = shared_network["plainwire"]
    project.add_site("wire", site.base_url + "/")
    site.requests.clear()
    assert project.crawl("wire", section="policy", since="2026-07-05").exit_code == 0
    dated = [p for p in site.stories if p.story.section == "policy" and p.listed]
    assert project.urls() >= {site.url_of(p) for p in dated if str(p.listed) >= "2026-07-05"}
    older = {site.url_of(p) for p in dated if str(p.listed) < "2026-07-05"}
    assert older
    assert not project.urls() & older
    asked = {site.base_url + path for path in site.requests}
    assert not asked & older, "the listing already gives the date"


@slow
def test_a_changed_story_becomes_a_revision(project: Project) -> None:
    with DemoNetwork() as network:
        site = network["ledgerleaf"]
        project.add_site("leaf", site.base_url + "/")
        assert project.crawl("leaf", section="energy").exit_code == 0
        changed = next(placed for placed in site.stories if placed.story.section == "energy")
        network.change([changed.story.event_id])
        assert project.crawl("leaf", section="energy").exit_code == 0
    revisions = {row["url"]: row["revision"] for row in project.rows("url", "revision")}
    assert {url for url, revision in revisions.items() if revision == 2} == {site.url_of(changed)}


@slow
def test_full_fetches_what_the_archive_knows_and_no_listing_shows(project: Project) -> None:
    listed, known = headlines("tariff", "water"), headlines("harbour")
    pages = {"/": listing_page(listed | known), **{url: story_page(title) for url, title in (listed | known).items()}}
    with Pages(pages) as server:
        project.add_site("small", server.base_url)
        assert project.crawl("small").exit_code == 0
        server.pages["/"] = listing_page(listed)
        server.requests.clear()
        assert project.crawl("small").exit_code == 0
        assert not server.requests[next(iter(known))]
        assert project.crawl("small", full=1).exit_code == 0
        assert server.requests[next(iter(known))] == 1


# Sections


@slow
def test_an_unknown_section_ends_the_crawl_and_names_those_found(project: Project, site: RunningSite) -> None:
    ran = project.crawl("leaf", section="polcy")
    assert ran.exit_code == 2
    assert "unknown section 'polcy', did you mean 'policy'?" in ran.log
    assert "technology" in ran.log
    assert "Traceback" not in ran.log
    assert project.urls() == set()


@slow
def test_a_section_the_navigation_hides_is_found_at_its_plain_address(project: Project) -> None:
    shown, hidden = headlines("tariff"), headlines("water", "harbour", "rail")
    pages = {
        "/": listing_page(shown, nav={"/markets": "Markets", "/health": "Health", "/energy": "Energy"}),
        "/policy": listing_page(hidden),
        **{url: story_page(title) for url, title in (shown | hidden).items()},
    }
    with Pages(pages) as server:
        project.add_site("small", server.base_url)
        assert project.crawl("small", section="policy").exit_code == 0
        assert paths(project.urls()) == sorted(hidden)
    assert {row["section"] for row in project.rows("section")} == {"policy"}


@slow
def test_a_section_is_found_by_the_label_on_a_story_page(project: Project) -> None:
    shown, hidden = headlines("tariff"), headlines("water", "harbour", "rail")
    pages = {
        "/": listing_page(shown),
        "/channel/17": listing_page(hidden),
        **{url: story_page(title, section_url="/channel/17") for url, title in (shown | hidden).items()},
    }
    with Pages(pages) as server:
        project.add_site("small", server.base_url)
        assert project.crawl("small", section="policy").exit_code == 0
        assert set(paths(project.urls())) >= set(hidden)
        assert project.crawl("small", section="sport").exit_code == 2


@slow
def test_related_stories_are_followed_only_where_the_whole_site_is_crawled(project: Project) -> None:
    listed, led_to = headlines("tariff", "rail", "water"), headlines("harbour")
    ((address, title),) = led_to.items()
    more = f"<p>Read more <a href='{address}'>{title} →</a></p>"
    pages = {
        "/": listing_page(listed),
        "/policy": listing_page(listed),
        **{url: story_page(headline, more=more) for url, headline in listed.items()},
        address: story_page(title),
    }
    with Pages(pages) as server:
        project.add_site("small", server.base_url)
        assert project.crawl("small", section="policy").exit_code == 0
        assert paths(project.urls()) == sorted(listed)
        assert project.crawl("small").exit_code == 0
        assert paths(project.urls()) == sorted(listed | led_to)


@slow
def test_a_site_may_be_given_by_its_listings(project: Project, site: RunningSite) -> None:
    listings = [site.listing_url("energy"), site.listing_url("health")]
    with (project.folder / "own_sites.py").open("a") as file:
        file.write(f"class PartSpider(StorySpider):\n    name = 'part'\n    start_urls = {listings}\n")
    assert project.crawl("part", section="health").exit_code == 0
    assert project.urls() == stories_of(site, "health")
    ran = project.crawl("part", section="policy")
    assert ran.exit_code == 2
    assert "Valid: energy, health" in ran.log
    assert project.crawl("part").exit_code == 0
    assert project.urls() == stories_of(site, "health") | stories_of(site, "energy")


# Any page


@slow
@pytest.mark.parametrize(
    ("address", "section"), [("/policy", "policy"), ("/feed", None), ("/sitemap.xml", None), ("STORY", None)]
)
def test_any_page_is_told_by_its_content(
    project: Project, site: RunningSite, address: str, section: str | None
) -> None:
    path = address if address != "STORY" else path_of(site, "health")
    if address == "/feed":
        path = next(p for p in ("/feed", "/feed.xml", "/rss", "/rss.xml") if site._pages.answer(p).status == 200)
    ran = project.crawl("url", url=site.base_url + path)
    assert ran.exit_code == 0, ran.log
    urls = project.urls()
    if section:
        assert urls == stories_of(site, section)
    elif address == "STORY":
        assert urls == {site.base_url + path}
    elif address == "/sitemap.xml":
        assert urls == stories_of(site)
    else:
        assert urls
        assert urls < stories_of(site)


# What goes wrong


@slow
@pytest.mark.parametrize(
    ("fault", "exit_code", "reason"),
    [(500, 4, "http_500"), ("drop", 4, "download_failed"), (403, 4, "http_403"), (404, 0, "gone"), (410, 0, "gone")],
)
def test_a_story_that_fails(project: Project, site: RunningSite, fault: int | str, exit_code: int, reason: str) -> None:
    lost = path_of(site, "energy")
    site.fail(lost, fault)  # type: ignore[arg-type]
    ran = project.crawl("leaf", section="energy")
    record = project.records()[0]
    counted = record["failures"] if exit_code else record["skipped"]
    assert (ran.exit_code, record["exit_code"], counted) == (exit_code, exit_code, {reason: 1})
    assert project.urls() == stories_of(site, "energy") - {site.base_url + lost}
    assert "Traceback" not in ran.log


@slow
def test_a_listing_that_breaks_off_makes_the_crawl_incomplete(project: Project, site: RunningSite) -> None:
    project.crawl("leaf", section="policy", max_pages=2)
    second = next(path for path in site.requests if "2" in path and not site.story_at(site.base_url + path))
    for fault in (503, 404):
        site.fail(second, fault)
        ran = project.crawl("leaf", section="policy")
        assert ran.exit_code == 4
        assert f"{second} is lost" in ran.log


@slow
def test_a_site_that_is_down(project: Project) -> None:
    with Pages({}) as server:
        project.add_site("down", server.base_url)
    ran = project.crawl("down")
    assert ran.exit_code == 3
    assert "Traceback" not in ran.log
    assert project.records()[0]["finish_reason"] == "finished"


@slow
def test_a_site_without_a_story_link_is_not_done(project: Project) -> None:
    with Pages({"/": "<html><body><p>We are moving. Please come back later.</p></body></html>"}) as server:
        project.add_site("moving", server.base_url)
        assert project.crawl("moving").exit_code == 4


@slow
def test_robots_txt_is_obeyed_and_no_failure(project: Project) -> None:
    topics = headlines("tariff", "water", "rail")
    refused = next(iter(topics))
    pages = {
        "/robots.txt": f"User-agent: *\nDisallow: {refused}\n",
        "/": listing_page(topics),
        **{url: story_page(title) for url, title in topics.items()},
    }
    with Pages(pages) as server:
        project.add_site("small", server.base_url)
        assert project.crawl("small").exit_code == 0
        assert not server.requests[refused]
    assert project.records()[0]["skipped"] == {"robots": 1}


@slow
def test_a_page_without_a_body_is_counted_and_never_half_a_row(project: Project) -> None:
    topics = headlines("tariff", "water", "rail")
    empty = next(iter(topics))
    pages = {"/": listing_page(topics), **{url: story_page(title) for url, title in topics.items()}}
    pages[empty] = f"<html><body><main><article><h1>{topics[empty]}</h1></article></main></body></html>"
    with Pages(pages) as server:
        project.add_site("small", server.base_url)
        ran = project.crawl("small")
    assert ran.exit_code == 4
    assert project.records()[0]["failures"] == {"missing_body": 1}
    assert paths(project.urls()) == sorted(set(topics) - {empty})


@slow
def test_two_addresses_of_one_story_make_one_row(project: Project) -> None:
    topics = headlines("tariff", "water", "rail")
    twin = "/article/tariff-bill-goes-to-a-vote-amp"
    canonical = next(iter(topics))
    pages = {
        "/": listing_page(topics | {twin: "The tariff bill goes to a vote, in short"}),
        **{url: story_page(title) for url, title in topics.items()},
        twin: f"→{canonical}",
    }
    with Pages(pages) as server:
        project.add_site("small", server.base_url)
        assert project.crawl("small").exit_code == 0
    assert paths(project.urls()) == sorted(topics)
    assert project.records()[0]["skipped"] == {"duplicate": 1}


@slow
def test_a_story_that_redirects_to_the_home_page_is_gone(project: Project) -> None:
    topics = headlines("tariff", "water", "rail")
    deleted = next(iter(topics))
    pages = {"/": listing_page(topics), **{url: story_page(title) for url, title in topics.items()}, deleted: "→/"}
    with Pages(pages) as server:
        project.add_site("small", server.base_url)
        assert project.crawl("small").exit_code == 0
    assert paths(project.urls()) == sorted(set(topics) - {deleted})
    assert project.records()[0]["skipped"] == {"gone": 1}


@slow
def test_an_exception_in_a_callback_never_ends_as_done(project: Project, site: RunningSite) -> None:
    project.add_site(
        "broken",
        site.base_url + "/",
        "    def parse_story(self, response, **kwargs):\n        raise ZeroDivisionError('a mistake in a spider')\n",
    )
    assert project.crawl("broken", section="energy").exit_code == 4
    assert project.records()[0]["failures"] == {"exception": len(stories_of(site, "energy"))}


@slow
def test_an_exception_in_a_pipeline_never_ends_as_done(project: Project, site: RunningSite) -> None:
    project.add_site(
        "broken",
        site.base_url + "/",
        "    custom_settings = {'ITEM_PIPELINES': {'own_sites.Broken': 350}}\n"
        "class Broken:\n"
        "    def process_item(self, item):\n"
        "        return item.no_such_column\n",
    )
    ran = project.crawl("broken", section="energy")
    assert ran.exit_code == 4
    assert project.records()[0]["failures"] == {"exception": len(stories_of(site, "energy"))}
    assert all(placed.story.title not in ran.log for placed in site.stories), "no item in the log"


@slow
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("command", ["scrapy", "archiver"])
def test_an_interrupted_crawl_publishes_what_it_has_and_can_be_resumed(
    project: Project, site: RunningSite, command: str, number: signal.Signals, exit_code: int
) -> None:
    process = project.start(command, "crawl", "leaf", "-a", "section=policy", "-s", "DOWNLOAD_DELAY=0.2")
    while not list(project.root.glob("inbox/*.jsonl")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == exit_code
    assert 0 < len(project.urls()) < len(stories_of(site, "policy"))
    assert project.records()[0]["exit_code"] == exit_code
    assert project.crawl("leaf", section="policy").exit_code == 0
    assert project.urls() == stories_of(site, "policy")


@slow
def test_a_disk_that_fills_up_ends_the_crawl_and_loses_nothing(project: Project, site: RunningSite) -> None:
    # No file may grow beyond 120 kB, which the inbox of the whole site does, and an empty ledger does not.
    script = f"ulimit -f 120; exec {sys.executable} -m scrapy crawl leaf"
    ran = subprocess.run(["bash", "-c", script], cwd=project.folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 7
    assert "File too large" in ran.stderr
    assert "Traceback" not in ran.stderr
    record = project.records()[0]
    assert record["finish_reason"] == "storage_failed"
    assert project.urls() == set()
    assert project.run("archiver", "publish").exit_code == 0
    assert len(project.urls()) == record["archived"] > 0
    assert project.crawl("leaf").exit_code == 0
    assert project.urls() == stories_of(site)


@slow
def test_what_a_killed_crawl_extracted_is_published_by_the_next(project: Project, site: RunningSite) -> None:
    process = project.start("scrapy", "crawl", "leaf", "-a", "section=policy", "-s", "DOWNLOAD_DELAY=0.2")
    while not any(path.stat().st_size for path in project.root.glob("inbox/*.jsonl")):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert project.urls() == set()
    assert project.crawl("leaf", section="energy").exit_code == 0
    assert project.urls() > stories_of(site, "energy")
    killed, *_, last = project.records()
    assert (killed["finished_at"], killed["exit_code"]) == (None, None)
    assert last["recovered"] == [killed["run"]]
