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
from graphviz_autograd.verification.outcome import FAILED, MATCHED, NOT_CHECKED, Status


@dataclass(slots=True)
class Check:
    """How one node or leaf fared on one device.

    id        its number in the report's graph
    kind      "node", "leaf" or "output"
    name      of a node what torch calls it; of a leaf what a person calls it
    status    "matched", "failed" or "not checked"
    reason    why it was not checked, or how it failed, in words
    found_by  the check that decided: "local", "whole" or "numeric", "..., order 2"
    absolute, relative, where
              the largest difference, the same relative to the largest number expected, and
              the element where it is
    numeric   what finite differences say where something failed
    module, line
              where the node comes from, if it was recorded
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
    numeric: str = ""
    module: str = ""
    line: str = ""
    device: str = "cpu"

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
    allowed        nodes that differ, and may
    notes          what is worth knowing besides: a device that is not there
    graph          the Graph, with `data["verify"]` on every node that was looked at

    `ok` is False where something failed, None where nothing could be checked, else True.
    """

    graph: Graph
    nodes: list[Check] = field(default_factory=list)
    leaves: list[Check] = field(default_factory=list)
    outputs: list[Check] = field(default_factory=list)
    first_failure: Check | None = None
    allowed: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    order: int = 1
    against: tuple[str, ...] = ("torch",)
    devices: tuple[str, ...] = ("cpu",)

    @property
    def checks(self) -> list[Check]:
        """Nodes, leaves and outputs."""
        return [*self.nodes, *self.leaves, *self.outputs]

    @property
    def counts(self) -> dict[str, int]:
        """How many nodes and leaves matched, failed and were not checked."""
        found = Counter(check.status for check in [*self.nodes, *self.leaves])
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
                "leaves": [check.as_json() for check in self.leaves],
                "outputs": [check.as_json() for check in self.outputs],
                "allowed": [check.as_json() for check in self.allowed],
            },
            ensure_ascii=False,
            allow_nan=False,
            indent=1,
        )

    def paint(self) -> None:
        """Put what was found on the graph's nodes, the worst where there are several devices."""
        nodes = self.graph.by_id()
        for check in [*self.nodes, *self.leaves, *self.outputs]:
            node = nodes.get(check.id)
            if node is None:
                continue
            before = node.data.get("verify")
            if before is None or _WORSE.index(check.status) > _WORSE.index(before["status"]):
                node.data["verify"] = check.as_json()
        first = self.first_failure
        if first is not None and first.id in nodes:
            nodes[first.id].data["verify"] = {**first.as_json(), "first": True}


_WORSE: Sequence[Status] = (MATCHED, NOT_CHECKED, FAILED)


def _lines(report: Report) -> list[str]:
    counts = report.counts
    verdict = {True: "matched", False: "FAILED", None: "nothing could be checked"}[report.ok]
    if report.ok and any(check.status == NOT_CHECKED for check in report.checks):
        verdict = "matched in part"
    said = ", ".join(f"{counts[status]} {status}" for status in counts)
    lines = [f"{verdict}: {said} (nodes and leaves; order {report.order})"]
    first = report.first_failure
    if first is not None:
        lines.append(f"first failure: {_place(first)}, found by the {first.found_by} check")
        lines += [f"    {text}" for text in (first.reason, first.numeric) if text]
    several = len(report.devices) > 1
    rows = [
        (
            check.kind,
            check.name + (f" [{check.device}]" if several else ""),
            check.status,
            _how(check),
        )
        for check in [*report.leaves, *report.outputs, *report.nodes]
        if check.kind != "node" or check.status == FAILED
    ]
    width = max([len(row[1]) for row in rows], default=0)
    lines += [f"{kind:<7} {name:<{width}}  {status:<11}  {how}" for kind, name, status, how in rows]
    for check in report.allowed:
        lines.append(f"allowed {check.name}: {check.reason}")
    unknown = Counter(c.reason for c in report.nodes if c.status == NOT_CHECKED)
    for reason, count in unknown.most_common():
        lines.append(f"{count} node{'s' * (count != 1)} not checked: {reason}")
    return [*lines, *[f"note: {note}" for note in report.notes]]


def _how(check: Check) -> str:
    if check.status == NOT_CHECKED:
        return check.reason
    apart = f"{check.absolute:.2g} ({check.relative:.2g} relative)"
    where = f" at {check.where}" if check.where else ""
    said = f"; {check.reason}" if check.reason else ""
    return f"{apart}{where}{said}".rstrip()


def _place(check: Check) -> str:
    parts = [check.name]
    if check.module:
        parts.append(f"in {check.module}")
    if check.line:
        parts.append(f"at {check.line}")
    return " ".join(parts)


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
