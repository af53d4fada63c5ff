"""What a node shows of itself: `_saved_x` and `_raw_saved_x`, as torch's node of that name.

What backward needs is kept in any case. Of numbers and settings a node shows those that
torch's shows; what torch tells of the shapes of inputs is read off the edges they came by.
Their strides are not known. Tensors are shown as they are kept: where the engine keeps another
one than torch, it says so.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from torch._ops import OpOverload

from graphviz_autograd.engine.words import FREED

if TYPE_CHECKING:
    from graphviz_autograd.engine.table import Rule, RuleNode

_NOTHING = SimpleNamespace(data=None, unpack_hook=None)

_OF_SHAPES: dict[str, Callable[..., Any]] = {
    r"_sym_sizes(?:_opt)?": tuple,
    r"_sym_numel": math.prod,
    r"_dim": len,
    r"_sym_argsize_(\d+)": lambda shape, number: shape[int(number)],
    r"_sym_argsize_minus_(\d+)": lambda shape, number: shape[-int(number)],
}


def torchs_names(node: str) -> set[str] | None:
    """What torch's node of that name shows; None where torch has no such node."""
    kind = getattr(getattr(torch._C, "_functions", None), node, None)
    if kind is None:
        return None
    return {name.removeprefix("_saved_") for name in dir(kind) if name.startswith("_saved_")}


def settings(op: OpOverload, node: str) -> list[str]:
    """The arguments that torch's node shows and that are no tensors."""
    names = torchs_names(node) or ()
    arguments = op._schema.arguments
    return [a.name for a in arguments if a.name in names and "Tensor" not in str(a.type)]


def attributes(node: str, rule: Rule) -> dict[str, Any]:
    """The properties of a rule's nodes."""
    wanted = torchs_names(node)
    space: dict[str, Any] = {}
    for place, field in enumerate(rule.fields):
        is_tensor = field.what == "result" or field.name in rule.tensors
        name = _name_of_result(rule.op, field.place) if field.what == "result" else field.name
        if is_tensor or wanted is None or name in wanted:
            space[f"_saved_{name}"] = property(functools.partial(_read, place))
        if is_tensor:
            space[f"_raw_saved_{name}"] = property(functools.partial(_read_raw, place))
    for name in wanted or ():
        read = _derived(name, rule)
        if read is not None:
            space.setdefault(f"_saved_{name}", property(read))
    return space


def _name_of_result(op: OpOverload, place: int) -> str:
    returns = op._schema.returns
    return returns[place].name or (f"result{place}" if len(returns) > 1 else "result")


def _read(place: int, node: RuleNode) -> Any:
    if node._kept is None:
        raise RuntimeError(FREED)
    return node._value(node._kept[place], False)


def _read_raw(place: int, node: RuleNode) -> Any:
    kept = None if node._kept is None else node._kept[place]
    return tuple(kept) if isinstance(kept, list) else kept or _NOTHING


def _derived(name: str, rule: Rule) -> Callable[[Any], Any] | None:
    """How to read what torch says of an input's shape."""
    for argument in rule.vjps:
        if not name.startswith(argument):
            continue
        rest = name.removeprefix(argument)
        for pattern, of in _OF_SHAPES.items():
            match = re.fullmatch(pattern, rest)
            if match:
                return functools.partial(_of_shape, argument, of, match.groups())
    return None


def _of_shape(argument: str, of: Callable[..., Any], more: tuple[str, ...], node: RuleNode) -> Any:
    shape = _shape(argument, node)
    return None if shape is None else of(shape, *more)


def _shape(argument: str, node: RuleNode) -> Any:
    edge = node._edges_of[list(node.rule.vjps).index(argument)]
    if isinstance(edge, tuple) and edge[0] is not None:
        return edge[0]._infos[edge[1]][0]
    return next((noted[3][0] for noted in node._inputs if noted[0] == argument), None)
