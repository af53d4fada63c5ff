"""The site's pages as HTML: the index, and a page for each entry.

Everything a page needs but the pictures is in it: site.css, and site.js or entry.js. The content
security policy allows these by their hashes, in an entry's page also the frame that the viewer is
shown in, and nothing from elsewhere.

This room may use the public names, the script room and emit.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from graphviz_autograd import Graph
from graphviz_autograd.emit.classic import classic
from graphviz_autograd.gallery import findings
from graphviz_autograd.gallery.entries import Entry
from graphviz_autograd.gallery.highlight import escaped, highlighted

HERE = Path(__file__).parent
PRINTED = 20_000
"""So many characters of what a script printed are shown."""


@dataclass(frozen=True)
class Drawn:
    """An entry and what came of running it.

    first, code  its code without the header, and the number of the code's first line
    printed      what it printed
    graph        its graph, as the picture shows it
    leaves       the name of each leaf, and in words the gradient that it holds in the end
    report       what verify found, as in verify.json; None where it could not check the graph
    """

    entry: Entry
    first: int
    code: str
    printed: str
    graph: Graph
    leaves: Sequence[tuple[str, str]]
    report: dict[str, Any] | None


def index(drawn: Sequence[Drawn], failed: Sequence[str] = ()) -> str:
    """The page that lists the entries, with a field that searches titles and tags, and those that
    failed.
    """
    count = f"{len(drawn)} entr{'y' if len(drawn) == 1 else 'ies'}"
    parts = groupby((each.entry for each in drawn), key=lambda entry: entry.part[0])
    cards = "\n".join(_part(name, list(entries)) for name, entries in parts)
    body = f"""\
<header>
<h1>What autograd builds</h1>
<p>Short scripts, the graph behind each, and whether its gradients are right.</p>
<div class="search" hidden>
<label for="search">Search titles and tags</label>
<input id="search" type="search" autocomplete="off">
<output id="count" for="search">{count}</output>
</div>
</header>
<main>
{cards}
{_failed(failed)}
</main>"""
    return _page("Gallery", body, (HERE / "site.js").read_text(encoding="utf-8"))


def _part(name: str, entries: Sequence[Entry]) -> str:
    """A part of the index; a person's own scripts may be in none."""
    title = f"<h2>{escaped(name)}</h2>\n" if name else ""
    cards = "\n".join(map(_card, entries))
    return f'<section class="part">\n{title}<ul class="cards">\n{cards}\n</ul>\n</section>'


def _failed(names: Sequence[str]) -> str:
    if not names:
        return ""
    told = ", ".join(f"<code>{escaped(name)}</code>" for name in names)
    return f'<p class="failed">Not drawn, for they failed: {told}. gva gallery says why.</p>'


def _card(entry: Entry) -> str:
    address = escaped(quote(entry.name))
    words = escaped(" ".join([entry.title, entry.name, entry.part[0], *entry.tags]).lower())
    return f"""\
<li class="card" data-words="{words}">
<a href="{address}/index.html"><span class="paper">{_picture(address + "/", "", "lazy")}</span>\
<strong>{escaped(entry.title)}</strong></a>
{_tags(entry, "")}
</li>"""


def _tags(entry: Entry, home: str) -> str:
    if not entry.tags:
        return ""
    links = [
        f'<li><a href="{home}#{escaped(quote(tag))}">{escaped(tag)}</a></li>' for tag in entry.tags
    ]
    return f'<ul class="tags">{"".join(links)}</ul>'


def entry_page(drawn: Drawn, before: Entry | None, after: Entry | None) -> str:
    """An entry's page, with links to the one before it and the one after it."""
    entry = drawn.entry
    body = f"""\
<nav>{_neighbour(before, "prev", "←")}<a href="../index.html">All entries</a>\
{_neighbour(after, "next", "→")}</nav>
<header>
<h1>{escaped(entry.title)}</h1>
{_look(entry)}
{_tags(entry, "../index.html")}
{_source(entry.source)}
</header>
<main>
{_graph(drawn)}
<div class="text">
<section>
<h2>Code</h2>
<pre class="code" tabindex="0"><code>{highlighted(drawn.code, drawn.first)}</code></pre>
</section>
{_printed(drawn.printed)}
{_leaves(drawn.leaves)}
{findings.section(drawn.report, _scalar(drawn.graph)) if drawn.report else ""}
</div>
</main>"""
    return _page(
        entry.title, body, (HERE / "entry.js").read_text(encoding="utf-8"), "frame-src 'self' file:"
    )


def _graph(drawn: Drawn) -> str:
    """The picture, and where scripts run also the viewer, with the graph that it shows."""
    entry = drawn.entry
    words = f"The graph that {entry.name} builds; graph.json holds it as text"
    shown = classic(drawn.graph) if entry.style == "classic" else drawn.graph
    held = json.dumps(json.loads(shown.to_json()), ensure_ascii=False, separators=(",", ":"))
    held = held.replace("<", "\\u003c")  # nothing in it ends the element that holds it
    saved = str("saved" in entry.show).lower()
    return f"""\
<section class="graph" aria-label="Graph">
<div class="choice" role="group" aria-label="How the graph is shown" hidden>
<button type="button" data-shows="picture">Picture</button>
<button type="button" data-shows="explorer">Explore</button>
<button type="button" id="full" hidden>Full window</button>
</div>
<a class="paper" id="picture" href="graph.svg">{_picture("", words)}</a>
<div id="explorer" data-title="{escaped(entry.title)}" data-saved="{saved}" hidden>
<p id="said" role="status">The viewer is loading …</p>
</div>
<p class="files"><a href="graph.svg">graph.svg</a> <a href="graph.json">graph.json</a></p>
<script type="application/json" id="graph">{held}</script>
</section>"""


def _picture(folder: str, words: str, loading: str = "eager") -> str:
    """The picture that fits the page, by day or by night."""
    return (
        f'<picture><source srcset="{folder}graph-dark.svg" media="(prefers-color-scheme: dark)">'
        f'<img src="{folder}graph.svg" alt="{escaped(words)}" loading="{loading}"></picture>'
    )


def _scalar(graph: Graph) -> bool:
    """Whether all roots are single numbers."""
    nodes = graph.by_id()
    shapes = [info.shape for number in graph.outputs for info in nodes[number].outputs]
    return all(math.prod(shape) == 1 for shape in shapes if shape is not None)


def _look(entry: Entry) -> str:
    """What to look at, with what stands between backticks as code."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped(entry.look))
    return "\n".join(f"<p>{paragraph}</p>" for paragraph in text.split("\n\n") if paragraph)


def _neighbour(entry: Entry | None, rel: str, arrow: str) -> str:
    if entry is None:
        return "<span></span>"
    title = f"<span>{escaped(entry.title)}</span>"
    shown = f"{arrow} {title}" if rel == "prev" else f"{title} {arrow}"
    return f'<a rel="{rel}" href="../{escaped(quote(entry.name))}/index.html">{shown}</a>'


def _source(source: str) -> str:
    """The lesson: a link where it begins with an address, what follows as text."""
    if not source:
        return ""
    address, _, rest = source.partition(" ")
    if address.startswith(("https://", "http://")):
        link = f'<a href="{escaped(address)}" rel="noreferrer">{escaped(address)}</a>'
        return f'<p class="source">Lesson: {link} {escaped(rest)}</p>'
    return f'<p class="source">Lesson: {escaped(source)}</p>'


def _printed(text: str) -> str:
    if not text.strip():
        return ""
    more = len(text) - PRINTED
    shown = text[:PRINTED] + (f"\n… {more} more characters" if more > 0 else "")
    return f"""\
<section>
<h2>What it prints</h2>
<pre class="printed" tabindex="0">{escaped(shown.rstrip())}</pre>
</section>"""


def _leaves(leaves: Sequence[tuple[str, str]]) -> str:
    if not leaves:
        return ""
    rows = [[f"<code>{escaped(name)}</code>", escaped(grad)] for name, grad in leaves]
    return f"""\
<section>
<h2>Gradients of the leaves</h2>
<p>What <code>.grad</code> holds when the script is over.</p>
{findings.table(("leaf", "gradient"), rows, "leaves")}
</section>"""


def _page(title: str, body: str, script: str, *more: str) -> str:
    """A whole page; `more` is what else its content security policy allows."""
    style = (HERE / "site.css").read_text(encoding="utf-8")
    policy = "; ".join(
        (
            "default-src 'none'",
            "img-src 'self' file:",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
            *more,
        )
    )
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escaped(title)} · graphviz-autograd</title>
<style>{style}</style>
</head>
<body>
{body}
<script>{script}</script>
</body>
</html>
"""


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
