"""What `gva verify` does to a script: record its operators, and check the graph it builds."""

from __future__ import annotations

import os
import threading
import traceback
from typing import TYPE_CHECKING, Any

from graphviz_autograd import Graph
from graphviz_autograd.errors import GraphvizAutogradError, OptionError

if TYPE_CHECKING:
    from graphviz_autograd import Report
    from graphviz_autograd.verification.tape import Tape


class Examination:
    """Records a script's operators, and checks the graph that is caught: a script.Examiner.

    device   where tensors are made that the script does not place; None leaves it to torch
    options  as for `check_graph`
    report   what was found, once a graph was caught
    failure  what went wrong in the check itself, which is a fault of ours
    """

    def __init__(self, device: str | None = None, **options: Any) -> None:
        self.report: Report | None = None
        self.failure = ""
        self._device, self._options = device, options
        self._tape: Tape | None = None
        self._thread = 0

    def start(self) -> None:
        """Record from now on, in this thread."""
        import torch

        from graphviz_autograd.verification.tape import Tape

        if self._device is not None:
            torch.set_default_device(self._device)
        self._thread = threading.get_ident()
        self._tape = Tape()
        self._tape.__enter__()

    def walk(self, outputs: Any, params: Any, **reading: Any) -> Graph:
        """Walk the graph, check it, and give it with what was found painted on it.

        Where the check breaks down, the graph is given as it is.
        """
        import torch

        from graphviz_autograd import walk
        from graphviz_autograd.verification.check import check_graph

        assert self._tape is not None
        try:
            with torch.random.fork_rng():
                self.report = check_graph(
                    outputs, self._tape, params=params, **self._options, **reading
                )
            return self.report.graph
        except GraphvizAutogradError:
            raise  # a word on what was given
        except Exception as error:  # our own fault must not become the program's
            self.failure = _told(error)
        return walk(outputs, params, **reading)

    def stop(self) -> None:
        """Record no longer."""
        import torch

        if self._device is not None:
            torch.set_default_device(None)
        if self._tape is not None and threading.get_ident() == self._thread:
            self._tape.__exit__(None, None, None)  # type: ignore[no-untyped-call]


def _told(error: Exception) -> str:
    """An exception of ours, and where it came from, in one line."""
    *_, last = traceback.extract_tb(error.__traceback__)
    said = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {said} ({os.path.basename(last.filename)}:{last.lineno})"


def missing(device: str | None, cuda: bool) -> str:
    """What is asked for and not there, in words; nothing where all is there.

    Loads torch only where something is asked for. Raises OptionError for what is no device.
    """
    if device is None and not cuda:
        return ""
    import torch

    try:
        kind = torch.device(device or "cuda").type
    except RuntimeError as error:
        raise OptionError(f"--device {device}: {str(error).splitlines()[0]}") from None
    if (cuda or kind == "cuda") and not torch.cuda.is_available():
        return "cuda: no CUDA device"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        return f"{device}: {str(error).splitlines()[0]}"
    return ""
