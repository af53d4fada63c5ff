"""Frames around open groups."""

from __future__ import annotations

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
