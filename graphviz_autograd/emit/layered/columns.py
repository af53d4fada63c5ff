"""Where in its row each box stands: the longest ways straight, no two boxes too close.

Boxes are strung into columns: the longest way through the graph is one, then come the trunks,
then the longest ways through what is left. The columns are pushed together from the left,
then from the right; each box takes the mean of the two. What stands in no column moves
towards what it is joined to.
"""

from __future__ import annotations

from bisect import bisect
from itertools import pairwise
from math import inf

from .ranks import Arrow
from .rows import Rows


def aligned(rows: Rows, widths: list[float], gaps: list[float], lengths: list[int]) -> list[float]:
    """The middle of each box and place, from the left.

    widths, gaps  of each; between neighbours lies the smaller of their two gaps
    lengths       of the longest way to each box
    """
    first = _columns(rows, _links(rows, lengths))
    left = _packed(rows.rows, first, widths, gaps)
    mirrored = _packed([row[::-1] for row in rows.rows], first, widths, gaps)
    middles = _between(left, [-x for x in mirrored], widths)
    _slide(rows, middles, widths, gaps)
    return middles


# ---- columns


def _links(rows: Rows, lengths: list[int]) -> list[Arrow]:
    """What is to stand one below the other, (upper, lower), the most important first.

    A box is on one of the ways; but a trunk may lose a place to one.
    """
    boxes = rows.boxes
    length = lengths + [0] * (len(rows.up) - boxes)
    for row in rows.rows:
        for place in row:
            if place >= boxes:  # as long as what leads to it
                length[place] = max([length[upper] for upper in rows.up[place]])
    ways: list[list[Arrow]] = []
    taken = bytearray(len(length))
    for start in sorted(range(boxes), key=lambda box: -length[box]):
        way: list[Arrow] = []
        lower: int | None = start
        while lower is not None and not taken[lower]:
            taken[lower] = 1
            longest = max([length[upper] for upper in rows.up[lower]], default=0)
            near = [u for u in rows.up[lower] if length[u] == longest and not taken[u]]
            upper = near[(len(near) - 1) // 2] if near else None
            if upper is not None:
                way.append((upper, lower))
            lower = upper
        if way:
            ways.append(way)
    ways.sort(key=lambda way: -len(way))
    trunks = [
        (upper, place)
        for place in range(boxes, len(rows.up))
        for upper in rows.up[place]
        if upper >= boxes
    ]
    return [*ways[0], *trunks, *(link for way in ways[1:] for link in way)] if ways else trunks


def _columns(rows: Rows, links: list[Arrow]) -> list[int]:
    """For each box the first of its column: what the links join, but for those that cross one
    before them.
    """
    at = [0] * len(rows.up)
    row_of = [0] * len(rows.up)
    for number, row in enumerate(rows.rows):
        for place, box in enumerate(row):
            at[box], row_of[box] = place, number
    upper_of: dict[int, int] = {}
    passed: list[list[Arrow]] = [[] for _ in rows.rows]  # places of both ends, from the left
    for upper, lower in links:
        before = passed[row_of[lower]]
        ends = at[upper], at[lower]
        number = bisect(before, ends)
        left = before[number - 1] if number else (-1, -1)
        right = before[number] if number < len(before) else (len(at), len(at))
        if left[0] < ends[0] < right[0] and left[1] < ends[1] < right[1]:
            before.insert(number, ends)
            upper_of[lower] = upper
    first = list(range(len(rows.up)))
    for row in rows.rows:
        for box in row:
            if box in upper_of:
                first[box] = first[upper_of[box]]
    return first


def _packed(
    order: list[list[int]], first: list[int], widths: list[float], gaps: list[float]
) -> list[float]:
    """The columns as far to the left as they can stand, then as close to their right as may be."""
    right_of: dict[int, list[tuple[int, float]]] = {}
    waiting = [0] * len(first)
    for row in order:
        for box, other in pairwise(row):
            apart = _apart(box, other, widths, gaps)
            right_of.setdefault(first[box], []).append((first[other], apart))
            waiting[first[other]] += 1
    ready = [box for box, start in enumerate(first) if box == start and not waiting[box]]
    at = [0.0] * len(first)
    for column in ready:
        for other, apart in right_of.get(column, ()):
            at[other] = max(at[other], at[column] + apart)
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    for column in reversed(ready):
        if column in right_of:
            nearest = min([at[other] - apart for other, apart in right_of[column]])
            at[column] = max(at[column], nearest)
    return [at[start] for start in first]


def _apart(box: int, other: int, widths: list[float], gaps: list[float]) -> float:
    """How far apart the middles of two neighbours in a row are, at least."""
    return (widths[box] + widths[other]) / 2 + min(gaps[box], gaps[other])


def _between(ones: list[float], others: list[float], widths: list[float]) -> list[float]:
    """The mean of two drawings that are laid over each other in the middle; from 0."""

    def edges(xs: list[float]) -> tuple[float, float]:
        low = min([x - w / 2 for x, w in zip(xs, widths, strict=True)], default=0.0)
        high = max([x + w / 2 for x, w in zip(xs, widths, strict=True)], default=0.0)
        return low, high

    shift = sum(edges(ones)) / 2 - sum(edges(others)) / 2
    means = [(one + other + shift) / 2 for one, other in zip(ones, others, strict=True)]
    left, _ = edges(means)
    return [x - left for x in means]


# ---- boxes in no column


def _slide(rows: Rows, middles: list[float], widths: list[float], gaps: list[float]) -> None:
    """Move boxes that stand in no column towards what they are joined to, as far as is free."""
    for order in (rows.rows, rows.rows[::-1]):
        for row in order:
            for number, box in enumerate(row):
                near = [middles[other] for other in (*rows.up[box], *rows.down[box])]
                if box >= rows.boxes or not near or _is_near(middles[box], near):
                    continue
                low, high = -inf, inf
                if number:
                    low = middles[row[number - 1]] + _apart(row[number - 1], box, widths, gaps)
                if number + 1 < len(row):
                    high = middles[row[number + 1]] - _apart(box, row[number + 1], widths, gaps)
                middles[box] = max(low, min(high, sum(near) / len(near)))


def _is_near(middle: float, near: list[float]) -> bool:
    return any(abs(other - middle) < 0.1 for other in near)
