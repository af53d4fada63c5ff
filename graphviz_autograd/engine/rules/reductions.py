"""Many numbers into one: sums, products, norms, extremes, sorting and running totals.

Where dimensions were reduced, the gradient first gets them back, of size 1, and is then
spread over the numbers that went in. Those that select (max, median, sort, topk) send it to
the number that was chosen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from graphviz_autograd.engine.rules.elementwise import finer
from graphviz_autograd.engine.rules.shapes import zeros
from graphviz_autograd.engine.table import rule

aten = torch.ops.aten


def _unreduced(t: Any, sizes: Sequence[int], dim: Any = None, keepdim: bool = False) -> Any:
    """What a reduction gave (or its gradient), with the dimensions it lost, of size 1."""
    if keepdim or not sizes:
        return t
    gone = _reduced(sizes, dim)
    return t.reshape([1 if place in gone else n for place, n in enumerate(sizes)])


def _reduced(sizes: Sequence[int], dim: Any) -> list[int]:
    """The dimensions that are reduced: those named, or all."""
    if dim is None or dim == [] or dim == ():
        return list(range(len(sizes)))
    return [place % max(len(sizes), 1) for place in ([dim] if isinstance(dim, int) else dim)]


def _count(sizes: Sequence[int], dim: Any = None) -> int:
    return math.prod(sizes[place] for place in _reduced(sizes, dim)) if sizes else 1


# ---- sums and means


def _sum(g: Any, self_sym_sizes: Any, dim: Any, keepdim: bool) -> Any:
    return _unreduced(g, self_sym_sizes, dim, keepdim).expand(self_sym_sizes)


def _mean(g: Any, self_sym_sizes: Any, dim: Any, keepdim: bool) -> Any:
    count = _count(self_sym_sizes, dim)
    return _sum(g, self_sym_sizes, dim, keepdim) / count


def _nansum(g: Any, self: Any, dim: Any, keepdim: bool) -> Any:
    return _sum(g, self.shape, dim, keepdim) * ~self.isnan()


rule(
    aten.sum.default,
    "∂self = g everywhere",
    self=lambda g, self_sym_sizes: g.expand(self_sym_sizes),
)
rule(aten.sum.dim_IntList, "∂self = g everywhere", name="SumBackward1", self=_sum)
rule(
    aten.mean.default,
    "∂self = g/n everywhere",
    self=lambda g, self_sym_sizes: g.expand(self_sym_sizes) / max(math.prod(self_sym_sizes), 1),
)
rule(aten.mean.dim, "∂self = g/n everywhere", name="MeanBackward1", self=_mean)
rule(aten.nansum.default, "∂self = g, 0 where self is nan", self=_nansum)

# ---- variance


def _var(g: Any, self: Any, dim: Any, correction: Any, keepdim: bool) -> Any:
    freedom = _count(self.shape, dim) - (1 if correction is None else correction)
    infinite = freedom == 0 or (freedom < 0 and dim is None)
    factor = math.inf if infinite else 2 / freedom
    dims = _reduced(self.shape, dim)
    distance = self - self.mean(dims, keepdim=True)
    return factor * _unreduced(g, self.shape, dim, keepdim) * distance


def _std(g: Any, self: Any, result: Any, dim: Any, correction: Any, keepdim: bool) -> Any:
    halved = (g / (2 * result)).masked_fill(result == 0, 0)
    return _var(halved, self, dim, correction, keepdim)


def _var_mean(gs: Any, self: Any, dim: Any, correction: Any, keepdim: bool) -> Any:
    var = None if gs[0] is None else _var(gs[0], self, dim, correction, keepdim)
    mean = None if gs[1] is None else _mean(gs[1], self.shape, dim, keepdim)
    return _total(var, mean)


def _std_mean(gs: Any, self: Any, result0: Any, dim: Any, correction: Any, keepdim: bool) -> Any:
    std = None if gs[0] is None else _std(gs[0], self, result0, dim, correction, keepdim)
    mean = None if gs[1] is None else _mean(gs[1], self.shape, dim, keepdim)
    return _total(std, mean)


def _total(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return b if a is None else a
    return a + b


rule(aten.var.correction, "∂self = g·2·(self - mean) / (n - correction)", self=_var)
rule(aten.std.correction, "∂self = g·(self - mean) / ((n - correction)·result)", self=_std)
rule(
    aten.var_mean.correction, "∂self = g₀·2·(self - mean) / (n - correction) + g₁/n", self=_var_mean
)
rule(
    aten.std_mean.correction,
    "∂self = g₀·(self - mean) / ((n - correction)·std) + g₁/n",
    self=_std_mean,
)

# ---- products


def _prod(g: Any, self: Any, result: Any) -> Any:
    flat = self.reshape(-1)
    return _prod_dim(g, flat, result, 0, False).reshape(self.shape)


def _prod_dim(g: Any, self: Any, result: Any, dim: int, keepdim: bool) -> Any:
    if not self.shape:
        return g
    g, result = (_unreduced(t, self.shape, dim, keepdim) for t in (g, result))
    if bool((self != 0).all()):
        return g * (result / self).conj()
    ones = torch.ones_like(self.narrow(dim, 0, 1))
    last = self.shape[dim] - 1
    before = torch.cat([ones, self.narrow(dim, 0, last)], dim).cumprod(dim)
    after = torch.cat([ones, self.narrow(dim, 1, last).flip(dim)], dim).cumprod(dim).flip(dim)
    return g * (before * after).conj()


def _cumprod(g: Any, self: Any, result: Any, dim: int) -> Any:
    if not self.shape:
        return g
    if bool((self != 0).all()):
        return _sum_to_end(g * result.conj(), dim) / self.conj()
    line = self.movedim(dim, -1)
    length = line.shape[-1]
    itself = torch.eye(length, dtype=torch.bool, device=self.device)
    without = line.unsqueeze(-2).masked_fill(itself, 1).cumprod(-1).triu()
    return (g.movedim(dim, -1).unsqueeze(-2) * without.conj()).sum(-1).movedim(-1, dim)


def _sum_to_end(t: Any, dim: int) -> Any:
    """At each place the sum of what is there and of all that follows."""
    return t.flip(dim).cumsum(dim).flip(dim)


rule(aten.prod.default, "∂self = g·result/self", self=_prod)
rule(aten.prod.dim_int, "∂self = g·result/self", name="ProdBackward1", self=_prod_dim)
rule(aten.cumsum.default, "∂selfᵢ = Σ_{k≥i} gₖ", self=lambda g, dim: _sum_to_end(g, dim))
rule(aten.cumprod.default, "∂selfᵢ = Σ_{k≥i} gₖ·resultₖ/selfᵢ", self=_cumprod)

# ---- logarithms of sums


def _logsumexp(g: Any, self: Any, result: Any, dim: Any, keepdim: bool) -> Any:
    g, result = (_unreduced(t, self.shape, dim, keepdim) for t in (g, result))
    return g * (self - result).exp().conj()


def _logcumsumexp(g: Any, self: Any, result: Any, dim: int) -> Any:
    """exp(self)·Σ_{k≥i} gₖ·exp(-resultₖ), with all sums taken of logarithms."""
    g, self, result = finer(g), finer(self), finer(result)
    if g.dtype.is_complex:
        return _log_sum_to_end(g.conj().log() - result, dim).add(self).exp().conj()
    nothing = torch.full_like(g, torch.finfo(g.dtype).min)  # -inf would make nan at order 2
    up = torch.where(g > 0, g.log(), nothing) - result
    down = torch.where(g < 0, (-g).log(), nothing) - result
    rising, falling = ((_log_sum_to_end(part, dim) + self).exp() for part in (up, down))
    return rising - falling


def _log_sum_to_end(t: Any, dim: int) -> Any:
    return t.flip(dim).logcumsumexp(dim).flip(dim)


rule(aten.logsumexp.default, "∂self = g·exp(self - result)", self=_logsumexp)
rule(aten.logcumsumexp.default, "∂selfᵢ = Σ_{k≥i} gₖ·exp(selfᵢ - resultₖ)", self=_logcumsumexp)

# ---- norms


def norm_vjp(g: Any, self: Any, result: Any, p: float, dim: Any, keepdim: bool) -> Any:
    """The gradient of (Σ|self|^p)^(1/p); 0 where the norm is 0."""
    g, result = (_unreduced(t, self.shape, dim, keepdim) for t in (g, result))
    if p == 0:
        return None
    if p == 1:
        return g * self.sgn()
    if p == 2:
        return g * (self / result).masked_fill(result == 0, 0)
    size = self.abs()
    if math.isinf(p):
        chosen = (size == result) | (size.isnan() & result.isnan())
        shared = chosen.sum(_reduced(self.shape, dim), keepdim=True)
        return self.sgn() * chosen * (g / shared)
    if p < 1:
        scaled = self.sgn() * size.pow(p - 1).masked_fill(self == 0, 0)
        return scaled * g * result.pow(1 - p)
    scale = (g / result.pow(p - 1)).masked_fill(result == 0, 0)
    if p < 2:
        return self.sgn() * size.pow(p - 1).masked_fill(self == 0, 0) * scale
    return self * size.pow(p - 2) * scale


def _p(p: Any) -> float:
    return 2.0 if p is None else float(p)


def _renorm(g: Any, self: Any, p: Any, dim: int, maxnorm: Any) -> Any:
    """Slices longer than maxnorm were scaled by maxnorm / norm, the others left alone."""
    g, self = finer(g), finer(self)
    others = [place for place in range(self.dim()) if place != dim % self.dim()]
    norm = torch.linalg.vector_norm(self, p, others, True)
    inverse = 1 / (norm + 1e-7)
    along = (g * self.conj()).sum(others, keepdim=True).real
    through_norm = norm_vjp(along, self, norm, _p(p), others, True)
    scaled = maxnorm * inverse * (g - inverse * through_norm)
    return torch.where(norm > maxnorm, scaled, g)


rule(
    aten.linalg_vector_norm.default,
    "∂self = g·self·|self|^(ord-2) / result^(ord-1)",
    self=lambda g, self, result, ord, dim, keepdim: norm_vjp(
        g, self, result, _p(ord), dim, keepdim
    ),
)
rule(
    aten.norm.Scalar,
    "∂self = g·self·|self|^(p-2) / result^(p-1)",
    self=lambda g, self, result, p: norm_vjp(g, self, result, _p(p), None, False),
)
rule(
    aten.norm.ScalarOpt_dim,
    "∂self = g·self·|self|^(p-2) / result^(p-1)",
    name="NormBackward1",
    self=lambda g, self, result, p, dim, keepdim: norm_vjp(g, self, result, _p(p), dim, keepdim),
)
rule(
    aten.norm.ScalarOpt_dtype,
    "∂self = g·self·|self|^(p-2) / result^(p-1)",
    name="NormBackward2",
    self=lambda g, self, result, p: norm_vjp(g, self.to(g.dtype), result, _p(p), None, False),
)
rule(
    aten.norm.ScalarOpt_dim_dtype,
    "∂self = g·self·|self|^(p-2) / result^(p-1)",
    name="NormBackward3",
    self=lambda g, self, result, p, dim, keepdim: norm_vjp(
        g, self.to(g.dtype), result, _p(p), dim, keepdim
    ),
)
rule(
    aten.dist.default,
    "∂self = g·d·|d|^(p-2) / result^(p-1), d = self - other, ∂other = -∂self",
    self=lambda g, self, other, result, p: norm_vjp(g, self - other, result, _p(p), None, False),
    other=lambda g, self, other, result, p: norm_vjp(g, other - self, result, _p(p), None, False),
)
rule(
    aten.renorm.default,
    "∂self = g where norm ≤ maxnorm, else through maxnorm·self/norm",
    self=_renorm,
)

# ---- extremes: the gradient goes to the chosen number, in equal parts where several are


def _shared(g: Any, self: Any, result: Any, dim: Any, keepdim: bool) -> Any:
    g, result = (_unreduced(t, self.shape, dim, keepdim) for t in (g, result))
    chosen = self == result
    return chosen * (g / chosen.sum(_reduced(self.shape, dim), keepdim=True))


def _shared_by_all(g: Any, self: Any, result: Any) -> Any:
    """As _shared; where the result is nan, every nan was chosen."""
    chosen = (self == result) | (self.isnan() & result.isnan())
    return torch.where(chosen, g / chosen.sum(), 0)


def _aminmax(gs: Any, self: Any, result0: Any, result1: Any, dim: Any, keepdim: bool) -> Any:
    parts = (
        None if g is None else _shared(g, self, extreme, dim, keepdim)
        for g, extreme in zip(gs, (result0, result1), strict=True)
    )
    return _total(*parts)


def _chosen(g: Any, self_sym_sizes: Any, result1: Any, dim: int, keepdim: bool) -> Any:
    """The gradient goes to the numbers at the indices that the operator gave."""
    g, indices = (_unreduced(t, self_sym_sizes, dim, keepdim) for t in (g, result1))
    return zeros(self_sym_sizes, g).scatter(dim, indices, g)


def _reordered(g: Any, self_sym_sizes: Any, result1: Any, dim: int) -> Any:
    return _chosen(g, self_sym_sizes, result1, dim, True)


def _running(g: Any, self_sym_sizes: Any, result1: Any, dim: int) -> Any:
    return zeros(self_sym_sizes, g).scatter_add(dim, result1, g)


for _op in (aten.amax, aten.amin):
    rule(_op.default, "∂self = g at the extreme, shared among equals", self=_shared)
for _op in (aten.max, aten.min):
    rule(
        _op.default,
        "∂self = g at the extreme, shared among equals",
        name=f"{_op.__name__.capitalize()}Backward1",
        self=_shared_by_all,
    )
    rule(_op.dim, "∂self = g at the chosen index", self=_chosen)
rule(aten.aminmax.default, "∂self = g₀ at the minimum + g₁ at the maximum", self=_aminmax)
for _op, _name in ((aten.median, "MedianBackward"), (aten.nanmedian, "NanmedianBackward")):
    rule(
        _op.default,
        "∂self = g at the median, shared among equals",
        name=_name + "0",
        self=_shared_by_all,
    )
    rule(_op.dim, "∂self = g at the chosen index", name=_name + "1", self=_chosen)
for _op in (aten.mode, aten.kthvalue):
    rule(_op.default, "∂self = g at the chosen index", self=_chosen)
rule(aten.sort.default, "∂self = g, back in the old order", self=_reordered)
rule(aten.sort.stable, "∂self = g, back in the old order", name="SortBackward1", self=_reordered)
rule(aten.topk.default, "∂self = g at the chosen indices", self=_reordered)
for _op in (aten.cummax, aten.cummin):
    rule(_op.default, "∂self = Σ g at the chosen indices", self=_running)
