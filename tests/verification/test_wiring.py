"""Where gradients go: lost ways, graphs that cannot be gone back through, checkpoints."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import graphviz_autograd as gva
from graphviz_autograd.verification.check import check_graph
from graphviz_autograd.verification.tape import Tape


@pytest.fixture
def x(device: str) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(3, 4, device=device, requires_grad=True)


def checked(program: Any, x: torch.Tensor, **options: Any) -> gva.Report:
    return gva.verify(program, x, devices=[str(x.device)], **options)


def line() -> int:
    """The number of the line that calls this."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


# ---- ways that are no edges


class Linear(torch.autograd.Function):
    """Takes a weight that it was not given."""

    weight: torch.Tensor

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x * Linear.weight

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
        return g * Linear.weight.detach()


@pytest.mark.parametrize("used_elsewhere", [True, False])
def test_a_tensor_that_apply_was_not_given_is_missed(x: torch.Tensor, used_elsewhere: bool) -> None:
    Linear.weight = torch.ones(4, device=x.device, requires_grad=True)
    rest = Linear.weight if used_elsewhere else 0
    report = checked(lambda x: (Linear.apply(x * 2) + rest).sum(), x)
    assert report.first_failure is not None
    assert report.first_failure.name == "LinearBackward"
    assert "a tensor of shape (4,) that requires grad and was not given to apply()" in str(report)


def test_one_that_is_detached_is_not(x: torch.Tensor) -> None:
    Linear.weight = torch.ones(4, device=x.device)
    report = checked(lambda x: Linear.apply(x * 2).sum(), x)
    assert report.complete, report


def test_a_backward_that_writes_gradients_itself_is_left_alone(x: torch.Tensor) -> None:
    """As old reversible layers do; `.grad` stays as it was, and nothing is called wrong."""
    weight = torch.ones(4, device=x.device, requires_grad=True)

    class Reversible(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x)
            return x * weight

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            (x,) = ctx.saved_tensors
            with torch.enable_grad():
                x = x.detach().requires_grad_()
                torch.autograd.backward(x * weight, g)
            assert x.grad is not None
            return x.grad

    report = checked(lambda x: (Reversible.apply(x * 2) + weight).sum(), x)
    assert report.ok is True, report
    assert "opaque: its backward calls backward itself" in str(report)
    assert weight.grad is None


def test_weights_of_a_reentrant_checkpoint_are_not_called_wrong(x: torch.Tensor) -> None:
    """Their gradients go back inside its backward, by no edge."""
    layer = nn.Linear(4, 4).to(x.device)
    report = checked(lambda x: layer(checkpoint(layer, x * 1, use_reentrant=True)).sum(), x)
    assert report.ok is True, report
    assert {leaf.reason for leaf in report.leaves} == {
        "opaque: reentrant checkpoint (at CheckpointFunctionBackward)"
    }


def test_a_backward_that_can_be_called_once_is_not_called_wrong(x: torch.Tensor) -> None:
    """It goes back through a graph that its forward has built, and frees it."""

    class Inner(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            with torch.enable_grad():
                ctx.x = x.detach().requires_grad_()
                ctx.y = ctx.x.exp()
            return ctx.y.detach()  # type: ignore[no-any-return]

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> Any:
            return torch.autograd.grad(ctx.y, ctx.x, g)[0]

    report = checked(lambda x: Inner.apply(x * 2).sum(), x)
    assert report.ok is True, report
    assert report.leaves[0].status == "not checked"


# ---- gradients of gradients through checkpoints


def test_a_checkpoint_is_passed_at_order_2(x: torch.Tensor) -> None:
    layer = nn.Linear(4, 4).to(x.device)

    def block(x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = layer(x).tanh() * x
        return found

    def program(x: torch.Tensor) -> torch.Tensor:
        for _ in range(3):
            x = checkpoint(block, x * 2, use_reentrant=False)
        return x.sum()

    report = checked(program, x, order=2)
    assert report.complete, report


def test_an_order_2_fault_before_a_checkpoint_is_found(x: torch.Tensor) -> None:
    class Constant(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x)
            return x.exp()

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            (x,) = ctx.saved_tensors
            return g * x.detach().exp()

    def program(x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = checkpoint(torch.sin, Constant.apply(x), use_reentrant=False).sum()
        return found

    assert checked(program, x).complete
    report = checked(program, x, order=2)
    assert report.first_failure is not None
    assert report.first_failure.name == "ConstantBackward"
    assert [leaf.found_by for leaf in report.leaves] == ["whole, order 2"]


def test_a_function_in_a_checkpoint_is_named_as_what_stops_it(x: torch.Tensor) -> None:
    """What it kept comes only with running the forward again."""

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            (x,) = ctx.saved_tensors
            return 2 * g * x

    def program(x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = checkpoint(Square.apply, x, use_reentrant=False).sum()
        return found

    report = checked(program, x, order=2)
    assert report.ok is True
    reason = "opaque: a custom Function inside a checkpoint (at SquareBackward)"
    assert [leaf.reason for leaf in report.leaves] == [reason]


# ---- graphs that backward cannot pass


def test_a_freed_graph_is_not_checked_at_all(x: torch.Tensor) -> None:
    with Tape() as tape:
        loss = (x * 2).exp().sum()
    loss.backward()
    report = check_graph(loss, tape)
    assert report.ok is None
    assert report.counts["matched"] == 0
    assert "an earlier backward has freed what it saved: retain_graph=True" in str(report)


def test_what_was_changed_in_place_is_a_failure_at_its_node(x: torch.Tensor) -> None:
    with Tape() as tape:
        y = x.exp()
        loss = y.sum()
        with torch.no_grad():
            changed = line() + 1
            y.add_(1)
    report = check_graph(loss, tape)
    assert report.first_failure is not None
    assert report.first_failure.name == "ExpBackward0"
    assert report.first_failure.reason == (
        f"its saved result was changed by add_ at test_wiring.py:{changed}: "
        'backward raises "... modified by an inplace operation"'
    )
    assert report.ok is False


def test_what_a_function_saved_and_an_optimizer_changed_is_told_with_the_line() -> None:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            (x,) = ctx.saved_tensors
            return 2 * g * x

    w = torch.ones(3, requires_grad=True)
    w.grad = torch.ones(3)
    optimizer = torch.optim.SGD([w], lr=0.1)
    with Tape() as tape:
        loss = Square.apply(w).sum()  # type: ignore[no-untyped-call]
        stepped = line() + 1
        optimizer.step()
    report = check_graph(loss, tape)
    assert report.first_failure is not None
    assert report.first_failure.name == "SquareBackward"
    where = f"what it saved was changed by add_ at test_wiring.py:{stepped}"
    assert report.first_failure.reason.startswith(where)


def test_a_backward_that_fails_on_its_real_gradient_is_a_failure(x: torch.Tensor) -> None:
    """A gradient that was expanded cannot be changed in place."""

    class Changes(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x * 3

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            return g.mul_(3)

    report = checked(lambda x: Changes.apply(x).sum(), x)
    assert report.first_failure is not None
    assert report.first_failure.name == "ChangesBackward"
    assert report.first_failure.found_by == "whole"


def test_what_a_closure_changes_is_not_taken_for_a_fault(x: torch.Tensor) -> None:
    """It runs more than once, and each time changes what the earlier graph has saved."""
    total = torch.zeros_like(x)

    def program() -> torch.Tensor:
        total.add_(x.detach())
        return (x * total).sum()

    report = gva.verify(program, devices=[str(x.device)])
    assert report.complete, report
    assert not total.any()


# ---- how it is called


def test_inputs_by_name(x: torch.Tensor) -> None:
    def program(x: torch.Tensor, *, scale: torch.Tensor, shift: float) -> torch.Tensor:
        return (x * scale).sin().sum() + shift

    scale = torch.ones(4, device=x.device, requires_grad=True)
    report = checked(program, x, kwargs={"scale": scale, "shift": 2.0})
    assert report.complete, report
    assert {leaf.name for leaf in report.leaves} == {"x", "scale"}
    assert scale.grad is None
