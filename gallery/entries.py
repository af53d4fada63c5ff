"""Find the gallery's entries and read their headers.

An entry is a script whose docstring is its header:

    '''Title, one line

    One or more paragraphs that say what to look at.

    Source: address of the lesson
    Tags: what, it, shows
    Root: expression to draw, where it is not what backward was called on
    Style: classic, where the lesson shows that style
    '''

The scripts are only parsed here, never imported: importing one would run it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from graphviz_autograd.errors import OptionError, ScriptError

HERE = Path(__file__).parent
GENERATOR = frozenset({"__init__", "build", "entries"})
"""The files of this folder that are no entries."""

STYLES = ("default", "classic")
NEEDED = ("Source", "Tags")
FIELDS = (*NEEDED, "Root", "Style")


@dataclass(frozen=True)
class Entry:
    """One script of the gallery and what its header says.

    name     the script's name without its suffix: the name of its pictures
    look     what to look at: one or more paragraphs
    source   the lesson whose computation it is
    root     the expression to draw; empty where it is what backward was called on
    """

    name: str
    path: Path
    title: str
    look: str
    source: str
    tags: tuple[str, ...]
    root: str = ""
    style: str = "default"


def find(names: Sequence[str] = (), folder: Path | None = None) -> list[Entry]:
    """The entries of those names, or all of them, in alphabetical order.

    `folder` is where the scripts are: this folder, where nothing else is said.

    >>> [entry.title for entry in find(["d2l_dot"])]
    ['A scalar from a vector: y = 2xᵀx']

    Raises OptionError for a name that no entry has, ScriptError for a broken header.
    """
    paths = sorted((folder or HERE).glob("*.py"))
    scripts = {path.stem: path for path in paths if path.stem not in GENERATOR}
    for name in names:
        if name not in scripts:
            near = get_close_matches(name, scripts, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(scripts)}"
            raise OptionError(f"the gallery has no entry {name!r}; {hint}")
    return [read(path) for name, path in scripts.items() if not names or name in names]


def read(path: Path) -> Entry:
    """The entry that a script holds. Raises ScriptError where its header is not whole."""
    try:
        header = ast.get_docstring(ast.parse(path.read_bytes(), str(path)))
    except (SyntaxError, ValueError) as error:
        raise ScriptError(f"{path.name} is not a Python script: {error}") from error
    if not header:
        raise ScriptError(f"{path.name} has no docstring: an entry begins with its header")
    title, *paragraphs = header.split("\n\n")
    fields = _fields(path, paragraphs.pop() if paragraphs else "")
    if "\n" in title or not paragraphs:
        raise ScriptError(
            f"{path.name}: its docstring should be a title of one line, a paragraph that says "
            f"what to look at, and the lines {' and '.join(NEEDED)}"
        )
    style = fields.get("Style", "default")
    if style not in STYLES:
        raise ScriptError(f"{path.name}: Style is {style!r}, expected one of {', '.join(STYLES)}")
    return Entry(
        name=path.stem,
        path=path,
        title=title,
        look="\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs),
        source=fields["Source"],
        tags=tuple(tag.strip() for tag in fields["Tags"].split(",")),
        root=fields.get("Root", ""),
        style=style,
    )


def _fields(path: Path, block: str) -> dict[str, str]:
    """The `Name: value` lines that end a header."""
    fields = dict(re.findall(r"^([A-Z]\w*): *(\S.*)$", block, re.MULTILINE))
    for name in fields:
        if name not in FIELDS:
            raise ScriptError(f"{path.name}: unknown line {name}, expected {', '.join(FIELDS)}")
    for name in NEEDED:
        if name not in fields:
            raise ScriptError(f"{path.name}: its docstring should end with a line {name}: ...")
    return fields
