"""Layers of neural networks: softmax, normalisation, shuffles."""

from __future__ import annotations

import math
from typing import Any

import torch

from graphviz_autograd.engine.rules.elementwise import finer
from graphviz_autograd.engine.table import rule

aten = torch.ops.aten


# ---- softmax: result = exp(self) / Σ exp(self)


def softmax_back(g: Any, result: Any, dim: int) -> Any:
    g, result = finer(g), finer(result)
    return result * (g - (g * result).sum(dim, keepdim=True))


def _log_softmax_back(g: Any, result: Any, dim: int) -> Any:
    g = finer(g)
    return g - finer(result).exp() * g.sum(dim, keepdim=True)


rule(
    aten._softmax.default,
    "∂self = result·(g - Σ g·result)",
    self=lambda g, result, dim: softmax_back(g, result, dim),
)
rule(
    aten._safe_softmax.default,
    "∂self = result·(g - Σ g·result)",
    self=lambda g, result, dim: softmax_back(g, result, dim),
)
rule(
    aten._log_softmax.default,
    "∂self = g - e^result·Σ g",
    self=lambda g, result, dim: _log_softmax_back(g, result, dim),
)
rule(
    aten._softmax_backward_data.default,
    "s = output, h = grad_output: ∂h = s·(g - Σ g·s), ∂s = g·(h - Σ h·s) - h·Σ g·s",
    grad_output=lambda g, output, dim: softmax_back(g, output, dim),
    output=lambda g, grad_output, output, dim: (
        g * (grad_output - (grad_output * output).sum(dim, keepdim=True))
        - grad_output * (g * output).sum(dim, keepdim=True)
    ),
)
rule(
    aten._log_softmax_backward_data.default,
    "s = e^output: ∂grad_output = g - Σ g·s, ∂output = -g·s·Σ grad_output",
    grad_output=lambda g, output, dim: g - (g * output.exp()).sum(dim, keepdim=True),
    output=lambda g, grad_output, output, dim: (
        -g * output.exp() * grad_output.sum(dim, keepdim=True)
    ),
)


# ---- normalisation

NORMALISED = (
    "n = (input - mean)·r, r = 1/√(variance + eps): "
    "∂input = r·(g·weight - mean(g·weight) - n·mean(g·weight·n)), "
)


def _normal(x: Any, dims: list[int], eps: float) -> Any:
    """x with mean 0 and variance 1 along dims, and the factor that made it so."""
    centred = finer(x) - finer(x).mean(dims, keepdim=True)
    factor = ((centred * centred).mean(dims, keepdim=True) + eps).rsqrt()
    return centred * factor, factor


def _normal_back(g: Any, x: Any, dims: list[int], eps: float) -> Any:
    """Through the division, and through mean and variance."""
    n, factor = _normal(x, dims, eps)
    return factor * (g - g.mean(dims, keepdim=True) - n * (g * n).mean(dims, keepdim=True))


def _scaled(g: Any, weight: Any) -> Any:
    return finer(g) if weight is None else finer(g) * weight


def _last(shape: Any) -> list[int]:
    return list(range(-len(shape), 0))


rule(
    aten.native_layer_norm.default,
    NORMALISED + "∂weight = g·n, ∂bias = g",
    outputs=(0,),
    input=lambda g, input, normalized_shape, weight, eps: _normal_back(
        _scaled(g, weight), input, _last(normalized_shape), eps
    ),
    weight=lambda g, input, normalized_shape, eps: (
        g * _normal(input, _last(normalized_shape), eps)[0]
    ),
    bias=lambda g: g,
)


def _rms_factor(x: Any, shape: Any, eps: Any) -> Any:
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    return ((finer(x) * finer(x)).mean(_last(shape), keepdim=True) + eps).rsqrt()


def _rms_back(g: Any, input: Any, normalized_shape: Any, weight: Any, eps: Any) -> Any:
    factor = _rms_factor(input, normalized_shape, eps)
    n, g = input * factor, _scaled(g, weight)
    return factor * (g - n * (g * n).mean(_last(normalized_shape), keepdim=True))


rule(
    aten._fused_rms_norm.default,
    "n = input·r, r = 1/√(mean(input²) + eps): "
    "∂input = r·(g·weight - n·mean(g·weight·n)), ∂weight = g·n",
    outputs=(0,),
    input=_rms_back,
    weight=lambda g, input, normalized_shape, eps: (
        g * input * _rms_factor(input, normalized_shape, eps)
    ),
)


def _groups(x: Any, group: int) -> Any:
    return x.reshape(x.shape[0], group, math.prod(x.shape[1:]) // group)


def _channels(x: Any, like: Any) -> Any:
    """One number a channel, in the shape that multiplies a batch of images."""
    return None if x is None else x.reshape(1, -1, *[1] * (like.ndim - 2))


def _group_norm_input(gs: Any, input: Any, weight: Any, group: int, eps: float) -> Any:
    g, g_mean, g_factor = gs
    x = _groups(input, group)
    n, factor = _normal(x, [2], eps)
    found = 0
    if g is not None:
        found = _normal_back(_groups(_scaled(g, _channels(weight, g)), group), x, [2], eps)
    if g_mean is not None:
        found = found + g_mean.unsqueeze(2) / x.shape[2]
    if g_factor is not None:
        found = found - g_factor.unsqueeze(2) * factor * factor * n / x.shape[2]
    return (found * torch.ones_like(x)).reshape(input.shape)


def _group_norm_weight(g: Any, input: Any, group: int, eps: float) -> Any:
    if g is None:
        return None
    n = _normal(_groups(input, group), [2], eps)[0].reshape(input.shape)
    return (g * n).transpose(0, 1).flatten(1).sum(1)


rule(
    aten.native_group_norm.default,
    NORMALISED + "∂weight = Σ g·n, ∂bias = Σ g",
    input=_group_norm_input,
    weight=_group_norm_weight,
    bias=lambda g: None if g is None else g.transpose(0, 1).flatten(1).sum(1),
)


def _batch_dims(x: Any) -> list[int]:
    return [0, *range(2, x.ndim)]


def _batch_normal(input: Any, mean: Any, variance: Any, training: bool, eps: float) -> Any:
    if training:
        return _normal(input, _batch_dims(input), eps)[0]
    mean, variance = _channels(finer(mean), input), _channels(finer(variance), input)
    return (input - mean) * (variance + eps).rsqrt()


def _batch_norm_input(
    g: Any, input: Any, weight: Any, running_var: Any, training: bool, eps: float
) -> Any:
    g = _scaled(g, _channels(weight, g))
    if training:
        return _normal_back(g, input, _batch_dims(input), eps)
    return g * (_channels(finer(running_var), g) + eps).rsqrt()


def _batch_norm_weight(
    g: Any, input: Any, running_mean: Any, running_var: Any, training: bool, eps: float
) -> Any:
    n = _batch_normal(input, running_mean, running_var, training, eps)
    return (g * n).sum(_batch_dims(g))


BATCH_NORM = NORMALISED + "∂weight = Σ g·n, ∂bias = Σ g"

for _op in (aten.native_batch_norm.default, aten._native_batch_norm_legit.default):
    rule(
        _op,
        BATCH_NORM,
        outputs=(0,),
        input=_batch_norm_input,
        weight=_batch_norm_weight,
        bias=lambda g: g.sum(_batch_dims(g)),
    )
rule(
    aten._native_batch_norm_legit.no_stats,
    BATCH_NORM,
    name="NativeBatchNormLegitBackward1",
    outputs=(0,),
    input=lambda g, input, weight, eps: _batch_norm_input(g, input, weight, None, True, eps),
    weight=lambda g, input, eps: _batch_norm_weight(g, input, None, None, True, eps),
    bias=lambda g: g.sum(_batch_dims(g)),
)
rule(
    aten._batch_norm_with_update.default,
    BATCH_NORM,
    outputs=(0,),
    input=lambda g, input, weight, eps: _batch_norm_input(g, input, weight, None, True, eps),
    weight=lambda g, input, eps: _batch_norm_weight(g, input, None, None, True, eps),
    bias=lambda g: g.sum(_batch_dims(g)),
)
rule(
    aten.cudnn_batch_norm.default,
    BATCH_NORM,
    outputs=(0,),
    input=lambda g, input, weight, running_var, training, epsilon: _batch_norm_input(
        g, input, weight, running_var, training, epsilon
    ),
    weight=lambda g, input, running_mean, running_var, training, epsilon: _batch_norm_weight(
        g, input, running_mean, running_var, training, epsilon
    ),
    bias=lambda g: g.sum(_batch_dims(g)),
)


def _per_slice(x: Any, dim: int) -> Any:
    """Sums over all dimensions but one."""
    return x.sum([other for other in range(x.ndim) if other != dim], keepdim=True)


def _weight_norm_v(g: Any, v: Any, dim: int, result0: Any) -> Any:
    square = _per_slice(v * v, dim)
    return _per_slice(result0 * v, dim) / square * (g - v * _per_slice(g * v, dim) / square)


# Its second argument is called g too: s below, and s/|v| = result·v/|v|².
rule(
    aten._weight_norm_interface.default,
    "result = s·v/|v|: ∂v = s/|v|·(g - v·Σ g·v/|v|²), ∂s = Σ g·v/|v|",
    outputs=(0,),
    v=_weight_norm_v,
    g=lambda g, v, dim: _per_slice(g * v, dim) / _per_slice(v * v, dim).sqrt(),
)


# ---- shuffles

rule(
    aten.pixel_shuffle.default,
    "∂self = g shuffled back",
    self=lambda g, upscale_factor: torch.pixel_unshuffle(g, upscale_factor),
)
rule(
    aten.pixel_unshuffle.default,
    "∂self = g shuffled back",
    self=lambda g, downscale_factor: torch.pixel_shuffle(g, downscale_factor),
)
for _op in (aten.channel_shuffle.default, aten.native_channel_shuffle.default):
    rule(
        _op,
        "∂self = g shuffled back",
        self=lambda g, groups: torch.channel_shuffle(g, g.shape[1] // groups),
    )
