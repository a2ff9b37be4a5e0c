"""A generated news site for a bench: stories of 40 to 60 KB with structured data and a FAQ, and the listings of its sections.

Texts are words of the bundled stories, as often as they stand there, so that a page takes about the bytes of a real one once
it is compressed. The same number gives the same site.
"""

from __future__ import annotations

import gzip
import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from archiver.demo.stories import Paragraph, load_events

SECTIONS = (
    "policy",
    "markets",
    "technology",
    "business",
    "energy",
    "health",
    "trade",
    "courts",
    "housing",
    "transport",
)
STORIES_A_PAGE = 25
NEWEST = datetime(2026, 6, 30, 18, tzinfo=UTC)
STORIES_A_DAY = 100
PUBLISHERS = ("Example Wire", "Harbour Post", "Granite Ledger", "The Canal Times")


@dataclass(frozen=True)
class Story:
    path: str
    section: str
    title: str
    dek: str
    at: datetime


def write_site(folder: Path, stories: int, base: str, name: str = "") -> int:
    """Write the pages of a site, gzipped as nginx's gzip_static takes them; return how many pages there are.

    Sites of different names tell different stories.
    """
    words = _read_words()
    told = [_make_story(number, words, name) for number in range(stories)]
    pages = 0
    for number, story in enumerate(told):
        _write(folder, story.path, _story_page(number, story, told, words, base, name))
        pages += 1
    for section in SECTIONS:
        own = [story for story in told if story.section == section]
        for path, page in _listing_pages(section, own):
            _write(folder, path, page)
            pages += 1
    _write(folder, "/index.html", _page("The Bench Gazette", "", _cards(told[:30]), {}))
    (folder / "robots.txt").write_text("User-agent: *\nDisallow: /private/\n")
    return pages + 1


def _write(folder: Path, path: str, page: str) -> None:
    file = folder / f"{path[1:]}.gz"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(page.encode(), 6, mtime=0))


def _read_words() -> list[str]:
    paragraphs = (
        run.text
        for event in load_events()
        for rewrite in event.rewrites
        for block in rewrite.body
        if isinstance(block, Paragraph)
        for run in block.runs
    )
    return re.findall(r"[\w'-]+", " ".join(paragraphs))


def _sentence(random: Random, words: Sequence[str], least: int = 10, most: int = 26) -> str:
    return " ".join(random.choices(words, k=random.randint(least, most))).capitalize() + "."


def _paragraph(random: Random, words: Sequence[str], sentences: int) -> str:
    return " ".join(_sentence(random, words) for _ in range(sentences))


def _make_story(number: int, words: Sequence[str], name: str) -> Story:
    random = Random(f"{name} story {number}")
    title = " ".join(random.choices(words, k=random.randint(7, 12))).capitalize()
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    section = SECTIONS[number % len(SECTIONS)]
    at = NEWEST - timedelta(minutes=number * 24 * 60 // STORIES_A_DAY)
    return Story(f"/{section}/{slug}-{number}.html", section, title, _sentence(random, words, 18, 30), at)


def _story_page(number: int, story: Story, told: Sequence[Story], words: Sequence[str], base: str, name: str) -> str:
    random = Random(f"{name} page {number}")
    body = [html.escape(_paragraph(random, words, random.randint(2, 5))) for _ in range(random.randint(9, 16))]
    other = told[random.randrange(len(told))]
    body[2] += f' See <a href="https://reports.example/{random.randrange(10**6)}">the report</a> on it.'
    body[4] += f' It was <a href="{told[random.randrange(len(told))].path}">told before</a> here.'
    publisher = random.choice(PUBLISHERS)
    source = f"https://{publisher.lower().replace(' ', '')}.example/{story.at:%Y/%m/%d}/{name}{number}?utm_source=bench"
    faq = [
        (_sentence(random, words, 6, 10)[:-1] + "?", _paragraph(random, words, 2)) for _ in range(random.randint(3, 5))
    ]
    pairs = "".join(
        f'<div class="faq-item"><h3><span>Q.</span>{html.escape(asked)}</h3><p>{html.escape(answer)}</p></div>'
        for asked, answer in faq
    )
    author = " ".join(word.capitalize() for word in random.sample(("ada", "bryn", "cleo", "dov", "esme", "finn"), 2))
    paragraphs = "".join(f"<p>{text}</p>" for text in body)
    article = f"""
<article class="story"><p class="kicker"><a href="/{story.section}/index.html">{story.section}</a></p>
<h1>{html.escape(story.title)}</h1><p class="dek">{html.escape(story.dek)}</p>
<p class="byline">By <a rel="author" href="/authors/{author.lower().replace(" ", "-")}.html">{author}</a>
<time datetime="{story.at.isoformat()}">{story.at:%d %B %Y, %H:%M}</time></p>
<figure><img src="/images/{number}.jpg" alt="">
<figcaption>{_sentence(random, words)}</figcaption></figure>
<div class="body">{paragraphs}<p>Read more <a href="{other.path}">{html.escape(other.title)} →</a></p>
<p>{html.escape(_paragraph(random, words, 3))} Continue reading at {publisher}.</p></div>
<p class="source"><a rel="nofollow" href="{source}">Continue reading at {publisher} →</a></p>
<section class="faq"><h2>Frequently Asked Questions</h2>{pairs}</section></article>
<aside class="related"><h2>More in {story.section}</h2>{_cards(random.sample(told, min(12, len(told))))}</aside>"""
    data = {
        "@context": "https://schema.org",
        "@graph": [
            {
                "@type": "NewsArticle",
                "headline": story.title,
                "description": story.dek,
                "datePublished": story.at.isoformat(),
                "dateModified": (story.at + timedelta(minutes=20)).isoformat(),
                "author": [{"@type": "Person", "name": author}],
                "publisher": {"@type": "Organization", "name": "The Bench Gazette"},
                "mainEntityOfPage": base + story.path,
                "articleSection": story.section,
                "isBasedOn": source,
            },
            {
                "@type": "FAQPage",
                "mainEntity": [
                    {"@type": "Question", "name": asked, "acceptedAnswer": {"@type": "Answer", "text": answer}}
                    for asked, answer in faq
                ],
            },
        ],
    }
    head = f"""<link rel="canonical" href="{base}{story.path}"><meta property="og:type" content="article">
<meta property="og:title" content="{html.escape(story.title)}"><meta property="og:description" content="{html.escape(story.dek)}">
<meta property="article:published_time" content="{story.at.isoformat()}">
<meta property="article:section" content="{story.section}">
<script type="application/ld+json">{json.dumps(data)}</script>"""
    state = {
        "id": number,
        "ads": [{"slot": f"s{n}", "key": random.getrandbits(64)} for n in range(random.randint(120, 420))],
    }
    return _page(story.title, head, article, state)


def _cards(stories: Sequence[Story]) -> str:
    return "".join(
        f'<div class="card"><h3><a class="headline" href="{story.path}">{html.escape(story.title)}</a></h3>'
        f'<p>{html.escape(story.dek)}</p><time datetime="{story.at.isoformat()}">{story.at:%d %B %Y}</time></div>'
        for story in stories
    )


def _listing_pages(section: str, stories: Sequence[Story]) -> Iterator[tuple[str, str]]:
    count = max(1, -(-len(stories) // STORIES_A_PAGE))
    for number in range(count):
        name = f"/{section}/index.html" if number == 0 else f"/{section}/page-{number + 1}.html"
        following = f'<a class="next" rel="next" href="/{section}/page-{number + 2}.html">Older stories</a>'
        shown = stories[number * STORIES_A_PAGE : (number + 1) * STORIES_A_PAGE]
        links = following if number + 1 < count else ""
        main = f'<h1>{section.capitalize()}</h1><div class="list">{_cards(shown)}</div><nav class="pages">{links}</nav>'
        yield name, _page(section.capitalize(), "", main, {})


def _page(title: str, head: str, main: str, state: object) -> str:
    sections = "".join(f'<li><a href="/{section}/index.html">{section.capitalize()}</a></li>' for section in SECTIONS)
    more = "".join(f'<li><a href="/about/{name}.html">{name.capitalize()}</a></li>' for name in _FOOT)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)} | The Bench Gazette</title>{head}
<style>{_STYLE}</style></head><body><header><a href="/index.html">The Bench Gazette</a>
<nav class="sections"><ul>{sections}</ul></nav></header><main>{main}</main>
<footer><ul>{more}</ul><p>© 2026 The Bench Gazette. All rights reserved.</p></footer>
<script>window.__STATE__={json.dumps(state)};</script></body></html>"""


_FOOT = """contact imprint privacy terms careers advertising newsletters podcasts corrections ethics archive help accessibility
subscriptions licensing syndication""".split()
_STYLE = "".join(
    f".{name}-{kind}-{number}{{display:grid;margin:{number}px auto;padding:0 {number % 7}rem;color:#{number * 4919 % 4096:03x};"
    f"transition:opacity .{number % 9}s}}"
    for name in ("card", "list", "story", "promo", "nav")
    for kind in ("wide", "narrow", "dark")
    for number in range(14)
)
