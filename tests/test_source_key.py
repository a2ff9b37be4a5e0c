"""By what address a source story is known."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.lineage.events import Keys, join_keys, keys_of
from archiver.lineage.key import source_key
from archiver.lineage.unwrap import unwrap_url

PATH = "/2026/06/29/rates-rise-again"
KEY = f"wire.example{PATH}"
URL = f"https://{KEY}"
CODED = quote(URL, safe="")
SAFE64 = base64.urlsafe_b64encode(URL.encode()).decode().rstrip("=")
GOOGLE_NEWS = base64.urlsafe_b64encode(b"\x08\x13\x22" + bytes([len(URL)]) + URL.encode() + b"\xd2\x01\x00").decode()


@pytest.mark.parametrize(
    "url",
    [
        URL,
        f"  {URL}/ ",
        f"{URL}//",
        f"http://user:pw@WWW.Wire.Example.:80{PATH}#top",
        f"https://m.wire.example{PATH}",
        f"https://mobile.wire.example{PATH}",
        f"https://www.m.wire.example{PATH}",
        f"{URL}/index.html",
        f"{URL}.html",
        f"{URL};jsessionid=1A2B",
        URL.replace("rates-", "rates%2d"),
        f"{URL}?utm_source=x&utm_medium=y&fbclid=1",
        f"{URL}?ref=home&cmpid=b&xid=7a",
        f"{URL}?unknown=1&gaa_at=eafs",
        f"{URL}?page=2",
        f"{URL}/print",
        f"{URL}?print=true",
        f"{URL}/feed/",
        # AMP
        f"https://amp.wire.example{PATH}",
        f"https://wire.example/amp{PATH}",
        f"{URL}/amp/",
        f"{URL}.amp",
        f"{URL}.amp.html",
        f"{URL}?amp",
        f"{URL}?amp=1",
        f"{URL}?outputType=amp",
        f"https://wire-example.cdn.ampproject.org/c/s/wire.example{PATH}/amp",
        f"https://wire-example.cdn.ampproject.org/v/s/www.wire.example{PATH}?amp_js_v=0.1&usqp=mq331",
        f"https://cdn.ampproject.org/c/s/wire.example{PATH}",
        f"https://www.google.com/amp/s/wire.example{PATH}",
        f"https://www.google.co.uk/amp/wire.example{PATH}",
        # redirects
        f"https://www.google.com/url?sa=t&q={CODED}&usg=AOv",
        f"https://www.google.com/url?url={URL}",
        f"https://l.facebook.com/l.php?u={quote(URL + '?fbclid=abc', safe='')}&h=AT0",
        f"https://lm.facebook.com/l.php?u={CODED}",
        f"https://t.umblr.com/redirect?z={CODED}&t=abc",
        f"https://out.reddit.com/t3_x?url={CODED}&token=1",
        f"https://www.linkedin.com/redir/redirect?url={CODED}",
        f"https://duckduckgo.com/l/?uddg={CODED}",
        f"https://go.skimresources.com/?id=1X2&url={CODED}",
        f"https://r.search.yahoo.com/_ylt=A/RV=2/RE=1/RO=10/RU={CODED}/RK=2/RS=x-",
        f"https://www.facebook.com/sharer/sharer.php?u={CODED}",
        f"https://site.example/out?url={URL}",
        f"https://site.example/out?url={quote(URL + '?id=9&utm_source=a', safe='')}".replace("id%3D9%26", ""),
        f"https://site.example/go/?to={quote(CODED, safe='')}",
        f"https://site.example/exit.php?dest={CODED}",
        f"https://site.example/redirect?to={base64.b64encode(URL.encode()).decode()}",
        f"https://site.example/out/{SAFE64}",
        f"https://www.bing.com/ck/a?!&&p=abc&u=a1{SAFE64}&ntb=1",
        f"https://news.google.com/rss/articles/{GOOGLE_NEWS}?oc=5",
        f"https://news.google.com/articles/{GOOGLE_NEWS}",
        f"https://nam02.safelinks.protection.outlook.com/?url={CODED}&data=05",
        f"https://urldefense.com/v3/__{URL}__;!!abc!def$",
        "https://urldefense.proofpoint.com/v2/url?u=https-3A__wire.example_2026_06_29_rates-2Drise-2Dagain&d=Dw",
        f"https://site.example/out?url={quote(f'https://www.google.com/url?q={CODED}', safe='')}",
        # copies
        f"https://web.archive.org/web/20260701000000/{URL}",
        f"https://archive.example/https:/wire.example{PATH}",
        f"https://wire-example.translate.goog{PATH}?_x_tr_sl=en&_x_tr_tl=de",
    ],
)
def test_all_addresses_of_one_story_have_one_key(url: str) -> None:
    assert source_key(url) == KEY


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mailto:desk@wire.example",
        "https://",
        "https://[",
        "https://wire.example",
        "https://www.wire.example/?utm_source=x#top",
        "https://wire.example/index.html",
        "https://wire.example/home",
        "https://wire.example/en",
        "https://wire.example/policy/",
        "https://wire.example/personal-finance",
        "https://wire.example/news/us-politics",
        "https://wire.example/category/markets",
        "https://wire.example/topics/stablecoin-rules-explained",
        "https://wire.example/tag/bitcoin-etf",
        "https://wire.example/author/jane-van-der-berg",
        "https://wire.example/search?q=rates+rise+again",
        "https://wire.example/2026/06",
        "https://wire.example/2026/06/29/",
        "https://wire.example/policy/page/3",
        "https://wire.example/policy?page=2",
        "https://wire.example/about",
        "https://wire.example/amp",
        "https://wire.example/live/election-night-results",
        "https://wire.example/world/live/2026/jun/29/rates-rise-again",
        "https://wire.example/2026/06/29/rates-live-updates",
        "https://wire.example/newsletters/morning-money",
        "https://newsletter.wire.example/p/what-happened-today",
        "https://www.google.com/url?q=https%3A%2F%2Fwire.example%2F",
    ],
)
def test_what_is_no_single_story_has_no_key(url: str) -> None:
    assert source_key(url) is None


DIFFERENT = [
    "https://wire.example/?p=12",
    "https://wire.example/?p=13",
    "https://wire.example/news.php?id=12",
    "https://wire.example/news.php?id=13",
    "https://wire.example/news.php?id=12&part=b",
    "https://wire.example/story?id=12&lang=en",
    "https://wire.example/index.php?id=77",
    "https://wire.example/view.asp?no=5",
    "https://wire.example/news/articleView.html?idxno=123456",
    "https://wire.example/news/press-release-detail?guid=abc",
    "https://wire.example/news/press-release-detail?guid=abd",
    URL,
    f"{URL}-2",
    f"{URL}?id=5",
    "https://wire.example/2026/06/30/rates-rise-again",
    f"https://other.example{PATH}",
    f"https://wire.example:8080{PATH}",
    f"https://news.wire.example{PATH}",
    "https://wire.example/article/fed-holds",
    "https://wire.example/article/AbC12",
    "https://wire.example/article/abc12",
    "https://wire.example/story/12",
    "https://wire.example/policy/stablecoin-rules",
    "https://a.blogspot.com/2026/06/rates-rise-again.html",
    "https://b.blogspot.com/2026/06/rates-rise-again.html",
    "https://apwire.example/4f8d3c2b1a0987654321",
    "https://www.paper.example/content/0a1b2c3d-1111-2222-3333-444455556666",
    "https://short.example/3AbCdE",
    "https://video.example/watch?v=abcdefghijk",
    "https://video.example/watch?v=abcdefghijz",
    "https://talk.example/jane/status/123456",
]


def test_different_stories_have_different_keys() -> None:
    keys = [source_key(url) for url in DIFFERENT]
    assert None not in keys
    assert len(set(keys)) == len(DIFFERENT)


@pytest.mark.parametrize("url", [URL, *DIFFERENT])
def test_a_key_as_an_address_has_that_key(url: str) -> None:
    key = source_key(url)
    assert key is not None
    assert source_key(f"https://{key}") == key


def test_a_story_that_names_another_in_its_query_leads_nowhere() -> None:
    assert (
        unwrap_url(f"{URL}?ref=https://other.example/2026/06/another-story-here")
        != "https://other.example/2026/06/another-story-here"
    )


@given(
    st.text(max_size=120) | st.from_regex(r"https?://[a-z.]{1,20}(/[!-~]{0,40}){0,3}(\?[!-~]{0,60})?", fullmatch=True)
)
def test_any_address_has_a_key_or_none(url: str) -> None:
    key = source_key(url)
    if key is not None:
        assert source_key(f"https://{key}") in (key, None)


@pytest.mark.parametrize(
    "part", ["http://a.b/", "%25", "https%3A%2F%2Fa.b%2Fc-d-e%3Furl%3D", "/amp", "aHR0cHM6Ly9hLmIv"]
)
def test_hostile_addresses_take_no_time(part: str) -> None:
    for prefix in ("https://a.example/out?url=", "https://a.example/out/", "https://a.example/x?u="):
        source_key(prefix + part * 700)


def test_a_story_that_credits_itself_has_no_source() -> None:
    assert keys_of(f"{URL}/", f"https://m.wire.example{PATH}?utm_source=x") == Keys(own=KEY, source=None)


def test_the_source_belongs_to_the_event_of_those_that_link_to_it() -> None:
    source, other = keys_of(URL, None), keys_of("https://elsewhere.example/2026/06/rain-in-spain", None)
    rewrite, again = keys_of("https://a.example/x", f"{URL}?amp=1"), keys_of("https://b.example/y", URL)
    assert join_keys([source, other, rewrite, again]) == [KEY, None, KEY, KEY]


def test_a_rewrite_of_a_rewrite_belongs_to_the_first_source() -> None:
    first = keys_of("https://a.example/2026/06/one-two-three", URL)
    second = keys_of("https://b.example/y", "https://a.example/2026/06/one-two-three")
    assert join_keys([second, first]) == [KEY, KEY]
    assert (
        join_keys([keys_of(URL, f"https://b.example{PATH}"), keys_of(f"https://b.example{PATH}", URL)])[0] is not None
    )
