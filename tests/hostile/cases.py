"""What each case's site answers, and what the crawl has to make of it.

Every site has a home page, a listing and three good stories, and shows one hostile thing more: a story, a listing page, a
sitemap, a robots.txt. The good stories are archived in every case but those in which the host may not be asked at all.
"""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from importlib import import_module
from typing import Any

from tests.crawls import headlines, listing_page, story_page
from tests.hostile.server import Answer, Server, Wire, closing

GOOD = headlines("water", "rent", "school")
BAD = "/article/levy-bill-goes-to-a-vote"
TITLE = "The levy bill goes to a vote at last"
ALL = frozenset(GOOD)
BOMB = 500 * 1024**2
SHORT = {"DOWNLOAD_TIMEOUT": 3, "RETRY_TIMES": 1}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One hostile site, and what is to come of its crawl."""

    name: str
    paths: Callable[[Server, Server], Mapping[str, Answer]]
    """What is served besides the good pages, given the site and a server that must not be reached."""
    exit_code: int = 4
    refused: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    """Reasons that have to be there; others may not."""
    archived: frozenset[str] = ALL
    settings: Mapping[str, object] = field(default_factory=dict)
    names: Mapping[str, list[list[str]]] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[Any, Server], None] = lambda result, server: None
    is_sample: bool = False
    """Among those that `make test` runs."""


def serve_page(text: str | bytes, *headers: str) -> Answer:
    body = text.encode() if isinstance(text, str) else text
    return lambda wire: wire.answer(body, *headers)


def site(extra: Mapping[str, Answer], links: Mapping[str, str] = {BAD: TITLE}, more: str = "") -> dict[str, Answer]:
    """The good pages, with links to hostile ones."""
    listing = {**GOOD, **links}
    paths = {
        "/": serve_page(listing_page(listing, nav={"/policy": "Policy"}, more=more)),
        "/policy": serve_page(listing_page(listing, nav={"/policy": "Policy"}, more=more)),
        **{path: serve_page(story_page(title)) for path, title in GOOD.items()},
    }
    return {**paths, **extra}


def story(answer: Answer) -> Callable[[Server, Server], dict[str, Answer]]:
    """A site one of whose stories is hostile."""
    return lambda server, secret: site({BAD: answer})


def redirect(to: str, status: str = "302 Found") -> Answer:
    return lambda wire: wire.answer(b"", f"Location: {to}", status=status)


def refresh(to: str) -> str:
    return f'<html><head><meta http-equiv="refresh" content="0; url={to}"></head><body><p>Moved.</p></body></html>'


# Bodies


@cache
def bomb(coding: str) -> bytes:
    head = story_page(TITLE).encode()
    if coding == "br":
        coder = import_module("brotli").Compressor(quality=1)
        parts = [coder.process(head), *(coder.process(bytes(1 << 20)) for _ in range(BOMB >> 20)), coder.finish()]
        return b"".join(parts)
    if coding == "zstd":
        zstd = import_module("backports.zstd")
        squeezer = zstd.ZstdCompressor(level=1)
        parts = [squeezer.compress(head), *(squeezer.compress(bytes(1 << 20)) for _ in range(BOMB >> 20))]
        return b"".join([*parts, squeezer.flush()])
    bits = {"gzip": 31, "deflate": 15}[coding]
    packer = zlib.compressobj(6, zlib.DEFLATED, bits)
    parts = [packer.compress(head), *(packer.compress(bytes(1 << 20)) for _ in range(BOMB >> 20)), packer.flush()]
    return b"".join(parts)


def send_bomb(coding: str) -> Answer:
    return lambda wire: wire.answer(bomb(coding), f"Content-Encoding: {coding}")


@closing
def endless_chunks(wire: Wire) -> None:
    wire.begin("Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b"<p>more</p>     " * 4096 + b"\r\n"
    while wire.is_open():
        wire.write(chunk)


@closing
def drip(wire: Wire) -> None:
    wire.begin("Content-Length: 100000")
    while wire.is_open():
        wire.write(b"<")
        time.sleep(0.25)


@closing
def drip_head(wire: Wire) -> None:
    wire.write(b"HTTP/1.1 200 OK\r\n")
    while wire.is_open():
        wire.write(b"X: y\r\n")
        time.sleep(0.25)


@closing
def hang(wire: Wire) -> None:
    while wire.is_open():
        time.sleep(0.1)


@closing
def endless_head(wire: Wire) -> None:
    wire.write(b"HTTP/1.1 200 OK\r\n")
    while wire.is_open():
        wire.write(b"".join(b"Set-Cookie: n%d=%s\r\n" % (n, b"x" * 4000) for n in range(20)))


@closing
def huge_line(wire: Wire) -> None:
    wire.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=" + b"x" * 1_000_000 + b"\r\nContent-Length: 2\r\n\r\nok")


@closing
def interim_storm(wire: Wire) -> None:
    while wire.is_open():
        wire.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" * 50)


@closing
def cut_short(wire: Wire) -> None:
    body = story_page(TITLE).encode()
    wire.begin(f"Content-Length: {len(body) + 5000}")
    wire.write(body)


@closing
def cut_without_length(wire: Wire) -> None:
    wire.begin("Connection: close")
    wire.write(story_page(TITLE).encode()[:-60])


@closing
def old_http(wire: Wire) -> None:
    wire.write(story_page(TITLE).encode())


@closing
def two_lengths(wire: Wire) -> None:
    wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\n<p>hi")


@closing
def negative_length(wire: Wire) -> None:
    wire.begin("Content-Length: -5")
    wire.write(b"<p>hi")


@closing
def lying_length(wire: Wire) -> None:
    wire.begin("Content-Length: 99999999999999")
    wire.write(b"<p>hi")


def hop(wire: Wire) -> None:
    number = int(wire.asked.path.rpartition("-")[2] or 0) if wire.asked.path.startswith("/hop-") else 0
    wire.answer(b"", f"Location: /hop-{number + 1}", status="302 Found")


class Endless(dict[str, Answer]):
    """Paths without end."""

    def __init__(self, paths: Mapping[str, Answer], otherwise: Answer) -> None:
        super().__init__(paths)
        self.otherwise = otherwise

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key) or self.otherwise


def calendar(server: Server, secret: Server) -> Mapping[str, Answer]:
    def month(wire: Wire) -> None:
        path = wire.asked.path
        if path == "/robots.txt":
            wire.answer(b"", status="404 Not Found")
            return
        number = int(path.rpartition("=")[2] or 0) if "page=" in path else 1
        links = {
            f"/article/sitting-of-day-{number}-of-the-council": f"Sitting of day {number} of the council at length"
        }
        more = f'<a rel="next" href="/policy?page={number + 1}">Next</a>'
        is_story = path.startswith("/article/")
        wire.answer((story_page("A sitting of the council") if is_story else listing_page(links, more=more)).encode())

    home = listing_page(GOOD, nav={"/policy": "Policy"})
    paths = {"/": serve_page(home), **{path: serve_page(story_page(title)) for path, title in GOOD.items()}}
    return Endless(paths, month)


@cache
def giant_sitemap(server: str) -> bytes:
    urls = "".join(f"<url><loc>{server}/a/{number}</loc></url>" for number in range(1_000_000))
    head = '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    return f"{head}{urls}".encode()[: 50 * 1024**2 - 20] + b"</urlset>"


def with_sitemap(body: Callable[[Server], bytes], *headers: str) -> Callable[[Server, Server], dict[str, Answer]]:
    def paths(server: Server, secret: Server) -> dict[str, Answer]:
        robots = f"User-agent: *\nAllow: /\nSitemap: {server.base_url}/sitemap.xml\n"
        extra: dict[str, Answer] = {
            "/robots.txt": lambda wire: wire.answer(robots.encode(), kind="text/plain"),
            "/sitemap.xml": lambda wire: wire.answer(body(server), *headers, kind="application/xml"),
        }
        return site(extra, {})

    return paths


ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "lollollollollollol">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 20) for n in range(9))
    + b'<!ENTITY file SYSTEM "file:///etc/hostname">]>'
)


def entity_sitemap(server: Server) -> bytes:
    urls = "".join(f"<url><loc>{server.base_url}{path}</loc></url>" for path in GOOD)
    return (
        ENTITIES
        + f"<urlset>{urls}<url><loc>&j;</loc></url><url><loc>{server.base_url}/&file;</loc></url></urlset>".encode()
    )


def robots(answer: Answer) -> Callable[[Server, Server], dict[str, Answer]]:
    return lambda server, secret: site({"/robots.txt": answer}, {})


def busy(status: str, *headers: Callable[[], str], times: int = 1) -> Answer:
    """A server that is too busy for the first requests."""
    left = [times]

    def answer(wire: Wire) -> None:
        if left[0] > 0:
            left[0] -= 1
            wire.answer(b"later", *(make() for make in headers), status=status)
        else:
            wire.answer(story_page(TITLE).encode())

    return answer


def in_seconds(seconds: float) -> Callable[[], str]:
    return lambda: "Retry-After: " + format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def waited(seconds: float) -> Callable[[Any, Server], None]:
    def check(result: Any, server: Server) -> None:
        first, second = (each.at for each in server.asked if each.path == BAD)
        assert second - first >= seconds, f"asked again after {second - first:.2f} s"

    return check


def never_reached(result: Any, server: Server) -> None:
    assert {place for place in result.connected if place[0] != "127.0.0.1" or place[1] != server.port} == set()


def elsewhere(make: Callable[[Server], str]) -> Callable[[Server, Server], dict[str, Answer]]:
    return lambda server, secret: site({BAD: redirect(make(secret))})


def title_is(title: str, **columns: object) -> Callable[[Any, Server], None]:
    def check(result: Any, server: Server) -> None:
        row = next(row for row in result.rows if row["url"].endswith(BAD))
        assert row["title"] == title, row["title"]
        for column, value in columns.items():
            assert row[column] == value, (column, row[column])

    return check


def section_story(section: str) -> str:
    data = json.dumps({"@type": "NewsArticle", "headline": TITLE, "articleSection": section})
    script = f'<script type="application/ld+json">{data}</script>'
    return story_page(TITLE, section=section).replace("</head>", f"{script}</head>")


def inside(result: Any, server: Server) -> None:
    """No file of the archive stands outside its folders, whatever a section is called."""
    for row in result.rows:
        assert row["section"].replace("-", "").isalnum(), row["section"]
        assert len(row["section"]) <= 100, len(row["section"])


def with_data(data: object) -> str:
    text = data if isinstance(data, str) else json.dumps(data)
    return story_page(TITLE).replace("</head>", f'<script type="application/ld+json">{text}</script></head>')


HOSTILE_LINKS = {
    BAD: TITLE,
    "javascript:alert(document.cookie)//": "The script bill goes to a vote in the house",
    "data:text/html,<h1>x</h1>": "The data bill goes to a vote in the house",
    "file:///etc/passwd": "The file bill goes to a vote in the house",
    "ftp://127.0.0.1/article/ftp-bill-goes-to-a-vote": "The transfer bill goes to a vote in the house",
    "http://127.0.0.1.nip.test/article/nip-bill-goes-to-a-vote": "The look-alike bill goes to a vote in the house",
    "http://xn--gd-fkab.test/article/good-bill-goes-to-a-vote": "The homograph bill goes to a vote in the house",
}


def bad_story(page: str | bytes, *headers: str) -> Callable[[Server, Server], dict[str, Answer]]:
    return story(serve_page(page, *headers))


def nested(times: int) -> Callable[[Server], bytes]:
    def make(server: Server) -> bytes:
        urls = "".join(f"<url><loc>{server.base_url}{path}</loc></url>" for path in GOOD)
        body = f"<urlset>{urls}</urlset>".encode()
        for _ in range(times):
            body = gzip.compress(body)
        return body

    return make


def far(host: str, port: str = "") -> Callable[[Server, Server], dict[str, Answer]]:
    """A site one of whose stories redirects to another host, on the port of the server that must not be reached."""
    return lambda server, secret: site({BAD: redirect(f"http://{host}:{port or secret.port}/secret")})


INSIDE = """
127.0.0.2 localhost localhost. 2130706434 0x7f000002 0x7f.2 0177.0.0.2 127.2 0.0.0.0 0 [::1] [::] [::ffff:127.0.0.2]
[::ffff:7f00:2] [::127.0.0.2] [64:ff9b::7f00:2] [2002:7f00:2::1] [fe80::1] [fd00:ec2::254] [ff02::1] 10.0.0.1 172.16.0.1
192.168.1.1 169.254.169.254 100.64.0.1 100.100.100.200 192.0.0.192 168.63.129.16 224.0.0.1 240.0.0.1 255.255.255.255
①②⑦.0.0.2 127。0。0。2
""".split()
"""Hosts that stand for an address of the inside."""
SECTIONS = (
    "../../x", "", ".", "..", "/etc/passwd", "C:\\x", "x" * 300, "=cmd|' /C calc'!A0", "\u202e", "%2e%2e%2f", "CON", "NUL",
    "__HIVE_DEFAULT_PARTITION__", "a/b", "a\0b", "date=2026-01-01",
)  # fmt: skip


def numbered(number: int) -> str:
    return f"/article/{'abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz'[number] * (1 + number // 26)}-levy-goes-to-a-vote"


def many(answers: Mapping[str, Answer]) -> dict[str, Answer]:
    """A site that shows one hostile story after another."""
    pages = {numbered(number): answer for number, answer in enumerate(answers.values())}
    return site(pages, {path: f"The levy of {path[9:12]} goes to a vote at last" for path in pages})


BOTH = ALL | {BAD}

CASES: Sequence[Case] = (
    *(
        Case(
            name=f"{coding} bomb of 500 MB",
            paths=story(send_bomb(coding)),
            refused={"too_large": 1},
            is_sample=coding == "gzip",
        )
        for coding in ("gzip", "br", "zstd", "deflate")
    ),
    Case(
        name="gzip bomb in a gzip bomb",
        paths=story(lambda wire: wire.answer(gzip.compress(bomb("gzip")), "Content-Encoding: gzip, gzip")),
        refused={"too_large": 1},
    ),
    Case(
        name="a thousand codings",
        paths=story(lambda wire: wire.answer(b"x" * 99, "Content-Encoding: " + ", ".join(["gzip"] * 1000))),
        refused={"undecodable": 1},
    ),
    Case(
        name="no gzip though it says so",
        paths=story(lambda w: w.answer(b"<p>x</p>", "Content-Encoding: gzip")),
        refused={"undecodable": 1},
    ),
    Case(name="endless chunks", paths=story(endless_chunks), refused={"too_large": 1}, is_sample=True),
    Case(
        name="page of 100 MB",
        paths=story(lambda wire: wire.answer(b"<p>" + b"x" * 100 * 1024**2)),
        refused={"too_large": 1},
    ),
    Case(name="a byte now and then", paths=story(drip), refused={"too_slow": 1}, settings=SHORT, is_sample=True),
    Case(name="a header now and then", paths=story(drip_head), failures={"download_timeout": 1}, settings=SHORT),
    Case(name="no answer at all", paths=story(hang), failures={"download_timeout": 1}, settings=SHORT),
    Case(name="headers without end", paths=story(endless_head), refused={"bad_head": 1}, is_sample=True),
    Case(name="a header of 1 MB", paths=story(huge_line), refused={"bad_head": 1}),
    Case(name="interim responses without end", paths=story(interim_storm), refused={"bad_head": 1}),
    Case(name="HTTP/0.9", paths=story(old_http), failures={"download_failed": 1}),
    Case(name="two lengths", paths=story(two_lengths), failures={"download_failed": 1}),
    Case(name="a negative length", paths=story(negative_length), failures={"download_failed": 1}),
    Case(name="a length of 100 TB", paths=story(lying_length), refused={"too_large": 1}),
    Case(name="cut short of its length", paths=story(cut_short), failures={"response_data_loss": 1}),
    Case(
        name="cut short without a length",
        paths=story(cut_without_length),
        exit_code=0,
        archived=BOTH,
        check=lambda result, server: None,
    ),
    # Redirects and addresses
    Case(name="redirect loop", paths=story(redirect(BAD)), refused={"too_many_redirects": 1}, is_sample=True),
    Case(
        name="redirects without end",
        paths=lambda s, x: Endless(
            site({BAD: redirect("/hop-0")}),
            lambda w: hop(w) if w.asked.path.startswith("/hop") else w.answer(status="404 No"),
        ),
        refused={"too_many_redirects": 1},
    ),
    Case(
        name="redirects across names",
        paths=lambda server, secret: Endless(
            site({BAD: redirect(f"http://n0.test:{server.port}/hop-0")}),
            lambda w: (
                w.answer(
                    b"",
                    f"Location: http://n{int(w.asked.path[5:]) + 1}.test:{server.port}/hop-{int(w.asked.path[5:]) + 1}",
                    status="302 Found",
                )
                if w.asked.path.startswith("/hop-")
                else w.answer(status="404 No")
            ),
        ),
        names={f"n{n}.test": [["127.0.0.1"]] for n in range(30)},
        refused={"too_many_redirects": 1},
    ),
    Case(
        name="redirect to file:",
        paths=elsewhere(lambda s: "file:///etc/hostname"),
        refused={"scheme": 1},
        is_sample=True,
    ),
    Case(name="redirect to data:", paths=elsewhere(lambda s: "data:text/html,<h1>x</h1>"), refused={"scheme": 1}),
    Case(name="redirect to ftp:", paths=elsewhere(lambda s: "ftp://127.0.0.1/x"), refused={"scheme": 1}),
    Case(name="redirect to javascript:", paths=elsewhere(lambda s: "javascript:alert(1)"), refused={"scheme": 1}),
    Case(
        name=f"redirects to {len(INSIDE)} inside addresses and notations",
        paths=lambda server, secret: many(
            {host: redirect(f"http://{host}:{secret.port}/secret-{number}") for number, host in enumerate(INSIDE)}
        ),
        refused={"address": len(INSIDE)},
        check=never_reached,
        is_sample=True,
    ),
    Case(
        name="meta refresh to loopback",
        paths=lambda server, secret: site({BAD: serve_page(refresh(f"http://127.0.0.2:{secret.port}/x"))}),
        refused={"address": 1},
        check=never_reached,
        is_sample=True,
    ),
    Case(
        name="a name at a private address",
        paths=far("inside.test"),
        names={"inside.test": [["10.0.0.7"]]},
        refused={"address": 1},
        check=never_reached,
    ),
    Case(
        name="a name at a metadata address",
        paths=far("metadata.test"),
        names={"metadata.test": [["169.254.169.254"]]},
        refused={"address": 1},
        check=never_reached,
    ),
    Case(
        name="a name whose answer changes",
        paths=far("rebind.test"),
        names={"rebind.test": [["10.0.0.7"], ["127.0.0.2"], ["169.254.169.254"], ["127.0.0.2"]]},
        refused={"address": 1},
        check=never_reached,
        is_sample=True,
    ),
    Case(
        name="credentials in a redirect",
        paths=lambda s, x: site(
            {
                BAD: redirect(f"http://user:secret@127.0.0.1:{s.port}/article/moved-levy-bill-goes-to-a-vote"),
                "/article/moved-levy-bill-goes-to-a-vote": serve_page(story_page(TITLE)),
            }
        ),
        exit_code=0,
        archived=ALL | {"/article/moved-levy-bill-goes-to-a-vote"},
        check=lambda result, server: _no_secret(result, server),
    ),
    Case(
        name="an address of 8,000 characters", paths=elsewhere(lambda s: "/" + "x" * 8000), refused={"bad_address": 1}
    ),
    Case(name="a redirect to a broken address", paths=elsewhere(lambda s: "http://[::1/x"), refused={"bad_address": 1}),
    Case(
        name="a redirect to a port that is none",
        paths=elsewhere(lambda s: "http://127.0.0.1:99999/x"),
        refused={"bad_address": 1},
    ),
    Case(
        name="redirect to a tracker",
        paths=elsewhere(lambda s: "https://counter.theconversation.com/content/1/count.gif"),
        refused={"tracker": 1},
        check=never_reached,
    ),
    Case(
        name="javascript:, data:, file:, ftp: and look-alike links",
        paths=lambda s, x: site({BAD: serve_page(story_page(TITLE))}, HOSTILE_LINKS),
        exit_code=0,
        archived=BOTH,
        check=never_reached,
        is_sample=True,
    ),
    Case(
        name="credentials in links",
        paths=lambda s, x: site(
            {BAD: serve_page(story_page(TITLE))}, {f"http://user:secret@127.0.0.1:{s.port}{BAD}": TITLE}
        ),
        exit_code=0,
        archived=BOTH,
        check=lambda result, server: _no_secret(result, server),
    ),
    Case(
        name="headers injected through a redirect",
        paths=elsewhere(lambda s: "/a%0d%0aX-Evil:%20yes"),
        exit_code=0,
        check=lambda result, server: _not_injected(server),
    ),
    # Sitemaps and feeds
    Case(
        name="sitemap of a million addresses",
        paths=with_sitemap(lambda server: giant_sitemap(server.base_url)),
        refused={"too_large": 1},
        is_sample=True,
    ),
    Case(
        name="sitemap of 60 MB",
        paths=with_sitemap(lambda server: giant_sitemap(server.base_url) + b" " * 10 * 1024**2),
        refused={"too_large": 1},
    ),
    Case(name="gzip bomb as a sitemap", paths=with_sitemap(lambda server: bomb("gzip")), refused={"too_large": 1}),
    Case(name="sitemap packed twice", paths=with_sitemap(nested(2)), exit_code=0),
    Case(name="sitemap packed ten times", paths=with_sitemap(nested(10)), refused={"undecodable": 1}),
    Case(name="entity bomb and external entity", paths=with_sitemap(entity_sitemap), exit_code=0, is_sample=True),
    Case(
        name="sitemap without an entry",
        paths=with_sitemap(lambda server: b"<urlset>" + b"<a/>" * 10_000_000),
        refused={"too_large": 1},
    ),
    # Listings
    Case(
        name="calendar without end",
        paths=calendar,
        settings={"ARCHIVER_MAX_DEPTH": 30, "ARCHIVER_MAX_PAGES": 5000},
        refused={"depth": 2},
        archived=frozenset(),
        is_sample=True,
    ),
    Case(
        name="more pages than a host may be asked",
        paths=calendar,
        settings={"ARCHIVER_MAX_PAGES": 40},
        archived=frozenset(),
        failures={"pages": 1},
    ),
    # Pages
    Case(
        name="a million nested divs",
        paths=bad_story("<html><body><h1>x</h1>" + "<div>" * 1_000_000 + "x"),
        refused={"too_many_tags": 1},
        is_sample=True,
    ),
    Case(
        name="a tag of 500,000 attributes",
        paths=bad_story("<html><body><i " + " ".join(f"a{n}=1" for n in range(500_000)) + ">x"),
        refused={"too_many_tags": 1},
    ),
    Case(
        name="NUL bytes",
        paths=bad_story(story_page(TITLE).replace("levy", "le\0vy").replace("<p>", "<p>\0")),
        exit_code=0,
        archived=BOTH,
        check=title_is(TITLE),
    ),
    Case(
        name="a wrong charset",
        paths=story(
            lambda w: w.answer(
                story_page(TITLE.replace("levy", "l\u00e9vy")).encode(), kind="text/html; charset=utf-16"
            )
        ),
        exit_code=0,
        archived=BOTH,
        check=title_is(TITLE.replace("levy", "l\u00e9vy")),
    ),
    Case(
        name="an unknown charset",
        paths=story(lambda w: w.answer(story_page(TITLE).encode(), kind="text/html; charset=../../etc/passwd")),
        exit_code=0,
        archived=BOTH,
        check=title_is(TITLE),
    ),
    Case(
        name="bidi and zero-width characters",
        paths=bad_story(story_page("The \u202elevy\u202c bi\u200bll goes\u2066 to a vote at last")),
        exit_code=0,
        archived=BOTH,
        check=title_is(TITLE),
    ),
    Case(
        name=f"{len(SECTIONS)} sections that are no folder names",
        paths=lambda server, secret: many({section: serve_page(section_story(section)) for section in SECTIONS}),
        exit_code=0,
        archived=ALL | {numbered(number) for number in range(len(SECTIONS))},
        check=inside,
        is_sample=True,
    ),
    Case(
        name="=cmd in a title",
        paths=bad_story(story_page("=cmd|' /C calc'!A0 levy bill goes to a vote")),
        exit_code=0,
        archived=BOTH,
        check=title_is("=cmd|' /C calc'!A0 levy bill goes to a vote"),
    ),
    Case(
        name="JSON-LD of 9 MB",
        paths=bad_story(with_data({"@type": "NewsArticle", "headline": "x" * 9_000_000})),
        exit_code=0,
        archived=BOTH,
        check=title_is(TITLE),
    ),
    Case(
        name="JSON-LD of 50 MB",
        paths=bad_story(with_data('{"headline":"' + "x" * 50_000_000 + '"}')),
        refused={"too_large": 1},
    ),
    Case(
        name="JSON-LD 200,000 deep",
        paths=bad_story(with_data("[" * 200_000 + "]" * 200_000)),
        exit_code=0,
        archived=BOTH,
        check=title_is(TITLE),
        is_sample=True,
    ),
    Case(
        name="JSON-LD list of lists",
        paths=bad_story(with_data([[[{"@type": "NewsArticle", "headline": TITLE}]], [[]], None, 1])),
        exit_code=0,
        archived=BOTH,
        check=title_is(TITLE),
    ),
    *(
        Case(
            name=f"date {date}",
            paths=bad_story(with_data({"@type": "NewsArticle", "headline": TITLE, "datePublished": date})),
            exit_code=0,
            archived=BOTH,
            check=title_is(TITLE, published_at=None),
        )
        for date in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00")
    ),
    # robots.txt
    Case(
        name="robots.txt 500",
        paths=robots(lambda w: w.answer(status="500 No")),
        exit_code=3,
        archived=frozenset(),
        refused={"robots_unreachable": 1},
        is_sample=True,
    ),
    Case(
        name="robots.txt 429",
        paths=robots(lambda w: w.answer(status="429 No")),
        exit_code=3,
        archived=frozenset(),
        refused={"robots_unreachable": 1},
    ),
    Case(
        name="robots.txt hangs",
        paths=robots(hang),
        exit_code=3,
        archived=frozenset(),
        refused={"robots_unreachable": 1},
        settings=SHORT,
        is_sample=True,
    ),
    Case(
        name="robots.txt drips",
        paths=robots(drip),
        exit_code=3,
        archived=frozenset(),
        refused={"robots_unreachable": 1},
        settings=SHORT,
    ),
    Case(name="robots.txt 403", paths=robots(lambda w: w.answer(status="403 No")), exit_code=0),
    Case(name="robots.txt without end", paths=robots(endless_chunks), exit_code=0),
    Case(name="gzip bomb as robots.txt", paths=robots(send_bomb("gzip")), exit_code=0),
    Case(name="robots.txt redirects in a loop", paths=robots(redirect("/robots.txt")), exit_code=0),
    Case(
        name="robots.txt forbids all",
        paths=robots(lambda w: w.answer(b"User-agent: *\nDisallow: /", kind="text/plain")),
        exit_code=3,
        archived=frozenset(),
        refused={"robots": 1},
    ),
    Case(
        name="rules past the first 500 KiB",
        paths=robots(lambda w: w.answer(b"#" * 512_000 + b"\nUser-agent: *\nDisallow: /", kind="text/plain")),
        exit_code=0,
    ),
    # Busy servers
    Case(
        name="429 with Retry-After in seconds",
        paths=lambda s, x: site({BAD: busy("429 Slow", lambda: "Retry-After: 2")}),
        exit_code=0,
        archived=BOTH,
        check=waited(2),
        is_sample=True,
    ),
    Case(
        name="503 with Retry-After as a date",
        paths=lambda s, x: site({BAD: busy("503 Busy", in_seconds(3))}),
        exit_code=0,
        archived=BOTH,
        check=waited(1.9),
    ),
    Case(
        name="429 without Retry-After",
        paths=lambda s, x: site({BAD: busy("429 Slow")}),
        exit_code=0,
        archived=BOTH,
        check=waited(1),
    ),
    Case(
        name="429 with Retry-After of a day",
        paths=lambda s, x: site({BAD: busy("429 Slow", lambda: "Retry-After: 86400", times=99)}),
        refused={"retry_after": 1},
    ),
    Case(
        name="503 with Retry-After in the year 9999",
        paths=lambda s, x: site(
            {BAD: busy("503 Busy", lambda: "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", times=99)}
        ),
        refused={"retry_after": 1},
    ),
    Case(
        name="Retry-After that is nonsense",
        paths=lambda s, x: site({BAD: busy("503 Busy", lambda: "Retry-After: -1e999 soon")}),
        exit_code=0,
        archived=BOTH,
    ),
)


def _no_secret(result: Any, server: Server) -> None:
    assert not any("secret" in each.head or "authorization" in each.head.lower() for each in server.asked)
    assert "user:secret" not in json.dumps(result.record) + "".join(str(row) for row in result.rows)


def _not_injected(server: Server) -> None:
    assert not any("\nX-Evil" in each.head for each in server.asked)
