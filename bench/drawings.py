"""The peers that draw, each asked as its README tells. What they draw is theirs:

torchviz   the autograd graph behind tensors, by graphviz's Digraph
torchview  the modules and functions of a forward that it runs itself, by graphviz's Digraph
TorchLens  the operations of a forward that it runs itself, or of the backward after it, as a file

graphviz's Digraph and TorchLens call `dot`: see `bench.dot`.
"""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import Any

Digraph = Any
"""graphviz has no type hints to read."""


def torchviz(outputs: Any, params: Any = None, **options: Any) -> Digraph:
    return importlib.import_module("torchviz").make_dot(outputs, params, **options)


def torchview(model: Any, *inputs: Any, **options: Any) -> Digraph:
    """It runs the model in eval mode where it is not told another."""
    draw_graph = importlib.import_module("torchview").draw_graph
    return draw_graph(model, input_data=list(inputs), **options).visual_graph


def torchlens(model: Any, *inputs: Any, backward: bool = False, **options: Any) -> str:
    """The SVG of the forward, or of the backward of the sum of what it gives."""
    lens = importlib.import_module("torchlens")
    capture = lens.options.CaptureOptions(save_grads=backward, unwrap_when_done=True)
    log = lens.trace(model, *inputs, capture=capture)
    if backward:
        log.log_backward(log[log.output_layers[0]].out.sum())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "graph")
        draw = log.draw_backward if backward else log.draw
        draw(vis_outpath=str(path), vis_fileformat="svg", vis_save_only=True, **options)
        return path.with_suffix(".svg").read_text(encoding="utf-8")
