"""What a box says of its tensors."""

from __future__ import annotations

from graphviz_autograd import Edge, Graph, Node, TensorInfo
from graphviz_autograd.emit.dot import source


def net(*infos: TensorInfo) -> str:
    """The DOT of a leaf for each of these tensors, and an op that takes them."""
    leaves = [Node(at, "leaf", names=("w",), outputs=(info,)) for at, info in enumerate(infos)]
    op = Node(len(infos), "op", "AddBackward0", outputs=infos[:1])
    return source(Graph([*leaves, op], [Edge(leaf.id, op.id) for leaf in leaves]))


def test_a_dtype_is_told_where_it_is_not_the_usual_one() -> None:
    text = net(TensorInfo((2, 3), "float64", "cpu"), TensorInfo((3,), "float32", "cpu"))
    assert '0 [label="w\n(2, 3) float64"' in text
    assert '1 [label="w\n(3)"' in text
    assert '2 [label="AddBackward0\n(2, 3) float64"]' in text


def test_devices_are_told_where_there_are_several() -> None:
    text = net(TensorInfo((2,), "bfloat16", "cuda:1"), TensorInfo((2,), "float32", "cpu"))
    assert "(2) bfloat16 cuda:1" in text
    assert "(2) cpu" in text
    assert "cuda" not in net(TensorInfo((2,), "float32", "cuda:0"))


def test_many_tensors_of_one_shape_are_counted() -> None:
    step = TensorInfo((3, 1), "float32", "cpu")
    split = Node(0, "op", "SplitBackward0", outputs=(step,) * 3)
    assert "(3, 1) (3, 1) (3, 1)" in source(Graph([split], []))
    unbound = Node(0, "op", "UnbindBackward0", outputs=(step,) * 20)
    assert 'label="UnbindBackward0\n(3, 1) ×20"' in source(Graph([unbound], []))
