"""Colours and type, as data: one Theme a look.

The light theme has the colours that people know from torchviz: leaves light blue, ops
grey (Graphviz's own colour for a filled box), outputs green, saved tensors orange.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NODE = {
    "style": "filled",
    "shape": "box",
    "align": "left",
    "fontsize": "10",
    "ranksep": "0.1",
    "height": "0.2",
    "fontname": "monospace",
}

FRAME = {"style": "rounded,filled", "labeljust": "l", "fontname": "monospace", "fontsize": "10"}


@dataclass(frozen=True)
class Theme:
    """Graphviz attributes for the whole picture, and a fill colour for each kind of box.

    A kind without a fill takes the colour of `node`. `found` are the fills of boxes that
    `verify` looked at; what was not checked has two, for its stripes. `frame` is for the frames
    around open groups: one can see through its fill, so that inner frames stand out.
    """

    fills: Mapping[str, str]
    found: Mapping[str, str]
    frame: Mapping[str, str]
    graph: Mapping[str, str] = field(default_factory=dict)
    node: Mapping[str, str] = field(default_factory=dict)
    edge: Mapping[str, str] = field(default_factory=dict)


THEMES: dict[str, Theme] = {
    "light": Theme(
        fills={
            "leaf": "lightblue",
            "output": "darkolivegreen1",
            "base": "darkolivegreen3",
            "saved": "orange",
            "input": "lavender",
            "group": "#fdf0c8",
        },
        found={"matched": "#c3e6a8", "failed": "#ff7b6b", "not checked": "#ffffff:#999999"},
        frame={**FRAME, "color": "#999999", "fillcolor": "#00000008", "fontcolor": "#444444"},
    ),
    "dark": Theme(
        fills={
            "leaf": "#1d4e6b",
            "output": "#3f6212",
            "base": "#2c4a0c",
            "saved": "#8a4b08",
            "input": "#4c3a78",
            "group": "#5b5326",
        },
        found={"matched": "#2c6135", "failed": "#b3261e", "not checked": "#343a46:#8b93a3"},
        frame={**FRAME, "color": "#5c6474", "fillcolor": "#ffffff08", "fontcolor": "#c5ccd8"},
        graph={"bgcolor": "#16181d"},
        node={"fillcolor": "#343a46", "color": "#8b93a3", "fontcolor": "#eceff4"},
        edge={"color": "#8b93a3", "fontcolor": "#c5ccd8"},
    ),
    # Fills from the palette of Okabe and Ito (2008), lightened where text stands on them.
    "colorblind": Theme(
        fills={
            "leaf": "#56b4e9",
            "output": "#f0e442",
            "base": "#c9bf2d",
            "saved": "#e69f00",
            "input": "#dfadc8",
            "group": "#fdf0c8",
        },
        found={"matched": "#7fceb9", "failed": "#e8833a", "not checked": "#ffffff:#999999"},
        frame={**FRAME, "color": "#999999", "fillcolor": "#00000008", "fontcolor": "#444444"},
        node={"fillcolor": "#eeeeee"},
    ),
}
