"""Frames around boxes: rows that let them stand clear, room for their titles, rectangles.

A frame is drawn where nothing that it does not hold stands in its rectangle.
"""

from __future__ import annotations

from typing import NamedTuple

from .ranks import Arrow

PADDING = 8.0
"""Points between a frame and what is in it."""

Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom; y grows downwards."""


class Frame(NamedTuple):
    """Numbers of the boxes in it, those in frames inside it as well; the number of the frame
    around it, or -1; and the height of its title.

    In a list of frames the outer ones come first.
    """

    boxes: list[int]
    parent: int
    title: float


def entrances(arrows: list[Arrow], frames: list[Frame]) -> list[tuple[list[int], list[int]]]:
    """For each frame the boxes outside that lead into it, and those in it that nothing in it
    leads to.

    With the second below the first, no leaf of a frame stands beside what is above the frame.
    """
    before: dict[int, list[int]] = {}
    for tail, head in arrows:
        before.setdefault(head, []).append(tail)
    found = []
    for frame in frames:
        own = set(frame.boxes)
        outside: set[int] = set()
        inside = []
        for box in frame.boxes:
            strangers = [tail for tail in before.get(box, ()) if tail not in own]
            outside.update(strangers)
            if len(strangers) == len(before.get(box, ())):
                inside.append(box)
        found.append((sorted(outside), inside))
    return found


def room(rank: list[int], frames: list[Frame]) -> tuple[list[float], list[float]]:
    """How much each row needs above it for titles, and below it, where frames begin and end."""
    rows = max(rank, default=-1) + 1
    above, below = [0.0] * rows, [0.0] * rows
    needs: list[dict[tuple[str, int], float]] = [{} for _ in frames]  # of the frames inside
    for number in reversed(range(len(frames))):
        frame = frames[number]
        if not frame.boxes:
            continue
        first = min([rank[box] for box in frame.boxes])
        last = max([rank[box] for box in frame.boxes])
        top = needs[number].get(("top", first), 0.0) + PADDING + frame.title
        bottom = needs[number].get(("bottom", last), 0.0) + PADDING
        above[first], below[last] = max(above[first], top), max(below[last], bottom)
        if frame.parent >= 0:
            outer = needs[frame.parent]
            outer["top", first] = max(outer.get(("top", first), 0.0), top)
            outer["bottom", last] = max(outer.get(("bottom", last), 0.0), bottom)
    return above, below


def rectangles(
    frames: list[Frame], boxes: list[Rectangle], rank: list[int]
) -> list[Rectangle | None]:
    """The rectangle of each frame, None where it would hold what it should not."""
    rows: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    for box, row in enumerate(rank):
        rows[row].append(box)
    found: list[Rectangle | None] = [None] * len(frames)
    inside: list[list[Rectangle]] = [[] for _ in frames]
    drawn: dict[int, list[Rectangle]] = {}  # of the frames beside each other, by their parent
    for number in reversed(range(len(frames))):
        frame = frames[number]
        if not frame.boxes:
            continue
        around = [boxes[box] for box in frame.boxes] + inside[number]
        left, top, right, bottom = (
            choose([edges[side] for edges in around])
            for side, choose in enumerate((min, min, max, max))
        )
        rectangle = left - PADDING, top - PADDING - frame.title, right + PADDING, bottom + PADDING
        own = set(frame.boxes)
        low, high = min(rank[box] for box in own), max(rank[box] for box in own)
        strangers = (
            boxes[box] for row in rows[max(low - 1, 0) : high + 2] for box in row if box not in own
        )
        beside = drawn.setdefault(frame.parent, [])
        if not any(_meet(rectangle, other) for other in (*strangers, *beside)):
            found[number] = rectangle
            beside.append(rectangle)
            if frame.parent >= 0:
                inside[frame.parent].append(rectangle)
    return found


def _meet(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
