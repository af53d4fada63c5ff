"""How long does it take from a tensor to its SVG, and does it end?

The whole way, in turn on the same tensors: torchviz's make_dot, drawn by Graphviz 14 as it is
(pygraphviz's, so no system Graphviz decides), and our make_dot(...).pipe("svg"). Both draw
everything. The peer is stopped after --limit seconds. Then what we alone can do: the pictures
as `gva render` shows them, 30,000 boxes in full, and a million nodes collapsed.

    python bench/layout.py [--limit 90] [--nodes 1000000]

Needs torchviz (in the `dev` extra). Layout runs in a child process, whose memory is not counted.
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

import graphviz_autograd as gva
from graphviz_autograd.emit import layout
from graphviz_autograd.transform.readable import readable

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import torchviz

Built = tuple[torch.Tensor, nn.Module | None]


def unrolled(steps: int) -> Built:
    cell = nn.RNNCell(8, 8)
    state = torch.zeros(2, 8)
    for x in torch.randn(steps, 2, 8):
        state = cell(x, state)
    return state.sum(), cell


def transformer(layers: int) -> Built:
    block = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
    model = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
    return model(torch.randn(2, 4, 16)).sum(), model


class Bottleneck(nn.Module):
    """The block of ResNet-50, with few channels."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        after = 4 * width
        self.body = nn.Sequential(
            *(nn.Conv2d(before, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, after, 1, bias=False), nn.BatchNorm2d(after)),
        )
        self.around = nn.Sequential()
        if stride != 1 or before != after:
            self.around.append(nn.Conv2d(before, after, 1, stride, bias=False))
            self.around.append(nn.BatchNorm2d(after))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(x) + self.around(x))


def resnet(*blocks: int) -> Built:
    layers: list[nn.Module] = [nn.Conv2d(3, 4, 7, 2, 3), nn.BatchNorm2d(4), nn.MaxPool2d(3, 2, 1)]
    channels = 4
    for stage, count in enumerate(blocks):
        for number in range(count):
            stride = 2 if stage and not number else 1
            layers.append(Bottleneck(channels, 2**stage, stride))
            channels = 4 * 2**stage
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))
    return model(torch.randn(2, 3, 64, 64)).sum(), model


def dense(layers: int) -> Built:
    """Each layer reads the outputs of all before it."""
    linears = nn.ModuleList(nn.Linear(4 * (number + 1), 4) for number in range(layers))
    found = [torch.randn(2, 4)]
    for linear in linears:
        found.append(linear(torch.cat(found, 1)).relu())
    return torch.cat(found, 1).sum(), linears


def chain(length: int) -> Built:
    y = torch.ones(3, requires_grad=True)
    for _ in range(length):
        y = y + 1
    return y, None


def blocks(nodes: int) -> Built:
    """A deep model with a way around each block; about eleven nodes a block."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.second(self.first(x).relu()).tanh()

    stages = (nn.Sequential(*(Block() for _ in range(nodes // 100 // 17))) for _ in range(100))
    model = nn.Sequential(*stages)
    return model(torch.randn(1, 2)).sum(), model


CASES: list[tuple[str, Callable[[], Built]]] = [
    ("RNN, 50 steps", lambda: unrolled(50)),
    ("RNN, 200 steps", lambda: unrolled(200)),
    ("transformer, 12 layers", lambda: transformer(12)),
    ("transformer, 48 layers", lambda: transformer(48)),
    ("ResNet-50 shape", lambda: resnet(3, 4, 6, 3)),
    ("dense, 20 layers", lambda: dense(20)),
    ("chain of 10,000", lambda: chain(10_000)),
]


def peer(y: torch.Tensor, model: nn.Module | None, limit: float) -> str:
    """torchviz, then Graphviz with nothing asked of it, in the child that we use ourselves."""
    start = time.perf_counter()
    text = torchviz.make_dot(y, dict(model.named_parameters()) if model else None).source
    end = layout._run(layout._bundled("dot", "svg", limit), text.encode(), limit)
    return f"over {limit:.0f}" if end is None else f"{time.perf_counter() - start:.2f}"


def ours(y: torch.Tensor, model: nn.Module | None) -> tuple[float, list[str]]:
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", gva.emit.digraph.DrawingWarning)
        gva.make_dot(y, model).pipe("svg")
    return time.perf_counter() - start, [str(warning.message) for warning in caught]


def compare(name: str, build: Callable[[], Built], limit: float) -> None:
    y, model = build()
    gva.make_dot(y, model)  # warm up: wrappers of nodes are made when first seen
    boxes = len(gva.walk(y, shapes=False, attrs=False, saved=False).nodes)
    seconds, notes = ours(y, model)
    how = "layered" if notes else "dot"
    print(f"{name:34}{boxes:9,}{seconds:9.2f}  {how:8}{peer(y, model, limit):>9}", flush=True)


def alone(name: str, build: Callable[[], Built], *, simple: bool) -> None:
    """One of our own pictures, from the tensor on."""
    with gva.record(lines=False) as record:
        y, model = build()
    gc.collect()
    start = time.perf_counter()
    graph = gva.walk(y, params=model, record=record, attrs=False, saved=False)
    shown: Any = readable(graph)[0] if simple else graph
    _, notes = shown.draw("svg")
    seconds = time.perf_counter() - start
    how = "layered" if any("layered" in note for note in notes) else "dot"
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{name:34}{len(graph.nodes):9,}{seconds:9.2f}  {how:8}{most:6.1f} GB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=float, default=90)
    parser.add_argument("--nodes", type=int, default=1_000_000)
    given = parser.parse_args()
    warnings.simplefilter("ignore", DeprecationWarning)  # torchviz asks distutils for versions
    print("seconds from a tensor to SVG; how ours was laid out")
    print(f"{'everything drawn':34}{'boxes':>9}{'ours':>9}{'':10}{'torchviz':>9}")
    for name, build in CASES:
        compare(name, build, given.limit)
    print(f"\n{'ours alone':34}{'nodes':>9}{'ours':>9}{'':10}{'memory':>9}")
    alone("transformer, 12 layers, as shown", lambda: transformer(12), simple=True)
    alone("RNN, 200 steps, as shown", lambda: unrolled(200), simple=True)
    alone("transformer, 30,000 boxes, in full", lambda: transformer(440), simple=False)
    alone("deep model, as shown", lambda: blocks(given.nodes), simple=True)


if __name__ == "__main__":
    # torchviz recurses: 10,000 nodes need a deeper limit and a larger stack.
    sys.setrecursionlimit(100_000)
    threading.stack_size(512 * 1024 * 1024)
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
