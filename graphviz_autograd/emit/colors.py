"""Colours as Graphviz knows them: its X11 names, and their numbers for what is not Graphviz.

`colors.json` beside this file has the names; they are not those of CSS: Graphviz has a
`darkolivegreen1` that browsers have not, and another `green`.
"""

from __future__ import annotations

import difflib
import json
import re
from functools import cache
from importlib.resources import files
from typing import cast

_NUMBERS = re.compile(r"#(?:[0-9a-f]{6}|[0-9a-f]{8})")
_SHORT = re.compile(r"#[0-9a-f]{3}")


@cache
def names() -> dict[str, str]:
    """Graphviz's colour names, spelt with "gray", and what colours they are."""
    text = files("graphviz_autograd.emit").joinpath("colors.json").read_text("utf-8")
    return cast(dict[str, str], json.loads(text))


def hex_of(color: str) -> str | None:
    """A colour as "#rrggbb" or "#rrggbbaa", as CSS has it too; None where it is no colour.

    >>> hex_of("darkolivegreen1"), hex_of("LightGrey"), hex_of("#0af"), hex_of("leafy")
    ('#caff70', '#d3d3d3', '#00aaff', None)
    """
    color = color.lower()
    if color == "transparent":
        return "#ffffff00"
    if _NUMBERS.fullmatch(color):
        return color
    if _SHORT.fullmatch(color):
        return "#" + "".join(digit * 2 for digit in color[1:])
    return names().get(color.replace("grey", "gray"))


def nearest(color: str) -> str | None:
    """The name that may have been meant.

    >>> nearest("lihgtblue")
    'lightblue'
    """
    near = difflib.get_close_matches(color.lower().replace(" ", ""), [*names(), "transparent"], 1)
    return near[0] if near else None
