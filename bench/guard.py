"""Has anything become twice as dear as it was when it was last written down?

Only ratios to a floor inside one run are compared: ours to the bare walk, to the plain forward, to
a bare tape. Times of different days, let alone machines, say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.measuring import OURS, Row

MOST = 2.0
"""So many times the recorded ratio may be reached."""

Answers = Mapping[str, Sequence[Row]]
"""The rows of each question."""


def worsened(recorded: Answers, now: Answers, floors: Mapping[str, str]) -> tuple[list[str], int]:
    """What is more than twice as dear as recorded, a line each; and how many were compared.

    floors  for each question that has one, the way that is its floor
    """
    lines, compared = [], 0
    for question, floor in floors.items():
        before = _ratios(recorded.get(question, ()), floor)
        for case, ratio in _ratios(now.get(question, ()), floor).items():
            if case not in before:
                continue
            compared += 1
            if ratio > MOST * before[case]:
                name, who = case
                lines.append(
                    f"{question}: {name}: {who} is {ratio:.2f} times the {floor}, "
                    f"recorded was {before[case]:.2f}"
                )
    return lines, compared


def _ratios(rows: Sequence[Row], floor: str) -> dict[tuple[str, str], float]:
    return {
        (row.case, row.who): row.ratios[floor].median
        for row in rows
        if row.who.startswith(OURS) and floor in row.ratios
    }
