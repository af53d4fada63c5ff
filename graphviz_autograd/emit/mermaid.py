"""Graph -> Mermaid text, for READMEs, wikis and notes that draw it where they are read.

The boxes, arrows, frames and colours are those of the DOT picture. Mermaid reads a label as
HTML and Markdown, so all that is not plain is written as a character code: `#60;`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from graphviz_autograd.emit import found
from graphviz_autograd.emit.arrows import arrows
from graphviz_autograd.emit.boxes import PILES, Showing, Sizes, box_text
from graphviz_autograd.emit.classic import classic
from graphviz_autograd.emit.colors import hex_of
from graphviz_autograd.emit.dot import RANKDIRS, STYLES
from graphviz_autograd.emit.drawn import drawn, nested
from graphviz_autograd.emit.options import one_of
from graphviz_autograd.emit.theme_file import theme_of
from graphviz_autograd.emit.themes import Theme
from graphviz_autograd.emit.words import group_lines
from graphviz_autograd.graph import NODE_KINDS, Graph, Node

MAX_EDGES, MAX_TEXT = 500, 50_000
"""What Mermaid draws where nobody set its `maxEdges` and `maxTextSize` higher."""

LINES = {"grad": "-->", "input": "-.->", "saved": "---", "view": "-. view .->"}

CLASSES = {found.MATCHED: "matched", found.FAILED: "failed", found.UNCHECKED: "unchecked"}

# All that HTML, Markdown or Mermaid would read, where they would read it: signs; emphasis, rules
# and lists; addresses and icons; numbers of lists; spaces that would be lost; and what Mermaid
# takes for statements of its own even within a label.
_READ = re.compile(
    r"[!-'*+;-@[-^`{-~]"
    r"|(?<!\w)[_-]|[_-](?!\w)"
    r"|(?<=\w):(?=[\w/])|(?<=www)\."
    r"|^\d+[.)](?= |$)"
    r"|^ +| +$|(?<= ) +|[\t\v\f\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]"
    r"|d(?=irection +(?:TB|TD|BT|LR|RL))|s(?=tyle.*:)|c(?=lassDef.*:)",
    re.MULTILINE | re.DOTALL,
)


def flowchart(
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
) -> tuple[str, list[str]]:
    """A graph as a Mermaid flowchart, and notes worth telling a person, usually none; options
    as for `emit.dot.picture`, and checked likewise, but there is no legend.

    >>> from graphviz_autograd.graph import Edge
    >>> nodes = [Node(0, "op", "ExpBackward0"), Node(1, "output", names=("y",))]
    >>> print(flowchart(Graph(nodes, [Edge(0, 1)]))[0])  # doctest: +ELLIPSIS
    flowchart TB
        n0["ExpBackward0"]:::op
        n1["y"]:::output
        n0 --> n1
        classDef op ...
    """
    look = theme_of(theme)
    one_of("rankdir", rankdir, RANKDIRS)
    if one_of("style", style, STYLES) == "classic":
        graph = classic(graph)
    findings = found.findings(graph)
    graph = drawn(graph, show_saved, show_inputs)
    showing = Showing(show_shapes, max(max_attr_chars, 3) if show_attrs else 0)
    lines = [f"flowchart {rankdir}", *_boxes(graph, showing, findings, rankdir), *_arrows(graph)]
    text = "\n".join([*lines, *_looks(graph, look, findings)]) + "\n"
    no_legend = ["a Mermaid flowchart has no legend"] if legend else []
    return text, no_legend + _notes(text, sum(1 for _ in arrows(graph)))


def _notes(text: str, edges: int) -> list[str]:
    """What a person should know of a flowchart that Mermaid would not draw as it comes."""
    if len(text) <= MAX_TEXT and edges <= MAX_EDGES:
        return []
    return [
        f"Mermaid draws {MAX_EDGES} arrows and {MAX_TEXT:,} characters, where its maxEdges and "
        f"maxTextSize say nothing else; this has {edges} and {len(text):,}"
    ]


def label(lines: str) -> str:
    """A label as Mermaid shows it letter by letter.

    >>> label('a "b" <c> layers.0_x')
    '"a #34;b#34; #60;c#62; layers.0_x"'
    """
    coded = _READ.sub(_coded, lines.strip("\n")).replace("\n", "<br/>")
    return f'"{coded}"'


def _coded(match: re.Match[str]) -> str:
    signs = match[0].replace(" ", "\xa0").replace("\t", "\xa0")
    return "".join(f"#{ord(sign)};" for sign in signs)


# ---- boxes and frames


def _boxes(
    graph: Graph, showing: Showing, findings: Mapping[int, Mapping[str, Any]], rankdir: str
) -> Iterator[str]:
    sizes_of = Sizes(graph)
    written = cache(label)  # most boxes are ops with nothing to say but their name
    for what, node, depth in nested(graph):
        tabs = "    " * (depth + 1)
        if what == "open":
            yield f"{tabs}subgraph n{node.id}[{label(' '.join(group_lines(node)))}]"
            yield f"{tabs}    direction {rankdir}"
        elif what == "close":
            yield f"{tabs}end"
        else:
            says = box_text(node, sizes_of, showing)
            finding = findings.get(node.id)
            if finding is not None:
                says = "\n".join([says.rstrip("\n"), *found.lines(finding)])
            box = f"[{written(says)}]"
            if node.op in PILES and node.kind == "group":
                box = f"[{box}]"
            yield f"{tabs}n{node.id}{box}:::{_class(node, finding)}"


def _class(node: Node, finding: Mapping[str, Any] | None) -> str:
    if finding is not None:
        return CLASSES[finding["status"]] + ("First" if finding.get("first") else "")
    if node.kind == "group":
        return {"leaf": "leaf", "chain": "op"}.get(node.op, "group")
    return node.kind


# ---- arrows


def _arrows(graph: Graph) -> Iterator[str]:
    for edge, head, tail, count in arrows(graph):
        marks = [] if tail is None else [f"out {tail}"]
        marks += [] if head is None else [str(head)]
        marks += [f"{count} arrows"] if count > 1 else []
        text = f"|{', '.join(marks)}|" if marks else ""
        yield f"    n{edge.source} {LINES[edge.kind]}{text} n{edge.target}"


# ---- colours


def _looks(graph: Graph, look: Theme, findings: Mapping[int, Mapping[str, Any]]) -> Iterator[str]:
    """The classes of boxes that are there, and the colours of frames and arrows."""
    node = {"fillcolor": "lightgrey", "color": "black", "fontcolor": "black", **look.node}
    fills = {**dict.fromkeys(NODE_KINDS, node["fillcolor"]), **look.fills}
    fills |= {CLASSES[status]: fill.split(":")[0] for status, fill in look.found.items()}
    frames = [n for n in graph.nodes if n.kind == "group" and n.id not in graph.closed]
    framed = {frame.id for frame in frames}
    used = {_class(n, findings.get(n.id)) for n in graph.nodes if n.id not in framed}
    for name in sorted(used):
        fill = fills[name.removesuffix("First")]
        more = ",stroke-width:4px" * name.endswith("First")
        more += ",stroke-dasharray:6 3" * (name == CLASSES[found.UNCHECKED])
        yield f"    classDef {name} {_colors(fill, node)}{more}"
    if frames:
        yield f"    classDef frame {_colors(look.frame['fillcolor'], look.frame)}"
        yield f"    class {','.join(f'n{number}' for number in sorted(framed))} frame"
    if graph.edges:
        yield f"    linkStyle default stroke:{hex_of(look.edge.get('color', 'black'))}"


def _colors(fill: str, ink: Mapping[str, str]) -> str:
    edge, text = hex_of(ink["color"]), hex_of(ink["fontcolor"])
    return f"fill:{hex_of(fill)},stroke:{edge},color:{text}"
