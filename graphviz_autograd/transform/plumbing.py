"""Plumbing folded: what a reader of a picture knows anyway takes less of it.

An accumulator joins its leaf, and ops that only look at a tensor in another way, or copy it,
become one thin box. Neither can make a circle: a leaf takes nothing, and of a chain only the
first op takes something from outside, only the last gives something.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from graphviz_autograd.graph import Graph, Node
from graphviz_autograd.transform.groups import (
    Parents,
    common_group,
    fresh_ids,
    leaves_of_accumulators,
    placed,
)

_LOOKS = """
alias as_strided clone contiguous diagonal expand lazy_clone lift_fresh narrow narrow_copy numpy_t
permute reshape reshape_alias reshape_copy select slice squeeze t transpose unfold unsafe_view
unsqueeze view view_as_complex view_as_real
"""

LOOKS = frozenset(_LOOKS.split())
"""Ops, by their short names, that give the tensor that they take, or a part of it."""

_NODE = re.compile(r"_?(\w+?)Backward(?:AutogradNestedTensor)?\d*")
_WORD = re.compile(r"(?<!^)(?<!_)(?=[A-Z])")


@cache
def short_name(op: str) -> str:
    """The function that made a node, as one writes it.

    >>> short_name("UnsafeViewBackward0"), short_name("TBackward0"), short_name("AccumulateGrad")
    ('unsafe_view', 't', 'AccumulateGrad')
    """
    made = _NODE.fullmatch(op)
    return _WORD.sub("_", made[1]).lower() if made else op


def fold_plumbing(graph: Graph) -> Graph:
    """Accumulators within their leaves, and views, transposes and copies as thin boxes.

    Beside what `join_accumulators` does, every chain of ops that only look at a tensor in
    another way becomes a closed group of op "chain", also where it is one op long. Its attribute
    "chain" has their short names in order. A chain stays in the module call that made it, ends
    where several ops take its tensor, and where a tensor has a name.

    >>> from graphviz_autograd.graph import Edge
    >>> ops = [Node(0, "op", "TBackward0"), Node(1, "op", "ViewBackward0"), Node(2, "output")]
    >>> folded = fold_plumbing(Graph(ops, [Edge(0, 1), Edge(1, 2)], (2,)))
    >>> folded, folded.nodes[-1].attrs
    (Graph(3 nodes in 1 group, 2 edges, outputs=[2]), {'chain': ('t', 'view')})
    """
    graph = join_accumulators(graph)
    ids = fresh_ids(graph)
    nodes = graph.by_id()
    within: dict[int, int] = {}  # the chain of each op that is in one
    made: list[Node] = []
    for chain in _chains(graph, nodes):
        first, last = nodes[chain[0]], nodes[chain[-1]]
        group = Node(
            next(ids),
            "group",
            "chain",
            names=last.names,
            outputs=last.outputs,
            attrs={"chain": tuple(short_name(nodes[number].op) for number in chain)},
            modules=first.modules,
            line=last.line,
            parent=first.parent,
        )
        made.append(group)
        within.update(dict.fromkeys(chain, group.id))
    return _grouped(graph, within, made)


def _chains(graph: Graph, nodes: dict[int, Node]) -> Iterator[list[int]]:
    """The longest runs of ops that only look, each in the order of the data."""
    looks = {
        node.id
        for node in graph.nodes
        if node.kind == "op" and short_name(node.op) in LOOKS and not _is_in_chain(node, nodes)
    }
    taken: Counter[int] = Counter()
    given: Counter[int] = Counter()
    between = []
    for edge in graph.edges:
        if edge.kind == "grad":
            taken[edge.target] += edge.target in looks
            given[edge.source] += edge.source in looks
            if edge.source in looks and edge.target in looks:
                between.append((edge.source, edge.target))
    following = {
        source: target
        for source, target in between
        if given[source] == taken[target] == 1 and _are_one(nodes[source], nodes[target])
    }
    later = set(following.values())
    for node in graph.nodes:
        if node.id in looks and node.id not in later:
            chain = [node.id]
            while chain[-1] in following:
                chain.append(following[chain[-1]])
            yield chain


def _is_in_chain(node: Node, nodes: dict[int, Node]) -> bool:
    return node.parent is not None and nodes[node.parent].op == "chain"


def _are_one(op: Node, following: Node) -> bool:
    """Whether one box may stand for both: made in the same place, and none between has a name."""
    return (op.parent, op.modules) == (following.parent, following.modules) and not op.names


def join_accumulators(graph: Graph) -> Graph:
    """Each leaf and its accumulator in a closed group of op "leaf", which is drawn as the leaf.

    The group has the leaf's names, outputs and attributes.

    >>> from graphviz_autograd.graph import Edge
    >>> nodes = [Node(0, "leaf", names=("w",)), Node(1, "op", "AccumulateGrad")]
    >>> joined = join_accumulators(Graph(nodes, [Edge(0, 1)]))
    >>> joined.nodes[-1].names, joined.closed
    (('w',), frozenset({2}))
    """
    ids = fresh_ids(graph)
    nodes = graph.by_id()
    groups: Parents = {node.id: node.parent for node in graph.nodes if node.kind == "group"}
    accumulators: dict[int, list[int]] = {}
    for accumulator, leaf in leaves_of_accumulators(graph, nodes).items():
        accumulators.setdefault(leaf, []).append(accumulator)
    within: dict[int, int] = {}
    made: list[Node] = []
    for node in graph.nodes:
        parent = node.parent
        paired = parent is not None and nodes[parent].op == "leaf"
        if node.id in accumulators and not paired:
            members = (node.id, *accumulators[node.id])
            group = replace(
                node,
                id=next(ids),
                kind="group",
                op="leaf",
                data={},
                parent=common_group((nodes[number].parent for number in members), groups),
            )
            made.append(group)
            within.update(dict.fromkeys(members, group.id))
    return _grouped(graph, within, made)


def _grouped(graph: Graph, within: dict[int, int], made: list[Node]) -> Graph:
    """The graph with these closed groups, and in them the nodes that belong there."""
    if not made:
        return graph
    nodes = [placed(node, within[node.id]) if node.id in within else node for node in graph.nodes]
    closed = graph.closed.union(group.id for group in made)
    return replace(graph, nodes=[*nodes, *made], closed=closed)
