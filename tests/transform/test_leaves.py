"""A leaf that much uses is drawn once for each use, and is still one leaf."""

from __future__ import annotations

import copy
import runpy
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import graphviz_autograd as gva
from graphviz_autograd import Graph, engine
from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import Edge, Node
from graphviz_autograd.transform.groups import described
from graphviz_autograd.transform.leaves import clone_leaves
from graphviz_autograd.transform.modules import collapse, group_modules
from graphviz_autograd.transform.plumbing import fold_plumbing, join_accumulators
from graphviz_autograd.visible import visible

_GRAPHS = runpy.run_path(str(Path(__file__).with_name("graphs.py")))
graphs: Any = _GRAPHS["graphs"]
check_sound, ways = _GRAPHS["check_sound"], _GRAPHS["ways"]


def steps(count: int) -> Graph:
    """A cell called again and again, its modules recorded."""
    torch.manual_seed(0)
    cell = nn.RNNCell(3, 4)
    hidden = torch.zeros(2, 4)
    with gva.record(cell) as record:
        for _ in range(count):
            hidden = cell(torch.ones(2, 3), hidden)
    return gva.walk(hidden.sum(), cell, record=record, saved=False)


def named(graph: Graph, name: str) -> list[Node]:
    """The boxes of a name that are seen."""
    return [node for node in visible(graph).nodes if name in node.names]


def takers(graph: Graph) -> Counter[int]:
    """How many boxes take each leaf, or its accumulator."""
    shown = visible(graph)
    kinds = {node.id: (node.kind, node.op) for node in shown.nodes}
    pairs = {(e.source, e.target) for e in shown.edges if e.kind in ("grad", "input")}
    return Counter(
        source
        for source, target in pairs
        if kinds[target][1] != "AccumulateGrad"
        and (
            kinds[source][0] in ("leaf", "input") or kinds[source][1] in ("AccumulateGrad", "leaf")
        )
    )


def test_a_weight_of_fifty_steps_is_drawn_fifty_times_each_beside_its_step() -> None:
    graph = clone_leaves(steps(50))
    boxes = named(graph, "weight_hh")
    assert len(boxes) == 50
    assert {node.attrs["uses"] for node in boxes} == {50}
    (original,) = (node for node in boxes if node.clone_of is None)
    assert {node.clone_of for node in boxes if node is not original} == {original.id}
    assert set(takers(graph).values()) == {1}


def test_a_leaf_and_its_accumulator_are_cloned_together() -> None:
    graph = clone_leaves(steps(5))
    kinds = Counter(node.kind for node in graph.nodes if node.clone_of is not None)
    assert kinds == {"leaf": 4 * 4, "op": 4 * 4}  # four parameters, four more steps
    by_id = graph.by_id()
    for edge in graph.edges:
        source, target = by_id[edge.source], by_id[edge.target]
        if source.kind == "leaf" and source.clone_of is not None:
            assert (target.op, target.parent) == ("AccumulateGrad", source.parent)


def test_joined_with_its_accumulator_the_box_of_both_is_cloned() -> None:
    graph = clone_leaves(join_accumulators(steps(5)))
    boxes = named(graph, "weight_hh")
    assert [node.op for node in boxes] == ["leaf"] * 5
    assert {node.attrs["uses"] for node in boxes} == {5}
    assert all(node.id in graph.closed for node in boxes)
    check_sound(graph)


def test_three_uses_stay_one_box_unless_asked() -> None:
    assert clone_leaves(steps(3)) == steps(3)
    assert len(named(clone_leaves(steps(3), uses=3), "bias_hh")) == 3


def test_leaf_and_clones_stand_each_in_the_group_of_the_op_that_takes_it() -> None:
    graph = clone_leaves(group_modules(steps(4)))
    nodes = graph.by_id()
    for edge in graph.edges:
        source, target = nodes[edge.source], nodes[edge.target]
        if source.op == "AccumulateGrad" or source.kind == "leaf":
            assert source.parent == target.parent is not None
    check_sound(graph)


def test_uses_within_a_closed_box_need_no_clones() -> None:
    graph = collapse(steps(8), 0)
    cloned = clone_leaves(graph)
    assert len(named(cloned, "weight_hh")) == 8  # one for each call of the cell
    assert {node.attrs["uses"] for node in named(cloned, "weight_hh")} == {8}
    whole = Node(10_000, "group", "composite")
    inside = [
        replace(node, parent=whole.id)
        if node.op != "AccumulateGrad" and node.kind == "op"
        else node
        for node in steps(8).nodes
    ]
    one_box = Graph([*inside, whole], steps(8).edges, steps(8).outputs, closed=frozenset({10_000}))
    assert clone_leaves(one_box) == one_box


def test_thin_boxes_between_a_weight_and_its_uses_are_kept() -> None:
    graph = clone_leaves(fold_plumbing(steps(6)))
    assert len(named(graph, "weight_ih")) == 6
    assert set(takers(graph).values()) == {1}
    check_sound(graph)


def test_an_input_that_needs_no_gradient_is_cloned_as_well() -> None:
    x = engine.tensor([1.0, 2.0])
    w = engine.tensor([1.0, 1.0], requires_grad=True)
    loss = sum((w * x for _ in range(4)), engine.zeros(2)).sum()
    graph = clone_leaves(gva.walk(loss, {"w": w, "x": x}, inputs=True))
    assert len(named(graph, "x")) == 4
    assert {node.attrs["uses"] for node in named(graph, "x")} == {4}


def test_what_an_op_saved_stays_with_the_original() -> None:
    w = torch.ones(2, requires_grad=True)
    loss = torch.stack([(w * n).sin() * w for n in range(1, 4)]).sum()
    before = gva.walk(loss, {"w": w})
    after = clone_leaves(before)
    saved = [edge for edge in before.edges if edge.kind == "saved"]
    assert saved
    assert [edge for edge in after.edges if edge.kind == "saved"] == saved


def test_the_summary_counts_a_leaf_once() -> None:
    graph = steps(6)
    assert clone_leaves(graph).summary() == graph.summary()
    joined = join_accumulators(graph)
    assert clone_leaves(joined).summary() == joined.summary()


class Again(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(5):
            x = self.fc(x)
        return x


def test_the_parameters_of_a_group_are_counted_once() -> None:
    model = Again()
    with gva.record(model) as record:
        loss = model(torch.ones(2, 3)).sum()
    graph = group_modules(gva.walk(loss, model, record=record))
    before = {n.id: n.attrs for n in graph.nodes if n.kind == "group"}
    after = {n.id: n.attrs for n in described(clone_leaves(graph)).nodes if n.kind == "group"}
    assert after == before
    assert 12 in [attrs.get("parameters") for attrs in after.values()]


@pytest.mark.parametrize("uses", [1, 0, -3, "4", True, 2.5])
def test_fewer_than_two_uses_is_a_mistake(uses: Any) -> None:
    with pytest.raises(OptionError, match="uses is a number from 2 up, not"):
        clone_leaves(Graph([], []), uses)


@given(graphs(), st.integers(2, 4), st.booleans())
def test_cloning_changes_nothing_but_how_often_a_leaf_is_drawn(
    graph: Graph, uses: int, joined: bool
) -> None:
    graph = join_accumulators(graph) if joined else graph
    before = copy.deepcopy(graph)
    cloned = clone_leaves(graph, uses)
    assert graph == before
    check_sound(cloned)
    assert clone_leaves(cloned, uses) == cloned
    assert [n.id for n in cloned.nodes if n.clone_of is None] == [n.id for n in graph.nodes]
    real = {node.id: node.id if node.clone_of is None else node.clone_of for node in cloned.nodes}
    as_one = [replace(e, source=real[e.source], target=real[e.target]) for e in cloned.edges]
    assert set(map(repr, as_one)) == set(map(repr, graph.edges))
    few = takers(cloned)
    assert all(few[number] == 1 or few[number] < uses for number in few)
    nodes = graph.by_id()
    ends = {pair for pair in ways(cloned) if nodes.keys() >= set(pair)}
    assert ends <= ways(graph)


def test_a_leaf_of_many_uses_takes_no_time() -> None:
    count = 50_000
    ops = [Node(number, "op", "MulBackward0") for number in range(2, count + 2)]
    edges = [Edge(0, 1), *(Edge(1, op.id) for op in ops)]
    graph = Graph([Node(0, "leaf", names=("w",)), Node(1, "op", "AccumulateGrad"), *ops], edges)
    assert sum(1 for node in clone_leaves(graph).nodes if node.kind == "leaf") == count
