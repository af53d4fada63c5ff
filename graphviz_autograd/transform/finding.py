"""What a person means by an id, a name, an op, a module path or a pattern: nodes of a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache

from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import NODE_KINDS, Graph, ModuleCall, Node
from graphviz_autograd.transform.groups import ACCUMULATE, leaves_of_accumulators
from graphviz_autograd.transform.modules import group_modules
from graphviz_autograd.transform.nearest import like, meant, nearest, path
from graphviz_autograd.transform.plumbing import short_name

KINDS = tuple(kind for kind in NODE_KINDS if kind != "group")

HIDDEN = "…"
"""The op of a box that stands for ops that were taken away, where their arrows meet."""


def find(graph: Graph, what: int | str) -> list[Node]:
    """The nodes that are meant, the first of these that there are:

    the node of an id; all nodes with a name; what the calls of a module made ("encoder", its
    class for the model itself); the first op of a name ("AddmmBackward0", "addmm"), which is
    the one nearest to the outputs; the node of an id given as text; the one name or module that
    ends so ("encoder" for "model.encoder"). With a group comes what it holds.

    Raises OptionError (a ValueError) where there is none, with the nearest names.
    """
    if isinstance(what, int) and not isinstance(what, bool):
        found = [node for node in graph.nodes if node.id == what]
        if not found:
            raise OptionError(f"there is no node {what} in the graph")
    elif isinstance(what, str):
        found = [node for node in graph.nodes if what in node.names]
        found = found or [n for n in graph.nodes if any(path(call) == what for call in n.modules)]
        found = found or [n for n in graph.nodes if n.kind == "op" and what in _both(n.op)][:1]
        found = found or [node for node in graph.nodes if str(node.id) == what]
        found = found or _ending_in(graph, what)
    else:
        is_number = isinstance(what, int | float)
        given = repr(what) if is_number else f"what is of type {type(what).__name__}"
        raise OptionError(
            f"a node is asked for by its id, a name, an op or a module path, not by {given}"
        )
    if not found:
        raise OptionError(f"there is no {what!r} in the graph; {nearest(what, _known(graph))}")
    asked = {node.id for node in found if node.kind == "group"}
    if asked:
        inside = _within(graph, lambda group: group.id in asked)
        found += [node for node in graph.nodes if inside(node)]
    return found


def _ending_in(graph: Graph, what: str) -> list[Node]:
    """The nodes of the one name or module that ends in what is asked for, after a point."""
    end = f".{what}"
    names = {name for node in graph.nodes for name in node.names if name.endswith(end)}
    if len(names) == 1:
        return [node for node in graph.nodes if not names.isdisjoint(node.names)]
    paths = {name for name in _modules(graph) if name.endswith(end)}
    if len(paths) == 1 and not names:
        return [n for n in graph.nodes if any(path(call) in paths for call in n.modules)]
    return []


def _known(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        yield from node.names
    yield from _modules(graph)
    yield from _ops(graph)


def _modules(graph: Graph) -> list[str]:
    return [path(call) for stack in {n.modules: None for n in graph.nodes} for call in stack]


def _ops(graph: Graph) -> list[str]:
    """What the ops are called: torch's names, then those that one writes."""
    ops = dict.fromkeys(node.op for node in graph.nodes if node.kind == "op")
    named = [op for op in ops if op not in (ACCUMULATE, HIDDEN)]
    return [*named, *map(short_name, named)]


def _both(op: str) -> tuple[str, str]:
    return op, short_name(op)


# ---- patterns


def matching(graph: Graph, patterns: Iterable[str]) -> set[int]:
    """The nodes (no groups) that any of some patterns means.

    A pattern is a kind of node ("leaf"), or names ops or modules, with * and ? for parts of
    them. "kind:", "op:" or "module:" before it says which is meant, where it could be several.
    A leaf's accumulator is a leaf too. What only a module uses is the module's.

    Raises OptionError (a ValueError) for a pattern that nothing matches, and an unknown kind.
    """
    found: set[int] = set()
    grouped: Graph | None = None
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise OptionError(f"a pattern is a text, not {pattern!r}")
        sort, colon, rest = pattern.partition(":")
        if not colon or sort not in ("kind", "op", "module"):
            sort, rest = ("kind" if pattern in KINDS else ""), pattern
        if sort == "kind":
            found |= _of_kind(graph, rest)
            continue
        grouped = grouped or group_modules(graph)
        matched = _of_op(graph, rest) if sort != "module" else set()
        matched |= _of_module(grouped, rest) if sort != "op" else set()
        if not matched:
            raise OptionError(_no_match(graph, sort, rest))
        found |= matched
    return found


def _of_kind(graph: Graph, kind: str) -> set[int]:
    if kind not in KINDS:
        raise OptionError(f"there is no kind {kind!r}: kinds are {', '.join(KINDS)}")
    found = {node.id for node in graph.nodes if node.kind == kind}
    return found | set(leaves_of_accumulators(graph, graph.by_id())) if kind == "leaf" else found


def _of_op(graph: Graph, pattern: str) -> set[int]:
    @cache
    def matches(op: str) -> bool:
        return any(like(name, pattern) for name in _both(op))

    return {node.id for node in graph.nodes if node.kind == "op" and matches(node.op)}


def _of_module(graph: Graph, pattern: str) -> set[int]:
    """What the modules of a path made, and what stands in their groups."""

    paths = set(meant(pattern, _modules(graph)))

    @cache
    def matches(modules: tuple[ModuleCall, ...]) -> bool:
        return any(path(call) in paths for call in modules)

    inside = _within(graph, lambda group: matches(group.modules))
    return {n.id for n in graph.nodes if n.kind != "group" and (matches(n.modules) or inside(n))}


def _within(graph: Graph, wanted: Callable[[Node], bool]) -> Callable[[Node], bool]:
    """Whether a node is, however far in, in a group that is wanted."""
    groups = {node.id: node for node in graph.nodes if node.kind == "group"}

    @cache
    def holds(group: int) -> bool:
        around: int | None = group
        while around is not None:
            if wanted(groups[around]):
                return True
            around = groups[around].parent
        return False

    return lambda node: node.parent is not None and holds(node.parent)


def _no_match(graph: Graph, sort: str, name: str) -> str:
    modules = _modules(graph)
    if sort == "module" and not modules:
        return f"there is no module {name!r}: no modules were recorded (gva.record, walk(record=))"
    known = {"op": _ops(graph), "module": modules}.get(sort, [*_ops(graph), *modules, *KINDS])
    return f"no {sort or 'op, module or kind'} matches {name!r}; {nearest(name, known)}"
