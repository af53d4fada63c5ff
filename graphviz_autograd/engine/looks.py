"""What a Tensor shows of itself: shape, item, len, what print makes of it, as torch's tensors.

Nothing here has to do with gradients: all of it is read off the plain tensor inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import torch

from graphviz_autograd.engine import words
from graphviz_autograd.errors import InputTypeError

_NOTE = re.compile(r" {7}\w+=")  # a line of device, size or dtype, where numbers would be


def _no_parameter(_: Any, __: Any) -> None:
    raise InputTypeError(
        "torch's own nn.Parameter does not take an engine tensor: call engine.nn.Parameter"
    )


class Looks:
    """The outside of a Tensor; `_data` is the plain torch tensor inside."""

    __slots__ = ()

    _data: torch.Tensor
    requires_grad: bool
    grad_fn: Any
    unbind: Any

    shape = property(lambda self: self._data.shape)
    dtype = property(lambda self: self._data.dtype)
    device = property(lambda self: self._data.device)
    layout = property(lambda self: self._data.layout)
    ndim = property(lambda self: self._data.ndim)
    is_cuda = property(lambda self: self._data.is_cuda)
    _version = property(lambda self: self._data._version)
    _is_param = property(fset=_no_parameter)

    def size(self, dim: int | None = None) -> Any:
        return self._data.size() if dim is None else self._data.size(dim)

    def dim(self) -> int:
        return self._data.dim()

    def numel(self) -> int:
        return self._data.numel()

    def data_ptr(self) -> int:
        return self._data.data_ptr()

    def stride(self, dim: int | None = None) -> Any:
        return self._data.stride() if dim is None else self._data.stride(dim)

    def is_contiguous(self) -> bool:
        return self._data.is_contiguous()

    def untyped_storage(self) -> Any:
        return self._data.untyped_storage()

    def item(self) -> Any:
        return self._data.item()

    def tolist(self) -> Any:
        return self._data.tolist()

    def numpy(self) -> Any:
        if self.requires_grad:
            raise RuntimeError(words.NUMPY_OF_GRAD)
        return self._data.numpy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def __len__(self) -> int:
        return len(self._data)

    def __bool__(self) -> bool:
        return bool(self._data)

    def __float__(self) -> float:
        return float(self._data)

    def __int__(self) -> int:
        return int(self._data)

    def __complex__(self) -> complex:
        return complex(self._data)

    def __index__(self) -> int:
        return self._data.__index__()

    def __contains__(self, element: Any) -> bool:
        return (element._data if isinstance(element, Looks) else element) in self._data

    def __format__(self, spec: str) -> str:
        if not spec or self._data.dim():
            return object.__format__(self, spec)
        return format(self._data.item(), spec)

    def __iter__(self) -> Iterator[Any]:
        if not self._data.dim():
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __repr__(self) -> str:
        """As torch prints it: `tensor([0., 4.], grad_fn=<MulBackward0>)`."""
        text = repr(self._data)
        if self.grad_fn is not None:
            suffix = f"grad_fn=<{type(self.grad_fn).__name__}>"
        elif self.requires_grad:
            suffix = "requires_grad=True"
        else:
            return text
        last = text[:-1].rpartition("\n")[2]
        used = len(last) if _NOTE.match(last) else len(last) + 2
        wide = used + len(suffix) + 2 > torch._tensor_str.PRINT_OPTS.linewidth
        return f"{text[:-1]},{chr(10) + ' ' * 7 if wide else ' '}{suffix})"

    __hash__ = object.__hash__
