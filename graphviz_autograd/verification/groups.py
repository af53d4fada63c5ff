"""Which recorded Calls ran under which node of torch's graph, and what each of them took.

A built-in operator leaves one Call under its node, an autograd.Function all that its forward
ran. For each node this says which tensors its inputs and outputs are, so that the Calls can
be differentiated by someone else and compared with the node, edge by edge.

May import program, nodes and replay of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch

from graphviz_autograd.verification.nodes import TorchGraph, TorchNode
from graphviz_autograd.verification.program import Call, Program, Use, Value, traits
from graphviz_autograd.verification.replay import AS_RECORDED, Numbers, Side, run

aten = torch.ops.aten

BASE = -1
"""In place of an argument's number: the tensor that the changed one is a view of."""


Inputs = dict[int, tuple[int, ...]]
"""For an argument's number, or the id of a Value, the edges of a node that it came by."""


class Group:
    """A node, and the Calls that ran under it.

    outputs  for each output of the node that was used, the Value it is
    inputs   for each differentiable input, the argument's number (of a built-in operator) or
             the id of its Value (of a custom Function), and the edges of the node it came by
    lost     of a custom Function what its forward uses though no edge leads there, by id
    trouble  why inputs and outputs could not be told, "" if they could
    """

    def __init__(self, node: TorchNode) -> None:
        self.node = node
        self.calls: list[Call] = []
        self.outputs: dict[int, Value] = {}
        self.inputs: Inputs = {}
        self.lost: dict[int, Value] = {}
        self.trouble = ""

    @property
    def custom(self) -> bool:
        """Whether the node is that of an autograd.Function."""
        return self.node.custom

    @property
    def several(self) -> bool:
        """Whether more than one Call may have run under it."""
        return self.node.custom or len(self.calls) > 1


class Groups:
    """The groups of a program.

    by_place  by the number of the node in torch's graph
    by_call   by the number of the Call
    """

    def __init__(self, program: Program, graph: TorchGraph, opaque: set[int]) -> None:
        self.graph, self.program = graph, program
        self.by_place: dict[int, Group] = {}
        self.by_call: dict[int, Group] = {}
        self._leaves = {id(n.fn.variable): n.place for n in graph.nodes if n.is_leaf}
        self._share_out()
        self._name_outputs()
        for group in self.by_place.values():
            self._name_inputs(group)
            if group.custom and not group.trouble and not group.node.used <= set(group.outputs):
                group.trouble = "opaque forward"
        self.opaque = {
            place for place, group in self.by_place.items() if group.node.sequence in opaque
        }

    # ---- which Call belongs to which node

    def _share_out(self) -> None:
        nodes: dict[int, list[TorchNode]] = {}
        for node in self.graph.nodes:
            if not node.is_leaf:
                nodes.setdefault(node.sequence, []).append(node)
        for call in self.program.calls:
            if call.silent or call.sequence < 0:
                continue
            owner = _node_of(call, nodes)
            if owner is None:
                continue
            group = self.by_place.setdefault(owner.place, Group(owner))
            if group.calls and group.calls[0].thread != call.thread:
                group.trouble = "nodes of several threads bear the same number"
            group.calls.append(call)
            self.by_call[call.number] = group

    # ---- what goes in and comes out

    def _name_outputs(self) -> None:
        for call in self.program.calls:
            for use in call.uses:
                if use.requires_grad:
                    self._name_output(use.value, use.output_nr, self.by_call.get(call.number))
            if call.base is not None and call.base.requires_grad:
                self._name_output(call.base.value, call.base.output_nr, None)
        for output in self.program.outputs:
            self._name_output(output.value, output.output_nr, None)

    def _name_output(self, value: Value, number: int, user: Group | None) -> None:
        call = value.call
        group = None if call is None else self.by_call.get(call.number)
        if group is not None and group is not user and _plain_call(group.calls[0]):
            group.outputs.setdefault(number, value)

    def _name_inputs(self, group: Group) -> None:
        if not group.several:
            self._name_arguments(group)
            return
        keys: dict[tuple[int | None, int], list[int]] = {}
        for position, (child, number) in enumerate(group.node.edges):
            if child is not None:
                keys.setdefault((child, number), []).append(position)
        strangers = []
        for use in _outside(group):
            key = self.edge_of(use)
            if key in keys:
                group.inputs[id(use.value)] = tuple(keys[key])
            elif id(use.value) not in group.inputs:
                strangers.append(use.value)
        missing = [key for key in keys if tuple(keys[key]) not in group.inputs.values()]
        unknown = {id(value): value for value in strangers}
        if len(unknown) == len(missing) == 1:
            group.inputs[next(iter(unknown))] = tuple(keys[missing[0]])
        elif unknown and missing:
            group.trouble = "its inputs could not be told apart"
        elif group.custom:
            group.lost = unknown
            group.node.hidden = [
                v.tensor for v in unknown.values() if v.tensor is not None and v.is_leaf
            ]

    def _name_arguments(self, group: Group) -> None:
        """Of a built-in operator: arguments that require grad, in order, came by its edges."""
        call = group.calls[0]
        places = [i for i, use in enumerate(call.uses) if use.requires_grad]
        if is_slice(group) and call.base is not None:
            places = [i for i in places if i not in _write_places(call)]
            if call.base.requires_grad:
                places.insert(0, BASE)
        positions = [i for i, (child, _) in enumerate(group.node.edges) if child is not None]
        if len(places) != len(positions):
            group.trouble = "its inputs could not be told apart"
            return
        group.inputs = {place: (i,) for place, i in zip(places, positions, strict=True)}

    def edge_of(self, use: Use) -> tuple[int | None, int]:
        """The edge that the gradient of a tensor goes along: node and number of its output."""
        value = use.value
        if value.call is None:
            return self.leaf_of(value), 0
        group = self.by_call.get(value.call.number)
        return (None, 0) if group is None else (group.node.place, use.output_nr)

    def leaf_of(self, value: Value) -> int | None:
        """The node that gathers the gradient of a given Value; None for a constant."""
        return None if value.tensor is None else self._leaves.get(id(value.tensor))


def _node_of(call: Call, nodes: dict[int, list[TorchNode]]) -> TorchNode | None:
    """The node that was being built when this ran.

    It is the newest one, unless building it took another: a copy of what is changed in place,
    or a view brought up to date.
    """
    if call.base is not None:
        for node in nodes.get(call.sequence + 1, ()):
            if node.name == "CopySlices":
                return node
    if not call.recorded:
        for sequence in range(call.sequence, call.previous, -1):  # a Function may use others
            for node in nodes.get(sequence, ()):
                if node.custom:
                    return node
        return None
    name = _word(call.op._schema.name.partition("::")[2])
    for sequence in range(call.sequence, max(call.previous, call.sequence - 16), -1):
        for node in nodes.get(sequence, ()):
            if not node.custom and _word(node.name.partition("Backward")[0]) == name:
                return node
    for node in nodes.get(call.sequence, ()):
        if not node.custom and node.name not in MADE_OUT_OF_SIGHT:
            return node
    return None


def _word(name: str) -> str:
    """mul_ and MulBackward0 are one."""
    return name.replace("_", "").lower()


MADE_OUT_OF_SIGHT = ("AsStridedBackward0", "CopySlices")
"""Nodes that torch makes without an operator, when something is changed through a view."""


def is_slice(group: Group) -> bool:
    """Whether the node says that a part of its input was replaced through a view."""
    return group.node.name == "CopySlices"


def _plain_call(call: Call) -> bool:
    return call.base is None or not call.recorded


def _outside(group: Group) -> Iterator[Use]:
    """What the forward of a Function takes from outside, and needs gradients."""
    inside = {call.number for call in group.calls}
    for call in group.calls:
        for use in call.uses:
            made = use.value.call
            if use.requires_grad and (made is None or made.number not in inside):
                yield use


def _write_places(call: Call) -> set[int]:
    """Of the tensors among its arguments, the numbers of those that a Call changes."""
    found, place = set(), 0
    writes = traits(call.op).writes
    for index, arg in enumerate(call.args):
        parts = arg if isinstance(arg, list) else [arg]
        for part in parts:
            if isinstance(part, Value):
                if index in writes:
                    found.add(place)
                place += 1
    return found


# ---- differentiating a group


class Ran(NamedTuple):
    """A group that was run on its own.

    outputs  by number of the node's outputs
    leaves   what to differentiate with respect to, each with the edges it stands for
    """

    outputs: dict[int, Any]
    leaves: list[tuple[Any, tuple[int, ...]]]


Data = Callable[[Value], torch.Tensor]
Shift = Callable[[torch.Tensor, int], torch.Tensor]


def run_group(
    side: Side,
    group: Group,
    data: Data,
    numbers: Numbers = AS_RECORDED,
    shift: Shift | None = None,
    inputs: Inputs | None = None,
) -> Ran:
    """Run the Calls of a group again, from leaves in place of its differentiable inputs.

    data    the numbers of a Value from outside, at the time the group ran
    shift   what to make of the numbers of the how-manieth leaf
    inputs  what to make leaves of, if not of the group's own inputs

    Raises Opaque where a Call cannot be run.
    """
    runner = _Runner(side, group, data, numbers, shift, inputs)
    return runner.function() if group.several else runner.operator()


class _Runner:
    def __init__(
        self,
        side: Side,
        group: Group,
        data: Data,
        numbers: Numbers,
        shift: Shift | None,
        inputs: Inputs | None,
    ) -> None:
        self.side, self.group, self.data = side, group, data
        self.numbers, self.shift = numbers, shift
        self.inputs = group.inputs if inputs is None else inputs
        self.leaves: list[tuple[Any, tuple[int, ...]]] = []

    def tensor(self, value: Value, key: int) -> Any:
        """A leaf, or a constant, with the numbers that a Value has."""
        numbers = self.numbers.of(self.data(value))
        edges = self.inputs.get(key)
        if edges is None:
            return self.side.hold(numbers)
        if self.shift is not None:
            numbers = self.shift(numbers, len(self.leaves))
        leaf = self.side.leaf(numbers)
        self.leaves.append((leaf, edges))
        return leaf

    def copy(self, tensor: Any) -> Any:
        return self.side.run(aten.clone.default, tensor)

    def operator(self) -> Ran:
        call, group = self.group.calls[0], self.group
        changed = _write_places(call)
        if is_slice(group):
            return self.slice(call, changed)

        def find(value: Value, place: int) -> Any:
            tensor = self.tensor(value, place)
            return self.copy(tensor) if place in changed else tensor

        results = run(self.side, call, find, self.numbers)
        found = {
            number: results[group.outputs[number].index if number in group.outputs else number]
            for number in group.node.used
        }
        return Ran(found, self.leaves)

    def slice(self, call: Call, changed: set[int]) -> Ran:
        """A change through a view, seen from the base."""
        assert call.base is not None
        base = self.copy(self.tensor(call.base.value, BASE))
        whole = self.data(call.base.value)

        def find(value: Value, place: int) -> Any:
            if place not in changed:
                return self.tensor(value, place)
            view = self.data(value)
            offset = view.storage_offset() - whole.storage_offset()
            return self.side.run(
                aten.as_strided.default, base, list(view.shape), list(view.stride()), offset
            )

        run(self.side, call, find, self.numbers)
        return Ran({0: base}, self.leaves)

    def function(self) -> Ran:
        """The forward of an autograd.Function."""
        held: dict[int, Any] = {}
        results: dict[int, tuple[Any, ...]] = {}
        for call in self.group.calls:
            changed = _write_places(call)

            def find(value: Value, place: int, changed: set[int] = changed) -> Any:
                if value.call is not None and value.call.number in results:
                    return results[value.call.number][value.index]
                if id(value) not in held:
                    held[id(value)] = self.tensor(value, id(value))
                if place in changed:
                    held[id(value)] = self.copy(held[id(value)])
                return held[id(value)]

            results[call.number] = run(self.side, call, find, self.numbers)
        found = {
            number: results[value.call.number][value.index]
            for number, value in self.group.outputs.items()
            if value.call is not None
        }
        return Ran(found, self.leaves)
