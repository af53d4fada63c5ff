"""Nodes show what torch's nodes show: settings, shapes, and what was saved under its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

import graphviz_autograd as gva
from graphviz_autograd import engine

PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "arithmetic": lambda x: ((x + 2 * x) / 3 - x.exp()).mean(),
    "mean over a dimension": lambda x: x.mean(1),
    "sum over a dimension": lambda x: x.sum(-1, keepdim=True),
    "power": lambda x: (x**3) * x.pow(0.5),
    "squeeze": lambda x: x[:1].squeeze(-2).squeeze(),
    "views": lambda x: x.t()[1:, 0].expand(4, 3).reshape(2, 6).unsqueeze(1).transpose(0, 2),
    "pieces": lambda x: torch.cat([*x.split(2), x.chunk(2, 1)[0].repeat(1, 2)], 0),
    "gather": lambda x: x.gather(0, torch.tensor([[0, 1, 1, 0]])),
    "sort": lambda x: x.sort(1, descending=True).values,
    "largest": lambda x: x.max(1).values,
    "logarithm": lambda x: x.logsumexp(0) - x.log_softmax(1).sum(0),
    "clamp": lambda x: x.clamp(-1, 1).masked_fill(x > 0, 2.0),
    "embedding": lambda x: F.embedding(torch.tensor([0, 2]), x, padding_idx=0),
    "bag": lambda x: F.embedding_bag(torch.tensor([[0, 2]]), x, mode="max"),
    "convolution": lambda x: F.conv1d(x[None], x[:, None, :2], x[:, 0], groups=3),
    "dropout": lambda x: F.dropout(x, 0.25),
    "group norm": lambda x: F.group_norm(x[None], 3),
    "loss": lambda x: F.nll_loss(x, torch.tensor([1, 0, 2]), ignore_index=0),
    "solved": lambda x: torch.linalg.solve(x[:, :3] + torch.eye(3), x),
    "triangle": lambda x: x.tril(1).cumsum(0).flip(1).roll(1, 0),
}
SAVED = "[saved tensor]"


def attributes(x: Any, program: Callable[[Any], Any]) -> list[tuple[str, dict[str, Any]]]:
    """Of each op, what it shows; of shapes and settings all, of saved tensors nothing."""
    torch.manual_seed(1)
    graph = gva.walk(program(x), attrs=True)
    return [
        (
            node.op,
            {
                name: value
                for name, value in node.attrs.items()
                if value != SAVED and not name.endswith("_sym_strides")
            },
        )
        for node in graph.nodes
        if node.kind == "op"
    ]


@pytest.mark.parametrize("name", PROGRAMS)
def test_settings_and_shapes_are_shown_as_torch_shows_them(name: str) -> None:
    data = torch.rand(3, 4, generator=torch.Generator().manual_seed(0))
    ours = attributes(engine.Tensor(data, True), PROGRAMS[name])
    assert ours == attributes(data.clone().requires_grad_(), PROGRAMS[name])


def test_a_saved_result_has_the_name_that_torch_gives_it() -> None:
    x = engine.rand(2, 3, requires_grad=True)
    node = F.nll_loss(x, torch.tensor([1, 2])).grad_fn
    assert node._saved_total_weight.item() == 2
    assert node._raw_saved_total_weight.data is node._saved_total_weight
    assert not hasattr(node, "_saved_result1")
    assert x.sort().values.grad_fn._saved_indices.shape == (2, 3)


def test_a_node_does_not_show_what_only_the_engine_keeps_by_number() -> None:
    image = engine.rand(1, 1, 4, 4, requires_grad=True)
    node = F.conv2d(image, torch.ones(1, 1, 2, 2)).grad_fn
    assert list(node._saved_output_padding) == [0, 0]
    assert not hasattr(node, "_saved_input_sym_sizes")


def test_shapes_are_known_without_anything_kept_for_them() -> None:
    x, y = engine.rand(3, 4, requires_grad=True), engine.rand(4, 2)
    node = (x @ y).grad_fn
    assert node._saved_self_sym_sizes == (3, 4)
    assert node._saved_mat2_sym_sizes == (4, 2)
    (x @ y).sum().backward()
    assert node._saved_self_sym_sizes == (3, 4)
