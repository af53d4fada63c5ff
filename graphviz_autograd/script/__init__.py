"""Run a person's program as python would, and catch the autograd graph it builds.

    from graphviz_autograd.script import Program, run
    outcome = run(Program("file", "train.py", ("--epochs", "1")))
    outcome.graph.save("train.svg")

    runner      `run`: the whole of it, and the Outcome
    program     Program: a file, a module, code or a notebook
    answered    a program whose `import torch` is answered by our engine
    stage       what python sets up before a program starts, and setting it back
    cells       the code cells of a notebook
    catcher     stands in front of backward calls and walks the graph
    wanted      which tensors to walk from: `--root`, or what a namespace was left with
    variables   the names that tensors have in the frames above a call
    clock       the time limit, and waking the main thread
    report      tracebacks without our frames, and where a program was

This room may use walker, names, engine, graph and errors of ours. It imports torch only after the
program did, so that environment variables set by the program still count.
"""

from __future__ import annotations

from graphviz_autograd.script.catcher import Examiner
from graphviz_autograd.script.program import Engine, Kind, Program
from graphviz_autograd.script.runner import Outcome, run

__all__ = ["Engine", "Examiner", "Kind", "Outcome", "Program", "run"]
