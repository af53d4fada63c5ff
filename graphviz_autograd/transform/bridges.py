"""Arrows across ops that are taken away: from each box before them to each box after them.

Exact: there is a way across from one box to another if, and only if, there was one. Bounded:
where many arrows come together and many part, arrows from each to each would be many more than
there were; there a box stays, which stands for what was taken away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from graphviz_autograd.graph import Edge, EdgeKind

SMALL = 16
"""Arrows that may take the place of an op and its own, where they are more than those."""


class _Source(NamedTuple):
    """A node that stays, and which of its outputs an arrow comes from."""

    node: int
    output: int
    kind: EdgeKind


class _Target(NamedTuple):
    """A node that stays, and which of its inputs an arrow goes to."""

    node: int
    input: int


End = int | _Source | _Target
"""An end of an arrow: an int is a node that is taken away."""

Ends = dict[End, None]
"""A set that keeps its order, so that two processes draw the same."""


@dataclass
class Bridges:
    """What leads across the nodes that are taken away.

    edges  the arrows between nodes that stay, and to and from those that must stay after all
    left   those that must, each with the nodes that it stands for beside itself
    """

    edges: list[Edge] = field(default_factory=list)
    left: dict[int, list[int]] = field(default_factory=dict)


def bridged(edges: Iterable[Edge], hidden: set[int]) -> Bridges:
    """What takes the place of these edges, of which each has an end that is hidden.

    >>> edges = [Edge(0, 1), Edge(1, 2), Edge(2, 3, target_index=1)]
    >>> bridged(edges, {1, 2})
    Bridges(edges=[Edge(source=0, target=3, kind='grad', source_index=0, target_index=1, \
count=1)], left={})
    """
    web = _Web(edges, hidden)
    waiting = list(web.hidden())
    while waiting:
        web.take_away(waiting)
        waiting = web.merge_twins()
    return Bridges(list(web.edges()), web.left)


class _Web:
    """Hidden nodes, and the arrows between them and the ends that stay."""

    def __init__(self, edges: Iterable[Edge], hidden: set[int]) -> None:
        self.before: dict[End, Ends] = {}
        self.after: dict[End, Ends] = {}
        self.left: dict[int, list[int]] = {}
        for edge in edges:
            source: End = edge.source
            if edge.source not in hidden:
                kind: EdgeKind = "input" if edge.kind == "input" else "grad"
                source = _Source(edge.source, edge.source_index, kind)
            target: End = edge.target
            if edge.target not in hidden:
                target = _Target(edge.target, edge.target_index)
            self._add(source, target)

    def _add(self, source: End, target: End) -> None:
        for end in (source, target):
            if isinstance(end, int) and end not in self.left:
                self.left[end] = []
                self.before[end], self.after[end] = {}, {}
        self.after.setdefault(source, {})[target] = None
        self.before.setdefault(target, {})[source] = None

    def hidden(self) -> Iterator[int]:
        return iter(self.left)

    def take_away(self, waiting: list[int]) -> None:
        """These, and those that then can be: the ones with the fewest arrows first."""
        queue = [(self._cost(number), number) for number in waiting]
        heapify(queue)
        while queue:
            cost, number = heappop(queue)
            if number not in self.left or cost != self._cost(number) or not self._can_go(number):
                continue
            for end in self._removed(number):
                if isinstance(end, int):
                    heappush(queue, (self._cost(end), end))

    def _cost(self, number: int) -> int:
        """How many arrows would take the place of its own."""
        return len(self.before[number]) * len(self.after[number]) if number in self.left else -1

    def _can_go(self, number: int) -> bool:
        own = len(self.before[number]) + len(self.after[number])
        return self._cost(number) <= max(own, SMALL)

    def _removed(self, number: int) -> Ends:
        """Takes a node away, with arrows from all before it to all after it; and its
        neighbours, which may be next.
        """
        sources, targets = self.before.pop(number), self.after.pop(number)
        del self.left[number]
        for source in sources:
            del self.after[source][number]
            self.after[source].update(targets)
        for target in targets:
            del self.before[target][number]
            self.before[target].update(sources)
        return sources | targets

    def merge_twins(self) -> list[int]:
        """Makes one of those that all the same lead to, or that lead to all the same: no way
        is won or lost. Those that have changed.
        """
        changed: dict[int, None] = {}
        for near, far in ((self.before, self.after), (self.after, self.before)):
            first: dict[frozenset[End], int] = {}
            for number in self._sorted(near, far):  # so that twins make twins in one go
                twin = first.setdefault(frozenset(near[number]), number)
                if twin != number:
                    self._merge(twin, number, near, far)
                    changed[twin] = None
        ends = {e: None for n in changed if n in self.left for e in self._around(n)}
        return [end for end in ends if isinstance(end, int)]

    def _sorted(self, near: dict[End, Ends], far: dict[End, Ends]) -> list[int]:
        """The hidden nodes, each after all that are nearer."""
        nearer = {n: sum(1 for end in near[n] if isinstance(end, int)) for n in self.left}
        ready = [number for number, count in nearer.items() if not count]
        for number in ready:  # grows
            for end in far[number]:
                if isinstance(end, int):
                    nearer[end] -= 1
                    if not nearer[end]:
                        ready.append(end)
        return ready

    def _around(self, number: int) -> Ends:
        return {number: None} | self.before[number] | self.after[number]

    def _merge(self, twin: int, number: int, near: dict[End, Ends], far: dict[End, Ends]) -> None:
        for end in near.pop(number):
            del far[end][number]
        for end in far.pop(number):
            del near[end][number]
            near[end][twin] = None
            far[twin][end] = None
        self.left[twin] += [number, *self.left.pop(number)]

    def edges(self) -> Iterator[Edge]:
        for source, targets in self.after.items():
            node, index = _place(source)
            kind: EdgeKind = source.kind if isinstance(source, _Source) else "grad"
            ends = list(map(_place, targets))
            if isinstance(source, int):  # it stands for many: of its arrows to a node one will do
                ends = list(dict(reversed(ends)).items())
            for target, input_number in ends:
                yield Edge(node, target, kind, index, input_number)


def _place(end: End) -> tuple[int, int]:
    """The node of an end, and which of its inputs or outputs is meant."""
    if isinstance(end, int):
        return end, 0
    return end.node, end.output if isinstance(end, _Source) else end.input
