"""Operators that work number by number.

In the order of a pocket calculator: arithmetic, powers, exponentials and logarithms,
trigonometry, conversion. Those that round or choose, of complex numbers, of chance, and the
activations of networks are in files of their own.

For complex numbers a gradient is ∂/∂x + i·∂/∂y, so that `x - lr * grad` goes downhill:
where a function has a complex derivative f', its rule is g times the conjugate of f'.
The formulas leave the conjugation out.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from graphviz_autograd.engine.table import rule

aten = torch.ops.aten


def nothing(g: Any) -> Any:
    """The gradient of what the result does not follow: zeros, as torch has it, not None."""
    return torch.zeros_like(g)


def finer(x: Any) -> Any:
    """Half-precision numbers as float32, for a formula of several steps."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


# ---- arithmetic


def scaled(g: Any, alpha: Any) -> Any:
    return g if alpha == 1 else g * alpha.conjugate()


for add, name in ((aten.add.Tensor, "AddBackward0"), (aten.add.Scalar, "AddBackward1")):
    rule(
        add,
        "∂self = g, ∂other = alpha·g",
        name=name,
        self=lambda g: g,
        other=lambda g, alpha: scaled(g, alpha),
    )

for sub, name in ((aten.sub.Tensor, "SubBackward0"), (aten.sub.Scalar, "SubBackward1")):
    rule(
        sub,
        "∂self = g, ∂other = -alpha·g",
        name=name,
        self=lambda g: g,
        other=lambda g, alpha: -scaled(g, alpha),
    )

for rsub, name in ((aten.rsub.Tensor, "RsubBackward0"), (aten.rsub.Scalar, "RsubBackward1")):
    rule(
        rsub,
        "∂self = -alpha·g, ∂other = g",
        name=name,
        self=lambda g, alpha: -scaled(g, alpha),
        other=lambda g: g,
    )

rule(
    aten.mul.Tensor,
    "∂self = g·other, ∂other = g·self",
    self=lambda g, other: g * other.conj(),
    other=lambda g, self: g * self.conj(),
)
rule(
    aten.mul.Scalar,
    "∂self = g·other",
    name="MulBackward1",
    self=lambda g, other: g * other.conjugate(),
)
rule(
    aten.div.Tensor,
    "∂self = g/other, ∂other = -g·self/other²",
    self=lambda g, other: g / other.conj(),
    other=lambda g, self, other: -g * (self / other / other).conj(),
)
rule(
    aten.div.Scalar,
    "∂self = g/other",
    name="DivBackward1",
    self=lambda g, other: g / other.conjugate(),
)
rule(aten.neg.default, "∂self = -g", self=lambda g: -g)
rule(
    aten.reciprocal.default,
    "∂self = -g·result²",
    self=lambda g, result: -g * (result * result).conj(),
)


def div_self(g: Any, other: Any, rounding_mode: Any) -> Any:
    return g / other if rounding_mode is None else nothing(g)


def div_other(g: Any, self: Any, other: Any, rounding_mode: Any) -> Any:
    return -g * (self / other / other) if rounding_mode is None else nothing(g)


rule(
    aten.div.Tensor_mode,
    "∂self = ∂other = 0 when rounded, else as div",
    name="DivBackward2",
    self=div_self,
    other=div_other,
)
rule(
    aten.div.Scalar_mode, "∂self = 0 when rounded, else g/other", name="DivBackward3", self=div_self
)


def whole(self: Any, other: Any, rounding_mode: Any) -> Any:
    """How often `other` goes into `self`."""
    if isinstance(self, int | float):
        self = torch.full_like(other, self)
    return torch.div(self, other, rounding_mode=rounding_mode)


for remainder in (aten.remainder.Tensor, aten.remainder.Scalar_Tensor):
    rule(
        remainder,
        "∂self = g, ∂other = -g·⌊self/other⌋",
        name="RemainderBackward1",
        self=lambda g: g,
        other=lambda g, self, other: -g * whole(self, other, "floor"),
    )
rule(aten.remainder.Scalar, "∂self = g", self=lambda g: g)
rule(
    aten.fmod.Tensor,
    "∂self = g, ∂other = -g·trunc(self/other)",
    name="FmodBackward1",
    self=lambda g: g,
    other=lambda g, self, other: -g * whole(self, other, "trunc"),
)
rule(aten.fmod.Scalar, "∂self = g", self=lambda g: g)


def refused(g: Any) -> Any:  # noqa: ARG001 - called by name
    raise RuntimeError("derivative for aten::floor_divide is not implemented")


rule(
    aten.floor_divide.default,
    "none, as in torch",
    name="NotImplemented",
    self=refused,
    other=refused,
)
rule(aten.floor_divide.Scalar, "none, as in torch", name="NotImplemented", self=refused)

rule(
    aten.addcmul.default,
    "∂self = g, ∂tensor1 = g·value·tensor2, ∂tensor2 = g·value·tensor1",
    self=lambda g: g,
    tensor1=lambda g, tensor2, value: g * (tensor2 * value).conj(),
    tensor2=lambda g, tensor1, value: g * (tensor1 * value).conj(),
)
rule(
    aten.addcdiv.default,
    "∂self = g, ∂tensor1 = g·value/tensor2, ∂tensor2 = -g·value·tensor1/tensor2²",
    self=lambda g: g,
    tensor1=lambda g, tensor2, value: g * (value / finer(tensor2)).conj(),
    tensor2=lambda g, tensor1, tensor2, value: (
        -g * (value * finer(tensor1) / (finer(tensor2) * tensor2)).conj()
    ),
)
rule(
    aten.lerp.Scalar,
    "∂self = g·(1-weight), ∂end = g·weight",
    self=lambda g, weight: g * (1 - weight.conjugate()),
    end=lambda g, weight: g * weight.conjugate(),
)
rule(
    aten.lerp.Tensor,
    "∂self = g·(1-weight), ∂end = g·weight, ∂weight = g·(end-self)",
    name="LerpBackward1",
    self=lambda g, weight: g * (1 - weight).conj(),
    end=lambda g, weight: g * weight.conj(),
    weight=lambda g, self, end: g * (end - self).conj(),
)

# ---- powers and roots


def pow_self(g: Any, self: Any, exponent: Any) -> Any:
    if isinstance(exponent, int | float | complex):
        if exponent == 0:
            return nothing(g)
        return g * (exponent * self ** (exponent - 1)).conj()
    slope = (exponent * self ** (exponent - 1)).conj()
    return torch.where(exponent == 0, 0, g * slope)


def pow_exponent(g: Any, self: Any, exponent: Any, result: Any) -> Any:
    if isinstance(self, int | float | complex):
        self = torch.as_tensor(self, dtype=result.dtype, device=result.device)
    else:
        self = self.to(result.dtype)  # the logarithm of a negative number may be complex
    flat = (
        exponent >= 0
        if not exponent.is_complex()
        else ((exponent.imag == 0) & (exponent.real >= 0))
    )
    return g * torch.where((self == 0) & flat, 0, (result * self.log()).conj())


rule(aten.pow.Tensor_Scalar, "∂self = g·exponent·self^(exponent-1)", self=pow_self)
rule(
    aten.pow.Tensor_Tensor,
    "∂self = g·exponent·self^(exponent-1), ∂exponent = g·result·log self",
    name="PowBackward1",
    self=pow_self,
    exponent=pow_exponent,
)
rule(aten.pow.Scalar, "∂exponent = g·result·log self", name="PowBackward2", exponent=pow_exponent)
rule(aten.sqrt.default, "∂self = g/(2·result)", self=lambda g, result: g / (2 * result.conj()))
rule(
    aten.rsqrt.default,
    "∂self = -½·g·result³",
    self=lambda g, result: -0.5 * g * (result * result * result).conj(),
)
rule(
    aten.hypot.default,
    "∂self = g·self/result, ∂other = g·other/result",
    self=lambda g, self, result: g * (self / result),
    other=lambda g, other, result: g * (other / result),
)
rule(
    aten.ldexp.Tensor,
    "∂self = g·2^other, ∂other = g·result·log 2",
    self=lambda g, other: g * (2**other).conj(),
    other=lambda g, result: g * result.conj() * math.log(2),
)
rule(aten.frexp.Tensor, "∂self = g·2^-exponent", self=lambda g, result1: g / result1.exp2())

# ---- exponentials and logarithms

rule(aten.exp.default, "∂self = g·result", self=lambda g, result: g * result.conj())
rule(
    aten.exp2.default,
    "∂self = g·result·log 2",
    self=lambda g, result: g * result.conj() * math.log(2),
)
rule(aten.expm1.default, "∂self = g·(result+1)", self=lambda g, result: g * (result.conj() + 1))
rule(aten.log.default, "∂self = g/self", self=lambda g, self: g / self.conj())
rule(
    aten.log2.default,
    "∂self = g/(self·log 2)",
    self=lambda g, self: g / (self.conj() * math.log(2)),
)
rule(
    aten.log10.default,
    "∂self = g/(self·log 10)",
    self=lambda g, self: g / (self.conj() * math.log(10)),
)
rule(aten.log1p.default, "∂self = g/(self+1)", self=lambda g, self: g / (self + 1).conj())
rule(
    aten.logaddexp.default,
    "∂self = g/(1+e^(other-self)), ∂other = g/(1+e^(self-other))",
    self=lambda g, self, other: g / (1 + torch.exp(other - self)).conj(),
    other=lambda g, self, other: g / (1 + torch.exp(self - other)).conj(),
)
rule(
    aten.logaddexp2.default,
    "∂self = g/(1+2^(other-self)), ∂other = g/(1+2^(self-other))",
    self=lambda g, self, other: g / (1 + torch.exp2(other - self)).conj(),
    other=lambda g, self, other: g / (1 + torch.exp2(self - other)).conj(),
)

# ---- trigonometry

rule(aten.sin.default, "∂self = g·cos self", self=lambda g, self: g * self.cos().conj())
rule(aten.cos.default, "∂self = -g·sin self", self=lambda g, self: -g * self.sin().conj())
rule(
    aten.tan.default,
    "∂self = g·(1+result²)",
    self=lambda g, result: g * (1 + result * result).conj(),
)
rule(
    aten.asin.default,
    "∂self = g/√(1-self²)",
    self=lambda g, self: g * (1 - self * self).rsqrt().conj(),
)
rule(
    aten.acos.default,
    "∂self = -g/√(1-self²)",
    self=lambda g, self: -g * (1 - self * self).rsqrt().conj(),
)
rule(aten.atan.default, "∂self = g/(1+self²)", self=lambda g, self: g / (1 + self * self).conj())


def around_origin(value: Any, x: Any, y: Any) -> Any:
    """value/(x²+y²), and 0 at the origin, where there is no angle."""
    x, y = finer(x), finer(y)
    return torch.where((x == 0) & (y == 0), 0, value / (x * x + y * y))


rule(
    aten.atan2.default,
    "∂self = g·other/(self²+other²), ∂other = -g·self/(self²+other²)",
    self=lambda g, self, other: around_origin(finer(g) * other, self, other),
    other=lambda g, self, other: around_origin(finer(-g) * self, self, other),
)
rule(aten.sinh.default, "∂self = g·cosh self", self=lambda g, self: g * self.cosh().conj())
rule(aten.cosh.default, "∂self = g·sinh self", self=lambda g, self: g * self.sinh().conj())


def tanh(g: Any, result: Any) -> Any:
    g, result = finer(g), finer(result)
    return g - g * (result * result).conj()


rule(aten.tanh.default, "∂self = g·(1-result²)", self=tanh)
rule(
    aten.asinh.default,
    "∂self = g/√(self²+1)",
    self=lambda g, self: g * (self * self + 1).rsqrt().conj(),
)


def acosh(g: Any, self: Any) -> Any:
    if self.is_complex():  # there, √a·√b is not √(a·b)
        return g * ((self - 1).rsqrt() * (self + 1).rsqrt()).conj()
    return g * (self * self - 1).rsqrt()


rule(aten.acosh.default, "∂self = g/(√(self-1)·√(self+1))", self=acosh)
rule(aten.atanh.default, "∂self = g/(1-self²)", self=lambda g, self: g / (1 - self * self).conj())
rule(aten.deg2rad.default, "∂self = g·π/180", self=lambda g: g * (math.pi / 180))
rule(aten.rad2deg.default, "∂self = g·180/π", self=lambda g: g * (180 / math.pi))

# ---- conversion

rule(aten._to_copy.default, "∂self = g, as self's dtype", self=lambda g: g)
