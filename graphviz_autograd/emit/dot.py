"""Graph -> DOT text, in torchviz's clothes.

`picture` gives a Digraph that can be held, changed and rendered; `source` its text. The
text depends on nothing but the Graph and the options: two processes write the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypedDict, Unpack

from graphviz_autograd.emit import found
from graphviz_autograd.emit.classic import classic
from graphviz_autograd.emit.digraph import Picture
from graphviz_autograd.emit.options import one_of
from graphviz_autograd.emit.themes import NODE, THEMES, Theme
from graphviz_autograd.emit.words import module_text, quoted, quoted_tooltip, shape_text, shown
from graphviz_autograd.graph import Attr, Edge, Graph, Node, TensorInfo

STYLES = ("default", "classic")
RANKDIRS = ("TB", "LR", "BT", "RL")

# Ops whose operands may change places; at every other op with several inputs each arrow
# bears the number of the input it goes to.
COMMUTATIVE = frozenset(
    f"{op}Backward0" for op in ("Add", "Mul", "Dot", "Maximum", "Minimum", "Logaddexp")
)

MARK = "labelfontsize=8 labeldistance=2.8 labelangle=14"  # beside the arrow's head, not on it


class Options(TypedDict, total=False):
    """What `picture` can be asked for beside the graph."""

    show_attrs: bool
    show_saved: bool
    show_shapes: bool
    show_inputs: bool
    max_attr_chars: int
    style: str
    theme: str
    rankdir: str


def source(graph: Graph, **options: Unpack[Options]) -> str:
    """The DOT text of a graph; options as for `picture`.

    >>> from graphviz_autograd.graph import Edge
    >>> print(source(Graph([Node(0, "output", names=("y",)), Node(1, "op", "ExpBackward0")],
    ...                    [Edge(1, 0)], (0,))).splitlines()[-2].strip())
    1 -> 0
    """
    return picture(graph, **options).source


def picture(
    graph: Graph,
    *,
    show_attrs: bool = False,
    show_saved: bool = False,
    show_shapes: bool = True,
    show_inputs: bool = True,
    max_attr_chars: int = 50,
    style: str = "default",
    theme: str = "light",
    rankdir: str = "TB",
) -> Picture:
    """A graph as a `graphviz.Digraph` that renders without a system Graphviz.

    show_attrs      list under each op what it keeps beside tensors
    show_saved      draw the tensors that built-in ops saved (a custom Function's always are)
    show_shapes     write the shape of its outputs under each op, where it was read
    show_inputs     draw the tensors that need no gradient, where they were read
    max_attr_chars  characters of an attribute's value that are shown, 3 at least
    style           "default", or "classic": leaves and ops alone, the last op green
    theme           "light", "dark" or "colorblind"
    rankdir         direction of the arrows: "TB" (top to bottom), "LR", "BT" or "RL"

    Raises OptionError for a style, theme or rankdir that is not one of these.
    """
    look = THEMES[one_of("theme", theme, THEMES)]
    one_of("rankdir", rankdir, RANKDIRS)
    if one_of("style", style, STYLES) == "classic":
        graph = classic(graph)
    graph_attr = dict(look.graph) | ({} if rankdir == "TB" else {"rankdir": rankdir})
    legend = found.legend(graph.nodes)
    if legend:
        font = {"fontname": NODE["fontname"], "fontsize": NODE["fontsize"]}
        graph_attr |= {"label": legend, **font, "fontcolor": look.node.get("fontcolor", "black")}
    dot = Picture(
        graph_attr=graph_attr,
        node_attr={**NODE, **look.node},
        edge_attr=dict(look.edge),
    )
    edges = _drawn_edges(graph, show_saved, show_inputs)
    hidden = _nothing_to_show(graph, edges)
    attr_chars = max(max_attr_chars, 3) if show_attrs else 0
    dot.body += _node_lines(graph, hidden, look, show_shapes, attr_chars)
    dot.body += _edge_lines(graph, edges)
    return dot


def _drawn_edges(graph: Graph, show_saved: bool, show_inputs: bool) -> list[Edge]:
    """All edges but those to what built-in ops saved, which torchviz shows on request only, and
    those from inputs, where they are not asked for.
    """
    ops = {node.id for node in graph.nodes if node.kind == "op"}
    return [
        edge
        for edge in graph.edges
        if (edge.kind != "saved" or show_saved or edge.source not in ops)
        and (edge.kind != "input" or show_inputs)
    ]


def _nothing_to_show(graph: Graph, edges: list[Edge]) -> set[int]:
    """Saved tensors and inputs that none of these edges leads to or from."""
    kinds = ("saved", "input")
    ends = {end for e in edges if e.kind in kinds for end in (e.source, e.target)}
    return {n.id for n in graph.nodes if n.kind in kinds and n.id not in ends}


# ---- nodes


def _node_lines(
    graph: Graph, hidden: set[int], look: Theme, shapes: bool, attr_chars: int
) -> list[str]:
    fill = {kind: f" fillcolor={quoted(color)}" for kind, color in look.fills.items()}
    shape_of = _Shapes()
    bare: dict[str, str] = {}  # most boxes are ops with nothing to say but their name
    lines = []
    for node in graph.nodes:
        known = node.names or node.modules or node.line or node.data or (shapes and node.outputs)
        if node.kind == "op" and not (known or attr_chars):
            rest = bare.get(node.op)
            if rest is None:
                rest = bare[node.op] = f" [label={quoted(shown(node.op))}]\n"
        elif node.id in hidden:
            continue
        else:
            sizes = " ".join([shape_of[info] for info in node.outputs])
            if node.kind == "saved":
                label = _saved_label(node, sizes)
            elif node.kind == "input":
                label = f"{_names(node) or shown(node.op)}\n{sizes}"
            elif node.op:
                again = node.op == "AccumulateGrad"  # its leaf says it
                label = _op_label(node, sizes if shapes and not again else "", attr_chars)
            else:
                label = f"{_names(node)}\n{sizes}"
            finding = found.finding(node) if node.data else None
            if finding is None:
                colour = fill.get(node.kind, "")
            else:
                colour = found.attributes(finding, look.found)
                label = "\n".join([label.rstrip("\n"), *found.lines(finding)])
            place = _tooltip(node, finding) if finding or node.modules or node.line else ""
            rest = f" [label={quoted(label)}{colour}{place}]\n"
        lines.append(f"\t{node.id}{rest}")
    return lines


class _Shapes(dict[TensorInfo, str]):
    """The text of each shape, written once."""

    def __missing__(self, info: TensorInfo) -> str:
        self[info] = text = shape_text(info)
        return text


def _op_label(node: Node, sizes: str, attr_chars: int) -> str:
    lines = [shown(node.op)]
    if node.names:
        lines.append(_names(node))
    if sizes:
        lines.append(sizes)
    if attr_chars and node.attrs:
        lines += _attr_table(lines[0], node.attrs, attr_chars)
    return "\n".join(lines)


def _tooltip(node: Node, finding: Mapping[str, Any] | None) -> str:
    """What made an op: the module call, then the source line; and what verify found of it."""
    lines = [module_text(node.module)] if node.module else []
    if node.line:
        lines.append(f"{node.line[0]}:{node.line[1]}")
    lines += found.told(finding) if finding else []
    text = "\n".join(map(shown, lines))
    return f" tooltip={quoted_tooltip(text)}"


def _saved_label(node: Node, sizes: str) -> str:
    """The field that holds it, its names, and its shape or what became of it."""
    title = ": ".join(part for part in (shown(node.op), _names(node)) if part)
    state = ""
    if node.attrs.get("freed"):
        state = "freed"
    elif "packed" in node.attrs:
        state = f"packed: {shown(str(node.attrs['packed']))}"
    return f"{title}\n{' '.join(part for part in (state, sizes) if part)}"


def _names(node: Node) -> str:
    if len(node.names) == 1:
        return shown(node.names[0])
    return ", ".join(map(shown, node.names))


def _attr_table(title: str, attrs: dict[str, Attr], limit: int) -> list[str]:
    """Names and values in two columns under a rule, as torchviz sets them."""
    rows = {shown(name): shown(str(value)) for name, value in attrs.items()}
    first = max(map(len, rows))
    second = min(max(map(len, rows.values())), limit)
    rule = "-" * max(first + second + 2, len(title))
    return [rule, *(f"{name:<{first}}: {_cut(text, second)}" for name, text in rows.items())]


def _cut(text: str, width: int) -> str:
    return f"{text:>{width}}" if len(text) <= width else f"{text[: width - 3]}..."


# ---- edges


def _edge_lines(graph: Graph, edges: list[Edge]) -> list[str]:
    nodes = graph.by_id()
    later = [e for e in edges if (e.target_index or e.source_index) and e.kind in ("grad", "input")]
    numbered = {
        edge.target
        for edge in later
        if edge.target_index and nodes[edge.target].op not in COMMUTATIVE
    }
    several = {edge.source for edge in later if edge.source_index}
    lines = []
    for edge in edges:
        if edge.kind in ("grad", "input"):
            head = edge.target_index if edge.target in numbered else None
            tail = edge.source_index if edge.source in several else None
            rest = "" if head is None and tail is None else _marks(head, tail)
            if edge.kind == "input":  # no gradient flows back along it
                rest = f"{rest.removesuffix(']')} style=dashed]" if rest else " [style=dashed]"
        elif edge.kind == "view":
            rest = " [style=dotted]"
        else:
            # A leaf has its place already; its arrow as a saved tensor must not move it.
            leaf = nodes[edge.target].kind in ("leaf", "input")
            rest = f" [dir=none{' constraint=false' if leaf else ''}]"
        lines.append(f"\t{edge.source} -> {edge.target}{rest}\n")
    return lines


@cache
def _marks(head: int | None, tail: int | None) -> str:
    """The numbers of the input an arrow goes to and of the output it comes from."""
    marks = [] if head is None else [f'headlabel="{head}"']
    marks += [] if tail is None else [f'taillabel="{tail}"']
    return f" [{' '.join(marks)} {MARK}]"
