"""Random numbers for cotangents and directions. May import nothing of ours."""

from __future__ import annotations

import math
from typing import Any

import torch


class Random:
    """Random numbers of any shape, dtype and device, the same wherever they are needed.

    Drawn once and handed out from places that differ: drawing anew costs more than most nodes.
    """

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._pool = torch.randn(1 << 14, generator=self._generator)
        self._start = 0

    def like(self, info: Any) -> torch.Tensor:
        """Numbers of a shape, dtype and device; to be looked at, not to be changed."""
        shape, dtype, device = info
        count = math.prod(shape) * (2 if dtype.is_complex else 1)
        if 2 * count > len(self._pool):
            self._pool = torch.randn(4 * count, generator=self._generator)
        if self._start + count > len(self._pool):
            self._start = (self._start + count) % 998 // 2 * 2
        numbers = self._pool[self._start : self._start + count]
        self._start += count + count % 2  # complex numbers begin at even places
        if dtype.is_complex:
            numbers = torch.view_as_complex(numbers.view(-1, 2))
        return numbers.view(tuple(shape)).to(dtype=dtype, device=device)
