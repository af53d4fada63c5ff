"""Tensor's operators and methods: which ATen operator each one is.

Those named here go to their rule at once; any other method of torch's Tensor goes through
torch, by Tensor.__getattr__.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from graphviz_autograd.engine.doors import call
from graphviz_autograd.engine.stand_in import ENTRANCES, through_torch
from graphviz_autograd.engine.table import look_up
from graphviz_autograd.engine.tensors import Tensor

aten = torch.ops.aten

OPERATORS = {
    "__add__": aten.add.Tensor,
    "__radd__": aten.add.Tensor,
    "__sub__": aten.sub.Tensor,
    "__mul__": aten.mul.Tensor,
    "__rmul__": aten.mul.Tensor,
    "__truediv__": aten.div.Tensor,
    "__iadd__": aten.add_.Tensor,
    "__isub__": aten.sub_.Tensor,
    "__imul__": aten.mul_.Tensor,
    "__itruediv__": aten.div_.Tensor,
    "__neg__": aten.neg.default,
    "add": aten.add.Tensor,
    "sub": aten.sub.Tensor,
    "mul": aten.mul.Tensor,
    "div": aten.div.Tensor,
    "dot": aten.dot.default,
    "mm": aten.mm.default,
    "exp": aten.exp.default,
    "log": aten.log.default,
    "sin": aten.sin.default,
    "cos": aten.cos.default,
    "tanh": aten.tanh.default,
    "sigmoid": aten.sigmoid.default,
    "relu": aten.relu.default,
    "sqrt": aten.sqrt.default,
}
"""Methods that go to the table at once, and the operator each one is."""

THROUGH_TORCH = """
    __pos__ __abs__ __invert__ __rsub__ __rtruediv__ __pow__ __rpow__ __ipow__ __matmul__
    __rmatmul__ __mod__ __rmod__ __imod__ __floordiv__ __rfloordiv__ __ifloordiv__
    __and__ __or__ __xor__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __getitem__ __setitem__
"""
"""Operators that Python looks up on the class, not on the object."""


def _direct(op: Any) -> Callable[..., Any]:
    known = look_up(op)
    # The same operator, entered where Python pays least for it.
    name = op._schema.name.removeprefix("aten::")
    known.run = getattr(torch.Tensor, name)
    if not known.in_place:
        ENTRANCES[getattr(torch, name)] = ENTRANCES[known.run] = known

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        return call(known, (self, *args), kwargs)

    return method


def _by_torch(name: str) -> Callable[..., Any]:
    found = getattr(torch.Tensor, name)

    def method(self: Tensor, *args: Any) -> Any:
        return through_torch(found, (self, *args), {})

    return method


for _name, _op in OPERATORS.items():
    setattr(Tensor, _name, _direct(_op))
for _name in THROUGH_TORCH.split():
    setattr(Tensor, _name, _by_torch(_name))
