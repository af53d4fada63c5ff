"""Whole modules on the engine: their parameters replaced, for a while, by engine Tensors.

A torch.nn.Module computes with its parameters, and those are torch's. Inside `wrap` each
parameter's place in the module is taken by an engine Tensor that shares its memory; then
the module is called as ever, and everything it does arrives at the rules. Afterwards the
module is as it was: its own parameters, their `.grad` untouched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from graphviz_autograd.engine.tensors import Tensor


def parameters(module: torch.nn.Module) -> dict[str, Tensor]:
    """An engine Tensor for each parameter of `module`, by its name, sharing its memory.

    A parameter that has several names (tied weights) has one Tensor under all of them.
    """
    made: dict[torch.nn.Parameter, Tensor] = {}
    named: dict[str, Tensor] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        if parameter not in made:
            made[parameter] = Tensor(parameter.detach(), parameter.requires_grad)
        named[name] = made[parameter]
    return named


@contextmanager
def wrap(
    module: torch.nn.Module, tensors: Mapping[str, Tensor] | None = None
) -> Iterator[dict[str, Tensor]]:
    """A context in which `module` computes on the engine; gives its parameters by name.

    tensors  what takes their places, by name: those of `parameters(module)`, or anything
             computed from them; names that are left out get fresh ones

    >>> linear = torch.nn.Linear(2, 1)
    >>> with wrap(linear) as tensors:
    ...     linear(torch.ones(3, 2)).sum().backward()
    >>> tensors["bias"].grad
    tensor([3.])

    Raises KeyError for a name that the module has no parameter by.
    """
    replaced = parameters(module)
    for name, tensor in (tensors or {}).items():
        if name not in replaced:
            raise KeyError(f"{type(module).__name__} has no parameter {name!r}")
        replaced[name] = tensor
    places = {name: _place(module, name) for name in replaced}
    before = {name: holder._parameters[last] for name, (holder, last) in places.items()}
    try:
        _put(places, replaced)
        yield replaced
    finally:
        _put(places, before)


def functional_call(
    module: torch.nn.Module,
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    tensors: Mapping[str, Tensor] | None = None,
) -> Any:
    """Call `module` on the engine: `module(*args, **kwargs)` inside `wrap`.

    args  its arguments, engine Tensors or plain ones, in a tuple; or just one

    >>> linear = torch.nn.Linear(2, 1)
    >>> tensors = parameters(linear)
    >>> functional_call(linear, torch.ones(3, 2), tensors=tensors).sum().backward()
    >>> tensors["weight"].grad
    tensor([[3., 3.]])
    """
    with wrap(module, tensors):
        return module(*(args if isinstance(args, tuple) else (args,)), **(kwargs or {}))


def _place(module: torch.nn.Module, name: str) -> tuple[torch.nn.Module, str]:
    path, _, last = name.rpartition(".")
    return module.get_submodule(path), last


def _put(places: Mapping[str, tuple[torch.nn.Module, str]], values: Mapping[str, Any]) -> None:
    for name, (holder, last) in places.items():
        holder._parameters[last] = values[name]
    for holder in {holder: None for holder, _ in places.values()}:
        if isinstance(holder, torch.nn.RNNBase):  # keeps a list of them of its own
            holder._flat_weights = [getattr(holder, name) for name in holder._flat_weights_names]
