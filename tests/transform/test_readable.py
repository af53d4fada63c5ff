"""A picture that can be read: what is done to a large graph, and what is not."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import graphviz_autograd as gva
from graphviz_autograd import Edge, Graph, Node
from graphviz_autograd.errors import OptionError
from graphviz_autograd.transform.groups import boxes_inside, count_boxes
from graphviz_autograd.transform.readable import COMFORTABLE, Part, readable, simplified
from graphviz_autograd.visible import visible


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4)
        self.mlp = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.mlp(self.norm(x))


def walked(model: nn.Module, x: torch.Tensor) -> Graph:
    with gva.record(model) as rec:
        loss = model(x).square().sum()
    return gva.walk(loss, model, record=rec)


@pytest.fixture(scope="module")
def tower() -> Graph:
    """Twelve equal blocks, some 230 boxes."""
    return walked(nn.Sequential(*(Block() for _ in range(12))), torch.randn(3, 4))


def seen(graph: Graph, op: str) -> list[Node]:
    """The boxes and frames of one sort of group that are seen."""
    return [node for node in visible(graph).nodes if node.kind == "group" and node.op == op]


def test_a_small_graph_stays_whole(tower: Graph) -> None:
    same, notes = readable(tower, max_nodes=1000)
    assert (same.closed, notes) == (frozenset(), [])


def test_a_large_one_shows_its_first_block_and_how_many_more_there_are(tower: Graph) -> None:
    made, notes = readable(tower)
    assert notes[:2] == ["equal blocks folded (Block ×12)", "accumulators drawn with their leaves"]
    assert count_boxes(made) <= COMFORTABLE
    assert [node.attrs["count"] for node in seen(made, "more")] == [11]
    first = [n.modules[-1].path for n in seen(made, "module") if len(n.modules) == 2]
    assert first == ["0"]


def test_with_less_room_the_blocks_are_one_box(tower: Graph) -> None:
    made, _ = readable(tower, max_nodes=4)
    assert count_boxes(made) <= 4
    assert [node.id in made.closed for node in seen(made, "repeat")] in ([True], [])


def test_a_depth_that_is_asked_for_is_kept(tower: Graph) -> None:
    made, notes = readable(tower, depth=0)
    assert [node.modules[-1].class_name for node in seen(made, "module")] == ["Sequential"]
    assert notes == ["equal blocks folded (Block ×12)"]


def test_modules_that_are_named_are_closed_and_no_others(tower: Graph) -> None:
    made, notes = readable(tower, paths=["*.norm"], fold=False)
    closed = {n.modules[-1].class_name for n in seen(made, "module") if n.id in made.closed}
    assert (closed, notes) == ({"LayerNorm"}, [])


def test_where_a_block_is_large_it_is_seen_if_it_fits_at_all() -> None:
    """Not a box "step ×5" alone, where there is room for the first of them."""
    x = torch.ones(2, requires_grad=True)
    y = x
    ops = [torch.sin, torch.cos, torch.exp, torch.tanh, torch.sigmoid, torch.sinh, torch.erf]
    block = random.Random(0).choices(ops, k=60)
    for op in block * 5:
        y = op(y)
    made, _ = readable(gva.walk(y.sum(), {"x": x}))
    assert COMFORTABLE < count_boxes(made) <= 150
    assert [node.attrs["count"] for node in seen(made, "more")] == [4]


def test_no_fold_is_kept(tower: Graph) -> None:
    made, _ = readable(tower, fold=False)
    assert seen(made, "repeat") == []
    assert len([n for n in seen(made, "module") if len(n.modules) == 2]) == 12


def test_what_is_to_be_kept_is_seen_and_what_else_was_shut_with_it_is_not(tower: Graph) -> None:
    inner = next(n for n in tower.nodes if n.op == "GeluBackward0" and n.modules[1].path == "7")
    made, _ = readable(tower, max_nodes=20, keep=[inner.id])
    shown = visible(made)
    assert inner.id in {node.id for node in shown.nodes}
    others = [n for n in shown.nodes if n.op == "GeluBackward0" and n.modules[1].path not in "07"]
    assert others == []
    kept, _ = readable(tower, fold=False, depth=1, keep=[inner.id])
    assert len(seen(kept, "module")) > 12


def test_what_is_asked_for_and_nothing_else(tower: Graph) -> None:
    made = simplified(tower, part=Part(focus="7.mlp.0.weight", hops=1))
    assert [n.op for n in made.nodes if n.kind == "op"].count("TBackward0") == 1
    assert not made.closed
    assert simplified(tower, fold=True).closed
    assert seen(simplified(tower, fold_plumbing=True), "leaf")


def test_a_leaf_of_many_uses_is_drawn_for_each_of_them() -> None:
    x = torch.ones(2, requires_grad=True)
    graph = gva.walk((x.sin() * x.cos() + x.exp() * x.tanh()).sum(), {"x": x})
    made, _ = readable(graph)
    assert [n.attrs["uses"] for n in made.nodes if n.kind == "leaf"] == [4, 4, 4, 4]
    assert len([n for n in readable(graph, clone_leaves=False)[0].nodes if n.kind == "leaf"]) == 1


def test_a_number_of_boxes_below_1_is_told() -> None:
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(OptionError, match="max_nodes is at least 1, not 0"):
        gva.walk(x.sum()).readable(0)


@given(st.data())
def test_boxes_are_counted_as_they_are_drawn(data: st.DataObject) -> None:
    size, groups = data.draw(st.integers(1, 8)), data.draw(st.integers(0, 5))
    ids = range(size, size + groups)
    nodes = [Node(n, "op", parent=data.draw(st.sampled_from([None, *ids]))) for n in range(size)]
    for group in ids:
        around = data.draw(st.sampled_from([None, *range(size, group)]))
        nodes.append(Node(group, "group", "module", parent=around))
    closed = data.draw(st.sets(st.sampled_from(ids))) if groups else set()
    graph = Graph(nodes, [Edge(n, n + 1) for n in range(size - 1)], closed=frozenset(closed))

    def drawn(graph: Graph) -> int:
        return sum(n.kind != "group" or n.id in graph.closed for n in visible(graph).nodes)

    held = {node.parent for node in nodes} & closed
    assert count_boxes(graph) - len(closed - held) <= drawn(graph) <= count_boxes(graph)
    for group in ids:
        alone = replace(
            graph, nodes=[replace(n, parent=None) if n.id == group else n for n in nodes]
        )
        opened = replace(alone, closed=graph.closed - {group})
        shut = replace(alone, closed=graph.closed | {group})
        assert count_boxes(opened) - count_boxes(shut) == boxes_inside(graph)[group] - 1
