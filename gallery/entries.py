"""Find the gallery's entries and read their headers.

An entry is a script whose docstring is its header:

    '''Title, one line

    One or more paragraphs that say what to look at.

    Source: address of the lesson
    Tags: what, it, shows
    Root: expression to draw, where it is not what backward was called on; may come again
    Style: classic, where the lesson shows that style
    Show: saved, attrs: what operations keep, where the lesson is about that
    Boxes: above which the picture is folded and collapsed, where that is not 150
    Depth: of the modules that are one box each
    Fold: plumbing, where views, transposes and copies are thin boxes
    Engine: torch, where the lesson does not run on ours
    Fails: the node that verify finds wrong
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
from typing import get_args

from graphviz_autograd.errors import OptionError, ScriptError
from graphviz_autograd.script import Engine

HERE = Path(__file__).parent
GENERATOR = frozenset({"__init__", "build", "entries"})
"""The files of this folder that are no entries."""

ENGINES: tuple[str, ...] = get_args(Engine)
STYLES = ("default", "classic")
NEEDED = ("Source", "Tags")
CHOICES = {
    "Style": STYLES,
    "Show": ("saved", "attrs"),
    "Fold": ("plumbing",),
    "Engine": ENGINES,
}
NUMBERS = ("Boxes", "Depth")
FIELDS = (*NEEDED, "Root", *CHOICES, *NUMBERS, "Fails")


@dataclass(frozen=True)
class Entry:
    """One script of the gallery and what its header says.

    name     the script's name without its suffix: the name of its pictures
    look     what to look at: one or more paragraphs
    source   the lesson whose computation it is
    roots    the expressions to draw; none where it is what backward was called on
    style    which boxes the picture has, as in `Graph.save`
    show     what the boxes show of what operations keep: "saved", "attrs"
    boxes    above which the picture is folded and collapsed
    depth    of the modules that are one box each; None leaves it to the number of boxes
    plumbing whether views, transposes and copies are thin boxes
    engines  whose autograd the lesson runs on
    fails    the node that verify finds wrong; empty where all is right
    """

    name: str
    path: Path
    title: str
    look: str
    source: str
    tags: tuple[str, ...]
    roots: tuple[str, ...] = ()
    style: str = "default"
    show: tuple[str, ...] = ()
    boxes: int = 150
    depth: int | None = None
    plumbing: bool = False
    engines: tuple[str, ...] = ENGINES
    fails: str = ""


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
    fields, roots = _fields(path, paragraphs.pop() if paragraphs else "")
    if "\n" in title or not paragraphs:
        raise ScriptError(
            f"{path.name}: its docstring should be a title of one line, a paragraph that says "
            f"what to look at, and the lines {' and '.join(NEEDED)}"
        )
    return Entry(
        name=path.stem,
        path=path,
        title=title,
        look="\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs),
        source=fields["Source"],
        tags=_listed(fields["Tags"]),
        roots=roots,
        style=fields.get("Style", "default"),
        show=_listed(fields.get("Show", "")),
        boxes=int(fields.get("Boxes", 150)),
        depth=int(fields["Depth"]) if "Depth" in fields else None,
        plumbing="Fold" in fields,
        engines=_listed(fields.get("Engine", ", ".join(ENGINES))),
        fails=fields.get("Fails", ""),
    )


def _fields(path: Path, block: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The `Name: value` lines that end a header, and the values of those named Root."""
    lines: list[tuple[str, str]] = re.findall(r"^([A-Z]\w*): *(\S.*)$", block, re.MULTILINE)
    fields = dict(lines)
    for name in fields:
        if name not in FIELDS:
            raise ScriptError(f"{path.name}: unknown line {name}, expected {', '.join(FIELDS)}")
    for name in NEEDED:
        if name not in fields:
            raise ScriptError(f"{path.name}: its docstring should end with a line {name}: ...")
    for name, choices in CHOICES.items():
        for word in _listed(fields.get(name, "")):
            if word not in choices:
                raise ScriptError(
                    f"{path.name}: {name} is {word!r}, expected one of {', '.join(choices)}"
                )
    for name in NUMBERS:
        if not fields.get(name, "1").isdecimal():
            raise ScriptError(f"{path.name}: {name} is {fields[name]!r}, expected a number")
    return fields, tuple(value for name, value in lines if name == "Root")


def _listed(value: str) -> tuple[str, ...]:
    """The words of a line that may have several, between commas."""
    return tuple(word.strip() for word in value.split(",") if word.strip())
