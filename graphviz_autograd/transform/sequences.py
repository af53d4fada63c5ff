"""What a graph consists of, in the order in which it was made: what folding looks at.

The top of the graph, and each group, is a sequence of ops and groups. Where the ops of a
group lie together, as those of a module call do, all is in the order of creation; else groups
are moved as whole as the arrows ask for. Accumulators, leaves and saved tensors are in no
sequence: they go where their users go.

Every op has a place, so that a sequence, and any part of it, is a range of places. No arrow
leads back (but where groups are entangled), so that drawing parts of a sequence as boxes
makes no circle.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from graphviz_autograd.graph import Graph, Node
from graphviz_autograd.transform.groups import ACCUMULATE, Parents, path_of

Link = tuple[int, int, int]
"""An input of an op: its number, how many places back the op is that made it, and which output
of that it is; for a leaf that a person gave 0 and a number for its shape."""


@dataclass(slots=True)
class Item:
    """One thing of a sequence: an op, a group, or a run of equal blocks that was found in it.

    kind    equal for what looks alike: same ops, shapes and parameters' shapes, same nesting
    start   the place of its first op
    size    how many ops it is
    node    the id of the op or group; None for a run
    blocks  of a run: the blocks, each a sequence
    """

    kind: int
    start: int
    size: int
    node: int | None = None
    blocks: Sequence[list[Item]] = ()


class Kinds(dict[Hashable, int]):
    """Numbers for things, the same for equal ones."""

    def __missing__(self, thing: Hashable) -> int:
        self[thing] = number = len(self)
        return number


class Sequences:
    """The sequences of a graph.

    parts   the items of the top (None) and of each group, in order
    ids     the op at each place
    links   what each place takes from others, as a number of `table`
    leaves  the leaves that a place takes, each with the number of the input
    """

    def __init__(self, graph: Graph) -> None:
        self.nodes = graph.by_id()
        self.groups: Parents = {n.id: n.parent for n in graph.nodes if n.kind == "group"}
        self.kinds = Kinds()
        self.leaves: dict[int, list[tuple[int, int]]] = {}
        children = _children(graph, self.groups)
        self._lay_out(children)
        leading_back = self._link(graph)
        if leading_back:
            entangled = {self._sides(source, target)[0] for source, target in leading_back}
            for group, arrows in self._arrows_between(graph, entangled).items():
                children[group] = _sorted(children[group], arrows)
            self._lay_out(children)
            self._link(graph)
        self.parts = self._items(children)

    def _lay_out(self, children: dict[int | None, list[int]]) -> None:
        """Places for all ops, going through groups in order; what groups there are with them."""
        self.ids: list[int] = []
        self.inside_out: list[int] = []
        stack: list[tuple[int | None, Iterator[int]]] = [(None, iter(children[None]))]
        while stack:
            group, rest = stack[-1]
            for child in rest:
                if child in children:
                    stack.append((child, iter(children[child])))
                    break
                self.ids.append(child)
            else:
                stack.pop()
                if group is not None:
                    self.inside_out.append(group)
        self.place = {number: place for place, number in enumerate(self.ids)}

    # ---- groups whose ops do not lie together

    def _sides(self, source: int, target: int) -> tuple[int | None, int, int]:
        """The innermost group around both, and what of it holds the one and the other."""
        one = (*path_of(self.nodes[source].parent, self.groups), source)
        other = (*path_of(self.nodes[target].parent, self.groups), target)
        around: int | None = None
        for left, right in zip(one, other, strict=False):
            if left != right:
                break
            around = left
        return around, left, right

    def _arrows_between(
        self, graph: Graph, wanted: set[int | None]
    ) -> dict[int | None, set[tuple[int, int]]]:
        """The arrows between what is in each of these groups."""
        arrows: dict[int | None, set[tuple[int, int]]] = {group: set() for group in wanted}
        for edge in graph.edges:
            if edge.kind == "grad" and edge.source in self.place and edge.target in self.place:
                around, source, target = self._sides(edge.source, edge.target)
                if around in arrows:
                    arrows[around].add((source, target))
        return arrows

    # ---- what there is at each place

    def _link(self, graph: Graph) -> list[tuple[int, int]]:
        """Note what each place takes from others. Gives the arrows that lead back."""
        nodes, place = self.nodes, self.place
        incoming: list[list[Link]] = [[] for _ in self.ids]
        leaf_of: dict[int, int] = {}
        taken: list[tuple[int, int, int]] = []
        leading_back: list[tuple[int, int]] = []
        for edge in graph.edges:
            if edge.kind != "grad":
                continue
            target, source = place.get(edge.target), place.get(edge.source)
            if target is None:
                if source is None and nodes[edge.source].kind == "leaf":
                    leaf_of[edge.target] = edge.source
            elif source is None:
                taken.append((target, edge.target_index, edge.source))
            else:
                distance = target - source
                if distance < 0:
                    distance = 0
                    leading_back.append((edge.source, edge.target))
                incoming[target].append((edge.target_index, distance, edge.source_index))
        self.leaves.clear()
        for target, index, number in taken:
            leaf = leaf_of.get(number, number)
            self.leaves.setdefault(target, []).append((index, leaf))
            if not nodes[leaf].attrs.get("parameter"):
                incoming[target].append((index, 0, self.kinds["leaf", nodes[leaf].outputs]))
        for leaves in self.leaves.values():
            leaves.sort()
        known: dict[tuple[Link, ...], int] = {}
        self.links = [known.setdefault(tuple(sorted(found)), len(known)) for found in incoming]
        self.table = list(known)
        return leading_back

    def _items(self, children: dict[int | None, list[int]]) -> dict[int | None, list[Item]]:
        made: dict[int, Item] = {}
        parts: dict[int | None, list[Item]] = {}
        for group in (*self.inside_out, None):
            items = parts[group] = [
                made.pop(child) if child in made else self._op(child) for child in children[group]
            ]
            if group is not None:
                kind = self.kinds[(_looks(self.nodes[group]), tuple(item.kind for item in items))]
                size = sum(item.size for item in items)
                made[group] = Item(kind, items[0].start, size, group)
        return parts

    def _op(self, number: int) -> Item:
        node, place = self.nodes[number], self.place[number]
        parameters: tuple[Hashable, ...] = ()
        if place in self.leaves:
            leaves = [(index, self.nodes[leaf]) for index, leaf in self.leaves[place]]
            parameters = tuple((i, n.outputs) for i, n in leaves if n.attrs.get("parameter"))
        return Item(self.kinds[(node.op, node.outputs, parameters)], place, 1, number)


def _looks(group: Node) -> Hashable:
    if group.op == "module" and group.modules:
        return group.op, group.modules[-1].class_name
    return group.op, group.names


def _children(graph: Graph, groups: Parents) -> dict[int | None, list[int]]:
    """The ops and groups in each group (None: at the top), by when their first op was made.

    Where that is not known, the ops that were discovered last are taken as made first.
    """
    ops = [node for node in graph.nodes if node.kind == "op" and node.op != ACCUMULATE]
    made = [node.made for node in ops if node.made is not None]
    if len(made) == len(ops):
        ops.sort(key=lambda node: node.made or 0)
    else:
        ops.reverse()
    children: dict[int | None, list[int]] = {None: []}
    for node in ops:
        inner, around = node.id, node.parent
        while around not in children and around is not None:
            children[around] = [inner]
            inner, around = around, groups[around]
        children[around].append(inner)
    return children


def _sorted(items: list[int], arrows: set[tuple[int, int]]) -> list[int]:
    """The items so that no arrow leads back, else in the order they have.

    Of those on a circle, which no order suits, the first comes first.
    """
    order = {item: number for number, item in enumerate(items)}
    waiting = [0] * len(items)
    leading: list[list[int]] = [[] for _ in items]
    for source, target in arrows:
        leading[order[source]].append(order[target])
        waiting[order[target]] += 1
    ready = [number for number, count in enumerate(waiting) if not count]
    heapify(ready)
    done: list[int] = []
    first, placed = 0, [False] * len(items)
    while len(done) < len(items):
        if ready:
            number = heappop(ready)
        else:
            while placed[first]:
                first += 1
            number = first
        if placed[number]:
            continue
        placed[number] = True
        done.append(items[number])
        for target in leading[number]:
            waiting[target] -= 1
            if not waiting[target]:
                heappush(ready, target)
    return done
