"""autograd.Function: an operation whose derivative its author writes.

    class Exp(Function):
        @staticmethod
        def forward(ctx, x):
            result = x.exp()
            ctx.save_for_backward(result)
            return result

        @staticmethod
        def backward(ctx, g):
            (result,) = ctx.saved_tensors
            return g * result

    y = Exp.apply(x)

`ctx` is the node itself, as in torch: what forward hangs on it, backward finds there.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch

from graphviz_autograd.engine import modes
from graphviz_autograd.engine.doors import noted
from graphviz_autograd.engine.node import (
    NOWHERE,
    RESULT,
    AccumulateGrad,
    Input,
    Node,
    Saved,
    info,
)
from graphviz_autograd.engine.tensors import Tensor, at_edge
from graphviz_autograd.engine.views import CopySlices
from graphviz_autograd.engine.words import FREED, LEAF_IN_PLACE

NO_BACKWARD = (
    "You must implement either the backward or vjp method for your custom autograd.Function to "
    "use it with backward mode AD."
)

NO_TENSOR = ((), torch.float32, torch.device("cpu"))
"""In place of an output's shape, dtype and device, where forward returned something else."""


class FunctionNode(Node):
    """What a custom Function leaves behind; its methods are those of `ctx`.

    needs_input_grad  for each argument of forward, whether backward's gradient is asked for
    """

    function: type[Function]

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        self._given = [isinstance(argument, Tensor) for argument in arguments]
        self.needs_input_grad = tuple(
            isinstance(argument, Tensor) and argument.requires_grad for argument in arguments
        )
        edges = [argument.edge() for argument in arguments if isinstance(argument, Tensor)]
        super().__init__(tuple(edges), ())
        self._to_save: tuple[Any, ...] = ()
        self._saved: list[Any] | None = []
        self._inputs: tuple[Input, ...] = ()
        self._constants: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._materialize = True

    # ---- what forward may call

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors for backward, which finds them in `saved_tensors`."""
        self._to_save = tensors

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """These outputs have no gradient."""
        self._constants = outputs

    def mark_dirty(self, *inputs: Tensor) -> None:
        """These inputs were changed in place, and are returned."""
        self._dirty = inputs

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros, or None, for an output that nothing was made of."""
        self._materialize = value

    # ---- what backward may read

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        if self._saved is None:
            raise RuntimeError(FREED)
        return tuple(None if kept is None else self._unpacked(kept) for kept in self._saved)

    @property
    def _raw_saved_tensors(self) -> tuple[Any, ...]:
        if self._saved is None:
            raise RuntimeError(FREED)
        return tuple(kept for kept in self._saved if kept is not None)

    def _unpacked(self, kept: Saved) -> Tensor:
        plain = kept.plain(self)
        node, number = kept.edge
        if isinstance(node, AccumulateGrad) and node.variable._data is plain:
            return node.variable
        return at_edge(plain, (self if node is RESULT else node, number))

    # ---- a node's work

    def vjp(self, grads: list[Any], record: bool) -> list[Any]:
        given = [self._gradient(number, grad) for number, grad in enumerate(grads)]
        found = self.function.backward(self, *given)
        found = list(found) if isinstance(found, tuple | list) else [found]
        while len(found) > len(self._given) and found[-1] is None:
            found.pop()
        if len(found) != len(self._given):
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients "
                f"(expected {len(self._given)}, got {len(found)})"
            )
        ours = [grad for grad, is_tensor in zip(found, self._given, strict=True) if is_tensor]
        return [self._checked(number, grad, record) for number, grad in enumerate(ours)]

    def _gradient(self, number: int, grad: Any) -> Any:
        if grad is None:
            if not self._materialize or self._infos[number] is NO_TENSOR:
                return None
            shape, dtype, device = self._infos[number]
            grad = torch.zeros(shape, dtype=dtype, device=device)
        return grad if isinstance(grad, Tensor) else Tensor(grad)

    def _checked(self, number: int, grad: Any, record: bool) -> Any:
        node, output = self.next_functions[number]
        if grad is None or node is None:
            return None
        if not isinstance(grad, Tensor | torch.Tensor):
            raise RuntimeError(f"expected Variable or None (got {type(grad).__name__})")
        shape = node._infos[output][0]
        if not _sums_to(tuple(grad.shape), shape):
            raise RuntimeError(
                f"Function {self.name()} returned an invalid gradient at index {number} - got "
                f"{list(grad.shape)} but expected shape compatible with {list(shape)}"
            )
        if record:
            return grad if isinstance(grad, Tensor) else Tensor(grad)
        return grad._data if isinstance(grad, Tensor) else grad

    def release(self) -> None:
        if self._saved:
            self._saved = None

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{self.name()} object at {id(self):#x}>"


class Function:
    """A custom operation: subclass it, write `forward` and `backward`, call `apply`."""

    _node: type[FunctionNode]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._node = type(f"{cls.__name__}Backward", (FunctionNode,), {"function": cls})

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Computes the outputs; its first argument is `ctx`, unless there is a setup_context."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Where forward takes no `ctx`: keeps what backward needs."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of forward's arguments from those of its outputs."""
        return ctx.function.vjp(ctx, *grad_outputs)

    @staticmethod
    def vjp(ctx: Any, *grad_outputs: Any) -> Any:
        """Another name for backward."""
        raise NotImplementedError(NO_BACKWARD)

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward, and remember how to go back."""
        separate = cls.setup_context is not Function.setup_context
        if separate:
            bound = inspect.signature(cls.forward).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, {}
        recording = modes.is_grad_enabled()
        node = cls._node(args)
        with modes.no_grad():
            if separate:
                outputs = cls.forward(*args)
                cls.setup_context(node, args, outputs)
            else:
                outputs = cls.forward(node, *args, **kwargs)
        if recording and any(node.needs_input_grad):
            return _connected(node, args, outputs)
        return outputs


def _connected(node: FunctionNode, args: tuple[Any, ...], outputs: Any) -> Any:
    """The outputs, put in their places in the graph."""
    several = isinstance(outputs, tuple)
    given = list(outputs) if several else [outputs]
    node._inputs = tuple(_inputs(node, args))
    made = [_output(node, number, value, args) for number, value in enumerate(given)]
    node._infos = [_info(value) for value in made]
    node._saved = _kept(node, given, made)
    node._to_save = node._constants = ()
    return tuple(made) if several else made[0]


def _output(node: FunctionNode, number: int, value: Any, args: tuple[Any, ...]) -> Any:
    if not isinstance(value, Tensor):
        return value
    floating = value._data.is_floating_point() or value._data.is_complex()
    if not floating or any(value is other for other in node._constants):
        return value.detach() if any(value is other for other in args) else value
    if any(value is other for other in node._dirty):
        return _changed(node, number, value)
    fresh = Tensor(value._data)  # without the view that forward may have made of an argument
    if value._base is not None or any(value is other for other in args):
        fresh._data = value._data.view_as(value._data)
        fresh._base = value if value._base is None else value._base
        fresh._generation = fresh._base._generation
    fresh._edge = (node, number)
    return fresh


def _changed(node: FunctionNode, number: int, value: Tensor) -> Tensor:
    """An input that forward changed in place moves on in the graph."""
    base = value if value._base is None else value._base
    if base.is_leaf and base.requires_grad:
        raise RuntimeError(LEAF_IN_PLACE.replace("is being used", "has been used"))
    if base is value:
        torch.autograd.graph.increment_version(value._data)
        value._move((node, number))
        return value
    node._infos = [_info(value)]
    first = next(i for i, edge in enumerate(node.next_functions) if edge == value.edge())
    if first or number:
        raise RuntimeError(
            "a view changed in place by a custom Function must be its first tensor and output"
        )
    inner = (base.edge(), base._data, value._data, node)
    base._move((CopySlices(*inner, node._inputs), 0))
    return value


def _info(value: Any) -> Any:
    if isinstance(value, Tensor):
        return info(value._data)
    return NO_TENSOR


def _inputs(node: FunctionNode, args: tuple[Any, ...]) -> Iterator[Input]:
    """A note of each tensor that needs no gradient; a plain one of torch has no edge at all."""
    edges, more = itertools.count(), itertools.count(len(node.next_functions))
    for place, (value, wanted) in enumerate(zip(args, node.needs_input_grad, strict=True)):
        if isinstance(value, Tensor):
            number = next(edges)
            if not wanted:
                yield noted(_argument(node.function, place), number, value)
        elif isinstance(value, torch.Tensor):
            yield noted(_argument(node.function, place), next(more), value)


def _argument(function: type[Function], place: int) -> str:
    """What forward calls its argument of that number."""
    code = getattr(inspect.unwrap(function.forward), "__code__", None)
    place += function.setup_context is Function.setup_context  # the first is ctx
    names = code.co_varnames[: code.co_argcount] if code else ()
    return names[place] if place < len(names) else f"argument {place}"


def _kept(node: FunctionNode, given: list[Any], made: list[Any]) -> list[Any]:
    """The tensors for backward: its own outputs by number, lest the node hold itself."""
    kept: list[Any] = []
    for place, tensor in enumerate(node._to_save):
        number = next((i for i, value in enumerate(given) if value is tensor), None)
        if tensor is None:
            kept.append(None)
        elif isinstance(tensor, torch.Tensor):
            kept.append(Saved(tensor, NOWHERE))
        elif not isinstance(tensor, Tensor):
            raise TypeError(
                f"save_for_backward can only save variables, but argument {place} is of type "
                f"{type(tensor).__name__}"
            )
        elif number is not None and made[number]._edge is not None:
            kept.append(Saved(made[number]._data, (RESULT, number)))
        else:
            kept.append(Saved(tensor._data, tensor.edge(), tensor))
    return kept


def _sums_to(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether broadcasting makes `shape` of `wanted`."""
    if len(wanted) > len(shape):
        return False
    last = shape[len(shape) - len(wanted) :]
    return all(size in (1, long) for size, long in zip(wanted, last, strict=True))


# ---- gradients that have no gradient


class ErrorNode(Node):
    """Refuses to be differentiated."""

    __slots__ = ("_message",)

    def __init__(self, message: str, edges: tuple[Any, ...], infos: Any) -> None:
        super().__init__(edges, infos)
        self._message = message

    def vjp(self, grads: list[Any], record: bool) -> list[Any]:  # noqa: ARG002
        raise RuntimeError(self._message)


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a backward that does not say how it is differentiated itself."""

    @functools.wraps(function)
    def wrapper(ctx: Any, *args: Any) -> Any:
        with modes.no_grad():
            outputs = function(ctx, *args)
        edges = tuple(a.edge() for a in args if isinstance(a, Tensor) and a.requires_grad)
        if not modes.is_grad_enabled() or not edges:
            return outputs
        found = outputs if isinstance(outputs, tuple) else (outputs,)
        tensors = [grad for grad in found if isinstance(grad, Tensor)]
        node = ErrorNode(
            "trying to differentiate twice a function that was marked with @once_differentiable",
            edges,
            [info(tensor._data) for tensor in tensors],
        )
        places = {id(tensor): number for number, tensor in enumerate(tensors)}
        return tuple(
            at_edge(grad._data, (node, places[id(grad)])) if isinstance(grad, Tensor) else grad
            for grad in found
        )

    return wrapper
