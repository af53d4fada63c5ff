"""Graph -> JSON text and back, without loss.

The format is versioned and described by `graph.schema.json` beside this file. Values that
a field has by default are left out, so a large graph stays compact. JSON has no tuples:
sequences come back as tuples, as a Graph holds them. JSON as browsers read it has no NaN
and no infinities: the walker writes such attributes as text.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, TypeVar, cast

from graphviz_autograd.errors import GraphFileError
from graphviz_autograd.graph import (
    EDGE_KINDS,
    NODE_KINDS,
    Attr,
    Edge,
    Graph,
    ModuleCall,
    Node,
    TensorInfo,
)

FORMAT = "graphviz-autograd/graph"
VERSION = 1

Calls = tuple[ModuleCall, ...]
"""Module calls within each other, outermost first."""

T = TypeVar("T")


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the format."""
    text = files("graphviz_autograd.emit").joinpath("graph.schema.json").read_text("utf-8")
    return cast(dict[str, Any], json.loads(text))


def dumps(graph: Graph) -> str:
    """The Graph as JSON text, one node or edge a line.

    Raises ValueError where `data` or `meta` hold what JSON cannot (NaN, an object).
    """
    head = {"format": FORMAT, "version": VERSION, "meta": graph.meta, "outputs": graph.outputs}
    if graph.closed:
        head["closed"] = sorted(graph.closed)
    parts = [f'"{key}": {_text(value)}' for key, value in head.items()]
    calls = _numbered_calls(graph)
    if calls:
        rows = ",\n".join(_text(_call(stack, calls)) for stack in calls)
        parts.append(f'"calls": [\n{rows}\n]')
    nodes = ",\n".join(_text(_node(node, calls)) for node in graph.nodes)
    edges = ",\n".join(_text(_edge(edge)) for edge in graph.edges)
    parts += [f'"nodes": [\n{nodes}\n]', f'"edges": [\n{edges}\n]']
    return "{" + ",\n".join(parts) + "}\n"


def loads(text: str) -> Graph:
    """The Graph that `dumps` wrote.

    Raises GraphFileError for text that is no such thing, saying what is wrong with it.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GraphFileError(f"not a saved graph: no JSON ({error})") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise GraphFileError(
            f'not a saved graph: expected a JSON object with "format": "{FORMAT}", '
            "as Graph.save and `gva render -o graph.json` write it"
        )
    if data.get("version") != VERSION:
        raise GraphFileError(
            f"a saved graph of version {data.get('version')!r}; "
            f"this graphviz-autograd reads version {VERSION}"
        )
    try:
        calls = _read_calls(data.get("calls", []))
        graph = Graph(
            [_read_node(node, calls) for node in data["nodes"]],
            [_read_edge(edge) for edge in data["edges"]],
            _all(int, data["outputs"]),
            _is(dict, data["meta"]),
            frozenset(_all(int, data.get("closed", []))),
        )
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise GraphFileError(f"a damaged saved graph: {type(error).__name__}: {error}") from None
    _check(graph)
    return graph


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _numbered_calls(graph: Graph) -> dict[Calls, int]:
    """Every module call, with those around it, and its number: outer ones come first."""
    calls: dict[Calls, int] = {}
    for node in graph.nodes:
        if node.modules not in calls:
            for depth in range(1, len(node.modules) + 1):
                calls.setdefault(node.modules[:depth], len(calls))
    return calls


def _call(stack: Calls, calls: dict[Calls, int]) -> dict[str, Any]:
    data = stack[-1]._asdict()
    if len(stack) > 1:
        data["within"] = calls[stack[:-1]]
    return data


def _node(node: Node, calls: dict[Calls, int]) -> dict[str, Any]:
    data: dict[str, Any] = {"id": node.id, "kind": node.kind}
    if node.op:
        data["op"] = node.op
    if node.names:
        data["names"] = node.names
    if node.outputs:
        data["outputs"] = [info._asdict() for info in node.outputs]
    if node.attrs:
        data["attrs"] = node.attrs
    if node.cuts:
        data["cuts"] = node.cuts
    if node.data:
        data["data"] = node.data
    if node.modules:
        data["module"] = calls[node.modules]
    if node.line:
        data["line"] = node.line
    if node.parent is not None:
        data["parent"] = node.parent
    if node.clone_of is not None:
        data["clone_of"] = node.clone_of
    if node.made is not None:
        data["made"] = node.made
    return data


def _edge(edge: Edge) -> dict[str, Any]:
    data: dict[str, Any] = {"source": edge.source, "target": edge.target}
    if edge.kind != "grad":
        data["kind"] = edge.kind
    if edge.source_index:
        data["source_index"] = edge.source_index
    if edge.target_index:
        data["target_index"] = edge.target_index
    if edge.count != 1:
        data["count"] = edge.count
    return data


def _is(kind: type[T], value: Any) -> T:
    """The value, if it is of that type (and no bool where a number belongs)."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"expected {kind.__name__}, found {value!r:.60}")
    return value


def _all(kind: type[T], values: Any) -> tuple[T, ...]:
    return tuple(_is(kind, value) for value in _is(list, values))


def _read_calls(rows: Any) -> list[Calls]:
    calls: list[Calls] = []
    for row in _is(list, rows):
        call = ModuleCall(_is(str, row["path"]), _is(str, row["class_name"]), _is(int, row["call"]))
        calls.append((*_calls_at(row.get("within"), calls), call))
    return calls


def _calls_at(number: Any, calls: list[Calls]) -> Calls:
    if number is None:
        return ()
    index = _is(int, number)
    if index not in range(len(calls)):
        raise IndexError(f"there is no module call {index}")
    return calls[index]


def _read_line(line: Any) -> tuple[str, int] | None:
    if line is None:
        return None
    file, number = _is(list, line)
    return _is(str, file), _is(int, number)


def _read_node(data: dict[str, Any], calls: list[Calls]) -> Node:
    return Node(
        _is(int, data["id"]),
        data["kind"],
        _is(str, data.get("op", "")),
        _all(str, data.get("names", [])),
        tuple(_read_info(info) for info in _is(list, data.get("outputs", []))),
        {name: _read_attr(value) for name, value in _is(dict, data.get("attrs", {})).items()},
        _all(int, data.get("cuts", [])),
        _is(dict, data.get("data", {})),
        _calls_at(data.get("module"), calls),
        _read_line(data.get("line")),
        _read_id(data.get("parent")),
        _read_id(data.get("clone_of")),
        _read_id(data.get("made")),
    )


def _read_id(number: Any) -> int | None:
    return None if number is None else _is(int, number)


def _read_info(data: dict[str, Any]) -> TensorInfo:
    shape = data["shape"]
    if shape is not None:
        shape = tuple(
            size if isinstance(size, str) else _is(int, size) for size in _is(list, shape)
        )
    return TensorInfo(shape, _is(str, data["dtype"]), _is(str, data["device"]))


def _read_attr(value: Any) -> Attr:
    if isinstance(value, list):
        return tuple(_read_attr(part) for part in value)
    if isinstance(value, dict):
        raise TypeError(f"expected an attribute, found {value!r:.60}")
    return cast(Attr, value)


def _read_edge(data: dict[str, Any]) -> Edge:
    return Edge(
        _is(int, data["source"]),
        _is(int, data["target"]),
        data.get("kind", "grad"),
        _is(int, data.get("source_index", 0)),
        _is(int, data.get("target_index", 0)),
        _is(int, data.get("count", 1)),
    )


def _check(graph: Graph) -> None:
    """What the drawing relies on: known kinds, ids that are there, once each, sound groups."""
    ids = {node.id for node in graph.nodes}
    groups = {node.id: node.parent for node in graph.nodes if node.kind == "group"}
    if len(ids) < len(graph.nodes):
        raise GraphFileError("a damaged saved graph: two nodes have the same id")
    for node in graph.nodes:
        if node.kind not in NODE_KINDS:
            raise GraphFileError(
                f"a damaged saved graph: node {node.id} is of kind {node.kind!r}; "
                f"kinds are {', '.join(NODE_KINDS)}"
            )
        if node.parent is not None and node.parent not in groups:
            raise GraphFileError(
                f"a damaged saved graph: node {node.id} is in {node.parent}, which is no group"
            )
    for edge in graph.edges:
        if edge.source not in ids or edge.target not in ids or edge.kind not in EDGE_KINDS:
            raise GraphFileError(
                f"a damaged saved graph: edge {edge.source} -> {edge.target} of kind "
                f"{edge.kind!r}; both ends should be nodes, kinds {', '.join(EDGE_KINDS)}"
            )
    for number in graph.outputs:
        if number not in ids:
            raise GraphFileError(f"a damaged saved graph: output {number} is no node")
    for number in graph.closed:
        if number not in groups:
            raise GraphFileError(f"a damaged saved graph: {number} is closed, but no group")
    _check_nesting(groups)


def _check_nesting(groups: dict[int, int | None]) -> None:
    """No group is, however far around, in itself."""
    sound: set[int | None] = {None}
    for group in groups:
        path: dict[int | None, None] = {}
        inner: int | None = group
        while inner not in sound and inner is not None:
            if inner in path:
                raise GraphFileError(f"a damaged saved graph: group {inner} is in itself")
            path[inner] = None
            inner = groups[inner]
        sound.update(path)
