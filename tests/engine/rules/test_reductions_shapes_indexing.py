"""Reductions, shapes and indexing: gradients as torch's, to second order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch

from graphviz_autograd import engine
from graphviz_autograd.errors import UnsupportedOperator

INDEX = torch.tensor([[0, 2, 2, 1], [1, 1, 0, 0]])
MASK = torch.tensor([[True, False, True, False]])

PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "sum over a dimension": lambda x: x.sum(1),
    "mean, dimension kept": lambda x: x.mean(-1, keepdim=True),
    "standard deviation": lambda x: x.std(0),
    "variance and mean": lambda x: x.var(1) + x.mean(1),
    "product": lambda x: x.prod(),
    "product over a dimension with zeros": lambda x: (x * MASK.to(x.device)).prod(1),
    "running product with zeros": lambda x: (x * MASK.to(x.device)).cumprod(1),
    "running logarithm of a sum": lambda x: x.logcumsumexp(1),
    "largest, shared among equals": lambda x: (x * MASK.to(x.device)).amax(1),
    "largest of all": lambda x: x.max(),
    "median and where it is": lambda x: x.median(0).values,
    "sorted": lambda x: x.sort(1, descending=True).values,
    "quantile": lambda x: x.quantile(0.3, dim=0),
    "norm": lambda x: x.norm(),
    "norm of zeros": lambda x: (x * 0).norm(dim=1),
    "norm of order 3": lambda x: x.norm(3, dim=0),
    "slice with a step": lambda x: x[:, 1::2],
    "unused piece of a split": lambda x: x.split(3, dim=1)[1],
    "unbind": lambda x: x.unbind(1)[2],
    "windows that overlap": lambda x: x.unfold(1, 3, 1),
    "strided view that overlaps": lambda x: x.as_strided((3, 3), (2, 1)),
    "repeat": lambda x: x.repeat(2, 1, 3),
    "cat with an empty one": lambda x: engine_or_torch(x).cat([x, x.new_zeros(0), x * x], 0),
    "reflection pad": lambda x: torch.nn.functional.pad(x, (2, 1), mode="reflect"),
    "squeezed in place": lambda x: (x[:, None] * 2).squeeze_(1),
    "index with repeats": lambda x: x[torch.tensor([1, 0, 1]), torch.tensor([3, 3, 3])],
    "gather": lambda x: x.gather(0, INDEX.to(x.device).clamp(max=1)),
    "scatter": lambda x: x.scatter(1, INDEX.to(x.device).sort(1).indices, x * x),
    "masked select": lambda x: x.masked_select(MASK.to(x.device)),
    "masked scatter": lambda x: x.masked_scatter(MASK.to(x.device), x * x),
    "windows added up": lambda x: torch.ops.aten.unfold_backward(
        x.unfold(1, 3, 1) ** 2, [2, 4], 1, 3, 1
    ),
    "scatter_reduce, product": lambda x: x.scatter_reduce(
        1, INDEX.to(x.device), x * MASK.to(x.device), "prod"
    ),
    "scatter_reduce, largest": lambda x: (x * 0).scatter_reduce(
        1, INDEX.to(x.device), x * MASK.to(x.device), "amax"
    ),
}


def engine_or_torch(x: Any) -> Any:
    return torch if isinstance(x, torch.Tensor) else engine


def gradients(kit: Any, program: Callable[[Any], Any], device: str) -> list[torch.Tensor]:
    torch.manual_seed(3)
    x = kit.randn(2, 4, dtype=torch.float64, device=device, requires_grad=True)
    y = program(x)
    c = kit.randn(tuple(y.shape), dtype=torch.float64, device=device, requires_grad=True)
    (first,) = kit.autograd.grad(y, x, c, create_graph=True)
    second = kit.autograd.grad((first * first).sum(), (x, c), allow_unused=True)
    found = [y.detach(), first.detach(), *second]
    return [getattr(t, "data", t) for t in found]


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_torchs_to_second_order(name: str, device: str) -> None:
    want, got = (gradients(kit, PROGRAMS[name], device) for kit in (torch, engine))
    for ours, theirs in zip(got, want, strict=True):
        zero = torch.zeros(
            (), device=device
        )  # None where nothing depends on it, or zeros: both are said
        torch.testing.assert_close(
            *torch.broadcast_tensors(*(zero.double() if t is None else t for t in (ours, theirs))),
            equal_nan=True,
        )


@pytest.mark.parametrize(
    "operator", ["squeeze_", "t_", "sum", "max", "prod", "median", "cummax", "sort", "flatten"]
)
def test_nodes_are_named_as_torchs(operator: Any) -> None:
    def name(kit: Any) -> Any:
        x = kit.ones(2, 3, requires_grad=True) * 1
        out = getattr(x, operator)(*((0,) if operator == "cummax" else ()))
        return (out[0] if isinstance(out, tuple) else out).grad_fn.name()

    assert name(engine) == name(torch)


def test_zeros_like_and_new_zeros_need_no_gradient() -> None:
    x = engine.ones(2, requires_grad=True) * 2
    assert not engine.zeros_like(x).requires_grad
    assert not x.new_zeros(3).requires_grad


def test_as_strided_of_numbers_that_share_memory_is_refused() -> None:
    x = engine.ones(1, requires_grad=True) * 2
    y = x.expand(3).as_strided((3,), (0,))
    with pytest.raises(UnsupportedOperator, match="share memory"):
        y.sum().backward()


def test_as_strided_scatter_keeps_the_gradient_of_what_was_not_replaced() -> None:
    x = engine.ones(2, 3, requires_grad=True)
    engine.as_strided_scatter(x, engine.zeros(2), (2,), (1,)).sum().backward()
    assert x.grad.tolist() == [[0, 0, 1], [1, 1, 1]]  # torch 2.13 says 1 1 0, 0 0 0


def test_the_ends_of_src_that_scatter_leaves_out_get_no_gradient() -> None:
    x = engine.ones(2, 4, requires_grad=True)
    engine.zeros(2, 4).scatter(1, torch.tensor([[0, 2], [1, 3]]), x).sum().backward()
    assert x.grad.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0]]  # torch 2.13 raises


LENGTHS = torch.tensor([[1, 3, 0, 2], [2, 0, 2, 1]])  # the last number is in no segment
ENDS = torch.nn.functional.pad(LENGTHS.cumsum(1), (1, 0))


def piece_by_piece(x: Any, reduce: str) -> Any:
    """The numbers of each segment reduced by themselves, on torch."""
    empty = {"sum": 0.0, "prod": 1.0, "mean": torch.nan, "max": -torch.inf, "min": torch.inf}
    shortened = {"max": torch.amax, "min": torch.amin}.get(reduce, getattr(torch, reduce))
    return torch.stack(
        [
            shortened(row[a:b]) if b > a else row.new_tensor(empty[reduce])
            for row, ends in zip(x, ENDS.tolist(), strict=True)
            for a, b in pairwise(ends)
        ]
    ).reshape(2, 4)


@pytest.mark.parametrize("given", ["lengths", "offsets"])
@pytest.mark.parametrize("reduce", ["sum", "mean", "max", "min", "prod"])
def test_segments_are_reduced_each_by_itself_to_second_order(
    reduce: str, given: str, device: str
) -> None:
    torch.manual_seed(0)
    data = torch.randn(2, 7, dtype=torch.float64)
    data[0, 2], data[1, 3] = 0.0, data[1, 2]
    slope = torch.randn(2, 4, dtype=torch.float64).to(device)
    data, ends = data.to(device), LENGTHS if given == "lengths" else ENDS
    where = {given: ends.to(device)}

    def segments(x: Any) -> Any:
        return torch.segment_reduce(x, reduce, axis=1, unsafe=True, **where)

    found = []
    for kit, x, program in (
        (torch, data.clone().requires_grad_(), lambda x: piece_by_piece(x, reduce)),
        (engine, engine.Tensor(data, True), segments),
    ):
        result = program(x)
        (first,) = kit.autograd.grad(result, x, slope, create_graph=True)
        total = (first * first).sum() + (x**3).sum()
        (second,) = kit.autograd.grad(total, x)
        found.append([getattr(t, "data", t) for t in (result.detach(), first.detach(), second)])
    torch.testing.assert_close(*found, equal_nan=True)


def test_an_initial_value_takes_part_in_a_segment() -> None:
    data = torch.tensor([3.0, 0.0, 2.0, 5.0, 4.0], dtype=torch.float64)
    for reduce in ("sum", "mean", "max", "min", "prod"):
        grads = []
        for x in (data.clone().requires_grad_(), engine.Tensor(data, True)):
            lengths = torch.tensor([2, 2, 1])
            torch.segment_reduce(x, reduce, lengths=lengths, initial=4).sum().backward()
            grads.append(x.grad.data)
        torch.testing.assert_close(*grads)
