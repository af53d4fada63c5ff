"""What does reverse mode in Python cost, beside torch's in C++?

Two programs, forward and backward in float64 on one thread: (a) a chain of scalar mul, add
and tanh, (b) an MLP of three layers, 256 wide, on a batch of 64. Each is written twice, as
methods of tensors and as functions of torch; torch.autograd and the engine both run both, in
turn, in one process. The engine takes methods through its direct door and functions through
its dispatch door. The floor is a bare Python tape over the same kernels. MyGrad, HIPS
autograd and micrograd join where they are installed.

    OMP_NUM_THREADS=1 python bench/engine.py [--ops 2000] [--runs 9]

Quote the ratios to torch running the same text: absolute times vary with the machine and
the hour. (The variable holds NumPy, under the peers, to one thread.)
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional

from graphviz_autograd import engine

Run = Callable[[], Any]
"""Computes a program and its gradients; gives the gradient of the first leaf."""

Program = Callable[[Sequence[Any]], Any]
"""Computes a scalar from its leaves."""

BATCH, WIDTH, LAYERS = 64, 256, 3


# ---- the programs; the leaves of the chain are y, w, b, those of the MLP w, b, w, b, ..., x


def chain_of_methods(ops: int) -> Program:
    def program(leaves: Sequence[Any]) -> Any:
        y, w, b = leaves
        for _ in range(ops // 3):
            y = y * w
            y = y + b
            y = y.tanh()
        return y

    return program


def chain_of_functions(ops: int) -> Program:
    def program(leaves: Sequence[Any]) -> Any:
        y, w, b = leaves
        for _ in range(ops // 3):
            y = torch.tanh(torch.add(torch.mul(y, w), b))
        return y

    return program


def mlp_of_methods(leaves: Sequence[Any]) -> Any:
    *weights, h = leaves
    for w, b in zip(weights[::2], weights[1::2], strict=True):
        h = (h.mm(w) + b).tanh()
    return h.sum()


def mlp_of_functions(leaves: Sequence[Any]) -> Any:
    *weights, h = leaves
    for w, b in zip(weights[::2], weights[1::2], strict=True):
        h = torch.tanh(functional.linear(h, w.t(), b))
    return torch.sum(h)


# ---- who runs them


def differentiated(program: Program, leaves: Sequence[Any]) -> Run:
    """As torch and the engine do it: backward() fills the leaves' .grad."""

    def run() -> Any:
        for leaf in leaves:
            leaf.grad = None
        program(leaves).backward()
        return leaves[0].grad

    return run


class Tape:
    """The least that reverse mode can be: a list of steps, read backwards."""

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


def taped_chain(data: Sequence[torch.Tensor], ops: int) -> Run:
    def run() -> Any:
        tape, y = Tape(data), 0
        for _ in range(ops // 3):
            y = tape.tanh(tape.add(tape.mul(y, 1), 2))
        return tape.backward()[0]

    return run


def taped_mlp(data: Sequence[torch.Tensor]) -> Run:
    def run() -> Any:
        tape, h = Tape(data), len(data) - 1
        for layer in range(LAYERS):
            h = tape.tanh(tape.add(tape.mm(h, 2 * layer), 2 * layer + 1))
        tape.sum(h)
        return tape.backward()[0]

    return run


# ---- peers


def mygrad_runs(data: Sequence[torch.Tensor], ops: int | None) -> Run:
    mygrad = importlib.import_module("mygrad")
    leaves = [mygrad.tensor(value.numpy()) for value in data]

    def run() -> Any:
        if ops is None:
            *weights, h = leaves
            for w, b in zip(weights[::2], weights[1::2], strict=True):
                h = mygrad.tanh(mygrad.matmul(h, w) + b)
            result = h.sum()
        else:
            result, w, b = leaves
            for _ in range(ops // 3):
                result = mygrad.tanh(result * w + b)
        result.backward()
        return torch.as_tensor(leaves[0].grad)

    return run


def hips_runs(data: Sequence[torch.Tensor], ops: int | None) -> Run:
    hips, numpy = importlib.import_module("autograd"), importlib.import_module("autograd.numpy")

    def program(leaves: Any) -> Any:
        if ops is None:
            *weights, h = leaves
            for w, b in zip(weights[::2], weights[1::2], strict=True):
                h = numpy.tanh(numpy.dot(h, w) + b)
            return h.sum()
        y, w, b = leaves
        for _ in range(ops // 3):
            y = numpy.tanh(y * w + b)
        return y

    gradient = hips.grad(program)
    leaves = [value.numpy() if value.dim() else value.item() for value in data]
    return lambda: torch.as_tensor(gradient(leaves)[0])


def micrograd_runs(data: Sequence[torch.Tensor], ops: int | None) -> Run:
    if ops is None:
        raise ImportError("micrograd has scalars only")
    value = importlib.import_module("micrograd.engine").Value

    def run() -> Any:
        first, w, b = (value(number.item()) for number in data)
        y = first
        for _ in range(ops // 3):
            y = (y * w + b).relu()  # it has no tanh
        # Its own backward() recurses over the graph, too deep for a chain like this.
        chain = [y]
        while chain[-1] is not first:
            chain.append(next(v for v in chain[-1]._prev if v is not w and v is not b))
        y.grad = 1
        for made in chain:
            made._backward()
        return None

    return run


PEERS: dict[str, Callable[[Sequence[torch.Tensor], int | None], Run]] = {
    "MyGrad": mygrad_runs,
    "HIPS autograd": hips_runs,
    "micrograd, relu for tanh": micrograd_runs,
}


# ---- measuring


def runs_of(
    data: Sequence[torch.Tensor], methods: Program, functions: Program, tape: Run, ops: int | None
) -> dict[str, Run]:
    """Everybody who runs a program, by name. `ops` is the chain's length; None is the MLP."""

    def torchs() -> list[torch.Tensor]:
        return [value.clone().requires_grad_() for value in data]

    def ours() -> list[engine.Tensor]:
        return [engine.Tensor(value.clone(), requires_grad=True) for value in data]

    runs = {
        "torch.autograd, methods": differentiated(methods, torchs()),
        "torch.autograd, functions": differentiated(functions, torchs()),
        "engine, methods (direct door)": differentiated(methods, ours()),
        "engine, functions (dispatch door)": differentiated(functions, ours()),
        "bare Python tape": tape,
    }
    for name, peer in PEERS.items():
        try:
            runs[name] = peer(data, ops)
        except ImportError as reason:
            print(f"{name} is left out: {reason}")
    return runs


def check(runs: dict[str, Run]) -> None:
    """All compute the same, so their times can be compared."""
    wanted = runs["torch.autograd, methods"]()
    for name, run in runs.items():
        got = run()
        if got is not None:
            plain = got.data if isinstance(got, engine.Tensor) else got
            torch.testing.assert_close(plain, wanted, msg=f"{name}: another gradient than torch's")


def measure(runs: dict[str, Run], rounds: int) -> dict[str, float]:
    """Median seconds of each; all take their turn in every round."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def report(title: str, ops: int, seconds: dict[str, float]) -> None:
    print(f"\n{title}\n  {'':36}{'µs an op':>9}{'to torch':>10}")
    for name, spent in seconds.items():
        same = "torch.autograd, functions" if "functions" in name else "torch.autograd, methods"
        print(f"  {name:36}{spent / ops * 1e6:9.1f}{spent / seconds[same]:10.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ops", type=int, default=2000, help="the length of the chain")
    parser.add_argument("--runs", type=int, default=9, help="rounds; the median counts")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)

    ops = given.ops // 3 * 3
    scalars = [torch.tensor(number, dtype=torch.float64) for number in (0.5, 1.01, 0.01)]
    chain = runs_of(
        scalars,
        chain_of_methods(ops),
        chain_of_functions(ops),
        taped_chain(scalars, ops),
        ops,
    )
    check(chain)
    report(f"(a) a chain of {ops} scalar operations", ops, measure(chain, given.runs))

    layer = [(WIDTH, WIDTH), (WIDTH,)]
    data = [
        torch.randn(shape, dtype=torch.float64) / WIDTH**0.5
        for shape in [*layer * LAYERS, (BATCH, WIDTH)]
    ]
    mlp = runs_of(data, mlp_of_methods, mlp_of_functions, taped_mlp(data), None)
    check(mlp)
    title = f"(b) an MLP of {LAYERS} layers, batch {BATCH}, width {WIDTH}"
    report(title, 3 * LAYERS + 1, measure(mlp, 5 * given.runs))


if __name__ == "__main__":
    main()
