"""What does it cost to walk a million nodes: seconds, bytes, and the cure for freeing?

A chain (a million deep) and a wide graph (a million across), each walked in full: shapes,
attributes and saved tensors. The time spent on making the graph safe to free
(freeing.protect) is told apart. Memory is resident memory before and after, so it counts
what torch makes when a node is first seen as well as the Graph itself.

    python bench/memory.py [--nodes 1000000]
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import graphviz_autograd as gva
from graphviz_autograd import walker


def chain(nodes: int) -> torch.Tensor:
    y = torch.ones(2, requires_grad=True)
    for _ in range(nodes):
        y = y + 1
    return y


def wide(nodes: int) -> torch.Tensor:
    x = torch.ones(2, requires_grad=True)
    return torch.stack([x * i for i in range(nodes // 2)]).sum()  # each makes two boxes


def resident() -> int:
    """Resident memory of this process in bytes (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


class Timed:
    """A function that adds up the time spent in it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.seconds = function, 0.0

    def __call__(self, *args: Any) -> Any:
        start = time.perf_counter()
        result = self.function(*args)
        self.seconds += time.perf_counter() - start
        return result


def measure(build: Callable[[int], torch.Tensor], nodes: int) -> None:
    y = build(nodes)
    gc.collect()
    cure = walker.protect = Timed(walker.protect)
    before, start = resident(), time.perf_counter()
    graph = gva.walk(y)
    seconds, after = time.perf_counter() - start, resident()
    walker.protect = cure.function
    boxes = len(graph.nodes)
    start = time.perf_counter()
    del y
    freed = time.perf_counter() - start
    print(
        f"{build.__name__:8}{boxes:10} boxes  walk {seconds - cure.seconds:6.2f} s"
        f" + cure {cure.seconds:5.2f} s ({1e6 * cure.seconds / boxes:.2f} µs a box)"
        f"  {(after - before) / boxes:6.0f} bytes a box  freed in {freed:.2f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=1_000_000)
    nodes = parser.parse_args().nodes
    for build in (chain, wide):
        measure(build, nodes)


if __name__ == "__main__":
    if not Path("/proc/self/statm").exists():
        sys.exit("bench/memory.py reads /proc/self/statm, which only Linux has")
    main()
