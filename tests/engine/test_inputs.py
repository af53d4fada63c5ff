"""What nodes note of the tensors that no edge leads to."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch

from graphviz_autograd import engine
from graphviz_autograd.engine import node as node_room
from graphviz_autograd.engine.node import NO_HOOKS, NOWHERE, Node, Saved


def vector(*numbers: float, grad: bool = False) -> Any:
    return engine.tensor(list(map(float, numbers)), requires_grad=grad)


def noted(node: Node) -> list[tuple[str, int, Any]]:
    """The name and number of each argument noted, and the tensor, where it is there still."""
    return [(name, number, held()) for name, number, held, _ in node._inputs]


def test_a_node_notes_a_tensor_that_needs_no_gradient() -> None:
    w, x = vector(1, 2, grad=True), vector(3, 4)
    node = (w * x).grad_fn
    assert noted(node) == [("other", 1, x)]
    shape, dtype, device = node._inputs[0][3]
    assert (tuple(shape), dtype, str(device)) == ((2,), torch.float32, "cpu")
    assert [child is None for child, _ in node.next_functions] == [False, True]


def test_numbers_and_tensors_with_edges_are_not_noted() -> None:
    w = vector(1, 2, grad=True)
    for y in (w * 2, w + w, w.tanh(), w.sum(0)):
        assert noted(y.grad_fn) == []


def test_plain_tensors_and_indices_are_noted() -> None:
    w, plain, places = vector(1, 2, grad=True), torch.ones(2), torch.tensor([1])
    assert [(name, number) for name, number, _ in noted((w - plain).grad_fn)] == [("other", 1)]
    assert (w - plain).grad_fn._inputs[0][2]() is plain
    gathered = w.gather(0, places).grad_fn
    assert [(name, number) for name, number, _ in noted(gathered)] == [("index", 1)]
    assert len(gathered.next_functions) == 1


def test_of_a_list_each_part_is_noted_by_its_number() -> None:
    w, x, y = vector(1, grad=True), vector(2), vector(3)
    node = engine.cat([x, w, y]).grad_fn
    assert noted(node) == [("tensors[0]", 0, x), ("tensors[2]", 2, y)]


def test_a_custom_function_notes_what_its_forward_calls_them() -> None:
    class Scaled(engine.autograd.Function):
        @staticmethod
        def forward(ctx: Any, weight: Any, factor: float, data: Any, mask: Any) -> Any:
            return weight * factor * data * mask

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, None, None, None

    w, x, mask = vector(1, grad=True), vector(2), torch.ones(1)
    node = Scaled.apply(w, 2.0, x, mask).grad_fn
    assert [(name, number) for name, number, _ in noted(node)] == [("data", 1), ("mask", 2)]
    assert len(node.next_functions) == 2


def test_a_tensor_changed_in_place_was_an_input_before() -> None:
    w, a = vector(1, 2, grad=True), vector(0, 0)
    a.add_(w)
    assert [(name, number) for name, number, _ in noted(a.grad_fn)] == [("self", 0)]
    b = vector(0, 0, 0)
    b[:2] = w
    (name, number, held), shape = noted(b.grad_fn)[0], b.grad_fn._inputs[0][3][0]
    assert (name, number, tuple(shape)) == ("self", 0, (3,))
    assert held is b


def test_a_node_keeps_no_input_alive() -> None:
    w = vector(1, 2, grad=True)
    x = vector(3, 4)
    y, gone = w + x, weakref.ref(x)
    del x
    gc.collect()
    assert gone() is None
    assert noted(y.grad_fn) == [("other", 1, None)]
    assert tuple(y.grad_fn._inputs[0][3][0]) == (2,)


def size(node: Any) -> int:
    """Bytes of a node and of the tuples and Saved that it alone holds.

    Not of tensors and references to them, other nodes, and what all nodes share.
    """
    slots = [name for kind in type(node).__mro__ for name in getattr(kind, "__slots__", ())]
    todo = [getattr(node, name, None) for name in slots if name != "__weakref__"]
    alone: dict[int, Any] = {id(node): node, id(node._number): node._number}
    infos = set(map(id, node_room._infos.values()))
    while todo:
        held = todo.pop()
        shared = held is NO_HOOKS or held is NOWHERE or id(held) in infos
        if not shared and isinstance(held, list | tuple | Saved) and id(held) not in alone:
            alone[id(held)] = held
            fields = Saved.__slots__ if isinstance(held, Saved) else ()
            todo += [getattr(held, name) for name in fields] if fields else list(held)
    return sum(map(sys.getsizeof, alone.values()))


@pytest.mark.parametrize(
    "step",
    [
        lambda y, c, w: y * c,
        lambda y, c, w: y + c,
        lambda y, c, w: y.tanh(),
        lambda y, c, w: y + w,
        lambda y, c, w: y * 2.0,
    ],
    ids=["times data", "plus data", "tanh", "plus weight", "times number"],
)
def test_a_node_is_small_besides_its_tensors(step: Callable[..., Any]) -> None:
    y, c, w = vector(1, grad=True) * 1, vector(0.5), vector(0.5, grad=True)
    assert size(step(y, c, w).grad_fn) < 600


def test_nodes_of_tensors_that_are_alike_share_what_says_so() -> None:
    w = vector(1, 2, grad=True)
    assert w.exp().grad_fn._infos[0] is w.tanh().grad_fn._infos[0]
