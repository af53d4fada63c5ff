"""Graph -> DOT text, in torchviz's clothes.

`picture` gives a Digraph that can be held, changed and rendered; `source` its text. The
text depends on nothing but the Graph and the options: two processes write the same.
"""

from __future__ import annotations

from functools import cache
from typing import TypedDict, Unpack

from graphviz_autograd.emit import found
from graphviz_autograd.emit.boxes import Showing, box_lines
from graphviz_autograd.emit.classic import classic
from graphviz_autograd.emit.digraph import Picture
from graphviz_autograd.emit.options import one_of
from graphviz_autograd.emit.themes import NODE, THEMES, Theme
from graphviz_autograd.emit.words import group_lines, module_text, quoted, quoted_tooltip
from graphviz_autograd.graph import Edge, Graph, Node
from graphviz_autograd.visible import visible

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
    findings, legend = found.findings(graph), found.legend(graph.nodes)
    graph = visible(graph)
    graph_attr = dict(look.graph) | ({} if rankdir == "TB" else {"rankdir": rankdir})
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
    showing = Showing(show_shapes, max(max_attr_chars, 3) if show_attrs else 0)
    dot.body += _framed(box_lines(graph, hidden, look, showing, findings), graph, look)
    dot.body += _edge_lines(graph, edges)
    return dot


def _drawn_edges(graph: Graph, show_saved: bool, show_inputs: bool) -> list[Edge]:
    """All edges but those to what built-in ops saved, which torchviz shows on request only, and
    those from inputs, where they are not asked for.
    """
    ops = {node.id for node in graph.nodes if node.kind in ("op", "group")}
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


# ---- frames


def _framed(lines: list[tuple[Node, str]], graph: Graph, look: Theme) -> list[str]:
    """The boxes, those in an open group within its frame."""
    frames = {n.id: n for n in graph.nodes if n.kind == "group" and n.id not in graph.closed}
    if not frames:
        return [f"\t{line}" for _, line in lines]
    inside: dict[int | None, list[str | Node]] = {None: []}
    for node, line in lines:
        inside.setdefault(node.parent, []).append(line)
    for frame in frames.values():
        inside.setdefault(frame.parent, []).append(frame)
    written: list[str] = []
    open_frames = [iter(inside[None])]
    while open_frames:
        tabs = "\t" * len(open_frames)
        item = next(open_frames[-1], None)
        if item is None:
            open_frames.pop()
            written += [f"{tabs[1:]}}}\n"] if open_frames else []
        elif isinstance(item, str):
            written.append(f"{tabs}{item}")
        else:
            written.append(f"{tabs}subgraph cluster_{item.id} {{\n")
            written.append(f"{tabs}\tgraph [{_frame_look(item, look)}]\n")
            open_frames.append(iter(inside.get(item.id, ())))
    return written


def _frame_look(group: Node, look: Theme) -> str:
    title = " ".join(group_lines(group))
    tooltip = module_text(group.module) if group.module else title
    attributes = [f"{name}={quoted(value)}" for name, value in look.frame.items()]
    return f"label={quoted(title)} tooltip={quoted_tooltip(tooltip)} {' '.join(attributes)}"


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
        looks = ""
        if edge.kind in ("grad", "input"):
            head = edge.target_index if edge.target in numbered else None
            tail = edge.source_index if edge.source in several else None
            if head is not None or tail is not None:
                looks = _marks(head, tail)
            if edge.kind == "input":  # no gradient flows back along it
                looks = f"{looks} style=dashed"
        elif edge.kind == "view":
            looks = "style=dotted"
        else:
            # A leaf has its place already; its arrow as a saved tensor must not move it.
            leaf = nodes[edge.target].kind in ("leaf", "input")
            looks = f"dir=none{' constraint=false' if leaf else ''}"
        if edge.count > 1:
            looks = f'{looks} edgetooltip="{edge.count} arrows"'
        rest = f" [{looks.strip()}]" if looks else ""
        lines.append(f"\t{edge.source} -> {edge.target}{rest}\n")
    return lines


@cache
def _marks(head: int | None, tail: int | None) -> str:
    """The numbers of the input an arrow goes to and of the output it comes from."""
    marks = [] if head is None else [f'headlabel="{head}"']
    marks += [] if tail is None else [f'taillabel="{tail}"']
    return f"{' '.join(marks)} {MARK}"
