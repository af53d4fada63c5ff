"""How long does it take to turn a graph into DOT text?

On the same tensors, in turn: `make_dot` of torchviz, ours, and a bare walk of `next_functions`,
the least that anybody can do, and less than a picture needs. torchviz recurses over the graph, so
here it has a deeper limit and a larger stack than Python gives it; "as Python comes" is without.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch

import graphviz_autograd as gva
from bench import drawings
from bench.attempts import attempt, with_room
from bench.graphs import Built, bare_walk, chain, mlp, transformer
from bench.measuring import OURS, Plan, Row, Run, compared

UNIT, SIZES, MEASURES = "s", "boxes", "to DOT"
FLOOR = "bare walk"
TO = (FLOOR, OURS)
AIMS = ("At most 12 times the bare walk, at least 5 times faster than torchviz.",)

Case = tuple[str, Built, str]


def rows(plan: Plan) -> Iterator[Row]:
    yield from with_room(lambda: [row for case in cases(plan) for row in measured(case, plan)])
    if plan.peers:
        for length in (500, 2_000, 20_000):
            yield from as_python_comes(length, plan.limit)


def cases(plan: Plan) -> Iterator[Case]:
    yield "MLP of 50 layers", mlp(50), ""
    yield "transformer of 12 layers", transformer(12), ""
    for length in (100, 250, 500, 1_000) if plan.quick else (100, 500, 1_000, 5_000):
        yield f"chain of {length:,}", chain(length), "chain"


def measured(case: Case, plan: Plan) -> list[Row]:
    name, (y, model), family = case
    params = dict(model.named_parameters()) if model else {}
    ways: dict[str, Run] = {
        FLOOR: lambda: bare_walk(y.grad_fn),
        OURS: lambda: gva.make_dot(y, params),
    }
    if plan.peers:
        ways["torchviz"] = lambda: drawings.torchviz(y, params)
    boxes = len(gva.walk(y, shapes=False, attrs=False, saved=False).nodes)
    return compared(name, boxes, ways, plan, to=TO, family=family)


# ---- as Python comes


def as_python_comes(length: int, limit: float) -> Iterator[Row]:
    case = f"chain of {length:,}, as Python comes"
    for who, function in ((OURS, by_us), ("torchviz", by_torchviz)):
        done = attempt(function, length, limit=limit)
        yield Row(case, who, length, done.result, said=done.said)


def by_us(length: int) -> float:
    return _seconds(gva.make_dot, length)


def by_torchviz(length: int) -> float:
    return _seconds(drawings.torchviz, length)


def _seconds(make_dot: Callable[[torch.Tensor], object], length: int) -> float:
    make_dot(chain(1)[0])  # what is loaded at first use
    y, _ = chain(length)
    start = time.perf_counter()
    make_dot(y)
    return time.perf_counter() - start
