"""The local check of a plain operator, cheaply: the engine's own node beside torch's.

While the program runs on the engine, the node that an operator has just left there holds all
that is needed, so nothing has to be run twice. This only ever says that a node matches;
whatever else is the case, `local` looks into it.

May import nodes, groups, local, compare and outcome of ours.
"""

from __future__ import annotations

from typing import Any

import torch

from graphviz_autograd.verification.compare import SAME, Difference, difference
from graphviz_autograd.verification.groups import Group
from graphviz_autograd.verification.local import LocalCheck
from graphviz_autograd.verification.nodes import Grads, fit
from graphviz_autograd.verification.outcome import MATCHED, Outcome
from graphviz_autograd.verification.program import Call, traits

EngineEdge = tuple[Any, int]


def is_plain(group: Group, call: Call) -> bool:
    """Whether one operator ran under a node that may be called, and changed nothing."""
    return not (group.several or group.trouble or traits(call.op).writes or group.node.uncallable())


def match(
    check: LocalCheck, group: Group, edges: list[EngineEdge], results: tuple[Any, ...]
) -> Outcome | None:
    """The Outcome of a node that matches, None for one that has to be looked into.

    edges    the engine's edges of the tensors among the Call's arguments
    results  what the Call has given on the engine
    """
    node = getattr(results[0], "grad_fn", None)
    if node is None or len(group.node.infos) > 1 or any(_made(other) for other in results[1:]):
        return None
    cotangents = check.cotangents(group)
    try:
        theirs = node.vjp([cotangents[0]], False)
        with torch.no_grad():
            mine = check.groups.graph.fitted(group.node, group.node.call(cotangents))
    except Exception:  # `local` says what is wrong
        return None
    expected = _by_edge(node.next_functions, theirs)
    found = _by_edge([edges[place] for place in group.inputs], _picked(group, mine))
    worst = SAME
    for edge, grad in found.items():
        if edge not in expected:
            return None
        apart = _compare(check, group, edges, edge, grad, expected[edge])
        if apart:
            return None
        worst = max(worst, apart, key=lambda difference: difference.absolute)
    return Outcome(MATCHED, "", worst, "local")


def _made(result: Any) -> bool:
    return getattr(result, "grad_fn", None) is not None


def _picked(group: Group, grads: Grads) -> Grads:
    """The gradients that the node gave for the inputs, in the order of the inputs."""
    return [grads[positions[0]] for positions in group.inputs.values()]


def _by_edge(edges: Any, grads: Grads) -> dict[EngineEdge, Any]:
    """Summed over equal edges: x * x has two."""
    found: dict[EngineEdge, Any] = {}
    for edge, grad in zip(edges, grads, strict=True):
        if edge[0] is None:
            continue
        held = found.get(edge)
        found[edge] = grad if held is None else held if grad is None else held + grad
    return found


def _compare(
    check: LocalCheck,
    group: Group,
    edges: list[EngineEdge],
    edge: EngineEdge,
    grad: Any,
    expected: Any,
) -> Difference:
    if expected is not None and grad is not None and expected.shape != grad.shape:
        place = next(place for place in group.inputs if edges[place] == edge)
        child, number = group.node.edges[group.inputs[place][0]]
        assert child is not None
        expected = fit(expected, *check.groups.graph.nodes[child].infos[number])
    return difference(grad, expected, check.tolerance)
