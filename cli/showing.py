"""What `gva gallery` runs in a process of its own: one script, to its end.

    python -P -m graphviz_autograd.cli.showing HOW FOLDER SECONDS SCRIPT [ROOT]...

What the script prints goes to stdout, what goes wrong to stderr. Into FOLDER go graph.json,
leaves.json, which has the gradients that the leaves hold in the end, and where HOW is "checked"
verify.json, if the graph could be checked. What is checked runs uncompiled: for a script that calls
torch.compile graph.json is left out then, for another run that is "plain".
"""

from __future__ import annotations

import json
import os
import sys
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import graphviz_autograd
from graphviz_autograd import Graph, GraphvizAutogradError
from graphviz_autograd.cli.checking import Examination
from graphviz_autograd.emit.files import write_whole
from graphviz_autograd.gallery.findings import numbers
from graphviz_autograd.script import Kind, Program, run

if TYPE_CHECKING:
    import torch

    from graphviz_autograd import Report

SMALL = 16
"""Gradients of so many numbers are shown whole."""


class Shown(Examination):
    """Also keeps the leaves that have names, to tell their gradients when the script is over.

    checked   whether the graph is examined, beside being walked
    compiles  whether the script calls torch.compile, if that was looked at
    """

    def __init__(self, checked: bool) -> None:
        super().__init__(sides=True)
        self.checked, self.compiles = checked, False
        self.leaves: list[tuple[str, torch.Tensor]] = []

    def start(self) -> None:
        if not self.checked:
            return
        super().start()
        import torch

        compiling = torch.compile

        @wraps(compiling)
        def noted(*args: Any, **options: Any) -> Any:
            self.compiles = True
            return compiling(*args, **options)

        torch.compile = noted

    def walk(self, outputs: Any, params: Any, **reading: Any) -> Graph:
        walk = super().walk if self.checked else graphviz_autograd.walk
        graph = walk(outputs, params, **reading)
        named = dict(reversed(params))
        found = [node.names for node in graph.nodes if node.kind == "leaf"]
        tensors = [(", ".join(names), named.get(names[0])) for names in found if names]
        self.leaves = [(name, tensor) for name, tensor in tensors if tensor is not None]
        return graph


def show(how: str, folder: Path, seconds: float, script: str, roots: tuple[str, ...]) -> int:
    """Run a script and write what is to be shown of it; returns the exit code."""
    shown = Shown(how == "checked")
    kind: Kind = "notebook" if script.endswith(".ipynb") else "file"
    program = Program(kind, script)
    outcome = run(program, roots=roots, keep_going=True, timeout=seconds, examiner=shown)
    if outcome.message:
        print(f"Error: {outcome.message}", file=sys.stderr)
    if outcome.graph is None or outcome.exit_code:
        return outcome.exit_code or 1
    _leave_out_folders(outcome.graph, shown.report, os.path.abspath(script))
    if shown.report is not None:
        if shown.compiles:
            shown.report.notes.append("torch.compile: this is checked as it runs uncompiled")
        if shown.report.ok is not False:  # only what is wrong is painted
            for node in outcome.graph.nodes:
                node.data.pop("verify", None)
        write_whole(folder / "verify.json", f"{shown.report.to_json()}\n".encode())
    if shown.compiles:
        return 0
    outcome.graph.save(folder / "graph.json")
    leaves = [[name, told(tensor.grad)] for name, tensor in shown.leaves if tensor.is_leaf]
    write_whole(folder / "leaves.json", json.dumps(leaves).encode())
    return 0


def _leave_out_folders(graph: Graph, report: Report | None, script: str) -> None:
    """A site is read on other machines: files go without the path that leads to the script."""
    folder = os.path.dirname(script)

    def short(file: str) -> str:
        inside = file.startswith(folder + os.sep)
        return os.path.relpath(file, folder) if inside else os.path.basename(file)

    for node in graph.nodes:
        if node.line is not None:
            node.line = (short(node.line[0]), node.line[1])
        check = node.data.get("verify", {})
        if check.get("line"):
            check["line"] = short(check["line"])
    if report is not None:
        first = [report.first_failure] if report.first_failure else []
        checks = {id(check): check for check in [*report.checks, *report.allowed, *first]}
        for check in checks.values():
            check.line = short(check.line)


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
            return numbers(dense.tolist())
        shape = " × ".join(str(size) for size in dense.shape)
        return f"{shape}, norm {numbers(dense.norm().item())}"
    except (RuntimeError, NotImplementedError, TypeError):
        return "there is one"  # of a kind whose numbers cannot be had


if __name__ == "__main__":
    # -P has kept this process's own folder away; a script finds what lies beside it.
    how, folder, seconds, script, *roots = sys.argv[1:]
    sys.path.insert(0, os.path.dirname(os.path.realpath(script)))
    try:
        code = show(how, Path(folder), float(seconds), script, tuple(roots))
    except GraphvizAutogradError as error:
        print(f"Error: {error}", file=sys.stderr)
        code = error.exit_code
    from graphviz_autograd.cli import leave

    leave(SystemExit(code))
