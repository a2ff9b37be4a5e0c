"""The walk that reads a page's blocks: what is one block, what stands around it, what is left out."""

from __future__ import annotations

import time
import unicodedata

import pytest
from lxml.etree import _Element

from archiver.extract.blocks import Blocks, Region
from archiver.extract.walk import MAX_BLOCKS, read_blocks
from archiver.pages import read_page
from archiver.text import count_words, normalize_text


def read(html: str) -> Blocks:
    root = read_page(html.encode()).root
    assert isinstance(root, _Element)
    return read_blocks(root)


@pytest.mark.parametrize(
    ("html", "texts"),
    [
        ("<p>One <b>two</b> three<p>Four", ["One two three", "Four"]),
        ("<div>Loose<p>Par</p>tail</div>", ["Loose", "Par", "tail"]),
        ("<p>A<br>B", ["A B"]),
        ("<p>A<br><br>B", ["A", "B"]),
        ("<p>x<span style='display: block'>y</span>z", ["x", "y", "z"]),
        ("<p><span>by</span><span>Ann</span>", ["by Ann"]),
        ("<p>Out <span class=sr-only>(opens in a new tab)</span> there", ["Out there"]),
        ("<p>x<script>y</script>z<template>w</template>", ["xz"]),
        ("<div><template shadowrootmode=open><p>Shown</p></template></div>", ["Shown"]),
        ("<div><div> </div><div>\u200b</div><p>x</div>", ["x"]),
        ("<h2 id=a>Who pays<a href='#a'>¶</a></h2><h2 id=b><a href='#b'>#</a> How</h2>", ["Who pays", "How"]),
        ("<h2>Title <a href='#n1'>1</a></h2><p>Text<a href='#b'>#</a>", ["Title 1", "Text#"]),
    ],
)
def test_a_block_is_what_a_reader_sees_as_one(html: str, texts: list[str]) -> None:
    assert [block.text for block in read(html).blocks] == texts


def test_a_link_around_blocks_is_a_link_of_each() -> None:
    page = read("<a href=/x><div>One</div><div>Two <b>bold</b></div></a><p>Three")
    assert [[(a.href, a.text) for a in b.links] for b in page.blocks] == [[("/x", "One")], [("/x", "Two bold")], []]
    assert [block.link_density for block in page.blocks] == [1.0, pytest.approx(0.875), 0.0]


@pytest.mark.parametrize(
    ("html", "levels"),
    [
        ("<h2>A</h2><p>B", [2, 0]),
        ("<h3><div><div>A</div></div></h3>", [3]),
        ("<h3><div><div><div>A</div></div></div></h3>", [0]),
        ("<div role=heading aria-level=4>A</div><div role=heading>B</div>", [4, 2]),
    ],
)
def test_a_heading_reaches_two_levels_down(html: str, levels: list[int]) -> None:
    assert [block.heading for block in read(html).blocks] == levels


@pytest.mark.parametrize(
    "image", ["<img src=a>", "<div><img src=a></div>", "<div><picture><img src=a></picture></div>"]
)
def test_the_short_text_beside_an_image_is_its_caption(image: str) -> None:
    page = read(f"<main><div>{image}<div>The mayor on Tuesday</div></div><p>{'Long text. ' * 40}</p></main>")
    assert [bool(block.region & Region.SMALL_BOX) for block in page.blocks] == [True, False]


@pytest.mark.parametrize("box", ["<nav>{}</nav>", "<div class='main-menu'>{}</div>", "<ul class=siteFooter>{}</ul>"])
def test_a_menu_is_left_out(box: str) -> None:
    links = "".join(f"<li><a href=/{n}>Section {n}</a></li>" for n in range(6))
    page = read(f"<p>Before</p>{box.format(links)}<p>After</p>")
    assert [block.text for block in page.blocks] == ["Before", "After"]
    assert page.menus == {1}


@pytest.mark.parametrize(
    "box",
    ["<div class=menu>{}<p>Prose</p></div>", "<div class=list>{}</div>", "<article><div class=menu>{}</div></article>"],
)
def test_what_may_be_text_is_no_menu(box: str) -> None:
    links = "".join(f"<li><a href=/{n}>Section {n}</a></li>" for n in range(6))
    assert len(read(box.format(links)).blocks) >= 6


@pytest.mark.parametrize(
    "html",
    [
        "<p>" + "x<br><br>" * 100_000,
        "<p>x</p>" * 100_000,
        "<p><a href=/x>" + "<div>x</div>" * 100_000,
        "<div class='" + "menu " * 100_000 + "'>" + "<a href=/x>y</a>" * 50_000,
        ("<div class=menu>" * 100 + "<p>x</p>" + "<a href=/x>y</a>" * 500 + "</div>" * 100) * 20,
        "<div><img></div>" * 100_000,
    ],
)
def test_a_page_is_read_in_bounded_time(html: str) -> None:
    start = time.process_time()
    assert len(read(html).blocks) <= MAX_BLOCKS
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "text", ["Café — “so”", "Привет, мир", "新聞です。", "한국어", "a\u0301 b", "x\u00ad\u200by", "가\u11a8"]
)
def test_text_that_is_passed_as_whole_is(text: str) -> None:
    line = normalize_text(text)
    assert line == unicodedata.normalize("NFC", line)
    assert normalize_text(line) == line


@pytest.mark.parametrize(
    ("text", "words"), [("don’t stop – 4.5 %", 3), ("日本語 abc", 4), ("e-mail, U.S.", 2), ("", 0), ("a_b – c", 3)]
)
def test_words_are_counted_alike_with_and_without_a_pattern(text: str, words: int) -> None:
    assert count_words(text) == words
