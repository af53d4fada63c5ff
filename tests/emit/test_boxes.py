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
