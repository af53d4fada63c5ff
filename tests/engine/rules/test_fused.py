"""Operators that a GPU has in place of several have the gradients of those several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from graphviz_autograd import engine
from graphviz_autograd.errors import UnsupportedOperator

aten = torch.ops.aten


def assert_same(fused: Callable[..., Any], several: Callable[..., Any], *shapes: Any) -> None:
    """Values and gradients of an operator on the engine, and of what it stands for on torch."""
    torch.manual_seed(0)
    data = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    ours = [engine.Tensor(x.clone(), True) for x in data]
    theirs = [x.clone().requires_grad_() for x in data]
    torch.manual_seed(1)
    found = fused(*ours)
    torch.manual_seed(1)
    wanted = several(*theirs)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one.data, other.detach())
    slopes = [torch.randn_like(one.data) for one in found]
    engine.autograd.backward(found, slopes)
    torch.autograd.backward(wanted, slopes)
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad.data, its.grad)


def test_a_fused_lstm_cell_is_the_cell() -> None:
    def several(x: Any, hx: Any, cx: Any, w: Any, u: Any, a: Any, b: Any) -> Any:
        return torch.lstm_cell(x, (hx, cx), w, u, a, b)

    def fused(x: Any, hx: Any, cx: Any, w: Any, u: Any, a: Any, b: Any) -> Any:
        return aten._thnn_fused_lstm_cell.default(x @ w.mT, hx @ u.mT, cx, a, b)[:2]

    assert_same(fused, several, (2, 3), (2, 4), (2, 4), (16, 3), (16, 4), (16,), (16,))


def test_a_fused_gru_cell_is_the_cell() -> None:
    def several(x: Any, hx: Any, w: Any, u: Any, a: Any, b: Any) -> Any:
        return (torch.gru_cell(x, hx, w, u, a, b),)

    def fused(x: Any, hx: Any, w: Any, u: Any, a: Any, b: Any) -> Any:
        return aten._thnn_fused_gru_cell.default(x @ w.mT, hx @ u.mT, hx, a, b)[:1]

    assert_same(fused, several, (2, 3), (2, 4), (12, 3), (12, 4), (12,), (12,))


def test_cudnns_sampling_is_bilinear_sampling() -> None:
    assert_same(
        lambda image, grid: (aten.cudnn_grid_sampler.default(image, grid.tanh()),),
        lambda image, grid: (F.grid_sample(image, grid.tanh(), align_corners=True),),
        (1, 2, 4, 5),
        (1, 3, 3, 2),
    )


ATTENTIONS: dict[str, Callable[..., Any]] = {
    "flash": lambda q, k, v, bias, p, causal: aten._scaled_dot_product_flash_attention.default(
        q, k, v, p, causal
    ),
    "efficient": lambda q, k, v, bias, p, causal: (
        aten._scaled_dot_product_efficient_attention.default(q, k, v, bias, True, p, causal)
    ),
    "cuDNN": lambda q, k, v, bias, p, causal: aten._scaled_dot_product_cudnn_attention.default(
        q, k, v, bias, True, p, causal
    ),
}
HEADS = [(2, 4, 5, 3), (2, 4, 6, 3), (2, 4, 6, 3)]


@pytest.fixture
def on_the_cpu() -> Iterator[None]:
    """The fused operators that only a GPU has, computed by torch's own several."""
    library = torch.library.Library("aten", "IMPL")

    def attention(q: Any, k: Any, v: Any, bias: Any, causal: bool, scale: Any) -> Any:
        math = aten._scaled_dot_product_attention_math.default
        return math(q, k, v, bias, 0.0, causal, scale=scale)[0]

    none = torch.empty(0)
    many = [none] * 3 + [0, 0] + [none] * 3

    def flash(
        q: Any, k: Any, v: Any, p: Any = 0.0, causal: bool = False, *, scale: Any = None
    ) -> Any:
        return attention(q, k, v, None, causal, scale), *many

    def efficient(
        q: Any,
        k: Any,
        v: Any,
        bias: Any,
        _: bool,
        p: Any = 0,
        causal: bool = False,
        scale: Any = None,
    ) -> Any:
        return attention(q, k, v, bias, causal, scale), none, none, none

    def cudnn(
        q: Any,
        k: Any,
        v: Any,
        bias: Any,
        _: bool,
        p: Any = 0,
        causal: bool = False,
        scale: Any = None,
    ) -> Any:
        return attention(q, k, v, bias, causal, scale), *many

    for kernel in (flash, efficient, cudnn):
        library.impl(f"_scaled_dot_product_{kernel.__name__}_attention", kernel, "CPU")
    yield
    library._destroy()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("name", ATTENTIONS)
def test_fused_attention_has_the_gradients_of_attention(
    name: str, causal: bool, on_the_cpu: None
) -> None:
    def several(q: Any, k: Any, v: Any, *bias: Any) -> Any:
        below = torch.ones(5, 6, dtype=torch.float64).tril().log() if causal else 0
        return (F.scaled_dot_product_attention(q, k, v, sum(bias) + below * torch.ones(5, 6)),)

    def fused(q: Any, k: Any, v: Any, *bias: Any) -> Any:
        return ATTENTIONS[name](q, k, v, bias[0] if bias else None, 0.0, causal)[:1]

    bias = [] if causal or name == "flash" else [(2, 4, 5, 6)]
    assert_same(fused, several, *HEADS, *bias)


@pytest.mark.parametrize("name", ATTENTIONS)
def test_fused_attention_with_dropout_or_shared_heads_is_taken_apart(name: str) -> None:
    def several(q: Any, k: Any, v: Any) -> Any:
        shared = q.shape[1] != k.shape[1]
        return (F.scaled_dot_product_attention(q, k, v, None, p, enable_gqa=shared),)

    for p, heads in ((0.4, HEADS), (0.0, [(2, 4, 5, 3), (2, 2, 6, 3), (2, 2, 6, 3)])):
        assert_same(lambda *x, p=p: ATTENTIONS[name](*x, None, p, False)[:1], several, *heads)


def test_a_rule_for_fused_attention_that_meets_dropout_refuses() -> None:
    op = aten._scaled_dot_product_flash_attention.default
    q = k = v = torch.ones(1, 1, 2, 2)
    with pytest.raises(UnsupportedOperator, match="nothing of its dropout"):
        engine.RULES[op].vjps["query"](q, q, k, v, 0.5, False, None)
