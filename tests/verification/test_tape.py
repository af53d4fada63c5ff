"""A Tape notes what ran under each node, changes nothing, and keeps nothing alive."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref

import pytest
import torch
from torch import nn

from graphviz_autograd.verification.check import check_graph
from graphviz_autograd.verification.tape import Tape


def operators(tape: Tape, *outputs: torch.Tensor) -> list[str]:
    return [str(call.op).removeprefix("aten.") for call in tape.program(outputs).calls]


def test_only_what_gradients_flow_through_is_in_the_program() -> None:
    x = torch.ones(3, requires_grad=True)
    with Tape() as tape:
        mask = torch.rand(3) > 0.5
        y = (x * mask.float()).sum()
        with torch.no_grad():
            _ = y * 2
    assert operators(tape, y) == ["mul.Tensor", "sum.default"]


def test_the_forward_of_a_function_is_noted_and_what_runs_beside_it_is_not() -> None:
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
            return x.sin() * 2

        @staticmethod
        def backward(ctx: object, g: torch.Tensor) -> torch.Tensor:
            return g

    x = torch.ones(3, requires_grad=True)
    with Tape() as tape:
        y = Twice.apply(x)
        with torch.no_grad():
            _ = torch.ones(3) * 2
        z = y.exp()
    assert operators(tape, z) == ["sin.default", "mul.Tensor", "exp.default"]


def test_a_constant_that_is_overwritten_is_kept_as_it_was() -> None:
    x, factor = torch.ones(3, requires_grad=True), torch.full((3,), 2.0)
    with Tape() as tape:
        y = x * factor
        factor.zero_()
        z = (y * factor).sum()
    first, second, _ = tape.program([z]).calls
    assert first.uses[1].value.numbers().tolist() == [2, 2, 2]
    assert second.uses[1].value.numbers().tolist() == [0, 0, 0]


def test_a_parameter_that_an_optimizer_changes_is_kept_as_it_was() -> None:
    w = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=1.0)
    with Tape() as tape:
        loss = (w * 3).sum()
        loss.backward(retain_graph=True)
        optimizer.step()
    (call, _) = tape.program([loss]).calls
    assert call.uses[0].value.numbers().tolist() == [1, 1, 1]
    assert w.tolist() == [-2, -2, -2]


def test_earlier_iterations_of_a_training_loop_vanish() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters())
    sizes = []
    gc.collect()
    with Tape() as tape:
        for _ in range(6):
            optimizer.zero_grad()
            loss = model(torch.randn(5, 4)).pow(2).mean()
            loss.backward()
            optimizer.step()
            sizes.append((len(tape._made), len(tape._given), len(tape._memories)))
    assert sizes[-1] == sizes[1]
    assert len(tape.program([loss]).calls) < 20


def test_training_is_the_same_with_a_tape_on() -> None:
    def train() -> list[torch.Tensor]:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 1))
        optimizer = torch.optim.Adam(model.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.randn(5, 4)).pow(2).mean().backward()
            optimizer.step()
        return [value.clone() for value in model.state_dict().values()]

    plain = train()
    with Tape():
        taped = train()
    assert all(torch.equal(a, b) for a, b in zip(plain, taped, strict=True))


def test_no_intermediate_tensor_is_kept_alive() -> None:
    x = torch.ones(3, requires_grad=True)
    with Tape():
        y = x + 1
        alive = weakref.ref(y)
        z = y + 1
        del y
    assert alive() is None
    assert z.grad_fn is not None


def test_the_loss_of_the_last_iteration_is_checked_in_a_training_loop() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with Tape() as tape:
        for _ in range(3):
            loss = model(torch.randn(5, 4)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward(retain_graph=True)
    report = check_graph(loss, tape, params=model)
    assert report.ok is True, report
    assert report.complete, report
    assert [leaf.name for leaf in report.leaves][:2] == ["3.bias", "3.weight"]


def test_a_graph_that_was_begun_before_is_checked_as_far_as_it_was_seen() -> None:
    x = torch.ones(3, requires_grad=True)
    early = x.sin()
    with Tape() as tape:
        loss = early.exp().sum()
    report = check_graph(loss, tape)
    statuses = {check.name: check.status for check in report.nodes}
    assert statuses == {
        "SumBackward0": "matched",
        "ExpBackward0": "matched",
        "SinBackward0": "not checked",
    }
    assert report.leaves[0].status == "not checked"


def test_a_graph_whose_saved_tensors_are_gone_is_not_called_wrong() -> None:
    x = torch.ones(3, requires_grad=True)
    with Tape() as tape:
        loss = x.exp().sum()
    loss.backward()
    report = check_graph(loss, tape)
    assert "freed by backward" in str(report)
    assert report.ok is not False


def test_threads_do_not_confuse_it() -> None:
    found: list[torch.Tensor] = []

    def work() -> None:
        w = torch.ones(3, requires_grad=True)
        found.append((w * 2).sum())

    x = torch.ones(3, requires_grad=True)
    with Tape() as tape:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        loss = (x * 3).sum()
    assert check_graph(loss, tape).ok is True


@pytest.mark.parametrize("depth", [50_000])
def test_a_deep_chain_is_taped_and_let_go_on_a_small_stack(depth: int) -> None:
    code = f"""
import threading, torch
from graphviz_autograd.verification.tape import Tape
def run():
    x = torch.ones(2, requires_grad=True)
    with Tape() as tape:
        y = x
        for _ in range({depth}):
            y = y + 1
        assert len(tape.program([y]).calls) == {depth}
    del y
threading.stack_size(512 * 1024)
thread = threading.Thread(target=run)
thread.start()
thread.join()
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "done\n", done.stderr
