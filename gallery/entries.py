"""Find the gallery's entries and read their headers.

An entry is a script whose docstring is its header:

    '''Title, one line

    One or more paragraphs that say what to look at.

    Source: address of the lesson
    Part: the part of the index that it stands in, and its place there: Linear regression, 3
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

A person's own folder may hold scripts without a header, and notebooks.

The scripts are only parsed here, never imported: importing one would run it.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import get_args

from graphviz_autograd.errors import OptionError, ScriptError
from graphviz_autograd.script import Engine, cells

HERE = Path(__file__).parent
GENERATOR = frozenset({"__init__", "build", "entries", "findings", "highlight", "pages"})
"""The files of this folder that are no entries."""

ENGINES: tuple[str, ...] = get_args(Engine)
PARTS = (
    "Dive into Deep Learning",
    "PyTorch's autograd tutorial",
    "Linear regression",
    "A backward of your own",
    "Derivatives of derivatives",
    "What the graph keeps",
    "Models",
)
"""The parts of our own index, from first steps on; those of a person's own come after."""

STYLES = ("default", "classic")
NEEDED = ("Source", "Tags")
CHOICES = {
    "Style": STYLES,
    "Show": ("saved", "attrs"),
    "Fold": ("plumbing",),
    "Engine": ENGINES,
}
NUMBERS = ("Boxes", "Depth")
FIELDS = (*NEEDED, "Part", "Root", *CHOICES, *NUMBERS, "Fails")


@dataclass(frozen=True)
class Entry:
    """One script of the gallery and what its header says.

    name     the script's name without its suffix: the name of its folder in the site
    title    the file's name, where there is no header
    look     what to look at: one or more paragraphs; empty where there is no header
    source   the lesson whose computation it is; may be empty where the script is a person's own
    part     the part of the index that it stands in, and its place there; may be empty likewise
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
    look: str = ""
    source: str = ""
    part: tuple[str, int] = ("", 0)
    tags: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    style: str = "default"
    show: tuple[str, ...] = ()
    boxes: int = 150
    depth: int | None = None
    plumbing: bool = False
    engines: tuple[str, ...] = ENGINES
    fails: str = ""


def find(names: Sequence[str] = (), folder: Path | None = None) -> list[Entry]:
    """The entries of those names, or all of them, in the order of the index.

    `folder` is where the scripts are: this folder, where nothing else is said.

    >>> [entry.title for entry in find(["d2l_dot"])]
    ['A scalar from a vector: y = 2xᵀx']

    Raises OptionError for a name that no entry has, ScriptError for a broken header.
    """
    paths = sorted((folder or HERE).glob("*.py"))
    scripts = {path.stem: path for path in paths if path.stem not in GENERATOR}
    return sorted((read(scripts[name]) for name in chosen(names, scripts)), key=_place)


def _place(entry: Entry) -> tuple[int, str, int, str]:
    """Where an entry stands in the index."""
    part, number = entry.part
    return PARTS.index(part) if part in PARTS else len(PARTS), part, number, entry.name


def find_own(folder: Path) -> list[Entry]:
    """The scripts and notebooks in a person's own folder, by their parts and names.

    What begins with an underscore is a part of others, and so is what another of them imports. A
    notebook beside a script of the same name keeps its suffix. Raises OptionError where there are
    none, ScriptError for a broken header.
    """
    paths = sorted(path for path in folder.iterdir() if path.is_file() and path.name[0] not in "._")
    scripts = [path for path in paths if path.suffix == ".py"]
    parts = {name for path in scripts for name in _imported(path) if name != path.stem}
    entries = {path.stem: read_own(path) for path in scripts if path.stem not in parts}
    for path in paths:
        if path.suffix == ".ipynb":
            name = path.name if path.stem in entries else path.stem
            entries[name] = Entry(name, path, title=path.name)
    if not entries:
        raise OptionError(f"{folder} holds no scripts (.py) and no notebooks (.ipynb)")
    return sorted(entries.values(), key=_place)


def _imported(script: Path) -> set[str]:
    """The modules that a script imports by name."""
    try:
        found = list(ast.walk(ast.parse(script.read_bytes())))
    except (OSError, SyntaxError, ValueError):
        return set()  # what is wrong with it is told when it runs
    names = {alias.name for node in found if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in found if isinstance(node, ast.ImportFrom) and node.module}
    return {name.partition(".")[0] for name in names}


def chosen(names: Sequence[str], known: Iterable[str]) -> list[str]:
    """Of the known names those that are asked for, or all. Raises OptionError for an unknown."""
    known = list(known)
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
            raise OptionError(f"the gallery has no entry {name!r}; {hint}")
    return [name for name in known if not names or name in names]


def code(entry: Entry) -> tuple[int, str]:
    """The code of an entry without its header, and the number of its first line."""
    if entry.path.suffix == ".ipynb":
        return 1, "\n\n".join(cell.rstrip() for cell in cells.load(str(entry.path)).cells)
    with tokenize.open(entry.path) as file:
        text = file.read()
    lines = text.rstrip().split("\n")
    first = ast.parse(text).body[0].end_lineno or 0 if entry.look else 0
    while first < len(lines) and not lines[first].strip():
        first += 1
    return first + 1, "\n".join(lines[first:])


def read_own(path: Path) -> Entry:
    """The entry that a person's own script makes, which may be without a header.

    Raises ScriptError where it cannot be read, or the header has a line that cannot be.
    """
    try:
        header = ast.get_docstring(ast.parse(path.read_bytes(), str(path))) or ""
    except (SyntaxError, ValueError):
        header = ""  # what is wrong with the script is told when it runs
    except OSError as error:
        raise ScriptError(f"cannot read {path}: {error.strerror}") from None
    if re.match(rf"(?:{'|'.join(FIELDS)}): *\S", header.rpartition("\n\n")[2]):
        return read(path, needed=())
    return Entry(path.stem, path, title=path.name)


def read(path: Path, needed: Sequence[str] = NEEDED) -> Entry:
    """The entry that a script holds. Raises ScriptError where its header is not whole.

    `needed` are the lines that the header must have.
    """
    try:
        header = ast.get_docstring(ast.parse(path.read_bytes(), str(path)))
    except (SyntaxError, ValueError) as error:
        raise ScriptError(f"{path.name} is not a Python script: {error}") from error
    if not header:
        raise ScriptError(f"{path.name} has no docstring: an entry begins with its header")
    title, *paragraphs = header.split("\n\n")
    fields, roots = _fields(path, paragraphs.pop() if paragraphs else "", needed)
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
        source=fields.get("Source", ""),
        part=_part(path, fields.get("Part", "")),
        tags=_listed(fields.get("Tags", "")),
        roots=roots,
        style=fields.get("Style", "default"),
        show=_listed(fields.get("Show", "")),
        boxes=int(fields.get("Boxes", 150)),
        depth=int(fields["Depth"]) if "Depth" in fields else None,
        plumbing="Fold" in fields,
        engines=_listed(fields.get("Engine", ", ".join(ENGINES))),
        fails=fields.get("Fails", ""),
    )


def _fields(
    path: Path, block: str, needed: Sequence[str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The `Name: value` lines that end a header, and the values of those named Root."""
    lines: list[tuple[str, str]] = re.findall(r"^([A-Z]\w*): *(\S.*)$", block, re.MULTILINE)
    fields = dict(lines)
    for name in fields:
        if name not in FIELDS:
            raise ScriptError(f"{path.name}: unknown line {name}, expected {', '.join(FIELDS)}")
    for name in needed:
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


def _part(path: Path, value: str) -> tuple[str, int]:
    """The part of the index that a line names, and the place in it."""
    if not value:
        return "", 0
    part, _, number = value.rpartition(", ")
    if not part or not number.isdecimal():
        raise ScriptError(
            f"{path.name}: Part is {value!r}, expected a part of the index and the place in it, "
            "as in Linear regression, 3"
        )
    return part, int(number)


def _listed(value: str) -> tuple[str, ...]:
    """The words of a line that may have several, between commas."""
    return tuple(word.strip() for word in value.split(",") if word.strip())
