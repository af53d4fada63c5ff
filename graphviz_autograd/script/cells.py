"""Notebooks: the code cells in order, with magics as IPython understands them.

IPython turns a cell into Python; the cell is then run here, so that its traceback names
the cell and nothing swallows a stop. The shell that magics find keeps no history and
leaves no file behind.
"""

from __future__ import annotations

import ast
import asyncio
import atexit
import contextlib
import inspect
import linecache
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import Any

from graphviz_autograd.errors import MissingExtraError, ScriptError
from graphviz_autograd.script.program import read


@dataclass(frozen=True)
class Notebook:
    """The sources of a notebook's code cells."""

    name: str
    cells: tuple[str, ...]

    def run(self, main: ModuleType, stopping: Callable[[], bool]) -> None:
        """Run every cell in `main`. What a cell raises comes out, also through a magic.

        A magic may keep what stops the program to itself, so `stopping` is asked too.
        """
        with _shell(main) as shell:
            for number, source in enumerate(self.cells, start=1):
                title = f"{self.name}, cell {number}"
                shell.failure = None
                try:
                    _run_cell(shell, source, title, main)
                    if stopping():
                        return
                    if shell.failure is not None:  # a magic showed it to the shell
                        shell.failure.add_note(f"in {title}")
                        raise shell.failure
                finally:
                    shell.failure = None


def load(path: str) -> Notebook:
    """The code cells of a notebook.

    Raises ScriptError where there is no notebook to read or it is not in Python,
    MissingExtraError where the packages for notebooks are not installed.
    """
    content = read(path)
    try:
        import IPython  # noqa: F401
        import nbformat
    except ImportError as error:
        raise MissingExtraError(
            f"notebooks need {error.name}: pip install 'graphviz-autograd[notebook]'"
        ) from None
    try:
        with warnings.catch_warnings(action="ignore"):  # what it would mend on saving
            book = nbformat.reads(content.decode("utf-8"), as_version=4)  # type: ignore[no-untyped-call]
        language = book.metadata.get("kernelspec", {}).get("language", "python")
        cells = tuple(cell.source for cell in book.cells if cell.cell_type == "code")
    except Exception as error:  # nbformat lets out what its parts raise
        text = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ScriptError(f"{path!r} is no Jupyter notebook: {text[:120]}") from None
    if language != "python":
        raise ScriptError(f"{path!r} is a notebook in {language}, not in Python")
    return Notebook(os.path.basename(path), cells)


def _run_cell(shell: Any, source: str, title: str, main: ModuleType) -> None:
    text = shell.transform_cell(source)
    linecache.cache[title] = (len(text), None, text.splitlines(keepends=True), title)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(text, title, "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    _evaluate(shell, compile(tree, title, "exec", flags, dont_inherit=True), main)
    if last is not None:  # what a cell ends with is what `_` and `Out` hold in the next
        shown = compile(ast.Expression(last.value), title, "eval", flags, dont_inherit=True)
        value = _evaluate(shell, shown, main)
        if value is not None:
            shell.displayhook.update_user_ns(value)


def _evaluate(shell: Any, code: CodeType, main: ModuleType) -> Any:
    result = eval(code, main.__dict__)
    # A cell that awaits something is a coroutine.
    return shell.loop_runner(result) if code.co_flags & inspect.CO_COROUTINE else result


@contextlib.contextmanager
def _shell(main: ModuleType) -> Iterator[Any]:
    """An IPython shell over `main`, gone without a trace when the context ends."""
    shell: Any
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        """Keeps the exception that a magic would only show."""

        failure: BaseException | None = None

        def showtraceback(self, *_: Any, **__: Any) -> None:
            self.failure = sys.exc_info()[1]

        def showsyntaxerror(self, *_: Any, **__: Any) -> None:
            self.failure = sys.exc_info()[1]

    config = Config()
    config.HistoryManager.enabled = False
    outside = InteractiveShell._instance
    with tempfile.TemporaryDirectory() as folder, _environment_kept():
        InteractiveShell.clear_instance()
        shell = Shell.instance(
            config=config, ipython_dir=folder, user_module=main, user_ns=main.__dict__
        )
        try:
            # One loop for all cells, closed at the end; IPython would leave its own open.
            with shell.builtin_trap, asyncio.Runner() as runner:
                shell.loop_runner = runner.run
                yield shell
        finally:
            atexit.unregister(shell.atexit_operations)  # it would empty the namespace
            shell.restore_sys_module_state()
            Shell.clear_instance()
            InteractiveShell._instance = outside


@contextlib.contextmanager
def _environment_kept() -> Iterator[None]:
    """The shell announces itself in sys.ps1 and the environment; both are put back."""
    environment = dict(os.environ)
    prompts = {name: getattr(sys, name) for name in ("ps1", "ps2", "ps3") if hasattr(sys, name)}
    try:
        yield
    finally:
        for name in set(os.environ) - set(environment):
            del os.environ[name]
        os.environ.update(environment)
        for name in ("ps1", "ps2", "ps3"):
            if name in prompts:
                setattr(sys, name, prompts[name])
            elif hasattr(sys, name):
                delattr(sys, name)
