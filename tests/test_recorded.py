"""Every page under `tests/pages` gives the story that was recorded with it: one test a column."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import Settings

from archiver import settings
from archiver.recordings import COLUMNS, PAGE_URL, Recording, find_recordings, find_selectors

RECORDINGS = find_recordings(Path(__file__).parent / "pages")

pytestmark = pytest.mark.skipif(not RECORDINGS, reason="no recordings: `archiver record URL` makes one")


@cache
def extract(recording: Recording) -> dict[str, Any]:
    ours = Settings({"SPIDER_MODULES": settings.SPIDER_MODULES})
    return recording.extract(find_selectors(recording.read_story()[PAGE_URL], ours))


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("recording", RECORDINGS, ids=str)
def test_a_recorded_page_gives_the_recorded_column(recording: Recording, column: str) -> None:
    assert extract(recording)[column] == recording.read_story()[column]
