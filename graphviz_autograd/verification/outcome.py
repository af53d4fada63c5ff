"""What became of a check of one node or leaf: plain data.

May import compare of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
