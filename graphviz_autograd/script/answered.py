"""A program whose own `import torch` is answered by the engine.

An import statement calls the `__import__` among the builtins of the code it stands in. The
program is given builtins of its own, so the imports written in it are answered by the
engine, while the libraries it uses, and the modules beside it, still get torch.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any


class Builtins(dict[str, Any]):
    """Builtins with changes; what is added to the real ones later (`display`) is found too."""

    def __missing__(self, name: str) -> Any:
        return vars(builtins)[name]


def by_engine() -> Builtins:
    """Builtins whose `__import__` answers `torch`, and what is in it, with the engine."""
    return Builtins({**vars(builtins), "__import__": _import})


def _import(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    try:
        module = builtins.__import__(name, globals, locals, fromlist or (), level)
    except BaseException as error:  # its traceback is to end where the program's own would
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        raise
    first, *inner = name.split(".")
    return module if level or first != "torch" else _ours(module, inner, fromlist or ())


def _ours(module: ModuleType, inner: Sequence[str], fromlist: Sequence[str]) -> Any:
    """What the engine has in place of torch, or of the `module` of torch's that is asked for.

    `import torch.nn` binds torch; `from torch.autograd import grad` asks torch.autograd.
    """
    from graphviz_autograd import engine

    ours: Any = engine
    try:
        for part in inner if fromlist else ():
            ours = getattr(ours, part)
    except AttributeError:  # nothing of the engine's is in there
        return module
    return _everything(module, ours) if "*" in fromlist and ours is not module else ours


def _everything(module: ModuleType, ours: Any) -> SimpleNamespace:
    """The names that `from torch import *` brings, as the engine has them."""
    names = getattr(module, "__all__", dir(module))
    found = {name: getattr(ours, name) for name in names if hasattr(ours, name)}
    return SimpleNamespace(__all__=list(found), **found)
