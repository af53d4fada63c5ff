"""Tracebacks without our frames, exit codes, and where a program was."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from types import TracebackType

from graphviz_autograd.script.variables import HERE

# Where what runs while a program is watched is written; the frames are no part of the program.
WATCHING = (HERE, os.path.join(os.path.dirname(os.path.dirname(HERE)), "verification", ""))


def show(error: BaseException) -> None:
    """Prints an uncaught exception as python does, through the program's own excepthook."""
    for each in _related(error):
        each.__traceback__ = without_ours(each.__traceback__)
    try:
        if sys.excepthook is sys.__excepthook__ and sys.version_info < (3, 13):
            traceback.print_exception(error)  # the same text, and it knows a notebook's lines
        else:
            sys.excepthook(type(error), error, error.__traceback__)
    except Exception:
        print("Error in sys.excepthook:", file=sys.stderr)
        traceback.print_exc()
        sys.__excepthook__(type(error), error, error.__traceback__)


def exit_code(error: SystemExit) -> int:
    """What sys.exit would make of it; a text is printed, and is a failure."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def place(error: BaseException, file: str) -> str:
    """Where an exception found the program: the innermost line of its own file, or any."""
    frames = traceback.extract_tb(without_ours(error.__traceback__))
    own = [frame for frame in frames if frame.filename == file]
    at = (own or frames)[-1:]
    return f" at {os.path.basename(at[0].filename)}:{at[0].lineno}" if at else ""


def without_ours(tb: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of what watches the program.

    Nor those of importlib and of torch's own call of an operator, where ours led to them.
    """
    kept: list[TracebackType] = []
    watching = False
    torch_ops = getattr(sys.modules.get("torch._ops"), "__file__", None)
    while tb is not None:
        name = tb.tb_frame.f_code.co_filename
        helper = name == importlib.util.__file__ or name.startswith("<frozen importlib")
        ours = name.startswith(WATCHING)
        if not ours and (kept or not helper) and not (watching and name == torch_ops):
            kept.append(tb)
        watching = ours
        tb = tb.tb_next
    result: TracebackType | None = None
    for tb in reversed(kept):
        result = TracebackType(result, tb.tb_frame, tb.tb_lasti, tb.tb_lineno)
    return result


def _related(error: BaseException) -> list[BaseException]:
    """An exception, its causes and contexts, and what is in exception groups."""
    found: dict[int, BaseException] = {}
    stack: list[BaseException | None] = [error]
    while stack:
        each = stack.pop()
        if each is None or id(each) in found:
            continue
        found[id(each)] = each
        stack += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            stack += each.exceptions
    return list(found.values())
