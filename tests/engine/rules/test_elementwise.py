"""Number-by-number operators have torch's gradients, where it is easy and where it is not."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from graphviz_autograd import engine

POINTS = [0.0, 1.0, -1.0, 0.5, -0.5, 3.0, -3.0, 0.25, 6.0, -6.0, 30.0, -30.0, math.inf, -math.inf]
COMPLEX = [0, 1, -1, 1j, -1j, 1 + 1j, -2 + 0.5j, 0.3 - 0.4j]


def gradients(space: Any, function: Any, inputs: Any, order: int) -> Any:
    """What a person sees: the result, the name of its node, and gradients up to `order`."""
    if space is torch:
        inputs = [x.clone().requires_grad_() for x in inputs]
    else:
        inputs = [engine.Tensor(x.clone(), requires_grad=True) for x in inputs]
    torch.manual_seed(0)
    result = function(*inputs)
    seen = [result]
    for _ in range(order):
        weights = torch.rand(result.shape, dtype=torch.float64).to(result.device, result.dtype)
        weights = weights if space is torch else engine.Tensor(weights)
        found = space.autograd.grad(result, inputs, weights, create_graph=True, allow_unused=True)
        seen += found
        smooth = [g for g in found if g is not None and g.requires_grad]
        if not smooth:
            break
        result = sum(g * g for g in smooth)
    name = type(seen[0].grad_fn).__name__
    return name, [None if x is None else getattr(x, "detach", x)() for x in seen]


def agree(function: Any, *inputs: Any, order: int = 1) -> None:
    name, wanted = gradients(torch, function, inputs, order)
    our_name, got = gradients(engine, function, inputs, order)
    assert our_name == name
    assert len(got) == len(wanted)
    for ours, theirs in zip(got, wanted, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            torch.testing.assert_close(ours.data, theirs, equal_nan=True)


UNARY = [
    "abs",
    "acos",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "ceil",
    "cos",
    "cosh",
    "deg2rad",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "frac",
    "i0",
    "lgamma",
    "log",
    "log10",
    "log1p",
    "log2",
    "logit",
    "nan_to_num",
    "neg",
    "rad2deg",
    "reciprocal",
    "round",
    "rsqrt",
    "sgn",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "trunc",
    "digamma",
    "angle",
]
ACTIVATIONS = [
    "relu",
    "relu6",
    "elu",
    "celu",
    "selu",
    "silu",
    "mish",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardshrink",
    "softshrink",
    "leaky_relu",
    "logsigmoid",
    "softplus",
    "softsign",
    "tanhshrink",
    "gelu",
]
BINARY = [
    "add",
    "sub",
    "mul",
    "div",
    "pow",
    "atan2",
    "hypot",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "remainder",
    "fmod",
    "copysign",
    "ldexp",
    "logaddexp",
    "logaddexp2",
    "xlogy",
]


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_number(name: str, device: str) -> None:
    agree(getattr(torch, name), torch.tensor(POINTS, dtype=torch.float64, device=device))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str, device: str) -> None:
    agree(getattr(F, name), torch.tensor(POINTS, dtype=torch.float64, device=device))


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_numbers_at_ties_zeros_and_infinities(name: str, device: str) -> None:
    pairs = torch.tensor(list(product(POINTS, POINTS)), dtype=torch.float64, device=device)
    agree(getattr(torch, name), *pairs.unbind(1))


@pytest.mark.parametrize(
    "name", ["tanh", "sigmoid", "exp", "log", "sqrt", "mul", "div", "pow", "atan2", "hypot"]
)
def test_second_derivatives(name: str, device: str) -> None:
    inputs = torch.rand(2, 3, 4, dtype=torch.float64, device=device) + 0.5
    count = 2 if name in BINARY else 1
    agree(getattr(torch, name), *inputs[:count], order=2)


@pytest.mark.parametrize(
    "name",
    [
        "abs",
        "angle",
        "sgn",
        "sqrt",
        "exp",
        "log",
        "sin",
        "tanh",
        "acos",
        "acosh",
        "reciprocal",
        "sigmoid",
        "conj",
        "square",
    ],
)
def test_complex_numbers(name: str, device: str) -> None:
    agree(getattr(torch, name), torch.tensor(COMPLEX, dtype=torch.complex128, device=device))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * 0.1,
        lambda x: 0.1 - x,
        lambda x: 2**x,
        lambda x: x**0,
        lambda x: x**-1.5,
        lambda x: x % 2,
        lambda x: x.clamp(-1, 1),
        lambda x: x.clamp(min=0.5),
        lambda x: torch.where(x > 0, x, 2.0),
        lambda x: torch.lerp(x, 2 * x, 0.3),
        lambda x: F.gelu(x, approximate="tanh"),
        lambda x: F.dropout(x, 0.4),
        lambda x: F.rrelu(x, training=True),
        lambda x: x.to(torch.float32),
        lambda x: torch.complex(x, 2 * x),
    ],
)
def test_numbers_among_the_arguments(function: Any, device: str) -> None:
    agree(function, torch.tensor(POINTS, dtype=torch.float64, device=device))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (2 * x).mul_(x),
        lambda x: (2 * x).exp_(),
        lambda x: (2 * x).fill_(3.0),
        lambda x: (2 * x).uniform_(),
        lambda x: (2 * x).bernoulli_(0.3),
        lambda x: F.elu(2 * x, inplace=True),
        lambda x: F.leaky_relu(2 * x, inplace=True),
        lambda x: F.dropout(2 * x, 0.4, inplace=True),
    ],
)
def test_in_place(function: Any, device: str) -> None:
    agree(function, torch.tensor(POINTS[:-2], dtype=torch.float64, device=device))


def changed(view: Any) -> Any:
    def function(x: Any) -> Any:
        y = x * 1
        view(y).mul_(2j if view(y).is_complex() else 2)
        return y

    return function


@pytest.mark.parametrize(
    "view",
    [torch.conj, torch.real, torch.imag, torch.view_as_real, lambda y: y.conj().imag],
)
def test_changing_a_view_of_complex_numbers_changes_their_gradient(view: Any, device: str) -> None:
    agree(changed(view), torch.tensor(COMPLEX, dtype=torch.complex128, device=device))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("name", ["tanh", "sigmoid", "gelu", "silu", "softplus", "elu"])
def test_short_floats(name: str, dtype: torch.dtype, device: str) -> None:
    agree(getattr(F, name), torch.tensor(POINTS[:8], dtype=dtype, device=device))


def test_a_number_is_not_rounded_to_float32() -> None:
    x = engine.Tensor(torch.ones(1, dtype=torch.float64), requires_grad=True)
    (x * 0.1).backward()
    assert x.grad.item() == 0.1


def test_floor_divide_runs_but_has_no_derivative_as_in_torch() -> None:
    x = engine.Tensor(torch.ones(1), requires_grad=True)
    y = x // 2
    assert y.grad_fn.name() == "NotImplemented"
    with pytest.raises(RuntimeError, match="derivative for aten::floor_divide is not implemented"):
        y.backward()
