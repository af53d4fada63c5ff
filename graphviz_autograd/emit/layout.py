"""DOT text -> picture, laid out by Graphviz in a child process.

Layout can take hours, holds the interpreter lock, ignores Ctrl-C and may crash, so it
never runs in the user's process. The child is the Graphviz that pygraphviz carries
(`layout_child.py`), or a system `dot` where a person asks for one. It gets a time limit.
Where dot is sure to need longer, or has, a plain layered layout of our own finds the
positions and Graphviz draws; when all fails the DOT is kept in a file that the error names.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from graphviz_autograd.emit.layout_child import BITMAP, LAYERED, NOTE, page_of, scaled_note
from graphviz_autograd.emit.options import one_of
from graphviz_autograd.errors import (
    LayoutError,
    LayoutTimeoutError,
    MissingExtraError,
    OptionError,
)

ENGINES = (
    *("dot", "neato", "fdp", "sfdp", "circo", "twopi", "osage", "patchwork"),
    *("nop", "nop1", "nop2"),  # neato for a graph whose nodes have positions already
)
FORMATS = (
    *("svg", "png", "pdf", "ps", "ps2", "eps", "jpg", "jpeg", "jpe", "gif"),
    *("dot", "gv", "canon", "xdot", "xdot1.2", "xdot1.4", "plain", "plain-ext"),
    *("json", "json0", "dot_json", "xdot_json", "svgz", "svg_inline"),
    *("cmapx", "cmapx_np", "imap", "imap_np", "fig", "pic", "pov", "tk"),
)
COMMAND_VARIABLE = "GVA_DOT"

_CHILD = Path(__file__).with_name("layout_child.py")


class Drawing(NamedTuple):
    """A picture, and what a person should know about it (usually nothing)."""

    data: bytes
    notes: tuple[str, ...]


def draw(
    dot: str,
    format: str,
    *,
    engine: str = "dot",
    timeout: float | None = 60.0,
    command: str | None = None,
    kept: str | os.PathLike[str] | None = None,
    keep: str | os.PathLike[str] | None = None,
) -> Drawing:
    """Lay out a graph and draw it.

    dot      DOT text
    format   one of FORMATS; Graphviz's "svg:cairo" chooses a renderer as well
    engine   one of ENGINES
    timeout  seconds, for this layout and once more for a plain one; None waits for ever. dot is
             not begun where it would not finish: the plain layout is taken at once
    command  a system `dot` to use, else the one GVA_DOT names, else pygraphviz's library
    kept     the file that holds the DOT already, for the error to name
    keep     where to write the DOT when layout fails, if nothing is there; without it, or
             where something is, a temporary file is made

    Raises OptionError for an unknown engine, format, timeout or command, LayoutTimeoutError
    when the time is up twice, LayoutError when Graphviz fails, and MissingExtraError where
    pygraphviz is not installed.

    >>> drawing = draw("digraph { x -> y }", "svg")
    >>> drawing.data[:5], drawing.notes
    (b'<?xml', ())
    """
    check(engine, format, timeout)
    if timeout and timeout > 1e6:  # eleven days, and more than clocks can count: for ever
        timeout = None
    command = _command(command)
    text = dot.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace")
    try:
        return _draw(text, format, engine, timeout, command)
    except LayoutError as error:
        raise type(error)(
            f"{str(error).rstrip('.')}. The DOT is in {_keep(text, kept, keep)}"
        ) from None


def check(engine: str, format: str, timeout: float | None) -> None:
    """Raises OptionError for an unknown engine or format, or a timeout of no time."""
    one_of("engine", engine, ENGINES)
    one_of("format", format.partition(":")[0], FORMATS)
    if timeout is not None and not (isinstance(timeout, int | float) and timeout > 0):
        raise OptionError(f"timeout is a number of seconds above 0, or None, not {timeout!r}")


def _draw(
    text: bytes, format: str, engine: str, timeout: float | None, command: str | None
) -> Drawing:
    notes = []
    end = _first(text, format, engine, timeout, command)
    if end is None and not engine.startswith("nop"):
        notes = [f"{engine} did not finish in {timeout:g} s; drawn with a plain layered layout"]
        end = _plain(text, format, timeout, command)
    if end is None:
        raise LayoutTimeoutError(
            f"Graphviz ({engine}) did not finish in {timeout:g} s, nor did a plain layout; "
            "draw less of the graph, or allow more time"
        )
    if end.code != 0 or not end.data:
        raise _failure(end, engine, format)
    side = _longest_side(end.data)
    if side > BITMAP.limit:
        raise LayoutError(
            f"the PNG would be {side:,} pixels long, {BITMAP.limit:,} is the most: take size, dpi "
            "and viewport out of the graph, or draw SVG"
        )
    if command and side > BITMAP.limit - 4:  # it does not tell that it came up against `size`
        notes.append(scaled_note(format, BITMAP))
    return Drawing(end.data, (*notes, *end.notes))


def _first(
    text: bytes, format: str, engine: str, timeout: float | None, command: str | None
) -> _End | None:
    """The layout that was asked for; the plain one where dot would not finish."""
    if command:
        return _run(_system(command, engine, format), text, timeout)
    return _run(_bundled(engine, format, timeout, guess=True), text, timeout)


def _plain(text: bytes, format: str, timeout: float | None, command: str | None) -> _End | None:
    """Our own layout. A system Graphviz draws what the child has given positions."""
    if not command:
        return _run(_bundled(LAYERED, format, timeout), text, timeout)
    placed = _run(_bundled(LAYERED, "dot", timeout), text, timeout)
    if placed is None or placed.code != 0:
        return placed
    end = _run(_system(command, "nop2", format), placed.data, timeout)
    return end and end._replace(notes=[*placed.notes, *end.notes])


def _longest_side(data: bytes) -> int:
    """Of a PNG, in pixels; 0 for anything else."""
    return max(struct.unpack(">II", data[16:24])) if data.startswith(b"\x89PNG") else 0


# ---- programs


def _bundled(engine: str, format: str, timeout: float | None, *, guess: bool = False) -> list[str]:
    """The command line of the child that uses pygraphviz's library.

    guess  whether the child may take another engine than dot, where that would not finish

    -I -S: neither the current folder, nor the script's, nor PYTHONPATH, nor what site
    starts can get between the child and the standard library.
    """
    folder = _pygraphviz_folder()
    if folder is None:
        raise MissingExtraError(
            "drawing needs pygraphviz 2 or newer: pip install pygraphviz, or name a Graphviz "
            f"program (environment variable {COMMAND_VARIABLE})"
        )
    python = [sys.executable, "-I", "-S", *(["-B"] if sys.dont_write_bytecode else [])]
    may = ["guess"] if guess and timeout else []
    return [*python, str(_CHILD), folder, engine, format, str(timeout or 0), *may]


def _pygraphviz_folder() -> str | None:
    """The folder to import pygraphviz from, found without importing it.

    A script called pygraphviz.py on the way is passed over.
    """
    specs = (PathFinder.find_spec("pygraphviz", [entry]) for entry in sys.path)
    for spec in (*specs, None if "pygraphviz" in sys.modules else find_spec("pygraphviz")):
        if spec and spec.origin and spec.submodule_search_locations:
            return str(Path(spec.origin).absolute().parent.parent)
    return None


def _command(command: str | None) -> str | None:
    """The full path of the system program to use, None for pygraphviz's library."""
    asked = command or os.environ.get(COMMAND_VARIABLE)
    if not asked:
        return None
    found = shutil.which(asked)
    if found is None:
        source = "" if command else f" (from the environment variable {COMMAND_VARIABLE})"
        raise OptionError(f"there is no Graphviz program {asked!r}{source}; give the path of dot")
    return os.path.abspath(found)


def _system(command: str, engine: str, format: str) -> list[str]:
    """The command line of a system Graphviz."""
    page = page_of(format)
    size = [f"-Gsize={(page.limit - 2) / page.dpi - 2 * page.margin:.4f}"] if page else []
    return [command, f"-K{engine}", f"-T{format}", *size]


# ---- running one


class _End(NamedTuple):
    """How a program ended."""

    code: int
    data: bytes
    notes: list[str]
    errors: list[str]  # what Graphviz says went wrong, which need not be fatal


def _run(program: list[str], text: bytes, timeout: float | None) -> _End | None:
    """Run a program to its end; None where the time is up.

    Whatever stops the wait (the time, Ctrl-C, any other exception) kills the program and
    what it started.
    """
    pipe = subprocess.PIPE
    try:
        child = subprocess.Popen(
            program,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,  # Ctrl-C is ours to handle
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise LayoutError(f"{program[0]} cannot be started: {error.strerror}") from error
    with child:
        try:
            data, said = child.communicate(text, timeout)
        except subprocess.TimeoutExpired:
            _kill(child)
            return None
        except BaseException:
            _kill(child)
            raise
    lines = said.decode("utf-8", "replace").splitlines()
    notes = [line.removeprefix(NOTE) for line in lines if line.startswith(NOTE)]
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error")]
    if child.returncode == 0:
        notes += [f"Graphviz says: {error}" for error in errors]
    return _End(child.returncode, data, notes, errors or lines[-1:])


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End a program at once, and whatever a wrapper script started in its name."""
    child.kill()
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)


# ---- what went wrong


def _failure(end: _End, engine: str, format: str) -> LayoutError | OptionError:
    """The error that says why there is no picture."""
    for line in end.errors:
        _, unknown, valid = line.partition("not recognized. Use one of:")
        if unknown:
            option, value = ("engine", engine) if "Layout type" in line else ("format", format)
            return OptionError(f"{option} is one of {', '.join(valid.split())}, not {value!r}")
    said = "; ".join(end.errors) or "it said nothing"
    if end.code < 0:
        name = signal.Signals(-end.code).name
        killed = name == "SIGKILL"
        said = "it was killed, perhaps for want of memory" if killed else f"it crashed ({name})"
    return LayoutError(f"Graphviz could not draw the graph: {said}")


def _keep(
    text: bytes, kept: str | os.PathLike[str] | None, keep: str | os.PathLike[str] | None
) -> Path:
    """A file that holds the DOT: `kept`, or `keep` where that is free, or a temporary one."""
    if kept is not None:
        return Path(kept)
    if keep is not None:
        with contextlib.suppress(OSError), open(keep, "xb") as file:
            file.write(text)
            return Path(keep)
    handle, name = tempfile.mkstemp(prefix="graph-", suffix=".dot")
    with open(handle, "wb") as file:
        file.write(text)
    return Path(name)
