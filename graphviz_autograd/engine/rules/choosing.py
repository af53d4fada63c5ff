"""Operators that round or choose: the gradient goes where the number came from, or nowhere."""

from __future__ import annotations

from typing import Any

import torch

from graphviz_autograd.engine.rules.elementwise import nothing
from graphviz_autograd.engine.table import rule

aten = torch.ops.aten

# ---- rounding, signs, and what does not move

for step in (
    aten.floor.default,
    aten.ceil.default,
    aten.round.default,
    aten.trunc.default,
    aten.sign.default,
    aten.zero.default,
    aten.fill.Scalar,
):
    rule(step, "∂self = 0", self=nothing)
rule(aten.round.decimals, "∂self = 0", name="RoundBackward1", self=nothing)
rule(aten.fill_.Scalar, "∂self = 0", name="FillBackward2", self=nothing)
for fill, name in ((aten.fill.Tensor, "FillBackward1"), (aten.fill_.Tensor, "FillBackward3")):
    rule(fill, "∂self = 0, ∂value = sum of g", name=name, self=nothing, value=lambda g: g.sum())
rule(aten.frac.default, "∂self = g", self=lambda g: g)
rule(
    aten.nan_to_num.default,
    "∂self = g where self is finite",
    self=lambda g, self: g * torch.isfinite(self),
)
rule(
    aten.nextafter.default,
    "∂self = g where self ≠ other, ∂other = 0",
    self=lambda g, self, other: torch.where(self != other, g, 0),
    other=nothing,
)


def copysign_self(g: Any, self: Any, result: Any) -> Any:
    return g * torch.where(self == 0, 0, result / self)


rule(aten.copysign.Tensor, "∂self = g·result/self, ∂other = 0", self=copysign_self, other=nothing)
rule(aten.copysign.Scalar, "∂self = g·result/self", name="CopysignBackward1", self=copysign_self)

# ---- choosing


def larger(g: Any, self: Any, other: Any) -> Any:
    """The gradient goes to the larger of two numbers, half to each of equal ones."""
    return torch.where(self == other, g / 2, torch.where(self < other, 0, g))


rule(
    aten.maximum.default,
    "∂self = g where self > other, ½·g where equal; ∂other likewise",
    self=lambda g, self, other: larger(g, self, other),
    other=lambda g, self, other: larger(g, other, self),
)
rule(
    aten.minimum.default,
    "∂self = g where self < other, ½·g where equal; ∂other likewise",
    self=lambda g, self, other: larger(g, -self, -other),
    other=lambda g, self, other: larger(g, -other, -self),
)


def fmax_picks_self(self: Any, other: Any) -> Any:
    return (self >= other) | other.isnan()


def fmin_picks_self(self: Any, other: Any) -> Any:
    return (self <= other) | other.isnan()


rule(
    aten.fmax.default,
    "∂self = g where self ≥ other or other is NaN, ∂other = g elsewhere",
    self=lambda g, self, other: torch.where(fmax_picks_self(self, other), g, 0),
    other=lambda g, self, other: torch.where(fmax_picks_self(self, other), 0, g),
)
rule(
    aten.fmin.default,
    "∂self = g where self ≤ other or other is NaN, ∂other = g elsewhere",
    self=lambda g, self, other: torch.where(fmin_picks_self(self, other), g, 0),
    other=lambda g, self, other: torch.where(fmin_picks_self(self, other), 0, g),
)


def clamp_self(g: Any, self: Any, min: Any, max: Any) -> Any:
    inside = torch.ones_like(self, dtype=torch.bool)
    if min is not None:
        inside = inside & (self >= min)
    if max is not None:
        inside = inside & (self <= max)
    return torch.where(inside, g, 0)


def clamp_min(g: Any, self: Any, min: Any, max: Any) -> Any:
    below = self < min
    return torch.where(below if max is None else below & (min < max), g, 0)


def clamp_max(g: Any, self: Any, min: Any, max: Any) -> Any:
    above = self > max
    return torch.where(above if min is None else above | (max < min), g, 0)


rule(aten.clamp.default, "∂self = g where min ≤ self ≤ max", name="ClampBackward1", self=clamp_self)
rule(
    aten.clamp.Tensor,
    "∂self = g inside, ∂min = g below, ∂max = g above",
    self=clamp_self,
    min=clamp_min,
    max=clamp_max,
)
rule(
    aten.clamp_min.default,
    "∂self = g where self ≥ min",
    self=lambda g, self, min: torch.where(self >= min, g, 0),
)
rule(
    aten.clamp_max.default,
    "∂self = g where self ≤ max",
    self=lambda g, self, max: torch.where(self <= max, g, 0),
)
rule(
    aten.clamp_min.Tensor,
    "∂self = g where self ≥ min, ∂min = g elsewhere",
    name="ClampMinBackward1",
    self=lambda g, self, min: torch.where(self >= min, g, 0),
    min=lambda g, self, min: torch.where(self < min, g, 0),
)
rule(
    aten.clamp_max.Tensor,
    "∂self = g where self ≤ max, ∂max = g elsewhere",
    name="ClampMaxBackward1",
    self=lambda g, self, max: torch.where(self <= max, g, 0),
    max=lambda g, self, max: torch.where(self > max, g, 0),
)
rule(
    aten.where.self,
    "∂self = g where condition, ∂other = g elsewhere",
    self=lambda g, condition: torch.where(condition, g, 0),
    other=lambda g, condition: torch.where(condition, 0, g),
)
