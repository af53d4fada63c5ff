"""Parts of a graph: around a node, between two; and what was cut is told."""

from __future__ import annotations

import copy
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import graphviz_autograd as gva
from graphviz_autograd import Graph
from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import Node
from graphviz_autograd.transform.modules import collapse, group_modules
from graphviz_autograd.transform.parts import between, focus, only
from graphviz_autograd.transform.plumbing import join_accumulators
from graphviz_autograd.visible import representatives, visible

_GRAPHS = runpy.run_path(str(Path(__file__).with_name("graphs.py")))
graphs: Any = _GRAPHS["graphs"]
check_sound, kept, listed = _GRAPHS["check_sound"], _GRAPHS["kept"], _GRAPHS["listed"]
mlp, seen, ways = _GRAPHS["mlp"], _GRAPHS["seen"], _GRAPHS["ways"]


# ---- focus


def test_focus_shows_what_is_within_so_many_arrows() -> None:
    graph = join_accumulators(mlp())
    assert seen(focus(graph, "TanhBackward0", 0)) == ["TanhBackward0"]
    assert seen(focus(graph, "TanhBackward0", 1)) == [
        "AddmmBackward0", "AddmmBackward0", "TanhBackward0",
    ]  # fmt: skip
    assert seen(focus(graph, "TanhBackward0", 2)) == [
        "0.bias", "2.bias", "AddmmBackward0", "AddmmBackward0", "SumBackward0", "TBackward0",
        "TBackward0", "TanhBackward0",
    ]  # fmt: skip


def test_a_leaf_and_its_accumulator_are_no_arrow_apart() -> None:
    apart, joined = focus(mlp(), "tanh", 2), focus(join_accumulators(mlp()), "tanh", 2)
    both = [name for name in seen(apart) if name != "AccumulateGrad"]
    assert both == seen(joined)
    assert seen(focus(mlp(), "0.bias", 1)) == ["0.bias", "AccumulateGrad", "AddmmBackward0"]


@pytest.mark.parametrize("what", ["0", "Linear", "AddmmBackward0", "addmm", "2.bias", "loss"])
def test_a_node_is_asked_for_by_name_op_or_module(what: str) -> None:
    if what == "Linear":
        what = "Sequential"  # the model itself is asked for by its class
    assert focus(group_modules(mlp()), what, 0).nodes


def test_a_name_goes_before_a_module_and_a_module_before_an_op() -> None:
    call = gva.walk(torch.ones(1, requires_grad=True).exp()).nodes  # nothing recorded
    assert all(not node.modules for node in call)
    module = mlp().nodes[2].modules[-1]._replace(path="exp")
    nodes = [
        Node(0, "op", "ExpBackward0"),
        Node(1, "op", "SinBackward0", modules=(module,)),
        Node(2, "leaf", names=("exp",)),
    ]
    assert [n.id for n in focus(Graph(nodes, []), "exp", 0).nodes] == [2]
    assert [n.id for n in focus(Graph(nodes[:2], []), "exp", 0).nodes] == [1]
    assert [n.id for n in focus(Graph(nodes[:1], []), "exp", 0).nodes] == [0]
    assert [n.id for n in focus(Graph(nodes, []), 1, 0).nodes] == [1]
    assert [n.id for n in focus(Graph(nodes, []), "1", 0).nodes] == [1]


def test_a_script_s_own_name_for_its_model_may_be_left_out() -> None:
    block = mlp().nodes[2].modules[-1]._replace(path="model.blocks.0")
    nodes = [
        Node(0, "op", "ExpBackward0", modules=(block,)),
        Node(1, "leaf", names=("model.blocks.0.weight",)),
        Node(2, "leaf", names=("model.blocks.1.weight", "tied")),
    ]
    graph = Graph(nodes, [])
    assert [n.id for n in focus(graph, "blocks.0.weight", 0).nodes] == [1]
    assert [n.id for n in focus(graph, "blocks.0", 0).nodes] == [0]
    assert [n.id for n in only(graph, "blocks.*").nodes] == [0]
    with pytest.raises(OptionError, match="no 'weight' in the graph; did you mean"):
        focus(graph, "weight", 0)  # which of the two?


def test_of_several_ops_of_a_name_the_one_nearest_to_the_output_is_meant() -> None:
    part = focus(mlp(), "AddmmBackward0", 1)
    assert "SumBackward0" in seen(part)


def test_all_calls_of_a_module_are_the_module() -> None:
    model = nn.Tanh()
    with gva.record(model) as record:
        loss = model(model(torch.ones(2, requires_grad=True)).sin()).sum()
    part = focus(gva.walk(loss, record=record), "Tanh", 0)
    assert seen(part) == ["TanhBackward0", "TanhBackward0"]


def test_a_closed_module_is_one_arrow_wide_and_keeps_what_it_holds() -> None:
    graph = collapse(mlp(), 1)
    part = focus(graph, "2", 1)
    assert seen(part) == ["1", "2", "SumBackward0"]
    assert len([n for n in part.nodes if n.op == "TanhBackward0"]) == 1  # within "1"
    opened = Graph(part.nodes, part.edges, part.outputs, part.meta)
    assert "TanhBackward0" in seen(opened)
    check_sound(part)


def test_what_is_in_a_closed_box_is_asked_for_as_the_box() -> None:
    assert seen(focus(collapse(mlp(), 1), "0.weight", 0)) == ["0"]


def test_what_else_uses_a_shared_weight_is_not_around() -> None:
    w = torch.ones(2, requires_grad=True)
    loss = (w * 2).sin().sum() + (w * 3).cos().sum()
    graph = gva.walk(loss, {"w": w}, saved=False)
    assert seen(focus(graph, "sin", 2)) == [
        "AccumulateGrad", "AddBackward0", "MulBackward0", "SinBackward0", "SumBackward0", "w",
    ]  # fmt: skip
    assert len(focus(graph, "w", 1).nodes) == 4  # but around the weight itself are its uses


def test_a_box_tells_how_many_arrows_it_lost() -> None:
    part = focus(mlp(), "tanh", 1)
    lost = {node.id: node.data["cut"] for node in part.nodes if "cut" in node.data}
    by_id = part.by_id()
    assert [(by_id[n].op, cut) for n, cut in lost.items()] == [
        ("AddmmBackward0", {"in": 2, "out": 1}),
        ("AddmmBackward0", {"in": 2, "out": 0}),
    ]
    assert part.meta["part"] == ["3 of 15 boxes, within 1 arrow of 'tanh'"]
    assert "part:    3 of 15 boxes, within 1 arrow of 'tanh'" in part.summary()


def test_a_module_that_is_cut_tells_what_is_left_of_it() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    with gva.record(model) as rec:
        loss = model(torch.ones(2, 3)).sum()
    graph = group_modules(gva.walk(loss, model, record=rec))

    def linear(graph: Graph) -> Node:
        [found] = [n for n in graph.nodes if n.kind == "group" and n.modules[-1].path == "0"]
        return found

    assert linear(graph).attrs == {"ops": 2, "parameters": 16}
    part = focus(graph, "tanh", 1)
    assert linear(part).attrs == {"ops": 1}
    assert linear(part).outputs == linear(graph).outputs
    assert "0\n(2, 4)\n1 op\n… 2 in" in collapse(part, None, paths=["0"]).to_dot()


def test_cut_again_the_lost_arrows_add_up() -> None:
    part = focus(focus(mlp(), "tanh", 2), "tanh", 1)
    cuts = [node.data["cut"] for node in part.nodes if "cut" in node.data]
    assert cuts == [{"in": 2, "out": 1}, {"in": 2, "out": 0}]
    assert len(part.meta["part"]) == 2


def test_saved_tensors_stay_with_the_op_that_keeps_them() -> None:
    part = focus(mlp(), "tanh", 0)
    assert [(node.kind, node.op) for node in part.nodes if node.kind != "group"] == [
        ("op", "TanhBackward0"), ("saved", "mat1, result"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("0.wieght", "there is no '0.wieght' in the graph; did you mean '0.weight'"),
        ("AdmmBackward0", "did you mean 'AddmmBackward0'"),
        ("tahn", "did you mean 'tanh'"),
        (4711, "there is no node 4711 in the graph"),
        (1.5, "asked for by its id, a name, an op or a module path, not by 1.5"),
        (True, "not by True"),
    ],
)
def test_a_name_that_is_not_there_brings_the_nearest(what: Any, said: str) -> None:
    for ask in (lambda: focus(mlp(), what), lambda: between(mlp(), what)):
        with pytest.raises(OptionError) as error:
            ask()
        assert said in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("hops", [-1, 1.5, True, "2"])
def test_hops_are_a_number_from_0_up(hops: Any) -> None:
    with pytest.raises(OptionError, match="hops is a number from 0 up, not"):
        focus(mlp(), "tanh", hops)


@given(graphs(), st.data(), st.integers(0, 4))
def test_focus_keeps_what_is_near_and_nothing_else(
    graph: Graph, data: st.DataObject, hops: int
) -> None:
    node = data.draw(st.sampled_from([n for n in graph.nodes if n.kind in ("op", "output")]))
    before = copy.deepcopy(graph)
    part = focus(graph, node.id, hops)
    assert graph == before
    check_sound(part)
    ids = kept(graph, part)
    assert node.id in ids
    assert focus(part, node.id, hops) == part
    box = representatives(graph.nodes, graph.closed)
    shown = visible(graph)
    near = upstream = downstream = {box[node.id]}
    flow = [e for e in shown.edges if e.kind == "grad"]
    for _ in range(hops):
        upstream = upstream | {e.source for e in flow if e.target in upstream}
        downstream = downstream | {e.target for e in flow if e.source in downstream}
        near = near | {e.source for e in flow if e.target in near}
        near = near | {e.target for e in flow if e.source in near}
    seen_now = {n.id for n in visible(part).nodes if n.kind in ("op", "output")}
    assert ids >= upstream | downstream
    assert seen_now <= near | {n.id for n in graph.nodes if n.op == "AccumulateGrad"}
    inside = {n.id for n in graph.nodes if box[n.id] in ids and n.kind not in ("saved", "group")}
    assert ids >= inside
    joined = [e for e in graph.edges if {e.source, e.target} <= {n.id for n in part.nodes}]
    assert part.edges == joined


# ---- between


def test_between_shows_every_way_and_nothing_else() -> None:
    assert seen(between(mlp(), "0.weight", "tanh")) == [
        "0.weight", "AccumulateGrad", "AddmmBackward0", "TBackward0", "TanhBackward0",
    ]  # fmt: skip


def test_without_a_target_the_ways_lead_to_the_outputs() -> None:
    graph = between(mlp(), "2.bias")
    assert seen(graph) == ["2.bias", "AccumulateGrad", "AddmmBackward0", "SumBackward0", "loss"]
    assert graph.outputs == mlp().outputs
    assert graph.meta["part"] == ["5 of 15 boxes, on a way from '2.bias' to the outputs"]


def test_where_no_way_leads_is_told_and_whether_one_leads_back() -> None:
    with pytest.raises(OptionError, match="no way from '0.bias' to '2.bias'$"):
        between(mlp(), "0.bias", "2.bias")
    with pytest.raises(OptionError, match="; there is one from '0.bias' to 'loss'"):
        between(mlp(), "loss", "0.bias")


@given(graphs(), st.data())
def test_between_keeps_what_lies_on_a_way(graph: Graph, data: st.DataObject) -> None:
    leaf = data.draw(st.sampled_from([n for n in graph.nodes if n.kind == "leaf"]))
    (output,) = graph.outputs
    shown = visible(graph)
    reach = ways(shown)
    start = representatives(graph.nodes, graph.closed)[leaf.id]
    before = copy.deepcopy(graph)
    if (start, output) not in reach:
        with pytest.raises(OptionError, match="there is no way"):
            between(graph, leaf.id)
        return
    part = between(graph, leaf.id)
    assert graph == before
    check_sound(part)
    assert between(part, leaf.id) == part
    on_a_way = {n.id for n in shown.nodes if {(start, n.id), (n.id, output)} <= reach}
    picture = {n.id for n in visible(part).nodes if n.kind != "saved"}
    frames = {n.id for n in visible(part).nodes if n.kind == "group"} - graph.closed
    assert picture - frames == on_a_way | {start, output}
    kept(graph, part)


def test_a_long_line_is_cut_in_a_moment() -> None:
    graph = listed(100_000)
    assert len(focus(graph, "loss", 3).nodes) == 6
    assert len(between(graph, "w").nodes) == 100_003
