"""Operators that only look at numbers in another way, or put them somewhere else.

Their derivatives undo what they did: what was moved is moved back, what was repeated is
summed, what was left out gets zero.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import torch

from graphviz_autograd.engine.table import Geometry, constant, node_name, rule
from graphviz_autograd.errors import UnsupportedOperator

aten = torch.ops.aten


def zeros(sizes: Sequence[int], g: Any) -> Any:
    """Zeros of the kind of `g`, of another shape."""
    return torch.zeros(sizes, dtype=g.dtype, device=g.device)


def _back(g: Any, self_sym_sizes: Any) -> Any:
    """The same numbers, in the shape they had."""
    return g.reshape(self_sym_sizes)


def _same(g: Any) -> Any:
    return g


def _permuted_back(g: Any, dims: Sequence[int]) -> Any:
    order = sorted(range(len(dims)), key=lambda place: dims[place] % len(dims))
    return g.permute(order)


def _with_copy(op: Any, copy: Any, formula: str, number: str = "0", **vjps: Any) -> None:
    """One rule for a view operator and for its twin that copies."""
    name = node_name(op)[:-1] + number
    rule(op, formula, name=name, **vjps)
    rule(copy, formula, name=name + "_copy", **vjps)


# ---- the same numbers, looked at in another way

_with_copy(aten.view.default, aten.view_copy.default, "∂self = g, in the shape of self", self=_back)
_with_copy(aten.expand.default, aten.expand_copy.default, "∂self = Σ g over the copies", self=_same)
_with_copy(
    aten.permute.default, aten.permute_copy.default, "∂self = g, permuted back", self=_permuted_back
)
_with_copy(
    aten.transpose.int,
    aten.transpose_copy.int,
    "∂self = gᵀ",
    self=lambda g, dim0, dim1: g.transpose(dim0, dim1),
)
_with_copy(aten.t.default, aten.t_copy.default, "∂self = gᵀ", self=lambda g: g.t())
_with_copy(
    aten.unsqueeze.default,
    aten.unsqueeze_copy.default,
    "∂self = g, squeezed",
    self=lambda g, dim: g.squeeze(dim),
)
_with_copy(
    aten.squeeze.default, aten.squeeze_copy.default, "∂self = g, in the shape of self", self=_back
)
_with_copy(
    aten.squeeze.dim, aten.squeeze_copy.dim, "∂self = g, in the shape of self", "1", self=_back
)
_with_copy(
    aten.squeeze.dims, aten.squeeze_copy.dims, "∂self = g, in the shape of self", "2", self=_back
)
rule(aten.squeeze_.default, "∂self = g, in the shape of self", name="SqueezeBackward3", self=_back)
rule(aten.squeeze_.dim, "∂self = g, in the shape of self", name="SqueezeBackward4", self=_back)
rule(aten.squeeze_.dims, "∂self = g, in the shape of self", name="SqueezeBackward5", self=_back)
rule(
    aten.unsqueeze_.default,
    "∂self = g, squeezed",
    name="UnsqueezeBackward1",
    self=lambda g, dim: g.squeeze(dim),
)
rule(
    aten.transpose_.default,
    "∂self = gᵀ",
    name="TransposeBackward1",
    self=lambda g, dim0, dim1: g.transpose(dim0, dim1),
)
rule(aten.t_.default, "∂self = gᵀ", name="TBackward1", self=lambda g: g.t())
_with_copy(aten.alias.default, aten.alias_copy.default, "∂self = g", self=_same)
rule(aten._reshape_alias.default, "∂self = g, in the shape of self", self=_back)
rule(aten._unsafe_view.default, "∂self = g, in the shape of self", self=_back)
rule(aten.clone.default, "∂self = g", self=_same)
rule(aten.lift_fresh.default, "∂self = g", self=_same)
rule(
    aten.copy.default,
    "∂self = 0, ∂src = g",
    name="CopyBackwards",
    self=lambda g: torch.zeros_like(g),
    src=_same,
)
constant(
    aten.detach.default,
    aten.detach_copy.default,
    aten.empty_like.default,
    aten.full_like.default,
    aten.new_empty.default,
    aten.new_empty_strided.default,
    aten.new_full.default,
    aten.new_ones.default,
    aten.new_zeros.default,
    aten.ones_like.default,
    aten.rand_like.default,
    aten.randint_like.default,
    aten.randint_like.low_dtype,
    aten.randn_like.default,
    aten.zeros_like.default,
)

# ---- a part of the numbers


def _slice_back(g: Any, self_sym_sizes: Any, dim: int, start: Any, end: Any, step: int) -> Any:
    return torch.slice_scatter(zeros(self_sym_sizes, g), g, dim, start, end, step)


def _diagonal_back(g: Any, self_sym_sizes: Any, offset: int, dim1: int, dim2: int) -> Any:
    return torch.diagonal_scatter(zeros(self_sym_sizes, g), g, offset, dim1, dim2)


def _unfold_back(g: Any, self_sym_sizes: Any, dimension: int, size: int, step: int) -> Any:
    """Every number gets the gradients of the windows that it was in."""
    if not self_sym_sizes:
        return g.sum()
    dim = dimension % len(self_sym_sizes)
    windows = torch.arange(self_sym_sizes[dim], device=g.device).unfold(0, size, step)
    flat = g.movedim(-1, dim + 1).flatten(dim, dim + 1)
    return torch.index_add(zeros(self_sym_sizes, g), dim, windows.reshape(-1), flat)


def _strided_places(x: Geometry, size: Any, stride: Any, start: Any, device: Any) -> Any:
    """For each number of x.as_strided(...), in order, its place in x, counted in order.

    Places of the memory that are not in x count as the number of x's elements.
    Raises UnsupportedOperator where numbers of x itself share memory.
    """
    own = _addresses(x.shape, x.strides, x.offset, device)
    if torch.unique(own).numel() < own.numel():
        raise UnsupportedOperator("as_strided of a tensor whose numbers share memory")
    seen = _addresses(size, stride, x.offset if start is None else start, device)
    last = max((int(part.max()) for part in (own, seen) if part.numel()), default=-1)
    memory = torch.full((last + 1,), own.numel(), device=device)
    memory[own] = torch.arange(own.numel(), device=device)
    return memory[seen]


def _addresses(size: Any, stride: Any, offset: int, device: Any) -> torch.Tensor:
    """Where in memory the numbers of a tensor lie, in order."""
    places = torch.tensor([offset], device=device)
    for length, step in zip(size, stride, strict=True):
        places = (places[:, None] + torch.arange(length, device=device) * step).reshape(-1)
    return places


def _as_strided_back(
    g: Any, self_geometry: Geometry, size: Any, stride: Any, storage_offset: Any
) -> Any:
    x = self_geometry
    places = _strided_places(x, size, stride, storage_offset, g.device)
    blank = zeros((math.prod(x.shape) + 1,), g)
    return torch.index_add(blank, 0, places, g.reshape(-1))[:-1].reshape(x.shape)


def _strided_scatter_self(
    g: Any, self_geometry: Geometry, size: Any, stride: Any, storage_offset: Any
) -> Any:
    places = _strided_places(self_geometry, size, stride, storage_offset, g.device)
    return g.reshape(-1).index_fill(0, places, 0).reshape(self_geometry.shape)


def _strided_scatter_src(
    g: Any,
    self_geometry: Geometry,
    src_sym_sizes: Any,
    size: Any,
    stride: Any,
    storage_offset: Any,
) -> Any:
    places = _strided_places(self_geometry, size, stride, storage_offset, g.device)
    return g.reshape(-1).index_select(0, places).reshape(src_sym_sizes)


def _given(gs: Sequence[Any], shapes: Sequence[Any]) -> list[Any]:
    """The gradients of several outputs, zeros for those that were not used."""
    kind = next(g for g in gs if g is not None)
    return [zeros(s, kind) if g is None else g for g, s in zip(gs, shapes, strict=True)]


def _pieces(sizes: Any, lengths: Sequence[int], dim: int) -> list[Any]:
    return [(*sizes[:dim], length, *sizes[dim:][1:]) for length in lengths]


def _split_back(gs: Any, self_sym_sizes: Any, split_size: int, dim: int) -> Any:
    dim %= len(self_sym_sizes)
    whole = self_sym_sizes[dim]
    lengths = [min(split_size, whole - i * split_size) for i in range(len(gs))]
    return torch.cat(_given(gs, _pieces(self_sym_sizes, lengths, dim)), dim)


def _split_sizes_back(gs: Any, self_sym_sizes: Any, split_sizes: Any, dim: int) -> Any:
    dim %= len(self_sym_sizes)
    return torch.cat(_given(gs, _pieces(self_sym_sizes, split_sizes, dim)), dim)


def _unbind_back(gs: Any, self_sym_sizes: Any, dim: int) -> Any:
    dim %= len(self_sym_sizes)
    shape = (*self_sym_sizes[:dim], *self_sym_sizes[dim + 1 :])
    return torch.stack(_given(gs, [shape] * len(gs)), dim)


_with_copy(
    aten.slice.Tensor,
    aten.slice_copy.Tensor,
    "∂self = g in its place, 0 elsewhere",
    self=_slice_back,
)
_with_copy(
    aten.select.int,
    aten.select_copy.int,
    "∂self = g in its place, 0 elsewhere",
    self=lambda g, self_sym_sizes, dim, index: torch.select_scatter(
        zeros(self_sym_sizes, g), g, dim, index
    ),
)
_with_copy(
    aten.diagonal.default,
    aten.diagonal_copy.default,
    "∂self = g on the diagonal",
    self=_diagonal_back,
)
_with_copy(
    aten.unfold.default, aten.unfold_copy.default, "∂self = Σ g over the windows", self=_unfold_back
)
rule(
    aten.unfold_backward.default,
    "∂grad_in = the windows of g",
    grad_in=lambda g, dim, size, step: g.unfold(dim, size, step),
)
_with_copy(
    aten.as_strided.default,
    aten.as_strided_copy.default,
    "∂self = Σ g over the views",
    self=_as_strided_back,
)
_with_copy(aten.split.Tensor, aten.split_copy.Tensor, "∂self = cat(gs)", self=_split_back)
_with_copy(
    aten.split_with_sizes.default,
    aten.split_with_sizes_copy.default,
    "∂self = cat(gs)",
    self=_split_sizes_back,
)
_with_copy(aten.unbind.int, aten.unbind_copy.int, "∂self = stack(gs)", self=_unbind_back)
rule(
    aten.narrow_copy.default,
    "∂self = g in its place, 0 elsewhere",
    self=lambda g, self_sym_sizes, dim, start, length: torch.slice_scatter(
        zeros(self_sym_sizes, g), g, dim, start, start + length
    ),
)
rule(aten.unsafe_split.Tensor, "∂self = cat(gs)", self=_split_back)
rule(aten.unsafe_split_with_sizes.default, "∂self = cat(gs)", self=_split_sizes_back)

# ---- a part replaced

rule(
    aten.slice_scatter.default,
    "∂self = g, 0 where src came; ∂src = its part of g",
    self=lambda g, src_sym_sizes, dim, start, end, step: torch.slice_scatter(
        g, zeros(src_sym_sizes, g), dim, start, end, step
    ),
    src=lambda g, dim, start, end, step: aten.slice(g, dim, start, end, step),
)
rule(
    aten.select_scatter.default,
    "∂self = g, 0 where src came; ∂src = its part of g",
    self=lambda g, src_sym_sizes, dim, index: torch.select_scatter(
        g, zeros(src_sym_sizes, g), dim, index
    ),
    src=lambda g, dim, index: g.select(dim, index),
)
rule(
    aten.diagonal_scatter.default,
    "∂self = g, 0 where src came; ∂src = its part of g",
    self=lambda g, src_sym_sizes, offset, dim1, dim2: torch.diagonal_scatter(
        g, zeros(src_sym_sizes, g), offset, dim1, dim2
    ),
    src=lambda g, offset, dim1, dim2: g.diagonal(offset, dim1, dim2),
)
rule(
    aten.as_strided_scatter.default,
    "∂self = g, 0 where src came; ∂src = its part of g",
    self=_strided_scatter_self,
    src=_strided_scatter_src,
)
rule(
    aten.diag_embed.default,
    "∂self = the diagonal of g",
    self=lambda g, offset, dim1, dim2: g.diagonal(offset, dim1, dim2),
)
rule(aten.tril.default, "∂self = tril(g)", self=lambda g, diagonal: g.tril(diagonal))
rule(aten.triu.default, "∂self = triu(g)", self=lambda g, diagonal: g.triu(diagonal))

# ---- put together, turned, repeated


def _cat_back(g: Any, tensors_sym_sizes: Any, dim: int) -> list[Any]:
    found, start = [], 0
    for sizes in tensors_sym_sizes:
        if sizes == (0,):  # torch lets an empty tensor be, whatever its shape
            found.append(zeros(sizes, g))
            continue
        found.append(g.narrow(dim, start, sizes[dim]))
        start += sizes[dim]
    return found


def _repeat_back(g: Any, self_sym_sizes: Any, repeats: Any) -> Any:
    new = len(repeats) - len(self_sym_sizes)
    sizes = (1,) * new + tuple(self_sym_sizes)
    if 0 in repeats:
        return zeros(self_sym_sizes, g)
    apart = [n for pair in zip(repeats, sizes, strict=True) for n in pair]
    copies = list(range(0, len(apart), 2))
    summed = g.reshape(apart).sum(copies) if copies else g
    return summed.reshape(self_sym_sizes)


rule(aten.cat.default, "∂tensors = their parts of g", tensors=_cat_back)
rule(aten.stack.default, "∂tensors = their parts of g", tensors=lambda g, dim: g.unbind(dim))
rule(aten.flip.default, "∂self = flip(g)", self=lambda g, dims: g.flip(dims))
rule(
    aten.roll.default,
    "∂self = g, rolled back",
    self=lambda g, shifts, dims: g.roll([-shift for shift in shifts], dims),
)
rule(aten.rot90.default, "∂self = g, turned back", self=lambda g, k, dims: g.rot90(-k, dims))
rule(aten.repeat.default, "∂self = Σ g over the copies", self=_repeat_back)

# ---- padded


def _reflected(length: int, before: int, after: int, device: Any) -> torch.Tensor:
    """Which number stands at each place of a padded line: 2 1 | 0 1 2 3 | 2 1"""
    places = torch.arange(-before, length + after, device=device).abs()
    return length - 1 - (length - 1 - places).abs()


def _repeated(length: int, before: int, after: int, device: Any) -> torch.Tensor:
    """Which number stands at each place of a padded line: 0 0 | 0 1 2 3 | 3 3"""
    return torch.arange(-before, length + after, device=device).clamp(0, length - 1)


def _unpadding(standing: Callable[..., torch.Tensor]) -> Callable[..., Any]:
    """Back from a padded tensor: each number gets the gradients of all its copies."""

    def back(g: Any, self_sym_sizes: Any, padding: Any) -> Any:
        for number in range(len(padding) // 2):
            dim = len(self_sym_sizes) - 1 - number
            before, after = padding[2 * number : 2 * number + 2]
            places = standing(self_sym_sizes[dim], before, after, g.device)
            shape = (*g.shape[:dim], self_sym_sizes[dim], *g.shape[dim + 1 :])
            g = torch.index_add(zeros(shape, g), dim, places, g)
        return g

    return back


def _pad_name(op: Any) -> str:
    """ReflectionPad2DBackward0, with the D that torch writes."""
    return re.sub(r"(?<=\d)d", "D", node_name(op.default))


rule(
    aten.constant_pad_nd.default,
    "∂self = the inner part of g",
    self=lambda g, pad: torch.constant_pad_nd(g, [-n for n in pad], 0),
)
for _op in (aten.reflection_pad1d, aten.reflection_pad2d, aten.reflection_pad3d):
    rule(
        _op.default,
        "∂self = Σ g over the reflections",
        name=_pad_name(_op),
        self=_unpadding(_reflected),
    )
for _op in (aten.replication_pad1d, aten.replication_pad2d, aten.replication_pad3d):
    rule(
        _op.default, "∂self = Σ g over the copies", name=_pad_name(_op), self=_unpadding(_repeated)
    )
