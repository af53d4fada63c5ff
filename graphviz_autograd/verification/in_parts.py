"""Operators that have no rule, run on the engine as others that have one.

torch's own derivative operators (`tanh_backward`, `native_layer_norm_backward`, ...) stand in
a graph that a backward with create_graph=True has built. The engine never needs them: the
formula of its rule for the forward operator is what they compute. Run on the engine's
tensors, that formula is recorded, and so has derivatives itself, none of them torch's.

May import the engine of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from torch._ops import OpOverload

from graphviz_autograd.engine import RULES
from graphviz_autograd.engine.table import Rule
from graphviz_autograd.errors import UnsupportedOperator

aten = torch.ops.aten
Parts = Callable[..., tuple[Any, ...]]


def in_parts(op: OpOverload) -> Parts | None:
    """What computes an operator's results in parts; None where nothing here does."""
    if op is aten.mkldnn_rnn_layer.default:
        return _rnn_layer
    forward = _forward_of(op)
    rule = None if forward is None or op in RULES else RULES.get(forward)
    if rule is None or rule.kernel:
        return None
    return partial(_derivative, rule, op)


# ---- the derivative of an operator, by the engine's rule for it

_FORWARD: dict[str, OpOverload] = {
    "embedding_dense_backward": aten.embedding.default,
    "log_sigmoid_backward": aten.log_sigmoid_forward.default,
    "nll_loss_backward": aten.nll_loss_forward.default,
    "nll_loss2d_backward": aten.nll_loss2d_forward.default,
    "select_backward": aten.select.int,
    "slice_backward": aten.slice.Tensor,
}
"""Operators whose derivative is not called after them."""


@cache
def _forward_of(op: OpOverload) -> OpOverload | None:
    """The operator whose derivative an operator is."""
    name = op._schema.name.removeprefix("aten::")
    if not name.endswith("_backward"):
        return None
    packet = getattr(aten, name.removesuffix("_backward"), None)
    return _FORWARD.get(name) or getattr(packet, "default", None)


_ALSO_CALLED = {
    "result": ("output",),
    "result1": ("total_weight", "indices"),
    "self": ("self_or_result",),
    "self_sym_sizes": ("input_sizes", "input_size"),
    "training": ("train",),
}
"""What a rule asks for, and how derivative operators may call it."""


def _derivative(rule: Rule, op: OpOverload, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """What a derivative operator gives: the gradients of the rule's first arguments."""
    arguments = op._schema.arguments
    known: dict[str, Any] = {a.name: a.default_value for a in arguments if a.has_default_value()}
    known |= dict(zip([a.name for a in arguments], args, strict=False)) | kwargs
    known["g"] = args[0]
    if any(known.get(form) for form in ("self_is_result", "is_result", "scale_grad_by_freq")):
        raise UnsupportedOperator(f"the derivative of {rule.op} in this form")
    _complete(known)
    wanted = known.get("output_mask") or [True] * len(op._schema.returns)
    found: list[Any] = []
    for (name, vjp), is_wanted in zip(rule.vjps.items(), wanted, strict=False):
        if not is_wanted:
            found.append(None)
            continue
        code = vjp.__code__
        grad = vjp(*[_asked(known, asked) for asked in code.co_varnames[: code.co_argcount]])
        like = known.get(name)
        if like is not None and op is not aten._prelu_kernel_backward.default:  # torch sums later
            grad = grad.sum_to_size(like.shape)
        found.append(_tied(grad.to(known["g"].dtype), known.get("self")))
    return tuple(found)


def _tied(result: Any, given: Any) -> Any:
    """The same result, with zeros for a gradient where the formula does not use what is given.

    So does torch: the second derivative of relu is 0, not none.
    """
    if given is None or given.shape != result.shape:
        return result
    never = torch.zeros((), dtype=torch.bool, device=result.device)
    return torch.where(never, given, result)


def _complete(known: dict[str, Any]) -> None:
    """Arguments of the forward operator that its derivative is given in another form."""
    if "rstd" in known:  # 1/√(variance + eps)
        dims = list(range(-len(known["normalized_shape"]), 0))
        variance = known["input"].detach().var(dims, unbiased=False, keepdim=True)
        known["eps"] = known["rstd"].detach() ** -2 - variance
    if "num_weights" in known:
        known["weight_sym_sizes"] = (known["num_weights"], known["g"].shape[-1])
    if {*known} == {"grad_output", "self", "g"}:  # of adaptive pooling
        known["output_size"] = known["g"].shape[2 - known["g"].ndim :]


def _asked(known: dict[str, Any], name: str) -> Any:
    """The value of a parameter of a rule's function."""
    for other in (name, *_ALSO_CALLED.get(name, ())):
        if other in known:
            return known[other]
    whole = name.removesuffix("_sym_sizes")
    if whole != name and whole in known:
        return known[whole].shape
    raise UnsupportedOperator(f"the rule asks for {name}, which its derivative is not given")


# ---- recurrent layers


def _rnn_layer(
    x: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any,
    b_hh: Any,
    h: Any,
    c: Any,
    reverse: bool,
    batch_sizes: Any,
    mode: int,
    hidden: int,  # noqa: ARG001
    layers: int,  # noqa: ARG001
    has_biases: bool,
    bidirectional: bool,  # noqa: ARG001
    batch_first: bool,  # noqa: ARG001
    train: bool,
) -> tuple[Any, ...]:
    """One layer of an LSTM, which oneDNN has as one operator, by torch's own formula in parts."""
    if mode != 2 or batch_sizes:
        raise UnsupportedOperator("mkldnn_rnn_layer")
    weights = [w_ih, w_hh, b_ih, b_hh] if has_biases else [w_ih, w_hh]
    steps = torch.flip(x, [0]) if reverse else x
    state = (h.reshape(1, *h.shape[-2:]), c.reshape(1, *c.shape[-2:]))
    out, h_n, c_n = torch.lstm(steps, state, weights, has_biases, 1, 0.0, train, False, False)
    out = torch.flip(out, [0]) if reverse else out
    return out, h_n.reshape(h.shape), c_n.reshape(c.shape), None
