"""See, understand and check the graph that PyTorch's autograd built.

    import graphviz_autograd as gva
    gva.make_dot(loss, params=model).render("loss", format="svg")

The public names are loaded when first used, so importing this package is quick and
needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphviz_autograd import engine as engine
    from graphviz_autograd.api import make_dot
    from graphviz_autograd.errors import GraphvizAutogradError
    from graphviz_autograd.graph import Edge, Graph, ModuleCall, Node, TensorInfo
    from graphviz_autograd.recorder import record
    from graphviz_autograd.verification.check import verify
    from graphviz_autograd.verification.report import Report
    from graphviz_autograd.walker import walk

__version__ = "0.1.0"

_HOMES = {
    "make_dot": "api",
    "walk": "walker",
    "Graph": "graph",
    "Node": "graph",
    "Edge": "graph",
    "TensorInfo": "graph",
    "ModuleCall": "graph",
    "record": "recorder",
    "verify": "verification.check",
    "Report": "verification.report",
    "GraphvizAutogradError": "errors",
}

__all__ = [
    "Edge",
    "Graph",
    "GraphvizAutogradError",
    "ModuleCall",
    "Node",
    "Report",
    "TensorInfo",
    "make_dot",
    "record",
    "verify",
    "walk",
]


def __getattr__(name: str) -> Any:
    if name == "engine":  # a room that is used whole
        return import_module(f"{__name__}.engine")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "engine"})
