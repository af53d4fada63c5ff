"""What each side says of a leaf's gradient, in numbers that stand beside each other.

A small gradient is told whole, of a large one the slope along a random direction: that is all
that finite differences can say of it in a few runs. They are asked for the first leaves only,
as many as a bounded number of operators allows.

May import numeric, groups, chance, replay and outcome of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from graphviz_autograd.verification.chance import Random
from graphviz_autograd.verification.groups import Groups
from graphviz_autograd.verification.numeric import (
    UNKNOWN,
    WIDE,
    Slope,
    Wide,
    coarsest,
    outcome_of,
    scale_of,
    slope_along,
    terms,
)
from graphviz_autograd.verification.outcome import Outcome, Sides

WHOLE = 8
"""Gradients of so many numbers are told whole."""
RUNS = 5
"""How often the program runs again for one slope."""
OPERATORS = 60_000
"""How many operators finite differences may run, for all leaves together."""

NOT_ASKED = "not asked: the graph is large"
NO_SLOPE = "no slope here: an edge, or what cannot run in double precision"
NOT_AGAIN = "not asked: a part of it is done out of sight"

SlopeOf = Callable[[int, torch.Tensor], float]


def sides(
    groups: Groups,
    outputs: Sequence[torch.Tensor],
    cotangents: Sequence[torch.Tensor],
    engines: dict[int, Any],
    torchs: dict[int, Any],
    places: Iterable[int],
    wide: Wide | None,
    seed: int,
) -> dict[int, tuple[Sides, Outcome | None]]:
    """The gradients of these leaves by each side, and what finite differences say of torch's."""
    slope = slope_along(groups, outputs, cotangents, wide)
    random, rtol = Random(seed + 4), coarsest(groups)
    left = OPERATORS
    found: dict[int, tuple[Sides, Outcome | None]] = {}
    for place in places:
        node = groups.graph.nodes[place]
        variable = node.fn.variable.detach()
        direction = WIDE.of(random.like(node.infos[0])) * scale_of(variable)
        mine, theirs = _dense(engines.get(place)), _dense(torchs.get(place))
        along = variable.numel() > WHOLE or variable.is_complex()
        told = Sides(
            tuple(variable.shape),
            along,
            engine=_told(mine, direction if along else None),
            torch=_told(theirs, direction if along else None),
        )
        found[place] = told, None
        left -= RUNS * len(groups.program.calls) * (1 if along else 1 + variable.numel())
        if slope is None or left < 0:
            told.why = NOT_ASKED if slope else NOT_AGAIN
            continue
        try:
            at = slope(place, direction)
            told.numeric = at if along else _by_element(slope, place, direction)
        except UNKNOWN:
            told.why = NO_SLOPE
            continue
        found[place] = told, outcome_of([Slope(at, *terms(theirs, direction))], rtol)
    return found


def _by_element(slope: SlopeOf, place: int, like: torch.Tensor) -> Any:
    """The whole gradient, an element at a time."""
    size = scale_of(like)
    slopes = torch.zeros(like.numel(), dtype=torch.float64)
    for number in range(like.numel()):
        direction = torch.zeros_like(like).contiguous()
        direction.view(-1)[number] = size
        slopes[number] = slope(place, direction) / size
    slopes[slopes.abs() < 1e-7 * slopes.abs().max()] = 0.0  # what rounding leaves of zero
    return slopes.view(like.shape).tolist()


def _told(grad: torch.Tensor | None, direction: torch.Tensor | None) -> Any:
    if grad is None:
        return None
    return grad.tolist() if direction is None else terms(grad, direction)[0]


def _dense(grad: torch.Tensor | None) -> torch.Tensor | None:
    return None if grad is None else grad.detach().to_dense()
