"""GraphML holds what is known of each box and arrow, typed, for programs that read graphs."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from graphviz_autograd import Edge, Graph, ModuleCall, Node, TensorInfo
from graphviz_autograd.emit.graphml import text

NS = "{http://graphml.graphdrawing.org/xmlns}"
READ = {"boolean": {"true": True, "false": False}.__getitem__, "long": int, "double": float}
READ["string"] = str


def read(graph: Graph) -> tuple[dict[str, Any], dict[str, dict[str, Any]], list[tuple[Any, ...]]]:
    """The graph's data, the nodes' and the edges', as a reader of GraphML has them.

    Holds the document against the rules of the format's schema on the way.
    """
    root = ET.fromstring(text(graph))
    assert root.tag == f"{NS}graphml"
    *keys, whole = root
    known: dict[str, ET.Element] = {key.attrib["id"]: key for key in keys}
    assert len(known) == len(keys)
    assert {key.tag for key in keys} <= {f"{NS}key"}
    assert whole.attrib == {"id": "graph", "edgedefault": "directed"}

    def data(element: ET.Element) -> dict[str, Any]:
        held = {}
        for child in element.findall(f"{NS}data"):
            key = known[child.attrib["key"]]
            assert f"{NS}{key.get('for')}" == element.tag
            held[key.attrib["attr.name"]] = READ[key.attrib["attr.type"]](child.text or "")
        return held

    nodes = {node.attrib["id"]: data(node) for node in whole.findall(f"{NS}node")}
    edges, ids = [], set()
    for edge in whole.findall(f"{NS}edge"):
        assert {edge.get("source"), edge.get("target")} <= set(nodes)
        ids.add(edge.get("id"))
        edges.append((edge.get("source"), edge.get("target"), data(edge)))
    assert len(ids) == len(edges)
    return data(whole), nodes, edges


def test_all_that_is_known_is_there_with_its_type() -> None:
    call = ModuleCall("fc", "Linear", 2)
    info = TensorInfo((2, 3), "float64", "cuda:0")
    op = Node(1, "op", "AddmmBackward0", ("y", "z"), (info,), {"alpha": 1, "beta": 0.5})
    op.modules, op.line, op.data = (call,), ("train.py", 7), {"verify": {"status": "matched"}}
    leaf = Node(0, "leaf", names=("w",), attrs={"alpha": 2, "dims": (1, 2), "parameter": True})
    edges = [Edge(0, 1), Edge(0, 1, target_index=1)]
    about, nodes, arrows = read(Graph([leaf, op], edges, (1,), {"engine": "torch"}))
    assert about == {"meta.engine": "torch"}
    assert nodes["n0"] == {
        "label": "w",
        "kind": "leaf",
        "names": "w",
        "attrs.alpha": 2,
        "attrs.dims": "[1, 2]",
        "attrs.parameter": True,
    }
    assert nodes["n1"] == {
        "label": "AddmmBackward0\ny, z\n(2, 3) float64",
        "kind": "op",
        "op": "AddmmBackward0",
        "names": "y, z",
        "shape": "(2, 3)",
        "dtype": "float64",
        "device": "cuda:0",
        "module": "fc",
        "class": "Linear",
        "call": 2,
        "file": "train.py",
        "line": 7,
        "root": True,
        "attrs.alpha": 1,
        "attrs.beta": 0.5,
        "data.verify.status": "matched",
    }
    second = {"kind": "grad", "target_index": 1}
    assert arrows == [("n0", "n1", {"kind": "grad"}), ("n0", "n1", second)]


def test_closed_groups_are_one_box_and_open_ones_are_parents() -> None:
    nodes = [Node(0, "op", "A", parent=9), Node(1, "op", "B", parent=8), Node(2, "op", "C")]
    nodes += [Node(8, "group", "module"), Node(9, "group", "module", parent=8)]
    edges = [Edge(0, 1), Edge(0, 1), Edge(1, 2)]
    _, boxes, arrows = read(Graph(nodes, edges, (), closed=frozenset({9})))
    assert set(boxes) == {"n1", "n2", "n8", "n9"}
    assert boxes["n1"]["parent"] == "n8"
    assert (boxes["n8"]["closed"], boxes["n9"]["closed"]) == (False, True)
    assert arrows[0] == ("n9", "n1", {"kind": "grad", "count": 2})


@pytest.mark.parametrize(
    ("values", "read_as"),
    [
        ((1, 2), (1, 2)),
        ((1, 0.5), (1.0, 0.5)),
        ((True, 1), ("true", "1")),
        ((1, "a"), ("1", "a")),
        ((2**70, 1), (str(2**70), "1")),
        ((float("inf"), 0.1), (float("inf"), 0.1)),
    ],
)
def test_a_column_has_the_type_that_holds_all_of_it(
    values: tuple[Any, Any], read_as: tuple[Any, Any]
) -> None:
    nodes = [Node(i, "op", "A", attrs={"x": value}) for i, value in enumerate(values)]
    _, boxes, _ = read(Graph(nodes, []))
    assert tuple(box["attrs.x"] for box in boxes.values()) == read_as
    assert [type(box["attrs.x"]) for box in boxes.values()] == [type(value) for value in read_as]


@pytest.mark.parametrize("name", ["<b> & \"c\" 'd'", "&lt;", "]]>", "日本語", " ends ", r"a\N"])
def test_names_come_out_as_typed(name: str) -> None:
    graph = Graph([Node(0, "leaf", names=(name,), attrs={name: name})], [])
    _, nodes, _ = read(graph)
    assert nodes["n0"]["names"] == name
    assert nodes["n0"][f"attrs.{name}"] == name


def test_what_xml_forbids_is_replaced() -> None:
    _, nodes, _ = read(Graph([Node(0, "leaf", names=("a\x00b\nc\ud800",))], []))
    assert nodes["n0"]["names"] == "a\ufffdb⏎c\ufffd"


def test_a_graph_of_a_hundred_thousand_ops_takes_seconds_at_most() -> None:
    count = 100_000
    graph = Graph(
        [Node(number, "op", "AddBackward0", line=("a.py", number)) for number in range(count)],
        [Edge(number, number + 1) for number in range(count - 1)],
    )
    start = time.perf_counter()
    assert text(graph).count("<node ") == count
    assert time.perf_counter() - start < 20
