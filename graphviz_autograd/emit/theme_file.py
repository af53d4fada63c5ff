"""A person's own theme: a small TOML file that says what differs from one of ours.

base = "dark"              # "light" where it is not said

[fills]                    # what boxes are filled with, by kind
leaf = "#003366"
group = "goldenrod4"

[edge]                     # Graphviz attributes: also [graph], [node], and [frame]
color = "grey70"           # for the frames around open groups
penwidth = 1.5

[found]                    # what `gva verify` paints; the last has two, for its stripes
failed = "red3"
"not checked" = "white:grey50"
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graphviz_autograd.emit.colors import hex_of, nearest
from graphviz_autograd.emit.found import STATUSES, UNCHECKED
from graphviz_autograd.emit.options import one_of
from graphviz_autograd.emit.themes import THEMES, Theme
from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import NODE_KINDS

COLOR, PAIR, NUMBER, FONT = "color", "two colors", "number", "font"
STYLES = (
    *("filled", "rounded", "solid", "dashed", "dotted", "bold", "invis"),
    *("diagonals", "radial", "striped", "wedged"),
)
SHAPES = (
    *("box", "rect", "square", "plain", "none", "note", "tab", "folder", "box3d", "component"),
    *("ellipse", "oval", "circle", "egg", "cylinder", "diamond", "house", "parallelogram"),
    *("trapezium", "pentagon", "hexagon", "septagon", "octagon", "underline"),
)
ARROWS = (
    *("normal", "empty", "open", "halfopen", "vee", "inv", "dot", "odot", "diamond", "odiamond"),
    *("box", "obox", "crow", "tee", "none"),
)

# What each table may hold: what a value has to be, or the words that it may be made of.
TYPE: dict[str, str | tuple[str, ...]] = {"fontcolor": COLOR, "fontname": FONT, "fontsize": NUMBER}
LINE: dict[str, str | tuple[str, ...]] = {"color": COLOR, "penwidth": NUMBER, "style": STYLES}
TABLES: dict[str, dict[str, str | tuple[str, ...]]] = {
    "fills": dict.fromkeys(NODE_KINDS, COLOR),
    "found": {status: PAIR if status == UNCHECKED else COLOR for status in STATUSES},
    "graph": {
        "bgcolor": COLOR,
        **TYPE,
        **dict.fromkeys(("dpi", "margin", "nodesep", "pad", "ranksep"), NUMBER),
    },
    "node": {
        "fillcolor": COLOR,
        **LINE,
        **TYPE,
        "shape": SHAPES,
        **dict.fromkeys(("height", "margin", "width"), NUMBER),
    },
    "edge": {**LINE, **TYPE, "arrowhead": ARROWS, "arrowsize": NUMBER},
    "frame": {
        "fillcolor": COLOR,
        **LINE,
        **TYPE,
        "labeljust": ("l", "c", "r"),
        "labelloc": ("t", "b"),
        "margin": NUMBER,
    },
}

_FONT_NAME = re.compile(r"[\w ,.+-]+")


def theme_of(theme: str | os.PathLike[str]) -> Theme:
    """The theme of this name, or that a .toml file holds.

    Raises OptionError for a name that no theme has, and for a file that cannot be read, that is
    no TOML, or that holds a key, a colour or another value that does not belong there.

    >>> theme_of("light").fills["leaf"]
    'lightblue'
    """
    name = os.fspath(theme) if isinstance(theme, os.PathLike) else theme
    if isinstance(name, str) and name.lower().endswith(".toml"):
        try:
            return _built(_read(name))
        except OptionError as error:
            raise OptionError(f"theme {name}: {error}") from None
    return THEMES[one_of("theme", name, (*THEMES, "FILE.toml"))]


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise OptionError(f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # no TOML, or no UTF-8
        raise OptionError(f"no TOML: {error}") from None


def _built(data: Mapping[str, Any]) -> Theme:
    """The theme that a file's tables make of the one they start from."""
    for key in data:
        one_of("a key", key, ("base", *TABLES))
    base = THEMES[one_of("base", data.get("base", "light"), THEMES)]
    read: dict[str, dict[str, str]] = {}
    for table, known in TABLES.items():
        given = data.get(table, {})
        if not isinstance(given, dict):
            raise OptionError(f"{table} is a table, [{table}], not {given!r}")
        for key in given:
            one_of(f"a key of [{table}]", key, known)
        read[table] = {key: _value(f"{table}.{key}", given[key], known[key]) for key in given}
    if "op" in read["fills"]:  # what every box has that says nothing else
        read["node"].setdefault("fillcolor", read["fills"].pop("op"))
    return replace(base, **{table: {**getattr(base, table), **read[table]} for table in TABLES})


def _value(key: str, value: object, kind: str | tuple[str, ...]) -> str:
    """The value as Graphviz takes it, where it is of its kind."""
    if kind == NUMBER:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
            raise OptionError(f"{key} is a number from 0 up, not {value!r}")
        return f"{value:g}"
    if kind == FONT:
        if not isinstance(value, str) or not _FONT_NAME.fullmatch(value):
            raise OptionError(f'{key} is the name of a font, such as "Helvetica", not {value!r}')
        return value
    if kind == COLOR:
        return _color(key, value)
    if kind == PAIR:
        parts = value.split(":") if isinstance(value, str) else []
        if len(parts) != 2:
            raise OptionError(f'{key} is two colours, such as "white:grey50", not {value!r}')
        return ":".join(_color(key, part) for part in parts)
    if not isinstance(value, str):
        return one_of(key, value, kind)
    return ",".join(one_of(key, word.strip(), kind) for word in value.split(","))


def _color(key: str, value: object) -> str:
    if isinstance(value, str) and hex_of(value) is not None:
        return value
    near = nearest(value) if isinstance(value, str) else None
    hint = f"; did you mean {near!r}?" if near else ""
    raise OptionError(
        f'{key} is a colour, by Graphviz\'s name ("lightblue") or as "#rrggbb", not {value!r}{hint}'
    )
