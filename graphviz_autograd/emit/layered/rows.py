"""What stands in each row, and in which order: few arrows cross.

An arrow that leads over several rows passes each in a place of its own. Long arrows that
come from one box share their places, as do those that lead to one box: a trunk with
branches, where a leaf that every step of a loop reads would otherwise have a hundred lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from .ranks import Arrow

SWEEPS = 12
PATIENCE = 3  # sweeps without fewer crossings


class Trunk(NamedTuple):
    """The places that an arrow passes through, one below the other.

    first, length  the first place, and how many
    base, size     of the whole trunk, which other arrows may share
    of_tail        whether it is the trunk of the arrow's tail, not of its head
    """

    first: int
    length: int
    base: int
    size: int
    of_tail: bool


class Rows(NamedTuple):
    """Boxes and places in rows, from left to right.

    rows    numbers of boxes; those from `boxes` on are places that arrows pass through
    up      what each is joined to in the row above
    down    what each is joined to in the row below
    trunks  what each arrow passes through; None where it leads to the next row
    """

    boxes: int
    rows: list[list[int]]
    up: list[list[int]]
    down: list[list[int]]
    trunks: list[Trunk | None]


def placed(rank: list[int], arrows: list[Arrow]) -> Rows:
    """The rows of boxes and of the places that long arrows need; in no good order yet."""
    boxes = len(rank)
    leaving, entering = [0] * boxes, [0] * boxes
    for tail, head in arrows:
        if rank[head] - rank[tail] > 1:
            leaving[tail] += 1
            entering[head] += 1
    lowest, highest = rank[:], rank[:]  # how far the trunks of each box lead
    for tail, head in arrows:
        if rank[head] - rank[tail] > 1:
            if leaving[tail] >= entering[head]:
                lowest[tail] = max(lowest[tail], rank[head] - 1)
            else:
                highest[head] = min(highest[head], rank[tail] + 1)
    rows: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    for box in range(boxes):
        rows[rank[box]].append(box)
    links: list[Arrow] = []
    below, above = [0] * boxes, [0] * boxes  # the first place of the trunk
    count = boxes
    for box in range(boxes):
        for base, start, end in (
            (below, rank[box] + 1, lowest[box]),
            (above, highest[box], rank[box] - 1),
        ):
            base[box] = count
            for row in range(start, end + 1):
                rows[row].append(count)
                if row > start:
                    links.append((count - 1, count))
                count += 1
        if lowest[box] > rank[box]:
            links.append((box, below[box]))
        if highest[box] < rank[box]:
            links.append((above[box] + rank[box] - 1 - highest[box], box))
    trunks: list[Trunk | None] = []
    for tail, head in arrows:
        length = rank[head] - rank[tail] - 1
        if length < 1:
            links.append((tail, head))
            trunks.append(None)
        elif leaving[tail] >= entering[head]:
            links.append((below[tail] + length - 1, head))
            size = lowest[tail] - rank[tail]
            trunks.append(Trunk(below[tail], length, below[tail], size, True))
        else:
            size = rank[head] - highest[head]
            first = above[head] + size - length
            links.append((tail, first))
            trunks.append(Trunk(first, length, above[head], size, False))
    up: list[list[int]] = [[] for _ in range(count)]
    down: list[list[int]] = [[] for _ in range(count)]
    for upper, lower in dict.fromkeys(links):
        down[upper].append(lower)
        up[lower].append(upper)
    return Rows(boxes, rows, up, down, trunks)


def ordered(rows: Rows) -> Rows:
    """The same rows in an order with few crossings.

    From the order in which a depth-first search from below comes to the boxes, sweeps down
    and up sort each row by the mean place of its neighbours in the row before.
    """
    current = _searched(rows)
    place = [0] * len(rows.up)
    for row in current:
        _number(row, place)
    best, fewest, since = current, _crossings(current, rows.down, place), 0
    for sweep in range(SWEEPS):
        if not fewest or since >= PATIENCE:
            break
        current = list(current)
        numbers: Iterable[int] = range(len(current))
        if sweep % 2:
            numbers = reversed(range(len(current)))
        neighbours = rows.down if sweep % 2 else rows.up
        for number in numbers:
            if len(current[number]) > 1:
                current[number] = _by_neighbours(current[number], neighbours, place)
                _number(current[number], place)
        crossings = _crossings(current, rows.down, place)
        since += 1
        if crossings < fewest:
            best, fewest, since = current, crossings, 0
    return rows._replace(rows=best)


def _number(row: list[int], place: list[int]) -> None:
    for number, box in enumerate(row):
        place[box] = number


def _searched(rows: Rows) -> list[list[int]]:
    """The rows in the order of a depth-first search, from below, of what leads where."""
    row_of = [0] * len(rows.up)
    for number, row in enumerate(rows.rows):
        for box in row:
            row_of[box] = number
    found: list[list[int]] = [[] for _ in rows.rows]
    seen = bytearray(len(rows.up))
    for row in reversed(rows.rows):
        for start in row:
            path = [] if rows.down[start] else [start]
            while path:
                box = path.pop()
                if not seen[box]:
                    seen[box] = 1
                    found[row_of[box]].append(box)
                    path += reversed(rows.up[box])
    return found


def _by_neighbours(row: list[int], neighbours: list[list[int]], place: list[int]) -> list[int]:
    """A row by the mean place of the neighbours; what has none keeps its place."""
    means: list[tuple[float, int, int]] = []
    for number, box in enumerate(row):
        places = [place[other] for other in neighbours[box]]
        if places:
            means.append((sum(places) / len(places), number, box))
    means.sort()
    moved = iter(means)
    return [next(moved)[2] if neighbours[box] else box for box in row]


def _crossings(rows: list[list[int]], down: list[list[int]], place: list[int]) -> int:
    """How many pairs of links cross."""
    total = 0
    for row, below in pairwise(rows):
        ends = [end for box in row for end in sorted([place[other] for other in down[box]])]
        total += _inversions(ends, len(below))
    return total


def _inversions(numbers: list[int], size: int) -> int:
    """How many pairs of numbers below `size` are in the wrong order: Fenwick's tree."""
    tree = [0] * (size + 1)
    total = 0
    for seen, number in enumerate(numbers):
        at, before = number + 1, 0
        while at:
            before += tree[at]
            at &= at - 1
        total += seen - before
        at = number + 1
        while at <= size:
            tree[at] += 1
            at += at & -at
    return total
