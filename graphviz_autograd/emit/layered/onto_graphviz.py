"""A graph of Graphviz's library: read for the layered layout, and given its positions.

What is laid out is what Graphviz parsed, so boxes and arrows that a person added to the DOT
are there, and labels have the size that Graphviz draws them in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import hypot
from typing import Any, NamedTuple

from .frames import PADDING, Frame, Rectangle
from .plain import layout
from .ranks import Arrow, downward, ranked
from .routes import Line, Point

HEAD = 10.0
"""Length of an arrow's head in points, where its `arrowsize` is 1."""

MARKED = 16.0
"""Points between the ends of arrows that bear a number beside their head."""

BUSY = 2e-7
"""Seconds that dot takes for the square of how many boxes stand, and arrows pass, in the rows
that hold more than one; measured, give or take a factor of 2."""


LONG = 1.5e-10
"""Seconds that dot takes for the cube of the rows that a frame is long; measured likewise."""


class Read(NamedTuple):
    """Boxes and arrows, with Graphviz's handles, in one order; arrows by number of box.

    free    whether each arrow may lead upwards (constraint=false) or leads back to its box
    frames  the clusters, outer ones first: handle, boxes in it, number of the one around it
    """

    nodes: list[Any]
    edges: list[Any]
    arrows: list[Arrow]
    free: list[bool]
    frames: list[tuple[Any, list[int], int]]


def read(graphviz: Any, graph: Any) -> Read:
    """What is in a graph."""
    nodes = list(
        _each(lambda: graphviz.agfstnode(graph), lambda node: graphviz.agnxtnode(graph, node))
    )
    number = {graphviz.agnameof(node): n for n, node in enumerate(nodes)}
    edges, arrows, free = [], [], []
    for tail, node in enumerate(nodes):
        for edge in _each(
            lambda node=node: graphviz.agfstout(graph, node),  # type: ignore[misc]
            lambda edge: graphviz.agnxtout(graph, edge),
        ):
            head = number[graphviz.agnameof(graphviz.aghead(edge))]
            constraint = (graphviz.agget(edge, b"constraint") or b"true").lower()
            edges.append(edge)
            arrows.append((tail, head))
            free.append(tail == head or constraint in (b"false", b"no", b"0"))
    return Read(nodes, edges, arrows, free, _clusters(graphviz, graph, number))


def _clusters(
    graphviz: Any, graph: Any, number: dict[bytes, int]
) -> list[tuple[Any, list[int], int]]:
    found: list[tuple[Any, list[int], int]] = []
    waiting = [(graph, -1)]
    for outer, parent in waiting:
        for inner in _each(lambda outer=outer: graphviz.agfstsubg(outer), graphviz.agnxtsubg):  # type: ignore[misc]
            around = parent
            if (graphviz.agnameof(inner) or b"").startswith(b"cluster"):
                around = len(found)
                members = _each(
                    lambda inner=inner: graphviz.agfstnode(inner),  # type: ignore[misc]
                    lambda node, inner=inner: graphviz.agnxtnode(inner, node),  # type: ignore[misc]
                )
                boxes = [number[graphviz.agnameof(node)] for node in members]
                found.append((inner, boxes, parent))
            waiting.append((inner, around))
    return found


def _each(first: Callable[[], Any], following: Callable[[Any], Any]) -> Iterator[Any]:
    """What Graphviz goes through one by one."""
    try:
        item = first()
        while item is not None:
            yield item
            item = following(item)
    except StopIteration:  # how pygraphviz tells that there is no more
        return


# ---- how long dot would take


def seconds_of_dot(graph: Read) -> float:
    """How long dot would take, about. It slows down with the boxes and the rows that arrows
    pass: a leaf that hundreds of steps read has hundreds of arrows through hundreds of rows. It
    slows down more where a frame is thousands of rows long.
    """
    arrows = [arrow for arrow, free in zip(graph.arrows, graph.free, strict=True) if not free]
    down = downward(len(graph.nodes), arrows)
    rank = ranked(len(graph.nodes), down)
    rows = max(rank, default=-1) + 1
    change = [0] * (rows + 1)
    for row in rank:
        change[row] += 1
        change[row + 1] -= 1
    for tail, head in down:
        change[rank[tail] + 1] += 1
        change[rank[head]] -= 1
    passing = busy = 0
    for step in change:
        passing += step
        busy += passing if passing > 1 else 0
    spans = ([rank[box] for box in boxes] for _, boxes, _ in graph.frames if boxes)
    long = sum((max(span) - min(span) + 1) ** 3 for span in spans)
    return BUSY * busy**2 + LONG * long


# ---- positions


class Sizes(NamedTuple):
    """Width and height in points of each box, of the titles of frames, and of the caption."""

    boxes: list[Point]
    titles: list[Point]
    caption: Point


def measure(graphviz: Any, context: Any, copy: Any) -> Sizes:
    """How large things are, as Graphviz draws their labels.

    Graphviz writes it down when it writes DOT; so it lays a copy of the graph out on one spot.
    The copy cannot be laid out again: freeing such a layout reads memory that nobody has set.
    """
    given = read(graphviz, copy)
    graphviz.agattr(copy, graphviz.AGNODE, b"pos", b"0,0")
    graphviz.agattr(copy, graphviz.AGEDGE, b"pos", b"")
    graphviz.agsafeset(copy, b"splines", b"", b"")
    for handle, _, _ in given.frames:
        graphviz.agsafeset(handle, b"bb", b"0,0,9,9", b"")
    graphviz.gvLayout(context, copy, b"nop2")
    graphviz.gvRenderData(context, copy, b"dot")
    boxes = [
        (72 * _number(graphviz, node, b"width", 0.75), 72 * _number(graphviz, node, b"height", 0.5))
        for node in given.nodes
    ]
    titles = [_label(graphviz, handle) for handle, _, _ in given.frames]
    return Sizes(boxes, titles, _label(graphviz, copy))


def _label(graphviz: Any, of: Any) -> Point:
    """Width and height of the label of a frame or the graph, in points."""
    width, height = (_number(graphviz, of, name, 0.0) for name in (b"lwidth", b"lheight"))
    return 72 * width, 72 * height


def place(graphviz: Any, graph: Any, given: Read, measured: Sizes) -> list[str]:
    """Lay a graph out and write the positions into it, for the engine nop2 to draw.

    Returns notes on what is not as it was asked for.
    """
    turn = _Turn(_text(graphviz, graph, b"rankdir"))
    sizes, titles, _ = measured
    graphviz.agattr(graph, graphviz.AGNODE, b"pos", b"")
    graphviz.agattr(graph, graphviz.AGEDGE, b"pos", b"")
    marked = any(_text(graphviz, edge, b"headlabel") for edge in given.edges)
    kept = [number for number, free in enumerate(given.free) if not free]
    frames = [
        Frame(boxes, parent, high)
        for (_, boxes, parent), (_, high) in zip(given.frames, titles, strict=True)
    ]
    made = layout(
        [turn.size(size) for size in sizes],
        [given.arrows[number] for number in kept],
        frames=[] if turn.sideways else frames,
        spread=MARKED if marked else 9,
        gap=72 * _number(graphviz, graph, b"nodesep", 0.25),
        row_gap=72 * _number(graphviz, graph, b"ranksep", 0.5),
    )
    middles = [turn.point(point) for point in made.middles]
    for node, (x, y) in zip(given.nodes, middles, strict=True):
        graphviz.agset(node, b"pos", f"{x:.1f},{y:.1f}".encode())
    lines = {
        number: [turn.point(point) for point in line]
        for number, line in zip(kept, made.lines, strict=True)
    }
    directed = bool(graphviz.agisdirected(graph))
    for number, edge in enumerate(given.edges):
        tail, head = given.arrows[number]
        line = lines.get(number)
        if line is None:
            line = _free(middles[tail], sizes[tail], middles[head], sizes[head])
        _write(graphviz, edge, line, directed)
    drawn = made.frames or [None] * len(frames)  # none are laid out sideways
    corners = [turn.point(corner) for r in drawn if r for corner in (r[:2], r[2:])]
    points = [*corners, *(point for line in lines.values() for point in line)]
    _caption(graphviz, graph, measured, middles, points)
    return _frame(graphviz, given, drawn, turn, titles)


class _Turn:
    """From rows that go down to the direction of a graph, and Graphviz's y that grows up."""

    def __init__(self, rankdir: str) -> None:
        self.rankdir = rankdir.upper()
        self.sideways = self.rankdir in ("LR", "RL")

    def size(self, size: Point) -> Point:
        return (size[1], size[0]) if self.sideways else size

    def point(self, point: Point) -> Point:
        x, y = point
        return {"LR": (y, -x), "RL": (-y, -x), "BT": (x, y)}.get(self.rankdir, (x, -y))


def _free(tail: Point, tail_size: Point, head: Point, head_size: Point) -> Line:
    """A straight line from border to border; a loop at the right side of one box."""
    if tail == head:
        x, y = tail[0] + tail_size[0] / 2, tail[1]
        return [(x, y + 4), (x + 24, y + 12), (x + 24, y - 12), (x, y - 4)]
    (x, y), (u, v) = _border(tail, tail_size, head), _border(head, head_size, tail)
    return [(x, y), ((2 * x + u) / 3, (2 * y + v) / 3), ((x + 2 * u) / 3, (y + 2 * v) / 3), (u, v)]


def _border(middle: Point, size: Point, towards: Point) -> Point:
    """Where the line from a box's middle to a point leaves the box."""
    dx, dy = towards[0] - middle[0], towards[1] - middle[1]
    share = max(abs(dx) / (size[0] / 2 or 1), abs(dy) / (size[1] / 2 or 1), 1.0)
    return middle[0] + dx / share, middle[1] + dy / share


def _write(graphviz: Any, edge: Any, line: Line, directed: bool) -> None:
    """Give an arrow its line, cut back at the ends that have a head, and its label a place."""
    direction = _text(graphviz, edge, b"dir") or ("forward" if directed else "none")
    size = HEAD * _number(graphviz, edge, b"arrowsize", 1.0)
    ends = ""
    points = list(line)
    for letter, shown, number in (("s", ("back", "both"), 0), ("e", ("forward", "both"), -1)):
        if direction in shown:
            x, y = points[number]
            ends += f"{letter},{x:.1f},{y:.1f} "
            points[number] = _back(points[number], points[-2 if number else 1], size)
    text = " ".join([f"{x:.1f},{y:.1f}" for x, y in points])
    graphviz.agset(edge, b"pos", f"{ends}{text}".encode())
    # Beside the line: at its middle, and close to its ends.
    for label, attribute, (x, y), right in (
        (b"label", b"lp", line[len(line) // 2], 12),
        (b"headlabel", b"head_lp", line[-1], -8),
        (b"taillabel", b"tail_lp", line[0], -8),
    ):
        if _text(graphviz, edge, label):
            up = {b"head_lp": 5, b"tail_lp": -5}.get(attribute, 0)
            graphviz.agsafeset(edge, attribute, f"{x + right:.1f},{y + up:.1f}".encode(), b"")


def _back(tip: Point, before: Point, size: float) -> Point:
    """The point where an arrow's head begins."""
    (x, y), (u, v) = tip, before
    far = hypot(x - u, y - v)
    share = min(size / far, 0.9) if far else 0.0
    return x + share * (u - x), y + share * (v - y)


def _caption(
    graphviz: Any, graph: Any, measured: Sizes, middles: list[Point], points: list[Point]
) -> None:
    """Give the graph's own label a place below the drawing, or above where it asks for that."""
    wide, high = measured.caption
    if not high or not middles:
        return
    halves = [(w / 2, h / 2) for w, h in measured.boxes]
    boxes = list(zip(middles, halves, strict=True))
    left = min([x - w for (x, _), (w, _) in boxes] + [x for x, _ in points]) - PADDING
    right = max([x + w for (x, _), (w, _) in boxes] + [x for x, _ in points]) + PADDING
    low = min([y - h for (_, y), (_, h) in boxes] + [y for _, y in points]) - PADDING
    top = max([y + h for (_, y), (_, h) in boxes] + [y for _, y in points]) + PADDING
    middle, more = (left + right) / 2, max(0.0, wide - (right - left)) / 2
    height = low - high / 2
    if _text(graphviz, graph, b"labelloc").startswith("t"):
        height = top + high / 2
    bounds = left - more, min(low, height - high / 2), right + more, max(top, height + high / 2)
    graphviz.agsafeset(graph, b"bb", ",".join([f"{x:.1f}" for x in bounds]).encode(), b"")
    graphviz.agsafeset(graph, b"lp", f"{middle:.1f},{height:.1f}".encode(), b"")


def _frame(
    graphviz: Any,
    given: Read,
    rectangles: list[Rectangle | None],
    turn: _Turn,
    titles: list[Point],
) -> list[str]:
    """Give the clusters their rectangles; Graphviz draws none that has none."""
    for (handle, _, _), rectangle, (wide, high) in zip(
        given.frames, rectangles, titles, strict=True
    ):
        if rectangle is None:
            graphviz.agsafeset(handle, b"bb", b"", b"")
            continue
        (left, start), (right, end) = turn.point(rectangle[:2]), turn.point(rectangle[2:])
        bounds = f"{left:.1f},{min(start, end):.1f},{right:.1f},{max(start, end):.1f}"
        graphviz.agsafeset(handle, b"bb", bounds.encode(), b"")
        middle = {"l": left + wide / 2 + 4, "r": right - wide / 2 - 4}.get(
            _text(graphviz, handle, b"labeljust"), (left + right) / 2
        )
        height = start + (high / 2 + 2) * (1 if start < end else -1)
        graphviz.agsafeset(handle, b"lp", f"{middle:.1f},{height:.1f}".encode(), b"")
    wanted = [r for r, (_, boxes, _) in zip(rectangles, given.frames, strict=True) if boxes]
    gone = wanted.count(None)
    return [f"{gone:,} of its {len(wanted):,} frames are left out"] if gone else []


def _text(graphviz: Any, of: Any, name: bytes) -> str:
    return (graphviz.agget(of, name) or b"").decode("utf-8", "replace").strip()


def _number(graphviz: Any, of: Any, name: bytes, otherwise: float) -> float:
    try:
        return float(_text(graphviz, of, name).split()[0])
    except (ValueError, IndexError):
        return otherwise
