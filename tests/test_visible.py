"""What of a graph with groups is drawn."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from graphviz_autograd import Edge, Graph, Node
from graphviz_autograd.visible import visible


def grouped() -> Graph:
    """0 -> (1 -> (2 -> 3) -> 4) -> 5, where 8 holds 2 and 3, and 7 holds 8, 1 and 4."""
    parents = {0: None, 1: 7, 2: 8, 3: 8, 4: 7, 5: None}
    nodes = [Node(n, "op", f"Op{n}", parent=parent) for n, parent in parents.items()]
    nodes += [Node(7, "group", "module"), Node(8, "group", "module", parent=7)]
    edges = [Edge(n, n + 1) for n in range(5)] + [Edge(1, 4, "grad", 0, 1)]
    return Graph(nodes, edges)


def ids(graph: Graph) -> list[int]:
    return [node.id for node in graph.nodes]


def arrows(graph: Graph) -> list[tuple[int, int, int]]:
    return [(edge.source, edge.target, edge.count) for edge in graph.edges]


def test_a_graph_without_groups_is_drawn_as_it_is() -> None:
    graph = Graph([Node(0, "leaf"), Node(1, "output")], [Edge(0, 1)], (1,))
    assert visible(graph) is graph


def test_open_groups_are_frames_and_hide_nothing() -> None:
    assert ids(visible(grouped())) == ids(grouped())
    assert visible(grouped()).edges == grouped().edges


def test_a_closed_group_is_one_box_with_the_arrows_to_and_from_it() -> None:
    seen = visible(replace(grouped(), closed=frozenset({8})))
    assert ids(seen) == [0, 1, 4, 5, 7, 8]
    assert arrows(seen) == [(0, 1, 1), (1, 8, 1), (8, 4, 1), (4, 5, 1), (1, 4, 1)]


def test_the_outermost_closed_group_counts() -> None:
    seen = visible(replace(grouped(), closed=frozenset({7, 8})))
    assert ids(seen) == [0, 5, 7]
    assert arrows(seen) == [(0, 7, 1), (7, 5, 1)]
    assert seen.closed == {7}


def test_arrows_between_the_same_two_boxes_are_one_with_a_count() -> None:
    graph = grouped()
    graph.edges.append(Edge(2, 5, "grad", 0, 0))
    seen = visible(replace(graph, closed=frozenset({7})))
    assert arrows(seen) == [(0, 7, 1), (7, 5, 2)]


def test_arrows_to_different_inputs_stay_apart() -> None:
    graph = grouped()
    graph.edges.append(Edge(2, 5, "grad", 0, 1))
    seen = visible(replace(graph, closed=frozenset({7})))
    assert arrows(seen) == [(0, 7, 1), (7, 5, 1), (7, 5, 1)]


def test_a_group_with_nothing_in_it_is_not_drawn() -> None:
    graph = Graph([Node(0, "op"), Node(1, "group", "module")], [])
    assert ids(visible(graph)) == [0]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Chains and shortcuts among ops, in groups nested at random, closed at random."""
    size, groups = draw(st.integers(1, 12)), draw(st.integers(0, 5))
    first = size
    nodes = [
        Node(n, "op", parent=draw(st.sampled_from([None, *range(first, first + groups)])))
        for n in range(size)
    ]
    for group in range(first, first + groups):
        nodes.append(
            Node(
                group, "group", "module", parent=draw(st.sampled_from([None, *range(first, group)]))
            )
        )
    pairs = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1))
    ends = [(a, b) for a, b in draw(st.lists(pairs, max_size=20)) if a < b]
    closed = draw(st.sets(st.sampled_from(range(first, first + groups)))) if groups else set()
    return Graph(nodes, [Edge(a, b) for a, b in ends], (), {}, frozenset(closed))


@given(graphs())
def test_every_node_is_seen_or_in_a_box_and_every_arrow_between_boxes_is_counted(
    graph: Graph,
) -> None:
    nodes = graph.by_id()

    def box(number: int) -> int:
        outermost, around = number, nodes[number].parent
        while around is not None:
            outermost = around if around in graph.closed else outermost
            around = nodes[around].parent
        return outermost

    seen = visible(graph)
    drawn = {n.id for n in seen.nodes if n.kind != "group" or n.id in seen.closed}
    assert {box(n.id) for n in graph.nodes if n.kind == "op"} <= drawn
    between = [(box(e.source), box(e.target)) for e in graph.edges]
    assert sum(e.count for e in seen.edges) == sum(a != b for a, b in between)
    assert {(e.source, e.target) for e in seen.edges} == {(a, b) for a, b in between if a != b}
    assert {n.parent for n in seen.nodes} - {None} <= {n.id for n in seen.nodes}
