"""torch.nn and torch.optim with the engine: a module's parameters are its leaves.

A torch.nn.Parameter that meets an engine Tensor is a leaf of the engine's graph, and backward
adds to the Parameter's own `.grad`. So a training loop reads as ever: the module is torch's,
the optimizer is torch's, and the gradients between them are the engine's.

    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(engine.ones(2, 3)).sum().backward()
    optimizer.step()

The other way round, an optimizer of `engine.optim` also takes engine Tensors.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch.utils.data._utils.collate import default_collate_fn_map

from graphviz_autograd.engine import node
from graphviz_autograd.engine.node import info
from graphviz_autograd.engine.tensors import Tensor


class AccumulateGrad(node.AccumulateGrad):
    """The end of the line for a torch Parameter: adds what arrives to its own `.grad`.

    Its hooks are called, as torch would; like torch's, a Parameter's `.grad` is torch's tensor.
    """

    __slots__ = ()

    def __init__(self, parameter: torch.nn.Parameter) -> None:
        node.Node.__init__(self, (), (info(parameter),))
        self.variable: Any = parameter

    def vjp(self, grads: list[Any], record: bool) -> list[Any]:  # noqa: ARG002
        parameter, grad = self.variable, grads[0]
        grad = grad._data if isinstance(grad, Tensor) else grad
        for hook in tuple((parameter._backward_hooks or {}).values()):
            other = hook(grad)
            grad = grad if other is None else other
        if parameter.grad is None:
            parameter.grad = grad.clone()
        else:
            parameter.grad.add_(grad)
        for hook in tuple((parameter._post_accumulate_grad_hooks or {}).values()):
            hook(parameter)
        return []


_ends: weakref.WeakValueDictionary[int, AccumulateGrad] = weakref.WeakValueDictionary()
"""By the id of a Parameter: its node keeps it alive, so it is no other's."""


def leaf_of(parameter: Any) -> Tensor:
    """An engine Tensor over the Parameter's memory, whose gradients go to the Parameter."""
    end = _ends.get(id(parameter))
    if end is None or end._infos[0] != info(parameter):
        end = _ends[id(parameter)] = AccumulateGrad(parameter)
    leaf = Tensor(parameter, requires_grad=True)
    leaf._accumulator = lambda: end
    return leaf


def is_leaf(value: Any) -> bool:
    """Whether this is a Parameter that torch would differentiate now."""
    return (
        isinstance(value, torch.Tensor)  # quick to tell
        and value.requires_grad
        and isinstance(value, torch.nn.Parameter)
        and torch.is_grad_enabled()
    )


# ---- what engine.nn has of its own


class _LikeTorchsModule(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return (
            isinstance(value, torch.nn.Module)
            if cls is Module
            else super().__instancecheck__(value)
        )

    def __subclasscheck__(cls, kind: Any) -> bool:
        return (
            issubclass(kind, torch.nn.Module) if cls is Module else super().__subclasscheck__(kind)
        )


class Module(torch.nn.Module, metaclass=_LikeTorchsModule):
    """torch.nn.Module; in its forward its own parameters are engine Tensors.

    So what is made of parameters alone (a part of one, the sum of its squares) is recorded too.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        places: dict[str, Any] = self._parameters
        before = {name: value for name, value in places.items() if is_leaf(value)}
        leaves = {name: leaf_of(value) for name, value in before.items()}
        places.update(leaves)
        try:
            return super().__call__(*args, **kwargs)
        finally:
            for name, leaf in leaves.items():
                if places.get(name) is leaf:  # forward may have put another there
                    places[name] = before[name]


class _MadeOfAnyTensor(type):
    def __call__(cls, data: Any = None, requires_grad: bool = True) -> torch.nn.Parameter:
        plain = data._data if isinstance(data, Tensor) else data
        return torch.nn.Parameter(plain, requires_grad)

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, torch.nn.Parameter)


class Parameter(metaclass=_MadeOfAnyTensor):
    """torch.nn.Parameter, for the engine's Tensors too: it shares their memory.

    >>> Parameter(Tensor(torch.ones(2)))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """


# ---- optimizers, of engine Tensors


class _Reflected(torch.nn.Parameter):
    """An engine Tensor as an optimizer sees it: the same memory, the same `.grad`."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]
    tensor: Tensor

    @staticmethod
    def __new__(cls, tensor: Tensor) -> _Reflected:
        self: _Reflected = torch.Tensor._make_subclass(cls, tensor._data, tensor.requires_grad)
        self.tensor = tensor
        return self

    @property
    def grad(self) -> Any:
        return None if self.tensor._grad is None else self.tensor._grad._data

    @grad.setter
    def grad(self, value: Any) -> None:
        self.tensor.grad = value


def _reflected(params: Any) -> Any:
    if isinstance(params, Tensor):
        if not params.is_leaf:
            raise ValueError("can't optimize a non-leaf Tensor")
        return _Reflected(params)
    if isinstance(params, Iterable) and not isinstance(params, torch.Tensor | str | set):
        parts = [_reflected(param) for param in params]
        return tuple(parts) if isinstance(params, tuple) else parts  # a name and its tensor
    return params


def optimizer(kind: type[torch.optim.Optimizer]) -> type[torch.optim.Optimizer]:
    """An optimizer class of torch's that takes engine Tensors too."""

    def add_param_group(self: Any, group: dict[str, Any]) -> None:
        kind.add_param_group(self, {**group, "params": _reflected(group["params"])})

    return type(kind.__name__, (kind,), {"add_param_group": add_param_group})


# ---- batches of a DataLoader


def _batch(tensors: list[Tensor], **_: Any) -> Any:
    return torch.stack(tensors)  # type: ignore[arg-type]  # they answer __torch_function__


default_collate_fn_map[Tensor] = _batch
