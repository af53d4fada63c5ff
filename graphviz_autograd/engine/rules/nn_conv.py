"""Images and signals: convolution, pooling, interpolation, windows as columns."""

from __future__ import annotations

from typing import Any

import torch

from graphviz_autograd.engine.rules.elementwise import finer
from graphviz_autograd.engine.table import rule

aten = torch.ops.aten


def _cropped(x: Any, sizes: Any) -> Any:
    """The first numbers along the last dimensions."""
    for dim, size in enumerate(sizes, start=x.ndim - len(sizes)):
        x = x.narrow(dim, 0, size)
    return x


def _every(values: Any, dims: int) -> list[int]:
    """A value for each dimension, where one may stand for all."""
    return list(values) * dims if len(values) == 1 else list(values)


# ---- convolution


def _convolution_input(
    g: Any,
    input_sym_sizes: Any,
    weight: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    groups: int,
) -> Any:
    """A convolution the other way: transposed where it was not, not where it was."""
    if not g.shape.numel():
        return torch.zeros(input_sym_sizes, dtype=g.dtype, device=g.device)
    dims = g.ndim - 2
    stride, padding, dilation = (_every(v, dims) for v in (stride, padding, dilation))
    extra = [0] * dims
    if not transposed:
        extra = [
            size - ((out - 1) * s - 2 * p + d * (k - 1) + 1)
            for size, out, s, p, d, k in zip(
                input_sym_sizes[2:],
                g.shape[2:],
                stride,
                padding,
                dilation,
                weight.shape[2:],
                strict=True,
            )
        ]
    found = torch.convolution(
        g, weight, None, stride, padding, dilation, not transposed, extra, groups
    )
    return _cropped(found, input_sym_sizes[2:])


def _convolution_weight(
    g: Any,
    input: Any,
    weight_sym_sizes: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    groups: int,
) -> Any:
    """How input and gradient go together, shifted by each place in the kernel.

    That is a convolution too: of the input with the gradient as its kernel, the batch in
    the role of the channels, stride and dilation exchanged.
    """
    if not g.shape.numel():
        return torch.zeros(weight_sym_sizes, dtype=g.dtype, device=g.device)
    image, kernel = (g, input) if transposed else (input, g)
    batch, channels, *size = image.shape
    image = image.reshape(batch, groups, channels // groups, *size).transpose(0, 2)
    image = image.reshape(channels // groups, groups * batch, *size)
    found = torch.convolution(
        image, kernel.transpose(0, 1), None, dilation, padding, stride, False, [0], groups
    )
    return _cropped(found, weight_sym_sizes[2:]).transpose(0, 1)


rule(
    aten.convolution.default,
    "∂input = g convolved back with weight, ∂weight = input convolved with g, ∂bias = Σ g",
    input=_convolution_input,
    weight=_convolution_weight,
    bias=lambda g: g.sum([0, *range(2, g.ndim)]),
)


# ---- the greatest number of each window: its gradient goes where it came from


def _scattered(g: Any, places: Any, sizes: Any, dims: int) -> Any:
    blank = torch.zeros(sizes, dtype=g.dtype, device=g.device).flatten(-dims)
    return blank.scatter_add(-1, places.flatten(-dims), g.flatten(-dims)).reshape(sizes)


def _gathered(g: Any, places: Any, dims: int) -> Any:
    return g.flatten(-dims).gather(-1, places.flatten(-dims)).reshape(places.shape)


for _op in (
    aten.max_pool2d_with_indices.default,
    aten.adaptive_max_pool2d.default,
    aten.fractional_max_pool2d.default,
):
    rule(
        _op,
        "∂self = Σ g of the windows in which a number is the greatest",
        self=lambda g, result1, self_sym_sizes: _scattered(g, result1, self_sym_sizes, 2),
    )
for _op in (
    aten.max_pool3d_with_indices.default,
    aten.adaptive_max_pool3d.default,
    aten.fractional_max_pool3d.default,
):
    rule(
        _op,
        "∂self = Σ g of the windows in which a number is the greatest",
        self=lambda g, result1, self_sym_sizes: _scattered(g, result1, self_sym_sizes, 3),
    )
rule(
    aten.max_pool2d_with_indices_backward.default,
    "∂grad_output = g from where each greatest number was, ∂self = 0",
    grad_output=lambda g, indices: _gathered(g, indices, 2),
    self=lambda g: torch.zeros_like(g),
)
rule(
    aten.max_pool3d_with_indices_backward.default,
    "∂grad_output = g from where each greatest number was, ∂self = 0",
    grad_output=lambda g, indices: _gathered(g, indices, 3),
    self=lambda g: torch.zeros_like(g),
)
rule(
    aten.max_unpool2d.default,
    "∂self = g from where each number went",
    self=lambda g, indices: _gathered(g, indices, 2),
)
rule(
    aten.max_unpool3d.default,
    "∂self = g from where each number went",
    self=lambda g, indices: _gathered(g, indices, 3),
)


# ---- means of windows and interpolation: a matrix for each dimension, applied transposed


def _back_along(g: Any, sizes: Any, forward: Any) -> Any:
    """Through a linear operator that works dimension by dimension, backwards.

    `forward(number, x)` is the operator on x of shape (n, 1, size, 1, 1), stretched along
    dimension `number` only: on the unit vectors, it gives that dimension's matrix.
    """
    dims, g = len(sizes), finer(g)
    for number, size in enumerate(sizes):
        unit = torch.eye(size, dtype=g.dtype, device=g.device)
        shape = [1] * dims
        shape[number] = size
        matrix = forward(number, unit.reshape(size, 1, *shape)).reshape(size, -1)
        dim = number - dims
        g = (g.transpose(dim, -1) @ matrix.transpose(0, 1)).transpose(dim, -1)
    return g


def _only(number: int, values: Any, dims: int, other: int) -> list[int]:
    """The value for one dimension; for the rest, one that changes nothing."""
    values = _every(values, dims)
    return [values[number] if place == number else other for place in range(dims)]


def _avg_pool(pool: Any, dims: int) -> Any:
    def back(
        g: Any,
        self_sym_sizes: Any,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        ceil_mode: bool,
        count_include_pad: bool,
        divisor_override: Any,
    ) -> Any:
        def forward(number: int, x: Any) -> Any:
            divisor = None
            if divisor_override is not None:
                divisor = 1 if number else divisor_override
            return pool(
                x,
                _only(number, kernel_size, dims, 1),
                _only(number, stride or kernel_size, dims, 1),
                _only(number, padding, dims, 0),
                ceil_mode,
                count_include_pad,
                divisor,
            )

        return _back_along(g, self_sym_sizes[-dims:], forward)

    return back


rule(
    aten.avg_pool2d.default,
    "∂self = Σ g/n over the windows that a number is in",
    self=_avg_pool(aten.avg_pool2d, 2),
)
rule(
    aten.avg_pool3d.default,
    "∂self = Σ g/n over the windows that a number is in",
    self=_avg_pool(aten.avg_pool3d, 3),
)


def _adaptive(pool: Any, dims: int) -> Any:
    def back(g: Any, self_sym_sizes: Any, output_size: Any) -> Any:
        def forward(number: int, x: Any) -> Any:
            return pool(x, _only(number, output_size, dims, 1))

        return _back_along(g, self_sym_sizes[-dims:], forward)

    return back


rule(
    aten._adaptive_avg_pool2d.default,
    "∂self = Σ g/n over the windows that a number is in",
    self=_adaptive(aten._adaptive_avg_pool2d, 2),
)
rule(
    aten._adaptive_avg_pool3d.default,
    "∂self = Σ g/n over the windows that a number is in",
    self=_adaptive(aten._adaptive_avg_pool3d, 3),
)

INTERPOLATED = "∂self = Σ g·weight, by the weights of interpolation"


def _interpolated(op: Any) -> Any:
    def back(g: Any, sizes: Any, output_size: Any, align: tuple[bool, ...], *scales: Any) -> Any:
        dims = len(scales)

        def forward(number: int, x: Any) -> Any:
            # Always along the last dimension: torch's antialiasing errs where that is one wide.
            x = x.reshape(len(x), *[1] * dims, -1)
            size, other = _every(output_size, dims)[number], [1] * (dims - 1)
            return op(x, [*other, size], *align, *[None] * (dims - 1), scales[number])

        return _back_along(g, sizes[-dims:], forward)

    return back


def _interpolated_1d(op: Any) -> Any:
    back = _interpolated(op)
    return lambda g, self_sym_sizes, output_size, scales: back(
        g, self_sym_sizes, output_size, (), scales
    )


def _interpolated_2d(op: Any) -> Any:
    back = _interpolated(op)
    return lambda g, self_sym_sizes, output_size, scales_h, scales_w: back(
        g, self_sym_sizes, output_size, (), scales_h, scales_w
    )


def _interpolated_3d(op: Any) -> Any:
    back = _interpolated(op)
    return lambda g, self_sym_sizes, output_size, scales_d, scales_h, scales_w: back(
        g, self_sym_sizes, output_size, (), scales_d, scales_h, scales_w
    )


def _aligned_1d(op: Any) -> Any:
    back = _interpolated(op)
    return lambda g, self_sym_sizes, output_size, align_corners, scales: back(
        g, self_sym_sizes, output_size, (align_corners,), scales
    )


def _aligned_2d(op: Any) -> Any:
    back = _interpolated(op)
    return lambda g, self_sym_sizes, output_size, align_corners, scales_h, scales_w: back(
        g, self_sym_sizes, output_size, (align_corners,), scales_h, scales_w
    )


def _aligned_3d(op: Any) -> Any:
    back = _interpolated(op)
    return lambda g, self_sym_sizes, output_size, align_corners, scales_d, scales_h, scales_w: back(
        g, self_sym_sizes, output_size, (align_corners,), scales_d, scales_h, scales_w
    )


for _op, _back in (
    (aten.upsample_nearest1d.default, _interpolated_1d),
    (aten.upsample_nearest2d.default, _interpolated_2d),
    (aten.upsample_nearest3d.default, _interpolated_3d),
    (aten._upsample_nearest_exact1d.default, _interpolated_1d),
    (aten._upsample_nearest_exact2d.default, _interpolated_2d),
    (aten._upsample_nearest_exact3d.default, _interpolated_3d),
    (aten.upsample_linear1d.default, _aligned_1d),
    (aten.upsample_bilinear2d.default, _aligned_2d),
    (aten.upsample_bicubic2d.default, _aligned_2d),
    (aten.upsample_trilinear3d.default, _aligned_3d),
    (aten._upsample_bilinear2d_aa.default, _aligned_2d),
    (aten._upsample_bicubic2d_aa.default, _aligned_2d),
):
    rule(_op, INTERPOLATED, self=_back(_op))


# ---- windows as columns

rule(
    aten.im2col.default,
    "∂self = the columns of g added up where they came from",
    self=lambda g, self_sym_sizes, kernel_size, dilation, padding, stride: aten.col2im.default(
        g, list(self_sym_sizes[-2:]), kernel_size, dilation, padding, stride
    ),
)
rule(
    aten.col2im.default,
    "∂self = the windows of g as columns",
    self=lambda g, kernel_size, dilation, padding, stride: aten.im2col.default(
        g, kernel_size, dilation, padding, stride
    ),
)
