"""What differs between two texts, word by word; pure, and of bounded cost whatever the texts."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple, TypeAlias

Mark: TypeAlias = Literal["=", "-", "+"]

BREAK = "¶"
"""Stands in a changed span for the end of a paragraph that was taken away or put in."""

_BUDGET = 20_000_000
"""Steps that difflib may take for one text in the worst case, some 3 seconds; what is left then counts as replaced."""

_DEPTH = 8
"""How often a stretch is parted at its unique words before it counts as replaced."""


class Span(NamedTuple):
    """Words in both texts (`=`), in the first alone (`-`) or in the second alone (`+`)."""

    mark: Mark
    text: str


class _Match(NamedTuple):
    before: int
    after: int
    size: int


def diff_words(before: str, after: str) -> list[list[Span]]:
    """Return the paragraphs of both texts as spans of words; one that did not change is a single span `=`.

    >>> for paragraph in diff_words("One.\\n\\nThe tax rises now.", "One.\\n\\nThe tax falls now.\\n\\nEnd."):
    ...     print(*(mark + text for mark, text in paragraph))
    =One.
    =The tax -rises +falls =now.
    +End.
    """
    budget = [_BUDGET]
    old, new = _paragraphs(before), _paragraphs(after)
    found: list[list[Span]] = []
    for match, gap_before, gap_after in _with_gaps(old, new, budget):
        found += _diff_gap(gap_before, gap_after, budget)
        found += [[Span("=", text)] for text in old[match.before : match.before + match.size]]
    return found


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _diff_gap(old: Sequence[str], new: Sequence[str], budget: list[int]) -> list[list[Span]]:
    """Diff paragraphs of which none is in both texts."""
    if not old or not new:
        mark: Mark = "-" if old else "+"
        return [[Span(mark, text)] for text in (*old, *new)]
    words_before, words_after = _words(old), _words(new)
    found: list[list[Span]] = [[]]
    for match, taken, put in _with_gaps(words_before, words_after, budget):
        if taken:
            found[-1].append(Span("-", " ".join(taken)))
        for number, (run, is_last) in enumerate(runs := list(_runs(put)), start=1):
            is_followed = not is_last and number < len(runs)  # a paragraph put in shows where it begins
            if text := " ".join(run[:-1] if is_followed else run):
                found[-1].append(Span("+", text))
            if not is_last:
                found.append([])
        for run, is_last in _runs(words_before[match.before : match.before + match.size]):
            if text := " ".join(run if is_last else run[:-1]):
                found[-1].append(Span("=", text))
            if not is_last:
                found.append([])
    return [paragraph for paragraph in found if paragraph]


def _words(paragraphs: Sequence[str]) -> list[str]:
    """The words of paragraphs, with a mark between two of them."""
    words: list[str] = []
    for number, paragraph in enumerate(paragraphs):
        words += [BREAK] * (number > 0) + paragraph.split(" ")
    return words


def _runs(words: Sequence[str]) -> Iterator[tuple[Sequence[str], bool]]:
    """Part words after each mark of a paragraph's end; tell which run is the last. Nothing where that is empty."""
    start = 0
    for number, word in enumerate(words):
        if word == BREAK:
            yield words[start : number + 1], False
            start = number + 1
    if start < len(words):
        yield words[start:], True


def _with_gaps(
    old: Sequence[str], new: Sequence[str], budget: list[int]
) -> Iterator[tuple[_Match, Sequence[str], Sequence[str]]]:
    """Yield what both sequences hold, each with what stands before it in either; last an empty match at their ends."""
    done_before = done_after = 0
    for match in (*_match(old, new, budget), _Match(len(old), len(new), 0)):
        yield match, old[done_before : match.before], new[done_after : match.after]
        done_before, done_after = match.before + match.size, match.after + match.size


def _match(old: Sequence[str], new: Sequence[str], budget: list[int], depth: int = 0) -> Iterator[_Match]:
    """Yield runs that stand in both sequences, in order and apart from each other."""
    shorter = min(len(old), len(new))
    head = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    rest = shorter - head
    tail = next((place for place in range(rest) if old[-1 - place] != new[-1 - place]), rest)
    if head:
        yield _Match(0, 0, head)
    for match in _match_middle(old[head : len(old) - tail], new[head : len(new) - tail], budget, depth):
        yield _Match(head + match.before, head + match.after, match.size)
    if tail:
        yield _Match(len(old) - tail, len(new) - tail, tail)


def _match_middle(old: Sequence[str], new: Sequence[str], budget: list[int], depth: int) -> Iterator[_Match]:
    counts = Counter(old)
    pairs = sum(counts[word] for word in new)
    if not pairs:
        return
    # difflib looks at every pair of equal words anew for each run it finds.
    cost = (len(old) + pairs) * min(len(old), len(new))
    if cost <= budget[0]:
        budget[0] -= cost
        matcher = SequenceMatcher(None, old, new, autojunk=False)
        yield from (_Match(*block) for block in matcher.get_matching_blocks() if block.size)
        return
    if depth == _DEPTH:
        return
    done_before = done_after = 0
    for anchor in (*_anchors(old, new), _Match(len(old), len(new), 0)):
        gap = old[done_before : anchor.before], new[done_after : anchor.after]
        for match in _match(*gap, budget, depth + 1):
            yield _Match(done_before + match.before, done_after + match.after, match.size)
        if anchor.size:
            yield anchor
        done_before, done_after = anchor.before + anchor.size, anchor.after + anchor.size


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[_Match]:
    """Return the most words that each stand once in both sequences and in the same order (patience diff)."""
    counts_before, counts_after = Counter(old), Counter(new)
    places = {word: place for place, word in enumerate(old) if counts_before[word] == 1}
    pairs = [(places[word], place) for place, word in enumerate(new) if counts_after[word] == 1 and word in places]
    ends: list[int] = []  # of the rising runs of each length, the least end
    last: list[int] = []  # which pair that is
    earlier: list[int] = []  # the pair before each in its run
    for number, (before, _) in enumerate(pairs):
        length = bisect_left(ends, before)
        earlier.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [before]
        last[length : length + 1] = [number]
    found = []
    number = last[-1] if last else -1
    while number >= 0:
        found.append(_Match(*pairs[number], 1))
        number = earlier[number]
    return found[::-1]
