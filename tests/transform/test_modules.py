"""Collapsing by module: what a call made is one box, and no box is lost."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import graphviz_autograd as gva
from graphviz_autograd import Graph
from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import Edge, ModuleCall, Node
from graphviz_autograd.transform.groups import count_boxes
from graphviz_autograd.transform.modules import collapse, group_modules
from graphviz_autograd.visible import visible


class Block(nn.Module):
    """A residual block: its own addition, beside two modules."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.fc(self.norm(x))


class Net(nn.Module):
    def __init__(self, depth: int = 3, width: int = 4) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.head = nn.Linear(width, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def walked(model: nn.Module, *inputs: torch.Tensor) -> Graph:
    with gva.record(model) as rec:
        loss = model(*inputs).square().sum()
    return gva.walk(loss, model, record=rec)


def boxes(graph: Graph, group: str = "module") -> list[str]:
    """The closed groups of a kind that are seen, by the path of their module."""
    seen = [n for n in visible(graph).nodes if n.id in graph.closed and n.op == group]
    return sorted(node.modules[-1].path for node in seen)


def test_at_depth_1_each_module_that_the_model_calls_is_one_box() -> None:
    graph = collapse(walked(Net(), torch.randn(5, 4)), 1)
    assert boxes(graph) == ["blocks.0", "blocks.1", "blocks.2", "head"]
    flow = [(e.source, e.target) for e in visible(graph).edges if e.kind == "grad"]
    path = {n.modules[-1].path: n.id for n in visible(graph).nodes if n.id in graph.closed}
    assert (path["blocks.0"], path["blocks.1"]) in flow
    assert (path["blocks.2"], path["head"]) in flow


def test_at_depth_0_the_model_is_one_box() -> None:
    graph = collapse(walked(Net(), torch.randn(5, 4)), 0)
    assert boxes(graph) == [""]
    ops = [n.op for n in visible(graph).nodes if n.kind == "op"]
    assert sorted(ops) == ["PowBackward0", "SumBackward0"]  # what the caller did himself


def test_one_level_deeper_a_blocks_own_addition_stays_a_box_of_its_own() -> None:
    graph = collapse(walked(Net(depth=1), torch.randn(5, 4)), 2)
    assert boxes(graph) == ["blocks.0.fc", "blocks.0.norm", "head"]
    assert "AddBackward0" in [n.op for n in visible(graph).nodes]


def test_what_calls_no_other_module_is_one_box_below_its_own_depth_too() -> None:
    graph = walked(Net(), torch.randn(5, 4))
    assert "head" in boxes(collapse(graph, 1))
    assert "head" in boxes(collapse(graph, 7))
    assert "head" not in boxes(collapse(graph, None))


def test_modules_whose_calls_are_folded_call_them_still() -> None:
    graph = collapse(
        walked(nn.Sequential(*(Block(4) for _ in range(5))), torch.randn(5, 4)).fold(), 2
    )
    assert boxes(graph) == []  # the repeat is closed; the Sequential around it is not
    assert [n.attrs["count"] for n in visible(graph).nodes if n.op == "repeat"] == [5]


def test_a_box_tells_class_path_shape_parameters_and_ops() -> None:
    graph = collapse(walked(Net(), torch.randn(5, 4)), 1)
    head = next(n for n in graph.nodes if n.op == "module" and n.modules[-1].path == "head")
    assert head.modules[-1] == ModuleCall("head", "Linear", 1)
    assert [info.shape for info in head.outputs] == [(5, 2)]
    assert head.attrs == {"ops": 2, "parameters": 4 * 2 + 2}  # addmm and the transpose


def test_a_module_used_twice_is_two_boxes_and_its_weight_stands_beside_them() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(self.fc(x))

    graph = collapse(walked(Twice(), torch.randn(2, 3)), 1)
    assert boxes(graph) == ["fc", "fc"]
    assert {n.names for n in visible(graph).nodes if n.kind == "leaf"} == {
        ("fc.weight",),
        ("fc.bias",),
    }
    assert {n.attrs["parameters"] for n in graph.nodes if n.id in graph.closed} == {12}


def test_parameters_are_hidden_with_their_module_and_a_given_tensor_is_not() -> None:
    x = torch.randn(5, 4, requires_grad=True)
    model = Net()
    with gva.record(model) as rec:
        loss = model(x).sum()
    graph = collapse(gva.walk(loss, {"x": x, **dict(model.named_parameters())}, record=rec), 1)
    assert [n.names for n in visible(graph).nodes if n.kind == "leaf"] == [("x",)]


def test_what_stands_for_a_parameter_is_hidden_with_its_module_too() -> None:
    """The engine's tensors within `wrap`, and those of a functional call."""
    model = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    with gva.record(model) as rec, gva.engine.wrap(model) as tensors:
        loss = model(torch.ones(1, 3)).sum()
    graph = collapse(gva.walk(loss, tensors, record=rec), 1)
    assert [n.names for n in visible(graph).nodes if n.kind == "leaf"] == []
    values = {name: p.detach().requires_grad_() for name, p in model.named_parameters()}
    x = torch.ones(1, 3, requires_grad=True)
    with gva.record(model) as rec:
        loss = torch.func.functional_call(model, values, x).sum()
    graph = collapse(gva.walk(loss, {**values, "x": x}, record=rec), 1)
    assert [n.names for n in visible(graph).nodes if n.kind == "leaf"] == [("x",)]


def test_auto_takes_the_deepest_level_that_fits() -> None:
    graph = walked(Net(depth=6), torch.randn(5, 4))
    whole = count_boxes(graph)
    assert not collapse(graph, "auto", max_nodes=whole).closed
    fitting = collapse(graph, "auto", max_nodes=whole - 1)
    assert boxes(fitting)[:2] == ["blocks.0.fc", "blocks.0.norm"]
    assert boxes(collapse(graph, "auto", max_nodes=12))[:2] == ["blocks.0", "blocks.1"]
    assert boxes(collapse(graph, "auto", max_nodes=1)) == [""]


def test_modules_are_closed_by_path_and_by_pattern() -> None:
    graph = walked(Net(), torch.randn(5, 4))
    assert boxes(collapse(graph, None, paths=["1.fc"])) == ["blocks.1.fc"]
    assert boxes(collapse(graph, None, paths=["blocks.1"])) == ["blocks.1"]
    assert boxes(collapse(graph, None, paths=["blocks.?.fc", "head"])) == [
        *("blocks.0.fc", "blocks.1.fc", "blocks.2.fc", "head"),
    ]


def test_all_that_was_there_is_there_still_and_opens_again() -> None:
    graph = walked(Net(), torch.randn(5, 4))
    closed = collapse(graph, 1)
    assert [n.id for n in closed.nodes if n.kind != "group"] == [n.id for n in graph.nodes]
    assert closed.edges == graph.edges
    opened = collapse(closed, None)
    assert not opened.closed
    seen = visible(opened)
    assert [n.id for n in seen.nodes if n.kind != "group"] == [n.id for n in graph.nodes]
    assert seen.edges == graph.edges


def test_the_given_graph_stays_as_it_was() -> None:
    graph = walked(Net(), torch.randn(5, 4))
    before = graph.to_json()
    collapse(graph, 1)
    assert graph.to_json() == before


def test_a_group_whose_box_would_make_a_circle_stays_open() -> None:
    """A model's own addition between its modules: as one box with them it would be before and
    after what another thread's module made.
    """
    odd = (ModuleCall("odd", "Odd", 1),)
    nodes = [
        Node(0, "op", "AddBackward0", modules=odd),
        Node(1, "op", "MulBackward0"),
        Node(2, "op", "SubBackward0", modules=odd),
        Node(3, "output"),
    ]
    graph = Graph(nodes, [Edge(0, 1), Edge(1, 2), Edge(2, 3)], (3,))
    made = collapse(graph, 0)
    assert not made.closed
    assert len(group_modules(graph).nodes) == 5


def test_without_a_recording_the_picture_is_whole_and_says_how_to_get_modules() -> None:
    x = torch.ones(2, requires_grad=True)
    graph = gva.walk(x.exp().sum(), {"x": x})
    made = collapse(graph, 1)
    assert (made.nodes, made.edges, made.closed) == (graph.nodes, graph.edges, frozenset())
    assert "gva.record(model)" in made.to_dot()
    assert "gva.record(model)" not in graph.to_dot()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": -1}, "depth is a number from 0 up, 'auto' or None, not -1"),
        ({"depth": "deep"}, "not 'deep'"),
        ({"paths": ["block.0"]}, "no module 'block.0' in the graph; did you mean 'blocks.0'"),
        ({"max_nodes": 0}, "max_nodes is at least 1, not 0"),
        ({"max_nodes": 1.5}, "max_nodes is at least 1, not 1.5"),
        ({"depth": None, "paths": [0]}, "a module is asked for by its path, not by 0"),
    ],
)
def test_a_mistake_is_told_in_one_line(options: dict[str, object], message: str) -> None:
    graph = walked(Net(), torch.randn(5, 4))
    with pytest.raises(OptionError, match=message) as caught:
        collapse(graph, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_a_bracket_in_a_path_is_a_bracket() -> None:
    model = nn.Sequential()
    for name in ("[0]", "0"):
        model.add_module(name, nn.Linear(2, 2))
    graph = walked(model, torch.randn(5, 2))
    made = collapse(graph, None, paths=["[0]"])
    assert [n.modules[-1].path for n in made.nodes if n.id in made.closed] == ["[0]"]
    left = {node.module.path for node in graph.hide("[0]").nodes if node.module}
    assert left == {"0"}


def test_a_recording_of_something_else_is_told_in_the_picture() -> None:
    x = torch.ones(2, requires_grad=True)
    with gva.record(Net()) as rec:
        pass
    graph = gva.walk(x.sum(), record=rec)
    assert "no op here was made in a module that was recorded" in collapse(graph, 1).to_dot()


def test_a_path_without_a_recording_says_how_to_get_one() -> None:
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(OptionError, match="none were recorded"):
        collapse(gva.walk(x.sum()), paths=["fc"])
