"""Losses: how far off a prediction is, and which way to move it.

`reduction` is 0 for the loss of each number, 1 for their mean, 2 for their sum.
"""

from __future__ import annotations

import contextlib
import importlib
import math
from typing import Any

import torch
from torch.nn.functional import logsigmoid

from graphviz_autograd.engine import modes
from graphviz_autograd.engine.rules.elementwise import finer
from graphviz_autograd.engine.table import rule
from graphviz_autograd.errors import UnsupportedOperator

aten = torch.ops.aten


def _each(g: Any, reduction: int, losses: Any) -> Any:
    """The gradient for every single loss; `losses` has as many numbers as there are losses."""
    return g / losses.shape.numel() if reduction == 1 else g


# ---- regression


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
    "d = self - target: ∂self = 2·g·d, ∂target = -∂self",
    self=_mse,
    target=lambda g, self, target, reduction: -_mse(g, self, target, reduction),
)
rule(
    aten.smooth_l1_loss.default,
    "d = self - target: ∂self = g·d/beta where |d| < beta, else g·sign(d); ∂target = -∂self",
    self=_smooth_l1,
    target=lambda g, self, target, reduction, beta: -_smooth_l1(g, self, target, reduction, beta),
)
rule(
    aten.huber_loss.default,
    "d = self - target: ∂self = g·d where |d| < delta, else g·delta·sign(d); ∂target = -∂self",
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
    g, self, target = finer(g), finer(self), finer(target)
    positive = target if pos_weight is None else target * pos_weight
    slope = (positive + 1 - target) * self.sigmoid() - positive
    return _weighted(g, reduction, self, weight) * slope


def _cross_entropy_logits_target(
    g: Any, self: Any, weight: Any, pos_weight: Any, reduction: int
) -> Any:
    g, self = _weighted(finer(g), reduction, self, weight), finer(self)
    if pos_weight is None:
        return -g * self
    return g * (logsigmoid(-self) - pos_weight * logsigmoid(self))


rule(
    aten.binary_cross_entropy.default,
    "∂self = g·(self - target)/(self·(1 - self)), ∂target = g·(log(1 - self) - log(self))",
    self=lambda g, self, target, weight, reduction: (
        _weighted(finer(g), reduction, self, weight)
        * ((finer(self) - target) / (finer(self) * (1 - finer(self))).clamp(min=1e-12))
    ),
    target=lambda g, self, weight, reduction: (
        _weighted(finer(g), reduction, self, weight)
        * (torch.log1p(-finer(self)) - finer(self).log())
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


def _labels(targets: Any, lengths: Any, width: int, blank: int) -> Any:
    """The targets of a batch with a blank before, between and behind: b t b t b."""
    places = torch.arange((width - 1) // 2, device=targets.device).expand(len(lengths), -1)
    if targets.ndim == 1:  # one behind the other
        places = places + (lengths.cumsum(0) - lengths).unsqueeze(1)
        targets = torch.nn.functional.pad(targets, (0, 1)).expand(len(lengths), -1)
    labels = torch.full((len(lengths), width), blank, device=targets.device)
    found = targets.gather(1, places.clamp(max=targets.shape[1] - 1))
    own = torch.arange((width - 1) // 2, device=targets.device) < lengths.unsqueeze(1)
    labels[:, 1::2] = torch.where(own, found, blank)
    return labels


def _suffixes(emitted: Any, may_skip: Any, steps: Any, last: Any) -> Any:
    """At each time and label, the log of how likely the rest of the targets is from there on.

    From a label the next time has the same, the next, or, past a blank, the one after that.
    """
    nothing = torch.full_like(emitted[0], -math.inf)
    found, rest = [], nothing
    for time in reversed(range(len(emitted))):
        after = torch.nn.functional.pad(rest, (0, 2), value=-math.inf)
        skipped = torch.where(may_skip, after[:, 2:], nothing)
        rest = torch.stack([rest, after[:, 1:-1], skipped]).logsumexp(0)
        rest = torch.where(time == steps - 1, torch.where(last, 0, nothing), rest) + emitted[time]
        found.append(rest)
    return torch.stack(found[::-1])


def _ctc(
    g: Any,
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int,
    result0: Any,
    result1: Any,
    zero_infinity: bool,
) -> Any:
    """result1 holds, as _suffixes does for what follows, how likely the targets up to there are."""
    if modes.is_grad_enabled():
        raise UnsupportedOperator("the engine has no second derivatives of the CTC loss")
    width, device = result1.shape[2], log_probs.device
    steps, lengths = (
        torch.as_tensor(value, device=device).reshape(-1, 1)
        for value in (input_lengths, target_lengths)
    )
    labels = _labels(targets.to(device).long(), lengths.squeeze(1), width, blank)
    place = torch.arange(width, device=device)
    other = torch.nn.functional.pad(labels, (0, 2), value=blank)[:, 2:] != labels
    last = (place == 2 * lengths) | (place == 2 * lengths - 1)
    emitted = log_probs.gather(2, labels.expand(len(log_probs), -1, -1))
    suffixes = _suffixes(emitted, other & (place % 2 == 1), steps, last)
    times = torch.arange(len(log_probs), device=device).reshape(-1, 1, 1)
    real = (times < steps) & (place <= 2 * lengths)
    likely = (result1.transpose(0, 1) + suffixes - emitted + result0.unsqueeze(1)).exp()
    likely = torch.where(real, likely, 0)
    expected = torch.zeros_like(log_probs).scatter_add(2, labels.expand_as(likely), likely)
    found = torch.where(times < steps, (log_probs.exp() - expected) * g.unsqueeze(1), 0)
    return torch.where(result0.unsqueeze(1).isinf(), 0, found) if zero_infinity else found


# As in torch, right where log_probs are logarithms of probabilities, as log_softmax gives them.
for _op, _name in (
    (aten._ctc_loss.default, "CtcLossBackward0"),
    (aten._ctc_loss.Tensor, "CtcLossBackward1"),
):
    rule(
        _op,
        "∂log_probs = g·(e^log_probs - how likely a label is at a time, given the targets)",
        name=_name,
        outputs=(0,),
        log_probs=_ctc,
    )


# ---- a linear layer and the cross entropy of what it gives, in one


def _logits(
    g: Any,
    input: Any,
    linear_weight: Any,
    target: Any,
    linear_bias: Any,
    weight: Any,
    ignore_index: int,
    reduction: str,
) -> Any:
    """The gradient of the logits, which are input·linear_weightᵀ + linear_bias."""
    logits = finer(input) @ finer(linear_weight).mT
    if linear_bias is not None:
        logits = logits + linear_bias
    used = target != ignore_index
    place = torch.where(used, target, 0)
    share = used.to(logits.dtype) if weight is None else finer(weight)[place] * used
    if reduction == "mean":
        share = share / share.sum()
    hit = torch.zeros_like(logits).scatter(1, place.unsqueeze(1), 1)
    return (g * share).unsqueeze(1) * (logits.softmax(1) - hit)


def _through_logits(part: Any) -> tuple[Any, Any]:
    """From the gradient h of the logits on; for the operator that reduces and that which does not.

    `part(h, input, linear_weight)` is the gradient of one of the arguments.
    """

    def reduced(
        g: Any,
        input: Any,
        linear_weight: Any,
        target: Any,
        linear_bias: Any,
        weight: Any,
        ignore_index: int,
        reduction: str,
    ) -> Any:
        h = _logits(g, input, linear_weight, target, linear_bias, weight, ignore_index, reduction)
        return part(h, finer(input), finer(linear_weight))

    def each(
        g: Any,
        input: Any,
        linear_weight: Any,
        target: Any,
        linear_bias: Any,
        weight: Any,
        ignore_index: int,
    ) -> Any:
        return reduced(g, input, linear_weight, target, linear_bias, weight, ignore_index, "none")

    return reduced, each


PARTS = {
    "input": _through_logits(lambda h, _, w: h @ w),
    "linear_weight": _through_logits(lambda h, x, _: h.mT @ x),
    "linear_bias": _through_logits(lambda h, *_: h.sum(0)),
}

# torch makes these operators when a module of its own is imported; older ones have none.
with contextlib.suppress(ImportError):
    importlib.import_module("torch.nn.modules.linear_cross_entropy")

for _number, _name in enumerate(("chunked", "chunked_no_reduction")):
    _packet = getattr(torch.ops.torch_nn, f"_linear_cross_entropy_batch_{_name}", None)
    if _packet is not None:
        rule(
            _packet.default,
            "h = g·(softmax(logits) - one at target): "
            "∂input = h·linear_weight, ∂linear_weight = hᵀ·input, ∂linear_bias = Σ h",
            name=f"GeneratedBackwardFor_torch_nn_{_packet.__name__}_defaultBackward",
            outputs=(0,),
            **{argument: vjps[_number] for argument, vjps in PARTS.items()},
        )
