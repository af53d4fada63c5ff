"""Graph -> GraphML, which yEd, Gephi, Cytoscape and networkx read.

The boxes and arrows that are visible, with everything that is known of each as typed data.
The graph is flat, since hardly a reader knows GraphML's nested graphs: `parent` is the id of
the frame that a box is in. What closed groups hold is left out; JSON keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from graphviz_autograd.emit.boxes import Showing, Sizes, box_text
from graphviz_autograd.emit.words import shape_text, shown
from graphviz_autograd.graph import Edge, Graph, Node
from graphviz_autograd.visible import visible

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns
 http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">
"""

Row = dict[str, Any]
"""What is known of a node, of an edge or of the graph, by name."""


def text(graph: Graph) -> str:
    """The visible graph as GraphML.

    Of each node: label (what its box says), kind, op, names, shape, dtype, device, module,
    class, call, file, line, root, parent, closed, clone_of, attrs.* and data.*; of each edge:
    kind, source_index, target_index, count; of the graph: meta.*. A list is JSON text.

    >>> graph = Graph([Node(0, "leaf", names=("w",)), Node(1, "output")], [Edge(0, 1)])
    >>> print(text(graph).splitlines()[-3])
    <edge id="e0" source="n0" target="n1"><data key="edge_0">grad</data></edge>
    """
    graph = visible(graph)
    about: Row = {}
    _spread("meta", graph.meta, about)
    about = _readable(about)
    sizes_of, roots = Sizes(graph), set(graph.outputs)
    nodes = [_of_node(node, graph, roots, sizes_of) for node in graph.nodes]
    edges = [_of_edge(edge) for edge in graph.edges]
    keys = {"graph": _keys("graph", [about]), "node": _keys("node", nodes)}
    keys["edge"] = _keys("edge", edges)
    parts = [HEAD]
    for what, names in keys.items():
        for name, (key, kind) in names.items():
            said = f'for="{what}" attr.name="{_text(name)}" attr.type="{kind}"'
            parts.append(f'<key id="{key}" {said}/>\n')
    parts.append(f'<graph id="graph" edgedefault="directed">{_data(about, keys["graph"])}\n')
    for node, row in zip(graph.nodes, nodes, strict=True):
        parts.append(f'<node id="n{node.id}">{_data(row, keys["node"])}</node>\n')
    for number, (edge, row) in enumerate(zip(graph.edges, edges, strict=True)):
        ends = f'id="e{number}" source="n{edge.source}" target="n{edge.target}"'
        parts.append(f"<edge {ends}>{_data(row, keys['edge'])}</edge>\n")
    return "".join([*parts, "</graph>\n</graphml>\n"])


# ---- what is known


def _of_node(node: Node, graph: Graph, roots: set[int], sizes_of: Sizes) -> Row:
    row: Row = {"kind": node.kind}
    if node.op:
        row["op"] = node.op
    if node.names:
        row["names"] = ", ".join(node.names)
    if node.outputs:
        row["shape"] = " ".join(map(shape_text, node.outputs))
        row["dtype"] = " ".join(dict.fromkeys(info.dtype for info in node.outputs))
        row["device"] = " ".join(dict.fromkeys(info.device for info in node.outputs))
    if node.module is not None:
        row |= {"module": node.module.path, "class": node.module.class_name}
        row["call"] = node.module.call
    if node.line is not None:
        row |= {"file": node.line[0], "line": node.line[1]}
    if node.id in roots:
        row["root"] = True
    if node.parent is not None:
        row["parent"] = f"n{node.parent}"
    if node.kind == "group":
        row["closed"] = node.id in graph.closed
    if node.clone_of is not None:
        row["clone_of"] = f"n{node.clone_of}"
    _spread("attrs", node.attrs, row)
    _spread("data", node.data, row)
    row = _readable(row)
    return {"label": box_text(node, sizes_of, Showing(True, 0)).strip("\n"), **row}


def _readable(row: Row) -> Row:
    return {name: shown(value) if isinstance(value, str) else value for name, value in row.items()}


def _of_edge(edge: Edge) -> Row:
    row: Row = {"kind": edge.kind}
    if edge.source_index:
        row["source_index"] = edge.source_index
    if edge.target_index:
        row["target_index"] = edge.target_index
    if edge.count != 1:
        row["count"] = edge.count
    return row


def _spread(prefix: str, values: Mapping[str, Any], row: Row) -> None:
    """The values under names of their own: {"verify": {"status": ...}} as verify.status."""
    waiting = [(prefix, values)]
    for around, held in waiting:  # it grows
        for name, value in held.items():
            if isinstance(value, Mapping):
                waiting.append((f"{around}.{name}", value))
            elif value is not None:
                row[f"{around}.{name}"] = value


# ---- as XML


Keys = dict[str, tuple[str, str]]
"""For each name its key, and the GraphML type that holds all its values."""


def _keys(what: str, rows: list[Row]) -> Keys:
    seen: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            seen.setdefault(name, set()).add(_type(value))
    return {name: (f"{what}_{i}", _common(types)) for i, (name, types) in enumerate(seen.items())}


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return "long"
    return "double" if isinstance(value, float) else "string"


def _common(types: set[str]) -> str:
    if len(types) == 1:
        return next(iter(types))
    return "double" if types == {"long", "double"} else "string"


def _data(row: Row, keys: Keys) -> str:
    written = []
    for name, value in row.items():
        key, kind = keys[name]
        written.append(f'<data key="{key}">{_value(value, kind)}</data>')
    return "".join(written)


def _value(value: Any, kind: str) -> str:
    if isinstance(value, str):
        return escape(value)
    if kind == "double":
        return {"inf": "INF", "-inf": "-INF", "nan": "NaN"}.get(repr(value), repr(value))
    if kind == "long":
        return str(value)
    return _text(json.dumps(value, ensure_ascii=False))  # true, [1, 2]


def _text(text: str) -> str:
    return escape(shown(text))
