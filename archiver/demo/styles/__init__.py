"""House styles: how the bundled sites write their pages.

base.py                                  what a page is given to print, and what every style shares
faq.py  source.py                        the forms in which sites print a FAQ and name a source
seed.py  wordpress.py  soup.py  tables.py  one style each
seo.py                                   the structured data of `wordpress.py`
"""

from __future__ import annotations

from dataclasses import replace

from archiver.demo.styles.base import DemoStory, HouseStyle, Masthead
from archiver.demo.styles.faq import FAQ_FORMS
from archiver.demo.styles.seed import Seed
from archiver.demo.styles.soup import Soup
from archiver.demo.styles.source import SOURCE_FORMS
from archiver.demo.styles.tables import Tables
from archiver.demo.styles.wordpress import WordPress

__all__ = ["FAQ_FORMS", "HOUSE_STYLES", "SAMPLE", "SOURCE_FORMS", "render"]

HOUSE_STYLES: tuple[HouseStyle, ...] = (Seed(), WordPress(), Soup(), Tables())

SAMPLE = Masthead(title="The Sample", tagline="News for trying things out", base_url="http://127.0.0.1:8100")


def render(
    story: DemoStory,
    style: HouseStyle,
    *,
    faq_form: str = "a",
    source_form: str | None = "continue",
    site: Masthead = SAMPLE,
) -> str:
    """Return the story's page in any style with any form of FAQ and source, whatever forms the story itself names."""
    return style.story_page(site, replace(story, faq_form=faq_form, source_form=source_form))
