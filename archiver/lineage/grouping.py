"""Stories gathered into events: average link, so that no single weak pair chains two events into one."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence


def gather(
    groups: Sequence[Sequence[int]],
    pairs: Iterable[tuple[int, int, float]],
    threshold: float,
    *,
    keys: Sequence[str | None] = (),
    settled: Sequence[bool] = (),
) -> list[list[int]]:
    """Merge groups of stories while the mean likelihood between two of them is at least `threshold`; likeliest first.

    `pairs` are story, story, likelihood; a pair that is not named counts as 0. Two groups with different `keys`, and two
    that are `settled` both, are never merged. Returns the indices of the groups that belong together.

    >>> gather([[0], [1], [2]], [(0, 1, 0.9), (1, 2, 0.9), (0, 2, 0.1)], 0.6)
    [[0, 1], [2]]
    """
    return _Gathering(groups, pairs, threshold, keys, settled).run()


class _Gathering:
    def __init__(
        self,
        groups: Sequence[Sequence[int]],
        pairs: Iterable[tuple[int, int, float]],
        threshold: float,
        keys: Sequence[str | None],
        settled: Sequence[bool],
    ) -> None:
        self.threshold = threshold
        self.parts = [[number] for number in range(len(groups))]
        self.sizes = [len(group) for group in groups]
        self.keys = list(keys) or [None] * len(groups)
        self.settled = list(settled) or [False] * len(groups)
        self.links: list[dict[int, float]] = [{} for _ in groups]
        """Group → group → sum of the likelihoods between them."""
        owner = {story: number for number, group in enumerate(groups) for story in group}
        for first, second, likelihood in pairs:
            a, b = owner[first], owner[second]
            if a != b:
                self.links[a][b] = self.links[b][a] = self.links[a].get(b, 0.0) + likelihood
        self.heap: list[tuple[float, int, int, int, int]] = []
        for a, links in enumerate(self.links):
            self._offer(a, (b for b in links if a < b))

    def _offer(self, a: int, others: Iterable[int]) -> None:
        for b in others:
            mean = self.links[a][b] / (self.sizes[a] * self.sizes[b])
            if mean >= self.threshold and self._may_merge(a, b):
                low, high = min(a, b), max(a, b)
                heapq.heappush(self.heap, (-mean, low, high, self.sizes[low], self.sizes[high]))

    def _may_merge(self, a: int, b: int) -> bool:
        if self.settled[a] and self.settled[b]:
            return False
        return None in (self.keys[a], self.keys[b]) or self.keys[a] == self.keys[b]

    def run(self) -> list[list[int]]:
        while self.heap:
            _, a, b, size_a, size_b = heapq.heappop(self.heap)
            # Sizes only grow, and a group that was merged has none: what was offered before is stale.
            if (self.sizes[a], self.sizes[b]) == (size_a, size_b) and self._may_merge(a, b):
                self._merge(a, b)
        return [sorted(part) for part in self.parts if part]

    def _merge(self, a: int, b: int) -> None:
        self.parts[a] += self.parts[b]
        self.sizes[a] += self.sizes[b]
        self.keys[a] = self.keys[a] or self.keys[b]
        self.settled[a] = self.settled[a] or self.settled[b]
        links, self.links[b] = self.links[b], {}
        self.parts[b], self.sizes[b] = [], 0
        for c, likelihood in links.items():
            del self.links[c][b]
            if c != a:
                self.links[a][c] = self.links[c][a] = self.links[a].get(c, 0.0) + likelihood
        self._offer(a, self.links[a])
