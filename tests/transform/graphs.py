"""Random graphs as a walk could give them, and what the tests of transforms ask of any graph."""

from __future__ import annotations

import copy

import torch
from hypothesis import strategies as st
from torch import nn

import graphviz_autograd as gva
from graphviz_autograd.graph import Edge, Graph, Node, TensorInfo
from graphviz_autograd.transform.groups import settled
from graphviz_autograd.visible import visible

NAMES = ("Mul", "Add", "View", "T", "Expand", "Clone", "Addmm")


@st.composite
def graphs(draw: st.DrawFn, groups: bool = True, largest: int = 12) -> Graph:
    """Leaves with accumulators, ops that take what was made before them, an output, some of
    what was saved; and some groups, open and closed, of ops made one after the other.
    """
    edges: list[Edge] = []
    nodes: list[Node] = []
    made: list[int] = []  # what an op can take
    info = TensorInfo((2,), "float32", "cpu")

    def new(kind: str, op: str = "", **more: object) -> int:
        nodes.append(Node(len(nodes), kind, op, outputs=(info,), **more))  # type: ignore[arg-type]
        return len(nodes) - 1

    for number in range(draw(st.integers(1, 3))):
        parameter = {"parameter": True} if draw(st.booleans()) else {}
        leaf = new("leaf", names=(f"w{number}",), attrs=parameter)
        made.append(new("op", "AccumulateGrad"))
        edges.append(Edge(leaf, made[-1]))
    ops = []
    for _ in range(draw(st.integers(1, largest))):
        name = draw(st.sampled_from(NAMES))
        sources = draw(st.lists(st.sampled_from(made), min_size=1, max_size=3))
        ops.append(new("op", f"{name}Backward0"))
        for index, source in enumerate(sources if name in ("Mul", "Add", "Addmm") else sources[:1]):
            edges.append(Edge(source, ops[-1], target_index=index))
        if draw(st.integers(0, 3)) == 0:
            edges.append(Edge(ops[-1], new("saved", "self"), "saved"))
        made.append(ops[-1])
    output = new("output", names=("loss",))
    edges.append(Edge(ops[-1], output))
    graph = Graph(nodes, edges, (output,))
    return _grouped(draw, graph, ops) if groups else graph


def _grouped(draw: st.DrawFn, graph: Graph, ops: list[int]) -> Graph:
    nodes = list(graph.nodes)
    closed = set()
    start = 0
    while start < len(ops):
        end = start + draw(st.integers(1, 5))
        if draw(st.booleans()):
            group = Node(len(nodes), "group", "module")
            for number in ops[start:end]:
                nodes[number] = copy.copy(nodes[number])
                nodes[number].parent = group.id
            nodes.append(group)
            if draw(st.booleans()):
                closed.add(group.id)
        start = end
    return settled(Graph(nodes, graph.edges, graph.outputs, closed=frozenset(closed)))


def ways(graph: Graph) -> set[tuple[int, int]]:
    """From which node a way along the arrows leads to which."""
    after: dict[int, list[int]] = {}
    for edge in graph.edges:
        if edge.kind in ("grad", "input"):
            after.setdefault(edge.source, []).append(edge.target)
    found = set()
    for node in graph.nodes:
        waiting, seen = [node.id], set()
        while waiting:
            for end in after.get(waiting.pop(), ()):
                if end not in seen:
                    seen.add(end)
                    waiting.append(end)
        found |= {(node.id, end) for end in seen}
    return found


def check_sound(graph: Graph) -> None:
    """It can be saved and read again, and its picture has no circle."""
    assert Graph.from_json(graph.to_json()) == graph
    assert not any(source == target for source, target in ways(visible(graph)))


def kept(before: Graph, after: Graph) -> set[int]:
    """The ids of the nodes that are in both; none may stand for another."""
    known = before.by_id()
    ids = set()
    for node in after.nodes:
        if node.id in known and node.op != "…":
            assert (node.kind, node.op) == (known[node.id].kind, known[node.id].op)
            ids.add(node.id)
    return ids


def listed(count: int) -> Graph:
    """A line of so many ops behind a leaf: views and additions of the leaf by turns."""
    nodes = [Node(0, "leaf", names=("w",)), Node(1, "op", "AccumulateGrad")]
    edges = [Edge(0, 1)]
    for number in range(2, count + 2):
        look = number % 2
        nodes.append(Node(number, "op", "ViewBackward0" if look else "AddBackward0"))
        edges.append(Edge(number - 1, number))
        if not look:
            edges.append(Edge(1, number, target_index=1))
    nodes.append(Node(count + 2, "output", names=("loss",)))
    edges.append(Edge(count + 1, count + 2))
    return Graph(nodes, edges, (count + 2,))


def mlp(recorded: bool = True) -> Graph:
    """Two linear layers, a tanh between them: y = W₁·tanh(W₀·x + b₀) + b₁, summed."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    with gva.record(model) as record:
        loss = model(torch.ones(4, 2)).sum()
    return gva.walk({"loss": loss}, model, record=record if recorded else None)


def seen(graph: Graph) -> list[str]:
    """What the boxes of the picture say, saved tensors and frames left out."""
    shown = visible(graph)
    says = [
        ", ".join(n.names) or (n.module.path if n.kind == "group" and n.module else n.op)
        for n in shown.nodes
        if n.kind != "saved" and (n.kind != "group" or n.id in shown.closed)
    ]
    return sorted(says)


def arrows(graph: Graph) -> set[tuple[str, str]]:
    says = {node.id: ", ".join(node.names) or node.op for node in graph.nodes}
    return {(says[e.source], says[e.target]) for e in graph.edges if e.kind == "grad"}
