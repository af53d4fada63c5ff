"""What `gva gallery` runs in a process of its own: one script, to its end, and checked.

    python -m graphviz_autograd.cli.showing FOLDER SECONDS SCRIPT [ROOT]...

What the script prints goes to stdout, what goes wrong to stderr. Into FOLDER go graph.json,
verify.json where it could be checked, and leaves.json: the gradients that the leaves hold in the
end.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphviz_autograd import Graph, GraphvizAutogradError
from graphviz_autograd.cli.checking import Examination
from graphviz_autograd.emit.files import write_whole
from graphviz_autograd.script import Program, run

if TYPE_CHECKING:
    import torch

    from graphviz_autograd import Report

SMALL = 16
"""Gradients of so many numbers are shown whole."""


class Shown(Examination):
    """Also keeps the leaves that have names, to tell their gradients when the script is over."""

    def __init__(self) -> None:
        super().__init__()
        self.leaves: list[tuple[str, torch.Tensor]] = []

    def walk(self, outputs: Any, params: Any, **reading: Any) -> Graph:
        graph = super().walk(outputs, params, **reading)
        named = dict(reversed(params))
        found = [node.names for node in graph.nodes if node.kind == "leaf"]
        tensors = [(", ".join(names), named.get(names[0])) for names in found if names]
        self.leaves = [(name, tensor) for name, tensor in tensors if tensor is not None]
        return graph


def show(folder: Path, seconds: float, script: str, roots: tuple[str, ...]) -> int:
    """Run a script and write what is to be shown of it; returns the exit code."""
    shown = Shown()
    kind = "notebook" if script.endswith(".ipynb") else "file"
    program = Program(kind, script)  # type: ignore[arg-type]
    outcome = run(program, roots=roots, keep_going=True, timeout=seconds, examiner=shown)
    if outcome.message:
        print(f"Error: {outcome.message}", file=sys.stderr)
    if outcome.graph is None or outcome.exit_code:
        return outcome.exit_code or 1
    _name_the_script_alone(outcome.graph, shown.report, os.path.abspath(script))
    if shown.report is not None:
        if shown.report.ok is not False:  # only what is wrong is painted
            for node in outcome.graph.nodes:
                node.data.pop("verify", None)
        write_whole(folder / "verify.json", f"{shown.report.to_json()}\n".encode())
    outcome.graph.save(folder / "graph.json")
    leaves = [[name, told(tensor.grad)] for name, tensor in shown.leaves if tensor.is_leaf]
    write_whole(folder / "leaves.json", json.dumps(leaves).encode())
    return 0


def _name_the_script_alone(graph: Graph, report: Report | None, script: str) -> None:
    """A site is read on other machines: the script's lines go without the path that leads to it."""
    name = os.path.basename(script)
    for node in graph.nodes:
        if node.line is not None and node.line[0] == script:
            node.line = (name, node.line[1])
        check = node.data.get("verify", {})
        if check.get("line", "").startswith(f"{script}:"):
            check["line"] = name + check["line"].removeprefix(script)
    if report is not None:
        known = [*report.checks, *report.allowed]
        for check in [*known, report.first_failure] if report.first_failure else known:
            if check.line.startswith(f"{script}:"):
                check.line = name + check.line.removeprefix(script)


def told(gradient: torch.Tensor | None) -> str:
    """A gradient in a line: all of it where it is small, else its shape and its size.

    >>> import torch
    >>> told(torch.tensor([[0.0, 4.0], [0.1, 1 / 3]]))
    '[[0, 4], [0.1, 0.333333]]'
    >>> told(torch.ones(3, 12)), told(None)
    ('3 × 12, norm 6', 'none')
    """
    if gradient is None:
        return "none"
    try:
        dense = gradient.detach().cpu().to_dense() if gradient.is_sparse else gradient.detach()
        if dense.numel() <= SMALL:
            return _numbers(dense.tolist())
        shape = " × ".join(str(size) for size in dense.shape)
        return f"{shape}, norm {_numbers(dense.norm().item())}"
    except (RuntimeError, NotImplementedError, TypeError):
        return "there is one"  # of a kind whose numbers cannot be had


def _numbers(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_numbers(inner) for inner in value)}]"
    return f"{value:.6g}"


if __name__ == "__main__":
    try:
        code = show(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3], tuple(sys.argv[4:]))
    except GraphvizAutogradError as error:
        print(f"Error: {error}", file=sys.stderr)
        code = error.exit_code
    from graphviz_autograd.cli import leave

    leave(SystemExit(code))
