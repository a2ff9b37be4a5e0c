from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.diff import BREAK, Span, diff_words

TEXT = st.lists(st.lists(st.sampled_from(["a", "b", "c", "dd", "e"]), min_size=1, max_size=6), max_size=5).map(
    lambda paragraphs: "\n\n".join(map(" ".join, paragraphs))
)


def side(paragraphs: list[list[Span]], mark: str) -> list[str]:
    return [
        word
        for paragraph in paragraphs
        for span in paragraph
        if span.mark in ("=", mark)
        for word in span.text.split()
        if word != BREAK
    ]


@given(TEXT, TEXT)
def test_either_text_can_be_read_off_the_spans(before: str, after: str) -> None:
    found = diff_words(before, after)
    assert side(found, "-") == before.split()
    assert side(found, "+") == after.split()
    assert all(span.text for paragraph in found for span in paragraph)


@given(TEXT)
def test_the_same_text_is_its_paragraphs(text: str) -> None:
    assert diff_words(text, text) == [[Span("=", part)] for part in text.split("\n\n") if part]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "a b", [[("+", "a b")]]),
        ("a\n\nb", "a", [[("=", "a")], [("-", "b")]]),
        ("a b", "a\n\nb", [[("=", "a"), ("+", BREAK)], [("=", "b")]]),
        ("a\n\nb", "a b", [[("=", "a"), ("-", BREAK), ("=", "b")]]),
        ("a x\n\nb", "a\n\nb", [[("=", "a"), ("-", "x")], [("=", "b")]]),
        ("a c\n\nb d", "a e\n\nb f", [[("=", "a"), ("-", "c"), ("+", "e")], [("=", "b"), ("-", "d"), ("+", "f")]]),
        ("a c", "a d\n\ne", [[("=", "a"), ("-", "c"), ("+", "d")], [("+", "e")]]),
    ],
)
def test_paragraphs(before: str, after: str, expected: list[list[tuple[str, str]]]) -> None:
    assert diff_words(before, after) == [[Span(*span) for span in paragraph] for paragraph in expected]


def words(number: int, vocabulary: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    return [f"w{chance.randrange(vocabulary)}" for _ in range(number)]


def edited(text: list[str]) -> list[str]:
    chance = random.Random(1)
    return [word if chance.random() < 0.95 else "new" for word in text if chance.random() < 0.95]


LONG = words(50_000, 8_000, 1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (LONG, edited(LONG)),
        (LONG, words(50_000, 8_000, 2)),
        (LONG, LONG[::-1]),
        (words(50_000, 2, 1), words(50_000, 2, 2)),
        (["a"] * 50_000, ["a", "b"] * 25_000),
        ([f"w{number}" for number in range(50_000)], [f"w{number ^ 1}" for number in range(50_000)]),
    ],
    ids=["edited", "rewritten", "reversed", "two words", "one word", "swapped"],
)
@pytest.mark.parametrize("paragraph", [1, 5, 100, 50_000])
def test_long_texts_take_seconds(before: list[str], after: list[str], paragraph: int) -> None:
    def text(all_words: list[str]) -> str:
        return "\n\n".join(
            " ".join(all_words[place : place + paragraph]) for place in range(0, len(all_words), paragraph)
        )

    start = time.process_time()
    found = diff_words(text(before), text(after))
    assert time.process_time() - start < 10
    assert side(found, "-") == before
    assert side(found, "+") == after


def test_a_word_changed_in_a_long_paragraph_is_found() -> None:
    after = LONG.copy()
    after[25_000] = "other"
    (paragraph,) = diff_words(" ".join(LONG), " ".join(after))
    assert [span for span in paragraph if span.mark != "="] == [Span("-", LONG[25_000]), Span("+", "other")]
