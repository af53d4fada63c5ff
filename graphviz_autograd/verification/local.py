"""The local check: one node on its own, against the rules for what ran under it.

The node is called with a random cotangent; the operators that ran under it are run again on
the engine, from the same numbers, and differentiated by the engine's rules. One fault neither
hides nor spreads: every other node is judged by itself.

May import the engine (by way of replay), and groups, nodes, compare of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from graphviz_autograd.verification.chance import Random
from graphviz_autograd.verification.compare import (
    SAME,
    WIDE,
    Difference,
    Tolerance,
    difference,
    largest,
)
from graphviz_autograd.verification.groups import Data, Group, Groups, run_group
from graphviz_autograd.verification.nodes import Grads, captured, grad_mode, raised, shaken
from graphviz_autograd.verification.outcome import FAILED, MATCHED, NOT_CHECKED, Outcome
from graphviz_autograd.verification.replay import (
    AS_RECORDED,
    ENGINE,
    TORCH,
    Numbers,
    Opaque,
    Side,
)

IN_CHECKPOINT = "opaque: a custom Function inside a checkpoint"

ByEdges = dict[tuple[int, ...], Any]


class LocalCheck:
    """Checks nodes one at a time.

    Made once a graph; `of` is asked for each group at the moment its Calls come up in a
    replay, when what they were given has the numbers it had.
    """

    def __init__(
        self, groups: Groups, tolerance: Tolerance, order: int, seed: int, numeric: bool
    ) -> None:
        self.groups, self.tolerance, self.order = groups, tolerance, order
        self.numeric = numeric
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
        found: Grads = [
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
            return Outcome(MATCHED, "", worst, "local")
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
            said = raised(error)
            status = FAILED if group.custom else NOT_CHECKED
            return Outcome(status, said, Difference(said), "local" if group.custom else "")
        return by_edges(group, grads)

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
            noise = _sum(noise, noise_between(found, other))
        if not group.custom and exact is not expected:
            noise = _sum(noise, self._kernel_noise(group, data, exact, cotangents))
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
        worst = _largest_second(group, found, expected, self.tolerance)
        if worst and not self.tolerance.given:
            exact = second_vjp(ENGINE, group, data, cotangents, direction, Numbers(wide=True))
            noise = noise_between(_by_edge(group, expected), _by_edge(group, exact))
            if not packed:
                other = self._torch_second(group, shaken(cotangents), direction, shake=True)
                rest = noise_between(_by_edge(group, found), _by_edge(group, other))
                noise = _sum(noise, rest)
            worst = _largest_second(group, found, exact, self.tolerance, noise)
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
        found = captured(roots, [*wanted, *[(end.node, 0) for end in ends]], shake)
        named: ByEdges = {}
        for (child, number), grad in zip(dict.fromkeys(edges), found, strict=False):
            keys = tuple(i for i, edge in enumerate(node.edges) if edge == (child, number))
            named[keys] = grad
        for (i, _), grad in zip(given, found[len(wanted) :], strict=True):
            named[(-1 - i,)] = grad
        return named


# ---- gradients of a group


def engine_vjp(
    group: Group, data: Data, cotangents: Grads, numbers: Numbers = AS_RECORDED
) -> ByEdges:
    """What the engine's rules make of a group."""
    return vjp(ENGINE, group, data, cotangents, numbers)


def vjp(
    side: Side, group: Group, data: Data, cotangents: Grads, numbers: Numbers = AS_RECORDED
) -> ByEdges:
    """The gradients of a group's inputs, by the edges of its node."""
    with side.enable(True):
        ran = run_group(side, group, data, numbers)
        heads, firsts = _heads(side, ran.outputs, cotangents, numbers)
        grads: Sequence[Any] = [None] * len(ran.leaves)
        if heads and ran.leaves:
            leaves = [leaf for leaf, _ in ran.leaves]
            grads = _grad(side, heads, leaves, firsts, False)
    found: ByEdges = {}
    for (_, edges), grad in zip(ran.leaves, grads, strict=True):
        found[edges] = None if grad is None else side.plain(grad)
    return found


def second_vjp(
    side: Side,
    group: Group,
    data: Data,
    cotangents: Grads,
    direction: Callable[[tuple[int, ...], torch.Tensor], torch.Tensor],
    numbers: Numbers = AS_RECORDED,
) -> ByEdges:
    """Gradients of the gradients: with respect to the inputs, and to the cotangents."""
    with side.enable(True):
        ran = run_group(side, group, data, numbers)
        firsts = [None if g is None else side.leaf(numbers.of(g)) for g in cotangents]
        heads = [(ran.outputs[n], g) for n, g in enumerate(firsts) if _usable(ran.outputs, n, g)]
        leaves = [leaf for leaf, _ in ran.leaves]
        if not heads or not leaves:
            return {}
        outputs, given = zip(*heads, strict=True)
        grads = _grad(side, outputs, leaves, given, True)
        named = {key: g for (_, key), g in zip(ran.leaves, grads, strict=True)}
        pairs = [
            (g, side.hold(numbers.of(direction(key, side.plain(g)))))
            for key, g in named.items()
            if g is not None and g.requires_grad
        ]
        keys = [key for _, key in ran.leaves]
        keys += [(-1 - n,) for n, g in enumerate(firsts) if g is not None]
        wanted = [*leaves, *[g for g in firsts if g is not None]]
        found: Sequence[Any] = [None] * len(wanted)
        if pairs:
            roots, seconds = zip(*pairs, strict=True)
            found = _grad(side, roots, wanted, seconds, False)
    return {
        key: None if grad is None else side.plain(grad)
        for key, grad in zip(keys, found, strict=True)
    }


def _grad(side: Side, outputs: Any, leaves: Any, cotangents: Any, create: bool) -> Sequence[Any]:
    try:
        return side.grad(outputs, leaves, cotangents, allow_unused=True, create_graph=create)
    except (RuntimeError, NotImplementedError, ValueError, TypeError) as error:
        said = " ".join(str(error).split())
        raise Opaque(f"it cannot be differentiated here: {said[:160]}") from None


def _heads(
    side: Side, outputs: dict[int, Any], cotangents: Grads, numbers: Numbers
) -> tuple[list[Any], list[Any]]:
    pairs = [
        (outputs[n], side.hold(numbers.of(g)))
        for n, g in enumerate(cotangents)
        if _usable(outputs, n, g)
    ]
    return [head for head, _ in pairs], [first for _, first in pairs]


def _usable(outputs: dict[int, Any], number: int, cotangent: Any) -> bool:
    output = outputs.get(number)
    return cotangent is not None and output is not None and output.requires_grad


def by_edges(group: Group, grads: Grads) -> ByEdges:
    """What a node gave, summed over the edges that one input came by."""
    found: ByEdges = {}
    named: set[int] = set()
    for edges in group.inputs.values():
        parts = [grads[i] for i in edges if grads[i] is not None]
        found[edges] = sum(parts[1:], parts[0]) if parts else None
        named.update(edges)
    for i, (child, _) in enumerate(group.node.edges):
        if child is not None and i not in named:
            found[(i,)] = grads[i]  # an input that the forward does not use
    return found


# ---- comparing


def largest_difference(
    found: ByEdges,
    expected: ByEdges,
    tolerance: Tolerance,
    noise: dict[tuple[int, ...], float] | None = None,
) -> Difference:
    """The first that differs, else the one that differs most."""
    worst = SAME
    for key in {**found, **expected}:
        allowed = noise.get(key, 0.0) if noise else 0.0
        apart = difference(found.get(key), expected.get(key), tolerance, noise=allowed)
        if apart:
            return apart
        if apart.absolute > worst.absolute:
            worst = apart
    return worst


def noise_between(expected: ByEdges, exact: ByEdges) -> dict[tuple[int, ...], float]:
    """How far rounding may have taken a gradient, by how far it has taken the engine's."""
    return {key: 4 * largest(_apart(expected.get(key), exact.get(key))) for key in exact}


def _sum(
    one: dict[tuple[int, ...], float], other: dict[tuple[int, ...], float]
) -> dict[tuple[int, ...], float]:
    return {key: one.get(key, 0.0) + other.get(key, 0.0) for key in {*one, *other}}


def _by_edge(group: Group, grads: ByEdges) -> ByEdges:
    """Summed over equal edges: x * x has two, and torch has one gradient for both."""
    found: ByEdges = {}
    for key, grad in grads.items():
        if key[0] >= 0:
            edge = group.node.edges[key[0]]
            key = tuple(i for i, other in enumerate(group.node.edges) if other == edge)
        held = found.get(key)
        found[key] = grad if held is None else held if grad is None else held + grad
    return found


def _largest_second(
    group: Group,
    found: ByEdges,
    expected: ByEdges,
    tolerance: Tolerance,
    noise: dict[tuple[int, ...], float] | None = None,
) -> Difference:
    """At order 2 zeros and no gradient are one: torch writes some zeros as None."""
    found, expected = _by_edge(group, found), _by_edge(group, expected)
    for side, other in ((found, expected), (expected, found)):
        for key in other:
            if side.get(key) is None and other[key] is not None:
                side[key] = torch.zeros_like(other[key])
    return largest_difference(found, expected, tolerance, noise)


def _apart(one: torch.Tensor | None, other: torch.Tensor | None) -> torch.Tensor | None:
    return None if one is None or other is None else one.to(other.dtype) - other
