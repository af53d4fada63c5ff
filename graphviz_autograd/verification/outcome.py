"""What became of a check of one node or leaf: plain data.

May import compare of ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from graphviz_autograd.verification.compare import SAME, Difference

Status = Literal["matched", "failed", "not checked"]

MATCHED: Status = "matched"
FAILED: Status = "failed"
NOT_CHECKED: Status = "not checked"


@dataclass(slots=True)
class Outcome:
    """One check.

    status      matched, failed or not checked
    reason      why it was not checked, or how it failed, in words
    difference  the largest difference that was seen
    found_by    which check decided: "local", "whole", "numeric", with ", order 2"
    """

    status: Status
    reason: str = ""
    difference: Difference = SAME
    found_by: str = ""


@dataclass(slots=True)
class Sides:
    """A leaf's gradient by each side: nested lists of numbers.

    shape    of the leaf
    along    whether they are single numbers instead, slopes along one random direction
    engine, torch
             None where there is no gradient
    numeric  by finite differences; None where these say nothing
    why      in words, then
    """

    shape: tuple[int, ...]
    along: bool
    engine: Any = None
    torch: Any = None
    numeric: Any = None
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """As JSON has it; what is no finite number is a text."""
        said = {"engine": self.engine, "torch": self.torch, "numeric": self.numeric}
        numbers = {side: _finite(value) for side, value in said.items()}
        return {"shape": list(self.shape), "along": self.along, **numbers, "why": self.why}


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return value if value is None or math.isfinite(value) else str(value)
