"""Which row each box stands in: below all that lead to it, and close to what it leads to."""

from __future__ import annotations

from collections.abc import Sequence

Arrow = tuple[int, int]


def downward(count: int, arrows: list[Arrow]) -> list[Arrow]:
    """The arrows, each in the direction that makes no circle of them.

    >>> downward(3, [(0, 1), (1, 2), (2, 0)])
    [(0, 1), (1, 2), (0, 2)]
    """
    after = _neighbours(count, arrows)
    if len(_sorted(count, after)) == count:
        return arrows
    place = [0] * count  # in the order in which a depth-first search leaves the boxes
    left = 0
    state = bytearray(count)  # 0 not seen, 1 on the way, 2 left
    for start in range(count):
        path = [start]
        while path:
            box = path[-1]
            if not state[box]:
                state[box] = 1
                path += [head for head in reversed(after[box]) if not state[head]]
                continue
            path.pop()
            if state[box] == 1:
                state[box], place[box] = 2, left
                left += 1
    return [(t, h) if place[t] >= place[h] else (h, t) for t, h in arrows]


def ranked(
    count: int, arrows: list[Arrow], entrances: Sequence[tuple[list[int], list[int]]] = ()
) -> list[int]:
    """The row of each box, from 0; `arrows` make no circle.

    A box stands one row below the lowest that leads to it. Then each is pulled down to the
    first that it leads to: a leaf stands just above its use. The arrows to what is pulled down
    become no longer, or they share the trunk of a box that leads to others as well.

    entrances  pairs of boxes: all of the second stand below all of the first, where that makes
               no circle

    >>> ranked(5, [(0, 1), (1, 2), (2, 3), (4, 3)])
    [0, 1, 2, 3, 2]
    """
    gates = [(count + n, *pair) for n, pair in enumerate(entrances)]
    total = count + len(gates)
    ties = [(box, gate) for gate, outside, _ in gates for box in outside]
    ties += [(gate, box) for gate, _, inside in gates for box in inside]
    after = _neighbours(total, [*arrows, *ties])
    order = _sorted(total, after)
    if len(order) < total:
        after = _neighbours(total, arrows)
        order = _sorted(total, after)
    rank = [0] * total
    for box in order:
        below = rank[box] + (box < count)
        for head in after[box]:
            rank[head] = max(rank[head], below)
    for box in reversed(order):
        if after[box]:
            rank[box] = min([rank[head] for head in after[box]]) - (box < count)
    return rank[:count]


def lengths(count: int, arrows: list[Arrow]) -> list[int]:
    """How long the longest way to each box is."""
    after = _neighbours(count, arrows)
    found = [0] * count
    for box in _sorted(count, after):
        for head in after[box]:
            found[head] = max(found[head], found[box] + 1)
    return found


def _neighbours(count: int, arrows: list[Arrow]) -> list[list[int]]:
    after: list[list[int]] = [[] for _ in range(count)]
    for tail, head in arrows:
        after[tail].append(head)
    return after


def _sorted(count: int, after: list[list[int]]) -> list[int]:
    """The boxes, each after all that lead to it; without those that a circle leads to."""
    waiting = [0] * count
    for heads in after:
        for head in heads:
            waiting[head] += 1
    order = [box for box in range(count) if not waiting[box]]
    for box in order:
        for head in after[box]:
            waiting[head] -= 1
            if not waiting[head]:
                order.append(head)
    return order
