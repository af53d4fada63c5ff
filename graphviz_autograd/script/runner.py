"""`run`: a program from its start to the graph it built."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, get_args

from graphviz_autograd.errors import GraphvizAutogradError, OptionError
from graphviz_autograd.script import program as programs
from graphviz_autograd.script import report, wanted
from graphviz_autograd.script.catcher import Catcher, Examiner, Request, stop
from graphviz_autograd.script.clock import Clock, TimeUp
from graphviz_autograd.script.program import Engine, Program
from graphviz_autograd.script.stage import load_module, stage

if TYPE_CHECKING:
    from graphviz_autograd.graph import Graph
    from graphviz_autograd.script.cells import Notebook


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    graph      the graph, or None where none was caught
    exit_code  what a command should answer: 0 where the graph was caught and the program
               stopped; the program's own code where it failed first or was kept going;
               4 where there was no graph, 2 where a root was no use, 124 on timeout, 130 on
               Ctrl-C
    message    one line for the person, where the exit code is ours: why there is no graph
    caught     where the graph was caught, in a few words
    """

    graph: Graph | None
    exit_code: int = 0
    message: str = ""
    caught: str = ""


@dataclass(frozen=True)
class Ending:
    """How the program itself ended."""

    exit_code: int = 0
    message: str = ""


def run(
    program: Program,
    *,
    engine: Engine = "torch",
    roots: tuple[str, ...] = (),
    backward: int = 1,
    keep_going: bool = False,
    timeout: float | None = None,
    shapes: bool = True,
    attrs: bool = True,
    saved: bool = True,
    inputs: bool = False,
    examiner: Examiner | None = None,
) -> Outcome:
    """Run a program as python would, and catch the graph that it builds.

    engine      "own" answers the program's own `import torch` with graphviz_autograd.engine
    roots       expressions to draw, evaluated at backward calls and at the program's end
    backward    which backward call to catch, counted from 1
    keep_going  run the program to its end; else it is stopped once the graph is caught
    timeout     seconds the program may take
    shapes, attrs, saved, inputs   what `walk` reads
    examiner    looks on while the program runs, and walks the graph itself

    The graph is that of the roots; without roots, of the tensors of the backward call,
    walked before the call runs; without such a call, of the tensors left in the namespace.
    An exception that the program lets out is printed as python prints it.

    Raises ScriptError where there is no such program, MissingExtraError where a notebook
    needs packages that are not installed, OptionError for a root that is no expression,
    an unknown engine, `backward` below 1 or a timeout of no time.

    >>> code = "import torch; w = torch.ones(2, requires_grad=True); (w * w).sum().backward()"
    >>> outcome = run(Program("code", code))
    >>> [node.names for node in outcome.graph.nodes if node.kind == "leaf"]
    [('w',)]
    """
    if engine not in get_args(Engine):
        raise OptionError(f"the engine is one of {', '.join(get_args(Engine))}, not {engine!r}")
    if backward < 1:
        raise OptionError(f"backward calls are counted from 1: {backward} is none of them")
    if timeout is not None and timeout <= 0:
        raise OptionError(f"a timeout is a number of seconds above 0, not {timeout:g}")
    request = Request(tuple(roots), backward, keep_going, shapes, attrs, saved, inputs)
    wanted.Roots(request.roots)  # a mistake in them is told before anything runs
    content = _content(program)
    process = os.getpid()
    with stage(program, engine) as main:
        catcher = Catcher(request, main.__dict__, examiner)
        ending = _execute(program, content, main, catcher, timeout)
        if os.getpid() != process:  # a child that the program forked came to its end
            raise SystemExit(ending.exit_code)
        return _outcome(program, main, catcher, ending)


def _content(program: Program) -> bytes | Notebook:
    """What is to run, as far as it can be had before the program starts."""
    if program.kind == "file":
        return programs.read(program.target)
    if program.kind == "notebook":
        from graphviz_autograd.script import cells

        return cells.load(program.target)
    return program.target.encode("utf-8", "surrogatepass")


def _execute(
    program: Program,
    content: bytes | Notebook,
    main: ModuleType,
    catcher: Catcher,
    timeout: float | None,
) -> Ending:
    """Run the program, and say how it ended."""
    clock = Clock(timeout, lambda: stop() if catcher.stopping else None)
    catcher.on_catch = clock.wake
    before = set(threading.enumerate())
    try:
        with catcher.watching(), clock.running():
            _start(program, content, main, catcher)
            _wait_for_threads(before)
    except GraphvizAutogradError as error:
        if report.without_ours(error.__traceback__) is None:
            raise  # our own word on a mistake in use, such as a module that is not there
        return _failed(error, catcher)
    except (TimeUp, KeyboardInterrupt) as error:
        if catcher.stopping:
            return Ending()
        at = report.place(error, getattr(main, "__file__", None) or "")
        if clock.time_up:
            return Ending(124, f"{program.title} was not done after {timeout:g} s; it was{at}")
        return Ending(130, f"interrupted {program.title}{at}")
    except SystemExit as error:
        return Ending(0 if catcher.stopping else report.exit_code(error))
    except BaseException as error:
        return _failed(error, catcher)
    finally:
        if catcher.stopping:
            _end_children()
    return Ending()


def _failed(error: BaseException, catcher: Catcher) -> Ending:
    if catcher.stopping:  # what its clean-up says once it is stopped does not matter
        return Ending()
    report.show(error)
    return Ending(1)


def _start(program: Program, content: bytes | Notebook, main: ModuleType, catcher: Catcher) -> None:
    """The program's code, run in `main`."""
    if not isinstance(content, bytes):
        content.run(main, lambda: catcher.stopping)
        return
    if program.kind == "module":
        code = load_module(program.target, main)
    else:
        name = "<string>" if program.kind == "code" else main.__file__ or ""
        code = compile(content, name, "exec", dont_inherit=True)
    exec(code, main.__dict__)


def _wait_for_threads(before: set[threading.Thread]) -> None:
    """As python does at the end of a program; idle workers of an executor never end alone."""
    futures = sys.modules.get("concurrent.futures.thread")
    workers = set(getattr(futures, "_threads_queues", ()))
    for thread in set(threading.enumerate()) - before - workers:
        if not thread.daemon:
            thread.join()


def _end_children() -> None:
    """Ends the processes that the stopped program started and would have waited for."""
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing is not None:
        for child in multiprocessing.active_children():
            if not child.daemon:
                child.terminate()


# ---- what came of it


def _outcome(program: Program, main: ModuleType, catcher: Catcher, ending: Ending) -> Outcome:
    graph, caught = catcher.graph, catcher.where
    if graph is None and ending.exit_code == 0:
        try:
            graph, caught = _at_the_end(program, main, catcher)
        except GraphvizAutogradError as error:
            return Outcome(None, error.exit_code, str(error))
    return Outcome(graph, ending.exit_code, ending.message, caught)


def _at_the_end(program: Program, main: ModuleType, catcher: Catcher) -> tuple[Graph, str]:
    """The graph of a program that ran to its end without one being caught.

    Raises NoGraphError, or why a root was no use.
    """
    from graphviz_autograd.errors import NoGraphError

    space = main.__dict__
    calls, asked = catcher.calls, catcher.request.backward
    if catcher.roots:
        outputs = catcher.roots.find([space])
        if outputs is None:
            assert catcher.roots.failure is not None
            raise catcher.roots.failure
        return catcher.walk(outputs, [space]), "root at the end"
    if asked > 1:
        raise NoGraphError(
            f"no graph to draw: {program.title} made {_times(calls)}, "
            f"and --backward asks for number {asked}"
        )
    left = wanted.left_behind(space) if "torch" in sys.modules else []
    if left:
        return catcher.walk(left, [space]), "left in the namespace"
    if catcher.refused is not None:
        raise catcher.refused
    seen = wanted.what_was_seen(space) if "torch" in sys.modules else "torch was never imported"
    raise NoGraphError(f"no graph to draw: {program.title} ended without a backward call; {seen}")


def _times(calls: int) -> str:
    return "no backward call" if not calls else f"{calls} backward call{'s' * (calls != 1)}"
