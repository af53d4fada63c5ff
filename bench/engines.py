"""Engines side by side: how each makes a leaf, what it calls two functions, how it differentiates.

In their own words, as their users write them; nothing is taken from one for another.
"""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from bench.measuring import OURS
from graphviz_autograd import engine

Program = Callable[[Sequence[Any]], Any]
"""Computes a scalar from its leaves."""

TORCH = "torch.autograd"


@dataclass(frozen=True)
class Engine:
    """An engine, in its own words.

    leaf       its own tensor of a torch tensor's numbers
    gradients  of a program, one for each leaf, as the engine gives them
    numbers    of such a gradient, as NumPy has them; they are computed by now at the latest
    tanh, mm   the functions of these names
    instead    what stands in place of tanh, where it has none
    """

    leaf: Callable[[torch.Tensor], Any]
    gradients: Callable[[Program, Sequence[Any]], Sequence[Any]]
    numbers: Callable[[Any], Any]
    tanh: Callable[[Any], Any]
    mm: Callable[[Any, Any], Any]
    instead: str = ""


def by_backward(program: Program, leaves: Sequence[Any]) -> Sequence[Any]:
    """As torch does it, and those after it: backward() fills the leaves' .grad."""
    for leaf in leaves:
        leaf.grad = None
    program(leaves).backward()
    return [leaf.grad for leaf in leaves]


def torchs() -> Engine:
    return Engine(
        lambda value: value.clone().requires_grad_(),
        by_backward,
        lambda found: found.detach().numpy(),
        torch.Tensor.tanh,
        torch.Tensor.mm,
    )


def ours() -> Engine:
    return Engine(
        lambda value: engine.Tensor(value.clone(), requires_grad=True),
        by_backward,
        lambda found: found.data.numpy(),
        engine.Tensor.tanh,
        engine.Tensor.mm,
    )


def mygrad() -> Engine:
    library = importlib.import_module("mygrad")

    def gradients(program: Program, leaves: Sequence[Any]) -> Sequence[Any]:
        program(leaves).backward()
        return [leaf.grad for leaf in leaves]

    def leaf(value: torch.Tensor) -> Any:
        return library.tensor(value.numpy())

    return Engine(leaf, gradients, lambda found: found, library.tanh, library.matmul)


def hips() -> Engine:
    library, numpy = importlib.import_module("autograd"), importlib.import_module("autograd.numpy")

    def gradients(program: Program, leaves: Sequence[Any]) -> Sequence[Any]:
        found: Sequence[Any] = library.grad(program)(leaves)
        return found

    def leaf(value: torch.Tensor) -> Any:
        return value.numpy() if value.dim() else value.item()

    return Engine(leaf, gradients, lambda found: found, numpy.tanh, numpy.dot)


def micrograd() -> Engine:
    value = importlib.import_module("micrograd.engine").Value

    def gradients(program: Program, leaves: Sequence[Any]) -> Sequence[Any]:
        for leaf in leaves:
            leaf.grad = 0
        program(leaves).backward()
        return [leaf.grad for leaf in leaves]

    def leaf(number: torch.Tensor) -> Any:
        return value(number.numpy() if number.dim() else number.item())

    return Engine(
        leaf, gradients, lambda found: found, value.relu, lambda x, y: x @ y, "relu for tanh"
    )


def micrograd_by_a_loop() -> Engine:
    """The same with a loop for its backward(), which recurses over the graph."""

    def gradients(program: Program, leaves: Sequence[Any]) -> Sequence[Any]:
        for leaf in leaves:
            leaf.grad = 0
        result = program(leaves)
        result.grad = 1
        for made in reversed(_in_order(result)):
            made._backward()
        return [leaf.grad for leaf in leaves]

    return replace(micrograd(), gradients=gradients)


def _in_order(result: Any) -> list[Any]:
    """All that a micrograd value was computed from, each before what was computed from it."""
    order, seen, stack = [], {result}, [(result, iter(result._prev))]
    while stack:
        value, inputs = stack[-1]
        fresh = next((one for one in inputs if one not in seen), None)
        if fresh is None:
            order.append(value)
            stack.pop()
        else:
            seen.add(fresh)
            stack.append((fresh, iter(fresh._prev)))
    return order


def tinygrad() -> Engine:
    """On the CPU; without clang, which it needs for that, on its interpreter in Python."""
    return _tinygrad("CPU" if shutil.which("clang") else "PYTHON")


def tinygrad_on_cpu() -> Engine:
    return _tinygrad("CPU")


def _tinygrad(device: str) -> Engine:
    os.environ.update(DEV=device, CACHELEVEL="0")  # read at import; no file is left behind
    library = importlib.import_module("tinygrad")

    def gradients(program: Program, leaves: Sequence[Any]) -> Sequence[Any]:
        found: Sequence[Any] = program(leaves).gradient(*leaves)
        return found

    def leaf(value: torch.Tensor) -> Any:
        # A number alone would be a constant to it, without a gradient.
        kind = library.dtypes.float64
        return library.Tensor(value.flatten().tolist(), dtype=kind).reshape(tuple(value.shape))

    return Engine(
        leaf,
        gradients,
        lambda found: found.numpy(),
        library.Tensor.tanh,
        library.Tensor.matmul,
    )


PEERS: dict[str, Callable[[], Engine]] = {
    "MyGrad": mygrad,
    "HIPS autograd": hips,
    "micrograd": micrograd,
    "tinygrad": tinygrad,
}
EVERYBODY: dict[str, Callable[[], Engine]] = {TORCH: torchs, OURS: ours, **PEERS}
