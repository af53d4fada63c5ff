"""The graph that everything here passes around: plain data.

A Graph is a list of nodes and a list of edges, nothing more. It holds no tensor, no
autograd node and no drawing, so it can be kept, compared, pickled, saved as JSON and
drawn on a machine that has no torch. `walk` makes one, transforms turn one into
another, the emit room writes one out.

Edges follow the data through the forward pass, from the leaves down to the outputs,
as torchviz draws them:

    leaf ──grad──▶ AccumulateGrad ──grad──▶ MulBackward0 ──grad──▶ output

This room imports nothing of ours but `errors`; Graph's convenience methods import the
emit room when they are called.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

NodeKind = Literal["leaf", "op", "output", "saved", "base", "input", "group"]
EdgeKind = Literal["grad", "saved", "view", "input"]

NODE_KINDS: tuple[str, ...] = get_args(NodeKind)
EDGE_KINDS: tuple[str, ...] = get_args(EdgeKind)

GROUPS = ("module", "composite", "repeat", "more", "step", "leaf", "chain")
"""What a group can be, its `op`:

module     what one call of a module made
composite  what one call of a function made that is several operators
repeat     equal blocks one after the other; holds the first of them and a "more"
more       all equal blocks but the first
step       one of several equal runs of ops that no module made
leaf       a leaf and its accumulator
chain      ops that only look at a tensor in another way: view, transpose, expand
"""

Attr = bool | int | float | str | None | tuple["Attr", ...]
"""What an attribute may be: a JSON scalar or a (nested) sequence of them."""


class TensorInfo(NamedTuple):
    """What is known of a tensor without holding it.

    `shape` is None where torch does not tell it (strided nested tensors); a symbolic
    size stands as its text. `dtype` and `device` are texts: "float32", "cuda:0".
    """

    shape: tuple[int | str, ...] | None
    dtype: str
    device: str


class ModuleCall(NamedTuple):
    """One call of a module: its path in the model ("" for the model), its class, and which
    call of that path it was, counted from 1.
    """

    path: str
    class_name: str
    call: int


@dataclass(slots=True)
class Node:
    """One box: a leaf, an operation, an output, a saved tensor or the base of a view.

    id       small int, in order of discovery: the same program gives the same ids
    kind     leaf    a tensor that requires grad and that no operation made
             op      a node of the autograd graph
             output  a tensor that was asked for: the root
             saved   a tensor that an op keeps for its backward
             base    the tensor that an output is a view of
             input   a tensor that an op took and that needs no gradient
             group   several nodes, drawn as one box while it is closed
    op       for an op its name ("AddmmBackward0"), for a saved tensor the field that
             holds it ("mat1"; "result, self" where two ops saved it), for an input the
             argument it was, for a group what it is ("module", "repeat", ...: GROUPS), else ""
    names    every name a person gave it
    outputs  shape, dtype and device of each output; empty where not known or not read
    attrs    what the op keeps beside tensors ({"dim": -1}); "[saved tensor]" where it
             keeps one; for a saved tensor, {"freed": True} or {"packed": "tuple"}; for a
             leaf that is an nn.Parameter, {"parameter": True}; for a group what is in it
             ({"ops": 7, "parameters": 1024, "count": 12})
    cuts     numbers of the inputs that lead nowhere (None in `next_functions`)
    data     layers laid over the picture, by name ({"bytes": 4096})
    modules  the module calls that an op was made in, outermost first; empty where not known.
             Those of a module's group end in its own
    line     file and number of the source line that made an op; None where not known
    parent   id of the group it is in; None at the top
    clone_of id of the node that this is drawn another time for; None for a node itself
    made     an op's place, from 0, in the order in which ops were made; None where not known

    >>> block = ModuleCall("layers.0", "Block", 1)
    >>> Node(0, "op", "TanhBackward0", modules=(ModuleCall("", "Net", 1), block)).module.path
    'layers.0'
    """

    id: int
    kind: NodeKind
    op: str = ""
    names: tuple[str, ...] = ()
    outputs: tuple[TensorInfo, ...] = ()
    attrs: dict[str, Attr] = field(default_factory=dict)
    cuts: tuple[int, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    modules: tuple[ModuleCall, ...] = ()
    line: tuple[str, int] | None = None
    parent: int | None = None
    clone_of: int | None = None
    made: int | None = None

    @property
    def module(self) -> ModuleCall | None:
        """The innermost module call that an op was made in."""
        return self.modules[-1] if self.modules else None


@dataclass(slots=True)
class Edge:
    """One arrow, in the direction the data took in the forward pass.

    source, target  node ids
    kind            grad   the gradient flows back along it
                    saved  between an op and a tensor it saved: from the op to what a
                           built-in op saved, from the tensor to a custom
                           `autograd.Function` (where torchviz puts each)
                    view   from the base to the output that is a view of it
                    input  from a tensor that needs no gradient to an op that took it
    source_index    which output of the source
    target_index    which input of the target, so that `x - y` and `y - x` differ
    count           how many arrows it stands for, where an end of it is a closed group
    """

    source: int
    target: int
    kind: EdgeKind = "grad"
    source_index: int = 0
    target_index: int = 0
    count: int = 1


@dataclass(slots=True)
class Graph:
    """Nodes, edges, the ids of the outputs, and notes on how it came to be.

    Nodes may be in groups, which are nodes too. A group in `closed` is drawn as one box, one
    that is open as a frame around what is in it: `visible` says what is to be drawn. Nothing
    that a group holds is ever lost.

    `meta` says whose autograd made the graph ("engine": "torch", or "own" for
    graphviz_autograd.engine), the version of torch ("torch"), what was read ("read": a list of
    "shapes", "attrs", "saved", "inputs", "modules", "lines") and what torch would not tell or
    could not be recorded, and why ("unread").

    Treat a Graph as a value: transforms return new ones.

    >>> graph = Graph([Node(0, "leaf", names=("x",)), Node(1, "output")], [Edge(0, 1)], (1,))
    >>> graph
    Graph(2 nodes, 1 edge, outputs=[1])
    >>> graph.by_id()[0].names
    ('x',)
    """

    nodes: list[Node]
    edges: list[Edge]
    outputs: tuple[int, ...] = ()
    meta: dict[str, Any] = field(default_factory=dict)
    closed: frozenset[int] = frozenset()

    def by_id(self) -> dict[int, Node]:
        """The nodes, by id."""
        return {node.id: node for node in self.nodes}

    def __repr__(self) -> str:
        groups = sum(1 for node in self.nodes if node.kind == "group")
        nodes, edges = len(self.nodes) - groups, len(self.edges)
        grouped = f" in {groups} group{'s' * (groups != 1)}" if groups else ""
        return (
            f"Graph({nodes} node{'s' * (nodes != 1)}{grouped}, {edges} edge{'s' * (edges != 1)}, "
            f"outputs={list(self.outputs)})"
        )

    # ---- conveniences: each opens its room when called, and only then

    def collapse(self, depth: Any = "auto", **options: Any) -> Graph:
        """Each module call at a depth as one box; options as in `transform.modules.collapse`."""
        from graphviz_autograd.transform import modules

        return modules.collapse(self, depth, **options)

    def fold(self, **options: Any) -> Graph:
        """Equal blocks as one box, "×12"; options as in `transform.repeats.fold`."""
        from graphviz_autograd.transform import repeats

        return repeats.fold(self, **options)

    def fold_plumbing(self) -> Graph:
        """Accumulators within their leaves, and views, transposes and copies as thin boxes."""
        from graphviz_autograd.transform import plumbing

        return plumbing.fold_plumbing(self)

    def clone_leaves(self, uses: int = 4) -> Graph:
        """A leaf of so many uses drawn once for each of them."""
        from graphviz_autograd.transform import leaves

        return leaves.clone_leaves(self, uses)

    def focus(self, what: int | str, hops: int = 2) -> Graph:
        """The part within `hops` arrows of a node, by its id, a name, an op or a module path."""
        from graphviz_autograd.transform import parts

        return parts.focus(self, what, hops)

    def between(self, source: int | str, target: int | str | None = None) -> Graph:
        """What lies on a way from one node to another, or to the outputs."""
        from graphviz_autograd.transform import parts

        return parts.between(self, source, target)

    def hide(self, *patterns: str) -> Graph:
        """The graph without some ops, modules or kinds; see `transform.parts.hide`."""
        from graphviz_autograd.transform import parts

        return parts.hide(self, *patterns)

    def only(self, *patterns: str) -> Graph:
        """Some ops, modules or kinds of the graph, and no others; see `transform.parts.only`."""
        from graphviz_autograd.transform import parts

        return parts.only(self, *patterns)

    def readable(self, max_nodes: int = 150, **options: Any) -> Graph:
        """Folded and collapsed as far as a picture that can be read needs it, as `gva render`
        draws it; options as in `transform.readable.readable`.
        """
        from graphviz_autograd.transform import readable

        return readable.readable(self, max_nodes=max_nodes, **options)[0]

    def to_dot(self, **options: Any) -> str:
        """DOT text; options as in `emit.dot.lines`."""
        from graphviz_autograd.emit import dot

        return dot.source(self, **options)

    def to_json(self) -> str:
        """Versioned JSON text, which `Graph.from_json` reads back without loss."""
        from graphviz_autograd.emit import json

        return json.dumps(self)

    @staticmethod
    def from_json(text: str) -> Graph:
        """The Graph that `to_json` wrote.

        Raises GraphFileError when the text is no saved Graph.
        """
        from graphviz_autograd.emit import json

        return json.loads(text)

    def summary(self) -> str:
        """What is in the graph, as a few lines of text."""
        from graphviz_autograd.emit import summary

        return summary.text(self)

    def save(self, path: str | os.PathLike[str], **options: Any) -> list[str]:
        """Draw into a file by its suffix: .svg, .png, .pdf, .html, .dot, .mmd, .graphml, .json.

        The file is written whole or not at all. Returns notes worth telling a person
        (a picture scaled down, a plain layout), usually none.
        """
        from graphviz_autograd.emit import files

        graph = self._as_shown(files.format_of(path, options.get("format")))
        return files.save(graph, path, **options)

    @staticmethod
    def format_for(path: str | os.PathLike[str], format: str | None = None) -> str:
        """The format that `save` would write there.

        Raises OptionError where it is unknown, or `path` cannot be written.
        """
        from graphviz_autograd.emit import files

        files.check_writable(path)
        return files.format_of(path, format)

    def draw(self, format: str, **options: Any) -> tuple[bytes, list[str]]:
        """A picture in memory, in any format that `save` knows, and the notes on it."""
        from graphviz_autograd.emit import files

        return files.render_bytes(self._as_shown(format), format, **options)

    def _as_shown(self, format: str) -> Graph:
        """The graph as a page has it: in groups, closed as far as it takes to be read. One that
        has groups already is as a person wants it.
        """
        if format != "html" or any(node.kind == "group" for node in self.nodes):
            return self
        return self.readable(clone_leaves=False)

    def _repr_mimebundle_(self, **_: Any) -> Mapping[str, str]:
        from graphviz_autograd.emit import html
        from graphviz_autograd.errors import LayoutError

        page = html.framed(self._as_shown("html"))
        try:
            svg, _notes = self.draw("svg")
        except LayoutError as error:  # a notebook's cell still says what it holds
            return {"text/html": page, "text/plain": f"{self!r}\n{error}"}
        return {"text/html": page, "image/svg+xml": svg.decode(), "text/plain": repr(self)}
