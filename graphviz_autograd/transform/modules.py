"""Groups for what each call of a module made, and closing them.

A group for every module call that made an op, nested as the calls were. While all are open
the picture is whole, with frames around the modules; `collapse` closes those of one depth, or
of given paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import Graph, ModuleCall, Node
from graphviz_autograd.transform.groups import (
    count_boxes,
    described,
    fresh_ids,
    leaves_of_accumulators,
    placed,
    settled,
    without_cycles,
)
from graphviz_autograd.transform.nearest import meant, nearest, path

MAX_BOXES = 150

NO_MODULES = (
    "modules are not known: run the forward within gva.record(model) as rec, "
    "and draw with record=rec"
)

NOT_OF_THESE = "no op here was made in a module that was recorded"

Stack = tuple[ModuleCall, ...]


def group_modules(graph: Graph) -> Graph:
    """The graph with an open group around what each module call made.

    Modules are known where the graph was walked with `record=`; without, nothing changes.
    """
    if any(node.op == "module" and node.kind == "group" for node in graph.nodes):
        return graph
    ids = fresh_ids(graph)
    made: dict[Stack, Node] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        parent = node.parent
        if node.modules and parent is None:
            parent = _group(node.modules, made, ids)
            node = placed(node, parent)
        nodes.append(node)
    if not made:
        return graph
    named = _named_below_their_module(graph)
    nodes = [
        replace(node, attrs={**node.attrs, "parameter": True}) if node.id in named else node
        for node in nodes
    ]
    return described(settled(replace(graph, nodes=[*nodes, *made.values()])))


def _named_below_their_module(graph: Graph) -> set[int]:
    """Leaves that are no nn.Parameter and stand for one: "fc.weight", used in the module "fc".

    Those are the engine's within `engine.wrap`, and the tensors of a functional call.
    """
    nodes = graph.by_id()
    leaf_of = leaves_of_accumulators(graph, nodes)
    found: set[int] = set()
    for edge in graph.edges:
        leaf = nodes.get(leaf_of.get(edge.source, -1))
        if edge.kind == "grad" and leaf is not None and not leaf.attrs.get("parameter"):
            inside = tuple(f"{call.path}." for call in nodes[edge.target].modules if call.path)
            if any(name.startswith(inside) for name in leaf.names):
                found.add(leaf.id)
    return found


def _group(stack: Stack, made: dict[Stack, Node], ids: Iterator[int]) -> int | None:
    """The id of the group of a module call; it and those around it are made where missing."""
    parent: int | None = None
    for depth in range(1, len(stack) + 1):
        group = made.get(stack[:depth])
        if group is None:
            group = Node(next(ids), "group", "module", modules=stack[:depth], parent=parent)
            made[stack[:depth]] = group
        parent = group.id
    return parent


def collapse(
    graph: Graph,
    depth: int | str | None = "auto",
    *,
    paths: Iterable[str] = (),
    max_nodes: int = MAX_BOXES,
) -> Graph:
    """Each module call at a depth, or of given paths, as one box.

    depth      0: whole models are one box each; 1: the modules that they call are; and so on.
               What calls no other module is a box at any depth below its own.
               "auto": the deepest that makes at most `max_nodes` boxes, or 0. None: none is
    paths      of modules to close beside, as `named_modules` has them; * and ? stand for
               parts of a path: "encoder", "layers.*"
    max_nodes  what "auto" aims at

    Nothing is lost: what a box holds is in the Graph, and opens again. A group whose box would
    make a circle of the picture stays open. Groups that `fold` made stay as they are.

    Raises OptionError (a ValueError) for a depth below 0 or that is no number, and for a path
    that no module of the graph has.

    >>> call = ModuleCall("", "Net", 1), ModuleCall("fc", "Linear", 1)
    >>> graph = Graph([Node(0, "op", "TBackward0", modules=call), Node(1, "output")], [])
    >>> collapse(graph, 1)
    Graph(2 nodes in 2 groups, 0 edges, outputs=[])
    """
    graph = group_modules(graph)
    if depth is not None and not _calls(graph):
        recorded = "modules" in graph.meta.get("read", ())
        hint = NOT_OF_THESE if recorded else NO_MODULES
        graph = replace(graph, meta={**graph.meta, "hint": hint})
    if depth == "auto":
        return without_cycles(_deepest_that_fits(graph, frozenset(paths), max_nodes))
    return without_cycles(closed_at(graph, depth, paths))


def closed_at(graph: Graph, depth: int | str | None, paths: Iterable[str] = ()) -> Graph:
    """As `collapse`, of a graph whose modules are grouped; a circle may come of it."""
    if isinstance(depth, bool) or not (depth is None or (isinstance(depth, int) and depth >= 0)):
        raise OptionError(f"depth is a number from 0 up, 'auto' or None, not {depth!r}")
    calls = _calls(graph)
    closed = graph.closed.difference(node.id for node in calls) | _of_paths(calls, paths)
    if depth is not None:
        callers = {node.modules[:-1] for node in calls}
        closed |= {
            node.id
            for node in calls
            if len(node.modules) == depth + 1
            or (len(node.modules) <= depth and node.modules not in callers)
        }
    return replace(graph, closed=closed)


def levels(graph: Graph) -> tuple[int | None, ...]:
    """The depths that modules can be closed at, the deepest first: None, 3, 2, 1, 0."""
    return (None, *range(max((len(node.modules) for node in _calls(graph)), default=0) - 1, -1, -1))


def check_max_nodes(max_nodes: object) -> None:
    """Raises OptionError for what is no number from 1 up."""
    if isinstance(max_nodes, bool) or not isinstance(max_nodes, int) or max_nodes < 1:
        raise OptionError(f"max_nodes is at least 1, not {max_nodes!r}")


def _calls(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if node.kind == "group" and node.op == "module"]


def _deepest_that_fits(graph: Graph, paths: Iterable[str], max_nodes: int) -> Graph:
    check_max_nodes(max_nodes)
    for depth in levels(graph):
        made = closed_at(graph, depth, paths)
        if count_boxes(made) <= max_nodes:
            break
    return made


def _of_paths(modules: list[Node], paths: Iterable[str]) -> frozenset[int]:
    """The groups of these paths; a path may have * and ? in it."""
    known: dict[str, list[int]] = {}
    for node in modules:
        known.setdefault(path(node.modules[-1]), []).append(node.id)
    chosen: set[int] = set()
    for pattern in [paths] if isinstance(paths, str) else paths:
        if not isinstance(pattern, str):
            raise OptionError(f"a module is asked for by its path, not by {pattern!r}")
        found = meant(pattern, known)
        if not found:
            raise OptionError(_no_module(pattern, list(known)))
        chosen.update(number for name in found for number in known[name])
    return frozenset(chosen)


def _no_module(pattern: str, known: list[str]) -> str:
    if not known:
        return f"there is no module {pattern!r}: none were recorded (gva.record, walk(record=))"
    return f"there is no module {pattern!r} in the graph; {nearest(pattern, known)}"
