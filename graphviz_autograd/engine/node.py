"""Nodes: what ran, where its inputs came from, and what backward will need.

Nodes speak the language of torch's autograd nodes (`next_functions`, `_saved_x`,
`_input_metadata`, ...), so that one walk draws both graphs.
"""

from __future__ import annotations

import itertools
import re
import sys
import weakref
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch

from graphviz_autograd.engine import modes
from graphviz_autograd.engine.words import CHANGED_SINCE_SAVED

if TYPE_CHECKING:
    from graphviz_autograd.engine.tensors import Tensor

Edge = tuple["Node", int]
"""A node and the number of one of its outputs: what a gradient flows along."""

Info = tuple[torch.Size, torch.dtype, torch.device]
"""What a gradient has to be, to be that of a tensor."""

NOWHERE = (None, 0)
"""The edge of an input that needs no gradient, as torch writes it."""

RESULT = object()
"""In the edge of a saved tensor, in place of a node: this very node's own output."""

FIRST_RESULT = (RESULT, 0)
"""The edge of most saved results, made once."""

Input = tuple[str, int, Callable[[], Any], Info]
"""A tensor that a node took and that needs no gradient, as the node notes it: the name of the
argument, its number (as in `next_functions`; arguments that never have an edge come after
those), a weak reference to the tensor, and what `info` told of it."""

NO_HOOKS: list[Any] = []
"""The hooks of whatever has none: one list for all, never added to."""

_counter = itertools.count()


def count() -> int:
    """The next number: lower than that of every node made from now on."""
    return next(_counter)


_MANY = 4096
_infos: dict[Info, Info] = {}


def info(tensor: torch.Tensor) -> Info:
    """Shape, dtype and device of a tensor; one object for all tensors that are alike."""
    found = (tensor.shape, tensor.dtype, tensor.device)
    known = _infos.get(found)
    if known is None:
        if len(_infos) > _MANY:
            _infos.clear()
        known = _infos[found] = found
    return known


watchers: list[Callable[[Node], None]] = []
"""Who is told of each node as it is made."""


class HookHandle:
    """Takes a hook away again: by `remove()`, or at the end of `with handle:`."""

    def __init__(self, hooks: list[Any], entry: Any) -> None:
        self._hooks, self._entry = hooks, entry
        hooks.append(entry)

    def remove(self) -> None:
        """The hook is not called any more."""
        self._hooks[:] = [entry for entry in self._hooks if entry is not self._entry]

    def __enter__(self) -> HookHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class KeepGrad:
    """The hook behind `retain_grad`: puts the gradient into the tensor's `.grad`."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = weakref.ref(tensor)

    def __call__(self, grad: Tensor) -> None:
        tensor = self.tensor()
        if tensor is not None:
            tensor._grad = grad


class Node:
    """One operation that ran.

    next_functions   for each tensor it took, the edge that tensor came by
    pre_hooks        (number of an output, hook called with its gradient, may replace it)
    hooks            called with the gradients of the inputs and of the outputs
    _composite       where torch took a function apart into this node and others: the name of
                     that function, and a number of its own for each call; else not there

    Nodes are numbered as they are made, so an edge always leads to a lower number.
    """

    __slots__ = (
        "__weakref__",
        "_composite",
        "_infos",
        "_metadata",
        "_number",
        "hooks",
        "next_functions",
        "pre_hooks",
    )

    _composite: tuple[str, int]

    def __init__(self, edges: tuple[Any, ...], infos: Sequence[Info]) -> None:
        self.next_functions = edges
        self._infos = infos  # of each output
        self._number = next(_counter)
        self._metadata: dict[str, Any] | None = None
        self.hooks: list[Callable[..., Any]] = NO_HOOKS
        self.pre_hooks: list[tuple[int, Callable[..., Any]]] = NO_HOOKS
        if watchers:
            for watcher in watchers:
                watcher(self)

    def vjp(self, grads: list[Any], record: bool) -> list[Any]:
        """Gradients of the inputs, aligned with `next_functions`, from those of the outputs.

        A gradient is None where there is none; `record` says that the computation shall be
        differentiable itself: gradients are then engine Tensors, else plain torch ones.
        """
        raise NotImplementedError

    def release(self) -> None:
        """Let go of what was saved."""

    def name(self) -> str:
        """The name torch gives such a node."""
        return type(self).__name__

    @property
    def metadata(self) -> dict[str, Any]:
        """A dict for whoever looks at the graph."""
        if self._metadata is None:
            self._metadata = {}
        return self._metadata

    def register_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(grads of inputs, grads of outputs)` when this node's turn has come.

        It may return other gradients of the inputs.
        """
        if self.hooks is NO_HOOKS:
            self.hooks = []
        return HookHandle(self.hooks, hook)

    def hook_output(self, number: int, hook: Callable[..., Any]) -> HookHandle:
        """Call `hook(gradient of that output)` before this node's turn; may return another."""
        if self.pre_hooks is NO_HOOKS:
            self.pre_hooks = []
        return HookHandle(self.pre_hooks, (number, hook))

    def _sequence_nr(self) -> int:
        return self._number

    @property
    def _input_metadata(self) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(shape=shape, dtype=dtype, device=device, is_cpp_nested_tensor=False)
            for shape, dtype, device in self._infos
        ]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self):#x}>"


class AccumulateGrad(Node):
    """The end of the line: adds what arrives to the `.grad` of a leaf."""

    __slots__ = ("variable",)

    def __init__(self, variable: Tensor) -> None:
        super().__init__((), (info(variable._data),))
        self.variable = variable
        self.pre_hooks = variable._hooks  # a leaf's hooks outlive its nodes

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    def _sequence_nr(self) -> int:
        return 2**64 - 1  # before any other node that is ready, as in torch

    def vjp(self, grads: list[Any], record: bool) -> list[Any]:
        alone = holders(grads) == ALONE
        self.variable._accumulate(grads[0], record, alone)
        return []


def holders(grads: list[Any]) -> int:
    """How many hold the first of these gradients, this list among them."""
    return sys.getrefcount(grads[0])


ALONE = holders([object()])
"""What `holders` says where nobody but the list does: then a leaf may keep it as its own."""


class Saved:
    """A tensor kept for backward: its numbers, and where in the graph they came from.

    Not the engine's Tensor: that would hold its `.grad`, and for a result make a cycle.
    `edge` is NOWHERE for a constant, and (RESULT, number) for the node's own output.
    """

    __slots__ = ("_version", "data", "edge", "unpack_hook", "variable")

    def __init__(self, data: torch.Tensor, edge: Any, variable: Tensor | None = None) -> None:
        self.data: Any = data  # or what a hook has packed it into
        self.edge = edge
        self.variable = None if variable is None else weakref.ref(variable)
        self._version = data._version
        self.unpack_hook: Callable[[Any], Any] | None = None
        if modes.current.hooks is not None:
            pack, self.unpack_hook = modes.current.hooks
            self.data = pack(data)

    def plain(self, owner: Node) -> torch.Tensor:
        """The numbers. Raises RuntimeError, as torch does, if they were changed since."""
        if self.unpack_hook is not None:
            plain: torch.Tensor = self.unpack_hook(self.data)
            return plain
        if self.data._version != self._version:
            raise RuntimeError(self._changed(owner))
        return self.data  # type: ignore[no-any-return]

    def _changed(self, owner: Node) -> str:
        """Names the node that the tensor has now, as torch does, or, of a result, `owner`."""
        node, number = self.edge
        if node is RESULT:
            node = owner
        else:
            variable = None if self.variable is None else self.variable()
            node, number = variable.edge() if variable is not None else self.edge
        made = node is not None and not isinstance(node, AccumulateGrad)
        name = re.sub(r"Backward\d*$", "", node.name()) if made else ""
        return CHANGED_SINCE_SAVED.format(
            kind=self.data.type(),
            shape=list(self.data.shape),
            made_by=f", which is output {number} of {name}," if made else "",
            version=self.data._version,
            expected=self._version,
        )
