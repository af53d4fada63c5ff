"""What torch.autograd is in torch: backward, grad, Function, functional and the rest."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from graphviz_autograd.engine import function, functional
from graphviz_autograd.engine.backward import backward, grad
from graphviz_autograd.engine.function import Function
from graphviz_autograd.engine.modes import (
    enable_grad,
    inference_mode,
    no_grad,
    saved_tensors_hooks,
    set_grad_enabled,
)
from graphviz_autograd.engine.tensors import Tensor

__all__ = [
    "Function",
    "Variable",
    "backward",
    "enable_grad",
    "function",
    "functional",
    "grad",
    "graph",
    "inference_mode",
    "no_grad",
    "set_grad_enabled",
]

graph = SimpleNamespace(saved_tensors_hooks=saved_tensors_hooks)


def Variable(data: Any, requires_grad: bool = False) -> Tensor:  # noqa: N802 - torch's name
    """What tensors were called before torch 0.4: the same data, as a leaf."""
    return Tensor(data.detach() if isinstance(data, Tensor) else data, requires_grad)
