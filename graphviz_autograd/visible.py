"""What of a Graph is to be drawn: groups that are closed are one box.

The one definition that every picture and the viewer share. Belongs to graph: plain data,
nothing of ours but `graph`.
"""

from __future__ import annotations

from graphviz_autograd.graph import Edge, Graph, Node


def visible(graph: Graph) -> Graph:
    """The Graph as it is drawn: closed groups without what is in them, open ones with it.

    A node inside a closed group is represented by the outermost of them. Arrows inside one
    box are gone; those between two boxes of which one is a group are one arrow with a
    `count`, for each output or input of the other. Open groups that nothing is seen of are
    gone as well.

    >>> pair = Node(9, "group", "module")
    >>> nodes = [Node(0, "op", parent=9), Node(1, "op", parent=9), Node(2, "output"), pair]
    >>> edges = [Edge(0, 1), Edge(1, 2), Edge(0, 2)]
    >>> shown = visible(Graph(nodes, edges, (2,), closed=frozenset({9})))
    >>> [node.id for node in shown.nodes], shown.edges
    ([2, 9], [Edge(source=9, target=2, kind='grad', source_index=0, target_index=0, count=2)])
    """
    groups = {node.id: node for node in graph.nodes if node.kind == "group"}
    if not groups:
        return graph
    box = representatives(graph.nodes, graph.closed)
    seen = [node for node in graph.nodes if box[node.id] == node.id]
    framed = _frames(seen, groups, graph.closed)
    kept = [n for n in seen if n.kind != "group" or n.id in graph.closed or n.id in framed]
    shut = graph.closed.intersection(node.id for node in kept)
    outputs = tuple(dict.fromkeys(box[number] for number in graph.outputs))
    return Graph(kept, _merged(graph.edges, box, shut), outputs, graph.meta, shut)


def representatives(nodes: list[Node], closed: frozenset[int]) -> dict[int, int]:
    """For each node the box that shows it: the outermost closed group around it, or itself."""
    parents = {node.id: node.parent for node in nodes if node.kind == "group"}
    outermost: dict[int | None, int | None] = {None: None}  # the closed group around, if any
    for group in parents:
        path: list[int] = []
        inner: int | None = group
        while inner is not None and inner not in outermost:
            path.append(inner)
            inner = parents[inner]
        around = outermost[inner]
        for inner in reversed(path):
            if around is None and inner in closed:
                around = inner
            outermost[inner] = around
    box: dict[int, int] = {}
    for node in nodes:
        around = outermost[node.id if node.kind == "group" else node.parent]
        box[node.id] = node.id if around is None else around
    return box


def _frames(seen: list[Node], groups: dict[int, Node], closed: frozenset[int]) -> set[int]:
    """The open groups that hold something that is seen."""
    framed: set[int] = set()
    for node in seen:
        if node.kind != "group" or node.id in closed:
            around = node.parent
            while around is not None and around not in framed:
                framed.add(around)
                around = groups[around].parent
    return framed


def _merged(edges: list[Edge], box: dict[int, int], shut: frozenset[int]) -> list[Edge]:
    """The arrows between boxes; those from or to a closed group are counted together."""
    kept: list[Edge] = []
    merged: dict[tuple[int, int, str, int, int], Edge] = {}
    for edge in edges:
        source, target = box[edge.source], box[edge.target]
        if source == target and (source in shut or edge.source != edge.target):
            continue
        if source not in shut and target not in shut:
            kept.append(edge)
            continue
        first = 0 if source in shut else edge.source_index
        last = 0 if target in shut else edge.target_index
        key = (source, target, edge.kind, first, last)
        known = merged.get(key)
        if known is None:
            merged[key] = known = Edge(source, target, edge.kind, first, last, edge.count)
            kept.append(known)
        else:
            known.count += edge.count
    return kept
