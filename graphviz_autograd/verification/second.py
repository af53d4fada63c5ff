"""Gradients of gradients through the whole graph: the engine's beside torch's.

May import groups, nodes, outcome, stand_ins, whole and compare of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from graphviz_autograd.verification.chance import Random
from graphviz_autograd.verification.compare import Difference, Tolerance, difference, largest
from graphviz_autograd.verification.groups import Data, Groups
from graphviz_autograd.verification.nodes import Grads, captured, raised
from graphviz_autograd.verification.outcome import FAILED, MATCHED, NOT_CHECKED, Outcome
from graphviz_autograd.verification.replay import AS_RECORDED, ENGINE, Numbers
from graphviz_autograd.verification.stand_ins import StandIns
from graphviz_autograd.verification.whole import EngineRun

Firsts = dict[int, Any]


def second_order(
    groups: Groups,
    cotangents: Sequence[torch.Tensor],
    leaves: dict[int, Outcome],
    tolerance: Tolerance,
    seed: int,
    kept: dict[int, Data],
) -> None:
    """Compare the second gradients of leaves whose first ones match, and note what comes out.

    kept  what the groups of uncallable nodes were given
    """
    wanted = [place for place, outcome in leaves.items() if outcome.status == MATCHED]
    if not wanted:
        return
    nodes = [node for node in groups.graph.nodes if not node.is_leaf]
    stand_ins = StandIns(groups, kept)
    for node in nodes:
        reason = stand_ins.reason(node)
        if reason:
            _leave(leaves, wanted, f"order 2: {reason} (at {node.name})")
            return
    random = Random(seed + 4)
    directions = {place: random.like(groups.graph.nodes[place].infos[0]) for place in wanted}
    try:
        found = _torchs(stand_ins, cotangents, wanted, directions)
        expected = _engines(groups, cotangents, wanted, directions)
    except Exception as error:
        _leave(leaves, wanted, raised(error, "order 2: backward"))
        return
    apart = {place: _apart(found[place], expected[place], tolerance) for place in wanted}
    if any(apart.values()) and not tolerance.given:
        exact = _engines(groups, cotangents, wanted, directions, Numbers(wide=True))
        other = _torchs(stand_ins, cotangents, wanted, directions, shake=True)
        for place in wanted:
            noise = _noise(expected[place], exact[place]) + _noise(found[place], other[place])
            apart[place] = _apart(found[place], exact[place], tolerance, noise)
    for place in wanted:
        if apart[place]:
            said = f"order 2: {apart[place].what}"
            leaves[place] = Outcome(FAILED, said, apart[place], "whole, order 2")


def _leave(leaves: dict[int, Outcome], places: list[int], reason: str) -> None:
    for place in places:
        leaves[place] = Outcome(NOT_CHECKED, reason)


def _noise(expected: Any, exact: Any) -> float:
    if expected is None or exact is None:
        return 0.0
    return 10 * largest(expected.to(exact.dtype) - exact)


def _apart(found: Any, expected: Any, tolerance: Tolerance, noise: float = 0.0) -> Difference:
    """At order 2 zeros and no gradient are one: torch writes some zeros as None."""
    if found is None and expected is not None:
        found = torch.zeros_like(expected)
    if expected is None and found is not None:
        expected = torch.zeros_like(found)
    return difference(found, expected, tolerance, noise=noise)


def _torchs(
    stand_ins: StandIns,
    cotangents: Sequence[torch.Tensor],
    wanted: list[int],
    directions: dict[int, torch.Tensor],
    shake: bool = False,
) -> Firsts:
    graph = stand_ins.groups.graph
    call = partial(stand_ins.call, shake=shake)
    firsts: Grads = [cotangent.detach().requires_grad_() for cotangent in cotangents]
    slots = graph.backward(firsts, partial(call, graph), record=True)
    roots = []
    for place in wanted:
        grad = slots.get(place, [None])[0]
        if grad is not None:
            roots.append((grad, directions[place]))
    with torch.no_grad():
        edges = [(graph.nodes[place].fn, 0) for place in wanted]
        found = captured(roots, edges, call, stand_ins.ends)
    return dict(zip(wanted, found, strict=True))


def _engines(
    groups: Groups,
    cotangents: Sequence[torch.Tensor],
    wanted: list[int],
    directions: dict[int, torch.Tensor],
    numbers: Numbers = AS_RECORDED,
) -> Firsts:
    run = EngineRun(groups, numbers=numbers)
    heads = [
        (out, ENGINE.leaf(numbers.of(cotangent)))
        for out, cotangent in zip(run.outputs, cotangents, strict=True)
        if out.requires_grad
    ]
    outputs, firsts = zip(*heads, strict=True)
    places = [place for place, _ in run.leaves]
    leaves = [leaf for _, leaf in run.leaves]
    grads = ENGINE.grad(outputs, leaves, firsts, allow_unused=True, create_graph=True)
    roots = [
        (grad, ENGINE.hold(numbers.of(directions[place])))
        for place, grad in zip(places, grads, strict=True)
        if grad is not None and grad.requires_grad and place in directions
    ]
    sums: Firsts = dict.fromkeys(wanted)
    if not roots:
        return sums
    firsts_of, seconds = zip(*roots, strict=True)
    found = ENGINE.grad(firsts_of, leaves, seconds, allow_unused=True)
    for place, grad in zip(places, found, strict=True):
        if grad is not None and place in sums:
            held = sums[place]
            sums[place] = ENGINE.plain(grad) if held is None else held + ENGINE.plain(grad)
    return sums
