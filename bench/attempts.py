"""Try something in a process of its own: it may raise, crash, or never end.

What a peer cannot do is found like this. The process has Python's default recursion limit and
stack, as a reader's has.

    python -m bench.attempts MODULE FUNCTION ARGUMENTS_AS_JSON
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MOST = 110
"""Characters of an error that are told."""


@dataclass(frozen=True)
class Attempt:
    """What came of it: what the function returned, or what it said instead."""

    result: Any = None
    said: str = ""


def attempt(function: Callable[..., Any], *arguments: Any, limit: float) -> Attempt:
    """Call a function of one of these modules in a process of its own.

    Its arguments and what it returns are plain data. After `limit` seconds it is stopped.
    """
    name = (function.__module__, function.__qualname__)
    child = [sys.executable, "-m", "bench.attempts", *name, json.dumps(arguments)]
    try:
        done = subprocess.run(child, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return Attempt(said=f"no answer in {limit:.0f} s")
    if done.returncode < 0:
        return Attempt(said=f"crashes ({signal.Signals(-done.returncode).name})")
    if done.returncode:
        return Attempt(said=f"ends with exit code {done.returncode}")
    return Attempt(**json.loads(done.stdout.splitlines()[-1]))


def _run(module: str, name: str, arguments: str) -> dict[str, Any]:
    """What the process answers."""
    function = getattr(importlib.import_module(module), name)
    try:
        return {"result": function(*json.loads(arguments))}
    except Exception as error:  # whatever a peer raises is what there is to tell
        return {"said": told(error)}


def told(error: BaseException) -> str:
    """An error in a line.

    >>> told(ValueError("no such\\n  thing"))
    'ValueError: no such thing'
    """
    text = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
    return text if len(text) <= MOST else f"{text[:MOST]}…"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    answer = json.dumps(_run(*sys.argv[1:]))
    print(answer, flush=True)
    os._exit(0)  # freeing what was built may crash: not what was asked
