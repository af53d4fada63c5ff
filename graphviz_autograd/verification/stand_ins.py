"""Calling torch's nodes, those too that must not be called.

A node of a checkpointed forward would run it again. In its place the operators that were
recorded under it run on torch, from leaves that stand for the tensors they were given, and
are differentiated there; so gradients pass, and gradients of gradients.

May import groups, local, nodes, replay and vjps of ours.
"""

from __future__ import annotations

from typing import Any

import torch

from graphviz_autograd.verification.groups import Data, Group, Groups, run_group
from graphviz_autograd.verification.local import IN_CHECKPOINT
from graphviz_autograd.verification.nodes import Grads, TorchGraph, TorchNode, shaken
from graphviz_autograd.verification.replay import TORCH, Opaque
from graphviz_autograd.verification.vjps import usable


class StandIns:
    """Calls the nodes of one graph, and of what is made by going back through it.

    kept  the numbers that the groups of uncallable nodes were given, by the node's number
    ends  after a recorded call: for the nodes that gather the gradients of leaves that stand
          for others, the edge of torch's graph that each stands for
    """

    def __init__(self, groups: Groups, kept: dict[int, Data]) -> None:
        self.groups, self._kept = groups, kept
        self.ends: dict[Any, tuple[Any, int]] = {}

    def reason(self, node: TorchNode) -> str:
        """Why gradients cannot pass a node; "" where it can be called or stood in for."""
        reason = node.uncallable()
        if not reason or self._group(node) is not None:
            return ""
        return IN_CHECKPOINT if node.custom and reason == "packed" else reason

    def call(self, graph: TorchGraph, node: TorchNode, grads: Grads, shake: bool = False) -> Grads:
        """The gradients of a node's inputs; recorded where gradients are switched on.

        Raises Opaque where there are none to be had, and what a backward raises.
        """
        group = self._group(node) if node.uncallable() else None
        if group is None and node.uncallable():
            raise Opaque(self.reason(node))
        found = node.call(grads) if group is None else self._replayed(group, node, grads)
        found = graph.fitted(node, found)
        return shaken(found) if shake else found

    def _group(self, node: TorchNode) -> Group | None:
        """What ran under an uncallable node, where it can be run again."""
        place = self.groups.graph.place_of(node.fn)
        if place is None or place not in self._kept:
            return None
        group = self.groups.by_place[place]
        return None if group.trouble or node.custom else group

    def _replayed(self, group: Group, node: TorchNode, grads: Grads) -> Grads:
        record = torch.is_grad_enabled()
        with torch.enable_grad():
            ran = run_group(TORCH, group, self._kept[group.node.place])
            pairs = [(ran.outputs[n], g) for n, g in enumerate(grads) if usable(ran.outputs, n, g)]
            leaves = [leaf for leaf, _ in ran.leaves]
            given: Grads = [None] * len(leaves)
            if pairs and leaves:
                heads, firsts = zip(*pairs, strict=True)
                given = list(
                    torch.autograd.grad(
                        heads, leaves, firsts, allow_unused=True, create_graph=record
                    )
                )
        found: Grads = [None] * len(node.edges)
        for (leaf, edges), grad in zip(ran.leaves, given, strict=True):
            found[edges[0]] = grad
            if record:
                end = torch.autograd.graph.get_gradient_edge(leaf).node
                self.ends[end] = node.fn.next_functions[edges[0]]
        return found
