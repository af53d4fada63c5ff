"""Losses: how far off a prediction is, and which way to move it.

`reduction` is 0 for the loss of each number, 1 for their mean, 2 for their sum.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import logsigmoid

from graphviz_autograd.engine.table import rule

aten = torch.ops.aten


def _each(g: Any, reduction: int, losses: Any) -> Any:
    """The gradient for every single loss; `losses` has as many numbers as there are losses."""
    return g / losses.shape.numel() if reduction == 1 else g


# ---- regression: d = self - target, ∂target = -∂self


def _mse(g: Any, self: Any, target: Any, reduction: int) -> Any:
    d = self - target
    return _each(g, reduction, d) * 2 * d


def _smooth_l1(g: Any, self: Any, target: Any, reduction: int, beta: float) -> Any:
    d = self - target
    return _each(g, reduction, d) * torch.where(d.abs() < beta, d / beta, d.sign())


def _huber(g: Any, self: Any, target: Any, reduction: int, delta: float) -> Any:
    d = self - target
    return _each(g, reduction, d) * torch.where(d.abs() < delta, d, d.sign() * delta)


rule(
    aten.mse_loss.default,
    "∂self = 2·g·d",
    self=_mse,
    target=lambda g, self, target, reduction: -_mse(g, self, target, reduction),
)
rule(
    aten.smooth_l1_loss.default,
    "∂self = g·d/beta where |d| < beta, else g·sign(d)",
    self=_smooth_l1,
    target=lambda g, self, target, reduction, beta: -_smooth_l1(g, self, target, reduction, beta),
)
rule(
    aten.huber_loss.default,
    "∂self = g·d where |d| < delta, else g·delta·sign(d)",
    self=_huber,
    target=lambda g, self, target, reduction, delta: -_huber(g, self, target, reduction, delta),
)


# ---- two classes


def _weighted(g: Any, reduction: int, losses: Any, weight: Any) -> Any:
    g = _each(g, reduction, losses)
    return g if weight is None else g * weight


def _cross_entropy_logits(
    g: Any, self: Any, target: Any, weight: Any, pos_weight: Any, reduction: int
) -> Any:
    positive = target if pos_weight is None else target * pos_weight
    slope = (positive + 1 - target) * self.sigmoid() - positive
    return _weighted(g, reduction, self, weight) * slope


def _cross_entropy_logits_target(
    g: Any, self: Any, weight: Any, pos_weight: Any, reduction: int
) -> Any:
    g = _weighted(g, reduction, self, weight)
    if pos_weight is None:
        return -g * self
    return g * (logsigmoid(-self) - pos_weight * logsigmoid(self))


rule(
    aten.binary_cross_entropy.default,
    "∂self = g·(self - target)/(self·(1 - self)), ∂target = g·(log(1 - self) - log(self))",
    self=lambda g, self, target, weight, reduction: (
        _weighted(g, reduction, self, weight)
        * ((self - target) / (self * (1 - self)).clamp(min=1e-12))
    ),
    target=lambda g, self, weight, reduction: (
        _weighted(g, reduction, self, weight) * (torch.log1p(-self) - self.log())
    ),
)
rule(
    aten.binary_cross_entropy_with_logits.default,
    "∂self = g·(sigmoid(self) - target), ∂target = -g·self",
    self=_cross_entropy_logits,
    target=_cross_entropy_logits_target,
)
rule(
    aten.soft_margin_loss.default,
    "∂self = -g·target·sigmoid(-target·self)",
    self=lambda g, self, target, reduction: (
        -_each(g, reduction, self) * target * torch.sigmoid(-target * self)
    ),
)


# ---- many classes


def _nll(
    g: Any,
    self_sym_sizes: Any,
    target: Any,
    weight: Any,
    reduction: int,
    ignore_index: int,
    result1: Any,
) -> Any:
    """-g, weighted, in the place of each target; result1 is the sum of the weights used."""
    dim = min(len(self_sym_sizes) - 1, 1)
    used = target != ignore_index
    place = torch.where(used, target, 0)
    g = -(g / result1 if reduction == 1 else g)
    if weight is not None:
        g = g * weight[place]
    # Where everything is ignored, g is 0/0: it must not spread.
    values = torch.where(used, g, torch.zeros((), dtype=g.dtype, device=g.device))
    blank = torch.zeros(self_sym_sizes, dtype=g.dtype, device=g.device)
    return torch.scatter(blank, dim, place.unsqueeze(dim), values.unsqueeze(dim))


rule(
    aten.nll_loss_forward.default,
    "∂self = -g·weight in the place of target",
    name="NllLossBackward0",
    outputs=(0,),
    self=_nll,
)
rule(
    aten.nll_loss2d_forward.default,
    "∂self = -g·weight in the place of target",
    name="NllLoss2DBackward0",
    outputs=(0,),
    self=_nll,
)


def _multi_margin(
    g: Any, self: Any, target: Any, p: float, margin: float, weight: Any, reduction: int
) -> Any:
    x, y = self.reshape(-1, self.shape[-1] if self.ndim else 1), target.reshape(-1, 1)
    gap = margin - x.gather(1, y) + x
    over = (gap > 0).scatter(1, y, False)
    slope = over * (gap * 2 if p == 2 else torch.ones_like(gap)) / x.shape[1]
    if weight is not None:
        slope = slope * weight[y]
    slope = slope.scatter_add(1, y, -slope.sum(1, keepdim=True))
    return (_each(g, reduction, y).reshape(-1, 1) * slope).reshape(self.shape)


rule(
    aten.multi_margin_loss.default,
    "∂self = p·g·z^(p-1)/n where z = margin - self[target] + self > 0, minus their sum at target",
    self=_multi_margin,
)


def _multilabel_margin(g: Any, self: Any, target: Any, reduction: int, result1: Any) -> Any:
    x = self.reshape(-1, self.shape[-1] if self.ndim else 1)
    y = target.reshape(x.shape)
    listed = (y >= 0).cumprod(1)
    y = y.clamp(min=0)
    gap = 1 - x.gather(1, y).unsqueeze(2) + x.unsqueeze(1)
    others = (1 - result1.reshape(x.shape)).unsqueeze(1)
    over = (gap > 0) * listed.unsqueeze(2) * others / x.shape[1]
    slope = over.sum(1).scatter_add(1, y, -over.sum(2))
    return (_each(g, reduction, x[:, :1]).reshape(-1, 1) * slope).reshape(self.shape)


rule(
    aten.multilabel_margin_loss_forward.default,
    "∂self = g/n for each pair of a label and another number too near it, minus that at the label",
    name="MultilabelMarginLossBackward0",
    outputs=(0,),
    self=_multilabel_margin,
)


# ---- sequences

for _op, _name in ((aten._ctc_loss.default, "CtcLossBackward0"), (aten._ctc_loss.Tensor, "")):
    rule(
        _op,
        "∂log_probs: from the forward and the backward variables, by torch's kernel",
        name=_name or "CtcLossBackward1",
        kernel=True,
        outputs=(0,),
        log_probs=lambda g, log_probs, targets, input_lengths, target_lengths, blank, result0, result1, zero_infinity: (  # noqa: E501
            aten._ctc_loss_backward(
                g,
                log_probs,
                targets,
                input_lengths,
                target_lengths,
                result0,
                result1,
                blank,
                zero_infinity,
            )
        ),
    )
