"""Shape, dtype and device of tensors, as plain data.

Used by the walker, imports nothing of ours but graph.
"""

from __future__ import annotations

from typing import Any

import torch

from graphviz_autograd.graph import TensorInfo


class Infos:
    """Makes TensorInfos, each different one once, and notes what torch would not tell.

    `unread` lists those notes, a sentence each.
    """

    def __init__(self) -> None:
        self.unread: list[str] = []
        self._known: dict[Any, TensorInfo] = {}

    def of(self, tensor: torch.Tensor, number: int) -> TensorInfo:
        """The info of a tensor that is drawn as node `number`."""
        try:
            return self.known(tensor.shape, tensor.dtype, tensor.device)
        except (RuntimeError, ValueError, NotImplementedError) as error:
            # a strided nested tensor, a lazy module's parameter
            self.unread.append(f"node {number}: no shape ({_first_line(error)})")
            return self.known(None, tensor.dtype, tensor.device)

    def of_outputs(self, fn: Any, number: int) -> tuple[TensorInfo, ...]:
        """The infos of every output of an autograd node, as its `_input_metadata` has them."""
        infos = []
        try:
            for metadata in fn._input_metadata:
                shape = None if metadata.is_cpp_nested_tensor else tuple(metadata.shape)
                infos.append(self.known(shape, metadata.dtype, metadata.device))
        except (RuntimeError, ValueError, NotImplementedError) as error:
            self.unread.append(f"node {number}: no shapes of outputs ({_first_line(error)})")
        return tuple(infos)

    def known(self, shape: tuple[Any, ...] | None, dtype: Any, device: Any) -> TensorInfo:
        """The info of any tensor of that shape, dtype and device."""
        key: Any = (shape, dtype, device)
        try:
            info = self._known.get(key)
        except TypeError:  # a symbolic size does not hash
            info, key = None, None
        if info is None:
            sizes = None
            if shape is not None:
                sizes = tuple(size if isinstance(size, int) else str(size) for size in shape)
            info = TensorInfo(sizes, str(dtype).removeprefix("torch."), str(device))
            if key is not None:
                self._known[key] = info
        return info


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
