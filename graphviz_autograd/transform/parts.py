"""Parts of a graph: what is around a node, between two, or left without some of it.

These cut the graph, as no other transform does: what is not to be seen is no longer there. What
was cut is told: `meta["part"]` has a line for each cut, and a box that lost arrows has
`data["cut"]`, {"in": 2, "out": 1}: how many came from what is gone, and how many led to it.

Arrows and boxes are those of the picture (`visible`): a closed group is one box, and is kept or
cut with all that it holds. A node that stays keeps its id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import chain

from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import Edge, Graph, Node
from graphviz_autograd.transform.bridges import bridged
from graphviz_autograd.transform.finding import HIDDEN, find, matching
from graphviz_autograd.transform.groups import (
    ACCUMULATE,
    Parents,
    common_group,
    count_boxes,
    described,
    leaves_of_accumulators,
    path_of,
)
from graphviz_autograd.visible import representatives, visible

FLOW = ("grad", "input")
"""The kinds of arrows that data flows along; others go to what a node keeps or looks at."""

ASIDE = ("saved", "base")
"""The kinds of nodes that stand beside the flow."""

Ways = dict[int, list[int]]
"""Where the arrows of each box lead to."""


def focus(graph: Graph, what: int | str, hops: int = 2) -> Graph:
    """What lies within so many arrows of a node, in either direction.

    what  an id, a name, a module path (what all its calls made) or an op, the first of that name
    hops  how many arrows away; a leaf and its accumulator are one arrow's end together

    A leaf that is met on the way is an end of it: what else uses a shared weight is not around.

    Raises OptionError (a ValueError) for what is not there, with the nearest names, and for
    hops below 0.

    >>> nodes = [Node(n, "op", f"Op{n}Backward0") for n in range(5)]
    >>> graph = Graph(nodes, [Edge(n, n + 1) for n in range(4)])
    >>> part = focus(graph, "op2", hops=1)
    >>> [node.id for node in part.nodes], part.nodes[0].data
    ([1, 2, 3], {'cut': {'in': 1, 'out': 0}})
    >>> part.meta["part"]
    ["3 of 5 boxes, within 1 arrow of 'op2'"]
    """
    if isinstance(hops, bool) or not isinstance(hops, int) or hops < 0:
        raise OptionError(f"hops is a number from 0 up, not {hops!r}")
    shown = visible(graph)
    starts = _boxes(graph, shown, what)
    note = f"within {hops} arrow{'s' * (hops != 1)} of {what!r}"
    return _cut(graph, shown, _around(shown, starts, hops), note)


def between(graph: Graph, source: int | str, target: int | str | None = None) -> Graph:
    """Every way that leads from one node to another: the nodes on it, and what they keep.

    source, target  an id, a name, a module path or an op, as for `focus`; without a target
                    the outputs of the graph

    Raises OptionError (a ValueError) for what is not there, and where no way leads.

    >>> nodes = [Node(n, "op", f"Op{n}Backward0") for n in range(5)]
    >>> graph = Graph(nodes, [Edge(0, 1), Edge(0, 2), Edge(1, 3), Edge(2, 3), Edge(2, 4)], (4,))
    >>> [node.id for node in between(graph, 0, 3).nodes]
    [0, 1, 2, 3]
    >>> [node.id for node in between(graph, 0).nodes]
    [0, 2, 4]
    """
    shown = visible(graph)
    starts = _boxes(graph, shown, source)
    ends = set(shown.outputs) if target is None else _boxes(graph, shown, target)
    after, before = _ways(shown)
    kept = _reached(starts, after) & _reached(ends, before)
    goal = "the outputs" if target is None else repr(target)
    if not kept:
        turned = not _reached(ends, after).isdisjoint(starts)
        hint = f"; there is one from {goal} to {source!r}" if turned else ""
        raise OptionError(f"there is no way from {source!r} to {goal}{hint}")
    return _cut(graph, shown, kept, f"on a way from {source!r} to {goal}")


def hide(graph: Graph, *patterns: str) -> Graph:
    """The graph without some ops, modules or kinds of node.

    patterns  a kind ("leaf", "op", "output", "saved", "base", "input"); or of ops, with * and ?
              for parts of a name ("AddBackward0", "add*"); or of module paths ("layers.*").
              "kind:", "op:" or "module:" before one says which is meant

    Arrows pass through what is hidden: two boxes that stay are joined by an arrow where a way
    led from one to the other through hidden ones alone. Where very many arrows would come of
    it, a small box "…" stays instead. A closed group is hidden where all its ops are (or its
    leaf, where it has no other op). What only a module uses, its parameters, is hidden with it.
    Saved tensors and bases go with the last that keeps them.

    Raises OptionError (a ValueError) for no pattern, one that nothing matches, an unknown kind.

    >>> nodes = [Node(0, "leaf"), Node(1, "op", "TBackward0"), Node(2, "op", "MmBackward0")]
    >>> bare = hide(Graph(nodes, [Edge(0, 1), Edge(1, 2)]), "t")
    >>> [node.id for node in bare.nodes], [(edge.source, edge.target) for edge in bare.edges]
    ([0, 2], [(0, 2)])
    """
    found = _matching("hide", graph, patterns)
    return _without(graph, found, f"without {_listed(patterns)}")


def only(graph: Graph, *patterns: str) -> Graph:
    """Some ops, modules or kinds of node, and the outputs; nothing else.

    Patterns are as for `hide`, and so are the arrows: they pass through what is hidden.

    Raises OptionError (a ValueError) for no pattern, one that nothing matches, an unknown kind.

    >>> nodes = [Node(0, "leaf"), Node(1, "op", "TBackward0"), Node(2, "output")]
    >>> [node.id for node in only(Graph(nodes, [Edge(0, 1), Edge(1, 2)], (2,)), "leaf").nodes]
    [0, 2]
    """
    found = _matching("only", graph, patterns)
    found.update(graph.outputs)
    beside = ("group", *ASIDE)  # for these decides what they hold, and what keeps them
    others = {n.id for n in graph.nodes if n.id not in found and n.kind not in beside}
    return _without(graph, others, f"only {_listed(patterns)}")


# ---- around, between


def _boxes(graph: Graph, shown: Graph, what: int | str) -> set[int]:
    """The boxes that show what a person asks for; of a saved tensor, also those that keep it."""
    box = representatives(graph.nodes, graph.closed)
    boxes = {box[node.id] for node in find(graph, what)}
    if not boxes <= {node.id for node in shown.nodes if node.kind in ASIDE}:
        return boxes
    beside = [e for e in shown.edges if e.source in boxes or e.target in boxes]
    return boxes.union(end for edge in beside for end in (edge.source, edge.target))


def _ways(shown: Graph) -> tuple[Ways, Ways]:
    """To what the data flows from each box, and from what to it."""
    after: Ways = {}
    before: Ways = {}
    for edge in shown.edges:
        if edge.kind in FLOW:
            after.setdefault(edge.source, []).append(edge.target)
            before.setdefault(edge.target, []).append(edge.source)
    return after, before


def _reached(starts: Iterable[int], ways: Ways) -> set[int]:
    reached = set(starts)
    waiting = list(reached)
    while waiting:
        for end in ways.get(waiting.pop(), ()):
            if end not in reached:
                reached.add(end)
                waiting.append(end)
    return reached


def _around(shown: Graph, starts: set[int], hops: int) -> set[int]:
    """The boxes within so many arrows, level by level."""
    after, before = _ways(shown)
    pairs: Ways = {}  # a leaf and its accumulators
    for accumulator, leaf in leaves_of_accumulators(shown, shown.by_id()).items():
        pairs.setdefault(leaf, []).append(accumulator)
        pairs.setdefault(accumulator, []).append(leaf)
    ends = {n.id for n in shown.nodes if n.kind in ("leaf", "input") or n.op == "leaf"}
    ends.update(pairs)
    level = _reached(starts, pairs)
    reached = set(level)
    for hop in range(hops):
        passed = level if hop == 0 else level - ends
        near = {end for box in passed for ways in (after, before) for end in ways.get(box, ())}
        level = _reached(near, pairs) - reached
        reached |= level
        if not level:
            break
    return reached


# ---- cutting


def _cut(graph: Graph, shown: Graph, kept: set[int], what: str) -> Graph:
    """The graph with these boxes alone, with what they keep, hold and stand in."""
    kept |= _aside(shown.edges, kept, {n.id for n in shown.nodes if n.kind in ASIDE})
    box = representatives(graph.nodes, graph.closed)
    ids = {node.id for node in graph.nodes if box[node.id] in kept and not _is_frame(node, graph)}
    lost: dict[int, dict[str, int]] = {}
    for edge in shown.edges:
        if edge.kind in FLOW and (edge.source in kept) != (edge.target in kept):
            end, way = (edge.target, "in") if edge.target in kept else (edge.source, "out")
            lost.setdefault(end, {"in": 0, "out": 0})[way] += edge.count
    part = _part(graph, ids, graph.edges, what)
    if part is graph:
        return graph
    part = _counted(part, _around_any(graph, ids))
    return replace(part, nodes=_told(part.nodes, lost)) if lost else part


def _around_any(graph: Graph, ids: Collection[int]) -> set[int]:
    """The groups around any node but these."""
    groups = {node.id: node.parent for node in graph.nodes if node.kind == "group"}
    found: set[int] = set()
    for node in graph.nodes:
        around = node.parent if node.id not in ids and not _is_frame(node, graph) else None
        while around is not None and around not in found:
            found.add(around)
            around = groups[around]
    return found


def _counted(part: Graph, groups: set[int]) -> Graph:
    """The part with what is left in these groups counted anew. What left them is told still,
    also where those that took it are gone.
    """
    outputs = {node.id: node.outputs for node in part.nodes if node.id in groups}
    if not outputs:
        return part
    nodes = [
        replace(node, outputs=outputs[node.id]) if node.id in outputs else node
        for node in described(part, outputs).nodes
    ]
    return replace(part, nodes=nodes)


def _aside(edges: Iterable[Edge], kept: Collection[int], aside: Collection[int]) -> set[int]:
    """Of the saved tensors and bases, those that something which is kept keeps or looks at."""
    ends = chain.from_iterable(((e.source, e.target), (e.target, e.source)) for e in edges)
    return {one for one, other in ends if one in aside and other in kept}


def _is_frame(node: Node, graph: Graph) -> bool:
    return node.kind == "group" and node.id not in graph.closed


def _told(nodes: list[Node], lost: dict[int, dict[str, int]]) -> list[Node]:
    """The nodes, and how many arrows each has lost, with those that it had lost before."""
    told = []
    for node in nodes:
        if node.id in lost:
            known = node.data.get("cut", {})
            cut = {way: count + known.get(way, 0) for way, count in lost[node.id].items()}
            node = replace(node, data={**node.data, "cut": cut})
        told.append(node)
    return told


def _part(graph: Graph, ids: set[int], edges: Iterable[Edge], what: str) -> Graph:
    """The graph with these nodes, the groups around them, and what of these edges joins them."""
    if not any(node.id not in ids and not _is_frame(node, graph) for node in graph.nodes):
        return graph
    groups = {node.id: node.parent for node in graph.nodes if node.kind == "group"}
    frames: set[int] = set()
    for node in graph.nodes:
        around = node.parent if node.id in ids else None
        while around is not None and around not in frames:
            frames.add(around)
            around = groups[around]
    ids = ids | frames
    part = replace(
        graph,
        nodes=[node for node in graph.nodes if node.id in ids],
        edges=[edge for edge in edges if edge.source in ids and edge.target in ids],
        outputs=tuple(number for number in graph.outputs if number in ids),
        closed=graph.closed & ids,
    )
    note = f"{count_boxes(part)} of {count_boxes(graph)} boxes, {what}"
    return replace(part, meta={**graph.meta, "part": [*graph.meta.get("part", ()), note]})


# ---- hiding


def _matching(name: str, graph: Graph, patterns: tuple[str, ...]) -> set[int]:
    if not patterns:
        raise OptionError(f"{name} takes a pattern or more of ops, modules or kinds")
    return matching(graph, patterns)


def _listed(patterns: Iterable[str]) -> str:
    return ", ".join(map(repr, patterns))


def _without(graph: Graph, found: set[int], what: str) -> Graph:
    """The graph without these nodes, and with arrows that pass through where they were."""
    hidden = _hidden(graph, found)
    across: list[Edge] = []
    edges: list[Edge] = []
    for edge in graph.edges:
        through = edge.kind in FLOW and (edge.source in hidden or edge.target in hidden)
        (across if through else edges).append(edge)
    bridges = bridged(across, hidden)
    hidden -= bridges.left.keys()
    graph = _with_stubs(graph, bridges.left, hidden)
    known = {(e.source, e.target, e.source_index, e.target_index) for e in edges}
    edges += [
        edge
        for edge in bridges.edges
        if (edge.source, edge.target, edge.source_index, edge.target_index) not in known
    ]
    aside = {node.id for node in graph.nodes if node.kind in ASIDE}
    beside = [edge for edge in graph.edges if edge.kind not in FLOW]
    every = {node.id for node in graph.nodes if not _is_frame(node, graph)}
    ids = every - hidden - _aside(beside, every, aside)  # those that something kept
    ids |= _aside(beside, ids, aside) - hidden
    return _part(graph, ids, edges, what)


def _hidden(graph: Graph, found: set[int]) -> set[int]:
    """These nodes as far as they are seen, and the closed groups whose ops are all among them,
    with what they hold. Boxes that stand for what was hidden before are hidden anew.
    """
    box = representatives(graph.nodes, graph.closed)
    decided: dict[int, tuple[int, bool]] = {}  # by the ops, else by the leaves, else by the rest
    for node in graph.nodes:
        if node.kind == "group":
            continue
        rank = {"op": 2 if node.op == ACCUMULATE else 0, "leaf": 1}.get(node.kind, 2)
        hides = node.id in found or node.op == HIDDEN
        least, all_hide = decided.get(box[node.id], (rank, True))
        if rank < least:
            decided[box[node.id]] = rank, hides
        elif rank == least:
            decided[box[node.id]] = rank, hides and all_hide
    return {node.id for node in graph.nodes if decided.get(box[node.id], (0, False))[1]}


def _with_stubs(graph: Graph, left: dict[int, list[int]], hidden: set[int]) -> Graph:
    """The graph with a box "…" for each of these nodes, in the group that it and those it
    stands for have in common.
    """
    if not left:
        return graph
    nodes = graph.by_id()
    groups: Parents = {node.id: node.parent for node in graph.nodes if node.kind == "group"}

    def stub(number: int) -> Node:
        stands_for = [nodes[other] for other in (number, *left[number])]
        home = common_group((node.parent for node in stands_for), groups)
        around = path_of(home, groups)
        seen = next((at for at, group in enumerate(around) if group in hidden), len(around))
        count = sum(int(str(node.attrs.get("hidden", 1))) for node in stands_for)
        parent = around[seen - 1] if seen else None
        made = nodes[number].made
        return Node(number, "op", HIDDEN, attrs={"hidden": count}, parent=parent, made=made)

    made = [stub(node.id) if node.id in left else node for node in graph.nodes]
    return replace(graph, nodes=made)
