"""What an SVG says of its boxes and arrows beside drawing them: titles and stable ids.

Graphviz numbers the elements in the order it draws them, and writes the bare id of a node as
its title. Here a box gets the id `node12` from the node's own, a frame `group12`, an arrow
`edge12-14` (the next one between the same two `edge12-14-2`); the title says what the box says,
the module call and the source line. Browsers show it where the mouse rests, screen readers
read it. The title of a frame is drawn over the arrows that cross it.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from html import escape

from graphviz_autograd.emit import found
from graphviz_autograd.emit.boxes import Showing, Sizes, box_text, told
from graphviz_autograd.emit.words import group_lines, shown
from graphviz_autograd.graph import Graph, Node

_ELEMENT = re.compile(
    r'<g id="(?:node|clust|edge)\d+" class="(?P<kind>node|cluster|edge)">\n'
    r"<title>(?:cluster_)?(?P<source>\d+)(?:&#45;&gt;(?P<target>\d+))?</title>"
    r'(?P<link>\n<g id="a_)?(?(link)[a-z]+\d+")'
)


_FRAME = re.compile(r'(<g id="clust\d+" class="cluster">\n(?:(?!</g>).*\n)*?)(<text .*</text>\n)')
_PAPER = re.compile(r'<polygon fill="([^"]+)" stroke="none"')
_LAST = "</g>\n</svg>"


def titled(svg: str, graph: Graph) -> str:
    """The SVG that Graphviz made of a graph's DOT, with ids and titles; whatever else is in it
    stays as it is.
    """
    elements = _Elements(graph)
    return _ELEMENT.sub(elements.written, _frames_named_last(svg))


def _frames_named_last(svg: str) -> str:
    """The titles of frames at the end, where nothing is drawn over them, with a rim of paper."""
    titles: list[str] = []

    def taken(match: re.Match[str]) -> str:
        titles.append(match[2])
        return match[1]

    kept = _FRAME.sub(taken, svg)
    if not titles or _LAST not in kept:
        return svg
    paper = _PAPER.search(svg)
    rim = f'stroke="{paper[1] if paper else "white"}" stroke-width="3" stroke-linejoin="round"'
    before, after = kept.rsplit(_LAST, 1)
    group = f'<g id="frame-titles" pointer-events="none" paint-order="stroke" {rim}>\n'
    return f"{before}{group}{''.join(titles)}</g>\n{_LAST}{after}"


class _Elements:
    def __init__(self, graph: Graph) -> None:
        self.nodes, self.findings = graph.by_id(), found.findings(graph)
        self.text = partial(box_text, sizes_of=Sizes(graph), showing=Showing(True, 0))
        self.arrows: Counter[str] = Counter()

    def written(self, match: re.Match[str]) -> str:
        kind = match["kind"]
        source = self.nodes.get(int(match["source"]))
        target = self.nodes.get(int(match["target"] or match["source"]))
        if source is None or target is None:
            return match[0]
        if kind == "edge":
            name = f"edge{source.id}-{target.id}"
            self.arrows[name] += 1
            name += f"-{self.arrows[name]}" * (self.arrows[name] > 1)
            title = f"{self.first(source)} → {self.first(target)}"
        else:
            name = f"{'node' if kind == 'node' else 'group'}{source.id}"
            title = self.about(source, framed=kind == "cluster")
        link = f'\n<g id="a_{name}"' if match["link"] else ""
        return f'<g id="{name}" class="{kind}">\n<title>{escape(title, quote=False)}</title>{link}'

    def about(self, node: Node, framed: bool) -> str:
        says = " ".join(group_lines(node)) if framed else self.text(node).strip("\n")
        return "\n".join([says, *map(shown, told(node, self.findings.get(node.id)))])

    def first(self, node: Node) -> str:
        return self.text(node).strip("\n").partition("\n")[0]
