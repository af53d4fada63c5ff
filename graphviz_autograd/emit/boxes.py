"""What each box of a picture says, and how it looks: Node -> a line of DOT."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from graphviz_autograd.emit import found
from graphviz_autograd.emit.themes import Theme
from graphviz_autograd.emit.words import (
    group_lines,
    module_text,
    quoted,
    quoted_tooltip,
    several_devices,
    shown,
    tensor_text,
)
from graphviz_autograd.graph import Attr, Graph, Node, TensorInfo

PILES = ("repeat", "more")
SEVERAL = " peripheries=2"  # a box that stands for equal ones looks like a pile of them
ALIKE = 4
"""Tensors of one size, one after the other, that are counted and no longer listed."""
MOST_SIZES = 5
THIN = ' fontsize=8 height="0.1" margin="0.06,0.02"'
FORMS = {**dict.fromkeys(PILES, SEVERAL), "chain": THIN}


BLOCKS = ("repeat", "more", "step")
"""Groups whose `modules` are those around them, not one of their own."""


class Showing(NamedTuple):
    """What boxes show beside names: shapes, and attributes of up to so many characters."""

    shapes: bool
    attr_chars: int


def box_lines(
    graph: Graph,
    look: Theme,
    showing: Showing,
    findings: Mapping[int, Mapping[str, Any]],
) -> dict[int, str]:
    """The line of DOT for every box, by id: all nodes but the frames.

    findings  what `verify` found of each node and closed group, by id
    """
    shapes, attr_chars = showing
    fill = {kind: f" fillcolor={quoted(color)}" for kind, color in look.fills.items()}
    sizes_of = Sizes(graph)
    bare: dict[str, str] = {}  # most boxes are ops with nothing to say but their name
    lines = {}
    for node in graph.nodes:
        known = node.names or node.modules or node.line or node.data or (shapes and node.outputs)
        if node.kind == "op" and not (known or attr_chars):
            rest = bare.get(node.op)
            if rest is None:
                rest = bare[node.op] = f" [label={quoted(shown(node.op))}]\n"
        elif node.kind == "group" and node.id not in graph.closed:
            continue
        else:
            label = box_text(node, sizes_of, showing)
            is_group = node.kind == "group"
            colour = _group_fill(node, fill) if is_group else fill.get(node.kind, "")
            finding = findings.get(node.id)
            if finding is not None:
                colour = found.attributes(finding, look.found)
                label = "\n".join([label.rstrip("\n"), *found.lines(finding)])
            place = _tooltip(node, finding)
            form = FORMS.get(node.op, "") if is_group else ""
            rest = f" [label={quoted(label)}{form}{colour}{place}]\n"
        lines[node.id] = f"{node.id}{rest}"
    return lines


class Sizes(dict[TensorInfo, str]):
    """What boxes say of each tensor, written once; its device where the graph has several."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.several = several_devices(graph.nodes)

    def __missing__(self, info: TensorInfo) -> str:
        self[info] = text = tensor_text(info, self.several)
        return text


def sizes_text(sizes: Iterable[str]) -> str:
    """The sizes of several tensors in one line: equal ones counted, few of many.

    >>> sizes_text(["(2, 3)", "(4)"]), sizes_text(["(3, 1)"] * 19)
    ('(2, 3) (4)', '(3, 1) ×19')
    >>> sizes_text(f"({number})" for number in range(9))
    '(0) (1) (2) (3) (4) … 4 more'
    """
    shown: list[str] = []
    left = 0
    for size, equal in groupby(sizes):
        count = sum(1 for _ in equal)
        parts = [size] * count if count < ALIKE else [f"{size} ×{count}"]
        if left or len(shown) + len(parts) > MOST_SIZES:
            left += count
        else:
            shown += parts
    return " ".join([*shown, f"… {left} more"] if left else shown)


def box_text(node: Node, sizes_of: Sizes, showing: Showing) -> str:
    """What a box says, in one line or several."""
    shapes, attr_chars = showing
    sizes = [sizes_of[info] for info in node.outputs]
    size = sizes[0] if len(sizes) == 1 else sizes_text(sizes)
    if node.kind == "saved":
        text = _saved_label(node, size)
    elif node.kind == "group":
        text = _group_label(node, size if shapes else "")
    elif node.kind == "input":
        text = f"{names_text(node) or shown(node.op)}\n{size}"
    elif node.op:
        again = node.op == "AccumulateGrad"  # its leaf says it
        text = _op_label(node, size if shapes and not again else "", attr_chars)
    else:
        text = f"{names_text(node)}\n{size}"
    if "uses" in node.attrs or "cut" in node.data:
        text = "\n".join([text.rstrip("\n"), *_extras(node)])
    return text


def _group_fill(node: Node, fill: Mapping[str, str]) -> str:
    if node.op == "leaf":
        return fill["leaf"]
    return "" if node.op == "chain" else fill["group"]


def _group_label(node: Node, sizes: str) -> str:
    if node.op == "leaf":
        return f"{names_text(node)}\n{sizes}"
    lines = group_lines(node)
    if node.op == "chain":
        return "\n".join([*lines, sizes]).rstrip()
    held = []
    if node.attrs.get("parameters"):
        held.append(f"{count_text(node.attrs['parameters'])} parameters")
    if node.attrs.get("ops"):
        held.append(f"{node.attrs['ops']} op{'s' * (node.attrs['ops'] != 1)}")
    return "\n".join(part for part in (*lines, sizes, ", ".join(held)) if part)


def _extras(node: Node) -> list[str]:
    """What transforms did: the number of uses of a leaf drawn for each, arrows cut off."""
    extras = [f"×{node.attrs['uses']} uses"] if "uses" in node.attrs else []
    cut = node.data.get("cut")
    if isinstance(cut, dict):
        ends = (f"{cut[way]} {way}" for way in ("in", "out") if cut.get(way))
        extras.append(f"… {', '.join(ends)}")
    return extras


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


def told(node: Node, finding: Mapping[str, Any] | None) -> list[str]:
    """What made an op: the module call, then the source line; and what verify found of it. Of
    equal blocks, the names in which they differ.
    """
    lines = [module_text(node.module)] if node.module and node.op not in BLOCKS else []
    if node.line:
        lines.append(f"{node.line[0]}:{node.line[1]}")
    differs = node.attrs.get("differs")
    if isinstance(differs, tuple):
        lines += ["they differ in", *map(str, differs)]
    return lines + (found.told(finding) if finding else [])


def _tooltip(node: Node, finding: Mapping[str, Any] | None) -> str:
    text = "\n".join(map(shown, told(node, finding)))
    return f" tooltip={quoted_tooltip(text)}" if text else ""


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
