"""The path of a module: under which name it stands in the model, or in what was called.

Used by the recorder, imports nothing of ours.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch


def unwrapped(module: torch.nn.Module) -> torch.nn.Module:
    """The module itself, where `torch.compile(module)` wraps it."""
    if type(module).__name__ == "OptimizedModule":
        inner: torch.nn.Module = getattr(module, "_orig_mod", module)
        return inner
    return module


class ModuleNames:
    """Finds the path of a module when it is called.

    A model's modules have the names it gives them, the model itself "". What else is called
    at the outermost level bears the name of its class, and its modules are named below it.

    >>> model = torch.nn.Sequential(torch.nn.Tanh())
    >>> ModuleNames(model).path(model[0], "", model), ModuleNames().path(model, "", None)
    ('0', 'Sequential')
    """

    def __init__(self, model: torch.nn.Module | None = None) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], tuple[str, ...]]] = {}
        self._outermost: dict[str, int] = {}
        self._classes: set[str] = set()  # paths that are the name of a class
        if model is not None:
            self._add(unwrapped(model), "")

    def path(
        self, module: torch.nn.Module, caller_path: str, caller: torch.nn.Module | None
    ) -> str:
        """The path of a module that is called inside `caller`, None for at the outermost level.

        Of several paths it is the one below the caller's.
        """
        paths = self._paths(module)
        if not paths:
            self._learn(module, caller_path, caller)
            paths = self._paths(module)
        if len(paths) > 1:
            below = f"{caller_path}." if caller_path else ""
            return next((path for path in paths if path.startswith(below)), paths[0])
        return paths[0]

    def outermost(self, module: torch.nn.Module) -> str | None:
        """The path of a module that was named by its class; None for others."""
        paths = self._paths(unwrapped(module))
        return paths[0] if paths and paths[0] in self._classes else None

    def _paths(self, module: torch.nn.Module) -> tuple[str, ...]:
        key = _identity(module)
        reference, paths = self._known.get(id(key), (None, ()))
        return paths if reference is not None and reference() is key else ()

    def _learn(
        self, module: torch.nn.Module, caller_path: str, caller: torch.nn.Module | None
    ) -> None:
        """A module that is new: called for the first time, or made while recording."""
        kind = type(module).__name__
        if caller is None:
            count = self._outermost[kind] = self._outermost.get(kind, 0) + 1
            path = kind if count == 1 else f"{kind} ({count})"
            self._classes.add(path)
            self._add(module, path)
            return
        self._add(caller, caller_path)
        if not self._paths(module):  # part of nothing: made where it is called
            self._add(module, f"{caller_path}.{kind}" if caller_path else kind)

    def _add(self, module: torch.nn.Module, prefix: str) -> None:
        """Name the parts of a module; those that are known keep the names they have."""
        new: dict[int, tuple[weakref.ref[Any], tuple[str, ...]]] = {}
        for name, part in module.named_modules(prefix=prefix, remove_duplicate=False):
            if not self._paths(part):
                key = _identity(part)
                path = name.replace("._orig_mod", "").removeprefix("_orig_mod").removeprefix(".")
                reference, paths = new.get(id(key), (weakref.ref(key), ()))
                new[id(key)] = (reference, paths if path in paths else (*paths, path))
        self._known |= new


def _identity(module: torch.nn.Module) -> Any:
    """What is a module's own: shared with its replicas of `torch.nn.DataParallel`, and no more."""
    return unwrapped(module).__dict__.get("_forward_hooks", module)
