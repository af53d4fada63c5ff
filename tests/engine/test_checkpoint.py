"""checkpoint keeps nothing of forward, and gives the same gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch as plain_torch

from graphviz_autograd import engine
from graphviz_autograd.engine.checkpoint import checkpoint

Tensor = engine.Tensor


def wave(x: Tensor, w: Tensor) -> Any:
    return (x * w).sin().exp() * x


def pair(device: str = "cpu") -> tuple[Tensor, Tensor]:
    return (
        engine.linspace(0, 1, 4, device=device, requires_grad=True),
        engine.linspace(1, 2, 4, device=device, requires_grad=True),
    )


def copy_of_generator(device: str) -> plain_torch.Generator:
    """One that will draw what torch's own on that device would draw next."""
    current = plain_torch.cuda.get_rng_state() if device == "cuda" else plain_torch.get_rng_state()
    generator = plain_torch.Generator(device)
    generator.set_state(current)
    return generator


def test_gradients_of_a_checkpointed_function_are_the_same(device: str) -> None:
    x, w = pair(device)
    expected = engine.autograd.grad(wave(x, w).sum(), (x, w))
    found = engine.autograd.grad(checkpoint(wave, x, w).sum(), (x, w))
    assert [g.tolist() for g in found] == [g.tolist() for g in expected]


def test_what_the_function_closes_over_gets_its_gradient_too(device: str) -> None:
    x, w = pair(device)
    checkpoint(lambda t: wave(t, w), x, use_reentrant=False).sum().backward()
    expected = engine.autograd.grad(wave(x, w).sum(), (x, w))
    assert x.grad.tolist() == expected[0].tolist()
    assert w.grad.tolist() == expected[1].tolist()


def test_the_function_runs_once_more_in_backward_and_not_before() -> None:
    runs = []

    def counted(x: Tensor) -> Any:
        runs.append(engine.is_grad_enabled())
        return x.sin().cos()

    y = checkpoint(counted, pair()[0])
    assert runs == [True]
    y.sum().backward(retain_graph=True)
    assert runs == [True, True]
    y.sum().backward()
    assert runs == [True, True, True]


def test_nothing_is_kept_between_forward_and_backward() -> None:
    y = checkpoint(lambda x: x.sin().cos(), pair()[0])
    assert not isinstance(y.grad_fn._raw_saved_self.data, plain_torch.Tensor)


def test_checkpoints_nest(device: str) -> None:
    x, w = pair(device)

    def outer(x: Tensor) -> Any:
        return checkpoint(wave, x.exp(), w).cos()

    expected = engine.autograd.grad(wave(x.exp(), w).cos().sum(), (x, w))
    found = engine.autograd.grad(checkpoint(outer, x).sum(), (x, w))
    assert [g.tolist() for g in found] == [g.tolist() for g in expected]


def test_second_derivatives_go_through_a_checkpoint(device: str) -> None:
    x, w = pair(device)

    def slopes(y: Any) -> list[Any]:
        (first,) = engine.autograd.grad(y.sum(), x, create_graph=True)
        return [g.tolist() for g in engine.autograd.grad(first.sum(), (x, w))]

    assert slopes(checkpoint(wave, x, w)) == slopes(wave(x, w))


def test_random_numbers_are_the_same_the_second_time(device: str) -> None:
    def noisy(x: Tensor) -> Any:
        return (x * engine.rand(4, device=device)).exp()

    x, _ = pair(device)
    engine.manual_seed(5)
    (expected,) = engine.autograd.grad(noisy(x).sum(), x)
    engine.manual_seed(5)
    y = checkpoint(noisy, x)
    after = copy_of_generator(device)
    (found,) = engine.autograd.grad(y.sum(), x)
    assert found.tolist() == expected.tolist()
    assert plain_torch.rand(1, device=device) == plain_torch.rand(1, device=device, generator=after)


def test_a_function_that_does_something_else_the_second_time_is_an_error() -> None:
    calls = iter((1, 3))

    def moody(x: Tensor) -> Any:
        for _ in range(next(calls)):
            x = x.sin()
        return x

    y = checkpoint(moody, pair()[0])
    with pytest.raises(RuntimeError, match="saved 1 tensors for backward, and 3 when it ran again"):
        y.sum().backward()


def test_an_input_changed_in_between_is_an_error() -> None:
    x = pair()[0] * 1
    y = checkpoint(lambda t: t.sin(), x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_saved_tensors_can_be_packed_and_unpacked() -> None:
    x, w = pair()
    kept: list[Any] = []

    def pack(tensor: plain_torch.Tensor) -> int:
        kept.append(tensor.clone())
        return len(kept) - 1

    with engine.autograd.graph.saved_tensors_hooks(pack, lambda number: kept[number]):
        y = x * w
    y.sum().backward()
    assert len(kept) == 2
    assert x.grad.tolist() == w.tolist()
