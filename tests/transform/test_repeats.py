"""Equal blocks are one box: with modules and without, and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import graphviz_autograd as gva
from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import Edge, Graph, ModuleCall, Node
from graphviz_autograd.transform.block_names import pattern
from graphviz_autograd.transform.groups import count_boxes, without_cycles
from graphviz_autograd.transform.modules import collapse, group_modules
from graphviz_autograd.transform.repeats import fold
from graphviz_autograd.visible import visible


def walked(program: Callable[[], torch.Tensor], model: nn.Module, record: bool) -> Graph:
    if not record:
        return gva.walk(program(), model)
    with gva.record(model, lines=False) as rec:
        loss = program()
    return gva.walk(loss, model, record=rec)


def repeats(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if node.op == "repeat" and node.kind == "group"]


def said(graph: Graph) -> list[tuple[str, int]]:
    """What is repeated, and how often."""
    return sorted((node.attrs["of"], node.attrs["count"]) for node in repeats(graph))  # type: ignore[misc]


def opened(graph: Graph, *ops: str) -> Graph:
    """With the groups of these kinds open."""
    return replace(graph, closed=graph.closed - {n.id for n in graph.nodes if n.op in ops})


# ---- models


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.c_attn(x).split(width, dim=2)
        )
        scores = (q @ k.transpose(-2, -1)) / (width // self.heads) ** 0.5
        hidden = torch.ones(length, length).triu(1).bool()
        mixed = scores.masked_fill(hidden, float("-inf")).softmax(-1) @ v
        return self.c_proj(mixed.transpose(1, 2).contiguous().view(batch, length, width))


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(width), Attention(width, heads)
        self.ln_2, self.mlp = (
            nn.LayerNorm(width),
            nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, layers: int = 12, width: int = 24, tied: bool = True) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(30, width), nn.Embedding(16, width)
        self.h = nn.ModuleList(Block(width, 12) for _ in range(layers))
        self.ln_f, self.head = nn.LayerNorm(width), nn.Linear(width, 30, bias=False)
        if tied:
            self.head.weight = self.wte.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.h:
            x = block(x)
        return functional.cross_entropy(self.head(self.ln_f(x)).flatten(0, 1), tokens.flatten())


def gpt(record: bool, layers: int = 12, tied: bool = True) -> Graph:
    model = GPT(layers, tied=tied)
    tokens = torch.randint(0, 30, (2, 5))
    return walked(lambda: model(tokens), model, record)


class Bottleneck(nn.Module):
    def __init__(self, before: int, width: int, stride: int = 1) -> None:
        super().__init__()
        after = 4 * width
        self.conv1, self.bn1 = nn.Conv2d(before, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, after, 1), nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Conv2d(before, after, 1, stride) if before != after else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(y)))))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


def resnet() -> nn.Module:
    layers, before = [], 4
    for count, width in zip((3, 4, 6, 3), (4, 8, 16, 32), strict=True):
        blocks = [Bottleneck(before, width, 1 if width == 4 else 2)]
        before = 4 * width
        layers.append(
            nn.Sequential(*blocks, *(Bottleneck(before, width) for _ in range(count - 1)))
        )
    return nn.Sequential(nn.Conv2d(3, 4, 3), *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def cell_loop(kind: Any, record: bool, each: bool = False, steps: int = 50) -> Graph:
    """A loop over a cell; with `each`, a loss of each step is added to a total."""
    model = nn.ModuleDict({"cell": kind(3, 4), "head": nn.Linear(4, 1)})
    xs = torch.randn(steps, 2, 3)

    def program() -> torch.Tensor:
        state: Any = None
        total: Any = 0
        for x in xs:
            state = model["cell"](x, state)
            h = state[0] if isinstance(state, tuple) else state
            if each:
                total = total + model["head"](h).square().mean()
        return total if each else model["head"](h).square().mean()

    return walked(program, model, record)


# ---- what a person sees


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("record", [True, False])
def test_twelve_layers_of_gpt_are_one_box(record: bool, tied: bool) -> None:
    graph = gpt(record, tied=tied)
    assert count_boxes(graph) > 800
    folded = fold(graph)
    assert said(folded) == [("Block" if record else "step", 12)]
    assert count_boxes(folded) <= 30
    assert count_boxes(collapse(folded, 1)) <= 30


def test_an_opened_repeat_shows_its_first_block_and_a_box_for_the_others() -> None:
    folded = opened(collapse(fold(gpt(record=True)), 2), "repeat")
    assert count_boxes(folded) <= 30
    [repeat] = repeats(folded)
    shown = [node for node in visible(folded).nodes if node.parent == repeat.id]
    first, more = sorted(shown, key=lambda node: node.op)
    assert (first.op, first.modules[-1].path) == ("module", "h.0")
    assert (more.op, more.attrs["count"], more.id in folded.closed) == ("more", 11, True)
    assert first.modules[-1].path == "h.0"


def test_a_repeat_says_what_it_stands_for_and_in_what_its_blocks_differ() -> None:
    [repeat] = repeats(fold(gpt(record=True, layers=4)))
    assert repeat.attrs["count"] == 4
    assert repeat.attrs["of"] == "Block"
    assert repeat.attrs["blocks"] == ("h.{0..3}",)
    assert "h.{0..3}.attn.c_attn.weight" in repeat.attrs["differs"]  # type: ignore[operator]
    block = GPT(1).h[0]
    assert repeat.attrs["parameters"] == 4 * sum(p.numel() for p in block.parameters())
    assert [info.shape for info in repeat.outputs] == [(2, 5, 24)]


@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
@pytest.mark.parametrize("each", [True, False])
@pytest.mark.parametrize("record", [True, False])
def test_the_steps_of_an_unrolled_cell_are_one_box(kind: Any, each: bool, record: bool) -> None:
    folded = fold(cell_loop(kind, record, each))
    assert said(folded) == [(kind.__name__ if record and not each else "step", 50)]
    assert count_boxes(folded) <= 40
    assert count_boxes(opened(folded, "repeat")) <= 40
    assert not repeats(folded)[0].attrs.get("differs")


def test_what_all_steps_share_stands_beside_them() -> None:
    folded = fold(cell_loop(nn.RNNCell, record=True))
    seen = {name for node in visible(folded).nodes for name in node.names if node.kind == "leaf"}
    assert {"cell.weight_ih", "cell.weight_hh"} <= seen


def test_layers_written_as_a_loop_over_tensors_are_steps_with_their_leaves_inside() -> None:
    weights = {f"w{i}": torch.randn(4, 4, requires_grad=True) for i in range(8)}
    first = torch.randn(3, 4, requires_grad=True)
    x = torch.tanh(torch.randn(2, 3) @ first)
    for weight in weights.values():
        x = torch.tanh(x @ weight)
    folded = fold(gva.walk(x.sum(), {"first": first, **weights}))
    [repeat] = repeats(folded)
    assert (repeat.attrs["count"], repeat.attrs["differs"]) == (8, ("w{0..7}",))
    seen = {name for node in visible(folded).nodes for name in node.names if node.kind == "leaf"}
    assert seen == {"first"}
    [step] = [n for n in folded.nodes if n.op == "step" and n.attrs["number"] == 1]
    ops = [n for n in folded.nodes if n.parent == step.id and n.kind == "op"]
    assert [n.op for n in sorted(ops, key=lambda n: n.made or 0) if n.made is not None] == [
        "MmBackward0",
        "TanhBackward0",
    ]


def test_equal_layers_of_a_resnet_are_folded_and_those_that_downsample_stay() -> None:
    model = resnet()
    graph = walked(lambda: model(torch.randn(2, 3, 16, 16)).sum(), model, record=True)
    folded = fold(graph)
    assert {node.attrs["blocks"] for node in repeats(folded)} == {("2.{1..3}",), ("3.{1..5}",)}
    assert len(repeats(fold(graph, least=2))) == 4


def test_layers_that_differ_in_shape_are_not_equal() -> None:
    model = nn.Sequential(*(nn.Linear(width, width + 1) for width in range(1, 9)))
    graph = walked(lambda: model(torch.ones(1, 1)).sum(), model, record=True)
    assert not repeats(fold(graph))


def test_a_parents_own_additions_belong_to_the_steps() -> None:
    class Tower(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norms = nn.ModuleList(nn.LayerNorm(4) for _ in range(5))
            self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(5))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for norm, layer in zip(self.norms, self.layers, strict=True):
                x = x + layer(norm(x))
            return x

    model = Tower()
    folded = fold(walked(lambda: model(torch.ones(2, 4)).sum(), model, record=True))
    [repeat] = repeats(folded)
    assert repeat.attrs["count"] == 5
    assert repeat.attrs["blocks"] == ("norms.{0..4}", "layers.{0..4}")
    steps = {node.id for node in folded.nodes if node.op == "step"}
    sums = [node for node in folded.nodes if node.op == "AddBackward0"]
    assert len(sums) == len(steps) == 5
    assert {node.parent for node in sums} == steps


class Experts(nn.Module):
    def __init__(self, count: int, named: bool = False) -> None:
        super().__init__()
        layers = [nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4)) for _ in range(count)]
        names = ["key", "query", "value", "gate"] if named else map(str, range(count))
        self.experts = nn.ModuleDict(dict(zip(names, layers, strict=False)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([expert(x) for expert in self.experts.values()]).sum(0)


def test_experts_side_by_side_are_one_box_where_they_are_numbered() -> None:
    for named, expected in (False, [("Sequential", 4)]), (True, []):
        model = Experts(4, named)
        folded = fold(walked(lambda: model(torch.ones(2, 4)).sum(), model, True))  # noqa: B023
        assert said(folded) == expected


@pytest.mark.parametrize("record", [True, False])
def test_what_repeats_itself_in_a_block_is_folded_there_alike_in_each(record: bool) -> None:
    model = nn.Sequential(*(Experts(6) for _ in range(4)))
    folded = fold(walked(lambda: model(torch.ones(2, 4)).sum(), model, record))
    whole, part = ("Experts", "Sequential") if record else ("step", "step")
    assert sorted(said(folded)) == sorted([(whole, 4), *[(part, 6)] * 4])
    outermost = [n for n in visible(folded).nodes if n.op == "repeat"]
    assert [node.attrs["count"] for node in outermost] == [4]


@pytest.mark.parametrize("record", [True, False])
def test_three_layers_and_a_sum_of_four_losses_stay_as_they_are(record: bool) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))

    def program() -> torch.Tensor:
        y = model(torch.ones(2, 3))
        return y.sum() + y.mean() + y.square().sum() + y.std() + y.norm()

    graph = walked(program, model, record)
    assert fold(graph) == group_modules(graph)


def test_a_graph_whose_ops_bear_no_order_folds_by_its_modules() -> None:
    graph = gpt(record=True)
    graph = replace(graph, nodes=[replace(node, made=None) for node in graph.nodes])
    assert said(fold(graph)) == [("Block", 12)]


def test_blocks_that_would_make_a_circle_stay_open() -> None:
    """Two modules that take turns: neither can be a box."""
    calls = [ModuleCall("a", "Turn", 1), ModuleCall("b", "Turn", 1)]
    nodes = [
        Node(number, "op", "SinBackward0", made=number, modules=(calls[number % 2],))
        for number in range(40)
    ]
    folded = fold(Graph(nodes, [Edge(number, number + 1) for number in range(39)]))
    assert without_cycles(folded) == folded
    assert not folded.closed


def test_least_is_a_number_of_blocks() -> None:
    graph = gpt(record=True, layers=4)
    assert not repeats(fold(graph, least=5))
    for least in (1, 0, -3, True, 2.5, "3"):
        with pytest.raises(OptionError, match="least is a number of blocks from 2 up, not"):
            fold(graph, least=least)  # type: ignore[arg-type]


def test_names_that_differ_in_numbers_are_written_as_one() -> None:
    assert pattern(["h.9.w", "h.10.w", "h.11.w"]) == "h.{9..11}.w"
    assert pattern(["a.0.b.0", "a.1.b.1"]) == "a.{0..1}.b.{0..1}"
    assert pattern(["w.3", "w.2", "w.1"]) == "w.{3,2..1}"
    assert pattern(["w.0", "w.1", "w.3"]) is None
    assert pattern(["w", "w.1"]) is None
    assert pattern(["w.1", "v.2"]) is None


# ---- size


def test_48_layers_fold_within_a_second() -> None:
    graphs = [gpt(record, layers=48) for record in (True, False)]
    began = time.process_time()
    assert [said(fold(graph)) for graph in graphs] == [[("Block", 48)], [("step", 48)]]
    assert time.process_time() - began < 2


def chain(steps: int) -> Graph:
    """y = y * a + b, again and again."""
    nodes = [Node(0, "leaf", names=("a",)), Node(1, "op", "AccumulateGrad")]
    edges = [Edge(0, 1)]
    for number in range(2 * steps):
        op = "AddBackward0" if number % 2 else "MulBackward0"
        nodes.append(Node(number + 2, "op", op, made=number))
        edges.append(Edge(number + 1, number + 2) if number else Edge(1, 2))
        edges.append(Edge(1, number + 2, target_index=1))
    return Graph(nodes, edges)


def test_a_chain_of_30_000_ops_is_one_box() -> None:
    graph = chain(15_000)
    began = time.process_time()
    folded = fold(graph)
    assert time.process_time() - began < 5
    assert said(folded) == [("step", 15_000)]
    assert count_boxes(folded) == 3


def test_what_only_the_first_block_takes_is_not_in_it() -> None:
    start = torch.zeros(2, requires_grad=True)
    x = start
    for _ in range(9):
        x = x.sin().cos()
    folded = fold(gva.walk(x.sum(), {"start": start}))
    [repeat] = repeats(folded)
    assert repeat.attrs["count"] == 9
    [leaf] = [node for node in folded.nodes if node.kind == "leaf"]
    assert leaf.parent is None
    assert leaf in visible(folded).nodes


def test_a_step_that_calls_a_module_twice_is_no_module() -> None:
    net = nn.Linear(4, 4)

    def program() -> torch.Tensor:
        x = torch.ones(2, 4)
        for _ in range(4):
            x = net(net(x).exp()).sin()
        return x.sum()

    folded = fold(walked(program, net, record=True))
    assert said(folded) == [("step", 4)]
