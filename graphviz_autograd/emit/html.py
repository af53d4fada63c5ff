"""Graph -> one HTML file that opens anywhere: the viewer, and the graph in it.

The page holds everything: the graph as JSON, the modules of `viewer/` as text, Graphviz compiled
to WebAssembly, a style sheet. It asks the network for nothing, and its content security policy
forbids whatever is not in it. A page that is opened from a file can load no module by its path,
so a short script, the only one inline, turns the texts into modules.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from graphlib import TopologicalSorter
from hashlib import sha256
from html import escape
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Unpack

from graphviz_autograd.emit import dot, layout
from graphviz_autograd.emit import json as saved
from graphviz_autograd.emit.classic import classic
from graphviz_autograd.emit.colors import hex_of
from graphviz_autograd.emit.drawn import drawn
from graphviz_autograd.emit.found import UNCHECKED
from graphviz_autograd.emit.options import one_of
from graphviz_autograd.emit.theme_file import theme_of
from graphviz_autograd.emit.themes import THEMES, Theme
from graphviz_autograd.emit.titles import titled
from graphviz_autograd.emit.words import shown
from graphviz_autograd.errors import LayoutError, MissingExtraError
from graphviz_autograd.graph import Graph

MOST_STATIC = 200
"""Boxes up to which the page holds a picture for browsers that run no script."""

_IMPORT = re.compile(r'^(?:import|export) [^;]*? from "\./([\w.-]+)";', re.MULTILINE)
_ENDS = re.compile("</script|<!--", re.IGNORECASE)
_ALONE = ("bootstrap.js", "worker.js")  # scripts, not modules


def page(graph: Graph, **options: Unpack[dot.Options]) -> str:
    """A graph as an HTML page; the groups that are closed are closed when it opens.

    options  as for `emit.dot.picture`: `theme` is what the page opens with, where "light" is dark
             where the system is; `show_saved` draws saved tensors at first. Attributes are in the
             page's panel and the legend stands where a layer is chosen, asked for or not.

    Raises OptionError for a style, theme or rankdir that is not one of these.

    >>> from graphviz_autograd.graph import Node
    >>> text = page(Graph([Node(0, "output", names=("</script>",))], [], (0,)))
    >>> text.count("</script>") - text.count("<script"), "https://" in text.partition("<script")[0]
    (0, False)
    """
    return _page(graph, options, _static(graph, options))


def framed(graph: Graph) -> str:
    """A graph's page in a frame, for a notebook's cell; nothing of it reaches the notebook."""
    text = _page(graph, {}, "").replace("&", "&amp;").replace("'", "&#39;")
    look = "width:100%;height:600px;border:1px solid #8886"
    return (
        f"<iframe sandbox='allow-scripts allow-downloads' style='{look}' srcdoc='{text}'></iframe>"
    )


def _page(graph: Graph, options: dot.Options, static: str) -> str:
    theme, rankdir = options.get("theme", "light"), options.get("rankdir", "TB")
    look = theme_of(theme)
    one_of("rankdir", rankdir, dot.RANKDIRS)
    if one_of("style", options.get("style", "default"), dot.STYLES) == "classic":
        graph = classic(graph)
    looks = {**THEMES} if theme in THEMES else {**THEMES, "own": look}
    settings = {
        "title": _title(graph),
        "theme": {"light": "system"}.get(theme, theme if theme in THEMES else "own"),
        "own": "own" in looks,
        "rankdir": rankdir,
        "saved": options.get("show_saved", False),
        "shapes": options.get("show_shapes", True),
        "inputs": options.get("show_inputs", True),
    }
    return _document(settings, graph, _css(looks), static)


def _document(settings: Mapping[str, object], graph: Graph, css: str, static: str) -> str:
    bootstrap = _text("bootstrap.js")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(bootstrap)} blob: 'wasm-unsafe-eval'",
            "worker-src blob:",
            f"style-src {_hash(css)}",
            "img-src blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    modules = [_held(_text(name), "text/plain", f'data-module="{name}"') for name in _modules()]
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en" data-state="working" data-theme="light">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(str(settings['title']))}</title>",
        f"<style>{css}</style>",
        "</head>",
        "<body>",
        f"<noscript>{static}</noscript>",
        _held(_json(json.dumps(settings, sort_keys=True)), "application/json", 'id="settings"'),
        _held(_json(saved.dumps(graph)), "application/json", 'id="graph"'),
        _held(_text("vendor/NOTICES.txt"), "text/plain", 'id="notices"'),
        _held(_text("vendor/viz-global.js"), "text/plain", 'id="viz"'),
        _held(_text("worker.js"), "text/plain", 'id="worker"'),
        *modules,
        f"<script>{bootstrap}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _title(graph: Graph) -> str:
    """What the page is called: the names of the roots."""
    nodes = graph.by_id()
    names = [name for number in graph.outputs for name in nodes[number].names[:1]]
    return ", ".join(map(shown, names[:3])) or "graph"


def _static(graph: Graph, options: dot.Options) -> str:
    """The picture for a browser that runs no script; words alone where it would be too large."""
    said = "<p>This page needs JavaScript to be explored.</p>"
    if len(drawn(graph, options.get("show_saved", False), True).nodes) > MOST_STATIC:
        return said
    with suppress(LayoutError, MissingExtraError):
        svg = layout.draw(dot.source(graph, **options), "svg", timeout=20.0, kept="").data.decode()
        return said + titled(svg[svg.index("<svg") :], graph)
    return said


# ---- what the page is made of


def _folder() -> Traversable:
    return files("graphviz_autograd").joinpath("viewer")


@cache
def _text(name: str) -> str:
    return _folder().joinpath(name).read_text(encoding="utf-8")


@cache
def _modules() -> tuple[str, ...]:
    """The modules of the viewer, each after those that it imports."""
    names = sorted(entry.name for entry in _folder().iterdir() if entry.name.endswith(".js"))
    needs = {name: _IMPORT.findall(_text(name)) for name in names if name not in _ALONE}
    return tuple(TopologicalSorter(needs).static_order())


def _held(text: str, kind: str, attribute: str) -> str:
    """A text as a script that is not run. It may not have in it what would end it."""
    assert not _ENDS.search(text), attribute
    return f'<script type="{kind}" {attribute}>{text}</script>'


def _json(text: str) -> str:
    """JSON without what HTML reads in a script: in JSON "<" stands in strings alone."""
    return text.replace("<", "\\u003c")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


# ---- colours


def _css(looks: Mapping[str, Theme]) -> str:
    """The style sheet, with the colours of these themes."""
    rules = [f':root[data-theme="{name}"]{_colours(look)}' for name, look in looks.items()]
    return "\n".join([*rules, _text("viewer.css")])


def _colours(look: Theme) -> str:
    paper, ink = look.found[UNCHECKED].split(":")
    colours = {
        "paper": look.graph.get("bgcolor", "white"),
        "ink": look.node.get("fontcolor", "black"),
        "op": look.node.get("fillcolor", "lightgrey"),
        "box-line": look.node.get("color", "#555555"),
        "line": look.edge.get("color", "#555555"),
        "frame-line": look.frame["color"],
        "frame-fill": look.frame["fillcolor"],
        "frame-ink": look.frame["fontcolor"],
        "unchecked": paper,
        "unchecked-ink": ink,
        **{kind: color for kind, color in look.found.items() if kind != UNCHECKED},
        **look.fills,
    }
    pairs = (f"--{name}:{hex_of(color.partition(':')[0])}" for name, color in colours.items())
    return f"{{{';'.join(pairs)}}}"
