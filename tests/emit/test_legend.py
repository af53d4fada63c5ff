"""The legend says what is in the picture, and nothing else."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from graphviz_autograd import Edge, Graph, Node
from graphviz_autograd.emit.dot import picture, source
from graphviz_autograd.emit.themes import THEMES

SVG = "{http://www.w3.org/2000/svg}"


def said(graph: Graph, **options: object) -> list[str]:
    """The texts below the picture, as a reader of the SVG sees them."""
    svg = picture(graph, legend=True, **options).pipe("svg", encoding="utf-8")
    (whole,) = (g for g in ET.fromstring(svg).iter(f"{SVG}g") if g.get("class") == "graph")
    return [(text.text or "").replace("\xa0", " ") for text in whole.findall(f"{SVG}text")]


def small() -> Graph:
    """A leaf and its accumulator, an op that saved a tensor, and the output."""
    nodes = [Node(0, "leaf"), Node(1, "op", "ExpBackward0"), Node(2, "output"), Node(3, "saved")]
    nodes.append(Node(4, "op", "AccumulateGrad"))
    return Graph(nodes, [Edge(0, 4), Edge(4, 1), Edge(1, 2), Edge(1, 3, "saved")], (2,))


def test_a_legend_tells_the_boxes_and_arrows_that_are_there() -> None:
    assert said(small()) == [
        "leaf: a tensor that requires grad",
        "operation: a node of the backward graph",
        "output: what was asked for",
        *("▶", "data flows along it, its gradient back"),
    ]
    more = set(said(small(), show_saved=True)) - set(said(small()))
    assert more == {"tensor saved for backward", "leads to a saved tensor"}
    assert "operation that made the output" in said(small(), style="classic")
    assert said(Graph([], [])) == []


def test_without_being_asked_there_is_none() -> None:
    assert "TABLE" not in source(small())


def test_groups_are_told_by_what_they_look_like() -> None:
    nodes = [Node(0, "op", "ExpBackward0", parent=9), Node(1, "op", "SinBackward0", parent=8)]
    nodes += [Node(9, "group", "module", parent=7), Node(8, "group", "repeat"), Node(7, "group")]
    graph = Graph(nodes, [Edge(0, 1)], (), closed=frozenset({8, 9}))
    assert said(graph)[:3] == [
        "several operations in one box",
        "equal blocks in one box",
        "frame: what is inside of a module or group",
    ]


@pytest.mark.parametrize("theme", THEMES)
def test_what_verify_found_is_told_in_its_colours(theme: str) -> None:
    graph = small()
    for node, status in zip(graph.nodes, ("matched", "failed", "not checked"), strict=False):
        node.data = {"verify": {"kind": node.kind, "status": status, "absolute": 0.5}}
    told = said(graph, theme=theme)
    assert told[:4] == [
        "operation: a node of the backward graph",
        "checked: the gradients agree",
        "checked: the gradients differ",
        "not checked",
    ]
    assert told[-1].startswith("1 matched (green), 1 failed, 0 not checked")
    table = source(graph, theme=theme, legend=True).rpartition("<<TABLE")[2]
    look = THEMES[theme]
    for color in look.found.values():
        assert all(f'BGCOLOR="{part}"' in table for part in color.split(":"))
    assert f'BGCOLOR="{look.fills["leaf"]}"' not in table, "no box has that colour here"


def test_what_else_stands_below_comes_out_as_typed() -> None:
    note = r'<b> & "C:\Gnet\N" &lt; a\\'
    graph = Graph([Node(0, "output")], [], (0,), {"part": [note]})
    assert said(graph)[-1] == note
