"""How long until a page shows its first picture, and until a module opens in it?

Pages are opened from files in a Chromium without a window, in turn with a blank page of the same
size. A page opens with at most 150 boxes; "a group opens" is from a key pressed on a closed module
to its frame in the new picture. TorchLens' page holds one picture of the forward, laid out by
Graphviz beforehand; nothing opens in it.
"""

from __future__ import annotations

import importlib
import os
import runpy
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

import graphviz_autograd as gva
from bench import dot
from bench.attempts import attempt
from bench.measuring import OURS, Plan, Row
from bench.measuring import rows as in_rows
from bench.page import shown
from graphviz_autograd import Edge, Graph, Node
from graphviz_autograd.graph import ModuleCall, TensorInfo

UNIT, SIZES, MEASURES = "s", "nodes", "seconds"
FLOOR = None  # no ratio here is steady enough to guard, and not every machine has a Chromium
BLANK = "blank page"
OPENS = "ours, a group opens"
TO = (BLANK,)
AIMS = (
    "A GPT-2 shape of 3,600 nodes in a file under 3 MB, its first picture within 1.5 s, a group "
    "within 0.5 s; 100,000 nodes within 5 s.",
)

CHROMIUM = runpy.run_path(str(Path(__file__).parents[1] / "tests" / "viewer" / "chromium.py"))

Case = tuple[str, Callable[[], Graph], str]


def rows(plan: Plan) -> Iterator[Row]:
    found = cases(plan)
    with browser() as (started, said):
        if started is None:
            yield from (Row(name, OURS, said=said, family=family) for name, _, family in found)
            return
        with tempfile.TemporaryDirectory() as folder:
            for name, build, family in found:
                graph = build()
                yield from opened(started, Path(folder), name, graph, plan, family)
                if plan.peers and build is gpt2:
                    peers = peers_page(started, Path(folder), name, plan)
                    yield replace(peers, size=len(graph.nodes))


def cases(plan: Plan) -> Iterator[Case]:
    yield "GPT-2 shape", gpt2, ""
    for count in (500, 1_000, 2_000, 4_000) if plan.quick else (1_000, 4_000, 16_000, 64_000):
        yield f"net of {count:,}", partial(net, count), "nets"
    if not plan.quick:
        yield "net of 100,000", partial(net, 100_000), ""


def opened(
    browser: Any, folder: Path, name: str, graph: Graph, plan: Plan, family: str
) -> Iterator[Row]:
    """In turn: the blank page, ours, and a group in ours."""
    page_file, blank_file = folder / "graph.html", folder / "blank.html"
    graph.save(page_file)
    size = page_file.stat().st_size
    blank(blank_file, size)
    opening(browser, page_file, ours=True)[1].close()
    found: dict[str, list[float]] = {BLANK: [], OURS: [], OPENS: []}
    for _ in range(plan.rounds):
        seconds, page = opening(browser, blank_file, ours=False)
        found[BLANK].append(seconds)
        page.close()
        seconds, page = opening(browser, page_file, ours=True)
        found[OURS].append(seconds)
        found[OPENS].append(group_opens(page))
        page.close()
    for row in in_rows(name, len(graph.nodes), found, to=TO, family=family):
        yield replace(row, said=shown(size, "B") if row.who == OURS else "")


def peers_page(browser: Any, folder: Path, case: str, plan: Plan) -> Row:
    """The page that TorchLens makes of the GPT-2 shape."""
    who, path = "TorchLens", folder / "peer.html"
    with dot.on_path(plan.limit):
        done = attempt(by_torchlens, str(path), limit=plan.limit)
    if done.said:
        return Row(case, who, said=done.said)
    times = []
    for _ in range(plan.rounds):
        seconds, page = opening(browser, path, ours=False)
        times.append(seconds)
        page.close()
    size = shown(path.stat().st_size, "B")
    said = f"{size}, made in {shown(done.result, 's')}"
    return Row(case, who, None, statistics.median(times), said=said)


# ---- in the browser


@contextmanager
def browser() -> Iterator[tuple[Any, str]]:
    """A Chromium without a window, or why there is none."""
    try:
        playwright = importlib.import_module("playwright.sync_api").sync_playwright
        path = CHROMIUM["find"]()
    except ImportError as error:
        yield None, str(error)
        return
    if path is None:
        yield None, CHROMIUM["MISSING"]
        return
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=arguments)
        yield started, ""
        started.close()


def opening(browser: Any, path: Path, *, ours: bool) -> tuple[float, Any]:
    """Seconds from opening a file to its first picture, and the page."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto("about:blank")
    began = time.perf_counter()
    page.goto(path.as_uri(), wait_until="commit")
    if ours:
        page.wait_for_selector("html[data-state=ready]", timeout=60_000)
    else:
        page.wait_for_load_state("load")
    return time.perf_counter() - began, page


def group_opens(page: Any) -> float:
    """Seconds from Enter on a closed group to its open frame, before the motion."""
    group = page.locator(".box[aria-expanded=false]:visible").first
    number = group.get_attribute("data-node")
    group.focus()
    began = time.perf_counter()
    page.keyboard.press("Enter")
    page.wait_for_selector(f'.frame[data-node="{number}"]', state="attached")
    return time.perf_counter() - began


# ---- pages


def blank(path: Path, size: int) -> None:
    """A page that holds so many bytes and shows a word."""
    begin, end = "<!doctype html><p>blank</p><script type='text/plain'>", "</script>"
    path.write_text(f"{begin}{'x' * (size - len(begin + end))}{end}", encoding="ascii")


def by_torchlens(path: str) -> float:
    """Seconds to make its page."""
    lens = importlib.import_module("torchlens")
    model, tokens = GPT(), torch.zeros(2, 8, dtype=torch.long)
    began = time.perf_counter()
    lens.export.html(lens.trace(model, tokens), Path(path))
    return time.perf_counter() - began


def gpt2() -> Graph:
    model = GPT()
    with gva.record(model) as record:
        loss = model(torch.zeros(2, 8, dtype=torch.long)).sum()
    return gva.walk(loss, model, record=record, attrs=True, saved=True)


def net(count: int) -> Graph:
    """A net of modules of a hundred nodes each, twenty-five of them in one around them."""
    modules = count // 100
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
        result: torch.Tensor = x + self.mlp(self.norms[1](x))
        return result


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
        logits: torch.Tensor = self.norm(x) @ self.wte.weight.T
        return logits
