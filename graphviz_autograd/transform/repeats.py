"""Equal blocks that follow each other, drawn as one box: "Block ×12".

equal_blocks says which blocks those are; here they get their groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import Attr, Graph, ModuleCall, Node
from graphviz_autograd.transform.block_names import attributes, differences
from graphviz_autograd.transform.equal_blocks import Folding
from graphviz_autograd.transform.groups import (
    Parents,
    described,
    fresh_ids,
    placed,
    settled,
    without_cycles,
)
from graphviz_autograd.transform.modules import group_modules
from graphviz_autograd.transform.sequences import Item, Sequences

LEAST = 3
"""Two equal blocks are read as quickly as "×2", and without opening anything."""


def fold(graph: Graph, *, least: int = LEAST) -> Graph:
    """Runs of at least `least` equal blocks as one box each.

    A run is in a group "repeat": its first block, and a group "more" with all others, both
    closed. What is in a block that is no module call is in a group "step". Whole blocks are
    looked for first; what repeats itself within them is folded there, alike in each.
    Blocks side by side, which take nothing from each other, are folded where they are modules
    that are numbered (`experts.0`, `experts.1`) or the same one, or steps and one more than
    `least`: three such may be query, key and value.

    The groups say what they hold: "count" of blocks, "of" what they are ("Block", "step"),
    "blocks" (paths of modules: "h.{0..11}") and "differs" (names of leaves:
    "h.{0..11}.attn.weight"); a step its "number", from 1.

    Modules are known where the graph was walked with `record=`. Without, the ops alone are
    looked at, in the order they were made.

    Raises OptionError (a ValueError) for `least` below 2.

    >>> from graphviz_autograd.graph import Edge
    >>> nodes = [Node(n, "op", op, made=n) for n, op in enumerate(["SinBackward0"] * 9)]
    >>> edges = [Edge(n, n + 1) for n in range(8)]
    >>> folded = fold(Graph(nodes, edges))
    >>> [(n.op, n.attrs["count"], n.attrs["of"]) for n in folded.nodes if n.kind == "group"]
    [('repeat', 9, 'SinBackward0'), ('more', 8, 'SinBackward0')]
    """
    if isinstance(least, bool) or not isinstance(least, int) or least < 2:
        raise OptionError(f"least is a number of blocks from 2 up, not {least!r}")
    graph = group_modules(graph)
    moved, made = _groups(graph, least)
    if not made:
        return graph
    nodes = [placed(n, moved[n.id]) if n.id in moved else n for n in graph.nodes]
    closed = graph.closed.union(node.id for node in made if node.op in ("repeat", "more"))
    folded = settled(replace(graph, nodes=nodes + made, closed=closed))
    return without_cycles(described(folded, [node.id for node in made]))


def _groups(graph: Graph, least: int) -> tuple[Parents, list[Node]]:
    """The groups for all runs of equal blocks, and the group that each of their ops is in now."""
    found = Sequences(graph)
    folding = Folding(found, least)
    building = _Building(found, fresh_ids(graph))
    for group, items in found.parts.items():
        if group is None or found.nodes[group].op not in ("repeat", "more"):
            building.place(folding.folded(items), group)
    return building.moved, list(building.made.values())


class _Building:
    """Making the groups of runs that were found."""

    def __init__(self, found: Sequences, ids: Iterator[int]) -> None:
        self.found, self.ids = found, ids
        self.moved: Parents = {}
        self.made: dict[int, Node] = {}

    def place(self, items: list[Item], group: int | None) -> None:
        """Put these into a group, and what is repeated among them into groups of its own."""
        for item in items:
            if item.blocks:
                self.repeat(item.blocks, group)
            elif item.node is not None and self.found.nodes[item.node].parent != group:
                self.moved[item.node] = group

    def repeat(self, blocks: Sequence[list[Item]], group: int | None) -> None:
        said = attributes(self.found, blocks)
        differs = differences(self.found, blocks)
        repeat = self.group("repeat", group, {**said, **differs})
        more = self.group("more", repeat, attributes(self.found, blocks[1:]))
        alone = not all(self._needs_step(block) for block in blocks)
        for number, block in enumerate(blocks, 1):
            around = repeat if number == 1 else more
            self.place(block, around if alone else self.group("step", around, {"number": number}))

    def group(self, op: str, around: int | None, attrs: dict[str, Attr]) -> int:
        modules: tuple[ModuleCall, ...] = ()
        if around is not None:
            modules = (self.made.get(around) or self.found.nodes[around]).modules
        node = Node(next(self.ids), "group", op, attrs=attrs, modules=modules, parent=around)
        self.made[node.id] = node
        return node.id

    def _needs_step(self, block: list[Item]) -> bool:
        """Whether there is more to the block than one group or op, such as its leaves."""
        if len(block) > 1 or block[0].node is None:
            return True
        return block[0].node not in self.found.groups and block[0].start in self.found.leaves
