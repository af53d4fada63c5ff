"""The classic style: the picture older torchviz drew, as many tutorials print it.

Only leaves and ops are drawn, a leaf points straight at the ops that use it, and the
last op is the green box.
"""

from __future__ import annotations

from dataclasses import replace

from graphviz_autograd.graph import Graph
from graphviz_autograd.visible import representatives


def classic(graph: Graph) -> Graph:
    """The graph without accumulators, output boxes, view bases and saved tensors.

    The ops that made the outputs stand as nodes of kind "output" that bear their op and
    the outputs' names. An output that a closed group made keeps its box.
    """
    nodes = graph.by_id()
    box = representatives(graph.nodes, graph.closed)
    grads = [edge for edge in graph.edges if edge.kind == "grad"]
    flows = [edge for edge in graph.edges if edge.kind in ("grad", "input")]
    names: dict[int, tuple[str, ...]] = {}  # of each op that made an output
    for edge in grads:
        if nodes[edge.target].kind == "output" and box[edge.source] == edge.source:
            names[edge.source] = names.get(edge.source, ()) + nodes[edge.target].names
    leaf_of = {
        edge.target: edge.source
        for edge in grads
        if nodes[edge.source].kind == "leaf" and nodes[edge.target].kind == "op"
    }
    made = {edge.target for edge in grads if edge.source in names}
    bare = [n.id for n in graph.nodes if n.kind == "output" and n.id not in made]
    hidden = set(leaf_of) | {n.id for n in graph.nodes if n.kind in ("output", "base", "saved")}
    hidden -= set(bare)
    kept = [
        replace(node, kind="output", names=names[node.id]) if node.id in names else node
        for node in graph.nodes
        if node.id not in hidden
    ]
    edges = [
        replace(edge, source=leaf_of.get(edge.source, edge.source))
        for edge in flows
        if edge.target not in hidden
    ]
    return replace(graph, nodes=kept, edges=edges, outputs=(*sorted(names), *bare))
