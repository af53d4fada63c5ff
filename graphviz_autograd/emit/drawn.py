"""What of a Graph a picture has, in every format that draws one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from graphviz_autograd.graph import Graph, Node
from graphviz_autograd.visible import representatives, visible


def drawn(graph: Graph, show_saved: bool, show_inputs: bool) -> Graph:
    """The boxes and arrows that are visible, without saved tensors and inputs that are not asked
    for. What a custom Function saved is always there, as torchviz has it.
    """
    ops = {node.id for node in graph.nodes if node.kind == "op"}
    edges = [
        edge
        for edge in graph.edges
        if (edge.kind != "saved" or show_saved or edge.source not in ops)
        and (edge.kind != "input" or show_inputs)
    ]
    kinds = ("saved", "input")
    ends = {end for e in edges if e.kind in kinds for end in (e.source, e.target)}
    nodes = [node for node in graph.nodes if node.kind not in kinds or node.id in ends]
    return _cut_told(visible(replace(graph, nodes=nodes, edges=edges)), graph)


def _cut_told(shown: Graph, graph: Graph) -> Graph:
    """The picture, where each closed group tells the arrows that what it holds has lost."""
    if not graph.closed or "part" not in graph.meta:
        return shown
    box = representatives(graph.nodes, graph.closed)
    lost: dict[int, Counter[str]] = {}
    for node in graph.nodes:
        if "cut" in node.data:
            lost.setdefault(box[node.id], Counter()).update(node.data["cut"])
    nodes = [
        replace(node, data={**node.data, "cut": dict(lost[node.id])}) if node.id in lost else node
        for node in shown.nodes
    ]
    return replace(shown, nodes=nodes)


def nested(graph: Graph) -> Iterator[tuple[str, Node, int]]:
    """Every box and frame in the order in which to write them, and how deep it lies: "open" and
    "close" for a frame, which is an open group, and "box" for all that is in it.

    >>> graph = Graph([Node(0, "op", parent=9), Node(9, "group"), Node(1, "output")], [])
    >>> [(what, node.id, depth) for what, node, depth in nested(graph)]
    [('box', 1, 0), ('open', 9, 0), ('box', 0, 1), ('close', 9, 0)]
    """
    boxes: dict[int | None, list[Node]] = {}
    frames: dict[int | None, list[Node]] = {}
    for node in graph.nodes:
        is_frame = node.kind == "group" and node.id not in graph.closed
        (frames if is_frame else boxes).setdefault(node.parent, []).append(node)
    for node in boxes.get(None, ()):
        yield "box", node, 0
    waiting = [iter(frames.get(None, ()))]
    around: list[Node] = []
    while waiting:
        frame = next(waiting[-1], None)
        if frame is not None:
            yield "open", frame, len(around)
            around.append(frame)
            for node in boxes.get(frame.id, ()):
                yield "box", node, len(around)
            waiting.append(iter(frames.get(frame.id, ())))
        else:
            waiting.pop()
            if around:
                yield "close", around.pop(), len(around)
