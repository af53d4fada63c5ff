"""`Picture`: a `graphviz.Digraph` that needs no system Graphviz.

Everything a Digraph can do stays as graphviz has it: adding nodes and edges, attributes,
`source`, `save`. What graphviz does by starting `dot` is done by `layout.draw` here. The
arguments, what is written where and what is returned are graphviz's own.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, overload

import graphviz

from graphviz_autograd.emit import layout
from graphviz_autograd.emit.files import write_whole
from graphviz_autograd.emit.options import one_of
from graphviz_autograd.errors import OptionError

StrPath = str | os.PathLike[str]

RENDERERS = ("cairo", "dot", "fig", "gd", "map", "pic", "pov", "ps", "quartz", "svg", "tk", "xdot")
FORMATTERS = ("cairo", "core", "gd", "quartz")


class DrawingWarning(UserWarning):
    """A picture came out otherwise than asked for: scaled down, or with a plain layout."""


class Picture(graphviz.Digraph):  # type: ignore[misc]  # graphviz has no type hints to read
    """A Digraph that draws with the Graphviz that pygraphviz carries.

    `render`, `pipe`, `view` and notebook display take the arguments graphviz gives them.
    They raise OptionError for an unknown engine, format, renderer or formatter, and
    LayoutError or LayoutTimeoutError, which name the file that holds the DOT, where
    Graphviz fails. Where a picture had to be scaled down or laid out more plainly, they
    warn with a DrawingWarning.

    timeout  seconds that layout may take, then a plain one gets as long; None waits for dot
    command  a system `dot` to use instead; else GVA_DOT in the environment names one

    >>> dot = Picture()
    >>> dot.edge("x", "y")
    >>> dot.pipe(format="svg", encoding="utf-8")[:5]
    '<?xml'
    """

    timeout: float | None = 60.0
    command: str | None = None

    source: str
    engine: str
    format: str
    body: list[str]

    def __init__(
        self,
        name: str | None = None,
        comment: str | None = None,
        filename: StrPath | None = None,
        **options: Any,
    ) -> None:
        if name is None and filename is None:
            filename = "Digraph.gv"  # graphviz would name the file after this class
        super().__init__(name, comment=comment, filename=filename, **options)

    def copy(self) -> Picture:
        """An independent copy, with its own timeout and command."""
        other: Picture = super().copy()
        for name in ("timeout", "command"):
            if name in vars(self):
                setattr(other, name, getattr(self, name))
        return other

    def save(
        self,
        filename: StrPath | None = None,
        directory: StrPath | None = None,
        *,
        skip_existing: bool | None = False,
    ) -> str:
        """Write the DOT, whole or not at all, and return its path. Folders are made."""
        if filename is not None:
            self.filename = filename
        if directory is not None:
            self.directory = directory
        path: str = self.filepath
        if not (skip_existing and os.path.exists(path)):
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            write_whole(path, self.source.encode(self.encoding))
        return path

    def render(
        self,
        filename: StrPath | None = None,
        directory: StrPath | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        quiet_view: bool = False,
        *,
        outfile: StrPath | None = None,
        engine: str | None = None,
        raise_if_result_exists: bool = False,
        overwrite_source: bool = False,
    ) -> str:
        """Write the DOT and the picture; return the path of the picture.

        filename   of the DOT; the picture's is this and the format: "loss", "loss.png"
        directory  for both, made where it is missing
        view       open the picture with the desktop's application
        cleanup    delete the DOT when the picture is there
        quiet      give no DrawingWarning
        outfile    name of the picture, when it shall not follow from `filename`

        The rest is as in graphviz.
        """
        if raise_if_result_exists and overwrite_source:
            raise OptionError("overwrite_source and raise_if_result_exists exclude each other")
        target = None if outfile is None else Path(outfile)
        if target:
            format = _format_of(target, format)
            if directory is None:
                target = Path(self.directory, target)
            if filename is None:
                filename = target.with_suffix(".gv")
        parts = self._parts(format, renderer, formatter)

        source = Path(self.directory if directory is None else directory, filename or self.filename)
        target = target or source.with_suffix(".".join([source.suffix, *reversed(parts)]))
        if target.resolve() == source.resolve() and not overwrite_source:
            raise OptionError(
                f"outfile {target.name!r} is the file the DOT goes to: name another, or pass "
                "overwrite_source=True"
            )
        if raise_if_result_exists and target.exists():
            raise graphviz.FileExistsError(f"output file exists: {str(target)!r}")

        source_path = self.save(filename, directory)
        data = self._draw(parts, engine, neato_no_op, quiet, kept=source_path)
        write_whole(target, data)
        if cleanup:
            os.remove(source_path)
        if view or quiet_view:
            _show(target, quiet_view)
        return str(target)

    @overload
    def pipe(
        self,
        format: str | None = ...,
        renderer: str | None = ...,
        formatter: str | None = ...,
        neato_no_op: bool | int | None = ...,
        quiet: bool = ...,
        *,
        engine: str | None = ...,
        encoding: None = ...,
    ) -> bytes: ...

    @overload
    def pipe(
        self,
        format: str | None = ...,
        renderer: str | None = ...,
        formatter: str | None = ...,
        neato_no_op: bool | int | None = ...,
        quiet: bool = ...,
        *,
        engine: str | None = ...,
        encoding: str,
    ) -> str: ...

    def pipe(
        self,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        *,
        engine: str | None = None,
        encoding: str | None = None,
    ) -> bytes | str:
        """The picture as bytes or, given an encoding, as text. Arguments as for `render`."""
        parts = self._parts(format, renderer, formatter)
        data = self._draw(parts, engine, neato_no_op, quiet)
        return data if encoding is None else data.decode(encoding)

    def _parts(self, format: str | None, renderer: str | None, formatter: str | None) -> list[str]:
        """Format, renderer and formatter, as far as they are given, here or to the Picture."""
        format = (format or self.format).lower()
        renderer = renderer or self.renderer
        formatter = formatter or self.formatter
        parts = [one_of("format", format, layout.FORMATS)]
        if renderer is not None:
            parts.append(one_of("renderer", renderer.lower(), RENDERERS))
        if formatter is not None:
            if renderer is None:
                raise graphviz.RequiredArgumentError(
                    f"formatter {formatter!r} needs a renderer as well: "
                    f"one of {', '.join(RENDERERS)}"
                )
            parts.append(one_of("formatter", formatter.lower(), FORMATTERS))
        return parts

    def _draw(
        self,
        parts: list[str],
        engine: str | None,
        neato_no_op: bool | int | None,
        quiet: bool,
        kept: str | None = None,
    ) -> bytes:
        engine = (engine or self.engine).lower()
        if neato_no_op and engine == "neato":
            engine = f"nop{int(neato_no_op)}"
        drawing = layout.draw(
            self.source,
            ":".join(parts),
            engine=engine,
            timeout=self.timeout,
            command=self.command,
            kept=kept,
        )
        for note in () if quiet else drawing.notes:
            warnings.warn(note, DrawingWarning, stacklevel=3)
        return drawing.data


def _format_of(outfile: Path, format: str | None) -> str:
    """The format that a file's suffix tells, or the one given, with graphviz's warnings."""
    suffix = outfile.suffix.lower().removeprefix(".")
    if suffix not in layout.FORMATS:
        if format is None:
            raise OptionError(
                f"outfile {str(outfile)!r} does not end in a format: give format=, or one of the "
                f"suffixes {', '.join(layout.FORMATS)}"
            )
        message = f"unknown outfile suffix {outfile.suffix!r} (expected: '.{format}')"
        warnings.warn(message, graphviz.UnknownSuffixWarning, stacklevel=3)
    elif format is not None and format.lower() != suffix:
        message = f"expected format {suffix!r} from outfile differs from given format: {format!r}"
        warnings.warn(message, graphviz.FormatSuffixMismatchWarning, stacklevel=3)
    return format or suffix


def _show(path: Path, quiet: bool) -> None:
    """Open a picture on the desktop; where there is none, say where the picture is."""
    try:
        graphviz.view(path, quiet=quiet)
    except (OSError, RuntimeError) as error:
        message = f"{path} is written, but nothing here can show it ({error})"
        warnings.warn(message, DrawingWarning, stacklevel=3)
