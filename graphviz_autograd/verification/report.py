"""The Report: what was checked, what matched, and where the first fault is.

Plain data, without a tensor. May import graph and errors, and outcome of ours.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from graphviz_autograd.graph import Graph
from graphviz_autograd.verification.outcome import (
    FAILED,
    MATCHED,
    NOT_CHECKED,
    Outcome,
    Sides,
    Status,
)


@dataclass(slots=True)
class Check:
    """How one node or leaf fared on one device.

    id        its number in the report's graph
    kind      "node", "leaf" or "output"
    name      of a node what torch calls it; of a leaf what a person calls it
    status    "matched", "failed" or "not checked"
    reason    why it was not checked, or how it failed, in words
    found_by  the check that decided: "local", "whole", "numeric" or "devices", "..., order 2"
    absolute, relative, where
              the largest difference, the same relative to the largest number expected, and
              the element where it is; inf where a NaN or no gradient stands on one side
    allowed   how large the difference might have been there
    rounding  whether that was allowed for rounding on the way, beyond the tolerance
    numeric   what finite differences say where something failed
    module, line
              where the node comes from, if it was recorded
    sides     of a leaf, where they were asked for: its gradient by each side
    """

    id: int
    kind: str
    name: str
    status: Status
    reason: str = ""
    found_by: str = ""
    absolute: float = 0.0
    relative: float = 0.0
    where: tuple[int, ...] = ()
    allowed: float = 0.0
    rounding: bool = False
    numeric: str = ""
    module: str = ""
    line: str = ""
    device: str = "cpu"
    sides: Sides | None = None

    @classmethod
    def of(cls, number: int, kind: str, name: str, outcome: Outcome, device: str) -> Check:
        """The Check that says what came of one node, leaf or output."""
        apart = outcome.difference
        return cls(
            number,
            kind,
            name,
            outcome.status,
            outcome.reason,
            outcome.found_by,
            apart.absolute,
            apart.relative,
            apart.where,
            apart.allowed,
            apart.rounding,
            device=device,
        )

    def as_json(self) -> dict[str, Any]:
        """The fields that say something, as JSON has them."""
        known = {
            "id": self.id,
            "kind": self.kind,
            "name": self.name,
            "device": self.device,
            "status": self.status,
            "reason": self.reason,
            "found_by": self.found_by,
            "absolute": _number(self.absolute),
            "relative": _number(self.relative),
            "where": list(self.where),
            "allowed": _number(self.allowed),
            "rounding": self.rounding,
            "numeric": self.numeric,
            "module": self.module,
            "line": self.line,
        }
        always = ("id", "kind", "name", "device", "status", "absolute", "relative")
        return {key: value for key, value in known.items() if value or key in always}


@dataclass(slots=True)
class Report:
    """What `verify` found.

    nodes, leaves, outputs
                   a Check for each, nodes in backward order
    first_failure  the node (or else the leaf) where it goes wrong first, going backward;
                   None where nothing failed
    across         with several devices, a Check for each output and leaf of the others beside
                   the first
    allowed        nodes that differ, and may
    notes          what is worth knowing besides: a device that is not there
    graph          the Graph, with `data["verify"]` on every node that was looked at

    `ok` is False where something failed, None where nothing could be checked, else True.
    """

    graph: Graph
    nodes: list[Check] = field(default_factory=list)
    leaves: list[Check] = field(default_factory=list)
    outputs: list[Check] = field(default_factory=list)
    across: list[Check] = field(default_factory=list)
    first_failure: Check | None = None
    allowed: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    order: int = 1
    against: tuple[str, ...] = ("torch",)
    devices: tuple[str, ...] = ("cpu",)

    @property
    def checks(self) -> list[Check]:
        """Nodes, leaves and outputs, and those of two devices beside each other."""
        return [*self.nodes, *self.leaves, *self.outputs, *self.across]

    @property
    def counts(self) -> dict[str, int]:
        """How many nodes and leaves matched, failed and were not checked.

        With several devices of each, and the outputs and leaves of two beside each other.
        """
        found = Counter(check.status for check in [*self.nodes, *self.leaves, *self.across])
        return {status: found[status] for status in (MATCHED, FAILED, NOT_CHECKED)}

    @property
    def ok(self) -> bool | None:
        """Whether the gradient is right, as far as it could be checked."""
        statuses = {check.status for check in self.checks}
        if FAILED in statuses:
            return False
        counts = self.counts
        return True if counts[MATCHED] else None

    @property
    def complete(self) -> bool:
        """Whether nothing was left unchecked."""
        return all(check.status != NOT_CHECKED for check in self.checks) and not self.notes

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in self.counts.items())
        return f"Report(ok={self.ok}, {counts})"

    def to_json(self) -> str:
        """The report as JSON text, the graph left out."""
        first = self.first_failure
        return json.dumps(
            {
                "format": "graphviz_autograd report",
                "version": 1,
                "ok": self.ok,
                "counts": self.counts,
                "order": self.order,
                "against": list(self.against),
                "devices": list(self.devices),
                "notes": self.notes,
                "first_failure": None if first is None else first.as_json(),
                "nodes": [check.as_json() for check in self.nodes],
                "leaves": [_with_sides(check) for check in self.leaves],
                "outputs": [check.as_json() for check in self.outputs],
                "across": [check.as_json() for check in self.across],
                "allowed": [check.as_json() for check in self.allowed],
            },
            ensure_ascii=False,
            allow_nan=False,
            indent=1,
        )

    def paint(self) -> None:
        """Put what was found on the graph's nodes, the worst where there are several devices."""
        nodes = self.graph.by_id()
        for check in self.checks:
            node = nodes.get(check.id)
            if node is None:
                continue
            before = node.data.get("verify")
            if before is None or _WORSE.index(check.status) > _WORSE.index(before["status"]):
                node.data["verify"] = check.as_json()
        first = self.first_failure
        if first is not None and first.id in nodes:
            nodes[first.id].data["verify"] = {**first.as_json(), "first": True}


MOST_ROWS = 8
"""Rows that the report shows of one sort; its JSON has all."""

_WORSE: Sequence[Status] = (MATCHED, NOT_CHECKED, FAILED)


def _lines(report: Report) -> list[str]:
    counts = report.counts
    verdict = {True: "matched", False: "FAILED", None: "nothing could be checked"}[report.ok]
    if report.ok and any(check.status == NOT_CHECKED for check in report.checks):
        verdict = "matched in part"
    said = ", ".join(f"{counts[status]} {status}" for status in counts)
    beside = ", finite differences too" if "numeric" in report.against else ""
    lines = [f"{verdict}: {said} (nodes and leaves; order {report.order}{beside})"]
    first = report.first_failure
    if first is not None:
        lines.append(f"first failure: {_place(first)}, found by the {first.found_by} check")
        lines += [f"    {text}" for text in (first.reason, _size(first), first.numeric) if text]
    lines += _rows(report)
    lines += _beside(report.across)
    for check in report.allowed:
        lines.append(f"allowed {check.name}: {check.reason}")
    unknown = Counter(c.reason for c in report.nodes if c.status == NOT_CHECKED)
    for reason, count in unknown.most_common():
        lines.append(f"{count} node{'s' * (count != 1)} not checked: {reason}")
    return [*lines, *[f"note: {note}" for note in report.notes]]


def _rows(report: Report) -> list[str]:
    """A line for each leaf and output, and for each node that failed; of many of one sort the
    first, and how many more there are.
    """
    shown = [*report.leaves, *report.outputs, *report.across, *report.nodes]
    sorts: dict[tuple[str, str, bool], list[Check]] = {}
    for check in shown:
        across = check in report.across
        if check.status == FAILED or (check.kind != "node" and not across):
            sorts.setdefault((check.kind, check.status, across), []).append(check)
    several = len(report.devices) > 1
    rows: list[tuple[str, str, str, str]] = []
    for (kind, status, _), checks in sorted(sorts.items(), key=lambda sort: _row_order(*sort[0])):
        for check in checks[:MOST_ROWS]:
            name = check.name + (f" [{check.device}]" if several else "")
            how = "see above" if check is report.first_failure else _how(check)
            rows.append((kind, name, status, how))
        if len(checks) > MOST_ROWS:
            rows.append((kind, f"... {len(checks) - MOST_ROWS} more", status, ""))
    width = max([len(row[1]) for row in rows], default=0)
    return [
        f"{kind:<7} {name:<{width}}  {status:<11}  {how}".rstrip()
        for kind, name, status, how in rows
    ]


def _row_order(kind: str, status: str, across: bool) -> tuple[int, int, bool]:
    """Nodes before leaves before outputs, and of each what failed first."""
    return ("node", "leaf", "output").index(kind), -_WORSE.index(status), across


def _beside(across: list[Check]) -> list[str]:
    """For each device beside the first, how much is the same on both."""
    lines = []
    for device in dict.fromkeys(check.device for check in across):
        checks = [check for check in across if check.device == device]
        matched = sum(check.status == MATCHED for check in checks)
        lines.append(f"{device}: {matched} of {len(checks)} outputs and gradients of leaves match")
        unknown = Counter(check.reason for check in checks if check.status == NOT_CHECKED)
        lines += [f"{count} not checked there: {why}" for why, count in unknown.most_common()]
    return lines


def _how(check: Check) -> str:
    """The difference, beside what was allowed."""
    if check.status == NOT_CHECKED:
        return check.reason
    parts = [_size(check), check.reason]
    return ": ".join(part for part in parts if part)


def _size(check: Check) -> str:
    """How large the difference is, where that is a number."""
    if not math.isfinite(check.absolute) or (check.reason and not check.absolute):
        return ""
    if not check.absolute:
        return "no difference"
    relative = f" ({check.relative:.2g} relative)" if math.isfinite(check.relative) else ""
    where = f" at {check.where}" if check.where and not check.reason else ""
    why = " for rounding" if check.rounding else ""
    return f"off by {check.absolute:.2g}{relative}{where}, {check.allowed:.2g} allowed{why}"


def _place(check: Check) -> str:
    parts = [check.name]
    if check.found_by == "devices":
        parts.append(f"on {check.device}")
    if check.module:
        parts.append(f"in {check.module}")
    if check.line:
        parts.append(f"at {check.line}")
    return " ".join(parts)


def _with_sides(check: Check) -> dict[str, Any]:
    """A leaf's Check as JSON has it, with its gradient by each side where that is known."""
    sides = {} if check.sides is None else {"sides": check.sides.as_json()}
    return {**check.as_json(), **sides}


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
