"""The transforms together: those that a person asks for, and those that a large graph needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import Attr, Graph
from graphviz_autograd.transform import leaves, modules, parts, plumbing, repeats
from graphviz_autograd.transform.groups import (
    Parents,
    boxes_inside,
    count_boxes,
    described,
    path_of,
    without_cycles,
)

COMFORTABLE = 40
"""Boxes that one can take in: where something has to be closed at all, this is aimed at."""

Depth = int | Literal["auto"] | None


class Part(NamedTuple):
    """Which part of a graph is to be seen; by default all of it.

    only, hide  patterns of ops, modules or kinds to keep or to leave out
    between     two names: what lies on a way from the first to the second
    focus       a name: what lies within `hops` arrows of it
    """

    only: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    between: tuple[str, str] | None = None
    focus: int | str | None = None
    hops: int = 2


ALL = Part()


def patterns(given: str | Iterable[str] | None) -> tuple[str, ...]:
    """One pattern, several or none, as a Part has them.

    >>> patterns("leaf"), patterns(["leaf", "View*"]), patterns(None)
    (('leaf',), ('leaf', 'View*'), ())
    """
    return (given,) if isinstance(given, str) else tuple(given or ())


def part_of(graph: Graph, part: Part) -> Graph:
    """The part of a graph that is to be seen. Raises OptionError for a name that is not there."""
    if part.only:
        graph = parts.only(graph, *part.only)
    if part.hide:
        graph = parts.hide(graph, *part.hide)
    if part.between:
        if isinstance(part.between, str) or len(part.between) != 2:
            raise OptionError(f"between takes two names, from and to, not {part.between!r}")
        graph = parts.between(graph, *part.between)
    if part.focus is not None:
        graph = parts.focus(graph, part.focus, part.hops)
    return graph


def simplified(
    graph: Graph,
    *,
    depth: Depth = None,
    paths: Iterable[str] = (),
    max_nodes: int = modules.MAX_BOXES,
    fold: bool = False,
    fold_plumbing: bool = False,
    clone_leaves: bool = False,
    part: Part = ALL,
) -> Graph:
    """What was asked for of a graph, and nothing else; frames around its modules always.

    Raises OptionError (a ValueError) for what cannot be, or is not there.
    """
    graph = part_of(modules.group_modules(graph), part)
    if fold:
        graph = repeats.fold(graph)
    if depth is not None or paths:
        graph = modules.collapse(graph, depth, paths=paths, max_nodes=max_nodes)
    if fold_plumbing:
        graph = plumbing.fold_plumbing(graph)
    return leaves.clone_leaves(graph) if clone_leaves else graph


def readable(
    graph: Graph,
    *,
    depth: Depth = "auto",
    paths: Iterable[str] = (),
    max_nodes: int = modules.MAX_BOXES,
    fold: bool | None = None,
    fold_plumbing: bool = False,
    clone_leaves: bool = True,
    part: Part = ALL,
    keep: Iterable[int] = (),
) -> tuple[Graph, list[str]]:
    """A graph that can be read, and what was done to it beside what was asked for.

    A graph of more than `max_nodes` boxes is folded (unless `fold` is False), its accumulators
    join their leaves, and its modules are closed at the depth that makes a comfortable picture;
    repeats open to their first block as far as there is room. Where `depth` or `paths` say what
    to close, that alone is closed, beside what is folded.

    keep  ids of nodes that stay seen, whatever is closed

    Raises OptionError (a ValueError) for what cannot be, or is not there.
    """
    modules.check_max_nodes(max_nodes)
    graph = part_of(modules.group_modules(graph), part)
    before = count_boxes(graph)
    notes: list[str] = []
    large = before > max_nodes
    if fold or (fold is None and large):
        graph = repeats.fold(graph)
        found = [n.attrs for n in graph.nodes if n.op == "repeat" and n.kind == "group"]
        if found and not fold:
            notes.append(f"equal blocks folded ({_listed(found)})")
    paths = tuple(paths)
    if large and depth == "auto" and not paths:
        graph = plumbing.join_accumulators(graph)
        notes.append("accumulators drawn with their leaves")
        graph = _composites_closed(graph)
        graph, closed_at = _comfortable(graph, max_nodes)
        if closed_at is not None:
            notes.append(f"modules closed from depth {closed_at} on")
    elif paths or depth not in ("auto", None):
        graph = modules.collapse(graph, None if depth == "auto" else depth, paths=paths)
        if not fold:
            graph, *_ = _repeats_opened(graph, max_nodes)
    if fold_plumbing:
        graph = plumbing.fold_plumbing(graph)
    graph = _with(graph, keep)
    return (leaves.clone_leaves(graph) if clone_leaves else graph), notes


def _listed(found: Iterable[Mapping[str, Attr]]) -> str:
    names = [f"{attrs.get('of') or 'step'} ×{attrs['count']}" for attrs in found]
    return ", ".join(names[:3]) + ", ..." * (len(names) > 3)


# ---- how much to close


def _composites_closed(graph: Graph) -> Graph:
    """What one call of a function made as one box."""
    composites = {node.id for node in graph.nodes if node.op == "composite"}
    return described(replace(graph, closed=graph.closed | composites), composites)


def _comfortable(graph: Graph, max_nodes: int) -> tuple[Graph, Depth]:
    """The deepest level that makes a comfortable picture, every repeat open to its first block;
    else one that does within `max_nodes`; else the deepest with some repeats shut; else the one
    that makes the smallest. With its depth.
    """
    ranked: list[tuple[int, int, Graph, Depth]] = []
    for most in (min(COMFORTABLE, max_nodes), max_nodes):
        for depth in modules.levels(graph):
            made, boxes, shut = _repeats_opened(modules.closed_at(graph, depth), most)
            if boxes <= most and not shut:
                return without_cycles(made), depth
            ranked.append((0, 0, made, depth) if boxes <= most else (1, boxes, made, depth))
    *_, made, closed_at = min(ranked, key=lambda found: found[:2])  # of equal ones the first
    return without_cycles(made), closed_at


def _repeats_opened(graph: Graph, most: int) -> tuple[Graph, int, bool]:
    """Repeats opened, so that one sees into their first block, outer ones first, while all fits.

    With how many boxes that makes, and whether some had to stay shut. Those whose blocks are
    closed stay so: opening them would show nothing.
    """
    inside = boxes_inside(graph)
    parents: Parents = {n.id: n.parent for n in graph.nodes if n.kind == "group"}
    shut_blocks = {n.parent for n in graph.nodes if n.op == "module" and n.id in graph.closed}
    repeats = {n.id for n in graph.nodes if n.op == "repeat" and n.id in graph.closed}
    boxes, left = inside[None], False
    opened: set[int] = set()
    for number in sorted(repeats - shut_blocks):  # outer ones were made first
        around = path_of(parents[number], parents)
        if any(group in graph.closed and group not in opened for group in around):
            continue  # nobody sees it
        if boxes + inside[number] - 1 <= most:
            opened.add(number)
            boxes += inside[number] - 1
        else:
            left = True
    return replace(graph, closed=graph.closed - opened), boxes, left


def _with(graph: Graph, keep: Iterable[int]) -> Graph:
    """The graph with those groups opened that hide these nodes. What else they hold stays shut."""
    nodes = graph.by_id()
    parents: Parents = {n.id: n.parent for n in graph.nodes if n.kind == "group"}
    opened = {
        group
        for number in keep
        if number in nodes
        for group in path_of(nodes[number].parent, parents)
        if nodes[group].op != "leaf"
    }
    hiding = opened & graph.closed
    if not hiding:
        return graph
    freed = {group for group, parent in parents.items() if parent in hiding} - opened
    return replace(graph, closed=graph.closed - opened | freed)
