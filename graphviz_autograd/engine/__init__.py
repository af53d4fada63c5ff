"""A small define-by-run autograd that can stand in for torch in the lessons.

    from graphviz_autograd import engine as torch

gives a reader who types an autograd lesson the same numbers: tensors are made by torch's
own functions, computed with by torch's own kernels, and differentiated here, by rules that
can be read (engine/rules). What torch has and the engine does not replace (dtypes, device,
cuda, the modules of nn) is torch's.

    tensors    Tensor, and reverse mode in a page
    node       what an operation leaves behind
    table      the rules, and how to write one
    rules/     the rules themselves, by kind
    doors      from an operator to its rule
    operators  which operator each method of Tensor is
    stand_in   any other torch function, taken apart into operators by torch
    in_place   operators that change their first argument
    views      what such a change means for views of it
    backward   going back through the graph
    modes      no_grad and the like
    function   autograd.Function
    functional jacobian, hessian and their products with vectors
    checkpoint compute again in backward instead of keeping
    training   torch's modules and optimizers in a training loop
    modules    a module whose parameters engine Tensors replace
    attributes what a node shows of itself
"""

from __future__ import annotations

import functools
import types
from typing import Any

import torch as _torch

from graphviz_autograd.engine import autograd
from graphviz_autograd.engine import rules as _rules  # noqa: F401 - fills the table
from graphviz_autograd.engine.checkpoint import checkpoint as _checkpoint
from graphviz_autograd.engine.doors import wrapped as _wrapped
from graphviz_autograd.engine.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from graphviz_autograd.engine.modules import functional_call, parameters, wrap
from graphviz_autograd.engine.operators import OPERATORS as _OPERATORS
from graphviz_autograd.engine.table import RULES, rule
from graphviz_autograd.engine.tensors import Tensor
from graphviz_autograd.engine.training import Module as _Module
from graphviz_autograd.engine.training import Parameter as _Parameter
from graphviz_autograd.engine.training import optimizer as _optimizer

__all__ = [
    "RULES",
    "Tensor",
    "as_tensor",
    "autograd",
    "enable_grad",
    "fft",
    "functional_call",
    "inference_mode",
    "is_grad_enabled",
    "is_tensor",
    "linalg",
    "nn",
    "no_grad",
    "optim",
    "parameters",
    "rule",
    "set_grad_enabled",
    "special",
    "tensor",
    "utils",
    "wrap",
]


class _Namespace:
    """A module of torch's, whose functions give the engine's Tensors."""

    def __init__(self, module: Any, **ours: Any) -> None:
        self._module = module
        vars(self).update(ours)

    def __getattr__(self, name: str) -> Any:
        value = _ours(getattr(self._module, name))
        setattr(self, name, value)
        return value


class _Optimizers(_Namespace):
    """torch.optim, whose optimizers take the engine's Tensors too."""

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        if isinstance(value, type) and issubclass(value, _torch.optim.Optimizer):
            value = _optimizer(value)
            setattr(self, name, value)
        return value


fft = _Namespace(_torch.fft)
linalg = _Namespace(_torch.linalg)
nn = _Namespace(
    _torch.nn,
    Module=_Module,
    Parameter=_Parameter,
    parameter=_Namespace(_torch.nn.parameter, Parameter=_Parameter),
)
optim = _Optimizers(_torch.optim, Optimizer=_torch.optim.Optimizer)
special = _Namespace(_torch.special)
utils = _Namespace(_torch.utils, checkpoint=types.SimpleNamespace(checkpoint=_checkpoint))


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor, the engine's or torch's."""
    return isinstance(value, Tensor | _torch.Tensor)


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A leaf with these numbers.

    Raises TypeError for numbers that are tensors with a gradient: it would be lost.
    """
    numbers = _numbers(data)
    if isinstance(numbers, _torch.Tensor):
        return _leaf(numbers.clone().to(device=device, dtype=dtype), requires_grad)
    return _leaf(_torch.tensor(numbers, dtype=dtype, device=device), requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """A Tensor of these numbers, sharing memory where torch would."""
    if isinstance(data, Tensor):
        same = (dtype or data.dtype, device or data.device) == (data.dtype, data.device)
        return data if same else data.to(dtype=dtype, device=device)
    return Tensor(_torch.as_tensor(_numbers(data), dtype=dtype, device=device))


def _numbers(data: Any) -> Any:
    if isinstance(data, list | tuple):
        for part in data:
            if isinstance(part, Tensor) and part.requires_grad:
                raise TypeError(
                    "a tensor made of numbers has no gradient, but one of the numbers is a tensor "
                    "that requires grad: use stack, or detach it"
                )
        return [_numbers(part) for part in data]
    return data.data if isinstance(data, Tensor) else data


def _leaf(data: Any, requires_grad: bool) -> Tensor:
    if requires_grad and not (data.is_floating_point() or data.is_complex()):
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    return Tensor(data, requires_grad)


def __getattr__(name: str) -> Any:
    """Torch's own, where the engine has none; functions give the engine's Tensors."""
    value = _ours(getattr(_torch, name))
    globals()[name] = value
    return value


def _ours(value: Any) -> Any:
    """A torch function, or a type like FloatTensor, whose results are the engine's Tensors."""
    makes_tensors = isinstance(
        value, types.FunctionType | types.BuiltinFunctionType | type(_torch.FloatTensor)
    )
    return _function(value) if makes_tensors else value


def _function(original: Any) -> Any:
    direct = _OPERATORS.get(getattr(original, "__name__", "")) and getattr(
        Tensor, original.__name__
    )

    @functools.wraps(original, updated=())
    def function(*args: Any, requires_grad: bool = False, **kwargs: Any) -> Any:
        if direct is not None and not kwargs and args and type(args[0]) is Tensor:
            return direct(*args)
        result = _wrapped(original(*args, **kwargs))
        if not requires_grad:
            return result
        return _leaf(result.data, True)

    return function
