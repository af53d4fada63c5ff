"""The sweep over torch's database of operators: what matches stays, and faults are found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.resources import files

import pytest

from graphviz_autograd.errors import OptionError
from graphviz_autograd.verification import ops
from graphviz_autograd.verification.ops import EntryResult, sweep

PROCESSES = max(2, os.cpu_count() or 2)  # never in this one: torch's tests change its settings


def test_every_operator_is_differentiated_as_torch_does_or_refused(device: str) -> None:
    """Order 1 in float64, whole. Raise the recorded number when more entries match."""
    results = sweep(device=device, processes=PROCESSES)
    failed = {result.name: result.difference for result in results if result.failed}
    assert {name: why for name, why in failed.items() if name not in ops.known(1)} == {}
    if device != "cpu":
        return  # what is recorded is of the CPU
    assert set(ops.known(1)) <= set(failed), "an entry that matches now is still listed as known"
    recorded = json.loads(
        files("graphviz_autograd.verification").joinpath("matched.json").read_text("utf-8")
    )["float64 order 1"]
    matched = [result.name for result in results if result.whole]
    assert len(matched) >= recorded, ops.table(results)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_gradients_of_gradients_are_compared_too(dtype: str, device: str) -> None:
    results = sweep(r"^(mul|exp|tanh|linalg\.inv|__getitem__)$", 2, dtype, device, processes=2)
    assert len(results) == 5
    assert all(result.whole for result in results), ops.table(results)


FAULTS = """
import torch
from graphviz_autograd import engine
from graphviz_autograd.verification.ops import sweep

def told(what, order=1):
    [result] = sweep("^exp$", order)
    print(what, result.whole, bool(result.failed), result.difference)
def replaced(what, vjp, order=1):
    engine.rule(torch.ops.aten.exp.default, "", self=vjp)
    told(what, order)
told("right", 2)
replaced("factor", lambda g, result: 2 * g * result)
replaced("missing", lambda g: None)
replaced("nan", lambda g, result: g * result * float("nan"))
replaced("constant", lambda g, result: g * result.detach())
replaced("constant", lambda g, result: g * result.detach(), 2)
def broken(g): raise RuntimeError("a rule that breaks down")
replaced("broken", broken)
"""


def test_a_wrong_rule_is_found() -> None:
    """Also one that is wrong at order 2 only, and one that breaks down."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FAULTS], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    told = [line.split(maxsplit=3) for line in done.stdout.splitlines()]
    assert [(what, whole, failed) for what, whole, failed, *_ in told] == [
        ("right", "True", "False"),
        ("factor", "False", "True"),
        ("missing", "False", "True"),
        ("nan", "False", "True"),
        ("constant", "True", "False"),
        ("constant", "False", "True"),
        ("broken", "False", "True"),
    ]
    assert told[1][3].startswith("gradient: Tensor-likes are not close!")
    assert told[2][3].startswith("gradient: of shape (20,), the engine's none")
    assert told[5][3].startswith("second gradient:")
    assert told[6][3] == "RuntimeError: a rule that breaks down"


def test_an_operator_without_a_rule_is_refused_and_not_wrong() -> None:
    [result] = sweep("^to_sparse$", processes=2)
    assert (result.matched, result.failed) == (0, 0)
    assert result.unsupported > 0
    assert "no rule for aten._to_sparse.default" in result.difference


def test_zero_gradients_and_empty_ones_are_counted_apart() -> None:
    floor, det = sweep(r"^(floor|linalg\.det)$", processes=2)
    assert (floor.name, floor.whole, floor.only_zeros) == ("floor", True, True)
    assert (det.name, det.whole, det.only_zeros) == ("linalg.det", True, False)
    assert det.empty > 0
    assert det.samples == det.matched + det.empty
    assert not EntryResult("nothing to compare", empty=3).whole


def test_the_table_lists_what_does_not_match_and_sums_the_rest() -> None:
    results = [
        EntryResult("good", matched=3, only_zeros=False),
        EntryResult("zeros", matched=2),
        EntryResult("bad", matched=1, failed=1, difference="gradient: of shape (2,)"),
        EntryResult("to_sparse", unsupported=2, difference="no rule"),
        EntryResult("as_strided_scatter", failed=1, difference="gradient: far off"),
    ]
    listed, summary = ops.table(results).split("2 of 5 entries match wholly")
    names = [line.split()[0] for line in listed.splitlines()]
    assert names == ["entry", "bad", "to_sparse", "as_strided_scatter"]
    assert "gradient: of shape (2,)" in listed
    assert ops.known(1)["as_strided_scatter"] in listed
    assert "1 of them with zero gradients only; 2 differ, 1 of them known" in summary
    assert "6 of 10 samples match, 2 are refused" in summary


def test_a_sweep_may_run_on_several_processes() -> None:
    (result,) = ops.sweep("^exp$", order=2, processes=2)
    assert result.whole
    assert "1 of 1 entries match wholly" in ops.table([result], order=2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("(",), "'(' is no regular expression"),
        (("", 3), "order is 3: give 1 or 2"),
        (("", 1, "int64"), "dtype is 'int64': give one of float64"),
        (("", 1, "float64", "tpu"), "device is 'tpu'"),
        (("^no such operator$",), "no differentiable entry matches"),
    ],
)
def test_a_wrong_option_is_one_clear_line(options: tuple[str | int, ...], said: str) -> None:
    with pytest.raises(OptionError) as raised:
        sweep(*options, processes=2)  # type: ignore[arg-type]
    assert said in str(raised.value)
