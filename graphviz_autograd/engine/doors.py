"""From an operator to its rule.

`apply` runs an ATen operator on engine Tensors: at once, on the plain tensors inside them.
Where a gradient may be asked for, a node remembers how the result came about, by the rule
that the table has for the operator. The methods of Tensor come here straight; everything
else comes by way of `stand_in`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch._ops import OpOverload

from graphviz_autograd.engine import modes
from graphviz_autograd.engine.node import NOWHERE, RESULT, Saved
from graphviz_autograd.engine.table import CONSTANT, Rule, look_up
from graphviz_autograd.engine.tensors import Tensor
from graphviz_autograd.errors import InputTypeError, UnsupportedOperator

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]


def apply(op: OpOverload, *args: Any, **kwargs: Any) -> Any:
    """Run an ATen operator on engine Tensors, plain tensors and other arguments.

    Raises UnsupportedOperator where a gradient may be asked for and there is no rule.
    """
    known = look_up(op)
    recording = modes.is_grad_enabled() and any_requires_grad((*args, *kwargs.values()))
    if known.in_place:
        from graphviz_autograd.engine.in_place import change

        return change(op, known, args, kwargs, recording)
    result = run(op, args, kwargs)
    made = recorded(op, known.rule, args, kwargs, result) if recording else wrapped(result)
    if known.is_view:
        _note_base(args[0], made)
    return made


def run(op: OpOverload, args: Args, kwargs: Kwargs) -> Any:
    """The operator on the plain tensors alone."""
    plain = [a._data if type(a) is Tensor else unwrapped(a) for a in args]
    if kwargs:
        return op(*plain, **{name: unwrapped(value) for name, value in kwargs.items()})
    return op(*plain)


def _note_base(source: Any, made: Any) -> None:
    """The results of a view operator share the memory of what they were taken from."""
    base = source if source._base is None else source._base
    for view in made if isinstance(made, tuple | list) else (made,):
        view._base, view._generation = base, base._generation


# ---- recording


def recorded(op: OpOverload, rule: Rule | None, args: Args, kwargs: Kwargs, result: Any) -> Any:
    """The result, with the node that remembers how it came about."""
    several = isinstance(result, tuple | list)
    outputs = result if several else (result,)
    tensors = tuple([out for out in outputs if isinstance(out, torch.Tensor)])
    if op in CONSTANT or not any(map(differentiable, tensors)):
        return wrapped(result)
    rule = checked(op, rule)
    refuse_unknown(op, rule, args, kwargs)
    edges_of = edges_by_argument(rule, args, kwargs)
    node = rule.node(edges_of, tensors, kept(rule, edges_of, args, kwargs, outputs))
    if not several:
        return _output(result, node, 0, rule)
    return type(result)(
        [
            _output(out, node, number, rule) if isinstance(out, torch.Tensor) else out
            for number, out in enumerate(outputs)
        ]
    )


def _output(data: torch.Tensor, node: Any, number: int, rule: Rule) -> Tensor:
    tensor = Tensor(data)
    if differentiable(data) and (rule.outputs is None or number in rule.outputs):
        tensor._edge = (node, number)
    return tensor


def differentiable(data: torch.Tensor) -> bool:
    """Whether a tensor of this type can have a gradient."""
    return data.is_floating_point() or data.is_complex()


def edges_by_argument(rule: Rule, args: Args, kwargs: Kwargs) -> dict[str, Any]:
    """For each differentiable argument the edge it came by; for a list of tensors a list."""
    edges = {}
    for argument in rule.vjps:
        value = rule.value(argument, args, kwargs)
        edges[argument] = value.edge() if type(value) is Tensor else _edges(value)
    return edges


def _edges(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.edge()
    if isinstance(value, list | tuple):
        return [_edges(part) for part in value]
    if isinstance(value, torch.Tensor):
        _refuse_torchs(value)
    return NOWHERE


def kept(
    rule: Rule, edges_of: dict[str, Any], args: Args, kwargs: Kwargs, outputs: Any
) -> dict[str, Any]:
    """What the VJPs that will be needed ask for, by name; of the others what is no tensor."""
    found: dict[str, Any] = {}
    for argument, edges in edges_of.items():
        idle = edges is NOWHERE or edges == []
        for name in rule.needs[argument]:
            if name not in found and (not idle or name in rule.settings):
                found[name] = _kept(rule, name, args, kwargs, outputs)
    return found


def _kept(rule: Rule, name: str, args: Args, kwargs: Kwargs, outputs: Any) -> Any:
    if name.startswith("result"):
        number = int(name.removeprefix("result") or 0)
        made = _output(outputs[number], RESULT, number, rule)
        return Saved(made._data, made.edge())
    if name.endswith("_sym_sizes"):
        return _sizes(rule.value(name.removesuffix("_sym_sizes"), args, kwargs))
    return _saved(rule.value(name, args, kwargs), name in rule.tensors)


def _sizes(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return tuple(map(_sizes, value))
    return tuple(value.shape)


def _saved(value: Any, is_tensor: bool) -> Any:
    if isinstance(value, Tensor):
        return Saved(value._data, value.edge(), value)
    if is_tensor and isinstance(value, int | float | complex):
        return Saved(_as_tensor(value), NOWHERE)
    if isinstance(value, torch.Tensor):
        return Saved(value, NOWHERE)
    if isinstance(value, list | tuple) and any(isinstance(v, Tensor | torch.Tensor) for v in value):
        return [_saved(part, is_tensor) for part in value]
    return value


def _as_tensor(number: float | complex) -> torch.Tensor:
    """A number where a tensor belongs: exact, and without dimensions, so it widens no other."""
    wide: dict[type, torch.dtype] = {float: torch.float64, complex: torch.complex128}
    return torch.tensor(number, dtype=wide.get(type(number)))


# ---- what cannot be recorded


def checked(op: OpOverload, rule: Rule | None) -> Rule:
    """The rule. Raises UnsupportedOperator where there is none."""
    if rule is None:
        raise UnsupportedOperator(
            f"the engine has no rule for {op}: call it under engine.no_grad(), or give it one "
            "with engine.rule"
        )
    return rule


def refuse_unknown(op: OpOverload, rule: Rule, args: Args, kwargs: Kwargs) -> None:
    """An argument that requires grad and has no VJP would lose its gradient in silence."""
    for name in rule.silent:
        if any_requires_grad((rule.value(name, args, kwargs),)):
            raise UnsupportedOperator(f"the engine's rule for {op} has no gradient for {name!r}")


def any_requires_grad(values: tuple[Any, ...] | list[Any]) -> bool:
    """Whether any of these, or of what is in lists among them, is a Tensor that requires grad."""
    for value in values:
        if isinstance(value, Tensor):
            if value.requires_grad:
                return True
        elif isinstance(value, torch.Tensor):
            _refuse_torchs(value)
        elif isinstance(value, list | tuple) and any_requires_grad(value):
            return True
    return False


def _refuse_torchs(value: torch.Tensor) -> None:
    """A tensor that torch would differentiate: the engine's result would not pass that on."""
    if value.requires_grad and torch.is_grad_enabled():
        raise InputTypeError(
            "a torch tensor that requires grad meets an engine tensor, and its gradient would be "
            "lost: give engine.Tensor(tensor, requires_grad=True) in its place; where it is a "
            "module's parameter, call the module inside engine.wrap(module)"
        )


# ---- in and out of the engine's Tensors


def unwrapped(value: Any) -> Any:
    """Engine Tensors in an argument as the plain tensors inside them."""
    if isinstance(value, Tensor):
        return value._data
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
