"""Who is to blame where every node is right by itself, and the whole is not.

A backward that depends on how large its cotangent is, or that changes it in place, passes
the local check. Each node is held against the engine once more, with the cotangent that
arrives at it in the whole graph; where even that finds nothing, the first node is named at
which what arrives differs.

May import groups, local, nodes, outcome, whole and compare of ours.
"""

from __future__ import annotations

import math

from graphviz_autograd.verification.compare import Difference, Tolerance, difference
from graphviz_autograd.verification.groups import Group, Groups
from graphviz_autograd.verification.local import LocalCheck
from graphviz_autograd.verification.outcome import FAILED, Outcome
from graphviz_autograd.verification.program import Call
from graphviz_autograd.verification.whole import EngineRun, TorchRun

Blamed = tuple[int, Outcome]
"""The number of a node, and how it fails."""

IN_PLACE = (
    "its backward changes the gradient that it is given, in place: others are given the same one"
)


def blame(
    groups: Groups,
    local: LocalCheck,
    engine: EngineRun,
    torchs: TorchRun,
    reasons: dict[int, str],
) -> Blamed | None:
    """The node that makes the leaves' gradients wrong, if there is one.

    engine, torchs  both after going backward
    reasons         nodes whose cotangents say nothing
    """
    if torchs.changed:
        apart = Difference(IN_PLACE, math.inf)
        return torchs.changed[0], Outcome(FAILED, IN_PLACE, apart, "whole")
    return _by_itself(groups, local, torchs, reasons) or _arriving(
        groups, engine, torchs, reasons, local.tolerance
    )


def _by_itself(
    groups: Groups, local: LocalCheck, torchs: TorchRun, reasons: dict[int, str]
) -> Blamed | None:
    """The first node that is wrong from the cotangent it has in the whole graph."""
    found: dict[int, Outcome] = {}
    local.arriving = torchs.cotangents

    def visit(run: EngineRun, group: Group, call: Call) -> None:
        place = group.node.place
        if place in torchs.cotangents and place not in reasons:
            found[place] = local.of(group, run.data)
        run.advance(call)

    EngineRun(groups, visit)
    local.arriving = None
    for place in groups.graph.order:
        if place in found and found[place].status == FAILED:
            apart = found[place].difference
            said = f"from the cotangent that it has here: {apart.what}"
            return place, Outcome(FAILED, said, apart, "whole")
    return None


def _arriving(
    groups: Groups,
    engine: EngineRun,
    torchs: TorchRun,
    reasons: dict[int, str],
    tolerance: Tolerance,
) -> Blamed | None:
    """The first node at which something else arrives."""
    for place in groups.graph.order:
        node = groups.graph.nodes[place]
        if node.is_leaf or place in reasons or place not in torchs.cotangents:
            continue
        for number, grad in enumerate(torchs.cotangents[place]):
            if grad is None or (place, number) not in engine.cotangents:
                continue
            apart = difference(grad, engine.cotangents[place, number], tolerance)
            if apart:
                said = f"what arrives here: {apart.what}"
                return place, Outcome(FAILED, said, apart, "whole")
    return None
