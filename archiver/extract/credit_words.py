"""Credits told by their words: lines in which every word but the publisher's name is one that credits are made of."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Final

from archiver.text import fold_text, is_publisher_name, strip_arrows

_SURE: Final = frozenset(
    """source sources sourced original originally republished reprinted reposted syndicated crossposted via
    adapted summarized summarised rewritten
    quelle originalartikel originaltext originalbeitrag fuente originalmente fonte originalement initialement
    originale originalmente""".split()
)
"""Words of which one is enough."""
_WHOLE: Final = frozenset(
    """full entire complete whole rest based cross first produced
    completo completa ganzen vollständigen zuerst intégral complet d primero completa integrale prima""".split()
)
_PIECES: Final = frozenset(
    """story article report reporting reported published appeared ran piece post posted publication version
    artículo nota noticia publicado publicada artikel beitrag bericht erschien erschienen article publié paru
    articolo pubblicato artigo publicada matéria""".split()
)
"""Words of which one and one of `_WHOLE` are enough: `the full story`, `first reported`."""
_BESIDE: Final = frozenset(
    """a an s the this that is was has been it its our here there link links to at on in by from for with under of and or you
    can be found read reading view see visit find get go check out head over click tap continue keep through more please
    news summary content text commentary column written shared featured produced reviewed edited distributed provided
    generated assistance ai permission creative commons license licence length clarity style editors staff information material
    am pm january february march april may june july august september october november december
    este esta fue en el la los las por lea leer ver aquí del de al original
    dieser diese den der das die ist bei auf von lesen sie zum bei
    cet cette a été par sur dans le les l lire voir dans ici du
    questo è stato su il leggi vedi qui foi em no na o ler leia veja aqui""".split()
)
_KNOWN: Final = _SURE | _WHOLE | _PIECES | _BESIDE
_BEFORE_NAME: Final = frozenset("at on from by via in to en sur bei auf em su por par".split())
_READ_AT: Final = re.compile(r"(?:read|keep\s+reading)\b.{0,40}\b(?:at|on)", re.IGNORECASE)
_STEM: Final = re.compile(
    r"sourc|origina|publi|print|post|syndic|\bvia\b|full|entire|whole|complet|rest|based|adapted|summar|rewrit|first|produc"
    r"|quelle|fuente|fonte|initial|ganz|vollst|zuerst|integral|intégral|read"
)
"""What any credit has: most blocks have none of it."""
_WORDS: Final = 24


def may_credit(lowered: str) -> bool:
    """Tell whether a text in lower case is worth asking more of."""
    return _STEM.search(lowered) is not None


def says_credit(text: str) -> bool:
    """Tell whether a text, without the name of the publisher, is a credit and nothing else.

    >>> says_credit("For the full story, visit"), says_credit("Source"), says_credit("The full moon is")
    (True, True, False)
    """
    words = set(fold_text(text).split())
    if not 0 < len(words) <= _WORDS:
        return False
    sure = not words.isdisjoint(_SURE) or not (words.isdisjoint(_WHOLE) or words.isdisjoint(_PIECES))
    return sure and is_plain(text)


def is_plain(text: str) -> bool:
    """Tell whether a text has none but words of a credit, and so names nobody."""
    return all(w in _KNOWN or w.isdigit() for w in fold_text(text).split())


def split_credit(text: str) -> tuple[bool, str | None]:
    """Tell whether the text of a link is a credit, and the publisher that it names at its end.

    >>> split_credit("Read the full story at The Node Report →"), split_credit("Source: Ledger & Main")
    ((True, 'The Node Report'), (True, 'Ledger & Main'))
    >>> split_credit("View original"), split_credit("Full moon over Ohio")
    ((True, None), (False, None))
    """
    text = strip_arrows(text)
    if says_credit(text):
        return True, None
    words = text.split()
    known = list(takewhile(is_plain, words[:_WORDS]))
    parted = [n for n, word in enumerate(known, 1) if fold_text(word) in _BEFORE_NAME or word[-1] in ":|–—-"]
    last_sure = [n for n, word in enumerate(known, 1) if fold_text(word) in _SURE]
    for count in (parted or last_sure)[-1:]:
        before, name = " ".join(words[:count]), " ".join(words[count:])
        if (says_credit(before) or _READ_AT.fullmatch(before)) and is_publisher_name(name):
            return True, name
    return False, None
