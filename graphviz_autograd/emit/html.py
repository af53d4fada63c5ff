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

    options  as for `emit.dot.picture`: `theme` is what the page opens with, the system's, light
             or dark, where it is not given; `show_saved` draws saved tensors at first; `legend`
             opens the page's legend. Attributes are in the page's panel, with `show_attrs` in
             the boxes too.

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


def waiting(**options: Unpack[dot.Options]) -> str:
    """The page without a graph, to be framed by a page that gives it one: so that many pages, or
    one with many graphs, need Graphviz and the viewer only once.

    options  as for `page`; `style` is of no use here: the graph is drawn as it is given

    Once it listens it posts `{gva: "waiting"}` to its parent window. From that window alone, and
    once, it takes `{gva: "show", graph, title, theme, saved}`: `graph` is the text of
    `Graph.to_json`, the others are optional: `saved` says whether saved tensors are drawn at
    first. It posts `{gva: "ready"}` when the first picture stands, else `{gva: "failed", reason}`.
    All this works from files, where the target origin has to be "*".

    Raises OptionError as `page` does.

    >>> 'id="graph"' in waiting(), 'id="settings"' in waiting(theme="dark")
    (False, True)
    """
    return _document("graph", options, None, "")


def _page(graph: Graph, options: dot.Options, static: str) -> str:
    shown = classic(graph) if options.get("style") == "classic" else graph
    return _document(_title(graph), options, shown, static)


def _document(title: str, options: dot.Options, graph: Graph | None, static: str) -> str:
    settings, css = _settings(title, options)
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
    held = [] if graph is None else [_json("graph", saved.dumps(graph))]
    modules = [_held(_text(name), "text/plain", f'data-module="{name}"') for name in _modules()]
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en" data-state="working" data-theme="light">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>{css}</style>",
        "</head>",
        "<body>",
        f"<noscript>{static}</noscript>",
        _json("settings", json.dumps(settings, sort_keys=True)),
        *held,
        _held(_text("vendor/NOTICES.txt"), "text/plain", 'id="notices"'),
        _held(_text("vendor/viz-global.js"), "text/plain", 'id="viz"'),
        _held(_text("worker.js"), "text/plain", 'id="worker"'),
        *modules,
        f"<script>{bootstrap}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _settings(title: str, options: dot.Options) -> tuple[dict[str, object], str]:
    """What the page is told beside the graph, and its style sheet."""
    theme, rankdir = options.get("theme"), options.get("rankdir", "TB")
    one_of("rankdir", rankdir, dot.RANKDIRS)
    one_of("style", options.get("style", "default"), dot.STYLES)
    look = None if theme is None else theme_of(theme)
    looks = {**THEMES} if look is None or theme in THEMES else {**THEMES, "own": look}
    own = "own" in looks
    settings = {
        "title": title,
        "theme": "own" if own else theme or "system",
        "own": own,
        "rankdir": rankdir,
        "saved": options.get("show_saved", False),
        "shapes": options.get("show_shapes", True),
        "inputs": options.get("show_inputs", True),
        "attrs": options.get("max_attr_chars", 50) if options.get("show_attrs", False) else 0,
        "legend": options.get("legend", False),
    }
    return settings, _css(looks)


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


def _json(name: str, text: str) -> str:
    """JSON without what HTML reads in a script: in JSON "<" stands in strings alone."""
    return _held(text.replace("<", "\\u003c"), "application/json", f'id="{name}"')


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
