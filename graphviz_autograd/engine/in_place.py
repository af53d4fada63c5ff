"""Operators that change their first argument, and where in the graph it stands then."""

from __future__ import annotations

from typing import Any

import torch

from graphviz_autograd.engine import modes, words
from graphviz_autograd.engine.doors import (
    Args,
    Kwargs,
    any_requires_grad,
    edges_by_argument,
    inputs_of,
    keep,
    noted,
    refuse_silent,
    refuse_without_rule,
    run,
)
from graphviz_autograd.engine.node import FIRST_RESULT, NOWHERE, Node, Saved
from graphviz_autograd.engine.table import Known, Rule, RuleNode, leave
from graphviz_autograd.engine.tensors import DIFFERENTIABLE, Tensor
from graphviz_autograd.engine.views import CopySlices
from graphviz_autograd.errors import UnsupportedOperator


def change(known: Known, args: Args, kwargs: Kwargs) -> Any:
    """Run an operator that changes its first argument, and move that Tensor on in the graph.

    Raises RuntimeError, with torch's words, where torch forbids it.
    """
    target: Any = args[0] if args else kwargs.get("self")
    recording = modes.is_grad_enabled() and any_requires_grad((*args, *kwargs.values()))
    if recording and isinstance(target, torch.Tensor) and target.dtype in DIFFERENTIABLE:
        raise UnsupportedOperator(
            f"{known.op} would write a tensor that requires grad into a plain torch tensor, "
            "and its gradient would be lost: make the target an engine tensor"
        )
    if isinstance(target, Tensor) and target._base is not None and modes.is_grad_enabled():
        _refuse_view(target, target._base)
    if not recording or not isinstance(target, Tensor):
        run(known, args, kwargs)
        return target
    base = target if target._base is None else target._base
    if base.is_leaf and base.requires_grad:
        raise RuntimeError(words.LEAF_IN_PLACE if base is target else words.VIEW_OF_LEAF_IN_PLACE)
    rule = known.rule
    if rule is None:
        refuse_without_rule(known, target._data)
        run(known, args, kwargs)
        return target
    values = rule.bound(args, kwargs)
    refuse_silent(rule, values)
    if known.shape_only:
        return _reshaped(known, rule, target, values, args, kwargs)
    edges_of, active = edges_by_argument(rule, values)
    # Arguments are kept as they are before the change, the result as it is after it.
    before = (Tensor(target._data.clone()), *values[1:]) if rule.asks_for_self(active) else values
    edge = base.edge()
    kept = keep(rule, active, edges_of, before, ())
    inputs = inputs_of(rule, edges_of, values)
    run(known, args, kwargs)
    for number, field in enumerate(rule.fields):
        if field.what == "result" and field.users & active:
            kept[number] = Saved(target._data, FIRST_RESULT)
    node: Node = leave(rule, edges_of, kept, inputs, (target._data,))
    if base is not target:
        whole = (noted("self", 0, base),) if edge is NOWHERE else ()
        inputs = whole + tuple(note for note in inputs if note[1])
        node = CopySlices(edge, base._data, target._data, node, inputs)
    base._move((node, 0))
    return target


def _reshaped(
    known: Known, rule: Rule, target: Tensor, values: Args, args: Args, kwargs: Kwargs
) -> Tensor:
    """squeeze_, transpose_ and the like change how a tensor is looked at, not its numbers."""
    edges_of, active = edges_by_argument(rule, values)
    kept = keep(rule, active, edges_of, values, ())
    inputs = inputs_of(rule, edges_of, values)
    run(known, args, kwargs)
    target._edge = (leave(rule, edges_of, kept, inputs, (target._data,)), 0)
    target._requires_grad = False
    return target


def _refuse_view(view: Tensor, base: Tensor) -> None:
    """Of some views, what changes in place could not be told to their base."""
    node = view.grad_fn
    if hasattr(node, "needs_input_grad"):
        name = node.name().removesuffix("Backward")
        raise RuntimeError(words.CUSTOM_VIEW_IN_PLACE.format(view.output_nr, name))
    if isinstance(node, RuleNode) and (node.rule.makes_list or len(node._infos) > 1):
        name = node.name().removesuffix("Backward0")
        raise RuntimeError(words.MULTI_VIEW_IN_PLACE.format(view.output_nr, name))
    if node is None and base.requires_grad:
        raise RuntimeError(words.UNRECORDED_VIEW_IN_PLACE)
