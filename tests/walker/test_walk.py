"""What `walk` sees: ops, leaves, outputs, edges with their numbers, cuts, bases, shapes."""

import gc
import json
import subprocess
import sys

import pytest
import torch

import graphviz_autograd as gva
from graphviz_autograd import TensorInfo


def ops(graph):
    return [node.op for node in graph.nodes if node.kind == "op"]


def of_kind(graph, kind):
    return [node for node in graph.nodes if node.kind == kind]


def grads(graph):
    """(what it comes from, what it goes to, output number, input number) of every gradient edge."""
    said = {node.id: node.op or "/".join(node.names) or node.kind for node in graph.nodes}
    return {
        (said[e.source], said[e.target], e.source_index, e.target_index)
        for e in graph.edges
        if e.kind == "grad"
    }


def leaf(*shape, **options):
    return torch.ones(*shape, requires_grad=True, **options)


def test_a_chain_runs_from_its_leaf_to_its_output():
    x = leaf(3)
    graph = gva.walk({"loss": x.exp().sum()}, {"x": x})
    assert ops(graph) == ["SumBackward0", "ExpBackward0", "AccumulateGrad"]
    assert grads(graph) == {
        ("x", "AccumulateGrad", 0, 0),
        ("AccumulateGrad", "ExpBackward0", 0, 0),
        ("ExpBackward0", "SumBackward0", 0, 0),
        ("SumBackward0", "loss", 0, 0),
    }


def test_both_operands_of_a_subtraction_can_be_told_apart():
    x, y = leaf(1), leaf(1)
    graph = gva.walk(x.sin() - y.cos())
    assert ("SinBackward0", "SubBackward0", 0, 0) in grads(graph)
    assert ("CosBackward0", "SubBackward0", 0, 1) in grads(graph)


def test_a_square_written_as_a_product_has_two_edges():
    x = leaf(1)
    edges = [e for e in gva.walk(x * x, saved=False).edges if e.target_index == 1]
    assert len(edges) == 1
    assert len(gva.walk(x * x, saved=False).edges) == 4


def test_the_outputs_of_an_op_with_several_are_numbered():
    x = leaf(6)
    first, second, third = x.chunk(3)
    graph = gva.walk(first.sin() + third.cos(), saved=False)
    assert ("SplitBackward0", "SinBackward0", 0, 0) in grads(graph)
    assert ("SplitBackward0", "CosBackward0", 2, 0) in grads(graph)
    [split] = [node for node in graph.nodes if node.op == "SplitBackward0"]
    assert [info.shape for info in split.outputs] == [(2,), (2,), (2,)]
    assert ("SplitBackward0", "output", 1, 0) in grads(gva.walk(second, saved=False))


def test_an_input_that_leads_nowhere_is_recorded_as_a_cut():
    x = leaf(2)
    graph = gva.walk(torch.ones(2) * x)
    [product] = [node for node in graph.nodes if node.op == "MulBackward0"]
    assert product.cuts == (0,)


def test_shape_dtype_and_device_stand_on_every_box():
    x = leaf(2, 3, dtype=torch.float64)
    graph = gva.walk(x.sum(0))
    assert all(node.outputs for node in graph.nodes)
    assert graph.nodes[0].outputs == (TensorInfo((3,), "float64", "cpu"),)
    [summed] = [node for node in graph.nodes if node.op == "SumBackward1"]
    assert summed.outputs == (TensorInfo((3,), "float64", "cpu"),)


def test_what_an_op_keeps_beside_tensors_is_readable():
    [softmax] = [n for n in gva.walk(leaf(2, 2).softmax(-1)).nodes if n.op == "SoftmaxBackward0"]
    assert softmax.attrs == {"dim": -1, "result": "[saved tensor]"}


def test_only_what_was_asked_for_is_read():
    graph = gva.walk(leaf(2).softmax(0), shapes=False, attrs=False, saved=False)
    assert all(not n.outputs and not n.attrs for n in graph.nodes if n.kind == "op")
    assert not of_kind(graph, "saved")
    assert graph.meta["read"] == []


def test_a_view_shows_the_tensor_it_is_a_view_of():
    y = leaf(4) * 2
    graph = gva.walk(y.view(2, 2))
    [base] = of_kind(graph, "base")
    assert base.outputs[0].shape == (4,)
    assert [(e.source, e.target) for e in graph.edges if e.kind == "view"] == [(base.id, 0)]
    assert ("MulBackward0", "base", 0, 0) in grads(graph)


def test_a_view_of_a_leaf_points_back_at_that_leaf():
    x = leaf(4)
    graph = gva.walk(x.view(2, 2), {"x": x})
    assert not of_kind(graph, "base")
    [number] = [node.id for node in of_kind(graph, "leaf")]
    assert [(e.source, e.target) for e in graph.edges if e.kind == "view"] == [(number, 0)]


def test_an_output_that_is_also_the_base_of_another_is_one_box():
    y = leaf(4) * 2
    graph = gva.walk((y.view(2, 2), y))
    assert len(of_kind(graph, "output")) == 2
    assert not of_kind(graph, "base")


def test_a_leaf_asked_for_beside_what_it_feeds_stays_a_leaf():
    x = leaf(2)
    for outputs in ({"y": x * 2, "x": x}, {"x": x, "y": x * 2}):
        graph = gva.walk(outputs)
        [number] = [node.id for node in of_kind(graph, "leaf")]
        assert number in graph.outputs
        assert graph.by_id()[number].names == ("x",)


def test_a_leaf_alone_is_an_output_without_a_graph():
    graph = gva.walk(leaf(2))
    assert [(node.kind, node.outputs[0].shape) for node in graph.nodes] == [("output", (2,))]


def test_in_place_changes_show_as_the_ops_that_autograd_made_of_them():
    y = leaf(3).clone()
    y[0] = 0
    assert "CopySlices" in ops(gva.walk(y.sum()))


def test_a_graph_of_gradients_is_walked_like_any_other():
    x = leaf(2)
    [g] = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    graph = gva.walk(g, {"x": x})
    assert "PowBackward0" in ops(graph)
    assert [node.names for node in of_kind(graph, "leaf")] == [("x",)]


def test_ids_are_positions_and_the_same_in_every_walk():
    model = torch.nn.LSTMCell(3, 3)
    loss = sum(part.sum() for part in model(torch.ones(2, 3)))
    first, second = gva.walk(loss, model), gva.walk(loss, model)
    assert first == second
    assert [node.id for node in first.nodes] == list(range(len(first.nodes)))


PROGRAM = """
import torch, graphviz_autograd as gva
torch.manual_seed(0)
layer = torch.nn.TransformerEncoderLayer(8, 2)
loss = layer(torch.randn(3, 1, 8)).sum()
print(gva.walk(loss, layer).to_json(), gva.make_dot(loss, layer, show_saved=True).source)
"""


def test_two_processes_write_the_same_text():
    texts = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
    assert json.loads(texts.pop().split("digraph")[0])["nodes"]


def test_ops_know_the_order_in_which_they_were_made():
    x = leaf(2)
    late = x.sin()
    parts = [late.exp(), x.cos()]
    graph = gva.walk(parts[1] * parts[0])
    made = {node.made: node.op for node in graph.nodes if node.kind == "op"}
    assert made.pop(None) == "AccumulateGrad"
    assert [made[n] for n in range(4)] == [
        "SinBackward0",
        "ExpBackward0",
        "CosBackward0",
        "MulBackward0",
    ]


@pytest.mark.parametrize("depth", [5000])
def test_a_graph_deeper_than_the_recursion_limit_is_walked(depth):
    y = leaf(1)
    for _ in range(depth):
        y = y + 1
    assert sys.getrecursionlimit() < depth
    assert ops(gva.walk(y, saved=False)).count("AddBackward0") == depth


def test_the_garbage_collector_is_left_as_it_was():
    for switch in (gc.enable, gc.disable):
        switch()
        try:
            was = gc.isenabled()
            gva.walk(leaf(1) * 2)
            with pytest.raises(TypeError):
                gva.walk("loss")
            assert gc.isenabled() is was
        finally:
            gc.enable()


def test_a_summary_says_what_is_in_the_graph():
    model = torch.nn.Linear(3, 2)
    text = gva.walk({"loss": model(torch.ones(1, 3)).sum()}, model).summary()
    assert "outputs: loss ()" in text
    assert "leaves:  2 (8 elements)" in text
    assert "weight (2, 3)" in text
    assert "1 × AddmmBackward0" in text
