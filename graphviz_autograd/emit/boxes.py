"""What each box of a picture says, and how it looks: Node -> a line of DOT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from graphviz_autograd.emit import found
from graphviz_autograd.emit.themes import Theme
from graphviz_autograd.emit.words import (
    group_lines,
    module_text,
    quoted,
    quoted_tooltip,
    shape_text,
    shown,
)
from graphviz_autograd.graph import Attr, Graph, Node, TensorInfo

SEVERAL = " peripheries=2"  # a box that stands for equal ones looks like a pile of them
THIN = ' fontsize=8 height="0.1" margin="0.06,0.02"'


class Showing(NamedTuple):
    """What boxes show beside names: shapes, and attributes of up to so many characters."""

    shapes: bool
    attr_chars: int


def box_lines(
    graph: Graph,
    hidden: set[int],
    look: Theme,
    showing: Showing,
    findings: Mapping[int, Mapping[str, Any]],
) -> list[tuple[Node, str]]:
    """The line of DOT for every box that is to be drawn: all nodes but the frames.

    findings  what `verify` found of each node and closed group, by id
    """
    shapes, attr_chars = showing
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
        elif node.id in hidden or (node.kind == "group" and node.id not in graph.closed):
            continue
        else:
            sizes = " ".join([shape_of[info] for info in node.outputs])
            colour = fill.get(node.kind, "")
            if node.kind == "saved":
                label = _saved_label(node, sizes)
            elif node.kind == "group":
                label, colour = _group_box(node, sizes if shapes else "", fill)
            elif node.kind == "input":
                label = f"{names_text(node) or shown(node.op)}\n{sizes}"
            elif node.op:
                again = node.op == "AccumulateGrad"  # its leaf says it
                label = _op_label(node, sizes if shapes and not again else "", attr_chars)
            else:
                label = f"{names_text(node)}\n{sizes}"
            if "uses" in node.attrs:
                label = f"{label.rstrip()}\n{node.attrs['uses']} uses"
            finding = findings.get(node.id)
            if finding is not None:
                colour = found.attributes(finding, look.found)
                label = "\n".join([label.rstrip("\n"), *found.lines(finding)])
            place = _tooltip(node, finding) if finding or node.modules or node.line else ""
            rest = f" [label={quoted(label)}{colour}{place}]\n"
        lines.append((node, f"{node.id}{rest}"))
    return lines


class _Shapes(dict[TensorInfo, str]):
    """The text of each shape, written once."""

    def __missing__(self, info: TensorInfo) -> str:
        self[info] = text = shape_text(info)
        return text


def _group_box(node: Node, sizes: str, fill: Mapping[str, str]) -> tuple[str, str]:
    """The label and the look of a closed group."""
    if node.op == "leaf":
        return f"{names_text(node)}\n{sizes}", fill["leaf"]
    lines = group_lines(node)
    if node.op == "chain":
        return "\n".join([*lines, sizes]).rstrip(), THIN
    held = []
    if node.attrs.get("parameters"):
        held.append(f"{count_text(node.attrs['parameters'])} parameters")
    if node.attrs.get("ops"):
        held.append(f"{node.attrs['ops']} op{'s' * (node.attrs['ops'] != 1)}")
    label = "\n".join(part for part in (*lines, sizes, ", ".join(held)) if part)
    return label, fill["group"] + (SEVERAL if node.op in ("repeat", "more") else "")


def count_text(number: Attr) -> str:
    """A count in three figures.

    >>> count_text(950), count_text(7_087_872), count_text(1500)
    ('950', '7.09M', '1.5k')
    """
    if not isinstance(number, int | float):
        return str(number)
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)


def _op_label(node: Node, sizes: str, attr_chars: int) -> str:
    lines = [shown(node.op)]
    if node.names:
        lines.append(names_text(node))
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
    title = ": ".join(part for part in (shown(node.op), names_text(node)) if part)
    state = ""
    if node.attrs.get("freed"):
        state = "freed"
    elif "packed" in node.attrs:
        state = f"packed: {shown(str(node.attrs['packed']))}"
    return f"{title}\n{' '.join(part for part in (state, sizes) if part)}"


def names_text(node: Node) -> str:
    """All names of a node, in one line."""
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
