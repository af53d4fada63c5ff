"""Hidden ops: arrows pass through where they were, and every way that there was is kept."""

from __future__ import annotations

import copy
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphviz_autograd import Graph
from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import Edge, Node
from graphviz_autograd.transform.groups import count_boxes
from graphviz_autograd.transform.leaves import clone_leaves
from graphviz_autograd.transform.modules import collapse, group_modules
from graphviz_autograd.transform.parts import hide, only
from graphviz_autograd.transform.plumbing import fold_plumbing, join_accumulators
from graphviz_autograd.visible import visible

_GRAPHS = runpy.run_path(str(Path(__file__).with_name("graphs.py")))
graphs: Any = _GRAPHS["graphs"]
check_sound, kept = _GRAPHS["check_sound"], _GRAPHS["kept"]
mlp, seen, ways = _GRAPHS["mlp"], _GRAPHS["seen"], _GRAPHS["ways"]
listed, arrows = _GRAPHS["listed"], _GRAPHS["arrows"]


def test_arrows_pass_through_what_is_hidden() -> None:
    graph = hide(mlp(), "t", "AccumulateGrad")
    assert ("0.weight", "AddmmBackward0") in arrows(graph)
    assert "TBackward0" not in seen(graph)
    (edge,) = (e for e in graph.edges if graph.by_id()[e.source].names == ("0.weight",))
    assert edge.target_index == 2  # the input of addmm that it was
    assert graph.meta["part"] == ["9 of 15 boxes, without 't', 'AccumulateGrad'"]


def test_an_op_is_hidden_by_a_pattern_of_its_name() -> None:
    by_name, short = hide(mlp(), "Add*Backward?"), hide(mlp(), "add*")
    assert "AddmmBackward0" not in seen(by_name)
    assert by_name.nodes == short.nodes
    assert by_name.edges == short.edges


@pytest.mark.parametrize("recorded_first", [True, False])
def test_a_module_is_hidden_with_its_parameters(recorded_first: bool) -> None:
    graph = group_modules(mlp()) if recorded_first else mlp()
    assert seen(hide(graph, "0")) == [
        "2.bias", "2.weight", "AccumulateGrad", "AccumulateGrad", "AddmmBackward0",
        "SumBackward0", "TBackward0", "TanhBackward0", "loss",
    ]  # fmt: skip


def test_a_closed_module_is_hidden_as_one() -> None:
    graph = hide(collapse(mlp(), 1), "module:1")
    assert seen(graph) == ["0", "2", "SumBackward0", "loss"]
    ends = [(e.source, e.target) for e in visible(graph).edges if e.kind == "grad"]
    box = {", ".join(c.path for c in n.modules[-1:]): n.id for n in graph.nodes}
    assert (box["0"], box["2"]) in ends


def test_leaves_are_hidden_with_their_accumulators() -> None:
    for graph in (mlp(), join_accumulators(mlp())):
        assert not [n for n in hide(graph, "leaf").nodes if n.op in ("AccumulateGrad", "leaf")]


def test_only_keeps_what_is_asked_for_and_the_outputs() -> None:
    graph = only(mlp(), "addmm", "leaf")
    assert seen(hide(graph, "AccumulateGrad")) == [
        "0.bias", "0.weight", "2.bias", "2.weight", "AddmmBackward0", "AddmmBackward0", "loss",
    ]  # fmt: skip
    assert ("AddmmBackward0", "AddmmBackward0") in arrows(graph)
    assert ("AddmmBackward0", "loss") in arrows(graph)


def test_only_a_module_is_its_ops_and_parameters() -> None:
    assert seen(only(mlp(), "2")) == [
        "2.bias", "2.weight", "AccumulateGrad", "AccumulateGrad", "AddmmBackward0", "TBackward0",
        "loss",
    ]  # fmt: skip


def test_saved_tensors_go_with_the_op_that_kept_them() -> None:
    before, after = mlp(), hide(mlp(), "addmm", "tanh")
    assert {node.op for node in before.nodes if node.kind == "saved"}
    assert not {node.op for node in after.nodes if node.kind == "saved"}
    assert not [n for n in hide(mlp(), "saved").nodes if n.kind == "saved"]


def test_a_word_before_the_pattern_says_which_is_meant() -> None:
    nodes = [Node(0, "op", "LeafBackward0"), Node(1, "leaf"), Node(2, "output")]
    graph = Graph(nodes, [Edge(1, 0), Edge(0, 2)], (2,))
    assert [n.id for n in hide(graph, "leaf").nodes] == [0, 2]
    assert [n.id for n in hide(graph, "op:leaf").nodes] == [1, 2]
    assert [n.id for n in hide(graph, "kind:op").nodes] == [1, 2]


def many(sources: int, targets: int) -> Graph:
    """Ops that all lead to one, and that to many."""
    nodes = [Node(n, "op", "SinBackward0") for n in range(sources + targets)]
    middle = Node(sources + targets, "op", "AddBackward0")
    edges = [Edge(n, middle.id, target_index=n) for n in range(sources)]
    edges += [Edge(middle.id, n) for n in range(sources, sources + targets)]
    return Graph([*nodes, middle], edges)


def test_where_few_arrows_meet_there_is_one_from_each_to_each() -> None:
    graph = hide(many(3, 4), "add")
    assert len(graph.nodes) == 7
    assert len(graph.edges) == 12


def test_where_many_arrows_meet_a_small_box_stays() -> None:
    graph = hide(many(30, 40), "add")
    (stub,) = (node for node in graph.nodes if node.op == "…")
    assert stub.attrs == {"hidden": 1}
    assert len(graph.edges) == 70
    assert "…" in graph.to_dot()


def test_layers_that_are_all_joined_leave_one_small_box() -> None:
    width, depth = 20, 30
    nodes = [Node(n, "op", "MulBackward0") for n in range(width * depth)]
    for node in nodes[:width] + nodes[-width:]:
        node.op = "SinBackward0"
    edges = [
        Edge(layer * width + a, (layer + 1) * width + b, target_index=a)
        for layer in range(depth - 1)
        for a in range(width)
        for b in range(width)
    ]
    graph = hide(Graph(nodes, edges), "mul")
    assert [node.op for node in graph.nodes].count("…") == 1
    assert len(graph.edges) == 2 * width


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        ((), "takes a pattern or more of ops, modules or kinds"),
        (("admm",), "no op, module or kind matches 'admm'; did you mean 'addmm'"),
        (("leav",), "did you mean 'leaf'?"),
        (("kind:leav",), "no kind 'leav': kinds are leaf, op, output, saved, base, input"),
        (("module:7",), "no module matches '7'; there are"),
        (("op:leaf",), "no op matches 'leaf'"),
        ((3,), "a pattern is a text, not 3"),
    ],
)
def test_a_pattern_that_means_nothing_is_a_mistake(patterns: Any, said: str) -> None:
    for transform in (hide, only):
        with pytest.raises(OptionError) as error:
            transform(mlp(), *patterns)
        assert said in str(error.value)
        assert "\n" not in str(error.value)


def test_without_recorded_modules_one_is_told_how_to_record_them() -> None:
    with pytest.raises(OptionError, match="no modules were recorded"):
        hide(mlp(recorded=False), "module:0")


@given(graphs(groups=False, largest=20), st.sampled_from(["mul", "view", "a*", "leaf", "op:*"]))
def test_ways_between_what_stays_are_the_ways_there_were(graph: Graph, pattern: str) -> None:
    for transform in (hide, only):
        before = copy.deepcopy(graph)
        try:
            part = transform(graph, pattern)
        except OptionError:
            continue
        assert graph == before
        check_sound(part)
        ids = kept(graph, part)
        assert {w for w in ways(part) if ids.issuperset(w)} == {
            w for w in ways(graph) if ids.issuperset(w)
        }
        assert len([e for e in part.edges if e.kind == "grad"]) <= 8 * len(graph.edges)
        if transform is only:
            assert only(part, pattern) == part


@given(graphs(), st.sampled_from(["mul", "view", "a*", "leaf", "op", "saved"]), st.booleans())
def test_hiding_in_groups_makes_no_circle_and_no_new_way(
    graph: Graph, pattern: str, folded: bool
) -> None:
    graph = fold_plumbing(graph) if folded else clone_leaves(graph, 2)
    for transform in (hide, only):
        try:
            part = transform(graph, pattern)
        except OptionError:
            continue
        check_sound(part)
        kept(graph, part)
        assert ways(visible(part)) <= ways(visible(graph))
        assert count_boxes(part) <= count_boxes(graph)


def test_a_long_line_is_hidden_in_a_moment() -> None:
    graph = listed(100_000)
    assert len(hide(graph, "view").nodes) == 50_003
    assert len(only(graph, "leaf").nodes) == 3
