"""The door for everything that is no operator: torch takes it apart.

A torch function, a composite of nn.functional or a whole module gets stand-ins for the
engine's Tensors: real torch tensors without numbers. What torch does with them arrives as
ATen operators, and those go through the direct door. So none of these needs a rule of its
own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch.overrides import enable_reentrant_dispatch
from torch.utils._mode_utils import no_dispatch
from torch.utils._pytree import tree_leaves, tree_map

from graphviz_autograd.engine.doors import apply, call
from graphviz_autograd.engine.node import AccumulateGrad, Node, count
from graphviz_autograd.engine.table import FUNCTIONS, Known
from graphviz_autograd.engine.tensors import DIFFERENTIABLE, Tensor
from graphviz_autograd.engine.training import is_leaf, leaf_of
from graphviz_autograd.errors import UnsupportedOperator


class StandIn(torch.Tensor):
    """A torch tensor without numbers, in place of an engine Tensor inside torch's functions."""

    engine: Tensor

    @staticmethod
    def __new__(cls, tensor: Tensor) -> StandIn:
        data = tensor._data
        if data.layout is not torch.strided:
            raise UnsupportedOperator(
                f"the engine knows strided tensors only, not those of layout {data.layout}"
            )
        self: StandIn = torch.Tensor._make_wrapper_subclass(
            cls,
            data.shape,
            strides=data.stride(),
            storage_offset=data.storage_offset(),
            dtype=data.dtype,
            layout=data.layout,
            device=data.device,
        )
        if data.is_conj():
            torch._C._set_conj(self, True)
        if data.is_neg():
            torch._C._set_neg(self, True)
        self.engine = tensor
        return self

    # Without one of its own, torch takes fast paths that have no derivative.
    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunctionSubclass():  # and no result is made a stand-in
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch calls it with the operator first
        cls, op: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        standing: dict[int, StandIn] = {}

        def engine(value: Any) -> Any:
            if isinstance(value, StandIn):
                standing[id(value.engine)] = value
                return value.engine
            return value

        if torch.Tag.inplace_view in op.tags:
            with no_dispatch():  # the stand-in takes the new shape too
                op(*args, **(kwargs or {}))
        # Torch has switched off here what shares version counters between views.
        with enable_reentrant_dispatch():
            result = apply(op, *_mapped(engine, args), **_mapped(engine, kwargs or {}))

        def stand_in(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            known = standing.get(id(value))  # what an in-place operator gives back
            return StandIn(value) if known is None else known

        return _mapped(stand_in, result)


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """What an operator takes or gives, with each tensor replaced; it nests only so far."""
    if isinstance(value, list | tuple):
        return type(value)([_mapped(function, part) for part in value])
    if isinstance(value, dict):
        return {name: _mapped(function, part) for name, part in value.items()}
    return function(value)


ENTRANCES: dict[Any, Known] = {}
"""Functions of torch that are one operator each: they need not be taken apart."""


def through_torch(func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Run a torch function on engine Tensors, taken apart by torch itself."""
    known = ENTRANCES.get(func)
    if known is not None and not kwargs and type(args[0]) is Tensor:
        return call(known, args, {})
    since = count()
    own = FUNCTIONS.get(func)
    made = own(*args, **(kwargs or {})) if own is not None else _through(func, args, kwargs or {})
    _note_composite(func, since, made)
    return made


def _through(func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    standing: dict[int, StandIn] = {}
    constants: dict[int, Tensor] = {}
    leaves: dict[int, Tensor] = {}

    def stand_in(value: Any) -> Any:
        if is_leaf(value):
            value = leaves.setdefault(id(value), leaf_of(value))
        if not isinstance(value, Tensor):
            return value
        if value._data.dtype not in DIFFERENTIABLE:  # a constant, whose numbers torch may look at
            constants[id(value._data)] = value
            return value._data
        if id(value) not in standing:
            standing[id(value)] = StandIn(value)
        return standing[id(value)]

    def engine(value: Any) -> Any:
        return constants[id(value)] if id(value) in constants else _engine_of(value)

    with _step_by_step() if func in _RECURRENT else nullcontext():
        result = func(*tree_map(stand_in, args), **tree_map(stand_in, kwargs))
    return tree_map(engine, result)


def _note_composite(func: Callable[..., Any], since: int, made: Any) -> None:
    """Where a function has left several nodes, each is told which call it belongs to.

    The outermost function counts: it comes last, and has its way.
    """
    tensors = (made,) if type(made) is Tensor else tree_leaves(made)
    found: dict[Node, None] = {}
    stack = [tensor._edge[0] for tensor in tensors if isinstance(tensor, Tensor) and tensor._edge]
    while stack:
        node = stack.pop()
        if node._number > since and node not in found and not isinstance(node, AccumulateGrad):
            found[node] = None
            stack.extend(child for child, _ in node.next_functions if child is not None)
    if len(found) > 1:
        composite = (_name(func), since)
        for node in found:
            node._composite = composite


def _name(func: Any) -> str:
    """What a function of torch is called; `x @ y` is matmul, `x.H` is H."""
    getter = func.__name__ == "__get__"
    name: str = (func.__self__ if getter else func).__name__
    return name.strip("_")


_RECURRENT = {torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu}


@contextmanager
def _step_by_step() -> Iterator[None]:
    """With oneDNN or cuDNN a whole LSTM would arrive as one operator, and a large one."""
    before = torch._C._get_mkldnn_enabled(), torch._C._get_cudnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    torch._C._set_cudnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(before[0])
        torch._C._set_cudnn_enabled(before[1])


def _engine_of(value: Any) -> Any:
    if isinstance(value, StandIn):
        return value.engine
    return Tensor(value) if isinstance(value, torch.Tensor) else value
