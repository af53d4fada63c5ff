"""The classic style: the picture older torchviz drew, as many tutorials print it.

Only leaves and ops are drawn, a leaf points straight at the ops that use it, and the
last op is the green box.
"""

from __future__ import annotations

from dataclasses import replace

from graphviz_autograd.graph import Edge, Graph


def classic(graph: Graph) -> Graph:
    """The graph without accumulators, output boxes, view bases and saved tensors.

    The ops that made the outputs stand as nodes of kind "output" that bear their op and
    the outputs' names.
    """
    nodes = graph.by_id()
    grads = [edge for edge in graph.edges if edge.kind == "grad"]
    flows = [edge for edge in graph.edges if edge.kind in ("grad", "input")]
    names: dict[int, tuple[str, ...]] = {}  # of each op that made an output
    for edge in grads:
        if nodes[edge.target].kind == "output":
            names[edge.source] = names.get(edge.source, ()) + nodes[edge.target].names
    leaf_of = {
        edge.target: edge.source
        for edge in grads
        if nodes[edge.source].kind == "leaf" and nodes[edge.target].kind == "op"
    }
    made = {edge.target for edge in grads}
    bare = [n.id for n in graph.nodes if n.kind == "output" and n.id not in made]
    hidden = set(leaf_of) | {n.id for n in graph.nodes if n.kind in ("output", "base", "saved")}
    hidden -= set(bare)
    kept = [
        replace(node, kind="output", names=names[node.id]) if node.id in names else node
        for node in graph.nodes
        if node.id not in hidden
    ]
    edges = [
        Edge(leaf_of.get(e.source, e.source), e.target, e.kind, e.source_index, e.target_index)
        for e in flows
        if e.target not in hidden
    ]
    return Graph(kept, edges, (*sorted(names), *bare), graph.meta)
