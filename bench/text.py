"""How long does it take to turn a graph into DOT text?

In one process, on the same graph objects, in turn: torchviz.make_dot, our make_dot, and a
bare walk of `next_functions`, the least that anybody can do. Quote the ratios: absolute
times vary with the machine and the hour.

    python bench/text.py [--runs 15]

Needs torchviz (in the `dev` extra).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch

import graphviz_autograd as gva

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import torchviz

Case = tuple[str, torch.Tensor, dict[str, torch.Tensor]]


def cases() -> list[Case]:
    layers = [layer for _ in range(50) for layer in (torch.nn.Linear(8, 8), torch.nn.ReLU())]
    mlp = torch.nn.Sequential(*layers)
    block = torch.nn.TransformerEncoderLayer(16, 2, batch_first=True)
    transformer = torch.nn.TransformerEncoder(block, 12)
    return [
        ("MLP, 50 layers", mlp(torch.ones(2, 8)).sum(), dict(mlp.named_parameters())),
        (
            "transformer, 12 layers",
            transformer(torch.ones(2, 4, 16)).sum(),
            dict(transformer.named_parameters()),
        ),
        *((f"chain of {depth}", chain(depth), {}) for depth in (100, 1000, 5000)),
    ]


def chain(depth: int) -> torch.Tensor:
    y = torch.ones(3, requires_grad=True)
    for _ in range(depth):
        y = y + 1
    return y


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


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(case: Case, runs: int) -> str:
    name, y, params = case
    works: dict[str, Callable[[], object]] = {
        "bare": lambda: bare_walk(y.grad_fn),
        "ours": lambda: gva.make_dot(y, params),
        "torchviz": lambda: torchviz.make_dot(y, params),
    }
    for work in works.values():
        work()  # warm up: wrappers of nodes are made when first seen
    times: dict[str, list[float]] = {key: [] for key in works}
    for _ in range(runs):
        for key, work in works.items():
            times[key].append(timed(work))
    boxes = len(gva.walk(y, shapes=False, attrs=False, saved=False).nodes)
    micros = {key: 1e6 * statistics.median(values) / boxes for key, values in times.items()}
    pairs = zip(times["torchviz"], times["ours"], times["bare"], strict=True)
    faster, slower = zip(*((t / o, o / b) for t, o, b in pairs), strict=True)
    return (
        f"{name:24}{boxes:7}{micros['bare']:9.2f}{micros['ours']:9.2f}{micros['torchviz']:9.2f}"
        f"{statistics.median(faster):12.1f} ×{statistics.median(slower):12.1f} ×"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    warnings.simplefilter("ignore", DeprecationWarning)  # torchviz asks distutils for versions
    print("µs a box, median; ratios of the runs taken in turn, median")
    print(
        f"{'':24}{'boxes':>7}{'bare':>9}{'ours':>9}{'torchviz':>9}{'faster by':>14}{'bare ×':>14}"
    )
    for case in cases():
        print(measure(case, runs), flush=True)


if __name__ == "__main__":
    # torchviz recurses: 5,000 nodes need a deeper limit and a larger stack.
    sys.setrecursionlimit(100_000)
    threading.stack_size(512 * 1024 * 1024)
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
