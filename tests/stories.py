"""Stories to archive, and what stands in an archive: shared by the tests of the store."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from hypothesis import strategies as st

from archiver.items import Faq, Link, Related, Story
from archiver.store.archive import Archive
from archiver.store.inbox import InboxWriter

NOW = datetime(2026, 6, 29, 13, 5, tzinfo=UTC)


def make_story(slug: str = "tariff-relief", *, site: str = "wire.example", **columns: Any) -> Story:
    """A story with every column filled, its key and content hash in step with its text."""
    url = f"https://{site}/article/{slug}"
    story = Story(
        story_id=hashlib.sha256(url.encode()).hexdigest()[:16],
        url=url,
        site=site,
        section="policy",
        date=date(2026, 6, 29),
        section_label="Policy",
        date_source="json-ld",
        title=f"Ministers weigh {slug}",
        dek="The cabinet meets on Thursday.",
        body="A first paragraph of five words.\n\nA second one.",
        faq=[Faq(question="Who pays?", answer="Every parcel.")],
        authors=["Ada Quill"],
        source_name="Example Wire",
        source_url=f"https://origin.example/2026/06/story-of-{slug}",
        source_domain="origin.example",
        source_method="continue-reading",
        links=[Link(url="https://b.example/", text="the bill", kind="body", domain="b.example")],
        related=[Related(url=f"https://{site}/article/other", title="Another story")],
        published_at=datetime(2026, 6, 29, 9, tzinfo=UTC),
        modified_at=None,
        published_raw="2026-06-29T09:00:00Z",
        first_seen_at=NOW,
        fetched_at=NOW,
        language="en",
        tags=["tariffs"],
        image_url=None,
        word_count=9,
        content_hash="",
        provenance={"title": "h1", "published_at": "json-ld"},
        extractor="1",
    )
    story = replace(story, **columns)
    content = (story.title, story.dek, story.body, story.faq, story.source_url)
    return replace(story, content_hash=columns.get("content_hash", hashlib.sha256(repr(content).encode()).hexdigest()))


def fill_inbox(archive: Archive, run: str, *stories: Story) -> Path:
    with InboxWriter(archive, run) as writer:
        for story in stories:
            writer.append(story)
    return writer.path


def published_tree(archive: Archive) -> dict[str, bytes]:
    """Path → content of everything under the root that readers may look at, and of the inbox."""
    paths = [path for path in archive.root.rglob("*") if path.is_file() and archive.state_dir not in path.parents]
    return {path.relative_to(archive.root).as_posix(): path.read_bytes() for path in paths}


def revisions_of(archive: Archive, story: Story) -> list[dict[str, Any]]:
    """The rows of one story in all of `revisions/`, oldest first."""
    rows = [row for path in archive.revisions_dir.rglob("*.parquet") for row in pq.ParquetFile(path).read().to_pylist()]
    return sorted((row for row in rows if row["story_id"] == story.story_id), key=lambda row: row["revision"])


def row_of(archive: Archive, story: Story) -> dict[str, Any]:
    """The one row of a story in all of `stories/`."""
    rows = [row for path in archive.stories_dir.rglob("*.parquet") for row in pq.ParquetFile(path).read().to_pylist()]
    (row,) = (row for row in rows if row["story_id"] == story.story_id)
    return dict(row)


def _any_story() -> st.SearchStrategy[Story]:
    text = st.text(st.characters(codec="utf-8"), max_size=12)
    times = st.datetimes(timezones=st.just(UTC))
    small, wide = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "str": text,
        "str | None": st.none() | text,
        "date": st.dates(),
        "datetime": times,
        "datetime | None": st.none() | times,
        "int": small,
        "int | None": st.none() | wide,
        "list[str]": st.lists(text, max_size=3),
        "list[Faq]": st.lists(st.builds(Faq, question=text, answer=text), max_size=2),
        "list[Link]": st.lists(st.builds(Link, url=text, text=text, kind=text, domain=text), max_size=2),
        "list[Related]": st.lists(st.builds(Related, url=text, title=text), max_size=2),
        "dict[str, str]": st.dictionaries(text, text, max_size=3),
    }
    return st.builds(Story, **{column.name: kinds[str(column.type)] for column in fields(Story)})


ANY_STORY = _any_story()
"""Stories with anything in them that their types allow."""
