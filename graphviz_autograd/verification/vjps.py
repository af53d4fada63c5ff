"""The gradients of what ran under a node, by the edges of that node, and comparing them.

On the engine by its rules, on torch by torch's, at order 1 and 2.

May import replay, groups, nodes and compare of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from graphviz_autograd.verification.compare import (
    SAME,
    Difference,
    Tolerance,
    difference,
    largest,
)
from graphviz_autograd.verification.groups import Data, Group, Inputs, run_group
from graphviz_autograd.verification.nodes import Grads
from graphviz_autograd.verification.replay import AS_RECORDED, ENGINE, Numbers, Opaque, Side

ByEdges = dict[tuple[int, ...], Any]
"""Gradients, each by the numbers of the edges that it goes along; at order 2 those with
respect to the cotangents are by -1 - the number of the output."""


def engine_vjp(
    group: Group, data: Data, cotangents: Grads, numbers: Numbers = AS_RECORDED
) -> ByEdges:
    """What the engine's rules make of a group."""
    return vjp(ENGINE, group, data, cotangents, numbers)


def vjp(
    side: Side,
    group: Group,
    data: Data,
    cotangents: Grads,
    numbers: Numbers = AS_RECORDED,
    inputs: Inputs | None = None,
) -> ByEdges:
    """The gradients of a group's inputs, or of these, by the edges of its node."""
    with side.enable(True):
        ran = run_group(side, group, data, numbers, inputs=inputs)
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
        heads = [(ran.outputs[n], g) for n, g in enumerate(firsts) if usable(ran.outputs, n, g)]
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
        if usable(outputs, n, g)
    ]
    return [head for head, _ in pairs], [first for _, first in pairs]


def usable(outputs: dict[int, Any], number: int, cotangent: Any) -> bool:
    """Whether a cotangent goes back from one of a group's outputs."""
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
            several = len({**found, **expected}) > 1
            return apart._replace(what=f"{_which(key)}: {apart.what}") if several else apart
        if apart.absolute > worst.absolute:
            worst = apart
    return worst


def _which(key: tuple[int, ...]) -> str:
    """Which gradient of a node it is, for a person; they count from 1."""
    if key[0] < 0:  # at order 2
        return f"by cotangent {-key[0]}"
    numbers = " and ".join(str(place + 1) for place in key)
    return f"input{'s' * (len(key) > 1)} {numbers}"


def noise_between(expected: ByEdges, exact: ByEdges) -> dict[tuple[int, ...], float]:
    """How far rounding may have taken a gradient, by how far it has taken the engine's."""
    return {key: 4 * largest(_apart(expected.get(key), exact.get(key))) for key in exact}


def summed(
    one: dict[tuple[int, ...], float], other: dict[tuple[int, ...], float]
) -> dict[tuple[int, ...], float]:
    return {key: one.get(key, 0.0) + other.get(key, 0.0) for key in {*one, *other}}


def summed_by_edge(group: Group, grads: ByEdges) -> ByEdges:
    """Summed over equal edges: x * x has two, and torch has one gradient for both."""
    found: ByEdges = {}
    for key, grad in grads.items():
        if key[0] >= 0:
            edge = group.node.edges[key[0]]
            key = tuple(i for i, other in enumerate(group.node.edges) if other == edge)
        held = found.get(key)
        found[key] = grad if held is None else held if grad is None else held + grad
    return found


def largest_second_difference(
    group: Group,
    found: ByEdges,
    expected: ByEdges,
    tolerance: Tolerance,
    noise: dict[tuple[int, ...], float] | None = None,
) -> Difference:
    """At order 2 zeros and no gradient are one: torch writes some zeros as None."""
    found, expected = summed_by_edge(group, found), summed_by_edge(group, expected)
    for side, other in ((found, expected), (expected, found)):
        for key in other:
            if side.get(key) is None and other[key] is not None:
                side[key] = torch.zeros_like(other[key])
    return largest_difference(found, expected, tolerance, noise)


def _apart(one: torch.Tensor | None, other: torch.Tensor | None) -> torch.Tensor | None:
    return None if one is None or other is None else one.to(other.dtype) - other
