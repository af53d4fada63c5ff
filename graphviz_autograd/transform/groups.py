"""What all transforms that make groups need: ids, places for leaves, what a group holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from itertools import count
from math import prod
from operator import attrgetter

from graphviz_autograd.graph import Attr, Graph, Node, TensorInfo
from graphviz_autograd.visible import visible

ACCUMULATE = "AccumulateGrad"

Parents = dict[int, int | None]
"""The group that each node is in."""


def fresh_ids(graph: Graph) -> Iterator[int]:
    """Ids that no node of the graph has."""
    return count(max((node.id for node in graph.nodes), default=-1) + 1)


def placed(node: Node, parent: int | None) -> Node:
    """The node, in this group."""
    moved = Node(*_all_of(node))  # in a tenth of the time that dataclasses.replace takes
    moved.parent = parent
    return moved


_all_of = attrgetter(*(field.name for field in fields(Node)))


def path_of(group: int | None, parents: Parents) -> tuple[int, ...]:
    """The groups around and including this one, outermost first."""
    path: list[int] = []
    while group is not None:
        path.append(group)
        group = parents[group]
    return tuple(reversed(path))


def settled(graph: Graph) -> Graph:
    """Every parameter, accumulator, saved tensor and input in the innermost group that holds
    all who use it; so a group that is closed hides what is its own.

    A leaf that is no parameter stays at the top: it is what a person gave; but where each block
    of a repeat has one of its own, it is the block's. A leaf or an input that several blocks of
    a repeat share stands beside the repeat.
    """
    nodes = graph.by_id()
    groups = {node.id: node.parent for node in graph.nodes if node.kind == "group"}
    shared = {n.id for n in graph.nodes if n.kind == "group" and n.op in ("repeat", "more")}
    users = _users(graph, nodes)
    around = {node.id: node.parent for node in graph.nodes}
    moved: dict[int, int | None] = {}
    for stage in (_is_accumulator, _is_leaf, _is_joined_parameter, _is_kept):
        staged = [node for node in graph.nodes if stage(node) and not _is_paired(node, nodes)]
        homes = {
            node.id: common_group(
                {moved.get(user, around[user]) for user in users.get(node.id, ())}, groups
            )
            for node in staged
        }
        given = [homes[node.id] for node in staged if shared and _is_given(node)]
        lone = _lone(given, groups, nodes)
        for node in staged:
            home = homes[node.id]
            if _is_given(node):
                path = path_of(home, groups)
                home = next((groups[group] for group in path if group in lone), home)
                if not shared.intersection(path_of(home, groups)):
                    continue
            while home in shared and node.kind != "saved":
                home = groups[home]
            moved[node.id] = home
    for node in graph.nodes:  # the accumulator of a leaf that a person gave stays with it
        if _is_given(node) and node.id not in moved:
            for user in users.get(node.id, ()):
                if _is_accumulator(nodes[user]) and not _is_paired(nodes[user], nodes):
                    moved[user] = node.parent
    changed = {number: home for number, home in moved.items() if home != around[number]}
    if not changed:
        return graph
    return replace(
        graph,
        nodes=[
            placed(node, changed[node.id]) if node.id in changed else node for node in graph.nodes
        ],
    )


def _lone(homes: Iterable[int | None], groups: Parents, nodes: dict[int, Node]) -> set[int]:
    """The repeats of which some blocks, but not all, are the home of one of these leaves."""
    blocks: dict[int, set[int]] = {}
    for home in homes:
        path = path_of(home, groups)
        for at, group in enumerate(path):
            if nodes[group].op == "repeat":
                inner = [block for block in path[at + 1 :] if nodes[block].op != "more"]
                blocks.setdefault(group, set()).update(inner[:1])
    return {repeat for repeat, held in blocks.items() if len(held) != nodes[repeat].attrs["count"]}


def _users(graph: Graph, nodes: dict[int, Node]) -> dict[int, list[int]]:
    """Who uses each leaf, accumulator, saved tensor and input, and each pair of the first two."""
    users: dict[int, list[int]] = {}
    for edge in graph.edges:
        if edge.kind == "saved" and nodes[edge.target].kind in ("saved", "input"):
            users.setdefault(edge.target, []).append(edge.source)
        elif edge.kind in ("grad", "input") or nodes[edge.source].kind == "saved":
            node = nodes[edge.source]
            if node.kind != "op" or node.op == ACCUMULATE:
                users.setdefault(edge.source, []).append(edge.target)
                pair = node.parent
                if (
                    pair is not None
                    and _is_paired(node, nodes)
                    and nodes[edge.target].parent != pair
                ):
                    users.setdefault(pair, []).append(edge.target)
    return users


def _is_accumulator(node: Node) -> bool:
    return node.op == ACCUMULATE and node.kind == "op"


def _is_leaf(node: Node) -> bool:
    return node.kind == "leaf"


def _is_given(node: Node) -> bool:
    return _is_leaf(node) and not _is_parameter(node)


def _is_parameter(node: Node) -> bool:
    return node.kind == "leaf" and bool(node.attrs.get("parameter"))


def _is_joined_parameter(node: Node) -> bool:
    return node.op == "leaf" and node.kind == "group" and bool(node.attrs.get("parameter"))


def _is_kept(node: Node) -> bool:
    return node.kind in ("saved", "input")


def _is_paired(node: Node, nodes: dict[int, Node]) -> bool:
    """Whether it is in the group of a leaf and its accumulator."""
    return node.parent is not None and nodes[node.parent].op == "leaf"


def common_group(homes: Iterable[int | None], groups: Parents) -> int | None:
    """The innermost group that holds all of these, each named by the group it is in."""
    common: tuple[int, ...] | None = None
    for home in homes:
        path = path_of(home, groups)
        if common is not None:
            same = 0
            for one, other in zip(common, path, strict=False):
                if one != other:
                    break
                same += 1
            path = path[:same]
        common = path
        if not common:
            return None
    return common[-1] if common else None


# ---- what a group holds


def described(graph: Graph, ids: Iterable[int] | None = None) -> Graph:
    """The groups (all, or these) with what they hold: the number of ops and of elements of
    parameters as attributes, and as outputs the tensors that leave them.
    """
    told = ("leaf", "chain")  # these say what their leaf, or their last op, said
    wanted = {n.id for n in graph.nodes if n.kind == "group" and n.op not in told}
    wanted = wanted if ids is None else wanted.intersection(ids)
    nodes = graph.by_id()
    groups = {node.id: node.parent for node in graph.nodes if node.kind == "group"}
    paths = {group: path_of(group, groups) for group in {None, *groups}}
    ops = dict.fromkeys(groups, 0)
    for node in graph.nodes:
        if node.kind == "op" and node.op != ACCUMULATE:
            for group in paths[node.parent]:
                ops[group] += 1
    leaving: defaultdict[int, dict[tuple[int, int], TensorInfo]] = defaultdict(dict)
    used: defaultdict[int, dict[int, int]] = defaultdict(dict)  # by original, or itself
    leaf_of = leaves_of_accumulators(graph, nodes)
    for edge in graph.edges:
        if edge.kind != "grad":
            continue
        source, target = nodes[edge.source], nodes[edge.target]
        leaf = leaf_of.get(edge.source)
        if leaf is not None:
            if _is_parameter(nodes[leaf]):
                original = nodes[leaf].clone_of
                for group in paths[target.parent]:
                    used[group][leaf if original is None else original] = leaf
        elif source.parent != target.parent and edge.source_index < len(source.outputs):
            inner = paths[target.parent]
            for group in paths[source.parent]:
                if group not in inner:
                    key = (edge.source, edge.source_index)
                    leaving[group][key] = source.outputs[edge.source_index]
    made = []
    for node in graph.nodes:
        if node.id in wanted:
            attrs: dict[str, Attr] = {**node.attrs, "ops": ops[node.id]}
            attrs.pop("parameters", None)
            sizes = [elements(nodes[leaf]) for leaf in used[node.id].values()]
            if sizes and None not in sizes:
                attrs["parameters"] = sum(size or 0 for size in sizes)
            node = placed(node, node.parent)
            node.attrs, node.outputs = attrs, tuple(leaving[node.id].values())
        made.append(node)
    return replace(graph, nodes=made)


def leaves_of_accumulators(graph: Graph, nodes: dict[int, Node]) -> dict[int, int]:
    """For each accumulator its leaf."""
    return {
        edge.target: edge.source
        for edge in graph.edges
        if nodes[edge.source].kind == "leaf" and _is_accumulator(nodes[edge.target])
    }


def elements(leaf: Node) -> int | None:
    """How many numbers a leaf holds; None where its shape is not known as numbers."""
    total = 0
    for info in leaf.outputs:
        if info.shape is None or not all(isinstance(size, int) for size in info.shape):
            return None
        total += prod(size for size in info.shape if isinstance(size, int))
    return total


# ---- closing groups


def without_cycles(graph: Graph) -> Graph:
    """The graph with those closed groups opened that would make a circle of the picture.

    What one call of a module made never does; ops of other threads or changes of a view in
    place, made while it ran, can.
    """
    while graph.closed:
        circling = _on_cycles(visible(graph)) & graph.closed
        if not circling:
            break
        graph = replace(graph, closed=graph.closed - circling)
    return graph


def _on_cycles(graph: Graph) -> set[int]:
    """The nodes that lie on a circle of arrows, and some that lie between two circles."""
    ends = [(e.source, e.target) for e in graph.edges if e.kind in ("grad", "input")]
    forward: dict[int, list[int]] = {}
    backward: dict[int, list[int]] = {}
    for source, target in ends:
        forward.setdefault(source, []).append(target)
        backward.setdefault(target, []).append(source)
    left = _peeled({node.id for node in graph.nodes}, forward, backward)
    return _peeled(left, backward, forward) if left else left


def _peeled(
    ids: set[int], forward: dict[int, list[int]], backward: dict[int, list[int]]
) -> set[int]:
    """What is left when, again and again, all that nothing leads to is taken away."""
    left = set(ids)
    waiting = {n: sum(1 for s in backward.get(n, ()) if s in left) for n in left}
    ready = [number for number, sources in waiting.items() if not sources]
    while ready:
        number = ready.pop()
        left.discard(number)
        for target in forward.get(number, ()):
            if target in left:
                waiting[target] -= 1
                if not waiting[target]:
                    ready.append(target)
    return left


def count_boxes(graph: Graph) -> int:
    """How many boxes a picture of the graph has: frames and saved tensors do not count."""
    return boxes_inside(graph)[None]


def boxes_inside(graph: Graph) -> dict[int | None, int]:
    """How many boxes each group would show, were it open and seen; under None the picture's."""
    groups: Parents = {node.id: node.parent for node in graph.nodes if node.kind == "group"}
    inside: dict[int | None, int] = dict.fromkeys([None, *groups], 0)
    for node in graph.nodes:
        if node.kind not in ("group", "saved"):
            inside[node.parent] += 1
    for group in sorted(groups, key=lambda group: -len(path_of(group, groups))):  # inner ones first
        inside[groups[group]] += 1 if group in graph.closed else inside[group]
    return inside
