"""The local check: one node on its own, against the rules for what ran under it.

The node is called with a random cotangent; the operators that ran under it are run again on
the engine, from the same numbers, and differentiated by the engine's rules. One fault neither
hides nor spreads: every other node is judged by itself.

May import the engine (by way of replay), and vjps, groups, nodes,
outcome, chance, compare of ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch

from graphviz_autograd.verification.chance import Random
from graphviz_autograd.verification.compare import SAME, WIDE, Difference, Tolerance, largest
from graphviz_autograd.verification.groups import Data, Group, Groups, Inputs
from graphviz_autograd.verification.nodes import (
    FREED,
    Grads,
    TorchNode,
    called,
    captured,
    grad_mode,
    raised,
    shaken,
)
from graphviz_autograd.verification.outcome import FAILED, MATCHED, NOT_CHECKED, Outcome
from graphviz_autograd.verification.overwritten import CHANGED
from graphviz_autograd.verification.replay import ENGINE, TORCH, Numbers, Opaque
from graphviz_autograd.verification.vjps import (
    ByEdges,
    by_edges,
    engine_vjp,
    largest_difference,
    largest_second_difference,
    noise_between,
    second_vjp,
    summed,
    summed_by_edge,
    vjp,
)

ONCE = "opaque: its backward can be called only once"
IN_CHECKPOINT = "opaque: a custom Function inside a checkpoint"


class LocalCheck:
    """Checks nodes one at a time.

    Made once a graph; `of` is asked for each group at the moment its Calls come up in a
    replay, when what they were given has the numbers it had.

    arriving  cotangents to start from in place of random ones, by the node's number
    """

    def __init__(self, groups: Groups, tolerance: Tolerance, order: int, seed: int) -> None:
        self.groups, self.tolerance, self.order = groups, tolerance, order
        self.arriving: dict[int, Grads] | None = None
        self._random = Random(seed)

    def of(self, group: Group, data: Data) -> Outcome:
        """Whether a node's vector-Jacobian product is that of what ran under it."""
        if group.trouble:
            return Outcome(NOT_CHECKED, group.trouble)
        reason = group.node.uncallable()
        if reason == "packed" and group.custom:
            return Outcome(NOT_CHECKED, IN_CHECKPOINT)
        if reason and reason != "packed":
            return Outcome(NOT_CHECKED, reason)
        cotangents = self.cotangents(group)
        try:
            outcome = self._first(group, data, cotangents, reason == "packed")
            if outcome.status == MATCHED and self.order == 2:
                outcome = self._second(group, data, cotangents, reason == "packed")
        except Opaque as reason_why:
            return Outcome(NOT_CHECKED, str(reason_why))
        return outcome

    def cotangents(self, group: Group) -> Grads:
        """Random numbers for the outputs that something was made from."""
        found: Grads
        if self.arriving is not None:
            found = list(self.arriving[group.node.place])
        else:
            found = [
                self._random.like(info) if number in group.node.used else None
                for number, info in enumerate(group.node.infos)
            ]
        if group.custom:  # a person's backward might change them
            found = [None if grad is None else grad.clone() for grad in found]
        return found

    # ---- order 1

    def _first(self, group: Group, data: Data, cotangents: Grads, packed: bool) -> Outcome:
        expected = engine_vjp(group, data, cotangents)
        found = self._torch_vjp(group, data, cotangents, packed)
        if isinstance(found, Outcome):
            return found
        worst = self._compare(group, data, found, expected, cotangents, packed)
        if not worst:
            lost = self._lost(group, data, cotangents)
            return Outcome(FAILED if lost else MATCHED, lost.what, lost or worst, "local")
        if self._may_be_opaque(group, found, expected):
            return Outcome(NOT_CHECKED, "opaque forward")
        return Outcome(FAILED, worst.what, worst, "local")

    def _torch_vjp(
        self, group: Group, data: Data, cotangents: Grads, packed: bool
    ) -> ByEdges | Outcome:
        """What torch gives: by the node itself, or, where it must not be called, by its formula."""
        if packed:
            return vjp(TORCH, group, data, cotangents)
        try:
            with torch.no_grad():
                grads = self.groups.graph.fitted(group.node, group.node.call(cotangents))
        except Exception as error:  # whatever a person's backward raises
            return of_raised(self.groups, group.node, error, "local")
        return by_edges(group, grads)

    def _lost(self, group: Group, data: Data, cotangents: Grads) -> Difference:
        """What the forward of a Function takes behind the back of `apply` gets no gradient."""
        if not group.lost:
            return SAME
        values = list(group.lost.values())
        inputs: Inputs = {id(value): (number,) for number, value in enumerate(values)}
        grads = vjp(ENGINE, group, data, cotangents, inputs=inputs)
        for (number,), grad in grads.items():
            if largest(grad):
                shape = tuple(data(values[number]).shape)
                return Difference(
                    f"its forward uses a tensor of shape {shape} that requires grad and was not "
                    "given to apply(): no gradient goes back to it",
                    math.inf,
                )
        return SAME

    def _compare(
        self,
        group: Group,
        data: Data,
        found: ByEdges,
        expected: ByEdges,
        cotangents: Grads,
        packed: bool,
    ) -> Difference:
        """The largest difference, where rounding cannot be the reason."""
        worst = largest_difference(found, expected, self.tolerance)
        if not worst or self.tolerance.given:
            return worst
        exact, noise = expected, dict.fromkeys(expected, 0.0)
        if any(dtype in WIDE for _, dtype, _ in group.node.infos):
            try:
                exact = engine_vjp(group, data, cotangents, Numbers(wide=True))
            except Opaque:
                return worst
            noise = noise_between(expected, exact)
        other = self._torch_vjp(group, data, shaken(cotangents), packed)
        if not isinstance(other, Outcome):
            noise = summed(noise, noise_between(found, other))
        if not group.custom and exact is not expected:
            noise = summed(noise, self._kernel_noise(group, data, exact, cotangents))
        return largest_difference(found, exact, self.tolerance, noise)

    def _kernel_noise(
        self, group: Group, data: Data, exact: ByEdges, cotangents: Grads
    ) -> dict[tuple[int, ...], float]:
        """What torch's own operators may lose inside, if they are right in double precision."""
        try:
            wide = vjp(TORCH, group, data, cotangents, Numbers(wide=True))
        except Opaque:
            return {}
        if largest_difference(wide, exact, self.tolerance):
            return {}
        given = [grad for grad in cotangents if grad is not None]
        eps = max(torch.finfo(grad.dtype).eps for grad in given)
        return dict.fromkeys(exact, min(1000 * eps, 0.05) * max(map(largest, given)))

    def _may_be_opaque(self, group: Group, found: ByEdges, expected: ByEdges) -> bool:
        """A forward that reads numbers out of tensors may go on where no operator is seen."""
        return group.custom and group.node.place in self.groups.opaque and bool(found or expected)

    # ---- order 2

    def _second(self, group: Group, data: Data, cotangents: Grads, packed: bool) -> Outcome:
        second: dict[tuple[int, ...], torch.Tensor] = {}

        def direction(key: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
            if key not in second:
                info = (like.shape, like.dtype, like.device)
                second[key] = self._random.like(info)
            return second[key]

        expected = second_vjp(ENGINE, group, data, cotangents, direction)
        if packed:
            found = second_vjp(TORCH, group, data, cotangents, direction)
        else:
            try:
                found = self._torch_second(group, cotangents, direction)
            except Exception as error:
                return Outcome(NOT_CHECKED, raised(error, "backward of backward"))
        worst = largest_second_difference(group, found, expected, self.tolerance)
        if worst and not self.tolerance.given:
            exact = second_vjp(ENGINE, group, data, cotangents, direction, Numbers(wide=True))
            noise = noise_between(summed_by_edge(group, expected), summed_by_edge(group, exact))
            if not packed:
                other = self._torch_second(group, shaken(cotangents), direction, shake=True)
                rest = noise_between(summed_by_edge(group, found), summed_by_edge(group, other))
                noise = summed(noise, rest)
            worst = largest_second_difference(group, found, exact, self.tolerance, noise)
        if worst:
            return Outcome(FAILED, f"order 2: {worst.what}", worst, "local, order 2")
        return Outcome(MATCHED, "", worst, "local")

    def _torch_second(
        self,
        group: Group,
        cotangents: Grads,
        direction: Callable[[tuple[int, ...], torch.Tensor], torch.Tensor],
        shake: bool = False,
    ) -> ByEdges:
        node, graph = group.node, self.groups.graph
        with grad_mode(True):
            firsts = [None if g is None else g.detach().requires_grad_() for g in cotangents]
            grads = by_edges(group, graph.fitted(node, node.call(firsts)))
        given = [(i, g) for i, g in enumerate(firsts) if g is not None]
        edges = [(child, number) for child, number in node.edges if child is not None]
        wanted = [(graph.nodes[child].fn, number) for child, number in dict.fromkeys(edges)]
        ends = [torch.autograd.graph.get_gradient_edge(g) for _, g in given]
        roots = [(g, direction(key, g)) for key, g in grads.items() if g is not None]
        call = partial(called, shake=shake)
        found = captured(roots, [*wanted, *[(end.node, 0) for end in ends]], call)
        named: ByEdges = {}
        for (child, number), grad in zip(dict.fromkeys(edges), found, strict=False):
            keys = tuple(i for i, edge in enumerate(node.edges) if edge == (child, number))
            named[keys] = grad
        for (i, _), grad in zip(given, found[len(wanted) :], strict=True):
            named[(-1 - i,)] = grad
        return named


def of_raised(groups: Groups, node: TorchNode, error: Exception, found_by: str) -> Outcome:
    """The Outcome of a node that raises when it is called.

    A fault where the program is to blame: its own Function, or a saved tensor that it has
    changed in place. Else nothing is known.
    """
    said = raised(error)
    if node.uncallable():  # which showed when it was called
        return Outcome(NOT_CHECKED, node.uncallable())
    if node.custom and said == FREED:  # by its first call
        return Outcome(NOT_CHECKED, ONCE)
    changed = CHANGED in said
    if changed and (group := groups.by_place.get(node.place)) is not None:
        blamed = groups.program.writes.blamed(node.fn, group.calls[-1].number)
        said = f'{blamed}: backward raises "... {CHANGED}"' if blamed else said
    if node.custom or changed:
        return Outcome(FAILED, said, Difference(said, math.inf), found_by)
    return Outcome(NOT_CHECKED, said)
