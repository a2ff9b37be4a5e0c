"""Dates that the page shows its reader: `<time>` and date lines by the headline, with what they are said to be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from archiver.extract.blocks import Block, Blocks, Mark, Region, short_text
from archiver.extract.dates import DateReading, read_date

_UPDATED: Final = re.compile(
    r"""\b(?:updated?|modified|revised|edited|(?:last|medically|fact)[\s-](?:reviewed|checked)|reviewed
        |aktualisiert|geändert|überarbeitet|mise?s?\s+à\s+jour|modifiée?s?|actualizad[oa]|actualización|atualizad[oa]
        |atualização|aggiornat[oa]|aggiornamento|modifica|bijgewerkt|gewijzigd|oppdatert|endret|uppdatera[dt]|opdateret
        |päivitetty|zaktualizowano|aktualizacja|aktualizován[oa]|aktualizované|frissítve|güncell\w+|actualizat|обновлено
        |оновлено|изменено|ενημερώθηκε|diperbarui|cập\s+nhật)\b|更新|수정|업데이트|تحديث|עודכן|अपडेट""",
    re.IGNORECASE | re.VERBOSE,
)
_PUBLISHED: Final = re.compile(
    r"""\b(?:published|posted|issued|released|first\s+appeared|publication\s+date|veröffentlicht|erschienen|erstellt
        |publiée?s?|paru|publicad[oa]|publicación|publicação|pubblicat[oa]|publicat|gepubliceerd|geplaatst|publicera[dt]
        |publisert|udgivet|offentliggjort|julkaistu|opublikowano|publikacj[ai]|publikován[oa]|vydán[oa]|megjelent
        |közzétéve|yayın\w*|опубликован[оа]?|опубліковано|публикаци[яи]|δημοσι\w+|objavljen[oa]?|diterbitkan|đăng)\b
        |发布|發布|公開|掲載|投稿|입력|등록|게시|نشر|פורסם|प्रकाशित""",
    re.IGNORECASE | re.VERBOSE,
)
_UPDATED_NAME: Final = re.compile(r"updat|modif|(?<!p)review|revis", re.IGNORECASE)
_PUBLISHED_NAME: Final = re.compile(r"publi[sc]|posted|created|pubdate|entry-date|post-date", re.IGNORECASE)
_LETTERS: Final = re.compile(r"[^\W\d_]{2,}")
_AWAY: Final = Region.NAV | Region.FOOTER | Region.COMMENT
_MAX_LINES: Final = 400
"""Blocks, and `<time>` elements, that are looked at: on real pages the text begins sooner."""
_FEW_WORDS: Final = 3
_LABEL_WORDS: Final = 5
"""Words beside the date of a line that ends in a full stop and says `Published`: more are a sentence."""
_CLOSING: Final = "\"'”’»)"
_YEAR: Final = re.compile(r"\d{4}")
_LONG: Final = 160
"""Longest block that can be a date line: `read_date` reads no longer one."""


@dataclass(slots=True)
class Shown:
    """A date that the page shows."""

    source: str
    """`time` or `text`."""
    raw: str
    reading: DateReading
    says: str
    """What it is said to be: `published`, `updated`, or nothing."""
    distance: int
    """Blocks that it comes after the headline; less than 0 before it."""
    words: int
    """Words beside it in its line: a date line has few, a caption or a paragraph has many."""
    near: bool = True
    """It stands by the headline."""


def find_shown(page: Blocks, title_index: int, body_index: int, language: str | None) -> list[Shown]:
    """Return the dates shown by the headline, those in `<time>` before those in lines of text; where
    there are none, those anywhere that say in words that they are the publication: `Posted on 3 May 2026`.
    """
    if body_index < title_index:  # the headline was found elsewhere: the date is over the text
        title_index = body_index
    first = max(0, title_index - 5)
    last = min(body_index + 5, first + _MAX_LINES)
    found = list(_in_times(page, first, last, title_index, language))
    for block in page.blocks[first:last]:
        if not block.region & Region.ASIDE or _is_beside_headline(block, title_index, body_index):
            found += _in_line(page, block, title_index, language)
    if not any(s.says != "updated" and s.words <= _FEW_WORDS for s in found):
        found += _labelled_elsewhere(page, range(first, last), title_index, language)
    return found


def is_date_line(text: str) -> bool:
    """Tell whether a short line gives a date, and is no sentence that holds one.

    >>> [is_date_line(text) for text in ("May 3, 2026 | 9 a.m.", "Published on May 3, 2026.", "Comments close on May 3, 2026.")]
    [True, True, False]
    """
    return read_date(text) is not None and not is_sentence(text)


def is_sentence(text: str) -> bool:
    """Tell whether a line with a date is a sentence: it ends as one, and says more than where, and what the date is of."""
    text = text.strip()
    if not text.rstrip(_CLOSING).endswith((".", "!", "?")) or (reading := read_date(text)) is None:
        return False
    rest = text[: reading.start] + text[reading.end :]
    is_label = _PUBLISHED.search(rest) or _UPDATED.search(rest)
    return len(_LETTERS.findall(rest)) > (_LABEL_WORDS if is_label else 1)


def _labelled_elsewhere(page: Blocks, seen: range, title_index: int, language: str | None) -> Iterator[Shown]:
    away = _AWAY | Region.ASIDE | Region.CHROME
    for block in page.blocks:
        text = block.text
        if len(text) <= 60 and not block.region & away and _YEAR.search(text) and block.index not in seen:
            for shown in _in_line(page, block, title_index, language) if _PUBLISHED.search(text) else ():
                if shown.says == "published" and shown.words <= _FEW_WORDS:
                    yield replace(shown, near=False)


def _is_beside_headline(block: Block, title_index: int, body_index: int) -> bool:
    """A box at the side between headline and text can hold the byline; one elsewhere holds other stories."""
    return bool(block.region & Region.ARTICLE) and title_index < block.index < body_index


def _in_times(page: Blocks, first: int, last: int, title_index: int, language: str | None) -> Iterator[Shown]:
    inside = (m for m in page.times if first <= m.block <= last and m.block < len(page.blocks))
    for mark in islice(inside, _MAX_LINES):
        block = page.blocks[mark.block]
        text = short_text(mark.element)
        raw = mark.value or text
        reading = read_date(raw, language=language) or read_date(text, language=language)
        if reading and not block.region & Region.COMMENT:
            yield Shown("time", raw, reading, _said_of(page, block, mark, text), block.index - title_index, 0)


def _said_of(page: Blocks, block: Block, mark: Mark, text: str) -> str:
    """What a `<time>` is: by the words before it in its block, by its names, by the words of the block before."""
    place = block.text.find(text[:40], 0, _LONG) if text else -1
    if place >= 0 and (says := _last_label(block.text[: place + len(text)])):
        return says
    return _by_names(mark.element.get("class"), mark.element.get("itemprop")) or _said_around(page, block)


def _said_around(page: Blocks, block: Block) -> str:
    names = [block.node.element.get("class")]
    parent = block.node.parent
    if parent and parent.last - parent.first <= 2:
        names.append(parent.element.get("class"))
    says = _by_names(*names)
    if not says and block.index:
        label = page.blocks[block.index - 1].text
        if len(label) <= 30 and not any(c.isdigit() for c in label):
            return _last_label(label)
    return says


def _by_names(*names: str | None) -> str:
    joined = " ".join(n for n in names if n)[:300]
    if _PUBLISHED_NAME.search(joined):  # WordPress: `entry-date published updated`
        return "published"
    return "updated" if _UPDATED_NAME.search(joined) else ""


def _last_label(text: str) -> str:
    return _parts(text)[-1][0]


def _parts(text: str) -> list[tuple[str, str]]:
    """A line parted at the words that say what a date is: (what it is said to be, text that follows)."""
    labels = [(m.start(), m.end(), "updated") for m in _UPDATED.finditer(text)]
    labels += [(m.start(), m.end(), "published") for m in _PUBLISHED.finditer(text)]
    labels.sort()
    parts, says, start = [], "", 0
    for begin, end, kind in labels:
        parts.append((says, text[start:begin]))
        says, start = kind, end
    return [*parts, (says, text[start:])]


def _in_line(page: Blocks, block: Block, title_index: int, language: str | None) -> Iterator[Shown]:
    text = block.text
    if len(text) > _LONG or block.region & _AWAY or read_date(text, language=language) is None:
        return
    for says, part in _parts(text):
        reading = read_date(part, language=language)
        if reading:
            words = len(_LETTERS.findall(text)) - len(_LETTERS.findall(part.strip()[reading.start : reading.end]))
            yield Shown("text", text, reading, says or _said_around(page, block), block.index - title_index, words)
