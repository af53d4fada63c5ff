"""Programs that run on torch and on the engine, and print the same lines."""

from __future__ import annotations

import contextlib
import functools
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


_MAKERS = """
    arange empty eye full linspace logspace normal ones rand randint randn randperm tensor zeros
    Generator
"""


class OnDevice:
    """A namespace whose functions that make tensors make them on a device."""

    def __init__(self, namespace: Any, device: str) -> None:
        self._namespace, self._device = namespace, device

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._namespace, name)
        return functools.partial(found, device=self._device) if name in _MAKERS.split() else found


@pytest.fixture
def same_lines(device: str) -> Callable[[Callable[[Any], Any]], list[str]]:
    """Runs `program(torch)` and `program(engine)`; returns the lines that both print."""

    def check(program: Callable[[Any], Any]) -> list[str]:
        namespaces = (torch, engine)
        if device != "cpu":
            namespaces = tuple(OnDevice(namespace, device) for namespace in namespaces)
        expected, found = (lines(program, namespace) for namespace in namespaces)
        assert found == expected
        assert expected, "a program that prints nothing shows nothing"
        return expected

    return check
