"""What does reverse mode in Python cost an operation, beside torch's in C++?

Forward and backward in float64, in processor time, divided by the number of operations: a growth
of 0 means that each costs the same in a graph of any length. The programs: a chain of scalar mul,
add and tanh, and an MLP of three layers, 256 wide, on a batch of 64. As methods of tensors they
enter our engine by its direct door, as functions of torch by its dispatch door. The bare tape is a
list of steps over the same kernels. All gradients are compared before times are taken. micrograd
has scalars, and relu for tanh; its backward() recurses, so it is timed with a loop in its place as
well. Then what becomes of a second derivative, of a torch module, and of 20,001 operations; there
tinygrad runs on its interpreter in Python where clang, which it takes to the CPU, is not there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy
import torch
from torch.nn import functional

from bench.attempts import attempt
from bench.engines import (
    EVERYBODY,
    PEERS,
    TORCH,
    Engine,
    Program,
    micrograd_by_a_loop,
    tinygrad_on_cpu,
)
from bench.measuring import OURS, Plan, Row, compared
from bench.tape import taped
from graphviz_autograd import engine

UNIT, SIZES, MEASURES = "s", "ops", "an op, forward and backward"
FLOOR = "bare Python tape"
TO = (TORCH, FLOOR)
AIMS = (
    "As methods at most 1.7 times torch.autograd on the chain and 1.15 times on the MLP, ahead of "
    "MyGrad and HIPS autograd on both; as functions at most 3.5 and 1.4 times.",
)

BATCH, WIDTH, LAYERS = 64, 256, 3
OF_MLP = 3 * LAYERS + 1
LENGTH, DEEP = 2_001, 20_001

BESIDE: dict[str, Callable[[], Engine]] = {
    **{who: make for who, make in PEERS.items() if who != "tinygrad"},
    "micrograd, backward by a loop": micrograd_by_a_loop,
    "tinygrad": tinygrad_on_cpu,
}
"""The peers, where time is taken."""


def rows(plan: Plan) -> Iterator[Row]:
    peers = list(BESIDE) if plan.peers else []
    for ops in (252, 501, 1_002, LENGTH) if plan.quick else (501, 1_002, LENGTH, 4_002):
        yield from measured(f"chain of {ops:,}, as methods", ops, plan, peers, family="chain")
    yield from measured("MLP, as methods", None, plan, list(BESIDE) if plan.peers else [])
    yield from measured(f"chain of {LENGTH:,}, as functions", LENGTH, plan, [])
    yield from measured("MLP, as functions", None, plan, [])
    if plan.peers:
        yield from told_by_all("second derivative of x³ at 2, which is 12", second, plan)
        yield from told_by_all("gradient through a torch.nn.Linear", linear, plan)
        yield from deep_by_all(plan)


# ---- the programs; the leaves of the chain are y, w, b, those of the MLP w, b, w, b, ..., x


def data(ops: int | None) -> list[torch.Tensor]:
    """What the leaves are made of; of the MLP where no length is given."""
    torch.manual_seed(0)
    if ops is not None:
        return [torch.tensor(number, dtype=torch.float64) for number in (0.5, 1.01, 0.01)]
    shapes = [*[(WIDTH, WIDTH), (WIDTH,)] * LAYERS, (BATCH, WIDTH)]
    return [torch.randn(shape, dtype=torch.float64) / WIDTH**0.5 for shape in shapes]


def methods(ops: int | None, tanh: Callable[[Any], Any], mm: Callable[[Any, Any], Any]) -> Program:
    def chain(leaves: Sequence[Any]) -> Any:
        y, w, b = leaves
        for _ in range((ops or 0) // 3):
            y = tanh(y * w + b)
        return y

    def mlp(leaves: Sequence[Any]) -> Any:
        *weights, h = leaves
        for w, b in zip(weights[::2], weights[1::2], strict=True):
            h = tanh(mm(h, w) + b)
        return h.sum()

    return mlp if ops is None else chain


def functions(ops: int | None) -> Program:
    def chain(leaves: Sequence[Any]) -> Any:
        y, w, b = leaves
        for _ in range((ops or 0) // 3):
            y = torch.tanh(torch.add(torch.mul(y, w), b))
        return y

    def mlp(leaves: Sequence[Any]) -> Any:
        *weights, h = leaves
        for w, b in zip(weights[::2], weights[1::2], strict=True):
            h = torch.tanh(functional.linear(h, w.t(), b))
        return torch.sum(h)

    return mlp if ops is None else chain


# ---- times


def measured(
    case: str, ops: int | None, plan: Plan, peers: list[str], family: str = ""
) -> Iterator[Row]:
    """The rows of one program. A peer that fails in it is told of; one too slow leaves `peers`."""
    values, size = data(ops), OF_MLP if ops is None else ops
    program = functions(ops) if "functions" in case else None
    ways: dict[str, Callable[[], list[Any]]] = {
        TORCH: run_of(EVERYBODY[TORCH](), ops, program),
        FLOOR: lambda: taped(values, ops),
        OURS: run_of(EVERYBODY[OURS](), ops, program),
    }
    for run in ways.values():
        numpy.testing.assert_allclose(run()[0], ways[TORCH]()[0])
    failed, notes = [], {}
    for who in list(peers):
        said = attempt(once, who, ops, limit=plan.limit).said
        if said:
            failed.append(Row(case, who, size, said=said))
            if said.startswith("no answer"):
                peers.remove(who)
            continue
        peer = BESIDE[who]()
        ways[who], notes[who] = run_of(peer, ops), peer.instead
    for row in compared(case, size, ways, plan, to=TO, family=family, clock=time.process_time):
        an_op = None if row.value is None else row.value / size
        yield replace(row, value=an_op, said=notes.get(row.who, ""))
    yield from failed


def run_of(way: Engine, ops: int | None, program: Program | None = None) -> Callable[[], list[Any]]:
    program = program or methods(ops, way.tanh, way.mm)
    leaves = [way.leaf(value) for value in data(ops)]
    return lambda: [way.numbers(found) for found in way.gradients(program, leaves)]


def once(who: str, ops: int | None) -> None:
    """Whether a peer runs the program at all, and finds the same as torch."""
    way, tanh = BESIDE[who](), torch.relu if BESIDE[who]().instead else torch.tanh
    wanted = run_of(EVERYBODY[TORCH](), ops, methods(ops, tanh, torch.mm))
    numpy.testing.assert_allclose(run_of(way, ops)()[0], wanted()[0])


# ---- what becomes of it, as Python comes


def told_by_all(case: str, function: Callable[[str], str], plan: Plan) -> Iterator[Row]:
    for who in EVERYBODY:
        done = attempt(function, who, limit=plan.limit)
        yield Row(case, who, said=done.said or done.result)


def second(who: str) -> str:
    """The gradient of a gradient, asked for as each has it."""
    way = EVERYBODY[who]()
    leaf = way.leaf(torch.tensor(2.0, dtype=torch.float64))

    def cube(leaves: Sequence[Any]) -> Any:
        return leaves[0] * leaves[0] * leaves[0]

    if who in (TORCH, OURS):
        grad = torch.autograd.grad if who == TORCH else engine.autograd.grad
        (first,) = grad(cube([leaf]), [leaf], create_graph=True)
        (found,) = grad(first, [leaf])
    else:
        (found,) = way.gradients(lambda leaves: way.gradients(cube, leaves)[0], [leaf])
    return f"gives {float(way.numbers(found)):g}"


def linear(who: str) -> str:
    """A model of torch's, called with a leaf of each."""
    way, model = EVERYBODY[who](), torch.nn.Linear(3, 2).double()
    leaf = way.leaf(torch.ones(1, 3, dtype=torch.float64))
    call = model if who != OURS else lambda x: engine.functional_call(model, x)
    (found,) = way.gradients(lambda leaves: call(leaves[0]).sum(), [leaf])
    right = numpy.allclose(way.numbers(found), model.weight.detach().sum(0).numpy())
    return "gives it" if right else "gives another"


def deep_by_all(plan: Plan) -> Iterator[Row]:
    for who in EVERYBODY:
        done = attempt(deep, who, limit=plan.limit)
        yield Row(f"chain of {DEEP:,}, as Python comes", who, DEEP, done.result, said=done.said)


def deep(who: str) -> float:
    run = run_of(EVERYBODY[who](), DEEP)
    start = time.process_time()
    run()
    return (time.process_time() - start) / DEEP
