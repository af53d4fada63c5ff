"""Complex numbers: their parts, angles and directions, and conjugation.

What the gradient of a complex number is, rules/elementwise.py says.
"""

from __future__ import annotations

from typing import Any

import torch

from graphviz_autograd.engine.rules.elementwise import nothing
from graphviz_autograd.engine.table import rule

aten = torch.ops.aten

rule(
    aten.complex.default,
    "∂real = real part of g, ∂imag = imaginary part of g",
    real=lambda g: g.real,
    imag=lambda g: g.imag,
)


def polar_abs(g: Any, angle: Any) -> Any:
    return g * torch.polar(torch.ones_like(angle), -angle)


rule(
    aten.polar.default,
    "∂abs = Re(g·e^(-i·angle)), ∂angle = Re(-i·g·abs·e^(-i·angle))",
    abs=polar_abs,
    angle=lambda g, result: g * (1j * result).conj(),
)
rule(aten.abs.default, "∂self = g·self/|self|", self=lambda g, self: g * self.sgn())


def sgn(g: Any, self: Any, result: Any) -> Any:
    """Only a turn changes the direction of a number: the part of g along it is lost."""
    if not self.is_complex():
        return nothing(g)
    along = (g * result.conj()).real * result
    return torch.where(self == 0, 0, (g - along) / self.abs())


def angle(g: Any, self: Any) -> Any:
    if not self.is_complex():
        return nothing(g)
    return torch.where(self == 0, 0, g * (1j * self / (self * self.conj())))


rule(aten.sgn.default, "∂self = 0 if real, else g's part across result, over |self|", self=sgn)
rule(aten.angle.default, "∂self = 0 if real, else g·i·self/|self|²", self=angle)
rule(
    aten.view_as_real.default,
    "∂self = g as complex numbers",
    self=lambda g: torch.view_as_complex(g.contiguous()),
)
rule(
    aten.view_as_complex.default,
    "∂self = g as pairs of real numbers",
    self=lambda g: torch.view_as_real(g.resolve_conj()),
)
for conj in (aten._conj.default, aten.conj_physical.default, aten._conj_physical.default):
    rule(conj, "∂self = conjugate of g", self=lambda g: g.conj())
rule(aten._neg_view.default, "∂self = -g", self=lambda g: -g)
