"""A graph drawn to where the person wants it, and told in a few words."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from graphviz_autograd import Graph, Node
from graphviz_autograd.cli.options import DRAWING
from graphviz_autograd.cli.progress import saying
from graphviz_autograd.cli.target import Target

NO_INPUTS = (
    "--show-inputs: this graph does not know the tensors that need no gradient; that of "
    "gva render --engine own does"
)


def draw(graph: Graph, target: Target, options: dict[str, Any], caught: str = "") -> None:
    """Draw a graph as the options say; `caught` tells where it was caught."""
    quiet = options["quiet"]
    wanted: dict[str, Any] = {}
    if target.format != "json":
        wanted = {name: options[name] for name in DRAWING}
        wanted |= {"timeout": options["layout_timeout"], "command": options["command"]}
    with saying(f"laying out {len(graph.nodes)} nodes ...", quiet):
        if target.path is None:
            picture, notes = graph.draw(target.format, **wanted)
        else:
            notes = graph.save(target.path, format=target.format, **wanted)
    if not quiet:
        if options["show_inputs"] and "inputs" not in graph.meta.get("read", ()):
            click.echo(NO_INPUTS, err=True)
        for note in notes:
            click.echo(note, err=True)
    if target.path is None:
        assert target.stream is not None
        with target.stream as stream:
            stream.write(picture)
        return
    if not quiet:
        click.echo(f"wrote {target.shown}: {describe(graph, caught)}", err=True)
    if options["opening"]:
        click.launch(os.fspath(target.path))


def describe(graph: Graph, caught: str = "") -> str:
    """A graph in a few words: its size and its roots, and where it was caught."""
    nodes = graph.by_id()
    makers = {edge.target: nodes[edge.source] for edge in graph.edges if edge.kind == "grad"}
    roots = [_root(nodes[number], makers.get(number)) for number in graph.outputs]
    counts = {kind: sum(n.kind == kind for n in graph.nodes) for kind in ("op", "leaf")}
    counts["leaf"] += sum(n.kind == "output" and n.id not in makers for n in graph.nodes)
    what = f"root {roots[0]}" if len(roots) == 1 else f"{len(roots)} roots: {', '.join(roots[:3])}"
    more = ", ..." if len(roots) > 3 else ""
    leaves = f"{counts['leaf']} lea{'f' if counts['leaf'] == 1 else 'ves'}"
    where = f" [{caught}]" if caught else ""
    return f"{what}{more}, {counts['op']} op{'s' * (counts['op'] != 1)}, {leaves}{where}"


def _root(node: Node, maker: Node | None) -> str:
    name = ", ".join(node.names)
    op = maker.op if maker is not None and node.kind == "output" else ""
    text = f"{name} ({op})" if name and op else name or op or "without a name"
    return json.dumps(text, ensure_ascii=False)[1:-1]  # a name may hold a newline
