"""The time limit on a program, and waking its main thread.

Where there is SIGALRM, both work through it: it interrupts a main thread that waits.
Elsewhere the main thread gets a KeyboardInterrupt when it next runs Python code.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

GRACE = 10.0
"""Seconds after the limit when a program stuck in C code is ended with its process."""

AGAIN = 5.0
"""Seconds until a program that went on after its limit is told again."""


class TimeUp(BaseException):
    """Raised in the program when its time is up."""


class Clock:
    """`time_up` says whether the limit has passed; `wake` interrupts the main thread."""

    def __init__(self, seconds: float | None, stop: Callable[[], BaseException | None]) -> None:
        self.seconds = seconds
        self.time_up = False
        self._stop = stop  # what to raise in the main thread when it is woken
        self._running = False
        self._previous: object = None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """The limit counts while the context lasts; only the main thread can be interrupted."""
        over = threading.Event()
        alarms = hasattr(signal, "setitimer") and _in_main_thread()
        if self.seconds is not None:
            threading.Thread(target=self._watch, args=(over, alarms), daemon=True).start()
        if alarms:
            self._previous = signal.signal(signal.SIGALRM, self._alarm)
        self._running = True
        try:
            if alarms and self.seconds is not None:
                signal.setitimer(signal.ITIMER_REAL, self.seconds, AGAIN)
            yield
        finally:
            self._running = False
            over.set()
            if alarms:
                if self.seconds is not None:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                if signal.getsignal(signal.SIGALRM) == self._alarm:
                    signal.signal(signal.SIGALRM, self._previous)  # type: ignore[arg-type]

    def wake(self) -> None:
        """Interrupts the main thread, from another, so that it ends too."""
        if _in_main_thread():
            return
        if hasattr(signal, "SIGALRM") and signal.getsignal(signal.SIGALRM) == self._alarm:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
        else:
            _thread.interrupt_main()

    def _alarm(self, number: int, _: FrameType | None) -> None:
        if not self._running:
            return
        error = self._stop()
        if error is not None:
            raise error
        if self.seconds is None:  # an alarm of the program's own, which no handler awaits
            signal.signal(number, self._previous)  # type: ignore[arg-type]
            signal.raise_signal(number)
            return
        self.time_up = True
        raise TimeUp

    def _watch(self, over: threading.Event, alarms: bool) -> None:
        assert self.seconds is not None
        if not alarms:
            if over.wait(self.seconds):
                return
            self.time_up = True
            _thread.interrupt_main()
        if not over.wait(GRACE if not alarms else self.seconds + GRACE):
            print("Error: the program did not stop after its time limit", file=sys.__stderr__)
            if sys.__stderr__ is not None:
                sys.__stderr__.flush()
            os._exit(124)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
