"""Going backwards: gradients from the roots to the leaves, node by node."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

import torch
from torch.nn import Parameter

from graphviz_autograd.engine import modes, words
from graphviz_autograd.engine.node import KeepGrad, Node
from graphviz_autograd.engine.tensors import Tensor
from graphviz_autograd.engine.training import leaf_of

Roots = list[tuple[Any, Any]]  # (edge, gradient to start with)


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add to the `.grad` of the leaves the gradients of `tensors` with respect to them.

    Raises RuntimeError, with torch's words, where there is nothing to differentiate, no
    gradient to start from, or the graph was freed.
    """
    wanted = None if inputs is None else _several(inputs)
    if wanted is not None and not wanted:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    roots = _roots(_several(tensors), _several(grad_tensors), create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    if wanted is None:
        run(roots, retain, create_graph)
        return
    found = run(roots, retain, create_graph, capture=[tensor.edge() for tensor in wanted])
    for tensor, value in zip(wanted, found, strict=True):
        if value is not None:
            tensor._accumulate(value, create_graph)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,  # noqa: ARG001 - torch has it, and ignores it too
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of `outputs` with respect to `inputs`, without touching any `.grad`.

    Raises RuntimeError for an input that the outputs do not depend on, unless
    `allow_unused`: its gradient is None then.
    """
    if is_grads_batched:
        raise NotImplementedError("is_grads_batched needs vmap, which the engine does not have")
    if materialize_grads and allow_unused is False:
        raise ValueError(words.MATERIALIZE)
    wanted = _several(inputs)
    for tensor in wanted:
        if not tensor.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    roots = _roots(_several(outputs), _several(grad_outputs), create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    edges = [tensor.edge() for tensor in wanted]
    found = run(roots, retain, create_graph, capture=edges)
    allowed = materialize_grads if allow_unused is None else allow_unused
    results: list[Tensor | None] = []
    for number, (tensor, value) in enumerate(zip(wanted, found, strict=True)):
        if value is None and not allowed:
            raise RuntimeError(words.UNUSED.format(number))
        if value is None and materialize_grads:
            value = torch.zeros_like(tensor._data)
        results.append(value if value is None or isinstance(value, Tensor) else Tensor(value))
    return tuple(results)


def _several(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    several = (value,) if isinstance(value, Tensor | torch.Tensor) else tuple(value)
    return tuple([leaf_of(each) if isinstance(each, Parameter) else each for each in several])


def _roots(tensors: Sequence[Any], grads: Sequence[Any], record: bool) -> Roots:
    for given in grads:
        if given is not None and not isinstance(given, Tensor | torch.Tensor):
            raise TypeError(
                f"gradients can be either Tensors or None, but got {type(given).__name__}"
            )
    if grads and len(grads) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(grads)} gradients")
    roots = []
    for number, tensor in enumerate(tensors):
        if not tensor.requires_grad:
            raise RuntimeError(words.NO_GRAD_FN.format(number))
        data = tensor._data
        given = grads[number] if grads else None
        if given is None:
            if data.numel() != 1:
                raise RuntimeError(words.ONLY_SCALARS)
            if not data.is_floating_point():
                raise RuntimeError(
                    "grad can be implicitly created only for real scalar outputs but got "
                    f"{data.dtype}"
                )
            given = torch.ones_like(data)
        plain = given._data if isinstance(given, Tensor) else given
        if plain.shape != data.shape:
            raise RuntimeError(
                words.GRAD_OF_ANOTHER_SHAPE.format(
                    number=number, given=plain.shape, shape=data.shape
                )
            )
        recorded = given if isinstance(given, Tensor) else Tensor(plain)
        roots.append((tensor.edge(), recorded if record else plain))
    return roots


def run(
    roots: Roots,
    retain: bool,
    record: bool,
    *,
    capture: Sequence[Any] | None = None,
) -> list[Any]:
    """One pass over the graph above the roots, newest node first.

    An edge leads to an older node always, so when the newest of those that have a gradient
    waiting has its turn, whatever could add to that gradient has run.

    capture  edges whose gradients to return, in place of adding to any `.grad`; only the
             nodes on the way to them run then
    """
    wanted: dict[Node, list[tuple[int, int]]] = {}
    for place, (node, number) in enumerate(capture or ()):
        wanted.setdefault(node, []).append((number, place))
    on_the_way = None if capture is None else _leading_to(roots, set(wanted))
    captured: list[Any] = [None] * len(capture or ())
    due: dict[int, tuple[Node, list[Any]]] = {}  # number of a node -> it, its outputs' gradients
    turns: list[int] = []  # a heap of those numbers; heaps give the least first, so negative
    for (node, number), grad in roots:
        _send(due, turns, node, number, grad)
    with modes.set_grad_enabled(record):
        while turns:
            node, grads = due.pop(-heappop(turns))
            if node.pre_hooks:
                grads = _hooked(node, grads, record)
            if node in wanted:
                for number, place in wanted[node]:
                    captured[place] = grads[number]
            if on_the_way is not None and node not in on_the_way:
                continue
            none = grads[0] is None and all(grad is None for grad in grads)
            found = [] if none else node.vjp(grads, record)
            if not found:
                found = [None] * len(node.next_functions)
            if node.hooks:
                found = _seen(node, found, grads, record)
            if not retain:
                node.release()
            for (child, number), grad in zip(node.next_functions, found, strict=True):
                if child is None:
                    continue
                if on_the_way is not None and child not in on_the_way and child not in wanted:
                    continue
                if grad is not None:
                    shape, dtype, device = child._infos[number]
                    if grad.shape != shape or grad.dtype is not dtype or grad.device != device:
                        grad = _fitted(grad, shape, dtype, device)
                _send(due, turns, child, number, grad)
            found, grad = [], None  # a leaf keeps as its own what nobody else holds
    return captured


def _send(
    due: dict[int, tuple[Node, list[Any]]], turns: list[int], node: Node, number: int, grad: Any
) -> None:
    """A gradient for one output of a node, added to what has come for it before."""
    waiting = due.get(node._number)
    if waiting is None:
        waiting = due[node._number] = (node, [None] * len(node._infos))
        heappush(turns, -node._number)
    grads = waiting[1]
    if grad is not None:
        grads[number] = grad if grads[number] is None else grads[number] + grad


def _leading_to(roots: Roots, targets: set[Node]) -> set[Node]:
    """The nodes above the roots from which an edge leads on to one of the targets."""
    users: dict[Node, list[Node]] = {}
    stack = list({node: None for (node, _), _ in roots})
    seen = set(stack)
    while stack:
        node = stack.pop()
        for child, _ in node.next_functions:
            if child is not None:
                users.setdefault(child, []).append(node)
                if child not in seen:
                    seen.add(child)
                    stack.append(child)
    found: set[Node] = set()
    stack = list(targets)
    while stack:
        for user in users.get(stack.pop(), ()):
            if user not in found:
                found.add(user)
                stack.append(user)
    return found


def _hooked(node: Node, grads: list[Any], record: bool) -> list[Any]:
    # what retain_grad keeps is what the other hooks have made of it
    for number, hook in sorted(node.pre_hooks, key=lambda pair: isinstance(pair[1], KeepGrad)):
        grad = grads[number]
        if grad is None:
            continue
        other = hook(_tensor(grad))
        if other is None:
            continue
        if not isinstance(other, Tensor | torch.Tensor):
            raise TypeError(f"expected Variable, but hook returned '{type(other).__name__}'")
        if other.shape != grad.shape:
            name = getattr(hook, "__name__", type(hook).__name__)
            raise RuntimeError(f"hook '{name}' has changed the size of value")
        grads[number] = _tensor(other) if record else plain_of(other)
    return grads


def _seen(node: Node, found: list[Any], grads: list[Any], record: bool) -> list[Any]:
    """The gradients that go on, after the node's hooks have seen and maybe replaced them."""
    for hook in tuple(node.hooks):
        other = hook(tuple(map(_tensor, found)), tuple(map(_tensor, grads)))
        if other is not None:
            found = [g if g is None or record else plain_of(g) for g in other]
    return found


def plain_of(value: Any) -> Any:
    """The torch tensor inside a Tensor; anything else as it is."""
    return value._data if isinstance(value, Tensor) else value


def _tensor(grad: Any) -> Any:
    return Tensor(grad) if isinstance(grad, torch.Tensor) else grad


def _fitted(grad: Any, shape: torch.Size, dtype: torch.dtype, device: torch.device) -> Any:
    """A gradient as the tensor that it belongs to is: its shape, real where that is real."""
    if grad.shape != shape:
        grad = grad.sum_to_size(shape)
    if grad.dtype != dtype:
        if grad.dtype.is_complex and not dtype.is_complex:
            grad = grad.real
        grad = grad.to(dtype)
    if grad.device != device:
        grad = grad.to(device)  # a number on the CPU may meet tensors anywhere
    return grad
