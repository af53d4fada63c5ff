"""Whether operations are recorded: no_grad, enable_grad, set_grad_enabled."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any

import torch

Hook = Callable[[Any], Any]


class _Mode(threading.local):
    recording = True
    hooks: tuple[Hook, Hook] | None = None  # of tensors saved for backward: pack, unpack


current = _Mode()
"""What holds in this thread."""


def is_grad_enabled() -> bool:
    """Whether operations on tensors that require grad are recorded, in this thread."""
    return current.recording


def _both() -> tuple[bool, bool]:
    return current.recording, torch.is_grad_enabled()


def _switch(ours: bool, torchs: bool) -> None:
    """Torch's own recording goes along: a module's parameters are torch's, and may be changed
    where nothing is recorded.
    """
    current.recording = ours
    torch._C._set_grad_enabled(torchs)


class set_grad_enabled:  # noqa: N801 - torch's name
    """Switches recording at once; as a context, back again at its end; also a decorator."""

    def __init__(self, mode: bool) -> None:
        self.previous = _both()
        self.mode = mode
        _switch(mode, mode)

    def __enter__(self) -> None:
        _switch(self.mode, self.mode)

    def __exit__(self, *_: object) -> None:
        _switch(*self.previous)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        _switch(*self.previous)

        if inspect.isgeneratorfunction(function):
            return _generator(function, self.mode)

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with set_grad_enabled(self.mode):
                return function(*args, **kwargs)

        return wrapper


def _generator(function: Callable[..., Any], mode: bool) -> Callable[..., Any]:
    """A generator function whose own lines run in a mode, and its user's do not."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        step: Callable[[], Any] = functools.partial(next, generator)
        while True:
            try:
                with set_grad_enabled(mode):
                    item = step()
            except StopIteration as end:
                return end.value
            try:
                step = functools.partial(generator.send, (yield item))
            except GeneratorExit:
                with set_grad_enabled(mode):
                    generator.close()
                raise
            except BaseException as error:
                step = functools.partial(generator.throw, error)

    return wrapper


class no_grad(set_grad_enabled):  # noqa: N801
    """A context, or decorator, in which nothing is recorded."""

    def __new__(cls, function: Any = None, **_options: Any) -> Any:
        """As a decorator it needs no brackets."""
        return cls()(function) if callable(function) else super().__new__(cls)

    def __init__(self) -> None:
        self.mode = False
        self.previous = _both()

    def __enter__(self) -> None:
        self.previous = _both()
        _switch(self.mode, self.mode)


class enable_grad(no_grad):  # noqa: N801
    """A context, or decorator, in which operations are recorded again."""

    def __init__(self) -> None:
        super().__init__()
        self.mode = True


class inference_mode(no_grad):  # noqa: N801
    """The same as no_grad here."""

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.mode = not mode if mode else self.previous[0]


class saved_tensors_hooks:  # noqa: N801
    """A context in which every tensor that is saved for backward is packed, and unpacked later.

    pack    called with the plain tensor; what it returns is kept instead
    unpack  called with that when backward needs the tensor, which it returns
    """

    def __init__(self, pack: Hook, unpack: Hook) -> None:
        self._hooks = (pack, unpack)
        self._before: list[tuple[Hook, Hook] | None] = []

    def __enter__(self) -> None:
        self._before.append(current.hooks)
        current.hooks = self._hooks

    def __exit__(self, *_: object) -> None:
        current.hooks = self._before.pop()
