"""The least that reverse mode in Python can be: steps over torch's kernels, read backwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch


class Tape:
    """Values by number, and how each was made from those before it."""

    def __init__(self, leaves: Sequence[torch.Tensor]) -> None:
        self.values = list(leaves)
        self.steps: list[tuple[tuple[int, ...], int, Callable[[Any], tuple[Any, ...]]]] = []

    def put(
        self, value: torch.Tensor, inputs: tuple[int, ...], vjp: Callable[[Any], tuple[Any, ...]]
    ) -> int:
        self.values.append(value)
        self.steps.append((inputs, len(self.values) - 1, vjp))
        return len(self.values) - 1

    def mul(self, i: int, j: int) -> int:
        a, b = self.values[i], self.values[j]
        return self.put(a * b, (i, j), lambda g: (g * b, g * a))

    def add(self, i: int, j: int) -> int:
        a, b = self.values[i], self.values[j]
        if a.shape == b.shape:
            return self.put(a + b, (i, j), lambda g: (g, g))
        return self.put(a + b, (i, j), lambda g: (g, g.sum(0)))

    def mm(self, i: int, j: int) -> int:
        a, b = self.values[i], self.values[j]
        return self.put(a.mm(b), (i, j), lambda g: (g.mm(b.t()), a.t().mm(g)))

    def tanh(self, i: int) -> int:
        result = self.values[i].tanh()
        return self.put(result, (i,), lambda g: (g * (1 - result * result),))

    def sum(self, i: int) -> int:
        a = self.values[i]
        return self.put(a.sum(), (i,), lambda g: (g.expand(a.shape),))

    def backward(self) -> list[Any]:
        grads: list[Any] = [None] * len(self.values)
        grads[-1] = torch.ones_like(self.values[-1])
        for inputs, output, vjp in reversed(self.steps):
            for place, grad in zip(inputs, vjp(grads[output]), strict=True):
                grads[place] = grad if grads[place] is None else grads[place] + grad
        return grads


def taped(leaves: Sequence[torch.Tensor], ops: int | None) -> list[Any]:
    """The gradients of the leaves in a chain of so many operations, or, for None, in an MLP."""
    tape = Tape(leaves)
    if ops is None:
        h = len(leaves) - 1
        for w in range(0, len(leaves) - 1, 2):
            h = tape.tanh(tape.add(tape.mm(h, w), w + 1))
        tape.sum(h)
    else:
        y = 0
        for _ in range(ops // 3):
            y = tape.tanh(tape.add(tape.mul(y, 1), 2))
    return [grad.numpy() for grad in tape.backward()[: len(leaves)]]
