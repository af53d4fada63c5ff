"""Tensors that need no gradient, as boxes: the engine's graph knows them, torch's does not."""

from __future__ import annotations

from typing import Any

import torch

import graphviz_autograd as gva
from graphviz_autograd import Graph, Node, engine


def inputs(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if node.kind == "input"]


def arrows(graph: Graph) -> list[tuple[str, str, int]]:
    """For each arrow from an input: its name or argument, the op, the number of the argument."""
    nodes = graph.by_id()
    return [
        (" ".join(nodes[e.source].names) or nodes[e.source].op, nodes[e.target].op, e.target_index)
        for e in graph.edges
        if e.kind == "input"
    ]


def parts() -> tuple[Any, Any]:
    return engine.ones(3, requires_grad=True), engine.arange(3.0)


def test_the_x_of_w_times_x_has_its_box() -> None:
    w, x = parts()
    graph = gva.walk((w * x).sum(), {"w": w, "x": x}, inputs=True)
    (box,) = inputs(graph)
    assert (box.names, box.op, box.outputs[0].shape) == (("x",), "other", (3,))
    assert arrows(graph) == [("x", "MulBackward0", 1)]
    assert "inputs" in graph.meta["read"]
    assert graph.meta["unread"] == []


def test_inputs_are_read_on_request_only_and_change_nothing_else() -> None:
    w, x = parts()
    loss = (w * x).sum()
    without, graph = gva.walk(loss), gva.walk(loss, inputs=True)
    assert inputs(without) == []
    assert "inputs" not in without.meta["read"]
    assert [e for e in graph.edges if e.kind == "grad"] == [
        e for e in without.edges if e.kind == "grad"
    ]
    assert [node.cuts for node in graph.nodes if node.cuts] == [(1,)]


def test_a_tensor_that_is_used_twice_is_one_box() -> None:
    w, x = parts()
    graph = gva.walk(x - w * x, {"x": x}, inputs=True)
    assert [(box.names, box.op) for box in inputs(graph)] == [(("x",), "self, other")]
    assert sorted(arrows(graph)) == [("x", "MulBackward0", 1), ("x", "SubBackward0", 0)]


def test_also_once_it_is_gone_then_without_a_name() -> None:
    w, x = parts()
    y = w * x + x
    del x
    (box,) = inputs(gva.walk(y, {"w": w}, inputs=True))
    assert (box.names, box.op, box.outputs[0].shape) == ((), "other", (3,))


def test_an_input_that_was_saved_too_is_one_box() -> None:
    w, x = parts()
    graph = gva.walk(w * x, {"x": x}, inputs=True)
    nodes = graph.by_id()
    saved = [nodes[edge.target] for edge in graph.edges if edge.kind == "saved"]
    assert saved == inputs(graph)


def test_a_tensor_that_was_changed_into_another_does_not_lend_its_name() -> None:
    w, a = parts()
    a.add_(w)
    (box,) = inputs(gva.walk(a * 1, {"a": a}, inputs=True))
    assert (box.names, box.op) == ((), "self")


def test_an_input_that_was_asked_for_stays_the_output_it_is() -> None:
    w, x = parts()
    graph = gva.walk({"loss": (w * x).sum(), "x": x}, inputs=True)
    assert inputs(graph) == []
    assert arrows(graph) == [("x", "MulBackward0", 1)]


def test_the_data_that_a_module_takes_has_its_box() -> None:
    model, x = torch.nn.Linear(3, 1), torch.ones(2, 3)
    with engine.wrap(model):
        data = engine.Tensor(x)
        graph = gva.walk(model(data), {"x": data}, inputs=True)
    assert [box.names for box in inputs(graph)] == [("x",)]


def test_nothing_is_kept_alive() -> None:
    w, x = parts()
    y = w * x
    graph = gva.walk(y, inputs=True)
    held = y.grad_fn._inputs[0][2]
    del x
    assert held() is None
    assert inputs(graph)


def test_of_torchs_graph_a_note_says_that_it_does_not_know() -> None:
    w, x = torch.ones(3, requires_grad=True), torch.ones(3)
    graph = gva.walk(w * x, {"x": x}, inputs=True)
    (note,) = graph.meta["unread"]
    assert note.startswith("inputs: torch's graph does not know the tensors that need no gradient")
    assert "inputs" not in graph.meta["read"]
    assert gva.make_dot(w * x, {"x": x}, show_inputs=True).source == gva.make_dot(w * x).source
