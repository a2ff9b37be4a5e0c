"""What stands between a crawl and a hostile web: addresses, pace, heads and markup. `tests/hostile` has the whole crawls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.http import HtmlResponse, Request, Response
from scrapy.utils.test import get_crawler
from twisted.internet.task import Clock

from archiver.network.addresses import is_public, parse_allowed
from archiver.network.connect import MAX_HEAD, GuardedReactor, limit_heads
from archiver.network.gate import Gate
from archiver.network.handler import host_of
from archiver.network.markup import is_too_much
from archiver.network.pace import PATIENCE, Pace, read_retry_after
from archiver.network.refusal import REASONS, Refused
from archiver.urls import is_tracker

PUBLIC = [
    "1.1.1.1",
    "93.184.216.34",
    "192.0.1.1",
    "100.128.0.1",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
NOT_PUBLIC = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16 169.254.169.254 172.16.0.1
172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1
240.0.0.1 255.255.255.255 :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:a00:1 ::ffff:0:7f00:1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe
64:ff9b:1::a00:1 100::1 2001::1 2001:0:7f00:1:: 2001:db8::1 2002:7f00:1:: 2002:a00:1::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254
fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1 localhost 127.1 2130706433 0x7f000001 0177.0.0.1 news.example
""".split()


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_may_be_connected_to(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [*NOT_PUBLIC, "", " 1.1.1.1", "1.1.1.1\n"])
def test_address_of_the_inside_may_not(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_address_that_stands_for_another_is_as_public_as_that_one(address: Any) -> None:
    low = f"{int(address) >> 16:x}:{int(address) & 0xFFFF:x}"
    for text in (f"::ffff:{address}", f"::{low}" if int(address) > 1 else "::1", f"64:ff9b::{low}", f"2002:{low}::1"):
        assert is_public(text) == is_public(str(address)), text


def test_no_packet_leaves_for_an_address_of_the_inside() -> None:
    class Plain:
        connected: list[str] = []  # noqa: RUF012

        def connectTCP(self, host: str, port: int) -> str:  # noqa: N802
            self.connected.append(host)
            return "connector"

    plain = Plain()
    guarded = GuardedReactor(plain, "rebind.example", is_allowed=False)
    assert guarded.connectTCP("93.184.216.34", 80) == "connector"
    with pytest.raises(Refused, match=r"rebind\.example is at 10\.0\.0\.7"):
        guarded.connectTCP("10.0.0.7", 80)
    assert plain.connected == ["93.184.216.34"]
    assert GuardedReactor(plain, "a", is_allowed=True).connectTCP("127.0.0.1", 80) == "connector"


ALLOWED = parse_allowed(["127.0.0.1:8101", " News.Example ", "[::1]:80", "fd00::1", "bücher.example:8080", ""])


@pytest.mark.parametrize(
    ("host", "port", "is_allowed"),
    [
        ("127.0.0.1", 8101, True),
        ("127.0.0.1", 8102, False),
        ("2130706433", 8101, False),
        ("localhost", 8101, False),
        ("::ffff:127.0.0.1", 8101, False),
        ("NEWS.example.", 1, True),
        ("xnews.example", 1, False),
        ("::1", 80, True),
        ("0:0::1", 80, True),
        ("::1", 81, False),
        ("fd00::1", 9, True),
        ("xn--bcher-kva.example", 8080, True),
        ("a" * 300, 80, False),
    ],
)
def test_hosts_are_allowed_as_they_are_written(host: str, port: int, is_allowed: bool) -> None:
    assert ALLOWED.allow(host, port) == is_allowed


@pytest.mark.parametrize(
    "entry",
    ["http://a.example", "a.example:", "a.example:0", "a.example:65536", "a.example:x", "[::1", "[::1]x", "*", "a b", "a/b",
     "::g", "10.0.0.0/8", "user@a.example", ":80", "[]:80", "a.example:80:90"],
)  # fmt: skip
def test_what_is_no_host_is_refused_by_name(entry: str) -> None:
    with pytest.raises(ValueError, match=r"ARCHIVER_ALLOW_HOSTS: .* is no host\[:port\]"):
        parse_allowed([entry])


# Pace


NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def make_pace(delay: float = 1, longest: float = 120) -> tuple[Pace, Clock]:
    clock = Clock()
    clock.advance(1000)
    started = clock.seconds()
    return Pace(
        delay=delay,
        longest=longest,
        monotonic=clock.seconds,
        now=lambda: NOW + timedelta(seconds=clock.seconds() - started),
    ), clock


def ask(pace: Pace, clock: Clock, status: int | None = 200, *, takes: float = 0.5, retry_after: str = "") -> float:
    """One request in its turn; return how long it had to wait for it."""
    host = pace.host("a.example")
    waited = pace.wait_for(host)
    clock.advance(waited)
    pace.begin(host)
    clock.advance(takes)
    pace.end(host, status, 100, retry_after)
    return waited


def test_a_second_lies_between_the_end_of_a_request_and_the_next() -> None:
    pace, clock = make_pace()
    assert [ask(pace, clock, takes=takes) for takes in (0.1, 5, 0)] == [0, 1, 1]
    record = pace.to_record()["a.example"]
    assert (record["requests"], record["bytes"]) == (3, 300)
    assert record["seconds_between"] == {"min": 1.0, "median": 1.0}


def test_each_host_has_a_pace_of_its_own() -> None:
    pace, clock = make_pace()
    ask(pace, clock)
    assert pace.wait_for(pace.host("b.example")) == 0


def test_429_doubles_the_delay_for_the_rest_of_the_crawl() -> None:
    pace, clock = make_pace()
    assert [ask(pace, clock, status) for status in (429, 429, 200, 200, 503, 200)] == [0, 2, 4, 4, 4, 4]
    assert pace.host("a.example").delay == 4
    pace, clock = make_pace(delay=0)
    assert [ask(pace, clock, status) for status in (429, 200)] == [0, 1], "none is made a second"


def test_429_slows_a_host_down_to_the_longest_wait_and_no_further() -> None:
    pace, clock = make_pace(longest=10)
    for _ in range(8):
        ask(pace, clock, 429)
        ask(pace, clock, 200)
    assert pace.host("a.example").delay == 10
    assert pace.refusal(pace.host("a.example")) is None


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), (" 30 ", 30), ("Fri, 27 Nov 2026 12:00:20 GMT", 20), ("0", 0), ("soon", 0), ("-5", 0)],
)
def test_retry_after_is_obeyed_in_either_form(status: int, header: str, seconds: float) -> None:
    pace, clock = make_pace(delay=0)
    ask(pace, clock, status, takes=0, retry_after=header)
    assert ask(pace, clock) == pytest.approx(max(seconds, 1 if status == 429 else 0))


def test_retry_after_of_a_page_that_came_says_nothing() -> None:
    pace, clock = make_pace()
    ask(pace, clock, 200, retry_after="3600")
    assert ask(pace, clock) == 1


@pytest.mark.parametrize("header", ["121", "86400", "999999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_host_that_asks_for_too_long_a_wait_is_left_to_a_later_crawl(header: str) -> None:
    pace, clock = make_pace()
    ask(pace, clock, 503, retry_after=header)
    host = pace.host("a.example")
    assert pace.refusal(host) == "retry_after"
    record = pace.to_record()["a.example"]
    assert datetime.fromisoformat(record["not_before"]) > NOW + timedelta(seconds=120)


def test_what_an_earlier_crawl_was_asked_to_leave_alone_is_left_alone() -> None:
    pace, clock = make_pace()
    pace.hold("a.example", NOW + timedelta(hours=1))
    pace.hold("b.example", NOW - timedelta(hours=1))
    assert [pace.refusal(pace.host(name)) for name in ("a.example", "b.example")] == ["retry_after", None]
    clock.advance(3600)
    assert pace.refusal(pace.host("a.example")) is None


def test_no_host_is_left_alone_for_more_than_a_week() -> None:
    pace, clock = make_pace()
    ask(pace, clock, 503, retry_after="Fri, 31 Dec 9999 23:59:59 GMT")
    clock.advance(7 * 86_400)
    assert pace.refusal(pace.host("a.example")) is None


def test_crawl_delay_is_obeyed_from_robots_txt_on() -> None:
    pace, clock = make_pace()
    ask(pace, clock)
    pace.obey_crawl_delay(pace.host("a.example"), 10)
    assert [ask(pace, clock), ask(pace, clock)] == [10, 10]


def test_a_shorter_crawl_delay_hurries_nobody() -> None:
    pace, clock = make_pace()
    pace.obey_crawl_delay(pace.host("a.example"), 0.1)
    assert [ask(pace, clock), ask(pace, clock)] == [0, 1]


def test_a_crawl_delay_past_the_longest_wait_leaves_one_page_a_crawl() -> None:
    pace, clock = make_pace()
    ask(pace, clock)
    host = pace.host("a.example")
    pace.obey_crawl_delay(host, 3600)
    assert pace.refusal(host) is None
    ask(pace, clock)
    assert pace.refusal(host) == "crawl_delay"


@pytest.mark.parametrize("seconds", [None, float("nan"), float("inf"), -1, 0])
def test_a_crawl_delay_that_is_none_changes_nothing(seconds: float | None) -> None:
    pace, _ = make_pace()
    pace.obey_crawl_delay(pace.host("a.example"), seconds)
    assert pace.host("a.example").delay == 1


@pytest.mark.parametrize("status", [None, 429, 503])
def test_a_host_that_never_answers_is_given_up(status: int | None) -> None:
    pace, clock = make_pace(delay=0)
    host = pace.host("a.example")
    for _ in range(PATIENCE - 1):
        ask(pace, clock, status)
    assert pace.refusal(host) is None
    ask(pace, clock, status)
    assert pace.refusal(host) == "host_down"


def test_a_host_that_answers_too_much_is_not_down() -> None:
    pace, _ = make_pace(delay=0)
    host = pace.host("a.example")
    for _ in range(2 * PATIENCE):
        pace.begin(host)
        pace.end(host, None, is_cut=True)
    assert pace.refusal(host) is None


@given(st.text(max_size=60))
def test_retry_after_never_raises(value: str) -> None:
    seconds = read_retry_after(value, NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize("url", ["https://a.example:443/", "http://a.example:80", "https://a.example"])
def test_a_default_port_makes_no_other_host(url: str) -> None:
    assert host_of(url) == "a.example"


# Heads of responses


class Wire:
    """An HTTP client protocol that only remembers."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.is_cut = self.is_bad = False
        self.transport = self
        limit_heads(self, self.note)
        self.request(None)

    def request(self, request: object) -> None:
        """What `limit_heads` wraps."""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self.received.append(data)

    def abortConnection(self) -> None:  # noqa: N802 - Twisted's name
        self.is_cut = True

    def note(self) -> None:
        self.is_bad = True


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize("head", [HEAD, HEAD.replace(b"\r\n", b"\n")])
def test_a_head_in_pieces_comes_through_whole(head: bytes, size: int) -> None:
    wire = Wire()
    data = head + b"<p>body</p>"
    for at in range(0, len(data), size):
        wire.dataReceived(data[at : at + size])
    assert b"".join(wire.received) == data
    assert not wire.is_cut


def test_interim_responses_are_left_out() -> None:
    wire = Wire()
    wire.dataReceived(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"x")
    assert wire.received == [HEAD + b"x"]


def test_each_request_of_a_connection_has_a_head_of_its_own() -> None:
    wire = Wire()
    for _ in range(200):
        wire.dataReceived(HEAD.replace(b"html", b"x" * 5_000) + b"body")
        wire.request(None)
    assert not wire.is_cut


@pytest.mark.parametrize(
    "piece",
    [b"X: y\r\n", b"X: " + b"y" * 15_000 + b"\r\n", b"y" * 1000, b" folded\r\n", b"HTTP/1.1 103 Hints\r\n\r\n"],
)
def test_a_head_without_end_is_cut(piece: bytes) -> None:
    wire = Wire()
    wire.dataReceived(b"HTTP/1.1 200 OK\r\n" if b"103" not in piece else b"")
    for _ in range(2 * MAX_HEAD // len(piece)):
        wire.dataReceived(piece)
    assert (wire.is_cut, wire.is_bad, wire.received) == (True, True, [])


def test_what_is_no_http_is_left_to_the_parser() -> None:
    wire = Wire()
    wire.dataReceived(b"<html>")
    assert wire.received == [b"<html>"]


# Markup


@pytest.mark.parametrize(
    ("body", "is_it"),
    [
        (b"", False),
        (b"<p>" * 250_000, False),
        (b"<p>" * 350_000, True),
        (b"x" * 5_000_000, False),
        (b"<img src='data:image/png;base64," + b"iVBOR/w0KGgo" * 50_000 + b"'>", False),
        (b"<script>" + b'"a": 1, ' * 100_000 + b"</script>", False),
        (b"<p " + b"a=1 " * 100_000 + b">", True),
        (b"<p " + b"a/" * 100_000, True),
        (b"<p>x</p>" * 10_000 + b"< <p " + b'a="<" b\n' * 20_000, True),
    ],
    ids=range(9),
)
def test_markup_that_no_page_needs(body: bytes, is_it: bool) -> None:
    assert is_too_much(body) is is_it


# The gate


def make_gate(**settings: Any) -> Gate:
    return Gate(get_crawler(settings_dict={"ARCHIVER_MAX_PAGES": 5, "ARCHIVER_MAX_DEPTH": 3, **settings}))


@pytest.mark.parametrize(
    ("url", "meta", "reason"),
    [
        ("https://a.example/", {}, None),
        ("file:///etc/passwd", {}, "scheme"),
        ("data:text/html,x", {}, "scheme"),
        ("ftp://a.example/x", {}, "scheme"),
        ("https://a.example/" + "x" * 5000, {}, "bad_address"),
        ("https:///x", {}, "bad_address"),
        ("https://counter.theconversation.com/content/1/count.gif", {}, "tracker"),
        ("https://a.example/", {"depth": 3}, None),
        ("https://a.example/", {"depth": 4}, "depth"),
        ("https://a.example/", {"redirect_times": 10}, None),
        ("https://a.example/", {"redirect_times": 11}, "too_many_redirects"),
    ],
)
def test_the_gate_refuses(url: str, meta: dict[str, Any], reason: str | None) -> None:
    gate, request = make_gate(), Request(url, meta=meta)
    if reason is None:
        assert gate.process_request(request) is None
        return
    with pytest.raises(Refused) as caught:
        gate.process_request(request)
    assert caught.value.reason == reason
    gate.process_exception(request, caught.value)
    assert gate._stats.get_value(f"archiver/refused/{reason}") == 1


def test_credentials_are_taken_out_of_an_address() -> None:
    asked = make_gate().process_request(Request("https://user:pass@a.example:8080/x?y=@z"))
    assert asked is not None
    assert asked.url == "https://a.example:8080/x?y=@z"


def test_a_redirect_that_scrapy_leaves_alone_is_refused_and_counted() -> None:
    gate, request = make_gate(), Request("https://a.example/")
    with pytest.raises(Refused, match="scheme"):
        gate.process_response(request, Response(request.url, status=302, headers={"Location": "file:///etc/passwd"}))
    unchanged = Response(request.url, status=304, headers={"Location": "/x"})
    assert gate.process_response(request, unchanged) is unchanged
    with pytest.raises(Refused, match="too_many_tags"):
        gate.process_response(request, HtmlResponse(request.url, body=b"<p>" * 400_000, encoding="utf-8"))
    assert {key for key in gate._stats.get_stats() if "refused" in key} == {
        "archiver/refused/scheme",
        "archiver/refused/too_many_tags",
    }


@pytest.mark.parametrize(
    ("url", "is_it"),
    [
        ("https://o.example/?republication-pixel=true&post=123", True),
        ("https://www.google-analytics.com/collect?x", True),
        ("https://a.example/facebook.com/trends", False),
        ("https://www.facebook.com/tr?id=1", True),
        ("https://doubleclick.net.example/", False),
        ("https://notdoubleclick.net/", False),
        ("https://pixelate.example/", False),
    ],
)
def test_trackers_are_told_from_pages(url: str, is_it: bool) -> None:
    assert is_tracker(url) is is_it


def test_every_reason_is_in_the_readme() -> None:
    from tests.test_docs import README

    for reason, meaning in REASONS.items():
        assert f"| `{reason}` | {meaning} |" in README, reason
