"""Fourier transforms: linear, so the gradient is transformed the other way.

`normalization` says where the factor goes, and the same factor goes with the gradient.
"""

from __future__ import annotations

from typing import Any

import torch

from graphviz_autograd.engine.table import rule

aten = torch.ops.aten


def _real_to_complex(
    g: Any, self_sym_sizes: Any, dim: Any, normalization: int, onesided: bool
) -> Any:
    if onesided:
        missing = self_sym_sizes[dim[-1]] - g.shape[dim[-1]]
        shape = list(g.shape)
        shape[dim[-1]] = missing
        g = torch.cat([g, torch.zeros(shape, dtype=g.dtype, device=g.device)], dim[-1])
    return aten._fft_c2c(g, dim, normalization, False).real


def _complex_to_real(g: Any, dim: Any, normalization: int, last_dim_size: int) -> Any:
    half = aten._fft_r2c(g, dim, normalization, True)
    weight = torch.full((half.shape[dim[-1]],), 2.0, dtype=g.dtype, device=g.device)
    weight[0] = 1.0
    if last_dim_size % 2 == 0:
        weight[-1] = 1.0
    return half * weight.reshape(-1, *[1] * (half.ndim - 1 - dim[-1] % half.ndim))


rule(
    aten._fft_c2c.default,
    "∂self = the inverse transform of g",
    self=lambda g, dim, normalization, forward: aten._fft_c2c(g, dim, normalization, not forward),
)
rule(
    aten._fft_r2c.default,
    "∂self = Re of the inverse transform of g, filled up with zeros",
    self=_real_to_complex,
)
rule(
    aten._fft_c2r.default,
    "∂self = the transform of g, twice where two frequencies were one",
    self=_complex_to_real,
)
