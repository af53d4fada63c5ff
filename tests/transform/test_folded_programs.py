"""Whatever the program: folding loses nothing, makes no circle, and folds only what is equal."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import graphviz_autograd as gva
from graphviz_autograd.graph import Graph, Node
from graphviz_autograd.transform.groups import without_cycles
from graphviz_autograd.transform.repeats import fold
from graphviz_autograd.visible import visible


class Program(nn.Module):
    """A random model: layers and activations, residual additions, loops over equal blocks, one
    block used again, and blocks side by side.
    """

    def __init__(self, chance: random.Random, depth: int = 0) -> None:
        super().__init__()
        kinds = ["linear", "tanh", "own", "twice"]
        kinds += ["residual", "layers", "again", "parallel"] if depth < 2 else []
        self.kinds = [chance.choice(kinds) for _ in range(chance.randint(1, 4))]
        self.parts = nn.ModuleList(self.part(kind, chance, depth + 1) for kind in self.kinds)

    def part(self, kind: str, chance: random.Random, depth: int) -> nn.Module:
        if kind in ("layers", "parallel"):
            seed, count = chance.random(), chance.randint(2, 5)
            return nn.ModuleList(Program(random.Random(seed), depth) for _ in range(count))
        if kind in ("residual", "again"):
            return Program(chance, depth)
        return nn.Linear(4, 4) if kind == "linear" else nn.Tanh()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for kind, part in zip(self.kinds, self.parts, strict=True):
            match kind:
                case "residual":
                    x = x + part(x)
                case "own":
                    x = x * x.sigmoid()
                case "twice":
                    x = x + x
                case "layers":
                    for block in part:
                        x = block(x)
                case "again":
                    for _ in range(3):
                        x = part(x)
                case "parallel":
                    x = sum(block(x) for block in part)
                case _:
                    x = part(x)
        return x


def program(seed: int, record: bool) -> Graph:
    torch.manual_seed(seed)
    model = Program(random.Random(seed))
    x = torch.randn(2, 4, requires_grad=bool(seed % 2))
    with gva.record(model, lines=False) as rec:
        loss = model(x).sum()
    return gva.walk(loss, model, record=rec if record else None)


def drawable(seed: int) -> bool:
    model = Program(random.Random(seed))
    return bool(seed % 2 or any(True for _ in model.parameters()))


programs = st.integers(0, 10**6).filter(drawable)


@settings(max_examples=40)
@given(programs, st.booleans(), st.integers(2, 3))
def test_folding_loses_nothing_and_makes_no_circle(seed: int, record: bool, least: int) -> None:
    graph = program(seed, record)
    folded = fold(graph, least=least)
    plain = [replace(node, parent=None) for node in folded.nodes if node.kind != "group"]
    assert plain == [replace(node, parent=None) for node in graph.nodes]
    assert folded.edges == graph.edges
    assert folded.closed == {n.id for n in folded.nodes if n.op in ("repeat", "more")}
    whole = visible(replace(folded, closed=frozenset()))
    assert [replace(n, parent=None) for n in whole.nodes if n.kind != "group"] == plain
    assert whole.edges == graph.edges
    everything = frozenset(n.id for n in folded.nodes if n.kind == "group")
    chance = random.Random(seed)
    some = frozenset(n for n in sorted(everything) if chance.random() < 0.5)
    for closed in (everything, some):
        shut = replace(folded, closed=closed)
        assert without_cycles(shut) == shut


@settings(max_examples=40)
@given(programs, st.booleans())
def test_the_same_program_folds_the_same_way_and_only_once(seed: int, record: bool) -> None:
    folded = fold(program(seed, record))
    assert folded == fold(program(seed, record))
    assert fold(folded) == folded
    assert Graph.from_json(folded.to_json()) == folded


def inside(graph: Graph, group: Node) -> list[Node]:
    """The ops and repeats that a group holds, itself or in groups."""
    around = {node.id: node.parent for node in graph.nodes}
    found = []
    for node in graph.nodes:
        parent = node.parent
        while parent not in (None, group.id):
            parent = around[parent]
        if parent == group.id and (node.made is not None or node.op == "repeat"):
            found.append(node)
    return found


@settings(max_examples=40)
@given(programs, st.booleans())
def test_the_blocks_of_a_repeat_are_equal(seed: int, record: bool) -> None:
    folded = fold(program(seed, record))
    for repeat in [n for n in folded.nodes if n.op == "repeat"]:
        [more] = [n for n in folded.nodes if n.parent == repeat.id and n.op == "more"]
        held = [n for n in folded.nodes if n.parent in (repeat.id, more.id) and n is not more]
        blocks = [n for n in held if n.kind == "group" or n.made is not None]
        assert len(blocks) == repeat.attrs["count"] == more.attrs["count"] + 1  # type: ignore[operator]
        looks = [
            Counter((n.op, n.outputs, n.attrs.get("count")) for n in inside(folded, block))
            for block in blocks
        ]
        assert all(look == looks[0] for look in looks)
