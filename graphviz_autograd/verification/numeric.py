"""Finite differences: what a gradient should be, by computing twice beside a point.

Central differences in double precision, along random directions: a few runs for each direction,
however many elements there are. Where a smaller step changes the answer, or the two sides differ,
the function has an edge there (relu at 0), and nothing is said.

Complex numbers are moved in the real and the imaginary direction at once, and compared by
Re⟨g, d⟩, which is torch's convention for gradients.

May import groups, nodes, program, replay, outcome and compare of ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from graphviz_autograd.verification.chance import Random
from graphviz_autograd.verification.compare import Difference, Tolerance
from graphviz_autograd.verification.groups import Data, Group, Groups, run_group
from graphviz_autograd.verification.nodes import Grads, TorchGraph, raised
from graphviz_autograd.verification.outcome import FAILED, MATCHED, Outcome
from graphviz_autograd.verification.program import Value
from graphviz_autograd.verification.replay import TORCH, Numbers, Opaque, Replay
from graphviz_autograd.verification.vjps import ByEdges, by_edges, engine_vjp, largest_difference

STEP = 1e-6
"""Of the size of the numbers."""

DIRECTIONS = 3
"""How many random directions; a fault at a single element shows in each of them."""

WIDE = Numbers(wide=True)

_RTOL = {
    torch.float64: 1e-5,
    torch.complex128: 1e-5,
    torch.float32: 1e-3,
    torch.complex64: 1e-3,
}
"""By the dtype of the gradient that is checked; half precision: 5%."""


class Slope(NamedTuple):
    """How fast the outputs change along a direction, seen through the cotangents.

    found  by finite differences; NaN where there is an edge
    said   by the gradient
    size   of what was added up, for comparison
    """

    found: float
    said: float
    size: float

    def allowed(self, rtol: float) -> float:
        """How far apart the two may be."""
        return rtol * self.size + 1e-8

    def wrong(self, rtol: float) -> bool:
        """Whether the two disagree; NaN agrees with nothing."""
        return not abs(self.found - self.said) <= self.allowed(rtol)


# ---- one node


def judge(group: Group, data: Data, graph: TorchGraph, seed: int) -> str:
    """Who is right at a node where torch and the engine differ; "" if that cannot be said."""
    try:
        cotangents = _cotangents(group, seed)
        engine = engine_vjp(group, data, cotangents)
        torchs = _torch_vjp(group, graph, cotangents)
        sides = {"the engine": engine, "torch": torchs}
        right = [
            name
            for name, grads in sides.items()
            if not _wrong(_node_slopes(group, data, cotangents, grads, seed), group)
        ]
    except UNKNOWN:
        return ""
    if len(right) == 2:  # or they are the same, and something else is wrong
        apart = largest_difference(torchs, engine, Tolerance())
        return "finite differences cannot tell the two apart" if apart else ""
    return f"finite differences agree with {right[0] if right else 'neither'}"


def instead(group: Group, data: Data, graph: TorchGraph, seed: int, before: Outcome) -> Outcome:
    """Check a node that the engine cannot, by finite differences; as it was if they cannot."""
    if group.node.uncallable():
        return before
    try:
        cotangents = _cotangents(group, seed)
        grads = _torch_vjp(group, graph, cotangents)
        slopes = _node_slopes(group, data, cotangents, grads, seed)
    except UNKNOWN:
        return before
    return outcome_of(slopes, _rtol(group.node.infos[0][1]))


class _Edge(Exception):  # noqa: N818 - not an error
    """The function is not smooth here."""


UNKNOWN = (Opaque, RuntimeError, _Edge)
"""What is raised where there is no slope."""


def _torch_vjp(group: Group, graph: TorchGraph, cotangents: Grads) -> ByEdges:
    with torch.no_grad():
        try:
            found = group.node.call(cotangents)
        except Exception as error:  # whatever a person's backward raises
            raise Opaque(raised(error)) from error
        return by_edges(group, graph.fitted(group.node, found))


def _cotangents(group: Group, seed: int) -> Grads:
    random = Random(seed + 1)
    return [
        random.like(info) if number in group.node.used else None
        for number, info in enumerate(group.node.infos)
    ]


def _node_slopes(
    group: Group, data: Data, cotangents: Grads, grads: ByEdges, seed: int
) -> list[Slope]:
    random = Random(seed + 2)
    leaves = _leaves_of(group, data)
    slopes = []
    for _ in range(DIRECTIONS):
        directions = [scale_of(numbers) * random.like(_info(numbers)) for numbers, _ in leaves]
        value_at = _beside(group, data, cotangents, directions)
        parts = [
            terms(grads.get(edges), direction)
            for (_, edges), direction in zip(leaves, directions, strict=True)
        ]
        said, size = (sum(part) for part in zip(*parts, strict=True)) if parts else (0.0, 0.0)
        slopes.append(Slope(_central(value_at), said, size))
    return slopes


def _leaves_of(group: Group, data: Data) -> list[tuple[torch.Tensor, tuple[int, ...]]]:
    """What a group can be differentiated by, in double precision."""
    with torch.no_grad():
        ran = run_group(TORCH, group, data, WIDE)
    return [(leaf.detach(), edges) for leaf, edges in ran.leaves]


def _beside(
    group: Group, data: Data, cotangents: Grads, directions: list[torch.Tensor]
) -> Callable[[float], float]:
    """What a group's outputs come to, through the cotangents, as its inputs move."""

    def value_at(step: float) -> float:
        with torch.no_grad():
            ran = run_group(
                TORCH, group, data, WIDE, lambda numbers, i: numbers + step * directions[i]
            )
        return sum(
            _dot(WIDE.of(grad), ran.outputs[number].detach())
            for number, grad in enumerate(cotangents)
            if grad is not None and ran.outputs.get(number) is not None
        )

    return value_at


# ---- the whole


Wide = Callable[[dict[int, torch.Tensor]], list[torch.Tensor]]
"""Runs a function again, with something added to some leaves, given by the tensors' ids."""


def leaves(
    groups: Groups,
    outputs: Sequence[torch.Tensor],
    cotangents: Sequence[torch.Tensor],
    grads: dict[int, Any],
    wide: Wide | None,
    seed: int,
) -> dict[int, Outcome]:
    """Each leaf's gradient through the whole program, where that is smooth.

    wide  the function itself, for programs that go through what was done out of sight
    """
    slope = slope_along(groups, outputs, cotangents, wide)
    if slope is None:
        return {}
    random = Random(seed + 3)
    found: dict[int, Outcome] = {}
    rtol = coarsest(groups)
    for node in groups.graph.nodes:
        if not node.is_leaf:
            continue
        place, info = node.place, node.infos[0]
        variable = node.fn.variable
        slopes = []
        try:
            for _ in range(DIRECTIONS):
                direction = WIDE.of(random.like(info)) * scale_of(variable.detach())
                slopes.append(Slope(slope(place, direction), *terms(grads[place], direction)))
        except UNKNOWN:
            continue
        found[place] = outcome_of(slopes, rtol)
    return found


def slope_along(
    groups: Groups,
    outputs: Sequence[torch.Tensor],
    cotangents: Sequence[torch.Tensor],
    wide: Wide | None,
) -> Callable[[int, torch.Tensor], float] | None:
    """Gives the outputs' slope, through the cotangents, as a leaf moves along a direction.

    It raises one of UNKNOWN where there is none. None where the program cannot be run again.
    """
    hidden = any(v.tensor is not None and not v.is_leaf for v in groups.program.given())
    if not hidden and not groups.opaque:
        wide = None
    elif wide is None or not _same_value(outputs, wide):
        return None

    def slope(place: int, direction: torch.Tensor) -> float:
        return _central(_along(groups, cotangents, place, direction, wide))

    return slope


def coarsest(groups: Groups) -> float:
    """How closely finite differences can be followed where the coarsest dtype on the way is."""
    infos = [info for node in groups.graph.nodes for info in node.infos]
    return max((_rtol(info[1]) for info in infos), default=0.0)


def _same_value(outputs: Sequence[torch.Tensor], wide: Wide) -> bool:
    """Whether double precision gives the same; random numbers, for one, may be others."""
    return all(
        float((WIDE.of(one.detach()) - other).abs().max()) <= 1e-2 * scale_of(other)
        for one, other in zip(outputs, wide({}), strict=True)
        if other.numel()
    )


def _along(
    groups: Groups,
    cotangents: Sequence[torch.Tensor],
    place: int,
    direction: torch.Tensor,
    wide: Wide | None,
) -> Callable[[float], float]:
    """What the outputs come to, through the cotangents, as one leaf moves."""

    def value_at(step: float) -> float:
        if wide is not None:
            key = id(groups.graph.nodes[place].fn.variable)
            outputs = wide({key: step * direction})
        else:
            outputs = _replayed(groups, place, step * direction)
        return sum(
            _dot(WIDE.of(cotangent), output)
            for cotangent, output in zip(cotangents, outputs, strict=True)
        )

    return value_at


def _replayed(groups: Groups, place: int, shift: torch.Tensor) -> list[torch.Tensor]:
    """The outputs of the recorded program, a leaf being a little elsewhere."""

    def given(value: Value) -> torch.Tensor:
        numbers = WIDE.of(value.numbers().detach())
        if groups.leaf_of(value) == place:
            return numbers + shift
        return numbers.clone() if value.written else numbers

    with torch.no_grad():
        state = Replay(TORCH, given, WIDE)
        for call in groups.program.calls:
            state.run(call)
    return [state.find(output.value) for output in groups.program.outputs]


# ---- slopes


def _central(value_at: Callable[[float], float]) -> float:
    """The slope at 0, unless there is an edge.

    Near an edge the slope depends on the step; just at one it does not, but the two sides differ,
    by as much for a small step as for a large one.
    """
    here = value_at(0.0)
    slopes, bends = [], []
    for step in (STEP, STEP / 4):
        ahead, behind = (value_at(step) - here) / step, (here - value_at(-step)) / step
        slopes.append((ahead + behind) / 2)
        bends.append(abs(ahead - behind))
    if not all(map(math.isfinite, slopes)):
        raise _Edge
    little = 1e-3 * max(map(abs, slopes)) + 1e-6
    if abs(slopes[0] - slopes[1]) > little or bends[1] > max(little, bends[0] / 2):
        raise _Edge
    return slopes[0]


def terms(grad: Any, direction: torch.Tensor) -> tuple[float, float]:
    """⟨g, d⟩, and the size of what is added up."""
    if grad is None:
        return 0.0, 0.0
    product = (WIDE.of(grad).conj() * direction).real
    return float(product.sum()), float(product.abs().sum())


def _dot(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one.conj() * other).real.sum())


def scale_of(numbers: torch.Tensor) -> float:
    if not numbers.numel():
        return 1.0
    return max(float(torch.linalg.vector_norm(numbers)) / math.sqrt(numbers.numel()), 1e-3)


def _info(tensor: torch.Tensor) -> Any:
    return tensor.shape, tensor.dtype, tensor.device


def _rtol(dtype: torch.dtype) -> float:
    return _RTOL.get(dtype, 5e-2)


def _wrong(slopes: list[Slope], group: Group) -> bool:
    return any(slope.wrong(_rtol(group.node.infos[0][1])) for slope in slopes)


def outcome_of(slopes: list[Slope], rtol: float) -> Outcome:
    worst = max(slopes, key=lambda slope: abs(slope.found - slope.said))
    absolute = abs(worst.found - worst.said)
    relative = absolute / max(abs(worst.found), 1e-300)
    allowed = worst.allowed(rtol)
    if not any(slope.wrong(rtol) for slope in slopes):
        return Outcome(MATCHED, "", Difference("", absolute, relative, (), allowed), "numeric")
    said = f"along a random direction torch {worst.said:.6g}, finite differences {worst.found:.6g}"
    return Outcome(FAILED, said, Difference(said, absolute, relative, (), allowed), "numeric")
