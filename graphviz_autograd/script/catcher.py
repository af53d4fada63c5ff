"""Stands in front of backward calls: counts them, and walks the graph of the N-th.

`torch.autograd.backward` (which `Tensor.backward` calls) and `torch.autograd.grad` are
replaced while the program runs, and the engine's with them. A call made inside a backward
call, or inside a helper such as `torch.autograd.functional.hessian`, belongs to the call that
the program made. The graph is walked before the call runs; then the program is stopped, if it
should be. From the import of torch on it is recorded which modules and lines make the graph.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from graphviz_autograd.errors import GraphvizAutogradError, NoGraphError
from graphviz_autograd.script import variables
from graphviz_autograd.script.wanted import Roots

if TYPE_CHECKING:
    from graphviz_autograd.graph import Graph
    from graphviz_autograd.recorder import Recording

ENGINE = "graphviz_autograd.engine"
HELPERS = ("vjp", "jvp", "jacobian", "hessian", "vhp", "hvp")

# Parts of torch that call backward because the program asked for gradients. Others do so
# for reasons of their own: a divergence computed with gradients, a graph being compiled.
ASKED_FOR = (
    "_tensor.py",
    "autograd/",
    "overrides.py",
    "utils/_device.py",
    "_functorch/apis.py",
    "_functorch/eager_transforms.py",
    "_functorch/vmap.py",
    "distributed/pipelining/",
    "utils/_contextlib.py",
    "_compile.py",
)


@dataclass(frozen=True)
class Request:
    """What to catch, what to read of it, and whether to go on afterwards."""

    roots: tuple[str, ...] = ()
    backward: int = 1
    keep_going: bool = False
    shapes: bool = True
    attrs: bool = True
    saved: bool = True
    inputs: bool = False


class Examiner(Protocol):
    """Someone who looks on while the program runs, and walks its graph in our place.

    start  is called when torch is there, before the program has done anything with it
    walk   is called with what `walker.walk` takes, while the graph is whole
    stop   is called when the program is over, before a graph that it left behind is walked
    """

    def start(self) -> None: ...
    def walk(self, outputs: Any, params: variables.Pairs, **reading: Any) -> Graph: ...
    def stop(self) -> None: ...


def stop() -> SystemExit:
    """What ends a program whose graph is caught: as if it had called sys.exit().

    A plain SystemExit, for a thread ends silently on nothing else, and `except Exception`
    lets it by.
    """
    return SystemExit(0)


class Catcher:
    """Catches one graph. `graph` is None until it did; `calls` counts backward calls."""

    def __init__(
        self, request: Request, main: Mapping[str, Any], examiner: Examiner | None = None
    ) -> None:
        self.request = request
        self.examiner = examiner
        self.main = main
        self.roots = Roots(request.roots)
        self.graph: Graph | None = None
        self.where = ""
        self.calls = 0
        self.refused: GraphvizAutogradError | None = None
        self.on_catch: Callable[[], None] = lambda: None
        self._over = False
        self._recording: Recording | None = None
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._thread = threading.local()
        self._undo: list[tuple[Any, str, Any, Any]] = []

    @property
    def stopping(self) -> bool:
        """Whether the program should end now."""
        return self.graph is not None and not self.request.keep_going

    # ---- standing in the way

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Catches while the context lasts. Does not import torch before the program does."""
        wanted = {"torch": self._replace, ENGINE: self._replace_engine}
        hooks = [_AfterImport(module, then) for module, then in wanted.items()]
        for hook in hooks:
            if hook.module in sys.modules:
                hook.then()
            else:
                sys.meta_path.insert(0, hook)
        try:
            yield
        finally:
            self._over = True
            if self._recording is not None:
                if self.examiner is not None:
                    self.examiner.stop()
                self._recording.__exit__(*sys.exc_info())
            sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in hooks]
            for owner, name, original, ours in reversed(self._undo):
                if getattr(owner, name) is ours:
                    setattr(owner, name, original)

    def _replace(self) -> None:
        import torch

        from graphviz_autograd.recorder import record

        autograd = torch.autograd
        self._put(autograd, "backward", functools.partial(self._call, "tensors"))
        self._put(autograd, "grad", functools.partial(self._call, "outputs"))
        for name in HELPERS:
            self._put(autograd.functional, name, self._helper)
        for name in ("gradcheck", "gradgradcheck"):
            self._put(autograd, name, self._helper)
        self._recording = record()
        self._recording.__enter__()
        if self.examiner is not None:
            self.examiner.start()

    def _replace_engine(self) -> None:
        from graphviz_autograd.engine import autograd, backward, functional

        if self._recording is not None:
            self._recording.watch_engine()
        # `Tensor.backward` looks its function up where that is defined
        for module in (backward, autograd):
            self._put(module, "backward", functools.partial(self._call, "tensors"))
        for module in (autograd, functional):
            self._put(module, "grad", functools.partial(self._call, "outputs"))
        for name in HELPERS:
            self._put(functional, name, self._helper)

    def _put(self, owner: Any, name: str, stand_in: Callable[..., Any]) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return stand_in(original, args, kwargs)
            except BaseException as error:
                error.__traceback__ = _without_ours(error.__traceback__)
                raise

        wrapper._torchdynamo_disable = True  # type: ignore[attr-defined]
        setattr(owner, name, wrapper)
        self._undo.append((owner, name, original, wrapper))

    def _helper(self, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """A function that makes several backward calls, which are to count as one."""
        if self._state != "out":
            return original(*args, **kwargs)
        self._state = "helper"
        try:
            return original(*args, **kwargs)
        finally:
            self._state = "out"

    def _call(self, first: str, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        state = self._state
        if state == "counted" or self._over or not self._is_the_programs(sys._getframe(1)):
            return original(*args, **kwargs)
        self._state = "counted"
        try:
            if args or first in kwargs:  # else torch says what is missing
                self._arrived(args[0] if args else kwargs[first], sys._getframe(1))
            return original(*args, **kwargs)
        finally:
            self._state = "out" if state == "out" else "counted"

    @property
    def _state(self) -> str:
        """Where this thread is: "out", in a "helper", or in a call that is "counted"."""
        return getattr(self._thread, "state", "out")

    @_state.setter
    def _state(self, state: str) -> None:
        self._thread.state = state

    def _is_the_programs(self, frame: FrameType | None) -> bool:
        """Whether the program asked for this call: not torch for itself, nor a forked child."""
        import torch

        if os.getpid() != self._process or torch._C._current_graph_task_id() != -1:
            return False
        folder = os.path.join(os.path.dirname(os.path.abspath(torch.__file__)), "")
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(folder):
                inner = name.removeprefix(folder).replace(os.sep, "/")
                if not inner.startswith(ASKED_FOR):
                    return False
            elif name not in (__file__, contextlib.__file__, functools.__file__):
                return True
            frame = frame.f_back
        return True

    # ---- catching

    def _arrived(self, given: Any, frame: FrameType) -> None:
        """A backward call that counts: catch its graph if it is the one, and stop."""
        with self._lock:
            if self.stopping:
                raise stop()  # the program let the first one by
            if self.graph is not None:
                return
            self.calls += 1
            if self.calls < self.request.backward:
                return
            outputs = given if not self.roots else self.roots.find([*self._spaces(frame)])
            if outputs is None:
                return
            try:
                self.graph = self.walk(outputs, variables.levels_above(frame, self.main))
            except GraphvizAutogradError as error:
                self.refused = error  # torch has its own word on such a call
                return
            except Exception as error:  # our own fault must not become the program's
                self.refused = NoGraphError(f"the graph could not be read: {error!r:.200}")
                return
            self.where = f"backward{variables.place(frame)}"
            if self.stopping:
                self.on_catch()
                raise stop()

    def _spaces(self, frame: FrameType) -> Iterator[Mapping[str, Any]]:
        """The namespaces in which a root may be found, nearest first."""
        for above in variables.frames_above(frame):
            yield {**above.f_globals, **variables.read_locals(above)}
        yield self.main

    def walk(self, outputs: Any, levels: list[Mapping[str, Any]]) -> Graph:
        """The graph behind `outputs`, with as much read as the request says, and with the names
        that these levels of variables give.
        """
        from graphviz_autograd.walker import walk

        if self._recording is not None:
            self._recording.name_modules(variables.name_modules(levels))
        read = self.request
        walker = walk if self.examiner is None else self.examiner.walk
        return walker(
            outputs,
            variables.name_all(levels),
            record=self._recording,
            shapes=read.shapes,
            attrs=read.attrs,
            saved=read.saved,
            inputs=read.inputs,
        )


def _without_ours(traceback: Any) -> Any:
    """A traceback from the first frame that is not of this file, or at its end."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    return traceback


class _AfterImport(MetaPathFinder):
    """Calls `then` once, right after the module is imported."""

    def __init__(self, module: str, then: Callable[[], None]) -> None:
        self.module, self.then = module, then

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname != self.module:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _LoaderThen(spec.loader, self)
                return spec
        return None


class _LoaderThen(Loader):
    """A loader that steps aside before it lets the real one work."""

    def __init__(self, real: Any, hook: _AfterImport) -> None:
        self.real, self.hook = real, hook

    def create_module(self, spec: Any) -> Any:
        return self.real.create_module(spec)

    def exec_module(self, module: Any) -> None:
        module.__spec__.loader = module.__loader__ = self.real
        self.real.exec_module(module)
        if self.hook in sys.meta_path:
            sys.meta_path.remove(self.hook)
        self.hook.then()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)  # for those who only ask for the spec
