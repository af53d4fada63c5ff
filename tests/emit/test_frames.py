"""Frames around open groups."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

import graphviz_autograd as gva
from graphviz_autograd import Edge, Graph, Node
from graphviz_autograd.emit import layout
from graphviz_autograd.graph import ModuleCall


def test_a_frame_has_the_class_and_path_of_its_module_and_holds_what_that_made() -> None:
    outer, inner = ModuleCall("", "Net", 1), ModuleCall("fc", "Linear", 2)
    nodes = [
        Node(0, "op", "TBackward0", parent=3),
        Node(1, "output"),
        Node(2, "group", "module", modules=(outer,)),
        Node(3, "group", "module", modules=(outer, inner), parent=2),
    ]
    text = Graph(nodes, [Edge(0, 1)], (1,)).to_dot()
    frames = text[text.index("subgraph cluster_2") :]
    assert frames.index("cluster_2") < frames.index("cluster_3") < frames.index("0 [label=")
    assert 'label="Net" ' in frames
    assert 'label="Linear fc, call 2"' in frames
    assert frames.index("}") < frames.index("0 -> 1")


def test_names_of_modules_reach_the_frame_as_they_are() -> None:
    call = ModuleCall('a"\\N<b>&lt;', "Net", 1)
    nodes = [Node(0, "op", "TBackward0", parent=1), Node(1, "group", "module", modules=(call,))]
    svg = Graph(nodes, []).draw("svg")[0].decode()
    assert "Net a&quot;\\N&lt;b&gt;&amp;lt;" in svg


def test_arrows_go_down_between_frames_too() -> None:
    """A cell that is called again and again takes one weight: dot drew its later calls above."""
    cell = nn.RNNCell(3, 4)
    with gva.record(cell) as rec:
        h = torch.zeros(1, 4)
        for _ in range(8):
            h = cell(torch.ones(1, 3), h)
    text = gva.walk(h.sum(), cell, record=rec).collapse(None).to_dot()
    lines = [line.split() for line in layout.draw(text, "plain").data.decode().splitlines()]
    height = {line[1]: float(line[3]) for line in lines if line[0] == "node"}
    arrows = [(line[1], line[2]) for line in lines if line[0] == "edge"]
    assert len(arrows) > 60
    assert all(height[source] > height[target] for source, target in arrows)


def shut(*closed: int) -> Graph:
    """A weight, an op in a module, one in another that made the output."""
    first, last = ModuleCall("a", "Linear", 1), ModuleCall("b", "Linear", 1)
    nodes = [
        Node(0, "leaf", names=("w",)),
        Node(1, "op", "AccumulateGrad"),
        Node(2, "op", "MmBackward0", parent=5),
        Node(3, "op", "ExpBackward0", parent=6),
        Node(4, "output", names=("y",)),
        Node(5, "group", "module", modules=(first,)),
        Node(6, "group", "module", modules=(last,)),
    ]
    edges = [Edge(0, 1), Edge(1, 2), Edge(2, 3), Edge(3, 4)]
    return Graph(nodes, edges, (4,), closed=frozenset(closed))


def test_the_classic_style_keeps_boxes_of_several_ops_shut() -> None:
    text = shut(5).to_dot(style="classic")
    assert "MmBackward0" not in text
    assert '3 [label="ExpBackward0\ny" fillcolor="darkolivegreen1"' in text
    assert "\t0 -> 5\n" in text
    assert "\t5 -> 3\n" in text


def test_in_the_classic_style_too_an_output_of_such_a_box_is_seen() -> None:
    text = shut(6).to_dot(style="classic")
    assert "ExpBackward0" not in text
    assert '4 [label="y' in text
    assert "\t6 -> 4\n" in text


def test_frames_far_inside_get_no_darker() -> None:
    nodes = [Node(0, "op", "TBackward0", parent=1)]
    calls = tuple(ModuleCall(f"m{depth}", "Net", 1) for depth in range(30))
    for depth in range(30, 0, -1):
        parent = 31 - depth + 1 if depth > 1 else None
        nodes.append(Node(31 - depth, "group", "module", modules=calls[:depth], parent=parent))
    text = Graph(nodes, []).to_dot()
    assert text.count("subgraph") == 30
    assert text.count('fillcolor="#00000008"') == 8
    assert text.count('fillcolor="transparent"') == 22


def test_many_arrows_from_a_box_of_several_ops_to_another_are_one() -> None:
    ops = [Node(number, "op", "ExpBackward0", parent=9) for number in range(5)]
    nodes = [*ops, Node(5, "op", "StackBackward0"), Node(9, "group", "repeat")]
    arrows = [Edge(number, 5, target_index=number) for number in range(5)]
    text = Graph(nodes, arrows, closed=frozenset({9})).to_dot()
    assert text.count("9 -> 5") == 1
    assert 'headlabel="0–4"' in text
    assert 'edgetooltip="5 arrows"' in text
    assert Graph(nodes, arrows).to_dot().count("-> 5") == 5


def test_equal_blocks_tell_in_which_names_they_differ() -> None:
    """In the tooltip of their box, and of the frame that it becomes when it is opened."""
    model = nn.Sequential(*(nn.Sequential(nn.Linear(3, 3), nn.Tanh()) for _ in range(5)))
    with gva.record(model) as rec:
        loss = model(torch.ones(1, 3)).sum()
    folded = gva.walk(loss, model, record=rec).fold()
    says = "they differ in\n{0..4}.0."
    assert says in folded.to_dot()
    assert says in replace(folded, closed=frozenset()).to_dot()
