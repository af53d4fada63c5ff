"""Letting a walked graph be freed without overflowing the C stack.

torch frees a graph iteratively, but only as long as nobody looked: once Python has seen
a node (reading `grad_fn` or `next_functions` is enough), its wrapper is freed by a
recursion that goes down the graph, node by node, and on a graph some thousands of nodes
deep that overflows the stack, long after whoever looked has gone.

The cure: cut the graph into bands of BAND levels, counted from the leaves. A node through
which a band is entered keeps, in its own `metadata`, the nodes through which the bands
below are entered from here. While the recursion frees one band, they stay alive, so it
stops there; the list is let go last, and starts the next band from a shallow stack
(CPython bounds the nesting of freed lists by itself). A node is kept by a node above it
only, which keeps it anyway: no lifetime is extended.

Used by the walker, imports nothing of ours but graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graphviz_autograd.graph import Edge

BAND = 500
"""Levels to a band: about 100 KB of stack on a graph freed with torch 2.13."""

DEEP = 1000
"""Graphs with no more levels than this are freed on any stack as they are."""

KEY = "graphviz_autograd"
"""The private key in `node.metadata`."""


def protect(nodes: Mapping[Any, int], roots: Iterable[Any], edges: list[Edge], size: int) -> None:
    """Make a deep graph safe to free after it was walked.

    `nodes` are the autograd nodes with their ids (below `size`), `roots` those that were
    asked for, and `edges` the edges of the Graph; those of ids that are no autograd node
    do no harm.
    """
    if len(nodes) <= DEEP:
        return
    heights = _heights(edges, size)
    if max(heights) <= DEEP:
        return
    by_id = {number: node for node, number in nodes.items()}
    entries = {nodes[root] for root in roots}
    exits: dict[int, dict[int, int]] = {}  # band -> entries into lower bands from it -> bit
    for edge in edges:
        upper, lower = heights[edge.target] // BAND, heights[edge.source] // BAND
        if upper > lower > 0:  # below the lowest boundary there is nothing deep to protect
            entries.add(edge.source)
            bits = exits.setdefault(upper, {})
            bits.setdefault(edge.source, len(bits))
    reached = _reached(edges, heights, exits)
    for entry in entries:
        if entry not in by_id:
            continue
        bits = exits.get(heights[entry] // BAND, {})
        mask = reached.get(entry, 1)  # with a single exit, every node of the band reaches it
        keep = [by_id[number] for number, bit in bits.items() if mask >> bit & 1]
        if keep:
            by_id[entry].metadata[KEY] = keep


def beyond(
    roots: Iterable[Any], nodes: Mapping[Any, int], edges: list[Edge], size: int
) -> tuple[dict[Any, int], list[Edge], int]:
    """Nodes, edges and size as `protect` takes them, with all that these roots lead to.

    Reading one node of a graph makes freeing it a recursion too, so a graph that is not
    drawn, of which single nodes were looked at, must be made safe as well.
    """
    known, more = dict(nodes), list(edges)
    queue = [root for root in dict.fromkeys(roots) if root not in known]
    for root in queue:
        known[root] = size = size + 1
    for fn in queue:  # grows while we go
        for child, _ in fn.next_functions:
            if child is None:
                continue
            if child not in known:
                known[child] = size = size + 1
                queue.append(child)
            more.append(Edge(known[child], known[fn]))
    return known, more, size + 1


def _heights(edges: list[Edge], size: int) -> list[int]:
    """For each id, the number of edges on the longest way down to a leaf."""
    heights = [0] * size
    if all(edge.source > edge.target for edge in edges):
        for edge in reversed(edges):  # discovered top down: bottom up is reverse order
            below = heights[edge.source]
            if heights[edge.target] <= below:
                heights[edge.target] = below + 1
        return heights
    waiting = [0] * size
    users: list[list[int]] = [[] for _ in range(size)]
    for edge in edges:
        waiting[edge.target] += 1
        users[edge.source].append(edge.target)
    ready = [number for number in range(size) if not waiting[number]]
    for number in ready:  # grows: a node is ready when all below it are done
        above = heights[number] + 1
        for user in users[number]:
            if heights[user] < above:
                heights[user] = above
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)
    return heights


def _reached(
    edges: list[Edge], heights: list[int], exits: dict[int, dict[int, int]]
) -> dict[int, int]:
    """For each node of a band with several exits, a bit mask of those it leads to."""
    inside: dict[int, list[int]] = {}
    for edge in edges:
        if len(exits.get(heights[edge.target] // BAND, ())) > 1:
            inside.setdefault(edge.target, []).append(edge.source)
    masks: dict[int, int] = {}
    for number in sorted(inside, key=heights.__getitem__):
        bits = exits[heights[number] // BAND]
        mask = 0
        for source in inside[number]:
            if source in bits:
                mask |= 1 << bits[source]
            elif heights[source] // BAND == heights[number] // BAND:
                mask |= masks.get(source, 0)
        masks[number] = mask
    return masks
