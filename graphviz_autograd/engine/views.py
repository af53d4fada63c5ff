"""Views and changes in place: one memory, several Tensors.

A view shares its numbers with its base. When something in that memory changes in place,
base and views must all move on in the graph: the base to a node that says which part of it
was replaced (CopySlices), every view, when it is next asked, to one that picks its part out
of the new base (AsStridedBackward0). These are the nodes torch makes.

Where a view's numbers lie in its base is kept as their positions, so nothing here depends
on strides.
"""

from __future__ import annotations

from typing import Any

import torch

from graphviz_autograd.engine.node import Input, Node, info
from graphviz_autograd.engine.words import FREED


def positions(base: torch.Tensor, view: torch.Tensor) -> torch.Tensor:
    """For each number of a view, in order, its place in the base, counted in order."""
    numbers = torch.arange(base.numel(), device=base.device).reshape(base.shape)
    memory = torch.empty_strided(
        base.shape, base.stride(), dtype=numbers.dtype, device=base.device
    ).copy_(numbers)
    offset = view.storage_offset() - base.storage_offset()
    return memory.as_strided(view.shape, view.stride(), offset).reshape(-1)


class Window:
    """What a view shows of its base: which of its numbers, and how.

    It may show complex numbers conjugated, negated, or as two real ones.
    """

    __slots__ = ("conjugated", "negated", "places", "split")

    def __init__(self, base: torch.Tensor, view: torch.Tensor) -> None:
        self.split = base.is_complex() and not view.is_complex()
        self.conjugated = base.is_conj() != view.is_conj()
        self.negated = base.is_neg() != view.is_neg()
        self.places = positions(torch.view_as_real(base) if self.split else base, view)

    def flat(self, g: Any) -> Any:
        """A gradient of the base as a row of numbers, in the order of `places`."""
        return (torch.view_as_real(g.resolve_conj()) if self.split else g).reshape(-1)

    def whole(self, row: Any, shape: torch.Size) -> Any:
        """Such a row as a gradient of the base again."""
        return torch.view_as_complex(row.reshape(*shape, 2)) if self.split else row.reshape(shape)

    def turned(self, part: Any) -> Any:
        """A gradient of the numbers in the base as one of those shown, and the other way."""
        part = part.conj() if self.conjugated else part
        return -part if self.negated else part


class AsStridedBackward0(Node):
    """A view of a base that has moved on: picks the view's part out of it."""

    __slots__ = ("_shape", "_window")

    def __init__(self, edge: Any, base: torch.Tensor, view: torch.Tensor) -> None:
        super().__init__((edge,), (info(view),))
        self._shape = base.shape
        self._window = Window(base, view)

    def vjp(self, grads: list[Any], record: bool) -> list[Any]:  # noqa: ARG002
        g, window = grads[0], self._window
        many = self._shape.numel() * (2 if window.split else 1)
        blank = torch.zeros(many, dtype=g.dtype, device=g.device)
        part = window.turned(g).reshape(-1)
        return [window.whole(torch.index_add(blank, 0, window.places, part), self._shape)]


class CopySlices(Node):
    """A base, a part of which an operation `inner` has replaced through a view.

    The part's gradient goes through `inner`; the rest of the base's passes by.
    """

    __slots__ = ("_inner", "_inputs", "_view_shape", "_window")

    def __init__(
        self,
        edge: Any,
        base: torch.Tensor,
        view: torch.Tensor,
        inner: Node,
        inputs: tuple[Input, ...] = (),
    ) -> None:
        super().__init__((edge, *inner.next_functions[1:]), (info(base),))
        self._inner: Node | None = inner
        self._inputs = inputs
        self._window = Window(base, view)
        self._view_shape = view.shape

    def name(self) -> str:
        return "torch::autograd::CopySlices"

    def vjp(self, grads: list[Any], record: bool) -> list[Any]:
        if self._inner is None:
            raise RuntimeError(FREED)
        g, window = grads[0], self._window
        flat = window.flat(g)
        part = torch.index_select(flat, 0, window.places).reshape(self._view_shape)
        through, *others = self._inner.vjp([window.turned(part)], record)
        if through is None:
            through = torch.zeros_like(part)
        mixed = torch.index_copy(flat, 0, window.places, window.turned(through).reshape(-1))
        return [window.whole(mixed, g.shape), *others]

    def release(self) -> None:
        self._inner = None  # released itself later: gradients of gradients may go through it
