"""Programs that run on torch and on the engine, and print the same lines."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

from graphviz_autograd import engine


def lines(program: Callable[[Any], Any], namespace: Any) -> list[str]:
    """What a program prints, and the error that ends it, if one does."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        try:
            program(namespace)
        except Exception as error:
            print(f"{type(error).__name__}: {error}")
    return re.sub(r"0x[0-9a-f]+", "0x", out.getvalue()).splitlines()


@pytest.fixture
def same_lines() -> Callable[[Callable[[Any], Any]], list[str]]:
    """Runs `program(torch)` and `program(engine)`; returns the lines that both print."""

    def check(program: Callable[[Any], Any]) -> list[str]:
        expected = lines(program, torch)
        assert lines(program, engine) == expected
        assert expected, "a program that prints nothing shows nothing"
        return expected

    return check
