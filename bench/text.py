"""How long does it take to turn a graph into DOT text?

On the same tensors, in turn: `make_dot` of torchviz, ours, and a bare walk of `next_functions`,
the least that anybody can do, and less than a picture needs. torchviz recurses over the graph, so
here it has a deeper limit and a larger stack than Python gives it; "as Python comes" is without.
"""

from __future__ import annotations

import importlib
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch

import graphviz_autograd as gva
from bench.attempts import attempt
from bench.graphs import Built, chain, mlp, transformer
from bench.measuring import OURS, Plan, Row, Run, compared

UNIT, SIZES, MEASURES = "s", "boxes", "to DOT"
FLOOR = "bare walk"
TO = (FLOOR, OURS)
AIMS = ("At most 12 times the bare walk, at least 5 times faster than torchviz.",)

Case = tuple[str, Built, str]


def rows(plan: Plan) -> Iterator[Row]:
    yield from _deeply(plan)
    if plan.peers:
        for length in (500, 2_000, 20_000):
            yield from as_python_comes(length, plan.limit)


def cases(plan: Plan) -> Iterator[Case]:
    yield "MLP of 50 layers", mlp(50), ""
    yield "transformer of 12 layers", transformer(12), ""
    for length in (250, 500, 1_000, 2_000) if plan.quick else (500, 1_000, 2_000, 4_000):
        yield f"chain of {length:,}", chain(length), "chain"


def _deeply(plan: Plan) -> list[Row]:
    """The rows that torchviz has a part in, on a thread whose stack is large enough for it."""
    found: list[Row] = []

    def work() -> None:
        for case in cases(plan):
            found.extend(measured(case, plan))

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    before = threading.stack_size(512 * 1024 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
        sys.setrecursionlimit(limit)
    return found


def measured(case: Case, plan: Plan) -> list[Row]:
    name, (y, model), family = case
    params = dict(model.named_parameters()) if model else {}
    ways: dict[str, Run] = {
        FLOOR: lambda: bare_walk(y.grad_fn),
        OURS: lambda: gva.make_dot(y, params),
    }
    if plan.peers:
        torchviz = peer()
        ways["torchviz"] = lambda: torchviz.make_dot(y, params)
    boxes = len(gva.walk(y, shapes=False, attrs=False, saved=False).nodes)
    return compared(name, boxes, ways, plan, to=TO, family=family)


def bare_walk(root: Any) -> int:
    """The number of autograd nodes, found the cheapest way."""
    seen = {root}
    stack = [root]
    while stack:
        for child, _ in stack.pop().next_functions:
            if child is not None and child not in seen:
                seen.add(child)
                stack.append(child)
    return len(seen)


def peer() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("torchviz")


# ---- as Python comes


def as_python_comes(length: int, limit: float) -> Iterator[Row]:
    case = f"chain of {length:,}, as Python comes"
    for who, function in ((OURS, by_us), ("torchviz", by_torchviz)):
        done = attempt(function, length, limit=limit)
        yield Row(case, who, length, done.result, said=done.said)


def by_us(length: int) -> float:
    return _seconds(gva.make_dot, length)


def by_torchviz(length: int) -> float:
    return _seconds(peer().make_dot, length)


def _seconds(make_dot: Callable[[torch.Tensor], object], length: int) -> float:
    make_dot(chain(1)[0])  # what is loaded at first use
    y, _ = chain(length)
    start = time.perf_counter()
    make_dot(y)
    return time.perf_counter() - start
