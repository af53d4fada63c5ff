"""verify finds a planted fault at the node where it was planted, and nothing where none was."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import torch

from graphviz_autograd.verification.check import verify

FAULTS = runpy.run_path(str(Path(__file__).with_name("faults.py")))["FAULTS"]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_found_at_its_node(fault: Any, device: str) -> None:
    torch.manual_seed(0)
    with fault.around(True):
        report = verify(fault.make(True), *fault.inputs(), devices=[device], **fault.options)
    assert report.ok is False, report
    assert report.first_failure is not None
    assert report.first_failure.name == fault.node, report
    assert report.first_failure.found_by.startswith(fault.found_by), report
    others = [c for c in report.nodes if c.status == "failed" and c.name != fault.node]
    assert not others, report


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_same_program_without_the_fault_matches(fault: Any, device: str) -> None:
    torch.manual_seed(0)
    with fault.around(False):
        report = verify(fault.make(False), *fault.inputs(), devices=[device], **fault.options)
    assert report.ok is True, report
    assert report.complete, report


def test_there_are_forty_faults() -> None:
    assert len(FAULTS) >= 40
