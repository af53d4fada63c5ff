"""Chance: dropout, and numbers drawn in place of a tensor's own, which get no gradient."""

from __future__ import annotations

from typing import Any

import torch

from graphviz_autograd.engine.rules.elementwise import nothing
from graphviz_autograd.engine.table import rule

aten = torch.ops.aten


def dropped(g: Any, p: float, train: bool | None, result1: Any) -> Any:
    """Without a word on training there is dropout, with False there is none."""
    return g if train is False else g * result1 * (0 if p == 1 else 1 / (1 - p))


rule(
    aten.native_dropout.default,
    "∂input = g·kept/(1-p)",
    input=dropped,
)
rule(
    aten.native_dropout_backward.default,
    "∂grad_output = g·mask·scale",
    grad_output=lambda g, mask, scale: g * (mask * scale),
    mask=lambda g, grad_output, scale: g * (grad_output * scale),
)
for draw in (
    aten.bernoulli.default,
    aten.bernoulli.p,
    aten.uniform_.default,
    aten.normal_.default,
    aten.exponential_.default,
    aten.cauchy_.default,
    aten.log_normal_.default,
    aten.geometric_.default,
):
    rule(draw, "∂self = 0", self=nothing)
rule(aten.random_.default, "∂self = 0", name="RandomBackward2", self=nothing)
rule(aten.random_.to, "∂self = 0", name="RandomBackward1", self=nothing)
rule(aten.bernoulli_.float, "∂self = 0", name="BernoulliBackward2", self=nothing)
rule(
    aten.bernoulli_.Tensor, "∂self = 0, ∂p = 0", name="BernoulliBackward1", self=nothing, p=nothing
)
rule(aten.normal.Tensor_float, "∂mean = 0", name="NormalBackward1", mean=nothing)
rule(aten.normal.float_Tensor, "∂std = 0", name="NormalBackward2", std=nothing)
rule(
    aten.normal.Tensor_Tensor,
    "∂mean = 0, ∂std = 0",
    name="NormalBackward3",
    mean=nothing,
    std=nothing,
)
