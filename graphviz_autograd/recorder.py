"""What happened during forward: which module calls and which source lines made which nodes.

autograd numbers the nodes of each thread as they are made. A module call is noted as the
numbers it began and ended at, so the calls that a node was made in are those around its
number; lines likewise (`source_lines`). No node and no tensor is looked at meanwhile.

Module calls are seen by standing in for `torch.nn.Module.__call__`. Global hooks would see
them too, at several times the cost, and torch.compile warns and compiles anew where
there are any.

May import graph and errors of ours (and module_names and source_lines, its helpers).
"""

from __future__ import annotations

import itertools
import sys
import threading
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import torch
from torch.utils import _pytree

from graphviz_autograd import source_lines
from graphviz_autograd.errors import InputTypeError, OptionError
from graphviz_autograd.graph import ModuleCall
from graphviz_autograd.module_names import ModuleNames, unwrapped
from graphviz_autograd.source_lines import Line, Lines, next_number

Calls = tuple[ModuleCall, ...]
"""Module calls within each other, outermost first."""

Place = tuple[Calls, Line | None]
"""The module calls and the line that a node was made in."""

UNKNOWN: Place = ((), None)

NO_NUMBER = 2**64 - 1
"""What an accumulator answers, which no call made."""

PLACE = "graphviz_autograd.place"
"""The private key of where the engine's nodes were made, in their `metadata`."""

KEY = "graphviz_autograd.thread"
"""The private key in `node.metadata` of what modules called in other threads return."""

MOST_MARKS = 500
"""Marked nodes of a thread: see freeing, a chain of a thousand such is freed on any stack."""


def record(model: torch.nn.Module | None = None, *, lines: bool = True) -> Recording:
    """Note which module call and which source line make each node of the graph.

    model  whose modules are told by their paths; without one, each module that is called at
           the outermost level is told by its class, and its parts below that
    lines  note source lines too; not possible while a debugger or a coverage tool traces

    Use it around the forward, and give it to `walk` or `make_dot`. Nothing of the program
    is changed. What a checkpoint computes again during backward is left out.

    Raises InputTypeError (a TypeError) where `model` is no module.

    >>> from graphviz_autograd import walk
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh())
    >>> with record(model) as rec:
    ...     loss = model(torch.ones(1, 2)).sum()
    >>> graph = walk(loss, model, record=rec)
    >>> [(node.op, node.module.path) for node in graph.nodes if node.module]
    [('TanhBackward0', '1'), ('AddmmBackward0', '0'), ('TBackward0', '0')]
    """
    return Recording(model, lines)


class Recording:
    """The context manager that `record` gives, and afterwards what it noted.

    notes  what could not be recorded, and why
    """

    def __init__(self, model: torch.nn.Module | None = None, lines: bool = True) -> None:
        if model is not None and not isinstance(model, torch.nn.Module):
            raise InputTypeError(
                f"record takes a module or nothing, not of type {type(model).__name__}: "
                "give record() the model whose module paths you want to see"
            )
        self.notes: list[str] = []
        self._lines = lines
        self._logs: list[_Log] = []  # that of the thread which began comes first
        self._names = ModuleNames(model)
        self._renamed: dict[str, str] = {}
        self._over = self._watching = False
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._lock = threading.Lock()
        self._thread = threading.local()

    def __enter__(self) -> Self:
        if self._logs:
            raise OptionError("a recording is made once: begin another with gva.record()")
        self._log()
        if self._lines and not source_lines.start(self._follow):
            self._lines = False
            self.notes.append(
                "no source lines: a debugger or a coverage tool traces the program already"
            )
        _begin(self)
        self.watch_engine()
        return self

    def __exit__(self, kind: object, error: object, traceback: TracebackType | None) -> None:
        _end(self)
        watchers = _engine_watchers()
        if watchers is not None and self._note_node in watchers:
            watchers.remove(self._note_node)
        if self._lines:
            source_lines.stop(self._follow)
        self._log().close()
        self._over = True
        _leave_out_ours(traceback)

    @property
    def noted(self) -> list[str]:
        """What was recorded: "modules", and "lines" where they were asked for and could be."""
        return ["modules", "lines"] if self._lines else ["modules"]

    def watch_engine(self) -> None:
        """Note what graphviz_autograd.engine makes too; to be called where it is imported later."""
        watchers = _engine_watchers()
        if watchers is not None and self._note_node not in watchers:
            watchers.append(self._note_node)
            self._watching = True

    # ---- while the program runs

    def _log(self) -> _Log:
        """The log of this thread, begun where there is none."""
        log: _Log | None = getattr(self._thread, "log", None)
        if log is None:
            log = self._thread.log = _Log(bool(self._logs))
            self._logs.append(log)
        return log

    def _follow(self, lines: Lines) -> None:
        self._log().lines.append(lines)

    def _enter(self, module: torch.nn.Module) -> _Log:
        """A module is being called."""
        if not (self._watching or self._over):  # the engine may be there only now
            self.watch_engine()
        log = self._log()
        module = unwrapped(module)
        caller, calls = log.stack[-1] if log.stack else (None, ())
        with self._lock:
            if self._over:  # the recording ended between
                log.enter(module, calls)
                return log
            path = self._names.path(module, calls[-1].path if calls else "", caller)
            self._counts[path] += 1
            call = ModuleCall(path, type(module).__name__, self._counts[path])
        log.enter(module, (*calls, call))
        return log

    def _note_node(self, node: Any) -> None:
        """A node of the engine is being made: it bears where by itself."""
        log = self._log()
        lines = [lines.now() for lines in log.lines[-1:]]
        calls = log.stack[-1][1] if log.stack else ()
        node.metadata.setdefault(PLACE, {})[log.token] = (calls, *(lines or [None]))

    # ---- afterwards

    def name_modules(self, named: Iterable[tuple[str, torch.nn.Module]]) -> None:
        """Better names than their classes' for modules that were called at the outermost level:
        those of the variables that hold them. The first name of a module counts.
        """
        for name, module in named:
            path = self._names.outermost(module)
            if path is not None:
                self._renamed.setdefault(path, name)

    def _named(self, places: Iterable[Place]) -> Iterator[Place]:
        """The places, with the better names of their modules."""
        if not self._renamed:
            yield from places
            return
        known: dict[Calls, Calls] = {}
        for calls, line in places:
            if calls not in known:
                root = calls[0].path if calls else ""
                name = self._renamed.get(root, root)
                known[calls] = tuple(
                    call._replace(path=name + call.path.removeprefix(root)) for call in calls
                )
            yield known[calls], line

    def places_of_engine(self, nodes: Sequence[Any]) -> Iterator[Place]:
        """As `places`, for nodes of graphviz_autograd.engine."""
        return self._named(self._engines_places(nodes))

    def _engines_places(self, nodes: Sequence[Any]) -> Iterator[Place]:
        tokens = {log.token for log in self._logs}
        for node in nodes:
            noted = {} if node.name().endswith("AccumulateGrad") else node.metadata.get(PLACE, {})
            yield next((place for token, place in noted.items() if token in tokens), UNKNOWN)

    def places(self, nodes: Sequence[Any]) -> Iterator[Place]:
        """For each autograd node the module calls and the line it was made in.

        `nodes` are torch's, in the order of a walk, and all that these lead to are among them.
        """
        lines = source_lines.current()
        if lines is not None:  # recorded still
            lines.flush()
        if not self._logs:
            return (UNKNOWN for _ in nodes)
        if len(self._logs) == 1:
            [log] = self._logs
            return self._named(log.at(node._sequence_nr()) for node in nodes)
        return self._named(_places_in_threads(self._logs, nodes))


class _Log:
    """What happened in one thread: from which number on it was in which module calls."""

    _tokens = itertools.count()

    def __init__(self, in_other_thread: bool) -> None:
        self.in_other_thread = in_other_thread
        self.token = next(self._tokens)
        self.stack: list[tuple[torch.nn.Module, Calls]] = []
        self.lines: list[Lines] = []
        self.marks = 0
        self._starts = [next_number()]
        self._calls: list[Calls] = [()]
        self._end: int | None = None

    def enter(self, module: torch.nn.Module, calls: Calls) -> None:
        self.stack.append((module, calls))
        self._note(calls)

    def leave(self) -> None:
        self.stack.pop()
        self._note(self.stack[-1][1] if self.stack else ())

    def _note(self, calls: Calls) -> None:
        number = next_number()
        if number == self._starts[-1]:
            self._calls[-1] = calls
        else:
            self._starts.append(number)
            self._calls.append(calls)

    def mark(self, result: Any) -> None:
        """Tell the nodes of other threads, which number them alike, from this thread's."""
        with torch._C.DisableTorchFunction():
            for tensor in _pytree.tree_leaves(result):
                if self.marks == MOST_MARKS:
                    return
                node: Any = tensor.grad_fn if isinstance(tensor, torch.Tensor) else None
                if node is not None:
                    node.metadata.setdefault(KEY, []).append(self.token)
                    self.marks += 1

    def close(self) -> None:
        self._end = next_number()

    def covers(self, number: int) -> bool:
        """Whether this thread may have made the node of this number while recorded."""
        end = self._end
        if end is None:  # of another thread, or recorded still
            end = max([self._starts[-1], *(lines.end for lines in self.lines)])
            if self.stack or not self.in_other_thread:
                end = max(end, number + 1)
        return self._starts[0] <= number < end and number != NO_NUMBER

    def at(self, number: int) -> Place:
        if not self.covers(number):
            return UNKNOWN
        calls = self._calls[bisect_right(self._starts, number) - 1]
        found = (lines.at(number) for lines in self.lines)
        return calls, next((line for line in found if line is not None), None)


# ---- seeing the calls

_running: tuple[Recording, ...] = ()
_installing = threading.Lock()
_original: Any = None  # torch.nn.Module.__call__ as it was
_stand_in: Any = None  # and what is there while anything is recorded


def _standing_in_for(original: Any) -> Any:
    def recorded_call(self: torch.nn.Module, /, *args: Any, **kwargs: Any) -> Any:
        if torch.compiler.is_compiling():  # as if we were not there
            return original(self, *args, **kwargs)
        if _stand_in is not recorded_call or torch._C._current_graph_task_id() != -1:
            return original(self, *args, **kwargs)  # left behind; or inside a backward
        traced = source_lines.wanted and source_lines.pause()
        logs = [recording._enter(self) for recording in _running]
        if source_lines.wanted and not source_lines.is_torchs(self):
            source_lines.resume()
        try:
            result = original(self, *args, **kwargs)
        finally:
            if source_lines.wanted:
                source_lines.pause()
            for log in logs:
                log.leave()
            if traced:
                source_lines.resume()
        for log in logs:
            if log.in_other_thread and not log.stack:
                log.mark(result)
        return result

    return recorded_call


def _begin(recording: Recording) -> None:
    global _running, _original, _stand_in
    with _installing:
        if not _running:
            _original = torch.nn.Module.__call__
            _stand_in = _standing_in_for(_original)
            torch.nn.Module.__call__ = _stand_in  # type: ignore[method-assign]
        _running = (*_running, recording)


def _end(recording: Recording) -> None:
    global _running, _stand_in
    with _installing:
        _running = tuple(other for other in _running if other is not recording)
        if _running:
            return
        # where somebody else stands in front of it by now, it stays and does nothing
        if torch.nn.Module.__call__ is _stand_in:
            torch.nn.Module.__call__ = _original  # type: ignore[method-assign]
        _stand_in = None


def _leave_out_ours(traceback: TracebackType | None) -> None:
    """An exception that leaves the recording shows the program's frames and torch's only."""
    while traceback is not None:
        below = traceback.tb_next
        while below is not None and below.tb_frame.f_code.co_filename == __file__:
            below = below.tb_next
        traceback.tb_next = below
        traceback = below


def _engine_watchers() -> list[Any] | None:
    """The list of those who are told of the engine's nodes; None while the engine is not in use."""
    module = sys.modules.get("graphviz_autograd.engine.node")
    return getattr(module, "watchers", None)


# ---- nodes of several threads


def _places_in_threads(logs: list[_Log], nodes: Sequence[Any]) -> Iterator[Place]:
    """As `Recording.places`, where several threads were recorded, which number nodes alike.

    A node is of the thread it is marked with; else of the only one that can have made it;
    else of the thread of the node that uses it; else of the one that began. Where two nodes
    claim the same number of a thread, both are left unknown.
    """
    by_token = {log.token: log for log in logs}
    user: dict[Any, _Log] = {}
    makers: list[tuple[_Log, int] | None] = []
    claims: defaultdict[tuple[_Log, int], int] = defaultdict(int)
    for node in nodes:
        number = node._sequence_nr()
        possible = [log for log in logs if log.covers(number)]
        marked = [by_token[token] for token in node.metadata.get(KEY, ()) if token in by_token]
        log = _maker(possible, marked, user.get(node))
        makers.append(None if log is None else (log, number))
        if log is None:
            continue
        claims[log, number] += 1
        for child, _ in node.next_functions:
            if child is not None and child._sequence_nr() < number:
                user.setdefault(child, log)
    for maker in makers:
        yield UNKNOWN if maker is None or claims[maker] > 1 else maker[0].at(maker[1])


def _maker(possible: list[_Log], marked: list[_Log], user: _Log | None) -> _Log | None:
    if marked or not possible:
        return marked[0] if marked else None
    if len(possible) == 1:
        return possible[0]
    if user in possible:
        return user
    return possible[0] if not possible[0].in_other_thread else None
