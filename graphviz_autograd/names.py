"""Tensors and the names people gave them.

Two questions are answered here: which tensors does this structure of outputs hold, and
under which names (`named_outputs`), and what did the person call this tensor (`Names`).
Nothing is computed on a tensor; it is only looked at.

May import graph and errors of ours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, cast

import torch
from torch.utils import _pytree

from graphviz_autograd.errors import InputTypeError, NoGraphError

MemoryKey: TypeAlias = tuple[Hashable, ...]

READ = ("grad_fn", "output_nr", "requires_grad", "_base")


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor with a place in a graph: torch's, or the engine's."""
    return is_tensor_type(type(value)) or isinstance(value, torch.Tensor)


def is_tensor_type(kind: type) -> bool:
    """The same, for those who must not ask the value itself: a proxy may answer.

    What is no torch tensor has to offer all that the walk reads of one.
    """
    return issubclass(kind, torch.Tensor) or all(hasattr(kind, name) for name in READ)


def plain(tensor: Any) -> torch.Tensor:
    """The torch tensor that holds the numbers, also of an engine Tensor."""
    return tensor if isinstance(tensor, torch.Tensor) else cast(torch.Tensor, tensor.data)


def memory_key(tensor: torch.Tensor) -> MemoryKey | None:
    """What tells one piece of tensor memory from another, or None where there is none to tell.

    Two tensor objects with the same key are the same numbers in the same order. Sparse,
    mkldnn and functorch tensors have no storage that could be asked, and symbolic sizes
    cannot be compared.
    """
    tensor = plain(tensor)
    try:
        key = (
            tensor.untyped_storage()._cdata,
            tensor.storage_offset(),
            tuple(tensor.shape),
            tensor.stride(),
            tensor.dtype,
            tensor.is_conj(),  # conjugated and negated when read, not in memory
            tensor.is_neg(),
        )
        hash(key)
    except (RuntimeError, NotImplementedError, TypeError):
        return None
    return key


def made_by(tensor: torch.Tensor) -> Any:
    """The autograd node that made a tensor, None for a leaf.

    Raises NoGraphError where torch will not tell: a view that a later change in place of
    its base has cut off.
    """
    try:
        return tensor.grad_fn
    except RuntimeError as error:
        said = str(error).partition(". ")[0]
        raise NoGraphError(f"torch cannot tell how this tensor came about: {said}") from None


# ---- the outputs a person passes in


def named_outputs(outputs: Any) -> list[tuple[str, torch.Tensor]]:
    """Every tensor in `outputs`, in order, with the name its place gives it ("" for none).

    Goes into lists, tuples, named tuples, dicts and other mappings, dataclasses and
    whatever is registered with torch's pytree, to any depth. Keys and field names become
    names; a mere position does not.

    >>> x = torch.ones(2)
    >>> [name for name, _ in named_outputs({"loss": x, "hidden": (x, [x]), "step": 3})]
    ['loss', 'hidden[0]', 'hidden[1][0]']

    Raises InputTypeError when there is no tensor in it.
    """
    found: list[tuple[str, torch.Tensor]] = []
    stack: list[tuple[str, bool, Any]] = [("", False, outputs)]
    entered: dict[int, Any] = {}  # held, so that no id is used again meanwhile
    while stack:
        path, named, value = stack.pop()
        if is_tensor(value):
            found.append((path if named else "", value))
            continue
        if id(value) in entered:
            continue
        children = list(_children(value))
        if children:
            entered[id(value)] = value
        for key, place, child in reversed(children):
            stack.append((*_extend(path, named, key, place), child))
    if not found:
        raise InputTypeError(_no_tensor(outputs))
    return found


def _children(value: Any) -> Iterator[tuple[Any, str, Any]]:
    """The parts of a container: the key, an int for a position, else a name; how Python gets the
    part; and the part.
    """
    if isinstance(value, Mapping):
        yield from ((str(key), f"[{key_text(key)}]", child) for key, child in value.items())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield field.name, f".{field.name}", getattr(value, field.name, None)
    elif isinstance(value, tuple) and len(_fields(value)) == len(value):
        yield from ((f, f".{f}", child) for f, child in zip(_fields(value), value, strict=True))
    elif isinstance(value, list | tuple):
        yield from ((number, f"[{number}]", child) for number, child in enumerate(value))
    elif type(value) in _pytree.SUPPORTED_NODES:
        parts = _pytree.SUPPORTED_NODES[type(value)].flatten_fn(value)[0]
        yield from ((number, f"[{number}]", child) for number, child in enumerate(parts))


def key_text(key: object) -> str:
    """A mapping's key as a person writes it."""
    return f'"{key}"' if isinstance(key, str) and '"' not in key else repr(key)


def _fields(value: tuple[Any, ...]) -> tuple[str, ...]:
    """The field names of a named tuple, or of what torch.max and the like return."""
    return getattr(type(value), "__match_args__", ())


def _extend(path: str, named: bool, key: Any, place: str) -> tuple[str, bool]:
    if path or isinstance(key, int):
        return f"{path}{place}", named or not isinstance(key, int)
    return key, True


def _no_tensor(outputs: Any) -> str:
    what = f"the {type(outputs).__name__} {_short(outputs)}"
    if outputs is None:
        what = "None"
    advice = "pass the tensor (or a structure of tensors) whose graph you want to see"
    if isinstance(outputs, int | float | complex):
        advice = "a Python number has no graph; pass the tensor it came from, before .item()"
    elif hasattr(outputs, "next_functions"):
        what = f"a grad_fn, {type(outputs).__name__}"
        advice = "pass the tensor whose grad_fn it is"
    elif isinstance(outputs, torch.nn.Module):
        what = f"a module, {type(outputs).__name__}"
        advice = "a module has no graph before it is called; pass what model(input) returns"
    elif isinstance(outputs, list | tuple | Mapping) or dataclasses.is_dataclass(outputs):
        what = f"a {type(outputs).__name__} with no tensor in it"
    return f"expected a tensor, got {what}: {advice}"


def _short(value: Any, limit: int = 60) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


# ---- the names a person passes in


class Names:
    """What a person called each tensor.

    `params` is a dict, pairs of (name, tensor), an iterator of such pairs, a module
    (its parameters and buffers) or a `state_dict`. A tensor that requires grad is known
    by identity, an intermediate one also by its place in the graph, one that does not
    (a `state_dict` holds such) by its memory. A tensor with two names keeps both.

    Raises InputTypeError for a value that is no tensor, naming the key.

    >>> w = torch.ones(2, requires_grad=True)
    >>> Names([("w", w), ("tied", w)]).of(w)
    ('w', 'tied')
    """

    def __init__(self, params: Any = None) -> None:
        self._by_identity: dict[int, tuple[str, ...]] = {}
        self._by_place: dict[tuple[Any, int], tuple[str, ...]] = {}
        self._by_memory: dict[MemoryKey, tuple[str, ...]] = {}
        self._held: list[torch.Tensor] = []  # identities stay true while we know them
        for name, tensor in _pairs(params):
            self._held.append(tensor)
            _note(self._by_identity, id(tensor), name)
            if not tensor.requires_grad:
                key = memory_key(tensor)
                if key is not None:
                    _note(self._by_memory, key, name)
                continue
            try:
                fn = tensor.grad_fn
            except RuntimeError:  # a view that torch has cut off: see made_by
                continue
            if fn is not None:
                _note(self._by_place, (fn, tensor.output_nr), name)

    def of(self, tensor: torch.Tensor) -> tuple[str, ...]:
        """The names of a tensor, in the order they were given; () for none."""
        names = self._by_identity.get(id(tensor), ())
        if self._by_memory:
            key = memory_key(tensor)
            more = self._by_memory.get(key, ()) if key is not None else ()
            names += tuple(name for name in more if name not in names)
        return names

    def places(self) -> Iterable[tuple[Any, int, tuple[str, ...]]]:
        """(autograd node, number of its output, names) of every named intermediate tensor."""
        for (fn, number), names in self._by_place.items():
            yield fn, number, names


def _note(table: dict[Any, tuple[str, ...]], key: Any, name: str) -> None:
    names = table.get(key)
    if names is None:
        table[key] = (name,)
    elif name not in names:
        table[key] = (*names, name)


def _pairs(params: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """(name, tensor) from any of the forms that `Names` takes."""
    if params is None:
        return
    if isinstance(params, torch.nn.Module):
        yield from params.named_parameters(remove_duplicate=False)
        yield from params.named_buffers(remove_duplicate=False)
        return
    forms = "a dict of tensors by name, (name, tensor) pairs, a module or a state_dict"
    if isinstance(params, str | bytes | torch.Tensor) or not isinstance(params, Iterable):
        raise InputTypeError(f"params should be {forms}, not of type {type(params).__name__}")
    for item in params.items() if isinstance(params, Mapping) else params:
        if not isinstance(item, tuple | list) or len(item) != 2:
            hint = "; did you mean model.named_parameters()?" if is_tensor(item) else ""
            raise InputTypeError(
                f"params should be {forms}; it holds {_short(item)}, "
                f"which is no (name, tensor) pair{hint}"
            )
        name, tensor = item
        name = name if isinstance(name, str) else str(name)
        if name.endswith("_extra_state") and name.rpartition(".")[2] == "_extra_state":
            continue  # a state_dict may hold such
        if not is_tensor(tensor):
            raise InputTypeError(
                f"params[{name!r}] is of type {type(tensor).__name__}, not a tensor: "
                f"{_short(tensor)}"
            )
        yield name, tensor
