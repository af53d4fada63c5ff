"""Plumbing folded: accumulators in their leaves, views and copies as thin boxes."""

from __future__ import annotations

import copy
import runpy
from pathlib import Path
from typing import Any

import torch
from hypothesis import given
from torch import nn

import graphviz_autograd as gva
from graphviz_autograd import Graph, engine
from graphviz_autograd.transform.groups import count_boxes
from graphviz_autograd.transform.modules import collapse, group_modules
from graphviz_autograd.transform.plumbing import LOOKS, fold_plumbing, join_accumulators, short_name
from graphviz_autograd.visible import visible

_GRAPHS = runpy.run_path(str(Path(__file__).with_name("graphs.py")))
graphs: Any = _GRAPHS["graphs"]
check_sound, listed, ways = _GRAPHS["check_sound"], _GRAPHS["listed"], _GRAPHS["ways"]


def chains(graph: Graph) -> list[tuple[str, ...]]:
    return sorted(n.attrs["chain"] for n in visible(graph).nodes if n.op == "chain")  # type: ignore


def seen(graph: Graph) -> list[str]:
    shown = visible(graph).nodes
    return sorted(node.op for node in shown if node.kind in ("op", "group"))


def test_a_leaf_and_its_accumulator_are_one_box_that_says_what_the_leaf_said() -> None:
    w = nn.Parameter(torch.ones(2, 3))
    graph = join_accumulators(gva.walk((w * w).sum(), {"w": w}))
    (box,) = (node for node in visible(graph).nodes if node.op == "leaf")
    assert box.names == ("w",)
    assert [info.shape for info in box.outputs] == [(2, 3)]
    assert box.attrs == {"parameter": True}
    assert seen(graph) == ["MulBackward0", "SumBackward0", "leaf"]


def test_views_and_copies_one_after_the_other_are_one_box() -> None:
    x = torch.ones(2, 3, requires_grad=True)
    y = x.exp().view(3, 2).t().unsqueeze(0).expand(4, 2, 3).clone()[0]
    graph = fold_plumbing(gva.walk(y.sin().sum(), {"x": x}))
    assert chains(graph) == [("view", "t", "unsqueeze", "expand", "clone", "select")]
    (box,) = (node for node in graph.nodes if node.op == "chain")
    assert [info.shape for info in box.outputs] == [(2, 3)]
    assert seen(graph) == ["ExpBackward0", "SinBackward0", "SumBackward0", "chain", "leaf"]


def test_the_engines_views_are_folded_as_torchs_are() -> None:
    x = engine.ones(2, 3, requires_grad=True)
    y = x.exp().reshape(3, 2).permute(1, 0).squeeze()
    graph = fold_plumbing(gva.walk(y.sin().sum(), {"x": x}))
    assert [len(chain) for chain in chains(graph)] == [3]


def test_a_single_view_is_a_thin_box_too() -> None:
    layer = nn.Linear(2, 3, bias=False)
    graph = fold_plumbing(gva.walk(layer(torch.ones(4, 2)).sum(), layer))
    assert chains(graph) == [("t",)]


def test_a_chain_ends_where_two_ops_take_its_tensor() -> None:
    x = torch.ones(6, requires_grad=True)
    y = x.exp().view(3, 2)
    graph = fold_plumbing(gva.walk((y.t() @ y).sum(), {"x": x}))
    assert chains(graph) == [("t",), ("view",)]


def test_a_chain_ends_at_a_tensor_that_a_person_named() -> None:
    x = torch.ones(6, requires_grad=True)
    y = x.exp().view(3, 2)
    graph = fold_plumbing(gva.walk(y.t().clone().sum(), {"x": x, "y": y}))
    assert chains(graph) == [("t", "clone"), ("view",)]
    assert ("y",) in [node.names for node in visible(graph).nodes]


class Turn(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.t().clone()


def test_a_chain_stays_in_the_module_that_made_it_whichever_is_folded_first() -> None:
    model = nn.Sequential(Turn(), Turn())
    x = torch.ones(2, 3, requires_grad=True)
    with gva.record(model) as record:
        loss = model(x.exp()).sum()
    graph = gva.walk(loss, {"x": x}, record=record)
    for folded in (fold_plumbing(group_modules(graph)), group_modules(fold_plumbing(graph))):
        assert chains(folded) == [("t", "clone"), ("t", "clone")]
        groups = folded.by_id()
        homes = [groups[n.parent].module for n in folded.nodes if n.op == "chain" and n.parent]
        assert sorted(home.path for home in homes if home) == ["0", "1"]
        assert count_boxes(collapse(folded, 1)) == 6  # x, exp, two modules, sum, loss


def test_a_parameter_is_in_its_modules_box_whichever_is_done_first() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    with gva.record(model) as record:
        loss = model(torch.ones(4, 2)).sum()
    graph = gva.walk(loss, model, record=record)
    for made in (join_accumulators(collapse(graph, 1)), collapse(join_accumulators(graph), 1)):
        assert count_boxes(made) == 5  # three modules, sum, loss
        linear = next(n for n in made.nodes if n.op == "module" and n.modules[-1].path == "0")
        assert linear.attrs == {"ops": 2, "parameters": 9}


def test_what_a_pair_or_a_chain_says_outlasts_other_transforms() -> None:
    model = nn.Linear(2, 3)
    with gva.record(model) as record:
        loss = model(torch.ones(4, 2)).sum()
    folded = fold_plumbing(gva.walk(loss, model, record=record))
    before = {n.id: (n.attrs, n.outputs) for n in folded.nodes if n.kind == "group"}
    after = {n.id: (n.attrs, n.outputs) for n in group_modules(folded).nodes if n.id in before}
    assert after == before


def test_every_view_of_torch_is_known() -> None:
    """Each way to look at a tensor, by the node that torch makes of it."""
    x = torch.ones(2, 3, 1, requires_grad=True).exp()
    looks = [
        x.view(6), x.reshape(3, 2), x.transpose(0, 1), x.permute(2, 0, 1), x.expand(2, 3, 4),
        x.squeeze(), x.squeeze(2), x.unsqueeze(0), x[0], x[:, 1:], x.clone(), x.mT,
        x[..., 0].t(), x.narrow(1, 0, 2), x.movedim(0, 1), x.flatten(), x.as_strided((2,), (1,)),
        x.unfold(1, 2, 1), x.diagonal(), x.view_as(x), x.swapaxes(0, 1), x.ravel(),
        torch.view_as_real(x + 0j),
    ]  # fmt: skip
    names = {short_name(look.grad_fn.name()) for look in looks if look.grad_fn}
    assert names <= LOOKS


def test_ops_that_compute_are_left_alone() -> None:
    for op in ("AddBackward0", "SumBackward1", "CatBackward0", "CopySlices", "AccumulateGrad"):
        assert short_name(op) not in LOOKS


@given(graphs())
def test_folding_loses_nothing_and_makes_no_circle(graph: Graph) -> None:
    before = copy.deepcopy(graph)
    folded = fold_plumbing(graph)
    assert graph == before
    check_sound(folded)
    assert folded.edges == graph.edges
    assert [node.id for node in folded.nodes][: len(graph.nodes)] == [n.id for n in graph.nodes]
    assert fold_plumbing(folded) == folded
    assert {n.kind for n in visible(folded).nodes if n.op == "AccumulateGrad"} == set()
    assert count_boxes(folded) <= count_boxes(graph)


@given(graphs())
def test_what_is_seen_leads_where_it_led(graph: Graph) -> None:
    shown, folded = visible(graph), visible(fold_plumbing(graph))
    both = {node.id for node in shown.nodes} & {node.id for node in folded.nodes}
    assert {w for w in ways(shown) if both.issuperset(w)} == {
        w for w in ways(folded) if both.issuperset(w)
    }


def test_a_long_line_is_folded_in_a_moment() -> None:
    graph = fold_plumbing(listed(100_000))
    assert count_boxes(graph) == 100_002
