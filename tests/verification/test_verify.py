"""What verify takes, what its Report says, and that everything is as before afterwards."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from torch import nn

import graphviz_autograd as gva
from graphviz_autograd.engine.table import forget


class WrongSine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return -g * x.cos()


class StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.round()

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
        return g


class OutOfSight(torch.autograd.Function):
    """Leaves torch for NumPy."""

    sign = 1

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        import numpy

        ctx.save_for_backward(x)
        return torch.from_numpy(numpy.sin(x.detach().numpy()))

    @classmethod
    def backward(cls, ctx: Any, g: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return OutOfSight.sign * g * x.cos()


@pytest.fixture
def x() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(3, 4, requires_grad=True)


# ---- the Report


def test_a_right_gradient_is_ok(x: torch.Tensor) -> None:
    report = gva.verify(lambda x: (x * 2).tanh().sum(), x, devices="cpu")
    assert report.ok is True
    assert report.first_failure is None
    assert report.counts == {"matched": 4, "failed": 0, "not checked": 0}
    assert str(report).startswith("matched: 4 matched, 0 failed, 0 not checked")


def test_the_first_failure_has_a_name_a_line_and_who_is_right(x: torch.Tensor) -> None:
    report = gva.verify(lambda x: (WrongSine.apply(x * 2) + x).sum(), x, devices="cpu")
    first = report.first_failure
    assert report.ok is False
    assert first is not None
    assert (first.name, first.found_by) == ("WrongSineBackward", "local")
    assert first.numeric == "finite differences agree with the engine"
    assert "test_verify.py" in first.line
    assert "first failure: WrongSineBackward" in str(report)
    assert [leaf.status for leaf in report.leaves] == ["failed"]  # its gradient is wrong too
    assert [check.status for check in report.nodes].count("failed") == 1


def test_a_module_is_named_at_its_failing_node() -> None:
    class Odd(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return WrongSine.apply(x)  # type: ignore[no-any-return]

    model = nn.Sequential(nn.Linear(4, 3), Odd(), nn.Linear(3, 1))
    report = gva.verify(model, torch.randn(2, 4), devices="cpu")
    assert report.first_failure is not None
    assert report.first_failure.module == "1"


def test_the_graph_is_painted(x: torch.Tensor) -> None:
    report = gva.verify(lambda x: WrongSine.apply(x * 2).sum(), x, devices="cpu")
    painted = {
        node.op: node.data["verify"]["status"]
        for node in report.graph.nodes
        if "verify" in node.data and node.op
    }
    assert painted == {
        "SumBackward0": "matched",
        "WrongSineBackward": "failed",
        "MulBackward0": "matched",
    }
    again = gva.Graph.from_json(report.graph.to_json())
    assert [node.data for node in again.nodes] == [node.data for node in report.graph.nodes]


def test_the_report_as_json(x: torch.Tensor) -> None:
    report = gva.verify(lambda x: WrongSine.apply(x).sum(), x, devices="cpu")
    found = json.loads(report.to_json())
    assert (found["ok"], found["counts"]["failed"]) == (False, 2)
    assert found["first_failure"]["name"] == "WrongSineBackward"
    assert found["leaves"][0]["name"] == "x"


def test_no_gradient_is_not_the_same_as_zeros(x: torch.Tensor) -> None:
    class NoGradient(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x.sign()

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> None:
            return None

    report = gva.verify(lambda x: NoGradient.apply(x).sum(), x, devices="cpu")
    assert report.leaves[0].reason == "torch: no gradient, the engine: zeros"


def test_what_may_differ_is_allowed_by_name_and_told_apart(x: torch.Tensor) -> None:
    def program(x: torch.Tensor) -> torch.Tensor:
        return (StraightThrough.apply(x * 3) * x).sum()

    assert gva.verify(program, x, devices="cpu").ok is False
    report = gva.verify(program, x, devices="cpu", allow=["StraightThrough"])
    assert report.ok is True
    assert [check.name for check in report.allowed] == ["StraightThroughBackward"]
    assert report.leaves[0].status == "not checked"
    assert not report.complete


def test_a_name_that_no_node_has_is_not_allowed_in_silence(x: torch.Tensor) -> None:
    report = gva.verify(lambda x: x.sin().sum(), x, devices="cpu", allow=["Typo"])
    assert report.notes == ["allow has 'Typo', and no node is called that"]


def test_a_backward_that_raises_is_the_first_failure(x: torch.Tensor) -> None:
    class Raises(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            raise ValueError("not today")

    report = gva.verify(lambda x: Raises.apply(x).sum(), x, devices="cpu")
    assert report.first_failure is not None
    assert report.first_failure.name == "RaisesBackward"
    assert report.first_failure.reason == "backward raised ValueError: not today"


def test_the_report_says_when_only_a_part_was_checked(x: torch.Tensor) -> None:
    whole = gva.verify(lambda x: x.sin().sum(), x, devices="cpu")
    part = gva.verify(
        lambda x: StraightThrough.apply(x).sum(), x, devices="cpu", allow=["StraightThrough"]
    )
    assert str(whole).startswith("matched: ")
    assert str(part).startswith("matched in part: ")


def test_what_leaves_torch_is_not_checked_unless_numerically(
    x: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def program(x: torch.Tensor) -> torch.Tensor:
        return (OutOfSight.apply(x * 2) * x).sum()

    report = gva.verify(program, x, devices="cpu")
    assert report.ok is True
    reasons = {check.name: check.reason for check in report.nodes}
    assert reasons["OutOfSightBackward"] == "opaque forward"
    assert report.leaves[0].status == "not checked"
    report = gva.verify(program, x, devices="cpu", against=("torch", "numeric"))
    assert report.complete
    monkeypatch.setattr(OutOfSight, "sign", -1)
    report = gva.verify(program, x, devices="cpu", against=("torch", "numeric"))
    assert report.first_failure is not None
    assert report.first_failure.name == "OutOfSightBackward"
    assert report.first_failure.found_by == "numeric"


def test_finite_differences_say_nothing_just_at_an_edge() -> None:
    """relu at 0: its slope is 0 to the one side and 1 to the other, and torch's 0 is no fault."""
    x = torch.zeros(3, requires_grad=True)
    report = gva.verify(lambda x: x.relu().sum(), x, devices="cpu", against=("torch", "numeric"))
    assert report.ok is True
    assert report.leaves[0].found_by == "whole"


def test_an_operator_without_a_rule_is_not_checked_unless_numerically(x: torch.Tensor) -> None:
    def program(x: torch.Tensor) -> torch.Tensor:
        return ((x * 2).tanh() * x).sum()

    tanh = torch.ops.aten.tanh.default
    rule = gva.engine.RULES[tanh]
    forget(tanh)
    try:
        report = gva.verify(program, x, devices="cpu")
        numeric = gva.verify(program, x, devices="cpu", against=("torch", "numeric"))
    finally:
        gva.engine.rule(tanh, rule.formula, name=rule.node.__name__, **rule.vjps)
    statuses = {check.name: (check.status, check.reason) for check in report.nodes}
    assert statuses["TanhBackward0"] == ("not checked", "no rule for aten.tanh.default")
    assert statuses["MulBackward0"][0] == "matched"
    assert report.leaves[0].reason == "no rule for aten.tanh.default (at TanhBackward0)"
    assert numeric.complete, numeric


def test_where_nothing_can_be_checked_ok_is_none(x: torch.Tensor) -> None:
    report = gva.verify(lambda x: OutOfSight.apply(x), x, devices="cpu")
    assert report.ok is None
    assert str(report).startswith("nothing could be checked")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_not_checked(x: torch.Tensor) -> None:
    report = gva.verify(torch.sin, x, devices=["cpu", "cuda"])
    assert report.ok is True
    assert report.notes == ["not checked: cuda: no CUDA device"]
    assert not report.complete
    assert gva.verify(torch.sin, x, devices=["cuda"]).ok is None


def test_a_loose_tolerance_is_taken_at_its_word(x: torch.Tensor) -> None:
    class Rough(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            return g * 2.002

    assert gva.verify(Rough.apply, x, devices="cpu").ok is False
    assert gva.verify(Rough.apply, x, devices="cpu", rtol=1e-2).ok is True


def test_dtype_order_and_cotangent(x: torch.Tensor) -> None:
    report = gva.verify(
        lambda x: (x**3).sum(0),
        x,
        devices="cpu",
        dtype=torch.float64,
        order=2,
        cotangent=torch.arange(4.0),
    )
    assert report.ok is True
    assert report.graph.nodes[0].outputs[0].dtype == "float64"


def test_nested_inputs_and_names() -> None:
    a, b = torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)
    report = gva.verify(lambda pair, k: pair["a"] * pair["b"] * k, {"a": a, "b": b}, 2.0)
    assert {leaf.name for leaf in report.leaves} == {"pair.a", "pair.b"}
    assert report.ok is True


# ---- as before afterwards


def test_everything_is_as_before_afterwards() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    model[0].weight.grad = torch.ones(3, 4)
    x = torch.randn(5, 4, requires_grad=True)
    before, x_before = copy.deepcopy(model.state_dict()), x.detach().clone()
    states = torch.get_rng_state(), random.getstate()
    for subject, inputs in [(model, (x,)), (lambda: model(x).sum(), ())]:
        assert gva.verify(subject, *inputs, devices="cpu", seed=3).ok is True
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(x, x_before)
    assert x.grad is None
    assert torch.equal(model[0].weight.grad, torch.ones(3, 4))
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()
    assert model.training


def test_no_hook_of_a_person_is_called(x: torch.Tensor) -> None:
    called = []
    w = torch.randn(4, requires_grad=True)
    w.register_hook(called.append)

    def program() -> torch.Tensor:
        y = x * w
        y.register_hook(called.append)
        return y.sum()

    assert gva.verify(program, devices="cpu", order=2).ok is True
    assert called == []


def test_tensors_that_a_closure_changes_are_put_back(x: torch.Tensor) -> None:
    total = torch.zeros(3, 4)

    def program() -> torch.Tensor:
        total.add_(x.detach())
        return (x * total).sum()

    report = gva.verify(program, devices="cpu")
    assert report.ok is True
    assert not total.any()
    assert [leaf.name for leaf in report.leaves] == ["x"]


# ---- what cannot be checked


@pytest.mark.parametrize(
    ("subject", "inputs", "options", "error", "words"),
    [
        (lambda x: None, "x", {}, TypeError, "expected a tensor"),
        (lambda x: F.dropout(x), "x", {}, ValueError, "not deterministic: dropout. pass seed="),
        (lambda x: x * 2, "integers", {}, TypeError, "int64: only floating point"),
        (lambda x: x * 2, "plain", {}, TypeError, "need no gradient: call x.requires_grad_"),
        (lambda x: x.detach(), "x", {}, TypeError, r"requires no grad.*\.detach\(\)"),
        (3, "x", {}, TypeError, "verify got int: give a function"),
        (torch.ones(2), "x", {}, TypeError, "verify got Tensor: give a function"),
        (torch.sin, "x", {"order": 3}, ValueError, "order is 3: give 1 or 2"),
        (torch.sin, "x", {"devices": ["gpu"]}, ValueError, "devices has 'gpu': give names of"),
        (torch.sin, "x", {"against": ("jax",)}, ValueError, "give one of torch, numeric"),
        (torch.sin, "x", {"cotangent": torch.ones(2)}, ValueError, "cotangent has the shapes"),
        (torch.sin, "x", {"rtol": -1}, ValueError, "rtol is a number from 0 up, or None, not -1"),
        (torch.sin, "x", {"atol": "a"}, ValueError, "atol is a number from 0 up"),
        (torch.sin, "x", {"dtype": torch.int64}, ValueError, "as torch.float64, not torch.int64"),
        (torch.sin, "x", {"dtype": "float64"}, ValueError, "as torch.float64, not 'float64'"),
        (torch.sin, "x", {"seed": "a"}, ValueError, "seed is a whole number, not 'a'"),
    ],
)
def test_bad_input_gets_one_clear_line(
    subject: Any, inputs: str, options: Any, error: Any, words: str
) -> None:
    given = {
        "x": torch.randn(3, 4, requires_grad=True),
        "integers": torch.arange(3),
        "plain": torch.randn(3),
    }
    with pytest.raises(error, match=words) as raised:
        gva.verify(subject, given[inputs], **{"devices": "cpu", **options})
    assert isinstance(raised.value, gva.GraphvizAutogradError)
    assert "\n" not in str(raised.value)


def test_finite_differences_are_as_patient_as_the_coarsest_dtype_on_the_way() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.LayerNorm(8), torch.nn.Linear(8, 2))
    data = torch.randn(4, 8)

    def loss() -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(data).float().pow(2).mean()

    report = gva.verify(loss, devices="cpu", against=("torch", "numeric"))
    assert report.ok is True, report
