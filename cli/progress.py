"""A word on a terminal's stderr when something takes more than a second."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 1.0


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
