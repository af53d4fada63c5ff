"""verify finds nothing wrong where nothing is, and leaves nothing out."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import torch

import graphviz_autograd as gva

_PROGRAMS = runpy.run_path(str(Path(__file__).with_name("programs.py")))
FUNCTIONS: dict[str, Any] = _PROGRAMS["FUNCTIONS"]
MODULES: dict[str, Any] = _PROGRAMS["MODULES"]
NO_SECOND_DERIVATIVE = (
    "TransformerEncoderLayer, eval",  # torch has none for its fused attention
    "GPT, tied weights",
    "GPT, dropout",
)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_matches(name: str, device: str) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 4, requires_grad=True)
    report = gva.verify(FUNCTIONS[name], x, devices=[device])
    assert report.ok is True, report
    assert report.complete, report


@pytest.mark.parametrize("name", MODULES)
def test_a_module_matches(name: str, device: str) -> None:
    torch.manual_seed(0)
    make, inputs, options = MODULES[name]
    report = gva.verify(make(), *inputs(), devices=[device], **options)
    assert report.ok is True, report
    assert report.complete, report


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_gradients_of_gradients_of_a_function_match(name: str, device: str) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 4, requires_grad=True)
    report = gva.verify(FUNCTIONS[name], x, devices=[device], order=2)
    assert report.ok is True, report
    assert all(leaf.status == "matched" for leaf in report.leaves), report


@pytest.mark.parametrize("name", sorted({*MODULES} - {*NO_SECOND_DERIVATIVE}))
def test_the_gradients_of_gradients_of_a_module_are_not_called_wrong(
    name: str, device: str
) -> None:
    torch.manual_seed(0)
    make, inputs, options = MODULES[name]
    report = gva.verify(make(), *inputs(), devices=[device], order=2, **options)
    assert report.ok is True, report


@pytest.mark.parametrize("name", NO_SECOND_DERIVATIVE)
def test_where_torch_has_no_second_derivative_the_report_says_so(name: str, device: str) -> None:
    torch.manual_seed(0)
    make, inputs, options = MODULES[name]
    report = gva.verify(make(), *inputs(), devices=[device], order=2, **options)
    assert report.ok is True, report
    assert "is not implemented" in str(report)


@pytest.mark.parametrize("name", ["in place", "Function", "complex numbers", "gradient penalty"])
def test_finite_differences_agree(name: str, device: str) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 4, requires_grad=True)
    report = gva.verify(FUNCTIONS[name], x, devices=[device], against=("torch", "numeric"))
    assert report.ok is True, report
