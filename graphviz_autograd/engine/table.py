"""The rule table: for each ATen operator, its vector-Jacobian products.

A rule is a line or a few:

    rule(aten.mul.Tensor, "∂self = g·other̅, ∂other = g·self̅",
         self=lambda g, other: g * other.conj(),
         other=lambda g, self: g * self.conj())

For each argument that can have a gradient there is one function. What it takes is told by
the names of its parameters: `g` the gradient of the (first) output, `gs` those of all
outputs, `result` (or `result0`, `result1`, ...) the outputs, and any argument of the
operator by the name that its schema gives. Just what the functions needed here ask for is
saved. They are written with ordinary torch functions, so the same rule runs on plain
tensors and, where gradients are recorded too, on the engine's own.

What every rule would have to do is done for it: the gradient of an argument that was
broadcast is summed back to the argument's shape, that of a real argument loses its
imaginary part.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from torch._ops import OpOverload

from graphviz_autograd.engine.node import FREED, NOWHERE, RESULT, Node, Saved
from graphviz_autograd.engine.tensors import at_edge

VJP = Callable[..., Any]

_NOTHING = SimpleNamespace(data=None, unpack_hook=None)


class Rule:
    """How gradients pass through one operator.

    op        the ATen operator
    formula   the rule in plain notation
    kernel    whether it leans on torch's own derivative kernel (`*_backward`), and so is
              no independent opinion
    outputs   the numbers of the outputs that have a gradient; None for all
    vjps      for each differentiable argument, the function described above
    """

    def __init__(
        self,
        op: OpOverload,
        formula: str,
        name: str,
        kernel: bool,
        outputs: tuple[int, ...] | None,
        vjps: dict[str, VJP],
    ) -> None:
        self.op, self.formula, self.kernel, self.vjps = op, formula, kernel, vjps
        self.outputs = outputs
        arguments = op._schema.arguments
        self.names = [argument.name for argument in arguments]
        self.places = {name: place for place, name in enumerate(self.names)}
        self.defaults = {a.name: a.default_value for a in arguments if a.has_default_value()}
        self.tensors = {a.name for a in arguments if "Tensor" in str(a.type)}
        self.settings = set(self.names) - self.tensors  # dim, alpha: cheap to keep, good to see
        self.silent = [name for name in self.names if name in self.tensors - set(vjps)]
        self.needs = {
            argument: [name for name in _parameters(vjp) if name not in ("g", "gs")]
            for argument, vjp in vjps.items()
        }
        self.calls = {argument: (vjp, _parameters(vjp)) for argument, vjp in vjps.items()}
        unknown = set(vjps) - set(self.names)
        if unknown:
            raise ValueError(f"{op} has no argument {', '.join(sorted(unknown))}")
        self.node = _node_type(name, self)

    def __repr__(self) -> str:
        return f"<rule for {self.op}: {self.formula}>"

    def value(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """The argument of that name in a call."""
        place = self.places[name]
        if place < len(args):
            return args[place]
        return kwargs[name] if name in kwargs else self.defaults.get(name)


RULES: dict[OpOverload, Rule] = {}


def rule(
    op: OpOverload,
    formula: str,
    *,
    name: str = "",
    kernel: bool = False,
    outputs: tuple[int, ...] | None = None,
    **vjps: VJP,
) -> Rule:
    """Put a rule for `op` into the table; a later one for the same operator replaces it.

    `name` is what its nodes are called, where torch does not number them from 0; `outputs`
    are the numbers of the outputs that have a gradient, where not all have.
    """
    RULES[op] = Rule(op, formula, name or node_name(op), kernel, outputs, vjps)
    _looked_up.clear()
    return RULES[op]


def forget(op: OpOverload) -> None:
    """Take the rule for an operator out of the table."""
    RULES.pop(op, None)
    _looked_up.clear()


# ---- from an operator to what is known of it


class Known(NamedTuple):
    """What `doors` needs to know of an operator.

    `shape_only`: it changes in place how a tensor is looked at, not its numbers.
    """

    rule: Rule | None
    in_place: bool
    is_view: bool
    shape_only: bool


_looked_up: dict[OpOverload, Known] = {}


def look_up(op: OpOverload) -> Known:
    """What is known of an operator; one that works in place shares the rule of its twin."""
    known = _looked_up.get(op)
    if known is None:
        alias = op._schema.arguments[0].alias_info if op._schema.arguments else None
        in_place = alias is not None and alias.is_write
        rule = RULES.get(op) or RULES.get(_twin(op) if in_place else op)
        shape_only = torch.Tag.inplace_view in op.tags
        known = Known(rule, in_place, alias is not None and not in_place, shape_only)
        _looked_up[op] = known
    return known


def _twin(op: OpOverload) -> OpOverload:
    """The operator that does the same and changes nothing: mul for mul_."""
    name = op._schema.name.removeprefix("aten::").removesuffix("_")
    packet = getattr(torch.ops.aten, name, None)
    if packet is None:
        return op
    overloads = sorted(packet.overloads(), key=lambda overload: overload != op._overloadname)
    for overload in overloads:
        twin: OpOverload = getattr(packet, overload)
        if _types(twin) == _types(op):
            return twin
    return op


def _types(op: OpOverload) -> list[str]:
    return [str(argument.type) for argument in op._schema.arguments]


CONSTANT: set[OpOverload] = set()
"""Operators whose results never require grad, whatever they are made from."""


def constant(*ops: OpOverload) -> None:
    """No gradient passes these, and torch too says of their results that they need none."""
    CONSTANT.update(ops)


def node_name(op: OpOverload) -> str:
    """What torch calls the nodes of an operator, as a rule: mul -> MulBackward0."""
    words = op._schema.name.partition("::")[2].strip("_").split("_")
    return "".join(word.title() for word in words) + "Backward0"


def _parameters(vjp: VJP) -> tuple[str, ...]:
    code = vjp.__code__
    return code.co_varnames[: code.co_argcount]


class RuleNode(Node):
    """A node that works by a rule of the table."""

    __slots__ = ("_edges_of", "_kept")

    rule: Rule

    def __init__(
        self, edges_of: dict[str, Any], outputs: tuple[Any, ...], kept: dict[str, Any]
    ) -> None:
        flat: list[Any] = []
        for edges in edges_of.values():
            flat.extend(edges if isinstance(edges, list) else [edges])
        super().__init__(tuple(flat), outputs)
        self._edges_of = edges_of  # argument -> its edge, or a list of edges
        self._kept: dict[str, Any] | None = kept

    def vjp(self, grads: list[Any], record: bool) -> list[Any]:
        if self._kept is None:
            raise RuntimeError(FREED)
        values = {name: self._value(kept, record) for name, kept in self._kept.items()}
        values["g"], values["gs"] = grads[0], grads
        found: list[Any] = []
        for argument, edges in self._edges_of.items():
            several = isinstance(edges, list)
            if edges is NOWHERE or (several and all(edge is NOWHERE for edge in edges)):
                found.extend([None] * (len(edges) if several else 1))
                continue
            vjp, takes = self.rule.calls[argument]
            result = vjp(*[values[name] for name in takes])
            if several:
                found.extend(result)
            else:
                found.append(result)
        return found

    def _value(self, kept: Any, record: bool) -> Any:
        if isinstance(kept, Saved):
            plain = kept.plain(self)
            if not record:
                return plain
            node, number = kept.edge
            return at_edge(plain, (self if node is RESULT else node, number))
        if isinstance(kept, list):
            return [self._value(part, record) for part in kept]
        return kept

    def release(self) -> None:
        if any(isinstance(kept, Saved | list) for kept in (self._kept or {}).values()):
            self._kept = None


def _node_type(name: str, rule: Rule) -> type[RuleNode]:
    """A class of nodes of its own for a rule, with what it saves readable as torch's is."""
    space: dict[str, Any] = {"__slots__": (), "rule": rule}
    for field in sorted({name for needs in rule.needs.values() for name in needs}):
        space[f"_saved_{field}"] = property(functools.partial(_read_saved, field))
        if field.startswith("result") or field in rule.tensors:
            space[f"_raw_saved_{field}"] = property(functools.partial(_read_raw, field))
    return type(name, (RuleNode,), space)


def _read_saved(field: str, node: RuleNode) -> Any:
    if node._kept is None:
        raise RuntimeError(FREED)
    return node._value(node._kept.get(field), False)


def _read_raw(field: str, node: RuleNode) -> Any:
    kept = None if node._kept is None else node._kept.get(field)
    return tuple(kept) if isinstance(kept, list) else kept or _NOTHING
