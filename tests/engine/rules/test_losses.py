"""Losses of several steps: CTC, and a linear layer with its cross entropy in one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from graphviz_autograd import engine
from graphviz_autograd.errors import UnsupportedOperator


def assert_torchs_gradients(loss: Any, *inputs: torch.Tensor) -> None:
    ours = [engine.Tensor(data, True) for data in inputs]
    theirs = [data.clone().requires_grad_() for data in inputs]
    found, expected = loss(*ours), loss(*theirs)
    slope = torch.rand(expected.shape, dtype=expected.dtype).to(expected.device)
    found.backward(slope)
    expected.backward(slope)
    torch.testing.assert_close(found.data, expected.detach())
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad.data, its.grad, equal_nan=True)


TARGETS = torch.tensor([[1, 1, 2], [3, 4, 1], [2, 9, 9], [9, 9, 9]])  # 9 stands for nothing
LENGTHS = torch.tensor([3, 3, 1, 0])
TIMES = torch.tensor([8, 3, 1, 5])


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("blank", [0, 5])
@pytest.mark.parametrize("written", ["padded", "one behind the other", "as lists"])
def test_the_ctc_loss_has_torchs_gradient(
    written: str, blank: int, reduction: str, device: str
) -> None:
    """Repeated labels, no labels at all, times that are past the end."""
    torch.manual_seed(0)
    targets, times, lengths = TARGETS, TIMES, LENGTHS
    if written == "one behind the other":
        targets = torch.cat([row[:n] for row, n in zip(TARGETS, LENGTHS, strict=True)])
    if written == "as lists":
        times, lengths = TIMES.tolist(), LENGTHS.tolist()

    targets = targets.to(device)

    def loss(x: Any) -> Any:
        return F.ctc_loss(
            torch.log_softmax(x, -1), targets, times, lengths, blank=blank, reduction=reduction
        )

    assert_torchs_gradients(loss, torch.randn(8, 4, 6, dtype=torch.float64).to(device))


@pytest.mark.parametrize("zero_infinity", [False, True])
def test_where_the_targets_cannot_fit_the_ctc_loss_is_infinite(
    zero_infinity: bool, device: str
) -> None:
    lengths, times, targets = torch.tensor([3, 1]), torch.tensor([2, 2]), TARGETS[:2].to(device)

    def loss(x: Any) -> Any:
        options = {"zero_infinity": zero_infinity, "reduction": "none"}
        return F.ctc_loss(torch.log_softmax(x, -1), targets, times, lengths, **options)

    assert_torchs_gradients(loss, torch.randn(2, 2, 5, dtype=torch.float64).to(device))


def test_the_ctc_loss_agrees_with_finite_differences() -> None:
    torch.manual_seed(0)
    data = torch.randn(8, 4, 6, dtype=torch.float64)

    def loss(x: Any) -> Any:
        return F.ctc_loss(torch.log_softmax(x, -1), TARGETS, TIMES.clamp(min=4), LENGTHS)

    x, step = engine.Tensor(data, True), torch.randn_like(data)
    loss(x).backward()
    difference = (loss(data + 1e-6 * step) - loss(data - 1e-6 * step)) / 2e-6
    torch.testing.assert_close((x.grad.data * step).sum(), difference, rtol=1e-6, atol=1e-7)


def test_the_second_derivative_of_the_ctc_loss_is_refused_and_not_wrong() -> None:
    x = engine.randn(8, 4, 6, requires_grad=True)
    loss = F.ctc_loss(torch.log_softmax(x, -1), TARGETS, TIMES, LENGTHS)
    with pytest.raises(UnsupportedOperator, match="second derivatives of the CTC loss"):
        engine.autograd.grad(loss, x, create_graph=True)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_linear_layer_and_its_cross_entropy_in_chunks(
    reduction: str, weighted: bool, device: str
) -> None:
    options = pytest.importorskip("torch.nn.modules.linear_cross_entropy_options")
    torch.manual_seed(0)
    target = torch.tensor([1, 4, -100, 0, 2], device=device)
    classes = torch.rand(6, dtype=torch.float64, device=device) if weighted else None

    def loss(x: Any, weight: Any, bias: Any) -> Any:
        return F.linear_cross_entropy(
            x,
            weight,
            target,
            linear_bias=bias,
            weight=classes,
            reduction=reduction,
            options=options.LinearCrossEntropyOptions(batch_chunk_size=2),
        )

    shapes = [(5, 3), (6, 3), (6,)]
    assert_torchs_gradients(loss, *(torch.randn(s, dtype=torch.float64).to(device) for s in shapes))


def test_its_second_derivative_is_that_of_the_two_one_after_the_other() -> None:
    """torch's is wrong in silence: it takes the first derivative for a constant."""
    options = pytest.importorskip("torch.nn.modules.linear_cross_entropy_options")
    torch.manual_seed(0)
    target = torch.tensor([1, 4, 0, 2])
    x, weight = (torch.randn(n, 3, dtype=torch.float64) for n in (4, 6))
    found = []
    for chunked in (options.LinearCrossEntropyOptions(batch_chunk_size=2), None):
        leaves = [engine.Tensor(data, True) for data in (x, weight)]
        loss = F.linear_cross_entropy(*leaves, target, options=chunked)
        first = engine.autograd.grad(loss, leaves, create_graph=True)
        second = engine.autograd.grad(sum((g * g).sum() for g in first), leaves)
        found.append([grad.data for grad in second])
    torch.testing.assert_close(*found)
