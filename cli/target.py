"""Where a picture, or a report, goes: settled, and checked, before the script runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from graphviz_autograd import Graph
from graphviz_autograd.emit.files import write_whole
from graphviz_autograd.errors import OptionError
from graphviz_autograd.script import Program

FORMATS = ("svg", "png", "pdf", "dot", "gv", "json", "mermaid", "mmd", "graphml", "html")
BINARY = ("png", "pdf")


@dataclass(frozen=True)
class Target:
    """A file, or the stream that was stdout, and the format that goes there."""

    format: str
    path: Path | None = None
    stream: BinaryIO | None = None
    shown: str = ""


def settle(output: str | None, format: str | None, stem: str, no_clobber: bool) -> Target:
    """The target for what the person asked for.

    Raises OptionError where nothing could be written there.
    """
    if output == "-":
        format = format or "svg"
        if format in BINARY and sys.stdout.isatty():
            raise OptionError(
                f"{format} is binary, and stdout is a terminal: give -o FILE, or pipe it on"
            )
        return Target(format, stream=take_stdout())
    name = output or f"{stem}.{format or 'svg'}"
    format = Graph.format_for(name, format)
    if no_clobber and os.path.lexists(name):
        raise OptionError(f"{name} is there already, and --no-clobber keeps it")
    return Target(format, Path(name).absolute(), shown=name)


def writer(file: str | None) -> Callable[[str], None] | None:
    """What writes a text to a file, whole or not at all, or to stdout for "-".

    Raises OptionError where nothing could be written there.
    """
    if file is None:
        return None
    if file == "-":
        stream = take_stdout()

        def say(text: str) -> None:
            with stream:
                stream.write(f"{text}\n".encode())

        return say
    Graph.format_for(file, "json")
    path = Path(file).absolute()  # the script may go to another folder
    return lambda text: write_whole(path, f"{text}\n".encode())


def stem(program: Program) -> str:
    """What a picture of a program is called, without its suffix."""
    if program.kind == "code":
        return "code"
    if program.kind == "module":
        return program.target.removesuffix(".__main__").rpartition(".")[2] or "module"
    return Path(program.target).stem or "graph"


def take_stdout() -> BinaryIO:
    """The real stdout, for the picture alone.

    From now on everything else that is written to stdout, by the script or by processes
    that it starts, goes to stderr; also what is written as the process ends.
    """
    sys.stdout.flush()
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return stream
