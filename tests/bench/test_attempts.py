"""What a peer cannot do is found by running it, in a process that may raise, crash or hang."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable

import pytest

from bench import text
from bench.attempts import Attempt, attempt, told


def test_what_worked_gives_what_it_returned() -> None:
    done = attempt(text.by_us, 50, limit=60)
    assert isinstance(done.result, float)
    assert done.result > 0
    assert done.said == ""


def test_an_error_is_told_in_a_line() -> None:
    assert attempt(math.sqrt, -1, limit=60) == Attempt(said="ValueError: math domain error")
    assert told(ValueError("a\n  b" + "c" * 200)).endswith("c…")


@pytest.mark.parametrize(
    ("call", "arguments", "said"),
    [
        (os.abort, (), "crashes (SIGABRT)"),
        (time.sleep, (60,), "no answer in 2 s"),
        (os._exit, (7,), "ends with exit code 7"),
    ],
)
def test_a_crash_a_hang_and_an_exit_are_told(
    call: Callable[..., object], arguments: tuple[int, ...], said: str
) -> None:
    assert attempt(call, *arguments, limit=2) == Attempt(said=said)
