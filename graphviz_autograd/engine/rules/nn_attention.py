"""Attention, which a device computes in one operator of its own: result = P·value.

Where torch draws random numbers inside such an operator (dropout), or where several heads
of queries share one of keys, it is taken apart into products and a softmax instead.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from graphviz_autograd.engine.rules.elementwise import finer
from graphviz_autograd.engine.rules.nn import softmax_back
from graphviz_autograd.engine.table import rule, taken_apart
from graphviz_autograd.errors import UnsupportedOperator

aten = torch.ops.aten

ATTENTION = (
    "P = softmax(scale·query·keyᵀ + mask), h = P∘(g·valueᵀ - Σ P∘(g·valueᵀ)): "
    "∂query = scale·h·key, ∂key = scale·hᵀ·query, ∂value = Pᵀ·g, ∂mask = h"
)


class _Attention:
    """What the four gradients are made of: P, h and the scale."""

    def __init__(
        self,
        g: Any,
        query: Any,
        key: Any,
        value: Any,
        mask: Any,
        causal: bool,
        scale: Any,
        dropout: float = 0.0,
    ) -> None:
        if dropout:
            raise UnsupportedOperator(
                "the engine's rule for fused attention knows nothing of its dropout: call "
                "scaled_dot_product_attention on engine tensors, which takes it apart"
            )
        self.scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
        scores = finer(query) @ finer(key).transpose(-1, -2) * self.scale
        if causal:
            below = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
            scores = scores.masked_fill(~below, -math.inf)
        if mask is not None:
            scores = scores + mask
        self.p = aten._safe_softmax.default(scores, -1)
        self.h = softmax_back(finer(g) @ finer(value).transpose(-1, -2), self.p, -1)


def _query(g: Any, query: Any, key: Any, *rest: Any) -> Any:
    found = _Attention(g, query, key, *rest)
    return found.h @ finer(key) * found.scale


def _key(g: Any, query: Any, *rest: Any) -> Any:
    found = _Attention(g, query, *rest)
    return found.h.transpose(-1, -2) @ finer(query) * found.scale


def _value(g: Any, *rest: Any) -> Any:
    return _Attention(g, *rest).p.transpose(-1, -2) @ finer(g)


def _mask(g: Any, *rest: Any) -> Any:
    return _Attention(g, *rest).h


rule(
    aten._scaled_dot_product_flash_attention_for_cpu.default,
    ATTENTION,
    outputs=(0,),
    query=lambda g, query, key, value, attn_mask, is_causal, scale: _query(
        g, query, key, value, attn_mask, is_causal, scale
    ),
    key=lambda g, query, key, value, attn_mask, is_causal, scale: _key(
        g, query, key, value, attn_mask, is_causal, scale
    ),
    value=lambda g, query, key, value, attn_mask, is_causal, scale: _value(
        g, query, key, value, attn_mask, is_causal, scale
    ),
    attn_mask=lambda g, query, key, value, attn_mask, is_causal, scale: _mask(
        g, query, key, value, attn_mask, is_causal, scale
    ),
)
rule(
    aten._scaled_dot_product_flash_attention.default,
    ATTENTION,
    outputs=(0,),
    query=lambda g, query, key, value, dropout_p, is_causal, scale: _query(
        g, query, key, value, None, is_causal, scale, dropout_p
    ),
    key=lambda g, query, key, value, dropout_p, is_causal, scale: _key(
        g, query, key, value, None, is_causal, scale, dropout_p
    ),
    value=lambda g, query, key, value, dropout_p, is_causal, scale: _value(
        g, query, key, value, None, is_causal, scale, dropout_p
    ),
)
WITH_BIAS = (
    aten._scaled_dot_product_efficient_attention.default,
    aten._scaled_dot_product_cudnn_attention.default,
)
for _op in WITH_BIAS:
    rule(
        _op,
        ATTENTION,
        outputs=(0,),
        query=lambda g, query, key, value, attn_bias, dropout_p, is_causal, scale: _query(
            g, query, key, value, attn_bias, is_causal, scale, dropout_p
        ),
        key=lambda g, query, key, value, attn_bias, dropout_p, is_causal, scale: _key(
            g, query, key, value, attn_bias, is_causal, scale, dropout_p
        ),
        value=lambda g, query, key, value, attn_bias, dropout_p, is_causal, scale: _value(
            g, query, key, value, attn_bias, is_causal, scale, dropout_p
        ),
        attn_bias=lambda g, query, key, value, attn_bias, dropout_p, is_causal, scale: _mask(
            g, query, key, value, attn_bias, is_causal, scale, dropout_p
        ),
    )


# ---- taken apart, where the operator's own way would hide something


def _apart(
    op: Any, query: Any, key: Any, value: Any, bias: Any, dropout: float, causal: bool, scale: Any
) -> Any:
    """Only the first result is made; torch looks at no other."""
    shared = query.shape[-3] != key.shape[-3]
    if not dropout and not shared:
        return NotImplemented
    result, _ = aten._scaled_dot_product_attention_math.default(
        query, key, value, bias, dropout, causal, scale=scale, enable_gqa=shared
    )
    others = [str(other.type) for other in op._schema.returns[1:]]
    return (result, *(torch.empty(0) if kind == "Tensor" else 0 for kind in others))


@taken_apart(aten._scaled_dot_product_flash_attention.default)
def _flash(
    query: Any,
    key: Any,
    value: Any,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    return_debug_mask: bool = False,  # noqa: ARG001
    *,
    scale: Any = None,
) -> Any:
    op = aten._scaled_dot_product_flash_attention.default
    return _apart(op, query, key, value, None, dropout_p, is_causal, scale)


def _with_bias(op: Any) -> Any:
    def apart(
        query: Any,
        key: Any,
        value: Any,
        attn_bias: Any,
        compute_log_sumexp: bool,  # noqa: ARG001
        dropout_p: float = 0.0,
        is_causal: bool = False,
        return_debug_mask: bool = False,  # noqa: ARG001
        *,
        scale: Any = None,
    ) -> Any:
        return _apart(op, query, key, value, attn_bias, dropout_p, is_causal, scale)

    return apart


for _op in WITH_BIAS:
    taken_apart(_op)(_with_bias(_op))
