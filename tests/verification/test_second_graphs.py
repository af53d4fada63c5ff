"""A graph that an earlier backward has built (create_graph=True) is checked whole.

torch's own derivative operators stand in it, `tanh_backward` and the like, and results that
a node has kept come back in it as other tensors.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from torch import nn

from graphviz_autograd.verification.check import check_graph
from graphviz_autograd.verification.report import Report
from graphviz_autograd.verification.tape import Tape

Function = Callable[[Any], Any]
TABLE, IMAGE = (3, 4), (1, 2, 6, 6)


def classes(x: torch.Tensor, *shape: int) -> torch.Tensor:
    return torch.arange(3, device=x.device).repeat(shape)


def positive(x: torch.Tensor) -> torch.Tensor:
    return x @ x.t() + torch.eye(len(x), device=x.device)


FUNCTIONS: dict[str, tuple[Function, tuple[int, ...]]] = {
    **{name: (getattr(torch, name), TABLE) for name in ("tanh", "sigmoid", "exp", "sin", "erf")},
    "sqrt": (lambda x: (x.abs() + 1).sqrt(), TABLE),
    **{
        name: (getattr(F, name), TABLE)
        for name in (
            *("relu", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "hardtanh"),
            *("hardswish", "softplus", "logsigmoid", "relu6", "glu", "hardshrink", "softshrink"),
        )
    },
    "gelu, tanh": (lambda x: F.gelu(x, approximate="tanh"), TABLE),
    "prelu": (lambda x: F.prelu(x, x[0, :1].abs()), TABLE),
    "softmax": (lambda x: x.softmax(-1), TABLE),
    "log_softmax": (lambda x: x.log_softmax(-1), TABLE),
    "logsumexp": (lambda x: x.logsumexp(-1), TABLE),
    "cross entropy": (lambda x: F.cross_entropy(x, classes(x, 1)), TABLE),
    "cross entropy of images": (lambda x: F.cross_entropy(x, classes(x, 1, 6, 2) % 2), IMAGE),
    "mse": (lambda x: F.mse_loss(x, torch.zeros_like(x)), TABLE),
    "smooth l1": (lambda x: F.smooth_l1_loss(x, torch.zeros_like(x)), TABLE),
    "huber": (lambda x: F.huber_loss(x, torch.zeros_like(x)), TABLE),
    "soft margin": (lambda x: F.soft_margin_loss(x, torch.ones_like(x)), TABLE),
    "bce": (lambda x: F.binary_cross_entropy(x.sigmoid(), torch.zeros_like(x)), TABLE),
    "layer norm": (lambda x: F.layer_norm(x, (4,), x[0].cos(), x[1].sin()), TABLE),
    "batch norm": (lambda x: F.batch_norm(x, None, None, x[0].cos(), training=True), TABLE),
    "batch norm, eval": (
        lambda x: F.batch_norm(x, x.new_zeros(4), x.new_ones(4), x[0].cos()),
        TABLE,
    ),
    "group norm": (lambda x: F.group_norm(x, 2), IMAGE),
    "rms norm": (lambda x: F.rms_norm(x, (4,)), TABLE),
    "convolution": (lambda x: F.conv2d(x, x[:, :, :3, :3].sin(), padding=1), IMAGE),
    "max pool": (lambda x: F.max_pool2d(x, 2), IMAGE),
    "average pool": (lambda x: F.avg_pool2d(x, 2), IMAGE),
    "adaptive pools": (
        lambda x: F.adaptive_avg_pool2d(x, 3) + F.adaptive_max_pool2d(x, 3),
        IMAGE,
    ),
    "nearest": (lambda x: F.interpolate(x, scale_factor=2), IMAGE),
    "bilinear": (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), IMAGE),
    "pads": (
        lambda x: F.pad(x, (1, 1, 1, 1), "reflect") + F.pad(x, (1, 1, 1, 1), "replicate"),
        IMAGE,
    ),
    "embedding": (lambda x: F.embedding(classes(x, 2), x), TABLE),
    "slices": (lambda x: x[:, 1:3] * x[0, :2] * x[::2, :1].sum(), TABLE),
    "norm": (lambda x: x.norm() + F.normalize(x).sum(), TABLE),
    "std": (lambda x: x.std(1), TABLE),
    "inverse": (lambda x: torch.linalg.inv(positive(x)), TABLE),
    "cholesky": (lambda x: torch.linalg.cholesky(positive(x)), TABLE),
    "singular values": (torch.linalg.svdvals, TABLE),
    "eigenvalues": (lambda x: torch.linalg.eigvalsh(positive(x)), TABLE),
    "attention": (lambda x: (x @ x.mT / 2).softmax(-1) @ x, (2, 3, 4)),
}


def penalised(function: Function, x: torch.Tensor) -> Report:
    """The report on a loss that has a gradient in it."""
    with Tape() as tape, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, that such a graph may leak
        y = function(x)
        (grad,) = torch.autograd.grad((y * y).sum() + y.sum(), x, create_graph=True)
        loss = (grad * grad).sum() + y.sum()
    return check_graph(loss, tape)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_loss_with_a_gradient_in_it_is_checked_whole(name: str, device: str) -> None:
    torch.manual_seed(0)
    function, shape = FUNCTIONS[name]
    report = penalised(function, torch.randn(shape, device=device, requires_grad=True))
    assert report.ok is True, report
    assert report.complete, report


@pytest.mark.parametrize("kind", [nn.GRU, nn.RNN])
def test_so_is_one_through_a_recurrent_layer(kind: Any, device: str) -> None:
    torch.manual_seed(0)
    layer = kind(4, 3).to(device)
    x = torch.randn(5, 2, 4, device=device, requires_grad=True)
    with torch.backends.cudnn.flags(enabled=False):  # which has no second derivative
        report = penalised(lambda x: layer(x)[0], x)
    assert report.ok is True, report
    assert report.complete, report


def test_a_wrong_function_is_found_in_it(device: str) -> None:
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            (x,) = ctx.saved_tensors
            return 2 * g * x**2

    report = penalised(Cube.apply, torch.randn(3, device=device, requires_grad=True))
    assert report.first_failure is not None
    assert report.first_failure.name == "CubeBackward"


def test_what_torch_cannot_differentiate_is_told(device: str) -> None:
    report = penalised(F.hardsigmoid, torch.randn(3, device=device, requires_grad=True))
    assert report.ok is not False
    assert "torch has no derivative here" in str(report)
