"""Operators that change their first argument, and where in the graph it stands then."""

from __future__ import annotations

from typing import Any

import torch
from torch._ops import OpOverload

from graphviz_autograd.engine import modes
from graphviz_autograd.engine.doors import (
    Args,
    Kwargs,
    checked,
    differentiable,
    edges_by_argument,
    kept,
    refuse_unknown,
    run,
)
from graphviz_autograd.engine.node import NOWHERE, Node, Saved
from graphviz_autograd.engine.table import Known, Rule
from graphviz_autograd.engine.tensors import Tensor
from graphviz_autograd.engine.views import CopySlices
from graphviz_autograd.errors import UnsupportedOperator

LEAF_IN_PLACE = "a leaf Variable that requires grad is being used in an in-place operation."


VIEW_OF_LEAF_IN_PLACE = (
    "a view of a leaf Variable that requires grad is being used in an in-place operation."
)

MULTI_VIEW_IN_PLACE = (
    "Output {} of {} is a view and is being modified inplace. This view is the output of a "
    "function that returns multiple views. Such functions do not allow the output views to be "
    "modified inplace. You should replace the inplace operation by an out-of-place one."
)

CUSTOM_VIEW_IN_PLACE = (
    "Output {} of {} is a view and is being modified inplace. This view was created inside a "
    "custom Function (or because an input was returned as-is) and the autograd logic to handle "
    "view+inplace would override the custom backward associated with the custom Function, "
    "leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning the "
    "output of the custom Function."
)

UNRECORDED_VIEW_IN_PLACE = (
    "A view was created in no_grad mode and is being modified inplace with grad mode enabled. "
    "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify "
    "your code by moving both the view and the inplace either both inside the no_grad block (if "
    "you don't want the inplace to be tracked) or both outside (if you want the inplace to be "
    "tracked)."
)


def change(op: OpOverload, known: Known, args: Args, kwargs: Kwargs, recording: bool) -> Any:
    """Run an operator that changes its first argument, and move that Tensor on in the graph.

    Raises RuntimeError, with torch's words, where torch forbids it.
    """
    target: Any = args[0] if args else kwargs.get("self")
    if recording and isinstance(target, torch.Tensor) and differentiable(target):
        raise UnsupportedOperator(
            f"{op} would write a tensor that requires grad into a plain torch tensor, "
            "and its gradient would be lost: make the target an engine tensor"
        )
    if isinstance(target, Tensor) and target._base is not None and modes.is_grad_enabled():
        _refuse_view(target, target._base)
    if not recording or not isinstance(target, Tensor):
        run(op, args, kwargs)
        return target
    base = target if target._base is None else target._base
    if base.is_leaf and base.requires_grad:
        raise RuntimeError(LEAF_IN_PLACE if base is target else VIEW_OF_LEAF_IN_PLACE)
    rule = checked(op, known.rule)
    refuse_unknown(op, rule, args, kwargs)
    if known.shape_only:
        return _reshaped(op, rule, target, args, kwargs)
    edges_of = edges_by_argument(rule, args, kwargs)
    before = Saved(target._data.clone(), target.edge()) if _asks_for_self(rule, edges_of) else None
    edge = base.edge()
    keeps = kept(rule, edges_of, args, kwargs, (target._data,))
    run(op, args, kwargs)
    if "result" in keeps:
        keeps["result"]._version = target._data._version
    if before is not None:
        keeps["self"] = before
    node: Node = rule.node(edges_of, (target._data,), keeps)
    if base is not target:
        node = CopySlices(edge, base._data, target._data, node)
    base._move((node, 0))
    return target


def _reshaped(op: OpOverload, rule: Rule, target: Tensor, args: Args, kwargs: Kwargs) -> Tensor:
    """squeeze_, transpose_ and the like change how a tensor is looked at, not its numbers."""
    edges_of = edges_by_argument(rule, args, kwargs)
    keeps = kept(rule, edges_of, args, kwargs, ())
    run(op, args, kwargs)
    target._edge = (rule.node(edges_of, (target._data,), keeps), 0)
    target._requires_grad = False
    return target


def _refuse_view(view: Tensor, base: Tensor) -> None:
    """Of some views, what changes in place could not be told to their base."""
    node = view.grad_fn
    if hasattr(node, "needs_input_grad"):
        name = node.name().removesuffix("Backward")
        raise RuntimeError(CUSTOM_VIEW_IN_PLACE.format(view.output_nr, name))
    if node is not None and len(node._infos) > 1:
        name = node.name().removesuffix("Backward0")
        raise RuntimeError(MULTI_VIEW_IN_PLACE.format(view.output_nr, name))
    if node is None and base.requires_grad:
        raise RuntimeError(UNRECORDED_VIEW_IN_PLACE)


def _asks_for_self(rule: Rule, edges_of: dict[str, Any]) -> bool:
    return any(
        "self" in rule.needs[argument] for argument, edges in edges_of.items() if edges != NOWHERE
    )
