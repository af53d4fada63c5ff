"""Leaves drawn once for each of their uses.

A weight that fifty steps share has an arrow to each of them: nothing else makes a picture
slower to lay out or harder to follow. Picture only: clones stand for their original.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import Attr, Edge, Graph, Node
from graphviz_autograd.transform.groups import fresh_ids, leaves_of_accumulators
from graphviz_autograd.visible import representatives

USES = 4


class _Uses(NamedTuple):
    """Who takes a leaf: the boxes that are seen to, with the arrows to each; and the ops."""

    boxes: dict[int, list[int]]
    ops: set[int]


def clone_leaves(graph: Graph, uses: int = USES) -> Graph:
    """A leaf, or an input, that so many boxes take, drawn once for each of them.

    Boxes are counted as they are seen: a closed group that takes a leaf many times is one. The
    leaf moves beside the first; beside every other there is a clone of it and of its accumulator
    (and of the group that joins them), with `clone_of` the id of its original. Leaf, group and
    clones have the attribute "uses", the number of ops that take the leaf, seen or not. Arrows
    to saved tensors and views stay with the original.

    Raises OptionError (a ValueError) for fewer uses than 2.

    >>> ops = [Node(n, "op", "MulBackward0") for n in range(1, 4)]
    >>> graph = Graph([Node(0, "leaf", names=("w",)), *ops], [Edge(0, n) for n in range(1, 4)])
    >>> cloned = clone_leaves(graph, uses=3)
    >>> [(node.id, node.clone_of, node.attrs) for node in cloned.nodes if node.kind == "leaf"]
    [(0, None, {'uses': 3}), (4, 0, {'uses': 3}), (5, 0, {'uses': 3})]
    >>> [(edge.source, edge.target) for edge in cloned.edges]
    [(0, 1), (4, 2), (5, 3)]
    """
    if isinstance(uses, bool) or not isinstance(uses, int) or uses < 2:
        raise OptionError(f"uses is a number from 2 up, not {uses!r}")
    nodes = graph.by_id()
    box = representatives(graph.nodes, graph.closed)
    pairs = _pairs(graph, nodes, box)
    shared = {
        leaf: found for leaf, found in _uses(graph, pairs, box).items() if len(found.boxes) >= uses
    }
    if not shared:
        return graph
    made = _Clones(graph, nodes)
    for leaf, found in shared.items():
        first, *others = found.boxes.items()
        made.settle(pairs[leaf], len(found.ops), nodes[first[0]].parent)
        for target, arrows in others:
            made.add(pairs[leaf], arrows, nodes[target].parent)
    return made.graph()


Pairs = dict[int, list[int]]
"""For each leaf that is seen: itself and its accumulators, as far as they are."""


def _pairs(graph: Graph, nodes: dict[int, Node], box: dict[int, int]) -> Pairs:
    def seen(node: Node) -> bool:
        own = node.parent if _paired(node, nodes) else node.id
        return box[node.id] in (node.id, own)

    pairs = {n.id: [n.id] for n in graph.nodes if n.kind in ("leaf", "input") and seen(n)}
    for accumulator, leaf in leaves_of_accumulators(graph, nodes).items():
        if leaf in pairs and seen(nodes[accumulator]):
            pairs[leaf].append(accumulator)
    return pairs


def _paired(node: Node, nodes: dict[int, Node]) -> bool:
    return node.parent is not None and nodes[node.parent].op == "leaf"


def _uses(graph: Graph, pairs: Pairs, box: dict[int, int]) -> dict[int, _Uses]:
    leaf_of = {member: leaf for leaf, members in pairs.items() for member in members}
    found: dict[int, _Uses] = {}
    for number, edge in enumerate(graph.edges):
        leaf = leaf_of.get(edge.source)
        if leaf is None or edge.kind not in ("grad", "input") or leaf_of.get(edge.target) == leaf:
            continue
        uses = found.setdefault(leaf, _Uses({}, set()))
        uses.boxes.setdefault(box[edge.target], []).append(number)
        uses.ops.add(edge.target)
    return found


class _Clones:
    """Clones as they are made, and the arrows that lead to and from them."""

    def __init__(self, graph: Graph, nodes: dict[int, Node]) -> None:
        self._graph = graph
        self._nodes = nodes
        self._ids: Iterator[int] = fresh_ids(graph)
        self._edges = list(graph.edges)
        self._closed: set[int] = set()

    def settle(self, members: list[int], uses: int, home: int | None) -> None:
        """Puts a leaf with its accumulators into a group; it knows how often it is used."""
        leaf = self._nodes[members[0]]
        if _paired(leaf, self._nodes) and leaf.parent is not None:
            self._nodes[leaf.parent] = _used(self._nodes[leaf.parent], uses, home)
            self._nodes[leaf.id] = _used(leaf, uses, leaf.parent)
            return
        self._nodes[leaf.id] = _used(leaf, uses, home)
        for number in members[1:]:
            self._nodes[number] = replace(self._nodes[number], parent=home)

    def add(self, members: list[int], arrows: list[int], home: int | None) -> None:
        """A clone of a leaf and of those of its accumulators that these arrows come from."""
        leaf = self._nodes[members[0]]
        sources = {self._graph.edges[number].source for number in arrows}
        if _paired(leaf, self._nodes) and leaf.parent is not None:
            home = self._clone(self._nodes[leaf.parent], home)
            if leaf.parent in self._graph.closed:
                self._closed.add(home)
        clones = {leaf.id: self._clone(leaf, home)}
        for number in members[1:]:
            if number in sources:
                clones[number] = self._clone(self._nodes[number], home)
                self._edges.append(Edge(clones[leaf.id], clones[number]))
        for number in arrows:
            edge = self._edges[number]
            self._edges[number] = replace(edge, source=clones[edge.source])

    def _clone(self, node: Node, home: int | None) -> int:
        clone = replace(node, id=next(self._ids), parent=home, clone_of=node.id)
        self._nodes[clone.id] = clone
        return clone.id

    def graph(self) -> Graph:
        nodes = list(self._nodes.values())  # the clones come last
        closed = self._graph.closed | self._closed
        return replace(self._graph, nodes=nodes, edges=self._edges, closed=closed)


def _used(node: Node, uses: int, home: int | None) -> Node:
    attrs: dict[str, Attr] = {**node.attrs, "uses": uses}
    return replace(node, attrs=attrs, parent=home)
