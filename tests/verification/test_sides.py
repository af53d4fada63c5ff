"""What each side says of a leaf's gradient, in numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from graphviz_autograd import Report
from graphviz_autograd.verification import sides
from graphviz_autograd.verification.check import check_graph
from graphviz_autograd.verification.outcome import Sides
from graphviz_autograd.verification.tape import Tape


def checked(loss: Any, leaf: torch.Tensor) -> tuple[Report, Sides]:
    """The report on a function of a leaf, and what its sides say."""
    with Tape() as tape:
        output = loss(leaf)
    report = check_graph(output, tape, params={"leaf": leaf}, sides=True)
    said = report.leaves[0].sides
    assert said is not None
    return report, said


class Half(torch.autograd.Function):
    """Its backward says half of what is right."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
        return g


def test_a_small_gradient_is_told_whole_by_each_side() -> None:
    report, said = checked(lambda x: 2 * torch.dot(x, x), torch.arange(4.0, requires_grad=True))
    assert said.engine == said.torch == [0.0, 4.0, 8.0, 12.0]
    assert said.numeric == pytest.approx([0.0, 4.0, 8.0, 12.0])
    assert said.numeric[0] == 0.0, "and not what rounding makes of it"
    assert (said.shape, said.along, said.why) == ((4,), False, "")
    told = json.loads(report.to_json())["leaves"][0]["sides"]
    assert told["torch"] == [0.0, 4.0, 8.0, 12.0]
    assert "sides" not in report.graph.by_id()[report.leaves[0].id].data["verify"]


def test_of_a_large_gradient_a_slope_is_told() -> None:
    _, said = checked(lambda x: x.pow(3).mean(), torch.randn(20, 30, requires_grad=True))
    assert (said.shape, said.along) == ((20, 30), True)
    assert said.torch == pytest.approx(said.engine)
    assert said.numeric == pytest.approx(said.engine, rel=1e-4)


def test_finite_differences_side_with_the_engine_against_a_wrong_backward() -> None:
    report, said = checked(lambda x: Half.apply(x).sum(), torch.ones(2, requires_grad=True))
    assert report.ok is False
    assert (said.torch, said.engine) == ([1.0, 1.0], [2.0, 2.0])
    assert said.numeric == pytest.approx([2.0, 2.0])


def test_no_slope_is_told_at_an_edge() -> None:
    _, said = checked(lambda x: x.relu().sum(), torch.zeros(2, requires_grad=True))
    assert said.numeric is None
    assert said.why.startswith("no slope here")
    assert said.torch == [0.0, 0.0]


def test_what_is_not_finite_is_a_text_in_json() -> None:
    report, said = checked(lambda x: x.sqrt().sum(), torch.zeros(1, requires_grad=True))
    assert said.as_json()["torch"] == ["inf"]
    assert json.loads(report.to_json())["leaves"][0]["sides"]["engine"] == ["inf"]


def test_a_large_graph_is_not_gone_through_for_every_leaf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "OPERATORS", 100)
    leaves = [torch.randn(9, requires_grad=True) for _ in range(9)]
    with Tape() as tape:
        total = torch.stack([leaf.exp() for leaf in leaves]).sum()
    found = check_graph(total, tape, sides=True).leaves
    told = [leaf.sides.numeric is not None for leaf in found if leaf.sides]
    assert 0 < sum(told) < len(told) == 9
    assert {leaf.sides.why for leaf in found if leaf.sides} == {"", sides.NOT_ASKED}
    assert all(leaf.status == "matched" for leaf in found)


def test_they_are_told_only_where_they_are_asked_for() -> None:
    x = torch.ones(2, requires_grad=True)
    with Tape() as tape:
        total = x.exp().sum()
    report = check_graph(total, tape)
    assert report.leaves[0].sides is None
    assert "sides" not in report.to_json()
