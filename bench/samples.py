"""Torch's own samples of its operators, OpInfo, with the gradients that torch finds for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten


def entries(order: int, every: int) -> dict[str, Any]:
    """The entries that torch differentiates in float64, by name; each, or one of so many."""
    from torch.testing._internal.common_methods_invocations import op_db

    found = {
        f"{entry.name}.{entry.variant_test_name}".rstrip("."): entry
        for entry in op_db
        if entry.supports_autograd
        and (order == 1 or entry.supports_gradgrad)
        and torch.float64 in entry.supported_backward_dtypes("cpu")
    }
    return dict(list(found.items())[::every])


@dataclass(frozen=True)
class Case:
    """A sample, with what torch gives for it.

    outputs     how many there are, and
    heads       which of them have a gradient
    cotangents  a random one for each head
    seconds     at order 2, one for the gradient of each leaf
    wanted      the gradients of the leaves, at order 2 the second ones
    """

    sample: Any
    outputs: int
    heads: list[int]
    cotangents: list[torch.Tensor]
    seconds: list[torch.Tensor]
    wanted: list[torch.Tensor]


def cases(entry: Any, order: int) -> Iterator[Case]:
    """The samples that torch has gradients for, and more than nothing in them."""
    torch.manual_seed(0)
    for sample in entry.sample_inputs("cpu", torch.float64, requires_grad=True):
        state = torch.get_rng_state()
        try:
            case = _by_torch(entry, sample, order)
        except Exception:  # some samples are there to be refused
            continue
        finally:
            torch.set_rng_state(state)
        if any(grad.numel() for grad in case.wanted):
            yield case


def _by_torch(entry: Any, sample: Any, order: int) -> Case:
    values, spec = tree_flatten((sample.input, sample.args, sample.kwargs))
    values = [
        value.detach().clone().requires_grad_(value.requires_grad)
        if isinstance(value, torch.Tensor)
        else value
        for value in values
    ]
    leaves = [one for one in values if isinstance(one, torch.Tensor) and one.requires_grad]
    given, args, kwargs = tree_unflatten(values, spec)
    output = sample.output_process_fn_grad(entry.op(given, *args, **kwargs))
    outputs = [one for one in tree_leaves(output) if isinstance(one, torch.Tensor)]
    places = [at for at, one in enumerate(outputs) if one.requires_grad]
    heads = [outputs[at] for at in places]
    cotangents = [torch.randn_like(head) for head in heads]
    grads = _gradients(heads, leaves, cotangents, order == 2)
    case = Case(sample, len(outputs), places, cotangents, [], grads)
    if order == 1:
        return case
    seconds = [torch.randn_like(grad) for grad in grads]
    able = [(grad, one) for grad, one in zip(grads, seconds, strict=True) if grad.requires_grad]
    wanted = [torch.zeros_like(leaf) for leaf in leaves]
    if able:
        firsts, directions = zip(*able, strict=True)
        wanted = _gradients(firsts, leaves, directions, False)
    return replace(case, seconds=seconds, wanted=wanted)


def _gradients(heads: Any, leaves: Any, cotangents: Any, create: bool) -> list[torch.Tensor]:
    found = torch.autograd.grad(heads, leaves, cotangents, allow_unused=True, create_graph=create)
    return [
        torch.zeros_like(leaf) if grad is None else grad
        for leaf, grad in zip(leaves, found, strict=True)
    ]
