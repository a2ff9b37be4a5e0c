"""What came over the wire reaches the archive as it came, whatever Scrapy makes of it."""

import gzip
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.downloadermiddlewares.redirect import MetaRefreshMiddleware, RedirectMiddleware
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.http import HtmlResponse, Request, Response
from scrapy.utils.test import get_crawler

from archiver.middlewares import RawResponses
from archiver.store.archive import Archive
from archiver.store.raw_read import iter_records, raw_dir
from archiver.store.raw_repair import check_raw_file

A, B, C = (f"https://news.example/{path}" for path in "abc")
PAGE = b"<html><title>Budget</title>" + b"<p>The council voted on Tuesday.</p>" * 40
CODED = gzip.compress(PAGE)


class Chain:
    """Passes responses through Scrapy's own middlewares, in the order of their numbers."""

    def __init__(self) -> None:
        crawler = get_crawler()
        crawler.spider = crawler._create_spider("test")
        kinds = (RedirectMiddleware, HttpCompressionMiddleware, MetaRefreshMiddleware, RetryMiddleware)
        self.middlewares = [RawResponses(), *(kind.from_crawler(crawler) for kind in kinds)]
        self.request = Request(A)

    def take(self, status: int, body: bytes = b"", **headers: str) -> "Chain":
        response: Any = Response(self.request.url, status=status, body=body, headers=headers)  # type: ignore[arg-type]
        if headers.get("Content-Type") == "text/html":
            response = HtmlResponse(response.url, status=status, body=body, headers=headers)
        for middleware in self.middlewares:
            response = middleware.process_response(self.request, response)
            if isinstance(response, Request):
                self.request = response
                break
        return self

    @property
    def seen(self) -> list[tuple[str, int]]:
        meta = self.request.meta
        return [(each.url, each.status) for each in (*meta.get("redirects", ()), meta["exchange"])]


def test_the_body_is_kept_before_it_is_decoded() -> None:
    body = CODED
    request = Request(A)
    response = Response(
        A, body=body, headers={"Content-Encoding": "gzip", "Content-Type": "text/html"}, protocol="HTTP/1.1"
    )
    given = RawResponses().process_response(request, response)
    decoded = HttpCompressionMiddleware.from_crawler(get_crawler()).process_response(request, given)
    assert decoded.body == PAGE  # type: ignore[union-attr]
    exchange = request.meta["exchange"]
    assert exchange.body is body, "no copy"
    assert exchange.headers == (("Content-Encoding", "gzip"), ("Content-Type", "text/html"))
    assert (exchange.url, exchange.status, exchange.protocol, exchange.ip) == (A, 200, "HTTP/1.1", None)
    assert exchange.fetched_at.tzinfo is not None


def test_redirects_are_kept_in_their_order() -> None:
    chain = Chain().take(301, Location=B).take(302, Location=C).take(200, b"x")
    assert chain.seen == [(A, 301), (B, 302), (C, 200)]


def test_a_page_that_sends_on_is_a_redirect() -> None:
    refresh = f'<meta http-equiv="refresh" content="0; url={B}">'.encode()
    chain = Chain().take(200, refresh, **{"Content-Type": "text/html"}).take(200, b"x")
    assert chain.seen == [(A, 200), (B, 200)]


def test_what_was_asked_for_again_is_no_redirect() -> None:
    chain = Chain().take(503).take(301, Location=B).take(503).take(500).take(200, b"x")
    assert chain.seen == [(A, 301), (B, 200)]


def test_a_page_that_sends_to_itself() -> None:
    chain = Chain().take(302, Location=A).take(503).take(200, b"x")
    assert chain.seen == [(A, 302), (A, 200)]


def test_requests_do_not_share_their_redirects() -> None:
    chain = Chain().take(302, Location=B)
    first = chain.request
    chain.take(302, Location=C)
    assert "redirects" in first.meta
    assert len(first.meta["redirects"]) == 1
    chain.take(200)
    assert len(first.meta["redirects"]) == 1


@pytest.mark.parametrize("status", [204, 304, 404, 410, 429, 599])
def test_answers_without_a_page_are_kept(status: int) -> None:
    request = Request(A)
    RawResponses().process_response(request, Response(A, status=status))
    assert (request.meta["exchange"].status, request.meta["exchange"].body) == (status, b"")
    assert request.meta["exchange"].headers == ()


def test_secrets_are_not_kept() -> None:
    headers = {"Authorization": "Basic x", "Cookie": "a=b", "proxy-authorization": "y", "Accept": "text/html"}
    request = Request(A, headers=headers)
    RawResponses().process_response(request, Response(A))
    assert request.meta["exchange"].request_headers == (("Accept", "text/html"),)


def test_headers_are_kept_as_they_came() -> None:
    response = Response(A, headers={"Set-Cookie": ["a=1", "b=2"], "X": b"\xc3\xa9\xff", "Empty": ""})  # type: ignore[arg-type]
    request = Request(A)
    RawResponses().process_response(request, response)
    assert request.meta["exchange"].headers == (
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("X", "\xc3\xa9\xff"),
        ("Empty", ""),
    )


@pytest.mark.parametrize("url", ["data:text/html,x", "file:///etc/hostname", "s3://a/b"])
def test_what_is_not_from_the_web_is_left_alone(url: str) -> None:
    request = Request(url)
    RawResponses().process_response(request, Response(url))
    assert "exchange" not in request.meta


# A crawl

CRAWL = """
import json, sys
from pathlib import Path
import scrapy
from scrapy.crawler import CrawlerProcess
from archiver.store.archive import Archive
from archiver.store.raw import RawWriter

base, root, paths = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]

class Spider(scrapy.Spider):
    name = "raw"
    custom_settings = {
        "DOWNLOADER_MIDDLEWARES": {"archiver.middlewares.RawResponses": 610},
        "ROBOTSTXT_OBEY": False, "LOG_LEVEL": "CRITICAL", "TELNETCONSOLE_ENABLED": False, "CONCURRENT_REQUESTS": 1,
        "REMOTE_CONTROL_ENABLED": False, "RETRY_TIMES": 1, "DOWNLOAD_DELAY": 0,
    }
    handle_httpstatus_list = [304, 404]
    writer = RawWriter(Archive(root), "127.0.0.1", "run")

    async def start(self):
        for path in paths:
            yield scrapy.Request(base + path, self.take, errback=self.lose, dont_filter=True)

    def take(self, response):
        self.keep(response.request, response.body)

    def lose(self, failure):
        self.keep(failure.request, None)

    def keep(self, request, body):
        exchange = request.meta.get("exchange")
        if exchange is not None:
            for each in request.meta.get("redirects", ()):
                self.writer.write(each, {})
            place = self.writer.write(exchange, {"body": None if body is None else body.decode("latin-1")})
            print(json.dumps([exchange.url.removeprefix(base), *place]), flush=True)

process = CrawlerProcess()
process.crawl(Spider)
process.start()
Spider.writer.close()
"""


class Wire(BaseHTTPRequestHandler):
    """Answers as servers do, rightly and wrongly."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        self.asked[self.path] += 1
        getattr(self, self.path.strip("/"))()

    def answer(self, body: bytes, *headers: tuple[str, str], status: int = 200, length: int | None = None) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", "text/html"), *headers):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def gzip(self) -> None:
        self.answer(CODED, ("Content-Encoding", "gzip"))

    def plain(self) -> None:
        self.answer(PAGE)

    def chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        for part in (CODED[:30], CODED[30:]):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def not_modified(self) -> None:
        self.send_response(304)
        self.send_header("Etag", '"x"')
        self.end_headers()

    def missing(self) -> None:
        self.answer(b"gone", status=404)

    def moved(self) -> None:
        self.answer(b"moved", ("Location", "/plain"), status=301)

    def mislabelled(self) -> None:
        self.answer(PAGE, ("Content-Encoding", "gzip"))

    def busy_once(self) -> None:
        self.answer(PAGE, status=503 if self.asked[self.path] == 1 else 200)

    def endless(self) -> None:  # no length: the end of the connection is the end of the body
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(PAGE)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def base_url() -> Iterator[str]:
    Wire.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Wire)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_crawl_keeps_what_came(base_url: str, tmp_path: Path) -> None:
    paths = ["gzip", "plain", "chunked", "not_modified", "missing", "moved", "mislabelled", "busy_once", "endless"]
    command = [sys.executable, "-c", CRAWL, base_url, str(tmp_path), *(f"/{path}" for path in paths)]
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parent.parent
    )
    assert run.returncode == 0, run.stderr
    kept = {path.strip("/"): place for path, *place in map(json.loads, run.stdout.splitlines())}
    (file,) = raw_dir(Archive(tmp_path)).glob("*/*.warc.gz")
    assert check_raw_file(file) == []
    records = {record.url.rpartition("/")[2]: record for record in iter_records(file)}
    assert {name: record.status for name, record in records.items()} == {
        "gzip": 200,
        "plain": 200,
        "chunked": 200,
        "not_modified": 304,
        "missing": 404,
        "moved": 301,
        "mislabelled": 200,
        "busy_once": 200,
        "endless": 200,
    }
    assert set(kept) == set(records) - {"moved"}
    assert records["gzip"].payload == records["chunked"].payload == CODED
    assert records["plain"].payload == records["mislabelled"].payload == records["endless"].payload == PAGE
    for name, record in records.items():
        if name in ("mislabelled", "moved"):
            continue
        assert record.body == record.found["body"].encode("latin-1"), "what the spider saw"
    assert records["mislabelled"].found == {"body": None}
    with pytest.raises(ValueError, match="not decodable as gzip"):
        _ = records["mislabelled"].body
    check = subprocess.run([sys.executable, "-m", "warcio.cli", "check", str(file)], capture_output=True, check=False)
    assert check.returncode == 0, check
