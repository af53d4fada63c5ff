"""A graph drawn to where the person wants it, and told in a few words."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import click

from graphviz_autograd import Graph, Node
from graphviz_autograd.cli.options import DRAWING
from graphviz_autograd.cli.progress import saying
from graphviz_autograd.cli.target import Target
from graphviz_autograd.emit import files
from graphviz_autograd.emit.words import shown
from graphviz_autograd.transform.groups import count_boxes
from graphviz_autograd.transform.readable import Part, readable, simplified

WHOLE = ("json", "graphml")
"""Formats that other programs read: all of the graph goes there."""

PAGE = "html"
"""The format that holds all of the graph too, and shows of it what can be read."""
EVERYTHING = (*WHOLE, PAGE)
"""The formats for which all is read that a graph can tell."""

NO_INPUTS = (
    "--show-inputs: this graph does not know the tensors that need no gradient; that of "
    "gva render --engine own does"
)


def draw(
    graph: Graph,
    target: Target,
    options: dict[str, Any],
    caught: str = "",
    keep: Iterable[int] = (),
) -> None:
    """Draw a graph as the options say.

    caught  where it was caught
    keep    ids of nodes that are to be seen, whatever is collapsed
    """
    quiet = options["quiet"]
    wanted: dict[str, Any] = {}
    drawn, notes = shaped(graph, options, keep, target.format)
    if target.format not in WHOLE:
        wanted = {name: options[name] for name in DRAWING if options[name] is not None}
        wanted |= {"timeout": options["layout_timeout"], "command": options["command"]}
    with saying(f"laying out {count_boxes(drawn)} boxes ...", quiet):
        if target.path is None:
            picture, more = files.render_bytes(drawn, target.format, **wanted)
        else:
            more = files.save(drawn, target.path, format=target.format, **wanted)
    notes += more
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


def shaped(
    graph: Graph, options: dict[str, Any], keep: Iterable[int], format: str
) -> tuple[Graph, list[str]]:
    """The graph folded, collapsed and cut as the options say, and a note on what was not asked.

    What is kept for other programs is changed only where that was asked for; a page draws
    clones by itself, and opens what is closed.
    """
    whole = format in WHOLE
    clone = options["clone_leaves"] and not whole and format != PAGE
    if format == PAGE and not options["clone_leaves"]:
        graph = replace(graph, meta={**graph.meta, "clones": False})
    part = Part(
        options["only"], options["hide"], options["between"], options["focus"], options["hops"]
    )
    asked: dict[str, Any] = {
        "paths": options["collapse"],
        "fold_plumbing": options["fold_plumbing"],
        "part": part,
    }
    if options["full"] or whole:
        fold = bool(options["fold"])
        depth = options["depth"]
        return simplified(graph, depth=depth, fold=fold, clone_leaves=clone, **asked), []
    drawn, done = readable(
        graph,
        depth="auto" if options["depth"] is None else options["depth"],
        max_nodes=options["max_nodes"],
        fold=options["fold"],
        clone_leaves=clone,
        keep=keep,
        **asked,
    )
    if not done or format == PAGE:
        return drawn, []
    boxes = f"{count_boxes(graph)} boxes drawn as {count_boxes(drawn)}"
    return drawn, [f"{boxes}: {', '.join(done)} (--full draws all, --depth N goes deeper)"]


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
    return shown(text)
