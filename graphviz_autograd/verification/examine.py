"""One recorded graph on one device: every check, and what came of it.

Here the parts meet: the walk gives the nodes their numbers, the tape what ran under them;
then the program runs once on the engine, each node being checked by itself as its Calls come
up, and both graphs are taken backward.

May import the walker, graph and errors, and everything of this room but check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from graphviz_autograd.graph import Graph
from graphviz_autograd.verification import numeric, quick
from graphviz_autograd.verification.blame import blame
from graphviz_autograd.verification.chance import Random
from graphviz_autograd.verification.compare import SAME, Difference, Tolerance, difference
from graphviz_autograd.verification.groups import Data, Group, Groups
from graphviz_autograd.verification.local import LocalCheck
from graphviz_autograd.verification.nodes import FREED, TorchGraph
from graphviz_autograd.verification.outcome import FAILED, MATCHED, NOT_CHECKED, Outcome, Sides
from graphviz_autograd.verification.program import Call, Program
from graphviz_autograd.verification.replay import quiet
from graphviz_autograd.verification.second import second_order
from graphviz_autograd.verification.sides import sides
from graphviz_autograd.verification.whole import (
    EngineRun,
    TorchRun,
    keep_numbers,
    noise_of,
    output_noise,
    uncheckable,
)

UNSEEN = "no operator was recorded for it: another thread's, or from before the recording"


@dataclass(slots=True)
class Options:
    """What is to be checked, and how closely.

    allow    names of nodes, or of their Functions, that may differ
    numeric  whether finite differences are asked for
    noise    whether it is asked how far rounding may have taken outputs and gradients
    sides    whether the leaves' gradients by each side are told
    """

    order: int = 1
    numeric: bool = False
    tolerance: Tolerance = field(default_factory=Tolerance)
    allow: tuple[str, ...] = ()
    seed: int = 0
    noise: bool = False
    sides: bool = False


@dataclass(slots=True)
class Examined:
    """What came of it, by the number of the node in torch's graph.

    nodes    a node's Outcome
    leaves   the Outcome of a leaf's gradient, by the number of the node that gathers it
    values   the Outcome of each output's numbers
    first    the node, or the leaf, that fails first; -1 where none does
    numeric  what finite differences say of what failed
    grads    the leaves' gradients by torch
    sides    these by each side, if they were asked for
    noise    how far rounding may have taken these, if that was asked for
    output_noise
             and each output
    notes    what is to be said besides
    """

    graph: TorchGraph
    nodes: dict[int, Outcome] = field(default_factory=dict)
    leaves: dict[int, Outcome] = field(default_factory=dict)
    values: list[Outcome] = field(default_factory=list)
    allowed: dict[int, Outcome] = field(default_factory=dict)
    numeric: dict[int, str] = field(default_factory=dict)
    first: int = -1
    grads: dict[int, Any] = field(default_factory=dict)
    sides: dict[int, Sides] = field(default_factory=dict)
    noise: dict[int, float] = field(default_factory=dict)
    output_noise: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def examine(
    outputs: Sequence[torch.Tensor],
    program: Program,
    opaque: set[int],
    options: Options,
    cotangents: Sequence[torch.Tensor] | None = None,
    wide: numeric.Wide | None = None,
) -> Examined:
    """Check the graph behind some outputs, which was walked, against its recorded program.

    wide  runs the function itself in double precision, for what was done out of sight
    """
    with quiet():
        return _Examination(outputs, program, opaque, options, cotangents, wide).run()


def default_cotangents(outputs: Sequence[torch.Tensor], seed: int) -> list[torch.Tensor]:
    """Random cotangents; of a single number, one."""
    random = Random(seed)
    return [
        torch.ones_like(out)
        if out.numel() == 1
        else random.like((out.shape, out.dtype, out.device))
        for out in (output.detach() for output in outputs)
    ]


class _Examination:
    def __init__(
        self,
        outputs: Sequence[torch.Tensor],
        program: Program,
        opaque: set[int],
        options: Options,
        cotangents: Sequence[torch.Tensor] | None,
        wide: numeric.Wide | None,
    ) -> None:
        self.wide = wide
        self.outputs, self.options = outputs, options
        self.cotangents = cotangents or default_cotangents(outputs, options.seed)
        self.graph = TorchGraph(outputs)
        self.groups = Groups(program, self.graph, opaque)
        self.found = Examined(self.graph)
        self.local = LocalCheck(self.groups, options.tolerance, options.order, options.seed)
        self.kept: dict[int, Data] = {}
        self.cuts: dict[int, str] = {}

    def run(self) -> Examined:
        engine = EngineRun(self.groups, self._visit)
        for node in self.graph.nodes:
            if not node.is_leaf and node.place not in self.found.nodes:
                why = "opaque forward" if node.custom else UNSEEN
                if node.name == "NotImplemented":
                    why = "torch has no derivative here"
                reason = node.uncallable()
                outcome = Outcome(NOT_CHECKED, reason if reason.startswith("opaque") else why)
                self.found.nodes[node.place] = outcome
        self._values(engine)
        self._whole(engine)
        if any(outcome.reason == FREED for outcome in self.found.nodes.values()):
            self._freed()
            return self.found
        self._order_2()
        if self.options.numeric:
            self._numeric()
        self._first_failure()
        return self.found

    # ---- node by node

    def _visit(self, engine: EngineRun, group: Group, call: Call) -> None:
        outcome: Outcome | None = None
        quickly = self.options.order == 1 and quick.is_plain(group, call)
        if quickly:
            edges = engine.edges(call)
            engine.advance(call)
            outcome = quick.match(self.local, group, edges, engine.results(call))
        self.found.nodes[group.node.place] = outcome or self._look_into(group, engine.data)
        if not quickly:
            engine.advance(call)

    def _look_into(self, group: Group, data: Data) -> Outcome:
        place = group.node.place
        outcome = self.local.of(group, data)
        if outcome.status == FAILED:
            if outcome.found_by == "local":  # finite differences know the first order only
                seed = self.options.seed
                self.found.numeric[place] = numeric.judge(group, data, self.graph, seed)
            if self._may_differ(group):
                self.found.allowed[place] = outcome
                outcome = Outcome(NOT_CHECKED, "allowed to differ")
                self.cuts[place] = f"{group.node.name} is allowed to differ"
        elif outcome.status == NOT_CHECKED and self.options.numeric and not group.trouble:
            outcome = numeric.instead(group, data, self.graph, self.options.seed, outcome)
        if group.node.uncallable() and not group.trouble:
            self.kept[place] = keep_numbers(group, data)
        return outcome

    def _may_differ(self, group: Group) -> bool:
        name = group.node.name
        return bool({name, name.removesuffix("Backward")} & set(self.options.allow))

    # ---- the whole

    def _values(self, engine: EngineRun) -> None:
        pairs = list(zip(self.outputs, engine.outputs, strict=True))
        tolerance = self.options.tolerance
        found = [difference(mine.detach(), theirs.data, tolerance) for mine, theirs in pairs]
        if not tolerance.given and (self.options.noise or any(found)):
            noises = self.found.output_noise = output_noise(self.groups, engine)
            found = [
                difference(mine.detach(), theirs.data, tolerance, noise=noise) if apart else apart
                for (mine, theirs), apart, noise in zip(pairs, found, noises, strict=True)
            ]
        else:
            self.found.output_noise = [0.0] * len(pairs)
        for apart in found:
            if apart:  # the recording, not a gradient, is at fault
                said = "running it again gives another value"
                self.found.values.append(Outcome(NOT_CHECKED, said, apart))
            else:
                self.found.values.append(Outcome(MATCHED, "", apart, "whole"))

    def _whole(self, engine: EngineRun) -> None:
        try:
            expected = engine.backward(self.cotangents)
        except (RuntimeError, NotImplementedError) as error:
            said = f"the engine stopped: {error}".split("\n")[0]
            self.found.leaves = {
                node.place: Outcome(NOT_CHECKED, said) for node in self.graph.nodes if node.is_leaf
            }
            return
        torchs = TorchRun(self.groups, self.cotangents, self.kept)
        for place, outcome in torchs.failed.items():
            if self.found.nodes[place].status != FAILED:
                self.found.nodes[place] = outcome
        cuts = {**self.cuts, **engine.cuts, **torchs.cuts}
        reasons = uncheckable(self.groups, cuts, engine.loose)
        other_value = any(outcome.status == NOT_CHECKED for outcome in self.found.values)
        self._leaves(torchs, expected, reasons, other_value)
        if not other_value:
            self._cotangents(engine, torchs, reasons)

    def _leaves(
        self, torchs: TorchRun, expected: dict[int, Any], reasons: dict[int, str], other: bool
    ) -> None:
        apart: dict[int, Difference] = {}
        for node in self.graph.nodes:
            if not node.is_leaf:
                continue
            grad = torchs.cotangents.get(node.place, [None])[0]
            self.found.grads[node.place] = grad
            if node.place in reasons or other:
                reason = reasons.get(node.place, "running it again gives another value")
                self.found.leaves[node.place] = Outcome(NOT_CHECKED, reason)
            else:
                apart[node.place] = difference(
                    grad, expected.get(node.place), self.options.tolerance
                )
        forgiving = not self.options.tolerance.given
        if forgiving and (self.options.noise or any(apart.values())):
            self.found.noise = noise_of(self.groups, self.cotangents, self.kept, torchs, expected)
            apart = self._forgive_rounding(apart, expected)
        for place, found in apart.items():
            status = FAILED if found else MATCHED
            self.found.leaves[place] = Outcome(status, found.what, found, "whole")
        if self.options.sides:
            self._sides(expected, sorted(apart, key=lambda place: not apart[place]))

    def _sides(self, expected: dict[int, Any], places: Sequence[int]) -> None:
        """What each side says of these leaves; finite differences have a word in the verdict."""
        cotangents, grads, seed = self.cotangents, self.found.grads, self.options.seed
        told = sides(
            self.groups, self.outputs, cotangents, expected, grads, places, self.wide, seed
        )
        for place, (said, outcome) in told.items():
            self.found.sides[place] = said
            if outcome is not None:
                self._weigh(place, outcome)

    def _weigh(self, place: int, outcome: Outcome) -> None:
        """Take what finite differences found of a leaf, where it says more than is known."""
        status = self.found.leaves[place].status
        if status == NOT_CHECKED or (status == MATCHED and outcome.status == FAILED):
            self.found.leaves[place] = outcome

    def _forgive_rounding(
        self, apart: dict[int, Difference], expected: dict[int, Any]
    ) -> dict[int, Difference]:
        """Through a deep graph rounding adds up: how far is seen in double precision."""
        grads, noise = self.found.grads, self.found.noise
        return {
            place: difference(
                grads[place], expected.get(place), self.options.tolerance, noise=noise[place]
            )
            if found
            else found
            for place, found in apart.items()
        }

    def _cotangents(self, engine: EngineRun, torchs: TorchRun, reasons: dict[int, str]) -> None:
        """Where nothing fails by itself but a leaf does: the node that is to blame."""
        failed = any(o.status == FAILED for o in self.found.nodes.values())
        if failed or all(o.status != FAILED for o in self.found.leaves.values()):
            self._vouch(torchs, reasons)
            return
        blamed = blame(self.groups, self.local, engine, torchs, reasons)
        if blamed is not None:
            self.found.nodes[blamed[0]] = blamed[1]

    def _vouch(self, torchs: TorchRun, reasons: dict[int, str]) -> None:
        """A node without operators of its own is right if all that its gradients reach is."""
        for place, outcome in self.found.nodes.items():
            node = self.graph.nodes[place]
            if outcome.status != NOT_CHECKED or place in torchs.cuts or node.uncallable():
                continue
            below = [child for child, _ in node.edges if child is not None]
            known = [child for child in self.graph.below(below) if child in self.found.leaves]
            if (
                node.name == "AsStridedBackward0"
                and place not in reasons
                and all(self.found.leaves[child].status == MATCHED for child in known)
            ):
                self.found.nodes[place] = Outcome(MATCHED, "", SAME, "whole")

    # ---- more

    def _freed(self) -> None:
        """Backward through such a graph raises: no part of it has a gradient."""
        for outcomes in (self.found.nodes, self.found.leaves):
            outcomes.update(dict.fromkeys(outcomes, Outcome(NOT_CHECKED, FREED)))
        self.found.notes.append(
            "backward through this graph raises, for an earlier backward has freed what it saved: "
            "retain_graph=True there would keep it"
        )

    def _order_2(self) -> None:
        if self.options.order == 2:
            second_order(
                self.groups,
                self.cotangents,
                self.found.leaves,
                self.options.tolerance,
                self.options.seed,
                self.kept,
            )

    def _numeric(self) -> None:
        found = self.found
        outcomes = numeric.leaves(
            self.groups,
            self.outputs,
            self.cotangents,
            found.grads,
            self.wide,
            self.options.seed,
        )
        for place, outcome in outcomes.items():
            self._weigh(place, outcome)
        for place, before in found.nodes.items():
            if before.status == NOT_CHECKED and before.reason == "opaque forward":
                below = self.graph.below([place])
                leaves = [found.leaves[child] for child in below if child in found.leaves]
                found.nodes[place] = _by_leaves(before, leaves)

    def _first_failure(self) -> None:
        nodes, leaves = self.found.nodes, self.found.leaves
        failed = [p for p in self.graph.order if p in nodes and nodes[p].status == FAILED]
        failed += [p for p in self.graph.order if p in leaves and leaves[p].status == FAILED]
        self.found.first = failed[0] if failed else -1


def _by_leaves(before: Outcome, leaves: list[Outcome]) -> Outcome:
    """What the leaves' numeric checks say of a node that nothing else can check."""
    decided = {leaf.status for leaf in leaves if leaf.found_by == "numeric"}
    if FAILED in decided:
        return next(leaf for leaf in leaves if leaf.status == FAILED)
    return Outcome(MATCHED, "", SAME, "numeric") if decided == {MATCHED} else before


def numbers_in(graph: Graph, tree: TorchGraph, outputs: Sequence[torch.Tensor]) -> dict[int, int]:
    """For each node of torch's graph, by its number there, its id in the walk's Graph."""
    children = {
        (edge.target, edge.target_index): edge.source for edge in graph.edges if edge.kind == "grad"
    }
    kinds = {node.id: node.kind for node in graph.nodes}
    found: dict[int, int] = {}
    places: list[int] = []
    roots = _root_ids(graph, outputs)
    for (place, _), number in zip(tree.roots, roots, strict=True):
        if place is None or place in found:
            continue
        source = number if kinds[number] == "op" else children.get((number, 0))
        if source is not None:
            found[place] = source
            places.append(place)
    for place in places:
        for index, (child, _) in enumerate(tree.nodes[place].edges):
            if child is not None and child not in found:
                found[child] = children[found[place], index]
                places.append(child)
    return found


def _root_ids(graph: Graph, outputs: Sequence[torch.Tensor]) -> list[int]:
    """The boxes of the outputs, in their order: each different tensor has one."""
    ids: dict[int, int] = {}
    numbers = iter(graph.outputs)
    return [ids[id(t)] if id(t) in ids else ids.setdefault(id(t), next(numbers)) for t in outputs]
