"""Torch's own graph, and gradients through it by calling its nodes one at a time.

Backward is done here by hand: each node is called with its cotangents, newest node first,
and what it gives is added up along the edges. So no hook fires, no `.grad` changes, nothing
is freed, and every cotangent can be looked at. What must not be called is not: what adds to
`.grad`, and what would run a checkpointed forward again.

May import saved (how to look at what a node keeps) of ours, and errors.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import MappingProxyType
from typing import Any

import torch

from graphviz_autograd.saved import fields_of

Grads = list[Any]
"""One gradient (or None) for each output, or each input, of a node."""

GOES_BACK = "opaque: its backward calls backward itself"
FREED = "what it saved was freed by backward"

OPAQUE = {
    "CheckpointFunctionBackward": "opaque: reentrant checkpoint",
    "CompiledFunctionBackward": "opaque: torch.compile",
}


class TorchNode:
    """One node of torch's graph, and what is needed to call it.

    fn        the autograd node
    place     its number, in the order of discovery from the outputs
    edges     for each input the number of a node (None: no gradient is wanted), and which
              of its outputs
    infos     shape, dtype and device of each output
    used      the numbers of the outputs that something was made from
    custom    whether it belongs to an autograd.Function written in Python
    hidden    leaves that its forward used, though no edge leads to them
    """

    __slots__ = (
        "_uncallable",
        "custom",
        "edges",
        "fn",
        "hidden",
        "infos",
        "name",
        "place",
        "sequence",
        "used",
    )

    def __init__(self, fn: Any, place: int) -> None:
        self.fn, self.place = fn, place
        self.edges: list[tuple[int | None, int]] = []
        self.used: set[int] = set()
        self.name = fn.name() if type(fn).__name__ == "CppFunction" else type(fn).__name__
        self.custom = isinstance(fn, torch.autograd.function.BackwardCFunction)
        self.hidden: list[torch.Tensor] = []
        self._uncallable: str | None = None
        self.sequence: int = fn._sequence_nr()
        self.infos = [(m.shape, m.dtype, m.device) for m in fn._input_metadata]

    @property
    def is_leaf(self) -> bool:
        """Whether it is where the gradient of a leaf is gathered."""
        return self.name == "AccumulateGrad"

    def uncallable(self) -> str:
        """Why it must not be called; nothing where it may be."""
        if self._uncallable is None:
            self._uncallable = OPAQUE.get(self.name) or self._packed()
        return self._uncallable

    def _packed(self) -> str:
        fields = fields_of(type(self.fn))
        raws = ["_raw_saved_tensors"] if fields.custom else [raw for _, raw, _ in fields.tensors]
        for raw in raws:
            try:
                holders = getattr(self.fn, raw)
            except RuntimeError:
                return FREED
            for holder in holders if isinstance(holders, tuple) else (holders,):
                if holder is not None and holder.unpack_hook is not None:
                    return "packed"
        return ""

    def call(self, grads: Sequence[Any]) -> Grads:
        """The node's own vector-Jacobian product, one gradient for each of `edges`."""
        if not self.custom:
            found = self.fn(*grads)
            return list(found) if isinstance(found, tuple) else [found]
        given = [
            torch.zeros(shape, dtype=dtype, device=device) if grad is None else grad
            for grad, (shape, dtype, device) in zip(grads, self.infos, strict=True)
        ]
        with self._grads_kept():
            found = self.fn.apply(*given)
        found = found if isinstance(found, tuple) else (found,)
        wanted = self.fn.needs_input_grad  # of every argument; edges are of tensors only
        if len(found) < len(wanted):
            raise RuntimeError(
                f"returned an incorrect number of gradients (expected {len(wanted)}, "
                f"got {len(found)})"
            )
        needed = iter([grad for grad, needs in zip(found, wanted, strict=False) if needs])
        return [None if child is None else next(needed, None) for child, _ in self.edges]

    @contextmanager
    def _grads_kept(self) -> Iterator[None]:
        """The `.grad` of leaves that the backward might write to as it was.

        Raises RuntimeError where it did: then what it does is no matter of its edges.
        """
        before = [leaf.grad for leaf in self.hidden]
        for leaf in self.hidden:
            leaf.grad = None
        try:
            yield
            if any(leaf.grad is not None for leaf in self.hidden):
                self._uncallable = GOES_BACK
                raise RuntimeError(GOES_BACK)
        finally:
            for leaf, grad in zip(self.hidden, before, strict=True):
                leaf.grad = grad


class TorchGraph:
    """The nodes that some tensors come from; the ways in to `stops` are not followed further.

    instead  edges to follow in place of those to some nodes

    The graph must be safe to walk: graphviz_autograd.walk has made it so.
    """

    def __init__(
        self,
        outputs: Sequence[torch.Tensor],
        stops: Iterable[Any] = (),
        instead: Mapping[Any, tuple[Any, int]] = MappingProxyType({}),
    ) -> None:
        self.nodes: list[TorchNode] = []
        self._places: dict[Any, int] = {}
        self._custom = False  # whether there is an autograd.Function among them
        self.roots: list[tuple[int | None, int]] = []
        for tensor in outputs:
            root: int | None = None
            number = 0
            if tensor.requires_grad:
                edge = torch.autograd.graph.get_gradient_edge(tensor)
                fn, number = instead.get(edge.node, (edge.node, edge.output_nr))
                root = self._discover(fn)
                self.nodes[root].used.add(number)
            self.roots.append((root, number))
        ends = set(stops)
        for node in self.nodes:  # grows while we go
            for way in () if node.fn in ends else node.fn.next_functions:
                child, number = instead.get(way[0], way) if instead else way
                if child is None:
                    node.edges.append((None, 0))
                else:
                    place = self._discover(child)
                    node.edges.append((place, number))
                    self.nodes[place].used.add(number)
        self.order = self._backward_order()

    def place_of(self, fn: Any) -> int | None:
        """The number of an autograd node of this graph."""
        return self._places.get(fn)

    def _discover(self, fn: Any) -> int:
        place = self._places.get(fn)
        if place is None:
            place = self._places[fn] = len(self.nodes)
            node = TorchNode(fn, place)
            self.nodes.append(node)
            self._custom |= node.custom
        return place

    def _backward_order(self) -> list[int]:
        """The order backward takes: a node after all that uses it, newest first."""
        waiting = [0] * len(self.nodes)
        for node in self.nodes:
            for child, _ in node.edges:
                if child is not None:
                    waiting[child] += 1
        ready = [(-n.sequence, n.place) for n in self.nodes if not waiting[n.place]]
        heapq.heapify(ready)
        order = []
        while ready:
            _, place = heapq.heappop(ready)
            order.append(place)
            for child, _ in self.nodes[place].edges:
                if child is not None:
                    waiting[child] -= 1
                    if not waiting[child]:
                        heapq.heappush(ready, (-self.nodes[child].sequence, child))
        return order

    def fitted(self, node: TorchNode, grads: Sequence[Any]) -> Grads:
        """What a node gave, as torch passes it on: in the shape and dtype of each input."""
        if len(grads) != len(node.edges):
            raise RuntimeError(f"{node.name} gave {len(grads)} gradients of {len(node.edges)}")
        return [
            None if grad is None or child is None else fit(grad, *self.nodes[child].infos[number])
            for grad, (child, number) in zip(grads, node.edges, strict=True)
        ]

    def backward(
        self,
        cotangents: Sequence[Any],
        call: Callable[[TorchNode, Grads], Grads],
        record: bool = False,
    ) -> dict[int, Grads]:
        """For each node that gradients reach, the cotangents of its outputs, summed.

        call    gives the gradients of a node's inputs; where it raises Cut, none are known
                above that node
        record  the gradients shall be differentiable themselves
        """
        slots: dict[int, Grads] = {}
        for (root, number), cotangent in zip(self.roots, cotangents, strict=True):
            if root is not None:
                self._add(slots, root, number, cotangent)
        with grad_mode(record):
            for place in self.order:
                node = self.nodes[place]
                if not node.edges or place not in slots:
                    continue
                grads = call(node, slots[place])
                for (child, number), grad in zip(node.edges, grads, strict=True):
                    if child is not None:
                        self._add(slots, child, number, grad)
        return slots

    def _add(self, slots: dict[int, Grads], place: int, number: int, grad: Any) -> None:
        held = slots.setdefault(place, [None] * len(self.nodes[place].infos))
        if grad is None:
            return
        if held[number] is not None:
            held[number] = held[number] + grad
        else:  # what a leaf gathers is its own, whatever a Function does to the cotangents
            own = self._custom and self.nodes[place].is_leaf
            held[number] = grad.clone() if own else grad

    def below(self, places: Iterable[int]) -> set[int]:
        """These nodes, and all that their gradients go on to."""
        seen = set(places)
        waiting = list(seen)
        while waiting:
            for child, _ in self.nodes[waiting.pop()].edges:
                if child is not None and child not in seen:
                    seen.add(child)
                    waiting.append(child)
        return seen


def called(graph: TorchGraph, node: TorchNode, grads: Grads, shake: bool = False) -> Grads:
    """The gradients of a node's inputs, by the node itself."""
    found = graph.fitted(node, node.call(grads))
    return shaken(found) if shake else found


def raised(error: Exception, what: str = "backward") -> str:
    """An exception out of a node, in one line."""
    said = " ".join(str(error).split())
    if "have already been freed" in said:
        return FREED
    said = said.partition(" Hint: ")[0]
    return f"{what} raised {type(error).__name__}: {said[:240]}"


def grad_mode(record: bool) -> AbstractContextManager[Any]:
    """Recording gradients of gradients, or not."""
    return torch.enable_grad() if record else torch.no_grad()


def fit(grad: torch.Tensor, shape: Any, dtype: Any, device: Any) -> torch.Tensor:
    """A gradient as torch's engine makes it fit the tensor that it belongs to."""
    if grad.shape != shape:
        grad = grad.sum_to_size(shape)
    if grad.dtype != dtype:
        if grad.is_complex() and not dtype.is_complex:
            grad = grad.real
        grad = grad.to(dtype)
    if grad.device != device and grad.dim() == 0:
        grad = grad.to(device)
    return grad


def shaken(grads: Grads) -> Grads:
    """Gradients as another way of rounding might have left them."""
    found: Grads = []
    for grad in grads:
        if grad is not None and grad.numel():
            size = torch.finfo(grad.dtype).eps * grad.detach().abs().max()
            generator = torch.Generator().manual_seed(grad.numel())
            signs = torch.randint(0, 2, grad.shape, generator=generator) * 2 - 1
            grad = grad + (size * signs.to(grad.device)).to(grad.dtype)
        found.append(grad)
    return found


def captured(
    roots: Iterable[tuple[torch.Tensor, torch.Tensor]],
    wanted: Sequence[tuple[Any, int]],
    call: Callable[[TorchGraph, TorchNode, Grads], Grads],
    instead: Mapping[Any, tuple[Any, int]] = MappingProxyType({}),
) -> Grads:
    """Gradients of some tensors with respect to edges of a graph, by calling nodes.

    roots    (a tensor, its cotangent); those that need no grad are left out
    wanted   (autograd node, number of its output); nothing beyond these nodes is touched
    call     gives the gradients of a node's inputs
    instead  see TorchGraph
    """
    pairs = [(tensor, grad) for tensor, grad in roots if tensor.requires_grad]
    graph = TorchGraph([tensor for tensor, _ in pairs], {fn for fn, _ in wanted}, instead)
    slots = graph.backward([grad for _, grad in pairs], partial(call, graph))
    found: Grads = []
    for fn, number in wanted:
        place = graph.place_of(fn)
        held = None if place is None else slots.get(place)
        found.append(None if held is None else held[number])
    return found
