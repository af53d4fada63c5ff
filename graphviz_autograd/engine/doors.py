"""From an operator to its rule.

`apply` runs an ATen operator on engine Tensors: at once, on the plain tensors inside them.
Where a gradient may be asked for, a node remembers how the result came about, by the rule
that the table has for the operator. The methods of Tensor come here straight; everything
else comes by way of `stand_in`.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch._ops import OpOverload

from graphviz_autograd.engine import modes
from graphviz_autograd.engine.node import FIRST_RESULT, NOWHERE, RESULT, Input, Saved, info
from graphviz_autograd.engine.table import Geometry, Known, Rule, leave, look_up
from graphviz_autograd.engine.tensors import DIFFERENTIABLE, Tensor, at_edge
from graphviz_autograd.engine.training import is_leaf, leaf_of
from graphviz_autograd.errors import InputTypeError, UnsupportedOperator

_WIDEST = {
    bool: torch.bool,
    int: torch.int64,
    float: torch.float64,
    complex: torch.complex128,
}


Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]


def apply(op: OpOverload, *args: Any, **kwargs: Any) -> Any:
    """Run an ATen operator on engine Tensors, plain tensors and other arguments.

    Raises UnsupportedOperator where a gradient may be asked for and there is no rule.
    """
    known = look_up(op)
    if known.apart is not None:
        with torch._C._EnableTorchFunction():  # inside a torch function it is off
            result = known.apart(*args, **kwargs)
        if result is not NotImplemented:
            return result
    return call(known, args, kwargs)


def call(known: Known, args: Args, kwargs: Kwargs) -> Any:
    """`apply`, for an operator that has been looked up."""
    if known.in_place:
        from graphviz_autograd.engine.in_place import change

        return change(known, args, kwargs)
    result = run(known, args, kwargs)
    made = recorded(known, args, kwargs, result) if modes.current.recording else wrapped(result)
    if known.is_view:
        _note_base(args[0], made)
    return made


def run(known: Known, args: Args, kwargs: Kwargs) -> Any:
    """The operator on the plain tensors alone."""
    plain = [a._data if type(a) is Tensor else unwrapped(a) for a in args]
    if kwargs:
        return known.run(*plain, **{name: unwrapped(value) for name, value in kwargs.items()})
    return known.run(*plain)


def _note_base(source: Any, made: Any) -> None:
    """The results of a view operator share the memory of what they were taken from."""
    base = source if source._base is None else source._base
    for view in made if isinstance(made, tuple | list) else (made,):
        view._base, view._generation = base, base._generation


# ---- recording


def recorded(known: Known, args: Args, kwargs: Kwargs, result: Any) -> Any:
    """The result; with the node that remembers how it came about, if a gradient can be asked."""
    rule = known.rule
    if known.constant or rule is None:
        if not known.constant and any_requires_grad((*args, *kwargs.values())):
            refuse_without_rule(known, result)
        return wrapped(result)
    values = rule.bound(args, kwargs)
    edges_of, active = edges_by_argument(rule, values)
    if rule.silent:
        refuse_silent(rule, values)
    if not active:
        return wrapped(result)
    if isinstance(result, torch.Tensor):
        if result.dtype not in DIFFERENTIABLE:
            return Tensor(result)
        outputs = (result,)
        kept = keep(rule, active, edges_of, values, outputs)
        inputs = () if active == rule.all_active else inputs_of(rule, edges_of, values)
        return at_edge(result, (leave(rule, edges_of, kept, inputs, outputs), 0))
    differentiable = [_has_gradient(out, number, rule) for number, out in enumerate(result)]
    if not any(differentiable):
        return wrapped(result)
    tensors = list(result)
    while not differentiable.pop():  # of the last ones without gradients no node knows
        tensors.pop()
    kept = keep(rule, active, edges_of, values, result)
    node = leave(rule, edges_of, kept, inputs_of(rule, edges_of, values), tensors)
    return type(result)([_output(out, node, number, rule) for number, out in enumerate(result)])


def _output(data: Any, node: Any, number: int, rule: Rule) -> Any:
    return at_edge(data, (node, number)) if _has_gradient(data, number, rule) else wrapped(data)


def _has_gradient(data: Any, number: int, rule: Rule) -> bool:
    if rule.outputs is not None and number not in rule.outputs:
        return False
    return isinstance(data, torch.Tensor) and data.dtype in DIFFERENTIABLE


def edges_by_argument(rule: Rule, values: Args) -> tuple[list[Any], int]:
    """For each differentiable argument the edge it came by; for a list of tensors a list.

    With them, a bit for each argument that a gradient can go on from.
    """
    edges_of: list[Any] = []
    active = 0
    for place, bit in rule.places:
        value = values[place]
        if type(value) is Tensor:
            edge = value._edge
            if edge is None or value._base is not None:
                edge = value.edge()
            if edge is not NOWHERE:
                active |= bit
        else:
            edge = _edges(value)
            if edge is not NOWHERE and (
                type(edge) is not list or any(part is not NOWHERE for part in edge)
            ):
                active |= bit
        edges_of.append(edge)
    return edges_of, active


def _edges(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.edge()
    if isinstance(value, list | tuple):
        return [_edges(part) for part in value]
    if isinstance(value, torch.Tensor):
        if is_leaf(value):
            return leaf_of(value).edge()
        _refuse_torchs(value)
    return NOWHERE


def inputs_of(rule: Rule, edges_of: list[Any], values: Args) -> tuple[Input, ...]:
    """A note of each tensor that no edge leads to: a drawing may show it, backward does not ask."""
    found: list[Input] = []
    number = 0
    for edge, (place, name) in zip(edges_of + rule.no_edges, rule.takes, strict=True):
        if edge is NOWHERE:
            value = values[place]
            if type(value) is Tensor:
                found.append((name, number, weakref.ref(value), info(value._data)))
            elif isinstance(value, torch.Tensor):
                found.append(noted(name, number, value))
            elif isinstance(value, list | tuple):
                edge = [NOWHERE] * len(value)
        if type(edge) is list:
            for index, (part, way) in enumerate(zip(values[place], edge, strict=True)):
                if way is NOWHERE and isinstance(part, Tensor | torch.Tensor):
                    found.append(noted(f"{name}[{index}]", number + index, part))
            number += len(edge)
        else:
            number += 1
    return tuple(found)


def noted(argument: str, number: int, tensor: Any) -> Input:
    """What a node remembers of a tensor that it needs no gradient for."""
    plain = tensor._data if type(tensor) is Tensor else tensor
    return (argument, number, weakref.ref(tensor), info(plain))


def keep(
    rule: Rule, active: int, edges_of: list[Any], values: Args, results: Sequence[Any]
) -> list[Any]:
    """What a node keeps, field by field: of a tensor that no VJP needed here asks for, nothing."""
    kept: list[Any] = []
    for name, what, place, users, own in rule.fields:
        if what == "argument":
            value = values[place]
            if type(value) is Tensor:
                if users & active:
                    edge = value.edge() if own is None else edges_of[own]
                    value = Saved(value._data, edge, value)
                else:
                    value = None
            elif name in rule.tensors:
                value = _saved(value) if users & active else None
        elif not users & active or (what == "result" and not results):
            value = None
        elif what == "result":
            has_gradient = _has_gradient(results[place], place, rule)
            own_edge = (RESULT, place) if place else FIRST_RESULT
            value = Saved(results[place], own_edge if has_gradient else NOWHERE)
        elif what == "geometry":
            plain = unwrapped(values[place])
            value = Geometry(plain.shape, plain.stride(), plain.storage_offset())
        else:
            value = _sizes(values[place])
        kept.append(value)
    return kept


def _sizes(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return tuple(map(_sizes, value))
    return tuple(value.shape)


def _saved(value: Any) -> Any:
    if is_leaf(value):
        value = leaf_of(value)
    if isinstance(value, Tensor):
        return Saved(value._data, value.edge(), value)
    if isinstance(value, torch.Tensor):
        return Saved(value, NOWHERE)
    if isinstance(value, int | float | complex):
        return Saved(_as_tensor(value), NOWHERE)
    if isinstance(value, list | tuple):
        return [_saved(part) for part in value]
    return value


def _as_tensor(number: float | complex) -> torch.Tensor:
    """A number where a tensor belongs: exact, and without dimensions, so it widens no other."""
    return torch.scalar_tensor(number, dtype=_WIDEST[type(number)])


# ---- what cannot be recorded


def refuse_without_rule(known: Known, result: Any) -> None:
    """Raises UnsupportedOperator, unless nothing comes out that could have a gradient."""
    outputs = result if isinstance(result, tuple | list) else (result,)
    if any(isinstance(out, torch.Tensor) and out.dtype in DIFFERENTIABLE for out in outputs):
        raise UnsupportedOperator(
            f"the engine has no rule for {known.op}: call it under engine.no_grad(), or give it "
            "one with engine.rule"
        )


def refuse_silent(rule: Rule, values: Args) -> None:
    """An argument that requires grad and has no VJP would lose its gradient in silence."""
    for place in rule.silent:
        if any_requires_grad((values[place],)):
            raise UnsupportedOperator(
                f"the engine's rule for {rule.op} has no gradient for {rule.names[place]!r}"
            )


def any_requires_grad(values: tuple[Any, ...] | list[Any]) -> bool:
    """Whether any of these, or of what is in lists among them, is a Tensor that requires grad."""
    for value in values:
        if isinstance(value, Tensor):
            if value.requires_grad:
                return True
        elif isinstance(value, torch.Tensor):
            if is_leaf(value):
                return True
            _refuse_torchs(value)
        elif isinstance(value, list | tuple) and any_requires_grad(value):
            return True
    return False


def _refuse_torchs(value: torch.Tensor) -> None:
    """A tensor that torch would differentiate: the engine's result would not pass that on."""
    if value.requires_grad and torch.is_grad_enabled():
        raise InputTypeError(
            "a torch tensor that requires grad meets an engine tensor, and its gradient would be "
            "lost: give engine.Tensor(tensor, requires_grad=True) in its place; where a module "
            "makes it of its parameters alone, call the module inside engine.wrap(module)"
        )


# ---- in and out of the engine's Tensors


def unwrapped(value: Any) -> Any:
    """Engine Tensors in an argument as the plain tensors inside them; torch records nothing."""
    if isinstance(value, Tensor):
        return value._data
    if isinstance(value, torch.Tensor) and value.requires_grad:
        return value.detach()
    if isinstance(value, list | tuple):
        return type(value)(unwrapped(part) for part in value)
    return value


def wrapped(value: Any) -> Any:
    """Plain torch tensors in a result as engine Tensors."""
    if isinstance(value, torch.Tensor):
        return Tensor(value)
    if isinstance(value, tuple | list):
        return type(value)([wrapped(part) for part in value])
    return value
