"""A `dot` for peers that call one: the Graphviz that ours draws with, so that all have the same.

python bench/dot.py SECONDS -Tsvg [-Kdot] [-o OUT] [FILE]
"""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graphviz_autograd.emit import layout


@contextmanager
def on_path(limit: float) -> Iterator[None]:
    """The first `dot` on the PATH is this one. It gives up after `limit` seconds."""
    before = os.environ.get("PATH", os.defpath)
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "dot")
        command = shlex.join([sys.executable, __file__, str(limit)])
        program.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        os.environ["PATH"] = f"{folder}{os.pathsep}{before}"
        try:
            yield
        finally:
            os.environ["PATH"] = before


def svg(dot: str, limit: float) -> bytes | None:
    """What this Graphviz makes of a text with nothing asked of it; None when the time is up."""
    end = layout._run(layout._bundled("dot", "svg", limit), dot.encode(), limit)
    if end and not end.data:
        raise RuntimeError("; ".join(end.errors))
    return end and end.data


def main(seconds: str, *arguments: str) -> None:
    """Become the program that draws, with its input and output where they are asked for."""
    engine, format, rest = "dot", "", list(arguments)
    while rest:
        match rest.pop(0):
            case "-o":
                _redirect(rest.pop(0), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 1)
            case option if option.startswith("-K"):
                engine = option[2:]
            case option if option.startswith("-T"):
                format = option[2:]
            case file:
                _redirect(file, os.O_RDONLY, 0)
    program = layout._bundled(engine, format, float(seconds))
    os.execv(program[0], program)


def _redirect(path: str, how: int, to: int) -> None:
    os.dup2(os.open(path, how, 0o666), to)


if __name__ == "__main__":
    main(*sys.argv[1:])
