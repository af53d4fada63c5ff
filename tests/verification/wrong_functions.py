"""Custom Functions with a right and a wrong backward.

Each is (name, shapes of its inputs, forward, right backward, wrong backward); a backward takes
the cotangent and all inputs.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere


def _layer_norm(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    centred = x - x.mean(-1, keepdim=True)
    factor = (centred.pow(2).mean(-1, keepdim=True) + 1e-5).rsqrt()
    return centred * factor, factor


def _layer_norm_back(g: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    n, factor = _layer_norm(x)
    mean = g.mean(-1, keepdim=True)
    return factor * (g - mean - n * (g * n).mean(-1, keepdim=True))


def _softmax_back(g: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    s = x.softmax(-1)
    return s * (g - (g * s).sum(-1, keepdim=True))


def _first_largest(g: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(x).scatter(-1, x.argmax(-1, keepdim=True), g[..., None])


PAIRS: list[tuple[str, tuple[tuple[int, ...], ...], Any, Any, Any]] = [
    ("Sign", ((3, 4),), lambda x: 3 * x, lambda g, x: 3 * g, lambda g, x: -3 * g),
    ("Factor", ((3, 4),), lambda x: x * x, lambda g, x: 2 * g * x, lambda g, x: g * x),
    (
        "MissingTerm",
        ((3, 4),),
        lambda x: x * x.sin(),
        lambda g, x: g * (x.sin() + x * x.cos()),
        lambda g, x: g * x * x.cos(),
    ),
    (
        "Transposed",
        ((4, 4), (4, 4)),
        lambda a, b: a @ b,
        lambda g, a, b: (g @ b.mT, a.mT @ g),
        lambda g, a, b: (g @ b, a.mT @ g),
    ),
    (
        "TransposedResult",
        ((4, 4),),
        lambda a: a @ a.mT,
        lambda g, a: (g + g.mT) @ a,
        lambda g, a: ((g + g.mT) @ a).mT,
    ),
    (
        "Detached",
        ((3, 4), (3, 4)),
        lambda a, b: a * b.exp(),
        lambda g, a, b: (g * b.exp(), g * a * b.exp()),
        lambda g, a, b: (g * b.exp(), torch.zeros_like(b)),
    ),
    (
        "ReturnedNone",
        ((3, 4), (3, 4)),
        lambda a, b: a * b,
        lambda g, a, b: (g * b, g * a),
        lambda g, a, b: (g * b, None),
    ),
    (
        "Swapped",
        ((3, 4), (3, 4)),
        lambda a, b: a / b,
        lambda g, a, b: (g / b, -g * a / (b * b)),
        lambda g, a, b: (-g * a / (b * b), g / b),
    ),
    (
        "BroadcastNotSummed",
        ((3, 4), (4,)),
        lambda x, bias: x + bias,
        lambda g, x, bias: (g, g.sum(0)),
        lambda g, x, bias: (g, g[0]),
    ),
    (
        "MeanForSum",
        ((3, 4), (4,)),
        lambda x, bias: x * bias,
        lambda g, x, bias: (g * bias, (g * x).sum(0)),
        lambda g, x, bias: (g * bias, (g * x).mean(0)),
    ),
    (
        "NegativesOnly",
        ((5, 6),),
        lambda x: x.abs(),
        lambda g, x: g * x.sign(),
        lambda g, x: g,
    ),
    (
        "OneElement",
        ((8, 8),),
        lambda x: x.tanh(),
        lambda g, x: g * (1 - x.tanh() ** 2),
        lambda g, x: (g * (1 - x.tanh() ** 2)).index_fill(
            1, torch.tensor([5], device=x.device), 0.5
        ),
    ),
    (
        "Clamped",
        ((6, 6),),
        lambda x: x.clamp(-0.5, 0.5),
        lambda g, x: g * (x.abs() <= 0.5),
        lambda g, x: g,
    ),
    (
        "Softmax",
        ((3, 5),),
        lambda x: x.softmax(-1),
        _softmax_back,
        lambda g, x: x.softmax(-1) * g,
    ),
    (
        "LayerNorm",
        ((3, 5),),
        lambda x: _layer_norm(x)[0],
        _layer_norm_back,
        lambda g, x: _layer_norm(x)[1] * (g - g.mean(-1, keepdim=True)),
    ),
    (
        "LogSumExp",
        ((3, 5),),
        lambda x: x.logsumexp(-1),
        lambda g, x: g[:, None] * x.softmax(-1),
        lambda g, x: g[:, None] * x.exp(),
    ),
    (
        "SavedResult",
        ((3, 4),),
        lambda x: x.sin(),
        lambda g, x: g * x.cos(),
        lambda g, x: g * x.sin().cos(),
    ),
    (
        "Largest",
        ((3, 5),),
        lambda x: x.amax(-1),
        _first_largest,
        lambda g, x: g[:, None].expand_as(x),
    ),
    (
        "Sqrt",
        ((3, 4),),
        lambda x: (x * x + 1).sqrt(),
        lambda g, x: g * x / (x * x + 1).sqrt(),
        lambda g, x: g * x * (x * x + 1).sqrt(),
    ),
    (
        "CumulativeSum",
        ((3, 5),),
        lambda x: x.cumsum(-1),
        lambda g, x: g.flip(-1).cumsum(-1).flip(-1),
        lambda g, x: g.cumsum(-1),
    ),
    (
        "Rolled",
        ((3, 5),),
        lambda x: x.roll(1, -1) * 2,
        lambda g, x: g.roll(-1, -1) * 2,
        lambda g, x: g.roll(1, -1) * 2,
    ),
    (
        "Concatenated",
        ((3, 2), (3, 2)),
        lambda a, b: torch.cat([a, b], 1) * 2,
        lambda g, a, b: (2 * g[:, :2], 2 * g[:, 2:]),
        lambda g, a, b: (2 * g[:, :2], 2 * g[:, 1:3]),
    ),
    (
        "Variance",
        ((3, 5),),
        lambda x: x.var(-1),
        lambda g, x: g[:, None] * 2 * (x - x.mean(-1, keepdim=True)) / 4,
        lambda g, x: g[:, None] * 2 * (x - x.mean(-1, keepdim=True)) / 5,
    ),
    (
        "Gelu",
        ((4, 4),),
        lambda x: x * torch.sigmoid(1.702 * x),
        lambda g, x: g * (s := torch.sigmoid(1.702 * x)) * (1 + 1.702 * x * (1 - s)),
        lambda g, x: g * (s := torch.sigmoid(1.702 * x)) * (1 + x * (1 - s)),
    ),
    (
        "Bilinear",
        ((3, 4), (4, 5), (3, 5)),
        lambda a, w, b: ((a @ w) * b).sum(-1),
        lambda g, a, w, b: (
            (g[:, None] * b) @ w.mT,
            a.mT @ (g[:, None] * b),
            g[:, None] * (a @ w),
        ),
        lambda g, a, w, b: (
            (g[:, None] * b) @ w.mT,
            a.mT @ b,
            g[:, None] * (a @ w),
        ),
    ),
    (
        "Convolution",
        ((1, 2, 6, 6), (3, 2, 3, 3)),
        lambda x, w: F.conv2d(x, w, padding=1),
        lambda g, x, w: (
            torch.nn.grad.conv2d_input(x.shape, w, g, padding=1),
            torch.nn.grad.conv2d_weight(x, w.shape, g, padding=1),
        ),
        lambda g, x, w: (
            torch.nn.grad.conv2d_input(x.shape, w.flip(-1), g, padding=1),
            torch.nn.grad.conv2d_weight(x, w.shape, g, padding=1),
        ),
    ),
]
