"""Colours that can be read, and themes of a person's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from graphviz_autograd.emit.colors import hex_of, names
from graphviz_autograd.emit.layout import draw
from graphviz_autograd.emit.theme_file import TABLES, theme_of
from graphviz_autograd.emit.themes import THEMES, Theme
from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import NODE_KINDS

PAPER = {"bgcolor": "white"}
INK = {"fontcolor": "black", "fillcolor": "lightgrey"}


def luminance(color: str, under: str = "white") -> float:
    """WCAG's relative luminance; what can be seen through lies on `under`."""
    code, ground = hex_of(color), hex_of(under)
    assert code is not None
    assert ground is not None
    alpha = int(code[7:9] or "ff", 16) / 255
    parts = []
    for at in (1, 3, 5):
        value = alpha * int(code[at : at + 2], 16) + (1 - alpha) * int(ground[at : at + 2], 16)
        share = value / 255
        parts.append(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4)
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(ink: str, fill: str, under: str = "white") -> float:
    light, dark = sorted((luminance(ink), luminance(fill, under)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", THEMES)
def test_text_can_be_read_on_every_fill(name: str) -> None:
    """A contrast of 4.5 at least, which WCAG calls AA."""
    look = THEMES[name]
    node, paper = {**INK, **look.node}, {**PAPER, **look.graph}["bgcolor"]
    fills = [*look.fills.values(), node["fillcolor"], look.found["matched"], look.found["failed"]]
    fills.append(look.found["not checked"].split(":")[0])
    for fill in fills:
        assert contrast(node["fontcolor"], fill) >= 4.5, fill
    assert contrast(look.edge.get("fontcolor", "black"), paper) >= 4.5
    assert contrast(look.frame["fontcolor"], look.frame["fillcolor"], paper) >= 4.5


@pytest.mark.parametrize("name", THEMES)
def test_every_kind_of_box_has_a_fill_of_its_own(name: str) -> None:
    look = THEMES[name]
    assert {*look.fills, "op"} == set(NODE_KINDS)
    fills = [*look.fills.values(), look.node.get("fillcolor", "lightgrey"), *look.found.values()]
    assert len({hex_of(fill) or fill for fill in fills}) == len(fills)


def test_the_colours_are_those_that_graphviz_draws() -> None:
    """In a picture, Graphviz writes as numbers what no browser knows by name."""
    some = ("darkolivegreen1", "goldenrod4", "lightgoldenrod", "grey70", "navyblue", "slategray3")
    boxes = "".join(f"{name} [style=filled fillcolor={name}];" for name in some)
    svg = draw(f"digraph {{ {boxes} }}", "svg").data.decode()
    for name in some:
        assert f'fill="{hex_of(name)}"' in svg, name
    assert len(names()) > 500


# ---- a person's own

FILE = """
base = "dark"

[fills]
leaf = "#003366"
op = "grey20"
group = "Goldenrod4"

[node]
fontsize = 12
shape = "box"

[edge]
color = "grey70"
penwidth = 1.5
style = "bold, dashed"

[frame]
fillcolor = "#0033660a"

[found]
"not checked" = "white:grey50"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_theme_of_ones_own_says_what_differs(tmp_path: Path) -> None:
    mine, dark = theme_of(written(tmp_path, FILE)), THEMES["dark"]
    assert mine.fills == {**dark.fills, "leaf": "#003366", "group": "Goldenrod4"}
    assert mine.node == {**dark.node, "fillcolor": "grey20", "fontsize": "12", "shape": "box"}
    assert mine.edge == {**dark.edge, "color": "grey70", "penwidth": "1.5", "style": "bold,dashed"}
    assert mine.frame == {**dark.frame, "fillcolor": "#0033660a"}
    assert mine.found == {**dark.found, "not checked": "white:grey50"}
    assert mine.graph == dark.graph


def test_without_a_base_it_starts_from_light(tmp_path: Path) -> None:
    assert theme_of(written(tmp_path, "")) == THEMES["light"]
    assert theme_of("dark") is THEMES["dark"]


def test_all_of_a_theme_can_be_said() -> None:
    assert {"fills", "found", "graph", "node", "edge", "frame"} == set(TABLES)
    assert set(TABLES) == set(Theme.__dataclass_fields__)
    for look in THEMES.values():
        for table, known in TABLES.items():
            assert set(getattr(look, table)) <= set(known), table


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fils = 1", "a key is one of base, .*, not 'fils'; did you mean 'fills'?"),
        ("fills = 1", r"fills is a table, \[fills\], not 1"),
        ("[fills]\nleave = 'red'", r"a key of \[fills\] .*, not 'leave'; did you mean 'leaf'?"),
        ("[fills]\nleaf = 'lihgtblue'", "fills.leaf is a colour, .*; did you mean 'lightblue'?"),
        ("[fills]\nleaf = '#12345'", "fills.leaf is a colour, .*, not '#12345'"),
        ("[fills]\nleaf = 3", "fills.leaf is a colour, .*, not 3"),
        ("[found]\n'not checked' = 'red'", "found.not checked is two colours"),
        ("[frame]\nfillcolour = 'red'", r"a key of \[frame\] .*; did you mean 'fillcolor'?"),
        ("[node]\nfontsize = 'big'", "node.fontsize is a number from 0 up, not 'big'"),
        ("[node]\nfontsize = true", "node.fontsize is a number"),
        ("[node]\nfontsize = nan", "node.fontsize is a number"),
        ("[node]\nfontname = 'a\\'", "node.fontname is the name of a font"),
        ("[node]\nshape = 'elipse'", "node.shape is one of .*; did you mean 'ellipse'?"),
        ("[edge]\nstyle = 'bold,dahsed'", "edge.style .*, not 'dahsed'; did you mean 'dashed'?"),
        ("base = 'drak'", "base is one of .*, not 'drak'; did you mean 'dark'?"),
        ("[fills", "no TOML: Expected"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_clear_line(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(OptionError, match=rf"mine\.toml: {says}") as caught:
        theme_of(os.fspath(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"none\.toml: cannot be read: No such file"):
        theme_of(tmp_path / "none.toml")
    (tmp_path / "mine.toml").write_bytes(b"\xff")
    with pytest.raises(OptionError, match=r"mine\.toml: no TOML"):
        theme_of(tmp_path / "mine.toml")
    with pytest.raises(OptionError, match="one of light, dark, .*, FILE.toml, not 'drak'.*'dark'"):
        theme_of("drak")
