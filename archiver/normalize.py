"""Story as printed → story as archived. Pure: no clock, no file, no Scrapy."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

from archiver.extract.dates import read_date
from archiver.items import LISTED, Faq, Found, Link, PrintedStory, Related, Story
from archiver.text import (
    count_words,
    fold_text,
    normalize_text,
    split_tail_credit,
    strip_answer_mark,
    strip_question_mark,
)
from archiver.urls import clean_url, is_same_site, registered_domain, site_of

UNSECTIONED = "unsectioned"
_SLUG_BYTES = 120
"""A folder's name may have 255 bytes on common file systems; `section=` and an encoded slug must fit."""


_ID = re.compile(r"(?:^|&)(?:(?:article|art|news|story|post|doc|item|[an])?_?id|article|story)=\d", re.IGNORECASE)
"""In the query of an address: the number of a story."""
_BARE_MARK = re.compile(r"[QA]\d{0,2}[.:)]")
"""What is left of a FAQ in boxes of their own: no paragraph."""


class IncompleteStory(ValueError):  # noqa: N818 - it is the story that is incomplete
    """A page lacks a required part; raised by `validate_story`. `missing` names the parts."""

    def __init__(self, url: str, missing: tuple[str, ...]) -> None:
        super().__init__(f"no {' and no '.join(missing)} on {url}")
        self.missing = missing


def normalize_story(printed: PrintedStory, *, fetched_at: datetime, found: Found = Found()) -> Story:  # noqa: B008 - frozen
    """Return the story as the archive holds it. Title and body may still be empty: see `validate_story`.

    What listing or feed said of the story fills what the page leaves out.
    """
    url = normalize_canonical(printed.canonical, printed.url)
    provenance = dict(printed.provenance)
    published, date_source = printed.published_at, printed.date_source
    if published is None and found.published_at is not None:
        published, date_source = found.published_at, "feed" if found.via == "feed" else "listing"
        reading = read_date(found.published_raw or "")
        provenance["published_at"] = date_source + (reading.left_out if reading else "")
    label = normalize_text(printed.section_label or "") or None
    if label is None and found.section_label:
        label = normalize_text(found.section_label) or None
        provenance["section_label"] = "listing"
    raw = printed.published_raw or (found.published_raw if date_source in LISTED else None)
    title = normalize_text(printed.title or "")
    dek = normalize_dek(printed.dek, title)
    source_name, source_url, source_method = normalize_source(printed, url)
    body = normalize_body(printed.body, source_name)
    faq = normalize_faq(printed.faq)
    return Story(
        story_id=story_id(url),
        url=url,
        site=site_of(url),
        section=slug_section(label),
        date=(published or fetched_at).astimezone(UTC).date(),
        section_label=label,
        date_source=date_source if published and date_source else "first-seen",
        title=title,
        dek=dek,
        body=body,
        faq=faq,
        authors=_distinct(normalize_text(a) for a in printed.authors),
        source_name=source_name,
        source_url=source_url,
        source_domain=registered_domain(source_url) if source_url else None,
        source_method=source_method,
        links=normalize_links(printed.links, url),
        related=normalize_related(printed.related, url),
        published_at=published,
        modified_at=printed.modified_at,
        published_raw=normalize_text(raw or "") or None,
        first_seen_at=fetched_at,
        fetched_at=fetched_at,
        language=printed.language,
        tags=_distinct(normalize_text(t) for t in printed.tags),
        image_url=_clean_or_none(printed.image_url),
        word_count=count_words(body),
        content_hash=hash_content(title, dek, body, faq, source_url),
        flags=sorted(set(printed.flags)),
        provenance=dict(sorted(provenance.items())),
        extractor=printed.extractor,
    )


def validate_story(story: Story) -> None:
    """Raise IncompleteStory where a required part is missing."""
    missing = tuple(part for part in ("title", "body") if not getattr(story, part))
    if missing:
        raise IncompleteStory(story.url, missing)


def story_id(url: str) -> str:
    """Return the key of the story at a canonical address.

    >>> story_id("https://a.example/article/x")
    '8385891b172eb0d1'
    """
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def hash_content(title: str, dek: str | None, body: str, faq: list[Faq], source_url: str | None) -> str:
    """Return the SHA-256, hex, of what makes a revision, as a JSON list so that no two contents share a spelling."""
    parts = [title, dek, body, [[pair.question, pair.answer] for pair in faq], source_url]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def normalize_canonical(canonical: str | None, fetched: str) -> str:
    """Return the story's address: the canonical link where it is on the same site and names a single page, else the address
    fetched. Templates print the address of the home page, of the section or of the script that shows all stories.

    >>> normalize_canonical("https://www.a.example/x?utm_source=y", "https://a.example/x?page=1")
    'https://www.a.example/x'
    >>> normalize_canonical("https://b.example/x", "https://a.example/x#top")
    'https://a.example/x'
    >>> normalize_canonical("https://a.example/policy", "https://a.example/policy/rates-rise-again")
    'https://a.example/policy/rates-rise-again'
    >>> normalize_canonical("https://a.example/story.php", "https://a.example/story.php?id=7")
    'https://a.example/story.php?id=7'
    >>> normalize_canonical("https://a.example/rates-rise-again", "https://a.example/rates-rise-again?id=7")
    'https://a.example/rates-rise-again'
    """
    fetched = clean_url(fetched)
    if canonical is None:
        return fetched
    try:
        cleaned = clean_url(canonical)
    except ValueError:
        return fetched
    return cleaned if is_same_site(cleaned, fetched) and not _names_many(cleaned, fetched) else fetched


def _names_many(canonical: str, fetched: str) -> bool:
    """Tell whether a canonical address is that of the home page, or the one fetched without what tells stories apart in it."""
    own, other = urlsplit(fetched), urlsplit(canonical)
    segments, others = _segments(own.path), _segments(other.path)
    if not others and not other.query:
        return True
    if other.query or others != segments[: len(others)]:
        return False
    if len(others) == len(segments):
        names_one = _count_words(others[-1]) > 2 or any(map(str.isdigit, others[-1]))
        return not names_one and _ID.search(own.query) is not None
    return len(others) == 1 and _count_words(others[0]) < 3 <= _count_words(segments[-1])


def _segments(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _count_words(slug: str) -> int:
    return len([word for word in re.split(r"[-_.]", slug) if word])


def slug_section(label: str | None) -> str:
    """Return the partition key of a section label; `unsectioned` where nothing is left of it.

    Latin letters lose their accents, letters of other scripts stay. A slug that a reader of the archive would take for a
    number, a date, a truth value or a null (they infer the types of partition keys) begins with `section-`.

    >>> slug_section("AI & Education"), slug_section("world/eu policy"), slug_section("Économie"), slug_section(None)
    ('ai-education', 'world-eu-policy', 'economie', 'unsectioned')
    >>> slug_section("2026"), slug_section("../../x"), slug_section("1e5"), slug_section("5G")
    ('section-2026', 'x', 'section-1e5', '5g')
    """
    text = "".join(_fold_letter(c) for c in unicodedata.normalize("NFKC", normalize_text(label or "")).casefold())
    slug = re.sub(r"[\W_]+", "-", text).strip("-")[: _SLUG_BYTES + 1]
    while len(slug.encode()) > _SLUG_BYTES:
        slug = (slug[: slug.rfind("-")] if "-" in slug[1:] else slug[: len(slug) - 1]).strip("-")
    if _reads_as_a_value(slug):
        return f"section-{slug}"
    return slug or UNSECTIONED


def _fold_letter(char: str) -> str:
    base = unicodedata.normalize("NFKD", char)[:1]
    return base if base.isascii() else char


def _reads_as_a_value(slug: str) -> bool:
    if re.fullmatch(r"[\d-]+|nan|inf|infinity|null|none|nil|na|n-a|nat|true|false|yes|no|[tfyn]|__.*", slug):
        return bool(slug)
    for read in (float, lambda s: int(s, 0), date.fromisoformat, datetime.fromisoformat):
        try:
            read(slug)
        except ValueError:
            continue
        return True
    return False


def normalize_dek(dek: str | None, title: str) -> str | None:
    """Return the dek; None where it only repeats the title."""
    text = normalize_text(dek or "")
    return text if text and fold_text(text) != fold_text(title) else None


def normalize_body(blocks: Iterable[str], source_name: str | None = None) -> str:
    """Return the blocks of a body parted by one blank line, without the last one's `Continue reading at PUBLISHER.`

    >>> normalize_body(["It  passed.", " ", "Q.", "It ends. Continue reading at Barron's."])
    'It passed.\\n\\nIt ends.'
    """
    texts = [text for text in map(normalize_text, blocks) if text and not _BARE_MARK.fullmatch(text)]
    if texts:
        texts[-1] = split_tail_credit(texts[-1], source_name)[0]
    return "\n\n".join(text for text in texts if text)


def normalize_faq(pairs: Iterable[Faq]) -> list[Faq]:
    """Return question and answer pairs without their marks, each question once, the incomplete ones dropped.

    >>> normalize_faq([Faq(question="Q.Who pays?", answer="A: Everyone."), Faq(question="Why?", answer="")])
    [Faq(question='Who pays?', answer='Everyone.')]
    """
    kept: dict[str, Faq] = {}
    pairs = [Faq(question=normalize_text(pair.question), answer=normalize_text(pair.answer)) for pair in pairs]
    # One answer may begin with an initial or an article; where all begin alike, it is the mark.
    all_marked = len(pairs) > 1 and all(re.match(r"A[.:]\s", pair.answer) for pair in pairs)
    for pair in pairs:
        question = strip_question_mark(pair.question)
        answer = pair.answer[2:].lstrip() if all_marked else strip_answer_mark(pair.answer)
        if question and answer:
            kept.setdefault(fold_text(question) or question, Faq(question=question, answer=answer))
    return list(kept.values())


def normalize_source(printed: PrintedStory, url: str) -> tuple[str | None, str | None, str | None]:
    """Return name, address and method of the source; three times None where the page credits itself or nobody."""
    address = _clean_or_none(printed.source_url)
    name = normalize_text(printed.source_name or "") or None
    if address and is_same_site(address, url):
        return None, None, None
    if not address and not name:
        return None, None, None
    if name is None and address:
        name = registered_domain(address)
    return name, address, printed.source_method


def normalize_links(links: Iterable[Link], url: str) -> list[Link]:
    """Return the outbound links, cleaned, each address once per kind.

    >>> normalize_links([Link(url="https://b.example/?utm_source=x", text=" B ", kind="body", domain="")], "https://a.example/")
    [Link(url='https://b.example/', text='B', kind='body', domain='b.example')]
    """
    own = registered_domain(url)
    kept: dict[tuple[str, str], Link] = {}
    for link in links:
        address = _clean_or_none(link.url)
        if address is None or (domain := registered_domain(address)) == own:
            continue
        cleaned = Link(url=address, text=normalize_text(link.text), kind=link.kind, domain=domain)
        kept.setdefault((address, link.kind), cleaned)
    return list(kept.values())


def normalize_related(related: Iterable[Related], url: str) -> list[Related]:
    """Return the interstitials with a title, cleaned, each address once and never the story itself."""
    kept: dict[str, Related] = {}
    for each in related:
        address, title = _clean_or_none(each.url), normalize_text(each.title)
        if address and title and address != url:
            kept.setdefault(address, Related(url=address, title=title))
    return list(kept.values())


def _clean_or_none(url: str | None) -> str | None:
    if not url:
        return None
    try:
        return clean_url(url)
    except ValueError:
        return None


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))
