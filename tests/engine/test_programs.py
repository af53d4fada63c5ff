"""Random programs have torch's values, gradients and second derivatives.

A program is a list of steps on a growing list of tensors: arithmetic with broadcasting, views,
changes in place through views, sums. Both engines run the same list.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphviz_autograd import engine
from graphviz_autograd.engine import autograd

Step = tuple[str, int, int]

SHAPES = [(), (1,), (3,), (2, 3), (2, 1), (1, 3)]

UNARY: dict[str, Callable[[Any], Any]] = {
    "sin": lambda a: a.sin(),
    "tanh": lambda a: a.tanh(),
    "exp": lambda a: (a * 0.1).exp(),
    "sigmoid": lambda a: a.sigmoid(),
    "square": lambda a: a * a,
    "cube": lambda a: (a * 0.5) ** 3,
    "negate": lambda a: -a,
    "halve": lambda a: 1 - a / 2,
    "clone": lambda a: a.clone(),
    "detach": lambda a: a.detach() * a,
}
SHAPING: dict[str, Callable[[Any], Any]] = {
    "sum": lambda a: a.sum(),
    "sum first": lambda a: a.sum(0) if a.dim() else a * 1,
    "mean last": lambda a: a.mean(-1, keepdim=True) if a.dim() else a * 1,
    "turn": lambda a: a.transpose(0, -1) if a.dim() else a.view(()),
    "flatten": lambda a: a.reshape(-1),
    "unsqueeze": lambda a: a.unsqueeze(0) if a.dim() < 3 else a.view(a.shape),
    "squeeze": lambda a: a.squeeze(),
    "first": lambda a: a[0] if a.dim() else a.view(()),
    "last of each": lambda a: a[..., -1:] if a.dim() else a.view(()),
    "expand": lambda a: a.expand(2, *a.shape) * 1,
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - 2 * b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / (b * b + 1),
}
IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "add_": lambda a, b: a.add_(b.sum()),
    "mul_": lambda a, b: a.mul_(0.5),
    "sin_": lambda a, b: a.sin_(),
    "copy_": lambda a, b: a.copy_(b.mean()),
    "fill part": lambda a, b: a.__setitem__((..., slice(0, 1)), b.sum()) if a.dim() else None,
    "fill": lambda a, b: a.fill_(0.25),
}
KINDS = [*UNARY, *SHAPING, *BINARY, *IN_PLACE]

programs = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 20), st.integers(0, 20)),
    min_size=1,
    max_size=12,
)
leaves = st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3)


def broadcast(a: Any, b: Any) -> bool:
    try:
        return len(torch.broadcast_shapes(a.shape, b.shape)) < 4
    except RuntimeError:
        return False


def run(program: list[Step], inputs: list[Any]) -> Any:
    """The sum of what the program has made, each weighted another way."""
    made = [tensor * 1 for tensor in inputs]
    for kind, first, second in program:
        a, b = made[first % len(made)], made[second % len(made)]
        if kind in UNARY:
            made.append(UNARY[kind](a))
        elif kind in SHAPING:
            made.append(SHAPING[kind](a))
        elif kind in BINARY:
            made.append(BINARY[kind](a, b) if broadcast(a, b) else a * 1)
        else:
            IN_PLACE[kind](a, b)
    total: Any = 0
    for number, tensor in enumerate(made):
        total = total + (tensor * (number + 1)).cos().sum()
    return total


def outcome(program: list[Step], shapes: list[Any], wrap: Any, grad: Any) -> Any:
    """The value, the gradients and their gradients; or the error."""
    generator = torch.Generator().manual_seed(1)
    numbers = [torch.rand(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    inputs = [wrap(number) for number in numbers]
    try:
        total = run(program, inputs)
        first = grad(total, inputs, create_graph=True, materialize_grads=True)
        mixed = sum((g * g).sum() for g in first)
        again = [None] * len(inputs)
        if mixed.requires_grad:
            again = grad(mixed, inputs, materialize_grads=True)
    except RuntimeError as error:
        return str(error).split(":")[0]
    return [None if t is None else t.detach().tolist() for t in (total, *first, *again)]


@settings(max_examples=60)
@given(programs, leaves)
def test_random_programs_have_torchs_gradients_of_first_and_second_order(
    program: list[Step], shapes: list[Any]
) -> None:
    def leaf(number: torch.Tensor) -> torch.Tensor:
        return number.clone().requires_grad_()

    expected = outcome(program, shapes, leaf, torch.autograd.grad)
    found = outcome(program, shapes, lambda number: engine.Tensor(number, True), autograd.grad)
    if isinstance(expected, str) or isinstance(found, str):
        assert found == expected
        return
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            torch.testing.assert_close(torch.tensor(ours), torch.tensor(theirs))
