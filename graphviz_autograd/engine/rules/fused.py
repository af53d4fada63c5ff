"""Operators that a GPU has in place of several: taken apart into those that have rules."""

from __future__ import annotations

from typing import Any

import torch

from graphviz_autograd.engine.rules.elementwise import finer
from graphviz_autograd.engine.table import taken_apart

aten = torch.ops.aten


def _plus(x: Any, y: Any) -> Any:
    return finer(x) if y is None else finer(x) + finer(y)


@taken_apart(aten._thnn_fused_lstm_cell.default)
def _lstm_cell(
    input_gates: Any, hidden_gates: Any, cx: Any, input_bias: Any = None, hidden_bias: Any = None
) -> Any:
    gates = _plus(input_gates, input_bias) + _plus(hidden_gates, hidden_bias)
    take, forget, cell, give = gates.chunk(4, -1)
    cy = forget.sigmoid() * cx + take.sigmoid() * cell.tanh()
    hy = give.sigmoid() * cy.tanh()
    return hy.to(cx.dtype), cy.to(cx.dtype), gates.detach()


@taken_apart(aten._thnn_fused_gru_cell.default)
def _gru_cell(
    input_gates: Any, hidden_gates: Any, hx: Any, input_bias: Any = None, hidden_bias: Any = None
) -> Any:
    given = _plus(input_gates, input_bias)
    reset, update, new = given.chunk(3, -1)
    hidden_reset, hidden_update, hidden_new = _plus(hidden_gates, hidden_bias).chunk(3, -1)
    new = (new + (reset + hidden_reset).sigmoid() * hidden_new).tanh()
    update = (update + hidden_update).sigmoid()
    return ((hx - new) * update + new).to(hx.dtype), given.detach()


@taken_apart(aten.cudnn_grid_sampler.default)
def _grid_sampler(input: Any, grid: Any) -> Any:
    return aten.grid_sampler_2d.default(input, grid, 0, 0, True)


@taken_apart(aten._use_cudnn_ctc_loss.default)
@taken_apart(aten._use_cudnn_ctc_loss.Tensor)
def _no_cudnn(*_: Any) -> bool:
    """So the loss arrives as the operator that has a rule."""
    return False
