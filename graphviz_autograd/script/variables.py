"""The names that tensors have in the frames above a backward call.

People name their tensors by assigning them. Nearer frames win over farther ones, the
person's own code over installed libraries, and in one frame a module's parameters win
over variables, these over attributes of `self`, and those over places in containers.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    Pairs = list[tuple[str, torch.Tensor]]

HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
ENGINE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "engine", "")
LIBRARIES = tuple(
    os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "purelib", "platlib")
)

MOST = 20_000
"""Things deep in a container that are looked at for tensors: a moment's worth."""

PLAIN = (str, bytes, int, float)


def frames_above(frame: FrameType | None) -> Iterator[FrameType]:
    """The program's frames from this one up: neither torch's, nor the engine's, nor ours."""
    engines = (_torch_folder(), ENGINE)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(HERE):
            if os.path.basename(name) != "catcher.py":
                return  # what runs the program
        elif not name.startswith(engines):
            yield frame
        frame = frame.f_back


def levels_above(frame: FrameType | None, main: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The variables above the call, level by level, the best known first.

    `main` is the namespace of `__main__`: a thread's frames do not lead to it.
    """
    frames = sorted(frames_above(frame), key=_is_library)  # stable: near before far
    local = (read_locals(frame) for frame in frames)
    spaces = {id(f.f_globals): f.f_globals for f in frames} | {id(main): main}
    return [*local, *spaces.values()]


def name_all(levels: Iterable[Mapping[str, Any]]) -> Pairs:
    """(name, tensor) for the tensors in each level that no level before it has named.

    Places in containers come last, or the `args[0]` of a function in between would win
    over the name of a variable.
    """
    spaces = [dict(variables) for variables in levels]
    sources = [source for space in spaces for source in _sources(space)]
    sources += [source for space in spaces for source in _places(space)]
    pairs: Pairs = []
    known: set[int] = set()
    for source in sources:
        fresh = [(name, tensor) for name, tensor in source if id(tensor) not in known]
        known.update(id(tensor) for _, tensor in fresh)
        pairs += fresh
    return pairs


def name_modules(levels: Iterable[Mapping[str, Any]]) -> list[tuple[str, torch.nn.Module]]:
    """(name, module) for every module that a variable holds; `self` is nobody's name for one."""
    spaces = [space for level in levels for space in (shown(level), _of_self(dict(level)))]
    return [(name, module) for space in spaces for name, module in modules(space) if name != "self"]


def place(frame: FrameType | None) -> str:
    """Where in the person's own files a call was made: " at train.py:12"."""
    own = [above for above in frames_above(frame) if not _is_library(above)]
    files = [above for above in own if not above.f_code.co_filename.startswith("<")]
    for above in [*files, *own]:  # what a notebook's magics run is in no file
        return f" at {os.path.basename(above.f_code.co_filename)}:{above.f_lineno}"
    return ""


def read_locals(frame: FrameType) -> dict[str, Any]:
    """A frame's variables, without leaving a copy of them behind in the frame.

    Before Python 3.13 reading the f_locals of a function makes a dict that the frame keeps,
    and with it every tensor it held at that time. One that the program holds as well (it
    called `locals()`) is its own, and so is the namespace of a module or a class body.
    """
    variables = frame.f_locals
    copy = dict(variables)
    is_copy = type(variables) is dict and frame.f_code.co_flags & inspect.CO_OPTIMIZED
    if is_copy and sys.getrefcount(variables) <= 3:  # the frame, this function, the question
        variables.clear()
    return copy


def _is_library(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return name.startswith((*LIBRARIES, "<frozen"))


def _torch_folder() -> str:
    import torch

    return os.path.join(os.path.dirname(os.path.abspath(torch.__file__)), "")


def _sources(variables: dict[str, Any]) -> Iterator[Pairs]:
    """What one level's variables lead to, the best names first."""
    spaces = (shown(variables), _of_self(variables))
    for space in spaces:
        for path, module in modules(space):
            yield parameters(path, module)
    for space in spaces:
        yield tensors(space)


def _places(variables: dict[str, Any]) -> Iterator[Pairs]:
    """The tensors in one level's lists, tuples and dicts."""
    for space in (shown(variables), _of_self(variables)):
        yield contained(space)


def shown(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Names that begin with an underscore are nobody's names for a tensor."""
    return {name: value for name, value in variables.items() if not name.startswith("_")}


def _of_self(variables: dict[str, Any]) -> dict[str, Any]:
    """The attributes of `self`, by the expressions that get them."""
    attributes = shown(_attributes(variables.get("self")))
    return {f"self.{name}": value for name, value in attributes.items()}


def tensors(variables: Mapping[str, Any]) -> Pairs:
    """The variables that are tensors."""
    from graphviz_autograd.names import is_tensor_type

    return [(name, value) for name, value in variables.items() if is_tensor_type(type(value))]


def contained(variables: Mapping[str, Any]) -> Pairs:
    """The tensors in lists, tuples, dicts and dataclasses, however deep, those nearer to their
    variable first: `params[0]`.
    """
    depths = [_within(name, container) for name, container in variables.items()]
    return [
        pair for level in zip_longest(*depths, fillvalue=()) for found in level for pair in found
    ]


def _within(name: str, container: Any) -> Iterator[Pairs]:
    """The tensors at each depth of a container. Below the first only MOST things are looked at."""
    from graphviz_autograd.names import is_tensor_type

    known: dict[int, Any] = {}  # held, so that no id is used again meanwhile
    level, left = [(name, container)], MOST
    while level:
        inside: list[tuple[str, Any]] = []
        for place, value in level:
            if id(value) not in known:
                known[id(value)] = value
                inside += [part for part in _items(place, value) if not _is(part[1], *PLAIN)]
        yield [(place, value) for place, value in inside if is_tensor_type(type(value))]
        level = inside[:left]
        left -= len(level)


def parameters(name: str, module: torch.nn.Module) -> Pairs:
    """A module's parameters and buffers: `model.fc1.weight`."""
    import torch

    kinds = (torch.nn.Module.named_parameters, torch.nn.Module.named_buffers)
    try:
        found = [pair for kind in kinds for pair in kind(module, remove_duplicate=False)]
    except Exception:  # a half-made or unusual module: a name is a courtesy, never an error
        return []
    return [(f"{name}.{path}", tensor) for path, tensor in found]


def modules(variables: Mapping[str, Any]) -> list[tuple[str, torch.nn.Module]]:
    """The variables that are modules, or hold modules one level down."""
    return [found for name, value in variables.items() for found in _modules(name, value)]


def _modules(name: str, value: Any) -> list[tuple[str, torch.nn.Module]]:
    import torch

    candidates = [(name, value), *_items(name, value)]
    return [(path, item) for path, item in candidates if _is(item, torch.nn.Module)]


def _items(name: str, container: Any) -> list[tuple[str, Any]]:
    """What is in a plain container or a dataclass, by the expression that gets it.

    The base classes' own methods are called, so a subclass's code does not run.
    """
    if _is(container, dict):
        from graphviz_autograd.names import key_text

        return [
            (f"{name}[{key_text(key)}]", value)
            for key, value in list(dict.items(container))
            if isinstance(key, str | int)
        ]
    if _is(container, tuple):
        fields = getattr(type(container), "_fields", None)
        if fields is not None:
            return [(f"{name}.{f}", v) for f, v in zip(fields, container, strict=False)]
        return [(f"{name}[{i}]", value) for i, value in enumerate(tuple.__iter__(container))]
    if _is(container, list):
        return [(f"{name}[{i}]", value) for i, value in enumerate(list.__iter__(container))]
    if dataclasses.is_dataclass(type(container)):
        held = _attributes(container)
        fields = type(container).__dataclass_fields__
        return [(f"{name}.{field}", held[field]) for field in fields if field in held]
    return []


def _is(value: Any, *kinds: type) -> bool:
    """As isinstance, but never asks the value itself, which may be a proxy that answers."""
    return issubclass(type(value), kinds)


def _attributes(thing: Any) -> dict[str, Any]:
    try:
        attributes = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return {}
    return attributes if isinstance(attributes, dict) else {}
