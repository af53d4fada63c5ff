"""The walk: from tensors, through the autograd graph behind them, to a Graph.

One pass, breadth first, in a loop: a graph may have a million nodes in one line. The
walk only looks. It reruns no forward, fires no hook, unpacks no saved tensor, keeps no
tensor alive and computes nothing on any; where torch will not tell something of a tensor,
the Graph's `meta["unread"]` says so.

What is read is what was asked for: a picture that shows no shapes need not pay for them.

May import names, recorder, graph and errors of ours (and freeing and saved, its helpers).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch

from graphviz_autograd.errors import InputTypeError, NoGraphError
from graphviz_autograd.freeing import beyond, protect
from graphviz_autograd.graph import Edge, Graph, Node
from graphviz_autograd.names import Names, made_by, memory_key, named_outputs, plain
from graphviz_autograd.recorder import NO_NUMBER, Recording
from graphviz_autograd.saved import Boxes, Fields, Saved, fields_of
from graphviz_autograd.tensors import Infos


def walk(
    outputs: Any,
    params: Any = None,
    *,
    record: Recording | None = None,
    shapes: bool = True,
    attrs: bool = True,
    saved: bool = True,
    inputs: bool = False,
) -> Graph:
    """The autograd graph behind `outputs`, as plain data.

    outputs  a tensor, or any structure of tensors: lists, tuples, named tuples, dicts and
             other mappings, dataclasses, pytrees; keys and field names become output names
    params   names for tensors: a dict, (name, tensor) pairs, a module, a state_dict
    record   what `gva.record` noted of the forward: the module calls and the source line that
             made each op
    shapes   read shape, dtype and device of every op's outputs
    attrs    read what ops keep beside tensors (`dim`, `alpha`, ...)
    saved    read which tensors built-in ops saved for backward (those that a custom
             `autograd.Function` saved are always read, as torchviz draws them)
    inputs   read which tensors ops took that need no gradient: the x of w·x. The engine's
             graph knows them; torch's does not, and then `meta["unread"]` says so

    Nothing of the program is changed, and the Graph holds no tensor.

    Raises InputTypeError (a TypeError) where there is no tensor, a value of `params`
    is none, or `record` is no recording, and NoGraphError (a ValueError) where no output
    requires grad.

    >>> import torch
    >>> x = torch.arange(4.0, requires_grad=True)
    >>> graph = walk(2 * torch.dot(x, x), {"x": x})
    >>> [node.op or node.names for node in graph.nodes if node.kind in ("op", "leaf")]
    ['MulBackward0', 'DotBackward0', 'AccumulateGrad', ('x',)]
    """
    if record is not None and not isinstance(record, Recording):
        raise InputTypeError(
            f"record takes what `with gva.record(model) as rec` gives, not of type "
            f"{type(record).__name__}: pass record=rec"
        )
    # Reading an attribute of a tensor subclass must not run the subclass's own code.
    with torch._C.DisableTorchFunction(), gc_paused():
        tensors = named_outputs(outputs)
        if not any(tensor.requires_grad for _, tensor in tensors):
            raise NoGraphError(_why_no_graph(tensors))
        return _Walk(Names(params), shapes, attrs, saved, inputs).run(tensors, record)


NO_INPUTS = (
    "inputs: torch's graph does not know the tensors that need no gradient; the engine's does "
    "(graphviz_autograd.engine, gva render --engine own)"
)


class _Kind(NamedTuple):
    """What the walk needs to know of one type of autograd node.

    `name` is "" for the type that the nodes of C++ extensions share: each has its own.
    `fields` is how to read more of such a node, None where nothing more is wanted.
    """

    name: str
    is_leaf: bool
    fields: Fields | None


class _Kinds(dict[type, _Kind]):
    """Each type of autograd node, looked at once in a walk."""

    def __init__(self, shapes: bool, attrs: bool, saved: bool) -> None:
        super().__init__()
        self._shapes, self._attrs, self._saved = shapes, attrs, saved

    def __missing__(self, kind: type) -> _Kind:
        name = "" if kind.__name__ == "CppFunction" else kind.__name__
        fields = fields_of(kind)
        wanted = self._shapes or fields.wanted(self._attrs, self._saved)
        self[kind] = known = _Kind(name, name == "AccumulateGrad", fields if wanted else None)
        return known


class _Walk:
    """What one walk has seen so far. Ids are positions in `nodes`."""

    def __init__(self, names: Names, shapes: bool, attrs: bool, saved: bool, inputs: bool) -> None:
        self.names = names
        self.shapes, self.attrs, self.saved, self.inputs = shapes, attrs, saved, inputs
        self.infos = Infos()
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.ids: dict[Any, int] = {}  # autograd node -> id; holding it keeps it the same object
        self.queue: list[Any] = []  # autograd nodes in order of discovery
        self.boxed: set[tuple[int, int]] = set()  # (op, number of its output) drawn as a tensor
        self.leaves: dict[int, tuple[int, torch.Tensor]] = {}  # id(tensor) -> node id, tensor
        self.taken: list[tuple[int, torch.Tensor]] = []  # (node id, tensor) of the inputs
        self.seen_saved: list[Saved] = []
        self.kinds = _Kinds(shapes, attrs, saved)

    def run(self, tensors: list[tuple[str, torch.Tensor]], record: Recording | None) -> Graph:
        own = not all(isinstance(tensor, torch.Tensor) for _, tensor in tensors)
        boxes = self.roots(tensors)
        roots = list(self.queue)
        self.ops()
        self.order_ops()
        outputs = self.finish_outputs(tensors, boxes)
        self.name_ops()
        self.protect(roots)
        if self.inputs and own:
            self.add_inputs(boxes)
        elif self.inputs:
            self.infos.unread.append(NO_INPUTS)
        self.add_saved()
        read = [what for what in ("shapes", "attrs", "saved") if getattr(self, what)]
        read += ["inputs"] if self.inputs and own else []
        if record is not None:
            read += self.place_ops(record, own)
        if own:
            self.group_composites()
        meta = {
            "engine": "own" if own else "torch",
            "torch": str(torch.__version__),
            "read": read,
            "unread": self.infos.unread,
        }
        return Graph(self.nodes, self.edges, outputs, meta)

    # ---- the outputs, first and last

    def roots(self, tensors: list[tuple[str, torch.Tensor]]) -> dict[int, int]:
        """Boxes for the outputs that an op made, and for the bases of views: id(tensor) -> id."""
        boxes: dict[int, int] = {}
        for _, tensor in tensors:
            if id(tensor) not in boxes and not _is_leaf(tensor):
                boxes[id(tensor)] = self.add_tensor("output", tensor)
        for _, tensor in tensors:
            base = tensor._base
            if base is not None and id(base) not in boxes and not _is_leaf(base):
                boxes[id(base)] = self.add_tensor("base", base)
        return boxes

    def add_tensor(self, kind: Any, tensor: torch.Tensor) -> int:
        """A box for an output or a base, and the op that made it put in the queue."""
        number = len(self.nodes)
        self.nodes.append(
            Node(number, kind, "", self.names.of(tensor), (self.infos.of(tensor, number),))
        )
        fn = made_by(tensor)
        if fn is not None:
            op = self.discover(fn)
            self.edges.append(Edge(op, number, "grad", tensor.output_nr, 0))
            self.boxed.add((op, tensor.output_nr))
        return number

    def finish_outputs(
        self, tensors: list[tuple[str, torch.Tensor]], boxes: dict[int, int]
    ) -> tuple[int, ...]:
        """Outputs and bases that are leaves get their box; views their edge, outputs their names.

        A leaf that the graph leads to stays the leaf it is.
        """
        named: dict[int, list[str]] = {}
        for name, tensor in tensors:
            number = boxes.get(id(tensor))
            if number is None:
                number = boxes[id(tensor)] = self.leaf_box("output", tensor)
            named.setdefault(number, []).extend([name] if name else [])
        for number, names in named.items():
            node = self.nodes[number]
            node.names = tuple(dict.fromkeys([*names, *node.names]))
        viewed = {id(tensor): tensor for _, tensor in tensors if tensor._base is not None}
        for key, tensor in viewed.items():
            base = tensor._base
            assert base is not None
            if id(base) not in boxes:
                boxes[id(base)] = self.leaf_box("base", base)
            self.edges.append(Edge(boxes[id(base)], boxes[key], "view"))
        return tuple(named)

    def leaf_box(self, kind: Any, tensor: torch.Tensor) -> int:
        if id(tensor) in self.leaves:
            return self.leaves[id(tensor)][0]
        return self.add_tensor(kind, tensor)

    # ---- the ops

    def discover(self, fn: Any) -> int:
        """The id of an autograd node, given out when it is first seen."""
        number = self.ids.get(fn)
        if number is None:
            number = self.ids[fn] = len(self.nodes)
            self.nodes.append(Node(number, "op", self.kinds[type(fn)].name or fn.name()))
            self.queue.append(fn)
        return number

    def ops(self) -> None:
        """Everything that the queue leads to."""
        ids, kinds, discover, add = self.ids, self.kinds, self.discover, self.edges.append
        for fn in self.queue:  # grows while we go: breadth first
            target = ids[fn]
            for index, (child, output_nr) in enumerate(fn.next_functions):
                if child is not None:
                    add(Edge(discover(child), target, "grad", output_nr, index))
                else:
                    self.nodes[target].cuts += (index,)
            _, is_leaf, fields = kinds[type(fn)]
            if is_leaf:
                self.read_leaf(fn, self.nodes[target])
            elif fields is not None:
                self.read_op(fn, self.nodes[target], fields)

    def order_ops(self) -> None:
        """Each op's place in the order in which they were made; accumulators have none."""
        numbers = [fn._sequence_nr() for fn in self.queue]
        ops = list(self.ids.values())  # given out in the order of the queue
        for place, at in enumerate(sorted(range(len(ops)), key=numbers.__getitem__)):
            if numbers[at] == NO_NUMBER:  # the highest there is
                break
            self.nodes[ops[at]].made = place

    def read_op(self, fn: Any, node: Node, fields: Fields) -> None:
        if self.shapes:
            node.outputs = self.infos.of_outputs(fn, node.id)
        found, attrs = fields.read(fn, node.id, self.attrs, self.saved)
        self.seen_saved += found
        if self.attrs:
            node.attrs = attrs

    def read_leaf(self, fn: Any, node: Node) -> None:
        tensor = fn.variable
        if id(tensor) in self.leaves:  # changing `.data` can give a leaf a second accumulator
            self.edges.append(Edge(self.leaves[id(tensor)][0], node.id))
            return
        number = len(self.nodes)
        info = self.infos.of(tensor, number)
        leaf = Node(number, "leaf", "", self.names.of(tensor), (info,))
        if isinstance(tensor, torch.nn.Parameter):
            leaf.attrs["parameter"] = True
        self.nodes.append(leaf)
        self.edges.append(Edge(number, node.id))
        self.leaves[id(tensor)] = (number, tensor)
        if self.shapes:
            node.outputs = (info,)

    def place_ops(self, record: Recording, own: bool) -> list[str]:
        """The module calls and the line that made each op, and what of these was recorded."""
        places = record.places_of_engine if own else record.places
        for fn, (calls, line) in zip(self.queue, places(self.queue), strict=True):
            node = self.nodes[self.ids[fn]]
            node.modules, node.line = calls, line
        self.infos.unread += record.notes
        return record.noted

    def group_composites(self) -> None:
        """A group for what one call of a function made that is several operators. The engine
        notes these; torch's nodes do not tell.
        """
        calls: dict[tuple[str, int], list[Node]] = {}
        for fn in self.queue:
            if (call := getattr(fn, "_composite", None)) is not None:
                calls.setdefault(call, []).append(self.nodes[self.ids[fn]])
        for (name, _), made in calls.items():
            if len(made) > 1:
                group = Node(len(self.nodes), "group", "composite", (name,))
                around = (node.modules for node in made)
                group.modules = min(around, key=len)
                self.nodes.append(group)
                for node in made:
                    node.parent = group.id

    def protect(self, roots: list[Any]) -> None:
        """Make what was seen safe to free; that includes graphs that only names led to."""
        ids, edges, size = self.ids, self.edges, len(self.nodes)
        strangers = [fn for fn, _, _ in self.names.places() if fn not in ids]
        if strangers:
            ids, edges, size = beyond(strangers, ids, edges, size)
        protect(ids, [*roots, *strangers], edges, size)

    def name_ops(self) -> None:
        """An intermediate tensor with a name gives it to its op, where it has no box itself."""
        for fn, output_nr, names in self.names.places():
            number = self.ids.get(fn)
            if number is not None and (number, output_nr) not in self.boxed:
                self.nodes[number].names += names

    # ---- what needs no gradient, and what was saved

    def add_inputs(self, boxes: dict[int, int]) -> None:
        """A box for each tensor that an op took and no edge leads to, however many took it."""
        known: dict[Any, int] = {}
        for fn in self.queue:
            for argument, index, held, (shape, dtype, device) in getattr(fn, "_inputs", ()):
                tensor = held()
                if tensor is not None and made_by(tensor) is not None:
                    tensor = None  # a change in place has made it another one since
                key = id(held) if tensor is None else memory_key(tensor) or id(tensor)
                number = self.leaves[id(tensor)][0] if id(tensor) in self.leaves else None
                number = boxes.get(id(tensor), known.get(key)) if number is None else number
                if number is None:
                    number = known[key] = len(self.nodes)
                    names = () if tensor is None else self.names.of(tensor)
                    info = self.infos.known(tuple(shape), dtype, device)
                    self.nodes.append(Node(number, "input", argument, names, (info,)))
                    if tensor is not None:
                        self.taken.append((number, tensor))
                node = self.nodes[number]
                if node.kind == "input" and argument not in node.op.split(", "):
                    node.op = f"{node.op}, {argument}"
                self.edges.append(Edge(number, self.ids[fn], "input", 0, index))

    def add_saved(self) -> None:
        """A box for each piece of memory that was saved; a leaf stays the leaf it is."""
        if not self.seen_saved:
            return
        boxes = Boxes(self.nodes, self.names, self.infos)
        for number, tensor in [*self.leaves.values(), *self.taken]:
            boxes.know(number, tensor)
        for saved in self.seen_saved:
            self.edges.append(boxes.edge(saved))


def _is_leaf(tensor: torch.Tensor) -> bool:
    return tensor.requires_grad and made_by(tensor) is None


@contextmanager
def gc_paused() -> Iterator[None]:
    """Many objects and no garbage: collecting in between would triple the time of a walk."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _why_no_graph(tensors: list[tuple[str, torch.Tensor]]) -> str:
    """Why there is nothing to draw, and what to check."""
    name, tensor = tensors[0][0], plain(tensors[0][1])
    what = f"output {name!r}" if name else "the output"
    if len(tensors) > 1:
        what = f"none of the {len(tensors)} outputs requires grad; the first"
    kind = str(tensor.dtype).removeprefix("torch.")
    said = f"{what} ({kind}) does not require grad, so autograd built no graph behind it"
    if tensor.is_inference():
        return f"{said}: it was made under torch.inference_mode()"
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        return f"{said}: it is a tensor inside torch.func or torch.vmap; draw what those return"
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return f"{said}: only floating point and complex tensors have gradients"
    if not torch.is_grad_enabled():
        return f"{said}: gradients are switched off here, by torch.no_grad() or the like"
    return (
        f"{said}. Check that an input or parameter has requires_grad=True, and that no "
        "torch.no_grad(), .detach(), .data, .item() or .numpy() stands in between"
    )
