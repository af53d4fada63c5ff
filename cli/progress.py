"""A word on a terminal's stderr when something takes more than a second, or a count."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 1.0
BETWEEN = 15.0
"""Seconds between two lines where stderr is no terminal."""


@contextmanager
def saying(text: str, quiet: bool = False) -> Iterator[None]:
    """Says `text` on stderr, once, if the context lasts longer than a second.

    Says nothing where stderr is no terminal.
    """
    if quiet or not sys.stderr.isatty():
        yield
        return
    stream = sys.stderr  # the script may put another in its place
    timer = threading.Timer(PATIENCE, lambda: print(text, file=stream, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def counting(things: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """What to call with how many are done, and of how many: one line on stderr, written over.

    Where stderr is no terminal, a line of its own once in a while.
    """
    on_terminal, last = sys.stderr.isatty(), time.monotonic()

    def tell(done: int, of: int) -> None:
        nonlocal last
        if quiet:
            return
        if on_terminal:
            bar = "#" * (30 * done // max(of, 1))
            print(f"\r[{bar:<30}] {done} of {of} {things}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - last >= BETWEEN:
            last = time.monotonic()
            print(f"{done} of {of} {things}", file=sys.stderr, flush=True)

    try:
        yield tell
    finally:
        if on_terminal and not quiet:
            print(file=sys.stderr)
