"""Special functions: the error function and its kin, gamma, Bessel, entropy."""

from __future__ import annotations

import math
from typing import Any

import torch

from graphviz_autograd.engine.table import rule

aten = torch.ops.aten
special = torch.special

# ---- the error function and the normal distribution

rule(
    aten.erf.default,
    "∂self = g·2/√π·e^(-self²)",
    self=lambda g, self: g * (2 / math.sqrt(math.pi)) * torch.exp(-self * self),
)
rule(
    aten.erfc.default,
    "∂self = -g·2/√π·e^(-self²)",
    self=lambda g, self: g * (-2 / math.sqrt(math.pi)) * torch.exp(-self * self),
)
rule(
    aten.special_erfcx.default,
    "∂self = g·(2·self·result - 2/√π)",
    self=lambda g, self, result: g * (2 * self * result - 2 / math.sqrt(math.pi)),
)
rule(
    aten.erfinv.default,
    "∂self = g·√π/2·e^(erfinv(self)²)",
    self=lambda g, self: g * (math.sqrt(math.pi) / 2) * torch.exp(torch.erfinv(self).square()),
)
rule(
    aten.special_ndtri.default,
    "∂self = g·√(2π)·e^(result²/2)",
    self=lambda g, result: g * math.sqrt(2 * math.pi) * torch.exp(result * result / 2),
)
rule(
    aten.special_log_ndtr.default,
    "∂self = g·e^(-self²/2 - result)/√(2π)",
    self=lambda g, self, result: g / math.sqrt(2 * math.pi) * torch.exp(-result - self * self / 2),
)

# ---- gamma

rule(aten.lgamma.default, "∂self = g·ψ(self)", self=lambda g, self: g * torch.digamma(self))
rule(aten.digamma.default, "∂self = g·ψ′(self)", self=lambda g, self: g * torch.polygamma(1, self))
rule(
    aten.polygamma.default,
    "∂self = g·ψ⁽ⁿ⁺¹⁾(self)",
    self=lambda g, n, self: g * torch.polygamma(n + 1, self),
)
rule(
    aten.mvlgamma.default,
    "∂self = g·Σ ψ(self - k/2) for k < p",
    self=lambda g, self, p: g * sum(torch.digamma(self - k / 2) for k in range(p)),
)
rule(
    aten.igamma.default,
    "∂other = g·other^(self-1)·e^(-other)/Γ(self)",
    other=lambda g, self, other: g * gamma_density(self, other),
)
rule(
    aten.igammac.default,
    "∂other = -g·other^(self-1)·e^(-other)/Γ(self)",
    other=lambda g, self, other: -g * gamma_density(self, other),
)
for zeta, name in (
    (aten.special_zeta.default, "SpecialZetaBackward0"),
    (aten.special_zeta.self_scalar, "SpecialZetaBackward1"),
):
    rule(
        zeta,
        "∂other = -g·self·ζ(self+1, other)",
        name=name,
        other=lambda g, self, other: -g * self * special.zeta(self + 1, other),
    )


def gamma_density(shape: Any, x: Any) -> Any:
    return torch.exp((shape - 1) * x.log() - x - torch.lgamma(shape))


# ---- Bessel functions


def near(self: Any) -> Any:
    """Where self is so small that a division by it would be noise."""
    return ~(self.abs() > torch.finfo(self.dtype).eps)


def i1(g: Any, self: Any, result: Any) -> Any:
    slope = torch.i0(self) - result / torch.where(near(self), 1, self)
    return g * torch.where(near(self), 0.5, slope)


def i1e(g: Any, self: Any, result: Any) -> Any:
    slope = special.i0e(self) - result * (
        self.sgn() + torch.where(near(self), 1, self).reciprocal()
    )
    return g * torch.where(near(self), 0.5, slope)


rule(aten.i0.default, "∂self = g·I₁(self)", self=lambda g, self: g * special.i1(self))
rule(
    aten.special_i0e.default,
    "∂self = g·(e^-|self|·I₁(self) - sign self·result)",
    self=lambda g, self, result: g * (special.i1e(self) - self.sgn() * result),
)
rule(aten.special_i1.default, "∂self = g·(I₀(self) - result/self)", self=i1)
rule(
    aten.special_i1e.default,
    "∂self = g·(e^-|self|·I₀(self) - result·(sign self + 1/self))",
    self=i1e,
)

# ---- x·log y and sin x / x


def log_or_nothing(g: Any, self: Any, log: Any, empty: Any) -> Any:
    """g·log, but 0 where self is 0 and the logarithm does not exist."""
    return torch.where((self == 0) & empty, 0, g * log)


def as_tensor(value: Any, like: Any) -> Any:
    return torch.full_like(like, value) if isinstance(value, int | float) else value


def xlogy_self(g: Any, self: Any, other: Any) -> Any:
    other = as_tensor(other, self)
    return log_or_nothing(g, self, other.log(), other <= 0)


def xlog1py_self(g: Any, self: Any, other: Any) -> Any:
    other = as_tensor(other, self)
    return log_or_nothing(g, self, other.log1p(), other <= -1)


for xlogy, name in (
    (aten.xlogy.Tensor, "XlogyBackward0"),
    (aten.xlogy.Scalar_Self, "XlogyBackward1"),
):
    rule(
        xlogy,
        "∂self = g·log other, ∂other = g·self/other",
        name=name,
        self=xlogy_self,
        other=lambda g, self, other: g * self / other,
    )
rule(aten.xlogy.Scalar_Other, "∂self = g·log other", name="XlogyBackward2", self=xlogy_self)
for xlog1py, name in (
    (aten.special_xlog1py.default, "SpecialXlog1PyBackward0"),
    (aten.special_xlog1py.self_scalar, "SpecialXlog1PyBackward1"),
):
    rule(
        xlog1py,
        "∂self = g·log(1+other), ∂other = g·self/(1+other)",
        name=name,
        self=xlog1py_self,
        other=lambda g, self, other: g * self / (other + 1),
    )
rule(
    aten.special_xlog1py.other_scalar,
    "∂self = g·log(1+other)",
    name="SpecialXlog1PyBackward2",
    self=xlog1py_self,
)
rule(
    aten.special_entr.default,
    "∂self = -g·(1 + log self)",
    self=lambda g, self: g * -(1 + self.log()),
)


def sinc(g: Any, self: Any) -> Any:
    turn = math.pi * self
    slope = (turn * turn.cos() - turn.sin()) / (math.pi * (self * self))
    return torch.where(self * self == 0, 0, g * slope.conj())


rule(aten.sinc.default, "∂self = g·(cos πx - sinc x)/x", self=sinc)


def logit(g: Any, self: Any, eps: Any) -> Any:
    low, high = (0, 1) if eps is None else (eps, 1 - eps)
    outside = math.nan if eps is None else 0
    return torch.where((self < low) | (self > high), outside, g / (self * (1 - self)))


rule(aten.logit.default, "∂self = g/(self·(1-self))", self=logit)
