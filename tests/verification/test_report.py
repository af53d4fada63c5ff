"""What a Report says: differences beside what was allowed, and devices beside each other."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import nn

import graphviz_autograd as gva
from graphviz_autograd.verification.compare import Tolerance, difference


def scaled(factor: float) -> Any:
    """A Function whose gradient is off by a factor."""

    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            return g * 2 * factor

    return Scaled.apply


@pytest.fixture
def x() -> torch.Tensor:
    return torch.linspace(0.5, 2, 4, requires_grad=True)


def rows(report: gva.Report) -> dict[str, str]:
    """The table's rows of leaves, by name."""
    lines = [line.split(maxsplit=3) for line in str(report).splitlines()]
    return {parts[1]: parts[3] for parts in lines if parts[0] == "leaf"}


# ---- differences


def test_a_difference_stands_beside_what_was_allowed(x: torch.Tensor) -> None:
    report = gva.verify(lambda x: scaled(1.5)(x).sum(), x, devices="cpu")
    assert rows(report)["x"].startswith("off by 1 (0.5 relative), ")
    assert (
        "allowed for rounding: torch 3, the engine 2; 4 of 4 elements differ" in rows(report)["x"]
    )
    check = report.leaves[0]
    assert check.absolute == 1
    assert 0 < check.allowed < 1e-2
    assert json.loads(report.to_json())["leaves"][0]["allowed"] == check.allowed


def test_what_matches_says_how_closely(x: torch.Tensor) -> None:
    report = gva.verify(lambda x: scaled(1 + 1e-4)(x).sum(), x, devices="cpu", rtol=1e-3)
    assert rows(report)["x"] == "off by 0.0002 (0.0001 relative) at (0,), 0.002 allowed"
    assert rows(gva.verify(lambda x: x.sum(), x, devices="cpu"))["x"] == "no difference"


def test_the_first_failure_is_told_once(x: torch.Tensor) -> None:
    text = str(gva.verify(lambda x: scaled(1.5)(x * 1).sum(), x, devices="cpu"))
    assert "first failure: ScaledBackward" in text
    (row,) = [line for line in text.splitlines() if line.startswith("node")]
    assert row.split() == ["node", "ScaledBackward", "failed", "see", "above"]


def test_a_nan_is_told_in_words(x: torch.Tensor) -> None:
    report = gva.verify(lambda x: scaled(float("nan"))(x).sum(), x, devices="cpu")
    assert rows(report)["x"] == "torch NaN, the engine 2; 4 of 4 elements differ, first at (0,)"
    assert "inf" not in str(report)
    assert report.first_failure is not None
    assert report.first_failure.numeric == "finite differences agree with the engine"


def test_which_input_of_a_node_is_wrong_is_told(x: torch.Tensor) -> None:
    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(a, b)
            return a * b

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> Any:
            _, b = ctx.saved_tensors
            return g * b, None

    report = gva.verify(lambda x: Product.apply(x * 1, x * 2).sum(), x, devices="cpu")
    assert report.first_failure is not None
    assert report.first_failure.reason == "input 2: torch: no gradient, the engine: a gradient"


def test_beside_zeros_nothing_is_relative() -> None:
    apart = difference(torch.ones(2), torch.zeros(2), Tolerance())
    assert apart.absolute == 1
    assert apart.relative == float("inf")


# ---- several devices


def test_devices_are_held_beside_each_other() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 2))
    devices = ["cpu", "cuda" if torch.cuda.is_available() else "cpu"]
    report = gva.verify(model, torch.randn(3, 4), devices=devices)
    assert report.ok is True
    assert report.complete
    assert [check.kind for check in report.across] == ["output"] + ["leaf"] * 4
    assert f"{devices[1]} beside cpu: 5 of 5 outputs and gradients of leaves match" in str(report)
    assert len(json.loads(report.to_json())["across"]) == 5


def test_a_program_that_does_something_else_elsewhere_is_found(x: torch.Tensor) -> None:
    """Each run by itself is right: it is run twice on each device."""
    runs: list[int] = []

    def program(x: torch.Tensor) -> torch.Tensor:
        runs.append(1)
        return (x * (2 if len(runs) <= 2 else 3)).sum()

    report = gva.verify(program, x, devices=["cpu", "cpu"])
    assert report.ok is False
    assert all(check.status == "matched" for check in [*report.nodes, *report.leaves])
    assert [check.status for check in report.across] == ["failed", "failed"]
    assert report.first_failure is report.across[0]
    assert "first failure: output on cpu beside cpu" in str(report)
    assert "cpu 15, cpu 10" in str(report)


def test_what_was_not_checked_on_a_device_is_not_compared(x: torch.Tensor) -> None:
    report = gva.verify(lambda x: scaled(3)(x).sum(), x, devices=["cpu"] * 2, allow=["Scaled"])
    assert [check.status for check in report.across] == ["matched", "not checked"]
    assert "1 not checked there: ScaledBackward is allowed to differ" in str(report)


def test_other_random_numbers_are_no_difference(x: torch.Tensor) -> None:
    """As on a GPU, where a seed gives other ones."""
    runs: list[int] = []

    def program(x: torch.Tensor) -> torch.Tensor:
        runs.append(1)
        return (x * (2 if len(runs) <= 2 else 3)).sum()

    report = gva.verify(program, x, devices=["cpu", "cpu"], seed=0)
    assert report.ok is True
    assert not report.complete
    assert "2 not checked there: cpu draws other random numbers" in str(report)
