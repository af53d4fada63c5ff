"""The steps of the layout, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .columns import aligned
from .frames import Frame, Rectangle, entrances, rectangles, room
from .ranks import Arrow, downward, lengths, ranked
from .routes import Line, Point, Stand, levels, lines
from .rows import ordered, placed

TRUNK_GAP = 9.0
"""Points between a trunk and what is beside it, at most."""


class Layout(NamedTuple):
    """Middles of boxes; a Bézier curve for each arrow, from tail to head; a rectangle for each
    frame that has nothing of others in it. y grows downwards.
    """

    middles: list[Point]
    lines: list[Line]
    frames: list[Rectangle | None]


def layout(
    sizes: list[Point],
    arrows: list[Arrow],
    *,
    frames: Sequence[Frame] = (),
    gap: float = 18,
    row_gap: float = 36,
    spread: float = 9,
) -> Layout:
    """Places for boxes and lines for arrows.

    sizes    width and height of each box
    arrows   (tail, head) by number, no arrow from a box to itself
    frames   groups of boxes to draw a rectangle around, outer ones first
    gap      between two boxes in a row
    row_gap  between two rows, at least
    spread   between the ends of two arrows at one box, where it is wide enough

    All in one unit. Takes n log n in boxes and arrows.

    >>> layout([(10, 10), (10, 10)], [(0, 1)]).middles
    [(5.0, 5.0), (5.0, 51.0)]
    """
    down = downward(len(sizes), arrows)
    rank = ranked(len(sizes), down, entrances(down, list(frames)))
    rows = ordered(placed(rank, down))
    places = len(rows.up) - len(sizes)
    widths, heights = [w for w, _ in sizes], [h for _, h in sizes]
    gaps = [gap] * len(sizes) + [min(gap, TRUNK_GAP)] * places
    middles = aligned(rows, widths + [1.0] * places, gaps, lengths(len(sizes), down))
    spare = room(rank, list(frames))
    y = levels(rows, middles, heights, row_gap, spare)
    stand = Stand(rows, rank, middles, widths, heights, y)
    drawn = lines(stand, down, spread)
    turned = [given != used for given, used in zip(arrows, down, strict=True)]
    places_of = [(middles[box], stand.height_of(box)) for box in range(len(sizes))]
    edges = [
        (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        for (x, y), (w, h) in zip(places_of, sizes, strict=True)
    ]
    return Layout(
        places_of,
        [line[::-1] if turn else line for line, turn in zip(drawn, turned, strict=True)],
        rectangles(list(frames), edges, rank),
    )
