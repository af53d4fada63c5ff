"""Embedding: rows of a table, taken by index, one by one or summed up in bags."""

from __future__ import annotations

from typing import Any

import torch

from graphviz_autograd.engine.rules.elementwise import finer
from graphviz_autograd.engine.table import rule

aten = torch.ops.aten


def _embedding_weight(
    g: Any, weight_sym_sizes: Any, indices: Any, padding_idx: int, scale_grad_by_freq: bool
) -> Any:
    g = finer(g)  # a row may be used a thousand times
    places, rows = indices.reshape(-1), g.reshape(-1, *weight_sym_sizes[1:])
    keep = places != padding_idx if padding_idx >= 0 else torch.ones_like(places, dtype=torch.bool)
    share = keep.to(g.dtype)
    if scale_grad_by_freq:
        share = share / torch.bincount(places, minlength=weight_sym_sizes[0])[places]
    blank = torch.zeros(weight_sym_sizes, dtype=g.dtype, device=g.device)
    return torch.index_add(blank, 0, places, rows * share.unsqueeze(1))


rule(
    aten.embedding.default,
    "∂weight[i] = Σ g wherever the index was i",
    weight=_embedding_weight,
)


def _bags(indices: Any, offsets: Any) -> Any:
    """For each index, the bag that it is in."""
    places = torch.arange(len(indices), device=indices.device)
    return torch.searchsorted(offsets.to(places.dtype), places, right=True) - 1


def _bag_weight(
    g: Any,
    weight_sym_sizes: Any,
    indices: Any,
    offsets: Any,
    scale_grad_by_freq: bool,
    mode: int,
    per_sample_weights: Any,
    padding_idx: int,
    result3: Any,
) -> Any:
    """Mode 0 adds up the rows of a bag, 1 takes their mean, 2 the greatest of each column."""
    g = finer(g)
    blank = torch.zeros(weight_sym_sizes, dtype=g.dtype, device=g.device)
    bags, kept = _bags(indices, offsets), indices != padding_idx
    sizes = torch.bincount(bags[kept], minlength=len(g)).unsqueeze(1)
    if mode == 2:
        return blank.scatter_add(0, result3, g * (sizes > 0))
    rows = (g / sizes.clamp(min=1) if mode == 1 else g)[bags] * kept.unsqueeze(1)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.unsqueeze(1)
    if scale_grad_by_freq:
        rows = rows / torch.bincount(indices)[indices].unsqueeze(1)
    return torch.index_add(blank, 0, indices, rows)


for _op in (aten._embedding_bag.default, aten._embedding_bag_forward_only.default):
    rule(
        _op,
        "∂weight[i] = Σ g of the bags that i is in, ∂per_sample_weights = g·weight[i]",
        name="EmbeddingBagBackward0",
        outputs=(0,),
        weight=_bag_weight,
        per_sample_weights=lambda g, weight, indices, offsets, padding_idx: (
            (g[_bags(indices, offsets)] * weight[indices]).sum(1) * (indices != padding_idx)
        ),
    )
