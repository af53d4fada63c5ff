"""The whole check: the recorded program from its leaves to its outputs and back.

The engine runs the program again and takes it backward; torch's own graph is taken backward
from the same cotangents. Compared are the outputs, the cotangents that arrive at every node,
and the gradients of the leaves, so that the wiring between the nodes is checked too.

May import the engine (by way of replay), and groups, nodes, local, stand_ins,
outcome, compare of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from graphviz_autograd.verification.compare import largest
from graphviz_autograd.verification.groups import Data, Group, Groups, is_slice
from graphviz_autograd.verification.local import of_raised
from graphviz_autograd.verification.nodes import Grads, TorchNode
from graphviz_autograd.verification.outcome import FAILED, Outcome
from graphviz_autograd.verification.program import Call, Use, Value
from graphviz_autograd.verification.replay import (
    AS_RECORDED,
    ENGINE,
    Numbers,
    Opaque,
    Replay,
)
from graphviz_autograd.verification.stand_ins import StandIns

Seat = tuple[int, int]
"""A node of torch's graph, and the number of one of its outputs."""


Visit = Callable[["EngineRun", Group, Call], None]


class EngineRun:
    """The program on the engine, forward and then backward.

    outputs    its outputs
    leaves     the engine's leaves, each with the number of its node in torch's graph; a leaf
               that was changed between two uses is there twice
    cotangents after `backward`, what arrived at each seat
    cuts       nodes of torch's graph that the engine's gradients do not pass, and why
    loose      results that were used, and that no Call is known to have made

    `visit` is called where the first Call of a node comes up, and lets it run with `advance`.
    """

    def __init__(
        self,
        groups: Groups,
        visit: Visit | None = None,
        numbers: Numbers = AS_RECORDED,
    ) -> None:
        self.groups = groups
        self.leaves: list[tuple[int, Any]] = []
        self.cuts: dict[int, str] = {}
        self.loose: list[torch.Tensor] = []
        self.cotangents: dict[Seat, Any] = {}
        self._numbers = numbers
        self._seats: dict[Any, list[tuple[int, Seat]]] = {}  # engine node -> its outputs' seats
        self._state = Replay(ENGINE, self._given, numbers)
        self._run(visit)
        self.outputs = [self._state.find(out.value) for out in groups.program.outputs]

    def _given(self, value: Value) -> Any:
        numbers = self._numbers.of(value.numbers())
        numbers = numbers.detach().clone() if value.written else numbers
        place = self.groups.leaf_of(value)
        if place is None:
            if value.tensor is not None and not value.tensor.is_leaf:
                self.loose.append(value.tensor)
            return ENGINE.hold(numbers)
        leaf = ENGINE.leaf(numbers)
        self.leaves.append((place, leaf))
        return leaf

    def _run(self, visit: Visit | None) -> None:
        for call in self.groups.program.calls:
            group = self.groups.by_call.get(call.number)
            if group is not None and visit is not None and group.calls[0] is call:
                visit(self, group, call)
            else:
                self.advance(call)
            if group is not None:
                self._note_seats(group, call)
                if call.number in self._state.cuts:
                    self.cuts[group.node.place] = self._state.cuts[call.number]

    def advance(self, call: Call) -> None:
        """Run the next Call."""
        self._state.run(call)

    def data(self, value: Value) -> torch.Tensor:
        """The numbers that a Value has at this moment."""
        return ENGINE.plain(self._state.find(value))

    def edges(self, call: Call) -> list[Any]:
        """The engine's edges of the tensors among a Call's arguments."""
        return [self._state.find(use.value).edge() for use in call.uses]

    def results(self, call: Call) -> tuple[Any, ...]:
        """What a Call has given."""
        return self._state.results[call.number]

    def _note_seats(self, group: Group, call: Call) -> None:
        if is_slice(group) and call.base is not None:
            made = [(0, call.base.value)]
        else:
            made = [(n, value) for n, value in group.outputs.items() if value.call is call]
        for number, value in made:
            tensor = self._state.find(value)
            if tensor.requires_grad:
                seat = (group.node.place, number)
                self._seats.setdefault(tensor.grad_fn, []).append((tensor.output_nr, seat))

    def backward(self, cotangents: Sequence[torch.Tensor]) -> dict[int, Any]:
        """The gradient of each leaf, by the number of its node in torch's graph."""
        heads = [
            (out, ENGINE.hold(self._numbers.of(cotangent)))
            for out, cotangent in zip(self.outputs, cotangents, strict=True)
            if out.requires_grad
        ]
        sums: dict[int, Any] = {place: None for place, _ in self.leaves}
        if not heads or not sums:
            return sums
        for node, seats in self._seats.items():
            node.register_hook(self._noting(seats))
        outputs, grads = zip(*heads, strict=True)
        leaves = [leaf for _, leaf in self.leaves]
        found = ENGINE.grad(outputs, leaves, grads, allow_unused=True)
        for (place, _), grad in zip(self.leaves, found, strict=True):
            if grad is not None:
                plain, held = ENGINE.plain(grad), sums[place]
                sums[place] = plain if held is None else held + plain
        return sums

    def _noting(self, seats: list[tuple[int, Seat]]) -> Callable[[Any, Any], None]:
        def note(_grads: Any, arrived: Any) -> None:
            for number, seat in seats:
                grad = arrived[number]
                self.cotangents[seat] = None if grad is None else ENGINE.plain(grad)

        return note


class TorchRun:
    """Torch's own graph taken backward, node by node.

    cotangents  for each node that is reached, the cotangents of its outputs
    cuts        nodes that could not be called, and why
    failed      of these, the Outcome of those that raise
    changed     nodes that have changed, in place, a cotangent that they were given
    """

    def __init__(
        self,
        groups: Groups,
        cotangents: Sequence[torch.Tensor],
        kept: dict[int, Data],
        shake: bool = False,
    ) -> None:
        self._groups, self._graph = groups, groups.graph
        self._stand_ins = StandIns(groups, kept)
        self.cuts: dict[int, str] = {}
        self.failed: dict[int, Outcome] = {}
        self.changed: list[int] = []
        self._shake = shake
        self.cotangents = groups.graph.backward(cotangents, self._call)

    def _call(self, node: TorchNode, grads: Grads) -> Grads:
        versions = _versions(grads) if node.custom else None
        try:
            return self._stand_ins.call(self._graph, node, grads, self._shake)
        except Opaque as why:
            self.cuts[node.place] = str(why)
        except Exception as error:
            outcome = of_raised(self._groups, node, error, "whole")
            self.cuts[node.place] = outcome.reason
            if outcome.status == FAILED:
                self.failed[node.place] = outcome
        finally:
            if versions is not None and versions != _versions(grads):
                self.changed.append(node.place)
        return [None] * len(node.edges)


def _versions(grads: Grads) -> list[int]:
    return [0 if grad is None else grad._version for grad in grads]


def keep_numbers(group: Group, data: Data) -> Data:
    """What a group was given, for later: copied where it will have been changed by then."""
    kept: dict[int, torch.Tensor] = {}
    inside = {call.number for call in group.calls}
    for call in group.calls:
        for use in [*call.uses, *([call.base] if call.base else [])]:
            made = use.value.call
            if made is None or made.number not in inside:
                numbers = data(use.value)
                written = use.value.memory.last_write is not None
                kept[id(use.value)] = numbers.clone() if written else numbers
    return lambda value: kept[id(value)]


def noise_of(
    groups: Groups,
    cotangents: Sequence[torch.Tensor],
    kept: dict[int, Data],
    torchs: TorchRun,
    engines: dict[int, Any],
) -> dict[int, float]:
    """How far rounding may have taken the gradients of the leaves.

    The engine's are held beside exact ones, torch's beside what another way of rounding at
    every node gives; and nothing is finer than the rounding of the largest cotangent.
    """
    passed = [grad for grads in torchs.cotangents.values() for grad in grads if grad is not None]
    size = max(map(largest, passed), default=0.0)
    try:
        exact = EngineRun(groups, numbers=Numbers(wide=True)).backward(cotangents)
    except (Opaque, RuntimeError, NotImplementedError):
        exact = {}
    other = torchs.cotangents  # what changes its cotangents does not do so to shaken copies
    if not torchs.changed:
        other = TorchRun(groups, cotangents, kept, shake=True).cotangents
    found = {}
    for place, (info, *_) in ((n.place, n.infos) for n in groups.graph.nodes if n.is_leaf):
        mine = torchs.cotangents.get(place, [None])[0]
        found[place] = (
            _apart(engines.get(place), exact.get(place))
            + _apart(mine, other.get(place, [None])[0])
            + min(256 * torch.finfo(info[1]).eps, 0.05) * size
        )
    return found


def output_noise(groups: Groups, engine: EngineRun) -> list[float]:
    """How far rounding may have taken the outputs, by how far it has taken the engine's."""
    try:
        exact = EngineRun(groups, numbers=Numbers(wide=True)).outputs
    except Opaque:
        return [0.0] * len(engine.outputs)
    return [
        _apart(ENGINE.plain(mine), ENGINE.plain(theirs))
        for mine, theirs in zip(engine.outputs, exact, strict=True)
    ]


def _apart(one: torch.Tensor | None, other: torch.Tensor | None) -> float:
    return 0.0 if one is None or other is None else 10 * largest(one.to(other.dtype) - other)


def uncheckable(
    groups: Groups, cuts: dict[int, str], loose: Sequence[torch.Tensor]
) -> dict[int, str]:
    """Nodes whose cotangents say nothing, because they come by way of a cut, and why.

    loose  see EngineRun
    """
    graph = groups.graph
    reasons = dict(cuts)
    for node in graph.nodes:
        if node.is_leaf or node.place in reasons or node.name == "AsStridedBackward0":
            continue
        group = groups.by_place.get(node.place)
        if group is None:
            reasons[node.place] = "opaque forward" if node.custom else "not recorded"
        elif group.trouble == "opaque forward" or node.place in groups.opaque:
            reasons[node.place] = "opaque forward"
    found = dict.fromkeys(graph.below(_loose_ends(groups, loose)), "what it made came back unseen")
    for place in graph.order:
        node = graph.nodes[place]
        said = found.get(place) or (
            f"{reasons[place]} (at {node.name})" if place in reasons else ""
        )
        if not said:
            continue
        for child, _ in node.edges:
            if child is not None:
                found.setdefault(child, said)
        for child in graph.below(_hidden_ways(groups, place)):
            found.setdefault(child, said)
    return found


def _loose_ends(groups: Groups, loose: Sequence[torch.Tensor]) -> list[int]:
    """Nodes that were recorded, but of which a result was used that is not known as theirs."""
    places = [groups.graph.place_of(tensor.grad_fn) for tensor in loose]
    return [
        place
        for place in places
        if place is not None and place in groups.by_place and not groups.by_place[place].custom
    ]


def _hidden_ways(groups: Groups, place: int) -> list[int]:
    """Nodes that a Function's gradients may go to by a way that is no edge."""
    group = groups.by_place.get(place)
    if group is None:
        return []
    found = [groups.edge_of(Use(value, True, 0))[0] for value in group.lost.values()]
    return [child for child in found if child is not None]
