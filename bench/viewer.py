"""How long until a page shows its first picture, and until a module opens in it?

Pages of a GPT-2 shape with a loop over its heads (about 3,600 nodes), and of a net of 100,000
nodes, opened from files in a Chromium without a window.

    python bench/viewer.py [--runs 5] [--chromium PATH]

Needs playwright (in the `dev` extra) and a Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import sync_playwright
from torch import nn

import graphviz_autograd as gva
from graphviz_autograd import Edge, Graph, Node
from graphviz_autograd.graph import ModuleCall, TensorInfo


class Block(nn.Module):
    """Attention, head by head, and an MLP."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = self.qkv(self.norms[0](x)).split(x.shape[-1], dim=-1)
        heads = zip(*(part.chunk(self.heads, dim=-1) for part in parts), strict=True)
        mixed = [((q @ k.mT) / q.shape[-1] ** 0.5).softmax(-1) @ v for q, k, v in heads]
        x = x + self.out(torch.cat(mixed, -1))
        return x + self.mlp(self.norms[1](x))


class GPT(nn.Module):
    """Twelve blocks of twelve heads."""

    def __init__(self) -> None:
        super().__init__()
        self.wte = nn.Embedding(100, 48)
        self.h = nn.ModuleList(Block(48, 12) for _ in range(12))
        self.norm = nn.LayerNorm(48)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.wte(tokens)
        for block in self.h:
            x = block(x)
        return self.norm(x) @ self.wte.weight.T


def gpt2() -> Graph:
    model = GPT()
    with gva.record(model) as record:
        loss = model(torch.zeros(2, 8, dtype=torch.long)).sum()
    return gva.walk(loss, model, record=record, attrs=True, saved=True)


def large(count: int = 100_000, modules: int = 1_000) -> Graph:
    nodes: list[Node] = []
    edges: list[Edge] = []
    size = (TensorInfo((64, 64), "float32", "cpu"),)
    for number in range(count):
        module = number * modules // count
        outer = ModuleCall(f"part{module // 25}", f"Part{module // 25}", 1)
        calls = (ModuleCall("", "Net", 1), outer, ModuleCall(f"{outer.path}.{module}", "Layer", 1))
        op = f"Op{(number * 7 + module) % 11}Backward0"
        nodes.append(Node(number, "op", op, outputs=size, modules=calls, made=number))
        if number:
            edges.append(Edge(number - 1, number))
        if number > 5 and number % 3 == 0:
            edges.append(Edge(number - 5, number, target_index=1))
    return Graph(nodes, edges, (count - 1,), {"read": ["modules", "shapes"]})


def opening(browser: Any, path: Path) -> tuple[float, Any]:
    """Seconds from opening a file to its first picture, and the page."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto("about:blank")
    began = time.perf_counter()
    page.goto(path.as_uri(), wait_until="commit")
    page.wait_for_selector("html[data-state=ready]", timeout=60_000)
    return time.perf_counter() - began, page


def expanding(page: Any) -> float:
    """Seconds from Enter on a closed group to its open frame, before the motion."""
    group = page.locator(".box[aria-expanded=false]:visible").first
    number = group.get_attribute("data-node")
    group.focus()
    began = time.perf_counter()
    page.keyboard.press("Enter")
    page.wait_for_selector(f'.frame[data-node="{number}"]', state="attached")
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.chromium, args=["--no-sandbox"])
        opening(browser, written(Graph([], []), folder))[1].close()  # the browser's own start
        for name, graph in (("GPT-2 shape", gpt2()), ("100,000 nodes", large())):
            path = written(graph, folder)
            opened, expanded = [], []
            for _ in range(given.runs):
                seconds, page = opening(browser, path)
                opened.append(seconds)
                expanded.append(expanding(page))
                page.close()
            nodes = f"{len(graph.nodes):,} nodes"
            print(
                f"{name}: {nodes}, {path.stat().st_size / 1e6:.2f} MB, first picture after "
                f"{statistics.median(opened):.2f} s, a group opens in "
                f"{statistics.median(expanded):.2f} s (medians of {given.runs})"
            )
        browser.close()


def written(graph: Graph, folder: str) -> Path:
    path = Path(folder, "graph.html")
    graph.save(path)
    return path


if __name__ == "__main__":
    main()
