"""Graph -> file: the format follows from the suffix, and a file is written whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from graphviz_autograd.emit import layout
from graphviz_autograd.emit.options import one_of
from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import Graph

if TYPE_CHECKING:
    from graphviz_autograd.emit.dot import Options

FORMATS = ("svg", "png", "pdf", "dot", "gv", "json", "mermaid", "mmd", "graphml", "html")


def save(
    graph: Graph,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    engine: str = "dot",
    timeout: float | None = 60.0,
    command: str | None = None,
    **options: Unpack[Options],
) -> list[str]:
    """Draw a graph into a file.

    path     its suffix tells the format: one of FORMATS; `format` overrides it
    engine, timeout, command  as for `layout.draw`
    options  as for `emit.dot.picture`; JSON and GraphML hold everything and take none

    Returns notes worth telling a person (a picture scaled down, a plain layout), usually
    none. Raises OptionError for an unknown format or option or a path that cannot be
    written, LayoutError where Graphviz fails; then the DOT lies beside `path`, or in a
    temporary file where something lay there already, and the error names it.

    >>> from graphviz_autograd.graph import Node
    >>> save(Graph([Node(0, "output")], [], (0,)), "loss.svgg")
    Traceback (most recent call last):
        ...
    graphviz_autograd.errors.OptionError: loss.svgg: format is one of svg, png, pdf, dot, gv, \
json, mermaid, mmd, graphml, html, not 'svgg'; did you mean 'svg'?
    """
    chosen = format_of(path, format)
    check_writable(path)
    data, notes = render_bytes(
        graph,
        chosen,
        engine=engine,
        timeout=timeout,
        command=command,
        keep=Path(path).with_suffix(".dot"),
        **options,
    )
    write_whole(path, data)
    return notes


def format_of(path: str | os.PathLike[str], format: str | None = None) -> str:
    """The format to write a file in: the one given, or the one its suffix tells.

    >>> format_of("loss.PNG"), format_of("loss.txt", "dot")
    ('png', 'dot')
    """
    if format is not None:
        return one_of("format", format.lower(), FORMATS)
    suffix = Path(path).suffix.lower().removeprefix(".")
    if not suffix:
        raise OptionError(
            f"{os.fspath(path)} has no suffix to tell the format: end it in one of "
            f"{', '.join('.' + name for name in FORMATS)}, or name the format"
        )
    try:
        return one_of("format", suffix, FORMATS)
    except OptionError as error:
        raise OptionError(f"{os.fspath(path)}: {error}") from None


def render_bytes(
    graph: Graph,
    format: str,
    *,
    engine: str = "dot",
    timeout: float | None = 60.0,
    command: str | None = None,
    keep: str | os.PathLike[str] | None = None,
    **options: Unpack[Options],
) -> tuple[bytes, list[str]]:
    """What `save` writes, as bytes, with the notes; `keep` as for `layout.draw`."""
    # dot.py needs digraph.py, which needs `write_whole`: imported up there it would be a ring.
    from graphviz_autograd.emit import dot, graphml, html, json, mermaid, titles

    one_of("format", format, FORMATS)
    for option in options:
        one_of("option", option, dot.Options.__annotations__)
    layout.check(engine, format if format in layout.FORMATS else "svg", timeout)
    if format == "json":
        return json.dumps(graph).encode(), []
    if format == "graphml":
        return graphml.text(graph).encode(), []
    if format == "html":
        return html.page(graph, **options).encode(), []
    if format in ("mermaid", "mmd"):
        text, notes = mermaid.flowchart(graph, **options)
        return text.encode(), notes
    text = dot.source(graph, **options)
    if format in ("dot", "gv"):
        return text.encode(), []
    drawing = layout.draw(text, format, engine=engine, timeout=timeout, command=command, keep=keep)
    if format == "svg":
        svg = titles.titled(drawing.data.decode(), graph)
        return svg.encode(), list(drawing.notes)
    return drawing.data, list(drawing.notes)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Find out, before any work is done, that a file cannot be written.

    Raises OptionError where the folder is missing or read-only, or the path is a folder
    or a read-only file.
    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if os.path.isdir(target):
        problem = "it is a folder; name a file in it"
    elif not os.path.isdir(folder):
        problem = f"the folder {folder} does not exist; make it first"
    elif os.path.exists(target) and not os.access(target, os.W_OK):
        problem = "it may not be written"
    elif not os.path.exists(target) and not os.access(folder, os.W_OK):
        problem = f"the folder {folder} may not be written"
    else:
        return
    raise OptionError(f"cannot write {os.fspath(path)}: {problem}")


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that it is never seen half written.

    The data goes into a new file in the same folder, which then takes the place of the
    old one and its permissions. A link is followed; what is no ordinary file (/dev/stdout,
    a named pipe) is written to as it is. Raises OptionError where the path cannot be
    written, and leaves nothing behind then.
    """
    check_writable(path)
    target = os.path.realpath(path)
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            with open(target, "wb") as file:
                file.write(data)
        else:
            _replace(target, data)
    except OSError as error:
        raise OptionError(f"cannot write {os.fspath(path)}: {error.strerror}") from error


def _replace(target: str, data: bytes) -> None:
    fresh = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}.tmp")
    try:
        with open(fresh, "xb") as file:
            file.write(data)
        with suppress(FileNotFoundError):
            os.chmod(fresh, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(fresh, target)
    except BaseException:
        with suppress(OSError):
            os.remove(fresh)
        raise
