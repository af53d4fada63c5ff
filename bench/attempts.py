"""Try something in a process of its own: it may raise, crash, or never end.

What a peer cannot do is found like this. The process has Python's default recursion limit and
stack, as a reader's has. It is forked from one that has loaded torch and nothing else, so that
trying costs little; not by multiprocessing, in whose children TorchLens refuses to work.

    python -m bench.attempts    the process that forks; asked by stdin, it answers by stdout
"""

from __future__ import annotations

import atexit
import functools
import importlib
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

Found = TypeVar("Found")

MOST = 110
"""Characters of an error that are told."""


@dataclass(frozen=True)
class Attempt:
    """What came of it: what the function returned, or what it said instead."""

    result: Any = None
    said: str = ""


def attempt(function: Callable[..., Any], *arguments: Any, limit: float) -> Attempt:
    """Call a function of a module in a process of its own.

    Its arguments and what it returns are plain data. After `limit` seconds it is stopped.
    """
    asked = pickle.dumps((dict(os.environ), function, arguments))
    forking = _forking()
    assert forking.stdin
    assert forking.stdout
    pickle.dump((limit, asked), forking.stdin)
    forking.stdin.flush()
    answer, code = pickle.load(forking.stdout)
    if answer:
        return Attempt(*pickle.loads(answer))
    if code is None:
        return Attempt(said=f"no answer in {limit:.0f} s")
    if code < 0:
        return Attempt(said=f"crashes ({signal.Signals(-code).name})")
    return Attempt(said=f"ends with exit code {code}")


@functools.cache
def _forking() -> subprocess.Popen[bytes]:
    """The process that forks, begun when first needed."""
    program = [sys.executable, "-m", "bench.attempts"]
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    atexit.register(process.communicate)
    return process


# ---- in the process that forks


def serve() -> None:
    """Answers (limit, what is asked) with (what came back, the exit code or None for no answer)."""
    importlib.import_module("torch")
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    while True:
        try:
            limit, asked = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(_forked(limit, asked), answers)
        answers.flush()


def _forked(limit: float, asked: bytes) -> tuple[bytes, int | None]:
    ours, its = os.pipe()
    child = os.fork()
    if not child:
        os.setsid()
        os.write(its, _answer(asked))
        os._exit(0)  # freeing what was built may crash: not what was asked
    os.close(its)
    answer = _read(ours, time.monotonic() + limit)
    os.close(ours)
    if answer is None:
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return answer or b"", None if answer is None else os.waitstatus_to_exitcode(status)


def _read(pipe: int, until: float) -> bytes | None:
    """All that comes, or None where the time is up."""
    found = b""
    while select.select([pipe], [], [], max(until - time.monotonic(), 0))[0]:
        part = os.read(pipe, 1 << 16)
        if not part:
            return found
        found += part
    return None


def _answer(asked: bytes) -> bytes:
    """What a call returns or raises, in the process that was forked for it."""
    warnings.simplefilter("ignore")
    try:
        environment, function, arguments = pickle.loads(asked)
        os.environ.clear()
        os.environ.update(environment)
        return pickle.dumps((function(*arguments), ""))
    except Exception as error:  # whatever a peer raises is what there is to tell
        return pickle.dumps((None, told(error)))


def told(error: BaseException) -> str:
    """An error in a line.

    >>> told(ValueError("no such\\n  thing"))
    'ValueError: no such thing'
    """
    text = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
    return text if len(text) <= MOST else f"{text[:MOST]}…"


# ---- peers that recurse


def with_room(work: Callable[[], Found]) -> Found:
    """Call it with a recursion limit and a stack that peers need which recurse over the graph."""
    limit, size = sys.getrecursionlimit(), threading.stack_size(512 * 2**20)
    sys.setrecursionlimit(100_000)
    try:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(work).result()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)


if __name__ == "__main__":
    serve()
