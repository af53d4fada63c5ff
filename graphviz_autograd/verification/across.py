"""One computation on two devices: their outputs and their gradients beside each other.

Each device has been held against the engine by then, so what differs here is either a kernel
that is wrong in the forward, which the engine runs too, or a program that does something else
elsewhere. How far rounding may take the two apart is measured on each in double precision.

May import compare, outcome and report of ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from graphviz_autograd.verification.compare import Tolerance, difference
from graphviz_autograd.verification.outcome import FAILED, MATCHED, NOT_CHECKED, Outcome
from graphviz_autograd.verification.report import Check, Report


@dataclass(slots=True)
class Result:
    """What one device came to.

    outputs       the tensors that came out
    grads         the leaves' gradients by torch, by their numbers in the report's graph
    noise         how far rounding may have taken these
    output_noise  and each output
    seeded        whether random numbers were asked for; each device has its own
    """

    report: Report
    outputs: list[torch.Tensor]
    grads: dict[int, Any] = field(default_factory=dict)
    noise: dict[int, float] = field(default_factory=dict)
    output_noise: list[float] = field(default_factory=list)
    seeded: bool = False


def across(first: Result, other: Result, tolerance: Tolerance) -> list[Check]:
    """The outputs and leaves of two devices, compared."""
    name, beside = other.report.devices[0], first.report.devices[0]

    def unknown(reason: str) -> list[Check]:
        checks = [*first.report.outputs, *first.report.leaves]
        return [_check(check, Outcome(NOT_CHECKED, reason)) for check in checks]

    def _check(like: Check, outcome: Outcome) -> Check:
        return Check.of(like.id, like.kind, like.name, outcome, f"{name} beside {beside}")

    def compared(theirs: Any, mine: Any, *noise: float) -> Outcome:
        apart = difference(theirs, mine, tolerance, (name, beside), sum(noise))
        return Outcome(FAILED if apart else MATCHED, apart.what, apart, "devices")

    if _shape(first) != _shape(other):
        return unknown(f"the graph is another on {name}")
    noises = zip(first.output_noise, other.output_noise, strict=True)
    values = [
        compared(theirs, mine, *noise)
        for theirs, mine, noise in zip(other.outputs, first.outputs, noises, strict=True)
    ]
    if first.seeded and any(outcome.status == FAILED for outcome in values):
        return unknown(f"{name} draws other random numbers")
    checks = [_check(c, found) for c, found in zip(first.report.outputs, values, strict=True)]
    for mine, theirs in zip(first.report.leaves, other.report.leaves, strict=True):
        missing = [leaf.reason for leaf in (mine, theirs) if leaf.status == NOT_CHECKED]
        if missing:
            checks.append(_check(mine, Outcome(NOT_CHECKED, missing[0])))
            continue
        noise = first.noise.get(mine.id, 0.0), other.noise.get(theirs.id, 0.0)
        grads = other.grads.get(theirs.id), first.grads.get(mine.id)
        checks.append(_check(mine, compared(*grads, *noise)))
    return checks


def _shape(result: Result) -> Any:
    """What must be the same on both: outputs, and leaves in their order, by name."""
    names = [leaf.name for leaf in result.report.leaves]
    shapes = [tuple(output.shape) for output in result.outputs]
    return shapes, ["" if name.startswith("leaf ") else name for name in names]
