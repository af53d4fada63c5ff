"""Which arrows a picture has and the numbers they bear, in every format that draws them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from graphviz_autograd.graph import Edge, Graph, Node

# Ops whose operands may change places; at every other op with several inputs each arrow
# bears the number of the input it goes to.
COMMUTATIVE = frozenset(
    f"{op}Backward0" for op in ("Add", "Mul", "Dot", "Maximum", "Minimum", "Logaddexp")
)

BUNDLE = 3
"""Arrows between two boxes that are drawn one by one, where a box stands for several ops."""


Mark = int | str | None
"""The number an arrow bears at an end, or several in few letters; None where it bears none."""

Arrow = tuple[Edge, Mark, Mark, int]
"""An edge; the input that it goes to; the output that it comes from; how many arrows it is."""


def arrows(graph: Graph) -> Iterator[Arrow]:
    """The arrows of what is visible of a graph, in the order of its edges; the first of a bundle
    stands for all of it.

    >>> from graphviz_autograd.graph import Node
    >>> minus = [Edge(0, 1), Edge(0, 1, target_index=1)]
    >>> graph = Graph([Node(0, "leaf"), Node(1, "op", "SubBackward0")], minus)
    >>> [(head, tail, count) for _, head, tail, count in arrows(graph)]
    [(0, None, 1), (1, None, 1)]
    """
    heads, tails = _numbered(graph.edges, graph.by_id())
    bundles = _bundles(graph)
    for edge in graph.edges:
        bundle = bundles.get((edge.source, edge.target, edge.kind)) if bundles else None
        if bundle and edge is not bundle[0]:
            continue
        head: Mark = None
        tail: Mark = None
        if edge.kind in ("grad", "input"):
            if edge.target in heads:
                head = _span(one.target_index for one in bundle) if bundle else edge.target_index
            if edge.source in tails:
                tail = _span(one.source_index for one in bundle) if bundle else edge.source_index
        yield edge, head, tail, sum(one.count for one in bundle) if bundle else edge.count


def _numbered(edges: Iterable[Edge], nodes: Mapping[int, Node]) -> tuple[set[int], set[int]]:
    """The boxes at which arrows bear the number of the input that they go to, and those at which
    they bear the number of the output that they come from.
    """
    later = [e for e in edges if (e.target_index or e.source_index) and e.kind in ("grad", "input")]
    heads = {
        edge.target
        for edge in later
        if edge.target_index and nodes[edge.target].op not in COMMUTATIVE
    }
    return heads, {edge.source for edge in later if edge.source_index}


def _bundles(graph: Graph) -> dict[tuple[int, int, str], list[Edge]]:
    """The arrows that are drawn as one: many between two boxes, of which one is a group."""
    between: dict[tuple[int, int, str], list[Edge]] = {}
    if graph.closed:
        for edge in graph.edges:
            if edge.source in graph.closed or edge.target in graph.closed:
                between.setdefault((edge.source, edge.target, edge.kind), []).append(edge)
    return {ends: edges for ends, edges in between.items() if len(edges) > BUNDLE}


def _span(numbers: Iterable[int]) -> str:
    """Numbers in few letters: from the first to the last.

    >>> _span([3, 1, 2]), _span([0, 2, 4, 6]), _span([0, 0, 0])
    ('1–3', '0, 2, … 6', '0')
    """
    each = sorted(set(numbers))
    if len(each) == each[-1] - each[0] + 1:
        return f"{each[0]}–{each[-1]}" if len(each) > 1 else str(each[0])
    return ", ".join(map(str, each)) if len(each) < 4 else f"{each[0]}, {each[1]}, … {each[-1]}"
