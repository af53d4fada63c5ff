"""Graph -> a few lines of text, for a terminal."""

from __future__ import annotations

from collections import Counter
from math import prod

from graphviz_autograd.emit.words import shape_text
from graphviz_autograd.graph import Graph, Node

MOST = 10


def text(graph: Graph) -> str:
    """What is in a graph: outputs, leaves with their sizes, the ops by how often they occur.

    >>> from graphviz_autograd.graph import TensorInfo
    >>> info = TensorInfo((2, 3), "float32", "cpu")
    >>> print(text(Graph([Node(0, "leaf", names=("w",), outputs=(info,))], [])))
    1 node, 0 edges
    outputs: none
    leaves:  1 (6 elements): w (2, 3)
    ops:     0
    """
    kinds: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if node.clone_of is None:  # a clone is its original, drawn once more
            kinds.setdefault(node.kind, []).append(node)
    leaves, ops = kinds.get("leaf", []), kinds.get("op", [])
    named = graph.by_id()
    sizes = [_size(node) for node in leaves]
    total = "" if None in sizes else f" ({sum(size or 0 for size in sizes)} elements)"
    counts = Counter(node.op for node in ops).most_common()
    lines = [
        f"{_count(_nodes(kinds), 'node')}, {_count(_edges(graph), 'edge')}",
        f"outputs: {_list([_tensor(named[number]) for number in graph.outputs]) or 'none'}",
        f"leaves:  {len(leaves)}{total}{_after(_list([_tensor(node) for node in leaves]))}",
        f"ops:     {len(ops)}{_after(_list([f'{n} × {op}' for op, n in counts]))}",
    ]
    if "input" in kinds:
        inputs = kinds["input"]
        lines.append(f"inputs:  {len(inputs)}{_after(_list([_tensor(node) for node in inputs]))}")
    calls = {node.modules: node.module for node in ops if node.module}
    if calls:
        times = Counter(call.path or call.class_name for call in calls.values())
        listed = _list([f"{n} × {path}" for path, n in times.items()])
        lines.append(f"modules: {_count(len(calls), 'call')}: {listed}")
    placed = [node.line[0] for node in ops if node.line]
    if placed:
        lines.append(f"lines:   of {_count(len(placed), 'op')}, in {_list(sorted(set(placed)))}")
    if "saved" in kinds:
        saved = kinds["saved"]
        sizes_in_bytes = [node.data.get("bytes") for node in saved]
        size = sum(n for n in sizes_in_bytes if isinstance(n, int))
        freed = sum(1 for node in saved if node.attrs.get("freed"))
        lines.append(f"saved:   {len(saved)} ({size} bytes)" + (f", {freed} freed" * bool(freed)))
    lines += [f"part:    {note}" for note in graph.meta.get("part") or ()]
    return "\n".join([*lines, *(f"not read: {note}" for note in graph.meta.get("unread") or ())])


def _nodes(kinds: dict[str, list[Node]]) -> int:
    return sum(len(nodes) for kind, nodes in kinds.items() if kind != "group")


def _edges(graph: Graph) -> int:
    """All but those between the clones of a leaf and of its accumulator."""
    clones = {node.id for node in graph.nodes if node.clone_of is not None}
    return sum(1 for edge in graph.edges if edge.target not in clones)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"


def _list(parts: list[str]) -> str:
    more = [f"and {len(parts) - MOST} more"] if len(parts) > MOST else []
    return ", ".join([*parts[:MOST], *more])


def _after(listed: str) -> str:
    return f": {listed}" if listed else ""


def _tensor(node: Node) -> str:
    name = " = ".join(node.names) or f"#{node.id}"
    return " ".join([name, *(shape_text(info) for info in node.outputs)])


def _size(node: Node) -> int | None:
    """Elements of a leaf, or None where they are not known as numbers."""
    total = 0
    for info in node.outputs:
        if info.shape is None or not all(isinstance(size, int) for size in info.shape):
            return None
        total += prod(size for size in info.shape if isinstance(size, int))
    return total
