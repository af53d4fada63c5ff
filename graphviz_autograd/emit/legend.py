"""What the boxes and arrows of a picture mean: a table below it, as one of Graphviz's own.

It is the label of the whole picture, so that it changes nothing of the layout. Only what
occurs in the picture is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from graphviz_autograd.emit import found
from graphviz_autograd.emit.themes import Theme
from graphviz_autograd.graph import Graph, Node

# What each kind of box is, in the order of the legend.
BOXES = {
    "leaf": "leaf: a tensor that requires grad",
    "op": "operation: a node of the backward graph",
    "output": "output: what was asked for",
    "last": "operation that made the output",
    "base": "what an output is a view of",
    "saved": "tensor saved for backward",
    "input": "tensor that needs no gradient",
    "group": "several operations in one box",
    "pile": "equal blocks in one box",
    "frame": "frame: what is inside of a module or group",
}
FOUND = {
    found.MATCHED: "checked: the gradients agree",
    found.FAILED: "checked: the gradients differ",
    found.UNCHECKED: "not checked",
}
ARROWS = {
    "grad": ("solid", True, "data flows along it, its gradient back"),
    "input": ("dashed", True, "no gradient flows back along it"),
    "view": ("dotted", True, "leads to a view of the tensor"),
    "saved": ("solid", False, "leads to a saved tensor"),
}

WIDTH, HEIGHT, HEAD = 30, 12, 8
TIGHT = 'CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"'
INK = {"color": "black", "fillcolor": "lightgrey"}  # Graphviz's own


def table(
    graph: Graph, look: Theme, findings: Mapping[int, Mapping[str, Any]], caption: str = ""
) -> str:
    """The legend as an HTML-like label: for the picture's `label`, `<` and `>` included.

    graph     as it is drawn: the boxes that are visible and not hidden, and their arrows
    findings  what `verify` found of each box, by id
    caption   more lines of text

    >>> from graphviz_autograd.emit.themes import THEMES
    >>> "a tensor that requires grad" in table(Graph([Node(0, "leaf")], []), THEMES["light"], {})
    True
    """
    boxes = {_box(node, graph) for node in graph.nodes if node.id not in findings}
    statuses = {finding["status"] for finding in findings.values()}
    arrows = {edge.kind for edge in graph.edges}
    rows = [(_boxed(box, look), text) for box, text in BOXES.items() if box in boxes]
    rows += [(_painted(status, look), text) for status, text in FOUND.items() if status in statuses]
    for kind, (style, head, text) in ARROWS.items():
        if kind in arrows:
            rows.append((_arrow(style, head, look.edge.get("color", "black")), text))
    rows += [("<TD></TD>", line) for line in caption.split("\n") if line]
    if not rows:
        return ""
    lines = [f'<TR>{cell}<TD ALIGN="LEFT">{_text(text)}</TD></TR>' for cell, text in rows]
    space = 'BORDER="0" CELLBORDER="0" CELLSPACING="4" CELLPADDING="0"'
    return f"<<TABLE {space}>{''.join(lines)}</TABLE>>"


def _text(text: str) -> str:
    """Text as it was typed: Graphviz would read backslashes, and drop tabs."""
    return escape(text).replace("\\", "\\\\").replace("\t", " ")


def _box(node: Node, graph: Graph) -> str:
    """What a box is, as the legend has it."""
    if node.kind == "output" and node.op:
        return "last"
    if node.kind != "group":
        return node.kind
    if node.id not in graph.closed:
        return "frame"
    ops = {"leaf": "leaf", "chain": "op", "repeat": "pile", "more": "pile"}
    return ops.get(node.op, "group")


# ---- small pictures


def _boxed(box: str, look: Theme) -> str:
    node = {**INK, **look.node}
    if box == "frame":
        frame = {**INK, **look.frame}
        return _table(frame["fillcolor"], frame["color"], WIDTH, "ROUNDED", HEIGHT)
    kind = {"last": "output", "pile": "group"}.get(box, box)
    fill = look.fills.get(kind, node["fillcolor"])
    if box == "pile":
        inner = _table(fill, node["color"], WIDTH - 4, "SOLID", HEIGHT - 4)
        return inner.replace("<TD>", f"<TD {_edged(node['color'])} {_size()}>", 1)
    return f"<TD {_edged(node['color'])} BGCOLOR={_q(fill)} {_size()}></TD>"


def _table(fill: str, color: str, width: int, style: str, height: int) -> str:
    look = f'STYLE="{style}" COLOR={_q(color)} BGCOLOR={_q(fill)} {_size(width, height)}'
    return f'<TD><TABLE BORDER="1" {TIGHT} {look}><TR><TD></TD></TR></TABLE></TD>'


def _painted(status: str, look: Theme) -> str:
    """A box as `verify` painted it; what was not checked has stripes."""
    edged = _edged(look.node.get("color", "black"))
    fill = look.found[status]
    if status != found.UNCHECKED:
        return f"<TD {edged} BGCOLOR={_q(fill)} {_size()}></TD>"
    paper, ink = fill.split(":")
    side = [(2, ink), (2, paper), (2, ink)]
    cells = [*side, (WIDTH - 12, paper), *side]
    row = "".join(f"<TD BGCOLOR={_q(color)} {_size(width)}></TD>" for width, color in cells)
    return f'<TD {edged}><TABLE BORDER="0" {TIGHT}><TR>{row}</TR></TABLE></TD>'


def _arrow(style: str, head: bool, color: str) -> str:
    """A line half way up, and an arrow's head as a letter."""
    width = WIDTH - HEAD if head else WIDTH
    tip = f'<FONT POINT-SIZE="8" COLOR={_q(color)}>▶</FONT>'
    end = f'<TD ROWSPAN="2" {_size(HEAD)}>{tip}</TD>' if head else ""
    edge = f'{_edged(color)} SIDES="B" STYLE="{style}"'
    upper = f"<TR><TD {edge} {_size(width, HEIGHT // 2)}></TD>{end}</TR>"
    lower = f"<TR><TD {_size(width, HEIGHT // 2)}></TD></TR>"
    return f'<TD><TABLE BORDER="0" {TIGHT}>{upper}{lower}</TABLE></TD>'


def _edged(color: str) -> str:
    return f'BORDER="1" COLOR={_q(color)}'


def _size(width: int = WIDTH, height: int = HEIGHT) -> str:
    return f'WIDTH="{width}" HEIGHT="{height}" FIXEDSIZE="TRUE"'


def _q(text: str) -> str:
    return f'"{escape(text)}"'
