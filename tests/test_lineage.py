"""Stories put into events: by source, by words, without chains."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archiver.lineage.events import Collection, Keys, keys_of, name_event, place_stories
from archiver.lineage.grouping import gather
from archiver.lineage.likeness import THRESHOLD, Index, compare, rate
from archiver.lineage.words import Counts, Texts, stem_word
from bench.lineage.sets import Labelled, delay, load_reports, load_rewrites, score, thin

NO_KEYS = Keys(own=None, source=None)
REPORTS = Path(__file__).parent.parent.parent / "shared/lineage/stories.jsonl"


def place(stories: list[Labelled], keys: list[Keys] | None = None) -> list[int]:
    collection = Collection()
    for number, story in enumerate(stories):
        collection.add(
            str(number),
            title=story.title,
            body=story.body,
            published=story.published,
            keys=keys[number] if keys else NO_KEYS,
        )
    return [placed.event for placed in place_stories(collection)]


def count(stories: list[Labelled]) -> Counts:
    texts = Texts()
    for story in stories:
        texts.add(story.title, story.body)
    return texts.count()


@pytest.fixture(scope="module")
def rewrites() -> list[Labelled]:
    return load_rewrites()


def test_rewrites_are_found_by_words_alone(rewrites: list[Labelled]) -> None:
    found = score([story.event for story in rewrites], place(rewrites))
    assert found.f1 > 0.97
    assert found.precision > 0.99


def test_rewrites_that_come_days_later_or_alone_are_found_too(rewrites: list[Labelled]) -> None:
    late = thin(delay(rewrites, 4), 4)
    assert score([story.event for story in late], place(late)).f1 > 0.95


def test_rewrites_are_found_by_source_link_without_fault(rewrites: list[Labelled]) -> None:
    keys = [
        keys_of(f"https://s{n % 3}.example/article/{n}", f"https://w.example/2026/{s.event}")
        for n, s in enumerate(rewrites)
    ]
    found = score([story.event for story in rewrites], place(rewrites, keys))
    assert (found.precision, found.recall) == (1.0, 1.0)


def test_stories_of_different_sources_stay_apart_however_alike(rewrites: list[Labelled]) -> None:
    same = [rewrites[0]] * 4
    sources = [f"https://w.example/2026/06/{slug}" for slug in ("a-b-c", "a-b-c", "d-e-f", "d-e-f")]
    assert place(same, [keys_of(None, source) for source in sources]) == [0, 0, 1, 1]


def test_a_story_without_link_joins_an_event_made_by_links(rewrites: list[Labelled]) -> None:
    others = rewrites[30:60]
    keys = [keys_of(None, "https://w.example/2026/06/a-b-c")] * 2 + [NO_KEYS] * (1 + len(others))
    assert place([*rewrites[:3], *others], keys)[:3] == [0, 0, 0]


def test_methods_and_scores_say_what_joined_them(rewrites: list[Labelled]) -> None:
    collection = Collection()
    link = keys_of(None, "https://w.example/2026/06/a-b-c")
    for number, story in enumerate([*rewrites[:3], *rewrites[60:80]]):
        collection.add(
            str(number),
            title=story.title,
            body=story.body,
            published=story.published,
            keys=link if number < 2 else NO_KEYS,
        )
    placed = place_stories(collection)
    assert [(each.method, each.score) for each in placed[:2]] == [("source", 1.0)] * 2
    assert placed[2].method == "words"
    assert THRESHOLD < placed[2].score < 1


@pytest.mark.parametrize("published", [None, date(2026, 6, 29)])
def test_stories_without_text_or_date_are_placed_all_the_same(published: date | None) -> None:
    collection = Collection()
    for number in range(3):
        collection.add(str(number), title="", body="", published=published, keys=NO_KEYS)
    assert [(each.event, each.method) for each in place_stories(collection)] == [(n, "alone") for n in range(3)]


def test_no_stories_have_no_events() -> None:
    assert place_stories(Collection()) == []


def test_two_stories_are_compared_however_small_the_archive(rewrites: list[Labelled]) -> None:
    assert place([rewrites[0], rewrites[1]]) == [0, 0]
    assert place([rewrites[0], rewrites[40]]) == [0, 1]


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_stories_does_not_matter(chance: random.Random) -> None:
    stories = load_rewrites()[:90]
    order = list(range(len(stories)))
    chance.shuffle(order)
    straight, shuffled = place(stories), place([stories[number] for number in order])
    found = {frozenset(order[n] for n, event in enumerate(shuffled) if event == each) for each in set(shuffled)}
    assert found == {frozenset(n for n, event in enumerate(straight) if event == each) for each in set(straight)}


def test_a_time_of_day_and_a_day_are_compared_by_days() -> None:
    text = {
        "title": "Ferry fares rise in Oakport",
        "body": "The Oakport council raised ferry fares by 12 percent on Monday.",
    }
    collection = Collection()
    collection.add("a", **text, published=datetime(2026, 6, 29, 23, 50, tzinfo=UTC), keys=NO_KEYS)
    collection.add("b", **text, published=date(2026, 6, 29), keys=NO_KEYS)
    assert [placed.event for placed in place_stories(collection)] == [0, 0]


def test_stories_outside_the_window_are_not_compared(rewrites: list[Labelled]) -> None:
    counts = count([rewrites[0]] * 2)
    assert len(compare(Index(counts, [0, 1], [1.0, 5.0])).first) == 0
    assert len(compare(Index(counts, [0, 1], [1.0, 4.0])).first) == 1


def test_each_pair_is_offered_once_and_likelihoods_are_such(rewrites: list[Labelled]) -> None:
    days = [float(story.published.toordinal()) for story in rewrites]
    pairs = compare(Index(count(rewrites), range(len(rewrites)), days))
    named = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert len({frozenset(pair) for pair in named}) == len(named)
    likelihood = rate(pairs)
    assert ((likelihood >= 0) & (likelihood <= 1)).all()


# --- grouping

LIKELIHOODS = st.lists(
    st.tuples(st.integers(0, 11), st.integers(0, 11), st.floats(0, 1)),
    max_size=40,
    unique_by=lambda each: frozenset(each[:2]),
)


@given(LIKELIHOODS, st.lists(st.sampled_from(["a", "b", None]), min_size=12, max_size=12))
def test_groups_part_all_stories_and_hold_the_threshold(
    pairs: list[tuple[int, int, float]], keys: list[str | None]
) -> None:
    groups = gather([[number] for number in range(12)], pairs, 0.5, keys=keys)
    assert sorted(number for group in groups for number in group) == list(range(12))
    told = {frozenset(pair): likelihood for *pair, likelihood in pairs}
    for group in groups:
        assert len({keys[number] for number in group} - {None}) <= 1
        if len(group) == 2:
            assert told[frozenset(group)] >= 0.5


def test_one_strong_pair_does_not_chain_two_events() -> None:
    first, second = range(4), range(4, 8)
    pairs = [(a, b, 0.9) for part in (first, second) for a in part for b in part if a < b]
    assert gather([[n] for n in range(8)], [*pairs, (3, 4, 0.85)], 0.5) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_running_story_is_not_one_event_for_ever() -> None:
    chain = [(number, number + 1, 0.8) for number in range(20)]
    assert max(map(len, gather([[n] for n in range(21)], chain, 0.5))) <= 3


def test_two_settled_events_stay_two_and_a_newcomer_joins_the_likelier() -> None:
    pairs = [(0, 1, 0.99), (0, 2, 0.7), (1, 2, 0.8)]
    assert gather([[0], [1], [2]], pairs, 0.5, settled=[True, True, False]) == [[0], [1, 2]]


# --- words


@pytest.mark.parametrize(
    ("one", "other"), [("policies", "policy"), ("voted", "votes"), ("planning", "plans"), ("falls", "falling")]
)
def test_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    assert stem_word(one) == stem_word(other)


@given(st.text(max_size=20))
def test_a_stem_is_never_longer_nor_empty(word: str) -> None:
    assert len(stem_word(word)) <= len(word)
    assert bool(stem_word(word)) == bool(word)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_can_be_counted(title: str, body: str) -> None:
    texts = Texts()
    texts.add(title, body)
    counts = texts.count()
    assert len(counts) == 1
    assert len(counts.terms) == len(counts.times) == counts.starts[1]
    assert len(set(counts.terms.tolist())) == len(counts.terms)


@given(
    st.lists(
        st.sampled_from(["Tax", "levy", "s", "3", " ", ".", ",", "'", "\n", "!"]) | st.characters(max_codepoint=127)
    ).map("".join)
)
def test_ascii_is_parted_like_any_text(text: str) -> None:
    texts = Texts()
    for body in ("naïve", text, f"{text} - naïve"):
        texts.add("", body)
    counts = texts.count()
    word, plain, more = (
        Counter(dict(zip(counts.terms[start:end].tolist(), counts.times[start:end].tolist(), strict=True)))
        for start, end in pairwise(counts.starts.tolist())
    )
    assert more == plain + word


def test_a_word_that_stands_more_often_than_sixteen_bits_tell_is_counted() -> None:
    texts = Texts()
    texts.add("word " * 100_000, "")
    assert texts.count().times.max() == 65_535


def test_an_event_is_named_after_its_source() -> None:
    assert name_event("wire.example/x") == name_event("wire.example/x") != name_event("wire.example/y")


def test_two_stories_that_are_all_there_is_are_told_apart(rewrites: list[Labelled]) -> None:
    """Nothing says yet what is usual: each pair of strangers is as alike as any pair that was ever seen."""
    others = rewrites[4:] + rewrites[:4]  # another event's
    strangers = [
        len(set(place([replace(one, published=other.published), other])))
        for one, other in zip(rewrites, others, strict=True)
    ]
    assert strangers.count(1) < 0.03 * len(rewrites)
    pairs = [rewrites[low : low + 2] for low in range(0, len(rewrites), 3)]
    assert [len(set(place(pair))) for pair in pairs].count(1) > 0.97 * len(pairs)


@pytest.mark.slow
@pytest.mark.skipif(not REPORTS.exists(), reason="the labelled reports are not part of the project")
def test_reports_of_one_event_are_found() -> None:
    reports = load_reports(REPORTS)
    found = score([story.event for story in reports], place(reports))
    assert found.f1 > 0.80, json.dumps(found.f1)
    assert found.b3 > 0.93
