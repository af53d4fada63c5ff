"""Half precision: gradients as near the exact ones as torch's own are.

The exact ones are torch's in float64, from the same numbers and the same gradients to start
with. Rounding to half precision alone costs half a step of the last place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.utils._pytree import tree_leaves, tree_map

from graphviz_autograd import engine

HALVES = [torch.bfloat16, torch.float16]

LABELS = torch.tensor([1, 0, 3, 2, 2, 4, 4, 4])
ROWS = torch.tensor([[0, 1, 1, 1, 1, 1, 1, 1] * 64])

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "softmax": lambda x: x.softmax(-1),
    "log_softmax": lambda x: x.log_softmax(-1),
    "cross entropy": lambda x: F.cross_entropy(x[:, :5], LABELS.to(x.device)),
    "binary cross entropy": lambda x: F.binary_cross_entropy_with_logits(x, (x > 0).to(x.dtype)),
    "layer norm": lambda x: F.layer_norm(x, (16,)),
    "batch norm": lambda x: F.batch_norm(x, None, None, training=True),
    "group norm": lambda x: F.group_norm(x, 4),
    "gelu": F.gelu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "hardswish": F.hardswish,
    "arc tangent of two": lambda x: torch.atan2(x, x.flip(0)),
    "running logarithm of a sum": lambda x: x.logcumsumexp(-1),
    "renorm": lambda x: x.renorm(2, 0, 1.5),
    "attention": lambda x: F.scaled_dot_product_attention(x[None], x[None].tanh(), x[None]),
    "larger image": lambda x: F.interpolate(x[None, None], scale_factor=1.7, mode="bilinear"),
    "pooling": lambda x: F.adaptive_avg_pool2d(x[None], 3),
    "sampling": lambda x: F.grid_sample(
        x[None, None], x[None, :, :, None].expand(-1, -1, -1, 2).tanh(), align_corners=True
    ),
    "a row used often": lambda x: F.embedding(ROWS.to(x.device), x),
    "product of matrices": lambda x: x @ x.mT,
}


def errors(found: Any, exact: Any) -> list[float]:
    """How far gradients are from the exact ones, as part of the greatest of them."""
    return [
        float((ours.double() - right).abs().max() / right.abs().max().clamp(min=1e-2))
        for ours, right in zip(found, exact, strict=True)
    ]


def assert_as_near(ours: Any, torchs: Any, exact: Any, dtype: torch.dtype) -> None:
    assert all(grad.dtype is dtype for grad in ours)
    step = torch.finfo(dtype).eps
    for mine, theirs in zip(errors(ours, exact), errors(torchs, exact), strict=True):
        assert mine <= max(1.5 * theirs, step), (
            f"{mine / step:.2f} steps off, torch {theirs / step:.2f}"
        )


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_gradient_in_half_precision_is_as_exact_as_torchs(
    name: str, dtype: torch.dtype, device: str
) -> None:
    torch.manual_seed(0)
    data = torch.randn(8, 16).to(device, dtype)
    function = FUNCTIONS[name]
    slope = torch.randn(function(data).shape).to(device, dtype)
    found = []
    for kind in (dtype, torch.float64):
        x = data.to(kind, copy=True).requires_grad_()
        found.append(torch.autograd.grad(function(x), x, slope.to(kind)))
    x = engine.Tensor(data, True)
    (ours,) = engine.autograd.grad(function(x), x, slope)
    assert_as_near([ours.data], *found, dtype)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4)

    def forward(self, x: Any) -> Any:
        return self.attention(x, x, x, need_weights=False)[0]


MODULES = {
    "RNN": lambda: nn.RNN(16, 12),
    "LSTM": lambda: nn.LSTM(16, 12, bidirectional=True),
    "GRU": lambda: nn.GRU(16, 12, 2),
    "attention": Attention,
    "encoder layer": lambda: nn.TransformerEncoderLayer(16, 4, 32, dropout=0),
    "perceptron": lambda: nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 4)),
    "convolution": lambda: nn.Sequential(nn.Conv1d(5, 8, 3), nn.GroupNorm(2, 8), nn.SiLU()),
}


def parameter_gradients(module: Any, data: torch.Tensor, slopes: Any) -> list[torch.Tensor]:
    x = data.clone().requires_grad_()
    torch.autograd.backward(tree_leaves(module(x)), slopes)
    return [x.grad, *(parameter.grad for parameter in module.parameters())]  # type: ignore[list-item]


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", MODULES)
def test_a_module_in_half_precision_has_gradients_as_exact_as_torchs(
    name: str, dtype: torch.dtype, device: str
) -> None:
    torch.manual_seed(0)
    module = MODULES[name]().to(device, dtype)
    exact_module = MODULES[name]().to(device, torch.float64)
    exact_module.load_state_dict(module.state_dict())
    data = torch.randn(7, 5, 16).to(device, dtype)
    x = engine.Tensor(data, True)
    with engine.wrap(module) as tensors:
        results = tree_leaves(module(x))
    slopes = [torch.randn(result.shape).to(device, dtype) for result in results]
    engine.autograd.backward(results, slopes)
    ours = [x.grad.data, *(tensors[key].grad.data for key, _ in module.named_parameters())]

    torchs = parameter_gradients(module, data, slopes)
    wide = tree_map(lambda slope: slope.double(), slopes)
    assert_as_near(ours, torchs, parameter_gradients(exact_module, data.double(), wide), dtype)
