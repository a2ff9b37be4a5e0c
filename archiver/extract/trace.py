"""What was weighed for each column: kept only where somebody asks, by `archiver extract --explain`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One value that a column could have had."""

    column: str
    value: str
    rule: str
    """Where it comes from, as `provenance` names it: `h1`, `json-ld`, `meta`."""
    score: float
    """What its evidence weighs, in the column's own measure: the highest won; 0 or less was ruled out."""
    why: str
    """What speaks for or against it, in words."""
    won: bool = False


class Trace:
    """The candidates of one page, in the order in which they were weighed. Rules are given None where nobody asks."""

    def __init__(self) -> None:
        self.candidates: list[Candidate] = []

    def note(self, column: str, value: str, rule: str, score: float, why: str, *, won: bool = False) -> None:
        """Keep a candidate."""
        self.candidates.append(
            Candidate(column=column, value=value, rule=rule, score=round(score, 3), why=why, won=won)
        )
