"""The line of each arrow: down through the gaps between rows, past the boxes of the rows."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from .ranks import Arrow
from .rows import Rows

Point = tuple[float, float]
Line = list[Point]
"""A start, then three points for each piece of a Bézier curve; y grows downwards."""


class Stand(NamedTuple):
    """Rows, and where everything in them stands.

    rank, middles, widths, heights  of each box; middles of places as well
    levels                          top and bottom of each row
    """

    rows: Rows
    rank: list[int]
    middles: list[float]
    widths: list[float]
    heights: list[float]
    levels: list[Point]

    def height_of(self, box: int) -> float:
        """The y of a box's middle."""
        top, bottom = self.levels[self.rank[box]]
        return (top + bottom) / 2


def levels(
    rows: Rows,
    middles: list[float],
    heights: list[float],
    gap: float,
    spare: tuple[list[float], list[float]],
) -> list[Point]:
    """Top and bottom of each row; a gap is higher where arrows run far across, and by what is
    to be left free above and below a row.
    """
    found: list[Point] = []
    bottom = 0.0
    for number, row in enumerate(rows.rows):
        top = bottom
        if found:
            far = [abs(middles[box] - middles[other]) for box in row for other in rows.up[box]]
            top += gap + min(max(far, default=0.0) / 20, 4 * gap)
            top += spare[0][number] + spare[1][number - 1]
        bottom = top + max([heights[box] for box in row if box < rows.boxes], default=0.0)
        found.append((top, bottom))
    return found


def lines(stand: Stand, arrows: list[Arrow], spread: float) -> list[Line]:
    """The line of each arrow, from its tail down to its head; between two at one box lies
    `spread`, where the box is wide enough.
    """
    rows = stand.rows
    starts = _ends(stand, arrows, spread, tails=True)
    ends = _ends(stand, arrows, spread, tails=False)
    bends: dict[int, list[int]] = {}
    found: list[Line] = []
    for (tail, head), trunk, start, end in zip(arrows, rows.trunks, starts, ends, strict=True):
        line = [(start, stand.height_of(tail) + stand.heights[tail] / 2)]
        row = stand.rank[tail]
        if trunk is not None:
            if trunk.base not in bends:
                bends[trunk.base] = _bends(stand.middles, trunk.base, trunk.size)
            knots = bends[trunk.base]
            row += 1
            _curve(line, stand.middles[trunk.first], stand.levels[row - 1][1], stand.levels[row][0])
            last = trunk.first + trunk.length - 1
            for knot in knots[bisect_left(knots, trunk.first + 1) :]:
                if knot > last:
                    break
                at = row + knot - trunk.first
                _curve(line, stand.middles[knot], stand.levels[at - 1][1], stand.levels[at][0])
            row += trunk.length - 1
        _curve(line, end, stand.levels[row][1], stand.levels[row + 1][0])
        _straight(line, stand.height_of(head) - stand.heights[head] / 2)
        found.append(line)
    return found


def _ends(stand: Stand, arrows: list[Arrow], spread: float, *, tails: bool) -> list[float]:
    """The x at which each arrow leaves its tail (or meets its head).

    The ends are spread over the box in the order of where the arrows come from. Arrows that
    share the box's own trunk share an end as well.
    """
    ports: dict[int, dict[tuple[float, int], list[int]]] = {}
    for number, ((tail, head), trunk) in enumerate(zip(arrows, stand.rows.trunks, strict=True)):
        box, other = (tail, head) if tails else (head, tail)
        port = number
        if trunk is not None:
            other = trunk.first if tails else trunk.first + trunk.length - 1
            if trunk.of_tail == tails:
                port = -1
        ports.setdefault(box, {}).setdefault((stand.middles[other], port), []).append(number)
    found = [0.0] * len(arrows)
    for box, met in ports.items():
        step = min(spread, 0.8 * stand.widths[box] / len(met))
        x = stand.middles[box] - step * (len(met) - 1) / 2
        for port_ in sorted(met):
            for number in met[port_]:
                found[number] = x
            x += step
    return found


def _bends(middles: list[float], first: int, length: int) -> list[int]:
    """The places of a trunk that do not stand right below the one before."""
    return [
        place
        for place in range(first + 1, first + length)
        if abs(middles[place] - middles[place - 1]) > 0.1
    ]


def _curve(line: Line, x: float, top: float, bottom: float) -> None:
    """Go on straight down to `top`, then swing over to x at `bottom`."""
    start, _ = line[-1]
    if abs(start - x) < 0.1:
        _straight(line, bottom)
        return
    _straight(line, top)
    middle = (top + bottom) / 2
    line += [(start, middle), (x, middle), (x, bottom)]


def _straight(line: Line, bottom: float) -> None:
    """Go on straight down to `bottom`; straight pieces in a row are one."""
    x, y = line[-1]
    if bottom - y < 0.1:
        return
    if len(line) > 3 and line[-4][0] == line[-3][0] == line[-2][0] == x:
        y = line[-4][1]
        del line[-3:]
    line += [(x, y + (bottom - y) / 3), (x, bottom - (bottom - y) / 3), (x, bottom)]
