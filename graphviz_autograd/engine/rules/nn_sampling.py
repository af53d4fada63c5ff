"""Sampling an image at places that are themselves differentiable: grid_sample.

Each output is a weighted sum of a few pixels around a place, the taps:
result = Σ weight·pixel. The weight of a tap is the product of one factor for each dimension.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import torch

from graphviz_autograd.engine.rules.elementwise import finer
from graphviz_autograd.engine.table import rule

aten = torch.ops.aten

BILINEAR, NEAREST, BICUBIC = 0, 1, 2
ZEROS, BORDER, REFLECTION = 0, 1, 2


class Tap(NamedTuple):
    """One of the pixels that count, along one dimension.

    index    which pixel, always one that exists
    inside   whether it is in the image; what is outside counts as 0
    weight   its factor
    slope    how that changes with the grid's coordinate
    """

    index: Any
    inside: Any
    weight: Any
    slope: Any


def _taps(x: Any, size: int, mode: int, padding: int, align: bool) -> list[Tap]:
    """The taps along one dimension for coordinates from -1 to 1."""
    scale = (size - 1) / 2 if align else size / 2
    place = (x + 1) * scale - (0 if align else 0.5)
    if mode == BICUBIC:  # here the taps are folded back into the image, not the place
        first = place.detach().floor()
        taps = []
        for step in (-1, 0, 1, 2):
            weight, slope = _cubic(place - first - step, step)
            pixel, _ = _padded(first + step, size, padding, align)
            taps.append(_tap(pixel, size, weight, slope * scale))
        return taps
    place, turn = _padded(place, size, padding, align)
    if mode == NEAREST:
        return [_tap(place.detach().round(), size, torch.ones_like(place), torch.zeros_like(place))]
    first, slope = place.detach().floor(), turn * scale
    part = place - first
    return [_tap(first, size, 1 - part, -slope), _tap(first + 1, size, part, slope)]


def _tap(pixel: Any, size: int, weight: Any, slope: Any) -> Tap:
    inside = (pixel >= 0) & (pixel < size)
    return Tap(torch.where(inside, pixel, 0).long(), inside, weight, slope)


def _padded(place: Any, size: int, padding: int, align: bool) -> tuple[Any, Any]:
    """Where a place outside the image is taken to be, and how that moves with it: 1, -1 or 0."""
    turn = torch.ones_like(place.detach())
    if padding == ZEROS:
        return place, turn
    if padding == REFLECTION:
        low, span = (0.0, float(size - 1)) if align else (-0.5, float(size))
        if not span:
            return torch.zeros_like(place), torch.zeros_like(turn)
        away = place - low
        turn = torch.where(away.detach() < 0, -turn, turn)
        away = away * turn
        flips = (away.detach() / span).floor()
        away, odd = away - flips * span, flips % 2 == 1
        place = torch.where(odd, span - away, away) + low
        turn = torch.where(odd, -turn, turn)
    low, high = place.detach() <= 0, place.detach() >= size - 1
    place = torch.where(low, 0, torch.where(high, size - 1, place))
    return place, torch.where(low | high, 0, turn)


def _cubic(distance: Any, step: int) -> tuple[Any, Any]:
    """The weight of one of the four nearest pixels, so far away, and its slope."""
    a, sign = -0.75, -1 if step > 0 else 1
    d = distance * sign
    if step in (0, 1):
        return ((a + 2) * d - (a + 3)) * d * d + 1, sign * (3 * (a + 2) * d - 2 * (a + 3)) * d
    return a * (((d - 5) * d + 8) * d - 4), sign * a * ((3 * d - 10) * d + 8)


def _points(grid: Any, sizes: Any, mode: int, padding: int, align: bool) -> list[tuple[Tap, ...]]:
    """The pixels that each output is made of: for each a tap a dimension, the last one first."""
    return list(
        itertools.product(
            *[
                _taps(finer(grid[..., number]).flatten(1), size, mode, padding, align)
                for number, size in enumerate(reversed(sizes))
            ]
        )
    )


def _index(point: tuple[Tap, ...], sizes: Any, channels: int) -> Any:
    """Where the pixels are in the flat image, the same for every channel."""
    index, stride = 0, 1
    for tap, size in zip(point, reversed(sizes), strict=True):
        index, stride = index + tap.index * stride, stride * size
    return index.unsqueeze(1).expand(-1, channels, -1)  # type: ignore[attr-defined]


def _weight(point: tuple[Tap, ...], moved: int | None = None) -> Any:
    """The product of the factors, and 0 outside; the slope in place of the factor `moved`."""
    factors = [tap.slope if n == moved else tap.weight for n, tap in enumerate(point)]
    inside = math.prod([tap.inside for tap in point[1:]], start=point[0].inside)
    return torch.where(inside, math.prod(factors[1:], start=factors[0]), 0).unsqueeze(1)


def _input(
    g: Any,
    input_sym_sizes: Any,
    grid: Any,
    interpolation_mode: int,
    padding_mode: int,
    align_corners: bool,
) -> Any:
    channels, sizes = input_sym_sizes[1], input_sym_sizes[2:]
    g = finer(g).flatten(2)
    shape = (*input_sym_sizes[:2], math.prod(sizes))
    found = torch.zeros(shape, dtype=g.dtype, device=g.device)
    for point in _points(grid, sizes, interpolation_mode, padding_mode, align_corners):
        found = found.scatter_add(2, _index(point, sizes, channels), g * _weight(point))
    return found.reshape(input_sym_sizes)


def _grid(
    g: Any,
    input: Any,
    grid: Any,
    interpolation_mode: int,
    padding_mode: int,
    align_corners: bool,
) -> Any:
    channels, sizes = input.shape[1], input.shape[2:]
    g, pixels = finer(g).flatten(2), finer(input).flatten(2)
    found: list[Any] = [0] * len(sizes)
    for point in _points(grid, sizes, interpolation_mode, padding_mode, align_corners):
        along = g * pixels.gather(2, _index(point, sizes, channels))
        for dim in range(len(sizes)):
            found[dim] = found[dim] + (along * _weight(point, dim)).sum(1)
    return torch.stack(found, -1).reshape(grid.shape)


for _op in (aten.grid_sampler_2d.default, aten.grid_sampler_3d.default):
    rule(
        _op,
        "∂input = Σ g·weight at the pixels that were taken, ∂grid = Σ g·pixel·∂weight/∂grid",
        input=_input,
        grid=_grid,
    )
