"""Taking numbers by index or mask, and putting them somewhere by index or mask.

To take is to put back the gradient, summed where a number was taken twice; to put is to take
the gradient from where the numbers went.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from graphviz_autograd.engine import modes
from graphviz_autograd.engine.rules.shapes import zeros
from graphviz_autograd.engine.table import rule
from graphviz_autograd.errors import UnsupportedOperator

aten = torch.ops.aten

# ---- taken by index


def _gather_back(g: Any, self_sym_sizes: Any, dim: int, index: Any) -> Any:
    return zeros(self_sym_sizes, g).scatter_add(dim, index, g)


def _index_select_back(g: Any, self_sym_sizes: Any, dim: int, index: Any) -> Any:
    if not self_sym_sizes:
        return g.sum()
    return torch.index_add(zeros(self_sym_sizes, g), dim, index.reshape(-1), g)


def _index_back(g: Any, self_sym_sizes: Any, indices: Any) -> Any:
    return aten.index_put(zeros(self_sym_sizes, g), indices, g, True)


def _take_back(g: Any, self_sym_sizes: Any, index: Any) -> Any:
    return zeros(self_sym_sizes, g).put(index, g, True)


rule(aten.gather.default, "∂self = Σ g at the index", self=_gather_back)
rule(aten.index_select.default, "∂self = Σ g at the index", self=_index_select_back)
rule(aten.index.Tensor, "∂self = Σ g at the indices", self=_index_back)
rule(aten._unsafe_index.Tensor, "∂self = Σ g at the indices", self=_index_back)
rule(aten.take.default, "∂self = Σ g at the index", self=_take_back)

# ---- put by index

rule(
    aten.scatter.src,
    "∂self = g, 0 at the index; ∂src = g at the index",
    self=lambda g, dim, index: g.scatter(dim, index, 0),
    src=lambda g, dim, index, src_sym_sizes: _within(g.gather(dim, index), src_sym_sizes),
)
rule(
    aten.scatter.value,
    "∂self = g, 0 at the index",
    name="ScatterBackward1",
    self=lambda g, dim, index: g.scatter(dim, index, 0),
)
rule(
    aten.scatter_add.default,
    "∂self = g, ∂src = g at the index",
    self=lambda g: g,
    src=lambda g, dim, index, src_sym_sizes: _within(g.gather(dim, index), src_sym_sizes),
)
rule(
    aten.index_add.default,
    "∂self = g, ∂source = alpha·g at the index",
    self=lambda g: g,
    source=lambda g, dim, index, alpha, source_sym_sizes: (
        g.index_select(dim, index).reshape(source_sym_sizes) * alpha
    ),
)
rule(
    aten.index_copy.default,
    "∂self = g, 0 at the index; ∂source = g at the index",
    self=lambda g, dim, index: g.index_fill(dim, index, 0),
    source=lambda g, dim, index, source_sym_sizes: g.index_select(dim, index).reshape(
        source_sym_sizes
    ),
)
rule(
    aten.index_fill.int_Scalar,
    "∂self = g, 0 at the index",
    self=lambda g, dim, index: g.index_fill(dim, index, 0),
)
rule(
    aten.index_fill.int_Tensor,
    "∂self = g, 0 at the index; ∂value = Σ g at the index",
    name="IndexFillBackward1",
    self=lambda g, dim, index: g.index_fill(dim, index, 0),
    value=lambda g, dim, index: g.index_select(dim, index.unique()).sum(),
)


def _within(t: Any, sizes: Any) -> Any:
    """The index may leave out the ends of src: they get no gradient."""
    padding = [
        n
        for have, want in zip(reversed(t.shape), reversed(sizes), strict=True)
        for n in (0, want - have)
    ]
    return torch.constant_pad_nd(t, padding, 0) if any(padding) else t


def _index_put_self(g: Any, indices: Any, values_sym_sizes: Any, accumulate: bool) -> Any:
    return g if accumulate else aten.index_put(g, indices, zeros(values_sym_sizes, g))


def _index_put_values(g: Any, indices: Any) -> Any:
    return aten.index(g, indices)


for _op in (aten.index_put, aten._unsafe_index_put):
    rule(
        _op.default,
        "∂self = g, 0 at the indices; ∂values = g at the indices",
        self=_index_put_self,
        values=_index_put_values,
    )
rule(
    aten.put.default,
    "∂self = g, 0 at the index; ∂source = g at the index",
    self=lambda g, index, source_sym_sizes, accumulate: (
        g if accumulate else g.put(index, zeros(source_sym_sizes, g))
    ),
    source=lambda g, index, source_sym_sizes: g.take(index).reshape(source_sym_sizes),
)

# ---- put by index, and combined with what is there

REDUCED = "slope: 1 in a sum, 1/n in a mean, the product of the others, 1 at the extreme"


class _Scattering:
    """Where scatter_reduce puts the numbers of src."""

    def __init__(self, dim: int, index: Any) -> None:
        self.dim, self.index = dim, index

    def add(self, base: Any, src: Any) -> Any:
        return base.scatter_add(self.dim, self.index, src)

    def take(self, t: Any) -> Any:
        return t.gather(self.dim, self.index)

    def clear(self, t: Any) -> Any:
        return t.scatter(self.dim, self.index, 0)

    def product(self, base: Any, src: Any, include_self: bool) -> Any:
        return base.scatter_reduce(self.dim, self.index, src, "prod", include_self=include_self)


class _Indexing(_Scattering):
    """Where index_reduce puts the slices of source."""

    def add(self, base: Any, src: Any) -> Any:
        return base.index_add(self.dim, self.index, src)

    def take(self, t: Any) -> Any:
        return t.index_select(self.dim, self.index)

    def clear(self, t: Any) -> Any:
        return t.index_fill(self.dim, self.index, 0)

    def product(self, base: Any, src: Any, include_self: bool) -> Any:
        return base.index_reduce(self.dim, self.index, src, "prod", include_self=include_self)


def _reduced_into(
    place: _Scattering, g: Any, self: Any, src: Any, result: Any, reduce: str, include_self: bool
) -> tuple[Any, Any]:
    """The gradients of self and of the numbers of src that the index names."""
    if reduce == "sum":
        for_self, for_src = g, place.take(g)
    elif reduce == "mean":
        own = torch.ones_like(g) if include_self else torch.zeros_like(g)
        count = place.add(own, torch.ones_like(src))
        shared = g / count.masked_fill(count == 0, 1)
        for_self, for_src = shared, place.take(shared)
    elif reduce == "prod":
        for_self, for_src = _reduced_by_product(place, g, self, src, result, include_self)
    else:
        chosen_self, chosen_src = self == result, src == place.take(result)
        if not include_self:
            chosen_self = place.clear(chosen_self)
        count = place.add(chosen_self.to(g.dtype), chosen_src.to(g.dtype))
        shared = g / count.masked_fill(count == 0, 1)
        for_self, for_src = shared * chosen_self, place.take(shared) * chosen_src
    return for_self if include_self else place.clear(for_self), for_src


def _reduced_by_product(
    place: _Scattering, g: Any, self: Any, src: Any, result: Any, include_self: bool
) -> tuple[Any, Any]:
    """g times the product of all the others: a quotient, but where there is a zero."""
    zero = src == 0
    count = place.take(place.add(torch.zeros_like(self), zero.to(self.dtype)))
    if modes.is_grad_enabled() and bool((count > 1).any()):
        raise UnsupportedOperator(
            "second derivatives of a product into which several zeros are reduced at one place"
        )
    single = zero & (count == 1)
    without = place.product(self, src.masked_fill(single, 1), include_self)
    quotient = place.take(g * result) / src.masked_fill(zero, 1)
    for_src = torch.where(single, place.take(g * without), quotient)
    return g * place.product(torch.ones_like(self), src, True), for_src


def _scatter_reduce_self(
    g: Any, self: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool, result: Any
) -> Any:
    place = _Scattering(dim, index)
    return _reduced_into(place, g, self, _named(src, index), result, reduce, include_self)[0]


def _scatter_reduce_src(
    g: Any, self: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool, result: Any
) -> Any:
    place, named = _Scattering(dim, index), _named(src, index)
    return _within(_reduced_into(place, g, self, named, result, reduce, include_self)[1], src.shape)


def _named(src: Any, index: Any) -> Any:
    """The numbers of src that the index says something about."""
    for dim, length in enumerate(index.shape):
        src = src.narrow(dim, 0, length)
    return src


def _index_reduce_self(
    g: Any,
    self: Any,
    dim: int,
    index: Any,
    source: Any,
    reduce: str,
    include_self: bool,
    result: Any,
) -> Any:
    place = _Indexing(dim, index)
    return _reduced_into(place, g, self, source, result, reduce, include_self)[0]


def _index_reduce_source(
    g: Any,
    self: Any,
    dim: int,
    index: Any,
    source: Any,
    reduce: str,
    include_self: bool,
    result: Any,
) -> Any:
    place = _Indexing(dim, index)
    return _reduced_into(place, g, self, source, result, reduce, include_self)[1]


rule(
    aten.scatter_reduce.two,
    "∂self, ∂src at the index = g·slope, " + REDUCED,
    self=_scatter_reduce_self,
    src=_scatter_reduce_src,
)
rule(
    aten.index_reduce.default,
    "∂self, ∂source at the index = g·slope, " + REDUCED,
    self=_index_reduce_self,
    source=_index_reduce_source,
)

# ---- by mask


def _filled_from(g: Any, mask: Any, sizes: Any) -> Any:
    """The gradient where the mask is set, in order, at the start of a tensor of this shape."""
    taken = g.masked_select(mask)
    rest = zeros((math.prod(sizes) - taken.shape[0],), g)
    return torch.cat([taken, rest]).reshape(sizes)


def _masked_select_back(g: Any, self_sym_sizes: Any, mask: Any) -> Any:
    shape = torch.broadcast_shapes(self_sym_sizes, mask.shape)  # type: ignore[no-untyped-call]
    return zeros(shape, g).masked_scatter(mask, g)


rule(aten.masked_select.default, "∂self = g where the mask is set", self=_masked_select_back)
rule(
    aten.masked_fill.Scalar,
    "∂self = g, 0 where the mask is set",
    self=lambda g, mask: g.masked_fill(mask, 0),
)
rule(
    aten.masked_fill.Tensor,
    "∂self = g, 0 where the mask is set; ∂value = Σ g there",
    name="MaskedFillBackward1",
    self=lambda g, mask: g.masked_fill(mask, 0),
    value=lambda g, mask: torch.where(mask, g, 0).sum(),
)
rule(
    aten.masked_scatter.default,
    "∂self = g, 0 where the mask is set; ∂source = g there",
    self=lambda g, mask: g.masked_fill(mask, 0),
    source=lambda g, mask, source_sym_sizes: _filled_from(g, mask, source_sym_sizes),
)
rule(
    aten._unsafe_masked_index.default,
    "∂self = Σ g at the indices where the mask is set",
    self=lambda g, self_sym_sizes, mask, indices: aten._unsafe_masked_index_put_accumulate(
        zeros(self_sym_sizes, g), mask, indices, g
    ),
)
rule(
    aten._unsafe_masked_index_put_accumulate.default,
    "∂self = g, ∂values = g at the indices where the mask is set",
    self=lambda g: g,
    values=lambda g, mask, indices: aten._unsafe_masked_index(g, mask, indices, 0),
)

# ---- by segments: stretches that follow one another along an axis


def _segments(data: Any, lengths: Any, offsets: Any, axis: int) -> Any:
    """For each number the segment it is in; what is in none is in one more, after the last."""
    if offsets is None:
        offsets = torch.nn.functional.pad(lengths.cumsum(-1), (1, 0))
    count = offsets.shape[-1] - 1
    places = torch.arange(data.shape[axis], device=data.device, dtype=offsets.dtype)
    places = places.expand(*offsets.shape[:-1], -1).contiguous()
    which = torch.searchsorted(offsets.contiguous(), places, right=True) - 1
    which = torch.where(which < 0, count, which)
    return which.reshape(*which.shape, *[1] * (data.ndim - which.ndim)).expand(data.shape)


def _segment_reduce(
    g: Any, data: Any, reduce: str, lengths: Any, offsets: Any, axis: int, initial: Any, result: Any
) -> Any:
    """As scatter_reduce of the data into its segments, and one more for what is in none."""
    place = _Scattering(axis, _segments(data, lengths, offsets, axis))
    sizes = list(result.shape)
    sizes[axis] = 1
    g = torch.cat([g, zeros(sizes, g)], axis)
    result = torch.cat([result, torch.ones_like(zeros(sizes, result))], axis)
    if reduce in ("max", "min"):
        best = place.take(result)
        chosen = (data == best) | (data.isnan() & best.isnan())
        shared = place.add(zeros(g.shape, g), chosen.to(g.dtype)).clamp(min=1)
        return place.take(g / shared) * chosen
    first = torch.full_like(result, 1 if initial is None else initial)
    return _reduced_into(place, g, first, data, result, reduce, reduce == "prod")[1]


rule(
    aten.segment_reduce.default,
    "∂data = g·slope of its segment, " + REDUCED,
    data=_segment_reduce,
)

# ---- sequences of several lengths, packed step by step


def packed(g: Any, result1: Any, input_sym_sizes: Any, batch_first: bool) -> Any:
    """The rows of each step, back among all sequences; `result1` says how many there are."""
    steps, batch = input_sym_sizes[:2][::-1] if batch_first else input_sym_sizes[:2]
    rest = tuple(input_sym_sizes[2:])
    rows = torch.cat([t * batch + torch.arange(n) for t, n in enumerate(result1.tolist())])
    blank = torch.zeros((steps * batch, *rest), dtype=g.dtype, device=g.device)
    found = torch.index_copy(blank, 0, rows.to(g.device), g).reshape(steps, batch, *rest)
    return found.transpose(0, 1) if batch_first else found


rule(
    aten._pack_padded_sequence.default,
    "∂input = g in its places, 0 where there is padding",
    input=packed,
)
