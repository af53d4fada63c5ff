"""Graph -> DOT text, in torchviz's clothes.

`picture` gives a Digraph that can be held, changed and rendered; `source` its text. The
text depends on nothing but the Graph and the options: two processes write the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TypedDict, Unpack

from graphviz_autograd.emit import found
from graphviz_autograd.emit import legend as key
from graphviz_autograd.emit.arrows import arrows
from graphviz_autograd.emit.boxes import Showing, box_lines, told
from graphviz_autograd.emit.classic import classic
from graphviz_autograd.emit.digraph import Picture
from graphviz_autograd.emit.drawn import drawn, nested
from graphviz_autograd.emit.options import one_of
from graphviz_autograd.emit.theme_file import theme_of
from graphviz_autograd.emit.themes import NODE, Theme
from graphviz_autograd.emit.words import group_lines, quoted, quoted_tooltip, shown
from graphviz_autograd.graph import Graph, Node

# With frames dot lets arrows go up, unless it ranks all boxes together: that takes it up to
# fourteen times as long, so large pictures do without.
MOST_IN_ORDER = 200

STYLES = ("default", "classic")
RANKDIRS = ("TB", "LR", "BT", "RL")

SHADED = 8
"""Frames in each other that have a fill: one more shade, and their titles could not be read."""

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
    legend: bool


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
    legend: bool = False,
) -> Picture:
    """A graph as a `graphviz.Digraph` that renders without a system Graphviz.

    show_attrs      list under each op what it keeps beside tensors
    show_saved      draw the tensors that built-in ops saved (a custom Function's always are)
    show_shapes     write the shape of its outputs under each op, where it was read
    show_inputs     draw the tensors that need no gradient, where they were read
    max_attr_chars  characters of an attribute's value that are shown, 3 at least
    style           "default", or "classic": leaves and ops alone, the last op green
    theme           "light", "dark", "colorblind" or a file of one's own, "mine.toml"
    rankdir         direction of the arrows: "TB" (top to bottom), "LR", "BT" or "RL"
    legend          explain colours and lines below the picture

    Raises OptionError for a style, theme or rankdir that is not one of these, and for a theme's
    file with something in it that does not belong there.
    """
    look = theme_of(theme)
    one_of("rankdir", rankdir, RANKDIRS)
    if one_of("style", style, STYLES) == "classic":
        graph = classic(graph)
    findings, caption = found.findings(graph), _caption(graph)
    graph = drawn(graph, show_saved, show_inputs)
    graph_attr = dict(look.graph) | ({} if rankdir == "TB" else {"rankdir": rankdir})
    framed = any(n.kind == "group" and n.id not in graph.closed for n in graph.nodes)
    if framed and len(graph.nodes) <= MOST_IN_ORDER:
        graph_attr["newrank"] = "true"
    dot = Picture(
        graph_attr=graph_attr,
        node_attr={**NODE, **look.node},
        edge_attr=dict(look.edge),
    )
    showing = Showing(show_shapes, max(max_attr_chars, 3) if show_attrs else 0)
    dot.body += _framed(box_lines(graph, look, showing, findings), graph, look)
    dot.body += _edge_lines(graph)
    label = key.table(graph, look, findings, caption) if legend else quoted(caption)
    dot.body += _caption_line(label, look)
    return dot


def _caption(graph: Graph) -> str:
    """What stands below the picture: what verify counted, which part it is, what is missing."""
    notes = [*graph.meta.get("part", ()), graph.meta.get("hint", "")]
    lines = [found.legend(graph.nodes), *(str(note) for note in notes)]
    return "\n".join(shown(line) for line in lines if line)


def _caption_line(label: str, look: Theme) -> list[str]:
    if label in ("", '""'):
        return []
    font = f"fontname={NODE['fontname']} fontsize={NODE['fontsize']}"
    color = look.node.get("fontcolor", "black")
    return [f"\tgraph [label={label} {font} fontcolor={quoted(color)}]\n"]


# ---- frames


def _framed(lines: Mapping[int, str], graph: Graph, look: Theme) -> list[str]:
    """The boxes, those in an open group within its frame."""
    if len(lines) == len(graph.nodes):  # no frames
        return [f"\t{line}" for line in lines.values()]
    written: list[str] = []
    for what, node, depth in nested(graph):
        tabs = "\t" * (depth + 1)
        if what == "box":
            written.append(f"{tabs}{lines[node.id]}")
        elif what == "open":
            written.append(f"{tabs}subgraph cluster_{node.id} {{\n")
            written.append(f"{tabs}\tgraph [{_frame_look(node, look, depth)}]\n")
        else:
            written.append(f"{tabs}}}\n")
    return written


def _frame_look(group: Node, look: Theme, depth: int) -> str:
    title = " ".join(group_lines(group))
    tooltip = "\n".join(map(shown, told(group, None))) or title
    frame = look.frame if depth < SHADED else {**look.frame, "fillcolor": "transparent"}
    attributes = [f"{name}={quoted(value)}" for name, value in frame.items()]
    return f"label={quoted(title)} tooltip={quoted_tooltip(tooltip)} {' '.join(attributes)}"


# ---- edges


def _edge_lines(graph: Graph) -> list[str]:
    nodes = graph.by_id()
    lines = []
    for edge, head, tail, count in arrows(graph):
        looks = "" if head is None and tail is None else _marks(head, tail)
        if edge.kind == "input":  # no gradient flows back along it
            looks = f"{looks} style=dashed"
        elif edge.kind == "view":
            looks = "style=dotted"
        elif edge.kind == "saved":
            # A leaf has its place already; its arrow as a saved tensor must not move it.
            leaf = nodes[edge.target].kind in ("leaf", "input")
            looks = f"dir=none{' constraint=false' if leaf else ''}"
        if count > 1:
            looks = f'{looks} edgetooltip="{count} arrows"'
        rest = f" [{looks.strip()}]" if looks else ""
        lines.append(f"\t{edge.source} -> {edge.target}{rest}\n")
    return lines


@cache
def _marks(head: int | str | None, tail: int | str | None) -> str:
    """The numbers of the input an arrow goes to and of the output it comes from."""
    marks = [] if head is None else [f'headlabel="{head}"']
    marks += [] if tail is None else [f'taillabel="{tail}"']
    return f"{' '.join(marks)} {MARK}"
