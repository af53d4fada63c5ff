"""A torch function that leaves several nodes has its name on each of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from graphviz_autograd import engine


def nodes(*tensors: Any) -> list[Any]:
    """Every node behind some tensors."""
    found: dict[Any, None] = {}
    stack = [tensor.grad_fn for tensor in tensors]
    while stack:
        node = stack.pop()
        if node not in found:
            found[node] = None
            stack.extend(child for child, _ in node.next_functions if child is not None)
    return list(found)


def groups(*tensors: Any) -> dict[tuple[str, int], set[str]]:
    """The names of the nodes that each call has left."""
    found: dict[tuple[str, int], set[str]] = {}
    for node in nodes(*tensors):
        composite = getattr(node, "_composite", None)
        if composite is not None:
            found.setdefault(composite, set()).add(node.name())
    return found


@pytest.fixture
def x() -> Any:
    return engine.rand(3, 4, requires_grad=True)


def test_the_nodes_of_a_composite_bear_its_name(x: Any) -> None:
    loss = F.cross_entropy(x.exp(), torch.tensor([0, 1, 3]))
    ((name, _),) = groups(loss)
    assert name == "cross_entropy"
    assert groups(loss).popitem()[1] == {"LogSoftmaxBackward0", "NllLossBackward0"}


def test_each_call_is_a_group_of_its_own(x: Any) -> None:
    loss = sum(F.cross_entropy(x, torch.tensor([0, 1, 3])) for _ in range(3))
    assert [name for name, _ in groups(loss)] == ["cross_entropy"] * 3


def test_what_leaves_one_node_is_no_group(x: Any) -> None:
    y = (x.sin() * 2 + torch.exp2(x)).softmax(-1)[0]
    assert groups(y.pow(2).sum()) == {}


def test_the_outermost_function_counts() -> None:
    attention = nn.MultiheadAttention(4, 2)
    with engine.wrap(attention):
        y, _ = attention(*[engine.rand(3, 1, 4, requires_grad=True)] * 3)
    assert [name for name, _ in groups(y)] == ["multi_head_attention_forward"]
    gates, state = engine.rand(2, 16, requires_grad=True), engine.rand(2, 4)
    cell = torch.ops.aten._thnn_fused_lstm_cell.default(gates, gates, state)
    assert len(groups(*cell[:2])) == 1  # its own few operators, taken apart by the engine


def test_a_module_is_no_function_but_those_it_calls_are() -> None:
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))
    with engine.wrap(model):
        y = model(engine.rand(3, 4))
    assert Counter(name for name, _ in groups(y)) == {"linear": 2}


def test_operators_and_attributes_have_readable_names(x: Any) -> None:
    assert [name for name, _ in groups(engine.rand(3) @ x)] == ["matmul"]
    c = engine.rand(3, 4, dtype=torch.complex64, requires_grad=True)
    assert [name for name, _ in groups(c.H)] == ["H"]
    assert [name for name, _ in groups(1 / x)] == ["rdiv"]


def test_what_was_not_recorded_is_no_group(x: Any) -> None:
    with engine.no_grad():
        y = F.cross_entropy(x, torch.tensor([0, 1, 3]))
    assert groups(y * x.sum()) == {}
