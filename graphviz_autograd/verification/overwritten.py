"""What a program changed in place: by which operator, and where.

torch notices a saved tensor that was changed since only when backward asks for it, and then
names the operator that made the tensor. What a person looks for is the line that changed it.

May import saved and source_lines (how to look at a node, where a program is) of ours.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch._ops import OpOverload

from graphviz_autograd.saved import fields_of
from graphviz_autograd.source_lines import Line, programs_line

NO_STORAGE = -1
CHANGED = "modified by an inplace operation"
"""torch's words for it."""


class Write(NamedTuple):
    """A change in place: how many Calls there were before, the operator, and the line."""

    number: int
    op: OpOverload
    line: Line | None

    def __str__(self) -> str:
        where = f" at {os.path.basename(self.line[0])}:{self.line[1]}" if self.line else ""
        return f"{self.op._schema.name.partition('::')[2]}{where}"


class Writes:
    """The last change of each memory."""

    def __init__(self) -> None:
        self._last: dict[int, Write] = {}

    def note(self, op: OpOverload, targets: Iterable[torch.Tensor], number: int) -> None:
        """Some tensors are changed by an operator that runs now, in the program's line."""
        write = Write(number, op, programs_line(sys._getframe(1)))
        for target in targets:
            self._last[storage_of(target)] = write

    def after(self, tensor: torch.Tensor, number: int) -> Write | None:
        """What changed a tensor that was there at the Call of a number, and is there yet."""
        write = self._last.get(storage_of(tensor))
        return write if write is not None and write.number > number else None

    def blamed(self, fn: Any, number: int) -> str:
        """What changed a tensor that an autograd node keeps since the Call of a number, in words;
        nothing where that was not seen.
        """
        for field, tensor in _changed(fn):
            write = self.after(tensor, number)
            if write is not None:
                return f"{field} was changed by {write}"
        return ""


def _changed(fn: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """The saved tensors that a node refuses to give, by what they are called."""
    fields = fields_of(type(fn))
    if fields.custom:
        held = [("what it saved", holder.data) for holder in fn._raw_saved_tensors or ()]
        yield from ((name, data) for name, data in held if isinstance(data, torch.Tensor))
        return
    for name, raw, field in fields.tensors:
        try:
            getattr(fn, name)
        except RuntimeError as error:
            if CHANGED not in str(error):
                continue
            holders = getattr(fn, raw)
            for holder in holders if isinstance(holders, tuple) else (holders,):
                if isinstance(holder.data, torch.Tensor):
                    yield f"its saved {field}", holder.data


def storage_of(tensor: torch.Tensor) -> int:
    """What tells memory apart while it is there."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError):
        return NO_STORAGE  # sparse tensors and the like
