"""The site's pages as HTML: the index, and a page for each entry.

Everything a page needs but the pictures is in it: site.css and, in the index, site.js. The
content security policy allows these two by their hashes and nothing from elsewhere.

This room may use the public names and the script room.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from graphviz_autograd.gallery.entries import Entry
from graphviz_autograd.gallery.highlight import escaped, highlighted

HERE = Path(__file__).parent
ROWS = 24
"""A table's rows; the rest is counted."""
PRINTED = 20_000
"""So many characters of what a script printed are shown."""


@dataclass(frozen=True)
class Drawn:
    """An entry and what came of running it.

    first, code  its code without the header, and the number of the code's first line
    printed      what it printed
    leaves       the name of each leaf, and in words the gradient that it holds in the end
    report       what verify found, as in verify.json; None where it could not check the graph
    """

    entry: Entry
    first: int
    code: str
    printed: str
    leaves: Sequence[tuple[str, str]]
    report: dict[str, Any] | None


def index(drawn: Sequence[Drawn]) -> str:
    """The page that lists the entries, with a field that searches titles and tags."""
    count = f"{len(drawn)} entr{'y' if len(drawn) == 1 else 'ies'}"
    cards = "\n".join(_card(each.entry) for each in drawn)
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
<ul class="cards">
{cards}
</ul>
</main>"""
    return _page("Gallery", body, (HERE / "site.js").read_text(encoding="utf-8"))


def _card(entry: Entry) -> str:
    address = escaped(quote(entry.name))
    words = escaped(" ".join([entry.title, entry.name, *entry.tags]).lower())
    return f"""\
<li class="card" data-words="{words}">
<a href="{address}/index.html"><span class="paper"><img src="{address}/graph.svg" alt="" \
loading="lazy"></span><strong>{escaped(entry.title)}</strong></a>
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
<section class="picture" aria-label="Graph">
<a class="paper" href="graph.svg"><img src="graph.svg" alt="The graph that {escaped(entry.name)} \
builds; graph.json holds it as text"></a>
<p class="files"><a href="graph.svg">graph.svg</a> <a href="graph.json">graph.json</a></p>
</section>
<div class="text">
<section>
<h2>Code</h2>
<pre class="code" tabindex="0"><code>{highlighted(drawn.code, drawn.first)}</code></pre>
</section>
{_printed(drawn.printed)}
{_leaves(drawn.leaves)}
{_report(drawn.report)}
</div>
</main>"""
    return _page(entry.title, body)


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
<pre tabindex="0">{escaped(shown.rstrip())}</pre>
</section>"""


def _leaves(leaves: Sequence[tuple[str, str]]) -> str:
    if not leaves:
        return ""
    rows = [[f"<code>{escaped(name)}</code>", escaped(grad)] for name, grad in leaves]
    return f"""\
<section>
<h2>Gradients of the leaves</h2>
<p>What <code>.grad</code> holds when the script is over.</p>
{_table(("leaf", "gradient"), rows, "leaves")}
</section>"""


def _report(report: dict[str, Any] | None) -> str:
    """What verify found, the worst first, then leaves and outputs, then nodes."""
    if report is None:
        return ""
    order = ("failed", "not checked", "matched")
    checks = [*report["leaves"], *report["outputs"], *report["nodes"]]
    rows = []
    for check in sorted(checks, key=lambda check: order.index(check["status"])):
        status = check["status"]
        name, line = escaped(check["name"]), check.get("line", "")
        place = f" <small>{escaped(line)}</small>" if line else ""
        rows.append(
            [
                f"{escaped(check['kind'])} <code>{name}</code>{place}",
                f'<span class="{status.replace(" ", "-")}">{status}</span>',
                escaped(_difference(check)),
            ]
        )
    counts = ", ".join(f"{count} {status}" for status, count in report["counts"].items() if count)
    return f"""\
<section>
<h2>Is the gradient right?</h2>
<p>{counts or "Nothing could be checked"}: the engine beside torch, as <code>gva verify</code> \
does it. <a href="verify.json">verify.json</a></p>
{_table(("what", "verdict", "largest difference"), rows, "checks")}
</section>"""


def _difference(check: dict[str, Any]) -> str:
    reason = check.get("reason", "")
    apart = check["absolute"]
    if check["status"] == "not checked" or isinstance(apart, str):
        return str(reason or apart)
    size = f"{apart:.2g}" if apart else "none"
    return f"{size}: {reason}" if reason else size


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], things: str) -> str:
    """A table; `rows` are HTML already."""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "\n".join(
        f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows[:ROWS]
    )
    more = len(rows) - ROWS
    rest = f"\n<p>… and {more} more {things}.</p>" if more > 0 else ""
    return f"""\
<div class="wide" tabindex="0"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table></div>{rest}"""


def _page(title: str, body: str, script: str = "") -> str:
    style = (HERE / "site.css").read_text(encoding="utf-8")
    policy = (
        "default-src 'none'; img-src 'self' file:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(style)}'"
    )
    policy += f"; script-src '{_hash(script)}'" if script else ""
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
{f"<script>{script}</script>" if script else ""}
</body>
</html>
"""


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
