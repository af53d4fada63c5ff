"""Lay one graph out with the Graphviz that pygraphviz carries. A program of its own.

`layout.draw` runs this file in a child process, with `python -I -S`: nothing here may
import ours, and nothing of the user's can stand before the standard library. DOT comes
in by stdin, the picture goes out by stdout. Graphviz's complaints go to stderr, as do
the lines that begin with NOTE, which are for the person who asked for the picture.

dot is not asked where it would take too long, by what the graph looks like: then the layered
layout of the folder beside this file finds the positions, and Graphviz draws.

Layout holds the interpreter lock and hears no signal, so whoever runs this must be ready
to kill it; a timer ends it where that somebody is gone.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import sys
import tempfile
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any, BinaryIO, NamedTuple, NoReturn

NOTE = "note: "
LAYERED = "layered"
"""The engine that is not Graphviz's: the plain layered layout."""

WORTHWHILE = 1 / 30
"""How much of its time limit dot should need; the guess may be wrong by much."""

# Cuts dot's search for few crossings short and draws straight edges. The boxes of a picture
# without frames drift far apart so; nslimit1 would help, but crashes on frames.
SHORTER = {b"nslimit": b"0.1", b"mclimit": b"0.1", b"splines": b"line"}


class Page(NamedTuple):
    """How large a picture may become, and what Graphviz assumes for its format."""

    limit: int  # the longest side, in units
    unit: str
    dpi: float  # units an inch, where the graph does not say
    margin: float  # inches left free around the drawing, where the graph does not say


BITMAP = Page(16_384, "pixels", 96, 0)  # browsers and image viewers go no further
PDF = Page(14_400, "points", 72, 0.5)  # the largest page that PDF readers open


def page_of(format: str) -> Page | None:
    """The Page of a format; None for one that has no limit.

    >>> page_of("png").limit
    16384
    """
    base, *_ = format.split(":")
    return {"pdf": PDF, **dict.fromkeys(("png", "jpg", "jpeg", "jpe", "gif"), BITMAP)}.get(base)


def scaled_note(format: str, page: Page, percent: float | None = None) -> str:
    """What to tell a person whose picture had to become smaller."""
    share = "down"
    if percent is not None:
        share = f"to {math.floor(percent)}%" if percent >= 10 else f"to {percent:.1f}%"
    return (
        f"{format.upper()} scaled {share} to stay within {page.limit:,} {page.unit}; "
        "SVG has no limit"
    )


def main(arguments: list[str]) -> NoReturn:
    """Arguments: pygraphviz's folder, engine, format, seconds for layout (0: any), and "guess"
    where dot is not to begin what it will not finish in that time.
    """
    folder, engine, format, seconds, *guess = arguments
    _guard(float(seconds))
    picture = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints cannot get into the picture
    sys.path.append(folder)
    from pygraphviz import graphviz

    context = graphviz.gvContextWithBuiltins()  # which knows what a label is that nobody gave
    with _memory() as dot:
        shutil.copyfileobj(sys.stdin.buffer, dot)
        try:
            graph = _parsed(graphviz, dot)
        except ValueError:
            sys.exit("Error: no graph could be read from the DOT")
        if engine == LAYERED or (guess and engine == "dot"):
            engine = _prepare(graphviz, context, graph, dot, engine, float(seconds))
    data = _draw(graphviz, context, graph, engine, format)
    if data is None:
        sys.exit(1)
    picture.write(data)
    picture.close()
    os._exit(0)  # freeing a large graph takes time and helps nobody


def _memory() -> BinaryIO:
    """A file that no name leads to, for Graphviz reads from files alone."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("dot"), "w+b")
    return tempfile.TemporaryFile()


def _parsed(graphviz: Any, dot: BinaryIO) -> Any:
    dot.flush()
    os.lseek(dot.fileno(), 0, os.SEEK_SET)
    return graphviz.agread(dot, None)


def _prepare(
    graphviz: Any, context: Any, graph: Any, dot: BinaryIO, engine: str, seconds: float
) -> str:
    """Choose how to lay the graph out, and do it, unless dot will. Returns the engine to use."""
    if engine == "dot" and graphviz.agnnodes(graph) + graphviz.agnedges(graph) < 100:
        return engine
    positions = _layered()
    given = positions.read(graphviz, graph)
    if engine == "dot":
        expected = positions.seconds_of_dot(given)
        allowed = max(seconds * WORTHWHILE, 0.2)
        if expected <= allowed:
            return engine
        if given.frames and expected <= 4 * allowed:
            for name, value in SHORTER.items():
                if not graphviz.agget(graph, name):
                    graphviz.agsafeset(graph, name, value, b"")
            return engine
        _note(
            f"{len(given.nodes):,} boxes are more than dot lays out in the time it has; drawn with "
            "a plain layered layout, where arrows from one box share a line"
        )
    sizes = positions.measure(graphviz, context, _parsed(graphviz, dot))
    for note in positions.place(graphviz, graph, given, sizes):
        _note(note)
    return "nop2"


def _layered() -> Any:
    """The layered layout, loaded by its path: nothing of ours can be imported here."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), LAYERED)
    spec = spec_from_file_location(
        LAYERED, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec
    assert spec.loader
    sys.modules[LAYERED] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return import_module(f"{LAYERED}.onto_graphviz")


def _guard(seconds: float) -> None:
    """No core file where Graphviz crashes; an end where nobody waits any longer."""
    if os.name == "posix":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        if seconds:
            signal.alarm(math.ceil(seconds) + 5)


def _draw(graphviz: Any, context: Any, graph: Any, engine: str, format: str) -> bytes | None:
    """The picture; None where Graphviz fails, having said why on stderr."""
    page = page_of(format)
    limited = page is not None and _limit_size(graphviz, graph, page)
    if graphviz.gvLayout(context, graph, engine.encode()) != 0:
        return None
    if page:
        width, height = _natural_size(graphviz, graph)
        size = _numbers(graphviz, graph, "size")
        scale = min(1, size[0] / width, size[-1] / height)
        if limited and scale < 1:
            _note(scaled_note(format, page, 100 * scale))
        bare = not page.margin and not _numbers(graphviz, graph, "margin")
        if bare and min(width, height) * scale * page.dpi < 2:
            # Graphviz draws nothing where a side rounds to no pixel at all.
            margin = b"0.02,0" if width < height else b"0,0.02"
            graphviz.agsafeset(graph, b"margin", margin, b"")
    try:
        result = graphviz.gvRenderData(context, graph, format.encode())
    except SystemError:  # how pygraphviz tells that there is no such renderer
        return None
    if isinstance(result, int) or result[0] != 0:
        return None
    if page and not _has_fonts(graphviz, context):
        _note(
            f"no font was found on this machine, so the {format.upper()} has no readable text: "
            "install one (Debian, Ubuntu: fonts-dejavu-core), or draw SVG"
        )
    data: bytes = result[1]
    return data


def _note(text: str) -> None:
    print(f"{NOTE}{text}", file=sys.stderr)


# ---- the size of the picture


def _limit_size(graphviz: Any, graph: Any, page: Page) -> bool:
    """Give the graph a `size` that keeps the picture on its page.

    Graphviz scales down what is larger than `size`, and leaves alone what is smaller.
    Returns whether it is the page that limits it, not a smaller size the graph asks for.
    """
    dpi, *_ = [*_numbers(graphviz, graph, "dpi"), *_numbers(graphviz, graph, "resolution"), 0.0]
    margin = max(_numbers(graphviz, graph, "margin") or [page.margin])
    dpi = dpi if dpi > 0 else page.dpi
    points = 72 * ((page.limit - 1) / dpi - 2 * margin)
    longest = max(math.floor(points), 1) / 72  # Graphviz rounds to whole points
    asked = [side for side in _numbers(graphviz, graph, "size") if side > 0]
    mark = "!" if asked and _text(graphviz, graph, "size").endswith("!") else ""
    size = ",".join(f"{min(side, longest):.4f}" for side in asked or [longest]) + mark
    graphviz.agsafeset(graph, b"size", size.encode(), b"")
    return max(asked, default=longest) >= longest


def _natural_size(graphviz: Any, graph: Any) -> tuple[float, float]:
    """Width and height in inches, before scaling; the graph must be laid out."""
    left, bottom, right, top = _numbers(graphviz, graph, "bb")
    padding = 8  # Graphviz leaves 4 points free on each side
    return (right - left + padding) / 72, (top - bottom + padding) / 72


def _text(graphviz: Any, graph: Any, name: str) -> str:
    return (graphviz.agget(graph, name.encode()) or b"").decode("utf-8", "replace").strip()


def _numbers(graphviz: Any, graph: Any, name: str) -> list[float]:
    """The numbers of an attribute such as "7.5,10!"; none where it holds something else."""
    parts = _text(graphviz, graph, name).rstrip("!").replace(",", " ").split()
    try:
        return [float(part) for part in parts]
    except ValueError:
        return []


# ---- fonts


def _has_fonts(graphviz: Any, context: Any) -> bool:
    """Whether a box with five lines is as high as its text: without a font it is not."""
    probe = graphviz.agraphnew(b"probe", False, True)
    box = graphviz.agnode(probe, b"box", 1)
    values = {"shape": "none", "height": "0", "fontsize": "28", "label": "a\\nb\\nc\\nd\\ne"}
    for name, value in values.items():
        graphviz.agsafeset(box, name.encode(), value.encode(), b"")
    graphviz.gvLayout(context, probe, b"dot")
    _, bottom, _, top = _numbers(graphviz, probe, "bb")
    return top - bottom >= 5 * 20


if __name__ == "__main__":
    main(sys.argv[1:])
