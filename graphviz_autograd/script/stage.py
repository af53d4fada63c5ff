"""What python sets up before a program starts, and setting it all back.

The program gets a fresh `__main__` (so that its classes pickle), its own sys.argv and
sys.path[0]. Whatever it changes of the interpreter that would reach beyond its end, such
as the working directory or sys.stdout, is put back after it.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib.util
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

from graphviz_autograd.errors import ScriptError
from graphviz_autograd.script import answered
from graphviz_autograd.script.program import Engine, Program


@contextlib.contextmanager
def stage(program: Program, engine: Engine = "torch") -> Iterator[ModuleType]:
    """A fresh `__main__` for the program, in sys.modules while the context lasts.

    With the engine "own" its imports of torch are answered by the engine.
    """
    main = ModuleType("__main__")
    names = answered.by_engine() if engine == "own" else builtins
    main.__dict__.update(
        {"__builtins__": names, "__annotations__": {}, "__package__": None, "__spec__": None}
    )
    first, path0 = _argv0_and_path0(program)
    with _restored():
        sys.modules["__main__"] = main
        sys.argv = [first, *program.args]
        if not sys.flags.safe_path:  # under -P there is no such entry to replace
            sys.path[0:1] = [path0]
        if program.kind == "file":
            main.__file__ = os.path.join(os.getcwd(), program.target)
            main.__dict__["__cached__"] = None
            main.__loader__ = SourceFileLoader("__main__", main.__file__)
        elif program.kind == "notebook":
            os.chdir(os.path.dirname(os.path.abspath(program.target)))
        yield main


def _argv0_and_path0(program: Program) -> tuple[str, str]:
    if program.kind == "file":
        return program.target, os.path.dirname(os.path.realpath(program.target))
    if program.kind == "module":
        return "-m", os.getcwd()
    return ("-c" if program.kind == "code" else program.target), ""


@contextlib.contextmanager
def _restored() -> Iterator[None]:
    """Puts back what a program may have changed of the interpreter."""
    folder = os.getcwd()
    names = ("argv", "stdin", "stdout", "stderr", "excepthook", "displayhook")
    old = {name: getattr(sys, name) for name in names}
    main, path, meta_path = sys.modules.get("__main__"), sys.path[:], sys.meta_path[:]
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        _flush()
        for name, value in old.items():
            setattr(sys, name, value)
        sys.path[:], sys.meta_path[:] = path, meta_path
        if main is not None:
            sys.modules["__main__"] = main
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, interrupt)
        with contextlib.suppress(OSError):  # the folder may be gone
            os.chdir(folder)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # closed, or replaced by the program
            stream.flush()


def load_module(name: str, main: ModuleType) -> CodeType:
    """The code of `python -m name`, and `main` dressed as that module.

    Raises ScriptError where there is no such module or it cannot be run. Importing the
    packages above it runs their code, whose errors come out as they are.
    """
    spec = _find(name)
    if spec.submodule_search_locations is not None:
        if name == "__main__" or name.endswith(".__main__"):
            raise ScriptError(f"-m {name}: a package cannot stand as __main__")
        inner = _find(f"{name}.__main__", package=name)
        return _dress(main, inner)
    return _dress(main, spec)


def _find(name: str, package: str = "") -> ModuleSpec:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # a package above it imports something else that is missing
        spec = None
    except ValueError as error:  # find_spec's answer to "" and to modules without a spec
        raise ScriptError(f"-m {name}: {error}") from None
    if spec is None and package:
        raise ScriptError(f"-m {package}: a package without a __main__ module cannot be run")
    if spec is None:
        hint = name.removesuffix(".py")
        advice = f"; did you mean -m {hint}, or the file {name}?" if hint != name else ""
        raise ScriptError(f"-m {name}: there is no module of that name{advice}")
    return spec


def _dress(main: ModuleType, spec: ModuleSpec) -> CodeType:
    loader: Any = spec.loader
    code = loader.get_code(spec.name) if hasattr(loader, "get_code") else None
    if code is None:
        raise ScriptError(f"-m {spec.name}: the module has no Python code to run")
    main.__spec__, main.__loader__, main.__package__ = spec, loader, spec.parent
    main.__file__ = spec.origin
    main.__dict__["__cached__"] = spec.cached
    sys.argv[0] = spec.origin or spec.name
    return code  # type: ignore[no-any-return]
