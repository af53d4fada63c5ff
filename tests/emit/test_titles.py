"""An SVG's boxes have ids that stay, and titles that say what they are."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from graphviz_autograd import Edge, Graph, ModuleCall, Node, TensorInfo
from graphviz_autograd.emit.themes import THEMES
from graphviz_autograd.emit.titles import titled

SVG = "{http://www.w3.org/2000/svg}"


def elements(graph: Graph, **options: object) -> dict[str, tuple[str, str]]:
    """The class and the title of each element, by id."""
    data, _ = graph.draw("svg", **options)
    return {
        g.get("id", ""): (g.get("class", ""), g.findtext(f"{SVG}title", ""))
        for g in ET.fromstring(data).iter(f"{SVG}g")
        if g.get("class")
    }


def test_the_title_of_a_frame_is_drawn_over_the_arrows_that_cross_it() -> None:
    nodes = [Node(0, "leaf"), Node(1, "op", "ExpBackward0", parent=9), Node(9, "group", "module")]
    nodes[2].modules = (ModuleCall("fc", "Linear", 1),)
    data, _ = Graph(nodes, [Edge(0, 1)]).draw("svg", theme="dark")
    drawn = [(e.tag.removeprefix(SVG), e.text) for e in ET.fromstring(data).iter()]
    assert drawn.index(("text", "Linear fc")) == len(drawn) - 1
    (last,) = ET.fromstring(data).iterfind(f".//{SVG}g[@id='frame-titles']")
    assert last.get("stroke") == THEMES["dark"].graph["bgcolor"], "a rim of the paper's colour"


def test_boxes_arrows_and_frames_say_what_they_are() -> None:
    call = ModuleCall("fc", "Linear", 1)
    info = TensorInfo((2,), "float32", "cpu")
    op = Node(40, "op", "ExpBackward0", (), (info,), modules=(call,), line=("t.py", 7), parent=99)
    nodes = [Node(12, "leaf", names=("w",)), op, Node(7, "output", names=("y",))]
    nodes.append(Node(99, "group", "module", modules=(call,)))
    edges = [Edge(12, 40), Edge(12, 40, target_index=1), Edge(40, 7)]
    assert elements(Graph(nodes, edges, (7,))) == {
        "graph0": ("graph", ""),
        "node12": ("node", "w"),
        "node40": ("node", "ExpBackward0\n(2)\nfc (Linear)\nt.py:7"),
        "node7": ("node", "y"),
        "group99": ("cluster", "Linear fc\nfc (Linear)"),
        "edge12-40": ("edge", "w → ExpBackward0"),
        "edge12-40-2": ("edge", "w → ExpBackward0"),
        "edge40-7": ("edge", "ExpBackward0 → y"),
    }


def test_ids_do_not_change_with_what_else_is_drawn() -> None:
    nodes = [Node(3, "op", "ExpBackward0"), Node(1, "saved", "result"), Node(2, "output")]
    graph = Graph(nodes, [Edge(3, 1, "saved"), Edge(3, 2)], (2,))
    assert set(elements(graph, show_saved=True)) - set(elements(graph)) == {"node1", "edge3-1"}


@pytest.mark.parametrize("name", ["<b> & 'c' \"d\"", "&lt;", r"\N", "</title><script>", "日本語"])
def test_a_title_is_text(name: str) -> None:
    graph = Graph([Node(0, "leaf", names=(name,))], [])
    assert elements(graph)["node0"] == ("node", name)


def test_what_no_box_made_stays_as_it_is() -> None:
    svg = '<g id="node1" class="node">\n<title>5</title>\n</g><g id="node1" class="x">'
    assert titled(svg, Graph([], [])) == svg
