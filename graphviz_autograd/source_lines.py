"""Which line of the program was at work when autograd gave out which numbers.

A trace function (`sys.settrace`) follows the program's own lines and looks whether torch has
numbered any nodes since the last of them. torch's and Python's own code is not followed, so
a line is the innermost one that is neither's. As Python runs all code slower while it traces,
it does not during a call of one of torch's own modules. Where a debugger or a coverage tool
traces already, nothing is done: there is room for one trace function only.

Used by the recorder, imports nothing of ours.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import torch

Line = tuple[str, int]
"""A file, as its code names it, and the number of a line."""

next_number: Callable[[], int] = torch._C._autograd._get_sequence_nr
"""The number that the next autograd node of this thread will get."""

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_TORCH = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep
_LIBRARY = os.path.join(sysconfig.get_path("stdlib"), "")
_PACKAGES = tuple(os.path.join(sysconfig.get_path(name), "") for name in ("purelib", "platlib"))
_GENERATED = ("<frozen", "<eval_with_key", "<attrs")


class _Programs(dict[str, bool]):
    """For each file that code came from: is it the program's, or a library's it brought?"""

    def __missing__(self, name: str) -> bool:
        if name.startswith(_OURS):
            answer = name.startswith(os.path.join(_OURS, "gallery", ""))
        elif name.startswith(_LIBRARY) and not name.startswith(_PACKAGES):
            answer = False
        else:
            answer = not name.startswith((_TORCH, *_GENERATED))
        self[name] = answer
        return answer


_programs = _Programs()


class Lines:
    """The lines of one thread, with the numbers that each gave out."""

    def __init__(self, frame: FrameType | None) -> None:
        self._starts: list[int] = []
        self._lines: list[Line | None] = []
        self._file: str | None = None
        self._number = 0
        self.end = next_number()
        self.paused = False
        self.trace = self._trace  # bound once, to be known again
        self.follow = self._follow
        self._be_at(frame)

    def _trace(self, frame: FrameType, _event: str, _: Any) -> Any:
        """The thread's trace function: a call of any Python function."""
        if not wanted:
            sys.settrace(None)
            return None
        name = frame.f_code.co_filename
        if not _programs[name]:
            return None
        self.flush()
        self._file, self._number = name, frame.f_lineno
        return self.follow

    def _follow(self, frame: FrameType, event: str, _: Any) -> Any:
        """A line of the program, or its return from a function."""
        number = next_number()
        if number != self.end:
            self._note(number)
        if event == "line":
            self._file, self._number = frame.f_code.co_filename, frame.f_lineno
        elif event == "return":
            self._be_at(frame.f_back)
        return self.follow

    def flush(self) -> None:
        """Lay the numbers given out up to now at the door of the current line."""
        number = next_number()
        if number != self.end:
            self._note(number)

    def _note(self, number: int) -> None:
        self._starts.append(self.end)
        self._lines.append(self.now())
        self.end = number

    def now(self) -> Line | None:
        """The line that is at work."""
        return None if self._file is None else (self._file, self._number)

    def _be_at(self, frame: FrameType | None) -> None:
        self._file = None
        for above in _programs_frames(frame):
            self._file, self._number = above.f_code.co_filename, above.f_lineno
            return

    def at(self, number: int) -> Line | None:
        """The line that made the node of this number, None where that is not known."""
        index = bisect_right(self._starts, number) - 1
        return self._lines[index] if index >= 0 and number < self.end else None


# ---- following threads

wanted: list[Callable[[Lines], None]] = []
"""Who wants to know the Lines of each thread that is followed; empty while nobody does."""

_lock = threading.Lock()
_thread = threading.local()
_before: Any = None  # what threads were traced with


def start(listener: Callable[[Lines], None]) -> bool:
    """From now on follow this thread, and those that start; `listener` gets each one's Lines.

    False, and nothing is done, where somebody else traces this thread.
    """
    global _before
    with _lock:
        if current() is None and sys.gettrace() is not None:
            return False
        if not wanted:
            _before = threading.gettrace()
            threading.settrace(_in_new_thread)
        wanted.append(listener)
    lines = current()
    if lines is None:
        follow(sys._getframe(1))
    else:
        listener(lines)
    return True


def stop(listener: Callable[[Lines], None]) -> None:
    """End what `start` began; other threads notice when they next call a function."""
    lines = current()
    if lines is not None:
        lines.flush()
    with _lock:
        wanted.remove(listener)
        if wanted:
            return
        if threading.gettrace() is _in_new_thread:
            threading.settrace(_before)
    if lines is not None:
        if not lines.paused:
            sys.settrace(None)
        _thread.lines = None
        for frame in _programs_frames(sys._getframe(1)):
            if frame.f_trace is lines.follow:
                frame.f_trace = None


def current() -> Lines | None:
    """The lines of this thread, where it is followed."""
    lines: Lines | None = getattr(_thread, "lines", None)
    if lines is None or not (lines.paused or sys.gettrace() is lines.trace):
        return None
    return lines


def follow(frame: FrameType) -> None:
    """Follow this thread from now on, where it is wanted and nobody else traces it."""
    if not wanted or current() is not None or sys.gettrace() is not None:
        return
    lines = _thread.lines = Lines(frame)
    for above in _programs_frames(frame):
        above.f_trace = lines.follow
    for listener in tuple(wanted):
        listener(lines)
    sys.settrace(lines.trace)


def pause() -> bool:
    """Do not trace this thread for a while. Whether it was traced."""
    lines: Lines | None = getattr(_thread, "lines", None)
    trace = sys.gettrace()
    if trace is None and (lines is None or not lines.paused):
        follow(sys._getframe(2))  # a thread that is older than the recording
        lines, trace = getattr(_thread, "lines", None), sys.gettrace()
    if lines is None or trace is not lines.trace:
        return False
    sys.settrace(None)
    lines.paused = True
    return True


def resume() -> None:
    """Trace this thread again, unless somebody else does by now."""
    lines: Lines | None = getattr(_thread, "lines", None)
    if lines is not None and lines.paused and sys.gettrace() is None:
        lines.paused = False
        sys.settrace(lines.trace)


def is_torchs(module: torch.nn.Module) -> bool:
    """Whether none of the program's code is to be expected right inside this module."""
    own = module.__dict__
    return type(module).__module__.startswith("torch.") and not (
        own.get("_forward_hooks") or own.get("_forward_pre_hooks") or "forward" in own
    )


def _in_new_thread(frame: FrameType, event: str, arg: Any) -> Any:
    """The first trace function of a thread that starts: gives it one of its own."""
    sys.settrace(None)
    follow(frame)
    lines = current()
    return None if lines is None else lines.trace(frame, event, arg)


def _programs_frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        if _programs[frame.f_code.co_filename]:
            yield frame
        frame = frame.f_back


def programs_line(frame: FrameType | None) -> Line | None:
    """The program's line that runs, in this frame or the nearest above it."""
    for own in _programs_frames(frame):
        return own.f_code.co_filename, own.f_lineno
    return None
