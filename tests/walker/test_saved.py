"""Saved tensors are looked at, never unpacked."""

import pytest
import torch
from torch.utils.checkpoint import checkpoint

import graphviz_autograd as gva


def leaf(*shape):
    return torch.ones(*shape, requires_grad=True)


def saved(graph):
    return [node for node in graph.nodes if node.kind == "saved"]


def saved_edges(graph):
    return [edge for edge in graph.edges if edge.kind == "saved"]


def test_a_saved_tensor_has_a_box_with_its_field_shape_and_size():
    graph = gva.walk(leaf(3, 2).exp().sum())
    [box] = saved(graph)
    assert (box.op, box.outputs[0].shape, box.data) == ("result", (3, 2), {"bytes": 24})


def test_memory_saved_by_two_ops_is_one_box():
    y = leaf(3).exp()  # saved by exp as its result, by sin as its input
    graph = gva.walk(y.sin())
    assert [box.op for box in saved(graph)] == ["self, result"]
    assert len(saved_edges(graph)) == 2


def test_two_views_of_one_storage_are_two_boxes():
    y = leaf(4).exp()
    graph = gva.walk(y[:2].sin().sum() + y[2:].sin().sum())
    assert len(saved(graph)) == 3  # all of it, the first half, the second half


def test_a_leaf_that_is_saved_stays_a_leaf():
    x, w = leaf(3), leaf(3)
    graph = gva.walk(x * w, {"x": x, "w": w})
    assert not saved(graph)
    names = {node.id: node.names for node in graph.nodes}
    assert {names[edge.target] for edge in saved_edges(graph)} == {("x",), ("w",)}


def test_a_saved_tensor_bears_the_name_it_was_given():
    data = torch.ones(3)
    [box] = saved(gva.walk(leaf(3) * data, {"data": data}))
    assert box.names == ("data",)


def test_a_checkpointed_forward_is_not_run_again():
    runs = []

    def forward(x):
        runs.append(1)
        return x.exp().sin()

    y = checkpoint(forward, leaf(3), use_reentrant=False)
    graph = gva.walk(y)
    assert runs == [1]
    assert {node.attrs["packed"] for node in saved(graph)} == {"_Holder"}
    y.sum().backward()
    assert runs == [1, 1]


def test_a_persons_pack_hooks_are_not_called_by_the_walk():
    unpacked = []

    def unpack(value):
        unpacked.append(value)
        return value[0]

    x = leaf(3)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: (tensor,), unpack):
        y = x.exp()
    [box] = saved(gva.walk(y))
    assert box.attrs == {"packed": "tuple"}
    assert not unpacked
    y.sum().backward()
    gva.make_dot(y, show_attrs=True, show_saved=True)
    assert len(unpacked) == 1


def test_what_backward_let_go_is_marked_freed():
    y = (leaf(3) * leaf(3)).exp()
    y.sum().backward()
    graph = gva.walk(y)
    assert [(box.op, box.attrs) for box in saved(graph)] == [
        ("result", {"freed": True}),
        ("other", {"freed": True}),
        ("self", {"freed": True}),
    ]
    [product] = [node for node in graph.nodes if node.op == "MulBackward0"]
    assert product.attrs == {"other": "[freed]", "self": "[freed]"}


def test_a_tensor_that_was_never_there_is_not_called_freed():
    graph = gva.walk(leaf(3) * torch.ones(3))  # the second operand needs no gradient
    [product] = [node for node in graph.nodes if node.op == "MulBackward0"]
    assert product.attrs == {"other": "[saved tensor]", "self": None}
    assert len(saved(graph)) == 1


def test_an_in_place_change_of_something_saved_does_not_stop_the_walk():
    a = leaf(3) * 1
    y = a * a
    a.add_(1)
    assert len(saved_edges(gva.walk(y))) == 3  # both operands of a * a, and the 1 of * 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w, None)
        return x * w

    @staticmethod
    def backward(ctx, grad):
        x, w, _ = ctx.saved_tensors
        return grad * w, grad * x


def test_what_a_custom_function_saved_is_always_drawn():
    x, w = leaf(3) * 1, leaf(3)
    graph = gva.walk(Product.apply(x, w), {"w": w}, saved=False)
    assert len(saved(graph)) == 1  # x; w stays the leaf it is, and None is nothing
    ops = {node.id: node.op for node in graph.nodes}
    assert {ops[edge.target] for edge in saved_edges(graph)} == {"ProductBackward"}


def test_a_custom_function_after_backward_is_marked_freed():
    y = Product.apply(leaf(3), leaf(3))
    y.sum().backward()
    [box] = saved(gva.walk(y))
    assert box.attrs == {"freed": True}
    assert "freed" in gva.make_dot(y).source


def test_a_tensor_kept_in_a_list_is_found():
    x = leaf(4)
    graph = gva.walk(x[torch.tensor([0, 2])])
    assert [(box.op, box.outputs[0].dtype) for box in saved(graph)] == [("indices[0]", "int64")]


def test_sizes_that_torch_tells_as_unsigned_come_out_signed():
    [op] = [n for n in gva.walk(leaf(2, 2).cumsum(-1)).nodes if n.op == "CumsumBackward0"]
    assert op.attrs["dim"] == -1


def test_a_hook_that_packs_to_nothing_is_not_called_either():
    unpacked = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: None, unpacked.append):
        y = leaf(3).exp()
    [box] = saved(gva.walk(y))
    assert box.attrs == {"packed": "NoneType"}
    assert not unpacked


def test_two_leaves_on_one_memory_keep_what_each_saved():
    a = leaf(3)
    b = a.detach().requires_grad_()
    graph = gva.walk(a.sin() + b.cos(), {"a": a, "b": b})
    nodes = graph.by_id()
    found = {(nodes[e.source].op, nodes[e.target].names) for e in saved_edges(graph)}
    assert found == {("SinBackward0", ("a",)), ("CosBackward0", ("b",))}


def test_a_conjugate_is_not_the_tensor_it_shares_memory_with():
    z = torch.ones(2, dtype=torch.complex64, requires_grad=True)
    assert len(saved(gva.walk(z * z.conj()))) == 1


def test_the_same_bits_read_as_another_type_are_another_box():
    graph = gva.walk(Product.apply(leaf(3) * 1, torch.ones(3).view(torch.int32)))
    assert {box.outputs[0].dtype for box in saved(graph)} >= {"float32", "int32"}


def test_a_sparse_tensor_without_storage_is_noted_and_drawn():
    a = torch.eye(3).to_sparse().requires_grad_()
    graph = gva.walk(torch.sparse.mm(a, torch.ones(3, 3, requires_grad=True)))
    assert any("no storage to compare (a sparse_coo tensor)" in n for n in graph.meta["unread"])
