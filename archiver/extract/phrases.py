"""What pages say around a story's text, in the words they share: leads to other stories, boilerplate, and what follows the end.

A phrase stands here only where structure alone does not tell: a paragraph that is but a link, a list of links, a box with a
form, or a region called by its name needs none. Each group was measured with itself left out.
"""

from __future__ import annotations

import re
from typing import Final


def _lines(*groups: str, end: str = "") -> re.Pattern[str]:
    """A pattern of lines that begin with one of the phrases, whatever mark or emoji stands before it."""
    return re.compile(rf"^[\W_]{{0,20}}(?:{'|'.join(groups)}){end}", re.VERBOSE | re.IGNORECASE)


LEADS_ON: Final = _lines(
    r"(?:also\s+|must\s+|further\s+)?read(?:\s+(?:more|also|next|on|this|related)|\s?:|ing\s+list)\b",
    r"(?:see|watch|listen)(?:\s+(?:also|more|now))?\s?:",
    r"you\s+(?:may|might)\s+(?:also\s+)?(?:like|be\s+interested)",
    r"more\s+(?:on|from|about|in|stories)\b.{0,60}$",
    r"related(?:\s+(?:articles?|stories|story|topics?|news|content|reading|posts?|coverage|links?|video))?\s?:?.{0,120}$",
)
"""Begins a line that leads to another story."""

BOILERPLATE: Final = _lines(
    # advertisements, and what parts the story around them
    r"advertisements?\W*$",
    r"(?:continue\s+reading|(?:story|article)\s+continues)\s+(?:after|below)",
    # following, signing up, writing in
    r"follow\s+(?:us|me|him|her|\S+)\s+on\b.{0,120}$",
    r"(?:sign\s+up|subscribe|register\s+(?:now|today|here|free|for|to))\b.{0,140}$",
    r"(?:suscr[ií]b(?:ete|ase|irse)|abonnez-vous|inscrivez-vous|(?:newsletter|jetzt)\s+abonnieren|iscriviti|(?:inscreva|assine)-?)\b.{0,140}$",
    r"(?:get|receive)\s+(?:our|the|all|more|breaking|daily)\b.{0,100}\b(?:inbox|newsletter|e-?mail|alerts?|app)\b",
    r"do\s+you\s+have\s+a\s+(?:tip|story)\b.{0,160}$",
    # whose picture, whose text
    r"""(?:photo|image|picture|foto|bild|photograph|illustration|graphic|quelle|video)\s*
        (?:credits?|by|courtesy|:|©|/).{0,160}$""",
    r"(?:©|\(c\)|copyright\b).{0,200}$ | .{0,80}\ball\s+rights\s+reserved\b.{0,160}$",
    # what it is about
    r"filed\s+under\b.{0,200}$",
)
"""All of a line that every story of a site has."""

COMMENTS: Final = re.compile(
    r"""^\W{0,20}(?:\d+\s+)?(?:reader\s+)?(?:comments?|responses?|replies|kommentare?|commentaires?|comentarios?|comentários|commenti|reacties)
    (?:\s*\(?\d+\)?)?\W*$ | ^(?:leave\s+a\s+(?:reply|comment)|join\s+the\s+(?:conversation|discussion))\b""",
    re.VERBOSE | re.IGNORECASE,
)
"""The heading over readers' comments."""

ENDS: Final = _lines(
    r"related(?:\s+(?:articles?|stories|posts?|topics?|news|content|coverage|reading|links?))?",
    r"more\s+(?:from|on|in|stories|news|articles|to\s+read)\b.{0,60} | read\s+(?:next|more|also)",
    r"(?:latest|top|trending|popular|most\s+(?:read|popular|viewed))(?:\s+(?:news|stories|articles|posts))?",
    r"mehr\s+(?:zum\s+thema|aus|von|lesen).{0,40} | auch\s+interessant",
    r"about\s+the\s+authors?",
    end=r"\W*$",
)
"""All of a line under which a page leads its readers on."""
