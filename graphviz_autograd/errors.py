"""Every error this package raises on purpose.

Each one derives from GraphvizAutogradError, so one `except` catches them all, and
from the built-in it resembles, so code that expects a TypeError or a ValueError
keeps working. `exit_code` is what the `gva` command answers when the error ends it.

This room imports nothing of ours.
"""

from __future__ import annotations


class GraphvizAutogradError(Exception):
    """What every error of this package derives from."""

    exit_code = 2


class InputTypeError(GraphvizAutogradError, TypeError):
    """Something of a kind that cannot be used here: no tensor where one is needed."""


class OptionError(GraphvizAutogradError, ValueError):
    """An option's value is unknown; the message lists the valid ones."""


class NoGraphError(GraphvizAutogradError, ValueError):
    """There is no autograd graph to draw; the message says what was seen."""

    exit_code = 4


class UnsupportedOperator(GraphvizAutogradError, NotImplementedError):  # noqa: N818
    """The engine has no rule for an operator; the message names its overload."""


class GraphFileError(GraphvizAutogradError, ValueError):
    """A file that should hold a saved Graph does not."""


class ScriptError(GraphvizAutogradError, ValueError):
    """A script, module or notebook that cannot be found or read."""


class MissingExtraError(GraphvizAutogradError, ImportError):
    """An optional package is needed; the message says what to install."""


class LayoutError(GraphvizAutogradError, RuntimeError):
    """Graphviz failed to lay the graph out; the message names the kept .dot file."""

    exit_code = 6


class LayoutTimeoutError(LayoutError, TimeoutError):
    """Graphviz did not finish in the time it was given."""
