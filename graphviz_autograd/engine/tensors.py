"""The engine's Tensor: a plain torch tensor, and its place in the graph.

Reverse mode in a page
----------------------
Every operation on Tensors runs at once, on the plain torch tensors inside them. Where a
gradient may be asked for later, it also leaves a Node behind: which operation it was,
along which edges its inputs came, and what their derivatives will need. The nodes form a
graph that grows as the program runs: loops and branches leave what really happened.

`y.backward()` asks: if y were changed a little, how much would each input have had to do
with it? It starts with dy/dy = 1 at y's node and walks the graph backwards. Each node gets
the gradient of y with respect to its outputs, summed over everything they were used for,
and multiplies it by its own derivative: a vector-Jacobian product, never the whole
Jacobian. What comes out goes on along the edges, until it reaches the leaves, the tensors
that no operation made, and is added to their `.grad`.

    y = x * x          MulBackward0, edges: x, x      d/dx = g·x + g·x
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from typing import Any

import torch

from graphviz_autograd.engine import words
from graphviz_autograd.engine.looks import Looks
from graphviz_autograd.engine.node import (
    NO_HOOKS,
    NOWHERE,
    AccumulateGrad,
    Edge,
    HookHandle,
    KeepGrad,
)
from graphviz_autograd.engine.views import AsStridedBackward0

DIFFERENTIABLE = {
    dtype
    for dtype in vars(torch).values()
    if isinstance(dtype, torch.dtype) and (dtype.is_floating_point or dtype.is_complex)
}
"""The dtypes that can have a gradient."""


class Tensor(Looks):
    """A torch tensor that the engine differentiates.

    data           the plain torch tensor; torch's own autograd never sees it. As with
                   torch's, what is changed through it goes unnoticed by backward
    requires_grad  whether gradients with respect to it are recorded
    grad           what backward has added up here, a Tensor; None before
    grad_fn        the node that made it; None for a leaf

    >>> x = Tensor(torch.arange(4.0), requires_grad=True)
    >>> y = 2 * x.dot(x)
    >>> y.backward()
    >>> x.grad
    tensor([ 0.,  4.,  8., 12.])
    """

    __slots__ = (
        "__weakref__",
        "_accumulator",
        "_base",
        "_data",
        "_edge",
        "_generation",
        "_grad",
        "_hooks",
        "_requires_grad",
    )

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        if not isinstance(data, torch.Tensor):  # numbers, as torch.Tensor([1, 2]) takes them
            data = data._data if isinstance(data, Tensor) else torch.Tensor(data)
        self._data: torch.Tensor = data.detach() if data.requires_grad else data
        self._grad: Tensor | None = None
        self._hooks: list[Any] = NO_HOOKS
        self._edge: Edge | None = None
        self._base: Tensor | None = None
        self._accumulator: Callable[[], AccumulateGrad | None] | None = None
        self._requires_grad = False
        self._generation = 0  # of a base, how often its graph moved; of a view, when it looked
        if requires_grad:
            self.requires_grad_()

    # ---- its numbers

    @property
    def data(self) -> torch.Tensor:
        return self._data.data

    @data.setter
    def data(self, value: Any) -> None:
        was, now = self._data, value._data if isinstance(value, Tensor) else value.detach()
        self._data = now
        if (was.shape, was.dtype, was.device) != (now.shape, now.dtype, now.device):
            self._accumulator = None  # it takes gradients for what the tensor was

    @property
    def grad(self) -> Tensor | None:
        if self._grad is None and not self.is_leaf and not self.retains_grad:
            warnings.warn(words.GRAD_OF_NO_LEAF, UserWarning, stacklevel=2)
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is None:
            self._grad = None
            return
        if not isinstance(value, Tensor | torch.Tensor):
            raise TypeError(
                "assigned grad expected to be a Tensor or None but got grad of type "
                f"{type(value).__name__}"
            )
        if value.shape != self.shape:
            raise RuntimeError(
                words.GRAD_OF_ANOTHER_SIZE.format(given=list(value.shape), size=list(self.shape))
            )
        self._grad = value if isinstance(value, Tensor) else Tensor(value)

    # ---- its place in the graph

    @property
    def requires_grad(self) -> bool:
        self._catch_up()
        return self._requires_grad or self._edge is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and self._edge is not None:
            raise RuntimeError(words.FLAG_OF_NO_LEAF)
        if value and self._data.dtype not in DIFFERENTIABLE:
            raise RuntimeError(
                "only Tensors of floating point and complex dtype can require gradients"
            )
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        if self._edge is not None and not requires_grad:
            raise RuntimeError(words.DETACH_INSTEAD)
        if requires_grad and self._data.dtype not in DIFFERENTIABLE:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        self._requires_grad = requires_grad
        return self

    def _catch_up(self) -> None:
        """A view whose base was changed in place since is a view of what the base is now."""
        base = self._base
        if base is not None and self._generation != base._generation:
            self._generation = base._generation
            self._edge = (AsStridedBackward0(base.edge(), base._data, self._data), 0)

    def _move(self, edge: Edge) -> None:
        """To another place in the graph, where a change in place has put it."""
        hooks = [] if self._edge is None else self._edge[0].pre_hooks
        kept = [entry for entry in hooks if self._keeps(entry)]
        for entry in kept:
            hooks.remove(entry)
        self._edge, self._requires_grad = edge, False
        self._generation += 1
        if kept:
            self.retain_grad()

    def _keeps(self, entry: tuple[int, Any]) -> bool:
        return isinstance(entry[1], KeepGrad) and entry[1].tensor() is self

    @property
    def grad_fn(self) -> Any:
        self._catch_up()
        return None if self._edge is None else self._edge[0]

    @property
    def output_nr(self) -> int:
        return 0 if self._edge is None else self._edge[1]

    @property
    def is_leaf(self) -> bool:
        self._catch_up()
        return self._edge is None

    def edge(self) -> Any:
        """The edge along which gradients flow back from here."""
        self._catch_up()
        if self._edge is not None:
            return self._edge
        if not self._requires_grad:
            return NOWHERE
        node = self._accumulator and self._accumulator()
        if node is None:
            if self._hooks is NO_HOOKS:
                self._hooks = []
            node = AccumulateGrad(self)
            self._accumulator = weakref.ref(node)
        return (node, 0)

    def _accumulate(self, grad: Any, record: bool, alone: bool = False) -> None:
        """Adds a gradient to `.grad`: in place, unless that sum is to be differentiated too.

        A first gradient becomes `.grad` itself where nobody else holds it, and a copy of it else.
        """
        if record:
            own = Tensor(torch.empty_like(grad._data)).copy_(grad) if self._grad is None else None
            self._grad = own if self._grad is None else self._grad + grad
        elif self._grad is None:
            alone = alone and grad._base is None and grad.stride() == self._data.stride()
            self._grad = Tensor(grad if alone else grad.clone())
        elif self._grad.requires_grad:
            self._grad = Tensor(self._grad._data + grad)
        else:
            self._grad._data.add_(grad)

    # ---- backward

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add to the `.grad` of every leaf the gradient of this tensor with respect to it.

        gradient      what to start from, of this tensor's shape; not needed for a scalar
        retain_graph  keep what was saved, for another backward
        create_graph  record the computation of the gradients too, for higher derivatives
        inputs        only these leaves
        """
        from graphviz_autograd.engine.backward import backward

        backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def retain_grad(self) -> None:
        """Keep the gradient of a tensor that is no leaf in its `.grad`."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._edge is not None and not self.retains_grad:
            self._edge[0].hook_output(self._edge[1], KeepGrad(self))

    @property
    def retains_grad(self) -> bool:
        return self._edge is not None and any(map(self._keeps, self._edge[0].pre_hooks))

    def register_hook(self, hook: Callable[[Tensor], Any]) -> HookHandle:
        """Call `hook(grad)` when the gradient of this tensor is known; may return another.

        Returns a handle whose `remove()` takes the hook away again.
        """
        node, number = self.edge()
        if node is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        handle: HookHandle = node.hook_output(number, hook)
        return handle

    def detach(self) -> Tensor:
        """The same numbers, cut off from the graph."""
        return Tensor(self._data.detach())

    def detach_(self) -> Tensor:
        """Cut off from the graph; becomes a leaf."""
        if self._base is not None:
            raise RuntimeError(words.DETACH_VIEW)
        self._edge, self._requires_grad = None, False
        return self

    # ---- as a torch tensor

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        from graphviz_autograd.engine.stand_in import through_torch

        return through_torch(func, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        """Any other method or attribute of torch.Tensor."""
        if name.startswith("_"):
            raise AttributeError(f"'Tensor' object has no attribute {name!r}")
        found = getattr(torch.Tensor, name, None)
        if found is None:
            raise AttributeError(f"'Tensor' object has no attribute {name!r}")
        if not callable(found):
            return type(self).__torch_function__(found.__get__, (Tensor,), (self,))
        return lambda *args, **kwargs: type(self).__torch_function__(
            found, (Tensor,), (self, *args), kwargs
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError(words.DEEPCOPY)
        copied = memo[id(self)] = Tensor(self._data.clone(), self._requires_grad)
        copied._grad = None if self._grad is None else Tensor(self._grad._data.clone())
        return copied


def at_edge(data: torch.Tensor, edge: Any) -> Tensor:
    """A Tensor whose gradient flows along `edge`: a result, or one that was saved."""
    tensor = Tensor(data)
    if edge[0] is not None:
        tensor._edge = edge
    return tensor
