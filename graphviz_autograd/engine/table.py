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

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch._ops import OpOverload

from graphviz_autograd.engine.attributes import attributes, settings
from graphviz_autograd.engine.node import NOWHERE, RESULT, Input, Node, Saved, info
from graphviz_autograd.engine.tensors import at_edge
from graphviz_autograd.engine.words import FREED

VJP = Callable[..., Any]


class Field(NamedTuple):
    """Something that VJPs ask for, and where it is found.

    what   "argument", "result", "sizes" for the shape of an argument, or "geometry" for its
           shape, strides and offset in memory
    place  its number among the arguments, or among the outputs
    users  the arguments whose VJPs ask for it, a bit for each
    edge   of a differentiable argument, its number among them
    """

    name: str
    what: str
    place: int
    users: int
    edge: int | None = None


class Geometry(NamedTuple):
    """How a tensor lies in its memory, without its numbers."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int


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
        names = [argument.name for argument in arguments]
        unknown = set(vjps) - set(names)
        if unknown:
            raise ValueError(f"{op} has no argument {', '.join(sorted(unknown))}")
        self.names = tuple(names)
        self.defaults = tuple(a.default_value if a.has_default_value() else None for a in arguments)
        self.tensors = {a.name for a in arguments if "Tensor" in str(a.type)}
        self.makes_list = "List" in str(op._schema.returns[0].type) if op._schema.returns else False
        self.has_lists = any("List" in str(a.type) for a in arguments if a.name in vjps)
        self.silent = [names.index(name) for name in names if name in self.tensors - set(vjps)]
        self.places = [(names.index(name), 1 << number) for number, name in enumerate(vjps)]
        # What `doors.inputs_of` needs: every tensor argument, those that have edges first; and
        # the `active` of a call that has no more tensors than edges, -1 where that cannot be told.
        self.takes = [(place, names[place]) for place, _ in self.places]
        self.takes += [(place, names[place]) for place in self.silent]
        self.no_edges = [NOWHERE] * len(self.silent)
        self.all_active = -1 if self.silent or self.has_lists else (1 << len(vjps)) - 1
        wanted = {name: set(_parameters(vjp)) - {"g", "gs"} for name, vjp in vjps.items()}
        fields = dict.fromkeys(name for vjp in vjps.values() for name in _parameters(vjp))
        fields |= dict.fromkeys(settings(op, name))
        self.fields = [_field(f, names, wanted) for f in fields if f not in ("g", "gs")]
        order = ["g", "gs", *[field.name for field in self.fields]]
        self.calls = [
            (vjp, _picker([order.index(name) for name in _parameters(vjp)]))
            for vjp in vjps.values()
        ]
        self.node = _node_type(name, self)

    def __repr__(self) -> str:
        return f"<rule for {self.op}: {self.formula}>"

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
        """All arguments of a call, in the order of the operator's schema."""
        if not kwargs:
            return args + self.defaults[len(args) :]
        rest = zip(self.names[len(args) :], self.defaults[len(args) :], strict=True)
        return args + tuple([kwargs.get(name, default) for name, default in rest])

    def asks_for_self(self, active: int) -> bool:
        """Whether one of these arguments' VJPs needs the first argument."""
        return any(
            field.what == "argument" and field.place == 0 and field.users & active
            for field in self.fields
        )


def _picker(places: list[int]) -> Callable[[list[Any]], Sequence[Any]]:
    """Picks what a VJP takes out of all that there is."""
    if len(places) == 1:
        only = places[0]
        return operator.itemgetter(slice(only, only + 1))
    return operator.itemgetter(*places) if places else lambda _: ()


def _field(name: str, names: list[str], wanted: dict[str, set[str]]) -> Field:
    users = sum(1 << number for number, asked in enumerate(wanted.values()) if name in asked)
    if name.startswith("result"):
        return Field(name, "result", int(name.removeprefix("result") or 0), users)
    if name.endswith("_sym_sizes"):
        return Field(name, "sizes", names.index(name.removesuffix("_sym_sizes")), users)
    if name.endswith("_geometry"):
        return Field(name, "geometry", names.index(name.removesuffix("_geometry")), users)
    edge = list(wanted).index(name) if name in wanted else None
    return Field(name, "argument", names.index(name), users, edge)


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
    _tell(op)
    return RULES[op]


def forget(op: OpOverload) -> None:
    """Take the rule for an operator out of the table."""
    RULES.pop(op, None)
    _tell(op)


CONSTANT: set[OpOverload] = set()
"""Operators whose results never require grad, whatever they are made from."""


def constant(*ops: OpOverload) -> None:
    """No gradient passes these, and torch too says of their results that they need none."""
    CONSTANT.update(ops)
    for op in ops:
        look_up(op).constant = True


FUNCTIONS: dict[Any, Callable[..., Any]] = {}
"""Functions of torch that are no operator, and what runs in their place."""


def taken_apart(of: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator: where a program arrives at an operator of torch, or at a function that is
    none, this function runs on the engine instead.

    It takes what that takes, and is written with torch functions that have rules. In place of an
    operator it may answer NotImplemented, and the operator runs as ever.
    """

    def noted(function: Callable[..., Any]) -> Callable[..., Any]:
        if isinstance(of, OpOverload):
            look_up(of).apart = function
        else:
            FUNCTIONS[of] = function
        return function

    return noted


# ---- from an operator to what is known of it


class Known:
    """What `doors` needs to know of an operator.

    rule        its rule, or that of its twin; None where there is none
    run         what computes it on plain tensors
    in_place    whether it changes its first argument
    is_view     whether its results share their memory with its first argument
    shape_only  whether it changes in place how a tensor is looked at, not its numbers
    constant    whether its results never require grad
    apart       what runs in its place, where `taken_apart` said so
    """

    __slots__ = (
        "apart",
        "constant",
        "in_place",
        "is_view",
        "op",
        "rule",
        "run",
        "shape_only",
        "twin",
    )

    def __init__(self, op: OpOverload) -> None:
        alias = op._schema.arguments[0].alias_info if op._schema.arguments else None
        self.op = op
        self.run: Callable[..., Any] = op._op
        self.in_place = alias is not None and alias.is_write
        self.is_view = alias is not None and not self.in_place
        self.shape_only = torch.Tag.inplace_view in op.tags
        self.twin = _twin(op) if self.in_place else op
        self.constant = op in CONSTANT
        self.rule = RULES.get(op) or RULES.get(self.twin)
        self.apart: Callable[..., Any] | None = None


_looked_up: dict[OpOverload, Known] = {}


def look_up(op: OpOverload) -> Known:
    """What is known of an operator; one that works in place shares the rule of its twin."""
    known = _looked_up.get(op)
    if known is None:
        known = _looked_up[op] = Known(op)
    return known


def _tell(op: OpOverload) -> None:
    """The rule for an operator has changed."""
    for known in _looked_up.values():
        if known.op is op or known.twin is op:
            known.rule = RULES.get(known.op) or RULES.get(known.twin)


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


def node_name(op: OpOverload) -> str:
    """What torch calls the nodes of an operator, as a rule: mul -> MulBackward0."""
    words = op._schema.name.partition("::")[2].strip("_").split("_")
    return "".join(word.title() for word in words) + "Backward0"


def _parameters(vjp: VJP) -> tuple[str, ...]:
    code = vjp.__code__
    return code.co_varnames[: code.co_argcount]


class RuleNode(Node):
    """A node that works by a rule of the table.

    Keeps what the rule's `fields` name; of those that no VJP needed here asks for, only
    what is no tensor.
    """

    __slots__ = ("_edges_of", "_inputs", "_kept")

    rule: Rule
    _edges_of: Sequence[Any]  # for each differentiable argument its edge, or a list of edges
    _inputs: tuple[Input, ...]  # the other tensors it took
    _kept: tuple[Any, ...] | None

    def vjp(self, grads: list[Any], record: bool) -> list[Any]:
        if self._kept is None:
            raise RuntimeError(FREED)
        values: list[Any] = [grads[0], grads]
        for kept in self._kept:
            if type(kept) is Saved and not record:
                values.append(kept.plain(self))
            else:
                values.append(self._value(kept, record))
        found: list[Any] = []
        for edges, (vjp, pick) in zip(self._edges_of, self.rule.calls, strict=True):
            if edges is NOWHERE:
                found.append(None)
            elif type(edges) is not list:
                found.append(vjp(*pick(values)))
            elif all(edge is NOWHERE for edge in edges):
                found.extend([None] * len(edges))
            else:
                found.extend(vjp(*pick(values)))
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
        for kept in self._kept or ():
            if isinstance(kept, Saved | list):
                self._kept = None
                return


def leave(
    rule: Rule,
    edges_of: list[Any],
    kept: list[Any],
    inputs: tuple[Input, ...],
    outputs: Sequence[torch.Tensor],
) -> RuleNode:
    """The node that remembers what ran, by which rule."""
    if rule.has_lists:
        flat = tuple(e for edges in edges_of for e in (edges if type(edges) is list else [edges]))
    else:
        flat = tuple(edges_of)
    infos = (info(outputs[0]),) if len(outputs) == 1 else [info(out) for out in outputs]
    node = rule.node(flat, infos)
    node._edges_of = edges_of if rule.has_lists else flat
    node._inputs = inputs
    node._kept = tuple(kept)
    return node


def _node_type(name: str, rule: Rule) -> type[RuleNode]:
    """A class of nodes of its own for a rule, which shows what torch's does."""
    return type(name, (RuleNode,), {"__slots__": (), "rule": rule, **attributes(name, rule)})
