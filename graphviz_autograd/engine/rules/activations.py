"""The activations of networks: relu, sigmoid, gelu and the like; tanh is in elementwise."""

from __future__ import annotations

import math
from typing import Any

import torch

from graphviz_autograd.engine.rules.elementwise import finer
from graphviz_autograd.engine.table import RULES, rule

aten = torch.ops.aten

rule(
    aten.relu.default,
    "∂self = g where result > 0",
    self=lambda g, result: torch.where(result <= 0, 0, g),
)
rule(
    aten.sigmoid.default,
    "∂self = g·result·(1-result)",
    self=lambda g, result: g * (result * (1 - result)).conj(),
)
rule(
    aten.leaky_relu.default,
    "∂self = g where self > 0, else g·negative_slope",
    self=lambda g, self, negative_slope: torch.where(self > 0, g, g * negative_slope),
)
rule(
    aten.threshold.default,
    "∂self = g where self > threshold",
    self=lambda g, self, threshold: torch.where(self <= threshold, 0, g),
)
rule(
    aten.hardtanh.default,
    "∂self = g where min_val < self < max_val",
    self=lambda g, self, min_val, max_val: torch.where((self > min_val) & (self < max_val), g, 0),
)
rule(
    aten.hardshrink.default,
    "∂self = g where |self| > lambd",
    self=lambda g, self, lambd: torch.where(self.abs() > lambd, g, 0),
)
rule(
    aten.softshrink.default,
    "∂self = g where |self| > lambd",
    self=lambda g, self, lambd: torch.where(self.abs() > lambd, g, 0),
)
rule(
    aten.hardsigmoid.default,
    "∂self = g/6 where -3 < self < 3",
    self=lambda g, self: torch.where((self > -3) & (self < 3), g / 6, 0),
)


def hardswish(g: Any, self: Any) -> Any:
    slope = torch.where(self < 3, finer(self) / 3 + 0.5, 1)
    return torch.where(self <= -3, 0, g * slope)


rule(
    aten.hardswish.default,
    "∂self = g·(self/3 + ½) where -3 < self < 3, g above, 0 below",
    self=hardswish,
)


def elu(g: Any, self: Any, alpha: Any, scale: Any, input_scale: Any) -> Any:
    low = torch.where(self < 0, self * input_scale, 0)  # where it counts, without overflow
    return torch.where(self <= 0, g * (alpha * scale * input_scale) * low.exp(), g * scale)


rule(aten.elu.default, "∂self = g·scale where self > 0, else g·alpha·scale·e^self", self=elu)
rule(
    aten.celu.default,
    "∂self = g where self > 0, else g·e^(self/alpha)",
    self=lambda g, self, alpha: elu(g, self, alpha, 1, 1 / alpha),
)


def silu(g: Any, self: Any) -> Any:
    g, self = finer(g), finer(self)
    s = self.sigmoid()
    return g * (s * (1 + self * (1 - s))).conj()


rule(aten.silu.default, "∂self = g·σ(self)·(1 + self·(1-σ(self)))", self=silu)


def mish(g: Any, self: Any) -> Any:
    g, self = finer(g), finer(self)
    t = torch.nn.functional.softplus(self).tanh()
    return g * (t + self * self.sigmoid() * (1 - t * t))


rule(aten.mish.default, "∂self = g·(t + self·σ(self)·(1-t²)), t = tanh(softplus(self))", self=mish)


def gelu(g: Any, self: Any, approximate: Any) -> Any:
    g, self = finer(g), finer(self)
    if approximate == "none":
        area = 0.5 * (1 + torch.erf(self * math.sqrt(0.5)))
        density = torch.exp(-0.5 * self * self) / math.sqrt(2 * math.pi)
        return g * (area + self * density)
    scale, cubic = math.sqrt(2 / math.pi), 0.044715
    t = torch.tanh(scale * (self + cubic * self * self * self))
    slope = scale * (1 + 3 * cubic * self * self) * (1 - t * t)
    return g * (0.5 * (1 + t) + 0.5 * self * slope)


rule(aten.gelu.default, "∂self = g·(Φ(self) + self·φ(self)), the normal distribution's", self=gelu)


def softplus(g: Any, self: Any, beta: Any, threshold: Any) -> Any:
    x = self * beta
    return torch.where(x > threshold, g, g * x.sigmoid())


rule(aten.softplus.default, "∂self = g·σ(beta·self)", self=softplus)
rule(
    aten.log_sigmoid_forward.default,
    "∂self = g·σ(-self)",
    name="LogSigmoidBackward0",
    self=lambda g, self: g * torch.sigmoid(-self),
)


def glu(g: Any, self: Any, dim: Any) -> Any:
    a, b = torch.chunk(self, 2, dim)
    s = b.sigmoid()
    return torch.cat([g * s, g * a * s * (1 - s)], dim)


rule(aten.glu.default, "for halves a, b of self: ∂a = g·σ(b), ∂b = g·a·σ(b)·(1-σ(b))", self=glu)
rule(
    aten._prelu_kernel.default,
    "∂self = g where self > 0, else g·weight; ∂weight = g·self there",
    self=lambda g, self, weight: torch.where(self > 0, g, g * weight),
    weight=lambda g, self: torch.where(self >= 0, 0, g * self),
)


def rrelu(g: Any, self: Any, noise: Any, lower: Any, upper: Any, training: Any) -> Any:
    """In training torch has written into `noise` what it multiplied each number by."""
    if training and upper - lower > 1e-6:
        return g * noise
    return torch.where(self > 0, g, g * ((lower + upper) / 2))


rule(aten.rrelu_with_noise.default, "∂self = g where self > 0, else g·slope", self=rrelu)

# In place they are the same, but for the number in torch's name of the node.
for changed, same in (
    (aten.leaky_relu_.default, RULES[aten.leaky_relu.default]),
    (aten.threshold_.default, RULES[aten.threshold.default]),
    (aten.rrelu_with_noise_.default, RULES[aten.rrelu_with_noise.default]),
):
    vjps: Any = same.vjps
    rule(changed, same.formula, name=same.node.__name__[:-1] + "1", **vjps)


def elu_(g: Any, result: Any, alpha: Any, scale: Any, input_scale: Any) -> Any:
    low = torch.where(result < 0, result, 0)
    return torch.where(result <= 0, g * input_scale * (low + alpha * scale), g * scale)


rule(
    aten.elu_.default,
    "∂self = g·scale where result > 0, else g·(result + alpha·scale)",
    name="EluBackward1",
    self=elu_,
)
rule(
    aten.celu_.default,
    "∂self = g where result > 0, else g·(result/alpha + 1)",
    name="CeluBackward1",
    self=lambda g, result, alpha: elu_(g, result, alpha, 1, 1 / alpha),
)
