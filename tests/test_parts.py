"""Stories of several pages: told by structure and address, joined in order, crawled as one."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from crawls import PROSE, Pages, Project, headlines, listing_page, paths, story_page
from parsel import Selector

from archiver.extract import extract_story
from archiver.extract.parts import (
    find_first_part,
    find_next_part,
    find_single_page,
    is_continued_by,
    is_whole,
    join_parts,
    part_number,
)
from archiver.items import SEVERAL_PAGES, Faq, Link, PrintedStory, Related

FIRST = "https://a.example/2026/levy-passes"
TITLE = "The levy passes the upper house"
MORE = (
    "Opponents of the levy have announced that they will take it to the constitutional court before the year is out.",
    "Judges there have struck down two measures of the kind, both because the districts had not been heard in time.",
    "The ministry says that it has learnt from both cases and has asked every district for a statement in writing.",
)


def read(more: str, url: str = FIRST, *, title: str = TITLE) -> tuple[Selector, PrintedStory]:
    page = Selector(story_page(title, more=more))
    return page, extract_story(page, url)


def next_part(more: str, url: str = FIRST, *, first: str | None = None) -> str | None:
    page, printed = read(more, url)
    return find_next_part(page, url, printed, first=first)


# The next page


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (FIRST, FIRST + "?page=2"),
        (FIRST, FIRST + "?pg=2"),
        (FIRST, FIRST + "/2"),
        (FIRST + "/", FIRST + "/2/"),
        (FIRST + "/", FIRST + "/page/2/"),
        (FIRST, FIRST + "/seite-2"),
        (FIRST, FIRST + "-p2"),
        (FIRST + ".html", FIRST + "-2.html"),
        (FIRST + ".html", FIRST + "_2.html"),
        (FIRST + ".html", FIRST + ",2.html"),
        (FIRST + ".html", FIRST + ".html?page=2"),
        (FIRST + ".html", FIRST + ".html/2"),
        (FIRST + ".html", FIRST + "-page-2.html"),
        (FIRST + "/index.html", FIRST + "/index-2.html"),
        (FIRST + "?page=1", FIRST + "?page=2"),
        ("https://a.example/story?id=17", "https://a.example/story?id=17&page=2"),
        ("https://a.example/?p=1234", "https://a.example/?p=1234&page=2"),
        ("https://www.a.example/x", "https://a.example/x/2"),
    ],
)
def test_the_next_page_has_the_storys_address_and_a_number(first: str, second: str) -> None:
    assert part_number(second, first) == 2
    assert next_part(f"<p class='x'>1 <a href='{second}'>2</a></p>", first) == second


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/2026/levy-passes-again",
        "https://a.example/2026/other/2",
        "https://b.example/2026/levy-passes/2",
        FIRST + "/comment-page-2",
        FIRST + "/photos/2",
        FIRST + "?id=2",
        FIRST + "?page=2&sort=new",
        FIRST + "/2027",
        FIRST + "/2/3",
        FIRST,
    ],
)
def test_another_address_is_no_page_of_the_story(url: str) -> None:
    assert part_number(url, FIRST) is None
    assert next_part(f"<p>1 <a rel='next' href='{url}'>2</a></p>") is None


def test_a_page_number_does_not_stand_for_the_storys_id() -> None:
    assert part_number("https://a.example/story?page=2", "https://a.example/story?id=17") is None
    assert part_number("https://a.example/story?id=18&page=2", "https://a.example/story?id=17") is None


@pytest.mark.parametrize(("first", "url"), [("https://a.example/", "/2"), ("https://a.example/", "/?page=2")])
def test_the_pages_of_a_home_page_are_those_of_a_listing(first: str, url: str) -> None:
    assert next_part(f"<p>1 <a rel='next' href='{url}'>2</a></p>", first) is None


@pytest.mark.parametrize(
    "link",
    [
        "<a href='?page=2'>2</a>",
        "<a href='?page=2'>[2]</a>",
        "<a href='?page=2'>Next page</a>",
        "<a href='?page=2'>Next »</a>",
        "<a href='?page=2'>›</a>",
        "<a href='?page=2'>Page 2</a>",
        "<a href='?page=2'>Page 2: What the districts say about the costs</a>",
        "<a href='?page=2'>Continue to page 2 →</a>",
        "<a href='?page=2'>2 of 3</a>",
        "<a href='?page=2'>Seite 2/3</a>",
        "<a href='?page=2'>Nächste Seite</a>",
        "<a href='?page=2'>次のページ</a>",
        "<a href='?page=2'>第2页</a>",
        "<a href='?page=2' rel='next'>What the districts say about the costs</a>",
        "<a href='?page=2' aria-label='Next page'><svg></svg></a>",
        "<a href='?page=2' title='Page 2'><img src='x'></a>",
        "<link rel='next' href='?page=2'>",
        "<base href='https://a.example/2026/'><a href='levy-passes?page=2'>2</a>",
    ],
)
def test_links_that_say_that_the_story_goes_on(link: str) -> None:
    assert next_part(f"<div>{link}</div>") == FIRST + "?page=2"


@pytest.mark.parametrize(
    "more",
    [
        "<a href='/2026/levy-repealed' rel='next'>Next article: The levy is repealed</a>",
        "<link rel='next' href='/2026/levy-repealed'>",
        "<a href='/2026/levy-passes-2'>The levy passes</a>",
        "<a href='/2026/levy-passes-2' rel='next'>Next →</a>",
        "<a href='/page/2'>Next page</a>",
        "<a href='/policy?page=2'>2</a>",
        "<a href='?page=2'>Share</a>",
        "<a href='?page=3'>3</a>",
        "<a href='?page=2' rel='prev'>Previous</a>",
        "<section id='comments'><p>First!</p><a href='?page=2'>2</a></section>",
        "<a href='?page=2#comments'>Next page</a>",
        "<aside><a href='?page=2'>Next</a></aside>",
        "<a>2</a><a href=''>2</a><a href='mailto:2'>2</a><a href='http://[/2'>2</a>",
    ],
)
def test_the_next_article_a_listing_and_comments_are_left_alone(more: str) -> None:
    assert next_part(more) is None


def test_a_pagination_far_from_the_text_pages_something_else() -> None:
    latest = "".join(f"<li><a href='/{n}'>{MORE[0]}</a></li>" for n in range(8))
    more = f"<div><ul>{latest}</ul><a href='?page=2'>2</a></div>"
    page = Selector(story_page(TITLE).replace("</body>", f"{more}</body>"))
    assert find_next_part(page, FIRST, extract_story(page, FIRST)) is None


def test_a_list_of_products_is_no_story_of_several_pages() -> None:
    page = Selector(f"<h1>Packs</h1>{'<p>Pack, blue</p>' * 30}<a href='?page=2'>2</a>")
    printed = PrintedStory(url=FIRST, title="Packs", body=("Pack, blue",) * 30)
    assert find_next_part(page, FIRST, printed) is None


@pytest.mark.parametrize(
    ("here", "following"),
    [(FIRST, "?page=2"), (FIRST + "?page=1", "?page=2"), (FIRST + "?page=2", "?page=3"), (FIRST + "?page=3", None)],
)
def test_pages_that_link_in_both_directions_lead_on(here: str, following: str | None) -> None:
    pager = "<a href='?page=2' rel='prev'>‹</a> <a href='?page=1'>1</a> <a href='?page=2'>2</a> <a href='?page=3'>3</a>"
    assert next_part(f"<div>{pager}</div>", here, first=FIRST) == (following and FIRST + following)


@pytest.mark.parametrize(
    ("here", "following"), [(FIRST, "?page=1"), (FIRST + "?page=0", "?page=1"), (FIRST + "?page=1", "?page=2")]
)
def test_pages_may_be_counted_from_zero(here: str, following: str) -> None:
    pager = "<a href='?page=0'>1</a> <a href='?page=1'>2</a> <a href='?page=2'>3</a>"
    assert next_part(f"<div>{pager}</div>", here, first=FIRST) == FIRST + following


@pytest.mark.parametrize(
    "more",
    [
        "<a href='?page=2'>2</a>" * 60_000,
        "".join(f"<a href='?x={number}&page=2'>2</a>" for number in range(60_000)),
        "<a href='/x" + "-1" * 200_000 + "'>2</a>",
        "<a href='?page=2'>" + "2 " * 500_000 + "</a>",
    ],
)
def test_a_hostile_page_costs_little(more: str) -> None:
    page, story = Selector(story_page(TITLE, more=more)), printed(1, *PROSE)
    started = time.process_time()
    find_next_part(page, FIRST, story)
    find_single_page(page, FIRST)
    assert time.process_time() - started < 0.5


# The view of all pages on one


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("<a href='?page=all'>View all</a>", FIRST + "?page=all"),
        ("<a href='/2026/levy-passes/single-page'>Read on one page</a>", FIRST + "/single-page"),
        ("<a href='/2026/levy-passes/komplettansicht'>Auf einer Seite lesen</a>", FIRST + "/komplettansicht"),
        ("<a href='/2026/other?page=all'>View all</a>", None),
        ("<a href='/videos'>View all</a>", None),
        ("<a href='?page=2'>2</a>", None),
        (f"<a href='{FIRST}'>View all</a>", None),
    ],
)
def test_the_single_page_view_is_the_storys_own(link: str, found: str | None) -> None:
    assert find_single_page(read(f"<div>{link}</div>")[0], FIRST) == found


# Which pages belong together


def printed(number: int, *body: str, **columns: object) -> PrintedStory:
    url = f"{FIRST}?page={number}" if number > 1 else FIRST
    return PrintedStory(**{"url": url, "title": TITLE, "body": body, **columns})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("part", "belongs"),
    [
        (printed(2, *MORE), True),
        (printed(2, *MORE, title=f"{TITLE} - Page 2"), True),
        (printed(2, *MORE, title=f"{TITLE} (2/3)"), True),
        (printed(2, *MORE, title=f"{TITLE}: the costs"), True),
        (printed(2, *MORE, title="What comes next", canonical=FIRST), True),
        (printed(2, *MORE, title="Another vote is lost in the upper house"), False),
        (printed(2, *MORE, title=None), False),
        (printed(2, *PROSE), False),
        (printed(2), False),
        (printed(2, *MORE, url="https://a.example/2026/elsewhere"), False),
    ],
)
def test_a_part_has_the_storys_headline_and_new_text(part: PrintedStory, belongs: bool) -> None:
    assert is_continued_by([printed(1, *PROSE)], part) is belongs


def test_a_page_that_repeats_an_earlier_one_ends_the_story() -> None:
    assert not is_continued_by([printed(1, *PROSE), printed(2, *MORE)], printed(3, *MORE))


def test_a_later_page_names_its_first_by_the_canonical_link() -> None:
    assert find_first_part(printed(2, *MORE, canonical=FIRST)) == FIRST
    assert find_first_part(printed(2, *MORE, canonical=FIRST + "?page=2")) is None
    assert find_first_part(printed(1, *PROSE, canonical=FIRST)) is None
    assert find_first_part(printed(1, *PROSE, canonical=None)) is None


def test_a_single_page_view_holds_the_first_page_and_more() -> None:
    first = printed(1, *PROSE)
    assert is_whole(first, printed(1, *PROSE, *MORE))
    assert not is_whole(first, printed(1, *PROSE))
    assert not is_whole(first, printed(1, *MORE, *MORE))


# Joined


def test_bodies_are_joined_without_what_each_page_repeats() -> None:
    opening = "The dek of the story stands above each of its pages, as does the first of its paragraphs."
    parts = [
        printed(1, opening, PROSE[0], "Background", "Page 1 of 3", dek="A dek."),
        printed(2, "A dek.", opening, MORE[0], "Background", MORE[1], "Continued on next page"),
        printed(3, PROSE[0], MORE[2], PROSE[0]),
    ]
    joined = join_parts(parts)
    assert joined.body == (opening, PROSE[0], "Background", MORE[0], "Background", MORE[1], MORE[2])
    assert joined.flags == (SEVERAL_PAGES,)
    assert (joined.url, joined.title, joined.dek) == (FIRST, TITLE, "A dek.")


def test_what_a_later_page_has_alone_is_kept() -> None:
    when = datetime(2026, 6, 29, tzinfo=UTC)
    first = printed(
        1,
        PROSE[0],
        faq=(Faq(question="Who pays?", answer="All."),),
        links=(Link(url="https://b.example/", text="b", kind="body", domain=""),),
        related=(Related(url="https://a.example/r", title="R"),),
        provenance={"title": "h1", "body": "densest container"},
    )
    last = printed(
        2,
        MORE[0],
        dek=MORE[1],
        faq=(Faq(question="Who pays?", answer="All."), Faq(question="Since when?", answer="May.")),
        links=(
            Link(url="https://b.example/", text="b", kind="body", domain=""),
            Link(url="https://wire.example/1", text="Wire", kind="source", domain=""),
        ),
        related=(Related(url="https://a.example/r", title="R"), Related(url="https://a.example/s", title="S")),
        source_name="Wire",
        source_url="https://wire.example/1",
        source_method="continue-reading",
        published_at=when,
        published_raw="29 June 2026",
        date_source="text",
        authors=("Ada Quill",),
        flags=("noarchive",),
        provenance={"title": "og:title", "source_url": "continue-reading", "dek": "shown"},
    )
    joined = join_parts([first, last])
    assert joined.body == (PROSE[0], MORE[1], MORE[0])
    assert [pair.question for pair in joined.faq] == ["Who pays?", "Since when?"]
    assert [link.kind for link in joined.links] == ["body", "source"]
    assert [each.title for each in joined.related] == ["R", "S"]
    assert (joined.source_name, joined.source_url, joined.source_method) == (
        "Wire", "https://wire.example/1", "continue-reading",
    )  # fmt: skip
    assert (joined.published_at, joined.published_raw, joined.date_source) == (when, "29 June 2026", "text")
    assert joined.authors == ("Ada Quill",)
    assert joined.flags == ("noarchive", SEVERAL_PAGES)
    assert joined.provenance["title"] == "h1"
    assert joined.provenance["source_url"] == "continue-reading"
    assert joined.provenance["body"] == "densest container, 2 pages joined"


def test_a_story_of_one_page_is_left_as_it_is() -> None:
    only = printed(1, *PROSE)
    assert join_parts([only]) is only


# Crawled

slow = pytest.mark.slow
LEVY = "/article/levy-bill-goes-to-a-vote"
LEVY_TITLE = "The levy bill goes to a vote at last"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def part_page(number: int, *paragraphs: str, of: int = 3, more: str = "", title: str = LEVY_TITLE) -> str:
    """One page of a story whose pages link to each other in both directions."""
    links = [str(n) if n == number else f"<a href='{LEVY}?page={n}'>{n}</a>" for n in range(1, of + 1)]
    if number < of:
        links.append(f"<a rel='next' href='{LEVY}?page={number + 1}'>Next page</a>")
    body = "".join(f"<p>{text}</p>" for text in paragraphs)
    pager = f"<div class='pages'>{' '.join(links)}</div>"
    return f"<html><body><main><article><h1>{title}</h1>{body}{pager}{more}</article></main></body></html>"


def three_parts(**more: str) -> dict[str, str | int]:
    others = headlines("tariff", "water")
    return {
        "/": listing_page({LEVY: LEVY_TITLE, **others}),
        **{url: story_page(title) for url, title in others.items()},
        LEVY: part_page(1, *PROSE[:3]),
        f"{LEVY}?page=2": part_page(2, PROSE[3], *MORE[:2]),
        f"{LEVY}?page=3": part_page(3, *MORE[2:], "It ends there, for now, as every such debate has ended so far."),
        **more,
    }


def crawl(project: Project, site: Pages, **arguments: object) -> int:
    project.add_site("small", site.base_url)
    return project.crawl("small", **arguments).exit_code


def levy(project: Project) -> dict[str, object]:
    (row,) = (row for row in project.rows() if row["url"].endswith(LEVY))
    return row


WHOLE = "\n\n".join([*PROSE, *MORE, "It ends there, for now, as every such debate has ended so far."])


@slow
def test_a_story_of_several_pages_is_archived_once_and_whole(project: Project) -> None:
    with Pages(three_parts()) as site:
        assert crawl(project, site) == 0
    assert levy(project)["body"] == WHOLE
    assert levy(project)["flags"] == [SEVERAL_PAGES]
    assert paths(project.urls()) == sorted([LEVY, *headlines("tariff", "water")])
    assert site.requests[LEVY] == site.requests[f"{LEVY}?page=2"] == site.requests[f"{LEVY}?page=3"] == 1
    assert not site.requests[f"{LEVY}?page=1"]
    record = project.records()[0]
    assert (record["archived"], record["listed"], record["pages"]) == (3, 3, 6)


@slow
def test_a_limit_counts_stories_and_not_their_pages(project: Project) -> None:
    with Pages(three_parts() | {"/": listing_page({LEVY: LEVY_TITLE})}) as site:
        assert crawl(project, site, limit=1) == 0
    assert levy(project)["body"] == WHOLE


@slow
@pytest.mark.parametrize(("status", "exit_code", "reason"), [(500, 4, "part_http_500"), (404, 0, "part_gone")])
def test_a_lost_part_leaves_a_flag(project: Project, status: int, exit_code: int, reason: str) -> None:
    pages = three_parts() | {f"{LEVY}?page=2": status}
    with Pages(pages) as site:
        assert crawl(project, site) == exit_code
    assert levy(project)["body"] == "\n\n".join(PROSE[:3])
    assert levy(project)["flags"] == ["truncated"]
    assert len(project.urls()) == 3
    record = project.records()[0]
    assert {**record["failures"], **record["skipped"]} == {reason: 1}


@slow
def test_a_lost_last_part_keeps_those_before_it(project: Project) -> None:
    with Pages(three_parts() | {f"{LEVY}?page=3": 500}) as site:
        assert crawl(project, site) == 4
    assert levy(project)["body"] == "\n\n".join([*PROSE, *MORE[:2]])
    assert levy(project)["flags"] == [SEVERAL_PAGES, "truncated"]


@slow
def test_pages_that_go_round_in_a_circle_end(project: Project) -> None:
    again = part_page(2, PROSE[3], *MORE[:2], of=30)
    pages = three_parts() | {f"{LEVY}?page={n}": part_page(n, PROSE[3], *MORE[:2], of=30) for n in range(3, 31)}
    with Pages(pages | {f"{LEVY}?page=2": again}) as site:
        assert crawl(project, site) == 0
    assert levy(project)["body"] == "\n\n".join([*PROSE, *MORE[:2]])
    assert not site.requests[f"{LEVY}?page=4"]


@slow
def test_a_part_that_redirects_to_the_first_page_ends_the_story(project: Project) -> None:
    with Pages(three_parts() | {f"{LEVY}?page=2": f"→{LEVY}"}) as site:
        assert crawl(project, site) == 0
    assert levy(project)["body"] == "\n\n".join(PROSE[:3])
    assert levy(project)["flags"] == []


@slow
def test_a_story_without_end_is_cut(project: Project) -> None:
    endless = {
        f"{LEVY}?page={n}": part_page(n, f"Chapter {n} of a story that has no end, and new words on each page.", of=99)
        for n in range(2, 40)
    }
    with Pages(three_parts() | {LEVY: part_page(1, *PROSE, of=99)} | endless) as site:
        assert crawl(project, site) == 4
    assert site.requests[f"{LEVY}?page=20"]
    assert not site.requests[f"{LEVY}?page=21"]
    assert levy(project)["flags"] == [SEVERAL_PAGES, "truncated"]
    assert project.records()[0]["failures"] == {"too_many_parts": 1}


@slow
def test_another_story_at_a_numbered_address_is_no_part(project: Project) -> None:
    other = part_page(2, *MORE, title="Another vote is lost in the upper house")
    with Pages(three_parts() | {f"{LEVY}?page=2": other}) as site:
        assert crawl(project, site) == 0
    assert levy(project)["body"] == "\n\n".join(PROSE[:3])


@slow
def test_next_article_links_are_asked_for_as_stories_alone(project: Project) -> None:
    topics = headlines("tariff", "water", "rail")
    (first, *_) = topics
    more = f"<p><a rel='next' href='{first}-2'>Next article</a></p>"
    pages = {"/": listing_page(topics), **{url: story_page(title, more=more) for url, title in topics.items()}}
    with Pages(pages | {f"{first}-2": story_page(topics[first])}) as site:
        assert crawl(project, site) == 0
    assert paths(project.urls()) == sorted(topics)
    assert not site.requests[f"{first}-2"]


@slow
def test_a_listing_goes_on_with_its_own_pages(project: Project) -> None:
    shown, older = headlines("tariff", "water", "rail"), headlines("harbour", "school", "forest")
    pager = "<div><a rel='next' href='/policy?page=2'>Next page</a></div>"
    pages = three_parts() | {
        "/": listing_page({LEVY: LEVY_TITLE}, nav={"/policy": "Policy", "/health": "Health", "/energy": "Energy"}),
        "/policy": listing_page(shown, more=pager),
        "/policy?page=2": listing_page(older),
        **{url: story_page(title) for url, title in (shown | older).items()},
    }
    with Pages(pages) as site:
        assert crawl(project, site, section="policy") == 0
    assert paths(project.urls()) == sorted(shown | older)


@slow
def test_the_single_page_view_is_preferred(project: Project) -> None:
    view = f"<p><a href='{LEVY}?page=all'>View on one page</a></p>"
    pages = three_parts() | {
        LEVY: part_page(1, *PROSE[:3], more=view),
        f"{LEVY}?page=all": part_page(1, *WHOLE.split("\n\n"), of=1),
    }
    with Pages(pages) as site:
        assert crawl(project, site) == 0
    assert levy(project)["body"] == WHOLE
    assert levy(project)["flags"] == []
    assert not site.requests[f"{LEVY}?page=2"]


@slow
@pytest.mark.parametrize("answer", [500, 404, story_page("Please subscribe to read on")])
def test_without_the_single_page_view_the_pages_are_read(project: Project, answer: str | int) -> None:
    view = f"<p><a href='{LEVY}?page=all'>View on one page</a></p>"
    pages = three_parts() | {LEVY: part_page(1, *PROSE[:3], more=view), f"{LEVY}?page=all": answer}
    with Pages(pages) as site:
        assert crawl(project, site) == 0
    assert levy(project)["body"] == WHOLE


@slow
def test_a_later_page_leads_to_the_story(project: Project) -> None:
    pages = three_parts()
    with Pages(pages) as site:
        canonical = f"<html><head><link rel='canonical' href='{site.base_url}{LEVY}'></head>"
        for path in (LEVY, f"{LEVY}?page=2", f"{LEVY}?page=3"):
            pages[path] = str(pages[path]).replace("<html>", canonical)
        assert project.crawl("url", url=f"{site.base_url}{LEVY}?page=2").exit_code == 0
    assert paths(project.urls()) == [LEVY]
    assert levy(project)["body"] == WHOLE
    assert project.records()[0]["skipped"] == {"part": 1}
